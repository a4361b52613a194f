/* The containers of the engine: rings of items, and a map from 64-bit keys to 32-bit values. */
#include "dataflow/engine.h"

enum { CAPACITY_FIRST = 16 };

ww_status df_grow(ww_dataflow *flow, void **items, uint32_t *capacity, size_t size, uint32_t need)
{
    if (need <= *capacity) return WW_OK;
    uint32_t wider = *capacity ? *capacity : CAPACITY_FIRST;
    while (wider < need)
        if (__builtin_mul_overflow(wider, 2, &wider)) return WW_E_LIMIT;
    void *grown = ww_realloc(flow->allocator, *items, *capacity * size, wider * size);
    if (!grown) return WW_E_MEMORY;
    *items = grown;
    *capacity = wider;
    return WW_OK;
}

/* Capacities are powers of two. */
ww_status df_ring_reserve(ww_dataflow *flow, df_ring *ring, size_t size, uint32_t extra)
{
    uint32_t need;
    if (__builtin_add_overflow(ring->count, extra, &need) || need > UINT32_MAX / 2)
        return WW_E_LIMIT;
    if (need <= ring->capacity) return WW_OK;
    uint32_t wider = ring->capacity ? ring->capacity : CAPACITY_FIRST;
    while (wider < need)
        wider *= 2;
    uint8_t *items = ww_alloc_array(flow->allocator, wider, size);
    if (!items) return WW_E_MEMORY;
    uint32_t head = ring->capacity - ring->first;
    if (head > ring->count) head = ring->count;
    if (head) memcpy(items, ring->items + ring->first * size, head * size);
    if (ring->count > head) memcpy(items + head * size, ring->items, (ring->count - head) * size);
    ww_free(flow->allocator, ring->items, ring->capacity * size);
    *ring = (df_ring){.items = items, .count = ring->count, .capacity = wider};
    return WW_OK;
}

void df_ring_free(ww_dataflow *flow, df_ring *ring, size_t size)
{
    ww_free(flow->allocator, ring->items, ring->capacity * size);
    *ring = (df_ring){0};
}

/* --- map -------------------------------------------------------------------------------------- */

static uint32_t slot_of(const df_map *map, uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (map->capacity - 1);
}

static uint32_t find(const df_map *map, uint64_t key)
{
    for (uint32_t at = slot_of(map, key);; at = (at + 1) & (map->capacity - 1)) {
        if (map->values[at] == DF_NONE) return DF_NONE;
        if (map->keys[at] == key) return at;
    }
}

bool df_map_find(const df_map *map, uint64_t key, uint32_t *value)
{
    uint32_t at = map->count ? find(map, key) : DF_NONE;
    if (at != DF_NONE) *value = map->values[at];
    return at != DF_NONE;
}

static void insert(df_map *map, uint64_t key, uint32_t value)
{
    uint32_t at = slot_of(map, key);
    while (map->values[at] != DF_NONE && map->keys[at] != key)
        at = (at + 1) & (map->capacity - 1);
    if (map->values[at] == DF_NONE) map->count++;
    map->keys[at] = key;
    map->values[at] = value;
}

static ww_status widen(ww_dataflow *flow, df_map *map)
{
    uint32_t capacity = map->capacity ? 2 * map->capacity : 2 * CAPACITY_FIRST;
    df_map wider = {.keys = ww_alloc_array(flow->allocator, capacity, sizeof *map->keys),
                    .values = ww_alloc_array(flow->allocator, capacity, sizeof *map->values),
                    .capacity = capacity};
    if (!wider.keys || !wider.values) {
        df_map_free(flow, &wider);
        return WW_E_MEMORY;
    }
    memset(wider.values, 0xff, capacity * sizeof *wider.values);
    for (uint32_t i = 0; i < map->capacity; i++)
        if (map->values[i] != DF_NONE) insert(&wider, map->keys[i], map->values[i]);
    df_map_free(flow, map);
    *map = wider;
    return WW_OK;
}

ww_status df_map_put(ww_dataflow *flow, df_map *map, uint64_t key, uint32_t value)
{
    if (2 * map->count >= map->capacity) {
        ww_status status = widen(flow, map);
        if (status) return status;
    }
    insert(map, key, value);
    return WW_OK;
}

/* Later entries of the run move up, so that no look-up stops short. */
void df_map_remove(df_map *map, uint64_t key)
{
    uint32_t mask = map->capacity - 1, hole = map->count ? find(map, key) : DF_NONE;
    if (hole == DF_NONE) return;
    for (uint32_t at = (hole + 1) & mask; map->values[at] != DF_NONE; at = (at + 1) & mask) {
        uint32_t home = slot_of(map, map->keys[at]);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        map->keys[hole] = map->keys[at];
        map->values[hole] = map->values[at];
        hole = at;
    }
    map->values[hole] = DF_NONE;
    map->count--;
}

void df_map_free(ww_dataflow *flow, df_map *map)
{
    ww_free(flow->allocator, map->keys, map->capacity * sizeof *map->keys);
    ww_free(flow->allocator, map->values, map->capacity * sizeof *map->values);
    *map = (df_map){0};
}
