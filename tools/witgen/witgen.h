/* tools/witgen/witgen.h - C bindings of host interfaces, from resolved WIT.
 *
 * Model      load.c reads the JSON of `ww-componentize json` into interfaces, functions and types;
 *            the layouts of types come from the component library itself (component/type.h), so
 *            that generated structs and the runtime cannot disagree. Each interface becomes a
 *            header (structs, the struct of functions, tables' names) and a source (entries and
 *            tables); functions.h numbers all functions.
 * Errors     A message on stderr and exit code 1: input is our own, so there is nothing to recover.
 * Memory     Lives until the program ends.
 */
#pragma once
#include "component/type.h"
#include <jansson.h>
#include <stdio.h>

typedef struct wit wit;
typedef struct wit_interface wit_interface;
typedef struct wit_type wit_type;

typedef struct wit_resource {
    const char *name; /* "input-stream" */
    const char *c;    /* "ww_input_stream" */
    const wit_interface *owner;
} wit_resource;

struct wit_type {
    ww_type abi;
    ww_field *fields;          /* record, tuple, variant, option, result, enum, flags */
    wit_type **parts;          /* the fields' types, NULL without one */
    wit_type *element;         /* list */
    wit_resource *target;      /* own, borrow */
    const wit_interface *home; /* whose header declares it; NULL: nobody's, it has no struct */
    const char *id;            /* "result_u64_stream_error" */
    const char *c;             /* "wasi_io_streams_result_u64_stream_error", "uint64_t" */
    bool named;
};

typedef struct wit_func {
    const char *name;     /* "[method]input-stream.read" */
    const char *c;        /* "input_stream_read" */
    const char *constant; /* "WW_WASI_IO_STREAMS_INPUT_STREAM_READ" */
    uint32_t param_count;
    const char **param_c;
    wit_type **params;
    wit_type *result;
    ww_func_type abi;
    bool waits;  /* listed as such */
    bool pushed; /* bound through a thunk: waits, allocates in the guest, or needs scratch */
} wit_func;

struct wit_interface {
    const wit *set;
    const char *name;               /* "wasi:io/streams@0.2.12" */
    const char *c;                  /* "wasi_io_streams" */
    wit_resource *const *resources; /* the map: its own first */
    uint32_t resource_count, exported_count;
    wit_type **types; /* to declare, parts before wholes */
    uint32_t type_count;
    wit_func *funcs;
    uint32_t func_count;
    const wit_interface **uses; /* whose headers it needs */
    uint32_t use_count;
};

struct wit {
    const char *world;
    const char *prefix;   /* of what functions.h declares: "ww" */
    const char *constant; /* the same for constants: "WW" */
    const char *folder;   /* where headers are found: "wit" */
    wit_interface *interfaces;
    uint32_t interface_count;
};

_Noreturn void die(const char *format, ...) WW_PRINTF(1, 2);
void *take(size_t count, size_t size); /* zeroed; never NULL */
char *text(const char *format, ...) WW_PRINTF(1, 2);
char *c_name(const char *kebab); /* lower case, underscores, no keyword */
char *c_param(const char *name);
char *c_constant(const char *name);                   /* upper case, underscores */
char *drop_constant(const wit_resource *resource);    /* "WW_WASI_IO_POLL_POLLABLE_DROP" */
const char *member(const wit_type *type, uint32_t i); /* of its struct */

/* `waits` is a file with a function per line: "wasi:io/poll#poll". */
/* `out` has its names already. */
void wit_load(const char *json_path, const char *waits_path, wit *out);

void emit_functions_header(const wit *all, FILE *out);
void emit_functions_source(const wit *all, FILE *out);
void emit_fakes(const wit *all, FILE *out);
/* "ww_call *call, ww_input_stream *self, uint64_t len, T *result" */
void emit_params(const wit_func *func, FILE *out);
void emit_header(const wit_interface *interface, FILE *out);
void emit_source(const wit_interface *interface, FILE *out);
void emit_tables(const wit_interface *interface, FILE *out);
void emit_entry(const wit_interface *interface, const wit_func *func, FILE *out);
/* `static` functions that write values of the direct functions' results to guest memory. */
void emit_stores(const wit_interface *interface, FILE *out);

/* Index in the interface's resource map. */
uint32_t resource_index(const wit_interface *interface, const wit_resource *resource);
bool is_scalar(const wit_type *type);
bool is_bytes(const wit_type *type);   /* string or list<u8>: a ww_view */
bool has_struct(const wit_type *type); /* record, tuple, variant, option, result */
bool is_variant(const wit_type *type); /* variant, option, result */
