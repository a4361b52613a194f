/* Invariants:
 *   1. children is the number of living objects whose parent this is.
 *   2. An orphaned object has children; it is freed when the last of them is. */
#include "resource/object.h"

ww_status ww_object_init(ww_object *object, const ww_object_class *class, ww_principal *principal,
                         ww_object *parent)
{
    if (!ww_principal_charge(principal, WW_PRINCIPAL_OBJECTS, 1)) return WW_E_QUOTA;
    *object = (ww_object){.class = class, .principal = principal, .parent = parent};
    if (parent) parent->children++;
    return WW_OK;
}

void ww_object_release(ww_object *object)
{
    while (object) {
        if (object->children) {
            object->orphaned = true;
            return;
        }
        ww_object *parent = object->parent;
        ww_principal_release(object->principal, WW_PRINCIPAL_OBJECTS, 1);
        object->class->free(object);
        if (!parent) return;
        WW_ASSERT(parent->children);
        parent->children--;
        object = parent->orphaned ? parent : NULL;
    }
}

ww_status ww_object_drop(ww_call *call, uint64_t rep)
{
    ww_object *object = ww_object_of(rep);
    bool has_children = object->children > 0;
    const char *name = object->class->name;
    ww_object_release(object);
    return has_children ? ww_call_fail(call, "resource has children: %s", name) : WW_OK;
}

uint32_t ww_lower_object(ww_call *call, const ww_resource_type *type, void *object)
{
    uint32_t handle = ww_lower_own(call, type, ww_object_rep(object));
    if (!handle) ww_object_release(object);
    return handle;
}
