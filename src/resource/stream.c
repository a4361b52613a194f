#include "resource/stream.h"
#include <errno.h>

static const uint8_t zeroes[4096];

/* --- input */

static void input_free(ww_object *object)
{
    ww_input_stream *stream = WW_CONTAINER_OF(object, ww_input_stream, object);
    ww_source_unref(stream->source);
    ww_free(stream->wasi->options.allocator, stream, sizeof *stream);
}

ww_status ww_input_stream_new(ww_wasi *wasi, ww_source *source, ww_object *parent,
                              ww_input_stream **out)
{
    static const ww_object_class class = {"input-stream", input_free};
    void *memory;
    ww_status status = ww_wasi_make(wasi, &class, sizeof(ww_input_stream), parent, &memory);
    ww_input_stream *stream = memory;
    *out = stream;
    if (status) return status;
    stream->wasi = wasi;
    stream->source = source ? ww_source_ref(source) : NULL;
    stream->closed = !source;
    return WW_OK;
}

static ww_status input_fail(ww_input_stream *stream, int error)
{
    stream->closed = true;
    stream->error = error;
    return WW_E_IO;
}

ww_status ww_input_stream_try(ww_input_stream *stream, uint64_t size, ww_view *out)
{
    *out = ww_view_of(NULL, 0);
    if (stream->closed) return WW_E_CLOSED;
    if (size == 0) return WW_OK;
    size_t got, most = size < WW_STREAM_READ_MAX ? (size_t)size : WW_STREAM_READ_MAX;
    uint8_t *chunk = ww_wasi_chunk(stream->wasi, most);
    if (!chunk) return input_fail(stream, ENOMEM);
    ww_status status = ww_source_read(stream->source, chunk, most, &got);
    if (status == WW_OK) *out = ww_view_of(chunk, got);
    if (status == WW_E_CLOSED) stream->closed = true;
    if (status == WW_E_IO) return input_fail(stream, stream->source->error);
    return status;
}

ww_status ww_input_stream_wait(ww_input_stream *stream)
{
    ww_wasi *wasi = stream->wasi;
    if (ww_source_wait(stream->source, &wasi->waiter, wasi->options.waker))
        return input_fail(stream, ENOMEM);
    return WW_AGAIN;
}

static ww_input_stream *input_of(const ww_pollable *pollable)
{
    return WW_CONTAINER_OF(pollable->object.parent, ww_input_stream, object);
}

static bool input_ready(ww_pollable *pollable)
{
    ww_input_stream *stream = input_of(pollable);
    return stream->closed || ww_source_ready(stream->source);
}

static ww_status input_wait(ww_pollable *pollable, ww_waker *waker)
{
    return ww_source_wait(input_of(pollable)->source, &pollable->waiter, waker);
}

ww_status ww_input_stream_subscribe(ww_input_stream *stream, ww_pollable **out)
{
    static const ww_pollable_class class = {input_ready, input_wait, NULL};
    return ww_pollable_new(stream->wasi, &class, &stream->object, out);
}

/* --- output */

static void set_permit(ww_output_stream *stream, uint64_t permit)
{
    if (stream->sink) stream->sink->promised += permit - stream->permit;
    stream->permit = permit;
}

static void put(ww_output_stream *stream, ww_view bytes)
{
    if (stream->sink) ww_sink_put(stream->sink, bytes);
}

static void output_free(ww_object *object)
{
    ww_output_stream *stream = WW_CONTAINER_OF(object, ww_output_stream, object);
    set_permit(stream, 0);
    ww_sink_unref(stream->sink);
    ww_free(stream->wasi->options.allocator, stream, sizeof *stream);
}

ww_status ww_output_stream_new(ww_wasi *wasi, ww_sink *sink, ww_object *parent,
                               ww_output_stream **out)
{
    static const ww_object_class class = {"output-stream", output_free};
    void *memory;
    ww_status status = ww_wasi_make(wasi, &class, sizeof(ww_output_stream), parent, &memory);
    ww_output_stream *stream = memory;
    *out = stream;
    if (status) return status;
    stream->wasi = wasi;
    stream->sink = sink ? ww_sink_ref(sink) : NULL;
    return WW_OK;
}

/* A reader that went away is the end of the stream, not an error to look into. */
static ww_status output_failed(ww_output_stream *stream, int error)
{
    stream->closed = true;
    stream->error = error;
    set_permit(stream, 0);
    return error == EPIPE || error == ECANCELED ? WW_E_CLOSED : WW_E_IO;
}

/* WW_OK: the stream takes bytes, or will again. */
static ww_status output_state(ww_output_stream *stream)
{
    if (stream->closed) return WW_E_CLOSED;
    if (stream->sink && stream->sink->error) return output_failed(stream, stream->sink->error);
    return WW_OK;
}

static bool is_flushed(ww_output_stream *stream)
{
    if (stream->flushing && ww_sink_flush(stream->sink) != WW_AGAIN) stream->flushing = false;
    return !stream->flushing;
}

/* Streams may share a sink: what others were promised is kept for them, but for the least room,
 * which everybody gets; the sink grows by that much if all make use of it. */
static uint64_t room_of(ww_output_stream *stream)
{
    if (!stream->sink) return WW_STREAM_BUFFER_BYTES;
    uint64_t room = is_flushed(stream) ? ww_sink_room(stream->sink) : 0;
    uint64_t others = stream->sink->promised - stream->permit;
    if (room > others + WW_STREAM_ROOM_MIN) return room - others;
    return room ? WW_STREAM_ROOM_MIN : 0;
}

ww_status ww_output_stream_check(ww_output_stream *stream, uint64_t *permit)
{
    *permit = 0;
    uint64_t room = room_of(stream); /* may find out that the sink has failed */
    ww_status status = output_state(stream);
    if (status) return status;
    set_permit(stream, room);
    *permit = room;
    return WW_OK;
}

ww_status ww_output_stream_write(ww_output_stream *stream, ww_view bytes)
{
    if (bytes.size > stream->permit) return WW_E_LIMIT;
    ww_status status = output_state(stream);
    if (status) return status;
    set_permit(stream, stream->permit - bytes.size);
    put(stream, bytes);
    return WW_OK;
}

ww_status ww_output_stream_write_zeroes(ww_output_stream *stream, uint64_t size)
{
    if (size > stream->permit) return WW_E_LIMIT;
    ww_status status = WW_OK;
    while (size && !status) {
        size_t part = size < sizeof zeroes ? (size_t)size : sizeof zeroes;
        status = ww_output_stream_write(stream, ww_view_of(zeroes, part));
        size -= part;
    }
    return status;
}

ww_status ww_output_stream_try(ww_output_stream *stream, ww_view bytes)
{
    if (bytes.size > WW_STREAM_BLOCKING_WRITE_MAX) return WW_E_LIMIT;
    bool has_room = !stream->sink || (is_flushed(stream) && ww_sink_room(stream->sink));
    ww_status status = output_state(stream);
    if (status) return status;
    if (!has_room) return WW_AGAIN;
    put(stream, bytes);
    return WW_OK;
}

ww_status ww_output_stream_try_zeroes(ww_output_stream *stream, uint64_t size)
{
    if (size > sizeof zeroes) return WW_E_LIMIT;
    return ww_output_stream_try(stream, ww_view_of(zeroes, (size_t)size));
}

ww_status ww_output_stream_flush(ww_output_stream *stream)
{
    stream->flushing = stream->sink && !stream->closed;
    bool ignored = is_flushed(stream);
    (void)ignored;
    return output_state(stream);
}

ww_status ww_output_stream_flush_try(ww_output_stream *stream)
{
    ww_status status = ww_output_stream_flush(stream);
    return !status && stream->flushing ? WW_AGAIN : status;
}

ww_status ww_output_stream_splice_try(ww_output_stream *stream, ww_input_stream *source,
                                      uint64_t size, uint64_t *moved)
{
    *moved = 0;
    uint64_t room = room_of(stream);
    ww_status status = output_state(stream);
    if (status || size == 0) return status;
    if (room == 0) return WW_AGAIN;
    ww_view bytes;
    status = ww_input_stream_try(source, size < room ? size : room, &bytes);
    if (status) return status;
    put(stream, bytes);
    *moved = bytes.size;
    return WW_OK;
}

ww_status ww_output_stream_wait(ww_output_stream *stream)
{
    ww_wasi *wasi = stream->wasi;
    if (ww_sink_wait(stream->sink, &wasi->waiter, wasi->options.waker))
        return output_failed(stream, ENOMEM);
    return WW_AGAIN;
}

ww_status ww_output_stream_splice_wait(ww_output_stream *stream, ww_input_stream *source)
{
    return room_of(stream) ? ww_input_stream_wait(source) : ww_output_stream_wait(stream);
}

/* --- pollables */

static ww_output_stream *output_of(const ww_pollable *pollable)
{
    return WW_CONTAINER_OF(pollable->object.parent, ww_output_stream, object);
}

static bool output_ready(ww_pollable *pollable)
{
    ww_output_stream *stream = output_of(pollable);
    return stream->closed || !stream->sink || room_of(stream) || stream->sink->error;
}

static ww_status output_wait(ww_pollable *pollable, ww_waker *waker)
{
    return ww_sink_wait(output_of(pollable)->sink, &pollable->waiter, waker);
}

ww_status ww_output_stream_subscribe(ww_output_stream *stream, ww_pollable **out)
{
    static const ww_pollable_class class = {output_ready, output_wait, NULL};
    return ww_pollable_new(stream->wasi, &class, &stream->object, out);
}
