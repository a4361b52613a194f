#include "component/handle.h"
#include "support/check.h"

static const ww_resource_type type = {.name = "thing", .owner = WW_NONE, .dtor = WW_NONE};

static void handles__given_out__start_at_one(void **state)
{
    (void)state;
    ww_handles handles;
    ww_handles_init(&handles, ww_allocator_libc());
    assert_null(ww_handles_find(&handles, 0));
    for (uint32_t i = 1; i <= 40; i++)
        assert_int_equal(ww_handles_add(&handles, &type, 100 + i, 0, i), i);
    assert_int_equal(ww_handles_find(&handles, 40)->rep, 140);
    assert_null(ww_handles_find(&handles, 0));
    assert_null(ww_handles_find(&handles, 41));
    assert_null(ww_handles_find(&handles, UINT32_MAX));
    ww_handles_deinit(&handles);
}

static void handles__given_back__are_reused_last_first(void **state)
{
    (void)state;
    ww_handles handles;
    ww_handles_init(&handles, ww_allocator_libc());
    for (uint32_t i = 1; i <= 4; i++)
        ww_handles_add(&handles, &type, i, 0, i);
    ww_handles_remove(&handles, 2);
    ww_handles_remove(&handles, 4);
    ww_handles_remove(&handles, 1);
    assert_null(ww_handles_find(&handles, 4));
    assert_int_equal(ww_handles_add(&handles, &type, 0, 0, 5), 1);
    assert_int_equal(ww_handles_add(&handles, &type, 0, 0, 6), 4);
    assert_int_equal(ww_handles_add(&handles, &type, 0, 0, 7), 2);
    assert_int_equal(ww_handles_add(&handles, &type, 0, 0, 8), 5);
    ww_handles_deinit(&handles);
}

static void handles__beyond_the_limit__are_refused_until_one_goes(void **state)
{
    (void)state;
    ww_handles handles;
    ww_handles_init(&handles, ww_allocator_libc());
    for (uint32_t i = 0; i < WW_MAX_HANDLES; i++)
        assert_int_not_equal(ww_handles_add(&handles, &type, i, 0, i), 0);
    assert_int_equal(ww_handles_add(&handles, &type, 0, 0, 0), 0);
    ww_handles_remove(&handles, 77);
    assert_int_equal(ww_handles_add(&handles, &type, 0, 0, 0), 77);
    ww_handles_deinit(&handles);
}

static ww_status fill(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_handles handles;
    ww_handles_init(&handles, allocator);
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < 100 && !status; i++)
        if (!ww_handles_add(&handles, &type, i, 0, i)) status = WW_E_MEMORY;
    ww_handles_deinit(&handles);
    return status;
}

static void handles__any_allocation_failing__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(fill, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles__given_out__start_at_one),
        cmocka_unit_test(handles__given_back__are_reused_last_first),
        cmocka_unit_test(handles__beyond_the_limit__are_refused_until_one_goes),
        cmocka_unit_test(handles__any_allocation_failing__gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
