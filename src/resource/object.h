/* resource/object.h - what every host object behind a guest's handle begins with.
 *
 * Model      The representation of a host resource is a pointer to a struct that embeds a ww_object
 *            as its first member. The object counts against its principal from ww_object_init until
 *            it is gone. A child (a stream of a file, a pollable of a stream) keeps its parent: a
 *            guest that drops a parent with living children traps, and the parent goes with its
 *            last child.
 * Ownership  The holder of the only handle owns the object; ww_object_release gives it up. The
 *            class's `free` releases what the embedding struct holds and its memory.
 * Threads    An object belongs to its cell's thread.
 */
#pragma once
#include "account/principal.h"
#include "component/call.h"

typedef struct ww_object ww_object;

typedef struct ww_object_class {
    const char *name;
    void (*free)(ww_object *object);
} ww_object_class;

struct ww_object {
    const ww_object_class *class;
    ww_principal *principal;
    ww_object *parent;
    uint32_t children;
    bool orphaned; /* nobody owns it any more but its children */
};

/* Charges one object to `principal`; E_QUOTA leaves everything as it was. `parent` may be NULL. */
WW_MUST_USE ww_status ww_object_init(ww_object *object, const ww_object_class *class,
                                     ww_principal *principal, ww_object *parent);

/* The host's end of an object: frees it, or leaves it to its children. */
void ww_object_release(ww_object *object);

/* ww_resource_type.drop of every host resource: a guest gave up its handle. */
ww_status ww_object_drop(ww_call *call, uint64_t rep);

static inline uint64_t ww_object_rep(const void *object)
{
    return (uint64_t)(uintptr_t)object;
}

static inline void *ww_object_of(uint64_t rep)
{
    return (void *)(uintptr_t)rep;
}

/* A handle lent by the guest; NULL with a trap set. */
static inline void *ww_lift_object(ww_call *call, const ww_resource_type *type, uint32_t handle)
{
    uint64_t rep;
    return WW_LIKELY(ww_lift_borrow(call, type, handle, &rep)) ? ww_object_of(rep) : NULL;
}

/* A handle given away by the guest; NULL with a trap set. */
static inline void *ww_lift_owned_object(ww_call *call, const ww_resource_type *type,
                                         uint32_t handle)
{
    uint64_t rep;
    return WW_LIKELY(ww_lift_own(call, type, handle, &rep)) ? ww_object_of(rep) : NULL;
}

/* A new handle for the guest, who owns the object from now on; 0 with a trap set, and the object
 * released, when its table is full. */
uint32_t ww_lower_object(ww_call *call, const ww_resource_type *type, void *object);
