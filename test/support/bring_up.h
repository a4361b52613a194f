/* test/support/bring_up.h - a node of which only the bring-up is there, its operator's side in the same vat, and what it
 * holds.
 *
 * Model      All that the bring-up takes comes from one allocator, which can be told to fail. Components are not compiled:
 *            whatever bytes are given, the program is test/guest/store.c, for "learner" that of this name, and for "bad"
 *            one that is not of the contract; "broken" does not compile. Time moves while the test waits.
 */
#pragma once
#include "node/inside.h"
#include "support/cells.h"
#include "support/clock.h"
#include "support/folder.h"

typedef struct test_log {
    ww_log base;
    ww_buf text; /* lines */
} test_log;

/* What all nodes of a test program share. */
typedef struct bring_up_world {
    test_cells cells;
    ww_program *store, *learner, *other;
} bring_up_world;

typedef struct bring_up_node {
    bring_up_world *world;
    test_allocator allocator;
    test_clock clock;
    test_log log;
    ww_node node;
    bringup_bring_up_cap cap;
    char reason[256]; /* why the last request was refused */
} bring_up_node;

void bring_up_world_init(bring_up_world *world);
void bring_up_world_deinit(bring_up_world *world);

/* With its state in `folder`. */
void bring_up_init(bring_up_node *f, bring_up_world *world, const char *folder);
ww_status bring_up_open(bring_up_node *f, ww_diag *diag); /* part of init; after a close, again */
void bring_up_close(bring_up_node *f);                    /* the bring-up alone */
void bring_up_deinit(bring_up_node *f);                   /* everything was given back */

void bring_up_turn(bring_up_node *f);
void bring_up_settle(bring_up_node *f); /* until nothing is left to do */
/* How often the log has that. */
uint32_t bring_up_logged(const bring_up_node *f, const char *text);

/* What a refused request must not change. */
typedef struct bring_up_facts {
    uint32_t modules, components, targets, cells, done;
    uint64_t journal_bytes;
} bring_up_facts;

bring_up_facts bring_up_facts_of(const bring_up_node *f);

/* A call that was begun; NULL when it was not. Sends it and waits: NULL, or why it was refused. */
const char *bring_up_ask(bring_up_node *f, ww_capnp_call *call);
const char *bring_up_ask_kept(bring_up_node *f, ww_capnp_call *call); /* which the caller drops */

typedef struct bring_up_bind {
    const char *slot, *wasm, *config;
} bring_up_bind;

/* Compiles `text`, and cuts off the artifact's last bytes. */
ww_capnp_call *bring_up_install_call(bring_up_node *f, const char *text, size_t cut,
                                     const bring_up_bind *bindings, uint32_t count);
const char *bring_up_install(bring_up_node *f, const char *text, const bring_up_bind *bindings,
                             uint32_t count);

typedef struct bring_up_input {
    const char *name, *bytes;
} bring_up_input;

const char *bring_up_bootstrap(bring_up_node *f, const char *target, const bring_up_input *inputs,
                               uint32_t count);
const char *bring_up_invoke(bring_up_node *f, const char *module, const bring_up_input *inputs,
                            uint32_t count);
/* The topics of the events behind that number, with a space behind each, in `reason`; false: why they were refused. */
bool bring_up_events(bring_up_node *f, uint64_t after);
ww_capnp_call *bring_up_events_call(bring_up_node *f, uint64_t after, bool waits);
/* The state of a target, or -1; -2 when that could not be asked: see `reason`. */
int bring_up_state_of(bring_up_node *f, const char *target);
