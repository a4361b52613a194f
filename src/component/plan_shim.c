/* Does without the shim and the fixup that component encoders put around a module.
 *
 * A lowered function needs the module's memory, and the module needs the lowered function: encoders
 * break that cycle with a module whose functions only forward through a table (the shim), and one
 * more whose element segment fills the table at the end (the fixup). Here the thunk module is made
 * before all others, so nothing needs to be put off: where both are of that shape, and nobody else
 * gets at the table, neither is instantiated.
 *
 * Invariants
 *  1. What could run before the fixup would have trapped with a call of a null entry, and still
 *     does. An entry is "direct" if its filler is a site and no guest code can call it before: then
 *     users of the entry get the site itself. All others get a forwarder through a slot which is
 *     filled where the fixup stands.
 *  2. A direct site with a memory traps by itself until that memory is known (component/plan.h).
 *     So starts that run before the component's first memory is known do no harm to it.
 *  3. Both modules are checked to the last byte here, because the engine will not see them.
 */
#include "component/planner.h"
#include "component/reader.h"

enum {
    SHIM_BYTES_MAX = 1 << 20,
    TYPE_FUNC = 0x60,
    TYPE_FUNCREF = 0x70,
    FUNCREF = 0x63 | TYPE_FUNCREF << 8, /* as a ww_core_valtype */
    SECTION_CUSTOM = 0,
    SECTION_TYPE = 1,
    SECTION_IMPORT = 2,
    SECTION_FUNCTION = 3,
    SECTION_TABLE = 4,
    SECTION_EXPORT = 7,
    SECTION_START = 8,
    SECTION_ELEMENT = 9,
    SECTION_CODE = 10,
    SECTION_COUNT = 13,
    OP_END = 0x0b,
    OP_CALL_INDIRECT = 0x11,
    OP_LOCAL_GET = 0x20,
    OP_I32_CONST = 0x41,
};

typedef struct ww_shim_entry {
    ww_core_type type;
    uint32_t filler; /* core func of the component; WW_NONE: never filled */
    bool direct;
} ww_shim_entry;

/* A reference to a direct entry that waits for its filler's site to be made. */
typedef struct pending {
    struct pending *next;
    ww_plan_ref *ref;
    uint32_t filler;
} pending;

/* One instantiation. */
typedef struct ww_shim_made {
    bool filled;
    uint32_t *forwarders; /* by entry: site, or WW_NONE */
    pending *pending;
} ww_shim_made;

/* --- reading the two modules ----------------------------------------------------------------- */

static bool to_core_type(const ww_core_func_type *from, ww_core_type *to)
{
    *to = (ww_core_type){0};
    if (from->opaque || from->param_count > WW_FLAT_PARAMS_MAX || from->result_count > 1)
        return false;
    to->param_count = (uint8_t)from->param_count;
    to->result_count = (uint8_t)from->result_count;
    for (uint32_t i = 0; i < from->param_count + from->result_count; i++) {
        if (from->values[i] < WW_F64 || from->values[i] > WW_I32) return false;
        uint8_t *value = i < from->param_count ? &to->params[i] : &to->results[0];
        *value = (uint8_t)from->values[i];
    }
    return true;
}

static bool is_type(const ww_core_func_type *from, const ww_core_type *type)
{
    ww_core_type other;
    return to_core_type(from, &other) && memcmp(&other, type, sizeof other) == 0;
}

/* Only functions of number types. */
static bool has_plain_types(ww_reader *r)
{
    for (uint32_t left = ww_reader_u32(r); left && ww_reader_ok(r); left--) {
        if (ww_reader_u8(r) != TYPE_FUNC) return false;
        for (int lists = 0; lists < 2; lists++) {
            for (uint32_t i = ww_reader_u32(r); i && ww_reader_ok(r); i--) {
                uint8_t type = ww_reader_u8(r);
                if (type < WW_F64 || type > WW_I32) return false;
            }
        }
    }
    return ww_reader_ok(r) && !ww_reader_more(r);
}

/* One table, of null entries. */
static bool has_plain_table(ww_reader *r)
{
    bool plain = ww_reader_u32(r) == 1 && ww_reader_u8(r) == TYPE_FUNCREF;
    uint8_t flags = ww_reader_u8(r);
    if (!plain || flags > 1) return false;
    (void)ww_reader_u32(r);
    if (flags) (void)ww_reader_u32(r);
    return ww_reader_ok(r) && !ww_reader_more(r);
}

/* Finds the wanted sections; false if there are others, or if one stands twice or out of order. */
static bool find_sections(const ww_core_module *module, uint32_t allowed,
                          ww_reader sections[SECTION_COUNT])
{
    if (module->bytes.size > SHIM_BYTES_MAX) return false;
    ww_reader r = {.base = module->bytes.data, .at = 8, .end = module->bytes.size};
    uint8_t last = SECTION_CUSTOM;
    while (ww_reader_more(&r)) {
        uint8_t id = ww_reader_u8(&r);
        uint32_t size = ww_reader_u32(&r);
        ww_reader part = ww_reader_part(&r, size);
        if (id == SECTION_CUSTOM) {
            (void)ww_reader_name(&part);
            if (!ww_reader_ok(&part)) return false;
            continue;
        }
        if (id <= last || id >= SECTION_COUNT || !(allowed >> id & 1)) return false;
        sections[id] = part;
        last = id;
    }
    return ww_reader_ok(&r) && has_plain_types(&sections[SECTION_TYPE]);
}

/* One function of a shim: passes its parameters through entry `index`. */
static bool is_forwarder(ww_reader *r, const ww_core_type *type, uint32_t type_index,
                         uint32_t index)
{
    uint32_t size = ww_reader_u32(r);
    ww_reader body = ww_reader_part(r, size);
    bool same = ww_reader_u32(&body) == 0; /* no locals */
    for (uint32_t i = 0; i < type->param_count; i++)
        same &= ww_reader_u8(&body) == OP_LOCAL_GET && ww_reader_u32(&body) == i;
    same &= ww_reader_u8(&body) == OP_I32_CONST && ww_reader_s33(&body) == index;
    same &= ww_reader_u8(&body) == OP_CALL_INDIRECT && ww_reader_u32(&body) == type_index;
    same &= ww_reader_u32(&body) == 0; /* the table */
    return same && ww_reader_u8(&body) == OP_END && ww_reader_ok(&body) && !ww_reader_more(&body);
}

/* Its exports: every function once, and the table. */
static bool read_shim_exports(const ww_core_module *module, ww_shim_entry *entries)
{
    const ww_core_exports *exports = &module->type.exports;
    uint32_t tables = 0;
    for (uint32_t i = 0; i < exports->count; i++) {
        const ww_core_export *item = &exports->items[i];
        if (item->type.sort == WW_SORT_CORE_TABLE) {
            const ww_core_limits *limits = &item->type.limits;
            if (item->type.value != FUNCREF || limits->is_64 || limits->min < module->func_count)
                return false;
            tables++;
            continue;
        }
        if (item->type.sort != WW_SORT_CORE_FUNC) return false;
        ww_shim_entry *entry = &entries[item->index];
        if (entry->direct || !to_core_type(item->type.func, &entry->type)) return false;
        entry->direct = true; /* seen */
    }
    return tables == 1 && exports->count == module->func_count + 1;
}

static bool read_shim(ww_planner *p, const ww_core_module *module, ww_shim *out)
{
    const uint32_t allowed = 1 << SECTION_TYPE | 1 << SECTION_FUNCTION | 1 << SECTION_TABLE |
                             1 << SECTION_EXPORT | 1 << SECTION_CODE;
    ww_reader sections[SECTION_COUNT] = {0};
    uint32_t count = module->func_count;
    if (module->type.import_count || module->memory_count || module->table_count != 1 || !count ||
        module->type.exports.count != count + 1 || !find_sections(module, allowed, sections) ||
        !has_plain_table(&sections[SECTION_TABLE]))
        return false;
    out->entry_count = count;
    out->entries = ww_planner_take(p, &p->scratch, count, sizeof *out->entries);
    if (!out->entries || !read_shim_exports(module, out->entries)) return false;
    ww_reader *types = &sections[SECTION_FUNCTION], *code = &sections[SECTION_CODE];
    bool same = ww_reader_u32(types) == count && ww_reader_u32(code) == count;
    for (uint32_t i = 0; i < count && same; i++) {
        ww_shim_entry *entry = &out->entries[i];
        same = is_forwarder(code, &entry->type, ww_reader_u32(types), i);
        entry->direct = false;
        entry->filler = WW_NONE;
    }
    return same && ww_reader_ok(types) && ww_reader_ok(code) && !ww_reader_more(types) &&
           !ww_reader_more(code);
}

/* What a fixup puts into the table, from entry 0 on. */
typedef struct segment {
    uint32_t count;
    ww_reader funcs;
} segment;

static bool read_element(ww_reader *r, segment *out)
{
    static const uint8_t head[] = {1, 0, OP_I32_CONST, 0, OP_END}; /* one, active, table 0, at 0 */
    ww_view given = ww_reader_take(r, sizeof head);
    if (!ww_view_equal(given, ww_view_of(head, sizeof head))) return false;
    out->count = ww_reader_u32(r);
    out->funcs = *r;
    return ww_reader_ok(r);
}

/* Imports and the element segment, nothing else. */
static bool read_fixup(const ww_core_module *module, segment *out)
{
    const uint32_t allowed =
        1 << SECTION_TYPE | 1 << SECTION_IMPORT | 1 << SECTION_START | 1 << SECTION_ELEMENT;
    ww_reader sections[SECTION_COUNT] = {0};
    return module->table_count == 1 && !module->memory_count && !module->type.exports.count &&
           module->type.import_count == module->func_count + 1 &&
           find_sections(module, allowed, sections) &&
           read_element(&sections[SECTION_ELEMENT], out);
}

/* --- finding them in a component ------------------------------------------------------------- */

/* What is known while a component's definitions are looked through. */
typedef struct search {
    ww_planner *p;
    const ww_component *component;
    ww_shim *out;
    const ww_def **modules;   /* by module index: its definition, if it stands in the component */
    const ww_def **funcs;     /* by core func index */
    const ww_def **instances; /* by core instance index */
    const ww_core_module *shim_module;
    uint32_t table, bag;      /* the table's alias, the bag that it is in */
    const ww_def *last_start; /* the last one between shim and fixup that may run guest code */
    const ww_def *first_memory;
} search;

static const ww_core_module *module_of(const search *s, const ww_def *instantiate)
{
    const ww_def *def = s->modules[instantiate->of.instantiate.target];
    return def ? def->of.module : NULL;
}

static bool holds(const ww_named_ref *refs, uint32_t count, ww_sort sort, uint32_t index)
{
    for (uint32_t i = 0; i < count; i++)
        if (refs[i].ref.sort == sort && refs[i].ref.index == index) return true;
    return false;
}

static void note_start(search *s, const ww_def *def)
{
    if (s->out->fixup) return;
    if (def->kind == WW_DEF_CORE_INSTANTIATE) {
        const ww_core_module *module = module_of(s, def);
        if (module && module->start == WW_NONE) return;
    }
    s->last_start = def;
}

/* Anything that is not as expected ends the search: false. */
static bool look_at_instantiate(search *s, const ww_def *def)
{
    const ww_named_ref *args = def->of.instantiate.args;
    uint32_t count = def->of.instantiate.arg_count;
    if (holds(args, count, WW_SORT_CORE_INSTANCE, s->out->shim->defines.index)) return false;
    if (s->bag == WW_NONE || !holds(args, count, WW_SORT_CORE_INSTANCE, s->bag)) {
        note_start(s, def);
        return true;
    }
    if (s->out->fixup || count != 1) return false;
    s->out->fixup = def;
    return true;
}

static bool look_at_bag(search *s, const ww_def *def)
{
    if (s->table == WW_NONE ||
        !holds(def->of.bag.exports, def->of.bag.count, WW_SORT_CORE_TABLE, s->table))
        return true;
    if (s->bag != WW_NONE) return false;
    s->bag = def->defines.index;
    return true;
}

static bool look_at_alias(search *s, const ww_def *def)
{
    uint32_t instance = def->of.alias.instance;
    if (s->bag != WW_NONE && instance == s->bag) return false;
    if (instance != s->out->shim->defines.index || def->defines.sort != WW_SORT_CORE_TABLE)
        return true;
    if (s->table != WW_NONE) return false;
    s->table = def->defines.index;
    return true;
}

static bool look_at(search *s, const ww_def *def)
{
    switch (def->kind) {
    case WW_DEF_CORE_INSTANTIATE: return look_at_instantiate(s, def);
    case WW_DEF_CORE_BAG: return look_at_bag(s, def);
    case WW_DEF_ALIAS_CORE_EXPORT: return look_at_alias(s, def);
    case WW_DEF_INSTANTIATE: note_start(s, def); return true;
    default: return true;
    }
}

/* May users of an entry get its filler instead? */
static bool is_direct(const search *s, const ww_def *filler)
{
    if (!filler) return false;
    switch (filler->kind) {
    case WW_DEF_LOWER:
        if (!s->last_start) return true;
        return filler->of.canon.options.memory != WW_NONE && s->first_memory > s->last_start;
    case WW_DEF_RESOURCE_NEW:
    case WW_DEF_RESOURCE_DROP:
    case WW_DEF_RESOURCE_REP: return !s->last_start;
    default: return false;
    }
}

static bool tables_fit(const search *s, const ww_core_limits *wanted)
{
    const ww_core_exports *exports = &s->shim_module->type.exports;
    for (uint32_t i = 0; i < exports->count; i++) {
        const ww_core_limits *given = &exports->items[i].type.limits;
        if (exports->items[i].type.sort != WW_SORT_CORE_TABLE) continue;
        return given->min >= wanted->min && !wanted->is_64 &&
               (!wanted->has_max || (given->has_max && given->max <= wanted->max));
    }
    return false;
}

/* Which of the fixup's imports are functions, in their order; the other one must be the table. */
static const uint32_t *func_imports(const search *s, const ww_core_module *fixup,
                                    const uint32_t *by_name)
{
    const ww_module_type *type = &fixup->type;
    uint32_t *imports = ww_planner_take(s->p, &s->p->scratch, type->import_count, sizeof *imports);
    const ww_def *bag = s->instances[s->bag];
    uint32_t count = 0;
    for (uint32_t i = 0; imports && i < type->import_count; i++) {
        const ww_core_import *import = &type->imports[i];
        if (import->type.sort == WW_SORT_CORE_FUNC) {
            imports[count++] = i;
            continue;
        }
        const ww_ref *ref =
            ww_planner_find(bag->of.bag.exports, by_name, bag->of.bag.count, import->name);
        bool table = import->type.sort == WW_SORT_CORE_TABLE && import->type.value == FUNCREF &&
                     ref && ref->sort == WW_SORT_CORE_TABLE && ref->index == s->table &&
                     tables_fit(s, &import->type.limits);
        if (!table) return NULL;
    }
    return imports;
}

/* What the fixup is instantiated with. */
typedef struct gift {
    const ww_core_module *fixup;
    const uint32_t *by_name; /* of the bag */
    const uint32_t *imports; /* by function index */
} gift;

/* What the fixup's function `func` is given, if it is of that type on both sides. */
static bool given_func(const search *s, const gift *g, uint32_t func, const ww_core_type *type,
                       uint32_t *given)
{
    if (func >= g->fixup->func_count) return false;
    const ww_core_import *import = &g->fixup->type.imports[g->imports[func]];
    const ww_def *bag = s->instances[s->bag];
    const ww_ref *ref =
        ww_planner_find(bag->of.bag.exports, g->by_name, bag->of.bag.count, import->name);
    if (!ref || ref->sort != WW_SORT_CORE_FUNC) return false;
    *given = ref->index;
    return is_type(import->type.func, type) && is_type(s->component->core_funcs[ref->index], type);
}

static bool fill_entries(search *s, const ww_core_module *fixup, segment *from)
{
    static const ww_core_type start_type = {0};
    ww_shim *out = s->out;
    const ww_def *bag = s->instances[s->bag];
    gift g = {.fixup = fixup};
    g.by_name = ww_planner_sort(s->p, bag->of.bag.exports, bag->of.bag.count);
    g.imports = g.by_name ? func_imports(s, fixup, g.by_name) : NULL;
    if (!g.imports || from->count > out->entry_count) return false;
    for (uint32_t i = 0; i < from->count; i++) {
        ww_shim_entry *entry = &out->entries[i];
        uint32_t func = ww_reader_u32(&from->funcs);
        if (!ww_reader_ok(&from->funcs) || !given_func(s, &g, func, &entry->type, &entry->filler))
            return false;
        entry->direct = is_direct(s, s->funcs[entry->filler]);
    }
    out->start = WW_NONE;
    if (fixup->start != WW_NONE && !given_func(s, &g, fixup->start, &start_type, &out->start))
        return false;
    return !ww_reader_more(&from->funcs);
}

static bool index_definitions(search *s)
{
    const ww_component *component = s->component;
    const uint32_t *sizes = component->space_size;
    ww_arena *scratch = &s->p->scratch;
    s->modules = ww_planner_take(s->p, scratch, sizes[WW_SORT_CORE_MODULE], sizeof *s->modules);
    s->funcs = ww_planner_take(s->p, scratch, sizes[WW_SORT_CORE_FUNC], sizeof *s->funcs);
    s->instances =
        ww_planner_take(s->p, scratch, sizes[WW_SORT_CORE_INSTANCE], sizeof *s->instances);
    if (s->p->status) return false;
    for (uint32_t i = 0; i < component->def_count; i++) {
        const ww_def *def = &component->defs[i];
        uint32_t index = def->defines.index;
        if (def->kind == WW_DEF_CORE_MODULE) s->modules[index] = def;
        if (def->kind == WW_DEF_CORE_INSTANTIATE || def->kind == WW_DEF_CORE_BAG)
            s->instances[index] = def;
        if (def->defines.sort == WW_SORT_CORE_FUNC) s->funcs[index] = def;
        bool canon = def->kind == WW_DEF_LIFT || def->kind == WW_DEF_LOWER;
        if (canon && def->of.canon.options.memory != WW_NONE && !s->first_memory)
            s->first_memory = def;
    }
    s->p->walked += component->def_count;
    return true;
}

/* The first module that is instantiated without arguments and might be one. */
static const ww_def *find_candidate(search *s)
{
    for (uint32_t i = 0; i < s->component->def_count; i++) {
        const ww_def *def = &s->component->defs[i];
        if (def->kind != WW_DEF_CORE_INSTANTIATE || def->of.instantiate.arg_count) continue;
        s->shim_module = module_of(s, def);
        bool maybe = s->shim_module && s->shim_module->table_count == 1 &&
                     !s->shim_module->memory_count && !s->shim_module->type.import_count;
        if (maybe) return def;
    }
    return NULL;
}

static bool find_shim(search *s)
{
    const ww_component *component = s->component;
    if (component->space_size[WW_SORT_CORE_INSTANCE] < 2 || !index_definitions(s)) return false;
    s->out->shim = find_candidate(s);
    if (!s->out->shim || !read_shim(s->p, s->shim_module, s->out)) return false;
    const ww_def *end = component->defs + component->def_count;
    for (const ww_def *def = s->out->shim + 1; def < end; def++)
        if (!look_at(s, def)) return false;
    if (!s->out->fixup) return false;
    const ww_core_module *fixup = module_of(s, s->out->fixup);
    segment filling;
    return fixup && read_fixup(fixup, &filling) && fill_entries(s, fixup, &filling);
}

const ww_shim *ww_planner_shim(ww_planner *p, const ww_component *component)
{
    const ww_shim **known = &p->shims[component->index];
    if (*known) return *known;
    ww_shim *shim = ww_planner_take(p, &p->scratch, 1, sizeof *shim);
    if (!shim) return NULL;
    search s = {.p = p, .component = component, .out = shim, .table = WW_NONE, .bag = WW_NONE};
    if (!find_shim(&s)) *shim = (ww_shim){0};
    *known = shim;
    return p->status ? NULL : shim;
}

/* --- doing without them ---------------------------------------------------------------------- */

static uint32_t *take_numbers(ww_planner *p, uint32_t count)
{
    uint32_t *numbers = ww_planner_take(p, &p->scratch, count, sizeof *numbers);
    for (uint32_t i = 0; numbers && i < count; i++)
        numbers[i] = WW_NONE;
    return numbers;
}

bool ww_planner_shim_make(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    const ww_shim *shim = ww_planner_shim(p, frame->component);
    ww_core_value *value = ww_planner_take(p, &p->scratch, 1, sizeof *value);
    ww_shim_made *made = ww_planner_take(p, &p->scratch, 1, sizeof *made);
    if (p->status) return false;
    ww_ref target = {WW_SORT_CORE_MODULE, def->of.instantiate.target};
    made->forwarders = take_numbers(p, shim->entry_count);
    *value = (ww_core_value){.type = ww_frame_item(frame, target).of.module->plan.type,
                             .number = WW_NONE,
                             .numbers = take_numbers(p, shim->entry_count),
                             .frame = frame,
                             .shim = shim,
                             .made = made};
    frame->core_instances[def->defines.index] = value;
    return !p->status;
}

uint32_t ww_shim_entry_of(ww_core_item item)
{
    return item.instance->type->exports.items[item.index].index;
}

static ww_core_item filler_item(const ww_core_value *shim, uint32_t filler)
{
    return shim->frame->core_items[WW_SORT_CORE_FUNC][filler];
}

bool ww_planner_shim_ref(ww_planner *p, ww_core_item item, ww_plan_ref *out)
{
    uint32_t index = ww_shim_entry_of(item);
    const ww_shim_entry *entry = &item.instance->shim->entries[index];
    ww_shim_made *made = item.instance->made;
    if (entry->direct && made->filled)
        return ww_planner_ref(p, filler_item(item.instance, entry->filler), out);
    if (entry->direct) {
        pending *waiting = ww_planner_take(p, &p->scratch, 1, sizeof *waiting);
        if (!waiting) return false;
        *waiting = (pending){made->pending, out, entry->filler};
        made->pending = waiting;
        return true;
    }
    uint32_t *forwarder = &made->forwarders[index];
    if (*forwarder == WW_NONE) {
        ww_plan_site site = {
            .kind = WW_SITE_FORWARD,
            .options = {.memory = WW_NONE, .realloc = WW_NONE, .post_return = WW_NONE},
            .core = entry->type,
        };
        if (!ww_planner_slot(p, item, &entry->type, &site.target) ||
            !ww_planner_site(p, item.instance->frame, &site, forwarder))
            return false;
    }
    *out = (ww_plan_ref){.kind = WW_REF_SITE, .instance = *forwarder};
    return true;
}

/* Where the fixup stands: slots of entries are filled, and its start function runs. */
bool ww_planner_shim_fill(ww_planner *p, ww_frame *frame, const ww_def *def)
{
    const ww_shim *shim = ww_planner_shim(p, frame->component);
    ww_core_value *value = frame->core_instances[shim->shim->defines.index];
    value->made->filled = true;
    for (pending *waiting = value->made->pending; waiting; waiting = waiting->next)
        if (!ww_planner_ref(p, filler_item(value, waiting->filler), waiting->ref)) return false;
    for (uint32_t i = 0; i < shim->entry_count; i++) {
        uint32_t filler = shim->entries[i].filler;
        if (value->numbers[i] == WW_NONE || filler == WW_NONE) continue;
        if (!ww_planner_ref_step(p, WW_STEP_SLOT, value->numbers[i], filler_item(value, filler)))
            return false;
    }
    static const ww_module_type nothing = {0};
    ww_core_value *fixup = ww_planner_take(p, &p->scratch, 1, sizeof *fixup);
    if (!fixup) return false;
    *fixup = (ww_core_value){.type = &nothing, .number = WW_NONE};
    frame->core_instances[def->defines.index] = fixup;
    if (shim->start == WW_NONE) return true;
    return ww_planner_ref_step(p, WW_STEP_START, WW_NONE, filler_item(value, shim->start));
}
