/* test/support/mutate.h - what a hostile hand makes of a good file with little effort. */
#pragma once
#include "base/bytes.h"

/* `mutant` lies in a heap block of its exact size. */
typedef void test_mutant_fn(void *arg, ww_view mutant);

/* Calls `fn` with every proper prefix of `bytes`, with each byte xor 0xff and with each single
 * bit flipped; of all these only one in `share`, chosen by `seed`. Returns how many it called. */
size_t test_each_mutant(ww_view bytes, uint32_t share, uint64_t seed, test_mutant_fn *fn,
                        void *arg);
