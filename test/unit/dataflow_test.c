/* The engine, module by module: what is installed, what runs in which order, and what a bootstrap
 * holds back. */
#include "dataflow/text.h"
#include "support/flow.h"
#include <stdio.h>

static const char add_store[] = "module AddStore\n"
                                "bind data DataSource Loader\n"
                                "bind store Index FlatIndex\n"
                                "body (query: tensor) > (hits)\n"
                                "  v0 = index.Search(query) k=3 @store\n"
                                "  hits = PassThrough(v0)\n"
                                "bootstrap ()\n"
                                "  v0, v1 = data_source.NextBatch() @data\n"
                                "  v2 = index.Add(v0) @store\n"
                                "  AppEmit(v2) name=\"added\"\n";

static const char seeded[] = "module Seeded\n"
                             "body (x) > (y)\n"
                             "  v0 = PassThrough(x)\n"
                             "  y = PassThrough(v0)\n"
                             "bootstrap (seed, weights)\n"
                             "  AppEmit(seed) name=\"boot.seed\"\n"
                             "  Hold.Stash(weights) slot=\"weights\"\n"
                             "  v0 = PassThrough(weights)\n"
                             "  AppEmit(v0) name=\"boot.weights\"\n";

static const char sys_only[] = "module SysOnly\n"
                               "body (x) > (y, z)\n"
                               "  v0, v1 = Tee(x) fanout=2\n"
                               "  y = PassThrough(v0)\n"
                               "  z = PassThrough(v1)\n"
                               "bootstrap ()\n"
                               "  v0 = Pulse()\n"
                               "  v1 = Constant() value=u8\"abc\"\n"
                               "  v2 = Gate(v1, v0)\n"
                               "  AppEmit(v2) name=\"const\"\n"
                               "  IncrMetric(v0) name=\"boots\" delta=5\n"
                               "  AppNotify(v0) name=\"done\"\n";

/* --- bootstraps ------------------------------------------------------------------------------- */

static void
bootstrap__all_synchronous__each_operation_runs_once_when_its_inputs_are_there(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f, add_store, "AddStore", NULL));
    assert_string_equal(flow_run(f), "");
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "done 1.0 x0 [3 4]\n"
                                     "done 1.1 x0 [5]\n"
                                     "fail 1.2 x0 TypeMismatch expected_bytes\n"
                                     "boot started 0\n"
                                     "boot completed 0\n");
    assert_int_equal(f->added, 3);
    assert_ok(flow_arm(f)); /* nothing is left of the install order */
    assert_string_equal(flow_run(f), "");
}

/* As a client of a federation does it: compilers write no trait and no slot for the last operation.
 */
static void bootstrap__announces_a_peer__finds_constants_ports_and_protocol(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbind discovery Protocol Registry\n"
                           "body (x) > (y)\n  v0: tensor = PassThrough(x)\n  y = PassThrough(v0)\n"
                           "bootstrap ()\n  v0: peer_id = Constant() value=u8\"\x12\x04wxyz\"\n"
                           "  v1: address_vec = Constant() value=u8\"\"\n"
                           "  v2 = address_book.InsertMany(v1, v0)"
                           " !input.peer=\"v0\" !input.addresses=\"v1\"\n"
                           "  v3 = protocol.Announce(v0)\n",
                           "M", NULL));
    const uint32_t *touches;
    uint32_t count;
    assert_ok(ww_module_touch_set(f->flow, WW_VIEW_LITERAL("M"), &touches, &count));
    assert_int_equal(count, 1);
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "done 1.0 x0 [3]\n"
                                     "done 1.1 x0 [4]\n"
                                     "done 1.3 x0 [6]\n"
                                     "fail 1.2 x0 TypeMismatch expected_address_vec\n"
                                     "boot started 0\nboot completed 0\n");
    assert_int_equal(f->calls, 1);
}

static void bootstrap__waits_for_a_component__body_on_it_is_held_until_it_ends(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = true;
    assert_ok(flow_install(f, add_store, "AddStore", NULL));
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "wait 1.0 x0 c0\nboot started 0\nwaiting-on-bootstrap\n");
    assert_ok(flow_event(f, "AddStore", "query", "\0\0\0\0"));
    assert_ok(ww_dataflow_event(f->flow, WW_VIEW_LITERAL("AddStore"), WW_VIEW_LITERAL("query"),
                                WW_VIEW_LITERAL("1234"), NULL));
    assert_string_equal(flow_run(f), "waiting-on-bootstrap\n");
    assert_int_equal(ww_dataflow_stats_of(f->flow).held, 2);

    const float batch[] = {4};
    ww_flow_value values[2];
    for (int i = 0; i < 2; i++)
        values[i] =
            ww_flow_value_copy(&f->allocator.base, WW_FLOW_FLOATS, ww_view_of(batch, sizeof batch));
    assert_ok(ww_dataflow_complete(f->flow, 0, values, 2));
    assert_string_equal(flow_run(f), "done 1.0 x0 [3 4]\n"
                                     "done 1.1 x0 [5]\n"
                                     "fail 1.2 x0 TypeMismatch expected_bytes\n"
                                     "boot completed 0\n"
                                     "echo query \"\"\n"
                                     "echo query \"1234\"\n"
                                     "done 0.0 x1 [0]\n"
                                     "done 0.0 x2 [0]\n"
                                     "done 0.1 x1 [1]\n"
                                     "done 0.1 x2 [1]\n"
                                     "emit hits \"\3\"\n"
                                     "emit hits \"\3\"\n");
}

static void bootstrap__component_fails_later__target_completes_with_a_failed_operation(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = true;
    assert_ok(flow_install(f, add_store, "AddStore", NULL));
    assert_ok(flow_arm(f));
    flow_run(f);
    assert_ok(ww_dataflow_fail(f->flow, f->command, WW_VIEW_LITERAL("scripted failure")));
    assert_string_equal(flow_run(f),
                        "fail 1.0 x0 RemoteFailed completion_failed\nboot completed 0\n");
    assert_int_equal(ww_dataflow_fail(f->flow, f->command, WW_VIEW_LITERAL("again")),
                     WW_E_NOT_FOUND);
}

static void bootstrap__component_fails_at_once__consumers_do_not_run(void **state)
{
    flow_fixture *f = *state;
    f->loader_fails = true;
    assert_ok(flow_install(f, add_store, "AddStore", NULL));
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "fail 1.0 x0 ExecutionFailed stateless_invoke\n"
                                     "boot started 0\nboot completed 0\n");
}

static void bootstrap__two_inputs__are_staged_whatever_their_order(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f, seeded, "Seeded", NULL));
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "boot input 0\nwaiting-on-bootstrap\n");
    ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("weights"), WW_VIEW_LITERAL("WWWW")},
                                   {WW_VIEW_LITERAL("seed"), WW_VIEW_LITERAL("SS")}};
    ww_bootstrap_request_item item = {
        .target = WW_VIEW_LITERAL("Seeded"), .inputs = inputs, .input_count = 2};
    assert_ok(ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL));
    assert_int_equal(ww_dataflow_stats_of(f->flow).ingress_bytes, 6);
    assert_string_equal(flow_run(f), "done 1.0 x0\n"
                                     "done 1.1 x0\n"
                                     "done 1.2 x0 [3]\n"
                                     "done 1.3 x0\n"
                                     "boot started 0\n"
                                     "boot completed 0\n"
                                     "emit boot.seed \"SS\"\n"
                                     "emit boot.weights \"WWWW\"\n");
    assert_int_equal(ww_dataflow_stats_of(f->flow).ingress_bytes, 0);
    flow_run(f);
    assert_int_equal(ww_dataflow_stats_of(f->flow).executions, 0);
}

static void bootstrap__parked_request__keeps_the_bytes_it_was_given(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = true;
    assert_ok(flow_install(f,
                           "module M\nbind data DataSource Loader\nbody (x) > (y)\n"
                           "  y = PassThrough(x)\nbootstrap (seed)\n"
                           "  a, b = data_source.NextBatch(seed) @data\n"
                           "  AppEmit(seed) name=\"seed\"\n",
                           "M", NULL));
    char bytes[] = "one";
    ww_bootstrap_input input = {WW_VIEW_LITERAL("seed"), ww_view_of(bytes, 3)};
    ww_bootstrap_request_item item = {
        .target = WW_VIEW_LITERAL("M"), .inputs = &input, .input_count = 1};
    assert_ok(ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL));
    flow_run(f);
    memcpy(bytes, "two", 3);
    assert_ok(ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL));
    memcpy(bytes, "xxx", 3);
    assert_non_null(strstr(flow_run(f), "boot waiting 0\n"));
    assert_int_equal(ww_dataflow_stats_of(f->flow).ingress_bytes, 6);
    assert_ok(ww_dataflow_complete(f->flow, f->command, NULL, 0));
    assert_non_null(strstr(flow_run(f), "emit seed \"two\"\n"));
    assert_ok(ww_dataflow_complete(f->flow, f->command, NULL, 0));
    flow_run(f);
    assert_int_equal(ww_dataflow_stats_of(f->flow).ingress_bytes, 0);
}

static void bootstrap__system_calls_only__constant_is_the_encoded_tensor(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f, sys_only, "SysOnly", NULL));
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "done 1.0 x0 [5]\n"
                                     "done 1.1 x0 [6]\n"
                                     "done 1.4 x0\n"
                                     "done 1.5 x0\n"
                                     "done 1.2 x0 [7]\n"
                                     "done 1.3 x0\n"
                                     "boot started 0\n"
                                     "boot completed 0\n"
                                     "emit done \"\"\n"
                                     "emit const \"\n\1\3\x10\2J\3abc\"\n");
    int64_t boots;
    assert_true(ww_dataflow_metric(f->flow, WW_VIEW_LITERAL("boots"), &boots));
    assert_int_equal(boots, 5);
    assert_ok(flow_event(f, "SysOnly", "x", "XY"));
    assert_string_equal(flow_run(f), "echo x \"XY\"\n"
                                     "done 0.0 x1 [0 1]\n"
                                     "done 0.1 x1 [2]\n"
                                     "done 0.2 x1 [3]\n"
                                     "emit y \"XY\"\n"
                                     "emit z \"XY\"\n");
}

static void bootstrap__of_a_component__locks_its_slot_and_completes_later(void **state)
{
    flow_fixture *f = *state;
    f->store_bootstraps = true;
    assert_ok(
        flow_install(f,
                     "module M\nbind store Index BootIndex\n"
                     "body (query: tensor) > (hits)\n  hits = index.Search(query) k=1 @store\n",
                     "M", NULL));
    ww_bootstrap_request_item item = {.kind = WW_BOOTSTRAP_COMPONENT,
                                      .target = WW_VIEW_LITERAL("store")};
    assert_ok(ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL));
    assert_string_equal(flow_run(f), "boot started 0\nwaiting-on-bootstrap\n");
    assert_ok(flow_event(f, "M", "query", "1234"));
    assert_string_equal(flow_run(f), "waiting-on-bootstrap\n");
    assert_ok(ww_dataflow_complete(f->flow, f->command, NULL, 0));
    assert_string_equal(flow_run(f), "done -1.0 x0\nboot completed 0\necho query \"1234\"\n"
                                     "done 0.0 x1 [0]\nemit hits \"\1\"\n");
}

static void bootstrap__component_asks_for_inputs__order_waits_until_they_are_given(void **state)
{
    flow_fixture *f = *state;
    f->store_inputs = 2;
    assert_ok(flow_install(f,
                           "module M\nbind store Index BootIndex\n"
                           "body (x) > (y)\n  y = PassThrough(x)\n"
                           "bootstrap ()\n  p = Pulse()\n  AppNotify(p) name=\"up\"\n",
                           "M", NULL));
    assert_ok(flow_arm(f)); /* the component stands in front of its module */
    assert_string_equal(flow_run(f), "boot input 0\nwaiting-on-bootstrap\n");
    assert_int_equal(ww_bootstrap_status_of(ww_dataflow_queue(f->flow)).state,
                     WW_BOOTSTRAP_WAITING_FOR_INPUT);
    ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("size"), WW_VIEW_LITERAL("9")},
                                   {WW_VIEW_LITERAL("seed"), WW_VIEW_LITERAL("abc")},
                                   {WW_VIEW_LITERAL("sees"), WW_VIEW_LITERAL("")}};
    ww_bootstrap_request_item item = {.kind = WW_BOOTSTRAP_COMPONENT,
                                      .target = WW_VIEW_LITERAL("store"),
                                      .inputs = inputs,
                                      .input_count = 1};
    ww_bootstrap_fault fault;
    assert_int_equal(ww_dataflow_bootstrap(f->flow, &item, 1, &fault, NULL), WW_E_USAGE);
    assert_int_equal(fault.kind, WW_BOOTSTRAP_MISSING_INPUT);
    assert_view_is(fault.input, "seed");
    item.input_count = 3;
    assert_int_equal(ww_dataflow_bootstrap(f->flow, &item, 1, &fault, NULL), WW_E_USAGE);
    assert_int_equal(fault.kind, WW_BOOTSTRAP_UNKNOWN_INPUT);
    assert_view_is(fault.input, "sees");
    item.input_count = 2;
    assert_ok(ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL));
    assert_string_equal(flow_run(f), "done 1.0 x1 [2]\ndone 1.1 x1\n"
                                     "boot started 0\nboot completed 0\n"
                                     "boot started 1\nboot completed 1\nemit up \"\"\n");
    assert_string_equal(f->got, "abc;9;");
}

static void bootstrap__body_call_outstanding__waits_and_new_calls_are_parked(void **state)
{
    flow_fixture *f = *state;
    f->index_later = true;
    assert_ok(flow_install(f, add_store, "AddStore", NULL));
    assert_ok(flow_event(f, "AddStore", "query", "1234"));
    assert_string_equal(flow_run(f), "echo query \"1234\"\nwait 0.0 x0 c0\n");
    assert_ok(flow_arm(f));
    assert_string_equal(flow_run(f), "boot waiting 0\nwaiting-on-bootstrap\n");
    assert_ok(ww_dataflow_complete(f->flow, 0,
                                   (ww_flow_value[]){ww_flow_value_number(WW_FLOW_U64, 8)}, 1));
    assert_string_equal(flow_run(f), "done 0.0 x0 [0]\n"
                                     "done 0.1 x0 [1]\n"
                                     "done 1.0 x1 [3 4]\n"
                                     "done 1.1 x1 [5]\n"
                                     "fail 1.2 x1 TypeMismatch expected_bytes\n"
                                     "boot started 0\n"
                                     "boot completed 0\n"
                                     "emit hits \"\b\"\n");
}

static void bootstraps__disjoint_ones__overlap_in_time(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = f->store_bootstraps = true;
    assert_ok(flow_install(f,
                           "module A\nbind data DataSource Loader\nbind other Index BootIndex\n"
                           "body (x) > (y)\n  y = PassThrough(x)\n"
                           "bootstrap ()\n  a, b = data_source.NextBatch() @data\n",
                           "A", NULL));
    ww_bootstrap_request_item items[] = {
        {.target = WW_VIEW_LITERAL("A")},
        {.kind = WW_BOOTSTRAP_COMPONENT, .target = WW_VIEW_LITERAL("other")}};
    assert_ok(ww_dataflow_bootstrap(f->flow, items, 2, NULL, NULL));
    assert_string_equal(flow_run(f),
                        "wait 1.0 x0 c1\nboot started 1\nboot started 0\nwaiting-on-bootstrap\n");
    assert_ok(ww_dataflow_complete(f->flow, 0, NULL, 0));
    assert_string_equal(flow_run(f), "done -1.1 x1\nboot completed 0\nwaiting-on-bootstrap\n");
    assert_ok(ww_dataflow_complete(f->flow, 1, NULL, 0));
    assert_string_equal(flow_run(f), "done 1.0 x0 [2]\nboot completed 1\n");
}

static void bootstrap__canceled_while_waiting__fails_and_forgets_the_answer(void **state)
{
    flow_fixture *f = *state;
    f->loader_later = true;
    assert_ok(flow_install(f, add_store, "AddStore", NULL));
    assert_ok(flow_arm(f));
    flow_run(f);
    assert_int_equal(ww_bootstrap_cancel(ww_dataflow_queue(f->flow), 0, 0), 1);
    assert_int_equal(f->abandoned, 0);
    assert_string_equal(flow_run(f), "boot failed 0\n");
    assert_int_equal(f->abandoned, 1); /* the component was told */
    assert_int_equal(ww_dataflow_complete(f->flow, 0, NULL, 0), WW_E_NOT_FOUND);
    assert_int_equal(ww_dataflow_stats_of(f->flow).pending_async, 0);
}

/* --- calls, budget, timers -------------------------------------------------------------------- */

static void call__shared_function__runs_in_an_execution_of_its_own_each_time(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "function Twice (a) > (b)\n  v = PassThrough(a)\n  b = PassThrough(v)\n"
                           "module M\nbody (x) > (y)\n  v = call.Twice(x)\n  y = call.Twice(v)\n",
                           "M", NULL));
    assert_ok(flow_event(f, "M", "x", "q"));
    assert_string_equal(flow_run(f), "echo x \"q\"\n"
                                     "done 0.0 x0\n"
                                     "done 1.0 x1 [3]\n"
                                     "done 1.1 x1 [4]\n"
                                     "done 0.1 x0\n"
                                     "done 1.0 x2 [3]\n"
                                     "done 1.1 x2 [4]\n"
                                     "emit y \"q\"\n");
}

static void poll__over_the_operation_budget__says_so_and_goes_on(void **state)
{
    (void)state;
    static flow_fixture f;
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    limits.cycle_op_budget = 2;
    flow_init_with(&f, &limits);
    assert_ok(flow_install(&f,
                           "module M\nbody (x) > (y)\n  a = PassThrough(x)\n  b = PassThrough(a)\n "
                           " y = PassThrough(b)\n",
                           "M", NULL));
    assert_ok(flow_event(&f, "M", "x", "q"));
    assert_string_equal(flow_run(&f),
                        "echo x \"q\"\ndone 0.0 x0 [0]\ndone 0.1 x0 [1]\nover-budget 2\n"
                        "done 0.2 x0 [2]\nemit y \"q\"\n");
    flow_deinit(&f);
}

static void timers__after_and_interval__fire_when_their_time_has_come(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(
        f,
        "module M\nbody (x)\n  t = After(x) delay_ns=100\n  AppNotify(t) name=\"late\"\n"
        "  i = Interval() period_ns=250\n  AppNotify(i) name=\"tick\"\n",
        "M", NULL));
    assert_ok(flow_event(f, "M", "x", ""));
    assert_string_equal(flow_run(f), "echo x \"\"\nwait 0.0 x0 c0\n");
    assert_int_equal(ww_dataflow_next_time(f->flow), 100);
    f->now = 99;
    assert_string_equal(flow_run(f), "");
    f->now = 100;
    assert_string_equal(flow_run(f), "done 0.0 x0 [0]\ndone 0.1 x0\nemit late \"\"\n");
    f->now = 500;
    assert_string_equal(flow_run(f), "done 0.2 x1 [1]\ndone 0.3 x1\nemit tick \"\"\n");
    assert_int_equal(ww_dataflow_next_time(f->flow), 501);
}

static void lifecycle__phase__fires_what_enrolled_for_it(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(
        f,
        "module M\nbody (x)\n  t = LifecyclePhase() phase=\"start\"\n  AppNotify(t) name=\"up\"\n",
        "M", NULL));
    assert_ok(ww_dataflow_lifecycle(f->flow, WW_VIEW_LITERAL("start")));
    assert_string_equal(flow_run(f),
                        "lifecycle start\ndone 0.0 x0 [0]\ndone 0.1 x0\nemit up \"\"\n");
    assert_ok(ww_dataflow_lifecycle(f->flow, WW_VIEW_LITERAL("stop")));
    assert_string_equal(flow_run(f), "lifecycle stop\n");
}

static void any__first_arrival__fires_once(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f, "module M\nbody (x) > (y)\n  a = PassThrough(x)\n  y = Any(a, x)\n",
                           "M", NULL));
    assert_ok(flow_event(f, "M", "x", "q"));
    assert_string_equal(flow_run(f),
                        "echo x \"q\"\ndone 0.0 x0 [0]\ndone 0.1 x0 [1]\nemit y \"q\"\n");
}

static void tensors__a_small_net__computes(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(
        f,
        "module M\nbody (x: tensor) > (y)\n"
        "  w = onnx.Constant() value=f32[2,2]{1, 2, 3, 4}\n"
        "  b = onnx.Constant() value=f32[1,2]{-30, 0.5}\n"
        "  r = onnx.Reshape(x) shape=[1, 2]\n"
        "  g = onnx.Gemm(r, w, b)\n  a = onnx.Relu(g)\n  y = onnx.ReduceSum(a) keepdims=0\n",
        "M", NULL));
    const float x[] = {1, 10};
    uint64_t exec;
    ww_bootstrap_input input = {WW_VIEW_LITERAL("x"), ww_view_of(x, sizeof x)};
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("M"), &input, 1, &exec, NULL));
    const char *log = flow_run(f);
    assert_non_null(strstr(log, "done 0.5 x0 [5]"));
    const ww_flow_value *y = ww_dataflow_slot_at(f->flow, 5, exec);
    assert_non_null(y);
    const void *tensor = y->data;
    assert_true(((const ww_flow_tensor *)tensor)->data[0] ==
                1.0f + 42.5f); /* relu(31 - 30) + 42 + 0.5 */
}

static void tensors__a_backend_in_a_slot__does_what_it_offers_and_the_engine_the_rest(void **state)
{
    flow_fixture *f = *state;
    assert_ok(
        flow_install(f,
                     "module M\nbind fast Backend Accelerator\n"
                     "body (x: tensor) > (y)\n"
                     "  a = onnx.Warp(x) n=3 r=0.5 mode=\"soft\" sizes=[7, 8] t=f32[2]{1, 2}\n"
                     "  b = onnx.Abs(a)\n"
                     "  y = onnx.Relu(b) @fast\n"
                     "bootstrap ()\n  c = onnx.Constant() value=f32[1]{1}\n",
                     "M", NULL));
    const uint32_t *touches;
    uint32_t count;
    assert_ok(ww_module_touch_set(f->flow, WW_VIEW_LITERAL("M"), &touches, &count));
    assert_int_equal(count, 1);
    const float x[] = {-2};
    uint64_t exec;
    ww_bootstrap_input input = {WW_VIEW_LITERAL("x"), ww_view_of(x, sizeof x)};
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("M"), &input, 1, &exec, NULL));
    assert_non_null(strstr(flow_run(f), "done 0.2 x0 [2]"));
    assert_string_equal(f->got, "Warp n=3 r=0.5 mode=soft sizes=7..2 t=2..2;Relu;");
    const ww_flow_value *y = ww_dataflow_slot_at(f->flow, 2, exec);
    assert_non_null(y);
    const void *tensor = y->data;
    assert_true(((const ww_flow_tensor *)tensor)->data[0] == 2.0f); /* Abs was the engine's */
}

static void tensors__in_a_graph_of_an_attribute__are_the_engines(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbind fast Backend Accelerator\n"
                           "graph Bend () > (v)\n  v = onnx.Relu(x) @fast\n"
                           "body (x: tensor) > (y)\n"
                           "  y = onnx.If(x) then_branch=graph.Bend else_branch=graph.Bend @fast\n"
                           "bootstrap ()\n  c = onnx.Constant() value=f32[1]{1}\n",
                           "M", NULL));
    const float x[] = {-2};
    uint64_t exec;
    ww_bootstrap_input input = {WW_VIEW_LITERAL("x"), ww_view_of(x, sizeof x)};
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("M"), &input, 1, &exec, NULL));
    assert_non_null(strstr(flow_run(f), "done 0.0 x0 [0]"));
    assert_string_equal(f->got, "");
}

/* --- refusals --------------------------------------------------------------------------------- */

static void install__faulty_modules__are_refused_with_place_and_cause(void **state)
{
    flow_fixture *f = *state;
    static const struct {
        const char *text, *targets, *says;
    } cases[] = {
        {"module M\nbind s Index FlatIndex\nbody (x) > (y)\n"
         "  y = index.Search(x) @s !slot_id=\"4294967296\"\n",
         "M", "no slot has the id \"4294967296\""},
        {"module M\nbind fast Backend Accelerator\nbody (x) > (y)\n  y = onnx.Bend(x) @fast\n", "M",
         "nothing offers this operation"},
        {"module M\nbind fast Backend Accelerator\n"
         "body (x) > (y)\n  y = onnx.Warp(x) t=u8\"abc\"\n",
         "M", "attribute \"t\" of Warp is none that a backend can be given"},
        {"module M\nbody (x) > (y)\n  y = NoSuchOp(x)\n", "M", "nothing offers this operation"},
        {"module M\nbody (x) > (y)\n  y = PassThrough(z)\n", "M", "nothing writes the value \"z\""},
        {"module M\nbody (x) > (y)\n  x = PassThrough(x)\n", "M", "is written twice"},
        {"module M\nbody (x) > (y)\n  y = call.Gone(x)\n", "M",
         "call of \"Gone\", which is not in the artifact"},
        {"function F (a) > (b)\n  b = call.G(a)\nfunction G (a) > (b)\n  b = call.F(a)\n"
         "module M\nbody (x) > (y)\n  y = call.F(x)\n",
         "M", "calls itself by way of \"G\""},
        {"module M\nbind s Index Missing\nbody (x) > (y)\n  y = index.Search(x) @s\n", "M",
         "UnregisteredConcrete"},
        {"module M\nbind s Index Missing\nbody (x) > (y)\n  z = index.Search(x) @s\n"
         "  y = call.Gone(z)\n",
         "M", "call of \"Gone\""}, /* what is wrong for everybody comes first */
        {"module M\nbind s Index FlatIndex\nbody (x) > (y)\n  y = index.Remove(x) @s\n", "M",
         "nothing offers this operation"},
        {"module M\nbind s Index Loader\nbody (x) > (y)\n  y = index.Search(x) @s\n", "M",
         "has another role"},
        {"module M\nbind s Index FlatIndex\nbody (x) > (y)\n  y = index.Search(x) @s\n"
         "module N\nbind s DataSource Loader\nbody (x) > (y)\n  y = PassThrough(x)\n",
         "M N", "SlotBindingConflict"},
        {"module M\nbody (x) > (y)\n  y = PassThrough(x)\n", "M M", "is given twice"},
        {"module M\nbody (x) > (y)\n  y = PassThrough(x)\n", "N",
         "UnknownTarget: \"N\"; available: \"M#"},
        {"module M\nbody (x) > (y)\n  y = PassThrough(x)\n", "", "EmptyTargets"},
        {"module M\nbind s Index Missing\nbody (x) > (y)\n  y = PassThrough(x)\n"
         "module N\nbind s DataSource Loader\nbody (x) > (y)\n  y = PassThrough(x)\n",
         "M N", "SlotBindingConflict"}, /* before a component is looked for */
        {"module M\nbind s Index FlatIndex\nbody (x) > (y)\n"
         "  y = index.Search(x) @s !dep.DataSource=\"gone\"\n",
         "M", "Search depends on slot \"gone\", which nothing binds"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_diag diag = {0};
        assert_true(flow_install(f, cases[i].text, cases[i].targets, &diag));
        if (!strstr(diag.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", diag.text, cases[i].says);
        assert_int_equal(ww_dataflow_stats_of(f->flow).graphs, 0);
        assert_int_equal(ww_dataflow_stats_of(f->flow).components, 0);
    }
    assert_ok(flow_install(f, seeded, "Seeded", NULL));
    assert_int_equal(flow_install(f, seeded, "Seeded", NULL), WW_E_EXISTS);
}

/* Without components, and without knowing what they offer. */
static void inspect__faulty_artifacts__says_what_an_install_says(void **state)
{
    flow_fixture *f = *state;
    static const char *const cases[] = {
        "module M\nbody (x) > (y)\n  y = PassThrough(z)\n",
        "module M\nbody (x) > (y)\n  z = PassThrough(x)\n",
        "module M\nbody (x) > (y)\n  x = PassThrough(x)\n",
        "module M\nbody (x) > (y)\n  y = call.Gone(x)\n",
        "function F (a) > (b)\n  b = call.F(a)\nmodule M\nbody (x) > (y)\n  y = call.F(x)\n",
        "module M\nbody (x) > (y)\n  y = After(x)\nbootstrap ()\n  y = PassThrough(z)\n",
        "module M\nbody (x) > (y)\n  y = onnx.Constant()\n",
        "module M\nbody (x) > (y)\n  y = onnx.If(x)\n",
        "module M\nbind s Index FlatIndex\nbody (x) > (y)\n"
        "  y = index.Search(x) @s !slot_id=\"4294967296\"\n",
        "module M\nbind s Index FlatIndex\nbody (x) > (y)\n"
        "  y = index.Search(x) @s !dep.Index=\"gone\"\n",
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_diag refused = {0}, inspected = {0};
        ww_buf artifact, json;
        ww_buf_init(&artifact, test_heap(), SIZE_MAX);
        ww_buf_init(&json, test_heap(), SIZE_MAX);
        assert_true(flow_install(f, cases[i], "M", &refused));
        ww_status status = ww_dataflow_compile(test_heap(), ww_view_str(cases[i]), &artifact, NULL);
        if (!status)
            status = ww_dataflow_inspect(test_heap(), ww_buf_view(&artifact), &json, &inspected);
        ww_buf_deinit(&json);
        ww_buf_deinit(&artifact);
        assert_true(status);
        assert_string_equal(inspected.text, refused.text);
    }
}

static void deliver__unknown_names_and_large_inputs__are_refused(void **state)
{
    flow_fixture *f = *state;
    uint64_t exec;
    assert_ok(flow_install(f, seeded, "Seeded", NULL));
    assert_int_equal(flow_event(f, "Nobody", "x", ""), WW_E_NOT_FOUND);
    assert_int_equal(flow_event(f, "Seeded", "nope", ""), WW_E_NOT_FOUND);
    static uint8_t large[(1 << 20) + 1];
    assert_int_equal(ww_dataflow_event(f->flow, WW_VIEW_LITERAL("Seeded"), WW_VIEW_LITERAL("x"),
                                       ww_view_of(large, sizeof large), NULL),
                     WW_E_LIMIT);
    ww_bootstrap_input twice[] = {{WW_VIEW_LITERAL("x"), {0}}, {WW_VIEW_LITERAL("x"), {0}}};
    assert_int_equal(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("Seeded"), twice, 2, &exec, NULL),
                     WW_E_EXISTS);
    assert_string_equal(flow_run(f), "");
}

static void deliver__as_much_as_the_limits_allow__and_no_more(void **state)
{
    (void)state;
    static flow_fixture f;
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    limits.invoke_inputs_max = 2;
    limits.invoke_bytes_max = 4;
    limits.completion_bytes_max = 8;
    flow_init_with(&f, &limits);
    f.loader_later = true;
    assert_ok(flow_install(&f,
                           "module M\nbind data DataSource Loader\nbody (x, y) > (z)\n"
                           "  z, b = data_source.NextBatch(x) @data\n",
                           "M", NULL));
    const ww_view module = WW_VIEW_LITERAL("M");
    const ww_bootstrap_input three[] = {{WW_VIEW_LITERAL("x"), WW_VIEW_LITERAL("12")},
                                        {WW_VIEW_LITERAL("y"), WW_VIEW_LITERAL("345")},
                                        {WW_VIEW_LITERAL("y"), {0}}};
    const ww_bootstrap_input large = {WW_VIEW_LITERAL("x"), WW_VIEW_LITERAL("12345")},
                             fits = {WW_VIEW_LITERAL("x"), WW_VIEW_LITERAL("1234")};
    uint64_t exec;
    assert_int_equal(ww_dataflow_invoke(f.flow, module, three, 3, &exec, NULL), WW_E_LIMIT);
    assert_int_equal(ww_dataflow_invoke(f.flow, module, three, 2, &exec, NULL), WW_E_LIMIT);
    assert_int_equal(ww_dataflow_invoke(f.flow, module, &large, 1, &exec, NULL), WW_E_LIMIT);
    assert_ok(ww_dataflow_invoke(f.flow, module, &fits, 1, &exec, NULL));
    flow_run(&f);
    const ww_view bytes[] = {WW_VIEW_LITERAL("123456789"), WW_VIEW_LITERAL("12345678")};
    for (int i = 0; i < 2; i++) {
        ww_flow_value value = ww_flow_value_copy(&f.allocator.base, WW_FLOW_BYTES, bytes[i]);
        assert_int_equal(ww_dataflow_complete(f.flow, f.command, &value, 1),
                         i ? WW_OK : WW_E_LIMIT);
    }
    assert_non_null(strstr(flow_run(&f), "emit z \"12345678\""));
    flow_deinit(&f);
}

static void install__two_targets_sharing_a_slot__make_one_component(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(
        f,
        "module B\nbind store Index FlatIndex\nbody (x: tensor) > (y)\n  y = index.Search(x) "
        "@store\n"
        "bootstrap ()\n  p = Pulse()\n"
        "module A\nbind store Index FlatIndex\nbody (x: tensor) > (y)\n  y = index.Search(x) "
        "@store\n"
        "bootstrap ()\n  c = onnx.Constant() value=f32[1]{1}\n  a = index.Add(c) @store\n",
        "A B", NULL));
    assert_int_equal(ww_dataflow_stats_of(f->flow).components, 1);
    const uint32_t *touches;
    uint32_t count;
    assert_ok(ww_module_touch_set(f->flow, WW_VIEW_LITERAL("A"), &touches, &count));
    assert_int_equal(count, 1);
    assert_ok(ww_module_touch_set(f->flow, WW_VIEW_LITERAL("B"), &touches, &count));
    assert_int_equal(count, 0);
    ww_bootstrap *queue = ww_dataflow_queue(f->flow);
    const uint32_t *order;
    assert_int_equal(ww_bootstrap_install_order(queue, &order), 2); /* as the host named them */
    assert_view_is(ww_bootstrap_target_at(queue, order[0]).name, "A__bootstrap");
}

/* --- steady state and failing memory ---------------------------------------------------------- */

static void poll__steady_state__allocates_nothing(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f, sys_only, "SysOnly", NULL));
    for (int i = 0; i < 3; i++) {
        assert_ok(flow_event(f, "SysOnly", "x", "XY"));
        assert_ok(flow_bootstrap(f, "SysOnly"));
        flow_run(f);
    }
    size_t before = f->allocator.count;
    for (int i = 0; i < 10; i++) {
        assert_ok(flow_event(f, "SysOnly", "x", "XY"));
        assert_ok(flow_bootstrap(f, "SysOnly"));
        flow_run(f);
    }
    assert_int_equal(f->allocator.count, before);
}

static void engine__any_allocation_fails__loses_no_memory_and_never_hangs(void **state)
{
    (void)state;
    for (size_t fail_at = 4; fail_at < 400; fail_at++) {
        flow_fixture f;
        flow_init(&f);
        f.allocator.count = 0;
        f.allocator.fail_at = fail_at;
        ww_status status = flow_install(&f, add_store, "AddStore", NULL);
        if (!status) status = flow_arm(&f);
        if (!status) flow_run(&f);
        if (!status) status = flow_event(&f, "AddStore", "query", "1234");
        for (int i = 0; !status && i < 3; i++)
            flow_run(&f);
        bool reached = f.allocator.count >= fail_at;
        flow_deinit(&f);
        if (!reached) return;
    }
    fail_msg("the script allocates without end");
}

/* What is told of an event and an execution when the `fail_at`-th allocation of their polls fails. */
static bool tell_without_memory(size_t fail_at, char *told, size_t size)
{
    flow_fixture f;
    uint64_t exec;
    const ww_bootstrap_input x = {WW_VIEW_LITERAL("x"), WW_VIEW_LITERAL("XY")};
    flow_init(&f);
    f.now = UINT64_C(0x4141414141414141); /* text on the wire */
    assert_ok(flow_install(&f, "module M\nbody (x) > (y, t)\n  y = PassThrough(x)\n  t = Clock()\n",
                           "M", NULL));
    assert_ok(flow_event(&f, "M", "x", "XY"));
    assert_ok(ww_dataflow_invoke(f.flow, WW_VIEW_LITERAL("M"), &x, 1, &exec, NULL));
    f.allocator.count = 0;
    f.allocator.fail_at = fail_at;
    snprintf(told, size, "%s", flow_run(&f));
    bool has_failed = fail_at && f.allocator.count >= fail_at;
    flow_deinit(&f);
    return has_failed;
}

static void poll__no_memory_to_show_bytes__tells_all_later_in_the_same_order(void **state)
{
    (void)state;
    char whole[256], told[256];
    tell_without_memory(0, whole, sizeof whole);
    assert_non_null(strstr(whole, "echo x \"XY\"\n"));
    assert_non_null(strstr(whole, "emit y \"XY\"\nemit y \"XY\"\nemit t \"AAAAAAAA\"\n"));
    size_t fail_at = 1;
    while (tell_without_memory(fail_at, told, sizeof told)) {
        assert_string_equal(told, whole);
        fail_at++;
    }
    assert_true(fail_at > 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, flow_setup, flow_teardown)
    const struct CMUnitTest tests[] = {
        CASE(bootstrap__all_synchronous__each_operation_runs_once_when_its_inputs_are_there),
        CASE(bootstrap__announces_a_peer__finds_constants_ports_and_protocol),
        CASE(bootstrap__waits_for_a_component__body_on_it_is_held_until_it_ends),
        CASE(bootstrap__component_fails_later__target_completes_with_a_failed_operation),
        CASE(bootstrap__component_fails_at_once__consumers_do_not_run),
        CASE(bootstrap__two_inputs__are_staged_whatever_their_order),
        CASE(bootstrap__parked_request__keeps_the_bytes_it_was_given),
        CASE(bootstrap__system_calls_only__constant_is_the_encoded_tensor),
        CASE(bootstrap__of_a_component__locks_its_slot_and_completes_later),
        CASE(bootstrap__component_asks_for_inputs__order_waits_until_they_are_given),
        CASE(bootstrap__body_call_outstanding__waits_and_new_calls_are_parked),
        CASE(bootstraps__disjoint_ones__overlap_in_time),
        CASE(bootstrap__canceled_while_waiting__fails_and_forgets_the_answer),
        CASE(call__shared_function__runs_in_an_execution_of_its_own_each_time),
        cmocka_unit_test_teardown(poll__over_the_operation_budget__says_so_and_goes_on,
                                  flow_teardown),
        CASE(timers__after_and_interval__fire_when_their_time_has_come),
        CASE(lifecycle__phase__fires_what_enrolled_for_it),
        CASE(any__first_arrival__fires_once),
        CASE(tensors__a_small_net__computes),
        CASE(tensors__a_backend_in_a_slot__does_what_it_offers_and_the_engine_the_rest),
        CASE(tensors__in_a_graph_of_an_attribute__are_the_engines),
        CASE(install__faulty_modules__are_refused_with_place_and_cause),
        CASE(inspect__faulty_artifacts__says_what_an_install_says),
        CASE(deliver__unknown_names_and_large_inputs__are_refused),
        CASE(deliver__as_much_as_the_limits_allow__and_no_more),
        CASE(install__two_targets_sharing_a_slot__make_one_component),
        CASE(poll__steady_state__allocates_nothing),
        cmocka_unit_test_teardown(poll__no_memory_to_show_bytes__tells_all_later_in_the_same_order,
                                  flow_teardown),
        cmocka_unit_test_teardown(engine__any_allocation_fails__loses_no_memory_and_never_hangs,
                                  flow_teardown),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
