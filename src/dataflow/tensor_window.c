/* Convolution and pooling: a window that moves over the dimensions behind batch and channel. */
#include "dataflow/tensor.h"
#include <math.h>

enum { SPATIAL_MAX = WW_FLOW_TENSOR_DIMS_MAX - 2, STEP_MAX = 1 << 20 };

typedef struct window {
    uint32_t dims; /* it moves over so many */
    int64_t kernel[SPATIAL_MAX], steps[SPATIAL_MAX], spread[SPATIAL_MAX];
    int64_t pads[2 * SPATIAL_MAX]; /* in front of each dimension, then behind each */
    int64_t in[SPATIAL_MAX], out[SPATIAL_MAX];
    uint32_t cells, places, area; /* products of kernel, out and in */
} window;

/* A list of `count` numbers in the range, or all `otherwise` when the attribute is not there. */
static bool numbers_of(const df_op *op, const char *attribute, uint32_t count, int64_t least,
                       int64_t otherwise, int64_t *out)
{
    int found = df_ints(op, NULL, attribute, DF_NONE, out, count);
    for (uint32_t i = 0; found < 0 && i < count; i++)
        out[i] = otherwise;
    for (uint32_t i = 0; i < count; i++)
        if (out[i] < least || out[i] > STEP_MAX) return false;
    return found < 0 || found == (int)count;
}

static int64_t reach(const window *w, uint32_t d)
{
    return (w->kernel[d] - 1) * w->spread[d] + 1;
}

/* As much as makes the result the size of the input divided by the steps. */
static void pad_same(window *w, bool upper)
{
    for (uint32_t d = 0; d < w->dims; d++) {
        int64_t out = (w->in[d] + w->steps[d] - 1) / w->steps[d];
        int64_t total = (out - 1) * w->steps[d] + reach(w, d) - w->in[d];
        if (total < 0) total = 0;
        w->pads[d] = upper ? total / 2 : total - total / 2;
        w->pads[w->dims + d] = total - w->pads[d];
    }
}

static bool take_pads(const df_op *op, window *w)
{
    ww_view mode = df_attribute_text(op->arg->node, op->arg->artifact, "auto_pad");
    if (!numbers_of(op, "pads", 2 * w->dims, 0, 0, w->pads)) return false;
    if (!mode.size || ww_view_is(mode, "NOTSET")) return true;
    memset(w->pads, 0, sizeof w->pads);
    if (ww_view_is(mode, "VALID")) return true;
    bool upper = ww_view_is(mode, "SAME_UPPER");
    if (!upper && !ww_view_is(mode, "SAME_LOWER")) return false;
    pad_same(w, upper);
    return true;
}

static bool product_of(const int64_t *dims, uint32_t count, uint32_t *out)
{
    df_shape shape;
    if (!df_shape_of(dims, count, &shape)) return false;
    *out = shape.elements;
    return true;
}

/* `kernel` is what the weights say, or NULL: then the attribute must. */
static bool window_of(const df_op *op, const df_shape *x, const uint32_t *kernel, window *w)
{
    if (x->count < 3) return false;
    *w = (window){.dims = x->count - 2};
    for (uint32_t d = 0; d < w->dims; d++) {
        w->in[d] = x->dims[d + 2];
        w->kernel[d] = kernel ? kernel[d] : 0;
    }
    if (!kernel && !numbers_of(op, "kernel_shape", w->dims, 1, 0, w->kernel)) return false;
    if (!numbers_of(op, "strides", w->dims, 1, 1, w->steps) ||
        !numbers_of(op, "dilations", w->dims, 1, 1, w->spread) || !take_pads(op, w))
        return false;
    for (uint32_t d = 0; d < w->dims; d++) {
        int64_t room = w->in[d] + w->pads[d] + w->pads[w->dims + d] - reach(w, d);
        if (w->kernel[d] < 1 || room < 0) return false;
        w->out[d] = room / w->steps[d] + 1;
    }
    uint32_t unused;
    return product_of(w->kernel, w->dims, &w->cells) && product_of(w->out, w->dims, &w->places) &&
           product_of(w->in, w->dims, &w->area) &&
           product_of((int64_t[]){w->cells, w->places}, 2, &unused); /* bounds the work */
}

/* Where the window's cell lies in a plane when the window is at the place; false: in the padding.
 */
static bool cell_at(const window *w, uint32_t place, uint32_t cell, uint32_t *at)
{
    uint32_t step = 1;
    *at = 0;
    for (uint32_t d = w->dims; d-- > 0;) {
        int64_t o = place % w->out[d], k = cell % w->kernel[d];
        place = (uint32_t)(place / w->out[d]);
        cell = (uint32_t)(cell / w->kernel[d]);
        int64_t x = o * w->steps[d] - w->pads[d] + k * w->spread[d];
        if (x < 0 || x >= w->in[d]) return false;
        *at += (uint32_t)x * step;
        step *= (uint32_t)w->in[d];
    }
    return true;
}

static bool result_shape(const window *w, uint32_t batch, uint32_t channels, df_shape *out)
{
    int64_t dims[WW_FLOW_TENSOR_DIMS_MAX] = {batch, channels};
    memcpy(dims + 2, w->out, w->dims * sizeof *dims);
    return df_shape_of(dims, w->dims + 2, out);
}

/* --- convolution ------------------------------------------------------------------------------ */

typedef struct convolution {
    window w;
    df_array x, weights;
    const float *bias;                          /* or NULL */
    uint32_t groups, in_channels, out_channels; /* channels of one group */
    float *columns;                             /* a row per channel and cell, a column per place */
    size_t column_count;
} convolution;

static const char *check_convolution(const df_op *op, convolution *c, const df_array *bias)
{
    const df_shape *x = &c->x.shape, *weights = &c->weights.shape;
    int64_t groups = df_int(op, "group", 1);
    if (x->count < 3 || weights->count != x->count) return "input and weights of different rank";
    if (groups < 1 || groups > STEP_MAX || x->dims[1] % groups || weights->dims[0] % groups)
        return "bad `group`";
    c->groups = (uint32_t)groups;
    c->in_channels = x->dims[1] / c->groups;
    c->out_channels = weights->dims[0] / c->groups;
    if (weights->dims[1] != c->in_channels) return "the channels differ";
    if (bias && bias->shape.elements != weights->dims[0]) return "bias of another size";
    c->bias = bias ? bias->data : NULL;
    int64_t size;
    uint32_t elements;
    if (!window_of(op, x, weights->dims + 2, &c->w)) return "bad window";
    size = (int64_t)c->in_channels * c->w.cells;
    if (!product_of((int64_t[]){size, c->w.places}, 2, &elements)) return "too large";
    c->column_count = elements;
    return NULL;
}

static uint64_t convolution_work(const convolution *c)
{
    uint32_t rows = c->in_channels * c->w.cells;
    uint64_t one = df_work_both(df_work(c->column_count, DF_WORK_PLACE),
                                df_multiply_work(c->out_channels, c->w.places, rows));
    return df_work(df_work(c->x.shape.dims[0], c->groups), one);
}

static void spread_columns(convolution *c, const float *planes)
{
    float *to = c->columns;
    uint32_t at;
    for (uint32_t channel = 0; channel < c->in_channels; channel++)
        for (uint32_t cell = 0; cell < c->w.cells; cell++)
            for (uint32_t place = 0; place < c->w.places; place++)
                *to++ =
                    cell_at(&c->w, place, cell, &at) ? planes[(size_t)channel * c->w.area + at] : 0;
}

static void convolve(convolution *c, float *out)
{
    uint32_t rows = c->in_channels * c->w.cells;
    uint32_t channels = c->groups * c->out_channels;
    for (uint32_t image = 0; image < c->x.shape.dims[0]; image++) {
        for (uint32_t group = 0; group < c->groups; group++) {
            size_t first = (size_t)image * c->groups + group;
            float *to = out + first * c->out_channels * c->w.places;
            spread_columns(c, c->x.data + first * c->in_channels * c->w.area);
            for (size_t i = 0; i < (size_t)c->out_channels * c->w.places; i++)
                to[i] =
                    c->bias ? c->bias[(group * c->out_channels + i / c->w.places) % channels] : 0;
            df_multiply(&(df_product){c->weights.data + (size_t)group * c->out_channels * rows,
                                      c->columns, to, c->out_channels, c->w.places, rows, rows, 1,
                                      c->w.places, 1, 1.0f});
        }
    }
}

df_outcome df_run_conv(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    convolution c = {0};
    df_array bias;
    bool biased = op->input_count > 2 && df_input(op, frame, 2);
    if (!df_array_of(flow, op, frame, 0, &c.x) || !df_array_of(flow, op, frame, 1, &c.weights) ||
        (biased && !df_array_of(flow, op, frame, 2, &bias)))
        return DF_FAILED;
    const char *wrong = check_convolution(op, &c, biased ? &bias : NULL);
    df_shape shape;
    if (!wrong && !result_shape(&c.w, c.x.shape.dims[0], c.weights.shape.dims[0], &shape))
        wrong = "the result is too large";
    if (wrong) return df_bad_shape(flow, op, wrong);
    ww_flow_value value;
    float *out = df_array_new(flow, op, frame, &shape, convolution_work(&c), &value);
    if (!out) return DF_FAILED;
    c.columns = ww_alloc_array(flow->allocator, c.column_count + 1, sizeof *c.columns);
    if (!c.columns) {
        ww_flow_value_unref(value);
        return df_no_memory(flow);
    }
    if (shape.elements) convolve(&c, out);
    ww_free(flow->allocator, c.columns, (c.column_count + 1) * sizeof *c.columns);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

/* --- pooling ---------------------------------------------------------------------------------- */

static float pool_place(const window *w, const float *plane, uint32_t place, bool largest,
                        bool count_padding)
{
    float sum = 0, most = -INFINITY;
    uint32_t inside = 0, at;
    for (uint32_t cell = 0; cell < w->cells; cell++) {
        if (!cell_at(w, place, cell, &at)) continue;
        inside++;
        sum += plane[at];
        most = fmaxf(most, plane[at]);
    }
    uint32_t share = count_padding ? w->cells : inside;
    return largest ? most : share ? sum / (float)share : 0;
}

df_outcome df_run_pool(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array x;
    window w;
    df_shape shape;
    ww_flow_value value;
    bool largest = op->arg->number != 0;
    bool count_padding = df_int(op, "count_include_pad", 0) != 0;
    if (!df_array_of(flow, op, frame, 0, &x)) return DF_FAILED;
    if (df_int(op, "ceil_mode", 0) || op->output_count > 1)
        return df_bad_shape(flow, op, "neither `ceil_mode` nor indices are offered");
    if (!window_of(op, &x.shape, NULL, &w)) return df_bad_shape(flow, op, "bad window");
    if (!result_shape(&w, x.shape.dims[0], x.shape.dims[1], &shape))
        return df_bad_shape(flow, op, "the result is too large");
    uint64_t work = df_work(df_work(shape.elements, w.cells), DF_WORK_PLACE);
    float *out = df_array_new(flow, op, frame, &shape, work, &value);
    if (!out) return DF_FAILED;
    for (uint32_t i = 0; i < shape.elements; i++)
        out[i] = pool_place(&w, x.data + (size_t)(i / w.places) * w.area, i % w.places, largest,
                            count_padding);
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}

df_outcome df_run_global_pool(ww_dataflow *flow, const df_op *op, df_frame *frame)
{
    df_array x;
    ww_flow_value value;
    if (!df_array_of(flow, op, frame, 0, &x)) return DF_FAILED;
    if (x.shape.count < 2) return df_bad_shape(flow, op, "batch and channels are needed");
    df_shape shape = x.shape;
    shape.elements = x.shape.dims[0] * x.shape.dims[1]; /* at most those of x, or none */
    uint32_t area = shape.elements ? x.shape.elements / shape.elements : 0;
    for (uint32_t d = 2; d < shape.count; d++)
        shape.dims[d] = 1;
    if (!area && shape.elements) return df_bad_shape(flow, op, "nothing to take the mean of");
    float *out =
        df_array_new(flow, op, frame, &shape, df_work(x.shape.elements, DF_WORK_READ), &value);
    if (!out) return DF_FAILED;
    for (uint32_t i = 0; i < shape.elements; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < area; k++)
            sum += (double)x.data[(size_t)i * area + k];
        out[i] = (float)(sum / area);
    }
    df_output(flow, op, frame, 0, value);
    return DF_DONE;
}
