/* cell/link.h - the Cap'n Proto session between a cell and its host, over wetware:streams.
 *
 * Model      A source and a sink whose other side is a connection of the loop's vat. What the guest
 *            writes is copied once, from its memory into the connection's own room, where it is read
 *            as messages; what it reads comes from the messages that wait there. Nothing is brought
 *            to the connection before the end of the loop's turn (rpc/vat.h), never inside a guest's
 *            call.
 *
 *              open -> draining -> closed
 *
 *            Draining: the guest is over; what it has sent is still delivered. Closed: everything
 *            open on the link failed as `disconnected`. A guest that drops one of its streams closes
 *            the link for both directions; a connection that was aborted (the guest sent nonsense)
 *            reads as its Abort message and then as the end.
 * Ownership  Embedded in the cell. Source and sink count who holds them: nobody after somebody is
 *            the guest's way to close. They outlive the instance, whose streams hold them.
 * Bounds     WW_LINK_BUDGET bytes written and not yet read by the host, or what the connection has
 *            room for: once it has seen the begin of a large message, that is more of it. A guest that
 *            leaves more than WW_LINK_OUTPUT_MAX bytes of answers unread is not listened to until it
 *            reads. The connection has an arena of its own, of at most WW_LINK_MEMORY_MAX bytes: the
 *            largest message, and half as much for everything else.
 * Threads    The loop's.
 * Trust      Every byte that the guest writes is hostile. At worst it ends this link.
 */
#pragma once
#include "resource/wasi.h"
#include "rpc/vat.h"

enum {
    WW_LINK_BUDGET = 64 << 10,
    WW_LINK_OUTPUT_MAX = 64 << 10,
    WW_LINK_MEMORY_MAX = 96 << 20,
    WW_LINK_PIECES = 16
};

typedef enum ww_link_state { WW_LINK_OPEN, WW_LINK_DRAINING, WW_LINK_CLOSED } ww_link_state;

typedef struct ww_cell_link {
    ww_source input; /* what the guest reads */
    ww_sink output;  /* what it writes */
    ww_rpc_vat *vat;
    ww_capnp_conn *conn; /* NULL: the cell has no link */
    ww_rpc_port port;
    ww_capnp_wake on_output;
    ww_waiters readers, writers;
    uint8_t state; /* ww_link_state */
    bool closed_by_guest;
    uint8_t *room; /* in the connection; `arrived` bytes of it are filled */
    size_t room_size, arrived;
    ww_capnp_iov
        pieces[WW_LINK_PIECES]; /* of the connection's output, `taken` bytes of which are read */
    size_t piece_count, piece, taken_of_piece, taken;
    ww_diag why; /* the guest broke the protocol */
} ww_cell_link;

/* Offers `bootstrap` (borrowed, may be NULL) to the guest. */
WW_MUST_USE ww_status ww_cell_link_init(ww_cell_link *link, ww_rpc_vat *vat,
                                        ww_capnp_cap *bootstrap);
void ww_cell_link_deinit(ww_cell_link *link); /* also fit for a zeroed one */

/* The link's part of `wasi`. */
void ww_cell_link_give(ww_cell_link *link, ww_wasi_options *wasi);

/* The guest is over. AGAIN: what it has sent is on its way, `waker` is called when there is news. */
WW_MUST_USE ww_status ww_cell_link_drain(ww_cell_link *link, ww_waiter *waiter, ww_waker *waker);
