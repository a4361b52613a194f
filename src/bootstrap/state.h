/* bootstrap/state.h - the queue from the inside; for the files of this folder only.
 *
 * Model      Every component, and every target, is a resource with a line of claims. An entry
 *            stands in the line of each resource it touches from the moment it arrives until it
 *            finishes; it is at the head of all its lines exactly when no earlier entry overlaps
 *            it.
 * Ownership  An entry owns its claims and payload. The entry for a target's turn in the install
 *            order lies in the target, so that taking a turn needs no memory.
 */
#pragma once
#include "base/names.h"
#include "bootstrap/bootstrap.h"

/* Waiting, started, its end; the end of its retry, should that be given up while it is delayed; and
 * that input is needed again after it. */
enum { WW_BOOTSTRAP_EVENTS_PER_ENTRY = 5 };

typedef struct entry entry;
typedef struct target target;
typedef struct claim claim;

struct claim {
    entry *entry;
    claim *previous, *next;
    uint32_t component; /* WW_BOOTSTRAP_NONE: the line of the target itself */
};

typedef struct line {
    claim *first, *last;
    uint32_t holds;
} line;

struct entry {
    entry *previous, *next; /* in the list of its place */
    target *target;
    ww_bootstrap_place place;
    bool live, seed, stopping, stop_told;
    ww_status stop_status;
    uint64_t ticket; /* order of arrival */
    uint64_t exec_id, started_ns, due_ns, deadline_ns;
    uint32_t attempts;
    uint32_t events_owed; /* it may still report so many */
    uint32_t heads;       /* claims at the head of their lines */
    uint64_t payload_bytes;
    ww_blob *payload;
    ww_view *inputs; /* one per formal, none for a seed */
    uint32_t input_count;
    size_t size;   /* of this allocation; 0 for a seed */
    claim *claims; /* touch_count + 1 */
};

struct target {
    ww_bootstrap_target spec; /* views and arrays point into `memory` */
    uint32_t id;
    bool done, failed, asked_input;
    uint32_t live;
    uint64_t batch_stamp; /* of the last request that named it */
    line line;
    entry seed;
    ww_arena memory;
};

typedef struct entry_list {
    entry *first, *last;
    uint32_t count;
} entry_list;

typedef struct part {
    ww_view name;
    line line;
} part;

struct ww_bootstrap {
    const ww_allocator *allocator;
    ww_bootstrap_limits limits;
    ww_budget *budget;
    ww_arena text;

    part *components;
    uint32_t component_count, component_capacity;
    target **targets; /* by id */
    uint32_t target_count, target_capacity;
    uint32_t *install_order; /* target ids; as large as `targets` */
    uint32_t install_count;
    /* Names of module_bootstraps and component_bootstraps; a name's id indexes the array beside it.
     */
    ww_names names[WW_BOOTSTRAP_KINDS];
    uint32_t *by_name[WW_BOOTSTRAP_KINDS]; /* as large as `targets` */

    entry_list places[WW_BOOTSTRAP_PLACES]; /* pending_requests, waiting, due, in_flight, delayed */
    uint32_t next_idx;
    bool armed, halted, pending;
    uint64_t next_ticket;
    uint64_t batch_stamp;
    uint32_t live;       /* entries in all places */
    uint32_t live_seeds; /* of these */
    uint32_t
        stops_untold; /* entries in flight that shall stop and whose driver does not know yet */

    ww_bootstrap_event *events; /* a ring */
    uint32_t event_first, event_count, event_capacity;
    uint32_t owed; /* sum of events_owed */
};

static inline uint32_t claim_count(const entry *e)
{
    return e->target->spec.touch_count + 1;
}

static inline line *line_of(ww_bootstrap *queue, const claim *c)
{
    return c->component == WW_BOOTSTRAP_NONE ? &c->entry->target->line
                                             : &queue->components[c->component].line;
}

/* events.c */
ww_status bootstrap_promise_events(ww_bootstrap *queue, uint32_t extra);
bool bootstrap_can_return(const ww_bootstrap *queue, const entry *e);
void bootstrap_emit(ww_bootstrap *queue, ww_bootstrap_event_kind kind, entry *e,
                    ww_bootstrap_event event);
void bootstrap_blocker(const ww_bootstrap *queue, const entry *e, uint32_t *target_id,
                       uint32_t *component_number);

/* queue.c */
void bootstrap_arrive(ww_bootstrap *queue, entry *e);
void bootstrap_settle(ww_bootstrap *queue);
void bootstrap_drop(ww_bootstrap *queue, entry *e);
