/* resource/envelope.h - what every host call passes: authority, charge, act or wait, audit.
 *
 * Model      A generated entry (gen/wit) decodes its parameters, then
 *
 *              status = ww_envelope_enter(call, row, bytes)      refused, or charged
 *              if OK: status = the function
 *              status = ww_envelope_leave(call, row, ...)        refusal shown, call recorded
 *
 *            A function that is bound through a thunk may answer WW_AGAIN with call->resume set;
 *            ww_envelope_leave then puts itself in between, so that the cancellation token is
 *            looked at before each resumption, and the record is written at the end. A function may
 *            also refuse by itself by answering E_DENIED, E_STALE, E_QUOTA or E_CANCELED (an object
 *            says no): that shows and is recorded in the same way. E_EXIT
 *            is recorded as it is and ends the guest as E_TRAP does. Any other status but WW_OK
 *            becomes a trap with its text.
 * Deadline   A call that has waited for wait_ns_max ends as if the token had been fired for it
 *            alone: its refusal is that of a used-up budget, in the record it is E_TIMEOUT.
 * Drops      A guest that gives up a resource goes through ww_envelope_drop: one call, one record,
 *            no refusal. What falls with its cell leaves no record of its own.
 * Waiting    A function that waits must be ready to be resumed without reason, and never resumed at
 *            all: whatever it has under way belongs to host objects, which see to its end
 *            themselves when they go. What belongs to the call alone it gives back in the function
 *            it names with ww_envelope_on_cancel.
 *            Words call->state[0 .. WW_WAIT_STATE_WORDS - 1] are the function's.
 * Ownership  A context borrows everything; the cell embeds it as its first member and gives the
 *            cell to ww_instance_options.host.
 * Trust      The guest can make any call at any time; nothing here costs more for a refused call
 *            than for an allowed one.
 */
#pragma once
#include "account/principal.h"
#include "audit/ring.h"
#include "cap/grant.h"
#include "component/call.h"
#include "resource/object.h"
#include "resource/policy.h"

typedef struct ww_context ww_context;
struct ww_context {
    const ww_grant *grant;
    ww_principal *principal;
    const ww_cancel *cancel;
    ww_audit_ring *audit;
    const uint64_t *now_ns;            /* the loop's clock, read once per turn */
    const char *const *function_names; /* by function number: gen/wit/functions.h */
    uint32_t cell;
    /* The longest wait of one call, 0: no bound. limit_wait sees to it that the cell is polled once
     * the loop's clock has reached wait_deadline_ns: a fiber waits for one call at a time. */
    uint64_t wait_ns_max, wait_deadline_ns;
    void (*limit_wait)(ww_context *context);
};

static inline ww_context *ww_context_of(const ww_call *call)
{
    return call->host;
}

/* The words of call->state that a waiting function has for itself; the others are used here. */
enum {
    WW_WAIT_STATE_WORDS = WW_CALL_STATE_WORDS - 3,
    WW_WAIT_RESUME = WW_WAIT_STATE_WORDS,
    WW_WAIT_CANCEL,
    WW_WAIT_BYTES,
};

/* Why a call is not let through; the statuses in the order they are looked at: E_CANCELED, E_STALE,
 * E_DENIED, E_QUOTA. */
ww_status ww_envelope_refusal(const ww_call *call, const ww_policy *row);

static inline bool ww_envelope_affords(const ww_principal *principal, const ww_policy *row,
                                       uint64_t bytes)
{
    uint64_t bytes_left = ww_budget_left(&principal->bytes);
    return ww_budget_left(&principal->calls) && bytes <= bytes_left &&
           (row->charge != WW_CHARGE_BYTES || bytes_left) &&
           (row->charge != WW_CHARGE_OBJECT ||
            ww_budget_left(&principal->budgets[WW_PRINCIPAL_OBJECTS]));
}

/* Charges the call and `bytes` of parameters, or says why not. */
static inline ww_status ww_envelope_enter(const ww_call *call, const ww_policy *row, uint64_t bytes)
{
    const ww_context *context = ww_context_of(call);
    ww_principal *principal = context->principal;
    bool passes = !context->cancel->fired && ww_grant_is_fresh(context->grant) &&
                  ww_grant_allows(context->grant, row->function) &&
                  ww_envelope_affords(principal, row, bytes);
    if (WW_UNLIKELY(!passes)) return ww_envelope_refusal(call, row);
    principal->calls.used++;
    principal->bytes.used += bytes;
    return WW_OK;
}

static inline void ww_envelope_record(const ww_call *call, const ww_policy *row, ww_status outcome,
                                      uint64_t bytes)
{
    const ww_context *context = ww_context_of(call);
    ww_audit_append(context->audit, (ww_audit_record){.time_ns = *context->now_ns,
                                                      .bytes = bytes,
                                                      .cell = context->cell,
                                                      .function = row->function,
                                                      .outcome = (uint8_t)outcome,
                                                      .class = row->audit});
}

/* The result's bytes are charged after the fact: the budget ends at its maximum, and the next call
 * is refused. */
static inline void ww_envelope_charge_result(const ww_call *call, uint64_t bytes)
{
    (void)ww_budget_use(&ww_context_of(call)->principal->bytes, bytes);
}

/* For anything but WW_OK. `result` is the function's in host layout. Answers WW_OK when a refusal
 * was put into `result`, WW_AGAIN when the call waits, else WW_E_TRAP with the trap set. */
ww_status ww_envelope_settle(ww_call *call, const ww_policy *row, ww_status status, uint64_t bytes,
                             void *result);

/* `bytes` are those of the parameters, `result_bytes` those of the result, if status is WW_OK. */
static inline ww_status ww_envelope_leave(ww_call *call, const ww_policy *row, ww_status status,
                                          uint64_t bytes, uint64_t result_bytes, void *result)
{
    if (WW_UNLIKELY(status != WW_OK)) return ww_envelope_settle(call, row, status, bytes, result);
    if (result_bytes) ww_envelope_charge_result(call, result_bytes);
    ww_envelope_record(call, row, WW_OK, bytes + result_bytes);
    return WW_OK;
}

/* The entry of a drop. The count of calls ends at its maximum, as that of a result's bytes. */
static inline ww_status ww_envelope_drop(ww_call *call, const ww_policy *row, uint64_t rep)
{
    (void)ww_budget_use(&ww_context_of(call)->principal->calls, 1);
    ww_status status = ww_object_drop(call, rep);
    ww_envelope_record(call, row, status, 0);
    return status;
}

/* Called once if the waiting call is canceled, before the guest hears of it; for what only the call
 * holds. Forget it with NULL. */
static inline void ww_envelope_on_cancel(ww_call *call, void (*cancel)(ww_call *call))
{
    call->state[WW_WAIT_CANCEL] = (uint64_t)(uintptr_t)cancel;
}

/* Releases the own handles in a parameter of a call that was refused: nobody else will. */
void ww_envelope_release(const ww_type *type, const void *value);

/* Contents of the strings and lists that a value in host layout points to; those of a list's
 * elements are not counted, the elements are. */
uint64_t ww_envelope_bytes(const ww_type *type, const void *value);
