/* capnp/wire.h - the words of the Cap'n Proto encoding, taken apart and put together. Private to
 * src/capnp.
 *
 * Model      A pointer is one little-endian word. It is loaded once into a register and judged from
 *            there, so that memory that changes meanwhile (a guest's) cannot slip between a check
 *            and its use.
 */
#pragma once
#include "base/status.h"
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are read in place");

enum { CAPNP_WORD = 8 };
enum capnp_kind { CAPNP_STRUCT, CAPNP_LIST, CAPNP_FAR, CAPNP_OTHER };

static inline uint64_t capnp_load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline void capnp_store(uint8_t *at, uint64_t word)
{
    memcpy(at, &word, sizeof word);
}

static inline enum capnp_kind capnp_kind_of(uint64_t word)
{
    return (enum capnp_kind)(word & 3);
}

/* Structs and lists: words from the end of the pointer to the object. */
static inline int32_t capnp_offset_of(uint64_t word)
{
    return (int32_t)(uint32_t)word >> 2;
}

static inline uint16_t capnp_struct_data(uint64_t word)
{
    return (uint16_t)(word >> 32);
}

static inline uint16_t capnp_struct_pointers(uint64_t word)
{
    return (uint16_t)(word >> 48);
}

static inline unsigned capnp_list_code(uint64_t word)
{
    return (unsigned)(word >> 32) & 7;
}

static inline uint32_t capnp_list_count(uint64_t word)
{
    return (uint32_t)(word >> 35);
}

static inline bool capnp_far_is_double(uint64_t word)
{
    return word & 4;
}

static inline uint32_t capnp_far_offset(uint64_t word)
{
    return (uint32_t)word >> 3;
}

static inline uint32_t capnp_far_segment(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

static inline uint64_t capnp_struct_word(int64_t offset, uint16_t data, uint16_t pointers)
{
    return (uint32_t)(offset * 4) | (uint64_t)data << 32 | (uint64_t)pointers << 48;
}

static inline uint64_t capnp_list_word(int64_t offset, unsigned code, uint32_t count)
{
    return (uint32_t)(offset * 4) | CAPNP_LIST | (uint64_t)code << 32 | (uint64_t)count << 35;
}

static inline uint64_t capnp_far_word(bool is_double, uint32_t offset, uint32_t segment)
{
    return (uint64_t)segment << 32 | offset << 3 | (is_double ? 4 : 0) | CAPNP_FAR;
}

/* The same pointer with its object `offset` words away. */
static inline uint64_t capnp_with_offset(uint64_t word, int64_t offset)
{
    return (word & ~(uint64_t)0xfffffffc) | (uint32_t)(offset * 4);
}

static inline uint32_t capnp_code_bits(unsigned code)
{
    static const uint8_t bits[8] = {0, 1, 8, 16, 32, 64, 64, 0};
    return bits[code & 7];
}

static inline uint64_t capnp_words_of_bits(uint64_t bits)
{
    return (bits + 63) / 64;
}
