#include "abi/wasi/wasi.h"
#include "abi/wetware/wetware.h"
#include "node/inside.h"
#include <stdio.h>

enum { TICK_NS = 1000000, AUDIT_RECORDS = 4096 };
static const uint64_t cache_bytes_max = UINT64_C(2) << 30;

static void tick(void *self)
{
    ww_node *node = self;
    ww_engine_tick(node->engine);
    ww_engine *roomy = atomic_load_explicit(&node->roomy, memory_order_acquire);
    if (roomy) ww_engine_tick(roomy);
}

/* What a cell may need of the pool: a C guest has 3 instances and 1 memory. */
enum { INSTANCES_PER_CELL = 10, TABLES_PER_CELL = 5 };

static ww_status open_engine(const ww_node *node, bool pooled, ww_engine **out, ww_diag *diag)
{
    ww_engine_options options;
    ww_engine_options_default(&options, pooled);
    options.instances_max = node->cells_max * INSTANCES_PER_CELL;
    options.memories_max = options.stacks_max = node->cells_max;
    options.tables_max = node->cells_max * TABLES_PER_CELL;
    return ww_engine_new(&options, node->allocator, out, diag);
}

ww_status ww_node_roomy_engine(ww_node *node, ww_engine **out, ww_diag *diag)
{
    *out = atomic_load_explicit(&node->roomy, memory_order_acquire);
    if (*out) return WW_OK;
    ww_status status = open_engine(node, false, out, diag);
    if (!status) atomic_store_explicit(&node->roomy, *out, memory_order_release);
    return status;
}

/* Without a usable cache everything works, only slower: not an error, but worth a word. */
static void open_cache(ww_node *node)
{
    char folder[WW_PATH_MAX + sizeof "/code"];
    snprintf(folder, sizeof folder, "%s/code", node->folders.cache);
    ww_cache_options options = {folder, node->folders.state, cache_bytes_max};
    ww_diag diag;
    if (ww_cache_open(&options, node->allocator, &node->cache, &diag)) {
        node->cache = NULL;
        ww_log_print(node->log, WW_LOG_WARN, "ww::cache", "no compile cache: %s", diag.text);
    }
    ww_cached_compiler_init(&node->compiler, node->cache, node->allocator);
}

static ww_status open_parts(ww_node *node, ww_diag *diag)
{
    ww_status status = ww_folders_find(&node->folders, diag);
    if (!status) status = ww_loop_new(node->allocator, NULL, &node->loop, diag);
    if (!status) status = open_engine(node, true, &node->engine, diag);
    if (!status)
        status =
            ww_ticker_new(node->allocator, TICK_NS, (ww_on_tick){node, tick}, &node->ticker, diag);
    if (!status) status = ww_linker_new(node->allocator, &node->linker);
    if (!status) status = ww_wasi_link(node->linker);
    if (!status) status = ww_wetware_link(node->linker);
    if (!status) status = ww_audit_ring_init(&node->audit, node->allocator, AUDIT_RECORDS);
    if (!status) open_cache(node);
    return status;
}

ww_status ww_node_new(const ww_node_options *options, ww_node **out, ww_diag *diag)
{
    *out = NULL;
    ww_node *node = ww_alloc_zeroed(options->allocator, sizeof *node);
    if (!node) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    node->allocator = options->allocator;
    node->log = options->log;
    node->cells_max = options->cells_max;
    ww_random_system_init(&node->random);
    ww_status status = open_parts(node, diag);
    if (status)
        ww_node_free(node);
    else
        *out = node;
    return status;
}

void ww_node_free(ww_node *node)
{
    if (!node) return;
    ww_ticker_free(node->ticker);
    ww_cache_close(node->cache);
    ww_linker_free(node->linker);
    ww_engine_free(node->roomy);
    ww_engine_free(node->engine);
    ww_loop_free(node->loop);
    ww_audit_ring_deinit(&node->audit);
    ww_random_system_deinit(&node->random);
    ww_free(node->allocator, node, sizeof *node);
}
