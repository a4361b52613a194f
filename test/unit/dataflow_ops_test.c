/* System calls with a bound: what each lets through, and what it does at the bound. */
#include "support/flow.h"

static bool says(flow_fixture *f, const char *text)
{
    return strstr(flow_run(f), text) != NULL;
}

static void limit__all_taken__nothing_passes_until_one_is_released(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbody (take, give)\n"
                           "  t = Limit.Acquire(take) name=\"two\" n=2\n"
                           "  AppNotify(t) name=\"taken\"\n"
                           "  Limit.Release(give) name=\"two\"\n",
                           "M", NULL));
    for (int i = 0; i < 4; i++) {
        assert_ok(flow_event(f, "M", "take", ""));
        assert_int_equal(says(f, "emit taken"), i < 2);
    }
    assert_ok(flow_event(f, "M", "give", ""));
    flow_run(f);
    assert_ok(flow_event(f, "M", "take", ""));
    assert_true(says(f, "emit taken"));
}

static size_t snapshot_size(flow_fixture *f)
{
    ww_buf snapshot;
    ww_buf_init(&snapshot, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_dataflow_snapshot(f->flow, &snapshot, NULL));
    size_t size = snapshot.size;
    ww_buf_deinit(&snapshot);
    return size;
}

/* Nothing reads a record but a snapshot. */
static void record__more_than_1024_values__only_the_latest_are_kept(void **state)
{
    enum { KEPT = 1024, MORE = 20 };
    flow_fixture *f = *state;
    assert_ok(flow_install(f, "module M\nbody (x)\n  Record(x) name=\"r\"\n", "M", NULL));
    size_t sizes[3];
    for (int i = 0, at = 0; i < KEPT + MORE; i++) {
        if (i == KEPT - MORE || i == KEPT) sizes[at++] = snapshot_size(f);
        assert_ok(flow_event(f, "M", "x", "value"));
        flow_run(f);
    }
    sizes[2] = snapshot_size(f);
    assert_true(sizes[0] < sizes[1]);
    assert_int_equal(sizes[1], sizes[2]);
}

static void deadline_check__after_its_time__fails_and_triggers_nothing(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbody (x)\n  t = After(x) delay_ns=100\n"
                           "  d = DeadlineCheck(t) deadline_ns=150\n"
                           "  AppNotify(d) name=\"in time\"\n",
                           "M", NULL));
    assert_ok(flow_event(f, "M", "x", ""));
    flow_run(f);
    f->now = 100;
    assert_true(says(f, "emit in time"));
    assert_ok(flow_event(f, "M", "x", ""));
    flow_run(f);
    f->now = 250; /* 150 after the start */
    assert_string_equal(flow_run(f), "done 0.0 x1 [0]\n"
                                     "fail 0.1 x1 Timeout deadline_exceeded\n");
}

static void timers__of_one_time__fire_in_the_order_in_which_they_were_set(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbody (x) > (y)\n  t = After(x) delay_ns=100\n"
                           "  y = Gate(x, t)\n",
                           "M", NULL));
    static const char *const events[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < WW_COUNT_OF(events); i++) {
        assert_ok(flow_event(f, "M", "x", events[i]));
        flow_run(f);
    }
    f->now = 100;
    const char *log = flow_run(f);
    for (size_t i = 0; i < WW_COUNT_OF(events); i++) {
        log = strstr(log, "emit y \"");
        assert_non_null(log);
        log += strlen("emit y \"");
        assert_int_equal(*log, *events[i]);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, flow_setup, flow_teardown)
    const struct CMUnitTest tests[] = {
        CASE(limit__all_taken__nothing_passes_until_one_is_released),
        CASE(record__more_than_1024_values__only_the_latest_are_kept),
        CASE(deadline_check__after_its_time__fails_and_triggers_nothing),
        CASE(timers__of_one_time__fire_in_the_order_in_which_they_were_set),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
