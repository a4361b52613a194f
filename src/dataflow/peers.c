/* What the engine remembers of peers, the gates that ask for it, and its place in snapshots. */
#include "dataflow/snapshot.h"

enum { ADDRESSES_SIZE_MAX = 1 << 16 };

ww_status df_peer_of(ww_dataflow *flow, ww_view id, uint32_t *peer)
{
    if (!df_is_multihash(id)) return WW_E_INVALID;
    if (!flow->peer_names.allocator)
        ww_names_init(&flow->peer_names, flow->allocator, flow->hash_key, flow->limits.peers_max);
    if (ww_names_find(&flow->peer_names, id, peer)) return WW_OK;
    uint32_t had = flow->peer_capacity;
    void *peers = flow->peers;
    ww_status status = df_grow(flow, &peers, &flow->peer_capacity, sizeof *flow->peers,
                               flow->peer_names.count + 1);
    flow->peers = peers;
    if (status) return status;
    if (flow->peer_capacity > had)
        memset(flow->peers + had, 0, (flow->peer_capacity - had) * sizeof *flow->peers);
    return ww_names_intern(&flow->peer_names, id, peer);
}

void df_peers_free(ww_dataflow *flow)
{
    for (uint32_t i = 0; i < flow->peer_names.count; i++)
        ww_blob_unref(flow->peers[i].addresses);
    ww_free(flow->allocator, flow->peers, flow->peer_capacity * sizeof *flow->peers);
    ww_names_deinit(&flow->peer_names);
}

bool df_peer_input(const ww_flow_value *value, ww_view *out)
{
    if (!value || (value->type != WW_FLOW_PEER_ID && value->type != WW_FLOW_BYTES)) return false;
    *out = ww_flow_value_view(value);
    return df_is_multihash(*out);
}

/* --- addresses -------------------------------------------------------------------------------- */

static bool contains(ww_view list, ww_view address)
{
    const uint8_t *found =
        list.size ? memmem(list.data + 8, list.size - 8, address.data, address.size) : NULL;
    return found != NULL;
}

/* Appends `count` addresses in wire form, one after the other. */
static ww_status append_addresses(ww_dataflow *flow, df_peer *peer, uint64_t count,
                                  ww_view addresses)
{
    ww_view had = peer->addresses ? ww_view_of(peer->addresses->bytes, peer->addresses->size)
                                  : ww_view_of(NULL, 0);
    if (count == 1 && contains(had, addresses)) return WW_OK;
    size_t body = had.size ? had.size - 8 : 0;
    if (body + addresses.size > ADDRESSES_SIZE_MAX) return WW_E_LIMIT;
    ww_blob *blob = ww_blob_new(flow->allocator, 8 + body + addresses.size);
    if (!blob) return WW_E_MEMORY;
    ww_put_le64(blob->bytes, (had.size ? ww_le64(had.data) : 0) + count);
    if (body) memcpy(blob->bytes + 8, had.data + 8, body);
    if (addresses.size) memcpy(blob->bytes + 8 + body, addresses.data, addresses.size);
    ww_blob_unref(peer->addresses);
    peer->addresses = blob;
    return WW_OK;
}

static ww_status insert(ww_dataflow *flow, ww_view id, const ww_flow_value *addresses)
{
    uint32_t peer;
    ww_status status = df_peer_of(flow, id, &peer);
    if (status) return status;
    ww_view view = ww_flow_value_view(addresses);
    if (addresses->type == WW_FLOW_ADDRESS)
        return append_addresses(flow, &flow->peers[peer], 1, view);
    return append_addresses(flow, &flow->peers[peer], ww_le64(view.data),
                            ww_view_of(view.data + 8, view.size - 8));
}

df_outcome df_run_insert(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    ww_view id;
    const ww_flow_value *addresses = df_port(op, frame, 1);
    if (!df_port(op, frame, 0))
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_peer", "`peer` is absent");
    if (!df_peer_input(df_port(op, frame, 0), &id))
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "expected_peer_id",
                       "`peer` is not a peer id");
    if (!addresses)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_addresses",
                       "the addresses are absent");
    if (addresses->type != WW_FLOW_ADDRESS && addresses->type != WW_FLOW_ADDRESS_VEC)
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "expected_address_vec",
                       "these are not addresses");
    ww_status status = insert(flow, id, addresses);
    if (status == WW_E_MEMORY) return df_no_memory(flow);
    if (status)
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "address_book_full", "%s",
                       ww_status_text(status));
    return df_trigger(flow, op, frame);
}

df_outcome df_run_lookup(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    ww_view id;
    uint32_t peer;
    if (!df_peer_input(df_port(op, frame, 0), &id))
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "expected_peer_id",
                       "`peer` is not a peer id");
    if (!flow->peer_names.count || !ww_names_find(&flow->peer_names, id, &peer) ||
        !flow->peers[peer].addresses)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "address_book_miss",
                       "no address of that peer is known");
    ww_blob *blob = ww_blob_ref(flow->peers[peer].addresses);
    ww_flow_value value = {.type = WW_FLOW_ADDRESS_VEC,
                           .size = (uint32_t)blob->size,
                           .data = blob->bytes,
                           .blob = blob};
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

ww_status ww_dataflow_add_peer(ww_dataflow *flow, ww_view peer, ww_view address)
{
    ww_flow_value value;
    ww_status status =
        ww_flow_value_decode(flow->allocator, WW_FLOW_ADDRESS, address, &value, NULL);
    if (status) return status;
    status = insert(flow, peer, &value);
    ww_flow_value_unref(value);
    return status;
}

ww_status ww_dataflow_block_peer(ww_dataflow *flow, ww_view id, bool blocked)
{
    uint32_t peer;
    ww_status status = df_peer_of(flow, id, &peer);
    if (!status) flow->peers[peer].blocked = blocked;
    return status;
}

ww_status ww_dataflow_set_allowlist(ww_dataflow *flow, const ww_view *peers, size_t count)
{
    uint32_t peer;
    for (size_t i = 0; i < count; i++) { /* what can fail comes first */
        ww_status status = df_peer_of(flow, peers[i], &peer);
        if (status) return status;
    }
    for (uint32_t i = 0; i < flow->peer_names.count; i++)
        flow->peers[i].allowed = false;
    for (size_t i = 0; i < count; i++)
        if (!df_peer_of(flow, peers[i], &peer)) flow->peers[peer].allowed = true;
    flow->allow_only = count > 0;
    return WW_OK;
}

/* --- gates ------------------------------------------------------------------------------------ */

ww_status df_prepare_peer(df_installer *in, const df_node *node, df_arg *arg)
{
    arg->text = df_attribute_text(node, arg->artifact, "peer");
    if (df_is_multihash(arg->text)) return WW_OK;
    return df_install_error(in, WW_E_INVALID, "offset %zu: gate without a `peer`", node->offset);
}

static const df_peer *known(const ww_dataflow *flow, uint32_t peer)
{
    return peer == DF_NONE ? NULL : &flow->peers[peer];
}

static df_peer *peer_of_gate(const ww_dataflow *flow, const df_op *op)
{
    uint32_t peer;
    bool found = flow->peer_names.count && ww_names_find(&flow->peer_names, op->arg->text, &peer);
    return found ? &flow->peers[peer] : NULL;
}

static bool is_cool(const ww_dataflow *flow, const df_peer *p)
{
    return !p || p->backoff_until_ns <= flow->now_ns;
}

df_outcome df_run_health_rx(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const df_peer *sender = known(flow, frame->root->sender);
    if (sender && (df_is_blocked(flow, sender) || sender->down))
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "peer_denied", "the sender is blocked or down");
    return df_run_pass_through(flow, op, frame);
}

df_outcome df_run_backoff_rx(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    if (!is_cool(flow, known(flow, frame->root->sender)))
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "peer_cooldown",
                       "the sender is being left alone");
    return df_run_pass_through(flow, op, frame);
}

df_outcome df_run_health_tx(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_peer *peer = peer_of_gate(flow, op);
    if (peer && !df_may_send(flow, peer))
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "peer_denied", "the peer is blocked or down");
    return df_trigger(flow, op, frame);
}

df_outcome df_run_backoff_tx(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    if (!is_cool(flow, peer_of_gate(flow, op)))
        return df_fail(flow, WW_FLOW_OP_COOLDOWN, "peer_cooldown", "the peer is being left alone");
    return df_trigger(flow, op, frame);
}

ww_status df_seen_add(ww_dataflow *flow, uint64_t hash)
{
    if (flow->seen_order.count == DF_SEEN_MAX) {
        df_map_remove(&flow->seen, *(uint64_t *)df_ring_at(&flow->seen_order, 0, sizeof hash));
        df_ring_pop(&flow->seen_order);
    }
    uint64_t *last = df_ring_push(flow, &flow->seen_order, sizeof hash);
    if (!last) return WW_E_MEMORY;
    *last = hash;
    ww_status status = df_map_put(flow, &flow->seen, hash, 0);
    if (status) flow->seen_order.count--; /* what was pushed last */
    return status;
}

/* Bytes seen lately, by a keyed hash, so that nobody can make two payloads look alike. */
df_outcome df_run_dedup(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *value = df_input(op, frame, 0);
    if (!value) return df_fail(flow, WW_FLOW_OP_OTHER, "", "an input is required");
    uint64_t place = (uint64_t)frame->graph->index << 32 | (uint64_t)(op - frame->graph->ops);
    const uint64_t key[2] = {flow->seen_key[0] ^ place, flow->seen_key[1]};
    uint64_t hash =
        ww_siphash13(key, value->blob ? ww_flow_value_view(value) : ww_view_of(&value->number, 8));
    uint32_t seen;
    if (df_map_find(&flow->seen, hash, &seen))
        return df_fail(flow, WW_FLOW_OP_BAD_INPUT, "duplicate", "seen before");
    if (df_seen_add(flow, hash)) return df_no_memory(flow);
    return df_run_pass_through(flow, op, frame);
}

/* --- snapshots -------------------------------------------------------------------------------- */

typedef enum peer_field {
    PEER_ID = 1,
    PEER_STATE, /* bits: 1 blocked, 2 down, 4 suspect, 8 allowed */
    PEER_FAILURES,
    PEER_BACKOFF_LEFT,
    PEER_RETRY_LEFT,
    PEER_RTT, /* mean, deviation and number of samples: three fields each */
    PEER_GAPS = PEER_RTT + 3,
    PEER_SILENCE = PEER_GAPS + 3,
    PEER_ADDRESSES,
} peer_field;

enum { STATE_BLOCKED = 1, STATE_DOWN = 2, STATE_SUSPECT = 4, STATE_ALLOWED = 8 };

static uint64_t left(uint64_t at_ns, uint64_t now_ns)
{
    return at_ns > now_ns ? at_ns - now_ns : 0;
}

static void save_estimate(df_writer *w, uint32_t field, const df_estimate *estimate)
{
    df_write_number(w, field, estimate->mean_ns);
    df_write_number(w, field + 1, estimate->deviation_ns);
    df_write_number(w, field + 2, estimate->samples);
}

void df_peers_save(const ww_dataflow *flow, df_writer *w)
{
    for (uint32_t i = 0; i < flow->peer_names.count; i++) {
        const df_peer *p = &flow->peers[i];
        size_t message = df_write_begin(w, DF_SNAP_PEER);
        df_write_bytes(w, PEER_ID, ww_names_text(&flow->peer_names, i));
        df_write_number(w, PEER_STATE,
                        (p->blocked ? STATE_BLOCKED : 0) | (p->down ? STATE_DOWN : 0) |
                            (p->suspect ? STATE_SUSPECT : 0) | (p->allowed ? STATE_ALLOWED : 0));
        df_write_number(w, PEER_FAILURES, p->failures);
        df_write_number(w, PEER_BACKOFF_LEFT, left(p->backoff_until_ns, flow->now_ns));
        df_write_number(w, PEER_RETRY_LEFT, left(p->retry_ns, flow->now_ns));
        save_estimate(w, PEER_RTT, &p->rtt);
        save_estimate(w, PEER_GAPS, &p->gaps);
        df_write_number(w, PEER_SILENCE, p->gaps.samples ? flow->now_ns - p->heard_ns : 0);
        if (p->addresses)
            df_write_bytes(w, PEER_ADDRESSES, ww_view_of(p->addresses->bytes, p->addresses->size));
        df_write_end(w, message);
    }
}

static df_estimate restored_estimate(const df_record *r, uint32_t field)
{
    return (df_estimate){r->number[field], r->number[field + 1], r->number[field + 2]};
}

static ww_status restore_addresses(ww_dataflow *flow, df_peer *peer, ww_view wire)
{
    ww_flow_value value;
    if (!wire.data) return WW_OK;
    if (wire.size > ADDRESSES_SIZE_MAX + 8) return WW_E_INVALID;
    ww_status status =
        ww_flow_value_decode(flow->allocator, WW_FLOW_ADDRESS_VEC, wire, &value, NULL);
    if (!status) peer->addresses = value.blob;
    return status;
}

ww_status df_peer_restore(ww_dataflow *flow, ww_view message)
{
    df_record r;
    uint32_t index, known = flow->peer_names.count;
    if (!df_read_record(message, &r) || r.number[PEER_FAILURES] > UINT32_MAX) return WW_E_INVALID;
    ww_status status = df_peer_of(flow, r.bytes[PEER_ID], &index);
    if (status) return status;
    if (index != known) return WW_E_INVALID; /* twice the same */
    df_peer *p = &flow->peers[index];
    *p = (df_peer){
        .blocked = r.number[PEER_STATE] & STATE_BLOCKED,
        .down = r.number[PEER_STATE] & STATE_DOWN,
        .suspect = r.number[PEER_STATE] & STATE_SUSPECT,
        .allowed = r.number[PEER_STATE] & STATE_ALLOWED,
        .failures = (uint32_t)r.number[PEER_FAILURES],
        .backoff_until_ns = df_soon(flow, r.number[PEER_BACKOFF_LEFT]),
        .retry_ns = df_soon(flow, r.number[PEER_RETRY_LEFT]),
        .rtt = restored_estimate(&r, PEER_RTT),
        .gaps = restored_estimate(&r, PEER_GAPS),
        .heard_ns = flow->now_ns - r.number[PEER_SILENCE],
    };
    df_peer_watch(flow, index);
    return restore_addresses(flow, p, r.bytes[PEER_ADDRESSES]);
}
