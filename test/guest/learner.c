/* An index that the operator must give two inputs: ids begin at the number whose digits are "seed", and what is found is the
 * bytes of "weights" as numbers. Training adds a weight, which is the number of those before. It remembers all that;
 * a state that it did not make it refuses. */
#include "contract.h"

typedef struct given {
    text name;
    const uint8_t *bytes;
    size_t size;
} given;

enum { WEIGHTS_MAX = 16 };

static struct memory {
    char word[8];
    uint64_t last, weight_count;
    float weights[WEIGHTS_MAX];
} all = {.word = "learned"};

static value_result result;

CONTRACT("component", "inputs") const texts *inputs(void)
{
    static const text names[] = {{"seed", 4}, {"weights", 7}};
    static const texts both = {names, 2};
    return &both;
}

CONTRACT("component", "bootstrap")
unit_result *bootstrap(const uint8_t *slot, size_t slot_size, const uint8_t *config, size_t size,
                       const given *inputs, size_t count)
{
    static const char wrong[] = "no such inputs";
    (void)slot, (void)slot_size, (void)config, (void)size;
    if (count != 2 || !is((const uint8_t *)inputs[0].name.data, inputs[0].name.size, "seed"))
        return done(wrong, sizeof wrong - 1);
    all.last = all.weight_count = 0;
    for (size_t i = 0; i < inputs[0].size; i++)
        all.last = all.last * 10 + (inputs[0].bytes[i] - '0');
    for (size_t i = 0; i < inputs[1].size && i < WEIGHTS_MAX; i++)
        all.weights[all.weight_count++] = inputs[1].bytes[i];
    return done(NULL, 0);
}

/* --- state --- */

typedef struct bytes_result {
    uint8_t is_error;
    text bytes;
} bytes_result;

CONTRACT("state", "save") const bytes_result *save(void)
{
    static const bytes_result result = {.bytes = {(const char *)&all, sizeof all}};
    return &result;
}

CONTRACT("state", "load") unit_result *load(const struct memory *state, size_t size)
{
    static const char wrong[] = "not a state of mine";
    bool is_mine = size == sizeof all && state->weight_count <= WEIGHTS_MAX;
    for (size_t i = 0; is_mine && i < sizeof all.word; i++)
        is_mine = state->word[i] == all.word[i];
    if (!is_mine) return done(wrong, sizeof wrong - 1);
    __builtin_memcpy_inline(&all, state, sizeof all);
    return done(NULL, 0);
}

CONTRACT("index", "add")
value_result *add(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d)
{
    (void)a, (void)b, (void)c, (void)d, (void)tag;
    used = 0;
    result = (value_result){.value = {.tag = NUMBER, .number = ++all.last}};
    return &result;
}

CONTRACT("index", "search")
value_result *search(int32_t tag, int64_t a, int32_t b, int32_t c, int32_t d, int32_t k)
{
    (void)a, (void)b, (void)c, (void)d, (void)tag, (void)k;
    used = 0;
    result =
        (value_result){.value = {.tag = FLOATS, .list = {all.weights, (size_t)all.weight_count}}};
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
    if (all.weight_count < WEIGHTS_MAX) {
        all.weights[all.weight_count] = (float)all.weight_count;
        all.weight_count++;
    }
    return done(NULL, 0);
}
