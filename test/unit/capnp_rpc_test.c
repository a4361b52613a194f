/* Two vats and a link: the cases of doc/compat/capnp.md by their numbers. */
#include "support/capnp_world.h"

static void t01__parallel_calls_one_unimplemented__only_that_one_fails(void **state)
{
    (void)state;
    world w;
    waiter first, middle, last;
    world_init(&w);
    ww_capnp_call *call = ww_capnp_call_new(w.root, 0xdeadbeefdeadbeef, 3);
    ww_capnp_call_drop(call_ping(w.root, 1, &first));
    waiter_init(&middle);
    assert_ok(ww_capnp_call_send(call, &middle.done));
    ww_capnp_call_drop(call);
    ww_capnp_call_drop(call_ping(w.root, 2, &last));
    assert_int_equal(first.count, 0); /* never from inside send */
    link_pump(&w.l);
    assert_result(first, 1);
    assert_failed(middle, WW_CAPNP_UNIMPLEMENTED);
    assert_result(last, 2);
    world_deinit(&w);
}

static void t02__pipelined_calls_promise_dropped_at_once__complete_without_waiting(void **state)
{
    (void)state;
    world w;
    waiter one, two;
    world_init(&w);
    uint32_t before = w.l.a.sent[RPC_MESSAGE_IS_CALL];
    ww_capnp_call *make = call_make(w.root, NULL);
    ww_capnp_cap *made = result_cap(make);
    ww_capnp_call_drop(call_order(made, 0, &one));
    ww_capnp_call_drop(call_order(made, 1, &two));
    ww_capnp_call_drop(make);
    ww_capnp_cap_unref(made);
    w.l.b.is_blocked = true; /* nothing comes back, and still all three are there */
    link_pump(&w.l);
    assert_int_equal(w.l.a.sent[RPC_MESSAGE_IS_CALL] - before, 3);
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    assert_result(one, 0);
    assert_result(two, 1);
    assert_int_equal(w.live, 1);
    world_deinit(&w);
}

static void t04__pipeline_set_early_never_returned__pipelined_calls_complete(void **state)
{
    (void)state;
    world w;
    waiter outer, one;
    world_init(&w);
    ww_capnp_call *early = call_early(w.root, &outer);
    ww_capnp_cap *cap = result_cap(early);
    ww_capnp_call_drop(call_order(cap, 0, &one));
    link_pump(&w.l);
    assert_result(one, 0);
    assert_int_equal(outer.count, 0);
    ww_capnp_call_cancel(early);
    link_pump(&w.l);
    assert_int_equal(outer.count, 1);
    assert_int_equal(w.f->canceled, 1);
    ww_capnp_cap_unref(cap);
    ww_capnp_call_drop(early);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t05__two_references__object_lives_until_both_are_dropped(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_call *make = call_make(w.root, NULL);
    ww_capnp_cap *one = result_cap(make), *two = result_cap(make);
    assert_ptr_equal(one, two);
    link_pump(&w.l);
    ww_capnp_cap_unref(one);
    link_pump(&w.l);
    assert_int_equal(w.live, 2);
    ww_capnp_cap_unref(two);
    link_pump(&w.l);
    assert_int_equal(w.live, 2); /* the call holds its results */
    ww_capnp_call_drop(make);
    link_pump(&w.l);
    assert_int_equal(w.live, 1);
    world_deinit(&w);
}

static void t06__cancel_crosses_a_return_with_a_capability__object_is_freed(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_call *make = call_make(w.root, NULL);
    w.l.b.is_blocked = true;
    link_pump(&w.l);
    assert_int_equal(w.live, 2);
    ww_capnp_call_drop(make);
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    assert_int_equal(w.live, 1);
    world_deinit(&w);
}

static void t07__cancel_before_delivery__is_canceled_and_params_are_freed(void **state)
{
    (void)state;
    world w;
    waiter never;
    world_init(&w);
    factory *f;
    ww_capnp_cap *cap = world_mine(&w, &f);
    ww_capnp_call *call = call_never(w.root, cap, &never);
    ww_capnp_call_cancel(call);
    ww_capnp_call_drop(call);
    link_pump(&w.l);
    assert_failed(never, WW_CAPNP_FAILED);
    assert_int_equal(cap->refs, 1);
    assert_int_equal(w.f->canceled, 0); /* it never came there */
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void t10__cancel_of_a_running_call__frees_its_params(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_cap *cap = world_mine(&w, NULL);
    ww_capnp_call *call = call_never(w.root, cap, NULL);
    link_pump(&w.l);
    assert_true(cap->refs > 1);
    ww_capnp_call_drop(call); /* nobody waits any more */
    link_pump(&w.l);
    assert_int_equal(w.f->canceled, 1);
    assert_int_equal(cap->refs, 1);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

/* a calls b's tail, which calls a's object: pipelined calls come in order. */
static void t08__tail_call_to_the_callers_object__answers_from_there(void **state)
{
    (void)state;
    world w;
    waiter outer;
    world_init(&w);
    factory *f;
    ww_capnp_cap *cap = world_mine(&w, &f);
    ww_capnp_call_drop(call_tail(w.root, cap, 0, &outer));
    link_pump(&w.l);
    assert_result(outer, 0);
    assert_int_equal(f->count, 1);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void t11__promise_used_then_resolved__both_calls_arrive_in_order(void **state)
{
    (void)state;
    world w;
    waiter one, two, three;
    world_init(&w);
    ww_capnp_call *call = call_promise(w.root, NULL);
    ww_capnp_cap *promise = result_cap(call);
    ww_capnp_call_drop(call_order(promise, 0, &one));
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(promise, 1, &two));
    link_pump(&w.l);
    assert_int_equal(one.count + two.count, 0);
    ww_capnp_call_drop(call_settle(w.root, 0, NULL, &three));
    link_pump(&w.l);
    assert_result(one, 0);
    assert_result(two, 1);
    ww_capnp_call_drop(call_order(promise, 2, &three));
    link_pump(&w.l);
    assert_result(three, 2);
    ww_capnp_cap_unref(promise);
    ww_capnp_call_drop(call);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t11__promise_resolved_to_the_callers_object__calls_keep_their_order(void **state)
{
    (void)state;
    world w;
    waiter order[4], settled;
    world_init(&w);
    factory *f;
    ww_capnp_cap *cap = world_mine(&w, &f);
    ww_capnp_call *call = call_promise(w.root, NULL);
    ww_capnp_cap *promise = result_cap(call);
    ww_capnp_call_drop(call_order(promise, 0, &order[0]));
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(promise, 1, &order[1]));
    ww_capnp_call_drop(call_settle(w.root, 1, cap, &settled));
    ww_capnp_call_drop(call_order(promise, 2, &order[2]));
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(promise, 3, &order[3]));
    link_pump(&w.l);
    for (uint32_t i = 0; i < 4; i++)
        assert_result(order[i], i);
    assert_ptr_equal(ww_capnp_cap_server(promise), &f->server);
    ww_capnp_cap_unref(promise);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(cap);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t11__promise_resolved_before_its_answer_arrives__calls_keep_their_order(void **state)
{
    (void)state;
    world w;
    waiter order[2], settled;
    world_init(&w);
    ww_capnp_cap *cap = world_mine(&w, NULL);
    ww_capnp_call *call = call_promise(w.root, NULL);
    ww_capnp_cap *promise = result_cap(call);
    ww_capnp_call_drop(call_order(promise, 0, &order[0]));
    ww_capnp_call_drop(call_settle(w.root, 1, cap, &settled));
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(promise, 1, &order[1]));
    link_pump(&w.l);
    assert_string_equal(w.l.b.over, "");
    for (uint32_t i = 0; i < 2; i++)
        assert_result(order[i], i);
    ww_capnp_cap_unref(promise);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(cap);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t12__object_held_and_asked_back__calls_send_nothing(void **state)
{
    (void)state;
    world w;
    waiter done, direct;
    world_init(&w);
    factory *f;
    ww_capnp_cap *cap = world_mine(&w, &f);
    ww_capnp_call_drop(call_hold(w.root, cap, &done));
    link_pump(&w.l);
    ww_capnp_call *call = call_held(w.root, &done);
    link_pump(&w.l);
    ww_capnp_cap *back = result_cap(call);
    assert_ptr_equal(ww_capnp_cap_server(back), &f->server);
    uint32_t before = link_sent(&w.l.a) + link_sent(&w.l.b);
    ww_capnp_call_drop(call_order(back, 0, &direct));
    while (ww_capnp_vat_run(w.l.a.vat, 10))
        continue;
    assert_result(direct, 0);
    link_pump(&w.l);
    assert_int_equal(link_sent(&w.l.a) + link_sent(&w.l.b), before);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(call);
    ww_capnp_call_drop(call_hold(w.root, NULL, &done));
    link_pump(&w.l);
    assert_int_equal(cap->refs, 1);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void t13__same_object_passed_again__has_one_number(void **state)
{
    (void)state;
    world w;
    waiter a, b;
    world_init(&w);
    ww_capnp_cap *cap = world_mine(&w, NULL);
    ww_capnp_call *one = call_never(w.root, cap, NULL), *two = call_never(w.root, cap, NULL);
    link_pump(&w.l);
    assert_int_equal(ww_capnp_conn_count(w.l.a.conn).exports, 1);
    assert_int_equal(ww_capnp_conn_count(w.l.b.conn).imports, 1);
    ww_capnp_call_drop(one);
    ww_capnp_call_drop(two);
    ww_capnp_call_drop(call_swap(w.root, cap, &a));
    ww_capnp_call_drop(call_swap(w.root, cap, &b));
    link_pump(&w.l);
    assert_int_equal(ww_capnp_conn_count(w.l.a.conn).exports, 0);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void
t14__own_object_echoed__calls_keep_their_order_with_one_disembargo_each_way(void **state)
{
    (void)state;
    world w;
    waiter order[6];
    world_init(&w);
    factory *f;
    ww_capnp_cap *cap = world_mine(&w, &f);
    ww_capnp_call *swap = call_swap(w.root, cap, NULL);
    ww_capnp_cap *back = result_cap(swap);
    for (uint32_t i = 0; i < 3; i++)
        ww_capnp_call_drop(call_order(back, i, &order[i]));
    w.l.b.is_blocked = true;
    link_pump(&w.l);
    w.l.b.is_blocked = false;
    /* one delivery of what b sends: the Return, and the three calls that it sends back */
    ww_capnp_iov iov[16];
    size_t count = ww_capnp_conn_output(w.l.b.conn, iov, 16);
    assert_true(count > 0);
    assert_int_equal(ww_capnp_conn_feed(w.l.a.conn, ww_view_of(iov[0].data, iov[0].size), NULL),
                     WW_AGAIN);
    ww_capnp_conn_sent(w.l.b.conn, iov[0].size);
    assert_null(ww_capnp_cap_server(back)); /* T26: not ours to call directly yet */
    for (uint32_t i = 3; i < 6; i++)
        ww_capnp_call_drop(call_order(back, i, &order[i]));
    link_pump(&w.l);
    for (uint32_t i = 0; i < 6; i++)
        assert_result(order[i], i);
    assert_int_equal(w.l.a.sent[RPC_MESSAGE_IS_DISEMBARGO], 1);
    assert_int_equal(w.l.b.sent[RPC_MESSAGE_IS_DISEMBARGO], 1);
    assert_ptr_equal(ww_capnp_cap_server(back), &f->server); /* T28 */
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(cap);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t15__own_promise_echoed_and_broken__all_calls_fail_and_the_link_lives(void **state)
{
    (void)state;
    world w;
    waiter order[6];
    world_init(&w);
    ww_capnp_cap *promise = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call *swap = call_swap(w.root, promise, NULL);
    ww_capnp_cap *back = result_cap(swap);
    for (uint32_t i = 0; i < 3; i++)
        ww_capnp_call_drop(call_order(back, i, &order[i]));
    link_pump(&w.l);
    for (uint32_t i = 3; i < 6; i++)
        ww_capnp_call_drop(call_order(back, i, &order[i]));
    link_pump(&w.l);
    ww_capnp_promise_break(promise, WW_CAPNP_FAILED, "never mind");
    link_pump(&w.l);
    for (uint32_t i = 0; i < 6; i++)
        assert_failed(order[i], WW_CAPNP_FAILED);
    ww_capnp_cap_unref(back);
    ww_capnp_cap_unref(promise);
    ww_capnp_call_drop(swap);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t16__pipelined_field_is_null__calls_fail_without_disembargo(void **state)
{
    (void)state;
    world w;
    waiter order;
    world_init(&w);
    ww_capnp_call *swap = call_swap(w.root, NULL, NULL);
    ww_capnp_cap *back = result_cap(swap);
    ww_capnp_call_drop(call_order(back, 0, &order));
    link_pump(&w.l);
    assert_failed(order, WW_CAPNP_FAILED);
    assert_int_equal(w.l.a.sent[RPC_MESSAGE_IS_DISEMBARGO], 0);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    world_deinit(&w);
}

static void t17__server_calls_a_promise_that_is_broken__its_call_fails(void **state)
{
    (void)state;
    world w;
    waiter outer;
    world_init(&w);
    ww_capnp_cap *promise = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call_drop(call_tail(w.root, promise, 0, &outer));
    link_pump(&w.l);
    assert_int_equal(outer.count, 0);
    ww_capnp_promise_break(promise, WW_CAPNP_OVERLOADED, "too much");
    link_pump(&w.l);
    assert_failed(outer, WW_CAPNP_OVERLOADED);
    assert_string_equal(outer.reason, "too much");
    ww_capnp_cap_unref(promise);
    world_deinit(&w);
}

static void t20__bootstrap_of_oneself__works(void **state)
{
    (void)state;
    two_vats l;
    waiter done;
    link_init(&l, NULL);
    ww_capnp_cap *cap;
    factory_new(l.a.vat, NULL, &cap);
    link_connect(&l, cap, cap == NULL ? cap : NULL);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(l.b.conn);
    ww_capnp_call_drop(call_ping(root, 5, &done));
    link_pump(&l);
    assert_result(done, 5);
    ww_capnp_cap_unref(root);
    ww_capnp_cap_unref(cap);
    link_deinit(&l);
}

static void t21__exceptions_of_all_kinds__keep_kind_and_text(void **state)
{
    (void)state;
    world w;
    waiter done;
    world_init(&w);
    for (uint16_t type = 0; type < 4; type++) {
        ww_capnp_call_drop(call_fail(w.root, type, "a reason", &done));
        link_pump(&w.l);
        assert_failed(done, type);
        assert_string_equal(done.reason, "a reason");
    }
    world_deinit(&w);
}

static void t22__disconnect__fails_pending_and_later_calls_with_the_reason(void **state)
{
    (void)state;
    world w;
    waiter pending, after;
    world_init(&w);
    ww_capnp_call_drop(call_never(w.root, NULL, &pending));
    link_pump(&w.l);
    ww_capnp_conn_lost(w.l.a.conn, "the cable was cut");
    link_pump(&w.l);
    assert_failed(pending, WW_CAPNP_DISCONNECTED);
    assert_string_equal(pending.reason, "the cable was cut");
    ww_capnp_call_drop(call_ping(w.root, 1, &after));
    link_pump(&w.l);
    assert_failed(after, WW_CAPNP_DISCONNECTED);
    assert_string_equal(after.reason, "the cable was cut");
    ww_capnp_cap_unref(w.root);
    link_deinit(&w.l);
    assert_int_equal(w.live, 0);
}

static void t24__promises_exported_twice__share_a_number(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_cap *one = ww_capnp_promise_new(w.l.a.vat), *two = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call *calls[] = {call_never(w.root, one, NULL), call_never(w.root, one, NULL),
                              call_never(w.root, two, NULL)};
    link_pump(&w.l);
    assert_int_equal(ww_capnp_conn_count(w.l.a.conn).exports, 2);
    for (int i = 0; i < 3; i++)
        ww_capnp_call_drop(calls[i]);
    ww_capnp_promise_resolve(one, NULL);
    ww_capnp_promise_resolve(two, NULL);
    ww_capnp_cap_unref(one);
    ww_capnp_cap_unref(two);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t35__last_reference_dropped_during_a_call__object_lives_until_its_end(void **state)
{
    (void)state;
    world w;
    waiter done;
    world_init(&w);
    ww_capnp_call *make = call_make(w.root, NULL);
    ww_capnp_cap *made = result_cap(make);
    ww_capnp_call *call = call_never(made, NULL, &done);
    link_pump(&w.l);
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(make);
    link_pump(&w.l);
    assert_int_equal(w.live, 2);
    ww_capnp_call_cancel(call);
    ww_capnp_call_drop(call);
    link_pump(&w.l);
    assert_int_equal(w.live, 1);
    world_deinit(&w);
}

static void t42__promises_in_a_circle__break(void **state)
{
    (void)state;
    world w;
    waiter done;
    world_init(&w);
    ww_capnp_cap *a = ww_capnp_promise_new(w.l.a.vat), *b = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call_drop(call_ping(a, 1, &done));
    ww_capnp_promise_resolve(a, b);
    ww_capnp_promise_resolve(b, a);
    link_pump(&w.l);
    assert_failed(done, WW_CAPNP_FAILED);
    ww_capnp_cap_unref(a);
    ww_capnp_cap_unref(b);
    /* a promise that becomes a field of the result of a call to itself */
    ww_capnp_cap *p = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call *make = call_make(p, &done);
    ww_capnp_cap *field = result_cap(make);
    ww_capnp_promise_resolve(p, field);
    link_pump(&w.l);
    assert_failed(done, WW_CAPNP_FAILED);
    ww_capnp_cap_unref(field);
    ww_capnp_cap_unref(p);
    ww_capnp_call_drop(make);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t45__plain_echo__sends_no_disembargo(void **state)
{
    (void)state;
    world w;
    waiter done[10];
    world_init(&w);
    for (uint64_t i = 0; i < 10; i++)
        ww_capnp_call_drop(call_ping(w.root, i, &done[i]));
    link_pump(&w.l);
    for (uint64_t i = 0; i < 10; i++)
        assert_result(done[i], i);
    assert_int_equal(w.l.a.sent[RPC_MESSAGE_IS_DISEMBARGO] + w.l.b.sent[RPC_MESSAGE_IS_DISEMBARGO],
                     0);
    assert_int_equal(w.l.a.sent[RPC_MESSAGE_IS_FINISH],
                     1); /* of the bootstrap; noFinishNeeded otherwise */
    world_deinit(&w);
}

static void t59__bootstrap_twice_one_finished__the_other_stays_usable(void **state)
{
    (void)state;
    world w;
    waiter done;
    world_init(&w);
    ww_capnp_cap *again = ww_capnp_conn_bootstrap(w.l.a.conn);
    ww_capnp_call_drop(call_ping(again, 3, &done)); /* pipelined on the unfinished bootstrap */
    link_pump(&w.l);
    assert_result(done, 3);
    ww_capnp_cap_unref(again);
    link_pump(&w.l);
    world_deinit(&w);
}

static void steady_state__tiny_calls__allocate_nothing(void **state)
{
    (void)state;
    world w;
    waiter done;
    world_init(&w);
    for (int i = 0; i < 300; i++)
        assert_true(world_is_alive(&w));
    size_t before = w.l.allocator.count;
    for (uint64_t i = 0; i < 1000; i++) {
        ww_capnp_call_drop(call_ping(w.root, i, &done));
        link_pump(&w.l);
        assert_result(done, i);
    }
    assert_int_equal(w.l.allocator.count, before);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t01__parallel_calls_one_unimplemented__only_that_one_fails),
        cmocka_unit_test(t02__pipelined_calls_promise_dropped_at_once__complete_without_waiting),
        cmocka_unit_test(t04__pipeline_set_early_never_returned__pipelined_calls_complete),
        cmocka_unit_test(t05__two_references__object_lives_until_both_are_dropped),
        cmocka_unit_test(t06__cancel_crosses_a_return_with_a_capability__object_is_freed),
        cmocka_unit_test(t07__cancel_before_delivery__is_canceled_and_params_are_freed),
        cmocka_unit_test(t08__tail_call_to_the_callers_object__answers_from_there),
        cmocka_unit_test(t10__cancel_of_a_running_call__frees_its_params),
        cmocka_unit_test(t11__promise_used_then_resolved__both_calls_arrive_in_order),
        cmocka_unit_test(t11__promise_resolved_to_the_callers_object__calls_keep_their_order),
        cmocka_unit_test(t11__promise_resolved_before_its_answer_arrives__calls_keep_their_order),
        cmocka_unit_test(t12__object_held_and_asked_back__calls_send_nothing),
        cmocka_unit_test(t13__same_object_passed_again__has_one_number),
        cmocka_unit_test(
            t14__own_object_echoed__calls_keep_their_order_with_one_disembargo_each_way),
        cmocka_unit_test(t15__own_promise_echoed_and_broken__all_calls_fail_and_the_link_lives),
        cmocka_unit_test(t16__pipelined_field_is_null__calls_fail_without_disembargo),
        cmocka_unit_test(t17__server_calls_a_promise_that_is_broken__its_call_fails),
        cmocka_unit_test(t20__bootstrap_of_oneself__works),
        cmocka_unit_test(t21__exceptions_of_all_kinds__keep_kind_and_text),
        cmocka_unit_test(t22__disconnect__fails_pending_and_later_calls_with_the_reason),
        cmocka_unit_test(t24__promises_exported_twice__share_a_number),
        cmocka_unit_test(t35__last_reference_dropped_during_a_call__object_lives_until_its_end),
        cmocka_unit_test(t42__promises_in_a_circle__break),
        cmocka_unit_test(t45__plain_echo__sends_no_disembargo),
        cmocka_unit_test(t59__bootstrap_twice_one_finished__the_other_stays_usable),
        cmocka_unit_test(steady_state__tiny_calls__allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
