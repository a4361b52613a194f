#include "conformance.h"
#include <stdlib.h>

static const json_t *value_of(const json_t *json)
{
    return json_object_get(json, "value");
}

static const char *text_of(const json_t *json)
{
    const char *text = json_string_value(value_of(json));
    return text ? text : "";
}

static bool find_field(const ww_type *type, const char *name, uint32_t *index)
{
    for (uint32_t i = 0; i < type->count; i++)
        if (ww_view_is(type->fields[i].name, name)) return *index = i, true;
    return false;
}

/* The case that a variant, option or result has in JSON, and the payload or NULL. */
static bool find_case(const json_t *json, const ww_type *type, uint32_t *tag,
                      const json_t **payload)
{
    const json_t *value = value_of(json);
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_OPTION:
        *tag = !json_is_null(value);
        *payload = *tag ? value : NULL;
        return true;
    case WW_TYPE_RESULT:
        *tag = !json_object_get(value, "Ok");
        *payload = json_object_get(value, *tag ? "Err" : "Ok");
        if (json_is_null(*payload)) *payload = NULL;
        return true;
    default:
        *payload = json_object_get(value, "payload");
        if (json_is_null(*payload)) *payload = NULL;
        return find_field(type, json_string_value(json_object_get(value, "case")), tag);
    }
}

static uint32_t flags_of(const json_t *json, const ww_type *type)
{
    uint32_t bits = 0, bit;
    size_t i;
    json_t *label;
    json_array_foreach(value_of(json), i, label) if (find_field(type, json_string_value(label),
                                                                &bit)) bits |= UINT32_C(1) << bit;
    return bits;
}

static uint32_t char_of(const char *text)
{
    uint32_t point = (uint8_t)text[0];
    if (point < 0x80) return point;
    int more = point < 0xe0 ? 1 : point < 0xf0 ? 2 : 3;
    point &= 0x3fu >> more;
    for (int i = 1; i <= more; i++)
        point = point << 6 | ((uint8_t)text[i] & 0x3f);
    return point;
}

/* Little endian, so that the low bytes are the narrower value. Floats come as bits. */
static void put_number(const char *text, const ww_type *type, void *out)
{
    uint64_t bits = text[0] == '-' ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
    memcpy(out, &bits, type->host_size);
}

/* Of a record's or tuple's i-th field. */
static const json_t *field_of(const json_t *json, const ww_type *type, uint32_t i)
{
    const json_t *item = json_array_get(value_of(json), i);
    return type->kind == WW_TYPE_RECORD ? json_array_get(item, 1) : item;
}

static bool read_list(const json_t *json, const ww_type *type, ww_list *out, ww_arena *arena)
{
    size_t count = json_array_size(value_of(json));
    uint8_t *data = ww_arena_array(arena, count, type->element->host_size);
    *out = (ww_list){data, count};
    for (size_t i = 0; i < count; i++, data += type->element->host_size)
        if (!conformance_value_read(json_array_get(value_of(json), i), type->element, data, arena))
            return false;
    return true;
}

bool conformance_value_read(const json_t *json, const ww_type *type, void *out, ww_arena *arena)
{
    uint32_t tag = 0;
    const json_t *payload;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_BOOL: *(bool *)out = json_is_true(value_of(json)); return true;
    case WW_TYPE_CHAR: *(uint32_t *)out = char_of(text_of(json)); return true;
    case WW_TYPE_STRING:
        *(ww_list *)out = (ww_list){text_of(json), json_string_length(value_of(json))};
        return true;
    case WW_TYPE_LIST: return read_list(json, type, out, arena);
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            if (!conformance_value_read(field_of(json, type, i), type->fields[i].type,
                                        (uint8_t *)out + type->fields[i].host_offset, arena))
                return false;
        return true;
    case WW_TYPE_ENUM: return find_field(type, text_of(json), out);
    case WW_TYPE_FLAGS: *(uint32_t *)out = flags_of(json, type); return true;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        if (!find_case(json, type, &tag, &payload)) return false;
        memcpy(out, &tag, sizeof tag);
        return !type->fields[tag].type ||
               conformance_value_read(payload, type->fields[tag].type,
                                      (uint8_t *)out + type->payload_host_offset, arena);
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return false;
    default: put_number(text_of(json), type, out); return true;
    }
}

static bool equal_list(const json_t *json, const ww_type *type, const ww_list *list)
{
    const json_t *value = value_of(json);
    if (json_array_size(value) != list->count) return false;
    const uint8_t *data = list->data;
    for (size_t i = 0; i < list->count; i++, data += type->element->host_size)
        if (!conformance_value_equal(json_array_get(value, i), type->element, data)) return false;
    return true;
}

static bool equal_variant(const json_t *json, const ww_type *type, const void *value)
{
    uint32_t tag, expected = 0;
    const json_t *payload;
    memcpy(&tag, value, sizeof tag);
    if (!find_case(json, type, &expected, &payload) || tag != expected) return false;
    return !type->fields[tag].type ||
           conformance_value_equal(payload, type->fields[tag].type,
                                   (const uint8_t *)value + type->payload_host_offset);
}

bool conformance_value_equal(const json_t *json, const ww_type *type, const void *value)
{
    const ww_list *list = value;
    uint64_t number;
    uint32_t label = 0;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_BOOL: return *(const bool *)value == json_is_true(value_of(json));
    case WW_TYPE_CHAR: return *(const uint32_t *)value == char_of(text_of(json));
    case WW_TYPE_STRING:
        return ww_view_equal(ww_view_of(list->data, list->count),
                             ww_view_of(text_of(json), json_string_length(value_of(json))));
    case WW_TYPE_LIST: return equal_list(json, type, list);
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            if (!conformance_value_equal(field_of(json, type, i), type->fields[i].type,
                                         (const uint8_t *)value + type->fields[i].host_offset))
                return false;
        return true;
    case WW_TYPE_ENUM:
        return find_field(type, text_of(json), &label) && label == *(const uint32_t *)value;
    case WW_TYPE_FLAGS: return *(const uint32_t *)value == flags_of(json, type);
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT: return equal_variant(json, type, value);
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return false;
    default:
        put_number(text_of(json), type, &number);
        return memcmp(&number, value, type->host_size) == 0;
    }
}
