/* wasi:clocks: monotonic-clock, wall-clock. */
#include "abi/wasi/bindings.h"
#include "resource/pollable.h"

static const ww_clock *clock_of(const ww_call *call)
{
    return ww_wasi_of(call)->options.clock;
}

static ww_status monotonic_now(ww_call *call, uint64_t *result)
{
    *result = ww_clock_now_ns(clock_of(call));
    return WW_OK;
}

static ww_status monotonic_resolution(ww_call *call, uint64_t *result)
{
    *result = clock_of(call)->monotonic_resolution_ns;
    return WW_OK;
}

static ww_status subscribe_instant(ww_call *call, uint64_t when, ww_pollable **result)
{
    return ww_pollable_of_deadline(ww_wasi_of(call), when, result);
}

static ww_status subscribe_duration(ww_call *call, uint64_t duration, ww_pollable **result)
{
    uint64_t deadline = ww_clock_after(clock_of(call), duration);
    return ww_pollable_of_deadline(ww_wasi_of(call), deadline, result);
}

const wasi_clocks_monotonic_clock ww_wasi_clocks_monotonic_clock = {
    .now = monotonic_now,
    .resolution = monotonic_resolution,
    .subscribe_instant = subscribe_instant,
    .subscribe_duration = subscribe_duration,
};

static ww_status wall_now(ww_call *call, wasi_clocks_wall_clock_datetime *result)
{
    const ww_clock *clock = clock_of(call);
    ww_wall_time now = clock->wall(clock);
    *result = (wasi_clocks_wall_clock_datetime){now.seconds, now.nanoseconds};
    return WW_OK;
}

static ww_status wall_resolution(ww_call *call, wasi_clocks_wall_clock_datetime *result)
{
    uint64_t ns = clock_of(call)->wall_resolution_ns;
    *result = (wasi_clocks_wall_clock_datetime){ns / WW_NS_PER_S, (uint32_t)(ns % WW_NS_PER_S)};
    return WW_OK;
}

const wasi_clocks_wall_clock ww_wasi_clocks_wall_clock = {wall_now, wall_resolution};
