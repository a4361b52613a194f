/* The table of tensor operations, and those that work element by element. */
#include "dataflow/tensor.h"
#include <inttypes.h>
#include <math.h>

bool df_shape_of(const int64_t *dims, uint32_t count, df_shape *out)
{
    uint64_t elements = 1;
    if (count > WW_FLOW_TENSOR_DIMS_MAX) return false;
    *out = (df_shape){.count = count};
    for (uint32_t i = 0; i < count; i++) {
        if (dims[i] < 0 || dims[i] > DF_TENSOR_ELEMENTS_MAX) return false;
        elements *= (uint64_t)dims[i];
        if (elements > DF_TENSOR_ELEMENTS_MAX) return false;
        out->dims[i] = (uint32_t)dims[i];
    }
    out->elements = (uint32_t)elements;
    return true;
}

bool df_axis(const df_shape *shape, int64_t axis, uint32_t *out)
{
    if (axis < 0) axis += shape->count;
    if (axis < 0 || axis >= shape->count) return false;
    *out = (uint32_t)axis;
    return true;
}

bool df_array_view(const ww_flow_value *value, df_array *out)
{
    *out = (df_array){0};
    if (value && value->type == WW_FLOW_TENSOR) {
        const ww_flow_tensor *t = df_tensor(value);
        out->shape = (df_shape){.count = t->dim_count, .elements = t->element_count};
        memcpy(out->shape.dims, t->dims, sizeof t->dims);
        out->data = t->data;
        return true;
    }
    if (!value || value->type != WW_FLOW_FLOATS) return false;
    const void *data = value->data;
    uint32_t count = value->size / (uint32_t)sizeof(float);
    out->shape = (df_shape){.count = 1, .dims = {count}, .elements = count};
    out->data = data;
    return true;
}

bool df_array_of(ww_dataflow *flow, const df_op *op, const df_frame *frame, uint32_t input,
                 df_array *out)
{
    if (df_array_view(df_input(op, frame, input), out)) return true;
    df_fail(flow, WW_FLOW_OP_TYPE_MISMATCH, "input_type_mismatch", "input %u is not a tensor",
            input);
    return false;
}

/* The part of cycle_op_budget that the work is: all of it at the limit. */
static uint32_t work_in_ops(const ww_dataflow *flow, uint64_t work)
{
    return work ? (uint32_t)(work * flow->limits.cycle_op_budget / flow->limits.tensor_work_max)
                : 0;
}

static bool may_work(ww_dataflow *flow, const df_op *op, const df_frame *frame, uint64_t work)
{
    uint64_t before = frame->graph->held ? flow->held_steps : 0;
    uint64_t sum = df_work_both(before, work);
    if (sum <= flow->limits.tensor_work_max) {
        flow->ops_this_poll += work_in_ops(flow, work);
        flow->held_steps = sum;
        return true;
    }
    const df_node *node = op->arg->node;
    ww_view output = node->outputs.count ? df_names(&op->arg->artifact->outputs, node->outputs)[0]
                                         : ww_view_of(NULL, 0);
    df_fail(flow, WW_FLOW_OP_COOLDOWN, "work_limit",
            "%.*s of \"%.*s\": %" PRIu64 " steps of work%s, at most %u are allowed",
            WW_VIEW_ARG(node->op_type), WW_VIEW_ARG(output), work, before ? " more" : "",
            flow->limits.tensor_work_max);
    return false;
}

float *df_array_new(ww_dataflow *flow, const df_op *op, const df_frame *frame,
                    const df_shape *shape, uint64_t work, ww_flow_value *out)
{
    float *data;
    uint64_t all = df_work_both(work, df_work(shape->elements, DF_WORK_WRITE));
    if (!may_work(flow, op, frame, all)) return NULL;
    *out = ww_flow_value_tensor(flow->allocator, shape->dims, shape->count, &data);
    if (!out->type) df_no_memory(flow);
    return data;
}

df_outcome df_bad_shape(ww_dataflow *flow, const df_op *op, const char *what)
{
    return df_fail(flow, WW_FLOW_OP_BAD_INPUT, "bad_shape", "%.*s: %s",
                   WW_VIEW_ARG(op->arg->node->op_type), what);
}

int64_t df_int(const df_op *op, const char *attribute, int64_t otherwise)
{
    return df_attribute_int(op->arg->node, op->arg->artifact, attribute, otherwise);
}

float df_real(const df_op *op, const char *attribute, float otherwise)
{
    const df_attribute *a = df_attribute_find(op->arg->artifact, op->arg->node, attribute);
    return a && a->type == DF_ATTR_FLOAT ? a->f : otherwise;
}

/* What is beyond 32 bits, such as "to the end", stays as far away as it can. */
static int64_t int_of(float x)
{
    if (x >= 2147483648.0f) return INT32_MAX;
    if (x <= -2147483648.0f) return INT32_MIN;
    return x == x ? (int64_t)x : 0;
}

int df_ints(const df_op *op, const df_frame *frame, const char *attribute, uint32_t input,
            int64_t *out, uint32_t most)
{
    const df_attribute *a = df_attribute_find(op->arg->artifact, op->arg->node, attribute);
    df_array array;
    if (a && a->type == DF_ATTR_INTS) {
        const int64_t *ints = df_item(&op->arg->artifact->numbers, sizeof *ints, a->ints.first);
        for (uint32_t i = 0; i < a->ints.count && i < most; i++)
            out[i] = ints[i];
        return (int)(a->ints.count < most ? a->ints.count : most);
    }
    if (input == DF_NONE || !df_array_view(df_input(op, frame, input), &array)) return -1;
    uint32_t count = array.shape.elements < most ? array.shape.elements : most;
    for (uint32_t i = 0; i < count; i++)
        out[i] = int_of(array.data[i]);
    return (int)count;
}

/* --- one input -------------------------------------------------------------------------------- */

typedef enum elementwise {
    NEG,
    ABS,
    SQRT,
    EXP,
    LOG,
    RELU,
    SIGMOID,
    TANH,
    LEAKY_RELU,
    GELU,
    IDENTITY,
    TRUNCATE,
    TRUTH,
    ADD,
    SUB,
    MUL,
    DIV,
    POW,
    EQUAL,
    GREATER,
    LESS,
} elementwise;

/* For an element, besides writing it. */
static uint64_t work_of(int64_t what)
{
    bool is_function = what == EXP || what == LOG || what == SIGMOID || what == TANH ||
                       what == GELU || what == POW;
    return is_function ? DF_WORK_FUNCTION : 0;
}

static float unary(int64_t what, float x, float alpha)
{
    switch (what) {
    case NEG: return -x;
    case ABS: return fabsf(x);
    case SQRT: return sqrtf(x);
    case EXP: return expf(x);
    case LOG: return logf(x);
    case RELU: return x > 0 ? x : 0;
    case SIGMOID: return 1 / (1 + expf(-x));
    case TANH: return tanhf(x);
    case LEAKY_RELU: return x > 0 ? x : alpha * x;
    case GELU: return 0.5f * x * (1 + erff(x * 0.70710678f));
    case TRUNCATE: return truncf(x);
    case TRUTH: return x != 0;
    default: return x;
    }
}

static df_outcome run_unary(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    ww_flow_value value;
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    float *out = df_array_new(flow, op, frame, &a.shape,
                              df_work(a.shape.elements, work_of(op->arg->number)), &value);
    if (!out) return DF_FAILED;
    float alpha = (float)op->arg->real;
    for (uint32_t i = 0; i < a.shape.elements; i++)
        out[i] = unary(op->arg->number, a.data[i], alpha);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* --- two inputs ------------------------------------------------------------------------------- */

static float binary(int64_t what, float x, float y)
{
    switch (what) {
    case ADD: return x + y;
    case SUB: return x - y;
    case MUL: return x * y;
    case DIV: return x / y;
    case POW: return powf(x, y);
    case EQUAL: return x == y;
    case GREATER: return x > y;
    default: return x < y;
    }
}

static bool broadcast(const df_shape *a, const df_shape *b, df_shape *out)
{
    int64_t dims[WW_FLOW_TENSOR_DIMS_MAX];
    uint32_t count = a->count > b->count ? a->count : b->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t x = i < a->count ? a->dims[a->count - 1 - i] : 1;
        uint32_t y = i < b->count ? b->dims[b->count - 1 - i] : 1;
        if (x != y && x != 1 && y != 1) return false;
        dims[count - 1 - i] = x == 1 ? y : x;
    }
    return df_shape_of(dims, count, out);
}

/* How far to go in `a` for one step in each dimension of `out`; 0 where it repeats. */
static void steps_of(const df_shape *a, const df_shape *out, uint32_t *steps)
{
    uint32_t step = 1;
    for (uint32_t i = 0; i < out->count; i++) {
        bool there = i < a->count;
        uint32_t dim = there ? a->dims[a->count - 1 - i] : 1;
        steps[out->count - 1 - i] = dim == 1 ? 0 : step;
        step *= dim;
    }
}

static void combine(int64_t what, const df_array *a, const df_array *b, const df_shape *shape,
                    float *out)
{
    uint32_t in_a[WW_FLOW_TENSOR_DIMS_MAX], in_b[WW_FLOW_TENSOR_DIMS_MAX],
        index[WW_FLOW_TENSOR_DIMS_MAX] = {0};
    steps_of(&a->shape, shape, in_a);
    steps_of(&b->shape, shape, in_b);
    uint32_t at_a = 0, at_b = 0;
    for (uint32_t n = 0; n < shape->elements; n++) {
        out[n] = binary(what, a->data[at_a], b->data[at_b]);
        for (uint32_t d = shape->count; d-- > 0;) {
            at_a += in_a[d];
            at_b += in_b[d];
            if (++index[d] < shape->dims[d]) break;
            at_a -= in_a[d] * shape->dims[d];
            at_b -= in_b[d] * shape->dims[d];
            index[d] = 0;
        }
    }
}

static df_outcome run_binary(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a, b;
    df_shape shape;
    ww_flow_value value;
    if (!df_array_of(flow, op, frame, 0, &a) || !df_array_of(flow, op, frame, 1, &b))
        return DF_FAILED;
    if (!broadcast(&a.shape, &b.shape, &shape))
        return df_bad_shape(flow, op, "the shapes do not broadcast");
    float *out = df_array_new(flow, op, frame, &shape,
                              df_work(shape.elements, work_of(op->arg->number)), &value);
    if (!out) return DF_FAILED;
    if (a.shape.elements == shape.elements && b.shape.elements == shape.elements)
        for (uint32_t i = 0; i < shape.elements; i++)
            out[i] = binary(op->arg->number, a.data[i], b.data[i]);
    else
        combine(op->arg->number, &a, &b, &shape, out);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* --- constants -------------------------------------------------------------------------------- */

static df_outcome run_constant(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_output(flow, op, frame, 0, ww_flow_value_ref(op->arg->value));
    return DF_DONE;
}

bool df_float_tensor(ww_view bytes, df_shape *shape, ww_view *raw)
{
    enum { FLOAT = 1 };
    df_tensor_proto t;
    int64_t dims[WW_COUNT_OF(t.dims)];
    if (!df_tensor_decode(bytes, &t) || t.data_type != FLOAT ||
        t.element_count > DF_TENSOR_ELEMENTS_MAX || t.raw.size != t.element_count * sizeof(float))
        return false;
    for (uint32_t i = 0; i < t.dim_count; i++)
        dims[i] = (int64_t)t.dims[i];
    *raw = t.raw;
    return df_shape_of(dims, t.dim_count, shape);
}

static ww_status no_tensor(df_installer *in, const df_node *node)
{
    return df_install_error(in, WW_E_INVALID, "offset %zu: Constant without a tensor of numbers",
                            node->offset);
}

static ww_status prepare_constant(df_installer *in, const df_node *node, df_arg *arg)
{
    const df_attribute *attribute = df_attribute_find(arg->artifact, node, "value");
    df_tensor_proto t;
    df_shape shape;
    int64_t dims[WW_COUNT_OF(t.dims)];
    bool good = attribute && attribute->type == DF_ATTR_TENSOR &&
                df_tensor_decode(attribute->bytes, &t) && t.element_count <= attribute->bytes.size;
    for (uint32_t i = 0; good && i < t.dim_count; i++)
        dims[i] = (int64_t)t.dims[i];
    if (!good || !df_shape_of(dims, t.dim_count, &shape)) return no_tensor(in, node);
    float *data;
    arg->value = ww_flow_value_tensor(df_installer_allocator(in), shape.dims, shape.count, &data);
    if (!arg->value.type) return df_install_error(in, WW_E_MEMORY, "no memory");
    return df_tensor_floats(attribute->bytes, &t, data) ? WW_OK : no_tensor(in, node);
}

/* --- table ------------------------------------------------------------------------------------ */

typedef struct tensor_row {
    df_op_row row;
    int what;
} tensor_row;

static df_prepare_fn prepare_plain, prepare_cast;

static const tensor_row rows[] = {
    {{.op_type = "Add", .run = run_binary, .prepare = prepare_plain}, ADD},
    {{.op_type = "Sub", .run = run_binary, .prepare = prepare_plain}, SUB},
    {{.op_type = "Mul", .run = run_binary, .prepare = prepare_plain}, MUL},
    {{.op_type = "Div", .run = run_binary, .prepare = prepare_plain}, DIV},
    {{.op_type = "Pow", .run = run_binary, .prepare = prepare_plain}, POW},
    {{.op_type = "Equal", .run = run_binary, .prepare = prepare_plain}, EQUAL},
    {{.op_type = "Greater", .run = run_binary, .prepare = prepare_plain}, GREATER},
    {{.op_type = "Less", .run = run_binary, .prepare = prepare_plain}, LESS},
    {{.op_type = "Neg", .run = run_unary, .prepare = prepare_plain}, NEG},
    {{.op_type = "Abs", .run = run_unary, .prepare = prepare_plain}, ABS},
    {{.op_type = "Sqrt", .run = run_unary, .prepare = prepare_plain}, SQRT},
    {{.op_type = "Exp", .run = run_unary, .prepare = prepare_plain}, EXP},
    {{.op_type = "Log", .run = run_unary, .prepare = prepare_plain}, LOG},
    {{.op_type = "Relu", .run = run_unary, .prepare = prepare_plain}, RELU},
    {{.op_type = "Sigmoid", .run = run_unary, .prepare = prepare_plain}, SIGMOID},
    {{.op_type = "Tanh", .run = run_unary, .prepare = prepare_plain}, TANH},
    {{.op_type = "LeakyRelu", .run = run_unary, .prepare = prepare_plain}, LEAKY_RELU},
    {{.op_type = "Gelu", .run = run_unary, .prepare = prepare_plain}, GELU},
    {{.op_type = "Identity", .run = run_unary, .prepare = prepare_plain}, IDENTITY},
    {{.op_type = "Cast", .run = run_unary, .prepare = prepare_cast}, IDENTITY},
    {{.op_type = "Constant", .run = run_constant, .prepare = prepare_constant}, 0},
    {{.op_type = "Zeros", .run = df_run_fill, .prepare = prepare_plain}, 0},
    {{.op_type = "Ones", .run = df_run_fill, .prepare = prepare_plain}, 1},
    {{.op_type = "MatMul", .run = df_run_matmul, .prepare = prepare_plain}, 0},
    {{.op_type = "Gemm", .run = df_run_gemm, .prepare = prepare_plain}, 0},
    {{.op_type = "Dot", .run = df_run_dot, .prepare = prepare_plain}, 0},
    {{.op_type = "Softmax", .run = df_run_softmax, .prepare = prepare_plain}, 0},
    {{.op_type = "LayerNormalization", .run = df_run_layer_norm, .prepare = prepare_plain}, 0},
    {{.op_type = "ReduceSum", .run = df_run_reduce, .prepare = prepare_plain}, 0},
    {{.op_type = "ReduceMean", .run = df_run_reduce, .prepare = prepare_plain}, 1},
    {{.op_type = "ReduceMax", .run = df_run_reduce, .prepare = prepare_plain}, 2},
    {{.op_type = "ReduceMin", .run = df_run_reduce, .prepare = prepare_plain}, 3},
    {{.op_type = "Reshape", .run = df_run_reshape, .prepare = prepare_plain}, 0},
    {{.op_type = "Transpose", .run = df_run_transpose, .prepare = prepare_plain}, 0},
    {{.op_type = "Concat", .run = df_run_concat, .prepare = prepare_plain}, 0},
    {{.op_type = "Split", .run = df_run_split, .prepare = prepare_plain}, 0},
    {{.op_type = "Slice", .run = df_run_slice, .prepare = prepare_plain}, 0},
    {{.op_type = "Squeeze", .run = df_run_squeeze, .prepare = prepare_plain}, 0},
    {{.op_type = "Unsqueeze", .run = df_run_unsqueeze, .prepare = prepare_plain}, 0},
    {{.op_type = "Gather", .run = df_run_gather, .prepare = prepare_plain}, 0},
    {{.op_type = "Scatter", .run = df_run_scatter, .prepare = prepare_plain}, 0},
    {{.op_type = "ScatterElements", .run = df_run_scatter, .prepare = prepare_plain}, 0},
    {{.op_type = "BatchNormalization", .run = df_run_batch_norm, .prepare = prepare_plain}, 0},
    {{.op_type = "Conv", .run = df_run_conv, .prepare = prepare_plain}, 0},
    {{.op_type = "MaxPool", .run = df_run_pool, .prepare = prepare_plain}, 1},
    {{.op_type = "AveragePool", .run = df_run_pool, .prepare = prepare_plain}, 0},
    {{.op_type = "GlobalAveragePool", .run = df_run_global_pool, .prepare = prepare_plain}, 0},
    {{.op_type = "If", .run = df_run_if, .prepare = df_prepare_if}, 0},
    {{.op_type = "Loop", .run = df_run_loop, .prepare = df_prepare_loop}, 0},
    {{.op_type = "BackendSubgraph", .run = df_run_subgraph, .prepare = df_prepare_subgraph}, 0},
};

static const tensor_row *find(ww_view op_type)
{
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++)
        if (ww_view_is(op_type, rows[i].row.op_type)) return &rows[i];
    return NULL;
}

const df_op_row *df_find_tensor_op(ww_view op_type)
{
    const tensor_row *row = find(op_type);
    return row ? &row->row : NULL;
}

static ww_status prepare_plain(df_installer *in, const df_node *node, df_arg *arg)
{
    (void)in;
    arg->number = find(node->op_type)->what;
    const df_attribute *alpha = df_attribute_find(arg->artifact, node, "alpha");
    arg->real = (double)(alpha && alpha->type == DF_ATTR_FLOAT ? alpha->f : 0.01f);
    return WW_OK;
}

/* Numbers stay floats, whatever they are cast to. */
static ww_status prepare_cast(df_installer *in, const df_node *node, df_arg *arg)
{
    enum { FLOAT = 1, BOOL = 9, FLOAT16 = 10, DOUBLE = 11, BFLOAT16 = 16 };
    (void)in;
    int64_t to = df_attribute_int(node, arg->artifact, "to", FLOAT);
    bool fractions = to == FLOAT || to == FLOAT16 || to == DOUBLE || to == BFLOAT16;
    arg->number = fractions ? IDENTITY : to == BOOL ? TRUTH : TRUNCATE;
    return WW_OK;
}
