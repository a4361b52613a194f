/* Invariants
 *  1. buffer[begin, end) waits to be written, in order, behind what the job under way writes.
 *     `offset` is where the first byte goes that neither has.
 *  2. At most one job is under way; its bytes are its own, so that more can be put meanwhile.
 *  3. Something waits (is in the buffer or in the job) => the sink holds a reference to itself, and
 *     the turn-end task is posted, or a waiter is at the descriptor, or the job is under way.
 *  4. After a failure nothing waits.
 */
#include "resource/sink.h"
#include <errno.h>

typedef struct write_job {
    ww_job job;
    bool running;
    uint8_t *bytes; /* begin: what is written already */
    size_t begin, end, capacity;
    int error;
} write_job;

typedef struct fd_sink {
    ww_sink base;
    ww_fd *fd;
    int64_t offset;
    uint8_t *buffer;
    size_t begin, end, capacity;
    bool kept; /* the reference to itself */
    bool abandoned;
    ww_task turn_end;
    ww_waiter at_fd;
    ww_waker fd_is_ready;
    ww_waiters waiters;
    write_job job;
} fd_sink;

static const ww_allocator *allocator_of(const fd_sink *sink)
{
    return ww_loop_allocator(sink->fd->loop);
}

static size_t waiting(const fd_sink *sink)
{
    return sink->end - sink->begin;
}

static bool is_under_way(const fd_sink *sink)
{
    return sink->job.running || ww_waiter_waits(&sink->at_fd);
}

static bool is_drained(const fd_sink *sink)
{
    return !waiting(sink) && !sink->job.running;
}

static void drop_buffer(fd_sink *sink)
{
    ww_free(allocator_of(sink), sink->buffer, sink->capacity);
    sink->buffer = NULL;
    sink->begin = sink->end = sink->capacity = 0;
}

static void keep(fd_sink *sink)
{
    if (sink->kept) return;
    sink->kept = true;
    ww_sink_ref(&sink->base);
}

/* Nothing waits any more. May free the sink: the caller is at its end. */
static void let_go(fd_sink *sink)
{
    ww_task_cancel(&sink->turn_end);
    ww_waiter_remove(&sink->at_fd);
    bool kept = sink->kept;
    sink->kept = false;
    ww_waiters_wake(&sink->waiters);
    if (kept) ww_sink_unref(&sink->base);
}

static void fail(fd_sink *sink, int error)
{
    if (!sink->base.error) sink->base.error = error == ECONNRESET ? EPIPE : error;
    sink->begin = sink->end = 0;
}

static void advance_file(fd_sink *sink, size_t put)
{
    if (sink->offset >= 0) sink->offset += (int64_t)put;
}

/* --- jobs: files that cannot be written without waiting */

static void push(fd_sink *sink);

static void job_work(ww_job *base)
{
    write_job *job = WW_CONTAINER_OF(base, write_job, job);
    fd_sink *sink = WW_CONTAINER_OF(job, fd_sink, job);
    int64_t offset = sink->offset;
    while (job->begin < job->end && !job->error) {
        size_t put;
        ww_view rest = ww_view_of(job->bytes + job->begin, job->end - job->begin);
        job->error = ww_fd_write(sink->fd, rest, offset, &put);
        if (!job->error && put == 0) job->error = EIO;
        job->begin += put;
        if (offset >= 0) offset += (int64_t)put;
    }
}

static void job_done(ww_job *base, bool canceled)
{
    write_job *job = WW_CONTAINER_OF(base, write_job, job);
    fd_sink *sink = WW_CONTAINER_OF(job, fd_sink, job);
    job->running = false;
    ww_free(allocator_of(sink), job->bytes, job->capacity);
    advance_file(sink, job->begin);
    if (canceled || sink->abandoned)
        fail(sink, ECANCELED);
    else if (job->error)
        fail(sink, job->error);
    push(sink);
}

static int start_job(fd_sink *sink)
{
    write_job *job = &sink->job;
    *job = (write_job){
        .job = {.work = job_work, .done = job_done},
        .running = true,
        .bytes = sink->buffer,
        .begin = sink->begin,
        .end = sink->end,
        .capacity = sink->capacity,
    };
    if (ww_job_start(sink->fd->loop, &job->job)) {
        job->running = false;
        return ENOMEM;
    }
    sink->buffer = NULL;
    sink->begin = sink->end = sink->capacity = 0;
    return 0;
}

static int wait_for_fd(fd_sink *sink)
{
    if (!ww_fd_is_stream(sink->fd)) return start_job(sink);
    return ww_fd_wait(sink->fd, WW_WRITABLE, &sink->at_fd, &sink->fd_is_ready) ? ENOMEM : 0;
}

/* --- writing */

static ww_view without_first(ww_view bytes, size_t count)
{
    return count ? ww_view_of(bytes.data + count, bytes.size - count) : bytes;
}

static ww_view held_bytes(const fd_sink *sink)
{
    return waiting(sink) ? ww_view_of(sink->buffer + sink->begin, waiting(sink)) : (ww_view){0};
}

/* Writes `extra` behind what waits, as far as it goes without waiting; *taken: bytes of `extra`. */
static int write_now(fd_sink *sink, ww_view extra, size_t *taken)
{
    *taken = 0;
    while (waiting(sink) || *taken < extra.size) {
        size_t first = waiting(sink), put;
        ww_view parts[2] = {held_bytes(sink), without_first(extra, *taken)};
        int error = ww_fd_write_now(sink->fd, parts, sink->offset, &put);
        if (error) return error;
        if (put == 0) return EIO; /* a device that takes nothing would be asked for ever */
        advance_file(sink, put);
        sink->begin += put < first ? put : first;
        *taken += put < first ? 0 : put - first;
    }
    sink->begin = sink->end = 0;
    return 0;
}

/* One step towards an empty buffer, from wherever the last one stopped. May free the sink. */
static void push(fd_sink *sink)
{
    ww_task_cancel(&sink->turn_end);
    if (sink->job.running) return;
    size_t taken, before = waiting(sink);
    int error = before ? write_now(sink, ww_view_of(NULL, 0), &taken) : 0;
    if (error == EAGAIN) error = wait_for_fd(sink);
    if (error) fail(sink, error);
    if (is_drained(sink)) {
        drop_buffer(sink);
        let_go(sink);
        return;
    }
    if (before != waiting(sink)) ww_waiters_wake(&sink->waiters);
}

static void at_turn_end(ww_task *task)
{
    push(WW_CONTAINER_OF(task, fd_sink, turn_end));
}

static void on_fd_ready(ww_waker *waker)
{
    push(WW_CONTAINER_OF(waker, fd_sink, fd_is_ready));
}

static size_t fd_room(ww_sink *base)
{
    fd_sink *sink = (fd_sink *)base;
    size_t held = waiting(sink);
    if (base->error || held > WW_STREAM_BUFFER_BYTES - WW_STREAM_ROOM_MIN) return 0;
    return WW_STREAM_BUFFER_BYTES - held;
}

static bool grow(fd_sink *sink, size_t needed)
{
    size_t capacity = sink->capacity ? sink->capacity : WW_STREAM_ROOM_MIN;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *buffer = ww_realloc(allocator_of(sink), sink->buffer, sink->capacity, capacity);
    if (!buffer) return false;
    sink->buffer = buffer;
    sink->capacity = capacity;
    return true;
}

static bool append(fd_sink *sink, ww_view bytes)
{
    if (bytes.size > sink->capacity - sink->end && sink->begin) {
        memmove(sink->buffer, sink->buffer + sink->begin, waiting(sink));
        sink->end -= sink->begin;
        sink->begin = 0;
    }
    if (bytes.size > sink->capacity - sink->end && !grow(sink, sink->end + bytes.size))
        return false;
    memcpy(sink->buffer + sink->end, bytes.data, bytes.size);
    sink->end += bytes.size;
    return true;
}

/* Straight from the writer's memory, together with what waits. */
static ww_view put_through(fd_sink *sink, ww_view bytes)
{
    size_t taken;
    int error = write_now(sink, bytes, &taken);
    if (error && error != EAGAIN) {
        fail(sink, error);
        return ww_view_of(NULL, 0);
    }
    return without_first(bytes, taken);
}

static void fd_put(ww_sink *base, ww_view bytes)
{
    fd_sink *sink = (fd_sink *)base;
    if (base->error || sink->fd->kind == WW_FD_NULL) return;
    bool fills = waiting(sink) + bytes.size > WW_STREAM_BUFFER_BYTES - WW_STREAM_ROOM_MIN;
    if (fills && !is_under_way(sink)) bytes = put_through(sink, bytes);
    if (bytes.size && !append(sink, bytes)) fail(sink, ENOMEM);
    if (is_drained(sink)) {
        let_go(sink);
        return;
    }
    keep(sink);
    if (!is_under_way(sink)) ww_loop_post_last(sink->fd->loop, &sink->turn_end);
}

static ww_status fd_flush(ww_sink *base)
{
    fd_sink *sink = (fd_sink *)base;
    ww_sink_ref(base);
    if (waiting(sink) && !is_under_way(sink)) push(sink);
    ww_status status = base->error ? WW_E_IO : is_drained(sink) ? WW_OK : WW_AGAIN;
    ww_sink_unref(base);
    return status;
}

static ww_status fd_wait(ww_sink *base, ww_waiter *waiter, ww_waker *waker)
{
    fd_sink *sink = (fd_sink *)base;
    if (is_drained(sink))
        waker->wake(waker);
    else
        ww_waiters_add(&sink->waiters, waiter, waker);
    return WW_OK;
}

static void fd_abandon(ww_sink *base)
{
    fd_sink *sink = (fd_sink *)base;
    sink->abandoned = true;
    if (is_drained(sink)) return;
    fail(sink, ECANCELED);
    if (!sink->job.running) let_go(sink); /* else when it is done: files do not wait for readers */
}

static void fd_free(ww_sink *base)
{
    fd_sink *sink = (fd_sink *)base;
    ww_fd *fd = sink->fd;
    ww_waiters_detach(&sink->waiters);
    drop_buffer(sink);
    ww_free(ww_loop_allocator(fd->loop), sink, sizeof *sink);
    ww_fd_unref(fd);
}

ww_status ww_sink_of_fd(ww_fd *fd, int64_t offset, ww_sink **out)
{
    static const ww_sink_class class = {fd_room, fd_put, fd_flush, fd_wait, fd_abandon, fd_free};
    *out = NULL;
    fd_sink *sink = ww_alloc(ww_loop_allocator(fd->loop), sizeof *sink);
    if (!sink) return WW_E_MEMORY;
    *sink = (fd_sink){
        .base = {.class = &class, .refs = 1},
        .fd = ww_fd_ref(fd),
        .offset = ww_fd_is_stream(fd) ? WW_FD_HERE : offset,
        .turn_end = {.run = at_turn_end},
        .fd_is_ready = {on_fd_ready},
    };
    *out = &sink->base;
    return WW_OK;
}
