/* resource/sink.h - where an output stream's bytes go.
 *
 * Model      A sink has room for some bytes; what is put there is taken at once and reaches the
 *            system when the buffer is full, when somebody flushes, or at the end of the loop's
 *            turn, whichever comes first (at once if it is_through: files, so that
 *            whoever reads them next sees it). So a guest that writes 4 KiB at a time costs a system
 *            call per buffer, and an idle guest has no output hidden. Streams that lead to one pipe,
 *            terminal or open file must share one sink: that keeps the order of their bytes.
 * Ownership  Counted. A sink with bytes left keeps itself alive until they are written, or until
 *            ww_sink_abandon.
 * Errors     `error` is the errno value of the first failure; from then on the sink takes nothing,
 *            and what it still held is lost. EPIPE stands for a reader that went away.
 * Threads    The loop's.
 */
#pragma once
#include "base/bytes.h"
#include "os/fd.h"
#include "resource/limits.h"

typedef struct ww_sink ww_sink;

typedef struct ww_sink_class {
    size_t (*room)(ww_sink *self);
    void (*put)(ww_sink *self, ww_view bytes);
    ww_status (*flush)(ww_sink *self);
    ww_status (*wait)(ww_sink *self, ww_waiter *waiter, ww_waker *waker);
    void (*abandon)(ww_sink *self);
    void (*free)(ww_sink *self);
} ww_sink_class;

struct ww_sink {
    const ww_sink_class *class;
    uint32_t refs;
    int error;
    uint64_t promised; /* the permits of all streams that lead here */
    bool is_through;   /* what a blocking write wrote is with the system when it returns */
};

static inline ww_sink *ww_sink_ref(ww_sink *sink)
{
    sink->refs++;
    return sink;
}

static inline void ww_sink_unref(ww_sink *sink)
{
    if (sink && --sink->refs == 0) sink->class->free(sink);
}

/* Bytes that may be put now: 0, or WW_STREAM_ROOM_MIN and more. 0 after a failure. */
static inline size_t ww_sink_room(ww_sink *sink)
{
    return sink->class->room(sink);
}

/* Copies, also beyond the room: permits that were given to several streams are kept. After a
 * failure the bytes are dropped. */
static inline void ww_sink_put(ww_sink *sink, ww_view bytes)
{
    sink->class->put(sink, bytes);
}

/* WW_OK: the system has everything. AGAIN: under way. E_IO: see `error`. */
WW_MUST_USE static inline ww_status ww_sink_flush(ww_sink *sink)
{
    return sink->class->flush(sink);
}

/* Wakes when there is more room, or all is flushed, or the sink failed. */
WW_MUST_USE static inline ww_status ww_sink_wait(ww_sink *sink, ww_waiter *waiter, ww_waker *waker)
{
    return sink->class->wait(sink, waiter, waker);
}

/* Forgets what is not written yet and fails: for a reader that never reads. */
static inline void ww_sink_abandon(ww_sink *sink)
{
    sink->class->abandon(sink);
}

/* Takes a reference to `fd`. `offset`: where to begin in a file, WW_FD_END to append, or WW_FD_HERE
 * (streams and standard streams). */
WW_MUST_USE ww_status ww_sink_of_fd(ww_fd *fd, int64_t offset, ww_sink **out);

/* Keeps the first bytes, up to the largest size of the buffer, and drops the rest. Borrows `out`. */
WW_MUST_USE ww_status ww_sink_of_buf(ww_buf *out, ww_sink **sink);
