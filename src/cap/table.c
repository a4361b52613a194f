/* Invariants
 *  1. An entry's generation changes exactly when its grant is removed, and is never 0.
 *  2. Blocks never move and are freed with the table; places are used in order, then again from the
 *     free list. */
#include "cap/table.h"

void ww_cap_table_init(ww_cap_table *table, const ww_allocator *allocator, uint32_t count_max)
{
    *table =
        (ww_cap_table){.allocator = allocator,
                       .count_max = count_max < WW_CAP_TABLE_MAX ? count_max : WW_CAP_TABLE_MAX};
}

void ww_cap_table_deinit(ww_cap_table *table)
{
    for (uint32_t i = 0; i < WW_CAP_BLOCKS_MAX && table->blocks[i]; i++)
        ww_free(table->allocator, table->blocks[i], WW_CAP_BLOCK * sizeof *table->blocks[i]);
    *table = (ww_cap_table){0};
}

static ww_cap_entry *entry_at(const ww_cap_table *table, uint32_t index)
{
    return &table->blocks[index / WW_CAP_BLOCK][index % WW_CAP_BLOCK];
}

/* A place for one more; *index says which. */
static ww_status take_place(ww_cap_table *table, uint32_t *index)
{
    if (table->in_use == table->count_max) return WW_E_LIMIT;
    if (table->first_free) {
        *index = table->first_free - 1;
        table->first_free = entry_at(table, *index)->next_free;
        return WW_OK;
    }
    uint32_t block = table->entry_count / WW_CAP_BLOCK;
    if (!table->blocks[block]) {
        table->blocks[block] =
            ww_alloc_zeroed(table->allocator, WW_CAP_BLOCK * sizeof *table->blocks[block]);
        if (!table->blocks[block]) return WW_E_MEMORY;
    }
    *index = table->entry_count++;
    entry_at(table, *index)->generation = 1;
    return WW_OK;
}

ww_status ww_cap_table_add(ww_cap_table *table, const ww_lineage *lineage,
                           const ww_methods *methods, ww_cap_ref *out)
{
    *out = (ww_cap_ref){0};
    uint32_t index;
    ww_status status = take_place(table, &index);
    if (status) return status;
    ww_cap_entry *entry = entry_at(table, index);
    entry->in_use = true;
    entry->lineage = *lineage;
    entry->is_limited = methods != NULL;
    if (methods) entry->methods = *methods;
    table->in_use++;
    *out = (ww_cap_ref){index, entry->generation};
    return WW_OK;
}

const ww_cap_entry *ww_cap_table_entry(const ww_cap_table *table, ww_cap_ref ref)
{
    return ref.generation && ref.index < table->entry_count ? entry_at(table, ref.index) : NULL;
}

void ww_cap_table_remove(ww_cap_table *table, ww_cap_ref ref)
{
    ww_cap_entry *entry =
        ref.generation && ref.index < table->entry_count ? entry_at(table, ref.index) : NULL;
    if (!entry || !entry->in_use || entry->generation != ref.generation) return;
    entry->in_use = false;
    entry->generation = entry->generation == UINT32_MAX ? 1 : entry->generation + 1;
    entry->next_free = table->first_free;
    table->first_free = ref.index + 1;
    table->in_use--;
}

ww_status ww_cap_table_attenuate(ww_cap_table *table, ww_cap_ref ref, const ww_methods *methods,
                                 const ww_lineage *lineage, ww_cap_ref *out)
{
    *out = (ww_cap_ref){0};
    const ww_cap_entry *entry = ww_cap_table_entry(table, ref);
    if (!entry) return WW_E_CANCELED;
    ww_status status = ww_cap_ended(entry, ref.generation);
    if (status) return status;
    ww_methods both;
    const ww_methods *narrower = methods;
    if (entry->is_limited) {
        both = entry->methods;
        if (methods) ww_methods_intersect(&both, methods);
        narrower = &both;
    }
    return ww_cap_table_add(table, lineage ? lineage : &entry->lineage, narrower, out);
}

ww_status ww_cap_ended(const ww_cap_entry *entry, uint32_t generation)
{
    if (entry->generation != generation) return WW_E_CANCELED;
    switch (ww_lineage_ended(&entry->lineage)) {
    case WW_LINEAGE_PLACES: return WW_OK;
    case WW_LINEAGE_EPOCH: return WW_E_STALE;
    default: return WW_E_CANCELED;
    }
}

const char *ww_cap_refusal(ww_status status)
{
    switch (status) {
    case WW_E_STALE: return WW_CAP_TEXT_STALE;
    case WW_E_DENIED: return WW_CAP_TEXT_DENIED;
    default: return WW_CAP_TEXT_REVOKED;
    }
}
