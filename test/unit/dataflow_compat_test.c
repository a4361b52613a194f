/* Artifacts and envelopes of other implementations of the format: what they may do, and what bounds them. */
#include "dataflow/text.h"
#include "support/flow.h"

/* --- passports --- */

static void compile(const char *text, ww_buf *out)
{
    ww_buf_init(out, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(ww_allocator_libc(), ww_view_str(text), out, NULL));
}

static uint8_t *find(const ww_buf *bytes, const char *text)
{
    size_t size = strlen(text);
    for (size_t at = 0; at + size <= bytes->size; at++)
        if (!memcmp(bytes->data + at, text, size)) return bytes->data + at;
    fail_msg("no \"%s\"", text);
    return NULL;
}

static void assert_refused(flow_fixture *f, const ww_buf *artifact, const char *module,
                           const char *says)
{
    ww_diag diag = {0};
    const ww_view target = ww_view_str(module);
    const ww_dataflow_install_options options = {
        .artifact = ww_buf_view(artifact), .targets = &target, .target_count = 1};
    assert_true(ww_dataflow_install(f->flow, &options, &diag));
    if (!strstr(diag.text, says)) fail_msg("\"%s\" does not say \"%s\"", diag.text, says);
    assert_int_equal(ww_dataflow_stats_of(f->flow).graphs, 0);
}

static void install__passport_missing_or_of_another_version__is_refused(void **state)
{
    flow_fixture *f = *state;
    static const char key[] = "ai.bytesandbrains.compiled";
    ww_buf artifact;
    compile("module M\nbody (x) > (y)\n  y = PassThrough(x)\n", &artifact);
    uint8_t *at = find(&artifact, key);
    memcpy(find(&artifact, "v1"), "v2", 2);
    assert_refused(f, &artifact, "M", "IncompatibleCompiledVersion: \"v2\"");
    at[0] = 'b';
    assert_refused(f, &artifact, "M", "NotCompiled");
    ww_buf_deinit(&artifact);
}

static void install__module_name_with_a_dot__is_refused(void **state)
{
    flow_fixture *f = *state;
    ww_buf artifact;
    compile("module MxN\nbody (x) > (y)\n  y = PassThrough(x)\n", &artifact);
    memcpy(find(&artifact, "MxN"), "M.N", 3); /* text cannot have it */
    assert_refused(f, &artifact, "M.N", "contains a dot");
    ww_buf_deinit(&artifact);
}

static ww_status construct_nothing(const ww_flow_component_type *type, ww_view slot, ww_view config,
                                   void **self, ww_diag *diag)
{
    (void)type, (void)slot, (void)config, (void)self;
    return ww_fail(diag, WW_E_INVALID, "no such thing");
}

static void install__component_cannot_be_made__is_refused_with_its_words(void **state)
{
    (void)state;
    const ww_flow_component_type type = {
        .name = "S", .role = WW_FLOW_ROLE_INDEX, .construct = construct_nothing};
    const ww_flow_component_type *types[] = {&type};
    const ww_dataflow_config config = {.allocator = test_heap(),
                                       .limits = ww_dataflow_limits_edge(),
                                       .types = types,
                                       .type_count = 1};
    flow_fixture f;
    ww_buf artifact;
    assert_ok(ww_dataflow_new(&config, &f.flow, NULL));
    compile("module M\nbind s Index S\nbody (x) > (y)\n  y = PassThrough(x)\n", &artifact);
    assert_refused(&f, &artifact, "M",
                   "ConstructionFailed: slot \"s\", component \"S\": no such thing");
    ww_buf_deinit(&artifact);
    ww_dataflow_free(f.flow);
}

/* --- bootstraps, slots, calls --- */

static void bootstrap__function_only_named_like_one__is_none(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "function M__bootstrap (a) > (b)\n  b = PassThrough(a)\n"
                           "module M\nbody (x) > (y)\n  y = call.M__bootstrap(x)\n",
                           "M", NULL));
    assert_int_equal(ww_bootstrap_target_count(ww_dataflow_queue(f->flow)), 0);
    assert_ok(flow_event(f, "M", "x", "q"));
    assert_non_null(strstr(flow_run(f), "emit y \"q\""));
}

static void assert_touches(flow_fixture *f, const char *module, uint32_t component)
{
    const uint32_t *touches;
    uint32_t count;
    assert_ok(ww_module_touch_set(f->flow, ww_view_str(module), &touches, &count));
    assert_int_equal(count, 1);
    assert_int_equal(touches[0], component);
}

static void slot__id_of_another_role__the_role_decides(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbind data DataSource Loader\nbind store Index FlatIndex\n"
                           "body (x) > (y)\n  y = PassThrough(x)\n"
                           "bootstrap ()\n  c = onnx.Constant() value=f32[1]{1}\n"
                           "  a = index.Add(c) @store !slot_id=\"0\"\n",
                           "M", NULL));
    assert_touches(f, "M", 1);
}

static void slot__several_of_one_role__the_id_decides(void **state)
{
    flow_fixture *f = *state;
    assert_ok(flow_install(f,
                           "module M\nbind one Index FlatIndex\nbind two Index FlatIndex\n"
                           "body (x) > (y)\n  y = PassThrough(x)\n"
                           "bootstrap ()\n  c = onnx.Constant() value=f32[1]{1}\n"
                           "  a = index.Add(c) @two\n",
                           "M", NULL));
    assert_touches(f, "M", 1);
}

/* --- caps of envelopes --- */

static void put_field(ww_buf *out, uint8_t number, size_t size)
{
    assert_ok(ww_buf_append_byte(out, (uint8_t)(number << 3 | 2)));
    size_t left = size;
    for (; left >= 0x80; left >>= 7)
        assert_ok(ww_buf_append_byte(out, (uint8_t)(left | 0x80)));
    assert_ok(ww_buf_append_byte(out, (uint8_t)left));
}

static void put_zeros(ww_buf *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_ok(ww_buf_append_byte(out, 0));
}

typedef struct cap {
    uint8_t number; /* the field of the envelope */
    uint32_t count;
    uint8_t inner; /* the field of a fill, or 0 */
    size_t size;
    const char *says; /* NULL: it is within */
} cap;

static void put_envelope(ww_buf *out, const cap *c)
{
    ww_buf_clear(out);
    for (uint32_t i = 0; i < c->count; i++) {
        ww_buf content;
        ww_buf_init(&content, ww_allocator_libc(), SIZE_MAX);
        if (c->inner) put_field(&content, c->inner, c->size);
        put_zeros(&content, c->size);
        put_field(out, c->number, content.size);
        if (content.size) assert_ok(ww_buf_append(out, content.data, content.size));
        ww_buf_deinit(&content);
    }
}

static void inbound__caps_of_an_envelope__hold(void **state)
{
    (void)state;
    static flow_fixture f;
    ww_dataflow_limits limits = ww_dataflow_limits_edge();
    static const cap caps[] = {
        {2, 16, 0, 0, NULL},
        {2, 17, 0, 0, "too many fills"},
        {2, 1, 1, 512, NULL},
        {2, 1, 1, 513, "malformed or oversized fill"},
        {2, 1, 2, 65536, NULL},
        {2, 1, 2, 65537, "malformed or oversized fill"},
        {8, 4, 0, 1, NULL},
        {8, 5, 0, 1, "too many addresses"},
        {8, 1, 0, 257, "address too long"},
        {1, 1, 0, 257, "address too long"},
        {2, 5, 2, 60000, "OversizePayload"},
    };
    ww_buf envelope;
    ww_buf_init(&envelope, ww_allocator_libc(), SIZE_MAX);
    flow_init_with(&f, &limits);
    for (size_t i = 0; i < WW_COUNT_OF(caps); i++) {
        ww_diag diag = {0};
        put_envelope(&envelope, &caps[i]);
        ww_status status = ww_dataflow_inbound(f.flow, ww_view_of("\0\x01x", 3),
                                               ww_buf_view(&envelope), ww_view_of(NULL, 0), &diag);
        if (!caps[i].says) assert_ok(status);
        if (caps[i].says && (!status || !strstr(diag.text, caps[i].says)))
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, diag.text, caps[i].says);
    }
    flow_deinit(&f);
    ww_buf_deinit(&envelope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(install__passport_missing_or_of_another_version__is_refused,
                                        flow_setup, flow_teardown),
        cmocka_unit_test_setup_teardown(install__module_name_with_a_dot__is_refused, flow_setup,
                                        flow_teardown),
        cmocka_unit_test(install__component_cannot_be_made__is_refused_with_its_words),
        cmocka_unit_test_setup_teardown(bootstrap__function_only_named_like_one__is_none,
                                        flow_setup, flow_teardown),
        cmocka_unit_test_setup_teardown(slot__id_of_another_role__the_role_decides, flow_setup,
                                        flow_teardown),
        cmocka_unit_test_setup_teardown(slot__several_of_one_role__the_id_decides, flow_setup,
                                        flow_teardown),
        cmocka_unit_test_teardown(inbound__caps_of_an_envelope__hold, flow_teardown),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
