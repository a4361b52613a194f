/* test/support/membrane_world.h - a membrane between two vats.
 *
 * Model      Vat b is the host. Its factory stands behind a membrane whose outside is vat a, over a
 *            connection; `w.root` is a's reference. Callers in the host's own vat use `w.guarded`.
 */
#pragma once
#include "rpc/membrane.h"
#include "support/capnp_link.h"

#define STALE   "staleEpoch: session epoch no longer current"
#define REVOKED "revoked: this authority was withdrawn"
#define DENIED  "denied: this method was not granted"

typedef struct membrane_world {
    two_vats l;
    ww_cap_table table;
    ww_authority epoch, principal, session, cell;
    ww_allowance principal_allowance, allowance;
    ww_membrane_end end;
    uint32_t revoked, unused; /* times it was told */
    ww_membrane *membrane;
    factory *f; /* the root's */
    uint32_t live;
    ww_capnp_cap *guarded; /* the factory as the outside sees it */
    ww_capnp_cap *root;
} membrane_world;

void walled_init(membrane_world *w);
void walled_init_with(membrane_world *w, const ww_methods *methods);
/* Everything was given back: memory, objects, allowances, the grant. */
void walled_deinit(membrane_world *w);

/* Of another membrane like the world's. */
ww_membrane_options walled_options(membrane_world *w);
/* Wrapped for the outside, or for the inside. What may not cross is broken for the reason. */
ww_capnp_cap *walled_out(ww_membrane *membrane, ww_capnp_cap *cap);
ww_capnp_cap *walled_in(ww_membrane *membrane, ww_capnp_cap *cap);

/* An object of the outside; `f` may be NULL. */
ww_capnp_cap *walled_outsider(membrane_world *w, factory **f);
/* What `root` makes, as its holder holds it. */
ww_capnp_cap *walled_made(membrane_world *w, ww_capnp_cap *root);
/* Waits for the outcome, which must be none but success; drops the call. */
void walled_carry_out(membrane_world *w, ww_capnp_call *call, const waiter *outcome);
void assert_ping_says(membrane_world *w, ww_capnp_cap *cap, const char *reason);
#define assert_refused(w, text)                                                                    \
    do {                                                                                           \
        assert_failed(w, WW_CAPNP_FAILED);                                                         \
        assert_string_equal((w).reason, text);                                                     \
    } while (0)
