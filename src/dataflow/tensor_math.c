/* Products, reductions and normalisations of tensors. */
#include "dataflow/tensor.h"
#include <math.h>

/* Rows and columns; a vector is a row on the left and a column on the right. */
static bool as_matrix(const df_shape *shape, bool left, uint32_t *rows, uint32_t *columns)
{
    if (shape->count == 1) {
        *rows = left ? 1 : shape->dims[0];
        *columns = left ? shape->dims[0] : 1;
        return true;
    }
    if (shape->count != 2) return false;
    *rows = shape->dims[0];
    *columns = shape->dims[1];
    return true;
}

df_outcome df_run_matmul(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a, b;
    uint32_t m, k, k_of_b, n;
    if (!df_array_of(flow, op, frame, 0, &a) || !df_array_of(flow, op, frame, 1, &b))
        return DF_FAILED;
    if (!as_matrix(&a.shape, true, &m, &k) || !as_matrix(&b.shape, false, &k_of_b, &n) ||
        k != k_of_b)
        return df_bad_shape(flow, op, "the inner dimensions differ");
    int64_t dims[2];
    uint32_t count = 0;
    if (a.shape.count == 2) dims[count++] = m;
    if (b.shape.count == 2) dims[count++] = n;
    df_shape shape;
    ww_flow_value value;
    if (!df_shape_of(dims, count, &shape)) return df_bad_shape(flow, op, "the result is too large");
    float *out = df_array_new(flow, op, frame, &shape, df_multiply_work(m, n, k), &value);
    if (!out) return DF_FAILED;
    memset(out, 0, shape.elements * sizeof *out);
    df_multiply(&(df_product){a.data, b.data, out, m, n, k, k, 1, n, 1, 1.0f});
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

static bool add_bias(const df_array *c, float beta, uint32_t m, uint32_t n, float *out)
{
    uint32_t rows = c->shape.count == 2 ? c->shape.dims[0] : 1;
    uint32_t columns = c->shape.count ? c->shape.dims[c->shape.count - 1] : 1;
    if (c->shape.count > 2 || (rows != 1 && rows != m) || (columns != 1 && columns != n))
        return false;
    for (uint32_t i = 0; i < m; i++)
        for (uint32_t j = 0; j < n; j++)
            out[(size_t)i * n + j] =
                beta * c->data[(size_t)(rows == 1 ? 0 : i) * columns + (columns == 1 ? 0 : j)];
    return true;
}

df_outcome df_run_gemm(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a, b, c;
    if (!df_array_of(flow, op, frame, 0, &a) || !df_array_of(flow, op, frame, 1, &b))
        return DF_FAILED;
    bool biased = op->input_count > 2 && df_input(op, frame, 2);
    if (biased && !df_array_of(flow, op, frame, 2, &c)) return DF_FAILED;
    if (a.shape.count != 2 || b.shape.count != 2)
        return df_bad_shape(flow, op, "two matrices are needed");
    bool ta = df_int(op, "transA", 0) != 0, tb = df_int(op, "transB", 0) != 0;
    uint32_t m = a.shape.dims[ta], k = a.shape.dims[!ta], n = b.shape.dims[!tb];
    if (b.shape.dims[tb] != k) return df_bad_shape(flow, op, "the inner dimensions differ");
    df_shape shape;
    ww_flow_value value;
    if (!df_shape_of((int64_t[]){m, n}, 2, &shape))
        return df_bad_shape(flow, op, "the result is too large");
    float *out = df_array_new(flow, op, frame, &shape, df_multiply_work(m, n, k), &value);
    if (!out) return DF_FAILED;
    memset(out, 0, shape.elements * sizeof *out);
    if (biased && !add_bias(&c, df_real(op, "beta", 1), m, n, out)) {
        ww_flow_value_unref(value);
        return df_bad_shape(flow, op, "the third input does not broadcast");
    }
    uint32_t wide_a = a.shape.dims[1], wide_b = b.shape.dims[1];
    df_multiply(&(df_product){a.data, b.data, out, m, n, k, ta ? 1 : wide_a, ta ? wide_a : 1,
                              tb ? 1 : wide_b, tb ? wide_b : 1, df_real(op, "alpha", 1)});
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

df_outcome df_run_dot(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a, b;
    if (!df_array_of(flow, op, frame, 0, &a) || !df_array_of(flow, op, frame, 1, &b))
        return DF_FAILED;
    if (a.shape.elements != b.shape.elements) return df_bad_shape(flow, op, "the sizes differ");
    df_shape scalar = {.elements = 1};
    ww_flow_value value;
    float *out =
        df_array_new(flow, op, frame, &scalar, df_work(a.shape.elements, DF_WORK_READ), &value);
    if (!out) return DF_FAILED;
    double sum = 0;
    for (uint32_t i = 0; i < a.shape.elements; i++)
        sum += (double)a.data[i] * (double)b.data[i];
    *out = (float)sum;
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* A tensor as [outer][axis][inner]. */
typedef struct lanes {
    uint32_t outer, length, inner;
} lanes;

static lanes lanes_of(const df_shape *shape, uint32_t first, uint32_t behind)
{
    lanes l = {1, 1, 1};
    for (uint32_t i = 0; i < shape->count; i++)
        *(i < first ? &l.outer : i < behind ? &l.length : &l.inner) *= shape->dims[i];
    return l;
}

df_outcome df_run_softmax(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    uint32_t axis;
    ww_flow_value value;
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    if (!df_axis(&a.shape, df_int(op, "axis", -1), &axis))
        return df_bad_shape(flow, op, "no such axis");
    float *out = df_array_new(flow, op, frame, &a.shape,
                              df_work(a.shape.elements, 2 * DF_WORK_FUNCTION), &value);
    if (!out) return DF_FAILED;
    lanes l = lanes_of(&a.shape, axis, axis + 1);
    for (uint32_t lane = 0; a.shape.elements && lane < l.outer * l.inner; lane++) {
        size_t start = (size_t)(lane / l.inner) * l.length * l.inner + lane % l.inner;
        float most = a.data[start], sum = 0;
        for (uint32_t i = 1; i < l.length; i++)
            most = fmaxf(most, a.data[start + (size_t)i * l.inner]);
        for (uint32_t i = 0; i < l.length; i++)
            sum += out[start + (size_t)i * l.inner] =
                expf(a.data[start + (size_t)i * l.inner] - most);
        for (uint32_t i = 0; i < l.length; i++)
            out[start + (size_t)i * l.inner] /= sum;
    }
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* Over the dimensions from `axis` on, then scaled and shifted by the second and third input. */
df_outcome df_run_layer_norm(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a, scale, shift;
    uint32_t axis;
    ww_flow_value value;
    if (!df_array_of(flow, op, frame, 0, &a) || !df_array_of(flow, op, frame, 1, &scale))
        return DF_FAILED;
    bool shifted = op->input_count > 2 && df_input(op, frame, 2);
    if (shifted && !df_array_of(flow, op, frame, 2, &shift)) return DF_FAILED;
    if (!df_axis(&a.shape, df_int(op, "axis", -1), &axis))
        return df_bad_shape(flow, op, "no such axis");
    lanes l = lanes_of(&a.shape, axis, a.shape.count);
    if (scale.shape.elements != l.length || (shifted && shift.shape.elements != l.length))
        return df_bad_shape(flow, op, "scale or bias of another size");
    float *out =
        df_array_new(flow, op, frame, &a.shape, df_work(a.shape.elements, DF_WORK_READ), &value);
    if (!out) return DF_FAILED;
    float epsilon = df_real(op, "epsilon", 1e-5f);
    for (uint32_t lane = 0; a.shape.elements && lane < l.outer; lane++) {
        const float *in = a.data + (size_t)lane * l.length;
        float *to = out + (size_t)lane * l.length;
        double mean = 0, variance = 0;
        for (uint32_t i = 0; i < l.length; i++)
            mean += (double)in[i] / l.length;
        for (uint32_t i = 0; i < l.length; i++)
            variance += ((double)in[i] - mean) * ((double)in[i] - mean) / l.length;
        double factor = 1 / sqrt(variance + (double)epsilon);
        for (uint32_t i = 0; i < l.length; i++)
            to[i] = (float)(((double)in[i] - mean) * factor) * scale.data[i] +
                    (shifted ? shift.data[i] : 0);
    }
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* By what training has found: mean and variance of each channel, which is the second dimension. */
df_outcome df_run_batch_norm(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    enum { SCALE, SHIFT, MEAN_IN, VARIANCE, PARTS };
    df_array a, parts[PARTS];
    ww_flow_value value;
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    for (uint32_t i = 0; i < PARTS; i++)
        if (!df_array_of(flow, op, frame, i + 1, &parts[i])) return DF_FAILED;
    if (a.shape.count < 2 || df_int(op, "training_mode", 0))
        return df_bad_shape(flow, op, "channels are needed, and no training");
    lanes l = lanes_of(&a.shape, 1, 2);
    for (uint32_t i = 0; i < PARTS; i++)
        if (parts[i].shape.elements != l.length)
            return df_bad_shape(flow, op, "an input is not one number per channel");
    float *out =
        df_array_new(flow, op, frame, &a.shape, df_work(a.shape.elements, DF_WORK_READ), &value);
    if (!out) return DF_FAILED;
    float epsilon = df_real(op, "epsilon", 1e-5f);
    for (uint32_t i = 0; i < a.shape.elements; i++) {
        uint32_t channel = i / l.inner % l.length;
        float factor = parts[SCALE].data[channel] / sqrtf(parts[VARIANCE].data[channel] + epsilon);
        out[i] = (a.data[i] - parts[MEAN_IN].data[channel]) * factor + parts[SHIFT].data[channel];
    }
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* --- reductions ------------------------------------------------------------------------------- */

enum { SUM, MEAN, MAX, MIN };

static bool reduced_axes(const df_op *op, const df_frame *frame, const df_shape *shape,
                         bool *reduced)
{
    int64_t axes[WW_FLOW_TENSOR_DIMS_MAX];
    int count = df_ints(op, frame, "axes", 1, axes, WW_FLOW_TENSOR_DIMS_MAX);
    for (uint32_t i = 0; i < WW_FLOW_TENSOR_DIMS_MAX; i++)
        reduced[i] = count <= 0;
    for (int i = 0; i < count; i++) {
        uint32_t axis;
        if (!df_axis(shape, axes[i], &axis)) return false;
        reduced[axis] = true;
    }
    return true;
}

static void accumulate(int64_t what, float *to, float x)
{
    if (what == MAX)
        *to = fmaxf(*to, x);
    else if (what == MIN)
        *to = fminf(*to, x);
    else
        *to += x;
}

static void reduce(int64_t what, const df_array *a, const bool *reduced, float *out,
                   uint32_t elements)
{
    uint32_t steps[WW_FLOW_TENSOR_DIMS_MAX], index[WW_FLOW_TENSOR_DIMS_MAX] = {0}, step = 1, at = 0;
    for (uint32_t d = a->shape.count; d-- > 0;) {
        steps[d] = reduced[d] ? 0 : step;
        if (!reduced[d]) step *= a->shape.dims[d];
    }
    for (uint32_t i = 0; i < elements; i++)
        out[i] = what == MAX ? -INFINITY : what == MIN ? INFINITY : 0;
    for (uint32_t n = 0; n < a->shape.elements; n++) {
        accumulate(what, &out[at], a->data[n]);
        for (uint32_t d = a->shape.count; d-- > 0;) {
            at += steps[d];
            if (++index[d] < a->shape.dims[d]) break;
            at -= steps[d] * a->shape.dims[d];
            index[d] = 0;
        }
    }
    float share = elements ? (float)a->shape.elements / (float)elements : 1;
    for (uint32_t i = 0; what == MEAN && i < elements; i++)
        out[i] /= share;
}

df_outcome df_run_reduce(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    bool reduced[WW_FLOW_TENSOR_DIMS_MAX], keep = df_int(op, "keepdims", 1) != 0;
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    if (!reduced_axes(op, frame, &a.shape, reduced)) return df_bad_shape(flow, op, "no such axis");
    int64_t dims[WW_FLOW_TENSOR_DIMS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < a.shape.count; i++)
        if (!reduced[i] || keep) dims[count++] = reduced[i] ? 1 : a.shape.dims[i];
    df_shape shape;
    ww_flow_value value;
    if (!df_shape_of(dims, count, &shape)) return df_bad_shape(flow, op, "the result is too large");
    float *out = df_array_new(flow, op, frame, &shape,
                              df_work(a.shape.elements, DF_WORK_WRITE + DF_WORK_READ), &value);
    if (!out) return DF_FAILED;
    reduce(op->arg->number, &a, reduced, out, shape.elements);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}
