/* dataflow/tensor.h - what the files of tensor arithmetic share.
 *
 * Model      Operations of ai.onnx over 32-bit floats, row by row, as its public operator list
 *            defines them. Axes may be negative; shapes broadcast from the right.
 * Ownership  A view borrows from the value it was made of; results are new values.
 * Bounds     WW_FLOW_TENSOR_DIMS_MAX dimensions, DF_TENSOR_ELEMENTS_MAX elements, tensor_work_max
 *            steps.
 * Trust      Shapes and attributes are foreign: each is checked, and a misfit fails the operation.
 * Threads    None of its own.
 */
#pragma once
#include "dataflow/ops.h"

typedef struct df_shape {
    uint32_t count, dims[WW_FLOW_TENSOR_DIMS_MAX];
    uint32_t elements;
} df_shape;

/* What an element costs, in steps: one that is written, memory included; read alone; put through a
 * function; found by its place. */
enum { DF_WORK_WRITE = 6, DF_WORK_READ = 2, DF_WORK_FUNCTION = 16, DF_WORK_PLACE = 16 };

/* As much as fits. */
static inline uint64_t df_work(uint64_t count, uint64_t steps)
{
    uint64_t product;
    return __builtin_mul_overflow(count, steps, &product) ? UINT64_MAX : product;
}

static inline uint64_t df_work_both(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

typedef struct df_array {
    df_shape shape;
    const float *data;
} df_array;

/* False: absent, or not numbers; df_fail has been called. */
bool df_array_of(ww_dataflow *flow, const df_op *op, const df_frame *frame, uint32_t input,
                 df_array *out);
bool df_array_view(const ww_flow_value *value, df_array *out); /* false: absent, or not numbers */
/* A new tensor, to be filled with that much work besides; NULL: df_fail has been called. In `frame`
 * stands what the operation belongs to: work inside one that holds graphs is that one's. */
float *df_array_new(ww_dataflow *flow, const df_op *op, const df_frame *frame,
                    const df_shape *shape, uint64_t work, ww_flow_value *out);
df_outcome df_bad_shape(ww_dataflow *flow, const df_op *op, const char *what);
bool df_shape_of(const int64_t *dims, uint32_t count, df_shape *out);
/* The shape and the elements of an encoded float tensor; false for any other. */
bool df_float_tensor(ww_view bytes, df_shape *shape, ww_view *raw);
bool df_axis(const df_shape *shape, int64_t axis, uint32_t *out);
/* The ints of an attribute, else of an input; -1: neither is there. At most `most` of them. `frame`
 * may be NULL if `input` is DF_NONE. */
int df_ints(const df_op *op, const df_frame *frame, const char *attribute, uint32_t input,
            int64_t *out, uint32_t most);
int64_t df_int(const df_op *op, const char *attribute, int64_t otherwise);
float df_real(const df_op *op, const char *attribute, float otherwise);

/* c[m][n] += alpha * a[m][k] * b[k][n], with the strides of a and b given, so that transposes need
 * no copy. */
typedef struct df_product {
    const float *a, *b;
    float *c;
    uint32_t m, n, k;
    uint32_t a_row, a_column, b_row, b_column;
    float alpha;
} df_product;

void df_multiply(const df_product *p);
uint64_t df_multiply_work(uint32_t m, uint32_t n, uint32_t k);

df_run_fn df_run_matmul, df_run_gemm, df_run_dot, df_run_softmax, df_run_reduce, df_run_layer_norm,
    df_run_batch_norm, df_run_conv, df_run_pool, df_run_global_pool;
df_run_fn df_run_reshape, df_run_transpose, df_run_concat, df_run_split, df_run_slice,
    df_run_squeeze, df_run_unsqueeze, df_run_gather, df_run_scatter, df_run_fill;
df_run_fn df_run_if, df_run_loop, df_run_subgraph;
df_prepare_fn df_prepare_if, df_prepare_loop, df_prepare_subgraph;
