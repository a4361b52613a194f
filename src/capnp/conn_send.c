/* What leaves: how calls, answers and capabilities are written, and how a failure half-way is undone. */
#include "capnp/conn_state.h"

/* ---- parcels ---- */

uint64_t capnp_parcel_words(const capnp_parcel *parcel)
{
    uint64_t words = 0;
    for (uint32_t i = 0; i < parcel->builder.message.segment_count; i++)
        words += parcel->builder.segments[i].words;
    return words;
}

uint64_t capnp_parcel_cost(const capnp_parcel *parcel)
{
    return sizeof *parcel / 8 + capnp_parcel_words(parcel);
}

capnp_parcel *capnp_conn_parcel(ww_capnp_conn *conn)
{
    capnp_parcel *parcel = conn->is_over ? NULL : capnp_parcel_new(conn->arena);
    if (!parcel && !conn->is_over) ww_capnp_conn_no_memory(conn);
    return parcel;
}

void capnp_conn_write(ww_capnp_conn *conn, capnp_parcel *parcel)
{
    if (conn->is_over || parcel->builder.fault) {
        bool is_broken = !conn->is_over;
        capnp_parcel_unref(parcel);
        if (is_broken) ww_capnp_conn_no_memory(conn);
        return;
    }
    if (conn->output_cost / 2 > conn->vat->limits.output_words_max) {
        capnp_parcel_unref(parcel);
        capnp_conn_end(conn, WW_CAPNP_OVERLOADED, "the peer asks and does not read");
        return;
    }
    WW_ASSERT(parcel->arena == conn->arena);
    uint8_t table[WW_CAPNP_TABLE_SIZE_MAX];
    parcel->table_size = (uint32_t)ww_capnp_frame_table(&parcel->builder, table);
    bool is_one = parcel->builder.message.segment_count == 1;
    memcpy(is_one ? (uint8_t *)parcel->scratch : parcel->table, table, parcel->table_size);
    parcel->next = NULL;
    bool was_empty = !conn->output_last;
    *(was_empty ? &conn->output_first : &conn->output_last->next) = parcel;
    conn->output_last = parcel;
    conn->output_words += capnp_parcel_words(parcel);
    conn->output_cost += capnp_parcel_cost(parcel);
    if (was_empty && conn->wake) conn->wake->fn(conn->wake);
}

/* What is new is refused: the peer does not read, or holds much. */
static bool is_full(const ww_capnp_conn *conn)
{
    return conn->output_cost > conn->vat->limits.output_words_max ||
           capnp_arena_is_short(conn->arena);
}

/* ---- addresses and descriptors ---- */

static void write_promised_answer(rpc_promised_answer_b answer, const capnp_promise *p)
{
    rpc_promised_answer_set_question_id(answer, p->call->question);
    if (!p->depth) return;
    rpc_promised_answer_op_lb ops = rpc_promised_answer_init_transform(answer, p->depth);
    for (uint16_t i = 0; i < p->depth; i++)
        rpc_promised_answer_op_set_get_pointer_field(rpc_promised_answer_op_lb_at(ops, i),
                                                     p->path[i]);
}

static void write_target(rpc_message_target_b target, const capnp_promise *p)
{
    if (p->kind == PROMISE_IMPORT)
        rpc_message_target_set_imported_cap(target, p->id);
    else
        write_promised_answer(rpc_message_target_init_promised_answer(target), p);
}

void capnp_write_exception(rpc_exception_b e, ww_capnp_exception type, const char *reason)
{
    rpc_exception_set_type(e, (enum rpc_exception_type)type);
    rpc_exception_set_reason(e, ww_view_str(reason));
}

static bool watch(ww_capnp_conn *conn, capnp_promise *p, uint32_t id)
{
    capnp_watch *w = ww_alloc(&conn->arena->base, sizeof *w);
    if (!w) return false;
    *w = (capnp_watch){p->watches, conn, id};
    p->watches = w;
    capnp_conn_ref(conn);
    return true;
}

static bool is_unsettled(const capnp_promise *p)
{
    return p && p->state != PROMISE_RESOLVED && !(p->kind == PROMISE_IMPORT && p->is_settled);
}

/* Describes the capability and pins the entry to exactly what was described. */
static bool describe(ww_capnp_conn *conn, capnp_parcel *parcel, rpc_cap_descriptor_b d,
                     ww_capnp_cap_entry *entry, capnp_ids *ids)
{
    if (!entry->cap) {
        rpc_cap_descriptor_set_none(d);
        return true;
    }
    ww_capnp_cap *inner = ww_capnp_cap_ref(capnp_follow(entry->cap, NULL));
    ww_capnp_cap_unref(entry->cap);
    entry->cap = inner;
    capnp_promise *p = capnp_as_promise(inner);
    if (p && capnp_promise_is_on(p, conn)) {
        p->used = p->told = true;
        if (p->kind == PROMISE_IMPORT)
            rpc_cap_descriptor_set_receiver_hosted(d, p->id);
        else
            write_promised_answer(rpc_cap_descriptor_init_receiver_answer(d), p);
        return true;
    }
    bool is_new, is_broken = inner->class == &CAPNP_BROKEN;
    uint32_t id = capnp_export_add(conn, inner, &is_new);
    if (id == CAPNP_NONE) return false;
    if ((is_new && is_unsettled(p) && !watch(conn, p, id)) ||
        !capnp_ids_add(&conn->arena->base, ids, id)) {
        bool ok = capnp_export_release(conn, id, 1);
        WW_ASSERT(ok);
        return false;
    }
    if (is_unsettled(p) || is_broken)
        rpc_cap_descriptor_set_sender_promise(d, id);
    else
        rpc_cap_descriptor_set_sender_hosted(d, id);
    if (conn->fds_max) capnp_parcel_add_fd(conn, parcel, d, inner);
    return true;
}

/* The capability table of a payload. False, and nothing is exported, when something does not fit. */
static bool describe_all(ww_capnp_conn *conn, capnp_parcel *parcel, rpc_payload_b payload,
                         capnp_ids *ids)
{
    uint32_t count = parcel->builder.message.cap_count;
    if (!count) return !parcel->builder.fault;
    rpc_cap_descriptor_lb table = rpc_payload_init_cap_table(payload, count);
    bool ok = table.list.data != NULL;
    for (uint32_t i = 0; i < count && ok; i++)
        ok = describe(conn, parcel, rpc_cap_descriptor_lb_at(table, i), &parcel->builder.caps[i],
                      ids);
    ok = ok && !parcel->builder.fault;
    if (!ok) capnp_ids_release(conn, ids);
    return ok;
}

static void send_resolve_broken(ww_capnp_conn *conn, uint32_t id, const capnp_broken_cap *broken)
{
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return;
    rpc_resolve_b resolve = rpc_message_init_resolve(capnp_parcel_message(parcel));
    rpc_resolve_set_promise_id(resolve, id);
    capnp_write_exception(rpc_resolve_init_exception(resolve), broken->type,
                          broken->reason ? broken->reason : "null capability");
    capnp_conn_write(conn, parcel);
}

/* A broken capability went out as a promise: says at once that it is broken, and never uses its number again. */
static void follow_up(ww_capnp_conn *conn, capnp_ids *ids)
{
    for (uint32_t i = 0; i < ids->count && !conn->is_over; i++) {
        uint32_t id = ids->more ? ids->more[i] : ids->few[i];
        capnp_export *e = capnp_export_at(conn, id);
        if (!e || e->cap->class != &CAPNP_BROKEN || e->next_free == EXPORT_STALE) continue;
        e->next_free = EXPORT_STALE;
        capnp_export_repoint(conn, id, e->cap);
        send_resolve_broken(conn, id, (const capnp_broken_cap *)conn->exports[id].cap);
    }
}

/* ---- calls ---- */

/* The parcel that leaves: what the caller built, or a copy of what came from elsewhere; the connection's from now on. */
static capnp_parcel *request_of(ww_capnp_conn *conn, ww_capnp_call *call)
{
    if (call->request) return capnp_parcel_move(call->request, conn->arena) ? call->request : NULL;
    call->request = capnp_parcel_new(conn->arena);
    if (!call->request) return NULL;
    ww_capnp_any_b_set_copy(capnp_parcel_begin_call(call->request), call->params);
    return call->request;
}

static bool write_call(ww_capnp_conn *conn, ww_capnp_call *call, const capnp_promise *target,
                       uint32_t id)
{
    capnp_parcel *parcel = request_of(conn, call);
    if (!parcel) return false;
    rpc_call_b out = capnp_parcel_call(parcel);
    rpc_call_set_question_id(out, id);
    rpc_call_set_interface_id(out, call->interface_id);
    rpc_call_set_method_id(out, call->method);
    if (call->pipes) call->no_pipeline = false;
    if (call->no_pipeline) ww_capnp_set_bool(out.s, 129, true); /* noPromisePipelining */
    write_target(capnp_parcel_call_target(parcel), target);
    return describe_all(conn, parcel, capnp_parcel_call_params(parcel),
                        &conn->questions[id].exports);
}

void capnp_conn_send_call(ww_capnp_conn *conn, ww_capnp_call *call, capnp_promise *target)
{
    if (!conn || conn->is_over) {
        capnp_call_set_failure(call, WW_CAPNP_DISCONNECTED, "the connection is closed");
        capnp_vat_settle_later(call);
        return;
    }
    uint32_t id;
    capnp_question *q = is_full(conn) ? NULL : capnp_question_new(conn, &id);
    if (!q || !write_call(conn, call, target, id)) {
        if (q) capnp_question_free(conn, id);
        capnp_call_set_failure(call, WW_CAPNP_OVERLOADED,
                               "the call cannot be sent: too large, or too many");
        capnp_vat_settle_later(call);
        return;
    }
    if (!target->is_settled) target->used = true;
    capnp_parcel *parcel = call->request;
    call->request = NULL;
    capnp_call_release_request(call);
    call->state = CALL_REMOTE;
    call->conn = conn;
    call->question = id;
    q->call = call;
    capnp_call_remind(call);
    capnp_conn_write(conn, parcel);
    if (!conn->is_over) follow_up(conn, &conn->questions[id].exports);
    for (capnp_promise *p = call->pipes; p; p = p->next_pipe)
        if (p->queue.first) capnp_vat_flush_later(p);
}

void capnp_conn_send_finish(ww_capnp_conn *conn, uint32_t id, bool release_results)
{
    capnp_question *q = &conn->questions[id];
    q->finish_is_sent = true;
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return;
    rpc_finish_b finish = rpc_message_init_finish(capnp_parcel_message(parcel));
    rpc_finish_set_question_id(finish, id);
    rpc_finish_set_release_result_caps(finish, release_results);
    /* requireEarlyCancellationWorkaround = false, which schemas before 1.0 do not name */
    ww_capnp_set_bool(finish.s, 33, true);
    capnp_conn_write(conn, parcel);
}

/* Whether the peer was given a place of the answer as an address. */
static bool is_address(const ww_capnp_call *call)
{
    for (const capnp_promise *p = call ? call->pipes : NULL; p; p = p->next_pipe)
        if (p->told) return true;
    return false;
}

void capnp_question_check(ww_capnp_conn *conn, uint32_t id)
{
    capnp_question *q = capnp_question_at(conn, id);
    if (!q || !q->has_returned) return;
    if (!q->finish_is_sent && is_address(q->call)) return;
    if (q->call) q->call->conn = NULL;
    if (!q->finish_is_sent) capnp_conn_send_finish(conn, id, false);
    if (!conn->is_over) capnp_question_free(conn, id);
}

void capnp_conn_pipes_gone(ww_capnp_conn *conn, ww_capnp_call *call)
{
    capnp_question *q = capnp_question_at(conn, call->question);
    if (q && q->call == call) capnp_question_check(conn, call->question);
}

void capnp_conn_cancel(ww_capnp_conn *conn, ww_capnp_call *call)
{
    uint32_t id = call->question;
    conn->questions[id].call = NULL;
    call->conn = NULL;
    capnp_call_set_failure(call, WW_CAPNP_FAILED, "canceled");
    capnp_vat_settle_later(call);
    capnp_conn_send_finish(conn, id, true);
}

/* ---- answers ---- */

static void head_return(rpc_return_b out, const ww_capnp_call *call)
{
    rpc_return_set_answer_id(out, call->answer);
    rpc_return_set_release_param_caps(out, false);
}

/* The answer's entry is not needed for anything else. */
static void drop_answer(ww_capnp_conn *conn, ww_capnp_call *call)
{
    capnp_idmap_remove(&conn->answers, call->answer);
    capnp_conn_unhold(call);
    call->answer_conn = NULL;
    if (!call->is_finished) capnp_call_unref(call);
}

static void return_bare(ww_capnp_conn *conn, ww_capnp_call *call)
{
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return;
    rpc_return_b out = rpc_message_init_return(capnp_parcel_message(parcel));
    head_return(out, call);
    if (call->is_finished)
        rpc_return_set_canceled(out);
    else if (call->is_redirect)
        rpc_return_set_results_sent_elsewhere(out);
    else
        capnp_write_exception(rpc_return_init_exception(out), (ww_capnp_exception)call->exception,
                              ww_capnp_call_reason(call));
    capnp_conn_write(conn, parcel);
}

void capnp_conn_send_refusal(ww_capnp_conn *conn, uint32_t answer, const char *reason)
{
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return;
    rpc_return_b out = rpc_message_init_return(capnp_parcel_message(parcel));
    rpc_return_set_answer_id(out, answer);
    rpc_return_set_release_param_caps(out, false);
    ww_capnp_set_bool(out.s, 33, true); /* noFinishNeeded, which schemas before 1.0 do not name */
    capnp_write_exception(rpc_return_init_exception(out), WW_CAPNP_OVERLOADED, reason);
    capnp_conn_write(conn, parcel);
}

static bool return_results(ww_capnp_conn *conn, ww_capnp_call *call)
{
    capnp_parcel *parcel = is_full(conn) ? NULL : capnp_call_reply(call);
    if (!parcel) return false;
    rpc_return_b out = capnp_parcel_return(parcel);
    head_return(out, call);
    bool has_caps = parcel->builder.message.cap_count > 0;
    if (has_caps && !capnp_conn_hold(call, capnp_parcel_cost(parcel))) return false;
    if (!describe_all(conn, parcel, capnp_parcel_return_results(parcel), &call->result_exports))
        return false;
    ww_capnp_set_bool(out.s, 33,
                      !has_caps); /* noFinishNeeded, which schemas before 1.0 do not name */
    parcel->refs++;
    capnp_conn_write(conn, parcel);
    if (!conn->is_over) follow_up(conn, &call->result_exports);
    if (!conn->is_over && !has_caps) drop_answer(conn, call);
    return true;
}

void capnp_conn_send_return(ww_capnp_conn *conn, ww_capnp_call *call)
{
    if (call->is_unanswered) {
        if (call->is_finished) drop_answer(conn, call);
        return;
    }
    bool is_plain = !call->is_finished && !call->has_failed && !call->is_redirect;
    if (is_plain && return_results(conn, call)) return;
    if (is_plain) {
        capnp_parcel_unref(call->reply);
        call->reply = NULL;
        call->response = (ww_capnp_any){0};
        capnp_conn_unhold(call);
        capnp_call_set_failure(call, WW_CAPNP_OVERLOADED, "the results cannot be sent");
    }
    return_bare(conn, call);
    if (!conn->is_over && call->is_finished) drop_answer(conn, call);
}

/* ---- the small messages ---- */

void capnp_conn_send_release(ww_capnp_conn *conn, uint32_t id, uint32_t count)
{
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return;
    rpc_release_b release = rpc_message_init_release(capnp_parcel_message(parcel));
    rpc_release_set_id(release, id);
    rpc_release_set_reference_count(release, count);
    capnp_conn_write(conn, parcel);
}

void capnp_conn_send_unimplemented(ww_capnp_conn *conn, rpc_message_r message)
{
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return;
    ww_capnp_any_b place = rpc_message_pointer_unimplemented(capnp_parcel_message(parcel));
    ww_capnp_struct_b copy = ww_capnp_any_b_init_struct(place, RPC_MESSAGE_SIZE);
    ww_capnp_set_u16(copy, 0, ww_capnp_get_u16(message.s, 0));
    ww_capnp_any_b_set_copy(ww_capnp_struct_b_pointer(copy, 0), ww_capnp_get_pointer(message.s, 0));
    if (parcel->builder.fault)
        capnp_parcel_unref(parcel); /* too large to be echoed */
    else
        capnp_conn_write(conn, parcel);
}

bool capnp_conn_send_embargo(ww_capnp_conn *conn, capnp_promise *promise)
{
    uint32_t id = 0;
    while (id < conn->embargo_capacity && conn->embargoes[id].promise)
        id++;
    if (id == conn->vat->limits.embargoes_max) return false;
    if (id == conn->embargo_capacity) {
        uint32_t capacity = id ? id * 2 : 4;
        capnp_embargo *larger = ww_realloc(&conn->arena->base, conn->embargoes, id * sizeof *larger,
                                           capacity * sizeof *larger);
        if (!larger) return false;
        for (uint32_t i = id; i < capacity; i++)
            larger[i].promise = NULL;
        conn->embargoes = larger;
        conn->embargo_capacity = capacity;
    }
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return false;
    rpc_disembargo_b out = rpc_message_init_disembargo(capnp_parcel_message(parcel));
    write_target(rpc_disembargo_init_target(out), promise);
    rpc_disembargo_context_set_sender_loopback(rpc_disembargo_edit_context(out), id);
    conn->embargoes[id].promise = promise;
    conn->embargoes_used++;
    ww_capnp_cap_ref(&promise->base);
    capnp_conn_write(conn, parcel);
    return true;
}

void capnp_conn_send_loopback(ww_capnp_conn *conn, uint32_t embargo, capnp_promise *target)
{
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    if (!parcel) return;
    rpc_disembargo_b out = rpc_message_init_disembargo(capnp_parcel_message(parcel));
    rpc_message_target_b address = rpc_disembargo_init_target(out);
    if (target)
        write_target(address, target);
    else
        rpc_message_target_set_imported_cap(address,
                                            0); /* it came to nothing; only the number counts */
    rpc_disembargo_context_set_receiver_loopback(rpc_disembargo_edit_context(out), embargo);
    capnp_conn_write(conn, parcel);
}

/* ---- an exported promise was resolved ---- */

/* One local promise after another, which the peer need not know: the number moves on. */
static bool move_on(ww_capnp_conn *conn, uint32_t id, ww_capnp_cap *inner)
{
    capnp_promise *next = capnp_as_promise(inner);
    bool is_local = next && is_unsettled(next) && !capnp_promise_is_on(next, conn);
    if (!is_local || inner->export_conn || !watch(conn, next, id)) return false;
    capnp_export_repoint(conn, id, inner);
    inner->export_conn = conn;
    inner->export_id = id;
    return true;
}

void capnp_conn_resolved(ww_capnp_conn *conn, uint32_t export_id, capnp_promise *promise)
{
    capnp_export *e = conn->is_over ? NULL : capnp_export_at(conn, export_id);
    if (!e || e->cap != &promise->base) return;
    ww_capnp_cap_entry entry = {ww_capnp_cap_ref(capnp_follow(&promise->base, NULL)), false};
    if (move_on(conn, export_id, entry.cap)) {
        ww_capnp_cap_unref(entry.cap);
        return;
    }
    capnp_export_repoint(conn, export_id, entry.cap);
    if (entry.cap->class == &CAPNP_BROKEN) {
        send_resolve_broken(conn, export_id, (const capnp_broken_cap *)entry.cap);
        ww_capnp_cap_unref(entry.cap);
        return;
    }
    capnp_parcel *parcel = capnp_conn_parcel(conn);
    capnp_ids ids = {0};
    if (parcel) {
        rpc_resolve_b out = rpc_message_init_resolve(capnp_parcel_message(parcel));
        rpc_resolve_set_promise_id(out, export_id);
        if (describe(conn, NULL, rpc_resolve_init_cap(out), &entry, &ids))
            capnp_conn_write(conn, parcel);
        else {
            capnp_parcel_unref(parcel);
            capnp_conn_end(conn, WW_CAPNP_OVERLOADED, "no room to say what a promise became");
        }
    }
    capnp_ids_forget(conn, &ids);
    ww_capnp_cap_unref(entry.cap);
}

void capnp_conn_import_gone(ww_capnp_conn *conn, capnp_promise *import)
{
    capnp_idmap_remove(&conn->imports, import->id);
    if (!conn->is_over) capnp_conn_send_release(conn, import->id, import->remote_refs);
}
