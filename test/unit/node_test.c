/* A whole node in this process: the default image boots, and everything is given back; and its
 * roster. */
#include "base/utf8.h"
#include "node/node.h"
#include "node/roster.h"
#include "support/check.h"
#include "support/folder.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void boot(bool lends_operator)
{
    char folder[TEST_PATH_MAX], image[512];
    const char *build = getenv("WW_BUILD");
    ww_node *node;
    ww_diag diag = {WW_OK, ""};
    ww_run_report report;
    test_folder_make(folder);
    setenv("XDG_CACHE_HOME", folder, true);
    setenv("XDG_STATE_HOME", folder, true);
    snprintf(image, sizeof image, "%s/images/default", build ? build : "build");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO);
    close(null);
    ww_node_options node_options = {
        .allocator = ww_allocator_libc(), .cells_max = 10, .memory_bytes_max = 16 << 20};
    ww_run_options options = {
        .image = image, .memory_bytes_max = 16 << 20, .lends_operator = lends_operator};
    assert_ok(ww_node_new(&node_options, &node, &diag));
    if (ww_node_run(node, &options, &report, &diag)) fail_msg("%s", diag.text);
    assert_int_equal(report.reason, WW_RUN_EXITED);
    assert_int_equal(report.exit_code, 0);
    assert_true(report.calls > 0);
    ww_run_report_deinit(&report);
    ww_node_free(node);
    test_folder_remove(folder);
}

static void node__default_image_without_input__runs_its_child_and_ends(void **state)
{
    (void)state;
    boot(false);
}

static void node__operator_lent_to_the_image__is_given_back(void **state)
{
    (void)state;
    boot(true);
}

static void roster__names_of_any_bytes__are_plain_text_that_fits(void **state)
{
    (void)state;
    ww_roster roster;
    ww_roster_entry odd, even;
    uint8_t long_name[2 * WW_ROSTER_NAME_MAX];
    ww_roster_init(&roster);
    ww_roster_join(&roster, &odd, WW_VIEW_LITERAL("\x1b[2Ja\xff\0b"));
    assert_string_equal(odd.name, "?[2Ja??b");
    for (size_t i = 0; i < sizeof long_name; i += 2)
        memcpy(long_name + i, "\xc3\xa9", 2);
    ww_roster_join(&roster, &even, ww_view_of(long_name, sizeof long_name));
    assert_int_equal(strlen(even.name), WW_ROSTER_NAME_MAX - 1);
    assert_true(ww_utf8_valid(ww_view_str(even.name)));
    ww_roster_leave(&roster, &odd);
    ww_roster_leave(&roster, &even);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(node__default_image_without_input__runs_its_child_and_ends),
        cmocka_unit_test(node__operator_lent_to_the_image__is_given_back),
        cmocka_unit_test(roster__names_of_any_bytes__are_plain_text_that_fits),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
