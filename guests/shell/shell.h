/* shell.h - commands read from standard input and carried out, as far as the session allows.
 *
 * Model      One command a line; `help` lists them. What the session does not grant answers "not granted". A command that
 *            fails says "Error: ..." on standard error, and the shell goes on.
 * Bounds     A line has LINE_MAX bytes at most; what a longer one holds is dropped, with an error.
 */
#pragma once
#include "session.h"
#include <ww/guest_run.h>

/* Until the input ends or the command exit. */
void shell_run(ww_guest *guest, session *s, bool has_prompt);
