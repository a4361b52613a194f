/* What every operation uses, and the table of those that the engine offers itself. */
#include "dataflow/ops.h"
#include <stdio.h>

const ww_flow_value *df_port(const df_op *op, const df_frame *frame, uint32_t port)
{
    return op->arg->ports[port] == DF_NONE ? NULL : df_input(op, frame, op->arg->ports[port]);
}

df_outcome df_trigger(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_output(flow, op, frame, 0, (ww_flow_value){.type = WW_FLOW_TRIGGER});
    return DF_DONE;
}

df_outcome df_fail(ww_dataflow *flow, ww_flow_error_kind kind, const char *reason,
                   const char *format, ...)
{
    char text[WW_DIAG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t used = size < 0 ? 0 : (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
    const char *copy = ww_arena_text(&flow->text, text, used);
    flow->error = (df_error){kind, reason, ww_view_of(copy, copy ? used : 0)};
    return DF_FAILED;
}

df_outcome df_no_memory(ww_dataflow *flow)
{
    flow->error = (df_error){WW_FLOW_OP_OTHER, "no_memory", ww_view_of(NULL, 0)};
    return DF_FAILED;
}

df_outcome df_run_unresolved(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    (void)frame;
    const df_node *node = op->arg->node;
    return df_fail(flow, WW_FLOW_OP_NOT_REGISTERED, "unresolved_dispatch",
                   "nothing offers %.*s::%.*s", WW_VIEW_ARG(node->domain),
                   WW_VIEW_ARG(node->op_type));
}

df_outcome df_run_call(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_graph *callee = flow->graphs[op->callee];
    df_frame *child = df_frame_new(flow, callee, frame);
    if (!child)
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "frame_limit",
                       "no room for an execution of \"%.*s\"", WW_VIEW_ARG(callee->function->name));
    child->parent_op = (uint32_t)(op - frame->graph->ops);
    child->exec_id = flow->next_exec_id++;
    for (uint32_t i = 0; i < op->input_count && i < callee->formal_count; i++) {
        const ww_flow_value *value = df_input(op, frame, i);
        if (value) df_frame_stage(flow, child, i, ww_flow_value_ref(*value));
    }
    df_frame_seed(flow, child);
    return DF_DONE;
}

/* --- names of counters, queues and the like --------------------------------------------------- */

enum { KEYS_MAX = 65536, KEYS_SIZE_MAX = 1 << 22 };

ww_status df_key_of(ww_dataflow *flow, df_table_kind kind, ww_view name, uint32_t *key)
{
    df_table *table = &flow->tables[kind];
    if (!table->names.allocator) {
        ww_names_init(&table->names, flow->allocator, flow->hash_key, KEYS_MAX);
        table->names.text.size_max = KEYS_SIZE_MAX;
    }
    if (ww_names_find(&table->names, name, key)) return WW_OK;
    uint32_t had = table->capacity;
    void *keys = table->keys;
    ww_status status =
        df_grow(flow, &keys, &table->capacity, sizeof *table->keys, table->names.count + 1);
    table->keys = keys;
    if (status) return status;
    if (table->capacity > had)
        memset(table->keys + had, 0, (table->capacity - had) * sizeof *table->keys);
    return ww_names_intern(&table->names, name, key);
}

df_key *df_key_at(ww_dataflow *flow, df_table_kind kind, const df_op *op)
{
    return &flow->tables[kind].keys[op->arg->key];
}

static void free_values(ww_dataflow *flow, df_ring *ring)
{
    for (; ring->count; df_ring_pop(ring))
        ww_flow_value_unref(*(ww_flow_value *)df_ring_at(ring, 0, sizeof(ww_flow_value)));
    df_ring_free(flow, ring, sizeof(ww_flow_value));
}

void df_tables_free(ww_dataflow *flow)
{
    for (int kind = 0; kind < DF_TABLES; kind++) {
        df_table *table = &flow->tables[kind];
        for (uint32_t i = 0; i < table->names.count; i++)
            free_values(flow, &table->keys[i].values);
        ww_free(flow->allocator, table->keys, table->capacity * sizeof *table->keys);
        ww_names_deinit(&table->names);
    }
}

/* Fires every operation of an installed module that enrolled for the name. */
void df_fire_key(ww_dataflow *flow, df_table_kind table, uint32_t key)
{
    df_run_fn *run = table == DF_PHASES ? df_run_lifecycle_phase : df_run_event_source;
    for (uint32_t g = 0; g < flow->graph_count; g++) {
        const df_graph *graph = flow->graphs[g];
        for (uint32_t i = 0; graph->entry && i < graph->special_count; i++) {
            const df_op *op = &graph->ops[graph->special[i]];
            if (op->run != run || op->arg->key != key) continue;
            df_place *place = df_ring_push(flow, &flow->fired, sizeof *place);
            if (!place) {
                flow->out_of_memory = true;
                return;
            }
            *place = (df_place){g, graph->special[i]};
        }
    }
}

void df_fire_event(ww_dataflow *flow, ww_view kind)
{
    uint32_t key;
    const ww_names *names = &flow->tables[DF_EVENTS].names;
    if (names->count && ww_names_find(names, kind, &key)) df_fire_key(flow, DF_EVENTS, key);
}

/* --- table ------------------------------------------------------------------------------------ */

static const df_op_row rows[] = {
    {.domain = "syscall", .op_type = "PassThrough", .run = df_run_pass_through},
    {.domain = "syscall", .op_type = "Tee", .run = df_run_tee},
    {.domain = "syscall",
     .op_type = "Constant",
     .run = df_run_constant,
     .prepare = df_prepare_constant},
    {.domain = "syscall", .op_type = "Gate", .run = df_run_pass_through},
    {.domain = "syscall", .op_type = "Pulse", .run = df_run_trigger},
    {.domain = "syscall", .op_type = "OnTrigger", .run = df_run_on_trigger},
    {.domain = "syscall", .op_type = "GateDispatch", .run = df_run_trigger},
    {.domain = "syscall",
     .op_type = "EventSource",
     .run = df_run_event_source,
     .prepare = df_prepare_event_source,
     .never_ready = true},
    {.domain = "syscall",
     .op_type = "LifecyclePhase",
     .run = df_run_lifecycle_phase,
     .prepare = df_prepare_lifecycle_phase,
     .never_ready = true},
    {.domain = "syscall",
     .op_type = "Any",
     .run = df_run_any,
     .prepare = df_prepare_any,
     .any_input = true},
    {.domain = "syscall",
     .op_type = "AppEmit",
     .run = df_run_app_emit,
     .prepare = df_prepare_topic},
    {.domain = "syscall",
     .op_type = "AppNotify",
     .run = df_run_app_notify,
     .prepare = df_prepare_topic},
    {.domain = "syscall", .op_type = "Record", .run = df_run_record, .prepare = df_prepare_record},
    {.domain = "syscall",
     .op_type = "IncrMetric",
     .run = df_run_incr_metric,
     .prepare = df_prepare_metric},
    {.domain = "syscall",
     .op_type = "Interval",
     .run = df_run_interval,
     .prepare = df_prepare_interval,
     .never_ready = true},
    {.domain = "syscall", .op_type = "After", .run = df_run_delay, .prepare = df_prepare_delay},
    {.domain = "syscall", .op_type = "Sleep", .run = df_run_delay, .prepare = df_prepare_delay},
    {.domain = "syscall", .op_type = "Clock", .run = df_run_clock},
    {.domain = "syscall", .op_type = "RngU64", .run = df_run_rng},
    {.domain = "syscall", .op_type = "DeadlineMatch", .run = df_run_trigger, .any_input = true},
    {.domain = "syscall",
     .op_type = "DeadlineCheck",
     .run = df_run_deadline_check,
     .prepare = df_prepare_deadline_check},
    {.domain = "syscall",
     .op_type = "Limit.Acquire",
     .run = df_run_acquire,
     .prepare = df_prepare_limit},
    {.domain = "syscall",
     .op_type = "Limit.Release",
     .run = df_run_release,
     .prepare = df_prepare_limit},
    {.domain = "syscall",
     .op_type = "Serialize.Enqueue",
     .run = df_run_enqueue,
     .prepare = df_prepare_queue},
    {.domain = "syscall",
     .op_type = "Serialize.Dequeue",
     .run = df_run_dequeue,
     .prepare = df_prepare_queue},
    {.domain = "syscall", .op_type = "Hold.Stash", .run = df_run_stash, .prepare = df_prepare_hold},
    {.domain = "syscall", .op_type = "Hold.Flush", .run = df_run_flush, .prepare = df_prepare_hold},
    {.domain = "syscall", .op_type = "CorrelateTag", .run = df_run_correlate},
    {.domain = "syscall", .op_type = "BootstrapDispatch", .run = df_run_dispatch},
    {.domain = "syscall", .op_type = "BootstrapOutput", .run = df_run_await, .ports = {"cmd"}},
    {.domain = "syscall", .op_type = "DedupGateRx", .run = df_run_dedup},
    {.domain = "syscall", .op_type = "PeerHealthGateRx", .run = df_run_health_rx},
    {.domain = "syscall", .op_type = "BackoffGateRx", .run = df_run_backoff_rx},
    {.domain = "syscall",
     .op_type = "PeerHealthGateTx",
     .run = df_run_health_tx,
     .prepare = df_prepare_peer},
    {.domain = "syscall",
     .op_type = "BackoffGateTx",
     .run = df_run_backoff_tx,
     .prepare = df_prepare_peer},
    {.domain = "composite", .op_type = "Bundle", .run = df_run_bundle},
    {.domain = "composite", .op_type = "Unbundle", .run = df_run_unbundle, .ports = {"bundle"}},
    {.domain = "address_book",
     .op_type = "Insert",
     .run = df_run_insert,
     .ports = {"peer", "addr"}},
    {.domain = "address_book",
     .op_type = "InsertMany",
     .run = df_run_insert,
     .ports = {"peer", "addresses"}},
    {.domain = "address_book", .op_type = "Lookup", .run = df_run_lookup, .ports = {"peer"}},
    {.domain = "wire", .op_type = "Send", .run = df_run_send, .prepare = df_prepare_send},
    {.domain = "wire",
     .op_type = "Recv",
     .run = df_run_trigger,
     .prepare = df_prepare_recv,
     .never_ready = true},
};

const df_op_row *df_find_syscall(ww_view domain, ww_view op_type)
{
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++)
        if (op_type.size && (uint8_t)rows[i].op_type[0] == op_type.data[0] &&
            ww_view_is(op_type, rows[i].op_type) && ww_view_is(domain, rows[i].domain))
            return &rows[i];
    return NULL;
}

const char *ww_flow_error_name(ww_flow_error_kind kind)
{
    static const char *const names[] = {
#define OP_ERROR_NAME(name, text) text,
        WW_FLOW_OP_ERROR_LIST(OP_ERROR_NAME)
#undef OP_ERROR_NAME
    };
    return (unsigned)kind < WW_COUNT_OF(names) ? names[kind] : "?";
}
