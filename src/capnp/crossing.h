/* capnp/crossing.h - the way of most calls through a guard: in and out of one boundary that asks
 * nothing, without capabilities. Private to src/capnp; boundary.c has the other ways.
 *
 * Cost       Inline, because it is all that a membrane adds to such a call.
 */
#pragma once
#include "capnp/boundary.h"
#include "capnp/vat.h"

typedef struct capnp_guard {
    ww_capnp_cap base;
    ww_capnp_cap *inner;
    ww_capnp_boundary *boundary;
    struct capnp_guard *next; /* in its slot */
    capnp_window *window;     /* NULL until calls are streamed to another vat */
    uint32_t hash;
    bool is_outward; /* its callers are outside */
} capnp_guard;

void capnp_boundary_free_if_unused(ww_capnp_boundary *boundary);

static inline capnp_guard *capnp_as_guard(ww_capnp_cap *cap)
{
    return cap && cap->class == &CAPNP_GUARD ? (capnp_guard *)cap : NULL;
}

/* NULL: nothing was streamed through it that needs one. */
static inline capnp_window *capnp_window_of(ww_capnp_cap *cap)
{
    capnp_promise *p = capnp_as_promise(cap);
    if (p) return &p->window;
    const capnp_guard *guard = capnp_as_guard(cap);
    return guard ? guard->window : NULL;
}

/* ---- tolls ---- */

/* Of those before `end`, or of all. */
static inline void capnp_tolls_release(const ww_capnp_boundary *boundary, ww_toll *const *end,
                                       uint64_t price)
{
    ww_toll *const *at = boundary->tolls;
    for (ww_toll *toll; at != end && (toll = *at); at++)
        ww_toll_release(toll, price);
}

/* The same, where it is rare. */
void capnp_tolls_undo(const ww_capnp_boundary *boundary, ww_toll *const *end, uint64_t price);

/* A call is charged to all, or to none: the one that it did not fit is returned then. */
static inline ww_toll *const *capnp_tolls_charge(const ww_capnp_boundary *boundary, uint64_t price)
{
    ww_toll *const *at = boundary->tolls;
    for (ww_toll *toll; (toll = *at); at++)
        if (WW_UNLIKELY(!ww_toll_charge(toll, price))) {
            capnp_tolls_undo(boundary, at, price);
            return at;
        }
    return NULL;
}

/* ---- crossing ---- */

/* `crossing`, filled in but for the lists, is the innermost of its call from now on. */
static inline void capnp_crossing_begin(capnp_crossing *crossing, ww_capnp_call *call,
                                        ww_capnp_boundary *boundary)
{
    ww_capnp_crossing_link *ring = &boundary->crossings, *next = ring->next;
    crossing->link = (ww_capnp_crossing_link){ring, next};
    crossing->boundary = boundary;
    call->crossings = crossing;
    next->prev = &crossing->link;
    ring->next = &crossing->link;
}

static inline void capnp_crossing_unlist(capnp_crossing *crossing)
{
    ww_capnp_crossing_link *prev = crossing->link.prev, *next = crossing->link.next;
    prev->next = next;
    next->prev = prev;
}

static inline bool capnp_has_caps(ww_capnp_any content)
{
    return content.message && content.message->cap_count;
}

/* Where a call through a guard goes on to; NULL: it was refused. The call may hold the last reference
 * to the guard and to what it leads to. */
static inline ww_capnp_cap *capnp_guard_enter(ww_capnp_cap *cap, ww_capnp_call *call)
{
    const capnp_guard *guard = (const capnp_guard *)cap;
    ww_capnp_boundary *boundary = guard->boundary;
    bool is_simple =
        guard->is_outward && !boundary->asks && !call->crossings && !capnp_has_caps(call->params);
    if (WW_UNLIKELY(!is_simple) ||
        WW_UNLIKELY(capnp_tolls_charge(boundary, ww_toll_price(call->words))))
        return call->vat->guards->enter(guard, call);
    call->has_simply_crossed = true;
    capnp_crossing_begin(&call->crossing, call, boundary);
    return guard->inner;
}

/* Takes the outcome back through all that the call went through. */
static inline void capnp_call_leave(ww_capnp_call *call)
{
    capnp_crossing *crossing = call->crossings;
    ww_capnp_boundary *boundary = crossing->boundary;
    bool is_simple = call->has_simply_crossed && !boundary->asks && !call->has_failed &&
                     !capnp_has_caps(call->response);
    if (WW_UNLIKELY(!is_simple)) {
        call->vat->guards->leave(call);
        return;
    }
    call->crossings = NULL;
    capnp_crossing_unlist(crossing);
    capnp_tolls_release(boundary, NULL, ww_toll_price(call->words));
    if (WW_UNLIKELY(!boundary->refs)) capnp_boundary_free_if_unused(boundary);
}
