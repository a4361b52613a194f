/* capnp/pool.h - memory that waits to be used again, closed to whoever still looks at it. Private to src/capnp.
 *
 * Model      A view of a message that is gone points into memory of a pool. The sanitizer build reports its use, as it
 *            does for freed memory; other builds know nothing of this.
 */
#pragma once
#include <stddef.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>

static inline void capnp_pool_close(const void *memory, size_t size)
{
    __asan_poison_memory_region((const volatile void *)memory, size);
}

static inline void capnp_pool_open(const void *memory, size_t size)
{
    __asan_unpoison_memory_region((const volatile void *)memory, size);
}
#else
static inline void capnp_pool_close(const void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

static inline void capnp_pool_open(const void *memory, size_t size)
{
    (void)memory;
    (void)size;
}
#endif
