/* Compiles the core modules of a plan, and turns names of core exports into indices. */
#include "component/binder.h"
#include "component/core.h"
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
    if (status) ww_fail_in(b->diag, "core module %u", index);
    return status;
}

ww_status ww_binder_read_offered(ww_binder *b, const ww_plan_import *import, ww_view wasm,
                                 const ww_core_module **out)
{
    ww_core_module *module = ww_binder_take(b, &b->program->arena, 1, sizeof *module);
    if (!module) return b->status;
    ww_reader reader = {.base = wasm.data, .end = wasm.size, .diag = b->diag};
    ww_core_read_module(&reader, &b->program->arena, &b->scratch, module);
    if (!reader.status && !ww_core_module_fits(&b->scratch, &module->type, import->module, b->diag))
        reader.status = WW_E_MISMATCH;
    if (reader.status) ww_fail_in(b->diag, "import \"%.*s\"", WW_VIEW_ARG(import->name));
    *out = module;
    return reader.status;
}

ww_status ww_binder_modules(ww_binder *b)
{
    uint32_t count = b->plan->module_count;
    b->program->modules = ww_binder_take(b, &b->program->arena, count, sizeof(ww_module *));
    b->sources = ww_binder_take(b, &b->scratch, count, sizeof *b->sources);
    if (!b->program->modules || !b->sources) return b->status;
    ww_buf scratch;
    ww_buf_init(&scratch, b->scratch.allocator, WW_MAX_COMPONENT_BYTES + START_EXPORT_BYTES);
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        const ww_plan_module *module = &b->plan->modules[i];
        b->sources[i] = module->source ? module->source : b->imports[module->import].module;
        status = compile(b, i, &scratch);
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
        *out = (ww_bound_ref){WW_NONE, ref->instance};
        return WW_OK;
    }
    const ww_module *module = b->program->modules[modules[ref->instance]];
    *out = (ww_bound_ref){ref->instance, 0};
    if (ww_module_find_export(module, ref->name, &out->index)) return WW_OK;
    return ww_fail(b->diag, WW_E_MISMATCH, "core module %u has no export \"%.*s\"",
                   modules[ref->instance], WW_VIEW_ARG(ref->name));
}

static const ww_plan_ref *find_import(const ww_module_type *wanted, const ww_plan_ref *refs,
                                      const ww_core_import *import)
{
    for (uint32_t i = 0; i < wanted->import_count; i++)
        if (ww_view_equal(wanted->imports[i].module, import->module) &&
            ww_view_equal(wanted->imports[i].name, import->name))
            return &refs[i];
    return NULL;
}

/* A module of the host's may import less than the component thinks, and in another order. */
static ww_status reorder_refs(ww_binder *b, const ww_plan_step *step, ww_plan_ref **refs,
                              uint32_t *count)
{
    const ww_module_type *wanted = b->plan->modules[step->module].type;
    const ww_module_type *type = &b->sources[step->module]->type;
    *count = type->import_count;
    *refs = ww_binder_take(b, &b->scratch, *count, sizeof **refs);
    if (!*refs) return b->status;
    for (uint32_t i = 0; i < *count; i++) {
        const ww_plan_ref *ref = find_import(wanted, step->refs, &type->imports[i]);
        if (!ref)
            return ww_fail(b->diag, WW_E_MISMATCH, "a core module of the host's wants \"%.*s\"",
                           WW_VIEW_ARG(type->imports[i].name));
        (*refs)[i] = *ref;
    }
    return WW_OK;
}

static ww_status bind_refs(ww_binder *b, const uint32_t *modules, const ww_plan_ref *refs,
                           uint32_t count, ww_bound_step *out)
{
    ww_bound_ref *bound = ww_binder_take(b, &b->program->arena, count, sizeof *bound);
    if (!bound) return b->status;
    out->ref_count = count;
    out->refs = bound;
    for (uint32_t i = 0; i < count; i++) {
        ww_status status = bind_ref(b, modules, &refs[i], &bound[i]);
        if (status) return status;
    }
    return WW_OK;
}

static ww_status bind_step(ww_binder *b, uint32_t *modules, const ww_plan_step *step,
                           ww_bound_step *out)
{
    *out = (ww_bound_step){.kind = step->kind, .index = step->index};
    const ww_plan_ref *refs = step->refs;
    uint32_t count = step->ref_count;
    if (step->kind == WW_STEP_INSTANTIATE) {
        modules[step->index] = step->module;
        out->module = b->program->modules[step->module];
        if (!b->plan->modules[step->module].source) {
            ww_plan_ref *reordered;
            ww_status status = reorder_refs(b, step, &reordered, &count);
            if (status) return status;
            refs = reordered;
        }
    }
    return bind_refs(b, modules, refs, count, out);
}

/* The start of a module from the host that has none. */
static bool is_idle(const ww_binder *b, const uint32_t *modules, const ww_plan_step *step)
{
    if (step->kind != WW_STEP_START || step->refs->kind != WW_REF_EXPORT) return false;
    uint32_t module = modules[step->refs->instance];
    return !b->plan->modules[module].source && b->sources[module]->start == WW_NONE;
}

ww_status ww_binder_steps(ww_binder *b)
{
    const ww_plan *plan = b->plan;
    ww_bound_step *steps = ww_binder_take(b, &b->program->arena, plan->step_count, sizeof *steps);
    uint32_t *modules = ww_binder_take(b, &b->scratch, plan->instance_count, sizeof *modules);
    if (!steps || !modules) return b->status;
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
