#include "resource/pipe.h"
#include "support/check.h"
#include <errno.h>

typedef struct ends {
    ww_source *source;
    ww_sink *sink;
    ww_waiter waiter;
    ww_waker waker;
    int woken;
} ends;

static void count_wake(ww_waker *waker)
{
    WW_CONTAINER_OF(waker, ends, waker)->woken++;
}

static ends open_pipe(void)
{
    ends e = {.waker = {count_wake}};
    assert_ok(ww_pipe_new(ww_allocator_libc(), &e.source, &e.sink));
    return e;
}

static void put(const ends *e, const char *text)
{
    ww_sink_put(e->sink, ww_view_str(text));
}

static void assert_reads(const ends *e, const char *text)
{
    char bytes[64];
    size_t got;
    assert_ok(ww_source_read(e->source, bytes, sizeof bytes, &got));
    assert_view_is(ww_view_of(bytes, got), text);
}

static ww_status read_more(const ends *e)
{
    char byte;
    size_t got;
    return ww_source_read(e->source, &byte, 1, &got);
}

static void bytes__as_they_are_put__come_out_in_order(void **state)
{
    (void)state;
    ends e = open_pipe();
    assert_int_equal(read_more(&e), WW_AGAIN);
    put(&e, "one ");
    put(&e, "two");
    assert_reads(&e, "one two");
    assert_int_equal(read_more(&e), WW_AGAIN);
    ww_sink_unref(e.sink);
    ww_source_unref(e.source);
}

static void writer__that_closes__leaves_its_bytes_and_then_the_end(void **state)
{
    (void)state;
    ends e = open_pipe();
    put(&e, "last");
    ww_sink_unref(e.sink);
    assert_true(ww_source_ready(e.source));
    assert_reads(&e, "last");
    assert_int_equal(read_more(&e), WW_E_CLOSED);
    ww_source_unref(e.source);
}

static void reader__that_closes__makes_writes_fail(void **state)
{
    (void)state;
    ends e = open_pipe();
    assert_ok(ww_sink_wait(e.sink, &e.waiter, &e.waker));
    ww_source_unref(e.source);
    assert_int_equal(e.woken, 1);
    put(&e, "to nobody");
    assert_int_equal(ww_sink_room(e.sink), 0);
    assert_int_equal(e.sink->error, EPIPE);
    assert_int_equal(ww_sink_flush(e.sink), WW_E_IO);
    ww_sink_unref(e.sink);
}

static void room__of_a_full_pipe__comes_back_with_reading(void **state)
{
    (void)state;
    static uint8_t bytes[WW_STREAM_BUFFER_BYTES];
    size_t got;
    ends e = open_pipe();
    assert_int_equal(ww_sink_room(e.sink), sizeof bytes);
    ww_sink_put(e.sink, ww_view_of(bytes, sizeof bytes));
    assert_int_equal(ww_sink_room(e.sink), 0);
    put(&e, "promised before"); /* is kept all the same */
    assert_ok(ww_sink_wait(e.sink, &e.waiter, &e.waker));
    assert_ok(ww_source_read(e.source, bytes, sizeof bytes, &got));
    assert_int_equal(got, sizeof bytes);
    assert_int_equal(e.woken, 1);
    assert_true(ww_sink_room(e.sink) > WW_STREAM_ROOM_MIN);
    assert_reads(&e, "promised before");
    ww_source_unref(e.source);
    ww_sink_unref(e.sink);
}

static void reader__that_waits__is_woken_by_bytes_and_by_the_end(void **state)
{
    (void)state;
    ends e = open_pipe();
    assert_ok(ww_source_wait(e.source, &e.waiter, &e.waker));
    put(&e, "x");
    assert_int_equal(e.woken, 1);
    assert_reads(&e, "x");
    assert_ok(ww_source_wait(e.source, &e.waiter, &e.waker));
    ww_sink_unref(e.sink);
    assert_int_equal(e.woken, 2);
    ww_source_unref(e.source);
}

static ww_status use(const ww_allocator *allocator, void *arg)
{
    static uint8_t bytes[5000];
    ww_source *source;
    ww_sink *sink;
    (void)arg;
    ww_status status = ww_pipe_new(allocator, &source, &sink);
    if (status) return status;
    for (int i = 0; i < 3; i++)
        ww_sink_put(sink, ww_view_of(bytes, sizeof bytes));
    if (sink->error) status = WW_E_MEMORY;
    ww_sink_unref(sink);
    ww_source_unref(source);
    return status;
}

static void pipe__without_memory__fails_its_writer(void **state)
{
    (void)state;
    test_every_allocation_failing(use, NULL);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(bytes__as_they_are_put__come_out_in_order),
        cmocka_unit_test(writer__that_closes__leaves_its_bytes_and_then_the_end),
        cmocka_unit_test(reader__that_closes__makes_writes_fail),
        cmocka_unit_test(room__of_a_full_pipe__comes_back_with_reading),
        cmocka_unit_test(reader__that_waits__is_woken_by_bytes_and_by_the_end),
        cmocka_unit_test(pipe__without_memory__fails_its_writer),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
