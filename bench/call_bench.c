/* What a call of a host function costs, seen from a guest that makes nothing else: the bindings, the
 * envelope and the ring of records are those that ship. */
#include "component/instance.h"
#include "host/functions.h"
#include "host/ww_bench_host.h"
#include "resource/envelope.h"
#include "support/row.h"
#include <stdio.h>

enum { BLOCK_BYTES = 64 << 10, RING_BYTES = 2 * BLOCK_BYTES, AUDIT_RECORDS = 4096 };

/* --- the host's side */

typedef struct cell {
    ww_context context; /* first: call->host */
    ww_grant grant;
    ww_authority authority;
    ww_principal principal;
    ww_cancel cancel;
    ww_audit_ring audit;
    uint64_t now_ns;
    size_t ring_at;
    _Alignas(4096) uint8_t ring[RING_BYTES], block[BLOCK_BYTES];
} cell;

static cell *cell_of(const ww_call *call)
{
    return (cell *)ww_context_of(call);
}

static ww_status do_empty(ww_call *call)
{
    (void)call;
    return WW_OK;
}

static ww_status do_write(ww_call *call, ww_view data)
{
    cell *c = cell_of(call);
    size_t first = RING_BYTES - c->ring_at;
    if (first > data.size) first = data.size;
    memcpy(c->ring + c->ring_at, data.data, first);
    memcpy(c->ring, data.data + first, data.size - first);
    c->ring_at = (c->ring_at + data.size) % RING_BYTES;
    return WW_OK;
}

static ww_status do_read(ww_call *call, uint32_t size, ww_view *result)
{
    *result = ww_view_of(cell_of(call)->block, size < BLOCK_BYTES ? size : BLOCK_BYTES);
    return WW_OK;
}

static ww_status go_on(ww_call *call, void *result)
{
    (void)call, (void)result;
    return WW_OK;
}

static ww_status do_suspend(ww_call *call)
{
    call->resume = go_on;
    return WW_AGAIN;
}

static const ww_bench_host functions = {do_empty, do_write, do_read, do_suspend};

const ww_policy bench_policy_rows[BENCH_FUNCTION_COUNT] = {
    [BENCH_WW_BENCH_HOST_EMPTY] = {BENCH_WW_BENCH_HOST_EMPTY, WW_CAPABILITY_IO, WW_CHARGE_CALL,
                                   WW_AUDIT_COUNT, false, WW_REFUSE_TRAP, WW_REFUSE_TRAP},
    [BENCH_WW_BENCH_HOST_WRITE] = {BENCH_WW_BENCH_HOST_WRITE, WW_CAPABILITY_IO, WW_CHARGE_BYTES,
                                   WW_AUDIT_COUNT, false, WW_REFUSE_TRAP, WW_REFUSE_TRAP},
    [BENCH_WW_BENCH_HOST_READ] = {BENCH_WW_BENCH_HOST_READ, WW_CAPABILITY_IO, WW_CHARGE_BYTES,
                                  WW_AUDIT_COUNT, false, WW_REFUSE_TRAP, WW_REFUSE_TRAP},
    [BENCH_WW_BENCH_HOST_SUSPEND] = {BENCH_WW_BENCH_HOST_SUSPEND, WW_CAPABILITY_IO, WW_CHARGE_CALL,
                                     WW_AUDIT_COUNT, true, WW_REFUSE_TRAP, WW_REFUSE_TRAP},
};

/* The empty function as it would be without the envelope, to see what that adds. */
static ww_trap *bare_empty(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    const ww_site *site = env;
    const ww_bench_host *impl = site->impl;
    (void)slots, (void)slot_count;
    ww_call call;
    if (WW_UNLIKELY(!ww_call_open(&call, site, caller))) return ww_call_trap(&call);
    if (WW_UNLIKELY(impl->empty(&call) != WW_OK)) return ww_call_trap(&call);
    ww_call_close(&call);
    return NULL;
}

static cell *cell_new(void)
{
    static cell only;
    cell *c = &only;
    ww_grant_init(&c->grant, &c->authority);
    ww_policy_allow(&c->grant, bench_policy_rows, BENCH_FUNCTION_COUNT, 1 << WW_CAPABILITY_IO);
    ww_principal_init(&c->principal, WW_VIEW_LITERAL("bench"));
    ww_cancel_init(&c->cancel);
    if (ww_audit_ring_init(&c->audit, ww_allocator_libc(), AUDIT_RECORDS))
        bench_fail("audit ring", NULL);
    c->now_ns = bench_now_ns();
    c->context = (ww_context){
        .grant = &c->grant,
        .principal = &c->principal,
        .cancel = &c->cancel,
        .audit = &c->audit,
        .now_ns = &c->now_ns,
        .function_names = bench_function_names,
        .cell = 1,
    };
    return c;
}

/* --- the guest's side */

typedef struct guest {
    ww_linker *linker;
    ww_program *program;
    ww_instance *instance;
    const ww_export *func; /* of the next round */
    uint32_t size;
} guest;

static ww_verdict go_on_running(void *host)
{
    (void)host;
    return WW_GO_ON;
}

static void guest_init(guest *g, ww_engine *engine, ww_view component, cell *host,
                       const ww_host_interface *interface)
{
    ww_diag diag = {WW_OK, "out of memory"};
    const ww_allocator *allocator = ww_allocator_libc();
    ww_instance_options options = {
        .host = host,
        .tick = go_on_running,
        .limits = {.memory_bytes_max = 1 << 24,
                   .table_elements_max = 1000,
                   .instances_max = 16,
                   .tables_max = 16,
                   .memories_max = 16},
    };
    if (ww_linker_new(allocator, &g->linker) || ww_linker_add(g->linker, interface, &functions) ||
        ww_program_new(engine, component, g->linker, ww_compiler_plain(), allocator, &g->program,
                       &diag) ||
        ww_instance_new(g->program, &options, allocator, &g->instance, &diag))
        bench_fail("guest", &diag);
}

static void guest_deinit(guest *g)
{
    ww_instance_free(g->instance);
    ww_program_unref(g->program);
    ww_linker_free(g->linker);
}

static void on_done(void *self, ww_status status, const void *result)
{
    (void)result;
    *(ww_status *)self = status;
}

/* Every export has these parameters, or the first of them. */
static void call(void *arg, uint32_t count)
{
    guest *g = arg;
    const uint32_t params[2] = {count, g->size};
    ww_status status = WW_AGAIN;
    ww_poll poll = WW_POLL_WAIT;
    if (ww_instance_call(g->instance, g->func, params, (ww_call_done){&status, on_done}))
        bench_fail("call", NULL);
    while (poll == WW_POLL_WAIT || poll == WW_POLL_SLICE)
        poll = ww_instance_poll(g->instance);
    if (status) {
        ww_diag diag;
        ww_instance_end end = ww_instance_end_of(g->instance);
        ww_fail(&diag, status, "%.*s", WW_VIEW_ARG(end.text));
        bench_fail("the guest ended", &diag);
    }
}

static double measure(guest *g, const char *name, uint32_t size, uint32_t count)
{
    g->func = ww_program_export(g->program, WW_VIEW_LITERAL(""), ww_view_str(name));
    g->size = size;
    if (!g->func) bench_fail(name, NULL);
    return bench_best_ns(call, g, count);
}

/* --- the rows */

enum { ENVELOPE_COUNT = 500000 };

static const bench_row rows[] = {
    {"call_empty", "ns", 0.5, 0}, {"write_64", "ns", 0.5, 0}, {"write_4k", "ns", 1.05, 0},
    {"write_64k", "ns", 1.0, 0},  {"read_64", "ns", 0.5, 0},  {"read_4k", "ns", 0.45, 0},
    {"read_64k", "ns", 0.4, 0},   {"envelope", "ns", 1.0, 8}, {"suspend_resume", "ns", 1.0, 220},
};

static const struct {
    const char *export;
    uint32_t size, count;
} turns[] = {
    {"call-empty", 0, 500000},      {"call-write", 64, 200000}, {"call-write", 4 << 10, 50000},
    {"call-write", 64 << 10, 2000}, {"call-read", 64, 200000},  {"call-read", 4 << 10, 50000},
    {"call-read", 64 << 10, 2000},
};

static void measure_envelope(ww_engine *engine, ww_view component, cell *host, guest *with,
                             const bench_row *row)
{
    ww_host_func bare_funcs[8];
    ww_host_interface bare = ww_bench_host_interface;
    if (bare.func_count > WW_COUNT_OF(bare_funcs)) bench_fail("envelope", NULL);
    memcpy(bare_funcs, bare.funcs, bare.func_count * sizeof *bare_funcs);
    for (uint32_t i = 0; i < bare.func_count; i++)
        if (strcmp(bare_funcs[i].name, "empty") == 0) bare_funcs[i].entry = bare_empty;
    bare.funcs = bare_funcs;
    guest without;
    guest_init(&without, engine, component, host, &bare);
    double with_ns = measure(with, "call-empty", 0, ENVELOPE_COUNT);
    double without_ns = measure(&without, "call-empty", 0, ENVELOPE_COUNT);
    bench_print(row, with_ns - without_ns);
    guest_deinit(&without);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: call_bench BUILD\n", stderr);
        return 2;
    }
    bench_announce(rows, WW_COUNT_OF(rows));
    char path[4096];
    ww_buf component;
    ww_engine *engine;
    ww_engine_options options;
    ww_diag diag;
    snprintf(path, sizeof path, "%s/guests/calls.wasm", argv[1]);
    ww_buf_init(&component, ww_allocator_libc(), 1 << 20);
    bench_read_file(path, &component);
    ww_engine_options_default(&options, true);
    if (ww_engine_new(&options, ww_allocator_libc(), &engine, &diag)) bench_fail("engine", &diag);
    cell *host = cell_new();
    guest g;
    guest_init(&g, engine, ww_buf_view(&component), host, &ww_bench_host_interface);
    for (size_t i = 0; i < WW_COUNT_OF(turns); i++)
        bench_print(&rows[i], measure(&g, turns[i].export, turns[i].size, turns[i].count));
    const bench_row *row = &rows[WW_COUNT_OF(turns)];
    measure_envelope(engine, ww_buf_view(&component), host, &g, row++);
    bench_print(row, measure(&g, "call-suspend", 0, 50000));
    guest_deinit(&g);
    ww_engine_free(engine);
    ww_audit_ring_deinit(&host->audit);
    ww_buf_deinit(&component);
    return 0;
}
