#include "component/limits.h"
#include "component/thunk.h"
#include "support/check.h"

static const ww_core_type some_slots[] = {
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
                      .callee_type = callee == WW_NONE ? NULL : &some_slots[callee],
                      .post_return = WW_NONE};
}

static void thunk_emit__one_direct_function__is_imported_and_comes_from_the_getter(void **state)
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
        0,    'a', 's',  'm',  1,    0,    0,    0,    /* preamble */
        1,    19,  4,                                  /* types: */
        0x60, 1,   0x7e, 3,    0x7f, 0x7e, 0x7e,       /* resume */
        0x60, 0,   0,                                  /* $yield */
        0x60, 1,   0x7e, 0,                            /* the function */
        0x60, 0,   1,    0x70,                         /* the getter */
        2,    19,  2,                                  /* imports: */
        4,    'h', 'o',  's',  't',  1,    '0',  0, 0, /* resume */
        4,    'h', 'o',  's',  't',  1,    '1',  0, 2, /* the function */
        3,    3,   2,    1,    3,                      /* types of $yield and the getter */
        4,    5,   1,    0x70, 1,    0,    0,          /* an empty table */
        7,    5,   1,    1,    '0',  0,    3,          /* exports: the getter */
        9,    5,   1,    3,    0,    1,    1, /* elements: the function may be referred to */
        10,   9,   2,    2,    0,    0x0b,    /* code: $yield */
        4,    0,   0xd2, 1,    0x0b,          /* the getter */
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
        assert_ok(ww_thunk_emit(&cases[i].thunk, 1, some_slots, WW_COUNT_OF(some_slots), &arena,
                                &module, NULL));
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
    ww_status status = ww_thunk_emit(thunks, WW_COUNT_OF(thunks), some_slots,
                                     WW_COUNT_OF(some_slots), &arena, &module, NULL);
    ww_arena_deinit(&arena);
    return status;
}

static void thunk_emit__any_allocation_failing__gives_everything_back(void **state)
{
    (void)state;
    test_every_allocation_failing(emit, NULL);
}

/* --- in the engine --------------------------------------------------------------------------- */

enum { LOG_MAX = 40, SLOTS_MAX = WW_FUNC_GROUP + 2 };

typedef struct answer {
    uint32_t op;
    uint64_t v, w;
} answer;

/* A host that plays a prepared part: what begin and resume answer, in order, and a log of all that
 * it was told. */
typedef struct host {
    ww_engine *engine;
    ww_store *store;
    ww_core_instance instance;
    ww_module *module;
    ww_link *link;
    ww_diag diag;
    const answer *answers;
    uint32_t answer_count, answered;
    uint64_t log[LOG_MAX];
    uint32_t logged;
    const uint64_t *args;
    uint32_t arg_count;
    uint32_t thunk_count, slot_count;
    ww_core_func slots[SLOTS_MAX];
} host;

static void note(host *h, uint64_t value)
{
    assert_true(h->logged < LOG_MAX);
    h->log[h->logged++] = value;
}

static ww_trap *answer_next(host *h, ww_slot *slots)
{
    assert_true(h->answered < h->answer_count);
    const answer *a = &h->answers[h->answered++];
    if ((a->op & 0xff) == WW_OP_WAIT) ww_store_wait(h->store);
    slots[0] = ww_slot_u32(a->op);
    slots[1] = (ww_slot){.words = {a->v, 0}};
    slots[2] = (ww_slot){.words = {a->w, 0}};
    return NULL;
}

/* The `env` of a host function tells which parameters to log: the upper half of a 32-bit slot has no
 * meaning. */
static const ww_core_type no_params = {0};
static const ww_core_type resume_params = {.param_count = 1, .params = {WW_I64}};

static void note_params(host *h, const void *env, const ww_slot *slots)
{
    const ww_core_type *type = env;
    for (uint32_t i = 0; i < type->param_count; i++) {
        bool wide = type->params[i] == WW_I64 || type->params[i] == WW_F64;
        note(h, wide ? slots[i].u64 : slots[i].u32);
    }
}

static ww_host_import import_of(ww_host_fn *fn, const ww_core_type *params)
{
    return (ww_host_import){.fn = fn, .env = (void *)(uintptr_t)params};
}

static ww_trap *host_begin(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slot_count;
    host *h = ww_caller_data(caller);
    note_params(h, env, slots);
    return answer_next(h, slots);
}

static ww_trap *host_args(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)env;
    host *h = ww_caller_data(caller);
    assert_int_equal(slot_count, h->arg_count);
    for (uint32_t i = 0; i < h->arg_count; i++)
        slots[i] = (ww_slot){.words = {h->args[i], 0}};
    return NULL;
}

/* A guest's function: logs its parameters and answers 0x1234 where a result is wanted. */
static ww_trap *host_guest(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    note_params(ww_caller_data(caller), env, slots);
    if (slot_count) slots[0] = ww_slot_u32(0x1234);
    return NULL;
}

static ww_verdict go_on(void *data)
{
    (void)data;
    return WW_GO_ON;
}

static void host_new(host *h)
{
    *h = (host){0};
    ww_engine_options options;
    ww_engine_options_default(&options, false);
    options.signals = false; /* cmocka catches the signals that the engine's traps are made of */
    assert_ok(ww_engine_new(&options, ww_allocator_libc(), &h->engine, &h->diag));
}

/* Makes an instance of the thunks; `imports` are the host functions after resume. */
static void host_start(host *h, const ww_thunk *thunks, uint32_t count, const ww_core_type *types,
                       uint32_t slot_count, ww_host_import *imports)
{
    ww_arena arena;
    ww_arena_init(&arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    ww_thunk_module module;
    h->thunk_count = count;
    h->slot_count = slot_count;
    assert_ok(ww_thunk_emit(thunks, count, types, slot_count, &arena, &module, &h->diag));
    if (ww_module_compile(h->engine, module.wasm, &h->module, &h->diag))
        fail_msg("%s", h->diag.text);
    for (uint32_t i = 0; i < module.import_count; i++)
        imports[i].type = module.imports[i];
    if (ww_link_new(h->engine, h->module, imports, module.import_count, &h->link, &h->diag))
        fail_msg("%s", h->diag.text);
    const ww_store_limits limits = {.memory_bytes_max = 1 << 20,
                                    .table_elements_max = SLOTS_MAX,
                                    .instances_max = 2,
                                    .tables_max = 2,
                                    .memories_max = 1};
    assert_ok(ww_store_new(h->engine, &limits, (ww_store_hooks){h, go_on}, &h->store, &h->diag));
    assert_ok(ww_store_instantiate_link(h->store, h->link, &h->instance, &h->diag));
    ww_arena_deinit(&arena);
}

static void host_end(host *h)
{
    ww_store_free(h->store);
    ww_link_free(h->link);
    ww_module_free(h->module);
    ww_engine_free(h->engine);
}

static ww_core_func export_at(host *h, uint32_t index)
{
    ww_core_extern item;
    ww_store_export(h->store, h->module, &h->instance, index, &item);
    assert_int_equal(item.kind, WW_CORE_FUNC);
    return item.of.func;
}

static ww_core_func thunk_func(host *h, uint32_t thunk)
{
    ww_core_func group[WW_FUNC_GROUP], getter = export_at(h, thunk / WW_FUNC_GROUP);
    uint32_t size = ww_thunk_group_size(h->thunk_count, thunk / WW_FUNC_GROUP);
    assert_ok(ww_store_get_funcs(h->store, &getter, group, size));
    return group[thunk % WW_FUNC_GROUP];
}

static void fill_slot(host *h, uint32_t slot, uint32_t thunk)
{
    uint32_t group = slot / WW_FUNC_GROUP;
    ww_core_func setter = export_at(h, ww_thunk_groups(h->thunk_count) + group);
    h->slots[slot] = thunk_func(h, thunk);
    assert_ok(ww_store_set_funcs(h->store, &setter, &h->slots[group * WW_FUNC_GROUP],
                                 ww_thunk_group_size(h->slot_count, group)));
}

static ww_poll call(host *h, uint32_t thunk)
{
    ww_core_func func = thunk_func(h, thunk);
    assert_ok(ww_store_call(h->store, &func));
    return ww_store_poll(h->store);
}

static void assert_log(const host *h, uint32_t count, const uint64_t *expected)
{
    assert_int_equal(h->logged, count);
    for (uint32_t i = 0; i < count; i++)
        assert_true(h->log[i] == expected[i]);
}

/* A lift, thunk 0, that calls the site, thunk 1, through slot 0: values go from args() through the
 * site's begin and back by way of its result. */
static void thunk__values_of_every_type__pass_both_ways(void **state)
{
    (void)state;
    const struct {
        uint8_t result;
        uint64_t bits;
    } cases[] = {
        {WW_I32, 0xfedcba98},
        {WW_I64, 0xfedcba9876543210},
        {WW_F32, 0x7fa00001}, /* a signalling NaN keeps its bits */
        {WW_F64, 0x7ff4000000000001},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        host h;
        host_new(&h);
        const ww_core_type type = {.param_count = 3,
                                   .params = {WW_F32, WW_F64, WW_I64},
                                   .result_count = 1,
                                   .results = {cases[i].result}};
        const ww_thunk thunks[] = {
            {WW_THUNK_LIFT, type, .callee = 0, .callee_type = &type, .post_return = WW_NONE},
            {WW_THUNK_SITE, type, .callee = WW_NONE, .post_return = WW_NONE},
        };
        ww_host_import imports[] = {import_of(host_begin, &resume_params),
                                    import_of(host_begin, &no_params),
                                    import_of(host_args, &no_params), import_of(host_begin, &type)};
        host_start(&h, thunks, 2, &type, 1, imports);
        fill_slot(&h, 0, 1);
        const uint64_t args[] = {0x3f800000, 0x400921fb54442d18, UINT64_MAX};
        const answer answers[] = {{.op = WW_OP_CALL},
                                  {.op = WW_OP_DONE, .v = cases[i].bits}, /* the site's */
                                  {.op = WW_OP_DONE}};
        h.args = args;
        h.arg_count = 3;
        h.answers = answers;
        h.answer_count = 3;
        assert_int_equal(call(&h, 0), WW_POLL_DONE);
        const uint64_t expected[] = {args[0], args[1], args[2], cases[i].bits};
        assert_log(&h, 4, expected);
        host_end(&h);
    }
}

static void thunk__seventeen_parameters__come_from_args(void **state)
{
    (void)state;
    host h;
    host_new(&h);
    ww_core_type type = {.param_count = 17};
    memset(type.params, WW_I64, sizeof type.params);
    const ww_thunk thunks[] = {
        {WW_THUNK_LIFT, type, .callee = 0, .callee_type = &type, .post_return = WW_NONE},
        {WW_THUNK_DIRECT, type, .callee = WW_NONE, .post_return = WW_NONE},
    };
    ww_host_import imports[] = {import_of(host_begin, &resume_params),
                                import_of(host_begin, &no_params), import_of(host_args, &no_params),
                                import_of(host_guest, &type)};
    host_start(&h, thunks, 2, &type, 1, imports);
    fill_slot(&h, 0, 1);
    uint64_t expected[18] = {0};
    for (uint32_t i = 0; i < 17; i++)
        expected[i] = (uint64_t)i << 40 | i;
    h.args = expected;
    h.arg_count = 17;
    const answer answers[] = {{.op = WW_OP_CALL}, {.op = WW_OP_DONE}};
    h.answers = answers;
    h.answer_count = 2;
    assert_int_equal(call(&h, 0), WW_POLL_DONE);
    assert_log(&h, 18, expected); /* and resume(0), for there is no result */
    host_end(&h);
}

/* A lift, thunk 0, with a callee in slot 0 (thunk 1), its post-return in slot 1 (thunk 2), a
 * realloc in slot 2 (thunk 3) and a destructor in slot 3 (thunk 4). */
static const ww_core_type op_slots[] = {
    {.result_count = 1, .results = {WW_I32}},
    {.param_count = 1, .params = {WW_I32}},
    {.param_count = 4,
     .params = {WW_I32, WW_I32, WW_I32, WW_I32},
     .result_count = 1,
     .results = {WW_I32}},
    {.param_count = 1, .params = {WW_I32}},
};

static void start_ops(host *h, const answer *answers, uint32_t count)
{
    host_new(h);
    ww_thunk thunks[1 + WW_COUNT_OF(op_slots)] = {
        {WW_THUNK_LIFT, op_slots[0], .callee = 0, .callee_type = &op_slots[0], .post_return = 1}};
    for (uint32_t i = 0; i < WW_COUNT_OF(op_slots); i++)
        thunks[1 + i] =
            (ww_thunk){WW_THUNK_DIRECT, op_slots[i], .callee = WW_NONE, .post_return = WW_NONE};
    ww_host_import imports[] = {
        import_of(host_begin, &resume_params), import_of(host_begin, &no_params),
        import_of(host_guest, &no_params),     import_of(host_guest, &op_slots[1]),
        import_of(host_guest, &op_slots[2]),   import_of(host_guest, &op_slots[1])};
    host_start(h, thunks, WW_COUNT_OF(thunks), op_slots, WW_COUNT_OF(op_slots), imports);
    for (uint32_t i = 0; i < WW_COUNT_OF(op_slots); i++)
        fill_slot(h, i, 1 + i);
    h->answers = answers;
    h->answer_count = count;
}

static void thunk__every_opcode__is_obeyed_in_order(void **state)
{
    (void)state;
    const answer answers[] = {
        {WW_OP_REALLOC | 2 << 8, 0x80000001 | (uint64_t)0xfffffff0 << 32, 8 | (uint64_t)64 << 32},
        {.op = WW_OP_CALL},
        {.op = WW_OP_POST_RETURN, .v = 0x1234},
        {.op = WW_OP_DROP | 3 << 8, .v = 0x90000000},
        {.op = WW_OP_DONE},
    };
    host h;
    start_ops(&h, answers, WW_COUNT_OF(answers));
    assert_int_equal(call(&h, 0), WW_POLL_DONE);
    const uint64_t expected[] = {
        0x80000001, 0xfffffff0, 8, 64, 0x1234, /* realloc, resume */
        0x1234,                                /* resume with the callee's result */
        0x1234,     0,                         /* post-return, resume */
        0x90000000, 0,                         /* destructor, resume */
    };
    assert_log(&h, WW_COUNT_OF(expected), expected);
    host_end(&h);
}

static void thunk__a_wait__suspends_and_goes_on_with_resume(void **state)
{
    (void)state;
    const answer answers[] = {{.op = WW_OP_WAIT}, {.op = WW_OP_WAIT}, {.op = WW_OP_DONE}};
    host h;
    start_ops(&h, answers, WW_COUNT_OF(answers));
    assert_int_equal(call(&h, 0), WW_POLL_WAIT);
    assert_int_equal(h.answered, 1);
    assert_int_equal(ww_store_poll(h.store), WW_POLL_WAIT);
    assert_int_equal(h.answered, 2);
    assert_int_equal(ww_store_poll(h.store), WW_POLL_DONE);
    const uint64_t expected[] = {0, 0};
    assert_log(&h, 2, expected);
    host_end(&h);
}

static void assert_trap(const answer *answers, uint32_t count, int code)
{
    host h;
    start_ops(&h, answers, count);
    assert_int_equal(call(&h, 0), WW_POLL_FAILED);
    assert_int_equal(ww_store_failure(h.store).code, code);
    host_end(&h);
}

static void thunk__what_is_no_opcode__traps(void **state)
{
    (void)state;
    const answer bad = {.op = 6}, worse = {.op = 0xff};
    assert_trap(&bad, 1, WW_TRAP_UNREACHABLE);
    assert_trap(&worse, 1, WW_TRAP_UNREACHABLE);
}

/* A forwarder, thunk 0, through slot 0, which thunk 1 fills. */
static void thunk__a_forwarder__calls_its_slot_or_traps_as_a_null_entry(void **state)
{
    (void)state;
    for (int filled = 0; filled < 2; filled++) {
        host h;
        host_new(&h);
        const ww_core_type type = {0};
        const ww_thunk thunks[] = {
            {WW_THUNK_FORWARD, type, .callee = 0, .post_return = WW_NONE},
            {WW_THUNK_SITE, type, .callee = WW_NONE, .post_return = WW_NONE},
        };
        ww_host_import imports[] = {import_of(host_begin, &resume_params),
                                    import_of(host_begin, &no_params)};
        host_start(&h, thunks, 2, &type, 1, imports);
        const answer done = {.op = WW_OP_DONE};
        h.answers = &done;
        h.answer_count = 1;
        if (filled) fill_slot(&h, 0, 1);
        assert_int_equal(call(&h, 0), filled ? WW_POLL_DONE : WW_POLL_FAILED);
        if (!filled)
            assert_int_equal(ww_store_failure(h.store).code, WW_TRAP_INDIRECT_CALL_TO_NULL);
        assert_int_equal(h.answered, filled);
        host_end(&h);
    }
}

/* A forwarder for each slot, and the site behind them all: the second group of either kind. */
static void thunk__more_than_one_group__all_are_found_and_filled(void **state)
{
    (void)state;
    host h;
    host_new(&h);
    const ww_core_type type = {0};
    ww_core_type types[SLOTS_MAX] = {0};
    ww_thunk thunks[SLOTS_MAX + 1];
    for (uint32_t i = 0; i < SLOTS_MAX; i++)
        thunks[i] = (ww_thunk){WW_THUNK_FORWARD, type, .callee = i, .post_return = WW_NONE};
    thunks[SLOTS_MAX] = (ww_thunk){WW_THUNK_SITE, type, .callee = WW_NONE, .post_return = WW_NONE};
    ww_host_import imports[] = {import_of(host_begin, &resume_params),
                                import_of(host_begin, &no_params)};
    host_start(&h, thunks, SLOTS_MAX + 1, types, SLOTS_MAX, imports);
    const answer done[] = {{.op = WW_OP_DONE}, {.op = WW_OP_DONE}};
    h.answers = done;
    h.answer_count = 2;
    fill_slot(&h, SLOTS_MAX - 1, SLOTS_MAX);
    fill_slot(&h, 0, SLOTS_MAX - 1); /* by way of the last one */
    assert_int_equal(call(&h, SLOTS_MAX - 1), WW_POLL_DONE);
    assert_int_equal(call(&h, 0), WW_POLL_DONE);
    assert_int_equal(call(&h, 1), WW_POLL_FAILED);
    assert_int_equal(h.answered, 2);
    host_end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thunk_emit__one_direct_function__is_imported_and_comes_from_the_getter),
        cmocka_unit_test(thunk_emit__each_kind__adds_the_imports_it_needs),
        cmocka_unit_test(thunk_emit__any_allocation_failing__gives_everything_back),
        cmocka_unit_test(thunk__values_of_every_type__pass_both_ways),
        cmocka_unit_test(thunk__seventeen_parameters__come_from_args),
        cmocka_unit_test(thunk__every_opcode__is_obeyed_in_order),
        cmocka_unit_test(thunk__a_wait__suspends_and_goes_on_with_resume),
        cmocka_unit_test(thunk__what_is_no_opcode__traps),
        cmocka_unit_test(thunk__a_forwarder__calls_its_slot_or_traps_as_a_null_entry),
        cmocka_unit_test(thunk__more_than_one_group__all_are_found_and_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
