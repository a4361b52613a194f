#include "config/setting.h"
#include "config/folders.h"
#include "config/log.h"
#include "config/units.h"
#include <inttypes.h>
#include <string.h>

#define SWITCH_VALUES "false|true"

const ww_setting ww_settings[WW_SETTING_COUNT] = {
    [WW_SETTING_PRESET] =
        {
            .name = "preset",
            .env = "WW_PRESET",
            .argument = "NAME",
            .fallback = "none",
            .known = "none|minimal|development|production",
            .help = "take other defaults: minimal (no operator socket, the smallest pool), "
                    "development (debug logs), production (a graft needs an allowed key)",
            .type = WW_TYPE_CHOICE,
        },
    [WW_SETTING_ENV_CONFIG] =
        {
            .name = "env-config",
            .fallback = "false",
            .known = SWITCH_VALUES,
            .help = "be strict about the environment: a WW_* variable that is no setting is an "
                    "error, not ignored",
            .type = WW_TYPE_SWITCH,
        },
    [WW_SETTING_LOG] =
        {
            .name = "log",
            .env = "WW_LOG",
            .env_too = "RUST_LOG",
            .argument = "FILTER",
            .fallback = "ww=info",
            .help = "which log lines go to standard error: warn, ww=debug, ww::cell=trace,warn",
            .type = WW_TYPE_FILTER,
        },
    [WW_SETTING_SOCKET] =
        {
            .name = "socket",
            .env = "WW_SOCKET",
            .argument = "PATH",
            .fallback = WW_SOCKET_AUTO,
            .negation = "no-socket",
            .help = "the operator socket of the node; auto is a name of its own in "
                    "$XDG_RUNTIME_DIR/ww for a node that starts, and the only node that runs for "
                    "other commands; none is no socket",
            .type = WW_TYPE_PATH,
        },
    [WW_SETTING_GRAFT] =
        {
            .name = "graft",
            .env = "WW_GRAFT",
            .argument = "WHO",
            .fallback = "open",
            .known = "open|key",
            .help = "who may graft on the socket: open (the user's own programs), key (holders of "
                    "an allowed key; so as soon as there is --allow-key); the commands for a "
                    "running node, exec too, need no key",
            .type = WW_TYPE_CHOICE,
        },
    [WW_SETTING_ALLOW_KEY] =
        {
            .name = "allow-key",
            .env = "WW_ALLOW_KEY",
            .argument = "FILE",
            .fallback = "none",
            .help =
                "the public keys that may graft: at most 64 lines of 64 hex digits; neither the "
                "file nor a folder on its way may be open to others for writing",
            .type = WW_TYPE_PATH,
        },
    [WW_SETTING_EPOCHS] =
        {
            .name = "epochs",
            .env = "WW_EPOCHS",
            .argument = "SOURCE",
            .fallback = "local",
            .known = "local|static",
            .help = "who ends an epoch, and with it all sessions: local (ww epoch advance), static "
                    "(nobody)",
            .type = WW_TYPE_CHOICE,
        },
    [WW_SETTING_CELLS] =
        {
            .name = "cells",
            .env = "WW_CELLS",
            .argument = "COUNT",
            .fallback = "1400",
            .min = 1,
            .max = 10000,
            .help =
                "how many cells the node's pool has room for; whatever you start gets 7/8 of it "
                "at most, so that the others find room",
            .type = WW_TYPE_COUNT,
        },
    [WW_SETTING_MEMORY] =
        {
            .name = "memory",
            .env = "WW_MEMORY",
            .argument = "SIZE",
            .fallback = "1GiB",
            .min = 0,
            .max = UINT64_C(4) << 30,
            .help = "most linear memory of a cell with all that it starts (64MiB, 2GiB)",
            .type = WW_TYPE_SIZE,
            .letter = 'm',
        },
    [WW_SETTING_TIMEOUT] =
        {
            .name = "timeout",
            .env = "WW_TIMEOUT",
            .argument = "TIME",
            .fallback = "none",
            .min = 1,
            .max = UINT64_MAX,
            .help = "end the guest after TIME (500ms, 2s, 5m; a bare number is seconds)",
            .type = WW_TYPE_DURATION,
            .letter = 't',
        },
    [WW_SETTING_CPU] =
        {
            .name = "cpu",
            .env = "WW_CPU",
            .argument = "TIME",
            .fallback = "none",
            .min = 1,
            .max = UINT64_MAX,
            .help =
                "end the guest after TIME of computing, with all that it starts, waits not counted",
            .type = WW_TYPE_DURATION,
            .letter = 'c',
        },
    [WW_SETTING_SERVE] =
        {
            .name = "serve",
            .env = "WW_SERVE",
            .fallback = "false",
            .known = SWITCH_VALUES,
            .help = "keep the node until SIGTERM, whatever becomes of standard input and of the "
                    "image's guest",
            .type = WW_TYPE_SWITCH,
        },
};

/* The choice at *at, which moves behind it; false at the end. */
static bool next_choice(const char **at, const char **choice, size_t *size)
{
    if (!**at) return false;
    *choice = *at;
    *size = strcspn(*at, "|");
    *at += *size + ((*at)[*size] == '|');
    return true;
}

static ww_status read_choice(const ww_setting *setting, const char *text, uint64_t *number,
                             ww_diag *diag)
{
    const char *at = setting->known, *choice;
    size_t size, text_size = strlen(text);
    for (uint64_t i = 0; next_choice(&at, &choice, &size); i++)
        if (size == text_size && !memcmp(choice, text, size)) {
            *number = i;
            return WW_OK;
        }
    return ww_fail(diag, WW_E_USAGE, "%s \"%s\" is none of %s", setting->name, text,
                   setting->known);
}

static bool read_count(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    *out = value;
    return at != text && !*at;
}

static bool in_range(const ww_setting *setting, uint64_t number)
{
    return number >= setting->min && number <= setting->max;
}

static ww_status read_number(const ww_setting *setting, const char *text, uint64_t *number,
                             ww_diag *diag)
{
    switch (setting->type) {
    case WW_TYPE_COUNT:
        if (read_count(text, number) && in_range(setting, *number)) return WW_OK;
        return ww_fail(diag, WW_E_USAGE, "%s \"%s\" is not a number from %" PRIu64 " to %" PRIu64,
                       setting->name, text, setting->min, setting->max);
    case WW_TYPE_SIZE:
        if (ww_parse_bytes(text, number) && in_range(setting, *number)) return WW_OK;
        return ww_fail(diag, WW_E_USAGE, "%s \"%s\" is not like 64MiB, at most %" PRIu64 "MiB",
                       setting->name, text, setting->max >> 20);
    default:
        if (!strcmp(text, "none")) return WW_OK;
        if (ww_parse_duration_ms(text, number) && in_range(setting, *number)) return WW_OK;
        return ww_fail(diag, WW_E_USAGE, "%s \"%s\" is not like 500ms, 2s or 5m", setting->name,
                       text);
    }
}

ww_status ww_setting_read(const ww_setting *setting, const char *text, uint64_t *number,
                          ww_diag *diag)
{
    *number = 0;
    if (strlen(text) >= WW_PATH_MAX)
        return ww_fail(diag, WW_E_USAGE, "%s is longer than %d bytes", setting->name,
                       WW_PATH_MAX - 1);
    switch (setting->type) {
    case WW_TYPE_CHOICE:
    case WW_TYPE_SWITCH: return read_choice(setting, text, number, diag);
    case WW_TYPE_PATH:
        return *text ? WW_OK : ww_fail(diag, WW_E_USAGE, "%s is empty", setting->name);
    case WW_TYPE_FILTER:
        if (ww_log_filter_is_readable(text)) return WW_OK;
        return ww_fail(diag, WW_E_USAGE,
                       "%s \"%s\" is not like warn, ww=debug or ww::cell=trace,warn; levels are "
                       "off, error, warn, info, debug, trace",
                       setting->name, text);
    default: return read_number(setting, text, number, diag);
    }
}
