/* component/handle.h - the table of handles of one component instance.
 *
 * Model      A handle is an index; index 0 is never valid. The index that was given back last is
 *            given out first, else the next new one: guests see these numbers, and the Component
 *            Model fixes them. An entry is an own handle, or a borrow handle that lives in the scope
 *            of one call. `lends` counts the running calls that an own handle, or a borrow handle,
 *            was lent to; while it is not 0 the entry stays.
 * Ownership  The table owns its entries, not what `rep` stands for.
 * Bounds     At most WW_MAX_HANDLES live entries. Finding costs one comparison.
 * Threads    The thread of the store.
 * Trust      Indices come from guests: ww_handles_find checks them.
 */
#pragma once
#include "component/host.h"
#include "component/limits.h"

typedef struct ww_handle {
    const ww_resource_type *type; /* NULL: free */
    uint64_t rep;                 /* free: the next free index, or 0 */
    uint64_t born;                /* order of making in the whole instance, for the teardown */
    uint32_t lends;
    uint32_t scope; /* 0: own; else depth of the call that a borrow handle ends with */
} ww_handle;

typedef struct ww_handles {
    const ww_allocator *allocator;
    ww_handle *entries; /* [0] is no entry */
    uint32_t size, capacity;
    uint32_t first_free, live;
} ww_handles;

static inline ww_handle *ww_handles_find(const ww_handles *handles, uint32_t index)
{
    if (WW_UNLIKELY(index >= handles->size || !handles->entries[index].type)) return NULL;
    return &handles->entries[index];
}

void ww_handles_init(ww_handles *handles, const ww_allocator *allocator);
void ww_handles_deinit(ww_handles *handles);

/* The index, or 0 when the table is full or there is no memory. */
uint32_t ww_handles_add(ww_handles *handles, const ww_resource_type *type, uint64_t rep,
                        uint32_t scope, uint64_t born);

/* `index` is one of a live entry. */
void ww_handles_remove(ww_handles *handles, uint32_t index);
