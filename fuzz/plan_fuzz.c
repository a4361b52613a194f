/* Any bytes as a component that is planned. A plan that comes out keeps the promises of its header:
 * what a step refers to was made by an earlier one, numbers are in range, slots are filled at most
 * once; its core modules can be rewritten, and its thunks emitted. */
#include "component/limits.h"
#include "component/plan.h"
#include "component/thunk.h"
#include <stdlib.h>

static void require(bool cond)
{
    if (!cond) abort();
}

static void check_index(uint32_t index, uint32_t count)
{
    require(index < count || index == WW_NONE);
}

static void check_options(const ww_plan *plan, const ww_plan_options *options)
{
    check_index(options->memory, plan->memory_count);
    check_index(options->realloc, plan->slot_count);
    check_index(options->post_return, plan->slot_count);
}

static void check_sites(const ww_plan *plan)
{
    const uint32_t targets[] = {
        [WW_SITE_IMPORT] = plan->import_count,
        [WW_SITE_CALL] = plan->lift_count,
        [WW_SITE_NEW] = plan->resource_count,
        [WW_SITE_REP] = plan->resource_count,
        [WW_SITE_DROP] = plan->resource_count,
        [WW_SITE_CONTEXT_GET] = 2,
        [WW_SITE_CONTEXT_SET] = 2,
        [WW_SITE_FORWARD] = plan->slot_count,
    };
    for (uint32_t i = 0; i < plan->site_count; i++) {
        const ww_plan_site *site = &plan->sites[i];
        require(site->target < targets[site->kind] && site->owner < plan->owner_count);
        check_options(plan, &site->options);
    }
    for (uint32_t i = 0; i < plan->lift_count; i++) {
        require(plan->lifts[i].callee < plan->slot_count);
        require(plan->lifts[i].owner < plan->owner_count);
        check_options(plan, &plan->lifts[i].options);
    }
}

/* What the steps up to now have made. */
typedef struct made {
    uint32_t instances, memories, resources;
    uint32_t *modules; /* by instance */
    uint8_t *slots;
} made;

static void check_ref(const ww_plan *plan, const made *m, const ww_plan_ref *ref)
{
    if (ref->kind == WW_REF_SITE) {
        require(ref->instance < plan->site_count);
        return;
    }
    require(ref->instance < m->instances);
    const ww_plan_module *module = &plan->modules[m->modules[ref->instance]];
    bool start = ww_view_is(ref->name, WW_START_EXPORT) &&
                 (!module->source || module->source->start != WW_NONE);
    require(start || ww_core_exports_find(&module->type->exports, ref->name));
}

static void check_step(const ww_plan *plan, made *m, const ww_plan_step *step)
{
    for (uint32_t i = 0; i < step->ref_count; i++)
        check_ref(plan, m, &step->refs[i]);
    switch (step->kind) {
    case WW_STEP_INSTANTIATE:
        require(step->index == m->instances && step->module < plan->module_count);
        require(step->ref_count == plan->modules[step->module].type->import_count);
        m->modules[m->instances++] = step->module;
        break;
    case WW_STEP_START: require(step->ref_count == 1); break;
    case WW_STEP_MEMORY: require(step->ref_count == 1 && step->index == m->memories++); break;
    case WW_STEP_SLOT:
        require(step->ref_count == 1 && step->index < plan->slot_count);
        require(!m->slots[step->index]++);
        break;
    case WW_STEP_RESOURCE: require(step->index < plan->resource_count); break;
    }
}

static void check_steps(const ww_plan *plan, ww_arena *arena)
{
    made m = {.modules = ww_arena_array(arena, plan->instance_count, sizeof(uint32_t)),
              .slots = ww_arena_array(arena, plan->slot_count, 1)};
    if (!m.modules || !m.slots) return;
    for (uint32_t i = 0; i < plan->step_count; i++)
        check_step(plan, &m, &plan->steps[i]);
    require(m.instances == plan->instance_count && m.memories == plan->memory_count);
}

static void rewrite_modules(const ww_plan *plan)
{
    ww_buf scratch;
    ww_buf_init(&scratch, ww_allocator_libc(), WW_MAX_COMPONENT_BYTES);
    for (uint32_t i = 0; i < plan->module_count; i++) {
        ww_view bytes;
        if (!plan->modules[i].source) continue;
        (void)!ww_plan_module_bytes(plan->modules[i].source, &scratch, &bytes, NULL);
    }
    ww_buf_deinit(&scratch);
}

/* All lifts, as a program would make them. */
static void emit_thunks(const ww_plan *plan, ww_arena *arena)
{
    ww_thunk *thunks = ww_arena_array(arena, plan->lift_count, sizeof *thunks);
    for (uint32_t i = 0; thunks && i < plan->lift_count; i++) {
        const ww_core_type *lifted = &plan->lifts[i].type.func->lifted;
        thunks[i] = (ww_thunk){.kind = WW_THUNK_LIFT,
                               .core = *lifted,
                               .callee = plan->lifts[i].callee,
                               .callee_type = lifted,
                               .post_return = plan->lifts[i].options.post_return};
    }
    ww_thunk_module module;
    if (thunks)
        (void)!ww_thunk_emit(thunks, plan->lift_count, plan->slots, plan->slot_count, arena,
                             &module, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ww_arena arena;
    ww_arena_init(&arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    const ww_model *model;
    const ww_plan *plan;
    if (!ww_model_parse(ww_view_of(data, size), &arena, &model, NULL) &&
        !ww_plan_make(model, &arena, &plan, NULL)) {
        check_sites(plan);
        check_steps(plan, &arena);
        rewrite_modules(plan);
        emit_thunks(plan, &arena);
    }
    ww_arena_deinit(&arena);
    return 0;
}
