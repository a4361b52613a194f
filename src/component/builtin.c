/* The functions of canonical definitions other than calls: dynamic host functions, resources, context. */
#include "component/runtime.h"

/* --- dynamic host functions --- */

/* Parameters and room for the result; false with the call failed. */
static bool prepare(ww_call *call, const ww_slot *slots, void **params, void **result)
{
    const ww_func_type *type = call->site->func->type;
    const ww_lifter lifter = {.resolver = {call->site->resources, NULL}};
    uint32_t size = type->result ? type->result->host_size : 0;
    *params = ww_call_scratch(call, type->params_host_size);
    *result = size <= sizeof call->result ? call->result : ww_call_scratch(call, size);
    if (!*params || !*result) return ww_call_fail_lift(call, "copy budget exceeded");
    if (type->result_spilled) call->result_pointer = slots[type->lowered.param_count - 1].u32;
    return ww_lift_params(call, &lifter, type, slots, *params);
}

ww_trap *ww_entry_dynamic(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    const ww_site *site = env;
    const ww_func_type *type = site->func->type;
    (void)slot_count;
    ww_call call;
    void *params, *result;
    if (!ww_call_open(&call, site, caller) || !prepare(&call, slots, &params, &result))
        return ww_call_trap(&call);
    ww_status status = site->func->call(&call, params, result);
    if (status) {
        if (status != WW_E_TRAP) ww_call_fail(&call, "host function: %s", ww_status_text(status));
        return ww_call_trap(&call);
    }
    const ww_type *value = type->result;
    const ww_resolver resolver = {site->resources, NULL};
    call.own_count = 0;
    ww_call_rest_of(&call)->owns_more = 0;
    if (type->result_spilled &&
        !ww_lift_pointer(&call, call.result_pointer, value->abi_size, value->abi_align)) {
        ww_release_value(&call, &resolver, value, result);
        return ww_call_trap(&call);
    }
    ww_slot flats[1] = {0};
    uint32_t at = type->result_spilled ? call.result_pointer : 0;
    if (value && ww_lower_result(&call, resolver, value, result, at,
                                 type->result_spilled ? NULL : flats) != WW_LOWERED)
        return ww_call_trap(&call);
    if (type->lowered.result_count) slots[0] = flats[0];
    ww_call_close(&call);
    return NULL;
}

ww_trap *ww_entry_dynamic_begin(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    const ww_site *site = env;
    (void)slot_count;
    ww_trap *trap;
    void *params, *result;
    ww_call *call = ww_call_push(site, caller, &trap);
    if (!call) return trap;
    if (!prepare(call, slots, &params, &result)) return ww_call_trap(call);
    call->rest->value = result;
    return ww_call_settle(call, site->func->call(call, params, result), slots);
}

/* --- resources --- */

static const ww_resource_type *type_of(const ww_call *call)
{
    return call->instance->resources[call->site->plan->target];
}

uint32_t ww_lower_own(ww_call *call, const ww_resource_type *type, uint64_t rep)
{
    if (WW_UNLIKELY(call->failed)) return 0;
    uint32_t handle = ww_handles_add(call->handles, type, rep, 0, call->instance->births++);
    if (WW_UNLIKELY(!handle)) ww_call_fail(call, "handle table full");
    return handle;
}

ww_trap *ww_entry_resource_new(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slot_count;
    ww_call call;
    if (!ww_call_open(&call, env, caller)) return ww_call_trap(&call);
    uint32_t handle = ww_lower_own(&call, type_of(&call), slots[0].u32);
    if (!handle) return ww_call_trap(&call);
    slots[0] = ww_slot_u32(handle);
    return NULL;
}

static ww_handle *find(ww_call *call, uint32_t index)
{
    ww_handle *handle = ww_handles_find(call->handles, index);
    if (!handle) {
        ww_call_fail(call, "unknown handle index %u", index);
    } else if (handle->type != type_of(call)) {
        ww_call_fail(call, "handle index %u used with the wrong type", index);
        handle = NULL;
    }
    return handle;
}

/* Allowed also from realloc and post-return. */
ww_trap *ww_entry_resource_rep(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slot_count;
    ww_call call;
    ww_call_init(&call, env, ww_caller_data(caller));
    const ww_handle *handle = find(&call, slots[0].u32);
    if (!handle) return ww_call_trap(&call);
    slots[0] = ww_slot_u32((uint32_t)handle->rep);
    return NULL;
}

/* Takes the handle out of the table; `owned` tells whether the resource goes with it. */
static bool take_handle(ww_call *call, uint32_t index, bool *owned, uint64_t *rep)
{
    ww_handle *handle = find(call, index);
    if (!handle) return false;
    if (handle->lends) {
        ww_call_fail(call, "cannot remove owned resource while borrowed");
        return false;
    }
    *owned = handle->scope == 0;
    *rep = handle->rep;
    if (handle->scope) call->instance->frames[handle->scope - 1]->rest.borrow_count--;
    ww_handles_remove(call->handles, index);
    return true;
}

/* A guest's resource without a destructor still may not be dropped while its implementer runs. */
static bool may_enter_implementer(ww_call *call, const ww_resource_type *type)
{
    uint32_t caller = call->site->plan->owner;
    if (type->owner == WW_NONE || type->owner == caller) return true;
    if (!ww_owner_enter(call->instance, caller, type->owner))
        return ww_call_fail_code(call, WW_TRAP_CANNOT_ENTER);
    ww_owner_leave(call->instance, caller, type->owner);
    return true;
}

ww_trap *ww_entry_resource_drop(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slot_count;
    ww_call call;
    bool owned;
    uint64_t rep;
    if (!ww_call_open(&call, env, caller) || !take_handle(&call, slots[0].u32, &owned, &rep))
        return ww_call_trap(&call);
    const ww_resource_type *type = type_of(&call);
    if (!owned) return NULL;
    if (!may_enter_implementer(&call, type)) return ww_call_trap(&call);
    ww_status (*drop)(ww_call *, uint64_t) = type->entry ? type->entry : type->drop;
    if (drop && drop(&call, rep)) return ww_call_trap(&call);
    return NULL;
}

static ww_trap *destroyed(ww_call *call, uint64_t value, ww_slot *slots)
{
    (void)value;
    if (call->rest->entered)
        ww_owner_leave(call->instance, call->site->plan->owner, type_of(call)->owner);
    ww_call_leave_task(call);
    ww_call_pop(call);
    return ww_answer(slots, WW_OP_DONE, 0, 0);
}

ww_trap *ww_entry_resource_drop_begin(void *env, ww_caller *caller, ww_slot *slots,
                                      size_t slot_count)
{
    (void)slot_count;
    const ww_site *site = env;
    ww_trap *trap;
    bool owned;
    uint64_t rep;
    ww_call *call = ww_call_push(site, caller, &trap);
    if (!call) return trap;
    if (!take_handle(call, slots[0].u32, &owned, &rep)) return ww_call_trap(call);
    if (!owned) {
        ww_call_pop(call);
        return ww_answer(slots, WW_OP_DONE, 0, 0);
    }
    const ww_resource_type *type = type_of(call);
    if (type->owner != site->plan->owner) {
        if (!ww_owner_enter(call->instance, site->plan->owner, type->owner)) {
            ww_call_fail_code(call, WW_TRAP_CANNOT_ENTER);
            return ww_call_trap(call);
        }
        call->rest->entered = true;
    }
    ww_call_enter_task(call);
    call->rest->next = destroyed;
    return ww_answer(slots, WW_OP_DROP | type->dtor << 8, (uint32_t)rep, 0);
}

/* --- context --- */

ww_trap *ww_entry_context_get(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slot_count;
    const ww_site *site = env;
    const ww_instance *instance = ww_caller_data(caller);
    slots[0] = (ww_slot){.words = {instance->context[site->plan->target], 0}};
    return NULL;
}

ww_trap *ww_entry_context_set(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slot_count;
    const ww_site *site = env;
    ww_instance *instance = ww_caller_data(caller);
    bool wide = site->plan->core.params[0] == WW_I64;
    instance->context[site->plan->target] = wide ? slots[0].u64 : slots[0].u32;
    return NULL;
}
