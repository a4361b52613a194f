#include "support/row.h"
#include "os/clock.h"
#include "os/file.h"
#include <stdio.h>
#include <stdlib.h>

static void print(const bench_row *row, const char *ours)
{
    printf("{\"name\":\"%s\",\"unit\":\"%s\",\"ours\":%s,\"goal\":%g,\"bound\":", row->name,
           row->unit, ours, row->goal);
    if (row->bound > 0)
        printf("%g}\n", row->bound);
    else
        printf("null}\n");
    fflush(stdout);
}

void bench_announce(const bench_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print(&rows[i], "null");
}

void bench_print(const bench_row *row, double ours)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", ours);
    print(row, text);
}

uint64_t bench_now_ns(void)
{
    return ww_clock_now_ns(ww_clock_system());
}

void bench_fail(const char *what, const ww_diag *diag)
{
    fprintf(stderr, "bench: %s: %s\n", what, diag ? diag->text : "failed");
    exit(1);
}

void bench_read_file(const char *path, ww_buf *out)
{
    ww_diag diag;
    if (ww_file_read(path, out, &diag)) bench_fail("reading", &diag);
}

double bench_best_ns(bench_round *round, void *arg, uint32_t count)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        uint64_t start = bench_now_ns();
        round(arg, count);
        uint64_t time = bench_now_ns() - start;
        if (time < best) best = time;
    }
    return (double)best / count;
}
