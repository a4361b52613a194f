/* config/run.h - what `ww run` was asked to do. */
#pragma once
#include "base/bytes.h"

enum { WW_VOLUMES_MAX = 64, WW_ENV_MAX = 1024, WW_ARGS_MAX = 4096 };

/* HOST:GUEST[:ro|rw]. A guest sees the host directory at the guest path, read-only unless it says
 * rw. */
typedef struct ww_volume {
    char *host, *guest;
    bool writable;
} ww_volume;

typedef struct ww_run_options {
    const char *image;
    const char *const *args; /* the guest's, after argv[0] */
    size_t arg_count;
    ww_volume volumes[WW_VOLUMES_MAX];
    size_t volume_count;
    const char *env[WW_ENV_MAX]; /* "K=V" each */
    size_t env_count;
    uint64_t timeout_ms, cpu_ms; /* 0: no limit */
    uint64_t memory_bytes_max;   /* of all linear memories */
    bool serve;                  /* the node stays when the guest is over */
    bool lends_operator;         /* to an image that asks for it */
} ww_run_options;

/* E_USAGE with the reason; copies. */
WW_MUST_USE ww_status ww_run_options_add_volume(ww_run_options *options, const char *text,
                                                ww_diag *diag);
WW_MUST_USE ww_status ww_run_options_add_env(ww_run_options *options, const char *text,
                                             ww_diag *diag);
void ww_run_options_deinit(ww_run_options *options);
