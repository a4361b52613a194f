/* Starting children: load, make a session for the child, spawn, hand out the Process.
 *
 * Invariant: what is being started holds its session, its call and one of its account's CHILDREN (not
 * a mere load) until `done` came, also when the caller is gone by then.
 */
#include "capnp/peer.capnp.h"
#include "capnp/runtime.capnp.h"
#include "rpc/session_state.h"

typedef enum errand { LOAD, RUN_BYTES, SPAWN, EXEC } errand;

typedef struct starting {
    ww_load load;
    ww_spawn spawn;
    errand errand;
    ww_session *session, *own;
    ww_capnp_call *call;
    ww_capnp_text_l args, env; /* of the call, as is the name */
    ww_view name;
    ww_capnp_cap *bootstrap; /* that the caller brought */
} starting;

static bool counts(const starting *s)
{
    return s->errand != LOAD;
}

/* Ends it, with what was counted for the child unless that lives on. */
static void finish(starting *s, bool child_lives)
{
    ww_session *session = s->session;
    if (counts(s) && !child_lives)
        ww_allowance_give(&session->tenant->account->allowance, WW_ALLOWANCE_CHILDREN, 1);
    if (s->own) ww_session_leave(s->own);
    ww_capnp_cap_unref(s->bootstrap);
    ww_free(session->node->allocator, s, sizeof *s);
    ww_session_unref(session);
}

/* The reason may be in `s`. */
static void fail(starting *s, ww_status status, const char *reason)
{
    bool is_ours = status == WW_E_MEMORY || status == WW_E_QUOTA || status == WW_E_LIMIT;
    ww_capnp_call_fail(s->call, is_ours ? WW_CAPNP_OVERLOADED : WW_CAPNP_FAILED, "%s", reason);
    finish(s, false);
}

static bool is_wanted(const starting *s)
{
    return !s->session->is_over && !ww_capnp_call_is_canceled(s->call);
}

/* ---- the second half: spawn ---- */

static void spawned(ww_spawn *spawn, ww_process *process, const ww_diag *diag)
{
    starting *s = WW_CONTAINER_OF(spawn, starting, spawn);
    ww_capnp_call *call = s->call;
    if (!process) {
        fail(s, diag->status, diag->text);
        return;
    }
    bool wanted = is_wanted(s);
    ww_capnp_cap *cap = ww_child_new(s->session, s->own, process);
    finish(s, true);
    if (!cap) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    if (!wanted) process->class->kill(process, WW_EXIT_KILLED);
    /* runBytes and spawn answer alike: a process at pointer 0 */
    ww_capnp_struct_b results =
        ww_capnp_call_init_results(call, PEER_EXECUTOR_RUN_BYTES_RESULTS_SIZE);
    ww_capnp_any_b_set_cap(ww_capnp_struct_b_pointer(results, 0), cap);
    ww_capnp_cap_unref(cap);
    ww_capnp_call_return(call);
}

typedef struct strings {
    ww_view *views;
    uint32_t count, capacity;
} strings;

/* What is no text is left out, and so is a variable without '='. */
static void gather(strings *out, ww_capnp_text_l list, bool are_variables)
{
    for (uint32_t i = 0; i < list.list.count && out->count < out->capacity; i++) {
        ww_view text = ww_capnp_text_l_at(list, i);
        if (!ww_capnp_text_valid(text)) continue;
        if (are_variables && (!text.size || !memchr(text.data, '=', text.size))) continue;
        out->views[out->count++] = text;
    }
}

/* What the operator runs is trusted like what the node was started with. */
static ww_status offer_membrane(starting *s, ww_capnp_cap **bootstrap)
{
    *bootstrap = s->bootstrap ? ww_capnp_cap_ref(s->bootstrap) : ww_tenant_membrane(s->own->tenant);
    return *bootstrap ? WW_OK : WW_E_MEMORY;
}

/* What the operator runs has an account of its own, any other child one below its parent's. NULL
 * when memory is short. */
static ww_tenant *new_tenant(const starting *s)
{
    const ww_tenant *parent = s->session->tenant;
    ww_tenant_rights rights = {.principal = parent->principal, .is_trusted = s->errand == EXEC};
    if (s->errand != EXEC) {
        rights.account = ww_account_below(parent->account);
        if (!rights.account) return NULL;
    }
    ww_tenant *tenant = ww_tenant_new(parent->node, &rights);
    ww_account_unref(rights.account);
    return tenant;
}

/* What the child finds behind its own membrane. */
static ww_status offer(starting *s, ww_capnp_cap **out, const char **reason)
{
    if (s->errand == SPAWN)
        return ww_session_grants(
            s->own, ww_capnp_get_pointer(runtime_program_spawn_params(s->call).s, 2), out, reason);
    *out = ww_session_host(s->own);
    return *out ? WW_OK : WW_E_MEMORY;
}

/* A session for the child, under its parent's grant, and what its link offers. */
static ww_status make_room(starting *s, ww_capnp_cap **bootstrap, const char **reason)
{
    ww_session *session = s->session;
    *reason = "out of memory";
    ww_tenant *tenant = new_tenant(s);
    if (!tenant) return WW_E_MEMORY;
    ww_status status = ww_session_new(session->node, tenant, session, &s->own);
    ww_tenant_unref(tenant);
    if (status) {
        *reason = ww_session_refusal(status);
        return status;
    }
    if (s->errand == EXEC) return offer_membrane(s, bootstrap);
    ww_capnp_cap *inner;
    status = offer(s, &inner, reason);
    if (status) return status;
    const ww_capnp_refusal *kept_back;
    *bootstrap = ww_membrane_out(s->own->membrane, inner, &kept_back);
    ww_capnp_cap_unref(inner);
    if (kept_back) *reason = kept_back->reason;
    return kept_back ? WW_E_QUOTA : WW_OK;
}

static void ask_for_process(starting *s, ww_loaded *program, ww_capnp_cap *bootstrap)
{
    const ww_rpc_node *node = s->session->node;
    uint64_t count = (uint64_t)s->args.list.count + s->env.list.count;
    if (count > WW_SPAWN_STRINGS_MAX) {
        fail(s, WW_E_LIMIT, "too many arguments and variables");
        return;
    }
    strings all = {.capacity = (uint32_t)count};
    all.views = ww_alloc_array(node->allocator, count + 1, sizeof *all.views);
    if (!all.views) {
        fail(s, WW_E_MEMORY, "out of memory");
        return;
    }
    gather(&all, s->args, false);
    uint32_t arg_count = all.count;
    gather(&all, s->env, true);
    const ww_spawn_request request = {.program = program,
                                      .args = all.views,
                                      .env = all.views + arg_count,
                                      .arg_count = arg_count,
                                      .env_count = all.count - arg_count,
                                      .bootstrap = bootstrap,
                                      .account = s->own->tenant->account,
                                      .name = s->name,
                                      .parent = s->session->tenant->cell};
    node->spawner->spawn(node->spawner, &request, &s->spawn);
    ww_free(node->allocator, all.views, (count + 1) * sizeof *all.views);
}

static void start_process(starting *s, ww_loaded *program)
{
    ww_capnp_cap *bootstrap = NULL;
    const char *reason;
    ww_status status = make_room(s, &bootstrap, &reason);
    if (status)
        fail(s, status, reason);
    else
        ask_for_process(s, program, bootstrap);
    ww_capnp_cap_unref(bootstrap);
}

/* ---- the first half: load ---- */

static void answer_program(starting *s, ww_loaded *program)
{
    ww_capnp_call *call = s->call;
    ww_capnp_cap *cap = ww_session_program(s->session, program);
    finish(s, false);
    if (!cap) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    runtime_runtime_load_results_set_program(runtime_runtime_load_results(call),
                                             (runtime_program_cap){cap});
    ww_capnp_cap_unref(cap);
    ww_capnp_call_return(call);
}

static void loaded(ww_load *load, ww_loaded *program, const ww_diag *diag)
{
    starting *s = WW_CONTAINER_OF(load, starting, load);
    if (!program)
        fail(s, diag->status, diag->text);
    else if (!is_wanted(s))
        fail(s, WW_E_CANCELED, "canceled");
    else if (s->errand == LOAD)
        answer_program(s, program);
    else
        start_process(s, program);
    ww_loaded_unref(program);
}

static starting *begin(ww_session *session, ww_capnp_call *call, errand what)
{
    const ww_allocator *allocator = session->node->allocator;
    starting *s = ww_alloc(allocator, sizeof *s);
    if (!s) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return NULL;
    }
    *s = (starting){.load.done = loaded, .spawn.done = spawned, .errand = what, .call = call};
    if (counts(s) &&
        !ww_allowance_take(&session->tenant->account->allowance, WW_ALLOWANCE_CHILDREN, 1)) {
        ww_free(allocator, s, sizeof *s);
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "%s",
                           ww_allowance_text(WW_ALLOWANCE_CHILDREN));
        return NULL;
    }
    s->session = ww_session_ref(session);
    return s;
}

static void load(starting *s, ww_view component)
{
    ww_spawner *spawner = s->session->node->spawner;
    s->load.payer = &s->session->tenant->account->principal;
    spawner->load(spawner, component, &s->load);
}

void ww_start_bytes(ww_session *session, ww_capnp_call *call)
{
    peer_executor_run_bytes_params_r params = peer_executor_run_bytes_params(call);
    starting *s = begin(session, call, RUN_BYTES);
    if (!s) return;
    s->args = peer_executor_run_bytes_params_args(params);
    s->env = peer_executor_run_bytes_params_env(params);
    load(s, peer_executor_run_bytes_params_wasm(params));
}

void ww_start_load(ww_session *session, ww_capnp_call *call)
{
    starting *s = begin(session, call, LOAD);
    if (s) load(s, runtime_runtime_load_params_wasm(runtime_runtime_load_params(call)));
}

void ww_start_program(ww_session *session, ww_capnp_call *call, ww_loaded *program)
{
    runtime_program_spawn_params_r params = runtime_program_spawn_params(call);
    starting *s = begin(session, call, SPAWN);
    if (!s) return;
    s->args = runtime_program_spawn_params_args(params);
    s->env = runtime_program_spawn_params_env(params);
    start_process(s, program);
}

void ww_start_exec(ww_session *session, ww_capnp_call *call, const ww_exec *exec)
{
    starting *s = begin(session, call, EXEC);
    if (!s) return;
    s->args = exec->args;
    s->env = exec->env;
    s->name = exec->name;
    s->bootstrap = ww_capnp_cap_ref(exec->bootstrap);
    load(s, exec->wasm);
}
