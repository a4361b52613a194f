/* component/plan.h - a component flattened: what to do, in order, to bring one instance to life.
 *
 * Model      Nested components disappear: ww_plan_make walks the model once, instantiating
 *            components symbolically, and leaves a list of steps over flat, numbered things:
 *
 *              module    a core module, once however often it is instantiated; its start section
 *                        is taken out and the function exported under WW_START_EXPORT
 *              instance  a core instance
 *              owner     a component instance: a handle table and its may_enter, may_leave flags
 *              memory    a linear memory that some canonical option names
 *              slot      an entry of the thunk module's function table: a realloc, a post-return,
 *                        a destructor, a lifted callee, what stands behind a shim's entry
 *              site      a core function that a canonical definition makes: lowered import,
 *                        component-to-component call, resource builtin, forwarder
 *              lift      a component function that a component implements
 *              resource  a resource type at run time
 *
 *            Sites and lifts are functions of one generated module (component/thunk.h), which is
 *            instantiated before all others, so that every core import is known when its module
 *            is made. What a site needs from later instances (memory, realloc, callee) it reaches
 *            through memories and slots at call time; before that it traps as the call of a null
 *            table entry would.
 * Order      Steps run in the order of the binary's definitions, each when the one before is done.
 * Ownership  The plan lives in the arena it was made in, borrows the model and the bytes.
 * Bounds     component/limits.h, on the flattened counts, before anything is allocated for them.
 * Threads    Immutable when made; any thread.
 * Trust      The model is validated: what it promises is relied upon.
 */
#pragma once
#include "component/model.h"
#include "component/type.h"

#define WW_START_EXPORT "ww:start"

typedef struct ww_plan_options {
    uint8_t encoding;
    uint32_t memory;      /* memory index or WW_NONE */
    uint32_t realloc;     /* slot or WW_NONE */
    uint32_t post_return; /* slot or WW_NONE; lifts only */
} ww_plan_options;

/* A function type where it is used: resources[i] is the plan's resource for an own or borrow of
 * resource index i (ww_type.resource). */
typedef struct ww_plan_type {
    const ww_func_type *func;
    const uint32_t *resources; /* NULL if the type has no handles */
} ww_plan_type;

typedef struct ww_plan_module {
    const ww_core_module *source; /* NULL: imported */
    uint32_t import;              /* imported core module: index into imports[]; else WW_NONE */
    const ww_module_type *type;   /* what it is known by: its own, or the one asked for */
} ww_plan_module;

typedef struct ww_plan_owner {
    uint32_t parent; /* owner or WW_NONE for the root */
} ww_plan_owner;

typedef enum ww_site_kind {
    WW_SITE_IMPORT, /* target: imports[] */
    WW_SITE_CALL,   /* target: lifts[] */
    WW_SITE_NEW,    /* target: resources[] */
    WW_SITE_REP,
    WW_SITE_DROP,
    WW_SITE_CONTEXT_GET, /* target: context slot 0 or 1 */
    WW_SITE_CONTEXT_SET,
    WW_SITE_FORWARD, /* target: slot; stands in for a shim function of type core */
} ww_site_kind;

typedef struct ww_plan_site {
    uint8_t kind;
    uint32_t owner; /* whose handle table and flags */
    uint32_t target;
    ww_plan_type type; /* IMPORT and CALL */
    ww_plan_options options;
    ww_core_type core; /* of the function the guest sees */
} ww_plan_site;

typedef struct ww_plan_lift {
    uint32_t owner;
    uint32_t callee; /* slot */
    ww_plan_type type;
    ww_plan_options options;
} ww_plan_lift;

typedef struct ww_plan_resource {
    uint32_t owner;  /* implementing component instance; WW_NONE: the host's */
    uint32_t dtor;   /* slot or WW_NONE; the guest's destructor, (i32) -> () */
    uint32_t import; /* host's: index into imports[] */
} ww_plan_resource;

/* What the component needs from outside. `path` is the chain of instance names down to the item
 * ("wasi:io/streams@0.2.0", or "host", "nested"); empty for an item imported at the root. */
typedef struct ww_plan_import {
    uint8_t kind; /* ww_plan_import_kind */
    uint32_t path_length;
    const ww_view *path;
    ww_view name;
    ww_plan_type type;            /* functions */
    uint32_t resource;            /* resources: index into resources[] */
    const ww_module_type *module; /* core modules: the type asked for */
} ww_plan_import;

typedef enum ww_plan_import_kind {
    WW_IMPORT_FUNC,
    WW_IMPORT_RESOURCE,
    WW_IMPORT_MODULE,
    WW_IMPORT_INSTANCE /* what it must hold follows; an empty one may be absent */
} ww_plan_import_kind;

typedef enum ww_plan_ref_kind { WW_REF_EXPORT, WW_REF_SITE } ww_plan_ref_kind;

/* Where a core item comes from. */
typedef struct ww_plan_ref {
    ww_plan_ref_kind kind;
    uint32_t instance; /* EXPORT: core instance; SITE: site */
    ww_view name;      /* EXPORT: the export's name; resolved to an index once per program */
} ww_plan_ref;

typedef enum ww_plan_step_kind {
    WW_STEP_INSTANTIATE, /* module -> instance, with refs; runs no guest code */
    WW_STEP_START,       /* calls ref, a function () -> (), on the fiber */
    WW_STEP_MEMORY,      /* memories[index] = ref */
    WW_STEP_SLOT,        /* slot index = ref, a function of type core */
    WW_STEP_RESOURCE,    /* resources[index] comes to life (a fresh identity) */
} ww_plan_step_kind;

typedef struct ww_plan_step {
    ww_plan_step_kind kind;
    uint32_t index, module;
    uint32_t ref_count;
    const ww_plan_ref *refs; /* in the module's import order; one ref for all others but RESOURCE */
} ww_plan_step;

/* The root's exports, a tree. */
typedef struct ww_plan_export {
    ww_view name;
    uint32_t lift;                /* of a function; else WW_NONE */
    const ww_core_module *module; /* of a core module that stands in the component; else NULL */
    uint32_t child_count;
    const struct ww_plan_export *children;
} ww_plan_export;

typedef struct ww_plan {
    const ww_plan_module *modules;
    const ww_plan_owner *owners;
    const ww_plan_site *sites;
    const ww_plan_lift *lifts;
    const ww_plan_resource *resources;
    const ww_plan_import *imports;
    const ww_plan_step *steps;
    const ww_plan_export *exports;
    const ww_core_type *slots; /* core type of each table entry */
    uint32_t module_count, owner_count, site_count, lift_count, resource_count, import_count,
        step_count, export_count, slot_count, instance_count, memory_count;
} ww_plan;

/* What is to be compiled of `module`: its bytes, or without its start section, written to
 * `scratch`. E_UNSUPPORTED if it exports WW_START_EXPORT itself. Only whole sections are looked at.
 */
WW_MUST_USE ww_status ww_plan_module_bytes(const ww_core_module *module, ww_buf *scratch,
                                           ww_view *out, ww_diag *diag);

/* E_LIMIT, E_UNSUPPORTED (a root that imports or exports a component, ...), E_MEMORY. */
WW_MUST_USE ww_status ww_plan_make(const ww_model *model, ww_arena *arena, const ww_plan **out,
                                   ww_diag *diag);
