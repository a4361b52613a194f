/* node/stdio.h - the process's standard streams, as a cell's. */
#pragma once
#include "resource/wasi.h"

typedef struct ww_stdio {
    ww_source *input;
    ww_sink *output, *error; /* one sink for both where they lead to the same file or terminal */
    bool input_is_terminal, output_is_terminal, error_is_terminal;
} ww_stdio;

/* A stream that is closed reads as its end and swallows what is written. */
WW_MUST_USE ww_status ww_stdio_init(ww_stdio *stdio, ww_loop *loop, ww_diag *diag);
void ww_stdio_deinit(ww_stdio *stdio); /* also fit for a zeroed one */

/* The streams' part of `wasi`, which borrows them. */
void ww_stdio_give(const ww_stdio *stdio, ww_wasi_options *wasi);
