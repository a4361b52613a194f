/* test/support/capnp_link.h - two vats with a connection between them in memory, and objects that stretch it.
 *
 * Model      link_pump moves bytes and takes turns until nothing moves any more; each direction can be blocked. Each
 *            message is counted by kind on its way.
 */
#pragma once
#include "capnp/rpc.capnp.h"
#include "support/check.h"
#include "support/interop.capnp.h"

enum { LINK_KINDS = 16 };

typedef struct link_end {
    ww_capnp_vat *vat;
    ww_capnp_conn *conn;
    ww_capnp_framer framer;    /* of what this end sends, to count it */
    uint32_t sent[LINK_KINDS]; /* by Message's tag */
    bool is_blocked;           /* nothing leaves this end */
    char over[512];            /* why the connection was ended, as seen here */
} link_end;

typedef struct two_vats {
    test_allocator allocator;
    link_end a, b;
} two_vats;

/* Connects two vats; each offers what is given (borrowed, may be NULL). */
void link_init(two_vats *l, const ww_capnp_limits *limits);
void link_connect(two_vats *l, ww_capnp_cap *of_a, ww_capnp_cap *of_b);
void link_pump(two_vats *l);
/* Frees connections and vats; all memory must have come back. */
void link_deinit(two_vats *l);
uint32_t link_sent(const link_end *end);
#define assert_idle(l)                                                                             \
    do {                                                                                           \
        ww_capnp_conn_counts a_ = ww_capnp_conn_count((l)->a.conn),                                \
                             b_ = ww_capnp_conn_count((l)->b.conn);                                \
        assert_int_equal(a_.questions + a_.answers + a_.exports + a_.imports + a_.embargoes, 0);   \
        assert_int_equal(b_.questions + b_.answers + b_.exports + b_.imports + b_.embargoes, 0);   \
    } while (0)

/* An object that speaks Factory. */
typedef struct factory {
    ww_capnp_server server;
    ww_capnp_vat *vat;
    uint32_t count; /* of order calls */
    uint32_t calls;
    ww_capnp_cap *held, *promise;
    ww_capnp_call *never, *later, *stream;
    uint32_t canceled;
    ww_capnp_done on_cancel;
    uint32_t *live; /* counts objects */
    bool is_stalled, fails_next;
    uint64_t bytes;
    uint32_t *
        last_of; /* by reference: the last number that came through it; see ping, and NULL for no check */
    struct factory **family; /* where all that came of one are listed, or NULL */
    struct factory *next, **link;
} factory;

/* A new object, freed with its last reference; *live (may be NULL) counts it. */
factory *factory_new(ww_capnp_vat *vat, uint32_t *live, ww_capnp_cap **cap);
/* Lists it, and all that will be made of it. `last_of` (may be NULL) is shared by all: a ping of
 * reference << 32 | number then checks that numbers rise for each reference. */
void factory_found(factory *f, factory **family, uint32_t *last_of);
/* Takes from each what it holds: objects that were given to each other would keep each other. */
void factory_part(factory **family);
factory *factory_of(ww_capnp_cap *cap); /* NULL when it is not one of this vat */

/* A call's outcome, kept. */
typedef struct waiter {
    ww_capnp_done done;
    uint32_t count; /* how often it was told */
    bool failed;
    ww_capnp_exception type;
    char reason[WW_CAPNP_REASON_MAX];
    uint64_t n; /* the first 64 bits of the results */
} waiter;

void waiter_init(waiter *w);

/* Calls, sent at once; the returned call is the caller's to drop. */
ww_capnp_call *call_ping(ww_capnp_cap *cap, uint64_t n, waiter *w);
ww_capnp_call *call_order(ww_capnp_cap *cap, uint32_t expected, waiter *w);
ww_capnp_call *call_swap(ww_capnp_cap *cap, ww_capnp_cap *with, waiter *w);
ww_capnp_call *call_make(ww_capnp_cap *cap, waiter *w);
ww_capnp_call *call_hold(ww_capnp_cap *cap, ww_capnp_cap *what, waiter *w);
ww_capnp_call *call_held(ww_capnp_cap *cap, waiter *w);
ww_capnp_call *call_call_held(ww_capnp_cap *cap, uint32_t expected, waiter *w);
ww_capnp_call *call_promise(ww_capnp_cap *cap, waiter *w);
ww_capnp_call *call_settle(ww_capnp_cap *cap, uint16_t kind, ww_capnp_cap *with, waiter *w);
ww_capnp_call *call_never(ww_capnp_cap *cap, ww_capnp_cap *with, waiter *w);
ww_capnp_call *call_later(ww_capnp_cap *cap, waiter *w);
ww_capnp_call *call_early(ww_capnp_cap *cap, waiter *w);
ww_capnp_call *call_tail(ww_capnp_cap *cap, ww_capnp_cap *target, uint32_t expected, waiter *w);
ww_capnp_call *call_fail(ww_capnp_cap *cap, uint16_t type, const char *text, waiter *w);
ww_capnp_cap *
result_cap(ww_capnp_call *call); /* the capability at field 0 of the results, pipelined; owned */
#define assert_result(w, expected)                                                                 \
    do {                                                                                           \
        assert_int_equal((w).count, 1);                                                            \
        assert_string_equal((w).reason, "");                                                       \
        assert_int_equal((w).n, (expected));                                                       \
    } while (0)
#define assert_failed(w, expected)                                                                 \
    do {                                                                                           \
        assert_int_equal((w).count, 1);                                                            \
        assert_true((w).failed);                                                                   \
        assert_int_equal((w).type, (expected));                                                    \
    } while (0)
