#include "component/core.h"
#include "component/limits.h"
#include "component/name.h"

void *ww_vec_push(ww_vec *vec, ww_arena *arena, size_t item_size)
{
    if (vec->count == vec->capacity) {
        uint32_t capacity = vec->capacity ? vec->capacity * 2 : 8;
        if (capacity <= vec->capacity) return NULL;
        void *items = ww_arena_array(arena, capacity, item_size);
        if (!items) return NULL;
        if (vec->count) memcpy(items, vec->items, vec->count * item_size);
        vec->items = items;
        vec->capacity = capacity;
    }
    return (uint8_t *)vec->items + item_size * vec->count++;
}

static void fail_arena(ww_reader *r, const ww_arena *arena)
{
    ww_status status = ww_arena_failure(arena);
    ww_reader_fail(r, r->at, status, "%s", ww_status_text(status));
}

/* --- types --------------------------------------------------------------------------------- */

static bool is_abstract_heap(uint8_t byte)
{
    return byte >= 0x68 && byte <= 0x75;
}

/* The types that a reference may speak of: those read so far, and those of the group at hand. */
typedef struct reach {
    const ww_vec *types; /* ww_core_type_def */
    uint32_t count;
} reach;

static reach reach_of(const ww_vec *types)
{
    return (reach){.types = types, .count = types->count};
}

static uint32_t read_heap(ww_reader *r, reach within)
{
    size_t at = r->at;
    uint8_t byte = ww_reader_peek(r);
    if (is_abstract_heap(byte)) return ww_reader_u8(r);
    int64_t index = ww_reader_s33(r);
    const ww_core_type_def *defs = within.types->items;
    if (index < 0 || index >= within.count || (index < within.types->count && !defs[index].func))
        ww_reader_fail(r, at, WW_E_INVALID, "a reference to a core type that is not there");
    return WW_HEAP_CONCRETE;
}

static ww_core_valtype read_valtype(ww_reader *r, reach within)
{
    size_t at = r->at;
    uint8_t byte = ww_reader_u8(r);
    if (byte >= 0x7b && byte <= 0x7f) return byte;
    if (byte == 0x63 || byte == 0x64) return byte | read_heap(r, within) << 8;
    if (is_abstract_heap(byte)) return 0x63u | (uint32_t)byte << 8;
    ww_reader_fail(r, at, WW_E_INVALID, "0x%02x is no core value type", byte);
    return 0;
}

static void read_func_type(ww_reader *r, ww_arena *arena, reach within, ww_core_func_type *out)
{
    ww_core_valtype values[WW_MAX_CORE_FUNC_PARAMS * 2];
    uint32_t *counts[] = {&out->param_count, &out->result_count}, count = 0;
    for (int i = 0; i < 2; i++) {
        *counts[i] = ww_reader_count(r, WW_MAX_CORE_FUNC_PARAMS, "parameters or results");
        for (uint32_t k = 0; k < *counts[i] && ww_reader_ok(r); k++)
            values[count++] = read_valtype(r, within);
    }
    if (!ww_reader_ok(r)) return;
    out->values = ww_arena_copy(arena, values, count * sizeof *values);
    if (!out->values) fail_arena(r, arena);
}

static void skip_field(ww_reader *r, reach within)
{
    uint8_t byte = ww_reader_peek(r);
    if (byte == 0x77 || byte == 0x78)
        (void)ww_reader_u8(r); /* i16, i8 */
    else
        (void)read_valtype(r, within);
    if (ww_reader_u8(r) > 1)
        ww_reader_fail(r, r->at - 1, WW_E_INVALID, "mutability must be 0 or 1");
}

/* What follows `sub`; a type with parents, or one that is no function, is opaque here. */
static void read_composite(ww_reader *r, ww_arena *arena, reach within, ww_core_func_type *out)
{
    size_t at = r->at;
    uint8_t form = ww_reader_u8(r);
    if (form == 0x65) { /* shared */
        out->opaque = true;
        form = ww_reader_u8(r);
    }
    switch (form) {
    case 0x60: read_func_type(r, arena, within, out); return;
    case 0x5e:
        out->opaque = true;
        skip_field(r, within);
        return;
    case 0x5f: {
        out->opaque = true;
        uint32_t count = ww_reader_count(r, WW_MAX_FIELDS, "fields");
        for (uint32_t i = 0; i < count && ww_reader_ok(r); i++)
            skip_field(r, within);
        return;
    }
    case 0x5d:
        out->opaque = true;
        (void)read_heap(r, within);
        return;
    default: ww_reader_fail(r, at, WW_E_INVALID, "0x%02x is no core type", form);
    }
}

/* Types of a group are equal only as parts of equal groups, which is left to the engine. */
static void read_subtype(ww_reader *r, ww_arena *arena, reach within, ww_vec *types, bool in_group)
{
    if (types->count >= WW_MAX_TYPES)
        ww_reader_fail(r, r->at, WW_E_LIMIT, "more than %d core types", WW_MAX_TYPES);
    ww_core_func_type *type = ww_arena_alloc(arena, sizeof *type);
    ww_core_type_def *def = type ? ww_vec_push(types, arena, sizeof *def) : NULL;
    if (!def) {
        fail_arena(r, arena);
        return;
    }
    def->func = type;
    type->opaque = in_group;
    uint8_t form = ww_reader_peek(r);
    if (form == 0x4f || form == 0x50) {
        (void)ww_reader_u8(r);
        uint32_t parents = ww_reader_count(r, 1, "supertypes");
        if (parents && ww_reader_u32(r) >= types->count - 1)
            ww_reader_fail(r, r->at, WW_E_INVALID, "a supertype must stand before its subtypes");
        type->opaque |= parents || form == 0x50;
    }
    read_composite(r, arena, within, type);
}

void ww_core_read_rectype(ww_reader *r, ww_arena *arena, ww_vec *types)
{
    uint32_t count = 1, start = types->count;
    if (ww_reader_peek(r) == 0x4e) {
        (void)ww_reader_u8(r);
        count = ww_reader_count(r, WW_MAX_TYPES, "types in a group");
    }
    for (uint32_t i = 0; i < count && ww_reader_ok(r); i++)
        read_subtype(r, arena, (reach){.types = types, .count = start + count}, types, count > 1);
}

static const ww_core_func_type *func_type_at(ww_reader *r, const ww_vec *types)
{
    size_t at = r->at;
    uint32_t index = ww_reader_u32(r);
    const ww_core_type_def *defs = types->items;
    if (index < types->count && defs[index].func) return defs[index].func;
    ww_reader_fail(r, at, WW_E_INVALID, "there is no core function type %u", index);
    return NULL;
}

static uint64_t pages_max(const ww_core_limits *memory)
{
    unsigned bits = (memory->is_64 ? 64u : 32u) - memory->page_log2;
    return bits == 64 ? UINT64_MAX : UINT64_C(1) << bits;
}

static void read_limits(ww_reader *r, bool is_memory, ww_core_limits *out)
{
    size_t at = r->at;
    uint8_t flags = ww_reader_u8(r);
    if (flags > (is_memory ? 0x0f : 0x07))
        ww_reader_fail(r, at, WW_E_INVALID, "unknown flags 0x%02x of limits", flags);
    *out = (ww_core_limits){.has_max = flags & 1,
                            .shared = flags & 2,
                            .is_64 = flags & 4,
                            .max = UINT64_MAX,
                            .page_log2 = is_memory ? 16 : 0};
    out->min = out->is_64 ? ww_reader_u64(r) : ww_reader_u32(r);
    if (out->has_max) out->max = out->is_64 ? ww_reader_u64(r) : ww_reader_u32(r);
    if (flags & 8) {
        uint32_t page = ww_reader_u32(r);
        if (page != 0 && page != 16)
            ww_reader_fail(r, at, WW_E_INVALID, "page size of 2^%u", page);
        else
            out->page_log2 = (uint8_t)page;
    }
    if (out->min > out->max)
        ww_reader_fail(r, at, WW_E_INVALID, "minimum size is larger than the maximum");
    uint64_t largest = pages_max(out);
    if (is_memory && (out->min > largest || (out->has_max && out->max > largest)))
        ww_reader_fail(r, at, WW_E_INVALID, "memory beyond its address space");
}

static void read_global(ww_reader *r, const ww_vec *types, ww_core_entity *out)
{
    out->value = read_valtype(r, reach_of(types));
    uint8_t flags = ww_reader_u8(r);
    if (flags > 3) ww_reader_fail(r, r->at - 1, WW_E_INVALID, "malformed mutability");
    out->mutable = flags & 1;
    out->limits.shared = flags & 2;
}

void ww_core_read_entity(ww_reader *r, ww_sort sort, const ww_vec *types, ww_core_entity *out)
{
    *out = (ww_core_entity){.sort = sort};
    switch (sort) {
    case WW_SORT_CORE_FUNC: out->func = func_type_at(r, types); return;
    case WW_SORT_CORE_TABLE:
        out->value = read_valtype(r, reach_of(types));
        read_limits(r, false, &out->limits);
        return;
    case WW_SORT_CORE_MEMORY: read_limits(r, true, &out->limits); return;
    case WW_SORT_CORE_GLOBAL: read_global(r, types, out); return;
    default:
        if (ww_reader_u8(r)) ww_reader_fail(r, r->at - 1, WW_E_INVALID, "malformed tag");
        out->func = func_type_at(r, types);
    }
}

void ww_core_read_extern(ww_reader *r, const ww_vec *types, ww_core_entity *out)
{
    size_t at = r->at;
    uint8_t kind = ww_reader_u8(r);
    if (kind > 4)
        ww_reader_fail(r, at, WW_E_INVALID, "0x%02x is no kind of core item", kind);
    else
        ww_core_read_entity(r, (ww_sort)(WW_SORT_CORE_FUNC + kind), types, out);
}

/* --- comparing ----------------------------------------------------------------------------- */

static bool value_fits(ww_core_valtype a, ww_core_valtype b)
{
    uint8_t a_form = a & 0xff, b_form = b & 0xff;
    if (a_form > 0x64 || b_form > 0x64) return a == b;
    if (a_form == 0x63 && b_form == 0x64) return false; /* may be null */
    return a >> 8 == b >> 8 || a >> 8 == WW_HEAP_CONCRETE || b >> 8 == WW_HEAP_CONCRETE;
}

static bool func_fits(const ww_core_func_type *a, const ww_core_func_type *b)
{
    if (a == b || a->opaque || b->opaque) return true;
    if (a->param_count != b->param_count || a->result_count != b->result_count) return false;
    for (uint32_t i = 0; i < a->param_count + a->result_count; i++)
        if (!value_fits(a->values[i], b->values[i]) || !value_fits(b->values[i], a->values[i]))
            return false;
    return true;
}

static bool limits_fit(const ww_core_limits *a, const ww_core_limits *b)
{
    return a->shared == b->shared && a->is_64 == b->is_64 && a->page_log2 == b->page_log2 &&
           a->min >= b->min && (!b->has_max || (a->has_max && a->max <= b->max));
}

bool ww_core_entity_fits(const ww_core_entity *a, const ww_core_entity *b)
{
    if (a->sort != b->sort) return false;
    switch (a->sort) {
    case WW_SORT_CORE_FUNC:
    case WW_SORT_CORE_TAG: return func_fits(a->func, b->func);
    case WW_SORT_CORE_TABLE:
        return value_fits(a->value, b->value) && value_fits(b->value, a->value) &&
               limits_fit(&a->limits, &b->limits);
    case WW_SORT_CORE_MEMORY: return limits_fit(&a->limits, &b->limits);
    default:
        return a->mutable == b->mutable && a->limits.shared == b->limits.shared &&
               value_fits(a->value, b->value) && (!a->mutable || value_fits(b->value, a->value));
    }
}

uint32_t ww_core_entity_steps(const ww_core_entity *entity)
{
    return entity->func ? 1 + entity->func->param_count + entity->func->result_count : 1;
}

uint64_t ww_core_module_steps(const ww_module_type *type)
{
    uint64_t steps = 1;
    for (uint32_t i = 0; i < type->import_count; i++) {
        const ww_core_import *import = &type->imports[i];
        steps += ww_core_entity_steps(&import->type);
        steps += (import->module.size + import->name.size) / 64;
    }
    for (uint32_t i = 0; i < type->exports.count; i++) {
        const ww_core_export *export = &type->exports.items[i];
        steps += ww_core_entity_steps(&export->type) + export->name.size / 64;
    }
    return steps;
}

/* Module and name of each import as one text that no other pair makes. */
static ww_view *import_keys(const ww_module_type *type, ww_arena *scratch)
{
    ww_view *keys = ww_arena_array(scratch, type->import_count, sizeof *keys);
    for (uint32_t i = 0; i < type->import_count && keys; i++) {
        ww_view module = type->imports[i].module, name = type->imports[i].name;
        uint8_t *key = ww_arena_alloc(scratch, 4 + module.size + name.size);
        if (!key) return NULL;
        ww_put_le32(key, (uint32_t)module.size);
        if (module.size) memcpy(key + 4, module.data, module.size);
        if (name.size) memcpy(key + 4 + module.size, name.data, name.size);
        keys[i] = ww_view_of(key, 4 + module.size + name.size);
    }
    return keys;
}

static void check_imports(ww_reader *r, ww_arena *scratch, const ww_module_type *type)
{
    ww_view *keys = import_keys(type, scratch);
    uint32_t *order = keys ? ww_names_sort(keys, type->import_count, scratch) : NULL;
    if (!order) {
        fail_arena(r, scratch);
        return;
    }
    for (uint32_t i = 1; i < type->import_count; i++) {
        if (!ww_view_equal(keys[order[i - 1]], keys[order[i]])) continue;
        const ww_core_import *import = &type->imports[order[i]];
        ww_reader_fail(r, r->at, WW_E_INVALID, "core import `%.*s` `%.*s` stands there twice",
                       WW_VIEW_ARG(import->module), WW_VIEW_ARG(import->name));
        return;
    }
}

void ww_core_make_exports(ww_reader *r, ww_arena *arena, ww_arena *scratch, const ww_vec *exports,
                          ww_core_exports *out)
{
    const ww_core_export *items =
        ww_arena_copy(arena, exports->items, exports->count * sizeof *items);
    ww_view *names = ww_arena_array(scratch, exports->count, sizeof *names);
    for (uint32_t i = 0; i < exports->count && names && items; i++)
        names[i] = items[i].name;
    uint32_t *order = names && items ? ww_names_sort(names, exports->count, arena) : NULL;
    if (!order) {
        fail_arena(r, arena->full ? arena : scratch);
        return;
    }
    for (uint32_t i = 1; i < exports->count; i++)
        if (ww_view_equal(names[order[i - 1]], names[order[i]]))
            ww_reader_fail(r, r->at, WW_E_INVALID, "core export `%.*s` stands there twice",
                           WW_VIEW_ARG(names[order[i]]));
    *out = (ww_core_exports){.count = exports->count, .items = items, .by_name = order};
}

void ww_core_make_module_type(ww_reader *r, ww_arena *arena, ww_arena *scratch,
                              const ww_vec *imports, const ww_vec *exports, ww_module_type *out)
{
    out->import_count = imports->count;
    out->imports = ww_arena_copy(arena, imports->items, imports->count * sizeof *out->imports);
    if (!out->imports) {
        fail_arena(r, arena);
        return;
    }
    check_imports(r, scratch, out);
    ww_core_make_exports(r, arena, scratch, exports, &out->exports);
}

/* The import of `type` with the key of a's import `k`, or NULL. */
static const ww_core_import *find_import(const ww_module_type *type, const ww_view *keys,
                                         const uint32_t *order, ww_view key)
{
    uint32_t low = 0, high = type->import_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int way = ww_name_compare(keys[order[middle]], key);
        if (way == 0) return &type->imports[order[middle]];
        if (way < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool imports_fit(ww_arena *scratch, const ww_module_type *a, const ww_module_type *b,
                        ww_diag *why)
{
    ww_view *a_keys = import_keys(a, scratch), *b_keys = import_keys(b, scratch);
    uint32_t *order = b_keys ? ww_names_sort(b_keys, b->import_count, scratch) : NULL;
    if (!a_keys || !order) {
        ww_status status = ww_arena_failure(scratch);
        return ww_fail(why, status, "%s", ww_status_text(status)) == WW_OK;
    }
    for (uint32_t i = 0; i < a->import_count; i++) {
        const ww_core_import *import = &a->imports[i];
        const ww_core_import *given = find_import(b, b_keys, order, a_keys[i]);
        if (given && ww_core_entity_fits(&given->type, &import->type)) continue;
        ww_fail(why, WW_E_INVALID, "core import `%.*s` `%.*s` %s", WW_VIEW_ARG(import->module),
                WW_VIEW_ARG(import->name),
                given ? "would be given something of another type" : "would not be given");
        return false;
    }
    return true;
}

bool ww_core_module_fits(ww_arena *scratch, const ww_module_type *a, const ww_module_type *b,
                         ww_diag *why)
{
    if (a == b) return true;
    if (!imports_fit(scratch, a, b, why)) return false;
    for (uint32_t i = 0; i < b->exports.count; i++) {
        const ww_core_export *wanted = &b->exports.items[i];
        const ww_core_export *found = ww_core_exports_find(&a->exports, wanted->name);
        if (found && ww_core_entity_fits(&found->type, &wanted->type)) continue;
        ww_fail(why, WW_E_INVALID, "core export `%.*s` %s", WW_VIEW_ARG(wanted->name),
                found ? "has another type" : "is missing");
        return false;
    }
    return true;
}
