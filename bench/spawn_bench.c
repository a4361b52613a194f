/* From a fresh store to the guest's end and the store's: the C hello, compiled already, its output
 * going to /dev/null. One cell after the other, each begun when the one before has ended. */
#include "support/row.h"
#include "support/stage.h"
#include <fcntl.h>
#include <stdio.h>

typedef struct spawner {
    bench_stage stage;
    bench_guest guest;
    ww_cell *cell;
    uint32_t left;
} spawner;

static void next(void *self)
{
    spawner *s = self;
    if (s->cell && ww_cell_facts_of(s->cell).exit_code) bench_fail("the guest failed", NULL);
    ww_cell_free(s->cell);
    s->cell = NULL;
    if (s->left-- == 0)
        ww_loop_stop(s->stage.loop);
    else
        s->cell = bench_spawn(&s->stage, &s->guest);
}

static void spawn(void *arg, uint32_t count)
{
    spawner *s = arg;
    s->left = count;
    next(s);
    ww_loop_run(s->stage.loop);
}

static ww_sink *open_null(ww_loop *loop)
{
    ww_fd *fd;
    ww_sink *sink;
    ww_diag diag;
    if (ww_fd_adopt(loop, open("/dev/null", O_WRONLY | O_CLOEXEC | O_NONBLOCK), &fd, &diag) ||
        ww_sink_of_fd(fd, WW_FD_HERE, &sink))
        bench_fail("/dev/null", NULL);
    ww_fd_unref(fd);
    return sink;
}

int main(int argc, char **argv)
{
    static const bench_row row = {"spawn_hello", "ns", 0.9, 0};
    if (argc != 2) {
        fputs("usage: spawn_bench BUILD\n", stderr);
        return 2;
    }
    bench_announce(&row, 1);
    char path[4096];
    spawner s = {.left = 0};
    bench_stage_init(&s.stage);
    snprintf(path, sizeof path, "%s/images/hello/main.wasm", argv[1]);
    s.guest = (bench_guest){
        .program = bench_load(&s.stage, path),
        .output = open_null(s.stage.loop),
        .on_end = {&s, next},
    };
    bench_print(&row, bench_best_ns(spawn, &s, 300));
    ww_program_stats stats = ww_program_stats_of(s.guest.program);
    fprintf(stderr, "spawn_hello: %u core instances, %u host functions, %u thunks\n",
            stats.core_instances, stats.host_functions, stats.thunks);
    ww_sink_unref(s.guest.output);
    ww_program_unref(s.guest.program);
    bench_stage_deinit(&s.stage);
    return 0;
}
