/* component/idmap.h - a small map from numbers to numbers: addresses, ids.
 *
 * Ownership  The table comes from the allocator that is passed to put, and goes back with deinit.
 * Bounds     Key 0 is not allowed. Keys are ours (addresses, numbers), not foreign.
 */
#pragma once
#include "base/alloc.h"

typedef struct ww_idmap_slot {
    uint64_t key, value;
} ww_idmap_slot;

typedef struct ww_idmap {
    ww_idmap_slot *slots;
    uint32_t count, capacity;
} ww_idmap;

bool ww_idmap_get(const ww_idmap *map, uint64_t key, uint64_t *value); /* value may be NULL */

/* Replaces. False: no memory, or 2^30 entries. */
bool ww_idmap_put(ww_idmap *map, const ww_allocator *allocator, uint64_t key, uint64_t value);
void ww_idmap_remove(ww_idmap *map, uint64_t key);
void ww_idmap_deinit(ww_idmap *map, const ww_allocator *allocator); /* also fit for a zeroed map */
