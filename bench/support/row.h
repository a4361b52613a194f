/* bench/support/row.h - rows of the table that `make bench` prints.
 *
 * Model      A program announces all its rows first, so that one that cannot run counts as short,
 *            then measures and prints them, one JSON object on a line each. tools/bench adds the
 *            peer's figures and the ratio. A row is the best of many short rounds, as in
 *            the peer: whatever else the machine does spoils only some of them.
 */
#pragma once
#include "base/bytes.h"

enum { BENCH_ROUNDS = 50 };

typedef struct bench_row {
    const char *name, *unit;
    double goal;  /* the largest allowed ratio of ours to the bound */
    double bound; /* in `unit`; 0: the peer's figure */
} bench_row;

void bench_announce(const bench_row *rows, size_t count);
void bench_print(const bench_row *row, double ours);

uint64_t bench_now_ns(void);

/* Ends the program with a line on stderr. */
_Noreturn void bench_fail(const char *what, const ww_diag *diag);
/* Appends the file at `path`. */
void bench_read_file(const char *path, ww_buf *out);

typedef void bench_round(void *arg, uint32_t count);

/* Nanoseconds of one of `count` turns in the best round. */
double bench_best_ns(bench_round *round, void *arg, uint32_t count);
