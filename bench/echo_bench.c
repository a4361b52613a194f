/* How long a guest takes to answer while another one spins on the same loop. Both cells live in a
 * child process; the parent asks through pipes, at times that the slices do not know. */
#include "support/row.h"
#include "support/stage.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUESTIONS = 2000, WARM_UP = 50 };

static void stop(void *self)
{
    ww_loop_stop(self);
}

static void never(void *self)
{
    (void)self;
}

static ww_fd *adopt(ww_loop *loop, int number)
{
    ww_fd *fd;
    ww_diag diag;
    fcntl(number, F_SETFL, O_NONBLOCK);
    if (ww_fd_adopt(loop, number, &fd, &diag)) bench_fail("pipe", &diag);
    return fd;
}

/* Until the parent closes its end. */
static void run_cells(const char *build, int input, int output)
{
    bench_stage stage;
    char path[4096];
    bench_stage_init(&stage);
    bench_guest spin = {.on_end = {NULL, never}}, echo = {.on_end = {stage.loop, stop}};
    snprintf(path, sizeof path, "%s/guests/spin.wasm", build);
    spin.program = bench_load(&stage, path);
    snprintf(path, sizeof path, "%s/guests/echo.wasm", build);
    echo.program = bench_load(&stage, path);
    ww_fd *in = adopt(stage.loop, input), *out = adopt(stage.loop, output);
    if (ww_source_of_fd(in, WW_FD_HERE, &echo.input) ||
        ww_sink_of_fd(out, WW_FD_HERE, &echo.output))
        bench_fail("pipe", NULL);
    ww_cell *spinner = bench_spawn(&stage, &spin), *answerer = bench_spawn(&stage, &echo);
    ww_loop_run(stage.loop);
    ww_cell_free(answerer);
    ww_cell_free(spinner);
    ww_source_unref(echo.input);
    ww_sink_unref(echo.output);
    ww_fd_unref(in);
    ww_fd_unref(out);
    ww_program_unref(spin.program);
    ww_program_unref(echo.program);
    bench_stage_deinit(&stage);
}

static uint64_t ask(int question, int answer)
{
    char text[16] = "how long, then?";
    uint64_t start = bench_now_ns();
    if (write(question, text, sizeof text) != sizeof text) bench_fail("asking", NULL);
    for (size_t got = 0; got < sizeof text;) {
        ssize_t more = read(answer, text + got, sizeof text - got);
        if (more <= 0) bench_fail("no answer", NULL);
        got += (size_t)more;
    }
    return bench_now_ns() - start;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double p99_ms(int question, int answer)
{
    static uint64_t times[QUESTIONS];
    for (int i = -WARM_UP; i < QUESTIONS; i++) {
        struct timespec pause = {.tv_nsec = 500000 + (i + WARM_UP) * 7919 % 1000 * 1000};
        nanosleep(&pause, NULL);
        uint64_t time = ask(question, answer);
        if (i >= 0) times[i] = time;
    }
    qsort(times, QUESTIONS, sizeof *times, by_size);
    return (double)times[QUESTIONS * 99 / 100] / 1e6;
}

int main(int argc, char **argv)
{
    static const bench_row row = {"echo_p99_beside_spinner", "ms", 1.0, 5};
    int questions[2], answers[2], status;
    if (argc != 2) {
        fputs("usage: echo_bench BUILD\n", stderr);
        return 2;
    }
    bench_announce(&row, 1);
    if (pipe(questions) || pipe(answers)) bench_fail("pipe", NULL);
    pid_t child = fork();
    if (child < 0) bench_fail("fork", NULL);
    if (child == 0) {
        close(questions[1]);
        close(answers[0]);
        run_cells(argv[1], questions[0], answers[1]);
        return 0;
    }
    close(questions[0]);
    close(answers[1]);
    double ms = p99_ms(questions[1], answers[0]);
    close(questions[1]);
    if (waitpid(child, &status, 0) != child || status) bench_fail("the child failed", NULL);
    close(answers[0]);
    bench_print(&row, ms);
    return 0;
}
