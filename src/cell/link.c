/* Invariants
 *  1. The guest's side (source and sink) touches `room`, `pieces` and counts, and calls the connection
 *     only to ask whether it is over and for a larger room. All else happens in the port's turn.
 *  2. room[0, arrived) is what the guest wrote and the connection was not told of.
 *  3. pieces[piece ..] from taken_of_piece on is what the guest can read; it stays valid until the
 *     connection is told that `taken` bytes are gone.
 *  4. The guest wrote, or has read all pieces => the port is noted, unless the guest is not listened
 *     to.
 */
#include "cell/link.h"
#include <errno.h>

static ww_cell_link *of_source(ww_source *source)
{
    return WW_CONTAINER_OF(source, ww_cell_link, input);
}

static ww_cell_link *of_sink(ww_sink *sink)
{
    return WW_CONTAINER_OF(sink, ww_cell_link, output);
}

static bool is_over(const ww_cell_link *link)
{
    return link->state == WW_LINK_CLOSED || ww_capnp_conn_is_over(link->conn);
}

static void note(ww_cell_link *link)
{
    ww_rpc_note(link->vat, &link->port);
}

/* --- what the guest reads */

static bool has_pieces(const ww_cell_link *link)
{
    return link->piece < link->piece_count;
}

/* Nothing is readable, and nothing will be. */
static bool is_at_end(const ww_cell_link *link)
{
    return is_over(link) && !ww_rpc_is_noted(&link->port);
}

/* From the current piece; the number of bytes. */
static size_t take(ww_cell_link *link, uint8_t *out, size_t size)
{
    const ww_view *piece = &link->pieces[link->piece];
    size_t left = piece->size - link->taken_of_piece;
    if (size > left) size = left;
    memcpy(out, piece->data + link->taken_of_piece, size);
    link->taken_of_piece += size;
    link->taken += size;
    if (size == left) {
        link->piece++;
        link->taken_of_piece = 0;
    }
    return size;
}

static ww_status link_read(ww_source *base, void *out, size_t size, size_t *got)
{
    ww_cell_link *link = of_source(base);
    *got = 0;
    if (size == 0) return WW_OK;
    if (!has_pieces(link)) return is_at_end(link) ? WW_E_CLOSED : WW_AGAIN;
    while (*got < size && has_pieces(link))
        *got += take(link, (uint8_t *)out + *got, size - *got);
    if (!has_pieces(link)) note(link);
    return WW_OK;
}

static bool link_readable(ww_source *base)
{
    ww_cell_link *link = of_source(base);
    return has_pieces(link) || is_at_end(link);
}

static ww_status link_wait_read(ww_source *base, ww_waiter *waiter, ww_waker *waker)
{
    ww_waiters_add(&of_source(base)->readers, waiter, waker);
    return WW_OK;
}

static void close_by_guest(ww_cell_link *link)
{
    link->closed_by_guest = true;
    note(link);
}

static void link_source_free(ww_source *base)
{
    close_by_guest(of_source(base));
}

/* --- what the guest writes */

static void fail_output(ww_cell_link *link, int error)
{
    if (!link->output.error) link->output.error = error;
}

static size_t link_room(ww_sink *base)
{
    ww_cell_link *link = of_sink(base);
    if (is_over(link)) fail_output(link, EPIPE);
    if (base->error) return 0;
    size_t used = link->arrived;
    size_t all = link->room_size > WW_LINK_BUDGET ? link->room_size : WW_LINK_BUDGET;
    size_t room = used < all ? all - used : 0;
    return room < WW_STREAM_ROOM_MIN ? 0 : room;
}

/* Until the room holds `size` more bytes. Once it did not, it holds all that the guest may write in this turn. */
static bool widen(ww_cell_link *link, size_t size)
{
    if (size <= link->room_size - link->arrived) return true;
    size_t all = size, room_size;
    if (link->arrived && link->arrived + size < WW_LINK_BUDGET)
        all = WW_LINK_BUDGET - link->arrived;
    uint8_t *room = ww_capnp_conn_more_room(link->conn, link->arrived, all, &room_size);
    if (!room) return false;
    link->room = room;
    link->room_size = room_size;
    return true;
}

static void link_put(ww_sink *base, ww_view bytes)
{
    ww_cell_link *link = of_sink(base);
    if (is_over(link)) fail_output(link, EPIPE);
    if (base->error || !bytes.size) return;
    if (widen(link, bytes.size)) {
        memcpy(link->room + link->arrived, bytes.data, bytes.size);
        link->arrived += bytes.size;
    } else {
        fail_output(link, ENOMEM);
    }
    note(link);
}

static ww_status link_flush(ww_sink *base)
{
    ww_cell_link *link = of_sink(base);
    if (is_over(link)) fail_output(link, EPIPE);
    if (base->error) return WW_E_IO;
    return link->arrived ? WW_AGAIN : WW_OK;
}

static ww_status link_wait_write(ww_sink *base, ww_waiter *waiter, ww_waker *waker)
{
    ww_waiters_add(&of_sink(base)->writers, waiter, waker);
    return WW_OK;
}

static void link_abandon(ww_sink *base)
{
    close_by_guest(of_sink(base));
}

static void link_sink_free(ww_sink *base)
{
    close_by_guest(of_sink(base));
}

/* --- the loop's side */

/* Bytes that the guest has read are told to the connection, and what it may read next is looked up. */
static void move_output(ww_cell_link *link)
{
    if (link->taken) ww_capnp_conn_sent(link->conn, link->taken);
    link->piece_count = ww_capnp_conn_output(link->conn, link->pieces, WW_LINK_PIECES);
    link->piece = 0;
    link->taken = link->taken_of_piece = 0;
}

/* Where the guest's next bytes go, if there is room without asking for memory on its behalf now. */
static void find_room(ww_cell_link *link)
{
    link->room = ww_capnp_conn_room(link->conn, &link->room_size);
    if (!link->room) link->room_size = 0;
    link->arrived = 0;
}

/* There was no memory for what the guest wrote. */
static bool has_failed(const ww_cell_link *link)
{
    return link->output.error == ENOMEM && !is_over(link);
}

static void move_input(ww_cell_link *link)
{
    ww_status status = WW_AGAIN;
    if (has_failed(link)) ww_capnp_conn_abort(link->conn, WW_CAPNP_OVERLOADED, "out of memory");
    if (link->arrived) status = ww_capnp_conn_received(link->conn, link->arrived, &link->why);
    link->arrived = link->room_size = 0;
    if (status == WW_AGAIN && !ww_capnp_conn_is_over(link->conn)) find_room(link);
}

static void close_link(ww_cell_link *link)
{
    link->state = WW_LINK_CLOSED;
    link->piece_count = link->piece = link->taken = link->taken_of_piece = 0;
    link->room_size = link->arrived = 0;
    ww_capnp_conn_lost(link->conn, "the cell has closed its link");
}

static bool is_listened_to(const ww_cell_link *link)
{
    return link->state == WW_LINK_DRAINING || link->closed_by_guest ||
           ww_capnp_conn_output_size(link->conn) <= WW_LINK_OUTPUT_MAX;
}

static void move_bytes(ww_cell_link *link)
{
    bool is_ending = link->state == WW_LINK_DRAINING || link->closed_by_guest;
    if (is_ending && !link->arrived) {
        close_link(link);
    } else {
        move_output(link);
        if ((link->arrived && is_listened_to(link)) || has_failed(link)) move_input(link);
        if (is_ending) note(link); /* once what just came was delivered */
    }
}

/* The turn that follows a close tells those who wait. */
static void turn(ww_rpc_port *port)
{
    ww_cell_link *link = WW_CONTAINER_OF(port, ww_cell_link, port);
    if (link->state != WW_LINK_CLOSED) move_bytes(link);
    if (link_readable(&link->input)) ww_waiters_wake(&link->readers);
    if (is_over(link) || link_room(&link->output)) ww_waiters_wake(&link->writers);
}

static void on_output(ww_capnp_wake *wake)
{
    note(WW_CONTAINER_OF(wake, ww_cell_link, on_output));
}

/* --- life */

ww_status ww_cell_link_init(ww_cell_link *link, ww_rpc_vat *vat, ww_capnp_cap *bootstrap)
{
    static const ww_source_class source = {link_read, link_readable, link_wait_read,
                                           link_source_free};
    static const ww_sink_class sink = {link_room,       link_put,     link_flush,
                                       link_wait_write, link_abandon, link_sink_free};
    *link = (ww_cell_link){
        .input = {.class = &source},
        .output = {.class = &sink},
        .vat = vat,
        .conn = ww_capnp_conn_new(vat->vat, bootstrap),
        .port = {.turn = turn},
        .on_output = {on_output},
    };
    if (!link->conn) return WW_E_MEMORY;
    ww_capnp_conn_limit_memory(link->conn, WW_LINK_MEMORY_MAX);
    ww_capnp_conn_on_output(link->conn, &link->on_output);
    return WW_OK;
}

void ww_cell_link_deinit(ww_cell_link *link)
{
    if (!link->conn) return;
    ww_rpc_drop(link->vat, &link->port);
    ww_waiters_detach(&link->readers);
    ww_waiters_detach(&link->writers);
    ww_capnp_conn_free(link->conn);
    link->conn = NULL;
}

void ww_cell_link_give(ww_cell_link *link, ww_wasi_options *wasi)
{
    if (!link->conn) return;
    wasi->link_input = &link->input;
    wasi->link_output = &link->output;
}

ww_status ww_cell_link_drain(ww_cell_link *link, ww_waiter *waiter, ww_waker *waker)
{
    if (!link->conn || link->state == WW_LINK_CLOSED) return WW_OK;
    link->state = WW_LINK_DRAINING;
    note(link);
    ww_waiters_add(&link->writers, waiter, waker);
    return WW_AGAIN;
}
