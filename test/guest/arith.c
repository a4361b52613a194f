/* A backend with two operations of its own: Warp multiplies by its attribute "factor", and by the sum of a second input
 * if there is one; Relu adds 100, which is wrong, and shows who did it. */
#include "contract.h"

typedef struct attribute {
    text name;
    _Alignas(8) uint8_t tag;
    _Alignas(8) union {
        int64_t integer;
        struct {
            const void *data;
            size_t count;
        } list[2];
    };
} attribute;

typedef struct input {
    uint8_t is_some;
    _Alignas(8) value value;
} input;

typedef struct values_result {
    uint8_t is_error;
    union {
        struct {
            const value *at;
            size_t count;
        } values;
        text error;
    };
} values_result;

CONTRACT("component", "inputs") const texts *inputs(void)
{
    static const texts none;
    return &none;
}

CONTRACT("component", "bootstrap")
unit_result *bootstrap(const uint8_t *slot, size_t slot_size, const uint8_t *config, size_t size,
                       const void *given, size_t given_count)
{
    (void)slot, (void)slot_size, (void)config, (void)size, (void)given, (void)given_count;
    return done(NULL, 0);
}

CONTRACT("backend", "operations") const texts *operations(void)
{
    static const text names[] = {{"Warp", 4}, {"Relu", 4}};
    static const texts all = {names, 2};
    return &all;
}

static float factor_of(const attribute *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is((const uint8_t *)attributes[i].name.data, attributes[i].name.size, "factor"))
            return (float)attributes[i].integer;
    return 1;
}

static float sum_of(const input *in)
{
    float sum = 0;
    for (size_t i = 0; i < in->value.tensor.count; i++)
        sum += in->value.tensor.data[i];
    return in->is_some ? sum : 1;
}

CONTRACT("backend", "dispatch")
values_result *dispatch(const uint8_t *name, size_t size, const attribute *attributes,
                        size_t attribute_count, const input *inputs, size_t count)
{
    static const char no_tensor[] = "a tensor is needed";
    static values_result result;
    static value output;
    static float data[64];
    used = 0;
    result = (values_result){.is_error = true, .error = {no_tensor, sizeof no_tensor - 1}};
    if (!count || !inputs[0].is_some || inputs[0].value.tag != TENSOR ||
        inputs[0].value.tensor.count > 64)
        return &result;
    output = inputs[0].value;
    bool warps = is(name, size, "Warp");
    float factor = warps ? factor_of(attributes, attribute_count) : 1;
    if (warps && count > 1) factor *= sum_of(&inputs[1]);
    for (size_t i = 0; i < output.tensor.count; i++)
        data[i] = output.tensor.data[i] * factor + (warps ? 0 : 100);
    output.tensor.data = data;
    result = (values_result){.values = {&output, 1}};
    return &result;
}
