/* The Membrane of one link, and the challenge that a graft may have to answer.
 *
 * Invariants
 *  1. A challenge is one call of the signer, one nonce, and WW_NONCE_MS of time: whichever of the
 *     answer, the timer and the caller's cancel comes first ends it.
 *  2. A signature that a graft was given for is remembered, so that it is not taken twice.
 */
#include "capnp/membrane.capnp.h"
#include "capnp/stem.capnp.h"
#include "rpc/session_state.h"
#include <stdio.h>

enum { CHALLENGES_MAX = 4, DOMAIN_SIZE_MAX = 128 };

typedef struct membrane_server {
    ww_capnp_server server;
    ww_tenant *tenant;
} membrane_server;

/* A graft that waits for its signature. */
typedef struct grafting {
    ww_tenant *tenant;
    ww_capnp_call *call, *sign;
    ww_capnp_done on_cancel, on_signed;
    ww_timer timer;
    uint64_t nonce;
    uint64_t generation; /* of the epoch that the domain names */
    char domain[DOMAIN_SIZE_MAX];
    uint32_t challenges;
} grafting;

/* ---- StatusPoller: its guard is what can say no ---- */

static void poll_status(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    stem_status_poller_poll_status_results_set_status(stem_status_poller_poll_status_results(call),
                                                      STEM_STATUS_OK);
    ww_capnp_call_return(call);
}

static void destroy_poller(ww_capnp_server *server)
{
    ww_facet *facet = WW_CONTAINER_OF(server, ww_facet, server);
    const ww_allocator *allocator = facet->session->node->allocator;
    ww_facet_leave(facet);
    ww_free(allocator, facet, sizeof *facet);
}

static ww_capnp_cap *new_poller(ww_session *session)
{
    static const stem_status_poller_vt table = {.poll_status = poll_status};
    const ww_allocator *allocator = session->node->allocator;
    ww_facet *facet = ww_alloc(allocator, sizeof *facet);
    if (!facet) return NULL;
    ww_capnp_cap *cap =
        stem_status_poller_serve(session->node->vat, &facet->server, &table, destroy_poller).cap;
    if (cap)
        ww_facet_join(facet, session);
    else
        ww_free(allocator, facet, sizeof *facet);
    return cap;
}

/* ---- the session ---- */

/* Puts what the outside will hold of `cap` (taken) there; *refusal keeps the first trouble. */
static void put_out(ww_session *session, ww_capnp_any_b place, ww_capnp_cap *cap,
                    const ww_capnp_refusal **refusal)
{
    static const ww_capnp_refusal no_memory = {WW_CAPNP_OVERLOADED, "out of memory"};
    const ww_capnp_refusal *mine = &no_memory;
    ww_capnp_cap *out = cap ? ww_membrane_out(session->membrane, cap, &mine) : NULL;
    if (!*refusal) *refusal = mine;
    ww_capnp_any_b_set_cap(place, out);
    ww_capnp_cap_unref(out);
    ww_capnp_cap_unref(cap);
}

/* What keeps the session from being given; NULL for nothing. */
static const ww_capnp_refusal *fill(ww_session *session, stem_session_b out)
{
    const ww_capnp_refusal *refusal = NULL;
    const ww_epoch *now = &session->node->epochs->now;
    stem_epoch_b epoch = stem_session_init_issued_epoch(out);
    stem_epoch_set_seq(epoch, now->seq);
    stem_epoch_set_head(epoch, now->head);
    stem_epoch_set_adopted_block(epoch, now->adopted_block);
    membrane_wetware_session_b extension =
        membrane_wetware_session_init(stem_session_pointer_extension(out));
    put_out(session, stem_session_pointer_status_poller(out), new_poller(session), &refusal);
    put_out(session, membrane_wetware_session_pointer_host(extension), ww_session_host(session),
            &refusal);
    put_out(session, membrane_wetware_session_pointer_executor(extension),
            ww_session_executor(session), &refusal);
    return refusal;
}

static void give_session(ww_tenant *tenant, ww_capnp_call *call)
{
    ww_session *session;
    ww_status status = ww_session_new(tenant->node, tenant, NULL, &session);
    if (status) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "%s", ww_session_refusal(status));
        return;
    }
    stem_membrane_graft_results_b results = stem_membrane_graft_results(call);
    const ww_capnp_refusal *refusal =
        fill(session, stem_membrane_graft_results_init_session(results));
    ww_session_leave(session);
    if (refusal)
        ww_capnp_call_fail(call, refusal->type, "%s", refusal->reason);
    else
        ww_capnp_call_return(call); /* which fails if there was no memory for the results */
}

/* ---- challenges ---- */

static void end(grafting *g)
{
    const ww_rpc_node *node = g->tenant->node;
    ww_tenant *tenant = g->tenant;
    ww_timer_stop(node->loop, &g->timer);
    ww_allowance_give_call(&tenant->account->allowance);
    ww_free(node->allocator, g, sizeof *g);
    ww_tenant_unref(tenant);
}

static void deny(grafting *g, const char *why)
{
    ww_capnp_call *call = g->call;
    end(g);
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "graft denied: %s", why);
}

/* The answer that comes of it is told to nobody; `on_signed` runs, and finds the call gone. */
static void give_up_challenge(grafting *g)
{
    ww_capnp_call *sign = g->sign;
    ww_capnp_call_cancel(sign);
}

static bool was_used(const ww_tenant *tenant, const uint8_t sig[WW_ED25519_SIG_BYTES])
{
    for (size_t i = 0; i < WW_COUNT_OF(tenant->used) && i < tenant->used_count; i++)
        if (memcmp(tenant->used[i], sig, WW_ED25519_SIG_BYTES) == 0) return true;
    return false;
}

static void remember(ww_tenant *tenant, const uint8_t sig[WW_ED25519_SIG_BYTES])
{
    memcpy(tenant->used[tenant->used_count++ % WW_COUNT_OF(tenant->used)], sig,
           WW_ED25519_SIG_BYTES);
}

static void put_be(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* What is signed: u32 length and domain, u64 nonce, big endian. */
static ww_view challenge_of(const grafting *g, uint8_t out[4 + DOMAIN_SIZE_MAX + 8])
{
    size_t size = strlen(g->domain);
    put_be(out, size, 4);
    memcpy(out + 4, g->domain, size);
    put_be(out + 4 + size, g->nonce, 8);
    return ww_view_of(out, 4 + size + 8);
}

static bool is_signed(const grafting *g, const uint8_t sig[WW_ED25519_SIG_BYTES])
{
    const ww_rpc_node *node = g->tenant->node;
    uint8_t bytes[4 + DOMAIN_SIZE_MAX + 8];
    ww_view challenge = challenge_of(g, bytes);
    for (uint32_t i = 0; i < node->signer_count; i++)
        if (ww_ed25519_verify(node->signers[i], challenge, sig) == WW_OK) return true;
    return false;
}

static void challenge(grafting *g, stem_signer_cap signer);

static void judge(grafting *g)
{
    ww_tenant *tenant = g->tenant;
    if (ww_capnp_call_failed(g->sign)) {
        deny(g, "signer required");
        return;
    }
    ww_view sig = stem_signer_sign_results_sig(stem_signer_sign_response(g->sign));
    if (!ww_tenant_holds(tenant)) {
        ww_capnp_call *call = g->call;
        end(g);
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, WW_CAP_TEXT_REVOKED);
        return;
    }
    bool is_current = g->generation == tenant->node->epochs->authority.generation;
    if (!is_current && g->challenges < CHALLENGES_MAX) {
        challenge(g, stem_membrane_graft_params_signer(stem_membrane_graft_params(g->call)));
        return;
    }
    if (!is_current || (sig.size == WW_ED25519_SIG_BYTES && was_used(tenant, sig.data))) {
        deny(g, "replay");
        return;
    }
    if (sig.size != WW_ED25519_SIG_BYTES || !is_signed(g, sig.data)) {
        deny(g, "unknown key");
        return;
    }
    remember(tenant, sig.data);
    ww_capnp_call *call = g->call;
    ww_tenant_ref(tenant);
    end(g);
    give_session(tenant, call);
    ww_tenant_unref(tenant);
}

static void on_signed(ww_capnp_done *done, ww_capnp_call *sign)
{
    grafting *g = WW_CONTAINER_OF(done, grafting, on_signed);
    if (!g->timer.running)
        deny(g, "replay"); /* too late for its nonce */
    else if (ww_capnp_call_is_canceled(g->call))
        deny(g, "canceled");
    else
        judge(g);
    ww_capnp_call_drop(sign);
}

static void on_cancel(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    give_up_challenge(WW_CONTAINER_OF(done, grafting, on_cancel));
}

static void on_time(ww_timer *timer)
{
    give_up_challenge(WW_CONTAINER_OF(timer, grafting, timer));
}

static void name_domain(grafting *g)
{
    const ww_rpc_node *node = g->tenant->node;
    int size = snprintf(g->domain, sizeof g->domain, "ww-graft-v1:");
    for (size_t i = 0; i < sizeof node->id; i++)
        size += snprintf(g->domain + size, sizeof g->domain - (size_t)size, "%02x", node->id[i]);
    snprintf(g->domain + size, sizeof g->domain - (size_t)size, ":%llu",
             (unsigned long long)node->epochs->now.seq);
}

static void challenge(grafting *g, stem_signer_cap signer)
{
    const ww_rpc_node *node = g->tenant->node;
    g->challenges++;
    g->nonce = ww_random_u64(node->random);
    g->generation = node->epochs->authority.generation;
    name_domain(g);
    stem_signer_sign_params_b params = stem_signer_sign_begin(signer, &g->sign);
    stem_signer_sign_params_set_domain(params, ww_view_str(g->domain));
    stem_signer_sign_params_set_nonce(params, g->nonce);
    uint64_t deadline_ns =
        ww_clock_after(ww_loop_clock(node->loop), (uint64_t)WW_NONCE_MS * WW_NS_PER_MS);
    ww_timer_start(node->loop, &g->timer, deadline_ns);
    if (ww_capnp_call_send(g->sign, &g->on_signed) == WW_OK) return;
    ww_capnp_call_drop(g->sign);
    ww_capnp_call *call = g->call;
    end(g);
    ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
}

static void begin_challenge(ww_tenant *tenant, ww_capnp_call *call, stem_signer_cap signer)
{
    const ww_allocator *allocator = tenant->node->allocator;
    if (!ww_allowance_take_call(&tenant->account->allowance)) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, WW_ALLOWANCE_TEXT_CALLS);
        return;
    }
    grafting *g = ww_alloc(allocator, sizeof *g);
    if (!g) {
        ww_allowance_give_call(&tenant->account->allowance);
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    *g = (grafting){.tenant = ww_tenant_ref(tenant),
                    .call = call,
                    .on_cancel.fn = on_cancel,
                    .on_signed.fn = on_signed,
                    .timer.fire = on_time};
    ww_capnp_call_on_cancel(call, &g->on_cancel);
    challenge(g, signer);
}

/* ---- Membrane ---- */

void ww_tenant_graft(ww_tenant *tenant, ww_capnp_call *call)
{
    stem_signer_cap signer = stem_membrane_graft_params_signer(stem_membrane_graft_params(call));
    if (!ww_tenant_holds(tenant))
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, WW_CAP_TEXT_REVOKED);
    else if (tenant->is_trusted)
        give_session(tenant, call);
    else if (!signer.cap)
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "graft denied: signer required");
    else
        begin_challenge(tenant, call, signer);
}

static void graft(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_tenant_graft(WW_CONTAINER_OF(self, membrane_server, server)->tenant, call);
}

static void destroy(ww_capnp_server *server)
{
    membrane_server *m = WW_CONTAINER_OF(server, membrane_server, server);
    ww_tenant *tenant = m->tenant;
    ww_free(tenant->node->allocator, m, sizeof *m);
    ww_tenant_unref(tenant);
}

ww_capnp_cap *ww_tenant_membrane(ww_tenant *tenant)
{
    static const stem_membrane_vt table = {.graft = graft};
    const ww_rpc_node *node = tenant->node;
    membrane_server *m = ww_alloc(node->allocator, sizeof *m);
    if (!m) return NULL;
    ww_capnp_cap *cap = stem_membrane_serve(node->vat, &m->server, &table, destroy).cap;
    if (cap)
        m->tenant = ww_tenant_ref(tenant);
    else
        ww_free(node->allocator, m, sizeof *m);
    return cap;
}
