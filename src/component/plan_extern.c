/* What the root component takes from outside, and what it gives. */
#include "component/planner.h"

/* "ns:pkg/face@0.2" with the version suffix ".6" is "ns:pkg/face@0.2.6". */
static bool full_name(ww_planner *p, const ww_extern_name *name, ww_view *out)
{
    *out = name->name;
    if (!name->version_suffix.size) return true;
    size_t size = name->name.size + name->version_suffix.size;
    uint8_t *text = ww_planner_take(p, p->arena, 1, size);
    if (!text) return false;
    memcpy(text, name->name.data, name->name.size);
    memcpy(text + name->name.size, name->version_suffix.data, name->version_suffix.size);
    *out = ww_view_of(text, size);
    return true;
}

/* --- imports -------------------------------------------------------------------------------- */

/* Where an imported item stands: the names of the instances around it. */
typedef struct place {
    uint32_t path_length;
    const ww_view *path;
} place;

static bool import_item(ww_planner *p, ww_frame *root, place at, const ww_extern *item,
                        ww_item *out);

static bool push_import(ww_planner *p, place at, const ww_extern *item, ww_plan_import *import,
                        uint32_t *index)
{
    import->path_length = at.path_length;
    import->path = at.path;
    return full_name(p, &item->name, &import->name) &&
           ww_planner_push(p, &p->imports, import, sizeof *import, index);
}

/* The first import of a resource brings it into being, later ones say that it is the same. */
static bool import_resource(ww_planner *p, ww_frame *root, place at, const ww_extern *item,
                            ww_item *out)
{
    const ww_resource *resource = item->type.type.of.resource;
    WW_ASSERT(resource->slot != WW_NONE);
    uint32_t *index = &root->resources[resource->slot];
    if (*index == WW_NONE && resource->kind == WW_RESOURCE_SAME)
        *index = root->resources[resource->same->slot];
    bool is_new = *index == WW_NONE;
    if (is_new) *index = (uint32_t)(p->resources.size / sizeof(ww_plan_resource));
    ww_plan_import import = {.kind = WW_IMPORT_RESOURCE, .resource = *index};
    ww_plan_resource plan = {.owner = WW_NONE, .dtor = WW_NONE};
    if (!push_import(p, at, item, &import, &plan.import)) return false;
    *out = (ww_item){.kind = WW_VALUE_TYPE, .index = *index};
    return !is_new || ww_planner_push(p, &p->resources, &plan, sizeof plan, NULL);
}

static bool import_func(ww_planner *p, ww_frame *root, place at, const ww_extern *item,
                        ww_item *out)
{
    ww_plan_import import = {
        .kind = WW_IMPORT_FUNC,
        .type = {item->type.type.of.func, root->component->slot_count ? root->resources : NULL},
        .resource = WW_NONE,
    };
    *out = (ww_item){.kind = WW_VALUE_IMPORT};
    return push_import(p, at, item, &import, &out->index);
}

static bool import_module(ww_planner *p, place at, const ww_extern *item, ww_item *out)
{
    ww_plan_import import = {
        .kind = WW_IMPORT_MODULE, .resource = WW_NONE, .module = item->type.module};
    ww_module_value *value = ww_planner_take(p, &p->scratch, 1, sizeof *value);
    if (!value) return false;
    *value = (ww_module_value){.plan = {.type = item->type.module}, .number = WW_NONE};
    *out = (ww_item){.kind = WW_VALUE_MODULE, .of.module = value};
    return push_import(p, at, item, &import, &value->plan.import);
}

static bool import_instance(ww_planner *p, ww_frame *root, place at, const ww_extern *item,
                            ww_item *out)
{
    const ww_externs *externs = &item->type.type.of.instance->exports;
    ww_instance_value *value = ww_planner_take(p, &p->scratch, 1, sizeof *value);
    ww_view *path = ww_planner_take(p, p->arena, at.path_length + 1, sizeof *path);
    if (p->status) return false;
    value->externs = externs;
    value->items = ww_planner_take(p, &p->scratch, externs->count, sizeof(ww_item));
    if (!value->items) return false;
    if (at.path_length) memcpy(path, at.path, at.path_length * sizeof *path);
    if (!full_name(p, &item->name, &path[at.path_length])) return false;
    ww_plan_import import = {.kind = WW_IMPORT_INSTANCE, .resource = WW_NONE};
    if (!push_import(p, at, item, &import, NULL)) return false;
    place inside = {at.path_length + 1, path};
    for (uint32_t i = 0; i < externs->count; i++)
        if (!import_item(p, root, inside, &externs->items[i], &value->items[i])) return false;
    *out = (ww_item){.kind = WW_VALUE_INSTANCE, .of.instance = value};
    return true;
}

/* Recursion: as deep as the type, which validation has bounded by WW_MAX_TYPE_DEPTH. */
static bool import_item(ww_planner *p, ww_frame *root, place at, const ww_extern *item,
                        ww_item *out)
{
    p->walked++;
    switch (item->type.sort) {
    case WW_SORT_FUNC: return import_func(p, root, at, item, out);
    case WW_SORT_INSTANCE: return import_instance(p, root, at, item, out);
    case WW_SORT_CORE_MODULE: return import_module(p, at, item, out);
    case WW_SORT_TYPE:
        *out = (ww_item){.kind = WW_VALUE_TYPE, .index = WW_NONE};
        return item->type.type.kind != WW_ITEM_RESOURCE || import_resource(p, root, at, item, out);
    default:
        return ww_planner_fail(p, WW_E_UNSUPPORTED,
                               "import \"%.*s\": a %s cannot be given from "
                               "outside",
                               WW_VIEW_ARG(item->name.name), ww_sort_name(item->type.sort));
    }
}

bool ww_planner_import(ww_planner *p, ww_frame *root, const ww_def *def)
{
    const ww_extern *import = def->of.import;
    ww_extern item = *import;
    switch (item.type.sort) { /* as the root sees it: in terms of its own resources */
    case WW_SORT_FUNC: item.type.type.of.func = root->component->funcs[def->defines.index]; break;
    case WW_SORT_TYPE: item.type.type = root->component->types[def->defines.index]; break;
    case WW_SORT_INSTANCE:
        item.type.type.of.instance = root->component->instances[def->defines.index];
        break;
    default: break;
    }
    ww_item value = {0};
    if (!import_item(p, root, (place){0}, &item, &value)) return false;
    if (root->items[def->defines.sort]) root->items[def->defines.sort][def->defines.index] = value;
    return true;
}

/* --- exports -------------------------------------------------------------------------------- */

static bool export_items(ww_planner *p, const ww_instance_value *from, ww_plan_export *out);

/* Recursion: as deep as the type of the exported instance, see import_item. */
static bool export_item(ww_planner *p, const ww_extern *as, ww_item item, ww_plan_export *out)
{
    *out = (ww_plan_export){.lift = WW_NONE};
    p->walked++;
    if (p->walked > WW_MAX_PLAN_DEFS)
        return ww_planner_fail(p, WW_E_LIMIT, "more than %d definitions and exports",
                               WW_MAX_PLAN_DEFS);
    if (!full_name(p, &as->name, &out->name)) return false;
    switch (item.kind) {
    case WW_VALUE_LIFT: out->lift = item.index; return true;
    case WW_VALUE_INSTANCE: return export_items(p, item.of.instance, out);
    case WW_VALUE_MODULE: out->module = item.of.module->plan.source; return true;
    case WW_VALUE_IMPORT:
    case WW_VALUE_COMPONENT:
        return ww_planner_fail(p, WW_E_UNSUPPORTED, "export \"%.*s\": %s cannot be exported",
                               WW_VIEW_ARG(as->name.name),
                               item.kind == WW_VALUE_IMPORT ? "an imported function"
                                                            : "a component");
    default: return true;
    }
}

static bool export_items(ww_planner *p, const ww_instance_value *from, ww_plan_export *out)
{
    uint32_t count = from->externs->count;
    ww_plan_export *children = ww_planner_take(p, p->arena, count, sizeof *children);
    if (!children) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!export_item(p, &from->externs->items[i], from->items[i], &children[i])) return false;
    out->child_count = count;
    out->children = children;
    return true;
}

bool ww_planner_exports(ww_planner *p, ww_frame *root, ww_plan *plan)
{
    ww_plan_export all = {0};
    if (!export_items(p, &root->result, &all)) return false;
    plan->exports = all.children;
    plan->export_count = all.child_count;
    return true;
}
