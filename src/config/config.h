/* config/config.h - what the settings come to: flags, environment, preset and defaults, merged.
 *
 * Model      ww_config_set takes the flags as they are read; ww_config_merge then asks the
 *            environment for each setting that no flag has set, the preset for what is left, and
 *            the table of config/setting.h for the rest. Each value knows where it came from.
 * Ownership  Texts are borrowed: of argv and of the environment, which must outlive the config.
 * Errors     E_USAGE, naming the flag or variable and what it takes. A log filter of the
 *            environment is not judged here: it may be meant for other programs, too, and
 *            config/log.h falls back.
 * Threads    A config belongs to one thread until it is merged; then it does not change.
 */
#pragma once
#include "config/setting.h"

typedef enum ww_origin {
    WW_ORIGIN_DEFAULT,
    WW_ORIGIN_PRESET,
    WW_ORIGIN_ENVIRONMENT,
    WW_ORIGIN_FLAG
} ww_origin;

typedef struct ww_config_value {
    const char *text;
    const char *source; /* the variable, the preset or the flag's name; NULL for a default */
    uint64_t number;    /* see ww_setting_type */
    uint8_t origin;     /* ww_origin */
} ww_config_value;

typedef struct ww_config {
    ww_config_value values[WW_SETTING_COUNT];
} ww_config;

void ww_config_init(ww_config *config);

/* A flag: the last one wins. */
WW_MUST_USE ww_status ww_config_set(ww_config *config, ww_setting_id id, const char *text,
                                    ww_diag *diag);

/* `environment` as environ(7): KEY=VALUE, then NULL. */
WW_MUST_USE ww_status ww_config_merge(ww_config *config, const char *const *environment,
                                      ww_diag *diag);

static inline const char *ww_config_text(const ww_config *config, ww_setting_id id)
{
    return config->values[id].text;
}

static inline uint64_t ww_config_number(const ww_config *config, ww_setting_id id)
{
    return config->values[id].number;
}

/* A path, or NULL for "none". */
const char *ww_config_path(const ww_config *config, ww_setting_id id);

/* "default", "preset", "environment", "flag" */
const char *ww_origin_name(ww_origin origin);
