/* How much the log says of cells that end badly. */
#include "node/endings.h"
#include "support/check.h"
#include <stdio.h>

static const uint64_t window_ns = (uint64_t)WW_ENDINGS_WINDOW_MS * WW_NS_PER_MS;

typedef struct told {
    ww_log base;
    uint32_t lines;
    char last[WW_LOG_LINE_MAX];
} told;

static bool enabled(const ww_log *log, ww_log_level level, const char *target)
{
    (void)log, (void)target;
    return level <= WW_LOG_WARN;
}

static void write_line(const ww_log *log, ww_log_level level, const char *target, const char *line)
{
    told *self = WW_CONTAINER_OF((ww_log *)(uintptr_t)log, told, base);
    (void)level, (void)target;
    self->lines++;
    snprintf(self->last, sizeof self->last, "%s", line);
}

static struct {
    told told;
    ww_endings endings;
    ww_account *node, *one, *other;
} f;

static int setup(void **state)
{
    (void)state;
    const ww_account_limits limits = {0};
    f.told = (told){.base = {enabled, write_line}};
    ww_endings_init(&f.endings, &f.told.base);
    f.node = ww_account_new(ww_allocator_libc());
    f.one = ww_account_open(f.node, &limits);
    f.other = ww_account_open(f.node, &limits);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ww_account_unref(f.one);
    ww_account_unref(f.other);
    ww_account_unref(f.node);
    return 0;
}

static void trap(const ww_account *account, uint32_t starter, uint64_t now_ns)
{
    const ww_ending ending = {
        .account = account, .cell = 7, .starter = starter, .text = WW_VIEW_LITERAL("unreachable")};
    ww_endings_tell(&f.endings, &ending, now_ns);
}

static void endings__a_few__are_told_one_by_one(void **state)
{
    (void)state;
    trap(f.one, 3, 1);
    assert_string_equal(f.told.last, "cell 7 was ended: unreachable");
    const ww_ending used_up = {.account = f.one,
                               .cell = 8,
                               .starter = 3,
                               .is_used_up = true,
                               .text = WW_VIEW_LITERAL("CPU time")};
    ww_endings_tell(&f.endings, &used_up, 2);
    assert_string_equal(f.told.last, "cell 8 has used up its CPU time");
    ww_endings_sum_up(&f.endings, 1 + window_ns);
    assert_int_equal(f.told.lines, 2);
    assert_int_equal(ww_endings_due_ns(&f.endings), UINT64_MAX);
}

static void endings__in_a_loop__are_a_few_lines_and_a_count_each_window(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        trap(f.one, 3, 1 + i);
    assert_int_equal(f.told.lines, WW_ENDINGS_TOLD);
    assert_int_equal(ww_endings_due_ns(&f.endings), 1 + window_ns);
    ww_endings_sum_up(&f.endings, window_ns);
    assert_int_equal(f.told.lines, WW_ENDINGS_TOLD);
    ww_endings_sum_up(&f.endings, 1 + window_ns);
    assert_int_equal(f.told.lines, WW_ENDINGS_TOLD + 1);
    assert_string_equal(f.told.last,
                        "992 more cells that cell 3 started ended badly in the last 10 s");
    trap(f.one, 3, 2 + window_ns);
    assert_string_equal(f.told.last, "cell 7 was ended: unreachable");
}

static void endings__of_others__are_told_all_the_same(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        trap(f.one, 0, 1);
    trap(f.other, 0, 1);
    assert_int_equal(f.told.lines, WW_ENDINGS_TOLD + 1);
    trap(f.one, 3, 1);
    assert_int_equal(f.told.lines, WW_ENDINGS_TOLD + 2);
    ww_endings_sum_up(&f.endings, 1 + window_ns);
    assert_string_equal(f.told.last,
                        "992 more cells that a client started ended badly in the last 10 s");
}

static void endings__of_more_starters_than_are_told_apart__are_counted(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000; i++)
        trap(f.one, 1 + i, 1);
    assert_int_equal(f.told.lines, WW_ENDINGS_STARTERS);
    ww_endings_sum_up(&f.endings, 1 + window_ns);
    assert_int_equal(f.told.lines, WW_ENDINGS_STARTERS + 1);
    assert_string_equal(f.told.last, "984 cells of others ended badly in the last 10 s");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(endings__a_few__are_told_one_by_one),
        CASE(endings__in_a_loop__are_a_few_lines_and_a_count_each_window),
        CASE(endings__of_others__are_told_all_the_same),
        CASE(endings__of_more_starters_than_are_told_apart__are_counted),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
