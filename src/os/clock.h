/* os/clock.h - time as a parameter.
 *
 * Model      Whoever needs time gets a ww_clock. The system's clock reads the kernel; tests and
 *            simulations bring their own and move it by hand.
 * Threads    The system's clock may be read from any thread.
 */
#pragma once
#include "base/status.h"

enum { WW_NS_PER_MS = 1000000 };
#define WW_NS_PER_S UINT64_C(1000000000)

typedef struct ww_wall_time {
    uint64_t seconds; /* since 1970, leap seconds not counted */
    uint32_t nanoseconds;
} ww_wall_time;

typedef struct ww_clock ww_clock;
struct ww_clock {
    uint64_t (*monotonic_ns)(const ww_clock *self); /* never goes back */
    ww_wall_time (*wall)(const ww_clock *self);
    uint64_t monotonic_resolution_ns, wall_resolution_ns;
};

const ww_clock *ww_clock_system(void);

static inline uint64_t ww_clock_now_ns(const ww_clock *clock)
{
    return clock->monotonic_ns(clock);
}

/* now + duration, UINT64_MAX where that does not fit. */
static inline uint64_t ww_clock_after(const ww_clock *clock, uint64_t duration_ns)
{
    uint64_t deadline;
    bool overflow = __builtin_add_overflow(ww_clock_now_ns(clock), duration_ns, &deadline);
    return overflow ? UINT64_MAX : deadline;
}
