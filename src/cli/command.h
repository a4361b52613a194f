/* cli/command.h - the commands of `ww`: one table, one shape.
 *
 * Model      A command reads its own arguments and answers an exit code. Results go to stdout,
 *            everything else to stderr. Exit codes 0 done; 1 failed (one line on stderr names cause
 *            and fix); 2 bad usage. `ww run` answers what the guest said, see its help.
 */
#pragma once
#include "base/status.h"

enum {
    WW_EXIT_FAILED = 1,
    WW_EXIT_USAGE = 2,
    WW_EXIT_TIMEOUT = 124,
    WW_EXIT_SIGINT = 130,
    WW_EXIT_TRAP = 134,
    WW_EXIT_SIGTERM = 143
};

typedef struct ww_command {
    const char *name;
    const char *summary;               /* one line of `ww help` */
    const char *help;                  /* the manual page */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
} ww_command;

extern const ww_command ww_command_run;
extern const ww_command ww_command_help;
extern const ww_command *const ww_commands[]; /* ends with NULL */

/* "ww COMMAND: text" and a hint to its help on stderr; returns WW_EXIT_USAGE. */
int ww_usage_error(const ww_command *command, const char *format, ...) WW_PRINTF(2, 3);
/* "ww: text" on stderr; returns WW_EXIT_FAILED. */
int ww_command_failed(const ww_diag *diag);
void ww_command_print_help(const ww_command *command);
