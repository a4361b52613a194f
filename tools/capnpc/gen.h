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

typedef struct gen {
    model *m;
    const node *file;
    bool with_comments;
    ww_buf *out; /* where put() goes: &header or &source */
    ww_buf header, source;
    ww_buf includes; /* files whose types are used, as an array of const node * */
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
} type_info;

type_info type_of(gen *g, schema_type_r type);

/* The list's C name without _l: ww_capnp_u8, addr_person. */
type_info element_of(gen *g, schema_type_r list);

/* A default or constant of a scalar: its bit pattern, and as a C expression. */
uint64_t value_bits(schema_value_r value);
const char *value_text(gen *g, const type_info *t, schema_value_r value);

/* The pointer of a text, data, list, struct or AnyPointer value. */
ww_capnp_any value_pointer(schema_value_r value);

void gen_struct_types(gen *g, const node *n);
void gen_struct(gen *g, const node *n);
void gen_enum(gen *g, const node *n);
void gen_const(gen *g, const node *n);
void gen_interface_types(gen *g, const node *n);
void gen_tables(gen *g); /* the server tables of all interfaces of the file */
void gen_interface(gen *g, const node *n);
