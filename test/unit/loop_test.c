#include "os/loop.h"
#include "os/random.h"
#include "os/ticker.h"
#include "support/check.h"
#include "support/clock.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* Every case has a loop whose time stands still until the case moves it, and a line of letters that
 * callbacks append to. */
typedef struct fixture {
    ww_loop *loop;
    test_clock clock;
    char trace[64];
} fixture;

static fixture f;

static int make_loop(void **state)
{
    (void)state;
    f = (fixture){0};
    test_clock_init(&f.clock, 1000);
    return ww_loop_new(ww_allocator_libc(), &f.clock.base, &f.loop, NULL) != WW_OK;
}

static int free_loop(void **state)
{
    (void)state;
    ww_loop_free(f.loop);
    return 0;
}

static void note(char letter)
{
    size_t length = strlen(f.trace);
    assert_true(length + 1 < sizeof f.trace);
    f.trace[length] = letter;
}

#define assert_trace(text) assert_string_equal(f.trace, text)

typedef struct lettered_task {
    ww_task task;
    char letter;
    struct lettered_task *then;   /* posted by this one */
    struct lettered_task *victim; /* cancelled by this one */
    bool last;
} lettered_task;

static void run_lettered(ww_task *task)
{
    lettered_task *t = WW_CONTAINER_OF(task, lettered_task, task);
    note(t->letter);
    if (t->victim) ww_task_cancel(&t->victim->task);
    if (t->then && t->last) ww_loop_post_last(f.loop, &t->then->task);
    if (t->then && !t->last) ww_loop_post(f.loop, &t->then->task);
}

#define LETTERED(letter_) ((lettered_task){.task.run = run_lettered, .letter = letter_})

static void task__several_posted__run_in_order_once_and_not_at_once(void **state)
{
    (void)state;
    lettered_task a = LETTERED('a'), b = LETTERED('b');
    ww_loop_post(f.loop, &a.task);
    ww_loop_post(f.loop, &b.task);
    ww_loop_post(f.loop, &a.task);
    assert_trace("");
    ww_loop_turn(f.loop, true);
    assert_trace("ab");
    ww_loop_turn(f.loop, false);
    assert_trace("ab");
}

static void task__posted_by_a_task__runs_in_the_next_turn(void **state)
{
    (void)state;
    lettered_task a = LETTERED('a'), b = LETTERED('b');
    a.then = &a; /* for ever */
    b.then = &b;
    ww_loop_post(f.loop, &a.task);
    ww_loop_post(f.loop, &b.task);
    ww_loop_turn(f.loop, true);
    assert_trace("ab");
    ww_loop_turn(f.loop, true);
    assert_trace("abab");
    ww_task_cancel(&a.task);
    ww_task_cancel(&b.task);
}

static void task__cancelled_by_an_earlier_one__does_not_run(void **state)
{
    (void)state;
    lettered_task a = LETTERED('a'), b = LETTERED('b'), c = LETTERED('c');
    a.victim = &b;
    a.then = &c;
    ww_loop_post(f.loop, &a.task);
    ww_loop_post(f.loop, &b.task);
    ww_loop_turn(f.loop, true);
    assert_trace("a");
    ww_loop_turn(f.loop, true);
    assert_trace("ac");
}

static void last_task__posted_by_a_task__closes_the_same_turn(void **state)
{
    (void)state;
    lettered_task a = LETTERED('a'), b = LETTERED('b'), z = LETTERED('z');
    a.then = &z;
    a.last = true;
    ww_loop_post(f.loop, &a.task);
    ww_loop_post(f.loop, &b.task);
    ww_loop_turn(f.loop, true);
    assert_trace("abz");
}

static lettered_task remote;

static void *post_from_thread(void *arg)
{
    (void)arg;
    ww_loop_post_remote(f.loop, &remote.task);
    return NULL;
}

static void remote_task__from_another_thread__wakes_a_sleeping_loop(void **state)
{
    (void)state;
    remote = LETTERED('r');
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_from_thread, NULL), 0);
    while (!f.trace[0])
        ww_loop_turn(f.loop, true);
    pthread_join(thread, NULL);
    assert_trace("r");
}

/* --- timers */

typedef struct lettered_timer {
    ww_timer timer;
    char letter;
} lettered_timer;

static void fire_lettered(ww_timer *timer)
{
    note(WW_CONTAINER_OF(timer, lettered_timer, timer)->letter);
}

static void timer__deadline_in_the_future__fires_when_the_clock_is_there(void **state)
{
    (void)state;
    lettered_timer t = {{.fire = fire_lettered}, 't'};
    ww_timer_start(f.loop, &t.timer, 1500);
    ww_loop_turn(f.loop, false);
    f.clock.now_ns = 1499;
    ww_loop_turn(f.loop, false);
    assert_trace("");
    f.clock.now_ns = 1500;
    ww_loop_turn(f.loop, true);
    assert_trace("t");
    ww_loop_turn(f.loop, false);
    assert_trace("t");
}

static void timers__many_started_and_stopped__fire_in_order_of_deadline(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static lettered_timer timers[COUNT];
    ww_random_seeded random;
    ww_random_seeded_init(&random, 7);
    uint64_t last = 0;
    size_t fired = 0, running = 0;
    for (int i = 0; i < COUNT; i++) {
        timers[i] = (lettered_timer){{.fire = fire_lettered}, 0};
        ww_timer_start(f.loop, &timers[i].timer, 2000 + ww_random_u64(&random.base) % 1000);
    }
    for (int i = 0; i < COUNT; i++) {
        uint64_t what = ww_random_u64(&random.base) % 3;
        if (what == 0) ww_timer_stop(f.loop, &timers[i].timer);
        if (what == 1)
            ww_timer_start(f.loop, &timers[i].timer, 2000 + ww_random_u64(&random.base) % 1000);
        running += timers[i].timer.running;
    }
    for (f.clock.now_ns = 2000; f.clock.now_ns < 3000; f.clock.now_ns++) {
        ww_loop_turn(f.loop, false);
        for (int i = 0; i < COUNT; i++) {
            bool due = timers[i].timer.deadline_ns <= f.clock.now_ns;
            assert_false(due && timers[i].timer.running);
            if (due && timers[i].timer.deadline_ns == f.clock.now_ns) last = f.clock.now_ns;
        }
    }
    for (int i = 0; i < COUNT; i++)
        fired += !timers[i].timer.running;
    assert_true(running > 0 && fired == COUNT && last > 2000);
}

static ww_timer again;

static void fire_again(ww_timer *timer)
{
    note('!');
    ww_timer_start(f.loop, timer, 0);
}

static void timer__restarted_by_itself_for_now__waits_for_the_next_turn(void **state)
{
    (void)state;
    again = (ww_timer){.fire = fire_again};
    ww_timer_start(f.loop, &again, 0);
    ww_loop_turn(f.loop, true);
    ww_loop_turn(f.loop, true);
    assert_trace("!!");
    ww_timer_stop(f.loop, &again);
}

static void timer__system_clock__ends_the_sleep(void **state)
{
    (void)state;
    ww_loop *loop;
    assert_ok(ww_loop_new(ww_allocator_libc(), NULL, &loop, NULL));
    lettered_timer t = {{.fire = fire_lettered}, 't'};
    ww_timer_start(loop, &t.timer, ww_clock_after(ww_clock_system(), 100000));
    while (!f.trace[0])
        ww_loop_turn(loop, true);
    ww_loop_free(loop);
}

/* --- readiness */

typedef struct lettered_waker {
    ww_waker waker;
    ww_waiter waiter;
    char letter;
} lettered_waker;

static void wake_lettered(ww_waker *waker)
{
    note(WW_CONTAINER_OF(waker, lettered_waker, waker)->letter);
}

static void watch__pipe_becomes_readable__wakes_each_waiter_once(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    ww_watch *watch;
    assert_ok(ww_watch_new(f.loop, ends[0], &watch));
    lettered_waker a = {{wake_lettered}, {0}, 'a'}, b = {{wake_lettered}, {0}, 'b'};
    ww_watch_wait(watch, WW_READABLE, &a.waiter, &a.waker);
    ww_watch_wait(watch, WW_READABLE, &b.waiter, &b.waker);
    ww_loop_turn(f.loop, false);
    assert_trace("");
    assert_int_equal(write(ends[1], "x", 1), 1);
    ww_loop_turn(f.loop, true);
    assert_int_equal(strlen(f.trace), 2);
    ww_loop_turn(f.loop, false); /* still readable, but nobody asked again */
    assert_int_equal(strlen(f.trace), 2);
    ww_watch_wait(watch, WW_READABLE, &a.waiter, &a.waker);
    ww_loop_turn(f.loop, true);
    assert_int_equal(strlen(f.trace), 3);
    ww_watch_close(watch);
    close(ends[0]);
    close(ends[1]);
}

static void watch__other_end_closed__wakes_reader_and_writer(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    ww_watch *watch;
    close(ends[1]);
    assert_ok(ww_watch_new(f.loop, ends[0], &watch));
    ww_loop_turn(f.loop, false); /* the hang-up nobody asked about */
    lettered_waker a = {{wake_lettered}, {0}, 'a'};
    ww_watch_wait(watch, WW_READABLE, &a.waiter, &a.waker);
    ww_loop_turn(f.loop, true);
    assert_trace("a");
    ww_watch_close(watch);
    close(ends[0]);
}

static void post_again(ww_task *task)
{
    ww_loop_post(f.loop, task);
}

static void watch__beside_tasks_without_end__is_seen_in_time(void **state)
{
    (void)state;
    int ends[2];
    ww_watch *watch;
    ww_task endless = {.run = post_again};
    lettered_waker a = {{wake_lettered}, {0}, 'a'};
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_ok(ww_watch_new(f.loop, ends[0], &watch));
    ww_loop_post(f.loop, &endless);
    ww_loop_turn(f.loop, true); /* asks the kernel */
    assert_int_equal(write(ends[1], "x", 1), 1);
    ww_watch_wait(watch, WW_READABLE, &a.waiter, &a.waker);
    for (int i = 0; i < WW_LOOP_UNSEEN_TURNS; i++)
        ww_loop_turn(f.loop, true);
    assert_trace("");
    ww_loop_turn(f.loop, true);
    assert_trace("a");
    ww_watch_wait(watch, WW_READABLE, &a.waiter, &a.waker);
    f.clock.now_ns += WW_LOOP_UNSEEN_NS;
    ww_loop_turn(f.loop, true);
    assert_trace("aa");
    ww_watch_wait(watch, WW_READABLE, &a.waiter, &a.waker);
    ww_loop_turn(f.loop, false); /* who does not wait wants to know */
    assert_trace("aaa");
    ww_task_cancel(&endless);
    ww_watch_close(watch);
    close(ends[0]);
    close(ends[1]);
}

static ww_watch *other_watch;

static void close_other(ww_waker *waker)
{
    (void)waker;
    note('c');
    ww_watch_close(other_watch);
    other_watch = NULL;
}

static void watch__closed_while_its_event_is_in_the_batch__is_silent(void **state)
{
    (void)state;
    int first[2], second[2];
    assert_int_equal(pipe2(first, O_CLOEXEC), 0);
    assert_int_equal(pipe2(second, O_CLOEXEC), 0);
    ww_watch *watches[2];
    assert_ok(ww_watch_new(f.loop, first[0], &watches[0]));
    assert_ok(ww_watch_new(f.loop, second[0], &watches[1]));
    lettered_waker closer = {{close_other}, {0}, 0}, silent = {{wake_lettered}, {0}, 's'};
    other_watch = watches[1];
    ww_watch_wait(watches[0], WW_READABLE, &closer.waiter, &closer.waker);
    ww_watch_wait(watches[1], WW_READABLE, &silent.waiter, &silent.waker);
    assert_int_equal(write(first[1], "x", 1), 1);
    assert_int_equal(write(second[1], "x", 1), 1);
    ww_loop_turn(f.loop, true);
    assert_trace("c"); /* epoll reports in the order of becoming ready */
    ww_watch_close(watches[0]);
    close(first[0]), close(first[1]), close(second[0]), close(second[1]);
}

static void watch__regular_file_or_null_device__is_unsupported(void **state)
{
    (void)state;
    ww_watch *watch;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(ww_watch_new(f.loop, fd, &watch), WW_E_UNSUPPORTED);
    assert_null(watch);
    close(fd);
}

/* --- jobs, signals */

typedef struct summing_job {
    ww_job job;
    int a, b, sum;
    bool finished;
} summing_job;

static void sum(ww_job *job)
{
    summing_job *s = WW_CONTAINER_OF(job, summing_job, job);
    s->sum = s->a + s->b;
}

static void summed(ww_job *job, bool canceled)
{
    summing_job *s = WW_CONTAINER_OF(job, summing_job, job);
    s->finished = true;
    note(canceled ? 'x' : 'd');
}

static void job__started__is_done_on_a_later_turn(void **state)
{
    (void)state;
    summing_job s = {.job = {.work = sum, .done = summed}, .a = 2, .b = 3};
    assert_ok(ww_job_start(f.loop, &s.job));
    assert_trace("");
    while (!s.finished)
        ww_loop_turn(f.loop, true);
    assert_int_equal(s.sum, 5);
}

static void job__still_at_work_when_the_loop_goes__is_awaited(void **state)
{
    (void)state;
    ww_loop *loop;
    assert_ok(ww_loop_new(ww_allocator_libc(), NULL, &loop, NULL));
    summing_job s = {.job = {.work = sum, .done = summed}, .a = 2, .b = 3};
    assert_ok(ww_job_start(loop, &s.job));
    ww_loop_free(loop);
    assert_true(s.finished);
}

static void on_raised(void *self, int number)
{
    (void)self;
    note(number == SIGUSR1 ? 's' : '?');
}

static void signal__raised__calls_back_in_a_turn(void **state)
{
    (void)state;
    ww_signal *watch;
    assert_ok(ww_signal_new(f.loop, SIGUSR1, (ww_on_signal){NULL, on_raised}, &watch));
    raise(SIGUSR1);
    while (!f.trace[0])
        ww_loop_turn(f.loop, true);
    assert_trace("s");
    ww_signal_close(watch);
}

static void sigpipe__write_to_a_closed_pipe__does_not_kill(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

static void stop__before_run__ends_it_at_once(void **state)
{
    (void)state;
    ww_loop_stop(f.loop);
    ww_loop_run(f.loop);
    assert_trace("");
}

static ww_status new_loop_and_watch(const ww_allocator *allocator, void *arg)
{
    ww_loop *loop;
    ww_watch *watch = NULL;
    ww_status status = ww_loop_new(allocator, NULL, &loop, NULL);
    if (status) return status;
    status = ww_watch_new(loop, *(int *)arg, &watch);
    ww_watch_close(watch);
    ww_loop_free(loop);
    return status;
}

static void loop__every_allocation_failing__reports_it_and_leaks_nothing(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    test_every_allocation_failing(new_loop_and_watch, &ends[0]);
    close(ends[0]);
    close(ends[1]);
}

/* --- ticker */

static void count_tick(void *self)
{
    atomic_fetch_add((atomic_uint *)self, 1);
}

static void ticker__somebody_inside__ticks_and_parks_when_they_left(void **state)
{
    (void)state;
    atomic_uint ticks = 0;
    ww_ticker *ticker;
    ww_on_tick on = {&ticks, count_tick};
    assert_ok(ww_ticker_new(ww_allocator_libc(), 100000, on, &ticker, NULL));
    for (int round = 0; round < 3; round++) {
        while (!ww_ticker_parked(ticker))
            usleep(100);
        ww_ticker_enter(ticker);
        unsigned before = atomic_load(&ticks);
        while (atomic_load(&ticks) < before + 3)
            usleep(100);
        assert_false(ww_ticker_parked(ticker));
        ww_ticker_leave(ticker);
    }
    ww_ticker_free(ticker);
}

/* --- randomness */

static void random__same_seed__same_bytes_however_they_are_cut(void **state)
{
    (void)state;
    ww_random_seeded a, b;
    ww_random_seeded_init(&a, 42);
    ww_random_seeded_init(&b, 42);
    uint8_t whole[33], parts[33];
    ww_random_fill(&a.base, whole, sizeof whole);
    for (size_t at = 0, size = 1; at < sizeof parts; at += size, size = size % 5 + 1) {
        if (size > sizeof parts - at) size = sizeof parts - at;
        ww_random_fill(&b.base, parts + at, size);
    }
    assert_memory_equal(whole, parts, sizeof whole);
    ww_random_seeded_init(&a, 0);
    /* first value of SplitMix64 from 0, by its authors' reference code */
    assert_true(ww_random_u64(&a.base) == 0xe220a8397b1dcdafu);
}

static void random__system__fills_every_size_and_does_not_repeat(void **state)
{
    (void)state;
    ww_random_system random;
    ww_random_system_init(&random);
    uint8_t a[1000] = {0}, b[1000] = {0};
    for (size_t size = 16; size <= sizeof a; size += 41) {
        ww_random_fill(&random.base, a, size);
        ww_random_fill(&random.base, b, size);
        assert_memory_not_equal(a, b, size);
    }
    ww_random_system_deinit(&random);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_loop, free_loop)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(task__several_posted__run_in_order_once_and_not_at_once),
        CASE(task__posted_by_a_task__runs_in_the_next_turn),
        CASE(task__cancelled_by_an_earlier_one__does_not_run),
        CASE(last_task__posted_by_a_task__closes_the_same_turn),
        CASE(remote_task__from_another_thread__wakes_a_sleeping_loop),
        CASE(timer__deadline_in_the_future__fires_when_the_clock_is_there),
        CASE(timers__many_started_and_stopped__fire_in_order_of_deadline),
        CASE(timer__restarted_by_itself_for_now__waits_for_the_next_turn),
        CASE(timer__system_clock__ends_the_sleep),
        CASE(watch__pipe_becomes_readable__wakes_each_waiter_once),
        CASE(watch__other_end_closed__wakes_reader_and_writer),
        CASE(watch__beside_tasks_without_end__is_seen_in_time),
        CASE(watch__closed_while_its_event_is_in_the_batch__is_silent),
        CASE(watch__regular_file_or_null_device__is_unsupported),
        CASE(job__started__is_done_on_a_later_turn),
        CASE(job__still_at_work_when_the_loop_goes__is_awaited),
        CASE(signal__raised__calls_back_in_a_turn),
        CASE(sigpipe__write_to_a_closed_pipe__does_not_kill),
        CASE(stop__before_run__ends_it_at_once),
        CASE(loop__every_allocation_failing__reports_it_and_leaks_nothing),
        CASE(ticker__somebody_inside__ticks_and_parks_when_they_left),
        CASE(random__same_seed__same_bytes_however_they_are_cut),
        CASE(random__system__fills_every_size_and_does_not_repeat),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
