#include "component/runtime.h"

/* Length of the UTF-8 sequence at data[0 .. size) if it is a Unicode scalar value, else 0. */
static uint32_t utf8_sequence(const uint8_t *data, size_t size)
{
    uint8_t lead = data[0];
    uint32_t length = lead < 0x80   ? 1
                      : lead < 0xc2 ? 0
                      : lead < 0xe0 ? 2
                      : lead < 0xf0 ? 3
                      : lead < 0xf5 ? 4
                                    : 0;
    if (length < 2) return length;
    if (size < length) return 0;
    /* The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (data[1] < low || data[1] > high) return 0;
    for (uint32_t i = 2; i < length; i++)
        if ((data[i] & 0xc0) != 0x80) return 0;
    return length;
}

static bool utf8_is_valid(const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        while (size - at >= sizeof word) {
            memcpy(&word, data + at, sizeof word);
            if (word & UINT64_C(0x8080808080808080)) break;
            at += sizeof word;
        }
        if (at == size) return true;
        uint32_t length = utf8_sequence(data + at, size - at);
        if (!length) return false;
        at += length;
    }
    return true;
}

static bool is_high_surrogate(uint16_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low_surrogate(uint16_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

static bool utf16_is_valid(const uint8_t *data, uint32_t units)
{
    for (uint32_t i = 0; i < units; i++) {
        uint16_t unit = ww_le16(data + 2 * (size_t)i);
        if (is_low_surrogate(unit)) return false;
        if (!is_high_surrogate(unit)) continue;
        if (++i == units || !is_low_surrogate(ww_le16(data + 2 * (size_t)i))) return false;
    }
    return true;
}

bool ww_string_is_valid(const ww_string *string)
{
    switch (string->form) {
    case WW_FORM_UTF8: return utf8_is_valid(string->data, string->units);
    case WW_FORM_LATIN1: return true;
    default: return utf16_is_valid(string->data, string->units);
    }
}

static uint32_t next_utf8(const uint8_t *p, uint32_t *at)
{
    uint8_t lead = p[0];
    if (lead < 0x80) return *at += 1, lead;
    if (lead < 0xe0) return *at += 2, (uint32_t)(lead & 0x1f) << 6 | (p[1] & 0x3f);
    if (lead < 0xf0)
        return *at += 3,
               (uint32_t)(lead & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    return *at += 4, (uint32_t)(lead & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
                         (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

uint32_t ww_string_next(const ww_string *string, uint32_t *at)
{
    if (string->form == WW_FORM_UTF8) return next_utf8(string->data + *at, at);
    if (string->form == WW_FORM_LATIN1) return string->data[(*at)++];
    const uint8_t *p = string->data + 2 * (size_t)*at;
    uint16_t unit = ww_le16(p);
    *at += 1;
    if (!is_high_surrogate(unit)) return unit;
    *at += 1;
    return 0x10000 + ((uint32_t)(unit & 0x3ff) << 10 | (ww_le16(p + 2) & 0x3ff));
}

uint32_t ww_put_utf8(uint8_t *out, uint32_t point)
{
    uint32_t length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (!out) return length;
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (uint32_t i = length; i-- > 1; point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
    out[0] = (uint8_t)(leads[length] | point);
    return length;
}

uint32_t ww_put_utf16(uint8_t *out, uint32_t point)
{
    uint32_t length = point < 0x10000 ? 2 : 4;
    if (!out) return length;
    if (length == 2) {
        ww_put_le16(out, (uint16_t)point);
        return length;
    }
    point -= 0x10000;
    ww_put_le16(out, (uint16_t)(0xd800 | point >> 10));
    ww_put_le16(out + 2, (uint16_t)(0xdc00 | (point & 0x3ff)));
    return length;
}

uint64_t ww_string_utf8_bytes(const ww_string *string, uint32_t at)
{
    uint64_t bytes = 0;
    while (at < string->units)
        bytes += ww_put_utf8(NULL, ww_string_next(string, &at));
    return bytes;
}

uint64_t ww_string_utf16_bytes(const ww_string *string, uint32_t at)
{
    uint64_t bytes = 0;
    while (at < string->units)
        bytes += ww_put_utf16(NULL, ww_string_next(string, &at));
    return bytes;
}

void ww_string_write_utf8(const ww_string *string, uint32_t at, uint8_t *out)
{
    while (at < string->units)
        out += ww_put_utf8(out, ww_string_next(string, &at));
}

void ww_string_write_utf16(const ww_string *string, uint32_t at, uint8_t *out)
{
    while (at < string->units)
        out += ww_put_utf16(out, ww_string_next(string, &at));
}
