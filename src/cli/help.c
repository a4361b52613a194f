#include "cli/command.h"
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 96, TEXT_COLUMN = 2, OPTION_TEXT_COLUMN = 8 };

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

/* Breaks lines between words; keeps those that the text has. */
static void print_wrapped(const char *text, int indent)
{
    while (*text) {
        int column = indent;
        printf("%*s", *text == '\n' ? 0 : indent, "");
        while (*text && *text != '\n') {
            int size = (int)strcspn(text, " \n");
            if (column > indent && column + 1 + size > COLUMNS) break;
            column += printf("%s%.*s", column > indent ? " " : "", size, text);
            text += size;
            while (*text == ' ')
                text++;
        }
        if (*text == '\n') text++;
        putchar('\n');
    }
}

static void print_option(char letter, const char *name, const char *argument, const char *help)
{
    if (letter)
        printf("  -%c, ", letter);
    else
        printf("  ");
    printf("--%s%s%s\n", name, argument ? " " : "", argument ? argument : "");
    print_wrapped(help, OPTION_TEXT_COLUMN);
}

static void print_setting(const ww_setting *setting)
{
    char help[1024];
    int size = snprintf(help, sizeof help, "%s. ", setting->help);
    if (setting->env)
        size +=
            snprintf(help + size, sizeof help - (size_t)size, "Also %s%s%s; ", setting->env,
                     setting->env_too ? ", then " : "", setting->env_too ? setting->env_too : "");
    snprintf(help + size, sizeof help - (size_t)size, "%s %s", setting->env ? "default" : "Default",
             setting->fallback);
    print_option(setting->letter, setting->name, setting->argument, help);
    if (setting->negation) print_option(0, setting->negation, NULL, "the same as none");
}

void ww_command_print_help(const ww_command *command)
{
    printf("ww %s - %s\n\nUSAGE\n  ww %s%s%s\n\nDESCRIPTION\n", command->name, command->summary,
           command->name, *command->usage ? " " : "", command->usage);
    print_wrapped(command->description, TEXT_COLUMN);
    puts("\nOPTIONS");
    for (const ww_option *at = command->options; at && at->name; at++)
        print_option(at->letter, at->name, at->argument, at->help);
    for (size_t i = 0; i < WW_SETTING_COUNT; i++)
        if (command->settings & UINT32_C(1) << i) print_setting(&ww_settings[i]);
    if (command->json) print_option(0, "json", NULL, command->json);
    print_option('h', "help", NULL, "this text");
    if (command->notes) printf("\n%s", command->notes);
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
         "  WW_*              settings; `ww config` shows what they come to\n"
         "  WW_LOG, RUST_LOG  which log lines go to stderr: \"warn\", \"ww=debug\", "
         "\"ww::cell=trace,warn\"\n"
         "  NO_COLOR          no colours\n\n"
         "`ww help COMMAND` explains a command.");
}

static int run_help(const ww_invocation *invocation)
{
    if (!invocation->operand_count) {
        print_overview();
        return 0;
    }
    const ww_command *command = ww_command_find(invocation->operands[0]);
    if (!command)
        return ww_usage_error(&ww_command_help, "no command \"%s\"", invocation->operands[0]);
    ww_command_print_help(command);
    return 0;
}

const ww_command ww_command_help = {
    .name = "help",
    .summary = "explain a command",
    .usage = "[COMMAND]",
    .description = "Prints the manual page of COMMAND, or which commands there are.",
    .operand = "command",
    .operands_max = 1,
    .run = run_help,
};
