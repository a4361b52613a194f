#include "support/check.h"
#include <stdlib.h>

static void *resize(const ww_allocator *base, void *ptr, size_t old_size, size_t size)
{
    test_allocator *self = WW_CONTAINER_OF(base, test_allocator, base);
    if (size && ++self->count == self->fail_at) return NULL;
    self->live_bytes += size - old_size;
    if (size) return realloc(ptr, size);
    free(ptr);
    return NULL;
}

void test_allocator_init(test_allocator *allocator, size_t fail_at)
{
    *allocator = (test_allocator){.base = {resize}, .fail_at = fail_at};
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
