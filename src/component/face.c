/* Two rules meet at an import or export. Its name: well formed, of a shape that its type allows,
 * unique. And what it speaks of: whoever sees the import or export must be able to name every
 * resource, record, variant, enum and flags in its type, so these must have been imported or
 * exported before ("external visibility"). */
#include "component/check.h"

/* --- reading names ------------------------------------------------------------------------- */

static void read_attributes(ww_checker *c, ww_extern_name *out)
{
    uint32_t count = ww_reader_count(c->r, 3, "attributes of a name");
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        uint8_t kind = ww_reader_u8(c->r);
        ww_view *const places[] = {&out->implements, &out->version_suffix, &out->external_id};
        if (kind >= WW_COUNT_OF(places)) {
            ww_check_fail(c, WW_E_INVALID, "unknown attribute 0x%02x of a name", kind);
            return;
        }
        if (places[kind]->data)
            ww_check_fail(c, WW_E_INVALID, "an attribute of a name stands there twice");
        *places[kind] = ww_reader_name(c->r);
    }
}

void ww_face_read_name(ww_checker *c, ww_extern_name *out)
{
    *out = (ww_extern_name){0};
    uint8_t form = ww_reader_u8(c->r);
    if (form > 2) ww_check_fail(c, WW_E_INVALID, "0x%02x does not begin a name", form);
    out->name = ww_reader_name(c->r);
    if (form == 2) read_attributes(c, out);
}

/* --- the shape of names -------------------------------------------------------------------- */

static void fail_name(ww_checker *c, ww_view name, const char *text)
{
    ww_check_fail(c, WW_E_INVALID, "`%.*s` %s", WW_VIEW_ARG(name), text);
}

static const ww_named_resource *resource_of_label(ww_checker *c, const ww_face *face, ww_view label)
{
    const ww_named_resource *items = face->resources.items;
    for (uint32_t i = 0; i < face->resources.count && ww_check_name_step(c, label); i++)
        if (ww_view_equal(items[i].label, label)) return &items[i];
    return NULL;
}

static bool is_handle_of(const ww_type *type, ww_type_kind kind, const ww_named_resource *resource)
{
    return type && type->kind == kind && type->resource == resource->name;
}

static bool is_constructor_result(const ww_type *type, const ww_named_resource *resource)
{
    if (type && type->kind == WW_TYPE_RESULT) type = type->fields[0].type;
    return is_handle_of(type, WW_TYPE_OWN, resource);
}

/* "[method]r.f" and its kin speak of an `r` that has that very name. */
static void check_resource_func(ww_checker *c, const ww_face *face, const ww_name *name,
                                ww_view text, const ww_extern_type *type)
{
    if (type->sort != WW_SORT_FUNC) {
        fail_name(c, text, "must name a function");
        return;
    }
    const ww_named_resource *resource = resource_of_label(c, face, name->resource);
    const ww_func_type *func = type->type.of.func;
    if (!resource)
        fail_name(c, text, "speaks of a resource that is not named here before");
    else if (name->kind == WW_NAME_CONSTRUCTOR && !is_constructor_result(func->result, resource))
        fail_name(c, text, "must return its resource, or a result of it");
    else if (name->kind == WW_NAME_METHOD &&
             (!func->param_count || !ww_view_is(func->params[0].name, "self") ||
              !is_handle_of(func->params[0].type, WW_TYPE_BORROW, resource)))
        fail_name(c, text, "must take a borrow of its resource, `self`, first");
}

static void check_version(ww_checker *c, ww_view text, ww_view version, ww_view suffix)
{
    if (suffix.data && !version.data)
        fail_name(c, text, "has no version that a suffix could extend");
    else if (suffix.data ? !ww_version_valid_split(version, suffix)
                         : version.data && !ww_version_valid(version))
        fail_name(c, text, "has no valid version");
}

static void check_implements(ww_checker *c, const ww_extern_name *name, const ww_name *parsed,
                             const ww_extern_type *type)
{
    ww_name interface;
    if (parsed->kind != WW_NAME_PLAIN || type->sort != WW_SORT_INSTANCE)
        fail_name(c, name->name,
                  "implements an interface, so it must be the plain name of an instance");
    else if (!ww_name_parse(name->implements, &interface) || interface.kind != WW_NAME_INTERFACE)
        fail_name(c, name->implements, "is no name of an interface");
    else
        check_version(c, name->implements, interface.version, name->version_suffix);
}

void ww_face_check_name(ww_checker *c, const ww_face *face, const ww_extern_name *name,
                        const ww_extern_type *type)
{
    ww_name parsed;
    if (!ww_check_ok(c)) return;
    if (!ww_name_parse(name->name, &parsed)) {
        fail_name(c, name->name, "is no valid name of an import or export");
        return;
    }
    if (name->version_suffix.data && (type->sort != WW_SORT_INSTANCE || !name->version_suffix.size))
        fail_name(c, name->name, "has a version suffix that it cannot have");
    if (name->implements.data)
        check_implements(c, name, &parsed, type);
    else if (parsed.kind == WW_NAME_INTERFACE || name->version_suffix.data)
        check_version(c, name->name, parsed.version, name->version_suffix);
    if (parsed.kind != WW_NAME_PLAIN && parsed.kind != WW_NAME_INTERFACE)
        check_resource_func(c, face, &parsed, name->name, type);
}

/* --- visibility ---------------------------------------------------------------------------- */

static bool is_visible(ww_checker *c, const ww_idmap *visible, const ww_type *type);

static bool fields_visible(ww_checker *c, const ww_idmap *visible, const ww_type *type)
{
    if (type->kind == WW_TYPE_LIST) return is_visible(c, visible, type->element);
    if (!ww_check_step(c, type->count)) return false;
    for (uint32_t i = 0; i < type->count; i++)
        if (!is_visible(c, visible, type->fields[i].type)) return false;
    return true;
}

/* A type that may be used in an import or export: named itself, or anonymous with parts that
 * are. */
static bool is_visible(ww_checker *c, const ww_idmap *visible, const ww_type *type)
{
    if (!type || type->kind <= WW_TYPE_STRING) return true;
    if (!ww_check_step(c, 1)) return false;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_FLAGS:
    case WW_TYPE_ENUM:
    case WW_TYPE_RECORD:
    case WW_TYPE_VARIANT:
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return ww_idmap_get(visible, ww_value_key(type), NULL);
    default: return fields_visible(c, visible, type);
    }
}

static bool func_visible(ww_checker *c, const ww_idmap *visible, const ww_func_type *func)
{
    if (!ww_check_step(c, func->param_count)) return false;
    for (uint32_t i = 0; i < func->param_count; i++)
        if (!is_visible(c, visible, func->params[i].type)) return false;
    return is_visible(c, visible, func->result);
}

static bool item_parts_visible(ww_checker *c, ww_idmap *visible, const ww_type_item *item);

/* Types that an instance type exports are visible to the rest of it. */
static bool instance_visible(ww_checker *c, ww_idmap *visible, const ww_instance_type *type)
{
    const ww_externs *exports = &type->exports;
    bool good = true;
    uint64_t *added = ww_check_scratch(c, exports->count, sizeof *added);
    uint32_t added_count = 0;
    for (uint32_t i = 0; i < exports->count && good && added && ww_check_step(c, 1); i++) {
        const ww_extern_type *export = &exports->items[i].type;
        if (export->sort == WW_SORT_CORE_MODULE || export->sort == WW_SORT_COMPONENT) continue;
        good = item_parts_visible(c, visible, &export->type);
        uint64_t key = ww_item_key(&export->type);
        if (!good || export->sort != WW_SORT_TYPE || ww_idmap_get(visible, key, NULL)) continue;
        ww_check_put(c, visible, key, 1);
        added[added_count++] = key;
    }
    for (uint32_t i = 0; i < added_count; i++)
        ww_idmap_remove(visible, added[i]);
    return good;
}

/* What a named type is made of. */
static bool item_parts_visible(ww_checker *c, ww_idmap *visible, const ww_type_item *item)
{
    switch (item->kind) {
    case WW_ITEM_RESOURCE:
    case WW_ITEM_COMPONENT: return true;
    case WW_ITEM_FUNC: return func_visible(c, visible, item->of.func);
    case WW_ITEM_INSTANCE: return instance_visible(c, visible, item->of.instance);
    case WW_ITEM_VALUE: break;
    }
    const ww_type *type = item->of.value;
    if (type->kind == WW_TYPE_OWN || type->kind == WW_TYPE_BORROW)
        return is_visible(c, visible, type);
    return fields_visible(c, visible, type);
}

static void show(ww_checker *c, bool is_import, uint64_t key)
{
    if (is_import) ww_check_put(c, &c->scope->imports.visible, key, 1);
    ww_check_put(c, &c->scope->exports.visible, key, 1);
}

static bool type_visible(ww_checker *c, bool is_import, const ww_type_item *created,
                         const ww_type_item *referenced)
{
    ww_face *face = is_import ? &c->scope->imports : &c->scope->exports;
    uint64_t key = ww_item_key(referenced);
    /* An import cannot speak of what only exports have named. */
    if (is_import && ww_idmap_get(&c->scope->exports.visible, key, NULL) &&
        !ww_idmap_get(&c->scope->imports.visible, key, NULL))
        return false;
    if (!item_parts_visible(c, &face->visible, referenced)) return false;
    show(c, is_import, ww_item_key(created));
    return true;
}

static bool extern_visible(ww_checker *c, bool is_import, const ww_extern_type *type,
                           const ww_type_item *referenced)
{
    if (!ww_check_step(c, 1)) return false;
    ww_face *face = is_import ? &c->scope->imports : &c->scope->exports;
    switch (type->sort) {
    case WW_SORT_TYPE: return type_visible(c, is_import, &type->type, referenced);
    case WW_SORT_FUNC: return func_visible(c, &face->visible, type->type.of.func);
    case WW_SORT_INSTANCE: break;
    default: return true;
    }
    const ww_externs *exports = &type->type.of.instance->exports;
    for (uint32_t i = 0; i < exports->count; i++) {
        const ww_extern_type *inner = &exports->items[i].type;
        if (!extern_visible(c, is_import, inner, &inner->type)) return false;
    }
    return true;
}

/* --- adding -------------------------------------------------------------------------------- */

const ww_extern *ww_face_add(ww_checker *c, bool is_import, const ww_extern_name *name,
                             const ww_extern_type *type, const ww_type_item *referenced)
{
    ww_face *face = is_import ? &c->scope->imports : &c->scope->exports;
    if (type->sort == WW_SORT_TYPE && type->type.kind == WW_ITEM_RESOURCE) {
        ww_named_resource *resource = ww_check_push(c, &face->resources, sizeof *resource);
        if (!resource) return NULL;
        *resource = (ww_named_resource){.name = type->type.name, .label = name->name};
    }
    if (c->scope->kind != WW_SCOPE_INSTANCE_TYPE && !extern_visible(c, is_import, type, referenced))
        fail_name(c, name->name, "has a type that speaks of types which have no name here");
    ww_face_check_name(c, face, name, type);
    if (face->externs.count >= (uint32_t)(is_import ? WW_MAX_IMPORTS : WW_MAX_EXPORTS))
        ww_check_fail(c, WW_E_LIMIT, "more than %u %s", face->externs.count,
                      is_import ? "imports" : "exports");
    if (!ww_check_ok(c)) return NULL;
    ww_extern *item = ww_check_alloc(c, sizeof *item);
    ww_extern **place = item ? ww_check_push(c, &face->externs, sizeof *place) : NULL;
    if (!place) return NULL;
    *item = (ww_extern){.name = *name, .type = *type};
    *place = item;
    return item;
}

ww_extern *ww_face_note(ww_checker *c, ww_vec *externs, ww_view name, ww_ref ref)
{
    ww_extern_type type = ww_check_type_of(c, ref);
    ww_extern *item = ww_check_ok(c) ? ww_check_alloc(c, sizeof *item) : NULL;
    ww_extern **place = item ? ww_check_push(c, externs, sizeof *place) : NULL;
    if (!place) return NULL;
    *item = (ww_extern){.name.name = name, .type = type};
    *place = item;
    return item;
}

/* Order of `count` names; fails, with the two, if they are not all different. NULL after failing. */
static uint32_t *order_names(ww_checker *c, const ww_view *names, const ww_extern *items,
                             uint32_t count, ww_arena *arena)
{
    uint32_t *order = ww_names_sort(names, count, arena);
    if (!order) ww_check_fail_arena(c, arena);
    for (uint32_t i = 1; i < count && order; i++)
        if (ww_view_equal(names[order[i - 1]], names[order[i]]))
            ww_check_fail(c, WW_E_INVALID, "the names `%.*s` and `%.*s` are too much alike",
                          WW_VIEW_ARG(items[order[i - 1]].name.name),
                          WW_VIEW_ARG(items[order[i]].name.name));
    return ww_check_ok(c) ? order : NULL;
}

static void check_unique(ww_checker *c, const ww_extern *items, uint32_t count)
{
    ww_view *names = ww_check_scratch(c, count, sizeof *names);
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        names[i] = ww_name_canonical(items[i].name.name, &c->scratch);
        if (!names[i].data) ww_check_fail_arena(c, &c->scratch);
    }
    if (ww_check_ok(c)) (void)order_names(c, names, items, count, &c->scratch);
}

void ww_face_make_externs(ww_checker *c, const ww_vec *externs, bool any_text, ww_externs *out)
{
    *out = (ww_externs){0};
    if (!ww_check_ok(c)) return;
    const ww_extern *const *given = externs->items;
    ww_extern *items = ww_check_array(c, externs->count, sizeof *items);
    ww_view *names = ww_check_scratch(c, externs->count, sizeof *names);
    for (uint32_t i = 0; i < externs->count && items && names; i++) {
        items[i] = *given[i];
        names[i] = items[i].name.name;
    }
    uint32_t *order =
        ww_check_ok(c) ? order_names(c, names, items, externs->count, c->arena) : NULL;
    if (order && !any_text) check_unique(c, items, externs->count);
    if (ww_check_ok(c))
        *out = (ww_externs){.count = externs->count, .items = items, .by_name = order};
}
