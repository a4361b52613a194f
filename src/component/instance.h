/* component/instance.h - programs (a plan bound to an engine and a host) and their running
 * instances.
 *
 * Model      load -> ww_program (shared, immutable) -> ww_instance (one store). An instance first
 *            comes to life step by step (start functions run on the fiber), then runs one export
 *            call at a time; further calls queue. ww_instance_poll advances whatever is current.
 *            The owner (cell/) polls again when a wait is over or a slice is due.
 * Ownership  ww_instance_free drops the store and every host resource left in its handle tables,
 *            newest first.
 * Threads    A program may be shared between threads; an instance belongs to its loop's thread.
 */
#pragma once
#include "component/call.h"

typedef struct ww_program ww_program;

/* Compiles core modules; loaders/ answers from the cache where it can. Owner of the modules is the
 * program. */
typedef struct ww_compiler {
    void *self;
    ww_status (*compile)(void *self, ww_engine *engine, ww_view wasm, ww_module **out,
                         ww_diag *diag);
} ww_compiler;

ww_compiler ww_compiler_plain(void); /* ww_module_compile, no cache */

/* Parses, validates, plans, compiles and binds. Borrows nothing afterwards: `bytes` may go away. A
 * missing or mismatching import is named with its interface, what the component wants and what the
 * host offers. Takes seconds for large components: not for the loop thread. */
WW_MUST_USE ww_status ww_program_new(ww_engine *engine, ww_view bytes, const ww_linker *linker,
                                     ww_compiler compiler, const ww_allocator *allocator,
                                     ww_program **out, ww_diag *diag);
ww_program *ww_program_ref(ww_program *program);
void ww_program_unref(ww_program *program);

/* Whether it wants anything of that interface from the host: "wasi:io/streams@0.2.0", of any version
 * if none is named. */
bool ww_program_imports(const ww_program *program, ww_view interface);

typedef struct ww_program_stats {
    uint32_t core_instances, host_functions, thunks;
} ww_program_stats;

ww_program_stats ww_program_stats_of(const ww_program *program);

/* An exported function by its path: ("wasi:cli/run@0.2", "run") or ("", "name"); interface versions
 * match by track as imports do. NULL if absent. */
typedef struct ww_export ww_export;
const ww_export *ww_program_export(const ww_program *program, ww_view interface, ww_view func);
const ww_func_type *ww_export_type(const ww_export *func);
/* The bytes of an exported core module, as ww_linker_add_module takes them; empty if absent. Valid
 * while the program lives. */
ww_view ww_program_export_module(const ww_program *program, ww_view interface, ww_view name);

typedef struct ww_instance_options {
    void *host;                     /* call->host: the cell */
    ww_verdict (*tick)(void *host); /* see wasm/wasm.h */
    ww_store_limits limits;
    uint64_t copy_bytes_max; /* of one call; 0: WW_MAX_COPY_BYTES */
} ww_instance_options;

WW_MUST_USE ww_status ww_instance_new(ww_program *program, const ww_instance_options *options,
                                      const ww_allocator *allocator, ww_instance **out,
                                      ww_diag *diag);
/* Not from inside its poll: see ww_instance_kill. */
void ww_instance_free(ww_instance *instance);

/* What a call ends with. `result` (host layout) and what it points to are valid during the callback
 * only; own handles in it are the callback's. After a status other than WW_OK the instance is dead
 * and `result` NULL. The callback runs inside ww_instance_poll, off the fiber, and may call
 * ww_instance_call. */
typedef struct ww_call_done {
    void *self;
    void (*done)(void *self, ww_status status, const void *result);
} ww_call_done;

/* Queues a call; `params` (host layout) must stay valid until it ends. E_STALE on a dead instance.
 */
WW_MUST_USE ww_status ww_instance_call(ww_instance *instance, const ww_export *func,
                                       const void *params, ww_call_done done);

/* Runs until all queued work is done (WW_POLL_DONE), or something waits, a slice ended, or the
 * instance died. */
ww_poll ww_instance_poll(ww_instance *instance);

/* Marks it to die: at its next opcode, function entry or loop turn if it is being polled, else at
 * the next poll. */
void ww_instance_kill(ww_instance *instance, ww_status reason);
bool ww_instance_is_polling(const ww_instance *instance);

/* Drops a guest-defined resource that the host holds: queued as a call of its destructor, skipped
 * if the store is dead. */
void ww_instance_drop_resource(ww_instance *instance, const ww_resource_type *type, uint64_t rep);

/* The host's end of the program (wasi:cli/exit): remembers `code`, then the guest ends with status
 * WW_E_EXIT. Returns WW_E_EXIT for the host function to answer. */
ww_status ww_call_exit(ww_call *call, int code);

typedef struct ww_instance_end {
    ww_status status; /* WW_OK while alive; WW_E_EXIT, WW_E_TRAP, WW_E_CANCELED, ... */
    int exit_code;    /* with WW_E_EXIT */
    int trap_code;    /* -1 for a host's own trap */
    ww_view text, trace;
} ww_instance_end;

ww_instance_end ww_instance_end_of(const ww_instance *instance);

/* The linear memories that its canonical definitions name, also after its end. */
typedef struct ww_instance_memory {
    uint64_t bytes, largest; /* of all, of one */
} ww_instance_memory;

ww_instance_memory ww_instance_memory_of(const ww_instance *instance);
/* What each memory may grow to from now on, instead of limits.memory_bytes_max. Not during a poll. */
void ww_instance_limit_memory(ww_instance *instance, uint64_t bytes_max);
