#include "base/log.h"
#include "base/utf8.h"
#include <stdio.h>

void ww_log_print(const ww_log *log, ww_log_level level, const char *target, const char *format,
                  ...)
{
    if (!log || !log->enabled(log, level, target)) return;
    char line[WW_LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ww_text_make_plain(line, strlen(line));
    log->write(log, level, target, line);
}
