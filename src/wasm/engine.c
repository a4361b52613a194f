#include "wasm/engine.h"
#include <inttypes.h>
#include <stdio.h>

_Static_assert(sizeof(ww_slot) == sizeof(wasmtime_val_raw_t), "a slot is the engine's raw value");
_Static_assert(_Alignof(ww_slot) == _Alignof(wasmtime_val_raw_t),
               "a slot is aligned as the raw value");
_Static_assert(sizeof(ww_core_func) == sizeof(wasmtime_func_t), "a function handle");
_Static_assert(sizeof(ww_core_memory) == sizeof(wasmtime_memory_t), "a memory handle");
_Static_assert(sizeof(ww_core_instance) == sizeof(wasmtime_instance_t), "an instance handle");
_Static_assert(sizeof(ww_core_extern) == sizeof(wasmtime_extern_t), "an extern");
_Static_assert(offsetof(ww_core_extern, of) == offsetof(wasmtime_extern_t, of),
               "an extern's value");
_Static_assert(WW_CORE_FUNC == WASMTIME_EXTERN_FUNC && WW_CORE_GLOBAL == WASMTIME_EXTERN_GLOBAL &&
                   WW_CORE_TABLE == WASMTIME_EXTERN_TABLE &&
                   WW_CORE_MEMORY == WASMTIME_EXTERN_MEMORY && WW_CORE_TAG == WASMTIME_EXTERN_TAG,
               "extern kinds");

/* The whole 32-bit range, so that no bound has to be checked by code and no memory ever moves. */
static const uint64_t reservation_bytes = UINT64_C(1) << 32;

/* What a pool costs in kernel mappings: a live memory is its image, what it grew by and the rest of
 * the range; a stack has a guard page from the start. */
enum { MAPPINGS_PER_MEMORY = 3, MAPPINGS_PER_STACK = 2, MAPPINGS_OF_THE_REST = 2000 };

void ww_engine_options_default(ww_engine_options *options, bool pooled)
{
    *options = (ww_engine_options){
        .pooled = pooled,
        .signals = true,
        .instances_max = 10000,
        .memories_max = 1000,
        .tables_max = 5000,
        .stacks_max = 1000,
        .memory_bytes_max = reservation_bytes,
        .table_elements_max = 20000,
        .stack_bytes = (512 << 10) + WW_HOST_STACK_BYTES,
    };
}

static uint64_t read_max_map_count(void)
{
    uint64_t count = UINT64_MAX;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    if (!file) return count;
    if (fscanf(file, "%" SCNu64, &count) != 1) count = UINT64_MAX;
    fclose(file);
    return count;
}

/* The engine's constructor ends the process when its pool cannot be mapped, so ask beforehand. */
static ww_status check_options(const ww_engine_options *o, ww_diag *diag)
{
    if (o->stack_bytes <= WW_HOST_STACK_BYTES || o->stack_bytes > (64 << 20))
        return ww_fail(diag, WW_E_LIMIT,
                       "a fiber's stack of %u bytes: more than %d, at most 64 MiB", o->stack_bytes,
                       WW_HOST_STACK_BYTES);
    if (o->memory_bytes_max > reservation_bytes)
        return ww_fail(diag, WW_E_LIMIT, "memories of %" PRIu64 " bytes: at most 4 GiB",
                       o->memory_bytes_max);
    if (!o->pooled) return WW_OK;
    if (o->memories_max > 10000)
        return ww_fail(diag, WW_E_LIMIT,
                       "a pool of %u memories: at most 10000 fit the address space",
                       o->memories_max);
    uint64_t needed = (uint64_t)o->memories_max * MAPPINGS_PER_MEMORY +
                      (uint64_t)o->stacks_max * MAPPINGS_PER_STACK + MAPPINGS_OF_THE_REST;
    uint64_t allowed = read_max_map_count();
    if (needed <= allowed) return WW_OK;
    return ww_fail(diag, WW_E_LIMIT,
                   "a pool of %u memories and %u stacks needs %" PRIu64
                   " mappings, vm.max_map_count allows %" PRIu64
                   ": make the pool smaller, or run: sysctl -w vm.max_map_count=%" PRIu64,
                   o->memories_max, o->stacks_max, needed, allowed, needed);
}

static void configure_pool(wasm_config_t *config, const ww_engine_options *o)
{
    wasmtime_pooling_allocation_config_t *pool = wasmtime_pooling_allocation_config_new();
    wasmtime_pooling_allocation_config_total_core_instances_set(pool, o->instances_max);
    wasmtime_pooling_allocation_config_total_memories_set(pool, o->memories_max);
    wasmtime_pooling_allocation_config_total_tables_set(pool, o->tables_max);
    wasmtime_pooling_allocation_config_total_stacks_set(pool, o->stacks_max);
    wasmtime_pooling_allocation_config_max_memory_size_set(pool, o->memory_bytes_max);
    wasmtime_pooling_allocation_config_max_memories_per_module_set(pool, 4);
    wasmtime_pooling_allocation_config_max_tables_per_module_set(pool, 8);
    wasmtime_pooling_allocation_config_table_elements_set(pool, o->table_elements_max);
    /* Of an instance's record: each import and function takes some bytes of it. */
    wasmtime_pooling_allocation_config_max_core_instance_size_set(pool, 4 << 20);
    /* Small things are wiped by memset on reuse instead of handed back by a system call. */
    wasmtime_pooling_allocation_config_table_keep_resident_set(pool, 64 << 10);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(pool, 512 << 10);
    wasmtime_pooling_allocation_config_async_stack_keep_resident_set(pool, 0);
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

static wasm_config_t *make_config(const ww_engine_options *o)
{
    wasm_config_t *config = wasm_config_new();
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_max_wasm_stack_set(config, o->stack_bytes - WW_HOST_STACK_BYTES);
    wasmtime_config_async_stack_size_set(config, o->stack_bytes);
    wasmtime_config_memory_reservation_set(config, reservation_bytes);
    wasmtime_config_memory_may_move_set(config, false);
    wasmtime_config_memory_init_cow_set(config, true);
    wasmtime_config_wasm_memory64_set(config, false);
    wasmtime_config_shared_memory_set(config, false);
    wasmtime_config_signals_based_traps_set(config, o->signals);
    if (o->pooled) configure_pool(config, o);
    return config;
}

static void write_fingerprint(ww_engine *engine)
{
    const ww_engine_options *o = &engine->options;
    int size = snprintf(engine->fingerprint, sizeof engine->fingerprint,
                        "wasmtime " WASMTIME_VERSION " pooled=%d signals=%d memory=%" PRIu64
                        " elements=%u stack=%u",
                        o->pooled, o->signals, o->memory_bytes_max,
                        o->pooled ? o->table_elements_max : 0, o->stack_bytes);
    WW_ASSERT(size > 0 && (size_t)size < sizeof engine->fingerprint);
    engine->fingerprint_size = (size_t)size;
}

ww_status ww_engine_new(const ww_engine_options *options, const ww_allocator *allocator,
                        ww_engine **out, ww_diag *diag)
{
    *out = NULL;
    ww_status status = check_options(options, diag);
    if (status) return status;
    ww_engine *engine = ww_alloc_zeroed(allocator, sizeof *engine);
    if (!engine) return ww_fail(diag, WW_E_MEMORY, "no memory for an engine");
    engine->allocator = allocator;
    engine->options = *options;
    engine->engine = wasm_engine_new_with_config(make_config(options));
    write_fingerprint(engine);
    *out = engine;
    return WW_OK;
}

void ww_engine_free(ww_engine *engine)
{
    if (!engine) return;
    wasm_engine_delete(engine->engine);
    ww_free(engine->allocator, engine, sizeof *engine);
}

void ww_engine_tick(ww_engine *engine)
{
    wasmtime_engine_increment_epoch(engine->engine);
}

ww_view ww_engine_fingerprint(const ww_engine *engine)
{
    return ww_view_of(engine->fingerprint, engine->fingerprint_size);
}

bool ww_core_type_equal(const ww_core_type *a, const ww_core_type *b)
{
    return a->param_count == b->param_count && a->result_count == b->result_count &&
           memcmp(a->params, b->params, a->param_count) == 0 &&
           memcmp(a->results, b->results, a->result_count) == 0;
}
