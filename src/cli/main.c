#include "cli/command.h"
#include "os/fd.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In the order of `ww help`. */
const ww_command *const ww_commands[] = {
    &ww_command_run,
    &ww_command_exec,
    &ww_command_shell,
    &ww_command_ps,
    &ww_command_kill,
    &ww_command_status,
    &ww_command_epoch,
    &ww_command_module,
    &ww_command_id,
    &ww_command_keygen,
    &ww_command_config,
    &ww_command_help,
    NULL,
};

const ww_command *ww_command_find(const char *name)
{
    for (const ww_command *const *at = ww_commands; *at; at++)
        if (!strcmp((*at)->name, name)) return *at;
    return NULL;
}

static int print_version(void)
{
    puts("ww " WW_VERSION);
    return 0;
}

static bool is_any(const char *text, const char *a, const char *b)
{
    return !strcmp(text, a) || !strcmp(text, b);
}

/* What was printed has to arrive: a secret key, above all. */
static int finish(int code)
{
    ww_diag diag;
    if (!fflush(stdout) && !ferror(stdout)) return code;
    ww_fail(&diag, WW_E_IO, "standard output cannot be written");
    return code ? code : ww_command_failed(&diag);
}

static int run(int argc, char **argv)
{
    const char *const *environment = (const char *const *)environ;
    if (argc < 2) {
        char *help[] = {(char[]){"help"}, NULL};
        ww_command_invoke(&ww_command_help, 1, help, environment);
        return WW_EXIT_USAGE;
    }
    if (is_any(argv[1], "--version", "-V")) return print_version();
    const ww_command *command =
        is_any(argv[1], "--help", "-h") ? &ww_command_help : ww_command_find(argv[1]);
    if (!command) {
        fprintf(stderr, "ww: no command \"%s\"; see `ww help`\n", argv[1]);
        return WW_EXIT_USAGE;
    }
    return ww_command_invoke(command, argc - 1, argv + 1, environment);
}

int main(int argc, char **argv)
{
    ww_fd_fill_standard();
    return finish(run(argc, argv));
}
