/* Invariants
 *  1. A link whose connection has output, or is over, is noted as a port.
 *  2. The application's code runs from the vat (deliveries) and from `over`, with no frame of a link below it that
 *     looks at the link afterwards.
 *  3. The timer runs while the link is closing, or reading is stopped for its output; nothing else starts it.
 *  4. `over` is told once, when the transport has closed or the timer has fired; then the transport is gone.
 */
#include "rpc/link.h"
#include <stdio.h>

struct ww_rpc_link {
    ww_transport_user user;
    ww_capnp_wake wake;
    ww_rpc_vat *vat;
    ww_rpc_port port;
    ww_capnp_conn *conn;
    ww_transport *transport;
    ww_rpc_owner *owner;
    ww_timer timer;
    bool is_closing;
};

/* ---- the end ---- */

static void start_timer(ww_rpc_link *link, uint32_t ms)
{
    ww_loop *loop = link->vat->loop;
    uint64_t deadline = *ww_loop_turn_ns(loop) + (uint64_t)ms * WW_NS_PER_MS;
    ww_timer_start(loop, &link->timer, deadline);
}

/* What was written goes out, then the transport closes. */
static void begin_closing(ww_rpc_link *link)
{
    if (link->is_closing) return;
    link->is_closing = true;
    start_timer(link, WW_RPC_CLOSING_MS);
    ww_transport_close(link->transport);
}

static void end(ww_rpc_link *link)
{
    ww_timer_stop(link->vat->loop, &link->timer);
    ww_transport_free(link->transport);
    link->transport = NULL;
    ww_rpc_drop(link->vat, &link->port);
    ww_capnp_conn_on_output(link->conn, NULL);
    if (link->owner) link->owner->over(link->owner, link, ww_capnp_conn_reason(link->conn));
}

static void timer_fired(ww_timer *timer)
{
    ww_rpc_link *link = WW_CONTAINER_OF(timer, ww_rpc_link, timer);
    ww_capnp_conn_lost(link->conn, "the peer takes no data");
    end(link);
}

/* ---- the transport's side ---- */

static void write_link(ww_rpc_port *port)
{
    ww_rpc_link *link = WW_CONTAINER_OF(port, ww_rpc_link, port);
    if (ww_capnp_conn_is_over(link->conn)) begin_closing(link);
    ww_transport_flush(link->transport);
}

static void conn_woke(ww_capnp_wake *wake)
{
    ww_rpc_link *link = WW_CONTAINER_OF(wake, ww_rpc_link, wake);
    ww_rpc_note(link->vat, &link->port);
}

static ww_rpc_link *link_of(ww_transport_user *user)
{
    return WW_CONTAINER_OF(user, ww_rpc_link, user);
}

static uint8_t *room(ww_transport_user *user, size_t *size)
{
    ww_rpc_link *link = link_of(user);
    if (ww_capnp_conn_output_size(link->conn) <= WW_RPC_OUTPUT_SIZE_MAX)
        return ww_capnp_conn_room(link->conn, size);
    if (!link->timer.running) start_timer(link, WW_RPC_STALLED_MS);
    return NULL;
}

static void received(ww_transport_user *user, size_t size)
{
    ww_rpc_link *link = link_of(user);
    ww_status status = ww_capnp_conn_received(link->conn, size, NULL);
    WW_ASSERT(status == WW_AGAIN ||
              ww_capnp_conn_is_over(link->conn)); /* then conn_woke was told */
}

static size_t output(ww_transport_user *user, ww_view *pieces, size_t max)
{
    return ww_capnp_conn_output(link_of(user)->conn, pieces, max);
}

static void sent(ww_transport_user *user, size_t size)
{
    ww_rpc_link *link = link_of(user);
    ww_capnp_conn_sent(link->conn, size);
    if (!link->is_closing) ww_timer_stop(link->vat->loop, &link->timer);
}

static void ended(ww_transport_user *user)
{
    ww_capnp_conn_ended(link_of(user)->conn);
}

static void closed(ww_transport_user *user, ww_status status, const char *reason)
{
    ww_rpc_link *link = link_of(user);
    char text[WW_CAPNP_REASON_MAX];
    snprintf(text, sizeof text, "the connection failed: %s", reason);
    if (status) ww_capnp_conn_lost(link->conn, text);
    end(link);
}

static void received_fds(ww_transport_user *user, const int *fds, size_t count)
{
    ww_capnp_conn_received_fds(link_of(user)->conn, fds, count);
}

static size_t output_fds(ww_transport_user *user, int *fds)
{
    return ww_capnp_conn_output_fds(link_of(user)->conn, fds);
}

static const ww_transport_methods METHODS = {.room = room,
                                             .received = received,
                                             .output = output,
                                             .sent = sent,
                                             .ended = ended,
                                             .received_fds = received_fds,
                                             .output_fds = output_fds,
                                             .closed = closed};

/* ---- life ---- */

ww_status ww_rpc_link_open(ww_rpc_vat *vat, ww_transport *transport, ww_capnp_cap *bootstrap,
                           ww_rpc_owner *owner, ww_rpc_link **out)
{
    *out = NULL;
    const ww_allocator *allocator = ww_loop_allocator(vat->loop);
    ww_rpc_link *link = ww_alloc(allocator, sizeof *link);
    ww_capnp_conn *conn = link ? ww_capnp_conn_new(vat->vat, bootstrap) : NULL;
    if (!conn) {
        ww_free(allocator, link, sizeof *link);
        ww_transport_free(transport);
        return WW_E_MEMORY;
    }
    *link = (ww_rpc_link){.user = {&METHODS},
                          .wake = {conn_woke},
                          .port = {.turn = write_link},
                          .vat = vat,
                          .conn = conn,
                          .transport = transport,
                          .owner = owner,
                          .timer = {.fire = timer_fired}};
    ww_capnp_conn_on_output(conn, &link->wake);
    ww_transport_start(transport, &link->user);
    *out = link;
    return WW_OK;
}

ww_status ww_rpc_link_open_fd(ww_rpc_vat *vat, ww_fd *fd, ww_capnp_cap *bootstrap,
                              ww_rpc_owner *owner, ww_rpc_link **out, ww_diag *diag)
{
    *out = NULL;
    ww_transport *transport;
    ww_status status = ww_transport_new_fd(vat->loop, fd, fd, &transport, diag);
    ww_fd_unref(fd);
    if (status) return status;
    status = ww_rpc_link_open(vat, transport, bootstrap, owner, out);
    return status ? ww_fail(diag, status, "%s", ww_status_text(status)) : WW_OK;
}

ww_status ww_rpc_link_carry_fds(ww_rpc_link *link, uint32_t max, ww_diag *diag)
{
    ww_status status = ww_transport_carry_fds(link->transport, max, diag);
    if (!status) ww_capnp_conn_carry_fds(link->conn, max);
    return status;
}

ww_capnp_cap *ww_rpc_link_bootstrap(ww_rpc_link *link)
{
    return ww_capnp_conn_bootstrap(link->conn);
}

ww_capnp_conn *ww_rpc_link_conn(ww_rpc_link *link)
{
    return link->conn;
}

void ww_rpc_link_close(ww_rpc_link *link, const char *reason)
{
    ww_capnp_conn_close(link->conn, reason);
}

void ww_rpc_link_free(ww_rpc_link *link)
{
    if (!link) return;
    ww_timer_stop(link->vat->loop, &link->timer);
    ww_transport_free(link->transport);
    ww_rpc_drop(link->vat, &link->port);
    ww_capnp_conn_free(link->conn);
    ww_free(ww_loop_allocator(link->vat->loop), link, sizeof *link);
}
