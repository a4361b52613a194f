/* Envelopes to peers (doc/compat/dataflow.md). Where a payload goes is what the artifact says, or
 * follows from which Recv of the artifact belongs to the Send. */
#include "dataflow/installer.h"
#include "dataflow/ops.h"

#define ROOT "ai.bytesandbrains"

enum { SUFFIX_SIZE = 10, ADDRESS_SITE = 0xe2, REPORTS_MAX = 16 };

static const uint64_t forget_ns = 60000000000; /* a request that nobody waits for */

typedef struct df_payload df_payload;
struct df_payload {
    uint32_t input;
    bool trigger_only;
    ww_view suffix;
    uint64_t site;       /* behind the suffix, where it is one */
    df_recv_place place; /* of a derived one */
    df_payload *next;
    uint8_t bytes[SUFFIX_SIZE]; /* of a derived suffix */
};

typedef struct df_send {
    uint32_t payload_count, peers; /* the input that names the peers */
    uint64_t deadline_ns, chain, hop, depth;
    bool chained;
    df_payload payloads[];
} df_send;

/* --- install: which Recv belongs to which Send ------------------------------------------------ */

static ww_status index_name(df_installer *in, ww_view name, df_recv_place place)
{
    uint32_t id, known = in->recv_names.count;
    if (!name.size) return WW_OK;
    ww_status status = ww_names_intern_borrowed(&in->recv_names, name, &id);
    if (!status && id == known) in->recv_places[id] = place; /* the first of a name counts */
    return status;
}

/* Sites in the order in which link.c mints them: one per output that has a name. */
static ww_status index_function(df_installer *in, uint32_t function)
{
    const df_artifact *a = &in->unit->artifact;
    const df_function *f = &df_functions(a)[function];
    const df_node *nodes = df_nodes(a, f->nodes);
    df_recv_place place = {.function = function};
    for (uint32_t n = 0; n < f->nodes.count; n++) {
        const ww_view *names = df_names(&a->outputs, nodes[n].outputs);
        if (ww_view_is(nodes[n].op_type, "Recv") && ww_view_is(nodes[n].domain, ROOT ".wire") &&
            nodes[n].outputs.count) {
            ww_view from = df_metadata_find(a, nodes[n].metadata, ROOT ".synthesized_from_send");
            ww_status status = index_name(in, names[0], place);
            if (!status) status = index_name(in, from, place);
            if (status) return status;
        }
        for (uint32_t i = 0; i < nodes[n].outputs.count; i++)
            place.site += names[i].size > 0;
    }
    return WW_OK;
}

static ww_status index_recvs(df_installer *in)
{
    const df_artifact *a = &in->unit->artifact;
    if (in->recvs_known) return WW_OK;
    in->recvs_known = true;
    ww_names_init(&in->recv_names, in->flow->allocator, in->flow->hash_key, UINT32_MAX / 8);
    in->recv_places =
        ww_arena_array(&in->unit->memory, 2 * (size_t)a->nodes.count, sizeof *in->recv_places);
    ww_status status = in->recv_places ? WW_OK : WW_E_MEMORY;
    for (uint32_t i = 0; i < a->functions.count && !status; i++)
        status = index_function(in, i);
    return status;
}

static ww_status derive(df_installer *in, ww_view by_name, ww_view data_output, df_payload *p)
{
    uint32_t id;
    ww_status status = index_recvs(in);
    if (status) return status;
    if (!(by_name.size && ww_names_find(&in->recv_names, by_name, &id)) &&
        !(data_output.size && ww_names_find(&in->recv_names, data_output, &id)))
        return WW_OK;
    p->place = in->recv_places[id];
    p->next = in->derived;
    in->derived = p;
    return WW_OK;
}

/* The receiver is taken to have installed what this node has, if that holds the Recv; else that
 * function alone. */
void df_place_sends(df_installer *in)
{
    for (df_payload *p = in->derived; p; p = p->next) {
        uint32_t graph = in->graph_of[p->place.function];
        p->site = p->place.site + (graph == DF_NONE ? 0 : in->graphs[graph]->site_base);
        p->bytes[0] = ADDRESS_SITE;
        p->bytes[1] = 1; /* the code is a varint of two bytes */
        for (int i = 0; i < 8; i++)
            p->bytes[2 + i] = (uint8_t)(p->site >> (56 - 8 * i));
        p->suffix = ww_view_of(p->bytes, sizeof p->bytes);
    }
}

/* --- install: a node -------------------------------------------------------------------------- */

static const df_attribute *attribute_of(const df_arg *arg, const char *prefix, ww_view name)
{
    const df_attribute *attributes = df_attributes(arg->artifact, arg->node->attributes);
    for (uint32_t i = 0; i < arg->node->attributes.count; i++) {
        ww_view key = attributes[i].name;
        size_t size = strlen(prefix);
        if (ww_view_starts(key, prefix) &&
            ww_view_equal(ww_view_of(key.data + size, key.size - size), name))
            return &attributes[i];
    }
    return NULL;
}

static ww_view metadata_of(const df_arg *arg, const char *prefix, ww_view name)
{
    const df_entry *entries = df_metadata(arg->artifact, arg->node->metadata);
    size_t size = strlen(prefix);
    for (uint32_t i = 0; i < arg->node->metadata.count; i++)
        if (ww_view_starts(entries[i].key, prefix) &&
            ww_view_equal(ww_view_of(entries[i].key.data + size, entries[i].key.size - size), name))
            return entries[i].value;
    return ww_view_of("", 0);
}

static bool site_in(ww_view suffix, uint64_t *site)
{
    *site = 0;
    if (suffix.size != SUFFIX_SIZE || suffix.data[0] != ADDRESS_SITE || suffix.data[1] != 1)
        return false;
    for (int i = 2; i < SUFFIX_SIZE; i++)
        *site = *site << 8 | suffix.data[i];
    return true;
}

/* Whether the input is a payload, as far as the node says. */
static bool describe(const df_arg *arg, uint32_t input, df_payload *out, ww_view *dest_name)
{
    ww_view name = df_names(&arg->artifact->inputs, arg->node->inputs)[input];
    const df_attribute *suffix = attribute_of(arg, ROOT ".dest_suffix.", name);
    const df_attribute *trigger = attribute_of(arg, ROOT ".trigger_only.", name);
    *dest_name = metadata_of(arg, ROOT ".dest_site_name.", name);
    *out = (df_payload){.input = input, .suffix = ww_view_of("", 0)};
    if (suffix && suffix->type == DF_ATTR_STRING) out->suffix = suffix->bytes;
    site_in(out->suffix, &out->site);
    out->trigger_only =
        (trigger && trigger->i) ||
        ww_view_is(df_metadata_find(arg->artifact, arg->node->metadata, ROOT ".wire_transport"),
                   "trigger_only");
    return suffix || trigger || dest_name->size;
}

static uint64_t number_of(const df_arg *arg, const char *key, bool *there)
{
    ww_view text = df_metadata_find(arg->artifact, arg->node->metadata, key);
    uint64_t value = 0;
    *there = text.size && text.size < 20;
    for (size_t i = 0; *there && i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') *there = false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    return *there ? value : 0;
}

static ww_status add_payload(df_installer *in, const df_arg *arg, df_send *send, df_payload payload,
                             ww_view dest_name)
{
    df_payload *p = &send->payloads[send->payload_count++];
    *p = payload;
    ww_view data_output = ww_view_of("", 0);
    if (arg->node->outputs.count)
        data_output = df_names(&arg->artifact->outputs, arg->node->outputs)[0];
    return p->suffix.size ? WW_OK : derive(in, dest_name, data_output, p);
}

/* Inputs that the node says something about are payloads, or else the first is; the peers are the
 * input after the last of them, and what follows only has to be there. */
ww_status df_prepare_send(df_installer *in, const df_node *node, df_arg *arg)
{
    uint32_t inputs = node->inputs.count;
    df_send *send = ww_arena_alloc(&in->unit->memory,
                                   sizeof *send + (inputs ? inputs : 1) * sizeof *send->payloads);
    if (!send) return df_install_error(in, WW_E_MEMORY, "no memory");
    ww_status status = WW_OK;
    df_payload payload = {0};
    ww_view name;
    for (uint32_t i = 0; i < inputs && !status; i++)
        if (describe(arg, i, &payload, &name)) status = add_payload(in, arg, send, payload, name);
    if (!status && inputs && !send->payload_count) {
        describe(arg, 0, &payload, &name);
        status = add_payload(in, arg, send, payload, name);
    }
    if (status) return df_install_error(in, status, "no memory");
    send->peers = send->payload_count ? send->payloads[send->payload_count - 1].input + 1 : 0;
    bool there;
    int64_t deadline = df_attribute_int(node, arg->artifact, "deadline_ns", 0);
    send->deadline_ns = deadline > 0 ? (uint64_t)deadline : 0;
    send->hop = number_of(arg, ROOT ".wire.chain_hop_index", &there);
    send->depth = number_of(arg, ROOT ".wire.chain_depth", &there);
    send->chain = number_of(arg, ROOT ".wire.chain_id", &send->chained);
    arg->send = send;
    return WW_OK;
}

/* What may arrive: the type that the payload is declared to have. */
ww_status df_prepare_recv(df_installer *in, const df_node *node, df_arg *arg)
{
    arg->number = WW_FLOW_NONE;
    if (node->outputs.count)
        arg->number = df_declared_type(in, df_names(&arg->artifact->outputs, node->outputs)[0]);
    return WW_OK;
}

/* --- envelopes -------------------------------------------------------------------------------- */

typedef struct envelope {
    ww_dataflow *flow;
    ww_buf out;
    ww_status status;
} envelope;

static envelope envelope_begin(ww_dataflow *flow)
{
    envelope e = {.flow = flow};
    ww_buf_init(&e.out, flow->allocator, flow->limits.envelope_bytes_max);
    return e;
}

static void put_fill(envelope *e, ww_view suffix, ww_view payload, bool trigger_only, uint64_t hash)
{
    ww_buf body;
    ww_buf_init(&body, e->flow->allocator, e->flow->limits.envelope_bytes_max);
    ww_status status = suffix.size ? df_put_bytes(&body, 1, suffix) : WW_OK;
    if (!status && payload.size) status = df_put_bytes(&body, 2, payload);
    if (!status) status = df_put_number(&body, 3, trigger_only);
    if (!status) status = df_put_number(&body, 4, hash);
    if (!status) status = df_put_bytes(&e->out, 2, ww_buf_view(&body));
    ww_buf_deinit(&body);
    if (!e->status) e->status = status;
}

static void put_value(envelope *e, const df_payload *p, const ww_flow_value *value)
{
    ww_buf bytes;
    bool trigger = p->trigger_only || value->type == WW_FLOW_TRIGGER;
    uint64_t hash = trigger ? ww_flow_value_hash(WW_FLOW_TRIGGER)
                            : ww_flow_value_hash((ww_flow_value_type)value->type);
    ww_buf_init(&bytes, e->flow->allocator, e->flow->limits.fill_bytes_max);
    if (!e->status && !trigger) e->status = ww_flow_value_encode(value, &bytes);
    if (!e->status) put_fill(e, p->suffix, ww_buf_view(&bytes), trigger, hash);
    ww_buf_deinit(&bytes);
}

static void put_message(envelope *e, uint32_t field, const uint64_t *numbers, uint32_t count)
{
    uint8_t bytes[80];
    ww_buf message = {.allocator = e->flow->allocator,
                      .data = bytes,
                      .capacity = sizeof bytes,
                      .size_max = sizeof bytes};
    for (uint32_t i = 0; i < count && !e->status; i++)
        e->status = df_put_number(&message, i + 1, numbers[i]);
    if (!e->status) e->status = df_put_bytes(&e->out, field, ww_buf_view(&message));
}

static void put_correlation(envelope *e, uint64_t kind, uint64_t request)
{
    put_message(e, 3, (uint64_t[]){kind, request}, 2);
}

/* What is known well of the hops of a chain, for those who come next. */
static void put_reports(envelope *e, uint64_t chain)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->flow->edge_count && count < REPORTS_MAX; i++) {
        const df_edge *edge = &e->flow->edges[i];
        if (edge->chain != chain || !df_edge_is_warm(edge)) continue;
        const uint64_t numbers[] = {
            edge->site,       edge->chain, edge->hop, edge->rtt.mean_ns, edge->rtt.deviation_ns,
            edge->rtt.samples};
        put_message(e, 5, numbers, WW_COUNT_OF(numbers));
        count++;
    }
}

/* Queues the envelope and ends it. Above outbound_max the oldest one makes room. */
static ww_status envelope_end(envelope *e, uint32_t peer, uint64_t request)
{
    enum { SCHEMA_VERSION = 1 };
    ww_dataflow *flow = e->flow;
    if (!e->status && flow->peer_id)
        e->status = df_put_bytes(&e->out, 6, ww_view_of(flow->peer_id->bytes, flow->peer_id->size));
    if (!e->status) e->status = df_put_number(&e->out, 7, SCHEMA_VERSION);
    if (!e->status && flow->addresses.size)
        e->status = ww_buf_append(&e->out, flow->addresses.data, flow->addresses.size);
    ww_blob *blob = e->status ? NULL : ww_blob_copy(flow->allocator, ww_buf_view(&e->out));
    ww_buf_deinit(&e->out);
    if (!e->status && !blob) e->status = WW_E_MEMORY;
    if (!e->status && flow->outbound.count >= flow->limits.outbound_max) {
        ww_blob_unref(((df_outbound *)df_ring_at(&flow->outbound, 0, sizeof(df_outbound)))->bytes);
        df_ring_pop(&flow->outbound);
        flow->outbound_dropped++;
    }
    df_outbound *place = e->status ? NULL : df_ring_push(flow, &flow->outbound, sizeof *place);
    if (place) {
        *place = (df_outbound){peer, request, blob};
        return WW_OK;
    }
    ww_blob_unref(blob);
    return e->status ? e->status : WW_E_MEMORY;
}

ww_status df_send_notice(ww_dataflow *flow, uint32_t peer, ww_view notice)
{
    envelope e = envelope_begin(flow);
    put_fill(&e, ww_view_of(NULL, 0), notice, false, DF_NOTICE_HASH);
    return envelope_end(&e, peer, flow->next_request++);
}

ww_status df_send_response(ww_dataflow *flow, uint32_t peer, uint64_t request)
{
    enum { RESPONSE = 2 };
    envelope e = envelope_begin(flow);
    put_correlation(&e, RESPONSE, request);
    return envelope_end(&e, peer, request);
}

/* --- the operation ---------------------------------------------------------------------------- */

/* How long an answer may take, or 0 when nobody said: by the node, by what is known of the chain,
 * and in any case by what is left of the execution's own time. */
static uint64_t deadline_of(const ww_dataflow *flow, const df_send *send, const df_frame *root)
{
    uint64_t deadline = send->deadline_ns;
    if (!deadline && send->chained)
        deadline = df_chain_budget(flow, send->chain, send->hop, send->depth);
    if (!root->deadline_ns) return deadline;
    uint64_t left = root->deadline_ns - flow->now_ns;
    return !deadline || left < deadline ? left : deadline;
}

static ww_status track_request(ww_dataflow *flow, const df_send *send, uint64_t id, uint32_t peer,
                               uint64_t deadline_ns)
{
    uint64_t at;
    if (flow->requests.count >= flow->limits.outbound_max) df_ring_pop(&flow->requests);
    df_wire_request *request = df_ring_push(flow, &flow->requests, sizeof *request);
    if (!request) return WW_E_MEMORY;
    *request = (df_wire_request){
        .id = id, .sent_ns = flow->now_ns, .peer = peer, .edge = DF_NONE, .silent = !deadline_ns};
    if (send->chained && send->payload_count)
        request->edge = df_edge_of(flow, send->payloads[0].site, send->chain, send->hop);
    if (__builtin_add_overflow(flow->now_ns, deadline_ns ? deadline_ns : forget_ns, &at))
        at = UINT64_MAX;
    return df_timer_add(flow, (df_timer){.at_ns = at, .kind = DF_TIMER_WIRE, .id = id});
}

static ww_status send_to(ww_dataflow *flow, const df_op *op, const df_frame *frame, ww_view id,
                         uint64_t request)
{
    enum { REQUEST = 1 };
    uint32_t peer;
    const df_send *send = op->arg->send;
    ww_status status = df_peer_of(flow, id, &peer);
    if (status) return status;
    uint64_t deadline = deadline_of(flow, send, frame->root);
    status = track_request(flow, send, request, peer, deadline);
    if (status) return status;
    envelope e = envelope_begin(flow);
    for (uint32_t i = 0; i < send->payload_count; i++)
        put_value(&e, &send->payloads[i], df_input(op, frame, send->payloads[i].input));
    put_correlation(&e, REQUEST, request);
    if (!e.status) e.status = df_put_number(&e.out, 4, deadline);
    if (send->chained) put_reports(&e, send->chain);
    status = envelope_end(&e, peer, request);
    if (status) df_request_forget(flow, request, peer);
    return status;
}

static ww_status send_to_all(ww_dataflow *flow, const df_op *op, const df_frame *frame,
                             const ww_flow_value *peers, uint64_t request)
{
    ww_view one;
    if (peers->type != WW_FLOW_PEER_ID_VEC)
        return df_peer_input(peers, &one) ? send_to(flow, op, frame, one, request) : WW_E_MISMATCH;
    const uint8_t *at = peers->data + 8;
    ww_status status = WW_OK;
    for (uint64_t left = ww_le64(peers->data); left && !status; left--) {
        one = ww_view_of(at + 8, (size_t)ww_le64(at));
        at = one.data + one.size;
        status = send_to(flow, op, frame, one, request);
    }
    return status;
}

static bool has_payloads(const df_op *op, const df_frame *frame)
{
    const df_send *send = op->arg->send;
    for (uint32_t i = 0; i < send->payload_count; i++)
        if (!df_input(op, frame, send->payloads[i].input)) return false;
    return send->payload_count > 0;
}

df_outcome df_run_send(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    const ww_flow_value *peers = df_input(op, frame, op->arg->send->peers);
    if (!peers || !has_payloads(op, frame))
        return df_fail(flow, WW_FLOW_OP_MISSING_SLOT, "missing_peer",
                       "Send needs a payload and peers");
    if (frame->root->deadline_ns && flow->now_ns >= frame->root->deadline_ns)
        return df_fail(flow, WW_FLOW_OP_TIMEOUT, "chain_timeout",
                       "Send: the time that the sender before gave has passed");
    uint64_t request = flow->next_request++;
    ww_status status = send_to_all(flow, op, frame, peers, request);
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
