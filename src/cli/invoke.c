/* From words to an invocation. getopt_long(3) knows how options are written; which there are comes
 * from the command's own list and from the settings it takes. */
#include "cli/command.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What getopt answers for an option without a letter: where it comes from. */
enum {
    JSON = 0x80,
    OWN_FIRST = 0x100,
    SETTING_FIRST = 0x200,
    NEGATION_FIRST = 0x300,
    OPTIONS_MAX = 64,
    LETTERS_MAX = 2 * OPTIONS_MAX + 4
};

typedef struct word_list {
    struct option options[OPTIONS_MAX];
    char letters[LETTERS_MAX];
    size_t count, letter_size;
} word_list;

static void add_word(word_list *words, const char *name, bool has_value, int code, char letter)
{
    WW_ASSERT(words->count + 1 < OPTIONS_MAX);
    words->options[words->count++] =
        (struct option){name, has_value ? required_argument : no_argument, NULL, code};
    if (!letter) return;
    words->letters[words->letter_size++] = letter;
    if (has_value) words->letters[words->letter_size++] = ':';
}

static void list_words(word_list *words, const ww_command *command)
{
    words->letters[words->letter_size++] = ':';
    add_word(words, "help", false, 'h', 'h');
    if (command->json) add_word(words, "json", false, JSON, 0);
    for (int i = 0; command->options && command->options[i].name; i++)
        add_word(words, command->options[i].name, command->options[i].argument, OWN_FIRST + i,
                 command->options[i].letter);
    for (int i = 0; i < WW_SETTING_COUNT; i++) {
        const ww_setting *setting = &ww_settings[i];
        if (!(command->settings & UINT32_C(1) << i)) continue;
        add_word(words, setting->name, setting->argument, SETTING_FIRST + i, setting->letter);
        if (setting->negation) add_word(words, setting->negation, false, NEGATION_FIRST + i, 0);
    }
}

/* The code of a letter. */
static int code_of(const ww_command *command, int letter)
{
    for (int i = 0; command->options && command->options[i].name; i++)
        if (command->options[i].letter == letter) return OWN_FIRST + i;
    for (int i = 0; i < WW_SETTING_COUNT; i++)
        if (ww_settings[i].letter == letter) return SETTING_FIRST + i;
    return letter;
}

static ww_status take_option(ww_invocation *invocation, int code, const char *text, ww_diag *diag)
{
    if (code < OWN_FIRST) code = code_of(invocation->command, code);
    if (code >= NEGATION_FIRST)
        return ww_config_set(&invocation->config, (ww_setting_id)(code - NEGATION_FIRST), "none",
                             diag);
    if (code >= SETTING_FIRST)
        return ww_config_set(&invocation->config, (ww_setting_id)(code - SETTING_FIRST),
                             text ? text : "true", diag);
    if (code >= OWN_FIRST)
        invocation->given[invocation->given_count++] =
            (ww_given){&invocation->command->options[code - OWN_FIRST], text};
    else
        invocation->json = true;
    return WW_OK;
}

static ww_status check_operands(const ww_invocation *invocation, ww_diag *diag)
{
    const ww_command *command = invocation->command;
    size_t count = invocation->operand_count;
    if (count > command->operands_max && !command->operand)
        return ww_fail(diag, WW_E_USAGE, "\"%s\" is one word too many", invocation->operands[0]);
    if (count < command->operands_min)
        return ww_fail(diag, WW_E_USAGE, "no %s given", command->operand);
    if (count > command->operands_max)
        return ww_fail(diag, WW_E_USAGE, "more than one %s%s", command->operand,
                       command->runs_guest ? "; put the guest's arguments after --" : "");
    if (invocation->guest_arg_count && !command->runs_guest)
        return ww_fail(diag, WW_E_USAGE, "there is no guest that words after -- could be for");
    return WW_OK;
}

/* How many words are ours: what follows -- belongs to the guest, whatever it looks like. */
static int own_words(int argc, char **argv)
{
    int own = 1;
    while (own < argc && strcmp(argv[own], "--"))
        own++;
    return own;
}

/* What getopt has no use for: an option without its value, with one too many, or unknown. Among
 * letters in one word it tells which, and may not have passed the word yet. */
static ww_status refuse_word(int code, const char *word, ww_diag *diag)
{
    bool is_known = optopt == 'h' || optopt >= JSON;
    if (code == ':') return ww_fail(diag, WW_E_USAGE, "%s needs a value", word);
    if (!optopt) return ww_fail(diag, WW_E_USAGE, "no option %s", word);
    if (!is_known) return ww_fail(diag, WW_E_USAGE, "no option -%c", optopt);
    return ww_fail(diag, WW_E_USAGE, "%.*s takes no value", (int)strcspn(word, "="), word);
}

/* *help: the rest was not read. */
static ww_status read_words(ww_invocation *invocation, int argc, char **argv, bool *help,
                            ww_diag *diag)
{
    word_list words = {.count = 0};
    list_words(&words, invocation->command);
    int own = own_words(argc, argv), code;
    optind = 0; /* begin anew */
    opterr = 0;
    while ((code = getopt_long(own, argv, words.letters, words.options, NULL)) != -1) {
        *help = code == 'h';
        if (*help) return WW_OK;
        if (code == ':' || code == '?') return refuse_word(code, argv[optind - 1], diag);
        ww_status status = take_option(invocation, code, optarg, diag);
        if (status) return status;
    }
    invocation->operands = (const char *const *)&argv[optind];
    invocation->operand_count = (size_t)(own - optind);
    if (own < argc) {
        invocation->guest_args = (const char *const *)&argv[own + 1];
        invocation->guest_arg_count = (size_t)(argc - own - 1);
    }
    return check_operands(invocation, diag);
}

int ww_command_invoke(const ww_command *command, int argc, char **argv,
                      const char *const *environment)
{
    ww_invocation invocation = {.command = command};
    ww_diag diag;
    bool help = false;
    int code;
    invocation.given = calloc((size_t)argc, sizeof *invocation.given);
    if (!invocation.given) {
        ww_fail(&diag, WW_E_MEMORY, "out of memory");
        return ww_command_failed(&diag);
    }
    ww_config_init(&invocation.config);
    ww_status status = read_words(&invocation, argc, argv, &help, &diag);
    if (!status && !help) status = ww_config_merge(&invocation.config, environment, &diag);
    if (status) {
        code = ww_usage_error(command, "%s", diag.text);
    } else if (help) {
        ww_command_print_help(command);
        code = 0;
    } else {
        code = command->run(&invocation);
    }
    free(invocation.given);
    return code;
}

void ww_invocation_log(const ww_invocation *invocation, ww_stderr_log *log)
{
    const char *filter = ww_config_text(&invocation->config, WW_SETTING_LOG);
    const char *no_color = getenv("NO_COLOR");
    if (!ww_stderr_log_init(log, filter, isatty(STDERR_FILENO) && !no_color))
        ww_log_print(&log->base, WW_LOG_WARN, "ww",
                     "log filter \"%s\" cannot be read; using ww=info", filter);
}
