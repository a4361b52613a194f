/* resource/file_work.h - one blocking operation on files, done by a worker for a call that waits.
 *
 * Model      A function makes a piece of work, fills in what it is about, and starts it; the cell is
 *            woken when it is done. A cell has at most one, as it waits for one call at a time; it
 *            stays, with its results, until the next one is made or the cell goes.
 * Ownership  The cell's ww_wasi owns it. A cell that goes while a worker is busy leaves the work
 *            behind: it frees itself, and closes what it opened.
 * Threads    The loop's; `act` runs on a worker and touches nothing but the work.
 */
#pragma once
#include "resource/wasi.h"

typedef struct ww_file_work ww_file_work;

typedef int ww_file_act(ww_file_work *work); /* answers an errno value or 0 */

struct ww_file_work {
    ww_job job;
    ww_file_act *act;
    ww_wasi *wasi; /* NULL: gone */
    const ww_allocator *allocator;
    size_t size; /* of this, paths included */
    bool is_done;
    int error;
    ww_fd *fd, *other; /* references */
    ww_lookup lookup;
    char *path, *other_path; /* behind this struct */
    /* what to do */
    bool follow, data_only;
    int open_flags;
    ww_advice advice;
    ww_new_times times;
    int64_t offset;
    uint64_t length;
    /* what came of it */
    ww_stat stat;
    int opened; /* -1: nothing, or taken */
    uint8_t *bytes;
    size_t capacity, count;
};

/* Drops the last work and makes a new one. `other` and the paths may be NULL; they are referenced
 * and copied. */
ww_file_work *ww_file_work_new(ww_wasi *wasi, ww_fd *fd, const ww_view *path, ww_fd *other,
                               const ww_view *other_path);
/* False: no memory. */
WW_MUST_USE bool ww_file_work_make_room(ww_file_work *work, size_t capacity);
WW_MUST_USE bool ww_file_work_start(ww_file_work *work, ww_file_act *act);
void ww_file_work_drop(ww_wasi *wasi);

static inline ww_base ww_file_work_base(const ww_file_work *work)
{
    return (ww_base){work->fd->number, work->lookup};
}

static inline ww_base ww_file_work_other(const ww_file_work *work)
{
    return (ww_base){work->other->number, work->lookup};
}
