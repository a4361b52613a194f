#include "node/stdio.h"
#include <fcntl.h>
#include <unistd.h>

static bool is_open(int number)
{
    return fcntl(number, F_GETFD) >= 0;
}

static ww_status attach(ww_loop *loop, int number, ww_fd **out, ww_diag *diag)
{
    *out = NULL;
    return is_open(number) ? ww_fd_attach(loop, number, out, diag) : WW_OK;
}

static ww_status open_outputs(ww_stdio *stdio, ww_fd *output, ww_fd *error)
{
    ww_status status = WW_OK;
    if (output) status = ww_sink_of_fd(output, WW_FD_HERE, &stdio->output);
    if (status || !error) return status;
    if (output && ww_fd_same_output(output, error))
        stdio->error = ww_sink_ref(stdio->output);
    else
        status = ww_sink_of_fd(error, WW_FD_HERE, &stdio->error);
    return status;
}

ww_status ww_stdio_init(ww_stdio *stdio, ww_loop *loop, ww_diag *diag)
{
    ww_fd *input = NULL, *output = NULL, *error = NULL;
    *stdio = (ww_stdio){.input = NULL};
    ww_status status = attach(loop, STDIN_FILENO, &input, diag);
    if (!status) status = attach(loop, STDOUT_FILENO, &output, diag);
    if (!status) status = attach(loop, STDERR_FILENO, &error, diag);
    if (status) goto out;
    stdio->input_is_terminal = input && input->is_terminal;
    stdio->output_is_terminal = output && output->is_terminal;
    stdio->error_is_terminal = error && error->is_terminal;
    if (input) status = ww_source_of_fd(input, WW_FD_HERE, &stdio->input);
    if (!status) status = open_outputs(stdio, output, error);
    if (status) ww_fail(diag, status, "standard streams: %s", ww_status_text(status));
out:
    ww_fd_unref(input);
    ww_fd_unref(output);
    ww_fd_unref(error);
    if (status) ww_stdio_deinit(stdio);
    return status;
}

void ww_stdio_deinit(ww_stdio *stdio)
{
    ww_source_unref(stdio->input);
    ww_sink_unref(stdio->output);
    ww_sink_unref(stdio->error);
    *stdio = (ww_stdio){.input = NULL};
}

void ww_stdio_give(const ww_stdio *stdio, ww_wasi_options *wasi)
{
    wasi->input = stdio->input;
    wasi->output = stdio->output;
    wasi->error = stdio->error;
    wasi->input_is_terminal = stdio->input_is_terminal;
    wasi->output_is_terminal = stdio->output_is_terminal;
    wasi->error_is_terminal = stdio->error_is_terminal;
}
