/* Order, streams and memory over links in memory: cases of doc/compat/capnp.md by their numbers. */
#include "support/capnp_link.h"
#include <stdlib.h>

static void t09__cancel_of_the_outer_call_of_a_tail__cancels_the_inner_once(void **state)
{
    (void)state;
    two_vats l;
    ww_capnp_cap *root, *mine;
    link_init(&l, NULL);
    factory_new(l.b.vat, NULL, &root);
    factory *f = factory_new(l.a.vat, NULL, &mine);
    link_connect(&l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l.a.conn);
    ww_capnp_cap *promise = ww_capnp_promise_new(l.a.vat);
    ww_capnp_call *outer = call_tail(root, promise, 0, NULL);
    link_pump(&l);
    ww_capnp_call_drop(outer);
    link_pump(&l);
    ww_capnp_promise_resolve(promise, mine);
    link_pump(&l);
    assert_int_equal(f->calls, 0); /* it was taken back while it waited */
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    link_pump(&l);
    assert_idle(&l);
    link_deinit(&l);
}

typedef struct count {
    ww_capnp_wake wake;
    uint32_t told;
} count;

static void count_wake(ww_capnp_wake *wake)
{
    WW_CONTAINER_OF(wake, count, wake)->told++;
}

static void wakes__a_call_and_its_answer__tell_whoever_moves_bytes_and_runs_the_vat(void **state)
{
    (void)state;
    two_vats l;
    ww_capnp_cap *root;
    count vat = {{count_wake}, 0}, conn = {{count_wake}, 0};
    waiter w;
    link_init(&l, NULL);
    factory_new(l.b.vat, NULL, &root);
    link_connect(&l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l.a.conn);
    link_pump(&l);
    ww_capnp_vat_on_work(l.a.vat, &vat.wake);
    ww_capnp_conn_on_output(l.a.conn, &conn.wake);
    waiter_init(&w);
    ww_capnp_call_drop(call_ping(root, 1, &w));
    assert_int_equal(conn.told, 1);
    assert_int_equal(vat.told, 0);
    ww_capnp_call_drop(call_ping(root, 2, NULL));
    assert_int_equal(conn.told, 1); /* there is output already */
    link_pump(&l);
    assert_int_equal(vat.told, 1);
    ww_capnp_conn_abort(l.a.conn, WW_CAPNP_FAILED, "enough");
    assert_true(conn.told >= 2);
    ww_capnp_vat_on_work(l.a.vat, NULL);
    ww_capnp_cap_unref(root);
    link_deinit(&l);
}

/* A client, a proxy that offers what a server offers, the server. */
typedef struct chain {
    two_vats near, far;
    ww_capnp_cap *root;
} chain;

static void chain_init(chain *c)
{
    link_init(&c->near, NULL);
    link_init(&c->far, NULL);
    ww_capnp_vat_free(c->far.a.vat);
    c->far.a.vat = c->near.b.vat;
    ww_capnp_cap *own;
    factory_new(c->far.b.vat, NULL, &own);
    link_connect(&c->far, NULL, own);
    ww_capnp_cap_unref(own);
    ww_capnp_cap *through = ww_capnp_conn_bootstrap(c->far.a.conn);
    link_connect(&c->near, NULL, through);
    ww_capnp_cap_unref(through);
    c->root = ww_capnp_conn_bootstrap(c->near.a.conn);
}

static void chain_pump(chain *c)
{
    for (int i = 0; i < 20; i++) {
        link_pump(&c->near);
        link_pump(&c->far);
    }
}

static void chain_deinit(chain *c)
{
    ww_capnp_cap_unref(c->root);
    chain_pump(c);
    assert_string_equal(c->near.b.over, "");
    assert_string_equal(c->far.b.over, "");
    ww_capnp_conn_free(c->far.a.conn);
    c->far.a.conn = NULL;
    c->far.a.vat = NULL;
    link_deinit(&c->far);
    link_deinit(&c->near);
}

static void t29__own_object_echoed_over_two_hops__keeps_its_order(void **state)
{
    (void)state;
    chain c;
    waiter order[9];
    chain_init(&c);
    ww_capnp_cap *mine;
    factory_new(c.near.a.vat, NULL, &mine);
    ww_capnp_call *swap = call_swap(c.root, mine, NULL);
    ww_capnp_cap *back = result_cap(swap);
    for (uint32_t i = 0; i < 3; i++)
        ww_capnp_call_drop(call_order(back, i, &order[i]));
    link_pump(&c.near);
    for (uint32_t i = 3; i < 6; i++)
        ww_capnp_call_drop(call_order(back, i, &order[i]));
    link_pump(&c.far);
    link_pump(&c.near);
    for (uint32_t i = 6; i < 9; i++)
        ww_capnp_call_drop(call_order(back, i, &order[i]));
    chain_pump(&c);
    for (uint32_t i = 0; i < 9; i++)
        assert_result(order[i], i);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(mine);
    chain_deinit(&c);
}

static void t21__exception_over_two_hops__keeps_its_kind_and_its_text(void **state)
{
    (void)state;
    chain c;
    waiter done;
    chain_init(&c);
    for (uint16_t type = 0; type < 4; type++) {
        ww_capnp_call_drop(call_fail(c.root, type, "a reason", &done));
        chain_pump(&c);
        assert_failed(done, type);
        assert_string_equal(done.reason, "a reason"); /* nothing is put before it on the way */
    }
    chain_deinit(&c);
}

static void t30__promise_resolves_before_send__order_is_that_of_sending(void **state)
{
    (void)state;
    two_vats l;
    waiter first, second;
    link_init(&l, NULL);
    link_connect(&l, NULL, NULL);
    ww_capnp_cap *mine, *promise = ww_capnp_promise_new(l.a.vat);
    factory_new(l.a.vat, NULL, &mine);
    ww_capnp_call *late;
    interop_echo_order_params_set_expected(
        interop_echo_order_begin((interop_echo_cap){promise}, &late), 1);
    ww_capnp_call_drop(call_order(promise, 0, &first));
    ww_capnp_promise_resolve(promise, mine);
    waiter_init(&second);
    assert_ok(ww_capnp_call_send(late, &second.done));
    ww_capnp_call_drop(late);
    link_pump(&l);
    assert_result(first, 0);
    assert_result(second, 1);
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(mine);
    link_deinit(&l);
}

static ww_capnp_call *stream_write(ww_capnp_cap *sink, size_t size, waiter *w)
{
    ww_capnp_call *call;
    interop_sink_write_params_init_chunk(interop_sink_write_begin((interop_sink_cap){sink}, &call),
                                         (uint32_t)size);
    waiter_init(w);
    assert_ok(ww_capnp_call_stream(call, &w->done));
    return call;
}

static void t33__stalled_server__admits_a_bounded_number_and_errors_stay(void **state)
{
    (void)state;
    two_vats l;
    waiter w[20], last;
    link_init(&l, NULL);
    ww_capnp_cap *root;
    factory *f = factory_new(l.b.vat, NULL, &root);
    f->is_stalled = true;
    link_connect(&l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l.a.conn);
    ww_capnp_call *call;
    interop_factory_sink_begin((interop_factory_cap){root}, &call);
    assert_ok(ww_capnp_call_send(call, NULL));
    ww_capnp_cap *sink = result_cap(call);
    for (int i = 0; i < 20; i++)
        ww_capnp_call_drop(stream_write(sink, 16384, &w[i]));
    link_pump(&l);
    uint32_t completed = 0;
    for (int i = 0; i < 20; i++)
        completed += w[i].count;
    assert_in_range(completed, 1, 5); /* a window of 64 KiB and one message */
    factory *s = factory_of(f->held);
    for (int i = 0; i < 19; i++) { /* one at a time, as each is answered */
        assert_non_null(s->stream);
        ww_capnp_call *stream = s->stream;
        s->stream = NULL;
        if (i == 18) s->is_stalled = false;
        ww_capnp_call_return(stream);
        link_pump(&l);
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(w[i].count, 1);
    s->fails_next = true;
    ww_capnp_call_drop(stream_write(sink, 10, &last));
    link_pump(&l);
    ww_capnp_call_drop(stream_write(sink, 10, &last));
    link_pump(&l);
    assert_failed(last, WW_CAPNP_FAILED);
    ww_capnp_call_drop(call_ping(sink, 1, &last)); /* what closes the stream fails too */
    link_pump(&l);
    assert_failed(last, WW_CAPNP_FAILED);
    ww_capnp_cap_unref(sink);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(root);
    link_pump(&l);
    assert_idle(&l);
    link_deinit(&l);
}

static void carry(link_end *from, link_end *to)
{
    ww_capnp_iov iov;
    while (ww_capnp_conn_output(from->conn, &iov, 1)) {
        assert_int_equal(ww_capnp_conn_feed(to->conn, ww_view_of(iov.data, iov.size), NULL),
                         WW_AGAIN);
        ww_capnp_conn_sent(from->conn, iov.size);
    }
}

static void t33__answered_before_its_sender_was_told__is_told_once(void **state)
{
    (void)state;
    two_vats l;
    waiter w;
    link_init(&l, NULL);
    ww_capnp_cap *root;
    factory_new(l.b.vat, NULL, &root);
    link_connect(&l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l.a.conn);
    ww_capnp_call *call;
    interop_factory_sink_begin((interop_factory_cap){root}, &call);
    assert_ok(ww_capnp_call_send(call, NULL));
    ww_capnp_cap *sink = result_cap(call);
    link_pump(&l);
    ww_capnp_call_drop(stream_write(sink, 10, &w)); /* its turn is due, and does not come yet */
    carry(&l.a, &l.b);
    while (ww_capnp_vat_run(l.b.vat, 10))
        continue;
    carry(&l.b, &l.a);
    link_pump(&l);
    assert_int_equal(w.count, 1);
    ww_capnp_cap_unref(sink);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(root);
    link_pump(&l);
    link_deinit(&l);
}

static void t46__import_released_and_passed_again__is_named_anew(void **state)
{
    (void)state;
    two_vats l;
    waiter w;
    link_init(&l, NULL);
    ww_capnp_cap *root;
    factory_new(l.b.vat, NULL, &root);
    link_connect(&l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l.a.conn);
    for (int i = 0; i < 3; i++) {
        ww_capnp_call *make = call_make(root, NULL);
        ww_capnp_cap *made = result_cap(make);
        link_pump(&l);
        ww_capnp_call_drop(
            call_swap(root, made, &w)); /* T52: sent back, its first reference gone */
        ww_capnp_cap_unref(made);
        ww_capnp_call_drop(make);
        link_pump(&l);
        assert_int_equal(w.count, 1);
        assert_false(w.failed);
    }
    ww_capnp_cap_unref(root);
    link_pump(&l);
    assert_idle(&l);
    link_deinit(&l);
}

static void t53__promise_that_resolves_to_a_promise__delivers(void **state)
{
    (void)state;
    two_vats l;
    waiter outer;
    link_init(&l, NULL);
    ww_capnp_cap *root, *mine;
    factory_new(l.b.vat, NULL, &root);
    factory_new(l.a.vat, NULL, &mine);
    link_connect(&l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l.a.conn);
    ww_capnp_cap *one = ww_capnp_promise_new(l.a.vat), *two = ww_capnp_promise_new(l.a.vat);
    ww_capnp_call_drop(call_tail(root, one, 0, &outer));
    link_pump(&l);
    ww_capnp_promise_resolve(one, two);
    link_pump(&l);
    ww_capnp_promise_resolve(two, mine);
    link_pump(&l);
    assert_result(outer, 0);
    ww_capnp_cap_unref(one);
    ww_capnp_cap_unref(two);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    link_pump(&l);
    assert_idle(&l);
    link_deinit(&l);
}

static void t55__many_calls__take_no_more_memory(void **state)
{
    (void)state;
    two_vats l;
    waiter w;
    link_init(&l, NULL);
    ww_capnp_cap *root;
    factory_new(l.b.vat, NULL, &root);
    link_connect(&l, NULL, root);
    ww_capnp_cap_unref(root);
    root = ww_capnp_conn_bootstrap(l.a.conn);
    size_t bytes = 0;
    for (int i = 0; i < 2000; i++) {
        ww_capnp_call *make = call_make(root, &w);
        link_pump(&l);
        ww_capnp_call_drop(make);
        link_pump(&l);
        if (i == 500) bytes = l.allocator.live_bytes;
    }
    assert_int_equal(l.allocator.live_bytes, bytes);
    ww_capnp_cap_unref(root);
    link_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t09__cancel_of_the_outer_call_of_a_tail__cancels_the_inner_once),
        cmocka_unit_test(t21__exception_over_two_hops__keeps_its_kind_and_its_text),
        cmocka_unit_test(t29__own_object_echoed_over_two_hops__keeps_its_order),
        cmocka_unit_test(t30__promise_resolves_before_send__order_is_that_of_sending),
        cmocka_unit_test(t33__stalled_server__admits_a_bounded_number_and_errors_stay),
        cmocka_unit_test(t33__answered_before_its_sender_was_told__is_told_once),
        cmocka_unit_test(t46__import_released_and_passed_again__is_named_anew),
        cmocka_unit_test(t53__promise_that_resolves_to_a_promise__delivers),
        cmocka_unit_test(t55__many_calls__take_no_more_memory),
        cmocka_unit_test(wakes__a_call_and_its_answer__tell_whoever_moves_bytes_and_runs_the_vat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
