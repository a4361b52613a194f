#include "support/clock.h"

static uint64_t monotonic_ns(const ww_clock *self)
{
    return ((const test_clock *)self)->now_ns;
}

static ww_wall_time wall(const ww_clock *self)
{
    return ((const test_clock *)self)->wall;
}

void test_clock_init(test_clock *clock, uint64_t now_ns)
{
    *clock = (test_clock){
        .base = {monotonic_ns, wall, .monotonic_resolution_ns = 1, .wall_resolution_ns = 1000},
        .now_ns = now_ns,
    };
}
