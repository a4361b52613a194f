#include "support/check.h"
#include "support/wasm_bytes.h"
#include "wasm/wasm.h"
#include <stdio.h>

/* What every case starts from: one engine, one store whose host functions see `self`. */
typedef struct fixture {
    ww_engine *engine;
    ww_store *store;
    ww_verdict verdict;
    unsigned ticks, calls;
    bool wait, kill, tick_engine;
    ww_diag diag;
} fixture;

static ww_verdict on_tick(void *data)
{
    fixture *f = data;
    f->ticks++;
    return f->verdict;
}

static const ww_store_limits wide = {
    .memory_bytes_max = UINT64_C(1) << 32,
    .table_elements_max = 1000,
    .instances_max = 100,
    .tables_max = 100,
    .memories_max = 100,
};

static ww_engine *new_engine(bool pooled)
{
    ww_engine_options options;
    ww_engine_options_default(&options, pooled);
    options.signals = false; /* cmocka catches the signals that the engine's traps are made of */
    options.instances_max = options.memories_max = options.tables_max = 4;
    options.stacks_max = 2;
    options.memory_bytes_max = 1 << 20;
    ww_engine *engine;
    ww_diag diag;
    if (ww_engine_new(&options, ww_allocator_libc(), &engine, &diag)) fail_msg("%s", diag.text);
    return engine;
}

static int setup(void **state)
{
    fixture *f = test_calloc(1, sizeof *f);
    f->verdict = WW_GO_ON;
    f->engine = new_engine(true);
    assert_ok(ww_store_new(f->engine, &wide, (ww_store_hooks){f, on_tick}, &f->store, &f->diag));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_store_free(f->store);
    ww_engine_free(f->engine);
    test_free(f);
    return 0;
}

/* The import of all modules below: counts, and waits, kills or ticks as the case asks. */
static ww_trap *host(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)slots;
    fixture *f = ww_caller_data(caller);
    assert_string_equal(env, "the link's own");
    assert_int_equal(slot_count, 0);
    f->calls++;
    if (f->wait) ww_store_wait(f->store);
    if (f->kill) ww_store_kill(f->store);
    if (f->tick_engine)
        for (int i = 0; i < 3; i++)
            ww_engine_tick(f->engine);
    return NULL;
}

static ww_trap *host_trap(void *env, ww_caller *caller, ww_slot *slots, size_t slot_count)
{
    (void)caller, (void)slots, (void)slot_count;
    return env ? ww_trap_of_text(ww_view_str(env)) : ww_trap_of_code(WW_TRAP_INVALID_CHAR);
}

static ww_module *compile(fixture *f, const uint8_t *wasm, size_t size)
{
    ww_module *module;
    if (ww_module_compile(f->engine, ww_view_of(wasm, size), &module, &f->diag))
        fail_msg("%s", f->diag.text);
    return module;
}

static ww_core_func export_func(fixture *f, const ww_module *module,
                                const ww_core_instance *instance, const char *name)
{
    uint32_t index;
    ww_core_extern item;
    assert_true(ww_module_find_export(module, ww_view_str(name), &index));
    ww_store_export(f->store, module, instance, index, &item);
    assert_int_equal(item.kind, WW_CORE_FUNC);
    return item.of.func;
}

/* Starts export "r" of a module whose imports are all `fn`. */
static void start(fixture *f, const uint8_t *wasm, size_t size, ww_host_fn *fn, void *env)
{
    ww_module *module = compile(f, wasm, size);
    ww_host_import import = {.fn = fn, .env = env};
    ww_link *link;
    ww_core_instance instance;
    assert_ok(
        ww_link_new(f->engine, module, &import, ww_module_import_count(module), &link, &f->diag));
    assert_ok(ww_store_instantiate_link(f->store, link, &instance, &f->diag));
    ww_core_func func = export_func(f, module, &instance, "r");
    assert_ok(ww_store_call(f->store, &func));
    ww_link_free(link);
    ww_module_free(module);
}

static char own[] = "the link's own";
#define START_HOST(f, wasm) start(f, wasm, sizeof wasm, host, own)

#define ONE_TYPE  TYPES(1, FUNC_TYPE(WASM_NONE, WASM_NONE))
#define HOST_FUNC IMPORTS(1, IMPORT_FUNC('h', 'h', 0))

/* (func (export "r") (call $host)) */
static const uint8_t calls_host[] = {WASM_MODULE(
    ONE_TYPE, HOST_FUNC, FUNCS(0), EXPORTS(1, EXPORT_FUNC('r', 1)), CODE(1, BODY(CALL(0))))};

/* (func $entry) (func (export "r") (call $host) (call $entry) (call $host)) */
static const uint8_t enters_after_host[] = {
    WASM_MODULE(ONE_TYPE, HOST_FUNC, FUNCS(0, 0), EXPORTS(1, EXPORT_FUNC('r', 2)),
                CODE(2, EMPTY_BODY, BODY(CALL(0), CALL(1), CALL(0))))};

/* (func (export "r") (call $host) (loop (br_if 0 ...60 times)) (call $host)) without an entry */
static const uint8_t loops_after_host[] = {WASM_MODULE(
    ONE_TYPE, HOST_FUNC, FUNCS(0), EXPORTS(1, EXPORT_FUNC('r', 1)),
    CODE(1, WASM_SIZED(1, 1, 0x7f, CALL(0), I32_CONST(60), 0x21, 0,
                       LOOP(LOCAL_GET(0), I32_CONST(1), I32_SUB, LOCAL_TEE(0), BRANCH_IF(0)),
                       CALL(0), 0x0b)))};

/* (func (export "r") (loop (br 0))) */
static const uint8_t spins[] = {
    WASM_MODULE(ONE_TYPE, FUNCS(0), EXPORTS(1, EXPORT_FUNC('r', 0)), CODE(1, BODY(LOOP_FOREVER)))};

/* (func (export "r") (call $host) (loop (br 0))) */
static const uint8_t spins_after_host[] = {WASM_MODULE(ONE_TYPE, HOST_FUNC, FUNCS(0),
                                                       EXPORTS(1, EXPORT_FUNC('r', 1)),
                                                       CODE(1, BODY(CALL(0), LOOP_FOREVER)))};

/* The bytes of "_ZN4core9panicking4oops17h0123456789abcdefE", as Rust names core::panicking::oops.
 */
#define RUST_NAME                                                                                  \
    '_', 'Z', 'N', '4', 'c', 'o', 'r', 'e', '9', 'p', 'a', 'n', 'i', 'c', 'k', 'i', 'n', 'g', '4', \
        'o', 'o', 'p', 's', '1', '7', 'h', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a',  \
        'b', 'c', 'd', 'e', 'f', 'E'

/* (module $m (func (export "r") (call $oops)) (func $oops (unreachable))) */
static const uint8_t traps[] = {
    WASM_MODULE(ONE_TYPE, FUNCS(0, 0), EXPORTS(1, EXPORT_FUNC('r', 0)),
                CODE(2, BODY(CALL(1)), BODY(UNREACHABLE)),
                WASM_SECTION(0, 4, 'n', 'a', 'm', 'e', WASM_SECTION(0, 1, 'm'),
                             WASM_SECTION(1, 1, 1, WASM_SIZED(RUST_NAME))))};

static void call__of_a_function_that_calls_the_host__is_done(void **state)
{
    fixture *f = *state;
    START_HOST(f, calls_host);
    assert_int_equal(f->calls, 0);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
    assert_int_equal(f->calls, 1);
    assert_false(ww_store_is_polling(f->store));
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
}

static void call__while_another_lives__is_busy(void **state)
{
    fixture *f = *state;
    START_HOST(f, calls_host);
    ww_core_func func = {0};
    assert_int_equal(ww_store_call(f->store, &func), WW_E_BUSY);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
}

static void trap__in_the_guest__has_code_text_and_demangled_frames(void **state)
{
    fixture *f = *state;
    start(f, traps, sizeof traps, NULL, NULL);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
    ww_failure failure = ww_store_failure(f->store);
    assert_int_equal(failure.code, WW_TRAP_UNREACHABLE);
    assert_view_is(failure.text, "wasm trap: wasm `unreachable` instruction executed");
    assert_view_is(failure.trace, "0:     0x24 - m!core::panicking::oops::h0123456789abcdef\n"
                                  "1:     0x1f - m!<wasm function 0>");
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
    ww_core_func func = {0};
    assert_int_equal(ww_store_call(f->store, &func), WW_E_STALE);
}

static void trap__of_a_host_function_with_a_text__keeps_the_text(void **state)
{
    fixture *f = *state;
    char text[] = "unknown handle index 7";
    start(f, calls_host, sizeof calls_host, host_trap, text);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
    ww_failure failure = ww_store_failure(f->store);
    assert_int_equal(failure.code, -1);
    assert_view_is(failure.text, "unknown handle index 7");
    assert_non_null(memmem(failure.trace.data, failure.trace.size, "wasm function 1", 15));
}

static void trap__of_a_host_function_with_a_code__keeps_the_code(void **state)
{
    fixture *f = *state;
    start(f, calls_host, sizeof calls_host, host_trap, NULL);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
    assert_int_equal(ww_store_failure(f->store).code, WW_TRAP_INVALID_CHAR);
}

/* The engine behaviour that every wait rests on. */
static void wait__then_a_function_is_entered__suspends_and_resumes(void **state)
{
    fixture *f = *state;
    f->wait = true;
    START_HOST(f, enters_after_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_WAIT);
    assert_int_equal(f->calls, 1);
    f->wait = false;
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
    assert_int_equal(f->calls, 2);
    assert_int_equal(f->ticks, 0);
}

/* And the one that none may rest on: a loop header does not see the new deadline. */
static void wait__then_only_a_loop__does_not_suspend(void **state)
{
    fixture *f = *state;
    f->wait = true;
    START_HOST(f, loops_after_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
    assert_int_equal(f->calls, 2);
}

static void wait__that_was_not_obeyed__does_not_suspend_the_next_call(void **state)
{
    fixture *f = *state;
    f->wait = true;
    START_HOST(f, calls_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
    f->wait = false;
    START_HOST(f, enters_after_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
}

static void slice__of_a_spinning_guest__ends_at_a_tick(void **state)
{
    fixture *f = *state;
    f->verdict = WW_YIELD;
    f->tick_engine = true;
    START_HOST(f, spins_after_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_SLICE);
    assert_int_equal(f->ticks, 1);
    assert_int_equal(f->calls, 1);
}

static ww_verdict go_on_twice(void *data)
{
    fixture *f = data;
    return ++f->ticks < 3 ? WW_GO_ON : WW_KILL;
}

/* (func (export "r") (loop (call $host) (br 0))) */
static void slice__when_the_hook_says_go_on__is_asked_again_at_the_next_tick(void **state)
{
    static const uint8_t wasm[] = {WASM_MODULE(ONE_TYPE, HOST_FUNC, FUNCS(0),
                                               EXPORTS(1, EXPORT_FUNC('r', 1)),
                                               CODE(1, BODY(LOOP(CALL(0), 0x0c, 0))))};
    fixture *f = *state;
    ww_store_free(f->store);
    assert_ok(
        ww_store_new(f->engine, &wide, (ww_store_hooks){f, go_on_twice}, &f->store, &f->diag));
    f->tick_engine = true;
    START_HOST(f, wasm);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
    assert_int_equal(f->ticks, 3);
    assert_int_equal(f->calls, 3);
    assert_int_equal(ww_store_failure(f->store).code, WW_TRAP_INTERRUPT);
}

static void kill__inside_the_guests_own_poll__ends_it_at_the_next_entry(void **state)
{
    fixture *f = *state;
    f->kill = true;
    START_HOST(f, enters_after_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
    assert_int_equal(f->calls, 1);
    assert_int_equal(ww_store_failure(f->store).code, WW_TRAP_INTERRUPT);
    assert_view_is(ww_store_failure(f->store).text, "killed");
}

static void kill__of_a_waiting_guest__ends_it_without_running_it(void **state)
{
    fixture *f = *state;
    f->wait = true;
    START_HOST(f, enters_after_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_WAIT);
    ww_store_kill(f->store);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
    assert_int_equal(f->calls, 1);
    assert_int_equal(ww_store_failure(f->store).code, WW_TRAP_INTERRUPT);
}

static void kill__of_a_guest_that_never_ran__ends_it(void **state)
{
    fixture *f = *state;
    START_HOST(f, spins);
    ww_store_kill(f->store);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_FAILED);
}

static void free__of_a_store_with_a_suspended_guest__unwinds_it(void **state)
{
    fixture *f = *state;
    f->wait = true;
    START_HOST(f, enters_after_host);
    assert_int_equal(ww_store_poll(f->store), WW_POLL_WAIT);
    ww_store_free(f->store);
    f->store = NULL;
    assert_int_equal(f->calls, 1);
}

/* (module (start 0) (func (unreachable))) as the engine would run it by itself. */
static void instantiate__of_a_module_with_a_start_section__is_the_planners_business(void **state)
{
    static const uint8_t wasm[] = {
        WASM_MODULE(ONE_TYPE, FUNCS(0), START(0), CODE(1, BODY(UNREACHABLE)))};
    fixture *f = *state;
    ww_module *module = compile(f, wasm, sizeof wasm);
    ww_core_instance instance;
    assert_int_equal(ww_store_instantiate(f->store, module, NULL, 0, &instance, &f->diag),
                     WW_E_TRAP);
    ww_module_free(module);
}

static void instantiate__with_a_segment_outside_the_memory__is_a_trap(void **state)
{
    static const uint8_t wasm[] = {WASM_MODULE(MEMORY(0, 1), DATA_AT(0, 'x'))};
    fixture *f = *state;
    ww_module *module = compile(f, wasm, sizeof wasm);
    ww_core_instance instance;
    assert_int_equal(ww_store_instantiate(f->store, module, NULL, 0, &instance, &f->diag),
                     WW_E_TRAP);
    assert_non_null(strstr(f->diag.text, "out of bounds"));
    ww_module_free(module);
}

static void instantiate__beyond_the_pool__is_a_limit(void **state)
{
    static const uint8_t wasm[] = {WASM_MODULE(MEMORY(1, 1))};
    fixture *f = *state;
    ww_module *module = compile(f, wasm, sizeof wasm);
    ww_core_instance instance;
    for (int i = 0; i < 4; i++)
        assert_ok(ww_store_instantiate(f->store, module, NULL, 0, &instance, &f->diag));
    assert_int_equal(ww_store_instantiate(f->store, module, NULL, 0, &instance, &f->diag),
                     WW_E_LIMIT);
    assert_non_null(strstr(f->diag.text, "limit"));
    ww_store_free(f->store);
    assert_ok(ww_store_new(f->engine, &wide, (ww_store_hooks){f, on_tick}, &f->store, &f->diag));
    assert_ok(ww_store_instantiate(f->store, module, NULL, 0, &instance, &f->diag));
    ww_module_free(module);
}

static void instantiate__beyond_the_stores_limits__is_a_limit(void **state)
{
    static const uint8_t two_pages[] = {WASM_MODULE(MEMORY(2, 2))};
    fixture *f = *state;
    ww_store_limits narrow = wide;
    narrow.memory_bytes_max = 65536;
    ww_store *store;
    assert_ok(ww_store_new(f->engine, &narrow, (ww_store_hooks){0}, &store, &f->diag));
    ww_module *module = compile(f, two_pages, sizeof two_pages);
    ww_core_instance instance;
    assert_int_equal(ww_store_instantiate(store, module, NULL, 0, &instance, &f->diag), WW_E_LIMIT);
    ww_module_free(module);
    ww_store_free(store);
}

static void instantiate__with_an_import_of_another_type__is_a_mismatch(void **state)
{
    static const uint8_t wants_func[] = {WASM_MODULE(ONE_TYPE, HOST_FUNC)};
    static const uint8_t has_memory[] = {
        WASM_MODULE(MEMORY(1, 1), EXPORTS(1, EXPORT_MEMORY('m', 0)))};
    fixture *f = *state;
    ww_module *a = compile(f, has_memory, sizeof has_memory);
    ww_module *b = compile(f, wants_func, sizeof wants_func);
    ww_core_instance instance;
    ww_core_extern memory;
    assert_ok(ww_store_instantiate(f->store, a, NULL, 0, &instance, &f->diag));
    ww_store_export(f->store, a, &instance, 0, &memory);
    assert_true(ww_store_is_memory(&memory));
    assert_int_equal(ww_store_instantiate(f->store, b, &memory, 1, &instance, &f->diag),
                     WW_E_MISMATCH);
    assert_int_equal(ww_store_instantiate(f->store, b, NULL, 0, &instance, &f->diag),
                     WW_E_MISMATCH);
    ww_module_free(a);
    ww_module_free(b);
}

/* (memory 1 3) (func (export "r") (drop (memory.grow (i32.const 1)))) */
static void memory__after_the_guest_grew_it__has_the_same_base(void **state)
{
    static const uint8_t wasm[] = {WASM_MODULE(
        ONE_TYPE, FUNCS(0), MEMORY(1, 3), EXPORTS(2, EXPORT_FUNC('r', 0), EXPORT_MEMORY('m', 0)),
        CODE(1, BODY(I32_CONST(1), 0x40, 0, DROP)))};
    fixture *f = *state;
    ww_module *module = compile(f, wasm, sizeof wasm);
    ww_core_instance instance;
    ww_core_extern memory;
    assert_ok(ww_store_instantiate(f->store, module, NULL, 0, &instance, &f->diag));
    ww_store_export(f->store, module, &instance, 1, &memory);
    ww_memory_view before = ww_store_memory(f->store, &memory.of.memory);
    ww_core_func func = export_func(f, module, &instance, "r");
    assert_ok(ww_store_call(f->store, &func));
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
    ww_memory_view after = ww_store_memory(f->store, &memory.of.memory);
    assert_ptr_equal(after.base, before.base);
    assert_int_equal(before.size, 65536);
    assert_int_equal(after.size, 2 * 65536);
    ww_module_free(module);
}

/* (table 2 funcref) (func (export "f") (call $host)) (func (export "r") (call_indirect 0))
 * (func (export "s") (param funcref funcref) both into the table)
 * (func (export "g") (result funcref funcref) both out of it) */
static const uint8_t has_slots[] = {WASM_MODULE(
    TYPES(3, FUNC_TYPE(WASM_NONE, WASM_NONE), 0x60, 2, 0x70, 0x70, 0, 0x60, 0, 2, 0x70, 0x70),
    HOST_FUNC, FUNCS(0, 0, 1, 2), TABLE(2),
    EXPORTS(4, EXPORT_FUNC('f', 1), EXPORT_FUNC('r', 2), EXPORT_FUNC('s', 3), EXPORT_FUNC('g', 4)),
    CODE(4, BODY(CALL(0)), BODY(I32_CONST(0), 0x11, 0, 0),
         BODY(I32_CONST(0), LOCAL_GET(0), 0x26, 0, I32_CONST(1), LOCAL_GET(1), 0x26, 0),
         BODY(I32_CONST(0), 0x25, 0, I32_CONST(1), 0x25, 0)))};

static void funcs__set_through_a_setter__are_what_calls_and_a_getter_find(void **state)
{
    fixture *f = *state;
    ww_module *module = compile(f, has_slots, sizeof has_slots);
    ww_host_import import = {.fn = host, .env = own};
    ww_link *link;
    ww_core_instance instance;
    assert_ok(ww_link_new(f->engine, module, &import, 1, &link, &f->diag));
    assert_ok(ww_store_instantiate_link(f->store, link, &instance, &f->diag));
    ww_core_func callee = export_func(f, module, &instance, "f");
    ww_core_func setter = export_func(f, module, &instance, "s");
    ww_core_func getter = export_func(f, module, &instance, "g");
    for (int i = 0; i < 4; i++)
        ww_engine_tick(f->engine);
    ww_core_func found[2] = {callee, {0}};
    assert_ok(ww_store_set_funcs(f->store, &setter, found, 2));
    memset(found, 0xff, sizeof found);
    assert_ok(ww_store_get_funcs(f->store, &getter, found, 2));
    assert_int_not_equal(found[0].store, 0);
    assert_int_equal(found[1].store, 0);
    ww_core_func func = export_func(f, module, &instance, "r");
    assert_ok(ww_store_call(f->store, &func));
    assert_int_equal(ww_store_poll(f->store), WW_POLL_DONE);
    assert_int_equal(f->calls, 1);
    ww_link_free(link);
    ww_module_free(module);
}

static void compile__of_nonsense__says_what_is_wrong(void **state)
{
    fixture *f = *state;
    ww_module *module;
    assert_int_equal(ww_module_compile(f->engine, ww_view_str("nonsense"), &module, &f->diag),
                     WW_E_INVALID);
    assert_null(module);
    assert_non_null(strstr(f->diag.text, "magic header"));
}

static void serialize__then_load__is_the_same_module(void **state)
{
    fixture *f = *state;
    ww_module *module = compile(f, calls_host, sizeof calls_host), *loaded;
    ww_buf code;
    ww_buf_init(&code, ww_allocator_libc(), 1 << 20);
    assert_ok(ww_module_serialize(module, &code, &f->diag));
    assert_ok(ww_module_load(f->engine, ww_buf_view(&code), &loaded, &f->diag));
    assert_int_equal(ww_module_import_count(loaded), 1);
    uint32_t index;
    assert_true(ww_module_find_export(loaded, ww_view_str("r"), &index));
    assert_false(ww_module_find_export(loaded, ww_view_str("q"), &index));
    ww_module_free(loaded);
    assert_int_equal(ww_module_load(f->engine, ww_view_str("junk"), &loaded, &f->diag),
                     WW_E_INVALID);
    ww_buf_deinit(&code);
    ww_module_free(module);
}

static void engine__whose_pool_needs_more_mappings_than_allowed__names_the_setting(void **state)
{
    (void)state;
    unsigned long allowed = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (!file || fscanf(file, "%lu", &allowed) != 1 || allowed > UINT32_MAX / 2) skip();
    fclose(file);
    ww_engine_options options;
    ww_engine_options_default(&options, true);
    options.stacks_max = (uint32_t)allowed;
    ww_engine *engine;
    ww_diag diag;
    assert_int_equal(ww_engine_new(&options, ww_allocator_libc(), &engine, &diag), WW_E_LIMIT);
    assert_non_null(strstr(diag.text, "sysctl -w vm.max_map_count="));
}

static void fingerprint__of_another_stack_size__differs(void **state)
{
    fixture *f = *state;
    ww_engine *on_demand = new_engine(false);
    ww_view a = ww_engine_fingerprint(f->engine), b = ww_engine_fingerprint(on_demand);
    assert_true(ww_view_starts(a, "wasmtime 48.0.8 "));
    assert_false(ww_view_equal(a, b));
    ww_engine_free(on_demand);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(call__of_a_function_that_calls_the_host__is_done),
        CASE(call__while_another_lives__is_busy),
        CASE(trap__in_the_guest__has_code_text_and_demangled_frames),
        CASE(trap__of_a_host_function_with_a_text__keeps_the_text),
        CASE(trap__of_a_host_function_with_a_code__keeps_the_code),
        CASE(wait__then_a_function_is_entered__suspends_and_resumes),
        CASE(wait__then_only_a_loop__does_not_suspend),
        CASE(wait__that_was_not_obeyed__does_not_suspend_the_next_call),
        CASE(slice__of_a_spinning_guest__ends_at_a_tick),
        CASE(slice__when_the_hook_says_go_on__is_asked_again_at_the_next_tick),
        CASE(kill__inside_the_guests_own_poll__ends_it_at_the_next_entry),
        CASE(kill__of_a_waiting_guest__ends_it_without_running_it),
        CASE(kill__of_a_guest_that_never_ran__ends_it),
        CASE(free__of_a_store_with_a_suspended_guest__unwinds_it),
        CASE(instantiate__of_a_module_with_a_start_section__is_the_planners_business),
        CASE(instantiate__with_a_segment_outside_the_memory__is_a_trap),
        CASE(instantiate__beyond_the_pool__is_a_limit),
        CASE(instantiate__beyond_the_stores_limits__is_a_limit),
        CASE(instantiate__with_an_import_of_another_type__is_a_mismatch),
        CASE(memory__after_the_guest_grew_it__has_the_same_base),
        CASE(funcs__set_through_a_setter__are_what_calls_and_a_getter_find),
        CASE(compile__of_nonsense__says_what_is_wrong),
        CASE(serialize__then_load__is_the_same_module),
        cmocka_unit_test(engine__whose_pool_needs_more_mappings_than_allowed__names_the_setting),
        CASE(fingerprint__of_another_stack_size__differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
