/* os/loop_inside.h - what the loop's own files share. */
#pragma once
#include "os/loop.h"
#include <sys/epoll.h>
#include <uv.h>

typedef struct ww_tasks {
    ww_task *first, **last; /* last: where the next one is linked in */
    uint32_t batch;         /* what is posted now belongs to it */
} ww_tasks;

struct ww_loop {
    const ww_allocator *allocator;
    const ww_clock *clock;
    int epoll; /* all readiness, libuv's own descriptor among it */
    bool stopping;
    bool uv_due; /* libuv has something to register or to close */
    ww_tasks tasks, last_tasks;
    ww_timer *timers;      /* root of a pairing heap by deadline */
    uint64_t turn_ns;      /* read once, after the kernel was asked */
    uint64_t seen_ns;      /* when it was asked last, ... */
    uint32_t unseen_turns; /* ... and the turns since */
    uint32_t timer_turn;
    uint32_t watches;
    int event_count, event_next; /* of the batch in hand; a closed watch is taken out of it */
    struct epoll_event events[WW_LOOP_EVENTS];
    uv_loop_t uv;
    uv_async_t remote_wake;
    uv_mutex_t remote_lock;
    ww_task *remote; /* newest first, under remote_lock */
};

/* Fires what is due. */
void ww_timers_fire(ww_loop *loop);

/* Hands out one readiness event. */
void ww_watch_dispatch(ww_watch *watch, uint32_t events);
