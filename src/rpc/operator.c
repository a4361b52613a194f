#include "rpc/operator.h"
#include "capnp/operator.capnp.h"

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

/* --- a session --- */

static void graft(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    if (!host->membrane) {
        ww_capnp_call_fail(call, WW_CAPNP_UNIMPLEMENTED, "nothing to graft on here");
        return;
    }
    ww_capnp_call *inner;
    stem_membrane_cap membrane = {host->membrane};
    stem_membrane_graft_params_b params = stem_membrane_graft_begin(membrane, &inner);
    stem_signer_cap signer = stem_membrane_graft_params_signer(stem_membrane_graft_params(call));
    stem_membrane_graft_params_set_signer(params, signer);
    ww_capnp_call_tail(call, inner);
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
}

static void cells(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    size_t count = host->class->cell_count(host);
    ww_operator_cell *all = ww_alloc_array(host->allocator, count + 1, sizeof *all);
    if (!all) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    host->class->cells(host, all, count);
    operator_operator_cells_results_b results = operator_operator_cells_results(call);
    operator_cell_lb list = operator_operator_cells_results_init_cells(results, (uint32_t)count);
    for (uint32_t i = 0; i < count; i++)
        put_cell(operator_cell_lb_at(list, i), &all[i]);
    ww_free(host->allocator, all, (count + 1) * sizeof *all);
    ww_capnp_call_return(call);
}

static void kill(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    uint32_t number = operator_operator_kill_params_cell(operator_operator_kill_params(call));
    if (host->class->kill(host, number))
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "no cell %u", number);
    else
        ww_capnp_call_return(call);
}

/* --- the node --- */

static void status(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
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
    put_epoch(operator_status_init_epoch(out), &host->epochs->now);
    operator_status_set_epoch_source(out, ww_view_str(host->epochs->name));
    ww_capnp_call_return(call);
}

static void epoch(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    operator_operator_epoch_results_b results = operator_operator_epoch_results(call);
    put_epoch(operator_operator_epoch_results_init_epoch(results), &host->epochs->now);
    operator_operator_epoch_results_set_source(results, ww_view_str(host->epochs->name));
    ww_capnp_call_return(call);
}

static void advance_epoch(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    ww_view head =
        operator_operator_advance_epoch_params_head(operator_operator_advance_epoch_params(call));
    ww_diag diag;
    if (ww_epoch_advance(host->epochs, head, &diag)) {
        fail(call, &diag);
        return;
    }
    operator_operator_advance_epoch_results_b results =
        operator_operator_advance_epoch_results(call);
    put_epoch(operator_operator_advance_epoch_results_init_epoch(results), &host->epochs->now);
    ww_capnp_call_return(call);
}

/* --- exec --- */

/* A call that waits for its cell; it keeps the request's bytes. */
typedef struct pending {
    ww_operator_exec exec;
    const ww_allocator *allocator;
    ww_capnp_call *call;
} pending;

static void started(ww_operator_exec *exec, ww_capnp_cap *process, const ww_diag *diag)
{
    pending *self = WW_CONTAINER_OF(exec, pending, exec);
    if (process) {
        peer_process_cap cap = {process};
        operator_operator_exec_results_set_process(operator_operator_exec_results(self->call), cap);
        ww_capnp_call_return(self->call);
    } else {
        fail(self->call, diag);
    }
    ww_free(self->allocator, self, sizeof *self);
}

static void exec(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_operator_host *host = host_of(server);
    if (!host->class->exec) {
        ww_capnp_call_fail(call, WW_CAPNP_UNIMPLEMENTED, "nothing is run here");
        return;
    }
    pending *self = ww_alloc(host->allocator, sizeof *self);
    if (!self) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    operator_exec_request_r request =
        operator_operator_exec_params_request(operator_operator_exec_params(call));
    *self = (pending){
        .exec =
            {
                .wasm = operator_exec_request_wasm(request),
                .name = operator_exec_request_name(request),
                .args = operator_exec_request_args(request),
                .env = operator_exec_request_env(request),
                .grant_operator = operator_exec_request_grant_operator(request),
                .done = started,
            },
        .allocator = host->allocator,
        .call = call,
    };
    host->class->exec(host, &self->exec);
}

static void released(ww_capnp_server *server)
{
    ww_operator_host *host = host_of(server);
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
};

ww_capnp_cap *ww_operator_serve(ww_capnp_vat *vat, ww_operator_host *host)
{
    return operator_operator_serve(vat, &host->server, &methods, released).cap;
}
