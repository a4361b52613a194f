#include "support/check.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf__append_beyond_its_maximum__is_refused_and_unchanged),
        cmocka_unit_test(buf__reserve_of_nearly_everything__does_not_overflow),
        cmocka_unit_test(arena__total_beyond_its_maximum__is_null),
        cmocka_unit_test(arena__any_allocation_fails__gives_all_back),
        cmocka_unit_test(fail__control_bytes_in_foreign_names__are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
