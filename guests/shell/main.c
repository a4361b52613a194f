/* shell: commands from standard input, one a line, until it ends or says exit. */
#include "shell.h"

int ww_guest_main(ww_guest *guest)
{
    session s;
    ww_diag diag;
    if (!session_open(guest, &s, &diag)) return ww_guest_fail(guest, "Error: %s", diag.text);
    shell_run(guest, &s, true);
    session_close(&s);
    return 0;
}
