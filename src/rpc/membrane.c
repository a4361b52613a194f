/* Invariant: every authority of the grant is watched. From the revocation of the first of them on, the
 * boundary asks and nothing enters; the membrane is told, and says so to its owner, once. */
#include "rpc/membrane.h"

typedef struct membrane_watch {
    ww_authority_watch watch;
    ww_membrane *membrane;
} membrane_watch;

struct ww_membrane {
    ww_capnp_boundary boundary;
    const ww_cap_entry *entry;
    ww_cap_ref grant;
    ww_allowance *allowance;
    const ww_allocator *allocator;
    ww_cap_table *table;
    ww_principal *payer;
    ww_membrane_end *end;
    membrane_watch watches[WW_LINEAGE_PLACES];
};

static ww_membrane *membrane_of(ww_capnp_boundary *boundary)
{
    return WW_CONTAINER_OF(boundary, ww_membrane, boundary);
}

/* ---- refusals ---- */

static const ww_capnp_refusal STALE = {WW_CAPNP_FAILED, WW_CAP_TEXT_STALE},
                              REVOKED = {WW_CAPNP_FAILED, WW_CAP_TEXT_REVOKED},
                              DENIED = {WW_CAPNP_FAILED, WW_CAP_TEXT_DENIED},
                              TOO_MANY_CALLS = {WW_CAPNP_OVERLOADED, WW_ALLOWANCE_TEXT_CALLS},
                              TOO_MANY_BYTES = {WW_CAPNP_OVERLOADED, WW_ALLOWANCE_TEXT_BYTES};

static const ww_capnp_refusal *refusal_of(ww_status status)
{
    switch (status) {
    case WW_OK: return NULL;
    case WW_E_STALE: return &STALE;
    case WW_E_DENIED: return &DENIED;
    default: return &REVOKED;
    }
}

static const ww_capnp_refusal *quota_of(ww_allowance_kind kind)
{
    static const ww_capnp_refusal quotas[] = {
#define REFUSAL(name, cell, principal, text) {WW_CAPNP_OVERLOADED, text},
        WW_ALLOWANCE_LIST(REFUSAL)
#undef REFUSAL
    };
    return &quotas[kind];
}

/* ---- what the boundary asks ---- */

static const ww_capnp_refusal *ask(ww_capnp_boundary *boundary, uint64_t interface_id,
                                   uint16_t method, bool is_outward)
{
    const ww_membrane *m = membrane_of(boundary);
    if (is_outward) return refusal_of(ww_membrane_check(m));
    ww_status status = ww_cap_check(m->entry, m->grant.generation, interface_id, method);
    if (status == WW_E_DENIED) m->allowance->refused++;
    return refusal_of(status);
}

static const ww_capnp_refusal *overdrawn(ww_capnp_boundary *boundary, uint32_t toll, bool by_bytes)
{
    ww_allowance *allowance = membrane_of(boundary)->allowance;
    for (uint32_t i = 0; i < toll; i++)
        allowance = allowance->parent;
    allowance->refused++;
    return by_bytes ? &TOO_MANY_BYTES : &TOO_MANY_CALLS;
}

static const ww_capnp_refusal *hold(ww_capnp_boundary *boundary)
{
    bool ok = ww_allowance_take(membrane_of(boundary)->allowance, WW_ALLOWANCE_HANDLES, 1);
    return ok ? NULL : quota_of(WW_ALLOWANCE_HANDLES);
}

static void let_go(ww_capnp_boundary *boundary)
{
    ww_allowance_give(membrane_of(boundary)->allowance, WW_ALLOWANCE_HANDLES, 1);
}

static void unwatch(ww_membrane *m)
{
    for (size_t i = 0; i < WW_COUNT_OF(m->watches); i++)
        ww_authority_watch_remove(&m->watches[i].watch);
}

/* Also of what was not charged to anybody. */
static void remove_grant(ww_cap_table *table, ww_cap_ref grant, ww_principal *payer)
{
    ww_cap_table_remove(table, grant);
    if (payer) ww_principal_release(payer, WW_PRINCIPAL_GRANTS, 1);
}

static void free_membrane(ww_capnp_boundary *boundary)
{
    ww_membrane *m = membrane_of(boundary);
    ww_membrane_end *end = m->end;
    unwatch(m);
    remove_grant(m->table, m->grant, m->payer);
    ww_free(m->allocator, m, sizeof *m);
    if (end) end->unused(end);
}

/* ---- life ---- */

/* Which place ended says why, so the grant need not be looked at; the epoch's end is the last word. */
static void revoked(ww_authority_watch *watch)
{
    ww_membrane *m = WW_CONTAINER_OF(watch, membrane_watch, watch)->membrane;
    bool is_epoch = watch == &m->watches[WW_LINEAGE_EPOCH].watch, was_over = m->boundary.over;
    if (was_over && !is_epoch) return;
    ww_membrane_ref(m);
    ww_capnp_boundary_sever(&m->boundary, is_epoch ? &STALE : &REVOKED);
    if (!was_over && m->end) m->end->revoked(m->end);
    ww_membrane_unref(m);
}

static ww_status add_grant(const ww_membrane_options *options, ww_cap_ref *out)
{
    const ww_authority *authorities[WW_LINEAGE_PLACES];
    for (int i = 0; i < WW_LINEAGE_PLACES; i++)
        authorities[i] = options->authorities[i];
    ww_lineage lineage;
    ww_lineage_init(&lineage, authorities);
    if (options->parent.generation)
        return ww_cap_table_attenuate(options->table, options->parent, options->methods, &lineage,
                                      out);
    return ww_cap_table_add(options->table, &lineage, options->methods, out);
}

static ww_status make_grant(const ww_membrane_options *options, ww_cap_ref *out)
{
    ww_principal *payer = options->payer;
    if (payer && !ww_principal_charge(payer, WW_PRINCIPAL_GRANTS, 1)) return WW_E_QUOTA;
    ww_status status = add_grant(options, out);
    if (status && payer) ww_principal_release(payer, WW_PRINCIPAL_GRANTS, 1);
    return status;
}

/* Calls are charged to the allowance and all above it. */
static bool set_tolls(ww_capnp_boundary *boundary, ww_allowance *allowance)
{
    _Static_assert((int)WW_CAPNP_TOLLS_MAX >= (int)WW_ALLOWANCE_LEVELS_MAX, "all of them");
    uint32_t count = 0;
    for (; allowance && count < WW_CAPNP_TOLLS_MAX; allowance = allowance->parent)
        boundary->tolls[count++] = &allowance->calls;
    return !allowance;
}

ww_status ww_membrane_new(const ww_membrane_options *options, ww_membrane **out)
{
    static const ww_capnp_boundary_class class = {ask, overdrawn, hold, let_go, free_membrane};
    *out = NULL;
    ww_cap_ref grant;
    ww_status status = make_grant(options, &grant);
    if (status) return status;
    ww_membrane *m = ww_alloc_zeroed(options->allocator, sizeof *m);
    if (!m) {
        remove_grant(options->table, grant, options->payer);
        return WW_E_MEMORY;
    }
    ww_capnp_boundary_init(&m->boundary, &class, options->vat);
    bool is_counted = options->counts_caps_only || set_tolls(&m->boundary, options->allowance);
    WW_ASSERT(is_counted);
    m->entry = ww_cap_table_entry(options->table, grant);
    m->boundary.asks = m->entry->is_limited;
    m->grant = grant;
    m->allowance = options->allowance;
    m->allocator = options->allocator;
    m->table = options->table;
    m->payer = options->payer;
    m->end = options->end;
    for (int i = 0; i < WW_LINEAGE_PLACES; i++) {
        m->watches[i] = (membrane_watch){
            .watch.revoked = revoked, .watch.is_over = &m->boundary.asks, .membrane = m};
        if (options->authorities[i])
            ww_authority_watch_add(options->authorities[i], &m->watches[i].watch);
    }
    *out = m;
    return WW_OK;
}

ww_membrane *ww_membrane_ref(ww_membrane *membrane)
{
    ww_capnp_boundary_ref(&membrane->boundary);
    return membrane;
}

void ww_membrane_unref(ww_membrane *membrane)
{
    if (membrane) ww_capnp_boundary_unref(&membrane->boundary);
}

static ww_capnp_cap *wrap(ww_membrane *m, ww_capnp_cap *cap, bool outward,
                          const ww_capnp_refusal **refusal)
{
    *refusal = cap ? refusal_of(ww_membrane_check(m)) : NULL;
    return *refusal ? NULL : ww_capnp_boundary_wrap(&m->boundary, cap, outward, refusal);
}

ww_capnp_cap *ww_membrane_out(ww_membrane *membrane, ww_capnp_cap *cap,
                              const ww_capnp_refusal **refusal)
{
    return wrap(membrane, cap, true, refusal);
}

ww_capnp_cap *ww_membrane_in(ww_membrane *membrane, ww_capnp_cap *cap,
                             const ww_capnp_refusal **refusal)
{
    return wrap(membrane, cap, false, refusal);
}

ww_status ww_membrane_check(const ww_membrane *membrane)
{
    if (WW_LIKELY(ww_cap_is_fresh(membrane->entry, membrane->grant.generation))) return WW_OK;
    return ww_cap_ended(membrane->entry, membrane->grant.generation);
}

ww_cap_ref ww_membrane_grant(const ww_membrane *membrane)
{
    return membrane->grant;
}

bool ww_membrane_sweep(ww_membrane *membrane)
{
    if (ww_membrane_check(membrane) == WW_OK) return false;
    return ww_capnp_boundary_sweep(&membrane->boundary, WW_MEMBRANE_SWEEP);
}
