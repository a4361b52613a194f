/* node/node.h - the composition root: one process, one loop, everything that runs on it.
 *
 * Model      A node owns the loop, the engines, the compile cache, the linker with every host
 *            interface, and the cells. It holds no policy of its own.
 * Ownership  ww_node_free ends and frees all cells first.
 * Threads    The thread that made it; see ARCHITECTURE.md for the threads that it starts and joins.
 */
#pragma once
#include "base/log.h"
#include "config/identity.h"
#include "config/run.h"

typedef struct ww_node ww_node;

typedef struct ww_node_options {
    const ww_log *log;
    const ww_allocator *allocator;
    uint32_t cells_max;          /* what the pool has room for */
    uint64_t memory_bytes_max;   /* of a cell that another one starts */
    const char *socket;          /* the operator's; WW_SOCKET_AUTO; NULL: none */
    const ww_allowed_keys *keys; /* whose signature a graft takes; copied; NULL: none */
    bool graft_needs_key;        /* on the socket */
    bool has_static_epoch;       /* nobody advances it */
} ww_node_options;

WW_MUST_USE ww_status ww_node_new(const ww_node_options *options, ww_node **out, ww_diag *diag);
void ww_node_free(ww_node *node);

typedef enum ww_run_reason {
    WW_RUN_EXITED,  /* the guest said so, or returned */
    WW_RUN_TRAPPED, /* text and trace say why */
    WW_RUN_TIMED_OUT,
    WW_RUN_USED_UP,  /* a quota; text names it */
    WW_RUN_SIGNALED, /* by the operator, SIGINT or SIGTERM */
    WW_RUN_KILLED,   /* by the operator, through the socket */
} ww_run_reason;

typedef struct ww_run_report {
    ww_run_reason reason;
    int exit_code;      /* of the process: the guest's, or 134, 124, 130, 137, 143 */
    char *text, *trace; /* of a trap; the report's own, "" if none */
    char *file;         /* the component that ran */
    uint64_t wall_ns, cpu_ns, memory_bytes, calls, refused, bytes, slices;
} ww_run_report;

void ww_run_report_deinit(ww_run_report *report);

/* Loads options->image, runs its wasi:cli/run with the operator's stdio and returns when it has
 * ended; the loop runs inside this call. A status other than WW_OK means that the guest never ran.
 */
WW_MUST_USE ww_status ww_node_run(ww_node *node, const ww_run_options *options,
                                  ww_run_report *report, ww_diag *diag);
