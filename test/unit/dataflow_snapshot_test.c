/* Snapshots: what goes on after a restore, what does not, and what is refused. */
#include "base/names.h"
#include "support/flow.h"

static const char store[] = "module M\n"
                            "bind data DataSource Loader\n"
                            "bind store Index FlatIndex\n"
                            "body (query: tensor, add: tensor) > (hits, sum)\n"
                            "  hits = index.Search(query) k=3 @store\n"
                            "  sum = index.Add(add) @store\n"
                            "bootstrap ()\n"
                            "  v0, v1 = data_source.NextBatch() @data\n"
                            "  v2 = index.Add(v0) @store\n";

/* --- what goes on ----------------------------------------------------------------------------- */

static void restore__timer_set_before__fires_after_the_time_that_was_left(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbody (x) > (y)\n  t = After(x) delay_ns=100\n"
                           "  y = Gate(x, t)\n  i = Interval() period_ns=70\n"
                           "  AppNotify(i) name=\"tick\"\n",
                           "M", NULL));
    f->now = 1000000;
    assert_ok(flow_event(f, "M", "x", "late"));
    flow_run(f);
    f->now = 1000040;
    flow_run(f);
    flow_restart(f, 5);
    assert_int_equal(ww_dataflow_stats_of(f->flow).incarnation, 1);
    assert_int_equal(ww_dataflow_next_time(f->flow),
                     5 + 31); /* the interval's, which is due first */
    assert_string_equal(flow_run(f), "");
    f->now = 64;
    assert_non_null(strstr(flow_run(f), "emit tick"));
    f->now = 65;
    assert_string_equal(flow_run(f), "done 0.0 x0 [0]\ndone 0.1 x0 [1]\nemit y \"late\"\n");
}

static void restore__execution_in_a_called_function__returns_to_its_caller(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(
        f,
        "function Slow (a) > (b)\n  t = After(a) delay_ns=9\n  b = Gate(a, t)\n"
        "module M\nbody (x) > (y)\n  v = call.Slow(x)\n  w = call.Slow(v)\n  y = PassThrough(w)\n",
        "M", NULL));
    assert_ok(flow_event(f, "M", "x", "deep"));
    flow_run(f);
    flow_restart(f, 0);
    f->now = 9;
    flow_run(f);
    flow_restart(f, 100);
    f->now = 109;
    assert_string_equal(flow_run(f), "done 1.0 x2 [4]\ndone 1.1 x2 [5]\ndone 0.2 x0 [2]\n"
                                     "emit y \"deep\"\n");
}

static void restore__counters_queues_and_slots__hold_what_they_held(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbody (x, y, z, m) > (a, b)\n"
                           "  q = Serialize.Enqueue(x) queue=\"q\"\n"
                           "  IncrMetric(q) name=\"n\" delta=3\n"
                           "  Hold.Stash(x) slot=\"s\"\n"
                           "  Record(x) name=\"r\"\n"
                           "  g = Any(x) group=\"once\"\n"
                           "  AppEmit(g) name=\"first\"\n"
                           "  d = DedupGateRx(m)\n  AppEmit(d) name=\"new\"\n"
                           "  a = Serialize.Dequeue(y) queue=\"q\"\n"
                           "  b = Hold.Flush(z) slot=\"s\"\n",
                           "M", NULL));
    assert_ok(flow_event(f, "M", "x", "one"));
    assert_ok(flow_event(f, "M", "x", "two"));
    assert_ok(flow_event(f, "M", "m", "same"));
    assert_non_null(strstr(flow_run(f), "emit first \"one\""));
    flow_restart(f, 0);
    int64_t n;
    assert_true(ww_dataflow_metric(f->flow, WW_VIEW_LITERAL("n"), &n));
    assert_int_equal(n, 6);
    assert_ok(flow_event(f, "M", "x", "three"));
    assert_ok(flow_event(f, "M", "y", ""));
    assert_ok(flow_event(f, "M", "z", ""));
    assert_ok(flow_event(f, "M", "m", "same"));
    const char *log = flow_run(f);
    assert_null(strstr(log, "emit first"));
    assert_null(strstr(log, "emit new"));
    assert_non_null(strstr(log, "emit a \"one\"\n"));
    assert_non_null(strstr(log, "emit b \"three\"\n"));
}

static void restore__call_of_a_component_that_remembers__is_answered_later(void **state)
{
    flow_fixture *f = *state;
    f->index_later = true;
    assert_ok(flow_install(f, store, "M", NULL));
    f->added = 7;
    assert_ok(flow_event(f, "M", "query", "1234"));
    flow_run(f);
    flow_restart(f, 0);
    assert_int_equal(f->added, 7);
    assert_string_equal(flow_run(f), "");
    assert_ok(ww_dataflow_complete(f->flow, f->command,
                                   (ww_flow_value[]){ww_flow_value_number(WW_FLOW_U64, 8)}, 1));
    assert_string_equal(flow_run(f), "done 0.0 x0 [0]\nemit hits \"\b\"\n");
}

static void restore__call_of_a_component_made_anew__fails(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = true;
    assert_ok(flow_install(f,
                           "module M\nbind data DataSource Loader\nbody (x) > (y)\n"
                           "  y, z = data_source.NextBatch(x) @data\n",
                           "M", NULL));
    assert_ok(flow_event(f, "M", "x", ""));
    flow_run(f);
    flow_restart(f, 0);
    assert_string_equal(flow_run(f), "fail 0.0 x0 RemoteFailed completion_failed\n");
}

/* --- bootstraps ------------------------------------------------------------------------------- */

static void restore__bootstrap_done__is_not_run_again(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f, store, "M", NULL));
    assert_ok(flow_arm(f));
    flow_run(f);
    assert_int_equal(f->added, 3);
    flow_restart(f, 0);
    assert_string_equal(flow_run(f), "");
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "");
    assert_int_equal(f->added, 3);
}

static void restore__bootstrap_under_way__begins_anew_but_only_when_armed(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = true;
    assert_ok(flow_install(f, store, "M", NULL));
    assert_ok(flow_arm(f));
    flow_run(f);
    assert_ok(flow_event(f, "M", "query", "1234")); /* held back */
    flow_run(f);
    assert_int_equal(ww_dataflow_stats_of(f->flow).held, 1);
    flow_restart(f, 0);
    assert_string_equal(flow_run(f), "echo query \"1234\"\ndone 0.0 x1 [0]\nemit hits \"\3\"\n");
    assert_int_equal(ww_dataflow_complete(f->flow, f->command, NULL, 0), WW_E_NOT_FOUND);
    f->loader_later = false;
    assert_ok(flow_arm(f));
    assert_non_null(strstr(flow_run(f), "boot completed 0\n"));
}

static void restore__operation_parked_in_front_of_a_bootstrap__runs(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = true;
    assert_ok(flow_install(f,
                           "module M\nbind data DataSource Loader\nbind store Index FlatIndex\n"
                           "body (query: tensor) > (hits)\n  t = After(query) delay_ns=5\n"
                           "  q = Gate(query, t)\n  hits = index.Search(q) k=3 @store\n"
                           "bootstrap ()\n  v0, v1 = data_source.NextBatch() @data\n"
                           "  v2 = index.Add(v0) @store\n",
                           "M", NULL));
    assert_ok(flow_event(f, "M", "query", "1234"));
    flow_run(f);
    assert_ok(flow_arm(f));
    flow_run(f);
    f->now = 5;
    flow_run(f);
    assert_int_equal(ww_dataflow_stats_of(f->flow).parked, 1);
    flow_restart(f, 0);
    assert_string_equal(flow_run(f), "done 0.2 x0 [2]\nemit hits \"\3\"\n");
}

static void snapshot__something_not_taken_in__is_busy(void **state)
{
    flow_fixture *f = *state;
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), SIZE_MAX);
    assert_ok(flow_install(f, store, "M", NULL));
    assert_ok(flow_event(f, "M", "query", "1234"));
    assert_int_equal(ww_dataflow_snapshot(f->flow, &out, NULL), WW_E_BUSY);
    assert_int_equal(out.size, 0);
    flow_run(f);
    assert_ok(ww_dataflow_snapshot(f->flow, &out, NULL));
    out.size_max = out.size + 40;
    assert_int_equal(ww_dataflow_snapshot(f->flow, &out, NULL), WW_E_LIMIT);
    ww_buf_deinit(&out);
}

/* --- hostile bytes ---------------------------------------------------------------------------- */

static const char busy[] = "function Slow (a) > (b)\n  t = After(a) delay_ns=9\n  b = Gate(a, t)\n"
                           "module M\nbind store Index FlatIndex\n"
                           "body (x, q: tensor, p: peer_id) > (y, hits)\n  v = call.Slow(x)\n"
                           "  y = PassThrough(v)\n  hits = index.Search(q) k=2 @store\n"
                           "  Hold.Stash(x) slot=\"s\"\n  d = DedupGateRx(x)\n"
                           "  sent, id = wire.Send(x, p) deadline_ns=50\n"
                           "  i = Interval() period_ns=70\n";
static const char peer[] = "\0\x08\0\0\0\0\0\0\0\x01";

/* An engine with something of everything. */
static void make_busy(flow_fixture *f)
{
    f->index_later = true;
    assert_ok(flow_install(f, busy, "M", NULL));
    ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("x"), WW_VIEW_LITERAL("hello")},
                                   {WW_VIEW_LITERAL("q"), WW_VIEW_LITERAL("1234")},
                                   {WW_VIEW_LITERAL("p"), ww_view_of(peer, 10)}};
    uint64_t exec;
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("M"), inputs, 3, &exec, NULL));
    flow_run(f);
}

static void sign(ww_buf *snapshot)
{
    static const uint64_t no_key[2] = {0, 0};
    ww_put_le64(snapshot->data + 8,
                ww_siphash13(no_key, ww_view_of(snapshot->data + 16, snapshot->size - 16)));
}

static void use(flow_fixture *f)
{
    flow_run(f);
    f->now += 100;
    flow_run(f);
    ww_bootstrap_check(ww_dataflow_queue(f->flow));
}

static void restore__damaged_or_cut__is_refused(void **state)
{
    flow_fixture *f = *state;
    ww_buf s;
    ww_diag diag;
    ww_buf_init(&s, ww_allocator_libc(), SIZE_MAX);
    make_busy(f);
    assert_ok(ww_dataflow_snapshot(f->flow, &s, NULL));
    for (size_t size = 0; size < s.size; size++) {
        assert_int_equal(flow_restore(f, ww_view_of(s.data, size), &diag), WW_E_INVALID);
        assert_true(diag.text[0]);
    }
    s.data[7]++;
    assert_int_equal(flow_restore(f, ww_buf_view(&s), &diag), WW_E_UNSUPPORTED);
    assert_string_equal(diag.text, "snapshot of version 2, not 1");
    ww_buf_deinit(&s);
}

/* With a checksum that fits, so that every check behind it is met. */
static void restore__any_byte_changed__is_refused_or_harmless(void **state)
{
    flow_fixture *f = *state;
    ww_buf s;
    ww_buf_init(&s, ww_allocator_libc(), SIZE_MAX);
    make_busy(f);
    assert_ok(ww_dataflow_snapshot(f->flow, &s, NULL));
    static const uint8_t changes[] = {0x01, 0x08, 0x80, 0xff};
    for (size_t at = 16; at < s.size; at++) {
        for (size_t i = 0; i < WW_COUNT_OF(changes); i++) {
            s.data[at] ^= changes[i];
            sign(&s);
            ww_diag diag;
            if (!flow_restore(f, ww_buf_view(&s), &diag)) use(f);
            s.data[at] ^= changes[i];
        }
    }
    ww_buf_deinit(&s);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void snapshot__any_allocation_fails__says_so_and_loses_nothing(void **state)
{
    flow_fixture *f = *state;
    make_busy(f);
    for (size_t fail_at = 1;; fail_at++) {
        ww_buf out;
        ww_buf_init(&out, &f->allocator.base, SIZE_MAX);
        f->allocator.count = 0;
        f->allocator.fail_at = fail_at;
        ww_status status = ww_dataflow_snapshot(f->flow, &out, NULL);
        f->allocator.fail_at = 0;
        ww_buf_deinit(&out);
        if (!status) return;
        assert_int_equal(status, WW_E_MEMORY);
    }
}

static void restore__any_allocation_fails__makes_no_engine(void **state)
{
    flow_fixture *f = *state;
    ww_buf s;
    ww_buf_init(&s, ww_allocator_libc(), SIZE_MAX);
    make_busy(f);
    assert_ok(ww_dataflow_snapshot(f->flow, &s, NULL));
    for (size_t fail_at = 1;; fail_at++) {
        size_t live = f->allocator.live_bytes;
        f->allocator.count = 0;
        f->allocator.fail_at = fail_at;
        ww_status status = flow_restore(f, ww_buf_view(&s), NULL);
        f->allocator.fail_at = 0;
        if (!status) break;
        assert_int_equal(status, WW_E_MEMORY);
        assert_int_equal(f->allocator.live_bytes, live);
    }
    use(f);
    ww_buf_deinit(&s);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, flow_setup, flow_teardown)
    const struct CMUnitTest tests[] = {
        CASE(restore__timer_set_before__fires_after_the_time_that_was_left),
        CASE(restore__execution_in_a_called_function__returns_to_its_caller),
        CASE(restore__counters_queues_and_slots__hold_what_they_held),
        CASE(restore__call_of_a_component_that_remembers__is_answered_later),
        CASE(restore__call_of_a_component_made_anew__fails),
        CASE(restore__bootstrap_done__is_not_run_again),
        CASE(restore__bootstrap_under_way__begins_anew_but_only_when_armed),
        CASE(restore__operation_parked_in_front_of_a_bootstrap__runs),
        CASE(snapshot__something_not_taken_in__is_busy),
        CASE(restore__damaged_or_cut__is_refused),
        CASE(restore__any_byte_changed__is_refused_or_harmless),
        CASE(snapshot__any_allocation_fails__says_so_and_loses_nothing),
        CASE(restore__any_allocation_fails__makes_no_engine),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
