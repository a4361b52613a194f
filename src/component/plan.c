/* Walks a model and instantiates its components symbolically.
 *
 * Invariants
 *  1. A frame's arrays are filled up to, and only up to, the definition before frame->next.
 *  2. Every count of the plan is checked against its limit before memory is taken for it; so is the
 *     number of definitions walked, which is the time that planning takes.
 *  3. frame->resources[slot] is set when the definition that brings the slot into being was walked.
 */
#include "component/planner.h"
#include <stdlib.h>

/* --- helpers -------------------------------------------------------------------------------- */

bool ww_planner_fail(ww_planner *p, ww_status status, const char *format, ...)
{
    if (p->status) return false;
    va_list args;
    va_start(args, format);
    p->status = ww_vfail(p->diag, status, format, args);
    va_end(args);
    return false;
}

void *ww_planner_take(ww_planner *p, ww_arena *arena, size_t count, size_t size)
{
    void *memory = ww_arena_array(arena, count, size);
    if (memory) return memory;
    ww_planner_fail(p, ww_arena_failure(arena), "no room for a plan in %zu bytes", arena->size_max);
    return NULL;
}

bool ww_planner_push(ww_planner *p, ww_buf *list, const void *item, size_t size, uint32_t *index)
{
    if (index) *index = (uint32_t)(list->size / size);
    ww_status status = ww_buf_append(list, item, size);
    if (!status) return true;
    return ww_planner_fail(p, status, "more than %zu %s after nested components are instantiated",
                           list->size_max / size,
                           list == &p->imports ? "imports" : "functions and steps");
}

typedef struct sort_context {
    const ww_named_ref *refs;
} sort_context;

static int compare_names(const void *a, const void *b, void *context)
{
    const ww_named_ref *refs = ((const sort_context *)context)->refs;
    return ww_view_compare(refs[*(const uint32_t *)a].name, refs[*(const uint32_t *)b].name);
}

const uint32_t *ww_planner_sort(ww_planner *p, const ww_named_ref *refs, uint32_t count)
{
    uint32_t *by_name = ww_planner_take(p, &p->scratch, count, sizeof *by_name);
    if (!by_name) return NULL;
    for (uint32_t i = 0; i < count; i++)
        by_name[i] = i;
    p->walked += count;
    sort_context context = {refs};
    qsort_r(by_name, count, sizeof *by_name, compare_names, &context);
    return by_name;
}

const ww_ref *ww_planner_find(const ww_named_ref *refs, const uint32_t *by_name, uint32_t count,
                              ww_view name)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const ww_named_ref *ref = &refs[by_name[middle]];
        int order = ww_view_compare(ref->name, name);
        if (order == 0) return &ref->ref;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- values --------------------------------------------------------------------------------- */

static ww_item type_item(const ww_frame *frame, uint32_t index)
{
    ww_item item = {.kind = WW_VALUE_TYPE, .index = WW_NONE};
    const ww_type_item *type = &frame->component->types[index];
    if (type->kind == WW_ITEM_RESOURCE && type->of.resource->slot != WW_NONE)
        item.index = frame->resources[type->of.resource->slot];
    return item;
}

ww_item ww_frame_item(const ww_frame *frame, ww_ref ref)
{
    if (ref.sort == WW_SORT_TYPE) return type_item(frame, ref.index);
    if (!frame->items[ref.sort]) return (ww_item){0}; /* core types stand for nothing */
    return frame->items[ref.sort][ref.index];
}

const ww_item *ww_instance_value_find(const ww_instance_value *instance, ww_view name)
{
    const ww_extern *found = ww_externs_find(instance->externs, name);
    return found ? &instance->items[found - instance->externs->items] : NULL;
}

/* The depth of this recursion is bounded by the number of component instances. */
bool ww_planner_owner(ww_planner *p, ww_frame *frame, uint32_t *owner)
{
    if (frame->owner == WW_NONE) {
        ww_plan_owner plan = {WW_NONE};
        if (frame->caller && !ww_planner_owner(p, frame->caller, &plan.parent)) return false;
        if (!ww_planner_push(p, &p->owners, &plan, sizeof plan, &frame->owner)) return false;
    }
    *owner = frame->owner;
    return true;
}

/* --- frames --------------------------------------------------------------------------------- */

static bool take_spaces(ww_planner *p, ww_frame *frame)
{
    const ww_component *component = frame->component;
    for (ww_sort sort = 0; sort < WW_SORT_COUNT; sort++) {
        uint32_t size = component->space_size[sort];
        if (sort <= WW_SORT_CORE_TAG) {
            frame->core_items[sort] = ww_planner_take(p, &p->scratch, size, sizeof(ww_core_item));
        } else if (sort == WW_SORT_CORE_INSTANCE) {
            frame->core_instances = ww_planner_take(p, &p->scratch, size, sizeof(ww_core_value *));
        } else if (sort != WW_SORT_TYPE && sort != WW_SORT_CORE_TYPE) {
            frame->items[sort] = ww_planner_take(p, &p->scratch, size, sizeof(ww_item));
        }
        if (p->status) return false;
    }
    uint32_t slots = component->slot_count;
    frame->resources = ww_planner_take(p, p->arena, slots, sizeof *frame->resources);
    for (uint32_t i = 0; frame->resources && i < slots; i++)
        frame->resources[i] = WW_NONE;
    return !p->status;
}

static ww_frame *new_frame(ww_planner *p, const ww_component *component)
{
    if (p->component_count++ == WW_MAX_PLAN_COMPONENT_INSTANCES) {
        ww_planner_fail(p, WW_E_LIMIT, "more than %d component instances",
                        WW_MAX_PLAN_COMPONENT_INSTANCES);
        return NULL;
    }
    ww_frame *frame = ww_planner_take(p, &p->scratch, 1, sizeof *frame);
    if (!frame) return NULL;
    frame->component = component;
    frame->owner = WW_NONE;
    frame->result.externs = &component->type->exports;
    uint32_t exports = component->type->exports.count;
    frame->result.items = ww_planner_take(p, &p->scratch, exports, sizeof(ww_item));
    return take_spaces(p, frame) ? frame : NULL;
}

static ww_frame *enter(ww_planner *p, ww_frame *caller, const ww_def *def)
{
    ww_ref target = {WW_SORT_COMPONENT, def->of.instantiate.target};
    ww_item item = ww_frame_item(caller, target);
    WW_ASSERT(item.kind == WW_VALUE_COMPONENT);
    ww_frame *frame = new_frame(p, item.of.component->component);
    if (!frame) return NULL;
    frame->caller = caller;
    frame->scope = item.of.component->scope;
    frame->instantiate = def;
    frame->args_by_name =
        ww_planner_sort(p, def->of.instantiate.args, def->of.instantiate.arg_count);
    return frame->args_by_name ? frame : NULL;
}

/* --- definitions of a component -------------------------------------------------------------- */

static void define(ww_frame *frame, const ww_def *def, ww_item item)
{
    ww_ref ref = def->defines;
    if (frame->items[ref.sort]) frame->items[ref.sort][ref.index] = item;
}

static bool given_resource(ww_planner *p, const ww_frame *frame, const ww_resource *resource,
                           ww_item item, uint32_t *index)
{
    (void)frame;
    for (uint32_t i = 0; i < resource->path_count; i++) {
        const ww_item *next = item.kind == WW_VALUE_INSTANCE
                                  ? ww_instance_value_find(item.of.instance, resource->path[i])
                                  : NULL;
        if (!next) return ww_planner_fail(p, WW_E_INVALID, "a resource type that is not given");
        item = *next;
    }
    if (item.kind != WW_VALUE_TYPE || item.index == WW_NONE)
        return ww_planner_fail(p, WW_E_INVALID, "a type is given where a resource is wanted");
    *index = item.index;
    return true;
}

/* Binds the resources that a walked definition brings into being. `type` is what a type import was
 * given. */
static bool bind_resources(ww_planner *p, ww_frame *frame, const ww_def *def, ww_item type)
{
    for (uint32_t i = 0; i < def->slot_count; i++) {
        const ww_resource *resource = frame->component->resources[def->slot_first + i];
        uint32_t *index = &frame->resources[resource->slot];
        bool done = *index != WW_NONE; /* an import of the root */
        if (done) continue;
        switch (resource->kind) {
        case WW_RESOURCE_DEFINED: done = ww_planner_resource(p, frame, resource, index); break;
        case WW_RESOURCE_SAME:
            *index = frame->resources[resource->same->slot];
            done = true;
            break;
        case WW_RESOURCE_GIVEN:
            done = given_resource(
                p, frame, resource,
                resource->from.sort == WW_SORT_TYPE ? type : ww_frame_item(frame, resource->from),
                index);
            break;
        case WW_RESOURCE_OF_A_TYPE: done = true; break;
        }
        if (!done) return false;
    }
    return true;
}

static bool take_argument(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_view name = def->of.import->name.name;
    const ww_def *instantiate = frame->instantiate;
    const ww_ref *ref = ww_planner_find(instantiate->of.instantiate.args, frame->args_by_name,
                                        instantiate->of.instantiate.arg_count, name);
    if (!ref) return ww_planner_fail(p, WW_E_INVALID, "no argument \"%.*s\"", WW_VIEW_ARG(name));
    ww_item item = ww_frame_item(frame->caller, *ref);
    define(frame, def, item);
    return bind_resources(p, frame, def, item);
}

static bool define_component(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_closure *closure = ww_planner_take(p, &p->scratch, 1, sizeof *closure);
    if (!closure) return false;
    *closure = (ww_closure){def->of.component, frame};
    define(frame, def, (ww_item){.kind = WW_VALUE_COMPONENT, .of.component = closure});
    return true;
}

static bool define_bag(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_instance_value *value = ww_planner_take(p, &p->scratch, 1, sizeof *value);
    if (!value) return false;
    value->externs = &frame->component->instances[def->defines.index]->exports;
    value->items = ww_planner_take(p, &p->scratch, value->externs->count, sizeof(ww_item));
    if (!value->items) return false;
    p->walked += def->of.bag.count;
    for (uint32_t i = 0; i < def->of.bag.count; i++) {
        const ww_named_ref *ref = &def->of.bag.exports[i];
        const ww_extern *found = ww_externs_find(value->externs, ref->name);
        if (found) value->items[found - value->externs->items] = ww_frame_item(frame, ref->ref);
    }
    define(frame, def, (ww_item){.kind = WW_VALUE_INSTANCE, .of.instance = value});
    return true;
}

static bool define_alias(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    ww_ref ref = {WW_SORT_INSTANCE, def->of.alias.instance};
    ww_item instance = ww_frame_item(frame, ref);
    WW_ASSERT(instance.kind == WW_VALUE_INSTANCE);
    const ww_item *item = ww_instance_value_find(instance.of.instance, def->of.alias.name);
    if (!item)
        return ww_planner_fail(p, WW_E_INVALID, "no export \"%.*s\"",
                               WW_VIEW_ARG(def->of.alias.name));
    define(frame, def, *item);
    return true;
}

static bool define_outer(ww_frame *frame, const ww_def *def)
{
    const ww_frame *scope = frame;
    for (uint32_t i = 0; i < def->of.outer.levels; i++)
        scope = scope->scope;
    ww_ref ref = {def->defines.sort, def->of.outer.index};
    if (ref.sort != WW_SORT_TYPE) define(frame, def, ww_frame_item(scope, ref));
    return true;
}

static bool define_export(ww_frame *frame, const ww_def *def)
{
    ww_item item = ww_frame_item(frame, def->of.export.ref);
    define(frame, def, item);
    const ww_externs *externs = frame->result.externs;
    const ww_extern *found = ww_externs_find(externs, def->of.export.as->name.name);
    WW_ASSERT(found);
    frame->result.items[found - externs->items] = item;
    return true;
}

static bool define_one(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    switch (def->kind) {
    case WW_DEF_CORE_MODULE:
        define(frame, def,
               (ww_item){.kind = WW_VALUE_MODULE,
                         .of.module = &p->module_values[def->of.module->index]});
        return true;
    case WW_DEF_CORE_INSTANTIATE: return ww_planner_core_instantiate(p, frame, def);
    case WW_DEF_CORE_BAG: return ww_planner_core_bag(p, frame, def);
    case WW_DEF_ALIAS_CORE_EXPORT: return ww_planner_core_alias(p, frame, def);
    case WW_DEF_COMPONENT: return define_component(p, frame, def);
    case WW_DEF_BAG: return define_bag(p, frame, def);
    case WW_DEF_ALIAS_EXPORT: return define_alias(p, frame, def);
    case WW_DEF_ALIAS_OUTER: return define_outer(frame, def);
    case WW_DEF_LIFT: return ww_planner_lift(p, frame, def);
    case WW_DEF_LOWER: return ww_planner_lower(p, frame, def);
    case WW_DEF_RESOURCE_NEW:
    case WW_DEF_RESOURCE_DROP:
    case WW_DEF_RESOURCE_REP:
    case WW_DEF_CONTEXT_GET:
    case WW_DEF_CONTEXT_SET: return ww_planner_builtin(p, frame, def);
    case WW_DEF_IMPORT: return ww_planner_import(p, frame, def);
    case WW_DEF_EXPORT: return define_export(frame, def);
    case WW_DEF_CORE_TYPE:
    case WW_DEF_TYPE: return true;
    case WW_DEF_INSTANTIATE: break; /* pushes a frame */
    }
    WW_ASSERT(false);
    return false;
}

/* One definition; answers the frame to go on with, NULL at the end or after a failure. */
static ww_frame *step(ww_planner *p, ww_frame *frame)
{
    const ww_def *def;
    if (frame->next == frame->component->def_count) {
        ww_frame *caller = frame->caller;
        if (!caller) return NULL;
        def = frame->instantiate;
        define(caller, def, (ww_item){.kind = WW_VALUE_INSTANCE, .of.instance = &frame->result});
        return bind_resources(p, caller, def, (ww_item){0}) ? caller : NULL;
    }
    if (++p->walked > WW_MAX_PLAN_DEFS) {
        ww_planner_fail(p, WW_E_LIMIT, "more than %d definitions in all component instances",
                        WW_MAX_PLAN_DEFS);
        return NULL;
    }
    def = &frame->component->defs[frame->next++];
    if (def->kind == WW_DEF_INSTANTIATE) return enter(p, frame, def);
    if (def->kind == WW_DEF_IMPORT && frame->caller)
        return take_argument(p, frame, def) ? frame : NULL;
    if (!define_one(p, frame, def)) return NULL;
    return bind_resources(p, frame, def, (ww_item){0}) ? frame : NULL;
}

/* --- the plan ------------------------------------------------------------------------------- */

static bool init_modules(ww_planner *p)
{
    const ww_model *model = p->model;
    p->module_values =
        ww_planner_take(p, &p->scratch, model->module_count, sizeof *p->module_values);
    p->shims = ww_planner_take(p, &p->scratch, model->component_count, sizeof *p->shims);
    if (p->status) return false;
    for (uint32_t i = 0; i < model->module_count; i++)
        p->module_values[i] = (ww_module_value){
            .plan = {.source = model->modules[i],
                     .import = WW_NONE,
                     .type = &model->modules[i]->type},
            .number = WW_NONE,
        };
    return true;
}

typedef struct list {
    ww_buf *buf;
    size_t item_size, count_max;
} list;

enum { LIST_COUNT = 9 };

static void lists_of(ww_planner *p, list out[LIST_COUNT])
{
    const size_t funcs = WW_MAX_PLAN_FUNCS;
    const list lists[LIST_COUNT] = {
        {&p->modules, sizeof(ww_plan_module), WW_MAX_PLAN_CORE_INSTANCES},
        {&p->owners, sizeof(ww_plan_owner), WW_MAX_PLAN_COMPONENT_INSTANCES},
        {&p->sites, sizeof(ww_plan_site), funcs},
        {&p->lifts, sizeof(ww_plan_lift), funcs},
        {&p->resources, sizeof(ww_plan_resource), funcs},
        {&p->imports, sizeof(ww_plan_import), WW_MAX_IMPORTS},
        {&p->steps, sizeof(ww_plan_step), 4 * funcs},
        {&p->slots, sizeof(ww_core_type), funcs},
        {&p->site_slots, sizeof(uint32_t), funcs},
    };
    memcpy(out, lists, sizeof lists);
}

/* Copies a finished list into the plan. */
static const void *keep(ww_planner *p, const ww_buf *from, size_t item_size, uint32_t *count)
{
    *count = (uint32_t)(from->size / item_size);
    void *copy = ww_planner_take(p, p->arena, *count, item_size);
    if (copy && from->size) memcpy(copy, from->data, from->size);
    return copy;
}

static bool finish(ww_planner *p, ww_frame *root, ww_plan *plan)
{
    plan->modules = keep(p, &p->modules, sizeof(ww_plan_module), &plan->module_count);
    plan->owners = keep(p, &p->owners, sizeof(ww_plan_owner), &plan->owner_count);
    plan->sites = keep(p, &p->sites, sizeof(ww_plan_site), &plan->site_count);
    plan->lifts = keep(p, &p->lifts, sizeof(ww_plan_lift), &plan->lift_count);
    plan->resources = keep(p, &p->resources, sizeof(ww_plan_resource), &plan->resource_count);
    plan->imports = keep(p, &p->imports, sizeof(ww_plan_import), &plan->import_count);
    plan->steps = keep(p, &p->steps, sizeof(ww_plan_step), &plan->step_count);
    plan->slots = keep(p, &p->slots, sizeof(ww_core_type), &plan->slot_count);
    plan->instance_count = p->instance_count;
    plan->memory_count = p->memory_count;
    return !p->status && ww_planner_exports(p, root, plan);
}

static ww_plan *make(ww_planner *p)
{
    if (!init_modules(p)) return NULL;
    ww_frame *root = new_frame(p, p->model->root);
    for (ww_frame *frame = root; frame;)
        frame = step(p, frame);
    if (p->status) return NULL;
    ww_plan *plan = ww_planner_take(p, p->arena, 1, sizeof *plan);
    return plan && finish(p, root, plan) ? plan : NULL;
}

ww_status ww_plan_make(const ww_model *model, ww_arena *arena, const ww_plan **out, ww_diag *diag)
{
    ww_planner planner = {.model = model, .arena = arena, .diag = diag};
    ww_arena_init(&planner.scratch, arena->allocator, WW_MAX_PLAN_BYTES);
    list lists[LIST_COUNT];
    lists_of(&planner, lists);
    for (size_t i = 0; i < LIST_COUNT; i++)
        ww_buf_init(lists[i].buf, arena->allocator, lists[i].count_max * lists[i].item_size);
    *out = make(&planner);
    for (size_t i = 0; i < LIST_COUNT; i++)
        ww_buf_deinit(lists[i].buf);
    ww_arena_deinit(&planner.scratch);
    return planner.status;
}
