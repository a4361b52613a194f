#include "component/core.h"
#include "component/limits.h"

/* A module while it is read. Index spaces hold ww_core_entity. */
typedef struct scan {
    ww_reader *r;
    ww_arena *arena, *scratch;
    ww_core_module *out;
    ww_vec types, funcs, tables, memories, globals, tags, imports, exports;
} scan;

static void *push(scan *s, ww_vec *vec, ww_arena *arena, size_t size)
{
    if (vec->count >= WW_MAX_FUNCS) {
        ww_reader_fail(s->r, s->r->at, WW_E_LIMIT, "more than %d core items", WW_MAX_FUNCS);
        return NULL;
    }
    void *item = ww_vec_push(vec, arena, size);
    ww_status why = ww_arena_failure(arena);
    if (!item) ww_reader_fail(s->r, s->r->at, why, "%s", ww_status_text(why));
    return item;
}

static ww_vec *space_of(scan *s, ww_sort sort)
{
    switch (sort) {
    case WW_SORT_CORE_FUNC: return &s->funcs;
    case WW_SORT_CORE_TABLE: return &s->tables;
    case WW_SORT_CORE_MEMORY: return &s->memories;
    case WW_SORT_CORE_GLOBAL: return &s->globals;
    default: return &s->tags;
    }
}

static void add(scan *s, const ww_core_entity *entity)
{
    ww_core_entity *item = push(s, space_of(s, entity->sort), s->scratch, sizeof *item);
    if (item) *item = *entity;
}

/* --- constant expressions ------------------------------------------------------------------ */

/* Operands of 0xfb: how many indices follow the opcode; -1: not constant. */
static int gc_operands(uint32_t opcode)
{
    switch (opcode) {
    case 0: /* struct.new */
    case 1: /* struct.new_default */
    case 6: /* array.new */
    case 7: /* array.new_default */ return 1;
    case 8: return 2;  /* array.new_fixed */
    case 26:           /* any.convert_extern */
    case 27:           /* extern.convert_any */
    case 28: return 0; /* ref.i31 */
    default: return -1;
    }
}

static void skip_operands(ww_reader *r, uint8_t opcode)
{
    size_t at = r->at - 1;
    switch (opcode) {
    case 0x41: ww_reader_skip_sleb(r, 32); return; /* i32.const */
    case 0x42: ww_reader_skip_sleb(r, 64); return; /* i64.const */
    case 0x43: (void)ww_reader_take(r, 4); return; /* f32.const */
    case 0x44: (void)ww_reader_take(r, 8); return; /* f64.const */
    case 0x23:                                     /* global.get */
    case 0xd2: (void)ww_reader_u32(r); return;     /* ref.func */
    case 0xd0: (void)ww_reader_s33(r); return;     /* ref.null */
    case 0x6a:                                     /* i32.add, sub, mul */
    case 0x6b:
    case 0x6c:
    case 0x7c: /* i64.add, sub, mul */
    case 0x7d:
    case 0x7e: return;
    case 0xfb: {
        int operands = gc_operands(ww_reader_u32(r));
        for (int i = 0; i < operands; i++)
            (void)ww_reader_u32(r);
        if (operands >= 0) return;
        break;
    }
    case 0xfd: /* v128.const */
        if (ww_reader_u32(r) == 12) {
            (void)ww_reader_take(r, 16);
            return;
        }
        break;
    default: break;
    }
    ww_reader_fail(r, at, WW_E_INVALID, "0x%02x is no constant instruction", opcode);
}

static void skip_expression(ww_reader *r)
{
    for (uint8_t opcode; ww_reader_ok(r) && (opcode = ww_reader_u8(r)) != 0x0b;)
        skip_operands(r, opcode);
}

/* --- sections ------------------------------------------------------------------------------ */

static void read_import(scan *s)
{
    ww_core_import *import = push(s, &s->imports, s->scratch, sizeof *import);
    if (!import) return;
    import->module = ww_reader_name(s->r);
    import->name = ww_reader_name(s->r);
    ww_core_read_extern(s->r, &s->types, &import->type);
    if (ww_reader_ok(s->r)) add(s, &import->type);
}

static void read_func(scan *s)
{
    const ww_core_type_def *types = s->types.items;
    size_t at = s->r->at;
    uint32_t index = ww_reader_u32(s->r);
    if (index >= s->types.count)
        ww_reader_fail(s->r, at, WW_E_INVALID, "there is no core type %u", index);
    else
        add(s, &(ww_core_entity){.sort = WW_SORT_CORE_FUNC, .func = types[index].func});
}

/* 0x40 0x00 before a table type announces an initial value. */
static void read_table(scan *s)
{
    bool has_value = ww_reader_peek(s->r) == 0x40;
    if (has_value) {
        (void)ww_reader_u8(s->r);
        if (ww_reader_u8(s->r)) ww_reader_fail(s->r, s->r->at - 1, WW_E_INVALID, "malformed table");
    }
    ww_core_entity table;
    ww_core_read_entity(s->r, WW_SORT_CORE_TABLE, &s->types, &table);
    if (has_value) skip_expression(s->r);
    if (ww_reader_ok(s->r)) add(s, &table);
}

static void read_defined(scan *s, ww_sort sort)
{
    ww_core_entity entity;
    ww_core_read_entity(s->r, sort, &s->types, &entity);
    if (sort == WW_SORT_CORE_GLOBAL) skip_expression(s->r);
    if (ww_reader_ok(s->r)) add(s, &entity);
}

static void read_export(scan *s)
{
    ww_core_export *export = push(s, &s->exports, s->scratch, sizeof *export);
    if (!export) return;
    export->name = ww_reader_name(s->r);
    size_t at = s->r->at;
    uint8_t kind = ww_reader_u8(s->r);
    export->index = ww_reader_u32(s->r);
    if (!ww_reader_ok(s->r)) return;
    const ww_vec *space = kind <= 4 ? space_of(s, (ww_sort)(WW_SORT_CORE_FUNC + kind)) : NULL;
    if (!space || export->index >= space->count)
        ww_reader_fail(s->r, at, WW_E_INVALID, "core export `%.*s` of what is not there",
                       WW_VIEW_ARG(export->name));
    else
        export->type = ((const ww_core_entity *)space->items)[export->index];
}

static void read_start(scan *s)
{
    size_t at = s->r->at;
    s->out->start = ww_reader_u32(s->r);
    if (s->out->start >= s->funcs.count)
        ww_reader_fail(s->r, at, WW_E_INVALID, "there is no start function %u", s->out->start);
}

static void read_item(scan *s, uint8_t section)
{
    switch (section) {
    case 1: ww_core_read_rectype(s->r, s->arena, &s->types); return;
    case 2: read_import(s); return;
    case 3: read_func(s); return;
    case 4: read_table(s); return;
    case 5: read_defined(s, WW_SORT_CORE_MEMORY); return;
    case 6: read_defined(s, WW_SORT_CORE_GLOBAL); return;
    case 7: read_export(s); return;
    default: read_defined(s, WW_SORT_CORE_TAG); return;
    }
}

/* Sections 0 (custom) and 9 to 12 (elements, code, data, data count) are not looked at. */
static void read_section(scan *s, uint8_t section)
{
    if (section == 8) {
        read_start(s);
        return;
    }
    if ((section >= 1 && section <= 7) || section == 13) {
        uint32_t count = ww_reader_count(s->r, WW_MAX_FUNCS, "items of a core section");
        for (uint32_t i = 0; i < count && ww_reader_ok(s->r); i++)
            read_item(s, section);
        return;
    }
    s->r->at = s->r->end;
}

/* Sections but the custom ones stand in this order, each at most once. */
static unsigned place_of(uint8_t section)
{
    static const uint8_t places[] = {
        [1] = 1, [2] = 2, [3] = 3,  [4] = 4,   [5] = 5,   [13] = 6, [6] = 7,
        [7] = 8, [8] = 9, [9] = 10, [12] = 11, [10] = 12, [11] = 13};
    return section < sizeof places ? places[section] : 0;
}

static void read_sections(scan *s, ww_reader *r)
{
    unsigned last = 0;
    while (ww_reader_more(r)) {
        size_t start = r->at;
        uint8_t section = ww_reader_u8(r);
        unsigned place = place_of(section);
        if (section && !place)
            ww_reader_fail(r, start, WW_E_INVALID, "unknown core section %u", section);
        if (section && place <= last)
            ww_reader_fail(r, start, WW_E_INVALID, "core section %u out of order", section);
        if (section) last = place;
        ww_reader part = ww_reader_part(r, ww_reader_u32(r));
        s->r = &part;
        read_section(s, section);
        ww_reader_join(r, &part, "a core section");
        if (!ww_reader_ok(r)) return;
        ww_view whole = ww_view_of(r->base + start, r->at - start);
        if (section == 7) s->out->export_section = whole;
        if (section == 8) s->out->start_section = whole;
    }
}

void ww_core_read_module(ww_reader *r, ww_arena *arena, ww_arena *scratch, ww_core_module *out)
{
    static const uint8_t preamble[] = {0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00};
    size_t start = r->at;
    out->bytes = ww_view_of(r->base + r->at, r->end - r->at);
    out->start = WW_NONE;
    ww_view given = ww_reader_take(r, sizeof preamble);
    if (ww_reader_ok(r) && !ww_view_equal(given, ww_view_of(preamble, sizeof preamble)))
        ww_reader_fail(r, start, WW_E_INVALID, "this is no core module");
    scan s = {.r = r, .arena = arena, .scratch = scratch, .out = out};
    read_sections(&s, r);
    if (!ww_reader_ok(r)) return;
    out->func_count = s.funcs.count;
    out->table_count = s.tables.count;
    out->memory_count = s.memories.count;
    ww_core_make_module_type(r, arena, scratch, &s.imports, &s.exports, &out->type);
}
