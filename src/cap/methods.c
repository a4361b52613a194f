#include "cap/methods.h"

static struct ww_methods_of *find(ww_methods *methods, uint64_t interface_id)
{
    for (uint32_t i = 0; i < methods->count; i++)
        if (methods->of[i].interface_id == interface_id) return &methods->of[i];
    return NULL;
}

static ww_status allow(ww_methods *methods, uint64_t interface_id, uint64_t ordinals)
{
    struct ww_methods_of *of = find(methods, interface_id);
    if (!of && methods->count == WW_METHODS_INTERFACES_MAX) return WW_E_LIMIT;
    if (!of) {
        of = &methods->of[methods->count++];
        *of = (struct ww_methods_of){.interface_id = interface_id};
    }
    of->ordinals |= ordinals;
    return WW_OK;
}

ww_status ww_methods_allow(ww_methods *methods, uint64_t interface_id, uint16_t ordinal)
{
    if (ordinal >= WW_METHODS_ORDINALS_MAX) return WW_E_LIMIT;
    return allow(methods, interface_id, UINT64_C(1) << ordinal);
}

ww_status ww_methods_allow_all(ww_methods *methods, uint64_t interface_id)
{
    return allow(methods, interface_id, UINT64_MAX);
}

void ww_methods_intersect(ww_methods *methods, const ww_methods *other)
{
    ww_methods both = {0};
    for (uint32_t i = 0; i < methods->count; i++) {
        struct ww_methods_of of = methods->of[i];
        uint64_t ordinals = 0;
        for (uint32_t j = 0; j < other->count; j++)
            if (other->of[j].interface_id == of.interface_id) ordinals = other->of[j].ordinals;
        of.ordinals &= ordinals;
        if (of.ordinals) both.of[both.count++] = of;
    }
    *methods = both;
}

bool ww_methods_have(const ww_methods *methods, uint64_t interface_id, uint16_t ordinal)
{
    for (uint32_t i = 0; i < methods->count; i++)
        if (methods->of[i].interface_id == interface_id)
            return ordinal < WW_METHODS_ORDINALS_MAX && methods->of[i].ordinals >> ordinal & 1;
    return false;
}
