/* Membranes: what crosses, what is refused, and what a revocation does to calls under way.
 *
 * The world: vat b is the host. Its factory stands behind a membrane whose outside is vat a, over a
 * connection; `w.root` is a's reference. Callers in the host's own vat use `w.guarded`. */
#include "os/random.h"
#include "rpc/membrane.h"
#include "support/capnp_link.h"
#include <stdlib.h>

#define STALE   "staleEpoch: session epoch no longer current"
#define REVOKED "revoked: this authority was withdrawn"
#define DENIED  "denied: this method was not granted"

typedef struct world {
    two_vats l;
    ww_cap_table table;
    ww_authority epoch, principal, session, cell;
    ww_allowance principal_allowance, allowance;
    ww_membrane_end end;
    uint32_t revoked, unused; /* times it was told */
    ww_membrane *membrane;
    factory *f; /* the root's */
    uint32_t live;
    ww_capnp_cap *guarded; /* the factory as the outside sees it */
    ww_capnp_cap *root;
} world;

static void on_revoked(ww_membrane_end *end)
{
    WW_CONTAINER_OF(end, world, end)->revoked++;
}

static void on_unused(ww_membrane_end *end)
{
    WW_CONTAINER_OF(end, world, end)->unused++;
}

static ww_membrane_options options_of(world *w)
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

static ww_capnp_cap *out_of(ww_membrane *membrane, ww_capnp_cap *cap)
{
    const ww_capnp_refusal *refusal;
    ww_capnp_cap *out = ww_membrane_out(membrane, cap, &refusal);
    return wrapped(cap ? cap->vat : NULL, out, refusal);
}

static ww_capnp_cap *into(ww_membrane *membrane, ww_capnp_cap *cap)
{
    const ww_capnp_refusal *refusal;
    ww_capnp_cap *in = ww_membrane_in(membrane, cap, &refusal);
    return wrapped(cap ? cap->vat : NULL, in, refusal);
}

static void world_init_with(world *w, const ww_methods *methods)
{
    memset(w, 0, sizeof *w);
    link_init(&w->l, NULL);
    ww_cap_table_init(&w->table, &w->l.allocator.base, 100);
    ww_allowance_init_principal(&w->principal_allowance);
    ww_allowance_init_cell(&w->allowance, &w->principal_allowance);
    w->end = (ww_membrane_end){on_revoked, on_unused};
    ww_membrane_options options = options_of(w);
    options.methods = methods;
    options.end = &w->end;
    assert_ok(ww_membrane_new(&options, &w->membrane));
    ww_capnp_cap *cap;
    w->f = factory_new(w->l.b.vat, &w->live, &cap);
    w->guarded = out_of(w->membrane, cap);
    ww_capnp_cap_unref(cap);
    link_connect(&w->l, NULL, w->guarded);
    w->root = ww_capnp_conn_bootstrap(w->l.a.conn);
    link_pump(&w->l);
}

static void world_init(world *w)
{
    world_init_with(w, NULL);
}

/* Everything was given back: memory, objects, allowances, the grant. */
static void world_deinit(world *w)
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
    ww_cap_table_deinit(&w->table);
    link_deinit(&w->l);
}

#define assert_refused(w, text)                                                                    \
    do {                                                                                           \
        assert_failed(w, WW_CAPNP_FAILED);                                                         \
        assert_string_equal((w).reason, text);                                                     \
    } while (0)

static void assert_ping_says(world *w, ww_capnp_cap *cap, const char *reason)
{
    waiter p;
    ww_capnp_call_drop(call_ping(cap, 7, &p));
    link_pump(&w->l);
    assert_int_equal(p.count, 1);
    assert_string_equal(p.reason, reason);
}

/* An object of the outside. */
static ww_capnp_cap *outsider(world *w, factory **f)
{
    ww_capnp_cap *cap;
    factory *made = factory_new(w->l.a.vat, &w->live, &cap);
    if (f) *f = made;
    return cap;
}

/* Waits for the outcome, which must be none but success. */
static void carry_out(world *w, ww_capnp_call *call, const waiter *outcome)
{
    link_pump(&w->l);
    ww_capnp_call_drop(call);
    assert_int_equal(outcome->count, 1);
    assert_string_equal(outcome->reason, "");
}

/* What the root makes, as a holds it. */
static ww_capnp_cap *made_by(world *w, ww_capnp_cap *root)
{
    ww_capnp_call *call = call_make(root, NULL);
    ww_capnp_cap *made = result_cap(call);
    link_pump(&w->l);
    ww_capnp_call_drop(call);
    return made;
}

/* ---- crossing ---- */

static void call__grant_holds__reaches_the_object(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    assert_ping_says(&w, w.root, "");
    assert_ping_says(&w, w.guarded, ""); /* from inside the host's vat as well */
    assert_int_equal(w.f->calls, 2);
    assert_null(ww_capnp_cap_server(w.guarded)); /* no way around the guard */
    world_deinit(&w);
}

static void returned_capability__is_guarded_like_its_giver(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_cap *made = made_by(&w, w.root), *of_made = made_by(&w, made);
    assert_ping_says(&w, of_made, "");
    ww_authority_revoke(&w.epoch);
    assert_ping_says(&w, w.root, STALE);
    assert_ping_says(&w, made, STALE);
    assert_ping_says(&w, of_made, STALE);
    ww_capnp_cap_unref(made);
    ww_capnp_cap_unref(of_made);
    world_deinit(&w);
}

static void capability_of_the_outside__out_and_in_again__is_itself(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    factory *mine;
    ww_capnp_cap *cap = outsider(&w, &mine);
    ww_capnp_call *call = call_swap(w.root, cap, NULL);
    ww_capnp_cap *back = result_cap(call);
    link_pump(&w.l);
    assert_ptr_equal(factory_of(back), mine);
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void capability_of_the_inside__in_again__is_itself_there(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_cap *made = made_by(&w, w.root);
    waiter h;
    ww_capnp_call_drop(call_hold(w.root, made, &h));
    link_pump(&w.l);
    assert_result(h, 0);
    assert_non_null(factory_of(w.f->held)); /* the object, no guard */
    ww_capnp_cap_unref(made);
    world_deinit(&w);
}

static void capability_that_crosses_twice__has_one_wrapper_while_held(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_cap *cap;
    factory_new(w.l.b.vat, &w.live, &cap);
    ww_capnp_cap *one = out_of(w.membrane, cap), *two = out_of(w.membrane, cap),
                 *in = into(w.membrane, cap);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, in); /* one for each direction */
    ww_capnp_cap *back = into(w.membrane, one);
    assert_ptr_equal(back, cap);
    ww_capnp_cap *all[] = {one, two, in, back, cap};
    for (size_t i = 0; i < WW_COUNT_OF(all); i++)
        ww_capnp_cap_unref(all[i]);
    assert_null(out_of(w.membrane, NULL));
    ww_capnp_cap *broken = ww_capnp_broken_new(w.l.b.vat, WW_CAPNP_FAILED, "as it was");
    ww_capnp_cap *same = out_of(w.membrane, broken);
    assert_ptr_equal(same, broken);
    ww_capnp_cap_unref(same);
    ww_capnp_cap_unref(broken);
    world_deinit(&w);
}

static void file_descriptor_of_the_inside__stays_inside(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_capnp_cap *cap;
    factory_new(w.l.b.vat, &w.live, &cap);
    assert_ok(ww_capnp_server_attach_fd(cap, 0));
    ww_capnp_cap *out = out_of(w.membrane, cap);
    assert_int_equal(ww_capnp_cap_fd(cap), 0);
    assert_int_equal(ww_capnp_cap_fd(out), -1);
    ww_capnp_cap_unref(out);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void many_wrappers__each_is_found_again(void **state)
{
    (void)state;
    enum { MANY = 500 };
    world w;
    world_init(&w);
    ww_capnp_cap *caps[MANY], *out[MANY];
    for (int i = 0; i < MANY; i++) {
        factory_new(w.l.b.vat, &w.live, &caps[i]);
        out[i] = out_of(w.membrane, caps[i]);
    }
    for (int i = 0; i < MANY; i++) {
        ww_capnp_cap *again = out_of(w.membrane, caps[i]);
        assert_ptr_equal(again, out[i]);
        ww_capnp_cap_unref(again);
    }
    for (int i = 0; i < MANY; i++) {
        ww_capnp_cap_unref(out[(i * 7) % MANY]);
        ww_capnp_cap_unref(caps[i]);
    }
    world_deinit(&w);
}

static void pipelined_calls__arrive_in_order_through_the_guard(void **state)
{
    (void)state;
    world w;
    waiter settled;
    world_init(&w);
    waiter orders[6];
    ww_capnp_call *later = ww_capnp_call_new(w.guarded, INTEROP_FACTORY_ID, 9);
    assert_ok(ww_capnp_call_send(later, NULL));
    ww_capnp_cap *promised = result_cap(later);
    for (uint32_t i = 0; i < 3; i++)
        ww_capnp_call_drop(call_order(promised, i, &orders[i]));
    link_pump(&w.l);
    assert_int_equal(orders[0].count, 0);
    carry_out(&w, call_settle(w.guarded, 0, NULL, &settled), &settled);
    for (uint32_t i = 3; i < 6; i++)
        ww_capnp_call_drop(call_order(promised, i, &orders[i]));
    link_pump(&w.l);
    for (uint32_t i = 0; i < 6; i++)
        assert_result(orders[i], i);
    ww_authority_revoke(&w.epoch);
    assert_ping_says(&w, promised, STALE);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(later);
    world_deinit(&w);
}

static void promise_in_results__resolves_behind_the_guard(void **state)
{
    (void)state;
    world w;
    waiter settled;
    world_init(&w);
    waiter orders[3];
    ww_capnp_call *call = call_promise(w.root, NULL);
    ww_capnp_cap *promised = result_cap(call);
    link_pump(&w.l);
    ww_capnp_call_drop(call_order(promised, 0, &orders[0]));
    link_pump(&w.l);
    assert_int_equal(orders[0].count, 0);
    carry_out(&w, call_settle(w.root, 0, NULL, &settled), &settled);
    ww_capnp_call_drop(call_order(promised, 1, &orders[1]));
    link_pump(&w.l);
    assert_result(orders[0], 0);
    assert_result(orders[1], 1);
    ww_authority_revoke(&w.epoch);
    ww_capnp_call_drop(call_order(promised, 2, &orders[2]));
    link_pump(&w.l);
    assert_refused(orders[2], STALE);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(call);
    world_deinit(&w);
}

static void promise_in_results__resolves_to_the_callers_own__works(void **state)
{
    (void)state;
    world w;
    waiter settled;
    world_init(&w);
    waiter one, two;
    factory *mine;
    ww_capnp_cap *cap = outsider(&w, &mine);
    ww_capnp_call *call = call_promise(w.root, NULL);
    ww_capnp_cap *promised = result_cap(call);
    ww_capnp_call_drop(call_order(promised, 0, &one));
    link_pump(&w.l);
    carry_out(&w, call_settle(w.root, 1, cap, &settled), &settled);
    ww_capnp_call_drop(call_order(promised, 1, &two));
    link_pump(&w.l);
    assert_result(one, 0);
    assert_result(two, 1);
    assert_int_equal(mine->count, 2);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(call);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void tail_call_with_capability__result_is_guarded(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    waiter t;
    ww_capnp_cap *made = made_by(&w, w.root);
    ww_capnp_call_drop(call_tail(w.root, made, 0, &t));
    link_pump(&w.l);
    assert_result(t, 0);
    ww_capnp_cap_unref(made);
    world_deinit(&w);
}

/* ---- refusing ---- */

static void grant__ends__says_why(void **state)
{
    (void)state;
    for (int i = 0; i < WW_LINEAGE_PLACES; i++) {
        world w;
        world_init(&w);
        ww_authority *each[] = {&w.epoch, &w.principal, &w.session, &w.cell};
        ww_authority_revoke(each[i]);
        assert_int_equal(w.revoked, 1);
        ww_authority_revoke(each[i]); /* it does not end twice */
        assert_int_equal(w.revoked, 1);
        assert_ping_says(&w, w.root, i == WW_LINEAGE_EPOCH ? STALE : REVOKED);
        assert_int_equal(w.f->calls, 0);
        ww_capnp_cap *late = out_of(w.membrane, w.root);
        assert_ping_says(&w, late, i == WW_LINEAGE_EPOCH ? STALE : REVOKED);
        ww_capnp_cap_unref(late);
        world_deinit(&w);
    }
}

static void method_not_granted__is_denied_by_any_way(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 7)); /* make, and nothing else */
    world w;
    world_init_with(&w, &methods);
    waiter direct, other_id, pipelined, unknown;
    ww_capnp_call_drop(call_order(w.root, 0, &direct));
    /* through the pipeline of a call that is allowed */
    ww_capnp_call *make = call_make(w.root, NULL);
    ww_capnp_cap *made = result_cap(make);
    ww_capnp_call_drop(call_order(made, 0, &pipelined));
    /* by the id of an interface that inherits it */
    ww_capnp_call_drop(call_held(w.root, &other_id));
    ww_capnp_call *call = ww_capnp_call_new(w.root, 0x1234, 7);
    waiter_init(&unknown);
    assert_ok(ww_capnp_call_send(call, &unknown.done));
    ww_capnp_call_drop(call);
    link_pump(&w.l);
    assert_refused(direct, DENIED);
    assert_refused(pipelined, DENIED);
    assert_refused(other_id, DENIED);
    assert_refused(unknown, DENIED); /* nothing is told of what the object is */
    assert_int_equal(w.f->calls, 1);
    ww_capnp_cap *of_made = made_by(&w, made); /* what is granted is granted all the way */
    assert_ping_says(&w, of_made, DENIED);
    ww_capnp_cap_unref(of_made);
    ww_capnp_cap_unref(made);
    ww_capnp_call_drop(make);
    world_deinit(&w);
}

static void two_membranes__allow_what_both_allow_and_end_with_either(void **state)
{
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        ww_methods first = {0}, second = {0};
        assert_ok(ww_methods_allow(&first, INTEROP_ECHO_ID, 0));
        assert_ok(ww_methods_allow(&first, INTEROP_ECHO_ID, 7));
        assert_ok(ww_methods_allow(&first, INTEROP_ECHO_ID, 9));
        assert_ok(ww_methods_allow(&second, INTEROP_ECHO_ID, 0));
        assert_ok(ww_methods_allow(&second, INTEROP_ECHO_ID, 6));
        assert_ok(ww_methods_allow(&second, INTEROP_ECHO_ID, 9));
        world w;
        world_init_with(&w, &first);
        ww_authority own = {0};
        ww_membrane_options options = options_of(&w);
        options.authorities[WW_LINEAGE_CELL] = &own;
        options.methods = &second;
        ww_membrane *outer;
        assert_ok(ww_membrane_new(&options, &outer));
        ww_capnp_cap *twice = out_of(outer, w.guarded);
        waiter o, m;
        assert_ping_says(&w, twice, "");
        ww_capnp_call_drop(call_order(twice, 0, &o));
        ww_capnp_call_drop(call_make(twice, &m));
        /* through one and back through the other: wrapped by both */
        ww_capnp_cap *mine = outsider(&w, NULL);
        ww_capnp_call *swap = call_swap(twice, w.guarded, NULL);
        ww_capnp_cap *back = result_cap(swap);
        link_pump(&w.l);
        assert_refused(o, DENIED);
        assert_refused(m, DENIED);
        assert_ping_says(&w, back, "");
        waiter pending;
        ww_capnp_call_drop(call_ping(twice, 1, &pending));
        ww_authority_revoke(ended ? &own : &w.session);
        link_pump(&w.l);
        assert_refused(pending, REVOKED);
        assert_ping_says(&w, twice, REVOKED);
        ww_capnp_cap_unref(back);
        ww_capnp_call_drop(swap);
        ww_capnp_cap_unref(mine);
        ww_capnp_cap_unref(twice);
        ww_membrane_unref(outer);
        world_deinit(&w);
    }
}

static void allowance_used_up__says_which_bound(void **state)
{
    (void)state;
    const struct {
        ww_allowance_kind kind;
        uint64_t max;
        const char *text;
    } rows[] = {
        {WW_ALLOWANCE_HANDLES, 1, "quota: too many open handles"},
        {WW_ALLOWANCE_QUESTIONS, 0, "quota: too many calls in flight"},
        {WW_ALLOWANCE_BYTES, 8, "quota: too many bytes in flight"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++)
        for (int whose = 0; whose < 2; whose++) {
            world w;
            world_init(&w);
            ww_allowance *at = whose ? &w.principal_allowance : &w.allowance;
            at->budgets[rows[i].kind].max = rows[i].max;
            waiter m;
            ww_capnp_call_drop(call_make(w.root, &m));
            link_pump(&w.l);
            assert_failed(m, WW_CAPNP_OVERLOADED);
            assert_string_equal(m.reason, rows[i].text);
            at->budgets[rows[i].kind].max = 1000;
            at->budgets[WW_ALLOWANCE_BYTES].max = 1 << 20;
            assert_ping_says(&w, w.root, ""); /* nothing stays taken */
            world_deinit(&w);
        }
}

/* ---- revocation with calls under way ---- */

static void running_call__revoked__fails_stale_and_the_handler_is_told_once(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    waiter local, remote;
    ww_capnp_cap *mine = outsider(&w, NULL);
    ww_capnp_call *held = call_never(w.root, mine, &remote);
    link_pump(&w.l);
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    assert_refused(remote, STALE);
    assert_int_equal(w.f->canceled, 1);
    ww_capnp_call_drop(call_never(w.guarded, NULL, &local));
    link_pump(&w.l);
    assert_refused(local, STALE);
    assert_int_equal(mine->refs, 1); /* the parameters' reference came back */
    ww_capnp_call_drop(held);
    ww_capnp_cap_unref(mine);
    world_deinit(&w);
}

static void running_call__revoked_and_dropped_before_the_answer__is_freed_by_it(void **state)
{
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        world w;
        world_init(&w);
        waiter m;
        waiter_init(&m);
        ww_capnp_call *later = ww_capnp_call_new(w.guarded, INTEROP_FACTORY_ID, 9);
        assert_ok(ww_capnp_call_send(later, &m.done));
        ww_capnp_cap *promised = result_cap(later);
        link_pump(&w.l);
        ww_authority_revoke(&w.session);
        assert_int_equal(w.allowance.budgets[WW_ALLOWANCE_QUESTIONS].used, 0);
        if (!kept) ww_capnp_call_drop(later);
        link_pump(&w.l);
        assert_refused(m, REVOKED);
        assert_ping_says(&w, promised, REVOKED);
        /* The answer comes now, with a new object in it, which nobody gets. */
        ww_capnp_cap *direct = w.f->later ? ww_capnp_cap_ref(w.guarded) : NULL;
        assert_non_null(direct);
        ww_capnp_cap_unref(direct);
        ww_capnp_cap *own;
        factory_new(w.l.b.vat, &w.live, &own);
        ww_capnp_call *late = w.f->later;
        interop_factory_later_results_set_cap(interop_factory_later_results(late),
                                              (interop_echo_cap){own});
        ww_capnp_cap_unref(own);
        w.f->later = NULL;
        ww_capnp_call_return(late);
        link_pump(&w.l);
        assert_int_equal(w.live, 1);
        assert_int_equal(m.count, 1);
        if (kept) {
            assert_true(ww_capnp_any_is_null(ww_capnp_call_response(later)));
            ww_capnp_call_drop(later);
        }
        ww_capnp_cap_unref(promised);
        world_deinit(&w);
    }
}

static void call_with_every_fate__revoked__fails_once(void **state)
{
    (void)state;
    world w;
    waiter settled;
    world_init(&w);
    waiter queued, waiting, tailed, done;
    /* not delivered yet */
    ww_capnp_call_drop(call_ping(w.guarded, 1, &queued));
    /* delivered, and its handler waits for another object's answer (call_held: a tail call) */
    factory *mine;
    ww_capnp_cap *cap = outsider(&w, &mine);
    carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    assert_result(queued, 1);
    w.l.b.is_blocked = true; /* the tail call to the outside's object stays under way */
    ww_capnp_call_drop(call_call_held(w.guarded, 0, &tailed));
    while (ww_capnp_vat_run(w.l.b.vat, 100))
        continue;
    /* waits in a promise */
    ww_capnp_call *later = ww_capnp_call_new(w.guarded, INTEROP_FACTORY_ID, 9);
    assert_ok(ww_capnp_call_send(later, NULL));
    ww_capnp_cap *promised = result_cap(later);
    ww_capnp_call_drop(call_order(promised, 0, &waiting));
    /* was answered, and the caller has not been told yet */
    ww_capnp_call_drop(call_ping(w.guarded, 2, &done));
    ww_capnp_call_drop(call_ping(w.guarded, 3, &queued));
    ww_capnp_vat_run(w.l.b.vat, 2);
    ww_authority_revoke(&w.epoch);
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    assert_refused(tailed, STALE);
    assert_refused(waiting, STALE);
    assert_refused(queued, STALE);
    assert_result(done, 2); /* answered before the store */
    ww_capnp_call *late = w.f->later;
    w.f->later = NULL;
    ww_capnp_call_return(late);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(later);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

static void early_pipeline__revoked__is_stale(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    waiter outer, one, two;
    ww_capnp_call *early = call_early(w.root, &outer);
    ww_capnp_cap *cap = result_cap(early);
    ww_capnp_call_drop(call_order(cap, 0, &one));
    link_pump(&w.l);
    assert_result(one, 0);
    ww_authority_revoke(&w.epoch);
    ww_capnp_call_drop(call_order(cap, 1, &two));
    link_pump(&w.l);
    assert_refused(outer, STALE);
    assert_refused(two, STALE);
    assert_int_equal(w.f->canceled, 1);
    ww_capnp_cap_unref(cap);
    ww_capnp_call_drop(early);
    world_deinit(&w);
}

static void callback_of_the_outside__revoked__is_out_of_the_insides_reach(void **state)
{
    (void)state;
    world w;
    waiter settled;
    world_init(&w);
    factory *mine;
    ww_capnp_cap *cap = outsider(&w, &mine);
    carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    ww_capnp_cap *of_inside = ww_capnp_cap_ref(w.f->held);
    assert_ping_says(&w, of_inside, "");
    waiter pending;
    ww_capnp_call_drop(call_never(of_inside, NULL, &pending));
    link_pump(&w.l);
    ww_authority_revoke(&w.epoch);
    assert_ping_says(&w, of_inside, STALE);
    assert_refused(pending, STALE);
    assert_int_equal(mine->canceled, 1);
    ww_capnp_cap_unref(of_inside);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

/* The inside is in another vat: what is under way there is given up, what comes back is released. */
static void remote_inside__revoked__late_results_are_released(void **state)
{
    (void)state;
    world w;
    waiter settled;
    world_init(&w);
    factory *far;
    ww_capnp_cap *cap = outsider(&w, &far); /* of vat a, reached by the host through its link */
    carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    ww_authority own = {0};
    ww_membrane_options options = options_of(&w);
    options.authorities[WW_LINEAGE_CELL] = &own;
    ww_membrane *outer;
    assert_ok(ww_membrane_new(&options, &outer));
    ww_capnp_cap *guarded = out_of(outer, w.f->held);
    waiter made, order[3], ping;
    ww_capnp_call *make = call_make(guarded, &made);
    ww_capnp_cap *promised = result_cap(make);
    ww_capnp_call_drop(call_order(promised, 0, &order[0])); /* goes with it, pipelined */
    w.l.a.is_blocked = true;
    link_pump(&w.l);
    assert_int_equal(w.live, 3); /* it was made, and its answer is on its way */
    ww_authority_revoke(&own);
    ww_capnp_call_drop(call_order(promised, 1, &order[1]));
    w.l.a.is_blocked = false;
    link_pump(&w.l);
    assert_refused(made, REVOKED);
    assert_refused(order[0], REVOKED);
    assert_refused(order[1], REVOKED);
    assert_int_equal(w.live, 2);
    ww_capnp_call_drop(call_ping(w.root, 5, &ping)); /* and the link lives */
    link_pump(&w.l);
    assert_result(ping, 5);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(make);
    ww_capnp_cap_unref(guarded);
    ww_membrane_unref(outer);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

/* A pipelined call goes to the other vat without waiting, and through the guard all the same. */
static void remote_inside__pipelined_call__is_checked(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 7));
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 9));
    world w;
    waiter settled;
    world_init(&w);
    factory *far;
    ww_capnp_cap *cap = outsider(&w, &far);
    carry_out(&w, call_hold(w.root, cap, &settled), &settled);
    link_pump(&w.l);
    ww_membrane_options options = options_of(&w);
    options.methods = &methods;
    ww_membrane *outer;
    assert_ok(ww_membrane_new(&options, &outer));
    ww_capnp_cap *guarded = out_of(outer, w.f->held);
    waiter order, swapped;
    ww_capnp_call *make = call_make(guarded, NULL);
    ww_capnp_cap *promised = result_cap(make), *own;
    factory_new(w.l.b.vat, &w.live, &own);
    ww_capnp_call_drop(call_order(promised, 0, &order));
    ww_capnp_call *swap = call_swap(promised, own, &swapped); /* granted; comes back as itself */
    link_pump(&w.l);
    assert_refused(order, DENIED);
    assert_int_equal(swapped.failed, false);
    ww_capnp_cap *back = result_cap(swap);
    assert_ptr_equal(factory_of(back), factory_of(own));
    ww_capnp_cap_unref(back);
    ww_capnp_call_drop(swap);
    ww_capnp_cap_unref(own);
    ww_capnp_cap_unref(promised);
    ww_capnp_call_drop(make);
    ww_capnp_cap_unref(guarded);
    ww_membrane_unref(outer);
    ww_capnp_cap_unref(cap);
    world_deinit(&w);
}

/* A promise of the outside that comes to stand for a guard of itself. */
static void promise__resolved_to_its_own_guards__ends_in_an_error(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    ww_authority own = {0};
    ww_membrane_options options = options_of(&w);
    options.authorities[WW_LINEAGE_CELL] = &own;
    ww_membrane *other;
    assert_ok(ww_membrane_new(&options, &other));
    ww_capnp_cap *promise = ww_capnp_promise_new(w.l.b.vat), *in = into(w.membrane, promise),
                 *out = into(other, in);
    ww_capnp_promise_resolve(promise, out);
    waiter p;
    ww_capnp_call_drop(call_ping(promise, 1, &p));
    link_pump(&w.l);
    assert_failed(p, WW_CAPNP_OVERLOADED);
    assert_string_equal(p.reason, "a call through too many membranes");
    ww_capnp_cap_unref(promise);
    ww_capnp_cap_unref(in);
    ww_capnp_cap_unref(out);
    ww_authority_revoke(&own); /* they hold each other until then */
    while (ww_membrane_sweep(other))
        continue;
    ww_membrane_unref(other);
    world_deinit(&w);
}

static void streams__stalled_and_revoked__fail_and_the_sink_goes_on(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    w.f->is_stalled = true;
    ww_capnp_call *sink = ww_capnp_call_new(w.root, INTEROP_FACTORY_ID, 8);
    assert_ok(ww_capnp_call_send(sink, NULL));
    ww_capnp_cap *stream = result_cap(sink);
    link_pump(&w.l);
    waiter writes[3];
    for (int i = 0; i < 3; i++) {
        ww_capnp_call *call;
        interop_sink_write_params_b p = interop_sink_write_begin((interop_sink_cap){stream}, &call);
        interop_sink_write_params_set_chunk(p, WW_VIEW_LITERAL("chunk"));
        waiter_init(&writes[i]);
        assert_ok(ww_capnp_call_send(call, &writes[i].done));
        ww_capnp_call_drop(call);
    }
    link_pump(&w.l);
    factory *s = factory_of(w.f->held);
    assert_int_equal(s->bytes, 5); /* one at a time */
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    for (int i = 0; i < 3; i++)
        assert_refused(writes[i], STALE);
    s->is_stalled = false;
    ww_capnp_call_return(s->stream); /* the handler of the first is done at last */
    waiter more;
    ww_capnp_call *call;
    interop_sink_write_params_set_chunk(
        interop_sink_write_begin((interop_sink_cap){w.f->held}, &call), WW_VIEW_LITERAL("more"));
    waiter_init(&more);
    assert_ok(ww_capnp_call_send(call, &more.done));
    ww_capnp_call_drop(call);
    link_pump(&w.l);
    assert_int_equal(more.failed, false);
    assert_int_equal(s->bytes, 9);
    ww_capnp_cap_unref(stream);
    ww_capnp_call_drop(sink);
    world_deinit(&w);
}

/* Revoked from inside: by the callback of one call, with others under way. */
typedef struct trigger {
    waiter w;
    ww_authority *authority;
} trigger;

static ww_capnp_call *stream(ww_capnp_cap *sink, uint32_t size, waiter *w)
{
    ww_capnp_call *call;
    interop_sink_write_params_init_chunk(interop_sink_write_begin((interop_sink_cap){sink}, &call),
                                         size);
    waiter_init(w);
    assert_ok(ww_capnp_call_stream(call, &w->done));
    return call;
}

/* A sink of vat a, as the host holds it. */
static ww_capnp_cap *far_sink(world *w, factory **f)
{
    ww_capnp_cap *cap = outsider(w, f);
    waiter held;
    carry_out(w, call_hold(w->root, cap, &held), &held);
    ww_capnp_cap_unref(cap);
    (*f)->is_stalled = true;
    ww_capnp_call *call;
    interop_factory_sink_begin((interop_factory_cap){w->f->held}, &call);
    assert_ok(ww_capnp_call_send(call, NULL));
    link_pump(&w->l);
    *f = factory_of((*f)->held);
    ww_capnp_cap *sink = ww_capnp_any_cap(
        ww_capnp_get_pointer(ww_capnp_any_struct(ww_capnp_call_response(call)), 0));
    ww_capnp_cap_ref(sink);
    ww_capnp_call_drop(call);
    return sink;
}

static void streams__through_a_guard_to_another_vat__have_a_window(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    factory *far;
    ww_capnp_cap *sink = far_sink(&w, &far);
    waiter writes[20];
    for (int i = 0; i < 20; i++)
        ww_capnp_call_drop(stream(sink, 16384, &writes[i]));
    link_pump(&w.l);
    uint32_t told = 0;
    for (int i = 0; i < 20; i++)
        told += writes[i].count;
    assert_in_range(told, 1, 5); /* none was answered; a window of 64 KiB and one message */
    for (int i = 0; i < 20; i++) {
        ww_capnp_call *call = far->stream;
        far->stream = NULL;
        far->is_stalled = i < 19;
        ww_capnp_call_return(call);
        link_pump(&w.l);
    }
    for (int i = 0; i < 20; i++)
        assert_result(writes[i], 0);
    ww_capnp_cap_unref(sink);
    world_deinit(&w);
}

static void stream__fails_behind_a_guard__later_calls_of_that_way_fail(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_ok(ww_methods_allow(&methods, INTEROP_ECHO_ID, 0)); /* no writing */
    world w;
    world_init(&w);
    ww_membrane_options options = options_of(&w);
    options.methods = &methods;
    ww_membrane *limited;
    assert_ok(ww_membrane_new(&options, &limited));
    factory *far;
    ww_capnp_cap *sink = far_sink(&w, &far), *narrow = out_of(limited, sink);
    waiter denied, write;
    far->is_stalled = false;
    ww_capnp_call_drop(stream(narrow, 8, &denied));
    link_pump(&w.l);
    assert_refused(denied, DENIED);
    assert_ping_says(&w, narrow, "an earlier streaming call failed");
    ww_capnp_call_drop(stream(sink, 8, &write));
    link_pump(&w.l);
    assert_result(write, 0);
    assert_int_equal(far->bytes, 8);
    ww_capnp_cap_unref(narrow);
    ww_capnp_cap_unref(sink);
    ww_membrane_unref(limited);
    world_deinit(&w);
}

static void streams__through_a_guard__revoked__are_over_and_say_why(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    factory *far;
    ww_capnp_cap *sink = far_sink(&w, &far);
    waiter writes[8], late;
    for (int i = 0; i < 8; i++)
        ww_capnp_call_drop(stream(sink, 16384, &writes[i]));
    link_pump(&w.l);
    assert_int_equal(writes[7].count, 0);
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    assert_refused(writes[7], STALE);
    ww_capnp_call_drop(stream(sink, 8, &late));
    link_pump(&w.l);
    assert_refused(late, STALE);
    assert_ping_says(&w, sink, STALE);
    ww_capnp_call *call = far->stream;
    far->stream = NULL;
    far->is_stalled = false;
    ww_capnp_call_return(call);
    ww_capnp_cap_unref(sink);
    world_deinit(&w);
}

static void pull(ww_capnp_done *done, ww_capnp_call *call)
{
    trigger *t = WW_CONTAINER_OF(WW_CONTAINER_OF(done, waiter, done), trigger, w);
    t->w.count++;
    t->w.failed = ww_capnp_call_failed(call);
    ww_authority_revoke(t->authority);
}

static void revoked_inside_a_callback__the_others_fail(void **state)
{
    (void)state;
    world w;
    world_init(&w);
    waiter never, behind;
    trigger t = {.w.done.fn = pull, .authority = &w.epoch};
    ww_capnp_call_drop(call_never(w.guarded, NULL, &never));
    ww_capnp_call *call;
    interop_echo_ping_params_set_n(interop_echo_ping_begin((interop_echo_cap){w.guarded}, &call),
                                   1);
    assert_ok(ww_capnp_call_send(call, &t.w.done));
    ww_capnp_call_drop(call);
    ww_capnp_call_drop(call_never(w.guarded, NULL, &behind));
    link_pump(&w.l);
    assert_int_equal(t.w.count, 1);
    assert_false(t.w.failed);
    assert_refused(never, STALE);
    assert_refused(behind, STALE);
    world_deinit(&w);
}

/* An object whose end answers a call. */
typedef struct testator {
    ww_capnp_server server;
    ww_capnp_call *call;
} testator;

static void last_will(ww_capnp_server *server)
{
    ww_capnp_call_return(WW_CONTAINER_OF(server, testator, server)->call);
}

static void answer__comes_while_another_membrane_ends__does_not_leave(void **state)
{
    (void)state;
    static const interop_echo_vt nothing;
    world w;
    world_init(&w);
    ww_membrane_options options = options_of(&w);
    ww_membrane *other;
    assert_ok(ww_membrane_new(&options, &other)); /* of the same epoch, and told first */
    ww_capnp_cap *guarded = out_of(other, w.root);
    waiter held, swapped;
    ww_capnp_call_drop(call_never(w.guarded, NULL, &held));
    link_pump(&w.l);
    testator dying = {.call = w.f->never};
    w.f->never = NULL;
    ww_capnp_cap *cap = interop_echo_serve(w.l.b.vat, &dying.server, &nothing, last_will).cap;
    ww_capnp_call_drop(
        call_swap(guarded, cap, &swapped)); /* holds the object, waits for its turn */
    ww_capnp_cap_unref(cap);
    ww_capnp_cap_unref(guarded);
    ww_authority_revoke(&w.epoch);
    link_pump(&w.l);
    assert_refused(swapped, STALE);
    assert_refused(held, STALE);
    ww_membrane_unref(other);
    world_deinit(&w);
}

static void sweep__after_revocation__gives_the_objects_back(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    world w;
    world_init(&w);
    static ww_capnp_cap *out[MANY];
    for (int i = 0; i < MANY; i++) {
        ww_capnp_cap *cap;
        factory_new(w.l.b.vat, &w.live, &cap);
        out[i] = out_of(w.membrane, cap);
        ww_capnp_cap_unref(cap);
    }
    assert_false(ww_membrane_sweep(w.membrane)); /* nothing while the grant holds */
    assert_int_equal(w.live, MANY + 1);
    ww_authority_revoke(&w.epoch);
    uint32_t turns = 1;
    while (ww_membrane_sweep(w.membrane))
        turns++;
    assert_true(turns > 2); /* in portions */
    assert_int_equal(w.live, 0);
    assert_ping_says(&w, out[17], STALE);
    for (int i = 0; i < MANY; i++)
        ww_capnp_cap_unref(out[i]);
    world_deinit(&w);
}

/* ---- anything, in any order ---- */

enum { SOAK_CAPS = 24, SOAK_CALLS = 16, SOAK_MEMBRANES = 4 };

/* Callers on both sides, with whatever they got hold of so far. */
typedef struct soak {
    world w;
    ww_random_seeded random;
    ww_authority ends[SOAK_MEMBRANES];
    ww_membrane *membranes[SOAK_MEMBRANES];
    ww_capnp_cap *caps[2][SOAK_CAPS]; /* of vats a and b */
    ww_capnp_call *calls[SOAK_CALLS];
    waiter outcomes[SOAK_CALLS];
} soak;

static uint32_t pick(soak *s, uint32_t count)
{
    return (uint32_t)(ww_random_u64(&s->random.base) % count);
}

static void new_soak_membrane(soak *s, uint32_t i)
{
    ww_methods methods = {0};
    assert_ok(ww_methods_allow_all(&methods, INTEROP_ECHO_ID));
    ww_membrane_unref(s->membranes[i]);
    ww_membrane_options options = options_of(&s->w);
    options.authorities[WW_LINEAGE_CELL] = &s->ends[i];
    options.methods = pick(s, 3) ? NULL : &methods;
    assert_ok(ww_membrane_new(&options, &s->membranes[i]));
}

static void keep_cap(soak *s, uint32_t side, ww_capnp_cap *cap)
{
    ww_capnp_cap **slot = &s->caps[side][pick(s, SOAK_CAPS)];
    ww_capnp_cap_unref(*slot);
    *slot = cap;
}

static void random_call(soak *s)
{
    uint32_t side = pick(s, 2), slot = pick(s, SOAK_CALLS);
    ww_capnp_cap *cap = s->caps[side][pick(s, SOAK_CAPS)],
                 *with = s->caps[side][pick(s, SOAK_CAPS)];
    if (!cap) return;
    waiter *w = &s->outcomes[slot];
    if (s->calls[slot] && !w->count) ww_capnp_call_cancel(s->calls[slot]);
    while (s->calls[slot] && !w->count)
        link_pump(&s->w.l);
    ww_capnp_call_drop(s->calls[slot]);
    ww_capnp_call *call;
    switch (
        pick(s, 8)) { /* nothing that an object would keep: they could come to hold each other */
    case 0: call = call_ping(cap, 1, w); break;
    case 1: call = call_make(cap, w); break;
    case 2: call = call_swap(cap, with, w); break;
    case 3: call = call_promise(cap, w); break;
    case 4: call = call_settle(cap, (uint16_t)pick(s, 4), with, w); break;
    case 5: call = call_early(cap, w); break;
    case 6: call = call_tail(cap, with, 0, w); break;
    default: call = call_never(cap, with, w); break;
    }
    s->calls[slot] = call;
    if (pick(s, 2)) keep_cap(s, side, result_cap(call));
}

static void soak_step(soak *s)
{
    uint32_t i = pick(s, SOAK_MEMBRANES);
    switch (pick(s, 24)) {
    case 0: ww_authority_revoke(&s->ends[i]); break;
    case 1: new_soak_membrane(s, i); break;
    case 2: (void)ww_membrane_sweep(s->membranes[i]); break;
    case 3: keep_cap(s, 1, out_of(s->membranes[i], s->caps[1][pick(s, SOAK_CAPS)])); break;
    case 4: keep_cap(s, 1, into(s->membranes[i], s->caps[1][pick(s, SOAK_CAPS)])); break;
    case 5: keep_cap(s, pick(s, 2), NULL); break;
    case 6: s->w.l.a.is_blocked = pick(s, 2); break;
    case 7: s->w.l.b.is_blocked = pick(s, 2); break;
    case 8: link_pump(&s->w.l); break;
    case 9: ww_capnp_vat_run(s->w.l.b.vat, pick(s, 4)); break;
    case 10: ww_capnp_vat_run(s->w.l.a.vat, pick(s, 4)); break;
    case 11: ww_capnp_call_cancel(s->calls[pick(s, SOAK_CALLS)]); break;
    default: random_call(s); break;
    }
}

static void soak_end(soak *s)
{
    s->w.l.a.is_blocked = s->w.l.b.is_blocked = false;
    for (uint32_t i = 0; i < SOAK_CALLS; i++)
        ww_capnp_call_cancel(s->calls[i]);
    link_pump(&s->w.l);
    for (uint32_t i = 0; i < SOAK_CALLS; i++) {
        if (s->calls[i]) assert_int_equal(s->outcomes[i].count, 1); /* each told once */
        ww_capnp_call_drop(s->calls[i]);
    }
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t i = 0; i < SOAK_CAPS; i++)
            ww_capnp_cap_unref(s->caps[side][i]);
    link_pump(&s->w.l);
}

static void soak__seeded__tells_each_call_once_and_gives_all_back(void **state)
{
    (void)state;
    soak *s = calloc(1, sizeof *s);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        memset(s, 0, sizeof *s);
        world_init(&s->w);
        s->w.allowance.budgets[WW_ALLOWANCE_HANDLES].max = 60; /* sometimes short */
        ww_random_seeded_init(&s->random, seed);
        for (uint32_t i = 0; i < SOAK_MEMBRANES; i++)
            new_soak_membrane(s, i);
        s->caps[0][0] = ww_capnp_cap_ref(s->w.root);
        s->caps[0][1] = outsider(&s->w, NULL);
        s->caps[1][0] = ww_capnp_cap_ref(s->w.guarded);
        factory_new(s->w.l.b.vat, &s->w.live, &s->caps[1][1]);
        for (int step = 0; step < 400; step++)
            soak_step(s);
        soak_end(s);
        for (uint32_t i = 0; i < SOAK_MEMBRANES; i++)
            ww_authority_revoke(&s->ends[i]);
        for (uint32_t i = 0; i < SOAK_MEMBRANES; i++)
            ww_membrane_unref(s->membranes[i]);
        ww_authority_revoke(&s->w.epoch);
        while (ww_membrane_sweep(s->w.membrane))
            continue;
        world_deinit(&s->w);
    }
    free(s);
}

/* ---- without memory ---- */

static ww_status cross_all(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_cap_table table;
    ww_authority epoch = {0};
    ww_allowance allowance;
    ww_allowance_init_principal(&allowance);
    ww_cap_table_init(&table, allocator, 10);
    ww_capnp_vat *vat = ww_capnp_vat_new(allocator, NULL);
    if (!vat) return WW_E_MEMORY;
    const ww_membrane_options options = {.allocator = allocator,
                                         .vat = vat,
                                         .table = &table,
                                         .authorities = {&epoch},
                                         .allowance = &allowance};
    ww_membrane *one, *two = NULL;
    ww_status status = ww_membrane_new(&options, &one);
    if (!status) status = ww_membrane_new(&options, &two);
    ww_capnp_cap *cap = NULL, *guarded = NULL, *twice = NULL;
    factory *f = status ? NULL : factory_new(vat, NULL, &cap);
    if (!cap) free(f);
    if (cap) guarded = out_of(one, cap);
    if (guarded) twice = out_of(two, guarded);
    waiter swapped, never;
    waiter_init(&swapped);
    waiter_init(&never);
    ww_capnp_call *swap, *pending = ww_capnp_call_new(twice, INTEROP_ECHO_ID, 5);
    interop_echo_swap_params_b p = interop_echo_swap_begin((interop_echo_cap){twice}, &swap);
    interop_echo_swap_params_set_cap(p, (interop_echo_cap){cap});
    bool sent = swap && ww_capnp_call_send(swap, &swapped.done) == WW_OK;
    if (pending) sent = ww_capnp_call_send(pending, &never.done) == WW_OK && sent;
    while (ww_capnp_vat_run(vat, 10))
        continue;
    ww_authority_revoke(&epoch);
    while (ww_capnp_vat_run(vat, 10))
        continue;
    bool ok = sent && pending && !swapped.failed && strcmp(never.reason, STALE) == 0;
    ww_capnp_call_drop(swap);
    ww_capnp_call_drop(pending);
    ww_capnp_cap_unref(twice);
    ww_capnp_cap_unref(guarded);
    ww_capnp_cap_unref(cap);
    ww_capnp_vat_free(vat);
    ww_membrane_unref(two);
    ww_membrane_unref(one);
    assert_int_equal(allowance.budgets[WW_ALLOWANCE_HANDLES].used, 0);
    assert_int_equal(allowance.budgets[WW_ALLOWANCE_QUESTIONS].used, 0);
    ww_cap_table_deinit(&table);
    return ok ? WW_OK : WW_E_MEMORY;
}

static void crossing__no_memory__fails_and_gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(cross_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call__grant_holds__reaches_the_object),
        cmocka_unit_test(returned_capability__is_guarded_like_its_giver),
        cmocka_unit_test(capability_of_the_outside__out_and_in_again__is_itself),
        cmocka_unit_test(capability_of_the_inside__in_again__is_itself_there),
        cmocka_unit_test(capability_that_crosses_twice__has_one_wrapper_while_held),
        cmocka_unit_test(file_descriptor_of_the_inside__stays_inside),
        cmocka_unit_test(many_wrappers__each_is_found_again),
        cmocka_unit_test(pipelined_calls__arrive_in_order_through_the_guard),
        cmocka_unit_test(promise_in_results__resolves_behind_the_guard),
        cmocka_unit_test(promise_in_results__resolves_to_the_callers_own__works),
        cmocka_unit_test(tail_call_with_capability__result_is_guarded),
        cmocka_unit_test(grant__ends__says_why),
        cmocka_unit_test(method_not_granted__is_denied_by_any_way),
        cmocka_unit_test(two_membranes__allow_what_both_allow_and_end_with_either),
        cmocka_unit_test(allowance_used_up__says_which_bound),
        cmocka_unit_test(running_call__revoked__fails_stale_and_the_handler_is_told_once),
        cmocka_unit_test(running_call__revoked_and_dropped_before_the_answer__is_freed_by_it),
        cmocka_unit_test(call_with_every_fate__revoked__fails_once),
        cmocka_unit_test(early_pipeline__revoked__is_stale),
        cmocka_unit_test(callback_of_the_outside__revoked__is_out_of_the_insides_reach),
        cmocka_unit_test(remote_inside__revoked__late_results_are_released),
        cmocka_unit_test(remote_inside__pipelined_call__is_checked),
        cmocka_unit_test(promise__resolved_to_its_own_guards__ends_in_an_error),
        cmocka_unit_test(streams__stalled_and_revoked__fail_and_the_sink_goes_on),
        cmocka_unit_test(streams__through_a_guard_to_another_vat__have_a_window),
        cmocka_unit_test(stream__fails_behind_a_guard__later_calls_of_that_way_fail),
        cmocka_unit_test(streams__through_a_guard__revoked__are_over_and_say_why),
        cmocka_unit_test(revoked_inside_a_callback__the_others_fail),
        cmocka_unit_test(answer__comes_while_another_membrane_ends__does_not_leave),
        cmocka_unit_test(sweep__after_revocation__gives_the_objects_back),
        cmocka_unit_test(soak__seeded__tells_each_call_once_and_gives_all_back),
        cmocka_unit_test(crossing__no_memory__fails_and_gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
