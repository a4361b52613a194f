/* base/names.h - gives every distinct name a small number, so that the rest compares numbers.
 *
 * Model      Names get the ids 0, 1, 2, ... in the order they first appear; an id never changes and
 *            never leaves.
 * Ownership  ww_names_intern copies the bytes; ww_names_intern_borrowed keeps the view, which must
 *            outlive the table.
 * Bounds     At most count_max names; above it E_LIMIT. The cost of a look-up does not depend on
 *            who chose the names: the hash is keyed.
 * Errors     E_LIMIT, E_MEMORY; the table is unchanged after either.
 * Threads    A table belongs to one thread.
 */
#pragma once
#include "base/bytes.h"

typedef struct ww_name_entry {
    const uint8_t *data;
    uint32_t size;
    uint32_t hash;
} ww_name_entry;

typedef struct ww_names {
    const ww_allocator *allocator;
    ww_name_entry *entries; /* by id */
    uint32_t *slots;        /* id + 1, or 0; twice as many as there may be entries */
    uint32_t count, capacity, count_max;
    uint64_t key[2];
    ww_arena text;
} ww_names;

/* SipHash-1-3 of `data`. With a zero key it is the hash that artifact names are made of. */
uint64_t ww_siphash13(const uint64_t key[2], ww_view data);

void ww_names_init(ww_names *names, const ww_allocator *allocator, const uint64_t key[2],
                   uint32_t count_max);
void ww_names_deinit(ww_names *names); /* also fit for a zeroed table */

/* Makes room for `extra` more names, so that interning that many borrowed names cannot fail. */
WW_MUST_USE ww_status ww_names_reserve(ww_names *names, uint32_t extra);
WW_MUST_USE ww_status ww_names_intern(ww_names *names, ww_view name, uint32_t *out);
WW_MUST_USE ww_status ww_names_intern_borrowed(ww_names *names, ww_view name, uint32_t *out);
bool ww_names_find(const ww_names *names, ww_view name, uint32_t *out);

/* Borrowed until the table goes. `id` must be one of the table's. */
static inline ww_view ww_names_text(const ww_names *names, uint32_t id)
{
    WW_ASSERT(id < names->count);
    return ww_view_of(names->entries[id].data, names->entries[id].size);
}
