/* rpc/vat.h - a vat on a loop, and when its work is done: at the end of each turn, after everything else.
 *
 * Model      Whatever carries the bytes of a connection is a port. A port that has something to bring or to take is
 *            noted; at the end of the loop's turn what waits in the vat is delivered, then the next noted port has its
 *            turn, and so on until neither is left or WW_RPC_DELIVERIES_PER_TURN are done. So nothing is dispatched
 *            inside a guest's call or a transport's callback, and many messages are written at once.
 * Ownership  Borrows the loop. The vat outlives its ports, which are embedded in their owners and dropped before those go.
 * Bounds     WW_RPC_DELIVERIES_PER_TURN, for everything on the vat together.
 * Threads    The loop's.
 */
#pragma once
#include "capnp/conn.h"
#include "os/loop.h"

enum { WW_RPC_DELIVERIES_PER_TURN = 1024 };

typedef struct ww_rpc_port ww_rpc_port;
struct ww_rpc_port {
    void (*turn)(ww_rpc_port *self); /* may note and drop any port, and free its own */
    ww_rpc_port *next, **link;       /* as in a waiter */
};

/* Embedded in whoever hosts the vat; nothing but `loop` and `vat` is touched from outside. */
typedef struct ww_rpc_vat {
    ww_loop *loop;
    ww_capnp_vat *vat;
    ww_capnp_wake wake;
    ww_capnp_fds fds;
    ww_task task;
    ww_rpc_port *first, **last; /* the noted ones */
    bool is_running;
} ww_rpc_vat;

/* `limits` is copied; NULL means the defaults. E_MEMORY. */
WW_MUST_USE ww_status ww_rpc_vat_init(ww_rpc_vat *self, ww_loop *loop,
                                      const ww_capnp_limits *limits);
/* After its ports were dropped and all references given back. Runs what is still queued. */
void ww_rpc_vat_deinit(ww_rpc_vat *self); /* also fit for a zeroed one */

/* The port has a turn, soon; no effect if it is noted already. */
void ww_rpc_note(ww_rpc_vat *self, ww_rpc_port *port);
void ww_rpc_drop(ww_rpc_vat *self, ww_rpc_port *port); /* no effect if it is not noted */

static inline bool ww_rpc_is_noted(const ww_rpc_port *port)
{
    return port->link != NULL;
}
