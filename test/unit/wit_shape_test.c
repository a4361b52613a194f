/* The generated descriptors against the ecosystem's encoder: a core module that imports every
 * function of every interface, with the core types that our descriptors give, becomes a component
 * of the world `cell`; and what that component then asks for is what the host offers. */
#include "component/instance.h"
#include "component/linker.h"
#include "support/binary.h"
#include "support/check.h"
#include "support/folder.h"
#include "wit/functions.h"
#include "wit/wasi_cli_exit.h"
#include "wit/wasi_random_random.h"
#include <stdio.h>
#include <stdlib.h>

/* --- a core module that imports everything -------------------------------------------------- */

static void put(ww_buf *out, const char *text)
{
    assert_ok(ww_buf_append(out, text, strlen(text)));
}

/* A count as LEB128, in hexadecimal. */
static void put_count(ww_buf *out, uint32_t value)
{
    do {
        assert_ok(ww_buf_printf(out, "%02x ", (value & 0x7f) | (value > 0x7f ? 0x80 : 0)));
        value >>= 7;
    } while (value);
}

static uint32_t function_count(void)
{
    uint32_t count = 0;
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++)
        count += ww_host_interfaces[i]->func_count;
    return count;
}

static void put_valtypes(ww_buf *out, const uint8_t *types, uint8_t count)
{
    put_count(out, count);
    for (uint8_t i = 0; i < count; i++)
        assert_ok(ww_buf_printf(out, "%02x ", types[i]));
}

/* Type 0 is realloc's, 1 that of dropping a handle, then one per function. */
static void put_types(ww_buf *out)
{
    put(out, "01[");
    put_count(out, 2 + function_count());
    put(out, "60 04 7f 7f 7f 7f 01 7f 60 01 7f 00 ");
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++)
        for (uint32_t k = 0; k < ww_host_interfaces[i]->func_count; k++) {
            const ww_core_type *core = &ww_host_interfaces[i]->funcs[k].type->lowered;
            put(out, "60 ");
            put_valtypes(out, core->params, core->param_count);
            put_valtypes(out, core->results, core->result_count);
        }
    put(out, "] ");
}

static uint32_t import_count(void)
{
    uint32_t count = function_count();
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++)
        count += ww_host_interfaces[i]->exported_count;
    return count;
}

static void put_imports(ww_buf *out)
{
    uint32_t type = 2;
    put(out, "02[");
    put_count(out, import_count());
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++) {
        const ww_host_interface *interface = ww_host_interfaces[i];
        for (uint32_t k = 0; k < interface->func_count; k++) {
            assert_ok(
                ww_buf_printf(out, "'%s''%s' 00 ", interface->name, interface->funcs[k].name));
            put_count(out, type++);
        }
        for (uint32_t k = 0; k < interface->exported_count; k++)
            assert_ok(ww_buf_printf(out, "'%s''[resource-drop]%s' 00 01 ", interface->name,
                                    interface->resources[k]->name));
    }
    put(out, "] ");
}

static void put_module(ww_buf *out)
{
    put(out, TEST_MODULE);
    put_types(out);
    put_imports(out);
    put(out, "03[01 00] 05[01 00 01] 07[02 'memory' 02 00 'cabi_realloc' 00 ");
    put_count(out, import_count());
    put(out, "] 0a[01 [00 00 0b]] ");
    assert_ok(ww_buf_append_byte(out, 0));
}

/* --- the component of it -------------------------------------------------------------------- */

typedef struct fixture {
    char folder[TEST_PATH_MAX];
    uint8_t *bytes;
    size_t size;
    ww_arena arena;
    const ww_plan *plan;
    ww_linker *linker;
} fixture;

static void write_module(const char *path)
{
    ww_buf text, binary;
    ww_buf_init(&text, ww_allocator_libc(), 1 << 20);
    ww_buf_init(&binary, ww_allocator_libc(), 1 << 20);
    put_module(&text);
    test_binary(&binary, (const char *)text.data);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(binary.data, 1, binary.size, file), binary.size);
    fclose(file);
    ww_buf_deinit(&text);
    ww_buf_deinit(&binary);
}

static void encode(const char *folder)
{
    char command[2 * TEST_PATH_MAX + 200];
    const char *toolchain = getenv("WW_TOOLCHAIN");
    snprintf(command, sizeof command,
             "%s/bin/ww-componentize new %s/core.wasm %s/component.wasm --wit wit --world cell "
             "--reactor",
             toolchain ? toolchain : "build/toolchain", folder, folder);
    assert_int_equal(system(command), 0);
}

static void read_component(fixture *f)
{
    char path[TEST_PATH_MAX + 20];
    snprintf(path, sizeof path, "%s/component.wasm", f->folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    f->bytes = malloc(1 << 20);
    assert_non_null(f->bytes);
    f->size = fread(f->bytes, 1, 1 << 20, file);
    fclose(file);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char core[TEST_PATH_MAX + 20];
    const ww_model *model;
    ww_diag diag = {0};
    assert_non_null(f);
    test_folder_make(f->folder);
    snprintf(core, sizeof core, "%s/core.wasm", f->folder);
    write_module(core);
    encode(f->folder);
    read_component(f);
    ww_arena_init(&f->arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    ww_status status = ww_model_parse(ww_view_of(f->bytes, f->size), &f->arena, &model, &diag);
    if (!status) status = ww_plan_make(model, &f->arena, &f->plan, &diag);
    if (status) fail_msg("%s", diag.text);
    assert_ok(ww_linker_new(ww_allocator_libc(), &f->linker));
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++)
        assert_ok(ww_linker_add(f->linker, ww_host_interfaces[i], NULL));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_linker_free(f->linker);
    ww_arena_deinit(&f->arena);
    free(f->bytes);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

/* --- cases ---------------------------------------------------------------------------------- */

typedef struct sides {
    const fixture *fixture;
    const ww_plan_import *import;
    const ww_host_interface *host;
} sides;

static const ww_host_interface *host_of(const fixture *f, const ww_plan_import *import)
{
    assert_int_equal(import->path_length, 1);
    const ww_bound_interface *bound = ww_linker_find(f->linker, import->path[0]);
    if (!bound) fail_msg("%.*s is not offered", WW_VIEW_ARG(import->path[0]));
    return bound->interface;
}

/* The host's type for a resource of the plan: that of the import that brought it. */
static const ww_resource_type *resource_of(const fixture *f, uint32_t resource)
{
    const ww_plan_import *import = &f->plan->imports[f->plan->resources[resource].import];
    assert_int_equal(import->kind, WW_IMPORT_RESOURCE);
    return ww_interface_resource(host_of(f, import), import->name);
}

static bool same_resource(void *arg, uint32_t a, uint32_t b)
{
    const sides *s = arg;
    return resource_of(s->fixture, s->import->type.resources[a]) == s->host->resources[b];
}

static void every_function__as_the_encoder_sees_it__has_our_type(void **state)
{
    const fixture *f = *state;
    uint32_t functions = 0;
    for (uint32_t i = 0; i < f->plan->import_count; i++) {
        const ww_plan_import *import = &f->plan->imports[i];
        if (import->kind != WW_IMPORT_FUNC) continue;
        sides s = {f, import, host_of(f, import)};
        const ww_host_func *func = ww_interface_func(s.host, import->name);
        if (!func) fail_msg("%s has no %.*s", s.host->name, WW_VIEW_ARG(import->name));
        if (!ww_func_type_equal(import->type.func, func->type, same_resource, &s))
            fail_msg("%s: %s has another type", s.host->name, func->name);
        functions++;
    }
    assert_int_equal(functions, function_count());
}

/* Others are only used by their interface, which then need not offer them. */
static void every_resource__as_the_encoder_sees_it__is_offered(void **state)
{
    const fixture *f = *state;
    uint32_t offered = 0;
    for (uint32_t i = 0; i < f->plan->import_count; i++) {
        const ww_plan_import *import = &f->plan->imports[i];
        if (import->kind != WW_IMPORT_RESOURCE) continue;
        assert_non_null(resource_of(f, import->resource));
        offered += ww_interface_resource(host_of(f, import), import->name) != NULL;
    }
    assert_int_equal(offered, import_count() - function_count());
}

static void check_layout(const ww_type *ours, const ww_type *theirs)
{
    assert_int_equal(ours->abi_size, theirs->abi_size);
    assert_int_equal(ours->abi_align, theirs->abi_align);
    assert_int_equal(ours->host_size, theirs->host_size);
    assert_int_equal(ours->host_align, theirs->host_align);
    assert_int_equal(ours->flat_count, theirs->flat_count);
    assert_int_equal(ours->has_pointers, theirs->has_pointers);
    assert_int_equal(ours->has_handles, theirs->has_handles);
    assert_int_equal(ours->payload_abi_offset, theirs->payload_abi_offset);
    assert_int_equal(ours->payload_host_offset, theirs->payload_host_offset);
    assert_int_equal(ours->count, theirs->count);
    for (uint32_t i = 0; i < ours->count; i++) {
        assert_int_equal(ours->fields[i].abi_offset, theirs->fields[i].abi_offset);
        assert_int_equal(ours->fields[i].host_offset, theirs->fields[i].host_offset);
        if (ours->fields[i].type) check_layout(ours->fields[i].type, theirs->fields[i].type);
    }
    if (ours->kind == WW_TYPE_LIST) check_layout(ours->element, theirs->element);
}

static void every_layout__parsed_from_the_component__is_the_generated_one(void **state)
{
    const fixture *f = *state;
    for (uint32_t i = 0; i < f->plan->import_count; i++) {
        const ww_plan_import *import = &f->plan->imports[i];
        if (import->kind != WW_IMPORT_FUNC) continue;
        const ww_func_type *ours = ww_interface_func(host_of(f, import), import->name)->type;
        const ww_func_type *theirs = import->type.func;
        assert_true(ww_core_type_equal(&ours->lowered, &theirs->lowered));
        assert_true(ww_core_type_equal(&ours->lifted, &theirs->lifted));
        assert_int_equal(ours->params_spilled, theirs->params_spilled);
        assert_int_equal(ours->result_spilled, theirs->result_spilled);
        assert_int_equal(ours->result_has_pointers, theirs->result_has_pointers);
        for (uint32_t k = 0; k < ours->param_count; k++)
            check_layout(ours->params[k].type, theirs->params[k].type);
        if (ours->result) check_layout(ours->result, theirs->result);
    }
}

/* --- binding -------------------------------------------------------------------------------- */

static ww_status bind_program(const fixture *f, const ww_linker *linker, ww_diag *diag)
{
    ww_engine_options options;
    ww_engine *engine;
    ww_program *program = NULL;
    ww_engine_options_default(&options, false);
    options.signals = false; /* cmocka catches the signals that the engine's traps are made of */
    assert_ok(ww_engine_new(&options, ww_allocator_libc(), &engine, diag));
    ww_status status = ww_program_new(engine, ww_view_of(f->bytes, f->size), linker,
                                      ww_compiler_plain(), ww_allocator_libc(), &program, diag);
    ww_program_unref(program);
    ww_engine_free(engine);
    return status;
}

static void component__that_imports_everything__binds(void **state)
{
    const fixture *f = *state;
    ww_diag diag = {0};
    ww_status status = bind_program(f, f->linker, &diag);
    if (status) fail_msg("%s", diag.text);
}

/* All interfaces as they are, but for one. */
static ww_linker *linker_with(const ww_host_interface *changed)
{
    ww_linker *linker;
    assert_ok(ww_linker_new(ww_allocator_libc(), &linker));
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++) {
        const ww_host_interface *interface = ww_host_interfaces[i];
        bool same = strcmp(interface->name, changed->name) == 0;
        assert_ok(ww_linker_add(linker, same ? changed : interface, NULL));
    }
    return linker;
}

/* An interface whose function `a` has the type of its function `b`. */
static void check_wrong_shape(const fixture *f, const ww_host_interface *right, uint32_t a,
                              uint32_t b, const char *text)
{
    ww_host_func funcs[32];
    ww_host_interface wrong = *right;
    ww_diag diag = {0};
    assert_true(right->func_count <= WW_COUNT_OF(funcs));
    memcpy(funcs, right->funcs, right->func_count * sizeof *funcs);
    funcs[a].type = right->funcs[b].type;
    wrong.funcs = funcs;
    ww_linker *linker = linker_with(&wrong);
    assert_int_equal(bind_program(f, linker, &diag), WW_E_MISMATCH);
    assert_string_equal(diag.text, text);
    ww_linker_free(linker);
}

static void component__of_another_shape__is_refused_by_name(void **state)
{
    check_wrong_shape(*state, &wasi_random_random_interface, 1, 0,
                      "import \"wasi:random/random@0.2.12\": function \"get-random-u64\": the "
                      "component wants func() -> u64, the host offers func(len: u64) -> list<u8>");
    check_wrong_shape(
        *state, &wasi_cli_exit_interface, 1, 0,
        "import \"wasi:cli/exit@0.2.12\": function \"exit-with-code\": the "
        "component wants func(status-code: u8), the host offers func(status: result)");
}

static void component__wanting_more_than_is_offered__is_refused_by_name(void **state)
{
    const fixture *f = *state;
    ww_host_interface less = wasi_cli_exit_interface;
    ww_diag diag = {0};
    less.func_count = 1;
    ww_linker *linker = linker_with(&less);
    assert_int_equal(bind_program(f, linker, &diag), WW_E_MISSING);
    assert_non_null(strstr(diag.text, "\"exit-with-code\""));
    assert_non_null(strstr(diag.text, "offers exit"));
    ww_linker_free(linker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function__as_the_encoder_sees_it__has_our_type),
        cmocka_unit_test(every_resource__as_the_encoder_sees_it__is_offered),
        cmocka_unit_test(every_layout__parsed_from_the_component__is_the_generated_one),
        cmocka_unit_test(component__that_imports_everything__binds),
        cmocka_unit_test(component__of_another_shape__is_refused_by_name),
        cmocka_unit_test(component__wanting_more_than_is_offered__is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
