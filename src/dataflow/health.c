/* How peers do: how long their answers take, how regularly they are heard, and how much they send.
 *
 * Suspicion is phi of an accrual detector: the probability, as a negative power of ten, that a peer
 * which has spoken with such gaps is silent for so long and will yet speak. Gaps are taken as
 * normally distributed; so the two thresholds are times that a timer waits for, and nothing is
 * scanned. */
#include "dataflow/snapshot.h"
#include <math.h>

enum {
    FAILURES_DOWN = 5,
    WARM = 3,                 /* samples before an estimate is used */
    SUSPECT_HUNDREDTHS = 535, /* mean deviations behind the mean where phi is 5 */
    DOWN_HUNDREDTHS = 704,    /* and 8 */
    NOTICES_MAX = 3,
    NOTICE_SIZE = 20,
    EDGES_MAX = 4096,
};

static const uint64_t backoff_base_ns = 10000000, minute_ns = 60000000000;
static const uint64_t notice_gap_ns = 1000000000;
/* Signs of life that follow each other faster are one; and nobody is taken to be more regular than
 * this. */
static const uint64_t gap_min_ns = 100000000, gap_deviation_min_ns = 500000000;

void df_estimate_add(df_estimate *e, uint64_t sample_ns)
{
    if (!e->samples++) {
        e->mean_ns = sample_ns;
        e->deviation_ns = sample_ns / 2;
        return;
    }
    uint64_t off = e->mean_ns > sample_ns ? e->mean_ns - sample_ns : sample_ns - e->mean_ns;
    e->deviation_ns = e->deviation_ns - e->deviation_ns / 4 + off / 4;
    e->mean_ns = e->mean_ns - e->mean_ns / 8 + sample_ns / 8;
}

uint64_t df_soon(const ww_dataflow *flow, uint64_t delay_ns)
{
    return flow->now_ns + (delay_ns < minute_ns ? delay_ns : minute_ns);
}

/* --- silence ---------------------------------------------------------------------------------- */

static void tell(ww_dataflow *flow, uint32_t peer, bool down)
{
    df_step(flow, (ww_flow_step){.kind = down ? WW_FLOW_STEP_PEER_DOWN : WW_FLOW_STEP_PEER_UP,
                                 .wire.peer = ww_names_text(&flow->peer_names, peer)});
}

static void set_down(ww_dataflow *flow, uint32_t peer)
{
    df_peer *p = &flow->peers[peer];
    p->down = true;
    p->retry_ns = df_soon(flow, minute_ns);
    tell(flow, peer, true);
    df_fire_event(flow, WW_VIEW_LITERAL("PeerDown"));
}

static uint64_t gap_deviation(const df_peer *p)
{
    uint64_t least = p->gaps.mean_ns / 4;
    if (least < gap_deviation_min_ns) least = gap_deviation_min_ns;
    return p->gaps.deviation_ns > least ? p->gaps.deviation_ns : least;
}

/* How long a silence the peer's next threshold allows. */
static uint64_t patience(const df_peer *p)
{
    uint64_t beyond, sum;
    if (__builtin_mul_overflow(gap_deviation(p) / 100,
                               p->suspect ? DOWN_HUNDREDTHS : SUSPECT_HUNDREDTHS, &beyond) ||
        __builtin_add_overflow(p->gaps.mean_ns, beyond, &sum))
        return UINT64_MAX;
    return sum;
}

/* Without room for the timer the peer is looked after when it is heard again. */
void df_peer_watch(ww_dataflow *flow, uint32_t peer)
{
    df_peer *p = &flow->peers[peer];
    if (p->watched || p->down || p->gaps.samples < WARM) return;
    uint64_t at, silent = flow->now_ns - p->heard_ns, patient = patience(p);
    if (__builtin_add_overflow(flow->now_ns, patient > silent ? patient - silent : 0, &at)) return;
    p->watched = !df_timer_add(flow, (df_timer){.at_ns = at, .kind = DF_TIMER_PEER, .id = peer});
}

void df_peer_overdue(ww_dataflow *flow, uint32_t peer)
{
    df_peer *p = &flow->peers[peer];
    p->watched = false;
    if (p->down) return;
    if (flow->now_ns - p->heard_ns >= patience(p)) {
        if (p->suspect) {
            set_down(flow, peer);
            return;
        }
        p->suspect = true;
        df_fire_event(flow, WW_VIEW_LITERAL("PeerSuspect"));
    }
    df_peer_watch(flow, peer);
}

void df_peer_alive(ww_dataflow *flow, uint32_t peer)
{
    df_peer *p = &flow->peers[peer];
    uint64_t gap = flow->now_ns - p->heard_ns;
    bool first = !p->heard_ns && !p->gaps.samples;
    if (!first && !p->down && gap >= gap_min_ns) df_estimate_add(&p->gaps, gap);
    if (first || gap >= gap_min_ns) p->heard_ns = flow->now_ns;
    if (p->failures) p->backoff_until_ns = 0; /* what it asked for itself stays */
    p->failures = 0;
    if (p->down) tell(flow, peer, false);
    if (p->down || p->suspect) df_fire_event(flow, WW_VIEW_LITERAL("PeerLive"));
    p->down = p->suspect = false;
    df_peer_watch(flow, peer);
}

void df_peer_failed(ww_dataflow *flow, uint32_t peer, uint64_t request)
{
    df_request_forget(flow, request, peer);
    df_peer *p = &flow->peers[peer];
    uint32_t doublings = p->failures < 13 ? p->failures : 13;
    p->backoff_until_ns = df_soon(flow, backoff_base_ns << doublings);
    if (p->failures < UINT32_MAX) p->failures++;
    if (p->failures >= FAILURES_DOWN && !p->down) set_down(flow, peer);
}

bool df_is_blocked(const ww_dataflow *flow, const df_peer *p)
{
    return p->blocked || (flow->allow_only && !p->allowed);
}

/* One that is down gets a try each minute, or it could never come back. */
bool df_may_send(ww_dataflow *flow, df_peer *p)
{
    if (df_is_blocked(flow, p)) return false;
    if (!p->down) return true;
    if (flow->now_ns < p->retry_ns) return false;
    p->retry_ns = df_soon(flow, minute_ns);
    return true;
}

/* --- back-pressure ---------------------------------------------------------------------------- */

static bool is_pressed(const ww_dataflow *flow)
{
    uint64_t depth = (uint64_t)flow->inbox.count + flow->held.count;
    return 4 * depth >= 3 * (uint64_t)flow->limits.inbox_max;
}

/* A peer that goes on sending after it was asked three times not to is not listened to until there
 * is room again. */
bool df_is_silenced(ww_dataflow *flow, uint32_t peer)
{
    df_peer *p = &flow->peers[peer];
    if (is_pressed(flow)) return p->silenced;
    p->silenced = false;
    p->notices = 0;
    return false;
}

void df_relieve(ww_dataflow *flow, uint32_t peer)
{
    df_peer *p = &flow->peers[peer];
    if (!is_pressed(flow) || (p->notices && flow->now_ns - p->noticed_ns < notice_gap_ns)) return;
    uint8_t notice[NOTICE_SIZE]; /* least time, cause (0: the inbox), suggested time */
    ww_put_le64(notice, backoff_base_ns);
    ww_put_le32(notice + 8, 0);
    ww_put_le64(notice + 12, notice_gap_ns << p->notices);
    if (df_send_notice(flow, peer, ww_view_of(notice, sizeof notice))) {
        flow->out_of_memory = true;
        return;
    }
    p->noticed_ns = flow->now_ns;
    df_fire_event(flow, WW_VIEW_LITERAL("BackoffNoticeSent"));
    if (++p->notices < NOTICES_MAX) return;
    p->silenced = true;
    df_fire_event(flow, WW_VIEW_LITERAL("SilentDropActive"));
}

/* The peer asks to be left alone; never for longer than a minute. */
bool df_take_notice(ww_dataflow *flow, uint32_t peer, ww_view payload)
{
    if (payload.size != NOTICE_SIZE) return false;
    uint64_t least = ww_le64(payload.data), suggested = ww_le64(payload.data + 12);
    uint64_t until = df_soon(flow, least > suggested ? least : suggested);
    df_peer *p = &flow->peers[peer];
    if (until > p->backoff_until_ns) p->backoff_until_ns = until;
    return true;
}

/* --- edges ------------------------------------------------------------------------------------ */

static uint64_t key_of(const ww_dataflow *flow, uint64_t site, uint64_t chain, uint64_t hop)
{
    uint8_t bytes[24];
    ww_put_le64(bytes, site);
    ww_put_le64(bytes + 8, chain);
    ww_put_le64(bytes + 16, hop);
    return ww_siphash13(flow->hash_key, ww_view_of(bytes, sizeof bytes));
}

/* DF_NONE: none, and no room for a new one. */
uint32_t df_edge_of(ww_dataflow *flow, uint64_t site, uint64_t chain, uint64_t hop)
{
    uint32_t index;
    uint64_t key = key_of(flow, site, chain, hop);
    if (df_map_find(&flow->edge_index, key, &index)) return index;
    void *edges = flow->edges;
    bool full = flow->edge_count == EDGES_MAX || df_grow(flow, &edges, &flow->edge_capacity,
                                                         sizeof *flow->edges, flow->edge_count + 1);
    flow->edges = edges;
    if (full || df_map_put(flow, &flow->edge_index, key, flow->edge_count)) return DF_NONE;
    flow->edges[flow->edge_count] = (df_edge){.site = site, .chain = chain, .hop = hop};
    return flow->edge_count++;
}

/* What another has measured counts until it was measured here as often. */
void df_edge_reported(ww_dataflow *flow, const df_edge *report)
{
    uint32_t index = df_edge_of(flow, report->site, report->chain, report->hop);
    if (index != DF_NONE && report->rtt.samples > flow->edges[index].rtt.samples)
        flow->edges[index].rtt = report->rtt;
}

static uint64_t budget_of(const df_estimate *e, uint64_t otherwise)
{
    uint64_t wide, sum;
    if (e->samples < WARM) return otherwise;
    if (__builtin_mul_overflow(e->deviation_ns, 4, &wide) ||
        __builtin_add_overflow(e->mean_ns, wide, &sum))
        return UINT64_MAX;
    return sum;
}

bool df_edge_is_warm(const df_edge *edge)
{
    return edge->rtt.samples >= WARM;
}

uint64_t df_chain_budget(const ww_dataflow *flow, uint64_t chain, uint64_t hop, uint64_t depth)
{
    static const uint64_t hop_default_ns = 100000000;
    enum { DEPTH_MAX = 64 };
    uint64_t hops[DEPTH_MAX], total = 0;
    uint64_t count = depth > hop ? depth - hop : 1;
    if (count > DEPTH_MAX) count = DEPTH_MAX;
    for (uint64_t i = 0; i < count; i++)
        hops[i] = hop_default_ns;
    for (uint32_t i = 0; i < flow->edge_count; i++) {
        const df_edge *edge = &flow->edges[i];
        if (edge->chain == chain && edge->hop - hop < count)
            hops[edge->hop - hop] = budget_of(&edge->rtt, hops[edge->hop - hop]);
    }
    for (uint64_t i = 0; i < count; i++)
        if (__builtin_add_overflow(total, hops[i], &total)) return UINT64_MAX;
    return total;
}

void df_edges_save(const ww_dataflow *flow, df_writer *w)
{
    for (uint32_t i = 0; i < flow->edge_count; i++) {
        const df_edge *edge = &flow->edges[i];
        size_t message = df_write_begin(w, DF_SNAP_EDGE);
        df_write_number(w, 1, edge->site);
        df_write_number(w, 2, edge->chain);
        df_write_number(w, 3, edge->hop);
        df_write_number(w, 4, edge->rtt.mean_ns);
        df_write_number(w, 5, edge->rtt.deviation_ns);
        df_write_number(w, 6, edge->rtt.samples);
        df_write_end(w, message);
    }
}

ww_status df_edge_restore(ww_dataflow *flow, ww_view message)
{
    df_record r;
    uint32_t known = flow->edge_count;
    if (!df_read_record(message, &r) || known == EDGES_MAX) return WW_E_INVALID;
    uint32_t index = df_edge_of(flow, r.number[1], r.number[2], r.number[3]);
    if (index == DF_NONE) return WW_E_MEMORY;
    if (index != known) return WW_E_INVALID;
    flow->edges[index].rtt = (df_estimate){r.number[4], r.number[5], r.number[6]};
    return WW_OK;
}

/* --- watching --------------------------------------------------------------------------------- */

static double phi(const ww_dataflow *flow, const df_peer *p)
{
    static const double mean_deviation_of_sigma = 0.79788456, phi_max = 300;
    if (p->gaps.samples < WARM) return 0;
    double sigma = (double)gap_deviation(p) / mean_deviation_of_sigma;
    double off = (double)(flow->now_ns - p->heard_ns) - (double)p->gaps.mean_ns;
    double later = 0.5 * erfc(off / (sigma * sqrt(2)));
    return later > 0 ? fmin(-log10(later), phi_max) : phi_max;
}

bool ww_dataflow_peer_at(const ww_dataflow *flow, uint32_t peer, ww_dataflow_peer *out)
{
    if (peer >= flow->peer_names.count) return false;
    const df_peer *p = &flow->peers[peer];
    *out = (ww_dataflow_peer){
        .id = ww_names_text(&flow->peer_names, peer),
        .blocked = df_is_blocked(flow, p),
        .suspect = p->suspect,
        .down = p->down,
        .phi = phi(flow, p),
        .failures = p->failures,
        .backoff_ns = p->backoff_until_ns > flow->now_ns ? p->backoff_until_ns - flow->now_ns : 0,
        .rtt_ns = p->rtt.mean_ns,
        .rtt_deviation_ns = p->rtt.deviation_ns,
        .rtt_samples = p->rtt.samples,
        .addresses = p->addresses ? ww_view_of(p->addresses->bytes, p->addresses->size)
                                  : ww_view_of(NULL, 0),
    };
    return true;
}
