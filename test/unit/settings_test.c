/* The settings: what each accepts, and who has the last word. */
#include "config/config.h"
#include "support/check.h"

static const char *const nothing[] = {NULL};

static ww_status merged(ww_config *config, const char *const *environment, ww_diag *diag)
{
    ww_config_init(config);
    return ww_config_merge(config, environment, diag);
}

static void assert_value(const ww_config *config, ww_setting_id id, const char *text,
                         ww_origin origin)
{
    assert_string_equal(ww_config_text(config, id), text);
    assert_int_equal(config->values[id].origin, origin);
}

static void table__every_row__is_whole_and_its_default_is_a_value(void **state)
{
    (void)state;
    ww_diag diag;
    for (size_t i = 0; i < WW_SETTING_COUNT; i++) {
        const ww_setting *setting = &ww_settings[i];
        uint64_t number;
        assert_non_null(setting->name);
        assert_non_null(setting->help);
        assert_int_equal(setting->type == WW_TYPE_SWITCH, !setting->argument);
        assert_int_equal(setting->type <= WW_TYPE_SWITCH, !!setting->known);
        assert_ok(ww_setting_read(setting, setting->fallback, &number, &diag));
    }
}

static void merge__nobody_speaks__gives_the_defaults(void **state)
{
    (void)state;
    ww_config config;
    ww_diag diag;
    assert_ok(merged(&config, nothing, &diag));
    assert_value(&config, WW_SETTING_SOCKET, "auto", WW_ORIGIN_DEFAULT);
    assert_int_equal(ww_config_number(&config, WW_SETTING_MEMORY), 1 << 30);
    assert_int_equal(ww_config_number(&config, WW_SETTING_TIMEOUT), 0);
    assert_null(ww_config_path(&config, WW_SETTING_ALLOW_KEY));
}

static void merge__flag_environment_preset__rank_in_this_order(void **state)
{
    (void)state;
    const char *const environment[] = {"WW_PRESET=minimal", "WW_CELLS=32", "WW_SOCKET=/e", NULL};
    ww_config config;
    ww_diag diag;
    ww_config_init(&config);
    assert_ok(ww_config_set(&config, WW_SETTING_SOCKET, "/first", &diag));
    assert_ok(ww_config_set(&config, WW_SETTING_SOCKET, "/f", &diag));
    assert_ok(ww_config_merge(&config, environment, &diag));
    assert_value(&config, WW_SETTING_PRESET, "minimal", WW_ORIGIN_ENVIRONMENT);
    assert_value(&config, WW_SETTING_SOCKET, "/f", WW_ORIGIN_FLAG);
    assert_value(&config, WW_SETTING_CELLS, "32", WW_ORIGIN_ENVIRONMENT);
    assert_int_equal(ww_config_number(&config, WW_SETTING_CELLS), 32);
}

static void preset__each__says_what_it_promises(void **state)
{
    (void)state;
    ww_config config;
    ww_diag diag;
    const char *const minimal[] = {"WW_PRESET=minimal", NULL};
    assert_ok(merged(&config, minimal, &diag));
    assert_null(ww_config_path(&config, WW_SETTING_SOCKET));
    assert_value(&config, WW_SETTING_CELLS, "16", WW_ORIGIN_PRESET);
    const char *const development[] = {"WW_PRESET=development", NULL};
    assert_ok(merged(&config, development, &diag));
    assert_value(&config, WW_SETTING_LOG, "debug", WW_ORIGIN_PRESET);
    const char *const production[] = {"WW_PRESET=production", NULL};
    assert_ok(merged(&config, production, &diag));
    assert_value(&config, WW_SETTING_LOG, "info", WW_ORIGIN_PRESET);
    assert_int_equal(ww_config_number(&config, WW_SETTING_GRAFT), WW_GRAFT_KEY);
}

static void merge__unknown_preset__lists_the_known_ones_and_the_variable(void **state)
{
    (void)state;
    const char *const environment[] = {"WW_PRESET=staging", NULL};
    ww_config config;
    ww_diag diag;
    assert_int_equal(merged(&config, environment, &diag), WW_E_USAGE);
    assert_string_equal(
        diag.text, "WW_PRESET: preset \"staging\" is none of none|minimal|development|production");
}

static void merge__two_variables_for_one_setting__the_own_one_wins(void **state)
{
    (void)state;
    const char *const both[] = {"RUST_LOG=warn", "WW_LOG=ww=trace", NULL};
    const char *const other[] = {"WW_LOG=", "RUST_LOG=warn", NULL};
    ww_config config;
    ww_diag diag;
    assert_ok(merged(&config, both, &diag));
    assert_value(&config, WW_SETTING_LOG, "ww=trace", WW_ORIGIN_ENVIRONMENT);
    assert_ok(merged(&config, other, &diag));
    assert_value(&config, WW_SETTING_LOG, "warn", WW_ORIGIN_ENVIRONMENT);
    assert_string_equal(config.values[WW_SETTING_LOG].source, "RUST_LOG");
}

static void merge__filter_of_the_environment__is_not_judged(void **state)
{
    (void)state;
    const char *const environment[] = {"RUST_LOG=ww=loud", NULL};
    ww_config config;
    ww_diag diag;
    assert_ok(merged(&config, environment, &diag));
    assert_int_equal(ww_config_set(&config, WW_SETTING_LOG, "ww=loud", &diag), WW_E_USAGE);
    assert_non_null(strstr(diag.text, "levels are off, error, warn"));
}

static void merge__allowed_keys__are_asked_for(void **state)
{
    (void)state;
    const char *const environment[] = {"WW_ALLOW_KEY=keys", NULL};
    ww_config config;
    ww_diag diag;
    assert_ok(merged(&config, environment, &diag));
    assert_value(&config, WW_SETTING_GRAFT, "key", WW_ORIGIN_ENVIRONMENT);
    ww_config_init(&config);
    assert_ok(ww_config_set(&config, WW_SETTING_GRAFT, "open", &diag));
    assert_int_equal(ww_config_merge(&config, environment, &diag), WW_E_USAGE);
    assert_string_equal(diag.text, "graft \"open\" contradicts allow-key \"keys\"");
}

static void merge__strict__refuses_variables_that_are_no_setting(void **state)
{
    (void)state;
    const char *const environment[] = {"HOME=/", "WW_CELL=3", NULL};
    ww_config config;
    ww_diag diag;
    assert_ok(merged(&config, environment, &diag));
    ww_config_init(&config);
    assert_ok(ww_config_set(&config, WW_SETTING_ENV_CONFIG, "true", &diag));
    assert_int_equal(ww_config_merge(&config, environment, &diag), WW_E_USAGE);
    assert_string_equal(diag.text, "WW_CELL is no setting; `ww help config` lists them");
}

static void value__of_each_type__is_read_whole_or_refused(void **state)
{
    (void)state;
    static const struct {
        ww_setting_id id;
        const char *text;
        int64_t number; /* -1: refused */
    } rows[] = {
        {WW_SETTING_CELLS, "1", 1},
        {WW_SETTING_CELLS, "10000", 10000},
        {WW_SETTING_CELLS, "0", -1},
        {WW_SETTING_CELLS, "10001", -1},
        {WW_SETTING_CELLS, "7x", -1},
        {WW_SETTING_CELLS, "", -1},
        {WW_SETTING_CELLS, "99999999999999999999", -1},
        {WW_SETTING_MEMORY, "4GiB", INT64_C(4) << 30},
        {WW_SETTING_MEMORY, "5GiB", -1},
        {WW_SETTING_TIMEOUT, "1.5s", 1500},
        {WW_SETTING_TIMEOUT, "none", 0},
        {WW_SETTING_TIMEOUT, "0", -1},
        {WW_SETTING_SERVE, "true", 1},
        {WW_SETTING_SERVE, "yes", -1},
        {WW_SETTING_PRESET, "minimal", 1},
        {WW_SETTING_PRESET, "mini", -1},
        {WW_SETTING_PRESET, "minimal|development", -1},
        {WW_SETTING_SOCKET, "", -1},
        {WW_SETTING_SOCKET, "x", 0},
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        uint64_t number;
        ww_diag diag;
        ww_status status = ww_setting_read(&ww_settings[rows[i].id], rows[i].text, &number, &diag);
        assert_int_equal(status, rows[i].number < 0 ? WW_E_USAGE : WW_OK);
        if (!status) assert_int_equal(number, rows[i].number);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__every_row__is_whole_and_its_default_is_a_value),
        cmocka_unit_test(merge__nobody_speaks__gives_the_defaults),
        cmocka_unit_test(merge__flag_environment_preset__rank_in_this_order),
        cmocka_unit_test(preset__each__says_what_it_promises),
        cmocka_unit_test(merge__unknown_preset__lists_the_known_ones_and_the_variable),
        cmocka_unit_test(merge__two_variables_for_one_setting__the_own_one_wins),
        cmocka_unit_test(merge__filter_of_the_environment__is_not_judged),
        cmocka_unit_test(merge__allowed_keys__are_asked_for),
        cmocka_unit_test(merge__strict__refuses_variables_that_are_no_setting),
        cmocka_unit_test(value__of_each_type__is_read_whole_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
