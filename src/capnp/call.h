/* capnp/call.h - one method call, from its making to its answer, on the caller's and on the server's side.
 *
 * Model      The caller makes a call, fills its parameters in place and sends it; parameters are
 *            written straight into the message that leaves. The server reads them, fills the
 *            results and returns, now or later. Before the answer is there, capabilities in it can
 *            already be called (pipelines); those calls travel with it.
 * Ownership  ww_capnp_call_new gives the caller a reference, dropped with ww_capnp_call_drop
 *            whenever it likes: results live as long as somebody holds the call. A handler is given
 *            a call that it answers exactly once, at any time; until then it keeps the parameters
 *            alive. Views of parameters and results are borrowed.
 * Errors     Outcomes carry one of four kinds and a reason. A call that could not be made is NULL,
 *            which every function here accepts. Callbacks `done` runs exactly once per sent call,
 *            from ww_capnp_vat_run, also after a lost connection or a cancel.
 * Trust      Parameters and results are foreign: check the message's fault before relying on
 *            defaults.
 */
#pragma once
#include "capnp/cap.h"

/* Embedded by whoever waits for an outcome. */
typedef struct ww_capnp_done ww_capnp_done;
struct ww_capnp_done {
    void (*fn)(ww_capnp_done *self, ww_capnp_call *call);
};

/* ---- the caller's side ---- */

/* NULL when memory is short. */
ww_capnp_call *ww_capnp_call_new(ww_capnp_cap *cap, uint64_t interface_id, uint16_t method);
ww_capnp_struct_b ww_capnp_call_init_params(ww_capnp_call *call, ww_capnp_struct_size size);
ww_capnp_any_b ww_capnp_call_params_b(ww_capnp_call *call);

/* Its results will hold no capability: the peer is told that nothing will be pipelined on them, and what is all the same
 * waits here. Generated code says so where the schema does. */
void ww_capnp_call_no_pipeline(ww_capnp_call *call);

/* Sends it on its way. `done` may be NULL: then dropping the last reference before the answer came, pipelines
 * included, cancels the call. Fails (E_MEMORY, E_LIMIT) before anything was sent; `done` is then not called. */
WW_MUST_USE ww_status ww_capnp_call_send(ww_capnp_call *call, ww_capnp_done *done);
/* A call of a streaming method: `done` runs as soon as more may be sent, not when it was answered. */
WW_MUST_USE ww_status ww_capnp_call_stream(ww_capnp_call *call, ww_capnp_done *done);

/* Gives up: tells the server, and completes with the failure "canceled" if there was no answer yet. */
void ww_capnp_call_cancel(ww_capnp_call *call);
/* Dropped before it was sent, a call fails what was pipelined on it. */
void ww_capnp_call_drop(ww_capnp_call *call);
ww_capnp_call *ww_capnp_call_hold(ww_capnp_call *call); /* one more reference */

/* Once it is done: */
bool ww_capnp_call_failed(const ww_capnp_call *call);
ww_capnp_exception ww_capnp_call_exception(const ww_capnp_call *call);
const char *ww_capnp_call_reason(const ww_capnp_call *call); /* "" when it did not fail */
ww_capnp_any ww_capnp_call_response(ww_capnp_call *call);    /* null when it failed */

/* ---- what is in an answer that may not be there yet ---- */

enum { WW_CAPNP_PATH_MAX = 16 };

typedef struct ww_capnp_pipeline {
    ww_capnp_call *call; /* borrowed */
    uint16_t depth;      /* beyond WW_CAPNP_PATH_MAX: leads nowhere */
    uint16_t path[WW_CAPNP_PATH_MAX];
} ww_capnp_pipeline;

ww_capnp_pipeline ww_capnp_pipeline_of(ww_capnp_call *call);
ww_capnp_pipeline ww_capnp_pipeline_field(ww_capnp_pipeline p, uint16_t pointer);
/* A reference to the capability there, owned; asking twice for one place gives the same. NULL when memory is short, or
 * for more than 256 places of one answer. */
ww_capnp_cap *ww_capnp_pipeline_cap(ww_capnp_pipeline p);

/* ---- the server's side ---- */

ww_capnp_any ww_capnp_call_params(ww_capnp_call *call);
/* The parameters are not needed any more; views of them end. */
void ww_capnp_call_release_params(ww_capnp_call *call);
ww_capnp_struct_b ww_capnp_call_init_results(ww_capnp_call *call, ww_capnp_struct_size size);
ww_capnp_any_b ww_capnp_call_results_b(ww_capnp_call *call);
/* Answers; the handler may not touch the call afterwards. If building the results failed, so does the call. */
void ww_capnp_call_return(ww_capnp_call *call);
void ww_capnp_call_fail(ww_capnp_call *call, ww_capnp_exception type, const char *format, ...)
    WW_PRINTF(3, 4);
/* Answers with whatever `inner` (new, not yet sent, of this handler's making) is answered; takes `inner`. */
void ww_capnp_call_tail(ww_capnp_call *call, ww_capnp_call *inner);
/* Says early what capability stands at `pipeline` (of this call) in the results to come. */
void ww_capnp_call_set_pipeline(ww_capnp_call *call, ww_capnp_pipeline pipeline, ww_capnp_cap *cap);
/* `fn` runs once if the caller loses interest before the answer; the call must still be answered, to nobody. */
void ww_capnp_call_on_cancel(ww_capnp_call *call, ww_capnp_done *done);
bool ww_capnp_call_is_canceled(const ww_capnp_call *call);
