/* Any bytes as a component: parsed, validated and planned. A model that comes out keeps the promises
 * of its header: items stand before their use, and resource slots are in range. */
#include "component/limits.h"
#include "component/plan.h"
#include <stdlib.h>

static void require(bool cond)
{
    if (!cond) abort();
}

static void check_type(const ww_component *component, const ww_type *type)
{
    if (!type || !type->has_handles) return;
    if (type->kind == WW_TYPE_OWN || type->kind == WW_TYPE_BORROW)
        require(type->resource < component->slot_count);
    if (type->kind == WW_TYPE_LIST) check_type(component, type->element);
    for (uint32_t i = 0; i < type->count; i++)
        check_type(component, type->fields[i].type);
}

static void check_component(const ww_component *component)
{
    uint32_t slots = 0;
    for (uint32_t i = 0; i < component->def_count; i++) {
        const ww_def *def = &component->defs[i];
        require(def->defines.index < component->space_size[def->defines.sort]);
        require(def->slot_first == slots);
        slots += def->slot_count;
    }
    require(slots == component->slot_count);
    for (uint32_t i = 0; i < slots; i++)
        require(component->resources[i]->slot == i);
    for (uint32_t i = 0; i < component->space_size[WW_SORT_FUNC]; i++) {
        const ww_func_type *func = component->funcs[i];
        for (uint32_t k = 0; k < func->param_count; k++)
            check_type(component, func->params[k].type);
        check_type(component, func->result);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ww_arena arena;
    ww_arena_init(&arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    const ww_model *model;
    const ww_plan *plan;
    ww_diag diag;
    if (!ww_model_parse(ww_view_of(data, size), &arena, &model, &diag)) {
        for (uint32_t i = 0; i < model->component_count; i++)
            check_component(model->components[i]);
        (void)!ww_plan_make(model, &arena, &plan, &diag);
    }
    ww_arena_deinit(&arena);
    return 0;
}
