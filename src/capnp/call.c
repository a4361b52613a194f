/* The life of a call.
 *
 * C1  `refs` counts those who want the outcome; when none is left and there is no outcome yet, the call is canceled.
 *     `in_progress` keeps the memory until the outcome is there.
 * C2  settle runs once per call, out of capnp_vat_work or directly; done_is_due and cancel_is_due are then turns of their
 *     own in vat->ready.
 * C3  A call that waits in a list is taken out of it before it is settled.
 * C4  A severed call has its outcome while its handler still works: it is told first and ended when the handler answers.
 */
#include "capnp/crossing.h"
#include "capnp/rpc.capnp.h"
#include <stdio.h>

/* ---- making and sending ---- */

ww_capnp_call *ww_capnp_call_new(ww_capnp_cap *cap, uint64_t interface_id, uint16_t method)
{
    ww_capnp_call *call = cap ? capnp_call_alloc(cap->vat->arena) : NULL;
    if (!call) return NULL;
    call->request = capnp_parcel_new(cap->vat->arena);
    if (!call->request) {
        capnp_call_recycle(call);
        return NULL;
    }
    call->target = ww_capnp_cap_ref(cap);
    call->interface_id = interface_id;
    call->method = method;
    ww_capnp_any_b content = capnp_parcel_begin_call(call->request);
    call->params = ww_capnp_any_b_read(content);
    return call;
}

ww_capnp_any_b ww_capnp_call_params_b(ww_capnp_call *call)
{
    if (!call || call->state != CALL_NEW || !call->request) return (ww_capnp_any_b){0};
    uint8_t *at = (uint8_t *)(uintptr_t)call->params.at;
    return (ww_capnp_any_b){&call->request->builder, at, 0};
}

ww_capnp_struct_b ww_capnp_call_init_params(ww_capnp_call *call, ww_capnp_struct_size size)
{
    ww_capnp_any_b params = ww_capnp_call_params_b(call);
    return params.at ? ww_capnp_any_b_init_struct(params, size) : (ww_capnp_struct_b){0};
}

void ww_capnp_call_no_pipeline(ww_capnp_call *call)
{
    if (call && call->state == CALL_NEW) call->no_pipeline = true;
}

/* What was pipelined on it already fails. */
static void never_sent(ww_capnp_call *call)
{
    ww_capnp_vat *vat = call->vat;
    capnp_call_fail_now(call, WW_CAPNP_OVERLOADED, "the call was not sent");
    capnp_vat_work(vat);
}

ww_status capnp_call_start(ww_capnp_call *call, ww_capnp_done *done)
{
    if (!call) return WW_E_MEMORY;
    WW_ASSERT(call->state == CALL_NEW);
    ww_status fault = call->request->builder.fault;
    if (fault) {
        never_sent(call);
        return fault;
    }
    call->words = call->request->builder.words;
    call->in_progress = true;
    call->done = done;
    if (done) call->refs++;
    return WW_OK;
}

ww_status ww_capnp_call_send(ww_capnp_call *call, ww_capnp_done *done)
{
    ww_status status = capnp_call_start(call, done);
    if (status) return status;
    const capnp_window *window = capnp_window_of(call->target);
    if (WW_UNLIKELY(window && window->is_poisoned))
        capnp_window_fail(call);
    else
        capnp_deliver(call->target, call, NULL);
    capnp_vat_work(call->vat);
    return WW_OK;
}

void capnp_call_remind(ww_capnp_call *call)
{
    if (call->done_is_due && !call->item.list) capnp_vat_ready(call->vat, &call->item);
}

/* A call that waits in a queue is told when it leaves it. */
void capnp_call_done_later(ww_capnp_call *call)
{
    if (!call->done || call->done_is_due) return;
    call->done_is_due = true;
    capnp_call_remind(call);
}

/* ---- outcome ---- */

void capnp_call_set_failure(ww_capnp_call *call, ww_capnp_exception type, const char *reason)
{
    if (call->has_failed) return;
    call->has_failed = true;
    call->exception = (uint8_t)type;
    size_t size = strnlen(reason, WW_CAPNP_REASON_MAX - 1);
    char *copy = ww_alloc(&call->arena->base, size + 1);
    if (!copy) return;
    memcpy(copy, reason, size);
    copy[size] = '\0';
    call->reason = copy;
    call->owns_reason = true;
}

void capnp_call_set_refusal(ww_capnp_call *call, const ww_capnp_refusal *refusal)
{
    if (call->has_failed) return;
    call->has_failed = true;
    call->exception = (uint8_t)refusal->type;
    call->reason = refusal->reason;
}

void capnp_call_fail_now(ww_capnp_call *call, ww_capnp_exception type, const char *reason)
{
    capnp_call_set_failure(call, type, reason);
    capnp_call_settle(call);
}

void capnp_call_release_request(ww_capnp_call *call)
{
    if (call->letter) capnp_conn_unhold(call);
    capnp_parcel_unref(call->request);
    capnp_letter_free(call->letter);
    call->request = NULL;
    call->letter = NULL;
    call->params = (ww_capnp_any){0};
}

ww_capnp_cap_entry capnp_call_entry_at(ww_capnp_call *call, const uint16_t *path, uint16_t depth)
{
    ww_capnp_any any = call->response;
    for (uint16_t i = 0; i < depth; i++)
        any = ww_capnp_get_pointer(ww_capnp_any_struct(any), path[i]);
    if (ww_capnp_any_kind(any) != WW_CAPNP_IS_CAP) return (ww_capnp_cap_entry){0};
    return ww_capnp_any_cap_entry(any);
}

static void settle_pipes(ww_capnp_call *call)
{
    for (capnp_promise *p = call->pipes; p; p = p->next_pipe) {
        if (p->state != PROMISE_PENDING) continue;
        if (call->has_failed)
            capnp_promise_settle_broken(p, (ww_capnp_exception)call->exception,
                                        ww_capnp_call_reason(call));
        else
            capnp_promise_settle(p, capnp_call_entry_at(call, p->path, p->depth));
    }
}

static void settle_follower(ww_capnp_call *call)
{
    ww_capnp_call *outer = call->follower;
    call->follower = NULL;
    if (!outer) return;
    if (call->has_failed)
        capnp_call_set_failure(outer, (ww_capnp_exception)call->exception,
                               ww_capnp_call_reason(call));
    else
        outer->response = call->response; /* kept alive by outer->inner */
    capnp_vat_settle_later(outer);
}

static void free_call(ww_capnp_call *call)
{
    const ww_allocator *allocator = &call->arena->base;
    capnp_call_release_request(call);
    capnp_parcel_unref(call->reply);
    capnp_letter_free(call->reply_letter);
    if (call->owns_reason)
        ww_free(allocator, (void *)(uintptr_t)call->reason, strlen(call->reason) + 1);
    for (capnp_early *e; (e = call->early); ww_free(allocator, e, sizeof *e)) {
        call->early = e->next;
        ww_capnp_cap_unref(e->cap);
    }
    if (call->result_exports.more)
        ww_free(allocator, call->result_exports.more,
                call->result_exports.capacity * sizeof(uint32_t));
    ww_capnp_call *inner = call->inner;
    ww_capnp_cap *target = call->target;
    capnp_call_recycle(call);
    ww_capnp_cap_unref(target);
    if (inner) capnp_call_unref(inner);
}

/* The outcome reaches all who wait for it. */
static void tell(ww_capnp_call *call)
{
    if (call->crossings) capnp_call_leave(call);
    settle_pipes(call);
    settle_follower(call);
    if (call->answer_conn) capnp_conn_send_return(call->answer_conn, call);
    if (call->stream) {
        capnp_window_leave(call);
        capnp_call_done_later(call);
        capnp_call_unref(call);
    } else {
        capnp_call_done_later(call);
    }
}

/* Nobody works on it any more. */
static void end(ww_capnp_call *call)
{
    capnp_call_release_request(call);
    if (call->is_exclusive) capnp_server_idle(call);
    ww_capnp_cap *target = call->target;
    call->target = NULL;
    ww_capnp_cap_unref(target);
    call->in_progress = false;
    if (!call->refs) free_call(call);
}

void capnp_call_settle(ww_capnp_call *call)
{
    if (call->state == CALL_DONE) return;
    bool was_severed = call->state == CALL_SEVERED;
    call->state = CALL_DONE;
    if (was_severed) { /* it keeps its turn in vat->ready if `done` is to be told */
        if (!call->done_is_due) capnp_list_remove(&call->item);
        capnp_call_drop_results(call);
    } else {
        capnp_list_remove(&call->item);
        call->done_is_due = false; /* if that was its place in vat->ready, it gets another one */
        tell(call);
    }
    end(call);
}

/* ---- nobody wants it any more ---- */

static void cancel_later(ww_capnp_call *call)
{
    if (!call->on_cancel || call->cancel_is_due) return;
    call->cancel_is_due = true;
    if (!call->item.list) capnp_vat_ready(call->vat, &call->item);
}

void capnp_call_cancel(ww_capnp_call *call)
{
    if (call->is_settling) return; /* its outcome is on its way */
    call->is_canceled = true;
    switch ((enum capnp_call_state)call->state) {
    case CALL_NEW:
    case CALL_SEVERED:
    case CALL_DONE: break;
    case CALL_QUEUED: {
        bool is_local = capnp_server_of(call->target) != NULL;
        if (is_local && call->deliver_anyway) break;
        capnp_promise *p = capnp_as_promise(call->target);
        if (p && call->item.list == &p->queue) p->queued_words -= call->words;
        capnp_list_remove(&call->item);
        capnp_call_set_failure(call, WW_CAPNP_FAILED, "canceled");
        capnp_vat_settle_later(call);
        break;
    }
    case CALL_RUNNING: cancel_later(call); break;
    case CALL_REMOTE: capnp_conn_cancel(call->conn, call); break;
    case CALL_TAIL:
        if (call->inner) call->inner->follower = NULL;
        capnp_call_set_failure(call, WW_CAPNP_FAILED, "canceled");
        capnp_vat_settle_later(call);
        break;
    }
}

/* The failure comes first and stays; what would be the outcome of a cancel does not replace it. */
void capnp_call_sever(ww_capnp_call *call, const ww_capnp_refusal *why)
{
    capnp_call_set_refusal(call, why);
    call->deliver_anyway = false;
    if (call->state != CALL_RUNNING || call->is_settling) {
        ww_capnp_call *inner = call->state == CALL_TAIL ? call->inner : NULL;
        capnp_call_cancel(call);
        if (!inner || inner->follower) return;
        call->inner = NULL;
        capnp_call_unref(inner);
        return;
    }
    call->is_canceled = true;
    cancel_later(call);
    call->state = CALL_SEVERED;
    tell(call);
}

void capnp_call_unref(ww_capnp_call *call)
{
    bool is_over = call->state == CALL_DONE && !call->in_progress;
    if (--call->refs) {
        /* Only its own pipes hold it, which know where they lead: its results may hold them in turn. */
        if (is_over && call->refs == call->pipe_count) capnp_call_drop_results(call);
        return;
    }
    if (call->in_progress)
        capnp_call_cancel(call);
    else
        free_call(call);
}

void ww_capnp_call_drop(ww_capnp_call *call)
{
    if (!call) return;
    ww_capnp_vat *vat = call->vat;
    if (call->state == CALL_NEW && call->pipes) never_sent(call);
    capnp_call_unref(call);
    capnp_vat_work(vat);
}

ww_capnp_call *ww_capnp_call_hold(ww_capnp_call *call)
{
    if (call) call->refs++;
    return call;
}

void ww_capnp_call_cancel(ww_capnp_call *call)
{
    if (!call || !call->in_progress || call->state == CALL_RUNNING) {
        if (call && call->state == CALL_RUNNING && !call->is_canceled) capnp_call_cancel(call);
        return;
    }
    ww_capnp_vat *vat = call->vat;
    capnp_call_cancel(call);
    capnp_vat_work(vat);
}

/* ---- turns ---- */

void capnp_call_run(ww_capnp_call *call)
{
    if (call->state == CALL_QUEUED) {
        capnp_dispatch(call);
        return;
    }
    bool is_running = call->state == CALL_RUNNING || call->state == CALL_SEVERED;
    if (call->cancel_is_due && is_running) {
        call->cancel_is_due = false;
        capnp_call_remind(call);
        call->on_cancel->fn(call->on_cancel, call);
        return;
    }
    if (!call->done_is_due || !call->done) return;
    ww_capnp_done *done = call->done;
    call->done = NULL;
    done->fn(done, call);
    capnp_call_unref(call);
}

/* ---- what the caller reads ---- */

bool ww_capnp_call_failed(const ww_capnp_call *call)
{
    return !call || call->has_failed;
}

ww_capnp_exception ww_capnp_call_exception(const ww_capnp_call *call)
{
    return call ? (ww_capnp_exception)call->exception : WW_CAPNP_OVERLOADED;
}

const char *ww_capnp_call_reason(const ww_capnp_call *call)
{
    if (!call) return "out of memory";
    if (!call->has_failed) return "";
    return call->reason ? call->reason : "failed; there is no memory to say why";
}

ww_capnp_any ww_capnp_call_response(ww_capnp_call *call)
{
    bool has_one = call && call->state == CALL_DONE && !call->has_failed;
    return has_one ? call->response : (ww_capnp_any){0};
}

ww_capnp_pipeline ww_capnp_pipeline_of(ww_capnp_call *call)
{
    return (ww_capnp_pipeline){.call = call};
}

ww_capnp_pipeline ww_capnp_pipeline_field(ww_capnp_pipeline p, uint16_t pointer)
{
    if (p.depth < WW_CAPNP_PATH_MAX) p.path[p.depth] = pointer;
    if (p.depth <= WW_CAPNP_PATH_MAX) p.depth++;
    return p;
}

ww_capnp_cap *ww_capnp_pipeline_cap(ww_capnp_pipeline p)
{
    if (!p.call) return NULL;
    ww_capnp_vat *vat = p.call->vat;
    if (p.depth > WW_CAPNP_PATH_MAX)
        return capnp_broken(p.call->arena, WW_CAPNP_FAILED, "the path is too long");
    if (!capnp_call_is_over(p.call)) return capnp_pipe(p.call, p.path, p.depth);
    if (p.call->has_failed)
        return capnp_broken(p.call->arena, (ww_capnp_exception)p.call->exception,
                            ww_capnp_call_reason(p.call));
    /* The pipe that calls went through before it was resolved stays the way to it. */
    ww_capnp_cap *pipe = capnp_pipe_known(p.call, p.path, p.depth);
    if (pipe) return pipe;
    ww_capnp_cap *cap = capnp_call_entry_at(p.call, p.path, p.depth).cap;
    return ww_capnp_cap_ref(cap ? cap : &vat->null_cap.base);
}
