#include "component/check.h"

/* --- core instances ------------------------------------------------------------------------ */

/* Names of arguments in order for finding them; fails on two of one name. NULL after failing. */
static uint32_t *order_args(ww_checker *c, const ww_named_ref *args, uint32_t count)
{
    ww_view *names = ww_check_scratch(c, count, sizeof *names);
    for (uint32_t i = 0; i < count && names; i++)
        names[i] = args[i].name;
    uint32_t *order = names ? ww_names_sort(names, count, &c->scratch) : NULL;
    if (!order) ww_check_fail_arena(c, &c->scratch);
    for (uint32_t i = 1; i < count && order; i++)
        if (ww_view_equal(names[order[i - 1]], names[order[i]]))
            ww_check_fail(c, WW_E_INVALID, "argument `%.*s` is given twice",
                          WW_VIEW_ARG(names[order[i]]));
    return ww_check_ok(c) ? order : NULL;
}

static const ww_named_ref *find_arg(const ww_named_ref *args, const uint32_t *order, uint32_t count,
                                    ww_view name)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int way = ww_name_compare(args[order[middle]].name, name);
        if (way == 0) return &args[order[middle]];
        if (way < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void check_core_import(ww_checker *c, const ww_core_import *import, const ww_named_ref *arg)
{
    if (!arg) {
        ww_check_fail(c, WW_E_INVALID, "core instantiation lacks the argument `%.*s`",
                      WW_VIEW_ARG(import->module));
        return;
    }
    const ww_core_exports *given = ww_scope_core(c, WW_SORT_CORE_INSTANCE, arg->ref.index);
    if (!given || !ww_check_step(c, ww_core_entity_steps(&import->type))) return;
    const ww_core_export *item = ww_core_exports_find(given, import->name);
    if (!item || !ww_core_entity_fits(&item->type, &import->type))
        ww_check_fail(c, WW_E_INVALID, "argument `%.*s` of a core instantiation %s `%.*s`",
                      WW_VIEW_ARG(import->module), item ? "has another type of" : "has no",
                      WW_VIEW_ARG(import->name));
}

static void core_instantiate(ww_checker *c)
{
    uint32_t target = ww_reader_u32(c->r);
    const ww_module_type *module = ww_scope_core(c, WW_SORT_CORE_MODULE, target);
    uint32_t count = ww_reader_count(c->r, WW_MAX_ARGS, "arguments");
    ww_named_ref *args = ww_check_ok(c) ? ww_check_array(c, count, sizeof *args) : NULL;
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        args[i].name = ww_reader_name(c->r);
        if (ww_reader_u8(c->r) != 0x12)
            ww_check_fail(c, WW_E_INVALID,
                          "only core instances are arguments of a core instantiation");
        args[i].ref = (ww_ref){WW_SORT_CORE_INSTANCE, ww_reader_u32(c->r)};
        (void)ww_scope_core(c, WW_SORT_CORE_INSTANCE, args[i].ref.index);
    }
    uint32_t *order = ww_check_ok(c) ? order_args(c, args, count) : NULL;
    for (uint32_t i = 0; order && i < module->import_count; i++) {
        const ww_core_import *import = &module->imports[i];
        if (!ww_check_name_step(c, import->module) || !ww_check_name_step(c, import->name)) break;
        check_core_import(c, import, find_arg(args, order, count, import->module));
    }
    ww_def *def = ww_scope_define(c, WW_DEF_CORE_INSTANTIATE, WW_SORT_CORE_INSTANCE);
    if (!def) return;
    def->of.instantiate.target = target;
    def->of.instantiate.arg_count = count;
    def->of.instantiate.args = args;
    ww_scope_add_core(c, WW_SORT_CORE_INSTANCE, &module->exports);
}

static void core_bag(ww_checker *c)
{
    uint32_t count = ww_reader_count(c->r, WW_MAX_ARGS, "exports of a core instance");
    ww_named_ref *items = ww_check_ok(c) ? ww_check_array(c, count, sizeof *items) : NULL;
    ww_vec exports = {0};
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        items[i].name = ww_reader_name(c->r);
        items[i].ref.sort = ww_check_read_core_sort(c);
        items[i].ref.index = ww_reader_u32(c->r);
        if (items[i].ref.sort > WW_SORT_CORE_TAG)
            ww_check_fail(c, WW_E_INVALID, "a core instance cannot export a %s",
                          ww_sort_name(items[i].ref.sort));
        const ww_core_entity *entity =
            ww_check_ok(c) ? ww_scope_core(c, items[i].ref.sort, items[i].ref.index) : NULL;
        ww_core_export *export = entity ? ww_check_push(c, &exports, sizeof *export) : NULL;
        if (export) *export = (ww_core_export){.name = items[i].name, .type = *entity};
    }
    ww_core_exports *type = ww_check_ok(c) ? ww_check_alloc(c, sizeof *type) : NULL;
    if (!type) return;
    ww_core_make_exports(c->r, c->arena, &c->scratch, &exports, type);
    ww_def *def = ww_scope_define(c, WW_DEF_CORE_BAG, WW_SORT_CORE_INSTANCE);
    if (!def) return;
    def->of.bag.count = count;
    def->of.bag.exports = items;
    ww_scope_add_core(c, WW_SORT_CORE_INSTANCE, type);
}

void ww_check_core_instance(ww_checker *c)
{
    if (ww_check_read_flag(c))
        core_bag(c);
    else
        core_instantiate(c);
}

/* --- component instances ------------------------------------------------------------------- */

/* Types that an import named are, outside, the types that were given for it. */
static void note_renames(ww_subst *s, const ww_extern_type *given, const ww_extern_type *wanted)
{
    if (!ww_check_step(s->c, 1)) return;
    if (wanted->sort == WW_SORT_TYPE) {
        bool is_resource = wanted->type.kind == WW_ITEM_RESOURCE;
        uint64_t to = is_resource ? given->type.name : (uint64_t)(uintptr_t)given->type.of.value;
        ww_check_put(s->c, &s->done, ww_item_key(&wanted->type), to);
        s->renames = true;
    }
    if (wanted->sort != WW_SORT_INSTANCE) return;
    const ww_externs *inner = &wanted->type.of.instance->exports;
    for (uint32_t i = 0; i < inner->count; i++) {
        ww_view name = inner->items[i].name.name;
        if (!ww_check_name_step(s->c, name)) return;
        const ww_extern *item = ww_externs_find(&given->type.of.instance->exports, name);
        if (item) note_renames(s, &item->type, &inner->items[i].type);
    }
}

/* Every import is given, and fits. */
static void check_args(ww_subst *s, const ww_component_type *type, const ww_externs *given)
{
    ww_checker *c = s->c;
    for (uint32_t i = 0; i < type->imports.count; i++) {
        const ww_extern *import = &type->imports.items[i];
        ww_view name = import->name.name;
        if (!ww_check_name_step(c, name)) return;
        const ww_extern *arg = ww_externs_find(given, name);
        if (!arg)
            ww_check_fail(c, WW_E_INVALID, "instantiation lacks the argument `%.*s`",
                          WW_VIEW_ARG(name));
        else if (!ww_extern_fits(c, &arg->type, &import->type))
            ww_check_fail(c, WW_E_INVALID, "argument `%.*s`: %s", WW_VIEW_ARG(name), c->why.text);
        else
            note_renames(s, &arg->type, &import->type);
    }
}

/* The type of a new instance: imports are what was given, what the exports leave open is new. */
static const ww_instance_type *instance_of(ww_checker *c, const ww_component_type *type,
                                           const ww_externs *given)
{
    ww_instance_type *instance = ww_check_alloc(c, sizeof *instance);
    if (!instance) return NULL;
    ww_subst s = {.c = c};
    ww_open_undo imports = ww_open_save(c, type->open_imports, type->open_import_count);
    ww_open_bind_given(c, type->open_imports, type->open_import_count, given);
    check_args(&s, type, given);
    ww_open_undo exports = ww_open_save(c, type->open_exports, type->open_export_count);
    ww_ref from = {WW_SORT_INSTANCE, c->scope->spaces[WW_SORT_INSTANCE].count};
    ww_open_bind_new(c, type->open_exports, type->open_export_count, from, NULL);
    instance->exports = type->exports;
    ww_subst_externs(&s, &instance->exports);
    ww_open_restore(c, exports, type->open_exports, type->open_export_count);
    ww_open_restore(c, imports, type->open_imports, type->open_import_count);
    ww_subst_free(&s);
    return instance;
}

static void add_instance(ww_checker *c, const ww_instance_type *type)
{
    if (!type || !ww_check_ok(c)) return;
    ww_type_item item = ww_check_instance_item(c, type);
    ww_scope_add_item(c, WW_SORT_INSTANCE, &item);
}

static void instantiate(ww_checker *c)
{
    uint32_t target = ww_reader_u32(c->r);
    const ww_type_item *component = ww_scope_item(c, WW_SORT_COMPONENT, target);
    uint32_t count = ww_reader_count(c->r, WW_MAX_ARGS, "arguments");
    ww_named_ref *args = ww_check_ok(c) ? ww_check_array(c, count, sizeof *args) : NULL;
    ww_vec externs = {0};
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        args[i].name = ww_reader_name(c->r);
        args[i].ref = ww_check_read_ref(c);
        ww_face_note(c, &externs, args[i].name, args[i].ref);
    }
    ww_externs given;
    ww_face_make_externs(c, &externs, true, &given);
    ww_def *def = ww_scope_define(c, WW_DEF_INSTANTIATE, WW_SORT_INSTANCE);
    if (!def) return;
    def->of.instantiate.target = target;
    def->of.instantiate.arg_count = count;
    def->of.instantiate.args = args;
    add_instance(c, instance_of(c, component->of.component, &given));
}

static void bag(ww_checker *c)
{
    static const ww_face nothing_named; /* no names are brought into being here */
    uint32_t count = ww_reader_count(c->r, WW_MAX_ARGS, "exports of an instance");
    ww_named_ref *items = ww_check_ok(c) ? ww_check_array(c, count, sizeof *items) : NULL;
    ww_vec externs = {0};
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        ww_extern_name name;
        ww_face_read_name(c, &name);
        items[i].name = name.name;
        items[i].ref = ww_check_read_ref(c);
        ww_extern *item = ww_face_note(c, &externs, name.name, items[i].ref);
        if (!item) return;
        item->name = name;
        ww_face_check_name(c, &nothing_named, &name, &item->type);
    }
    ww_instance_type *type = ww_check_ok(c) ? ww_check_alloc(c, sizeof *type) : NULL;
    if (!type) return;
    ww_face_make_externs(c, &externs, false, &type->exports);
    ww_def *def = ww_scope_define(c, WW_DEF_BAG, WW_SORT_INSTANCE);
    if (!def) return;
    def->of.bag.count = count;
    def->of.bag.exports = items;
    add_instance(c, type);
}

void ww_check_instance(ww_checker *c)
{
    if (ww_check_read_flag(c))
        bag(c);
    else
        instantiate(c);
}
