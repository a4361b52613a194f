/* Sites and lifts, and the module that holds their thunks. */
#include "component/binder.h"
#include "component/limits.h"

/* The host functions that the thunk module imports, in its order. */
typedef struct import_list {
    ww_host_import *items;
    uint32_t count, capacity;
} import_list;

typedef struct thunk_list {
    ww_thunk *items;
    uint32_t count;
    import_list imports;
} thunk_list;

/* `env` is only ever read. */
static void add_import(import_list *list, ww_host_fn *fn, const void *env)
{
    WW_ASSERT(list->count < list->capacity);
    list->items[list->count++] = (ww_host_import){.fn = fn, .env = (void *)(uintptr_t)env};
}

static void add_direct(thunk_list *list, const ww_site *site, ww_host_fn *fn)
{
    list->items[list->count++] = (ww_thunk){.kind = WW_THUNK_DIRECT,
                                            .core = site->plan->core,
                                            .callee = WW_NONE,
                                            .post_return = WW_NONE};
    add_import(&list->imports, fn, site);
}

static void add_begin(thunk_list *list, const ww_site *site, ww_host_fn *begin)
{
    add_direct(list, site, begin);
    list->items[list->count - 1].kind = WW_THUNK_SITE;
}

/* A thunk that calls a lift's core function. */
static void add_caller(thunk_list *list, ww_thunk_kind kind, const ww_core_type *core,
                       const ww_plan_lift *lift)
{
    list->items[list->count++] = (ww_thunk){.kind = (uint8_t)kind,
                                            .core = *core,
                                            .callee = lift->callee,
                                            .callee_type = &lift->type.func->lifted,
                                            .post_return = lift->options.post_return};
}

static void add_import_site(thunk_list *list, const ww_site *site)
{
    const ww_host_func *func = site->func;
    if (ww_host_func_needs_thunk(func))
        add_begin(list, site, func->entry ? func->entry : ww_entry_dynamic_begin);
    else
        add_direct(list, site, func->entry ? func->entry : ww_entry_dynamic);
}

static void add_site(thunk_list *list, const ww_plan *plan, const ww_site *site)
{
    const ww_plan_site *s = site->plan;
    const ww_plan_lift *lift;
    switch ((ww_site_kind)s->kind) {
    case WW_SITE_IMPORT: add_import_site(list, site); break;
    case WW_SITE_CALL:
        lift = &plan->lifts[s->target];
        add_caller(list, WW_THUNK_SITE, &s->core, lift);
        add_import(&list->imports, ww_entry_call_begin, site);
        if (lift->type.func->lifted.param_count)
            add_import(&list->imports, ww_entry_call_args, site);
        break;
    case WW_SITE_NEW: add_direct(list, site, ww_entry_resource_new); break;
    case WW_SITE_REP: add_direct(list, site, ww_entry_resource_rep); break;
    case WW_SITE_DROP:
        if (plan->resources[s->target].dtor == WW_NONE)
            add_direct(list, site, ww_entry_resource_drop);
        else
            add_begin(list, site, ww_entry_resource_drop_begin);
        break;
    case WW_SITE_CONTEXT_GET: add_direct(list, site, ww_entry_context_get); break;
    case WW_SITE_CONTEXT_SET: add_direct(list, site, ww_entry_context_set); break;
    case WW_SITE_FORWARD:
        list->items[list->count++] = (ww_thunk){
            .kind = WW_THUNK_FORWARD, .core = s->core, .callee = s->target, .post_return = WW_NONE};
        break;
    }
}

static void add_lift(thunk_list *list, const ww_lift *lift)
{
    const ww_core_type *core = &lift->plan->type.func->lifted;
    add_caller(list, WW_THUNK_LIFT, core, lift->plan);
    add_import(&list->imports, ww_entry_lift_begin, lift);
    if (core->param_count) add_import(&list->imports, ww_entry_lift_args, lift);
}

static bool make_sites(ww_binder *b)
{
    const ww_plan *plan = b->plan;
    ww_program *program = b->program;
    ww_site *sites = ww_binder_take(b, &program->arena, plan->site_count, sizeof *sites);
    ww_lift *lifts = ww_binder_take(b, &program->arena, plan->lift_count, sizeof *lifts);
    if (!sites || !lifts) return false;
    for (uint32_t i = 0; i < plan->site_count; i++) {
        sites[i] = (ww_site){.plan = &plan->sites[i], .program = program, .index = i};
        if (plan->sites[i].kind != WW_SITE_IMPORT) continue;
        const ww_bound_import *import = &b->imports[plan->sites[i].target];
        sites[i].func = import->func;
        sites[i].impl = import->interface->impl;
        sites[i].resources = import->interface->interface->resources;
    }
    for (uint32_t i = 0; i < plan->lift_count; i++)
        lifts[i] = (ww_lift){&plan->lifts[i], program, i};
    program->sites = sites;
    program->lifts = lifts;
    return true;
}

static bool make_list(ww_binder *b, thunk_list *list)
{
    const ww_plan *plan = b->plan;
    uint32_t count = plan->site_count + plan->lift_count;
    uint32_t capacity = 1 + 2 * count;
    *list = (thunk_list){
        .items = ww_binder_take(b, &b->scratch, count, sizeof *list->items),
        .imports = {ww_binder_take(b, &b->scratch, capacity, sizeof(ww_host_import)), 0, capacity},
    };
    if (!list->items || !list->imports.items) return false;
    add_import(&list->imports, ww_entry_resume, b->program);
    for (uint32_t i = 0; i < plan->site_count; i++)
        add_site(list, plan, &b->program->sites[i]);
    for (uint32_t i = 0; i < plan->lift_count; i++)
        add_lift(list, &b->program->lifts[i]);
    WW_ASSERT(list->count == count);
    return true;
}

ww_status ww_binder_thunks(ww_binder *b)
{
    ww_program *program = b->program;
    const ww_plan *plan = b->plan;
    thunk_list list;
    if (!make_sites(b) || !make_list(b, &list)) return b->status;
    ww_thunk_module module;
    ww_status status = ww_thunk_emit(list.items, list.count, plan->slots, plan->slot_count,
                                     &b->scratch, &module, b->diag);
    if (status) return status;
    WW_ASSERT(module.import_count == list.imports.count);
    for (uint32_t i = 0; i < module.import_count; i++)
        list.imports.items[i].type = module.imports[i];
    status = b->compiler.compile(b->compiler.self, program->engine, module.wasm,
                                 &program->thunk_module, b->diag);
    if (status) {
        ww_fail_in(b->diag, "thunks");
        return status;
    }
    program->stats = (ww_program_stats){.core_instances = plan->instance_count + 1,
                                        .host_functions = module.import_count,
                                        .thunks = list.count};
    return ww_link_new(program->engine, program->thunk_module, list.imports.items,
                       list.imports.count, &program->thunks, b->diag);
}
