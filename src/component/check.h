/* component/check.h - the state of one ww_model_parse, shared by the files that do the work.
 *
 * Model      Parsing and checking is one pass. Scopes nest: a component, or a component or instance
 *            type inside it; each has its own index spaces. Failing goes through the reader: the
 *            first failure counts, and everything after it sees nothing more to read. So most
 *            functions here return nothing and leave safe values when they fail; loops run while
 *            ww_check_ok.
 * Resources  During the check, ww_type.resource and ww_type_item.name are numbers of resource
 *            names: a pair of a resource and an alias of it. Two aliases are the same type, but
 *            only the exported one may be spoken of in an export. The end of the parse turns
 *            ww_type.resource into slots. A site can be bound to another resource for a while:
 *            comparing and substituting then take the one for the other.
 * Ownership  What the model keeps is in `arena`, the rest in `scratch`.
 * Bounds     Every visit of a type node is a step; steps are limited (WW_MAX_CHECK_STEPS), so that
 *            neither sharing of types nor a quadratic of names makes a small file expensive.
 */
#pragma once
#include "component/core.h"
#include "component/idmap.h"
#include "component/limits.h"
#include "component/model.h"
#include "component/name.h"
#include "component/reader.h"

typedef enum ww_scope_kind {
    WW_SCOPE_COMPONENT,
    WW_SCOPE_COMPONENT_TYPE,
    WW_SCOPE_INSTANCE_TYPE
} ww_scope_kind;

/* A resource that has a name among the imports or exports of a scope: "[method]r.f" must be
 * about the `r` named here. */
typedef struct ww_named_resource {
    uint32_t name; /* number of the resource name */
    ww_view label;
} ww_named_resource;

/* One direction of a scope. */
typedef struct ww_face {
    ww_vec externs;   /* ww_extern * */
    ww_vec resources; /* ww_named_resource */
    ww_idmap visible; /* keys of the types that may be spoken of */
} ww_face;

typedef struct ww_scope ww_scope;
struct ww_scope {
    ww_scope_kind kind;
    ww_scope *outer;
    ww_component *component; /* this one, or the one around */
    uint32_t site_first;     /* of a component: sites before it are not its own */
    /* Core funcs to tags: const ww_core_entity *. Core types: ww_core_type_def. Core modules: const
     * ww_module_type *. Core instances: const ww_core_exports *. All others: ww_type_item. */
    ww_vec spaces[WW_SORT_COUNT];
    ww_vec defs; /* ww_def */
    ww_face imports, exports;
    ww_vec given; /* ww_open_resource: sites that came with imports, by way of them */
    ww_vec own;   /* ww_resource *: other sites */
};

typedef struct ww_site {
    ww_resource *resource;
    const ww_resource *bound; /* what stands for it at the moment, or NULL */
} ww_site;

typedef struct ww_resource_name {
    const ww_resource *resource;
    uint32_t alias; /* 0: the one it was born with */
} ww_resource_name;

typedef struct ww_checker {
    ww_reader *r;
    size_t at; /* the definition at hand, for messages */
    ww_arena *arena, scratch;
    ww_scope *scope;
    uint64_t steps;
    uint32_t nesting, type_nesting;
    ww_vec components; /* ww_component *, as the next in the order of the binary */
    ww_vec modules;    /* ww_core_module * */
    ww_vec sites;      /* ww_site, by ww_resource.id */
    ww_vec names;      /* ww_resource_name */
    ww_idmap numbers;  /* of names, by resource id and alias */
    ww_vec handles;    /* ww_type *: every own and borrow */
    uint32_t alias_count;
    uint32_t last_component; /* index of the one that was parsed last */
    ww_diag why;             /* of the last type mismatch */
} ww_checker;

/* --- check.c: failing, memory, items ------------------------------------------------------- */

static inline bool ww_check_ok(const ww_checker *c)
{
    return c->r->status == WW_OK;
}

/* At the definition at hand. */
void ww_check_fail(ww_checker *c, ww_status status, const char *format, ...) WW_PRINTF(3, 4);

/* False when the limit is reached, or failed before. A name counts by its length. */
bool ww_check_step(ww_checker *c, uint64_t count);
bool ww_check_name_step(ww_checker *c, ww_view name);

/* NULL after failing. */
void *ww_check_alloc(ww_checker *c, size_t size);
void *ww_check_array(ww_checker *c, size_t count, size_t size);
void *ww_check_scratch(ww_checker *c, size_t count, size_t size);
void ww_check_fail_arena(ww_checker *c, const ww_arena *arena);
void *ww_check_push(ww_checker *c, ww_vec *vec, size_t size);
/* The items of a vector, in the arena. */
void *ww_check_keep(ww_checker *c, const ww_vec *vec, size_t size);
void ww_check_put(ww_checker *c, ww_idmap *map, uint64_t key, uint64_t value);

/* Appends to an index space. */
void ww_scope_add_core(ww_checker *c, ww_sort sort, const void *item);
void ww_scope_add_item(ww_checker *c, ww_sort sort, const ww_type_item *item);

/* An item by index; NULL after failing. */
const void *ww_scope_core(ww_checker *c, ww_sort sort, uint32_t index);
const ww_core_type_def *ww_scope_core_type(ww_checker *c, uint32_t index);
const ww_type_item *ww_scope_item(ww_checker *c, ww_sort sort, uint32_t index);
const ww_type_item *ww_scope_type(ww_checker *c, uint32_t index, ww_type_item_kind kind);

/* Appends a definition of a component, which defines the next item of `sort` and the next sites:
 * so call it before either is made. NULL in the scope of a type, which keeps no definitions, and
 * after failing. */
ww_def *ww_scope_define(ww_checker *c, ww_def_kind kind, ww_sort sort);

ww_scope *ww_scope_push(ww_checker *c, ww_scope_kind kind); /* NULL: too deep; then do not pop */
void ww_scope_pop(ww_checker *c);

/* --- resource.c: sites, names of resources, substitution ------------------------------------ */

/* A new site of the scope's component, or one of a type. */
ww_resource *ww_site_new(ww_checker *c, ww_resource_kind kind);
ww_type_item ww_site_item(ww_checker *c, const ww_resource *resource);

const ww_resource *ww_site_bound(const ww_checker *c, const ww_resource *resource);
const ww_resource *ww_resource_of_name(const ww_checker *c, uint32_t name);

/* The name that a resource name becomes where its resource is bound. */
uint32_t ww_name_of_bound(ww_checker *c, uint32_t name);

/* The same type under a new identity, as every import and export gives it one. */
ww_type_item ww_item_rename(ww_checker *c, const ww_type_item *item);

/* What a set of visible types holds of a type. */
uint64_t ww_item_key(const ww_type_item *item);
ww_resource *ww_site_of(const ww_checker *c,
                        const ww_resource *resource); /* the same, to be written */
uint64_t ww_value_key(const ww_type *type);           /* own and borrow: of their resource name */

/* A copy in the arena; of an own or borrow listed in `handles`, as every one must be. */
ww_type *ww_value_copy(ww_checker *c, const ww_type *type);

/* Opening a type is to bind its open resources: to what `given` has at their paths, where that
 * is a resource; or to new sites of item `from` of the scope. Save before, restore after. */
typedef const ww_resource **ww_open_undo;
ww_open_undo ww_open_save(ww_checker *c, const ww_open_resource *open, uint32_t count);
void ww_open_bind_given(ww_checker *c, const ww_open_resource *open, uint32_t count,
                        const ww_externs *given);
void ww_open_bind_new(ww_checker *c, const ww_open_resource *open, uint32_t count, ww_ref from,
                      const ww_view *import);
void ww_open_restore(ww_checker *c, ww_open_undo undo, const ww_open_resource *open,
                     uint32_t count);

/* Lists a site as the scope's: by way of an import, if that is given, or its own. */
void ww_scope_take_site(ww_checker *c, const ww_resource *site, const ww_view *import,
                        const ww_view *path, uint32_t path_count);

/* Writes bound sites into a copy of types; shares what does not change. */
typedef struct ww_subst {
    ww_checker *c;
    ww_idmap done; /* old to new; filled beforehand: types that stand for others */
    bool renames;  /* it was filled */
} ww_subst;

void ww_subst_item(ww_subst *s, ww_type_item *item);
void ww_subst_externs(ww_subst *s, ww_externs *externs);
void ww_subst_free(ww_subst *s);

/* The type of an instance that comes into being as item `from` of the scope: its open resources
 * are new sites. */
const ww_instance_type *ww_instance_type_open(ww_checker *c, const ww_instance_type *type,
                                              ww_ref from, const ww_view *import);

/* The resources that a type or externs speak of freely, as keys (id + 1) of `found`. */
void ww_free_resources_of_item(ww_checker *c, const ww_type_item *item, ww_idmap *found);
void ww_free_resources_of_externs(ww_checker *c, const ww_externs *externs, ww_idmap *found);

/* --- subtype.c ------------------------------------------------------------------------------ */

/* May an `a` stand where a `b` is wanted? If not, c->why says it. */
bool ww_extern_fits(ww_checker *c, const ww_extern_type *a, const ww_extern_type *b);

/* --- face.c: names and what they may speak of ------------------------------------------------ */

/* Reads a name with attributes. */
void ww_face_read_name(ww_checker *c, ww_extern_name *out);

/* Checks an import or export against the rules of names and of visibility, and appends it.
 * `referenced` is the type that an import or export of a type stands for. */
const ww_extern *ww_face_add(ww_checker *c, bool is_import, const ww_extern_name *name,
                             const ww_extern_type *type, const ww_type_item *referenced);

/* The rules of names alone, for an export of a bag. */
void ww_face_check_name(ww_checker *c, const ww_face *face, const ww_extern_name *name,
                        const ww_extern_type *type);

/* Appends an item of the scope to `externs` (ww_extern *), with its type. NULL after failing. */
ww_extern *ww_face_note(ww_checker *c, ww_vec *externs, ww_view name, ww_ref ref);

/* `externs` (ww_extern *) in the arena, findable; fails on names that are not strongly unique,
 * or, if `any_text`, equal. */
void ww_face_make_externs(ww_checker *c, const ww_vec *externs, bool any_text, ww_externs *out);

/* --- types.c --------------------------------------------------------------------------------- */

/* One entry of a type section, or of a core type section. */
void ww_check_type(ww_checker *c);
void ww_check_core_type(ww_checker *c);

/* A type as an item, with depth and size. */
ww_type_item ww_check_component_item(ww_checker *c, const ww_component_type *type);
ww_type_item ww_check_instance_item(ww_checker *c, const ww_instance_type *type);

/* --- extern.c: imports, exports, aliases ----------------------------------------------------- */

/* `sort` index, of a component-level item or a core item. */
ww_ref ww_check_read_ref(ww_checker *c);
ww_sort ww_check_read_core_sort(ww_checker *c);
bool ww_check_read_flag(ww_checker *c); /* a byte, 0 or 1 */

ww_extern_type ww_check_type_of(ww_checker *c, ww_ref ref);

/* What an import or export is declared to be. True: a resource type of its own, whose item is
 * not made yet. */
bool ww_check_read_extern_type(ww_checker *c, ww_extern_type *out);

/* An import, or an export declaration in a type: the scope takes the item over. */
void ww_check_declare(ww_checker *c, bool is_import, const ww_extern_name *name,
                      ww_extern_type *type, bool is_fresh);

void ww_check_import(ww_checker *c);
void ww_check_export(ww_checker *c);
void ww_check_alias(ww_checker *c);

/* --- instance.c
 * -------------------------------------------------------------------------------- */

void ww_check_core_instance(ww_checker *c);
void ww_check_instance(ww_checker *c);

/* --- canon.c
 * ------------------------------------------------------------------------------------ */

void ww_check_canon(ww_checker *c);
/* Core func `index` must be of this very type. */
void ww_check_core_func(ww_checker *c, uint32_t index, const ww_core_type *wanted,
                        const char *what);

/* --- finish.c
 * ----------------------------------------------------------------------------------- */

/* The type of a scope that was read to its end: what it leaves open, what it hides. NULL after
 * failing. */
const ww_component_type *ww_scope_finish(ww_checker *c);
