/* wasi:io, cli, clocks and random as guests call them; what streams do is stream_test's subject. */
#include "abi/wasi/bindings.h"
#include "abi/wasi/wasi.h"
#include "component/instance.h"
#include "resource/error.h"
#include "resource/stream.h"
#include "unit/wasi_fixture.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int exit_code;

/* What ends a guest in order; there is no instance here. */
ww_status ww_call_exit(ww_call *call, int code)
{
    (void)call;
    exit_code = code;
    return WW_E_EXIT;
}

static ww_view text(const char *string)
{
    return ww_view_str(string);
}

/* --- poll */

static ww_pollable *deadline(uint64_t at_ns)
{
    ww_pollable *out;
    ww_call call = new_call();
    assert_ok(ww_wasi_clocks_monotonic_clock.subscribe_instant(&call, at_ns, &out));
    return out;
}

static void poll__empty_list__traps(void **state)
{
    (void)state;
    wasi_io_poll_list_u32 result;
    ww_call call = new_call();
    assert_int_equal(ww_wasi_io_poll.poll(&call, (wasi_io_poll_list_borrow_pollable){0}, &result),
                     WW_E_TRAP);
    assert_string_equal(fake.trap_text, "empty poll list");
}

static void poll__some_ready__answers_their_indices_at_once(void **state)
{
    (void)state;
    ww_pollable *list[] = {deadline(5000), deadline(10), deadline(9000), deadline(1000)};
    wasi_io_poll_list_u32 result;
    ww_call call = new_call();
    assert_ok(ww_wasi_io_poll.poll(&call, (wasi_io_poll_list_borrow_pollable){list, 4}, &result));
    assert_int_equal(result.count, 2);
    assert_int_equal(result.data[0], 1);
    assert_int_equal(result.data[1], 3);
    for (int i = 0; i < 4; i++)
        release(list[i]);
}

static void poll__none_ready__waits_for_the_first_and_forgets_the_others(void **state)
{
    (void)state;
    ww_pollable *list[] = {deadline(9000), deadline(5000), NULL};
    list[2] = list[0]; /* the same one twice is fine */
    wasi_io_poll_list_u32 result;
    ww_call call = new_call();
    ww_status status =
        ww_wasi_io_poll.poll(&call, (wasi_io_poll_list_borrow_pollable){list, 3}, &result);
    assert_int_equal(status, WW_AGAIN);
    assert_int_equal(call.resume(&call, &result), WW_AGAIN); /* woken for nothing */
    f.clock.now_ns = 5000;
    assert_ok(finish_call(&call, WW_AGAIN, &result));
    assert_int_equal(result.count, 1);
    assert_int_equal(result.data[0], 1);
    f.woken = 0;
    f.clock.now_ns = 9000;
    ww_loop_turn(loop(), false);
    assert_int_equal(f.woken, 0);
    release(list[0]);
    release(list[1]);
}

static void block__until_a_deadline__returns_when_it_is_there(void **state)
{
    (void)state;
    ww_pollable *pollable;
    bool ready;
    ww_call call = new_call();
    assert_ok(ww_wasi_clocks_monotonic_clock.subscribe_duration(&call, 500, &pollable));
    assert_ok(ww_wasi_io_poll.pollable_ready(&call, pollable, &ready));
    assert_false(ready);
    assert_int_equal(ww_wasi_io_poll.pollable_block(&call, pollable), WW_AGAIN);
    f.clock.now_ns += 500;
    assert_ok(finish_call(&call, WW_AGAIN, NULL));
    release(pollable);
}

static void duration__beyond_the_end_of_time__is_never(void **state)
{
    (void)state;
    ww_pollable *pollable;
    ww_call call = new_call();
    assert_ok(ww_wasi_clocks_monotonic_clock.subscribe_duration(&call, UINT64_MAX, &pollable));
    f.clock.now_ns = UINT64_MAX - 1;
    assert_false(ww_pollable_ready(pollable));
    release(pollable);
}

/* --- streams: what traps, and how failures are told */

static ww_output_stream *new_stdout(void)
{
    ww_output_stream *out;
    ww_call call = new_call();
    assert_ok(ww_wasi_cli_stdout.get_stdout(&call, &out));
    return out;
}

static void write__beyond_the_permit__traps(void **state)
{
    (void)state;
    wasi_io_streams_result_none_stream_error result;
    ww_output_stream *out = new_stdout();
    ww_call call = new_call();
    assert_int_equal(ww_wasi_io_streams.output_stream_write(&call, out, text("x"), &result),
                     WW_E_TRAP);
    assert_string_equal(fake.trap_text, "write of 1 bytes exceeds the permit of 0");
    call = new_call();
    assert_int_equal(ww_wasi_io_streams.output_stream_write_zeroes(&call, out, 1, &result),
                     WW_E_TRAP);
    release(out);
}

static void blocking_write__more_than_4096_bytes__traps(void **state)
{
    (void)state;
    static uint8_t bytes[4097];
    wasi_io_streams_result_none_stream_error result;
    ww_output_stream *out = new_stdout();
    ww_call call = new_call();
    assert_ok(ww_wasi_io_streams.output_stream_blocking_write_and_flush(
        &call, out, ww_view_of(bytes, 4096), &result));
    assert_int_equal(ww_wasi_io_streams.output_stream_blocking_write_and_flush(
                         &call, out, ww_view_of(bytes, 4097), &result),
                     WW_E_TRAP);
    assert_string_equal(fake.trap_text, "a blocking write of more than 4096 bytes");
    call = new_call();
    assert_int_equal(
        ww_wasi_io_streams.output_stream_blocking_write_zeroes_and_flush(&call, out, 4097, &result),
        WW_E_TRAP);
    release(out);
}

static ww_output_stream *stream_to(const char *path)
{
    ww_fd *fd = adopt(open(path, O_WRONLY | O_CLOEXEC));
    ww_sink *sink;
    ww_output_stream *out;
    assert_ok(ww_sink_of_fd(fd, WW_FD_HERE, &sink));
    assert_ok(ww_output_stream_new(&f.wasi, sink, NULL, &out));
    ww_sink_unref(sink);
    ww_fd_unref(fd);
    return out;
}

static void flush__full_device__fails_with_an_error_that_says_so(void **state)
{
    (void)state;
    wasi_io_streams_result_none_stream_error result;
    ww_view said;
    ww_output_stream *out = stream_to("/dev/full");
    ww_call call = new_call();
    ww_status status =
        ww_wasi_io_streams.output_stream_blocking_write_and_flush(&call, out, text("x"), &result);
    assert_ok(finish_call(&call, status, &result));
    assert_false(result.is_error); /* it is on its way */
    status = ww_wasi_io_streams.output_stream_blocking_flush(&call, out, &result);
    assert_ok(finish_call(&call, status, &result));
    assert_int_equal(result.is_error, 1);
    assert_int_equal(result.error.tag, WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED);
    assert_ok(
        ww_wasi_io_error.error_to_debug_string(&call, result.error.last_operation_failed, &said));
    assert_view_is(said, "No space left on device");
    release(result.error.last_operation_failed);
    status = ww_wasi_io_streams.output_stream_flush(&call, out, &result);
    assert_int_equal(result.error.tag, WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    release(out);
}

static void blocking_calls__on_pipes__wait_for_the_other_side(void **state)
{
    (void)state;
    int from[2], to[2];
    assert_int_equal(pipe2(from, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(pipe2(to, O_CLOEXEC | O_NONBLOCK), 0);
    ww_fd *in_fd = adopt(from[0]), *out_fd = adopt(to[1]);
    ww_source *source;
    ww_sink *sink;
    ww_input_stream *in;
    ww_output_stream *out;
    assert_ok(ww_source_of_fd(in_fd, WW_FD_HERE, &source));
    assert_ok(ww_sink_of_fd(out_fd, WW_FD_HERE, &sink));
    assert_ok(ww_input_stream_new(&f.wasi, source, NULL, &in));
    assert_ok(ww_output_stream_new(&f.wasi, sink, NULL, &out));
    wasi_io_streams_result_u64_stream_error count;
    wasi_io_streams_result_bytes_stream_error bytes;
    ww_call call = new_call();
    ww_status status = ww_wasi_io_streams.input_stream_read(&call, in, 10, &bytes);
    assert_true(status == WW_OK && !bytes.is_error && bytes.ok.size == 0);
    status = ww_wasi_io_streams.input_stream_blocking_read(&call, in, 2, &bytes);
    assert_int_equal(status, WW_AGAIN);
    assert_int_equal(write(from[1], "abcdefghi", 9), 9);
    assert_ok(finish_call(&call, status, &bytes));
    assert_view_is(bytes.ok, "ab");
    status = ww_wasi_io_streams.input_stream_blocking_skip(&call, in, 3, &count);
    assert_ok(finish_call(&call, status, &count));
    assert_int_equal(count.ok, 3);
    status = ww_wasi_io_streams.output_stream_blocking_splice(&call, out, in, 100, &count);
    assert_ok(finish_call(&call, status, &count));
    assert_int_equal(count.ok, 4);
    status = ww_wasi_io_streams.output_stream_blocking_splice(&call, out, in, 100, &count);
    assert_int_equal(status, WW_AGAIN);
    close(from[1]);
    assert_ok(finish_call(&call, status, &count));
    assert_int_equal(count.error.tag, WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    ww_loop_turn(loop(), false);
    char arrived[8] = {0};
    assert_int_equal(read(to[0], arrived, 8), 4);
    assert_string_equal(arrived, "fghi");
    release(in);
    release(out);
    ww_source_unref(source);
    ww_sink_unref(sink);
    ww_fd_unref(in_fd);
    ww_fd_unref(out_fd);
    close(to[0]);
}

/* --- cli */

static const ww_view args[] = {{(const uint8_t *)"prog", 4}, {(const uint8_t *)"one two", 7}};
static const ww_env env[] = {{{(const uint8_t *)"K", 1}, {(const uint8_t *)"V=1", 3}}};

static int with_surroundings(void **state)
{
    (void)state;
    make_cell((ww_wasi_options){
        .args = args, .arg_count = 2, .env = env, .env_count = 1, .output_is_terminal = true});
    return 0;
}

static void environment__of_the_cell__is_handed_over_as_it_is(void **state)
{
    (void)state;
    wasi_cli_environment_list_string arguments;
    wasi_cli_environment_list_tuple_string_string variables;
    wasi_cli_environment_option_string cwd;
    ww_call call = new_call();
    assert_ok(ww_wasi_cli_environment.get_arguments(&call, &arguments));
    assert_int_equal(arguments.count, 2);
    assert_view_is(arguments.data[1], "one two");
    assert_ok(ww_wasi_cli_environment.get_environment(&call, &variables));
    assert_int_equal(variables.count, 1);
    assert_view_is(variables.data[0].f0, "K");
    assert_view_is(variables.data[0].f1, "V=1");
    assert_ok(ww_wasi_cli_environment.initial_cwd(&call, &cwd));
    assert_int_equal(cwd.is_some, 0);
}

static void terminals__only_where_there_is_one__are_given(void **state)
{
    (void)state;
    wasi_cli_terminal_stdin_option_terminal_input in;
    wasi_cli_terminal_stdout_option_terminal_output out;
    ww_call call = new_call();
    assert_ok(ww_wasi_cli_terminal_stdin.get_terminal_stdin(&call, &in));
    assert_int_equal(in.is_some, 0);
    assert_ok(ww_wasi_cli_terminal_stdout.get_terminal_stdout(&call, &out));
    assert_int_equal(out.is_some, 1);
    release(out.some);
}

static void network__as_such__can_be_held(void **state)
{
    (void)state;
    ww_network *network;
    ww_call call = new_call();
    assert_ok(ww_wasi_sockets_instance_network.instance_network(&call, &network));
    assert_int_equal(f.principal.budgets[WW_PRINCIPAL_OBJECTS].used, 1);
    release(network);
}

static void exit__ok_error_and_code__end_the_guest_with_it(void **state)
{
    (void)state;
    wasi_cli_exit_result_none_none status = {.is_error = 0};
    ww_call call = new_call();
    assert_int_equal(ww_wasi_cli_exit.exit(&call, &status), WW_E_EXIT);
    assert_int_equal(exit_code, 0);
    status.is_error = 1;
    assert_int_equal(ww_wasi_cli_exit.exit(&call, &status), WW_E_EXIT);
    assert_int_equal(exit_code, 1);
    assert_int_equal(ww_wasi_cli_exit.exit_with_code(&call, 255), WW_E_EXIT);
    assert_int_equal(exit_code, 255);
}

static void stdin__of_a_cell_without_one__is_at_its_end(void **state)
{
    (void)state;
    ww_input_stream *in;
    ww_pollable *pollable;
    wasi_io_streams_result_bytes_stream_error bytes;
    ww_call call = new_call();
    assert_ok(ww_wasi_cli_stdin.get_stdin(&call, &in));
    assert_ok(ww_wasi_io_streams.input_stream_subscribe(&call, in, &pollable));
    assert_true(ww_pollable_ready(pollable));
    assert_ok(ww_wasi_io_streams.input_stream_blocking_read(&call, in, 1, &bytes));
    assert_int_equal(bytes.error.tag, WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    release(pollable);
    release(in);
}

/* --- clocks, random */

static void clocks__of_the_cell__are_the_ones_it_was_given(void **state)
{
    (void)state;
    uint64_t now, resolution;
    wasi_clocks_wall_clock_datetime time;
    ww_call call = new_call();
    f.clock.now_ns = 77;
    f.clock.wall = (ww_wall_time){1700000000, 5};
    assert_ok(ww_wasi_clocks_monotonic_clock.now(&call, &now));
    assert_int_equal(now, 77);
    assert_ok(ww_wasi_clocks_monotonic_clock.resolution(&call, &resolution));
    assert_int_equal(resolution, 1);
    assert_ok(ww_wasi_clocks_wall_clock.now(&call, &time));
    assert_true(time.seconds == 1700000000 && time.nanoseconds == 5);
    assert_ok(ww_wasi_clocks_wall_clock.resolution(&call, &time));
    assert_true(time.seconds == 0 && time.nanoseconds == 1000);
}

static void random__from_a_seed__is_the_same_in_every_run_and_apart_from_the_insecure(void **state)
{
    (void)state;
    ww_view bytes;
    uint64_t first, insecure;
    wasi_random_insecure_seed_tuple_u64_u64 seed;
    ww_call call = new_call();
    assert_ok(ww_wasi_random_random.get_random_u64(&call, &first));
    assert_ok(ww_wasi_random_insecure.get_insecure_random_u64(&call, &insecure));
    assert_true(first != insecure);
    free_cell();
    make_cell((ww_wasi_options){0});
    uint64_t again;
    assert_ok(ww_wasi_random_random.get_random_bytes(&call, sizeof again, &bytes));
    memcpy(&again, bytes.data, sizeof again);
    assert_true(again == first);
    assert_ok(ww_wasi_random_insecure_seed.insecure_seed(&call, &seed));
    assert_true(seed.f0 == insecure && seed.f1 != insecure);
    assert_ok(ww_wasi_random_insecure.get_insecure_random_bytes(&call, 100, &bytes));
    assert_int_equal(bytes.size, 100);
}

static void random__more_than_a_call_may_hold__traps(void **state)
{
    (void)state;
    ww_view bytes;
    ww_call call = new_call();
    assert_int_equal(ww_wasi_random_random.get_random_bytes(&call, UINT64_MAX, &bytes), WW_E_TRAP);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CLI(name)  cmocka_unit_test_setup_teardown(name, with_surroundings, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(poll__empty_list__traps),
        CASE(poll__some_ready__answers_their_indices_at_once),
        CASE(poll__none_ready__waits_for_the_first_and_forgets_the_others),
        CASE(block__until_a_deadline__returns_when_it_is_there),
        CASE(duration__beyond_the_end_of_time__is_never),
        CASE(write__beyond_the_permit__traps),
        CASE(blocking_write__more_than_4096_bytes__traps),
        CASE(flush__full_device__fails_with_an_error_that_says_so),
        CASE(blocking_calls__on_pipes__wait_for_the_other_side),
        CLI(environment__of_the_cell__is_handed_over_as_it_is),
        CLI(terminals__only_where_there_is_one__are_given),
        CASE(exit__ok_error_and_code__end_the_guest_with_it),
        CASE(network__as_such__can_be_held),
        CASE(stdin__of_a_cell_without_one__is_at_its_end),
        CASE(clocks__of_the_cell__are_the_ones_it_was_given),
        CASE(random__from_a_seed__is_the_same_in_every_run_and_apart_from_the_insecure),
        CASE(random__more_than_a_call_may_hold__traps),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
