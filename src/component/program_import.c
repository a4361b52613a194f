/* Binds what a plan imports to what the host offers, or says exactly what does not fit. */
#include "component/binder.h"

enum { TYPE_TEXT_MAX = 150, OFFERS_TEXT_MAX = 200 };

ww_view ww_binder_path(ww_binder *b, ww_arena *arena, uint32_t count, const ww_view *path)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += path[i].size + 1;
    uint8_t *text = ww_binder_take(b, arena, size, 1);
    if (!text || !count) return ww_view_of(text, 0);
    uint8_t *at = text;
    for (uint32_t i = 0; i < count; i++) {
        if (i) *at++ = '/';
        if (path[i].size) memcpy(at, path[i].data, path[i].size);
        at += path[i].size;
    }
    return ww_view_of(text, (size_t)(at - text));
}

/* --- what to say when it does not fit -------------------------------------------------------- */

/* Texts for messages; what does not fit is cut. */
typedef struct text {
    ww_buf buf;
} text;

static text text_new(const ww_binder *b, size_t size_max)
{
    text t;
    ww_buf_init(&t.buf, b->scratch.allocator, size_max);
    return t;
}

static void print_type(text *t, const ww_plan_import *import)
{
    ww_func_type_print(import->type.func, &t->buf);
}

static const char *kind_name(const ww_plan_import *import)
{
    switch (import->kind) {
    case WW_IMPORT_FUNC: return "function";
    case WW_IMPORT_RESOURCE: return "resource";
    case WW_IMPORT_INSTANCE: return "instance";
    default: return "core module";
    }
}

/* WASI 0.3 is another world, not a newer version of this one. */
static bool wants_async(ww_view interface)
{
    ww_view track;
    uint64_t rank;
    return ww_name_track(interface, &track, &rank) && track.size > 4 &&
           memcmp(track.data + track.size - 4, "@0.3", 4) == 0;
}

static ww_status fail_missing_interface(ww_binder *b, ww_view interface,
                                        const ww_plan_import *import)
{
    if (wants_async(interface))
        return ww_fail(b->diag, WW_E_UNSUPPORTED,
                       "import \"%.*s\": it needs WASI 0.3 / component async, and this host offers "
                       "WASI 0.2",
                       WW_VIEW_ARG(interface));
    text wanted = text_new(b, TYPE_TEXT_MAX), offers = text_new(b, OFFERS_TEXT_MAX);
    if (import->kind == WW_IMPORT_FUNC) print_type(&wanted, import);
    ww_linker_print_offers(b->linker, interface, &offers.buf);
    ww_status status =
        ww_fail(b->diag, WW_E_MISSING,
                "import \"%.*s\": the component wants its %s \"%.*s\"%s%.*s, but the host has no "
                "such interface; %.*s",
                WW_VIEW_ARG(interface), kind_name(import), WW_VIEW_ARG(import->name),
                wanted.buf.size ? ": " : "", WW_VIEW_ARG(ww_buf_view(&wanted.buf)),
                WW_VIEW_ARG(ww_buf_view(&offers.buf)));
    ww_buf_deinit(&wanted.buf);
    ww_buf_deinit(&offers.buf);
    return status;
}

/* "a, b, c" of the functions or resources of an interface. */
static void print_items(text *t, const ww_host_interface *interface, bool funcs)
{
    uint32_t count = funcs ? interface->func_count : interface->exported_count;
    for (uint32_t i = 0; i < count; i++) {
        const char *name =
            funcs ? interface->funcs[i].name : ww_interface_resource_name(interface, i);
        if (ww_buf_printf(&t->buf, "%s%s", i ? ", " : "", name)) return;
    }
}

static ww_status fail_missing_item(ww_binder *b, ww_view interface, const ww_host_interface *host,
                                   const ww_plan_import *import)
{
    text wanted = text_new(b, TYPE_TEXT_MAX), offers = text_new(b, OFFERS_TEXT_MAX);
    if (import->kind == WW_IMPORT_FUNC) print_type(&wanted, import);
    print_items(&offers, host, import->kind == WW_IMPORT_FUNC);
    ww_status status = ww_fail(
        b->diag, WW_E_MISSING,
        "import \"%.*s\": the component wants a %s \"%.*s\"%s%.*s; the host's \"%s\" offers %.*s",
        WW_VIEW_ARG(interface), kind_name(import), WW_VIEW_ARG(import->name),
        wanted.buf.size ? ": " : "", WW_VIEW_ARG(ww_buf_view(&wanted.buf)), host->name,
        WW_VIEW_ARG(ww_buf_view(&offers.buf)));
    ww_buf_deinit(&wanted.buf);
    ww_buf_deinit(&offers.buf);
    return status;
}

static ww_status fail_mismatch(ww_binder *b, ww_view interface, const ww_plan_import *import,
                               const ww_host_func *func)
{
    text wanted = text_new(b, TYPE_TEXT_MAX), offered = text_new(b, TYPE_TEXT_MAX);
    print_type(&wanted, import);
    ww_func_type_print(func->type, &offered.buf);
    ww_status status =
        ww_fail(b->diag, WW_E_MISMATCH,
                "import \"%.*s\": function \"%.*s\": the component wants %.*s, the "
                "host offers %.*s",
                WW_VIEW_ARG(interface), WW_VIEW_ARG(import->name),
                WW_VIEW_ARG(ww_buf_view(&wanted.buf)), WW_VIEW_ARG(ww_buf_view(&offered.buf)));
    ww_buf_deinit(&wanted.buf);
    ww_buf_deinit(&offered.buf);
    return status;
}

/* --- binding -------------------------------------------------------------------------------- */

/* The two sides of a comparison of function types. */
typedef struct sides {
    const ww_resource_type *const *bound; /* of the plan's resources */
    const uint32_t *plan;                 /* from the import's resource index */
    const ww_host_interface *host;
} sides;

static bool same_resource(void *arg, uint32_t a, uint32_t b)
{
    const sides *s = arg;
    WW_ASSERT(b < s->host->resource_count);
    uint32_t resource = s->plan ? s->plan[a] : WW_NONE;
    return resource != WW_NONE && s->bound[resource] == s->host->resources[b];
}

static bool fits(const ww_func_type *wanted, const ww_func_type *offered, sides *s)
{
    if (wanted->param_count != offered->param_count || !wanted->result != !offered->result)
        return false;
    for (uint32_t i = 0; i < wanted->param_count; i++)
        if (!ww_type_equal(wanted->params[i].type, offered->params[i].type, same_resource, s))
            return false;
    return !wanted->result || ww_type_equal(wanted->result, offered->result, same_resource, s);
}

static ww_status bind_func(ww_binder *b, ww_view name, const ww_plan_import *import,
                           ww_bound_import *out, const ww_resource_type **resources)
{
    const ww_host_interface *host = out->interface->interface;
    out->func = ww_interface_func(host, import->name);
    if (!out->func) return fail_missing_item(b, name, host, import);
    sides s = {resources, import->type.resources, host};
    if (fits(import->type.func, out->func->type, &s)) return WW_OK;
    return fail_mismatch(b, name, import, out->func);
}

/* The first import of a resource decides what it is; the others have to agree, or to be absent: an
 * interface that only uses a resource need not offer it. */
static ww_status bind_resource(ww_binder *b, ww_view name, const ww_plan_import *import,
                               ww_bound_import *out, const ww_resource_type **resources)
{
    const ww_resource_type **bound = &resources[import->resource];
    const ww_host_interface *host = out->interface ? out->interface->interface : NULL;
    const ww_resource_type *type = host ? ww_interface_resource(host, import->name) : NULL;
    if (!type && *bound) return WW_OK;
    if (!host) return fail_missing_interface(b, name, import);
    if (!type) return fail_missing_item(b, name, host, import);
    if (*bound && *bound != type)
        return ww_fail(b->diag, WW_E_MISMATCH,
                       "import \"%.*s\": resource \"%.*s\": the component wants the type that it "
                       "knows as \"%s\", the host offers another one",
                       WW_VIEW_ARG(name), WW_VIEW_ARG(import->name), (*bound)->name);
    *bound = type;
    return WW_OK;
}

static ww_status bind_module(ww_binder *b, ww_view interface, const ww_plan_import *import,
                             ww_bound_import *out)
{
    const ww_view path[] = {interface, import->name};
    ww_view name = interface.size ? ww_binder_path(b, &b->scratch, 2, path) : import->name;
    if (!name.data) return b->status;
    ww_view wasm = ww_linker_find_module(b->linker, name);
    if (wasm.size) return ww_binder_read_offered(b, import, wasm, &out->module);
    return ww_fail(b->diag, WW_E_MISSING,
                   "import \"%.*s\": the component wants a core module of that name, which the "
                   "host does not offer",
                   WW_VIEW_ARG(name));
}

/* An instance is there if what it must hold is; but its name must not be that of something else. */
static ww_status bind_instance(ww_binder *b, ww_view interface, const ww_plan_import *import)
{
    const ww_bound_interface *around = ww_linker_find(b->linker, interface);
    const ww_host_interface *host = around ? around->interface : NULL;
    if (!host ||
        !(ww_interface_func(host, import->name) || ww_interface_resource(host, import->name)))
        return WW_OK;
    return ww_fail(
        b->diag, WW_E_MISMATCH,
        "import \"%.*s\": the component wants an instance, the host offers something else "
        "of that name",
        WW_VIEW_ARG(import->name));
}

static ww_status bind_import(ww_binder *b, const ww_plan_import *import, ww_bound_import *out,
                             const ww_resource_type **resources)
{
    ww_view name = ww_binder_path(b, &b->scratch, import->path_length, import->path);
    if (!name.data) return b->status;
    if (import->kind == WW_IMPORT_MODULE) return bind_module(b, name, import, out);
    if (import->kind == WW_IMPORT_INSTANCE) return bind_instance(b, name, import);
    out->interface = ww_linker_find(b->linker, name);
    if (import->kind == WW_IMPORT_RESOURCE) return bind_resource(b, name, import, out, resources);
    if (!out->interface) return fail_missing_interface(b, name, import);
    return bind_func(b, name, import, out, resources);
}

ww_status ww_binder_imports(ww_binder *b)
{
    const ww_plan *plan = b->plan;
    ww_bound_import *imports = ww_binder_take(b, &b->scratch, plan->import_count, sizeof *imports);
    const ww_resource_type **resources =
        ww_binder_take(b, &b->program->arena, plan->resource_count, sizeof *resources);
    if (!imports || !resources) return b->status;
    for (uint32_t i = 0; i < plan->import_count; i++) {
        ww_status status = bind_import(b, &plan->imports[i], &imports[i], resources);
        if (status) return status;
    }
    b->imports = imports;
    b->program->resources = resources;
    return WW_OK;
}
