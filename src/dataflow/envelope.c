/* Envelopes to and from peers (doc/compat/dataflow.md). An envelope is checked whole when it comes in; its fills are
 * delivered one by one, and one that cannot be delivered does not keep the others from it. */
#include "dataflow/ops.h"

enum {
    STEPS_OF_ENVELOPE = 4,
    ADDRESS_P2P = 421,
    ADDRESS_SITE = 0xe2,
    ADDRESS_COMPONENT = 0xe3,
    ADDRESS_OP = 0xe4
};

typedef struct fill {
    ww_view suffix, payload;
    bool trigger_only;
    uint64_t type_hash;
} fill;

/* --- addresses: segments of code and value -------------------------------------------------------------------------- */

typedef struct segment {
    uint64_t code, number;
    ww_view bytes;
} segment;

static bool next_segment(df_reader *r, segment *out)
{
    uint64_t size = 0;
    *out = (segment){0};
    if (r->at == r->end || !df_read_varint(r, &out->code)) return false;
    bool sized = out->code == ADDRESS_P2P || out->code == ADDRESS_OP;
    if (sized && !df_read_varint(r, &size)) return false;
    if (out->code == ADDRESS_SITE) size = 8;
    if (out->code == ADDRESS_COMPONENT) size = 4;
    if ((!size && !sized) || size > (uint64_t)(r->end - r->at)) return false;
    out->bytes = ww_view_of(r->at, (size_t)size);
    for (size_t i = 0; !sized && i < size; i++)
        out->number = out->number << 8 | r->at[i];
    r->at += size;
    if (out->code == ADDRESS_P2P) return df_is_multihash(out->bytes);
    return out->code != ADDRESS_OP || df_is_utf8(out->bytes);
}

static ww_status put_segment(ww_buf *out, const segment *s)
{
    uint8_t head[12];
    uint32_t variant = s->code == ADDRESS_P2P         ? 0
                       : s->code == ADDRESS_SITE      ? 1
                       : s->code == ADDRESS_COMPONENT ? 2
                                                      : 3;
    ww_put_le32(head, variant);
    ww_put_le64(head + 4, variant == 1 || variant == 2 ? s->number : s->bytes.size);
    ww_status status = ww_buf_append(out, head, variant == 2 ? 8 : sizeof head);
    return status || variant == 1 || variant == 2
               ? status
               : ww_buf_append(out, s->bytes.data, s->bytes.size);
}

/* From the binary form to the form of values. */
static ww_status convert_address(ww_dataflow *flow, ww_view binary, ww_buf *out)
{
    uint8_t count[8] = {0};
    ww_buf_init(out, flow->allocator, 1 << 16);
    ww_status status = ww_buf_append(out, count, sizeof count);
    df_reader r = df_reader_of(binary);
    uint64_t segments = 0;
    for (segment s; !status && next_segment(&r, &s); segments++)
        status = put_segment(out, &s);
    if (!status && r.at != r.end) status = WW_E_INVALID;
    if (!status) ww_put_le64(out->data, segments);
    return status;
}

ww_status df_learn_address(ww_dataflow *flow, uint32_t peer, ww_view binary)
{
    ww_buf address;
    if (binary.size > flow->limits.address_bytes_max) return WW_E_LIMIT;
    ww_status status = convert_address(flow, binary, &address);
    if (!status)
        status = ww_dataflow_add_peer(flow, ww_names_text(&flow->peer_names, peer),
                                      ww_buf_view(&address));
    ww_buf_deinit(&address);
    return status;
}

/* --- checking ------------------------------------------------------------------------------------------------------------ */

static bool read_fill(const ww_dataflow *flow, ww_view bytes, fill *out)
{
    *out = (fill){0};
    df_reader r = df_reader_of(bytes);
    for (df_field field; df_next(&r, &field);) {
        df_wire_type expected = field.number <= 2 ? DF_BYTES : DF_VARINT;
        if (field.number <= 4 && field.type != expected) return false;
        if (field.number == 1) out->suffix = field.bytes;
        if (field.number == 2) out->payload = field.bytes;
        if (field.number == 3) out->trigger_only = field.value != 0;
        if (field.number == 4) out->type_hash = field.value;
    }
    return !r.error && out->suffix.size <= flow->limits.suffix_bytes_max &&
           out->payload.size <= flow->limits.fill_bytes_max;
}

ww_status df_check_envelope(const ww_dataflow *flow, ww_view envelope, ww_diag *diag)
{
    const ww_dataflow_limits *limits = &flow->limits;
    uint32_t fills = 0, addresses = 0;
    df_reader r = df_reader_of(envelope);
    for (df_field field; df_next(&r, &field);) {
        bool bytes =
            field.number <= 3 || field.number == 5 || field.number == 6 || field.number == 8;
        fill f;
        const char *wrong = NULL;
        if (field.number <= 8 && field.type != (bytes ? DF_BYTES : DF_VARINT))
            wrong = "wrong wire type";
        else if (field.number == 2 && ++fills > limits->envelope_fills_max)
            wrong = "too many fills";
        else if (field.number == 2 && !read_fill(flow, field.bytes, &f))
            wrong = "malformed or oversized fill";
        else if (field.number == 7 && field.value > 1)
            wrong = "unknown schema version";
        else if ((field.number == 1 || field.number == 8) &&
                 field.bytes.size > limits->address_bytes_max)
            wrong = "address too long";
        else if (field.number == 8 && ++addresses > limits->addresses_max)
            wrong = "too many addresses";
        if (wrong)
            return ww_fail(diag, WW_E_INVALID, "InvalidEnvelope: offset %zu: %s", df_offset(&r),
                           wrong);
    }
    if (r.error)
        return ww_fail(diag, WW_E_INVALID, "InvalidEnvelope: offset %zu: %s", df_offset(&r),
                       r.error);
    return WW_OK;
}

/* --- requests ----------------------------------------------------------------------------------------------------------------- */

static void remove_request(ww_dataflow *flow, uint32_t at)
{
    df_wire_request *last = df_ring_at(&flow->requests, flow->requests.count - 1, sizeof *last);
    *(df_wire_request *)df_ring_at(&flow->requests, at, sizeof *last) = *last;
    flow->requests.count--;
}

static bool take_request(ww_dataflow *flow, uint64_t id, df_wire_request *out)
{
    for (uint32_t i = 0; i < flow->requests.count; i++) {
        *out = *(df_wire_request *)df_ring_at(&flow->requests, i, sizeof *out);
        if (out->id != id) continue;
        remove_request(flow, i);
        return true;
    }
    return false;
}

void df_request_forget(ww_dataflow *flow, uint64_t id)
{
    df_wire_request unused;
    take_request(flow, id, &unused);
}

void df_request_expired(ww_dataflow *flow, uint64_t id)
{
    df_wire_request request;
    if (!take_request(flow, id, &request)) return;
    df_step(flow, (ww_flow_step){
                      .kind = WW_FLOW_STEP_WIRE_TIMEOUT,
                      .wire = {.id = id, .peer = ww_names_text(&flow->peer_names, request.peer)}});
    df_peer_failed(flow, request.peer, id);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* Smoothed round trip: an eighth of the news, a quarter of the deviation. */
static void sample_rtt(df_peer *peer, uint64_t rtt_ns)
{
    if (!peer->samples++) {
        peer->srtt_ns = rtt_ns;
        peer->rttvar_ns = rtt_ns / 2;
        return;
    }
    peer->rttvar_ns = peer->rttvar_ns - peer->rttvar_ns / 4 + distance(peer->srtt_ns, rtt_ns) / 4;
    peer->srtt_ns = peer->srtt_ns - peer->srtt_ns / 8 + rtt_ns / 8;
}

/* --- receiving ------------------------------------------------------------------------------------------------------------------ */

size_t df_receive_room(const ww_dataflow *flow)
{
    return flow->step_capacity < 16 ? STEPS_OF_ENVELOPE : 8;
}

static void receive_failed(ww_dataflow *flow, uint32_t peer, uint32_t index, const fill *f,
                           ww_flow_step_kind kind, const char *what)
{
    if (flow->step_capacity - flow->step_count <= 2)
        return; /* the step buffer is the caller's choice */
    df_step(flow, (ww_flow_step){.kind = kind,
                                 .wire = {.peer = ww_names_text(&flow->peer_names, peer),
                                          .detail = ww_view_str(what),
                                          .type_hash = f->type_hash,
                                          .fill = index,
                                          .id = f->payload.size}});
    df_fire_event(flow, kind == WW_FLOW_STEP_WIRE_DECODE_FAILED
                            ? WW_VIEW_LITERAL("WireDecodeFailure")
                            : WW_VIEW_LITERAL("WireReceiveError"));
}

static df_graph *graph_of_site(const ww_dataflow *flow, uint64_t site, uint32_t *local)
{
    for (uint32_t i = 0; i < flow->graph_count; i++) {
        df_graph *g = flow->graphs[i];
        if (!g->entry || site < g->site_base || site - g->site_base >= g->site_count) continue;
        *local = (uint32_t)(site - g->site_base);
        return g;
    }
    return NULL;
}

/* The site that takes the sender beside the payload's: second output of the same Recv. */
static uint32_t sender_site(const df_graph *g, uint32_t payload)
{
    for (uint32_t i = 0; i < g->special_count; i++) {
        const df_op *op = &g->ops[g->special[i]];
        if (op->output_count == 2 && g->out_sites[op->outputs_at] == payload)
            return g->out_sites[op->outputs_at + 1];
    }
    return DF_NONE;
}

static const char *deliver(ww_dataflow *flow, uint32_t peer, uint64_t site, const fill *f)
{
    uint32_t local;
    df_graph *g = graph_of_site(flow, site, &local);
    if (!g) return "no such site";
    ww_flow_value value = {.type = WW_FLOW_TRIGGER};
    if (!f->trigger_only) {
        ww_flow_value_type type = ww_flow_value_type_of_hash(f->type_hash);
        if (!type) return "UnknownTypeHash";
        ww_status status = ww_flow_value_decode(flow->allocator, type, f->payload, &value, NULL);
        if (status) return status == WW_E_MEMORY ? "AllocationFailed" : "DecodeFailed";
    }
    df_frame *frame = df_frame_new(flow, g, NULL);
    if (!frame) {
        ww_flow_value_unref(value);
        return "AllocationFailed";
    }
    frame->exec_id = flow->next_exec_id++;
    frame->sender = peer;
    uint32_t sender = sender_site(g, local);
    df_frame_write(flow, frame, local, value);
    if (sender != DF_NONE)
        df_frame_write(flow, frame, sender,
                       ww_flow_value_copy(flow->allocator, WW_FLOW_PEER_ID,
                                          ww_names_text(&flow->peer_names, peer)));
    if (!frame->outstanding) df_frame_settle(flow, frame, 0);
    return NULL;
}

static void take_fill(ww_dataflow *flow, uint32_t peer, uint32_t index, ww_view bytes)
{
    fill f;
    bool read = read_fill(flow, bytes, &f);
    WW_ASSERT(read); /* df_check_envelope has read it */
    df_reader r = df_reader_of(f.suffix);
    segment s;
    const char *wrong = "no site in the suffix";
    ww_flow_step_kind kind = WW_FLOW_STEP_WIRE_DECODE_FAILED;
    if (next_segment(&r, &s) && s.code == ADDRESS_SITE && r.at == r.end) {
        wrong = deliver(flow, peer, s.number, &f);
        kind = WW_FLOW_STEP_WIRE_RECEIVE_FAILED;
    }
    if (wrong) receive_failed(flow, peer, index, &f, kind, wrong);
}

/* A peer that answers in time is alive; its answer says how far away it is. */
static void take_correlation(ww_dataflow *flow, uint32_t peer, ww_view bytes)
{
    enum { RESPONSE = 2 };
    uint64_t kind = 0, id = 0;
    df_reader r = df_reader_of(bytes);
    for (df_field field; df_next(&r, &field);) {
        if (field.number == 1 && field.type == DF_VARINT) kind = field.value;
        if (field.number == 2 && field.type == DF_VARINT) id = field.value;
    }
    df_wire_request request;
    if (kind != RESPONSE || !take_request(flow, id, &request) || request.peer != peer) return;
    sample_rtt(&flow->peers[peer], flow->now_ns - request.sent_ns);
    df_fire_event(flow, WW_VIEW_LITERAL("WireResponseLanded"));
}

void df_receive(ww_dataflow *flow, uint32_t peer, ww_view envelope)
{
    if (flow->peers[peer].blocked) {
        df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_PEER_BLOCKED,
                                     .wire.peer = ww_names_text(&flow->peer_names, peer)});
        return;
    }
    df_peer_alive(flow, peer);
    uint32_t index = 0;
    df_reader r = df_reader_of(envelope);
    for (df_field field; df_next(&r, &field);) {
        if (field.number == 8)
            (void)!df_learn_address(flow, peer, field.bytes); /* a claim; bad ones are dropped */
        if (field.number == 3) take_correlation(flow, peer, field.bytes);
        if (field.number == 2) take_fill(flow, peer, index++, field.bytes);
    }
}

/* --- sending -------------------------------------------------------------------------------------------------------------------- */

static uint32_t input_named(const df_arg *arg, ww_view name)
{
    const ww_view *names = df_names(&arg->artifact->inputs, arg->node->inputs);
    for (uint32_t i = 0; i < arg->node->inputs.count; i++)
        if (ww_view_equal(names[i], name)) return i;
    return DF_NONE;
}

/* Which input is payload and where it goes: `dest_suffix.<input>` attributes. The peers are the input after the last
 * payload. Without any suffix the first input is the payload and the peer decides where it belongs. */
ww_status df_prepare_send(df_installer *in, const df_node *node, df_arg *arg)
{
    static const char prefix[] = "ai.bytesandbrains.dest_suffix.";
    const df_attribute *attributes = df_attributes(arg->artifact, node->attributes);
    arg->number = df_attribute_int(node, arg->artifact, "deadline_ns", 0);
    arg->ports[0] = 0;
    for (uint32_t i = 0; i < node->attributes.count; i++) {
        if (!ww_view_starts(attributes[i].name, prefix)) continue;
        ww_view name = ww_view_of(attributes[i].name.data + sizeof prefix - 1,
                                  attributes[i].name.size - sizeof prefix + 1);
        uint32_t input = input_named(arg, name);
        if (input == DF_NONE)
            return df_install_error(in, WW_E_INVALID, "offset %zu: Send has no input \"%.*s\"",
                                    node->offset, WW_VIEW_ARG(name));
        arg->ports[0] = input;
        arg->text = attributes[i].bytes;
    }
    arg->ports[1] = arg->ports[0] + 1;
    return WW_OK;
}

static ww_status put_fill(ww_dataflow *flow, const df_op *op, const ww_flow_value *payload,
                          ww_buf *out)
{
    ww_buf bytes, body;
    ww_buf_init(&bytes, flow->allocator, flow->limits.fill_bytes_max);
    ww_buf_init(&body, flow->allocator, flow->limits.envelope_bytes_max);
    bool trigger = payload->type == WW_FLOW_TRIGGER;
    ww_status status = ww_flow_value_encode(payload, &bytes);
    if (!status && op->arg->text.size) status = df_put_bytes(&body, 1, op->arg->text);
    if (!status && bytes.size) status = df_put_bytes(&body, 2, ww_buf_view(&bytes));
    if (!status) status = df_put_number(&body, 3, trigger);
    if (!status)
        status = df_put_number(&body, 4, ww_flow_value_hash((ww_flow_value_type)payload->type));
    if (!status) status = df_put_bytes(out, 2, ww_buf_view(&body));
    ww_buf_deinit(&bytes);
    ww_buf_deinit(&body);
    return status;
}

static ww_status put_envelope(ww_dataflow *flow, const df_op *op, const ww_flow_value *payload,
                              uint64_t request, ww_buf *out)
{
    enum { REQUEST = 1, SCHEMA_VERSION = 1 };
    uint8_t correlation[24];
    ww_buf c = {.allocator = flow->allocator,
                .data = correlation,
                .capacity = sizeof correlation,
                .size_max = sizeof correlation};
    ww_status status = put_fill(flow, op, payload, out);
    if (!status) status = df_put_number(&c, 1, REQUEST);
    if (!status) status = df_put_number(&c, 2, request);
    if (!status) status = df_put_bytes(out, 3, ww_buf_view(&c));
    if (!status)
        status = df_put_number(out, 4, op->arg->number > 0 ? (uint64_t)op->arg->number : 0);
    if (!status && flow->peer_id)
        status = df_put_bytes(out, 6, ww_view_of(flow->peer_id->bytes, flow->peer_id->size));
    return status ? status : df_put_number(out, 7, SCHEMA_VERSION);
}

static ww_status track_request(ww_dataflow *flow, uint64_t id, uint32_t peer, int64_t deadline_ns)
{
    if (flow->requests.count >= flow->limits.outbound_max) return WW_E_LIMIT;
    df_wire_request *request = df_ring_push(flow, &flow->requests, sizeof *request);
    if (!request) return WW_E_MEMORY;
    *request = (df_wire_request){.id = id, .sent_ns = flow->now_ns, .peer = peer};
    if (deadline_ns <= 0) return WW_OK;
    df_timer timer = {
        .at_ns = flow->now_ns + (uint64_t)deadline_ns, .kind = DF_TIMER_WIRE, .id = id};
    return df_timer_add(flow, timer);
}

static ww_status send_to(ww_dataflow *flow, const df_op *op, const ww_flow_value *payload,
                         ww_view id, uint64_t request)
{
    uint32_t peer;
    ww_status status = df_peer_of(flow, id, &peer);
    if (status) return status;
    ww_buf out;
    ww_buf_init(&out, flow->allocator, flow->limits.envelope_bytes_max);
    status = put_envelope(flow, op, payload, request, &out);
    ww_blob *blob = status ? NULL : ww_blob_copy(flow->allocator, ww_buf_view(&out));
    ww_buf_deinit(&out);
    if (!status && !blob) status = WW_E_MEMORY;
    if (!status) status = track_request(flow, request, peer, op->arg->number);
    if (!status && flow->outbound.count >= flow->limits.outbound_max) {
        ww_blob_unref(((df_outbound *)df_ring_at(&flow->outbound, 0, sizeof(df_outbound)))->bytes);
        df_ring_pop(&flow->outbound);
        flow->outbound_dropped++;
    }
    df_outbound *place = status ? NULL : df_ring_push(flow, &flow->outbound, sizeof *place);
    if (place) {
        *place = (df_outbound){peer, request, blob};
        return WW_OK;
    }
    ww_blob_unref(blob);
    return status ? status : WW_E_MEMORY;
}

static ww_status send_to_all(ww_dataflow *flow, const df_op *op, const ww_flow_value *payload,
                             const ww_flow_value *peers, uint64_t request)
{
    ww_view one;
    if (peers->type != WW_FLOW_PEER_ID_VEC)
        return df_peer_input(peers, &one) ? send_to(flow, op, payload, one, request)
                                          : WW_E_MISMATCH;
    const uint8_t *at = peers->data + 8;
    ww_status status = WW_OK;
    for (uint64_t left = ww_le64(peers->data); left && !status; left--) {
        one = ww_view_of(at + 8, (size_t)ww_le64(at));
        at = one.data + one.size;
        status = send_to(flow, op, payload, one, request);
    }
    return status;
}

df_outcome df_run_send(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *payload = df_input(op, frame, op->arg->ports[0]);
    const ww_flow_value *peers = df_input(op, frame, op->arg->ports[1]);
    if (!payload || !peers)
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_peer",
                       "Send needs a payload and peers");
    uint64_t request = flow->next_request++;
    ww_status status = send_to_all(flow, op, payload, peers, request);
    if (status == WW_E_MEMORY) return df_no_memory(flow);
    if (status == WW_E_MISMATCH)
        return df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "expected_peer_id",
                       "Send: the second input names no peer");
    if (status)
        return df_fail(flow, WW_FLOW_OP_EXECUTION_FAILED, "wire_encode_failed", "Send: %s",
                       ww_status_text(status));
    df_output(flow, op, frame, 0, (ww_flow_value){.type = WW_FLOW_TRIGGER});
    df_output(flow, op, frame, 1, ww_flow_value_number(WW_FLOW_WIRE_REQ_ID, request));
    return DF_DONE;
}
