/* A session with a peer that the fuzzer plays. The input is a script: each step sends one well-formed message of the
 * protocol with numbers from the script, a part of one, or raw bytes; or lets our side act; or reads what it sent, which
 * need not happen. Whatever comes, tables stay within their limits, memory within what they add up to, and all of it
 * comes back. */
#include "capnp/rpc.capnp.h"
#include "support/capnp_link.h"
#include <stdlib.h>

enum { STEPS_MAX = 200, HELD_MAX = 8, MEMORY_MAX = 4 << 20 };

typedef struct script {
    const uint8_t *at, *end;
} script;

static uint32_t next(script *s, uint32_t range)
{
    return s->at < s->end ? *s->at++ % range : 0;
}

typedef struct session {
    test_allocator allocator;
    ww_capnp_vat *vat;
    ww_capnp_conn *conn;
    ww_capnp_cap *held[HELD_MAX];
    ww_capnp_call *asked; /* to be canceled or dropped later */
    script s;
} session;

/* Mostly small numbers, so that they meet; sometimes one of the reserved or the last ones. */
static uint32_t number(session *x)
{
    static const uint32_t odd[] = {UINT32_C(1) << 30, UINT32_C(1) << 31, UINT32_MAX, 65535};
    uint32_t n = next(&x->s, 16);
    return n < 12 ? n % 8 : odd[n - 12];
}

static void target(session *x, rpc_message_target_b t)
{
    if (next(&x->s, 2)) {
        rpc_message_target_set_imported_cap(t, number(x) % 5);
        return;
    }
    rpc_promised_answer_b answer = rpc_message_target_init_promised_answer(t);
    rpc_promised_answer_set_question_id(answer, number(x));
    uint32_t depth = next(&x->s, 3);
    rpc_promised_answer_op_lb ops = rpc_promised_answer_init_transform(answer, depth);
    for (uint32_t i = 0; i < depth; i++)
        rpc_promised_answer_op_set_get_pointer_field(rpc_promised_answer_op_lb_at(ops, i),
                                                     (uint16_t)next(&x->s, 2));
}

static void descriptor(session *x, rpc_cap_descriptor_b d)
{
    uint32_t id = next(&x->s, 6);
    switch (next(&x->s, 7)) {
    case 0: rpc_cap_descriptor_set_none(d); break;
    case 1: rpc_cap_descriptor_set_sender_hosted(d, id); break;
    case 2: rpc_cap_descriptor_set_sender_promise(d, id + 10); break;
    case 3: rpc_cap_descriptor_set_receiver_hosted(d, id); break;
    case 4: {
        rpc_promised_answer_b answer = rpc_cap_descriptor_init_receiver_answer(d);
        rpc_promised_answer_set_question_id(answer, id);
        rpc_promised_answer_op_set_get_pointer_field(
            rpc_promised_answer_op_lb_at(rpc_promised_answer_init_transform(answer, 1), 0), 0);
        break;
    }
    case 5:
        rpc_third_party_cap_descriptor_set_vine_id(rpc_cap_descriptor_init_third_party_hosted(d),
                                                   id);
        break;
    default: ww_capnp_set_u16(d.s, 0, 77); break;
    }
}

static void payload(session *x, rpc_payload_b p)
{
    ww_capnp_struct_b content =
        ww_capnp_any_b_init_struct(rpc_payload_pointer_content(p), (ww_capnp_struct_size){1, 1});
    ww_capnp_set_u32(content, 0, next(&x->s, 6));
    uint32_t count = next(&x->s, 3);
    for (uint32_t i = 0; i < count; i++)
        ww_capnp_builder_take_cap(content.builder, NULL);
    if (!count) return;
    uint8_t *at = ww_capnp_struct_b_pointer(content, 0).at;
    uint64_t pointer = (uint64_t)next(&x->s, 3) << 32 | 3;
    if (at) memcpy(at, &pointer, sizeof pointer);
    rpc_cap_descriptor_lb table = rpc_payload_init_cap_table(p, count);
    for (uint32_t i = 0; i < count; i++)
        descriptor(x, rpc_cap_descriptor_lb_at(table, i));
}

static void a_call(session *x, rpc_message_b m)
{
    rpc_call_b call = rpc_message_init_call(m);
    rpc_call_set_question_id(call, number(x));
    bool is_echo = next(&x->s, 2);
    rpc_call_set_interface_id(call, is_echo ? INTEROP_ECHO_ID : INTEROP_FACTORY_ID);
    rpc_call_set_method_id(
        call, (uint16_t)next(&x->s, is_echo ? 12 : 9)); /* later ones are never answered */
    uint32_t results_to = next(&x->s, 8);
    if (results_to < 2)
        rpc_call_send_results_to_set_yourself(rpc_call_edit_send_results_to(call));
    else if (results_to == 2)
        ww_capnp_set_u16(call.s, 3, RPC_CALL_SEND_RESULTS_TO_IS_THIRD_PARTY);
    ww_capnp_set_bool(call.s, 129, next(&x->s, 2));      /* noPromisePipelining */
    ww_capnp_set_bool(call.s, 130, next(&x->s, 4) == 0); /* onlyPromisePipeline */
    target(x, rpc_call_init_target(call));
    payload(x, rpc_call_init_params(call));
}

static void a_return(session *x, rpc_message_b m)
{
    rpc_return_b r = rpc_message_init_return(m);
    rpc_return_set_answer_id(r, number(x));
    rpc_return_set_release_param_caps(r, next(&x->s, 2));
    ww_capnp_set_bool(r.s, 33, next(&x->s, 2));
    switch (next(&x->s, 6)) {
    case 0: rpc_exception_set_reason(rpc_return_init_exception(r), ww_view_str("no")); break;
    case 1: rpc_return_set_canceled(r); break;
    case 2: rpc_return_set_results_sent_elsewhere(r); break;
    case 3: rpc_return_set_take_from_other_question(r, number(x)); break;
    case 4: ww_capnp_set_u16(r.s, 3, 9); break;
    default: payload(x, rpc_return_init_results(r)); break;
    }
}

static void a_disembargo(session *x, rpc_message_b m)
{
    rpc_disembargo_b d = rpc_message_init_disembargo(m);
    target(x, rpc_disembargo_init_target(d));
    uint32_t id = next(&x->s, 3);
    uint32_t kind = next(&x->s, 5);
    if (kind < 2)
        rpc_disembargo_context_set_sender_loopback(rpc_disembargo_edit_context(d), id);
    else if (kind < 4)
        rpc_disembargo_context_set_receiver_loopback(rpc_disembargo_edit_context(d), id);
    else
        ww_capnp_set_u16(d.s, 2, RPC_DISEMBARGO_CONTEXT_IS_ACCEPT);
}

static void a_resolve(session *x, rpc_message_b m)
{
    rpc_resolve_b r = rpc_message_init_resolve(m);
    rpc_resolve_set_promise_id(r, 10 + next(&x->s, 6));
    if (next(&x->s, 4))
        descriptor(x, rpc_resolve_init_cap(r));
    else
        rpc_exception_set_reason(rpc_resolve_init_exception(r), ww_view_str("broken"));
}

static void a_message(session *x, rpc_message_b m, int depth)
{
    switch (next(&x->s, 10)) {
    case 0: rpc_bootstrap_set_question_id(rpc_message_init_bootstrap(m), number(x)); break;
    case 1:
    case 2: a_call(x, m); break;
    case 3:
    case 4: a_return(x, m); break;
    case 5: {
        rpc_finish_b f = rpc_message_init_finish(m);
        rpc_finish_set_question_id(f, number(x));
        rpc_finish_set_release_result_caps(f, next(&x->s, 2));
        ww_capnp_set_bool(f.s, 33, next(&x->s, 2));
        break;
    }
    case 6: a_resolve(x, m); break;
    case 7: {
        rpc_release_b r = rpc_message_init_release(m);
        rpc_release_set_id(r, number(x) % 5);
        rpc_release_set_reference_count(r, next(&x->s, 3));
        break;
    }
    case 8: a_disembargo(x, m); break;
    default:
        if (depth < 3)
            a_message(x, rpc_message_init_unimplemented(m), depth + 1);
        else
            ww_capnp_set_u16(m.s, 0, (uint16_t)next(&x->s, 20));
        break;
    }
}

static void receive(session *x, ww_view bytes)
{
    if (!ww_capnp_conn_is_over(x->conn)) {
        ww_status status = ww_capnp_conn_feed(x->conn, bytes, NULL);
        if (status != WW_AGAIN && !ww_capnp_conn_is_over(x->conn)) abort();
    }
}

static void peer_sends(session *x)
{
    ww_capnp_builder b;
    ww_buf out;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    ww_buf_init(&out, ww_allocator_libc(), 1 << 20);
    a_message(x, rpc_message_init_root(&b), 0);
    if (ww_capnp_frame_write(&b, &out) == WW_OK) {
        ww_view bytes = ww_buf_view(&out);
        uint32_t cut = next(&x->s, 32); /* now and then the rest of a message never comes */
        if (cut == 31 && bytes.size) bytes.size = next(&x->s, 255) % bytes.size;
        receive(x, bytes);
    }
    ww_buf_deinit(&out);
    ww_capnp_builder_deinit(&b);
}

static void raw_bytes(session *x)
{
    size_t left = (size_t)(x->s.end - x->s.at), size = next(&x->s, 64);
    if (left) left--;
    if (size > left) size = left;
    receive(x, ww_view_of(x->s.at, size));
    x->s.at += size;
}

static void stream(session *x, ww_capnp_cap *sink)
{
    ww_capnp_call *call;
    interop_sink_write_params_init_chunk(interop_sink_write_begin((interop_sink_cap){sink}, &call),
                                         next(&x->s, 256) * 100);
    if (call && ww_capnp_call_stream(call, NULL)) ww_capnp_call_cancel(call);
    ww_capnp_call_drop(call);
}

/* One call is kept for later: to be canceled, or just forgotten. */
static void ask(session *x, ww_capnp_call *call)
{
    if (x->asked && next(&x->s, 2)) ww_capnp_call_cancel(x->asked);
    ww_capnp_call_drop(x->asked);
    x->asked = call;
}

/* Our side: call something with something, keep what comes of it, or let go of it. */
static void we_act(session *x)
{
    uint32_t slot = next(&x->s, HELD_MAX);
    ww_capnp_cap *cap = x->held[next(&x->s, HELD_MAX)], *with = x->held[next(&x->s, HELD_MAX)],
                 *old = x->held[slot];
    ww_capnp_call *call = NULL;
    switch (next(&x->s, 9)) {
    case 0: x->held[slot] = ww_capnp_conn_bootstrap(x->conn); break;
    case 1:
        if (cap) call = call_swap(cap, with, NULL);
        x->held[slot] = call ? result_cap(call) : NULL;
        break;
    case 2:
        if (cap) call = call_hold(cap, with, NULL);
        old = NULL;
        break;
    case 3: x->held[slot] = ww_capnp_promise_new(x->vat); break;
    case 4:
        if (cap) ww_capnp_promise_resolve(cap, with);
        old = NULL;
        break;
    case 5:
        if (cap) stream(x, cap);
        old = NULL;
        break;
    case 6:
        ask(x, cap ? call_tail(cap, with, 0, NULL) : NULL);
        old = NULL;
        break;
    case 7:
        if (cap) ww_capnp_promise_break(cap, WW_CAPNP_OVERLOADED, "broken");
        old = NULL;
        break;
    default: x->held[slot] = NULL; break;
    }
    if (old) ww_capnp_promise_resolve(old, NULL); /* its maker settles it in any case */
    ww_capnp_cap_unref(old);
    ww_capnp_call_drop(call);
}

static void read_output(session *x)
{
    ww_capnp_iov iov[8];
    size_t sent = 0, count = ww_capnp_conn_output(x->conn, iov, 8);
    for (size_t k = 0; k < count; k++)
        sent += iov[k].size;
    ww_capnp_conn_sent(x->conn, sent);
}

static void step(session *x)
{
    switch (next(&x->s, 9)) {
    case 0:
    case 1: we_act(x); break;
    case 2:
    case 3: ww_capnp_vat_run(x->vat, 1 + next(&x->s, 20)); break;
    case 4: read_output(x); break;
    case 5:
        if (next(&x->s, 16) == 0) raw_bytes(x);
        break;
    default: peer_sends(x); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    session x = {.s = {data, data + size}};
    ww_capnp_limits limits = WW_CAPNP_LIMITS_DEFAULT;
    limits.message_words_max = 1 << 12;
    limits.answers_max = limits.exports_max = limits.imports_max = limits.questions_max = 6;
    limits.embargoes_max = 2;
    limits.held_words_max = limits.output_words_max = limits.queued_words_max = 1 << 14;
    if (size && data[size - 1] % 2) limits.memory_max = (data[size - 1] + 16u) << 10;
    test_allocator_init(&x.allocator, 0);
    x.vat = ww_capnp_vat_new(&x.allocator.base, &limits);
    if (!x.vat) return 0;
    ww_capnp_cap *root;
    factory *family = NULL;
    factory_found(factory_new(x.vat, NULL, &root), &family, NULL);
    x.conn = root ? ww_capnp_conn_new(x.vat, root) : NULL;
    for (int i = 0; x.conn && i < STEPS_MAX && x.s.at < x.s.end; i++) {
        step(&x);
        ww_capnp_conn_counts n = ww_capnp_conn_count(x.conn);
        if (n.questions > 6 || n.answers > 6 || n.exports > 6 || n.imports > 6 || n.embargoes > 2)
            abort();
        if (x.allocator.live_bytes > MEMORY_MAX) abort();
        bool is_bound = limits.memory_max && !ww_capnp_conn_is_over(x.conn);
        if (is_bound && ww_capnp_conn_memory(x.conn) > limits.memory_max) abort();
    }
    ww_capnp_call_drop(x.asked);
    ww_capnp_conn_free(x.conn);
    factory_part(&family);
    ww_capnp_cap_unref(root);
    for (int i = 0; i < HELD_MAX; i++) {
        if (x.held[i]) ww_capnp_promise_resolve(x.held[i], NULL);
        ww_capnp_cap_unref(x.held[i]);
    }
    ww_capnp_vat_free(x.vat);
    if (x.allocator.live_bytes) abort();
    return 0;
}
