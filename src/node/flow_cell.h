/* node/flow_cell.h - a cell that serves a dataflow module.
 *
 * Model      A component's instance with what every such guest finds: WASI without files and network, a
 *            principal of its own under the slot's name, a line on the roster. It is called with
 *            ww_cell_call, and lives until it is closed or ends by itself.
 * Ownership  Embedded in its owner, who closes it; what `around` points to outlives it.
 * Threads    The loop's. Not closed in its own turn.
 * Trust      Guests are hostile.
 */
#pragma once
#include "cell/cell.h"
#include "node/roster.h"

/* What every guest finds. */
typedef struct ww_flow_surroundings {
    ww_loop *loop;
    ww_ticker *ticker;
    ww_random *random;
    ww_audit_ring *audit;
    ww_roster *roster;
    ww_authority *authority;
    ww_principal *payer; /* the node; may be NULL */
    uint64_t memory_bytes_max;
} ww_flow_surroundings;

typedef struct ww_flow_cell {
    const ww_flow_surroundings *around;
    ww_cell *cell; /* NULL: closed */
    ww_principal principal;
    ww_roster_entry entry;
    ww_view slot;
    ww_cell_on_end on_end;
} ww_flow_cell;

typedef struct ww_flow_cell_options {
    ww_program *program;
    ww_view slot;          /* borrowed until it is closed */
    uint64_t timeout_ns;   /* of its life; 0: none */
    ww_cell_on_end on_end; /* may be empty; does not close it */
} ww_flow_cell_options;

WW_MUST_USE ww_status ww_flow_cell_open(ww_flow_cell *cell, const ww_flow_surroundings *around,
                                        const ww_flow_cell_options *options,
                                        const ww_allocator *allocator, ww_diag *diag);
/* The calls that are in it return now. Also fit for a zeroed one. */
void ww_flow_cell_close(ww_flow_cell *cell);

/* Why it is over: in the engine's words, else in those of the status, which is returned. */
ww_status ww_flow_cell_why(const ww_flow_cell *cell, ww_status status, ww_diag *why);
