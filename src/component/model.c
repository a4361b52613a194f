#include "component/model.h"

const char *ww_sort_name(ww_sort sort)
{
    static const char *const names[WW_SORT_COUNT] = {
        [WW_SORT_CORE_FUNC] = "core func",
        [WW_SORT_CORE_TABLE] = "core table",
        [WW_SORT_CORE_MEMORY] = "core memory",
        [WW_SORT_CORE_GLOBAL] = "core global",
        [WW_SORT_CORE_TAG] = "core tag",
        [WW_SORT_CORE_TYPE] = "core type",
        [WW_SORT_CORE_MODULE] = "core module",
        [WW_SORT_CORE_INSTANCE] = "core instance",
        [WW_SORT_FUNC] = "func",
        [WW_SORT_TYPE] = "type",
        [WW_SORT_COMPONENT] = "component",
        [WW_SORT_INSTANCE] = "instance",
    };
    WW_ASSERT(sort < WW_SORT_COUNT);
    return names[sort];
}

const ww_extern *ww_externs_find(const ww_externs *externs, ww_view name)
{
    uint32_t low = 0, high = externs->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const ww_extern *item = &externs->items[externs->by_name[middle]];
        int order = ww_view_compare(item->name.name, name);
        if (order == 0) return item;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const ww_core_export *ww_core_exports_find(const ww_core_exports *exports, ww_view name)
{
    uint32_t low = 0, high = exports->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const ww_core_export *item = &exports->items[exports->by_name[middle]];
        int order = ww_view_compare(item->name, name);
        if (order == 0) return item;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
