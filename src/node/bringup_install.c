/* Installing modules: load the components they are bound to and ask them, one after the other, then all at once. */
#include "dataflow/artifact.h"
#include "node/bringup.h"
#include "node/inside.h"

enum { INSTALL_MEMORY_MAX = 1 << 20 };

static bringup_binding_l bindings_of(const ww_install *install)
{
    return bringup_install_bindings(install->parts);
}

static void over(ww_install *install, ww_status status)
{
    install->done(install, status);
}

/* --- modules --- */

static bool is_module(const df_artifact *artifact, const df_function *function)
{
    ww_view phase =
        df_metadata_find(artifact, function->metadata, "ai.bytesandbrains.module_phase");
    return phase.data && ww_view_is(phase, "body");
}

/* Copies their names, which the artifact holds only while it is decoded. */
static ww_status list_modules(ww_install *install, const df_artifact *artifact)
{
    uint32_t count = artifact->functions.count;
    install->modules = ww_arena_array(&install->memory, count + 1, sizeof *install->modules);
    if (!install->modules) return ww_fail(&install->diag, WW_E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        const df_function *function = &df_functions(artifact)[i];
        if (!is_module(artifact, function)) continue;
        const void *name =
            ww_arena_copy(&install->memory, function->name.data, function->name.size);
        if (!name) return ww_fail(&install->diag, WW_E_MEMORY, "out of memory");
        install->modules[install->module_count++] = ww_view_of(name, function->name.size);
    }
    return WW_OK;
}

static ww_status find_modules(ww_install *install)
{
    df_artifact artifact;
    df_artifact_limits limits = df_artifact_limits_default();
    ww_view bytes = bringup_install_artifact(install->parts);
    ww_status status = df_artifact_decode(&artifact, install->bringup->node->allocator, &limits,
                                          bytes, &install->diag);
    if (status) return status;
    status = list_modules(install, &artifact);
    df_artifact_deinit(&artifact);
    return status;
}

/* --- binding --- */

static bool is_bound_before(const ww_dataflow_slot *slots, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (ww_view_equal(slots[i].slot, slots[index].slot)) return true;
    return false;
}

/* Of the component that was up in that slot; or NULL. */
static ww_blob *state_of(const ww_install *install, ww_view slot, const ww_flow_offer *offer)
{
    const ww_bringup *b = install->bringup;
    bool was_up = install->is_kept && offer->exports.load &&
                  ww_keeper_is_done(&b->keeper, WW_BOOTSTRAP_COMPONENT, slot);
    return was_up ? ww_states_read(&b->states, slot) : NULL;
}

static ww_status bind_all(ww_install *install, ww_dataflow_slot *slots)
{
    bringup_binding_l bindings = bindings_of(install);
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < bindings.list.count && !status; i++) {
        bringup_binding_r binding = bringup_binding_l_at(bindings, i);
        slots[i] = (ww_dataflow_slot){.slot = bringup_binding_slot(binding),
                                      .config = bringup_binding_config(binding)};
        if (is_bound_before(slots, i))
            return ww_fail(&install->diag, WW_E_EXISTS, "slot \"%.*s\" is bound twice",
                           WW_VIEW_ARG(slots[i].slot));
        ww_blob *state = state_of(install, slots[i].slot, install->offers[i]);
        status = ww_flow_guests_bind(&install->bringup->guests, slots[i].slot, install->offers[i],
                                     state, &slots[i].type);
        ww_blob_unref(state);
    }
    return status ? ww_fail(&install->diag, status, "%s", ww_status_text(status)) : WW_OK;
}

static ww_status hand_over(ww_install *install)
{
    uint32_t count = bindings_of(install).list.count;
    ww_dataflow_slot *slots = ww_arena_array(&install->memory, count + 1, sizeof *slots);
    if (!slots) return ww_fail(&install->diag, WW_E_MEMORY, "out of memory");
    ww_status status = find_modules(install);
    if (!status && install->prepare) status = install->prepare(install);
    if (!status) status = bind_all(install, slots);
    const ww_dataflow_install_options options = {
        .artifact = bringup_install_artifact(install->parts),
        .targets = install->modules,
        .target_count = install->module_count,
        .slots = slots,
        .slot_count = count,
        .policy = WW_BOOTSTRAP_FAIL_TARGET,
    };
    if (!status) status = ww_dataflow_install(install->bringup->flow, &options, &install->diag);
    ww_flow_guests_unbind_all(&install->bringup->guests);
    return status;
}

/* --- what it brought --- */

/* What was up before this process began is passed over, but for components that get their state. */
static void pass_over(ww_install *install, uint32_t first)
{
    ww_bringup *b = install->bringup;
    for (uint32_t i = first; i < ww_bootstrap_target_count(b->queue); i++) {
        ww_bootstrap_target_info info = ww_bootstrap_target_at(b->queue, i);
        bool remembers =
            info.kind == WW_BOOTSTRAP_COMPONENT && ww_flow_guests_find(&b->guests, info.name);
        if (!remembers && ww_keeper_is_done(&b->keeper, info.kind, info.name))
            ww_bootstrap_mark_done(b->queue, i);
    }
}

static void kept(ww_keep *keep)
{
    over(WW_CONTAINER_OF(keep, ww_install, keep), WW_OK);
}

/* What can fail comes first: once the engine has taken it, it is installed. */
static ww_status try_install(ww_install *install)
{
    ww_keeper *keeper = &install->bringup->keeper;
    ww_status status =
        install->is_kept ? WW_OK : ww_keep_install(keeper, install->parts, &install->keep);
    if (status)
        return ww_fail(&install->diag, status, "%s: %s", WW_JOURNAL_NAME, ww_status_text(status));
    return hand_over(install);
}

static void install_now(ww_install *install)
{
    ww_bringup *b = install->bringup;
    uint32_t first_target = ww_bootstrap_target_count(b->queue);
    ww_status status = try_install(install);
    if (status) {
        over(install, status);
        return;
    }
    pass_over(install, first_target);
    b->is_to_arm = true;
    ww_bringup_wake(b);
    install->keep.done = kept;
    if (install->is_kept)
        over(install, WW_OK);
    else
        ww_keeper_add(&b->keeper, &install->keep);
}

/* --- loading --- */

static void load_next(ww_install *install);

/* The slot whose component is being loaded or asked. */
static ww_view current_slot(const ww_install *install)
{
    return bringup_binding_slot(bringup_binding_l_at(bindings_of(install), install->offer_count));
}

static void refuse_current(ww_install *install, const ww_diag *diag)
{
    install->diag = *diag;
    ww_fail_in(&install->diag, "slot \"%.*s\"", WW_VIEW_ARG(current_slot(install)));
    over(install, diag->status);
}

static void on_asked(ww_flow_ask *ask, ww_status status)
{
    ww_install *install = WW_CONTAINER_OF(ask, ww_install, ask);
    if (status) {
        refuse_current(install, &ask->diag);
        return;
    }
    install->offers[install->offer_count++] = ww_flow_offer_ref(ask->offer);
    ww_flow_ask_deinit(ask);
    load_next(install);
}

static void on_loaded(ww_load *load, ww_loaded *program, const ww_diag *diag)
{
    ww_install *install = WW_CONTAINER_OF(load, ww_install, load);
    const ww_bringup *b = install->bringup;
    if (!program) {
        refuse_current(install, diag);
        return;
    }
    install->loaded[install->loaded_count++] = program;
    install->ask.done = on_asked;
    ww_flow_ask_start(&install->ask, &b->guests.around, current_slot(install),
                      ww_programs_program(program), b->node->allocator);
}

static void load_next(ww_install *install)
{
    bringup_binding_l bindings = bindings_of(install);
    if (install->loaded_count == bindings.list.count) {
        install_now(install);
        return;
    }
    ww_programs *programs = &install->bringup->node->spawner.programs;
    if (programs->is_closed) {
        over(install, ww_fail(&install->diag, WW_E_CLOSED, "the node ends"));
        return;
    }
    ww_view wasm = bringup_binding_wasm(bringup_binding_l_at(bindings, install->loaded_count));
    install->load = (ww_load){.done = on_loaded};
    ww_programs_load(programs, wasm, &install->load);
}

static void refuse(ww_task *task)
{
    ww_install *install = WW_CONTAINER_OF(WW_CONTAINER_OF(task, ww_load, task), ww_install, load);
    ww_fail(&install->diag, WW_E_LIMIT, "more than %d installs at a time, or %d bindings of one",
            WW_INSTALLS_MAX, WW_BINDINGS_MAX);
    over(install, WW_E_LIMIT);
}

/* What is wrong with the artifact comes before what is wrong with its components. */
static void begin(ww_task *task)
{
    ww_install *install = WW_CONTAINER_OF(WW_CONTAINER_OF(task, ww_load, task), ww_install, load);
    const ww_bringup *b = install->bringup;
    install->is_held = b->is_resuming && !install->is_kept;
    if (install->is_held) return;
    ww_status status = ww_dataflow_inspect(
        b->node->allocator, bringup_install_artifact(install->parts), NULL, &install->diag);
    if (status)
        over(install, status);
    else
        load_next(install);
}

void ww_installs_go_on(ww_bringup *b)
{
    for (ww_install *at = b->installs; at; at = at->next)
        if (at->is_held) ww_loop_post(b->node->loop, &at->load.task);
}

void ww_install_start(ww_bringup *b, ww_install *install)
{
    install->bringup = b;
    install->next = NULL;
    install->link = &b->installs;
    while (*install->link)
        install->link = &(*install->link)->next;
    *install->link = install;
    b->install_count++;
    ww_arena_init(&install->memory, b->node->allocator, INSTALL_MEMORY_MAX);
    bool fits =
        b->install_count <= WW_INSTALLS_MAX && bindings_of(install).list.count <= WW_BINDINGS_MAX;
    install->load.task = (ww_task){.run = fits ? begin : refuse};
    ww_loop_post(b->node->loop, &install->load.task);
}

void ww_install_deinit(ww_install *install)
{
    *install->link = install->next;
    if (install->next) install->next->link = install->link;
    install->bringup->install_count--;
    ww_task_cancel(&install->load.task);
    ww_flow_ask_deinit(&install->ask);
    for (uint32_t i = 0; i < install->offer_count; i++)
        ww_flow_offer_unref(install->offers[i]);
    for (uint32_t i = 0; i < install->loaded_count; i++)
        ww_loaded_unref(install->loaded[i]);
    ww_keep_deinit(&install->keep);
    ww_arena_deinit(&install->memory);
}
