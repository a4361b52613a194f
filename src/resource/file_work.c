#include "resource/file_work.h"
#include <errno.h>

static void free_work(ww_file_work *work)
{
    ww_fd_close_number(work->opened);
    ww_fd_unref(work->fd);
    ww_fd_unref(work->other);
    ww_free(work->allocator, work->bytes, work->capacity);
    ww_free(work->allocator, work, work->size);
}

static char *copy_path(char *to, const ww_view *path, char **out)
{
    if (!path) return to;
    if (path->size) memcpy(to, path->data, path->size);
    to[path->size] = 0;
    *out = to;
    return to + path->size + 1;
}

ww_file_work *ww_file_work_new(ww_wasi *wasi, ww_fd *fd, const ww_view *path, ww_fd *other,
                               const ww_view *other_path)
{
    ww_file_work_drop(wasi);
    /* not the cell's allocator: the work may outlive the cell */
    const ww_allocator *allocator = ww_loop_allocator(wasi->options.loop);
    size_t size = sizeof(ww_file_work);
    if (path) size += path->size + 1;
    if (other_path) size += other_path->size + 1;
    ww_file_work *work = ww_alloc_zeroed(allocator, size);
    if (!work) return NULL;
    work->wasi = wasi;
    work->allocator = allocator;
    work->size = size;
    work->lookup = wasi->options.lookup;
    work->opened = -1;
    work->fd = ww_fd_ref(fd);
    work->other = other ? ww_fd_ref(other) : NULL;
    char *end = copy_path((char *)(work + 1), path, &work->path);
    copy_path(end, other_path, &work->other_path);
    wasi->work = work;
    return work;
}

bool ww_file_work_make_room(ww_file_work *work, size_t capacity)
{
    work->bytes = ww_alloc(work->allocator, capacity);
    work->capacity = work->bytes ? capacity : 0;
    return work->bytes;
}

static void work_on(ww_job *job)
{
    ww_file_work *work = WW_CONTAINER_OF(job, ww_file_work, job);
    work->error = work->act(work);
}

static void worked(ww_job *job, bool canceled)
{
    ww_file_work *work = WW_CONTAINER_OF(job, ww_file_work, job);
    if (canceled) work->error = ECANCELED;
    work->is_done = true;
    if (!work->wasi) {
        free_work(work);
        return;
    }
    ww_waker *waker = work->wasi->options.waker;
    waker->wake(waker);
}

bool ww_file_work_start(ww_file_work *work, ww_file_act *act)
{
    work->act = act;
    work->job.work = work_on;
    work->job.done = worked;
    if (!ww_job_start(work->wasi->options.loop, &work->job)) return true;
    work->is_done = true;
    work->error = ENOMEM;
    return false;
}

void ww_file_work_drop(ww_wasi *wasi)
{
    ww_file_work *work = wasi->work;
    wasi->work = NULL;
    if (!work) return;
    work->wasi = NULL;
    if (work->is_done || !work->act)
        free_work(work);
    else
        ww_job_cancel(&work->job);
}
