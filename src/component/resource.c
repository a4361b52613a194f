#include "component/check.h"

/* --- sites and names ----------------------------------------------------------------------- */

static uint32_t number_of(ww_checker *c, const ww_resource *resource, uint32_t alias)
{
    uint64_t key = (uint64_t)(resource->id + 1) << 32 | alias, number;
    if (ww_idmap_get(&c->numbers, key, &number)) return (uint32_t)number;
    ww_resource_name *name = ww_check_push(c, &c->names, sizeof *name);
    if (!name) return 0;
    *name = (ww_resource_name){.resource = resource, .alias = alias};
    ww_check_put(c, &c->numbers, key, c->names.count - 1);
    return c->names.count - 1;
}

ww_resource *ww_site_new(ww_checker *c, ww_resource_kind kind)
{
    ww_resource *resource = ww_check_alloc(c, sizeof *resource);
    ww_site *site = resource ? ww_check_push(c, &c->sites, sizeof *site) : NULL;
    if (!site) return NULL;
    ww_component *owner = c->scope->component;
    *resource = (ww_resource){
        .kind = kind, .id = c->sites.count - 1, .owner = owner, .slot = WW_NONE, .dtor = WW_NONE};
    if (kind != WW_RESOURCE_OF_A_TYPE) resource->slot = owner->slot_count++;
    site->resource = resource;
    return resource;
}

ww_type_item ww_site_item(ww_checker *c, const ww_resource *resource)
{
    return (ww_type_item){.kind = WW_ITEM_RESOURCE,
                          .depth = 1,
                          .size = 1,
                          .name = number_of(c, resource, 0),
                          .of.resource = resource};
}

static ww_site *site_of(const ww_checker *c, const ww_resource *resource)
{
    return &((ww_site *)c->sites.items)[resource->id];
}

ww_resource *ww_site_of(const ww_checker *c, const ww_resource *resource)
{
    return site_of(c, resource)->resource;
}

const ww_resource *ww_site_bound(const ww_checker *c, const ww_resource *resource)
{
    const ww_resource *bound = site_of(c, resource)->bound;
    return bound ? bound : resource;
}

const ww_resource *ww_resource_of_name(const ww_checker *c, uint32_t name)
{
    return ((const ww_resource_name *)c->names.items)[name].resource;
}

uint32_t ww_name_of_bound(ww_checker *c, uint32_t name)
{
    ww_resource_name old = ((const ww_resource_name *)c->names.items)[name];
    const ww_resource *bound = ww_site_bound(c, old.resource);
    return bound == old.resource ? name : number_of(c, bound, old.alias);
}

/* --- identities ---------------------------------------------------------------------------- */

static uint64_t address_key(const void *ptr)
{
    return (uint64_t)(uintptr_t)ptr;
}

/* Odd, so that it is nobody's address. */
static uint64_t name_key(uint32_t name)
{
    return (uint64_t)name << 1 | 1;
}

uint64_t ww_value_key(const ww_type *type)
{
    bool is_handle = type->kind == WW_TYPE_OWN || type->kind == WW_TYPE_BORROW;
    return is_handle ? name_key(type->resource) : address_key(type);
}

uint64_t ww_item_key(const ww_type_item *item)
{
    return item->kind == WW_ITEM_RESOURCE ? name_key(item->name) : address_key(item->of.value);
}

ww_type *ww_value_copy(ww_checker *c, const ww_type *type)
{
    ww_type *copy = ww_check_alloc(c, sizeof *copy);
    if (!copy) return NULL;
    *copy = *type;
    if (type->kind != WW_TYPE_OWN && type->kind != WW_TYPE_BORROW) return copy;
    ww_type **handle = ww_check_push(c, &c->handles, sizeof *handle);
    if (handle) *handle = copy;
    return copy;
}

ww_type_item ww_item_rename(ww_checker *c, const ww_type_item *item)
{
    ww_type_item renamed = *item;
    if (item->kind == WW_ITEM_RESOURCE) {
        renamed.name = number_of(c, item->of.resource, ++c->alias_count);
    } else if (item->kind == WW_ITEM_VALUE && item->of.value->kind > WW_TYPE_STRING) {
        const ww_type *copy = ww_value_copy(c, item->of.value);
        if (copy) renamed.of.value = copy;
    }
    return renamed;
}

/* --- opening ------------------------------------------------------------------------------- */

static const ww_resource *follow(ww_checker *c, const ww_externs *externs, const ww_view *path,
                                 uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const ww_extern *found =
            ww_check_name_step(c, path[i]) ? ww_externs_find(externs, path[i]) : NULL;
        if (!found) return NULL;
        const ww_type_item *item = &found->type.type;
        if (i + 1 == count) {
            bool is_resource = found->type.sort == WW_SORT_TYPE && item->kind == WW_ITEM_RESOURCE;
            return is_resource ? item->of.resource : NULL;
        }
        if (found->type.sort != WW_SORT_INSTANCE) return NULL;
        externs = &item->of.instance->exports;
    }
    return NULL;
}

ww_open_undo ww_open_save(ww_checker *c, const ww_open_resource *open, uint32_t count)
{
    ww_open_undo undo = ww_check_scratch(c, count, sizeof *undo);
    for (uint32_t i = 0; i < count && undo; i++)
        undo[i] = site_of(c, open[i].resource)->bound;
    return undo;
}

void ww_open_restore(ww_checker *c, ww_open_undo undo, const ww_open_resource *open, uint32_t count)
{
    for (uint32_t i = 0; i < count && undo; i++)
        site_of(c, open[i].resource)->bound = undo[i];
}

void ww_open_bind_given(ww_checker *c, const ww_open_resource *open, uint32_t count,
                        const ww_externs *given)
{
    for (uint32_t i = 0; i < count && ww_check_step(c, open[i].path_count); i++) {
        const ww_resource *found = follow(c, given, open[i].path, open[i].path_count);
        if (found) site_of(c, open[i].resource)->bound = ww_site_bound(c, found);
    }
}

/* The path of an open resource of an import begins with the import's name. */
static const ww_view *path_below(ww_checker *c, ww_view name, const ww_view *path, uint32_t count)
{
    ww_view *longer = ww_check_array(c, count + 1, sizeof *longer);
    if (!longer) return NULL;
    longer[0] = name;
    if (count) memcpy(longer + 1, path, count * sizeof *path);
    return longer;
}

void ww_scope_take_site(ww_checker *c, const ww_resource *site, const ww_view *import,
                        const ww_view *path, uint32_t path_count)
{
    if (!import) {
        const ww_resource **own = ww_check_push(c, &c->scope->own, sizeof *own);
        if (own) *own = site;
        return;
    }
    ww_open_resource *given = ww_check_push(c, &c->scope->given, sizeof *given);
    if (!given) return;
    given->resource = site;
    given->path = path_below(c, *import, path, path_count);
    given->path_count = path_count + 1;
}

void ww_open_bind_new(ww_checker *c, const ww_open_resource *open, uint32_t count, ww_ref from,
                      const ww_view *import)
{
    bool is_type = c->scope->kind != WW_SCOPE_COMPONENT;
    for (uint32_t i = 0; i < count && ww_check_step(c, open[i].path_count); i++) {
        ww_resource *site = ww_site_new(c, is_type ? WW_RESOURCE_OF_A_TYPE : WW_RESOURCE_GIVEN);
        if (!site) return;
        site->from = from;
        site->path_count = open[i].path_count;
        site->path = open[i].path;
        site_of(c, open[i].resource)->bound = site;
        ww_scope_take_site(c, site, import, open[i].path, open[i].path_count);
    }
}

/* --- free resources ------------------------------------------------------------------------ */

typedef struct walk {
    ww_checker *c;
    ww_idmap *found;
    ww_idmap seen; /* addresses of types that were walked */
} walk;

static void walk_externs(walk *w, const ww_externs *externs);

/* True once for every type. */
static bool enter(walk *w, const void *type)
{
    if (!ww_check_step(w->c, 1)) return false;
    if (ww_idmap_get(&w->seen, address_key(type), NULL)) return false;
    ww_check_put(w->c, &w->seen, address_key(type), 1);
    return true;
}

static void found(walk *w, const ww_resource *resource)
{
    ww_check_put(w->c, w->found, (uint64_t)resource->id + 1, 1);
}

static void walk_value(walk *w, const ww_type *type)
{
    if (!type || !type->has_handles || !enter(w, type)) return;
    if (type->kind == WW_TYPE_OWN || type->kind == WW_TYPE_BORROW)
        found(w, ww_resource_of_name(w->c, type->resource));
    else if (type->kind == WW_TYPE_LIST)
        walk_value(w, type->element);
    else
        for (uint32_t i = 0; i < type->count; i++)
            walk_value(w, type->fields[i].type);
}

static void walk_func(walk *w, const ww_func_type *func)
{
    if (!enter(w, func)) return;
    for (uint32_t i = 0; i < func->param_count; i++)
        walk_value(w, func->params[i].type);
    walk_value(w, func->result);
}

/* What a type binds itself is not free in it, and speaks of nothing outside of it. */
static void forget(walk *w, const ww_open_resource *open, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        ww_idmap_remove(w->found, (uint64_t)open[i].resource->id + 1);
}

static void walk_item(walk *w, const ww_type_item *item)
{
    switch (item->kind) {
    case WW_ITEM_VALUE: walk_value(w, item->of.value); return;
    case WW_ITEM_RESOURCE: found(w, item->of.resource); return;
    case WW_ITEM_FUNC: walk_func(w, item->of.func); return;
    case WW_ITEM_INSTANCE: {
        const ww_instance_type *type = item->of.instance;
        if (!enter(w, type)) return;
        walk_externs(w, &type->exports);
        forget(w, type->open, type->open_count);
        return;
    }
    case WW_ITEM_COMPONENT: {
        const ww_component_type *type = item->of.component;
        if (!enter(w, type)) return;
        walk_externs(w, &type->imports);
        walk_externs(w, &type->exports);
        forget(w, type->open_imports, type->open_import_count);
        forget(w, type->open_exports, type->open_export_count);
        return;
    }
    }
}

static void walk_externs(walk *w, const ww_externs *externs)
{
    for (uint32_t i = 0; i < externs->count && ww_check_ok(w->c); i++)
        if (externs->items[i].type.sort != WW_SORT_CORE_MODULE)
            walk_item(w, &externs->items[i].type.type);
}

void ww_free_resources_of_item(ww_checker *c, const ww_type_item *item, ww_idmap *out)
{
    walk w = {.c = c, .found = out};
    walk_item(&w, item);
    ww_idmap_deinit(&w.seen, c->arena->allocator);
}

void ww_free_resources_of_externs(ww_checker *c, const ww_externs *externs, ww_idmap *out)
{
    walk w = {.c = c, .found = out};
    walk_externs(&w, externs);
    ww_idmap_deinit(&w.seen, c->arena->allocator);
}
