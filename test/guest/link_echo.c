/* link_echo [COUNT]: asks the host's main object, an Echo, COUNT times to answer a number (once if not given), and what
 * it made to do the same, both in one round trip. What fails goes to standard error, and the code is 1. */
#include "support/interop.capnp.h"
#include <ww/guest.h>

static interop_echo_cap another(interop_echo_cap root)
{
    ww_capnp_call *make;
    interop_echo_make_begin(root, &make);
    interop_echo_cap made = interop_echo_make_results_p_cap(interop_echo_make_pipeline(make));
    ww_status status = ww_capnp_call_send(make, NULL);
    ww_capnp_call_drop(make);
    return status ? (interop_echo_cap){NULL} : made;
}

static bool ping(ww_guest *guest, interop_echo_cap echo, uint64_t n)
{
    ww_capnp_call *call;
    interop_echo_ping_params_set_n(interop_echo_ping_begin(echo, &call), n);
    bool ok = ww_guest_call(guest, call) &&
              interop_echo_ping_results_n(interop_echo_ping_response(call)) == n;
    if (!ok) ww_guest_fail(guest, "link_echo: %s", ww_capnp_call_reason(call));
    ww_capnp_call_drop(call);
    return ok;
}

static uint64_t number(ww_view digits)
{
    uint64_t n = 0;
    for (size_t i = 0; i < digits.size; i++)
        n = n * 10 + (uint64_t)(digits.data[i] - '0');
    return n;
}

int ww_guest_main(ww_guest *guest)
{
    size_t arg_count;
    const ww_view *args = ww_guest_args(guest, &arg_count);
    uint64_t count = arg_count > 1 ? number(args[1]) : 1;
    interop_echo_cap root = {ww_guest_link(guest, NULL)};
    interop_echo_cap made = another(root);
    for (uint64_t i = 0; i < count; i++)
        if (!ping(guest, root, i)) return 1;
    if (!ping(guest, made, count)) return 1;
    ww_capnp_cap_unref(made.cap);
    ww_capnp_cap_unref(root.cap);
    return 0;
}
