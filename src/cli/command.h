/* cli/command.h - the commands of `ww`: one table, one shape, one parser.
 *
 * Model      A command says what it takes: operands, options of its own, and which settings of
 *            config/setting.h. The parser makes an invocation of the words, with the configuration
 *            merged, and the command answers an exit code. The manual page is made of the same
 *            table. Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 failed
 *            (one line on stderr names cause and fix); 2 bad usage. Commands that run a guest
 *            answer what the guest said.
 * Ownership  An invocation borrows argv and the environment; it is the parser's until run returns.
 */
#pragma once
#include "config/config.h"
#include "config/log.h"

enum {
    WW_EXIT_FAILED = 1,
    WW_EXIT_USAGE = 2,
    WW_EXIT_TIMEOUT = 124,
    WW_EXIT_SIGINT = 130,
    WW_EXIT_TRAP = 134,
    WW_EXIT_SIGTERM = 143
};

#define WW_SETTING(name) (UINT32_C(1) << WW_SETTING_##name)

typedef struct ww_command ww_command;

/* What only one command takes; --help is every command's, --json of all that have a `json`. */
typedef struct ww_option {
    const char *name;     /* NULL ends a list */
    const char *argument; /* how the help calls its value; NULL: it has none */
    const char *help;
    char letter; /* or 0 */
} ww_option;

typedef struct ww_given {
    const ww_option *option;
    const char *text; /* NULL if it has no value */
} ww_given;

typedef struct ww_invocation {
    const ww_command *command;
    ww_config config;
    ww_given *given; /* the command's own options, in their order */
    size_t given_count;
    const char *const *operands;
    size_t operand_count;
    const char *const *guest_args; /* what follows -- */
    size_t guest_arg_count;
    bool json;
} ww_invocation;

struct ww_command {
    const char *name;
    const char *summary;     /* one line of `ww help` */
    const char *usage;       /* what follows "ww NAME " */
    const char *description; /* paragraphs; the help wraps them */
    const char *notes;       /* sections behind the options, as they are; or NULL */
    const char *operand;     /* what an operand is called; NULL: there are none */
    const char *json;        /* what --json does; NULL: there is none */
    const ww_option *options;
    uint32_t settings; /* a set of WW_SETTING */
    uint8_t operands_min, operands_max;
    bool runs_guest; /* words after -- are the guest's */
    int (*run)(const ww_invocation *);
};

extern const ww_command ww_command_config, ww_command_epoch, ww_command_exec, ww_command_help,
    ww_command_id, ww_command_keygen, ww_command_kill, ww_command_module, ww_command_ps,
    ww_command_run, ww_command_shell, ww_command_status;
extern const ww_command *const ww_commands[]; /* ends with NULL */

/* NULL if there is none. */
const ww_command *ww_command_find(const char *name);

/* Reads the words, runs the command. argv[0] is the command's name. */
int ww_command_invoke(const ww_command *command, int argc, char **argv,
                      const char *const *environment);

/* "ww COMMAND: text" and a hint to its help on stderr; returns WW_EXIT_USAGE. */
int ww_usage_error(const ww_command *command, const char *format, ...) WW_PRINTF(2, 3);
/* "ww: text" on stderr; returns WW_EXIT_FAILED. */
int ww_command_failed(const ww_diag *diag);
void ww_command_print_help(const ww_command *command);

/* Log lines go to stderr as the configuration says. */
void ww_invocation_log(const ww_invocation *invocation, ww_stderr_log *log);
