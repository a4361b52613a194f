#include "cli/command.h"
#include <stdio.h>
#include <string.h>

int ww_usage_error(const ww_command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "ww %s: ", command->name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "; see `ww help %s`\n", command->name);
    va_end(args);
    return WW_EXIT_USAGE;
}

int ww_command_failed(const ww_diag *diag)
{
    fprintf(stderr, "ww: %s\n", diag->text);
    return WW_EXIT_FAILED;
}

void ww_command_print_help(const ww_command *command)
{
    fputs(command->help, stdout);
}

static void print_overview(void)
{
    puts("ww - the runtime for code you did not write\n\n"
         "USAGE\n"
         "  ww COMMAND [OPTIONS] [ARGUMENTS]\n\n"
         "COMMANDS");
    for (const ww_command *const *at = ww_commands; *at; at++)
        printf("  %-10s %s\n", (*at)->name, (*at)->summary);
    puts("\nOPTIONS\n"
         "  -h, --help     this text\n"
         "  -V, --version  the version\n\n"
         "ENVIRONMENT\n"
         "  WW_LOG, RUST_LOG  which log lines go to stderr: \"warn\", \"ww=debug\", "
         "\"ww::cell=trace,warn\"\n"
         "  NO_COLOR          no colours\n\n"
         "`ww help COMMAND` explains a command.");
}

static int run_help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview();
        return 0;
    }
    for (const ww_command *const *at = ww_commands; *at; at++)
        if (!strcmp((*at)->name, argv[1])) {
            ww_command_print_help(*at);
            return 0;
        }
    return ww_usage_error(&ww_command_help, "no command \"%s\"", argv[1]);
}

const ww_command ww_command_help = {
    .name = "help",
    .summary = "explain a command",
    .help = "ww help - explain a command\n\n"
            "USAGE\n"
            "  ww help [COMMAND]\n",
    .run = run_help,
};
