/* Touch sets: which components a bootstrap may come to use, whichever way its operations reach them. */
#include "dataflow/text.h"
#include "support/flow.h"

#define SLOTS "bind data DataSource Loader\nbind store Index FlatIndex\n"
#define BODY  "body (x) > (y)\n  y = PassThrough(x)\n"

enum { DATA = 1 << 0, STORE = 1 << 1 }; /* component numbers, in the order of the slots */

static uint32_t touches_of(const ww_dataflow *flow, const char *target)
{
    const uint32_t *touches;
    uint32_t count, set = 0;
    assert_ok(ww_module_touch_set(flow, ww_view_str(target), &touches, &count));
    for (uint32_t i = 0; i < count; i++)
        set |= 1u << touches[i];
    return set;
}

static void touch__slot_of_an_operation__is_touched(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\n" SLOTS BODY "bootstrap ()\n"
                           "  v0, v1 = data_source.NextBatch() @data\n",
                           "M", NULL));
    assert_int_equal(touches_of(f->flow, "M"), DATA);
}

static void touch__calls__what_the_last_function_of_a_chain_uses_is_touched(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\n" SLOTS BODY "bootstrap ()\n"
                           "  c = onnx.Constant() value=f32[1]{1}\n  a = call.Outer(c)\n"
                           "function Outer (x) > (y)\n  y = call.Inner(x)\n"
                           "function Inner (x) > (y)\n  y = index.Add(x) @store\n",
                           "M", NULL));
    assert_int_equal(touches_of(f->flow, "M"), STORE);
}

static void touch__dependency_of_an_operation__is_touched_too(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\n" SLOTS BODY "bootstrap ()\n"
                           "  v0, v1 = data_source.NextBatch() @data !dep.Index=\"store\"\n",
                           "M", NULL));
    assert_int_equal(touches_of(f->flow, "M"), DATA | STORE);
}

/* Three in a row: the first reads the second while it works, the second the third. */
static void touch__dependencies_of_component_types__are_followed_to_the_end(void **state)
{
    (void)state;
    static const ww_flow_component_dependency on_middle = {WW_FLOW_ROLE_INDEX, "middle"},
                                              on_last = {WW_FLOW_ROLE_INDEX, "last"};
    static const ww_flow_component_type first = {.name = "First",
                                                 .role = WW_FLOW_ROLE_DATA_SOURCE,
                                                 .dependencies = &on_middle,
                                                 .dependency_count = 1},
                                        middle = {.name = "Middle",
                                                  .role = WW_FLOW_ROLE_INDEX,
                                                  .dependencies = &on_last,
                                                  .dependency_count = 1},
                                        last = {.name = "Last", .role = WW_FLOW_ROLE_INDEX};
    const ww_flow_component_type *types[] = {&first, &middle, &last};
    const ww_dataflow_config config = {.allocator = test_heap(),
                                       .limits = ww_dataflow_limits_edge(),
                                       .types = types,
                                       .type_count = WW_COUNT_OF(types)};
    ww_dataflow *flow;
    ww_buf artifact;
    ww_buf_init(&artifact, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(
        ww_allocator_libc(),
        WW_VIEW_LITERAL("module M\nbind first DataSource First\nbind middle Index Middle\n"
                        "bind last Index Last\n" BODY "bootstrap ()\n"
                        "  v0 = data_source.Next() @first\n"),
        &artifact, NULL));
    const ww_view target = WW_VIEW_LITERAL("M");
    const ww_dataflow_install_options options = {.artifact = ww_buf_view(&artifact),
                                                 .targets = &target,
                                                 .target_count = 1,
                                                 .allow_unresolved = true};
    assert_ok(ww_dataflow_new(&config, &flow, NULL));
    assert_ok(ww_dataflow_install(flow, &options, NULL));
    assert_int_equal(touches_of(flow, "M"), 1 << 0 | 1 << 1 | 1 << 2);
    ww_dataflow_free(flow);
    ww_buf_deinit(&artifact);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, flow_setup, flow_teardown)
    const struct CMUnitTest tests[] = {
        CASE(touch__slot_of_an_operation__is_touched),
        CASE(touch__calls__what_the_last_function_of_a_chain_uses_is_touched),
        CASE(touch__dependency_of_an_operation__is_touched_too),
        cmocka_unit_test(touch__dependencies_of_component_types__are_followed_to_the_end),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
