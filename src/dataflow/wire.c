#include "dataflow/wire.h"

enum { NUMBER_MAX = (1 << 29) - 1 };

static bool fail(df_reader *reader, const char *error)
{
    reader->error = error;
    return false;
}

bool df_read_varint(df_reader *reader, uint64_t *out)
{
    uint64_t value = 0;
    const uint8_t *at = reader->at;
    for (int shift = 0; shift < 70; shift += 7, at++) {
        if (at == reader->end) return fail(reader, "truncated number");
        if (shift == 63 && *at > 1) return fail(reader, "number above 64 bits");
        value |= (uint64_t)(*at & 0x7f) << shift;
        if (*at & 0x80) continue;
        reader->at = at + 1;
        *out = value;
        return true;
    }
    return fail(reader, "number above 64 bits");
}

static inline bool read_varint(df_reader *reader, uint64_t *out)
{
    if (WW_LIKELY(reader->at < reader->end && *reader->at < 0x80)) {
        *out = *reader->at++;
        return true;
    }
    return df_read_varint(reader, out);
}

static bool read_fixed(df_reader *reader, size_t size, uint64_t *out)
{
    if ((size_t)(reader->end - reader->at) < size) return fail(reader, "truncated number");
    *out = size == 8 ? ww_le64(reader->at) : ww_le32(reader->at);
    reader->at += size;
    return true;
}

static bool read_bytes(df_reader *reader, ww_view *out)
{
    uint64_t size;
    const uint8_t *before = reader->at;
    if (!read_varint(reader, &size)) return false;
    if (size > (uint64_t)(reader->end - reader->at)) {
        reader->at = before;
        return fail(reader, "length beyond the end of the message around it");
    }
    *out = ww_view_of(reader->at, (size_t)size);
    reader->at += size;
    return true;
}

bool df_next_slow(df_reader *reader, df_field *out)
{
    uint64_t tag;
    if (reader->error || reader->at == reader->end) return false;
    const uint8_t *before = reader->at;
    if (!read_varint(reader, &tag)) return false;
    out->number = (uint32_t)(tag >> 3);
    if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX) {
        reader->at = before;
        return fail(reader, "field number out of range");
    }
    switch (tag & 7) {
    case DF_BYTES: out->type = DF_BYTES; return read_bytes(reader, &out->bytes);
    case DF_VARINT: out->type = DF_VARINT; return read_varint(reader, &out->value);
    case DF_FIXED64: out->type = DF_FIXED64; return read_fixed(reader, 8, &out->value);
    case DF_FIXED32: out->type = DF_FIXED32; return read_fixed(reader, 4, &out->value);
    default: reader->at = before; return fail(reader, "unknown wire type");
    }
}

/* Length of the valid sequence at `p`, 0 for none (Unicode 15, table 3-7). */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    uint8_t a = p[0];
    if (a < 0x80) return 1;
    if (a < 0xc2 || a > 0xf4) return 0;
    size_t size = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
    if (size > left) return 0;
    uint8_t low = a == 0xe0 ? 0xa0 : a == 0xf0 ? 0x90 : 0x80;
    uint8_t high = a == 0xed ? 0x9f : a == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return size;
}

bool df_is_utf8(ww_view text)
{
    size_t i = 0;
    while (text.size - i >= 8 && !(ww_le64(text.data + i) & 0x8080808080808080u))
        i += 8;
    while (i < text.size) {
        size_t length = utf8_length(text.data + i, text.size - i);
        if (!length) return false;
        i += length;
    }
    return true;
}

ww_status df_put_varint(ww_buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    do {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    } while (value);
    bytes[size - 1] &= 0x7f;
    return ww_buf_append(buf, bytes, size);
}

ww_status df_put_number(ww_buf *buf, uint32_t number, uint64_t value)
{
    if (!value) return WW_OK;
    ww_status status = df_put_varint(buf, (uint64_t)number << 3 | DF_VARINT);
    return status ? status : df_put_varint(buf, value);
}

ww_status df_put_bytes(ww_buf *buf, uint32_t number, ww_view bytes)
{
    ww_status status = df_put_varint(buf, (uint64_t)number << 3 | DF_BYTES);
    if (!status) status = df_put_varint(buf, bytes.size);
    return status ? status : ww_buf_append(buf, bytes.data, bytes.size);
}
