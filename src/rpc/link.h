/* rpc/link.h - a connection to another vat, over a transport, on the loop.
 *
 * Model      A link binds one connection of a ww_rpc_vat to one transport. It ends by ww_rpc_link_close, by the peer's end, by a protocol error or a failed transport:
 *            all open calls fail at once, what was written still goes out, and then `over` is told.
 * Ownership  The vat outlives its links. A link owns its transport. The owner frees the link, in `over` at the earliest
 *            sensible moment, or any time before: then the transport is closed at once.
 * Bounds     While more than WW_RPC_OUTPUT_SIZE_MAX bytes wait to be written, nothing is read.
 * Time       A peer that takes none of what waits for it is given up after a while, on the loop's clock: a closing link
 *            waits WW_RPC_CLOSING_MS at most, one that may not read for its output WW_RPC_STALLED_MS without a byte taken.
 * Errors     `over` says why in one line: what the peer sent as its reason, what it did wrong, or what the system said.
 * Threads    The loop's.
 * Trust      Everything received is hostile; a peer can end its own link and nothing else.
 */
#pragma once
#include "os/transport.h"
#include "rpc/vat.h"

enum { WW_RPC_OUTPUT_SIZE_MAX = 32 << 20, WW_RPC_CLOSING_MS = 2000, WW_RPC_STALLED_MS = 60000 };

typedef struct ww_rpc_link ww_rpc_link;

/* Embedded in whoever opens links. */
typedef struct ww_rpc_owner ww_rpc_owner;
struct ww_rpc_owner {
    /* Once, from a turn of the loop, last of all; the link may be freed here. `reason` is the link's. */
    void (*over)(ww_rpc_owner *self, ww_rpc_link *link, const char *reason);
};

/* Takes `transport`, in any case. `bootstrap` (borrowed, may be NULL) is what the peer gets when it asks for the main
 * object; `owner` is borrowed and may be NULL. E_MEMORY. */
WW_MUST_USE ww_status ww_rpc_link_open(ww_rpc_vat *vat, ww_transport *transport,
                                       ww_capnp_cap *bootstrap, ww_rpc_owner *owner,
                                       ww_rpc_link **out);
/* The same over a socket; takes `fd`. */
WW_MUST_USE ww_status ww_rpc_link_open_fd(ww_rpc_vat *vat, ww_fd *fd, ww_capnp_cap *bootstrap,
                                          ww_rpc_owner *owner, ww_rpc_link **out, ww_diag *diag);

/* At most `max` file descriptors with a message, either way; before the loop's next turn, at first none. E_UNSUPPORTED:
 * no Unix socket. What a message brings beyond that, or no capability claims, is closed. */
WW_MUST_USE ww_status ww_rpc_link_carry_fds(ww_rpc_link *link, uint32_t max, ww_diag *diag);

/* The peer's main object, to be called at once; owned. NULL when memory is short. */
ww_capnp_cap *ww_rpc_link_bootstrap(ww_rpc_link *link);
ww_capnp_conn *ww_rpc_link_conn(ww_rpc_link *link); /* to abort or to count; borrowed */

/* Ends it in order: open calls fail with `reason`, which the peer is not told. */
void ww_rpc_link_close(ww_rpc_link *link, const char *reason);
/* At once, without `over`; not from a server's `destroy`. Also NULL. */
void ww_rpc_link_free(ww_rpc_link *link);
