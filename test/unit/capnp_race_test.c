/* Messages that cross on their way: who may overtake whom. Cases of doc/compat/capnp.md by their numbers. */
#include "support/capnp_stage.h"
#include "support/capnp_world.h"

/* ---- two vats, each direction held up at will ---- */

/* a swaps a promise of its own, which becomes b's root while the answer is still on its way. */
static void t27__answer_names_an_export_that_now_leads_back__later_calls_wait(void **state)
{
    (void)state;
    world w;
    waiter order[2];
    world_init(&w);
    ww_capnp_cap *promise = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call *swap = call_swap(w.root, promise, NULL);
    ww_capnp_cap *back = result_cap(swap);
    ww_capnp_call_drop(call_order(back, 0, &order[0]));
    w.l.b.is_blocked = true;
    link_pump(&w.l); /* b has answered and sent the call back; both wait */
    w.l.a.is_blocked = true;
    ww_capnp_promise_resolve(promise, w.root);
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    uint32_t calls = w.l.a.sent[RPC_MESSAGE_IS_CALL];
    ww_capnp_call_drop(call_order(back, 1, &order[1]));
    assert_int_equal(ww_capnp_conn_count(w.l.a.conn).embargoes, 1);
    w.l.b.is_blocked = true;
    w.l.a.is_blocked = false;
    link_pump(&w.l); /* the first call comes to b, the second one does not leave a */
    assert_int_equal(w.l.a.sent[RPC_MESSAGE_IS_CALL], calls + 1);
    assert_int_equal(w.f->count, 1);
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    assert_result(order[0], 0);
    assert_result(order[1], 1);
    assert_int_equal(ww_capnp_conn_count(w.l.a.conn).embargoes, 0);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(promise);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t28__own_object_come_home_in_a_promise__is_called_directly_in_the_end(void **state)
{
    (void)state;
    world w;
    waiter done, first, second;
    world_init(&w);
    ww_capnp_cap *promise = ww_capnp_promise_new(w.l.a.vat);
    ww_capnp_call_drop(call_hold(w.root, promise, &done));
    ww_capnp_call_drop(call_call_held(w.root, 0, &first)); /* b uses it: there will be an embargo */
    link_pump(&w.l);
    ww_capnp_call *make = call_make(w.root, NULL);
    ww_capnp_cap *made = result_cap(make);
    link_pump(&w.l);
    ww_capnp_promise_resolve(promise, made);
    link_pump(&w.l);
    assert_result(first, 0);
    assert_non_null(ww_capnp_cap_server(w.f->held));
    uint32_t before = w.l.b.sent[RPC_MESSAGE_IS_CALL];
    ww_capnp_call_drop(call_call_held(w.root, 1, &second));
    link_pump(&w.l);
    assert_result(second, 1);
    assert_int_equal(w.l.b.sent[RPC_MESSAGE_IS_CALL], before); /* no way around */
    ww_capnp_call_drop(call_hold(w.root, NULL, &done));
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(make);
    link_pump(&w.l);
    world_deinit(&w);
}

static void t26__promise_under_embargo__is_not_yet_the_object_it_leads_to(void **state)
{
    (void)state;
    world w;
    waiter order;
    world_init(&w);
    factory *f;
    ww_capnp_cap *cap = world_mine(&w, &f);
    ww_capnp_call *swap = call_swap(w.root, cap, NULL);
    ww_capnp_cap *back = result_cap(swap);
    ww_capnp_call_drop(call_order(back, 0, &order));
    w.l.b.is_blocked = true;
    link_pump(&w.l);
    w.l.b.is_blocked = false;
    w.l.a.is_blocked = true;
    link_pump(&w.l);
    assert_int_equal(ww_capnp_conn_count(w.l.a.conn).embargoes, 1);
    assert_null(ww_capnp_cap_server(back));
    w.l.a.is_blocked = false;
    link_pump(&w.l);
    assert_ptr_equal(ww_capnp_cap_server(back), &f->server);
    assert_result(order, 0);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(cap);
    link_pump(&w.l);
    world_deinit(&w);
}

/* a holds a promise of b, b one of a. */
typedef struct crossing {
    world w;
    ww_capnp_cap *of_a, *of_b;
    ww_capnp_call *asked;
} crossing;

static void crossing_init(crossing *x)
{
    waiter done;
    world_init(&x->w);
    x->of_a = ww_capnp_promise_new(x->w.l.a.vat);
    x->asked = call_promise(x->w.root, NULL);
    x->of_b = result_cap(x->asked);
    ww_capnp_call_drop(call_hold(x->w.root, x->of_a, &done));
    link_pump(&x->w.l);
}

static void crossing_deinit(crossing *x)
{
    waiter done;
    ww_capnp_cap_unref(x->of_a);
    ww_capnp_cap_unref(x->of_b);
    ww_capnp_call_drop(x->asked);
    ww_capnp_call_drop(call_hold(x->w.root, NULL, &done));
    link_pump(&x->w.l);
    world_deinit(&x->w);
}

static void t37__promises_resolved_to_each_other_at_once__break(void **state)
{
    (void)state;
    crossing x;
    waiter settled, of_a[2], of_b[2];
    crossing_init(&x);
    ww_capnp_call_drop(call_ping(x.of_a, 1, &of_a[0]));
    ww_capnp_call_drop(call_ping(x.of_b, 1, &of_b[0]));
    ww_capnp_call_drop(call_settle(x.w.root, 4, NULL, &settled)); /* to what is held */
    x.w.l.b.is_blocked = true;
    link_pump(&x.w.l);
    ww_capnp_promise_resolve(x.of_a, x.of_b);
    x.w.l.b.is_blocked = false;
    link_pump(&x.w.l); /* which ends: nothing goes around for ever */
    ww_capnp_call_drop(call_ping(x.of_a, 2, &of_a[1]));
    ww_capnp_call_drop(call_ping(x.of_b, 2, &of_b[1]));
    link_pump(&x.w.l);
    for (int i = 0; i < 2; i++) {
        assert_failed(of_a[i], WW_CAPNP_FAILED);
        assert_failed(of_b[i], WW_CAPNP_FAILED);
    }
    crossing_deinit(&x);
}

/* a's promise becomes b's, which becomes an object of b at the same time. */
static void t37__promise_resolved_to_one_that_settles_meanwhile__keeps_the_order(void **state)
{
    (void)state;
    crossing x;
    waiter settled, order[6];
    crossing_init(&x);
    ww_capnp_call_drop(call_order(x.of_a, 0, &order[0]));
    ww_capnp_call_drop(call_settle(x.w.root, 0, NULL, &settled));
    x.w.l.b.is_blocked = true;
    link_pump(&x.w.l);
    ww_capnp_promise_resolve(x.of_a, x.of_b);
    ww_capnp_call_drop(call_order(x.of_a, 1, &order[1]));
    ww_capnp_call_drop(call_call_held(x.w.root, 2, &order[2])); /* by b, through a's promise */
    link_pump(&x.w.l);
    x.w.l.b.is_blocked = false;
    link_pump(&x.w.l);
    for (uint32_t i = 3; i < 5; i++)
        ww_capnp_call_drop(call_order(x.of_a, i, &order[i]));
    link_pump(&x.w.l);
    for (uint32_t i = 0; i < 5; i++)
        assert_result(order[i], i);
    crossing_deinit(&x);
}

/* ---- a peer played message by message ---- */

static void lift(stage *s, uint32_t embargo)
{
    rpc_disembargo_b d = rpc_message_init_disembargo(stage_message(s));
    rpc_message_target_set_imported_cap(rpc_disembargo_init_target(d), 0);
    rpc_disembargo_context_set_receiver_loopback(rpc_disembargo_edit_context(d), embargo);
    stage_play(s);
}

/* Our side holds promise 8 of the peer, and has told it that export *id stands for that promise. */
static ww_capnp_cap *announced(stage *s, ww_capnp_cap *root, ww_capnp_cap *promise, uint32_t *id)
{
    ww_capnp_call *make = call_make(root, NULL);
    stage_settle(s);
    rpc_cap_descriptor_set_sender_promise(stage_return_cap(s, stage_question(s)), 8);
    stage_play(s);
    ww_capnp_cap *theirs = result_cap(make);
    ww_capnp_call_drop(make);
    ww_capnp_call_drop(call_hold(root, promise, NULL));
    stage_settle(s);
    *id = stage_described(s);
    ww_capnp_promise_resolve(promise, theirs);
    stage_settle(s);
    rpc_cap_descriptor_r d =
        rpc_resolve_cap(rpc_message_resolve(stage_last(s, RPC_MESSAGE_IS_RESOLVE)));
    assert_int_equal(rpc_cap_descriptor_receiver_hosted(d), 8);
    return theirs;
}

static void t38__disembargo_of_a_promise_that_went_on__goes_where_the_peer_was_told(void **state)
{
    (void)state;
    stage s;
    uint32_t id;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s), *promise = ww_capnp_promise_new(s.vat), *mine;
    factory_new(s.vat, NULL, &mine);
    ww_capnp_cap *theirs = announced(&s, root, promise, &id);
    ww_capnp_call *held = call_never(root, mine, NULL);
    stage_settle(&s);
    uint32_t own = stage_described(&s);
    rpc_resolve_b r = rpc_message_init_resolve(stage_message(&s));
    rpc_resolve_set_promise_id(r, 8); /* their promise is our object: we know the shorter way now */
    rpc_cap_descriptor_set_receiver_hosted(rpc_resolve_init_cap(r), own);
    stage_play(&s);
    lift(&s, 0);
    assert_non_null(ww_capnp_cap_server(promise));
    rpc_disembargo_b d = rpc_message_init_disembargo(stage_message(&s));
    rpc_message_target_set_imported_cap(rpc_disembargo_init_target(d), id);
    rpc_disembargo_context_set_sender_loopback(rpc_disembargo_edit_context(d), 5);
    stage_play(&s);
    assert_false(ww_capnp_conn_is_over(s.conn));
    rpc_disembargo_r answer = rpc_message_disembargo(stage_last(&s, RPC_MESSAGE_IS_DISEMBARGO));
    assert_int_equal(rpc_disembargo_context_receiver_loopback(rpc_disembargo_context(answer)), 5);
    assert_int_equal(rpc_message_target_imported_cap(rpc_disembargo_target(answer)), 8);
    stage_call_export(&s, 60, id, INTEROP_ECHO_ID, 0); /* calls do as well */
    stage_play(&s);
    rpc_call_r forwarded = rpc_message_call(stage_last(&s, RPC_MESSAGE_IS_CALL));
    assert_int_equal(rpc_message_target_imported_cap(rpc_call_target(forwarded)), 8);
    ww_capnp_call_drop(held);
    ww_capnp_cap_unref(theirs);
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static bool comes_before(const stage *s, uint8_t first, uint8_t second)
{
    uint32_t a = UINT32_MAX, b = 0;
    for (uint32_t i = s->log_size; i-- > 0;)
        if (s->log[i] == first) a = i;
    for (uint32_t i = 0; i < s->log_size; i++)
        if (s->log[i] == second) b = i;
    return a < b;
}

/* An answer, then a promise, leads back to us; our references to both are dropped at once. */
static void t39__disembargo__leaves_before_the_finish_or_release_of_its_target(void **state)
{
    (void)state;
    for (int is_promise = 0; is_promise < 2; is_promise++) {
        stage s;
        waiter first;
        stage_init(&s, NULL);
        ww_capnp_cap *root = stage_root(&s), *mine;
        factory_new(s.vat, NULL, &mine);
        ww_capnp_call *swap = call_swap(root, mine, NULL);
        stage_settle(&s);
        uint32_t own = stage_described(&s), question = stage_question(&s);
        ww_capnp_cap *back = result_cap(swap);
        if (is_promise) {
            rpc_cap_descriptor_set_sender_promise(stage_return_cap(&s, question), 9);
            stage_play(&s);
        }
        s.log_size = 0;
        ww_capnp_call_drop(call_ping(back, 1, &first));
        if (is_promise) {
            rpc_resolve_b r = rpc_message_init_resolve(stage_message(&s));
            rpc_resolve_set_promise_id(r, 9);
            rpc_cap_descriptor_set_receiver_hosted(rpc_resolve_init_cap(r), own);
        } else {
            rpc_cap_descriptor_set_receiver_hosted(stage_return_cap(&s, question), own);
        }
        ww_capnp_cap_unref(back);
        ww_capnp_call_drop(swap);
        stage_play(&s);
        assert_int_equal(s.got[RPC_MESSAGE_IS_DISEMBARGO], 1);
        lift(&s, 0);
        rpc_return_b r = rpc_message_init_return(stage_message(&s)); /* the ping's */
        rpc_return_set_answer_id(r, stage_question(&s));
        rpc_return_set_canceled(r);
        stage_play(&s);
        assert_true(comes_before(&s, RPC_MESSAGE_IS_DISEMBARGO,
                                 is_promise ? RPC_MESSAGE_IS_RELEASE : RPC_MESSAGE_IS_FINISH));
        ww_capnp_cap_unref(mine);
        ww_capnp_cap_unref(root);
        stage_deinit(&s);
    }
}

/* The peer's answer says: the result of that call of ours, which we have just answered with an object of ours. */
static void t40__answer_names_an_answer_just_sent__calls_keep_their_order(void **state)
{
    (void)state;
    stage s;
    waiter order[2];
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s);
    ww_capnp_call *ask = call_make(root, NULL);
    ww_capnp_cap *made = result_cap(ask);
    ww_capnp_call_drop(call_order(made, 0, &order[0]));
    stage_settle(&s);
    uint32_t first_call = stage_question(&s), question = first_call - 1;
    stage_bootstrap(&s, 20);
    rpc_call_b call = stage_ping(&s, 21, 20);
    rpc_call_set_method_id(call, 7); /* make */
    stage_play(&s);
    rpc_promised_answer_b answer =
        rpc_cap_descriptor_init_receiver_answer(stage_return_cap(&s, question));
    rpc_promised_answer_set_question_id(answer, 21);
    rpc_promised_answer_op_set_get_pointer_field(
        rpc_promised_answer_op_lb_at(rpc_promised_answer_init_transform(answer, 1), 0), 0);
    stage_play(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_DISEMBARGO], 1);
    ww_capnp_call_drop(call_order(made, 1, &order[1]));
    stage_settle(&s);
    assert_int_equal(order[1].count, 0);
    stage_call_answer(&s, 22, 21, INTEROP_ECHO_ID, 6); /* order, the first call come home */
    stage_play(&s);
    lift(&s, 0);
    assert_result(order[1], 1);
    rpc_return_b r = rpc_message_init_return(stage_message(&s));
    rpc_return_set_answer_id(r, first_call);
    rpc_return_set_canceled(r);
    stage_play(&s);
    assert_int_equal(order[0].count, 1);
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(ask);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

/* ---- circles that a peer makes on purpose ---- */

static void resolve_to_export(stage *s, uint32_t promise, uint32_t id)
{
    rpc_resolve_b r = rpc_message_init_resolve(stage_message(s));
    rpc_resolve_set_promise_id(r, promise);
    rpc_cap_descriptor_set_receiver_hosted(rpc_resolve_init_cap(r), id);
    stage_play(s);
}

/* Promises 8 and 9 of the peer, each resolved to an export of ours that stands for the other. */
static void circle__through_two_embargoes__breaks(void **state)
{
    (void)state;
    stage s;
    waiter done[4];
    uint32_t own[2];
    ww_capnp_cap *root, *theirs[2], *mine[2];
    stage_init(&s, NULL);
    root = stage_root(&s);
    for (uint32_t i = 0; i < 2; i++) {
        ww_capnp_call *make = call_make(root, NULL);
        stage_settle(&s);
        rpc_cap_descriptor_set_sender_promise(stage_return_cap(&s, stage_question(&s)), 8 + i);
        stage_play(&s);
        theirs[i] = result_cap(make);
        ww_capnp_call_drop(make);
        mine[i] = ww_capnp_promise_new(s.vat);
        ww_capnp_call_drop(call_never(root, mine[i], &done[i]));
        stage_settle(&s);
        own[i] = stage_described(&s);
        ww_capnp_call_drop(call_ping(theirs[i], 1, &done[2 + i]));
    }
    for (uint32_t i = 0; i < 2; i++)
        ww_capnp_promise_resolve(mine[i], theirs[1 - i]);
    stage_settle(&s);
    for (uint32_t i = 0; i < 2; i++)
        resolve_to_export(&s, 8 + i, own[i]);
    lift(&s, 0);
    waiter after;
    ww_capnp_call_drop(call_ping(theirs[0], 2, &after));
    stage_settle(&s);
    assert_failed(after, WW_CAPNP_FAILED);
    for (uint32_t i = 0; i < 2; i++) {
        ww_capnp_cap_unref(theirs[i]);
        ww_capnp_cap_unref(mine[i]);
    }
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

/* Two calls that we passed on, each said to be answered with the other's results. */
static void circle__of_results_taken_from_each_other__aborts(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s);
    stage_bootstrap(&s, 20);
    ww_capnp_cap *promise = ww_capnp_promise_new(s.vat);
    ww_capnp_call *hold = call_hold(root, promise, NULL);
    stage_settle(&s);
    uint32_t id = stage_described(&s), questions[2];
    ww_capnp_promise_resolve(promise, root); /* what the peer calls there goes back to it */
    stage_settle(&s);
    for (uint32_t i = 0; i < 2; i++) {
        rpc_call_b call = stage_call_export(&s, 30 + i, id, INTEROP_ECHO_ID, 0);
        rpc_call_send_results_to_set_yourself(rpc_call_edit_send_results_to(call));
        stage_play(&s);
        questions[i] = stage_question(&s);
    }
    for (uint32_t i = 0; i < 2; i++) {
        rpc_return_b r = rpc_message_init_return(stage_message(&s));
        rpc_return_set_answer_id(r, questions[i]);
        rpc_return_set_take_from_other_question(r, 31 - i);
        if (!ww_capnp_conn_is_over(s.conn)) stage_play(&s);
    }
    assert_true(ww_capnp_conn_is_over(s.conn));
    ww_capnp_call_drop(hold);
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

/* A call whose parameters hold a place of its own answer, directly and through a promise that becomes that place. */
static void circle__of_a_call_and_its_own_parameters__is_freed(void **state)
{
    (void)state;
    for (int is_promise = 0; is_promise < 2; is_promise++)
        for (uint16_t method = 5; method <= 9; method += 4) { /* never, and swap */
            stage s;
            stage_init(&s, NULL);
            stage_bootstrap(&s, 1);
            rpc_call_b call = stage_ping(&s, 2, 1);
            rpc_call_set_method_id(call, method);
            rpc_payload_b params = rpc_call_edit_params(call);
            const uint64_t cap_pointer = 3;
            ww_capnp_struct_b content = ww_capnp_any_b_init_struct(
                rpc_payload_pointer_content(params), (ww_capnp_struct_size){0, 1});
            memcpy(ww_capnp_struct_b_pointer(content, 0).at, &cap_pointer, sizeof cap_pointer);
            rpc_cap_descriptor_b d =
                rpc_cap_descriptor_lb_at(rpc_payload_init_cap_table(params, 1), 0);
            if (is_promise) {
                rpc_cap_descriptor_set_sender_promise(d, 30);
                stage_play(&s);
                rpc_resolve_b r = rpc_message_init_resolve(stage_message(&s));
                rpc_resolve_set_promise_id(r, 30);
                d = rpc_resolve_init_cap(r);
            }
            rpc_promised_answer_b answer = rpc_cap_descriptor_init_receiver_answer(d);
            rpc_promised_answer_set_question_id(answer, 2);
            rpc_promised_answer_op_set_get_pointer_field(
                rpc_promised_answer_op_lb_at(rpc_promised_answer_init_transform(answer, 1), 0), 0);
            stage_play(&s);
            assert_true(stage_is_alive(&s));
            stage_deinit(&s);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t26__promise_under_embargo__is_not_yet_the_object_it_leads_to),
        cmocka_unit_test(t27__answer_names_an_export_that_now_leads_back__later_calls_wait),
        cmocka_unit_test(t28__own_object_come_home_in_a_promise__is_called_directly_in_the_end),
        cmocka_unit_test(t37__promises_resolved_to_each_other_at_once__break),
        cmocka_unit_test(t37__promise_resolved_to_one_that_settles_meanwhile__keeps_the_order),
        cmocka_unit_test(t38__disembargo_of_a_promise_that_went_on__goes_where_the_peer_was_told),
        cmocka_unit_test(t39__disembargo__leaves_before_the_finish_or_release_of_its_target),
        cmocka_unit_test(t40__answer_names_an_answer_just_sent__calls_keep_their_order),
        cmocka_unit_test(circle__through_two_embargoes__breaks),
        cmocka_unit_test(circle__of_a_call_and_its_own_parameters__is_freed),
        cmocka_unit_test(circle__of_results_taken_from_each_other__aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
