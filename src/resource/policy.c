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

/* What is wrong with any row, or NULL. */
static const char *fault_of_row(const ww_policy *row)
{
    if (!row || !row->capability || row->capability >= WW_CAPABILITY_COUNT) return "no policy row";
    if (!row->function || !row->charge || !row->audit) return "an incomplete policy row";
    return NULL;
}

static const char *fault_of_func(const ww_host_func *func)
{
    const ww_policy *row = func->policy;
    const char *fault = fault_of_row(row);
    if (fault) return fault;
    if (row->may_wait && !func->may_wait) return "a policy row that waits where the binding cannot";
    if (!fits(row->denied, func->type->result) || !fits(row->over_quota, func->type->result))
        return "a refusal that its result cannot hold";
    return NULL;
}

static const char *fault_of_drop(const ww_resource_type *resource)
{
    const ww_policy *row = resource->policy;
    const char *fault = fault_of_row(row);
    if (fault) return fault;
    if (!resource->entry || row->may_wait || row->charge != WW_CHARGE_CALL ||
        row->denied != WW_REFUSE_NEVER || row->over_quota != WW_REFUSE_NEVER)
        return "a policy row that is not a drop's";
    return NULL;
}

static ww_status check(const char *interface, const char *name, const char *fault, ww_diag *diag)
{
    return fault ? ww_fail(diag, WW_E_MISMATCH, "%s: %s has %s", interface, name, fault) : WW_OK;
}

ww_status ww_policy_check(const ww_host_interface *interface, ww_diag *diag)
{
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < interface->func_count && !status; i++) {
        const ww_host_func *func = &interface->funcs[i];
        status = check(interface->name, func->name, fault_of_func(func), diag);
    }
    for (uint32_t i = 0; i < interface->exported_count && !status; i++) {
        const ww_resource_type *resource = interface->resources[i];
        status = check(interface->name, resource->name, fault_of_drop(resource), diag);
    }
    return status;
}

void ww_policy_allow(ww_grant *grant, const ww_policy *rows, uint32_t count, uint64_t capabilities)
{
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].capability && capabilities >> rows[i].capability & 1)
            ww_grant_allow(grant, rows[i].function);
}
