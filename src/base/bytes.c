#include "base/bytes.h"
#include <stdio.h>

enum { BUF_CAPACITY_FIRST = 64 };

void ww_buf_init(ww_buf *buf, const ww_allocator *allocator, size_t size_max)
{
    *buf = (ww_buf){.allocator = allocator, .size_max = size_max};
}

void ww_buf_deinit(ww_buf *buf)
{
    if (buf->data) ww_free(buf->allocator, buf->data, buf->capacity);
    *buf = (ww_buf){.allocator = buf->allocator, .size_max = buf->size_max};
}

void ww_buf_clear(ww_buf *buf)
{
    buf->size = 0;
}

ww_status ww_buf_reserve(ww_buf *buf, size_t extra, uint8_t **out)
{
    size_t need;
    if (!ww_size_add(buf->size, extra, &need) || need > buf->size_max) return WW_E_LIMIT;
    if (need > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : BUF_CAPACITY_FIRST;
        while (capacity < need && capacity <= buf->size_max / 2)
            capacity *= 2;
        if (capacity < need) capacity = buf->size_max;
        uint8_t *data = ww_realloc(buf->allocator, buf->data, buf->capacity, capacity);
        if (!data) return WW_E_MEMORY;
        buf->data = data;
        buf->capacity = capacity;
    }
    if (out) *out = buf->data ? buf->data + buf->size : NULL;
    return WW_OK;
}

ww_status ww_buf_append(ww_buf *buf, const void *data, size_t size)
{
    if (!size) return WW_OK;
    uint8_t *end;
    ww_status status = ww_buf_reserve(buf, size, &end);
    if (status) return status;
    memcpy(end, data, size);
    buf->size += size;
    return WW_OK;
}

ww_status ww_buf_append_byte(ww_buf *buf, uint8_t byte)
{
    return ww_buf_append(buf, &byte, 1);
}

ww_status ww_buf_printf(ww_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *end;
    ww_status status = size < 0 ? WW_E_INVALID : ww_buf_reserve(buf, (size_t)size + 1, &end);
    if (!status) {
        vsnprintf((char *)end, (size_t)size + 1, format, again);
        buf->size += (size_t)size;
    }
    va_end(again);
    return status;
}
