/* Building an object, writing it as bytes and reading it back, against the installed C++ library, whose figures come from
 * capnp_objects_cpp beside this program: the same objects, the same values, and the sums over all fields must agree. */
#include "capnp/frame.h"
#include "objects.capnp.h"
#include "support/peer.h"

enum {
    CARS = 100,
    WHEELS = 4,
    RESULTS = 200,
    DEPTH = 8,
    SCRATCH_WORDS = 8192,
    BYTES_MAX = 1 << 20
};

typedef struct stage {
    ww_capnp_builder builder;
    ww_buf bytes;
    uint32_t random;
    double sum;
} stage;

/* The same sequence as in the peer. */
static uint32_t next(stage *s, uint32_t below)
{
    s->random = s->random * 1664525 + 1013904223;
    return (s->random >> 8) % below;
}

static ww_view text_of(stage *s, uint32_t least, uint32_t below)
{
    static const char letters[] =
        "the quick brown fox jumps over the lazy dog and then some more of the same, "
        "until there is enough of it for any snippet that a search might want to show";
    return ww_view_of(letters, least + next(s, below));
}

/* ---- cars ---- */

static void build_car(stage *s, objects_car_b car)
{
    objects_car_set_make(car, text_of(s, 4, 8));
    objects_car_set_model(car, text_of(s, 4, 12));
    objects_car_set_color(car, (enum objects_color)next(s, 6));
    objects_car_set_seats(car, (uint8_t)(2 + next(s, 6)));
    objects_car_set_doors(car, (uint8_t)(2 + next(s, 3)));
    objects_wheel_lb wheels = objects_car_init_wheels(car, WHEELS);
    for (uint32_t i = 0; i < WHEELS; i++) {
        objects_wheel_b wheel = objects_wheel_lb_at(wheels, i);
        objects_wheel_set_diameter(wheel, (uint16_t)(25 + next(s, 15)));
        objects_wheel_set_air_pressure(wheel, (float)(30 + next(s, 20)));
        objects_wheel_set_snow_tires(wheel, next(s, 16) == 0);
    }
    objects_car_set_length(car, (uint16_t)(170 + next(s, 150)));
    objects_car_set_width(car, (uint16_t)(48 + next(s, 36)));
    objects_car_set_height(car, (uint16_t)(54 + next(s, 48)));
    objects_car_set_weight(car, 1000 + next(s, 3000));
    objects_engine_b engine = objects_car_init_engine(car);
    objects_engine_set_horsepower(engine, (uint16_t)(100 + next(s, 400)));
    objects_engine_set_cylinders(engine, (uint8_t)(4 + next(s, 9)));
    objects_engine_set_cc(engine, 800 + next(s, 10000));
    objects_engine_set_uses_gas(engine, true);
    objects_engine_set_uses_electric(engine, next(s, 2));
    objects_car_set_fuel_capacity(car, (float)(10 + next(s, 30)));
    objects_car_set_fuel_level(car, (float)next(s, 10));
    objects_car_set_has_power_windows(car, next(s, 2));
    objects_car_set_has_power_steering(car, next(s, 2));
    objects_car_set_has_cruise_control(car, next(s, 2));
    objects_car_set_cup_holders(car, (uint8_t)next(s, 12));
}

static void build_cars(stage *s)
{
    objects_car_lb cars =
        objects_parking_lot_init_cars(objects_parking_lot_init_root(&s->builder), CARS);
    for (uint32_t i = 0; i < CARS; i++)
        build_car(s, objects_car_lb_at(cars, i));
}

static double sum_of_car(objects_car_r car)
{
    double sum = (double)(objects_car_make(car).size + objects_car_model(car).size);
    sum += objects_car_color(car) + objects_car_seats(car) + objects_car_doors(car);
    objects_wheel_l wheels = objects_car_wheels(car);
    for (uint32_t i = 0; i < wheels.list.count; i++) {
        objects_wheel_r wheel = objects_wheel_l_at(wheels, i);
        sum += objects_wheel_diameter(wheel) + (double)objects_wheel_air_pressure(wheel) +
               objects_wheel_snow_tires(wheel);
    }
    sum += objects_car_length(car) + objects_car_width(car) + objects_car_height(car);
    sum += objects_car_weight(car);
    objects_engine_r engine = objects_car_engine(car);
    sum += objects_engine_horsepower(engine) + objects_engine_cylinders(engine);
    sum += objects_engine_cc(engine);
    sum += objects_engine_uses_gas(engine) + objects_engine_uses_electric(engine);
    sum += (double)objects_car_fuel_capacity(car) + (double)objects_car_fuel_level(car);
    sum += objects_car_has_power_windows(car) + objects_car_has_power_steering(car);
    return sum + objects_car_has_cruise_control(car) + objects_car_cup_holders(car);
}

static double sum_of_cars(ww_capnp_message *message)
{
    double sum = 0;
    objects_car_l cars = objects_parking_lot_cars(objects_parking_lot_root(message));
    for (uint32_t i = 0; i < cars.list.count; i++)
        sum += sum_of_car(objects_car_l_at(cars, i));
    return sum;
}

/* ---- search results ---- */

static void build_results(stage *s)
{
    objects_search_result_lb results =
        objects_search_results_init_results(objects_search_results_init_root(&s->builder), RESULTS);
    for (uint32_t i = 0; i < RESULTS; i++) {
        objects_search_result_b result = objects_search_result_lb_at(results, i);
        objects_search_result_set_url(result, text_of(s, 20, 40));
        objects_search_result_set_score(result, 1000 - (double)i);
        objects_search_result_set_snippet(result, text_of(s, 20, 100));
    }
}

static double sum_of_results(ww_capnp_message *message)
{
    double sum = 0;
    objects_search_result_l results =
        objects_search_results_results(objects_search_results_root(message));
    for (uint32_t i = 0; i < results.list.count; i++) {
        objects_search_result_r result = objects_search_result_l_at(results, i);
        ww_view url = objects_search_result_url(result),
                snippet = objects_search_result_snippet(result);
        sum += objects_search_result_score(result) + (double)(url.size + snippet.size);
        sum += url.data[url.size - 1] + snippet.data[snippet.size - 1];
    }
    return sum;
}

/* ---- a tree ---- */

static void build_expression(stage *s, objects_expression_b e, int depth)
{
    objects_expression_set_op(e, (enum objects_operation)next(s, 3));
    objects_expression_left_b left = objects_expression_edit_left(e);
    objects_expression_right_b right = objects_expression_edit_right(e);
    if (depth == 0) {
        objects_expression_left_set_value(left, (int32_t)next(s, 100));
        objects_expression_right_set_value(right, (int32_t)next(s, 100));
        return;
    }
    build_expression(s, objects_expression_left_init_expression(left), depth - 1);
    build_expression(s, objects_expression_right_init_expression(right), depth - 1);
}

static void build_tree(stage *s)
{
    build_expression(s, objects_expression_init_root(&s->builder), DEPTH);
}

static double value_of(objects_expression_r e)
{
    objects_expression_left_r left = objects_expression_left(e);
    objects_expression_right_r right = objects_expression_right(e);
    double a = objects_expression_left_which(left) == OBJECTS_EXPRESSION_LEFT_IS_VALUE
                   ? objects_expression_left_value(left)
                   : value_of(objects_expression_left_expression(left));
    double b = objects_expression_right_which(right) == OBJECTS_EXPRESSION_RIGHT_IS_VALUE
                   ? objects_expression_right_value(right)
                   : value_of(objects_expression_right_expression(right));
    switch (objects_expression_op(e)) {
    case OBJECTS_OPERATION_ADD: return a + b;
    case OBJECTS_OPERATION_SUBTRACT: return a - b;
    default: return a * b / 128;
    }
}

static double sum_of_tree(ww_capnp_message *message)
{
    return value_of(objects_expression_root(message));
}

/* ---- rounds ---- */

static void round_of(stage *s, uint32_t count, void (*build)(stage *),
                     double (*sum)(ww_capnp_message *))
{
    s->random = 1;
    s->sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        build(s);
        s->bytes.size = 0;
        ww_capnp_frame frame;
        size_t size;
        if (ww_capnp_frame_write(&s->builder, &s->bytes) ||
            ww_capnp_frame_open(&frame, ww_buf_view(&s->bytes), BYTES_MAX, ww_allocator_libc(),
                                &size, NULL))
            bench_fail("message", NULL);
        s->sum += sum(&frame.message);
        if (ww_capnp_message_check(&frame.message, NULL)) bench_fail("reading", NULL);
        ww_capnp_frame_deinit(&frame);
        ww_capnp_builder_reset(&s->builder);
    }
}

static void cars_round(void *arg, uint32_t count)
{
    round_of(arg, count, build_cars, sum_of_cars);
}

static void results_round(void *arg, uint32_t count)
{
    round_of(arg, count, build_results, sum_of_results);
}

static void tree_round(void *arg, uint32_t count)
{
    round_of(arg, count, build_tree, sum_of_tree);
}

int main(void)
{
    enum { OBJECTS = 3, TURNS = 100 };
    static uint64_t scratch[SCRATCH_WORDS];
    static bench_round *const rounds[OBJECTS] = {cars_round, results_round, tree_round};
    bench_row rows[OBJECTS] = {
        {"B8_carsales", "ns", 1, 0}, {"B8_catrank", "ns", 1, 0}, {"B8_eval", "ns", 1, 0}};
    bench_row sums[OBJECTS] = {
        {.name = "B8_carsales_sum"}, {.name = "B8_catrank_sum"}, {.name = "B8_eval_sum"}};
    bench_peer_rows("capnp_objects_cpp", rows, OBJECTS);
    bench_peer_rows("capnp_objects_cpp", sums, OBJECTS);
    bench_announce(rows, OBJECTS);
    stage s = {0};
    ww_capnp_builder_init(
        &s.builder, ww_allocator_libc(),
        &(ww_capnp_builder_options){.scratch = scratch, .scratch_words = SCRATCH_WORDS});
    ww_buf_init(&s.bytes, ww_allocator_libc(), BYTES_MAX);
    for (int i = 0; i < OBJECTS; i++) {
        double ns = bench_best_ns(rounds[i], &s, TURNS);
        /* The peer prints its sum as an integer. */
        if (sums[i].bound && (int64_t)sums[i].bound != (int64_t)s.sum)
            bench_fail("the peer read another object", NULL);
        bench_print(&rows[i], ns);
    }
    ww_capnp_builder_deinit(&s.builder);
    ww_buf_deinit(&s.bytes);
    return 0;
}
