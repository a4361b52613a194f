/* A call on the side of its server: parameters, results, ways to answer. */
#include "capnp/vat.h"
#include <stdio.h>

ww_capnp_any ww_capnp_call_params(ww_capnp_call *call)
{
    return call->params;
}

void ww_capnp_call_release_params(ww_capnp_call *call)
{
    ww_capnp_vat *vat = call->vat;
    capnp_call_release_request(call);
    capnp_vat_work(vat);
}

ww_capnp_any_b ww_capnp_call_results_b(ww_capnp_call *call)
{
    if (call->state != CALL_RUNNING) return (ww_capnp_any_b){0};
    if (!call->reply) {
        call->reply = capnp_parcel_new(call->arena);
        if (!call->reply) {
            capnp_call_set_failure(call, WW_CAPNP_OVERLOADED, "out of memory");
            return (ww_capnp_any_b){0};
        }
        ww_capnp_any_b content = capnp_parcel_begin_return(call->reply);
        call->response = ww_capnp_any_b_read(content);
    }
    uint8_t *at = (uint8_t *)(uintptr_t)call->response.at;
    return (ww_capnp_any_b){&call->reply->builder, at, 0};
}

ww_capnp_struct_b ww_capnp_call_init_results(ww_capnp_call *call, ww_capnp_struct_size size)
{
    ww_capnp_any_b results = ww_capnp_call_results_b(call);
    return results.at ? ww_capnp_any_b_init_struct(results, size) : (ww_capnp_struct_b){0};
}

capnp_parcel *capnp_call_reply(ww_capnp_call *call)
{
    if (call->reply) return call->reply;
    call->reply = capnp_parcel_new(call->arena);
    if (!call->reply) return NULL;
    ww_capnp_any_b content = capnp_parcel_begin_return(call->reply);
    ww_capnp_any_b_set_copy(content, call->response);
    call->response = ww_capnp_any_b_read(content);
    return call->reply;
}

void capnp_call_drop_results(ww_capnp_call *call)
{
    /* What is dropped may be the last to hold the call. */
    capnp_parcel *reply = call->reply;
    capnp_letter *letter = call->reply_letter;
    call->response = (ww_capnp_any){0};
    call->reply = NULL;
    call->reply_letter = NULL;
    capnp_parcel_unref(reply);
    capnp_letter_free(letter);
}

/* With a handler, which owes an answer. */
static bool is_running(const ww_capnp_call *call)
{
    return call->state == CALL_RUNNING || call->state == CALL_SEVERED;
}

static void answer(ww_capnp_call *call)
{
    ww_capnp_vat *vat = call->vat;
    capnp_call_settle(call);
    capnp_vat_work(vat);
}

void ww_capnp_call_return(ww_capnp_call *call)
{
    WW_ASSERT(is_running(call));
    if (call->reply && call->reply->builder.fault)
        capnp_call_set_failure(call, WW_CAPNP_OVERLOADED, "the results are too large");
    answer(call);
}

void ww_capnp_call_fail(ww_capnp_call *call, ww_capnp_exception type, const char *format, ...)
{
    WW_ASSERT(is_running(call));
    char reason[WW_CAPNP_REASON_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    capnp_call_set_failure(call, type, reason);
    answer(call);
}

/* What went into pipes of the outer call goes on through those of the inner one. */
static void join_pipes(ww_capnp_call *outer, ww_capnp_call *inner, bool looped)
{
    for (capnp_promise *p = outer->pipes; p; p = p->next_pipe) {
        if (p->state != PROMISE_PENDING) continue;
        const ww_capnp_pipeline at = {.call = inner, .depth = p->depth};
        ww_capnp_pipeline place = at;
        memcpy(place.path, p->path, sizeof place.path);
        ww_capnp_cap *to = ww_capnp_pipeline_cap(place);
        capnp_promise_settle(p, (ww_capnp_cap_entry){to, looped});
        ww_capnp_cap_unref(to);
    }
}

void capnp_call_follow(ww_capnp_call *outer, ww_capnp_call *inner)
{
    bool looped = outer->state == CALL_REMOTE;
    capnp_call_drop_results(outer); /* whatever its handler began */
    outer->state = CALL_TAIL;
    outer->inner = inner;
    join_pipes(outer, inner, looped);
    if (!capnp_call_is_over(inner)) {
        inner->follower = outer;
        return;
    }
    if (inner->has_failed)
        capnp_call_set_failure(outer, (ww_capnp_exception)inner->exception,
                               ww_capnp_call_reason(inner));
    else
        outer->response = inner->response;
    capnp_vat_settle_later(outer);
}

void ww_capnp_call_tail(ww_capnp_call *call, ww_capnp_call *inner)
{
    WW_ASSERT(is_running(call));
    ww_capnp_vat *vat = call->vat;
    if (call->state == CALL_SEVERED) {
        ww_capnp_call_drop(inner);
        answer(call);
        return;
    }
    ww_status status = ww_capnp_call_send(inner, NULL);
    if (status) {
        capnp_call_set_failure(call, WW_CAPNP_OVERLOADED, ww_status_text(status));
        if (inner) ww_capnp_call_drop(inner);
        answer(call);
        return;
    }
    bool nobody = call->refs == 0;
    capnp_call_follow(call, inner);
    if (nobody) capnp_call_set_failure(call, WW_CAPNP_FAILED, "canceled");
    if (nobody && inner->follower) {
        inner->follower = NULL;
        capnp_vat_settle_later(call);
    }
    capnp_vat_work(vat);
}

void ww_capnp_call_set_pipeline(ww_capnp_call *call, ww_capnp_pipeline pipeline, ww_capnp_cap *cap)
{
    if (call->state != CALL_RUNNING || pipeline.depth > WW_CAPNP_PATH_MAX) return;
    capnp_early *early = ww_alloc(&call->arena->base, sizeof *early);
    if (!early) return; /* a hint: the results will say it too */
    ww_capnp_cap *wrapped =
        call->crossings ? call->vat->guards->wrap_early(call, cap) : ww_capnp_cap_ref(cap);
    *early = (capnp_early){call->early, wrapped, pipeline.depth, {0}};
    memcpy(early->path, pipeline.path, sizeof early->path);
    call->early = early;
    for (capnp_promise *p = call->pipes; p; p = p->next_pipe)
        if (p->depth == early->depth &&
            memcmp(p->path, early->path, p->depth * sizeof *p->path) == 0)
            capnp_promise_settle(p, (ww_capnp_cap_entry){wrapped, false});
    capnp_vat_work(call->vat);
}

void ww_capnp_call_on_cancel(ww_capnp_call *call, ww_capnp_done *done)
{
    call->on_cancel = done;
    if (!call->is_canceled || call->cancel_is_due) return;
    call->cancel_is_due = true;
    if (!call->item.list) capnp_vat_ready(call->vat, &call->item);
}

bool ww_capnp_call_is_canceled(const ww_capnp_call *call)
{
    return call->is_canceled;
}
