/* cap/authority.h - what can be withdrawn as a whole: an epoch, a principal's account, a session, a
 * cell.
 *
 * Model      An authority is a counter. Whatever was handed out under it remembers the count, so
 *            revoking is one store, however much hangs below; the next use of any of it compares and
 *            is refused. Watches are for what is under way at that moment: they are told inside the
 *            call that revokes, after the store. A watch may also name a flag, which is set before the
 *            first watch is told: who looks at it at each use, as a membrane does, need not compare.
 *            A lineage is the set of authorities that one capability depends on. Counters only grow,
 *            so their sum is the same exactly while none has moved: one compare for all of them.
 * Ownership  The owner embeds an authority (zeroed is valid); it outlives its watches and lineages.
 * Threads    An authority and all that depends on it belong to one loop's thread.
 */
#pragma once
#include "base/status.h"

typedef struct ww_authority ww_authority;
typedef struct ww_authority_watch ww_authority_watch;

struct ww_authority_watch {
    void (*revoked)(ww_authority_watch *self); /* the watch is out of the authority by then */
    bool *is_over; /* set for all that watch before the first is told; may be NULL */
    ww_authority_watch *next, **link; /* the authority's */
};

struct ww_authority {
    uint64_t generation;
    ww_authority_watch *watches;
};

void ww_authority_revoke(ww_authority *authority);

/* A watch is told once; it may watch again from then on. */
void ww_authority_watch_add(ww_authority *authority, ww_authority_watch *watch);
void ww_authority_watch_remove(
    ww_authority_watch *watch); /* also fit for one that does not watch */

/* In the order in which a refusal names them: the epoch first, then whoever acts, from the wide to
 * the narrow. */
typedef enum ww_lineage_place {
    WW_LINEAGE_EPOCH,
    WW_LINEAGE_PRINCIPAL,
    WW_LINEAGE_SESSION,
    WW_LINEAGE_CELL,
    WW_LINEAGE_PLACES
} ww_lineage_place;

typedef struct ww_lineage {
    const ww_authority *authorities[WW_LINEAGE_PLACES]; /* borrowed, never NULL once it is made */
    uint64_t seen[WW_LINEAGE_PLACES];
    uint64_t sum;
} ww_lineage;

/* As of now. Places that are NULL in `authorities` never end. */
void ww_lineage_init(ww_lineage *lineage, const ww_authority *const authorities[WW_LINEAGE_PLACES]);

static inline bool ww_lineage_is_fresh(const ww_lineage *lineage)
{
    const ww_authority *const *a = lineage->authorities;
    return a[0]->generation + a[1]->generation + a[2]->generation + a[3]->generation ==
           lineage->sum;
}

/* The first place that was revoked; WW_LINEAGE_PLACES while it is fresh. */
ww_lineage_place ww_lineage_ended(const ww_lineage *lineage);
