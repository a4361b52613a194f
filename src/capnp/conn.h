/* capnp/conn.h - a connection to another vat: bytes in, bytes out, no I/O of its own.
 *
 * Model      Cap'n Proto RPC, level 1. The transport reads into ww_capnp_conn_room and reports with _received; it writes
 *            what _output shows and reports with _sent. Messages are read where they arrived and written where they
 *            were built.
 * Ownership  The vat outlives the connection. Capabilities and calls of a freed connection stay and fail.
 *            What a connection holds is in an arena of its own: tables, arriving bytes, messages and calls that came,
 *            what was imported, output. Freed, it gives all of that back at once, but for what somebody else still
 *            holds: a capability that was passed on, results that are still read, a call that a server has
 *            not answered. Each of those goes when its holder lets go, and is charged to nobody else until then.
 *            Calls that we make are the vat's; their parameters go over to the connection that they leave by.
 * Bounds     The vat's limits: a peer that floods tables or sends too large a message is aborted, calls above the
 *            limits are answered `overloaded`. And `memory_max` bytes for everything together: nothing that one
 *            peer does takes memory that another may have.
 * Errors     A protocol error aborts this connection with a reason that is sent to the peer, and nothing else.
 * Trust      Everything received is hostile.
 * Time       None is needed but to limit how long a closing connection waits for a peer that does not read; that is
 *            the transport's to do, with ww_capnp_conn_is_over.
 */
#pragma once
#include "capnp/call.h"

typedef struct ww_capnp_conn ww_capnp_conn;

/* `bootstrap` (borrowed, may be NULL) is what the peer gets when it asks for the main object. NULL when memory is short. */
ww_capnp_conn *ww_capnp_conn_new(ww_capnp_vat *vat, ww_capnp_cap *bootstrap);
/* Fails everything that is open with `disconnected`. */
void ww_capnp_conn_free(ww_capnp_conn *conn);

/* The peer's main object, to be called at once; owned. NULL when memory is short. */
ww_capnp_cap *ww_capnp_conn_bootstrap(ww_capnp_conn *conn);
/* The question that `cap`, which _bootstrap gave, stands for: `done` runs once the peer has answered, or the connection
 * or _call_cancel ended it. A reference, to be dropped. NULL, and no `done`: `cap` is something else, or is awaited. */
ww_capnp_call *ww_capnp_bootstrap_await(ww_capnp_cap *cap, ww_capnp_done *done);

/* ---- the transport's side ---- */

/* Where the next bytes go, and how many fit (at least 1; 0 when the connection is over or memory is short). */
uint8_t *ww_capnp_conn_room(ww_capnp_conn *conn, size_t *size);
/* For a transport that holds bytes back: a room for `size` more than the `filled` ones that stand in the present one and
 * were not reported yet, and for the rest of their last message unless that promises much. They move along, to its start.
 * NULL when memory is short: what was there stays. */
uint8_t *ww_capnp_conn_more_room(ww_capnp_conn *conn, size_t filled, size_t size,
                                 size_t *room_size);
/* `size` bytes were put there. AGAIN: go on. Any error is the end: the connection was aborted, *diag says why. */
WW_MUST_USE ww_status ww_capnp_conn_received(ww_capnp_conn *conn, size_t size, ww_diag *diag);
/* The same for bytes that stand elsewhere: copies them in. */
WW_MUST_USE ww_status ww_capnp_conn_feed(ww_capnp_conn *conn, ww_view bytes, ww_diag *diag);

typedef ww_view ww_capnp_iov;

/* What waits to be written, at most `max` pieces; 0 for nothing. Stays valid until _sent. */
size_t ww_capnp_conn_output(ww_capnp_conn *conn, ww_capnp_iov *iov, size_t max);
void ww_capnp_conn_sent(ww_capnp_conn *conn, size_t size);
/* `wake` (borrowed, NULL for none) is told when there is output where none was, and when the connection is over. */
void ww_capnp_conn_on_output(ww_capnp_conn *conn, ww_capnp_wake *wake);

/* At most `max` file descriptors with a message, either way; 0 at first. The vat has its ww_capnp_fds then. A message
 * that brings some is read by itself, so the room is never larger than what is left of one message. */
void ww_capnp_conn_carry_fds(ww_capnp_conn *conn, uint32_t max);
/* Takes the descriptors that came with the bytes to be reported next. */
void ww_capnp_conn_received_fds(ww_capnp_conn *conn, const int *fds, size_t count);
/* Those that must leave with the first byte of the output, which is then one message; borrowed. */
size_t ww_capnp_conn_output_fds(const ww_capnp_conn *conn, int fds[WW_CAPNP_FDS_MAX]);

/* The transport failed or reached its end: everything open fails `disconnected` with `reason`. */
void ww_capnp_conn_lost(ww_capnp_conn *conn, const char *reason);
/* The peer sends nothing more: lost, and the reason says whether a message was cut short. */
void ww_capnp_conn_ended(ww_capnp_conn *conn);
/* Ends it from this side: an Abort with `reason` is queued for the peer. */
void ww_capnp_conn_abort(ww_capnp_conn *conn, ww_capnp_exception type, const char *reason);
/* The same in order: everything open fails, nobody is told why, but what is in the output already goes out. */
void ww_capnp_conn_close(ww_capnp_conn *conn, const char *reason);
/* Why it is over; "" while it is not. */
const char *ww_capnp_conn_reason(const ww_capnp_conn *conn);
/* Aborted, closed or lost: once the output is written (or does not get written any more), close the transport. */
bool ww_capnp_conn_is_over(const ww_capnp_conn *conn);

/* There was no memory for what came by the transport, or _more_room had none: ends it, and says which. */
void ww_capnp_conn_no_memory(ww_capnp_conn *conn);

/* Another bound than the vat's; at least what it has now. */
void ww_capnp_conn_limit_memory(ww_capnp_conn *conn, uint64_t size_max);
size_t
ww_capnp_conn_memory(const ww_capnp_conn *conn); /* bytes that it has now, spare ones included */

/* Bytes that wait to be written. */
uint64_t ww_capnp_conn_output_size(const ww_capnp_conn *conn);

/* Entries in use, for tests and for `idle` decisions: all 0 when nothing is held on either side. */
typedef struct ww_capnp_conn_counts {
    uint32_t questions, answers, exports, imports, embargoes;
} ww_capnp_conn_counts;
ww_capnp_conn_counts ww_capnp_conn_count(const ww_capnp_conn *conn);
