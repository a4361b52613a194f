/* Invariants
 *  1. A link whose connection has output, or is over, is in its vat's list `written`, and the vat's task is posted.
 *  2. The application's code runs from `run_vat` (deliveries) and from `over`, with no frame of a link below it that
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
    ww_rpc_link *next, **place; /* in vat->written; NULL when in no list */
    ww_capnp_conn *conn;
    ww_transport *transport;
    ww_rpc_owner *owner;
    ww_timer timer;
    bool is_closing;
};

/* ---- the vat ---- */

static void post(ww_rpc_vat *self)
{
    ww_loop_post_last(self->loop, &self->task);
}

static void vat_woke(ww_capnp_wake *wake)
{
    post(WW_CONTAINER_OF(wake, ww_rpc_vat, wake));
}

static void unlist(ww_rpc_link *link)
{
    if (!link->place) return;
    *link->place = link->next;
    if (link->next) link->next->place = link->place;
    link->next = NULL;
    link->place = NULL;
}

static void list(ww_rpc_link *link)
{
    if (link->place) return;
    link->place = &link->vat->written;
    link->next = *link->place;
    if (link->next) link->next->place = &link->next;
    *link->place = link;
}

static void write_link(ww_rpc_link *link);

static void run_vat(ww_task *task)
{
    ww_rpc_vat *self = WW_CONTAINER_OF(task, ww_rpc_vat, task);
    bool more = ww_capnp_vat_run(self->vat, WW_RPC_DELIVERIES_PER_TURN);
    while (self->written) {
        ww_rpc_link *link = self->written;
        unlist(link);
        write_link(link);
    }
    if (more) post(self);
}

ww_status ww_rpc_vat_init(ww_rpc_vat *self, ww_loop *loop, const ww_capnp_limits *limits)
{
    *self = (ww_rpc_vat){.loop = loop, .wake = {vat_woke}, .task = {.run = run_vat}};
    self->vat = ww_capnp_vat_new(ww_loop_allocator(loop), limits);
    if (!self->vat) return WW_E_MEMORY;
    ww_capnp_vat_on_work(self->vat, &self->wake);
    return WW_OK;
}

void ww_rpc_vat_deinit(ww_rpc_vat *self)
{
    ww_capnp_vat_free(self->vat);
    self->vat = NULL;
    ww_task_cancel(&self->task);
}

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
    unlist(link);
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

static void write_link(ww_rpc_link *link)
{
    if (ww_capnp_conn_is_over(link->conn)) begin_closing(link);
    ww_transport_flush(link->transport);
}

static void conn_woke(ww_capnp_wake *wake)
{
    ww_rpc_link *link = WW_CONTAINER_OF(wake, ww_rpc_link, wake);
    list(link);
    post(link->vat);
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

static const ww_transport_methods METHODS = {.room = room,
                                             .received = received,
                                             .output = output,
                                             .sent = sent,
                                             .ended = ended,
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
    unlist(link);
    ww_capnp_conn_free(link->conn);
    ww_free(ww_loop_allocator(link->vat->loop), link, sizeof *link);
}
