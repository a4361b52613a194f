#include "node/surroundings.h"

static ww_env split_env(const char *text)
{
    const char *equal = strchr(text, '=');
    return (ww_env){ww_view_of(text, (size_t)(equal - text)), ww_view_str(equal + 1)};
}

static ww_status open_volumes(ww_surroundings *s, const ww_run_options *options, ww_loop *loop,
                              ww_diag *diag)
{
    for (size_t i = 0; i < options->volume_count; i++) {
        const ww_volume *volume = &options->volumes[i];
        ww_preopen *preopen = &s->preopens[i];
        ww_status status = ww_fd_open_directory(loop, volume->host, &preopen->fd, diag);
        if (status) return ww_fail_in(diag, "volume");
        preopen->name = ww_view_str(volume->guest);
        preopen->is_writable = volume->writable;
        s->preopen_count++;
    }
    return WW_OK;
}

ww_status ww_surroundings_init(ww_surroundings *s, const char *name, const ww_run_options *options,
                               ww_loop *loop, const ww_allocator *allocator, ww_diag *diag)
{
    *s = (ww_surroundings){
        .allocator = allocator,
        .arg_count = options->arg_count + 1,
        .env_count = options->env_count,
    };
    s->args = ww_alloc_array(allocator, s->arg_count, sizeof *s->args);
    s->env = ww_alloc_array(allocator, s->env_count + 1, sizeof *s->env);
    s->preopens = ww_alloc_array(allocator, WW_VOLUMES_MAX, sizeof *s->preopens);
    if (!s->args || !s->env || !s->preopens) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    s->args[0] = ww_view_str(name);
    for (size_t i = 0; i < options->arg_count; i++)
        s->args[i + 1] = ww_view_str(options->args[i]);
    for (size_t i = 0; i < options->env_count; i++)
        s->env[i] = split_env(options->env[i]);
    return open_volumes(s, options, loop, diag);
}

void ww_surroundings_deinit(ww_surroundings *s)
{
    if (!s->allocator) return;
    for (size_t i = 0; i < s->preopen_count; i++)
        ww_fd_unref(s->preopens[i].fd);
    ww_free(s->allocator, s->args, s->arg_count * sizeof *s->args);
    ww_free(s->allocator, s->env, (s->env_count + 1) * sizeof *s->env);
    ww_free(s->allocator, s->preopens, WW_VOLUMES_MAX * sizeof *s->preopens);
    s->allocator = NULL;
}

void ww_surroundings_give(const ww_surroundings *s, ww_wasi_options *wasi)
{
    wasi->args = s->args;
    wasi->arg_count = s->arg_count;
    wasi->env = s->env;
    wasi->env_count = s->env_count;
    wasi->preopens = s->preopens;
    wasi->preopen_count = s->preopen_count;
}
