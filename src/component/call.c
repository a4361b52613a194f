/* Invariants
 *   1. frames[0 .. depth) are the pushed calls, outermost first; only the last one is gone on with.
 *   2. A call is popped when its thunk gets DONE or a trap. When the guest traps in between, it stays
 *      until ww_call_abandon: the store is dead then, and the host's things in it are given back.
 *   3. Scratch of direct calls is the instance's: a direct call never runs guest code, so there is
 *      one at a time.
 */
#include "component/runtime.h"
#include <stdio.h>

enum { FAIL_TEXT_MAX = 200, SCRATCH_KEPT_MAX = 64 << 10 };

/* --- failing --- */

static void fail_text(ww_call *call, const char *format, va_list args) WW_PRINTF(2, 0);

static void fail_text(ww_call *call, const char *format, va_list args)
{
    if (call->failed) return;
    char text[FAIL_TEXT_MAX];
    int size = vsnprintf(text, sizeof text, format, args);
    size_t length = size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    call->failed = true;
    call->trap = ww_trap_of_text(ww_view_of(text, length));
}

ww_status ww_call_fail(ww_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_text(call, format, args);
    va_end(args);
    return WW_E_TRAP;
}

bool ww_call_fail_code(ww_call *call, int trap_code)
{
    if (!call->failed) call->trap = ww_trap_of_code(trap_code);
    call->failed = true;
    return false;
}

bool ww_call_fail_lift(ww_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_text(call, format, args);
    va_end(args);
    ww_call_release_owns(call);
    return false;
}

bool ww_call_fail_lift_code(ww_call *call, int trap_code)
{
    ww_call_fail_code(call, trap_code);
    ww_call_release_owns(call);
    return false;
}

static void release(ww_call *call, const ww_owned *owned)
{
    if (owned->type->drop) owned->type->drop(call, owned->rep);
}

void ww_call_release_owns(ww_call *call)
{
    for (uint32_t i = 0; i < call->own_count; i++)
        release(call, &call->owns[i]);
    call->own_count = 0;
    struct ww_call_rest *rest = call->rest;
    if (!rest) return;
    for (uint32_t i = 0; i < rest->owns_more; i++)
        release(call, &rest->owns[i]);
    rest->owns_more = 0;
}

/* --- scratch --- */

static void reset_rest(struct ww_call_rest *rest)
{
    rest->own_capacity = rest->owns_more = 0;
    rest->lend_capacity = rest->lends_more = 0;
    if (!rest->scratch.blocks) return;
    if (rest->scratch.used > SCRATCH_KEPT_MAX)
        ww_arena_deinit(&rest->scratch);
    else
        ww_arena_reset(&rest->scratch);
}

struct ww_call_rest *ww_call_rest_of(ww_call *call)
{
    if (!call->rest) call->rest = &call->instance->direct;
    return call->rest;
}

void *ww_call_scratch(ww_call *call, size_t size)
{
    return ww_arena_alloc(&ww_call_rest_of(call)->scratch, size);
}

/* --- sides --- */

bool ww_call_in_grown_memory(ww_call *call, uint64_t ptr, uint64_t size)
{
    if (!call->memory.base) return false;
    ww_live_memory *memory = &call->instance->memories[call->options->memory];
    memory->view = ww_store_memory(call->instance->store, &memory->memory);
    call->memory = memory->view;
    return size <= call->memory.size && ptr <= call->memory.size - size;
}

bool ww_call_take_side(ww_call *call, uint32_t owner, const ww_plan_options *options)
{
    ww_instance *instance = call->instance;
    call->handles = &instance->owners[owner].handles;
    call->options = options;
    if (options->memory == WW_NONE) {
        call->memory = (ww_memory_view){0};
        return true;
    }
    const ww_memory_view *view = &instance->memories[options->memory].view;
    call->memory = *view;
    return view->base || ww_call_fail_code(call, WW_TRAP_INDIRECT_CALL_TO_NULL);
}

static inline void init_call(ww_call *call, const ww_site *site, ww_instance *instance)
{
    call->site = site;
    call->instance = instance;
    call->host = instance->options.host;
    call->trap = NULL;
    call->failed = false;
    call->own_count = call->lend_count = 0;
}

/* Common to direct and pushed calls. */
static inline bool open_call(ww_call *call, ww_instance *instance, const ww_site *site)
{
    const ww_plan_site *plan = site->plan;
    init_call(call, site, instance);
    if (WW_UNLIKELY(instance->owners[plan->owner].barred))
        return ww_call_fail_code(call, WW_TRAP_CANNOT_LEAVE);
    if (WW_UNLIKELY(instance->kill_reason)) return ww_call_fail_code(call, WW_TRAP_INTERRUPT);
    return ww_call_take_side(call, plan->owner, &plan->options);
}

void ww_call_init(ww_call *call, const ww_site *site, ww_instance *instance)
{
    init_call(call, site, instance);
    call->rest = NULL;
    call->handles = &instance->owners[site->plan->owner].handles;
}

bool ww_call_open(ww_call *call, const ww_site *site, ww_caller *caller)
{
    call->rest = NULL;
    return open_call(call, ww_caller_data(caller), site);
}

static void give_back(ww_handles *handles, const uint32_t *lends, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ww_handle *handle = ww_handles_find(handles, lends[i]);
        WW_ASSERT(handle && handle->lends);
        handle->lends--;
    }
}

void ww_call_give_back_lends(ww_call *call)
{
    give_back(call->handles, call->lends, call->lend_count);
    if (WW_UNLIKELY(call->rest && call->rest->lends_more))
        give_back(call->handles, call->rest->lends, call->rest->lends_more);
}

void ww_call_close(ww_call *call)
{
    if (call->lend_count) ww_call_give_back_lends(call);
    if (WW_UNLIKELY(call->rest)) reset_rest(call->rest);
}

/* --- the stack of calls --- */

static ww_frame *new_frame(ww_instance *instance)
{
    ww_frame *frame = ww_alloc_zeroed(instance->allocator, sizeof *frame);
    if (!frame) return NULL;
    ww_arena_init(&frame->rest.scratch, instance->allocator, instance->options.copy_bytes_max);
    frame->rest.depth = instance->depth + 1;
    frame->call.rest = &frame->rest;
    frame->call.instance = instance;
    return instance->frames[instance->depth] = frame;
}

static ww_frame *next_frame(ww_instance *instance, ww_trap **trap)
{
    if (WW_UNLIKELY(instance->depth == WW_MAX_CALL_DEPTH)) {
        *trap = ww_trap_of_text(WW_VIEW_LITERAL("call depth exceeded"));
        return NULL;
    }
    ww_frame *frame = instance->frames[instance->depth];
    if (WW_UNLIKELY(!frame) && !(frame = new_frame(instance))) {
        *trap = ww_trap_of_text(WW_VIEW_LITERAL("out of memory"));
        return NULL;
    }
    instance->depth++;
    frame->rest.borrow_count = 0;
    frame->rest.lowering.depth = 0;
    frame->rest.lift = NULL;
    frame->rest.entered = false;
    frame->rest.value = NULL;
    frame->rest.held = NULL;
    frame->call.resume = NULL;
    return frame;
}

ww_call *ww_call_push(const ww_site *site, ww_caller *caller, ww_trap **trap)
{
    ww_instance *instance = ww_caller_data(caller);
    ww_frame *frame = next_frame(instance, trap);
    if (WW_UNLIKELY(!frame)) return NULL;
    if (WW_LIKELY(open_call(&frame->call, instance, site))) return &frame->call;
    *trap = ww_call_trap(&frame->call);
    return NULL;
}

ww_call *ww_call_push_bare(ww_instance *instance, ww_trap **trap)
{
    ww_frame *frame = next_frame(instance, trap);
    if (!frame) return NULL;
    init_call(&frame->call, NULL, instance);
    return &frame->call;
}

void ww_call_pop(ww_call *call)
{
    ww_instance *instance = call->instance;
    WW_ASSERT(instance->depth == call->rest->depth);
    reset_rest(call->rest);
    instance->depth--;
}

ww_trap *ww_call_trap(ww_call *call)
{
    ww_trap *trap = call->trap;
    if (!trap) trap = ww_trap_of_text(WW_VIEW_LITERAL("host function failed"));
    call->trap = NULL;
    if (call->rest && call->rest->depth) {
        ww_call_abandon(call);
        ww_call_pop(call);
    }
    return trap;
}

void ww_call_abandon(ww_call *call)
{
    struct ww_call_rest *rest = call->rest;
    ww_lower_abandon(call);
    if (rest->held)
        ww_release_fields(call, &rest->held_resolver, rest->held, rest->held_count, rest->value);
    rest->held = NULL;
}

/* --- opcodes --- */

void ww_call_enter_task(ww_call *call)
{
    ww_instance *instance = call->instance;
    memcpy(call->rest->outer_context, instance->context, sizeof instance->context);
    memset(instance->context, 0, sizeof instance->context);
}

void ww_call_leave_task(ww_call *call)
{
    memcpy(call->instance->context, call->rest->outer_context, sizeof call->instance->context);
}

void ww_call_after_realloc(ww_call *call)
{
    ww_call_owner(call)->barred = false;
    memcpy(call->instance->context, call->rest->realloc_context, sizeof call->instance->context);
}

static ww_trap *resume_lowering(ww_call *call, uint64_t value, ww_slot *slots)
{
    ww_call_after_realloc(call);
    return ww_call_progress(call, ww_lower_go_on(call, (uint32_t)value), call->rest->lowered,
                            slots);
}

/* `v` and `w` are the request as the thunk wants it. */
static ww_trap *answer_realloc(ww_call *call, ww_call_next *next, uint64_t v, uint64_t w,
                               ww_slot *slots)
{
    struct ww_call_rest *rest = call->rest;
    ww_instance *instance = call->instance;
    if (WW_UNLIKELY(call->options->realloc == WW_NONE)) {
        ww_call_fail(call, "no realloc to lower with");
        return ww_call_trap(call);
    }
    ww_call_owner(call)->barred = true;
    memcpy(rest->realloc_context, instance->context, sizeof instance->context);
    memset(instance->context, 0, sizeof instance->context);
    rest->next = next;
    return ww_answer(slots, WW_OP_REALLOC | call->options->realloc << 8, v, w);
}

ww_trap *ww_call_ask_realloc(ww_call *call, ww_call_next *next, ww_slot *slots)
{
    const ww_realloc_request *r = &call->rest->lowering.request;
    return answer_realloc(call, next, r->old_ptr | (uint64_t)r->old_size << 32,
                          r->align | (uint64_t)r->new_size << 32, slots);
}

ww_trap *ww_call_progress(ww_call *call, ww_progress progress, ww_call_next *lowered,
                          ww_slot *slots)
{
    if (progress == WW_LOWERED) return lowered(call, 0, slots);
    if (WW_UNLIKELY(progress == WW_LOWER_FAILED)) return ww_call_trap(call);
    call->rest->lowered = lowered;
    return ww_call_ask_realloc(call, resume_lowering, slots);
}

static ww_trap *resume_function(ww_call *call, uint64_t value, ww_slot *slots)
{
    (void)value;
    ww_status status = call->resume(call, call->rest->value ? call->rest->value : call->result);
    return ww_call_settle(call, status, slots);
}

static ww_trap *answer_done(ww_call *call, uint64_t value, ww_slot *slots)
{
    (void)value;
    uint64_t bits = call->rest->flats[0].words[0];
    if (call->lend_count) ww_call_give_back_lends(call);
    ww_call_pop(call);
    return ww_answer(slots, WW_OP_DONE, bits, 0);
}

/* What reads answer: a list of bytes, alone or as the good case of a result; else NULL. */
static const ww_list *lone_bytes(const ww_type *type, const void *value, uint32_t *at)
{
    const uint8_t *host = value;
    if (type->kind == WW_TYPE_RESULT) {
        uint32_t tag;
        memcpy(&tag, host, sizeof tag);
        if (tag || !type->fields[0].type) return NULL;
        host += type->payload_host_offset;
        *at += type->payload_abi_offset;
        type = type->fields[0].type;
    }
    const bool is_bytes = type->kind == WW_TYPE_LIST && type->element->kind == WW_TYPE_U8;
    return is_bytes ? (const ww_list *)(const void *)host : NULL;
}

static ww_trap *finish_bytes(ww_call *call, uint64_t value, ww_slot *slots)
{
    const struct ww_call_rest *rest = call->rest;
    const uint32_t ptr = (uint32_t)value, count = (uint32_t)rest->bytes.count;
    ww_call_after_realloc(call);
    if (WW_UNLIKELY(!ww_lower_check_realloc(call, ptr))) return ww_call_trap(call);
    /* The host's value may be a view of this very memory. */
    if (count) memmove(ww_call_at(call, ptr), rest->bytes.data, count);
    ww_put_le32(ww_call_at(call, rest->bytes_at), ptr);
    ww_put_le32(ww_call_at(call, rest->bytes_at) + 4, count);
    return answer_done(call, 0, slots);
}

/* One realloc and one copy: no frames are kept for them. */
static ww_trap *lower_bytes(ww_call *call, const ww_list *bytes, uint32_t at, ww_slot *slots)
{
    struct ww_call_rest *rest = call->rest;
    const uint32_t count = (uint32_t)bytes->count;
    rest->bytes.data = bytes->data;
    rest->bytes.count = count;
    rest->bytes_at = at;
    rest->lowering.request.align = 1;
    rest->lowering.request.new_size = count;
    return answer_realloc(call, finish_bytes, 0, 1 | (uint64_t)count << 32, slots);
}

static ww_trap *lower_host_result(ww_call *call, ww_slot *slots)
{
    struct ww_call_rest *rest = call->rest;
    const ww_func_type *type = call->site->func->type;
    const ww_resolver resolver = {call->site->resources, NULL};
    const void *value = rest->value ? rest->value : call->result;
    rest->flats[0] = (ww_slot){0};
    if (!type->result) return answer_done(call, 0, slots);
    if (!type->result_spilled) {
        return ww_call_progress(
            call, ww_lower_result(call, resolver, type->result, value, 0, rest->flats), answer_done,
            slots);
    }
    uint32_t at = call->result_pointer;
    if (!ww_lift_pointer(call, at, type->result->abi_size, type->result->abi_align)) {
        ww_release_value(call, &resolver, type->result, value);
        return ww_call_trap(call);
    }
    uint32_t bytes_at = at;
    const ww_list *bytes = lone_bytes(type->result, value, &bytes_at);
    if (bytes && bytes->count <= WW_MAX_VALUE_BYTES) {
        if (bytes_at != at) *ww_call_at(call, at) = 0; /* the good case */
        return lower_bytes(call, bytes, bytes_at, slots);
    }
    return ww_call_progress(call, ww_lower_result(call, resolver, type->result, value, at, NULL),
                            answer_done, slots);
}

ww_trap *ww_call_settle(ww_call *call, ww_status status, ww_slot *slots)
{
    if (WW_LIKELY(status == WW_OK)) {
        call->own_count = 0;
        call->rest->owns_more = 0;
        return lower_host_result(call, slots);
    }
    if (status != WW_AGAIN) {
        if (status != WW_E_TRAP) ww_call_fail(call, "host function: %s", ww_status_text(status));
        return ww_call_trap(call);
    }
    WW_ASSERT(call->resume);
    call->rest->next = resume_function;
    ww_store_wait(call->instance->store);
    return ww_answer(slots, WW_OP_WAIT, 0, 0);
}

ww_trap *ww_entry_resume(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)env, (void)slot_count;
    ww_instance *instance = ww_caller_data(caller);
    WW_ASSERT(instance->depth);
    ww_call *call = &instance->frames[instance->depth - 1]->call;
    if (WW_UNLIKELY(instance->kill_reason)) {
        ww_call_fail_code(call, WW_TRAP_INTERRUPT);
        return ww_call_trap(call);
    }
    return call->rest->next(call, slots[0].u64, slots);
}
