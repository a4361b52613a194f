#include "base/utf8.h"
#include "component/runtime.h"

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
    case WW_FORM_UTF8: return ww_utf8_valid(ww_view_of(string->data, string->units));
    case WW_FORM_LATIN1: return true;
    default: return utf16_is_valid(string->data, string->units);
    }
}

uint32_t ww_string_next(const ww_string *string, uint32_t *at)
{
    if (string->form == WW_FORM_UTF8) return ww_utf8_next(string->data, at);
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
