/* test/support/mutate.h - what a hostile hand makes of a good file with little effort: every proper
 * prefix of it, each byte xor 0xff, each single bit flipped.
 *
 * Ownership  A mutator owns one heap block of the file's exact size, in which every mutant is made
 *            in place: a mutant is valid until the next one. In the sanitizer build what a prefix
 *            leaves over may not be touched.
 */
#pragma once
#include "base/bytes.h"

/* Of each byte: the prefix before it, its complement, its eight flipped bits. */
enum { TEST_MUTANTS_PER_BYTE = 10 };

typedef struct test_mutator {
    ww_view original; /* borrowed */
    uint8_t *copy;
    size_t at; /* what the last mutant changed */
} test_mutator;

void test_mutator_init(test_mutator *mutator, ww_view bytes);
void test_mutator_deinit(test_mutator *mutator);

/* The mutant of that number, below bytes.size * TEST_MUTANTS_PER_BYTE: those of a byte stand
 * together, the prefix first. */
ww_view test_mutant(test_mutator *mutator, size_t number);

typedef void test_mutant_fn(void *arg, ww_view mutant);

/* Calls `fn` with about `count` of all mutants, chosen by `seed`. */
void test_some_mutants(ww_view bytes, size_t count, uint64_t seed, test_mutant_fn *fn, void *arg);
