#include "node/inside.h"

/* A pool slot has limits; what does not fit gets an engine that maps on demand. */
ww_status ww_node_compile(ww_node *node, ww_view component, ww_program **out, ww_diag *diag)
{
    ww_compiler compiler = ww_cached_compiler_of(&node->compiler);
    ww_status status =
        ww_program_new(node->engine, component, node->linker, compiler, node->allocator, out, diag);
    if (status != WW_E_LIMIT) return status;
    ww_engine *roomy;
    ww_diag other;
    if (ww_node_roomy_engine(node, &roomy, &other)) return status;
    return ww_program_new(roomy, component, node->linker, compiler, node->allocator, out, diag);
}

static ww_status load_image(ww_loading *load)
{
    const ww_run_options *options = load->options;
    ww_volume_loader volumes[WW_VOLUMES_MAX];
    const ww_loader *chain[WW_VOLUMES_MAX + 1];
    ww_loader host = ww_host_loader();
    size_t count = 0;
    for (; count < options->volume_count; count++) {
        volumes[count] =
            ww_volume_loader_of(options->volumes[count].host, options->volumes[count].guest);
        chain[count] = &volumes[count].base;
    }
    chain[count++] = &host;
    return ww_image_load(&load->image, chain, count, options->image, &load->diag);
}

static void work(ww_job *job)
{
    ww_loading *load = WW_CONTAINER_OF(job, ww_loading, job);
    load->status = load_image(load);
    if (load->status) return;
    load->status = ww_node_compile(load->node, ww_buf_view(&load->image.component), &load->program,
                                   &load->diag);
    if (load->status) ww_fail_in(&load->diag, "%s", load->options->image);
}

static void done(ww_job *job, bool canceled)
{
    ww_loading *load = WW_CONTAINER_OF(job, ww_loading, job);
    if (canceled) load->status = ww_fail(&load->diag, WW_E_CANCELED, "loading was canceled");
    load->done(load->self);
}

ww_status ww_loading_start(ww_loading *load, ww_node *node, const ww_run_options *options)
{
    load->node = node;
    load->options = options;
    load->job.work = work;
    load->job.done = done;
    ww_image_init(&load->image, node->allocator);
    return ww_job_start(node->loop, &load->job);
}

void ww_loading_deinit(ww_loading *load)
{
    ww_program_unref(load->program);
    load->program = NULL;
    ww_image_deinit(&load->image);
}
