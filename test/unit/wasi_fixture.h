/* test/unit/wasi_fixture.h - a cell without an engine: a real loop, a clock that stands still, the
 * same random bytes every time, and a count of wake-ups. For one source file of a test program. */
#pragma once
#include "resource/wasi.h"
#include "support/clock.h"
#include "unit/call_fake.h"

typedef struct fixture {
    ww_wasi wasi;
    ww_principal principal;
    ww_random_seeded random;
    test_clock clock;
    ww_waker waker;
    int woken;
} fixture;

static fixture f;

static inline void count_wake(ww_waker *waker)
{
    (void)waker;
    f.woken++;
}

static inline ww_loop *loop(void)
{
    return f.wasi.options.loop;
}

/* `options` are those of the case; the rest is filled in. */
static inline void make_cell(ww_wasi_options options)
{
    f = (fixture){.waker = {count_wake}};
    memset(&fake, 0, sizeof fake);
    fake.host = &f.wasi;
    test_clock_init(&f.clock, 1000);
    ww_principal_init(&f.principal, ww_view_str("tester"));
    ww_random_seeded_init(&f.random, 1);
    assert_ok(ww_loop_new(ww_allocator_libc(), &f.clock.base, &options.loop, NULL));
    options.allocator = ww_allocator_libc();
    options.random = &f.random.base;
    options.waker = &f.waker;
    ww_wasi_init(&f.wasi, &options);
    f.wasi.context.principal = &f.principal;
}

/* Whatever a case made is gone by its end. */
static inline void free_cell(void)
{
    ww_loop *own = loop();
    ww_loop_turn(own, false); /* what dropped streams left behind */
    assert_int_equal(f.principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
    ww_wasi_deinit(&f.wasi);
    ww_loop_free(own);
}

static inline int setup(void **state)
{
    (void)state;
    make_cell((ww_wasi_options){0});
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    free_cell();
    return 0;
}

static inline ww_fd *adopt(int number)
{
    ww_fd *fd;
    assert_true(number >= 0);
    assert_ok(ww_fd_adopt(loop(), number, &fd, NULL));
    return fd;
}

static inline void release(void *object)
{
    ww_object_release(object);
}

static inline ww_call new_call(void)
{
    ww_call call = {.host = &f.wasi};
    memset(call.state, 0xa5, sizeof call.state); /* nobody promises zeroes */
    return call;
}

/* Goes on with a call that answered `status` until it ends. Resumed without reason, it must go on
 * waiting. */
static inline ww_status finish_call(ww_call *call, ww_status status, void *result)
{
    while (status == WW_AGAIN) {
        int before = f.woken;
        ww_loop_turn(loop(), true);
        ww_loop_turn(loop(), false); /* the one before need not have asked the kernel */
        status = call->resume(call, result);
        if (status != WW_AGAIN) assert_true(f.woken > before);
    }
    return status;
}
