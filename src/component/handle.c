/* Invariants
 *   1. size is 0, or entries[0] is unused and every index below size was given out once.
 *   2. The free entries form a list from first_free through `rep`, last freed first, ended by 0.
 *   3. live is the number of entries with a type; live <= WW_MAX_HANDLES.
 */
#include "component/handle.h"

enum { FIRST_CAPACITY = 16 };

void ww_handles_init(ww_handles *handles, const ww_allocator *allocator)
{
    *handles = (ww_handles){.allocator = allocator};
}

void ww_handles_deinit(ww_handles *handles)
{
    if (!handles->entries) return;
    ww_free(handles->allocator, handles->entries, handles->capacity * sizeof(ww_handle));
    *handles = (ww_handles){.allocator = handles->allocator};
}

static bool grow(ww_handles *handles)
{
    size_t capacity = handles->capacity ? 2 * (size_t)handles->capacity : FIRST_CAPACITY;
    ww_handle *entries =
        ww_realloc(handles->allocator, handles->entries, handles->capacity * sizeof(ww_handle),
                   capacity * sizeof(ww_handle));
    if (!entries) return false;
    handles->entries = entries;
    handles->capacity = (uint32_t)capacity;
    if (handles->size) return true;
    entries[0] = (ww_handle){0};
    handles->size = 1;
    return true;
}

uint32_t ww_handles_add(ww_handles *handles, const ww_resource_type *type, uint64_t rep,
                        uint32_t scope, uint64_t born)
{
    if (handles->live >= WW_MAX_HANDLES) return 0;
    uint32_t index = handles->first_free;
    if (index) {
        handles->first_free = (uint32_t)handles->entries[index].rep;
    } else {
        if (handles->size == handles->capacity && !grow(handles)) return 0;
        index = handles->size++;
    }
    handles->entries[index] = (ww_handle){.type = type, .rep = rep, .scope = scope, .born = born};
    handles->live++;
    return index;
}

void ww_handles_remove(ww_handles *handles, uint32_t index)
{
    ww_handle *entry = ww_handles_find(handles, index);
    WW_ASSERT(entry);
    *entry = (ww_handle){.rep = handles->first_free};
    handles->first_free = index;
    handles->live--;
}
