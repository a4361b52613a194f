/* capnp/boundary.h - somebody between the callers and the objects: the hook that membranes are made
 * of.
 *
 * Model      A boundary has an inside and an outside. A capability of one side, seen from the other,
 *            is a guard: a settled capability whose calls are first shown to the boundary. Whatever
 *            capability is in a call's parameters, results or pipelines crosses with it: it becomes
 *            a guard, or itself again if it is a guard of this boundary on its way back. There is
 *            one guard per capability and direction while anybody holds it. Null and broken
 *            capabilities cross as they are, file descriptors not at all.
 * Tolls      What calls from the outside are counted in while they are under way. That, and the list
 *            of those calls, the core keeps by itself: the class is asked only where it wants to be.
 * Bounds     A call crosses at most WW_CAPNP_BOUNDARIES_MAX: guards of promises can lead in a circle.
 * Cost       No allocation, no copy and no call of the class for a call without capabilities that
 *            crosses one boundary.
 * Ownership  Embedded and counted; guards hold it, and so do calls under way. `free` is told when
 *            the last of them goes, from deep inside: it frees memory, and calls nothing here.
 * Threads    The vat's. The class's functions call nothing here.
 */
#pragma once
#include "base/toll.h"
#include "capnp/cap.h"

enum { WW_CAPNP_BOUNDARIES_MAX = 32, WW_CAPNP_TOLLS_MAX = 4 };

typedef struct ww_capnp_boundary ww_capnp_boundary;

/* Why something may not cross; it stays valid as long as any call that was told so. */
typedef struct ww_capnp_refusal {
    ww_capnp_exception type;
    const char *reason;
} ww_capnp_refusal;

typedef struct ww_capnp_boundary_class {
    /* Whether a call from the outside (from the inside, if `is_outward`), or later its results, may
     * cross; NULL: yes. Only for a boundary that `asks` and is not severed. */
    const ww_capnp_refusal *(*ask)(ww_capnp_boundary *self, uint64_t interface_id, uint16_t method,
                                   bool is_outward);
    /* A call did not fit tolls[toll]: there were too many, or too many bytes of them. */
    const ww_capnp_refusal *(*overdrawn)(ww_capnp_boundary *self, uint32_t toll, bool by_bytes);
    /* One guard more. NULL: `let_go` follows exactly once. */
    const ww_capnp_refusal *(*hold)(ww_capnp_boundary *self);
    void (*let_go)(ww_capnp_boundary *self);
    void (*free)(ww_capnp_boundary *self);
} ww_capnp_boundary_class;

typedef struct ww_capnp_crossing_link {
    struct ww_capnp_crossing_link *prev, *next;
} ww_capnp_crossing_link;

struct ww_capnp_boundary {
    const ww_capnp_boundary_class *class;
    ww_capnp_vat *vat;
    const ww_allocator *allocator;          /* the vat's: a boundary may outlive it */
    const ww_capnp_refusal *over;           /* once it is severed */
    bool asks;                              /* the owner's to change, as is: */
    ww_toll *tolls[WW_CAPNP_TOLLS_MAX + 1]; /* to the first NULL */
    uint32_t refs;
    uint32_t guard_count, slot_count; /* slot_count: a power of two, or 0 */
    uint32_t swept;                   /* slots that a sweep went through */
    struct capnp_guard **slots;       /* by what they guard */
    ww_capnp_crossing_link crossings; /* a ring through those of calls under way, not severed */
    uint32_t severed;                 /* calls under way that were */
};

/* With one reference; asks nobody and counts nothing yet. */
void ww_capnp_boundary_init(ww_capnp_boundary *boundary, const ww_capnp_boundary_class *class,
                            ww_capnp_vat *vat);

static inline ww_capnp_boundary *ww_capnp_boundary_ref(ww_capnp_boundary *boundary)
{
    boundary->refs++;
    return boundary;
}

void ww_capnp_boundary_unref(ww_capnp_boundary *boundary);

/* `cap` (borrowed) as the other side sees it: outside, or inside if not `outward`. A reference of the
 * caller's; NULL with *refusal set when there can be none, and NULL for NULL. */
ww_capnp_cap *ww_capnp_boundary_wrap(ww_capnp_boundary *boundary, ww_capnp_cap *cap, bool outward,
                                     const ww_capnp_refusal **refusal);

/* Nothing crosses any more: `why`. Every call under way fails with it, now; what it is answered later
 * is released. Its server is told that the call is canceled. */
void ww_capnp_boundary_sever(ww_capnp_boundary *boundary, const ww_capnp_refusal *why);

/* For a boundary that lets nothing through any more: drops what guards lead to, in up to `slots_max`
 * slots of its table. True: there is more. */
bool ww_capnp_boundary_sweep(ww_capnp_boundary *boundary, uint32_t slots_max);
