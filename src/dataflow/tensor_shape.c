/* Tensors cut, joined and rearranged. */
#include "dataflow/tensor.h"

static df_outcome give(ww_dataflow *flow, const df_op *op, df_frame *frame, const df_shape *shape,
                       const float *data)
{
    ww_flow_value value;
    float *out = df_array_new(flow, op, frame, shape, 0, &value);
    if (!out) return DF_FAILED;
    if (shape->elements) memcpy(out, data, shape->elements * sizeof *out);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

df_outcome df_run_fill(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    int64_t dims[WW_FLOW_TENSOR_DIMS_MAX];
    df_shape shape;
    ww_flow_value value;
    int count = df_ints(op, frame, "shape", 0, dims, WW_FLOW_TENSOR_DIMS_MAX);
    if (count < 0 || !df_shape_of(dims, (uint32_t)count, &shape))
        return df_bad_shape(flow, op, "bad `shape`");
    float *out = df_array_new(flow, op, frame, &shape, 0, &value);
    if (!out) return DF_FAILED;
    for (uint32_t i = 0; i < shape.elements; i++)
        out[i] = (float)op->arg->number;
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* 0 keeps a dimension, -1 is what is left over. */
static bool wanted_shape(const df_shape *from, int64_t *dims, uint32_t count, df_shape *out)
{
    uint64_t known = 1;
    int open = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (dims[i] == 0 && i < from->count) dims[i] = from->dims[i];
        if (dims[i] == -1) {
            if (open >= 0) return false;
            open = (int)i;
            continue;
        }
        if (dims[i] < 0 || dims[i] > DF_TENSOR_ELEMENTS_MAX) return false;
        known *= (uint64_t)dims[i];
        if (known > DF_TENSOR_ELEMENTS_MAX) return false;
    }
    if (open >= 0) dims[open] = known ? (int64_t)(from->elements / known) : 0;
    return df_shape_of(dims, count, out) && out->elements == from->elements;
}

df_outcome df_run_reshape(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    df_shape shape;
    int64_t dims[WW_FLOW_TENSOR_DIMS_MAX];
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    int count = df_ints(op, frame, "shape", 1, dims, WW_FLOW_TENSOR_DIMS_MAX);
    if (count < 0 || !wanted_shape(&a.shape, dims, (uint32_t)count, &shape))
        return df_bad_shape(flow, op, "the elements do not fit the shape");
    return give(flow, op, frame, &shape, a.data);
}

/* What `axes` names, and which dimensions that are. */
typedef struct axis_list {
    int64_t list[WW_FLOW_TENSOR_DIMS_MAX];
    int count; /* negative: there is no `axes` */
    bool ticked[WW_FLOW_TENSOR_DIMS_MAX];
} axis_list;

static bool take_axes(ww_dataflow *flow, const df_op *op, df_frame *frame, df_array *array,
                      axis_list *out)
{
    *out = (axis_list){.count = 0};
    if (!df_array_of(flow, op, frame, 0, array)) return false;
    out->count = df_ints(op, frame, "axes", 1, out->list, WW_FLOW_TENSOR_DIMS_MAX);
    return true;
}

/* False: one that is not there, or is named twice. */
static bool tick(axis_list *named, const df_shape *shape)
{
    for (int i = 0; i < named->count; i++) {
        uint32_t axis;
        if (!df_axis(shape, named->list[i], &axis) || named->ticked[axis]) return false;
        named->ticked[axis] = true;
    }
    return true;
}

df_outcome df_run_squeeze(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    axis_list named;
    if (!take_axes(flow, op, frame, &a, &named)) return DF_FAILED;
    bool fits = tick(&named, &a.shape);
    df_shape shape = {.elements = a.shape.elements};
    for (uint32_t i = 0; i < a.shape.count; i++) {
        bool is_one = a.shape.dims[i] == 1;
        if (named.ticked[i] && !is_one) fits = false;
        bool drops = named.count > 0 ? named.ticked[i] : is_one;
        if (!drops) shape.dims[shape.count++] = a.shape.dims[i];
    }
    if (!fits) return df_bad_shape(flow, op, "an axis that is not 1");
    return give(flow, op, frame, &shape, a.data);
}

df_outcome df_run_unsqueeze(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    axis_list named;
    if (!take_axes(flow, op, frame, &a, &named)) return DF_FAILED;
    uint32_t more = named.count > 0 ? (uint32_t)named.count : 0;
    df_shape shape = {.count = a.shape.count + more, .elements = a.shape.elements};
    if (named.count < 0 || shape.count > WW_FLOW_TENSOR_DIMS_MAX || !tick(&named, &shape))
        return df_bad_shape(flow, op, "bad `axes`");
    for (uint32_t i = 0, from = 0; i < shape.count; i++)
        shape.dims[i] = named.ticked[i] ? 1 : a.shape.dims[from++];
    return give(flow, op, frame, &shape, a.data);
}

/* Copies into `out` what walking `a` with these steps per dimension of `shape` meets. */
static void gather_steps(const float *from, const df_shape *shape, const int64_t *steps, float *out)
{
    uint32_t index[WW_FLOW_TENSOR_DIMS_MAX] = {0};
    int64_t at = 0;
    for (uint32_t n = 0; n < shape->elements; n++) {
        out[n] = from[at];
        for (uint32_t d = shape->count; d-- > 0;) {
            at += steps[d];
            if (++index[d] < shape->dims[d]) break;
            at -= steps[d] * shape->dims[d];
            index[d] = 0;
        }
    }
}

static void strides(const df_shape *shape, int64_t *out)
{
    int64_t step = 1;
    for (uint32_t d = shape->count; d-- > 0;) {
        out[d] = step;
        step *= shape->dims[d];
    }
}

df_outcome df_run_transpose(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    int64_t order[WW_FLOW_TENSOR_DIMS_MAX], from[WW_FLOW_TENSOR_DIMS_MAX],
        steps[WW_FLOW_TENSOR_DIMS_MAX];
    bool used[WW_FLOW_TENSOR_DIMS_MAX] = {false};
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    uint32_t dims = a.shape.count;
    int count = df_ints(op, frame, "perm", DF_NONE, order, WW_FLOW_TENSOR_DIMS_MAX);
    for (uint32_t i = 0; count < 0 && i < dims; i++)
        order[i] = dims - 1 - i;
    df_shape shape = {.count = dims, .elements = a.shape.elements};
    strides(&a.shape, from);
    for (uint32_t i = 0; i < dims; i++) {
        uint32_t axis;
        if ((count >= 0 && (uint32_t)count != dims) || !df_axis(&a.shape, order[i], &axis) ||
            used[axis])
            return df_bad_shape(flow, op, "bad `perm`");
        used[axis] = true;
        shape.dims[i] = a.shape.dims[axis];
        steps[i] = from[axis];
    }
    ww_flow_value value;
    float *out =
        df_array_new(flow, op, frame, &shape, df_work(shape.elements, DF_WORK_PLACE), &value);
    if (!out) return DF_FAILED;
    gather_steps(a.data, &shape, steps, out);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

static uint32_t product_of(const df_shape *shape, uint32_t first, uint32_t behind)
{
    uint32_t product = 1;
    for (uint32_t i = first; i < behind; i++)
        product *= shape->dims[i];
    return product;
}

df_outcome df_run_concat(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array first, a;
    uint32_t axis;
    uint64_t length = 0;
    if (!df_array_of(flow, op, frame, 0, &first)) return DF_FAILED;
    if (!df_axis(&first.shape, df_int(op, "axis", 0), &axis))
        return df_bad_shape(flow, op, "no such axis");
    for (uint32_t i = 0; i < op->input_count; i++) {
        if (!df_array_of(flow, op, frame, i, &a)) return DF_FAILED;
        bool fits = a.shape.count == first.shape.count;
        for (uint32_t d = 0; fits && d < a.shape.count; d++)
            fits = d == axis || a.shape.dims[d] == first.shape.dims[d];
        if (!fits) return df_bad_shape(flow, op, "the shapes differ");
        length += a.shape.dims[axis];
    }
    int64_t dims[WW_FLOW_TENSOR_DIMS_MAX];
    for (uint32_t d = 0; d < first.shape.count; d++)
        dims[d] = d == axis ? (int64_t)length : first.shape.dims[d];
    df_shape shape;
    ww_flow_value value;
    if (!df_shape_of(dims, first.shape.count, &shape))
        return df_bad_shape(flow, op, "the result is too large");
    float *out = df_array_new(flow, op, frame, &shape, 0, &value);
    if (!out) return DF_FAILED;
    uint32_t outer = product_of(&shape, 0, axis), inner = product_of(&shape, axis + 1, shape.count);
    for (uint32_t o = 0; shape.elements && o < outer; o++) {
        for (uint32_t i = 0; i < op->input_count; i++) {
            if (!df_array_of(flow, op, frame, i, &a)) continue; /* seen above */
            size_t run = (size_t)a.shape.dims[axis] * inner;
            if (run) memcpy(out, a.data + o * run, run * sizeof *out);
            out += run;
        }
    }
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* Into as many equal parts as there are outputs; the last may be smaller. */
df_outcome df_run_split(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    uint32_t axis, parts = op->output_count;
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    if (!parts || !df_axis(&a.shape, df_int(op, "axis", 0), &axis))
        return df_bad_shape(flow, op, "no such axis");
    uint32_t length = a.shape.dims[axis], part = (length + parts - 1) / parts, from = 0;
    uint32_t outer = product_of(&a.shape, 0, axis),
             inner = product_of(&a.shape, axis + 1, a.shape.count);
    for (uint32_t i = 0; i < parts; i++) {
        df_shape shape = a.shape;
        shape.dims[axis] = length - from < part ? length - from : part;
        shape.elements = product_of(&shape, 0, shape.count);
        ww_flow_value value;
        uint64_t rest = i ? 0 : df_work(a.shape.elements, DF_WORK_WRITE); /* of all parts */
        float *out = df_array_new(flow, op, frame, &shape, rest, &value);
        if (!out) return DF_FAILED;
        size_t run = (size_t)shape.dims[axis] * inner;
        for (uint32_t o = 0; run && o < outer; o++)
            memcpy(out + o * run, a.data + ((size_t)o * length + from) * inner, run * sizeof *out);
        from += shape.dims[axis];
        df_output(flow, op, frame, i, value);
    }
    return DF_DONE;
}

static int64_t clamp(int64_t at, int64_t length)
{
    if (at < 0) at += length;
    return at < 0 ? 0 : at > length ? length : at;
}

df_outcome df_run_slice(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a;
    int64_t starts[WW_FLOW_TENSOR_DIMS_MAX], ends[WW_FLOW_TENSOR_DIMS_MAX],
        axes[WW_FLOW_TENSOR_DIMS_MAX], steps[WW_FLOW_TENSOR_DIMS_MAX];
    if (!df_array_of(flow, op, frame, 0, &a)) return DF_FAILED;
    int count = df_ints(op, frame, "starts", 1, starts, WW_FLOW_TENSOR_DIMS_MAX);
    int to = df_ints(op, frame, "ends", 2, ends, WW_FLOW_TENSOR_DIMS_MAX);
    int named = df_ints(op, frame, "axes", 3, axes, WW_FLOW_TENSOR_DIMS_MAX);
    if (count < 0 || to != count || (named >= 0 && named != count))
        return df_bad_shape(flow, op, "bad `starts` or `ends`");
    df_shape shape = a.shape;
    size_t first = 0;
    strides(&a.shape, steps);
    for (int i = 0; i < count; i++) {
        uint32_t axis;
        if (!df_axis(&a.shape, named >= 0 ? axes[i] : i, &axis))
            return df_bad_shape(flow, op, "no such axis");
        int64_t from = clamp(starts[i], a.shape.dims[axis]),
                behind = clamp(ends[i], a.shape.dims[axis]);
        shape.dims[axis] = behind > from ? (uint32_t)(behind - from) : 0;
        first += (size_t)from * (size_t)steps[axis];
    }
    shape.elements = product_of(&shape, 0, shape.count);
    ww_flow_value value;
    float *out =
        df_array_new(flow, op, frame, &shape, df_work(shape.elements, DF_WORK_PLACE), &value);
    if (!out) return DF_FAILED;
    gather_steps(a.data + (shape.elements ? first : 0), &shape, steps, out);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* What an index means along a dimension of that length, or DF_NONE. */
static uint32_t index_of(float index, uint32_t length)
{
    float at = index < 0 ? index + (float)length : index;
    if (!(at >= 0 && at < (float)length) || (uint32_t)at >= length) return DF_NONE;
    return (uint32_t)at;
}

static bool gathered_shape(const df_shape *a, const df_shape *indices, uint32_t axis, df_shape *out)
{
    int64_t dims[2 * WW_FLOW_TENSOR_DIMS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < axis; i++)
        dims[count++] = a->dims[i];
    for (uint32_t i = 0; i < indices->count; i++)
        dims[count++] = indices->dims[i];
    for (uint32_t i = axis + 1; i < a->count; i++)
        dims[count++] = a->dims[i];
    return df_shape_of(dims, count, out);
}

/* Slices along one dimension. */
df_outcome df_run_gather(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a, indices;
    df_shape shape;
    ww_flow_value value;
    uint32_t axis;
    if (!df_array_of(flow, op, frame, 0, &a) || !df_array_of(flow, op, frame, 1, &indices))
        return DF_FAILED;
    if (!df_axis(&a.shape, df_int(op, "axis", 0), &axis))
        return df_bad_shape(flow, op, "no such axis");
    if (!gathered_shape(&a.shape, &indices.shape, axis, &shape))
        return df_bad_shape(flow, op, "the result is too large");
    uint32_t inner = product_of(&a.shape, axis + 1, a.shape.count);
    uint32_t rows = inner ? shape.elements / inner : 0;
    uint64_t work = df_work((uint64_t)rows + indices.shape.elements, DF_WORK_PLACE);
    float *out = df_array_new(flow, op, frame, &shape, work, &value);
    if (!out) return DF_FAILED;
    for (uint32_t i = 0; i < indices.shape.elements; i++)
        if (index_of(indices.data[i], a.shape.dims[axis]) == DF_NONE) {
            ww_flow_value_unref(value);
            return df_bad_shape(flow, op, "an index out of range");
        }
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t outer = row / indices.shape.elements;
        uint32_t at = index_of(indices.data[row % indices.shape.elements], a.shape.dims[axis]);
        memcpy(out + (size_t)row * inner,
               a.data + ((size_t)outer * a.shape.dims[axis] + at) * inner, inner * sizeof *out);
    }
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* Where the element of `updates` with that number goes in a tensor of shape `a`. */
static bool scattered_at(const df_shape *a, const df_array *indices, uint32_t number, uint32_t axis,
                         size_t *out)
{
    uint32_t rest = number, step = 1;
    *out = 0;
    for (uint32_t d = a->count; d-- > 0;) {
        uint32_t place = rest % indices->shape.dims[d];
        rest /= indices->shape.dims[d];
        if (d == axis) place = index_of(indices->data[number], a->dims[d]);
        if (place == DF_NONE) return false;
        *out += (size_t)place * step;
        step *= a->dims[d];
    }
    return true;
}

static bool fits_scatter(const df_shape *a, const df_shape *indices, const df_shape *updates,
                         uint32_t axis)
{
    bool fits = indices->count == a->count && updates->count == a->count;
    for (uint32_t d = 0; fits && d < a->count; d++)
        fits =
            updates->dims[d] == indices->dims[d] && (d == axis || indices->dims[d] <= a->dims[d]);
    return fits;
}

/* The first input, with elements along one dimension replaced; of several for one place the last
 * counts. */
df_outcome df_run_scatter(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array a, indices, updates;
    ww_flow_value value;
    uint32_t axis;
    if (!df_array_of(flow, op, frame, 0, &a) || !df_array_of(flow, op, frame, 1, &indices) ||
        !df_array_of(flow, op, frame, 2, &updates))
        return DF_FAILED;
    if (!df_axis(&a.shape, df_int(op, "axis", 0), &axis))
        return df_bad_shape(flow, op, "no such axis");
    if (!fits_scatter(&a.shape, &indices.shape, &updates.shape, axis))
        return df_bad_shape(flow, op, "the shapes differ");
    float *out = df_array_new(flow, op, frame, &a.shape,
                              df_work(updates.shape.elements, DF_WORK_PLACE), &value);
    if (!out) return DF_FAILED;
    if (a.shape.elements) memcpy(out, a.data, a.shape.elements * sizeof *out);
    for (uint32_t i = 0; i < updates.shape.elements; i++) {
        size_t at;
        if (!scattered_at(&a.shape, &indices, i, axis, &at)) {
            ww_flow_value_unref(value);
            return df_bad_shape(flow, op, "an index out of range");
        }
        out[at] = updates.data[i];
    }
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}
