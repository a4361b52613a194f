/* Streaming calls: who sends is told to go on while what is in flight fits a window.
 *
 * W1  A reference has one window, whatever it turns out to lead to. A guard's is not that of the promise behind it: what
 *     fails on one way is nothing to those who go another.
 * W2  A call in a window holds the reference; it leaves when it has its outcome. `first` to `last` are those that were not
 *     told yet, in the order they came.
 */
#include "capnp/crossing.h"

/* Completes the sends that fit the window again, in order. */
static void admit(capnp_window *w, const ww_capnp_vat *vat)
{
    while (w->first && w->size <= vat->limits.stream_window_size) {
        ww_capnp_call *call = w->first;
        w->first = call->stream_next;
        if (!w->first) w->last = NULL;
        call->stream_next = NULL;
        capnp_call_done_later(call);
    }
}

/* Out of the queue, when it is completed otherwise. */
static void drop_out(capnp_window *w, ww_capnp_call *call)
{
    ww_capnp_call **link = &w->first, *before = NULL;
    while (*link && *link != call) {
        before = *link;
        link = &before->stream_next;
    }
    if (!*link) return;
    *link = call->stream_next;
    if (w->last == call) w->last = before;
    call->stream_next = NULL;
}

void capnp_window_leave(ww_capnp_call *call)
{
    ww_capnp_cap *cap = call->stream;
    capnp_window *w = capnp_window_of(cap);
    drop_out(w, call);
    call->stream = NULL;
    w->size -= call->words * 8;
    if (call->has_failed) w->is_poisoned = true;
    admit(w, call->vat);
    ww_capnp_cap_unref(cap);
}

void capnp_window_fail(ww_capnp_call *call)
{
    const capnp_guard *guard = capnp_as_guard(capnp_follow(call->target, NULL));
    if (guard && call->vat->guards->refuses(guard, call)) return;
    capnp_call_fail_now(call, WW_CAPNP_FAILED, "an earlier streaming call failed");
}

/* NULL: a local server, which takes its time itself, also behind a guard; or no memory. */
static capnp_window *open_window(ww_capnp_cap *cap)
{
    capnp_window *w = capnp_window_of(cap);
    capnp_guard *guard = capnp_as_guard(cap);
    if (w || !guard) return w;
    ww_capnp_cap *inner = guard->inner ? capnp_follow(guard->inner, NULL) : NULL;
    if (!inner || capnp_server_of(inner)) return NULL;
    guard->window = ww_alloc_zeroed(guard->boundary->allocator, sizeof *guard->window);
    return guard->window;
}

ww_status ww_capnp_call_stream(ww_capnp_call *call, ww_capnp_done *done)
{
    capnp_window *w = call ? open_window(call->target) : NULL;
    if (!w || w->is_poisoned) return ww_capnp_call_send(call, done);
    ww_status status = capnp_call_start(call, done);
    if (status) return status;
    ww_capnp_cap *cap = call->target;
    call->stream = ww_capnp_cap_ref(cap);
    w->size += call->words * 8;
    if (w->last)
        w->last->stream_next = call;
    else
        w->first = call;
    w->last = call;
    call->refs++; /* dropping the caller's references does not cancel what was streamed */
    ww_capnp_cap_ref(cap);
    capnp_deliver(cap, call, NULL);
    capnp_vat_work(cap->vat);
    admit(w, cap->vat);
    ww_capnp_cap_unref(cap);
    return WW_OK;
}
