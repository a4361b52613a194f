/* The engine as a driver of the bring-up queue. */
#include "dataflow/engine.h"

static void fail_start(ww_dataflow *flow, const ww_bootstrap_start *start, ww_status status)
{
    ww_bootstrap_finish(flow->queue, start->ticket, (ww_bootstrap_result){.status = status},
                        flow->now_ns);
    flow->lock_epoch++;
}

/* Bytes from the host as the type that the formal declares. */
ww_status df_convert_input(ww_dataflow *flow, ww_flow_value_type type, ww_view bytes,
                           ww_blob *owner, ww_flow_value *out)
{
    if (type == WW_FLOW_NONE || type == WW_FLOW_BYTES) {
        *out = (ww_flow_value){.type = WW_FLOW_BYTES,
                               .size = (uint32_t)bytes.size,
                               .data = bytes.data,
                               .blob = ww_blob_ref(owner)};
        return WW_OK;
    }
    ww_status status = ww_flow_value_decode(flow->allocator, type, bytes, out, NULL);
    if (status != WW_E_INVALID) return status;
    if (type == WW_FLOW_PEER_ID && df_is_multihash(bytes)) {
        *out = ww_flow_value_copy(flow->allocator, type, bytes);
        return out->type ? WW_OK : WW_E_MEMORY;
    }
    if (type != WW_FLOW_TENSOR || bytes.size % sizeof(float)) return WW_E_INVALID;
    uint32_t count = (uint32_t)(bytes.size / sizeof(float)); /* plain numbers are a vector */
    float *data;
    *out = ww_flow_value_tensor(flow->allocator, &count, 1, &data);
    if (!out->type) return WW_E_MEMORY;
    if (count) memcpy(data, bytes.data, bytes.size);
    return WW_OK;
}

static df_frame *root_of(ww_dataflow *flow, df_graph *graph, const ww_bootstrap_start *start)
{
    df_frame *frame = df_frame_new(flow, graph, NULL);
    if (!frame) return NULL;
    frame->exec_id = flow->next_exec_id - 1;
    frame->ticket = start->ticket;
    frame->bootstrap = true;
    frame->fails_on_error = start->policy != WW_BOOTSTRAP_CONTINUE;
    return frame;
}

static void start_module(ww_dataflow *flow, const ww_bootstrap_start *start)
{
    uint32_t id;
    df_graph *graph = ww_names_find(&flow->graph_names, start->name, &id) ? flow->graphs[id] : NULL;
    df_frame *frame = graph ? root_of(flow, graph, start) : NULL;
    if (!frame) {
        fail_start(flow, start, graph ? WW_E_MEMORY : WW_E_NOT_FOUND);
        return;
    }
    for (uint32_t i = 0; i < start->input_count; i++) {
        ww_flow_value value;
        ww_status status = df_convert_input(flow, (ww_flow_value_type)graph->formal_types[i],
                                            start->inputs[i], start->payload, &value);
        if (status) {
            frame->status = status;
            df_frame_settle(flow, frame, 0);
            return;
        }
        df_frame_stage(flow, frame, i, value);
    }
    df_frame_seed(flow, frame);
    if (!frame->outstanding) df_frame_settle(flow, frame, 0);
}

static uint32_t component_of_slot(const ww_dataflow *flow, ww_view slot)
{
    for (uint32_t i = 0; i < flow->component_count; i++)
        if (ww_view_equal(flow->components[i].slot, slot)) return i;
    return DF_NONE;
}

static df_outcome run_component(ww_dataflow *flow, df_frame *frame, const ww_bootstrap_start *start)
{
    ww_flow_value inputs[DF_COMPONENT_INPUTS_MAX];
    WW_ASSERT(start->input_count <= WW_COUNT_OF(inputs)); /* the install has seen to that */
    for (uint32_t i = 0; i < start->input_count; i++)
        inputs[i] = (ww_flow_value){.type = WW_FLOW_BYTES,
                                    .size = (uint32_t)start->inputs[i].size,
                                    .data = start->inputs[i].data,
                                    .blob = start->payload};
    return df_run_bootstrap_of(flow, frame, inputs, start->input_count);
}

static void start_component(ww_dataflow *flow, const ww_bootstrap_start *start)
{
    uint32_t component = component_of_slot(flow, start->name);
    df_frame *frame = component == DF_NONE ? NULL : root_of(flow, NULL, start);
    if (!frame) {
        fail_start(flow, start, component == DF_NONE ? WW_E_NOT_FOUND : WW_E_MEMORY);
        return;
    }
    frame->component = component;
    frame->outstanding = 1;
    frame->ops_run = 1;
    df_outcome outcome = run_component(flow, frame, start);
    if (outcome == DF_PARKED) return;
    if (outcome == DF_FAILED) {
        frame->status = WW_E_IO;
        df_report_failed(flow, frame, component, flow->error);
    }
    df_frame_settle(flow, frame, 1);
}

static void stop_told(ww_dataflow *flow, uint64_t ticket)
{
    for (df_frame *root = flow->live; root; root = root->next) {
        if (!root->bootstrap || root->ticket != ticket) continue;
        df_async_tell(flow, root);
        df_abort(flow, root, WW_E_CANCELED);
        return;
    }
}

/* False: the step buffer is full. */
bool df_start_bootstraps(ww_dataflow *flow)
{
    if (!ww_bootstrap_is_pending(flow->queue)) return true;
    ww_bootstrap_advance(flow->queue, flow->now_ns);
    uint64_t ticket;
    while (ww_bootstrap_take_stop(flow->queue, flow->driver, &ticket))
        stop_told(flow, ticket);
    ww_bootstrap_start start;
    for (;;) {
        if (flow->step_capacity - flow->step_count < 2) return false;
        if (!ww_bootstrap_take(flow->queue, flow->driver, flow->next_exec_id, flow->now_ns, &start))
            return true;
        flow->next_exec_id++;
        if (start.kind == WW_BOOTSTRAP_MODULE)
            start_module(flow, &start);
        else
            start_component(flow, &start);
        ww_bootstrap_advance(flow->queue,
                             flow->now_ns); /* one that ended at once may let the next start */
    }
}

ww_status ww_dataflow_bootstrap(ww_dataflow *flow, const ww_bootstrap_request_item *items,
                                size_t count, ww_bootstrap_fault *fault, ww_diag *diag)
{
    if (count) return ww_bootstrap_request(flow->queue, items, count, flow->now_ns, fault, diag);
    bool armed;
    ww_status status = ww_bootstrap_arm(flow->queue, flow->now_ns, &armed);
    return status ? ww_fail(diag, status, "the install order cannot be armed: %s",
                            ww_status_text(status))
                  : WW_OK;
}

ww_bootstrap *ww_dataflow_queue(ww_dataflow *flow)
{
    return flow->queue;
}

ww_status ww_module_touch_set(const ww_dataflow *flow, ww_view target, const uint32_t **components,
                              uint32_t *count)
{
    uint32_t id;
    if (!ww_bootstrap_find(flow->queue, WW_BOOTSTRAP_MODULE, target, &id)) return WW_E_NOT_FOUND;
    ww_bootstrap_target_info info = ww_bootstrap_target_at(flow->queue, id);
    *components = info.touches;
    *count = info.touch_count;
    return WW_OK;
}
