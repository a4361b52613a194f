/* Promises, and the way from a reference to where calls go.
 *
 * P1  PENDING: an import or a pipe of a remote call sends, the others queue. EMBARGOED: all queue, `target` is where they
 *     will go. RESOLVED: `target` says where; the queue is empty once the vat's work is done.
 * P2  `target` is the innermost reference at the moment of the resolution, which is also what peers were told then. It
 *     is not followed further for messages of the peer that was told: see capnp_follow.
 *     `target` is NULL while PENDING; following targets never leads in a circle.
 * P3  A promise without references waits to be destroyed, perhaps in the list of capnp_reap: nobody finds it in its call any
 *     more, and nothing settles it, which would bring it back to life.
 * P4  `used` is set when anything was sent through a promise that is still to be resolved by its peer.
 */
#include "capnp/crossing.h"

enum { CYCLE_STEPS_MAX = 256 };

bool capnp_promise_is_on(const capnp_promise *p, const ww_capnp_conn *conn)
{
    if (p->kind == PROMISE_IMPORT) return p->conn == conn;
    return p->kind == PROMISE_PIPE && p->call->conn == conn && !p->call->no_pipeline &&
           capnp_conn_question_lives(conn, p->call);
}

/* Order is nothing to errors: who was told of a promise that came to nothing hears so at once. */
static ww_capnp_cap *error_of(ww_capnp_cap *cap)
{
    ww_capnp_cap *end = capnp_follow(cap, NULL);
    return end && end->class == &CAPNP_BROKEN ? end : NULL;
}

ww_capnp_cap *capnp_follow(ww_capnp_cap *cap, const ww_capnp_conn *origin)
{
    for (;;) {
        capnp_promise *p = capnp_as_promise(cap);
        if (!p || p->state != PROMISE_RESOLVED) return cap;
        if (origin && capnp_promise_is_on(p, origin)) {
            ww_capnp_cap *error = error_of(cap);
            return error ? error : cap;
        }
        cap = p->target;
    }
}

/* A pending promise through which messages can be sent at once. */
static bool sends(const capnp_promise *p)
{
    if (p->state != PROMISE_PENDING) return false;
    if (p->kind == PROMISE_IMPORT) return true;
    return p->kind == PROMISE_PIPE && p->call->state == CALL_REMOTE && !p->call->no_pipeline;
}

static ww_capnp_conn *conn_of(const capnp_promise *p)
{
    return p->kind == PROMISE_IMPORT ? p->conn : p->call->conn;
}

/* Whether `call`, once it waits for `p`, would wait for itself. */
static bool waits_for_itself(const ww_capnp_call *call, const capnp_promise *p)
{
    for (int step = 0; step < CYCLE_STEPS_MAX && p && p->kind == PROMISE_PIPE; step++) {
        const ww_capnp_call *at = p->call;
        while (at->state == CALL_TAIL && at->inner && step++ < CYCLE_STEPS_MAX)
            at = at->inner;
        if (at == call || p->call == call) return true;
        p = at->state == CALL_QUEUED ? capnp_as_promise(at->target) : NULL;
    }
    return false;
}

static void enqueue(capnp_promise *p, ww_capnp_call *call)
{
    uint64_t max = p->base.vat->limits.queued_words_max;
    if (call->words > max || p->queued_words > max - call->words) {
        capnp_call_fail_now(call, WW_CAPNP_OVERLOADED, "too many calls wait for a promise");
        return;
    }
    if (waits_for_itself(call, p)) {
        capnp_call_fail_now(call, WW_CAPNP_FAILED, "a promise depends on itself");
        return;
    }
    p->queued_words += call->words;
    call->state = CALL_QUEUED;
    capnp_list_push(&p->queue, &call->item);
}

/* To the peer, through whatever the call went through whose answer this is a place of. */
static void send_on(capnp_promise *p, ww_capnp_call *call)
{
    bool is_guarded = p->kind == PROMISE_PIPE && p->call->crossings;
    if (is_guarded && !call->vat->guards->cross_as(call, p->call)) return;
    capnp_conn_send_call(conn_of(p), call, p);
}

void capnp_deliver(ww_capnp_cap *cap, ww_capnp_call *call, const ww_capnp_conn *origin)
{
    ww_capnp_vat *vat = call->vat;
    cap = capnp_follow(cap, origin);
    while (cap && cap->class == &CAPNP_GUARD) {
        origin = NULL; /* what is behind it is no address of theirs */
        ww_capnp_cap *inner = capnp_guard_enter(cap, call);
        if (!inner) return;
        cap = capnp_follow(inner, NULL);
    }
    if (!cap) cap = &vat->null_cap.base;
    ww_capnp_cap *old = call->target;
    call->target = ww_capnp_cap_ref(cap);
    ww_capnp_cap_unref(old);
    capnp_promise *p = capnp_as_promise(cap);
    if (p) {
        bool is_raw = origin && capnp_promise_is_on(p, origin);
        if (is_raw)
            capnp_conn_send_call(conn_of(p), call, p);
        else if (sends(p) && !p->queue.first)
            send_on(p, call);
        else
            enqueue(p, call);
    } else if (cap->class == &CAPNP_BROKEN) {
        const capnp_broken_cap *broken = (const capnp_broken_cap *)cap;
        capnp_call_set_failure(call, broken->type,
                               broken->reason ? broken->reason : "null capability");
        capnp_vat_settle_later(call);
    } else {
        call->state = CALL_QUEUED;
        capnp_vat_ready(vat, &call->item);
    }
}

void capnp_deliver_token(ww_capnp_cap *cap, capnp_token *token)
{
    cap = capnp_follow(cap, token->conn);
    capnp_promise *p = capnp_as_promise(cap);
    if (p && !capnp_promise_is_on(p, token->conn)) {
        capnp_list_push(sends(p) && !p->queue.first ? &p->tokens : &p->queue, &token->item);
        return;
    }
    if (!p && cap && cap->class != &CAPNP_BROKEN)
        capnp_conn_abort(token->conn, "a Disembargo's target does not lead back to its sender");
    else
        capnp_conn_send_loopback(token->conn, token->embargo, p);
    capnp_conn_token_done(token);
}

static void deliver_item(capnp_promise *p, capnp_item *item)
{
    ww_capnp_cap *to = p->state == PROMISE_RESOLVED ? p->target : &p->base;
    if (item->is_token) {
        capnp_deliver_token(to, WW_CONTAINER_OF(item, capnp_token, item));
        return;
    }
    ww_capnp_call *call = WW_CONTAINER_OF(item, ww_capnp_call, item);
    p->queued_words -= call->words;
    if (p->state == PROMISE_RESOLVED)
        capnp_deliver(to, call, NULL);
    else
        send_on(p, call);
}

static void tell_watches(capnp_promise *p)
{
    while (p->watches) {
        capnp_watch *watch = p->watches;
        p->watches = watch->next;
        const ww_allocator *allocator = capnp_conn_allocator(watch->conn);
        capnp_conn_resolved(watch->conn, watch->export_id, p);
        capnp_conn_unref(watch->conn);
        ww_free(allocator, watch, sizeof *watch);
    }
}

void capnp_promise_flush(capnp_promise *p)
{
    capnp_item *item;
    while ((p->state == PROMISE_RESOLVED || sends(p)) && (item = capnp_list_pop(&p->queue))) {
        if (item->is_token && p->state == PROMISE_PENDING)
            capnp_list_push(&p->tokens, item);
        else
            deliver_item(p, item);
    }
    if (p->state != PROMISE_RESOLVED) return;
    while ((item = capnp_list_pop(&p->tokens)))
        deliver_item(p, item);
    tell_watches(p);
}

/* ---- resolution ---- */

static bool needs_embargo(const capnp_promise *p, const ww_capnp_cap *inner, bool looped)
{
    if (!looped || !p->used || inner->class == &CAPNP_BROKEN || p->kind == PROMISE_PLAIN)
        return false;
    return conn_of(p) && capnp_promise_is_on(p, conn_of(p));
}

/* Whether a promise that comes to stand for `cap` would stand for itself, now or when embargoes are lifted. */
static bool leads_to(ww_capnp_cap *cap, const capnp_promise *p)
{
    for (capnp_promise *at = capnp_as_promise(cap); at; at = capnp_as_promise(at->target))
        if (at == p) return true;
    return false;
}

static void resolved(capnp_promise *p)
{
    p->state = PROMISE_RESOLVED;
    capnp_vat_flush_later(p);
}

void capnp_promise_settle(capnp_promise *p, ww_capnp_cap_entry entry)
{
    if (p->state != PROMISE_PENDING || !p->base.refs) return;
    ww_capnp_vat *vat = p->base.vat;
    ww_capnp_cap *inner = capnp_follow(entry.cap ? entry.cap : &vat->null_cap.base, NULL);
    if (leads_to(inner, p)) {
        capnp_promise_settle_broken(p, WW_CAPNP_FAILED, "a promise was resolved to itself");
        return;
    }
    bool embargo = needs_embargo(p, inner, entry.looped);
    p->target = ww_capnp_cap_ref(inner);
    capnp_promise *next = capnp_as_promise(inner);
    if (next && p->used) next->used = true;
    if (!embargo) {
        resolved(p);
        return;
    }
    p->state = PROMISE_EMBARGOED;
    if (capnp_conn_send_embargo(conn_of(p), p)) return;
    ww_capnp_cap_unref(p->target);
    p->target = capnp_broken(p->arena, WW_CAPNP_OVERLOADED, "too many embargoes");
    resolved(p);
}

void capnp_promise_settle_broken(capnp_promise *p, ww_capnp_exception type, const char *reason)
{
    if (p->state == PROMISE_RESOLVED || !p->base.refs) return;
    ww_capnp_cap *old = p->target;
    p->target = capnp_broken(p->arena, type, reason);
    ww_capnp_cap_unref(old);
    resolved(p);
    if (p->is_pinned && p->conn) capnp_conn_unpin(p->conn, p);
}

void capnp_promise_lift_embargo(capnp_promise *p)
{
    if (p->state == PROMISE_EMBARGOED) resolved(p);
}

/* ---- pipes ---- */

ww_capnp_cap *capnp_pipe_known(ww_capnp_call *call, const uint16_t *path, uint16_t depth)
{
    for (capnp_promise *p = call->pipes; p; p = p->next_pipe)
        if (p->depth == depth && p->base.refs && !memcmp(p->path, path, depth * sizeof *path))
            return ww_capnp_cap_ref(&p->base);
    return NULL;
}

ww_capnp_cap *capnp_pipe(ww_capnp_call *call, const uint16_t *path, uint16_t depth)
{
    ww_capnp_cap *known = capnp_pipe_known(call, path, depth);
    if (known) return known;
    capnp_promise *p =
        call->pipe_count < PIPES_MAX ? capnp_promise_alloc(call->arena, PROMISE_PIPE) : NULL;
    if (!p) return NULL;
    call->pipe_count++;
    p->depth = depth;
    if (depth) memcpy(p->path, path, depth * sizeof *path);
    p->call = call;
    call->refs++;
    p->next_pipe = call->pipes;
    call->pipes = p;
    for (const capnp_early *e = call->early; e; e = e->next)
        if (e->depth == depth && memcmp(e->path, path, depth * sizeof *path) == 0)
            capnp_promise_settle(p, (ww_capnp_cap_entry){e->cap, false});
    return &p->base;
}

static void leave_call(capnp_promise *p)
{
    ww_capnp_call *call = p->call;
    capnp_promise **link = &call->pipes;
    while (*link != p)
        link = &(*link)->next_pipe;
    *link = p->next_pipe;
    call->pipe_count--;
    if (!call->pipes && call->conn && call->state != CALL_REMOTE)
        capnp_conn_pipes_gone(call->conn, call);
    capnp_call_unref(call);
}

/* ---- life ---- */

void capnp_promise_destroy(capnp_promise *p)
{
    ww_capnp_vat *vat = p->base.vat;
    /* Waiting calls hold the promise; a Disembargo does not. */
    while (p->queue.first)
        capnp_deliver_token(NULL, WW_CONTAINER_OF(capnp_list_pop(&p->queue), capnp_token, item));
    while (p->tokens.first)
        capnp_deliver_token(NULL, WW_CONTAINER_OF(capnp_list_pop(&p->tokens), capnp_token, item));
    if (vat->attached) capnp_detach_fd(&p->base);
    if (p->kind == PROMISE_IMPORT && p->conn) capnp_conn_import_gone(p->conn, p);
    if (p->kind == PROMISE_PIPE) leave_call(p);
    ww_capnp_cap_unref(p->target);
    capnp_promise_recycle(p);
    capnp_vat_work(vat);
}

ww_capnp_cap *ww_capnp_promise_new(ww_capnp_vat *vat)
{
    capnp_promise *p = capnp_promise_alloc(vat->arena, PROMISE_PLAIN);
    return p ? &p->base : NULL;
}

void ww_capnp_promise_resolve(ww_capnp_cap *promise, ww_capnp_cap *target)
{
    capnp_promise *p = capnp_as_promise(promise);
    if (!p || p->kind != PROMISE_PLAIN) return;
    capnp_promise_settle(p, (ww_capnp_cap_entry){target, false});
    capnp_vat_work(promise->vat);
}

void ww_capnp_promise_break(ww_capnp_cap *promise, ww_capnp_exception type, const char *reason)
{
    capnp_promise *p = capnp_as_promise(promise);
    if (!p || p->kind != PROMISE_PLAIN || p->state != PROMISE_PENDING) return;
    capnp_promise_settle_broken(p, type, reason);
    capnp_vat_work(promise->vat);
}
