#include "component/reader.h"
#include "base/utf8.h"
#include "component/limits.h"
#include <stdio.h>

ww_status ww_reader_fail(ww_reader *r, size_t at, ww_status status, const char *format, ...)
{
    if (r->status) return r->status;
    va_list args;
    va_start(args, format);
    ww_vfail(r->diag, status, format, args);
    va_end(args);
    ww_fail_in(r->diag, "byte %zu", at);
    r->status = status;
    r->at = r->end;
    return status;
}

static void fail_end(ww_reader *r)
{
    ww_reader_fail(r, r->end, WW_E_INVALID, "unexpected end");
}

uint8_t ww_reader_u8(ww_reader *r)
{
    if (r->at >= r->end) {
        fail_end(r);
        return 0;
    }
    return r->base[r->at++];
}

uint8_t ww_reader_peek(ww_reader *r)
{
    if (r->at >= r->end) {
        fail_end(r);
        return 0;
    }
    return r->base[r->at];
}

static uint64_t read_uleb(ww_reader *r, unsigned bits)
{
    size_t start = r->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = ww_reader_u8(r);
        unsigned room = bits - shift;
        if (room < 7 && (byte & 0x7f) >> room) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
    ww_reader_fail(r, start, WW_E_INVALID, "integer is longer than %u bits", bits);
    return 0;
}

uint32_t ww_reader_u32(ww_reader *r)
{
    return (uint32_t)read_uleb(r, 32);
}

uint64_t ww_reader_u64(ww_reader *r)
{
    return read_uleb(r, 64);
}

static int64_t read_sleb(ww_reader *r, unsigned bits)
{
    size_t start = r->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = ww_reader_u8(r);
        unsigned room = bits - shift;
        if (room < 7) { /* the bits beyond the sign must repeat it */
            unsigned beyond = (byte & 0x7f) >> (room - 1);
            if ((byte & 0x80) || (beyond != 0 && beyond != 0x7fu >> (room - 1))) break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            unsigned used = shift + 7;
            if (used < 64 && byte & 0x40) value |= ~UINT64_C(0) << used;
            return (int64_t)value;
        }
    }
    ww_reader_fail(r, start, WW_E_INVALID, "integer is longer than %u bits", bits);
    return 0;
}

int64_t ww_reader_s33(ww_reader *r)
{
    return read_sleb(r, 33);
}

void ww_reader_skip_sleb(ww_reader *r, unsigned bits)
{
    (void)read_sleb(r, bits);
}

ww_view ww_reader_take(ww_reader *r, size_t size)
{
    if (size > r->end - r->at) {
        fail_end(r);
        return (ww_view){0};
    }
    ww_view view = ww_view_of(r->base + r->at, size);
    r->at += size;
    return view;
}

uint32_t ww_reader_count(ww_reader *r, uint32_t max, const char *what)
{
    size_t start = r->at;
    uint32_t count = ww_reader_u32(r);
    if (count > max) {
        ww_reader_fail(r, start, WW_E_LIMIT, "%u %s, at most %u are allowed", count, what, max);
        return 0;
    }
    if (count > r->end - r->at) {
        fail_end(r);
        return 0;
    }
    return count;
}

ww_view ww_reader_name(ww_reader *r)
{
    size_t start = r->at;
    uint32_t size = ww_reader_u32(r);
    if (size > WW_MAX_NAME_BYTES) {
        ww_reader_fail(r, start, WW_E_LIMIT, "name of %u bytes, at most %d are allowed", size,
                       WW_MAX_NAME_BYTES);
        return (ww_view){0};
    }
    ww_view name = ww_reader_take(r, size);
    if (ww_utf8_valid(name)) return name;
    ww_reader_fail(r, start, WW_E_INVALID, "name is not UTF-8");
    return (ww_view){0};
}

ww_reader ww_reader_part(ww_reader *r, size_t size)
{
    ww_reader part = *r;
    ww_view bytes = ww_reader_take(r, size);
    part.status = r->status;
    part.end = r->status ? part.at : part.at + bytes.size;
    return part;
}

void ww_reader_join(ww_reader *r, ww_reader *part, const char *what)
{
    if (ww_reader_ok(part) && part->at != part->end)
        ww_reader_fail(part, part->at, WW_E_INVALID, "%zu bytes too many in %s",
                       part->end - part->at, what);
    if (ww_reader_ok(part) || r->status) return;
    r->status = part->status;
    r->at = r->end;
}
