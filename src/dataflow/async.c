/* Operations that have begun and not ended: answers that come later, parking in front of a lock,
 * and stopping.
 *
 * Invariants
 *   A1  async_by_command maps every pending command to its entry, and nothing else.
 *   A2  An entry of an execution outside any bootstrap, on a component, holds that
 *       component in the queue.
 *   A3  A component's parked operations are in the order in which they became ready.
 */
#include "dataflow/engine.h"

static ww_status take_async(ww_dataflow *flow, uint32_t *index)
{
    if (flow->async_free != DF_NONE) {
        *index = flow->async_free;
        flow->async_free = flow->asyncs[*index].op;
        return WW_OK;
    }
    void *asyncs = flow->asyncs;
    ww_status status =
        df_grow(flow, &asyncs, &flow->async_capacity, sizeof *flow->asyncs, flow->async_top + 1);
    flow->asyncs = asyncs;
    if (!status) *index = flow->async_top++;
    return status;
}

static void free_async(ww_dataflow *flow, uint32_t index)
{
    df_async *async = &flow->asyncs[index];
    df_map_remove(&flow->async_by_command, async->command);
    if (async->held != DF_NONE) {
        ww_bootstrap_release(flow->queue, flow->components[async->held].lock);
        flow->lock_epoch++;
    }
    *async = (df_async){.op = flow->async_free};
    flow->async_free = index;
    flow->async_count--;
}

/* `component` is one the operation works on, or DF_NONE. */
ww_status df_async_add(ww_dataflow *flow, uint64_t command, df_frame *frame, uint32_t op,
                       uint32_t component)
{
    uint32_t index, known;
    if (flow->async_count >= flow->limits.pending_async_max) return WW_E_LIMIT;
    if (df_map_find(&flow->async_by_command, command, &known)) return WW_E_EXISTS;
    ww_status status = take_async(flow, &index);
    if (status) return status;
    bool holds = component != DF_NONE && !frame->root->bootstrap;
    flow->asyncs[index] = (df_async){
        .command = command, .frame = frame, .op = op, .held = holds ? component : DF_NONE};
    status = df_map_put(flow, &flow->async_by_command, command, index);
    if (status) {
        flow->asyncs[index] = (df_async){.op = flow->async_free};
        flow->async_free = index;
        return status;
    }
    flow->async_count++;
    if (holds) ww_bootstrap_hold(flow->queue, flow->components[component].lock);
    return WW_OK;
}

df_outcome df_park(ww_dataflow *flow, const df_op *op, df_frame *frame, uint64_t command)
{
    uint32_t index = frame->graph ? (uint32_t)(op - frame->graph->ops) : frame->component;
    ww_status status = df_async_add(flow, command, frame, index, op->component);
    if (status == WW_E_LIMIT)
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "pending_async_limit",
                       "%u operations wait for an answer", flow->limits.pending_async_max);
    if (status == WW_E_EXISTS)
        return df_fail(flow, WW_FLOW_OP_BAD_INPUT, "command_in_use",
                       "something waits for that command already");
    if (status) return df_no_memory(flow);
    flow->parked_command = command;
    return DF_PARKED;
}

bool df_async_take(ww_dataflow *flow, uint64_t command, df_async *out)
{
    uint32_t index;
    if (!df_map_find(&flow->async_by_command, command, &index)) return false;
    *out = flow->asyncs[index];
    free_async(flow, index);
    return true;
}

/* --- stopping --------------------------------------------------------------------------------- */

static uint32_t component_of(const df_async *async)
{
    const df_graph *graph = async->frame->graph;
    return graph ? graph->ops[async->op].component : async->op;
}

/* The components that owe the tree an answer hear that nobody waits for it. */
void df_async_tell(ww_dataflow *flow, const df_frame *root)
{
    for (uint32_t i = 0; i < flow->async_top; i++) {
        const df_async *async = &flow->asyncs[i];
        if (!async->frame || async->frame->root != root) continue;
        uint32_t component = component_of(async);
        if (component == DF_NONE) continue; /* a timer */
        const df_component *c = &flow->components[component];
        if (c->type && c->type->abandon) c->type->abandon(c->self, async->command);
    }
}

/* What is queued is skipped when its turn comes; answers are no longer waited for. */
void df_abort(ww_dataflow *flow, df_frame *root, ww_status status)
{
    root->aborted = true;
    if (!root->status) root->status = status;
    uint32_t dropped = 0;
    for (uint32_t i = 0; i < flow->async_top; i++) {
        if (!flow->asyncs[i].frame || flow->asyncs[i].frame->root != root) continue;
        free_async(flow, i);
        dropped++;
    }
    if (dropped) df_frame_settle(flow, root, dropped);
}

/* --- parking in front of a lock --------------------------------------------------------------- */

bool df_lock_park(ww_dataflow *flow, uint32_t component, df_ready ready)
{
    uint32_t index = flow->parked_free;
    if (index != DF_NONE) {
        flow->parked_free = flow->parked[index].next;
    } else {
        void *parked = flow->parked;
        if (df_grow(flow, &parked, &flow->parked_capacity, sizeof *flow->parked,
                    flow->parked_top + 1))
            return false;
        flow->parked = parked;
        index = flow->parked_top++;
    }
    df_component *c = &flow->components[component];
    flow->parked[index] = (df_parked){ready, DF_NONE};
    if (c->parked_last != DF_NONE)
        flow->parked[c->parked_last].next = index;
    else
        c->parked_first = index;
    c->parked_last = index;
    flow->parked_count++;
    return true;
}

static uint32_t count_parked(const ww_dataflow *flow, const df_component *c)
{
    uint32_t count = 0;
    for (uint32_t at = c->parked_first; at != DF_NONE; at = flow->parked[at].next)
        count++;
    return count;
}

/* In front of the frontier: whatever is in it became ready later. */
static void unpark(ww_dataflow *flow, df_component *c)
{
    df_ring *frontier = &flow->frontier;
    uint32_t count = count_parked(flow, c), place = 0;
    WW_ASSERT(frontier->capacity - frontier->count >= count); /* they were counted all the time */
    frontier->first = (frontier->first - count) & (frontier->capacity - 1);
    frontier->count += count;
    for (uint32_t at = c->parked_first; at != DF_NONE;) {
        df_parked *parked = &flow->parked[at];
        *(df_ready *)df_ring_at(frontier, place++, sizeof(df_ready)) = parked->ready;
        uint32_t next = parked->next;
        parked->next = flow->parked_free;
        flow->parked_free = at;
        flow->parked_count--;
        at = next;
    }
    c->parked_first = c->parked_last = DF_NONE;
}

void df_unpark(ww_dataflow *flow)
{
    for (uint32_t i = 0; i < flow->component_count && flow->parked_count; i++) {
        df_component *c = &flow->components[i];
        if (c->parked_first != DF_NONE && !ww_bootstrap_locked(flow->queue, c->lock))
            unpark(flow, c);
    }
}
