/* component/core.h - what core modules declare: reading it, and comparing it.
 *
 * Model      Of a module only the declarations are read: types, imports, the types of functions,
 *            tables, memories, globals and tags, exports, start. Bodies and segments are skipped;
 *            the engine validates them. Types of the garbage collection proposal are read past;
 *            where a comparison would need them, it says yes and leaves the answer to the engine,
 *            which checks every link again.
 * Ownership  Results lie in the arena and borrow the bytes.
 */
#pragma once
#include "component/model.h"
#include "component/reader.h"

/* A growing array in an arena. */
typedef struct ww_vec {
    void *items;
    uint32_t count, capacity;
} ww_vec;

/* A new zeroed item at the end, or NULL: no memory. */
void *ww_vec_push(ww_vec *vec, ww_arena *arena, size_t item_size);

typedef struct ww_core_type_def {
    const ww_core_func_type *func;
    const ww_module_type *module; /* only in a component's index space */
} ww_core_type_def;

/* Reads one rectype (all that may follow in a type section) and appends its types,
 * ww_core_type_def each. */
void ww_core_read_rectype(ww_reader *r, ww_arena *arena, ww_vec *types);

/* Reads an externtype, or what follows the kind of one; `types` are the module's,
 * ww_core_type_def each. */
void ww_core_read_extern(ww_reader *r, const ww_vec *types, ww_core_entity *out);
void ww_core_read_entity(ww_reader *r, ww_sort sort, const ww_vec *types, ww_core_entity *out);

/* Reads a whole module, without its code. `index` is the caller's. */
void ww_core_read_module(ww_reader *r, ww_arena *arena, ww_arena *scratch, ww_core_module *out);

/* Copies what was collected (ww_core_import, ww_core_export) and makes it findable. Fails on two
 * exports of one name, and on two imports of one name from one module, which no instantiation
 * could tell apart. */
void ww_core_make_module_type(ww_reader *r, ww_arena *arena, ww_arena *scratch,
                              const ww_vec *imports, const ww_vec *exports, ww_module_type *out);
void ww_core_make_exports(ww_reader *r, ww_arena *arena, ww_arena *scratch, const ww_vec *exports,
                          ww_core_exports *out);

/* May an `a` stand where a `b` is wanted? */
bool ww_core_entity_fits(const ww_core_entity *a, const ww_core_entity *b);

/* How much there is to compare. */
uint32_t ww_core_entity_steps(const ww_core_entity *entity);
uint64_t ww_core_module_steps(const ww_module_type *type);

/* For module types: `a` may import less and export more than `b`. If not, `why` says it. */
bool ww_core_module_fits(ww_arena *scratch, const ww_module_type *a, const ww_module_type *b,
                         ww_diag *why);
