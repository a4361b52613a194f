/* An index that the operator must give two inputs: ids begin at the number whose digits are "seed", and what is found is the
 * bytes of "weights" as numbers. */
#include "contract.h"

typedef struct given {
    text name;
    const uint8_t *bytes;
    size_t size;
} given;

enum { WEIGHTS_MAX = 16 };
static uint64_t last;
static float weights[WEIGHTS_MAX];
static size_t weight_count;
static value_result result;

CONTRACT("component", "inputs") const texts *inputs(void)
{
    static const text names[] = {{"seed", 4}, {"weights", 7}};
    static const texts all = {names, 2};
    return &all;
}

CONTRACT("component", "bootstrap")
unit_result *bootstrap(const uint8_t *slot, size_t slot_size, const uint8_t *config, size_t size,
                       const given *inputs, size_t count)
{
    static const char wrong[] = "no such inputs";
    (void)slot, (void)slot_size, (void)config, (void)size;
    if (count != 2 || !is((const uint8_t *)inputs[0].name.data, inputs[0].name.size, "seed"))
        return done(wrong, sizeof wrong - 1);
    last = 0;
    for (size_t i = 0; i < inputs[0].size; i++)
        last = last * 10 + (inputs[0].bytes[i] - '0');
    for (weight_count = 0; weight_count < inputs[1].size && weight_count < WEIGHTS_MAX;
         weight_count++)
        weights[weight_count] = inputs[1].bytes[weight_count];
    return done(NULL, 0);
}

CONTRACT("index", "add")
value_result *add(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d)
{
    (void)a, (void)b, (void)c, (void)d, (void)tag;
    used = 0;
    result = (value_result){.value = {.tag = NUMBER, .number = ++last}};
    return &result;
}

CONTRACT("index", "search")
value_result *search(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d, int32_t k)
{
    (void)a, (void)b, (void)c, (void)d, (void)tag, (void)k;
    used = 0;
    result = (value_result){.value = {.tag = FLOATS, .list = {weights, weight_count}}};
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
    (void)a, (void)b, (void)c, (void)d, (void)tag;
    return done(NULL, 0);
}
