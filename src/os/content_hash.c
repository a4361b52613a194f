#include "os/content_hash.h"
#include <xxhash.h>
#ifdef __x86_64__
#include <xxh_x86dispatch.h> /* AVX2 where the processor has it, which takes less than half of the time */
#endif

static XXH128_hash_t hash_of(const ww_content_key *key, const void *data, size_t size)
{
    return XXH3_128bits_withSecret(data, size, key->secret, sizeof key->secret);
}

void ww_content_key_init(ww_content_key *key, ww_random *random)
{
    ww_random_fill(random, key->secret, sizeof key->secret);
}

void ww_content_hash_add(ww_content_hash *hash, const ww_content_key *key, ww_view portion)
{
    XXH128_hash_t added = hash_of(key, portion.data, portion.size);
    const uint64_t both[4] = {hash->low, hash->high, added.low64, added.high64};
    XXH128_hash_t folded = hash_of(key, both, sizeof both);
    *hash = (ww_content_hash){folded.low64, folded.high64};
}
