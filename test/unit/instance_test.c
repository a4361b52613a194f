/* Instances as their owner sees them: calls, waits, ends, teardown. */
#include "component/instance.h"
#include "support/check.h"

/* (component
 *   (import "h" (instance $h
 *     (export "thing" (type $t (sub resource)))
 *     (export "act" (func (param "what" u32) (result u32)))
 *     (export "make" (func (param "rep" u32) (result (own $t))))
 *     (export "take" (func (param "a" (own $t)) (param "b" (own $t))))))
 *   (core func $act (canon lower (func $h "act")))
 *   (core func $make (canon lower (func $h "make")))
 *   (core func $take (canon lower (func $h "take")))
 *   (core module $m
 *     (import "" "a" (func $act (param i32) (result i32)))
 *     (import "" "m" (func $make (param i32) (result i32)))
 *     (import "" "t" (func $take (param i32 i32)))
 *     (func (export "a") (param i32) (result i32) (call $act (local.get 0)))
 *     (func (export "m") (param i32) (result i32) (call $make (local.get 0)))
 *     (func (export "t") (param i32 i32) (call $take (local.get 0) (local.get 1))))
 *   (core instance $i (instantiate $m (with "" (instance
 *     (export "a" (func $act)) (export "m" (func $make)) (export "t" (func $take))))))
 *   (func (export "act") (param "what" u32) (result u32) (canon lift (core func $i "a")))
 *   (func (export "make") (param "rep" u32) (result u32) (canon lift (core func $i "m")))
 *   (func (export "take") (param "a" u32) (param "b" u32) (canon lift (core func $i "t")))) */
static const uint8_t component[] = {
    /* clang-format off */
    0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, 0x07, 0x50, 0x01, 0x42, 0x0a, 0x04, 0x00, 0x05,
    0x74, 0x68, 0x69, 0x6e, 0x67, 0x03, 0x01, 0x01, 0x40, 0x01, 0x04, 0x77, 0x68, 0x61, 0x74, 0x79,
    0x00, 0x79, 0x04, 0x00, 0x03, 0x61, 0x63, 0x74, 0x01, 0x01, 0x01, 0x69, 0x00, 0x01, 0x40, 0x01,
    0x03, 0x72, 0x65, 0x70, 0x79, 0x00, 0x02, 0x04, 0x00, 0x04, 0x6d, 0x61, 0x6b, 0x65, 0x01, 0x03,
    0x01, 0x69, 0x00, 0x01, 0x69, 0x00, 0x01, 0x40, 0x02, 0x01, 0x61, 0x04, 0x01, 0x62, 0x05, 0x01,
    0x00, 0x04, 0x00, 0x04, 0x74, 0x61, 0x6b, 0x65, 0x01, 0x06, 0x0a, 0x06, 0x01, 0x00, 0x01, 0x68,
    0x05, 0x00, 0x06, 0x08, 0x01, 0x01, 0x00, 0x00, 0x03, 0x61, 0x63, 0x74, 0x08, 0x05, 0x01, 0x01,
    0x00, 0x00, 0x00, 0x06, 0x09, 0x01, 0x01, 0x00, 0x00, 0x04, 0x6d, 0x61, 0x6b, 0x65, 0x08, 0x05,
    0x01, 0x01, 0x00, 0x01, 0x00, 0x06, 0x09, 0x01, 0x01, 0x00, 0x00, 0x04, 0x74, 0x61, 0x6b, 0x65,
    0x08, 0x05, 0x01, 0x01, 0x00, 0x02, 0x00, 0x01, 0x56, 0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00,
    0x00, 0x01, 0x0b, 0x02, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x60, 0x02, 0x7f, 0x7f, 0x00, 0x02, 0x10,
    0x03, 0x00, 0x01, 0x61, 0x00, 0x00, 0x00, 0x01, 0x6d, 0x00, 0x00, 0x00, 0x01, 0x74, 0x00, 0x01,
    0x03, 0x04, 0x03, 0x00, 0x00, 0x01, 0x07, 0x0d, 0x03, 0x01, 0x61, 0x00, 0x03, 0x01, 0x6d, 0x00,
    0x04, 0x01, 0x74, 0x00, 0x05, 0x0a, 0x18, 0x03, 0x06, 0x00, 0x20, 0x00, 0x10, 0x00, 0x0b, 0x06,
    0x00, 0x20, 0x00, 0x10, 0x01, 0x0b, 0x08, 0x00, 0x20, 0x00, 0x20, 0x01, 0x10, 0x02, 0x0b, 0x02,
    0x15, 0x02, 0x01, 0x03, 0x01, 0x61, 0x00, 0x00, 0x01, 0x6d, 0x00, 0x01, 0x01, 0x74, 0x00, 0x02,
    0x00, 0x00, 0x01, 0x00, 0x12, 0x00, 0x07, 0x0b, 0x01, 0x40, 0x01, 0x04, 0x77, 0x68, 0x61, 0x74,
    0x79, 0x00, 0x79, 0x06, 0x07, 0x01, 0x00, 0x00, 0x01, 0x01, 0x01, 0x61, 0x08, 0x06, 0x01, 0x00,
    0x00, 0x03, 0x00, 0x01, 0x07, 0x0a, 0x01, 0x40, 0x01, 0x03, 0x72, 0x65, 0x70, 0x79, 0x00, 0x79,
    0x06, 0x07, 0x01, 0x00, 0x00, 0x01, 0x01, 0x01, 0x6d, 0x08, 0x06, 0x01, 0x00, 0x00, 0x04, 0x00,
    0x02, 0x07, 0x0b, 0x01, 0x40, 0x02, 0x01, 0x61, 0x79, 0x01, 0x62, 0x79, 0x01, 0x00, 0x06, 0x07,
    0x01, 0x00, 0x00, 0x01, 0x01, 0x01, 0x74, 0x08, 0x06, 0x01, 0x00, 0x00, 0x05, 0x00, 0x03, 0x0b,
    0x1b, 0x03, 0x00, 0x03, 0x61, 0x63, 0x74, 0x01, 0x03, 0x00, 0x00, 0x04, 0x6d, 0x61, 0x6b, 0x65,
    0x01, 0x04, 0x00, 0x00, 0x04, 0x74, 0x61, 0x6b, 0x65, 0x01, 0x05, 0x00,
    /* clang-format on */
};

enum { ACT_RETURN, ACT_WAIT, ACT_KILL, ACT_EXIT };

typedef struct fixture {
    ww_engine *engine;
    ww_linker *linker;
    ww_program *program;
    ww_instance *instance;
    ww_diag diag;
    unsigned resumed, done;
    bool again; /* the waiting function goes on waiting */
    ww_status status;
    uint32_t value;
    uint64_t dropped[8];
    uint32_t drop_count;
} fixture;

static ww_status resume_act(ww_call *call, void *result)
{
    fixture *f = call->host;
    f->resumed++;
    if (f->again) return WW_AGAIN;
    *(uint32_t *)result = (uint32_t)call->state[0] + 100;
    return WW_OK;
}

static ww_status act(ww_call *call, const void *params, void *result)
{
    fixture *f = call->host;
    uint32_t what = *(const uint32_t *)params;
    *(uint32_t *)result = what;
    call->state[0] = what;
    call->resume = resume_act;
    if (what == ACT_KILL) ww_instance_kill(f->instance, WW_E_TIMEOUT);
    if (what == ACT_EXIT) return ww_call_exit(call, 7);
    return what == ACT_WAIT ? WW_AGAIN : WW_OK;
}

static ww_status make(ww_call *call, const void *params, void *result)
{
    (void)call;
    *(uint64_t *)result = *(const uint32_t *)params;
    return WW_OK;
}

static ww_status take(ww_call *call, const void *params, void *result)
{
    (void)call, (void)params, (void)result;
    return WW_OK;
}

static ww_status drop(ww_call *call, uint64_t rep)
{
    fixture *f = call->host;
    f->dropped[f->drop_count++] = rep;
    return WW_OK;
}

static const ww_resource_type thing = {
    .name = "thing", .drop = drop, .owner = WW_NONE, .dtor = WW_NONE};
static const ww_resource_type *const resources[] = {&thing};

/* The types of the host's functions, laid out by make_linker. */
static ww_type own = {.kind = WW_TYPE_OWN};
static ww_field one[1], rep[1], two[2];
static ww_func_type act_type = {.param_count = 1, .params = one};
static ww_func_type make_type = {.param_count = 1, .params = rep, .result = &own};
static ww_func_type take_type = {.param_count = 2, .params = two};
static const ww_host_func funcs[] = {
    {.name = "act", .type = &act_type, .call = act, .may_wait = true},
    {.name = "make", .type = &make_type, .call = make},
    {.name = "take", .type = &take_type, .call = take},
};
static const ww_host_interface interface = {.name = "h",
                                            .funcs = funcs,
                                            .func_count = WW_COUNT_OF(funcs),
                                            .resources = resources,
                                            .resource_count = 1,
                                            .exported_count = 1};

static void lay_out_types(void)
{
    const ww_type *u32 = ww_type_primitive(WW_TYPE_U32);
    assert_ok(ww_type_layout(&own, NULL));
    one[0] = (ww_field){.name = WW_VIEW_LITERAL("what"), .type = u32};
    rep[0] = (ww_field){.name = WW_VIEW_LITERAL("rep"), .type = u32};
    two[0] = (ww_field){.name = WW_VIEW_LITERAL("a"), .type = &own};
    two[1] = (ww_field){.name = WW_VIEW_LITERAL("b"), .type = &own};
    act_type.result = u32;
    assert_ok(ww_func_type_layout(&act_type, one));
    assert_ok(ww_func_type_layout(&make_type, rep));
    assert_ok(ww_func_type_layout(&take_type, two));
}

static const ww_instance_options roomy = {.limits = {.memory_bytes_max = 1 << 20,
                                                     .table_elements_max = 1000,
                                                     .instances_max = 10,
                                                     .tables_max = 10,
                                                     .memories_max = 10}};

static int setup(void **state)
{
    fixture *f = test_calloc(1, sizeof *f);
    ww_engine_options options;
    ww_engine_options_default(&options, false);
    options.signals = false; /* cmocka catches the signals that the engine's traps are made of */
    lay_out_types();
    assert_ok(ww_engine_new(&options, ww_allocator_libc(), &f->engine, &f->diag));
    assert_ok(ww_linker_new(ww_allocator_libc(), &f->linker));
    assert_ok(ww_linker_add(f->linker, &interface, NULL));
    if (ww_program_new(f->engine, ww_view_of(component, sizeof component), f->linker,
                       ww_compiler_plain(), ww_allocator_libc(), &f->program, &f->diag))
        fail_msg("%s", f->diag.text);
    ww_instance_options o = roomy;
    o.host = f;
    assert_ok(ww_instance_new(f->program, &o, ww_allocator_libc(), &f->instance, &f->diag));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_instance_free(f->instance);
    ww_program_unref(f->program);
    ww_linker_free(f->linker);
    ww_engine_free(f->engine);
    test_free(f);
    return 0;
}

static void on_done(void *self, ww_status status, const void *result)
{
    fixture *f = self;
    f->done++;
    f->status = status;
    f->value = result ? *(const uint32_t *)result : 0;
}

static ww_status call(fixture *f, const char *name, const void *params)
{
    const ww_export *func = ww_program_export(f->program, WW_VIEW_LITERAL(""), ww_view_str(name));
    assert_non_null(func);
    return ww_instance_call(f->instance, func, params, (ww_call_done){f, on_done});
}

static void call__that_waits__is_resumed_by_the_next_poll(void **state)
{
    fixture *f = *state;
    uint32_t what = ACT_WAIT;
    assert_ok(call(f, "act", &what));
    f->again = true;
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_WAIT);
    assert_int_equal(f->resumed, 0);
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_WAIT);
    assert_int_equal(f->resumed, 1);
    f->again = false;
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_DONE);
    assert_int_equal(f->value, ACT_WAIT + 100);
    assert_int_equal(f->done, 1);
}

static void call__on_a_busy_instance__is_queued(void **state)
{
    fixture *f = *state;
    uint32_t waits = ACT_WAIT, returns = ACT_RETURN;
    assert_ok(call(f, "act", &waits));
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_WAIT);
    assert_ok(call(f, "act", &returns));
    assert_int_equal(f->done, 0);
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_DONE);
    assert_int_equal(f->done, 2);
    assert_int_equal(f->value, ACT_RETURN);
}

static void kill__from_a_host_function_of_its_own_poll__ends_all_calls(void **state)
{
    fixture *f = *state;
    uint32_t kills = ACT_KILL, returns = ACT_RETURN;
    assert_ok(call(f, "act", &kills));
    assert_ok(call(f, "act", &returns));
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_FAILED);
    assert_int_equal(f->done, 2);
    assert_int_equal(f->status, WW_E_TIMEOUT);
    assert_int_equal(ww_instance_end_of(f->instance).status, WW_E_TIMEOUT);
    assert_int_equal(call(f, "act", &returns), WW_E_STALE);
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_FAILED);
}

static void kill__of_a_waiting_instance__does_not_resume_it(void **state)
{
    fixture *f = *state;
    uint32_t waits = ACT_WAIT;
    assert_ok(call(f, "act", &waits));
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_WAIT);
    ww_instance_kill(f->instance, WW_E_CANCELED);
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_FAILED);
    assert_int_equal(f->resumed, 0);
    assert_int_equal(f->status, WW_E_CANCELED);
}

static void exit__of_the_guest__is_an_end_with_its_code(void **state)
{
    fixture *f = *state;
    uint32_t exits = ACT_EXIT;
    assert_ok(call(f, "act", &exits));
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_FAILED);
    ww_instance_end end = ww_instance_end_of(f->instance);
    assert_int_equal(end.status, WW_E_EXIT);
    assert_int_equal(end.exit_code, 7);
}

static uint32_t make_thing(fixture *f, uint32_t number)
{
    assert_ok(call(f, "make", &number));
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_DONE);
    return f->value;
}

static void free__with_resources_left_in_the_tables__drops_them_newest_first(void **state)
{
    fixture *f = *state;
    for (uint32_t i = 1; i <= 3; i++)
        assert_int_equal(make_thing(f, 10 * i), i);
    ww_instance_free(f->instance);
    f->instance = NULL;
    assert_int_equal(f->drop_count, 3);
    assert_int_equal(f->dropped[0], 30);
    assert_int_equal(f->dropped[1], 20);
    assert_int_equal(f->dropped[2], 10);
}

static void lift__that_fails_after_an_own_handle__gives_the_resource_back(void **state)
{
    fixture *f = *state;
    uint32_t handles[2] = {make_thing(f, 77), 99};
    assert_ok(call(f, "take", handles));
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_FAILED);
    assert_view_is(ww_instance_end_of(f->instance).text, "unknown handle index 99");
    assert_int_equal(ww_instance_end_of(f->instance).trap_code, -1);
    assert_int_equal(f->drop_count, 1);
    assert_int_equal(f->dropped[0], 77);
}

static void lift__of_the_same_own_handle_twice__is_an_unknown_handle(void **state)
{
    fixture *f = *state;
    uint32_t handle = make_thing(f, 5), handles[2] = {handle, handle};
    assert_ok(call(f, "take", handles));
    assert_int_equal(ww_instance_poll(f->instance), WW_POLL_FAILED);
    assert_view_is(ww_instance_end_of(f->instance).text, "unknown handle index 1");
    assert_int_equal(f->drop_count, 1);
}

static ww_status run_one(const ww_allocator *allocator, void *arg)
{
    fixture *f = arg;
    ww_instance *instance;
    ww_instance_options o = roomy;
    o.host = f;
    uint32_t number = 1;
    const ww_export *func =
        ww_program_export(f->program, WW_VIEW_LITERAL(""), WW_VIEW_LITERAL("make"));
    ww_status status = ww_instance_new(f->program, &o, allocator, &instance, &f->diag);
    if (status) return status;
    status = ww_instance_call(instance, func, &number, (ww_call_done){f, on_done});
    /* A guest that meets the end of memory traps. */
    if (!status && ww_instance_poll(instance) == WW_POLL_FAILED) status = WW_E_MEMORY;
    ww_instance_free(instance);
    f->drop_count = 0;
    return status;
}

static void instance__any_allocation_failing__gives_all_back(void **state)
{
    test_every_allocation_failing(run_one, *state);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(call__that_waits__is_resumed_by_the_next_poll),
        CASE(call__on_a_busy_instance__is_queued),
        CASE(kill__from_a_host_function_of_its_own_poll__ends_all_calls),
        CASE(kill__of_a_waiting_instance__does_not_resume_it),
        CASE(exit__of_the_guest__is_an_end_with_its_code),
        CASE(free__with_resources_left_in_the_tables__drops_them_newest_first),
        CASE(lift__that_fails_after_an_own_handle__gives_the_resource_back),
        CASE(lift__of_the_same_own_handle_twice__is_an_unknown_handle),
        CASE(instance__any_allocation_failing__gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
