#include "support/session_world.h"
#include <stdio.h>

/* ---- the world ---- */

void scene_init_with(session_world *w, const ww_tenant_rights *rights)
{
    memset(w, 0, sizeof *w);
    link_init(&w->l, NULL);
    test_clock_init(&w->clock, WW_NS_PER_S);
    assert_ok(ww_loop_new(ww_allocator_libc(), &w->clock.base, &w->loop, NULL));
    ww_random_seeded_init(&w->random, 42);
    ww_epoch_source_init_local(&w->epochs, ww_allocator_libc());
    ww_cap_table_init(&w->table, &w->l.allocator.base, 1000);
    fake_cells_init(&w->cells, w->loop);
    const ww_account_limits no_limits = {0};
    w->top = ww_account_new(ww_allocator_libc());
    w->account = ww_account_open(w->top, &no_limits);
    w->node = (ww_rpc_node){.allocator = &w->l.allocator.base,
                            .vat = w->l.b.vat,
                            .loop = w->loop,
                            .random = &w->random.base,
                            .epochs = &w->epochs,
                            .table = &w->table,
                            .spawner = &w->cells.base,
                            .account = w->top,
                            .id = {0xab, 0xcd},
                            .peer_id = WW_VIEW_LITERAL("\x00\x03peer")};
    ww_tenant_rights all = {.principal = &w->principal, .is_trusted = true};
    if (rights) all = *rights;
    all.account = w->account;
    w->tenant = ww_tenant_new(&w->node, &all);
    ww_capnp_cap *membrane = ww_tenant_membrane(w->tenant);
    link_connect(&w->l, NULL, membrane);
    ww_capnp_cap_unref(membrane);
    w->membrane = ww_capnp_conn_bootstrap(w->l.a.conn);
    scene_pump(w);
}

void scene_init(session_world *w)
{
    scene_init_with(w, NULL);
}

void scene_pump(session_world *w)
{
    for (int quiet = 0; quiet < 3; quiet++) {
        uint32_t before = link_sent(&w->l.a) + link_sent(&w->l.b);
        link_pump(&w->l);
        ww_loop_turn(w->loop, false);
        link_pump(&w->l);
        if (link_sent(&w->l.a) + link_sent(&w->l.b) != before) quiet = 0;
    }
}

void scene_wait_ms(session_world *w, uint64_t ms)
{
    w->clock.now_ns += ms * WW_NS_PER_MS;
    scene_pump(w);
}

void scene_advance(session_world *w)
{
    assert_ok(ww_epoch_advance(&w->epochs, WW_VIEW_LITERAL("next"), NULL));
}

void scene_deinit(session_world *w)
{
    ww_capnp_cap_unref(w->membrane);
    scene_pump(w);
    assert_string_equal(w->l.a.over, "");
    assert_string_equal(w->l.b.over, "");
    ww_capnp_conn_free(w->l.a.conn);
    ww_capnp_conn_free(w->l.b.conn);
    w->l.a.conn = w->l.b.conn = NULL;
    fake_cells_deinit(&w->cells);
    for (int turn = 0; turn < 8; turn++) {
        while (ww_capnp_vat_run(w->l.b.vat, 100) || ww_capnp_vat_run(w->l.a.vat, 100))
            continue;
        ww_loop_turn(w->loop, false);
    }
    for (uint32_t i = 0; i < w->cells.count; i++)
        assert_null(w->cells.cells[i]);
    assert_int_equal(w->cells.loaded, 0);
    for (int kind = 0; kind < WW_ALLOWANCE_KINDS; kind++)
        assert_int_equal(w->account->allowance.budgets[kind].used, 0);
    assert_true(ww_toll_is_unused(&w->account->allowance.calls));
    assert_int_equal(w->table.in_use, 0);
    ww_tenant_unref(w->tenant);
    assert_int_equal(w->account->refs, 1);
    ww_account_unref(w->account);
    assert_int_equal(w->top->refs, 1);
    ww_account_unref(w->top);
    ww_cap_table_deinit(&w->table);
    ww_epoch_source_deinit(&w->epochs);
    ww_loop_free(w->loop);
    link_deinit(&w->l);
}

/* ---- calls ---- */

void outcome_send(outcome *o, ww_capnp_call *call)
{
    waiter_init(&o->w);
    o->call = call;
    assert_ok(ww_capnp_call_send(call, &o->w.done));
}

void outcome_drop(outcome *o)
{
    ww_capnp_call_drop(o->call);
    o->call = NULL;
}

const char *outcome_of(session_world *w, outcome *o, ww_capnp_call *call)
{
    outcome_send(o, call);
    scene_pump(w);
    assert_int_equal(o->w.count, 1);
    outcome_drop(o);
    return o->w.reason;
}

ww_capnp_call *begin_poll(ww_capnp_cap *poller)
{
    ww_capnp_call *call;
    stem_status_poller_poll_status_begin((stem_status_poller_cap){poller}, &call);
    return call;
}

ww_capnp_call *begin_echo(ww_capnp_cap *executor, const char *message)
{
    ww_capnp_call *call;
    peer_executor_echo_params_set_message(
        peer_executor_echo_begin((peer_executor_cap){executor}, &call), ww_view_str(message));
    return call;
}

ww_capnp_call *begin_run(ww_capnp_cap *executor, const char *wasm)
{
    ww_capnp_call *call;
    peer_executor_run_bytes_params_b p =
        peer_executor_run_bytes_begin((peer_executor_cap){executor}, &call);
    peer_executor_run_bytes_params_set_wasm(p, ww_view_str(wasm));
    return call;
}

ww_capnp_call *begin_read(ww_capnp_cap *stream, uint32_t max)
{
    ww_capnp_call *call;
    peer_byte_stream_read_params_set_max_bytes(
        peer_byte_stream_read_begin((peer_byte_stream_cap){stream}, &call), max);
    return call;
}

ww_capnp_call *begin_write(ww_capnp_cap *stream, ww_view data)
{
    ww_capnp_call *call;
    peer_byte_stream_write_params_set_data(
        peer_byte_stream_write_begin((peer_byte_stream_cap){stream}, &call), data);
    return call;
}

ww_capnp_call *begin_close(ww_capnp_cap *stream)
{
    ww_capnp_call *call;
    peer_byte_stream_close_begin((peer_byte_stream_cap){stream}, &call);
    return call;
}

ww_capnp_call *begin_wait(ww_capnp_cap *process)
{
    ww_capnp_call *call;
    peer_process_wait_begin((peer_process_cap){process}, &call);
    return call;
}

ww_capnp_call *begin_kill(ww_capnp_cap *process)
{
    ww_capnp_call *call;
    peer_process_kill_begin((peer_process_cap){process}, &call);
    return call;
}

/* ---- grafting ---- */

const char *scene_graft(session_world *w, ww_capnp_cap *signer, grafted *out)
{
    static outcome o;
    ww_capnp_call *call;
    *out = (grafted){0};
    stem_membrane_graft_params_set_signer(
        stem_membrane_graft_begin((stem_membrane_cap){w->membrane}, &call),
        (stem_signer_cap){signer});
    outcome_send(&o, call);
    scene_pump(w);
    assert_int_equal(o.w.count, 1);
    if (!o.w.failed) {
        stem_session_r s = stem_membrane_graft_results_session(stem_membrane_graft_response(call));
        membrane_wetware_session_r e = membrane_wetware_session_from(stem_session_extension(s));
        out->poller = ww_capnp_cap_ref(stem_session_status_poller(s).cap);
        out->host = ww_capnp_cap_ref(membrane_wetware_session_host(e).cap);
        out->executor = ww_capnp_cap_ref(membrane_wetware_session_executor(e).cap);
        out->seq = stem_epoch_seq(stem_session_issued_epoch(s));
        snprintf(out->head, sizeof out->head, "%.*s",
                 WW_VIEW_ARG(stem_epoch_head(stem_session_issued_epoch(s))));
    }
    outcome_drop(&o);
    return o.w.reason;
}

void grafted_drop(grafted *g)
{
    ww_capnp_cap_unref(g->poller);
    ww_capnp_cap_unref(g->host);
    ww_capnp_cap_unref(g->executor);
    *g = (grafted){0};
}

/* ---- processes ---- */

void client_process_of(session_world *w, ww_capnp_cap *process, client_process *out)
{
    outcome in, o, err;
    ww_capnp_call *call;
    *out = (client_process){.process = process};
    peer_process_stdin_begin((peer_process_cap){process}, &call);
    outcome_send(&in, call);
    out->in = result_cap(call);
    peer_process_stdout_begin((peer_process_cap){process}, &call);
    outcome_send(&o, call);
    out->out = result_cap(call);
    peer_process_stderr_begin((peer_process_cap){process}, &call);
    outcome_send(&err, call);
    out->err = result_cap(call);
    scene_pump(w);
    assert_string_equal(in.w.reason, "");
    assert_string_equal(o.w.reason, "");
    assert_string_equal(err.w.reason, "");
    outcome_drop(&in);
    outcome_drop(&o);
    outcome_drop(&err);
}

void client_run(session_world *w, ww_capnp_cap *executor, client_process *out)
{
    outcome o;
    outcome_send(&o, begin_run(executor, "component"));
    ww_capnp_cap *process = result_cap(o.call);
    scene_pump(w);
    assert_int_equal(o.w.count, 1);
    assert_string_equal(o.w.reason, "");
    outcome_drop(&o);
    client_process_of(w, process, out);
}

void client_process_drop(client_process *p)
{
    ww_capnp_cap_unref(p->process);
    ww_capnp_cap_unref(p->in);
    ww_capnp_cap_unref(p->out);
    ww_capnp_cap_unref(p->err);
    *p = (client_process){0};
}

const char *client_read(session_world *w, ww_capnp_cap *stream, uint32_t max, char *out,
                        size_t size)
{
    outcome o;
    outcome_send(&o, begin_read(stream, max));
    scene_pump(w);
    if (!o.w.count)
        snprintf(out, size, "(waits)");
    else if (o.w.failed)
        snprintf(out, size, "%s", o.w.reason);
    else
        snprintf(out, size, "%.*s",
                 WW_VIEW_ARG(
                     peer_byte_stream_read_results_data(peer_byte_stream_read_response(o.call))));
    if (!o.w.count) ww_capnp_call_cancel(o.call);
    outcome_drop(&o);
    scene_pump(w);
    return out;
}

const char *client_write(session_world *w, ww_capnp_cap *stream, const char *text)
{
    static outcome o;
    return outcome_of(w, &o, begin_write(stream, ww_view_str(text)));
}

int32_t client_wait(session_world *w, ww_capnp_cap *process)
{
    outcome o;
    outcome_send(&o, begin_wait(process));
    scene_pump(w);
    assert_int_equal(o.w.count, 1);
    assert_string_equal(o.w.reason, "");
    int32_t code = peer_process_wait_results_exit_code(peer_process_wait_response(o.call));
    outcome_drop(&o);
    return code;
}
