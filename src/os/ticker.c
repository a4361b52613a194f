/* Invariants
 *  1. `inside` counts enters minus leaves. The thread parks only after it has set `parked` and then
 *     still seen inside == 0; enter adds first and looks at `parked` afterwards. Both orders are
 *     sequentially consistent, so one of the two sees the other.
 *  2. `parked` changes from true to false only under the lock, together with the wake-up.
 */
#include "os/ticker.h"
#include "os/clock.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <uv.h>

struct ww_ticker {
    const ww_allocator *allocator;
    ww_on_tick on;
    uint64_t period_ns;
    atomic_uint inside;
    atomic_bool parked, ending;
    uv_mutex_t lock;
    uv_cond_t wake;
    uv_thread_t thread;
};

static void park(ww_ticker *ticker)
{
    uv_mutex_lock(&ticker->lock);
    atomic_store(&ticker->parked, true);
    if (atomic_load(&ticker->inside)) atomic_store(&ticker->parked, false);
    while (atomic_load(&ticker->parked) && !atomic_load(&ticker->ending))
        uv_cond_wait(&ticker->wake, &ticker->lock);
    uv_mutex_unlock(&ticker->lock);
}

static struct timespec after(struct timespec t, uint64_t ns)
{
    uint64_t sum = (uint64_t)t.tv_nsec + ns;
    return (struct timespec){t.tv_sec + (time_t)(sum / WW_NS_PER_S), (long)(sum % WW_NS_PER_S)};
}

static void run(void *arg)
{
    ww_ticker *ticker = arg;
    uint32_t idle = WW_TICKER_IDLE_PERIODS; /* parked until somebody comes */
    while (!atomic_load(&ticker->ending)) {
        if (atomic_load(&ticker->inside))
            idle = 0;
        else if (++idle > WW_TICKER_IDLE_PERIODS) {
            park(ticker);
            idle = 0;
        }
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        next = after(next, ticker->period_ns);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
            continue;
        ticker->on.tick(ticker->on.self);
    }
}

ww_status ww_ticker_new(const ww_allocator *allocator, uint64_t period_ns, ww_on_tick on,
                        ww_ticker **out, ww_diag *diag)
{
    *out = NULL;
    ww_ticker *ticker = ww_alloc_zeroed(allocator, sizeof *ticker);
    if (!ticker) return ww_fail(diag, WW_E_MEMORY, "ticker: out of memory");
    ticker->allocator = allocator;
    ticker->on = on;
    ticker->period_ns = period_ns;
    uv_mutex_init(&ticker->lock);
    uv_cond_init(&ticker->wake);
    int error = uv_thread_create(&ticker->thread, run, ticker);
    if (error) {
        uv_cond_destroy(&ticker->wake);
        uv_mutex_destroy(&ticker->lock);
        ww_free(allocator, ticker, sizeof *ticker);
        return ww_fail(diag, WW_E_IO, "ticker: thread: %s", uv_strerror(error));
    }
    *out = ticker;
    return WW_OK;
}

static void unpark(ww_ticker *ticker)
{
    uv_mutex_lock(&ticker->lock);
    atomic_store(&ticker->parked, false);
    uv_cond_signal(&ticker->wake);
    uv_mutex_unlock(&ticker->lock);
}

void ww_ticker_free(ww_ticker *ticker)
{
    if (!ticker) return;
    atomic_store(&ticker->ending, true);
    unpark(ticker);
    uv_thread_join(&ticker->thread);
    uv_cond_destroy(&ticker->wake);
    uv_mutex_destroy(&ticker->lock);
    ww_free(ticker->allocator, ticker, sizeof *ticker);
}

void ww_ticker_enter(ww_ticker *ticker)
{
    atomic_fetch_add(&ticker->inside, 1);
    if (WW_UNLIKELY(atomic_load(&ticker->parked))) unpark(ticker);
}

void ww_ticker_leave(ww_ticker *ticker)
{
    unsigned before = atomic_fetch_sub(&ticker->inside, 1);
    WW_ASSERT(before > 0);
}

bool ww_ticker_parked(const ww_ticker *ticker)
{
    return atomic_load(&ticker->parked);
}
