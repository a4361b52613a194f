/* If, Loop and BackendSubgraph: operations that hold graphs. A graph only computes, so that each
 * run of one begins and ends inside the operation: nothing of it is seen from outside, waits, or
 * stands in a snapshot.
 *
 * Invariants
 *   C1  Behind an operation that holds graphs the frontier is as it was before.
 *   C2  Graphs hold graphs at most as deep as the artifact's limit, and with them this. */
#include "dataflow/installer.h"
#include "dataflow/tensor.h"
#include <stdio.h>

enum { LOOP_FIXED = 2 }; /* inputs of a Loop, and of its graph, in front of what it carries */

/* --- at install ------------------------------------------------------------------------------- */

/* Without what its graphs capture. */
static uint32_t own_inputs(const df_installer *in, const df_node *node)
{
    const df_artifact *a = &in->unit->artifact;
    const df_attribute *attributes = df_attributes(a, node->attributes);
    for (uint32_t i = 0; i < node->attributes.count; i++)
        if (attributes[i].type == DF_ATTR_GRAPH)
            return df_body_at(a, attributes[i].body)->captured_at;
    return node->inputs.count;
}

/* Whoever may not touch the component of an inner operation may not run the outer one. */
static ww_status adopt_component(df_installer *in, const df_node *node, const df_graph *inner)
{
    df_op *op = &in->graph->ops[in->op];
    for (uint32_t i = 0; i < inner->op_count; i++) {
        uint32_t component = inner->ops[i].component;
        if (component == DF_NONE || component == op->component) continue;
        if (op->component != DF_NONE)
            return df_install_error(in, WW_E_UNSUPPORTED,
                                    "offset %zu: the graphs of %.*s work on several components",
                                    node->offset, WW_VIEW_ARG(node->op_type));
        op->component = component;
    }
    return WW_OK;
}

static ww_status take_graph(df_installer *in, const df_node *node, df_arg *arg, const char *name,
                            uint32_t takes, uint32_t gives)
{
    const df_attribute *a = df_attribute_find(arg->artifact, node, name);
    if (!a || a->type != DF_ATTR_GRAPH)
        return df_install_error(in, WW_E_INVALID, "offset %zu: %.*s without a graph `%s`",
                                node->offset, WW_VIEW_ARG(node->op_type), name);
    const df_body *body = df_body_at(arg->artifact, a->body);
    if (body->declared != takes || body->function.outputs.count < gives)
        return df_install_error(in, WW_E_INVALID,
                                "offset %zu: graph `%s` of %.*s takes %u values and gives %u;"
                                " it must take %u and give at least %u",
                                node->offset, name, WW_VIEW_ARG(node->op_type), body->declared,
                                body->function.outputs.count, takes, gives);
    if (!arg->held) arg->held = ww_arena_array(&in->unit->memory, DF_HELD_MAX, sizeof *arg->held);
    if (!arg->held) return df_install_error(in, WW_E_MEMORY, "no memory");
    arg->held[arg->held_count++] =
        (df_held_graph){in->bodies[a->body], body->declared, body->captured_at};
    return adopt_component(in, node, in->bodies[a->body]);
}

ww_status df_prepare_if(df_installer *in, const df_node *node, df_arg *arg)
{
    if (own_inputs(in, node) != 1)
        return df_install_error(in, WW_E_INVALID, "offset %zu: If needs one input", node->offset);
    ww_status status = take_graph(in, node, arg, "then_branch", 0, node->outputs.count);
    return status ? status : take_graph(in, node, arg, "else_branch", 0, node->outputs.count);
}

ww_status df_prepare_loop(df_installer *in, const df_node *node, df_arg *arg)
{
    uint32_t own = own_inputs(in, node);
    if (own < LOOP_FIXED)
        return df_install_error(in, WW_E_INVALID, "offset %zu: Loop needs two inputs",
                                node->offset);
    uint32_t carried = own - LOOP_FIXED;
    arg->count = carried;
    return take_graph(in, node, arg, "body", own,
                      1 + (node->outputs.count > carried ? node->outputs.count : carried));
}

ww_status df_prepare_subgraph(df_installer *in, const df_node *node, df_arg *arg)
{
    return take_graph(in, node, arg, "body", own_inputs(in, node), node->outputs.count);
}

/* --- one run of a graph ----------------------------------------------------------------------- */

static bool count_work(ww_dataflow *flow)
{
    flow->ops_this_poll++;
    if (++flow->held_work <= flow->limits.held_work_max) return true;
    df_fail(flow, WW_FLOW_OP_COOLDOWN, "work_limit", "more than %u operations",
            flow->limits.held_work_max);
    return false;
}

static void give(ww_dataflow *flow, df_frame *run, uint32_t formal, const ww_flow_value *value)
{
    if (value) df_frame_stage(flow, run, formal, ww_flow_value_ref(*value));
}

/* An execution of the graph with what it captures, or NULL. The caller gives it the rest. */
static df_frame *begin(ww_dataflow *flow, const df_op *op, const df_frame *frame, int which)
{
    const df_held_graph *held = &op->arg->held[which];
    df_frame *run = df_frame_new(flow, held->graph, NULL);
    if (!run) {
        df_fail(flow, WW_FLOW_OP_COOLDOWN, "frame_limit", "no room for an execution of a graph");
        return NULL;
    }
    for (uint32_t i = held->declared; i < held->graph->formal_count; i++)
        give(flow, run, i, df_input(op, frame, held->captured_at + i - held->declared));
    return run;
}

/* Runs all that comes to run; what it needs is there, for it only computes. C1 */
static bool run_out(ww_dataflow *flow, df_frame *run)
{
    df_ring *frontier = &flow->frontier;
    uint32_t before = frontier->count;
    df_frame_seed(flow, run);
    while (frontier->count > before) {
        df_ready ready = *(df_ready *)df_ring_at(frontier, frontier->count - 1, sizeof(df_ready));
        frontier->count--;
        const df_op *op = &ready.frame->graph->ops[ready.op];
        if (count_work(flow) && op->run(flow, op, ready.frame) == DF_DONE) continue;
        frontier->count = before;
        return false;
    }
    return true;
}

/* NULL: df_fail has been called. */
static const ww_flow_value *result(ww_dataflow *flow, const df_frame *run, uint32_t output)
{
    uint32_t site = run->graph->outputs[output];
    if (site != DF_NONE && run->values[site].type != WW_FLOW_NONE) return &run->values[site];
    df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_output", "output %u of the graph is missing",
            output);
    return NULL;
}

/* All of them, or none, are written. */
static bool hand_out(ww_dataflow *flow, const df_op *op, df_frame *frame, const df_frame *run)
{
    for (uint32_t i = 0; i < op->output_count; i++)
        if (!result(flow, run, i)) return false;
    for (uint32_t i = 0; i < op->output_count; i++)
        df_output(flow, op, frame, i, ww_flow_value_ref(*result(flow, run, i)));
    return true;
}

static void begin_work(ww_dataflow *flow, const df_frame *frame)
{
    if (frame->graph->held) return; /* what is held works on its holder's account */
    flow->held_work = 0;
    flow->held_steps = 0;
}

/* What went wrong inside, and where. */
static df_outcome fail_inside(ww_dataflow *flow, const df_op *op, const char *where)
{
    df_error inner = flow->error;
    return df_fail(flow, inner.kind, inner.reason, "%.*s%s: %.*s",
                   WW_VIEW_ARG(op->arg->node->op_type), where, WW_VIEW_ARG(inner.detail));
}

/* --- If, BackendSubgraph ---------------------------------------------------------------------- */

/* One number. False: df_fail has been called. */
static bool number_of(ww_dataflow *flow, const ww_flow_value *value, const char *what, float *out)
{
    df_array array;
    if (!df_array_view(value, &array) || array.shape.elements != 1) {
        df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "input_type_mismatch", "%s is not one number",
                what);
        return false;
    }
    *out = array.data[0];
    return true;
}

df_outcome df_run_if(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    float condition;
    begin_work(flow, frame);
    if (!number_of(flow, df_input(op, frame, 0), "the condition", &condition))
        return fail_inside(flow, op, "");
    df_frame *run = begin(flow, op, frame, condition != 0 ? 0 : 1);
    if (!run) return DF_FAILED;
    bool well = run_out(flow, run) && hand_out(flow, op, frame, run);
    df_frame_drop(flow, run);
    return well ? DF_DONE : fail_inside(flow, op, condition != 0 ? ", then" : ", else");
}

df_outcome df_run_subgraph(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    begin_work(flow, frame);
    df_frame *run = begin(flow, op, frame, 0);
    if (!run) return DF_FAILED;
    for (uint32_t i = 0; i < op->arg->held[0].declared; i++)
        give(flow, run, i, df_input(op, frame, i));
    bool well = run_out(flow, run) && hand_out(flow, op, frame, run);
    df_frame_drop(flow, run);
    return well ? DF_DONE : fail_inside(flow, op, "");
}

/* --- Loop ------------------------------------------------------------------------------------- */

/* What an output gathers, round by round. */
typedef struct scan {
    df_shape shape; /* of one round */
    ww_buf data;
    ww_flow_value value; /* the whole, at the end */
} scan;

typedef struct loop {
    ww_dataflow *flow;
    const df_op *op;
    df_frame *frame, *run; /* run: the last round, which holds what is carried on */
    uint32_t carried, scan_count;
    scan *scans;
    uint32_t round; /* held_work_max bounds it */
    float condition, most;
    bool has_most;
} loop;

static bool loop_begin(loop *l)
{
    const ww_flow_value *most = df_input(l->op, l->frame, 0);
    const ww_flow_value *condition = df_input(l->op, l->frame, 1);
    l->carried = (uint32_t)l->op->arg->count;
    l->scan_count = l->op->output_count > l->carried ? l->op->output_count - l->carried : 0;
    l->condition = 1;
    l->has_most = most != NULL;
    if (most && !number_of(l->flow, most, "the number of rounds", &l->most)) return false;
    if (condition && !number_of(l->flow, condition, "the condition", &l->condition)) return false;
    if (!l->scan_count) return true;
    l->scans = ww_alloc_array(l->flow->allocator, l->scan_count, sizeof *l->scans);
    for (uint32_t i = 0; l->scans && i < l->scan_count; i++) {
        l->scans[i] = (scan){0};
        ww_buf_init(&l->scans[i].data, l->flow->allocator,
                    (size_t)DF_TENSOR_ELEMENTS_MAX * sizeof(float));
    }
    if (!l->scans) df_no_memory(l->flow);
    return l->scans != NULL;
}

static void loop_end(loop *l)
{
    for (uint32_t i = 0; l->scans && i < l->scan_count; i++) {
        ww_buf_deinit(&l->scans[i].data);
        ww_flow_value_unref(l->scans[i].value);
    }
    ww_free(l->flow->allocator, l->scans, l->scan_count * sizeof *l->scans);
    if (l->run) df_frame_drop(l->flow, l->run);
}

/* NULL: absent. */
static const ww_flow_value *carried(const loop *l, uint32_t i)
{
    if (!l->run) return df_input(l->op, l->frame, LOOP_FIXED + i);
    uint32_t site = l->run->graph->outputs[1 + i];
    return site != DF_NONE && l->run->values[site].type ? &l->run->values[site] : NULL;
}

static bool give_number(loop *l, df_frame *run, uint32_t formal, float number)
{
    ww_flow_value value;
    float *data = df_array_new(l->flow, l->op, run, &(df_shape){.elements = 1}, 0, &value);
    if (!data) return false;
    *data = number;
    df_frame_stage(l->flow, run, formal, value);
    return true;
}

static bool gather(loop *l, uint32_t i)
{
    const ww_flow_value *value = result(l->flow, l->run, 1 + l->carried + i);
    df_array array;
    scan *s = &l->scans[i];
    if (!value) return false;
    if (!df_array_view(value, &array)) {
        df_fail(l->flow, WW_FLOW_OP_TYPE_MISMATCH, "input_type_mismatch",
                "output %u of the graph is not a tensor", 1 + l->carried + i);
        return false;
    }
    if (!l->round) s->shape = array.shape;
    if (s->shape.count != array.shape.count ||
        memcmp(s->shape.dims, array.shape.dims, array.shape.count * sizeof *array.shape.dims)) {
        df_bad_shape(l->flow, l->op, "rounds give tensors of different shapes");
        return false;
    }
    ww_status status = ww_buf_append(&s->data, array.data, array.shape.elements * sizeof(float));
    if (status == WW_E_LIMIT) df_bad_shape(l->flow, l->op, "the result is too large");
    if (status == WW_E_MEMORY) df_no_memory(l->flow);
    return !status;
}

static bool loop_round(loop *l)
{
    df_frame *run = count_work(l->flow) ? begin(l->flow, l->op, l->frame, 0) : NULL;
    if (!run) return false;
    bool well = give_number(l, run, 0, (float)l->round) && give_number(l, run, 1, l->condition);
    for (uint32_t i = 0; i < l->carried; i++)
        give(l->flow, run, LOOP_FIXED + i, carried(l, i));
    if (l->run) df_frame_drop(l->flow, l->run);
    l->run = run;
    well = well && run_out(l->flow, run);
    for (uint32_t i = 0; i < l->scan_count && well; i++)
        well = gather(l, i);
    const ww_flow_value *condition = well ? result(l->flow, run, 0) : NULL;
    return condition && number_of(l->flow, condition, "the condition", &l->condition);
}

static bool make_gathered(loop *l, scan *s)
{
    int64_t dims[WW_FLOW_TENSOR_DIMS_MAX + 1] = {l->round};
    for (uint32_t d = 0; d < s->shape.count; d++)
        dims[1 + d] = s->shape.dims[d];
    df_shape shape;
    if (!df_shape_of(dims, s->shape.count + 1, &shape)) {
        df_bad_shape(l->flow, l->op, "the result is too large");
        return false;
    }
    float *data = df_array_new(l->flow, l->op, l->run ? l->run : l->frame, &shape, 0, &s->value);
    if (data && s->data.size) memcpy(data, s->data.data, s->data.size);
    return data != NULL;
}

/* All of them, or none, are written. */
static bool loop_hand_out(loop *l)
{
    bool well = true;
    for (uint32_t i = 0; i < l->carried && i < l->op->output_count; i++) {
        if (carried(l, i)) continue;
        df_fail(l->flow, WW_FLOW_OP_MISSING_SLOT, "missing_output", "value %u is missing", i);
        return false;
    }
    for (uint32_t i = 0; i < l->scan_count && well; i++)
        well = make_gathered(l, &l->scans[i]);
    for (uint32_t i = 0; i < l->op->output_count && well; i++)
        df_output(
            l->flow, l->op, l->frame, i,
            ww_flow_value_ref(i < l->carried ? *carried(l, i) : l->scans[i - l->carried].value));
    return well;
}

df_outcome df_run_loop(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    loop l = {.flow = flow, .op = op, .frame = frame};
    begin_work(flow, frame);
    bool well = loop_begin(&l);
    for (; well && l.condition != 0 && (!l.has_most || (float)l.round < l.most); l.round += well)
        well = loop_round(&l);
    well = well && loop_hand_out(&l);
    loop_end(&l);
    char where[32];
    snprintf(where, sizeof where, ", round %u", l.round);
    return well ? DF_DONE : fail_inside(flow, op, where);
}
