#include "base/utf8.h"
#include "support/check.h"
#include <stdio.h>

static void buf__append_beyond_its_maximum__is_refused_and_unchanged(void **state)
{
    (void)state;
    ww_buf buf;
    ww_buf_init(&buf, ww_allocator_libc(), 10);
    assert_ok(ww_buf_append(&buf, "12345678", 8));
    assert_int_equal(ww_buf_append(&buf, "abc", 3), WW_E_LIMIT);
    assert_view_is(ww_buf_view(&buf), "12345678");
    ww_buf_deinit(&buf);
}

static void buf__reserve_of_nearly_everything__does_not_overflow(void **state)
{
    (void)state;
    ww_buf buf;
    ww_buf_init(&buf, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_buf_append(&buf, "x", 1));
    assert_int_equal(ww_buf_reserve(&buf, SIZE_MAX, NULL), WW_E_LIMIT);
    ww_buf_deinit(&buf);
}

static void arena__total_beyond_its_maximum__is_null(void **state)
{
    (void)state;
    ww_arena arena;
    ww_arena_init(&arena, ww_allocator_libc(), 1000);
    assert_non_null(ww_arena_alloc(&arena, 600));
    assert_null(ww_arena_alloc(&arena, 600));
    assert_null(ww_arena_array(&arena, SIZE_MAX / 2, 4));
    assert_non_null(ww_arena_alloc(&arena, 100));
    ww_arena_deinit(&arena);
}

static ww_status fill_arena(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_arena arena;
    ww_arena_init(&arena, allocator, 1 << 20);
    ww_status status = WW_OK;
    for (int i = 0; i < 20 && !status; i++)
        if (!ww_arena_alloc(&arena, 3000)) status = WW_E_MEMORY;
    ww_arena_deinit(&arena);
    return status;
}

static void arena__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(fill_arena, NULL);
}

static void fail__control_bytes_in_foreign_names__are_replaced(void **state)
{
    (void)state;
    ww_diag diag;
    assert_int_equal(ww_fail(&diag, WW_E_INVALID, "name %s", "a\x1b[31m\n"), WW_E_INVALID);
    assert_string_equal(diag.text, "name a?[31m?");
    ww_fail_in(&diag, "section %d", 7);
    assert_string_equal(diag.text, "section 7: name a?[31m?");
}

static void utf8__only_what_unicode_lets_through__is_valid(void **state)
{
    (void)state;
    assert_true(ww_utf8_valid(ww_view_str("")));
    assert_true(
        ww_utf8_valid(ww_view_str("ascii, eight at a time, \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_true(ww_utf8_valid(ww_view_str("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")));
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* beyond U+10FFFF */
        "\xf5\x80\x80\x80",
        "\xff",
        "8 bytes.\xe2\x82", /* cut off */
    };
    for (size_t i = 0; i < WW_COUNT_OF(bad); i++)
        assert_false(ww_utf8_valid(ww_view_str(bad[i])));
}

static void plain__what_steers_a_terminal_or_is_no_text__becomes_question_marks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } rows[] = {
        {"a\x1b[31m\r\n\t\x7f", "a?[31m????"},
        {"csi \xc2\x9b"
         "2J",
         "csi ??2J"}, /* C1, in UTF-8 */
        {"\x9b"
         "2J",
         "?2J"},                               /* C1, in eight bits */
        {"exe.\xe2\x80\xaetxt", "exe.???txt"}, /* right to left from here on */
        {"a\xe2\x80\xa8"
         "b",
         "a???b"}, /* a line separator */
        {"\xc3\xa9\xe6\xbc\xa2", "\xc3\xa9\xe6\xbc\xa2"},
        {"cut \xe6\xbc", "cut ??"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", rows[i].text);
        ww_text_make_plain(text, strlen(text));
        assert_string_equal(text, rows[i].plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf__append_beyond_its_maximum__is_refused_and_unchanged),
        cmocka_unit_test(buf__reserve_of_nearly_everything__does_not_overflow),
        cmocka_unit_test(arena__total_beyond_its_maximum__is_null),
        cmocka_unit_test(arena__any_allocation_fails__gives_all_back),
        cmocka_unit_test(fail__control_bytes_in_foreign_names__are_replaced),
        cmocka_unit_test(utf8__only_what_unicode_lets_through__is_valid),
        cmocka_unit_test(plain__what_steers_a_terminal_or_is_no_text__becomes_question_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
