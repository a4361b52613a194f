#include "config/log.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const level_names[] = {"off", "error", "warn", "info", "debug", "trace"};
static const char *const level_colors[] = {"", "\x1b[31m", "\x1b[33m", "", "\x1b[2m", "\x1b[2m"};

static bool parse_level(const char *text, size_t size, ww_log_level *out)
{
    for (unsigned i = 0; i < WW_COUNT_OF(level_names); i++)
        if (strlen(level_names[i]) == size && !strncasecmp(text, level_names[i], size)) {
            *out = (ww_log_level)i;
            return true;
        }
    return false;
}

/* "level" or "target=level"; a span filter "target[...]=level" counts as its target. */
static bool parse_directive(const char *text, size_t size, ww_log_directive *out)
{
    *out = (ww_log_directive){.level = WW_LOG_TRACE};
    if (parse_level(text, size, &out->level)) return true;
    const char *equal = memrchr(text, '=', size);
    size_t target_size = equal ? (size_t)(equal - text) : size;
    if (equal && !parse_level(equal + 1, size - target_size - 1, &out->level)) return false;
    const char *bracket = memchr(text, '[', target_size);
    if (bracket) target_size = (size_t)(bracket - text);
    if (!target_size || target_size >= WW_LOG_TARGET_MAX) return false;
    memcpy(out->target, text, target_size);
    return true;
}

static bool parse_filter(ww_stderr_log *log, const char *text)
{
    log->count = 0;
    while (*text) {
        size_t size = strcspn(text, ",");
        if (size) {
            if (log->count == WW_LOG_DIRECTIVES_MAX) return false;
            if (!parse_directive(text, size, &log->directives[log->count])) return false;
            log->count++;
        }
        text += size + (text[size] == ',');
    }
    return log->count > 0;
}

static bool covers(const char *prefix, size_t size, const char *target)
{
    return !strncmp(prefix, target, size) && (!size || !target[size] || target[size] == ':');
}

static bool is_enabled(const ww_log *base, ww_log_level level, const char *target)
{
    const ww_stderr_log *log = WW_CONTAINER_OF(base, const ww_stderr_log, base);
    ww_log_level limit = WW_LOG_OFF;
    size_t longest = 0;
    for (uint32_t i = 0; i < log->count; i++) {
        size_t size = strlen(log->directives[i].target);
        if (size < longest || !covers(log->directives[i].target, size, target)) continue;
        longest = size;
        limit = log->directives[i].level;
    }
    return level <= limit;
}

static void write_line(const ww_log *base, ww_log_level level, const char *target, const char *line)
{
    const ww_stderr_log *log = WW_CONTAINER_OF(base, const ww_stderr_log, base);
    const char *on = log->color ? level_colors[level] : "", *off = *on ? "\x1b[0m" : "";
    if (level >= WW_LOG_DEBUG)
        fprintf(stderr, "%sww: %s: %s: %s%s\n", on, level_names[level], target, line, off);
    else if (level == WW_LOG_INFO)
        fprintf(stderr, "ww: %s\n", line);
    else
        fprintf(stderr, "%sww: %s: %s%s\n", on, level_names[level], line, off);
}

bool ww_log_filter_is_readable(const char *text)
{
    ww_stderr_log log;
    return parse_filter(&log, text);
}

bool ww_stderr_log_init(ww_stderr_log *log, const char *text, bool color)
{
    *log = (ww_stderr_log){.base = {is_enabled, write_line}, .color = color};
    if (text && parse_filter(log, text)) return true;
    parse_filter(log, "ww=info");
    return !text;
}
