#include "capnp/idmap.h"

enum { CAPACITY_FIRST = 16 };

void capnp_idmap_init(capnp_idmap *map, const ww_allocator *allocator, uint32_t count_max)
{
    *map = (capnp_idmap){.allocator = allocator, .count_max = count_max};
}

void capnp_idmap_deinit(capnp_idmap *map)
{
    ww_free(map->allocator, map->slots, map->capacity * sizeof *map->slots);
    map->slots = NULL;
    map->capacity = map->count = 0;
}

static uint32_t home(const capnp_idmap *map, uint32_t id)
{
    uint32_t hash = (id ^ id >> 15) * 0x9e3779b1u;
    return (hash ^ hash >> 13) & (map->capacity - 1);
}

static struct capnp_idmap_slot *lookup(const capnp_idmap *map, uint32_t id)
{
    if (!map->capacity) return NULL;
    for (uint32_t i = home(map, id);; i = (i + 1) & (map->capacity - 1)) {
        struct capnp_idmap_slot *slot = &map->slots[i];
        if (!slot->value) return NULL;
        if (slot->id == id) return slot;
    }
}

void *capnp_idmap_find(const capnp_idmap *map, uint32_t id)
{
    struct capnp_idmap_slot *slot = lookup(map, id);
    return slot ? slot->value : NULL;
}

static bool place(capnp_idmap *map, uint32_t id, void *value)
{
    uint32_t i = home(map, id);
    for (uint32_t probes = 0; probes < CAPNP_IDMAP_PROBES_MAX; probes++) {
        if (!map->slots[i].value) {
            map->slots[i] = (struct capnp_idmap_slot){id, value};
            map->count++;
            return true;
        }
        i = (i + 1) & (map->capacity - 1);
    }
    return false;
}

static ww_status grow(capnp_idmap *map)
{
    capnp_idmap larger = *map;
    larger.capacity = map->capacity ? map->capacity * 2 : CAPACITY_FIRST;
    larger.count = 0;
    larger.slots = ww_alloc_array(map->allocator, larger.capacity, sizeof *larger.slots);
    if (!larger.slots) return WW_E_MEMORY;
    for (uint32_t i = 0; i < larger.capacity; i++)
        larger.slots[i].value = NULL;
    for (uint32_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value && !place(&larger, map->slots[i].id, map->slots[i].value)) {
            capnp_idmap_deinit(&larger);
            return WW_E_LIMIT;
        }
    capnp_idmap_deinit(map);
    *map = larger;
    return WW_OK;
}

ww_status capnp_idmap_add(capnp_idmap *map, uint32_t id, void *value)
{
    if (map->count == map->count_max) return WW_E_LIMIT;
    if (map->count >= map->capacity / 2) {
        ww_status status = grow(map);
        if (status) return status;
    }
    return place(map, id, value) ? WW_OK : WW_E_LIMIT;
}

/* Closes the gap, so that no search ends too early. */
void capnp_idmap_remove(capnp_idmap *map, uint32_t id)
{
    struct capnp_idmap_slot *slot = lookup(map, id);
    if (!slot) return;
    uint32_t mask = map->capacity - 1, gap = (uint32_t)(slot - map->slots);
    for (uint32_t i = (gap + 1) & mask; map->slots[i].value; i = (i + 1) & mask) {
        uint32_t from_home = (i - home(map, map->slots[i].id)) & mask;
        if (from_home < ((i - gap) & mask)) continue;
        map->slots[gap] = map->slots[i];
        gap = i;
    }
    map->slots[gap].value = NULL;
    map->count--;
}

void *capnp_idmap_any(const capnp_idmap *map, uint32_t *id)
{
    for (uint32_t i = 0; map->count && i < map->capacity; i++)
        if (map->slots[i].value) {
            *id = map->slots[i].id;
            return map->slots[i].value;
        }
    return NULL;
}
