/* Calls of components: which function of a vtable an operation means, and how its answer comes
 * back. */
#include "dataflow/ops.h"
#include <stdio.h>

/* In the order of ww_flow_component_vtable. */
static const char *const names[WW_FLOW_ROLES][DF_ROLE_FUNCTIONS] = {
    [WW_FLOW_ROLE_MODEL] = {"Forward", "Backward", "ComputeLoss", "ApplyDelta", "LoadParameters",
                            "Params"},
    [WW_FLOW_ROLE_INDEX] = {"Add", "Search", "Remove", "Train"},
    [WW_FLOW_ROLE_AGGREGATOR] = {"Contribute", "Aggregate"},
    [WW_FLOW_ROLE_CODEC] = {"Train", "Encode", "Decode"},
    [WW_FLOW_ROLE_DATA_SOURCE] = {"NextBatch", "Reset", "OnDataLoaded"},
    [WW_FLOW_ROLE_PEER_SELECTOR] = {"Sample", "CurrentView"},
    [WW_FLOW_ROLE_PROTOCOL] = {"Announce"},
};

size_t df_contract_index(ww_flow_role role, ww_view op_type)
{
    for (size_t i = 0; i < WW_COUNT_OF(names[role]) && names[role][i]; i++)
        if (ww_view_is(op_type, names[role][i])) return i;
    return SIZE_MAX;
}

struct ww_flow_call {
    ww_dataflow *flow;
    const df_op *op; /* NULL: the component's bootstrap, or a call that a peer made */
    df_frame *frame;
    const ww_flow_value *inputs; /* of a bootstrap or a peer's call */
    uint32_t input_count;
    uint32_t component;
    uint64_t command;
    bool has_command, failed;
    ww_diag diag;
};

uint64_t ww_flow_call_command(ww_flow_call *call)
{
    if (!call->has_command) call->command = call->flow->next_command++;
    call->has_command = true;
    return call->command;
}

const ww_allocator *ww_flow_call_allocator(ww_flow_call *call)
{
    return call->flow->allocator;
}

uint32_t ww_flow_call_input_count(const ww_flow_call *call)
{
    return call->op ? call->op->input_count : call->input_count;
}

const ww_flow_value *ww_flow_call_input(const ww_flow_call *call, uint32_t input)
{
    if (call->op) return df_input(call->op, call->frame, input);
    return input < call->input_count ? &call->inputs[input] : NULL;
}

static ww_status mismatch(ww_flow_call *call, uint32_t input, const char *expected)
{
    return ww_flow_call_fail(call, WW_E_MISMATCH, "input_type_mismatch: input %u is not %s", input,
                             expected);
}

ww_status ww_flow_call_floats(ww_flow_call *call, uint32_t input, const float **out, size_t *count)
{
    const ww_flow_value *value = ww_flow_call_input(call, input);
    *out = NULL;
    *count = 0;
    if (!value) return mismatch(call, input, "there");
    if (value->type == WW_FLOW_TENSOR) {
        *out = df_tensor(value)->data;
        *count = df_tensor(value)->element_count;
        return WW_OK;
    }
    if (value->type != WW_FLOW_FLOATS) return mismatch(call, input, "a vector of floats");
    const void *data = value->data;
    *out = data;
    *count = value->size / sizeof(float);
    return WW_OK;
}

ww_status ww_flow_call_bytes(ww_flow_call *call, uint32_t input, ww_view *out)
{
    const ww_flow_value *value = ww_flow_call_input(call, input);
    *out = ww_view_of(NULL, 0);
    if (!value || value->type != WW_FLOW_BYTES) return mismatch(call, input, "bytes");
    *out = ww_flow_value_view(value);
    return WW_OK;
}

int64_t ww_flow_call_integer(ww_flow_call *call, const char *attribute, uint32_t input,
                             int64_t otherwise)
{
    const df_attribute *a =
        call->op ? df_attribute_find(call->op->arg->artifact, call->op->arg->node, attribute)
                 : NULL;
    if (a && a->type == DF_ATTR_INT) return a->i;
    const ww_flow_value *value = ww_flow_call_input(call, input);
    return value && df_is_number(value->type) ? (int64_t)value->number : otherwise;
}

ww_view ww_flow_call_operation(const ww_flow_call *call)
{
    return call->op ? call->op->arg->node->op_type : ww_view_of(NULL, 0);
}

uint32_t ww_flow_call_attributes(const ww_flow_call *call, const ww_flow_attribute **out)
{
    *out = call->op ? call->op->arg->attributes : NULL;
    return call->op ? call->op->arg->attribute_count : 0;
}

void ww_flow_call_return(ww_flow_call *call, uint32_t output, ww_flow_value value)
{
    if (call->op && value.type)
        df_output(call->flow, call->op, call->frame, output, value);
    else
        ww_flow_value_unref(value);
}

ww_status ww_flow_call_fail(ww_flow_call *call, ww_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ww_vfail(&call->diag, status, format, args);
    va_end(args);
    return status;
}

/* An operation that returns nothing has still happened: its first output is then a trigger. */
static void trigger_if_silent(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    for (uint32_t i = 0; i < op->output_count; i++) {
        uint32_t site = frame->graph->out_sites[op->outputs_at + i];
        if (site != DF_NONE && frame->values[site].type) return;
    }
    df_trigger(flow, op, frame);
}

static df_outcome conclude(ww_flow_call *call, ww_status status)
{
    const df_op no_op = {.component = call->component, .callee = DF_NONE};
    ww_dataflow *flow = call->flow;
    if (status == WW_OK) {
        if (call->op) trigger_if_silent(flow, call->op, call->frame);
        return DF_DONE;
    }
    if (status == WW_AGAIN && call->has_command)
        return df_park(flow, call->op ? call->op : &no_op, call->frame, call->command);
    const char *text = call->diag.text[0] ? call->diag.text : ww_status_text(status);
    return df_fail(flow, WW_FLOW_OP_EXECUTION_FAILED, "stateless_invoke", "%s: %s",
                   ww_status_name(status), text);
}

df_outcome df_run_component(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    if (flow->async_count >= flow->limits.pending_async_max)
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "pending_async_limit",
                       "%u operations wait for an answer", flow->async_count);
    ww_flow_call call = {.flow = flow, .op = op, .frame = frame, .component = op->component};
    call.diag.text[0] = '\0';
    return conclude(&call, op->arg->call(flow->components[op->component].self, &call));
}

df_outcome df_run_bootstrap_of(ww_dataflow *flow, df_frame *frame, const ww_flow_value *inputs,
                               uint32_t input_count)
{
    const df_component *c = &flow->components[frame->component];
    ww_flow_call call = {.flow = flow,
                         .frame = frame,
                         .inputs = inputs,
                         .input_count = input_count,
                         .component = frame->component};
    return conclude(&call, c->type->bootstrap(c->self, &call));
}

/* --- calls that a peer makes ------------------------------------------------------------------ */

bool df_control_is_known(const ww_dataflow *flow, uint64_t component, ww_view op_type,
                         uint32_t *function)
{
    if (component >= flow->component_count) return false;
    const ww_flow_component_type *type = flow->components[component].type;
    size_t index = type ? df_contract_index(type->role, op_type) : SIZE_MAX;
    if (index == SIZE_MAX || !type->calls.functions[index]) return false;
    *function = (uint32_t)index;
    return true;
}

ww_status df_control_add(ww_dataflow *flow, df_inbox_item item, ww_view payload)
{
    item.kind = DF_CONTROL;
    ww_status status = df_hold_bytes(flow, payload, &item.payload);
    if (status) return status;
    df_inbox_item *place = df_ring_push(flow, &flow->inbox, sizeof item);
    if (place)
        *place = item;
    else
        df_inbox_item_free(flow, &item);
    return place ? WW_OK : WW_E_MEMORY;
}

/* An execution of its own, with the payload and the request's number as inputs. What it returns
 * goes nowhere. */
void df_run_control(ww_dataflow *flow, const df_inbox_item *item)
{
    const df_component *c = &flow->components[item->component];
    df_frame *frame = df_frame_new(flow, NULL, NULL);
    if (!frame) {
        flow->out_of_memory = true;
        return;
    }
    frame->component = item->component;
    frame->exec_id = flow->next_exec_id++;
    frame->sender = item->peer;
    frame->outstanding = frame->ops_run = 1;
    flow->ops_this_poll++;
    const ww_flow_value inputs[] = {{.type = WW_FLOW_BYTES,
                                     .size = (uint32_t)item->payload->size,
                                     .data = item->payload->bytes,
                                     .blob = item->payload},
                                    ww_flow_value_number(WW_FLOW_WIRE_REQ_ID, item->id)};
    ww_flow_call call = {.flow = flow,
                         .frame = frame,
                         .inputs = inputs,
                         .input_count = WW_COUNT_OF(inputs),
                         .component = item->component};
    switch (conclude(&call, c->type->calls.functions[item->function](c->self, &call))) {
    case DF_DONE: df_report_completed(flow, frame, item->component); break;
    case DF_PARKED: df_report_suspended(flow, frame, item->component); return;
    case DF_FAILED: df_report_failed(flow, frame, item->component, flow->error); break;
    }
    df_frame_settle(flow, frame, 1);
}

/* --- answers that come later ------------------------------------------------------------------ */

void df_command_done(ww_dataflow *flow, uint64_t command, const ww_flow_value *outputs,
                     uint32_t count)
{
    df_async async;
    if (!df_async_take(flow, command, &async)) return;
    df_frame *frame = async.frame;
    if (frame->graph) {
        const df_op *op = &frame->graph->ops[async.op];
        for (uint32_t i = 0; i < count; i++)
            if (outputs[i].type) df_output(flow, op, frame, i, ww_flow_value_ref(outputs[i]));
        trigger_if_silent(flow, op, frame);
    }
    df_report_completed(flow, frame, async.op);
    df_frame_settle(flow, frame->root, 1);
}

void df_command_failed(ww_dataflow *flow, uint64_t command, df_error error)
{
    df_async async;
    if (!df_async_take(flow, command, &async)) return;
    df_frame *root = async.frame->root;
    if (!async.frame->graph) root->status = WW_E_IO;
    df_report_failed(flow, async.frame, async.op, error);
    df_frame_settle(flow, root, 1);
}
