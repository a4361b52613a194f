/* Boundaries: guards, and the calls that cross.
 *
 * Invariants
 *  1. slots holds every guard once, at the slot of the capability that it was made for. It does not
 *     count as a reference to the guard.
 *  2. A guard's `inner` is no promise that is resolved, no broken capability, and no guard of the
 *     same boundary when it is made; NULL once it was swept.
 *  3. call->crossings lists, innermost first, what the call went through and has not left; each is in
 *     its boundary's list until the call is severed or leaves.
 */
#include "capnp/crossing.h"

enum { SLOTS_FIRST = 8 };

static const ww_capnp_refusal NO_MEMORY = {WW_CAPNP_OVERLOADED, "out of memory"},
                              TOO_MANY = {WW_CAPNP_OVERLOADED, "a call through too many membranes"};

static bool has_calls(const ww_capnp_boundary *boundary)
{
    return boundary->crossings.next != &boundary->crossings;
}

/* References, guards among them, and calls under way are counted apart: a call costs no count. */
void capnp_boundary_free_if_unused(ww_capnp_boundary *boundary)
{
    if (boundary->refs || has_calls(boundary) || boundary->severed) return;
    WW_ASSERT(!boundary->guard_count);
    ww_free(boundary->allocator, boundary->slots, boundary->slot_count * sizeof(capnp_guard *));
    boundary->class->free(boundary);
}

void ww_capnp_boundary_unref(ww_capnp_boundary *boundary)
{
    boundary->refs--;
    capnp_boundary_free_if_unused(boundary);
}

/* ---- guards ---- */

static uint32_t hash_of(const ww_capnp_cap *cap, bool is_outward)
{
    uint64_t address = (uint64_t)(uintptr_t)cap >> 4;
    uint64_t mixed = (address ^ is_outward) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32);
}

static capnp_guard **slot_of(const ww_capnp_boundary *boundary, uint32_t hash)
{
    return &boundary->slots[hash & (boundary->slot_count - 1)];
}

static void insert(const ww_capnp_boundary *boundary, capnp_guard *guard)
{
    capnp_guard **slot = slot_of(boundary, guard->hash);
    guard->next = *slot;
    *slot = guard;
}

/* Without memory the chains only get longer, once there are slots at all. */
static bool make_room(ww_capnp_boundary *boundary)
{
    if (boundary->guard_count < boundary->slot_count) return true;
    if (boundary->slot_count > UINT32_MAX / 4) return true;
    ww_capnp_boundary old = *boundary;
    uint32_t count = old.slot_count ? old.slot_count * 2 : SLOTS_FIRST;
    const ww_allocator *allocator = boundary->allocator;
    capnp_guard **slots = ww_alloc_array(allocator, count, sizeof *slots);
    if (!slots) return old.slot_count > 0;
    for (uint32_t i = 0; i < count; i++)
        slots[i] = NULL;
    boundary->slots = slots;
    boundary->slot_count = count;
    boundary->swept = 0;
    for (uint32_t i = 0; i < old.slot_count; i++)
        for (capnp_guard *guard; (guard = old.slots[i]);) {
            old.slots[i] = guard->next;
            insert(boundary, guard);
        }
    ww_free(allocator, old.slots, old.slot_count * sizeof *old.slots);
    return true;
}

static capnp_guard *find(const ww_capnp_boundary *boundary, const ww_capnp_cap *inner,
                         bool is_outward)
{
    if (!boundary->slot_count) return NULL;
    capnp_guard *guard = *slot_of(boundary, hash_of(inner, is_outward));
    while (guard && (guard->inner != inner || guard->is_outward != is_outward))
        guard = guard->next;
    return guard;
}

static ww_capnp_cap *new_guard(ww_capnp_boundary *boundary, ww_capnp_cap *inner, bool is_outward,
                               const ww_capnp_refusal **refusal)
{
    *refusal = boundary->class->hold(boundary);
    if (*refusal) return NULL;
    capnp_guard *guard = make_room(boundary) ? ww_alloc(boundary->allocator, sizeof *guard) : NULL;
    if (!guard) {
        boundary->class->let_go(boundary);
        *refusal = &NO_MEMORY;
        return NULL;
    }
    *guard = (capnp_guard){.base = {.class = &CAPNP_GUARD, .refs = 1, .vat = boundary->vat},
                           .inner = ww_capnp_cap_ref(inner),
                           .boundary = ww_capnp_boundary_ref(boundary),
                           .hash = hash_of(inner, is_outward),
                           .is_outward = is_outward};
    insert(boundary, guard);
    boundary->guard_count++;
    return &guard->base;
}

static void destroy(ww_capnp_cap *cap)
{
    capnp_guard *guard = (capnp_guard *)cap;
    ww_capnp_boundary *boundary = guard->boundary;
    capnp_guard **link = slot_of(boundary, guard->hash);
    while (*link != guard)
        link = &(*link)->next;
    *link = guard->next;
    boundary->guard_count--;
    boundary->class->let_go(boundary);
    ww_capnp_cap_unref(guard->inner);
    ww_free(boundary->allocator, guard->window, sizeof *guard->window);
    ww_free(boundary->allocator, guard, sizeof *guard);
    ww_capnp_boundary_unref(boundary);
}

ww_capnp_cap *ww_capnp_boundary_wrap(ww_capnp_boundary *boundary, ww_capnp_cap *cap, bool outward,
                                     const ww_capnp_refusal **refusal)
{
    *refusal = NULL;
    ww_capnp_cap *inner = cap ? capnp_follow(cap, NULL) : NULL;
    if (!inner || inner->class == &CAPNP_BROKEN) return ww_capnp_cap_ref(inner);
    capnp_guard *guard = inner->class == &CAPNP_GUARD ? (capnp_guard *)inner : NULL;
    if (guard && guard->boundary == boundary)
        return ww_capnp_cap_ref(guard->is_outward == outward || !guard->inner ? inner
                                                                              : guard->inner);
    guard = find(boundary, inner, outward);
    return guard ? ww_capnp_cap_ref(&guard->base) : new_guard(boundary, inner, outward, refusal);
}

bool ww_capnp_boundary_sweep(ww_capnp_boundary *boundary, uint32_t slots_max)
{
    ww_capnp_boundary_ref(boundary);
    for (uint32_t i = 0; i < slots_max && boundary->swept < boundary->slot_count; i++) {
        /* Dropping one may free guards of this very slot: look again from its start. */
        capnp_guard *guard = boundary->slots[boundary->swept];
        while (guard && !guard->inner)
            guard = guard->next;
        if (!guard) {
            boundary->swept++;
            continue;
        }
        ww_capnp_cap *inner = guard->inner;
        guard->inner = NULL;
        ww_capnp_cap_unref(inner);
    }
    bool more = boundary->swept < boundary->slot_count;
    ww_capnp_boundary_unref(boundary);
    return more;
}

/* ---- crossing ---- */

static const ww_capnp_refusal *wrap_all(ww_capnp_boundary *boundary, ww_capnp_cap_entry *entries,
                                        uint32_t count, bool outward)
{
    for (uint32_t i = 0; i < count; i++) {
        const ww_capnp_refusal *refusal;
        ww_capnp_cap *wrapped = ww_capnp_boundary_wrap(boundary, entries[i].cap, outward, &refusal);
        if (refusal) return refusal;
        ww_capnp_cap_unref(entries[i].cap);
        entries[i].cap = wrapped;
    }
    return NULL;
}

static const ww_capnp_refusal *wrap_params(ww_capnp_boundary *boundary, ww_capnp_call *call,
                                           bool outward)
{
    const ww_capnp_message *message = call->params.message;
    if (WW_LIKELY(!message || !message->cap_count)) return NULL;
    ww_capnp_cap_entry *entries = call->letter ? call->letter->caps : call->request->builder.caps;
    return wrap_all(boundary, entries, message->cap_count, outward);
}

static const ww_capnp_refusal *wrap_results(ww_capnp_boundary *boundary, ww_capnp_call *call,
                                            bool outward)
{
    const ww_capnp_message *message = call->response.message;
    if (WW_LIKELY(!message || !message->cap_count)) return NULL;
    if (call->reply_letter)
        return wrap_all(boundary, call->reply_letter->caps, message->cap_count, outward);
    capnp_parcel *reply = capnp_call_reply(call);
    if (!reply || reply->builder.fault) return &NO_MEMORY;
    return wrap_all(boundary, reply->builder.caps, reply->builder.message.cap_count, outward);
}

static const ww_capnp_refusal *ask(ww_capnp_boundary *boundary, const ww_capnp_call *call,
                                   bool is_outward)
{
    if (boundary->over || !boundary->asks) return boundary->over;
    return boundary->class->ask(boundary, call->interface_id, call->method, is_outward);
}

void capnp_tolls_undo(const ww_capnp_boundary *boundary, ww_toll *const *end, uint64_t price)
{
    capnp_tolls_release(boundary, end, price);
}

static const ww_capnp_refusal *pay(ww_capnp_boundary *boundary, const ww_capnp_call *call,
                                   bool is_outward)
{
    if (is_outward) return NULL;
    ww_toll *const *full = capnp_tolls_charge(boundary, ww_toll_price(call->words));
    if (!full) return NULL;
    bool by_bytes = ww_toll_messages_left(*full) > 0;
    return boundary->class->overdrawn(boundary, (uint32_t)(full - boundary->tolls), by_bytes);
}

static const ww_capnp_refusal *new_crossing(ww_capnp_call *call, capnp_crossing **out)
{
    *out = &call->crossing;
    if (!call->crossings) return NULL;
    uint32_t depth = 0;
    for (const capnp_crossing *c = call->crossings; c; c = c->outer)
        depth++;
    if (depth == WW_CAPNP_BOUNDARIES_MAX) return &TOO_MANY;
    *out = ww_alloc(call->vat->allocator, sizeof **out);
    return *out ? NULL : &NO_MEMORY;
}

static void free_crossing(capnp_crossing *crossing)
{
    ww_capnp_call *call = crossing->call;
    if (crossing != &call->crossing) ww_free(call->vat->allocator, crossing, sizeof *crossing);
}

/* The call, a guest of its boundary from now on. */
static const ww_capnp_refusal *cross(ww_capnp_call *call, ww_capnp_boundary *boundary,
                                     bool is_outward)
{
    capnp_crossing *crossing;
    const ww_capnp_refusal *refusal = ask(boundary, call, is_outward);
    if (!refusal) refusal = new_crossing(call, &crossing);
    if (refusal) return refusal;
    *crossing = (capnp_crossing){.call = call, .outer = call->crossings, .is_outward = is_outward};
    refusal = pay(boundary, call, is_outward);
    if (refusal) {
        free_crossing(crossing);
        return refusal;
    }
    call->has_simply_crossed = false;
    capnp_crossing_begin(crossing, call, boundary);
    return wrap_params(boundary, call, is_outward);
}

static bool refuse(ww_capnp_call *call, const ww_capnp_refusal *refusal)
{
    if (WW_LIKELY(!refusal)) return false;
    capnp_call_set_refusal(call, refusal);
    capnp_vat_settle_later(call);
    return true;
}

static ww_capnp_cap *enter(const capnp_guard *guard, ww_capnp_call *call)
{
    ww_capnp_cap *inner = guard->inner;
    return refuse(call, cross(call, guard->boundary, !guard->is_outward)) ? NULL : inner;
}

static bool refuses(const capnp_guard *guard, ww_capnp_call *call)
{
    return refuse(call, ask(guard->boundary, call, !guard->is_outward));
}

static bool cross_as(ww_capnp_call *call, const ww_capnp_call *before)
{
    uint32_t depth = 0;
    for (const capnp_crossing *c = before->crossings; c; c = c->outer)
        depth++;
    while (depth--) {
        const capnp_crossing *c = before->crossings;
        for (uint32_t i = 0; i < depth; i++)
            c = c->outer;
        if (refuse(call, cross(call, c->boundary, c->is_outward))) return false;
    }
    return true;
}

static ww_capnp_cap *wrap_early(const ww_capnp_call *call, ww_capnp_cap *cap)
{
    ww_capnp_cap *wrapped = ww_capnp_cap_ref(cap);
    for (const capnp_crossing *c = call->crossings; c; c = c->outer) {
        const ww_capnp_refusal *refusal;
        ww_capnp_cap *inner = wrapped;
        wrapped = ww_capnp_boundary_wrap(c->boundary, inner, !c->is_outward, &refusal);
        ww_capnp_cap_unref(inner);
        if (refusal) return NULL;
    }
    return wrapped;
}

static void leave(ww_capnp_call *call, capnp_crossing *crossing)
{
    ww_capnp_boundary *boundary = crossing->boundary;
    bool is_outward = crossing->is_outward;
    if (!call->has_failed) {
        const ww_capnp_refusal *refusal = ask(boundary, call, is_outward);
        if (!refusal) refusal = wrap_results(boundary, call, !is_outward);
        if (refusal) capnp_call_set_refusal(call, refusal);
    }
    call->crossings = crossing->outer;
    if (crossing->is_severed)
        boundary->severed--;
    else
        capnp_crossing_unlist(crossing);
    if (!is_outward) capnp_tolls_undo(boundary, NULL, ww_toll_price(call->words));
    free_crossing(crossing);
    capnp_boundary_free_if_unused(boundary);
}

static void leave_all(ww_capnp_call *call)
{
    while (call->crossings)
        leave(call, call->crossings);
    if (call->has_failed) capnp_call_drop_results(call);
}

void ww_capnp_boundary_init(ww_capnp_boundary *boundary, const ww_capnp_boundary_class *class,
                            ww_capnp_vat *vat)
{
    static const capnp_guards guards = {enter, refuses, cross_as, wrap_early, leave_all, destroy};
    vat->guards = &guards;
    *boundary =
        (ww_capnp_boundary){.class = class, .vat = vat, .allocator = vat->allocator, .refs = 1};
    boundary->crossings = (ww_capnp_crossing_link){&boundary->crossings, &boundary->crossings};
}

void ww_capnp_boundary_sever(ww_capnp_boundary *boundary, const ww_capnp_refusal *why)
{
    boundary->over = why;
    boundary->asks = true;
    if (!has_calls(boundary)) return;
    ww_capnp_vat *vat = boundary->vat;
    ww_capnp_boundary_ref(boundary);
    while (has_calls(boundary)) {
        capnp_crossing *crossing = WW_CONTAINER_OF(boundary->crossings.next, capnp_crossing, link);
        capnp_crossing_unlist(crossing);
        crossing->is_severed = true;
        boundary->severed++;
        capnp_call_sever(crossing->call, why);
    }
    capnp_vat_work(vat);
    ww_capnp_boundary_unref(boundary);
}
