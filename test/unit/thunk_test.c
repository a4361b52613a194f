#include "component/limits.h"
#include "component/thunk.h"
#include "support/check.h"

static const ww_core_type slots[] = {
    {.param_count = 4,
     .params = {WW_I32, WW_I32, WW_I32, WW_I32},
     .result_count = 1,
     .results = {WW_I32}},
    {.param_count = 3, .params = {WW_F32, WW_F64, WW_I64}, .result_count = 1, .results = {WW_F32}},
    {.param_count = 1, .params = {WW_F32}},
};

static ww_thunk thunk_of(ww_thunk_kind kind, uint32_t callee)
{
    return (ww_thunk){.kind = (uint8_t)kind,
                      .core = {.param_count = 3,
                               .params = {WW_F32, WW_F64, WW_I64},
                               .result_count = 1,
                               .results = {WW_F32}},
                      .callee = callee,
                      .callee_type = callee == WW_NONE ? NULL : &slots[callee],
                      .post_return = WW_NONE};
}

static void thunk_emit__one_direct_function__is_imported_and_exported(void **state)
{
    (void)state;
    ww_arena arena;
    ww_arena_init(&arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    ww_thunk thunk = {.kind = WW_THUNK_DIRECT,
                      .core = {.param_count = 1, .params = {WW_I64}},
                      .callee = WW_NONE,
                      .post_return = WW_NONE};
    ww_thunk_module module;
    assert_ok(ww_thunk_emit(&thunk, 1, NULL, 0, &arena, &module, NULL));
    static const uint8_t expected[] = {
        0,    'a', 's',  'm',  1,    0,    0,    0,       /* preamble */
        1,    20,  4,                                     /* types: */
        0x60, 1,   0x7e, 3,    0x7f, 0x7e, 0x7e,          /* resume */
        0x60, 0,   0,                                     /* $yield */
        0x60, 2,   0x7f, 0x70, 0,                         /* set */
        0x60, 1,   0x7e, 0,                               /* the function */
        2,    19,  2,                                     /* imports: */
        4,    'h', 'o',  's',  't',  1,    '0',  0, 0,    /* resume */
        4,    'h', 'o',  's',  't',  1,    '1',  0, 3,    /* the function */
        3,    3,   2,    1,    2,                         /* types of $yield and set */
        4,    5,   1,    0x70, 1,    0,    0,             /* an empty table */
        7,    11,  2,    3,    's',  'e',  't',  0, 3,    /* exports: set */
        1,    '0', 0,    1,                               /* the function */
        10,   13,  2,    2,    0,    0x0b,                /* code: $yield */
        8,    0,   0x20, 0,    0x20, 1,    0x26, 0, 0x0b, /* set */
    };
    assert_int_equal(module.wasm.size, sizeof expected);
    assert_memory_equal(module.wasm.data, expected, sizeof expected);
    assert_int_equal(module.import_count, 2);
    assert_memory_equal(&module.imports[1], &thunk.core, sizeof thunk.core);
    ww_arena_deinit(&arena);
}

static void thunk_emit__each_kind__adds_the_imports_it_needs(void **state)
{
    (void)state;
    ww_arena arena;
    ww_arena_init(&arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    const struct {
        ww_thunk thunk;
        uint32_t imports; /* beside resume */
    } cases[] = {
        {thunk_of(WW_THUNK_DIRECT, WW_NONE), 1}, {thunk_of(WW_THUNK_SITE, WW_NONE), 1},
        {thunk_of(WW_THUNK_SITE, 1), 2},         {thunk_of(WW_THUNK_LIFT, 1), 2},
        {thunk_of(WW_THUNK_FORWARD, 1), 0},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_thunk_module module;
        assert_ok(
            ww_thunk_emit(&cases[i].thunk, 1, slots, WW_COUNT_OF(slots), &arena, &module, NULL));
        assert_int_equal(module.import_count, 1 + cases[i].imports);
    }
    ww_arena_deinit(&arena);
}

static ww_status emit(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_arena arena;
    ww_arena_init(&arena, allocator, WW_MAX_PLAN_BYTES);
    ww_thunk thunks[40];
    for (size_t i = 0; i < WW_COUNT_OF(thunks); i++)
        thunks[i] = thunk_of(i & 1 ? WW_THUNK_LIFT : WW_THUNK_SITE, 1);
    ww_thunk_module module;
    ww_status status = ww_thunk_emit(thunks, WW_COUNT_OF(thunks), slots, WW_COUNT_OF(slots), &arena,
                                     &module, NULL);
    ww_arena_deinit(&arena);
    return status;
}

static void thunk_emit__any_allocation_failing__gives_everything_back(void **state)
{
    (void)state;
    test_every_allocation_failing(emit, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thunk_emit__one_direct_function__is_imported_and_exported),
        cmocka_unit_test(thunk_emit__each_kind__adds_the_imports_it_needs),
        cmocka_unit_test(thunk_emit__any_allocation_failing__gives_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
