/* Cells that are made for others: by their bytes, with pipes and a link, and how they end. */
#include "node/spawner.h"
#include "support/capnp_link.h"
#include "support/cells.h"
#include "support/sanitized.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    test_cells cells;
    ww_roster roster;
    ww_node_spawner spawner;
    ww_account *node, *account; /* of the node, and of who asks */
    factory *root;
    ww_capnp_cap *root_cap;
    uint32_t live;
} fixture;

static fixture f;

static ww_status compile(void *self, ww_view component, ww_program **out, ww_diag *diag)
{
    test_cells *cells = self;
    return ww_program_new(cells->engine, component, cells->linker, ww_compiler_plain(),
                          ww_allocator_libc(), out, diag);
}

static int setup(void **state)
{
    (void)state;
    test_cells_init(&f.cells);
    ww_roster_init(&f.roster);
    const ww_account_limits limits = {.memory_bytes_max = 1 << 28};
    f.node = ww_account_new(ww_allocator_libc());
    f.node->principal.budgets[WW_PRINCIPAL_CELLS].max = 20;
    f.account = ww_account_open(f.node, &limits);
    f.live = 0;
    f.root = factory_new(f.cells.rpc.vat, &f.live, &f.root_cap);
    ww_node_spawner_options options = {
        .allocator = ww_allocator_libc(),
        .loop = f.cells.loop,
        .ticker = f.cells.ticker,
        .random = &f.cells.random.base,
        .audit = &f.cells.audit,
        .rpc = &f.cells.rpc,
        .roster = &f.roster,
        .authority = &f.cells.authority,
        .maker = {&f.cells, compile},
        .memory_bytes_max = 1 << 24,
        .capabilities = TEST_CAPABILITIES,
    };
    ww_node_spawner_init(&f.spawner, &options);
    return 0;
}

/* Nothing is left but the time that was taken. */
static void assert_account_is_idle(const ww_account *account)
{
    for (int kind = 0; kind < WW_PRINCIPAL_KINDS; kind++)
        if (kind != WW_PRINCIPAL_CPU_NS) assert_int_equal(account->principal.budgets[kind].used, 0);
}

static int teardown(void **state)
{
    (void)state;
    ww_node_spawner_close(&f.spawner);
    assert_int_equal(f.roster.count, 0);
    ww_capnp_cap_unref(f.root_cap);
    assert_account_is_idle(f.node);
    test_cells_deinit(&f.cells);
    ww_account_unref(f.account);
    assert_int_equal(f.node->refs, 1);
    ww_account_unref(f.node);
    assert_int_equal(f.live, 0);
    return 0;
}

/* --- asking and waiting */

typedef struct loading {
    ww_load load;
    ww_loaded *program;
    bool is_done;
    ww_diag diag;
} loading;

static void loaded(ww_load *self, ww_loaded *program, const ww_diag *diag)
{
    loading *l = WW_CONTAINER_OF(self, loading, load);
    l->program = program;
    l->diag = *diag;
    l->is_done = true;
}

static void begin_load_for(loading *l, ww_view component, ww_account *payer)
{
    *l = (loading){.load = {.done = loaded, .payer = &payer->principal}};
    f.spawner.base.load(&f.spawner.base, component, &l->load);
    assert_false(l->is_done);
}

static void begin_load(loading *l, ww_view component)
{
    begin_load_for(l, component, f.account);
}

static ww_loaded *await_load(loading *l)
{
    while (!l->is_done)
        ww_loop_turn(f.cells.loop, true);
    return l->program;
}

static ww_loaded *load(const char *name)
{
    loading l;
    ww_buf bytes;
    test_component(name, &bytes);
    begin_load(&l, ww_buf_view(&bytes));
    ww_loaded *program = await_load(&l);
    if (!program) fail_msg("%s: %s", name, l.diag.text);
    ww_buf_deinit(&bytes);
    return program;
}

typedef struct spawning {
    ww_spawn spawn;
    ww_process *process;
    bool is_done;
    ww_diag diag;
} spawning;

static void spawned(ww_spawn *self, ww_process *process, const ww_diag *diag)
{
    spawning *s = WW_CONTAINER_OF(self, spawning, spawn);
    s->process = process;
    s->diag = *diag;
    s->is_done = true;
}

/* On the fixture's account, unless the request names another. */
static ww_process *spawn_request(const ww_spawn_request *request, ww_diag *diag)
{
    spawning s = {.spawn = {.done = spawned}};
    ww_spawn_request paid = *request;
    if (!paid.account) paid.account = f.account;
    f.spawner.base.spawn(&f.spawner.base, &paid, &s.spawn);
    assert_false(s.is_done);
    while (!s.is_done)
        ww_loop_turn(f.cells.loop, true);
    if (diag) *diag = s.diag;
    return s.process;
}

static ww_process *spawn(ww_loaded *program, const char *arg)
{
    ww_view args[2] = {WW_VIEW_LITERAL("guest")},
            env[2] = {WW_VIEW_LITERAL("NAME=value"), WW_VIEW_LITERAL("no variable")};
    if (arg) args[1] = ww_view_str(arg);
    ww_spawn_request request = {.program = program,
                                .args = args,
                                .arg_count = arg ? 2 : 1,
                                .env = env,
                                .env_count = 2,
                                .bootstrap = f.root_cap};
    ww_process *process = spawn_request(&request, NULL);
    assert_non_null(process);
    return process;
}

static ww_process *run(const char *name, const char *arg)
{
    ww_loaded *program = load(name);
    ww_process *process = spawn(program, arg);
    ww_loaded_unref(program);
    return process;
}

static int32_t await_exit(const ww_process *process)
{
    while (!process->has_ended)
        ww_loop_turn(f.cells.loop, true);
    return process->exit_code;
}

static void release_process(ww_process *process)
{
    ww_sink_unref(process->input);
    ww_source_unref(process->output);
    ww_source_unref(process->errors);
    ww_process_unref(process);
}

static void assert_output(ww_source *source, const char *text)
{
    char bytes[4096];
    size_t size = 0, got;
    while (ww_source_read(source, bytes + size, sizeof bytes - size, &got) == WW_OK)
        size += got;
    assert_view_is(ww_view_of(bytes, size), text);
    assert_int_equal(ww_source_read(source, bytes, 1, &got), WW_E_CLOSED);
}

/* --- cases */

static void component__asked_for_twice__is_compiled_once(void **state)
{
    (void)state;
    loading first, second;
    ww_buf bytes, same;
    test_component("link_echo", &bytes);
    test_component("link_echo", &same);
    begin_load(&first, ww_buf_view(&bytes));
    begin_load(&second, ww_buf_view(&same));
    assert_ptr_equal(await_load(&first), await_load(&second));
    ww_loaded *third = load("link_echo");
    assert_ptr_equal(third, first.program);
    assert_int_equal(f.spawner.programs.compiled, 1);
    ww_loaded_unref(first.program);
    ww_loaded_unref(second.program);
    ww_loaded_unref(third);
    ww_buf_deinit(&bytes);
    ww_buf_deinit(&same);
}

/* A component with a custom section behind it: `size` bytes, the last one of which is `mark`. */
static void make_large(ww_buf *out, size_t size, uint8_t mark)
{
    enum { SIZE_BYTES = 4 };
    uint8_t *section;
    test_component("link_echo", out);
    out->size_max = out->size + size + 16;
    assert_ok(ww_buf_reserve(out, 1 + SIZE_BYTES + size, &section));
    memset(section, 0, 1 + SIZE_BYTES + size); /* number 0, and an empty name */
    for (int i = 0; i < SIZE_BYTES; i++)
        section[1 + i] = (uint8_t)((size >> (7 * i) & 0x7f) | (i + 1 < SIZE_BYTES ? 0x80 : 0));
    section[SIZE_BYTES + size] = mark;
    out->size += 1 + SIZE_BYTES + size;
}

static ww_loaded *load_bytes(const ww_buf *bytes)
{
    loading l;
    begin_load(&l, ww_buf_view(bytes));
    ww_loaded *program = await_load(&l);
    if (!program) fail_msg("%s", l.diag.text);
    return program;
}

static void assert_told_apart(size_t size)
{
    ww_buf bytes[2];
    ww_loaded *first[2], *again[2];
    for (uint8_t i = 0; i < 2; i++) {
        make_large(&bytes[i], size, i);
        first[i] = load_bytes(&bytes[i]);
    }
    assert_ptr_not_equal(first[0], first[1]);
    for (int i = 0; i < 2; i++) {
        again[i] = load_bytes(&bytes[i]);
        assert_ptr_equal(again[i], first[i]);
    }
    assert_int_equal(f.spawner.programs.compiled, 2);
    for (int i = 0; i < 2; i++) {
        ww_loaded_unref(first[i]);
        ww_loaded_unref(again[i]);
        ww_buf_deinit(&bytes[i]);
    }
}

static void components__equal_but_for_the_last_byte__are_told_apart(void **state)
{
    (void)state;
    assert_told_apart(64);
}

static void components__larger_than_a_portion__are_told_apart(void **state)
{
    (void)state;
    assert_told_apart(WW_PROGRAM_PORTION);
}

static void component__of_several_portions__asked_for_at_once__is_compiled_once(void **state)
{
    (void)state;
    loading all[3];
    ww_buf bytes;
    make_large(&bytes, 3 * WW_PROGRAM_PORTION, 0);
    for (int i = 0; i < 3; i++)
        begin_load(&all[i], ww_buf_view(&bytes));
    ww_loaded *program = await_load(&all[0]);
    assert_non_null(program);
    for (int i = 1; i < 3; i++)
        assert_ptr_equal(await_load(&all[i]), program);
    assert_int_equal(f.spawner.programs.compiled, 1);
    for (int i = 0; i < 3; i++)
        ww_loaded_unref(program);
    ww_buf_deinit(&bytes);
}

/* Neither the loop waits for it, nor whoever asks for a small one. */
static void component__of_several_portions__is_looked_up_in_as_many_turns(void **state)
{
    (void)state;
    enum { PORTIONS = 4 }; /* the component has some bytes more than three */
    ww_buf bytes;
    make_large(&bytes, 3 * WW_PROGRAM_PORTION, 0);
    ww_loaded *large = load_bytes(&bytes), *small = load("link_echo");
    loading l;
    begin_load(&l, ww_buf_view(&bytes));
    ww_loaded *other = load("link_echo");
    assert_ptr_equal(other, small);
    ww_loaded_unref(other);
    int turns = 1;
    for (; !l.is_done; turns++)
        ww_loop_turn(f.cells.loop, false);
    assert_true(turns > 2 * PORTIONS); /* hashed and compared, then told */
    assert_ptr_equal(l.program, large);
    ww_loaded_unref(l.program);
    ww_loaded_unref(large);
    ww_loaded_unref(small);
    ww_buf_deinit(&bytes);
}

static void spawner__closed_while_a_component_is_looked_up__tells_nobody(void **state)
{
    (void)state;
    loading l;
    ww_buf bytes;
    make_large(&bytes, WW_PROGRAM_PORTION, 0);
    begin_load(&l, ww_buf_view(&bytes));
    ww_node_spawner_close(&f.spawner);
    ww_loop_turn(f.cells.loop, false);
    assert_false(l.is_done);
    ww_buf_deinit(&bytes);
}

static void component__that_is_none__fails_with_a_sentence(void **state)
{
    (void)state;
    loading l;
    begin_load(&l, WW_VIEW_LITERAL("not a component"));
    assert_null(await_load(&l));
    assert_true(l.diag.text[0]);
}

/* What is under way is counted until the loop turns. */
static void components__more_than_one_account_may_compile__are_refused_to_it_alone(void **state)
{
    (void)state;
    enum { MOST = WW_ACCOUNT_COMPILATIONS_MAX };
    static char texts[MOST + 1][32];
    loading all[MOST + 1], neighbour;
    const ww_account_limits limits = {0};
    ww_account *other = ww_account_open(f.node, &limits);
    for (int i = 0; i <= MOST; i++) {
        snprintf(texts[i], sizeof texts[i], "not a component: %d", i);
        begin_load(&all[i], ww_view_str(texts[i]));
    }
    begin_load_for(&neighbour, WW_VIEW_LITERAL("neither is this"), other);
    assert_int_equal(f.account->principal.budgets[WW_PRINCIPAL_COMPILATIONS].used, MOST);
    assert_int_equal(other->principal.budgets[WW_PRINCIPAL_COMPILATIONS].used, 1);
    assert_null(await_load(&all[MOST]));
    assert_string_equal(all[MOST].diag.text, "quota: too many components are being loaded");
    assert_int_equal(all[MOST].diag.status, WW_E_QUOTA);
    assert_null(await_load(&neighbour));
    assert_int_equal(neighbour.diag.status, WW_E_INVALID);
    for (int i = 0; i < MOST; i++) {
        assert_null(await_load(&all[i]));
        assert_int_equal(all[i].diag.status, WW_E_INVALID);
    }
    begin_load(&all[0], ww_view_str(texts[MOST])); /* now there is room */
    assert_null(await_load(&all[0]));
    assert_int_equal(all[0].diag.status, WW_E_INVALID);
    ww_account_unref(other);
}

static void process__with_input__gives_it_back_and_ends(void **state)
{
    (void)state;
    ww_process *process = run("cat", NULL);
    assert_int_equal(f.roster.count, 1);
    assert_false(process->has_ended);
    ww_sink_put(process->input, WW_VIEW_LITERAL("back, please"));
    ww_sink_unref(process->input);
    process->input = NULL;
    assert_int_equal(await_exit(process), 0);
    assert_int_equal(f.roster.count, 0);
    assert_output(process->output, "back, please");
    assert_output(process->errors, "");
    release_process(process);
}

static void process__that_ends__keeps_its_own_exit_code(void **state)
{
    (void)state;
    static const struct {
        const char *name, *arg;
        int32_t code;
    } ends[] = {
        {"exit_with_code", "42", 42}, {"exit_with_code", "0", 0}, {"trap", "unreachable", 134}};
    for (size_t i = 0; i < WW_COUNT_OF(ends); i++) {
        ww_process *process = run(ends[i].name, ends[i].arg);
        assert_int_equal(await_exit(process), ends[i].code);
        release_process(process);
    }
}

static void process__with_a_link__calls_what_it_was_given(void **state)
{
    (void)state;
    ww_process *process = run("link_echo", "3");
    assert_int_equal(await_exit(process), 0);
    assert_int_equal(f.root->calls, 4);
    assert_output(process->errors, "");
    release_process(process);
}

static void process__without_a_link__exports_nothing(void **state)
{
    (void)state;
    ww_capnp_cap *cap;
    ww_process *process = run("cat", NULL);
    assert_int_equal(process->class->bootstrap(process, &cap), WW_E_MISSING);
    assert_null(cap);
    process->class->kill(process, 0);
    await_exit(process);
    release_process(process);
}

typedef struct asked {
    ww_capnp_done done;
    bool is_done;
} asked;

static void answered(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, asked, done)->is_done = true;
}

static void process__with_a_link__is_asked_what_it_exports(void **state)
{
    (void)state;
    asked a = {.done = {answered}};
    ww_loaded *program = load("link_echo");
    ww_capnp_cap *silent = ww_capnp_promise_new(f.cells.rpc.vat), *cap;
    ww_spawn_request request = {.program = program, .bootstrap = silent};
    ww_process *process = spawn_request(&request, NULL);
    assert_ok(process->class->bootstrap(process, &cap));
    ww_capnp_call *question = ww_capnp_bootstrap_await(cap, &a.done);
    assert_null(ww_capnp_bootstrap_await(cap, &a.done)); /* once */
    while (!a.is_done)
        ww_loop_turn(f.cells.loop, true);
    assert_false(process->has_ended);
    assert_int_equal(ww_capnp_call_exception(question), WW_CAPNP_FAILED);
    assert_string_equal(ww_capnp_call_reason(question), "this vat has no main object");
    ww_capnp_call_drop(question);
    ww_capnp_cap_unref(cap);
    ww_capnp_promise_break(silent, WW_CAPNP_FAILED, "enough");
    ww_capnp_cap_unref(silent);
    ww_loaded_unref(program);
    assert_int_equal(await_exit(process), 1);
    release_process(process);
}

static void process__that_never_ends__is_killed_with_the_code_that_is_told(void **state)
{
    (void)state;
    ww_process *spinner = run("spin", NULL), *other = run("cat", NULL);
    for (int i = 0; i < 5; i++)
        ww_loop_turn(f.cells.loop, false);
    assert_false(spinner->has_ended);
    spinner->class->kill(spinner, WW_EXIT_KILLED);
    spinner->class->kill(spinner, 1); /* too late */
    assert_int_equal(await_exit(spinner), WW_EXIT_KILLED);
    spinner->class->kill(spinner, 1);
    assert_int_equal(spinner->exit_code, WW_EXIT_KILLED);
    ww_capnp_cap *none;
    assert_int_equal(spinner->class->bootstrap(spinner, &none), WW_E_MISSING);
    assert_false(other->has_ended);
    release_process(spinner);
    release_process(other);
}

static void process__that_used_its_time_up__ends(void **state)
{
    (void)state;
    f.account->principal.budgets[WW_PRINCIPAL_CPU_NS].max = 20 * WW_NS_PER_MS;
    ww_process *process = run("spin", NULL);
    assert_int_equal(await_exit(process), 124);
    assert_int_equal(process->cause, WW_PROCESS_USED_UP);
    assert_view_is(process->message, "CPU time");
    release_process(process);
}

static void process__that_traps__says_why(void **state)
{
    (void)state;
    ww_process *process = run("trap", "unreachable");
    assert_int_equal(await_exit(process), 134);
    assert_int_equal(process->cause, WW_PROCESS_TRAPPED);
    assert_true(process->message.size && process->message.size <= WW_PROCESS_MESSAGE_MAX);
    release_process(process);
}

static bool enabled(const ww_log *log, ww_log_level level, const char *target)
{
    (void)log, (void)target;
    return level <= WW_LOG_WARN;
}

static uint32_t lines;

static void write_line(const ww_log *log, ww_log_level level, const char *target, const char *line)
{
    (void)log, (void)level, (void)target, (void)line;
    lines++;
}

static void processes__that_trap_in_a_loop__do_not_fill_the_log(void **state)
{
    (void)state;
    const ww_log log = {enabled, write_line};
    f.spawner.endings.log = &log;
    ww_loaded *program = load("trap");
    lines = 0;
    for (int i = 0; i < 5 * WW_ENDINGS_TOLD; i++) {
        ww_process *process = spawn(program, "unreachable");
        assert_int_equal(await_exit(process), 134);
        release_process(process);
    }
    assert_true(lines >= WW_ENDINGS_TOLD && lines < 5 * WW_ENDINGS_TOLD);
    ww_loaded_unref(program);
}

static void processes__nobody_holds_any_more__live_until_they_end(void **state)
{
    (void)state;
    release_process(run("cat", NULL)); /* its input is at its end */
    release_process(run("spin", NULL));
    for (int i = 0; f.roster.count > 1 && i < 1000; i++)
        ww_loop_turn(f.cells.loop, false);
    assert_int_equal(f.roster.count, 1); /* the teardown ends the other */
}

/* Cells that wait until the fixture lets them go on. */
typedef struct waiting_cells {
    ww_loaded *program;
    ww_capnp_cap *silent;
    ww_process *processes[32];
    int count;
} waiting_cells;

static void waiting_cells_init(waiting_cells *w)
{
    *w = (waiting_cells){.program = load("link_echo")};
    w->silent = ww_capnp_promise_new(f.cells.rpc.vat);
}

/* False when there is no room for it. */
static bool add_waiting_cell(waiting_cells *w, ww_account *account)
{
    ww_diag diag;
    ww_spawn_request request = {.program = w->program, .bootstrap = w->silent, .account = account};
    ww_process *process = spawn_request(&request, &diag);
    if (process) w->processes[w->count++] = process;
    if (!process) assert_string_equal(diag.text, "quota: no room for another cell");
    return process != NULL;
}

static void waiting_cells_end(waiting_cells *w)
{
    for (int i = 0; i < w->count; i++)
        release_process(w->processes[i]);
    ww_capnp_promise_break(w->silent, WW_CAPNP_FAILED, "enough");
    ww_capnp_cap_unref(w->silent);
    ww_loaded_unref(w->program);
    while (f.roster.count)
        ww_loop_turn(f.cells.loop, true);
}

/* The node has room for 20. */
static void cells__of_one_account__leave_room_for_others(void **state)
{
    (void)state;
    const ww_account_limits limits = {0};
    ww_account *neighbour = ww_account_open(f.node, &limits);
    waiting_cells w;
    waiting_cells_init(&w);
    while (add_waiting_cell(&w, f.account))
        continue;
    assert_int_equal(w.count, 18);
    while (add_waiting_cell(&w, neighbour))
        continue;
    assert_int_equal(w.count, 20);
    waiting_cells_end(&w);
    assert_int_equal(neighbour->principal.budgets[WW_PRINCIPAL_CELLS].used, 0);
    ww_account_unref(neighbour);
}

/* A child that starts children that start children ... has less room than the family. */
static void cells__of_a_deep_family__leave_room_for_the_parents_other_children(void **state)
{
    (void)state;
    waiting_cells w;
    waiting_cells_init(&w);
    ww_account *bomb = ww_account_below(f.account), *deep = ww_account_ref(bomb);
    for (bool has_room = true; has_room;) {
        has_room = add_waiting_cell(&w, deep);
        ww_account *child = ww_account_below(deep);
        ww_account_unref(deep);
        deep = child;
    }
    assert_int_equal(deep->level, WW_ALLOWANCE_LEVELS_MAX);
    assert_true(w.count > 10 && w.count < 18);
    assert_int_equal(bomb->principal.budgets[WW_PRINCIPAL_CELLS].used, w.count);
    assert_true(add_waiting_cell(&w, f.account));
    waiting_cells_end(&w);
    ww_account_unref(deep);
    ww_account_unref(bomb);
}

static uint64_t memory_used(const ww_account *account)
{
    return account->principal.budgets[WW_PRINCIPAL_MEMORY].used;
}

static void memory__of_grandchildren__counts_for_all_above_until_they_end(void **state)
{
    (void)state;
    ww_account *child = ww_account_below(f.account), *grandchild = ww_account_below(child);
    waiting_cells w;
    waiting_cells_init(&w);
    assert_true(add_waiting_cell(&w, grandchild));
    uint64_t one = memory_used(grandchild);
    assert_true(one > 0);
    assert_true(add_waiting_cell(&w, child));
    assert_true(add_waiting_cell(&w, f.account));
    assert_int_equal(memory_used(grandchild), one);
    assert_int_equal(memory_used(child), 2 * one);
    assert_int_equal(memory_used(f.account), 3 * one);
    assert_int_equal(memory_used(f.node), 3 * one);
    waiting_cells_end(&w);
    assert_int_equal(memory_used(f.account), 0);
    ww_account_unref(grandchild);
    ww_account_unref(child);
}

static void memory__that_the_parent_has_no_more__is_not_the_childs(void **state)
{
    (void)state;
    ww_diag diag;
    ww_account *child = ww_account_below(f.account);
    waiting_cells w;
    waiting_cells_init(&w);
    assert_true(add_waiting_cell(&w, f.account));
    f.account->principal.budgets[WW_PRINCIPAL_MEMORY].max = memory_used(f.account) + 65536;
    ww_spawn_request request = {.program = w.program, .account = child};
    assert_null(spawn_request(&request, &diag));
    assert_true(diag.text[0]);
    assert_int_equal(memory_used(child), 0);
    waiting_cells_end(&w);
    ww_account_unref(child);
}

static void time__that_a_child_used_up__leaves_some_to_its_parent(void **state)
{
    (void)state;
    ww_account *child = ww_account_below(f.account);
    const ww_budget *all = &f.account->principal.budgets[WW_PRINCIPAL_CPU_NS];
    f.account->principal.budgets[WW_PRINCIPAL_CPU_NS].max = 80 * WW_NS_PER_MS;
    ww_loaded *program = load("spin");
    ww_spawn_request request = {.program = program, .account = child};
    ww_process *process = spawn_request(&request, NULL);
    assert_int_equal(await_exit(process), 124);
    assert_int_equal(child->principal.budgets[WW_PRINCIPAL_CPU_NS].used, all->used);
    assert_true(all->used >= 70 * WW_NS_PER_MS);
    assert_int_equal(ww_principal_left(&child->principal, WW_PRINCIPAL_CPU_NS), 0);
    release_process(process);
    request.account = f.account;
    process = spawn_request(&request, NULL); /* what is left is the parent's */
    assert_int_equal(await_exit(process), 124);
    assert_int_equal(ww_budget_left(all), 0);
    release_process(process);
    ww_loaded_unref(program);
    ww_account_unref(child);
}

/* Each waits for an answer that comes when all are there. */
static void thousand_cells__with_links__live_side_by_side_and_end(void **state)
{
    (void)state;
    static ww_process *processes[1000];
    uint32_t count = test_is_sanitized() ? 100 : WW_COUNT_OF(processes);
    f.node->principal.budgets[WW_PRINCIPAL_CELLS].max = count + count / WW_PRINCIPAL_SHARE + 1;
    ww_loaded *program = load("link_echo");
    ww_capnp_cap *silent = ww_capnp_promise_new(f.cells.rpc.vat);
    ww_spawn_request request = {.program = program, .bootstrap = silent};
    for (uint32_t i = 0; i < count; i++) {
        processes[i] = spawn_request(&request, NULL);
        assert_non_null(processes[i]);
    }
    for (int i = 0; i < 10; i++)
        ww_loop_turn(f.cells.loop, false);
    assert_int_equal(f.roster.count, count);
    ww_capnp_promise_resolve(silent, f.root_cap);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(await_exit(processes[i]), 0);
        release_process(processes[i]);
    }
    assert_int_equal(f.root->calls, 2 * count);
    ww_capnp_cap_unref(silent);
    ww_loaded_unref(program);
}

static void component__whose_memory_is_too_large__is_not_a_process(void **state)
{
    (void)state;
    ww_diag diag;
    ww_loaded *program = load("link_echo");
    ww_spawn_request request = {.program = program};
    f.spawner.options.memory_bytes_max = 65536;
    assert_null(spawn_request(&request, &diag));
    assert_true(diag.text[0]);
    assert_int_equal(f.roster.count, 0);
    ww_loaded_unref(program);
}

static void arguments__of_more_than_a_mebibyte__are_refused(void **state)
{
    (void)state;
    static uint8_t word[WW_SPAWN_BYTES_MAX / 2 + 1];
    ww_diag diag;
    ww_view args[2] = {ww_view_of(word, sizeof word), ww_view_of(word, sizeof word)};
    ww_loaded *program = load("cat");
    ww_spawn_request request = {.program = program, .args = args, .arg_count = 2};
    assert_null(spawn_request(&request, &diag));
    assert_string_equal(diag.text, "more than 1048576 bytes of arguments and variables");
    assert_int_equal(f.roster.count, 0);
    ww_loaded_unref(program);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(component__asked_for_twice__is_compiled_once),
        CASE(components__equal_but_for_the_last_byte__are_told_apart),
        CASE(components__larger_than_a_portion__are_told_apart),
        CASE(component__of_several_portions__asked_for_at_once__is_compiled_once),
        CASE(component__of_several_portions__is_looked_up_in_as_many_turns),
        CASE(spawner__closed_while_a_component_is_looked_up__tells_nobody),
        CASE(component__that_is_none__fails_with_a_sentence),
        CASE(components__more_than_one_account_may_compile__are_refused_to_it_alone),
        CASE(process__with_input__gives_it_back_and_ends),
        CASE(process__that_ends__keeps_its_own_exit_code),
        CASE(process__with_a_link__calls_what_it_was_given),
        CASE(process__without_a_link__exports_nothing),
        CASE(process__with_a_link__is_asked_what_it_exports),
        CASE(process__that_never_ends__is_killed_with_the_code_that_is_told),
        CASE(process__that_used_its_time_up__ends),
        CASE(process__that_traps__says_why),
        CASE(processes__that_trap_in_a_loop__do_not_fill_the_log),
        CASE(processes__nobody_holds_any_more__live_until_they_end),
        CASE(cells__of_one_account__leave_room_for_others),
        CASE(cells__of_a_deep_family__leave_room_for_the_parents_other_children),
        CASE(memory__of_grandchildren__counts_for_all_above_until_they_end),
        CASE(memory__that_the_parent_has_no_more__is_not_the_childs),
        CASE(time__that_a_child_used_up__leaves_some_to_its_parent),
        CASE(thousand_cells__with_links__live_side_by_side_and_end),
        CASE(component__whose_memory_is_too_large__is_not_a_process),
        CASE(arguments__of_more_than_a_mebibyte__are_refused),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
