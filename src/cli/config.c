#include "cli/command.h"
#include "cli/json.h"
#include "config/folders.h"

static void print_json(const ww_config *config, const ww_folders *folders)
{
    json_t *settings = json_object();
    for (size_t i = 0; i < WW_SETTING_COUNT; i++) {
        const ww_config_value *value = &config->values[i];
        json_t *row = json_object();
        json_object_set_new(row, "value", ww_json_string(value->text));
        json_object_set_new(row, "origin", json_string(ww_origin_name(value->origin)));
        json_object_set_new(row, "source", ww_json_string(value->source));
        json_object_set_new(settings, ww_settings[i].name, row);
    }
    json_t *all = json_object();
    json_object_set_new(all, "settings", settings);
    json_object_set_new(all, "cache_folder", ww_json_string(folders->cache));
    json_object_set_new(all, "state_folder", ww_json_string(folders->state));
    json_object_set_new(all, "runtime_folder", ww_json_string(folders->runtime));
    ww_json_print(stdout, all);
}

static void print_table(const ww_config *config, const ww_folders *folders)
{
    printf("%-14s %-40s %s\n", "SETTING", "VALUE", "FROM");
    for (size_t i = 0; i < WW_SETTING_COUNT; i++) {
        const ww_config_value *value = &config->values[i];
        const char *dashes = value->origin == WW_ORIGIN_FLAG ? " --" : " ";
        printf("%-14s %-40s %s%s%s\n", ww_settings[i].name, value->text,
               ww_origin_name(value->origin), value->source ? dashes : "",
               value->source ? value->source : "");
    }
    printf("\ncache folder   %s\nstate folder   %s\nruntime folder %s\n", folders->cache,
           folders->state, folders->runtime);
}

static int run(const ww_invocation *invocation)
{
    ww_folders folders;
    ww_diag diag;
    if (ww_folders_find(&folders, &diag)) return ww_command_failed(&diag);
    if (invocation->json)
        print_json(&invocation->config, &folders);
    else
        print_table(&invocation->config, &folders);
    return 0;
}

const ww_command ww_command_config = {
    .name = "config",
    .summary = "show the settings, and where each comes from",
    .usage = "[OPTIONS]",
    .description =
        "Prints what `ww run` with the same options and environment would work with.\n\n"
        "A flag beats an environment variable, which beats the preset, which beats the default.",
    .json = "one JSON object instead of the table",
    .settings = (UINT32_C(1) << WW_SETTING_COUNT) - 1,
    .run = run,
};
