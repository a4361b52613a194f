/* dataflow/tensor.h - what the files of tensor arithmetic share.
 *
 * Model      Operations of ai.onnx over 32-bit floats, row by row, as its public operator list
 *            defines them. Axes may be negative; shapes broadcast from the right.
 * Ownership  A view borrows from the value it was made of; results are new values.
 * Bounds     WW_FLOW_TENSOR_DIMS_MAX dimensions, DF_TENSOR_ELEMENTS_MAX elements.
 * Trust      Shapes and attributes are foreign: each is checked, and a misfit fails the operation.
 * Threads    None of its own.
 */
#pragma once
#include "dataflow/ops.h"

typedef struct df_shape {
    uint32_t count, dims[WW_FLOW_TENSOR_DIMS_MAX];
    uint32_t elements;
} df_shape;

typedef struct df_array {
    df_shape shape;
    const float *data;
} df_array;

/* False: absent, or not numbers; df_fail has been called. */
bool df_array_of(ww_dataflow *flow, const df_op *op, const df_frame *frame, uint32_t input,
                 df_array *out);
/* Output 0 of that shape, to be filled and then given to df_array_give; NULL: df_fail has been
 * called. */
bool df_array_view(const ww_flow_value *value, df_array *out); /* false: absent, or not numbers */
float *df_array_new(ww_dataflow *flow, const df_shape *shape, ww_flow_value *out);
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

df_run_fn df_run_matmul, df_run_gemm, df_run_dot, df_run_softmax, df_run_reduce, df_run_layer_norm,
    df_run_batch_norm, df_run_conv, df_run_pool, df_run_global_pool;
df_run_fn df_run_reshape, df_run_transpose, df_run_concat, df_run_split, df_run_slice,
    df_run_squeeze, df_run_unsqueeze, df_run_gather, df_run_scatter, df_run_fill;
df_run_fn df_run_if, df_run_loop, df_run_subgraph;
df_prepare_fn df_prepare_if, df_prepare_loop, df_prepare_subgraph;
