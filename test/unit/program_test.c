/* Programs: binding a component's imports to the host, and what is said when they do not fit. The
 * binaries are written by hand. */
#include "component/instance.h"
#include "support/binary.h"
#include "support/check.h"
#include "support/shim.h"
#include <stdlib.h>

/* --- the host -------------------------------------------------------------------------------- */

static const ww_resource_type file_type = {.name = "file", .owner = WW_NONE, .dtor = WW_NONE};
static const ww_resource_type pipe_type = {.name = "pipe", .owner = WW_NONE, .dtor = WW_NONE};

/* What the guest told the host. */
typedef struct told {
    uint32_t count, values[8];
    int trap_code; /* of its end */
} told;

static ww_status host_f(ww_call *call, const void *params, void *result)
{
    (void)result;
    told *t = call->host;
    assert_true(t->count < WW_COUNT_OF(t->values));
    t->values[t->count++] = *(const uint32_t *)params;
    return WW_OK;
}

static ww_status host_g(ww_call *call, const void *params, void *result)
{
    const ww_list *text = params;
    const uint32_t size = (uint32_t)text->count;
    return host_f(call, &size, result);
}

typedef struct fixture {
    ww_engine *engine;
    ww_linker *linker;
    ww_buf bytes;
    ww_program *program;
    ww_diag diag;
    ww_type own;
    ww_field params[3];
    ww_func_type types[3];     /* func(x: u32), func(x: own<0>), func(s: string) */
    ww_host_func take, f_g[2]; /* "take"; "f" and "g" */
    const ww_resource_type *resources[1];
    ww_host_interface interfaces[4];
} fixture;

static void init_types(fixture *f)
{
    f->own = (ww_type){.kind = WW_TYPE_OWN};
    assert_ok(ww_type_layout(&f->own, NULL));
    f->params[0] = (ww_field){.name = ww_view_str("x"), .type = ww_type_primitive(WW_TYPE_U32)};
    f->params[1] = (ww_field){.name = ww_view_str("x"), .type = &f->own};
    f->params[2] = (ww_field){.name = ww_view_str("s"), .type = ww_type_primitive(WW_TYPE_STRING)};
    for (int i = 0; i < 3; i++) {
        f->types[i] = (ww_func_type){.param_count = 1, .params = &f->params[i]};
        assert_ok(ww_func_type_layout(&f->types[i], &f->params[i]));
    }
    f->f_g[0] = (ww_host_func){.name = "f", .type = &f->types[0], .call = host_f};
    f->f_g[1] = (ww_host_func){.name = "g", .type = &f->types[2], .call = host_g};
    f->take = (ww_host_func){.name = "take", .type = &f->types[1], .call = host_f};
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    *state = f;
    ww_engine_options options;
    ww_engine_options_default(&options, false);
    options.signals = false; /* cmocka catches the signals that the engine's traps are made of */
    assert_ok(ww_engine_new(&options, ww_allocator_libc(), &f->engine, &f->diag));
    ww_buf_init(&f->bytes, ww_allocator_libc(), 1 << 20);
    init_types(f);
    assert_ok(ww_linker_new(ww_allocator_libc(), &f->linker));
    f->resources[0] = &file_type;
    const ww_host_interface interfaces[] = {
        {.name = "wasi:a/log@0.2.9", .funcs = f->f_g, .func_count = 1},
        {.name = "b:c/log@1.0.0", .funcs = f->f_g, .func_count = 1},
        {.name = "wasi:a/file@0.2.9",
         .funcs = &f->take,
         .func_count = 1,
         .resources = f->resources,
         .resource_count = 1,
         .exported_count = 1},
        {.name = "", .funcs = f->f_g, .func_count = 2},
    };
    memcpy(f->interfaces, interfaces, sizeof interfaces);
    for (size_t i = 0; i < WW_COUNT_OF(interfaces); i++)
        assert_ok(ww_linker_add(f->linker, &f->interfaces[i], NULL));
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ww_program_unref(f->program);
    ww_linker_free(f->linker);
    ww_buf_deinit(&f->bytes);
    ww_engine_free(f->engine);
    free(f);
    return 0;
}

static ww_status load(fixture *f, const char *text)
{
    ww_program_unref(f->program);
    ww_buf_clear(&f->bytes);
    test_binary(&f->bytes, text);
    return ww_program_new(f->engine, ww_buf_view(&f->bytes), f->linker, ww_compiler_plain(),
                          ww_allocator_libc(), &f->program, &f->diag);
}

static void assert_loads(fixture *f, const char *text)
{
    if (load(f, text)) fail_msg("%s", f->diag.text);
    assert_non_null(f->program);
}

static void assert_refused(fixture *f, const char *text, ww_status status, const char *why)
{
    assert_int_equal(load(f, text), status);
    assert_string_equal(f->diag.text, why);
    assert_null(f->program);
}

/* --- running what was loaded ----------------------------------------------------------------- */

static void note_end(void *self, ww_status status, const void *result)
{
    (void)result;
    *(ww_status *)self = status;
}

static ww_verdict yield(void *host)
{
    (void)host;
    return WW_YIELD;
}

/* Calls one export without parameters. */
static ww_status run(fixture *f, const char *interface, const char *name, told *t)
{
    const ww_export *export =
        ww_program_export(f->program, ww_view_str(interface), ww_view_str(name));
    assert_non_null(export);
    const ww_instance_options options = {.host = t,
                                         .tick = yield,
                                         .limits = {.memory_bytes_max = 1 << 20,
                                                    .table_elements_max = 100,
                                                    .instances_max = 20,
                                                    .tables_max = 20,
                                                    .memories_max = 20}};
    ww_instance *instance;
    if (ww_instance_new(f->program, &options, ww_allocator_libc(), &instance, &f->diag))
        fail_msg("%s", f->diag.text);
    ww_status end = WW_AGAIN;
    assert_ok(ww_instance_call(instance, export, NULL, (ww_call_done){&end, note_end}));
    while (ww_instance_poll(instance) == WW_POLL_SLICE)
        ;
    t->trap_code = ww_instance_end_of(instance).trap_code;
    ww_instance_free(instance);
    return end;
}

/* --- imports that fit ------------------------------------------------------------------------ */

/* Imports `env.f: (i32) -> ()`; run calls f(7). */
#define MAIN                                                                                       \
    "01[" TEST_MODULE "01[02 60 01 7f 00  60 00 00] 02[01 'env' 'f' 00 00] 03[01 01]"              \
    "07[01 'run' 00 01] 0a[01 [00 41 07 10 00 0b]]] "

/* Imports `f: func(x: u32)` from an instance and exports run. */
#define CALLS(interface)                                                                           \
    TEST_COMPONENT "07[02 42 02 01 40 01 'x' 79 01 00 04 00 'f' 01 00  40 00 01 00]"               \
                   "0a[01 00 '" interface "' 05 00] 06[01 01 00 00 'f']" MAIN                      \
                   "08[01 01 00 00 00] 02[01 01 01 'f' 00 00] 02[01 00 00 01 'env' 12 00]"         \
                   "06[01 00 00 01 01 'run'] 08[01 00 00 01 00 01] 0b[01 00 'run' 01 01 00]"

static void program__an_import_that_is_offered__is_called(void **state)
{
    fixture *f = *state;
    static const char *const components[] = {
        CALLS("b:c/log@1.0.0"), CALLS("wasi:a/log@0.2.9"),
        CALLS("wasi:a/log@0.2.0"),  /* an older one of the track, */
        CALLS("wasi:a/log@0.2.12"), /* and a newer one */
    };
    for (size_t i = 0; i < WW_COUNT_OF(components); i++) {
        assert_loads(f, components[i]);
        told t = {0};
        assert_ok(run(f, "", "run", &t));
        assert_int_equal(t.count, 1);
        assert_int_equal(t.values[0], 7);
    }
    ww_program_stats stats = ww_program_stats_of(f->program);
    assert_int_equal(stats.core_instances, 2);
    assert_int_equal(stats.host_functions, 3); /* resume, f, run's begin */
    assert_int_equal(stats.thunks, 2);
}

static void program__a_function_at_the_root__is_of_the_nameless_interface(void **state)
{
    fixture *f = *state;
    assert_loads(f, TEST_COMPONENT
                 "07[02 40 01 'x' 79 01 00  40 00 01 00] 0a[01 00 'f' 01 00]" MAIN
                 "08[01 01 00 00 00] 02[01 01 01 'f' 00 00] 02[01 00 00 01 'env' 12 00]"
                 "06[01 00 00 01 01 'run'] 08[01 00 00 01 00 01] 0b[01 00 'run' 01 01 00]");
    told t = {0};
    assert_ok(run(f, "", "run", &t));
    assert_int_equal(t.count, 1);
}

/* Exports an instance with run under an interface's name. */
#define RUNNER "01[" TEST_MODULE "01[01 60 00 00] 03[01 00] 07[01 'run' 00 00] 0a[01 [00 0b]]] "
#define EXPORTS(interface)                                                                         \
    TEST_COMPONENT RUNNER "02[01 00 00 00] 06[01 00 00 01 00 'run'] 07[01 40 00 01 00]"            \
                          "08[01 00 00 00 00 00] 05[01 01 01 00 'run' 01 00]"                      \
                          "0b[01 00 '" interface "' 05 00 00]"

static void program_export__another_version_of_the_track__is_found(void **state)
{
    fixture *f = *state;
    assert_loads(f, EXPORTS("wasi:cli/run@0.2.6"));
    told t = {0};
    assert_ok(run(f, "wasi:cli/run@0.2", "run", &t));
    assert_ok(run(f, "wasi:cli/run@0.2.6", "run", &t));
    assert_ok(run(f, "wasi:cli/run@0.2.0", "run", &t));
    assert_null(
        ww_program_export(f->program, ww_view_str("wasi:cli/run@0.3.0"), ww_view_str("run")));
    assert_null(ww_program_export(f->program, ww_view_str("wasi:cli/run@0.2"), ww_view_str("go")));
    assert_null(ww_program_export(f->program, ww_view_str(""), ww_view_str("run")));
    assert_loads(f, EXPORTS("b:c/run@1.0.0"));
    assert_null(ww_program_export(f->program, ww_view_str("b:c/run@1.0"), ww_view_str("run")));
}

/* --- imports that do not fit ----------------------------------------------------------------- */

static void program__a_missing_interface__is_named_with_what_comes_closest(void **state)
{
    fixture *f = *state;
    assert_refused(f, CALLS("wasi:a/bog@0.2.0"), WW_E_MISSING,
                   "import \"wasi:a/bog@0.2.0\": the component wants its function \"f\": func(x: "
                   "u32), but the host has no such interface; it offers wasi:a/log@0.2.9, "
                   "wasi:a/file@0.2.9");
    assert_refused(f, CALLS("b:c/log@1.0.1"), WW_E_MISSING,
                   "import \"b:c/log@1.0.1\": the component wants its function \"f\": func(x: "
                   "u32), but the host has no such interface; it offers b:c/log@1.0.0");
}

static void program__wasi_0_3__is_said_to_need_async(void **state)
{
    fixture *f = *state;
    assert_refused(f, CALLS("wasi:a/log@0.3.0"), WW_E_UNSUPPORTED,
                   "import \"wasi:a/log@0.3.0\": it needs WASI 0.3 / component async, and this "
                   "host offers WASI 0.2");
}

static void program__a_missing_function__is_named_with_what_is_there(void **state)
{
    fixture *f = *state;
    assert_refused(f, CALLS("wasi:a/file@0.2.0"), WW_E_MISSING,
                   "import \"wasi:a/file@0.2.0\": the component wants a function \"f\": func(x: "
                   "u32); the host's \"wasi:a/file@0.2.9\" offers take");
}

/* Imports `f` of a given type, and nothing else. */
#define WANTS(type)                                                                                \
    TEST_COMPONENT "07[01 42 02 01 " type " 04 00 'f' 01 00] 0a[01 00 'b:c/log@1.0.0' 05 00]"

static void program__a_function_of_another_type__is_named_with_both(void **state)
{
    fixture *f = *state;
    assert_refused(f, WANTS("40 01 'x' 77 01 00"), WW_E_MISMATCH,
                   "import \"b:c/log@1.0.0\": function \"f\": the component wants func(x: u64), "
                   "the host offers func(x: u32)");
    assert_refused(f, WANTS("40 01 'x' 79 00 79"), WW_E_MISMATCH,
                   "import \"b:c/log@1.0.0\": function \"f\": the component wants func(x: u32) -> "
                   "u32, the host offers func(x: u32)");
    assert_loads(f, WANTS("40 01 'x' 79 01 00"));
    assert_loads(f, WANTS("40 01 'y' 79 01 00")); /* the names of parameters do not count */
}

/* --- resources ------------------------------------------------------------------------------- */

/* Imports a resource and `take: func(x: own<it>)` from one interface. */
#define TAKES(interface, resource)                                                                 \
    TEST_COMPONENT "07[01 42 04 04 00 '" resource "' 03 01  01 69 00  01 40 01 'x' 01 01 00"       \
                   "04 00 'take' 01 02] 0a[01 00 '" interface "' 05 00]"

static void program__a_resource__is_the_hosts_by_its_name(void **state)
{
    fixture *f = *state;
    assert_loads(f, TAKES("wasi:a/file@0.2.0", "file"));
    assert_refused(f, TAKES("wasi:a/file@0.2.0", "pile"), WW_E_MISSING,
                   "import \"wasi:a/file@0.2.0\": the component wants a resource \"pile\"; the "
                   "host's \"wasi:a/file@0.2.9\" offers file");
}

/* Of two interfaces; the second knows the first one's resource under the name `second`. */
#define SHARES(interface, second)                                                                  \
    TEST_COMPONENT "07[01 42 01 04 00 'file' 03 01] 0a[01 00 'wasi:a/file@0.2.0' 05 00]"           \
                   "06[01 03 00 00 'file'] 07[01 42 02 02 03 02 01 01  04 00 '" second             \
                   "' 03 00 00] 0a[01 00 '" interface "' 05 02]"

static void program__a_resource_in_two_interfaces__must_be_one_where_both_offer_it(void **state)
{
    fixture *f = *state;
    assert_loads(f, SHARES("wasi:a/log@0.2.0", "file"));     /* uses it, does not offer it */
    assert_loads(f, SHARES("wasi:a/nothing@0.2.0", "file")); /* types alone need no host */
    const ww_resource_type *others[] = {&pipe_type, &file_type};
    const ww_host_interface pipes = {
        .name = "wasi:a/pipe@0.2.0", .resources = others, .resource_count = 2, .exported_count = 2};
    assert_ok(ww_linker_add(f->linker, &pipes, NULL));
    assert_loads(f, SHARES("wasi:a/pipe@0.2.0", "file"));
    assert_refused(f, SHARES("wasi:a/pipe@0.2.0", "pipe"), WW_E_MISMATCH,
                   "import \"wasi:a/pipe@0.2.0\": resource \"pipe\": the component wants the type "
                   "that it knows as \"file\", the host offers another one");
}

/* --- core modules ---------------------------------------------------------------------------- */

/* Imports a core module `{a.g, a.f: () -> ()} -> {run: () -> ()}`, gives it two functions and runs
 * it. f is the host's f(7), g traps. */
#define INSTANTIATES                                                                               \
    TEST_COMPONENT                                                                                 \
    "03[01 50 04 01 60 00 00  00 'a' 'g' 00 00  00 'a' 'f' 00 00  03 'run' 00 00]"                 \
    "0a[01 00 'm' 00 11 00]"                                                                       \
    "07[02 40 01 'x' 79 01 00  40 00 01 00] 0a[01 00 'f' 01 00] 08[01 01 00 00 00]"                \
    "01[" TEST_MODULE "01[02 60 01 7f 00  60 00 00] 02[01 'env' 'f' 00 00] 03[02 01 01]"           \
    "07[02 'f' 00 01 'g' 00 02] 0a[02 [00 41 07 10 00 0b] [00 00 0b]]] "                           \
    "02[01 01 01 'f' 00 00] 02[01 00 01 01 'env' 12 00] 02[01 00 00 01 'a' 12 01]"                 \
    "06[01 00 00 01 02 'run'] 08[01 00 00 01 00 01] 0b[01 00 'run' 01 01 00]"

static void give_module(fixture *f, ww_buf *module, const char *text)
{
    ww_buf_init(module, ww_allocator_libc(), 1 << 16);
    test_binary(module, text);
    assert_ok(ww_linker_add_module(f->linker, "m", ww_buf_view(module)));
}

static void program__a_core_module_of_the_hosts__gets_its_imports_in_its_own_order(void **state)
{
    fixture *f = *state;
    assert_refused(f, INSTANTIATES, WW_E_MISSING,
                   "import \"m\": the component wants a core module of that name, which the host "
                   "does not offer");
    ww_buf module; /* wants less, and calls f at its start and when it is run */
    give_module(f, &module,
                TEST_MODULE "01[01 60 00 00] 02[01 'a' 'f' 00 00] 03[01 00] 07[02 'x' 00 00 'run' "
                            "00 01] 08[00] 0a[01 [00 10 00 0b]]");
    assert_loads(f, INSTANTIATES);
    told t = {0};
    assert_ok(run(f, "", "run", &t));
    assert_int_equal(t.count, 2);
    ww_buf_deinit(&module);
}

static void program__a_core_module_of_another_type__is_refused(void **state)
{
    fixture *f = *state;
    ww_buf module;
    give_module(f, &module,
                TEST_MODULE "01[01 60 00 00] 02[01 'a' 'h' 00 00] 03[01 00] 07[01 'run' 00 01]"
                            "0a[01 [00 0b]]");
    assert_int_equal(load(f, INSTANTIATES), WW_E_MISMATCH);
    assert_non_null(strstr(f->diag.text, "import \"m\": "));
    ww_buf_deinit(&module);
}

static void program__an_offered_module_that_is_not_used__is_compared_all_the_same(void **state)
{
    fixture *f = *state;
    ww_buf module;
    give_module(f, &module, TEST_MODULE);
    assert_loads(f, TEST_COMPONENT "03[01 50 00] 0a[01 00 'm' 00 11 00]");
    assert_int_equal(load(f, TEST_COMPONENT "03[01 50 02 01 60 00 00  03 'run' 00 00]"
                                            "0a[01 00 'm' 00 11 00]"),
                     WW_E_MISMATCH);
    ww_buf_deinit(&module);
}

static void program_export_module__a_core_module_among_the_exports__is_its_bytes(void **state)
{
    fixture *f = *state;
    assert_loads(f, TEST_COMPONENT RUNNER "0b[01 00 'm' 00 11 00 00]");
    ww_view bytes = ww_program_export_module(f->program, ww_view_str(""), ww_view_str("m"));
    ww_buf expected;
    ww_buf_init(&expected, ww_allocator_libc(), 1 << 16);
    test_binary(&expected, RUNNER);
    assert_int_equal(bytes.size, expected.size - 2); /* without the section's head */
    assert_memory_equal(bytes.data, expected.data + 2, bytes.size);
    assert_null(ww_program_export(f->program, ww_view_str(""), ww_view_str("m")));
    assert_int_equal(ww_program_export_module(f->program, ww_view_str(""), ww_view_str("n")).size,
                     0);
    ww_buf_deinit(&expected);
}

/* --- without a shim -------------------------------------------------------------------------- */

#define MAIN_CALLS_G(start) TEST_SHIM_MAIN(start, "00 41 00 41 02 10 00 0b")
#define WITHOUT_SHIM(start)                                                                        \
    TEST_SHIMMED(MAIN_CALLS_G(start), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP(""), TEST_LOWERED, "03")

static void program__a_shim_that_is_left_out__is_not_missed(void **state)
{
    fixture *f = *state;
    for (int waits = 0; waits < 2; waits++) { /* through a thunk, too */
        f->f_g[1].may_wait = waits;
        assert_loads(f, WITHOUT_SHIM(""));
        assert_int_equal(ww_program_stats_of(f->program).core_instances, 2);
        told t = {0};
        assert_ok(run(f, "", "run", &t));
        assert_int_equal(t.count, 1);
        assert_int_equal(t.values[0], 2);
    }
}

static void program__a_call_before_the_fixup__traps_as_through_a_null_entry(void **state)
{
    fixture *f = *state;
    for (int waits = 0; waits < 2; waits++) {
        f->f_g[1].may_wait = waits;
        assert_loads(f, WITHOUT_SHIM("08[01]"));
        told t = {0};
        assert_int_equal(run(f, "", "run", &t), WW_E_TRAP);
        assert_int_equal(t.trap_code, WW_TRAP_INDIRECT_CALL_TO_NULL);
        assert_int_equal(t.count, 0);
    }
}

/* --- instances ------------------------------------------------------------------------------- */

/* The newer form of encoders: an entry is a global with a reference to a function, first to one that
 * traps; the fixup's start function sets the globals. */
#define WITH_GLOBALS(start)                                                                        \
    TEST_COMPONENT                                                                                 \
    "07[02 40 01 's' 73 01 00  40 00 01 00] 0a[01 00 'g' 01 00]" MAIN_CALLS_G(                     \
        start) "01[" TEST_MODULE "01[01 60 02 7f 7f 00] 03[02 00 00] 06[01 64 00 01 d2 00 0b]"     \
               "07[02 'g0' 03 00 '0' 00 01] 0a[02 [00 00 0b] [00 20 00 20 01 23 00 15 00 0b]]]"    \
               "01[" TEST_MODULE "01[02 60 02 7f 7f 00  60 00 00]"                                 \
               "02[02 '' 'g0' 03 64 00 01 '' '0' 00 00] 03[01 01] 08[01] 09[01 03 00 01 00]"       \
               "0a[01 [00 d2 00 24 00 0b]]]"                                                       \
               "02[01 00 01 00] 06[01 00 00 01 00 '0'] 02[01 01 01 'g' 00 00] 02[01 00 00 01 "     \
               "'env' 12 01]"                                                                      \
               "06[02 00 02 01 02 'mem'  00 03 01 00 'g0'] 08[01 01 00 00 01 03 00]"               \
               "02[01 01 02 '0' 00 01 'g0' 03 00] 02[01 00 02 01 '' 12 03]"                        \
               "06[01 00 00 01 02 'run'] 08[01 00 00 02 00 01] 0b[01 00 'run' 01 01 00]"

static void program__a_shim_of_globals__is_instantiated_and_works(void **state)
{
    fixture *f = *state;
    assert_loads(f, WITH_GLOBALS(""));
    assert_int_equal(ww_program_stats_of(f->program).core_instances, 4);
    told t = {0};
    assert_ok(run(f, "", "run", &t));
    assert_int_equal(t.count, 1);
    assert_int_equal(t.values[0], 2);
    assert_loads(f, WITH_GLOBALS("08[01]"));
    assert_int_equal(run(f, "", "run", &t), WW_E_TRAP);
    assert_int_equal(t.trap_code, WW_TRAP_UNREACHABLE);
}

static void program__an_empty_instance__need_not_be_there_but_must_not_be_a_function(void **state)
{
    fixture *f = *state;
    assert_loads(f, TEST_COMPONENT "07[01 42 00] 0a[01 00 'nowhere' 05 00]");
    assert_refused(f, TEST_COMPONENT "07[01 42 00] 0a[01 00 'f' 05 00]", WW_E_MISMATCH,
                   "import \"f\": the component wants an instance, the host offers something else "
                   "of that name");
}

static void program__a_resource_under_two_names_of_the_host__is_one(void **state)
{
    fixture *f = *state;
    const ww_resource_type *types[] = {&file_type, &file_type};
    static const char *const names[] = {"file", "file-again"};
    const ww_host_interface host = {.name = "h",
                                    .resources = types,
                                    .resource_count = 2,
                                    .exported_count = 2,
                                    .exported_names = names};
    assert_ok(ww_linker_add(f->linker, &host, NULL));
    assert_loads(f, TEST_COMPONENT "07[01 42 02 04 00 'file' 03 01  04 00 'file-again' 03 00 00]"
                                   "0a[01 00 'h' 05 00]");
    assert_loads(f, TEST_COMPONENT "07[01 42 02 04 00 'file' 03 01  04 00 'file-again' 03 01]"
                                   "0a[01 00 'h' 05 00]");
}

/* --- what cannot be a program ---------------------------------------------------------------- */

static void program__a_core_module_that_the_engine_refuses__is_named(void **state)
{
    fixture *f = *state;
    assert_int_equal(load(f, TEST_COMPONENT "01[" TEST_MODULE "01[01 60 00 00] 03[01 00]"
                                            "0a[01 [00 41 00 0b]]] 02[01 00 00 00]"),
                     WW_E_INVALID);
    assert_non_null(strstr(f->diag.text, "core module 0: "));
}

static ww_status load_all(const ww_allocator *allocator, void *arg)
{
    fixture *f = arg;
    ww_program *program;
    ww_status status = ww_program_new(f->engine, ww_buf_view(&f->bytes), f->linker,
                                      ww_compiler_plain(), allocator, &program, &f->diag);
    ww_program_unref(program);
    return status;
}

static void program__any_allocation_failing__gives_everything_back(void **state)
{
    fixture *f = *state;
    test_binary(&f->bytes, CALLS("b:c/log@1.0.0"));
    test_every_allocation_failing(load_all, f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(program__an_import_that_is_offered__is_called),
        CASE(program__a_function_at_the_root__is_of_the_nameless_interface),
        CASE(program_export__another_version_of_the_track__is_found),
        CASE(program__a_missing_interface__is_named_with_what_comes_closest),
        CASE(program__wasi_0_3__is_said_to_need_async),
        CASE(program__a_missing_function__is_named_with_what_is_there),
        CASE(program__a_function_of_another_type__is_named_with_both),
        CASE(program__a_resource__is_the_hosts_by_its_name),
        CASE(program__a_resource_in_two_interfaces__must_be_one_where_both_offer_it),
        CASE(program__a_core_module_of_the_hosts__gets_its_imports_in_its_own_order),
        CASE(program__a_core_module_of_another_type__is_refused),
        CASE(program__an_offered_module_that_is_not_used__is_compared_all_the_same),
        CASE(program_export_module__a_core_module_among_the_exports__is_its_bytes),
        CASE(program__a_shim_that_is_left_out__is_not_missed),
        CASE(program__a_call_before_the_fixup__traps_as_through_a_null_entry),
        CASE(program__a_shim_of_globals__is_instantiated_and_works),
        CASE(program__an_empty_instance__need_not_be_there_but_must_not_be_a_function),
        CASE(program__a_resource_under_two_names_of_the_host__is_one),
        CASE(program__a_core_module_that_the_engine_refuses__is_named),
        CASE(program__any_allocation_failing__gives_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
