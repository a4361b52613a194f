/* What the queue tells: events, status, and its own consistency. The invariants are those of
 * queue.c. */
#include "bootstrap/state.h"

enum {
    UNREAD_FACTOR = 4, /* unread events, in multiples of what all entries may report */
};

/* Turns of the install order that have not yet shown as an entry or as a question for input. */
static uint64_t turns_left(const ww_bootstrap *queue)
{
    if (!queue->armed) return 0;
    const target *t = queue->targets[queue->install_order[queue->next_idx]];
    return queue->install_count - queue->next_idx - (t->seed.live || t->asked_input);
}

static uint64_t promised(const ww_bootstrap *queue)
{
    return queue->owed + WW_BOOTSTRAP_EVENTS_PER_ENTRY * turns_left(queue);
}

static ww_status grow_events(ww_bootstrap *queue, uint32_t capacity)
{
    ww_bootstrap_event *events = ww_alloc_array(queue->allocator, capacity, sizeof *events);
    if (!events) return WW_E_MEMORY;
    for (uint32_t i = 0; i < queue->event_count; i++)
        events[i] = queue->events[(queue->event_first + i) % queue->event_capacity];
    ww_free(queue->allocator, queue->events, queue->event_capacity * sizeof *events);
    queue->events = events;
    queue->event_first = 0;
    queue->event_capacity = capacity;
    return WW_OK;
}

/* What one attempt of every live entry and of every turn left reports at most: with so much room a
 * delayed entry can return as soon as all events are read. */
static uint64_t kept_room(const ww_bootstrap *queue)
{
    return WW_BOOTSTRAP_EVENTS_PER_ENTRY * (queue->live + turns_left(queue));
}

/* Room for what `extra` more entries may report. */
ww_status bootstrap_promise_events(ww_bootstrap *queue, uint32_t extra)
{
    uint64_t need =
        queue->event_count + kept_room(queue) + WW_BOOTSTRAP_EVENTS_PER_ENTRY * (uint64_t)extra;
    if (need <= queue->event_capacity) return WW_OK;
    uint64_t most = (uint64_t)queue->limits.requests_max + queue->limits.targets_max;
    if (need > UNREAD_FACTOR * WW_BOOTSTRAP_EVENTS_PER_ENTRY * most) return WW_E_LIMIT;
    uint64_t capacity =
        need < 2 * (uint64_t)queue->event_capacity ? 2 * (uint64_t)queue->event_capacity : need;
    return capacity > UINT32_MAX ? WW_E_LIMIT : grow_events(queue, (uint32_t)capacity);
}

/* Whether the events of one more attempt have room beside those that nobody has read yet. */
bool bootstrap_can_return(const ww_bootstrap *queue, const entry *e)
{
    return queue->event_count + promised(queue) + WW_BOOTSTRAP_EVENTS_PER_ENTRY - e->events_owed <=
           queue->event_capacity;
}

void bootstrap_emit(ww_bootstrap *queue, ww_bootstrap_event_kind kind, entry *e,
                    ww_bootstrap_event event)
{
    if (e->live) {
        WW_ASSERT(e->events_owed);
        e->events_owed--;
        queue->owed--;
    }
    WW_ASSERT(queue->event_count < queue->event_capacity);
    event.kind = kind;
    event.target = e->target->id;
    event.target_kind = e->target->spec.kind;
    event.ticket = e->ticket;
    event.exec_id = e->exec_id;
    queue->events[(queue->event_first + queue->event_count++) % queue->event_capacity] = event;
}

bool ww_bootstrap_next_event(ww_bootstrap *queue, ww_bootstrap_event *out)
{
    if (!queue->event_count) return false;
    *out = queue->events[queue->event_first];
    queue->event_first = (queue->event_first + 1) % queue->event_capacity;
    queue->event_count--;
    return true;
}

/* What stands first in the first line where the entry does not, or else a component that is held
 * from outside. */
void bootstrap_blocker(const ww_bootstrap *queue, const entry *e, uint32_t *target_id,
                       uint32_t *component_number)
{
    *target_id = *component_number = WW_BOOTSTRAP_NONE;
    for (uint32_t i = 0; i < claim_count(e); i++) {
        const claim *c = &e->claims[i];
        if (!c->previous) continue;
        while (c->previous)
            c = c->previous;
        *target_id = c->entry->target->id;
        *component_number = c->component;
        return;
    }
    for (uint32_t i = 0; i < e->target->spec.touch_count; i++)
        if (queue->components[e->target->spec.touches[i]].line.holds)
            *component_number = e->target->spec.touches[i];
}

ww_bootstrap_status ww_bootstrap_status_of(const ww_bootstrap *queue)
{
    ww_bootstrap_status status = {
        .pending = queue->pending,
        .halted = queue->halted,
        .pending_requests = queue->places[WW_BOOTSTRAP_IN_REQUESTS].count,
        .waiting = queue->places[WW_BOOTSTRAP_IN_WAITING].count,
        .in_flight =
            queue->places[WW_BOOTSTRAP_IN_FLIGHT].count + queue->places[WW_BOOTSTRAP_IN_DUE].count,
        .delayed = queue->places[WW_BOOTSTRAP_IN_DELAYED].count,
        .next_idx = queue->next_idx,
        .install_count = queue->install_count,
        .input_target = WW_BOOTSTRAP_NONE,
    };
    if (queue->armed) {
        const target *t = queue->targets[queue->install_order[queue->next_idx]];
        if (!t->live && t->spec.formal_count) status.input_target = t->id;
    }
    status.state = queue->live      ? WW_BOOTSTRAP_RUNNING
                   : queue->pending ? WW_BOOTSTRAP_WAITING_FOR_INPUT
                                    : WW_BOOTSTRAP_IDLE;
    return status;
}

bool ww_bootstrap_is_pending(const ww_bootstrap *queue)
{
    return queue->pending;
}

bool ww_bootstrap_has_events(const ww_bootstrap *queue)
{
    return queue->event_count > 0;
}

void ww_bootstrap_visit(const ww_bootstrap *queue, ww_bootstrap_visitor *visitor)
{
    for (int place = 0; place < WW_BOOTSTRAP_PLACES; place++) {
        for (const entry *e = queue->places[place].first; e; e = e->next) {
            ww_bootstrap_entry_info info = {
                .place = e->place,
                .ticket = e->ticket,
                .exec_id = e->exec_id,
                .target = e->target->id,
                .blocker_target = WW_BOOTSTRAP_NONE,
                .blocker_component = WW_BOOTSTRAP_NONE,
                .seed = e->seed,
                .stopping = e->stopping,
            };
            if (place == WW_BOOTSTRAP_IN_WAITING)
                bootstrap_blocker(queue, e, &info.blocker_target, &info.blocker_component);
            visitor->each(visitor, &info);
        }
    }
}

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * 0x9e3779b97f4a7c15u;
    *hash ^= *hash >> 29;
}

uint64_t ww_bootstrap_hash(const ww_bootstrap *queue)
{
    uint64_t hash = 0x2545f4914f6cdd1du;
    mix(&hash, queue->next_idx);
    mix(&hash,
        (uint64_t)queue->armed | (uint64_t)queue->halted << 1 | (uint64_t)queue->pending << 2);
    mix(&hash, queue->event_count);
    mix(&hash, queue->budget->used);
    for (uint32_t i = 0; i < queue->target_count; i++) {
        const target *t = queue->targets[i];
        mix(&hash, (uint64_t)t->done | (uint64_t)t->failed << 1 | (uint64_t)t->asked_input << 2 |
                       (uint64_t)t->live << 3);
    }
    for (uint32_t i = 0; i < queue->component_count; i++)
        mix(&hash, queue->components[i].line.holds);
    for (int place = 0; place < WW_BOOTSTRAP_PLACES; place++) {
        mix(&hash, queue->places[place].count);
        for (const entry *e = queue->places[place].first; e; e = e->next) {
            mix(&hash, e->target->id);
            mix(&hash, (uint64_t)e->stopping | (uint64_t)e->stop_told << 1 |
                           (uint64_t)e->attempts << 2 | (uint64_t)e->seed << 34);
        }
    }
    return hash;
}

static void check_line(const line *l)
{
    uint64_t ticket = 0;
    const claim *previous = NULL;
    for (const claim *c = l->first; c; previous = c, c = c->next) {
        WW_ASSERT(c->previous == previous);
        WW_ASSERT(!previous || ticket < c->entry->ticket); /* Q1 */
        WW_ASSERT(c->entry->place != WW_BOOTSTRAP_IN_REQUESTS);
        WW_ASSERT(c->entry->place != WW_BOOTSTRAP_IN_DELAYED);
        ticket = c->entry->ticket;
    }
    WW_ASSERT(l->last == previous);
}

static void check_entry(const ww_bootstrap *queue, const entry *e)
{
    bool in_lines = e->place == WW_BOOTSTRAP_IN_WAITING || e->place == WW_BOOTSTRAP_IN_DUE ||
                    e->place == WW_BOOTSTRAP_IN_FLIGHT;
    uint32_t heads = 0;
    bool held = false;
    for (uint32_t i = 0; in_lines && i < claim_count(e); i++) {
        const claim *c = &e->claims[i];
        const line *l = c->component == WW_BOOTSTRAP_NONE ? &e->target->line
                                                          : &queue->components[c->component].line;
        heads += l->first == c;
        held = held || l->holds;
    }
    WW_ASSERT(e->heads == heads); /* Q2 */
    if (e->place == WW_BOOTSTRAP_IN_DUE || e->place == WW_BOOTSTRAP_IN_FLIGHT)
        WW_ASSERT(heads == claim_count(e));                                             /* Q3 */
    if (e->place == WW_BOOTSTRAP_IN_WAITING) WW_ASSERT(heads < claim_count(e) || held); /* Q4 */
}

void ww_bootstrap_check(const ww_bootstrap *queue)
{
    uint32_t live = 0, untold = 0, owed = 0;
    uint64_t bytes = 0;
    for (int place = 0; place < WW_BOOTSTRAP_PLACES; place++) {
        uint32_t count = 0;
        uint64_t ticket = 0;
        for (const entry *e = queue->places[place].first; e; e = e->next, count++) {
            WW_ASSERT(e->live && (int)e->place == place);
            WW_ASSERT(!count || ticket < e->ticket || place == WW_BOOTSTRAP_IN_FLIGHT ||
                      place == WW_BOOTSTRAP_IN_DELAYED); /* Q10 */
            ticket = e->ticket;
            bytes += e->payload_bytes;
            owed += e->events_owed;
            untold += e->stopping && !e->stop_told;
            check_entry(queue, e);
        }
        WW_ASSERT(count == queue->places[place].count);
        live += count;
    }
    WW_ASSERT(live == queue->live && untold == queue->stops_untold && owed == queue->owed);
    WW_ASSERT(bytes <= queue->budget->used);                                  /* Q8 */
    WW_ASSERT(queue->pending == (queue->live > 0 || queue->armed));           /* Q5 */
    WW_ASSERT(queue->next_idx <= queue->install_count);                       /* Q6 */
    WW_ASSERT(!queue->armed || queue->next_idx < queue->install_count);       /* Q6 */
    WW_ASSERT(queue->event_count + promised(queue) <= queue->event_capacity); /* Q9 */
    WW_ASSERT(kept_room(queue) <= queue->event_capacity);                     /* Q11 */
    uint32_t of_targets = 0;
    for (uint32_t i = 0; i < queue->target_count; i++) {
        of_targets += queue->targets[i]->live;
        check_line(&queue->targets[i]->line);
    }
    WW_ASSERT(of_targets == live);
    for (uint32_t i = 0; i < queue->next_idx; i++) { /* Q7 */
        const target *t = queue->targets[queue->install_order[i]];
        WW_ASSERT(t->done || t->failed || t->live);
    }
    for (uint32_t i = 0; i < queue->component_count; i++)
        check_line(&queue->components[i].line);
}
