/* What one cell may make: core instances, memories, tables and their sizes. Making more is E_LIMIT
 * with the engine's reason, before anything of the instance that is too much runs. */
#include "support/binary.h"
#include "support/check.h"
#include "support/rig.h"

/* The module with the thunks is a core instance, too, and has a table if it has slots. */
static const ww_store_limits enough = {.memory_bytes_max = 2 << 16,
                                       .table_elements_max = 10,
                                       .instances_max = 3,
                                       .tables_max = 3,
                                       .memories_max = 2};

/* Two core instances of one module, which is `sections`; a start function stands before the second
 * one if `start` is "08[00]". */
#define TWICE_WITH(sections, start)                                                                \
    TEST_COMPONENT "01[" TEST_MODULE "01[01 60 00 00] 03[01 00] " sections start                   \
                   "0a[01 [00 0b]]] 02[02 00 00 00  00 00 00]"
#define TWICE(sections) TWICE_WITH(sections, "")
#define START           "08[00]"

static ww_engine *engine;

static int make_engine(void **state)
{
    (void)state;
    engine = test_rig_engine();
    return 0;
}

static int free_engine(void **state)
{
    (void)state;
    ww_engine_free(engine);
    return 0;
}

static ww_status make(test_rig *rig, const ww_store_limits *limits, const char *component)
{
    const test_rig_options options = {.limits = limits};
    if (test_rig_load(rig, engine, &options, component)) fail_msg("%s", rig->diag.text);
    return test_rig_instantiate(rig);
}

static void assert_fits(const char *component)
{
    test_rig rig;
    if (make(&rig, &enough, component)) fail_msg("%s", rig.diag.text);
    assert_int_equal(ww_instance_poll(rig.instance), WW_POLL_DONE);
    test_rig_free(&rig);
}

static void assert_too_much(ww_store_limits limits, const char *component, const char *why)
{
    test_rig rig;
    assert_int_equal(make(&rig, &limits, component), WW_E_LIMIT);
    assert_null(rig.instance);
    assert_string_equal(rig.diag.text, why);
    test_rig_free(&rig);
}

static void core_instances__one_too_many__is_a_limit(void **state)
{
    (void)state;
    ww_store_limits limits = enough;
    limits.instances_max = 2;
    assert_fits(TWICE(""));
    assert_too_much(limits, TWICE(""), "resource limit exceeded: instance count too high at 3");
}

static void memories__one_too_many__is_a_limit(void **state)
{
    (void)state;
    ww_store_limits limits = enough;
    limits.memories_max = 1;
    assert_fits(TWICE("05[01 00 01]"));
    assert_too_much(limits, TWICE("05[01 00 01]"),
                    "resource limit exceeded: memory count too high at 2");
}

static void tables__one_too_many__is_a_limit(void **state)
{
    (void)state;
    ww_store_limits limits = enough;
    limits.tables_max = 1;
    assert_fits(TWICE("04[01 70 00 01]"));
    assert_too_much(limits, TWICE("04[01 70 00 01]"),
                    "resource limit exceeded: table count too high at 2");
}

static void memory__that_begins_too_large__is_a_limit(void **state)
{
    (void)state;
    assert_fits(TWICE("05[01 00 02]"));
    assert_too_much(enough, TWICE("05[01 00 03]"),
                    "memory minimum size of 3 pages exceeds memory limits");
}

static void table__that_begins_too_large__is_a_limit(void **state)
{
    (void)state;
    assert_fits(TWICE("04[01 70 00 0a]"));
    assert_too_much(enough, TWICE("04[01 70 00 0b]"),
                    "table minimum size of 11 elements exceeds table limits");
}

/* What follows a start function is made in a poll. */
static void core_instances__one_too_many_after_a_start__ends_the_instance(void **state)
{
    (void)state;
    ww_store_limits limits = enough;
    limits.instances_max = 2;
    test_rig rig;
    assert_ok(make(&rig, &limits, TWICE_WITH("", START)));
    assert_int_equal(ww_instance_poll(rig.instance), WW_POLL_FAILED);
    ww_instance_end end = ww_instance_end_of(rig.instance);
    assert_int_equal(end.status, WW_E_LIMIT);
    assert_view_is(end.text, "resource limit exceeded: instance count too high at 3");
    test_rig_free(&rig);
}

/* Exports run: () -> s32, what growing by `by` pages or elements answers. */
#define GROWS(op)                                                                                  \
    TEST_COMPONENT "07[01 40 00 00 7a] 01[" TEST_MODULE "01[01 60 00 01 7f] 03[01 00]"             \
                   "04[01 70 00 01] 05[01 00 01] 07[01 'run' 00 00] 0a[01 [00 " op " 0b]]]"        \
                   "02[01 00 00 00] 06[01 00 00 01 00 'run'] 08[01 00 00 00 00 00]"                \
                   "0b[01 00 'run' 01 00 00]"

static void assert_grows(const char *component, int32_t answer)
{
    test_rig rig;
    assert_ok(make(&rig, &enough, component));
    assert_int_equal(test_rig_run(&rig, "run"), WW_POLL_DONE);
    assert_int_equal((int32_t)rig.value, answer);
    test_rig_free(&rig);
}

static void memory__that_grows_too_large__is_refused_to_the_guest(void **state)
{
    (void)state;
    assert_grows(GROWS("41 01 40 00"), 1);
    assert_grows(GROWS("41 02 40 00"), -1);
}

static void table__that_grows_too_large__is_refused_to_the_guest(void **state)
{
    (void)state;
    assert_grows(GROWS("d0 70 41 09 fc 0f 00"), 1);
    assert_grows(GROWS("d0 70 41 0a fc 0f 00"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_instances__one_too_many__is_a_limit),
        cmocka_unit_test(memories__one_too_many__is_a_limit),
        cmocka_unit_test(tables__one_too_many__is_a_limit),
        cmocka_unit_test(memory__that_begins_too_large__is_a_limit),
        cmocka_unit_test(table__that_begins_too_large__is_a_limit),
        cmocka_unit_test(core_instances__one_too_many_after_a_start__ends_the_instance),
        cmocka_unit_test(memory__that_grows_too_large__is_refused_to_the_guest),
        cmocka_unit_test(table__that_grows_too_large__is_refused_to_the_guest),
    };
    return cmocka_run_group_tests(tests, make_engine, free_engine);
}
