/* os/loop.h - one event loop: tasks, timers, readiness of file descriptors, jobs on workers,
 * signals.
 *
 * Model      A turn takes from the kernel what happened, fires the timers that are due, runs the
 *            tasks posted before its task phase began, and then the last tasks, which close the
 *            turn (write-behind is flushed there). A callback never runs inside the call that
 *            registered it. While there are tasks, a turn of the run asks the kernel now and then only.
 * Ownership  Tasks, timers and jobs are embedded in their owners; tasks and timers are cancelled,
 *            jobs awaited before those go away. Watches and signals are the loop's memory.
 * Time       Timers compare with the ww_clock that the loop was made with, in absolute nanoseconds.
 * Bounds     At most WW_LOOP_EVENTS readiness events per turn. Tasks posted while tasks run wait
 *            for the next turn. What happens is seen WW_LOOP_UNSEEN_NS later at most, or
 *            WW_LOOP_UNSEEN_TURNS turns, beside the time that one turn takes.
 * Threads    The loop's own, except ww_loop_post_remote and a job's `work`, which runs on one of
 *            libuv's worker threads. The process ignores SIGPIPE from the first ww_loop_new on.
 */
#pragma once
#include "base/alloc.h"
#include "os/clock.h"
#include "os/wait.h"

enum { WW_LOOP_EVENTS = 64, WW_LOOP_UNSEEN_NS = 50000, WW_LOOP_UNSEEN_TURNS = 16 };

typedef struct ww_loop ww_loop;

/* `clock` NULL: the system's. E_IO when the kernel has no descriptors left, E_MEMORY. */
WW_MUST_USE ww_status ww_loop_new(const ww_allocator *allocator, const ww_clock *clock,
                                  ww_loop **out, ww_diag *diag);
/* Waits for jobs that are still at work; their `done` runs. No watch may be left open. */
void ww_loop_free(ww_loop *loop);

/* Turns until ww_loop_stop; the stop may come before the run. */
void ww_loop_run(ww_loop *loop);
void ww_loop_stop(ww_loop *loop);

/* One turn. `wait`: may sleep until something happens, or not ask the kernel if it has been asked just now. */
void ww_loop_turn(ww_loop *loop, bool wait);

/* The time at which the current turn's callbacks began; kept up to date behind the pointer. */
const uint64_t *ww_loop_turn_ns(const ww_loop *loop);
const ww_clock *ww_loop_clock(const ww_loop *loop);
const ww_allocator *ww_loop_allocator(const ww_loop *loop);

/* --- tasks: run once, on a later turn or later in this one */

typedef struct ww_task ww_task;
struct ww_task {
    ww_task *next, **link;   /* as in a waiter */
    struct ww_tasks *posted; /* the list it is in */
    uint32_t batch;
    void (*run)(ww_task *self);
};

/* In the order of posting. No effect if it is posted already. */
void ww_loop_post(ww_loop *loop, ww_task *task);
/* After the tasks of the turn in whose course it is posted. */
void ww_loop_post_last(ww_loop *loop, ww_task *task);
void ww_task_cancel(ww_task *task); /* no effect if it is not posted */

/* From any thread; the task must not be posted already. It can no longer be cancelled. */
void ww_loop_post_remote(ww_loop *loop, ww_task *task);

/* --- timers */

typedef struct ww_timer ww_timer;
struct ww_timer {
    ww_timer *child, *sibling, *prev; /* prev: left sibling, or parent of the first child */
    uint64_t deadline_ns;
    uint32_t turn;
    bool running;
    void (*fire)(ww_timer *self);
};

/* Fires once, at the first turn whose time is `deadline_ns` or later. Restarts one that runs. */
void ww_timer_start(ww_loop *loop, ww_timer *timer, uint64_t deadline_ns);
void ww_timer_stop(ww_loop *loop, ww_timer *timer);

/* --- readiness */

typedef struct ww_watch ww_watch;
typedef enum ww_ready { WW_READABLE = 1, WW_WRITABLE = 2 } ww_ready;

/* Borrows `fd`, whose flags are left alone; one watch per descriptor. E_UNSUPPORTED for what is
 * always ready (files, /dev/null), E_IO, E_MEMORY. */
WW_MUST_USE ww_status ww_watch_new(ww_loop *loop, int fd, ww_watch **out);
/* Detaches all waiters. Before the descriptor is closed. */
void ww_watch_close(ww_watch *watch);
/* Wakes once `fd` is ready, has failed or was hung up. */
void ww_watch_wait(ww_watch *watch, ww_ready ready, ww_waiter *waiter, ww_waker *waker);

/* --- jobs: blocking work off the loop, on data that the job owns */

typedef struct ww_job ww_job;
struct ww_job {
    void (*work)(ww_job *self);                /* a worker thread: touches nothing but the job */
    void (*done)(ww_job *self, bool canceled); /* the loop; may free the job */
    ww_loop *loop;
    _Alignas(16) uint8_t request[128]; /* libuv's */
};

/* E_MEMORY is the only failure. */
WW_MUST_USE ww_status ww_job_start(ww_loop *loop, ww_job *job);
/* True if it had not begun; `done` runs in either case, on a later turn. */
bool ww_job_cancel(ww_job *job);

/* --- signals */

typedef struct ww_signal ww_signal; /* the loop's memory */
typedef struct ww_on_signal {
    void *self;
    void (*raised)(void *self, int number);
} ww_on_signal;

WW_MUST_USE ww_status ww_signal_new(ww_loop *loop, int number, ww_on_signal on, ww_signal **out);
void ww_signal_close(ww_signal *signal);
