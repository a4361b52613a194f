/* test/support/fake_cells.h - a spawner whose cells do what the test says, and pipes in memory.
 *
 * Loading fails for bytes that begin with "bad: ", with the rest as its reason; spawning fails for a program whose bytes
 * are "no start". Both answer from a task of the loop, or when the test says so if `is_slow`. */
#pragma once
#include "os/loop.h"
#include "rpc/spawner.h"
#include "support/check.h"

enum { FAKE_PIPE_SIZE = 65536, FAKE_CELLS_MAX = 512 };

/* Two ends of one pipe, each with one reference; freed with the last. */
void fake_pipe_new(ww_source **source, ww_sink **sink);

typedef struct fake_cell {
    ww_process base;
    struct fake_cells *all;
    ww_source *input;         /* what it reads */
    ww_sink *output, *errors; /* what it writes to */
    ww_capnp_cap *bootstrap;  /* that it was given */
    ww_capnp_cap *exports;    /* that it gives; set by the test */
    uint32_t arg_count, env_count;
    char args[8][32], env[8][32];
    bool is_stubborn; /* does not end when killed, until the test lets it */
    bool is_told;     /* that its session is over */
    uint32_t kills;
} fake_cell;

typedef struct fake_cells {
    ww_spawner base;
    ww_loop *loop;
    ww_task task;
    bool is_slow;
    struct fake_errand *first, **last; /* to be answered */
    fake_cell *cells[FAKE_CELLS_MAX];  /* in the order of their starts; NULL once freed */
    uint32_t count, loads, loaded;     /* loaded: programs alive */
} fake_cells;

void fake_cells_init(fake_cells *cells, ww_loop *loop);
/* Ends and forgets those that still run. */
void fake_cells_deinit(fake_cells *cells);
void fake_cells_answer(fake_cells *cells); /* what is_slow held back */

/* The cell's own doing. */
void fake_cell_exit(fake_cell *cell, int32_t code);
/* What it can read now, and "EOF" at the end, into `out` of at least 64 bytes. */
const char *fake_cell_read(fake_cell *cell, char *out, size_t size);
size_t fake_cell_write(fake_cell *cell, ww_sink *sink, const void *data, size_t size);
