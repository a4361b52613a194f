/* wasm/wasm.h - the only door to the WebAssembly engine (Wasmtime 48, core API).
 *
 * Model      An engine compiles core modules and owns the pool. A store holds the instances of one
 *            cell. All guest code runs inside one future per store: ww_store_call starts it,
 *            ww_store_poll runs it until it ends, traps, waits or has used its slice. Instances are
 *            made off the fiber and never run code then, because start sections are taken out
 *            beforehand (component/plan.h).
 * Waiting    No asynchronous host function exists. A host function that answers "wait" calls
 *            ww_store_wait, which sets the epoch deadline to now; the guest side then enters an
 *            empty function, whose entry sees the deadline, and the deadline callback yields. A
 *            loop header would not do: it compares with a deadline that was cached at function
 *            entry.
 * Ownership  A store owns what was instantiated in it. The handle structs below are plain values,
 *            valid while their store lives; use with another store aborts. Modules, links and
 *            stores must be gone before their engine.
 * Memory     A memory never moves (its whole address range is reserved) and never shrinks: a base
 *            stays true as long as the store, a size stays a lower bound.
 * Bounds     ww_engine_options for the pool, ww_store_limits for one cell. Guest stack overflow is
 *            a trap; WW_HOST_STACK_BYTES of every fiber are left for host functions.
 * Threads    An engine and its modules may be used from any thread, so its allocator must be safe
 *            from any thread. A store belongs to one thread. ww_engine_tick may be called from any
 *            thread at any time.
 * Trust      Modules are validated by ww_module_compile. ww_module_load trusts its bytes: only what
 *            this user's own compile cache has authenticated may reach it (loaders/cache.h).
 */
#pragma once
#include "base/bytes.h"

/* One core value; parameters stand from slot 0, results overwrite from slot 0. Same layout as the
 * engine's own. */
typedef union ww_slot {
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    void *ref;
    uint64_t words[2];
} ww_slot;

/* A slot whose upper bits are defined, as the engine itself writes it. */
static inline ww_slot ww_slot_u32(uint32_t value)
{
    return (ww_slot){.words = {value, 0}};
}

typedef struct ww_engine ww_engine;
typedef struct ww_module ww_module;
typedef struct ww_link ww_link;
typedef struct ww_store ww_store;
typedef struct ww_caller ww_caller; /* the engine's, only during a host function */
typedef struct ww_trap
    ww_trap; /* the engine's; owned; a host function gives it away by returning it */

/* A host function on raw slots: NULL, or a trap that ends the guest. Never calls the guest, never
 * blocks. */
typedef ww_trap *ww_host_fn(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count);

/* Core value types, by their binary code. */
typedef enum ww_valtype { WW_I32 = 0x7f, WW_I64 = 0x7e, WW_F32 = 0x7d, WW_F64 = 0x7c } ww_valtype;

enum { WW_FLAT_PARAMS_MAX = 17, WW_FLAT_RESULTS_MAX = 17 };

/* A core function type: only the four number types, which is all that the canonical ABI uses. */
typedef struct ww_core_type {
    uint8_t param_count, result_count;
    uint8_t params[WW_FLAT_PARAMS_MAX], results[WW_FLAT_RESULTS_MAX];
} ww_core_type;

bool ww_core_type_equal(const ww_core_type *a, const ww_core_type *b);

/* Values of the engine's own handle types. */
typedef struct ww_core_func {
    uint64_t store;
    void *opaque;
} ww_core_func;

typedef struct ww_core_memory {
    uint64_t store;
    uint64_t opaque[2];
} ww_core_memory;

typedef struct ww_core_instance {
    uint64_t store;
    uint64_t opaque;
} ww_core_instance;

typedef enum ww_core_kind {
    WW_CORE_FUNC = 0,
    WW_CORE_GLOBAL = 1,
    WW_CORE_TABLE = 2,
    WW_CORE_MEMORY = 3,
    WW_CORE_TAG = 5
} ww_core_kind; /* the engine's numbers, not those of the binary format */

typedef struct ww_core_extern {
    uint8_t kind;
    union {
        ww_core_func func;
        ww_core_memory memory;
        uint64_t opaque[3];
    } of;
} ww_core_extern;

/* --- engine --- */

typedef struct ww_engine_options {
    bool pooled;  /* false: every instance is mapped on demand, without a pool's limits */
    bool signals; /* false in sanitizer builds: bounds by compare instead of by fault */
    /* The pool, for all stores together: core instances, memories, tables, fibers. */
    uint32_t instances_max, memories_max, tables_max, stacks_max;
    uint64_t memory_bytes_max;   /* of one memory, at most 4 GiB */
    uint32_t table_elements_max; /* pooled: of one table */
    uint32_t stack_bytes;        /* of one fiber: the guest's part plus WW_HOST_STACK_BYTES */
} ww_engine_options;

enum { WW_HOST_STACK_BYTES = 256 << 10 };

void ww_engine_options_default(ww_engine_options *options, bool pooled);

/* E_LIMIT when the pool asks for more mappings than the kernel allows one process
 * (vm.max_map_count); the text names the setting and the value that would do. Copies options. */
WW_MUST_USE ww_status ww_engine_new(const ww_engine_options *options, const ww_allocator *allocator,
                                    ww_engine **out, ww_diag *diag);
void ww_engine_free(ww_engine *engine); /* after its stores and modules */

/* Ends the slice of every guest that has run since the last tick but one, so that a slice is longer
 * than one tick and shorter than two. One atomic add; any thread. */
void ww_engine_tick(ww_engine *engine);

/* A line that changes whenever machine code of this engine would not fit another one: version and
 * settings. */
ww_view ww_engine_fingerprint(const ww_engine *engine);

/* --- modules --- */

/* Validates and compiles; borrows `wasm`. E_INVALID with the engine's reason, E_LIMIT. May take
 * seconds: not for the loop thread. */
WW_MUST_USE ww_status ww_module_compile(ww_engine *engine, ww_view wasm, ww_module **out,
                                        ww_diag *diag);
WW_MUST_USE ww_status ww_module_serialize(const ww_module *module, ww_buf *out, ww_diag *diag);
/* Loads what ww_module_serialize wrote under the same fingerprint; copies. */
WW_MUST_USE ww_status ww_module_load(ww_engine *engine, ww_view machine_code, ww_module **out,
                                     ww_diag *diag);
void ww_module_free(ww_module *module);
/* Index of an export for ww_store_export; false if absent. */
bool ww_module_find_export(const ww_module *module, ww_view name, uint32_t *index);
uint32_t ww_module_import_count(const ww_module *module);

/* --- linking ahead --- */

typedef struct ww_host_import {
    ww_core_type type;
    ww_host_fn *fn;
    void *env; /* shared by every store: find the cell with ww_caller_data */
} ww_host_import;

/* A module whose imports are all host functions, linked once for all stores. `imports` in import
 * order, copied; the names of the imports must differ from each other. E_MISMATCH. */
WW_MUST_USE ww_status ww_link_new(ww_engine *engine, const ww_module *module,
                                  const ww_host_import *imports, size_t count, ww_link **out,
                                  ww_diag *diag);
void ww_link_free(ww_link *link);

/* --- stores --- */

typedef struct ww_store_limits {
    uint64_t memory_bytes_max; /* of one memory */
    uint32_t table_elements_max, instances_max, tables_max, memories_max;
} ww_store_limits;

typedef enum ww_verdict { WW_GO_ON, WW_YIELD, WW_KILL } ww_verdict;

typedef struct ww_store_hooks {
    void *data; /* what ww_caller_data answers */
    /* Asked when a slice is over, never for a wait: WW_GO_ON continues for one more tick,
     * WW_YIELD ends the slice, WW_KILL ends the guest with a trap. NULL: always WW_YIELD. */
    ww_verdict (*tick)(void *data);
} ww_store_hooks;

WW_MUST_USE ww_status ww_store_new(ww_engine *engine, const ww_store_limits *limits,
                                   ww_store_hooks hooks, ww_store **out, ww_diag *diag);
/* What each memory may grow to from now on, instead of limits.memory_bytes_max; a growth beyond it
 * answers -1 to the guest. Not from inside a poll of this store. */
void ww_store_limit_memory(ww_store *store, uint64_t bytes_max);
/* Also with a future alive, which is dropped; not from inside a poll of this store. */
void ww_store_free(ww_store *store);

/* `imports` in the module's import order. Runs no guest code. E_TRAP when an active segment does
 * not fit, E_MISMATCH when an import has another type than the module wants, E_LIMIT when the pool
 * or the store is full. */
WW_MUST_USE ww_status ww_store_instantiate(ww_store *store, const ww_module *module,
                                           const ww_core_extern *imports, size_t count,
                                           ww_core_instance *out, ww_diag *diag);
WW_MUST_USE ww_status ww_store_instantiate_link(ww_store *store, const ww_link *link,
                                                ww_core_instance *out, ww_diag *diag);
/* The export that ww_module_find_export numbered; `module` is the instance's. */
void ww_store_export(ww_store *store, const ww_module *module, const ww_core_instance *instance,
                     uint32_t index, ww_core_extern *out);
/* Many functions in one step, without a look-up by name for each: calls generated code that neither
 * waits nor traps, `getter` of type () -> (count funcrefs) or `setter` of type (count funcrefs) ->
 * (). A func without a store is the null reference. Not while a call lives; at most
 * WW_FUNC_GROUP. */
enum { WW_FUNC_GROUP = 128 };
WW_MUST_USE ww_status ww_store_get_funcs(ww_store *store, const ww_core_func *getter,
                                         ww_core_func *out, size_t count);
WW_MUST_USE ww_status ww_store_set_funcs(ww_store *store, const ww_core_func *setter,
                                         const ww_core_func *funcs, size_t count);

static inline bool ww_store_is_memory(const ww_core_extern *e)
{
    return e->kind == WW_CORE_MEMORY;
}

typedef struct ww_memory_view {
    uint8_t *base;
    uint64_t size; /* bytes; grows when guest code runs */
} ww_memory_view;

ww_memory_view ww_store_memory(ww_store *store, const ww_core_memory *memory);

typedef enum ww_poll {
    WW_POLL_DONE,   /* the call returned */
    WW_POLL_WAIT,   /* a host function called ww_store_wait: poll again when its event came */
    WW_POLL_SLICE,  /* the tick hook said yield: poll again when others had their turn */
    WW_POLL_FAILED, /* trapped, killed or failed: see ww_store_failure; the store is dead */
} ww_poll;

/* Starts a call of a `func() -> ()`; nothing runs before the first poll. E_BUSY while another call
 * lives, E_STALE when the store is dead. */
WW_MUST_USE ww_status ww_store_call(ww_store *store, const ww_core_func *func);
ww_poll ww_store_poll(ww_store *store);
bool ww_store_is_polling(const ww_store *store);

/* From a host function, before it tells its thunk to wait: the next function entry suspends the
 * fiber. */
void ww_store_wait(ww_store *store);

/* Ends the guest with trap code 10: at its next function entry, or tick, if it is being polled;
 * else at the next poll. */
void ww_store_kill(ww_store *store);

typedef struct ww_failure {
    int code;      /* Wasmtime's trap code, -1 for none: a host trap, a link failure */
    ww_view text;  /* the message without the backtrace, one line */
    ww_view trace; /* guest frames, innermost first, one per line; empty if none */
} ww_failure;

/* Valid until the store is freed; after WW_POLL_FAILED. */
ww_failure ww_store_failure(const ww_store *store);

/* --- inside a host function --- */

void *ww_caller_data(ww_caller *caller); /* hooks.data */
ww_trap *ww_trap_of_code(int code);      /* one of those below */
ww_trap *ww_trap_of_text(ww_view text);
void ww_trap_free(ww_trap *trap); /* one that was not given away */

/* Trap codes that hosts raise, in Wasmtime's numbering. */
enum {
    WW_TRAP_INDIRECT_CALL_TO_NULL = 4,
    WW_TRAP_UNREACHABLE = 9,
    WW_TRAP_INTERRUPT = 10,
    WW_TRAP_CANNOT_ENTER = 17,
    WW_TRAP_CANNOT_LEAVE = 23,
    WW_TRAP_INVALID_CHAR = 25,
    WW_TRAP_STRING_OUT_OF_BOUNDS = 30,
    WW_TRAP_LIST_OUT_OF_BOUNDS = 31,
    WW_TRAP_INVALID_DISCRIMINANT = 32,
    WW_TRAP_UNALIGNED_POINTER = 33,
};
