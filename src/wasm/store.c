/* Invariants
 *   1. future != NULL only between the first poll of a call and its end; `called` is true from
 *      ww_store_call until then. So at most one future lives per store.
 *   2. Guest code runs only inside wasmtime_call_future_poll, and `polling` is true exactly then.
 *   3. `waiting` is true from ww_store_wait until the deadline callback has answered it with a
 *      yield, or the poll has ended.
 *   4. `dead` is set once, with `failure`; nothing of a dead store is polled or called again.
 */
#include "wasm/engine.h"
#include <stdlib.h>

enum { FAILURE_TEXT_MAX = 64 << 10, SLICE_TICKS = 2, GO_ON_TICKS = 1, FAR_TICKS = 1 << 30 };

struct ww_store {
    ww_engine *engine;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    ww_store_hooks hooks;
    ww_store_limits limits; /* in force */
    ww_core_func func;      /* of the call, which the future borrows like the two next ones */
    wasm_trap_t *trap;
    wasmtime_error_t *error;
    wasmtime_call_future_t *future;
    bool called, polling, waiting, killed, dead;
    ww_poll yielded; /* why the deadline callback answered yield */
    char *message;   /* what the views of failure point into */
    size_t message_size;
    ww_failure failure;
};

static wasmtime_func_t *engine_func(const ww_core_func *func)
{
    return (wasmtime_func_t *)(uintptr_t)func;
}

static wasmtime_error_t *on_deadline(wasmtime_context_t *context, void *data, uint64_t *ticks,
                                     wasmtime_update_deadline_kind_t *kind)
{
    (void)context;
    ww_store *store = data;
    ww_verdict verdict = WW_YIELD;
    bool waited = store->waiting;
    store->waiting = false;
    if (!waited && !store->killed && store->hooks.tick)
        verdict = store->hooks.tick(store->hooks.data);
    if (verdict == WW_KILL) store->killed = true;
    if (store->killed) return wasmtime_error_new("killed");
    if (verdict == WW_GO_ON) {
        *ticks = GO_ON_TICKS;
        *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
        return NULL;
    }
    store->yielded = waited ? WW_POLL_WAIT : WW_POLL_SLICE;
    *ticks = SLICE_TICKS; /* counted from when the guest goes on */
    *kind = WASMTIME_UPDATE_DEADLINE_YIELD;
    return NULL;
}

static int64_t limit_of(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void set_limits(ww_store *store)
{
    const ww_store_limits *limits = &store->limits;
    wasmtime_store_limiter(store->store, limit_of(limits->memory_bytes_max),
                           limits->table_elements_max, limits->instances_max, limits->tables_max,
                           limits->memories_max);
}

void ww_store_limit_memory(ww_store *store, uint64_t bytes_max)
{
    WW_ASSERT(!store->polling);
    uint64_t engine_max = store->engine->options.memory_bytes_max;
    if (bytes_max > engine_max) bytes_max = engine_max;
    if (store->limits.memory_bytes_max == bytes_max) return;
    store->limits.memory_bytes_max = bytes_max;
    set_limits(store);
}

ww_status ww_store_new(ww_engine *engine, const ww_store_limits *limits, ww_store_hooks hooks,
                       ww_store **out, ww_diag *diag)
{
    *out = NULL;
    ww_store *store = ww_alloc_zeroed(engine->allocator, sizeof *store);
    if (!store) return ww_fail(diag, WW_E_MEMORY, "no memory for a store");
    store->engine = engine;
    store->hooks = hooks;
    store->store = wasmtime_store_new(engine->engine, hooks.data, NULL);
    store->context = wasmtime_store_context(store->store);
    store->limits = *limits;
    if (limits->memory_bytes_max > engine->options.memory_bytes_max)
        store->limits.memory_bytes_max = engine->options.memory_bytes_max;
    set_limits(store);
    wasmtime_store_epoch_deadline_callback(store->store, on_deadline, store, NULL);
    *out = store;
    return WW_OK;
}

static void drop_call(ww_store *store)
{
    if (store->future) wasmtime_call_future_delete(store->future);
    store->future = NULL;
    store->called = false;
    store->waiting = false;
}

void ww_store_free(ww_store *store)
{
    if (!store) return;
    WW_ASSERT(!store->polling);
    drop_call(store);
    wasmtime_store_delete(store->store);
    ww_free(store->engine->allocator, store->message, store->message_size);
    ww_free(store->engine->allocator, store, sizeof *store);
}

/* --- instances --- */

/* What the engine compiles to fill a module's tables and memories is entered off the fiber, and so
 * are the getters and setters of functions: they must not meet a deadline. */
static void put_deadline_far(ww_store *store)
{
    WW_ASSERT(!store->called && !store->dead);
    wasmtime_context_set_epoch_deadline(store->context, FAR_TICKS);
}

static ww_status finish_instantiation(wasmtime_error_t *error, wasm_trap_t *trap,
                                      const wasmtime_instance_t *made, ww_core_instance *out,
                                      ww_diag *diag)
{
    ww_status status = ww_fail_of_instantiation(diag, error, trap);
    if (!status) memcpy(out, made, sizeof *out);
    return status;
}

ww_status ww_store_instantiate(ww_store *store, const ww_module *module,
                               const ww_core_extern *imports, size_t count, ww_core_instance *out,
                               ww_diag *diag)
{
    put_deadline_far(store);
    if (count != module->import_count)
        return ww_fail(diag, WW_E_MISMATCH, "%zu items for %u imports", count,
                       module->import_count);
    wasmtime_instance_t made;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_instance_new(
        store->context, module->module, (const wasmtime_extern_t *)imports, count, &made, &trap);
    return finish_instantiation(error, trap, &made, out, diag);
}

ww_status ww_store_instantiate_link(ww_store *store, const ww_link *link, ww_core_instance *out,
                                    ww_diag *diag)
{
    put_deadline_far(store);
    wasmtime_instance_t made;
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_instance_pre_instantiate(link->pre, store->context, &made, &trap);
    return finish_instantiation(error, trap, &made, out, diag);
}

void ww_store_export(ww_store *store, const ww_module *module, const ww_core_instance *instance,
                     uint32_t index, ww_core_extern *out)
{
    WW_ASSERT(index < module->exports.size);
    const wasm_name_t *name = wasm_exporttype_name(module->exports.data[index]);
    wasmtime_instance_t owner;
    memcpy(&owner, instance, sizeof owner);
    bool found = wasmtime_instance_export_get(store->context, &owner, name->data, name->size,
                                              (wasmtime_extern_t *)out);
    WW_ASSERT(found);
}

static ww_status run_generated(ww_store *store, const ww_core_func *func, wasmtime_val_raw_t *slots,
                               size_t count)
{
    put_deadline_far(store);
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error =
        wasmtime_func_call_unchecked(store->context, engine_func(func), slots, count, &trap);
    return ww_fail_of_instantiation(NULL, error, trap);
}

ww_status ww_store_get_funcs(ww_store *store, const ww_core_func *getter, ww_core_func *out,
                             size_t count)
{
    WW_ASSERT(count <= WW_FUNC_GROUP);
    wasmtime_val_raw_t slots[WW_FUNC_GROUP];
    ww_status status = run_generated(store, getter, slots, count);
    for (size_t i = 0; i < count && !status; i++) {
        wasmtime_func_t func = {0};
        if (slots[i].funcref) wasmtime_func_from_raw(store->context, slots[i].funcref, &func);
        memcpy(&out[i], &func, sizeof func);
    }
    return status;
}

/* The C library cannot put a function into a table unless the engine has garbage collection, but
 * generated code can. */
ww_status ww_store_set_funcs(ww_store *store, const ww_core_func *setter, const ww_core_func *funcs,
                             size_t count)
{
    WW_ASSERT(count <= WW_FUNC_GROUP);
    wasmtime_val_raw_t slots[WW_FUNC_GROUP];
    for (size_t i = 0; i < count; i++)
        slots[i].funcref =
            funcs[i].store ? wasmtime_func_to_raw(store->context, engine_func(&funcs[i])) : NULL;
    return run_generated(store, setter, slots, count);
}

ww_memory_view ww_store_memory(ww_store *store, const ww_core_memory *memory)
{
    const wasmtime_memory_t *m = (const wasmtime_memory_t *)memory;
    return (ww_memory_view){
        .base = wasmtime_memory_data(store->context, m),
        .size = wasmtime_memory_data_size(store->context, m),
    };
}

/* --- calls --- */

ww_status ww_store_call(ww_store *store, const ww_core_func *func)
{
    if (store->dead) return WW_E_STALE;
    if (store->called) return WW_E_BUSY;
    store->func = *func;
    store->called = true;
    return WW_OK;
}

/* `message` is the engine's; a failure without memory for its text is still a failure. */
static void set_failure(ww_store *store, int code, const wasm_name_t *message)
{
    const ww_allocator *allocator = store->engine->allocator;
    size_t size = message->size < FAILURE_TEXT_MAX ? message->size : FAILURE_TEXT_MAX;
    store->dead = true;
    store->failure = (ww_failure){.code = code, .text = WW_VIEW_LITERAL("trap")};
    if (!size || !(store->message = ww_alloc(allocator, size))) return;
    store->message_size = size;
    memcpy(store->message, message->data, size);
    while (size && !store->message[size - 1])
        size--;
    ww_message_parts parts = ww_message_split(store->message, size);
    store->failure.text = parts.cause;
    store->failure.trace = parts.frames;
}

static ww_poll fail(ww_store *store)
{
    wasm_name_t message = {0};
    uint8_t trap_code;
    int code = -1;
    if (store->trap) {
        if (wasmtime_trap_code(store->trap, &trap_code)) code = trap_code;
        wasm_trap_message(store->trap, &message);
        wasm_trap_delete(store->trap);
    } else if (store->error) {
        wasmtime_error_message(store->error, &message);
        wasmtime_error_delete(store->error);
    }
    store->trap = NULL;
    store->error = NULL;
    set_failure(store, store->killed ? WW_TRAP_INTERRUPT : code, &message);
    if (message.data) wasm_byte_vec_delete(&message);
    return WW_POLL_FAILED;
}

static ww_poll kill_unpolled(ww_store *store)
{
    drop_call(store);
    store->dead = true;
    store->failure = (ww_failure){.code = WW_TRAP_INTERRUPT, .text = WW_VIEW_LITERAL("killed")};
    return WW_POLL_FAILED;
}

ww_poll ww_store_poll(ww_store *store)
{
    WW_ASSERT(!store->polling);
    if (store->dead) return WW_POLL_FAILED;
    if (store->killed) return kill_unpolled(store);
    if (!store->called) return WW_POLL_DONE;
    if (!store->future) {
        wasmtime_context_set_epoch_deadline(store->context, SLICE_TICKS);
        store->future = wasmtime_func_call_async(store->context, engine_func(&store->func), NULL, 0,
                                                 NULL, 0, &store->trap, &store->error);
    }
    store->polling = true;
    bool done = wasmtime_call_future_poll(store->future);
    store->polling = false;
    store->waiting = false;
    if (!done) return store->yielded;
    drop_call(store);
    return store->trap || store->error ? fail(store) : WW_POLL_DONE;
}

bool ww_store_is_polling(const ww_store *store)
{
    return store->polling;
}

void ww_store_wait(ww_store *store)
{
    WW_ASSERT(store->polling);
    store->waiting = true;
    wasmtime_context_set_epoch_deadline(store->context, 0);
}

void ww_store_kill(ww_store *store)
{
    store->killed = true;
    if (store->polling) wasmtime_context_set_epoch_deadline(store->context, 0);
}

ww_failure ww_store_failure(const ww_store *store)
{
    return store->failure;
}

/* --- inside a host function --- */

void *ww_caller_data(ww_caller *caller)
{
    return wasmtime_context_get_data(wasmtime_caller_context((wasmtime_caller_t *)caller));
}

ww_trap *ww_trap_of_code(int code)
{
    return (ww_trap *)wasmtime_trap_new_code((wasmtime_trap_code_t)code);
}

ww_trap *ww_trap_of_text(ww_view text)
{
    return (ww_trap *)wasmtime_trap_new((const char *)text.data, text.size);
}

void ww_trap_free(ww_trap *trap)
{
    if (trap) wasm_trap_delete((wasm_trap_t *)trap);
}
