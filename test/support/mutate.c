#include "support/mutate.h"
#include "support/check.h"
#include <stdlib.h>

/* Of each byte: the prefix before it, its complement, its eight flipped bits. */
enum { MUTANTS_PER_BYTE = 10 };

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void call(ww_view bytes, size_t at, unsigned way, test_mutant_fn *fn, void *arg)
{
    size_t size = way == 0 ? at : bytes.size;
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size) memcpy(copy, bytes.data, size);
    if (way == 1) copy[at] ^= 0xff;
    if (way > 1) copy[at] ^= (uint8_t)(1u << (way - 2));
    fn(arg, ww_view_of(copy, size));
    free(copy);
}

size_t test_each_mutant(ww_view bytes, uint32_t share, uint64_t seed, test_mutant_fn *fn, void *arg)
{
    size_t calls = 0;
    for (size_t at = 0; at < bytes.size; at++) {
        for (unsigned way = 0; way < MUTANTS_PER_BYTE; way++) {
            if (share > 1 && next_random(&seed) % share) continue;
            call(bytes, at, way, fn, arg);
            calls++;
        }
    }
    return calls;
}
