#include "cli/json.h"
#include "base/hex.h"

json_t *ww_json_text(ww_view text)
{
    json_t *value = text.data ? json_stringn((const char *)text.data, text.size) : NULL;
    return value ? value : json_null();
}

json_t *ww_json_string(const char *text)
{
    return ww_json_text(text && *text ? ww_view_str(text) : ww_view_of(NULL, 0));
}

json_t *ww_json_hex(ww_view bytes)
{
    const ww_allocator *allocator = ww_allocator_libc();
    size_t size = 2 * bytes.size + 1;
    char *text = ww_alloc(allocator, size);
    if (!text) return json_null();
    ww_hex_encode(bytes, text);
    json_t *value = ww_json_text(ww_view_of(text, size - 1));
    ww_free(allocator, text, size);
    return value;
}

void ww_json_print(FILE *file, json_t *value)
{
    json_dumpf(value, file,
               JSON_COMPACT | JSON_ENSURE_ASCII); /* nothing that commands a terminal */
    fputc('\n', file);
    json_decref(value);
}
