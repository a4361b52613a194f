/* tools/capnpc/gen.h - what the writers of C share: the two texts of a file, and what a type is called.
 *
 * Errors     The first failure stays in `status`; what is written afterwards does not matter.
 */
#pragma once
#include "model.h"

enum { GEN_PROVIDED_MAX = 64, GEN_SIZE_MAX = 64 << 20 };

typedef struct gen_options {
    const char *provided[GEN_PROVIDED_MAX]; /* FILE=HEADER */
    size_t provided_count;
    bool no_comments;
} gen_options;

/* Appends the two texts of one requested file. */
WW_MUST_USE ww_status gen_file(model *m, const gen_options *o,
                               schema_code_generator_request_requested_file_r file, ww_buf *header,
                               ww_buf *source, ww_diag *diag);

/* What one parameter of a scope stands for; `type` is to be read with the arguments `in` (NULL: none). */
typedef struct brand_arg {
    uint64_t scope;
    uint32_t index;
    bool is_bound;
    schema_type_r type;
    const struct brand *in;
} brand_arg;

/* A generic declaration with concrete parameters: interop_box_of_text. */
typedef struct brand {
    const node *of;
    const char *name, *upper;
    unsigned nesting; /* 1: no parameter is generic itself */
    brand_arg *args;
    size_t count;
} brand;

typedef struct gen {
    model *m;
    const node *file;
    bool with_comments;
    ww_buf *out; /* where put() goes: &header or &source */
    ww_buf header, source;
    ww_buf includes; /* files whose types are used, as an array of const node * */
    ww_buf brands;   /* that the file needs, as an array of const brand * */
    ww_status status;
    ww_diag *diag;
} gen;

void put(gen *g, const char *format, ...) WW_PRINTF(2, 3);

/* A schema comment as a C comment. `member` < 0: the declaration itself. */
void put_doc(gen *g, const node *n, int member, const char *indent);

/* The declaration that a type refers to; notes its file for the includes. NULL (with a status) when it is missing. */
const node *use(gen *g, uint64_t id);

/* Words of a message whose root is `value`, as the definition of the segment `name`. */
void put_words(gen *g, const char *name, ww_capnp_any value);

typedef enum type_kind {
    T_VOID,
    T_SCALAR,
    T_TEXT,
    T_DATA,
    T_LIST,
    T_ENUM,
    T_STRUCT,
    T_CAP,
    T_ANY
} type_kind;

typedef struct type_info {
    type_kind kind;
    const char *c;      /* int32_t, addr_person, ww_capnp_u8: without its suffix */
    const char *stored; /* of scalars and enums: u32, or bool */
    const char *cast;   /* from the stored value; "" for none */
    const char *uncast;
    const char *size; /* WW_CAPNP_32: as an element */
    const node *of;   /* of an enum, struct or interface */
    unsigned bits;
    schema_type_r type; /* with parameters put in, as far as they are known */
    const brand *in;
} type_info;

/* `in` says what parameters stand for; NULL where they stand for any pointer. */
type_info type_of(gen *g, schema_type_r type, const brand *in);
type_info built_in(gen *g, schema_type_r type); /* as if its declaration had no parameters */

/* The element of a list type; its C name is that of the list without _l: ww_capnp_u8, addr_person. */
type_info element_of(gen *g, const type_info *list);
const char *list_name(const type_info *element, schema_type_r type);

/* ---- brands (brand.c) ---- */

/* NULL: nothing is known of the parameters, or nothing depends on them. */
const brand *brand_of(gen *g, const node *n, schema_brand_r view, const brand *in);
const brand *brand_of_group(gen *g, const node *group, const brand *in);
/* Puts in what a parameter stands for; false when it stays open. */
bool brand_resolve(schema_type_r *type, const brand **in);
void brands_collect(gen *g); /* all that the file's declarations and annotations need */
/* Each within a guard, for several headers may need the same. */
void brands_each(gen *g, const char *part, void (*write)(gen *, const brand *));

/* A default or constant of a scalar: its bit pattern, and as a C expression. */
uint64_t value_bits(schema_value_r value);
const char *value_text(gen *g, const type_info *t, schema_value_r value);

/* The pointer of a text, data, list, struct or AnyPointer value. */
ww_capnp_any value_pointer(schema_value_r value);

/* ---- declarations ---- */

void gen_brand_types(gen *g, const brand *b);
void gen_brand(gen *g, const brand *b);
void gen_struct_brand(gen *g, const brand *b);
void gen_interface_brand(gen *g, const brand *b);
void gen_struct_types(gen *g, const node *n);
void gen_struct(gen *g, const node *n);
void gen_enum(gen *g, const node *n);
void gen_const(gen *g, const node *n);
void gen_interface_types(gen *g, const node *n);
void gen_tables(gen *g); /* the server tables of all interfaces of the file */
void gen_interface(gen *g, const node *n);
