#include "os/clock.h"
#include <time.h>

static uint64_t system_monotonic_ns(const ww_clock *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WW_NS_PER_S + (uint64_t)now.tv_nsec;
}

static ww_wall_time system_wall(const ww_clock *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec < 0) return (ww_wall_time){0, 0}; /* a clock set before 1970 */
    return (ww_wall_time){(uint64_t)now.tv_sec, (uint32_t)now.tv_nsec};
}

const ww_clock *ww_clock_system(void)
{
    static const ww_clock clock = {
        .monotonic_ns = system_monotonic_ns,
        .wall = system_wall,
        .monotonic_resolution_ns = 1,
        .wall_resolution_ns = 1,
    };
    return &clock;
}
