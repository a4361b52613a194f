/* test/support/cells.h - what real cells need, without a node: engine, loop, ticker, linker, vat. */
#pragma once
#include "cell/cell.h"
#include "support/check.h"

/* What `ww run` grants, without files. */
#define TEST_CAPABILITIES                                                                          \
    (1u << WW_CAPABILITY_IO | 1u << WW_CAPABILITY_STDIO | 1u << WW_CAPABILITY_ENVIRONMENT |        \
     1u << WW_CAPABILITY_EXIT | 1u << WW_CAPABILITY_CLOCK | 1u << WW_CAPABILITY_FILESYSTEM |       \
     1u << WW_CAPABILITY_MEMBRANE)

typedef struct test_cells {
    ww_loop *loop;
    ww_ticker *ticker;
    ww_engine *engine;
    ww_linker *linker;
    ww_random_system random;
    ww_audit_ring audit;
    ww_principal principal;
    ww_authority authority;
    ww_rpc_vat rpc;
    uint32_t count;
} test_cells;

void test_cells_init(test_cells *cells);
/* After all cells were freed. */
void test_cells_deinit(test_cells *cells);

/* build/guests/NAME.wasm */
void test_component(const char *name, ww_buf *out);
ww_program *test_program(test_cells *cells, const char *name);

enum { TEST_ARGS_MAX = 4 };

/* A cell of one run, and how it ended. */
typedef struct test_cell {
    ww_cell *cell;
    test_cells *cells;
    ww_view args[TEST_ARGS_MAX];
    ww_buf output, errors;
    ww_sink *output_sink, *errors_sink;
    bool has_ended;
    ww_cell_facts facts; /* once it ended; texts are cut off */
    char text[256];
} test_cell;

typedef struct test_guest {
    ww_program *program;
    const char *args[TEST_ARGS_MAX]; /* up to the first NULL */
    ww_capnp_cap *bootstrap;
    uint64_t timeout_ms;
} test_guest;

void test_cell_start(test_cells *cells, const test_guest *guest, test_cell *out);
/* Turns the loop until it has ended. */
void test_cell_await(test_cell *cell);
/* Also before it has ended. */
void test_cell_free(test_cell *cell);
