#include "resource/pollable.h"

static void pollable_free(ww_object *object)
{
    ww_pollable *pollable = WW_CONTAINER_OF(object, ww_pollable, object);
    ww_pollable_stop(pollable);
    ww_free(pollable->wasi->options.allocator, pollable, sizeof *pollable);
}

ww_status ww_pollable_new(ww_wasi *wasi, const ww_pollable_class *class, ww_object *parent,
                          ww_pollable **out)
{
    static const ww_object_class object_class = {"pollable", pollable_free};
    void *memory;
    ww_status status = ww_wasi_make(wasi, &object_class, sizeof(ww_pollable), parent, &memory);
    ww_pollable *pollable = memory;
    *out = pollable;
    if (status) return status;
    pollable->class = class;
    pollable->wasi = wasi;
    return WW_OK;
}

bool ww_pollable_ready(ww_pollable *pollable)
{
    return pollable->broken || pollable->class->ready(pollable);
}

void ww_pollable_wait(ww_pollable *pollable)
{
    ww_waker *waker = pollable->wasi->options.waker;
    if (ww_waiter_waits(&pollable->waiter)) return;
    if (!pollable->class->wait(pollable, waker)) return;
    pollable->broken = true;
    waker->wake(waker);
}

void ww_pollable_stop(ww_pollable *pollable)
{
    ww_waiter_remove(&pollable->waiter);
    if (pollable->class->stop) pollable->class->stop(pollable);
}

/* --- deadlines */

static bool deadline_ready(ww_pollable *pollable)
{
    return ww_clock_now_ns(pollable->wasi->options.clock) >= pollable->timer.deadline_ns;
}

static void deadline_fire(ww_timer *timer)
{
    ww_waker *waker = WW_CONTAINER_OF(timer, ww_pollable, timer)->waker;
    waker->wake(waker);
}

static ww_status deadline_wait(ww_pollable *pollable, ww_waker *waker)
{
    pollable->waker = waker;
    if (!pollable->timer.running)
        ww_timer_start(pollable->wasi->options.loop, &pollable->timer, pollable->timer.deadline_ns);
    return WW_OK;
}

static void deadline_stop(ww_pollable *pollable)
{
    ww_timer_stop(pollable->wasi->options.loop, &pollable->timer);
}

ww_status ww_pollable_of_deadline(ww_wasi *wasi, uint64_t deadline_ns, ww_pollable **out)
{
    static const ww_pollable_class class = {deadline_ready, deadline_wait, deadline_stop};
    ww_status status = ww_pollable_new(wasi, &class, NULL, out);
    if (status) return status;
    (*out)->timer = (ww_timer){.deadline_ns = deadline_ns, .fire = deadline_fire};
    return WW_OK;
}

/* --- ready now */

static bool always_ready(ww_pollable *pollable)
{
    (void)pollable;
    return true;
}

static ww_status wake_now(ww_pollable *pollable, ww_waker *waker)
{
    (void)pollable;
    waker->wake(waker);
    return WW_OK;
}

ww_status ww_pollable_ready_now(ww_wasi *wasi, ww_object *parent, ww_pollable **out)
{
    static const ww_pollable_class class = {always_ready, wake_now, NULL};
    return ww_pollable_new(wasi, &class, parent, out);
}
