/* node/surroundings.h - what a guest finds when it starts: its words and its directories. */
#pragma once
#include "config/run.h"
#include "resource/wasi.h"

typedef struct ww_surroundings {
    const ww_allocator *allocator;
    ww_view *args;
    ww_env *env;
    ww_preopen *preopens;
    size_t arg_count, env_count, preopen_count;
} ww_surroundings;

/* Opens the volumes. Borrows the texts of `options` and `name`, which becomes argv[0]. The caller
 * deinits, also after a failure. */
WW_MUST_USE ww_status ww_surroundings_init(ww_surroundings *surroundings, const char *name,
                                           const ww_run_options *options, ww_loop *loop,
                                           const ww_allocator *allocator, ww_diag *diag);
void ww_surroundings_deinit(ww_surroundings *surroundings); /* also fit for a zeroed one */

/* This part of `wasi`, which borrows. */
void ww_surroundings_give(const ww_surroundings *surroundings, ww_wasi_options *wasi);
