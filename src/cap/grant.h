/* cap/grant.h - what a cell may call, and how that ends.
 *
 * Model      A grant names a set of functions by number (gen/wit/functions.h) and remembers the
 *            generation of the authority it was made under. Revoking is one increment of that
 *            generation: every grant of it, however many, is stale from its next use on. A grant
 *            never grows; a narrower one is made by intersection.
 * Ownership  A grant borrows its authority, which outlives it.
 * Threads    An authority and its grants belong to one loop's thread.
 */
#pragma once
#include "cap/authority.h"

enum { WW_GRANT_FUNCTIONS_MAX = 1024, WW_GRANT_WORDS = WW_GRANT_FUNCTIONS_MAX / 64 };

typedef struct ww_grant {
    const ww_authority *authority;
    uint64_t generation;
    uint64_t functions[WW_GRANT_WORDS];
} ww_grant;

/* Allows nothing yet. */
void ww_grant_init(ww_grant *grant, const ww_authority *authority);

static inline void ww_grant_allow(ww_grant *grant, uint32_t function)
{
    WW_ASSERT(function < WW_GRANT_FUNCTIONS_MAX);
    grant->functions[function / 64] |= UINT64_C(1) << function % 64;
}

static inline void ww_grant_deny(ww_grant *grant, uint32_t function)
{
    WW_ASSERT(function < WW_GRANT_FUNCTIONS_MAX);
    grant->functions[function / 64] &= ~(UINT64_C(1) << function % 64);
}

/* Keeps only what `other` allows too; the authority stays. */
void ww_grant_attenuate(ww_grant *grant, const ww_grant *other);

static inline bool ww_grant_is_fresh(const ww_grant *grant)
{
    return grant->generation == grant->authority->generation;
}

static inline bool ww_grant_allows(const ww_grant *grant, uint32_t function)
{
    return grant->functions[function / 64 % WW_GRANT_WORDS] >> function % 64 & 1;
}
