#include "component/check.h"

static bool item_fits(ww_checker *c, const ww_type_item *a, const ww_type_item *b);

static bool same_resource(void *arg, uint32_t a, uint32_t b)
{
    const ww_checker *c = arg;
    return ww_site_bound(c, ww_resource_of_name(c, a)) ==
           ww_site_bound(c, ww_resource_of_name(c, b));
}

static bool mismatch(ww_checker *c, const char *text)
{
    ww_fail(&c->why, WW_E_INVALID, "%s", text);
    return false;
}

/* "expected u32, found string"; the texts are cut so that both are seen. */
static bool value_mismatch(ww_checker *c, const ww_type_item *a, const ww_type_item *b)
{
    ww_buf found, wanted;
    ww_buf_init(&found, c->arena->allocator, 160);
    ww_buf_init(&wanted, c->arena->allocator, 160);
    if (a->kind == WW_ITEM_FUNC) {
        ww_func_type_print(a->of.func, &found);
        ww_func_type_print(b->of.func, &wanted);
    } else {
        ww_type_print(a->of.value, &found);
        ww_type_print(b->of.value, &wanted);
    }
    ww_fail(&c->why, WW_E_INVALID, "expected %.*s, found %.*s", WW_VIEW_ARG(ww_buf_view(&wanted)),
            WW_VIEW_ARG(ww_buf_view(&found)));
    ww_buf_deinit(&found);
    ww_buf_deinit(&wanted);
    return false;
}

/* Everything of `wanted` is in `found`, and fits. */
static bool externs_fit(ww_checker *c, const ww_externs *found, const ww_externs *wanted,
                        const char *what)
{
    for (uint32_t i = 0; i < wanted->count; i++) {
        ww_view name = wanted->items[i].name.name;
        if (!ww_check_name_step(c, name)) return false;
        const ww_extern *item = ww_externs_find(found, name);
        if (!item) {
            ww_fail(&c->why, WW_E_INVALID, "%s `%.*s` is missing", what, WW_VIEW_ARG(name));
            return false;
        }
        if (ww_extern_fits(c, &item->type, &wanted->items[i].type)) continue;
        ww_fail_in(&c->why, "%s `%.*s`", what, WW_VIEW_ARG(name));
        return false;
    }
    return ww_check_ok(c);
}

/* Who asks for a `b` gives b's imports, which must do for an `a`; then a's exports must do for
 * b's. */
static bool component_fits(ww_checker *c, const ww_component_type *a, const ww_component_type *b)
{
    if (a == b) return true;
    ww_open_undo imports = ww_open_save(c, a->open_imports, a->open_import_count);
    ww_open_bind_given(c, a->open_imports, a->open_import_count, &b->imports);
    bool fits = externs_fit(c, &b->imports, &a->imports, "import");
    if (fits) {
        ww_open_undo exports = ww_open_save(c, b->open_exports, b->open_export_count);
        ww_open_bind_given(c, b->open_exports, b->open_export_count, &a->exports);
        fits = externs_fit(c, &a->exports, &b->exports, "export");
        ww_open_restore(c, exports, b->open_exports, b->open_export_count);
    }
    ww_open_restore(c, imports, a->open_imports, a->open_import_count);
    return fits;
}

/* Open resources of `b` are found in `a`; those of `a` stand for themselves. */
static bool instance_fits(ww_checker *c, const ww_instance_type *a, const ww_instance_type *b)
{
    ww_open_undo undo = ww_open_save(c, b->open, b->open_count);
    ww_open_bind_given(c, b->open, b->open_count, &a->exports);
    bool fits = externs_fit(c, &a->exports, &b->exports, "export");
    ww_open_restore(c, undo, b->open, b->open_count);
    return fits;
}

static bool item_fits(ww_checker *c, const ww_type_item *a, const ww_type_item *b)
{
    static const char *const names[] = {"a value type", "a resource type", "a function type",
                                        "an instance type", "a component type"};
    if (a->kind != b->kind) {
        ww_fail(&c->why, WW_E_INVALID, "expected %s, found %s", names[b->kind], names[a->kind]);
        return false;
    }
    switch (a->kind) {
    case WW_ITEM_VALUE:
        return ww_check_step(c, a->size) &&
               (ww_type_equal(a->of.value, b->of.value, same_resource, c) ||
                value_mismatch(c, a, b));
    case WW_ITEM_FUNC:
        return ww_check_step(c, a->size) &&
               (ww_func_type_equal(a->of.func, b->of.func, same_resource, c) ||
                value_mismatch(c, a, b));
    case WW_ITEM_RESOURCE:
        return same_resource(c, a->name, b->name) || mismatch(c, "another resource type");
    case WW_ITEM_INSTANCE: return instance_fits(c, a->of.instance, b->of.instance);
    default: return component_fits(c, a->of.component, b->of.component);
    }
}

bool ww_extern_fits(ww_checker *c, const ww_extern_type *a, const ww_extern_type *b)
{
    if (!ww_check_step(c, 1)) return false;
    if (a->sort != b->sort) {
        ww_fail(&c->why, WW_E_INVALID, "expected %s, found %s", ww_sort_name(b->sort),
                ww_sort_name(a->sort));
        return false;
    }
    if (a->sort != WW_SORT_CORE_MODULE) return item_fits(c, &a->type, &b->type);
    uint64_t steps = ww_core_module_steps(a->module) + ww_core_module_steps(b->module);
    return ww_check_step(c, steps) &&
           ww_core_module_fits(&c->scratch, a->module, b->module, &c->why);
}
