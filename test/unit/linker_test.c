#include "component/linker.h"
#include "support/check.h"

static void name_track__released_versions__follow_semver(void **state)
{
    (void)state;
    const struct {
        const char *name, *track;
        uint64_t rank;
    } cases[] = {
        {"wasi:io/poll@0.2.0", "wasi:io/poll@0.2", 0},
        {"wasi:io/poll@0.2.12", "wasi:io/poll@0.2", 12},
        {"wasi:io/poll@0.2.12+build.7", "wasi:io/poll@0.2", 12},
        {"wasi:io/poll@0.2", "wasi:io/poll@0.2", 0},
        {"wasi:io/poll@0.3.0", "wasi:io/poll@0.3", 0},
        {"wasi:io/poll@1.4.2", "wasi:io/poll@1", (uint64_t)4 << 32 | 2},
        {"wasi:io/poll@10", "wasi:io/poll@10", 0},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_view track;
        uint64_t rank;
        assert_true(ww_name_track(ww_view_str(cases[i].name), &track, &rank));
        assert_view_is(track, cases[i].track);
        assert_true(rank == cases[i].rank);
    }
}

static void name_track__everything_else__matches_only_exactly(void **state)
{
    (void)state;
    static const char *const names[] = {
        "wasi:io/poll@0.0.3",     "wasi:io/poll@0.3.0-rc-2025",
        "wasi:io/poll",           "wasi:io/poll@",
        "wasi:io/poll@0",         "wasi:io/poll@0.2.",
        "wasi:io/poll@0.02.1",    "wasi:io/poll@0.2.1.4",
        "wasi:io/poll@0.2+build", "wasi:io/poll@0.2.1-pre",
        "astrid:kv/store@0.2.1",  "wasi:io/poll@99999999999.0.0",
        "wasi:io/poll@0.2.x",     "",
    };
    for (size_t i = 0; i < WW_COUNT_OF(names); i++) {
        ww_view track;
        uint64_t rank;
        assert_false(ww_name_track(ww_view_str(names[i]), &track, &rank));
    }
}

static const ww_host_interface streams_0_2_0 = {.name = "wasi:io/streams@0.2.0"};
static const ww_host_interface streams_0_2_12 = {.name = "wasi:io/streams@0.2.12"};
static const ww_host_interface streams_0_2_6 = {.name = "wasi:io/streams@0.2.6"};
static const ww_host_interface poll_0_2_12 = {.name = "wasi:io/poll@0.2.12"};
static const ww_host_interface kv_1_0_0 = {.name = "astrid:kv/store@1.0.0"};

static ww_linker *linker_of_all(void)
{
    ww_linker *linker;
    assert_ok(ww_linker_new(ww_allocator_libc(), &linker));
    assert_ok(ww_linker_add(linker, &streams_0_2_0, NULL));
    assert_ok(ww_linker_add(linker, &streams_0_2_12, NULL));
    assert_ok(ww_linker_add(linker, &streams_0_2_6, NULL));
    assert_ok(ww_linker_add(linker, &poll_0_2_12, NULL));
    assert_ok(ww_linker_add(linker, &kv_1_0_0, NULL));
    return linker;
}

static const ww_host_interface *find(const ww_linker *linker, const char *name)
{
    const ww_bound_interface *bound = ww_linker_find(linker, ww_view_str(name));
    return bound ? bound->interface : NULL;
}

static void linker_find__a_name_that_is_offered__is_that_one(void **state)
{
    (void)state;
    ww_linker *linker = linker_of_all();
    assert_ptr_equal(find(linker, "wasi:io/streams@0.2.0"), &streams_0_2_0);
    assert_ptr_equal(find(linker, "wasi:io/streams@0.2.6"), &streams_0_2_6);
    assert_ptr_equal(find(linker, "astrid:kv/store@1.0.0"), &kv_1_0_0);
    ww_linker_free(linker);
}

static void linker_find__another_version_of_a_wasi_track__is_the_highest(void **state)
{
    (void)state;
    ww_linker *linker = linker_of_all();
    assert_ptr_equal(find(linker, "wasi:io/streams@0.2.3"), &streams_0_2_12);
    assert_ptr_equal(find(linker, "wasi:io/streams@0.2.99"), &streams_0_2_12);
    assert_ptr_equal(find(linker, "wasi:io/streams@0.2"), &streams_0_2_12);
    assert_ptr_equal(find(linker, "wasi:io/poll@0.2.0"), &poll_0_2_12);
    assert_null(find(linker, "wasi:io/streams@0.3.0"));
    assert_null(find(linker, "wasi:io/streams@0.2.0-rc-1"));
    ww_linker_free(linker);
}

static void linker_find__another_version_outside_wasi__is_not_offered(void **state)
{
    (void)state;
    ww_linker *linker = linker_of_all();
    assert_null(find(linker, "astrid:kv/store@1.0.1"));
    assert_null(find(linker, "astrid:kv/store"));
    ww_linker_free(linker);
}

static void linker_add__the_same_name_twice__is_refused(void **state)
{
    (void)state;
    ww_linker *linker = linker_of_all();
    assert_int_equal(ww_linker_add(linker, &poll_0_2_12, NULL), WW_E_EXISTS);
    assert_ok(ww_linker_add_module(linker, "host/simple", WW_VIEW_LITERAL("wasm")));
    assert_int_equal(ww_linker_add_module(linker, "host/simple", WW_VIEW_LITERAL("wasm")),
                     WW_E_EXISTS);
    assert_view_is(ww_linker_find_module(linker, ww_view_str("host/simple")), "wasm");
    assert_int_equal(ww_linker_find_module(linker, ww_view_str("simple")).size, 0);
    ww_linker_free(linker);
}

static void linker_offers__something_missing__names_what_comes_closest(void **state)
{
    (void)state;
    ww_linker *linker = linker_of_all();
    const struct {
        const char *name, *offers;
    } cases[] = {
        {"wasi:io/poll@0.3.0", "it offers wasi:io/poll@0.2.12"},
        {"wasi:io/error@0.2.0", "it offers wasi:io/streams@0.2.0, wasi:io/streams@0.2.12, "
                                "wasi:io/streams@0.2.6, wasi:io/poll@0.2.12"},
        {"astrid:fs/files@1.0.0", "it offers astrid:kv/store@1.0.0"},
        {"other:a/b", "it offers nothing like it"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_buf out;
        ww_buf_init(&out, ww_allocator_libc(), 200);
        ww_linker_print_offers(linker, ww_view_str(cases[i].name), &out);
        assert_view_is(ww_buf_view(&out), cases[i].offers);
        ww_buf_deinit(&out);
    }
    ww_linker_free(linker);
}

static ww_status add_some(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_linker *linker = NULL;
    ww_status status = ww_linker_new(allocator, &linker);
    if (!status) status = ww_linker_add(linker, &poll_0_2_12, NULL);
    if (!status) status = ww_linker_add_module(linker, "m", WW_VIEW_LITERAL("wasm"));
    ww_linker_free(linker);
    return status;
}

static void linker__any_allocation_failing__gives_everything_back(void **state)
{
    (void)state;
    test_every_allocation_failing(add_some, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_track__released_versions__follow_semver),
        cmocka_unit_test(name_track__everything_else__matches_only_exactly),
        cmocka_unit_test(linker_find__a_name_that_is_offered__is_that_one),
        cmocka_unit_test(linker_find__another_version_of_a_wasi_track__is_the_highest),
        cmocka_unit_test(linker_find__another_version_outside_wasi__is_not_offered),
        cmocka_unit_test(linker_add__the_same_name_twice__is_refused),
        cmocka_unit_test(linker_offers__something_missing__names_what_comes_closest),
        cmocka_unit_test(linker__any_allocation_failing__gives_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
