/* wetware:streams as guests call it: the one-shot rules. What travels on the link is
 * cell_link_test's subject. */
#include "abi/wetware/wetware.h"
#include "resource/connection.h"
#include "unit/wasi_fixture.h"

/* A link whose other side only counts. */
typedef struct other_side {
    ww_source input;
    ww_sink output;
    int closed;
} other_side;

static other_side other;

static void input_closed(ww_source *source)
{
    (void)source;
    other.closed++;
}

static void output_closed(ww_sink *sink)
{
    (void)sink;
    other.closed++;
}

static int with_link(void **state)
{
    static const ww_source_class source = {.free = input_closed};
    static const ww_sink_class sink = {.free = output_closed};
    (void)state;
    other = (other_side){.input = {.class = &source}, .output = {.class = &sink}};
    make_cell((ww_wasi_options){.link_input = &other.input, .link_output = &other.output});
    return 0;
}

static ww_connection *open_link(void)
{
    ww_connection *connection;
    ww_call call = new_call();
    assert_ok(ww_wetware_streams.create_connection(&call, &connection));
    return connection;
}

static void assert_no_connection(void)
{
    ww_connection *connection;
    ww_call call = new_call();
    assert_int_equal(ww_wetware_streams.create_connection(&call, &connection), WW_E_TRAP);
    assert_string_equal(fake.trap_text, "data streams not enabled");
}

static void connection__of_a_cell_without_link__traps(void **state)
{
    (void)state;
    assert_no_connection();
}

static void connection__asked_for_twice__traps(void **state)
{
    (void)state;
    ww_connection *connection = open_link();
    assert_no_connection();
    release(connection);
    assert_no_connection(); /* also when the first one is gone */
    assert_int_equal(other.closed, 2);
}

static void streams__each_taken_twice__trap(void **state)
{
    (void)state;
    ww_input_stream *input, *no_input;
    ww_output_stream *output, *no_output;
    ww_connection *connection = open_link();
    ww_call call = new_call();
    assert_ok(ww_wetware_streams.connection_get_input_stream(&call, connection, &input));
    assert_int_equal(ww_wetware_streams.connection_get_input_stream(&call, connection, &no_input),
                     WW_E_TRAP);
    assert_string_equal(fake.trap_text, "input stream already taken");
    call = new_call();
    assert_ok(ww_wetware_streams.connection_get_output_stream(&call, connection, &output));
    assert_int_equal(ww_wetware_streams.connection_get_output_stream(&call, connection, &no_output),
                     WW_E_TRAP);
    assert_string_equal(fake.trap_text, "output stream already taken");
    release(input);
    release(output);
    release(connection);
}

static void connection__dropped_before_its_streams__leaves_them_alone(void **state)
{
    (void)state;
    ww_input_stream *input;
    ww_output_stream *output;
    ww_connection *connection = open_link();
    ww_call call = new_call();
    assert_ok(ww_wetware_streams.connection_get_input_stream(&call, connection, &input));
    assert_ok(ww_wetware_streams.connection_get_output_stream(&call, connection, &output));
    release(connection);
    assert_int_equal(other.closed, 0);
    release(input);
    assert_int_equal(other.closed, 1);
    release(output);
    assert_int_equal(other.closed, 2);
}

#define LINKED(name) cmocka_unit_test_setup_teardown(name, with_link, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test_setup_teardown(connection__of_a_cell_without_link__traps, setup, teardown),
        LINKED(connection__asked_for_twice__traps),
        LINKED(streams__each_taken_twice__trap),
        LINKED(connection__dropped_before_its_streams__leaves_them_alone),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
