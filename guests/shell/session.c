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
    s->host = membrane_wetware_session_host(extension);
    s->executor = membrane_wetware_session_executor(extension);
    ww_capnp_cap_ref(s->host.cap);
    ww_capnp_cap_ref(s->executor.cap);
}

bool session_open(ww_guest *guest, session *s, ww_diag *diag)
{
    ww_capnp_call *graft;
    *s = (session){.root = ww_guest_link(guest, NULL)};
    stem_membrane_graft_begin((stem_membrane_cap){s->root}, &graft);
    bool ok = ww_guest_call(guest, graft);
    if (ok) {
        take_session(s, graft);
    } else if (graft && ww_capnp_call_exception(graft) == WW_CAPNP_UNIMPLEMENTED) {
        take_host(s);
        ok = true;
    } else {
        ww_fail(diag, WW_E_DENIED, "%s", ww_capnp_call_reason(graft));
        session_close(s);
    }
    ww_capnp_call_drop(graft);
    return ok;
}

void session_close(session *s)
{
    ww_capnp_cap_unref(s->executor.cap);
    ww_capnp_cap_unref(s->host.cap);
    ww_capnp_cap_unref(s->root);
    *s = (session){.root = NULL};
}
