#include "support/capnp_stage.h"

void stage_init(stage *s, const ww_capnp_limits *limits)
{
    memset(s, 0, sizeof *s);
    test_allocator_init(&s->allocator, 0);
    s->vat = ww_capnp_vat_new(&s->allocator.base, limits);
    ww_capnp_cap *root;
    s->root = factory_new(s->vat, NULL, &root);
    s->conn = ww_capnp_conn_new(s->vat, root);
    ww_capnp_cap_unref(root);
    ww_capnp_builder_init(&s->message, ww_allocator_libc(), NULL);
    for (int i = 0; i < LINK_KINDS; i++)
        ww_buf_init(&s->bytes[i], ww_allocator_libc(), 1 << 24);
}

rpc_message_b stage_message(stage *s)
{
    ww_capnp_builder_reset(&s->message);
    return rpc_message_init_root(&s->message);
}

/* Each kind's last message has a place of its own, where views of it stay valid. */
static void keep(stage *s, ww_view bytes)
{
    ww_capnp_frame frame;
    size_t used;
    assert_ok(ww_capnp_frame_open(&frame, bytes, 1 << 22, ww_allocator_libc(), &used, NULL));
    unsigned kind = (unsigned)rpc_message_which(rpc_message_root(&frame.message)) % LINK_KINDS;
    ww_capnp_frame_deinit(&frame);
    ww_capnp_frame_deinit(&s->frames[kind]);
    ww_buf_clear(&s->bytes[kind]);
    assert_ok(ww_buf_append(&s->bytes[kind], bytes.data, bytes.size));
    assert_ok(ww_capnp_frame_open(&s->frames[kind], ww_buf_view(&s->bytes[kind]), 1 << 22,
                                  ww_allocator_libc(), &used, NULL));
    s->got[kind]++;
    s->log[s->log_size++ % sizeof s->log] = (uint8_t)kind;
    if (kind == RPC_MESSAGE_IS_RETURN)
        s->last_return = rpc_message_return(stage_last(s, RPC_MESSAGE_IS_RETURN));
}

rpc_message_r stage_last(stage *s, unsigned kind)
{
    return rpc_message_root(&s->frames[kind].message);
}

static void read_output(stage *s)
{
    ww_capnp_framer framer;
    ww_capnp_framer_init(&framer, ww_allocator_libc(), 1 << 22);
    ww_capnp_iov iov;
    while (ww_capnp_conn_output(s->conn, &iov, 1)) {
        ww_view bytes = ww_view_of(iov.data, iov.size);
        while (ww_capnp_framer_feed(&framer, &bytes, NULL) == WW_OK)
            keep(s, ww_buf_view(&framer.bytes));
        ww_capnp_conn_sent(s->conn, iov.size);
    }
    ww_capnp_framer_deinit(&framer);
}

void stage_settle(stage *s)
{
    while (ww_capnp_vat_run(s->vat, 100))
        continue;
    read_output(s);
}

void stage_play(stage *s)
{
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), 1 << 20);
    assert_ok(ww_capnp_frame_write(&s->message, &out));
    ww_status status = ww_capnp_conn_feed(s->conn, ww_buf_view(&out), NULL);
    assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(s->conn));
    stage_settle(s);
    ww_buf_deinit(&out);
}

void stage_deinit(stage *s)
{
    ww_capnp_builder_deinit(&s->message);
    for (int i = 0; i < LINK_KINDS; i++) {
        ww_capnp_frame_deinit(&s->frames[i]);
        ww_buf_deinit(&s->bytes[i]);
    }
    ww_capnp_conn_free(s->conn);
    ww_capnp_vat_free(s->vat);
    assert_int_equal(s->allocator.live_bytes, 0);
}

void stage_bootstrap(stage *s, uint32_t id)
{
    rpc_bootstrap_set_question_id(rpc_message_init_bootstrap(stage_message(s)), id);
    stage_play(s);
}

rpc_call_b stage_ping(stage *s, uint32_t id, uint32_t question)
{
    rpc_call_b call = rpc_message_init_call(stage_message(s));
    rpc_call_set_question_id(call, id);
    rpc_call_set_interface_id(call, INTEROP_ECHO_ID);
    rpc_promised_answer_set_question_id(
        rpc_message_target_init_promised_answer(rpc_call_init_target(call)), question);
    ww_capnp_any_b_init_struct(rpc_payload_pointer_content(rpc_call_init_params(call)),
                               INTEROP_ECHO_PING_PARAMS_SIZE);
    return call;
}

void stage_finish(stage *s, uint32_t id)
{
    rpc_finish_set_question_id(rpc_message_init_finish(stage_message(s)), id);
    stage_play(s);
}

bool stage_is_alive(stage *s)
{
    stage_bootstrap(s, 1000);
    stage_ping(s, 1001, 1000);
    stage_play(s);
    bool ok = !ww_capnp_conn_is_over(s->conn) && rpc_return_answer_id(s->last_return) == 1001 &&
              rpc_return_which(s->last_return) == RPC_RETURN_IS_RESULTS;
    stage_finish(s, 1000);
    return ok;
}

ww_capnp_cap *stage_root(stage *s)
{
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(s->conn);
    stage_settle(s);
    uint32_t id =
        rpc_bootstrap_question_id(rpc_message_bootstrap(stage_last(s, RPC_MESSAGE_IS_BOOTSTRAP)));
    rpc_return_b r = rpc_message_init_return(stage_message(s));
    rpc_return_set_answer_id(r, id);
    rpc_payload_b payload = rpc_return_init_results(r);
    const uint64_t cap_pointer = 3;
    memcpy(rpc_payload_pointer_content(payload).at, &cap_pointer, sizeof cap_pointer);
    rpc_cap_descriptor_set_sender_hosted(
        rpc_cap_descriptor_lb_at(rpc_payload_init_cap_table(payload, 1), 0), 7);
    stage_play(s);
    return root;
}

static rpc_cap_descriptor_b one_cap(rpc_payload_b payload)
{
    const uint64_t cap_pointer = 3;
    ww_capnp_struct_b content = ww_capnp_any_b_init_struct(rpc_payload_pointer_content(payload),
                                                           (ww_capnp_struct_size){1, 1});
    memcpy(ww_capnp_struct_b_pointer(content, 0).at, &cap_pointer, sizeof cap_pointer);
    return rpc_cap_descriptor_lb_at(rpc_payload_init_cap_table(payload, 1), 0);
}

rpc_cap_descriptor_b stage_return_cap(stage *s, uint32_t id)
{
    rpc_return_b r = rpc_message_init_return(stage_message(s));
    rpc_return_set_answer_id(r, id);
    rpc_return_set_release_param_caps(r, false);
    return one_cap(rpc_return_init_results(r));
}

static rpc_call_b begin_call(stage *s, uint32_t id, uint64_t interface_id, uint16_t method)
{
    rpc_call_b call = rpc_message_init_call(stage_message(s));
    rpc_call_set_question_id(call, id);
    rpc_call_set_interface_id(call, interface_id);
    rpc_call_set_method_id(call, method);
    ww_capnp_any_b_init_struct(rpc_payload_pointer_content(rpc_call_init_params(call)),
                               (ww_capnp_struct_size){1, 1});
    return call;
}

rpc_call_b stage_call_export(stage *s, uint32_t id, uint32_t export_id, uint64_t interface_id,
                             uint16_t method)
{
    rpc_call_b call = begin_call(s, id, interface_id, method);
    rpc_message_target_set_imported_cap(rpc_call_init_target(call), export_id);
    return call;
}

rpc_call_b stage_call_answer(stage *s, uint32_t id, uint32_t question, uint64_t interface_id,
                             uint16_t method)
{
    rpc_call_b call = begin_call(s, id, interface_id, method);
    rpc_promised_answer_b answer =
        rpc_message_target_init_promised_answer(rpc_call_init_target(call));
    rpc_promised_answer_set_question_id(answer, question);
    rpc_promised_answer_op_set_get_pointer_field(
        rpc_promised_answer_op_lb_at(rpc_promised_answer_init_transform(answer, 1), 0), 0);
    return call;
}

uint32_t stage_question(stage *s)
{
    return rpc_call_question_id(rpc_message_call(stage_last(s, RPC_MESSAGE_IS_CALL)));
}

uint32_t stage_described(stage *s)
{
    rpc_payload_r params = rpc_call_params(rpc_message_call(stage_last(s, RPC_MESSAGE_IS_CALL)));
    rpc_cap_descriptor_r d = rpc_cap_descriptor_l_at(rpc_payload_cap_table(params), 0);
    return rpc_cap_descriptor_which(d) == RPC_CAP_DESCRIPTOR_IS_SENDER_PROMISE
               ? rpc_cap_descriptor_sender_promise(d)
               : rpc_cap_descriptor_sender_hosted(d);
}
