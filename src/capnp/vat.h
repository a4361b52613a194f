/* capnp/vat.h - what the parts of the RPC core share. Private to src/capnp.
 *
 * Invariants
 * V1  A queue entry (capnp_item) is in at most one list, and knows which.
 * V2  Calls that wait for a promise leave it in the order they came. While its queue is not empty, everything new goes to
 *     its end, whatever the promise's state.
 * V3  Nothing here recurses along chains that a peer or an application can make long: promises to flush, calls to
 *     settle and capabilities to destroy go through work lists of the vat, emptied by capnp_vat_work before a public
 *     function returns.
 * V4  Application code (handlers, callbacks, destroy functions) runs from ww_capnp_vat_run, destroy functions also from
 *     the unref that ends a server; never while a table entry is half changed.
 */
#pragma once
#include "capnp/arena.h"
#include "capnp/boundary.h"
#include "capnp/call.h"
#include "capnp/conn.h"

enum {
    PARCEL_SCRATCH_WORDS = 120,
    PARCEL_TABLE_SIZE = 4 + 4 * WW_CAPNP_BUILD_SEGMENTS_MAX + 4,
    LETTER_SEGMENTS = 2,
    LETTER_CAPS = 2,
    CHUNK_SIZE = 8 * 1024 - 64,
    PIPES_MAX = 256 /* places of one answer that are spoken of before it is there */
};

/* ---- lists ---- */

typedef struct capnp_item {
    struct capnp_item *prev, *next;
    struct capnp_list *list;
    bool is_token; /* a capnp_token; otherwise a call */
} capnp_item;

typedef struct capnp_list {
    capnp_item *first, *last;
} capnp_list;

void capnp_list_push(capnp_list *list, capnp_item *item);
void capnp_list_push_front(capnp_list *list, capnp_item *item);
void capnp_list_remove(capnp_item *item); /* not in a list: nothing */
capnp_item *capnp_list_pop(capnp_list *list);

/* ---- messages ---- */

/* A message being built or written. scratch[0] is where the segment table of a one-segment message goes, so that it
 * leaves in one piece. */
typedef struct capnp_parcel {
    struct capnp_parcel *next;
    capnp_arena *arena;
    uint32_t refs;
    uint32_t table_size; /* 0: not framed yet */
    uint8_t fd_count;
    int fds[WW_CAPNP_FDS_MAX]; /* of capabilities in it, which live as long */
    ww_capnp_builder builder;
    uint8_t table[PARCEL_TABLE_SIZE];
    uint64_t scratch[1 + PARCEL_SCRATCH_WORDS];
} capnp_parcel;

/* Received bytes; messages are read in place. */
typedef struct capnp_chunk {
    capnp_arena *arena;
    uint32_t refs;
    size_t capacity, used; /* used: by arrived bytes */
    _Alignas(8) uint8_t bytes[];
} capnp_chunk;

/* A received message that somebody keeps. */
typedef struct capnp_letter {
    capnp_arena *arena;
    capnp_chunk *chunk;
    ww_capnp_message message;
    ww_capnp_segment *segments;
    ww_capnp_cap_entry *caps;
    ww_capnp_segment few_segments[LETTER_SEGMENTS];
    ww_capnp_cap_entry few_caps[LETTER_CAPS];
    uint64_t words;
} capnp_letter;

/* Numbers of exports that a message added a reference to. */
typedef struct capnp_ids {
    uint32_t count, capacity;
    uint32_t few[2];
    uint32_t *more;
} capnp_ids;

/* ---- calls ---- */

typedef struct capnp_promise capnp_promise;

enum capnp_call_state {
    CALL_NEW,     /* being built */
    CALL_QUEUED,  /* waits for a promise, a busy server, or its turn */
    CALL_RUNNING, /* with a handler */
    CALL_REMOTE,  /* with a peer */
    CALL_TAIL,    /* waits for `inner` */
    CALL_SEVERED, /* with a handler, but failed already for all who wait */
    CALL_DONE
};

/* One boundary that a call went through; see boundary.c. */
typedef struct capnp_crossing {
    ww_capnp_crossing_link link; /* in the boundary's ring until it is severed */
    ww_capnp_boundary *boundary;
    ww_capnp_call *call;
    struct capnp_crossing *outer; /* went through before */
    bool is_outward, is_severed;
} capnp_crossing;

struct ww_capnp_call {
    capnp_item item; /* of a promise's or server's queue, or of vat->ready */
    ww_capnp_vat *vat;
    capnp_arena *arena;
    uint32_t
        refs; /* of those who want the outcome: the application, `done`, pipelines, an answer, an outer call */
    uint8_t state;
    bool in_progress; /* keeps it in memory without wanting the outcome */
    bool is_settling; /* in vat->to_settle */
    bool is_canceled, cancel_is_due, done_is_due, is_exclusive, is_redirect, is_taken,
        deliver_anyway, has_failed;
    bool
        no_pipeline; /* the peer was told, or is to be told, that nothing comes through its answer */
    bool is_unanswered; /* its caller wants nothing but pipelines: no Return is sent */
    uint8_t exception;
    uint16_t method;
    uint64_t interface_id, words;
    ww_capnp_cap *target;
    ww_capnp_cap *stream;       /* whose window it is counted in */
    ww_capnp_call *stream_next; /* waiting for the window */
    capnp_parcel *request;
    capnp_letter *letter;
    ww_capnp_any params;
    capnp_parcel *reply;
    capnp_letter *reply_letter;
    ww_capnp_any response;
    const char *reason;
    bool owns_reason;
    ww_capnp_done *done, *on_cancel;
    ww_capnp_call *inner, *follower, *settle_next;
    ww_capnp_conn *conn; /* CALL_REMOTE, and afterwards while the question lives */
    uint32_t question;
    uint32_t answer;
    bool is_finished; /* a Finish came for the answer */
    capnp_ids result_exports;
    ww_capnp_conn *answer_conn; /* it came from there; NULL once nobody there waits */
    uint64_t held_words;        /* counted in answer_conn */
    capnp_promise *pipes;
    uint32_t pipe_count;
    struct capnp_early *early;
    bool has_simply_crossed;   /* one boundary, inwards, whatever comes back */
    capnp_crossing *crossings; /* innermost first */
    capnp_crossing crossing;   /* place for the first */
};

/* Who waits was told, or is being told. */
static inline bool capnp_call_is_over(const ww_capnp_call *call)
{
    return call->state >= CALL_SEVERED;
}

/* A capability that a server named before its results. */
typedef struct capnp_early {
    struct capnp_early *next;
    ww_capnp_cap *cap;
    uint16_t depth;
    uint16_t path[WW_CAPNP_PATH_MAX];
} capnp_early;

/* ---- capabilities ---- */

/* What a server gets with its first streaming call: its class is then CAPNP_STREAM_SERVER. */
typedef struct capnp_busy {
    ww_capnp_server *server;
    capnp_list waiting;
    bool is_busy;
} capnp_busy;

typedef struct capnp_server_cap {
    ww_capnp_cap base;
    union {
        ww_capnp_server *server;
        capnp_busy *busy;
    };
} capnp_server_cap;

typedef struct capnp_broken_cap {
    ww_capnp_cap base;
    ww_capnp_exception type;
    char *reason; /* NULL for the static texts */
    capnp_arena *arena;
} capnp_broken_cap;

/* An exported promise: who is to be told. */
typedef struct capnp_watch {
    struct capnp_watch *next;
    ww_capnp_conn *conn;
    uint32_t export_id;
} capnp_watch;

/* A Disembargo that waits its turn among the calls of a promise's queue. */
typedef struct capnp_token {
    capnp_item item;
    ww_capnp_conn *conn;
    uint32_t embargo;
} capnp_token;

/* Of the streaming calls through one reference. */
typedef struct capnp_window {
    uint64_t size;               /* in flight */
    ww_capnp_call *first, *last; /* not told yet that more may be sent */
    bool is_poisoned;            /* one failed */
} capnp_window;

enum capnp_promise_kind { PROMISE_PLAIN, PROMISE_PIPE, PROMISE_IMPORT };
enum capnp_promise_state { PROMISE_PENDING, PROMISE_EMBARGOED, PROMISE_RESOLVED };

struct capnp_promise {
    ww_capnp_cap base;
    capnp_arena *arena;
    uint8_t kind, state;
    bool used;       /* something was sent through it, so that a shortcut could overtake */
    bool told;       /* a peer may send messages to this place of an answer: its Finish waits */
    bool is_settled; /* an import that is no promise */
    bool is_listed;  /* in vat->to_flush */
    bool is_pinned;  /* an import that an export of its connection stands for */
    ww_capnp_cap *target;
    capnp_list queue;
    capnp_list
        tokens; /* that wait only for the resolution: all before them is on its way to another vat */
    uint64_t queued_words;
    capnp_watch *watches;
    capnp_promise *flush_next;
    ww_capnp_conn *conn; /* of an import; NULL after the connection's end */
    uint32_t id, remote_refs;
    ww_capnp_call *call; /* of a pipe */
    capnp_promise *next_pipe;
    uint16_t depth;
    uint16_t path[WW_CAPNP_PATH_MAX];
    capnp_window window;
};

extern const ww_capnp_cap_class CAPNP_SERVER, CAPNP_STREAM_SERVER, CAPNP_BROKEN, CAPNP_PROMISE,
    CAPNP_GUARD;

/* NULL when it is no server. */
ww_capnp_server *capnp_server_of(const ww_capnp_cap *cap);

static inline capnp_promise *capnp_as_promise(ww_capnp_cap *cap)
{
    return cap && cap->class == &CAPNP_PROMISE ? (capnp_promise *)cap : NULL;
}

/* Forgets, or closes, the descriptor that goes with a capability which goes. */
void capnp_detach_fd(ww_capnp_cap *cap);

/* ---- the vat ---- */

struct ww_capnp_vat {
    const ww_allocator *allocator;
    const struct capnp_guards *guards; /* once there was a boundary */
    ww_capnp_limits limits;
    capnp_list ready; /* calls to be delivered or completed */
    ww_capnp_wake *wake;
    capnp_promise *to_flush;
    ww_capnp_call *to_settle_first, *to_settle_last;
    ww_capnp_cap *dead; /* linked through export_conn's place */
    bool is_working, is_reaping;
    ww_capnp_fds *fds;
    struct capnp_attached *attached;
    uint32_t attached_count;
    capnp_broken_cap
        null_cap;       /* what a null capability answers, and what is at hand without memory */
    capnp_arena *arena; /* of what the application makes */
};

/* ---- what arenas hold (arena.c): NULL when it would be too much, or memory is short ---- */

capnp_parcel *capnp_parcel_new(capnp_arena *arena); /* one reference, as of each of these */
void capnp_parcel_unref(capnp_parcel *parcel);      /* accepts NULL */
/* The application's parcel goes to the arena of the connection that it leaves by. False: it would be too much. */
bool capnp_parcel_move(capnp_parcel *parcel, capnp_arena *to);
capnp_chunk *capnp_chunk_new(capnp_arena *arena, size_t size); /* size: SIZE_MAX / 2 at most */
/* One that is large, to be larger; nobody else reads it. */
capnp_chunk *capnp_chunk_grow(capnp_chunk *chunk, size_t size);
void capnp_chunk_unref(capnp_chunk *chunk); /* accepts NULL */
capnp_letter *capnp_letter_new(capnp_arena *arena);
void capnp_letter_free(capnp_letter *letter); /* drops its capabilities; accepts NULL */
capnp_promise *capnp_promise_alloc(capnp_arena *arena, enum capnp_promise_kind kind);
void capnp_promise_recycle(capnp_promise *promise);
ww_capnp_call *capnp_call_alloc(capnp_arena *arena);
void capnp_call_recycle(ww_capnp_call *call);

/* ---- the vat's work ---- */

/* To the end of vat->ready. */
void capnp_vat_ready(ww_capnp_vat *vat, capnp_item *item);
void capnp_vat_wake(ww_capnp_vat *vat);
/* Empties the work lists; nothing when that is going on already. */
void capnp_vat_work(ww_capnp_vat *vat);
void capnp_vat_flush_later(capnp_promise *promise);
void capnp_vat_settle_later(ww_capnp_call *call);

/* ---- calls (call.c, answer.c) ---- */

/* Sends a call to where `cap` leads. `origin` is the connection that it came from, or NULL: a message that came from
 * there goes exactly where that peer was told, even if we know a shorter way. */
void capnp_deliver(ww_capnp_cap *cap, ww_capnp_call *call, const ww_capnp_conn *origin);
void capnp_deliver_token(ww_capnp_cap *cap, capnp_token *token);

/* The call has its outcome (response or failure): resolves its pipelines, answers whoever waits. */
void capnp_call_settle(ww_capnp_call *call);
void capnp_call_set_failure(ww_capnp_call *call, ww_capnp_exception type, const char *reason);
void capnp_call_set_refusal(ww_capnp_call *call, const ww_capnp_refusal *refusal); /* no copy */
void capnp_call_fail_now(ww_capnp_call *call, ww_capnp_exception type, const char *reason);
void capnp_call_unref(ww_capnp_call *call);
void capnp_call_cancel(ww_capnp_call *call); /* whoever still holds it */
void capnp_dispatch(ww_capnp_call *call);    /* to the handler of its server, or to its queue */
void capnp_server_idle(ww_capnp_call *call); /* an exclusive call ended */
void capnp_call_run(ww_capnp_call *call);    /* its turn in vat->ready came */
/* `outer` is answered with what `inner` is answered; takes a reference of inner. */
void capnp_call_follow(ww_capnp_call *outer, ww_capnp_call *inner);
void capnp_call_remind(
    ww_capnp_call *call); /* it left a queue: what was due meanwhile gets its turn */
void capnp_call_done_later(ww_capnp_call *call); /* `done` gets its turn, once */
/* From here on it will be told its outcome. Fails with what ww_capnp_call_send says. */
WW_MUST_USE ww_status capnp_call_start(ww_capnp_call *call, ww_capnp_done *done);
void capnp_window_leave(ww_capnp_call *call); /* a streaming call has its outcome */
/* An earlier streaming call failed; but a revocation still says so itself. */
void capnp_window_fail(ww_capnp_call *call);
void capnp_call_release_request(ww_capnp_call *call);
/* The results in a parcel of its own: what the handler built, or a copy of what another call was answered. NULL when
 * memory is short. */
capnp_parcel *capnp_call_reply(ww_capnp_call *call);
void capnp_call_drop_results(ww_capnp_call *call);
/* Fails it for all who wait, whoever works on it still. */
void capnp_call_sever(ww_capnp_call *call, const ww_capnp_refusal *why);
/* The results of a call as they were sent or received. */
ww_capnp_cap_entry capnp_call_entry_at(ww_capnp_call *call, const uint16_t *path, uint16_t depth);
ww_capnp_any_b capnp_parcel_begin_call(capnp_parcel *parcel);   /* the params' place */
ww_capnp_any_b capnp_parcel_begin_return(capnp_parcel *parcel); /* the results' place */

/* ---- boundaries (crossing.h, boundary.c) ---- */

/* What boundary.c does, reached through the vat: who makes no boundary, as guests, carries none of it. */
typedef struct capnp_guards {
    /* Where a call goes on to; NULL: it was refused. */
    ww_capnp_cap *(*enter)(const struct capnp_guard *guard, ww_capnp_call *call);
    /* True: it would refuse the call, which has failed. */
    bool (*refuses)(const struct capnp_guard *guard, ww_capnp_call *call);
    /* Takes the call through all that `before` went through. False: it was refused. */
    bool (*cross_as)(ww_capnp_call *call, const ww_capnp_call *before);
    /* A capability of the results to come, as the caller will see it; owned, NULL if it will not. */
    ww_capnp_cap *(*wrap_early)(const ww_capnp_call *call, ww_capnp_cap *cap);
    void (*leave)(ww_capnp_call *call);
    void (*destroy)(ww_capnp_cap *guard);
} capnp_guards;

/* ---- promises (promise.c) ---- */

/* The pipe of a call at a path; a new reference, NULL when there is none. */
ww_capnp_cap *capnp_pipe_known(ww_capnp_call *call, const uint16_t *path, uint16_t depth);
/* A new one if there is none; NULL when memory is short. */
ww_capnp_cap *capnp_pipe(ww_capnp_call *call, const uint16_t *path, uint16_t depth);
/* A pending promise now stands for `entry`, borrowed. */
void capnp_promise_settle(capnp_promise *promise, ww_capnp_cap_entry entry);
void capnp_promise_settle_broken(capnp_promise *promise, ww_capnp_exception type,
                                 const char *reason);
void capnp_promise_lift_embargo(capnp_promise *promise);
void capnp_promise_flush(capnp_promise *promise);
void capnp_promise_destroy(capnp_promise *promise);
/* Where a capability leads now; see capnp_deliver about `origin`. */
ww_capnp_cap *capnp_follow(ww_capnp_cap *cap, const ww_capnp_conn *origin);
/* Whether the promise has an address on the connection: an import, or a place in an answer that is not finished. */
bool capnp_promise_is_on(const capnp_promise *promise, const ww_capnp_conn *conn);

ww_capnp_cap *capnp_broken(capnp_arena *arena, ww_capnp_exception type,
                           const char *reason); /* never NULL */
void capnp_reap(
    ww_capnp_cap *cap); /* the destroy of every class: one after the other, never nested */

/* ---- connections, as promises and calls see them (conn*.c) ---- */

void capnp_conn_send_call(ww_capnp_conn *conn, ww_capnp_call *call, capnp_promise *target);
void capnp_conn_send_return(ww_capnp_conn *conn, ww_capnp_call *call);
void capnp_conn_cancel(ww_capnp_conn *conn,
                       ww_capnp_call *call); /* of a remote call that nobody wants */
void capnp_conn_pipes_gone(ww_capnp_conn *conn, ww_capnp_call *call);
void capnp_conn_import_gone(ww_capnp_conn *conn, capnp_promise *import);
/* An import came to nothing: exports that stand for it need not lead to the peer any more, which would keep both ends'
 * entries for ever. */
void capnp_conn_unpin(ww_capnp_conn *conn, capnp_promise *import);
/* False when the table is full or memory is short. */
bool capnp_conn_send_embargo(ww_capnp_conn *conn, capnp_promise *promise);
/* What the call keeps in memory on account of answer_conn's peer, or nothing. False: that would be too much. */
bool capnp_conn_hold(ww_capnp_call *call, uint64_t words);
void capnp_conn_unhold(ww_capnp_call *call);
void capnp_conn_token_done(capnp_token *token);
void capnp_conn_send_loopback(ww_capnp_conn *conn, uint32_t embargo, capnp_promise *target);
void capnp_conn_resolved(ww_capnp_conn *conn, uint32_t export_id, capnp_promise *promise);
void capnp_conn_abort(ww_capnp_conn *conn, const char *reason);
bool capnp_conn_question_lives(const ww_capnp_conn *conn, const ww_capnp_call *call);
const ww_allocator *capnp_conn_allocator(const ww_capnp_conn *conn);
void capnp_conn_ref(ww_capnp_conn *conn);
void capnp_conn_unref(ww_capnp_conn *conn);
