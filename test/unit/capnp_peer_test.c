/* One vat and a peer that the test plays message by message: cases of doc/compat/capnp.md by their numbers. */
#include "support/capnp_stage.h"

static void t18__return_for_a_question_never_asked__aborts(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    rpc_return_set_answer_id(rpc_message_init_return(stage_message(&s)), 1234);
    stage_play(&s);
    assert_true(ww_capnp_conn_is_over(s.conn));
    assert_int_equal(s.got[RPC_MESSAGE_IS_ABORT], 1);
    stage_deinit(&s);
}

static void t31__message_above_the_limit__aborts(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    const uint32_t table[] = {0, (8 << 20) + 1};
    ww_diag diag;
    assert_int_equal(ww_capnp_conn_feed(s.conn, ww_view_of(table, sizeof table), &diag),
                     WW_E_CLOSED);
    assert_true(ww_capnp_conn_is_over(s.conn));
    stage_deinit(&s);
}

static void t31__call_above_the_limit__fails_alone(void **state)
{
    (void)state;
    stage s;
    waiter done;
    ww_capnp_limits limits = WW_CAPNP_LIMITS_DEFAULT;
    limits.message_words_max = 1000;
    stage_init(&s, &limits);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(s.conn);
    ww_capnp_call *call;
    interop_echo_blob_params_init_d(interop_echo_blob_begin((interop_echo_cap){root}, &call), 9000);
    waiter_init(&done);
    assert_int_equal(ww_capnp_call_send(call, &done.done), WW_E_LIMIT);
    ww_capnp_call_drop(call);
    assert_true(stage_is_alive(&s));
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t48__unknown_finish__is_ignored(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_finish(&s, 77);
    assert_true(stage_is_alive(&s));
    stage_bootstrap(&s, 1);
    rpc_call_b call = stage_ping(&s, 2, 1);
    rpc_call_set_method_id(call, 5); /* never */
    stage_play(&s);
    assert_int_equal(ww_capnp_conn_count(s.conn).answers, 2);
    stage_deinit(&s);
}

static void t03__call_for_its_pipelines_only__is_answered_through_them(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    const uint32_t id = UINT32_C(1) << 31 | 5;
    stage_bootstrap(&s, 1);
    rpc_call_b call = stage_ping(&s, id, 1);
    rpc_call_set_method_id(call, 7);      /* make */
    ww_capnp_set_bool(call.s, 130, true); /* onlyPromisePipeline */
    stage_play(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RETURN], 1); /* the bootstrap's alone */
    stage_call_answer(&s, 3, id, INTEROP_ECHO_ID, 0);
    stage_play(&s);
    assert_int_equal(rpc_return_answer_id(s.last_return), 3);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_RESULTS);
    assert_int_equal(ww_capnp_conn_count(s.conn).exports, 1); /* what was made was not described */
    stage_finish(&s, id);
    stage_finish(&s, 1);
    assert_int_equal(ww_capnp_conn_count(s.conn).answers, 0);
    assert_true(stage_is_alive(&s));
    stage_deinit(&s);
}

static void hint__results_without_capabilities__are_not_pipelined_on(void **state)
{
    (void)state;
    stage s;
    waiter done, piped;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s);
    ww_capnp_call *make = call_make(root, NULL);
    stage_settle(&s);
    assert_false(ww_capnp_get_bool(rpc_message_call(stage_last(&s, RPC_MESSAGE_IS_CALL)).s, 129));
    ww_capnp_call *ping = call_ping(root, 1, &done);
    stage_settle(&s);
    assert_true(ww_capnp_get_bool(rpc_message_call(stage_last(&s, RPC_MESSAGE_IS_CALL)).s, 129));
    uint32_t id = stage_question(&s), calls = s.got[RPC_MESSAGE_IS_CALL];
    ww_capnp_cap *nothing = result_cap(ping);
    ww_capnp_call_drop(call_ping(nothing, 2, &piped));
    stage_settle(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_CALL], calls); /* we keep our word */
    rpc_return_b r = rpc_message_init_return(stage_message(&s));
    rpc_return_set_answer_id(r, id);
    ww_capnp_any_b_init_struct(rpc_payload_pointer_content(rpc_return_init_results(r)),
                               INTEROP_ECHO_PING_RESULTS_SIZE);
    stage_play(&s);
    assert_result(done, 0);
    assert_failed(piped, WW_CAPNP_FAILED);
    ww_capnp_cap_unref(nothing);
    ww_capnp_call_drop(ping);
    ww_capnp_call_drop(make);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t48__answer_finished_twice__aborts(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    rpc_call_b call = stage_ping(&s, 2, 1);
    rpc_call_set_interface_id(call, INTEROP_FACTORY_ID);
    rpc_call_set_method_id(call, 9); /* later: answers when it likes */
    stage_play(&s);
    stage_finish(&s, 2);
    assert_false(ww_capnp_conn_is_over(s.conn));
    stage_finish(&s, 2);
    assert_true(ww_capnp_conn_is_over(s.conn));
    assert_int_equal(s.got[RPC_MESSAGE_IS_ABORT], 1);
    ww_capnp_call_return(s.root->later);
    stage_deinit(&s);
}

static void t48__path_to_no_capability__fails_that_call_only(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    rpc_call_b call = stage_ping(&s, 2, 1);
    rpc_promised_answer_b target =
        rpc_message_target_edit_promised_answer(rpc_call_edit_target(call));
    rpc_promised_answer_op_set_get_pointer_field(
        rpc_promised_answer_op_lb_at(rpc_promised_answer_init_transform(target, 1), 0), 0);
    stage_play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    stage_ping(&s, 3, 99); /* an answer that never was */
    stage_play(&s);
    assert_int_equal(rpc_return_answer_id(s.last_return), 3);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    assert_true(stage_is_alive(&s));
    stage_deinit(&s);
}

static void
t59__paths_on_the_answer_to_a_bootstrap__only_the_empty_one_leads_somewhere(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    stage_bootstrap(&s, 2);
    stage_finish(&s, 1);
    stage_ping(&s, 3, 2);
    stage_play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_RESULTS);
    stage_call_answer(&s, 4, 2, INTEROP_ECHO_ID, 0);
    stage_play(&s);
    assert_int_equal(rpc_return_answer_id(s.last_return), 4);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    stage_ping(&s, 5, 1);
    stage_play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    assert_true(stage_is_alive(&s));
    stage_deinit(&s);
}

static void t50__answer_without_finish_of_the_peer__frees_our_number_at_once(void **state)
{
    (void)state;
    stage s;
    waiter done;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s);
    uint32_t finishes = s.got[RPC_MESSAGE_IS_FINISH], first = 0;
    for (uint64_t i = 0; i < 3; i++) {
        ww_capnp_call_drop(call_ping(root, i, &done));
        stage_settle(&s);
        uint32_t id = stage_question(&s);
        if (i) assert_int_equal(id, first);
        first = id;
        rpc_return_b r = rpc_message_init_return(stage_message(&s));
        rpc_return_set_answer_id(r, id);
        ww_capnp_set_bool(r.s, 33, true); /* noFinishNeeded */
        ww_capnp_struct_b content =
            ww_capnp_any_b_init_struct(rpc_payload_pointer_content(rpc_return_init_results(r)),
                                       INTEROP_ECHO_PING_RESULTS_SIZE);
        ww_capnp_set_u64(content, 0, i);
        stage_play(&s);
        assert_result(done, i);
    }
    assert_int_equal(s.got[RPC_MESSAGE_IS_FINISH], finishes);
    assert_int_equal(ww_capnp_conn_count(s.conn).questions, 0);
    ww_capnp_cap_unref(root);
    stage_settle(&s);
    stage_deinit(&s);
}

static void t50__answer_without_finish__frees_its_number_at_once(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    for (int i = 0; i < 3; i++) {
        stage_ping(&s, 2, 1);
        stage_play(&s);
        assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_RESULTS);
        assert_true(ww_capnp_get_bool(s.last_return.s, 33)); /* noFinishNeeded */
    }
    stage_finish(&s, 2); /* late, of an older peer */
    stage_ping(&s, 2, 1);
    stage_play(&s);
    assert_false(ww_capnp_conn_is_over(s.conn));
    stage_deinit(&s);
}

static void t51__canceled_without_our_asking__fails_the_question(void **state)
{
    (void)state;
    stage s;
    waiter done;
    stage_init(&s, NULL);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(s.conn);
    ww_capnp_call_drop(call_ping(root, 1, &done));
    rpc_return_b r = rpc_message_init_return(stage_message(&s));
    rpc_return_set_answer_id(r, 1);
    rpc_return_set_canceled(r);
    stage_play(&s);
    assert_failed(done, WW_CAPNP_FAILED);
    assert_true(stage_is_alive(&s));
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t43__every_question_unimplemented__fails_and_lives(void **state)
{
    (void)state;
    stage s;
    waiter done;
    stage_init(&s, NULL);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(s.conn);
    ww_capnp_cap *mine;
    factory_new(s.vat, NULL, &mine);
    ww_capnp_call_drop(call_swap(root, mine, &done));
    assert_int_equal(ww_capnp_conn_count(s.conn).exports, 1);
    rpc_call_set_question_id(
        rpc_message_init_call(rpc_message_init_unimplemented(stage_message(&s))), 1);
    stage_play(&s);
    assert_failed(done, WW_CAPNP_UNIMPLEMENTED);
    assert_int_equal(ww_capnp_conn_count(s.conn).exports,
                     0); /* the parameters' references are back */
    assert_int_equal(s.got[RPC_MESSAGE_IS_FINISH], 0);
    assert_true(stage_is_alive(&s));
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

/* An exported promise is resolved to an object; the peer does not know the message that says so. */
static void t43__resolve_unimplemented__gives_back_what_it_carried(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s), *mine, *promise = ww_capnp_promise_new(s.vat);
    factory_new(s.vat, NULL, &mine);
    ww_capnp_call *call = call_never(root, promise, NULL);
    stage_settle(&s);
    uint32_t id = stage_described(&s);
    ww_capnp_promise_resolve(promise, mine);
    stage_settle(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RESOLVE], 1);
    assert_int_equal(ww_capnp_conn_count(s.conn).exports, 2);
    rpc_resolve_r sent = rpc_message_resolve(stage_last(&s, RPC_MESSAGE_IS_RESOLVE));
    rpc_resolve_b echo =
        rpc_message_init_resolve(rpc_message_init_unimplemented(stage_message(&s)));
    rpc_resolve_set_promise_id(echo, id);
    rpc_cap_descriptor_set_sender_hosted(rpc_resolve_init_cap(echo),
                                         rpc_cap_descriptor_sender_hosted(rpc_resolve_cap(sent)));
    stage_play(&s);
    assert_int_equal(ww_capnp_conn_count(s.conn).exports, 1); /* the promise, which it holds */
    stage_call_export(&s, 50, id, INTEROP_ECHO_ID, 0);
    stage_play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_RESULTS);
    assert_true(stage_is_alive(&s));
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t43__disembargo_unimplemented__fails_what_it_held_up(void **state)
{
    (void)state;
    stage s;
    waiter first, second;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s), *mine;
    factory_new(s.vat, NULL, &mine);
    ww_capnp_call *swap = call_swap(root, mine, NULL);
    stage_settle(&s);
    uint32_t question = stage_question(&s), id = stage_described(&s);
    ww_capnp_cap *back = result_cap(swap);
    ww_capnp_call_drop(call_ping(back, 1, &first));
    rpc_cap_descriptor_set_receiver_hosted(stage_return_cap(&s, question), id);
    stage_play(&s);
    ww_capnp_call_drop(call_ping(back, 2, &second));
    stage_settle(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_DISEMBARGO], 1);
    assert_int_equal(second.count, 0);
    rpc_disembargo_b echo =
        rpc_message_init_disembargo(rpc_message_init_unimplemented(stage_message(&s)));
    rpc_disembargo_context_set_sender_loopback(rpc_disembargo_edit_context(echo), 0);
    stage_play(&s);
    assert_failed(second, WW_CAPNP_FAILED);
    assert_int_equal(ww_capnp_conn_count(s.conn).embargoes, 0);
    assert_true(stage_is_alive(&s));
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t43__messages_that_need_no_answer_unimplemented__are_ignored(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    static const unsigned kinds[] = {RPC_RETURN_IS_CANCELED, RPC_RETURN_IS_RESULTS_SENT_ELSEWHERE,
                                     RPC_RETURN_IS_TAKE_FROM_OTHER_QUESTION};
    for (size_t i = 0; i < WW_COUNT_OF(kinds); i++) {
        rpc_return_b r = rpc_message_init_return(rpc_message_init_unimplemented(stage_message(&s)));
        ww_capnp_set_u16(r.s, 3, (uint16_t)kinds[i]);
        stage_play(&s);
    }
    rpc_message_init_finish(rpc_message_init_unimplemented(stage_message(&s)));
    stage_play(&s);
    rpc_message_init_release(rpc_message_init_unimplemented(stage_message(&s)));
    stage_play(&s);
    rpc_message_init_unimplemented(rpc_message_init_unimplemented(stage_message(&s)));
    stage_play(&s);
    assert_int_equal(s.log_size, 0);
    assert_true(stage_is_alive(&s));
    stage_deinit(&s);
}

static void t41__resolve_of_a_released_import__gives_back_what_it_carries(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    rpc_resolve_b r = rpc_message_init_resolve(stage_message(&s));
    rpc_resolve_set_promise_id(r, 5);
    rpc_cap_descriptor_set_sender_hosted(rpc_resolve_init_cap(r), 6);
    stage_play(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RELEASE], 1);
    assert_int_equal(ww_capnp_conn_count(s.conn).imports, 0);
    assert_true(stage_is_alive(&s));
    stage_deinit(&s);
}

/* A connection without a way for descriptors: the capability works, what is attached is not there. */
static void t32__capability_with_a_descriptor_that_did_not_come__works_without_it(void **state)
{
    (void)state;
    stage s;
    waiter done;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s), *mine;
    factory_new(s.vat, NULL, &mine);
    ww_capnp_call *swap = call_swap(root, mine, NULL);
    stage_settle(&s);
    rpc_payload_r sent = rpc_call_params(rpc_message_call(stage_last(&s, RPC_MESSAGE_IS_CALL)));
    assert_int_equal(
        rpc_cap_descriptor_attached_fd(rpc_cap_descriptor_l_at(rpc_payload_cap_table(sent), 0)),
        UINT8_MAX); /* we attach none */
    rpc_cap_descriptor_b d = stage_return_cap(&s, stage_question(&s));
    rpc_cap_descriptor_set_sender_hosted(d, 40);
    rpc_cap_descriptor_set_attached_fd(d, 0);
    stage_play(&s);
    ww_capnp_cap *back = result_cap(swap);
    ww_capnp_call_drop(call_ping(back, 1, &done));
    stage_settle(&s);
    assert_int_equal(rpc_message_target_imported_cap(
                         rpc_call_target(rpc_message_call(stage_last(&s, RPC_MESSAGE_IS_CALL)))),
                     40);
    rpc_return_b r = rpc_message_init_return(stage_message(&s));
    rpc_return_set_answer_id(r, stage_question(&s));
    rpc_return_set_canceled(r);
    stage_play(&s);
    assert_int_equal(done.count, 1);
    assert_true(stage_is_alive(&s));
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t57__messages_of_level_3__are_echoed(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    static const uint16_t kinds[] = {RPC_MESSAGE_IS_PROVIDE, RPC_MESSAGE_IS_ACCEPT,
                                     RPC_MESSAGE_IS_JOIN, 14, 999};
    for (uint32_t i = 0; i < WW_COUNT_OF(kinds); i++) {
        ww_capnp_set_u16(stage_message(&s).s, 0, kinds[i]);
        stage_play(&s);
        assert_int_equal(s.got[RPC_MESSAGE_IS_UNIMPLEMENTED], i + 1);
    }
    assert_true(stage_is_alive(&s));
    stage_deinit(&s);
}

static void t57__calls_and_answers_of_level_3__are_echoed(void **state)
{
    (void)state;
    stage s;
    waiter done;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    rpc_call_b call = stage_ping(&s, 2, 1);
    ww_capnp_set_u16(call.s, 3, RPC_CALL_SEND_RESULTS_TO_IS_THIRD_PARTY);
    stage_play(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_UNIMPLEMENTED], 1);
    rpc_message_r echo = rpc_message_unimplemented(stage_last(&s, RPC_MESSAGE_IS_UNIMPLEMENTED));
    assert_int_equal(rpc_message_which(echo), RPC_MESSAGE_IS_CALL);
    assert_int_equal(rpc_call_question_id(rpc_message_call(echo)), 2);
    assert_int_equal(ww_capnp_conn_count(s.conn).answers, 1); /* no entry for it */
    rpc_disembargo_b d = rpc_message_init_disembargo(stage_message(&s));
    rpc_message_target_set_imported_cap(rpc_disembargo_init_target(d), 0);
    ww_capnp_set_u16(d.s, 2, RPC_DISEMBARGO_CONTEXT_IS_ACCEPT);
    stage_play(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_UNIMPLEMENTED], 2);
    ww_capnp_cap *root = stage_root(&s);
    ww_capnp_call_drop(call_ping(root, 1, &done));
    stage_settle(&s);
    rpc_return_b r = rpc_message_init_return(stage_message(&s));
    rpc_return_set_answer_id(r, stage_question(&s));
    ww_capnp_set_u16(r.s, 3, 5); /* accepted from a third party */
    stage_play(&s);
    assert_failed(done, WW_CAPNP_UNIMPLEMENTED);
    assert_int_equal(s.got[RPC_MESSAGE_IS_UNIMPLEMENTED], 3);
    assert_true(stage_is_alive(&s));
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t57__object_of_a_third_party__is_used_through_its_vine(void **state)
{
    (void)state;
    stage s;
    waiter done;
    stage_init(&s, NULL);
    ww_capnp_cap *root = stage_root(&s);
    ww_capnp_call *make = call_make(root, NULL);
    stage_settle(&s);
    rpc_third_party_cap_descriptor_set_vine_id(
        rpc_cap_descriptor_init_third_party_hosted(stage_return_cap(&s, stage_question(&s))), 44);
    stage_play(&s);
    ww_capnp_cap *made = result_cap(make);
    ww_capnp_call_drop(call_ping(made, 1, &done));
    stage_settle(&s);
    rpc_message_target_r target =
        rpc_call_target(rpc_message_call(stage_last(&s, RPC_MESSAGE_IS_CALL)));
    assert_int_equal(rpc_message_target_which(target), RPC_MESSAGE_TARGET_IS_IMPORTED_CAP);
    assert_int_equal(rpc_message_target_imported_cap(target), 44);
    rpc_return_b r = rpc_message_init_return(stage_message(&s));
    rpc_return_set_answer_id(r, stage_question(&s));
    rpc_return_set_canceled(r);
    stage_play(&s);
    assert_int_equal(done.count, 1);
    assert_true(stage_is_alive(&s));
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(make);
    ww_capnp_cap_unref(root);
    stage_settle(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RELEASE], 2);
    stage_deinit(&s);
}

static void t58__answers_with_sparse_numbers__are_bounded(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    static const uint32_t ids[] = {0, UINT32_C(1) << 31, UINT32_MAX, 12345678};
    for (size_t i = 0; i < WW_COUNT_OF(ids); i++)
        stage_bootstrap(&s, ids[i]);
    assert_int_equal(ww_capnp_conn_count(s.conn).answers, 4);
    for (uint32_t i = 0; i < 5000; i++)
        stage_bootstrap(&s, 1 + i * 65536);
    assert_false(ww_capnp_conn_is_over(s.conn)); /* a flood of the table */
    assert_in_range(ww_capnp_conn_count(s.conn).answers, 5, WW_CAPNP_LIMITS_DEFAULT.answers_max);
    assert_int_equal(rpc_exception_type(rpc_return_exception(s.last_return)),
                     RPC_EXCEPTION_TYPE_OVERLOADED);
    stage_deinit(&s);
}

static void t60__noop_operations_and_paths_too_long__are_answered(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    rpc_call_b call = stage_ping(&s, 2, 1);
    rpc_promised_answer_b target =
        rpc_message_target_edit_promised_answer(rpc_call_edit_target(call));
    rpc_promised_answer_init_transform(target, 3); /* three noops */
    stage_play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_RESULTS);
    call = stage_ping(&s, 3, 1);
    target = rpc_message_target_edit_promised_answer(rpc_call_edit_target(call));
    rpc_promised_answer_op_lb ops = rpc_promised_answer_init_transform(target, 17);
    for (uint32_t i = 0; i < 17; i++)
        rpc_promised_answer_op_set_get_pointer_field(rpc_promised_answer_op_lb_at(ops, i), 0);
    stage_play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    assert_true(stage_is_alive(&s));
    stage_deinit(&s);
}

static void release__more_than_given__aborts(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    rpc_release_b r = rpc_message_init_release(stage_message(&s));
    rpc_release_set_id(r, 0);
    rpc_release_set_reference_count(r, 2);
    stage_play(&s);
    assert_true(ww_capnp_conn_is_over(s.conn));
    stage_deinit(&s);
}

static ww_capnp_cap *asked_again;
static ww_capnp_conn *asked_conn;
static void ask_again(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    (void)done;
    asked_again = ww_capnp_conn_bootstrap(asked_conn);
}

static void t44__asking_again_from_the_failure_of_a_lost_connection__fails_at_once(void **state)
{
    (void)state;
    stage s;
    waiter last;
    ww_capnp_done done = {ask_again};
    stage_init(&s, NULL);
    asked_conn = s.conn;
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(s.conn);
    ww_capnp_call *call;
    interop_echo_make_begin((interop_echo_cap){root}, &call);
    assert_ok(ww_capnp_call_send(call, &done));
    ww_capnp_call_drop(call);
    ww_capnp_conn_lost(s.conn, "gone");
    while (ww_capnp_vat_run(s.vat, 100))
        continue;
    ww_capnp_call_drop(call_ping(asked_again, 1, &last));
    while (ww_capnp_vat_run(s.vat, 100))
        continue;
    assert_failed(last, WW_CAPNP_DISCONNECTED);
    ww_capnp_cap_unref(asked_again);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t18__return_for_a_question_never_asked__aborts),
        cmocka_unit_test(t31__message_above_the_limit__aborts),
        cmocka_unit_test(t31__call_above_the_limit__fails_alone),
        cmocka_unit_test(t41__resolve_of_a_released_import__gives_back_what_it_carries),
        cmocka_unit_test(t43__every_question_unimplemented__fails_and_lives),
        cmocka_unit_test(t44__asking_again_from_the_failure_of_a_lost_connection__fails_at_once),
        cmocka_unit_test(t48__unknown_finish__is_ignored),
        cmocka_unit_test(t48__path_to_no_capability__fails_that_call_only),
        cmocka_unit_test(t50__answer_without_finish__frees_its_number_at_once),
        cmocka_unit_test(t51__canceled_without_our_asking__fails_the_question),
        cmocka_unit_test(t57__messages_of_level_3__are_echoed),
        cmocka_unit_test(t58__answers_with_sparse_numbers__are_bounded),
        cmocka_unit_test(t60__noop_operations_and_paths_too_long__are_answered),
        cmocka_unit_test(t03__call_for_its_pipelines_only__is_answered_through_them),
        cmocka_unit_test(t43__resolve_unimplemented__gives_back_what_it_carried),
        cmocka_unit_test(t43__disembargo_unimplemented__fails_what_it_held_up),
        cmocka_unit_test(t43__messages_that_need_no_answer_unimplemented__are_ignored),
        cmocka_unit_test(t48__answer_finished_twice__aborts),
        cmocka_unit_test(t50__answer_without_finish_of_the_peer__frees_our_number_at_once),
        cmocka_unit_test(t57__calls_and_answers_of_level_3__are_echoed),
        cmocka_unit_test(t57__object_of_a_third_party__is_used_through_its_vine),
        cmocka_unit_test(
            t59__paths_on_the_answer_to_a_bootstrap__only_the_empty_one_leads_somewhere),
        cmocka_unit_test(t32__capability_with_a_descriptor_that_did_not_come__works_without_it),
        cmocka_unit_test(hint__results_without_capabilities__are_not_pipelined_on),
        cmocka_unit_test(release__more_than_given__aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
