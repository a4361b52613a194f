/* cell_calls KIND COUNT: calls over the cell's link, timed from inside; prints nanoseconds.
 *
 *   echo    the bootstrap is an executor: COUNT echoes, one after the other; of one
 *   graft   the bootstrap is a membrane: graft, executor and echo, pipelined; of the three: samples
 *   run     runBytes of the component on standard input until the process is there: samples
 *   spawn   the same for a component that is loaded: Program.spawn
 *   pipe    COUNT MiB written into the standard input of the component on standard input; of all
 *   drain   reads its standard input to the end
 *   wait    until its standard input ends
 *   none    nothing
 *
 * Of samples it prints the median, the 99th percentile, and how often the guest waited at most: its round trips.
 */
#include "capnp/membrane.capnp.h"
#include "capnp/runtime.capnp.h"
#include "imports.h"
#include <stdio.h>
#include <stdlib.h>
#include <ww/guest.h>

IMPORT("wasi:clocks/monotonic-clock@0.2.12", "now") uint64_t now(void);

enum { COMPONENT_MAX = 4 << 20, PADDING = 8, PIECE = 64 << 10, WINDOW = 8 };

/* Taken when they are needed, so that cells without them stay small. */
static uint64_t *samples;
static uint8_t *component, *piece;
static uint64_t most_waits;

typedef struct moment {
    uint64_t ns, waits;
} moment;

static moment begin_sample(const ww_guest *guest)
{
    return (moment){.waits = ww_guest_waits(guest), .ns = now()};
}

static void end_sample(const ww_guest *guest, moment begin, uint32_t index)
{
    samples[index] = now() - begin.ns;
    uint64_t waits = ww_guest_waits(guest) - begin.waits;
    if (waits > most_waits) most_waits = waits;
}

static _Noreturn void fail(ww_guest *guest, ww_capnp_call *call)
{
    ww_guest_fail(guest, "cell_calls: %s", call ? ww_capnp_call_reason(call) : "no memory");
    exit_with_code(1);
    __builtin_trap();
}

static void await(ww_guest *guest, ww_capnp_call *call)
{
    if (!ww_guest_call(guest, call)) fail(guest, call);
}

static void send(ww_guest *guest, ww_capnp_call *call)
{
    if (!call || ww_capnp_call_send(call, NULL)) fail(guest, call);
    ww_capnp_call_drop(call);
}

static void echo_once(ww_guest *guest, peer_executor_cap executor)
{
    ww_capnp_call *call;
    peer_executor_echo_params_set_message(peer_executor_echo_begin(executor, &call),
                                          WW_VIEW_LITERAL("hello"));
    await(guest, call);
    ww_capnp_call_drop(call);
}

static peer_executor_cap graft(ww_guest *guest, ww_capnp_cap *membrane)
{
    ww_capnp_call *call;
    stem_membrane_graft_begin((stem_membrane_cap){membrane}, &call);
    ww_capnp_pipeline extension = stem_session_p_extension(
        stem_membrane_graft_results_p_session(stem_membrane_graft_pipeline(call)));
    peer_executor_cap executor = {ww_capnp_pipeline_cap(ww_capnp_pipeline_field(extension, 1))};
    send(guest, call);
    return executor;
}

static size_t read_component(ww_guest *guest)
{
    size_t size = 0, got;
    component = malloc(COMPONENT_MAX);
    if (!component) fail(guest, NULL);
    while (ww_guest_read(guest, component + size, COMPONENT_MAX - PADDING - size, &got) == WW_OK)
        size += got;
    memset(component + size, 0, PADDING); /* lent without copying */
    return size;
}

static void init_args(ww_capnp_any_b place, const char *kind)
{
    ww_capnp_list_b list = ww_capnp_any_b_init_list(place, WW_CAPNP_POINTERS, 2);
    ww_capnp_text_lb args = {list};
    ww_capnp_text_lb_set(args, 0, WW_VIEW_LITERAL("cell_calls"));
    ww_capnp_text_lb_set(args, 1, ww_view_str(kind));
}

static ww_capnp_call *begin_run(peer_executor_cap executor, size_t size, const char *kind)
{
    ww_capnp_call *call;
    peer_executor_run_bytes_params_b params = peer_executor_run_bytes_begin(executor, &call);
    ww_capnp_any_b_set_external(peer_executor_run_bytes_params_pointer_wasm(params),
                                ww_view_of(component, size), size + PADDING);
    init_args(peer_executor_run_bytes_params_pointer_args(params), kind);
    return call;
}

static int order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void print_samples(ww_guest *guest, uint32_t count)
{
    qsort(samples, count, sizeof *samples, order);
    ww_guest_print(
        guest, WW_GUEST_OUTPUT, "%llu %llu %llu\n", (unsigned long long)samples[count / 2],
        (unsigned long long)samples[count - count / 100 - 1], (unsigned long long)most_waits);
}

static void print_one(ww_guest *guest, uint64_t ns)
{
    ww_guest_print(guest, WW_GUEST_OUTPUT, "%llu\n", (unsigned long long)ns);
}

static void run_echo(ww_guest *guest, uint32_t count)
{
    enum { ROUNDS = 20 };
    peer_executor_cap executor = {ww_guest_link(guest, NULL)};
    uint64_t best = UINT64_MAX;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t begin = now();
        for (uint32_t i = 0; i < count; i++)
            echo_once(guest, executor);
        uint64_t ns = (now() - begin) / count;
        if (ns < best) best = ns;
    }
    print_one(guest, best);
}

static void run_graft(ww_guest *guest, uint32_t count)
{
    ww_capnp_cap *membrane = ww_guest_link(guest, NULL);
    samples = malloc(count * sizeof *samples);
    for (uint32_t i = 0; i < count; i++) {
        moment begin = begin_sample(guest);
        peer_executor_cap executor = graft(guest, membrane);
        echo_once(guest, executor);
        end_sample(guest, begin, i);
        ww_capnp_cap_unref(executor.cap);
    }
    print_samples(guest, count);
}

static void run_run(ww_guest *guest, uint32_t count)
{
    peer_executor_cap executor = graft(guest, ww_guest_link(guest, NULL));
    size_t size = read_component(guest);
    samples = malloc(count * sizeof *samples);
    for (uint32_t i = 0; i < count; i++) {
        moment begin = begin_sample(guest);
        ww_capnp_call *call = begin_run(executor, size, "none");
        await(guest, call);
        end_sample(guest, begin, i);
        ww_capnp_call_drop(call);
    }
    print_samples(guest, count);
}

static runtime_program_cap load(ww_guest *guest, peer_executor_cap executor)
{
    ww_capnp_call *call;
    size_t size = read_component(guest);
    runtime_runtime_load_params_b params =
        runtime_runtime_load_begin((runtime_runtime_cap){executor.cap}, &call);
    runtime_runtime_load_params_set_wasm(params, ww_view_of(component, size));
    await(guest, call);
    runtime_program_cap program =
        runtime_runtime_load_results_program(runtime_runtime_load_response(call));
    ww_capnp_cap_ref(program.cap);
    ww_capnp_call_drop(call);
    return program;
}

static void run_spawn(ww_guest *guest, uint32_t count)
{
    runtime_program_cap program = load(guest, graft(guest, ww_guest_link(guest, NULL)));
    samples = malloc(count * sizeof *samples);
    for (uint32_t i = 0; i < count; i++) {
        moment begin = begin_sample(guest);
        ww_capnp_call *call;
        runtime_program_spawn_params_b params = runtime_program_spawn_begin(program, &call);
        init_args(runtime_program_spawn_params_pointer_args(params), "none");
        await(guest, call);
        end_sample(guest, begin, i);
        ww_capnp_call_drop(call);
    }
    print_samples(guest, count);
}

typedef struct writer {
    ww_capnp_done done;
    uint32_t in_flight;
} writer;

static void written(ww_capnp_done *done, ww_capnp_call *call)
{
    if (ww_capnp_call_failed(call)) __builtin_trap();
    WW_CONTAINER_OF(done, writer, done)->in_flight--;
}

static void write_piece(ww_guest *guest, writer *w, peer_byte_stream_cap to)
{
    ww_capnp_call *call;
    peer_byte_stream_write_params_b params = peer_byte_stream_write_begin(to, &call);
    ww_capnp_any_b_set_external(peer_byte_stream_write_params_pointer_data(params),
                                ww_view_of(piece, PIECE), PIECE);
    if (!call || ww_capnp_call_send(call, &w->done)) fail(guest, call);
    ww_capnp_call_drop(call);
    w->in_flight++;
}

static void end_input(ww_guest *guest, peer_byte_stream_cap input, peer_process_cap process)
{
    ww_capnp_call *call;
    peer_byte_stream_close_begin(input, &call);
    await(guest, call);
    ww_capnp_call_drop(call);
    peer_process_wait_begin(process, &call);
    await(guest, call);
    ww_capnp_call_drop(call);
}

static void run_pipe(ww_guest *guest, uint32_t mebibytes)
{
    writer w = {.done = {written}};
    piece = calloc(1, PIECE);
    if (!piece) fail(guest, NULL);
    peer_executor_cap executor = graft(guest, ww_guest_link(guest, NULL));
    size_t size = read_component(guest);
    ww_capnp_call *call = begin_run(executor, size, "drain"), *input;
    peer_process_cap process =
        peer_executor_run_bytes_results_p_process(peer_executor_run_bytes_pipeline(call));
    await(guest, call);
    peer_process_stdin_begin(process, &input);
    peer_byte_stream_cap to =
        peer_process_stdin_results_p_stream(peer_process_stdin_pipeline(input));
    send(guest, input);
    uint64_t begin = now();
    for (uint32_t i = 0; i < mebibytes * 16; i++) {
        write_piece(guest, &w, to);
        while (w.in_flight == WINDOW)
            ww_guest_turn(guest);
    }
    while (w.in_flight)
        ww_guest_turn(guest);
    end_input(guest, to, process);
    print_one(guest, now() - begin);
}

static void run_drain(ww_guest *guest, uint32_t count)
{
    size_t got;
    (void)count;
    piece = malloc(PIECE);
    if (!piece) fail(guest, NULL);
    while (ww_guest_read(guest, piece, PIECE, &got) == WW_OK)
        continue;
}

/* With a session, as cells have it. */
static void run_wait(ww_guest *guest, uint32_t count)
{
    echo_once(guest, graft(guest, ww_guest_link(guest, NULL)));
    run_drain(guest, count);
}

static void run_none(ww_guest *guest, uint32_t count)
{
    (void)guest;
    (void)count;
}

int ww_guest_main(ww_guest *guest)
{
    static const struct {
        const char *name;
        void (*run)(ww_guest *guest, uint32_t count);
    } kinds[] = {{"echo", run_echo}, {"graft", run_graft}, {"run", run_run},   {"spawn", run_spawn},
                 {"pipe", run_pipe}, {"drain", run_drain}, {"wait", run_wait}, {"none", run_none}};
    size_t count;
    const ww_view *args = ww_guest_args(guest, &count);
    char number[16] = "0";
    if (count > 2) snprintf(number, sizeof number, "%.*s", WW_VIEW_ARG(args[2]));
    for (size_t i = 0; count > 1 && i < WW_COUNT_OF(kinds); i++)
        if (ww_view_is(args[1], kinds[i].name)) {
            kinds[i].run(guest, (uint32_t)strtoul(number, NULL, 10));
            return 0;
        }
    return ww_guest_fail(guest, "cell_calls: KIND COUNT");
}
