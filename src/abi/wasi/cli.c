/* wasi:cli: environment, exit, standard streams, terminals. */
#include "abi/wasi/bindings.h"
#include "component/instance.h"
#include "resource/stream.h"
#include "resource/token.h"

_Static_assert(sizeof(ww_env) == sizeof(wasi_cli_environment_tuple_string_string) &&
                   offsetof(ww_env, value) ==
                       offsetof(wasi_cli_environment_tuple_string_string, f1),
               "the environment is handed over as it stands");

static ww_status get_environment(ww_call *call,
                                 wasi_cli_environment_list_tuple_string_string *result)
{
    const ww_wasi_options *options = &ww_wasi_of(call)->options;
    result->data = (const wasi_cli_environment_tuple_string_string *)options->env;
    result->count = options->env_count;
    return WW_OK;
}

static ww_status get_arguments(ww_call *call, wasi_cli_environment_list_string *result)
{
    const ww_wasi_options *options = &ww_wasi_of(call)->options;
    *result = (wasi_cli_environment_list_string){options->args, options->arg_count};
    return WW_OK;
}

static ww_status initial_cwd(ww_call *call, wasi_cli_environment_option_string *result)
{
    ww_view cwd = ww_wasi_of(call)->options.cwd;
    *result = (wasi_cli_environment_option_string){cwd.size > 0, cwd};
    return WW_OK;
}

const wasi_cli_environment ww_wasi_cli_environment = {get_environment, get_arguments, initial_cwd};

static ww_status exit_with_result(ww_call *call, const wasi_cli_exit_result_none_none *status)
{
    return ww_call_exit(call, status->is_error ? 1 : 0);
}

static ww_status exit_with_code(ww_call *call, uint8_t code)
{
    return ww_call_exit(call, code);
}

const wasi_cli_exit ww_wasi_cli_exit = {exit_with_result, exit_with_code};

static ww_status get_stdin(ww_call *call, ww_input_stream **result)
{
    ww_wasi *wasi = ww_wasi_of(call);
    return ww_input_stream_new(wasi, wasi->options.input, NULL, result);
}

static ww_status get_stdout(ww_call *call, ww_output_stream **result)
{
    ww_wasi *wasi = ww_wasi_of(call);
    return ww_output_stream_new(wasi, wasi->options.output, NULL, result);
}

static ww_status get_stderr(ww_call *call, ww_output_stream **result)
{
    ww_wasi *wasi = ww_wasi_of(call);
    return ww_output_stream_new(wasi, wasi->options.error, NULL, result);
}

const wasi_cli_stdin ww_wasi_cli_stdin = {get_stdin};
const wasi_cli_stdout ww_wasi_cli_stdout = {get_stdout};
const wasi_cli_stderr ww_wasi_cli_stderr = {get_stderr};

/* A terminal is there, or it is not. */
static ww_status terminal(ww_call *call, bool is_there, uint32_t *is_some, ww_object **out)
{
    static const ww_object_class class = {"terminal", ww_token_free};
    *is_some = is_there;
    *out = NULL;
    return is_there ? ww_token_new(ww_wasi_of(call), &class, out) : WW_OK;
}

static ww_status get_terminal_stdin(ww_call *call,
                                    wasi_cli_terminal_stdin_option_terminal_input *result)
{
    bool is_there = ww_wasi_of(call)->options.input_is_terminal;
    return terminal(call, is_there, &result->is_some, (ww_object **)&result->some);
}

static ww_status get_terminal_stdout(ww_call *call,
                                     wasi_cli_terminal_stdout_option_terminal_output *result)
{
    bool is_there = ww_wasi_of(call)->options.output_is_terminal;
    return terminal(call, is_there, &result->is_some, (ww_object **)&result->some);
}

static ww_status get_terminal_stderr(ww_call *call,
                                     wasi_cli_terminal_stderr_option_terminal_output *result)
{
    bool is_there = ww_wasi_of(call)->options.error_is_terminal;
    return terminal(call, is_there, &result->is_some, (ww_object **)&result->some);
}

const wasi_cli_terminal_stdin ww_wasi_cli_terminal_stdin = {get_terminal_stdin};
const wasi_cli_terminal_stdout ww_wasi_cli_terminal_stdout = {get_terminal_stdout};
const wasi_cli_terminal_stderr ww_wasi_cli_terminal_stderr = {get_terminal_stderr};
