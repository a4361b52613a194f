/* Membrane, Host, Executor and their sessions, as a client calls them. */
#include "rpc/membrane.h"
#include "support/session_world.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- grafting ---- */

static void graft__trusted_link__gives_a_session_of_the_epoch(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    assert_int_equal(g.seq, 0);
    assert_string_equal(g.head, "");
    outcome_send(&o, begin_poll(g.poller));
    scene_pump(&w);
    assert_string_equal(o.w.reason, "");
    assert_int_equal(stem_status_poller_poll_status_results_status(
                         stem_status_poller_poll_status_response(o.call)),
                     STEM_STATUS_OK);
    outcome_drop(&o);
    grafted_drop(&g);
    scene_advance(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    assert_int_equal(g.seq, 1);
    assert_string_equal(g.head, "next");
    grafted_drop(&g);
    scene_deinit(&w);
}

static void epoch_advances__old_session__is_stale_and_grafts_again(void **state)
{
    (void)state;
    session_world w;
    grafted old, new;
    outcome o;
    ww_capnp_call *call;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &old), "");
    assert_string_equal(outcome_of(&w, &o, begin_poll(old.poller)), "");
    scene_advance(&w);
    assert_string_equal(outcome_of(&w, &o, begin_poll(old.poller)), STALE);
    assert_int_equal(o.w.type, WW_CAPNP_FAILED);
    assert_string_equal(outcome_of(&w, &o, begin_echo(old.executor, "x")), STALE);
    peer_host_id_begin((peer_host_cap){old.host}, &call);
    assert_string_equal(outcome_of(&w, &o, call), STALE);
    peer_host_executor_begin((peer_host_cap){old.host}, &call);
    assert_string_equal(outcome_of(&w, &o, call), STALE);
    assert_string_equal(scene_graft(&w, NULL, &new), "");
    assert_string_equal(outcome_of(&w, &o, begin_poll(new.poller)), "");
    assert_string_equal(outcome_of(&w, &o, begin_poll(old.poller)), STALE);
    grafted_drop(&old);
    grafted_drop(&new);
    scene_deinit(&w);
}

static void session__principal_or_link_gone__is_revoked(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        session_world w;
        grafted g;
        outcome o;
        scene_init(&w);
        assert_string_equal(scene_graft(&w, NULL, &g), "");
        if (which)
            ww_authority_revoke(&w.principal);
        else
            ww_tenant_end(w.tenant);
        assert_string_equal(outcome_of(&w, &o, begin_poll(g.poller)), REVOKED);
        grafted_drop(&g);
        assert_string_equal(scene_graft(&w, NULL, &g), REVOKED); /* the link is no way back */
        scene_deinit(&w);
    }
}

/* Calls that wait have places on the link, WW_CAPNP_LIMITS_DEFAULT's. */
static void calls__more_than_a_link_has_places__fail_alone(void **state)
{
    (void)state;
    enum { PLACES = 4096, CALLS = PLACES + 500 };
    outcome *o = calloc(CALLS, sizeof *o);
    session_world w;
    grafted g;
    client_process p;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    client_run(&w, g.executor, &p);
    uint32_t places = PLACES - ww_capnp_conn_count(w.l.b.conn).answers;
    for (uint32_t i = 0; i < CALLS; i++)
        outcome_send(&o[i], begin_wait(p.process));
    scene_pump(&w);
    for (uint32_t i = places; i < CALLS; i++) {
        assert_failed(o[i].w, WW_CAPNP_OVERLOADED);
        assert_string_equal(o[i].w.reason, "too many questions at once");
    }
    fake_cell_exit(w.cells.cells[0], 3);
    scene_pump(&w);
    for (uint32_t i = 0; i < places; i++)
        assert_string_equal(o[i].w.reason, "");
    for (uint32_t i = 0; i < CALLS; i++)
        outcome_drop(&o[i]);
    assert_int_equal(client_wait(&w, p.process), 3);
    client_process_drop(&p);
    grafted_drop(&g);
    scene_deinit(&w);
    free(o);
}

/* Its end takes several turns of the loop, and gives back the session as well. */
static void session__with_more_capabilities_than_a_portion__ends_whole(void **state)
{
    (void)state;
    enum { COUNT = 2 * WW_MEMBRANE_SWEEP };
    outcome *o = calloc(COUNT, sizeof *o);
    session_world w;
    grafted g;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    for (uint32_t i = 0; i < COUNT; i++) {
        ww_capnp_call *call;
        peer_host_executor_begin((peer_host_cap){g.host}, &call);
        outcome_send(&o[i], call);
    }
    scene_pump(&w);
    for (uint32_t i = 0; i < COUNT; i++)
        outcome_drop(&o[i]);
    grafted_drop(&g);
    scene_deinit(&w); /* nothing refers to its account any more */
    free(o);
}

static void many_grafts__during_an_advance__each_is_of_one_epoch(void **state)
{
    (void)state;
    enum { GRAFTS = 100 };
    session_world w;
    scene_init(&w);
    static outcome grafts[GRAFTS], polls[GRAFTS];
    for (int i = 0; i < GRAFTS; i++) {
        ww_capnp_call *call;
        stem_membrane_graft_begin((stem_membrane_cap){w.membrane}, &call);
        outcome_send(&grafts[i], call);
        ww_capnp_pipeline session = ww_capnp_pipeline_field(ww_capnp_pipeline_of(call), 0);
        ww_capnp_cap *poller = ww_capnp_pipeline_cap(ww_capnp_pipeline_field(session, 1));
        outcome_send(&polls[i], begin_poll(poller));
        ww_capnp_cap_unref(poller);
        if (i == GRAFTS / 2) {
            link_pump(&w.l);
            scene_advance(&w);
        }
    }
    scene_pump(&w);
    for (int i = 0; i < GRAFTS; i++) {
        assert_string_equal(grafts[i].w.reason, "");
        assert_string_equal(polls[i].w.reason, "");
        stem_session_r s =
            stem_membrane_graft_results_session(stem_membrane_graft_response(grafts[i].call));
        assert_int_equal(stem_epoch_seq(stem_session_issued_epoch(s)), i > GRAFTS / 2);
        outcome o;
        bool is_old = i <= GRAFTS / 2;
        assert_string_equal(outcome_of(&w, &o, begin_poll(stem_session_status_poller(s).cap)),
                            is_old ? STALE : "");
        outcome_drop(&grafts[i]);
        outcome_drop(&polls[i]);
    }
    scene_deinit(&w);
}

static void graft__out_of_handles__says_so_and_leaves_nothing(void **state)
{
    (void)state;
    session_world w;
    grafted g, again;
    scene_init(&w);
    ww_tenant_account(w.tenant)->allowance.budgets[WW_ALLOWANCE_HANDLES].max = 5;
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    assert_string_equal(scene_graft(&w, NULL, &again), "quota: too many open handles");
    grafted_drop(&g);
    scene_pump(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    grafted_drop(&g);
    scene_deinit(&w);
}

/* ---- Host and Executor ---- */

static void host__asked__tells_its_id_and_knows_nobody(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    ww_capnp_call *call;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    peer_host_id_begin((peer_host_cap){g.host}, &call);
    outcome_send(&o, call);
    scene_pump(&w);
    ww_view id = peer_host_id_results_peer_id(peer_host_id_response(o.call));
    assert_true(ww_view_equal(id, w.node.peer_id));
    outcome_drop(&o);
    peer_host_addrs_begin((peer_host_cap){g.host}, &call);
    outcome_send(&o, call);
    scene_pump(&w);
    assert_int_equal(peer_host_addrs_results_addrs(peer_host_addrs_response(o.call)).list.count, 0);
    outcome_drop(&o);
    peer_host_peers_begin((peer_host_cap){g.host}, &call);
    outcome_send(&o, call);
    scene_pump(&w);
    assert_int_equal(peer_host_peers_results_peers(peer_host_peers_response(o.call)).list.count, 0);
    outcome_drop(&o);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void host__connect__judges_the_id_first(void **state)
{
    (void)state;
    const struct {
        ww_view id;
        const char *reason;
    } rows[] = {
        {WW_VIEW_LITERAL(""), "invalid peer ID: not a multihash of a public key"},
        {WW_VIEW_LITERAL("\x00\x05"
                         "abc"),
         "invalid peer ID: not a multihash of a public key"},
        {WW_VIEW_LITERAL("\x12\x03"
                         "abc"),
         "invalid peer ID: not a multihash of a public key"},
        {WW_VIEW_LITERAL("\x55\x03"
                         "abc"),
         "invalid peer ID: not a multihash of a public key"},
        {WW_VIEW_LITERAL("\x00\x03"
                         "abc"),
         "connect failed: this node is on no network"},
    };
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        ww_capnp_call *call;
        peer_host_connect_params_set_peer_id(
            peer_host_connect_begin((peer_host_cap){g.host}, &call), rows[i].id);
        assert_string_equal(outcome_of(&w, &o, call), rows[i].reason);
    }
    grafted_drop(&g);
    scene_deinit(&w);
}

static void executor__echo__puts_its_word_before_the_message(void **state)
{
    (void)state;
    static const char *const rows[] = {"hello world", "", "Hello from call 1", "\xc3\xa4", "5"};
    session_world w;
    grafted g;
    outcome all[WW_COUNT_OF(rows)];
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) /* at once: each gets its own */
        outcome_send(&all[i], begin_echo(g.executor, rows[i]));
    scene_pump(&w);
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "Echo: %s", rows[i]);
        assert_view_is(
            peer_executor_echo_results_response(peer_executor_echo_response(all[i].call)),
            expected);
        outcome_drop(&all[i]);
    }
    grafted_drop(&g);
    scene_deinit(&w);
}

/* Bootstrap, graft, executor and echo in one round trip. */
static void graft_executor_echo__pipelined__one_round_trip(void **state)
{
    (void)state;
    session_world w;
    scene_init(&w);
    ww_capnp_call *graft;
    outcome g, e;
    stem_membrane_graft_begin((stem_membrane_cap){w.membrane}, &graft);
    outcome_send(&g, graft);
    ww_capnp_pipeline extension =
        ww_capnp_pipeline_field(ww_capnp_pipeline_field(ww_capnp_pipeline_of(graft), 0), 2);
    ww_capnp_cap *executor = ww_capnp_pipeline_cap(ww_capnp_pipeline_field(extension, 1));
    outcome_send(&e, begin_echo(executor, "at once"));
    w.l.b.is_blocked = true;
    link_pump(&w.l); /* all of it went there without an answer */
    w.l.a.is_blocked = true;
    w.l.b.is_blocked = false;
    link_pump(&w.l);
    assert_int_equal(e.w.count, 1);
    assert_view_is(peer_executor_echo_results_response(peer_executor_echo_response(e.call)),
                   "Echo: at once");
    w.l.a.is_blocked = false;
    outcome_drop(&g);
    outcome_drop(&e);
    ww_capnp_cap_unref(executor);
    scene_deinit(&w);
}

/* Whoever comes gets seven eighths of what is left, as of everything else. */
static void grafts__of_one_principal__leave_room_for_another(void **state)
{
    (void)state;
    enum { ALL = 16, SHARE = 14 };
    session_world w;
    grafted g[SHARE], late;
    outcome o;
    scene_init(&w);
    w.top->principal.budgets[WW_PRINCIPAL_GRANTS].max = ALL;
    for (int i = 0; i < SHARE; i++)
        assert_string_equal(scene_graft(&w, NULL, &g[i]), "");
    assert_string_equal(scene_graft(&w, NULL, &late), "quota: too many grants");
    const ww_tenant_rights rights = {.principal = &w.principal, .is_trusted = true};
    ww_tenant *other = ww_tenant_new(&w.node, &rights);
    ww_capnp_cap *membrane = ww_tenant_membrane(other);
    ww_capnp_call *call;
    stem_membrane_graft_begin((stem_membrane_cap){membrane}, &call);
    assert_string_equal(outcome_of(&w, &o, call), "");
    grafted_drop(&g[0]);
    scene_pump(&w);
    assert_string_equal(scene_graft(&w, NULL, &g[0]), "");
    for (int i = 0; i < SHARE; i++)
        grafted_drop(&g[i]);
    ww_capnp_cap_unref(membrane);
    ww_tenant_unref(other);
    scene_deinit(&w);
}

static void unknown_methods__of_every_server__are_unimplemented(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    ww_capnp_cap *all[] = {g.poller, g.host, g.executor, w.membrane};
    for (size_t i = 0; i < WW_COUNT_OF(all); i++)
        for (uint16_t method = 0; method < 2; method++) {
            uint64_t id = method ? 0x1234567890abcdef : PEER_HOST_ID;
            outcome_of(&w, &o, ww_capnp_call_new(all[i], id, 77));
            assert_int_equal(o.w.type, WW_CAPNP_UNIMPLEMENTED);
        }
    grafted_drop(&g);
    scene_deinit(&w);
}

/* ---- starting cells ---- */

static void run_bytes__with_arguments__starts_a_cell_with_them(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    ww_capnp_call *call;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    peer_executor_run_bytes_params_b p =
        peer_executor_run_bytes_begin((peer_executor_cap){g.executor}, &call);
    peer_executor_run_bytes_params_set_wasm(p, WW_VIEW_LITERAL("component"));
    ww_capnp_text_lb args = peer_executor_run_bytes_params_init_args(p, 3),
                     env = peer_executor_run_bytes_params_init_env(p, 4);
    ww_capnp_text_lb_set(args, 0, WW_VIEW_LITERAL("first"));
    ww_capnp_text_lb_set(args, 1, WW_VIEW_LITERAL("\xff no text")); /* left out */
    ww_capnp_text_lb_set(args, 2, WW_VIEW_LITERAL(""));
    ww_capnp_text_lb_set(env, 0, WW_VIEW_LITERAL("A=1"));
    ww_capnp_text_lb_set(env, 1, WW_VIEW_LITERAL("no variable")); /* left out */
    ww_capnp_text_lb_set(env, 2, WW_VIEW_LITERAL("B==2"));
    ww_capnp_text_lb_set(env, 3, WW_VIEW_LITERAL("="));
    assert_string_equal(outcome_of(&w, &o, call), "");
    fake_cell *cell = w.cells.cells[0];
    assert_non_null(cell);
    assert_int_equal(cell->arg_count, 2);
    assert_string_equal(cell->args[0], "first");
    assert_string_equal(cell->args[1], "");
    assert_int_equal(cell->env_count, 3);
    assert_string_equal(cell->env[0], "A=1");
    assert_string_equal(cell->env[1], "B==2");
    assert_string_equal(cell->env[2], "=");
    grafted_drop(&g);
    scene_deinit(&w);
}

static void run_bytes__cannot_load_or_start__fails_with_the_reason(void **state)
{
    (void)state;
    const struct {
        const char *wasm, *reason;
    } rows[] = {
        {"", "an empty component"},
        {"bad: not a component", "not a component"},
        {"no start", "guest component instantiation timed out"},
    };
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        assert_string_equal(outcome_of(&w, &o, begin_run(g.executor, rows[i].wasm)),
                            rows[i].reason);
        assert_int_equal(o.w.type, WW_CAPNP_FAILED);
    }
    assert_int_equal(ww_tenant_account(w.tenant)->allowance.budgets[WW_ALLOWANCE_CHILDREN].used, 0);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void run_bytes__one_child_too_many__says_so(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    client_process p;
    scene_init(&w);
    ww_tenant_account(w.tenant)->allowance.budgets[WW_ALLOWANCE_CHILDREN].max = 1;
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    client_run(&w, g.executor, &p);
    assert_string_equal(outcome_of(&w, &o, begin_run(g.executor, "component")),
                        "quota: too many children");
    assert_int_equal(o.w.type, WW_CAPNP_OVERLOADED);
    fake_cell_exit(w.cells.cells[0], 0);
    scene_pump(&w);
    assert_string_equal(outcome_of(&w, &o, begin_run(g.executor, "component")), "");
    client_process_drop(&p);
    grafted_drop(&g);
    scene_deinit(&w);
}

/* The caller goes away, or its epoch, while its cell is being made: nothing is left of it. */
static void run_bytes__caller_or_epoch_gone_meanwhile__nothing_stays(void **state)
{
    (void)state;
    for (int step = 0; step < 2; step++)
        for (int how = 0; how < 3; how++) {
            session_world w;
            grafted g;
            outcome o;
            scene_init(&w);
            assert_string_equal(scene_graft(&w, NULL, &g), "");
            w.cells.is_slow = true;
            outcome_send(&o, begin_run(g.executor, "component"));
            scene_pump(&w);
            if (step) fake_cells_answer(&w.cells); /* loaded; now it waits for its start */
            scene_pump(&w);
            assert_int_equal(w.cells.count, step);
            if (how == 0) ww_capnp_call_cancel(o.call);
            if (how == 1) scene_advance(&w);
            if (how == 2) grafted_drop(&g);
            scene_pump(&w);
            if (how == 1) assert_string_equal(o.w.reason, STALE);
            w.cells.is_slow = false;
            fake_cells_answer(&w.cells);
            scene_pump(&w);
            scene_pump(&w);
            if (how == 2) assert_string_equal(o.w.reason, ""); /* the call holds its session */
            bool ended = !w.cells.count || !w.cells.cells[0] || w.cells.cells[0]->base.has_ended;
            assert_int_equal(ended, how < 2);
            outcome_drop(&o);
            grafted_drop(&g);
            scene_deinit(&w);
        }
}

/* ---- what a child may do ---- */

static void child_of_run_bytes__has_a_host__under_its_parents_grant(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    client_process p;
    ww_capnp_call *call;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    client_run(&w, g.executor, &p);
    fake_cell *cell = w.cells.cells[0];
    peer_host_executor_begin((peer_host_cap){cell->bootstrap}, &call);
    outcome_send(&o, call);
    ww_capnp_cap *executor = result_cap(call);
    scene_pump(&w);
    outcome_drop(&o);
    assert_string_equal(outcome_of(&w, &o, begin_echo(executor, "Hello from call 1")), "");
    client_process grandchild;
    client_run(&w, executor, &grandchild);
    ww_capnp_cap *host = ww_capnp_cap_ref(cell->bootstrap),
                 *deep = ww_capnp_cap_ref(w.cells.cells[1]->bootstrap);
    scene_advance(&w); /* one store, whatever hangs below it */
    peer_host_id_begin((peer_host_cap){host}, &call);
    assert_string_equal(outcome_of(&w, &o, call), STALE);
    peer_host_id_begin((peer_host_cap){deep}, &call);
    assert_string_equal(outcome_of(&w, &o, call), STALE);
    assert_string_equal(outcome_of(&w, &o, begin_echo(executor, "")), STALE);
    assert_string_equal(outcome_of(&w, &o, begin_wait(grandchild.process)), STALE);
    ww_capnp_cap_unref(host);
    ww_capnp_cap_unref(deep);
    ww_capnp_cap_unref(executor);
    client_process_drop(&grandchild);
    client_process_drop(&p);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void child__cannot_do_what_its_parent_was_not_granted(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_ok(ww_methods_allow_all(&methods, PEER_EXECUTOR_ID));
    assert_ok(ww_methods_allow(&methods, PEER_HOST_ID, 4)); /* executor, but not id */
    assert_ok(ww_methods_allow_all(&methods, PEER_PROCESS_ID));
    session_world w;
    grafted g;
    outcome o;
    client_process p;
    ww_capnp_call *call;
    const ww_tenant_rights rights = {.methods = &methods, .is_trusted = true};
    scene_init_with(&w, &rights);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    peer_host_id_begin((peer_host_cap){g.host}, &call);
    assert_string_equal(outcome_of(&w, &o, call), "denied: this method was not granted");
    client_run(&w, g.executor, &p);
    peer_host_id_begin((peer_host_cap){w.cells.cells[0]->bootstrap}, &call);
    assert_string_equal(outcome_of(&w, &o, call), "denied: this method was not granted");
    client_process_drop(&p);
    grafted_drop(&g);
    scene_deinit(&w);
}

static void child_that_ended__its_capabilities__are_revoked_for_all_who_have_them(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    client_process p;
    ww_capnp_call *call;
    scene_init(&w);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    client_run(&w, g.executor, &p);
    ww_capnp_cap *passed_on = ww_capnp_cap_ref(w.cells.cells[0]->bootstrap);
    fake_cell_exit(w.cells.cells[0], 3);
    scene_pump(&w);
    peer_host_id_begin((peer_host_cap){passed_on}, &call);
    assert_string_equal(outcome_of(&w, &o, call), REVOKED);
    ww_capnp_cap_unref(passed_on);
    client_process_drop(&p);
    grafted_drop(&g);
    scene_deinit(&w);
}

/* ---- hostile callers ---- */

/* Calls and calls, and never reads an answer: its own link suffers, another tenant does not notice. */
static void caller__never_reads_answers__is_bounded_and_alone(void **state)
{
    (void)state;
    enum { CALLS = 1000000, BATCH = 1000 };
    session_world w;
    grafted g;
    outcome o;
    scene_init(&w);
    const ww_tenant_rights rights = {.is_trusted = true};
    ww_tenant *other = ww_tenant_new(&w.node, &rights);
    ww_capnp_cap *membrane = ww_tenant_membrane(other);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    size_t before = w.l.allocator.live_bytes, most = 0;
    w.l.b.is_blocked = true;
    for (int i = 0; i < CALLS && !w.l.b.over[0]; i++) {
        ww_capnp_call *call = begin_echo(g.executor, "x");
        if (ww_capnp_call_send(call, NULL)) assert_true(call == NULL);
        ww_capnp_call_drop(call); /* its Finish goes after it */
        if (i % BATCH) continue;
        link_pump(&w.l);
        if (w.l.allocator.live_bytes > most) most = w.l.allocator.live_bytes;
    }
    assert_true(most - before < (size_t)256 << 20);
    ww_capnp_call *call; /* another tenant, in the node's own vat */
    stem_membrane_graft_begin((stem_membrane_cap){membrane}, &call);
    outcome_send(&o, call);
    while (ww_capnp_vat_run(w.l.b.vat, 100))
        continue;
    assert_int_equal(o.w.count, 1);
    assert_string_equal(o.w.reason, "");
    outcome_drop(&o);
    w.l.b.is_blocked = false;
    w.l.a.over[0] = w.l.b.over[0] = '\0';
    grafted_drop(&g);
    ww_capnp_cap_unref(membrane);
    ww_tenant_unref(other);
    scene_deinit(&w);
}

/* What one tenant hands to another stays the first one's: it ends with the first. */
static void capability_of_another_session__ends_with_its_own(void **state)
{
    (void)state;
    session_world w;
    grafted g;
    outcome o;
    ww_capnp_call *call;
    scene_init(&w);
    const ww_tenant_rights rights = {.is_trusted = true};
    ww_tenant *other = ww_tenant_new(&w.node, &rights);
    ww_capnp_cap *membrane = ww_tenant_membrane(other);
    stem_membrane_graft_begin((stem_membrane_cap){membrane}, &call);
    outcome_send(&o, call);
    scene_pump(&w);
    stem_session_r s = stem_membrane_graft_results_session(stem_membrane_graft_response(call));
    ww_capnp_cap *poller = ww_capnp_cap_ref(stem_session_status_poller(s).cap);
    outcome_drop(&o);
    assert_string_equal(scene_graft(&w, NULL, &g), "");
    assert_string_equal(outcome_of(&w, &o, begin_poll(poller)), "");
    ww_tenant_end(w.tenant); /* the wrong one */
    assert_string_equal(outcome_of(&w, &o, begin_poll(poller)), "");
    assert_string_equal(outcome_of(&w, &o, begin_poll(g.poller)), REVOKED);
    ww_tenant_end(other);
    assert_string_equal(outcome_of(&w, &o, begin_poll(poller)), REVOKED);
    ww_capnp_cap_unref(poller);
    ww_capnp_cap_unref(membrane);
    ww_tenant_unref(other);
    grafted_drop(&g);
    scene_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graft__trusted_link__gives_a_session_of_the_epoch),
        cmocka_unit_test(epoch_advances__old_session__is_stale_and_grafts_again),
        cmocka_unit_test(session__principal_or_link_gone__is_revoked),
        cmocka_unit_test(calls__more_than_a_link_has_places__fail_alone),
        cmocka_unit_test(session__with_more_capabilities_than_a_portion__ends_whole),
        cmocka_unit_test(many_grafts__during_an_advance__each_is_of_one_epoch),
        cmocka_unit_test(graft__out_of_handles__says_so_and_leaves_nothing),
        cmocka_unit_test(host__asked__tells_its_id_and_knows_nobody),
        cmocka_unit_test(host__connect__judges_the_id_first),
        cmocka_unit_test(executor__echo__puts_its_word_before_the_message),
        cmocka_unit_test(graft_executor_echo__pipelined__one_round_trip),
        cmocka_unit_test(grafts__of_one_principal__leave_room_for_another),
        cmocka_unit_test(unknown_methods__of_every_server__are_unimplemented),
        cmocka_unit_test(run_bytes__with_arguments__starts_a_cell_with_them),
        cmocka_unit_test(run_bytes__cannot_load_or_start__fails_with_the_reason),
        cmocka_unit_test(run_bytes__one_child_too_many__says_so),
        cmocka_unit_test(run_bytes__caller_or_epoch_gone_meanwhile__nothing_stays),
        cmocka_unit_test(child_of_run_bytes__has_a_host__under_its_parents_grant),
        cmocka_unit_test(child__cannot_do_what_its_parent_was_not_granted),
        cmocka_unit_test(caller__never_reads_answers__is_bounded_and_alone),
        cmocka_unit_test(capability_of_another_session__ends_with_its_own),
        cmocka_unit_test(child_that_ended__its_capabilities__are_revoked_for_all_who_have_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
