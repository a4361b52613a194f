#include "support/stage.h"
#include "abi/wasi/wasi.h"
#include "abi/wetware/wetware.h"
#include "support/row.h"

enum { TICK_NS = 1000000, AUDIT_RECORDS = 4096 };

static void tick(void *self)
{
    ww_engine_tick(self);
}

void bench_stage_init(bench_stage *stage)
{
    const ww_allocator *allocator = ww_allocator_libc();
    ww_engine_options options;
    ww_diag diag = {WW_OK, "out of memory"};
    *stage = (bench_stage){.loop = NULL};
    ww_engine_options_default(&options, true);
    if (ww_loop_new(allocator, NULL, &stage->loop, &diag) ||
        ww_engine_new(&options, allocator, &stage->engine, &diag) ||
        ww_ticker_new(allocator, TICK_NS, (ww_on_tick){stage->engine, tick}, &stage->ticker,
                      &diag) ||
        ww_linker_new(allocator, &stage->linker) || ww_wasi_link(stage->linker) ||
        ww_wetware_link(stage->linker) ||
        ww_audit_ring_init(&stage->audit, allocator, AUDIT_RECORDS))
        bench_fail("stage", &diag);
    ww_random_system_init(&stage->random);
    ww_principal_init(&stage->principal, WW_VIEW_LITERAL("bench"));
}

void bench_stage_deinit(bench_stage *stage)
{
    ww_ticker_free(stage->ticker);
    ww_linker_free(stage->linker);
    ww_engine_free(stage->engine);
    ww_loop_free(stage->loop);
    ww_audit_ring_deinit(&stage->audit);
    ww_random_system_deinit(&stage->random);
}

ww_program *bench_load(bench_stage *stage, const char *path)
{
    ww_buf bytes;
    ww_program *program;
    ww_diag diag;
    ww_buf_init(&bytes, ww_allocator_libc(), 1 << 20);
    bench_read_file(path, &bytes);
    if (ww_program_new(stage->engine, ww_buf_view(&bytes), stage->linker, ww_compiler_plain(),
                       ww_allocator_libc(), &program, &diag))
        bench_fail(path, &diag);
    ww_buf_deinit(&bytes);
    return program;
}

/* What `ww run` grants. */
static const uint64_t capabilities = 1 << WW_CAPABILITY_IO | 1 << WW_CAPABILITY_STDIO |
                                     1 << WW_CAPABILITY_ENVIRONMENT | 1 << WW_CAPABILITY_EXIT |
                                     1 << WW_CAPABILITY_CLOCK | 1 << WW_CAPABILITY_RANDOM |
                                     1 << WW_CAPABILITY_FILESYSTEM;

ww_cell *bench_spawn(bench_stage *stage, const bench_guest *guest)
{
    static ww_view args[2] = {{(const uint8_t *)"main.wasm", 9}};
    ww_diag diag;
    ww_cell *cell;
    if (guest->arg) args[1] = ww_view_str(guest->arg);
    ww_wasi_options wasi = {
        .loop = stage->loop,
        .allocator = ww_allocator_libc(),
        .random = &stage->random.base,
        .args = args,
        .arg_count = guest->arg ? 2 : 1,
        .input = guest->input,
        .output = guest->output,
    };
    ww_cell_options options = {
        .ticker = stage->ticker,
        .program = guest->program,
        .wasi = &wasi,
        .principal = &stage->principal,
        .authority = &stage->authority,
        .audit = &stage->audit,
        .capabilities = capabilities,
        .number = 1,
        .memory_bytes_max = 1 << 24,
        .on_end = guest->on_end,
    };
    if (ww_cell_new(&options, ww_allocator_libc(), &cell, &diag)) bench_fail("cell", &diag);
    return cell;
}
