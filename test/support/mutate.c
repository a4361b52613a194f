#include "support/mutate.h"
#include "support/check.h"
#include <sanitizer/asan_interface.h>
#include <stdlib.h>

void test_mutator_init(test_mutator *mutator, ww_view bytes)
{
    *mutator = (test_mutator){.original = bytes, .copy = malloc(bytes.size + 1)};
    assert_non_null(mutator->copy);
    memcpy(mutator->copy, bytes.data, bytes.size);
}

void test_mutator_deinit(test_mutator *mutator)
{
    ASAN_UNPOISON_MEMORY_REGION(mutator->copy, mutator->original.size + 1);
    free(mutator->copy);
}

ww_view test_mutant(test_mutator *mutator, size_t number)
{
    size_t size = mutator->original.size;
    size_t at = number / TEST_MUTANTS_PER_BYTE, way = number % TEST_MUTANTS_PER_BYTE;
    ASAN_UNPOISON_MEMORY_REGION(mutator->copy, size);
    ASAN_POISON_MEMORY_REGION(mutator->copy + size, 1);
    mutator->copy[mutator->at] = mutator->original.data[mutator->at];
    mutator->at = at;
    if (way == 0) {
        ASAN_POISON_MEMORY_REGION(mutator->copy + at, size - at);
        return ww_view_of(mutator->copy, at);
    }
    mutator->copy[at] ^= way == 1 ? 0xff : (uint8_t)(1u << (way - 2));
    return ww_view_of(mutator->copy, size);
}

/* splitmix64 */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void test_some_mutants(ww_view bytes, size_t count, uint64_t seed, test_mutant_fn *fn, void *arg)
{
    size_t all = bytes.size * TEST_MUTANTS_PER_BYTE;
    test_mutator mutator;
    test_mutator_init(&mutator, bytes);
    for (size_t i = 0; i < all; i++)
        if (next_random(&seed) % all < count) fn(arg, test_mutant(&mutator, i));
    test_mutator_deinit(&mutator);
}
