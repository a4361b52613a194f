/* Invariants of a waiting call, in call->state from WW_WAIT_STATE_WORDS on:
 *   1. WW_WAIT_RESUME is the function's own resume, and call->resume is resume_waiting.
 *   2. WW_WAIT_CANCEL is what ww_envelope_on_cancel was told, or NULL.
 *   3. WW_WAIT_BYTES are the bytes of the parameters; they are charged already.
 *   4. context->wait_deadline_ns is that of the call, if waits are bounded: only one waits.
 * The record of such a call is written once it ends; the one with WW_AGAIN when it begins to wait.
 */
#include "resource/envelope.h"

static const char *function_name(const ww_call *call, const ww_policy *row)
{
    return ww_context_of(call)->function_names[row->function];
}

ww_status ww_envelope_refusal(const ww_call *call, const ww_policy *row)
{
    const ww_context *context = ww_context_of(call);
    if (context->cancel->fired) return WW_E_CANCELED;
    if (!ww_grant_is_fresh(context->grant)) return WW_E_STALE;
    if (!ww_grant_allows(context->grant, row->function)) return WW_E_DENIED;
    return WW_E_QUOTA;
}

static bool is_refusal(ww_status status)
{
    return status == WW_E_DENIED || status == WW_E_STALE || status == WW_E_QUOTA ||
           status == WW_E_CANCELED || status == WW_E_TIMEOUT;
}

static uint8_t refusal_of(const ww_policy *row, ww_status status)
{
    if (status == WW_E_CANCELED) return WW_REFUSE_TRAP;
    return status == WW_E_QUOTA || status == WW_E_TIMEOUT ? row->over_quota : row->denied;
}

static const char *refusal_word(ww_status status)
{
    switch (status) {
    case WW_E_DENIED: return "denied";
    case WW_E_STALE: return "stale";
    case WW_E_QUOTA: return "quota";
    case WW_E_TIMEOUT: return "timeout";
    default: return "canceled";
    }
}

/* result<T, E> in host layout is a tag, then the payload; so is E, or it is the tag alone. */
static void write_refusal(const ww_call *call, uint8_t refusal, void *result)
{
    const ww_type *type = call->site->func->type->result;
    uint32_t tag = 1, error = refusal;
    memset(result, 0, type->host_size);
    memcpy(result, &tag, sizeof tag);
    if (type->fields[1].type)
        memcpy((uint8_t *)result + type->payload_host_offset, &error, sizeof error);
}

static ww_status refuse(ww_call *call, const ww_policy *row, ww_status status, void *result)
{
    ww_context_of(call)->principal->refused++;
    uint8_t refusal = refusal_of(row, status);
    if (refusal == WW_REFUSE_TRAP)
        return ww_call_fail(call, "%s: %s", refusal_word(status), function_name(call, row));
    write_refusal(call, refusal, result);
    return WW_OK;
}

static ww_status finish(ww_call *call, const ww_policy *row, ww_status status, uint64_t bytes,
                        void *result)
{
    if (status == WW_OK) {
        const ww_type *type = call->site->func->type->result;
        uint64_t result_bytes = type ? ww_envelope_bytes(type, result) : 0;
        return ww_envelope_leave(call, row, WW_OK, bytes, result_bytes, result);
    }
    ww_envelope_record(call, row, status, bytes);
    if (is_refusal(status)) return refuse(call, row, status, result);
    if (status == WW_E_TRAP || status == WW_E_EXIT) return WW_E_TRAP;
    return ww_call_fail(call, "%s: %s", function_name(call, row), ww_status_text(status));
}

static ww_status resume_waiting(ww_call *call, void *result);

static void wait_again(ww_call *call)
{
    WW_ASSERT(call->resume && call->resume != resume_waiting);
    call->state[WW_WAIT_RESUME] = (uint64_t)(uintptr_t)call->resume;
    call->resume = resume_waiting;
}

static bool is_overdue(const ww_context *context)
{
    return context->wait_ns_max && *context->now_ns >= context->wait_deadline_ns;
}

static ww_status give_up(ww_call *call, ww_status reason)
{
    void (*cancel)(ww_call *) = (void (*)(ww_call *))(uintptr_t)call->state[WW_WAIT_CANCEL];
    if (cancel) cancel(call);
    return reason;
}

static ww_status resume_waiting(ww_call *call, void *result)
{
    const ww_policy *row = call->site->func->policy;
    const ww_context *context = ww_context_of(call);
    ww_status status;
    if (WW_UNLIKELY(context->cancel->fired)) {
        status = give_up(call, WW_E_CANCELED);
    } else {
        call->resume = (ww_resume_fn *)(uintptr_t)call->state[WW_WAIT_RESUME];
        status = call->resume(call, result);
        if (status == WW_AGAIN && !is_overdue(context)) {
            wait_again(call);
            return status;
        }
        if (status == WW_AGAIN) status = give_up(call, WW_E_TIMEOUT);
    }
    return finish(call, row, status, call->state[WW_WAIT_BYTES], result);
}

static void limit_wait(ww_context *context)
{
    if (!context->wait_ns_max) return;
    bool overflow =
        __builtin_add_overflow(*context->now_ns, context->wait_ns_max, &context->wait_deadline_ns);
    if (overflow) context->wait_deadline_ns = UINT64_MAX;
    context->limit_wait(context);
}

ww_status ww_envelope_settle(ww_call *call, const ww_policy *row, ww_status status, uint64_t bytes,
                             void *result)
{
    if (status != WW_AGAIN) return finish(call, row, status, bytes, result);
    WW_ASSERT(row->may_wait);
    call->state[WW_WAIT_BYTES] = bytes;
    wait_again(call);
    ww_envelope_record(call, row, WW_AGAIN, bytes);
    limit_wait(ww_context_of(call));
    return WW_AGAIN;
}

/* --- walking values ------------------------------------------------------------------------- */

/* The part of a variant-like value that is there, and its type; NULL if it has none. */
static const ww_type *payload_of(const ww_type *type, const void *value, const void **out)
{
    uint32_t tag;
    memcpy(&tag, value, sizeof tag);
    WW_ASSERT(tag < type->count);
    *out = (const uint8_t *)value + type->payload_host_offset;
    return type->fields[tag].type;
}

static void release_list(const ww_type *type, const void *value)
{
    const ww_list *list = value;
    const uint8_t *element = list->data;
    for (size_t i = 0; i < list->count; i++, element += type->element->host_size)
        ww_envelope_release(type->element, element);
}

/* Recursion ends with the type, which is our own: generated from WIT. */
void ww_envelope_release(const ww_type *type, const void *value)
{
    if (!type || !type->has_handles) return;
    const void *payload;
    uint64_t rep;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_OWN:
        memcpy(&rep, value, sizeof rep);
        ww_object_release(ww_object_of(rep));
        return;
    case WW_TYPE_LIST: release_list(type, value); return;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            ww_envelope_release(type->fields[i].type,
                                (const uint8_t *)value + type->fields[i].host_offset);
        return;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        type = payload_of(type, value, &payload);
        ww_envelope_release(type, payload);
        return;
    default: return; /* borrows, and what holds no handle */
    }
}

uint64_t ww_envelope_bytes(const ww_type *type, const void *value)
{
    if (!type || !type->has_pointers) return 0;
    const ww_list *list = value;
    const void *payload;
    uint64_t bytes = 0;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_STRING: return list->count;
    case WW_TYPE_LIST: return (uint64_t)list->count * type->element->host_size;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            bytes += ww_envelope_bytes(type->fields[i].type,
                                       (const uint8_t *)value + type->fields[i].host_offset);
        return bytes;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        type = payload_of(type, value, &payload);
        return ww_envelope_bytes(type, payload);
    default: return 0;
    }
}
