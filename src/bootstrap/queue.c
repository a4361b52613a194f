/* Which entry may run, and in what order.
 *
 * Invariants
 *   Q1  An entry's claims stand in their lines iff its place is waiting, due or in flight. In a
 *       line, tickets ascend.
 *   Q2  entry.heads is the number of its claims that are first in their lines.
 *   Q3  An entry is due or in flight only if all its claims are heads: touch sets of such entries
 *       are disjoint.
 *   Q4  A waiting entry has a claim that is not a head, or a component of it is held from outside.
 *   Q5  target.live counts its entries, queue.live all of them; pending == (live > 0 or armed).
 *   Q6  next_idx <= install_count, and never goes back; armed implies next_idx < install_count.
 *   Q7  Every target in front of next_idx is done, or its turn has failed.
 *   Q8  budget.used covers the payload bytes of all entries.
 *   Q9  event_capacity >= event_count + what live entries and the rest of an armed order may still
 *       report.
 *   Q10 Places are in order of arrival, except in flight, which is in order of starting.
 *   Q11 event_capacity >= what one attempt of each live entry and of the rest of an armed order may
 *       report: a delayed entry needs no memory to return, only that events are read.
 */
#include "bootstrap/state.h"

static void unlink_entry(ww_bootstrap *queue, entry *e)
{
    entry_list *list = &queue->places[e->place];
    *(e->previous ? &e->previous->next : &list->first) = e->next;
    *(e->next ? &e->next->previous : &list->last) = e->previous;
    e->previous = e->next = NULL;
    list->count--;
}

static void append_entry(ww_bootstrap *queue, entry *e, ww_bootstrap_place place)
{
    entry_list *list = &queue->places[place];
    e->place = place;
    e->previous = list->last;
    e->next = NULL;
    *(list->last ? &list->last->next : &list->first) = e;
    list->last = e;
    list->count++;
}

/* Entries become due in bursts and nearly in order: look from the end. */
static void insert_due(ww_bootstrap *queue, entry *e)
{
    entry_list *list = &queue->places[WW_BOOTSTRAP_IN_DUE];
    entry *before = list->last;
    while (before && before->ticket > e->ticket)
        before = before->previous;
    e->place = WW_BOOTSTRAP_IN_DUE;
    e->previous = before;
    e->next = before ? before->next : list->first;
    *(before ? &before->next : &list->first) = e;
    *(e->next ? &e->next->previous : &list->last) = e;
    list->count++;
}

static bool is_free_to_run(const ww_bootstrap *queue, const entry *e)
{
    if (e->heads < claim_count(e)) return false;
    for (uint32_t i = 0; i < e->target->spec.touch_count; i++)
        if (queue->components[e->target->spec.touches[i]].line.holds) return false;
    return true;
}

static void promote(ww_bootstrap *queue, entry *e)
{
    if (e->place != WW_BOOTSTRAP_IN_WAITING || !is_free_to_run(queue, e)) return;
    unlink_entry(queue, e);
    insert_due(queue, e);
}

static void stand_in_line(ww_bootstrap *queue, claim *c)
{
    line *l = line_of(queue, c);
    c->previous = l->last;
    c->next = NULL;
    *(l->last ? &l->last->next : &l->first) = c;
    l->last = c;
    if (l->first == c) c->entry->heads++;
}

static void join(ww_bootstrap *queue, entry *e)
{
    const ww_bootstrap_target *spec = &e->target->spec;
    e->heads = 0;
    for (uint32_t i = 0; i <= spec->touch_count; i++) {
        uint32_t component = i < spec->touch_count ? spec->touches[i] : WW_BOOTSTRAP_NONE;
        e->claims[i] = (claim){.entry = e, .component = component};
        stand_in_line(queue, &e->claims[i]);
    }
    if (is_free_to_run(queue, e)) {
        insert_due(queue, e);
        return;
    }
    append_entry(queue, e, WW_BOOTSTRAP_IN_WAITING);
    ww_bootstrap_event event = {0};
    bootstrap_blocker(queue, e, &event.blocker_target, &event.blocker_component);
    bootstrap_emit(queue, WW_BOOTSTRAP_WAITING, e, event);
}

/* Steps out of every line; whoever comes to all its heads by that becomes due. */
static void leave(ww_bootstrap *queue, entry *e)
{
    for (uint32_t i = 0; i < claim_count(e); i++) {
        claim *c = &e->claims[i];
        line *l = line_of(queue, c);
        claim *behind = c->previous ? NULL : c->next;
        *(c->previous ? &c->previous->next : &l->first) = c->next;
        *(c->next ? &c->next->previous : &l->last) = c->previous;
        if (!behind) continue;
        behind->entry->heads++;
        promote(queue, behind->entry);
    }
    e->heads = 0;
}

static bool stands_in_lines(const entry *e)
{
    return e->place == WW_BOOTSTRAP_IN_WAITING || e->place == WW_BOOTSTRAP_IN_DUE ||
           e->place == WW_BOOTSTRAP_IN_FLIGHT;
}

void bootstrap_arrive(ww_bootstrap *queue, entry *e)
{
    e->live = true;
    e->events_owed = WW_BOOTSTRAP_EVENTS_PER_ENTRY;
    queue->owed += e->events_owed;
    e->ticket = queue->next_ticket++;
    e->target->live++;
    queue->live++;
    if (e->seed) queue->live_seeds++;
    append_entry(queue, e, WW_BOOTSTRAP_IN_REQUESTS);
    queue->pending = true;
}

/* The end of an entry's life; does not look at what that means for others in the install order. */
void bootstrap_drop(ww_bootstrap *queue, entry *e)
{
    if (stands_in_lines(e)) leave(queue, e);
    unlink_entry(queue, e);
    if (e->stopping && !e->stop_told) queue->stops_untold--;
    e->target->live--;
    queue->live--;
    queue->owed -= e->events_owed;
    if (e->seed) {
        queue->live_seeds--;
        *e = (entry){.target = e->target, .seed = true, .claims = e->claims};
        return;
    }
    ww_budget_release(queue->budget, e->payload_bytes);
    ww_blob_unref(e->payload);
    ww_free(queue->allocator, e, e->size);
}

static void ask_for_input(ww_bootstrap *queue, target *t)
{
    if (t->asked_input) return;
    t->asked_input = true;
    bootstrap_emit(queue, WW_BOOTSTRAP_NEEDS_INPUT, &t->seed,
                   (ww_bootstrap_event){.blocker_target = WW_BOOTSTRAP_NONE,
                                        .blocker_component = WW_BOOTSTRAP_NONE});
}

/* Gives the next target its turn, passing over those that are done. */
void bootstrap_settle(ww_bootstrap *queue)
{
    while (queue->armed && queue->next_idx < queue->install_count) {
        target *t = queue->targets[queue->install_order[queue->next_idx]];
        if (t->seed.live) break;
        if (t->done) {
            queue->next_idx++;
            continue;
        }
        if (t->live) break; /* a request for it is under way */
        if (t->spec.formal_count)
            ask_for_input(queue, t);
        else
            bootstrap_arrive(queue, &t->seed);
        break;
    }
    if (queue->next_idx == queue->install_count) queue->armed = false;
    queue->pending = queue->live > 0 || queue->armed;
}

static void end(ww_bootstrap *queue, entry *e, bool failed)
{
    target *t = e->target;
    bool seed = e->seed, halts = failed && t->spec.policy == WW_BOOTSTRAP_HALT;
    bootstrap_drop(queue, e);
    t->done = !failed;
    t->failed = failed;
    if (!t->live)
        t->asked_input = false; /* ask again, at the cost of what this entry may still report */
    if (halts && (queue->armed || seed)) {
        queue->armed = false;
        queue->halted = true;
    } else if (seed) {
        queue->next_idx++;
    }
}

ww_status ww_bootstrap_arm(ww_bootstrap *queue, uint64_t now_ns, bool *armed)
{
    (void)now_ns;
    *armed = queue->next_idx < queue->install_count;
    if (!*armed || queue->armed) return WW_OK;
    target *t = queue->targets[queue->install_order[queue->next_idx]];
    bool asked = t->asked_input;
    t->asked_input = false;
    queue->armed = true;
    ww_status status = bootstrap_promise_events(queue, 0);
    if (status) {
        t->asked_input = asked;
        queue->armed = *armed = false;
        return status;
    }
    queue->halted = false;
    bootstrap_settle(queue);
    return WW_OK;
}

void ww_bootstrap_mark_done(ww_bootstrap *queue, uint32_t id)
{
    WW_ASSERT(id < queue->target_count);
    queue->targets[id]->done = true;
    queue->targets[id]->failed = false;
    bootstrap_settle(queue);
}

static void ask_to_stop(ww_bootstrap *queue, entry *e, ww_status status)
{
    if (e->stopping) return;
    e->stopping = true;
    e->stop_status = status;
    queue->stops_untold++;
}

static void fail_before_start(ww_bootstrap *queue, entry *e, ww_status status)
{
    bootstrap_emit(queue, WW_BOOTSTRAP_FAILED, e,
                   (ww_bootstrap_event){.status = status,
                                        .blocker_target = WW_BOOTSTRAP_NONE,
                                        .blocker_component = WW_BOOTSTRAP_NONE});
    end(queue, e, true);
}

static entry *find_of(const ww_bootstrap *queue, const target *t, bool started)
{
    for (int place = 0; place < WW_BOOTSTRAP_PLACES; place++) {
        if ((place == WW_BOOTSTRAP_IN_FLIGHT) != started) continue;
        for (entry *e = queue->places[place].first; e; e = e->next)
            if (e->target == t && !e->stopping) return e;
    }
    return NULL;
}

uint32_t ww_bootstrap_cancel(ww_bootstrap *queue, uint32_t id, uint64_t now_ns)
{
    (void)now_ns;
    WW_ASSERT(id < queue->target_count);
    target *t = queue->targets[id];
    uint32_t count = 0;
    entry *e;
    for (; (e = find_of(queue, t, true)); count++)
        ask_to_stop(queue, e, WW_E_CANCELED);
    for (; (e = find_of(queue, t, false)); count++)
        fail_before_start(queue, e, WW_E_CANCELED);
    bootstrap_settle(queue);
    return count;
}

void ww_bootstrap_advance(ww_bootstrap *queue, uint64_t now_ns)
{
    entry *next;
    for (entry *e = queue->places[WW_BOOTSTRAP_IN_DELAYED].first; e; e = next) {
        next = e->next;
        if (e->due_ns > now_ns || !bootstrap_can_return(queue, e)) continue;
        unlink_entry(queue, e);
        queue->owed += WW_BOOTSTRAP_EVENTS_PER_ENTRY - e->events_owed;
        e->events_owed = WW_BOOTSTRAP_EVENTS_PER_ENTRY;
        e->ticket = queue->next_ticket++;
        append_entry(queue, e, WW_BOOTSTRAP_IN_REQUESTS);
    }
    for (entry *e = queue->places[WW_BOOTSTRAP_IN_FLIGHT].first; e; e = e->next)
        if (e->deadline_ns <= now_ns) ask_to_stop(queue, e, WW_E_TIMEOUT);
    while (queue->places[WW_BOOTSTRAP_IN_REQUESTS].first) {
        entry *e = queue->places[WW_BOOTSTRAP_IN_REQUESTS].first;
        unlink_entry(queue, e);
        join(queue, e);
    }
}

uint64_t ww_bootstrap_next_time(const ww_bootstrap *queue)
{
    uint64_t at = queue->places[WW_BOOTSTRAP_IN_REQUESTS].first ? 0 : UINT64_MAX;
    for (entry *e = queue->places[WW_BOOTSTRAP_IN_DELAYED].first; e; e = e->next)
        if (e->due_ns < at && bootstrap_can_return(queue, e)) at = e->due_ns;
    for (entry *e = queue->places[WW_BOOTSTRAP_IN_FLIGHT].first; e; e = e->next)
        if (!e->stopping && e->deadline_ns < at) at = e->deadline_ns;
    return at;
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

bool ww_bootstrap_take(ww_bootstrap *queue, uint32_t driver, uint64_t exec_id, uint64_t now_ns,
                       ww_bootstrap_start *out)
{
    entry *e = queue->places[WW_BOOTSTRAP_IN_DUE].first;
    while (e && e->target->spec.driver != driver)
        e = e->next;
    if (!e) return false;
    const ww_bootstrap_target *spec = &e->target->spec;
    unlink_entry(queue, e);
    append_entry(queue, e, WW_BOOTSTRAP_IN_FLIGHT);
    e->exec_id = exec_id;
    e->started_ns = now_ns;
    e->attempts++;
    e->deadline_ns = spec->deadline_ns ? add_saturating(now_ns, spec->deadline_ns) : UINT64_MAX;
    bootstrap_emit(queue, WW_BOOTSTRAP_STARTED, e,
                   (ww_bootstrap_event){.blocker_target = WW_BOOTSTRAP_NONE,
                                        .blocker_component = WW_BOOTSTRAP_NONE});
    *out = (ww_bootstrap_start){
        .ticket = e->ticket,
        .target = e->target->id,
        .kind = spec->kind,
        .policy = spec->policy,
        .name = spec->name,
        .touches = spec->touches,
        .touch_count = spec->touch_count,
        .payload = e->payload,
        .inputs = e->inputs,
        .formals = spec->formals,
        .input_count = e->input_count,
    };
    return true;
}

bool ww_bootstrap_take_stop(ww_bootstrap *queue, uint32_t driver, uint64_t *ticket)
{
    if (!queue->stops_untold) return false;
    for (entry *e = queue->places[WW_BOOTSTRAP_IN_FLIGHT].first; e; e = e->next) {
        if (!e->stopping || e->stop_told || e->target->spec.driver != driver) continue;
        e->stop_told = true;
        queue->stops_untold--;
        *ticket = e->ticket;
        return true;
    }
    return false;
}

static uint64_t retry_time(const entry *e, uint64_t now_ns)
{
    uint64_t delay = e->target->spec.retry_delay_ns;
    uint32_t doublings = e->attempts - 1;
    if (delay && doublings >= (uint32_t)__builtin_clzll(delay)) return UINT64_MAX;
    return add_saturating(now_ns, delay << doublings);
}

static bool may_retry(const entry *e)
{
    return e->attempts <= e->target->spec.retries && e->stop_status != WW_E_CANCELED;
}

static void delay(ww_bootstrap *queue, entry *e, uint64_t now_ns)
{
    leave(queue, e);
    unlink_entry(queue, e);
    if (e->stopping && !e->stop_told) queue->stops_untold--;
    e->stopping = e->stop_told = false;
    e->stop_status = WW_OK;
    e->due_ns = retry_time(e, now_ns);
    append_entry(queue, e, WW_BOOTSTRAP_IN_DELAYED);
}

void ww_bootstrap_finish(ww_bootstrap *queue, uint64_t ticket, ww_bootstrap_result result,
                         uint64_t now_ns)
{
    entry *e = queue->places[WW_BOOTSTRAP_IN_FLIGHT].first;
    while (e && e->ticket != ticket)
        e = e->next;
    WW_ASSERT(e);
    ww_status status = e->stopping ? e->stop_status : result.status;
    bool failed = status || (result.ops_failed && e->target->spec.policy != WW_BOOTSTRAP_CONTINUE);
    bool retry = failed && may_retry(e);
    bootstrap_emit(queue, failed ? WW_BOOTSTRAP_FAILED : WW_BOOTSTRAP_COMPLETED, e,
                   (ww_bootstrap_event){.status = status,
                                        .will_retry = retry,
                                        .elapsed_ns = now_ns - e->started_ns,
                                        .ops_run = result.ops_run,
                                        .ops_failed = result.ops_failed,
                                        .blocker_target = WW_BOOTSTRAP_NONE,
                                        .blocker_component = WW_BOOTSTRAP_NONE});
    if (retry)
        delay(queue, e, now_ns);
    else
        end(queue, e, failed);
    bootstrap_settle(queue);
}

void ww_bootstrap_hold(ww_bootstrap *queue, uint32_t number)
{
    WW_ASSERT(number < queue->component_count);
    queue->components[number].line.holds++;
}

void ww_bootstrap_release(ww_bootstrap *queue, uint32_t number)
{
    WW_ASSERT(number < queue->component_count);
    line *l = &queue->components[number].line;
    WW_ASSERT(l->holds);
    if (--l->holds == 0 && l->first) promote(queue, l->first->entry);
}

bool ww_bootstrap_locked(const ww_bootstrap *queue, uint32_t number)
{
    WW_ASSERT(number < queue->component_count);
    const claim *first = queue->components[number].line.first;
    return first && first->entry->heads == claim_count(first->entry);
}
