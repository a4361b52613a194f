/* One vat and a peer that the test plays message by message: cases of doc/compat/capnp.md by their numbers. */
#include "capnp/rpc.capnp.h"
#include "support/capnp_link.h"

typedef struct stage {
    test_allocator allocator;
    ww_capnp_vat *vat;
    ww_capnp_conn *conn;
    ww_capnp_builder message; /* the next one of the peer */
    uint32_t got[LINK_KINDS]; /* what our side sent, by kind */
    rpc_return_r last_return; /* of the last Return; its frame: */
    ww_capnp_frame frame;
    ww_buf bytes;
} stage;

static void stage_init(stage *s, const ww_capnp_limits *limits)
{
    memset(s, 0, sizeof *s);
    test_allocator_init(&s->allocator, 0);
    s->vat = ww_capnp_vat_new(&s->allocator.base, limits);
    ww_capnp_cap *root;
    factory_new(s->vat, NULL, &root);
    s->conn = ww_capnp_conn_new(s->vat, root);
    ww_capnp_cap_unref(root);
    ww_capnp_builder_init(&s->message, ww_allocator_libc(), NULL);
    ww_buf_init(&s->bytes, ww_allocator_libc(), 1 << 24);
}

static rpc_message_b new_message(stage *s)
{
    ww_capnp_builder_reset(&s->message);
    return rpc_message_init_root(&s->message);
}

static void read_output(stage *s)
{
    ww_capnp_framer framer;
    ww_capnp_framer_init(&framer, ww_allocator_libc(), 1 << 22);
    ww_capnp_iov iov;
    while (ww_capnp_conn_output(s->conn, &iov, 1)) {
        ww_view bytes = ww_view_of(iov.data, iov.size);
        while (ww_capnp_framer_feed(&framer, &bytes, NULL) == WW_OK) {
            ww_capnp_frame_deinit(&s->frame);
            ww_buf_clear(&s->bytes);
            assert_ok(ww_buf_append(&s->bytes, framer.bytes.data, framer.bytes.size));
            size_t used;
            assert_ok(ww_capnp_frame_open(&s->frame, ww_buf_view(&s->bytes), 1 << 22,
                                          ww_allocator_libc(), &used, NULL));
            rpc_message_r m = rpc_message_root(&s->frame.message);
            s->got[(unsigned)rpc_message_which(m) % LINK_KINDS]++;
            if (rpc_message_which(m) == RPC_MESSAGE_IS_RETURN)
                s->last_return = rpc_message_return(m);
        }
        ww_capnp_conn_sent(s->conn, iov.size);
    }
    ww_capnp_framer_deinit(&framer);
}

/* Sends the message that was built, lets our side act, reads its answers. */
static void play(stage *s)
{
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), 1 << 20);
    assert_ok(ww_capnp_frame_write(&s->message, &out));
    ww_status status = ww_capnp_conn_feed(s->conn, ww_buf_view(&out), NULL);
    assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(s->conn));
    while (ww_capnp_vat_run(s->vat, 100))
        continue;
    read_output(s);
    ww_buf_deinit(&out);
}

static void stage_deinit(stage *s)
{
    ww_capnp_builder_deinit(&s->message);
    ww_capnp_frame_deinit(&s->frame);
    ww_buf_deinit(&s->bytes);
    ww_capnp_conn_free(s->conn);
    ww_capnp_vat_free(s->vat);
    assert_int_equal(s->allocator.live_bytes, 0);
}

static void send_bootstrap(stage *s, uint32_t id)
{
    rpc_bootstrap_set_question_id(rpc_message_init_bootstrap(new_message(s)), id);
    play(s);
}

/* A ping of the export or of the answer to a bootstrap. */
static rpc_call_b begin_ping(stage *s, uint32_t id, uint32_t question)
{
    rpc_call_b call = rpc_message_init_call(new_message(s));
    rpc_call_set_question_id(call, id);
    rpc_call_set_interface_id(call, INTEROP_ECHO_ID);
    rpc_promised_answer_set_question_id(
        rpc_message_target_init_promised_answer(rpc_call_init_target(call)), question);
    ww_capnp_any_b_init_struct(rpc_payload_pointer_content(rpc_call_init_params(call)),
                               INTEROP_ECHO_PING_PARAMS_SIZE);
    return call;
}

static void send_finish(stage *s, uint32_t id)
{
    rpc_finish_set_question_id(rpc_message_init_finish(new_message(s)), id);
    play(s);
}

static bool is_alive(stage *s)
{
    send_bootstrap(s, 1000);
    begin_ping(s, 1001, 1000);
    play(s);
    bool ok = !ww_capnp_conn_is_over(s->conn) && rpc_return_answer_id(s->last_return) == 1001 &&
              rpc_return_which(s->last_return) == RPC_RETURN_IS_RESULTS;
    send_finish(s, 1000);
    return ok;
}

static void t18__return_for_a_question_never_asked__aborts(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    rpc_return_set_answer_id(rpc_message_init_return(new_message(&s)), 1234);
    play(&s);
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
    assert_true(is_alive(&s));
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t48__unknown_finish__is_ignored(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    send_finish(&s, 77);
    assert_true(is_alive(&s));
    send_bootstrap(&s, 1);
    rpc_call_b call = begin_ping(&s, 2, 1);
    rpc_call_set_method_id(call, 5); /* never */
    play(&s);
    assert_int_equal(ww_capnp_conn_count(s.conn).answers, 2);
    stage_deinit(&s);
}

static void t48__path_to_no_capability__fails_that_call_only(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    send_bootstrap(&s, 1);
    rpc_call_b call = begin_ping(&s, 2, 1);
    rpc_promised_answer_b target =
        rpc_message_target_edit_promised_answer(rpc_call_edit_target(call));
    rpc_promised_answer_op_set_get_pointer_field(
        rpc_promised_answer_op_lb_at(rpc_promised_answer_init_transform(target, 1), 0), 0);
    play(&s); /* T59: a path on the answer to a bootstrap */
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    begin_ping(&s, 3, 99); /* an answer that never was */
    play(&s);
    assert_int_equal(rpc_return_answer_id(s.last_return), 3);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    assert_true(is_alive(&s));
    stage_deinit(&s);
}

static void t50__answer_without_finish__frees_its_number_at_once(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    send_bootstrap(&s, 1);
    for (int i = 0; i < 3; i++) {
        begin_ping(&s, 2, 1);
        play(&s);
        assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_RESULTS);
        assert_true(ww_capnp_get_bool(s.last_return.s, 33)); /* noFinishNeeded */
    }
    send_finish(&s, 2); /* late, of an older peer */
    begin_ping(&s, 2, 1);
    play(&s);
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
    rpc_return_b r = rpc_message_init_return(new_message(&s));
    rpc_return_set_answer_id(r, 1);
    rpc_return_set_canceled(r);
    play(&s);
    assert_failed(done, WW_CAPNP_FAILED);
    assert_true(is_alive(&s));
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
    rpc_call_set_question_id(rpc_message_init_call(rpc_message_init_unimplemented(new_message(&s))),
                             1);
    play(&s);
    assert_failed(done, WW_CAPNP_UNIMPLEMENTED);
    assert_int_equal(ww_capnp_conn_count(s.conn).exports,
                     0); /* the parameters' references are back */
    assert_int_equal(s.got[RPC_MESSAGE_IS_FINISH], 0);
    assert_true(is_alive(&s));
    ww_capnp_cap_unref(mine);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void t41__resolve_of_a_released_import__gives_back_what_it_carries(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    rpc_resolve_b r = rpc_message_init_resolve(new_message(&s));
    rpc_resolve_set_promise_id(r, 5);
    rpc_cap_descriptor_set_sender_hosted(rpc_resolve_init_cap(r), 6);
    play(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RELEASE], 1);
    assert_int_equal(ww_capnp_conn_count(s.conn).imports, 0);
    assert_true(is_alive(&s));
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
        ww_capnp_set_u16(new_message(&s).s, 0, kinds[i]);
        play(&s);
        assert_int_equal(s.got[RPC_MESSAGE_IS_UNIMPLEMENTED], i + 1);
    }
    assert_true(is_alive(&s));
    stage_deinit(&s);
}

static void t58__answers_with_sparse_numbers__are_bounded(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    static const uint32_t ids[] = {0, UINT32_C(1) << 31, UINT32_MAX, 12345678};
    for (size_t i = 0; i < WW_COUNT_OF(ids); i++)
        send_bootstrap(&s, ids[i]);
    assert_int_equal(ww_capnp_conn_count(s.conn).answers, 4);
    for (uint32_t i = 0; i < 5000 && !ww_capnp_conn_is_over(s.conn); i++)
        send_bootstrap(&s, 1 + i * 65536);
    assert_true(ww_capnp_conn_is_over(s.conn)); /* a flood of the table */
    stage_deinit(&s);
}

static void t60__noop_operations_and_paths_too_long__are_answered(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    send_bootstrap(&s, 1);
    rpc_call_b call = begin_ping(&s, 2, 1);
    rpc_promised_answer_b target =
        rpc_message_target_edit_promised_answer(rpc_call_edit_target(call));
    rpc_promised_answer_init_transform(target, 3); /* three noops */
    play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_RESULTS);
    call = begin_ping(&s, 3, 1);
    target = rpc_message_target_edit_promised_answer(rpc_call_edit_target(call));
    rpc_promised_answer_op_lb ops = rpc_promised_answer_init_transform(target, 17);
    for (uint32_t i = 0; i < 17; i++)
        rpc_promised_answer_op_set_get_pointer_field(rpc_promised_answer_op_lb_at(ops, i), 0);
    play(&s);
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    assert_true(is_alive(&s));
    stage_deinit(&s);
}

static void release__more_than_given__aborts(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    send_bootstrap(&s, 1);
    rpc_release_b r = rpc_message_init_release(new_message(&s));
    rpc_release_set_id(r, 0);
    rpc_release_set_reference_count(r, 2);
    play(&s);
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
        cmocka_unit_test(release__more_than_given__aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
