/* node/inside.h - the parts of a node, for the files of this folder. */
#pragma once
#include "cell/cell.h"
#include "component/host.h"
#include "config/folders.h"
#include "config/identity.h"
#include "config/setting.h"
#include "loaders/compiler.h"
#include "loaders/image.h"
#include "node/bringup.h"
#include "node/node.h"
#include "node/operator.h"
#include "node/roster.h"
#include "node/spawner.h"
#include "rpc/session.h"

struct ww_node {
    const ww_allocator *allocator;
    const ww_log *log;
    uint32_t cells_max;
    uint64_t memory_bytes_max;
    ww_folders folders;
    ww_loop *loop;
    ww_ticker *ticker;
    ww_engine *engine; /* pooled */
    _Atomic(ww_engine *)
        roomy; /* on demand, for components beyond a pool slot; made when one comes */
    ww_linker *linker;
    ww_random_system random;
    ww_audit_ring audit;
    ww_cache *cache; /* NULL: compiles every time */
    ww_cached_compiler compiler;
    ww_rpc_vat rpc;
    ww_identity identity;
    ww_epoch_source epochs;
    ww_roster roster;
    ww_authority cells; /* of all that the spawner starts */
    ww_node_spawner spawner;
    ww_cap_table table;
    ww_account *account; /* of all that runs here */
    uint8_t peer_id[WW_NODE_MULTIHASH_BYTES];
    ww_allowed_keys keys; /* whose signature a graft takes */
    bool graft_needs_key; /* on the operator socket; what the operator runs needs none */
    ww_rpc_node sessions;
    ww_bringup bringup;
    ww_operators operators;
};

/* Made on first use; the worker's. */
WW_MUST_USE ww_status ww_node_roomy_engine(ww_node *node, ww_engine **out, ww_diag *diag);

/* What every cell of a node may ask of it; what is behind that depends on what it was given. */
#define WW_CELL_CAPABILITIES                                                                       \
    (1u << WW_CAPABILITY_IO | 1u << WW_CAPABILITY_STDIO | 1u << WW_CAPABILITY_ENVIRONMENT |        \
     1u << WW_CAPABILITY_EXIT | 1u << WW_CAPABILITY_CLOCK | 1u << WW_CAPABILITY_RANDOM |           \
     1u << WW_CAPABILITY_FILESYSTEM | 1u << WW_CAPABILITY_MEMBRANE)

/* Through the cache. A worker's. */
WW_MUST_USE ww_status ww_node_compile(ww_node *node, ww_view component, ww_program **out,
                                      ww_diag *diag);

/* The spawner, and what grafts make sessions of. */
void ww_node_open_sessions(ww_node *node);
/* Ends all cells and sessions that are left; waits for compilations under way. */
void ww_node_close_sessions(ww_node *node);

/* One image on its way to a program, on a worker. */
typedef struct ww_loading {
    ww_job job;
    ww_node *node;
    const ww_run_options *options;
    ww_image image;
    ww_program *program; /* the owner's, after `done` */
    ww_status status;
    ww_diag diag;
    void *self;
    void (*done)(void *self);
} ww_loading;

/* `done` runs on the loop, also after ww_loading_cancel. */
WW_MUST_USE ww_status ww_loading_start(ww_loading *load, ww_node *node,
                                       const ww_run_options *options);
void ww_loading_deinit(ww_loading *load); /* after `done` */
