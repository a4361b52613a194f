/* Tensor operations, by what the operator list of ONNX says they compute. */
#include "dataflow/tensor.h"
#include "support/flow.h"
#include <math.h>
#include <stdio.h>

enum { RESULT_MAX = 64 };

typedef struct result {
    uint32_t dim_count, dims[WW_FLOW_TENSOR_DIMS_MAX], count;
    float data[RESULT_MAX];
} result;

/* What the module's output y is for an input x of plain floats; false: an operation failed. */
static bool compute(flow_fixture *f, const float *x, size_t count, result *out)
{
    ww_flow_step steps[64];
    size_t found;
    bool done = false;
    *out = (result){0};
    uint64_t exec; /* invoked: events do not start constants */
    ww_bootstrap_input input = {WW_VIEW_LITERAL("x"), ww_view_of(x, count * sizeof *x)};
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("M"), &input, 1, &exec, NULL));
    assert_ok(ww_dataflow_poll(f->flow, f->now, steps, WW_COUNT_OF(steps), &found));
    for (size_t i = 0; i < found; i++) {
        if (steps[i].kind != WW_FLOW_STEP_APP_EVENT || steps[i].event.is_echo) continue;
        ww_flow_value value;
        assert_ok(
            ww_flow_value_decode(test_heap(), WW_FLOW_TENSOR, steps[i].event.bytes, &value, NULL));
        const ww_flow_tensor *t = df_tensor(&value);
        assert_true(t->element_count <= RESULT_MAX);
        out->dim_count = t->dim_count;
        memcpy(out->dims, t->dims, sizeof out->dims);
        out->count = t->element_count;
        memcpy(out->data, t->data, t->element_count * sizeof(float));
        ww_flow_value_unref(value);
        done = true;
    }
    return done;
}

static void expect_with(flow_fixture *f, const char *graphs, const char *body, const float *x,
                        size_t count, const uint32_t *dims, uint32_t dim_count,
                        const float *expected)
{
    char text[1024];
    result r;
    snprintf(text, sizeof text, "%smodule M\nbody (x: tensor) > (y)\n%s", graphs, body);
    assert_ok(flow_install(f, text, "M", NULL));
    assert_true(compute(f, x, count, &r));
    assert_int_equal(r.dim_count, dim_count);
    for (uint32_t i = 0; i < dim_count; i++)
        assert_int_equal(r.dims[i], dims[i]);
    for (uint32_t i = 0; i < r.count; i++)
        assert_true(fabsf(r.data[i] - expected[i]) < 1e-4f);
}

static void expect(flow_fixture *f, const char *body, const float *x, size_t count,
                   const uint32_t *dims, uint32_t dim_count, const float *expected)
{
    expect_with(f, "", body, x, count, dims, dim_count, expected);
}

#define FLOATS(...) ((const float[]){__VA_ARGS__})
#define DIMS(...)   ((const uint32_t[]){__VA_ARGS__}), WW_COUNT_OF(((const uint32_t[]){__VA_ARGS__}))
#define SQUARE      FLOATS(1, 2, 3, 4, 5, 6, 7, 8, 9), 9

static void conv__two_by_two__slides_over_the_plane(void **state)
{
    expect(*state,
           "  p = onnx.Reshape(x) shape=[1, 1, 3, 3]\n"
           "  w = onnx.Constant() value=f32[1,1,2,2]{1, 0, 0, 2}\n"
           "  b = onnx.Constant() value=f32[1]{10}\n"
           "  y = onnx.Conv(p, w, b)\n",
           SQUARE, DIMS(1, 1, 2, 2), FLOATS(21, 24, 30, 33));
}

static void conv__pads_steps_and_dilation__place_the_window(void **state)
{
    expect(*state,
           "  p = onnx.Reshape(x) shape=[1, 1, 3, 3]\n"
           "  w = onnx.Constant() value=f32[1,1,2,2]{1, 10, 100, 1000}\n"
           "  y = onnx.Conv(p, w) pads=[1, 1, 1, 1] strides=[2, 2] dilations=[2, 2]\n",
           SQUARE, DIMS(1, 1, 2, 2), FLOATS(5000, 500, 50, 5));
}

static void conv__groups__keep_their_channels_apart(void **state)
{
    expect(*state,
           "  p = onnx.Reshape(x) shape=[1, 2, 3]\n"
           "  w = onnx.Constant() value=f32[2,1,1]{10, 100}\n"
           "  y = onnx.Conv(p, w) group=2\n",
           FLOATS(1, 2, 3, 4, 5, 6), 6, DIMS(1, 2, 3), FLOATS(10, 20, 30, 400, 500, 600));
}

static void conv__same_upper__keeps_the_size(void **state)
{
    expect(*state,
           "  p = onnx.Reshape(x) shape=[1, 1, 4]\n"
           "  w = onnx.Constant() value=f32[1,1,2]{1, 1}\n"
           "  y = onnx.Conv(p, w) auto_pad=\"SAME_UPPER\"\n",
           FLOATS(1, 2, 3, 4), 4, DIMS(1, 1, 4), FLOATS(3, 5, 7, 4));
}

static void conv__window_beyond_the_plane_or_bad_numbers__fails(void **state)
{
    flow_fixture *f = *state;
    static const char *const settings[] = {"pads=[1]",
                                           "strides=[0, 1]",
                                           "group=2",
                                           "auto_pad=\"LEFT\"",
                                           "dilations=[3, 3]",
                                           "pads=[-1, 0, 0, 0]",
                                           "strides=[9999999, 1]"};
    for (size_t i = 0; i < WW_COUNT_OF(settings); i++) {
        char text[256];
        result r;
        snprintf(text, sizeof text,
                 "module M\nbody (x: tensor) > (y)\n  p = onnx.Reshape(x) shape=[1, 1, 3, 3]\n"
                 "  w = onnx.Constant() value=f32[1,1,2,2]{1, 1, 1, 1}\n  y = onnx.Conv(p, w) %s\n",
                 settings[i]);
        assert_ok(flow_install(f, text, "M", NULL));
        assert_false(compute(f, SQUARE, &r));
        flow_deinit(f);
        flow_init(f);
    }
}

static void pool__largest_and_mean__count_what_they_are_told(void **state)
{
    flow_fixture *f = *state;
    static const char *const counted[] = {"", "", " count_include_pad=1"};
    static const char *const ops[] = {"MaxPool(p) kernel_shape=[2, 2] pads=[1, 1, 0, 0]",
                                      "AveragePool(p) kernel_shape=[2, 2] pads=[1, 1, 0, 0]",
                                      "AveragePool(p) kernel_shape=[2, 2] pads=[1, 1, 0, 0]"};
    static const float expected[][9] = {{1, 2, 3, 4, 5, 6, 7, 8, 9},
                                        {1, 1.5f, 2.5f, 2.5f, 3, 4, 5.5f, 6, 7},
                                        {0.25f, 0.75f, 1.25f, 1.25f, 3, 4, 2.75f, 6, 7}};
    for (size_t i = 0; i < WW_COUNT_OF(ops); i++) {
        char body[256];
        snprintf(body, sizeof body, "  p = onnx.Reshape(x) shape=[1, 1, 3, 3]\n  y = onnx.%s%s\n",
                 ops[i], counted[i]);
        expect(f, body, SQUARE, DIMS(1, 1, 3, 3), expected[i]);
        flow_deinit(f);
        flow_init(f);
    }
}

static void pool__global__is_the_mean_of_each_plane(void **state)
{
    expect(*state, "  p = onnx.Reshape(x) shape=[1, 2, 2]\n  y = onnx.GlobalAveragePool(p)\n",
           FLOATS(1, 2, 5, 8), 4, DIMS(1, 2, 1), FLOATS(1.5f, 6.5f));
}

static void batch_normalization__trained_numbers__shift_and_scale_each_channel(void **state)
{
    expect(*state,
           "  p = onnx.Reshape(x) shape=[1, 2, 2]\n"
           "  scale = onnx.Constant() value=f32[2]{1, 2}\n"
           "  shift = onnx.Constant() value=f32[2]{0, 10}\n"
           "  mean = onnx.Constant() value=f32[2]{1, 5}\n"
           "  variance = onnx.Constant() value=f32[2]{4, 1}\n"
           "  y = onnx.BatchNormalization(p, scale, shift, mean, variance) epsilon=0.0\n",
           FLOATS(1, 3, 5, 7), 4, DIMS(1, 2, 2), FLOATS(0, 1, 10, 14));
}

static void scatter__along_an_axis__replaces_elements(void **state)
{
    expect(*state,
           "  p = onnx.Reshape(x) shape=[2, 3]\n"
           "  i = onnx.Constant() value=f32[2,1]{2, -3}\n"
           "  u = onnx.Constant() value=f32[2,1]{10, 20}\n"
           "  y = onnx.Scatter(p, i, u) axis=1\n",
           FLOATS(1, 2, 3, 4, 5, 6), 6, DIMS(2, 3), FLOATS(1, 2, 10, 20, 5, 6));
}

static void gather__along_the_second_axis__takes_columns(void **state)
{
    expect(*state,
           "  p = onnx.Reshape(x) shape=[2, 3]\n"
           "  i = onnx.Constant() value=f32[2]{2, 0}\n"
           "  y = onnx.Gather(p, i) axis=1\n",
           FLOATS(1, 2, 3, 4, 5, 6), 6, DIMS(2, 2), FLOATS(3, 1, 6, 4));
}

/* --- operations that hold graphs --------------------------------------------------------------- */

static void if__the_condition__chooses_the_graph(void **state)
{
    static const char graphs[] = "graph Double () > (twice)\n"
                                 "  twice = onnx.Add(x, x)\n"
                                 "graph Negate () > (less)\n"
                                 "  less = onnx.Neg(x)\n";
    static const char *const bodies[] = {
        "  yes = onnx.Constant() value=f32[]{1}\n"
        "  y = onnx.If(yes) then_branch=graph.Double else_branch=graph.Negate\n",
        "  no = onnx.Constant() value=f32[1]{0}\n"
        "  y = onnx.If(no) then_branch=graph.Double else_branch=graph.Negate\n"};
    static const float expected[][2] = {{6, 8}, {-3, -4}};
    for (size_t i = 0; i < WW_COUNT_OF(bodies); i++) {
        expect_with(*state, graphs, bodies[i], FLOATS(3, 4), 2, DIMS(2), expected[i]);
        flow_deinit(*state);
        flow_init(*state);
    }
}

static void loop__carries_values_and_gathers_others(void **state)
{
    expect_with(*state,
                "graph Grow (i, go, sum) > (go, next, seen)\n"
                "  next = onnx.Add(sum, x)\n"
                "  seen = onnx.Mul(next, i)\n",
                "  n = onnx.Constant() value=f32[]{3}\n"
                "  last, all = onnx.Loop(n, _, x) body=graph.Grow\n"
                "  one = onnx.Unsqueeze(last) axes=[0]\n"
                "  y = onnx.Concat(all, one) axis=0\n",
                FLOATS(1, 10), 2, DIMS(4, 2), FLOATS(0, 0, 3, 30, 8, 80, 4, 40));
}

static void loop__ends_with_its_condition__or_never_begins(void **state)
{
    static const char graphs[] = "graph Halve (i, go, v) > (more, half)\n"
                                 "  two = onnx.Constant() value=f32[]{2}\n"
                                 "  half = onnx.Div(v, two)\n"
                                 "  more = onnx.Greater(half, two)\n";
    expect_with(*state, graphs, "  y = onnx.Loop(_, _, x) body=graph.Halve\n", FLOATS(40), 1,
                DIMS(1), FLOATS(1.25f));
    flow_deinit(*state);
    flow_init(*state);
    expect_with(
        *state, graphs,
        "  no = onnx.Constant() value=f32[]{0}\n  y = onnx.Loop(_, no, x) body=graph.Halve\n",
        FLOATS(40), 1, DIMS(1), FLOATS(40));
}

/* The innermost graph uses a value of the outermost, and one of the loop around it. */
static void graphs__in_graphs__see_the_values_around_them(void **state)
{
    expect_with(*state,
                "graph Far () > (v)\n"
                "  step = onnx.Mul(x, i)\n"
                "  v = onnx.Add(sum, step)\n"
                "graph Same () > (v)\n"
                "  v = onnx.Identity(sum)\n"
                "graph Round (i, go, sum) > (go, next)\n"
                "  next = onnx.If(i) then_branch=graph.Far else_branch=graph.Same\n",
                "  n = onnx.Constant() value=f32[]{4}\n"
                "  zero = onnx.Sub(x, x)\n"
                "  y = onnx.Loop(n, _, zero) body=graph.Round\n",
                FLOATS(1, 2), 2, DIMS(2), FLOATS(6, 12));
}

static void subgraph__of_a_backend__is_one_operation(void **state)
{
    expect_with(*state,
                "graph Fused (a, b) > (sum, unused)\n"
                "  sum = onnx.Add(a, b)\n  unused = onnx.Neg(a)\n",
                "  two = onnx.Constant() value=f32[]{2}\n"
                "  y = onnx.BackendSubgraph(x, two) body=graph.Fused\n",
                FLOATS(1, 2), 2, DIMS(2), FLOATS(3, 4));
}

static void graphs__that_do_not_fit__are_refused_at_install(void **state)
{
    static const char *const cases[][2] = {
        {"module M\nbody (x: tensor) > (y)\n  y = onnx.If(x)\n",
         "If without a graph `then_branch`"},
        {"module M\nbody (x: tensor) > (y)\n  y = onnx.Loop(x)\n", "Loop needs two inputs"},
        {"graph G () > (v)\n  v = onnx.Neg(x)\nmodule M\nbody (x) > (y)\n"
         "  y, z = onnx.If(x) then_branch=graph.G else_branch=graph.G\n",
         "graph `then_branch` of If takes 0 values and gives 1; it must take 0 and give at least "
         "2"},
        {"graph G (i, go) > (go)\nmodule M\nbody (x) > (y)\n  y = onnx.Loop(x, x, x) "
         "body=graph.G\n",
         "takes 2 values and gives 1; it must take 3 and give at least 2"},
        {"graph G () > (v)\n  v = onnx.Neg(gone)\nmodule M\nbody (x) > (y)\n"
         "  y = onnx.If(x) then_branch=graph.G else_branch=graph.G\n",
         "nothing writes the value \"gone\""},
        {"graph G () > (v)\n  v = PassThrough(x)\nmodule M\nbody (x) > (y)\n"
         "  y = onnx.If(x) then_branch=graph.G else_branch=graph.G\n",
         "node 0 of \"G\" (PassThrough): nothing offers this operation"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_diag diag = {0};
        assert_true(flow_install(*state, cases[i][0], "M", &diag));
        if (!strstr(diag.text, cases[i][1]))
            fail_msg("\"%s\" does not say \"%s\"", diag.text, cases[i][1]);
    }
}

/* The failed operation's reason and detail. */
static void expect_failure(flow_fixture *f, const char *text, const char *reason,
                           const char *detail)
{
    ww_flow_step steps[64];
    size_t count, failed = 0;
    uint64_t exec;
    const float x[] = {1, 2};
    ww_bootstrap_input input = {WW_VIEW_LITERAL("x"), ww_view_of(x, sizeof x)};
    assert_ok(flow_install(f, text, "M", NULL));
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("M"), &input, 1, &exec, NULL));
    assert_ok(ww_dataflow_poll(f->flow, f->now, steps, WW_COUNT_OF(steps), &count));
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind != WW_FLOW_STEP_OP_FAILED) continue;
        failed++;
        assert_string_equal(steps[i].op.reason, reason);
        assert_view_is(steps[i].op.detail, detail);
    }
    assert_int_equal(failed, 1);
    assert_ok(ww_dataflow_poll(f->flow, f->now, steps, WW_COUNT_OF(steps), &count));
    assert_int_equal(ww_dataflow_stats_of(f->flow).frontier, 0);
    assert_int_equal(ww_dataflow_stats_of(f->flow).executions, 0);
}

static void loop__without_an_end__fails_at_the_limit(void **state)
{
    flow_fixture *f = *state;
    ww_dataflow_limits limits = ww_dataflow_limits_edge();
    limits.held_work_max = 500;
    flow_deinit(f);
    flow_init_with(f, &limits);
    expect_failure(f,
                   "graph Inner (i, go) > (go)\n"
                   "graph Outer (i, go) > (go)\n"
                   "  n = onnx.Constant() value=f32[]{97}\n"
                   "  onnx.Loop(n, _) body=graph.Inner\n"
                   "module M\nbody (x: tensor) > (y)\n"
                   "  onnx.Loop(_, _) body=graph.Outer\n  y = onnx.Neg(x)\n",
                   "work_limit", "Loop, round 5: more than 500 operations");
}

static void tensors__larger_than_the_engine_may_be__fail_alone(void **state)
{
    flow_fixture *f = *state;
    ww_dataflow_limits limits = ww_dataflow_limits_edge();
    limits.memory_bytes_max = 1 << 20;
    flow_deinit(f);
    flow_init_with(f, &limits);
    expect_failure(f,
                   "module M\nbody (x: tensor) > (y)\n  z = onnx.Zeros() shape=[512, 1024]\n"
                   "  y = onnx.Neg(x)\n",
                   "no_memory", "");
}

/* A limit, and an operation that is just above it. */
typedef struct heavy {
    const char *text, *detail;
    uint32_t limit;
} heavy;

static void tensors__more_work_than_is_allowed__is_refused_before_it_begins(void **state)
{
    flow_fixture *f = *state;
    static const heavy cases[] = {
        {"  a = onnx.Zeros() shape=[16, 16]\n  z = onnx.MatMul(a, a)\n",
         "MatMul of \"z\": 2192 steps of work, at most 2191 are allowed", 2191},
        {"  a = onnx.Zeros() shape=[100]\n  z = onnx.Exp(a)\n",
         "Exp of \"z\": 2200 steps of work, at most 2199 are allowed", 2199},
        {"  a = onnx.Zeros() shape=[1, 1, 9, 9]\n  w = onnx.Zeros() shape=[1, 1, 3, 3]\n"
         "  z = onnx.Conv(a, w)\n",
         "Conv of \"z\": 7908 steps of work, at most 7907 are allowed", 7907},
        {"  a = onnx.Zeros() shape=[268435456]\n",
         "Zeros of \"a\": 1610612736 steps of work, at most 16777216 are allowed", 16 << 20},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_dataflow_limits limits = ww_dataflow_limits_default();
        char text[256];
        limits.tensor_work_max = cases[i].limit;
        flow_deinit(f);
        flow_init_with(f, &limits);
        snprintf(text, sizeof text, "module M\nbody (x: tensor) > (y)\n%s  y = onnx.Neg(x)\n",
                 cases[i].text);
        expect_failure(f, text, "work_limit", cases[i].detail);
    }
}

static void loop__its_rounds_together_are_too_much__fails_at_the_limit(void **state)
{
    flow_fixture *f = *state;
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    limits.tensor_work_max = 10000;
    flow_deinit(f);
    flow_init_with(f, &limits);
    expect_failure(
        f,
        "graph Work (i, go, v) > (go, w)\n  w = onnx.Exp(v)\n"
        "module M\nbody (x: tensor) > (y)\n  v = onnx.Zeros() shape=[100]\n"
        "  onnx.Loop(_, _, v) body=graph.Work\n  y = onnx.Neg(x)\n",
        "work_limit",
        "Loop, round 4: Exp of \"w\": 2200 steps of work more, at most 10000 are allowed");
}

static void poll__much_tensor_work__ends_before_the_operations_are_many(void **state)
{
    flow_fixture *f = *state;
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    limits.tensor_work_max = 1000;
    flow_deinit(f);
    flow_init_with(f, &limits);
    assert_ok(
        flow_install(f,
                     "module M\nbody (x: tensor) > (y)\n  a = onnx.Concat(x, x, x, x) axis=0\n"
                     "  b = onnx.Exp(a)\n  c = onnx.Exp(b)\n  d = onnx.Exp(c)\n"
                     "  e = onnx.Exp(d)\n  f = onnx.Exp(e)\n  g = onnx.Exp(f)\n"
                     "  h = onnx.Exp(g)\n  y = onnx.Exp(h)\n",
                     "M", NULL));
    assert_ok(flow_event(f, "M", "x", "12341234")); /* 8 numbers: 160 steps for each Exp */
    const char *log = flow_run(f);
    assert_non_null(strstr(log, "done 0.6 x0 [6]\nover-budget 1111\n"));
    assert_non_null(strstr(log, "done 0.8 x0 [8]\n"));
}

static void loop__fails_inside__names_the_round(void **state)
{
    expect_failure(*state,
                   "graph Widen (i, go, v) > (go, both, v)\n"
                   "  both = onnx.Concat(v, v) axis=0\n"
                   "module M\nbody (x: tensor) > (y)\n"
                   "  n = onnx.Constant() value=f32[]{3}\n"
                   "  y, all = onnx.Loop(n, _, x) body=graph.Widen\n",
                   "bad_shape", "Loop, round 1: Loop: rounds give tensors of different shapes");
}

static uint32_t random_state = 7;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 16) % below;
}

static float *numbers(uint32_t count)
{
    float *out = ww_alloc_array(ww_allocator_libc(), count, sizeof *out);
    for (uint32_t i = 0; i < count; i++)
        out[i] = (float)pick(9) - 4; /* whole, so that every order of adding gives the same */
    return out;
}

static void check_product(uint32_t m, uint32_t n, uint32_t k, bool turn_a, bool turn_b)
{
    float *a = numbers(m * k), *b = numbers(k * n), *c = numbers(m * n);
    float *before = ww_alloc_array(ww_allocator_libc(), m * n, sizeof *before);
    memcpy(before, c, m * n * sizeof *c);
    df_product p = {
        a, b, c, m, n, k, turn_a ? 1 : k, turn_a ? m : 1, turn_b ? 1 : n, turn_b ? k : 1, 2};
    df_multiply(&p);
    for (uint32_t i = 0; i < m; i++) {
        for (uint32_t j = 0; j < n; j++) {
            float sum = before[i * n + j];
            for (uint32_t q = 0; q < k; q++)
                sum += 2 * a[turn_a ? q * m + i : i * k + q] * b[turn_b ? j * k + q : q * n + j];
            assert_true(c[i * n + j] == sum);
        }
    }
    ww_free(ww_allocator_libc(), a, m * k * sizeof *a);
    ww_free(ww_allocator_libc(), b, k * n * sizeof *b);
    ww_free(ww_allocator_libc(), c, m * n * sizeof *c);
    ww_free(ww_allocator_libc(), before, m * n * sizeof *before);
}

/* Against the sum as it is written, for sizes around those of tiles and panels, turned or not. */
static void product__any_size__is_the_sum_of_products(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 12, 15, 16, 17, 33, 255, 256, 257};
    for (int round = 0; round < 300; round++)
        check_product(sizes[pick(13)], sizes[pick(13)], sizes[pick(WW_COUNT_OF(sizes))], pick(2),
                      pick(2));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, flow_setup, flow_teardown)
    const struct CMUnitTest tests[] = {
        CASE(conv__two_by_two__slides_over_the_plane),
        CASE(conv__pads_steps_and_dilation__place_the_window),
        CASE(conv__groups__keep_their_channels_apart),
        CASE(conv__same_upper__keeps_the_size),
        CASE(conv__window_beyond_the_plane_or_bad_numbers__fails),
        CASE(pool__largest_and_mean__count_what_they_are_told),
        CASE(pool__global__is_the_mean_of_each_plane),
        CASE(batch_normalization__trained_numbers__shift_and_scale_each_channel),
        CASE(scatter__along_an_axis__replaces_elements),
        CASE(gather__along_the_second_axis__takes_columns),
        CASE(if__the_condition__chooses_the_graph),
        CASE(loop__carries_values_and_gathers_others),
        CASE(loop__ends_with_its_condition__or_never_begins),
        CASE(graphs__in_graphs__see_the_values_around_them),
        CASE(subgraph__of_a_backend__is_one_operation),
        CASE(graphs__that_do_not_fit__are_refused_at_install),
        CASE(loop__without_an_end__fails_at_the_limit),
        CASE(tensors__more_work_than_is_allowed__is_refused_before_it_begins),
        CASE(loop__its_rounds_together_are_too_much__fails_at_the_limit),
        CASE(poll__much_tensor_work__ends_before_the_operations_are_many),
        CASE(loop__fails_inside__names_the_round),
        CASE(tensors__larger_than_the_engine_may_be__fail_alone),
        cmocka_unit_test(product__any_size__is_the_sum_of_products),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
