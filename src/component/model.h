/* component/model.h - a component binary as definitions, checked and typed: the input of planning.
 *
 * Model      A component is a list of definitions in binary order. Each adds at most one item to an
 *            index space (`defines`) and names what it uses by sort and index in the same
 *            component; all of that stands earlier. To instantiate a component is to walk its list
 *            once with one array per index space:
 *
 *              instantiate, bag (core or not)  make an instance out of items
 *              alias export (core or not)      takes an item out of an instance, by name
 *              alias outer                     takes an item of a lexically enclosing component
 *              lift, lower, resource builtins  make functions
 *              import                          takes what the instantiation was given, by name
 *              export                          names an item, and is that item once more
 *
 *            A nested component is a closure: instantiating it needs its list and the instance of
 *            the component its definition stands in, for its outer aliases.
 * Resources  A ww_resource is a site where a resource type comes into being: a definition, or
 *            something open that is bound when its component is instantiated. The sites of a
 *            component are numbered (`slot`), so that an instance of it has an array from slot to
 *            run-time type. A definition lists the sites it brings into being: when it has been
 *            walked, bind each as its kind says. Type items need no array of their own: the
 *            resource of item `i` of an instance is slots[types[i].of.resource->slot].
 * Types      Every function has its type with layouts done. The resource of an own or borrow
 *            (ww_type.resource) is a slot of the component in whose items the type is found: where
 *            components meet, validation has written each side's types in terms of its own sites.
 * Ownership  All of it lies in the given arena and borrows the input bytes; both must outlive it.
 * Bounds     component/limits.h; the work of checking is bounded too (WW_MAX_CHECK_STEPS).
 * Threads    Immutable when made; any thread.
 * Trust      The bytes are hostile. What ww_model_parse accepts keeps these promises: indices are
 *            in range and of the right sort; aliased exports exist; instantiations are given all
 *            that is imported, of fitting types; the core function of a lift, a realloc, a
 *            post-return and a destructor has exactly the type it must have. The insides of core
 *            modules are not looked at beyond their declarations.
 */
#pragma once
#include "component/type.h"

typedef enum ww_sort {
    WW_SORT_CORE_FUNC,
    WW_SORT_CORE_TABLE,
    WW_SORT_CORE_MEMORY,
    WW_SORT_CORE_GLOBAL,
    WW_SORT_CORE_TAG,
    WW_SORT_CORE_TYPE,
    WW_SORT_CORE_MODULE,
    WW_SORT_CORE_INSTANCE,
    WW_SORT_FUNC,
    WW_SORT_TYPE,
    WW_SORT_COMPONENT,
    WW_SORT_INSTANCE,
    WW_SORT_COUNT
} ww_sort;

const char *ww_sort_name(ww_sort sort); /* "core func" */

enum { WW_NONE = UINT32_MAX }; /* no index */

/* An item of the component at hand. */
typedef struct ww_ref {
    ww_sort sort;
    uint32_t index;
} ww_ref;

/* --- core modules ------------------------------------------------------------------------- */

/* A core value type: the byte of a number type or v128; for a reference 0x63 (nullable) or 0x64 and
 * above it, from bit 8, the byte of an abstract heap type, or WW_HEAP_CONCRETE. */
typedef uint32_t ww_core_valtype;
enum { WW_HEAP_CONCRETE = 0x100 };

typedef struct ww_core_func_type {
    uint32_t param_count, result_count;
    const ww_core_valtype *values; /* parameters, then results */
    bool opaque;                   /* not a plain function type: only the engine can compare it */
} ww_core_func_type;

typedef struct ww_core_limits {
    uint64_t min, max; /* max: UINT64_MAX without one */
    bool has_max, shared, is_64;
    uint8_t page_log2; /* of a memory: 16 if not said otherwise */
} ww_core_limits;

typedef struct ww_core_entity {
    ww_sort sort;                  /* CORE_FUNC .. CORE_TAG */
    const ww_core_func_type *func; /* func, tag */
    ww_core_limits limits;         /* table, memory */
    ww_core_valtype value;         /* table: element; global: content */
    bool mutable;                  /* global */
} ww_core_entity;

typedef struct ww_core_import {
    ww_view module, name;
    ww_core_entity type;
} ww_core_import;

typedef struct ww_core_export {
    ww_view name;
    ww_core_entity type;
    uint32_t index; /* in the index space of its sort, of a module that is there; otherwise 0 */
} ww_core_export;

/* Of a module, in its order; or of a core instance. by_name: indices into items, for finding. */
typedef struct ww_core_exports {
    uint32_t count;
    const ww_core_export *items;
    const uint32_t *by_name;
} ww_core_exports;

const ww_core_export *ww_core_exports_find(const ww_core_exports *exports, ww_view name);

/* What a core module needs and gives: of a module that is there, or one that is imported. */
typedef struct ww_module_type {
    uint32_t import_count;
    const ww_core_import *imports; /* in the order of the module */
    ww_core_exports exports;
} ww_module_type;

/* A core module that stands in the component. */
typedef struct ww_core_module {
    uint32_t index; /* in ww_model.modules */
    ww_view bytes;
    ww_module_type type;
    uint32_t start;                                 /* function index, or WW_NONE */
    ww_view start_section, export_section;          /* whole, with their headers; empty if absent */
    uint32_t func_count, table_count, memory_count; /* imported ones included */
} ww_core_module;

/* --- component types ---------------------------------------------------------------------- */

typedef struct ww_component ww_component;
typedef struct ww_instance_type ww_instance_type;
typedef struct ww_component_type ww_component_type;
typedef struct ww_resource ww_resource;

typedef enum ww_type_item_kind {
    WW_ITEM_VALUE,
    WW_ITEM_RESOURCE,
    WW_ITEM_FUNC,
    WW_ITEM_INSTANCE,
    WW_ITEM_COMPONENT
} ww_type_item_kind;

/* A type as an item. */
typedef struct ww_type_item {
    ww_type_item_kind kind;
    uint32_t depth, size; /* of nested types; nodes, counted along every path */
    uint32_t name;        /* resource: which of its names this is; matters to validation only */
    bool has_borrow;
    union {
        const ww_type *value;
        const ww_func_type *func;
        const ww_instance_type *instance;
        const ww_component_type *component;
        const ww_resource *resource;
    } of;
} ww_type_item;

/* The type of an import or export; `sort` decides: FUNC, INSTANCE, COMPONENT: an item of type
 * `type`; TYPE: the type itself; CORE_MODULE: `module`. */
typedef struct ww_extern_type {
    ww_sort sort;
    ww_type_item type;
    const ww_module_type *module;
} ww_extern_type;

typedef struct ww_extern_name {
    ww_view name;           /* "wasi:io/streams@0.2.0", "[method]pollable.ready", "run" */
    ww_view version_suffix; /* with `name` the full version; mostly empty, as are the next */
    ww_view implements, external_id;
} ww_extern_name;

typedef struct ww_extern {
    ww_extern_name name;
    ww_extern_type type;
} ww_extern;

/* Of one scope, in order; by_name: indices into items, for finding. */
typedef struct ww_externs {
    uint32_t count;
    const ww_extern *items;
    const uint32_t *by_name;
} ww_externs;

const ww_extern *ww_externs_find(const ww_externs *externs, ww_view name); /* NULL if absent */

/* A resource that a type leaves open, and the type export (of an export ...) that tells which one
 * it is. */
typedef struct ww_open_resource {
    const ww_resource *resource;
    uint32_t path_count;
    const ww_view *path;
} ww_open_resource;

struct ww_instance_type {
    ww_externs exports;
    uint32_t open_count; /* none in the type of an instance that exists */
    const ww_open_resource *open;
};

struct ww_component_type {
    ww_externs imports, exports;
    /* Bound by the arguments, and new with every instance. Paths begin with the import or export.
     */
    uint32_t open_import_count, open_export_count;
    const ww_open_resource *open_imports, *open_exports;
};

/* --- definitions -------------------------------------------------------------------------- */

typedef enum ww_def_kind {
    WW_DEF_CORE_MODULE,
    WW_DEF_CORE_INSTANTIATE,
    WW_DEF_CORE_BAG,
    WW_DEF_CORE_TYPE,
    WW_DEF_COMPONENT,
    WW_DEF_INSTANTIATE,
    WW_DEF_BAG,
    WW_DEF_ALIAS_EXPORT,
    WW_DEF_ALIAS_CORE_EXPORT,
    WW_DEF_ALIAS_OUTER,
    WW_DEF_TYPE,
    WW_DEF_LIFT,
    WW_DEF_LOWER,
    WW_DEF_RESOURCE_NEW,
    WW_DEF_RESOURCE_DROP,
    WW_DEF_RESOURCE_REP,
    WW_DEF_CONTEXT_GET,
    WW_DEF_CONTEXT_SET,
    WW_DEF_IMPORT,
    WW_DEF_EXPORT,
} ww_def_kind;

/* An argument of an instantiation, or an export of a bag. */
typedef struct ww_named_ref {
    ww_view name;
    ww_ref ref;
} ww_named_ref;

typedef enum ww_encoding { WW_UTF8, WW_UTF16, WW_LATIN1_UTF16 } ww_encoding;

typedef struct ww_canon_options {
    ww_encoding encoding;
    uint32_t memory;               /* core memory, or WW_NONE */
    uint32_t realloc, post_return; /* core funcs, or WW_NONE */
} ww_canon_options;

typedef struct ww_def {
    ww_def_kind kind;
    ww_ref defines;
    size_t offset;                   /* in the binary of the root component */
    uint32_t slot_first, slot_count; /* the resource sites it brings into being */
    union {
        const ww_core_module *module;
        const ww_component *component;
        struct {             /* core or component */
            uint32_t target; /* index of the module or component */
            uint32_t arg_count;
            const ww_named_ref *args; /* of a core one: core instances */
        } instantiate;
        struct { /* core or component */
            uint32_t count;
            const ww_named_ref *exports;
        } bag;
        struct {
            uint32_t instance;
            ww_view name;
        } alias; /* of an export, core or component */
        struct {
            uint32_t levels; /* how many components out; 0 is this one */
            uint32_t index;  /* of the same sort as what it defines */
        } outer;
        struct {
            uint32_t func;            /* lift: core func; lower: func */
            const ww_func_type *type; /* in terms of this component's resources */
            ww_canon_options options;
        } canon;
        const ww_resource *resource; /* resource new, drop, rep; a type that defines one, or NULL */
        uint32_t context;            /* 0 or 1: the word that is got or set */
        const ww_extern *import;
        struct {
            const ww_extern *as; /* its type is that of the ascription, if there is one */
            ww_ref ref;          /* the item that is exported */
        } export;
    } of;
} ww_def;

struct ww_component {
    uint32_t index;             /* in ww_model.components */
    const ww_component *parent; /* that its definition stands in; NULL for the root */
    ww_view bytes;
    const ww_component_type *type;
    uint32_t def_count, import_count, export_count;
    const ww_def *defs;
    const ww_def *const *imports; /* those of defs, in order */
    const ww_def *const *exports;
    uint32_t slot_count;
    const ww_resource *const *resources; /* by slot */

    /* The index spaces: how large they are when all definitions were walked, and types of items. */
    uint32_t space_size[WW_SORT_COUNT];
    const ww_type_item *types;
    const ww_func_type *const *funcs;
    const ww_instance_type *const *instances;
    const ww_component_type *const *components;
    const ww_core_func_type *const *core_funcs;
};

typedef enum ww_resource_kind {
    WW_RESOURCE_DEFINED,  /* by its component: a new type for every instance */
    WW_RESOURCE_GIVEN,    /* by the arguments, or by a nested instance: `from` and `path` */
    WW_RESOURCE_SAME,     /* as `same`, under a name of its own */
    WW_RESOURCE_OF_A_TYPE /* only spoken of in a type: nothing to bind */
} ww_resource_kind;

struct ww_resource {
    ww_resource_kind kind;
    uint32_t id;               /* in the order of the binary */
    const ww_component *owner; /* the component whose instances bind it */
    uint32_t slot;             /* in such an instance; WW_NONE if OF_A_TYPE */
    uint32_t dtor;             /* DEFINED: core func of the owner, or WW_NONE */
    const ww_resource *same;   /* SAME: of the same owner */
    ww_ref from; /* GIVEN: an instance; or a type that is imported, then `path` is empty */
    uint32_t path_count;
    const ww_view *path; /* names of exports: of `from`, of that export, ... down to a type */
};

typedef struct ww_model {
    const ww_component *root;
    uint32_t component_count, module_count;
    const ww_component *const *components; /* root and nested ones */
    const ww_core_module *const *modules;
} ww_model;

/* Parses and validates a component. Borrows `bytes` and `arena` for the life of the model; on
 * failure the arena keeps what was taken from it and *out is NULL. E_INVALID names the byte and the
 * cause (a core module gets the line that says how to make a component of it), E_UNSUPPORTED the
 * feature, E_LIMIT the limit; E_MEMORY. */
WW_MUST_USE ww_status ww_model_parse(ww_view bytes, ww_arena *arena, const ww_model **out,
                                     ww_diag *diag);
