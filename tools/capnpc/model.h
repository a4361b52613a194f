/* tools/capnpc/model.h - the request of the schema compiler, indexed and named.
 *
 * Model      Every declaration of the request is a `node`; names in C are settled once for all of them, from the
 *            declarations alone, so that a file and its importers agree.
 * Ownership  The model borrows the request's message; its own memory is one arena.
 * Bounds     What the message's limits allow; scopes deeper than SCOPES_MAX are refused.
 * Trust      The request may be hostile: ids that lead nowhere, cycles of scopes and unknown kinds are errors.
 */
#pragma once
#include "base/alloc.h"
#include "capnp/schema.capnp.h"

enum { NOT_OF_METHOD, PARAMS, RESULTS };
enum { SCOPES_MAX = 32, SUPERCLASSES_MAX = 256 };
#define STREAM_RESULT_ID    UINT64_C(0x995f9a3377c0b16e)
#define OMIT_ANNOTATION_ID  UINT64_C(0xb07f4d1e83a6c529)
#define VIEWS_ANNOTATION_ID UINT64_C(0xe9c35a7d1f60b824)

typedef struct node {
    uint64_t id;
    schema_node_r view;
    const struct node *scope; /* NULL for files; an interface for the structs of its methods */
    const struct node *file;
    const char *name;   /* addr_person */
    const char *upper;  /* ADDR_PERSON */
    const char *header; /* of a file: what its header annotation says, or NULL */
    schema_node_source_info_r doc;
    uint16_t method; /* of a method's struct */
    int role;        /* NOT_OF_METHOD, PARAMS, RESULTS */
    enum { UNNAMED, NAMING, NAMED } naming;
} node;

typedef struct model {
    ww_arena arena;
    schema_code_generator_request_r request;
    node *nodes; /* sorted by id */
    size_t count;
} model;

WW_MUST_USE ww_status model_init(model *m, ww_capnp_message *message, const ww_allocator *allocator,
                                 ww_diag *diag);
void model_deinit(model *m);

/* NULL when there is none. */
const node *model_find(const model *m, uint64_t id);

/* As text in the arena: "fooBar" as foo_bar; anything but letters and digits as _. */
char *model_snake(model *m, ww_view name);
char *model_upper(model *m, const char *name);
char *model_text(model *m, const char *format, ...) WW_PRINTF(2, 3);

bool model_is_annotated(schema_annotation_l annotations, uint64_t id);

/* The text of a $name annotation, or the declaration's own name, in snake_case. */
char *model_member_name(model *m, schema_annotation_l annotations, ww_view name);

/* The text of an $argument annotation in snake_case; NULL without one. */
char *model_argument_name(model *m, schema_annotation_l annotations);
