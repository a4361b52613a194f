/* base/utf8.h - text from elsewhere: whether it is UTF-8, and how it may be shown.
 *
 * Model      UTF-8 is what Unicode's table 3-7 lets through: no overlong forms, no surrogates,
 *            nothing beyond U+10FFFF.
 *            Plain text is what neither steers a terminal nor forges a line of a log: names of
 *            cells, exported names and reasons come from guests and peers.
 */
#pragma once
#include "base/bytes.h"

bool ww_utf8_valid(ww_view text);

/* The code point at text[*at], which moves on behind it; the text is valid. */
static inline uint32_t ww_utf8_next(const uint8_t *text, uint32_t *at)
{
    const uint8_t *p = text + *at;
    uint8_t lead = p[0];
    if (lead < 0x80) return *at += 1, lead;
    if (lead < 0xe0) return *at += 2, (uint32_t)(lead & 0x1f) << 6 | (p[1] & 0x3f);
    if (lead < 0xf0)
        return *at += 3,
               (uint32_t)(lead & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
    return *at += 4, (uint32_t)(lead & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
                         (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

/* Bytes of the character at text[0 .. size), which is not empty, if it is plain; 0 for one that is
 * not: a control character (of C1, too), what breaks lines or turns the direction of text, and what
 * is no UTF-8. */
size_t ww_text_plain_size(const uint8_t *text, size_t size);

/* Puts '?' in place of each byte that is not of a plain character. */
void ww_text_make_plain(char *text, size_t size);
