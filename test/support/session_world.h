/* test/support/session_world.h - a node without cells: two vats, a loop whose clock the test moves, a fake spawner, and one
 * tenant whose link leads from vat b (the node) to vat a (the client). */
#pragma once
#include "capnp/membrane.capnp.h"
#include "capnp/peer.capnp.h"
#include "capnp/runtime.capnp.h"
#include "capnp/stem.capnp.h"
#include "rpc/session.h"
#include "support/capnp_link.h"
#include "support/clock.h"
#include "support/fake_cells.h"

#define STALE   "staleEpoch: session epoch no longer current"
#define REVOKED "revoked: this authority was withdrawn"

typedef struct session_world {
    two_vats l;
    test_clock clock;
    ww_loop *loop;
    ww_random_seeded random;
    ww_epoch_source epochs;
    ww_cap_table table;
    fake_cells cells;
    ww_rpc_node node;
    ww_authority principal;
    ww_account *top, *account; /* the node's, and the world's below it */
    ww_tenant *tenant;
    ww_capnp_cap *membrane; /* as the client holds it */
} session_world;

/* What a client does with its answer: kept until it is dropped. */
typedef struct outcome {
    waiter w;
    ww_capnp_call *call;
} outcome;

typedef struct grafted {
    ww_capnp_cap *poller, *host, *executor;
    uint64_t seq;
    char head[32];
} grafted;

typedef struct client_process {
    ww_capnp_cap *process, *in, *out, *err;
} client_process;

/* `rights` NULL: a trusted link of the world's principal. Either is on the world's account. */
void scene_init_with(session_world *w, const ww_tenant_rights *rights);
void scene_init(session_world *w);
/* All is given back: memory, programs, cells, allowances, grants. */
void scene_deinit(session_world *w);
void scene_pump(session_world *w);
void scene_wait_ms(session_world *w, uint64_t ms);
void scene_advance(session_world *w);

void outcome_send(outcome *o, ww_capnp_call *call);
void outcome_drop(outcome *o);
/* Sends, pumps, drops; the reason of the failure, "" for success, in o->w. */
const char *outcome_of(session_world *w, outcome *o, ww_capnp_call *call);

const char *scene_graft(session_world *w, ww_capnp_cap *signer, grafted *out);
void grafted_drop(grafted *g);

ww_capnp_call *begin_poll(ww_capnp_cap *poller);
ww_capnp_call *begin_echo(ww_capnp_cap *executor, const char *message);
ww_capnp_call *begin_run(ww_capnp_cap *executor, const char *wasm);
ww_capnp_call *begin_read(ww_capnp_cap *stream, uint32_t max);
ww_capnp_call *begin_write(ww_capnp_cap *stream, ww_view data);
ww_capnp_call *begin_close(ww_capnp_cap *stream);
ww_capnp_call *begin_wait(ww_capnp_cap *process);
ww_capnp_call *begin_kill(ww_capnp_cap *process);

/* Runs bytes; all four capabilities are the client's. */
void client_run(session_world *w, ww_capnp_cap *executor, client_process *out);
void client_process_of(session_world *w, ww_capnp_cap *process, client_process *out);
void client_process_drop(client_process *p);
/* The text that a read gives, or its failure. */
const char *client_read(session_world *w, ww_capnp_cap *stream, uint32_t max, char *out,
                        size_t size);
const char *client_write(session_world *w, ww_capnp_cap *stream, const char *text);
int32_t client_wait(session_world *w, ww_capnp_cap *process);
