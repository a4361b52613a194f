#include "cli/command.h"
#include "cli/report.h"
#include "node/node.h"

enum { OPTION_VOLUME, OPTION_ENV, OPTION_OPERATOR };

static const ww_option options[] = {
    [OPTION_VOLUME] = {"volume", "HOST:GUEST[:ro|rw]",
                       "show the directory HOST to the guest at the path GUEST; read-only unless "
                       "rw. Repeatable. Not for folders that hold ww's own cache, keys or state",
                       'v'},
    [OPTION_ENV] = {"env", "KEY=VALUE", "set a variable of the guest; repeatable", 'e'},
    [OPTION_OPERATOR] = {"operator", NULL,
                         "give the operator itself instead of a membrane to an image that asks for "
                         "it (a file \"asks\" in its directory): it may then do whatever ww ps, "
                         "kill and the like do",
                         0},
    {NULL, NULL, NULL, 0},
};

static ww_status read_request(const ww_invocation *invocation, ww_run_options *request,
                              ww_diag *diag)
{
    *request = (ww_run_options){
        .image = invocation->operands[0],
        .args = invocation->guest_args,
        .arg_count = invocation->guest_arg_count,
        .timeout_ms = ww_config_number(&invocation->config, WW_SETTING_TIMEOUT),
        .cpu_ms = ww_config_number(&invocation->config, WW_SETTING_CPU),
        .memory_bytes_max = ww_config_number(&invocation->config, WW_SETTING_MEMORY),
        .serve = ww_config_number(&invocation->config, WW_SETTING_SERVE),
    };
    ww_status status = WW_OK;
    for (size_t i = 0; !status && i < invocation->given_count; i++) {
        const ww_given *given = &invocation->given[i];
        if (given->option == &options[OPTION_VOLUME])
            status = ww_run_options_add_volume(request, given->text, diag);
        else if (given->option == &options[OPTION_OPERATOR])
            request->lends_operator = true;
        else
            status = ww_run_options_add_env(request, given->text, diag);
    }
    return status;
}

static ww_status read_keys(const ww_invocation *invocation, ww_allowed_keys *keys, ww_diag *diag)
{
    const char *path = ww_config_path(&invocation->config, WW_SETTING_ALLOW_KEY);
    return path ? ww_allowed_keys_read(path, ww_allocator_libc(), keys, diag) : WW_OK;
}

static int run_image(const ww_invocation *invocation, const ww_run_options *request,
                     const ww_allowed_keys *keys, const ww_log *log)
{
    ww_diag diag = {WW_OK, ""};
    ww_node *node;
    ww_node_options node_options = {
        .log = log,
        .allocator = ww_allocator_libc(),
        .cells_max = (uint32_t)ww_config_number(&invocation->config, WW_SETTING_CELLS),
        .memory_bytes_max = ww_config_number(&invocation->config, WW_SETTING_MEMORY),
        .socket = ww_config_path(&invocation->config, WW_SETTING_SOCKET),
        .keys = keys,
        .has_static_epoch =
            ww_config_number(&invocation->config, WW_SETTING_EPOCHS) == WW_EPOCHS_STATIC,
        .graft_needs_key = ww_config_number(&invocation->config, WW_SETTING_GRAFT) == WW_GRAFT_KEY,
    };
    if (ww_node_new(&node_options, &node, &diag)) return ww_command_failed(&diag);
    ww_run_report report = {.reason = WW_RUN_EXITED};
    ww_status status = ww_node_run(node, request, &report, &diag);
    int code = status == WW_E_USAGE ? WW_EXIT_USAGE : WW_EXIT_FAILED;
    if (status)
        ww_command_failed(&diag);
    else
        code = report.exit_code;
    if (!status) ww_report_print_trap(&report);
    if (invocation->json) ww_report_print_json(&report, status, &diag, code);
    ww_run_report_deinit(&report);
    ww_node_free(node);
    return code;
}

static int run(const ww_invocation *invocation)
{
    ww_run_options request;
    ww_diag diag;
    ww_stderr_log log;
    ww_invocation_log(invocation, &log);
    ww_allowed_keys keys = {.count = 0};
    ww_status status = read_request(invocation, &request, &diag);
    if (!status) status = read_keys(invocation, &keys, &diag);
    int code = status ? ww_usage_error(invocation->command, "%s", diag.text)
                      : run_image(invocation, &request, &keys, &log.base);
    ww_run_options_deinit(&request);
    return code;
}

const ww_command ww_command_run = {
    .name = "run",
    .summary = "run a WebAssembly component",
    .usage = "[OPTIONS] IMAGE [-- ARGS...]",
    .description =
        "Loads IMAGE and calls its wasi:cli/run. The guest gets the operator's standard input, "
        "output and error, clocks and randomness; files only through --volume, variables only "
        "through --env, no network.\n\n"
        "IMAGE is looked up first under the guest paths of the volumes, in their order, then as a "
        "path of this machine. A directory must contain main.wasm or bin/main.wasm; a file is the "
        "component itself. Everything after -- is the guest's; its argv[0] is the file name of "
        "the component.",
    .notes = "EXIT STATUS\n"
             "  What the guest said (0-255); 1 if it returned an error or could not be loaded; 2 "
             "for bad usage; 124\n"
             "  when its time was over or its CPU time used up; 130 after SIGINT and 143 after "
             "SIGTERM, with 2 s\n"
             "  for the guest, whose input is over then, to end by itself (a second signal ends "
             "it at once); 134\n"
             "  after a trap, with its message and the guest's backtrace on standard error.\n"
             "\n"
             "ENVIRONMENT\n"
             "  XDG_CACHE_HOME    where compiled components are kept: $XDG_CACHE_HOME/ww\n"
             "  XDG_STATE_HOME    where the keys are kept: $XDG_STATE_HOME/ww\n"
             "  XDG_RUNTIME_DIR   where operator sockets stand: $XDG_RUNTIME_DIR/ww\n"
             "\n"
             "EXAMPLES\n"
             "  ww run build/images/default\n"
             "  ww run hello.wasm -- one two\n"
             "  ww run /boot --volume ./image:/boot --env NAME=value --timeout 2s\n",
    .operand = "image",
    .json = "one report object on the last line of standard error",
    .options = options,
    .settings = WW_SETTING(PRESET) | WW_SETTING(ENV_CONFIG) | WW_SETTING(LOG) | WW_SETTING(SOCKET) |
                WW_SETTING(GRAFT) | WW_SETTING(ALLOW_KEY) | WW_SETTING(EPOCHS) | WW_SETTING(SERVE) |
                WW_SETTING(CELLS) | WW_SETTING(MEMORY) | WW_SETTING(TIMEOUT) | WW_SETTING(CPU),
    .operands_min = 1,
    .operands_max = 1,
    .runs_guest = true,
    .run = run,
};
