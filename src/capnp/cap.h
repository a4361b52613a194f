/* capnp/cap.h - vats, and the capabilities in them.
 *
 * Model      A vat is the home of objects and references within one thread. A capability is a counted reference to a
 *            server (an object of the application), to something behind a connection, to a promise, or to nothing but
 *            an error. A call made through one reference arrives after all earlier calls through it, whatever the
 *            reference turns out to be. Nothing runs inside the call that caused it: servers and callbacks run from
 *            ww_capnp_vat_run.
 * Ownership  Functions that return a capability return a reference of the caller's; those that take one borrow it,
 *            unless they are called _take. An embedded ww_capnp_server is the application's memory until `destroy`.
 * Bounds     ww_capnp_limits.
 * Threads    All of a vat, its connections and its capabilities belong to one thread.
 */
#pragma once
#include "base/alloc.h"
#include "capnp/build.h"
#include "capnp/cap_ref.h"

typedef struct ww_capnp_vat ww_capnp_vat;
typedef struct ww_capnp_call ww_capnp_call;

/* The four kinds of failure, as the protocol numbers them: what the caller should do about it. */
typedef enum ww_capnp_exception {
    WW_CAPNP_FAILED,       /* report it */
    WW_CAPNP_OVERLOADED,   /* try again much later */
    WW_CAPNP_DISCONNECTED, /* start over with new capabilities */
    WW_CAPNP_UNIMPLEMENTED /* try an older method */
} ww_capnp_exception;

enum { WW_CAPNP_REASON_MAX = 512 }; /* bytes of a reason; longer ones are cut */

typedef struct ww_capnp_limits {
    uint32_t questions_max; /* per connection, like the next four */
    uint32_t answers_max;   /* of its peer's calls that are not answered, or have answers with
                               capabilities that it has not finished with; then its calls are
                               answered `overloaded` and take no place */
    uint32_t exports_max, imports_max;
    uint32_t embargoes_max;
    uint32_t path_max;          /* operations of a promised answer's path */
    uint64_t message_words_max; /* of one message, sent or received; 2^30 - 1 at most */
    uint64_t queued_words_max;  /* of the calls that wait for one promise */
    uint64_t held_words_max; /* of the calls of one connection's peer that are not answered, and of
                                   their results until it has finished with them; then its calls
                                   are answered `overloaded` */
    uint64_t output_words_max; /* in memory, not yet taken by the transport; then calls and results
                                   are refused, and at twice as much the connection is lost */
    uint32_t stream_window_size; /* bytes of streaming calls in flight */
    uint64_t memory_max; /* bytes that a connection may take in all; 0: the default. Above three
                            quarters of it calls and results are refused, above it the connection is
                            lost. See ww_capnp_conn_limit_memory */
} ww_capnp_limits;

extern const ww_capnp_limits WW_CAPNP_LIMITS_DEFAULT;

/* NULL when memory is short. `limits` is copied; NULL means the defaults. */
ww_capnp_vat *ww_capnp_vat_new(const ww_allocator *allocator, const ww_capnp_limits *limits);
/* After its connections were freed and all references given back. Runs what is still queued. */
void ww_capnp_vat_free(ww_capnp_vat *vat);

/* Runs up to `turns_max` queued deliveries; returns whether more are waiting. Not to be called from inside one. */
bool ww_capnp_vat_run(ww_capnp_vat *vat, uint32_t turns_max);

/* Embedded by whoever gives the vat its turns or moves a connection's bytes. Called from inside whatever made the work:
 * `fn` only takes a note, and calls nothing here. */
typedef struct ww_capnp_wake ww_capnp_wake;
struct ww_capnp_wake {
    void (*fn)(ww_capnp_wake *self);
};

/* `wake` (borrowed, NULL for none) is told whenever a delivery was queued. */
void ww_capnp_vat_on_work(ww_capnp_vat *vat, ww_capnp_wake *wake);

/* ---- servers ---- */

typedef struct ww_capnp_server ww_capnp_server;
typedef void ww_capnp_handler(ww_capnp_server *self, ww_capnp_call *call);

typedef struct ww_capnp_method {
    const char *name;
    bool is_streaming; /* delivered one at a time; later calls wait for it */
} ww_capnp_method;

typedef struct ww_capnp_interface {
    uint64_t id;
    size_t offset; /* of the first method's slot in the server's table */
    uint32_t method_count;
    const ww_capnp_method *methods;
} ww_capnp_interface;

/* Generated: which methods the table of a server holds. */
typedef struct ww_capnp_server_type {
    const char *name;
    const ww_capnp_interface *interfaces; /* sorted by id */
    size_t interface_count;
} ww_capnp_server_type;

/* Embedded in an object of the application. */
struct ww_capnp_server {
    const ww_capnp_server_type *type;
    const void *table; /* ww_capnp_handler * at the offsets that the type says */
    void (*destroy)(ww_capnp_server *self); /* may be NULL */
};

/* A first reference to `server`, which must be filled in; NULL when memory is short. */
ww_capnp_cap *ww_capnp_server_cap(ww_capnp_vat *vat, ww_capnp_server *server);

/* The server that a capability leads to, if it is one of this vat's and calls reach it directly; NULL while the
 * capability is a promise or earlier calls are still on their way, and for everything remote. */
ww_capnp_server *ww_capnp_cap_server(ww_capnp_cap *cap);

/* ---- file descriptors, which travel where ww_capnp_conn_carry_fds allows it ---- */

enum {
    WW_CAPNP_FDS_MAX = 16,       /* of one message */
    WW_CAPNP_ATTACHED_MAX = 1024 /* of a vat's capabilities */
};

/* Embedded by whoever owns the process's descriptors. */
typedef struct ww_capnp_fds ww_capnp_fds;
struct ww_capnp_fds {
    void (*close)(ww_capnp_fds *self, int fd); /* one that came and is not used any more */
};

void ww_capnp_vat_on_fds(ww_capnp_vat *vat, ww_capnp_fds *fds); /* borrowed */

/* Lets `fd` travel with a server's capability; borrowed until the server's `destroy`. Once per server. E_LIMIT,
 * E_MEMORY. */
WW_MUST_USE ww_status ww_capnp_server_attach_fd(ww_capnp_cap *cap, int fd);
/* What came with a capability, or what its server has; borrowed: it is closed with the capability. -1: nothing. */
int ww_capnp_cap_fd(ww_capnp_cap *cap);

/* ---- promises and errors ---- */

/* A reference that is settled later, by its maker and in any case: the calls that wait for it keep it. NULL when memory
 * is short. */
ww_capnp_cap *ww_capnp_promise_new(ww_capnp_vat *vat);
/* Settles a promise, once; `target` may be NULL (null capability) and is borrowed. A promise that would come to stand
 * for itself becomes broken. */
void ww_capnp_promise_resolve(ww_capnp_cap *promise, ww_capnp_cap *target);
void ww_capnp_promise_break(ww_capnp_cap *promise, ww_capnp_exception type, const char *reason);

/* A capability whose calls all fail. NULL when memory is short. */
ww_capnp_cap *ww_capnp_broken_new(ww_capnp_vat *vat, ww_capnp_exception type, const char *reason);
