/* session.h - what a guest holds of its host, whatever it was started as.
 *
 * Model      The bootstrap is a Membrane (pid0, programs of the operator), perhaps an Operator, which
 *            is one too, or a Host (children of a session). Grafting tells.
 */
#pragma once
#include "capnp/membrane.capnp.h"
#include "capnp/operator.capnp.h"
#include <ww/guest.h>

typedef struct session {
    ww_capnp_cap *root;
    peer_host_cap host;
    peer_executor_cap executor;
} session;

/* False: *diag says why. */
bool session_open(ww_guest *guest, session *s, ww_diag *diag);
void session_close(session *s);
