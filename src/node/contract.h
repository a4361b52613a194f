/* node/contract.h - the functions of wit/ww-contract, and values of the dataflow engine in their form.
 *
 * Model      A component that plays a role exports the role's interface; each of its functions belongs
 *            to an entry of the engine's vtable. Types are compared by their text: a component that
 *            was made from another contract is refused when it is bound, not when it is called.
 * Ownership  What is given to the guest is a view of the engine's value, valid while that is held;
 *            what comes back is copied.
 * Bounds     WW_CONTRACT_PARAMS_MAX values in, WW_CONTRACT_RESULTS_MAX out; sizes are those of the canonical ABI
 *            and the engine.
 * Threads    None of its own.
 * Trust      What a guest answers is foreign: shapes, addresses and types are checked.
 */
#pragma once
#include "component/instance.h"
#include "ww/dataflow.h"

enum {
    WW_CONTRACT_PARAMS_MAX = 2,
    WW_CONTRACT_RESULTS_MAX = 2,
    WW_CONTRACT_FUNCS_MAX = 8,
    WW_CONTRACT_OUTPUTS_MAX = 64, /* of a backend's operation */
};

#define WW_CONTRACT_COMPONENT "ww:contract/component@0.1.0"

/* In host layout (component/type.h). */
typedef enum ww_contract_tag {
    WW_CONTRACT_TRIGGER,
    WW_CONTRACT_NUMBER,
    WW_CONTRACT_BYTES,
    WW_CONTRACT_FLOATS,
    WW_CONTRACT_TENSOR,
    WW_CONTRACT_PEER_ID,
    WW_CONTRACT_CODED,
} ww_contract_tag;

typedef struct ww_contract_value {
    uint32_t tag;
    union {
        uint64_t number;
        ww_list list; /* bytes, floats, peer id */
        struct {
            ww_list dims, data;
        } tensor;
        struct {
            uint64_t carrier;
            ww_list data;
        } coded;
    };
} ww_contract_value;

typedef struct ww_contract_result {
    uint32_t is_error;
    union {
        ww_contract_value values[WW_CONTRACT_RESULTS_MAX];
        ww_list list;  /* of values: a backend's; bytes: a state */
        ww_list error; /* text */
    };
} ww_contract_result;

/* What the operator gave a bootstrap. */
typedef struct ww_contract_input {
    ww_list name, bytes;
} ww_contract_input;

/* An input of a backend's operation. */
typedef struct ww_contract_option {
    uint32_t is_some;
    ww_contract_value value;
} ww_contract_option;

/* Its tags are those of ww_flow_attribute_kind. */
typedef struct ww_contract_attribute {
    ww_list name;
    uint32_t tag;
    union {
        int64_t integer;
        float real;
        ww_list list; /* text, integers, reals */
        struct {
            ww_list dims, data;
        } tensor;
    };
} ww_contract_attribute;

typedef struct ww_contract_func {
    const char *name;
    uint8_t params, results; /* values */
    const char *integer;     /* a last u32 parameter: the operation's attribute; or NULL */
    uint32_t otherwise;      /* where the operation has none */
} ww_contract_func;

/* NULL: the engine has no component of that role. */
const char *ww_contract_interface(ww_flow_role role);
/* `index` is that of the vtable. NULL beyond the last. */
const ww_contract_func *ww_contract_func_at(ww_flow_role role, size_t index);

/* What a program exports of the contract. */
typedef struct ww_contract_exports {
    ww_flow_role role;
    const ww_export *inputs, *bootstrap;
    const ww_export *save, *load;                  /* or NULL: it does not remember */
    const ww_export *operations, *dispatch;        /* of a backend, ... */
    const ww_export *funcs[WW_CONTRACT_FUNCS_MAX]; /* ... which has none of these */
} ww_contract_exports;

/* E_MISSING, E_MISMATCH: what is missing, or has another type, or plays several roles. */
WW_MUST_USE ww_status ww_contract_find(const ww_program *program, ww_contract_exports *out,
                                       ww_diag *diag);

/* Types without functions that such components import. */
WW_MUST_USE ww_status ww_contract_link(ww_linker *linker);

ww_contract_value ww_contract_lower(const ww_flow_value *value);
ww_contract_attribute ww_contract_lower_attribute(const ww_flow_attribute *attribute);
/* E_INVALID or E_MEMORY; *out is then of no type. */
WW_MUST_USE ww_status ww_contract_lift(const ww_allocator *allocator,
                                       const ww_contract_value *value, ww_flow_value *out);
