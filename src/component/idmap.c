#include "component/idmap.h"

enum { CAPACITY_FIRST = 16, CAPACITY_MAX = 1 << 30 };

/* The finisher of splitmix64: every bit of the key reaches the low bits. */
static uint64_t mix(uint64_t key)
{
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return key ^ (key >> 31);
}

/* The slot of `key`, or the free one where it would go. */
static ww_idmap_slot *find(const ww_idmap *map, uint64_t key)
{
    uint32_t mask = map->capacity - 1;
    for (uint32_t i = (uint32_t)mix(key) & mask;; i = (i + 1) & mask)
        if (map->slots[i].key == key || map->slots[i].key == 0) return &map->slots[i];
}

bool ww_idmap_get(const ww_idmap *map, uint64_t key, uint64_t *value)
{
    if (!map->capacity) return false;
    const ww_idmap_slot *slot = find(map, key);
    if (!slot->key) return false;
    if (value) *value = slot->value;
    return true;
}

static bool grow(ww_idmap *map, const ww_allocator *allocator)
{
    uint32_t capacity = map->capacity ? map->capacity * 2 : CAPACITY_FIRST;
    if (capacity > CAPACITY_MAX) return false;
    ww_idmap larger = {.capacity = capacity, .count = map->count};
    larger.slots = ww_alloc_zeroed(allocator, capacity * sizeof *larger.slots);
    if (!larger.slots) return false;
    for (uint32_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key) *find(&larger, map->slots[i].key) = map->slots[i];
    ww_idmap_deinit(map, allocator);
    *map = larger;
    return true;
}

bool ww_idmap_put(ww_idmap *map, const ww_allocator *allocator, uint64_t key, uint64_t value)
{
    WW_ASSERT(key);
    if (map->count >= map->capacity / 2 && !grow(map, allocator)) return false;
    ww_idmap_slot *slot = find(map, key);
    map->count += slot->key == 0;
    *slot = (ww_idmap_slot){.key = key, .value = value};
    return true;
}

/* Later entries of the same run move back, so that no hole hides them. */
void ww_idmap_remove(ww_idmap *map, uint64_t key)
{
    if (!ww_idmap_get(map, key, NULL)) return;
    uint32_t mask = map->capacity - 1, hole = (uint32_t)(find(map, key) - map->slots);
    for (uint32_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)mix(map->slots[i].key) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (ww_idmap_slot){0};
    map->count--;
}

void ww_idmap_deinit(ww_idmap *map, const ww_allocator *allocator)
{
    if (map->slots) ww_free(allocator, map->slots, map->capacity * sizeof *map->slots);
    *map = (ww_idmap){0};
}
