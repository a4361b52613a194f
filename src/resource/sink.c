#include "resource/sink.h"

typedef struct buf_sink {
    ww_sink base;
    ww_buf *out;
} buf_sink;

static size_t buf_room(ww_sink *base)
{
    (void)base;
    return WW_STREAM_BUFFER_BYTES;
}

static void buf_put(ww_sink *base, ww_view bytes)
{
    ww_buf *out = ((buf_sink *)base)->out;
    size_t left = out->size_max - out->size;
    ww_status ignored = ww_buf_append(out, bytes.data, bytes.size < left ? bytes.size : left);
    (void)ignored; /* no memory: kept as little as above the largest size */
}

static ww_status buf_flush(ww_sink *base)
{
    (void)base;
    return WW_OK;
}

static ww_status buf_wait(ww_sink *base, ww_waiter *waiter, ww_waker *waker)
{
    (void)base;
    (void)waiter;
    waker->wake(waker);
    return WW_OK;
}

static void buf_abandon(ww_sink *base)
{
    (void)base;
}

static void buf_free(ww_sink *base)
{
    ww_free(((buf_sink *)base)->out->allocator, base, sizeof(buf_sink));
}

ww_status ww_sink_of_buf(ww_buf *out, ww_sink **sink)
{
    static const ww_sink_class class = {buf_room, buf_put,     buf_flush,
                                        buf_wait, buf_abandon, buf_free};
    buf_sink *made = ww_alloc(out->allocator, sizeof *made);
    *sink = NULL;
    if (!made) return WW_E_MEMORY;
    *made = (buf_sink){.base = {.class = &class, .refs = 1}, .out = out};
    *sink = &made->base;
    return WW_OK;
}
