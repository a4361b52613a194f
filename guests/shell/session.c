#include "session.h"

/* A child's: the host itself, and what it pipelines. */
static void take_host(session *s)
{
    ww_capnp_call *call;
    s->host = (peer_host_cap){ww_capnp_cap_ref(s->root)};
    peer_host_executor_begin(s->host, &call);
    s->executor = peer_host_executor_results_p_executor(peer_host_executor_pipeline(call));
    ww_status ignored = call ? ww_capnp_call_send(call, NULL) : WW_OK;
    (void)ignored; /* then the calls on it fail */
    ww_capnp_call_drop(call);
}

static void take_session(session *s, ww_capnp_call *graft)
{
    stem_session_r granted =
        stem_membrane_graft_results_session(stem_membrane_graft_response(graft));
    membrane_wetware_session_r extension =
        membrane_wetware_session_from(stem_session_extension(granted));
    s->poller = stem_session_status_poller(granted);
    s->host = membrane_wetware_session_host(extension);
    s->executor = membrane_wetware_session_executor(extension);
    ww_capnp_cap_ref(s->poller.cap);
    ww_capnp_cap_ref(s->host.cap);
    ww_capnp_cap_ref(s->executor.cap);
}

static void let_go(session *s)
{
    ww_capnp_cap_unref(s->poller.cap);
    ww_capnp_cap_unref(s->executor.cap);
    ww_capnp_cap_unref(s->host.cap);
}

/* What the root of *s gives takes the place of what it gave before. */
static bool graft(ww_guest *guest, session *s, ww_diag *diag)
{
    ww_capnp_call *call;
    session now = {.root = s->root};
    stem_membrane_graft_begin((stem_membrane_cap){s->root}, &call);
    bool ok = ww_guest_call(guest, call);
    if (ok) {
        take_session(&now, call);
    } else if (call && ww_capnp_call_exception(call) == WW_CAPNP_UNIMPLEMENTED) {
        take_host(&now);
        ok = true;
    } else {
        ww_fail(diag, WW_E_DENIED, "%s", ww_capnp_call_reason(call));
    }
    ww_capnp_call_drop(call);
    if (!ok) return false;
    let_go(s);
    *s = now;
    return true;
}

bool session_open(ww_guest *guest, session *s, ww_diag *diag)
{
    *s = (session){.root = ww_guest_link(guest, NULL)};
    bool ok = graft(guest, s, diag);
    if (!ok) session_close(s);
    return ok;
}

/* What else may be wrong with it, its next use will tell. */
static bool is_stale(ww_guest *guest, const session *s)
{
    ww_capnp_call *call;
    stem_status_poller_poll_status_begin(s->poller, &call);
    bool stale = call && !ww_guest_call(guest, call) &&
                 strstr(ww_capnp_call_reason(call), "staleEpoch") != NULL;
    ww_capnp_call_drop(call);
    return stale;
}

bool session_refresh(ww_guest *guest, session *s, bool *is_new, ww_diag *diag)
{
    *is_new = false;
    if (!s->poller.cap || !is_stale(guest, s)) return true;
    *is_new = graft(guest, s, diag);
    return *is_new;
}

void session_close(session *s)
{
    let_go(s);
    ww_capnp_cap_unref(s->root);
    *s = (session){.root = NULL};
}
