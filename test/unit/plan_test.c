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
    static const char *const kinds[] = {"import", "resource", "module"};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plan__import_and_export__are_a_site_and_a_lift, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
