/* Making and ending an engine, and what the host hands in between polls. */
#include "dataflow/ops.h"

enum { POOL_KEPT_MAX = 64 << 20 };

ww_dataflow_limits ww_dataflow_limits_default(void)
{
    return (ww_dataflow_limits){
        .cycle_op_budget = 1000,
        .pending_async_max = 10000,
        .outbound_max = 10000,
        .inbox_max = 4096,
        .envelope_fills_max = 256,
        .envelope_bytes_max = 16 << 20,
        .fill_bytes_max = 4 << 20,
        .suffix_bytes_max = 4096,
        .addresses_max = 8,
        .address_bytes_max = 256,
        .event_bytes_max = 1 << 20,
        .invoke_inputs_max = 100,
        .invoke_bytes_max = 10 << 20,
        .completion_bytes_max = 4 << 20,
        .peers_max = 16384,
        .timers_max = 65536,
        .queued_values_max = 4096,
        .call_depth_max = 64,
        .held_work_max = 64 << 10,
        .tensor_work_max = 16 << 20,
        .frame_bytes_max = 512 << 20,
        .ingress_bytes_max = 256 << 20,
        .artifact_bytes_max = 256 << 20,
        .memory_bytes_max = (size_t)2 << 30,
    };
}

ww_dataflow_limits ww_dataflow_limits_edge(void)
{
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    limits.envelope_fills_max = 16;
    limits.envelope_bytes_max = 256 << 10;
    limits.fill_bytes_max = 64 << 10;
    limits.suffix_bytes_max = 512;
    limits.addresses_max = 4;
    limits.event_bytes_max = 64 << 10;
    limits.invoke_inputs_max = 16;
    limits.invoke_bytes_max = 256 << 10;
    limits.completion_bytes_max = 64 << 10;
    limits.peers_max = 1024;
    limits.timers_max = 4096;
    limits.queued_values_max = 256;
    limits.held_work_max = 16 << 10;
    limits.tensor_work_max = 4 << 20;
    limits.frame_bytes_max = 16 << 20;
    limits.ingress_bytes_max = 8 << 20;
    limits.artifact_bytes_max = 4 << 20;
    limits.memory_bytes_max = 128 << 20;
    return limits;
}

static ww_status make_queue(ww_dataflow *flow, const ww_dataflow_config *config)
{
    flow->budget.max = flow->limits.ingress_bytes_max;
    flow->ingress = config->queue ? config->budget : &flow->budget;
    flow->queue = config->queue;
    flow->driver = config->driver;
    if (flow->queue) return WW_OK;
    ww_bootstrap_limits limits = ww_bootstrap_limits_default();
    limits.inputs_max = flow->limits.invoke_inputs_max;
    limits.request_bytes_max = flow->limits.invoke_bytes_max;
    flow->owns_queue = true;
    return ww_bootstrap_new(flow->allocator, limits, &flow->budget, flow->hash_key, &flow->queue);
}

ww_status ww_dataflow_new(const ww_dataflow_config *config, ww_dataflow **out, ww_diag *diag)
{
    *out = NULL;
    if (config->peer_id.size && !df_is_multihash(config->peer_id))
        return ww_fail(diag, WW_E_INVALID, "the node's peer id is not a multihash");
    ww_dataflow *flow = ww_alloc_zeroed(config->allocator, sizeof *flow);
    if (!flow) return ww_fail(diag, WW_E_MEMORY, "no memory for a dataflow engine");
    flow->source = config->allocator;
    ww_pool_init(&flow->pool, config->allocator, POOL_KEPT_MAX, config->limits.memory_bytes_max);
    flow->allocator = &flow->pool.base;
    flow->limits = config->limits;
    flow->types = config->types;
    flow->type_count = config->type_count;
    flow->hash_key[0] = flow->random[0] = config->seed[0];
    flow->hash_key[1] = flow->random[1] =
        config->seed[1] | 1; /* xoroshiro must not start from zero */
    memcpy(flow->seen_key, flow->hash_key, sizeof flow->seen_key);
    flow->parked_free = flow->async_free = DF_NONE;
    ww_names_init(&flow->graph_names, flow->allocator, flow->hash_key, UINT32_MAX / 8);
    ww_arena_init(&flow->text, flow->allocator, 1 << 20);
    ww_status status = make_queue(flow, config);
    if (!status && config->peer_id.size) {
        flow->peer_id = ww_blob_copy(flow->allocator, config->peer_id);
        if (!flow->peer_id) status = WW_E_MEMORY;
    }
    if (status) {
        ww_dataflow_free(flow);
        return ww_fail(diag, status, "no memory for a dataflow engine");
    }
    *out = flow;
    return WW_OK;
}

/* --- ending ----------------------------------------------------------------------------------- */

static void free_inbox(ww_dataflow *flow, df_ring *ring)
{
    for (; ring->count; df_ring_pop(ring)) {
        df_inbox_item *item = df_ring_at(ring, 0, sizeof *item);
        if (item->kind == DF_START) {
            ww_blob_unref(item->frame->event);
            df_frame_drop(flow, item->frame);
        }
        df_inbox_item_free(flow, item);
    }
    df_ring_free(flow, ring, sizeof(df_inbox_item));
}

static void free_steps(ww_dataflow *flow)
{
    for (; flow->app_events.count; df_ring_pop(&flow->app_events))
        ww_flow_value_unref(
            ((df_app_event *)df_ring_at(&flow->app_events, 0, sizeof(df_app_event)))->value);
    for (; flow->outbound.count; df_ring_pop(&flow->outbound))
        ww_blob_unref(((df_outbound *)df_ring_at(&flow->outbound, 0, sizeof(df_outbound)))->bytes);
    for (; flow->lent.count; df_ring_pop(&flow->lent))
        ww_blob_unref(*(ww_blob **)df_ring_at(&flow->lent, 0, sizeof(ww_blob *)));
    df_ring_free(flow, &flow->app_events, sizeof(df_app_event));
    df_ring_free(flow, &flow->outbound, sizeof(df_outbound));
    df_ring_free(flow, &flow->requests, sizeof(df_wire_request));
    df_ring_free(flow, &flow->lent, sizeof(ww_blob *));
    df_ring_free(flow, &flow->fired, sizeof(df_place));
    df_ring_free(flow, &flow->lifecycle, sizeof(uint32_t));
    df_ring_free(flow, &flow->frontier, sizeof(df_ready));
    df_ring_free(flow, &flow->seen_order, sizeof(uint64_t));
}

static void free_executions(ww_dataflow *flow)
{
    free_inbox(flow, &flow->inbox);
    free_inbox(flow, &flow->held);
    for (uint32_t i = 0; i < flow->async_top; i++)
        if (flow->asyncs[i].frame && flow->asyncs[i].held != DF_NONE)
            ww_bootstrap_release(flow->queue, flow->components[flow->asyncs[i].held].lock);
    df_frames_collect(flow);
    while (flow->live) {
        df_frame *root = flow->live;
        if (root->bootstrap && !flow->owns_queue)
            ww_bootstrap_finish(flow->queue, root->ticket,
                                (ww_bootstrap_result){.status = WW_E_CLOSED}, flow->now_ns);
        df_frame_drop(flow, root);
    }
}

static void free_program(ww_dataflow *flow)
{
    for (uint32_t i = 0; i < flow->graph_count; i++)
        df_spare_free(flow, flow->graphs[i]);
    df_args_free(flow->graphs, flow->graph_count);
    for (uint32_t i = flow->component_count; i-- > 0;)
        if (flow->components[i].type && flow->components[i].type->destroy)
            flow->components[i].type->destroy(flow->components[i].self);
    while (flow->units) {
        df_unit *unit = flow->units;
        flow->units = unit->next;
        df_unit_free(flow, unit);
    }
    ww_free(flow->allocator, flow->graphs, flow->graph_capacity * sizeof *flow->graphs);
    ww_free(flow->allocator, flow->components, flow->component_capacity * sizeof *flow->components);
    ww_names_deinit(&flow->graph_names);
}

void ww_dataflow_free(ww_dataflow *flow)
{
    if (!flow) return;
    free_executions(flow);
    free_steps(flow);
    free_program(flow);
    df_tables_free(flow);
    df_peers_free(flow);
    ww_buf_deinit(&flow->addresses);
    df_map_free(flow, &flow->async_by_command);
    df_map_free(flow, &flow->seen);
    df_map_free(flow, &flow->edge_index);
    ww_free(flow->allocator, flow->edges, flow->edge_capacity * sizeof *flow->edges);
    ww_free(flow->allocator, flow->parked, flow->parked_capacity * sizeof *flow->parked);
    ww_free(flow->allocator, flow->asyncs, flow->async_capacity * sizeof *flow->asyncs);
    ww_free(flow->allocator, flow->timers, flow->timer_capacity * sizeof *flow->timers);
    if (flow->owns_queue) ww_bootstrap_free(flow->queue);
    ww_blob_unref(flow->peer_id);
    ww_arena_deinit(&flow->text);
    ww_pool_deinit(&flow->pool);
    ww_free(flow->source, flow, sizeof *flow);
}

/* --- what comes in ---------------------------------------------------------------------------- */

static ww_status push_item(ww_dataflow *flow, df_inbox_item item)
{
    if (flow->inbox.count + flow->held.count >= flow->limits.inbox_max) return WW_E_BUSY;
    df_inbox_item *place = df_ring_push(flow, &flow->inbox, sizeof item);
    if (!place) return WW_E_MEMORY;
    *place = item;
    return WW_OK;
}

static ww_status fail_push(ww_status status, ww_diag *diag)
{
    return ww_fail(diag, status, "%s",
                   status == WW_E_BUSY ? "the inbox is full" : ww_status_text(status));
}

static bool is_short_name(ww_view function, ww_view module)
{
    return function.size > module.size && function.data[module.size] == '#' &&
           memcmp(function.data, module.data, module.size) == 0;
}

static df_graph *find_module(const ww_dataflow *flow, ww_view module)
{
    uint32_t id;
    if (ww_names_find(&flow->graph_names, module, &id))
        return flow->graphs[id]->entry ? flow->graphs[id] : NULL;
    for (uint32_t i = 0; i < flow->graph_count; i++)
        if (flow->graphs[i]->entry && is_short_name(flow->graphs[i]->function->name, module))
            return flow->graphs[i];
    return NULL;
}

static uint32_t find_formal(const df_graph *g, ww_view name)
{
    const ww_view *names = df_names(&g->unit->artifact.names, g->function->inputs);
    for (uint32_t i = 0; i < g->formal_count; i++)
        if (ww_view_equal(names[i], name)) return i;
    return DF_NONE;
}

static ww_status write_inputs(ww_dataflow *flow, df_frame *frame, const ww_bootstrap_input *inputs,
                              size_t count, bool event, ww_blob *blob, ww_diag *diag)
{
    df_graph *g = frame->graph;
    uint8_t *at = blob->bytes;
    for (size_t i = 0; i < count; i++) {
        uint32_t formal = find_formal(g, inputs[i].name);
        ww_view copy = ww_view_of(at, inputs[i].bytes.size);
        if (copy.size) memcpy(at, inputs[i].bytes.data, copy.size);
        at += copy.size;
        ww_flow_value value;
        ww_status status =
            df_convert_input(flow, (ww_flow_value_type)g->formal_types[formal], copy, blob, &value);
        if (status)
            return ww_fail(diag, status, "input \"%.*s\"%s", WW_VIEW_ARG(inputs[i].name),
                           status == WW_E_MEMORY ? ": out of memory"
                                                 : " is not of the declared type");
        if (!event) {
            df_frame_stage(flow, frame, formal, value);
            continue;
        }
        frame->event_formal = formal;
        frame->event = ww_blob_ref(blob);
        frame->values[g->formals[formal]] = value;
    }
    return WW_OK;
}

/* A frame with its inputs, not started; their bytes are copied once and charged while it lives. */
static ww_status stage_frame(ww_dataflow *flow, df_graph *g, const ww_bootstrap_input *inputs,
                             size_t count, uint64_t bytes, bool event, ww_diag *diag)
{
    if (!ww_budget_charge(flow->ingress, bytes))
        return ww_fail(diag, WW_E_QUOTA, "BudgetExceeded: %llu bytes, %llu are left",
                       (unsigned long long)bytes,
                       (unsigned long long)ww_budget_left(flow->ingress));
    ww_blob *blob = ww_blob_new(flow->allocator, bytes);
    df_frame *frame = blob ? df_frame_new(flow, g, NULL) : NULL;
    if (!frame) {
        ww_blob_unref(blob);
        ww_budget_release(flow->ingress, bytes);
        return ww_fail(diag, WW_E_MEMORY, "AllocationFailed: %llu bytes",
                       (unsigned long long)bytes);
    }
    frame->charge = bytes;
    ww_status status = write_inputs(flow, frame, inputs, count, event, blob, diag);
    ww_blob_unref(blob);
    if (!status) {
        status = push_item(flow, (df_inbox_item){.kind = DF_START, .frame = frame});
        if (!status) {
            frame->exec_id = event ? 0 : flow->next_exec_id++;
            return WW_OK;
        }
        fail_push(status, diag);
    }
    ww_blob_unref(frame->event);
    df_frame_drop(flow, frame);
    return status;
}

ww_status ww_dataflow_event(ww_dataflow *flow, ww_view module, ww_view input, ww_view bytes,
                            ww_diag *diag)
{
    df_graph *g = find_module(flow, module);
    if (!g) return ww_fail(diag, WW_E_NOT_FOUND, "UnknownModule: \"%.*s\"", WW_VIEW_ARG(module));
    if (find_formal(g, input) == DF_NONE)
        return ww_fail(diag, WW_E_NOT_FOUND, "UnknownInput: \"%.*s\" has no input \"%.*s\"",
                       WW_VIEW_ARG(module), WW_VIEW_ARG(input));
    if (bytes.size > flow->limits.event_bytes_max)
        return ww_fail(diag, WW_E_LIMIT, "OversizePayload: %zu bytes, %u are allowed", bytes.size,
                       flow->limits.event_bytes_max);
    ww_bootstrap_input one = {input, bytes};
    return stage_frame(flow, g, &one, 1, bytes.size, true, diag);
}

static ww_status check_inputs(const ww_dataflow *flow, const df_graph *g,
                              const ww_bootstrap_input *inputs, size_t count, uint64_t *bytes,
                              ww_diag *diag)
{
    if (count > flow->limits.invoke_inputs_max)
        return ww_fail(diag, WW_E_LIMIT, "TooManyInputs: %zu, %u are allowed", count,
                       flow->limits.invoke_inputs_max);
    *bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (find_formal(g, inputs[i].name) == DF_NONE)
            return ww_fail(diag, WW_E_NOT_FOUND, "UnknownInput: \"%.*s\"",
                           WW_VIEW_ARG(inputs[i].name));
        for (size_t k = 0; k < i; k++)
            if (ww_view_equal(inputs[k].name, inputs[i].name))
                return ww_fail(diag, WW_E_EXISTS, "input \"%.*s\" is given twice",
                               WW_VIEW_ARG(inputs[i].name));
        if (inputs[i].bytes.size > flow->limits.invoke_bytes_max ||
            (*bytes += inputs[i].bytes.size) > flow->limits.invoke_bytes_max)
            return ww_fail(diag, WW_E_LIMIT, "OversizePayload: above %u bytes",
                           flow->limits.invoke_bytes_max);
    }
    return WW_OK;
}

ww_status ww_dataflow_invoke(ww_dataflow *flow, ww_view module, const ww_bootstrap_input *inputs,
                             size_t count, uint64_t *exec_id, ww_diag *diag)
{
    df_graph *g = find_module(flow, module);
    if (!g) return ww_fail(diag, WW_E_NOT_FOUND, "UnknownModule: \"%.*s\"", WW_VIEW_ARG(module));
    uint64_t bytes = 0, id = flow->next_exec_id;
    ww_status status = check_inputs(flow, g, inputs, count, &bytes, diag);
    if (!status) status = stage_frame(flow, g, inputs, count, bytes, false, diag);
    if (!status) *exec_id = id;
    return status;
}

void df_inbox_item_free(ww_dataflow *flow, df_inbox_item *item)
{
    for (uint32_t i = 0; i < item->output_count; i++)
        ww_flow_value_unref(item->outputs[i]);
    ww_free(flow->allocator, item->outputs, item->output_count * sizeof *item->outputs);
    if (item->payload) ww_budget_release(flow->ingress, item->payload->size);
    ww_blob_unref(item->payload);
}

static ww_status answer(ww_dataflow *flow, df_inbox_item item)
{
    uint32_t known;
    ww_status status =
        df_map_find(&flow->async_by_command, item.id, &known) ? WW_OK : WW_E_NOT_FOUND;
    if (!status) status = push_item(flow, item);
    if (status) df_inbox_item_free(flow, &item);
    return status;
}

ww_status ww_dataflow_complete(ww_dataflow *flow, uint64_t command, const ww_flow_value *outputs,
                               size_t count)
{
    df_inbox_item item = {.kind = DF_COMPLETION, .id = command};
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += outputs[i].size;
    ww_status status =
        count > UINT16_MAX || bytes > flow->limits.completion_bytes_max ? WW_E_LIMIT : WW_OK;
    if (!status && count) {
        item.outputs = ww_alloc_array(flow->allocator, count, sizeof *outputs);
        if (!item.outputs) status = WW_E_MEMORY;
    }
    if (status) {
        for (size_t i = 0; i < count; i++)
            ww_flow_value_unref(outputs[i]);
        return status;
    }
    item.output_count = (uint32_t)count;
    if (count) memcpy(item.outputs, outputs, count * sizeof *outputs);
    return answer(flow, item);
}

/* Foreign bytes, charged while they wait. */
ww_status df_hold_bytes(ww_dataflow *flow, ww_view bytes, ww_blob **out)
{
    if (!ww_budget_charge(flow->ingress, bytes.size)) return WW_E_QUOTA;
    *out = ww_blob_copy(flow->allocator, bytes);
    if (*out) return WW_OK;
    ww_budget_release(flow->ingress, bytes.size);
    return WW_E_MEMORY;
}

/* Cut at a character's end. */
static ww_view cut_text(ww_view text, size_t most)
{
    if (text.size <= most) return text;
    while (most && (text.data[most] & 0xc0) == 0x80)
        most--;
    return ww_view_of(text.data, most);
}

ww_status ww_dataflow_fail(ww_dataflow *flow, uint64_t command, ww_view detail)
{
    enum { DETAIL_MAX = 4096 };
    df_inbox_item item = {.kind = DF_COMPLETION, .id = command, .failed = true};
    ww_status status = df_hold_bytes(flow, cut_text(detail, DETAIL_MAX), &item.payload);
    return status ? status : answer(flow, item);
}

ww_status ww_dataflow_inbound(ww_dataflow *flow, ww_view peer, ww_view envelope, ww_view observed,
                              ww_diag *diag)
{
    df_inbox_item item = {.kind = DF_ENVELOPE};
    if (envelope.size > flow->limits.envelope_bytes_max)
        return ww_fail(diag, WW_E_LIMIT,
                       "OversizePayload: an envelope of %zu bytes, %u are allowed", envelope.size,
                       flow->limits.envelope_bytes_max);
    ww_status status = df_check_envelope(flow, envelope, diag);
    if (status) return status;
    status = df_peer_of(flow, peer, &item.peer);
    if (!status && observed.size) status = df_learn_address(flow, item.peer, observed);
    if (!status) status = df_hold_bytes(flow, envelope, &item.payload);
    if (status) return ww_fail(diag, status, "an envelope: %s", ww_status_text(status));
    status = push_item(flow, item);
    if (!status) return WW_OK;
    df_inbox_item_free(flow, &item);
    return fail_push(status, diag);
}

void ww_dataflow_send_failed(ww_dataflow *flow, uint64_t wire_req_id, ww_view id)
{
    df_inbox_item item = {.kind = DF_SEND_FAILED, .id = wire_req_id};
    if (df_peer_of(flow, id, &item.peer) || push_item(flow, item))
        return; /* only health is lost by that */
}

void ww_dataflow_sent(ww_dataflow *flow, ww_view id)
{
    uint32_t peer;
    if (flow->peer_names.count && ww_names_find(&flow->peer_names, id, &peer))
        flow->peers[peer].failures = 0; /* its way is open; whether it lives, its answer tells */
}

ww_status ww_dataflow_lifecycle(ww_dataflow *flow, ww_view phase)
{
    uint32_t key;
    ww_status status = df_key_of(flow, DF_PHASES, phase, &key);
    if (status) return status;
    uint32_t *place = df_ring_push(flow, &flow->lifecycle, sizeof key);
    if (!place) return WW_E_MEMORY;
    *place = key;
    return WW_OK;
}

ww_status ww_dataflow_publish(ww_dataflow *flow, ww_view kind)
{
    df_fire_event(flow, kind);
    return WW_OK;
}

/* --- watching --------------------------------------------------------------------------------- */

ww_dataflow_stats ww_dataflow_stats_of(const ww_dataflow *flow)
{
    return (ww_dataflow_stats){
        .frontier = flow->frontier.count,
        .parked = flow->parked_count,
        .pending_async = flow->async_count,
        .executions = flow->frame_count,
        .inbox = flow->inbox.count,
        .held = flow->held.count,
        .outbound = flow->outbound.count,
        .timers = flow->timer_count,
        .graphs = flow->graph_count,
        .components = flow->component_count,
        .ingress_bytes = flow->ingress->used,
        .frame_bytes = flow->frame_bytes,
        .next_exec_id = flow->next_exec_id,
        .incarnation = flow->incarnation,
    };
}

bool ww_dataflow_component_at(const ww_dataflow *flow, uint32_t component,
                              ww_dataflow_component *out)
{
    if (component >= flow->component_count) return false;
    const df_component *c = &flow->components[component];
    *out = (ww_dataflow_component){.slot = c->slot,
                                   .type = c->type_name,
                                   .role = c->type ? c->type->role : WW_FLOW_ROLES,
                                   .lock = c->lock,
                                   .has_bootstrap = c->type && c->type->bootstrap};
    return true;
}

bool ww_dataflow_module_at(const ww_dataflow *flow, uint32_t module, ww_dataflow_module *out)
{
    for (uint32_t i = 0; i < flow->graph_count; i++) {
        const df_graph *g = flow->graphs[i];
        if (!g->entry || module-- > 0) continue;
        *out = (ww_dataflow_module){
            .name = g->function->name, .nodes = g->op_count, .bootstrap = WW_BOOTSTRAP_NONE};
        ww_bootstrap_find(flow->queue, WW_BOOTSTRAP_MODULE, out->name, &out->bootstrap);
        return true;
    }
    return false;
}

static const ww_flow_value *value_in(const df_frame *frame, uint64_t site)
{
    const df_graph *g = frame->graph;
    if (!g || site < g->site_base || site - g->site_base >= g->site_count) return NULL;
    const ww_flow_value *value = &frame->values[site - g->site_base];
    return value->type ? value : NULL;
}

const ww_flow_value *ww_dataflow_slot_at(const ww_dataflow *flow, uint64_t site, uint64_t exec_id)
{
    const df_frame *lists[] = {flow->live, flow->finished};
    for (size_t i = 0; i < WW_COUNT_OF(lists); i++)
        for (const df_frame *root = lists[i]; root; root = root->next)
            for (const df_frame *frame = root; frame; frame = frame->tree_next)
                if (frame->exec_id == exec_id && value_in(frame, site))
                    return value_in(frame, site);
    return NULL;
}

bool ww_dataflow_metric(const ww_dataflow *flow, ww_view name, int64_t *out)
{
    uint32_t key;
    const df_table *table = &flow->tables[DF_METRICS];
    if (!table->names.count || !ww_names_find(&table->names, name, &key)) return false;
    *out = table->keys[key].counter;
    return true;
}
