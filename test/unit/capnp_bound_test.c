/* A peer that floods one thing after the other: our side never takes more memory than its limits add up to. */
#include "capnp/vat.h"
#include "support/capnp_stage.h"

enum { ENTRIES = 200, HELD_WORDS = 64 << 10, OUTPUT_WORDS = 64 << 10, MESSAGE_WORDS = 8 << 10 };

static const ww_capnp_limits NARROW = {
    .questions_max = ENTRIES,
    .answers_max = ENTRIES,
    .exports_max = ENTRIES,
    .imports_max = ENTRIES,
    .embargoes_max = 16,
    .path_max = WW_CAPNP_PATH_MAX,
    .message_words_max = MESSAGE_WORDS,
    .queued_words_max = HELD_WORDS,
    .held_words_max = HELD_WORDS,
    .output_words_max = OUTPUT_WORDS,
    .stream_window_size = 64 * 1024,
};

/* Tables and what stands in them, a call's own memory and the part of a chunk that it keeps, pools, and what the limits
 * allow to be held, to be written (a last message beyond twice the limit), and to arrive. */
static size_t bound(void)
{
    size_t entries = ENTRIES * (4 * 64 + sizeof(capnp_promise) + sizeof(struct ww_capnp_call) +
                                sizeof(capnp_letter) + sizeof(capnp_parcel) + CHUNK_SIZE);
    size_t pools = CAPNP_KEPT_MAX * (sizeof(capnp_promise) + sizeof(struct ww_capnp_call) +
                                     sizeof(capnp_letter) + sizeof(capnp_parcel)) +
                   CAPNP_CHUNKS_KEPT_MAX * CHUNK_SIZE;
    return entries + pools +
           8 * ((size_t)HELD_WORDS * 2 + OUTPUT_WORDS * 2 + MESSAGE_WORDS * 8 + (64 << 10));
}

typedef void send_one(stage *s, uint32_t i);

/* The peer reads nothing of what it is answered, unless `reads`. */
static void flood(send_one *send, uint32_t count, bool reads)
{
    stage s;
    size_t most = 0;
    stage_init(&s, &NARROW);
    stage_bootstrap(&s, 1);
    for (uint32_t i = 0; i < count && !ww_capnp_conn_is_over(s.conn); i++) {
        send(&s, i);
        if (reads) {
            stage_play(&s);
        } else {
            ww_buf out;
            ww_buf_init(&out, ww_allocator_libc(), 1 << 20);
            assert_ok(ww_capnp_frame_write(&s.message, &out));
            ww_status status = ww_capnp_conn_feed(s.conn, ww_buf_view(&out), NULL);
            assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(s.conn));
            while (ww_capnp_vat_run(s.vat, 100))
                continue;
            ww_buf_deinit(&out);
        }
        if (s.allocator.live_bytes > most) most = s.allocator.live_bytes;
    }
    assert_in_range(most, 1, bound());
    stage_deinit(&s);
}

/* A call that is never answered, with as much as a message may hold. */
static void large_call(stage *s, uint32_t i)
{
    rpc_call_b call = stage_ping(s, 2 + i, 1);
    rpc_call_set_method_id(call, 5);
    ww_capnp_any_b_init_data(rpc_payload_pointer_content(rpc_call_edit_params(call)),
                             (MESSAGE_WORDS - 256) * 8);
}

static void bound__large_calls_without_answer__are_overloaded(void **state)
{
    (void)state;
    flood(large_call, 1000, true);
    stage s;
    stage_init(&s, &NARROW);
    stage_bootstrap(&s, 1);
    for (uint32_t i = 0; i < 20; i++) {
        large_call(&s, i);
        stage_play(&s);
    }
    assert_int_equal(rpc_return_which(s.last_return), RPC_RETURN_IS_EXCEPTION);
    assert_int_equal(rpc_exception_type(rpc_return_exception(s.last_return)),
                     RPC_EXCEPTION_TYPE_OVERLOADED);
    assert_true(stage_is_alive(&s)); /* what is small still goes */
    stage_deinit(&s);
}

/* A message of level 3, which is echoed whole. */
static void strange_message(stage *s, uint32_t i)
{
    (void)i;
    rpc_message_b m = stage_message(s);
    ww_capnp_set_u16(m.s, 0, RPC_MESSAGE_IS_PROVIDE);
    ww_capnp_any_b_init_data(ww_capnp_struct_b_pointer(m.s, 0), 4000);
}

static void small_question(stage *s, uint32_t i)
{
    if (i % 2)
        rpc_finish_set_question_id(rpc_message_init_finish(stage_message(s)), 2);
    else
        rpc_bootstrap_set_question_id(rpc_message_init_bootstrap(stage_message(s)), 2);
}

static void bound__questions_of_a_peer_that_does_not_read__end_the_connection(void **state)
{
    (void)state;
    flood(strange_message, 100000, false);
    flood(small_question, 100000, false);
}

/* Results that hold a capability stay until the peer has finished with them. */
static void large_results(stage *s, uint32_t i)
{
    rpc_call_b call = stage_ping(s, 2 + i, 1);
    rpc_call_set_method_id(call, 3); /* all: returns what it is given */
    ww_capnp_struct_b params = ww_capnp_any_b_init_struct(
        rpc_payload_pointer_content(rpc_call_edit_params(call)), (ww_capnp_struct_size){0, 1});
    ww_capnp_struct_b all = ww_capnp_any_b_init_struct(ww_capnp_struct_b_pointer(params, 0),
                                                       (ww_capnp_struct_size){0, 2});
    ww_capnp_any_b_init_data(ww_capnp_struct_b_pointer(all, 0), 16000);
    const uint64_t cap_pointer = 3;
    memcpy(ww_capnp_struct_b_pointer(all, 1).at, &cap_pointer, sizeof cap_pointer);
    rpc_cap_descriptor_set_sender_hosted(
        rpc_cap_descriptor_lb_at(rpc_payload_init_cap_table(rpc_call_edit_params(call), 1), 0), 9);
}

static void bound__results_that_are_never_finished__are_overloaded(void **state)
{
    (void)state;
    flood(large_results, 1000, true);
}

/* ---- one call too many: it fails, and what is under way and what comes later does not ---- */

static void ping_never(stage *s, uint32_t id)
{
    rpc_call_set_method_id(stage_ping(s, id, 1), 5);
    stage_play(s);
}

/* Fills the table; the number after the last one's. */
static uint32_t fill_answers(stage *s)
{
    uint32_t id = 1;
    stage_bootstrap(s, id++);
    while (ww_capnp_conn_count(s->conn).answers < ENTRIES)
        ping_never(s, id++);
    return id;
}

/* Two places are enough for an ordinary call. */
static void assert_alive_with_less(stage *s, uint32_t last)
{
    stage_finish(s, 1);
    stage_finish(s, last);
    assert_true(stage_is_alive(s));
}

static void assert_too_many(const stage *s, uint32_t id)
{
    assert_int_equal(rpc_return_answer_id(s->last_return), id);
    rpc_exception_r e = rpc_return_exception(s->last_return);
    assert_int_equal(rpc_exception_type(e), RPC_EXCEPTION_TYPE_OVERLOADED);
    assert_int_equal(
        strcmp((const char *)rpc_exception_reason(e).data, "too many questions at once"), 0);
}

static void bound__calls_without_answer__are_overloaded_beyond_the_bound(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, &NARROW);
    uint32_t id = fill_answers(&s);
    uint32_t returns = s.got[RPC_MESSAGE_IS_RETURN];
    for (uint32_t i = 0; i < 100 * ENTRIES; i++) {
        ping_never(&s, id + i);
        assert_too_many(&s, id + i);
    }
    stage_bootstrap(&s, id);
    assert_too_many(&s, id);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RETURN], returns + 100 * ENTRIES + 1);
    assert_int_equal(ww_capnp_conn_count(s.conn).answers, ENTRIES);
    stage_finish(&s, id); /* of who does not know that none is due */
    assert_alive_with_less(&s, id - 1);
    stage_deinit(&s);
}

static void bound__call_too_many__gives_back_what_it_brought(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, &NARROW);
    uint32_t id = fill_answers(&s);
    rpc_call_b call = stage_ping(&s, id, 1);
    rpc_cap_descriptor_set_sender_hosted(
        rpc_cap_descriptor_lb_at(rpc_payload_init_cap_table(rpc_call_edit_params(call), 1), 0), 9);
    stage_play(&s);
    assert_too_many(&s, id);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RELEASE], 1);
    assert_int_equal(ww_capnp_conn_count(s.conn).imports, 0);
    assert_alive_with_less(&s, id - 1);
    stage_deinit(&s);
}

/* Nobody is told of it: who asked does not wait for an answer. */
static void bound__unawaited_call_too_many__is_dropped(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, &NARROW);
    uint32_t id = fill_answers(&s);
    uint32_t returns = s.got[RPC_MESSAGE_IS_RETURN];
    ww_capnp_set_bool(stage_ping(&s, id, 1).s, 130, true); /* onlyPromisePipeline */
    stage_play(&s);
    assert_int_equal(s.got[RPC_MESSAGE_IS_RETURN], returns);
    assert_alive_with_less(&s, id - 1);
    stage_deinit(&s);
}

/* It wants to answer a call of ours with the results of its own call, which got no place. */
static void bound__tail_call_too_many__fails_the_outer_call(void **state)
{
    (void)state;
    stage s;
    waiter outer;
    stage_init(&s, &NARROW);
    ww_capnp_cap *root = stage_root(&s);
    ww_capnp_call_drop(call_ping(root, 1, &outer));
    stage_settle(&s);
    uint32_t question = stage_question(&s), id = fill_answers(&s);
    rpc_call_send_results_to_set_yourself(rpc_call_edit_send_results_to(stage_ping(&s, id, 1)));
    stage_play(&s);
    rpc_return_b r = rpc_message_init_return(stage_message(&s));
    rpc_return_set_answer_id(r, question);
    rpc_return_set_take_from_other_question(r, id);
    stage_play(&s);
    assert_failed(outer, WW_CAPNP_OVERLOADED);
    assert_string_equal(outer.reason, "too many questions at once");
    assert_alive_with_less(&s, id - 1);
    ww_capnp_cap_unref(root);
    stage_deinit(&s);
}

static void embargo_of_a_promise(stage *s, uint32_t i)
{
    if (i == 0) {
        rpc_call_b call = stage_ping(s, 2, 1);
        rpc_call_set_method_id(call, 5); /* never */
        return;
    }
    rpc_disembargo_b d = rpc_message_init_disembargo(stage_message(s));
    rpc_promised_answer_set_question_id(
        rpc_message_target_init_promised_answer(rpc_disembargo_init_target(d)), 2);
    rpc_disembargo_context_set_sender_loopback(rpc_disembargo_edit_context(d), i);
}

/* Each capability of a message stands for another place of an answer that is not there. */
static void many_places(stage *s, uint32_t i)
{
    rpc_call_b call = stage_ping(s, 2 + i, 1);
    rpc_call_set_method_id(call, 5); /* never */
    if (i == 0) return;
    rpc_cap_descriptor_lb table = rpc_payload_init_cap_table(rpc_call_edit_params(call), 256);
    for (uint32_t k = 0; k < 256; k++) {
        rpc_promised_answer_b answer =
            rpc_cap_descriptor_init_receiver_answer(rpc_cap_descriptor_lb_at(table, k));
        rpc_promised_answer_set_question_id(answer, 2);
        rpc_promised_answer_op_set_get_pointer_field(
            rpc_promised_answer_op_lb_at(rpc_promised_answer_init_transform(answer, 1), 0),
            (uint16_t)(i * 256 + k));
    }
}

static void many_imports(stage *s, uint32_t i)
{
    rpc_call_b call = stage_ping(s, 2 + i, 1);
    rpc_call_set_method_id(call, 5); /* never */
    rpc_cap_descriptor_lb table = rpc_payload_init_cap_table(rpc_call_edit_params(call), 100);
    for (uint32_t k = 0; k < 100; k++)
        rpc_cap_descriptor_set_sender_hosted(rpc_cap_descriptor_lb_at(table, k), i * 100 + k);
}

static void bound__floods_of_table_entries__end_the_connection_or_are_refused(void **state)
{
    (void)state;
    flood(embargo_of_a_promise, 100000, true);
    flood(many_places, 1000, true);
    flood(many_imports, 1000, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound__large_calls_without_answer__are_overloaded),
        cmocka_unit_test(bound__questions_of_a_peer_that_does_not_read__end_the_connection),
        cmocka_unit_test(bound__results_that_are_never_finished__are_overloaded),
        cmocka_unit_test(bound__calls_without_answer__are_overloaded_beyond_the_bound),
        cmocka_unit_test(bound__call_too_many__gives_back_what_it_brought),
        cmocka_unit_test(bound__unawaited_call_too_many__is_dropped),
        cmocka_unit_test(bound__tail_call_too_many__fails_the_outer_call),
        cmocka_unit_test(bound__floods_of_table_entries__end_the_connection_or_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
