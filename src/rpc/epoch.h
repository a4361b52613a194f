/* rpc/epoch.h - which epoch it is, and who may move it on.
 *
 * Model      A source has a current epoch and the authority that every session of it hangs from.
 *            Adopting another epoch changes the value, then revokes that authority: all that was
 *            granted before is stale from that store on, whatever the new number is. Sources differ
 *            in who makes them adopt: nobody (static), the operator (local), a chain (elsewhere,
 *            through ww_epoch_adopt).
 * Ownership  The node embeds a source, which outlives all sessions. Heads are copied.
 * Bounds     A head of at most WW_EPOCH_HEAD_MAX bytes.
 * Errors     E_LIMIT, E_MEMORY, and E_UNSUPPORTED where an operator cannot advance; nothing changed
 *            then.
 * Threads    The loop's.
 */
#pragma once
#include "base/bytes.h"
#include "cap/authority.h"

enum { WW_EPOCH_HEAD_MAX = 4096 };

typedef struct ww_epoch {
    uint64_t seq;
    ww_view head;
    uint64_t adopted_block;
} ww_epoch;

typedef struct ww_epoch_source ww_epoch_source;
struct ww_epoch_source {
    const char *name; /* "static", "local" */
    /* As an operator asks for it; NULL: this source moves by itself or never. */
    ww_status (*advance)(ww_epoch_source *self, ww_view head, ww_diag *diag);
    ww_authority authority;
    ww_epoch now;
    ww_buf head; /* now.head's bytes */
};

/* Epoch 0 without a head, for ever. */
void ww_epoch_source_init_static(ww_epoch_source *source, const ww_allocator *allocator);
/* Begins with epoch 0; each advance counts up by one. */
void ww_epoch_source_init_local(ww_epoch_source *source, const ww_allocator *allocator);
void ww_epoch_source_deinit(ww_epoch_source *source);

/* What the operator's command does. */
WW_MUST_USE ww_status ww_epoch_advance(ww_epoch_source *source, ww_view head, ww_diag *diag);

/* For sources: the epoch is now this one. Copies the head; calls under the old epoch have failed
 * when it returns. */
WW_MUST_USE ww_status ww_epoch_adopt(ww_epoch_source *source, const ww_epoch *epoch, ww_diag *diag);
