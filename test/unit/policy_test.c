#include "unit/call_fake.h"
#include "wit/functions.h"
#include "wit/wasi_clocks_wall_clock.h"
#include "wit/wasi_io_poll.h"

static void policy__every_function_and_resource__has_a_row_that_fits(void **state)
{
    (void)state;
    uint32_t functions = 0;
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++) {
        ww_diag diag = {0};
        ww_status status = ww_policy_check(ww_host_interfaces[i], &diag);
        if (status) fail_msg("%s", diag.text);
        functions += ww_host_interfaces[i]->func_count + ww_host_interfaces[i]->exported_count;
    }
    assert_int_equal(functions, WW_FUNCTION_COUNT - 1);
}

static void policy__every_row__stands_at_its_own_number(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < WW_FUNCTION_COUNT; i++) {
        assert_int_equal(ww_policy_rows[i].function, i);
        assert_non_null(ww_function_names[i]);
    }
    assert_true((uint32_t)WW_FUNCTION_COUNT <= (uint32_t)WW_GRANT_FUNCTIONS_MAX);
}

static void check_refused(const ww_policy *row, const char *text)
{
    ww_host_func func = wasi_clocks_wall_clock_interface.funcs[0];
    func.policy = row;
    const ww_host_interface interface = {.name = "test", .funcs = &func, .func_count = 1};
    ww_diag diag = {0};
    assert_int_equal(ww_policy_check(&interface, &diag), WW_E_MISMATCH);
    assert_string_equal(diag.text, text);
}

static void policy__missing_or_unfit_row__is_refused_by_name(void **state)
{
    (void)state;
    ww_policy row = {0};
    check_refused(NULL, "test: now has no policy row");
    check_refused(&row, "test: now has no policy row");
    row = ww_policy_rows[WW_WASI_CLOCKS_WALL_CLOCK_NOW];
    row.audit = 0;
    check_refused(&row, "test: now has an incomplete policy row");
    row = ww_policy_rows[WW_WASI_CLOCKS_WALL_CLOCK_NOW];
    row.may_wait = true;
    check_refused(&row, "test: now has a policy row that waits where the binding cannot");
    row = ww_policy_rows[WW_WASI_CLOCKS_WALL_CLOCK_NOW];
    row.denied = 0;
    check_refused(&row, "test: now has a refusal that its result cannot hold");
}

static void check_drop_refused(const ww_resource_type *resource, const char *text)
{
    const ww_host_interface interface = {
        .name = "test", .resources = &resource, .resource_count = 1, .exported_count = 1};
    ww_diag diag = {0};
    assert_int_equal(ww_policy_check(&interface, &diag), WW_E_MISMATCH);
    assert_string_equal(diag.text, text);
}

static void policy__resource_without_a_row_of_a_drop__is_refused_by_name(void **state)
{
    (void)state;
    ww_resource_type resource = wasi_io_poll_pollable_resource;
    resource.policy = NULL;
    check_drop_refused(&resource, "test: pollable has no policy row");
    resource = wasi_io_poll_pollable_resource;
    resource.entry = NULL;
    check_drop_refused(&resource, "test: pollable has a policy row that is not a drop's");
    ww_policy row = ww_policy_rows[WW_WASI_IO_POLL_POLLABLE_DROP];
    row.denied = WW_REFUSE_TRAP;
    resource = wasi_io_poll_pollable_resource;
    resource.policy = &row;
    check_drop_refused(&resource, "test: pollable has a policy row that is not a drop's");
}

static void policy__function_that_is_never_refused__is_refused_by_name(void **state)
{
    (void)state;
    ww_policy row = ww_policy_rows[WW_WASI_CLOCKS_WALL_CLOCK_NOW];
    row.denied = WW_REFUSE_NEVER;
    check_refused(&row, "test: now has a refusal that its result cannot hold");
}

static void policy__allow__takes_exactly_the_functions_of_the_capabilities(void **state)
{
    (void)state;
    ww_authority authority = {0};
    ww_grant grant;
    ww_grant_init(&grant, &authority);
    ww_policy_allow(&grant, ww_policy_rows, WW_FUNCTION_COUNT,
                    1u << WW_CAPABILITY_CLOCK | 1u << WW_CAPABILITY_EXIT);
    for (uint32_t i = 0; i < WW_FUNCTION_COUNT; i++) {
        bool expected = ww_policy_rows[i].capability == WW_CAPABILITY_CLOCK ||
                        ww_policy_rows[i].capability == WW_CAPABILITY_EXIT;
        assert_int_equal(ww_grant_allows(&grant, i), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy__every_function_and_resource__has_a_row_that_fits),
        cmocka_unit_test(policy__every_row__stands_at_its_own_number),
        cmocka_unit_test(policy__missing_or_unfit_row__is_refused_by_name),
        cmocka_unit_test(policy__resource_without_a_row_of_a_drop__is_refused_by_name),
        cmocka_unit_test(policy__function_that_is_never_refused__is_refused_by_name),
        cmocka_unit_test(policy__allow__takes_exactly_the_functions_of_the_capabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
