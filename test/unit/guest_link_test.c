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

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test_setup_teardown(guest__that_calls_its_host__is_answered_and_ends_well,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
