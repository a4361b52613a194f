#include "support/capnp_world.h"

void world_init(world *w)
{
    w->live = 0;
    link_init(&w->l, NULL);
    ww_capnp_cap *cap;
    w->f = factory_new(w->l.b.vat, &w->live, &cap);
    link_connect(&w->l, NULL, cap);
    ww_capnp_cap_unref(cap);
    w->root = ww_capnp_conn_bootstrap(w->l.a.conn);
    link_pump(&w->l);
}

bool world_is_alive(world *w)
{
    waiter last;
    ww_capnp_call_drop(call_ping(w->root, 99, &last));
    link_pump(&w->l);
    return last.count == 1 && !last.failed && last.n == 99;
}

void world_deinit(world *w)
{
    assert_true(world_is_alive(w));
    ww_capnp_cap_unref(w->root);
    link_pump(&w->l);
    assert_idle(&w->l);
    assert_int_equal(w->live, 1);
    link_deinit(&w->l);
    assert_int_equal(w->live, 0);
}

ww_capnp_cap *world_mine(world *w, factory **f)
{
    ww_capnp_cap *cap;
    factory *made = factory_new(w->l.a.vat, NULL, &cap);
    if (f) *f = made;
    return cap;
}
