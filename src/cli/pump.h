/* cli/pump.h - bytes between this process's standard streams and a remote process's.
 *
 * Model      An output pump reads from a ByteStream and writes to a descriptor until the stream's
 *            end; an input pump does the reverse and closes the stream at the descriptor's end. One
 *            piece is under way at a time, so a slow reader slows the writer.
 * Ownership  Pumps are embedded, hold references of their stream and descriptor, and are stopped
 *            before they go; the memory stays until the stream's connection is over, since a call
 *            may still be under way.
 * Bounds     WW_PUMP_BYTES.
 * Errors     A stream that fails ends the pump; a descriptor that cannot be written closes the
 *            stream, so that the guest is told.
 * Threads    The loop's. Files and devices without readiness block it: there is nothing else to do.
 */
#pragma once
#include "capnp/peer.capnp.h"
#include "os/fd.h"

enum { WW_PUMP_BYTES = 64 << 10 };

typedef struct ww_pump ww_pump;
struct ww_pump {
    ww_loop *loop;
    ww_fd *fd; /* NULL: a closed descriptor, at its end or swallowing everything */
    peer_byte_stream_cap stream;
    ww_capnp_call *call;
    ww_capnp_done done;
    ww_task turn;
    ww_waker waker;
    ww_waiter waiter;
    ww_view rest;                /* of an output pump's last piece, in its call */
    void (*over)(ww_pump *self); /* once, from a turn; may be NULL */
    bool is_over, is_closing;
    uint8_t *buffer; /* an input pump's */
};

/* `stream` is taken, in any case. */
void ww_pump_output(ww_pump *pump, ww_loop *loop, peer_byte_stream_cap stream, int number);
void ww_pump_input(ww_pump *pump, ww_loop *loop, peer_byte_stream_cap stream, int number);
void ww_pump_stop(ww_pump *pump); /* also fit for a zeroed one */
