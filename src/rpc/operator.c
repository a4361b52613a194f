#include "rpc/operator.h"
#include "capnp/operator.capnp.h"
#include "rpc/session_state.h"

static ww_operator_host *host_of(ww_capnp_server *server)
{
    return WW_CONTAINER_OF(server, ww_operator_host, server);
}

static void fail(ww_capnp_call *call, const ww_diag *diag)
{
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "%s", diag->text);
}

static void put_epoch(stem_epoch_b out, const ww_epoch *epoch)
{
    stem_epoch_set_seq(out, epoch->seq);
    stem_epoch_set_head(out, epoch->head);
    stem_epoch_set_adopted_block(out, epoch->adopted_block);
}

/* For a look, which nobody is refused. */
static ww_operator_host *look_at(ww_capnp_server *server)
{
    ww_operator_host *host = host_of(server);
    bool admitted = host->class->admit(host, false);
    WW_ASSERT(admitted);
    return host;
}

/* For what lasts; NULL: the call has failed. */
static ww_operator_host *hold(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    if (host->class->admit(host, true)) return host;
    ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, WW_OPERATOR_TEXT_CROWDED);
    return NULL;
}

/* A cell may hold the operator longer than the connection lasts, which would end what it starts. */
static bool refuse_if_over(const ww_operator_host *host, ww_capnp_call *call)
{
    if (host->is_over)
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "the operator's connection is over");
    return host->is_over;
}

/* --- a session --- */

static void graft(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = hold(server, call);
    if (!host || refuse_if_over(host, call)) return;
    ww_tenant_graft(host->tenant, call);
}

/* --- the cells --- */

static void put_cell(operator_cell_b out, const ww_operator_cell *cell)
{
    operator_cell_set_number(out, cell->number);
    operator_cell_set_name(out, cell->name);
    operator_cell_set_state(out, cell->is_ending ? OPERATOR_CELL_STATE_ENDING
                                                 : OPERATOR_CELL_STATE_RUNNING);
    operator_cell_set_parent(out, cell->parent);
    operator_cell_set_age_ns(out, cell->age_ns);
    operator_cell_set_cpu_ns(out, cell->cpu_ns);
    operator_cell_set_memory_bytes(out, cell->memory_bytes);
    operator_cell_set_calls(out, cell->calls);
    operator_cell_set_refused_calls(out, cell->refused);
    operator_cell_set_family_cells(out, (uint32_t)cell->family.cells);
    operator_cell_set_family_cpu_ns(out, cell->family.cpu_ns);
    operator_cell_set_family_memory_bytes(out, cell->family.memory_bytes);
}

static void cells(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = look_at(server);
    size_t count = host->class->cell_count(host);
    ww_operator_cell *all = ww_alloc_array(host->node->allocator, count + 1, sizeof *all);
    if (!all) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    host->class->cells(host, all, count);
    operator_operator_cells_results_b results = operator_operator_cells_results(call);
    operator_cell_lb list = operator_operator_cells_results_init_cells(results, (uint32_t)count);
    for (uint32_t i = 0; i < count; i++)
        put_cell(operator_cell_lb_at(list, i), &all[i]);
    ww_free(host->node->allocator, all, (count + 1) * sizeof *all);
    ww_capnp_call_return(call);
}

static void kill(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = look_at(server);
    uint32_t number = operator_operator_kill_params_cell(operator_operator_kill_params(call));
    if (host->class->kill(host, number))
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "no cell %u", number);
    else
        ww_capnp_call_return(call);
}

/* --- the node --- */

static void status(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = look_at(server);
    ww_operator_status facts = {.process_id = 0};
    host->class->status(host, &facts);
    operator_status_b out =
        operator_operator_status_results_init_status(operator_operator_status_results(call));
    operator_status_set_version(out, facts.version);
    operator_status_set_node_id(out, facts.node_id);
    operator_status_set_process_id(out, facts.process_id);
    operator_status_set_uptime_ns(out, facts.uptime_ns);
    operator_status_set_cells(out, (uint32_t)host->class->cell_count(host));
    operator_status_set_cells_max(out, facts.cells_max);
    operator_status_set_operators(out, facts.operators);
    put_epoch(operator_status_init_epoch(out), &host->node->epochs->now);
    operator_status_set_epoch_source(out, ww_view_str(host->node->epochs->name));
    ww_capnp_call_return(call);
}

static void epoch(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = look_at(server);
    operator_operator_epoch_results_b results = operator_operator_epoch_results(call);
    put_epoch(operator_operator_epoch_results_init_epoch(results), &host->node->epochs->now);
    operator_operator_epoch_results_set_source(results, ww_view_str(host->node->epochs->name));
    ww_capnp_call_return(call);
}

static void advance_epoch(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = look_at(server);
    ww_view head =
        operator_operator_advance_epoch_params_head(operator_operator_advance_epoch_params(call));
    ww_diag diag;
    if (ww_epoch_advance(host->node->epochs, head, &diag)) {
        fail(call, &diag);
        return;
    }
    operator_operator_advance_epoch_results_b results =
        operator_operator_advance_epoch_results(call);
    put_epoch(operator_operator_advance_epoch_results_init_epoch(results),
              &host->node->epochs->now);
    ww_capnp_call_return(call);
}

/* --- exec --- */

/* The session that its processes are children of: it does not end with the epoch. */
static ww_status need_session(ww_operator_host *host)
{
    if (host->session) return WW_OK;
    const ww_tenant_rights rights = {
        .account = host->tenant->account, .is_trusted = true, .is_lasting = true};
    ww_tenant *tenant = ww_tenant_new(host->node, &rights);
    if (!tenant) return WW_E_MEMORY;
    ww_status status = ww_session_new(host->node, tenant, NULL, &host->session);
    ww_tenant_unref(tenant); /* the session has its own reference */
    return status;
}

static void exec(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = hold(server, call);
    if (!host || refuse_if_over(host, call)) return;
    ww_status status = need_session(host);
    if (status) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "%s", ww_session_refusal(status));
        return;
    }
    operator_exec_request_r request =
        operator_operator_exec_params_request(operator_operator_exec_params(call));
    ww_exec exec = {
        .wasm = operator_exec_request_wasm(request),
        .name = operator_exec_request_name(request),
        .args = operator_exec_request_args(request),
        .env = operator_exec_request_env(request),
    };
    if (operator_exec_request_grant_operator(request)) exec.bootstrap = host->cap;
    ww_start_exec(host->session, call, &exec);
}

/* --- bring-up --- */

static void bring_up(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    (void)host->class->admit(host, true); /* who only wants to know its state needs no room */
    if (!host->class->bring_up) {
        ww_capnp_call_fail(call, WW_CAPNP_UNIMPLEMENTED, "nothing is brought up here");
        return;
    }
    bringup_bring_up_cap cap = {host->class->bring_up(host)};
    if (!cap.cap) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    operator_operator_bring_up_results_set_bring_up(operator_operator_bring_up_results(call), cap);
    ww_capnp_cap_unref(cap.cap);
    ww_capnp_call_return(call);
}

/* --- life --- */

static void released(ww_capnp_server *server)
{
    ww_operator_host *host = host_of(server);
    ww_operator_end(host); /* a connection lets go of its operator before it says that it is over */
    ww_session *session = host->session;
    ww_tenant *tenant = host->tenant;
    host->session = NULL;
    host->tenant = NULL;
    if (session) ww_session_leave(session);
    ww_tenant_unref(tenant);
    host->class->released(host);
}

static const operator_operator_vt methods = {
    .stem_membrane = {.graft = graft},
    .cells = cells,
    .kill = kill,
    .status = status,
    .epoch = epoch,
    .advance_epoch = advance_epoch,
    .exec = exec,
    .bring_up = bring_up,
};

ww_capnp_cap *ww_operator_serve(ww_operator_host *host)
{
    const ww_tenant_rights rights = {.account = host->account, .is_trusted = host->is_trusted};
    host->tenant = ww_tenant_new(host->node, &rights);
    if (!host->tenant) return NULL;
    host->cap = operator_operator_serve(host->node->vat, &host->server, &methods, released).cap;
    if (host->cap) return host->cap;
    ww_tenant_unref(host->tenant);
    host->tenant = NULL;
    return NULL;
}

void ww_operator_end(ww_operator_host *host)
{
    host->is_over = true;
    if (host->tenant) ww_tenant_end(host->tenant);
    if (host->session) ww_tenant_end(host->session->tenant);
}
