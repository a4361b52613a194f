/* bootstrap/bootstrap.h - which target of a node is brought up when.
 *
 * Model      A target is something with a bootstrap: a dataflow module or a component. Its touch
 *            set names the components that nothing else may use while the bootstrap runs. Targets
 *            are installed first; installing runs nothing. Work then comes from two sides:
 *            ww_bootstrap_arm walks the install order, one target after the other, and
 *            ww_bootstrap_request asks for a target by name, with its inputs. Every piece of work
 *            is an entry. An entry starts when each component it touches is free and no earlier
 *            entry that still waits touches it too: overlapping entries run in the order of their
 *            arrival, disjoint ones at the same time, and none starves. Two entries of one target
 *            always overlap. Nothing runs in here. A driver (the dataflow engine, a component host)
 *            takes entries that are due with ww_bootstrap_take, runs them, and reports each with
 *            ww_bootstrap_finish. The host of both reads what happened with
 *            ww_bootstrap_next_event.
 *
 *              requested --advance--> waiting --components free--> due --take--> in flight
 *                                        ^                                          |  |
 *                                        +----------- delayed by a retry -----------+  +-> gone
 *
 * Ownership  Names and inputs are borrowed by each call and copied where they are kept. Views in
 *            answers belong to the queue: those of a start until its entry finishes, those of a
 *            target until it is installed again.
 * Bounds     ww_bootstrap_limits. Only new, component, install, arm and request allocate; what they
 *            accept can then be run to its end, retries included, without memory: at worst a retry
 *            waits until events have been read. Finishing an entry costs O(components it touches).
 * Errors     A refused call changes nothing. ww_bootstrap_request explains itself in a
 *            ww_bootstrap_fault and in a ww_diag; the other calls in a ww_diag.
 * Threads    One thread. Time is passed in, in nanoseconds of a clock that never goes back.
 * Trust      Names, formals and inputs are foreign and are checked. Touch sets, tickets and the
 *            order of calls come from drivers, which are ours: breaking their rules is an
 *            assertion.
 */
#pragma once
#include "base/blob.h"
#include "base/bytes.h"

typedef struct ww_bootstrap ww_bootstrap;

typedef enum ww_bootstrap_kind {
    WW_BOOTSTRAP_MODULE,
    WW_BOOTSTRAP_COMPONENT,
    WW_BOOTSTRAP_KINDS,
} ww_bootstrap_kind;

/* What an operation that fails inside a bootstrap means for its target. */
typedef enum ww_bootstrap_policy {
    WW_BOOTSTRAP_CONTINUE,    /* counted; the target completes all the same */
    WW_BOOTSTRAP_FAIL_TARGET, /* the target fails; the install order goes on behind it */
    WW_BOOTSTRAP_HALT, /* the target fails, and the install order stops in front of it until armed
                          again */
} ww_bootstrap_policy;

enum {
    WW_BOOTSTRAP_NAME_SIZE_MAX = 1024,
    WW_BOOTSTRAP_NONE = UINT32_MAX, /* no target, no component */
};

typedef struct ww_bootstrap_limits {
    uint32_t components_max;    /* default 65536 */
    uint32_t targets_max;       /* default 4096 */
    uint32_t requests_max;      /* live at one time; default 4096 */
    uint32_t inputs_max;        /* of one request; default 100 */
    uint64_t request_bytes_max; /* all inputs of one request; default 10 MiB */
} ww_bootstrap_limits;

ww_bootstrap_limits ww_bootstrap_limits_default(void);

/* `allocator` and `budget` must outlive the queue. Input bytes are charged to `budget` while an
 * entry lives. */
WW_MUST_USE ww_status ww_bootstrap_new(const ww_allocator *allocator, ww_bootstrap_limits limits,
                                       ww_budget *budget, const uint64_t hash_key[2],
                                       ww_bootstrap **out);
void ww_bootstrap_free(ww_bootstrap *queue);

/* --- installing ------------------------------------------------------------------------------- */

/* Gives a component its number: 0, 1, 2, ... `name` is copied, for people to read. */
WW_MUST_USE ww_status ww_bootstrap_component(ww_bootstrap *queue, ww_view name, uint32_t *number);

typedef struct ww_bootstrap_target {
    ww_bootstrap_kind kind;
    ww_view name; /* of a module: its bootstrap function, `<Module>__bootstrap`; of a component: its
                     slot */
    const ww_view *formals; /* inputs that must be given */
    uint32_t formal_count;
    const uint32_t *touches; /* component numbers, ascending, without repetition */
    uint32_t touch_count;
    bool in_install_order; /* modules always are */
    ww_bootstrap_policy policy;
    uint32_t retries;        /* further attempts after a failed one */
    uint64_t retry_delay_ns; /* doubled after each */
    uint64_t deadline_ns;    /* for one attempt, from its start; 0 is none */
    uint32_t driver;         /* the tag that ww_bootstrap_take is called with */
} ww_bootstrap_target;

/* Appends to the install order; copies everything. A name that is known is replaced in its old
 * place: E_EXISTS when it is another driver's, E_BUSY while an entry of it lives. Otherwise
 * E_INVALID, E_LIMIT or E_MEMORY. */
WW_MUST_USE ww_status ww_bootstrap_install(ww_bootstrap *queue, const ww_bootstrap_target *target,
                                           uint32_t *out, ww_diag *diag);

/* Where installing stood, to take back what has been added since: for a caller that installs
 * several things or none. Nothing of it may have been asked for in between. */
typedef struct ww_bootstrap_mark {
    uint32_t components, targets, install_count;
} ww_bootstrap_mark;

ww_bootstrap_mark ww_bootstrap_mark_now(const ww_bootstrap *queue);
void ww_bootstrap_rollback(ww_bootstrap *queue, ww_bootstrap_mark mark);

/* A module is found by its exact target name, else by its module name: `X`, `X#hash` and
 * `X__bootstrap` are the same target unless one is itself the name of a target. Components are
 * found by exact name. */
bool ww_bootstrap_find(const ww_bootstrap *queue, ww_bootstrap_kind kind, ww_view name,
                       uint32_t *target);

/* For a restart that knows from its journal or snapshot what was done: the install order will pass
 * over the target. */
void ww_bootstrap_mark_done(ww_bootstrap *queue, uint32_t target);

/* --- asking for work -------------------------------------------------------------------------- */

/* Lets the install order run from where it stands; *armed is false when nothing is left of it. A
 * target with formals is not started: the order waits in front of it until a request has brought it
 * up. */
WW_MUST_USE ww_status ww_bootstrap_arm(ww_bootstrap *queue, uint64_t now_ns, bool *armed);

typedef struct ww_bootstrap_input {
    ww_view name, bytes;
} ww_bootstrap_input;

typedef struct ww_bootstrap_request_item {
    ww_bootstrap_kind kind;
    ww_view target;
    const ww_bootstrap_input *inputs;
    size_t input_count;
    bool
        resumes; /* the driver goes on from what it kept: no inputs, whatever the target declares */
} ww_bootstrap_request_item;

typedef enum ww_bootstrap_fault_kind {
    WW_BOOTSTRAP_FAULT_NONE,
    WW_BOOTSTRAP_UNKNOWN_TARGET,  /* target; the known ones are ww_bootstrap_target_at */
    WW_BOOTSTRAP_ALREADY_QUEUED,  /* target: named twice in one call */
    WW_BOOTSTRAP_UNKNOWN_INPUT,   /* target, input; the declared ones are ww_bootstrap_target_at */
    WW_BOOTSTRAP_DUPLICATE_INPUT, /* target, input */
    WW_BOOTSTRAP_MISSING_INPUT,   /* target, input */
    WW_BOOTSTRAP_TOO_LARGE,       /* target, byte_count: above inputs_max, request_bytes_max or
                                     requests_max */
    WW_BOOTSTRAP_ALLOCATION_FAILED, /* target, byte_count, budget_remaining */
} ww_bootstrap_fault_kind;

typedef struct ww_bootstrap_fault {
    ww_bootstrap_fault_kind kind;
    size_t item;           /* of the call */
    uint32_t target_id;    /* WW_BOOTSTRAP_NONE when unknown */
    ww_view target, input; /* the caller's own views, or the queue's for a missing input */
    uint64_t byte_count, budget_remaining;
} ww_bootstrap_fault;

/* Accepts all items or none. Order of checks: every target is known and named once; then, item by
 * item, unknown and repeated inputs in the order given and missing ones in the order declared; then
 * sizes, budget and memory. E_NOT_FOUND, E_EXISTS, E_USAGE, E_LIMIT, E_QUOTA or E_MEMORY. `fault`
 * and `diag` may be NULL. */
WW_MUST_USE ww_status ww_bootstrap_request(ww_bootstrap *queue,
                                           const ww_bootstrap_request_item *items, size_t count,
                                           uint64_t now_ns, ww_bootstrap_fault *fault,
                                           ww_diag *diag);

/* Drops every entry of the target that has not started and asks the driver to stop one that has.
 * Each is then reported as failed, with E_CANCELED. Returns how many entries that concerned. */
uint32_t ww_bootstrap_cancel(ww_bootstrap *queue, uint32_t target, uint64_t now_ns);

/* --- for drivers ------------------------------------------------------------------------------ */

/* Lets accepted requests, retries whose delay is over and passed deadlines take effect. Allocates
 * nothing. */
void ww_bootstrap_advance(ww_bootstrap *queue, uint64_t now_ns);

/* When ww_bootstrap_advance has something to do by itself; UINT64_MAX for never. */
uint64_t ww_bootstrap_next_time(const ww_bootstrap *queue);

typedef struct ww_bootstrap_start {
    uint64_t ticket; /* names the entry until it finishes */
    uint32_t target;
    ww_bootstrap_kind kind;
    ww_bootstrap_policy policy;
    ww_view name;
    const uint32_t *touches;
    uint32_t touch_count;
    ww_blob *payload;      /* holds the inputs; take a reference to keep them longer */
    const ww_view *inputs; /* in the order of the formals */
    const ww_view *formals;
    uint32_t input_count;
} ww_bootstrap_start;

/* The earliest entry of the driver that is due, if any. `exec_id` is the driver's number for it,
 * reported in events; it is used up only when the answer is true. The driver must call
 * ww_bootstrap_finish for it in the end. */
bool ww_bootstrap_take(ww_bootstrap *queue, uint32_t driver, uint64_t exec_id, uint64_t now_ns,
                       ww_bootstrap_start *out);

/* An entry in flight that shall stop, each told once: the driver abandons it and calls
 * ww_bootstrap_finish. */
bool ww_bootstrap_take_stop(ww_bootstrap *queue, uint32_t driver, uint64_t *ticket);

typedef struct ww_bootstrap_result {
    ww_status status; /* not WW_OK: the attempt as such failed, whatever the policy */
    uint32_t ops_run, ops_failed;
} ww_bootstrap_result;

/* Retires the entry: its components are free, entries behind it may become due, its input bytes are
 * given back. */
void ww_bootstrap_finish(ww_bootstrap *queue, uint64_t ticket, ww_bootstrap_result result,
                         uint64_t now_ns);

/* Work outside any bootstrap that has begun on a component and cannot be taken back, such as a call
 * it has not answered yet. An entry whose turn has come waits for it; meanwhile the component
 * counts as locked, so that it does end. */
void ww_bootstrap_hold(ww_bootstrap *queue, uint32_t component);
void ww_bootstrap_release(ww_bootstrap *queue, uint32_t component);

/* Whether work outside the bootstrap that holds it must leave the component alone. */
bool ww_bootstrap_locked(const ww_bootstrap *queue, uint32_t component);

/* --- watching --------------------------------------------------------------------------------- */

typedef enum ww_bootstrap_event_kind {
    WW_BOOTSTRAP_WAITING,     /* blocker_*: the first thing in the way */
    WW_BOOTSTRAP_NEEDS_INPUT, /* the install order stopped in front of the target */
    WW_BOOTSTRAP_STARTED,
    WW_BOOTSTRAP_COMPLETED,
    WW_BOOTSTRAP_FAILED, /* will_retry tells whether that was the last attempt */
} ww_bootstrap_event_kind;

typedef struct ww_bootstrap_event {
    ww_bootstrap_event_kind kind;
    ww_bootstrap_kind target_kind;
    uint32_t target;
    uint32_t blocker_target;    /* NONE: work outside any bootstrap */
    uint32_t blocker_component; /* NONE: the target itself runs or waits already */
    ww_status status;
    bool will_retry;
    uint64_t ticket, exec_id, elapsed_ns;
    uint32_t ops_run, ops_failed;
} ww_bootstrap_event;

/* The oldest event not yet read. Events that nobody reads make room by refusing new requests and by
 * holding back retries, never by being lost. */
bool ww_bootstrap_next_event(ww_bootstrap *queue, ww_bootstrap_event *out);

typedef enum ww_bootstrap_state {
    WW_BOOTSTRAP_IDLE,
    WW_BOOTSTRAP_RUNNING,           /* something is in flight, or will be without the host's help */
    WW_BOOTSTRAP_WAITING_FOR_INPUT, /* nothing can go on before the host gives inputs */
} ww_bootstrap_state;

typedef struct ww_bootstrap_status {
    ww_bootstrap_state state;
    bool pending; /* work is left */
    bool halted;  /* the install order was stopped by a failure */
    uint32_t pending_requests, waiting, in_flight, delayed;
    uint32_t next_idx, install_count;
    uint32_t input_target; /* the one whose formals are missing, or NONE */
} ww_bootstrap_status;

ww_bootstrap_status ww_bootstrap_status_of(const ww_bootstrap *queue);

/* What a driver asks before it does anything: is work left, is an event unread? */
bool ww_bootstrap_is_pending(const ww_bootstrap *queue);
bool ww_bootstrap_has_events(const ww_bootstrap *queue);

typedef struct ww_bootstrap_target_info {
    ww_bootstrap_kind kind;
    ww_view name;
    const ww_view *formals;
    uint32_t formal_count;
    const uint32_t *touches;
    uint32_t touch_count;
    bool done, failed; /* the outcome of the last entry that finished */
    uint32_t live;     /* entries that have not finished */
} ww_bootstrap_target_info;

uint32_t ww_bootstrap_target_count(const ww_bootstrap *queue);
ww_bootstrap_target_info ww_bootstrap_target_at(const ww_bootstrap *queue, uint32_t target);
uint32_t ww_bootstrap_install_order(const ww_bootstrap *queue, const uint32_t **targets);
ww_view ww_bootstrap_component_name(const ww_bootstrap *queue, uint32_t component);

typedef enum ww_bootstrap_place {
    WW_BOOTSTRAP_IN_REQUESTS,
    WW_BOOTSTRAP_IN_WAITING,
    WW_BOOTSTRAP_IN_DUE,
    WW_BOOTSTRAP_IN_FLIGHT,
    WW_BOOTSTRAP_IN_DELAYED,
    WW_BOOTSTRAP_PLACES,
} ww_bootstrap_place;

typedef struct ww_bootstrap_entry_info {
    ww_bootstrap_place place;
    uint64_t ticket, exec_id;
    uint32_t target;
    uint32_t blocker_target, blocker_component; /* of a waiting one, as in its event */
    bool seed, stopping;
} ww_bootstrap_entry_info;

/* Calls `each` for every live entry: place by place, in each in order of arrival. */
typedef struct ww_bootstrap_visitor ww_bootstrap_visitor;
struct ww_bootstrap_visitor {
    void (*each)(ww_bootstrap_visitor *self, const ww_bootstrap_entry_info *entry);
};
void ww_bootstrap_visit(const ww_bootstrap *queue, ww_bootstrap_visitor *visitor);

/* A number that is equal for equal states: what a refused call must not change. */
uint64_t ww_bootstrap_hash(const ww_bootstrap *queue);

/* Asserts the invariants that queue.c opens with. For tests. */
void ww_bootstrap_check(const ww_bootstrap *queue);
