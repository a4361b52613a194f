#include "cli/command.h"
#include <stdio.h>
#include <string.h>

const ww_command *const ww_commands[] = {&ww_command_run, &ww_command_help, NULL};

static int print_version(void)
{
    puts("ww " WW_VERSION);
    return 0;
}

static const ww_command *find_command(const char *name)
{
    for (const ww_command *const *at = ww_commands; *at; at++)
        if (!strcmp((*at)->name, name)) return *at;
    return NULL;
}

static bool is_any(const char *text, const char *a, const char *b)
{
    return !strcmp(text, a) || !strcmp(text, b);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        char *help[] = {(char[]){"help"}, NULL};
        ww_command_help.run(1, help);
        return WW_EXIT_USAGE;
    }
    if (is_any(argv[1], "--version", "-V")) return print_version();
    if (is_any(argv[1], "--help", "-h")) return ww_command_help.run(argc - 1, argv + 1);
    const ww_command *command = find_command(argv[1]);
    if (!command) {
        fprintf(stderr, "ww: no command \"%s\"; see `ww help`\n", argv[1]);
        return WW_EXIT_USAGE;
    }
    return command->run(argc - 1, argv + 1);
}
