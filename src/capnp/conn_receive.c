/* What arrives: every message of the protocol, judged and carried out. All of it is hostile.
 *
 * R1  A handler takes entries out of the tables first and runs what follows afterwards.
 * R2  A message that cannot be what a correct peer sends aborts the connection; nothing else does.
 * R3  Messages of level 3 and later are echoed as unimplemented.
 */
#include "capnp/conn_state.h"
#include <stdio.h>

/* ---- capabilities in messages ---- */

/* The peer's number found no place in a table. */
static void no_entry(ww_capnp_conn *conn, ww_status status, const char *text)
{
    if (status == WW_E_LIMIT)
        capnp_conn_abort(conn, text);
    else
        ww_capnp_conn_no_memory(conn);
}

static ww_capnp_cap *import(ww_capnp_conn *conn, uint32_t id, bool is_promise)
{
    capnp_promise *p = capnp_idmap_find(&conn->imports, id);
    if (p) {
        if (p->remote_refs == UINT32_MAX) return NULL;
        p->remote_refs++;
        return ww_capnp_cap_ref(&p->base);
    }
    p = capnp_promise_alloc(conn->arena, PROMISE_IMPORT);
    ww_status status = p ? capnp_idmap_add(&conn->imports, id, p) : WW_E_MEMORY;
    if (status) {
        if (p) capnp_promise_recycle(p);
        no_entry(conn, status, "too many capabilities");
        return NULL;
    }
    p->id = id;
    p->remote_refs = 1;
    p->is_settled = !is_promise;
    p->conn = conn;
    return &p->base;
}

/* False: the path has an operation that is not known, or is too long. */
static bool read_path(ww_capnp_conn *conn, rpc_promised_answer_r answer,
                      uint16_t path[WW_CAPNP_PATH_MAX], uint16_t *depth)
{
    rpc_promised_answer_op_l ops = rpc_promised_answer_transform(answer);
    *depth = 0;
    for (uint32_t i = 0; i < ops.list.count; i++) {
        rpc_promised_answer_op_r op = rpc_promised_answer_op_l_at(ops, i);
        switch (rpc_promised_answer_op_which(op)) {
        case RPC_PROMISED_ANSWER_OP_IS_NOOP: break;
        case RPC_PROMISED_ANSWER_OP_IS_GET_POINTER_FIELD:
            if (*depth == conn->vat->limits.path_max) return false;
            path[(*depth)++] = rpc_promised_answer_op_get_pointer_field(op);
            break;
        default: return false;
        }
        if (i == 4u * WW_CAPNP_PATH_MAX) return false;
    }
    return true;
}

/* What stands at a place of an answer of ours; always a reference. */
static ww_capnp_cap *answer_cap(ww_capnp_conn *conn, rpc_promised_answer_r address)
{
    capnp_arena *arena = conn->arena;
    ww_capnp_call *call =
        capnp_idmap_find(&conn->answers, rpc_promised_answer_question_id(address));
    uint16_t path[WW_CAPNP_PATH_MAX], depth;
    if (!call || call->is_finished)
        return capnp_broken(arena, WW_CAPNP_FAILED,
                            "a promised answer that is finished or never was");
    if (!read_path(conn, address, path, &depth))
        return capnp_broken(arena, WW_CAPNP_FAILED,
                            "the path of a promised answer is not understood");
    if (!capnp_call_is_over(call)) {
        ww_capnp_cap *pipe = capnp_pipe(call, path, depth);
        return pipe ? pipe : capnp_broken(arena, WW_CAPNP_OVERLOADED, "out of memory");
    }
    if (call->has_failed)
        return capnp_broken(arena, (ww_capnp_exception)call->exception, ww_capnp_call_reason(call));
    ww_capnp_cap *cap = capnp_call_entry_at(call, path, depth).cap;
    return cap ? ww_capnp_cap_ref(cap)
               : capnp_broken(arena, WW_CAPNP_FAILED, "no capability stands there");
}

static ww_capnp_cap_entry read_descriptor(ww_capnp_conn *conn, rpc_cap_descriptor_r d)
{
    capnp_export *e;
    ww_capnp_cap *cap;
    switch (rpc_cap_descriptor_which(d)) {
    case RPC_CAP_DESCRIPTOR_IS_NONE: return (ww_capnp_cap_entry){0};
    case RPC_CAP_DESCRIPTOR_IS_SENDER_HOSTED:
        cap = import(conn, rpc_cap_descriptor_sender_hosted(d), false);
        capnp_conn_claim_fd(conn, cap, rpc_cap_descriptor_attached_fd(d));
        return (ww_capnp_cap_entry){cap, false};
    case RPC_CAP_DESCRIPTOR_IS_SENDER_PROMISE:
        return (ww_capnp_cap_entry){import(conn, rpc_cap_descriptor_sender_promise(d), true),
                                    false};
    case RPC_CAP_DESCRIPTOR_IS_RECEIVER_HOSTED:
        e = capnp_export_at(conn, rpc_cap_descriptor_receiver_hosted(d));
        if (e) return (ww_capnp_cap_entry){ww_capnp_cap_ref(e->cap), true};
        return (ww_capnp_cap_entry){capnp_broken(conn->arena, WW_CAPNP_FAILED, "no such export"),
                                    true};
    case RPC_CAP_DESCRIPTOR_IS_RECEIVER_ANSWER:
        return (ww_capnp_cap_entry){answer_cap(conn, rpc_cap_descriptor_receiver_answer(d)), true};
    case RPC_CAP_DESCRIPTOR_IS_THIRD_PARTY_HOSTED: {
        uint32_t vine =
            rpc_third_party_cap_descriptor_vine_id(rpc_cap_descriptor_third_party_hosted(d));
        return (ww_capnp_cap_entry){import(conn, vine, false), false};
    }
    default:
        return (ww_capnp_cap_entry){
            capnp_broken(conn->arena, WW_CAPNP_UNIMPLEMENTED, "a capability of an unknown kind"),
            false};
    }
}

/* Fills the letter's table from a payload. False: the connection was ended. */
static bool read_caps(ww_capnp_conn *conn, capnp_letter *letter, rpc_payload_r payload)
{
    rpc_cap_descriptor_l table = rpc_payload_cap_table(payload);
    uint32_t count = table.list.count;
    if (count > WW_CAPNP_MESSAGE_CAPS_MAX) {
        capnp_conn_abort(conn, "too many capabilities in one message");
        return false;
    }
    if (count > LETTER_CAPS) {
        letter->caps = ww_alloc_array(&conn->arena->base, count, sizeof *letter->caps);
        if (!letter->caps) {
            letter->caps = letter->few_caps;
            ww_capnp_conn_no_memory(conn);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        letter->caps[i] = (ww_capnp_cap_entry){0};
    letter->message.caps = letter->caps;
    letter->message.cap_count = count;
    for (uint32_t i = 0; i < count && !conn->is_over; i++)
        letter->caps[i] = read_descriptor(conn, rpc_cap_descriptor_l_at(table, i));
    return !conn->is_over;
}

/* Counts the peer's table entries anew in what it says next: reading a payload again is not charged twice. */
static void renew_budget(ww_capnp_conn *conn, capnp_letter *letter)
{
    letter->message.words_left = conn->vat->limits.message_words_max;
}

/* ---- calls ---- */

#define TOO_MANY_QUESTIONS "too many questions at once"

/* The entry that the peer will speak of. NULL: the connection was ended, or there is no room for it and that was the
 * answer; `is_awaited` says whether the peer waits for one. */
static ww_capnp_call *new_answer(ww_capnp_conn *conn, uint32_t id, bool is_awaited)
{
    if (capnp_idmap_find(&conn->answers, id)) {
        capnp_conn_abort(conn, "a question's number is in use already");
        return NULL;
    }
    ww_capnp_call *call = capnp_call_alloc(conn->arena);
    ww_status status = call ? capnp_idmap_add(&conn->answers, id, call) : WW_E_MEMORY;
    if (status) {
        if (call) capnp_call_recycle(call);
        if (status != WW_E_LIMIT)
            ww_capnp_conn_no_memory(conn);
        else if (is_awaited)
            capnp_conn_send_refusal(conn, id, TOO_MANY_QUESTIONS);
        return NULL;
    }
    call->answer = id;
    call->answer_conn = conn;
    call->in_progress = true;
    call->deliver_anyway = true;
    return call;
}

static void fail_answer(ww_capnp_call *call, ww_capnp_exception type, const char *reason)
{
    capnp_call_set_failure(call, type, reason);
    capnp_vat_settle_later(call);
}

/* The reference that a message is meant for. NULL: the connection was ended. */
static ww_capnp_cap *read_target(ww_capnp_conn *conn, rpc_message_target_r target)
{
    capnp_export *e;
    switch (rpc_message_target_which(target)) {
    case RPC_MESSAGE_TARGET_IS_IMPORTED_CAP:
        e = capnp_export_at(conn, rpc_message_target_imported_cap(target));
        if (e) return ww_capnp_cap_ref(e->cap);
        capnp_conn_abort(conn, "a message for a capability that was not exported");
        return NULL;
    case RPC_MESSAGE_TARGET_IS_PROMISED_ANSWER:
        return answer_cap(conn, rpc_message_target_promised_answer(target));
    default:
        return capnp_broken(conn->arena, WW_CAPNP_UNIMPLEMENTED, "a target of an unknown kind");
    }
}

/* Words of memory that a call takes while it is not answered: each capability may have brought an entry or a pipe. */
static uint64_t letter_cost(const capnp_letter *letter)
{
    uint64_t of_cap = (sizeof(capnp_promise) + sizeof(ww_capnp_cap_entry)) / 8;
    return letter->words + letter->message.cap_count * of_cap;
}

static bool on_call(ww_capnp_conn *conn, capnp_letter *letter, rpc_message_r message)
{
    rpc_call_r in = rpc_message_call(message);
    rpc_call_send_results_to_r results = rpc_call_send_results_to(in);
    if ((unsigned)rpc_call_send_results_to_which(results) > RPC_CALL_SEND_RESULTS_TO_IS_YOURSELF) {
        capnp_conn_send_unimplemented(conn, message);
        return false;
    }
    ww_capnp_cap *target = read_target(conn, rpc_call_target(in));
    if (!target) return false;
    /* Before there is an answer of that number: parameters that hold a place of it would keep it for ever. */
    bool ok = read_caps(conn, letter, rpc_call_params(in));
    bool is_unanswered = ww_capnp_get_bool(in.s, 130); /* onlyPromisePipeline */
    ww_capnp_call *call = ok ? new_answer(conn, rpc_call_question_id(in), !is_unanswered) : NULL;
    if (!call) {
        ww_capnp_cap_unref(target);
        return false;
    }
    call->interface_id = rpc_call_interface_id(in);
    call->method = rpc_call_method_id(in);
    call->is_unanswered = is_unanswered;
    call->is_redirect =
        rpc_call_send_results_to_which(results) == RPC_CALL_SEND_RESULTS_TO_IS_YOURSELF;
    call->letter = letter;
    call->words = letter->words;
    if (capnp_conn_hold(call, letter_cost(letter))) {
        renew_budget(conn, letter);
        call->params = rpc_payload_content(rpc_call_params(in));
        capnp_deliver(target, call, conn);
    } else {
        capnp_call_release_request(call);
        fail_answer(call, WW_CAPNP_OVERLOADED, "too much waits to be answered");
    }
    ww_capnp_cap_unref(target);
    return true;
}

static void on_bootstrap(ww_capnp_conn *conn, rpc_bootstrap_r in)
{
    ww_capnp_call *call = new_answer(conn, rpc_bootstrap_question_id(in), true);
    if (!call) return;
    if (rpc_bootstrap_has_deprecated_object_id(in)) {
        fail_answer(call, WW_CAPNP_UNIMPLEMENTED, "objects are not asked for by name");
        return;
    }
    if (!conn->bootstrap) {
        fail_answer(call, WW_CAPNP_FAILED, "this vat has no main object");
        return;
    }
    call->state = CALL_RUNNING;
    ww_capnp_any_b_set_cap(ww_capnp_call_results_b(call), conn->bootstrap);
    capnp_vat_settle_later(call);
}

static void on_finish(ww_capnp_conn *conn, rpc_finish_r in)
{
    ww_capnp_call *call = capnp_idmap_find(&conn->answers, rpc_finish_question_id(in));
    if (!call) return; /* answered with noFinishNeeded, which an older peer does not know */
    if (call->is_finished) {
        capnp_conn_abort(conn, "a question was finished twice");
        return;
    }
    call->is_finished = true;
    call->deliver_anyway = !ww_capnp_get_bool(in.s, 33);
    if (capnp_call_is_over(call)) {
        capnp_idmap_remove(&conn->answers, call->answer);
        capnp_conn_unhold(call);
        call->answer_conn = NULL;
        if (rpc_finish_release_result_caps(in)) capnp_ids_release(conn, &call->result_exports);
    }
    capnp_call_unref(call);
}

/* ---- answers ---- */

static void take_from(ww_capnp_conn *conn, ww_capnp_call *outer, uint32_t id)
{
    ww_capnp_call *inner = capnp_idmap_find(&conn->answers, id);
    if (!inner) { /* it was refused a place */
        capnp_call_fail_now(outer, WW_CAPNP_OVERLOADED, TOO_MANY_QUESTIONS);
        return;
    }
    if (!inner->is_redirect || inner->is_taken) {
        capnp_conn_abort(conn, "results are to be taken from a question that has none to give");
        return;
    }
    for (const ww_capnp_call *at = inner; at; at = at->inner)
        if (at == outer) {
            capnp_conn_abort(conn, "results are to be taken from a question that waits for them");
            return;
        }
    inner->is_taken = true;
    inner->refs++;
    capnp_call_follow(outer, inner);
}

/* The reason, cut to what fits. */
static ww_capnp_exception read_exception(rpc_exception_r e, char text[WW_CAPNP_REASON_MAX])
{
    ww_view reason = rpc_exception_reason(e);
    size_t size = reason.size < WW_CAPNP_REASON_MAX ? reason.size : WW_CAPNP_REASON_MAX;
    snprintf(text, WW_CAPNP_REASON_MAX, "%.*s", (int)size, (const char *)reason.data);
    unsigned type = (unsigned)rpc_exception_type(e);
    return type > WW_CAPNP_UNIMPLEMENTED ? WW_CAPNP_FAILED : (ww_capnp_exception)type;
}

/* What the answer says, for the call that waits for it. True: the letter is kept. */
static bool complete(ww_capnp_conn *conn, ww_capnp_call *call, capnp_letter *letter,
                     rpc_message_r message)
{
    rpc_return_r in = rpc_message_return(message);
    ww_capnp_exception type;
    char text[WW_CAPNP_REASON_MAX];
    switch (rpc_return_which(in)) {
    case RPC_RETURN_IS_RESULTS:
        if (!read_caps(conn, letter, rpc_return_results(in))) return false;
        renew_budget(conn, letter);
        call->reply_letter = letter;
        call->response = rpc_payload_content(rpc_return_results(in));
        capnp_call_settle(call);
        return true;
    case RPC_RETURN_IS_EXCEPTION:
        type = read_exception(rpc_return_exception(in), text);
        capnp_call_fail_now(call, type, text);
        return false;
    case RPC_RETURN_IS_CANCELED:
        capnp_call_fail_now(call, WW_CAPNP_FAILED, "canceled by the peer");
        return false;
    case RPC_RETURN_IS_RESULTS_SENT_ELSEWHERE:
        capnp_conn_abort(conn, "results were sent elsewhere without being asked to");
        return false;
    case RPC_RETURN_IS_TAKE_FROM_OTHER_QUESTION:
        take_from(conn, call, rpc_return_take_from_other_question(in));
        return false;
    default:
        capnp_conn_send_unimplemented(conn, message);
        capnp_call_fail_now(call, WW_CAPNP_UNIMPLEMENTED, "results of an unknown kind");
        return false;
    }
}

static bool on_return(ww_capnp_conn *conn, capnp_letter *letter, rpc_message_r message)
{
    rpc_return_r in = rpc_message_return(message);
    uint32_t id = rpc_return_answer_id(in);
    capnp_question *q = capnp_question_at(conn, id);
    if (!q || q->has_returned) {
        capnp_conn_abort(conn, "an answer to a question that was not asked");
        return false;
    }
    q->has_returned = true;
    ww_capnp_call *call = q->call;
    capnp_ids done_with = {0}; /* after the results, which may name them */
    if (rpc_return_release_param_caps(in)) {
        done_with = q->exports;
        q->exports = (capnp_ids){0};
    }
    if (ww_capnp_get_bool(in.s, 33)) q->finish_is_sent = true; /* noFinishNeeded */
    bool is_kept = false;
    if (call) { /* otherwise it was canceled: what it carries was released with the Finish */
        call->refs++;
        is_kept = complete(conn, call, letter, message);
    }
    capnp_ids_release(conn, &done_with);
    if (!conn->is_over) capnp_question_check(conn, id);
    if (call) capnp_call_unref(call);
    return is_kept;
}

/* ---- promises and references ---- */

static void on_resolve(ww_capnp_conn *conn, rpc_resolve_r in)
{
    capnp_promise *p = capnp_idmap_find(&conn->imports, rpc_resolve_promise_id(in));
    bool is_cap = rpc_resolve_which(in) == RPC_RESOLVE_IS_CAP;
    if (p && (p->is_settled || p->state != PROMISE_PENDING)) {
        capnp_conn_abort(conn, "a capability was resolved that is no promise, or twice");
        return;
    }
    if (is_cap) {
        rpc_cap_descriptor_r d = rpc_resolve_cap(in);
        if (rpc_cap_descriptor_which(d) == RPC_CAP_DESCRIPTOR_IS_NONE) {
            capnp_conn_abort(conn, "a promise was resolved to nothing");
            return;
        }
        if (p) ww_capnp_cap_ref(&p->base);
        ww_capnp_cap_entry entry = read_descriptor(conn, d);
        if (p && !conn->is_over) capnp_promise_settle(p, entry);
        ww_capnp_cap_unref(entry.cap);
        if (p) ww_capnp_cap_unref(&p->base);
    } else if (p) {
        char text[WW_CAPNP_REASON_MAX];
        ww_capnp_exception type = read_exception(rpc_resolve_exception(in), text);
        capnp_promise_settle_broken(p, type, text);
    }
}

static void on_release(ww_capnp_conn *conn, rpc_release_r in)
{
    uint32_t count = rpc_release_reference_count(in);
    if (count && !capnp_export_release(conn, rpc_release_id(in), count))
        capnp_conn_abort(conn, "more references were released than were given");
}

static void loop_back(ww_capnp_conn *conn, rpc_disembargo_r in)
{
    ww_capnp_cap *target = read_target(conn, rpc_disembargo_target(in));
    if (!target) return;
    bool is_full = conn->tokens >= conn->vat->limits.embargoes_max;
    capnp_token *token = is_full ? NULL : ww_alloc(&conn->arena->base, sizeof *token);
    if (!token) {
        no_entry(conn, is_full ? WW_E_LIMIT : WW_E_MEMORY, "too many embargoes at once");
    } else {
        uint32_t id = rpc_disembargo_context_sender_loopback(rpc_disembargo_context(in));
        *token = (capnp_token){.item = {.is_token = true}, .conn = conn, .embargo = id};
        conn->tokens++;
        capnp_conn_ref(conn);
        capnp_deliver_token(target, token);
    }
    ww_capnp_cap_unref(target);
}

static void on_disembargo(ww_capnp_conn *conn, rpc_message_r message)
{
    rpc_disembargo_r in = rpc_message_disembargo(message);
    rpc_disembargo_context_r context = rpc_disembargo_context(in);
    uint32_t id;
    capnp_promise *p;
    switch (rpc_disembargo_context_which(context)) {
    case RPC_DISEMBARGO_CONTEXT_IS_SENDER_LOOPBACK: loop_back(conn, in); break;
    case RPC_DISEMBARGO_CONTEXT_IS_RECEIVER_LOOPBACK:
        id = rpc_disembargo_context_receiver_loopback(context);
        if (id >= conn->embargo_capacity || !conn->embargoes[id].promise) {
            capnp_conn_abort(conn, "an embargo was lifted that does not stand");
            break;
        }
        p = conn->embargoes[id].promise;
        conn->embargoes[id].promise = NULL;
        conn->embargoes_used--;
        capnp_promise_lift_embargo(p);
        ww_capnp_cap_unref(&p->base);
        break;
    default: capnp_conn_send_unimplemented(conn, message); break;
    }
}

/* ---- what the peer could not do ---- */

static void release_carried(ww_capnp_conn *conn, rpc_cap_descriptor_r d)
{
    uint32_t id;
    switch (rpc_cap_descriptor_which(d)) {
    case RPC_CAP_DESCRIPTOR_IS_SENDER_HOSTED: id = rpc_cap_descriptor_sender_hosted(d); break;
    case RPC_CAP_DESCRIPTOR_IS_SENDER_PROMISE: id = rpc_cap_descriptor_sender_promise(d); break;
    default: return;
    }
    if (!capnp_export_release(conn, id, 1)) capnp_conn_abort(conn, "an echo of what was not sent");
}

static void question_unimplemented(ww_capnp_conn *conn, uint32_t id)
{
    capnp_question *q = capnp_question_at(conn, id);
    if (!q || q->has_returned) {
        capnp_conn_abort(conn, "an echo of a question that was not asked");
        return;
    }
    ww_capnp_call *call = q->call;
    capnp_ids sent = q->exports;
    q->exports = (capnp_ids){0};
    q->call = NULL;
    q->has_returned = q->finish_is_sent = true;
    if (call) {
        call->refs++;
        call->conn = NULL;
        capnp_call_fail_now(call, WW_CAPNP_UNIMPLEMENTED, "the peer does not implement this");
    }
    capnp_ids_release(conn, &sent);
    if (call) capnp_call_unref(call);
    if (!conn->is_over) capnp_question_check(conn, id);
}

/* An embargo that will never be lifted: its calls could not be ordered. */
static void embargo_unimplemented(ww_capnp_conn *conn, rpc_disembargo_context_r context)
{
    if (rpc_disembargo_context_which(context) != RPC_DISEMBARGO_CONTEXT_IS_SENDER_LOOPBACK) return;
    uint32_t id = rpc_disembargo_context_sender_loopback(context);
    if (id >= conn->embargo_capacity || !conn->embargoes[id].promise) return;
    capnp_promise *p = conn->embargoes[id].promise;
    conn->embargoes[id].promise = NULL;
    conn->embargoes_used--;
    capnp_promise_settle_broken(p, WW_CAPNP_FAILED, "the peer cannot keep the order of calls");
    ww_capnp_cap_unref(&p->base);
}

static void on_unimplemented(ww_capnp_conn *conn, rpc_message_r echo)
{
    switch (rpc_message_which(echo)) {
    case RPC_MESSAGE_IS_CALL:
        question_unimplemented(conn, rpc_call_question_id(rpc_message_call(echo)));
        break;
    case RPC_MESSAGE_IS_BOOTSTRAP:
        question_unimplemented(conn, rpc_bootstrap_question_id(rpc_message_bootstrap(echo)));
        break;
    case RPC_MESSAGE_IS_RESOLVE:
        if (rpc_resolve_which(rpc_message_resolve(echo)) == RPC_RESOLVE_IS_CAP)
            release_carried(conn, rpc_resolve_cap(rpc_message_resolve(echo)));
        break;
    case RPC_MESSAGE_IS_DISEMBARGO:
        embargo_unimplemented(conn, rpc_disembargo_context(rpc_message_disembargo(echo)));
        break;
    default: break; /* nothing of ours depends on the rest */
    }
}

static void on_abort(ww_capnp_conn *conn, rpc_exception_r e)
{
    char text[WW_CAPNP_REASON_MAX], reason[WW_CAPNP_REASON_MAX];
    (void)read_exception(e, text);
    snprintf(reason, sizeof reason, "the peer aborted: %.400s", text);
    capnp_conn_end(conn, WW_CAPNP_DISCONNECTED, reason);
}

/* ---- all of them ---- */

/* True: the letter is kept. */
static bool carry_out(ww_capnp_conn *conn, capnp_letter *letter, rpc_message_r m)
{
    switch (rpc_message_which(m)) {
    case RPC_MESSAGE_IS_UNIMPLEMENTED:
        on_unimplemented(conn, rpc_message_unimplemented(m));
        return false;
    case RPC_MESSAGE_IS_ABORT: on_abort(conn, rpc_message_abort(m)); return false;
    case RPC_MESSAGE_IS_BOOTSTRAP: on_bootstrap(conn, rpc_message_bootstrap(m)); return false;
    case RPC_MESSAGE_IS_CALL: return on_call(conn, letter, m);
    case RPC_MESSAGE_IS_RETURN: return on_return(conn, letter, m);
    case RPC_MESSAGE_IS_FINISH: on_finish(conn, rpc_message_finish(m)); return false;
    case RPC_MESSAGE_IS_RESOLVE: on_resolve(conn, rpc_message_resolve(m)); return false;
    case RPC_MESSAGE_IS_RELEASE: on_release(conn, rpc_message_release(m)); return false;
    case RPC_MESSAGE_IS_DISEMBARGO: on_disembargo(conn, m); return false;
    default: capnp_conn_send_unimplemented(conn, m); return false;
    }
}

void capnp_conn_message(ww_capnp_conn *conn, capnp_letter *letter)
{
    rpc_message_r message = rpc_message_root(&letter->message);
    bool is_kept = carry_out(conn, letter, message);
    ww_status fault = is_kept ? WW_OK : (ww_status)letter->message.fault;
    if (!is_kept) capnp_letter_free(letter);
    if (fault && !conn->is_over) capnp_conn_abort(conn, "a malformed message");
    capnp_vat_work(conn->vat);
}
