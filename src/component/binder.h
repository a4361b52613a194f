/* component/binder.h - a program in the making. Only program*.c include it.
 *
 * Model      ww_program_new runs the stages in this order; each fills its part of the program.
 * Errors     A status and the diag; the program is then given back as far as it got.
 */
#pragma once
#include "component/linker.h"
#include "component/program.h"
#include "component/thunk.h"

/* What an import of the plan is bound to. */
typedef struct ww_bound_import {
    const ww_bound_interface *interface;
    const ww_host_func *func;
    const ww_core_module *module;
} ww_bound_import;

typedef struct ww_binder {
    ww_program *program;
    const ww_plan *plan;
    const ww_linker *linker;
    ww_compiler compiler;
    ww_arena scratch; /* gone when the program is made */
    const ww_bound_import *imports;
    const ww_core_module **sources; /* of the plan's modules, those from the host included */
    ww_diag *diag;
    ww_status status; /* why ww_binder_take answered NULL */
} ww_binder;

/* Zeroed; NULL with status and diag filled. */
void *ww_binder_take(ww_binder *b, ww_arena *arena, size_t count, size_t size);

/* program_import.c: imports, resources. E_MISSING, E_MISMATCH, E_UNSUPPORTED. */
WW_MUST_USE ww_status ww_binder_imports(ww_binder *b);
/* "host/nested" of the path of an import; NULL data: no memory. */
ww_view ww_binder_path(ww_binder *b, ww_arena *arena, uint32_t count, const ww_view *path);

/* program_module.c: reads a core module that the host offers, and compares it with what the component
 * asked for; compiles core modules and turns names of core exports into indices. */
WW_MUST_USE ww_status ww_binder_read_offered(ww_binder *b, const ww_plan_import *import,
                                             ww_view wasm, const ww_core_module **out);
WW_MUST_USE ww_status ww_binder_modules(ww_binder *b);
WW_MUST_USE ww_status ww_binder_steps(ww_binder *b);

/* program_thunk.c: sites, lifts and the module of thunks. */
WW_MUST_USE ww_status ww_binder_thunks(ww_binder *b);
