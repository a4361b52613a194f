/* Process.bootstrap of a cell that is asked over its link. */
#include "support/session_world.h"

/* The node's end and the cell's, in one vat. */
typedef struct cell_link {
    session_world w;
    grafted g;
    client_process p;
    ww_capnp_conn *node, *cell;
} cell_link;

/* `live` counts what it offers; NULL: it offers nothing. */
static void cell_link_open(cell_link *l, uint32_t *live)
{
    scene_init(&l->w);
    assert_string_equal(scene_graft(&l->w, NULL, &l->g), "");
    client_run(&l->w, l->g.executor, &l->p);
    ww_capnp_vat *vat = l->w.l.b.vat;
    l->node = ww_capnp_conn_new(vat, NULL);
    ww_capnp_cap *offer = NULL;
    if (live) factory_new(vat, live, &offer);
    l->cell = ww_capnp_conn_new(vat, offer);
    ww_capnp_cap_unref(offer);
    l->w.cells.cells[0]->exports = ww_capnp_conn_bootstrap(l->node);
}

static bool cell_link_carry(ww_capnp_conn *from, ww_capnp_conn *to)
{
    ww_capnp_iov iov;
    ww_diag diag;
    if (!ww_capnp_conn_output(from, &iov, 1)) return false;
    assert_int_equal(ww_capnp_conn_feed(to, ww_view_of(iov.data, iov.size), &diag), WW_AGAIN);
    ww_capnp_conn_sent(from, iov.size);
    return true;
}

static void cell_link_pump(cell_link *l)
{
    do
        scene_pump(&l->w);
    while (cell_link_carry(l->node, l->cell) || cell_link_carry(l->cell, l->node));
}

static void cell_link_close(cell_link *l)
{
    fake_cell_exit(l->w.cells.cells[0], 0);
    scene_pump(&l->w);
    ww_capnp_conn_free(l->node);
    ww_capnp_conn_free(l->cell);
    client_process_drop(&l->p);
    grafted_drop(&l->g);
    scene_deinit(&l->w);
}

static void ask_bootstrap(cell_link *l, outcome *o)
{
    ww_capnp_call *call;
    peer_process_bootstrap_begin((peer_process_cap){l->p.process}, &call);
    outcome_send(o, call);
}

static void bootstrap__of_a_link_without_an_offer__fails_once_the_cell_says_so(void **state)
{
    (void)state;
    cell_link l;
    cell_link_open(&l, NULL);
    outcome o;
    ask_bootstrap(&l, &o);
    scene_pump(&l.w);
    assert_int_equal(o.w.count, 0); /* it may still connect */
    cell_link_pump(&l);
    assert_int_equal(o.w.type, WW_CAPNP_FAILED);
    assert_string_equal(o.w.reason, "the cell exports nothing");
    outcome_drop(&o);
    cell_link_close(&l);
}

static void bootstrap__of_a_link_with_an_offer__takes_what_was_sent_ahead(void **state)
{
    (void)state;
    cell_link l;
    uint32_t live = 0;
    cell_link_open(&l, &live);
    outcome o;
    waiter ahead, after;
    ask_bootstrap(&l, &o);
    ww_capnp_cap *cap = result_cap(o.call);
    ww_capnp_call *pinged = call_ping(cap, 5, &ahead);
    scene_pump(&l.w);
    assert_true(cell_link_carry(l.node, l.cell)); /* the question, and the ping behind it */
    cell_link_carry(l.node, l.cell);
    scene_pump(&l.w);
    while (cell_link_carry(l.cell, l.node))
        continue;
    scene_pump(&l.w);
    assert_result(ahead, 5);
    assert_string_equal(o.w.reason, "");
    assert_int_equal(o.w.count, 1);
    ww_capnp_call_drop(pinged);
    pinged = call_ping(cap, 6, &after);
    cell_link_pump(&l);
    assert_result(after, 6);
    ww_capnp_call_drop(pinged);
    outcome_drop(&o);
    ww_capnp_cap_unref(cap);
    cell_link_pump(&l);
    cell_link_close(&l);
    assert_int_equal(live, 0);
}

static void bootstrap__whose_caller_cancels__lets_go_of_the_question(void **state)
{
    (void)state;
    cell_link l;
    cell_link_open(&l, NULL);
    outcome o;
    ask_bootstrap(&l, &o);
    scene_pump(&l.w);
    assert_int_equal(ww_capnp_conn_count(l.node).questions, 1);
    ww_capnp_call_cancel(o.call);
    outcome_drop(&o);
    cell_link_pump(&l);
    assert_int_equal(ww_capnp_conn_count(l.node).questions, 0);
    cell_link_close(&l);
}

static void bootstrap__of_a_cell_that_ends_before_it_connects__fails(void **state)
{
    (void)state;
    cell_link l;
    cell_link_open(&l, NULL);
    outcome o;
    ask_bootstrap(&l, &o);
    scene_pump(&l.w);
    ww_capnp_conn_lost(l.node, "the cell ended");
    scene_pump(&l.w);
    assert_int_equal(o.w.type, WW_CAPNP_DISCONNECTED);
    assert_string_equal(o.w.reason, "the cell ended");
    outcome_drop(&o);
    cell_link_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bootstrap__of_a_link_without_an_offer__fails_once_the_cell_says_so),
        cmocka_unit_test(bootstrap__of_a_link_with_an_offer__takes_what_was_sent_ahead),
        cmocka_unit_test(bootstrap__whose_caller_cancels__lets_go_of_the_question),
        cmocka_unit_test(bootstrap__of_a_cell_that_ends_before_it_connects__fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
