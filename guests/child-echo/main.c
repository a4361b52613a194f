/* child-echo: what a session gives a child. Asks the executor of its host twice to echo, and tells what came back. */
#include "capnp/peer.capnp.h"
#include <ww/guest.h>

static peer_executor_cap executor_of(peer_host_cap host)
{
    ww_capnp_call *call;
    peer_host_executor_begin(host, &call);
    peer_executor_cap executor =
        peer_host_executor_results_p_executor(peer_host_executor_pipeline(call));
    ww_status ignored = call ? ww_capnp_call_send(call, NULL) : WW_OK;
    (void)ignored; /* then the calls on it fail */
    ww_capnp_call_drop(call);
    return executor;
}

static bool echo(ww_guest *guest, peer_executor_cap executor, const char *message)
{
    ww_capnp_call *call;
    peer_executor_echo_params_set_message(peer_executor_echo_begin(executor, &call),
                                          ww_view_str(message));
    bool ok = ww_guest_call(guest, call);
    ww_view reply = peer_executor_echo_results_response(peer_executor_echo_response(call));
    if (ok)
        ww_guest_print(guest, WW_GUEST_ERRORS, "[TRACE] child-echo: %.*s\n", WW_VIEW_ARG(reply));
    else
        ww_guest_fail(guest, "[ERROR] child-echo: %s", ww_capnp_call_reason(call));
    ww_capnp_call_drop(call);
    return ok;
}

int ww_guest_main(ww_guest *guest)
{
    peer_host_cap host = {ww_guest_link(guest, NULL)};
    peer_executor_cap executor = executor_of(host);
    bool ok =
        echo(guest, executor, "Hello from call 1") && echo(guest, executor, "Hello from call 2");
    ww_capnp_cap_unref(executor.cap);
    ww_capnp_cap_unref(host.cap);
    return ok ? 0 : 1;
}
