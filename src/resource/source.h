/* resource/source.h - where an input stream's bytes come from.
 *
 * Model      A source answers reads without waiting: bytes, the end, a failure, or AGAIN with a way
 *            to be woken. Descriptors read straight into the reader's memory, nothing is read ahead:
 *            what a guest does not take stays for whoever reads the same pipe next. A file that
 *            cannot be read without waiting is read by a job, into memory of the source.
 * Ownership  Counted. A job under way keeps what it needs; its result is dropped if nobody is left.
 * Errors     `error` is the errno value after E_IO.
 * Threads    The loop's.
 */
#pragma once
#include "base/blob.h"
#include "os/fd.h"
#include "resource/limits.h"

typedef struct ww_source ww_source;

typedef struct ww_source_class {
    ww_status (*read)(ww_source *self, void *out, size_t size, size_t *got);
    bool (*ready)(ww_source *self);
    ww_status (*wait)(ww_source *self, ww_waiter *waiter, ww_waker *waker);
    void (*free)(ww_source *self);
} ww_source_class;

struct ww_source {
    const ww_source_class *class;
    uint32_t refs;
    int error;
    bool ended; /* by ww_source_end */
};

static inline ww_source *ww_source_ref(ww_source *source)
{
    source->refs++;
    return source;
}

static inline void ww_source_unref(ww_source *source)
{
    if (source && --source->refs == 0) source->class->free(source);
}

/* From now on there is nothing but the end, whatever the source still has. Who waits for it must look
 * again: wake them. */
static inline void ww_source_end(ww_source *source)
{
    source->ended = true;
}

/* WW_OK with *got > 0 (0 only for size 0), AGAIN, E_CLOSED at the end, E_IO. */
WW_MUST_USE static inline ww_status ww_source_read(ww_source *source, void *out, size_t size,
                                                   size_t *got)
{
    if (WW_LIKELY(!source->ended)) return source->class->read(source, out, size, got);
    *got = 0;
    return size ? WW_E_CLOSED : WW_OK;
}

/* A read would not answer AGAIN. */
static inline bool ww_source_ready(ww_source *source)
{
    return source->ended || source->class->ready(source);
}

/* Wakes when a read may answer something else than AGAIN. E_IO, E_MEMORY: nobody will be woken. */
WW_MUST_USE static inline ww_status ww_source_wait(ww_source *source, ww_waiter *waiter,
                                                   ww_waker *waker)
{
    if (!source->ended) return source->class->wait(source, waiter, waker);
    waker->wake(waker);
    return WW_OK;
}

/* Takes a reference to `fd`. `offset`: where to begin in a file, or WW_FD_HERE. */
WW_MUST_USE ww_status ww_source_of_fd(ww_fd *fd, int64_t offset, ww_source **out);
/* Takes a reference to `bytes`, which may be NULL: the end at once. */
WW_MUST_USE ww_status ww_source_of_blob(const ww_allocator *allocator, ww_blob *bytes,
                                        ww_source **out);
