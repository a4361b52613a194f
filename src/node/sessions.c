#include "node/inside.h"

static ww_status compile(void *self, ww_view component, ww_program **out, ww_diag *diag)
{
    return ww_node_compile(self, component, out, diag);
}

static void open_spawner(ww_node *node)
{
    ww_node_spawner_options options = {
        .allocator = node->allocator,
        .log = node->log,
        .loop = node->loop,
        .ticker = node->ticker,
        .random = &node->random.base,
        .audit = &node->audit,
        .rpc = &node->rpc,
        .roster = &node->roster,
        .authority = &node->cells,
        .maker = {node, compile},
        .memory_bytes_max = node->memory_bytes_max,
        .capabilities = WW_CELL_CAPABILITIES,
    };
    ww_node_spawner_init(&node->spawner, &options);
}

void ww_node_open_sessions(ww_node *node)
{
    open_spawner(node);
    ww_cap_table_init(&node->table, node->allocator, WW_CAP_TABLE_MAX);
    ww_identity_multihash(node->identity.id, node->peer_id);
    node->sessions = (ww_rpc_node){
        .allocator = node->allocator,
        .vat = node->rpc.vat,
        .loop = node->loop,
        .random = &node->random.base,
        .epochs = &node->epochs,
        .table = &node->table,
        .spawner = &node->spawner.base,
        .account = node->account,
        .limits = {.memory_bytes_max = node->memory_bytes_max},
        .peer_id = ww_view_of(node->peer_id, sizeof node->peer_id),
        .signers = node->keys.keys,
        .signer_count = node->keys.count,
    };
    memcpy(node->sessions.id, node->identity.id, sizeof node->sessions.id);
}

/* Sessions take some turns of the loop to end; whoever asked for a program has to be answered. */
void ww_node_close_sessions(ww_node *node)
{
    enum { TURNS_MAX = 1000, TURNS_MORE = 8 };
    while (node->spawner.programs.compilation_count)
        ww_loop_turn(node->loop, true);
    ww_node_spawner_close(&node->spawner);
    for (int i = 0; node->table.in_use && i < TURNS_MAX; i++)
        ww_loop_turn(node->loop, false);
    for (int i = 0; i < TURNS_MORE; i++)
        ww_loop_turn(node->loop, false);
    ww_cap_table_deinit(&node->table);
}
