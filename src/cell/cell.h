/* cell/cell.h - one running guest: an instance, what its imports act on, its share of the loop.
 *
 * Model      A cell is a task of the loop. Each turn runs it for one slice at most: its call ends,
 *            it waits, or it yields at the next tick so that everything else on the loop gets its
 *            turn. What it waits for wakes it, which posts the task again; a wake without reason
 *            is harmless.
 *
 *              new -> ready -turn-> waiting -wake-> ready ... -> draining -> ended
 *
 *            CPU time and linear memory are charged to the principal and those above it after each
 *            slice. A guest whose principal has no CPU time left ends; a memory that would grow beyond what is left does
 *            not grow (memory.grow answers -1).
 *
 *            The guest is over when its call returned, when it exited or trapped, or by
 *            ww_cell_end. One that serves is not called when it starts, and lives for ww_cell_call:
 *            its calls run one after another and do not end it. The cell ends when what the guest wrote has left the node, too, and what
 *            it sent over its link was delivered.
 * Ownership  The owner frees it after `ended` was called, or at any other time outside its own
 *            turn. Freeing drops the store and every host object that the guest still held.
 * Errors     E_QUOTA begins with "quota: ".
 * Threads    The loop's.
 */
#pragma once
#include "cell/link.h"
#include "component/instance.h"
#include "os/ticker.h"
#include "resource/wasi.h"

/* What one cell may make, beside its memory. */
enum {
    WW_CELL_INSTANCES_MAX = 512,
    WW_CELL_TABLES_MAX = 512,
    WW_CELL_MEMORIES_MAX = 64,
    WW_CELL_TABLE_ELEMENTS_MAX = 1 << 20
};

typedef struct ww_cell ww_cell;

typedef struct ww_cell_on_end {
    void *self;
    void (*ended)(void *self); /* from the loop, once; may free the cell */
} ww_cell_on_end;

typedef struct ww_cell_options {
    ww_ticker *ticker;
    ww_program *program;         /* the cell keeps a reference */
    const ww_wasi_options *wasi; /* what the guest's imports act on; the cell brings the waker */
    ww_principal *principal;     /* who pays; outlives the cell */
    const ww_authority *authority;
    ww_audit_ring *audit;
    uint64_t capabilities; /* a set of 1 << ww_capability */
    uint32_t number;
    uint64_t memory_bytes_max; /* of one linear memory */
    uint64_t timeout_ns;       /* 0: none */
    uint64_t wait_ns_max;      /* of one call; 0: no bound */
    ww_rpc_vat *rpc;           /* NULL: the cell has no link */
    ww_capnp_cap *bootstrap;   /* what its link offers; borrowed, may be NULL */
    bool serves;
    ww_cell_on_end on_end;
} ww_cell_options;

/* Ready to run on the next turn. E_MISSING when the component does not export wasi:cli/run, unless it serves. */
WW_MUST_USE ww_status ww_cell_new(const ww_cell_options *options, const ww_allocator *allocator,
                                  ww_cell **out, ww_diag *diag);
void ww_cell_free(ww_cell *cell);

/* Of a cell that serves: queues a call, as ww_instance_call does. `done` runs in a turn of the cell, or in
 * ww_cell_free, and may queue the next. E_STALE when the guest is over. */
WW_MUST_USE ww_status ww_cell_call(ww_cell *cell, const ww_export *func, const void *params,
                                   ww_call_done done);

/* Ends the guest for `reason`: E_CANCELED or E_TIMEOUT. If it is over already, what it wrote and nobody
 * has read by now is given up. */
void ww_cell_end(ww_cell *cell, ww_status reason);

/* The connection of its link; NULL when it has none. */
ww_capnp_conn *ww_cell_conn(ww_cell *cell);

/* Lets the guest look again at what it waits for. */
void ww_cell_wake(ww_cell *cell);

typedef struct ww_cell_facts {
    ww_status status; /* WW_OK: returned or exited, see exit_code; AGAIN: alive; E_TRAP, ... */
    int exit_code;
    ww_view text, trace; /* of a trap; of E_QUOTA: what is used up; valid while the cell lives */
    uint64_t cpu_ns, slices;
    uint64_t memory_bytes; /* of its linear memories, which never shrink */
    uint64_t calls, refused, bytes;
} ww_cell_facts;

ww_cell_facts ww_cell_facts_of(const ww_cell *cell);
