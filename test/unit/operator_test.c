/* The Operator interface as a client at the other end of a link sees it. */
#include "capnp/membrane.capnp.h"
#include "capnp/operator.capnp.h"
#include "capnp/runtime.capnp.h"
#include "rpc/link.h"
#include "rpc/operator.h"
#include "support/clock.h"
#include "support/fake_cells.h"

enum { CELLS = 2 };

/* A node with two cells, one of which may be killed. */
typedef struct fake {
    ww_operator_host host;
    uint32_t looks, killed, released;
    bool is_crowded;
} fake;

static fake *fake_of(ww_operator_host *host)
{
    return WW_CONTAINER_OF(host, fake, host);
}

static bool admit(ww_operator_host *host, bool holds)
{
    fake_of(host)->looks += !holds;
    return !holds || !fake_of(host)->is_crowded;
}

static size_t cell_count(ww_operator_host *host)
{
    (void)host;
    return CELLS;
}

static void cells(ww_operator_host *host, ww_operator_cell *out, size_t count)
{
    (void)host;
    assert_int_equal(count, CELLS);
    out[0] = (ww_operator_cell){.number = 3,
                                .name = WW_VIEW_LITERAL("one"),
                                .age_ns = 10,
                                .cpu_ns = 20,
                                .memory_bytes = 30,
                                .family = {.cells = 2, .cpu_ns = 21, .memory_bytes = 31}};
    out[1] = (ww_operator_cell){.number = 5,
                                .parent = 3,
                                .name = WW_VIEW_LITERAL("two"),
                                .is_ending = true,
                                .calls = 40,
                                .refused = 50};
}

static ww_status kill(ww_operator_host *host, uint32_t number)
{
    if (number != 5) return WW_E_NOT_FOUND;
    fake_of(host)->killed++;
    return WW_OK;
}

static void status(ww_operator_host *host, ww_operator_status *out)
{
    (void)host;
    *out = (ww_operator_status){.version = WW_VIEW_LITERAL("1.2.3"),
                                .node_id = WW_VIEW_LITERAL("id"),
                                .process_id = 7,
                                .cells_max = 9,
                                .operators = 1,
                                .uptime_ns = 11};
}

static void released(ww_operator_host *host)
{
    fake_of(host)->released++;
}

static const ww_operator_host_class class = {
    .admit = admit,
    .cell_count = cell_count,
    .cells = cells,
    .kill = kill,
    .status = status,
    .released = released,
};

/* --- a client and a node, connected --- */

typedef struct pair {
    test_allocator allocator; /* of everything */
    test_clock clock;
    ww_loop *loop;
    ww_rpc_vat client_vat, node_vat;
    ww_rpc_link *client, *link;
    ww_random_seeded random;
    ww_epoch_source epochs;
    ww_cap_table table;
    fake_cells cells;
    ww_account *account;
    ww_rpc_node node;
    fake fake;
    operator_operator_cap operator;
} pair;

static void make_node(pair *p)
{
    const ww_allocator *allocator = &p->allocator.base;
    ww_random_seeded_init(&p->random, 1);
    ww_epoch_source_init_local(&p->epochs, allocator);
    ww_cap_table_init(&p->table, allocator, 100);
    fake_cells_init(&p->cells, p->loop);
    p->account = ww_account_new(allocator);
    p->node = (ww_rpc_node){.allocator = allocator,
                            .account = p->account,
                            .vat = p->node_vat.vat,
                            .loop = p->loop,
                            .random = &p->random.base,
                            .epochs = &p->epochs,
                            .table = &p->table,
                            .spawner = &p->cells.base};
    p->fake.host = (ww_operator_host){.class = &class, .node = &p->node, .is_trusted = true};
}

static void make(pair *p)
{
    memset(p, 0, sizeof *p);
    test_allocator_init(&p->allocator, 0);
    test_clock_init(&p->clock, WW_NS_PER_S);
    assert_ok(ww_loop_new(&p->allocator.base, &p->clock.base, &p->loop, NULL));
    assert_ok(ww_rpc_vat_init(&p->client_vat, p->loop, NULL));
    assert_ok(ww_rpc_vat_init(&p->node_vat, p->loop, NULL));
    make_node(p);
    ww_transport *ends[2];
    assert_ok(ww_transport_new_pair(p->loop, 4096, ends));
    ww_capnp_cap *cap = ww_operator_serve(&p->fake.host);
    assert_non_null(cap);
    assert_ok(ww_rpc_link_open(&p->node_vat, ends[0], cap, NULL, &p->link));
    ww_capnp_cap_unref(cap);
    assert_ok(ww_rpc_link_open(&p->client_vat, ends[1], NULL, NULL, &p->client));
    p->operator.cap = ww_rpc_link_bootstrap(p->client);
}

static void pump(pair *p)
{
    for (int i = 0; i < 50; i++)
        ww_loop_turn(p->loop, false);
}

/* The node's side is gone, as when its peer is. */
static void end_connection(pair *p)
{
    ww_operator_end(&p->fake.host);
    ww_rpc_link_free(p->link);
    p->link = NULL;
    pump(p);
}

static void finish(pair *p)
{
    ww_capnp_cap_unref(p->operator.cap);
    if (p->link) end_connection(p);
    ww_rpc_link_free(p->client);
    fake_cells_deinit(&p->cells);
    pump(p);
    assert_int_equal(p->fake.released, 1);
    assert_int_equal(p->table.in_use, 0);
    ww_rpc_vat_deinit(&p->client_vat);
    ww_rpc_vat_deinit(&p->node_vat);
    ww_cap_table_deinit(&p->table);
    assert_int_equal(p->account->refs, 1);
    ww_account_unref(p->account);
    ww_epoch_source_deinit(&p->epochs);
    ww_loop_free(p->loop);
    assert_int_equal(p->allocator.live_bytes, 0);
}

typedef struct answer {
    ww_capnp_done done;
    uint32_t count;
} answer;

static void answered(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, answer, done)->count++;
}

/* Sends and waits. */
static void ask(pair *p, ww_capnp_call *call)
{
    answer wanted = {.done = {answered}};
    assert_ok(ww_capnp_call_send(call, &wanted.done));
    while (!wanted.count)
        ww_loop_turn(p->loop, false);
}

static void ask_in_vain(pair *p, ww_capnp_call *call, const char *reason)
{
    ask(p, call);
    assert_true(ww_capnp_call_failed(call));
    assert_int_equal(ww_capnp_call_exception(call), WW_CAPNP_FAILED);
    assert_string_equal(ww_capnp_call_reason(call), reason);
    ww_capnp_call_drop(call);
}

static void operator__its_connection_ends__is_released(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call;
    operator_operator_status_begin(p.operator, & call);
    ask(&p, call);
    ww_capnp_call_drop(call);
    end_connection(&p);
    assert_int_equal(p.fake.released, 1);
    finish(&p);
}

static void operator__asked_for_cells__tells_all_of_them(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call;
    operator_operator_cells_begin(p.operator, & call);
    ask(&p, call);
    operator_cell_l all =
        operator_operator_cells_results_cells(operator_operator_cells_response(call));
    assert_int_equal(all.list.count, CELLS);
    operator_cell_r one = operator_cell_l_at(all, 0), two = operator_cell_l_at(all, 1);
    assert_int_equal(operator_cell_number(one), 3);
    assert_view_is(operator_cell_name(one), "one");
    assert_int_equal(operator_cell_state(one), OPERATOR_CELL_STATE_RUNNING);
    assert_int_equal(operator_cell_age_ns(one), 10);
    assert_int_equal(operator_cell_cpu_ns(one), 20);
    assert_int_equal(operator_cell_memory_bytes(one), 30);
    assert_int_equal(operator_cell_parent(two), 3);
    assert_int_equal(operator_cell_state(two), OPERATOR_CELL_STATE_ENDING);
    assert_int_equal(operator_cell_calls(two), 40);
    assert_int_equal(operator_cell_refused_calls(two), 50);
    ww_capnp_call_drop(call);
    finish(&p);
}

static void operator__kill__reaches_the_cell_or_says_that_there_is_none(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call;
    operator_operator_kill_params_set_cell(operator_operator_kill_begin(p.operator, & call), 5);
    ask(&p, call);
    assert_false(ww_capnp_call_failed(call));
    assert_int_equal(p.fake.killed, 1);
    ww_capnp_call_drop(call);
    operator_operator_kill_params_set_cell(operator_operator_kill_begin(p.operator, & call), 4);
    ask_in_vain(&p, call, "no cell 4");
    finish(&p);
}

static void operator__status__tells_node_and_epoch(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call;
    operator_operator_status_begin(p.operator, & call);
    ask(&p, call);
    operator_status_r s =
        operator_operator_status_results_status(operator_operator_status_response(call));
    assert_view_is(operator_status_version(s), "1.2.3");
    assert_view_is(operator_status_node_id(s), "id");
    assert_int_equal(operator_status_process_id(s), 7);
    assert_int_equal(operator_status_cells(s), CELLS);
    assert_int_equal(operator_status_cells_max(s), 9);
    assert_int_equal(operator_status_operators(s), 1);
    assert_int_equal(operator_status_uptime_ns(s), 11);
    assert_view_is(operator_status_epoch_source(s), "local");
    ww_capnp_call_drop(call);
    finish(&p);
}

static void operator__advance__begins_the_next_epoch(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call;
    operator_operator_advance_epoch_params_set_head(
        operator_operator_advance_epoch_begin(p.operator, & call), WW_VIEW_LITERAL("head"));
    ask(&p, call);
    ww_capnp_call_drop(call);
    operator_operator_epoch_begin(p.operator, & call);
    ask(&p, call);
    operator_operator_epoch_results_r results = operator_operator_epoch_response(call);
    stem_epoch_r epoch = operator_operator_epoch_results_epoch(results);
    assert_int_equal(stem_epoch_seq(epoch), 1);
    assert_view_is(stem_epoch_head(epoch), "head");
    ww_capnp_call_drop(call);
    finish(&p);
}

static void operator__advance_of_a_static_epoch__is_refused(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_epoch_source_deinit(&p.epochs);
    ww_epoch_source_init_static(&p.epochs, &p.allocator.base);
    ww_capnp_call *call;
    operator_operator_advance_epoch_begin(p.operator, & call);
    ask_in_vain(&p, call, "the static epoch source is not advanced by an operator");
    finish(&p);
}

/* Asks for `wasm` to be run; the call is the caller's. */
static ww_capnp_call *begin_exec(pair *p, const char *wasm, bool grant_operator)
{
    ww_capnp_call *call;
    operator_exec_request_b request = operator_operator_exec_params_init_request(
        operator_operator_exec_begin(p->operator, & call));
    operator_exec_request_set_wasm(request, ww_view_str(wasm));
    operator_exec_request_set_name(request, WW_VIEW_LITERAL("x.wasm"));
    ww_capnp_text_lb_set(operator_exec_request_init_args(request, 1), 0, WW_VIEW_LITERAL("x"));
    ww_capnp_text_lb_set(operator_exec_request_init_env(request, 1), 0, WW_VIEW_LITERAL("K=V"));
    operator_exec_request_set_grant_operator(request, grant_operator);
    return call;
}

static void operator__exec__starts_a_cell_with_a_membrane(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call = begin_exec(&p, "component", false);
    ask(&p, call);
    assert_false(ww_capnp_call_failed(call));
    fake_cell *cell = p.cells.cells[0];
    assert_string_equal(cell->args[0], "x");
    assert_string_equal(cell->env[0], "K=V");
    ww_capnp_call *graft;
    stem_membrane_graft_begin((stem_membrane_cap){cell->bootstrap}, &graft);
    ask(&p, graft);
    assert_false(ww_capnp_call_failed(graft)); /* what the operator runs needs no signer */
    ww_capnp_call_drop(graft);
    peer_process_cap process =
        operator_operator_exec_results_process(operator_operator_exec_response(call));
    ww_capnp_call *wait;
    peer_process_wait_begin(process, &wait);
    fake_cell_exit(cell, 9);
    ask(&p, wait);
    assert_int_equal(peer_process_wait_results_exit_code(peer_process_wait_response(wait)), 9);
    ww_capnp_call_drop(wait);
    ww_capnp_call_drop(call);
    finish(&p);
}

static void operator__whose_host_is_crowded__may_look_and_kill_but_not_hold(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call;
    p.fake.is_crowded = true;
    stem_membrane_graft_begin((stem_membrane_cap){p.operator.cap}, &call);
    ask(&p, call);
    assert_int_equal(ww_capnp_call_exception(call), WW_CAPNP_OVERLOADED);
    assert_string_equal(ww_capnp_call_reason(call), WW_OPERATOR_TEXT_CROWDED);
    ww_capnp_call_drop(call);
    call = begin_exec(&p, "component", false);
    ask(&p, call);
    assert_string_equal(ww_capnp_call_reason(call), WW_OPERATOR_TEXT_CROWDED);
    ww_capnp_call_drop(call);
    assert_int_equal(p.cells.count, 0);
    operator_operator_kill_params_set_cell(operator_operator_kill_begin(p.operator, & call), 5);
    ask(&p, call);
    assert_false(ww_capnp_call_failed(call));
    assert_int_equal(p.fake.looks, 1);
    ww_capnp_call_drop(call);
    finish(&p);
}

static void operator__exec_of_what_does_not_load__says_why(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ask_in_vain(&p, begin_exec(&p, "bad: not a component", false), "not a component");
    finish(&p);
}

static void operator__given_to_a_cell__is_the_same_one_until_its_connection_ends(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call = begin_exec(&p, "component", true);
    ask(&p, call);
    ww_capnp_cap *held = ww_capnp_cap_ref(p.cells.cells[0]->bootstrap);
    assert_ptr_equal(ww_capnp_cap_server(held), &p.fake.host.server);
    ww_capnp_call_drop(call);
    end_connection(&p);
    assert_int_equal(p.fake.released, 0);
    ww_capnp_call *graft;
    stem_membrane_graft_begin((stem_membrane_cap){held}, &graft);
    ask_in_vain(&p, graft, "the operator's connection is over");
    ww_capnp_cap_unref(held);
    finish(&p);
}

static void operator__advance__spares_what_it_runs(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call = begin_exec(&p, "component", false);
    ask(&p, call);
    assert_ok(ww_epoch_advance(&p.epochs, WW_VIEW_LITERAL(""), NULL));
    p.clock.now_ns += 10 * WW_NS_PER_S;
    pump(&p);
    assert_int_equal(p.cells.cells[0]->kills, 0);
    ww_capnp_call_drop(call);
    finish(&p);
}

static void operator__its_connection_ends__what_it_runs_ends_too(void **state)
{
    (void)state;
    pair p;
    make(&p);
    ww_capnp_call *call = begin_exec(&p, "component", false);
    ask(&p, call);
    ww_capnp_call_drop(call);
    fake_cell *cell = p.cells.cells[0];
    cell->is_stubborn = true;
    char text[64];
    assert_string_equal(fake_cell_read(cell, text, sizeof text), "");
    assert_false(cell->is_told);
    end_connection(&p);
    assert_string_equal(fake_cell_read(cell, text, sizeof text), "EOF");
    assert_true(cell->is_told);
    assert_int_equal(cell->kills, 0);
    p.clock.now_ns += 5 * WW_NS_PER_S;
    pump(&p);
    assert_int_equal(cell->kills, 1);
    fake_cell_exit(cell, WW_EXIT_KILLED);
    finish(&p);
}

/* Starts a cell that has the executor of the session whose child it is. */
static void spawn_with_its_own_executor(pair *p)
{
    ww_capnp_call *graft, *load, *spawn;
    stem_membrane_graft_begin((stem_membrane_cap){p->operator.cap}, &graft);
    ask(p, graft);
    stem_session_r session =
        stem_membrane_graft_results_session(stem_membrane_graft_response(graft));
    peer_executor_cap executor = membrane_wetware_session_executor(
        membrane_wetware_session_from(stem_session_extension(session)));
    runtime_runtime_load_params_set_wasm(
        runtime_runtime_load_begin((runtime_runtime_cap){executor.cap}, &load),
        WW_VIEW_LITERAL("component"));
    ask(p, load);
    runtime_program_cap program =
        runtime_runtime_load_results_program(runtime_runtime_load_response(load));
    runtime_program_spawn_params_b params = runtime_program_spawn_begin(program, &spawn);
    runtime_grant_b grant =
        runtime_grant_lb_at(runtime_program_spawn_params_init_grants(params, 1), 0);
    runtime_grant_set_name(grant, WW_VIEW_LITERAL("executor"));
    ww_capnp_any_b_set_cap(runtime_grant_pointer_cap(grant), executor.cap);
    ask(p, spawn);
    ww_capnp_call_drop(spawn);
    ww_capnp_call_drop(load);
    ww_capnp_call_drop(graft);
}

/* The cell refers to the session, and the session to the cell. */
static void operator__its_connection_breaks__a_child_that_has_its_session_ends_too(void **state)
{
    (void)state;
    pair p;
    make(&p);
    spawn_with_its_own_executor(&p);
    fake_cell *cell = p.cells.cells[0];
    assert_non_null(cell);
    cell->is_stubborn = true;
    ww_rpc_link_free(p.link); /* lets go of the operator, which is what its owner hears first */
    p.link = NULL;
    pump(&p);
    assert_true(cell->is_told);
    p.clock.now_ns += 5 * WW_NS_PER_S;
    pump(&p);
    assert_int_equal(cell->kills, 1);
    fake_cell_exit(cell, WW_EXIT_KILLED);
    finish(&p);
}

/* Asks for everything; what could not be sent is not waited for. */
static void ask_if_possible(pair *p, ww_capnp_call *call)
{
    answer wanted = {.done = {answered}};
    if (ww_capnp_call_send(call, &wanted.done) == WW_OK)
        while (!wanted.count)
            ww_loop_turn(p->loop, false);
    ww_capnp_call_drop(call);
}

static void ask_for_everything(pair *p)
{
    ww_capnp_call *call;
    operator_operator_status_begin(p->operator, & call);
    ask_if_possible(p, call);
    operator_operator_cells_begin(p->operator, & call);
    ask_if_possible(p, call);
    operator_operator_advance_epoch_params_set_head(
        operator_operator_advance_epoch_begin(p->operator, & call), WW_VIEW_LITERAL("head"));
    ask_if_possible(p, call);
    stem_membrane_graft_begin((stem_membrane_cap){p->operator.cap}, &call);
    ask_if_possible(p, call);
    ask_if_possible(p, begin_exec(p, "component", true));
}

static void operator__any_allocation_fails__every_call_is_answered_and_all_given_back(void **state)
{
    (void)state;
    bool has_failed = true;
    for (size_t n = 1; has_failed; n++) {
        pair p;
        make(&p);
        size_t before = p.allocator.count;
        p.allocator.fail_at = before + n;
        ask_for_everything(&p);
        has_failed = p.allocator.count >= p.allocator.fail_at;
        p.allocator.fail_at = 0;
        finish(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operator__its_connection_ends__is_released),
        cmocka_unit_test(operator__asked_for_cells__tells_all_of_them),
        cmocka_unit_test(operator__kill__reaches_the_cell_or_says_that_there_is_none),
        cmocka_unit_test(operator__status__tells_node_and_epoch),
        cmocka_unit_test(operator__advance__begins_the_next_epoch),
        cmocka_unit_test(operator__advance_of_a_static_epoch__is_refused),
        cmocka_unit_test(operator__exec__starts_a_cell_with_a_membrane),
        cmocka_unit_test(operator__whose_host_is_crowded__may_look_and_kill_but_not_hold),
        cmocka_unit_test(operator__exec_of_what_does_not_load__says_why),
        cmocka_unit_test(operator__given_to_a_cell__is_the_same_one_until_its_connection_ends),
        cmocka_unit_test(operator__advance__spares_what_it_runs),
        cmocka_unit_test(operator__its_connection_ends__what_it_runs_ends_too),
        cmocka_unit_test(operator__its_connection_breaks__a_child_that_has_its_session_ends_too),
        cmocka_unit_test(operator__any_allocation_fails__every_call_is_answered_and_all_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
