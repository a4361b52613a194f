#include "config/units.h"
#include <string.h>

typedef struct unit {
    const char *suffix;
    uint64_t factor;
} unit;

enum { FRACTION_DIGITS_MAX = 3 };

/* DIGITS[.DIGITS]SUFFIX in units of 1/1000 of the suffix, so that "1.5s" stays exact. */
static bool parse_scaled(const char *text, const unit *units, size_t count, uint64_t *out)
{
    uint64_t value = 0, scale = 1;
    const char *at = text;
    int fraction = -1;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && fraction < 0); at++) {
        if (*at == '.') {
            fraction = 0;
            continue;
        }
        if (fraction >= 0 && ++fraction > FRACTION_DIGITS_MAX) return false;
        if (fraction > 0) scale *= 10;
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    if (at == text || *text == '.' || fraction == 0) return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(at, units[i].suffix)) continue;
        if (__builtin_mul_overflow(value, units[i].factor, &value)) return false;
        *out = value / scale;
        return true;
    }
    return false;
}

bool ww_parse_bytes(const char *text, uint64_t *out)
{
    static const unit units[] = {
        {"", 1},
        {"B", 1},
        {"KiB", 1024},
        {"MiB", 1 << 20},
        {"GiB", 1 << 30},
        {"TiB", 1ull << 40},
        {"KB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
    };
    return parse_scaled(text, units, WW_COUNT_OF(units), out);
}

bool ww_parse_duration_ms(const char *text, uint64_t *out)
{
    static const unit units[] = {
        {"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000},
    };
    return parse_scaled(text, units, WW_COUNT_OF(units), out);
}
