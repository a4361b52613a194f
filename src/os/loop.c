/* Invariants
 *  1. The loop sleeps only in epoll_pwait2 of wait_for_events, and only with no task posted. With tasks
 *     posted it asks the kernel unless it did so within WW_LOOP_UNSEEN_NS and WW_LOOP_UNSEEN_TURNS.
 *  2. libuv's descriptor stands in the epoll set without a watch (data.ptr NULL); uv_run is entered
 *     only when that is readable or uv_due says that libuv itself has something to do.
 *  3. Tasks posted while a batch of tasks runs are run in the next turn, and likewise last tasks
 *     posted while last tasks run: a turn ends.
 *  4. No callback of a watch, timer, task or job runs inside the function that registered it.
 */
#include "os/loop_inside.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- lists of tasks */

static void tasks_init(ww_tasks *tasks)
{
    *tasks = (ww_tasks){.last = &tasks->first};
}

static void tasks_add(ww_tasks *tasks, ww_task *task)
{
    if (task->link) return;
    task->next = NULL;
    task->link = tasks->last;
    task->posted = tasks;
    task->batch = tasks->batch;
    *tasks->last = task;
    tasks->last = &task->next;
}

static void tasks_run(ww_tasks *tasks)
{
    uint32_t batch = tasks->batch++;
    while (tasks->first && tasks->first->batch == batch) {
        ww_task *task = tasks->first;
        ww_task_cancel(task);
        task->run(task);
    }
}

void ww_task_cancel(ww_task *task)
{
    if (!task->link) return;
    *task->link = task->next;
    if (task->next) task->next->link = task->link;
    if (task->posted->last == &task->next) task->posted->last = task->link;
    task->next = NULL;
    task->link = NULL;
    task->posted = NULL;
}

void ww_loop_post(ww_loop *loop, ww_task *task)
{
    tasks_add(&loop->tasks, task);
}

void ww_loop_post_last(ww_loop *loop, ww_task *task)
{
    tasks_add(&loop->last_tasks, task);
}

void ww_loop_post_remote(ww_loop *loop, ww_task *task)
{
    uv_mutex_lock(&loop->remote_lock);
    task->next = loop->remote;
    loop->remote = task;
    uv_mutex_unlock(&loop->remote_lock);
    uv_async_send(&loop->remote_wake);
}

static void take_remote_tasks(uv_async_t *async)
{
    ww_loop *loop = WW_CONTAINER_OF(async, ww_loop, remote_wake);
    uv_mutex_lock(&loop->remote_lock);
    ww_task *newest = loop->remote;
    loop->remote = NULL;
    uv_mutex_unlock(&loop->remote_lock);
    ww_task *oldest = NULL;
    while (newest) {
        ww_task *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        ww_task *next = oldest->next;
        tasks_add(&loop->tasks, oldest);
        oldest = next;
    }
}

/* --- making */

static ww_status open_epoll(ww_loop *loop, ww_diag *diag)
{
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (loop->epoll < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, uv_backend_fd(&loop->uv), &event))
        return ww_fail(diag, WW_E_IO, "event loop: epoll: %s", strerror(errno));
    return WW_OK;
}

static ww_status start_uv(ww_loop *loop, ww_diag *diag)
{
    int error = uv_loop_init(&loop->uv);
    if (error) return ww_fail(diag, WW_E_IO, "event loop: %s", uv_strerror(error));
    error = uv_async_init(&loop->uv, &loop->remote_wake, take_remote_tasks);
    if (error) {
        uv_loop_close(&loop->uv);
        return ww_fail(diag, WW_E_IO, "event loop: %s", uv_strerror(error));
    }
    uv_mutex_init(&loop->remote_lock);
    loop->uv_due = true;
    return WW_OK;
}

static void stop_uv(ww_loop *loop)
{
    uv_close((uv_handle_t *)&loop->remote_wake, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_mutex_destroy(&loop->remote_lock);
    int error = uv_loop_close(&loop->uv);
    WW_ASSERT(!error); /* a signal was left open */
}

ww_status ww_loop_new(const ww_allocator *allocator, const ww_clock *clock, ww_loop **out,
                      ww_diag *diag)
{
    *out = NULL;
    ww_loop *loop = ww_alloc_zeroed(allocator, sizeof *loop);
    if (!loop) return ww_fail(diag, WW_E_MEMORY, "event loop: out of memory");
    loop->allocator = allocator;
    loop->clock = clock ? clock : ww_clock_system();
    loop->turn_ns = ww_clock_now_ns(loop->clock);
    loop->unseen_turns = WW_LOOP_UNSEEN_TURNS;
    tasks_init(&loop->tasks);
    tasks_init(&loop->last_tasks);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an answer (EPIPE), never a death */
    ww_status status = start_uv(loop, diag);
    if (status) {
        ww_free(allocator, loop, sizeof *loop);
        return status;
    }
    status = open_epoll(loop, diag);
    if (status) {
        ww_loop_free(loop);
        return status;
    }
    *out = loop;
    return WW_OK;
}

void ww_loop_free(ww_loop *loop)
{
    if (!loop) return;
    WW_ASSERT(loop->watches == 0);
    stop_uv(loop);
    if (loop->epoll >= 0) close(loop->epoll);
    ww_free(loop->allocator, loop, sizeof *loop);
}

const uint64_t *ww_loop_turn_ns(const ww_loop *loop)
{
    return &loop->turn_ns;
}

const ww_clock *ww_loop_clock(const ww_loop *loop)
{
    return loop->clock;
}

const ww_allocator *ww_loop_allocator(const ww_loop *loop)
{
    return loop->allocator;
}

/* --- turning */

static struct timespec time_to_sleep(const ww_loop *loop)
{
    if (loop->tasks.first || loop->last_tasks.first || loop->stopping) return (struct timespec){0};
    if (!loop->timers) return (struct timespec){.tv_sec = INT32_MAX};
    uint64_t now = ww_clock_now_ns(loop->clock), deadline = loop->timers->deadline_ns;
    uint64_t left = deadline > now ? deadline - now : 0;
    uint64_t seconds = left / WW_NS_PER_S;
    if (seconds >= INT32_MAX) return (struct timespec){.tv_sec = INT32_MAX};
    return (struct timespec){(time_t)seconds, (long)(left % WW_NS_PER_S)};
}

static void wait_for_events(ww_loop *loop, bool wait)
{
    struct timespec timeout = wait ? time_to_sleep(loop) : (struct timespec){0};
    int count = epoll_pwait2(loop->epoll, loop->events, WW_LOOP_EVENTS, &timeout, NULL);
    WW_ASSERT(count >= 0 || errno == EINTR);
    loop->event_count = count > 0 ? count : 0;
    loop->unseen_turns = 0;
    loop->seen_ns = ww_clock_now_ns(loop->clock);
    loop->turn_ns = loop->seen_ns;
}

/* The kernel takes as long to say that nothing happened as a small task does. */
static bool goes_on(ww_loop *loop)
{
    if (!loop->tasks.first && !loop->last_tasks.first) return false;
    loop->turn_ns = ww_clock_now_ns(loop->clock);
    return loop->turn_ns - loop->seen_ns < WW_LOOP_UNSEEN_NS &&
           loop->unseen_turns++ < WW_LOOP_UNSEEN_TURNS;
}

static void dispatch_events(ww_loop *loop)
{
    for (loop->event_next = 0; loop->event_next < loop->event_count;) {
        struct epoll_event *event = &loop->events[loop->event_next++];
        if (event->data.ptr)
            ww_watch_dispatch(event->data.ptr, event->events);
        else if (event->events)
            loop->uv_due = true;
    }
    loop->event_count = 0;
}

static bool run_uv(ww_loop *loop)
{
    if (!loop->uv_due) return false;
    loop->uv_due = false;
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    return true;
}

void ww_loop_turn(ww_loop *loop, bool wait)
{
    bool happened = run_uv(loop); /* whoever waits for that must not find the loop asleep */
    if (!wait || !goes_on(loop)) wait_for_events(loop, wait && !happened);
    dispatch_events(loop);
    run_uv(loop);
    ww_timers_fire(loop);
    tasks_run(&loop->tasks);
    tasks_run(&loop->last_tasks);
}

void ww_loop_run(ww_loop *loop)
{
    while (!loop->stopping)
        ww_loop_turn(loop, true);
    loop->stopping = false;
}

void ww_loop_stop(ww_loop *loop)
{
    loop->stopping = true;
}
