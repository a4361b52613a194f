#include "words.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

typedef struct scan {
    const uint8_t *at, *end;
    uint8_t *to; /* at or before `at` */
} scan;

/* In double quotes a backslash keeps its meaning before these alone. */
static bool is_escapable(uint8_t c)
{
    return c == '"' || c == '\\' || c == '$' || c == '`' || c == '\n';
}

static bool take_quoted(scan *s, uint8_t quote)
{
    for (s->at++; s->at < s->end && *s->at != quote; s->at++) {
        bool escapes = quote == '"' && *s->at == '\\' && s->at + 1 < s->end;
        if (escapes && is_escapable(s->at[1])) s->at++;
        *s->to++ = *s->at;
    }
    if (s->at == s->end) return false;
    s->at++;
    return true;
}

static bool take_word(scan *s)
{
    while (s->at < s->end && !is_space(*s->at)) {
        if (*s->at == '\'' || *s->at == '"') {
            if (!take_quoted(s, *s->at)) return false;
        } else if (*s->at == '\\') {
            if (++s->at == s->end) return false;
            *s->to++ = *s->at++;
        } else {
            *s->to++ = *s->at++;
        }
    }
    return true;
}

bool words_split(uint8_t *line, size_t size, words *out)
{
    scan s = {line, line + size, line};
    out->count = 0;
    for (;;) {
        while (s.at < s.end && is_space(*s.at))
            s.at++;
        if (s.at == s.end || *s.at == '#') return true;
        if (out->count == WORDS_MAX) return false;
        uint8_t *begin = s.to;
        if (!take_word(&s)) return false;
        out->word[out->count++] = ww_view_of(begin, (size_t)(s.to - begin));
    }
}
