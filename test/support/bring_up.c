#include "support/bring_up.h"
#include "dataflow/text.h"
#include <stdio.h>

/* --- the log --- */

static bool enabled(const ww_log *log, ww_log_level level, const char *target)
{
    (void)log, (void)target;
    return level <= WW_LOG_DEBUG;
}

static void write_line(const ww_log *log, ww_log_level level, const char *target, const char *line)
{
    test_log *self = WW_CONTAINER_OF((ww_log *)(uintptr_t)log, test_log, base);
    (void)level, (void)target;
    assert_ok(ww_buf_printf(&self->text, "%s\n", line));
}

uint32_t bring_up_logged(const bring_up_node *f, const char *text)
{
    uint32_t count = 0;
    ww_view all = ww_buf_view(&f->log.text);
    size_t size = strlen(text);
    for (size_t at = 0; at + size <= all.size; at++)
        count += !memcmp(all.data + at, text, size);
    return count;
}

/* --- the world --- */

void bring_up_world_init(bring_up_world *world)
{
    test_cells_init(&world->cells);
    assert_ok(ww_contract_link(world->cells.linker));
    world->store = test_program(&world->cells, "store");
    world->learner = test_program(&world->cells, "learner");
    world->other = test_program(&world->cells, "echo");
}

void bring_up_world_deinit(bring_up_world *world)
{
    ww_program_unref(world->store);
    ww_program_unref(world->learner);
    ww_program_unref(world->other);
    test_cells_deinit(&world->cells);
}

static ww_status compile(void *self, ww_view component, ww_program **out, ww_diag *diag)
{
    const bring_up_world *world = self;
    if (ww_view_is(component, "broken")) return ww_fail(diag, WW_E_INVALID, "it does not compile");
    ww_program *program = ww_view_is(component, "bad")       ? world->other
                          : ww_view_is(component, "learner") ? world->learner
                                                             : world->store;
    *out = ww_program_ref(program);
    return WW_OK;
}

/* --- a node --- */

void bring_up_init(bring_up_node *f, bring_up_world *world, const char *folder)
{
    ww_node *node = &f->node;
    ww_diag diag;
    memset(f, 0, sizeof *f);
    f->world = world;
    test_allocator_init(&f->allocator, 0);
    test_clock_init(&f->clock, WW_NS_PER_S);
    f->log.base = (ww_log){enabled, write_line};
    ww_buf_init(&f->log.text, ww_allocator_libc(), SIZE_MAX);
    node->allocator = &f->allocator.base;
    node->log = &f->log.base;
    node->memory_bytes_max = 16 << 20;
    node->ticker = world->cells.ticker;
    snprintf(node->folders.state, sizeof node->folders.state, "%s", folder);
    ww_identity_multihash(node->identity.id, node->peer_id);
    ww_random_system_init(&node->random);
    ww_roster_init(&node->roster);
    node->account = ww_account_new(node->allocator);
    assert_non_null(node->account);
    assert_ok(ww_audit_ring_init(&node->audit, ww_allocator_libc(), 64));
    assert_ok(ww_loop_new(node->allocator, &f->clock.base, &node->loop, &diag));
    assert_ok(ww_rpc_vat_init(&node->rpc, node->loop, NULL));
    ww_programs_init(&node->spawner.programs, node->allocator, node->loop, &node->random.base,
                     (ww_program_maker){world, compile});
    assert_ok(bring_up_open(f, &diag));
}

ww_status bring_up_open(bring_up_node *f, ww_diag *diag)
{
    ww_status status = ww_bringup_open(&f->node.bringup, &f->node, diag);
    if (!status) {
        f->cap.cap = ww_bringup_serve(&f->node.bringup);
        if (!f->cap.cap) status = WW_E_MEMORY;
    }
    if (status) bring_up_close(f);
    return status;
}

void bring_up_close(bring_up_node *f)
{
    ww_capnp_cap_unref(f->cap.cap);
    f->cap.cap = NULL;
    while (f->node.spawner.programs.compilation_count)
        bring_up_turn(f);
    ww_bringup_close(&f->node.bringup);
}

void bring_up_deinit(bring_up_node *f)
{
    ww_node *node = &f->node;
    bring_up_close(f);
    ww_programs_close(&node->spawner.programs);
    for (int i = 0; i < 10; i++)
        bring_up_turn(f);
    ww_account_unref(node->account);
    ww_rpc_vat_deinit(&node->rpc);
    ww_loop_free(node->loop);
    ww_audit_ring_deinit(&node->audit);
    ww_random_system_deinit(&node->random);
    ww_buf_deinit(&f->log.text);
    assert_int_equal(node->roster.count, 0);
    assert_int_equal(f->allocator.live_bytes, 0);
}

/* --- waiting --- */

void bring_up_turn(bring_up_node *f)
{
    ww_loop_turn(f->node.loop, false);
    f->clock.now_ns += WW_NS_PER_MS;
}

static bool is_settled(const bring_up_node *f)
{
    const ww_bringup *b = &f->node.bringup;
    ww_dataflow_stats stats = ww_dataflow_stats_of(b->flow);
    return !b->installs && !b->is_resuming && !b->keeper.is_busy && !b->states.is_busy &&
           !b->is_to_arm && !b->task.link && !b->resume.link &&
           b->asked_count == stats.components && !stats.frontier && !stats.pending_async &&
           !stats.inbox && !stats.held && !b->guests.unanswered &&
           ww_dataflow_next_time(b->flow) > f->clock.now_ns &&
           ww_bootstrap_status_of(b->queue).state != WW_BOOTSTRAP_RUNNING;
}

void bring_up_settle(bring_up_node *f)
{
    enum { TURNS_MAX = 10000000 };
    for (int i = 0; i < TURNS_MAX; i++) {
        if (is_settled(f)) return;
        bring_up_turn(f);
    }
    fail_msg("it never settles");
}

bring_up_facts bring_up_facts_of(const bring_up_node *f)
{
    const ww_bringup *b = &f->node.bringup;
    ww_dataflow_module module;
    bring_up_facts facts = {
        .components = ww_dataflow_stats_of(b->flow).components,
        .targets = ww_bootstrap_target_count(b->queue),
        .cells = f->node.roster.count,
        .journal_bytes = b->keeper.job.file.size,
    };
    while (ww_dataflow_module_at(b->flow, facts.modules, &module))
        facts.modules++;
    for (uint32_t i = 0; i < facts.targets; i++)
        facts.done += ww_bootstrap_target_at(b->queue, i).done;
    return facts;
}

/* --- requests --- */

typedef struct answer {
    ww_capnp_done done;
    bool is_there;
} answer;

static void answered(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, answer, done)->is_there = true;
}

const char *bring_up_ask_kept(bring_up_node *f, ww_capnp_call *call)
{
    answer wanted = {.done = {answered}};
    ww_status status = call ? ww_capnp_call_send(call, &wanted.done) : WW_E_MEMORY;
    snprintf(f->reason, sizeof f->reason, "%s", ww_status_text(status));
    if (status) return f->reason;
    while (!wanted.is_there)
        bring_up_turn(f);
    snprintf(f->reason, sizeof f->reason, "%s", ww_capnp_call_reason(call));
    return ww_capnp_call_failed(call) ? f->reason : NULL;
}

const char *bring_up_ask(bring_up_node *f, ww_capnp_call *call)
{
    const char *reason = bring_up_ask_kept(f, call);
    if (call) ww_capnp_call_drop(call);
    return reason;
}

ww_capnp_call *bring_up_install_call(bring_up_node *f, const char *text, size_t cut,
                                     const bring_up_bind *bindings, uint32_t count)
{
    ww_capnp_call *call;
    ww_buf artifact;
    ww_buf_init(&artifact, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(ww_allocator_libc(), ww_view_str(text), &artifact, NULL));
    bringup_install_b install =
        bringup_bring_up_install_params_init_install(bringup_bring_up_install_begin(f->cap, &call));
    bringup_install_set_artifact(install, ww_view_of(artifact.data, artifact.size - cut));
    bringup_binding_lb list = bringup_install_init_bindings(install, count);
    for (uint32_t i = 0; i < count; i++) {
        bringup_binding_b binding = bringup_binding_lb_at(list, i);
        bringup_binding_set_slot(binding, ww_view_str(bindings[i].slot));
        bringup_binding_set_wasm(binding, ww_view_str(bindings[i].wasm));
        bringup_binding_set_config(binding, ww_view_str(bindings[i].config));
    }
    ww_buf_deinit(&artifact);
    return call;
}

const char *bring_up_install(bring_up_node *f, const char *text, const bring_up_bind *bindings,
                             uint32_t count)
{
    return bring_up_ask(f, bring_up_install_call(f, text, 0, bindings, count));
}

static void put_inputs(bringup_input_lb list, const bring_up_input *inputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bringup_input_b input = bringup_input_lb_at(list, i);
        bringup_input_set_name(input, ww_view_str(inputs[i].name));
        bringup_input_set_bytes(input, ww_view_str(inputs[i].bytes));
    }
}

const char *bring_up_bootstrap(bring_up_node *f, const char *target, const bring_up_input *inputs,
                               uint32_t count)
{
    ww_capnp_call *call;
    bringup_bring_up_bootstrap_params_b params = bringup_bring_up_bootstrap_begin(f->cap, &call);
    bringup_bring_up_bootstrap_params_set_target(params, ww_view_str(target));
    put_inputs(bringup_bring_up_bootstrap_params_init_inputs(params, count), inputs, count);
    return bring_up_ask(f, call);
}

const char *bring_up_invoke(bring_up_node *f, const char *module, const bring_up_input *inputs,
                            uint32_t count)
{
    ww_capnp_call *call;
    bringup_bring_up_invoke_params_b params = bringup_bring_up_invoke_begin(f->cap, &call);
    bringup_bring_up_invoke_params_set_module(params, ww_view_str(module));
    put_inputs(bringup_bring_up_invoke_params_init_inputs(params, count), inputs, count);
    return bring_up_ask(f, call);
}

int bring_up_state_of(bring_up_node *f, const char *target)
{
    int state = -1;
    ww_capnp_call *call;
    bringup_bring_up_status_begin(f->cap, &call);
    if (bring_up_ask_kept(f, call)) {
        state = -2;
    } else {
        bringup_target_l targets = bringup_status_targets(
            bringup_bring_up_status_results_status(bringup_bring_up_status_response(call)));
        for (uint32_t i = 0; i < targets.list.count; i++)
            if (ww_view_is(bringup_target_name(bringup_target_l_at(targets, i)), target))
                state = (int)bringup_target_state(bringup_target_l_at(targets, i));
    }
    if (call) ww_capnp_call_drop(call);
    return state;
}

ww_capnp_call *bring_up_events_call(bring_up_node *f, uint64_t after, bool waits)
{
    ww_capnp_call *call;
    bringup_bring_up_events_params_b params = bringup_bring_up_events_begin(f->cap, &call);
    bringup_bring_up_events_params_set_after(params, after);
    bringup_bring_up_events_params_set_wait(params, waits);
    return call;
}

bool bring_up_events(bring_up_node *f, uint64_t after)
{
    ww_capnp_call *call = bring_up_events_call(f, after, false);
    bool is_told = !bring_up_ask_kept(f, call);
    if (is_told) {
        bringup_event_l events =
            bringup_bring_up_events_results_events(bringup_bring_up_events_response(call));
        size_t at = 0;
        for (uint32_t i = 0; i < events.list.count; i++)
            at += (size_t)snprintf(f->reason + at, sizeof f->reason - at, "%.*s ",
                                   WW_VIEW_ARG(bringup_event_topic(bringup_event_l_at(events, i))));
    }
    if (call) ww_capnp_call_drop(call);
    return is_told;
}
