/* Cells that call their host, start each other and talk with each other, in a whole node; times are taken by the guest
 * (bench/guest/cell_calls.c). */
#include "capnp/peer.capnp.h"
#include "node/inside.h"
#include "support/row.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPAWNERS = 4, LIVE = 1000, CELLS_MAX = 1200, COMPONENT_MAX = 4 << 20 };

/* Of samples, or one alone. */
enum { MEDIAN, P99, MOST_WAITS };
typedef struct figures {
    double of[3];
} figures;

typedef struct bench {
    ww_node *node;
    ww_buf component;
    ww_loaded *program;
    ww_tenant *tenant;
    ww_capnp_cap *membrane, *executor;
    ww_capnp_server server;
} bench;

/* --- an executor without a membrane */

static void echo(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    ww_view message = peer_executor_echo_params_message(peer_executor_echo_params(call));
    peer_executor_echo_results_set_response(peer_executor_echo_results(call), message);
    ww_capnp_call_return(call);
}

static const peer_executor_vt EXECUTOR = {.echo = echo};

/* --- guests */

typedef struct loading {
    ww_load load;
    ww_loaded *program;
    bool is_done;
} loading;

static void loaded(ww_load *self, ww_loaded *program, const ww_diag *diag)
{
    loading *l = WW_CONTAINER_OF(self, loading, load);
    if (!program) bench_fail("load", diag);
    l->program = program;
    l->is_done = true;
}

typedef struct spawning {
    ww_spawn spawn;
    ww_process *process;
} spawning;

static void spawned(ww_spawn *self, ww_process *process, const ww_diag *diag)
{
    if (!process) bench_fail("spawn", diag);
    WW_CONTAINER_OF(self, spawning, spawn)->process = process;
}

/* With the component on its standard input if it is to start others. */
static ww_process *start(bench *b, const char *kind, const char *count, ww_capnp_cap *bootstrap,
                         bool has_component)
{
    ww_view args[3] = {WW_VIEW_LITERAL("cell_calls"), ww_view_str(kind), ww_view_str(count)};
    ww_spawn_request request = {
        .program = b->program,
        .args = args,
        .arg_count = 3,
        .bootstrap = bootstrap,
        .account = ww_tenant_account(b->tenant),
    };
    spawning s = {.spawn = {.done = spawned}};
    ww_spawner *spawner = &b->node->spawner.base;
    spawner->spawn(spawner, &request, &s.spawn);
    while (!s.process)
        ww_loop_turn(b->node->loop, true);
    if (has_component) {
        ww_sink_put(s.process->input, ww_buf_view(&b->component));
        ww_sink_unref(s.process->input);
        s.process->input = NULL;
    }
    return s.process;
}

static void give_back(ww_process *process)
{
    ww_sink_unref(process->input);
    ww_source_unref(process->output);
    ww_source_unref(process->errors);
    ww_process_unref(process);
}

/* What the guest printed, up to three numbers. */
static figures finish(bench *b, ww_process *process)
{
    char text[256] = "";
    size_t got = 0;
    while (!process->has_ended)
        ww_loop_turn(b->node->loop, true);
    ww_source *from = process->exit_code ? process->errors : process->output;
    if (ww_source_read(from, text, sizeof text - 1, &got)) text[0] = '\0';
    if (process->exit_code) bench_fail(text, NULL);
    char *end = text;
    figures out;
    for (size_t i = 0; i < WW_COUNT_OF(out.of); i++)
        out.of[i] = strtod(end, &end);
    give_back(process);
    return out;
}

static figures measure(bench *b, const char *kind, const char *count, ww_capnp_cap *bootstrap)
{
    return finish(b, start(b, kind, count, bootstrap, true));
}

static void measure_echo(bench *b, const bench_row *rows)
{
    bench_print(rows, measure(b, "echo", "2000", b->executor).of[0]);
}

static void measure_graft(bench *b, const bench_row *rows)
{
    figures got = measure(b, "graft", "2000", b->membrane);
    bench_print(&rows[0], got.of[MOST_WAITS]);
    bench_print(&rows[1], got.of[MEDIAN]);
}

static void measure_run(bench *b, const bench_row *rows)
{
    bench_print(rows, measure(b, "run", "2000", b->membrane).of[MEDIAN]);
}

/* The worst of the spawners' figures. */
static void measure_spawners(bench *b, const bench_row *rows)
{
    ww_process *processes[SPAWNERS];
    for (int i = 0; i < SPAWNERS; i++)
        processes[i] = start(b, "run", "500", b->membrane, true);
    double worst = 0;
    for (int i = 0; i < SPAWNERS; i++) {
        double p99 = finish(b, processes[i]).of[P99];
        if (p99 > worst) worst = p99;
    }
    bench_print(rows, worst);
}

static void measure_spawn(bench *b, const bench_row *rows)
{
    bench_print(rows, measure(b, "spawn", "2000", b->membrane).of[MEDIAN]);
}

static void measure_stream(bench *b, const bench_row *rows)
{
    bench_print(rows, measure(b, "pipe", "1024", b->membrane).of[0]);
}

static double resident_bytes(void)
{
    unsigned long all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &all, &resident) != 2) bench_fail("statm", NULL);
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void measure_resident(bench *b, const bench_row *rows)
{
    static ww_process *processes[LIVE];
    double before = resident_bytes();
    for (int i = 0; i < LIVE; i++)
        processes[i] = start(b, "wait", "0", b->membrane, false);
    for (int i = 0; i < 100; i++)
        ww_loop_turn(b->node->loop, false);
    bench_print(rows, (resident_bytes() - before) / LIVE);
    for (int i = 0; i < LIVE; i++) {
        ww_sink_unref(processes[i]->input);
        processes[i]->input = NULL;
        finish(b, processes[i]);
    }
}

/* --- the node */

static void open_bench(bench *b, const char *build)
{
    char path[4096];
    ww_diag diag;
    ww_node_options options = {
        .allocator = ww_allocator_libc(), .cells_max = CELLS_MAX, .memory_bytes_max = 1 << 30};
    if (ww_node_new(&options, &b->node, &diag)) bench_fail("node", &diag);
    ww_buf_init(&b->component, ww_allocator_libc(), COMPONENT_MAX);
    snprintf(path, sizeof path, "%s/guests/cell_calls.wasm", build);
    bench_read_file(path, &b->component);
    loading l = {.load = {.done = loaded}};
    ww_spawner *spawner = &b->node->spawner.base;
    spawner->load(spawner, ww_buf_view(&b->component), &l.load);
    while (!l.is_done)
        ww_loop_turn(b->node->loop, true);
    b->program = l.program;
    const ww_tenant_rights rights = {.is_trusted = true};
    b->tenant = ww_tenant_new(&b->node->sessions, &rights);
    b->membrane = b->tenant ? ww_tenant_membrane(b->tenant) : NULL;
    b->executor = peer_executor_serve(b->node->rpc.vat, &b->server, &EXECUTOR, NULL).cap;
    if (!b->membrane || !b->executor) bench_fail("no memory", NULL);
    fprintf(stderr, "cells: the component has %zu bytes\n", b->component.size);
}

static void close_bench(bench *b)
{
    ww_capnp_cap_unref(b->executor);
    ww_capnp_cap_unref(b->membrane);
    ww_tenant_end(b->tenant);
    ww_tenant_unref(b->tenant);
    ww_loaded_unref(b->program);
    ww_node_free(b->node);
    ww_buf_deinit(&b->component);
}

/* What is measured for one row or more. */
typedef struct part {
    void (*measure)(bench *b, const bench_row *rows);
    uint32_t first_row;
} part;

int main(int argc, char **argv)
{
    static const bench_row rows[] = {
        {"guest_echo", "ns", 1.0, 3000},
        {"guest_graft_executor_echo", "round trips", 1.0, 1},
        {"guest_graft_executor_echo_time", "ns", 1.0, 20000},
        {"run_bytes_p50", "ns", 1.0, 100000},
        {"run_bytes_p99_of_4", "ns", 1.0, 400000},
        {"spawn_loaded_p50", "ns", 1.0, 40000},
        {"stream_1g_guest_to_guest", "ns", 1.0, 1e9},
        {"cell_resident", "B", 1.0, 256 << 10},
    };
    static const part parts[] = {{measure_echo, 0},     {measure_graft, 1}, {measure_run, 3},
                                 {measure_spawners, 4}, {measure_spawn, 5}, {measure_stream, 6},
                                 {measure_resident, 7}};
    if (argc != 2 && argc != 3) {
        fputs("usage: cells_bench BUILD [ROW]\n", stderr);
        return 2;
    }
    bench_announce(rows, WW_COUNT_OF(rows));
    bench b = {.node = NULL};
    open_bench(&b, argv[1]);
    for (size_t i = 0; i < WW_COUNT_OF(parts); i++)
        if (argc == 2 || strcmp(argv[2], rows[parts[i].first_row].name) == 0)
            parts[i].measure(&b, &rows[parts[i].first_row]);
    close_bench(&b);
    return 0;
}
