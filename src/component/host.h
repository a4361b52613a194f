/* component/host.h - how the host offers functions and resources to components.
 *
 * Model      An interface is a named table of functions with types, and of resources. Two sorts of
 *            functions:
 *
 *              generated  `entry` decodes raw slots itself and calls a typed C function (gen/wit)
 *              dynamic    `call` receives the parameters as one struct in host layout
 *                         (component/type.h)
 *
 *            A linker holds interfaces by name and version track and is shared by all programs that
 *            bind to it.
 * Types      A component's function fits the host's if parameters and result have the same types,
 *            labels and resources included. Names of parameters do not count.
 * Versions   `wasi:*` names of one 0.2 track are one interface: any 0.2.x import binds to the
 *            highest 0.2.y offered, and so shares its resource types. Every other name matches
 *            exactly.
 * Ownership  The linker borrows the tables, which live in static storage or outlive it.
 * Threads    Read-only after the last ww_linker_add.
 */
#pragma once
#include "component/plan.h"

typedef struct ww_call ww_call;

/* A resource type; its address is its identity. Host types are static; guest types are made per
 * component instance. */
typedef struct ww_resource_type {
    const char *name;
    /* The last handle is gone and the host owns `rep` again; NULL: nothing to do. May refuse: the
     * guest traps. */
    ww_status (*drop)(ww_call *call, uint64_t rep);
    /* Generated: the same when a guest gives its handle up by resource.drop. NULL: `drop`. */
    ww_status (*entry)(ww_call *call, uint64_t rep);
    const void *policy; /* for `entry`: the drop's policy row */
    /* Guest types: */
    uint32_t owner; /* component instance that implements it, or WW_NONE */
    uint32_t dtor;  /* slot, or WW_NONE */
} ww_resource_type;

/* WW_OK: `result` is filled. WW_AGAIN: the function has set call->resume and seen to it that the
 * cell is woken; the parameters stay valid. WW_E_TRAP: ww_call_fail said why. Everything that
 * `result` points to must live until the call ends: take it from ww_call_scratch, or own it
 * elsewhere. */
typedef ww_status ww_dynamic_fn(ww_call *call, const void *params, void *result);
typedef ww_status ww_resume_fn(ww_call *call, void *result);

typedef struct ww_host_func {
    const char *name; /* as in the component: "[method]input-stream.read" */
    const ww_func_type *type;
    ww_host_fn *entry;   /* generated; NULL: the common entry lifts and calls `call` */
    ww_dynamic_fn *call; /* dynamic */
    bool may_wait; /* may answer WW_AGAIN: bound through a thunk, as is all that allocates in the
                      guest */
    const void *policy; /* for `entry`: the function's policy row */
} ww_host_func;

/* A function that waits or allocates in the guest is bound through a thunk: `entry` is a begin. */
static inline bool ww_host_func_needs_thunk(const ww_host_func *func)
{
    return func->may_wait || func->type->result_has_pointers;
}

typedef struct ww_host_interface {
    const char *name; /* "wasi:io/streams@0.2.12"; "" for items imported at the root; "host/nested"
                         for nested ones */
    const ww_host_func *funcs;
    uint32_t func_count;
    /* What own<i> and borrow<i> in the functions' types mean. Only those with a name are this
     * interface's own exports; the others are used from other interfaces. */
    const ww_resource_type *const *resources;
    uint32_t resource_count;           /* of the map */
    uint32_t exported_count;           /* the first ones of the map are exported under their name */
    const char *const *exported_names; /* or under these; NULL: their own */
} ww_host_interface;

typedef struct ww_linker ww_linker;

WW_MUST_USE ww_status ww_linker_new(const ww_allocator *allocator, ww_linker **out);
void ww_linker_free(ww_linker *linker);

/* `impl` is what generated entries call: the interface's struct of functions. E_EXISTS for the same
 * full name twice. */
WW_MUST_USE ww_status ww_linker_add(ww_linker *linker, const ww_host_interface *interface,
                                    const void *impl);
/* A core module for components that import one at the root, or, as "host/simple", from an instance.
 * Borrows both. */
WW_MUST_USE ww_status ww_linker_add_module(ww_linker *linker, const char *name, ww_view wasm);

typedef struct ww_bound_interface {
    const ww_host_interface *interface;
    const void *impl;
} ww_bound_interface;

/* Exact name first, then the track; NULL if there is none. */
const ww_bound_interface *ww_linker_find(const ww_linker *linker, ww_view name);

/* What generated entries get as `env`: one lowered import of one program. Shared by all its
 * instances. */
typedef struct ww_site {
    const ww_plan_site *plan;
    const ww_host_func *func;
    const void *impl;
    const ww_resource_type *const *resources; /* of the interface */
    const struct ww_program *program;
    uint32_t index;
} ww_site;
