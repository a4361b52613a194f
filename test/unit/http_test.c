/* wasi:http/types as guests call it: putting a request together. That sending is denied is a row of
 * the policy, which envelope_test takes through its refusals. */
#include "abi/wasi/bindings.h"
#include "resource/http.h"
#include "resource/stream.h"
#include "unit/wasi_fixture.h"

static ww_view text(const char *string)
{
    return ww_view_str(string);
}

static ww_fields *new_fields(void)
{
    ww_fields *out;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.fields_new(&call, &out));
    return out;
}

static uint32_t append(ww_fields *fields, const char *name, const char *value)
{
    wasi_http_result_none_header_error result;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.fields_append(&call, fields, text(name), text(value), &result));
    return result.is_error ? result.error.tag : UINT32_MAX;
}

static wasi_http_list_bytes get(ww_fields *fields, const char *name)
{
    wasi_http_list_bytes values;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.fields_get(&call, fields, text(name), &values));
    return values;
}

static void fields__of_one_name__are_found_without_case_in_order(void **state)
{
    (void)state;
    ww_fields *fields = new_fields();
    assert_int_equal(append(fields, "Accept", "a"), UINT32_MAX);
    assert_int_equal(append(fields, "other", ""), UINT32_MAX);
    assert_int_equal(append(fields, "ACCEPT", "b"), UINT32_MAX);
    wasi_http_list_bytes values = get(fields, "accept");
    assert_int_equal(values.count, 2);
    assert_view_is(values.data[0], "a");
    assert_view_is(values.data[1], "b");
    assert_int_equal(get(fields, "none").count, 0);
    release(fields);
}

static void fields__set_and_deleted__keep_the_others(void **state)
{
    (void)state;
    ww_fields *fields = new_fields();
    append(fields, "a", "1");
    append(fields, "b", "2");
    append(fields, "A", "3");
    const ww_view values[] = {text("4")};
    wasi_http_result_none_header_error result;
    wasi_http_list_tuple_string_bytes entries;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.fields_set(&call, fields, text("a"), (wasi_http_list_bytes){values, 1},
                                      &result));
    assert_ok(ww_wasi_http.fields_entries(&call, fields, &entries));
    assert_int_equal(entries.count, 2);
    assert_view_is(entries.data[0].f0, "b");
    assert_view_is(entries.data[1].f0, "a");
    assert_view_is(entries.data[1].f1, "4");
    assert_ok(ww_wasi_http.fields_delete(&call, fields, text("A"), &result));
    assert_int_equal(get(fields, "a").count, 0);
    assert_int_equal(append(fields, "c", "5"), UINT32_MAX);
    assert_view_is(get(fields, "c").data[0], "5");
    release(fields);
}

static void fields__that_would_break_a_line__are_invalid_syntax(void **state)
{
    (void)state;
    ww_fields *fields = new_fields();
    const uint32_t invalid = WASI_HTTP_HEADER_ERROR_INVALID_SYNTAX;
    assert_int_equal(append(fields, "", "x"), invalid);
    assert_int_equal(append(fields, "a b", "x"), invalid);
    assert_int_equal(append(fields, "a\r\n", "x"), invalid);
    assert_int_equal(append(fields, "a", "x\r\nb: y"), invalid);
    assert_int_equal(append(fields, "a", "\x7f"), invalid);
    assert_int_equal(append(fields, "a", "tab\tand \xc3\xa9"), UINT32_MAX);
    release(fields);
}

static void fields__from_a_list_with_a_bad_one__leave_nothing(void **state)
{
    (void)state;
    const wasi_http_tuple_string_bytes list[] = {{text("a"), text("1")}, {text("b "), text("2")}};
    wasi_http_result_fields_header_error result;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.fields_from_list(&call, (wasi_http_list_tuple_string_bytes){list, 2},
                                            &result));
    assert_true(result.is_error);
    assert_int_equal(result.error.tag, WASI_HTTP_HEADER_ERROR_INVALID_SYNTAX);
    assert_int_equal(f.principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
}

static void fields__beyond_their_bytes__are_over_quota(void **state)
{
    (void)state;
    ww_fields *fields = new_fields();
    ww_status status = WW_OK;
    while (!status)
        status = ww_fields_append(fields, text("name"), text("value"));
    assert_int_equal(status, WW_E_QUOTA);
    assert_int_equal(fields->count, WW_HTTP_FIELD_BYTES_MAX / (WW_HTTP_FIELD_COST + 9));
    release(fields);
}

static ww_outgoing_request *new_request(ww_fields *headers)
{
    ww_outgoing_request *out;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.outgoing_request_new(&call, headers, &out));
    return out;
}

static void request__its_headers__are_an_immutable_copy(void **state)
{
    (void)state;
    ww_fields *headers = new_fields(), *copy;
    append(headers, "host", "h");
    ww_outgoing_request *request = new_request(headers);
    ww_call call = new_call();
    assert_ok(ww_wasi_http.outgoing_request_headers(&call, request, &copy));
    assert_int_equal(append(copy, "a", "b"), WASI_HTTP_HEADER_ERROR_IMMUTABLE);
    release(request);
    assert_view_is(get(copy, "host").data[0], "h");
    release(copy);
}

static void request__its_parts__are_what_was_set(void **state)
{
    (void)state;
    ww_outgoing_request *request = new_request(new_fields());
    wasi_http_result_none_none set;
    wasi_http_option_string path = {1, text("/x?y")}, got;
    wasi_http_option_scheme scheme = {1, {.tag = WASI_HTTP_SCHEME_OTHER, .other = text("ws")}};
    wasi_http_method method = {.tag = WASI_HTTP_METHOD_PUT};
    ww_call call = new_call();
    assert_ok(ww_wasi_http.outgoing_request_set_path_with_query(&call, request, &path, &set));
    assert_false(set.is_error);
    assert_ok(ww_wasi_http.outgoing_request_path_with_query(&call, request, &got));
    assert_view_is(got.some, "/x?y");
    assert_ok(ww_wasi_http.outgoing_request_authority(&call, request, &got));
    assert_false(got.is_some);
    assert_ok(ww_wasi_http.outgoing_request_set_scheme(&call, request, &scheme, &set));
    scheme = (wasi_http_option_scheme){0};
    assert_ok(ww_wasi_http.outgoing_request_scheme(&call, request, &scheme));
    assert_view_is(scheme.some.other, "ws");
    assert_ok(ww_wasi_http.outgoing_request_set_method(&call, request, &method, &set));
    method.tag = 0;
    assert_ok(ww_wasi_http.outgoing_request_method(&call, request, &method));
    assert_int_equal(method.tag, WASI_HTTP_METHOD_PUT);
    release(request);
}

static void request__bad_parts__are_refused_and_change_nothing(void **state)
{
    (void)state;
    ww_outgoing_request *request = new_request(new_fields());
    wasi_http_result_none_none set;
    wasi_http_option_string bad = {1, text("a\r\nb")}, got;
    wasi_http_method method = {.tag = WASI_HTTP_METHOD_OTHER, .other = text("two words")};
    ww_call call = new_call();
    assert_ok(ww_wasi_http.outgoing_request_set_authority(&call, request, &bad, &set));
    assert_true(set.is_error);
    assert_ok(ww_wasi_http.outgoing_request_authority(&call, request, &got));
    assert_false(got.is_some);
    assert_ok(ww_wasi_http.outgoing_request_set_method(&call, request, &method, &set));
    assert_true(set.is_error);
    assert_ok(ww_wasi_http.outgoing_request_method(&call, request, &method));
    assert_int_equal(method.tag, WASI_HTTP_METHOD_GET);
    release(request);
}

static void body__and_its_stream__are_given_once(void **state)
{
    (void)state;
    ww_outgoing_request *request = new_request(new_fields());
    wasi_http_result_outgoing_body_none body, again;
    wasi_http_result_output_stream_none stream, more;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.outgoing_request_body(&call, request, &body));
    assert_false(body.is_error);
    assert_ok(ww_wasi_http.outgoing_request_body(&call, request, &again));
    assert_true(again.is_error);
    assert_ok(ww_wasi_http.outgoing_body_write(&call, body.ok, &stream));
    assert_false(stream.is_error);
    assert_ok(ww_wasi_http.outgoing_body_write(&call, body.ok, &more));
    assert_true(more.is_error);
    release(stream.ok);
    release(body.ok);
    release(request);
}

static void options__their_timeouts__are_kept_apart(void **state)
{
    (void)state;
    ww_request_options *options;
    wasi_http_option_u64 duration = {1, 7}, got;
    wasi_http_result_none_none set;
    ww_call call = new_call();
    assert_ok(ww_wasi_http.request_options_new(&call, &options));
    assert_ok(ww_wasi_http.request_options_set_first_byte_timeout(&call, options, &duration, &set));
    assert_ok(ww_wasi_http.request_options_connect_timeout(&call, options, &got));
    assert_false(got.is_some);
    assert_ok(ww_wasi_http.request_options_first_byte_timeout(&call, options, &got));
    assert_int_equal(got.some, 7);
    release(options);
}

static ww_status make_request(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_wasi_options *options = &f.wasi.options;
    const ww_allocator *own = options->allocator;
    options->allocator = allocator;
    ww_fields *fields;
    ww_outgoing_request *request;
    ww_status status = ww_fields_new(&f.wasi, &fields);
    if (status) goto out;
    status = ww_fields_append(fields, text("a"), text("b"));
    if (status) {
        release(fields);
        goto out;
    }
    status = ww_outgoing_request_new(&f.wasi, fields, &request);
    if (status) goto out;
    status = ww_fields_clone(&f.wasi, request->headers, &fields);
    if (!status) release(fields);
    if (!status) status = ww_http_text_set(&request->path, text("/"));
    release(request);
out:
    options->allocator = own;
    return status;
}

static void request__any_allocation_failing__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(make_request, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(fields__of_one_name__are_found_without_case_in_order),
        CASE(fields__set_and_deleted__keep_the_others),
        CASE(fields__that_would_break_a_line__are_invalid_syntax),
        CASE(fields__from_a_list_with_a_bad_one__leave_nothing),
        CASE(fields__beyond_their_bytes__are_over_quota),
        CASE(request__its_headers__are_an_immutable_copy),
        CASE(request__its_parts__are_what_was_set),
        CASE(request__bad_parts__are_refused_and_change_nothing),
        CASE(body__and_its_stream__are_given_once),
        CASE(options__their_timeouts__are_kept_apart),
        CASE(request__any_allocation_failing__gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
