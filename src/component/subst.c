#include "component/check.h"

static uint64_t key_of(const void *ptr)
{
    return (uint64_t)(uintptr_t)ptr;
}

static bool is_done(const ww_subst *s, const void *type, const void **out)
{
    uint64_t value;
    if (!ww_idmap_get(&s->done, key_of(type), &value)) return false;
    *out = (const void *)(uintptr_t)value;
    return true;
}

/* Notes what became of a type; returns it. */
static const void *done(ww_subst *s, const void *old, const void *type)
{
    if (!type) return old;
    ww_check_put(s->c, &s->done, key_of(old), key_of(type));
    return type;
}

static uint32_t subst_name(ww_subst *s, uint32_t name)
{
    uint64_t value;
    if (ww_idmap_get(&s->done, (uint64_t)name << 1 | 1, &value)) return (uint32_t)value;
    return ww_name_of_bound(s->c, name);
}

/* --- values and functions ------------------------------------------------------------------ */

static const ww_type *subst_value(ww_subst *s, const ww_type *type);

/* A copy of the fields if one of their types changes, else NULL. */
static const ww_field *subst_fields(ww_subst *s, const ww_field *fields, uint32_t count)
{
    ww_field *copy = NULL;
    if (!ww_check_step(s->c, count)) return NULL;
    for (uint32_t i = 0; i < count && ww_check_ok(s->c); i++) {
        if (!fields[i].type) continue;
        const ww_type *type = subst_value(s, fields[i].type);
        if (type == fields[i].type) continue;
        if (!copy) {
            copy = ww_check_array(s->c, count, sizeof *copy);
            if (!copy) return NULL;
            memcpy(copy, fields, count * sizeof *copy);
        }
        copy[i].type = type;
    }
    return copy;
}

static const ww_type *subst_value(ww_subst *s, const ww_type *type)
{
    const void *known;
    if (!type || type->kind <= WW_TYPE_STRING || (!type->has_handles && !s->renames)) return type;
    if (!ww_check_step(s->c, 1)) return type;
    if (is_done(s, type, &known)) return known;
    ww_type changed = *type;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: changed.resource = subst_name(s, type->resource); break;
    case WW_TYPE_LIST: changed.element = subst_value(s, type->element); break;
    default: {
        const ww_field *fields = subst_fields(s, type->fields, type->count);
        if (fields) changed.fields = fields;
    }
    }
    bool same = changed.resource == type->resource && changed.element == type->element &&
                changed.fields == type->fields;
    return done(s, type, same ? type : ww_value_copy(s->c, &changed));
}

static const ww_func_type *subst_func(ww_subst *s, const ww_func_type *func)
{
    const void *known;
    if (!ww_check_step(s->c, 1)) return func;
    if (is_done(s, func, &known)) return known;
    const ww_field *params = subst_fields(s, func->params, func->param_count);
    const ww_type *result = subst_value(s, func->result);
    if (!params && result == func->result) return done(s, func, func);
    ww_func_type *copy = ww_check_alloc(s->c, sizeof *copy);
    if (!copy) return func;
    *copy = *func;
    if (params) copy->params = params;
    copy->result = result;
    return done(s, func, copy);
}

/* --- items --------------------------------------------------------------------------------- */

static const ww_instance_type *subst_instance(ww_subst *s, const ww_instance_type *type)
{
    const void *known;
    if (!ww_check_step(s->c, 1)) return type;
    if (is_done(s, type, &known)) return known;
    ww_instance_type changed = *type;
    ww_subst_externs(s, &changed.exports);
    if (changed.exports.items == type->exports.items) return done(s, type, type);
    ww_instance_type *copy = ww_check_alloc(s->c, sizeof *copy);
    if (!copy) return type;
    *copy = changed;
    return done(s, type, copy);
}

static const ww_component_type *subst_component(ww_subst *s, const ww_component_type *type)
{
    const void *known;
    if (!ww_check_step(s->c, 1)) return type;
    if (is_done(s, type, &known)) return known;
    ww_component_type changed = *type;
    ww_subst_externs(s, &changed.imports);
    ww_subst_externs(s, &changed.exports);
    if (changed.imports.items == type->imports.items &&
        changed.exports.items == type->exports.items)
        return done(s, type, type);
    ww_component_type *copy = ww_check_alloc(s->c, sizeof *copy);
    if (!copy) return type;
    *copy = changed;
    return done(s, type, copy);
}

void ww_subst_item(ww_subst *s, ww_type_item *item)
{
    switch (item->kind) {
    case WW_ITEM_VALUE: item->of.value = subst_value(s, item->of.value); return;
    case WW_ITEM_FUNC: item->of.func = subst_func(s, item->of.func); return;
    case WW_ITEM_INSTANCE: item->of.instance = subst_instance(s, item->of.instance); return;
    case WW_ITEM_COMPONENT: item->of.component = subst_component(s, item->of.component); return;
    case WW_ITEM_RESOURCE:
        item->name = subst_name(s, item->name);
        item->of.resource = ww_resource_of_name(s->c, item->name);
        return;
    }
}

void ww_subst_externs(ww_subst *s, ww_externs *externs)
{
    ww_extern *copy = NULL;
    for (uint32_t i = 0; i < externs->count && ww_check_ok(s->c); i++) {
        ww_extern item = externs->items[i];
        if (item.type.sort == WW_SORT_CORE_MODULE) continue;
        ww_subst_item(s, &item.type.type);
        if (ww_item_key(&item.type.type) == ww_item_key(&externs->items[i].type.type)) continue;
        if (!copy) {
            copy = ww_check_array(s->c, externs->count, sizeof *copy);
            if (!copy) return;
            memcpy(copy, externs->items, externs->count * sizeof *copy);
        }
        copy[i] = item;
    }
    if (copy) externs->items = copy;
}

void ww_subst_free(ww_subst *s)
{
    ww_idmap_deinit(&s->done, s->c->arena->allocator);
}

const ww_instance_type *ww_instance_type_open(ww_checker *c, const ww_instance_type *type,
                                              ww_ref from, const ww_view *import)
{
    if (!type->open_count) return type;
    ww_instance_type *opened = ww_check_alloc(c, sizeof *opened);
    ww_open_undo undo = ww_open_save(c, type->open, type->open_count);
    if (!opened || !undo) return type;
    ww_open_bind_new(c, type->open, type->open_count, from, import);
    ww_subst s = {.c = c};
    opened->exports = type->exports;
    ww_subst_externs(&s, &opened->exports);
    ww_subst_free(&s);
    ww_open_restore(c, undo, type->open, type->open_count);
    return opened;
}
