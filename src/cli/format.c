#include "cli/format.h"
#include "base/utf8.h"
#include <inttypes.h>
#include <stdio.h>

void ww_format_duration(uint64_t ns, char out[WW_FIGURE_MAX])
{
    uint64_t ms = ns / 1000000, seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    if (minutes == 0)
        snprintf(out, WW_FIGURE_MAX, "%" PRIu64 ".%03us", seconds, (unsigned)(ms % 1000));
    else if (hours == 0)
        snprintf(out, WW_FIGURE_MAX, "%" PRIu64 "m%02us", minutes, (unsigned)(seconds % 60));
    else if (hours < 48)
        snprintf(out, WW_FIGURE_MAX, "%" PRIu64 "h%02um", hours, (unsigned)(minutes % 60));
    else
        snprintf(out, WW_FIGURE_MAX, "%" PRIu64 "d%02uh", hours / 24, (unsigned)(hours % 24));
}

void ww_format_bytes(uint64_t bytes, char out[WW_FIGURE_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    uint64_t tenths = bytes; /* of units[unit], once unit is not 0 */
    if (bytes >= 1024) {
        for (unit = 1; unit + 1 < WW_COUNT_OF(units) && bytes >= 1024 * 1024; unit++)
            bytes /= 1024;
        tenths = bytes * 10 / 1024;
    }
    if (!unit)
        snprintf(out, WW_FIGURE_MAX, "%" PRIu64 "B", bytes);
    else if (tenths % 10)
        snprintf(out, WW_FIGURE_MAX, "%" PRIu64 ".%u%s", tenths / 10, (unsigned)(tenths % 10),
                 units[unit]);
    else
        snprintf(out, WW_FIGURE_MAX, "%" PRIu64 "%s", tenths / 10, units[unit]);
}

void ww_print_plain(ww_view text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = ww_text_plain_size(text.data + at, text.size - at);
        if (size)
            fwrite(text.data + at, 1, size, stdout);
        else
            putchar('?');
        at += size ? size : 1;
    }
}
