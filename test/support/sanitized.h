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
