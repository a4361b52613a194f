/* Cells with real guests: what their slices cost whom, and what ends them. Each look at the clock
 * moves it by a millisecond, so that every slice of a guest takes exactly one. */
#include "abi/wasi/wasi.h"
#include "cell/cell.h"
#include "support/check.h"
#include <stdio.h>
#include <stdlib.h>

enum { TICK_NS = 1000000, MIB = 1 << 20 };

typedef struct moving_clock {
    ww_clock base;
    uint64_t now_ns;
} moving_clock;

typedef struct stage {
    moving_clock clock;
    ww_loop *loop;
    ww_engine *engine;
    ww_ticker *ticker;
    ww_linker *linker;
    ww_random_seeded random;
    ww_authority authority;
    ww_audit_ring audit;
    ww_principal principal;
    ww_program *program;
    ww_cell *cell;
    ww_view args[2];
    uint64_t wait_ns_max;
    ww_sink output; /* ends the cell that writes to it; refs 0: there is none */
    unsigned writes;
} stage;

static uint64_t move(const ww_clock *base)
{
    moving_clock *clock = WW_CONTAINER_OF(base, moving_clock, base);
    return clock->now_ns += WW_NS_PER_MS;
}

static ww_wall_time wall(const ww_clock *base)
{
    (void)base;
    return (ww_wall_time){0};
}

static void tick(void *self)
{
    ww_engine_tick(self);
}

static int setup(void **state)
{
    const ww_allocator *allocator = ww_allocator_libc();
    static stage s;
    s = (stage){.clock.base = {.monotonic_ns = move, .wall = wall}};
    ww_engine_options options;
    ww_engine_options_default(&options, false);
    options.signals = false; /* they are the test program's */
    assert_ok(ww_engine_new(&options, allocator, &s.engine, NULL));
    assert_ok(ww_loop_new(allocator, &s.clock.base, &s.loop, NULL));
    assert_ok(ww_ticker_new(allocator, TICK_NS, (ww_on_tick){s.engine, tick}, &s.ticker, NULL));
    assert_ok(ww_linker_new(allocator, &s.linker));
    assert_ok(ww_wasi_link(s.linker));
    assert_ok(ww_audit_ring_init(&s.audit, allocator, 256));
    ww_random_seeded_init(&s.random, 1);
    ww_principal_init(&s.principal, WW_VIEW_LITERAL("tester"));
    *state = &s;
    return 0;
}

/* Nothing of a cell stays with its principal but the time it took. */
static int teardown(void **state)
{
    stage *s = *state;
    ww_cell_free(s->cell);
    assert_int_equal(s->principal.budgets[WW_PRINCIPAL_MEMORY].used, 0);
    assert_int_equal(s->principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
    ww_program_unref(s->program);
    ww_ticker_free(s->ticker);
    ww_linker_free(s->linker);
    ww_engine_free(s->engine);
    ww_audit_ring_deinit(&s->audit);
    ww_loop_free(s->loop);
    return 0;
}

static void ended(void *self)
{
    stage *s = self;
    ww_loop_stop(s->loop);
}

static FILE *open_guest(const char *name)
{
    const char *build = getenv("WW_BUILD");
    static const char *const folders[] = {"guests", "../guests"};
    char path[4096];
    FILE *file = NULL;
    for (size_t i = 0; build && i < WW_COUNT_OF(folders) && !file; i++) {
        snprintf(path, sizeof path, "%s/%s/%s.wasm", build, folders[i], name);
        file = fopen(path, "rbe");
    }
    return file;
}

static void load(stage *s, const char *name)
{
    static uint8_t bytes[1 << 18];
    FILE *file = open_guest(name);
    if (!file) skip(); /* guests are built beside the plain build */
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size && size < sizeof bytes);
    assert_ok(ww_program_new(s->engine, ww_view_of(bytes, size), s->linker, ww_compiler_plain(),
                             ww_allocator_libc(), &s->program, NULL));
    s->args[0] = ww_view_str(name);
}

static ww_status start(stage *s, ww_diag *diag)
{
    ww_wasi_options wasi = {
        .loop = s->loop,
        .allocator = ww_allocator_libc(),
        .random = &s->random.base,
        .args = s->args,
        .arg_count = s->args[1].size ? 2 : 1,
        .output = s->output.refs ? &s->output : NULL,
    };
    ww_cell_options options = {
        .ticker = s->ticker,
        .program = s->program,
        .wasi = &wasi,
        .principal = &s->principal,
        .authority = &s->authority,
        .audit = &s->audit,
        .capabilities = UINT64_MAX,
        .number = 1,
        .memory_bytes_max = 64 * MIB,
        .wait_ns_max = s->wait_ns_max,
        .on_end = {s, ended},
    };
    return ww_cell_new(&options, ww_allocator_libc(), &s->cell, diag);
}

static ww_cell_facts run(stage *s, const char *name)
{
    load(s, name);
    assert_ok(start(s, NULL));
    ww_loop_run(s->loop);
    return ww_cell_facts_of(s->cell);
}

static void cell__that_spins__is_charged_for_each_slice_and_ends_with_its_quota(void **state)
{
    stage *s = *state;
    s->principal.budgets[WW_PRINCIPAL_CPU_NS].max = 5 * WW_NS_PER_MS;
    ww_cell_facts facts = run(s, "spin");
    assert_int_equal(facts.status, WW_E_QUOTA);
    assert_view_is(facts.text, "CPU time");
    assert_true(s->principal.budgets[WW_PRINCIPAL_CPU_NS].used >= 5 * WW_NS_PER_MS);
    assert_int_equal(facts.slices, 6); /* the last one ends it */
}

static void cell__of_a_principal_without_cpu_time__does_not_run(void **state)
{
    stage *s = *state;
    s->principal.budgets[WW_PRINCIPAL_CPU_NS] = (ww_budget){.used = 7, .max = 7};
    ww_cell_facts facts = run(s, "grow");
    assert_int_equal(facts.status, WW_E_QUOTA);
    assert_int_equal(s->principal.calls.used, 0);
}

static void cell__that_ends_by_itself__is_charged_for_what_it_took(void **state)
{
    stage *s = *state;
    ww_cell_facts facts = run(s, "exit_code");
    assert_int_equal(facts.status, WW_OK);
    assert_int_equal(s->principal.budgets[WW_PRINCIPAL_CPU_NS].used, facts.cpu_ns);
    assert_int_equal(facts.cpu_ns, facts.slices * WW_NS_PER_MS);
    assert_true(facts.memory_bytes > 0);
    assert_int_equal(s->principal.budgets[WW_PRINCIPAL_MEMORY].used, facts.memory_bytes);
}

static void memory__beyond_the_quota__does_not_grow(void **state)
{
    stage *s = *state;
    s->principal.budgets[WW_PRINCIPAL_MEMORY].max = 8 * MIB;
    ww_cell_facts facts = run(s, "grow");
    assert_int_equal(facts.status, WW_OK);
    assert_int_equal(facts.exit_code, 0);
    assert_int_equal(facts.memory_bytes, 8 * MIB);
}

static void memory__that_other_cells_hold__is_not_left_to_grow_into(void **state)
{
    stage *s = *state;
    s->principal.budgets[WW_PRINCIPAL_MEMORY] = (ww_budget){.used = 6 * MIB, .max = 8 * MIB};
    ww_cell_facts facts = run(s, "grow");
    assert_int_equal(facts.memory_bytes, 2 * MIB);
    assert_int_equal(s->principal.budgets[WW_PRINCIPAL_MEMORY].used, 8 * MIB);
    s->principal.budgets[WW_PRINCIPAL_MEMORY].used -= 6 * MIB;
}

static void memory__to_begin_with_beyond_the_quota__is_refused(void **state)
{
    stage *s = *state;
    ww_diag diag;
    s->principal.budgets[WW_PRINCIPAL_MEMORY].max = 1;
    load(s, "grow");
    assert_int_equal(start(s, &diag), WW_E_LIMIT);
    assert_string_equal(diag.text, "memory minimum size of 2 pages exceeds memory limits");
}

static void wait__longer_than_the_cell_may__ends_the_guest(void **state)
{
    stage *s = *state;
    s->args[1] = WW_VIEW_LITERAL("3600000");
    s->wait_ns_max = 50 * WW_NS_PER_MS;
    ww_cell_facts facts = run(s, "sleep");
    assert_int_equal(facts.status, WW_E_TRAP);
    assert_view_is(facts.text, "timeout: wasi:io/poll#poll");
    const ww_audit_record *record = ww_audit_at(&s->audit, s->audit.written);
    assert_int_equal(record->outcome, WW_E_TIMEOUT);
}

static void exit__with_a_code__is_the_last_record(void **state)
{
    stage *s = *state;
    s->args[1] = WW_VIEW_LITERAL("7");
    ww_cell_facts facts = run(s, "exit_with_code");
    assert_int_equal(facts.status, WW_OK);
    assert_int_equal(facts.exit_code, 7);
    const ww_audit_record *record = ww_audit_at(&s->audit, s->audit.written);
    assert_int_equal(record->outcome, WW_E_EXIT);
}

/* --- a cell that is ended by what it does itself, as by a message to whoever may end it */

static size_t deadly_room(ww_sink *base)
{
    (void)base;
    return WW_STREAM_BUFFER_BYTES;
}

static void deadly_put(ww_sink *base, ww_view bytes)
{
    (void)bytes;
    stage *s = WW_CONTAINER_OF(base, stage, output);
    s->writes++;
    ww_cell_end(s->cell, WW_E_CANCELED);
    ww_cell_end(s->cell, WW_E_TIMEOUT); /* too late */
}

static ww_status deadly_flush(ww_sink *base)
{
    (void)base;
    return WW_OK;
}

static void deadly_abandon(ww_sink *base)
{
    (void)base;
}

static void cell__ended_in_its_own_turn__goes_no_further(void **state)
{
    static const ww_sink_class deadly = {
        .room = deadly_room,
        .put = deadly_put,
        .flush = deadly_flush,
        .abandon = deadly_abandon,
        .free = deadly_abandon,
    };
    stage *s = *state;
    s->args[1] = WW_VIEW_LITERAL("100000");
    s->output = (ww_sink){.class = &deadly, .refs = 1};
    ww_cell_facts facts = run(s, "big_stdout");
    assert_int_equal(facts.status, WW_E_CANCELED);
    assert_int_equal(s->writes, 1);
    ww_cell_end(s->cell, WW_E_CANCELED); /* there is nothing left to end */
    assert_int_equal(ww_cell_facts_of(s->cell).status, WW_E_CANCELED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(cell__that_spins__is_charged_for_each_slice_and_ends_with_its_quota),
        CASE(cell__of_a_principal_without_cpu_time__does_not_run),
        CASE(cell__that_ends_by_itself__is_charged_for_what_it_took),
        CASE(memory__beyond_the_quota__does_not_grow),
        CASE(memory__that_other_cells_hold__is_not_left_to_grow_into),
        CASE(memory__to_begin_with_beyond_the_quota__is_refused),
        CASE(wait__longer_than_the_cell_may__ends_the_guest),
        CASE(exit__with_a_code__is_the_last_record),
        CASE(cell__ended_in_its_own_turn__goes_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
