/* dataflow/engine.h - the engine from the inside; for the files of this folder only.
 *
 * Model      A graph is an installed function: operations, and sites where values appear. An
 *            execution of it is a frame: one value per site, and per operation the number of inputs
 *            still missing. An operation whose count comes to 0 enters the frontier; as every site
 *            is written at most once in a frame, it fires at most once. A call makes a frame below
 *            the caller's; the frames of one tree share a root, which counts all that is queued,
 *            parked or waiting in the tree. When that count comes to 0 the root has drained.
 * Ownership  The engine owns units (an artifact and what was linked from it), frames, components
 *            and tables. Memory of steady states comes from `pool`.
 * Bounds     ww_dataflow_limits.
 * Threads    One.
 */
#pragma once
#include "base/names.h"
#include "base/pool.h"
#include "dataflow/artifact.h"
#include "dataflow/value.h"

enum { DF_NONE = UINT32_MAX, DF_ROLE_FUNCTIONS = 8 };

/* That a component's own bootstrap may ask the operator for. */
enum { DF_COMPONENT_INPUTS_MAX = 64 };

typedef struct df_op df_op;
typedef struct df_graph df_graph;
typedef struct df_frame df_frame;
typedef struct df_arg df_arg;
typedef struct df_unit df_unit;
typedef struct df_installer df_installer;

typedef enum df_outcome { DF_DONE, DF_PARKED, DF_FAILED } df_outcome;
typedef df_outcome df_run_fn(ww_dataflow *flow, const df_op *op, df_frame *frame);

struct df_op {
    df_run_fn *run;
    const df_arg *arg;              /* NULL for operations without settings */
    uint32_t inputs_at, outputs_at; /* in the graph's in_sites and out_sites */
    uint16_t input_count, output_count;
    uint32_t component; /* DF_NONE: touches none */
    uint32_t callee;    /* of a call: the graph */
};

enum { DF_PORTS_MAX = 3, DF_HELD_MAX = 2 };

/* A graph in an attribute; its inputs from `declared` on are the operation's from `captured_at`. */
typedef struct df_held_graph {
    df_graph *graph;
    uint32_t declared, captured_at;
} df_held_graph;

/* What an operation's attributes say, read once at install. */
struct df_arg {
    const df_artifact *artifact;
    const df_node *node;
    int64_t number, count;
    double real;
    uint32_t key;                 /* in the table that the operation uses */
    uint32_t ports[DF_PORTS_MAX]; /* input of each named port, or DF_NONE */
    ww_flow_value value;
    ww_view text;
    struct df_send *send;
    df_held_graph *held; /* at most DF_HELD_MAX */
    uint32_t held_count;
    ww_flow_component_fn *call;
    const ww_flow_attribute *attributes; /* for a backend */
    uint32_t attribute_count;
};

typedef struct df_site {
    uint32_t consumers_at, consumer_count;
    uint32_t output; /* position + 1 in the function's outputs; more by output_next; 0: none */
} df_site;

struct df_graph {
    const df_function *function;
    df_unit *unit;
    uint32_t index, op_count, site_count, formal_count, output_count, source_count;
    bool entry, bootstrap;
    bool held;           /* in an attribute: runs inside the operation that holds it */
    df_graph *next_held; /* those that its operations hold, all in one list */
    df_op *ops;
    df_site *sites;
    uint32_t *in_sites, *out_sites;
    uint64_t *out_ids; /* beside out_sites: their ids for the host */
    uint32_t *consumers;
    uint32_t *formals;     /* sites */
    uint8_t *formal_types; /* ww_flow_value_type to convert bytes to */
    uint32_t *outputs;     /* sites, DF_NONE: never written */
    uint32_t *output_next;
    uint32_t *needs;                  /* per op: inputs to wait for */
    uint32_t *sources;                /* ops that wait for none */
    uint32_t *special, special_count; /* ops that timers, events or phases start */
    uint64_t site_base;
    uint64_t *touches;                 /* bits of components */
    uint32_t *touch_list, touch_count; /* ascending component numbers of the queue */
    uint32_t frame_size;
    df_frame *spare;
    uint32_t spare_count;
};

struct df_frame {
    df_graph *graph; /* NULL: a component's own bootstrap */
    df_frame *parent, *root, *tree_next;
    df_frame *previous, *next; /* roots: in live or finished */
    uint32_t parent_op, depth;
    uint32_t ordinal; /* in the snapshot being written */
    uint64_t exec_id, started_ns;
    /* of roots */
    uint32_t outstanding, ops_run, ops_failed;
    bool bootstrap, aborted, fails_on_error;
    bool held;          /* meanwhile, in a restore */
    ww_status status;   /* why it was aborted */
    uint32_t component; /* of a component's own bootstrap */
    uint64_t ticket, charge;
    uint64_t deadline_ns;  /* by when its sends must be answered, or 0 */
    uint32_t sender;       /* peer whose envelope started it, or DF_NONE */
    uint32_t event_formal; /* the one input of an event, or DF_NONE */
    ww_blob *event;        /* its bytes, to be echoed */
    ww_flow_value *values;
    uint32_t *missing;
};

typedef struct df_component {
    const ww_flow_component_type *type;
    void *self;
    ww_view slot, type_name, config; /* in the unit that brought it */
    uint32_t lock;                   /* number in the queue */
    uint32_t *depends, depend_count;
    uint32_t parked_first, parked_last; /* in `parked` */
} df_component;

typedef struct df_binding {
    ww_view slot, type_name;
    ww_flow_role role;
    int64_t slot_id;
    uint32_t component;
    uint32_t target; /* of the install */
} df_binding;

/* An artifact that was installed, and the memory of everything linked from it. */
struct df_unit {
    df_unit *next;
    ww_blob *bytes;
    df_artifact artifact;
    ww_arena memory;
    ww_view *targets;
    uint32_t target_count;
    uint32_t component_first, component_count; /* those it brought */
    ww_dataflow_install_options options;       /* scalars only */
};

typedef struct df_ready {
    df_frame *frame;
    uint32_t op;
} df_ready;

typedef struct df_parked {
    df_ready ready;
    uint32_t next;
} df_parked;

typedef struct df_async {
    uint64_t command;
    df_frame *frame; /* NULL: free */
    uint32_t op;
    uint32_t held; /* component on which it stands in a bootstrap's way, or DF_NONE */
} df_async;

/* 64-bit keys to 32-bit values; open addressing, no tombstones. */
typedef struct df_map {
    uint64_t *keys;
    uint32_t *values; /* DF_NONE: empty */
    uint32_t capacity, count;
} df_map;

typedef struct df_ring {
    uint8_t *items;
    uint32_t first, count, capacity;
} df_ring;

typedef enum df_inbox_kind {
    DF_START,
    DF_COMPLETION,
    DF_ENVELOPE,
    DF_SEND_FAILED,
    DF_CONTROL,
} df_inbox_kind;

typedef struct df_inbox_item {
    df_inbox_kind kind;
    bool failed;
    df_frame *frame;        /* start */
    uint64_t id;            /* command or wire request */
    ww_blob *payload;       /* completion: the detail; envelope: its bytes; control: the fill's */
    ww_flow_value *outputs; /* completion */
    uint32_t output_count;
    uint32_t peer;
    uint32_t component, function; /* control: what is called */
} df_inbox_item;

typedef enum df_timer_kind {
    DF_TIMER_COMMAND,
    DF_TIMER_INTERVAL,
    DF_TIMER_WIRE,
    DF_TIMER_PEER, /* not in snapshots */
} df_timer_kind;

typedef struct df_timer {
    uint64_t at_ns, age;
    df_timer_kind kind;
    uint32_t graph, op;
    uint64_t id;
} df_timer;

typedef enum df_table_kind {
    DF_METRICS,
    DF_LIMITERS,
    DF_GROUPS,
    DF_HOLDS,
    DF_QUEUES,
    DF_RECORDS,
    DF_PHASES,
    DF_EVENTS,
    DF_TABLES,
} df_table_kind;

/* One named thing of a table: a counter, a latch, a queue of values, or operations to fire. */
typedef struct df_key {
    int64_t counter;
    df_ring values;
    bool fired;
} df_key;

typedef struct df_place {
    uint32_t graph, op;
} df_place;

typedef struct df_table {
    ww_names names;
    df_key *keys;
    uint32_t capacity;
} df_table;

/* A smoothed measurement: the mean takes an eighth of the news, the deviation a quarter. */
typedef struct df_estimate {
    uint64_t mean_ns, deviation_ns, samples;
} df_estimate;

typedef struct df_peer {
    bool blocked, allowed, down, suspect;
    bool watched;      /* a timer is set that looks after its silence */
    bool silenced;     /* its envelopes are dropped while the inbox is full */
    uint32_t notices;  /* sent since the inbox filled up */
    uint32_t failures; /* in a row */
    uint64_t backoff_until_ns, retry_ns, noticed_ns, heard_ns;
    df_estimate rtt, gaps; /* gaps: between two signs of life */
    ww_blob *addresses;    /* wire form of an ADDRESS_VEC */
} df_peer;

/* One hop of a chain of sends: how long its answers take. */
typedef struct df_edge {
    uint64_t site, chain, hop;
    df_estimate rtt;
} df_edge;

typedef struct df_app_event {
    ww_view module, topic;
    ww_flow_value value;
} df_app_event;

typedef struct df_outbound {
    uint32_t peer;
    uint64_t request;
    ww_blob *bytes;
} df_outbound;

typedef struct df_wire_request {
    uint64_t id, sent_ns;
    uint32_t peer, edge; /* of the chain, or DF_NONE */
    bool silent;         /* nobody asked for an answer in time */
} df_wire_request;

typedef struct df_error {
    ww_flow_error_kind kind;
    const char *reason;
    ww_view detail;
} df_error;

typedef enum df_phase {
    DF_PHASE_START,
    DF_PHASE_BOOTSTRAPS,
    DF_PHASE_INGRESS,
    DF_PHASE_FRONTIER,
    DF_PHASE_BUS,
    DF_PHASE_TIMERS,
    DF_PHASE_SECOND_FRONTIER,
    DF_PHASE_LIFECYCLE,
    DF_PHASE_LAST_FRONTIER,
    DF_PHASE_OUTBOUND,
    DF_PHASE_REPORT,
    DF_PHASE_EVENTS,
    DF_PHASES_END,
} df_phase;

struct ww_dataflow {
    const ww_allocator *source;
    ww_pool pool;
    const ww_allocator *allocator; /* the pool's */
    ww_dataflow_limits limits;
    ww_budget budget;   /* of an own queue */
    ww_budget *ingress; /* the one in use */
    ww_bootstrap *queue;
    bool owns_queue;
    uint32_t driver;
    ww_blob *peer_id;
    uint64_t hash_key[2], random[2];
    uint64_t seen_key[2]; /* of the hashes in `seen` */
    uint64_t incarnation;
    const ww_flow_component_type *const *types;
    size_t type_count;

    df_unit *units;
    df_graph **graphs;
    uint32_t graph_count, graph_capacity;
    ww_names graph_names; /* of their functions: a name's id is the graph's index */
    df_component *components;
    uint32_t component_count, component_capacity;
    uint64_t next_site_id;

    uint64_t now_ns, next_exec_id, next_command, next_token, next_request;
    df_ring frontier; /* df_ready */
    df_parked *parked;
    uint32_t parked_capacity, parked_count, parked_top, parked_free; /* free ones by next */
    uint64_t live_ops;     /* operations of live frames: the frontier has room for all */
    uint64_t live_outputs; /* of live roots of modules: so have the events for the host */
    df_async *asyncs;
    uint32_t async_capacity, async_count, async_top, async_free; /* free ones by op */
    uint64_t parked_command; /* of the operation that just parked */
    df_map async_by_command;
    df_frame *live, *finished;
    uint32_t frame_count;
    uint64_t frame_bytes;
    df_ring inbox, held; /* df_inbox_item */
    uint64_t lock_epoch; /* counts what may have freed a component */
    uint64_t held_epoch,
        started_epoch; /* when held items and waiting bootstraps were looked at last */
    df_timer *timers;
    uint32_t timer_count, timer_capacity;
    uint64_t next_timer;
    df_table tables[DF_TABLES];
    df_ring fired; /* df_place: to start in an execution of their own */
    df_map seen;   /* hashes of received bytes */
    df_ring seen_order;
    ww_names peer_names;
    df_peer *peers;
    uint32_t peer_capacity;
    bool allow_only;  /* peers that are `allowed` */
    ww_buf addresses; /* this node's, as fields of an envelope */
    df_edge *edges;
    uint32_t edge_count, edge_capacity;
    df_map edge_index;                      /* by a keyed hash of what names the edge */
    df_ring app_events, outbound, requests; /* df_app_event, df_outbound, df_wire_request */
    df_ring lifecycle;                      /* uint32_t: phases to fire */
    uint64_t outbound_dropped;

    df_error error; /* of the operation that just failed */
    ww_arena text;  /* of error details; until the next poll */
    df_ring lent;   /* ww_blob *: what steps show; until the next poll */

    /* the poll under way, which may span several calls when the step buffer is small */
    df_phase phase;
    bool pending_at_start, over_budget;
    bool work; /* something was left over */
    bool out_of_memory;
    uint32_t ops_this_poll;
    uint32_t held_work;  /* operations and rounds inside the one that holds graphs, ... */
    uint64_t held_steps; /* and their tensor work */
    ww_flow_step *steps;
    size_t step_count, step_capacity;
};

/* rings.c. Capacities are powers of two. */
ww_status df_ring_reserve(ww_dataflow *flow, df_ring *ring, size_t size, uint32_t extra);

static inline void *df_ring_at(const df_ring *ring, uint32_t index, size_t size)
{
    WW_ASSERT(index < ring->count);
    return ring->items + ((ring->first + index) & (ring->capacity - 1)) * size;
}

static inline void df_ring_pop(df_ring *ring)
{
    WW_ASSERT(ring->count);
    ring->first = (ring->first + 1) & (ring->capacity - 1);
    ring->count--;
}

/* NULL: no memory. */
static inline void *df_ring_push(ww_dataflow *flow, df_ring *ring, size_t size)
{
    if (WW_UNLIKELY(ring->count == ring->capacity) && df_ring_reserve(flow, ring, size, 1))
        return NULL;
    ring->count++;
    return df_ring_at(ring, ring->count - 1, size);
}

void df_ring_free(ww_dataflow *flow, df_ring *ring, size_t size);
bool df_map_find(const df_map *map, uint64_t key, uint32_t *value);
ww_status df_map_put(ww_dataflow *flow, df_map *map, uint64_t key, uint32_t value);
void df_map_remove(df_map *map, uint64_t key);
void df_map_free(ww_dataflow *flow, df_map *map);
ww_status df_grow(ww_dataflow *flow, void **items, uint32_t *capacity, size_t size, uint32_t need);

/* frame.c */
df_frame *df_frame_new(ww_dataflow *flow, df_graph *graph, df_frame *parent);
void df_frame_seed(ww_dataflow *flow, df_frame *frame);
void df_frame_write(ww_dataflow *flow, df_frame *frame, uint32_t site,
                    ww_flow_value value); /* takes it */
void df_frame_drained(ww_dataflow *flow, df_frame *root);
void df_frame_release(ww_dataflow *flow, df_frame *root);
void df_frames_collect(ww_dataflow *flow);
void df_frame_stage(ww_dataflow *flow, df_frame *frame, uint32_t formal,
                    ww_flow_value value); /* takes it */
void df_frame_drop(ww_dataflow *flow, df_frame *root);
void df_spare_free(ww_dataflow *flow, df_graph *graph);

void df_frame_preset(df_frame *frame, uint32_t site, ww_flow_value value); /* takes it */

/* The operation enters the frontier, which has room for all that live. */
static inline void df_frame_push(ww_dataflow *flow, df_frame *frame, uint32_t op)
{
    df_ring *frontier = &flow->frontier;
    WW_ASSERT(frontier->count < frontier->capacity);
    frontier->count++;
    *(df_ready *)df_ring_at(frontier, frontier->count - 1, sizeof(df_ready)) =
        (df_ready){frame, op};
    frame->root->outstanding++;
}

/* `ended` fewer outstanding. */
static inline void df_frame_settle(ww_dataflow *flow, df_frame *root, uint32_t ended)
{
    WW_ASSERT(root->outstanding >= ended);
    root->outstanding -= ended;
    if (WW_UNLIKELY(!root->outstanding)) df_frame_drained(flow, root);
}

/* async.c */
ww_status df_async_add(ww_dataflow *flow, uint64_t command, df_frame *frame, uint32_t op,
                       uint32_t component);
bool df_async_take(ww_dataflow *flow, uint64_t command, df_async *out);
void df_async_tell(ww_dataflow *flow, const df_frame *root);
void df_abort(ww_dataflow *flow, df_frame *root, ww_status status);
bool df_lock_park(ww_dataflow *flow, uint32_t component, df_ready ready);
void df_unpark(ww_dataflow *flow);

/* engine.c */
ww_status df_hold_bytes(ww_dataflow *flow, ww_view bytes, ww_blob **out); /* charges them */
void df_inbox_item_free(ww_dataflow *flow, df_inbox_item *item);

/* poll.c */
void df_report_completed(ww_dataflow *flow, const df_frame *frame, uint32_t op);
void df_report_failed(ww_dataflow *flow, df_frame *frame, uint32_t op, df_error error);
void df_report_suspended(ww_dataflow *flow, const df_frame *frame, uint32_t op);

/* bringup.c */
bool df_start_bootstraps(ww_dataflow *flow);
ww_status df_convert_input(ww_dataflow *flow, ww_flow_value_type type, ww_view bytes,
                           ww_blob *owner, ww_flow_value *out);

/* ops.c and its siblings */
typedef ww_status df_prepare_fn(df_installer *in, const df_node *node, df_arg *arg);
typedef struct df_op_row {
    const char *domain; /* after the root */
    const char *op_type;
    df_run_fn *run;
    df_prepare_fn *prepare;
    bool any_input;   /* ready with the first input instead of the last */
    bool never_ready; /* started by deliveries, timers and events instead */
    const char *ports[DF_PORTS_MAX];
} df_op_row;
const df_op_row *df_find_syscall(ww_view domain, ww_view op_type);
const df_op_row *df_find_tensor_op(ww_view op_type);
df_outcome df_run_bootstrap_of(ww_dataflow *flow, df_frame *frame, const ww_flow_value *inputs,
                               uint32_t input_count);
df_run_fn df_run_call, df_run_component, df_run_unresolved;
size_t df_contract_index(ww_flow_role role,
                         ww_view op_type); /* into vtable.functions; SIZE_MAX: no such */
bool df_role_of(ww_view name, ww_flow_role *out);

/* For run functions. NULL: absent. */
static inline const ww_flow_value *df_input(const df_op *op, const df_frame *frame, uint32_t input)
{
    if (input >= op->input_count) return NULL;
    uint32_t site = frame->graph->in_sites[op->inputs_at + input];
    if (site == DF_NONE || frame->values[site].type == WW_FLOW_NONE) return NULL;
    return &frame->values[site];
}

static inline void df_output(ww_dataflow *flow, const df_op *op, df_frame *frame, uint32_t output,
                             ww_flow_value value)
{
    uint32_t site =
        output < op->output_count ? frame->graph->out_sites[op->outputs_at + output] : DF_NONE;
    if (site == DF_NONE)
        ww_flow_value_unref(value);
    else
        df_frame_write(flow, frame, site, value);
}

const ww_flow_value *df_port(const df_op *op, const df_frame *frame, uint32_t port);
df_outcome df_fail(ww_dataflow *flow, ww_flow_error_kind kind, const char *reason,
                   const char *format, ...) WW_PRINTF(4, 5);
df_outcome df_no_memory(ww_dataflow *flow);
df_outcome df_park(ww_dataflow *flow, const df_op *op, df_frame *frame, uint64_t command);
ww_status df_timer_add(ww_dataflow *flow, df_timer timer);
void df_command_done(ww_dataflow *flow, uint64_t command, const ww_flow_value *outputs,
                     uint32_t count);
void df_command_failed(ww_dataflow *flow, uint64_t command, df_error error);
bool df_start_fired(ww_dataflow *flow);
bool df_timers_mature(ww_dataflow *flow); /* false: the step buffer is full */
void df_fire_key(ww_dataflow *flow, df_table_kind table, uint32_t key);
void df_fire_event(ww_dataflow *flow, ww_view kind);
ww_status df_key_of(ww_dataflow *flow, df_table_kind table, ww_view name, uint32_t *key);
void df_step(ww_dataflow *flow, ww_flow_step step);

/* peers.c */
ww_status df_peer_of(ww_dataflow *flow, ww_view id, uint32_t *peer);

/* send.c */
#define DF_NOTICE_HASH 0x835411050e7217c5u /* type of the payload that asks to send less */
ww_status df_send_notice(ww_dataflow *flow, uint32_t peer, ww_view notice);
ww_status df_send_response(ww_dataflow *flow, uint32_t peer, uint64_t request);
void df_place_sends(df_installer *in); /* once sites have their numbers */

/* health.c */
bool df_is_blocked(const ww_dataflow *flow, const df_peer *peer);
uint32_t df_edge_of(ww_dataflow *flow, uint64_t site, uint64_t chain, uint64_t hop);
bool df_edge_is_warm(const df_edge *edge);
void df_edge_reported(ww_dataflow *flow, const df_edge *report);
uint64_t df_chain_budget(const ww_dataflow *flow, uint64_t chain, uint64_t hop, uint64_t depth);
void df_peer_alive(ww_dataflow *flow, uint32_t peer);
void df_peer_failed(ww_dataflow *flow, uint32_t peer, uint64_t request);
void df_peer_overdue(ww_dataflow *flow, uint32_t peer);
void df_peer_watch(ww_dataflow *flow, uint32_t peer);
bool df_may_send(ww_dataflow *flow, df_peer *peer);
uint64_t df_soon(const ww_dataflow *flow, uint64_t delay_ns); /* never more than a minute ahead */
bool df_take_notice(ww_dataflow *flow, uint32_t peer, ww_view payload);
bool df_is_silenced(ww_dataflow *flow, uint32_t peer);
void df_relieve(ww_dataflow *flow, uint32_t peer);
void df_estimate_add(df_estimate *estimate, uint64_t sample_ns);

/* envelope.c */
void df_receive(ww_dataflow *flow, uint32_t peer, ww_view envelope);
ww_status df_check_envelope(const ww_dataflow *flow, ww_view envelope, ww_diag *diag);
ww_status df_learn_address(ww_dataflow *flow, uint32_t peer,
                           ww_view binary);      /* a binary multiaddress */
size_t df_receive_room(const ww_dataflow *flow); /* steps that an envelope may need */
void df_request_forget(ww_dataflow *flow, uint64_t request, uint32_t peer);
void df_request_expired(ww_dataflow *flow, uint64_t request);

/* contract.c */
bool df_control_is_known(const ww_dataflow *flow, uint64_t component, ww_view op_type,
                         uint32_t *function);
/* Puts the call with its payload, which is charged, into the inbox. E_QUOTA, E_MEMORY. */
ww_status df_control_add(ww_dataflow *flow, df_inbox_item item, ww_view payload);
void df_run_control(ww_dataflow *flow, const df_inbox_item *item);

/* install.c */
ww_status df_install_error(df_installer *in, ww_status status, const char *format, ...)
    WW_PRINTF(3, 4);
ww_status df_intern(df_installer *in, df_table_kind table, ww_view name, uint32_t *key);
ww_flow_value_type df_declared_type(df_installer *in, ww_view value);
void df_args_free(df_graph *const *graphs, uint32_t count);
void df_unit_free(ww_dataflow *flow, df_unit *unit);

/* ops_time.c */
bool df_is_interval(const df_op *op);
void df_timer_move(ww_dataflow *flow, uint32_t index, uint64_t at_ns);
df_timer df_timer_pop(df_timer *heap, uint32_t *count);      /* the earliest; there is one */
void df_intervals_start(ww_dataflow *flow, df_graph *graph); /* their timers fit */
const ww_allocator *df_installer_allocator(const df_installer *in);
