/* cap/table.h - the capability table: every grant that is in force, and whether a call under it may
 * go on.
 *
 * Model      A grant is an entry {lineage, methods}, spoken of as {index, generation}. It ends when
 *            one of its authorities is revoked, which touches no entry, or when it is removed, which
 *            gives the place a new generation; a reference that ended is refused, never mistaken
 *            for the next grant in its place. A narrower grant is made from another: the same
 *            lineage or a longer one, the intersection of the methods.
 * Ownership  The table owns its entries, in blocks that never move: an entry may be pointed to while
 *            the table lives, and is checked together with its generation.
 * Bounds     At most the count given at init, WW_CAP_TABLE_MAX at most.
 * Errors     The three refusals are told apart by status and by text, which clients may match:
 *            E_STALE is the epoch's end, E_CANCELED any other revocation, E_DENIED a method that the
 *            grant does not hold.
 * Threads    One loop's thread.
 */
#pragma once
#include "base/alloc.h"
#include "cap/authority.h"
#include "cap/methods.h"

enum { WW_CAP_BLOCK = 64, WW_CAP_BLOCKS_MAX = 1024, WW_CAP_TABLE_MAX = 65536 };

#define WW_CAP_TEXT_STALE   "staleEpoch: session epoch no longer current"
#define WW_CAP_TEXT_REVOKED "revoked: this authority was withdrawn"
#define WW_CAP_TEXT_DENIED  "denied: this method was not granted"

typedef struct ww_cap_ref {
    uint32_t index, generation; /* generation 0 is no reference */
} ww_cap_ref;

typedef struct ww_cap_entry {
    uint32_t generation; /* of the grant that is here, or of the next one */
    uint32_t next_free;  /* index + 1; of a free entry */
    bool in_use, is_limited;
    ww_lineage lineage;
    ww_methods methods; /* when it is limited */
} ww_cap_entry;

typedef struct ww_cap_table {
    const ww_allocator *allocator;
    ww_cap_entry *blocks[WW_CAP_BLOCKS_MAX];
    uint32_t entry_count, in_use, count_max;
    uint32_t first_free; /* index + 1, or 0 */
} ww_cap_table;

void ww_cap_table_init(ww_cap_table *table, const ww_allocator *allocator, uint32_t count_max);
void ww_cap_table_deinit(ww_cap_table *table); /* also fit for a zeroed one */

/* Copies both. `methods` NULL: all. E_LIMIT, E_MEMORY. */
WW_MUST_USE ww_status ww_cap_table_add(ww_cap_table *table, const ww_lineage *lineage,
                                       const ww_methods *methods, ww_cap_ref *out);
/* The grant ends, its place is free. No effect on a reference that ended. */
void ww_cap_table_remove(ww_cap_table *table, ww_cap_ref ref);

/* A grant of `methods`, as far as `ref` has them, under `lineage`; NULL: the same lineage. Fails as
 * ww_cap_table_add and with the refusal of `ref`. */
WW_MUST_USE ww_status ww_cap_table_attenuate(ww_cap_table *table, ww_cap_ref ref,
                                             const ww_methods *methods, const ww_lineage *lineage,
                                             ww_cap_ref *out);

/* NULL for what was never a reference of this table. To be used with the reference's generation. */
const ww_cap_entry *ww_cap_table_entry(const ww_cap_table *table, ww_cap_ref ref);

static inline bool ww_cap_is_fresh(const ww_cap_entry *entry, uint32_t generation)
{
    return entry->generation == generation && ww_lineage_is_fresh(&entry->lineage);
}

/* Why not: E_STALE, E_CANCELED; WW_OK while it is fresh. */
ww_status ww_cap_ended(const ww_cap_entry *entry, uint32_t generation);

/* The same and E_DENIED, for one method. */
static inline ww_status ww_cap_check(const ww_cap_entry *entry, uint32_t generation,
                                     uint64_t interface_id, uint16_t ordinal)
{
    if (WW_UNLIKELY(!ww_cap_is_fresh(entry, generation))) return ww_cap_ended(entry, generation);
    if (WW_LIKELY(!entry->is_limited)) return WW_OK;
    return ww_methods_have(&entry->methods, interface_id, ordinal) ? WW_OK : WW_E_DENIED;
}

/* The stable text of E_STALE, E_CANCELED and E_DENIED. */
const char *ww_cap_refusal(ww_status status);
