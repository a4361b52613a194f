/* Invariants
 *  1. Exactly one of sink and source was given; it is NULL once closed (a sink: and all was written).
 *  2. Whenever the line is not empty or the source is drained unseen, the waiter waits or the task is
 *     posted.
 *  3. `kept` is empty unless the stream is a kept one; what it holds was written before what the
 *     source has.
 */
#include "rpc/byte_stream.h"
#include "capnp/peer.capnp.h"
#include "rpc/session_state.h"

enum { DRAIN_ROUNDS = 16 };

/* A read or a write in line. */
typedef struct turn {
    struct turn *next;
    ww_byte_stream *stream;
    ww_capnp_call *call;
    ww_capnp_done on_cancel;
    ww_view rest;  /* to write; of the call's parameters */
    size_t wanted; /* to read */
} turn;

struct ww_byte_stream {
    ww_capnp_server server;
    const ww_allocator *allocator;
    ww_loop *loop;
    ww_session *session; /* of the capability */
    uint32_t refs;
    bool is_input; /* of the process: callers write */
    bool is_closed, is_broken, is_abandoned, is_kept;
    ww_sink *sink;
    ww_source *source;
    turn *first, **last;
    ww_buf kept;
    ww_waiter waiter;
    ww_waker waker;
    ww_task task;
};

/* ---- life ---- */

static void pump(ww_byte_stream *s);

static void run(ww_task *task)
{
    pump(WW_CONTAINER_OF(task, ww_byte_stream, task));
}

static void wake(ww_waker *waker)
{
    ww_byte_stream *s = WW_CONTAINER_OF(waker, ww_byte_stream, waker);
    ww_loop_post(s->loop, &s->task);
}

ww_byte_stream *ww_byte_stream_new(const ww_allocator *allocator, ww_loop *loop, ww_sink *sink,
                                   ww_source *source, bool is_kept)
{
    ww_byte_stream *s = ww_alloc(allocator, sizeof *s);
    if (!s) {
        ww_sink_unref(sink);
        ww_source_unref(source);
        return NULL;
    }
    *s = (ww_byte_stream){.allocator = allocator,
                          .loop = loop,
                          .refs = 1,
                          .is_input = sink != NULL,
                          .is_kept = is_kept,
                          .sink = sink,
                          .source = source,
                          .waker.wake = wake,
                          .task.run = run};
    s->last = &s->first;
    ww_buf_init(&s->kept, allocator, WW_STDERR_KEPT);
    if (is_kept) ww_loop_post(loop, &s->task);
    return s;
}

static void drop_ends(ww_byte_stream *s)
{
    ww_sink *sink = s->sink;
    ww_source *source = s->source;
    ww_waiter_remove(&s->waiter);
    s->sink = NULL;
    s->source = NULL;
    ww_sink_unref(sink);
    ww_source_unref(source);
}

void ww_byte_stream_unref(ww_byte_stream *s)
{
    if (!s || --s->refs) return;
    WW_ASSERT(!s->first);
    ww_task_cancel(&s->task);
    drop_ends(s);
    ww_buf_deinit(&s->kept);
    ww_free(s->allocator, s, sizeof *s);
}

/* ---- the line ---- */

static void leave_line(turn *t)
{
    ww_byte_stream *s = t->stream;
    turn **link = &s->first;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    if (!t->next) s->last = link;
    ww_free(s->allocator, t, sizeof *t);
}

static void succeed(turn *t)
{
    ww_capnp_call *call = t->call;
    leave_line(t);
    ww_capnp_call_return(call);
}

static void fail(turn *t, const char *reason)
{
    ww_capnp_call *call = t->call;
    leave_line(t);
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "%s", reason);
}

static void canceled(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    turn *t = WW_CONTAINER_OF(done, turn, on_cancel);
    ww_byte_stream *s = t->stream;
    s->refs++;
    fail(t, "canceled");
    pump(s); /* a close may have waited for it */
    ww_byte_stream_unref(s);
}

static turn *join_line(ww_byte_stream *s, ww_capnp_call *call)
{
    turn *t = ww_alloc(s->allocator, sizeof *t);
    if (!t) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return NULL;
    }
    *t = (turn){.stream = s, .call = call, .on_cancel.fn = canceled};
    *s->last = t;
    s->last = &t->next;
    ww_capnp_call_on_cancel(call, &t->on_cancel);
    return t;
}

/* ---- writing ---- */

static void pump_writes(ww_byte_stream *s)
{
    for (turn *t; (t = s->first);) {
        size_t room = s->is_broken ? 0 : ww_sink_room(s->sink);
        size_t size = room < t->rest.size ? room : t->rest.size;
        if (size) ww_sink_put(s->sink, ww_view_of(t->rest.data, size));
        t->rest = ww_view_of(t->rest.data + size, t->rest.size - size);
        if (s->is_broken || s->sink->error)
            fail(t, "broken pipe");
        else if (!t->rest.size)
            succeed(t);
        else if (!size && ww_sink_wait(s->sink, &s->waiter, &s->waker) == WW_OK)
            return;
        else if (!size)
            fail(t, "out of memory");
    }
    if (s->is_closed || s->is_broken) drop_ends(s);
}

static void write_bytes(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_byte_stream *s = WW_CONTAINER_OF(self, ww_byte_stream, server);
    ww_view data = peer_byte_stream_write_params_data(peer_byte_stream_write_params(call));
    if (!s->is_input) {
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "stream is read-only");
    } else if (!data.size) {
        ww_capnp_call_return(call);
    } else if (s->is_closed || s->is_broken) {
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "broken pipe");
    } else {
        bool is_first = !s->first;
        turn *t = join_line(s, call);
        if (!t) return;
        t->rest = data;
        if (is_first) pump(s);
    }
}

/* ---- reading ---- */

static ww_status take(ww_byte_stream *s, uint8_t *out, size_t size, size_t *got)
{
    if (!s->kept.size) return ww_source_read(s->source, out, size, got);
    *got = s->kept.size < size ? s->kept.size : size;
    memcpy(out, s->kept.data, *got);
    s->kept.size -= *got;
    memmove(s->kept.data, s->kept.data + *got, s->kept.size);
    if (!s->kept.size) {
        ww_buf_deinit(&s->kept);
        ww_buf_init(&s->kept, s->allocator, WW_STDERR_KEPT);
    }
    return WW_OK;
}

/* False: it waits. */
static bool serve_read(ww_byte_stream *s, turn *t)
{
    uint8_t bytes[WW_READ_MAX];
    size_t got = 0;
    ww_status status = s->source ? take(s, bytes, t->wanted, &got) : WW_E_CLOSED;
    if (status == WW_AGAIN) {
        status = ww_source_wait(s->source, &s->waiter, &s->waker);
        if (status == WW_OK) return false; /* and if it woke at once, the task is posted */
    }
    if (status != WW_OK && status != WW_E_CLOSED) {
        fail(t, ww_status_text(status));
        return true;
    }
    peer_byte_stream_read_results_set_data(peer_byte_stream_read_results(t->call),
                                           ww_view_of(bytes, got));
    succeed(t);
    return true;
}

static void keep(ww_byte_stream *s, const uint8_t *bytes, size_t size)
{
    size_t max = s->kept.size_max, extra = s->kept.size + size;
    extra = extra > max ? extra - max : 0;
    if (extra) {
        s->kept.size -= extra;
        memmove(s->kept.data, s->kept.data + extra, s->kept.size);
    }
    /* Without memory it is lost, as it would be with nobody to read it. */
    ww_status status = ww_buf_append(&s->kept, bytes, size);
    (void)status;
}

/* Nobody reads: so that the process can go on. */
static void drain(ww_byte_stream *s)
{
    uint8_t bytes[WW_READ_MAX / 4];
    for (int i = 0; i < DRAIN_ROUNDS; i++) {
        size_t got;
        ww_status status = ww_source_read(s->source, bytes, sizeof bytes, &got);
        if (status == WW_OK && !s->is_abandoned) keep(s, bytes, got);
        if (status == WW_OK) continue;
        bool waits =
            status == WW_AGAIN && ww_source_wait(s->source, &s->waiter, &s->waker) == WW_OK;
        if (!waits && s->is_abandoned) drop_ends(s);
        return; /* at the end: the next read will find it */
    }
    ww_loop_post(s->loop, &s->task);
}

static void pump_reads(ww_byte_stream *s)
{
    while (s->first)
        if (!serve_read(s, s->first)) return;
    if (s->source && (s->is_abandoned || s->is_kept)) drain(s);
}

static void read_bytes(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_byte_stream *s = WW_CONTAINER_OF(self, ww_byte_stream, server);
    size_t wanted = peer_byte_stream_read_params_max_bytes(peer_byte_stream_read_params(call));
    if (s->is_input) {
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "stream is write-only");
        return;
    }
    if (!wanted || s->is_closed) {
        peer_byte_stream_read_results(call);
        ww_capnp_call_return(call);
        return;
    }
    s->is_kept = false;
    bool is_first = !s->first;
    turn *t = join_line(s, call);
    if (!t) return;
    t->wanted = wanted < WW_READ_MAX ? wanted : WW_READ_MAX;
    if (is_first) pump(s);
}

/* ---- both ---- */

static void pump(ww_byte_stream *s)
{
    s->refs++; /* an answer may give back the last reference */
    if (s->is_input && s->sink)
        pump_writes(s);
    else if (!s->is_input)
        pump_reads(s);
    ww_byte_stream_unref(s);
}

void ww_byte_stream_close(ww_byte_stream *s)
{
    s->is_closed = true;
    if (!s->is_input) {
        drop_ends(s);
        ww_buf_clear(&s->kept);
        s->is_kept = false;
    }
    pump(s);
}

void ww_byte_stream_abandon(ww_byte_stream *s)
{
    if (s->is_input) {
        ww_byte_stream_close(s);
        return;
    }
    s->is_abandoned = true;
    ww_buf_clear(&s->kept);
    if (s->source) ww_loop_post(s->loop, &s->task);
}

void ww_byte_stream_break(ww_byte_stream *s)
{
    s->is_broken = true;
    pump(s);
}

static void close_stream(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_byte_stream_close(WW_CONTAINER_OF(self, ww_byte_stream, server));
    ww_capnp_call_return(call);
}

static void destroy(ww_capnp_server *self)
{
    ww_byte_stream *s = WW_CONTAINER_OF(self, ww_byte_stream, server);
    ww_session *session = s->session;
    ww_byte_stream_abandon(s);
    ww_byte_stream_unref(s);
    ww_session_leave(session);
}

ww_capnp_cap *ww_byte_stream_cap(ww_byte_stream *s, ww_session *session)
{
    static const peer_byte_stream_vt table = {
        .read = read_bytes, .write = write_bytes, .close = close_stream};
    ww_capnp_vat *vat = session->node->vat;
    peer_byte_stream_cap made = peer_byte_stream_serve(vat, &s->server, &table, destroy);
    if (!made.cap) return NULL;
    s->refs++;
    s->session = ww_session_join(session);
    return made.cap;
}
