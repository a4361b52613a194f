#include "component/check.h"

/* --- where a type tells its open resources ------------------------------------------------- */

typedef struct search {
    ww_checker *c;
    ww_idmap wanted; /* resource id + 1 to index into open */
    ww_idmap seen;   /* instance types */
    ww_open_resource *open;
    uint32_t missing;
    ww_view path[WW_MAX_TYPE_DEPTH + 1];
} search;

static void found(search *s, uint32_t index, uint32_t depth)
{
    ww_open_resource *open = &s->open[index];
    if (open->path) return;
    ww_view *path = ww_check_array(s->c, depth, sizeof *path);
    if (!path) return;
    memcpy(path, s->path, depth * sizeof *path);
    open->path = path;
    open->path_count = depth;
    s->missing--;
}

/* The first path to each wanted resource, export by export, into instances. */
static void search_externs(search *s, const ww_externs *externs, uint32_t depth)
{
    for (uint32_t i = 0; i < externs->count && s->missing && ww_check_step(s->c, 1); i++) {
        const ww_extern *item = &externs->items[i];
        s->path[depth] = item->name.name;
        if (item->type.sort == WW_SORT_TYPE && item->type.type.kind == WW_ITEM_RESOURCE) {
            uint64_t index;
            if (ww_idmap_get(&s->wanted, (uint64_t)item->type.type.of.resource->id + 1, &index))
                found(s, (uint32_t)index, depth + 1);
        }
        if (item->type.sort != WW_SORT_INSTANCE || depth >= WW_MAX_TYPE_DEPTH) continue;
        const ww_instance_type *instance = item->type.type.of.instance;
        if (ww_idmap_get(&s->seen, (uint64_t)(uintptr_t)instance, NULL)) continue;
        ww_check_put(s->c, &s->seen, (uint64_t)(uintptr_t)instance, 1);
        search_externs(s, &instance->exports, depth + 1);
    }
}

/* The scope's own sites that its exports speak of; each must be exported itself. */
static void open_exports(ww_checker *c, const ww_idmap *free, ww_component_type *type)
{
    const ww_resource *const *own = c->scope->own.items;
    uint32_t count = 0;
    ww_open_resource *open = ww_check_array(c, c->scope->own.count, sizeof *open);
    if (!open) return;
    search s = {.c = c, .open = open};
    for (uint32_t i = 0; i < c->scope->own.count; i++) {
        if (!ww_idmap_get(free, (uint64_t)own[i]->id + 1, NULL)) continue;
        ww_check_put(c, &s.wanted, (uint64_t)own[i]->id + 1, count);
        open[count++].resource = own[i];
    }
    s.missing = count;
    search_externs(&s, &type->exports, 0);
    if (s.missing)
        ww_check_fail(c, WW_E_INVALID,
                      "an export speaks of a resource that is not exported itself");
    ww_idmap_deinit(&s.wanted, c->arena->allocator);
    ww_idmap_deinit(&s.seen, c->arena->allocator);
    type->open_exports = open;
    type->open_export_count = count;
}

static void check_imports(ww_checker *c, const ww_idmap *free)
{
    const ww_resource *const *own = c->scope->own.items;
    for (uint32_t i = 0; i < c->scope->own.count; i++)
        if (ww_idmap_get(free, (uint64_t)own[i]->id + 1, NULL))
            ww_check_fail(c, WW_E_INVALID,
                          "an import speaks of a resource of the component itself");
}

const ww_component_type *ww_scope_finish(ww_checker *c)
{
    ww_component_type *type = ww_check_ok(c) ? ww_check_alloc(c, sizeof *type) : NULL;
    if (!type) return NULL;
    ww_face_make_externs(c, &c->scope->imports.externs, false, &type->imports);
    ww_face_make_externs(c, &c->scope->exports.externs, false, &type->exports);
    ww_idmap in_imports = {0}, in_exports = {0};
    ww_free_resources_of_externs(c, &type->imports, &in_imports);
    ww_free_resources_of_externs(c, &type->exports, &in_exports);
    check_imports(c, &in_imports);
    open_exports(c, &in_exports, type);
    type->open_imports = ww_check_keep(c, &c->scope->given, sizeof *type->open_imports);
    type->open_import_count = c->scope->given.count;
    ww_idmap_deinit(&in_imports, c->arena->allocator);
    ww_idmap_deinit(&in_exports, c->arena->allocator);
    return ww_check_ok(c) ? type : NULL;
}
