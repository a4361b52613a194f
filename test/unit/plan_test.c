/* Plans of components. The binaries are written by hand; a plan is compared as text:
 *
 *     import host.f | resource host.r | module m
 *     site 0: import 0 | call 1 | new 0 | rep 0 | drop 0 | forward 0, then "of" its owner
 *     instantiate 1: module 0 (0.run site 3)
 *     memory 0 = 1.mem    slot 0 = 1.realloc    start 1.ww:start    resource 0
 *     export run = lift 0 */
#include "component/limits.h"
#include "component/plan.h"
#include "support/binary.h"
#include "support/check.h"
#include "support/shim.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    ww_arena arena;
    ww_buf bytes, text;
    const ww_plan *plan;
    ww_diag diag;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    ww_arena_init(&f->arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    ww_buf_init(&f->bytes, ww_allocator_libc(), 1 << 20);
    ww_buf_init(&f->text, ww_allocator_libc(), 1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ww_buf_deinit(&f->bytes);
    ww_buf_deinit(&f->text);
    ww_arena_deinit(&f->arena);
    free(f);
    return 0;
}

static ww_status make(fixture *f, const char *text)
{
    f->plan = NULL;
    ww_buf_clear(&f->bytes);
    ww_arena_reset(&f->arena);
    test_binary(&f->bytes, text);
    const ww_model *model;
    ww_status status = ww_model_parse(ww_buf_view(&f->bytes), &f->arena, &model, &f->diag);
    return status ? status : ww_plan_make(model, &f->arena, &f->plan, &f->diag);
}

/* --- plans as text -------------------------------------------------------------------------- */

static void print_import(ww_buf *out, const ww_plan_import *import)
{
    static const char *const kinds[] = {"import", "resource", "module", "instance"};
    assert_ok(ww_buf_printf(out, "%s ", kinds[import->kind]));
    for (uint32_t i = 0; i < import->path_length; i++)
        assert_ok(ww_buf_printf(out, "%.*s.", WW_VIEW_ARG(import->path[i])));
    assert_ok(ww_buf_printf(out, "%.*s\n", WW_VIEW_ARG(import->name)));
}

static void print_site(ww_buf *out, uint32_t index, const ww_plan_site *site)
{
    static const char *const kinds[] = {"import", "call",        "new",         "rep",
                                        "drop",   "context.get", "context.set", "forward"};
    assert_ok(ww_buf_printf(out, "site %u: %s %u of %u\n", index, kinds[site->kind], site->target,
                            site->owner));
}

static void print_ref(ww_buf *out, const ww_plan_ref *ref)
{
    if (ref->kind == WW_REF_SITE)
        assert_ok(ww_buf_printf(out, "site %u", ref->instance));
    else
        assert_ok(ww_buf_printf(out, "%u.%.*s", ref->instance, WW_VIEW_ARG(ref->name)));
}

static void print_step(ww_buf *out, const ww_plan_step *step)
{
    switch (step->kind) {
    case WW_STEP_INSTANTIATE:
        assert_ok(ww_buf_printf(out, "instantiate %u: module %u (", step->index, step->module));
        for (uint32_t i = 0; i < step->ref_count; i++) {
            if (i) assert_ok(ww_buf_printf(out, " "));
            print_ref(out, &step->refs[i]);
        }
        assert_ok(ww_buf_printf(out, ")"));
        break;
    case WW_STEP_START:
        assert_ok(ww_buf_printf(out, "start "));
        print_ref(out, step->refs);
        break;
    case WW_STEP_RESOURCE: assert_ok(ww_buf_printf(out, "resource %u", step->index)); break;
    default:
        assert_ok(ww_buf_printf(out, "%s %u = ", step->kind == WW_STEP_MEMORY ? "memory" : "slot",
                                step->index));
        print_ref(out, step->refs);
    }
    assert_ok(ww_buf_printf(out, "\n"));
}

static void print_exports(ww_buf *out, const char *prefix, const ww_plan_export *items,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s%.*s", prefix, WW_VIEW_ARG(items[i].name));
        if (items[i].lift != WW_NONE)
            assert_ok(ww_buf_printf(out, "export %s = lift %u\n", path, items[i].lift));
        snprintf(path, sizeof path, "%s%.*s.", prefix, WW_VIEW_ARG(items[i].name));
        print_exports(out, path, items[i].children, items[i].child_count);
    }
}

static void assert_plan(fixture *f, const char *binary, const char *expected)
{
    if (make(f, binary)) fail_msg("%s", f->diag.text);
    ww_buf_clear(&f->text);
    const ww_plan *plan = f->plan;
    for (uint32_t i = 0; i < plan->import_count; i++)
        print_import(&f->text, &plan->imports[i]);
    for (uint32_t i = 0; i < plan->site_count; i++)
        print_site(&f->text, i, &plan->sites[i]);
    for (uint32_t i = 0; i < plan->step_count; i++)
        print_step(&f->text, &plan->steps[i]);
    print_exports(&f->text, "", plan->exports, plan->export_count);
    assert_ok(ww_buf_append_byte(&f->text, 0));
    assert_string_equal(f->text.data, expected);
}

/* --- imports, lowering, lifting -------------------------------------------------------------- */

/* A module that imports `env.f: (i32) -> ()` and exports memory, realloc and run: () -> (). */
#define GUEST                                                                                      \
    "01[" TEST_MODULE "01[03 60 01 7f 00  60 04 7f 7f 7f 7f 01 7f  60 00 00]"                      \
    "02[01 'env' 'f' 00 00] 03[02 01 02] 05[01 00 01]"                                             \
    "07[03 'mem' 02 00 'realloc' 00 01 'run' 00 02] 0a[02 [00 41 00 0b] [00 0b]]] "

static void plan__import_and_export__are_a_site_and_a_lift(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_COMPONENT "07[02 40 01 'x' 79 01 00  40 00 01 00] 0a[01 00 'f' 01 00]" GUEST
                               "08[01 01 00 00 00]"          /* core func 0: lower func 0 */
                               "02[01 01 01 'f' 00 00]"      /* core instance 0: {f} */
                               "02[01 00 00 01 'env' 12 00]" /* core instance 1: the guest */
                               "06[01 00 00 01 01 'run']"    /* core func 1 */
                               "08[01 00 00 01 00 01]"       /* func 1: lift core func 1 */
                               "0b[01 00 'run' 01 01 00]",   /* func 2 */
                "import f\n"
                "site 0: import 0 of 0\n"
                "instantiate 0: module 0 (site 0)\n"
                "slot 0 = 0.run\n"
                "export run = lift 0\n");
    assert_int_equal(f->plan->lifts[0].callee, 0);
    assert_int_equal(f->plan->lifts[0].options.memory, WW_NONE);
    assert_int_equal(f->plan->owner_count, 1);
    assert_int_equal(f->plan->owners[0].parent, WW_NONE);
}

/* --- nested components ----------------------------------------------------------------------- */

/* Exports run: () -> (). */
#define RUNNER "01[" TEST_MODULE "01[01 60 00 00] 03[01 00] 07[01 'run' 00 00] 0a[01 [00 0b]]] "

/* A component around RUNNER that lifts and exports its run. */
#define CHILD                                                                                      \
    "04[" TEST_COMPONENT RUNNER "02[01 00 00 00] 06[01 00 00 01 00 'run']"                         \
    "07[01 40 00 01 00] 08[01 00 00 00 00 00] 0b[01 00 'run' 01 00 00]] "

static void plan__one_component_twice__is_one_module_and_two_of_the_rest(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_COMPONENT CHILD "05[02 00 00 00  00 00 00]"
                                     "06[02 01 00 00 'run'  01 00 01 'run']"
                                     "0b[02 00 'a' 01 00 00  00 'b' 01 01 00]",
                "instantiate 0: module 0 ()\n"
                "slot 0 = 0.run\n"
                "instantiate 1: module 0 ()\n"
                "slot 1 = 1.run\n"
                "export a = lift 0\n"
                "export b = lift 1\n");
    assert_int_equal(f->plan->module_count, 1);
    assert_int_equal(f->plan->owner_count, 3);
    assert_int_equal(f->plan->owners[1].parent, 0);
    assert_int_equal(f->plan->owners[2].parent, 0);
    assert_int_equal(f->plan->lifts[0].owner, 1);
    assert_int_equal(f->plan->lifts[1].owner, 2);
}

/* Imports `env.f: () -> ()`. */
#define CALLER "01[" TEST_MODULE "01[01 60 00 00] 02[01 'env' 'f' 00 00]] "

static void plan__a_lowered_function_of_another_component__is_a_call(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_COMPONENT CHILD
                "04[" TEST_COMPONENT
                "07[01 40 00 01 00] 0a[01 00 'f' 01 00] 08[01 01 00 00 00]" CALLER
                "02[01 01 01 'f' 00 00] 02[01 00 00 01 'env' 12 00]] "
                "05[01 00 00 00]"            /* instance 0: the child */
                "06[01 01 00 00 'run']"      /* func 0: its run */
                "05[01 00 01 01 'f' 01 00]", /* instance 1: the caller with f = func 0 */
                "site 0: call 0 of 2\n"
                "instantiate 0: module 0 ()\n"
                "slot 0 = 0.run\n"
                "instantiate 1: module 1 (site 0)\n");
}

static void plan__an_import_of_the_root__goes_through_to_nested_components(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_COMPONENT
                "07[01 42 02 01 40 00 01 00  04 00 'f' 01 00]" /* type 0: instance { f } */
                "0a[01 00 'a:b/c' 05 00]"                      /* instance 0 */
                "04[" TEST_COMPONENT
                "07[01 40 00 01 00] 0a[01 00 'f' 01 00] 08[01 01 00 00 00]" CALLER
                "02[01 01 01 'f' 00 00] 02[01 00 00 01 'env' 12 00]] "
                "06[01 01 00 00 'f'] 05[01 00 00 01 'f' 01 00]",
                "instance a:b/c\n"
                "import a:b/c.f\n"
                "site 0: import 1 of 1\n"
                "instantiate 0: module 0 (site 0)\n");
}

static void plan__outer_aliases__find_modules_and_components(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_COMPONENT RUNNER                                          /* module 0 */
                "04[" TEST_COMPONENT "06[01 00 11 02 01 00] 02[01 00 00 00]] " /* component 0 */
                "04[" TEST_COMPONENT "06[01 04 02 01 00] 05[01 00 00 00]] "    /* component 1 */
                "05[01 00 01 00]",
                "instantiate 0: module 0 ()\n");
}

/* --- resources ------------------------------------------------------------------------------- */

/* Defines, drops and exports a resource. */
#define MAKER "04[" TEST_COMPONENT "07[01 3f 7f 00] 08[01 03 00] 0b[01 00 'r' 03 00 00]] "

static void plan__a_resource_definition__is_fresh_for_every_instance(void **state)
{
    fixture *f = *state;
    assert_plan(f, TEST_COMPONENT MAKER "05[02 00 00 00  00 00 00]",
                "site 0: drop 0 of 1\n"
                "site 1: drop 1 of 2\n"
                "resource 0\n"
                "resource 1\n");
    assert_int_equal(f->plan->resources[0].owner, 1);
    assert_int_equal(f->plan->resources[1].owner, 2);
    assert_int_equal(f->plan->resources[1].dtor, WW_NONE);
}

static void plan__a_resource_given_to_another_component__stays_the_same(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_COMPONENT MAKER
                "04[" TEST_COMPONENT
                "0a[01 00 'q' 03 01] 08[01 03 00]] " /* imports and drops one */
                "05[01 00 00 00] 06[01 03 00 00 'r'] 05[01 00 01 01 'q' 03 00]",
                "site 0: drop 0 of 1\n"
                "site 1: drop 0 of 2\n"
                "resource 0\n");
}

static void plan__a_resource_of_the_host_under_two_names__is_one(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_COMPONENT "07[01 42 01 04 00 'r' 03 01] 0a[01 00 'a:b/c' 05 00]"
                               "06[01 03 00 00 'r']" /* type 1 */
                               "07[01 42 02 02 03 02 01 01  04 00 's' 03 00 00]"
                               "0a[01 00 'a:b/d' 05 02]" /* instance { s: the same } */
                               "08[01 03 01]",
                "instance a:b/c\n"
                "resource a:b/c.r\n"
                "instance a:b/d\n"
                "resource a:b/d.s\n"
                "site 0: drop 0 of 0\n");
    assert_int_equal(f->plan->resource_count, 1);
    assert_int_equal(f->plan->resources[0].owner, WW_NONE);
    assert_int_equal(f->plan->resources[0].import, 1);
    assert_int_equal(f->plan->imports[3].resource, 0);
}

/* --- start sections -------------------------------------------------------------------------- */

#define STARTED(exports)                                                                           \
    "01[" TEST_MODULE "01[01 60 00 00] 03[01 00] " exports " 08[00] 0a[01 [00 0b]]] "

static void plan__a_start_section__is_a_step_of_its_own(void **state)
{
    fixture *f = *state;
    assert_plan(f, TEST_COMPONENT STARTED("") "02[02 00 00 00  00 00 00]",
                "instantiate 0: module 0 ()\n"
                "start 0.ww:start\n"
                "instantiate 1: module 0 ()\n"
                "start 1.ww:start\n");
}

static void assert_rewritten(fixture *f, const char *component, const char *expected)
{
    assert_ok(make(f, component));
    ww_buf scratch, wanted;
    ww_buf_init(&scratch, ww_allocator_libc(), 1 << 20);
    ww_buf_init(&wanted, ww_allocator_libc(), 1 << 20);
    test_binary(&wanted, expected);
    ww_view bytes;
    assert_ok(ww_plan_module_bytes(f->plan->modules[0].source, &scratch, &bytes, &f->diag));
    assert_int_equal(bytes.size, wanted.size);
    assert_memory_equal(bytes.data, wanted.data, bytes.size);
    ww_buf_deinit(&scratch);
    ww_buf_deinit(&wanted);
}

static void module_bytes__a_start_section__becomes_an_export(void **state)
{
    fixture *f = *state;
    assert_rewritten(f, TEST_COMPONENT STARTED("") "02[01 00 00 00]",
                     TEST_MODULE
                     "01[01 60 00 00] 03[01 00] 07[01 'ww:start' 00 00] 0a[01 [00 0b]]");
    assert_rewritten(f, TEST_COMPONENT STARTED("07[01 'f' 00 00] 00['x' 01]") "02[01 00 00 00]",
                     TEST_MODULE "01[01 60 00 00] 03[01 00] 07[02 'f' 00 00 'ww:start' 00 00]"
                                 "00['x' 01] 0a[01 [00 0b]]");
}

static void module_bytes__no_start_section__are_the_modules_own(void **state)
{
    fixture *f = *state;
    assert_ok(make(f, TEST_COMPONENT RUNNER "02[01 00 00 00]"));
    const ww_core_module *module = f->plan->modules[0].source;
    ww_view bytes;
    ww_buf scratch = {0};
    assert_ok(ww_plan_module_bytes(module, &scratch, &bytes, &f->diag));
    assert_ptr_equal(bytes.data, module->bytes.data);
    assert_int_equal(bytes.size, module->bytes.size);
}

static void module_bytes__the_reserved_name_is_taken__refused(void **state)
{
    fixture *f = *state;
    assert_ok(make(f, TEST_COMPONENT STARTED("07[01 'ww:start' 00 00]") "02[01 00 00 00]"));
    ww_view bytes;
    ww_buf scratch = {0};
    assert_int_equal(ww_plan_module_bytes(f->plan->modules[0].source, &scratch, &bytes, &f->diag),
                     WW_E_UNSUPPORTED);
    assert_non_null(strstr(f->diag.text, "core module 0"));
}

/* --- doing without shims --------------------------------------------------------------------- */

#define MAIN(start) TEST_SHIM_MAIN(start, "00 0b")

static void plan__a_shim_around_a_lowered_function__is_that_function(void **state)
{
    fixture *f = *state;
    assert_plan(
        f, TEST_SHIMMED(MAIN(""), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP(""), TEST_LOWERED, "03"),
        "import g\n"
        "site 0: import 0 of 0\n"
        "instantiate 0: module 0 (site 0)\n"
        "memory 0 = 0.mem\n"
        "slot 0 = 0.run\n"
        "export run = lift 0\n");
}

static void plan__a_start_before_the_memory_is_known__does_not_matter(void **state)
{
    fixture *f = *state;
    assert_plan(
        f,
        TEST_SHIMMED(MAIN("08[01]"), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP(""), TEST_LOWERED, "03"),
        "import g\n"
        "site 0: import 0 of 0\n"
        "instantiate 0: module 0 (site 0)\n"
        "start 0.ww:start\n"
        "memory 0 = 0.mem\n"
        "slot 0 = 0.run\n"
        "export run = lift 0\n");
}

static void plan__a_start_of_the_fixup__runs_in_its_place(void **state)
{
    fixture *f = *state;
    assert_plan(
        f,
        TEST_SHIMMED(MAIN(""), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP("08[01]"), TEST_LOWERED, "03"),
        "import g\n"
        "site 0: import 0 of 0\n"
        "instantiate 0: module 0 (site 0)\n"
        "memory 0 = 0.mem\n"
        "start 0.run\n"
        "slot 0 = 0.run\n"
        "export run = lift 0\n");
}

/* An entry that another module fills: `(i32, i32) -> ()`. */
#define ADAPTER                                                                                    \
    "01[" TEST_MODULE "01[01 60 02 7f 7f 00] 03[01 00] 07[01 'g' 00 00] 0a[01 [00 0b]]] "

static void plan__a_shim_around_another_modules_function__is_a_forwarder(void **state)
{
    fixture *f = *state;
    assert_plan(f,
                TEST_SHIMMED(MAIN(""), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP("") ADAPTER,
                             "02[01 00 03 00] 06[01 00 00 01 03 'g']", "04"),
                "import g\n"
                "site 0: forward 0 of 0\n"
                "instantiate 0: module 0 (site 0)\n"
                "instantiate 1: module 1 ()\n"
                "slot 0 = 1.g\n"
                "slot 1 = 0.run\n"
                "export run = lift 0\n");
}

/* What is not exactly a shim and its fixup is instantiated like any other module. */
static void plan__almost_a_shim__is_a_module_like_others(void **state)
{
    fixture *f = *state;
    static const char *const components[] = {
        /* bodies that do something else: swapped parameters, another entry, a drop at the end */
        TEST_SHIMMED(MAIN(""), TEST_SHIM("00 20 01 20 00 41 00 11 00 00 0b"), TEST_FIXUP(""),
                     TEST_LOWERED, "03"),
        TEST_SHIMMED(MAIN(""), TEST_SHIM("00 20 00 20 01 41 01 11 00 00 0b"), TEST_FIXUP(""),
                     TEST_LOWERED, "03"),
        TEST_SHIMMED(MAIN(""), TEST_SHIM("00 20 00 20 01 41 00 11 00 00 01 0b"), TEST_FIXUP(""),
                     TEST_LOWERED, "03"),
        /* a fixup with a memory */
        TEST_SHIMMED(MAIN(""), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP("05[01 00 01]"), TEST_LOWERED,
                     "03"),
        /* the table is seen by another module, too */
        TEST_SHIMMED(MAIN(""), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP(""),
                     TEST_LOWERED "02[01 01 01 't' 01 00]", "04"),
        /* a nested component, or main's start, runs while the entry is null and its memory known */
        TEST_SHIMMED(MAIN(""), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP(""),
                     TEST_LOWERED CHILD "05[01 00 00 00]", "03"),
    };
    for (size_t i = 0; i < WW_COUNT_OF(components); i++) {
        if (make(f, components[i])) fail_msg("%zu: %s", i, f->diag.text);
        bool as_it_is = f->plan->instance_count >= 3;
        bool forwarded = f->plan->sites[0].kind == WW_SITE_FORWARD;
        assert_true(as_it_is || forwarded);
    }
}

/* --- bounds ---------------------------------------------------------------------------------- */

/* Each component instantiates the one before eight times. */
#define EIGHT(before)                                                                              \
    "04[" TEST_COMPONENT "06[01 04 02 01 " before "]"                                              \
    "05[08 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00]] "

static void plan__instances_that_multiply__are_counted_before_they_are_made(void **state)
{
    fixture *f = *state;
    assert_int_equal(make(f, TEST_COMPONENT "04[" TEST_COMPONENT "] " EIGHT("00") EIGHT("01")
                                 EIGHT("02") EIGHT("03") EIGHT("04") "05[01 00 05 00]"),
                     WW_E_LIMIT);
    assert_non_null(strstr(f->diag.text, "512 component instances"));
    assert_ok(make(f, TEST_COMPONENT "04[" TEST_COMPONENT "] " EIGHT("00") EIGHT("01")
                          EIGHT("02") "05[03 00 00 00  00 01 00  00 02 00]"));
}

static void plan__more_than_its_arena_holds__is_a_limit(void **state)
{
    fixture *f = *state;
    test_binary(&f->bytes, TEST_COMPONENT CHILD "05[01 00 00 00]");
    const ww_model *model;
    assert_ok(ww_model_parse(ww_buf_view(&f->bytes), &f->arena, &model, &f->diag));
    ww_arena small;
    ww_arena_init(&small, ww_allocator_libc(), 64);
    assert_int_equal(ww_plan_make(model, &small, &f->plan, &f->diag), WW_E_LIMIT);
    assert_null(f->plan);
    ww_arena_deinit(&small);
}

static void plan__what_cannot_cross_the_root__is_refused_by_name(void **state)
{
    fixture *f = *state;
    assert_int_equal(make(f, TEST_COMPONENT "07[01 41 00] 0a[01 00 'c' 04 00]"), WW_E_UNSUPPORTED);
    assert_non_null(strstr(f->diag.text, "import \"c\": a component"));
    assert_int_equal(make(f, TEST_COMPONENT "07[01 40 00 01 00] 0a[01 00 'f' 01 00]"
                                            "0b[01 00 'g' 01 00 00]"),
                     WW_E_UNSUPPORTED);
    assert_non_null(strstr(f->diag.text, "export \"g\": an imported function"));
}

static ww_status make_all(const ww_allocator *allocator, void *arg)
{
    const fixture *f = arg;
    ww_arena arena;
    ww_arena_init(&arena, allocator, WW_MAX_PLAN_BYTES);
    const ww_model *model;
    const ww_plan *plan;
    ww_diag diag;
    ww_status status = ww_model_parse(ww_buf_view(&f->bytes), &arena, &model, &diag);
    if (!status) status = ww_plan_make(model, &arena, &plan, &diag);
    ww_arena_deinit(&arena);
    return status;
}

static void plan__any_allocation_failing__gives_everything_back(void **state)
{
    fixture *f = *state;
    assert_ok(make(f, TEST_SHIMMED(MAIN(""), TEST_SHIM(TEST_FORWARDER), TEST_FIXUP(""),
                                   TEST_LOWERED CHILD MAKER, "03")));
    test_every_allocation_failing(make_all, f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(plan__import_and_export__are_a_site_and_a_lift),
        CASE(plan__one_component_twice__is_one_module_and_two_of_the_rest),
        CASE(plan__a_lowered_function_of_another_component__is_a_call),
        CASE(plan__an_import_of_the_root__goes_through_to_nested_components),
        CASE(plan__outer_aliases__find_modules_and_components),
        CASE(plan__a_resource_definition__is_fresh_for_every_instance),
        CASE(plan__a_resource_given_to_another_component__stays_the_same),
        CASE(plan__a_resource_of_the_host_under_two_names__is_one),
        CASE(plan__a_start_section__is_a_step_of_its_own),
        CASE(module_bytes__a_start_section__becomes_an_export),
        CASE(module_bytes__no_start_section__are_the_modules_own),
        CASE(module_bytes__the_reserved_name_is_taken__refused),
        CASE(plan__a_shim_around_a_lowered_function__is_that_function),
        CASE(plan__a_start_before_the_memory_is_known__does_not_matter),
        CASE(plan__a_start_of_the_fixup__runs_in_its_place),
        CASE(plan__a_shim_around_another_modules_function__is_a_forwarder),
        CASE(plan__almost_a_shim__is_a_module_like_others),
        CASE(plan__instances_that_multiply__are_counted_before_they_are_made),
        CASE(plan__more_than_its_arena_holds__is_a_limit),
        CASE(plan__what_cannot_cross_the_root__is_refused_by_name),
        CASE(plan__any_allocation_failing__gives_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
