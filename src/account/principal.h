/* account/principal.h - on whose behalf a cell acts, what that has cost, and how it is told to
 * stop.
 *
 * Model      A principal counts calls, bytes, live host objects, CPU time and linear memory of all
 *            its cells, each against a quota. A cancellation token is fired once; whoever waits watches it and is told inside
 *            the call that fires it.
 * Ownership  The owner embeds them. A principal outlives its cells and their objects; a token
 *            outlives its watches.
 * Bounds     Without a quota a maximum is UINT64_MAX.
 * Threads    A principal and a token belong to one loop's thread.
 */
#pragma once
#include "base/blob.h"

typedef struct ww_principal {
    ww_view name; /* borrowed */
    ww_budget calls;
    ww_budget bytes;   /* contents of strings and lists that crossed, both ways */
    ww_budget objects; /* alive: streams, files, sockets, ... */
    ww_budget cpu_ns;  /* that slices took, by the loop's clock */
    ww_budget memory;  /* bytes of linear memory of cells that are not freed yet */
    uint64_t refused;  /* calls that were not let through */
} ww_principal;

/* No quotas yet. */
void ww_principal_init(ww_principal *principal, ww_view name);

typedef struct ww_cancel ww_cancel;
typedef struct ww_cancel_watch ww_cancel_watch;

struct ww_cancel_watch {
    void (*fired)(ww_cancel_watch *self); /* the watch is out of the token by then */
    ww_cancel_watch *next, **link;        /* the token's */
};

struct ww_cancel {
    bool fired;
    ww_cancel_watch *watches;
};

void ww_cancel_init(ww_cancel *cancel);
void ww_cancel_fire(ww_cancel *cancel); /* once; later calls do nothing */

/* Calls `watch->fired` when the token fires; at once, before it returns, if it has already. */
void ww_cancel_watch_add(ww_cancel *cancel, ww_cancel_watch *watch);
void ww_cancel_watch_remove(ww_cancel_watch *watch); /* also fit for a zeroed or fired watch */
