/* Sessions over real cells, from the graft to the end of the epoch: what of that fails for want of memory leaves nothing
 * behind. */
#include "node/spawner.h"
#include "support/cells.h"
#include "support/clock.h"
#include "support/session_world.h"
#include <semaphore.h>

enum { TURNS = 12 };

/* Made once. */
typedef struct grounds {
    test_cells cells;
    ww_program *program;
    ww_buf component;
    sem_t gate; /* of the worker that compiles: it does so while the loop's thread waits */
} grounds;

static grounds g;

typedef struct family {
    const ww_allocator *allocator;
    test_clock clock;
    ww_loop *loop;
    ww_rpc_vat rpc;
    ww_random_seeded random;
    ww_epoch_source epochs;
    ww_cap_table table;
    ww_roster roster;
    ww_node_spawner spawner;
    ww_account *top, *account;
    ww_rpc_node node;
    ww_tenant *tenant;
} family;

static ww_status compile(void *self, ww_view component, ww_program **out, ww_diag *diag)
{
    (void)self;
    (void)component;
    (void)diag;
    sem_wait(&g.gate);
    *out = ww_program_ref(g.program);
    return WW_OK;
}

/* --- its life */

static void make_spawner(family *f)
{
    ww_node_spawner_options options = {
        .allocator = f->allocator,
        .loop = f->loop,
        .ticker = g.cells.ticker,
        .random = &f->random.base,
        .audit = &g.cells.audit,
        .rpc = &f->rpc,
        .roster = &f->roster,
        .authority = &g.cells.authority,
        .maker = {NULL, compile},
        .memory_bytes_max = 1 << 24,
        .capabilities = TEST_CAPABILITIES,
    };
    ww_roster_init(&f->roster);
    ww_node_spawner_init(&f->spawner, &options);
}

static ww_status make(family *f, const ww_allocator *allocator)
{
    const ww_account_limits limits = {.memory_bytes_max = 1 << 26};
    const ww_tenant_rights rights = {.is_trusted = true};
    *f = (family){.allocator = allocator};
    test_clock_init(&f->clock, WW_NS_PER_S);
    ww_random_seeded_init(&f->random, 7);
    ww_epoch_source_init_local(&f->epochs, allocator);
    ww_cap_table_init(&f->table, allocator, 100);
    f->top = ww_account_new(allocator);
    if (!f->top || ww_loop_new(allocator, &f->clock.base, &f->loop, NULL) ||
        ww_rpc_vat_init(&f->rpc, f->loop, NULL))
        return WW_E_MEMORY;
    make_spawner(f);
    f->node = (ww_rpc_node){.allocator = allocator,
                            .vat = f->rpc.vat,
                            .loop = f->loop,
                            .random = &f->random.base,
                            .epochs = &f->epochs,
                            .table = &f->table,
                            .account = f->top,
                            .limits = limits,
                            .spawner = &f->spawner.base};
    f->tenant = ww_tenant_new(&f->node, &rights);
    if (f->tenant) f->account = ww_account_ref(ww_tenant_account(f->tenant));
    return f->tenant ? WW_OK : WW_E_MEMORY;
}

static void turn(family *f)
{
    for (int i = 0; i < TURNS; i++)
        ww_loop_turn(f->loop, false);
}

static void assert_nothing_is_held(const family *f)
{
    for (int kind = 0; f->account && kind < WW_ALLOWANCE_KINDS; kind++)
        assert_int_equal(f->account->allowance.budgets[kind].used, 0);
    if (f->account) assert_true(ww_toll_is_unused(&f->account->allowance.calls));
    for (int kind = 0; f->top && kind < WW_PRINCIPAL_KINDS; kind++)
        if (kind != WW_PRINCIPAL_CPU_NS) assert_int_equal(f->top->principal.budgets[kind].used, 0);
    assert_int_equal(f->table.in_use, 0);
}

/* What lives still is killed when its session's grace is over. */
static void end(family *f)
{
    if (f->tenant) ww_tenant_end(f->tenant);
    ww_tenant_unref(f->tenant);
    if (f->rpc.vat) {
        turn(f);
        f->clock.now_ns += 6 * WW_NS_PER_S;
        while (f->spawner.programs.compilation_count)
            ww_loop_turn(f->loop, true);
        turn(f);
        assert_int_equal(f->roster.count, 0);
        ww_node_spawner_close(&f->spawner);
        turn(f);
    }
    assert_nothing_is_held(f);
    ww_account_unref(f->account);
    ww_account_unref(f->top);
    ww_rpc_vat_deinit(&f->rpc);
    ww_loop_free(f->loop);
    ww_cap_table_deinit(&f->table);
    ww_epoch_source_deinit(&f->epochs);
}

/* --- asking */

/* Sends; true if it is under way or answered. The call is the caller's to drop. */
static bool begin(family *f, outcome *o, ww_capnp_call *call)
{
    waiter_init(&o->w);
    o->call = call;
    if (!call || ww_capnp_call_send(call, &o->w.done)) {
        o->w.count = 1;
        o->w.failed = true;
        return false;
    }
    turn(f);
    return true;
}

/* Whatever of them is still under way. */
static void give_up(family *f, outcome *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].call && !all[i].w.count) ww_capnp_call_cancel(all[i].call);
    turn(f);
    for (size_t i = 0; i < count; i++) {
        if (all[i].call) assert_int_equal(all[i].w.count, 1);
        ww_capnp_call_drop(all[i].call);
    }
}

static bool is_answered(const outcome *o)
{
    return o->w.count == 1 && !o->w.failed;
}

static bool carry_out(family *f, outcome *o, ww_capnp_call *call)
{
    if (!begin(f, o, call)) return false;
    for (int i = 0; !o->w.count && i < 1000; i++)
        ww_loop_turn(f->loop, false);
    return is_answered(o);
}

/* One that needs the compiler, which runs when the loop has nothing else to do. */
static bool carry_out_compiling(family *f, outcome *o, ww_capnp_call *call)
{
    if (!begin(f, o, call)) return false;
    if (f->spawner.programs.compilation_count) sem_post(&g.gate);
    while (f->spawner.programs.compilation_count)
        ww_loop_turn(f->loop, true);
    turn(f);
    return is_answered(o);
}

static ww_capnp_cap *first_cap(outcome *o)
{
    return ww_capnp_pipeline_cap(ww_capnp_pipeline_field(ww_capnp_pipeline_of(o->call), 0));
}

static ww_capnp_call *begin_run_it(ww_capnp_cap *executor)
{
    ww_capnp_call *call;
    peer_executor_run_bytes_params_b params =
        peer_executor_run_bytes_begin((peer_executor_cap){executor}, &call);
    peer_executor_run_bytes_params_set_wasm(params, ww_buf_view(&g.component));
    return call;
}

static ww_capnp_call *begin_load_it(ww_capnp_cap *executor)
{
    ww_capnp_call *call;
    runtime_runtime_load_params_set_wasm(
        runtime_runtime_load_begin((runtime_runtime_cap){executor}, &call),
        ww_buf_view(&g.component));
    return call;
}

static ww_capnp_call *begin_spawn_it(ww_capnp_cap *program)
{
    ww_capnp_call *call;
    runtime_program_spawn_begin((runtime_program_cap){program}, &call);
    return call;
}

static ww_capnp_call *begin_stdin(ww_capnp_cap *process)
{
    ww_capnp_call *call;
    peer_process_stdin_begin((peer_process_cap){process}, &call);
    return call;
}

static ww_capnp_call *begin_stdout(ww_capnp_cap *process)
{
    ww_capnp_call *call;
    peer_process_stdout_begin((peer_process_cap){process}, &call);
    return call;
}

static int32_t exit_code_of(outcome *o)
{
    return peer_process_wait_results_exit_code(peer_process_wait_response(o->call));
}

/* --- what the family does; each false if it fails */

/* cat: what it is told comes back, and it ends with its input. */
static bool run_talk_and_wait(family *f, ww_capnp_cap *executor)
{
    outcome o[7] = {0};
    ww_capnp_cap *process = NULL, *input = NULL, *output = NULL;
    bool ok = carry_out_compiling(f, &o[0], begin_run_it(executor));
    if (ok) process = first_cap(&o[0]);
    ok = ok && process && begin(f, &o[1], begin_wait(process));
    ok = ok && carry_out(f, &o[2], begin_stdin(process));
    if (ok) input = first_cap(&o[2]);
    ok = ok && carry_out(f, &o[3], begin_stdout(process));
    if (ok) output = first_cap(&o[3]);
    ok = ok && input && output && carry_out(f, &o[4], begin_write(input, WW_VIEW_LITERAL("there")));
    ok = ok && carry_out(f, &o[5], begin_read(output, 10));
    ok = ok && carry_out(f, &o[6], begin_close(input));
    turn(f);
    ok = ok && is_answered(&o[1]) && exit_code_of(&o[1]) == 0;
    give_up(f, o, WW_COUNT_OF(o));
    ww_capnp_cap_unref(process);
    ww_capnp_cap_unref(input);
    ww_capnp_cap_unref(output);
    return ok;
}

static bool spawn_and_kill(family *f, ww_capnp_cap *program)
{
    outcome o[3] = {0};
    bool ok = carry_out(f, &o[0], begin_spawn_it(program));
    ww_capnp_cap *process = ok ? first_cap(&o[0]) : NULL;
    ok = ok && process && carry_out(f, &o[1], begin_kill(process));
    ok = ok && carry_out(f, &o[2], begin_wait(process)) && exit_code_of(&o[2]) == WW_EXIT_KILLED;
    give_up(f, o, WW_COUNT_OF(o));
    ww_capnp_cap_unref(process);
    return ok;
}

static bool spawn_and_advance(family *f, ww_capnp_cap *program)
{
    outcome o[2] = {0};
    bool ok = carry_out(f, &o[0], begin_spawn_it(program));
    ww_capnp_cap *process = ok ? first_cap(&o[0]) : NULL;
    ok = ok && process && begin(f, &o[1], begin_wait(process));
    bool has_advanced = ww_epoch_advance(&f->epochs, WW_VIEW_LITERAL("next"), NULL) == WW_OK;
    turn(f);
    ok = ok && has_advanced && strcmp(o[1].w.reason, STALE) == 0;
    give_up(f, o, WW_COUNT_OF(o));
    ww_capnp_cap_unref(process);
    return ok;
}

static bool live_in(family *f, ww_capnp_cap *executor)
{
    outcome load = {0};
    ww_capnp_cap *program = NULL;
    bool ok = run_talk_and_wait(f, executor);
    ok = ok && carry_out_compiling(f, &load, begin_load_it(executor));
    if (ok) program = first_cap(&load);
    ok = ok && program && spawn_and_kill(f, program) && spawn_and_advance(f, program);
    give_up(f, &load, 1);
    ww_capnp_cap_unref(program);
    return ok;
}

static bool graft_and_live(family *f)
{
    outcome graft = {0};
    ww_capnp_call *call = NULL;
    ww_capnp_cap *membrane = ww_tenant_membrane(f->tenant), *executor = NULL;
    if (membrane) stem_membrane_graft_begin((stem_membrane_cap){membrane}, &call);
    bool ok = carry_out(f, &graft, call);
    if (ok) {
        ww_capnp_pipeline session = ww_capnp_pipeline_field(ww_capnp_pipeline_of(call), 0);
        ww_capnp_pipeline extension = ww_capnp_pipeline_field(session, 2);
        executor = ww_capnp_pipeline_cap(ww_capnp_pipeline_field(extension, 1));
    }
    ok = ok && executor && live_in(f, executor);
    ww_capnp_cap_unref(executor);
    give_up(f, &graft, 1);
    ww_capnp_cap_unref(membrane);
    return ok;
}

/* --- cases */

static void family__any_allocation_fails__all_is_given_back(void **state)
{
    (void)state;
    bool has_failed = true;
    for (size_t n = 1; has_failed; n++) {
        family f;
        test_allocator allocator;
        test_allocator_init(&allocator, n);
        bool ok = make(&f, &allocator.base) == WW_OK && graft_and_live(&f);
        end(&f);
        has_failed = allocator.count >= n;
        assert_int_equal(allocator.live_bytes, 0);
        assert_true(ok || has_failed);
    }
}

static int setup(void **state)
{
    (void)state;
    test_cells_init(&g.cells);
    test_component("cat", &g.component);
    g.program = test_program(&g.cells, "cat");
    return sem_init(&g.gate, 0, 0);
}

static int teardown(void **state)
{
    (void)state;
    sem_destroy(&g.gate);
    ww_program_unref(g.program);
    ww_buf_deinit(&g.component);
    test_cells_deinit(&g.cells);
    return 0;
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(family__any_allocation_fails__all_is_given_back),
    };
    return cmocka_run_group_tests(cases, setup, teardown);
}
