/* pid0: the first guest of a node. Grafts onto the membrane that it finds on its link, runs child-echo and passes on what
 * that says, then is a shell on its standard input until that ends. When the epoch moves, it grafts again and, if that
 * ended its child, runs that again. The exit code is the child's, or 1 when anything on the way failed. */
#include "child.h"
#include "shell.h"

static void log_line(ww_guest *guest, const char *level, const char *text)
{
    ww_guest_print(guest, WW_GUEST_ERRORS, "[%s] pid0: %s\n", level, text);
}

static bool run_child(ww_guest *guest, session *s, int32_t *code)
{
    ww_diag diag;
    const ww_guest_program program = {.wasm = ww_view_of(child_component, child_component_size)};
    while (!ww_guest_run(guest, s->executor, &program, code, &diag)) {
        bool is_new;
        log_line(guest, "ERROR", diag.text);
        if (!session_refresh(guest, s, &is_new, &diag)) log_line(guest, "ERROR", diag.text);
        if (!is_new) return false;
        log_line(guest, "INFO", "grafted again");
    }
    ww_guest_print(guest, WW_GUEST_ERRORS, "[INFO] pid0: child exited with code %d\n", (int)*code);
    return true;
}

int ww_guest_main(ww_guest *guest)
{
    session s;
    ww_diag diag;
    int32_t code = 0;
    log_line(guest, "INFO", "start");
    if (!session_open(guest, &s, &diag)) {
        log_line(guest, "ERROR", diag.text);
        return 1;
    }
    log_line(guest, "INFO", "grafted");
    bool ok = run_child(guest, &s, &code);
    bool is_terminal = ww_guest_stdin_is_terminal(guest);
    shell_run(guest, &s, is_terminal);
    session_close(&s);
    log_line(guest, "INFO", "cleanup complete");
    return ok ? (int)code : 1;
}
