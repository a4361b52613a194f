#include "resource/policy.h"

const char *ww_capability_name(ww_capability capability)
{
    static const char *const names[] = {"none",
#define WW_CAPABILITY_TEXT(name, text) text,
                                        WW_CAPABILITY_LIST(WW_CAPABILITY_TEXT)
#undef WW_CAPABILITY_TEXT
    };
    WW_ASSERT(capability < WW_CAPABILITY_COUNT);
    return names[capability];
}

/* A refusal must be writable without making anything: a case of the error type without payload, or
 * the error case itself if that has no type. */
static bool fits(uint8_t refusal, const ww_type *result)
{
    if (refusal == WW_REFUSE_TRAP) return true;
    if (!result || result->kind != WW_TYPE_RESULT) return false;
    const ww_type *error = result->fields[1].type;
    if (!error) return refusal == 0;
    if (error->kind == WW_TYPE_ENUM) return refusal < error->count;
    return error->kind == WW_TYPE_VARIANT && refusal < error->count && !error->fields[refusal].type;
}

ww_status ww_policy_check(const ww_host_interface *interface, ww_diag *diag)
{
    for (uint32_t i = 0; i < interface->func_count; i++) {
        const ww_host_func *func = &interface->funcs[i];
        const ww_policy *row = func->policy;
        const char *fault = NULL;
        if (!row || !row->capability || row->capability >= WW_CAPABILITY_COUNT) {
            fault = "no policy row";
        } else if (!row->function || !row->charge || !row->audit) {
            fault = "an incomplete policy row";
        } else if (row->may_wait && !func->may_wait) {
            fault = "a policy row that waits where the binding cannot";
        } else if (!fits(row->denied, func->type->result) ||
                   !fits(row->over_quota, func->type->result)) {
            fault = "a refusal that its result cannot hold";
        }
        if (fault)
            return ww_fail(diag, WW_E_MISMATCH, "%s: %s has %s", interface->name, func->name,
                           fault);
    }
    return WW_OK;
}

void ww_policy_allow(ww_grant *grant, const ww_policy *rows, uint32_t count, uint64_t capabilities)
{
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].capability && capabilities >> rows[i].capability & 1)
            ww_grant_allow(grant, rows[i].function);
}
