/* ww/guest_run.h - running a component through an Executor, from its start to its end.
 *
 * Model      One call starts it, and everything else is pipelined on that: its output is read and
 *            passed on to this guest's own as it comes, its input is closed, its exit code waited
 *            for. Meanwhile the guest's loop goes on.
 * Errors     `code` is the exit code. False: it could not be run, or the session is over; *diag says
 *            why.
 */
#pragma once
#include "capnp/peer.capnp.h"
#include "ww/guest.h"

typedef struct ww_guest_program {
    ww_view wasm;
    size_t wasm_readable; /* see ww_capnp_any_b_set_external; 0: wasm.size */
    const ww_view *args;
    uint32_t arg_count;
} ww_guest_program;

bool ww_guest_run(ww_guest *guest, peer_executor_cap executor, const ww_guest_program *program,
                  int32_t *code, ww_diag *diag);
