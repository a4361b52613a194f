/* Streaming calls through membranes. */
#include "support/membrane_world.h"

static ww_capnp_call *stream(ww_capnp_cap *sink, uint32_t size, waiter *w)
{
    ww_capnp_call *call;
    interop_sink_write_params_init_chunk(interop_sink_write_begin((interop_sink_cap){sink}, &call),
                                         size);
    waiter_init(w);
    assert_ok(ww_capnp_call_stream(call, &w->done));
    return call;
}

/* A sink of vat a, as the host holds it. */
static ww_capnp_cap *far_sink(membrane_world *w, factory **f)
{
    ww_capnp_cap *cap = walled_outsider(w, f);
    waiter held;
    walled_carry_out(w, call_hold(w->root, cap, &held), &held);
    ww_capnp_cap_unref(cap);
    (*f)->is_stalled = true;
    ww_capnp_call *call;
    interop_factory_sink_begin((interop_factory_cap){w->f->held}, &call);
    assert_ok(ww_capnp_call_send(call, NULL));
    link_pump(&w->l);
    *f = factory_of((*f)->held);
    ww_capnp_cap *sink = ww_capnp_any_cap(
        ww_capnp_get_pointer(ww_capnp_any_struct(ww_capnp_call_response(call)), 0));
    ww_capnp_cap_ref(sink);
    ww_capnp_call_drop(call);
    return sink;
}

static void streams__stalled_and_revoked__fail_and_the_sink_goes_on(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    w.f->is_stalled = true;
    ww_capnp_call *sink = ww_capnp_call_new(w.root, INTEROP_FACTORY_ID, 8);
    assert_ok(ww_capnp_call_send(sink, NULL));
    ww_capnp_cap *stream = result_cap(sink);
    link_pump(&w.l);
    waiter writes[3];
    for (int i = 0; i < 3; i++) {
        ww_capnp_call *call;
        interop_sink_write_params_b p = interop_sink_write_begin((interop_sink_cap){stream}, &call);
        interop_sink_write_params_set_chunk(p, WW_VIEW_LITERAL("chunk"));
        waiter_init(&writes[i]);
        assert_ok(ww_capnp_call_send(call, &writes[i].done));
        ww_capnp_call_drop(call);
    }
    link_pump(&w.l);
    factory *s = factory_of(w.f->held);
    assert_int_equal(s->bytes, 5); /* one at a time */
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    for (int i = 0; i < 3; i++)
        assert_refused(writes[i], STALE);
    s->is_stalled = false;
    ww_capnp_call_return(s->stream); /* the handler of the first is done at last */
    waiter more;
    ww_capnp_call *call;
    interop_sink_write_params_set_chunk(
        interop_sink_write_begin((interop_sink_cap){w.f->held}, &call), WW_VIEW_LITERAL("more"));
    waiter_init(&more);
    assert_ok(ww_capnp_call_send(call, &more.done));
    ww_capnp_call_drop(call);
    link_pump(&w.l);
    assert_int_equal(more.failed, false);
    assert_int_equal(s->bytes, 9);
    ww_capnp_cap_unref(stream);
    ww_capnp_call_drop(sink);
    walled_deinit(&w);
}

static void streams__through_a_guard_to_another_vat__have_a_window(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    factory *far;
    ww_capnp_cap *sink = far_sink(&w, &far);
    waiter writes[20];
    for (int i = 0; i < 20; i++)
        ww_capnp_call_drop(stream(sink, 16384, &writes[i]));
    link_pump(&w.l);
    uint32_t told = 0;
    for (int i = 0; i < 20; i++)
        told += writes[i].count;
    assert_in_range(told, 1, 5); /* none was answered; a window of 64 KiB and one message */
    for (int i = 0; i < 20; i++) {
        ww_capnp_call *call = far->stream;
        far->stream = NULL;
        far->is_stalled = i < 19;
        ww_capnp_call_return(call);
        link_pump(&w.l);
    }
    for (int i = 0; i < 20; i++)
        assert_result(writes[i], 0);
    ww_capnp_cap_unref(sink);
    walled_deinit(&w);
}

static void stream__fails_behind_a_guard__later_calls_of_that_way_fail(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 0)); /* no writing */
    membrane_world w;
    walled_init(&w);
    ww_membrane_options options = walled_options(&w);
    options.methods = &methods;
    ww_membrane *limited;
    assert_ok(ww_membrane_new(&options, &limited));
    factory *far;
    ww_capnp_cap *sink = far_sink(&w, &far), *narrow = walled_out(limited, sink);
    waiter denied, write;
    far->is_stalled = false;
    ww_capnp_call_drop(stream(narrow, 8, &denied));
    link_pump(&w.l);
    assert_refused(denied, DENIED);
    assert_ping_says(&w, narrow, "an earlier streaming call failed");
    ww_capnp_call_drop(stream(sink, 8, &write));
    link_pump(&w.l);
    assert_result(write, 0);
    assert_int_equal(far->bytes, 8);
    ww_capnp_cap_unref(narrow);
    ww_capnp_cap_unref(sink);
    ww_membrane_unref(limited);
    walled_deinit(&w);
}

static void streams__through_a_guard__revoked__are_over_and_say_why(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    factory *far;
    ww_capnp_cap *sink = far_sink(&w, &far);
    waiter writes[8], late;
    for (int i = 0; i < 8; i++)
        ww_capnp_call_drop(stream(sink, 16384, &writes[i]));
    link_pump(&w.l);
    assert_int_equal(writes[7].count, 0);
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    assert_refused(writes[7], STALE);
    ww_capnp_call_drop(stream(sink, 8, &late));
    link_pump(&w.l);
    assert_refused(late, STALE);
    assert_ping_says(&w, sink, STALE);
    ww_capnp_call *call = far->stream;
    far->stream = NULL;
    far->is_stalled = false;
    ww_capnp_call_return(call);
    ww_capnp_cap_unref(sink);
    walled_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams__stalled_and_revoked__fail_and_the_sink_goes_on),
        cmocka_unit_test(streams__through_a_guard_to_another_vat__have_a_window),
        cmocka_unit_test(stream__fails_behind_a_guard__later_calls_of_that_way_fail),
        cmocka_unit_test(streams__through_a_guard__revoked__are_over_and_say_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
