/* What a revocation does to calls under way. */
#include "support/membrane_world.h"

static void running_call__revoked__fails_stale_and_the_handler_is_told_once(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    waiter local, remote;
    ww_capnp_cap *mine = walled_outsider(&w, NULL);
    ww_capnp_call *held = call_never(w.root, mine, &remote);
    link_pump(&w.l);
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    assert_refused(remote, STALE);
    assert_int_equal(w.f->canceled, 1);
    ww_capnp_call_drop(call_never(w.guarded, NULL, &local));
    link_pump(&w.l);
    assert_refused(local, STALE);
    assert_int_equal(mine->refs, 1); /* the parameters' reference came back */
    ww_capnp_call_drop(held);
    ww_capnp_cap_unref(mine);
    walled_deinit(&w);
}

static void running_call__revoked_and_dropped_before_the_answer__is_freed_by_it(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        membrane_world w;
        walled_init(&w);
        waiter m;
        waiter_init(&m);
        ww_capnp_call *later = ww_capnp_call_new(w.guarded, INTEROP_FACTORY_ID, 9);
        assert_ok(ww_capnp_call_send(later, &m.done));
        ww_capnp_cap *promised = result_cap(later);
        link_pump(&w.l);
        ww_authority_revoke(&w.session);
        assert_true(ww_toll_is_unused(&w.allowance.calls));
        if (!kept) ww_capnp_call_drop(later);
        link_pump(&w.l);
        assert_refused(m, REVOKED);
        assert_ping_says(&w, promised, REVOKED);
        /* The answer comes now, with a new object in it, which nobody gets. */
        ww_capnp_cap *direct = w.f->later ? ww_capnp_cap_ref(w.guarded) : NULL;
        assert_non_null(direct);
        ww_capnp_cap_unref(direct);
        ww_capnp_cap *own;
        factory_new(w.l.b.vat, &w.live, &own);
        ww_capnp_call *late = w.f->later;
        interop_factory_later_results_set_cap(interop_factory_later_results(late),
                                              (interop_echo_cap){own});
        ww_capnp_cap_unref(own);
        w.f->later = NULL;
        ww_capnp_call_return(late);
        link_pump(&w.l);
        assert_int_equal(w.live, 1);
        assert_int_equal(m.count, 1);
        if (kept) {
            assert_true(ww_capnp_any_is_null(ww_capnp_call_response(later)));
            ww_capnp_call_drop(later);
        }
        ww_capnp_cap_unref(promised);
        walled_deinit(&w);
    }
}

static void call_with_every_fate__revoked__fails_once(void **state)
{
    (void)state;
    membrane_world w;
    waiter settled;
    walled_init(&w);
    waiter queued, waiting, tailed, done;
    /* not delivered yet */
    ww_capnp_call_drop(call_ping(w.guarded, 1, &queued));
    /* delivered, and its handler waits for another object's answer (call_held: a tail call) */
    factory *mine;
    ww_capnp_cap *cap = walled_outsider(&w, &mine);
    walled_carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    assert_result(queued, 1);
    w.l.b.is_blocked = true; /* the tail call to the outside's object stays under way */
    ww_capnp_call_drop(call_call_held(w.guarded, 0, &tailed));
    while (ww_capnp_vat_run(w.l.b.vat, 100))
        continue;
    /* waits in a promise */
    ww_capnp_call *later = ww_capnp_call_new(w.guarded, INTEROP_FACTORY_ID, 9);
    assert_ok(ww_capnp_call_send(later, NULL));
    ww_capnp_cap *promised = result_cap(later);
    ww_capnp_call_drop(call_order(promised, 0, &waiting));
    /* was answered, and the caller has not been told yet */
    ww_capnp_call_drop(call_ping(w.guarded, 2, &done));
    ww_capnp_call_drop(call_ping(w.guarded, 3, &queued));
    ww_capnp_vat_run(w.l.b.vat, 2);
    ww_authority_revoke(&w.epoch);
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    assert_refused(tailed, STALE);
    assert_refused(waiting, STALE);
    assert_refused(queued, STALE);
    assert_result(done, 2); /* answered before the store */
    ww_capnp_call *late = w.f->later;
    w.f->later = NULL;
    ww_capnp_call_return(late);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(later);
    ww_capnp_cap_unref(cap);
    walled_deinit(&w);
}

static void early_pipeline__revoked__is_stale(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    waiter outer, one, two;
    ww_capnp_call *early = call_early(w.root, &outer);
    ww_capnp_cap *cap = result_cap(early);
    ww_capnp_call_drop(call_order(cap, 0, &one));
    link_pump(&w.l);
    assert_result(one, 0);
    ww_authority_revoke(&w.epoch);
    ww_capnp_call_drop(call_order(cap, 1, &two));
    link_pump(&w.l);
    assert_refused(outer, STALE);
    assert_refused(two, STALE);
    assert_int_equal(w.f->canceled, 1);
    ww_capnp_cap_unref(cap);
    ww_capnp_call_drop(early);
    walled_deinit(&w);
}

static void callback_of_the_outside__revoked__is_out_of_the_insides_reach(void **state)
{
    (void)state;
    membrane_world w;
    waiter settled;
    walled_init(&w);
    factory *mine;
    ww_capnp_cap *cap = walled_outsider(&w, &mine);
    walled_carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    ww_capnp_cap *of_inside = ww_capnp_cap_ref(w.f->held);
    assert_ping_says(&w, of_inside, "");
    waiter pending;
    ww_capnp_call_drop(call_never(of_inside, NULL, &pending));
    link_pump(&w.l);
    ww_authority_revoke(&w.epoch);
    assert_ping_says(&w, of_inside, STALE);
    assert_refused(pending, STALE);
    assert_int_equal(mine->canceled, 1);
    ww_capnp_cap_unref(of_inside);
    ww_capnp_cap_unref(cap);
    walled_deinit(&w);
}

/* The inside is in another vat: what is under way there is given up, what comes back is released. */
static void remote_inside__revoked__late_results_are_released(void **state)
{
    (void)state;
    membrane_world w;
    waiter settled;
    walled_init(&w);
    factory *far;
    ww_capnp_cap *cap =
        walled_outsider(&w, &far); /* of vat a, reached by the host through its link */
    walled_carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    ww_authority own = {0};
    ww_membrane_options options = walled_options(&w);
    options.authorities[WW_LINEAGE_CELL] = &own;
    ww_membrane *outer;
    assert_ok(ww_membrane_new(&options, &outer));
    ww_capnp_cap *guarded = walled_out(outer, w.f->held);
    waiter made, order[3], ping;
    ww_capnp_call *make = call_make(guarded, &made);
    ww_capnp_cap *promised = result_cap(make);
    ww_capnp_call_drop(call_order(promised, 0, &order[0])); /* goes with it, pipelined */
    w.l.a.is_blocked = true;
    link_pump(&w.l);
    assert_int_equal(w.live, 3); /* it was made, and its answer is on its way */
    ww_authority_revoke(&own);
    ww_capnp_call_drop(call_order(promised, 1, &order[1]));
    w.l.a.is_blocked = false;
    link_pump(&w.l);
    assert_refused(made, REVOKED);
    assert_refused(order[0], REVOKED);
    assert_refused(order[1], REVOKED);
    assert_int_equal(w.live, 2);
    ww_capnp_call_drop(call_ping(w.root, 5, &ping)); /* and the link lives */
    link_pump(&w.l);
    assert_result(ping, 5);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(make);
    ww_capnp_cap_unref(guarded);
    ww_membrane_unref(outer);
    ww_capnp_cap_unref(cap);
    walled_deinit(&w);
}

/* Revoked from inside: by the callback of one call, with others under way. */
typedef struct trigger {
    waiter w;
    ww_authority *authority;
} trigger;

static void pull(ww_capnp_done *done, ww_capnp_call *call)
{
    trigger *t = WW_CONTAINER_OF(WW_CONTAINER_OF(done, waiter, done), trigger, w);
    t->w.count++;
    t->w.failed = ww_capnp_call_failed(call);
    ww_authority_revoke(t->authority);
}

static void revoked_inside_a_callback__the_others_fail(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    waiter never, behind;
    trigger t = {.w.done.fn = pull, .authority = &w.epoch};
    ww_capnp_call_drop(call_never(w.guarded, NULL, &never));
    ww_capnp_call *call;
    interop_echo_ping_params_set_n(interop_echo_ping_begin((interop_echo_cap){w.guarded}, &call),
                                   1);
    assert_ok(ww_capnp_call_send(call, &t.w.done));
    ww_capnp_call_drop(call);
    ww_capnp_call_drop(call_never(w.guarded, NULL, &behind));
    link_pump(&w.l);
    assert_int_equal(t.w.count, 1);
    assert_false(t.w.failed);
    assert_refused(never, STALE);
    assert_refused(behind, STALE);
    walled_deinit(&w);
}

/* An object whose end answers a call. */
typedef struct testator {
    ww_capnp_server server;
    ww_capnp_call *call;
} testator;

static void last_will(ww_capnp_server *server)
{
    ww_capnp_call_return(WW_CONTAINER_OF(server, testator, server)->call);
}

static void answer__comes_while_another_membrane_ends__does_not_leave(void **state)
{
    (void)state;
    static const interop_echo_vt nothing;
    membrane_world w;
    walled_init(&w);
    ww_membrane_options options = walled_options(&w);
    ww_membrane *other;
    assert_ok(ww_membrane_new(&options, &other)); /* of the same epoch, and told first */
    ww_capnp_cap *guarded = walled_out(other, w.root);
    waiter held, swapped;
    ww_capnp_call_drop(call_never(w.guarded, NULL, &held));
    link_pump(&w.l);
    testator dying = {.call = w.f->never};
    w.f->never = NULL;
    ww_capnp_cap *cap = interop_echo_serve(w.l.b.vat, &dying.server, &nothing, last_will).cap;
    ww_capnp_call_drop(
        call_swap(guarded, cap, &swapped)); /* holds the object, waits for its turn */
    ww_capnp_cap_unref(cap);
    ww_capnp_cap_unref(guarded);
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    assert_refused(swapped, STALE);
    assert_refused(held, STALE);
    ww_membrane_unref(other);
    walled_deinit(&w);
}

static void sweep__after_revocation__gives_the_objects_back(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    membrane_world w;
    walled_init(&w);
    static ww_capnp_cap *out[MANY];
    for (int i = 0; i < MANY; i++) {
        ww_capnp_cap *cap;
        factory_new(w.l.b.vat, &w.live, &cap);
        out[i] = walled_out(w.membrane, cap);
        ww_capnp_cap_unref(cap);
    }
    assert_false(ww_membrane_sweep(w.membrane)); /* nothing while the grant holds */
    assert_int_equal(w.live, MANY + 1);
    ww_authority_revoke(&w.epoch);
    uint32_t turns = 1;
    while (ww_membrane_sweep(w.membrane))
        turns++;
    assert_true(turns > 2); /* in portions */
    assert_int_equal(w.live, 0);
    assert_ping_says(&w, out[17], STALE);
    for (int i = 0; i < MANY; i++)
        ww_capnp_cap_unref(out[i]);
    walled_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_call__revoked__fails_stale_and_the_handler_is_told_once),
        cmocka_unit_test(running_call__revoked_and_dropped_before_the_answer__is_freed_by_it),
        cmocka_unit_test(call_with_every_fate__revoked__fails_once),
        cmocka_unit_test(early_pipeline__revoked__is_stale),
        cmocka_unit_test(callback_of_the_outside__revoked__is_out_of_the_insides_reach),
        cmocka_unit_test(remote_inside__revoked__late_results_are_released),
        cmocka_unit_test(revoked_inside_a_callback__the_others_fail),
        cmocka_unit_test(answer__comes_while_another_membrane_ends__does_not_leave),
        cmocka_unit_test(sweep__after_revocation__gives_the_objects_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
