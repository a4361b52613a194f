/* Membranes: what crosses, and what is refused. */
#include "support/membrane_world.h"
#include <stdlib.h>

/* ---- crossing ---- */

static void call__grant_holds__reaches_the_object(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    assert_ping_says(&w, w.root, "");
    assert_ping_says(&w, w.guarded, ""); /* from inside the host's vat as well */
    assert_int_equal(w.f->calls, 2);
    assert_null(ww_capnp_cap_server(w.guarded)); /* no way around the guard */
    walled_deinit(&w);
}

static void returned_capability__is_guarded_like_its_giver(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    ww_capnp_cap *made = walled_made(&w, w.root), *of_made = walled_made(&w, made);
    assert_ping_says(&w, of_made, "");
    ww_authority_revoke(&w.epoch);
    assert_ping_says(&w, w.root, STALE);
    assert_ping_says(&w, made, STALE);
    assert_ping_says(&w, of_made, STALE);
    ww_capnp_cap_unref(made);
    ww_capnp_cap_unref(of_made);
    walled_deinit(&w);
}

static void capability_of_the_outside__out_and_in_again__is_itself(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    factory *mine;
    ww_capnp_cap *cap = walled_outsider(&w, &mine);
    ww_capnp_call *call = call_swap(w.root, cap, NULL);
    ww_capnp_cap *back = result_cap(call);
    link_pump(&w.l);
    assert_ptr_equal(factory_of(back), mine);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(cap);
    walled_deinit(&w);
}

static void capability_of_the_inside__in_again__is_itself_there(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    ww_capnp_cap *made = walled_made(&w, w.root);
    waiter h;
    ww_capnp_call_drop(call_hold(w.root, made, &h));
    link_pump(&w.l);
    assert_result(h, 0);
    assert_non_null(factory_of(w.f->held)); /* the object, no guard */
    ww_capnp_cap_unref(made);
    walled_deinit(&w);
}

static void capability_that_crosses_twice__has_one_wrapper_while_held(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    ww_capnp_cap *cap;
    factory_new(w.l.b.vat, &w.live, &cap);
    ww_capnp_cap *one = walled_out(w.membrane, cap), *two = walled_out(w.membrane, cap),
                 *in = walled_in(w.membrane, cap);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, in); /* one for each direction */
    ww_capnp_cap *back = walled_in(w.membrane, one);
    assert_ptr_equal(back, cap);
    ww_capnp_cap *all[] = {one, two, in, back, cap};
    for (size_t i = 0; i < WW_COUNT_OF(all); i++)
        ww_capnp_cap_unref(all[i]);
    assert_null(walled_out(w.membrane, NULL));
    ww_capnp_cap *broken = ww_capnp_broken_new(w.l.b.vat, WW_CAPNP_FAILED, "as it was");
    ww_capnp_cap *same = walled_out(w.membrane, broken);
    assert_ptr_equal(same, broken);
    ww_capnp_cap_unref(same);
    ww_capnp_cap_unref(broken);
    walled_deinit(&w);
}

static void file_descriptor_of_the_inside__stays_inside(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    ww_capnp_cap *cap;
    factory_new(w.l.b.vat, &w.live, &cap);
    assert_ok(ww_capnp_server_attach_fd(cap, 0));
    ww_capnp_cap *out = walled_out(w.membrane, cap);
    assert_int_equal(ww_capnp_cap_fd(cap), 0);
    assert_int_equal(ww_capnp_cap_fd(out), -1);
    ww_capnp_cap_unref(out);
    ww_capnp_cap_unref(cap);
    walled_deinit(&w);
}

static void many_wrappers__each_is_found_again(void **state)
{
    (void)state;
    enum { MANY = 500 };
    membrane_world w;
    walled_init(&w);
    ww_capnp_cap *caps[MANY], *out[MANY];
    for (int i = 0; i < MANY; i++) {
        factory_new(w.l.b.vat, &w.live, &caps[i]);
        out[i] = walled_out(w.membrane, caps[i]);
    }
    for (int i = 0; i < MANY; i++) {
        ww_capnp_cap *again = walled_out(w.membrane, caps[i]);
        assert_ptr_equal(again, out[i]);
        ww_capnp_cap_unref(again);
    }
    for (int i = 0; i < MANY; i++) {
        ww_capnp_cap_unref(out[(i * 7) % MANY]);
        ww_capnp_cap_unref(caps[i]);
    }
    walled_deinit(&w);
}

static void pipelined_calls__arrive_in_order_through_the_guard(void **state)
{
    (void)state;
    membrane_world w;
    waiter settled;
    walled_init(&w);
    waiter orders[6];
    ww_capnp_call *later = ww_capnp_call_new(w.guarded, INTEROP_FACTORY_ID, 9);
    assert_ok(ww_capnp_call_send(later, NULL));
    ww_capnp_cap *promised = result_cap(later);
    for (uint32_t i = 0; i < 3; i++)
        ww_capnp_call_drop(call_order(promised, i, &orders[i]));
    link_pump(&w.l);
    assert_int_equal(orders[0].count, 0);
    walled_carry_out(&w, call_settle(w.guarded, 0, NULL, &settled), &settled);
    for (uint32_t i = 3; i < 6; i++)
        ww_capnp_call_drop(call_order(promised, i, &orders[i]));
    link_pump(&w.l);
    for (uint32_t i = 0; i < 6; i++)
        assert_result(orders[i], i);
    ww_authority_revoke(&w.epoch);
    assert_ping_says(&w, promised, STALE);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(later);
    walled_deinit(&w);
}

static void promise_in_results__resolves_behind_the_guard(void **state)
{
    (void)state;
    membrane_world w;
    waiter settled;
    walled_init(&w);
    waiter orders[3];
    ww_capnp_call *call = call_promise(w.root, NULL);
    ww_capnp_cap *promised = result_cap(call);
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(promised, 0, &orders[0]));
    link_pump(&w.l);
    assert_int_equal(orders[0].count, 0);
    walled_carry_out(&w, call_settle(w.root, 0, NULL, &settled), &settled);
    ww_capnp_call_drop(call_order(promised, 1, &orders[1]));
    link_pump(&w.l);
    assert_result(orders[0], 0);
    assert_result(orders[1], 1);
    ww_authority_revoke(&w.epoch);
    ww_capnp_call_drop(call_order(promised, 2, &orders[2]));
    link_pump(&w.l);
    assert_refused(orders[2], STALE);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(call);
    walled_deinit(&w);
}

static void promise_in_results__resolves_to_the_callers_own__works(void **state)
{
    (void)state;
    membrane_world w;
    waiter settled;
    walled_init(&w);
    waiter one, two;
    factory *mine;
    ww_capnp_cap *cap = walled_outsider(&w, &mine);
    ww_capnp_call *call = call_promise(w.root, NULL);
    ww_capnp_cap *promised = result_cap(call);
    ww_capnp_call_drop(call_order(promised, 0, &one));
    link_pump(&w.l);
    walled_carry_out(&w, call_settle(w.root, 1, cap, &settled), &settled);
    ww_capnp_call_drop(call_order(promised, 1, &two));
    link_pump(&w.l);
    assert_result(one, 0);
    assert_result(two, 1);
    assert_int_equal(mine->count, 2);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(cap);
    walled_deinit(&w);
}

static void tail_call_with_capability__result_is_guarded(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    waiter t;
    ww_capnp_cap *made = walled_made(&w, w.root);
    ww_capnp_call_drop(call_tail(w.root, made, 0, &t));
    link_pump(&w.l);
    assert_result(t, 0);
    ww_capnp_cap_unref(made);
    walled_deinit(&w);
}

/* ---- refusing ---- */

static void grant__ends__says_why(void **state)
{
    (void)state;
    for (int i = 0; i < WW_LINEAGE_PLACES; i++) {
        membrane_world w;
        walled_init(&w);
        ww_authority *each[] = {&w.epoch, &w.principal, &w.session, &w.cell};
        ww_authority_revoke(each[i]);
        assert_int_equal(w.revoked, 1);
        ww_authority_revoke(each[i]);
        assert_ping_says(&w, w.root, i == WW_LINEAGE_EPOCH ? STALE : REVOKED);
        ww_authority_revoke(&w.epoch);
        assert_int_equal(w.revoked, 1); /* it does not end twice */
        assert_ping_says(&w, w.root, STALE);
        assert_int_equal(w.f->calls, 0);
        ww_capnp_cap *late = walled_out(w.membrane, w.root);
        assert_ping_says(&w, late, STALE);
        ww_capnp_cap_unref(late);
        walled_deinit(&w);
    }
}

static void method_not_granted__is_denied_by_any_way(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 7)); /* make, and nothing else */
    membrane_world w;
    walled_init_with(&w, &methods);
    waiter direct, other_id, pipelined, unknown;
    ww_capnp_call_drop(call_order(w.root, 0, &direct));
    /* through the pipeline of a call that is allowed */
    ww_capnp_call *make = call_make(w.root, NULL);
    ww_capnp_cap *made = result_cap(make);
    ww_capnp_call_drop(call_order(made, 0, &pipelined));
    /* by the id of an interface that inherits it */
    ww_capnp_call_drop(call_held(w.root, &other_id));
    ww_capnp_call *call = ww_capnp_call_new(w.root, 0x1234, 7);
    waiter_init(&unknown);
    assert_ok(ww_capnp_call_send(call, &unknown.done));
    ww_capnp_call_drop(call);
    link_pump(&w.l);
    assert_refused(direct, DENIED);
    assert_refused(pipelined, DENIED);
    assert_refused(other_id, DENIED);
    assert_refused(unknown, DENIED); /* nothing is told of what the object is */
    assert_int_equal(w.f->calls, 1);
    ww_capnp_cap *of_made = walled_made(&w, made); /* what is granted is granted all the way */
    assert_ping_says(&w, of_made, DENIED);
    assert_int_equal(w.allowance.refused, 5);
    ww_capnp_cap_unref(of_made);
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(make);
    walled_deinit(&w);
}

static void two_membranes__allow_what_both_allow_and_end_with_either(void **state)
{
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        ww_methods first = {0}, second = {0};
        assert_ok(ww_methods_allow(&first, INTEROP_ECHO_ID, 0));
        assert_ok(ww_methods_allow(&first, INTEROP_ECHO_ID, 7));
        assert_ok(ww_methods_allow(&first, INTEROP_ECHO_ID, 9));
        assert_ok(ww_methods_allow(&second, INTEROP_ECHO_ID, 0));
        assert_ok(ww_methods_allow(&second, INTEROP_ECHO_ID, 6));
        assert_ok(ww_methods_allow(&second, INTEROP_ECHO_ID, 9));
        membrane_world w;
        walled_init_with(&w, &first);
        ww_authority own = {0};
        ww_membrane_options options = walled_options(&w);
        options.authorities[WW_LINEAGE_CELL] = &own;
        options.methods = &second;
        ww_membrane *outer;
        assert_ok(ww_membrane_new(&options, &outer));
        ww_capnp_cap *twice = walled_out(outer, w.guarded);
        waiter o, m;
        assert_ping_says(&w, twice, "");
        ww_capnp_call_drop(call_order(twice, 0, &o));
        ww_capnp_call_drop(call_make(twice, &m));
        /* through one and back through the other: wrapped by both */
        ww_capnp_cap *mine = walled_outsider(&w, NULL);
        ww_capnp_call *swap = call_swap(twice, w.guarded, NULL);
        ww_capnp_cap *back = result_cap(swap);
        link_pump(&w.l);
        assert_refused(o, DENIED);
        assert_refused(m, DENIED);
        assert_ping_says(&w, back, "");
        waiter pending;
        ww_capnp_call_drop(call_ping(twice, 1, &pending));
        ww_authority_revoke(ended ? &own : &w.session);
        link_pump(&w.l);
        assert_refused(pending, REVOKED);
        assert_ping_says(&w, twice, REVOKED);
        ww_capnp_cap_unref(back);
        ww_capnp_call_drop(swap);
        ww_capnp_cap_unref(mine);
        ww_capnp_cap_unref(twice);
        ww_membrane_unref(outer);
        walled_deinit(&w);
    }
}

static void allowance_used_up__says_which_bound(void **state)
{
    (void)state;
    const struct {
        uint32_t handles, calls, words;
        const char *text;
    } rows[] = {
        {1, 9, 1000, "quota: too many open handles"},
        {9, 0, 1000, "quota: too many calls in flight"},
        {9, 9, 1, "quota: too many bytes in flight"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++)
        for (int whose = 0; whose < 2; whose++) {
            membrane_world w;
            walled_init(&w);
            ww_allowance *at = whose ? &w.principal_allowance : &w.allowance;
            uint64_t handles_max = at->budgets[WW_ALLOWANCE_HANDLES].max;
            ww_toll calls = at->calls;
            at->budgets[WW_ALLOWANCE_HANDLES].max = rows[i].handles;
            at->calls = ww_toll_new(rows[i].calls, rows[i].words);
            waiter m;
            ww_capnp_call_drop(call_make(w.root, &m));
            link_pump(&w.l);
            assert_failed(m, WW_CAPNP_OVERLOADED);
            assert_string_equal(m.reason, rows[i].text);
            assert_true(ww_toll_is_unused(&at->calls));
            at->budgets[WW_ALLOWANCE_HANDLES].max = handles_max;
            at->calls = calls;
            assert_ping_says(&w, w.root, ""); /* nothing stays taken */
            walled_deinit(&w);
        }
}

/* A pipelined call goes to the other vat without waiting, and through the guard all the same. */
static void remote_inside__pipelined_call__is_checked(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 7));
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 9));
    membrane_world w;
    waiter settled;
    walled_init(&w);
    factory *far;
    ww_capnp_cap *cap = walled_outsider(&w, &far);
    walled_carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    ww_membrane_options options = walled_options(&w);
    options.methods = &methods;
    ww_membrane *outer;
    assert_ok(ww_membrane_new(&options, &outer));
    ww_capnp_cap *guarded = walled_out(outer, w.f->held);
    waiter order, swapped;
    ww_capnp_call *make = call_make(guarded, NULL);
    ww_capnp_cap *promised = result_cap(make), *own;
    factory_new(w.l.b.vat, &w.live, &own);
    ww_capnp_call_drop(call_order(promised, 0, &order));
    ww_capnp_call *swap = call_swap(promised, own, &swapped); /* granted; comes back as itself */
    link_pump(&w.l);
    assert_refused(order, DENIED);
    assert_int_equal(swapped.failed, false);
    ww_capnp_cap *back = result_cap(swap);
    assert_ptr_equal(factory_of(back), factory_of(own));
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(own);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(make);
    ww_capnp_cap_unref(guarded);
    ww_membrane_unref(outer);
    ww_capnp_cap_unref(cap);
    walled_deinit(&w);
}

/* A promise of the outside that comes to stand for a guard of itself. */
static void promise__resolved_to_its_own_guards__ends_in_an_error(void **state)
{
    (void)state;
    membrane_world w;
    walled_init(&w);
    ww_authority own = {0};
    ww_membrane_options options = walled_options(&w);
    options.authorities[WW_LINEAGE_CELL] = &own;
    ww_membrane *other;
    assert_ok(ww_membrane_new(&options, &other));
    ww_capnp_cap *promise = ww_capnp_promise_new(w.l.b.vat), *in = walled_in(w.membrane, promise),
                 *out = walled_in(other, in);
    ww_capnp_promise_resolve(promise, out);
    waiter p;
    ww_capnp_call_drop(call_ping(promise, 1, &p));
    link_pump(&w.l);
    assert_failed(p, WW_CAPNP_OVERLOADED);
    assert_string_equal(p.reason, "a call through too many membranes");
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(in);
    ww_capnp_cap_unref(out);
    ww_authority_revoke(&own); /* they hold each other until then */
    while (ww_membrane_sweep(other))
        continue;
    ww_membrane_unref(other);
    walled_deinit(&w);
}

/* ---- without memory ---- */

static ww_status cross_all(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_cap_table table;
    ww_authority epoch = {0};
    ww_allowance allowance;
    ww_allowance_init_principal(&allowance);
    ww_cap_table_init(&table, allocator, 10);
    ww_capnp_vat *vat = ww_capnp_vat_new(allocator, NULL);
    if (!vat) return WW_E_MEMORY;
    const ww_membrane_options options = {.allocator = allocator,
                                         .vat = vat,
                                         .table = &table,
                                         .authorities = {&epoch},
                                         .allowance = &allowance};
    ww_membrane *one, *two = NULL;
    ww_status status = ww_membrane_new(&options, &one);
    if (!status) status = ww_membrane_new(&options, &two);
    ww_capnp_cap *cap = NULL, *guarded = NULL, *twice = NULL;
    factory *f = status ? NULL : factory_new(vat, NULL, &cap);
    if (!cap) free(f);
    if (cap) guarded = walled_out(one, cap);
    if (guarded) twice = walled_out(two, guarded);
    waiter swapped, never;
    waiter_init(&swapped);
    waiter_init(&never);
    ww_capnp_call *swap, *pending = ww_capnp_call_new(twice, INTEROP_ECHO_ID, 5);
    interop_echo_swap_params_b p = interop_echo_swap_begin((interop_echo_cap){twice}, &swap);
    interop_echo_swap_params_set_cap(p, (interop_echo_cap){cap});
    bool sent = swap && ww_capnp_call_send(swap, &swapped.done) == WW_OK;
    if (pending) sent = ww_capnp_call_send(pending, &never.done) == WW_OK && sent;
    while (ww_capnp_vat_run(vat, 10))
        continue;
    ww_authority_revoke(&epoch);
    while (ww_capnp_vat_run(vat, 10))
        continue;
    bool ok = sent && pending && !swapped.failed && strcmp(never.reason, STALE) == 0;
    ww_capnp_call_drop(swap);
    ww_capnp_call_drop(pending);
    ww_capnp_cap_unref(twice);
    ww_capnp_cap_unref(guarded);
    ww_capnp_cap_unref(cap);
    ww_capnp_vat_free(vat);
    ww_membrane_unref(two);
    ww_membrane_unref(one);
    assert_int_equal(allowance.budgets[WW_ALLOWANCE_HANDLES].used, 0);
    assert_true(ww_toll_is_unused(&allowance.calls));
    ww_cap_table_deinit(&table);
    return ok ? WW_OK : WW_E_MEMORY;
}

static void crossing__no_memory__fails_and_gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(cross_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call__grant_holds__reaches_the_object),
        cmocka_unit_test(returned_capability__is_guarded_like_its_giver),
        cmocka_unit_test(capability_of_the_outside__out_and_in_again__is_itself),
        cmocka_unit_test(capability_of_the_inside__in_again__is_itself_there),
        cmocka_unit_test(capability_that_crosses_twice__has_one_wrapper_while_held),
        cmocka_unit_test(file_descriptor_of_the_inside__stays_inside),
        cmocka_unit_test(many_wrappers__each_is_found_again),
        cmocka_unit_test(pipelined_calls__arrive_in_order_through_the_guard),
        cmocka_unit_test(promise_in_results__resolves_behind_the_guard),
        cmocka_unit_test(promise_in_results__resolves_to_the_callers_own__works),
        cmocka_unit_test(tail_call_with_capability__result_is_guarded),
        cmocka_unit_test(grant__ends__says_why),
        cmocka_unit_test(method_not_granted__is_denied_by_any_way),
        cmocka_unit_test(two_membranes__allow_what_both_allow_and_end_with_either),
        cmocka_unit_test(allowance_used_up__says_which_bound),
        cmocka_unit_test(remote_inside__pipelined_call__is_checked),
        cmocka_unit_test(promise__resolved_to_its_own_guards__ends_in_an_error),
        cmocka_unit_test(crossing__no_memory__fails_and_gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
