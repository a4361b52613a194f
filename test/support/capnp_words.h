/* test/support/capnp_words.h - spelling Cap'n Proto pointers in tests. */
#pragma once
#include "capnp/frame.h"

/* A pointer to a struct, a list, a landing pad; the n-th capability. Offsets count from the end of
 * the pointer. */
#define STRUCT(offset, data, pointers)                                                             \
    ((uint64_t)(uint32_t)((int64_t)(offset)*4) | (uint64_t)(data) << 32 |                          \
     (uint64_t)(pointers) << 48)
#define LIST(offset, code, count)                                                                  \
    ((uint64_t)(uint32_t)((int64_t)(offset)*4 + 1) | (uint64_t)(code) << 32 |                      \
     (uint64_t)(count) << 35)
#define FAR(is_double, offset, segment)                                                            \
    ((uint64_t)(uint32_t)((int64_t)(offset)*8 + (is_double)*4 + 2) | (uint64_t)(segment) << 32)
#define TAG(count, data, pointers) STRUCT(count, data, pointers)
#define CAP(index)                 ((uint64_t)3 | (uint64_t)(index) << 32)

#define SEGMENT(words) ((ww_capnp_segment){(const uint8_t *)(words), WW_COUNT_OF(words), 0})

/* A message of the one segment `words`, and its root. */
#define MESSAGE(message, root, words)                                                              \
    ww_capnp_segment message##_segment = SEGMENT(words);                                           \
    ww_capnp_message message;                                                                      \
    ww_capnp_message_init(&message, &message##_segment, 1);                                        \
    ww_capnp_any root = ww_capnp_message_root(&message)

#define assert_fault(message, expected)                                                            \
    assert_int_equal(ww_capnp_message_check(&(message), NULL), (expected))
