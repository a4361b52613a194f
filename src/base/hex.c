#include "base/hex.h"

void ww_hex_encode(ww_view bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        *out++ = digits[bytes.data[i] >> 4];
        *out++ = digits[bytes.data[i] & 15];
    }
    *out = '\0';
}

/* 16 for what is no digit. */
static uint8_t value_of(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') return (uint8_t)(digit - '0');
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? (uint8_t)(digit - 'a' + 10) : 16;
}

bool ww_hex_decode(ww_view text, uint8_t *out, size_t size)
{
    if (text.size / 2 != size || text.size % 2) return false;
    for (size_t i = 0; i < size; i++) {
        uint8_t high = value_of(text.data[2 * i]), low = value_of(text.data[2 * i + 1]);
        if (high > 15 || low > 15) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
