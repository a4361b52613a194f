/* Parsing and validation of component binaries, by "Binary.md" and "Explainer.md" of the
 * component model. */
#include "component/limits.h"
#include "component/model.h"
#include "support/binary.h"
#include "support/check.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    ww_arena arena;
    ww_buf bytes;
    const ww_model *model;
    ww_diag diag;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    ww_arena_init(&f->arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    ww_buf_init(&f->bytes, ww_allocator_libc(), 1 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ww_buf_deinit(&f->bytes);
    ww_arena_deinit(&f->arena);
    free(f);
    return 0;
}

static ww_status parse(fixture *f, const char *text)
{
    ww_buf_clear(&f->bytes);
    ww_arena_reset(&f->arena);
    test_binary(&f->bytes, text);
    return ww_model_parse(ww_buf_view(&f->bytes), &f->arena, &f->model, &f->diag);
}

static void assert_parses(fixture *f, const char *text)
{
    ww_status status = parse(f, text);
    assert_string_equal(status ? f->diag.text : "", "");
    assert_non_null(f->model);
}

static void assert_refused(fixture *f, const char *text, ww_status expected, const char *why)
{
    assert_int_equal(parse(f, text), expected);
    assert_null(f->model);
    assert_non_null(strstr(f->diag.text, why));
}

static void assert_invalid(fixture *f, const char *text, const char *why)
{
    assert_refused(f, text, WW_E_INVALID, why);
}

/* --- what is a component ------------------------------------------------------------------- */

static void parse__empty_component__has_nothing(void **state)
{
    fixture *f = *state;
    assert_parses(f, TEST_COMPONENT);
    assert_int_equal(f->model->component_count, 1);
    assert_int_equal(f->model->root->def_count, 0);
    assert_null(f->model->root->parent);
}

static void parse__core_module__gets_the_line_that_helps(void **state)
{
    fixture *f = *state;
    assert_invalid(f, TEST_MODULE, "this is a core module: make a component of it with");
    assert_non_null(strstr(f->diag.text, "ww-componentize new"));
}

static void parse__garbage__names_byte_and_cause(void **state)
{
    fixture *f = *state;
    assert_invalid(f, "", "byte 0: unexpected end");
    assert_invalid(f, "7f 45 4c 46 02 01 01 00", "byte 0: this is no WebAssembly component");
    assert_invalid(f, TEST_COMPONENT "0d[]", "byte 8: unknown section 13");
    assert_invalid(f, TEST_COMPONENT "01[" TEST_MODULE "05[01 08 01 db 01]]", "page size of 2^219");
    assert_invalid(f, TEST_COMPONENT "07[00 00]", "byte 11: 1 bytes too many in a section");
    assert_invalid(f, TEST_COMPONENT "07 05 01 73", "unexpected end");
    assert_invalid(f, TEST_COMPONENT "07 80 80 80 80 10", "byte 9: integer is longer than 32 bits");
}

static void parse__custom_sections__are_skipped_whatever_they_hold(void **state)
{
    fixture *f = *state;
    assert_parses(f, TEST_COMPONENT "00['component-name' ff ff ff] 00['']");
    assert_invalid(f, TEST_COMPONENT "00[01 ff]", "name is not UTF-8");
}

/* --- imports, lowering, lifting ------------------------------------------------------------ */

/* A module that imports `env.f: (i32) -> ()` and exports memory, realloc and run: () -> (). */
#define GUEST                                                                                      \
    "01[" TEST_MODULE "01[03 60 01 7f 00  60 04 7f 7f 7f 7f 01 7f  60 00 00]"                      \
    "02[01 'env' 'f' 00 00] 03[02 01 02] 05[01 00 01]"                                             \
    "07[03 'mem' 02 00 'realloc' 00 01 'run' 00 02] 0a[02 [00 41 00 0b] [00 0b]]] "

/* Imports `f: func(x: u32)`, lowers it into the guest, lifts and exports the guest's `run`. */
#define ROUND_TRIP                                                                                 \
    TEST_COMPONENT "07[02 40 01 'x' 79 01 00  40 00 01 00] 0a[01 00 'f' 01 00]" GUEST              \
                   "08[01 01 00 00 00]"          /* core func 0: lower func 0 */                   \
                   "02[01 01 01 'f' 00 00]"      /* core instance 0: {f} */                        \
                   "02[01 00 00 01 'env' 12 00]" /* core instance 1: the guest */                  \
                   "06[01 00 00 01 01 'run']"    /* core func 1 */                                 \
                   "08[01 00 00 01 00 01]"       /* func 1: lift core func 1 */                    \
                   "0b[01 00 'run' 01 01 00]"    /* func 2 */

static void parse__round_trip__leaves_a_walk(void **state)
{
    fixture *f = *state;
    assert_parses(f, ROUND_TRIP);
    const ww_component *root = f->model->root;
    const ww_def_kind kinds[] = {
        WW_DEF_TYPE,  WW_DEF_TYPE,     WW_DEF_IMPORT,           WW_DEF_CORE_MODULE,
        WW_DEF_LOWER, WW_DEF_CORE_BAG, WW_DEF_CORE_INSTANTIATE, WW_DEF_ALIAS_CORE_EXPORT,
        WW_DEF_LIFT,  WW_DEF_EXPORT};
    assert_int_equal(root->def_count, WW_COUNT_OF(kinds));
    for (uint32_t i = 0; i < root->def_count; i++)
        assert_int_equal(root->defs[i].kind, kinds[i]);
    assert_int_equal(root->space_size[WW_SORT_FUNC], 3);
    assert_int_equal(root->space_size[WW_SORT_CORE_FUNC], 2);
    assert_int_equal(root->space_size[WW_SORT_CORE_INSTANCE], 2);

    assert_int_equal(root->import_count, 1);
    assert_view_is(root->imports[0]->of.import->name.name, "f");
    assert_view_is(root->imports[0]->of.import->type.type.of.func->params[0].name, "x");
    const ww_def *lift = &root->defs[8];
    assert_int_equal(lift->defines.sort, WW_SORT_FUNC);
    assert_int_equal(lift->defines.index, 1);
    assert_int_equal(lift->of.canon.func, 1);
    assert_int_equal(lift->of.canon.options.memory, WW_NONE);
    assert_int_equal(root->exports[0]->of.export.ref.index, 1);
}

static void module__declarations__are_decoded(void **state)
{
    fixture *f = *state;
    assert_parses(f, TEST_COMPONENT GUEST);
    const ww_core_module *module = f->model->modules[0];
    assert_int_equal(f->model->module_count, 1);
    assert_int_equal(module->type.import_count, 1);
    assert_view_is(module->type.imports[0].module, "env");
    assert_int_equal(module->type.imports[0].type.func->param_count, 1);
    const ww_core_export *run = ww_core_exports_find(&module->type.exports, ww_view_str("run"));
    assert_int_equal(run->index, 2);
    assert_int_equal(run->type.sort, WW_SORT_CORE_FUNC);
    assert_null(ww_core_exports_find(&module->type.exports, ww_view_str("walk")));
    assert_int_equal(module->func_count, 3);
    assert_int_equal(module->memory_count, 1);
    assert_int_equal(module->start, WW_NONE);
    assert_int_equal(module->export_section.data[0], 7);
}

static void module__memory_beyond_its_address_space__is_refused(void **state)
{
    fixture *f = *state;
    assert_invalid(f, TEST_COMPONENT "01[" TEST_MODULE "05[01 00 81 80 04]]",
                   "beyond its address space");
    assert_invalid(f, TEST_COMPONENT "01[" TEST_MODULE "05[01 08 01 67]]", "page size of 2^103");
    assert_parses(f, TEST_COMPONENT "01[" TEST_MODULE "05[01 00 80 80 04]]");
}

static void core_types__references__stay_within_the_types(void **state)
{
    fixture *f = *state;
    assert_invalid(f, TEST_COMPONENT "03[01 60 01 64 01 00]", "a core type that is not there");
    assert_invalid(f, TEST_COMPONENT "03[01 00 50 01 00 60 00 00]",
                   "a supertype must stand before");
    /* Types of one group may speak of each other. */
    assert_parses(f, TEST_COMPONENT "03[01 4e 02 60 01 64 01 00 60 01 64 00 00]");
}

static void lift__core_function_of_another_type__is_refused(void **state)
{
    fixture *f = *state;
    assert_invalid(f,
                   TEST_COMPONENT "07[01 40 00 00 79]" /* func() -> u32 */
                                  "01[" TEST_MODULE "01[01 60 00 00] 03[01 00] 07[01 'g' 00 00]]"
                                  "02[01 00 00 00] 06[01 00 00 01 00 'g'] 08[01 00 00 00 00 00]",
                   "core func 0 has the wrong type for a lift");
}

static void lower__of_a_string__needs_memory(void **state)
{
    fixture *f = *state;
    assert_invalid(
        f, TEST_COMPONENT "07[01 40 01 's' 73 01 00] 0a[01 00 'f' 01 00] 08[01 01 00 00 00 00]",
        "`memory` is required");
}

static void component_async__is_refused_by_name(void **state)
{
    fixture *f = *state;
    assert_refused(f, TEST_COMPONENT "08[01 09 01 00 00]", WW_E_UNSUPPORTED, "`task.return`");
    assert_refused(f, TEST_COMPONENT "07[01 43 00 01 00]", WW_E_UNSUPPORTED, "async function");
    assert_refused(f, TEST_COMPONENT "07[01 66 00]", WW_E_UNSUPPORTED, "`stream`");
}

/* --- types --------------------------------------------------------------------------------- */

static void types__labels__must_differ_by_more_than_case(void **state)
{
    fixture *f = *state;
    assert_invalid(f, TEST_COMPONENT "07[01 72 02 'a-b' 79 'A-b' 79]", "too much alike");
    assert_invalid(f, TEST_COMPONENT "07[01 72 01 'aB' 79]", "not in kebab case");
    assert_invalid(f, TEST_COMPONENT "07[01 72 00]", "a type without parts");
}

static void types__borrow_in_a_result__is_refused(void **state)
{
    fixture *f = *state;
    assert_invalid(f, TEST_COMPONENT "07[04 3f 7f 00  68 00  70 01  40 00 00 02]",
                   "a borrow in the result");
}

static void types__doubling_size__is_a_limit(void **state)
{
    fixture *f = *state;
    char text[2048] = TEST_COMPONENT "07[16 6f 02 79 79 ";
    for (unsigned i = 0; i < 0x15; i++) {
        char pair[16];
        snprintf(pair, sizeof pair, "6f 02 %02x %02x ", i, i);
        strcat(text, pair);
    }
    strcat(text, "]");
    assert_refused(f, text, WW_E_LIMIT, "a type of more than 1000000 nodes");
}

static void types__nesting_of_instance_types__is_a_limit(void **state)
{
    fixture *f = *state;
    char text[8192] = TEST_COMPONENT "07[01 ";
    for (int i = 0; i < 200; i++)
        strcat(text, "42 01 01 ");
    strcat(text, "79]");
    assert_refused(f, text, WW_E_LIMIT, "nested more than 100 deep");
}

static void components__nesting__is_a_limit(void **state)
{
    fixture *f = *state;
    char text[8192] = "";
    for (int i = 0; i < 40; i++)
        strcat(text, TEST_COMPONENT "04[");
    strcat(text, TEST_COMPONENT);
    for (int i = 0; i < 40; i++)
        strcat(text, "]");
    assert_refused(f, text, WW_E_LIMIT, "components nested more than 32 deep");
}

/* --- resources ----------------------------------------------------------------------------- */

/* A component that defines a resource and exports it as "r", and `make: func() -> own<r>`,
 * lifted. */
#define MAKER                                                                                      \
    "04[" TEST_COMPONENT "07[01 3f 7f 00] 0b[01 00 'r' 03 00 00] 07[02 69 01  40 00 00 02]"        \
    "01[" TEST_MODULE "01[01 60 00 01 7f] 03[01 00] 07[01 'make' 00 00] 0a[01 [00 41 00 0b]]]"     \
    "02[01 00 00 00] 06[01 00 00 01 00 'make'] 08[01 00 00 00 00 03] 0b[01 00 'make' 01 00 00]] "

static void resource__two_instances_of_its_component__are_two_sites(void **state)
{
    fixture *f = *state;
    assert_parses(f, TEST_COMPONENT MAKER "05[02 00 00 00  00 00 00]"
                                          "06[02 01 00 00 'make'  01 00 01 'make']");
    const ww_component *root = f->model->root, *maker = f->model->components[1];
    assert_ptr_equal(maker->parent, root);
    assert_int_equal(maker->slot_count, 1);
    assert_int_equal(maker->resources[0]->kind, WW_RESOURCE_DEFINED);

    assert_int_equal(root->slot_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const ww_resource *site = root->resources[i];
        assert_int_equal(site->kind, WW_RESOURCE_GIVEN);
        assert_int_equal(site->from.sort, WW_SORT_INSTANCE);
        assert_int_equal(site->from.index, i);
        assert_int_equal(site->path_count, 1);
        assert_view_is(site->path[0], "r");
        assert_int_equal(root->defs[1 + i].slot_first, i);
        assert_int_equal(root->defs[1 + i].slot_count, 1);
        assert_int_equal(root->funcs[i]->result->resource, i);
    }
}

/* A component that imports a resource "r" and `f: func(x: own<r>)`. */
#define TAKER                                                                                      \
    "04[" TEST_COMPONENT "0a[01 00 'r' 03 01] 07[02 69 00  40 01 'x' 01 01 00]"                    \
    "0a[01 00 'f' 01 02]] "

static void instantiate__resource_arguments__are_substituted(void **state)
{
    fixture *f = *state;
    /* type 0: resource; func(x: own<0>) imported as g; both given to the taker. */
    const char *fitting = TEST_COMPONENT TAKER
        "0a[01 00 'q' 03 01] 07[02 69 00  40 01 'x' 01 01 00] 0a[01 00 'g' 01 02]"
        "05[01 00 00 02 'r' 03 00 'f' 01 00]";
    assert_parses(f, fitting);
    const ww_component *taker = f->model->components[1];
    assert_int_equal(taker->resources[0]->kind, WW_RESOURCE_GIVEN);
    assert_int_equal(taker->resources[0]->from.sort, WW_SORT_TYPE);
    assert_int_equal(taker->resources[0]->path_count, 0);
    /* The same with another resource for "r" than the one that g takes. */
    assert_invalid(f,
                   TEST_COMPONENT TAKER
                   "0a[02 00 'q' 03 01  00 'p' 03 01] 07[02 69 00  40 01 'x' 02 01 00]"
                   "0a[01 00 'g' 01 03] 05[01 00 00 02 'r' 03 01 'f' 01 00]",
                   "argument `f`: expected func(x: own<");
}

static void instantiate__argument_missing__is_named(void **state)
{
    fixture *f = *state;
    assert_invalid(f, TEST_COMPONENT TAKER "05[01 00 00 00]", "lacks the argument `r`");
}

static void export__of_an_unnamed_resource__is_refused(void **state)
{
    fixture *f = *state;
    assert_invalid(f,
                   TEST_COMPONENT "07[03 3f 7f 00  69 00  40 00 00 01]"
                                  "01[" TEST_MODULE
                                  "01[01 60 00 01 7f] 03[01 00] 07[01 'make' 00 00]]"
                                  "02[01 00 00 00] 06[01 00 00 01 00 'make']"
                                  "08[01 00 00 00 00 02] 0b[01 00 'make' 01 00 00]",
                   "speaks of types which have no name here");
}

static void outer_alias__of_a_resource_into_a_component__is_refused(void **state)
{
    fixture *f = *state;
    assert_invalid(f, TEST_COMPONENT "07[01 3f 7f 00] 04[" TEST_COMPONENT "06[01 03 02 01 00]]",
                   "resources of another component");
    /* In a type it may stand: a type is not taken elsewhere by itself. */
    assert_parses(f, TEST_COMPONENT "07[02 3f 7f 00  42 01 02 03 02 01 00]");
}

static void names__of_resource_functions__must_fit_their_types(void **state)
{
    fixture *f = *state;
    const char *method = TEST_COMPONENT
        "0a[01 00 'r' 03 01] 07[02 68 00  40 01 'self' 01 01 00] 0a[01 00 '[method]r.go' 01 02]";
    assert_parses(f, method);
    assert_invalid(f, TEST_COMPONENT "07[01 40 00 01 00] 0a[01 00 '[method]r.go' 01 00]",
                   "speaks of a resource that is not named here");
    assert_invalid(
        f, TEST_COMPONENT "0a[01 00 'r' 03 01] 07[01 40 00 01 00] 0a[01 00 '[method]r.go' 01 01]",
        "must take a borrow of its resource");
}

static void names__versions__are_full_or_completed_by_a_suffix(void **state)
{
    fixture *f = *state;
    assert_parses(f, TEST_COMPONENT "07[01 42 00] 0a[01 00 'a:b/c@0.2.1-rc.1' 05 00]");
    assert_invalid(f, TEST_COMPONENT "07[01 42 00] 0a[01 00 'a:b/c@0.2' 05 00]",
                   "no valid version");
    assert_parses(f, TEST_COMPONENT "07[01 42 00] 0a[01 02 'a:b/c@0.2' 01 01 '.6' 05 00]");
    assert_view_is(f->model->root->imports[0]->of.import->name.version_suffix, ".6");
    assert_invalid(f, TEST_COMPONENT "07[01 42 00] 0a[01 02 'a:b/c@0' 01 01 '.2.6' 05 00]",
                   "no valid version");
}

/* --- memory -------------------------------------------------------------------------------- */

static ww_status parse_with(const ww_allocator *allocator, void *arg)
{
    ww_arena arena;
    ww_arena_init(&arena, allocator, WW_MAX_PLAN_BYTES);
    const ww_model *model;
    ww_status status = ww_model_parse(*(const ww_view *)arg, &arena, &model, NULL);
    ww_arena_deinit(&arena);
    return status;
}

static void parse__any_allocation_fails__gives_all_back(void **state)
{
    fixture *f = *state;
    const char *texts[] = {ROUND_TRIP, TEST_COMPONENT MAKER "05[02 00 00 00  00 00 00]"};
    for (size_t i = 0; i < WW_COUNT_OF(texts); i++) {
        ww_buf_clear(&f->bytes);
        test_binary(&f->bytes, texts[i]);
        ww_view bytes = ww_buf_view(&f->bytes);
        test_every_allocation_failing(parse_with, &bytes);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(parse__empty_component__has_nothing),
        CASE(parse__core_module__gets_the_line_that_helps),
        CASE(parse__garbage__names_byte_and_cause),
        CASE(parse__custom_sections__are_skipped_whatever_they_hold),
        CASE(parse__round_trip__leaves_a_walk),
        CASE(module__declarations__are_decoded),
        CASE(module__memory_beyond_its_address_space__is_refused),
        CASE(core_types__references__stay_within_the_types),
        CASE(lift__core_function_of_another_type__is_refused),
        CASE(lower__of_a_string__needs_memory),
        CASE(component_async__is_refused_by_name),
        CASE(types__labels__must_differ_by_more_than_case),
        CASE(types__borrow_in_a_result__is_refused),
        CASE(types__doubling_size__is_a_limit),
        CASE(types__nesting_of_instance_types__is_a_limit),
        CASE(components__nesting__is_a_limit),
        CASE(resource__two_instances_of_its_component__are_two_sites),
        CASE(instantiate__resource_arguments__are_substituted),
        CASE(instantiate__argument_missing__is_named),
        CASE(export__of_an_unnamed_resource__is_refused),
        CASE(outer_alias__of_a_resource_into_a_component__is_refused),
        CASE(names__of_resource_functions__must_fit_their_types),
        CASE(names__versions__are_full_or_completed_by_a_suffix),
        CASE(parse__any_allocation_fails__gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
