/* component/program.h - the inside of a program: what instance.c walks to bring one instance to
 * life, and the host functions that stand behind sites and lifts.
 *
 * Model      program.c makes it out of a plan: core modules are compiled, names of core exports are
 *            indices, every import has its host function, and one generated module
 *            (component/thunk.h) is linked with all of them. An instance is made by
 *            ww_store_instantiate_link(thunks) and then the steps in order. There is one thunk per
 *            site, then one per lift.
 * Ownership  All of it belongs to the program and lives as long.
 * Threads    Immutable once made; the count of references is atomic.
 */
#pragma once
#include "component/instance.h"

/* A core item of an instance that is being made. */
typedef struct ww_bound_ref {
    uint32_t instance; /* core instance, or WW_NONE: the thunk module */
    uint32_t index;    /* of the export, or of the thunk */
} ww_bound_ref;

typedef struct ww_bound_step {
    ww_plan_step_kind kind;
    uint32_t index; /* INSTANTIATE: core instance; MEMORY, SLOT and RESOURCE: which one */
    const ww_module *module;
    uint32_t ref_count;
    const ww_bound_ref *refs; /* INSTANTIATE: imports; START, MEMORY and SLOT: one */
} ww_bound_step;

/* What the host functions of a lift get as `env`. */
typedef struct ww_lift {
    const ww_plan_lift *plan;
    const struct ww_program *program;
    uint32_t index;
} ww_lift;

struct ww_export {
    ww_view interface, name; /* "" at the root; "outer/inner" for nested instances */
    const ww_lift *lift;     /* NULL: a core module */
    ww_view module;
};

struct ww_program {
    const ww_allocator *allocator;
    uint32_t refs;
    ww_arena arena; /* all that follows and the plan; the component's bytes too */
    ww_engine *engine;
    const ww_plan *plan;
    ww_module **modules; /* of plan->modules; NULL for one that is never instantiated */
    ww_module *thunk_module;
    ww_link *thunks;
    const ww_site *sites;
    const ww_lift *lifts;
    /* The host's type of each of plan->resources; NULL for a guest's: made with the instance. */
    const ww_resource_type *const *resources;
    const ww_bound_step *steps;
    uint32_t step_count, export_count;
    const ww_export *exports;
    ww_program_stats stats;
};

static inline uint32_t ww_program_thunk_count(const ww_program *program)
{
    return program->plan->site_count + program->plan->lift_count;
}

/* The host functions behind the thunk module's imports; `env` is a const ww_site * if not said
 * otherwise. Those called "begin" and "resume" answer (op, v, w), see component/thunk.h. */
ww_host_fn ww_entry_dynamic;       /* IMPORT of a dynamic function that needs no thunk */
ww_host_fn ww_entry_dynamic_begin; /* and of one that does */
ww_host_fn ww_entry_call_begin;    /* CALL */
ww_host_fn ww_entry_call_args;     /* the callee's core parameters */
ww_host_fn ww_entry_resource_new;
ww_host_fn ww_entry_resource_rep;
ww_host_fn ww_entry_resource_drop;       /* of a type without a guest's destructor */
ww_host_fn ww_entry_resource_drop_begin; /* of one with a destructor: DROP, then DONE */
ww_host_fn ww_entry_context_get;
ww_host_fn ww_entry_context_set;
ww_host_fn ww_entry_lift_begin; /* env: const ww_lift * */
ww_host_fn ww_entry_lift_args;  /* env: const ww_lift * */
ww_host_fn ww_entry_resume;     /* env: const ww_program * */
