/* os/ticker.h - a thread that calls back at a steady pace while anybody needs it.
 *
 * Model      Between ww_ticker_enter and ww_ticker_leave the callback runs about once per period.
 *            After WW_TICKER_IDLE_PERIODS with nobody inside the thread parks itself and costs
 *            nothing; the next enter wakes it. Entering and leaving otherwise is one atomic add.
 * Threads    The callback runs on the ticker's own thread, so it may only do what any thread may
 *            (ww_engine_tick). enter and leave: any thread. The thread ends in ww_ticker_free.
 */
#pragma once
#include "base/alloc.h"

enum { WW_TICKER_IDLE_PERIODS = 16 };

typedef struct ww_ticker ww_ticker;

typedef struct ww_on_tick {
    void *self;
    void (*tick)(void *self);
} ww_on_tick;

WW_MUST_USE ww_status ww_ticker_new(const ww_allocator *allocator, uint64_t period_ns,
                                    ww_on_tick on, ww_ticker **out, ww_diag *diag);
void ww_ticker_free(ww_ticker *ticker);

void ww_ticker_enter(ww_ticker *ticker);
void ww_ticker_leave(ww_ticker *ticker);
bool ww_ticker_parked(const ww_ticker *ticker);
