/* test/support/check.h - what every unit test includes: cmocka, and an allocator that fails on
 * demand.
 *
 * A case is named subject__situation__expectation. */
#pragma once
#include "base/alloc.h"
#include "base/bytes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define assert_ok(expr) assert_int_equal((expr), WW_OK)
#define assert_view_is(view, text)                                                                 \
    do {                                                                                           \
        ww_view view_ = (view);                                                                    \
        assert_int_equal(view_.size, strlen(text));                                                \
        assert_memory_equal(view_.data, (text), view_.size);                                       \
    } while (0)

/* Counts allocations and live bytes, from any thread; the `fail_at`-th allocation (from 1) fails, 0 for none. */
typedef struct test_allocator {
    ww_allocator base;
    size_t count, fail_at, live_bytes;
} test_allocator;

void test_allocator_init(test_allocator *allocator, size_t fail_at);

/* Runs `run` again and again with the 1st, 2nd, ... allocation failing until one run meets no
 * failure. `run` returns the status of what it tried; a failed run must answer E_MEMORY, and every
 * run must give back all memory. */
void test_every_allocation_failing(ww_status (*run)(const ww_allocator *, void *), void *arg);

/* Runs the cases as cmocka does; then each again with the 1st, 2nd, ... allocation failing, until
 * none does. A case may give up then (its assertions are not asked), but its teardown must work,
 * give back all memory and come to an end. Failing are test_heap() and allocators that were not
 * told when to. Cases with `any_` in their name are such loops themselves and run once. */
int test_run_group(const struct CMUnitTest *tests, size_t count);
const ww_allocator *test_heap(void);
bool test_is_failing(void); /* an allocation will fail or has failed */
