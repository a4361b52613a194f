/* os/content_hash.h - a fast hash of large contents, to find what may be equal.
 *
 * Model      Contents are added in portions; the same portions give the same hash. XXH3 of 128 bits,
 *            each portion's folded into the one before.
 * Bounds     A portion has any size.
 * Threads    A key is read only once it is made.
 * Trust      A secret of the node keeps those who do not know it from computing collisions, but
 *            nobody vouches for more: what a hash finds has yet to be compared.
 */
#pragma once
#include "base/bytes.h"
#include "os/random.h"

enum { WW_CONTENT_SECRET_SIZE = 192 };

typedef struct ww_content_key {
    uint8_t secret[WW_CONTENT_SECRET_SIZE];
} ww_content_key;

typedef struct ww_content_hash {
    uint64_t low, high;
} ww_content_hash; /* zero before the first portion */

void ww_content_key_init(ww_content_key *key, ww_random *random);
void ww_content_hash_add(ww_content_hash *hash, const ww_content_key *key, ww_view portion);

static inline bool ww_content_hash_equal(ww_content_hash a, ww_content_hash b)
{
    return a.low == b.low && a.high == b.high;
}
