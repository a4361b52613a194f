/* One poll: phases in a fixed order, each of which can stop when the caller's step buffer is full
 * and go on in the next call. Whatever emits steps first makes sure that there is room.
 *
 * Invariants
 *   P1  Between polls `phase` is START unless the last call answered WW_AGAIN.
 *   P2  An operation outside a bootstrap never runs on a component that is locked: it is
 *       parked instead.
 *   P3  What steps show stays until the next poll begins: blobs in `lent`, texts in `text`.
 */
#include "dataflow/engine.h"

enum { ROOM_PER_ITEM = 4 };

typedef enum drain { DRAINED, FULL, OVER_BUDGET } drain;

void df_step(ww_dataflow *flow, ww_flow_step step)
{
    WW_ASSERT(flow->step_count < flow->step_capacity);
    flow->steps[flow->step_count++] = step;
}

static bool has_room(const ww_dataflow *flow)
{
    return flow->step_capacity - flow->step_count >= ROOM_PER_ITEM;
}

static uint64_t op_ref(const df_frame *frame, uint32_t op)
{
    uint32_t graph = frame->graph ? frame->graph->index : UINT32_MAX;
    return (uint64_t)graph << 32 | op;
}

/* --- what an operation did -------------------------------------------------------------------- */

/* The sites written, of an operation that has not written just one: if all, its own list serves. */
static uint32_t written(ww_dataflow *flow, const df_frame *frame, const df_op *op,
                        const uint64_t **sites)
{
    const df_graph *g = frame->graph;
    const uint32_t *out = g->out_sites + op->outputs_at;
    uint32_t count = 0;
    *sites = g->out_ids + op->outputs_at;
    if (op->callee != DF_NONE) return 0; /* the function writes them later */
    while (count < op->output_count && out[count] != DF_NONE && frame->values[out[count]].type)
        count++;
    if (count == op->output_count) return count;
    uint64_t *some = ww_arena_array(&flow->text, op->output_count, sizeof *some);
    uint32_t found = 0;
    for (uint32_t i = 0; some && i < op->output_count; i++)
        if (out[i] != DF_NONE && frame->values[out[i]].type) some[found++] = (*sites)[i];
    *sites = some;
    return found;
}

static bool wrote_its_one(const df_frame *frame, const df_op *op)
{
    uint32_t site = frame->graph->out_sites[op->outputs_at];
    return site != DF_NONE && frame->values[site].type != WW_FLOW_NONE;
}

void df_report_completed(ww_dataflow *flow, const df_frame *frame, uint32_t index)
{
    WW_ASSERT(flow->step_count < flow->step_capacity);
    const df_graph *g = frame->graph;
    const df_op *op = g ? &g->ops[index] : NULL;
    ww_flow_step *step = &flow->steps[flow->step_count++];
    step->kind = WW_FLOW_STEP_OP_COMPLETED;
    step->op.op_ref = op_ref(frame, index);
    step->op.exec_id = frame->exec_id;
    step->op.site_count = 0;
    if (!op) return;
    if (WW_LIKELY(op->output_count == 1 && op->callee == DF_NONE && wrote_its_one(frame, op))) {
        step->op.sites = g->out_ids + op->outputs_at;
        step->op.site_count = 1;
    } else {
        step->op.site_count = written(flow, frame, op, &step->op.sites);
    }
}

void df_report_failed(ww_dataflow *flow, df_frame *frame, uint32_t op, df_error error)
{
    df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_OP_FAILED,
                                 .op = {.op_ref = op_ref(frame, op),
                                        .exec_id = frame->exec_id,
                                        .error = error.kind,
                                        .reason = error.reason,
                                        .detail = error.detail}});
    df_frame *root = frame->root;
    root->ops_failed++;
    df_fire_event(flow, WW_VIEW_LITERAL("OpFailure"));
    if (root->fails_on_error && !root->aborted) df_abort(flow, root, WW_OK);
}

void df_report_suspended(ww_dataflow *flow, const df_frame *frame, uint32_t op)
{
    df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_ASYNC_SUSPENDED,
                                 .op = {.op_ref = op_ref(frame, op),
                                        .exec_id = frame->exec_id,
                                        .command = flow->parked_command}});
}

/* --- frontier --------------------------------------------------------------------------------- */

/* P2. False: it cannot be parked for want of memory, and has failed instead. */
static bool park_in_front(ww_dataflow *flow, df_ready ready, const df_op *op)
{
    if (df_lock_park(flow, op->component, ready)) return true;
    df_no_memory(flow);
    df_report_failed(flow, ready.frame, ready.op, flow->error);
    df_frame_settle(flow, ready.frame->root, 1);
    return false;
}

/* Also behind others that are parked, if the lock is free by now: they were first. */
static bool must_park(const ww_dataflow *flow, uint32_t component)
{
    const df_component *c = &flow->components[component];
    return c->parked_first != DF_NONE || ww_bootstrap_locked(flow->queue, c->lock);
}

static void run_op(ww_dataflow *flow, df_ready ready)
{
    df_frame *frame = ready.frame, *root = frame->root;
    const df_op *op = &frame->graph->ops[ready.op];
    if (WW_UNLIKELY(root->aborted)) {
        df_frame_settle(flow, root, 1);
        return;
    }
    if (op->component != DF_NONE && !root->bootstrap && must_park(flow, op->component)) {
        park_in_front(flow, ready, op);
        return;
    }
    flow->ops_this_poll++;
    root->ops_run++;
    switch (op->run(flow, op, frame)) {
    case DF_DONE: df_report_completed(flow, frame, ready.op); break;
    case DF_PARKED: df_report_suspended(flow, frame, ready.op); return;
    case DF_FAILED: df_report_failed(flow, frame, ready.op, flow->error); break;
    }
    df_frame_settle(flow, root, 1);
}

static drain drain_once(ww_dataflow *flow)
{
    while (flow->frontier.count) {
        if (WW_UNLIKELY(!has_room(flow))) return FULL;
        if (WW_UNLIKELY(flow->ops_this_poll >= flow->limits.cycle_op_budget)) return OVER_BUDGET;
        df_ready ready = *(df_ready *)df_ring_at(&flow->frontier, 0, sizeof ready);
        df_ring_pop(&flow->frontier);
        run_op(flow, ready);
    }
    return DRAINED;
}

/* Bootstraps that end let others start, and parked operations go on, until all is quiet. Nothing of
 * that can happen without a new epoch of locks. */
static drain drain_frontier(ww_dataflow *flow)
{
    for (;;) {
        drain result = drain_once(flow);
        uint64_t epoch = flow->lock_epoch;
        if (result != DRAINED || flow->started_epoch == epoch) return result;
        if (!df_start_bootstraps(flow)) return FULL;
        flow->started_epoch = epoch;
        if (flow->parked_count) df_unpark(flow);
    }
}

/* --- showing bytes ---------------------------------------------------------------------------- */

/* Whether `show` may be called, once; else what was to be shown stays for a poll that has memory. */
static bool may_show(ww_dataflow *flow)
{
    if (!df_ring_reserve(flow, &flow->lent, sizeof(ww_blob *), 1)) return true;
    flow->out_of_memory = true;
    return false;
}

/* Takes the blob. */
static ww_view show(ww_dataflow *flow, ww_blob *blob)
{
    if (!blob) return ww_view_of(NULL, 0);
    *(ww_blob **)df_ring_push(flow, &flow->lent, sizeof blob) = blob;
    return ww_view_of(blob->bytes, blob->size);
}

/* Takes the value, if there is memory: bytes as they are, anything else as on the wire. */
static bool show_value(ww_dataflow *flow, const ww_flow_value *value, ww_view *out)
{
    if (!may_show(flow)) return false;
    if (value->type == WW_FLOW_BYTES) {
        show(flow, value->blob);
        *out = ww_flow_value_view(value);
        return true;
    }
    ww_buf bytes;
    ww_buf_init(&bytes, flow->allocator, SIZE_MAX);
    ww_blob *blob = NULL;
    if (!ww_flow_value_encode(value, &bytes))
        blob = ww_blob_copy(flow->allocator, ww_buf_view(&bytes));
    ww_buf_deinit(&bytes);
    if (!blob) {
        flow->out_of_memory = true;
        return false;
    }
    ww_flow_value_unref(*value);
    *out = show(flow, blob);
    return true;
}

/* --- ingress ---------------------------------------------------------------------------------- */

static bool may_start(const ww_dataflow *flow, const df_graph *g)
{
    for (uint32_t i = 0; i < g->touch_count; i++)
        if (ww_bootstrap_locked(flow->queue, g->touch_list[i])) return false;
    return true;
}

static void start_frame(ww_dataflow *flow, df_frame *frame)
{
    df_graph *g = frame->graph;
    if (frame->event_formal == DF_NONE) {
        df_frame_seed(flow, frame);
    } else {
        uint32_t site = g->formals[frame->event_formal];
        ww_flow_value value = frame->values[site];
        frame->values[site] = (ww_flow_value){0};
        frame->exec_id = flow->next_exec_id++;
        const ww_view *names = df_names(&g->unit->artifact.names, g->function->inputs);
        df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_APP_EVENT,
                                     .event = {.module = g->function->name,
                                               .topic = names[frame->event_formal],
                                               .bytes = show(flow, frame->event),
                                               .is_echo = true}});
        frame->event = NULL;
        frame->event_formal = DF_NONE;
        df_frame_write(flow, frame, site, value);
    }
    if (!frame->outstanding) df_frame_settle(flow, frame, 0);
}

static void finish_command(ww_dataflow *flow, df_inbox_item *item)
{
    if (!item->failed) {
        df_command_done(flow, item->id, item->outputs, item->output_count);
        return;
    }
    ww_view detail = item->payload ? ww_view_of(item->payload->bytes, item->payload->size)
                                   : WW_VIEW_LITERAL("the component was made anew");
    char *text = ww_arena_text(&flow->text, detail.data, detail.size);
    df_error error = {WW_FLOW_OP_REMOTE_FAILED, "completion_failed",
                      ww_view_of(text, text ? detail.size : 0)};
    df_command_failed(flow, item->id, error);
}

/* False: it has to wait for a lock. */
static bool take_in(ww_dataflow *flow, df_inbox_item *item)
{
    switch (item->kind) {
    case DF_START:
        if (!may_start(flow, item->frame->graph)) return false;
        start_frame(flow, item->frame);
        break;
    case DF_COMPLETION: finish_command(flow, item); break;
    case DF_ENVELOPE:
        df_receive(flow, item->peer, ww_view_of(item->payload->bytes, item->payload->size));
        break;
    case DF_SEND_FAILED: df_peer_failed(flow, item->peer, item->id); break;
    case DF_CONTROL:
        if (ww_bootstrap_locked(flow->queue, flow->components[item->component].lock)) return false;
        df_run_control(flow, item);
        break;
    }
    df_inbox_item_free(flow, item);
    return true;
}

/* An envelope can have many fills; each is one step at most, and they go on where they stopped. */
static bool take_inbox(ww_dataflow *flow)
{
    while (flow->inbox.count && may_show(flow)) {
        if (!has_room(flow)) return false;
        df_inbox_item item = *(df_inbox_item *)df_ring_at(&flow->inbox, 0, sizeof item);
        if (item.kind == DF_ENVELOPE &&
            flow->step_capacity - flow->step_count < df_receive_room(flow))
            return false;
        if (!take_in(flow, &item)) {
            df_inbox_item *held = df_ring_push(flow, &flow->held, sizeof item);
            if (!held) {
                flow->out_of_memory = true;
                return true; /* it stays where it is */
            }
            *held = item;
        }
        df_ring_pop(&flow->inbox);
    }
    return true;
}

/* Once round the ring, which keeps the order of those that still have to wait. */
static bool take_held(ww_dataflow *flow)
{
    if (!flow->held.count || flow->held_epoch == flow->lock_epoch) return true;
    bool room = true, memory = true;
    for (uint32_t left = flow->held.count; left > 0; left--) {
        df_inbox_item item = *(df_inbox_item *)df_ring_at(&flow->held, 0, sizeof item);
        df_ring_pop(&flow->held);
        room = room && has_room(flow);
        memory = memory && may_show(flow);
        if (!room || !memory || !take_in(flow, &item))
            *(df_inbox_item *)df_ring_push(flow, &flow->held, sizeof item) = item;
    }
    if (room && memory) flow->held_epoch = flow->lock_epoch;
    return room;
}

/* --- executions that nobody called: events, timers, phases ------------------------------------ */

bool df_start_fired(ww_dataflow *flow)
{
    while (flow->fired.count) {
        if (!has_room(flow)) return false;
        df_place place = *(df_place *)df_ring_at(&flow->fired, 0, sizeof place);
        df_frame *frame = df_frame_new(flow, flow->graphs[place.graph], NULL);
        if (!frame) {
            flow->out_of_memory = true;
            return true;
        }
        df_ring_pop(&flow->fired);
        frame->exec_id = flow->next_exec_id++;
        df_frame_push(flow, frame, place.op);
    }
    return true;
}

static bool fire_phases(ww_dataflow *flow)
{
    while (flow->lifecycle.count) {
        if (!has_room(flow)) return false;
        uint32_t phase = *(uint32_t *)df_ring_at(&flow->lifecycle, 0, sizeof phase);
        df_ring_pop(&flow->lifecycle);
        df_fire_key(flow, DF_PHASES, phase);
        ww_view name = ww_names_text(&flow->tables[DF_PHASES].names, phase);
        df_step(flow,
                (ww_flow_step){.kind = WW_FLOW_STEP_LIFECYCLE_FIRED, .event = {.topic = name}});
    }
    return df_start_fired(flow);
}

/* --- report ----------------------------------------------------------------------------------- */

static bool send_outbound(ww_dataflow *flow)
{
    while (flow->outbound.count) {
        if (!has_room(flow)) return false;
        if (!may_show(flow)) break;
        df_outbound out = *(df_outbound *)df_ring_at(&flow->outbound, 0, sizeof out);
        df_ring_pop(&flow->outbound);
        df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_SEND,
                                     .wire = {.peer = ww_names_text(&flow->peer_names, out.peer),
                                              .bytes = show(flow, out.bytes),
                                              .id = out.request}});
    }
    if (!flow->outbound_dropped) return true;
    if (!has_room(flow)) return false;
    df_step(flow,
            (ww_flow_step){.kind = WW_FLOW_STEP_OUTBOUND_DROPPED, .count = flow->outbound_dropped});
    flow->outbound_dropped = 0;
    return true;
}

static bool tell_bootstraps(ww_dataflow *flow)
{
    ww_bootstrap_event event;
    if (!flow->owns_queue) return true; /* whoever shares the queue reads its events */
    while (has_room(flow) && ww_bootstrap_next_event(flow->queue, &event))
        df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_BOOTSTRAP, .bootstrap = event});
    if (!has_room(flow)) return false;
    if (flow->pending_at_start && ww_bootstrap_is_pending(flow->queue))
        df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_WAITING_ON_BOOTSTRAP});
    flow->pending_at_start = false;
    return true;
}

static bool tell_app_events(ww_dataflow *flow)
{
    while (flow->app_events.count) {
        if (!has_room(flow)) return false;
        df_app_event *event = df_ring_at(&flow->app_events, 0, sizeof *event);
        ww_view bytes;
        if (!show_value(flow, &event->value, &bytes)) return true;
        df_step(flow,
                (ww_flow_step){
                    .kind = WW_FLOW_STEP_APP_EVENT,
                    .event = {.module = event->module, .topic = event->topic, .bytes = bytes}});
        df_ring_pop(&flow->app_events);
    }
    return true;
}

/* --- the poll --------------------------------------------------------------------------------- */

static bool is_idle(const ww_dataflow *flow, uint64_t now_ns)
{
    return flow->phase == DF_PHASE_START && !flow->work &&
           !(flow->frontier.count | flow->inbox.count | flow->fired.count | flow->lifecycle.count |
             flow->lent.count | flow->app_events.count | flow->outbound.count) &&
           !flow->finished && flow->held_epoch == flow->lock_epoch &&
           (!flow->timer_count || flow->timers[0].at_ns > now_ns) &&
           !ww_bootstrap_is_pending(flow->queue) &&
           !(flow->owns_queue && ww_bootstrap_has_events(flow->queue));
}

static void begin(ww_dataflow *flow)
{
    while (flow->lent.count) {
        ww_blob_unref(*(ww_blob **)df_ring_at(&flow->lent, 0, sizeof(ww_blob *)));
        df_ring_pop(&flow->lent);
    }
    if (flow->text.used) ww_arena_reset(&flow->text);
    df_frames_collect(flow);
    flow->ops_this_poll = 0;
    flow->over_budget = false;
    flow->work = false;
    flow->pending_at_start = ww_bootstrap_is_pending(flow->queue);
}

/* Whether the phase is complete. */
static bool run_phase(ww_dataflow *flow)
{
    switch (flow->phase) {
    case DF_PHASE_START:
        begin(flow);
        if (flow->parked_count) df_unpark(flow);
        return true;
    case DF_PHASE_BOOTSTRAPS: return df_start_bootstraps(flow);
    case DF_PHASE_INGRESS: return take_held(flow) && take_inbox(flow);
    case DF_PHASE_BUS: return df_start_fired(flow);
    case DF_PHASE_TIMERS: return df_timers_mature(flow);
    case DF_PHASE_LIFECYCLE: return fire_phases(flow);
    case DF_PHASE_OUTBOUND:
        if (!send_outbound(flow)) return false;
        if (flow->over_budget)
            df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_BUDGET_EXCEEDED,
                                         .count = flow->ops_this_poll});
        return true;
    case DF_PHASE_REPORT: return tell_bootstraps(flow);
    case DF_PHASE_EVENTS: return tell_app_events(flow);
    default: break;
    }
    switch (drain_frontier(flow)) {
    case DRAINED: return true;
    case FULL: return false;
    case OVER_BUDGET:
        flow->over_budget = true;
        flow->phase = DF_PHASE_OUTBOUND - 1;
        return true;
    }
    return true;
}

ww_status ww_dataflow_poll(ww_dataflow *flow, uint64_t now_ns, ww_flow_step *steps, size_t capacity,
                           size_t *count)
{
    WW_ASSERT(capacity >= WW_DATAFLOW_STEPS_MIN);
    *count = 0;
    if (now_ns > flow->now_ns) flow->now_ns = now_ns;
    if (is_idle(flow, flow->now_ns)) return WW_OK;
    flow->steps = steps;
    flow->step_capacity = capacity;
    flow->step_count = 0;
    while (run_phase(flow) && ++flow->phase < DF_PHASES_END) {
    }
    bool complete = flow->phase == DF_PHASES_END;
    if (complete) flow->phase = DF_PHASE_START;
    *count = flow->step_count;
    if (complete && flow->out_of_memory) {
        flow->out_of_memory = false;
        flow->work = true;
        return WW_E_MEMORY;
    }
    return complete ? WW_OK : WW_AGAIN;
}

uint64_t ww_dataflow_next_time(const ww_dataflow *flow)
{
    if (flow->phase != DF_PHASE_START || flow->frontier.count || flow->inbox.count ||
        flow->fired.count || flow->lifecycle.count || flow->work ||
        (flow->held.count && flow->held_epoch != flow->lock_epoch))
        return flow->now_ns;
    uint64_t queue = ww_bootstrap_next_time(flow->queue);
    uint64_t timer = flow->timer_count ? flow->timers[0].at_ns : UINT64_MAX;
    return queue < timer ? queue : timer;
}
