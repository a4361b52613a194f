#include "base/names.h"

enum { CAPACITY_FIRST = 16, NAME_SIZE_MAX = 1 << 20 };

typedef struct sip {
    uint64_t v0, v1, v2, v3;
} sip;

static inline uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void sip_round(sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

uint64_t ww_siphash13(const uint64_t key[2], ww_view data)
{
    sip s = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
             key[1] ^ 0x7465646279746573};
    size_t whole = data.size & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = ww_le64(data.data + i);
        s.v3 ^= word;
        sip_round(&s);
        s.v0 ^= word;
    }
    uint64_t last = (uint64_t)data.size << 56;
    for (size_t i = whole; i < data.size; i++)
        last |= (uint64_t)data.data[i] << (8 * (i - whole));
    s.v3 ^= last;
    sip_round(&s);
    s.v0 ^= last;
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

void ww_names_init(ww_names *names, const ww_allocator *allocator, const uint64_t key[2],
                   uint32_t count_max)
{
    *names = (ww_names){.allocator = allocator, .count_max = count_max, .key = {key[0], key[1]}};
    ww_arena_init(&names->text, allocator, SIZE_MAX);
}

void ww_names_deinit(ww_names *names)
{
    if (!names->allocator) return;
    ww_free(names->allocator, names->entries, names->capacity * sizeof *names->entries);
    ww_free(names->allocator, names->slots, 2 * (size_t)names->capacity * sizeof *names->slots);
    ww_arena_deinit(&names->text);
    *names = (ww_names){0};
}

static uint32_t hash_of(const ww_names *names, ww_view name)
{
    return (uint32_t)ww_siphash13(names->key, name);
}

/* The slot of `name`, or the empty slot where it belongs. The capacity is a power of two, and half
 * of it stays empty. */
static uint32_t *slot_of(const ww_names *names, ww_view name, uint32_t hash)
{
    uint32_t mask = 2 * names->capacity - 1;
    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &names->slots[at];
        if (!*slot) return slot;
        const ww_name_entry *entry = &names->entries[*slot - 1];
        if (entry->hash == hash && ww_view_equal(ww_view_of(entry->data, entry->size), name))
            return slot;
    }
}

static void fill_slots(ww_names *names)
{
    uint32_t mask = 2 * names->capacity - 1;
    for (uint32_t id = 0; id < names->count; id++) {
        uint32_t at = names->entries[id].hash & mask;
        while (names->slots[at])
            at = (at + 1) & mask;
        names->slots[at] = id + 1;
    }
}

static ww_status grow(ww_names *names, uint32_t capacity)
{
    uint32_t *slots = ww_alloc_zeroed(names->allocator, 2 * (size_t)capacity * sizeof *slots);
    if (!slots) return WW_E_MEMORY;
    ww_name_entry *entries =
        ww_realloc(names->allocator, names->entries, names->capacity * sizeof *entries,
                   capacity * sizeof *entries);
    if (!entries) {
        ww_free(names->allocator, slots, 2 * (size_t)capacity * sizeof *slots);
        return WW_E_MEMORY;
    }
    ww_free(names->allocator, names->slots, 2 * (size_t)names->capacity * sizeof *slots);
    names->slots = slots;
    names->entries = entries;
    names->capacity = capacity;
    fill_slots(names);
    return WW_OK;
}

ww_status ww_names_reserve(ww_names *names, uint32_t extra)
{
    if (extra > names->count_max - names->count) return WW_E_LIMIT;
    uint32_t need = names->count + extra;
    if (need <= names->capacity) return WW_OK;
    uint32_t capacity = names->capacity ? names->capacity : CAPACITY_FIRST;
    while (capacity < need)
        if (__builtin_mul_overflow(capacity, 2, &capacity) || capacity > UINT32_MAX / 4)
            return WW_E_LIMIT;
    return grow(names, capacity);
}

static ww_status intern(ww_names *names, ww_view name, bool copies, uint32_t *out)
{
    if (name.size > NAME_SIZE_MAX) return WW_E_LIMIT;
    uint32_t hash = hash_of(names, name);
    if (names->capacity) {
        uint32_t slot = *slot_of(names, name, hash);
        if (slot) {
            *out = slot - 1;
            return WW_OK;
        }
    }
    ww_status status = ww_names_reserve(names, 1);
    if (status) return status;
    const uint8_t *data = name.data;
    if (copies && !(data = ww_arena_copy(&names->text, name.data, name.size))) return WW_E_MEMORY;
    *slot_of(names, name, hash) = names->count + 1;
    names->entries[names->count] = (ww_name_entry){data, (uint32_t)name.size, hash};
    *out = names->count++;
    return WW_OK;
}

ww_status ww_names_intern(ww_names *names, ww_view name, uint32_t *out)
{
    return intern(names, name, true, out);
}

ww_status ww_names_intern_borrowed(ww_names *names, ww_view name, uint32_t *out)
{
    return intern(names, name, false, out);
}

bool ww_names_find(const ww_names *names, ww_view name, uint32_t *out)
{
    if (!names->capacity) return false;
    uint32_t slot = *slot_of(names, name, hash_of(names, name));
    if (slot) *out = slot - 1;
    return slot != 0;
}
