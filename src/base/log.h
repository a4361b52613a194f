/* base/log.h - what the system says about itself, apart from what guests print.
 *
 * Model      Every part that logs holds a pointer to one ww_log, made by config/log.h, and names
 *            its target: "ww::cell", "ww::loader". A NULL log says nothing. Lines never mix with a
 *            guest's output: the sink writes to stderr.
 * Bounds     A line is cut at WW_LOG_LINE_MAX bytes; it is plain text (base/utf8.h).
 * Threads    Loop thread only.
 */
#pragma once
#include "base/status.h"

typedef enum ww_log_level {
    WW_LOG_OFF,
    WW_LOG_ERROR,
    WW_LOG_WARN,
    WW_LOG_INFO,
    WW_LOG_DEBUG,
    WW_LOG_TRACE
} ww_log_level;

enum { WW_LOG_LINE_MAX = 1024 };

typedef struct ww_log ww_log;
struct ww_log {
    bool (*enabled)(const ww_log *log, ww_log_level level, const char *target);
    void (*write)(const ww_log *log, ww_log_level level, const char *target, const char *line);
};

void ww_log_print(const ww_log *log, ww_log_level level, const char *target, const char *format,
                  ...) WW_PRINTF(4, 5);
