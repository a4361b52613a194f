#include "component/check.h"

static const uint8_t component_preamble[] = {0x00, 'a', 's', 'm', 0x0d, 0x00, 0x01, 0x00};
static const uint8_t module_preamble[] = {0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00};

static void parse_component(ww_checker *c);

/* --- sections ------------------------------------------------------------------------------ */

/* The name is read so that it is well formed; what follows is nobody's business here. */
static void read_custom(ww_checker *c)
{
    (void)ww_reader_name(c->r);
    if (ww_check_ok(c)) c->r->at = c->r->end;
}

static void read_module(ww_checker *c)
{
    if (c->modules.count >= WW_MAX_CORE_MODULES)
        ww_check_fail(c, WW_E_LIMIT, "more than %d core modules", WW_MAX_CORE_MODULES);
    ww_core_module *module = ww_check_ok(c) ? ww_check_alloc(c, sizeof *module) : NULL;
    ww_core_module **place = module ? ww_check_push(c, &c->modules, sizeof *place) : NULL;
    ww_def *def = place ? ww_scope_define(c, WW_DEF_CORE_MODULE, WW_SORT_CORE_MODULE) : NULL;
    if (!def) return;
    *place = module;
    module->index = c->modules.count - 1;
    def->of.module = module;
    ww_core_read_module(c->r, c->arena, &c->scratch, module);
    ww_scope_add_core(c, WW_SORT_CORE_MODULE, &module->type);
}

static void read_component(ww_checker *c)
{
    ww_def *def = ww_scope_define(c, WW_DEF_COMPONENT, WW_SORT_COMPONENT);
    size_t at = c->at;
    parse_component(c);
    c->at = at;
    if (!ww_check_ok(c) || !def) return;
    const ww_component *const *components = c->components.items;
    const ww_component *component = components[c->last_component];
    def->of.component = component;
    ww_type_item item = ww_check_component_item(c, component->type);
    ww_scope_add_item(c, WW_SORT_COMPONENT, &item);
}

/* What a section holds a vector of; NULL: another form, or nothing known. */
static void (*entry_of(uint8_t section))(ww_checker *)
{
    switch (section) {
    case 2: return ww_check_core_instance;
    case 3: return ww_check_core_type;
    case 5: return ww_check_instance;
    case 6: return ww_check_alias;
    case 7: return ww_check_type;
    case 8: return ww_check_canon;
    case 10: return ww_check_import;
    case 11: return ww_check_export;
    default: return NULL;
    }
}

/* The sites that came with a definition are those up to now. */
static void close_defs(ww_checker *c, uint32_t first)
{
    ww_def *defs = c->scope->defs.items;
    for (uint32_t i = first; i < c->scope->defs.count; i++)
        defs[i].slot_count = c->scope->component->slot_count - defs[i].slot_first;
}

static void read_entries(ww_checker *c, void (*read_entry)(ww_checker *))
{
    uint32_t count = ww_reader_u32(c->r);
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        c->at = c->r->at;
        if (!ww_reader_more(c->r)) ww_check_fail(c, WW_E_INVALID, "unexpected end");
        uint32_t first = c->scope->defs.count;
        read_entry(c);
        close_defs(c, first);
    }
}

static void read_section(ww_checker *c, uint8_t section)
{
    void (*read_entry)(ww_checker *) = entry_of(section);
    if (read_entry)
        read_entries(c, read_entry);
    else if (section == 0)
        read_custom(c);
    else if (section == 1)
        read_module(c);
    else if (section == 4)
        read_component(c);
    else if (section == 9 || section == 12)
        ww_check_fail(c, WW_E_UNSUPPORTED, "component values: not supported by this host");
    else
        ww_check_fail(c, WW_E_INVALID, "unknown section %u", section);
}

static void read_sections(ww_checker *c)
{
    ww_reader *whole = c->r;
    while (ww_reader_more(whole)) {
        c->at = whole->at;
        uint8_t section = ww_reader_u8(whole);
        ww_reader part = ww_reader_part(whole, ww_reader_u32(whole));
        c->r = &part;
        read_section(c, section);
        c->r = whole;
        ww_reader_join(whole, &part, "a section");
    }
}

/* --- components ---------------------------------------------------------------------------- */

static void read_preamble(ww_checker *c)
{
    bool is_root = c->components.count == 0;
    size_t start = c->r->at;
    ww_view given = ww_reader_take(c->r, sizeof component_preamble);
    if (!ww_check_ok(c) ||
        ww_view_equal(given, ww_view_of(component_preamble, sizeof component_preamble)))
        return;
    bool is_module = ww_view_equal(given, ww_view_of(module_preamble, sizeof module_preamble));
    ww_reader_fail(c->r, start, WW_E_INVALID, "%s",
                   !is_module ? "this is no WebAssembly component of the version known here"
                   : is_root  ? "this is a core module: make a component of it with "
                                "`ww-componentize new MODULE COMPONENT`"
                              : "a core module stands where a component must");
}

/* Definitions of one kind, in order. */
static const ww_def *const *defs_of(ww_checker *c, ww_component *component, ww_def_kind kind,
                                    uint32_t *count)
{
    ww_vec found = {0};
    for (uint32_t i = 0; i < component->def_count && ww_check_ok(c); i++) {
        if (component->defs[i].kind != kind) continue;
        const ww_def **place = ww_check_push(c, &found, sizeof *place);
        if (place) *place = &component->defs[i];
    }
    *count = found.count;
    return ww_check_keep(c, &found, sizeof(ww_def *));
}

/* The types of functions, instances and components: from items to what is in them. */
static void *pointers_of(ww_checker *c, ww_sort sort)
{
    const ww_vec *space = &c->scope->spaces[sort];
    const ww_type_item *items = space->items;
    const void **out = ww_check_array(c, space->count, sizeof *out);
    for (uint32_t i = 0; i < space->count && out; i++)
        out[i] = items[i].of.value;
    return out;
}

static void *core_funcs_of(ww_checker *c)
{
    const ww_vec *space = &c->scope->spaces[WW_SORT_CORE_FUNC];
    const ww_core_entity *const *items = space->items;
    const ww_core_func_type **out = ww_check_array(c, space->count, sizeof *out);
    for (uint32_t i = 0; i < space->count && out; i++)
        out[i] = items[i]->func;
    return out;
}

static void *resources_of(ww_checker *c, const ww_component *component)
{
    const ww_site *sites = c->sites.items;
    const ww_resource **out = ww_check_array(c, component->slot_count, sizeof *out);
    for (uint32_t i = c->scope->site_first; i < c->sites.count && out; i++) {
        const ww_resource *site = sites[i].resource;
        if (site->owner == component && site->slot != WW_NONE) out[site->slot] = site;
    }
    return out;
}

static void keep_component(ww_checker *c, ww_component *out)
{
    ww_scope *scope = c->scope;
    out->type = ww_scope_finish(c);
    out->def_count = scope->defs.count;
    out->defs = ww_check_keep(c, &scope->defs, sizeof *out->defs);
    if (!ww_check_ok(c)) return;
    out->imports = defs_of(c, out, WW_DEF_IMPORT, &out->import_count);
    out->exports = defs_of(c, out, WW_DEF_EXPORT, &out->export_count);
    for (int i = 0; i < WW_SORT_COUNT; i++)
        out->space_size[i] = scope->spaces[i].count;
    out->types = ww_check_keep(c, &scope->spaces[WW_SORT_TYPE], sizeof *out->types);
    out->funcs = pointers_of(c, WW_SORT_FUNC);
    out->instances = pointers_of(c, WW_SORT_INSTANCE);
    out->components = pointers_of(c, WW_SORT_COMPONENT);
    out->core_funcs = core_funcs_of(c);
    out->resources = resources_of(c, out);
}

static void parse_component(ww_checker *c)
{
    size_t start = c->r->at;
    read_preamble(c);
    ww_component *component = ww_check_ok(c) ? ww_check_alloc(c, sizeof *component) : NULL;
    ww_component **place = component ? ww_check_push(c, &c->components, sizeof *place) : NULL;
    if (!place) return;
    *place = component;
    component->index = c->components.count - 1;
    component->parent = c->scope ? c->scope->component : NULL;
    component->bytes = ww_view_of(c->r->base + start, c->r->end - start);
    ww_scope *scope = ww_scope_push(c, WW_SCOPE_COMPONENT);
    if (!scope) return;
    scope->component = component;
    scope->site_first = c->sites.count;
    read_sections(c);
    if (ww_check_ok(c)) keep_component(c, component);
    ww_scope_pop(c);
    c->last_component = component->index;
}

/* --- the model ----------------------------------------------------------------------------- */

/* Types stop speaking of names of resources, and speak of slots. */
static void settle_handles(ww_checker *c)
{
    ww_type *const *handles = c->handles.items;
    for (uint32_t i = 0; i < c->handles.count; i++)
        handles[i]->resource = ww_resource_of_name(c, handles[i]->resource)->slot;
}

static const ww_model *make_model(ww_checker *c)
{
    ww_model *model = ww_check_alloc(c, sizeof *model);
    if (!model) return NULL;
    *model = (ww_model){.component_count = c->components.count, .module_count = c->modules.count};
    model->components = ww_check_keep(c, &c->components, sizeof *model->components);
    model->modules = ww_check_keep(c, &c->modules, sizeof *model->modules);
    if (!ww_check_ok(c)) return NULL;
    model->root = model->components[0];
    settle_handles(c);
    return model;
}

ww_status ww_model_parse(ww_view bytes, ww_arena *arena, const ww_model **out, ww_diag *diag)
{
    *out = NULL;
    if (bytes.size > WW_MAX_COMPONENT_BYTES)
        return ww_fail(diag, WW_E_LIMIT, "a component of %zu bytes, at most %d are allowed",
                       bytes.size, WW_MAX_COMPONENT_BYTES);
    ww_reader reader = {.base = bytes.data, .end = bytes.size, .diag = diag};
    ww_checker c = {.r = &reader, .arena = arena};
    ww_arena_init(&c.scratch, arena->allocator, WW_MAX_CHECK_BYTES);
    parse_component(&c);
    const ww_model *model = ww_check_ok(&c) ? make_model(&c) : NULL;
    ww_idmap_deinit(&c.numbers, arena->allocator);
    ww_arena_deinit(&c.scratch);
    if (ww_check_ok(&c)) *out = model;
    return reader.status;
}
