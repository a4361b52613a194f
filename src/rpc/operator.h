/* rpc/operator.h - the Operator interface (capnp/operator.capnp): a node as its owner's programs see
 * it.
 *
 * Model      One server per connection. It speaks for a host, which is the node's: the host knows the
 *            cells, starts and ends them; this file knows the protocol. A graft on the operator is
 *            passed on to the membrane of the connection's tenant.
 * Ownership  The server is held by its capabilities, which may outlive the connection: `released` is
 *            told when the last is gone, and until then the host is there, too. Texts in facts are
 *            borrowed for the call.
 * Errors     Failures are of type `failed`, in one line.
 * Threads    The loop's, which is the vat's.
 * Trust      Callers are the owner's programs, and cells that he gave the operator to; what they
 *            send is checked like everything else.
 */
#pragma once
#include "capnp/typed.h"
#include "rpc/epoch.h"
#include "ww/capnp.h"

typedef struct ww_operator_cell {
    uint32_t number, parent; /* parent 0: none */
    ww_view name;
    bool is_ending;
    uint64_t age_ns, cpu_ns, memory_bytes, calls, refused;
} ww_operator_cell;

typedef struct ww_operator_status {
    ww_view version, node_id;
    uint32_t process_id, cells_max, operators;
    uint64_t uptime_ns;
} ww_operator_status;

typedef struct ww_operator_exec ww_operator_exec;
struct ww_operator_exec {
    ww_view wasm, name; /* this and the lists: valid until done */
    ww_capnp_text_l args, env;
    bool grant_operator;
    /* Exactly once, not from inside exec. `process` (borrowed) NULL: *diag says why. */
    void (*done)(ww_operator_exec *self, ww_capnp_cap *process, const ww_diag *diag);
};

/* Embedded in the node's object for a connection. */
typedef struct ww_operator_host ww_operator_host;

typedef struct ww_operator_host_class {
    size_t (*cell_count)(ww_operator_host *self);
    /* In the order of their numbers; `count` is what cell_count said. */
    void (*cells)(ww_operator_host *self, ww_operator_cell *out, size_t count);
    /* E_NOT_FOUND: no cell has this number. */
    ww_status (*kill)(ww_operator_host *self, uint32_t number);
    void (*status)(ww_operator_host *self, ww_operator_status *out);
    void (*exec)(ww_operator_host *self, ww_operator_exec *exec); /* NULL: not implemented */
    void (*released)(ww_operator_host *self);
} ww_operator_host_class;

struct ww_operator_host {
    const ww_operator_host_class *class;
    const ww_allocator *allocator;
    ww_epoch_source *epochs;
    ww_capnp_cap *membrane; /* where grafts go; the host's own reference; NULL: nowhere */
    ww_capnp_server server; /* the operator's own */
};

/* A first reference to the operator of `host`, whose fields are set but `server`. NULL when memory is
 * short; `released` is then not told. */
ww_capnp_cap *ww_operator_serve(ww_capnp_vat *vat, ww_operator_host *host);
