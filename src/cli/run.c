#include "cli/command.h"
#include "cli/report.h"
#include "config/log.h"
#include "config/units.h"
#include "node/node.h"
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

static const char help_text[] =
    "ww run - run a WebAssembly component\n"
    "\n"
    "USAGE\n"
    "  ww run [OPTIONS] IMAGE [-- ARGS...]\n"
    "\n"
    "DESCRIPTION\n"
    "  Loads IMAGE and calls its wasi:cli/run. The guest gets the operator's standard input, "
    "output and error, clocks and\n"
    "  randomness; files only through --volume, variables only through --env, no network.\n"
    "\n"
    "  IMAGE is looked up first under the guest paths of the volumes, in their order, then as a "
    "path of this machine. A\n"
    "  directory must contain main.wasm or bin/main.wasm; a file is the component itself. "
    "Everything after -- is the\n"
    "  guest's; its argv[0] is the file name of the component.\n"
    "\n"
    "OPTIONS\n"
    "  -v, --volume HOST:GUEST[:ro|rw]  show the directory HOST to the guest at the path GUEST; "
    "read-only unless rw.\n"
    "                                   Repeatable. Not for folders that hold ww's own cache, keys "
    "or state\n"
    "  -e, --env KEY=VALUE              set a variable; repeatable\n"
    "  -t, --timeout TIME               end the guest after TIME (500ms, 2s, 5m; a bare number is "
    "seconds)\n"
    "  -m, --memory SIZE                largest linear memory (64MiB, 2GiB); 1GiB if not given\n"
    "      --json                       one report object on the last line of standard error\n"
    "  -h, --help                       this text\n"
    "\n"
    "EXIT STATUS\n"
    "  What the guest said (0-255); 1 if it returned an error or could not be loaded; 2 for bad "
    "usage; 124 when the\n"
    "  time was over; 130 after SIGINT and 143 after SIGTERM, with 2 s for the guest to end by "
    "itself (a second signal ends\n"
    "  it at once); 134 after a trap, with its message and the guest's backtrace on standard "
    "error.\n"
    "\n"
    "ENVIRONMENT\n"
    "  WW_LOG, RUST_LOG  which log lines go to standard error; the default is ww=info\n"
    "  XDG_CACHE_HOME    where compiled components are kept: $XDG_CACHE_HOME/ww\n"
    "  XDG_STATE_HOME    where the key that protects them is kept: $XDG_STATE_HOME/ww\n"
    "\n"
    "EXAMPLES\n"
    "  ww run build/images/default\n"
    "  ww run hello.wasm -- one two\n"
    "  ww run /boot --volume ./image:/boot --env NAME=value --timeout 2s\n";

typedef struct run_request {
    ww_run_options options;
    bool json, help;
} run_request;

static ww_status parse_option(run_request *request, int option, ww_diag *diag)
{
    switch (option) {
    case 'v': return ww_run_options_add_volume(&request->options, optarg, diag);
    case 'e': return ww_run_options_add_env(&request->options, optarg, diag);
    case 't':
        if (ww_parse_duration_ms(optarg, &request->options.timeout_ms) &&
            request->options.timeout_ms)
            return WW_OK;
        return ww_fail(diag, WW_E_USAGE, "time \"%s\" is not like 500ms, 2s or 5m", optarg);
    case 'm':
        if (ww_parse_bytes(optarg, &request->options.memory_bytes_max) &&
            request->options.memory_bytes_max <= WW_RUN_MEMORY_MAX)
            return WW_OK;
        return ww_fail(diag, WW_E_USAGE, "memory \"%s\" is not like 64MiB, at most 4GiB", optarg);
    case 'j': request->json = true; return WW_OK;
    case 'h': request->help = true; return WW_OK;
    default: return ww_fail(diag, WW_E_USAGE, "unknown option or missing value");
    }
}

static ww_status parse_request(run_request *request, int argc, char **argv, ww_diag *diag)
{
    static const struct option options[] = {
        {"volume", required_argument, NULL, 'v'},
        {"env", required_argument, NULL, 'e'},
        {"timeout", required_argument, NULL, 't'},
        {"memory", required_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    /* What follows -- belongs to the guest, whatever it looks like. */
    int own = 1;
    while (own < argc && !(argv[own][0] == '-' && argv[own][1] == '-' && !argv[own][2]))
        own++;
    opterr = 0;
    int option;
    while ((option = getopt_long(own, argv, ":v:e:t:m:h", options, NULL)) != -1) {
        ww_status status =
            option == ':' || option == '?'
                ? ww_fail(diag, WW_E_USAGE, option == ':' ? "%s needs a value" : "no option %s",
                          argv[optind - 1])
                : parse_option(request, option, diag);
        if (status || request->help) return status;
    }
    if (optind >= own) return ww_fail(diag, WW_E_USAGE, "no image given");
    if (optind + 1 < own)
        return ww_fail(diag, WW_E_USAGE, "more than one image; put the guest's arguments after --");
    request->options.image = argv[optind];
    if (own < argc) {
        request->options.args = (const char *const *)&argv[own + 1];
        request->options.arg_count = (size_t)(argc - own - 1);
    }
    return WW_OK;
}

static const char *log_filter(void)
{
    const char *filter = getenv("WW_LOG");
    return filter ? filter : getenv("RUST_LOG");
}

static int run_image(const run_request *request, const ww_log *log)
{
    ww_diag diag = {WW_OK, ""};
    ww_node *node;
    ww_node_options options = {.log = log, .allocator = ww_allocator_libc()};
    if (ww_node_new(&options, &node, &diag)) return ww_command_failed(&diag);
    ww_run_report report = {.reason = WW_RUN_EXITED};
    ww_status status = ww_node_run(node, &request->options, &report, &diag);
    int code = status == WW_E_USAGE ? WW_EXIT_USAGE : WW_EXIT_FAILED;
    if (status)
        ww_command_failed(&diag);
    else
        code = report.exit_code;
    if (!status) ww_report_print_trap(&report);
    if (request->json) ww_report_print_json(&report, status, &diag, code);
    ww_run_report_deinit(&report);
    ww_node_free(node);
    return code;
}

static int run(int argc, char **argv)
{
    run_request request = {.options.memory_bytes_max = WW_RUN_MEMORY_DEFAULT};
    ww_diag diag;
    int code = 0;
    ww_stderr_log log;
    if (!ww_stderr_log_init(&log, log_filter(), isatty(STDERR_FILENO) && !getenv("NO_COLOR")))
        ww_log_print(&log.base, WW_LOG_WARN, "ww",
                     "log filter \"%s\" cannot be read; using ww=info", log_filter());
    if (parse_request(&request, argc, argv, &diag))
        code = ww_usage_error(&ww_command_run, "%s", diag.text);
    else if (request.help)
        ww_command_print_help(&ww_command_run);
    else
        code = run_image(&request, &log.base);
    ww_run_options_deinit(&request.options);
    return code;
}

const ww_command ww_command_run = {
    .name = "run",
    .summary = "run a WebAssembly component",
    .help = help_text,
    .run = run,
};
