/* Invariants of fields:
 *   1. `end` points to the link behind the last item; count and bytes are those of the list.
 *   2. bytes + count * WW_HTTP_FIELD_COST <= WW_HTTP_FIELD_BYTES_MAX.
 */
#include "resource/http.h"

/* --- fields */

static void free_item(const ww_fields *fields, ww_field_item *item)
{
    ww_free(fields->allocator, item, sizeof *item + item->size);
}

static void fields_free(ww_object *object)
{
    ww_fields *fields = WW_CONTAINER_OF(object, ww_fields, object);
    for (ww_field_item *item = fields->first, *next; item; item = next) {
        next = item->next;
        free_item(fields, item);
    }
    ww_free(fields->allocator, fields, sizeof *fields);
}

ww_status ww_fields_new(ww_wasi *wasi, ww_fields **out)
{
    static const ww_object_class class = {"fields", fields_free};
    void *made;
    ww_status status = ww_wasi_make(wasi, &class, sizeof **out, NULL, &made);
    *out = made;
    if (status) return status;
    (*out)->allocator = wasi->options.allocator;
    (*out)->end = &(*out)->first;
    return WW_OK;
}

/* token of RFC 9110, section 5.6.2 */
bool ww_field_name_is_valid(ww_view name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool is_alphanumeric =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alphanumeric && !memchr(others, c, sizeof others - 1)) return false;
    }
    return name.size > 0;
}

/* field-value of RFC 9110, section 5.5: nothing that ends a line */
bool ww_field_value_is_valid(ww_view value)
{
    for (size_t i = 0; i < value.size; i++)
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f) return false;
    return true;
}

ww_status ww_fields_append(ww_fields *fields, ww_view name, ww_view value)
{
    if (!ww_field_name_is_valid(name) || !ww_field_value_is_valid(value)) return WW_E_INVALID;
    size_t used = fields->bytes + (fields->count + 1) * WW_HTTP_FIELD_COST;
    size_t left = used < WW_HTTP_FIELD_BYTES_MAX ? WW_HTTP_FIELD_BYTES_MAX - used : 0;
    if (name.size > left || value.size > left - name.size) return WW_E_QUOTA;
    size_t size = name.size + value.size;
    ww_field_item *item = ww_alloc(fields->allocator, sizeof *item + size);
    if (!item) return WW_E_MEMORY;
    *item = (ww_field_item){.name_size = name.size, .size = size};
    memcpy(item->bytes, name.data, name.size);
    if (value.size) memcpy(item->bytes + name.size, value.data, value.size);
    *fields->end = item;
    fields->end = &item->next;
    fields->count++;
    fields->bytes += size;
    return WW_OK;
}

ww_status ww_fields_clone(ww_wasi *wasi, const ww_fields *fields, ww_fields **out)
{
    ww_status status = ww_fields_new(wasi, out);
    for (const ww_field_item *item = fields->first; item && !status; item = item->next)
        status = ww_fields_append(*out, ww_field_name(item), ww_field_value(item));
    if (status && *out) {
        ww_object_release(&(*out)->object);
        *out = NULL;
    }
    return status;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool same_name(const ww_field_item *item, ww_view name)
{
    if (item->name_size != name.size) return false;
    for (size_t i = 0; i < name.size; i++)
        if (lower(item->bytes[i]) != lower(name.data[i])) return false;
    return true;
}

const ww_field_item *ww_fields_find(const ww_field_item *item, ww_view name)
{
    while (item && !same_name(item, name))
        item = item->next;
    return item;
}

void ww_fields_remove(ww_fields *fields, ww_view name)
{
    ww_field_item **link = &fields->first;
    while (*link) {
        ww_field_item *item = *link;
        if (!same_name(item, name)) {
            link = &item->next;
            continue;
        }
        *link = item->next;
        fields->count--;
        fields->bytes -= item->size;
        free_item(fields, item);
    }
    fields->end = link;
}

/* --- requests */

static void request_free(ww_object *object)
{
    ww_outgoing_request *request = WW_CONTAINER_OF(object, ww_outgoing_request, object);
    ww_object_release(&request->headers->object);
    ww_buf *texts[] = {&request->method.text, &request->scheme.text, &request->path,
                       &request->authority};
    for (size_t i = 0; i < WW_COUNT_OF(texts); i++)
        ww_buf_deinit(texts[i]);
    ww_free(request->allocator, request, sizeof *request);
}

ww_status ww_outgoing_request_new(ww_wasi *wasi, ww_fields *headers, ww_outgoing_request **out)
{
    static const ww_object_class class = {"outgoing-request", request_free};
    const ww_allocator *allocator = wasi->options.allocator;
    void *made;
    ww_status status = ww_wasi_make(wasi, &class, sizeof **out, NULL, &made);
    ww_outgoing_request *request = *out = made;
    if (status) {
        ww_object_release(&headers->object);
        return status;
    }
    request->allocator = allocator;
    request->headers = headers;
    headers->immutable = true;
    ww_buf_init(&request->method.text, allocator, WW_HTTP_TEXT_MAX);
    ww_buf_init(&request->scheme.text, allocator, WW_HTTP_TEXT_MAX);
    ww_buf_init(&request->path, allocator, WW_HTTP_TEXT_MAX);
    ww_buf_init(&request->authority, allocator, WW_HTTP_TEXT_MAX);
    return WW_OK;
}

ww_status ww_http_text_set(ww_buf *text, ww_view value)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] <= 0x20 || value.data[i] == 0x7f) return WW_E_INVALID;
    ww_buf_clear(text);
    ww_status status = ww_buf_append(text, value.data, value.size);
    return status == WW_E_LIMIT ? WW_E_QUOTA : status;
}

/* --- bodies and options */

static void body_free(ww_object *object)
{
    ww_outgoing_body *body = WW_CONTAINER_OF(object, ww_outgoing_body, object);
    ww_free(body->allocator, body, sizeof *body);
}

ww_status ww_outgoing_body_new(ww_wasi *wasi, ww_outgoing_body **out)
{
    static const ww_object_class class = {"outgoing-body", body_free};
    void *made;
    ww_status status = ww_wasi_make(wasi, &class, sizeof **out, NULL, &made);
    *out = made;
    if (!status) (*out)->allocator = wasi->options.allocator;
    return status;
}

static void options_free(ww_object *object)
{
    ww_request_options *options = WW_CONTAINER_OF(object, ww_request_options, object);
    ww_free(options->allocator, options, sizeof *options);
}

ww_status ww_request_options_new(ww_wasi *wasi, ww_request_options **out)
{
    static const ww_object_class class = {"request-options", options_free};
    void *made;
    ww_status status = ww_wasi_make(wasi, &class, sizeof **out, NULL, &made);
    *out = made;
    if (!status) (*out)->allocator = wasi->options.allocator;
    return status;
}
