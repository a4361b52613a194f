/* session.h - what a guest holds of its host, whatever it was started as.
 *
 * Model      The bootstrap is a Membrane (pid0, programs of the operator), perhaps an Operator, which
 *            is one too, or a Host (children of a session). Grafting tells.
 *            What a graft gave ends with the epoch; the membrane does not, and is grafted on again.
 */
#pragma once
#include "capnp/membrane.capnp.h"
#include "capnp/operator.capnp.h"
#include <ww/guest.h>

typedef struct session {
    ww_capnp_cap *root;
    stem_status_poller_cap poller; /* null: a child's */
    peer_host_cap host;
    peer_executor_cap executor;
} session;

/* False: *diag says why. */
bool session_open(ww_guest *guest, session *s, ww_diag *diag);
/* Grafts again if the epoch has moved; *is_new says so. False: refused, as *diag says, and the
 * session is as stale as before. */
bool session_refresh(ww_guest *guest, session *s, bool *is_new, ww_diag *diag);
void session_close(session *s);
