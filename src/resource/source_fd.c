/* Invariants
 *  1. `offset` is where the next read begins, or WW_FD_HERE; bytes in `ahead` lie before it.
 *  2. At most one job is under way. It owns its memory and a reference to the descriptor, and knows
 *     the source until that is freed.
 *  3. `ahead` holds what the last job read and nobody took yet; no job starts before it is empty.
 */
#include "resource/source.h"
#include <errno.h>

typedef struct fd_source fd_source;

typedef struct read_job {
    ww_job job;
    fd_source *source; /* NULL: gone */
    ww_fd *fd;
    int64_t offset;
    int error;
    size_t size, got, taken;
    uint8_t bytes[];
} read_job;

struct fd_source {
    ww_source base;
    ww_fd *fd;
    int64_t offset;
    read_job *running, *ahead;
    ww_waiters waiters; /* for the job */
};

static const ww_allocator *allocator_of(const ww_fd *fd)
{
    return ww_loop_allocator(fd->loop);
}

static void free_job(read_job *job)
{
    if (!job) return;
    ww_fd *fd = job->fd;
    ww_free(allocator_of(fd), job, sizeof *job + job->size);
    ww_fd_unref(fd);
}

static void job_work(ww_job *base)
{
    read_job *job = WW_CONTAINER_OF(base, read_job, job);
    job->error = ww_fd_read(job->fd, job->bytes, job->size, job->offset, &job->got);
}

static void job_done(ww_job *base, bool canceled)
{
    read_job *job = WW_CONTAINER_OF(base, read_job, job);
    fd_source *source = job->source;
    if (canceled) job->error = ECANCELED;
    if (!source) {
        free_job(job);
        return;
    }
    source->running = NULL;
    source->ahead = job;
    ww_waiters_wake(&source->waiters);
}

static ww_status start_job(fd_source *source, size_t size)
{
    if (source->running) return WW_AGAIN;
    read_job *job = ww_alloc(allocator_of(source->fd), sizeof *job + size);
    if (!job) return WW_E_MEMORY;
    *job = (read_job){
        .job = {.work = job_work, .done = job_done},
        .source = source,
        .fd = ww_fd_ref(source->fd),
        .offset = source->offset,
        .size = size,
    };
    ww_status status = ww_job_start(source->fd->loop, &job->job);
    if (status) {
        free_job(job);
        return status;
    }
    source->running = job;
    return WW_AGAIN;
}

static ww_status settle(fd_source *source, int error, size_t got)
{
    if (error == EAGAIN) return WW_AGAIN;
    source->base.error = error;
    /* A peer that resets says the same as one that closes: no more bytes. */
    if (error == ECONNRESET || error == EPIPE) return WW_E_CLOSED;
    if (error) return WW_E_IO;
    if (source->offset != WW_FD_HERE) source->offset += (int64_t)got;
    return got ? WW_OK : WW_E_CLOSED;
}

static ww_status take_ahead(fd_source *source, void *out, size_t size, size_t *got)
{
    read_job *job = source->ahead;
    size_t left = job->got - job->taken;
    *got = left < size ? left : size;
    memcpy(out, job->bytes + job->taken, *got);
    job->taken += *got;
    ww_status status = settle(source, job->error, *got);
    if (job->taken == job->got) {
        source->ahead = NULL;
        free_job(job);
    }
    return status;
}

static ww_status fd_read(ww_source *base, void *out, size_t size, size_t *got)
{
    fd_source *source = (fd_source *)base;
    *got = 0;
    if (size == 0) return WW_OK;
    if (size > WW_STREAM_READ_MAX) size = WW_STREAM_READ_MAX;
    if (source->ahead) return take_ahead(source, out, size, got);
    if (source->running) return WW_AGAIN;
    int error = ww_fd_read_now(source->fd, out, size, source->offset, got);
    ww_status status = settle(source, error, *got);
    if (status != WW_AGAIN || ww_fd_is_stream(source->fd)) return status;
    status = start_job(source, size);
    if (status == WW_E_MEMORY) {
        base->error = ENOMEM;
        return WW_E_IO;
    }
    return status;
}

/* Whether a file can be read without waiting shows in the attempt only. */
static bool fd_ready(ww_source *base)
{
    fd_source *source = (fd_source *)base;
    if (ww_fd_is_stream(source->fd)) return ww_fd_ready(source->fd, WW_READABLE);
    return !source->running;
}

static ww_status fd_wait(ww_source *base, ww_waiter *waiter, ww_waker *waker)
{
    fd_source *source = (fd_source *)base;
    if (ww_fd_is_stream(source->fd)) return ww_fd_wait(source->fd, WW_READABLE, waiter, waker);
    if (source->running)
        ww_waiters_add(&source->waiters, waiter, waker);
    else
        waker->wake(waker);
    return WW_OK;
}

static void fd_free(ww_source *base)
{
    fd_source *source = (fd_source *)base;
    ww_fd *fd = source->fd;
    if (source->running) source->running->source = NULL;
    free_job(source->ahead);
    ww_waiters_detach(&source->waiters);
    ww_free(allocator_of(fd), source, sizeof *source);
    ww_fd_unref(fd);
}

ww_status ww_source_of_fd(ww_fd *fd, int64_t offset, ww_source **out)
{
    static const ww_source_class class = {fd_read, fd_ready, fd_wait, fd_free};
    *out = NULL;
    fd_source *source = ww_alloc(allocator_of(fd), sizeof *source);
    if (!source) return WW_E_MEMORY;
    *source = (fd_source){
        .base = {.class = &class, .refs = 1},
        .fd = ww_fd_ref(fd),
        .offset = ww_fd_is_stream(fd) ? WW_FD_HERE : offset,
    };
    *out = &source->base;
    return WW_OK;
}
