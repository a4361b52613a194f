/* ww/dataflow.h - runs compiled dataflow modules inside any host: no socket, no thread and no clock
 * of its own.
 *
 * Model      An artifact holds functions: the bodies of modules, their bootstraps, and shared
 *            functions they call. A function is a graph of operations that fire once when all their
 *            inputs have arrived. Operations are system calls of the engine, tensor arithmetic,
 *            calls of functions, or calls of components, which the host supplies as C vtables, one
 *            per role. ww_dataflow_install decodes, checks and links; it runs nothing. The host
 *            brings modules up with ww_dataflow_bootstrap, feeds them with events and invocations,
 *            and lets them run by calling ww_dataflow_poll, which tells what happened as a list of
 *            steps. While a bootstrap runs, the components it touches are left alone by everything
 *            else; which bootstrap runs when is decided in bootstrap/bootstrap.h, whose queue can
 *            be shared with other drivers. The engine reads the events of its own queue and tells
 *            them as steps. Those of a shared queue it leaves to the host, which has to read them
 *            with ww_bootstrap_next_event: unread ones add up until requests are refused.
 * Ownership  Views in arguments are borrowed for the call. Views in steps live until the next poll.
 *            Values are counted: ww_flow_value_unref gives one up; functions that take a value say
 *            so.
 * Bounds     ww_dataflow_limits: every queue, table, payload and nesting has a maximum. In a steady
 *            state no call allocates. Above memory_bytes_max, which counts values too, there is no
 *            memory: operations fail, calls are refused with E_MEMORY.
 * Errors     ww_status, with a line in ww_diag that names place and cause. A refused call changes
 *            nothing.
 * Threads    One thread at a time. Hosts with several post to that thread.
 * Time       Nanoseconds of a clock that never goes back, passed to poll. Randomness comes from a
 *            seed.
 * Trust      Artifacts, inputs, envelopes and names are foreign and checked. Vtables are the host's
 *            own code.
 */
#pragma once
#include "base/alloc.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "bootstrap/bootstrap.h"

typedef struct ww_dataflow ww_dataflow;

/* --- values ----------------------------------------------------------------------------------- */

/*  name            wire hash           denotation                      may arrive from a peer */
#define WW_FLOW_LIST(X)                                                                            \
    X(TRIGGER, 0xf408ec4a93415ca0, "bb.trigger", true)                                             \
    X(PEER_ID, 0x6750d1de54e51ec5, "bb.peer_id", true)                                             \
    X(PEER_ID_VEC, 0x64d32aef2d363637, "bb.peer_id_vec", true)                                     \
    X(COMMAND_ID, 0xf6f80cc002ab2b94, "", false)                                                   \
    X(TIMESTAMP, 0x0ba64ceeddeecae0, "", false)                                                    \
    X(WIRE_REQ_ID, 0x9e56307df460aef2, "bb.wire_req_id", true)                                     \
    X(TOKEN, 0x48e3d9e278407bdd, "", false)                                                        \
    X(ADDRESS, 0x8927bf653df72630, "ai.bytesandbrains.multiaddress", true)                         \
    X(ADDRESS_VEC, 0x99f6119f618d070c, "ai.bytesandbrains.address_vec", true)                      \
    X(BYTES, 0x1d82330cc10a293d, "ai.bytesandbrains.opaque", true)                                 \
    X(COMPOSITE, 0xb94ced714c59208d, "ai.bytesandbrains.composite", true)                          \
    X(U64, 0x10b1ed195d35f79b, "", false)                                                          \
    X(FLOATS, 0x351044a2351c7e46, "", false)                                                       \
    X(TENSOR, 0x2f824195fec34be1, "ai.bytesandbrains.tensor.f32", true)

typedef enum ww_flow_value_type {
    WW_FLOW_NONE,
#define WW_FLOW_ENUM(name, hash, denotation, wire) WW_FLOW_##name,
    WW_FLOW_LIST(WW_FLOW_ENUM)
#undef WW_FLOW_ENUM
        WW_FLOW_TYPES
} ww_flow_value_type;

/* COMMAND_ID, TIMESTAMP, WIRE_REQ_ID, TOKEN and U64 are `number`; a trigger is nothing more; the
 * others are `size` bytes at `data` inside `blob`: a peer id its multihash, bytes and floats
 * themselves, a tensor a ww_flow_tensor, and the rest in wire form. */
typedef struct ww_flow_value {
    uint32_t type, size;
    union {
        uint64_t number;
        const uint8_t *data;
    };
    ww_blob *blob;
} ww_flow_value;

enum { WW_FLOW_TENSOR_DIMS_MAX = 8 };

typedef struct ww_flow_tensor {
    uint32_t dim_count, element_count;
    uint32_t dims[WW_FLOW_TENSOR_DIMS_MAX];
    float data[]; /* row by row */
} ww_flow_tensor;

static inline ww_flow_value ww_flow_value_ref(ww_flow_value value)
{
    ww_blob_ref(value.blob);
    return value;
}

static inline void ww_flow_value_unref(ww_flow_value value)
{
    ww_blob_unref(value.blob);
}

static inline ww_view ww_flow_value_view(const ww_flow_value *value)
{
    return ww_view_of(value->data, value->size);
}

static inline ww_flow_value ww_flow_value_number(ww_flow_value_type type, uint64_t number)
{
    return (ww_flow_value){.type = type, .number = number};
}

/* A copy of `bytes` as a value of that type; they must be valid for it. NONE when there is no
 * memory. */
ww_flow_value ww_flow_value_copy(const ww_allocator *allocator, ww_flow_value_type type,
                                 ww_view bytes);

/* A tensor whose data is to be filled by the caller before it is shared; NULL *out_data and NONE
 * without memory or when there are too many dimensions or elements. */
ww_flow_value ww_flow_value_tensor(const ww_allocator *allocator, const uint32_t *dims,
                                   uint32_t dim_count, float **out_data);

/* The wire form of a value, appended; the inverse checks everything. */
WW_MUST_USE ww_status ww_flow_value_encode(const ww_flow_value *value, ww_buf *out);
WW_MUST_USE ww_status ww_flow_value_decode(const ww_allocator *allocator, ww_flow_value_type type,
                                           ww_view bytes, ww_flow_value *out, ww_diag *diag);
uint64_t ww_flow_value_hash(ww_flow_value_type type);
ww_flow_value_type
ww_flow_value_type_of_hash(uint64_t hash); /* NONE: unknown, or not for the wire */
ww_flow_value_type ww_flow_value_type_of_denotation(ww_view name); /* NONE: unknown */

/* --- components ------------------------------------------------------------------------------- */

/*  role            name in artifacts   operation domain (after the root) */
#define WW_FLOW_ROLE_LIST(X)                                                                       \
    X(MODEL, "Model", "role.model")                                                                \
    X(INDEX, "Index", "role.index")                                                                \
    X(AGGREGATOR, "Aggregator", "role.aggregator")                                                 \
    X(CODEC, "Codec", "role.codec")                                                                \
    X(DATA_SOURCE, "DataSource", "role.data_source")                                               \
    X(PEER_SELECTOR, "PeerSelector", "role.peer_selector")                                         \
    X(BACKEND, "Backend", "role.backend")                                                          \
    X(PROTOCOL, "Protocol", "protocol")

typedef enum ww_flow_role {
#define WW_FLOW_ROLE_ENUM(role, name, domain) WW_FLOW_ROLE_##role,
    WW_FLOW_ROLE_LIST(WW_FLOW_ROLE_ENUM)
#undef WW_FLOW_ROLE_ENUM
        WW_FLOW_ROLES
} ww_flow_role;

/* One call of a component. WW_OK: the outputs are set. WW_AGAIN: the answer comes later, through
 * ww_dataflow_complete or _fail with ww_flow_call_command. Anything else: the operation failed;
 * ww_flow_call_fail gives the reason. The call is valid until the function returns. */
typedef struct ww_flow_call ww_flow_call;
typedef ww_status ww_flow_component_fn(void *self, ww_flow_call *call);

/* NULL entries are operations that the component does not offer: a module that needs one is not
 * installed. */
typedef struct ww_flow_component_vtable {
    union {
        struct {
            ww_flow_component_fn *forward, *backward, *compute_loss, *apply_delta, *load_parameters,
                *params;
        } model;
        struct {
            ww_flow_component_fn *add, *search, *remove, *train;
        } index;
        struct {
            ww_flow_component_fn *contribute, *aggregate;
        } aggregator;
        struct {
            ww_flow_component_fn *train, *encode, *decode;
        } codec;
        struct {
            ww_flow_component_fn *next_batch, *reset, *on_data_loaded;
        } data_source;
        struct {
            ww_flow_component_fn *sample, *current_view;
        } peer_selector;
        struct {
            ww_flow_component_fn *announce;
        } protocol;
        struct {
            ww_flow_component_fn *dispatch; /* those operations of `ai.onnx` that it `offers` */
        } backend;
        ww_flow_component_fn *functions[8];
    };
} ww_flow_component_vtable;

typedef struct ww_flow_component_dependency {
    ww_flow_role role;
    const char *slot;
} ww_flow_component_dependency;

typedef struct ww_flow_component_type ww_flow_component_type;
struct ww_flow_component_type {
    const char *name; /* as in artifacts; there, a path in front of the last `::` does not count */
    ww_flow_role role;
    ww_flow_component_vtable calls;
    const ww_flow_component_dependency *dependencies; /* siblings it reads while it works */
    size_t dependency_count;
    /* All below may be NULL. Without `construct`, self is NULL. */
    ww_status (*construct)(const ww_flow_component_type *type, ww_view slot, ww_view config,
                           void **self, ww_diag *diag);
    void (*destroy)(void *self);
    /* Both or neither: appends what the component must not lose, and makes it again from that. What
     * is asked of a component without them is failed by a restore, for the new one knows nothing of
     * it. */
    ww_status (*save)(void *self, ww_buf *state, ww_diag *diag);
    ww_status (*restore)(const ww_flow_component_type *type, ww_view slot, ww_view config,
                         ww_view state, void **self, ww_diag *diag);
    ww_flow_component_fn *bootstrap; /* makes the slot a bootstrap target of its own */
    /* Of a backend: whether it has that operation of `ai.onnx`. Those it has not are the engine's. */
    bool (*offers)(void *self, ww_view operation);
    /* What the operator must give that bootstrap: the names, which stay as long as the component,
     * and their number. They come as the inputs of its call, in that order, as bytes. */
    uint32_t (*inputs)(void *self, const ww_view **names);
    /* The bootstrap that waited for this answer was stopped, by its deadline or because it was
     * cancelled. Nobody wants the answer any more, and others may call the component at once. */
    void (*abandon)(void *self, uint64_t command);
};

uint64_t
ww_flow_call_command(ww_flow_call *call); /* reserves the name under which the answer will come */
const ww_allocator *ww_flow_call_allocator(ww_flow_call *call);
uint32_t ww_flow_call_input_count(const ww_flow_call *call);
const ww_flow_value *ww_flow_call_input(const ww_flow_call *call,
                                        uint32_t input); /* NULL: absent */
/* The input of that type, or a failure that says so. */
WW_MUST_USE ww_status ww_flow_call_floats(ww_flow_call *call, uint32_t input, const float **out,
                                          size_t *count);
WW_MUST_USE ww_status ww_flow_call_bytes(ww_flow_call *call, uint32_t input, ww_view *out);
/* The node's attribute of that name, else the input, else `otherwise`. */
int64_t ww_flow_call_integer(ww_flow_call *call, const char *attribute, uint32_t input,
                             int64_t otherwise);
/* For a backend: which operation it is, and its attributes, which last as long as the component. */
typedef enum ww_flow_attribute_kind {
    WW_FLOW_ATTRIBUTE_INTEGER,
    WW_FLOW_ATTRIBUTE_REAL,
    WW_FLOW_ATTRIBUTE_TEXT,
    WW_FLOW_ATTRIBUTE_INTEGERS,
    WW_FLOW_ATTRIBUTE_REALS,
    WW_FLOW_ATTRIBUTE_TENSOR,
} ww_flow_attribute_kind;

typedef struct ww_flow_attribute {
    ww_view name;
    ww_flow_attribute_kind kind;
    uint32_t count; /* of integers, reals */
    union {
        int64_t integer;
        float real;
        ww_view text;
        const int64_t *integers;
        const float *reals;
        const ww_flow_tensor *tensor;
    };
} ww_flow_attribute;

ww_view ww_flow_call_operation(const ww_flow_call *call); /* empty: its bootstrap */
uint32_t ww_flow_call_attributes(const ww_flow_call *call, const ww_flow_attribute **out);
void ww_flow_call_return(ww_flow_call *call, uint32_t output,
                         ww_flow_value value); /* takes the value */
WW_MUST_USE ww_status ww_flow_call_fail(ww_flow_call *call, ww_status status, const char *format,
                                        ...) WW_PRINTF(3, 4);

/* --- making an engine ------------------------------------------------------------------------- */

typedef struct ww_dataflow_limits { /*                           default    edge */
    uint32_t cycle_op_budget;       /* operations per poll, tensors as
                                       below;                       1000     1000 */
    uint32_t pending_async_max;     /*                             10000    10000 */
    uint32_t outbound_max;          /* oldest dropped above it;    10000    10000 */
    uint32_t inbox_max;             /*                              4096     4096 */
    uint32_t envelope_fills_max;    /*                               256       16 */
    uint32_t envelope_bytes_max;    /*                            16 MiB  256 KiB */
    uint32_t fill_bytes_max;        /*                             4 MiB   64 KiB */
    uint32_t suffix_bytes_max;      /*                              4096      512 */
    uint32_t addresses_max;         /* in an envelope;                 8        4 */
    uint32_t address_bytes_max;     /*                               256      256 */
    uint32_t event_bytes_max;       /*                             1 MiB   64 KiB */
    uint32_t invoke_inputs_max;     /*                               100       16 */
    uint32_t invoke_bytes_max;      /*                            10 MiB  256 KiB */
    uint32_t completion_bytes_max;  /*                             4 MiB   64 KiB */
    uint32_t peers_max;             /*                             16384     1024 */
    uint32_t timers_max;            /*                             65536     4096 */
    uint32_t queued_values_max;     /* per hold slot or queue;      4096      256 */
    uint32_t call_depth_max;        /*                                64       64 */
    uint32_t held_work_max;         /* operations and rounds inside
                                       one If or Loop;             64 Ki    16 Ki */
    uint32_t tensor_work_max;       /* steps of one operation, those
                                       inside it with it;          16 Mi     4 Mi */
    uint64_t frame_bytes_max;       /* live executions;          512 MiB   16 MiB */
    uint64_t ingress_bytes_max;     /* from outside, held;       256 MiB    8 MiB */
    size_t artifact_bytes_max;      /*                           256 MiB    4 MiB */
    size_t memory_bytes_max;        /* all that it holds;          2 GiB  128 MiB */
} ww_dataflow_limits;

/* A step of tensor work is about a nanosecond, on a machine like that of doc/modules.md; what an
 * operation takes is reckoned from its shapes before it begins, and one above tensor_work_max is
 * refused: it would hold the caller's loop. As many steps as that in one poll are the whole
 * cycle_op_budget, so that a poll ends soon after, too. Hosts with a thread to spare raise it. */

ww_dataflow_limits ww_dataflow_limits_default(void);
ww_dataflow_limits ww_dataflow_limits_edge(void);

typedef struct ww_dataflow_config {
    const ww_allocator *allocator; /* outlives the engine, as all pointers here do */
    ww_dataflow_limits limits;
    ww_bootstrap *queue; /* shared: the host reads its events; NULL: the engine has its own */
    uint32_t driver;     /* its tag in a shared queue */
    ww_budget *budget;   /* of the shared queue; NULL with an own one */
    ww_view peer_id;     /* multihash of this node; empty: none */
    uint64_t seed[2];    /* for random numbers and hash tables */
    const ww_flow_component_type *const *types;
    size_t type_count;
} ww_dataflow_config;

WW_MUST_USE ww_status ww_dataflow_new(const ww_dataflow_config *config, ww_dataflow **out,
                                      ww_diag *diag);
void ww_dataflow_free(ww_dataflow *flow);

typedef struct ww_dataflow_slot {
    ww_view slot;
    ww_view type;   /* empty: what the artifact says */
    ww_view config; /* handed to the component */
} ww_dataflow_slot;

typedef struct ww_dataflow_install_options {
    ww_view artifact; /* copied */
    const ww_view *targets;
    size_t target_count;
    const ww_dataflow_slot *slots; /* each of a module that is being installed */
    size_t slot_count;
    bool allow_unresolved; /* operations that nobody offers fail when run, and refuse no install */
    ww_bootstrap_policy policy;
    uint32_t retries;
    uint64_t retry_delay_ns, deadline_ns;
} ww_dataflow_install_options;

/* Installs modules and constructs the components they name. All or nothing. A target is a module's
 * full name, or its name without the `#hash`. */
WW_MUST_USE ww_status ww_dataflow_install(ww_dataflow *flow,
                                          const ww_dataflow_install_options *options,
                                          ww_diag *diag);

/* What an artifact holds, as JSON, without constructing anything. Every target is taken as
 * installed. */
/* `json` may be NULL: then it only says whether an install would refuse the artifact as it is. */
WW_MUST_USE ww_status ww_dataflow_inspect(const ww_allocator *allocator, ww_view artifact,
                                          ww_buf *json, ww_diag *diag);

/* --- running ---------------------------------------------------------------------------------- */

/* No items: arms the install order. Otherwise the named modules or component slots, all or none; an
 * item may have no inputs. See ww_bootstrap_request for `fault`. */
WW_MUST_USE ww_status ww_dataflow_bootstrap(ww_dataflow *flow,
                                            const ww_bootstrap_request_item *items, size_t count,
                                            ww_bootstrap_fault *fault, ww_diag *diag);
ww_bootstrap *ww_dataflow_queue(ww_dataflow *flow);

/* The components that a target's bootstrap will lock, ascending, so that a driver can acquire them
 * beforehand. E_NOT_FOUND. */
WW_MUST_USE ww_status ww_module_touch_set(const ww_dataflow *flow, ww_view target,
                                          const uint32_t **components, uint32_t *count);

/* Writes one input of a module in an execution of its own. `module` is its full name, or its name
 * without the hash. */
WW_MUST_USE ww_status ww_dataflow_event(ww_dataflow *flow, ww_view module, ww_view input,
                                        ww_view bytes, ww_diag *diag);
/* Writes any of a module's inputs in one execution, and starts its operations that have none. */
WW_MUST_USE ww_status ww_dataflow_invoke(ww_dataflow *flow, ww_view module,
                                         const ww_bootstrap_input *inputs, size_t count,
                                         uint64_t *exec_id, ww_diag *diag);
/* Answers a call that said WW_AGAIN. Takes the values, whatever it returns. E_NOT_FOUND when nobody
 * waits any more. */
WW_MUST_USE ww_status ww_dataflow_complete(ww_dataflow *flow, uint64_t command,
                                           const ww_flow_value *outputs, size_t count);
WW_MUST_USE ww_status ww_dataflow_fail(ww_dataflow *flow, uint64_t command, ww_view detail);
/* An encoded envelope from a peer. `observed` is the address it came from, or empty. */
WW_MUST_USE ww_status ww_dataflow_inbound(ww_dataflow *flow, ww_view peer, ww_view envelope,
                                          ww_view observed, ww_diag *diag);
/* The host could not deliver, or did deliver, what a SEND step asked for. */
void ww_dataflow_send_failed(ww_dataflow *flow, uint64_t wire_req_id, ww_view peer);
void ww_dataflow_sent(ww_dataflow *flow, ww_view peer);
/* Fires the operations enrolled for a phase of the host's life, such as "start" or "stop". */
WW_MUST_USE ww_status ww_dataflow_lifecycle(ww_dataflow *flow, ww_view phase);
/* Fires the event sources enrolled for a kind. */
WW_MUST_USE ww_status ww_dataflow_publish(ww_dataflow *flow, ww_view kind);

/*  kind of an operation's failure */
#define WW_FLOW_OP_ERROR_LIST(X)                                                                   \
    X(TYPE_MISMATCH, "TypeMismatch")                                                               \
    X(MISSING_SLOT, "MissingSlot")                                                                 \
    X(NOT_REGISTERED, "NotRegistered")                                                             \
    X(EXECUTION_FAILED, "ExecutionFailed")                                                         \
    X(REMOTE_FAILED, "RemoteFailed")                                                               \
    X(TIMEOUT, "Timeout") X(BAD_INPUT, "BadInput") X(COOLDOWN, "Cooldown") X(OTHER, "Other")

typedef enum ww_flow_error_kind {
#define WW_FLOW_OP_ERROR_ENUM(name, text) WW_FLOW_OP_##name,
    WW_FLOW_OP_ERROR_LIST(WW_FLOW_OP_ERROR_ENUM)
#undef WW_FLOW_OP_ERROR_ENUM
} ww_flow_error_kind;

const char *ww_flow_error_name(ww_flow_error_kind kind);

typedef enum ww_flow_step_kind {
    WW_FLOW_STEP_OP_COMPLETED,         /* op */
    WW_FLOW_STEP_ASYNC_SUSPENDED,      /* op */
    WW_FLOW_STEP_OP_FAILED,            /* op */
    WW_FLOW_STEP_APP_EVENT,            /* event */
    WW_FLOW_STEP_LIFECYCLE_FIRED,      /* event.topic */
    WW_FLOW_STEP_SEND,                 /* wire: bytes are for peer */
    WW_FLOW_STEP_OUTBOUND_DROPPED,     /* count */
    WW_FLOW_STEP_BUDGET_EXCEEDED,      /* count: operations run in this poll; poll again */
    WW_FLOW_STEP_BOOTSTRAP,            /* bootstrap; only of the engine's own queue */
    WW_FLOW_STEP_WAITING_ON_BOOTSTRAP, /* once per poll while work of the queue is left */
    WW_FLOW_STEP_WIRE_DECODE_FAILED,   /* wire */
    WW_FLOW_STEP_WIRE_RECEIVE_FAILED,  /* wire */
    WW_FLOW_STEP_WIRE_TIMEOUT,         /* wire.id */
    WW_FLOW_STEP_PEER_BLOCKED,         /* wire.peer */
    WW_FLOW_STEP_PEER_DOWN,            /* wire.peer */
    WW_FLOW_STEP_PEER_UP,              /* wire.peer */
} ww_flow_step_kind;

typedef struct ww_flow_step {
    ww_flow_step_kind kind;
    union {
        struct {
            uint64_t op_ref, exec_id;
            uint64_t command;      /* suspended */
            const uint64_t *sites; /* completed: what was written */
            uint32_t site_count;
            ww_flow_error_kind error; /* failed */
            const char *reason;
            ww_view detail;
        } op;
        struct {
            ww_view module; /* the function that ran: a module's body or bootstrap */
            ww_view topic, bytes;
            bool is_echo; /* an input that was taken, under its name; no event of the module */
        } event;
        struct {
            ww_view peer, bytes, detail;
            uint64_t id, type_hash;
            uint32_t fill;
        } wire;
        ww_bootstrap_event bootstrap;
        uint64_t count;
    };
} ww_flow_step;

enum { WW_DATAFLOW_STEPS_MIN = 8 };

/* Runs what can run and writes what happened to `steps`, at least WW_DATAFLOW_STEPS_MIN of them.
 * WW_AGAIN: the buffer was full, call again. WW_OK: nothing more before the next input or
 * ww_dataflow_next_time, save after a BUDGET_EXCEEDED step. E_MEMORY: call again later; nothing is
 * lost. */
WW_MUST_USE ww_status ww_dataflow_poll(ww_dataflow *flow, uint64_t now_ns, ww_flow_step *steps,
                                       size_t capacity, size_t *count);
uint64_t ww_dataflow_next_time(const ww_dataflow *flow); /* UINT64_MAX: never */

/* --- snapshots -------------------------------------------------------------------------------- */

/* Appends all that the engine knows: artifacts, states of components, counters, queues, peers, and
 * the executions under way, save those of bootstraps, which begin anew when they are asked for
 * again. Equal engines give equal bytes. They hold secrets (the seeds). E_BUSY: something came in
 * that no poll has taken yet, or the last poll was not finished. What cannot be undone, such as
 * bytes appended before an E_MEMORY, E_LIMIT or a component's error, is left in `out`. */
WW_MUST_USE ww_status ww_dataflow_snapshot(ww_dataflow *flow, ww_buf *out, ww_diag *diag);

/* An engine that goes on where the other stood, with the clock at `now_ns`; the seed of the
 * configuration is not used. Nothing is brought up by that: targets that were up count as done,
 * others wait for ww_dataflow_bootstrap. The bytes are checked like everything foreign; E_INVALID
 * names the place. */
WW_MUST_USE ww_status ww_dataflow_restore(const ww_dataflow_config *config, ww_view snapshot,
                                          uint64_t now_ns, ww_dataflow **out, ww_diag *diag);

/* --- watching --------------------------------------------------------------------------------- */

typedef struct ww_dataflow_stats {
    uint32_t frontier, parked, pending_async, executions, inbox, held, outbound, timers, graphs,
        components;
    uint64_t ingress_bytes, frame_bytes, next_exec_id;
    uint64_t incarnation; /* how often the engine has been restored */
} ww_dataflow_stats;

ww_dataflow_stats ww_dataflow_stats_of(const ww_dataflow *flow);

typedef struct ww_dataflow_component {
    ww_view slot, type;
    ww_flow_role role;
    uint32_t lock; /* its number in the queue */
    bool has_bootstrap;
} ww_dataflow_component;

/* False beyond the last. */
bool ww_dataflow_component_at(const ww_dataflow *flow, uint32_t component,
                              ww_dataflow_component *out);

typedef struct ww_dataflow_module {
    ww_view name;       /* with its hash */
    uint32_t nodes;     /* operations of its body */
    uint32_t bootstrap; /* its target in the queue, or WW_BOOTSTRAP_NONE */
} ww_dataflow_module;

/* Those that an install named, in that order. False beyond the last. */
bool ww_dataflow_module_at(const ww_dataflow *flow, uint32_t module, ww_dataflow_module *out);

/* The value at a site of an execution that has not been forgotten, or NULL. */
const ww_flow_value *ww_dataflow_slot_at(const ww_dataflow *flow, uint64_t site, uint64_t exec_id);
bool ww_dataflow_metric(const ww_dataflow *flow, ww_view name, int64_t *out);

typedef struct ww_dataflow_peer {
    ww_view id;
    bool blocked;
    bool suspect,
        down; /* silent for longer than its habit allows; or its sends failed five times in a row */
    double phi; /* 5: suspect, 8: down; 0 before its habit is known */
    uint32_t failures;
    uint64_t backoff_ns; /* how long it is to be left alone */
    uint64_t rtt_ns, rtt_deviation_ns, rtt_samples;
    ww_view addresses; /* wire form of an ADDRESS_VEC, or empty; until it is heard or added again */
} ww_dataflow_peer;

/* False beyond the last. */
bool ww_dataflow_peer_at(const ww_dataflow *flow, uint32_t peer, ww_dataflow_peer *out);

WW_MUST_USE ww_status ww_dataflow_add_peer(ww_dataflow *flow, ww_view peer, ww_view address);
WW_MUST_USE ww_status ww_dataflow_block_peer(ww_dataflow *flow, ww_view peer, bool blocked);
/* Blocks everybody else; an empty list lifts that. */
WW_MUST_USE ww_status ww_dataflow_set_allowlist(ww_dataflow *flow, const ww_view *peers,
                                                size_t count);
/* Binary multiaddresses of this node, told in every envelope; they replace those before and are not
 * in snapshots. E_LIMIT above limits.addresses_max or address_bytes_max, E_INVALID. */
WW_MUST_USE ww_status ww_dataflow_set_addresses(ww_dataflow *flow, const ww_view *addresses,
                                                size_t count);
