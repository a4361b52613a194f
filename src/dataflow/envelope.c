/* Envelopes from peers (doc/compat/dataflow.md). An envelope is checked whole when it comes in; its
 * fills are delivered one by one, and one that cannot be delivered does not keep the others from
 * it. */
#include "dataflow/snapshot.h"

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

/* Who sent an envelope, and what it says for all fills. */
typedef struct sender {
    uint32_t peer;
    bool wants_response;
    uint64_t request, deadline_ns;
} sender;

/* --- addresses: segments of code and value ---------------------------------------------------- */

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
    for (segment s; !status && r.at != r.end; segments++)
        status = next_segment(&r, &s) ? put_segment(out, &s) : WW_E_INVALID;
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

ww_status ww_dataflow_set_addresses(ww_dataflow *flow, const ww_view *addresses, size_t count)
{
    ww_buf fields, unused;
    if (count > flow->limits.addresses_max) return WW_E_LIMIT;
    ww_buf_init(&fields, flow->allocator, SIZE_MAX);
    ww_status status = WW_OK;
    for (size_t i = 0; i < count && !status; i++) {
        if (addresses[i].size > flow->limits.address_bytes_max) {
            status = WW_E_LIMIT;
            break;
        }
        status = convert_address(flow, addresses[i], &unused);
        ww_buf_deinit(&unused);
        if (!status) status = df_put_bytes(&fields, 8, addresses[i]);
    }
    if (status) {
        ww_buf_deinit(&fields);
        return status;
    }
    ww_buf_deinit(&flow->addresses);
    flow->addresses = fields;
    return WW_OK;
}

/* --- checking --------------------------------------------------------------------------------- */

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

/* --- requests --------------------------------------------------------------------------------- */

static void remove_request(ww_dataflow *flow, uint32_t at)
{
    df_wire_request *last = df_ring_at(&flow->requests, flow->requests.count - 1, sizeof *last);
    *(df_wire_request *)df_ring_at(&flow->requests, at, sizeof *last) = *last;
    flow->requests.count--;
}

/* One send to several peers is one request of each. */
static bool take_request(ww_dataflow *flow, uint64_t id, uint32_t peer, df_wire_request *out)
{
    for (uint32_t i = 0; i < flow->requests.count; i++) {
        *out = *(df_wire_request *)df_ring_at(&flow->requests, i, sizeof *out);
        if (out->id != id || (peer != DF_NONE && out->peer != peer)) continue;
        remove_request(flow, i);
        return true;
    }
    return false;
}

void df_request_forget(ww_dataflow *flow, uint64_t id, uint32_t peer)
{
    df_wire_request unused;
    take_request(flow, id, peer, &unused);
}

void df_request_expired(ww_dataflow *flow, uint64_t id)
{
    df_wire_request request;
    if (!take_request(flow, id, DF_NONE, &request) || request.silent) return;
    df_step(flow, (ww_flow_step){
                      .kind = WW_FLOW_STEP_WIRE_TIMEOUT,
                      .wire = {.id = id, .peer = ww_names_text(&flow->peer_names, request.peer)}});
    df_peer_failed(flow, request.peer, id);
}

/* --- receiving -------------------------------------------------------------------------------- */

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

/* The Recv whose first output is that site, or NULL. */
static const df_op *recv_of(const df_graph *g, uint32_t payload)
{
    for (uint32_t i = 0; i < g->special_count; i++) {
        const df_op *op = &g->ops[g->special[i]];
        if (op->output_count && g->out_sites[op->outputs_at] == payload) return op;
    }
    return NULL;
}

static const char *decode_payload(ww_dataflow *flow, const fill *f, const df_op *recv,
                                  ww_flow_value *out)
{
    *out = (ww_flow_value){.type = WW_FLOW_TRIGGER};
    if (f->trigger_only) return NULL;
    ww_flow_value_type type = ww_flow_value_type_of_hash(f->type_hash);
    if (!type) return "UnknownTypeHash";
    int64_t declared = recv && recv->arg ? recv->arg->number : WW_FLOW_NONE;
    if (declared != WW_FLOW_NONE && declared != WW_FLOW_BYTES && declared != (int64_t)type)
        return "TypeMismatch";
    ww_status status = ww_flow_value_decode(flow->allocator, type, f->payload, out, NULL);
    if (!status) return NULL;
    return status == WW_E_MEMORY ? "AllocationFailed" : "DecodeFailed";
}

static const char *deliver(ww_dataflow *flow, const sender *from, uint64_t site, const fill *f)
{
    uint32_t local;
    df_graph *g = graph_of_site(flow, site, &local);
    if (!g) return "no such site";
    const df_op *recv = recv_of(g, local);
    uint32_t second =
        recv && recv->output_count == 2 ? g->out_sites[recv->outputs_at + 1] : DF_NONE;
    ww_flow_value value, peer = {0};
    const char *wrong = decode_payload(flow, f, recv, &value);
    if (wrong) return wrong;
    if (second != DF_NONE)
        peer = ww_flow_value_copy(flow->allocator, WW_FLOW_PEER_ID,
                                  ww_names_text(&flow->peer_names, from->peer));
    bool has_peer = second == DF_NONE || peer.type;
    df_frame *frame = has_peer ? df_frame_new(flow, g, NULL) : NULL;
    if (!frame) {
        ww_flow_value_unref(peer);
        ww_flow_value_unref(value);
        return "AllocationFailed";
    }
    frame->exec_id = flow->next_exec_id++;
    frame->sender = from->peer;
    frame->deadline_ns = from->deadline_ns;
    df_frame_write(flow, frame, local, value);
    if (second != DF_NONE) df_frame_write(flow, frame, second, peer);
    if (!frame->outstanding) df_frame_settle(flow, frame, 0);
    return NULL;
}

/* `/component/<number>/op/<name>`: a call, which waits in the inbox like everything that may meet a
 * lock. */
static const char *call(ww_dataflow *flow, const sender *from, uint64_t component, ww_view op_type,
                        const fill *f)
{
    uint32_t function;
    if (!df_control_is_known(flow, component, op_type, &function))
        return "no such component or operation";
    if (flow->inbox.count + flow->held.count >= flow->limits.inbox_max) return "BudgetExceeded";
    ww_status status = df_control_add(flow,
                                      (df_inbox_item){.id = from->request,
                                                      .peer = from->peer,
                                                      .component = (uint32_t)component,
                                                      .function = function},
                                      f->payload);
    if (!status) return NULL;
    return status == WW_E_QUOTA ? "BudgetExceeded" : "AllocationFailed";
}

static void take_fill(ww_dataflow *flow, const sender *from, uint32_t index, ww_view bytes)
{
    fill f;
    bool read = read_fill(flow, bytes, &f);
    WW_ASSERT(read); /* df_check_envelope has read it */
    if (!index && f.type_hash == DF_NOTICE_HASH && df_take_notice(flow, from->peer, f.payload))
        return;
    df_reader r = df_reader_of(f.suffix);
    segment first, second = {0};
    const char *wrong = "no site in the suffix";
    ww_flow_step_kind kind = WW_FLOW_STEP_WIRE_DECODE_FAILED;
    bool known = next_segment(&r, &first), single = known && r.at == r.end;
    bool longer = known && !single && next_segment(&r, &second);
    if (single && first.code == ADDRESS_SITE) {
        wrong = deliver(flow, from, first.number, &f);
        kind = WW_FLOW_STEP_WIRE_RECEIVE_FAILED;
    } else if (longer && r.at == r.end && first.code == ADDRESS_COMPONENT &&
               second.code == ADDRESS_OP) {
        wrong = call(flow, from, first.number, second.bytes, &f);
        kind = WW_FLOW_STEP_WIRE_RECEIVE_FAILED;
    }
    if (wrong) receive_failed(flow, from->peer, index, &f, kind, wrong);
}

/* A peer that answers in time is alive; its answer says how far away it is. */
static void take_response(ww_dataflow *flow, uint32_t peer, uint64_t id)
{
    df_wire_request request;
    if (!take_request(flow, id, peer, &request)) return;
    uint64_t rtt = flow->now_ns - request.sent_ns;
    df_estimate_add(&flow->peers[peer].rtt, rtt);
    if (request.edge != DF_NONE) df_estimate_add(&flow->edges[request.edge].rtt, rtt);
    df_fire_event(flow, WW_VIEW_LITERAL("WireResponseLanded"));
}

static void take_report(ww_dataflow *flow, ww_view bytes)
{
    enum { SITE = 1, CHAIN, HOP, MEAN, DEVIATION, SAMPLES };
    df_record r;
    if (!df_read_record(bytes, &r)) return; /* a claim; bad ones are dropped */
    df_edge_reported(flow,
                     &(df_edge){.site = r.number[SITE],
                                .chain = r.number[CHAIN],
                                .hop = r.number[HOP],
                                .rtt = {r.number[MEAN], r.number[DEVIATION], r.number[SAMPLES]}});
}

/* What the envelope as a whole says, wherever its fields stand. */
static sender read_sender(ww_dataflow *flow, uint32_t peer, ww_view envelope)
{
    enum { REQUEST = 1, RESPONSE = 2, REPORTS_MAX = 16 };
    sender from = {.peer = peer};
    uint32_t reports = 0;
    df_reader r = df_reader_of(envelope);
    for (df_field field; df_next(&r, &field);) {
        df_record c;
        if (field.number == 8)
            (void)!df_learn_address(flow, peer, field.bytes); /* a claim; bad ones are dropped */
        if (field.number == 5 && reports++ < REPORTS_MAX) take_report(flow, field.bytes);
        if (field.number == 4 && field.value &&
            __builtin_add_overflow(flow->now_ns, field.value, &from.deadline_ns))
            from.deadline_ns = 0;
        if (field.number != 3 || !df_read_record(field.bytes, &c)) continue;
        from.request = c.number[2];
        from.wants_response = c.number[1] == REQUEST;
        if (c.number[1] == RESPONSE) take_response(flow, peer, from.request);
    }
    return from;
}

void df_receive(ww_dataflow *flow, uint32_t peer, ww_view envelope)
{
    if (df_is_blocked(flow, &flow->peers[peer])) {
        df_step(flow, (ww_flow_step){.kind = WW_FLOW_STEP_PEER_BLOCKED,
                                     .wire.peer = ww_names_text(&flow->peer_names, peer)});
        return;
    }
    if (df_is_silenced(flow, peer)) return;
    df_peer_alive(flow, peer);
    sender from = read_sender(flow, peer, envelope);
    uint32_t index = 0;
    df_reader r = df_reader_of(envelope);
    for (df_field field; df_next(&r, &field);)
        if (field.number == 2) take_fill(flow, &from, index++, field.bytes);
    if (from.wants_response && df_send_response(flow, peer, from.request))
        flow->out_of_memory = true;
    df_relieve(flow, peer);
}
