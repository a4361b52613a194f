/* test/support/clock.h - a clock that moves when the test says so. */
#pragma once
#include "os/clock.h"

typedef struct test_clock {
    ww_clock base; /* pass &clock->base on */
    uint64_t now_ns;
    ww_wall_time wall;
} test_clock;

void test_clock_init(test_clock *clock, uint64_t now_ns);
