/* os/transport.h - a stream of bytes to a peer and from it, moved by the loop: a connected socket, a pair of pipes, or
 * a pair of rings in memory.
 *
 * Model      The user says where arriving bytes go and shows what is to be written; the transport moves both as soon as
 *            the other end allows. The two directions end apart: `ended` tells that the peer sends nothing more,
 *            ww_transport_finish says the same to the peer. When both have ended, or one has failed, `closed` is told.
 * Ownership  The transport holds references of its ends. The user owns the transport and frees it, at any time, also
 *            inside a callback.
 * Bounds     Holds no byte itself: what is written is the user's until `sent`. A turn moves at most 1 MiB each way.
 * Back-pressure  A user whose `room` is NULL is not read from until something was sent or ww_transport_wake was called.
 * Threads    The loop's. Callbacks come from the loop's turns and from ww_transport_flush, never from the rest.
 * Errors     A failed write ends the transport only after what had arrived before it was handed out: it may say why.
 * Trust      Bytes pass unread.
 */
#pragma once
#include "os/fd.h"
#include "os/ring.h"

typedef struct ww_transport ww_transport;

/* Embedded in the user. */
typedef struct ww_transport_user {
    const struct ww_transport_methods *methods;
} ww_transport_user;

typedef struct ww_transport_methods {
    /* Where the next bytes go, at least one; NULL: not now. */
    uint8_t *(*room)(ww_transport_user *self, size_t *size);
    void (*received)(ww_transport_user *self, size_t size);
    /* What is to be written, at most `max` pieces; 0: nothing. Stays valid until `sent`. */
    size_t (*output)(ww_transport_user *self, ww_view *pieces, size_t max);
    void (*sent)(ww_transport_user *self, size_t size);
    void (*ended)(ww_transport_user *self); /* the peer sends nothing more; writing goes on */
    /* Only where ww_transport_carry_fds was called. Takes descriptors that came with the bytes that `received` tells next. */
    void (*received_fds)(ww_transport_user *self, const int *fds, size_t count);
    /* Descriptors that leave with the first byte of the output, at most WW_SOCKET_FDS_MAX; borrowed. */
    size_t (*output_fds)(ww_transport_user *self, int *fds);
    /* Last of all and once: WW_OK when both directions had ended in order, E_IO with what the system said. */
    void (*closed)(ww_transport_user *self, ww_status status, const char *reason);
} ww_transport_methods;

/* `in` and `out` (references are added) are streams or sockets, and may be one. E_UNSUPPORTED for files, E_MEMORY. */
WW_MUST_USE ww_status ww_transport_new_fd(ww_loop *loop, ww_fd *in, ww_fd *out,
                                          ww_transport **out_transport, ww_diag *diag);
/* As above, in memory. NULL when memory is short. */
ww_transport *ww_transport_new_ring(ww_loop *loop, ww_ring *in, ww_ring *out);
/* Both ends of a connection in memory, each direction holding at most `capacity` bytes. */
WW_MUST_USE ww_status ww_transport_new_pair(ww_loop *loop, size_t capacity, ww_transport *ends[2]);
void ww_transport_free(ww_transport *transport); /* closes at once; also NULL */

/* Descriptors pass, at most `max` at a time; before the start. E_UNSUPPORTED: it is no Unix socket. */
WW_MUST_USE ww_status ww_transport_carry_fds(ww_transport *transport, size_t max, ww_diag *diag);

/* From the next turn on. `user` (borrowed) must outlive the transport. */
void ww_transport_start(ww_transport *transport, ww_transport_user *user);

/* There is room or output again: looks at both in a turn to come. */
void ww_transport_wake(ww_transport *transport);
/* Writes now what waits; not from inside the transport's callbacks. */
void ww_transport_flush(ww_transport *transport);

/* Once all output is written, tells the peer that nothing more comes. */
void ww_transport_finish(ww_transport *transport);
/* Finishes, and throws away what still arrives until the peer finishes too: then `closed`. A socket closed with unread
 * bytes would be reset, and the peer might lose what was written last. How long to wait is the user's to say. */
void ww_transport_close(ww_transport *transport);
