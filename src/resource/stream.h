/* resource/stream.h - input and output streams as guests hold them.
 *
 * Model      A stream is a guest's handle on a source or a sink, which others may share. A failure
 *            is told once, with its errno in `error`; from then on the stream is closed. An output
 *            stream gives permits: a guest may write as much as the last ww_output_stream_check
 *            said, and a write beyond that is a fault of the guest (E_LIMIT; callers trap).
 * Waiting    Functions named _try never wait; AGAIN means that the stream's _wait should be called.
 * Ownership  See resource/object.h. A stream holds a reference to its source or sink.
 * Bounds     resource/limits.h.
 */
#pragma once
#include "resource/pollable.h"

typedef struct ww_input_stream {
    ww_object object;
    ww_wasi *wasi;
    ww_source *source;
    bool closed;
    int error;
} ww_input_stream;

/* Takes a reference to `source`; NULL: an empty stream. */
WW_MUST_USE ww_status ww_input_stream_new(ww_wasi *wasi, ww_source *source, ww_object *parent,
                                          ww_input_stream **out);

/* At most `size` bytes, in the cell's chunk. WW_OK with *out empty only for size 0; AGAIN, E_CLOSED,
 * E_IO. */
WW_MUST_USE ww_status ww_input_stream_try(ww_input_stream *stream, uint64_t size, ww_view *out);
WW_MUST_USE ww_status ww_input_stream_wait(ww_input_stream *stream);
WW_MUST_USE ww_status ww_input_stream_subscribe(ww_input_stream *stream, ww_pollable **out);

typedef struct ww_output_stream {
    ww_object object;
    ww_wasi *wasi;
    ww_sink *sink;
    uint64_t permit;
    bool flushing; /* no permits until the sink has written all */
    bool closed;
    int error;
} ww_output_stream;

/* Takes a reference to `sink`; NULL: takes everything, to nowhere. */
WW_MUST_USE ww_status ww_output_stream_new(ww_wasi *wasi, ww_sink *sink, ww_object *parent,
                                           ww_output_stream **out);

/* *permit 0: not now. E_CLOSED, E_IO. */
WW_MUST_USE ww_status ww_output_stream_check(ww_output_stream *stream, uint64_t *permit);
/* E_LIMIT beyond the permit. A failure shows at the next check. */
WW_MUST_USE ww_status ww_output_stream_write(ww_output_stream *stream, ww_view bytes);
WW_MUST_USE ww_status ww_output_stream_write_zeroes(ww_output_stream *stream, uint64_t size);
/* Writes all, at most WW_STREAM_BLOCKING_WRITE_MAX, or nothing: AGAIN, E_CLOSED, E_IO. */
WW_MUST_USE ww_status ww_output_stream_try(ww_output_stream *stream, ww_view bytes);
WW_MUST_USE ww_status ww_output_stream_try_zeroes(ww_output_stream *stream, uint64_t size);
WW_MUST_USE ww_status ww_output_stream_flush(ww_output_stream *stream); /* begins it */
WW_MUST_USE ww_status ww_output_stream_flush_try(ww_output_stream *stream);
/* Moves at most `size` bytes; AGAIN when there are none or there is no room. */
WW_MUST_USE ww_status ww_output_stream_splice_try(ww_output_stream *stream, ww_input_stream *source,
                                                  uint64_t size, uint64_t *moved);
/* Waits for whichever of the two is not ready. */
WW_MUST_USE ww_status ww_output_stream_splice_wait(ww_output_stream *stream,
                                                   ww_input_stream *source);
WW_MUST_USE ww_status ww_output_stream_wait(ww_output_stream *stream);
WW_MUST_USE ww_status ww_output_stream_subscribe(ww_output_stream *stream, ww_pollable **out);
