/* component/planner.h - the inside of ww_plan_make: what stands for the items of a component while
 * it is walked. Only plan*.c include it.
 *
 * Model      A frame is a component instance in the making: one array per index space, filled as
 *            its definitions are walked. Instantiating a nested component pushes a frame; at its
 *            end its exports become an instance value in the frame below. Nothing recurses.
 * Ownership  Frames and values live in a scratch arena that goes when the plan is made; growing
 *            lists are buffers, copied into the plan's arena at the end.
 * Errors     The first failure stays in planner.status; functions that can fail answer false.
 */
#pragma once
#include "component/limits.h"
#include "component/plan.h"

typedef struct ww_frame ww_frame;

/* A core module as it is passed around; it gets its number when it is first instantiated. */
typedef struct ww_module_value {
    ww_plan_module plan;
    uint32_t number;
} ww_module_value;

/* A pair of modules that exists only to break a cycle, see plan_shim.c. Of a component. */
typedef struct ww_shim {
    const ww_def *shim, *fixup; /* their instantiations; NULL: the component has none */
    uint32_t entry_count;
    struct ww_shim_entry *entries; /* by table index */
    uint32_t start;                /* core func that the fixup starts, or WW_NONE */
} ww_shim;

/* A core instance: of a module, a bag, or a shim that is not there. */
typedef struct ww_core_value {
    const ww_module_type *type; /* of the module; NULL: a bag */
    uint32_t number;            /* of a module's instance */
    uint32_t *numbers; /* by export, of a shim by entry: the slot or memory, or WW_NONE; NULL until
                          one is asked for */
    ww_frame *frame;   /* of a bag and of a shim: where it was made */
    const ww_def *bag;
    const uint32_t *by_name; /* of bag->of.bag.exports */
    const ww_shim *shim;
    struct ww_shim_made *made;
} ww_core_value;

/* A core func, table, memory, global or tag. */
typedef struct ww_core_item {
    ww_core_value *instance; /* of a module or a shim; NULL: a site */
    uint32_t index;          /* export of the module's type, or site */
} ww_core_item;

/* A component and the instance of the component that its definition stands in. */
typedef struct ww_closure {
    const ww_component *component;
    ww_frame *scope;
} ww_closure;

typedef struct ww_instance_value ww_instance_value;

typedef enum ww_item_kind {
    WW_VALUE_NONE,
    WW_VALUE_LIFT,   /* index: lift */
    WW_VALUE_IMPORT, /* index: import, a function */
    WW_VALUE_TYPE,   /* index: resource, or WW_NONE */
    WW_VALUE_MODULE,
    WW_VALUE_COMPONENT,
    WW_VALUE_INSTANCE,
} ww_item_kind;

typedef struct ww_item {
    ww_item_kind kind;
    uint32_t index;
    union {
        ww_module_value *module;
        const ww_closure *component;
        const ww_instance_value *instance;
    } of;
} ww_item;

struct ww_instance_value {
    const ww_externs *externs;
    ww_item *items; /* one per extern */
};

struct ww_frame {
    ww_frame *caller; /* NULL: the root */
    ww_frame *scope;  /* of the component the definition stands in */
    const ww_component *component;
    const ww_def *instantiate; /* the caller's definition */
    const uint32_t *args_by_name;
    uint32_t next;       /* definition */
    uint32_t owner;      /* WW_NONE until something needs one */
    uint32_t *resources; /* by slot of the component; in the plan's arena */
    ww_item *items[WW_SORT_COUNT];
    ww_core_item *core_items[WW_SORT_COUNT];
    ww_core_value **core_instances;
    ww_instance_value result;
};

typedef struct ww_planner {
    const ww_model *model;
    ww_arena *arena;  /* the plan's */
    ww_arena scratch; /* gone at the end */
    ww_diag *diag;
    ww_status status;
    ww_buf modules, owners, sites, lifts, resources, imports, steps, slots;
    ww_buf site_slots;              /* by site: the slot it stands in, or WW_NONE */
    ww_module_value *module_values; /* by index in the model */
    const ww_shim **shims;          /* by index of the component; NULL until looked for */
    uint32_t instance_count, memory_count, component_count;
    uint64_t walked; /* definitions */
} ww_planner;

/* Remembers the first failure; answers false. */
bool ww_planner_fail(ww_planner *p, ww_status status, const char *format, ...) WW_PRINTF(3, 4);

/* Zeroed memory; NULL with the status set. */
void *ww_planner_take(ww_planner *p, ww_arena *arena, size_t count, size_t size);

/* Appends to one of the lists; *index, which may be NULL, is its number there. */
bool ww_planner_push(ww_planner *p, ww_buf *list, const void *item, size_t size, uint32_t *index);

/* Sorts by name: indices into `refs`. */
const uint32_t *ww_planner_sort(ww_planner *p, const ww_named_ref *refs, uint32_t count);
const ww_ref *ww_planner_find(const ww_named_ref *refs, const uint32_t *by_name, uint32_t count,
                              ww_view name);

ww_item ww_frame_item(const ww_frame *frame, ww_ref ref);
const ww_item *ww_instance_value_find(const ww_instance_value *instance, ww_view name);
bool ww_planner_owner(ww_planner *p, ww_frame *frame, uint32_t *owner);

/* --- plan_core.c: core instances and canonical definitions --- */

bool ww_planner_core_instantiate(ww_planner *p, ww_frame *frame, const ww_def *def);
bool ww_planner_core_bag(ww_planner *p, ww_frame *frame, const ww_def *def);
bool ww_planner_core_alias(ww_planner *p, ww_frame *frame, const ww_def *def);
bool ww_planner_lift(ww_planner *p, ww_frame *frame, const ww_def *def);
bool ww_planner_lower(ww_planner *p, ww_frame *frame, const ww_def *def);
bool ww_planner_builtin(ww_planner *p, ww_frame *frame, const ww_def *def);
bool ww_planner_resource(ww_planner *p, ww_frame *frame, const ww_resource *resource,
                         uint32_t *index);

/* Tells where an item comes from, now or, for a shim's entry, when it is filled. `out` stays where
 * it is: it lies in the plan's arena. */
bool ww_planner_ref(ww_planner *p, ww_core_item item, ww_plan_ref *out);
bool ww_planner_slot(ww_planner *p, ww_core_item item, const ww_core_type *type, uint32_t *slot);
bool ww_planner_ref_step(ww_planner *p, ww_plan_step_kind kind, uint32_t index, ww_core_item item);
bool ww_planner_site(ww_planner *p, ww_frame *frame, ww_plan_site *site, uint32_t *index);

/* --- plan_shim.c: doing without a shim --- */

/* What there is of it in a component; NULL after a failure. */
const ww_shim *ww_planner_shim(ww_planner *p, const ww_component *component);
bool ww_planner_shim_make(ww_planner *p, ww_frame *frame, const ww_def *def);
bool ww_planner_shim_fill(ww_planner *p, ww_frame *frame, const ww_def *def);
/* Table index of a shim's item. */
uint32_t ww_shim_entry_of(ww_core_item item);
bool ww_planner_shim_ref(ww_planner *p, ww_core_item item, ww_plan_ref *out);

/* --- plan_extern.c: what the root takes and gives --- */

bool ww_planner_import(ww_planner *p, ww_frame *root, const ww_def *def);
bool ww_planner_exports(ww_planner *p, ww_frame *root, ww_plan *plan);
