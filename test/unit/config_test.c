#include "config/folders.h"
#include "config/log.h"
#include "config/run.h"
#include "config/units.h"
#include "support/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static ww_status add_volume(const char *text, ww_volume *out)
{
    static ww_run_options options;
    ww_diag diag;
    options.volume_count = 0;
    ww_status status = ww_run_options_add_volume(&options, text, &diag);
    *out = options.volumes[0];
    return status;
}

static void volume__host_guest_mode__is_split_from_the_right(void **state)
{
    (void)state;
    ww_volume volume;
    assert_ok(add_volume("/a:b:/data:rw", &volume));
    assert_string_equal(volume.host, "/a:b");
    assert_string_equal(volume.guest, "/data");
    assert_true(volume.writable);
    free(volume.host);
    assert_ok(add_volume("rel:/data", &volume));
    assert_string_equal(volume.host, "rel");
    assert_false(volume.writable);
    free(volume.host);
    assert_int_equal(add_volume("/only", &volume), WW_E_USAGE);
    assert_int_equal(add_volume("a:b", &volume), WW_E_USAGE);
    assert_int_equal(add_volume("a:/b:x", &volume), WW_E_USAGE);
    assert_int_equal(add_volume(":/b", &volume), WW_E_USAGE);
}

static void folders__overlap_of_what_cannot_be_resolved__is_assumed(void **state)
{
    (void)state;
    char base[] = "/tmp/ww-folders-XXXXXX", loop[64];
    assert_non_null(mkdtemp(base));
    snprintf(loop, sizeof loop, "%s/loop", base);
    assert_int_equal(symlink(loop, loop), 0);
    assert_true(ww_folders_overlap(loop, "/usr"));
    assert_true(ww_folders_overlap("/usr", loop));
    unlink(loop);
    rmdir(base);
}

static void folders__overlap__follows_links_and_parts_that_do_not_exist(void **state)
{
    (void)state;
    char base[] = "/tmp/ww-folders-XXXXXX", link[64], below[64], beside[64];
    assert_non_null(mkdtemp(base));
    snprintf(link, sizeof link, "%s/link", base);
    snprintf(below, sizeof below, "%s/not/yet", base);
    snprintf(beside, sizeof beside, "%s-other", base);
    assert_int_equal(symlink(base, link), 0);
    assert_true(ww_folders_overlap(base, base));
    assert_true(ww_folders_overlap(base, below));
    assert_true(ww_folders_overlap(below, base));
    assert_true(ww_folders_overlap(link, below));
    assert_true(ww_folders_overlap("/", below));
    assert_false(ww_folders_overlap(base, beside));
    assert_false(ww_folders_overlap("/ww-not-there", base));
    assert_true(ww_folders_overlap("/ww-not-there", "/ww-not-there/below"));
    assert_false(ww_folders_overlap("ww-not-there", base));
    assert_true(ww_folders_overlap("ww-not-there", "./ww-not-there/below"));
    unlink(link);
    rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(volume__host_guest_mode__is_split_from_the_right),
        cmocka_unit_test(folders__overlap__follows_links_and_parts_that_do_not_exist),
        cmocka_unit_test(folders__overlap_of_what_cannot_be_resolved__is_assumed),
        cmocka_unit_test(log__no_filter__shows_info_of_ww),
        cmocka_unit_test(log__several_directives__the_longest_target_wins),
        cmocka_unit_test(log__unreadable_filter__falls_back_and_says_so),
        cmocka_unit_test(units__bytes__read_binary_and_decimal_suffixes),
        cmocka_unit_test(units__durations__read_as_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
