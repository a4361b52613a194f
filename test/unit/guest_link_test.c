/* Real cells and their links: a session of a wasm32 guest with its host, both sides ours, and what bad guests do to it. */
#include "cell/cell.h"
#include "support/capnp_link.h"
#include "support/cells.h"

typedef struct fixture {
    test_cells cells;
    factory *root;
    ww_capnp_cap *root_cap;
    uint32_t live;
} fixture;

static int setup(void **state)
{
    static fixture f;
    test_cells_init(&f.cells);
    f.live = 0;
    f.root = factory_new(f.cells.rpc.vat, &f.live, &f.root_cap);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_capnp_cap_unref(f->root_cap);
    test_cells_deinit(&f->cells);
    assert_int_equal(f->live, 0);
    return 0;
}

static void run_guest(fixture *f, const char *name, const char *arg, test_cell *out)
{
    ww_program *program = test_program(&f->cells, name);
    test_guest guest = {
        .program = program, .args = {name, arg}, .bootstrap = f->root_cap, .timeout_ms = 20000};
    test_cell_start(&f->cells, &guest, out);
    test_cell_await(out);
    ww_program_unref(program);
}

static void guest__that_calls_its_host__is_answered_and_ends_well(void **state)
{
    fixture *f = *state;
    test_cell cell;
    run_guest(f, "link_echo", "100", &cell);
    assert_view_is(ww_buf_view(&cell.errors), "");
    assert_string_equal(cell.text, "");
    assert_int_equal(cell.facts.exit_code, 0);
    assert_int_equal(f->root->calls, 101); /* made one object, whose call is its own */
    test_cell_free(&cell);
    assert_int_equal(f->live, 1);
}

static void guest__of_the_runtime__is_one_module_without_an_adapter(void **state)
{
    fixture *f = *state;
    ww_program *program = test_program(&f->cells, "link_echo");
    assert_int_equal(ww_program_stats_of(program).core_instances, 2); /* with that of the thunks */
    ww_program_unref(program);
}

/* --- bad guests, each beside a good one that must not notice */

typedef struct pair {
    ww_program *bad_program, *good_program;
    test_cell bad, good;
} pair;

static void start_pair(fixture *f, pair *p, const char *kind, ww_capnp_cap *bootstrap)
{
    p->bad_program = test_program(&f->cells, "link_bad");
    p->good_program = test_program(&f->cells, "link_echo");
    test_guest bad = {.program = p->bad_program,
                      .args = {"link_bad", kind},
                      .bootstrap = bootstrap,
                      .timeout_ms = 500};
    test_guest good = {
        .program = p->good_program, .args = {"link_echo", "1000"}, .bootstrap = f->root_cap};
    test_cell_start(&f->cells, &bad, &p->bad);
    test_cell_start(&f->cells, &good, &p->good);
}

static void end_pair(pair *p)
{
    test_cell_await(&p->good);
    assert_int_equal(p->good.facts.status, WW_OK);
    assert_int_equal(p->good.facts.exit_code, 0);
    assert_view_is(ww_buf_view(&p->good.errors), "");
    test_cell_await(&p->bad);
    ww_program_unref(p->bad_program);
    ww_program_unref(p->good_program);
}

static void free_pair(pair *p)
{
    test_cell_free(&p->bad);
    test_cell_free(&p->good);
}

static void garbage__on_the_link__ends_the_link_and_not_the_guest(void **state)
{
    fixture *f = *state;
    pair p;
    start_pair(f, &p, "garbage", f->root_cap);
    end_pair(&p);
    assert_view_is(ww_buf_view(&p.bad.output), "told why, then closed\n");
    assert_int_equal(p.bad.facts.exit_code, 0);
    free_pair(&p);
}

static void message__that_never_comes_whole__goes_with_its_guest(void **state)
{
    static const char *const kinds[] = {"half", "promise"};
    fixture *f = *state;
    for (size_t i = 0; i < WW_COUNT_OF(kinds); i++) {
        pair p;
        start_pair(f, &p, kinds[i], f->root_cap);
        end_pair(&p);
        assert_int_equal(p.bad.facts.status, WW_OK);
        assert_int_equal(p.bad.facts.exit_code, 0);
        free_pair(&p);
    }
}

static void million_calls__whose_answers_nobody_reads__stop_being_taken(void **state)
{
    fixture *f = *state;
    pair p;
    start_pair(f, &p, "flood", f->root_cap);
    end_pair(&p);
    assert_int_equal(p.bad.facts.status, WW_E_TIMEOUT); /* it stood still, in a write */
    assert_in_range(f->root->calls, 1000, 1000 + 10000);
    free_pair(&p);
}

static void guest__that_closes_all_at_once__ends_well(void **state)
{
    fixture *f = *state;
    pair p;
    start_pair(f, &p, "close", f->root_cap);
    end_pair(&p);
    assert_int_equal(p.bad.facts.status, WW_OK);
    assert_int_equal(p.bad.facts.exit_code, 0);
    free_pair(&p);
}

static void guest__that_asks_for_a_second_link__traps(void **state)
{
    fixture *f = *state;
    pair p;
    start_pair(f, &p, "twice", f->root_cap);
    end_pair(&p);
    assert_int_equal(p.bad.facts.status, WW_E_TRAP);
    assert_string_equal(p.bad.text, "data streams not enabled");
    free_pair(&p);
}

/* An object that ends the cell that calls it. */
typedef struct killer {
    ww_capnp_server server;
    test_cell *victim;
    uint32_t calls;
} killer;

static void end_caller(ww_capnp_server *self, ww_capnp_call *call)
{
    killer *k = WW_CONTAINER_OF(self, killer, server);
    k->calls++;
    ww_cell_end(k->victim->cell, WW_E_CANCELED);
    ww_capnp_call_return(call);
}

static void guest__that_ends_itself_through_its_link__is_ended(void **state)
{
    static const interop_echo_vt methods = {.ping = end_caller, .make = end_caller};
    fixture *f = *state;
    pair p;
    killer k = {.victim = &p.bad};
    ww_capnp_cap *cap = interop_echo_serve(f->cells.rpc.vat, &k.server, &methods, NULL).cap;
    p.bad_program = test_program(&f->cells, "link_echo");
    p.good_program = ww_program_ref(p.bad_program);
    test_guest bad = {.program = p.bad_program, .args = {"link_echo"}, .bootstrap = cap};
    test_guest good = {
        .program = p.good_program, .args = {"link_echo", "100"}, .bootstrap = f->root_cap};
    test_cell_start(&f->cells, &bad, &p.bad);
    test_cell_start(&f->cells, &good, &p.good);
    end_pair(&p);
    assert_int_equal(p.bad.facts.status, WW_E_CANCELED);
    assert_true(k.calls >= 1);
    free_pair(&p);
    ww_capnp_cap_unref(cap);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(guest__that_calls_its_host__is_answered_and_ends_well),
        CASE(guest__of_the_runtime__is_one_module_without_an_adapter),
        CASE(garbage__on_the_link__ends_the_link_and_not_the_guest),
        CASE(message__that_never_comes_whole__goes_with_its_guest),
        CASE(million_calls__whose_answers_nobody_reads__stop_being_taken),
        CASE(guest__that_closes_all_at_once__ends_well),
        CASE(guest__that_asks_for_a_second_link__traps),
        CASE(guest__that_ends_itself_through_its_link__is_ended),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
