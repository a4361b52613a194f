/* System calls about time, and the heap of timers behind them. */
#include "dataflow/ops.h"

static const int64_t second_ns = 1000000000;

/* --- heap: the earliest first, at equal times by age ------------------------------------------ */

static bool is_before(const df_timer *a, const df_timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->age < b->age;
}

static void sift_up(df_timer *timers, uint32_t at)
{
    df_timer moving = timers[at];
    while (at > 0 && is_before(&moving, &timers[(at - 1) / 2])) {
        timers[at] = timers[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    timers[at] = moving;
}

static void sift_down(df_timer *timers, uint32_t at, uint32_t count)
{
    df_timer moving = timers[at];
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_before(&timers[child + 1], &timers[child])) child++;
        if (!is_before(&timers[child], &moving)) break;
        timers[at] = timers[child];
        at = child;
    }
    timers[at] = moving;
}

ww_status df_timer_add(ww_dataflow *flow, df_timer timer)
{
    if (flow->timer_count >= flow->limits.timers_max) return WW_E_LIMIT;
    void *timers = flow->timers;
    ww_status status =
        df_grow(flow, &timers, &flow->timer_capacity, sizeof timer, flow->timer_count + 1);
    flow->timers = timers;
    if (status) return status;
    timer.age = flow->next_timer++;
    flow->timers[flow->timer_count++] = timer;
    sift_up(flow->timers, flow->timer_count - 1);
    return WW_OK;
}

/* As if it were set now. */
void df_timer_move(ww_dataflow *flow, uint32_t index, uint64_t at_ns)
{
    flow->timers[index].at_ns = at_ns;
    flow->timers[index].age = flow->next_timer++;
    sift_up(flow->timers, index);
    sift_down(flow->timers, index, flow->timer_count);
}

df_timer df_timer_pop(df_timer *heap, uint32_t *count)
{
    df_timer first = heap[0];
    heap[0] = heap[--*count];
    if (*count) sift_down(heap, 0, *count);
    return first;
}

static uint64_t later(uint64_t now_ns, int64_t by_ns)
{
    uint64_t at;
    return __builtin_add_overflow(now_ns, (uint64_t)(by_ns > 0 ? by_ns : 0), &at) ? UINT64_MAX : at;
}

/* --- maturing --------------------------------------------------------------------------------- */

static bool fire(ww_dataflow *flow, const df_timer *timer)
{
    df_place *place = df_ring_push(flow, &flow->fired, sizeof *place);
    if (place) *place = (df_place){timer->graph, timer->op};
    return place != NULL;
}

bool df_timers_mature(ww_dataflow *flow)
{
    while (flow->timer_count && flow->timers[0].at_ns <= flow->now_ns) {
        if (flow->step_capacity - flow->step_count < 4) return false;
        df_timer timer = df_timer_pop(flow->timers, &flow->timer_count);
        ww_flow_value trigger = {.type = WW_FLOW_TRIGGER};
        switch (timer.kind) {
        case DF_TIMER_COMMAND: df_command_done(flow, timer.id, &trigger, 1); break;
        case DF_TIMER_WIRE: df_request_expired(flow, timer.id); break;
        case DF_TIMER_PEER: df_peer_overdue(flow, (uint32_t)timer.id); break;
        case DF_TIMER_INTERVAL:
            if (!fire(flow, &timer)) flow->out_of_memory = true;
            timer.at_ns = later(timer.at_ns, flow->graphs[timer.graph]->ops[timer.op].arg->number);
            if (timer.at_ns <= flow->now_ns)
                timer.at_ns = flow->now_ns + 1; /* what was slept through is not made up */
            if (df_timer_add(flow, timer))
                flow->out_of_memory = true; /* its place was free a moment ago */
            break;
        }
    }
    return flow->fired.count ? df_start_fired(flow) : true;
}

/* --- operations ------------------------------------------------------------------------------- */

ww_status df_prepare_interval(df_installer *in, const df_node *node, df_arg *arg)
{
    arg->number = df_attribute_int(node, arg->artifact, "period_ns", second_ns);
    if (arg->number <= 0)
        return df_install_error(in, WW_E_INVALID, "offset %zu: Interval with a period below 1 ns",
                                node->offset);
    return WW_OK;
}

df_outcome df_run_interval(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    return df_run_clock(flow, op, frame);
}

bool df_is_interval(const df_op *op)
{
    return op->run == df_run_interval;
}

/* Intervals of a module's body run from its install on. */
void df_intervals_start(ww_dataflow *flow, df_graph *graph)
{
    for (uint32_t i = 0; graph->entry && i < graph->special_count; i++) {
        const df_op *op = &graph->ops[graph->special[i]];
        if (!df_is_interval(op)) continue;
        df_timer timer = {.at_ns = later(flow->now_ns, op->arg->number),
                          .kind = DF_TIMER_INTERVAL,
                          .graph = graph->index,
                          .op = graph->special[i]};
        if (df_timer_add(flow, timer))
            flow->out_of_memory = true; /* over timers_max: it stays silent */
    }
}

df_outcome df_run_clock(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_output(flow, op, frame, 0, ww_flow_value_number(WW_FLOW_TIMESTAMP, flow->now_ns));
    return DF_DONE;
}

ww_status df_prepare_delay(df_installer *in, const df_node *node, df_arg *arg)
{
    (void)in;
    bool after = ww_view_is(node->op_type, "After");
    arg->number = df_attribute_int(node, arg->artifact, after ? "delay_ns" : "duration_ns", 0);
    return WW_OK;
}

df_outcome df_run_delay(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    uint64_t command = flow->next_command++;
    df_outcome outcome = df_park(flow, op, frame, command);
    if (outcome != DF_PARKED) return outcome;
    df_timer timer = {
        .at_ns = later(flow->now_ns, op->arg->number), .kind = DF_TIMER_COMMAND, .id = command};
    ww_status status = df_timer_add(flow, timer);
    if (!status) return DF_PARKED;
    df_async unused;
    df_async_take(flow, command, &unused);
    return status == WW_E_LIMIT ? df_fail(flow, WW_FLOW_OP_COOLDOWN, "timer_limit",
                                          "%u timers are set", flow->timer_count)
                                : df_no_memory(flow);
}

ww_status df_prepare_deadline_check(df_installer *in, const df_node *node, df_arg *arg)
{
    const df_attribute *deadline = df_attribute_find(arg->artifact, node, "deadline_ns");
    if (!deadline || deadline->type != DF_ATTR_INT)
        return df_install_error(in, WW_E_INVALID, "offset %zu: DeadlineCheck without `deadline_ns`",
                                node->offset);
    arg->number = deadline->i;
    return WW_OK;
}

/* Counted from the start of the execution, which after a restore may lie before the clock's zero.
 */
df_outcome df_run_deadline_check(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    if (op->arg->number <= 0 || flow->now_ns - frame->root->started_ns >= (uint64_t)op->arg->number)
        return df_fail(flow, WW_FLOW_OP_TIMEOUT, "deadline_exceeded",
                       "%lld ns after the start have passed", (long long)op->arg->number);
    return df_trigger(flow, op, frame);
}
