#include "abi/wasi/wasi.h"
#include "abi/wetware/wetware.h"
#include "node/inside.h"
#include "os/file.h"
#include <stdio.h>
#include <unistd.h>

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

/* A key that is there must be sound. Where none can be kept, the node is somebody else each
 * time. */
static ww_status open_identity(ww_node *node, ww_diag *diag)
{
    ww_identity *identity = &node->identity;
    ww_status status = ww_identity_open(node->folders.state, node->allocator, identity, diag);
    if (!status || status == WW_E_INVALID || status == WW_E_MEMORY) return status;
    ww_log_print(node->log, WW_LOG_WARN, "ww::node", "%s; this one is for this time only",
                 diag->text);
    status = ww_ed25519_generate(identity->seed, identity->id);
    return status ? ww_fail(diag, status, "Ed25519: %s", ww_status_text(status)) : WW_OK;
}

/* A socket that was asked for by name must be had; the usual one is a convenience. */
static ww_status open_operators(ww_node *node, const char *socket, ww_diag *diag)
{
    ww_operators_init(&node->operators, node);
    if (!socket) return WW_OK;
    if (node->graft_needs_key && !node->keys.count)
        ww_log_print(node->log, WW_LOG_WARN, "ww::operator",
                     "no key is allowed, so nobody can graft on the socket; name some with "
                     "--allow-key");
    if (strcmp(socket, WW_SOCKET_AUTO)) return ww_operators_open(&node->operators, socket, diag);
    char path[WW_PATH_MAX];
    ww_folder folder;
    ww_status status = ww_folder_make(node->folders.runtime, &folder, diag);
    if (!status) {
        ww_folder_close(&folder);
        status = ww_folders_socket(&node->folders, (uint32_t)getpid(), path, diag);
    }
    if (!status) status = ww_operators_open(&node->operators, path, diag);
    if (status)
        ww_log_print(node->log, WW_LOG_WARN, "ww::operator", "no operator socket: %s", diag->text);
    return WW_OK;
}

/* The one above all others: what there is room for on this node. */
static ww_status open_account(ww_node *node, ww_diag *diag)
{
    node->account = ww_account_new(node->allocator);
    if (!node->account) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    ww_budget *budgets = node->account->principal.budgets;
    budgets[WW_PRINCIPAL_CELLS].max = node->cells_max;
    budgets[WW_PRINCIPAL_COMPILATIONS].max = WW_COMPILATIONS_MAX;
    budgets[WW_PRINCIPAL_GRANTS].max = WW_CAP_TABLE_MAX;
    return WW_OK;
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
    if (!status) status = ww_contract_link(node->linker);
    if (!status) status = ww_audit_ring_init(&node->audit, node->allocator, AUDIT_RECORDS);
    if (!status) open_cache(node);
    if (!status) status = ww_rpc_vat_init(&node->rpc, node->loop, NULL);
    if (!status) status = open_identity(node, diag);
    if (!status) status = open_account(node, diag);
    if (!status) ww_node_open_sessions(node);
    if (!status) status = ww_bringup_open(&node->bringup, node, diag);
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
    node->memory_bytes_max = options->memory_bytes_max;
    ww_random_system_init(&node->random);
    ww_roster_init(&node->roster);
    if (options->keys) node->keys = *options->keys;
    node->graft_needs_key = options->graft_needs_key;
    if (options->has_static_epoch)
        ww_epoch_source_init_static(&node->epochs, node->allocator);
    else
        ww_epoch_source_init_local(&node->epochs, node->allocator);
    ww_status status = open_parts(node, diag);
    if (!status) status = open_operators(node, options->socket, diag);
    if (status)
        ww_node_free(node);
    else
        *out = node;
    return status;
}

void ww_node_free(ww_node *node)
{
    if (!node) return;
    ww_operators_close(&node->operators);
    if (node->rpc.vat) ww_node_close_sessions(node);
    ww_bringup_close(&node->bringup);
    ww_rpc_vat_deinit(&node->rpc);
    ww_ticker_free(node->ticker);
    ww_loop_free(node->loop); /* and compilations under way with it */
    ww_cache_close(node->cache);
    ww_linker_free(node->linker);
    ww_engine_free(node->roomy);
    ww_engine_free(node->engine);
    ww_audit_ring_deinit(&node->audit);
    ww_epoch_source_deinit(&node->epochs);
    ww_identity_wipe(&node->identity);
    ww_random_system_deinit(&node->random);
    ww_account_unref(node->account);
    ww_free(node->allocator, node, sizeof *node);
}
