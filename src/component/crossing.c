/* Calls of lifts: from the host, and from one component instance to another.
 *
 *   begin          enter check -> lift parameters from the caller -> (realloc) -> lower them -> CALL
 *   core_returned  lift the result from the callee -> borrow check -> (realloc) -> lower it
 *                  -> POST_RETURN, if there is one
 *   finish         leave -> give lends back -> DONE
 *
 * A host's parameters are in host layout already, and its result stays so: the call remains on the
 * stack, for the instance to take it from there.
 */
#include "component/runtime.h"

/* --- component instances that are on the stack --- */

static bool is_ancestor_or_self(const ww_instance *instance, uint32_t ancestor, uint32_t owner)
{
    while (owner != ancestor && owner != WW_NONE)
        owner = instance->owners[owner].parent;
    return owner == ancestor;
}

/* The next one that a call from `caller` into `owner`'s child enters, or WW_NONE. */
static uint32_t entered_next(const ww_instance *instance, uint32_t caller, uint32_t owner)
{
    if (owner == WW_NONE) return WW_NONE;
    if (caller != WW_NONE && is_ancestor_or_self(instance, owner, caller)) return WW_NONE;
    return owner;
}

bool ww_owner_enter(ww_instance *instance, uint32_t caller, uint32_t callee)
{
    ww_owner *owners = instance->owners;
    uint32_t i;
    for (i = entered_next(instance, caller, callee); i != WW_NONE;
         i = entered_next(instance, caller, owners[i].parent))
        if (owners[i].entered) return false;
    for (i = entered_next(instance, caller, callee); i != WW_NONE;
         i = entered_next(instance, caller, owners[i].parent))
        owners[i].entered = true;
    return true;
}

void ww_owner_leave(ww_instance *instance, uint32_t caller, uint32_t callee)
{
    for (uint32_t i = entered_next(instance, caller, callee); i != WW_NONE;
         i = entered_next(instance, caller, instance->owners[i].parent))
        instance->owners[i].entered = false;
}

/* --- the two sides --- */

static ww_resolver resolver_of(const ww_call *call, const ww_plan_type *type)
{
    return (ww_resolver){call->instance->resources, type->resources};
}

static const ww_plan_lift *lift_of(const ww_call *call)
{
    return call->rest->lift->plan;
}

/* An instance that calls its own lift would enter nothing; the engine refuses that, so do we. */
static bool enter(ww_call *call)
{
    uint32_t callee = lift_of(call)->owner;
    call->rest->entered =
        call->rest->caller != callee && ww_owner_enter(call->instance, call->rest->caller, callee);
    return call->rest->entered || ww_call_fail_code(call, WW_TRAP_CANNOT_ENTER);
}

/* What was lifted belongs to the call until lowering takes it. */
static void hold(ww_call *call, ww_resolver resolver, const ww_field *fields, uint32_t count)
{
    struct ww_call_rest *rest = call->rest;
    call->own_count = 0;
    rest->owns_more = 0;
    rest->held = fields;
    rest->held_count = count;
    rest->held_resolver = resolver;
}

static bool take_value(ww_call *call, uint32_t size)
{
    call->rest->value = ww_call_scratch(call, size);
    return call->rest->value || ww_call_fail_lift(call, "copy budget exceeded");
}

/* --- finish --- */

static ww_trap *finish(ww_call *call, ww_slot *slots)
{
    struct ww_call_rest *rest = call->rest;
    ww_owner_leave(call->instance, rest->caller, lift_of(call)->owner);
    rest->entered = false;
    ww_call_leave_task(call);
    if (rest->caller == WW_NONE) return ww_answer(slots, WW_OP_DONE, 0, 0);
    uint64_t bits = rest->flats[0].words[0];
    call->handles = &call->instance->owners[rest->caller].handles;
    ww_call_give_back_lends(call);
    ww_call_pop(call);
    return ww_answer(slots, WW_OP_DONE, bits, 0);
}

static ww_trap *post_returned(ww_call *call, uint64_t value, ww_slot *slots)
{
    (void)value;
    call->instance->owners[lift_of(call)->owner].barred = false;
    return finish(call, slots);
}

static ww_trap *result_lowered(ww_call *call, uint64_t value, ww_slot *slots)
{
    (void)value;
    if (lift_of(call)->options.post_return == WW_NONE) return finish(call, slots);
    call->instance->owners[lift_of(call)->owner].barred = true;
    call->rest->next = post_returned;
    return ww_answer(slots, WW_OP_POST_RETURN, call->rest->flat_result, 0);
}

/* --- the result --- */

static ww_trap *lower_result(ww_call *call, ww_slot *slots)
{
    struct ww_call_rest *rest = call->rest;
    const ww_plan_site *site = call->site->plan;
    const ww_type *type = site->type.func->result;
    rest->flats[0] = (ww_slot){0};
    if (!ww_call_take_side(call, site->owner, &site->options)) return ww_call_trap(call);
    if (!type) return result_lowered(call, 0, slots);
    bool spilled = site->type.func->result_spilled;
    uint32_t at = spilled ? call->result_pointer : 0;
    if (spilled && !ww_lift_pointer(call, at, type->abi_size, type->abi_align))
        return ww_call_trap(call);
    rest->held = NULL;
    return ww_call_progress(call,
                            ww_lower_result(call, resolver_of(call, &site->type), type, rest->value,
                                            at, spilled ? NULL : rest->flats),
                            result_lowered, slots);
}

static bool lift_result(ww_call *call, const ww_plan_type *plan_type)
{
    struct ww_call_rest *rest = call->rest;
    const ww_type *type = plan_type->func->result;
    bool to_host = rest->caller == WW_NONE;
    const ww_lifter lifter = {.resolver = resolver_of(call, plan_type),
                              .keep_form = !to_host,
                              .copy = to_host && lift_of(call)->options.post_return != WW_NONE};
    const ww_slot slot = {.words = {rest->flat_result, 0}};
    rest->value = NULL;
    if (!type) return true;
    if (!take_value(call, type->host_size)) return false;
    if (plan_type->func->result_spilled) {
        if (!ww_lift_at(call, &lifter, type, slot.u32, rest->value)) return false;
    } else if (!ww_lift_slots(call, &lifter, type, &slot, rest->value)) {
        return false;
    }
    rest->held_result = (ww_field){.type = type};
    hold(call, lifter.resolver, &rest->held_result, 1);
    return true;
}

static ww_trap *core_returned(ww_call *call, uint64_t value, ww_slot *slots)
{
    struct ww_call_rest *rest = call->rest;
    rest->flat_result = value;
    if (!lift_result(call, &lift_of(call)->type)) return ww_call_trap(call);
    if (rest->borrow_count) {
        ww_call_fail(call, "borrow handles still remain at the end of the call");
        return ww_call_trap(call);
    }
    return rest->caller == WW_NONE ? result_lowered(call, 0, slots) : lower_result(call, slots);
}

/* --- the parameters --- */

static ww_trap *params_lowered(ww_call *call, uint64_t value, ww_slot *slots)
{
    (void)value;
    ww_call_enter_task(call);
    call->rest->next = core_returned;
    return ww_answer(slots, WW_OP_CALL, 0, 0);
}

static ww_trap *lower_params(ww_call *call, uint32_t at, ww_slot *flats, ww_slot *slots)
{
    const ww_plan_type *type = &lift_of(call)->type;
    call->rest->held = NULL;
    return ww_call_progress(call,
                            ww_lower_fields(call, resolver_of(call, type), type->func->params,
                                            type->func->param_count, call->rest->value, at, flats),
                            params_lowered, slots);
}

static ww_trap *lower_spilled(ww_call *call, uint64_t value, ww_slot *slots)
{
    ww_call_after_realloc(call);
    uint32_t at = (uint32_t)value;
    if (!ww_lower_check_realloc(call, at)) return ww_call_trap(call);
    call->rest->flats[0] = ww_slot_u32(at);
    return lower_params(call, at, NULL, slots);
}

/* The parameters stand in rest->value and are held. */
static ww_trap *cross(ww_call *call, ww_slot *slots)
{
    struct ww_call_rest *rest = call->rest;
    const ww_plan_lift *lift = lift_of(call);
    const ww_func_type *type = lift->type.func;
    if (!ww_call_take_side(call, lift->owner, &lift->options)) return ww_call_trap(call);
    memset(rest->flats, 0, sizeof rest->flats);
    if (!type->params_spilled) return lower_params(call, 0, rest->flats, slots);
    rest->lowering.request =
        (ww_realloc_request){.align = type->params_abi_align, .new_size = type->params_abi_size};
    return ww_call_ask_realloc(call, lower_spilled, slots);
}

/* --- entries --- */

static bool lift_params(ww_call *call, const ww_slot *slots)
{
    const ww_plan_type *type = &call->site->plan->type;
    const ww_lifter lifter = {.resolver = resolver_of(call, type), .keep_form = true};
    if (type->func->result_spilled)
        call->result_pointer = slots[type->func->lowered.param_count - 1].u32;
    if (!take_value(call, type->func->params_host_size) ||
        !ww_lift_params(call, &lifter, type->func, slots, call->rest->value))
        return false;
    hold(call, lifter.resolver, type->func->params, type->func->param_count);
    return true;
}

ww_trap *ww_entry_call_begin(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    const ww_site *site = env;
    (void)slot_count;
    ww_trap *trap;
    ww_call *call = ww_call_push(site, caller, &trap);
    if (!call) return trap;
    call->rest->lift = &site->program->lifts[site->plan->target];
    call->rest->caller = site->plan->owner;
    if (!enter(call) || !lift_params(call, slots)) return ww_call_trap(call);
    return cross(call, slots);
}

ww_trap *ww_entry_call_args(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)env;
    ww_instance *instance = ww_caller_data(caller);
    const ww_frame *frame = instance->frames[instance->depth - 1];
    WW_ASSERT(slot_count <= WW_COUNT_OF(frame->rest.flats));
    memcpy(slots, frame->rest.flats, slot_count * sizeof *slots);
    return NULL;
}

ww_trap *ww_entry_lift_args(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    return ww_entry_call_args(env, caller, slots, slot_count);
}

static ww_trap *job_dropped(ww_call *call, uint64_t value, ww_slot *slots)
{
    (void)value;
    ww_owner_leave(call->instance, WW_NONE, call->instance->job->type->owner);
    ww_call_leave_task(call);
    return ww_answer(slots, WW_OP_DONE, 0, 0);
}

static ww_trap *begin_drop_job(ww_call *call, const ww_job *job, ww_slot *slots)
{
    bool entered = ww_owner_enter(call->instance, WW_NONE, job->type->owner);
    WW_ASSERT(entered); /* the stack is empty */
    ww_call_enter_task(call);
    call->rest->next = job_dropped;
    return ww_answer(slots, WW_OP_DROP | job->type->dtor << 8, (uint32_t)job->rep, 0);
}

ww_trap *ww_entry_lift_begin(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slot_count;
    ww_instance *instance = ww_caller_data(caller);
    ww_job *job = instance->job;
    ww_trap *trap;
    ww_call *call = ww_call_push_bare(instance, &trap);
    if (!call) return trap;
    if (!job->lift) return begin_drop_job(call, job, slots);
    const ww_lift *lift = env;
    call->rest->lift = lift;
    call->rest->caller = WW_NONE;
    call->rest->value = (void *)(uintptr_t)job->params;
    hold(call, resolver_of(call, &lift->plan->type), lift->plan->type.func->params,
         lift->plan->type.func->param_count);
    job->started = true;
    if (!enter(call)) return ww_call_trap(call);
    return cross(call, slots);
}
