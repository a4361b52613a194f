/* node/bringup.h - what a node brings up: dataflow modules, their components, and pid0, in one queue.
 *
 * Model      The queue (bootstrap/bootstrap.h) has two drivers: the dataflow engine, and whoever runs
 *            pid0. Modules and components come with installs, over the operator's connection. An install
 *            compiles the components that it binds, asks them what they need, hands all to the engine, asks for the bootstraps of
 *            its components, and arms the install order; what needs inputs waits for the operator.
 *            What was installed and which targets are up is in a journal (node/keeper.h), from which
 *            the next node goes on. One task lets the engine run, whenever something came for it or its time has come.
 * Ownership  Owned by the node; what its parts point to is the node's. Closed before the loop, after
 *            the connections and the programs.
 * Bounds     Those of the queue and the engine; WW_INSTALLS_MAX installs at a time; WW_LISTENERS_MAX calls that
 *            wait for events (node/events.h).
 * Errors     Failures of bootstraps and operations are log lines, and in the status.
 * Threads    The loop's; components are compiled on workers.
 * Trust      Artifacts and components are hostile. Whoever asks is the node's owner.
 */
#pragma once
#include "capnp/bringup.capnp.h"
#include "capnp/frame.h"
#include "node/events.h"
#include "node/flow_guest.h"
#include "node/keeper.h"
#include "node/programs.h"
#include "node/states.h"

enum { WW_INSTALLS_MAX = 16, WW_BINDINGS_MAX = 64, WW_LISTENERS_MAX = 64 };

typedef struct ww_node ww_node;
typedef struct ww_install ww_install;

/* Who runs pid0. */
typedef struct ww_pid0 ww_pid0;
struct ww_pid0 {
    void (*start)(ww_pid0 *self); /* its turn has come: ww_bringup_started follows */
    uint64_t ticket;
    bool is_started;
};

typedef struct ww_bringup {
    ww_node *node;
    ww_budget budget;
    ww_bootstrap *queue;
    ww_dataflow *flow;
    ww_flow_guests guests;
    ww_authority authority;
    ww_task task;
    ww_timer timer;
    ww_pid0 *pid0;
    uint32_t pid0_target; /* in the queue, or WW_BOOTSTRAP_NONE */
    ww_install *installs; /* under way */
    uint32_t install_count;
    ww_capnp_server server;
    ww_events events;
    struct ww_listener_call *listeners; /* calls that wait for the next event */
    uint32_t listener_count;
    ww_keeper keeper;
    ww_states states;
    uint32_t asked_count;   /* components whose bootstraps were asked for, if they have one */
    bool is_to_arm;         /* something was installed since */
    bool is_resuming;       /* what the journal says comes before other installs */
    ww_capnp_frame resumed; /* the install of the journal that is under way */
    ww_task resume;
} ww_bringup;

WW_MUST_USE ww_status ww_bringup_open(ww_bringup *bringup, ww_node *node, ww_diag *diag);
void ww_bringup_close(ww_bringup *bringup); /* also fit for a zeroed one */

/* Installs what the journal says, and goes on with the first target that was not up. Other installs wait for that. */
void ww_bringup_resume(ww_bringup *bringup);

/* Puts pid0, under that name, into the queue. */
WW_MUST_USE ww_status ww_bringup_add_pid0(ww_bringup *bringup, ww_pid0 *pid0, ww_view name,
                                          ww_diag *diag);
/* It runs, or could not be started. Also for one that was not asked to start. */
void ww_bringup_started(ww_bringup *bringup, ww_status status);

/* The engine has something to do. */
void ww_bringup_wake(ww_bringup *bringup);

/* An install: from its parts to modules in the engine. */
struct ww_install {
    ww_bringup *bringup;
    ww_install *next, **link;
    ww_load load;
    bringup_install_r parts;
    uint32_t loaded_count;
    ww_loaded *loaded[WW_BINDINGS_MAX]; /* for the bindings, in their order */
    ww_flow_ask ask;                    /* of the last that is loaded */
    uint32_t offer_count;
    ww_flow_offer *offers[WW_BINDINGS_MAX]; /* what they said */
    ww_arena memory;
    ww_view *modules; /* that it installed */
    uint32_t module_count;
    bool is_kept; /* it came from the journal */
    bool is_held; /* until the journal's are installed */
    ww_keep keep; /* else the journal's record of it */
    ww_diag diag;
    /* Called when `modules` are known and nothing is installed yet: what makes the answer fail
     * makes the install fail. May be NULL. */
    ww_status (*prepare)(ww_install *self);
    /* Once, not from inside ww_install_start, when it has failed or is on the disk; frees it. */
    void (*done)(ww_install *self, ww_status status);
};

/* The caller sets `parts`, which stay until `done`, `done`, and `prepare`. All or nothing. */
void ww_install_start(ww_bringup *bringup, ww_install *install);
void ww_install_deinit(ww_install *install); /* in `done` */
/* Starts those that waited for the journal's. */
void ww_installs_go_on(ww_bringup *bringup);

/* A new reference to the interface of capnp/bringup.capnp, or NULL without memory. */
ww_capnp_cap *ww_bringup_serve(ww_bringup *bringup);
/* Answers who waits for events, if there are new ones; all of them when the bring-up closes. */
void ww_bringup_answer_listeners(ww_bringup *bringup, bool is_closing);
