#include "config/config.h"
#include <string.h>

/* What a preset says instead of the defaults. */
static const struct preset_row {
    const char *preset;
    ww_setting_id id;
    const char *text;
} presets[] = {
    {"minimal", WW_SETTING_SOCKET, "none"},   {"minimal", WW_SETTING_CELLS, "16"},
    {"development", WW_SETTING_LOG, "debug"}, {"production", WW_SETTING_GRAFT, "key"},
    {"production", WW_SETTING_LOG, "info"},
};

static ww_status put(ww_config *config, ww_setting_id id, const char *text, ww_origin origin,
                     const char *source, ww_diag *diag)
{
    uint64_t number = 0;
    bool foreign = origin == WW_ORIGIN_ENVIRONMENT && ww_settings[id].type == WW_TYPE_FILTER;
    ww_status status = foreign ? WW_OK : ww_setting_read(&ww_settings[id], text, &number, diag);
    if (status) return status;
    config->values[id] = (ww_config_value){text, source, number, (uint8_t)origin};
    return WW_OK;
}

void ww_config_init(ww_config *config)
{
    for (size_t i = 0; i < WW_SETTING_COUNT; i++) {
        ww_diag diag;
        ww_status status =
            put(config, (ww_setting_id)i, ww_settings[i].fallback, WW_ORIGIN_DEFAULT, NULL, &diag);
        WW_ASSERT(status == WW_OK);
    }
}

ww_status ww_config_set(ww_config *config, ww_setting_id id, const char *text, ww_diag *diag)
{
    return put(config, id, text, WW_ORIGIN_FLAG, ww_settings[id].name, diag);
}

/* NULL also for one that is set to nothing. */
static const char *look_up(const char *const *environment, const char *name)
{
    size_t size = name ? strlen(name) : 0;
    for (; name && *environment; environment++)
        if (!strncmp(*environment, name, size) && (*environment)[size] == '=')
            return (*environment)[size + 1] ? *environment + size + 1 : NULL;
    return NULL;
}

static ww_status take_environment(ww_config *config, ww_setting_id id,
                                  const char *const *environment, ww_diag *diag)
{
    if (config->values[id].origin == WW_ORIGIN_FLAG) return WW_OK;
    const char *source = ww_settings[id].env, *text = look_up(environment, source);
    if (!text) {
        source = ww_settings[id].env_too;
        text = look_up(environment, source);
    }
    if (!text) return WW_OK;
    ww_status status = put(config, id, text, WW_ORIGIN_ENVIRONMENT, source, diag);
    return status ? ww_fail_in(diag, "%s", source) : WW_OK;
}

static bool is_setting(const char *variable)
{
    size_t size = strcspn(variable, "=");
    for (size_t i = 0; i < WW_SETTING_COUNT; i++) {
        const char *name = ww_settings[i].env;
        if (name && strlen(name) == size && !strncmp(name, variable, size)) return true;
    }
    return false;
}

static ww_status refuse_unknown(const char *const *environment, ww_diag *diag)
{
    for (; *environment; environment++) {
        if (strncmp(*environment, "WW_", 3) || is_setting(*environment)) continue;
        return ww_fail(diag, WW_E_USAGE, "%.*s is no setting; `ww help config` lists them",
                       (int)strcspn(*environment, "="), *environment);
    }
    return WW_OK;
}

static ww_status take_preset(ww_config *config, ww_diag *diag)
{
    const char *preset = config->values[WW_SETTING_PRESET].text;
    for (size_t i = 0; i < WW_COUNT_OF(presets); i++) {
        if (strcmp(presets[i].preset, preset)) continue;
        if (config->values[presets[i].id].origin != WW_ORIGIN_DEFAULT) continue;
        ww_status status =
            put(config, presets[i].id, presets[i].text, WW_ORIGIN_PRESET, presets[i].preset, diag);
        if (status) return status;
    }
    return WW_OK;
}

/* Who names keys wants them asked for. */
static ww_status require_named_keys(ww_config *config, ww_diag *diag)
{
    ww_config_value *graft = &config->values[WW_SETTING_GRAFT];
    const ww_config_value *keys = &config->values[WW_SETTING_ALLOW_KEY];
    if (!ww_config_path(config, WW_SETTING_ALLOW_KEY) || graft->number == WW_GRAFT_KEY)
        return WW_OK;
    if (graft->origin == WW_ORIGIN_DEFAULT)
        return put(config, WW_SETTING_GRAFT, "key", (ww_origin)keys->origin, keys->source, diag);
    return ww_fail(diag, WW_E_USAGE, "graft \"open\" contradicts allow-key \"%s\"", keys->text);
}

ww_status ww_config_merge(ww_config *config, const char *const *environment, ww_diag *diag)
{
    ww_status status = WW_OK;
    if (ww_config_number(config, WW_SETTING_ENV_CONFIG)) status = refuse_unknown(environment, diag);
    for (size_t i = 0; !status && i < WW_SETTING_COUNT; i++)
        status = take_environment(config, (ww_setting_id)i, environment, diag);
    if (!status) status = take_preset(config, diag);
    return status ? status : require_named_keys(config, diag);
}

const char *ww_config_path(const ww_config *config, ww_setting_id id)
{
    const char *text = config->values[id].text;
    return strcmp(text, "none") ? text : NULL;
}

const char *ww_origin_name(ww_origin origin)
{
    static const char *const names[] = {"default", "preset", "environment", "flag"};
    return names[origin];
}
