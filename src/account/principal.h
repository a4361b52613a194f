/* account/principal.h - on whose behalf a cell acts, what that has cost, and how it is told to
 * stop.
 *
 * Model      A principal counts what its cells use, each thing against a quota. It may have a
 *            parent, which pays for all of it, too, and so on up: nobody gets more by starting
 *            others. What is below may never use up what is above: together with all below it, a
 *            principal has at most WW_PRINCIPAL_SHARE times as much as its parent could still take
 *            afterwards. So an eighth of what is left always stays for the parent and for those that
 *            stand beside.
 *            Calls and bytes are counted where they arise and told to the parents later, by
 *            ww_principal_settle; a quota of them is that principal's alone.
 *            A cancellation token is fired once; whoever waits watches it and is told inside
 *            the call that fires it.
 * Ownership  The owner embeds them. A principal outlives its cells and their objects, and whatever
 *            is below it; a token outlives its watches.
 * Bounds     Without a quota a maximum is UINT64_MAX. At most WW_PRINCIPAL_LEVELS_MAX principals
 *            stand above each other, so that no charge costs more than that many steps.
 * Threads    A principal and a token belong to one loop's thread.
 */
#pragma once
#include "base/blob.h"

enum { WW_PRINCIPAL_LEVELS_MAX = 5, WW_PRINCIPAL_SHARE = 7 };

typedef enum ww_principal_kind {
    WW_PRINCIPAL_CPU_NS,       /* that slices took, by the loop's clock */
    WW_PRINCIPAL_MEMORY,       /* bytes of linear memory of cells that are not freed yet */
    WW_PRINCIPAL_OBJECTS,      /* alive: streams, files, sockets, ... */
    WW_PRINCIPAL_CELLS,        /* not freed yet */
    WW_PRINCIPAL_COMPILATIONS, /* that wait or run */
    WW_PRINCIPAL_GRANTS,       /* in the capability table */
    WW_PRINCIPAL_KINDS
} ww_principal_kind;

typedef struct ww_principal ww_principal;
struct ww_principal {
    ww_view name;         /* borrowed */
    ww_principal *parent; /* NULL: none; set before anything is charged */
    ww_budget budgets[WW_PRINCIPAL_KINDS];
    ww_budget calls;
    ww_budget bytes;  /* contents of strings and lists that crossed, both ways */
    uint64_t refused; /* calls that were not let through */
    struct {
        uint64_t calls, bytes, refused;
    } settled; /* what the parent knows of */
};

/* No quotas and no parent yet. */
void ww_principal_init(ww_principal *principal, ww_view name);

/* The most that may be charged now. */
uint64_t ww_principal_left(const ww_principal *principal, ww_principal_kind kind);

/* False, and nothing is charged, when there is less left. */
WW_MUST_USE bool ww_principal_charge(ww_principal *principal, ww_principal_kind kind,
                                     uint64_t amount);
/* For what has happened already: may go beyond the quota. */
void ww_principal_use(ww_principal *principal, ww_principal_kind kind, uint64_t amount);
void ww_principal_release(ww_principal *principal, ww_principal_kind kind, uint64_t amount);

/* Tells the parents of calls, bytes and refusals since the last time. */
void ww_principal_settle(ww_principal *principal);

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
