#include "rpc/session_state.h"

/* ---- tenants ---- */

ww_tenant *ww_tenant_new(const ww_rpc_node *node, const ww_tenant_rights *rights)
{
    ww_tenant *tenant = ww_alloc_zeroed(node->allocator, sizeof *tenant);
    if (!tenant) return NULL;
    tenant->node = node;
    tenant->refs = 1;
    tenant->principal = rights->principal;
    tenant->principal_seen = rights->principal ? rights->principal->generation : 0;
    tenant->is_trusted = rights->is_trusted;
    tenant->is_lasting = rights->is_lasting;
    tenant->is_limited = rights->methods != NULL;
    if (rights->methods) tenant->methods = *rights->methods;
    tenant->account = rights->account ? ww_account_ref(rights->account)
                                      : ww_account_open(node->account, &node->limits);
    if (tenant->account) return tenant;
    ww_tenant_unref(tenant);
    return NULL;
}

ww_tenant *ww_tenant_ref(ww_tenant *tenant)
{
    tenant->refs++;
    return tenant;
}

bool ww_tenant_holds(const ww_tenant *tenant)
{
    return !tenant->authority.generation &&
           (!tenant->principal || tenant->principal->generation == tenant->principal_seen);
}

void ww_tenant_unref(ww_tenant *tenant)
{
    if (!tenant || --tenant->refs) return;
    ww_account_unref(tenant->account);
    ww_free(tenant->node->allocator, tenant, sizeof *tenant);
}

void ww_tenant_end(ww_tenant *tenant)
{
    ww_tenant_ref(tenant);
    ww_authority_revoke(&tenant->authority);
    ww_tenant_unref(tenant);
}

void ww_tenant_set_cell(ww_tenant *tenant, uint32_t number)
{
    tenant->cell = number;
}

ww_account *ww_tenant_account(ww_tenant *tenant)
{
    return tenant->account;
}

/* ---- sessions ---- */

ww_session *ww_session_ref(ww_session *session)
{
    session->refs++;
    return session;
}

void ww_session_unref(ww_session *session)
{
    while (session && --session->refs == 0) { /* families may be deep */
        ww_session *parent = session->parent;
        WW_ASSERT(!session->children && !session->membrane);
        ww_task_cancel(&session->task);
        ww_timer_stop(session->node->loop, &session->grace);
        ww_tenant_unref(session->tenant);
        ww_free(session->node->allocator, session, sizeof *session);
        session = parent;
    }
}

/* Soon, from the loop, and any number of times. The task holds the session. */
static void end_soon(ww_session *session)
{
    if (session->task.link) return;
    ww_session_ref(session);
    ww_loop_post(session->node->loop, &session->task);
}

static void on_revoked(ww_membrane_end *end)
{
    end_soon(WW_CONTAINER_OF(end, ww_session, end));
}

static void on_unused(ww_membrane_end *end)
{
    ww_session_unref(WW_CONTAINER_OF(end, ww_session, end));
}

static void begin_end(ww_session *session)
{
    session->is_over = true;
    ww_authority_revoke(&session->authority);
    for (ww_child *child = session->children; child; child = ww_child_next(child))
        ww_child_close(child);
    if (!session->children) return;
    uint64_t grace_ns = (uint64_t)WW_SESSION_GRACE_MS * WW_NS_PER_MS;
    const ww_clock *clock = ww_loop_clock(session->node->loop);
    ww_timer_start(session->node->loop, &session->grace, ww_clock_after(clock, grace_ns));
}

static void end_step(ww_task *task)
{
    ww_session *session = WW_CONTAINER_OF(task, ww_session, task);
    if (!session->is_over) begin_end(session);
    if (session->membrane && ww_membrane_sweep(session->membrane)) {
        end_soon(session); /* unless it was posted meanwhile, with a reference of its own */
        ww_session_unref(session);
        return;
    }
    ww_membrane *membrane = session->membrane;
    session->membrane = NULL;
    ww_membrane_unref(membrane);
    ww_session_unref(session);
}

ww_session *ww_session_join(ww_session *session)
{
    session->reach++;
    return ww_session_ref(session);
}

void ww_session_leave(ww_session *session)
{
    if (--session->reach == 0) end_soon(session);
    ww_session_unref(session);
}

static void grace_is_over(ww_timer *timer)
{
    ww_session *session = WW_CONTAINER_OF(timer, ww_session, grace);
    ww_session_ref(session);
    ww_child *child = session->children;
    while (child) {
        ww_child *next = ww_child_next(child);
        ww_child_kill(child);
        child = next;
    }
    ww_session_unref(session);
}

void ww_session_child_left(ww_session *session)
{
    if (!session->children) ww_timer_stop(session->node->loop, &session->grace);
}

/* Of what ends with the session's family. */
static ww_membrane_options membrane_options(const ww_session *session)
{
    const ww_rpc_node *node = session->node;
    ww_tenant *tenant = session->tenant;
    return (ww_membrane_options){
        .allocator = node->allocator,
        .vat = node->vat,
        .table = node->table,
        .authorities = {tenant->is_lasting ? NULL : &node->epochs->authority, tenant->principal,
                        &session->root->authority},
        .allowance = &tenant->account->allowance,
        .payer = &tenant->account->principal,
    };
}

static ww_status make_membrane(ww_session *session)
{
    ww_tenant *tenant = session->tenant;
    ww_session *parent = session->parent;
    ww_membrane_options options = membrane_options(session);
    options.authorities[WW_LINEAGE_CELL] = &tenant->authority;
    options.methods = tenant->is_limited ? &tenant->methods : NULL;
    options.parent = parent ? ww_membrane_grant(parent->membrane) : (ww_cap_ref){0};
    options.end = &session->end;
    return ww_membrane_new(&options, &session->membrane);
}

ww_status ww_session_new(const ww_rpc_node *node, ww_tenant *tenant, ww_session *parent,
                         ww_session **out)
{
    *out = NULL;
    if (parent && !parent->membrane) return WW_E_CANCELED;
    ww_session *session = ww_alloc_zeroed(node->allocator, sizeof *session);
    if (!session) return WW_E_MEMORY;
    session->node = node;
    session->refs = 1;
    session->reach = 1;
    session->tenant = ww_tenant_ref(tenant);
    session->parent = parent ? ww_session_ref(parent) : NULL;
    session->root = parent ? parent->root : session;
    session->end = (ww_membrane_end){on_revoked, on_unused};
    session->task.run = end_step;
    session->grace.fire = grace_is_over;
    ww_status status = make_membrane(session);
    if (status) {
        ww_session_unref(session);
        return status;
    }
    ww_session_ref(session); /* the membrane's, given back when it is unused */
    *out = session;
    return WW_OK;
}

const char *ww_session_refusal(ww_status status)
{
    switch (status) {
    case WW_E_QUOTA:
    case WW_E_LIMIT: return WW_MEMBRANE_TEXT_GRANTS;
    case WW_OK:
    case WW_E_MEMORY: return "out of memory";
    default: return ww_cap_refusal(status);
    }
}

/* ---- narrower grants ---- */

/* What a membrane inside of a session's own keeps alive. */
typedef struct narrowing {
    ww_membrane_end end;
    ww_session *session;
} narrowing;

static void narrowing_revoked(ww_membrane_end *end)
{
    (void)end; /* what it wraps is let go of with the wrappers of the session */
}

static void narrowing_unused(ww_membrane_end *end)
{
    narrowing *n = WW_CONTAINER_OF(end, narrowing, end);
    ww_session *session = n->session;
    ww_free(session->node->allocator, n, sizeof *n);
    ww_session_unref(session);
}

static ww_status new_narrowing(ww_session *session, const ww_methods *methods, ww_membrane **out)
{
    const ww_allocator *allocator = session->node->allocator;
    narrowing *n = ww_alloc(allocator, sizeof *n);
    if (!n) return WW_E_MEMORY;
    *n = (narrowing){{narrowing_revoked, narrowing_unused}, session};
    ww_membrane_options options = membrane_options(session);
    options.methods = methods;
    options.counts_caps_only = true;
    options.end = &n->end;
    ww_status status = ww_membrane_new(&options, out);
    if (status)
        ww_free(allocator, n, sizeof *n);
    else
        ww_session_ref(session);
    return status;
}

ww_status ww_session_narrow(ww_session *session, ww_capnp_cap *cap, const ww_methods *methods,
                            ww_capnp_cap **out, const char **reason)
{
    *out = NULL;
    ww_membrane *membrane;
    ww_status status = new_narrowing(session, methods, &membrane);
    *reason = ww_session_refusal(status);
    if (status) return status;
    const ww_capnp_refusal *refusal;
    *out = ww_membrane_out(membrane, cap, &refusal);
    ww_membrane_unref(membrane);
    if (!refusal) return WW_OK;
    *reason = refusal->reason;
    return WW_E_QUOTA;
}

/* ---- servers ---- */

void ww_facet_join(ww_facet *facet, ww_session *session)
{
    facet->session = ww_session_join(session);
}

void ww_facet_leave(ww_facet *facet)
{
    ww_session_leave(facet->session);
}
