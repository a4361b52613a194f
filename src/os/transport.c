/* Invariants
 *  1. A direction is tried in a turn unless its waiter waits, it is over, or the user has no room or output.
 *  2. Callbacks run only inside `turn` and ww_transport_flush; `depth` counts those frames, and the memory goes with the
 *     last of them. After each callback is_freed is asked before anything else.
 *  3. Nothing moves after is_closed; `closed` is told exactly then.
 *  4. After a failed write nothing more is written; reading goes on until it would wait or ends.
 */
#include "os/transport.h"
#include "os/socket.h"
#include <errno.h>

enum { TURN_READS_MAX = 16, TURN_BYTES_MAX = 1 << 20, WASTE_SIZE = 4096 };

/* What differs between descriptors and rings. */
typedef struct transport_ops {
    int (*read)(ww_transport *t, void *out, size_t size, size_t *got);
    int (*write)(ww_transport *t, const ww_view *parts, size_t count, size_t *put);
    ww_status (*wait)(ww_transport *t, ww_ready ready, ww_waiter *waiter);
    void (*finish)(ww_transport *t);
    void (*release)(ww_transport *t);
} transport_ops;

typedef union transport_end {
    ww_fd *fd;
    ww_ring *ring;
} transport_end;

struct ww_transport {
    ww_loop *loop;
    const transport_ops *ops;
    ww_transport_user *user;
    transport_end in, out;
    ww_waker waker;
    ww_waiter readable, writable;
    ww_task turn;
    uint32_t depth;
    size_t fds_max; /* 0: no descriptors pass */
    int write_error;
    bool input_is_over, output_is_over; /* in order */
    bool is_finishing, is_discarding, is_closed, is_freed;
};

/* ---- descriptors ---- */

static int read_with_fds(ww_transport *t, void *out, size_t size, size_t *got)
{
    int fds[WW_SOCKET_FDS_MAX];
    size_t count;
    int error = ww_socket_receive_now(t->in.fd, out, size, got, fds, t->fds_max, &count);
    if (count && t->is_discarding)
        while (count)
            ww_fd_close_number(fds[--count]);
    if (count) t->user->methods->received_fds(t->user, fds, count);
    return error;
}

static int fd_read(ww_transport *t, void *out, size_t size, size_t *got)
{
    if (t->fds_max) return read_with_fds(t, out, size, got);
    return ww_fd_read_now(t->in.fd, out, size, WW_FD_HERE, got);
}

static int fd_write(ww_transport *t, const ww_view *parts, size_t count, size_t *put)
{
    int fds[WW_SOCKET_FDS_MAX];
    size_t fd_count = t->fds_max ? t->user->methods->output_fds(t->user, fds) : 0;
    if (fd_count) return ww_socket_send_now(t->out.fd, parts, count, fds, fd_count, put);
    return ww_fd_send_now(t->out.fd, parts, count, put);
}

static ww_status fd_wait(ww_transport *t, ww_ready ready, ww_waiter *waiter)
{
    return ww_fd_wait(ready == WW_READABLE ? t->in.fd : t->out.fd, ready, waiter, &t->waker);
}

static void fd_finish(ww_transport *t)
{
    ww_fd_shutdown(t->out.fd);
    ww_fd_unref(t->out.fd);
    t->out.fd = NULL;
}

static void fd_release(ww_transport *t)
{
    ww_fd_unref(t->in.fd);
    ww_fd_unref(t->out.fd);
}

static const transport_ops FD_OPS = {fd_read, fd_write, fd_wait, fd_finish, fd_release};

/* ---- rings ---- */

static int ring_read(ww_transport *t, void *out, size_t size, size_t *got)
{
    return ww_ring_read_now(t->in.ring, out, size, got);
}

static int ring_write(ww_transport *t, const ww_view *parts, size_t count, size_t *put)
{
    return ww_ring_write_now(t->out.ring, parts, count, put);
}

static ww_status ring_wait(ww_transport *t, ww_ready ready, ww_waiter *waiter)
{
    ww_ring_wait(ready == WW_READABLE ? t->in.ring : t->out.ring, ready, waiter, &t->waker);
    return WW_OK;
}

static void ring_finish(ww_transport *t)
{
    ww_ring_end(t->out.ring);
}

static void ring_release(ww_transport *t)
{
    ww_ring_break(t->in.ring);
    ww_ring_end(t->out.ring);
    ww_ring_unref(t->in.ring);
    ww_ring_unref(t->out.ring);
}

static const transport_ops RING_OPS = {ring_read, ring_write, ring_wait, ring_finish, ring_release};

/* ---- turns ---- */

static bool is_live(const ww_transport *t)
{
    return !t->is_closed && !t->is_freed;
}

static void closed(ww_transport *t, ww_status status, const char *reason)
{
    ww_waiter_remove(&t->readable);
    ww_waiter_remove(&t->writable);
    t->is_closed = true;
    t->user->methods->closed(t->user, status, reason);
}

static void failed(ww_transport *t, int error)
{
    closed(t, WW_E_IO, ww_os_error_text(error));
}

static void wait_for(ww_transport *t, ww_ready ready, ww_waiter *waiter)
{
    ww_status status = t->ops->wait(t, ready, waiter);
    if (status) closed(t, status, ww_status_text(status));
}

/* One read. False when there is nothing more to do for now. */
static bool receive_once(ww_transport *t)
{
    uint8_t waste[WASTE_SIZE];
    size_t size = sizeof waste, got;
    uint8_t *to = t->is_discarding ? waste : t->user->methods->room(t->user, &size);
    if (!to || !is_live(t)) return false;
    int error = t->ops->read(t, to, size, &got);
    if (error && error != EAGAIN) {
        failed(t, error);
        return false;
    }
    if (!error && !got) {
        t->input_is_over = true;
        t->user->methods->ended(t->user);
        return false;
    }
    if (!error && !t->is_discarding) t->user->methods->received(t->user, got);
    if (!is_live(t)) return false;
    if (got == size) return true;
    /* A short read: the rest of the kernel's buffer was empty. */
    if (!t->write_error) wait_for(t, WW_READABLE, &t->readable);
    return false;
}

static bool may_read(const ww_transport *t)
{
    return is_live(t) && !t->input_is_over && !ww_waiter_waits(&t->readable);
}

static void receive(ww_transport *t)
{
    for (int i = 0; i < TURN_READS_MAX; i++)
        if (!may_read(t) || !receive_once(t)) return;
    ww_transport_wake(t);
}

static bool may_write(const ww_transport *t)
{
    return is_live(t) && !t->output_is_over && !t->write_error && !ww_waiter_waits(&t->writable);
}

static size_t size_of(const ww_view *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    return size;
}

/* One write. False when there is nothing more to do for now. */
static bool send_once(ww_transport *t, size_t *sent)
{
    ww_view parts[WW_FD_PARTS_MAX];
    size_t put, count = t->user->methods->output(t->user, parts, WW_FD_PARTS_MAX);
    if (!count) {
        t->output_is_over = t->is_finishing;
        if (t->is_finishing) t->ops->finish(t);
        return false;
    }
    int error = t->ops->write(t, parts, count, &put);
    if (error && error != EAGAIN) {
        t->write_error = error;
        return false;
    }
    bool is_all = !error && put == size_of(parts, count);
    *sent += put;
    if (put) t->user->methods->sent(t->user, put);
    if (!is_all && is_live(t)) wait_for(t, WW_WRITABLE, &t->writable);
    return is_all;
}

static void send_output(ww_transport *t)
{
    size_t sent = 0;
    bool more = true;
    while (more && may_write(t) && sent < TURN_BYTES_MAX)
        more = send_once(t, &sent);
    bool has_room_again = sent && may_read(t);
    if (more || has_room_again) ww_transport_wake(t);
}

/* The reason for a failed write may have arrived before it. */
static void settle(ww_transport *t)
{
    if (t->write_error) {
        for (int i = 0; i < TURN_READS_MAX; i++) {
            ww_waiter_remove(&t->readable);
            if (!may_read(t) || !receive_once(t)) break;
        }
        if (is_live(t)) failed(t, t->write_error);
    } else if (is_live(t) && t->input_is_over && t->output_is_over) {
        closed(t, WW_OK, "");
    }
}

static void leave(ww_transport *t)
{
    if (--t->depth == 0 && t->is_freed) ww_free(ww_loop_allocator(t->loop), t, sizeof *t);
}

static void take_turn(ww_task *task)
{
    ww_transport *t = WW_CONTAINER_OF(task, ww_transport, turn);
    t->depth++;
    receive(t);
    send_output(t);
    settle(t);
    leave(t);
}

static void wake(ww_waker *waker)
{
    ww_transport *t = WW_CONTAINER_OF(waker, ww_transport, waker);
    ww_loop_post(t->loop, &t->turn);
}

/* ---- life ---- */

static ww_transport *new_transport(ww_loop *loop, const transport_ops *ops)
{
    ww_transport *t = ww_alloc_zeroed(ww_loop_allocator(loop), sizeof *t);
    if (t)
        *t = (ww_transport){.loop = loop, .ops = ops, .waker = {wake}, .turn = {.run = take_turn}};
    return t;
}

ww_status ww_transport_new_fd(ww_loop *loop, ww_fd *in, ww_fd *out, ww_transport **out_transport,
                              ww_diag *diag)
{
    *out_transport = NULL;
    if (!ww_fd_is_stream(in) || !ww_fd_is_stream(out))
        return ww_fail(diag, WW_E_UNSUPPORTED, "a connection needs sockets or pipes");
    ww_transport *t = new_transport(loop, &FD_OPS);
    if (!t) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    t->in.fd = ww_fd_ref(in);
    t->out.fd = ww_fd_ref(out);
    *out_transport = t;
    return WW_OK;
}

ww_transport *ww_transport_new_ring(ww_loop *loop, ww_ring *in, ww_ring *out)
{
    ww_transport *t = new_transport(loop, &RING_OPS);
    if (!t) return NULL;
    t->in.ring = ww_ring_ref(in);
    t->out.ring = ww_ring_ref(out);
    return t;
}

ww_status ww_transport_new_pair(ww_loop *loop, size_t capacity, ww_transport *ends[2])
{
    ww_ring *there = ww_ring_new(ww_loop_allocator(loop), capacity);
    ww_ring *back = ww_ring_new(ww_loop_allocator(loop), capacity);
    ends[0] = there && back ? ww_transport_new_ring(loop, back, there) : NULL;
    ends[1] = ends[0] ? ww_transport_new_ring(loop, there, back) : NULL;
    ww_ring_unref(there);
    ww_ring_unref(back);
    if (ends[1]) return WW_OK;
    ww_transport_free(ends[0]);
    ends[0] = NULL;
    return WW_E_MEMORY;
}

void ww_transport_free(ww_transport *t)
{
    if (!t) return;
    ww_task_cancel(&t->turn);
    ww_waiter_remove(&t->readable);
    ww_waiter_remove(&t->writable);
    t->ops->release(t);
    t->is_freed = true;
    t->depth++;
    leave(t);
}

ww_status ww_transport_carry_fds(ww_transport *t, size_t max, ww_diag *diag)
{
    bool is_unix = t->ops == &FD_OPS && ww_socket_is_unix(t->in.fd);
    if (!is_unix) return ww_fail(diag, WW_E_UNSUPPORTED, "descriptors pass only a Unix socket");
    t->fds_max = max < WW_SOCKET_FDS_MAX ? max : WW_SOCKET_FDS_MAX;
    return WW_OK;
}

void ww_transport_start(ww_transport *t, ww_transport_user *user)
{
    t->user = user;
    ww_transport_wake(t);
}

void ww_transport_wake(ww_transport *t)
{
    if (is_live(t) && t->user) ww_loop_post(t->loop, &t->turn);
}

void ww_transport_flush(ww_transport *t)
{
    WW_ASSERT(t->depth == 0);
    t->depth++;
    send_output(t);
    settle(t);
    leave(t);
}

void ww_transport_finish(ww_transport *t)
{
    t->is_finishing = true;
    ww_transport_wake(t);
}

void ww_transport_close(ww_transport *t)
{
    t->is_discarding = true;
    ww_transport_finish(t);
}
