/* Writing a snapshot (snapshot.h). */
#include "dataflow/snapshot.h"

void df_write_number(df_writer *w, uint32_t field, uint64_t value)
{
    if (!w->status) w->status = df_put_number(w->out, field, value);
}

void df_write_bytes(df_writer *w, uint32_t field, ww_view bytes)
{
    if (!w->status) w->status = df_put_bytes(w->out, field, bytes);
}

size_t df_write_begin(df_writer *w, uint32_t field)
{
    if (!w->status) w->status = df_put_varint(w->out, (uint64_t)field << 3 | DF_BYTES);
    return w->out->size;
}

/* The length, now known, goes in front of what it counts. */
void df_write_end(df_writer *w, size_t begin)
{
    if (w->status) return;
    size_t size = w->out->size - begin;
    w->status = df_put_varint(w->out, size);
    if (w->status) return;
    uint8_t length[10];
    size_t used = w->out->size - begin - size;
    memcpy(length, w->out->data + begin + size, used);
    memmove(w->out->data + begin + used, w->out->data + begin, size);
    memcpy(w->out->data + begin, length, used);
}

void df_write_value(df_writer *w, uint32_t field, const ww_flow_value *value, uint32_t site)
{
    size_t message = df_write_begin(w, field);
    df_write_number(w, 1, ww_flow_value_hash((ww_flow_value_type)value->type));
    size_t bytes = df_write_begin(w, 2);
    if (!w->status) w->status = ww_flow_value_encode(value, w->out);
    df_write_end(w, bytes);
    df_write_number(w, 3, site);
    df_write_end(w, message);
}

/* --- what was installed ----------------------------------------------------------------------- */

static void write_counters(const ww_dataflow *flow, df_writer *w)
{
    uint8_t random[16], key[16];
    for (int i = 0; i < 2; i++) {
        ww_put_le64(random + 8 * i, flow->random[i]);
        ww_put_le64(key + 8 * i, flow->seen_key[i]);
    }
    size_t message = df_write_begin(w, DF_SNAP_COUNTERS);
    df_write_number(w, 1, flow->incarnation);
    df_write_number(w, 2, flow->next_exec_id);
    df_write_number(w, 3, flow->next_command);
    df_write_number(w, 4, flow->next_token);
    df_write_number(w, 5, flow->next_request);
    df_write_bytes(w, 6, ww_view_of(random, sizeof random));
    df_write_bytes(w, 7, ww_view_of(key, sizeof key));
    df_write_number(w, 8, flow->allow_only);
    df_write_end(w, message);
}

static void write_slot(const df_component *c, df_writer *w, ww_diag *diag)
{
    size_t message = df_write_begin(w, 1);
    df_write_bytes(w, 1, c->slot);
    df_write_bytes(w, 2, ww_view_str(c->type->name));
    df_write_bytes(w, 3, c->config);
    if (c->type->save) {
        size_t state = df_write_begin(w, 4);
        if (!w->status) w->status = c->type->save(c->self, w->out, diag);
        df_write_end(w, state);
    }
    df_write_end(w, message);
}

static void write_unit(const ww_dataflow *flow, const df_unit *unit, df_writer *w, ww_diag *diag)
{
    size_t message = df_write_begin(w, DF_SNAP_UNIT);
    df_write_bytes(w, 1, ww_view_of(unit->bytes->bytes, unit->bytes->size));
    df_write_number(w, 2, unit->options.allow_unresolved);
    df_write_number(w, 3, unit->options.policy);
    df_write_number(w, 4, unit->options.retries);
    df_write_number(w, 5, unit->options.retry_delay_ns);
    df_write_number(w, 6, unit->options.deadline_ns);
    size_t targets = df_write_begin(w, 7);
    for (uint32_t i = 0; i < unit->target_count; i++)
        df_write_bytes(w, 1, unit->targets[i]);
    df_write_end(w, targets);
    size_t slots = df_write_begin(w, 8);
    for (uint32_t i = 0; i < unit->component_count; i++)
        write_slot(&flow->components[unit->component_first + i], w, diag);
    df_write_end(w, slots);
    df_write_end(w, message);
}

static uint32_t unit_count(const ww_dataflow *flow)
{
    uint32_t count = 0;
    for (const df_unit *unit = flow->units; unit; unit = unit->next)
        count++;
    return count;
}

/* The list has the latest first; installing again must go by age. */
static void write_units(const ww_dataflow *flow, df_writer *w, ww_diag *diag)
{
    for (uint32_t behind = unit_count(flow); behind-- > 0;) {
        const df_unit *unit = flow->units;
        for (uint32_t i = 0; i < behind; i++)
            unit = unit->next;
        write_unit(flow, unit, w, diag);
    }
}

static bool is_own_target(const ww_dataflow *flow, const ww_bootstrap_target_info *info)
{
    uint32_t id;
    if (info->kind == WW_BOOTSTRAP_MODULE)
        return ww_names_find(&flow->graph_names, info->name, &id);
    for (uint32_t i = 0; i < flow->component_count; i++)
        if (ww_view_equal(flow->components[i].slot, info->name)) return true;
    return false;
}

static void write_done(const ww_dataflow *flow, df_writer *w)
{
    for (uint32_t i = 0; i < ww_bootstrap_target_count(flow->queue); i++) {
        ww_bootstrap_target_info info = ww_bootstrap_target_at(flow->queue, i);
        if (!info.done || !is_own_target(flow, &info)) continue;
        size_t message = df_write_begin(w, DF_SNAP_DONE);
        df_write_number(w, 1, info.kind);
        df_write_bytes(w, 2, info.name);
        df_write_end(w, message);
    }
}

/* --- what has been gathered ------------------------------------------------------------------- */

static void write_keys(const ww_dataflow *flow, df_writer *w)
{
    for (uint32_t kind = 0; kind < DF_PHASES;
         kind++) { /* phases and events come with the modules */
        const df_table *table = &flow->tables[kind];
        for (uint32_t i = 0; i < table->names.count; i++) {
            const df_key *key = &table->keys[i];
            size_t message = df_write_begin(w, DF_SNAP_KEY);
            df_write_number(w, 1, kind);
            df_write_bytes(w, 2, ww_names_text(&table->names, i));
            df_write_number(w, 3, (uint64_t)key->counter);
            df_write_number(w, 4, key->fired);
            size_t values = df_write_begin(w, 5);
            for (uint32_t v = 0; v < key->values.count; v++)
                df_write_value(w, 1, df_ring_at(&key->values, v, sizeof(ww_flow_value)), 0);
            df_write_end(w, values);
            df_write_end(w, message);
        }
    }
}

static void write_seen(const ww_dataflow *flow, df_writer *w)
{
    size_t message = df_write_begin(w, DF_SNAP_SEEN);
    for (uint32_t i = 0; i < flow->seen_order.count && !w->status; i++) {
        uint8_t hash[8];
        ww_put_le64(hash, *(uint64_t *)df_ring_at(&flow->seen_order, i, sizeof(uint64_t)));
        w->status = ww_buf_append(w->out, hash, sizeof hash);
    }
    df_write_end(w, message);
}

/* --- what is under way ------------------------------------------------------------------------ */

/* Neither bootstraps nor calls of peers, which are not operations of a module. */
static bool is_kept(const df_frame *root)
{
    return root->graph && !root->bootstrap && !root->aborted;
}

static void write_frame(const ww_dataflow *flow, const df_frame *frame, df_writer *w)
{
    size_t message = df_write_begin(w, DF_SNAP_FRAME);
    df_write_number(w, 1, frame->graph->index);
    df_write_number(w, 2, frame->exec_id);
    df_write_number(w, 3, frame->parent ? frame->parent->ordinal + 1 : 0);
    df_write_number(w, 4, frame->parent_op);
    df_write_number(w, 5, frame->parent ? 0 : flow->now_ns - frame->started_ns);
    df_write_number(w, 6, frame->charge);
    df_write_number(w, 7, frame->sender == DF_NONE ? 0 : frame->sender + 1);
    df_write_number(w, 8, frame->event_formal == DF_NONE ? 0 : frame->event_formal + 1);
    size_t values = df_write_begin(w, 9);
    for (uint32_t i = 0; i < frame->graph->site_count; i++)
        if (frame->values[i].type) df_write_value(w, 1, &frame->values[i], i);
    df_write_end(w, values);
    if (frame->deadline_ns)
        df_write_number(
            w, 10, frame->deadline_ns > flow->now_ns ? frame->deadline_ns - flow->now_ns + 1 : 1);
    df_write_end(w, message);
}

/* A tree's list has the root first and then the latest. */
static void turn_round(df_frame *root)
{
    df_frame *turned = NULL;
    for (df_frame *frame = root->tree_next, *next; frame; frame = next) {
        next = frame->tree_next;
        frame->tree_next = turned;
        turned = frame;
    }
    root->tree_next = turned;
}

/* Callers come before what they call. */
static void write_tree(const ww_dataflow *flow, df_frame *root, uint32_t *next, df_writer *w)
{
    turn_round(root);
    for (df_frame *frame = root; frame; frame = frame->tree_next) {
        frame->ordinal = (*next)++;
        write_frame(flow, frame, w);
    }
    turn_round(root);
}

static void write_frames(const ww_dataflow *flow, df_writer *w)
{
    uint32_t next = 0;
    df_frame *root = flow->live;
    while (root && root->next)
        root = root->next;
    for (; root; root = root->previous) /* the oldest first */
        if (is_kept(root)) write_tree(flow, root, &next, w);
}

static void write_place(df_writer *w, uint32_t field, const df_frame *frame, uint32_t op,
                        uint64_t command)
{
    size_t message = df_write_begin(w, field);
    df_write_number(w, 1, frame->ordinal);
    df_write_number(w, 2, op);
    df_write_number(w, 3, command);
    df_write_end(w, message);
}

/* What is parked has become ready before all that is in the frontier. */
static void write_ready(const ww_dataflow *flow, df_writer *w)
{
    for (uint32_t c = 0; c < flow->component_count; c++)
        for (uint32_t at = flow->components[c].parked_first; at != DF_NONE;
             at = flow->parked[at].next)
            write_place(w, DF_SNAP_READY, flow->parked[at].ready.frame, flow->parked[at].ready.op,
                        0);
    for (uint32_t i = 0; i < flow->frontier.count; i++) {
        const df_ready *ready = df_ring_at(&flow->frontier, i, sizeof *ready);
        if (is_kept(ready->frame->root)) write_place(w, DF_SNAP_READY, ready->frame, ready->op, 0);
    }
}

static void write_waiting(const ww_dataflow *flow, df_writer *w)
{
    for (uint64_t i = 0; i < flow->async_top; i++) {
        const df_async *async = &flow->asyncs[i];
        if (async->frame && is_kept(async->frame->root))
            write_place(w, DF_SNAP_WAITING, async->frame, async->op, async->command);
    }
}

static void write_call(const df_inbox_item *item, df_writer *w)
{
    df_write_number(w, 3, item->component + 1);
    df_write_number(w, 4, item->function);
    df_write_bytes(w, 5, ww_view_of(item->payload->bytes, item->payload->size));
    df_write_number(w, 6, item->id);
    df_write_number(w, 7, item->peer);
}

static void write_held(const ww_dataflow *flow, df_writer *w)
{
    for (uint32_t i = 0; i < flow->held.count; i++) {
        const df_inbox_item *item = df_ring_at(&flow->held, i, sizeof *item);
        size_t message = df_write_begin(w, DF_SNAP_HELD);
        if (item->kind == DF_CONTROL)
            write_call(item, w);
        else
            df_write_number(w, 1, item->frame->ordinal);
        if (item->kind == DF_START && item->frame->event)
            df_write_bytes(w, 2, ww_view_of(item->frame->event->bytes, item->frame->event->size));
        df_write_end(w, message);
    }
}

static bool is_needed(const ww_dataflow *flow, const df_timer *timer)
{
    uint32_t index;
    if (timer->kind != DF_TIMER_COMMAND) return timer->kind != DF_TIMER_PEER;
    return df_map_find(&flow->async_by_command, timer->id, &index) &&
           is_kept(flow->asyncs[index].frame->root);
}

static void write_timer(const ww_dataflow *flow, const df_timer *timer, df_writer *w)
{
    size_t message = df_write_begin(w, DF_SNAP_TIMER);
    df_write_number(w, 1, timer->kind);
    df_write_number(w, 2, timer->at_ns > flow->now_ns ? timer->at_ns - flow->now_ns : 0);
    df_write_number(w, 3, timer->graph);
    df_write_number(w, 4, timer->op);
    df_write_number(w, 5, timer->id);
    df_write_end(w, message);
}

/* In the order in which they are due, so that their ages need not be told. */
static void write_timers(const ww_dataflow *flow, df_writer *w)
{
    size_t size = flow->timer_count * sizeof(df_timer);
    uint32_t left = flow->timer_count;
    df_timer *heap = left ? ww_alloc(flow->allocator, size) : NULL;
    if (left && !heap && !w->status) w->status = WW_E_MEMORY;
    if (!heap) return;
    memcpy(heap, flow->timers, size);
    while (left) {
        df_timer timer = df_timer_pop(heap, &left);
        if (is_needed(flow, &timer)) write_timer(flow, &timer, w);
    }
    ww_free(flow->allocator, heap, size);
}

static void write_wire(const ww_dataflow *flow, df_writer *w)
{
    for (uint32_t i = 0; i < flow->outbound.count; i++) {
        const df_outbound *out = df_ring_at(&flow->outbound, i, sizeof *out);
        size_t message = df_write_begin(w, DF_SNAP_OUTBOUND);
        df_write_number(w, 1, out->peer);
        df_write_number(w, 2, out->request);
        df_write_bytes(w, 3, ww_view_of(out->bytes->bytes, out->bytes->size));
        df_write_end(w, message);
    }
    for (uint32_t i = 0; i < flow->requests.count; i++) {
        const df_wire_request *request = df_ring_at(&flow->requests, i, sizeof *request);
        size_t message = df_write_begin(w, DF_SNAP_REQUEST);
        df_write_number(w, 1, request->id);
        df_write_number(w, 2, flow->now_ns - request->sent_ns);
        df_write_number(w, 3, request->peer);
        df_write_number(w, 4, request->edge == DF_NONE ? 0 : request->edge + 1);
        df_write_number(w, 5, request->silent);
        df_write_end(w, message);
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool is_between_polls(const ww_dataflow *flow)
{
    return flow->phase == DF_PHASE_START && !(flow->inbox.count | flow->fired.count |
                                              flow->lifecycle.count | flow->app_events.count);
}

ww_status ww_dataflow_snapshot(ww_dataflow *flow, ww_buf *out, ww_diag *diag)
{
    static const uint64_t no_key[2] = {0, 0};
    uint8_t head[DF_SNAPSHOT_HEAD] = DF_SNAPSHOT_MAGIC;
    if (!is_between_polls(flow))
        return ww_fail(diag, WW_E_BUSY, "no snapshot before a poll has taken in what is there");
    ww_diag cause = {0};
    size_t start = out->size;
    df_writer w = {.out = out, .status = ww_buf_append(out, head, sizeof head)};
    write_counters(flow, &w);
    write_units(flow, &w, &cause);
    write_done(flow, &w);
    write_keys(flow, &w);
    df_peers_save(flow, &w);
    df_edges_save(flow, &w);
    write_seen(flow, &w);
    write_frames(flow, &w);
    write_ready(flow, &w);
    write_waiting(flow, &w);
    write_held(flow, &w);
    write_timers(flow, &w);
    write_wire(flow, &w);
    if (w.status)
        return ww_fail(diag, w.status, "snapshot: %s",
                       cause.text[0] ? cause.text : ww_status_text(w.status));
    ww_view body = ww_view_of(out->data + start + sizeof head, out->size - start - sizeof head);
    ww_put_le64(out->data + start + 8, ww_siphash13(no_key, body));
    return WW_OK;
}
