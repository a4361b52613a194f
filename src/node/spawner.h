/* node/spawner.h - cells made by other cells and by clients: what rpc/spawner.h asks for.
 *
 * Model      A process is a cell with three pipes in memory and a link. A spawn is answered when the
 *            cell has had its first turn, so that what fails in instantiating it is a failed spawn. A
 *            process has ended once its cell has; its pipes then still hold what the guest wrote. Its
 *            exit code is the guest's own, 134 after a trap, 124 when its time or its budget was used
 *            up, or what it was killed with.
 * Ownership  The spawner borrows what its options name, and owns the cells that live. Processes may
 *            outlive it, without a cell.
 * Bounds     Those of node/programs.h and of the account that pays for a cell; WW_SPAWN_BYTES_MAX of
 *            arguments and variables together. A pipe: resource/pipe.h.
 *            What the log says of those that end badly: node/endings.h.
 * Errors     One line each, without a path or an address of the host.
 * Threads    The loop's.
 * Trust      Components, arguments and variables are hostile; the latter are passed on as they are.
 */
#pragma once
#include "node/endings.h"
#include "node/programs.h"
#include "node/roster.h"

enum { WW_SPAWN_BYTES_MAX = 1 << 20 };

typedef struct ww_node_spawner_options {
    const ww_allocator *allocator;
    const ww_log *log; /* NULL: quiet */
    ww_loop *loop;
    ww_ticker *ticker;
    ww_random *random;
    ww_audit_ring *audit;
    ww_rpc_vat *rpc;
    ww_roster *roster;
    const ww_authority *authority;
    ww_program_maker maker;
    uint64_t memory_bytes_max; /* of one linear memory */
    uint64_t capabilities;     /* a set of 1 << ww_capability */
} ww_node_spawner_options;

typedef struct ww_node_spawner {
    ww_spawner base;
    ww_node_spawner_options options;
    ww_programs programs;
    struct ww_child *children; /* whose cells live */
    ww_endings endings;
    ww_timer summary; /* of the endings */
} ww_node_spawner;

void ww_node_spawner_init(ww_node_spawner *spawner, const ww_node_spawner_options *options);
/* Ends the cells that are left, at once. From outside of any cell's turn. */
void ww_node_spawner_close(ww_node_spawner *spawner); /* also fit for a zeroed one */
