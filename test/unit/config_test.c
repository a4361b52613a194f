#include "config/log.h"
#include "config/units.h"
#include "support/check.h"

static bool shows(const ww_stderr_log *log, ww_log_level level, const char *target)
{
    return log->base.enabled(&log->base, level, target);
}

static void log__no_filter__shows_info_of_ww(void **state)
{
    (void)state;
    ww_stderr_log log;
    assert_true(ww_stderr_log_init(&log, NULL, false));
    assert_true(shows(&log, WW_LOG_INFO, "ww::cell"));
    assert_false(shows(&log, WW_LOG_DEBUG, "ww::cell"));
    assert_false(shows(&log, WW_LOG_ERROR, "libp2p"));
}

static void log__several_directives__the_longest_target_wins(void **state)
{
    (void)state;
    ww_stderr_log log;
    assert_true(ww_stderr_log_init(&log, "warn,ww::cell=TRACE,ww=error", false));
    assert_true(shows(&log, WW_LOG_TRACE, "ww::cell::stdio"));
    assert_false(shows(&log, WW_LOG_WARN, "ww::cellar"));
    assert_true(shows(&log, WW_LOG_WARN, "wasmtime"));
}

static void log__unreadable_filter__falls_back_and_says_so(void **state)
{
    (void)state;
    ww_stderr_log log;
    assert_false(ww_stderr_log_init(&log, "ww=loud", false));
    assert_true(shows(&log, WW_LOG_INFO, "ww"));
}

static void units__bytes__read_binary_and_decimal_suffixes(void **state)
{
    (void)state;
    uint64_t n;
    assert_true(ww_parse_bytes("64MiB", &n) && n == 64u << 20);
    assert_true(ww_parse_bytes("1.5KiB", &n) && n == 1536);
    assert_true(ww_parse_bytes("10KB", &n) && n == 10000);
    assert_true(ww_parse_bytes("4096", &n) && n == 4096);
    assert_false(ww_parse_bytes("", &n));
    assert_false(ww_parse_bytes("MiB", &n));
    assert_false(ww_parse_bytes("-1", &n));
    assert_false(ww_parse_bytes("20000000TiB", &n));
    assert_false(ww_parse_bytes("5 MiB", &n));
}

static void units__durations__read_as_milliseconds(void **state)
{
    (void)state;
    uint64_t n;
    assert_true(ww_parse_duration_ms("500ms", &n) && n == 500);
    assert_true(ww_parse_duration_ms("2", &n) && n == 2000);
    assert_true(ww_parse_duration_ms("1.5s", &n) && n == 1500);
    assert_true(ww_parse_duration_ms("1h", &n) && n == 3600000);
    assert_false(ww_parse_duration_ms("2d", &n));
    assert_false(ww_parse_duration_ms("1.s", &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__no_filter__shows_info_of_ww),
        cmocka_unit_test(log__several_directives__the_longest_target_wins),
        cmocka_unit_test(log__unreadable_filter__falls_back_and_says_so),
        cmocka_unit_test(units__bytes__read_binary_and_decimal_suffixes),
        cmocka_unit_test(units__durations__read_as_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
