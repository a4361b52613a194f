/* ww/guest.h - a guest in C: its standard streams, and the session with its host.
 *
 * Model      ww_guest_main is the guest. Everything that waits does so in one loop, which meanwhile
 *            moves the bytes of the link and runs what is due in the vat: callbacks of calls, and
 *            objects that the guest offers. The loop sleeps when there is nothing to do, and never
 *            with something to send.
 * Ownership  The runtime owns the vat, the link and the streams, and leaves them to the host at the
 *            end.
 * Errors     What ww_guest_main returns is the exit code. A call that cannot be answered fails,
 *            however the link ended: whoever waits goes on.
 * Threads    One.
 */
#pragma once
#include <ww/capnp.h>

typedef struct ww_guest ww_guest;

/* The guest's own: 0 to 255. */
int ww_guest_main(ww_guest *guest);

/* --- arguments and standard streams */

/* Exactly what the host was told: `ww run` puts the program's name first, an Executor nothing. */
const ww_view *ww_guest_args(ww_guest *guest, size_t *count);
bool ww_guest_stdin_is_terminal(ww_guest *guest);

/* Waits for input, at most `size` bytes. E_CLOSED at the end, E_IO. */
WW_MUST_USE ww_status ww_guest_read(ww_guest *guest, void *out, size_t size, size_t *got);

typedef enum ww_guest_stream { WW_GUEST_OUTPUT, WW_GUEST_ERRORS } ww_guest_stream;

/* Waits until all is written. E_CLOSED: nobody takes it any more, the rest is lost. */
ww_status ww_guest_write(ww_guest *guest, ww_guest_stream stream, ww_view bytes);
void ww_guest_print(ww_guest *guest, ww_guest_stream stream, const char *format, ...)
    WW_PRINTF(3, 4);

/* --- the session */

ww_capnp_vat *ww_guest_vat(ww_guest *guest);

/* What the host offers, to be called at once; owned. `offer` (borrowed, may be NULL) is what the host
 * gets when it asks. Once. */
ww_capnp_cap *ww_guest_link(ww_guest *guest, ww_capnp_cap *offer);

/* Sends `call` and waits for its outcome. True if it was answered; otherwise the call's reason says
 * why. Accepts NULL: false. */
bool ww_guest_call(ww_guest *guest, ww_capnp_call *call);

/* Does what is due, or waits for something. False: nothing can happen any more. */
bool ww_guest_turn(ww_guest *guest);

/* How often it has waited so far: the round trips of a guest that waits for answers alone. */
uint64_t ww_guest_waits(const ww_guest *guest);

/* --- the end */

/* Says on standard error why, and gives 1: return ww_guest_fail(guest, ...). */
int ww_guest_fail(ww_guest *guest, const char *format, ...) WW_PRINTF(2, 3);
