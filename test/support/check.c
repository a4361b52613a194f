#include "support/check.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of test_run_group. */
static struct {
    size_t at; /* the allocation that fails, or 0 */
    bool fired, torn_down, passed;
    size_t live_bytes;
    const struct CMUnitTest *test;
    void *state;
    test_allocator heap;
} faults;

static void *resize(const ww_allocator *base, void *ptr, size_t old_size, size_t size)
{
    test_allocator *self = WW_CONTAINER_OF(base, test_allocator, base);
    if (size && __atomic_add_fetch(&self->count, 1, __ATOMIC_RELAXED) == self->fail_at) {
        faults.fired = true;
        return NULL;
    }
    __atomic_fetch_add(&self->live_bytes, size - old_size, __ATOMIC_RELAXED);
    __atomic_fetch_add(&faults.live_bytes, size - old_size, __ATOMIC_RELAXED);
    if (size) return realloc(ptr, size);
    free(ptr);
    return NULL;
}

void test_allocator_init(test_allocator *allocator, size_t fail_at)
{
    *allocator = (test_allocator){.base = {resize}, .fail_at = fail_at ? fail_at : faults.at};
}

const ww_allocator *test_heap(void)
{
    if (!faults.heap.base.resize) test_allocator_init(&faults.heap, 0);
    return &faults.heap.base;
}

bool test_is_failing(void)
{
    return faults.at != 0;
}

void test_every_allocation_failing(ww_status (*run)(const ww_allocator *, void *), void *arg)
{
    for (size_t fail_at = 1;; fail_at++) {
        test_allocator allocator;
        test_allocator_init(&allocator, fail_at);
        ww_status status = run(&allocator.base, arg);
        assert_int_equal(allocator.live_bytes, 0);
        if (allocator.count < fail_at) {
            assert_int_equal(status, WW_OK);
            return;
        }
        assert_int_equal(status, WW_E_MEMORY);
    }
}

/* --- groups ----------------------------------------------------------------------------------- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#define LEAKS_ARE_FINE(yes) ((yes) ? __lsan_disable() : __lsan_enable())
#define REPORT_TO(fd)       __sanitizer_set_report_fd((void *)(intptr_t)(fd))
#endif
#endif
#ifndef REPORT_TO
#define LEAKS_ARE_FINE(yes) ((void)(yes))
#define REPORT_TO(fd)       ((void)(fd))
#endif

static void body(void **state)
{
    const struct CMUnitTest *test = faults.test;
    (void)state;
    if (test->setup_func && test->setup_func(&faults.state)) fail();
    test->test_func(&faults.state);
    faults.passed = true;
}

static int teardown(void **state)
{
    const struct CMUnitTest *test = faults.test;
    (void)state;
    int result = test->teardown_func ? test->teardown_func(&faults.state) : 0;
    faults.torn_down = result == 0;
    return result;
}

static void run_silently(const struct CMUnitTest *test)
{
    const struct CMUnitTest one[] = {{test->name, body, NULL, teardown, test->initial_state}};
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    fflush(stdout);
    fflush(stderr);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    REPORT_TO(err);
    LEAKS_ARE_FINE(true); /* of what a case that gave up held in its own variables */
    (void)!cmocka_run_group_tests(one, NULL, NULL);
    LEAKS_ARE_FINE(false);
    fflush(stdout);
    fflush(stderr);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    REPORT_TO(STDERR_FILENO);
    close(out);
    close(err);
    close(null);
}

static bool run_failing(const struct CMUnitTest *test)
{
    enum { ALLOCATIONS_MAX = 20000 };
    for (faults.at = 1; faults.at < ALLOCATIONS_MAX; faults.at++) {
        size_t live = faults.live_bytes;
        faults.fired = faults.torn_down = faults.passed = false;
        faults.test = test;
        faults.state = test->initial_state;
        faults.heap = (test_allocator){0};
        run_silently(test);
        bool gave_up = !faults.passed && !test->teardown_func; /* with what it held */
        bool cleaned = faults.torn_down && (faults.live_bytes == live || gave_up);
        bool skipped = !faults.fired && !faults.passed && faults.at == 1;
        if (!cleaned || (!faults.fired && !faults.passed && !skipped)) {
            fprintf(stderr, "%s: allocation %zu fails: %s\n", test->name, faults.at,
                    !faults.torn_down ? "no teardown"
                    : !faults.fired   ? "nothing failed, but the case did"
                                      : "memory is lost");
            return false;
        }
        if (!faults.fired) break;
    }
    return true;
}

int test_run_group(const struct CMUnitTest *tests, size_t count)
{
    int failed = _cmocka_run_group_tests("cases", tests, count, NULL, NULL);
    for (size_t i = 0; i < count && !failed; i++)
        if (!strstr(tests[i].name, "any_") && !run_failing(&tests[i])) failed++;
    faults.at = 0;
    return failed;
}
