#include "component/check.h"

/* --- sorts --------------------------------------------------------------------------------- */

bool ww_check_read_flag(ww_checker *c)
{
    uint8_t byte = ww_reader_u8(c->r);
    if (byte > 1) ww_check_fail(c, WW_E_INVALID, "0x%02x where 0 or 1 must stand", byte);
    return byte == 1;
}

ww_sort ww_check_read_core_sort(ww_checker *c)
{
    uint8_t byte = ww_reader_u8(c->r);
    if (byte <= 4) return (ww_sort)(WW_SORT_CORE_FUNC + byte);
    if (byte == 0x10) return WW_SORT_CORE_TYPE;
    if (byte == 0x11) return WW_SORT_CORE_MODULE;
    if (byte == 0x12) return WW_SORT_CORE_INSTANCE;
    ww_check_fail(c, WW_E_INVALID, "0x%02x is no core sort", byte);
    return WW_SORT_CORE_FUNC;
}

static ww_sort read_sort(ww_checker *c)
{
    uint8_t byte = ww_reader_u8(c->r);
    switch (byte) {
    case 0x00: return ww_check_read_core_sort(c);
    case 0x01: return WW_SORT_FUNC;
    case 0x03: return WW_SORT_TYPE;
    case 0x04: return WW_SORT_COMPONENT;
    case 0x05: return WW_SORT_INSTANCE;
    case 0x02:
        ww_check_fail(c, WW_E_UNSUPPORTED, "component values: not supported by this host");
        break;
    default: ww_check_fail(c, WW_E_INVALID, "0x%02x is no sort", byte);
    }
    return WW_SORT_FUNC;
}

ww_ref ww_check_read_ref(ww_checker *c)
{
    ww_ref ref = {.sort = read_sort(c)};
    ref.index = ww_reader_u32(c->r);
    if (ref.sort < WW_SORT_FUNC && ref.sort != WW_SORT_CORE_MODULE)
        ww_check_fail(c, WW_E_INVALID, "a %s cannot be passed between components",
                      ww_sort_name(ref.sort));
    return ref;
}

/* --- types of externs ---------------------------------------------------------------------- */

ww_extern_type ww_check_type_of(ww_checker *c, ww_ref ref)
{
    ww_extern_type type = {.sort = ref.sort};
    if (ref.sort == WW_SORT_CORE_MODULE) {
        type.module = ww_scope_core(c, ref.sort, ref.index);
    } else {
        const ww_type_item *item = ww_scope_item(c, ref.sort, ref.index);
        if (item) type.type = *item;
    }
    return type;
}

static void read_typed(ww_checker *c, ww_extern_type *out, ww_sort sort, ww_type_item_kind kind)
{
    out->sort = sort;
    const ww_type_item *item = ww_scope_type(c, ww_reader_u32(c->r), kind);
    if (item) out->type = *item;
}

/* `00` typeidx: equal to it; `01`: some resource. */
static bool read_bound(ww_checker *c, ww_extern_type *out)
{
    out->sort = WW_SORT_TYPE;
    if (ww_check_read_flag(c)) {
        out->type = (ww_type_item){.kind = WW_ITEM_RESOURCE, .depth = 1, .size = 1};
        return true;
    }
    const ww_type_item *item = ww_scope_item(c, WW_SORT_TYPE, ww_reader_u32(c->r));
    if (item) out->type = *item;
    return false;
}

bool ww_check_read_extern_type(ww_checker *c, ww_extern_type *out)
{
    *out = (ww_extern_type){0};
    uint8_t form = ww_reader_u8(c->r);
    switch (form) {
    case 0x00: {
        if (ww_reader_u8(c->r) != 0x11)
            ww_check_fail(c, WW_E_INVALID, "only core modules have a type here");
        out->sort = WW_SORT_CORE_MODULE;
        uint32_t index = ww_reader_u32(c->r);
        const ww_core_type_def *def = ww_scope_core_type(c, index);
        if (def && !def->module)
            ww_check_fail(c, WW_E_INVALID, "core type %u is no module type", index);
        if (def) out->module = def->module;
        return false;
    }
    case 0x01: read_typed(c, out, WW_SORT_FUNC, WW_ITEM_FUNC); return false;
    case 0x03: return read_bound(c, out);
    case 0x04: read_typed(c, out, WW_SORT_COMPONENT, WW_ITEM_COMPONENT); return false;
    case 0x05: read_typed(c, out, WW_SORT_INSTANCE, WW_ITEM_INSTANCE); return false;
    case 0x02:
        ww_check_fail(c, WW_E_UNSUPPORTED, "component values: not supported by this host");
        return false;
    default:
        ww_check_fail(c, WW_E_INVALID, "0x%02x is no type of an import or export", form);
        return false;
    }
}

/* --- imports and exports ------------------------------------------------------------------- */

static void add_to_space(ww_checker *c, const ww_extern_type *type)
{
    if (type->sort == WW_SORT_CORE_MODULE)
        ww_scope_add_core(c, type->sort, type->module);
    else
        ww_scope_add_item(c, type->sort, &type->type);
}

/* A new resource that the scope's next type item stands for. */
static void make_resource(ww_checker *c, ww_resource_kind kind, const ww_view *import,
                          ww_type_item *out)
{
    ww_resource *site = ww_site_new(c, kind);
    if (!site) return;
    site->from = (ww_ref){WW_SORT_TYPE, c->scope->spaces[WW_SORT_TYPE].count};
    ww_scope_take_site(c, site, import, NULL, 0);
    *out = ww_site_item(c, site);
}

/* The type that the new item gets: types under a new identity, instances with their open
 * resources as sites. */
static void make_own(ww_checker *c, ww_extern_type *type, const ww_view *import)
{
    if (type->sort == WW_SORT_TYPE) type->type = ww_item_rename(c, &type->type);
    if (type->sort != WW_SORT_INSTANCE) return;
    ww_ref from = {WW_SORT_INSTANCE, c->scope->spaces[WW_SORT_INSTANCE].count};
    type->type.of.instance = ww_instance_type_open(c, type->type.of.instance, from, import);
}

void ww_check_declare(ww_checker *c, bool is_import, const ww_extern_name *name,
                      ww_extern_type *type, bool is_fresh)
{
    ww_def *def = ww_scope_define(c, is_import ? WW_DEF_IMPORT : WW_DEF_EXPORT, type->sort);
    const ww_view *import = is_import ? &name->name : NULL;
    ww_type_item referenced = type->type;
    if (is_fresh) {
        bool is_type = c->scope->kind != WW_SCOPE_COMPONENT;
        make_resource(c, is_type ? WW_RESOURCE_OF_A_TYPE : WW_RESOURCE_GIVEN, import, &type->type);
        referenced = type->type;
    } else {
        make_own(c, type, import);
    }
    if (!ww_check_ok(c)) return;
    add_to_space(c, type);
    const ww_extern *item = ww_face_add(c, is_import, name, type, &referenced);
    if (def) def->of.import = item;
}

void ww_check_import(ww_checker *c)
{
    ww_extern_name name;
    ww_extern_type type;
    ww_face_read_name(c, &name);
    bool is_fresh = ww_check_read_extern_type(c, &type);
    if (ww_check_ok(c)) ww_check_declare(c, true, &name, &type, is_fresh);
}

/* An ascription is a supertype of the item; what it leaves open becomes a type of its own. */
static void ascribe(ww_checker *c, const ww_extern_name *name, const ww_extern_type *item,
                    ww_extern_type *out)
{
    ww_extern_type wanted;
    bool is_fresh = ww_check_read_extern_type(c, &wanted);
    if (!ww_check_ok(c)) return;
    if (is_fresh) {
        if (item->sort != WW_SORT_TYPE || item->type.kind != WW_ITEM_RESOURCE) {
            ww_check_fail(c, WW_E_INVALID, "export `%.*s` is no resource", WW_VIEW_ARG(name->name));
            return;
        }
        make_resource(c, WW_RESOURCE_SAME, NULL, &wanted.type);
        if (ww_check_ok(c)) ww_site_of(c, wanted.type.of.resource)->same = item->type.of.resource;
    } else {
        if (!ww_extern_fits(c, item, &wanted))
            ww_check_fail(c, WW_E_INVALID, "export `%.*s` is not of the type ascribed to it: %s",
                          WW_VIEW_ARG(name->name), c->why.text);
        make_own(c, &wanted, NULL);
    }
    *out = wanted;
}

void ww_check_export(ww_checker *c)
{
    ww_extern_name name;
    ww_face_read_name(c, &name);
    ww_ref ref = ww_check_read_ref(c);
    if (!ww_check_ok(c)) return;
    ww_extern_type type = ww_check_type_of(c, ref);
    ww_type_item referenced = type.type;
    ww_def *def = ww_scope_define(c, WW_DEF_EXPORT, ref.sort);
    if (ww_check_read_flag(c)) {
        ww_extern_type item = type;
        ascribe(c, &name, &item, &type);
        if (type.sort == WW_SORT_TYPE) referenced = type.type;
    } else if (ww_check_ok(c)) {
        make_own(c, &type, NULL);
    }
    if (!ww_check_ok(c) || !def) return;
    def->of.export.ref = ref;
    add_to_space(c, &type);
    def->of.export.as = ww_face_add(c, false, &name, &type, &referenced);
}

/* --- aliases ------------------------------------------------------------------------------- */

static void alias_export(ww_checker *c, ww_sort sort)
{
    uint32_t instance = ww_reader_u32(c->r);
    ww_view name = ww_reader_name(c->r);
    const ww_type_item *from = ww_scope_item(c, WW_SORT_INSTANCE, instance);
    if (!from || !ww_check_ok(c)) return;
    const ww_extern *found = ww_externs_find(&from->of.instance->exports, name);
    if (!found || found->type.sort != sort) {
        ww_check_fail(c, WW_E_INVALID, "instance %u has no %s `%.*s`", instance, ww_sort_name(sort),
                      WW_VIEW_ARG(name));
        return;
    }
    ww_def *def = ww_scope_define(c, WW_DEF_ALIAS_EXPORT, sort);
    if (def) def->of.alias.instance = instance;
    if (def) def->of.alias.name = name;
    add_to_space(c, &found->type);
}

static void alias_core_export(ww_checker *c, ww_sort sort)
{
    uint32_t instance = ww_reader_u32(c->r);
    ww_view name = ww_reader_name(c->r);
    const ww_core_exports *from = ww_scope_core(c, WW_SORT_CORE_INSTANCE, instance);
    if (!from || !ww_check_ok(c)) return;
    const ww_core_export *found = ww_core_exports_find(from, name);
    if (!found || found->type.sort != sort) {
        ww_check_fail(c, WW_E_INVALID, "core instance %u has no %s `%.*s`", instance,
                      ww_sort_name(sort), WW_VIEW_ARG(name));
        return;
    }
    ww_def *def = ww_scope_define(c, WW_DEF_ALIAS_CORE_EXPORT, sort);
    if (def) def->of.alias.instance = instance;
    if (def) def->of.alias.name = name;
    ww_scope_add_core(c, sort, &found->type);
}

/* A component can be taken out of where it stands, so it must not speak of resources outside of
 * it. */
static void check_closed(ww_checker *c, const ww_type_item *item)
{
    ww_idmap found = {0};
    ww_free_resources_of_item(c, item, &found);
    if (found.count)
        ww_check_fail(c, WW_E_INVALID,
                      "outer alias of a type that speaks of resources of another component");
    ww_idmap_deinit(&found, c->arena->allocator);
}

static void alias_outer(ww_checker *c, ww_sort sort)
{
    uint32_t count = ww_reader_u32(c->r), index = ww_reader_u32(c->r);
    ww_scope *here = c->scope, *there = here, *below = NULL;
    for (uint32_t i = 0; i < count && there; i++) {
        below = there;
        there = there->outer;
    }
    if (!there || index >= there->spaces[sort].count) {
        ww_check_fail(c, WW_E_INVALID, "outer alias of a %s that is not there", ww_sort_name(sort));
        return;
    }
    ww_def *def = ww_scope_define(c, WW_DEF_ALIAS_OUTER, sort);
    if (def) def->of.outer.levels = count;
    if (def) def->of.outer.index = index;
    if (sort == WW_SORT_CORE_TYPE) {
        ww_core_type_def *place = ww_check_push(c, &here->spaces[sort], sizeof *place);
        if (place) *place = ((const ww_core_type_def *)there->spaces[sort].items)[index];
    } else if (sort == WW_SORT_CORE_MODULE) {
        ww_scope_add_core(c, sort, ((const void *const *)there->spaces[sort].items)[index]);
    } else {
        ww_type_item item = ((const ww_type_item *)there->spaces[sort].items)[index];
        if (below && below->kind == WW_SCOPE_COMPONENT) check_closed(c, &item);
        ww_scope_add_item(c, sort, &item);
    }
}

/* A type can only take types and instances out of others. */
static bool alias_allowed(const ww_checker *c, uint8_t kind, ww_sort sort)
{
    bool is_type = c->scope->kind != WW_SCOPE_COMPONENT;
    switch (kind) {
    case 0x00:
        return is_type ? sort == WW_SORT_TYPE || sort == WW_SORT_INSTANCE
                       : sort >= WW_SORT_FUNC || sort == WW_SORT_CORE_MODULE;
    case 0x01: return !is_type && sort <= WW_SORT_CORE_TAG;
    case 0x02:
        if (is_type) return sort == WW_SORT_TYPE || sort == WW_SORT_CORE_TYPE;
        return sort == WW_SORT_TYPE || sort == WW_SORT_CORE_TYPE || sort == WW_SORT_CORE_MODULE ||
               sort == WW_SORT_COMPONENT;
    default: return false;
    }
}

void ww_check_alias(ww_checker *c)
{
    ww_sort sort = read_sort(c);
    uint8_t kind = ww_reader_u8(c->r);
    if (!ww_check_ok(c)) return;
    if (!alias_allowed(c, kind, sort)) {
        ww_check_fail(c, WW_E_INVALID, "an alias 0x%02x of a %s cannot stand here", kind,
                      ww_sort_name(sort));
        return;
    }
    if (kind == 0x00)
        alias_export(c, sort);
    else if (kind == 0x01)
        alias_core_export(c, sort);
    else
        alias_outer(c, sort);
}
