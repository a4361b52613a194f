/* A second reader of artifacts: protobuf-c, over the same fields, must find what the loader finds. */
#include "dataflow/artifact.h"
#include "dataflow/model.pb-c.h"
#include "dataflow/text.h"
#include "support/check.h"

static const char text[] = "module M\n"
                           "bind s Index Flat\n"
                           "graph Bend () > (v)\n"
                           "  w = onnx.Relu(q)\n"
                           "  v = onnx.LeakyRelu(w) alpha=0.25\n"
                           "body (q: tensor) > (h)\n"
                           "  v = index.Search(q) k=10 @s\n"
                           "  b = onnx.If(q) then_branch=graph.Bend else_branch=graph.Bend\n"
                           "  h = call.F(v)\n"
                           "bootstrap (seed: bytes)\n"
                           "  c: peer_id = Constant() value=u8\"abc\"\n"
                           "  t: tensor = onnx.Constant() value=f32[2,1]{1.5, -2}\n"
                           "  r = onnx.Reshape(t) shape=[1, 2]\n"
                           "  AppEmit(seed) name=\"x\"\n"
                           "function F (a) > (b)\n"
                           "  b = PassThrough(a)\n";

/* --- protobuf-c in an arena ------------------------------------------------------------------- */

static void *take(void *arena, size_t size)
{
    return ww_arena_alloc(arena, size);
}

static void leave(void *arena, void *memory)
{
    (void)arena, (void)memory; /* all of it goes with the arena */
}

typedef struct reader {
    ww_arena arena;
    ProtobufCAllocator allocator;
} reader;

static void reader_init(reader *r)
{
    ww_arena_init(&r->arena, test_heap(), SIZE_MAX);
    r->allocator = (ProtobufCAllocator){take, leave, &r->arena};
}

/* --- field by field --------------------------------------------------------------------------- */

static void same_bytes(ww_view view, const uint8_t *data, size_t size)
{
    assert_int_equal(view.size, size);
    if (size) assert_memory_equal(view.data, data, size);
}

static void same_names(const df_vector *table, df_range range, size_t count, char *const *names)
{
    assert_int_equal(range.count, count);
    for (size_t i = 0; i < count; i++)
        assert_view_is(df_names(table, range)[i], names[i]);
}

static void same_metadata(const df_artifact *a, df_range range, size_t count,
                          Ww__Onnx__StringEntry *const *entries)
{
    assert_int_equal(range.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_view_is(df_metadata(a, range)[i].key, entries[i]->key);
        assert_view_is(df_metadata(a, range)[i].value, entries[i]->value);
    }
}

static void same_values(const df_artifact *a, df_range range, size_t count,
                        Ww__Onnx__ValueInfo *const *infos)
{
    assert_int_equal(range.count, count);
    for (size_t i = 0; i < count; i++) {
        const df_value_info *v = &df_values(a, range)[i];
        const Ww__Onnx__Type *type = infos[i]->type;
        bool opaque = type && type->value_case == WW__ONNX__TYPE__VALUE_OPAQUE_TYPE;
        assert_view_is(v->name, infos[i]->name);
        assert_view_is(v->denotation, type ? type->denotation : "");
        assert_view_is(v->opaque_name, opaque ? type->opaque_type->name : "");
        assert_int_equal(v->has_tensor_type,
                         type && type->value_case == WW__ONNX__TYPE__VALUE_TENSOR_TYPE);
    }
}

static void same_tensor(ww_view encoded, const Ww__Onnx__Tensor *tensor)
{
    uint8_t packed[256];
    size_t size = ww__onnx__tensor__get_packed_size(tensor);
    assert_true(size <= sizeof packed);
    ww__onnx__tensor__pack(tensor, packed);
    same_bytes(encoded, packed, size);
}

static void same_attribute(const df_artifact *a, const df_attribute *x,
                           const Ww__Onnx__Attribute *y)
{
    assert_view_is(x->name, y->name);
    assert_int_equal(x->type, y->type);
    switch (x->type) {
    case DF_ATTR_FLOAT: assert_memory_equal(&x->f, &y->f, sizeof x->f); break;
    case DF_ATTR_INT: assert_int_equal(x->i, y->i); break;
    case DF_ATTR_STRING: same_bytes(x->bytes, y->s.data, y->s.len); break;
    case DF_ATTR_TENSOR: same_tensor(x->bytes, y->t); break;
    case DF_ATTR_INTS:
        assert_int_equal(x->ints.count, y->n_ints);
        assert_memory_equal(df_item(&a->numbers, sizeof(int64_t), x->ints.first), y->ints,
                            y->n_ints * sizeof(int64_t));
        break;
    case DF_ATTR_GRAPH: assert_view_is(df_body_at(a, x->body)->function.name, y->g->name); break;
    default: fail_msg("an attribute of type %d", (int)x->type);
    }
}

static void same_nodes(const df_artifact *a, df_range range, size_t count,
                       Ww__Onnx__Node *const *nodes)
{
    assert_int_equal(range.count, count);
    for (size_t i = 0; i < count; i++) {
        const df_node *x = &df_nodes(a, range)[i];
        const Ww__Onnx__Node *y = nodes[i];
        assert_view_is(x->name, y->name);
        assert_view_is(x->op_type, y->op_type);
        assert_view_is(x->domain, y->domain);
        assert_view_is(x->overload, y->overload);
        same_names(&a->inputs, x->inputs, y->n_input, y->input);
        same_names(&a->outputs, x->outputs, y->n_output, y->output);
        same_metadata(a, x->metadata, y->n_metadata_props, y->metadata_props);
        assert_int_equal(x->attributes.count, y->n_attribute);
        for (size_t k = 0; k < y->n_attribute; k++)
            same_attribute(a, &df_attributes(a, x->attributes)[k], y->attribute[k]);
    }
}

static void same_function(const df_artifact *a, const df_function *x, const Ww__Onnx__Function *y)
{
    assert_view_is(x->name, y->name);
    assert_view_is(x->domain, y->domain);
    assert_view_is(x->overload, y->overload);
    same_names(&a->names, x->inputs, y->n_input, y->input);
    same_names(&a->names, x->outputs, y->n_output, y->output);
    same_names(&a->names, x->attribute_names, y->n_attribute, y->attribute);
    same_values(a, x->values, y->n_value_info, y->value_info);
    same_metadata(a, x->metadata, y->n_metadata_props, y->metadata_props);
    same_nodes(a, x->nodes, y->n_node, y->node);
    for (uint32_t n = 0, body = x->bodies.first; n < y->n_node; n++)
        for (size_t k = 0; k < y->node[n]->n_attribute; k++) {
            const Ww__Onnx__Graph *graph = y->node[n]->attribute[k]->g;
            if (!graph) continue;
            const df_function *inner = &df_body_at(a, body++)->function;
            assert_view_is(inner->name, graph->name);
            assert_int_equal(inner->outputs.count, graph->n_output);
            same_nodes(a, inner->nodes, graph->n_node, graph->node);
        }
}

/* --- cases ------------------------------------------------------------------------------------ */

static void protobuf__compiled_text__finds_what_the_loader_finds(void **state)
{
    (void)state;
    ww_buf bytes;
    df_artifact a;
    reader r;
    df_artifact_limits limits = df_artifact_limits_default();
    reader_init(&r);
    ww_buf_init(&bytes, test_heap(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(test_heap(), ww_view_str(text), &bytes, NULL));
    assert_ok(df_artifact_decode(&a, test_heap(), &limits, ww_buf_view(&bytes), NULL));
    Ww__Onnx__Model *model = ww__onnx__model__unpack(&r.allocator, bytes.size, bytes.data);
    assert_non_null(model);
    assert_int_equal(a.ir_version, model->ir_version);
    assert_int_equal(a.has_graph, model->graph != NULL);
    same_metadata(&a, a.metadata, model->n_metadata_props, model->metadata_props);
    assert_int_equal(a.functions.count, model->n_functions);
    for (size_t i = 0; i < model->n_functions; i++)
        same_function(&a, &df_functions(&a)[i], model->functions[i]);
    df_artifact_deinit(&a);
    ww_arena_deinit(&r.arena);
    ww_buf_deinit(&bytes);
}

/* What protobuf-c writes has the fields of types in another order. */
static void protobuf__written_again__is_the_same_artifact(void **state)
{
    (void)state;
    ww_buf bytes, encoded;
    df_artifact a;
    reader r;
    df_artifact_limits limits = df_artifact_limits_default();
    reader_init(&r);
    ww_buf_init(&bytes, test_heap(), SIZE_MAX);
    ww_buf_init(&encoded, test_heap(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(test_heap(), ww_view_str(text), &bytes, NULL));
    Ww__Onnx__Model *model = ww__onnx__model__unpack(&r.allocator, bytes.size, bytes.data);
    assert_non_null(model);
    assert_int_equal(ww__onnx__model__get_packed_size(model), bytes.size);
    uint8_t *again = ww_arena_alloc(&r.arena, bytes.size);
    assert_non_null(again);
    ww__onnx__model__pack(model, again);
    assert_ok(df_artifact_decode(&a, test_heap(), &limits, ww_view_of(again, bytes.size), NULL));
    assert_ok(df_artifact_encode(&a, &encoded));
    assert_true(ww_view_equal(ww_buf_view(&encoded), ww_buf_view(&bytes)));
    df_artifact_deinit(&a);
    ww_arena_deinit(&r.arena);
    ww_buf_deinit(&encoded);
    ww_buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protobuf__compiled_text__finds_what_the_loader_finds),
        cmocka_unit_test(protobuf__written_again__is_the_same_artifact),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
