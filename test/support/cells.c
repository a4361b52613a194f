#include "support/cells.h"
#include "abi/wasi/wasi.h"
#include "abi/wetware/wetware.h"
#include <stdio.h>
#include <stdlib.h>

enum { OUTPUT_MAX = 64 << 10, COMPONENT_MAX = 1 << 20 };

static void tick(void *self)
{
    ww_engine_tick(self);
}

void test_cells_init(test_cells *cells)
{
    const ww_allocator *allocator = ww_allocator_libc();
    ww_engine_options options;
    ww_diag diag;
    *cells = (test_cells){.count = 0};
    ww_engine_options_default(&options, false);
    options.signals = false; /* cmocka catches the signals that the engine's traps are made of */
    assert_ok(ww_loop_new(allocator, NULL, &cells->loop, &diag));
    assert_ok(ww_engine_new(&options, allocator, &cells->engine, &diag));
    assert_ok(ww_ticker_new(allocator, WW_NS_PER_MS, (ww_on_tick){cells->engine, tick},
                            &cells->ticker, &diag));
    assert_ok(ww_linker_new(allocator, &cells->linker));
    assert_ok(ww_wasi_link(cells->linker));
    assert_ok(ww_wetware_link(cells->linker));
    assert_ok(ww_audit_ring_init(&cells->audit, allocator, 64));
    assert_ok(ww_rpc_vat_init(&cells->rpc, cells->loop, NULL));
    ww_random_system_init(&cells->random);
    ww_principal_init(&cells->principal, WW_VIEW_LITERAL("tester"));
}

void test_cells_deinit(test_cells *cells)
{
    assert_int_equal(cells->principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
    ww_rpc_vat_deinit(&cells->rpc);
    ww_ticker_free(cells->ticker);
    ww_linker_free(cells->linker);
    ww_engine_free(cells->engine);
    ww_loop_free(cells->loop);
    ww_audit_ring_deinit(&cells->audit);
    ww_random_system_deinit(&cells->random);
}

void test_component(const char *name, ww_buf *out)
{
    char path[512];
    uint8_t *to;
    const char *build = getenv("WW_BUILD");
    snprintf(path, sizeof path, "%s/guests/%s.wasm", build ? build : "build", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    ww_buf_init(out, ww_allocator_libc(), COMPONENT_MAX);
    assert_ok(ww_buf_reserve(out, COMPONENT_MAX, &to));
    out->size = fread(to, 1, COMPONENT_MAX, file);
    fclose(file);
}

ww_program *test_program(test_cells *cells, const char *name)
{
    ww_buf bytes;
    ww_program *program;
    ww_diag diag = {0};
    test_component(name, &bytes);
    if (ww_program_new(cells->engine, ww_buf_view(&bytes), cells->linker, ww_compiler_plain(),
                       ww_allocator_libc(), &program, &diag))
        fail_msg("%s: %s", name, diag.text);
    ww_buf_deinit(&bytes);
    return program;
}

static void ended(void *self)
{
    test_cell *cell = self;
    cell->has_ended = true;
    cell->facts = ww_cell_facts_of(cell->cell);
    snprintf(cell->text, sizeof cell->text, "%.*s", WW_VIEW_ARG(cell->facts.text));
    cell->facts.text = cell->facts.trace = (ww_view){0};
}

void test_cell_start(test_cells *cells, const test_guest *guest, test_cell *out)
{
    size_t arg_count = 0;
    ww_diag diag = {0};
    *out = (test_cell){.cells = cells};
    for (; arg_count < TEST_ARGS_MAX && guest->args[arg_count]; arg_count++)
        out->args[arg_count] = ww_view_str(guest->args[arg_count]);
    ww_buf_init(&out->output, ww_allocator_libc(), OUTPUT_MAX);
    ww_buf_init(&out->errors, ww_allocator_libc(), OUTPUT_MAX);
    assert_ok(ww_sink_of_buf(&out->output, &out->output_sink));
    assert_ok(ww_sink_of_buf(&out->errors, &out->errors_sink));
    ww_wasi_options wasi = {
        .loop = cells->loop,
        .allocator = ww_allocator_libc(),
        .random = &cells->random.base,
        .args = out->args,
        .arg_count = arg_count,
        .output = out->output_sink,
        .error = out->errors_sink,
    };
    ww_cell_options options = {
        .ticker = cells->ticker,
        .program = guest->program,
        .wasi = &wasi,
        .principal = &cells->principal,
        .authority = &cells->authority,
        .audit = &cells->audit,
        .capabilities = TEST_CAPABILITIES,
        .number = ++cells->count,
        .memory_bytes_max = 1 << 24,
        .timeout_ns = guest->timeout_ms * WW_NS_PER_MS,
        .rpc = guest->bootstrap ? &cells->rpc : NULL,
        .bootstrap = guest->bootstrap,
        .on_end = {out, ended},
    };
    if (ww_cell_new(&options, ww_allocator_libc(), &out->cell, &diag)) fail_msg("%s", diag.text);
}

void test_cell_await(test_cell *cell)
{
    while (!cell->has_ended)
        ww_loop_turn(cell->cells->loop, true);
}

void test_cell_free(test_cell *cell)
{
    ww_cell_free(cell->cell);
    ww_sink_unref(cell->output_sink);
    ww_sink_unref(cell->errors_sink);
    ww_buf_deinit(&cell->output);
    ww_buf_deinit(&cell->errors);
}
