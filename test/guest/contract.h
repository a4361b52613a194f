/* test/guest/contract.h - wit/ww-contract for guests without libc: types as the canonical ABI lays them out, and
 * memory that is taken for each call and given back as a whole after it. Included once, by the guest. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTRACT(interface, name)                                                                  \
    __attribute__((export_name("ww:contract/" interface "@0.1.0#" name)))

typedef enum tag { TRIGGER, NUMBER, BYTES, FLOATS, TENSOR, PEER_ID, CODED } tag;

/* value has 24 bytes, its payload at 8. */
typedef struct text {
    const char *data;
    size_t size;
} text;

typedef struct texts {
    const text *at;
    size_t count;
} texts;

typedef struct value {
    uint8_t tag;
    _Alignas(8) union {
        uint64_t number;
        struct {
            void *data;
            size_t count;
        } list;
        struct {
            const uint32_t *dims;
            size_t dim_count;
            const float *data;
            size_t count;
        } tensor;
    };
} value;

typedef struct value_result {
    uint8_t is_error;
    _Alignas(8) union {
        value value;
        text error;
    };
} value_result;

typedef struct unit_result {
    uint8_t is_error;
    text error;
} unit_result;

/* --- memory --- */

enum { ROOM = 4 << 20 };
static _Alignas(16) uint8_t room[ROOM];
static size_t used;

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size,
                                                                size_t align, size_t size)
{
    size_t at = (used + align - 1) & ~(align - 1);
    if (old || old_size || size > ROOM || at > ROOM - size) __builtin_trap();
    used = at + size;
    return room + at;
}

static bool is(const uint8_t *data, size_t size, const char *word)
{
    size_t i = 0;
    for (; i < size && word[i]; i++)
        if (data[i] != (uint8_t)word[i]) return false;
    return i == size && !word[i];
}

static unit_result unit;

static unit_result *done(const char *error, size_t size)
{
    used = 0;
    unit = (unit_result){.is_error = error != NULL, .error = {error, size}};
    return &unit;
}
