/* resource/pollable.h - what a guest can wait for.
 *
 * Model      A pollable is ready or not, now; and it wakes when that may have changed. Those of
 *            streams are children of their stream, so the stream outlives them.
 * Ownership  See resource/object.h.
 * Errors     A pollable that cannot be waited for (no memory) is ready: the operation it announces
 *            says what is wrong.
 */
#pragma once
#include "resource/object.h"
#include "resource/wasi.h"

typedef struct ww_pollable ww_pollable;

typedef struct ww_pollable_class {
    bool (*ready)(ww_pollable *self);
    ww_status (*wait)(ww_pollable *self,
                      ww_waker *waker); /* through self->waiter, or its own way */
    void (*stop)(ww_pollable *self);    /* NULL: removing the waiter is enough */
} ww_pollable_class;

struct ww_pollable {
    ww_object object;
    const ww_pollable_class *class;
    ww_wasi *wasi;
    ww_waiter waiter;
    bool broken;
    ww_waker *waker; /* deadlines */
    ww_timer timer;
};

WW_MUST_USE ww_status ww_pollable_new(ww_wasi *wasi, const ww_pollable_class *class,
                                      ww_object *parent, ww_pollable **out);
/* Ready from `deadline_ns` on, of the cell's clock. */
WW_MUST_USE ww_status ww_pollable_of_deadline(ww_wasi *wasi, uint64_t deadline_ns,
                                              ww_pollable **out);
/* Ready: for what has failed or is denied already. `parent` may be NULL. */
WW_MUST_USE ww_status ww_pollable_ready_now(ww_wasi *wasi, ww_object *parent, ww_pollable **out);

bool ww_pollable_ready(ww_pollable *pollable);
/* Sees to it that the cell's waker is called. No effect if it waits already. */
void ww_pollable_wait(ww_pollable *pollable);
void ww_pollable_stop(ww_pollable *pollable);
