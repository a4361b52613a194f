/* bench/support/peer.h - figures of a peer that is a program beside the benchmark's own. */
#pragma once
#include "support/row.h"

/* Runs `program`, which prints "NAME FIGURE" a line, and takes its figures as the bounds of rows that have none.
 * Without the program they stay without. */
void bench_peer_rows(const char *program, bench_row *rows, size_t count);
