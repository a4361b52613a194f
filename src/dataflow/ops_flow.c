/* System calls that move, hold, count and emit values. */
#include "dataflow/ops.h"

int64_t df_attribute_int(const df_node *node, const df_artifact *a, const char *name,
                         int64_t otherwise)
{
    const df_attribute *attribute = df_attribute_find(a, node, name);
    return attribute && attribute->type == DF_ATTR_INT ? attribute->i : otherwise;
}

ww_view df_attribute_text(const df_node *node, const df_artifact *a, const char *name)
{
    const df_attribute *attribute = df_attribute_find(a, node, name);
    return attribute && attribute->type == DF_ATTR_STRING ? attribute->bytes : ww_view_of("", 0);
}

/* --- values through --------------------------------------------------------------------------- */

df_outcome df_run_pass_through(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *value = df_input(op, frame, 0);
    if (!value) return df_fail(flow, WW_FLOW_OP_OTHER, "", "an input is required");
    df_output(flow, op, frame, 0, ww_flow_value_ref(*value));
    return DF_DONE;
}

df_outcome df_run_tee(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *value = df_input(op, frame, 0);
    if (!value) return df_fail(flow, WW_FLOW_OP_OTHER, "", "Tee: an input is required");
    for (uint32_t i = 0; i < op->output_count; i++)
        df_output(flow, op, frame, i, ww_flow_value_ref(*value));
    return DF_DONE;
}

df_outcome df_run_trigger(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    return df_trigger(flow, op, frame);
}

df_outcome df_run_on_trigger(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    if (!df_input(op, frame, 0))
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_trigger",
                       "OnTrigger needs an input");
    return df_trigger(flow, op, frame);
}

df_outcome df_run_event_source(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    return df_trigger(flow, op, frame);
}

df_outcome df_run_lifecycle_phase(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    return df_trigger(flow, op, frame);
}

df_outcome df_run_constant(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_output(flow, op, frame, 0, ww_flow_value_ref(op->arg->value));
    return DF_DONE;
}

/* A count, then that many addresses, each with its length in front; as address_vec in wire form. */
static ww_status addresses_of(const ww_allocator *allocator, ww_view raw, ww_flow_value *out)
{
    if (raw.size != 1 || raw.data[0]) return WW_E_INVALID; /* compilers write only the empty list */
    uint8_t none[8] = {0};
    *out = ww_flow_value_copy(allocator, WW_FLOW_ADDRESS_VEC, ww_view_of(none, sizeof none));
    return out->type ? WW_OK : WW_E_MEMORY;
}

/* The tensor's bytes as the type that the value is declared to have, where that is a peer's. */
static ww_status declared_constant(const ww_allocator *allocator, ww_flow_value_type type,
                                   ww_view tensor, ww_flow_value *out)
{
    df_tensor_proto t;
    if (!df_tensor_decode(tensor, &t)) return WW_E_INVALID;
    if (type == WW_FLOW_ADDRESS_VEC) return addresses_of(allocator, t.raw, out);
    if (type != WW_FLOW_PEER_ID || !df_is_multihash(t.raw)) return WW_E_INVALID;
    *out = ww_flow_value_copy(allocator, type, t.raw);
    return out->type ? WW_OK : WW_E_MEMORY;
}

ww_status df_prepare_constant(df_installer *in, const df_node *node, df_arg *arg)
{
    const ww_allocator *allocator = df_installer_allocator(in);
    const df_attribute *value = df_attribute_find(arg->artifact, node, "value");
    if (!value || value->type != DF_ATTR_TENSOR)
        return df_install_error(in, WW_E_INVALID, "offset %zu: Constant without a tensor `value`",
                                node->offset);
    ww_flow_value_type type = WW_FLOW_NONE;
    if (node->outputs.count)
        type = df_declared_type(in, df_names(&arg->artifact->outputs, node->outputs)[0]);
    ww_status status = declared_constant(allocator, type, value->bytes, &arg->value);
    if (status == WW_E_INVALID) {
        arg->value = ww_flow_value_copy(allocator, WW_FLOW_BYTES, value->bytes);
        status = arg->value.type ? WW_OK : WW_E_MEMORY;
    }
    return status ? df_install_error(in, status, "no memory") : WW_OK;
}

/* --- to the host ------------------------------------------------------------------------------ */

ww_status df_prepare_topic(df_installer *in, const df_node *node, df_arg *arg)
{
    (void)in;
    arg->text = df_attribute_text(node, arg->artifact, "name");
    return WW_OK;
}

static df_outcome emit(ww_dataflow *flow, const df_op *op, const df_frame *frame,
                       ww_flow_value value)
{
    ww_view topic = op->arg->text;
    if (ww_view_starts(topic, "bb.") || ww_view_starts(topic, "ai.bytesandbrains."))
        return df_fail(flow, WW_FLOW_OP_BAD_INPUT, "reserved_topic_prefix",
                       "topic \"%.*s\" is reserved", WW_VIEW_ARG(topic));
    /* What modules will put out keeps its room. */
    uint32_t room = (uint32_t)flow->live_outputs + 1;
    if (df_ring_reserve(flow, &flow->app_events, sizeof(df_app_event), room))
        return df_no_memory(flow);
    df_app_event *event = df_ring_push(flow, &flow->app_events, sizeof *event);
    WW_ASSERT(event);
    ww_view module = frame->root->graph->function->name;
    *event = (df_app_event){module, topic, ww_flow_value_ref(value)};
    df_fire_event(flow, topic);
    return DF_DONE;
}

df_outcome df_run_app_emit(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *value = df_input(op, frame, 0);
    if (value && value->type != WW_FLOW_BYTES)
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "expected_bytes",
                       "AppEmit: the input is not bytes");
    return emit(flow, op, frame, value ? *value : (ww_flow_value){.type = WW_FLOW_BYTES});
}

df_outcome df_run_app_notify(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    return emit(flow, op, frame, (ww_flow_value){.type = WW_FLOW_BYTES});
}

/* --- named things ----------------------------------------------------------------------------- */

static ww_status keyed(df_installer *in, const df_node *node, df_arg *arg, df_table_kind table,
                       const char *name)
{
    return df_intern(in, table, df_attribute_text(node, arg->artifact, name), &arg->key);
}

ww_status df_prepare_any(df_installer *in, const df_node *node, df_arg *arg)
{
    arg->text = df_attribute_text(node, arg->artifact, "group");
    return keyed(in, node, arg, DF_GROUPS, "group");
}

ww_status df_prepare_record(df_installer *in, const df_node *node, df_arg *arg)
{
    return keyed(in, node, arg, DF_RECORDS, "name");
}

ww_status df_prepare_metric(df_installer *in, const df_node *node, df_arg *arg)
{
    arg->number = df_attribute_int(node, arg->artifact, "delta", 1);
    return keyed(in, node, arg, DF_METRICS, "name");
}

ww_status df_prepare_limit(df_installer *in, const df_node *node, df_arg *arg)
{
    arg->number = df_attribute_int(node, arg->artifact, "n", 1);
    return keyed(in, node, arg, DF_LIMITERS, "name");
}

ww_status df_prepare_queue(df_installer *in, const df_node *node, df_arg *arg)
{
    return keyed(in, node, arg, DF_QUEUES, "queue");
}

ww_status df_prepare_hold(df_installer *in, const df_node *node, df_arg *arg)
{
    return keyed(in, node, arg, DF_HOLDS, "slot");
}

ww_status df_prepare_event_source(df_installer *in, const df_node *node, df_arg *arg)
{
    return keyed(in, node, arg, DF_EVENTS, "kind");
}

ww_status df_prepare_lifecycle_phase(df_installer *in, const df_node *node, df_arg *arg)
{
    return keyed(in, node, arg, DF_PHASES, "phase");
}

/* The first arrival wins: per execution, and per group where there is one. */
df_outcome df_run_any(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_key *group = df_key_at(flow, DF_GROUPS, op);
    if (op->arg->text.size && group->fired) return DF_DONE;
    for (uint32_t i = 0; i < op->input_count; i++) {
        const ww_flow_value *value = df_input(op, frame, i);
        if (!value) continue;
        group->fired = true;
        df_output(flow, op, frame, 0, ww_flow_value_ref(*value));
        return DF_DONE;
    }
    return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_input", "Any: no input has arrived");
}

static df_outcome keep(ww_dataflow *flow, df_ring *ring, const ww_flow_value *value)
{
    ww_flow_value *kept = df_ring_push(flow, ring, sizeof *kept);
    if (!kept) return df_no_memory(flow);
    *kept = ww_flow_value_ref(*value);
    return DF_DONE;
}

static void drop_oldest(df_ring *ring)
{
    ww_flow_value_unref(*(ww_flow_value *)df_ring_at(ring, 0, sizeof(ww_flow_value)));
    df_ring_pop(ring);
}

df_outcome df_run_record(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *value = df_input(op, frame, 0);
    df_ring *ring = &df_key_at(flow, DF_RECORDS, op)->values;
    if (!value || value->type != WW_FLOW_BYTES)
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "expected_bytes",
                       "Record: the input is not bytes");
    if (ring->count == DF_RECORDS_MAX) drop_oldest(ring);
    return keep(flow, ring, value);
}

df_outcome df_run_incr_metric(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    (void)frame;
    df_key *metric = df_key_at(flow, DF_METRICS, op);
    metric->counter = (int64_t)((uint64_t)metric->counter + (uint64_t)op->arg->number);
    return DF_DONE;
}

df_outcome df_run_acquire(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_key *limit = df_key_at(flow, DF_LIMITERS, op);
    if (limit->counter >= op->arg->number) return DF_DONE; /* refused: no output */
    limit->counter++;
    return df_trigger(flow, op, frame);
}

df_outcome df_run_release(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    (void)frame;
    df_key *limit = df_key_at(flow, DF_LIMITERS, op);
    if (limit->counter > 0) limit->counter--;
    return DF_DONE;
}

df_outcome df_run_enqueue(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *value = df_input(op, frame, 0);
    df_ring *ring = &df_key_at(flow, DF_QUEUES, op)->values;
    if (!value)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_input",
                       "Serialize.Enqueue needs an input");
    if (ring->count >= flow->limits.queued_values_max)
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "queue_full", "%u values are queued",
                       ring->count);
    df_outcome outcome = keep(flow, ring, value);
    return outcome == DF_DONE ? df_trigger(flow, op, frame) : outcome;
}

/* The oldest value of a queue, or the one that a slot holds; without any, no output. */
static df_outcome take_out(ww_dataflow *flow, const df_op *op, df_frame *frame, df_table_kind table)
{
    df_ring *ring = &df_key_at(flow, table, op)->values;
    if (!ring->count) return DF_DONE;
    ww_flow_value value = *(ww_flow_value *)df_ring_at(ring, 0, sizeof value);
    df_ring_pop(ring);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

df_outcome df_run_dequeue(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    return take_out(flow, op, frame, DF_QUEUES);
}

df_outcome df_run_flush(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    return take_out(flow, op, frame, DF_HOLDS);
}

/* A slot holds the latest value. */
df_outcome df_run_stash(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *value = df_input(op, frame, 0);
    df_ring *ring = &df_key_at(flow, DF_HOLDS, op)->values;
    if (!value)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_input", "Hold.Stash needs an input");
    if (ring->count) drop_oldest(ring);
    return keep(flow, ring, value);
}

/* --- ids and answers -------------------------------------------------------------------------- */

df_outcome df_run_correlate(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_output(flow, op, frame, 0, ww_flow_value_number(WW_FLOW_TOKEN, flow->next_token++));
    return DF_DONE;
}

df_outcome df_run_rng(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    uint64_t *s = flow->random, a = s[0], b = s[1]; /* xoroshiro128+ */
    uint64_t number = a + b;
    b ^= a;
    s[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
    s[1] = b << 37 | b >> 27;
    df_output(flow, op, frame, 0, ww_flow_value_number(WW_FLOW_U64, number));
    return DF_DONE;
}

df_outcome df_run_dispatch(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_output(flow, op, frame, 0, ww_flow_value_number(WW_FLOW_COMMAND_ID, flow->next_command++));
    return DF_DONE;
}

df_outcome df_run_await(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *command = df_port(op, frame, 0);
    if (!command)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_cmd",
                       "BootstrapOutput: `cmd` is absent");
    if (command->type != WW_FLOW_COMMAND_ID)
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "input_type_mismatch",
                       "BootstrapOutput: `cmd` is not a command id");
    return df_park(flow, op, frame, command->number);
}

/* --- composites ------------------------------------------------------------------------------- */

static ww_status append_child(ww_buf *out, const ww_flow_value *child)
{
    uint8_t head[16];
    ww_put_le64(head, ww_flow_value_hash((ww_flow_value_type)child->type));
    size_t at = out->size;
    ww_status status = ww_buf_append(out, head, sizeof head);
    if (!status) status = ww_flow_value_encode(child, out);
    if (!status) ww_put_le64(out->data + at + 8, out->size - at - sizeof head);
    return status;
}

df_outcome df_run_bundle(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    ww_buf out;
    ww_buf_init(&out, flow->allocator, flow->limits.fill_bytes_max);
    uint8_t count[8];
    ww_put_le64(count, op->input_count);
    ww_status status = ww_buf_append(&out, count, sizeof count);
    for (uint32_t i = 0; i < op->input_count && !status; i++) {
        const ww_flow_value *child = df_input(op, frame, i);
        status = child ? append_child(&out, child) : WW_E_MISSING;
    }
    ww_flow_value value = {0};
    if (!status) value = ww_flow_value_copy(flow->allocator, WW_FLOW_COMPOSITE, ww_buf_view(&out));
    ww_buf_deinit(&out);
    if (status == WW_E_MISSING)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_input",
                       "Bundle: an input is absent");
    if (status == WW_E_LIMIT)
        return df_fail(flow, WW_FLOW_OP_BAD_INPUT, "too_large", "Bundle: too many bytes");
    if (!value.type) return df_no_memory(flow);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* The composite was checked when it was made or received; its children are checked here. */
df_outcome df_run_unbundle(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *bundle = df_port(op, frame, 0);
    if (!bundle)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_bundle",
                       "Unbundle: `bundle` is absent");
    if (bundle->type != WW_FLOW_COMPOSITE)
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "expected_composite",
                       "Unbundle: the input is not a composite");
    uint64_t count = ww_le64(bundle->data);
    const uint8_t *at = bundle->data + 8;
    for (uint64_t i = 0; i < count && i < op->output_count; i++) {
        ww_view bytes = ww_view_of(at + 16, (size_t)ww_le64(at + 8));
        ww_flow_value child;
        ww_flow_value_type type = ww_flow_value_type_of_hash(ww_le64(at));
        if (!type || type == WW_FLOW_COMPOSITE ||
            ww_flow_value_decode(flow->allocator, type, bytes, &child, NULL))
            return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "child_decode_failed",
                           "Unbundle: child %llu cannot be decoded", (unsigned long long)i);
        df_output(flow, op, frame, (uint32_t)i, child);
        at = bytes.data + bytes.size;
    }
    return DF_DONE;
}
