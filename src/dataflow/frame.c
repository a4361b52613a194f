/* Executions: making frames, moving values through them, and telling when a tree of them has
 * drained.
 *
 * Invariants
 *   F1  A site of a frame is written at most once; a second value for it is dropped.
 *   F2  missing[op] counts the inputs that op still waits for; it enters the frontier when
 *       that becomes 0, once.
 *   F3  root.outstanding == operations of the tree in the frontier, parked, or waiting for
 *       an answer.
 *   F4  The frontier has room for every operation of every live frame, so that pushing cannot fail.
 *   F5  The events for the host have room for every output of every live root of a module.
 *   F6  A root is in `live` while outstanding > 0 or it is being started, then in `finished`
 *       until the next poll.
 */
#include "dataflow/engine.h"

enum { SPARE_MAX = 64 };

static void link_root(df_frame **list, df_frame *frame)
{
    frame->previous = NULL;
    frame->next = *list;
    if (*list) (*list)->previous = frame;
    *list = frame;
}

static void unlink_root(df_frame **list, df_frame *frame)
{
    *(frame->previous ? &frame->previous->next : list) = frame->next;
    if (frame->next) frame->next->previous = frame->previous;
}

static size_t size_of(const df_graph *graph)
{
    return graph ? graph->frame_size : sizeof(df_frame);
}

static df_frame *take_memory(ww_dataflow *flow, df_graph *graph)
{
    if (graph && graph->spare) {
        df_frame *frame = graph->spare;
        graph->spare = frame->next;
        graph->spare_count--;
        return frame;
    }
    size_t size = size_of(graph);
    if (size > flow->limits.frame_bytes_max - flow->frame_bytes) return NULL;
    df_frame *frame = ww_alloc(flow->allocator, size);
    if (frame) flow->frame_bytes += size;
    return frame;
}

static void give_memory(ww_dataflow *flow, df_frame *frame)
{
    df_graph *graph = frame->graph;
    if (graph && graph->spare_count < SPARE_MAX) {
        frame->next = graph->spare;
        graph->spare = frame;
        graph->spare_count++;
        return;
    }
    flow->frame_bytes -= size_of(graph);
    ww_free(flow->allocator, frame, size_of(graph));
}

/* Also of the graphs that its operations hold. */
void df_spare_free(ww_dataflow *flow, df_graph *graph)
{
    for (; graph; graph = graph->next_held) {
        while (graph->spare) {
            df_frame *frame = graph->spare;
            graph->spare = frame->next;
            flow->frame_bytes -= graph->frame_size;
            ww_free(flow->allocator, frame, graph->frame_size);
        }
        graph->spare_count = 0;
    }
}

static void lay_out(df_frame *frame, df_graph *graph)
{
    void *values = frame + 1;
    frame->values = values;
    frame->missing = NULL;
    if (!graph) return;
    void *missing = frame->values + graph->site_count;
    frame->missing = missing;
    memset(values, 0, graph->site_count * sizeof(ww_flow_value));
    if (graph->op_count) memcpy(missing, graph->needs, graph->op_count * sizeof(uint32_t));
}

/* How many events for the host it can come to. */
static uint32_t outputs_of(const df_graph *graph, const df_frame *parent)
{
    return graph && graph->entry && !parent ? graph->output_count : 0;
}

static bool reserve(ww_dataflow *flow, uint32_t ops, uint32_t outputs)
{
    uint64_t ready = flow->live_ops + ops - flow->frontier.count;
    uint64_t events = flow->live_outputs + outputs;
    return ready <= UINT32_MAX / 4 && events <= UINT32_MAX / 4 &&
           !df_ring_reserve(flow, &flow->frontier, sizeof(df_ready), (uint32_t)ready) &&
           !df_ring_reserve(flow, &flow->app_events, sizeof(df_app_event), (uint32_t)events);
}

df_frame *df_frame_new(ww_dataflow *flow, df_graph *graph, df_frame *parent)
{
    uint32_t ops = graph ? graph->op_count : 0, outputs = outputs_of(graph, parent);
    if (!reserve(flow, ops, outputs)) return NULL;
    df_frame *frame = take_memory(flow, graph);
    if (!frame) return NULL;
    *frame =
        (df_frame){.graph = graph, .parent = parent, .sender = DF_NONE, .event_formal = DF_NONE};
    lay_out(frame, graph);
    flow->frame_count++;
    flow->live_ops += ops;
    flow->live_outputs += outputs;
    if (parent) {
        frame->root = parent->root;
        frame->depth = parent->depth + 1;
        frame->tree_next = frame->root->tree_next;
        frame->root->tree_next = frame;
    } else {
        frame->root = frame;
        frame->started_ns = flow->now_ns;
        link_root(&flow->live, frame);
    }
    return frame;
}

/* Without pushing: for inputs that are all there before anything runs. */
void df_frame_preset(df_frame *frame, uint32_t site, ww_flow_value value)
{
    const df_site *s = &frame->graph->sites[site];
    frame->values[site] = value;
    const uint32_t *consumers = frame->graph->consumers + s->consumers_at;
    for (uint32_t i = 0; i < s->consumer_count; i++)
        if (frame->missing[consumers[i]]) frame->missing[consumers[i]]--;
}

static void emit_output(ww_dataflow *flow, df_frame *frame, uint32_t output,
                        const ww_flow_value *value)
{
    df_app_event *event = df_ring_push(flow, &flow->app_events, sizeof *event);
    WW_ASSERT(event && value->type); /* F5 */
    const df_graph *g = frame->graph;
    const ww_view *names = df_names(&g->unit->artifact.names, g->function->outputs);
    *event = (df_app_event){g->function->name, names[output], ww_flow_value_ref(*value)};
}

/* A function's output goes to the caller's site, or, from a module that nobody called, to the host.
 */
static void forward(ww_dataflow *flow, df_frame *frame, uint32_t output, const ww_flow_value *value)
{
    for (; output != DF_NONE; output = frame->graph->output_next[output]) {
        df_frame *parent = frame->parent;
        if (!parent) {
            const df_site *site = &frame->graph->sites[frame->graph->outputs[output]];
            if (frame->graph->entry && !site->consumer_count)
                emit_output(flow, frame, output, value);
            continue;
        }
        const df_op *call = &parent->graph->ops[frame->parent_op];
        if (output >= call->output_count) continue;
        uint32_t site = parent->graph->out_sites[call->outputs_at + output];
        if (site != DF_NONE) df_frame_write(flow, parent, site, ww_flow_value_ref(*value));
    }
}

/* Calls nest at most call_depth_max deep, and with them this. */
void df_frame_write(ww_dataflow *flow, df_frame *frame, uint32_t site, ww_flow_value value)
{
    if (WW_UNLIKELY(frame->values[site].type != WW_FLOW_NONE)) { /* F1 */
        ww_flow_value_unref(value);
        return;
    }
    const df_graph *g = frame->graph;
    const df_site *s = &g->sites[site];
    frame->values[site] = value;
    const uint32_t *consumers = g->consumers + s->consumers_at;
    for (uint32_t i = 0; i < s->consumer_count; i++) {
        uint32_t *missing = &frame->missing[consumers[i]];
        if (*missing && --*missing == 0) df_frame_push(flow, frame, consumers[i]); /* F2 */
    }
    if (s->output) forward(flow, frame, s->output - 1, &value);
}

void df_frame_stage(ww_dataflow *flow, df_frame *frame, uint32_t formal, ww_flow_value value)
{
    uint32_t site = frame->graph->formals[formal];
    if (frame->values[site].type != WW_FLOW_NONE) {
        ww_flow_value_unref(value);
        return;
    }
    df_frame_preset(frame, site, value);
    if (frame->graph->sites[site].output)
        forward(flow, frame, frame->graph->sites[site].output - 1, &value);
}

/* Starts, in node order, what waits for nothing more. */
void df_frame_seed(ww_dataflow *flow, df_frame *frame)
{
    for (uint32_t op = 0; op < frame->graph->op_count; op++)
        if (!frame->missing[op]) df_frame_push(flow, frame, op);
}

void df_frame_drained(ww_dataflow *flow, df_frame *root)
{
    unlink_root(&flow->live, root);
    link_root(&flow->finished, root);
    if (!root->bootstrap) return;
    ww_bootstrap_result result = {
        .status = root->status, .ops_run = root->ops_run, .ops_failed = root->ops_failed};
    ww_bootstrap_finish(flow->queue, root->ticket, result, flow->now_ns);
    root->bootstrap = false;
    flow->lock_epoch++;
}

static void release_frame(ww_dataflow *flow, df_frame *frame)
{
    if (frame->graph) {
        for (uint32_t i = 0; i < frame->graph->site_count; i++)
            ww_flow_value_unref(frame->values[i]);
        flow->live_ops -= frame->graph->op_count;
        flow->live_outputs -= outputs_of(frame->graph, frame->parent);
    }
    flow->frame_count--;
    give_memory(flow, frame);
}

void df_frame_release(ww_dataflow *flow, df_frame *root)
{
    ww_budget_release(flow->ingress, root->charge);
    while (root) {
        df_frame *next = root->tree_next;
        release_frame(flow, root);
        root = next;
    }
}

/* A root that was made but never started. */
void df_frame_drop(ww_dataflow *flow, df_frame *root)
{
    unlink_root(&flow->live, root);
    df_frame_release(flow, root);
}

void df_frames_collect(ww_dataflow *flow)
{
    while (flow->finished) {
        df_frame *root = flow->finished;
        flow->finished = root->next;
        df_frame_release(flow, root);
    }
}
