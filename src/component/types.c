#include "component/check.h"

static void fail_unsupported(ww_checker *c, const char *what)
{
    ww_check_fail(c, WW_E_UNSUPPORTED, "%s: not supported by this host", what);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Counts a part in: sizes add up along every path, so a small file can make a large type. */
static void include(ww_checker *c, ww_type_item *whole, const ww_type_item *part)
{
    whole->size += part->size;
    whole->depth = larger(whole->depth, part->depth + 1);
    whole->has_borrow |= part->has_borrow;
    if (whole->size > WW_MAX_TYPE_SIZE)
        ww_check_fail(c, WW_E_LIMIT, "a type of more than %d nodes", WW_MAX_TYPE_SIZE);
    if (whole->depth > WW_MAX_TYPE_DEPTH)
        ww_check_fail(c, WW_E_LIMIT, "types nested more than %d deep", WW_MAX_TYPE_DEPTH);
}

/* --- values -------------------------------------------------------------------------------- */

static bool is_primitive(uint8_t byte)
{
    return byte >= 0x73 && byte <= 0x7f;
}

/* 0x7f is bool, then downwards in the order of the kinds. */
static const ww_type *primitive_of(uint8_t byte)
{
    return ww_type_primitive((ww_type_kind)(WW_TYPE_BOOL + (0x7f - byte)));
}

static void refuse_form(ww_checker *c, uint8_t byte)
{
    switch (byte) {
    case 0x67: fail_unsupported(c, "type `list` of fixed length"); return;
    case 0x66: fail_unsupported(c, "type `stream` (component async)"); return;
    case 0x65: fail_unsupported(c, "type `future` (component async)"); return;
    case 0x64: fail_unsupported(c, "type `error-context`"); return;
    case 0x63: fail_unsupported(c, "type `map`"); return;
    case 0x43: fail_unsupported(c, "async function type (component async)"); return;
    default: ww_check_fail(c, WW_E_INVALID, "0x%02x is no form of a type", byte);
    }
}

/* A valtype: a primitive, or the index of a value type. Safe after failing: bool. */
static ww_type_item read_value(ww_checker *c)
{
    ww_type_item item = {
        .kind = WW_ITEM_VALUE, .depth = 1, .size = 1, .of.value = ww_type_primitive(WW_TYPE_BOOL)};
    uint8_t byte = ww_reader_peek(c->r);
    if (is_primitive(byte)) {
        item.of.value = primitive_of(ww_reader_u8(c->r));
    } else if (byte >= 0x40 && byte < 0x80) {
        refuse_form(c, byte);
    } else {
        int64_t index = ww_reader_s33(c->r);
        if (index < 0) ww_check_fail(c, WW_E_INVALID, "malformed type index");
        const ww_type_item *found = ww_scope_type(c, (uint32_t)index, WW_ITEM_VALUE);
        if (found) item = *found;
    }
    return item;
}

/* Long labels make a type large as many parts do: it takes long to compare. */
static void read_label(ww_checker *c, ww_type_item *whole, ww_field *field)
{
    field->name = ww_reader_name(c->r);
    ww_type_item label = {.size = (uint32_t)(field->name.size / 64)};
    include(c, whole, &label);
    if (ww_check_ok(c) && !ww_label_valid(field->name))
        ww_check_fail(c, WW_E_INVALID, "`%.*s` is not in kebab case", WW_VIEW_ARG(field->name));
}

static void check_labels(ww_checker *c, const ww_field *fields, uint32_t count)
{
    if (!ww_check_ok(c) || count < 2) return;
    ww_view *labels = ww_check_scratch(c, count, sizeof *labels);
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        labels[i] = ww_label_canonical(fields[i].name, &c->scratch);
        if (!labels[i].data) ww_check_fail_arena(c, &c->scratch);
    }
    if (!ww_check_ok(c)) return;
    uint32_t *order = ww_names_sort(labels, count, &c->scratch);
    if (!order) ww_check_fail_arena(c, &c->scratch);
    for (uint32_t i = 1; i < count && order; i++)
        if (ww_view_equal(labels[order[i - 1]], labels[order[i]]))
            ww_check_fail(c, WW_E_INVALID, "the labels `%.*s` and `%.*s` are too much alike",
                          WW_VIEW_ARG(fields[order[i - 1]].name),
                          WW_VIEW_ARG(fields[order[i]].name));
}

typedef enum field_shape {
    FIELD_LABEL = 1,
    FIELD_TYPE = 2,
    FIELD_MAYBE_TYPE = 4,
    FIELD_END = 8
} field_shape;

/* vec of what `shape` says: a label, a type, 0 or 1 type, a trailing zero. */
static ww_field *read_fields(ww_checker *c, ww_type_item *whole, unsigned shape, uint32_t max,
                             const char *what, uint32_t *count)
{
    *count = ww_reader_count(c->r, max, what);
    ww_field *fields = ww_check_ok(c) ? ww_check_array(c, *count, sizeof *fields) : NULL;
    for (uint32_t i = 0; i < *count && ww_check_ok(c); i++) {
        if (shape & FIELD_LABEL) read_label(c, whole, &fields[i]);
        bool has_type = shape & FIELD_TYPE || (shape & FIELD_MAYBE_TYPE && ww_check_read_flag(c));
        if (has_type) {
            ww_type_item part = read_value(c);
            include(c, whole, &part);
            fields[i].type = part.of.value;
        }
        if (shape & FIELD_END && ww_reader_u8(c->r))
            ww_check_fail(c, WW_E_INVALID, "a case must end with a zero byte");
    }
    if (shape & FIELD_LABEL && fields) check_labels(c, fields, *count);
    return ww_check_ok(c) ? fields : NULL;
}

/* The fields of an option or a result: one or two optional payloads with fixed labels. */
static ww_field *read_cases(ww_checker *c, ww_type_item *whole, ww_type_kind kind)
{
    ww_field *fields = ww_check_array(c, 2, sizeof *fields);
    if (!fields) return NULL;
    bool is_option = kind == WW_TYPE_OPTION;
    fields[0].name = is_option ? WW_VIEW_LITERAL("none") : WW_VIEW_LITERAL("ok");
    fields[1].name = is_option ? WW_VIEW_LITERAL("some") : WW_VIEW_LITERAL("error");
    for (int i = is_option; i < 2; i++) {
        if (!is_option && !ww_check_read_flag(c)) continue;
        ww_type_item part = read_value(c);
        include(c, whole, &part);
        fields[i].type = part.of.value;
    }
    return fields;
}

static void read_handle(ww_checker *c, ww_type *type, ww_type_item *whole)
{
    const ww_type_item *resource = ww_scope_type(c, ww_reader_u32(c->r), WW_ITEM_RESOURCE);
    if (!resource) return;
    type->resource = resource->name;
    whole->has_borrow = type->kind == WW_TYPE_BORROW;
}

static ww_field *read_compound(ww_checker *c, uint8_t form, ww_type *type, ww_type_item *whole)
{
    switch (form) {
    case 0x72:
        type->kind = WW_TYPE_RECORD;
        return read_fields(c, whole, FIELD_LABEL | FIELD_TYPE, WW_MAX_FIELDS, "fields",
                           &type->count);
    case 0x71:
        type->kind = WW_TYPE_VARIANT;
        return read_fields(c, whole, FIELD_LABEL | FIELD_MAYBE_TYPE | FIELD_END, WW_MAX_FIELDS,
                           "cases", &type->count);
    case 0x6f:
        type->kind = WW_TYPE_TUPLE;
        return read_fields(c, whole, FIELD_TYPE, WW_MAX_FIELDS, "elements", &type->count);
    case 0x6e:
        type->kind = WW_TYPE_FLAGS;
        return read_fields(c, whole, FIELD_LABEL, WW_MAX_FLAGS, "flags", &type->count);
    case 0x6d:
        type->kind = WW_TYPE_ENUM;
        return read_fields(c, whole, FIELD_LABEL, WW_MAX_FIELDS, "cases", &type->count);
    case 0x6b:
    case 0x6a:
        type->kind = form == 0x6b ? WW_TYPE_OPTION : WW_TYPE_RESULT;
        type->count = 2;
        return read_cases(c, whole, (ww_type_kind)type->kind);
    default: refuse_form(c, form); return NULL;
    }
}

static void read_defined(ww_checker *c, uint8_t form, ww_type_item *whole)
{
    ww_type type = {0};
    ww_field *fields = NULL;
    if (form == 0x70) {
        type.kind = WW_TYPE_LIST;
        ww_type_item element = read_value(c);
        include(c, whole, &element);
        type.element = element.of.value;
    } else if (form == 0x69 || form == 0x68) {
        type.kind = form == 0x69 ? WW_TYPE_OWN : WW_TYPE_BORROW;
        read_handle(c, &type, whole);
    } else {
        fields = read_compound(c, form, &type, whole);
        if (ww_check_ok(c) && !type.count) ww_check_fail(c, WW_E_INVALID, "a type without parts");
    }
    if (ww_check_ok(c) && ww_type_layout(&type, fields))
        ww_check_fail(c, WW_E_LIMIT, "values of more than %d bytes", WW_MAX_VALUE_BYTES);
    if (ww_check_ok(c)) whole->of.value = ww_value_copy(c, &type);
}

/* --- functions and resources --------------------------------------------------------------- */

static void read_func(ww_checker *c, ww_type_item *whole)
{
    ww_func_type *func = ww_check_alloc(c, sizeof *func);
    if (!func) return;
    whole->kind = WW_ITEM_FUNC;
    ww_field *params = read_fields(c, whole, FIELD_LABEL | FIELD_TYPE, WW_MAX_FUNC_PARAMS,
                                   "parameters", &func->param_count);
    whole->has_borrow = false; /* of parameters is nobody's concern */
    uint8_t form = ww_reader_u8(c->r);
    if (form == 0) {
        ww_type_item result = read_value(c);
        include(c, whole, &result);
        func->result = result.of.value;
        if (result.has_borrow)
            ww_check_fail(c, WW_E_INVALID, "a borrow in the result of a function");
    } else if (form != 1 || ww_reader_u8(c->r)) {
        ww_check_fail(c, WW_E_INVALID, "malformed result of a function");
    }
    if (ww_check_ok(c) && ww_func_type_layout(func, params))
        ww_check_fail(c, WW_E_LIMIT, "parameters of more than %d bytes", WW_MAX_VALUE_BYTES);
    whole->of.func = func;
}

static void read_resource(ww_checker *c, ww_type_item *whole)
{
    if (c->scope->kind != WW_SCOPE_COMPONENT) {
        ww_check_fail(c, WW_E_INVALID,
                      "resources can only be defined by a component, not in a type");
        return;
    }
    uint8_t rep = ww_reader_u8(c->r);
    if (rep == WW_I64)
        fail_unsupported(c, "resource represented by an i64 (64-bit memory)");
    else if (rep != WW_I32)
        ww_check_fail(c, WW_E_INVALID, "a resource is represented by an i32");
    uint32_t dtor = WW_NONE;
    if (ww_check_read_flag(c)) {
        static const ww_core_type wanted = {.param_count = 1, .params = {WW_I32}};
        dtor = ww_reader_u32(c->r);
        ww_check_core_func(c, dtor, &wanted, "destructor");
    }
    ww_resource *resource = ww_check_ok(c) ? ww_site_new(c, WW_RESOURCE_DEFINED) : NULL;
    if (!resource) return;
    resource->dtor = dtor;
    *whole = ww_site_item(c, resource);
    ww_scope_take_site(c, resource, NULL, NULL, 0);
}

/* --- core types ---------------------------------------------------------------------------- */

/* `10 01` count index: a type of this module type (count 0), or of a scope around it. */
static void read_module_alias(ww_checker *c, ww_vec *types)
{
    bool is_type = ww_reader_u8(c->r) == 0x10;
    bool is_outer = ww_reader_u8(c->r) == 0x01;
    uint32_t count = ww_reader_u32(c->r), index = ww_reader_u32(c->r);
    if (!is_type || !is_outer) ww_check_fail(c, WW_E_INVALID, "malformed alias in a module type");
    const ww_vec *space = types;
    if (count) {
        ww_scope *scope = c->scope;
        for (uint32_t i = 1; i < count && scope; i++)
            scope = scope->outer;
        space = scope ? &scope->spaces[WW_SORT_CORE_TYPE] : NULL;
    }
    if (!space || index >= space->count) {
        ww_check_fail(c, WW_E_INVALID, "alias of a core type that is not there");
        return;
    }
    ww_core_type_def def = ((const ww_core_type_def *)space->items)[index];
    if (!def.func) ww_check_fail(c, WW_E_INVALID, "alias of a module type in a module type");
    ww_core_type_def *place = ww_check_push(c, types, sizeof *place);
    if (place) *place = def;
}

static void read_module_decl(ww_checker *c, ww_vec *types, ww_vec *imports, ww_vec *exports)
{
    switch (ww_reader_u8(c->r)) {
    case 0x00: {
        ww_core_import *import = ww_check_push(c, imports, sizeof *import);
        if (!import) return;
        import->module = ww_reader_name(c->r);
        import->name = ww_reader_name(c->r);
        ww_core_read_extern(c->r, types, &import->type);
        return;
    }
    case 0x01: ww_core_read_rectype(c->r, c->arena, types); return;
    case 0x02: read_module_alias(c, types); return;
    case 0x03: {
        ww_core_export *export = ww_check_push(c, exports, sizeof *export);
        if (!export) return;
        export->name = ww_reader_name(c->r);
        ww_core_read_extern(c->r, types, &export->type);
        return;
    }
    default: ww_check_fail(c, WW_E_INVALID, "malformed declaration in a module type");
    }
}

static void read_module_type(ww_checker *c)
{
    ww_vec types = {0}, imports = {0}, exports = {0};
    ww_module_type *module = ww_check_alloc(c, sizeof *module);
    uint32_t count = ww_reader_count(c->r, WW_MAX_MODULE_DECLS, "declarations of a module type");
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++)
        read_module_decl(c, &types, &imports, &exports);
    if (!ww_check_ok(c) || !module) return;
    ww_core_make_module_type(c->r, c->arena, &c->scratch, &imports, &exports, module);
    (void)ww_scope_define(c, WW_DEF_CORE_TYPE, WW_SORT_CORE_TYPE);
    ww_core_type_def *def = ww_check_push(c, &c->scope->spaces[WW_SORT_CORE_TYPE], sizeof *def);
    if (def) def->module = module;
}

void ww_check_core_type(ww_checker *c)
{
    ww_vec *space = &c->scope->spaces[WW_SORT_CORE_TYPE];
    uint8_t form = ww_reader_peek(c->r);
    if (form == 0x50) {
        (void)ww_reader_u8(c->r);
        read_module_type(c);
        return;
    }
    if (form == 0x00) { /* then 0x50 is a subtype, not a module type */
        (void)ww_reader_u8(c->r);
        if (ww_reader_peek(c->r) != 0x50) ww_check_fail(c, WW_E_INVALID, "malformed core type");
    }
    uint32_t before = space->count;
    ww_core_read_rectype(c->r, c->arena, space);
    for (uint32_t i = before; i < space->count; i++) {
        ww_def *def = ww_scope_define(c, WW_DEF_CORE_TYPE, WW_SORT_CORE_TYPE);
        if (def) def->defines.index = i;
    }
}

/* --- component and instance types ---------------------------------------------------------- */

static void read_decl(ww_checker *c)
{
    size_t at = c->at;
    c->at = c->r->at;
    uint8_t kind = ww_reader_u8(c->r);
    switch (kind) {
    case 0x00: ww_check_core_type(c); break;
    case 0x01: ww_check_type(c); break;
    case 0x02: ww_check_alias(c); break;
    case 0x03:
    case 0x04: {
        if (kind == 0x03 && c->scope->kind == WW_SCOPE_INSTANCE_TYPE)
            ww_check_fail(c, WW_E_INVALID, "an import in an instance type");
        ww_extern_name name;
        ww_extern_type type;
        ww_face_read_name(c, &name);
        bool is_fresh = ww_check_read_extern_type(c, &type);
        if (ww_check_ok(c)) ww_check_declare(c, kind == 0x03, &name, &type, is_fresh);
        break;
    }
    default: ww_check_fail(c, WW_E_INVALID, "0x%02x is no declaration in a type", kind);
    }
    c->at = at;
}

static void include_externs(ww_checker *c, ww_type_item *whole, const ww_externs *externs)
{
    if (!ww_check_step(c, externs->count)) return;
    for (uint32_t i = 0; i < externs->count && ww_check_ok(c); i++) {
        ww_type_item part = externs->items[i].type.type;
        if (!part.size) part.size = 1; /* a core module */
        include(c, whole, &part);
    }
    whole->has_borrow = false;
}

static void take_instance_type(ww_checker *c, const ww_component_type *component,
                               ww_type_item *whole)
{
    ww_instance_type *type = ww_check_alloc(c, sizeof *type);
    if (!type) return;
    *type = (ww_instance_type){.exports = component->exports,
                               .open_count = component->open_export_count,
                               .open = component->open_exports};
    whole->of.instance = type;
}

ww_type_item ww_check_component_item(ww_checker *c, const ww_component_type *type)
{
    ww_type_item item = {.kind = WW_ITEM_COMPONENT, .depth = 1, .size = 1, .of.component = type};
    include_externs(c, &item, &type->imports);
    include_externs(c, &item, &type->exports);
    return item;
}

ww_type_item ww_check_instance_item(ww_checker *c, const ww_instance_type *type)
{
    ww_type_item item = {.kind = WW_ITEM_INSTANCE, .depth = 1, .size = 1, .of.instance = type};
    include_externs(c, &item, &type->exports);
    return item;
}

static void read_type_scope(ww_checker *c, ww_scope_kind kind, ww_type_item *whole)
{
    if (!ww_scope_push(c, kind)) return;
    uint32_t count = ww_reader_count(c->r, WW_MAX_TYPE_DECLS, "declarations of a type");
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++)
        read_decl(c);
    const ww_component_type *type = ww_scope_finish(c);
    ww_scope_pop(c);
    if (!type) return;
    if (kind == WW_SCOPE_INSTANCE_TYPE) {
        ww_type_item item = {.kind = WW_ITEM_INSTANCE, .depth = 1, .size = 1};
        take_instance_type(c, type, &item);
        if (ww_check_ok(c)) *whole = ww_check_instance_item(c, item.of.instance);
    } else {
        *whole = ww_check_component_item(c, type);
    }
}

void ww_check_type(ww_checker *c)
{
    ww_type_item item = {.kind = WW_ITEM_VALUE, .depth = 1, .size = 1};
    uint8_t form = ww_reader_u8(c->r);
    ww_def *def = ww_scope_define(c, WW_DEF_TYPE, WW_SORT_TYPE);
    switch (form) {
    case 0x40: read_func(c, &item); break;
    case 0x41: read_type_scope(c, WW_SCOPE_COMPONENT_TYPE, &item); break;
    case 0x42: read_type_scope(c, WW_SCOPE_INSTANCE_TYPE, &item); break;
    case 0x3f: read_resource(c, &item); break;
    default:
        if (is_primitive(form))
            item.of.value = primitive_of(form);
        else
            read_defined(c, form, &item);
    }
    if (def && item.kind == WW_ITEM_RESOURCE) def->of.resource = item.of.resource;
    ww_scope_add_item(c, WW_SORT_TYPE, &item);
}
