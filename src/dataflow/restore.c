/* Reading a snapshot (snapshot.h) into a new engine.
 *
 * What can be derived is derived instead of believed: which operations still miss inputs follows
 * from the values that are there, how much of a tree is outstanding from what it waits for. What
 * cannot be is checked, so that the invariants of frame.c and async.c hold whatever the bytes are.
 */
#include "dataflow/installer.h"
#include "dataflow/snapshot.h"

enum {
    SLOTS_MAX = 65536,
    AT_REST =
        UINT32_MAX /
        2, /* of `missing`, meanwhile: has all inputs, and nothing said that it still has to run */
};

typedef struct restore {
    ww_dataflow *flow;
    ww_view body;
    ww_diag *diag;
    df_frame **frames; /* by ordinal */
    uint32_t frame_count, frame_capacity;
} restore;

typedef ww_status restore_fn(restore *r, ww_view message);

bool df_read_record(ww_view message, df_record *out)
{
    memset(out, 0, sizeof *out);
    df_reader reader = df_reader_of(message);
    for (df_field field; df_next(&reader, &field);) {
        if (field.number >= DF_RECORD_FIELDS) continue;
        if (field.type == DF_BYTES)
            out->bytes[field.number] = field.bytes;
        else
            out->number[field.number] = field.value;
    }
    return !reader.error;
}

ww_status df_read_value(ww_dataflow *flow, ww_view message, ww_flow_value *out, uint64_t *site)
{
    df_record r;
    *out = (ww_flow_value){0};
    if (!df_read_record(message, &r)) return WW_E_INVALID;
    ww_flow_value_type type = df_type_of_hash(r.number[1]);
    *site = r.number[3];
    return type ? ww_flow_value_decode(flow->allocator, type, r.bytes[2], out, NULL) : WW_E_INVALID;
}

/* --- units ------------------------------------------------------------------------------------ */

/* Every field 1 of the message; NULL `out` counts. */
static uint32_t list(ww_view message, ww_view *out)
{
    uint32_t count = 0;
    df_reader reader = df_reader_of(message);
    for (df_field field; df_next(&reader, &field);) {
        if (field.number != 1 || field.type != DF_BYTES) continue;
        if (out) out[count] = field.bytes;
        count++;
    }
    return count;
}

static ww_status read_slots(ww_arena *memory, ww_view message, ww_dataflow_install_options *options,
                            df_installer *in)
{
    size_t count = list(message, NULL);
    if (count > SLOTS_MAX) return WW_E_LIMIT;
    ww_view *messages = ww_arena_array(memory, count, sizeof *messages);
    ww_view *states = ww_arena_array(memory, count, sizeof *states);
    ww_dataflow_slot *slots = ww_arena_array(memory, count, sizeof *slots);
    if (!messages || !states || !slots) return WW_E_MEMORY;
    list(message, messages);
    for (size_t i = 0; i < count; i++) {
        df_record r;
        if (!df_read_record(messages[i], &r)) return WW_E_INVALID;
        slots[i] = (ww_dataflow_slot){.slot = r.bytes[1], .type = r.bytes[2], .config = r.bytes[3]};
        states[i] = r.bytes[4];
    }
    options->slots = slots;
    options->slot_count = count;
    in->states = states;
    return WW_OK;
}

static ww_status read_unit(restore *r, ww_arena *memory, ww_view message)
{
    df_record record;
    if (!df_read_record(message, &record) || record.number[3] > WW_BOOTSTRAP_HALT ||
        record.number[4] > UINT32_MAX)
        return WW_E_INVALID;
    size_t count = list(record.bytes[7], NULL);
    ww_view *targets = ww_arena_array(memory, count, sizeof *targets);
    if (!targets) return WW_E_MEMORY;
    list(record.bytes[7], targets);
    ww_dataflow_install_options options = {
        .artifact = record.bytes[1],
        .targets = targets,
        .target_count = count,
        .allow_unresolved = record.number[2],
        .policy = (ww_bootstrap_policy)record.number[3],
        .retries = (uint32_t)record.number[4],
        .retry_delay_ns = record.number[5],
        .deadline_ns = record.number[6],
    };
    df_installer in = {.flow = r->flow, .options = &options, .diag = r->diag};
    ww_status status = read_slots(memory, record.bytes[8], &options, &in);
    return status ? status : df_install(&in);
}

static ww_status restore_unit(restore *r, ww_view message)
{
    ww_arena memory;
    ww_arena_init(&memory, r->flow->allocator, r->flow->limits.artifact_bytes_max);
    ww_status status = read_unit(r, &memory, message);
    ww_arena_deinit(&memory);
    return status;
}

/* --- counters, tables ------------------------------------------------------------------------- */

static ww_status restore_counters(restore *r, ww_view message)
{
    df_record record;
    ww_dataflow *flow = r->flow;
    if (!df_read_record(message, &record) || record.bytes[6].size != 16 ||
        record.bytes[7].size != 16)
        return WW_E_INVALID;
    flow->incarnation = record.number[1] + 1;
    flow->next_exec_id = record.number[2];
    flow->next_command = record.number[3];
    flow->next_token = record.number[4];
    flow->next_request = record.number[5];
    flow->allow_only = record.number[8];
    for (int i = 0; i < 2; i++) {
        flow->random[i] = ww_le64(record.bytes[6].data + 8 * i);
        flow->seen_key[i] = ww_le64(record.bytes[7].data + 8 * i);
    }
    return flow->random[0] | flow->random[1] ? WW_OK : WW_E_INVALID;
}

static uint32_t values_max(const ww_dataflow *flow, uint64_t table)
{
    if (table == DF_HOLDS) return 1;
    if (table == DF_QUEUES) return flow->limits.queued_values_max;
    return table == DF_RECORDS ? DF_RECORDS_MAX : 0;
}

static ww_status restore_key(restore *r, ww_view message)
{
    df_record record;
    ww_dataflow *flow = r->flow;
    uint32_t id;
    if (!df_read_record(message, &record) || record.number[1] >= DF_PHASES) return WW_E_INVALID;
    df_table_kind kind = (df_table_kind)record.number[1];
    ww_status status = df_key_of(flow, kind, record.bytes[2], &id);
    if (status) return status;
    df_key *key = &flow->tables[kind].keys[id];
    key->counter = (int64_t)record.number[3];
    key->fired = record.number[4];
    df_reader reader = df_reader_of(record.bytes[5]);
    for (df_field field; !status && df_next(&reader, &field);) {
        uint64_t site;
        ww_flow_value value;
        if (field.type != DF_BYTES || key->values.count >= values_max(flow, kind))
            return WW_E_INVALID;
        status = df_read_value(flow, field.bytes, &value, &site);
        ww_flow_value *place = status ? NULL : df_ring_push(flow, &key->values, sizeof *place);
        if (place)
            *place = value;
        else
            ww_flow_value_unref(value);
        if (!place && !status) status = WW_E_MEMORY;
    }
    return status ? status : reader.error ? WW_E_INVALID : WW_OK;
}

static ww_status restore_peer(restore *r, ww_view message)
{
    return df_peer_restore(r->flow, message);
}

static ww_status restore_seen(restore *r, ww_view message)
{
    ww_dataflow *flow = r->flow;
    if (message.size % 8 || message.size / 8 > DF_SEEN_MAX) return WW_E_INVALID;
    for (size_t at = 0; at < message.size; at += 8) {
        uint32_t known;
        uint64_t hash = ww_le64(message.data + at);
        if (df_map_find(&flow->seen, hash, &known)) return WW_E_INVALID;
        ww_status status = df_seen_add(flow, hash);
        if (status) return status;
    }
    return WW_OK;
}

/* --- executions ------------------------------------------------------------------------------- */

static df_frame *frame_at(const restore *r, uint64_t ordinal)
{
    return ordinal < r->frame_count ? r->frames[ordinal] : NULL;
}

static ww_status restore_values(restore *r, df_frame *frame, ww_view message)
{
    df_reader reader = df_reader_of(message);
    for (df_field field; df_next(&reader, &field);) {
        uint64_t site;
        ww_flow_value value;
        if (field.type != DF_BYTES) return WW_E_INVALID;
        ww_status status = df_read_value(r->flow, field.bytes, &value, &site);
        if (status) return status;
        if (site >= frame->graph->site_count || frame->values[site].type) {
            ww_flow_value_unref(value);
            return WW_E_INVALID;
        }
        if (frame->event_formal == DF_NONE)
            df_frame_preset(frame, (uint32_t)site, value);
        else
            frame->values[site] = value; /* it counts when the event starts */
    }
    return reader.error ? WW_E_INVALID : WW_OK;
}

/* A caller that really calls that function, or none. */
static bool find_parent(const restore *r, const df_record *record, df_frame **parent)
{
    *parent = NULL;
    if (!record->number[3]) return true;
    *parent = frame_at(r, record->number[3] - 1);
    if (!*parent || (*parent)->depth + 1 >= r->flow->limits.call_depth_max) return false;
    const df_graph *g = (*parent)->graph;
    return record->number[4] < g->op_count && g->ops[record->number[4]].callee == record->number[1];
}

static uint64_t after(const ww_dataflow *flow, uint64_t left)
{
    uint64_t at;
    return __builtin_add_overflow(flow->now_ns, left, &at) ? UINT64_MAX : at;
}

static ww_status set_up_frame(restore *r, df_frame *frame, const df_record *record)
{
    ww_dataflow *flow = r->flow;
    frame->exec_id = record->number[2];
    frame->parent_op = (uint32_t)record->number[4];
    frame->started_ns = flow->now_ns - record->number[5];
    if (!ww_budget_charge(flow->ingress, record->number[6])) return WW_E_QUOTA;
    frame->charge = record->number[6];
    uint64_t sender = record->number[7], formal = record->number[8];
    frame->deadline_ns = record->number[10] ? after(flow, record->number[10] - 1) : 0;
    if (sender > flow->peer_names.count || formal > frame->graph->formal_count) return WW_E_INVALID;
    if (sender) frame->sender = (uint32_t)sender - 1;
    if (formal) frame->event_formal = (uint32_t)formal - 1;
    if (frame->parent && (frame->charge || sender || formal || frame->deadline_ns))
        return WW_E_INVALID;
    ww_status status = restore_values(r, frame, record->bytes[9]);
    for (uint32_t op = 0; op < frame->graph->op_count; op++)
        if (!frame->missing[op]) frame->missing[op] = AT_REST;
    return status;
}

static ww_status restore_frame(restore *r, ww_view message)
{
    ww_dataflow *flow = r->flow;
    df_record record;
    df_frame *parent;
    if (!df_read_record(message, &record) || record.number[1] >= flow->graph_count ||
        record.number[2] >= flow->next_exec_id || !find_parent(r, &record, &parent))
        return WW_E_INVALID;
    void *frames = r->frames;
    ww_status status =
        df_grow(flow, &frames, &r->frame_capacity, sizeof *r->frames, r->frame_count + 1);
    r->frames = frames;
    if (status) return status;
    df_frame *frame = df_frame_new(flow, flow->graphs[record.number[1]], parent);
    if (!frame) return WW_E_MEMORY;
    r->frames[r->frame_count++] = frame;
    return set_up_frame(r, frame, &record);
}

/* An operation that has its inputs and is named once. Operations that others start never have them
 * all. */
static bool take_place(const restore *r, const df_record *record, df_frame **frame, uint32_t *op)
{
    *frame = frame_at(r, record->number[1]);
    if (!*frame || record->number[2] >= (*frame)->graph->op_count ||
        (*frame)->event_formal != DF_NONE)
        return false;
    *op = (uint32_t)record->number[2];
    uint32_t *missing = &(*frame)->missing[*op];
    if (*missing != AT_REST && *missing < UINT32_MAX - UINT16_MAX) return false;
    *missing = 0;
    return true;
}

static ww_status restore_ready(restore *r, ww_view message)
{
    df_record record;
    df_frame *frame;
    uint32_t op;
    if (!df_read_record(message, &record) || !take_place(r, &record, &frame, &op))
        return WW_E_INVALID;
    df_frame_push(r->flow, frame, op);
    return WW_OK;
}

/* Nobody will answer for a component that was made anew. */
static ww_status forget_call(ww_dataflow *flow, const df_op *op, uint64_t command)
{
    if (op->run != df_run_component || flow->components[op->component].type->restore) return WW_OK;
    df_inbox_item *item = df_ring_push(flow, &flow->inbox, sizeof *item);
    if (!item) return WW_E_MEMORY;
    *item = (df_inbox_item){.kind = DF_COMPLETION, .id = command, .failed = true};
    return WW_OK;
}

static ww_status restore_waiting(restore *r, ww_view message)
{
    ww_dataflow *flow = r->flow;
    df_record record;
    df_frame *frame;
    uint32_t op;
    if (!df_read_record(message, &record) || record.number[3] >= flow->next_command ||
        !take_place(r, &record, &frame, &op))
        return WW_E_INVALID;
    const df_op *what = &frame->graph->ops[op];
    ww_status status = df_async_add(flow, record.number[3], frame, op, what->component);
    if (status) return status == WW_E_EXISTS ? WW_E_INVALID : status;
    frame->root->outstanding++;
    return forget_call(flow, what, record.number[3]);
}

/* A peer's call that has not begun. */
static ww_status restore_call(ww_dataflow *flow, const df_record *record)
{
    uint64_t component = record->number[3] - 1, function = record->number[4];
    if (component >= flow->component_count || record->number[7] >= flow->peer_names.count ||
        function >= DF_ROLE_FUNCTIONS || !record->bytes[5].data ||
        !flow->components[component].type->calls.functions[function])
        return WW_E_INVALID;
    return df_control_add(flow,
                          (df_inbox_item){.id = record->number[6],
                                          .peer = (uint32_t)record->number[7],
                                          .component = (uint32_t)component,
                                          .function = (uint32_t)function},
                          record->bytes[5]);
}

static ww_status restore_held(restore *r, ww_view message)
{
    ww_dataflow *flow = r->flow;
    df_record record;
    if (!df_read_record(message, &record)) return WW_E_INVALID;
    if (record.number[3]) return restore_call(flow, &record);
    df_frame *frame = frame_at(r, record.number[1]);
    if (!frame || frame->parent || frame->outstanding || frame->held) return WW_E_INVALID;
    bool event = frame->event_formal != DF_NONE;
    if (event != (record.bytes[2].data != NULL)) return WW_E_INVALID;
    if (event && !frame->values[frame->graph->formals[frame->event_formal]].type)
        return WW_E_INVALID;
    if (event) frame->event = ww_blob_copy(flow->allocator, record.bytes[2]);
    df_inbox_item *item =
        event && !frame->event ? NULL : df_ring_push(flow, &flow->inbox, sizeof *item);
    if (!item) {
        ww_blob_unref(frame->event);
        frame->event = NULL;
        return WW_E_MEMORY;
    }
    *item = (df_inbox_item){.kind = DF_START, .frame = frame};
    frame->held = true;
    return WW_OK;
}

/* Every execution has something left to do. */
static ww_status finish_frames(const restore *r)
{
    for (uint32_t i = 0; i < r->frame_count; i++) {
        df_frame *frame = r->frames[i];
        if (!frame->root->outstanding && !frame->root->held) return WW_E_INVALID;
        if (frame->event_formal != DF_NONE && !frame->held) return WW_E_INVALID;
        frame->held = false;
        for (uint32_t op = 0; op < frame->graph->op_count; op++)
            if (frame->missing[op] == AT_REST) frame->missing[op] = 0;
    }
    return WW_OK;
}

/* --- timers and the wire ---------------------------------------------------------------------- */

static ww_status restore_timer(restore *r, ww_view message)
{
    ww_dataflow *flow = r->flow;
    df_record record;
    if (!df_read_record(message, &record) || record.number[1] >= DF_TIMER_PEER ||
        record.number[3] > UINT32_MAX || record.number[4] > UINT32_MAX)
        return WW_E_INVALID;
    df_timer timer = {.at_ns = after(flow, record.number[2]),
                      .kind = (df_timer_kind)record.number[1],
                      .graph = (uint32_t)record.number[3],
                      .op = (uint32_t)record.number[4],
                      .id = record.number[5]};
    if (timer.kind != DF_TIMER_INTERVAL) return df_timer_add(flow, timer);
    for (uint32_t i = 0; i < flow->timer_count; i++) { /* the install has set it anew */
        df_timer *set = &flow->timers[i];
        if (set->kind != DF_TIMER_INTERVAL || set->graph != timer.graph || set->op != timer.op)
            continue;
        df_timer_move(flow, i, timer.at_ns);
        return WW_OK;
    }
    return WW_E_INVALID;
}

static ww_status restore_outbound(restore *r, ww_view message)
{
    ww_dataflow *flow = r->flow;
    df_record record;
    if (!df_read_record(message, &record) || record.number[1] >= flow->peer_names.count ||
        flow->outbound.count >= flow->limits.outbound_max ||
        record.bytes[3].size > flow->limits.envelope_bytes_max)
        return WW_E_INVALID;
    ww_blob *bytes = ww_blob_copy(flow->allocator, record.bytes[3]);
    df_outbound *place = bytes ? df_ring_push(flow, &flow->outbound, sizeof *place) : NULL;
    if (place)
        *place = (df_outbound){(uint32_t)record.number[1], record.number[2], bytes};
    else
        ww_blob_unref(bytes);
    return place ? WW_OK : WW_E_MEMORY;
}

static ww_status restore_edge(restore *r, ww_view message)
{
    return df_edge_restore(r->flow, message);
}

static ww_status restore_request(restore *r, ww_view message)
{
    ww_dataflow *flow = r->flow;
    df_record record;
    if (!df_read_record(message, &record) || record.number[3] >= flow->peer_names.count ||
        flow->requests.count >= flow->limits.outbound_max || record.number[4] > flow->edge_count)
        return WW_E_INVALID;
    df_wire_request *place = df_ring_push(flow, &flow->requests, sizeof *place);
    if (!place) return WW_E_MEMORY;
    *place = (df_wire_request){.id = record.number[1],
                               .sent_ns = flow->now_ns - record.number[2],
                               .peer = (uint32_t)record.number[3],
                               .edge = (uint32_t)record.number[4] - 1,
                               .silent = record.number[5]};
    return WW_OK;
}

/* --- all of it -------------------------------------------------------------------------------- */

static ww_status check_done(restore *r, ww_view message)
{
    df_record record;
    uint32_t id;
    if (!df_read_record(message, &record) || record.number[1] >= WW_BOOTSTRAP_KINDS ||
        !ww_bootstrap_find(r->flow->queue, (ww_bootstrap_kind)record.number[1], record.bytes[2],
                           &id))
        return WW_E_INVALID;
    return WW_OK;
}

static ww_status mark_done(restore *r, ww_view message)
{
    df_record record;
    uint32_t id;
    if (df_read_record(message, &record) &&
        ww_bootstrap_find(r->flow->queue, (ww_bootstrap_kind)record.number[1], record.bytes[2],
                          &id))
        ww_bootstrap_mark_done(r->flow->queue, id);
    return WW_OK;
}

static ww_status each(restore *r, df_snapshot_field field, restore_fn *fn)
{
    df_reader reader = df_reader_of(r->body);
    for (df_field found; df_next(&reader, &found);) {
        if (found.number != field) continue;
        size_t offset = (size_t)(found.bytes.data - r->body.data) + DF_SNAPSHOT_HEAD;
        ww_diag *diag = r->diag;
        if (diag) diag->text[0] = '\0';
        ww_status status = found.type == DF_BYTES ? fn(r, found.bytes) : WW_E_INVALID;
        if (status && diag && !diag->text[0])
            ww_fail(diag, status, "snapshot: offset %zu: field %d: %s", offset, (int)field,
                    ww_status_text(status));
        if (status) return status;
    }
    return reader.error ? ww_fail(r->diag, WW_E_INVALID, "snapshot: offset %zu: %s",
                                  df_offset(&reader) + DF_SNAPSHOT_HEAD, reader.error)
                        : WW_OK;
}

static ww_status read_all(restore *r)
{
    static const struct {
        df_snapshot_field field;
        restore_fn *fn;
    } order[] = {
        {DF_SNAP_COUNTERS, restore_counters}, {DF_SNAP_UNIT, restore_unit},
        {DF_SNAP_DONE, check_done},           {DF_SNAP_KEY, restore_key},
        {DF_SNAP_PEER, restore_peer},         {DF_SNAP_SEEN, restore_seen},
        {DF_SNAP_FRAME, restore_frame},       {DF_SNAP_READY, restore_ready},
        {DF_SNAP_WAITING, restore_waiting},   {DF_SNAP_HELD, restore_held},
        {DF_SNAP_TIMER, restore_timer},       {DF_SNAP_OUTBOUND, restore_outbound},
        {DF_SNAP_EDGE, restore_edge},         {DF_SNAP_REQUEST, restore_request},
    };
    ww_status status = WW_OK;
    for (size_t i = 0; i < WW_COUNT_OF(order) && !status; i++)
        status = each(r, order[i].field, order[i].fn);
    if (status) return status;
    status = finish_frames(r);
    return status ? ww_fail(r->diag, status, "snapshot: an execution that nothing keeps alive")
                  : WW_OK;
}

static ww_status check_head(ww_view snapshot, ww_diag *diag)
{
    static const uint64_t no_key[2] = {0, 0};
    if (snapshot.size < DF_SNAPSHOT_HEAD || memcmp(snapshot.data, DF_SNAPSHOT_MAGIC, 7) != 0)
        return ww_fail(diag, WW_E_INVALID, "not a snapshot of a dataflow engine");
    if (snapshot.data[7] != DF_SNAPSHOT_MAGIC[7])
        return ww_fail(diag, WW_E_UNSUPPORTED, "snapshot of version %u, not %u", snapshot.data[7],
                       DF_SNAPSHOT_MAGIC[7]);
    ww_view body = ww_view_of(snapshot.data + DF_SNAPSHOT_HEAD, snapshot.size - DF_SNAPSHOT_HEAD);
    if (ww_le64(snapshot.data + 8) != ww_siphash13(no_key, body))
        return ww_fail(diag, WW_E_INVALID, "the snapshot is damaged");
    return WW_OK;
}

ww_status ww_dataflow_restore(const ww_dataflow_config *config, ww_view snapshot, uint64_t now_ns,
                              ww_dataflow **out, ww_diag *diag)
{
    *out = NULL;
    ww_dataflow *flow;
    ww_status status = check_head(snapshot, diag);
    if (!status) status = ww_dataflow_new(config, &flow, diag);
    if (status) return status;
    flow->now_ns = now_ns;
    ww_bootstrap_mark mark = ww_bootstrap_mark_now(flow->queue);
    ww_diag own = {0};
    restore r = {
        .flow = flow,
        .diag = diag ? diag : &own,
        .body = ww_view_of(snapshot.data + DF_SNAPSHOT_HEAD, snapshot.size - DF_SNAPSHOT_HEAD)};
    status = read_all(&r);
    ww_free(flow->allocator, r.frames, r.frame_capacity * sizeof *r.frames);
    if (!status) {
        (void)each(&r, DF_SNAP_DONE, mark_done); /* all has been checked: it cannot fail any more */
        *out = flow;
        return WW_OK;
    }
    ww_dataflow_free(flow);
    if (config->queue) ww_bootstrap_rollback(config->queue, mark);
    return status;
}
