/* base/bytes.h - borrowed and owned runs of bytes, and arithmetic on foreign sizes.
 *
 * Ownership  ww_view borrows. ww_buf owns, with the allocator and the largest size it was given at
 *            init.
 * Errors     E_LIMIT above the largest size, E_MEMORY when the allocator fails; the buffer is
 *            unchanged after either.
 * Threads    A buffer belongs to one thread at a time.
 */
#pragma once
#include "base/alloc.h"
#include "base/status.h"
#include <string.h>

typedef struct ww_view {
    const uint8_t *data;
    size_t size;
} ww_view;

#define WW_VIEW_LITERAL(s) ((ww_view){(const uint8_t *)(s), sizeof(s) - 1})

static inline ww_view ww_view_of(const void *data, size_t size)
{
    return (ww_view){(const uint8_t *)data, size};
}

static inline ww_view ww_view_str(const char *text)
{
    return ww_view_of(text, strlen(text));
}

static inline bool ww_view_equal(ww_view a, ww_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Negative, 0 or positive: a total order, by bytes. */
static inline int ww_view_compare(ww_view a, ww_view b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static inline bool ww_view_is(ww_view view, const char *text)
{
    return ww_view_equal(view, ww_view_str(text));
}

static inline bool ww_view_starts(ww_view view, const char *prefix)
{
    size_t size = strlen(prefix);
    return view.size >= size && memcmp(view.data, prefix, size) == 0;
}

/* For printf's "%.*s"; sizes beyond int are cut. */
#define WW_VIEW_ARG(v) ((int)((v).size > 4096 ? 4096 : (v).size)), ((const char *)(v).data)

/* False on overflow; *out is then 0. */
WW_MUST_USE static inline bool ww_size_add(size_t a, size_t b, size_t *out)
{
    if (!__builtin_add_overflow(a, b, out)) return true;
    *out = 0;
    return false;
}

WW_MUST_USE static inline bool ww_size_mul(size_t a, size_t b, size_t *out)
{
    if (!__builtin_mul_overflow(a, b, out)) return true;
    *out = 0;
    return false;
}

/* `align` is a power of two; the caller's value is far below the type's end. */
static inline size_t ww_align_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* Little endian at any address. */
static inline uint16_t ww_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t ww_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t ww_le64(const uint8_t *p)
{
    return (uint64_t)ww_le32(p) | (uint64_t)ww_le32(p + 4) << 32;
}

static inline void ww_put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void ww_put_le32(uint8_t *p, uint32_t v)
{
    ww_put_le16(p, (uint16_t)v);
    ww_put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void ww_put_le64(uint8_t *p, uint64_t v)
{
    ww_put_le32(p, (uint32_t)v);
    ww_put_le32(p + 4, (uint32_t)(v >> 32));
}

typedef struct ww_buf {
    const ww_allocator *allocator;
    uint8_t *data;
    size_t size, capacity, size_max;
} ww_buf;

void ww_buf_init(ww_buf *buf, const ww_allocator *allocator, size_t size_max);
void ww_buf_deinit(ww_buf *buf); /* also fit for a zeroed ww_buf */
void ww_buf_clear(ww_buf *buf);  /* keeps the memory */

/* Makes room for `extra` more bytes; *out points to them, size does not change. */
WW_MUST_USE ww_status ww_buf_reserve(ww_buf *buf, size_t extra, uint8_t **out);
WW_MUST_USE ww_status ww_buf_append(ww_buf *buf, const void *data, size_t size);
WW_MUST_USE ww_status ww_buf_append_byte(ww_buf *buf, uint8_t byte);
WW_MUST_USE ww_status ww_buf_printf(ww_buf *buf, const char *format, ...) WW_PRINTF(2, 3);

static inline ww_view ww_buf_view(const ww_buf *buf)
{
    return ww_view_of(buf->data, buf->size);
}
