/* test/support/sanitized.h - whether this is the sanitizer build, which wants its signals itself. */
#pragma once
#include <stdbool.h>

static inline bool test_is_sanitized(void)
{
#if defined(__has_feature)
    return __has_feature(address_sanitizer);
#else
    return false;
#endif
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define TEST_HAS_ASAN
#endif
#endif

/* Whether the sanitizer would report a use of this address. */
static inline bool test_is_closed(const void *address)
{
#ifdef TEST_HAS_ASAN
    return __asan_address_is_poisoned((const volatile void *)address);
#else
    (void)address;
    return false;
#endif
}
