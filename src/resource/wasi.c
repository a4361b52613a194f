#include "resource/wasi.h"
#include "resource/file_work.h"

void ww_wasi_init(ww_wasi *wasi, const ww_wasi_options *options)
{
    ww_wasi_options own = *options;
    if (!own.clock) own.clock = ww_loop_clock(own.loop);
    if (own.input) ww_source_ref(own.input);
    if (own.output) ww_sink_ref(own.output);
    if (own.error) ww_sink_ref(own.error);
    wasi->options = own;
    wasi->waiter = (ww_waiter){0};
    wasi->work = NULL;
    wasi->chunk = NULL;
    wasi->chunk_size = 0;
    wasi->link_is_open = false;
    ww_random_fill(own.random, wasi->hash_keys, sizeof wasi->hash_keys);
    ww_random_seeded_init(&wasi->insecure, ww_random_u64(own.random));
}

void ww_wasi_deinit(ww_wasi *wasi)
{
    ww_waiter_remove(&wasi->waiter);
    ww_file_work_drop(wasi);
    ww_free(wasi->options.allocator, wasi->chunk, wasi->chunk_size);
    wasi->chunk = NULL;
    wasi->chunk_size = 0;
    ww_source_unref(wasi->options.input);
    ww_sink_unref(wasi->options.output);
    ww_sink_unref(wasi->options.error);
    wasi->options = (ww_wasi_options){0};
}

ww_status ww_wasi_make(ww_wasi *wasi, const ww_object_class *class, size_t size, ww_object *parent,
                       void **out)
{
    const ww_allocator *allocator = wasi->options.allocator;
    *out = NULL;
    ww_object *made = ww_alloc_zeroed(allocator, size);
    if (!made) return WW_E_MEMORY;
    ww_status status = ww_object_init(made, class, wasi->context.principal, parent);
    if (status)
        ww_free(allocator, made, size);
    else
        *out = made;
    return status;
}

static ww_status flush_one(ww_wasi *wasi, ww_sink *sink)
{
    if (!sink) return WW_OK;
    ww_status status = ww_sink_flush(sink);
    if (status != WW_AGAIN) return WW_OK;
    return ww_sink_wait(sink, &wasi->waiter, wasi->options.waker) ? WW_OK : WW_AGAIN;
}

ww_status ww_wasi_flush(ww_wasi *wasi)
{
    ww_status status = flush_one(wasi, wasi->options.output);
    return status ? status : flush_one(wasi, wasi->options.error);
}

uint8_t *ww_wasi_chunk(ww_wasi *wasi, size_t size)
{
    WW_ASSERT(size <= WW_STREAM_READ_MAX);
    if (size <= wasi->chunk_size && wasi->chunk) return wasi->chunk;
    size_t wanted = 512;
    while (wanted < size)
        wanted *= 2;
    const ww_allocator *allocator = wasi->options.allocator;
    uint8_t *chunk = ww_alloc(allocator, wanted);
    if (!chunk) return NULL;
    ww_free(allocator, wasi->chunk, wasi->chunk_size);
    wasi->chunk = chunk;
    wasi->chunk_size = wanted;
    return chunk;
}
