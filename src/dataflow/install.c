#include "dataflow/installer.h"

ww_status df_install_error(df_installer *in, ww_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ww_vfail(in->diag, status, format, args);
    va_end(args);
    return status;
}

const ww_allocator *df_installer_allocator(const df_installer *in)
{
    return in->flow->allocator;
}

ww_status df_intern(df_installer *in, df_table_kind table, ww_view name, uint32_t *key)
{
    ww_status status = df_key_of(in->flow, table, name, key);
    return status ? df_install_error(in, status, "name \"%.*s\": %s", WW_VIEW_ARG(name),
                                     ww_status_text(status))
                  : WW_OK;
}

/* --- units ------------------------------------------------------------------------------------ */

/* Also of the graphs that a graph's operations hold. */
void df_args_free(df_graph *const *graphs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (const df_graph *g = graphs[i]; g; g = g->next_held)
            for (uint32_t n = 0; g->ops && n < g->op_count; n++)
                if (g->ops[n].arg) ww_flow_value_unref(g->ops[n].arg->value);
}

void df_unit_free(ww_dataflow *flow, df_unit *unit)
{
    ww_arena memory = unit->memory;
    df_artifact_deinit(&unit->artifact);
    ww_blob_unref(unit->bytes);
    ww_arena_deinit(&memory);
    ww_free(flow->allocator, unit, sizeof *unit);
}

static ww_status new_unit(df_installer *in)
{
    ww_dataflow *flow = in->flow;
    df_artifact_limits limits = df_artifact_limits_default();
    limits.bytes_max = flow->limits.artifact_bytes_max;
    if (in->options->artifact.size > limits.bytes_max)
        return df_install_error(in, WW_E_LIMIT, "artifact has %zu bytes, %zu are allowed",
                                in->options->artifact.size, limits.bytes_max);
    df_unit *unit = ww_alloc_zeroed(flow->allocator, sizeof *unit);
    if (!unit) return df_install_error(in, WW_E_MEMORY, "no memory");
    in->unit = unit;
    ww_arena_init(&unit->memory, flow->allocator, SIZE_MAX);
    unit->options = *in->options;
    unit->bytes = ww_blob_copy(flow->allocator, in->options->artifact);
    if (!unit->bytes) return df_install_error(in, WW_E_MEMORY, "no memory for the artifact");
    return df_artifact_decode(&unit->artifact, flow->allocator, &limits,
                              ww_view_of(unit->bytes->bytes, unit->bytes->size), in->diag);
}

/* --- commit ----------------------------------------------------------------------------------- */

/* Graphs in the engine's order: the targets', then the others as they stand in the artifact. */
static ww_status number_graphs(df_installer *in)
{
    uint32_t functions = in->unit->artifact.functions.count, next = 0;
    in->graph_of = ww_arena_array(&in->unit->memory, functions, sizeof *in->graph_of);
    in->graphs = ww_arena_array(&in->unit->memory, in->order_count, sizeof *in->graphs);
    uint8_t *wanted = ww_arena_array(&in->unit->memory, functions, 1);
    if (!in->graph_of || !in->graphs || !wanted)
        return df_install_error(in, WW_E_MEMORY, "no memory");
    for (uint32_t i = 0; i < functions; i++)
        in->graph_of[i] = DF_NONE;
    for (uint32_t i = 0; i < in->order_count; i++)
        wanted[in->order[i]] = 1;
    for (uint32_t i = 0; i < in->options->target_count; i++)
        in->graph_of[in->target_functions[i]] = next++;
    for (uint32_t i = 0; i < functions; i++)
        if (wanted[i] && in->graph_of[i] == DF_NONE) in->graph_of[i] = next++;
    in->graph_count = next;
    return WW_OK;
}

static void number_sites(df_installer *in)
{
    ww_dataflow *flow = in->flow;
    for (uint32_t i = 0; i < in->graph_count; i++) {
        df_graph *g = in->graphs[i];
        g->index = flow->graph_count + i;
        g->site_base = flow->next_site_id;
        g->entry = i < in->options->target_count;
        uint32_t outputs = 0;
        for (uint32_t n = 0; n < g->op_count; n++)
            outputs += g->ops[n].output_count;
        for (uint32_t k = 0; k < outputs; k++)
            g->out_ids[k] = g->site_base + g->out_sites[k];
        for (uint32_t n = 0; n < g->op_count; n++)
            if (g->ops[n].callee != DF_NONE) g->ops[n].callee += flow->graph_count;
        bool addressable = g->entry || g->bootstrap;
        flow->next_site_id += g->site_count - (addressable ? 0 : g->formal_count);
    }
}

/* A module that is installed already is not installed again. */
static ww_status check_new(df_installer *in)
{
    uint32_t id;
    for (uint32_t i = 0; i < in->graph_count; i++)
        if (ww_names_find(&in->flow->graph_names, in->graphs[i]->function->name, &id))
            return df_install_error(in, WW_E_EXISTS, "function \"%.*s\" is installed already",
                                    WW_VIEW_ARG(in->graphs[i]->function->name));
    return WW_OK;
}

static ww_status reserve(df_installer *in)
{
    ww_dataflow *flow = in->flow;
    uint32_t graphs = flow->graph_count + in->graph_count;
    void *list = flow->graphs, *components = flow->components;
    ww_status status = df_grow(flow, &list, &flow->graph_capacity, sizeof *flow->graphs, graphs);
    flow->graphs = list;
    if (!status)
        status = df_grow(flow, &components, &flow->component_capacity, sizeof *flow->components,
                         in->component_count);
    flow->components = components;
    if (!status) status = ww_names_reserve(&flow->graph_names, in->graph_count);
    uint32_t intervals = 0;
    for (uint32_t i = 0; i < in->graph_count; i++)
        intervals += in->graphs[i]->special_count;
    void *timers = flow->timers;
    if (!status)
        status = df_grow(flow, &timers, &flow->timer_capacity, sizeof *flow->timers,
                         flow->timer_count + intervals);
    flow->timers = timers;
    return status ? df_install_error(in, status, "no memory") : WW_OK;
}

static ww_status number_components(df_installer *in)
{
    for (uint32_t i = in->flow->component_count; i < in->component_count; i++) {
        df_component *c = &in->components[i - in->flow->component_count];
        ww_status status = ww_bootstrap_component(in->flow->queue, c->slot, &c->lock);
        if (status)
            return df_install_error(in, status, "slot \"%.*s\": %s", WW_VIEW_ARG(c->slot),
                                    ww_status_text(status));
    }
    return WW_OK;
}

static uint32_t lock_of(const df_installer *in, uint32_t component)
{
    uint32_t old = in->flow->component_count;
    return component < old ? in->flow->components[component].lock
                           : in->components[component - old].lock;
}

static void list_touches(df_installer *in)
{
    for (uint32_t i = 0; i < in->graph_count; i++) {
        df_graph *g = in->graphs[i];
        uint32_t at = 0;
        for (uint32_t c = 0; c < in->component_count && at < g->touch_count; c++)
            if (g->touches[c / 64] >> c % 64 & 1) g->touch_list[at++] = lock_of(in, c);
    }
}

static ww_bootstrap_target target_base(const df_installer *in)
{
    const ww_dataflow_install_options *o = in->options;
    return (ww_bootstrap_target){
        .policy = o->policy,
        .retries = o->retries,
        .retry_delay_ns = o->retry_delay_ns,
        .deadline_ns = o->deadline_ns,
        .driver = in->flow->driver,
    };
}

static ww_status register_module(df_installer *in, uint32_t function)
{
    if (in->graph_of[function] == DF_NONE || !df_is_bootstrap(in, function)) return WW_OK;
    const df_graph *g = in->graphs[in->graph_of[function]];
    ww_bootstrap_target target = target_base(in);
    target.kind = WW_BOOTSTRAP_MODULE;
    target.name = g->function->name;
    target.formals = df_names(&in->unit->artifact.names, g->function->inputs);
    target.formal_count = g->formal_count;
    target.touches = g->touch_list;
    target.touch_count = g->touch_count;
    uint32_t id;
    if (ww_bootstrap_find(in->flow->queue, target.kind, target.name, &id) &&
        ww_view_equal(ww_bootstrap_target_at(in->flow->queue, id).name, target.name))
        return WW_OK; /* by another target of this install */
    return ww_bootstrap_install(in->flow->queue, &target, &id, in->diag);
}

/* In the order in which the host named the modules, then the bootstraps that belong to none of
 * them. */
static ww_status register_modules(df_installer *in)
{
    ww_status status = WW_OK;
    for (uint32_t t = 0; t < in->options->target_count && !status; t++) {
        uint32_t bootstrap = df_bootstrap_of_target(in, t);
        if (bootstrap != DF_NONE) status = register_module(in, bootstrap);
    }
    for (uint32_t i = 0; i < in->unit->artifact.functions.count && !status; i++)
        status = register_module(in, i);
    return status;
}

static ww_status register_component(df_installer *in, const df_component *c)
{
    ww_bootstrap_target target = target_base(in);
    uint32_t id;
    target.kind = WW_BOOTSTRAP_COMPONENT;
    target.name = c->slot;
    target.touches = &c->lock;
    target.touch_count = 1;
    if (c->type->inputs) target.formal_count = c->type->inputs(c->self, &target.formals);
    if (target.formal_count > DF_COMPONENT_INPUTS_MAX)
        return df_install_error(in, WW_E_LIMIT, "slot \"%.*s\" asks for %u inputs, %d are allowed",
                                WW_VIEW_ARG(c->slot), target.formal_count, DF_COMPONENT_INPUTS_MAX);
    target.in_install_order = target.formal_count > 0; /* which waits there for the operator */
    ww_status status = ww_bootstrap_install(in->flow->queue, &target, &id, in->diag);
    if (status) ww_fail_in(in->diag, "slot \"%.*s\"", WW_VIEW_ARG(c->slot));
    return status;
}

/* In front of the modules that use them. */
static ww_status register_components(df_installer *in)
{
    ww_status status = WW_OK;
    for (uint32_t i = in->flow->component_count; i < in->component_count && !status; i++) {
        const df_component *c = &in->components[i - in->flow->component_count];
        if (c->type && c->type->bootstrap) status = register_component(in, c);
    }
    return status;
}

static void commit(df_installer *in)
{
    ww_dataflow *flow = in->flow;
    for (uint32_t i = 0; i < in->graph_count; i++) {
        uint32_t id = 0;
        ww_status status =
            ww_names_intern_borrowed(&flow->graph_names, in->graphs[i]->function->name, &id);
        WW_ASSERT(!status); /* reserved */
        WW_ASSERT(id ==
                  flow->graph_count); /* a name is installed once: its id is the graph's index */
        flow->graphs[flow->graph_count++] = in->graphs[i];
        df_intervals_start(flow, in->graphs[i]);
    }
    in->unit->component_first = flow->component_count;
    in->unit->component_count = in->component_count - flow->component_count;
    for (uint32_t i = flow->component_count; i < in->component_count; i++)
        flow->components[i] = in->components[i - flow->component_count];
    flow->component_count = in->component_count;
    in->unit->targets = in->unit_targets;
    in->unit->target_count = (uint32_t)in->options->target_count;
    in->unit->next = flow->units;
    flow->units = in->unit;
}

static ww_status keep_targets(df_installer *in)
{
    size_t count = in->options->target_count;
    in->unit_targets = ww_arena_array(&in->unit->memory, count, sizeof *in->unit_targets);
    if (!in->unit_targets) return df_install_error(in, WW_E_MEMORY, "no memory");
    for (size_t i = 0; i < count; i++)
        in->unit_targets[i] = df_functions(&in->unit->artifact)[in->target_functions[i]].name;
    return WW_OK;
}

/* All that can fail; nothing of the engine has changed but spare room, and the queue is rolled
 * back. */
static ww_status prepare(df_installer *in)
{
    ww_status status = new_unit(in);
    if (!status) status = df_lift_graphs(in);
    if (!status) status = df_resolve_targets(in);
    if (!status) status = df_resolve_functions(in);
    if (!status) status = df_resolve_bindings(in);
    if (!status) status = number_graphs(in);
    for (uint32_t i = 0; i < in->order_count && !status; i++)
        status = df_link_function(in, in->order[i]);
    if (!status) status = df_touch_sets(in);
    if (!status) status = check_new(in);
    if (!status) status = keep_targets(in);
    if (!status) status = reserve(in);
    if (!status) status = number_components(in);
    if (status) return status;
    list_touches(in);
    status = register_components(in);
    return status ? status : register_modules(in);
}

static void abandon(df_installer *in)
{
    if (!in->unit) return;
    uint32_t made = in->component_count > in->flow->component_count
                        ? in->component_count - in->flow->component_count
                        : 0;
    for (uint32_t i = made; i-- > 0;) {
        df_component *c = &in->components[i];
        if (c->type && c->type->destroy) c->type->destroy(c->self);
    }
    if (in->graphs) df_args_free(in->graphs, in->graph_count);
    df_args_free(&in->graph, 1); /* one that was not finished */
    df_args_free(&in->held, 1);
    df_unit_free(in->flow, in->unit);
}

ww_status df_install(df_installer *in)
{
    ww_dataflow *flow = in->flow;
    ww_bootstrap_mark mark = ww_bootstrap_mark_now(flow->queue);
    ww_status status = prepare(in);
    ww_names_deinit(&in->function_keys);
    ww_names_deinit(&in->recv_names);
    if (status) {
        ww_bootstrap_rollback(flow->queue, mark);
        abandon(in);
        return status;
    }
    number_sites(in);
    df_place_sends(in);
    commit(in);
    return WW_OK;
}

ww_status ww_dataflow_install(ww_dataflow *flow, const ww_dataflow_install_options *options,
                              ww_diag *diag)
{
    df_installer in = {.flow = flow, .options = options, .diag = diag};
    return df_install(&in);
}
