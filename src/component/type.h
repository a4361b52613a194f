/* component/type.h - component types as the canonical ABI sees them, with their layouts.
 *
 * Model      One descriptor serves three worlds. In guest memory a value has the ABI layout of the
 *            Canonical ABI ("Alignment", "Element Size" in the component model's CanonicalABI.md,
 *            32-bit pointers). As core values it is flat ("Flattening"). In host memory it has the
 *            host layout: the C struct a binding's author would write,
 *
 *              bool, integers, floats   the C type of that width; char is uint32_t (a Unicode
 * scalar value) string, list<T>          ww_list {data, count}: UTF-8 bytes, or T's in host layout
 *              record, tuple            a struct of the fields in order
 *              variant, option, result  struct {uint32_t tag; union of the payloads}; option: 0
 * none, 1 some; result: 0 ok, 1 error enum, flags              uint32_t (case index; bit i = flag
 * i) own, borrow              uint64_t: the representation (a host object's pointer, or a guest's
 * i32)
 *
 *            gen/wit declares such structs; everything dynamic walks these descriptors.
 * Ownership  Descriptors are immutable, in a component's arena or in static storage.
 */
#pragma once
#include "wasm/wasm.h"

typedef enum ww_type_kind {
    WW_TYPE_BOOL,
    WW_TYPE_S8,
    WW_TYPE_U8,
    WW_TYPE_S16,
    WW_TYPE_U16,
    WW_TYPE_S32,
    WW_TYPE_U32,
    WW_TYPE_S64,
    WW_TYPE_U64,
    WW_TYPE_F32,
    WW_TYPE_F64,
    WW_TYPE_CHAR,
    WW_TYPE_STRING,
    WW_TYPE_LIST,
    WW_TYPE_RECORD,
    WW_TYPE_TUPLE,
    WW_TYPE_VARIANT,
    WW_TYPE_ENUM,
    WW_TYPE_OPTION,
    WW_TYPE_RESULT,
    WW_TYPE_FLAGS,
    WW_TYPE_OWN,
    WW_TYPE_BORROW,
} ww_type_kind;

typedef struct ww_type ww_type;

/* A record's field, a variant's case (type NULL without a payload), an enum's or flag's label, a
 * parameter. */
typedef struct ww_field {
    ww_view name;
    const ww_type *type;
    uint32_t abi_offset, host_offset; /* of record and tuple fields and of parameters */
} ww_field;

enum { WW_FLAT_UNBOUNDED = 255 }; /* flat_count of types that need more than 17 core values */

struct ww_type {
    uint8_t kind;
    uint8_t flat_count;
    uint8_t abi_align, host_align;
    bool has_pointers;  /* a string or list is in it: lowering allocates */
    bool has_handles;   /* an own or borrow is in it */
    uint8_t disc_bytes; /* variant-like: 1, 2 or 4 */
    uint32_t abi_size, host_size;
    uint32_t payload_abi_offset, payload_host_offset; /* variant-like */
    uint32_t count;                                   /* of fields */
    uint32_t resource;                /* own, borrow: index into the resource map of its owner */
    const ww_field *fields;           /* option: {none, some}; result: {ok, error} */
    const ww_type *element;           /* list */
    uint8_t flat[WW_FLAT_PARAMS_MAX]; /* ww_valtype each, if flat_count is not unbounded */
};

/* A string or list in host memory. */
typedef struct ww_list {
    const void *data;
    size_t count; /* bytes of a string, elements of a list */
} ww_list;

typedef struct ww_func_type {
    uint32_t param_count;
    const ww_field *params; /* offsets are those of the tuple of all parameters */
    const ww_type *result;  /* NULL: none */
    uint32_t params_abi_size, params_host_size;
    uint8_t params_abi_align, params_host_align;
    bool params_spilled; /* more than 16 flat parameters: one pointer instead */
    bool result_spilled; /* more than 1 flat result: through memory */
    bool params_have_pointers, result_has_pointers;
    ww_core_type lifted;  /* core type of an implementation: spilled result is an i32 result */
    ww_core_type lowered; /* core type of an import: spilled result is a last i32 parameter */
} ww_func_type;

/* Fill in everything that follows from kind, fields and element, whose own layouts are complete
 * already. E_LIMIT when a size passes WW_MAX_VALUE_BYTES. The field arrays are written to. */
WW_MUST_USE ww_status ww_type_layout(ww_type *type, ww_field *fields);
WW_MUST_USE ww_status ww_func_type_layout(ww_func_type *type, ww_field *params);

/* Structural equality, labels included. `same_resource(arg, a, b)` decides about the resource
 * indices of the two sides. */
typedef bool ww_same_resource(void *arg, uint32_t a, uint32_t b);
bool ww_type_equal(const ww_type *a, const ww_type *b, ww_same_resource *same, void *arg);
bool ww_func_type_equal(const ww_func_type *a, const ww_func_type *b, ww_same_resource *same,
                        void *arg);

/* WIT text of a type, for messages; cut at the buffer's maximum. */
void ww_type_print(const ww_type *type, ww_buf *out);
void ww_func_type_print(const ww_func_type *type, ww_buf *out);

/* The descriptor of a primitive kind (BOOL .. STRING). */
const ww_type *ww_type_primitive(ww_type_kind kind);
