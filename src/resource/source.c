#include "resource/source.h"

typedef struct blob_source {
    ww_source base;
    const ww_allocator *allocator;
    ww_blob *bytes;
    size_t taken;
} blob_source;

static ww_status blob_read(ww_source *base, void *out, size_t size, size_t *got)
{
    blob_source *source = (blob_source *)base;
    size_t left = source->bytes ? source->bytes->size - source->taken : 0;
    *got = left < size ? left : size;
    if (*got) memcpy(out, source->bytes->bytes + source->taken, *got);
    source->taken += *got;
    return left || !size ? WW_OK : WW_E_CLOSED;
}

static bool blob_ready(ww_source *base)
{
    (void)base;
    return true;
}

static ww_status blob_wait(ww_source *base, ww_waiter *waiter, ww_waker *waker)
{
    (void)base;
    (void)waiter;
    waker->wake(waker);
    return WW_OK;
}

static void blob_free(ww_source *base)
{
    blob_source *source = (blob_source *)base;
    ww_blob_unref(source->bytes);
    ww_free(source->allocator, source, sizeof *source);
}

ww_status ww_source_of_blob(const ww_allocator *allocator, ww_blob *bytes, ww_source **out)
{
    static const ww_source_class class = {blob_read, blob_ready, blob_wait, blob_free};
    *out = NULL;
    blob_source *source = ww_alloc(allocator, sizeof *source);
    if (!source) return WW_E_MEMORY;
    *source = (blob_source){
        .base = {.class = &class, .refs = 1},
        .allocator = allocator,
        .bytes = ww_blob_ref(bytes),
    };
    *out = &source->base;
    return WW_OK;
}
