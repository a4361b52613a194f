#include "component/check.h"

/* --- failing and memory -------------------------------------------------------------------- */

void ww_check_fail(ww_checker *c, ww_status status, const char *format, ...)
{
    if (!ww_check_ok(c)) return;
    ww_diag diag;
    va_list args;
    va_start(args, format);
    ww_vfail(&diag, status, format, args);
    va_end(args);
    ww_reader_fail(c->r, c->at, status, "%s", diag.text);
}

bool ww_check_name_step(ww_checker *c, ww_view name)
{
    return ww_check_step(c, 1 + name.size / 64);
}

bool ww_check_step(ww_checker *c, uint64_t count)
{
    if (!ww_check_ok(c)) return false;
    c->steps += count;
    if (c->steps <= WW_MAX_CHECK_STEPS) return true;
    ww_check_fail(c, WW_E_LIMIT, "types are too large to check");
    return false;
}

void ww_check_fail_arena(ww_checker *c, const ww_arena *arena)
{
    ww_status status = ww_arena_failure(arena);
    if (status == WW_E_LIMIT)
        ww_check_fail(c, status, "needs more than %zu bytes to check", arena->size_max);
    else
        ww_check_fail(c, status, "out of memory");
}

void *ww_check_scratch(ww_checker *c, size_t count, size_t size)
{
    void *ptr = ww_arena_array(&c->scratch, count, size);
    if (!ptr) ww_check_fail_arena(c, &c->scratch);
    return ptr;
}

void *ww_check_alloc(ww_checker *c, size_t size)
{
    void *ptr = ww_arena_alloc(c->arena, size);
    if (!ptr) ww_check_fail_arena(c, c->arena);
    return ptr;
}

void *ww_check_array(ww_checker *c, size_t count, size_t size)
{
    size_t total;
    return ww_check_alloc(c, ww_size_mul(count, size, &total) ? total : SIZE_MAX);
}

void *ww_check_push(ww_checker *c, ww_vec *vec, size_t size)
{
    void *item = ww_vec_push(vec, &c->scratch, size);
    if (!item) ww_check_fail_arena(c, &c->scratch);
    return item;
}

void *ww_check_keep(ww_checker *c, const ww_vec *vec, size_t size)
{
    void *copy = ww_check_array(c, vec->count, size);
    if (copy && vec->count) memcpy(copy, vec->items, vec->count * size);
    return copy;
}

void ww_check_put(ww_checker *c, ww_idmap *map, uint64_t key, uint64_t value)
{
    if (!ww_idmap_put(map, c->arena->allocator, key, value))
        ww_check_fail(c, WW_E_MEMORY, "out of memory");
}

/* --- index spaces -------------------------------------------------------------------------- */

static const uint32_t space_max[WW_SORT_COUNT] = {
    [WW_SORT_CORE_FUNC] = WW_MAX_FUNCS,
    [WW_SORT_CORE_TABLE] = WW_MAX_CORE_ALIASES,
    [WW_SORT_CORE_MEMORY] = WW_MAX_CORE_ALIASES,
    [WW_SORT_CORE_GLOBAL] = WW_MAX_CORE_ALIASES,
    [WW_SORT_CORE_TAG] = WW_MAX_CORE_ALIASES,
    [WW_SORT_CORE_TYPE] = WW_MAX_TYPES,
    [WW_SORT_CORE_MODULE] = WW_MAX_COMPONENTS,
    [WW_SORT_CORE_INSTANCE] = WW_MAX_CORE_INSTANCES,
    [WW_SORT_FUNC] = WW_MAX_FUNCS,
    [WW_SORT_TYPE] = WW_MAX_TYPES,
    [WW_SORT_COMPONENT] = WW_MAX_COMPONENTS,
    [WW_SORT_INSTANCE] = WW_MAX_INSTANCES,
};

static void *add(ww_checker *c, ww_sort sort, size_t size)
{
    ww_vec *space = &c->scope->spaces[sort];
    if (space->count >= space_max[sort]) {
        ww_check_fail(c, WW_E_LIMIT, "more than %u items of sort %s", space_max[sort],
                      ww_sort_name(sort));
        return NULL;
    }
    return ww_check_push(c, space, size);
}

void ww_scope_add_core(ww_checker *c, ww_sort sort, const void *item)
{
    const void **place = ww_check_ok(c) ? add(c, sort, sizeof *place) : NULL;
    if (place) *place = item;
}

void ww_scope_add_item(ww_checker *c, ww_sort sort, const ww_type_item *item)
{
    ww_type_item *place = ww_check_ok(c) ? add(c, sort, sizeof *place) : NULL;
    if (place) *place = *item;
}

static bool in_range(ww_checker *c, ww_sort sort, uint32_t index)
{
    if (!ww_check_ok(c)) return false;
    if (index < c->scope->spaces[sort].count) return true;
    ww_check_fail(c, WW_E_INVALID, "there is no %s %u", ww_sort_name(sort), index);
    return false;
}

const void *ww_scope_core(ww_checker *c, ww_sort sort, uint32_t index)
{
    if (!in_range(c, sort, index)) return NULL;
    return ((const void *const *)c->scope->spaces[sort].items)[index];
}

const ww_core_type_def *ww_scope_core_type(ww_checker *c, uint32_t index)
{
    if (!in_range(c, WW_SORT_CORE_TYPE, index)) return NULL;
    return &((const ww_core_type_def *)c->scope->spaces[WW_SORT_CORE_TYPE].items)[index];
}

const ww_type_item *ww_scope_item(ww_checker *c, ww_sort sort, uint32_t index)
{
    if (!in_range(c, sort, index)) return NULL;
    return &((const ww_type_item *)c->scope->spaces[sort].items)[index];
}

const ww_type_item *ww_scope_type(ww_checker *c, uint32_t index, ww_type_item_kind kind)
{
    static const char *const names[] = {"value", "resource", "function", "instance", "component"};
    const ww_type_item *item = ww_scope_item(c, WW_SORT_TYPE, index);
    if (!item || item->kind == kind) return item;
    ww_check_fail(c, WW_E_INVALID, "type %u is no %s type", index, names[kind]);
    return NULL;
}

/* --- scopes -------------------------------------------------------------------------------- */

ww_def *ww_scope_define(ww_checker *c, ww_def_kind kind, ww_sort sort)
{
    if (!ww_check_ok(c) || c->scope->kind != WW_SCOPE_COMPONENT) return NULL;
    ww_def *def = ww_check_push(c, &c->scope->defs, sizeof *def);
    if (!def) return NULL;
    def->kind = kind;
    def->defines = (ww_ref){.sort = sort, .index = c->scope->spaces[sort].count};
    def->offset = c->at;
    def->slot_first = c->scope->component->slot_count;
    return def;
}

ww_scope *ww_scope_push(ww_checker *c, ww_scope_kind kind)
{
    bool is_type = kind != WW_SCOPE_COMPONENT;
    uint32_t *depth = is_type ? &c->type_nesting : &c->nesting;
    uint32_t max = is_type ? WW_MAX_TYPE_DEPTH : WW_MAX_NESTING;
    if (*depth >= max) {
        ww_check_fail(c, WW_E_LIMIT, "%s nested more than %u deep",
                      is_type ? "types" : "components", max);
        return NULL;
    }
    ww_scope *scope = ww_check_scratch(c, 1, sizeof *scope);
    if (!scope) return NULL;
    *scope = (ww_scope){.kind = kind, .outer = c->scope};
    if (is_type) scope->component = c->scope->component;
    c->scope = scope;
    (*depth)++;
    return scope;
}

void ww_scope_pop(ww_checker *c)
{
    ww_scope *scope = c->scope;
    ww_idmap_deinit(&scope->imports.visible, c->arena->allocator);
    ww_idmap_deinit(&scope->exports.visible, c->arena->allocator);
    c->scope = scope->outer;
    (*(scope->kind == WW_SCOPE_COMPONENT ? &c->nesting : &c->type_nesting))--;
}
