/* Invariants
 *  1. A watch is in the epoll set from new to close; EPOLLONESHOT makes it silent until somebody
 *     waits, so that a level nobody asks about costs nothing.
 *  2. `armed` is what the kernel reports next; it covers all waiters' wishes.
 *  3. A watch closed while a batch of events is handed out is taken out of the batch.
 */
#include "os/loop_inside.h"
#include <errno.h>

struct ww_watch {
    ww_loop *loop;
    int fd;
    uint32_t armed;
    ww_waiters readers, writers;
};

static uint32_t wanted(const ww_watch *watch)
{
    return (ww_waiters_any(&watch->readers) ? EPOLLIN | EPOLLRDHUP : 0u) |
           (ww_waiters_any(&watch->writers) ? EPOLLOUT : 0u);
}

static void arm(ww_watch *watch)
{
    uint32_t want = wanted(watch);
    if ((want & ~watch->armed) == 0) return;
    watch->armed = want;
    struct epoll_event event = {.events = want | EPOLLONESHOT, .data.ptr = watch};
    int failed = epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
    WW_ASSERT(!failed); /* the descriptor was closed before its watch */
}

ww_status ww_watch_new(ww_loop *loop, int fd, ww_watch **out)
{
    *out = NULL;
    ww_watch *watch = ww_alloc_zeroed(loop->allocator, sizeof *watch);
    if (!watch) return WW_E_MEMORY;
    *watch = (ww_watch){.loop = loop, .fd = fd};
    struct epoll_event event = {.events = EPOLLONESHOT, .data.ptr = watch};
    /* Even so a hang-up is reported, once: then nobody is woken, and the next wait asks again. */
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
        ww_status status = errno == EPERM ? WW_E_UNSUPPORTED : WW_E_IO;
        ww_free(loop->allocator, watch, sizeof *watch);
        return status;
    }
    loop->watches++;
    *out = watch;
    return WW_OK;
}

void ww_watch_close(ww_watch *watch)
{
    if (!watch) return;
    ww_loop *loop = watch->loop;
    for (int i = loop->event_next; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch) loop->events[i] = (struct epoll_event){0};
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    ww_waiters_detach(&watch->readers);
    ww_waiters_detach(&watch->writers);
    loop->watches--;
    ww_free(loop->allocator, watch, sizeof *watch);
}

void ww_watch_wait(ww_watch *watch, ww_ready ready, ww_waiter *waiter, ww_waker *waker)
{
    ww_waiters_add(ready == WW_READABLE ? &watch->readers : &watch->writers, waiter, waker);
    arm(watch);
}

void ww_watch_dispatch(ww_watch *watch, uint32_t events)
{
    const uint32_t broken = EPOLLERR | EPOLLHUP;
    ww_waiters readers = {0}, writers = {0};
    watch->armed = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | broken)) ww_waiters_move(&watch->readers, &readers);
    if (events & (EPOLLOUT | broken)) ww_waiters_move(&watch->writers, &writers);
    arm(watch); /* for those whose wish was not met; a waker may close the watch */
    ww_waiters_wake(&readers);
    ww_waiters_wake(&writers);
}
