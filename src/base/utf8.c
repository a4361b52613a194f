#include "base/utf8.h"

/* Length of the sequence at text[0 .. size), or 0; Unicode 15, table 3-7. */
static size_t sequence(const uint8_t *text, size_t size)
{
    uint8_t lead = text[0];
    if (lead < 0x80) return 1;
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || length > size) return 0;
    /* The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((text[i] & 0xc0) != 0x80) return 0;
    return length;
}

bool ww_utf8_valid(ww_view text)
{
    size_t at = 0;
    while (at < text.size) {
        uint64_t word;
        while (text.size - at >= sizeof word) {
            memcpy(&word, text.data + at, sizeof word);
            if (word & UINT64_C(0x8080808080808080)) break;
            at += sizeof word;
        }
        if (at == text.size) return true;
        size_t length = sequence(text.data + at, text.size - at);
        if (!length) return false;
        at += length;
    }
    return true;
}

static bool steers(uint32_t point)
{
    bool is_control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    bool breaks_lines = point == 0x2028 || point == 0x2029;
    bool turns = point == 0x061c || point == 0x200e || point == 0x200f ||
                 (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
    return is_control || breaks_lines || turns;
}

size_t ww_text_plain_size(const uint8_t *text, size_t size)
{
    size_t length = sequence(text, size);
    uint32_t start = 0;
    return length && !steers(ww_utf8_next(text, &start)) ? length : 0;
}

void ww_text_make_plain(char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t length = ww_text_plain_size((const uint8_t *)text + at, size - at);
        if (!length) text[at] = '?';
        at += length ? length : 1;
    }
}
