#include "support/membrane_world.h"

static void on_revoked(ww_membrane_end *end)
{
    WW_CONTAINER_OF(end, membrane_world, end)->revoked++;
}

static void on_unused(ww_membrane_end *end)
{
    WW_CONTAINER_OF(end, membrane_world, end)->unused++;
}

ww_membrane_options walled_options(membrane_world *w)
{
    return (ww_membrane_options){
        .allocator = &w->l.allocator.base,
        .vat = w->l.b.vat,
        .table = &w->table,
        .authorities = {&w->epoch, &w->principal, &w->session, &w->cell},
        .allowance = &w->allowance,
    };
}

/* What may not cross is broken for the reason. */
static ww_capnp_cap *wrapped(ww_capnp_vat *vat, ww_capnp_cap *cap, const ww_capnp_refusal *refusal)
{
    return refusal ? ww_capnp_broken_new(vat, refusal->type, refusal->reason) : cap;
}

ww_capnp_cap *walled_out(ww_membrane *membrane, ww_capnp_cap *cap)
{
    const ww_capnp_refusal *refusal;
    ww_capnp_cap *out = ww_membrane_out(membrane, cap, &refusal);
    return wrapped(cap ? cap->vat : NULL, out, refusal);
}

ww_capnp_cap *walled_in(ww_membrane *membrane, ww_capnp_cap *cap)
{
    const ww_capnp_refusal *refusal;
    ww_capnp_cap *in = ww_membrane_in(membrane, cap, &refusal);
    return wrapped(cap ? cap->vat : NULL, in, refusal);
}

void walled_init_with(membrane_world *w, const ww_methods *methods)
{
    memset(w, 0, sizeof *w);
    link_init(&w->l, NULL);
    ww_cap_table_init(&w->table, &w->l.allocator.base, 100);
    ww_allowance_init_principal(&w->principal_allowance);
    ww_allowance_init_cell(&w->allowance, &w->principal_allowance);
    w->end = (ww_membrane_end){on_revoked, on_unused};
    ww_membrane_options options = walled_options(w);
    options.methods = methods;
    options.end = &w->end;
    assert_ok(ww_membrane_new(&options, &w->membrane));
    ww_capnp_cap *cap;
    w->f = factory_new(w->l.b.vat, &w->live, &cap);
    w->guarded = walled_out(w->membrane, cap);
    ww_capnp_cap_unref(cap);
    link_connect(&w->l, NULL, w->guarded);
    w->root = ww_capnp_conn_bootstrap(w->l.a.conn);
    link_pump(&w->l);
}

void walled_init(membrane_world *w)
{
    walled_init_with(w, NULL);
}

void walled_deinit(membrane_world *w)
{
    link_pump(&w->l);
    ww_capnp_cap_unref(w->root);
    ww_capnp_cap_unref(w->guarded);
    link_pump(&w->l);
    assert_string_equal(w->l.a.over, "");
    assert_string_equal(w->l.b.over, "");
    ww_capnp_conn_free(w->l.a.conn);
    ww_capnp_conn_free(w->l.b.conn);
    w->l.a.conn = w->l.b.conn = NULL;
    assert_int_equal(w->unused, 0);
    ww_membrane_unref(w->membrane);
    assert_int_equal(w->unused, 1);
    assert_int_equal(w->live, 0);
    assert_int_equal(w->table.in_use, 0);
    for (int kind = 0; kind < WW_ALLOWANCE_KINDS; kind++) {
        assert_int_equal(w->allowance.budgets[kind].used, 0);
        assert_int_equal(w->principal_allowance.budgets[kind].used, 0);
    }
    assert_true(ww_toll_is_unused(&w->allowance.calls));
    assert_true(ww_toll_is_unused(&w->principal_allowance.calls));
    ww_cap_table_deinit(&w->table);
    link_deinit(&w->l);
}

void assert_ping_says(membrane_world *w, ww_capnp_cap *cap, const char *reason)
{
    waiter p;
    ww_capnp_call_drop(call_ping(cap, 7, &p));
    link_pump(&w->l);
    assert_int_equal(p.count, 1);
    assert_string_equal(p.reason, reason);
}

ww_capnp_cap *walled_outsider(membrane_world *w, factory **f)
{
    ww_capnp_cap *cap;
    factory *made = factory_new(w->l.a.vat, &w->live, &cap);
    if (f) *f = made;
    return cap;
}

void walled_carry_out(membrane_world *w, ww_capnp_call *call, const waiter *outcome)
{
    link_pump(&w->l);
    ww_capnp_call_drop(call);
    assert_int_equal(outcome->count, 1);
    assert_string_equal(outcome->reason, "");
}

ww_capnp_cap *walled_made(membrane_world *w, ww_capnp_cap *root)
{
    ww_capnp_call *call = call_make(root, NULL);
    ww_capnp_cap *made = result_cap(call);
    link_pump(&w->l);
    ww_capnp_call_drop(call);
    return made;
}
