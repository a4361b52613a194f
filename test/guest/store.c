/* A component for the index slot of a dataflow module (wit/ww-contract), without libc. It answers ids in order; what it
 * has been given is its only state. Its bootstrap does as the slot's configuration says: "wait" sleeps for a moment, "stay" for an hour, "spin"
 * never ends, "fail" answers an error, "trap" traps. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTRACT(interface, name)                                                                  \
    __attribute__((export_name("ww:contract/" interface "@0.1.0#" name)))

__attribute__((import_module("wasi:clocks/monotonic-clock@0.2.12"),
               import_name("subscribe-duration"))) int32_t
subscribe_duration(uint64_t ns);
__attribute__((import_module("wasi:io/poll@0.2.12"), import_name("[method]pollable.block"))) void
pollable_block(int32_t pollable);
__attribute__((import_module("wasi:io/poll@0.2.12"), import_name("[resource-drop]pollable"))) void
drop_pollable(int32_t pollable);

typedef enum tag { TRIGGER, NUMBER, BYTES, FLOATS, TENSOR, PEER_ID, CODED } tag;

/* As the canonical ABI lays them out: value has 24 bytes, its payload at 8. */
typedef struct text {
    const char *data;
    size_t size;
} text;

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

/* --- memory: taken for each call, and given back as a whole after it --- */

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

/* --- component --- */

static void pause_for(uint64_t ns)
{
    int32_t pollable = subscribe_duration(ns);
    pollable_block(pollable);
    drop_pollable(pollable);
}

static void spin(void)
{
    volatile bool ends = false;
    while (!ends)
        continue;
}

CONTRACT("component", "bootstrap")
unit_result *bootstrap(const uint8_t *slot, size_t slot_size, const uint8_t *config, size_t size)
{
    static const char no_room[] = "no room for the index";
    (void)slot;
    (void)slot_size;
    if (is(config, size, "trap")) __builtin_trap();
    if (is(config, size, "wait")) pause_for(1000000);
    if (is(config, size, "spin")) spin();
    if (is(config, size, "stay")) pause_for(UINT64_C(3600000000000));
    return is(config, size, "fail") ? done(no_room, sizeof no_room - 1) : done(NULL, 0);
}

/* --- index --- */

static uint64_t count;
static float found[3]; /* how many items, k, and the sum of the last item */
static value_result result;

/* The flat form of a value: its case, and the payloads of all cases laid over each other. */
CONTRACT("index", "add")
value_result *add(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d)
{
    const float *item = (const float *)(uintptr_t)(tag == TENSOR ? (uint32_t)c : (uint32_t)a);
    size_t size = tag == TENSOR ? (size_t)d : tag == FLOATS ? (size_t)b : 0;
    found[2] = 0;
    for (size_t i = 0; i < size; i++)
        found[2] += item[i];
    used = 0;
    result = (value_result){.value = {.tag = NUMBER, .number = ++count}};
    return &result;
}

CONTRACT("index", "search")
value_result *search(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d, int32_t k)
{
    (void)a, (void)b, (void)c, (void)d, (void)tag;
    used = 0;
    found[0] = (float)count;
    found[1] = (float)k;
    result = (value_result){.value = {.tag = FLOATS, .list = {found, 3}}};
    return &result;
}

CONTRACT("index", "remove")
unit_result *remove_id(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d)
{
    (void)a, (void)b, (void)c, (void)d, (void)tag;
    return done(NULL, 0);
}

CONTRACT("index", "train")
unit_result *train(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d)
{
    static const char text[] = "nothing to train on";
    (void)b, (void)c, (void)d, (void)a;
    return tag == TRIGGER ? done(text, sizeof text - 1) : done(NULL, 0);
}
