/* A component for the index slot of a dataflow module (wit/ww-contract), without libc. It answers ids in order; what it
 * has been given is its only state. Its bootstrap does as the slot's configuration says: "wait" sleeps for a moment, "stay" for an hour, "spin"
 * never ends, "fail" answers an error, "trap" traps. */
#include "contract.h"

__attribute__((import_module("wasi:clocks/monotonic-clock@0.2.12"),
               import_name("subscribe-duration"))) int32_t
subscribe_duration(uint64_t ns);
__attribute__((import_module("wasi:io/poll@0.2.12"), import_name("[method]pollable.block"))) void
pollable_block(int32_t pollable);
__attribute__((import_module("wasi:io/poll@0.2.12"), import_name("[resource-drop]pollable"))) void
drop_pollable(int32_t pollable);

/* --- component --- */

static void pause_for(uint64_t ns)
{
    int32_t pollable = subscribe_duration(ns);
    pollable_block(pollable);
    drop_pollable(pollable);
}

CONTRACT("component", "inputs") const texts *inputs(void)
{
    static const texts none;
    return &none;
}

static void spin(void)
{
    volatile bool ends = false;
    while (!ends)
        continue;
}

CONTRACT("component", "bootstrap")
unit_result *bootstrap(const uint8_t *slot, size_t slot_size, const uint8_t *config, size_t size,
                       const void *given, size_t given_count)
{
    static const char no_room[] = "no room for the index";
    (void)slot, (void)slot_size, (void)given, (void)given_count;
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
