/* The loader on its own: what it reads it can write again, and what is damaged is refused with its place. */
#include "dataflow/artifact.h"
#include "dataflow/text.h"
#include "support/check.h"
#include "ww/dataflow.h"
#include <stdio.h>
#include <stdlib.h>

static const char store_text[] = "module M # a comment\n"
                                 "bind s Index Flat\n"
                                 "body (q: tensor) > (h)\n"
                                 "  v = index.Search(q) k=10 @s\n"
                                 "  h = PassThrough(v)\n"
                                 "bootstrap (seed: bytes)\n"
                                 "  c = Constant() value=u8\"abc\"\n"
                                 "  t: tensor = onnx.Constant() value=f32[2,1]{1.5, -2}\n"
                                 "  r = onnx.Reshape(t) shape=[1, 2]\n"
                                 "  l = onnx.LeakyRelu(r) alpha=0.25\n"
                                 "  AppEmit(seed) name=\"x\"\n";

static ww_buf compile(const char *text)
{
    ww_buf out;
    ww_buf_init(&out, test_heap(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(test_heap(), ww_view_str(text), &out, NULL));
    return out;
}

static ww_status decode(ww_view bytes, df_artifact *a, ww_diag *diag)
{
    df_artifact_limits limits = df_artifact_limits_default();
    return df_artifact_decode(a, test_heap(), &limits, bytes, diag);
}

static void artifact__compiled_text__reads_back_and_encodes_identically(void **state)
{
    (void)state;
    ww_buf bytes = compile(store_text);
    df_artifact a;
    ww_buf encoded;
    ww_buf_init(&encoded, test_heap(), SIZE_MAX);
    assert_ok(decode(ww_buf_view(&bytes), &a, NULL));
    assert_ok(df_artifact_encode(&a, &encoded));
    assert_true(ww_view_equal(ww_buf_view(&encoded), ww_buf_view(&bytes)));
    ww_buf_deinit(&encoded);
    df_artifact_deinit(&a);
    ww_buf_deinit(&bytes);
}

static void artifact__cut_at_any_byte__is_refused_or_shorter_but_never_read_beyond(void **state)
{
    (void)state;
    ww_buf bytes = compile(store_text);
    for (size_t size = 0; size < bytes.size; size++) {
        uint8_t *exact = malloc(size ? size : 1); /* so that reading beyond is seen */
        memcpy(exact, bytes.data, size);
        df_artifact a;
        ww_diag diag;
        ww_status status = decode(ww_view_of(exact, size), &a, &diag);
        assert_true(status == WW_OK || status == WW_E_INVALID);
        if (status) assert_non_null(strstr(diag.text, "artifact offset "));
        if (!status) df_artifact_deinit(&a);
        free(exact);
    }
    ww_buf_deinit(&bytes);
}

static void artifact__packed_and_unpacked_ints__are_the_same(void **state)
{
    (void)state;
    /* function { node { attribute { name "a" ints 1 2 3 } } }, first one by one, then packed */
    static const uint8_t single[] = {0xca, 1,   13,   0x3a, 11,   0x2a, 9,    0x0a,
                                     1,    'a', 0x40, 1,    0x40, 2,    0x40, 3};
    static const uint8_t packed[] = {0xca, 1,   12,   0x3a, 10, 0x2a, 8, 0x0a,
                                     1,    'a', 0x42, 3,    1,  2,    3};
    const ww_view both[] = {{single, sizeof single}, {packed, sizeof packed}};
    for (int i = 0; i < 2; i++) {
        df_artifact a;
        assert_ok(decode(both[i], &a, NULL));
        const df_node *node = df_nodes(&a, df_functions(&a)[0].nodes);
        const df_attribute *attribute = df_attribute_find(&a, node, "a");
        assert_non_null(attribute);
        assert_int_equal(attribute->type, DF_ATTR_INTS);
        assert_int_equal(attribute->ints.count, 3);
        df_artifact_deinit(&a);
    }
}

/* A graph in an attribute of a node of a graph ..., `depth` times. */
static ww_buf nested(uint32_t depth)
{
    ww_buf inner, outer;
    ww_buf_init(&inner, test_heap(), SIZE_MAX);
    ww_buf_init(&outer, test_heap(), SIZE_MAX);
    for (uint32_t i = 0; i < depth; i++) {
        static const uint32_t path[] = {6, 5, 1}; /* attribute.g, node.attribute, graph.node */
        for (size_t k = 0; k < WW_COUNT_OF(path); k++) {
            ww_buf_clear(&outer);
            assert_ok(df_put_bytes(&outer, path[k], ww_buf_view(&inner)));
            ww_buf swap = inner;
            inner = outer;
            outer = swap;
        }
    }
    ww_buf_clear(&outer);
    assert_ok(df_put_bytes(&outer, 6, ww_buf_view(&inner)));
    static const uint32_t path[] = {5, 7, 25};
    for (size_t k = 0; k < WW_COUNT_OF(path); k++) {
        ww_buf swap = inner;
        inner = outer;
        outer = swap;
        ww_buf_clear(&outer);
        assert_ok(df_put_bytes(&outer, path[k], ww_buf_view(&inner)));
    }
    ww_buf_deinit(&inner);
    return outer;
}

static void artifact__graphs_nested_too_deep__are_refused_without_recursion(void **state)
{
    (void)state;
    df_artifact a;
    ww_diag diag;
    ww_buf shallow = nested(10), deep = nested(2000);
    assert_ok(decode(ww_buf_view(&shallow), &a, &diag));
    assert_int_equal(a.bodies.count, 11);
    df_artifact_deinit(&a);
    assert_int_equal(decode(ww_buf_view(&deep), &a, &diag), WW_E_LIMIT);
    assert_non_null(strstr(diag.text, "graphs nested too deep"));
    ww_buf_deinit(&shallow);
    ww_buf_deinit(&deep);
}

static void artifact__damaged_fields__are_named_with_their_offset(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {"\xca\x01\x05", 3, "artifact offset 2: length beyond the end"},
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11,
         "artifact offset 1: number above 64 bits"},
        {"\x08\x80", 2, "artifact offset 1: truncated number"},
        {"\x0b", 1, "artifact offset 0: unknown wire type"},
        {"\x02\x00", 2, "artifact offset 0: field number out of range"},
        {"\xc8\x01\x05", 3, "field with the wrong wire type"},
        {"\xca\x01\x03\x0a\x01\xff", 6, "name is not UTF-8"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        df_artifact a;
        ww_diag diag = {0};
        assert_int_equal(decode(ww_view_of(cases[i].bytes, cases[i].size), &a, &diag),
                         WW_E_INVALID);
        if (!strstr(diag.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", diag.text, cases[i].says);
    }
}

static ww_status decode_once(const ww_allocator *allocator, void *arg)
{
    const ww_buf *bytes = arg;
    df_artifact a;
    df_artifact_limits limits = df_artifact_limits_default();
    ww_status status = df_artifact_decode(&a, allocator, &limits, ww_buf_view(bytes), NULL);
    if (!status) df_artifact_deinit(&a);
    return status;
}

static ww_status inspect_once(const ww_allocator *allocator, void *arg)
{
    const ww_buf *bytes = arg;
    ww_buf json;
    ww_buf_init(&json, allocator, SIZE_MAX);
    ww_status status = ww_dataflow_inspect(allocator, ww_buf_view(bytes), &json, NULL);
    ww_buf_deinit(&json);
    return status;
}

static ww_status compile_once(const ww_allocator *allocator, void *arg)
{
    ww_buf out;
    ww_buf_init(&out, allocator, SIZE_MAX);
    ww_status status = ww_dataflow_compile(allocator, ww_view_str(arg), &out, NULL);
    ww_buf_deinit(&out);
    return status;
}

static void loader__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    ww_buf bytes = compile(store_text);
    test_every_allocation_failing(decode_once, &bytes);
    test_every_allocation_failing(inspect_once, &bytes);
    char text[sizeof store_text];
    memcpy(text, store_text, sizeof text);
    test_every_allocation_failing(compile_once, text);
    ww_buf_deinit(&bytes);
}

static void inspect__compiled_text__tells_functions_slots_and_order(void **state)
{
    (void)state;
    ww_buf bytes = compile(store_text), json;
    ww_buf_init(&json, test_heap(), SIZE_MAX);
    assert_ok(ww_dataflow_inspect(test_heap(), ww_buf_view(&bytes), &json, NULL));
    assert_ok(ww_buf_append_byte(&json, 0));
    const char *text = (const char *)json.data;
    assert_non_null(
        strstr(text, "{\"name\":\"M__bootstrap\",\"nodes\":5,\"phase\":\"bootstrap\"}"));
    assert_non_null(strstr(text, "\"slots\":[{\"slot\":\"s\",\"type\":\"Flat\",\"component\":0}]"));
    assert_non_null(strstr(text, "\"install_order\":[{\"target\":\"M__bootstrap\",\"inputs\":["
                                 "\"seed\"],\"touch_set\":[]}]"));
    assert_non_null(strstr(text, "\"unresolved\":0"));
    ww_buf_deinit(&json);
    ww_buf_deinit(&bytes);
}

static void inspect__calls_and_slots_that_are_not_there__are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"module M\nbody (x) > (y)\n  y = call.Gone(x)\n", "call of \"Gone\""},
        {"module M\nbind s Index Flat\nbody (x) > (y)\n  y = index.Search(x) @s !slot_id=\"-1\"\n",
         "no slot has the id \"-1\""},
        {"module M\nbind s Index Flat\nbody (x) > (y)\n  y = index.Search(x) !slot_id=\"99\"\n",
         "no slot has the id \"99\""},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_diag diag = {0};
        ww_buf bytes = compile(cases[i][0]), json;
        ww_buf_init(&json, test_heap(), SIZE_MAX);
        assert_int_equal(ww_dataflow_inspect(test_heap(), ww_buf_view(&bytes), &json, &diag),
                         WW_E_INVALID);
        assert_non_null(strstr(diag.text, cases[i][1]));
        assert_int_equal(json.size, 0);
        ww_buf_deinit(&json);
        ww_buf_deinit(&bytes);
    }
}

static void inspect__names_that_command_a_terminal__are_escaped(void **state)
{
    (void)state;
    ww_buf bytes = compile("module M\xc2\x9b"
                           "2J\u202e\u4e2d\nbody (x) > (y)\n  y = PassThrough(x)\n"),
           json;
    ww_buf_init(&json, test_heap(), SIZE_MAX);
    assert_ok(ww_dataflow_inspect(test_heap(), ww_buf_view(&bytes), &json, NULL));
    assert_ok(ww_buf_append_byte(&json, 0));
    assert_non_null(strstr((const char *)json.data, "\"M\\u009b2J\\u202e\u4e2d#"));
    ww_buf_deinit(&json);
    ww_buf_deinit(&bytes);
}

static void tensor__of_any_type_of_numbers__becomes_floats(void **state)
{
    (void)state;
    static const struct {
        const char *what, *bytes;
        size_t size;
        float expected[2];
    } cases[] = {
#define TENSOR(what, bytes) what, bytes, sizeof(bytes) - 1
        {TENSOR("floats, raw", "\x0a\1\2\x10\1\x4a\x08\0\0\x80\x3f\0\0\x20\xc0"), {1, -2.5f}},
        {TENSOR("floats, packed", "\x0a\1\2\x10\1\x22\x08\0\0\x80\x3f\0\0\x20\xc0"), {1, -2.5f}},
        {TENSOR("floats, one by one", "\x08\2\x10\1\x25\0\0\x80\x3f\x25\0\0\x20\xc0"), {1, -2.5f}},
        {TENSOR("int64, packed", "\x08\2\x10\7\x3a\x0b\5\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1"),
         {5, -2}},
        {TENSOR("int64, raw",
                "\x08\2\x10\7\x4a\x10\5\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"),
         {5, -2}},
        {TENSOR("int32, one by one", "\x08\2\x10\6\x28\5\x28\7"), {5, 7}},
        {TENSOR("int8, raw", "\x08\2\x10\3\x4a\2\xff\3"), {-1, 3}},
        {TENSOR("bool, packed", "\x08\2\x10\x09\x2a\2\0\1"), {0, 1}},
        {TENSOR("double, packed", "\x08\2\x10\x0b\x52\x10\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\4\xc0"),
         {1, -2.5f}},
        {TENSOR("too few", "\x08\2\x10\x09\x2a\1\1"), {-9}},
        {TENSOR("too many", "\x08\2\x10\x09\x2a\3\1\1\1"), {-9}},
        {TENSOR("text", "\x08\2\x10\x08\x32\1x\x32\1y"), {-9}},
        {TENSOR("half of a float", "\x08\2\x10\1\x4a\6\0\0\x80\x3f\0\0"), {-9}},
#undef TENSOR
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_view bytes = ww_view_of(cases[i].bytes, cases[i].size);
        df_tensor_proto t;
        float out[2] = {0};
        bool refused = cases[i].expected[0] == -9;
        assert_true(df_tensor_decode(bytes, &t));
        assert_int_equal(t.element_count, 2);
        if (df_tensor_floats(bytes, &t, out) == refused) fail_msg("%s", cases[i].what);
        if (!refused && memcmp(out, cases[i].expected, sizeof out) != 0)
            fail_msg("%s: %g %g", cases[i].what, (double)out[0], (double)out[1]);
    }
}

static void text__name_of_a_body__is_the_hash_that_other_compilers_give(void **state)
{
    (void)state;
    ww_buf bytes = compile("module BodyOnly\nbind store Index GoldIndex\nbody (query) > (hits)\n"
                           "  v0 = index.Search(query) k=10 @store\n  hits = PassThrough(v0)\n");
    df_artifact a;
    assert_ok(decode(ww_buf_view(&bytes), &a, NULL));
    assert_view_is(df_functions(&a)[0].name, "BodyOnly#2dfedfa54f294b4f");
    df_artifact_deinit(&a);
    ww_buf_deinit(&bytes);
}

static void text__faulty_lines__are_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"body (x)\n", "line 1: a name is missing"},
        {"module M\nbody (x\n", "line 2: ) is missing"},
        {"module M\nbody (x)\n  y = Op(x) a=\n", "line 3: an attribute's value is missing"},
        {"module M\nbody (x)\n  y = Op(x) a=9223372036854775808\n",
         "line 3: a number out of range"},
        {"module M\nbody (x)\n  y = Op(x) a=-1e99\n", "line 3: a number out of range"},
        {"module M\nbody (x)\n  y = Op(x) a=f32[1]{1e99}\n", "line 3: a number out of range"},
        {"module M\nbody (x)\n  y = Op(x) @s\n", "line 3: no such slot is bound"},
        {"module M\nbody (x)\n  y = Op(x) a=f32[2]{1}\n",
         "line 3: the tensor has another number of elements"},
        {"module M\n  y = Op(x)\n", "line 2: an operation outside"},
        {"module M\nbody (x: nonsense)\n", "line 2: unknown type of value"},
        {"module M.N\nbody (x)\n", "cannot contain a dot"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_buf out;
        ww_diag diag = {0};
        ww_buf_init(&out, test_heap(), SIZE_MAX);
        assert_int_equal(ww_dataflow_compile(test_heap(), ww_view_str(cases[i][0]), &out, &diag),
                         WW_E_INVALID);
        if (!strstr(diag.text, cases[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", diag.text, cases[i][1]);
        ww_buf_deinit(&out);
    }
}

/* Skipped where protoc-c is not installed. */
static void generated_reader__made_again__is_what_is_committed(void **state)
{
    (void)state;
    const char *tmp = getenv("WW_TEST_TMP");
    char command[512];
    if (!tmp || system("command -v protoc-c >/dev/null") != 0) skip();
    snprintf(command, sizeof command,
             "protoc-c --proto_path=src/dataflow --c_out='%s' model.proto && cmp '%s'/model.pb-c.c "
             "gen/dataflow/model.pb-c.c && cmp '%s'/model.pb-c.h gen/dataflow/model.pb-c.h",
             tmp, tmp, tmp);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(artifact__compiled_text__reads_back_and_encodes_identically),
        cmocka_unit_test(artifact__cut_at_any_byte__is_refused_or_shorter_but_never_read_beyond),
        cmocka_unit_test(artifact__packed_and_unpacked_ints__are_the_same),
        cmocka_unit_test(artifact__graphs_nested_too_deep__are_refused_without_recursion),
        cmocka_unit_test(artifact__damaged_fields__are_named_with_their_offset),
        cmocka_unit_test(loader__any_allocation_fails__gives_all_back),
        cmocka_unit_test(tensor__of_any_type_of_numbers__becomes_floats),
        cmocka_unit_test(inspect__compiled_text__tells_functions_slots_and_order),
        cmocka_unit_test(inspect__calls_and_slots_that_are_not_there__are_refused),
        cmocka_unit_test(inspect__names_that_command_a_terminal__are_escaped),
        cmocka_unit_test(text__name_of_a_body__is_the_hash_that_other_compilers_give),
        cmocka_unit_test(text__faulty_lines__are_named),
        cmocka_unit_test(generated_reader__made_again__is_what_is_committed),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
