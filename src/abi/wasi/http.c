/* wasi:http: requests as values that a guest puts together. Sending one is denied by the policy row
 * of outgoing-handler, which is why no other function finds anything to work on. */
#include "resource/http.h"
#include "abi/wasi/bindings.h"
#include "resource/stream.h"

typedef wasi_http_result_none_header_error header_result;
typedef wasi_http_result_none_none plain_result;

/* --- fields */

/* What the guest hears of: its own mistake. Everything else is the call's. */
static ww_status answer(ww_status status, header_result *result)
{
    *result = (header_result){.is_error = status == WW_E_INVALID};
    result->error.tag = WASI_HTTP_HEADER_ERROR_INVALID_SYNTAX;
    return status == WW_E_INVALID ? WW_OK : status;
}

static bool is_immutable(const ww_fields *fields, header_result *result)
{
    *result = (header_result){.is_error = fields->immutable};
    result->error.tag = WASI_HTTP_HEADER_ERROR_IMMUTABLE;
    return fields->immutable;
}

static ww_status fields_new(ww_call *call, ww_fields **result)
{
    return ww_fields_new(ww_wasi_of(call), result);
}

static ww_status fields_from_list(ww_call *call, wasi_http_list_tuple_string_bytes entries,
                                  wasi_http_result_fields_header_error *result)
{
    ww_fields *made;
    ww_status status = ww_fields_new(ww_wasi_of(call), &made);
    if (status) return status;
    for (size_t i = 0; i < entries.count && !status; i++)
        status = ww_fields_append(made, entries.data[i].f0, entries.data[i].f1);
    *result = (wasi_http_result_fields_header_error){.is_error = status == WW_E_INVALID};
    if (!status) {
        result->ok = made;
        return WW_OK;
    }
    ww_object_release(&made->object);
    result->error.tag = WASI_HTTP_HEADER_ERROR_INVALID_SYNTAX;
    return status == WW_E_INVALID ? WW_OK : status;
}

static ww_status fields_get(ww_call *call, ww_fields *self, ww_view name,
                            wasi_http_list_bytes *result)
{
    ww_view *values = ww_call_scratch(call, (self->count + 1) * sizeof *values);
    if (!values) return WW_E_MEMORY;
    *result = (wasi_http_list_bytes){.data = values};
    for (const ww_field_item *item = self->first; (item = ww_fields_find(item, name));
         item = item->next)
        values[result->count++] = ww_field_value(item);
    return WW_OK;
}

static ww_status fields_has(ww_call *call, ww_fields *self, ww_view name, bool *result)
{
    (void)call;
    *result = ww_fields_find(self->first, name) != NULL;
    return WW_OK;
}

static bool all_are_valid(ww_view name, wasi_http_list_bytes values)
{
    bool valid = ww_field_name_is_valid(name);
    for (size_t i = 0; i < values.count && valid; i++)
        valid = ww_field_value_is_valid(values.data[i]);
    return valid;
}

static ww_status fields_set(ww_call *call, ww_fields *self, ww_view name,
                            wasi_http_list_bytes values, header_result *result)
{
    (void)call;
    if (is_immutable(self, result)) return WW_OK;
    if (!all_are_valid(name, values)) return answer(WW_E_INVALID, result);
    ww_fields_remove(self, name);
    ww_status status = WW_OK;
    for (size_t i = 0; i < values.count && !status; i++)
        status = ww_fields_append(self, name, values.data[i]);
    return answer(status, result);
}

static ww_status fields_delete(ww_call *call, ww_fields *self, ww_view name, header_result *result)
{
    (void)call;
    if (is_immutable(self, result)) return WW_OK;
    if (!ww_field_name_is_valid(name)) return answer(WW_E_INVALID, result);
    ww_fields_remove(self, name);
    return answer(WW_OK, result);
}

static ww_status fields_append(ww_call *call, ww_fields *self, ww_view name, ww_view value,
                               header_result *result)
{
    (void)call;
    if (is_immutable(self, result)) return WW_OK;
    return answer(ww_fields_append(self, name, value), result);
}

static ww_status fields_entries(ww_call *call, ww_fields *self,
                                wasi_http_list_tuple_string_bytes *result)
{
    wasi_http_tuple_string_bytes *entries =
        ww_call_scratch(call, (self->count + 1) * sizeof *entries);
    if (!entries) return WW_E_MEMORY;
    *result = (wasi_http_list_tuple_string_bytes){.data = entries};
    for (const ww_field_item *item = self->first; item; item = item->next)
        entries[result->count++] =
            (wasi_http_tuple_string_bytes){ww_field_name(item), ww_field_value(item)};
    return WW_OK;
}

static ww_status fields_clone(ww_call *call, ww_fields *self, ww_fields **result)
{
    return ww_fields_clone(ww_wasi_of(call), self, result);
}

/* --- requests */

static ww_status outgoing_request_new(ww_call *call, ww_fields *headers,
                                      ww_outgoing_request **result)
{
    return ww_outgoing_request_new(ww_wasi_of(call), headers, result);
}

static ww_status outgoing_request_body(ww_call *call, ww_outgoing_request *self,
                                       wasi_http_result_outgoing_body_none *result)
{
    *result = (wasi_http_result_outgoing_body_none){.is_error = self->has_given_body};
    if (self->has_given_body) return WW_OK;
    ww_status status = ww_outgoing_body_new(ww_wasi_of(call), &result->ok);
    self->has_given_body = !status;
    return status;
}

static ww_status plain(ww_status status, plain_result *result)
{
    result->is_error = status == WW_E_INVALID;
    return status == WW_E_INVALID ? WW_OK : status;
}

static ww_status set_word(ww_http_word *word, uint32_t number, uint32_t other, ww_view text,
                          plain_result *result)
{
    ww_status status = WW_OK;
    if (number == other)
        status = ww_field_name_is_valid(text) ? ww_http_text_set(&word->text, text) : WW_E_INVALID;
    if (!status) word->number = number;
    return plain(status, result);
}

static ww_status outgoing_request_method(ww_call *call, ww_outgoing_request *self,
                                         wasi_http_method *result)
{
    (void)call;
    *result = (wasi_http_method){.tag = self->method.number};
    if (result->tag == WASI_HTTP_METHOD_OTHER) result->other = ww_buf_view(&self->method.text);
    return WW_OK;
}

static ww_status outgoing_request_set_method(ww_call *call, ww_outgoing_request *self,
                                             const wasi_http_method *method, plain_result *result)
{
    (void)call;
    ww_view text = method->tag == WASI_HTTP_METHOD_OTHER ? method->other : (ww_view){0};
    return set_word(&self->method, method->tag, WASI_HTTP_METHOD_OTHER, text, result);
}

static ww_status outgoing_request_scheme(ww_call *call, ww_outgoing_request *self,
                                         wasi_http_option_scheme *result)
{
    (void)call;
    *result = (wasi_http_option_scheme){.is_some = self->has_scheme};
    result->some.tag = self->scheme.number;
    if (result->some.tag == WASI_HTTP_SCHEME_OTHER)
        result->some.other = ww_buf_view(&self->scheme.text);
    return WW_OK;
}

static ww_status outgoing_request_set_scheme(ww_call *call, ww_outgoing_request *self,
                                             const wasi_http_option_scheme *scheme,
                                             plain_result *result)
{
    (void)call;
    ww_status status = WW_OK;
    *result = (plain_result){0};
    if (scheme->is_some) {
        const wasi_http_scheme *some = &scheme->some;
        ww_view text = some->tag == WASI_HTTP_SCHEME_OTHER ? some->other : (ww_view){0};
        status = set_word(&self->scheme, some->tag, WASI_HTTP_SCHEME_OTHER, text, result);
    }
    if (!status && !result->is_error) self->has_scheme = scheme->is_some;
    return status;
}

static wasi_http_option_string text_of(const ww_buf *text, bool is_there)
{
    return (wasi_http_option_string){is_there, is_there ? ww_buf_view(text) : (ww_view){0}};
}

static ww_status set_text(ww_buf *text, bool *is_there, const wasi_http_option_string *value,
                          plain_result *result)
{
    ww_status status = value->is_some ? ww_http_text_set(text, value->some) : WW_OK;
    if (!status) *is_there = value->is_some;
    return plain(status, result);
}

static ww_status outgoing_request_path_with_query(ww_call *call, ww_outgoing_request *self,
                                                  wasi_http_option_string *result)
{
    (void)call;
    *result = text_of(&self->path, self->has_path);
    return WW_OK;
}

static ww_status outgoing_request_set_path_with_query(ww_call *call, ww_outgoing_request *self,
                                                      const wasi_http_option_string *path,
                                                      plain_result *result)
{
    (void)call;
    return set_text(&self->path, &self->has_path, path, result);
}

static ww_status outgoing_request_authority(ww_call *call, ww_outgoing_request *self,
                                            wasi_http_option_string *result)
{
    (void)call;
    *result = text_of(&self->authority, self->has_authority);
    return WW_OK;
}

static ww_status outgoing_request_set_authority(ww_call *call, ww_outgoing_request *self,
                                                const wasi_http_option_string *authority,
                                                plain_result *result)
{
    (void)call;
    return set_text(&self->authority, &self->has_authority, authority, result);
}

static ww_status outgoing_request_headers(ww_call *call, ww_outgoing_request *self,
                                          ww_fields **result)
{
    ww_status status = ww_fields_clone(ww_wasi_of(call), self->headers, result);
    if (!status) (*result)->immutable = true;
    return status;
}

/* --- options */

static ww_status request_options_new(ww_call *call, ww_request_options **result)
{
    return ww_request_options_new(ww_wasi_of(call), result);
}

static ww_status get_timeout(const ww_request_options *self, ww_http_wait wait,
                             wasi_http_option_u64 *result)
{
    *result = (wasi_http_option_u64){self->timeouts[wait].is_set, self->timeouts[wait].ns};
    return WW_OK;
}

static ww_status set_timeout(ww_request_options *self, ww_http_wait wait,
                             const wasi_http_option_u64 *duration, plain_result *result)
{
    self->timeouts[wait].is_set = duration->is_some;
    self->timeouts[wait].ns = duration->is_some ? duration->some : 0;
    return plain(WW_OK, result);
}

static ww_status request_options_connect_timeout(ww_call *call, ww_request_options *self,
                                                 wasi_http_option_u64 *result)
{
    (void)call;
    return get_timeout(self, WW_HTTP_CONNECT, result);
}

static ww_status request_options_set_connect_timeout(ww_call *call, ww_request_options *self,
                                                     const wasi_http_option_u64 *duration,
                                                     plain_result *result)
{
    (void)call;
    return set_timeout(self, WW_HTTP_CONNECT, duration, result);
}

static ww_status request_options_first_byte_timeout(ww_call *call, ww_request_options *self,
                                                    wasi_http_option_u64 *result)
{
    (void)call;
    return get_timeout(self, WW_HTTP_FIRST_BYTE, result);
}

static ww_status request_options_set_first_byte_timeout(ww_call *call, ww_request_options *self,
                                                        const wasi_http_option_u64 *duration,
                                                        plain_result *result)
{
    (void)call;
    return set_timeout(self, WW_HTTP_FIRST_BYTE, duration, result);
}

static ww_status request_options_between_bytes_timeout(ww_call *call, ww_request_options *self,
                                                       wasi_http_option_u64 *result)
{
    (void)call;
    return get_timeout(self, WW_HTTP_BETWEEN_BYTES, result);
}

static ww_status request_options_set_between_bytes_timeout(ww_call *call, ww_request_options *self,
                                                           const wasi_http_option_u64 *duration,
                                                           plain_result *result)
{
    (void)call;
    return set_timeout(self, WW_HTTP_BETWEEN_BYTES, duration, result);
}

/* --- bodies */

static ww_status outgoing_body_write(ww_call *call, ww_outgoing_body *self,
                                     wasi_http_result_output_stream_none *result)
{
    *result = (wasi_http_result_output_stream_none){.is_error = self->has_given_stream};
    if (self->has_given_stream) return WW_OK;
    ww_status status = ww_output_stream_new(ww_wasi_of(call), NULL, &self->object,
                                            (ww_output_stream **)&result->ok);
    self->has_given_stream = !status;
    return status;
}

const wasi_http ww_wasi_http = {
    .fields_new = fields_new,
    .fields_from_list = fields_from_list,
    .fields_get = fields_get,
    .fields_has = fields_has,
    .fields_set = fields_set,
    .fields_delete = fields_delete,
    .fields_append = fields_append,
    .fields_entries = fields_entries,
    .fields_clone = fields_clone,
    .outgoing_request_new = outgoing_request_new,
    .outgoing_request_body = outgoing_request_body,
    .outgoing_request_method = outgoing_request_method,
    .outgoing_request_set_method = outgoing_request_set_method,
    .outgoing_request_path_with_query = outgoing_request_path_with_query,
    .outgoing_request_set_path_with_query = outgoing_request_set_path_with_query,
    .outgoing_request_scheme = outgoing_request_scheme,
    .outgoing_request_set_scheme = outgoing_request_set_scheme,
    .outgoing_request_authority = outgoing_request_authority,
    .outgoing_request_set_authority = outgoing_request_set_authority,
    .outgoing_request_headers = outgoing_request_headers,
    .request_options_new = request_options_new,
    .request_options_connect_timeout = request_options_connect_timeout,
    .request_options_set_connect_timeout = request_options_set_connect_timeout,
    .request_options_first_byte_timeout = request_options_first_byte_timeout,
    .request_options_set_first_byte_timeout = request_options_set_first_byte_timeout,
    .request_options_between_bytes_timeout = request_options_between_bytes_timeout,
    .request_options_set_between_bytes_timeout = request_options_set_between_bytes_timeout,
    .outgoing_body_write = outgoing_body_write,
};
