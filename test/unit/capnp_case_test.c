/* Ends, failures and bookkeeping between two vats: cases of doc/compat/capnp.md by their numbers. */
#include "support/capnp_world.h"
#include "support/sanitized.h"
#include <stdlib.h>

/* An object of a vat whose swap is answered with what the given object makes. */
static void swap_for_made(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    ww_capnp_call *inner;
    interop_echo_make_begin(interop_echo_swap_params_cap(interop_echo_swap_params(call)), &inner);
    ww_capnp_call_tail(call, inner);
}

static const interop_echo_vt MAKER = {.swap = swap_for_made};

static void
t08__calls_on_the_result_of_a_tail__keep_their_order_before_during_and_after(void **state)
{
    (void)state;
    world w;
    waiter order[3], done;
    ww_capnp_server maker;
    world_init(&w);
    ww_capnp_cap *mine = world_mine(&w, NULL), *there;
    interop_echo_cap served = interop_echo_serve(w.l.b.vat, &maker, &MAKER, NULL);
    ww_capnp_cap_unref(w.f->held);
    w.f->held = served.cap;
    ww_capnp_call *held = call_held(w.root, NULL);
    there = result_cap(held);
    ww_capnp_call *swap = call_swap(there, mine, NULL);
    ww_capnp_cap *made = result_cap(swap);
    ww_capnp_call_drop(call_order(made, 0, &order[0]));
    w.l.a.is_blocked = true; /* b's tail call is on its way, its answer is not */
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(made, 1, &order[1]));
    w.l.a.is_blocked = false;
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(made, 2, &order[2]));
    link_pump(&w.l);
    for (uint32_t i = 0; i < 3; i++)
        assert_result(order[i], i);
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(there);
    ww_capnp_call_drop(held);
    ww_capnp_cap_unref(mine);
    ww_capnp_call_drop(call_hold(w.root, NULL, &done));
    link_pump(&w.l);
    world_deinit(&w);
}

static void t09__cancel_that_crosses_the_tail_call__cancels_the_inner_once(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    factory *f;
    ww_capnp_cap *mine = world_mine(&w, &f);
    ww_capnp_server maker;
    interop_echo_cap served = interop_echo_serve(w.l.b.vat, &maker, &MAKER, NULL);
    w.f->held = served.cap;
    ww_capnp_call *held = call_held(w.root, NULL);
    ww_capnp_cap *there = result_cap(held), *promise = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call *outer = call_swap(there, promise, NULL);
    w.l.b.is_blocked = true;
    link_pump(&w.l); /* b called our promise; that call has not arrived */
    ww_capnp_call_drop(outer);
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    ww_capnp_promise_resolve(promise, mine);
    link_pump(&w.l);
    assert_int_equal(f->calls, 0);
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(there);
    ww_capnp_call_drop(held);
    ww_capnp_cap_unref(mine);
    waiter done;
    ww_capnp_call_drop(call_hold(w.root, NULL, &done));
    link_pump(&w.l);
    world_deinit(&w);
}

/* An object that calls its peer when it goes, and drops its reference to it. */
typedef struct clinger {
    ww_capnp_server server;
    ww_capnp_conn *conn;
    ww_capnp_cap *root;
    waiter done;
} clinger;

static void cling(ww_capnp_server *server)
{
    clinger *c = WW_CONTAINER_OF(server, clinger, server);
    ww_capnp_call_drop(call_ping(c->root, 1, &c->done));
    ww_capnp_conn_lost(c->conn, "once more");
    ww_capnp_cap_unref(c->root);
}

static void t19__objects_that_use_the_connection_while_it_ends__meet_no_freed_state(void **state)
{
    (void)state;
    static const interop_echo_vt nothing = {0};
    world w;
    world_init(&w);
    clinger c = {.conn = w.l.a.conn, .root = ww_capnp_cap_ref(w.root)};
    waiter never, again;
    ww_capnp_cap *cap = interop_echo_serve(w.l.a.vat, &c.server, &nothing, cling).cap;
    ww_capnp_call *call = call_never(w.root, cap, &never);
    ww_capnp_cap *field = result_cap(call);
    ww_capnp_call_drop(call_ping(field, 1, &again));
    ww_capnp_cap_unref(cap);
    link_pump(&w.l);
    ww_capnp_conn_abort(w.l.a.conn, WW_CAPNP_FAILED, "enough");
    while (ww_capnp_vat_run(w.l.a.vat, 10))
        continue;
    assert_failed(never, WW_CAPNP_DISCONNECTED);
    assert_failed(again, WW_CAPNP_DISCONNECTED);
    assert_failed(c.done, WW_CAPNP_DISCONNECTED);
    ww_capnp_cap_unref(field);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(w.root);
    link_deinit(&w.l);
}

static ww_capnp_call *swap_two(ww_capnp_cap *root, ww_capnp_cap *one, ww_capnp_cap *two,
                               uint32_t size)
{
    ww_capnp_call *call = ww_capnp_call_new(root, INTEROP_ECHO_ID, 9);
    ww_capnp_struct_b params = ww_capnp_call_init_params(call, (ww_capnp_struct_size){0, 3});
    ww_capnp_any_b_set_cap(ww_capnp_struct_b_pointer(params, 0), one);
    ww_capnp_any_b_set_cap(ww_capnp_struct_b_pointer(params, 1), two);
    ww_capnp_any_b_init_data(ww_capnp_struct_b_pointer(params, 2), size);
    return call;
}

/* Vat b offers a factory, and neither may send or take much. */
static ww_capnp_cap *narrow_link(two_vats *l, const ww_capnp_limits *limits)
{
    ww_capnp_cap *root;
    link_init(l, limits);
    factory_new(l->b.vat, NULL, &root);
    link_connect(l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l->a.conn);
    link_pump(l);
    return root;
}

static void t23__call_too_large_to_be_sent__leaves_no_number_behind(void **state)
{
    (void)state;
    two_vats l;
    waiter done, piped;
    ww_capnp_cap *mine;
    ww_capnp_limits limits = WW_CAPNP_LIMITS_DEFAULT;
    limits.message_words_max = 1000;
    ww_capnp_cap *root = narrow_link(&l, &limits);
    factory_new(l.a.vat, NULL, &mine);
    for (int i = 0; i < 2; i++) {
        ww_capnp_call *call = swap_two(root, mine, NULL, 9000);
        ww_capnp_cap *back = result_cap(call);
        ww_capnp_call_drop(call_ping(back, 1, &piped));
        waiter_init(&done);
        assert_int_equal(ww_capnp_call_send(call, &done.done), WW_E_LIMIT);
        link_pump(&l);
        assert_int_equal(done.count, 0);
        assert_failed(piped, WW_CAPNP_OVERLOADED);
        ww_capnp_cap_unref(back);
        ww_capnp_call_drop(call);
        assert_int_equal(ww_capnp_conn_count(l.a.conn).exports, 0);
        assert_int_equal(ww_capnp_conn_count(l.a.conn).questions, 0);
    }
    ww_capnp_call *never = call_never(root, mine, NULL);
    link_pump(&l);
    assert_int_equal(mine->export_id, 0);
    ww_capnp_call_drop(never);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    link_pump(&l);
    assert_idle(&l);
    link_deinit(&l);
}

static void t23__second_capability_has_no_room__gives_back_the_first(void **state)
{
    (void)state;
    two_vats l;
    waiter done, piped;
    ww_capnp_cap *mine, *other;
    ww_capnp_limits limits = WW_CAPNP_LIMITS_DEFAULT;
    limits.exports_max = 1;
    ww_capnp_cap *root = narrow_link(&l, &limits);
    factory_new(l.a.vat, NULL, &mine);
    factory_new(l.a.vat, NULL, &other);
    for (int i = 0; i < 2; i++) {
        ww_capnp_call *call = swap_two(root, mine, other, 8);
        ww_capnp_cap *back = result_cap(call);
        waiter_init(&done);
        assert_ok(ww_capnp_call_send(call, &done.done));
        ww_capnp_call_drop(call_ping(back, 1, &piped));
        link_pump(&l);
        assert_failed(done, WW_CAPNP_OVERLOADED);
        assert_failed(piped, WW_CAPNP_OVERLOADED);
        ww_capnp_cap_unref(back);
        ww_capnp_call_drop(call);
        assert_int_equal(ww_capnp_conn_count(l.a.conn).exports, 0);
        assert_int_equal(ww_capnp_conn_count(l.a.conn).questions, 0);
    }
    ww_capnp_call_drop(call_swap(root, mine, &done));
    link_pump(&l);
    assert_int_equal(done.count, 1);
    assert_false(done.failed);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(other);
    ww_capnp_cap_unref(root);
    link_pump(&l);
    assert_idle(&l);
    link_deinit(&l);
}

static bool is_idle(const ww_capnp_conn *conn)
{
    ww_capnp_conn_counts n = ww_capnp_conn_count(conn);
    return n.questions + n.answers + n.exports + n.imports + n.embargoes == 0;
}

static void t25__tables__are_empty_exactly_when_nothing_is_held(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    assert_false(is_idle(w.l.a.conn));
    ww_capnp_call *never = call_never(w.root, NULL, NULL);
    link_pump(&w.l);
    ww_capnp_cap_unref(w.root); /* the call alone keeps it */
    link_pump(&w.l);
    assert_false(is_idle(w.l.a.conn));
    assert_false(is_idle(w.l.b.conn));
    ww_capnp_call_drop(never);
    link_pump(&w.l);
    assert_true(is_idle(w.l.a.conn));
    assert_true(is_idle(w.l.b.conn));
    ww_capnp_iov iov;
    ww_capnp_conn_lost(w.l.a.conn, "closed while idle");
    assert_int_equal(ww_capnp_conn_output(w.l.a.conn, &iov, 1), 0);
    assert_int_equal(ww_capnp_conn_output(w.l.b.conn, &iov, 1), 0);
    link_deinit(&w.l);
}

static ww_capnp_call *stream_write(ww_capnp_cap *sink, uint32_t size, waiter *w)
{
    ww_capnp_call *call;
    interop_sink_write_params_init_chunk(interop_sink_write_begin((interop_sink_cap){sink}, &call),
                                         size);
    waiter_init(w);
    assert_ok(ww_capnp_call_stream(call, &w->done));
    return call;
}

static void t34__stream_into_a_promise_that_becomes_remote__keeps_its_window(void **state)
{
    (void)state;
    world w;
    waiter writes[20];
    world_init(&w);
    w.f->is_stalled = true;
    ww_capnp_call *call;
    interop_factory_sink_begin((interop_factory_cap){w.root}, &call);
    assert_ok(ww_capnp_call_send(call, NULL));
    ww_capnp_cap *sink = result_cap(call), *promise = ww_capnp_promise_new(w.l.a.vat);
    link_pump(&w.l);
    for (int i = 0; i < 10; i++)
        ww_capnp_call_drop(stream_write(promise, 16384, &writes[i]));
    ww_capnp_promise_resolve(promise, sink);
    for (int i = 10; i < 20; i++)
        ww_capnp_call_drop(stream_write(promise, 16384, &writes[i]));
    link_pump(&w.l);
    uint32_t completed = 0;
    for (int i = 0; i < 20; i++)
        completed += writes[i].count;
    assert_in_range(completed, 1, 5); /* those before and after share one window */
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(sink);
    ww_capnp_call_drop(call);
    factory *s = factory_of(w.f->held);
    for (int i = 0; i < 20; i++) {
        assert_non_null(s->stream); /* nobody holds the sink, and still all of it arrives */
        ww_capnp_call *stream = s->stream;
        s->stream = NULL;
        ww_capnp_call_return(stream);
        link_pump(&w.l);
    }
    assert_int_equal(s->bytes, 20 * 16384);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(writes[i].count, 1);
        assert_false(writes[i].failed);
    }
    waiter done;
    ww_capnp_call_drop(call_hold(w.root, NULL, &done));
    link_pump(&w.l);
    world_deinit(&w);
}

static void t36__writing_fails_while_reading_works__pending_calls_fail_at_once(void **state)
{
    (void)state;
    world w;
    waiter done;
    world_init(&w);
    ww_capnp_call_drop(call_ping(w.root, 1, &done));
    ww_capnp_conn_lost(w.l.a.conn, "broken pipe");
    while (ww_capnp_vat_run(w.l.a.vat, 10))
        continue;
    assert_failed(done, WW_CAPNP_DISCONNECTED);
    assert_string_equal(done.reason, "broken pipe");
    ww_diag diag;
    uint64_t word = 0;
    assert_int_equal(ww_capnp_conn_feed(w.l.a.conn, ww_view_of(&word, sizeof word), &diag),
                     WW_E_CLOSED);
    ww_capnp_cap_unref(w.root);
    link_deinit(&w.l);
}

static void t52__import_received_twice__survives_its_first_reference(void **state)
{
    (void)state;
    world w;
    waiter done, ping;
    world_init(&w);
    ww_capnp_cap *made = NULL;
    ww_capnp_call *make = call_make(w.root, NULL);
    made = result_cap(make);
    ww_capnp_call_drop(call_hold(w.root, made, &done));
    link_pump(&w.l);
    ww_capnp_call *held = call_held(w.root, NULL); /* the same number once more */
    ww_capnp_cap *again = result_cap(held);
    link_pump(&w.l);
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(make);
    link_pump(&w.l);
    ww_capnp_call_drop(call_hold(w.root, again, &done));
    ww_capnp_call_drop(call_ping(again, 5, &ping));
    link_pump(&w.l);
    assert_false(done.failed);
    assert_result(ping, 5);
    ww_capnp_cap_unref(again);
    ww_capnp_call_drop(held);
    ww_capnp_call_drop(call_hold(w.root, NULL, &done));
    link_pump(&w.l);
    world_deinit(&w);
}

static void t56__view_of_results_after_the_call_was_dropped__is_caught(void **state)
{
    (void)state;
    if (!test_is_sanitized()) skip();
    two_vats l;
    ww_capnp_cap *root = narrow_link(&l, NULL);
    for (int is_local = 0; is_local < 2; is_local++) {
        ww_capnp_cap *cap = root, *mine;
        factory_new(l.a.vat, NULL, &mine);
        if (is_local) cap = mine;
        ww_capnp_call *call;
        interop_echo_back_params_set_len(interop_echo_back_begin((interop_echo_cap){cap}, &call),
                                         100);
        assert_ok(ww_capnp_call_send(call, NULL));
        link_pump(&l);
        ww_view d = interop_echo_back_results_d(interop_echo_back_response(call));
        assert_int_equal(d.size, 100);
        assert_false(test_is_closed(d.data));
        ww_capnp_call_drop(call);
        assert_true(test_is_closed(d.data));
        ww_capnp_cap_unref(mine);
    }
    ww_capnp_cap_unref(root);
    link_pump(&l);
    link_deinit(&l);
}

static void t55__a_million_calls__take_no_more_memory(void **state)
{
    (void)state;
    world w;
    waiter done[64];
    world_init(&w);
    const int rounds = test_is_sanitized() ? 1000 : 1000000 / 64;
    size_t bytes = 0, count = 0;
    for (int i = 0; i < rounds; i++) {
        for (uint64_t k = 0; k < 64; k++)
            ww_capnp_call_drop(call_ping(w.root, k, &done[k]));
        link_pump(&w.l);
        assert_result(done[63], 63);
        if (i == 100) {
            bytes = w.l.allocator.live_bytes;
            count = w.l.allocator.count;
        }
    }
    assert_int_equal(w.l.allocator.live_bytes, bytes);
    assert_int_equal(w.l.allocator.count, count);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            t08__calls_on_the_result_of_a_tail__keep_their_order_before_during_and_after),
        cmocka_unit_test(t09__cancel_that_crosses_the_tail_call__cancels_the_inner_once),
        cmocka_unit_test(t19__objects_that_use_the_connection_while_it_ends__meet_no_freed_state),
        cmocka_unit_test(t23__call_too_large_to_be_sent__leaves_no_number_behind),
        cmocka_unit_test(t23__second_capability_has_no_room__gives_back_the_first),
        cmocka_unit_test(t25__tables__are_empty_exactly_when_nothing_is_held),
        cmocka_unit_test(t34__stream_into_a_promise_that_becomes_remote__keeps_its_window),
        cmocka_unit_test(t36__writing_fails_while_reading_works__pending_calls_fail_at_once),
        cmocka_unit_test(t52__import_received_twice__survives_its_first_reference),
        cmocka_unit_test(t56__view_of_results_after_the_call_was_dropped__is_caught),
        cmocka_unit_test(t55__a_million_calls__take_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
