/* rpc/operator.h - the Operator interface (capnp/operator.capnp): a node as its owner's programs
 * see it.
 *
 * Model      One server per connection. It speaks for a host, which is the node's: the host knows
 *            the cells and ends them; this file knows the protocol. A graft on the operator is
 *            passed on to the membrane of the connection's tenant, and what the operator runs is
 *            the tenant's, whatever the epoch: it ends with the connection.
 * Ownership  The server is held by its capabilities, which may outlive the connection: `released`
 *            is told when the last is gone, and until then the host is there, too. Texts in facts
 *            are borrowed for the call.
 * Errors     Failures are of type `failed`, in one line; `overloaded` where the host admits no more.
 * Threads    The loop's, which is the vat's.
 * Trust      Callers are the owner's programs, and cells that he gave the operator to; what they
 *            send is checked like everything else.
 */
#pragma once
#include "rpc/session.h"

#define WW_OPERATOR_TEXT_CROWDED                                                                   \
    "quota: too many connections hold something; this one may list and kill"

typedef struct ww_operator_cell {
    uint32_t number, parent; /* parent 0: none */
    ww_view name;
    bool is_ending;
    uint64_t age_ns, cpu_ns, memory_bytes, calls, refused;
    struct {
        uint64_t cells, cpu_ns, memory_bytes;
    } family; /* with all that it started */
} ww_operator_cell;

typedef struct ww_operator_status {
    ww_view version, node_id;
    uint32_t process_id, cells_max, operators;
    uint64_t uptime_ns;
} ww_operator_status;

typedef struct ww_session ww_session; /* rpc/session_state.h */

/* Embedded in the node's object for a connection. */
typedef struct ww_operator_host ww_operator_host;

typedef struct ww_operator_host_class {
    /* Told of each call. `holds`: it asks for what lasts, a session, a process or the bring-up; false
     * refuses that. */
    bool (*admit)(ww_operator_host *self, bool holds);
    size_t (*cell_count)(ww_operator_host *self);
    /* In the order of their numbers; `count` is what cell_count said. */
    void (*cells)(ww_operator_host *self, ww_operator_cell *out, size_t count);
    /* E_NOT_FOUND: no cell has this number. */
    ww_status (*kill)(ww_operator_host *self, uint32_t number);
    void (*status)(ww_operator_host *self, ww_operator_status *out);
    /* A new reference to a BringUp (capnp/bringup.capnp), NULL without memory; NULL itself: not
     * implemented */
    ww_capnp_cap *(*bring_up)(ww_operator_host *self);
    void (*released)(ww_operator_host *self);
} ww_operator_host_class;

struct ww_operator_host {
    const ww_operator_host_class *class;
    const ww_rpc_node *node;
    ww_account *account; /* of the connection; borrowed until it is served; NULL: a new one */
    bool is_trusted;     /* a graft needs no signer */
    /* what follows is the operator's own */
    ww_capnp_server server;
    ww_capnp_cap *cap;   /* itself, not counted */
    ww_tenant *tenant;   /* that grafts */
    ww_session *session; /* of what it started, of a tenant of its own; made when it is needed */
    bool is_over;
};

/* A first reference to the operator of `host`, whose first fields are set. NULL when memory is
 * short; `released` is then not told. */
ww_capnp_cap *ww_operator_serve(ww_operator_host *host);

/* The connection is over: so is all that it was given, and what it started. The same happens when
 * nothing refers to the operator any more. */
void ww_operator_end(ww_operator_host *host); /* also one that is not served */
