/* Core instances, and what canonical definitions make of and for them. */
#include "component/planner.h"

static const ww_core_type realloc_type = {.param_count = 4,
                                          .params = {WW_I32, WW_I32, WW_I32, WW_I32},
                                          .result_count = 1,
                                          .results = {WW_I32}};

/* --- references ----------------------------------------------------------------------------- */

bool ww_planner_ref(ww_planner *p, ww_core_item item, ww_plan_ref *out)
{
    if (item.instance && item.instance->shim) return ww_planner_shim_ref(p, item, out);
    if (!item.instance)
        *out = (ww_plan_ref){.kind = WW_REF_SITE, .instance = item.index};
    else
        *out = (ww_plan_ref){.kind = WW_REF_EXPORT,
                             .instance = item.instance->number,
                             .name = item.instance->type->exports.items[item.index].name};
    return true;
}

static bool push_step(ww_planner *p, ww_plan_step step)
{
    return ww_planner_push(p, &p->steps, &step, sizeof step, NULL);
}

bool ww_planner_ref_step(ww_planner *p, ww_plan_step_kind kind, uint32_t index, ww_core_item item)
{
    ww_plan_ref *ref = ww_planner_take(p, p->arena, 1, sizeof *ref);
    return ref && ww_planner_ref(p, item, ref) &&
           push_step(p, (ww_plan_step){kind, index, WW_NONE, 1, ref});
}

/* Where the slot or memory number of an item is kept; NULL after a failure. */
static uint32_t *number_of(ww_planner *p, ww_core_item item)
{
    if (!item.instance) return (uint32_t *)(void *)p->site_slots.data + item.index;
    ww_core_value *instance = item.instance;
    if (!instance->numbers) {
        uint32_t count = instance->type->exports.count;
        instance->numbers = ww_planner_take(p, &p->scratch, count, sizeof(uint32_t));
        for (uint32_t i = 0; instance->numbers && i < count; i++)
            instance->numbers[i] = WW_NONE;
    }
    if (!instance->numbers) return NULL;
    return &instance->numbers[instance->shim ? ww_shim_entry_of(item) : item.index];
}

/* The slot of a core function; the step that fills it comes with the first use, that of a shim's
 * entry when the entry is filled. */
bool ww_planner_slot(ww_planner *p, ww_core_item item, const ww_core_type *type, uint32_t *slot)
{
    uint32_t *number = number_of(p, item);
    if (!number) return false;
    if (*number == WW_NONE) {
        if (!ww_planner_push(p, &p->slots, type, sizeof *type, number)) return false;
        bool later = item.instance && item.instance->shim;
        if (!later && !ww_planner_ref_step(p, WW_STEP_SLOT, *number, item)) return false;
    }
    *slot = *number;
    return true;
}

static bool memory_of(ww_planner *p, ww_core_item item, uint32_t *memory)
{
    WW_ASSERT(item.instance);
    uint32_t *number = number_of(p, item);
    if (!number) return false;
    if (*number == WW_NONE) {
        if (p->memory_count == WW_MAX_PLAN_MEMORIES)
            return ww_planner_fail(p, WW_E_LIMIT, "more than %d memories", WW_MAX_PLAN_MEMORIES);
        *number = p->memory_count++;
        if (!ww_planner_ref_step(p, WW_STEP_MEMORY, *number, item)) return false;
    }
    *memory = *number;
    return true;
}

/* --- core instances ------------------------------------------------------------------------- */

static bool find_export(ww_planner *p, ww_core_value *instance, ww_view name, ww_core_item *out)
{
    if (instance->type) {
        const ww_core_exports *exports = &instance->type->exports;
        const ww_core_export *found = ww_core_exports_find(exports, name);
        if (found) {
            *out = (ww_core_item){instance, (uint32_t)(found - exports->items)};
            return true;
        }
    } else {
        const ww_def *bag = instance->bag;
        const ww_ref *ref =
            ww_planner_find(bag->of.bag.exports, instance->by_name, bag->of.bag.count, name);
        if (ref && ref->sort <= WW_SORT_CORE_TAG) {
            *out = instance->frame->core_items[ref->sort][ref->index];
            return true;
        }
    }
    return ww_planner_fail(p, WW_E_INVALID, "no core export \"%.*s\"", WW_VIEW_ARG(name));
}

bool ww_planner_core_alias(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    return find_export(p, frame->core_instances[def->of.alias.instance], def->of.alias.name,
                       &frame->core_items[def->defines.sort][def->defines.index]);
}

bool ww_planner_core_bag(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_core_value *value = ww_planner_take(p, &p->scratch, 1, sizeof *value);
    if (!value) return false;
    *value = (ww_core_value){.number = WW_NONE, .bag = def, .frame = frame};
    value->by_name = ww_planner_sort(p, def->of.bag.exports, def->of.bag.count);
    frame->core_instances[def->defines.index] = value;
    return value->by_name != NULL;
}

static bool find_import(ww_planner *p, ww_frame *frame, const ww_def *def, const uint32_t *by_name,
                        const ww_core_import *import, ww_plan_ref *out)
{
    const ww_ref *ref = ww_planner_find(def->of.instantiate.args, by_name,
                                        def->of.instantiate.arg_count, import->module);
    if (!ref)
        return ww_planner_fail(p, WW_E_INVALID, "no core argument \"%.*s\"",
                               WW_VIEW_ARG(import->module));
    ww_core_item item;
    return find_export(p, frame->core_instances[ref->index], import->name, &item) &&
           ww_planner_ref(p, item, out);
}

static bool number_module(ww_planner *p, ww_module_value *module)
{
    return module->number != WW_NONE ||
           ww_planner_push(p, &p->modules, &module->plan, sizeof module->plan, &module->number);
}

/* The start function of an imported module is not known yet: its step is dropped if it has none. */
static bool push_start(ww_planner *p, const ww_core_value *instance)
{
    ww_plan_ref *ref = ww_planner_take(p, p->arena, 1, sizeof *ref);
    if (!ref) return false;
    *ref = (ww_plan_ref){WW_REF_EXPORT, instance->number, ww_view_str(WW_START_EXPORT)};
    return push_step(p, (ww_plan_step){WW_STEP_START, WW_NONE, WW_NONE, 1, ref});
}

static bool instantiate_module(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_ref target = {WW_SORT_CORE_MODULE, def->of.instantiate.target};
    ww_item module = ww_frame_item(frame, target);
    WW_ASSERT(module.kind == WW_VALUE_MODULE);
    if (p->instance_count == WW_MAX_PLAN_CORE_INSTANCES)
        return ww_planner_fail(p, WW_E_LIMIT, "more than %d core instances",
                               WW_MAX_PLAN_CORE_INSTANCES);
    if (!number_module(p, module.of.module)) return false;
    const ww_module_type *type = module.of.module->plan.type;
    ww_plan_ref *refs = ww_planner_take(p, p->arena, type->import_count, sizeof *refs);
    ww_core_value *value = ww_planner_take(p, &p->scratch, 1, sizeof *value);
    const uint32_t *by_name =
        ww_planner_sort(p, def->of.instantiate.args, def->of.instantiate.arg_count);
    if (p->status) return false;
    p->walked += type->import_count;
    for (uint32_t i = 0; i < type->import_count; i++)
        if (!find_import(p, frame, def, by_name, &type->imports[i], &refs[i])) return false;
    *value = (ww_core_value){.number = p->instance_count++, .type = type};
    frame->core_instances[def->defines.index] = value;
    const ww_core_module *source = module.of.module->plan.source;
    bool may_start = !source || source->start != WW_NONE;
    return push_step(p, (ww_plan_step){.kind = WW_STEP_INSTANTIATE,
                                       .index = value->number,
                                       .module = module.of.module->number,
                                       .ref_count = type->import_count,
                                       .refs = refs}) &&
           (!may_start || push_start(p, value));
}

bool ww_planner_core_instantiate(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    const ww_shim *shim = ww_planner_shim(p, frame->component);
    if (!shim) return false;
    if (def == shim->shim) return ww_planner_shim_make(p, frame, def);
    if (def == shim->fixup) return ww_planner_shim_fill(p, frame, def);
    return instantiate_module(p, frame, def);
}

/* --- canonical definitions ------------------------------------------------------------------ */

static ww_plan_type plan_type(const ww_frame *frame, const ww_func_type *func)
{
    return (ww_plan_type){func, frame->component->slot_count ? frame->resources : NULL};
}

static bool plan_options(ww_planner *p, const ww_frame *frame, const ww_def *def,
                         ww_plan_options *out)
{
    const ww_canon_options *options = &def->of.canon.options;
    const ww_func_type *type = def->of.canon.type;
    *out = (ww_plan_options){.encoding = (uint8_t)options->encoding,
                             .memory = WW_NONE,
                             .realloc = WW_NONE,
                             .post_return = WW_NONE};
    const ww_core_item *funcs = frame->core_items[WW_SORT_CORE_FUNC];
    if (options->memory != WW_NONE &&
        !memory_of(p, frame->core_items[WW_SORT_CORE_MEMORY][options->memory], &out->memory))
        return false;
    if (options->realloc != WW_NONE &&
        !ww_planner_slot(p, funcs[options->realloc], &realloc_type, &out->realloc))
        return false;
    if (options->post_return == WW_NONE) return true;
    ww_core_type post = {.param_count = type->lifted.result_count};
    memcpy(post.params, type->lifted.results, post.param_count);
    return ww_planner_slot(p, funcs[options->post_return], &post, &out->post_return);
}

bool ww_planner_lift(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_plan_lift lift = {.type = plan_type(frame, def->of.canon.type)};
    ww_item item = {.kind = WW_VALUE_LIFT};
    ww_core_item callee = frame->core_items[WW_SORT_CORE_FUNC][def->of.canon.func];
    if (!ww_planner_owner(p, frame, &lift.owner) || !plan_options(p, frame, def, &lift.options) ||
        !ww_planner_slot(p, callee, &def->of.canon.type->lifted, &lift.callee) ||
        !ww_planner_push(p, &p->lifts, &lift, sizeof lift, &item.index))
        return false;
    frame->items[WW_SORT_FUNC][def->defines.index] = item;
    return true;
}

bool ww_planner_site(ww_planner *p, ww_frame *frame, ww_plan_site *site, uint32_t *index)
{
    static const uint32_t no_slot = WW_NONE;
    return ww_planner_owner(p, frame, &site->owner) &&
           ww_planner_push(p, &p->sites, site, sizeof *site, index) &&
           ww_planner_push(p, &p->site_slots, &no_slot, sizeof no_slot, NULL);
}

static bool add_site(ww_planner *p, ww_frame *frame, const ww_def *def, ww_plan_site *site)
{
    uint32_t index;
    if (!ww_planner_site(p, frame, site, &index)) return false;
    frame->core_items[WW_SORT_CORE_FUNC][def->defines.index] = (ww_core_item){NULL, index};
    return true;
}

bool ww_planner_lower(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_ref ref = {WW_SORT_FUNC, def->of.canon.func};
    ww_item func = ww_frame_item(frame, ref);
    WW_ASSERT(func.kind == WW_VALUE_LIFT || func.kind == WW_VALUE_IMPORT);
    ww_plan_site site = {
        .kind = func.kind == WW_VALUE_LIFT ? WW_SITE_CALL : WW_SITE_IMPORT,
        .target = func.index,
        .type = plan_type(frame, def->of.canon.type),
        .core = def->of.canon.type->lowered,
    };
    return plan_options(p, frame, def, &site.options) && add_site(p, frame, def, &site);
}

bool ww_planner_builtin(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_plan_site site = {
        .options = {.memory = WW_NONE, .realloc = WW_NONE, .post_return = WW_NONE},
        .core = {.param_count = 1, .params = {WW_I32}},
    };
    switch (def->kind) {
    case WW_DEF_RESOURCE_NEW:
    case WW_DEF_RESOURCE_REP:
        site.kind = def->kind == WW_DEF_RESOURCE_NEW ? WW_SITE_NEW : WW_SITE_REP;
        site.core.result_count = 1;
        site.core.results[0] = WW_I32;
        break;
    case WW_DEF_RESOURCE_DROP: site.kind = WW_SITE_DROP; break;
    case WW_DEF_CONTEXT_SET: site.kind = WW_SITE_CONTEXT_SET; break;
    default:
        site.kind = WW_SITE_CONTEXT_GET;
        site.core = (ww_core_type){.result_count = 1, .results = {WW_I32}};
        break;
    }
    site.target = site.kind == WW_SITE_CONTEXT_GET || site.kind == WW_SITE_CONTEXT_SET
                      ? def->of.context
                      : frame->resources[def->of.resource->slot];
    return add_site(p, frame, def, &site);
}

bool ww_planner_resource(ww_planner *p, ww_frame *frame, const ww_resource *resource,
                         uint32_t *index)
{
    static const ww_core_type dtor_type = {.param_count = 1, .params = {WW_I32}};
    ww_plan_resource plan = {.dtor = WW_NONE, .import = WW_NONE};
    if (!ww_planner_owner(p, frame, &plan.owner)) return false;
    if (resource->dtor != WW_NONE &&
        !ww_planner_slot(p, frame->core_items[WW_SORT_CORE_FUNC][resource->dtor], &dtor_type,
                         &plan.dtor))
        return false;
    if (!ww_planner_push(p, &p->resources, &plan, sizeof plan, index)) return false;
    return push_step(p,
                     (ww_plan_step){.kind = WW_STEP_RESOURCE, .index = *index, .module = WW_NONE});
}
