/* Invariants
 *   1. Steps run in order; the next one runs when the start function before it has returned.
 *   2. `job` is the call that runs, `queue` those that wait; a job runs only when no step is left.
 *   3. in_call is true from ww_store_call until the store's poll says DONE or FAILED.
 *   4. end.status is set once; after that the store is never polled, every job has been ended, and
 *      the stack of calls is empty. Handle tables are kept until ww_instance_free.
 *   5. While a job's call is on the stack at depth 1 after DONE, its result is being handed over.
 */
#include "component/runtime.h"
#include <stdlib.h>

/* --- making one --- */

typedef struct layout {
    size_t size;
    uint8_t *base; /* NULL: only measuring */
} layout;

static void *place(layout *l, size_t count, size_t size)
{
    void *ptr = l->base ? l->base + l->size : NULL;
    l->size += ww_align_up(count * size, _Alignof(max_align_t));
    return ptr;
}

static uint32_t imports_max(const ww_program *program)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < program->step_count; i++)
        if (program->steps[i].kind == WW_STEP_INSTANTIATE && program->steps[i].ref_count > most)
            most = program->steps[i].ref_count;
    return most;
}

/* Counts are bounded by component/limits.h, so that the sum cannot overflow. */
static void place_arrays(ww_instance *instance, layout *l)
{
    const ww_plan *plan = instance->program->plan;
    instance->owners = place(l, plan->owner_count, sizeof *instance->owners);
    instance->memories = place(l, plan->memory_count, sizeof *instance->memories);
    instance->resources = place(l, plan->resource_count, sizeof *instance->resources);
    instance->guest_resources = place(l, plan->resource_count, sizeof *instance->guest_resources);
    instance->cores = place(l, plan->instance_count, sizeof *instance->cores);
    instance->core_modules = place(l, plan->instance_count, sizeof *instance->core_modules);
    instance->imports = place(l, imports_max(instance->program), sizeof *instance->imports);
    instance->thunks =
        place(l, ww_program_thunk_count(instance->program), sizeof *instance->thunks);
    instance->slots = place(l, plan->slot_count, sizeof *instance->slots);
}

static bool make_arrays(ww_instance *instance)
{
    layout l = {0};
    place_arrays(instance, &l);
    uint8_t *block = ww_alloc_zeroed(instance->allocator, l.size + 1);
    if (!block) return false;
    instance->block_size = l.size + 1;
    l = (layout){.base = block};
    place_arrays(instance, &l);
    instance->block = block;
    return true;
}

static void fill_arrays(ww_instance *instance)
{
    const ww_program *program = instance->program;
    const ww_plan *plan = program->plan;
    for (uint32_t i = 0; i < plan->owner_count; i++) {
        ww_handles_init(&instance->owners[i].handles, instance->allocator);
        instance->owners[i].parent = plan->owners[i].parent;
    }
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        const ww_plan_resource *resource = &plan->resources[i];
        ww_resource_type *type = &instance->guest_resources[i];
        *type = (ww_resource_type){
            .name = "resource", .owner = resource->owner, .dtor = resource->dtor};
        instance->resources[i] = program->resources[i] ? program->resources[i] : type;
    }
}

static ww_verdict on_tick(void *data)
{
    ww_instance *instance = data;
    if (instance->kill_reason) return WW_KILL;
    return instance->options.tick ? instance->options.tick(instance->options.host) : WW_YIELD;
}

static ww_core_func thunk_export(ww_instance *instance, uint32_t index)
{
    ww_core_extern item;
    ww_store_export(instance->store, instance->program->thunk_module, &instance->thunk_instance,
                    index, &item);
    WW_ASSERT(item.kind == WW_CORE_FUNC);
    return item.of.func;
}

static ww_status get_thunks(ww_instance *instance)
{
    uint32_t count = ww_program_thunk_count(instance->program);
    ww_status status = WW_OK;
    for (uint32_t g = 0; g < ww_thunk_groups(count) && !status; g++) {
        ww_core_func getter = thunk_export(instance, g);
        status = ww_store_get_funcs(instance->store, &getter, instance->thunks + g * WW_FUNC_GROUP,
                                    ww_thunk_group_size(count, g));
    }
    return status;
}

static ww_status make_store(ww_instance *instance, ww_diag *diag)
{
    const ww_program *program = instance->program;
    ww_status status = ww_store_new(program->engine, &instance->options.limits,
                                    (ww_store_hooks){instance, on_tick}, &instance->store, diag);
    if (status) return status;
    status = ww_store_instantiate_link(instance->store, program->thunks, &instance->thunk_instance,
                                       diag);
    return status ? status : get_thunks(instance);
}

/* --- steps --- */

static void find_core(ww_instance *instance, const ww_bound_ref *ref, ww_core_extern *out)
{
    if (ref->instance == WW_NONE) {
        *out = (ww_core_extern){.kind = WW_CORE_FUNC, .of.func = instance->thunks[ref->index]};
        return;
    }
    ww_store_export(instance->store, instance->core_modules[ref->instance],
                    &instance->cores[ref->instance], ref->index, out);
}

static ww_status instantiate(ww_instance *instance, const ww_bound_step *step, ww_diag *diag)
{
    for (uint32_t i = 0; i < step->ref_count; i++)
        find_core(instance, &step->refs[i], &instance->imports[i]);
    ww_core_instance *core = &instance->cores[step->index];
    ww_status status = ww_store_instantiate(instance->store, step->module, instance->imports,
                                            step->ref_count, core, diag);
    if (!status) instance->core_modules[step->index] = step->module;
    return status;
}

/* What the steps have found since is put into the table before guest code can look. */
static ww_status set_slots(ww_instance *instance)
{
    uint32_t count = instance->program->plan->slot_count;
    uint32_t setters = ww_thunk_groups(ww_program_thunk_count(instance->program));
    ww_status status = WW_OK;
    if (!instance->slots_changed) return WW_OK;
    for (uint32_t g = 0; g < ww_thunk_groups(count) && !status; g++) {
        ww_core_func setter = thunk_export(instance, setters + g);
        status = ww_store_set_funcs(instance->store, &setter, instance->slots + g * WW_FUNC_GROUP,
                                    ww_thunk_group_size(count, g));
    }
    instance->slots_changed = false;
    return status;
}

static ww_status run(ww_instance *instance, const ww_core_func *func)
{
    ww_status status = set_slots(instance);
    if (status) return status;
    instance->in_call = true;
    return ww_store_call(instance->store, func);
}

static ww_status start(ww_instance *instance, const ww_bound_step *step)
{
    ww_core_extern item;
    find_core(instance, &step->refs[0], &item);
    WW_ASSERT(item.kind == WW_CORE_FUNC);
    return run(instance, &item.of.func);
}

static ww_status set_memory(ww_instance *instance, const ww_bound_step *step)
{
    ww_core_extern item;
    find_core(instance, &step->refs[0], &item);
    WW_ASSERT(item.kind == WW_CORE_MEMORY);
    ww_live_memory *memory = &instance->memories[step->index];
    memory->memory = item.of.memory;
    memory->view = ww_store_memory(instance->store, &item.of.memory);
    return WW_OK;
}

static ww_status set_slot(ww_instance *instance, const ww_bound_step *step)
{
    ww_core_extern item;
    find_core(instance, &step->refs[0], &item);
    WW_ASSERT(item.kind == WW_CORE_FUNC);
    instance->slots[step->index] = item.of.func;
    instance->slots_changed = true;
    return WW_OK;
}

/* Runs steps until one has started a function, or none is left. */
static ww_status run_steps(ww_instance *instance, ww_diag *diag)
{
    const ww_program *program = instance->program;
    ww_status status = WW_OK;
    while (!status && !instance->in_call && instance->step < program->step_count) {
        const ww_bound_step *step = &program->steps[instance->step++];
        switch (step->kind) {
        case WW_STEP_INSTANTIATE: status = instantiate(instance, step, diag); break;
        case WW_STEP_START: status = start(instance, step); break;
        case WW_STEP_MEMORY: status = set_memory(instance, step); break;
        case WW_STEP_SLOT: status = set_slot(instance, step); break;
        case WW_STEP_RESOURCE: break; /* its identity is the address of its type */
        }
    }
    return status;
}

ww_status ww_instance_new(ww_program *program, const ww_instance_options *options,
                          const ww_allocator *allocator, ww_instance **out, ww_diag *diag)
{
    *out = NULL;
    ww_instance *instance = ww_alloc_zeroed(allocator, sizeof *instance);
    if (!instance) return ww_fail(diag, WW_E_MEMORY, "no memory for an instance");
    instance->allocator = allocator;
    instance->program = ww_program_ref(program);
    instance->options = *options;
    if (!instance->options.copy_bytes_max) instance->options.copy_bytes_max = WW_MAX_COPY_BYTES;
    instance->queue_end = &instance->queue;
    ww_arena_init(&instance->direct.scratch, allocator, instance->options.copy_bytes_max);
    ww_status status = WW_E_MEMORY;
    if (make_arrays(instance)) {
        fill_arrays(instance);
        status = make_store(instance, diag);
    } else {
        ww_fail(diag, status, "no memory for an instance");
    }
    if (!status) status = run_steps(instance, diag);
    if (status) {
        ww_instance_free(instance);
        return status;
    }
    *out = instance;
    return WW_OK;
}

/* --- teardown --- */

static int newest_first(const void *a, const void *b)
{
    const ww_handle *x = a, *y = b;
    bool x_goes = x->type && !x->scope, y_goes = y->type && !y->scope;
    if (x_goes != y_goes) return x_goes ? -1 : 1;
    return (x->born < y->born) - (x->born > y->born);
}

/* The table whose next entry to go is the youngest; NULL if all is gone. `first_free` is where each
 * table has come to: the tables are sorted and no longer tables. */
static ww_handles *youngest(ww_instance *instance)
{
    ww_handles *best = NULL;
    for (uint32_t i = 0; i < instance->program->plan->owner_count; i++) {
        ww_handles *h = &instance->owners[i].handles;
        if (h->first_free >= h->size) continue;
        const ww_handle *entry = &h->entries[h->first_free];
        if (!entry->type || entry->scope) continue;
        if (!best || entry->born > best->entries[best->first_free].born) best = h;
    }
    return best;
}

static void drop_handles(ww_instance *instance)
{
    ww_call call = {.instance = instance, .host = instance->options.host};
    for (uint32_t i = 0; i < instance->program->plan->owner_count; i++) {
        ww_handles *h = &instance->owners[i].handles;
        if (h->size) qsort(h->entries, h->size, sizeof *h->entries, newest_first);
        h->first_free = 0;
    }
    for (ww_handles *h; (h = youngest(instance));) {
        const ww_handle *entry = &h->entries[h->first_free++];
        call.handles = h;
        if (entry->type->drop) entry->type->drop(&call, entry->rep);
        if (call.trap) ww_trap_free(call.trap);
        call.trap = NULL;
        call.failed = false;
    }
    for (uint32_t i = 0; i < instance->program->plan->owner_count; i++)
        ww_handles_deinit(&instance->owners[i].handles);
}

static void end_job(ww_instance *instance, ww_job *job, ww_status status, const void *result)
{
    ww_call_done done = job->done;
    ww_free(instance->allocator, job, sizeof *job);
    if (done.done) done.done(done.self, status, result);
}

/* Parameters that never crossed. */
static void release_params(ww_instance *instance, const ww_job *job)
{
    if (!job->lift || job->started) return;
    const ww_plan_type *type = &job->lift->plan->type;
    const ww_resolver resolver = {instance->resources, type->resources};
    ww_call call = {.instance = instance, .host = instance->options.host};
    ww_release_fields(&call, &resolver, type->func->params, type->func->param_count, job->params);
    if (call.trap) ww_trap_free(call.trap);
}

static void abandon_calls(ww_instance *instance)
{
    while (instance->depth) {
        ww_call *call = &instance->frames[instance->depth - 1]->call;
        ww_call_abandon(call);
        if (call->trap) ww_trap_free(call->trap);
        call->trap = NULL;
        ww_call_pop(call);
    }
}

/* The instance is dead: ends all jobs. A callback may free nothing of it, nor call it. */
static void die(ww_instance *instance, ww_instance_end end)
{
    WW_ASSERT(!instance->end.status && end.status);
    instance->end = end;
    instance->in_call = false;
    abandon_calls(instance);
    ww_job *jobs[] = {instance->job, instance->queue};
    instance->job = instance->queue = NULL;
    instance->queue_end = &instance->queue;
    for (size_t i = 0; i < WW_COUNT_OF(jobs); i++) {
        for (ww_job *job = jobs[i], *next; job; job = next) {
            next = job->next;
            release_params(instance, job);
            end_job(instance, job, end.status, NULL);
        }
    }
}

static void die_of_failure(ww_instance *instance)
{
    ww_failure failure = ww_store_failure(instance->store);
    ww_status status = instance->exiting       ? WW_E_EXIT
                       : instance->kill_reason ? instance->kill_reason
                                               : WW_E_TRAP;
    die(instance, (ww_instance_end){.status = status,
                                    .exit_code = instance->end.exit_code,
                                    .trap_code = failure.code,
                                    .text = failure.text,
                                    .trace = failure.trace});
}

void ww_instance_free(ww_instance *instance)
{
    if (!instance) return;
    WW_ASSERT(!ww_instance_is_polling(instance));
    if (!instance->end.status)
        die(instance, (ww_instance_end){.status = WW_E_CANCELED, .trap_code = -1});
    ww_store_free(instance->store);
    if (instance->block) drop_handles(instance);
    ww_arena_deinit(&instance->direct.scratch);
    for (size_t i = 0; i < WW_COUNT_OF(instance->frames) && instance->frames[i]; i++) {
        ww_arena_deinit(&instance->frames[i]->rest.scratch);
        ww_free(instance->allocator, instance->frames[i], sizeof(ww_frame));
    }
    ww_free(instance->allocator, instance->block, instance->block_size);
    ww_program_unref(instance->program);
    ww_free(instance->allocator, instance, sizeof *instance);
}

/* --- jobs --- */

static ww_status enqueue(ww_instance *instance, ww_job job)
{
    ww_job *queued = ww_alloc(instance->allocator, sizeof *queued);
    if (!queued) return WW_E_MEMORY;
    *queued = job;
    queued->next = NULL;
    *instance->queue_end = queued;
    instance->queue_end = &queued->next;
    return WW_OK;
}

ww_status ww_instance_call(ww_instance *instance, const ww_export *func, const void *params,
                           ww_call_done done)
{
    if (instance->end.status || instance->kill_reason) return WW_E_STALE;
    return enqueue(instance, (ww_job){.lift = func->lift, .params = params, .done = done});
}

void ww_instance_drop_resource(ww_instance *instance, const ww_resource_type *type, uint64_t rep)
{
    if (instance->end.status || type->owner == WW_NONE || type->dtor == WW_NONE) return;
    if (!instance->program->plan->lift_count) return; /* no function to run it in */
    if (enqueue(instance, (ww_job){.type = type, .rep = rep}))
        ww_instance_kill(instance, WW_E_MEMORY);
}

static ww_status start_job(ww_instance *instance)
{
    ww_job *job = instance->job = instance->queue;
    instance->queue = job->next;
    job->next = NULL;
    if (!instance->queue) instance->queue_end = &instance->queue;
    /* Any lift's thunk can run a destructor. */
    uint32_t lift = job->lift ? job->lift->index : 0;
    return run(instance, &instance->thunks[instance->program->plan->site_count + lift]);
}

/* Hands over the result of the job whose call is done. */
static void finish_job(ww_instance *instance)
{
    ww_job *job = instance->job;
    instance->job = NULL;
    if (!job) return; /* a start function */
    WW_ASSERT(instance->depth == 1);
    ww_call *call = &instance->frames[0]->call;
    call->rest->held = NULL; /* the callback's */
    const void *result = job->lift ? call->rest->value : NULL;
    end_job(instance, job, WW_OK, result);
    ww_call_pop(call);
}

/* --- running --- */

/* Runs steps, then starts the next job; false when the instance died of it. */
static bool advance(ww_instance *instance)
{
    ww_instance_end end = {.status = instance->kill_reason, .trap_code = -1};
    if (!end.status) {
        end.status = run_steps(instance, &instance->failed_step);
        if (!end.status && !instance->in_call && instance->queue) end.status = start_job(instance);
        if (!end.status) return true;
        end.text = ww_view_str(instance->failed_step.text);
    }
    die(instance, end);
    return false;
}

ww_poll ww_instance_poll(ww_instance *instance)
{
    WW_ASSERT(!ww_instance_is_polling(instance));
    while (!instance->end.status) {
        if (!instance->in_call) {
            if (!advance(instance)) break;
            if (!instance->in_call) return WW_POLL_DONE;
        }
        ww_poll polled = ww_store_poll(instance->store);
        if (polled == WW_POLL_WAIT || polled == WW_POLL_SLICE) return polled;
        instance->in_call = false;
        if (polled == WW_POLL_FAILED)
            die_of_failure(instance);
        else
            finish_job(instance);
    }
    return WW_POLL_FAILED;
}

void ww_instance_kill(ww_instance *instance, ww_status reason)
{
    WW_ASSERT(reason);
    if (instance->end.status || instance->kill_reason) return;
    instance->kill_reason = reason;
    ww_store_kill(instance->store);
}

bool ww_instance_is_polling(const ww_instance *instance)
{
    return instance->store && ww_store_is_polling(instance->store);
}

ww_status ww_call_exit(ww_call *call, int code)
{
    call->instance->exiting = true;
    call->instance->end.exit_code = code;
    ww_call_fail(call, "exit with code %d", code);
    return WW_E_EXIT;
}

ww_instance_end ww_instance_end_of(const ww_instance *instance)
{
    return instance->end;
}

ww_instance_memory ww_instance_memory_of(const ww_instance *instance)
{
    ww_instance_memory all = {0};
    for (uint32_t i = 0; i < instance->program->plan->memory_count; i++) {
        const ww_live_memory *memory = &instance->memories[i];
        if (!memory->view.base) continue;
        uint64_t size = ww_store_memory(instance->store, &memory->memory).size;
        all.bytes += size;
        if (size > all.largest) all.largest = size;
    }
    return all;
}

void ww_instance_limit_memory(ww_instance *instance, uint64_t bytes_max)
{
    ww_store_limit_memory(instance->store, bytes_max);
}
