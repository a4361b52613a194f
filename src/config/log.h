/* config/log.h - which log lines appear, and how.
 *
 * Model      A filter is a comma-separated list of directives: a bare level ("warn") sets the
 *            default, "target=level" that of a target and all below it ("ww::cell=debug" also
 *            covers "ww::cell::stdio"). The longest matching target wins. WW_LOG gives the filter,
 *            else RUST_LOG, else "ww=info"; a filter that cannot be read counts as "ww=info".
 * Output     stderr: "ww: warn: text"; with a target from debug on. Colours only on a terminal and
 *            without NO_COLOR.
 */
#pragma once
#include "base/log.h"

enum { WW_LOG_DIRECTIVES_MAX = 32, WW_LOG_TARGET_MAX = 64 };

typedef struct ww_log_directive {
    char target[WW_LOG_TARGET_MAX]; /* "" for the default */
    ww_log_level level;
} ww_log_directive;

typedef struct ww_stderr_log {
    ww_log base;
    ww_log_directive directives[WW_LOG_DIRECTIVES_MAX];
    uint32_t count;
    bool color;
} ww_stderr_log;

bool ww_log_filter_is_readable(const char *text);

/* False, and the filter of "ww=info", if `text` cannot be read. NULL stands for "ww=info". */
bool ww_stderr_log_init(ww_stderr_log *log, const char *text, bool color);
