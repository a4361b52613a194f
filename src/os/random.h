/* os/random.h - randomness as a parameter.
 *
 * Model      Whoever needs random bytes gets a ww_random. The system's one hands out the kernel's
 *            bytes, fetched in small portions and wiped when handed out. A seeded one repeats
 *            itself: for tests, simulations, and for what is insecure by its own name.
 * Threads    An object belongs to one thread.
 */
#pragma once
#include "base/status.h"

typedef struct ww_random ww_random;
struct ww_random {
    void (*fill)(ww_random *self, void *out, size_t size); /* cannot fail */
};

static inline void ww_random_fill(ww_random *random, void *out, size_t size)
{
    random->fill(random, out, size);
}

static inline uint64_t ww_random_u64(ww_random *random)
{
    uint64_t value;
    random->fill(random, &value, sizeof value);
    return value;
}

enum { WW_RANDOM_PORTION_BYTES = 256 };

typedef struct ww_random_system {
    ww_random base; /* pass &r->base on */
    size_t left;    /* unused bytes at the end of `portion` */
    uint8_t portion[WW_RANDOM_PORTION_BYTES];
} ww_random_system;

void ww_random_system_init(ww_random_system *random);
void ww_random_system_deinit(ww_random_system *random); /* wipes */

/* SplitMix64: equal seeds give equal bytes, however the requests are cut. */
typedef struct ww_random_seeded {
    ww_random base;
    uint64_t state;
    size_t left; /* unused bytes of `word` */
    uint64_t word;
} ww_random_seeded;

void ww_random_seeded_init(ww_random_seeded *random, uint64_t seed);
