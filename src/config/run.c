#include "config/run.h"
#include <stdlib.h>
#include <string.h>

static ww_status bad_volume(ww_diag *diag, const char *text)
{
    return ww_fail(diag, WW_E_USAGE, "volume \"%s\" is not HOST:GUEST or HOST:GUEST:ro|rw", text);
}

/* Splits from the right, so that a host path may contain colons when a mode follows. */
static ww_status split_volume(char *text, ww_volume *out, const char *original, ww_diag *diag)
{
    out->host = text;
    out->writable = false;
    char *colon = strrchr(text, ':');
    if (!colon) return bad_volume(diag, original);
    if (colon[1] != '/') {
        if (strcmp(colon + 1, "ro") && strcmp(colon + 1, "rw"))
            return strchr(text, ':') == colon && colon[1] != '\0'
                       ? ww_fail(diag, WW_E_USAGE,
                                 "volume \"%s\": the guest path must begin with /", original)
                       : ww_fail(diag, WW_E_USAGE, "volume mode \"%s\" is neither ro nor rw",
                                 colon + 1);
        out->writable = colon[2] == 'w';
        *colon = '\0';
        colon = strrchr(text, ':');
        if (!colon) return bad_volume(diag, original);
    }
    *colon = '\0';
    out->guest = colon + 1;
    if (!*out->host || *out->guest != '/') return bad_volume(diag, original);
    return WW_OK;
}

ww_status ww_run_options_add_volume(ww_run_options *options, const char *text, ww_diag *diag)
{
    if (options->volume_count == WW_VOLUMES_MAX)
        return ww_fail(diag, WW_E_USAGE, "more than %d volumes", WW_VOLUMES_MAX);
    char *copy = strdup(text);
    if (!copy) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    ww_volume volume;
    ww_status status = split_volume(copy, &volume, text, diag);
    if (status) {
        free(copy);
        return status;
    }
    options->volumes[options->volume_count++] = volume;
    return WW_OK;
}

ww_status ww_run_options_add_env(ww_run_options *options, const char *text, ww_diag *diag)
{
    const char *equal = strchr(text, '=');
    if (!equal || equal == text)
        return ww_fail(diag, WW_E_USAGE, "environment \"%s\" is not KEY=VALUE", text);
    if (options->env_count == WW_ENV_MAX)
        return ww_fail(diag, WW_E_USAGE, "more than %d environment variables", WW_ENV_MAX);
    options->env[options->env_count++] = text;
    return WW_OK;
}

void ww_run_options_deinit(ww_run_options *options)
{
    for (size_t i = 0; i < options->volume_count; i++)
        free(options->volumes[i].host);
    options->volume_count = 0;
}
