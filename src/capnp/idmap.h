/* capnp/idmap.h - a map from 32-bit numbers that a peer chose to our pointers. Private to src/capnp.
 *
 * Bounds     At most `count_max` entries, and no run of probes longer than IDMAP_PROBES_MAX: numbers chosen to collide
 *            are refused like too many.
 */
#pragma once
#include "base/alloc.h"

enum { CAPNP_IDMAP_PROBES_MAX = 64 };

typedef struct capnp_idmap {
    const ww_allocator *allocator;
    struct capnp_idmap_slot {
        uint32_t id;
        void *value; /* NULL: free */
    } * slots;
    uint32_t capacity, count, count_max; /* capacity: a power of two, or 0 */
} capnp_idmap;

void capnp_idmap_init(capnp_idmap *map, const ww_allocator *allocator, uint32_t count_max);
void capnp_idmap_deinit(capnp_idmap *map);
void *capnp_idmap_find(const capnp_idmap *map, uint32_t id); /* NULL when absent */
/* `id` is absent. E_LIMIT as said above, E_MEMORY. */
WW_MUST_USE ww_status capnp_idmap_add(capnp_idmap *map, uint32_t id, void *value);
void capnp_idmap_remove(capnp_idmap *map, uint32_t id);
/* Any entry's value, NULL when empty: for emptying it. */
void *capnp_idmap_any(const capnp_idmap *map, uint32_t *id);
