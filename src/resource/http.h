/* resource/http.h - what a guest puts together before it asks for an HTTP request: header fields,
 * the request, its options and its body.
 *
 * Model      These are values in memory and need no authority; sending is what needs it
 *            (wasi:http/outgoing-handler). Field names compare without case and keep their order.
 *            A request hands out immutable copies of its headers, its body once, and the body its
 *            stream once. What is written to a body goes nowhere: there is no sending yet.
 * Ownership  See resource/object.h. A request owns the headers that it was made of.
 * Bounds     WW_HTTP_FIELD_BYTES_MAX of one fields, counting WW_HTTP_FIELD_COST for each;
 *            WW_HTTP_TEXT_MAX of method, scheme, authority and path. E_QUOTA beyond.
 * Trust      Names, values and texts are the guest's: what would not be one line of a request is
 *            E_INVALID.
 */
#pragma once
#include "resource/object.h"
#include "resource/wasi.h"

enum { WW_HTTP_FIELD_BYTES_MAX = 64 << 10, WW_HTTP_FIELD_COST = 64, WW_HTTP_TEXT_MAX = 8 << 10 };

typedef struct ww_field_item ww_field_item;
struct ww_field_item {
    ww_field_item *next;
    size_t name_size, size; /* of the name; with the value behind it */
    uint8_t bytes[];
};

typedef struct ww_fields {
    ww_object object;
    const ww_allocator *allocator;
    ww_field_item *first, **end;
    size_t count, bytes;
    bool immutable;
} ww_fields;

WW_MUST_USE ww_status ww_fields_new(ww_wasi *wasi, ww_fields **out);
WW_MUST_USE ww_status ww_fields_clone(ww_wasi *wasi, const ww_fields *fields, ww_fields **out);
/* At the end; copies. E_INVALID, E_QUOTA, E_MEMORY. */
WW_MUST_USE ww_status ww_fields_append(ww_fields *fields, ww_view name, ww_view value);
void ww_fields_remove(ww_fields *fields, ww_view name);
/* The first of that name from `item` on, which may be NULL; or NULL. */
const ww_field_item *ww_fields_find(const ww_field_item *item, ww_view name);
bool ww_field_name_is_valid(ww_view name);
bool ww_field_value_is_valid(ww_view value);

static inline ww_view ww_field_name(const ww_field_item *item)
{
    return ww_view_of(item->bytes, item->name_size);
}

static inline ww_view ww_field_value(const ww_field_item *item)
{
    return ww_view_of(item->bytes + item->name_size, item->size - item->name_size);
}

/* A method or scheme: one of a few by number, or, with the last one, a text of its own. */
typedef struct ww_http_word {
    uint32_t number;
    ww_buf text;
} ww_http_word;

typedef struct ww_outgoing_request {
    ww_object object;
    const ww_allocator *allocator;
    ww_fields *headers;
    ww_http_word method, scheme;
    ww_buf path, authority;
    bool has_scheme, has_path, has_authority, has_given_body;
} ww_outgoing_request;

/* Takes `headers`, also when it fails. */
WW_MUST_USE ww_status ww_outgoing_request_new(ww_wasi *wasi, ww_fields *headers,
                                              ww_outgoing_request **out);
/* Replaces a text by printable characters without blanks. E_INVALID, E_QUOTA, E_MEMORY. */
WW_MUST_USE ww_status ww_http_text_set(ww_buf *text, ww_view value);

typedef struct ww_outgoing_body {
    ww_object object;
    const ww_allocator *allocator;
    bool has_given_stream;
} ww_outgoing_body;

WW_MUST_USE ww_status ww_outgoing_body_new(ww_wasi *wasi, ww_outgoing_body **out);

typedef enum ww_http_wait {
    WW_HTTP_CONNECT,
    WW_HTTP_FIRST_BYTE,
    WW_HTTP_BETWEEN_BYTES,
    WW_HTTP_WAITS
} ww_http_wait;

typedef struct ww_request_options {
    ww_object object;
    const ww_allocator *allocator;
    struct {
        bool is_set;
        uint64_t ns;
    } timeouts[WW_HTTP_WAITS];
} ww_request_options;

WW_MUST_USE ww_status ww_request_options_new(ww_wasi *wasi, ww_request_options **out);
