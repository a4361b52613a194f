/* base/toll.h - how many messages may be under way at a time, and how many words they may have.
 *
 * Model      Both change with every message, so both are in one word: messages in its upper half,
 *            words of 8 bytes in the lower. The top bit of each half is clear; a charge that would
 *            set one of them takes more than there is, and is not made.
 * Bounds     WW_TOLL_MAX of each.
 */
#pragma once
#include "base/status.h"

#define WW_TOLL_MAX UINT32_C(0x7fffffff)

typedef struct ww_toll {
    uint64_t left, max;
} ww_toll;

static inline uint64_t ww_toll_pack(uint32_t messages, uint32_t words)
{
    return (uint64_t)messages << 32 | words;
}

/* Of a message; `words` is at most WW_TOLL_MAX. */
static inline uint64_t ww_toll_price(uint64_t words)
{
    return (UINT64_C(1) << 32) + words;
}

static inline ww_toll ww_toll_new(uint32_t messages_max, uint32_t words_max)
{
    uint64_t max = ww_toll_pack(messages_max, words_max);
    return (ww_toll){max, max};
}

/* What it was charged is to be released once. */
WW_MUST_USE static inline bool ww_toll_charge(ww_toll *toll, uint64_t price)
{
    uint64_t left = toll->left - price;
    if (WW_UNLIKELY(left & UINT64_C(0x8000000080000000))) return false;
    toll->left = left;
    return true;
}

static inline void ww_toll_release(ww_toll *toll, uint64_t price)
{
    toll->left += price;
}

static inline uint32_t ww_toll_messages_left(const ww_toll *toll)
{
    return (uint32_t)(toll->left >> 32);
}

static inline bool ww_toll_is_unused(const ww_toll *toll)
{
    return toll->left == toll->max;
}
