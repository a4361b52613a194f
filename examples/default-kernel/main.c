/* default-kernel: gives back what it is told, with the guest runtime alone. `ww run` connects it with the terminal. */
#include <ww/guest.h>

int ww_guest_main(ww_guest *guest)
{
    uint8_t piece[8192];
    size_t got;
    ww_status status;
    while (!(status = ww_guest_read(guest, piece, sizeof piece, &got)))
        if (ww_guest_write(guest, WW_GUEST_OUTPUT, ww_view_of(piece, got))) return 1;
    return status == WW_E_CLOSED ? 0 : 1;
}
