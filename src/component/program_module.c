/* Compiles the core modules of a plan, and turns names of core exports into indices. */
#include "component/binder.h"
#include "component/limits.h"

enum { START_EXPORT_BYTES = 64 }; /* more than a rewritten module grows */

/* --- modules -------------------------------------------------------------------------------- */

static ww_status compile(ww_binder *b, uint32_t index, ww_buf *scratch)
{
    ww_view wasm;
    ww_status status = ww_plan_module_bytes(b->sources[index], scratch, &wasm, b->diag);
    if (status) return status;
    status = b->compiler.compile(b->compiler.self, b->program->engine, wasm,
                                 &b->program->modules[index], b->diag);
    return status ? ww_fail_in(b->diag, "core module %u", index) : WW_OK;
}

static ww_status find_source(ww_binder *b, uint32_t index)
{
    const ww_plan_module *module = &b->plan->modules[index];
    b->sources[index] = module->source;
    if (module->source) return WW_OK;
    return ww_fail(b->diag, WW_E_UNSUPPORTED, "core modules from the host");
}

ww_status ww_binder_modules(ww_binder *b)
{
    uint32_t count = b->plan->module_count;
    b->program->modules = ww_binder_take(b, &b->program->arena, count, sizeof(ww_module *));
    b->sources = ww_binder_take(b, &b->scratch, count, sizeof *b->sources);
    if (!b->program->modules || !b->sources) return WW_E_MEMORY;
    ww_buf scratch;
    ww_buf_init(&scratch, b->scratch.allocator, WW_MAX_COMPONENT_BYTES + START_EXPORT_BYTES);
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        status = find_source(b, i);
        if (!status) status = compile(b, i, &scratch);
    }
    ww_buf_deinit(&scratch);
    return status;
}

/* --- steps ---------------------------------------------------------------------------------- */

/* `modules`: by core instance. */
static ww_status bind_ref(ww_binder *b, const uint32_t *modules, const ww_plan_ref *ref,
                          ww_bound_ref *out)
{
    if (ref->kind == WW_REF_SITE) {
        *out = (ww_bound_ref){WW_NONE, ww_site_export(ref->instance)};
        return WW_OK;
    }
    const ww_module *module = b->program->modules[modules[ref->instance]];
    *out = (ww_bound_ref){ref->instance, 0};
    if (ww_module_find_export(module, ref->name, &out->index)) return WW_OK;
    return ww_fail(b->diag, WW_E_MISMATCH, "core module %u has no export \"%.*s\"",
                   modules[ref->instance], WW_VIEW_ARG(ref->name));
}

static ww_status bind_step(ww_binder *b, uint32_t *modules, const ww_plan_step *step,
                           ww_bound_step *out)
{
    ww_bound_ref *refs = ww_binder_take(b, &b->program->arena, step->ref_count, sizeof *refs);
    if (!refs) return WW_E_MEMORY;
    *out = (ww_bound_step){
        .kind = step->kind, .index = step->index, .ref_count = step->ref_count, .refs = refs};
    for (uint32_t i = 0; i < step->ref_count; i++) {
        ww_status status = bind_ref(b, modules, &step->refs[i], &refs[i]);
        if (status) return status;
    }
    if (step->kind != WW_STEP_INSTANTIATE) return WW_OK;
    modules[step->index] = step->module;
    out->module = b->program->modules[step->module];
    return WW_OK;
}

/* The start of a module from the host that has none. */
static bool is_idle(const ww_binder *b, const uint32_t *modules, const ww_plan_step *step)
{
    if (step->kind != WW_STEP_START || step->refs->kind != WW_REF_EXPORT) return false;
    return b->sources[modules[step->refs->instance]]->start == WW_NONE;
}

ww_status ww_binder_steps(ww_binder *b)
{
    const ww_plan *plan = b->plan;
    ww_bound_step *steps = ww_binder_take(b, &b->program->arena, plan->step_count, sizeof *steps);
    uint32_t *modules = ww_binder_take(b, &b->scratch, plan->instance_count, sizeof *modules);
    if (!steps || !modules) return WW_E_MEMORY;
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        if (is_idle(b, modules, &plan->steps[i])) continue;
        ww_status status = bind_step(b, modules, &plan->steps[i], &steps[count++]);
        if (status) return status;
    }
    b->program->steps = steps;
    b->program->step_count = count;
    return WW_OK;
}
