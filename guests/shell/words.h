/* words.h - a command line taken apart, with the quoting of POSIX shells: '...', "...", \ and # comments.
 *
 * Bounds     WORDS_MAX words.
 */
#pragma once
#include "base/bytes.h"

enum { WORDS_MAX = 64 };

typedef struct words {
    ww_view word[WORDS_MAX];
    uint32_t count;
} words;

/* In place: the words stand in `line` afterwards. False: a quote is not closed, or there are too many words. */
bool words_split(uint8_t *line, size_t size, words *out);
