/* Streams and pollables on real pipes and files, with a clock that stands still and a cell that is a
 * counter of wake-ups. */
#include "resource/error.h"
#include "resource/stream.h"
#include "support/folder.h"
#include "unit/wasi_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static ww_input_stream *input_of_fd(int number, int64_t offset)
{
    ww_fd *fd = adopt(number);
    ww_source *source;
    ww_input_stream *stream;
    assert_ok(ww_source_of_fd(fd, offset, &source));
    assert_ok(ww_input_stream_new(&f.wasi, source, NULL, &stream));
    ww_source_unref(source);
    ww_fd_unref(fd);
    return stream;
}

static ww_sink *sink_of_fd(int number, int64_t offset)
{
    ww_fd *fd = adopt(number);
    ww_sink *sink;
    assert_ok(ww_sink_of_fd(fd, offset, &sink));
    ww_fd_unref(fd);
    return sink;
}

static ww_output_stream *output_to(ww_sink *sink)
{
    ww_output_stream *stream;
    assert_ok(ww_output_stream_new(&f.wasi, sink, NULL, &stream));
    return stream;
}

static ww_output_stream *output_of_fd(int number, int64_t offset)
{
    ww_sink *sink = sink_of_fd(number, offset);
    ww_output_stream *stream = output_to(sink);
    ww_sink_unref(sink);
    return stream;
}

typedef struct pipe_ends {
    int read, write;
} pipe_ends;

static pipe_ends make_pipe(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    return (pipe_ends){ends[0], ends[1]};
}

static ww_status try_read(ww_input_stream *stream, uint64_t size, char out[64])
{
    ww_view bytes;
    memset(out, 0, 64);
    ww_status status = ww_input_stream_try(stream, size, &bytes);
    assert_true(bytes.size < 64);
    if (bytes.size) memcpy(out, bytes.data, bytes.size);
    return status;
}

/* What has reached the pipe's other end by now. */
static void assert_arrived(int fd, const char *text)
{
    char bytes[64] = {0};
    ssize_t got = read(fd, bytes, sizeof bytes - 1);
    if (*text == 0)
        assert_true(got < 0 && errno == EAGAIN);
    else
        assert_string_equal(bytes, text);
}

/* --- input from a pipe */

static void input__empty_pipe__waits_and_is_woken_by_the_first_byte(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_input_stream *in = input_of_fd(p.read, WW_FD_HERE);
    char text[64];
    assert_int_equal(try_read(in, 10, text), WW_AGAIN);
    assert_int_equal(ww_input_stream_wait(in), WW_AGAIN);
    ww_loop_turn(loop(), false);
    assert_int_equal(f.woken, 0);
    assert_int_equal(write(p.write, "half a l", 8), 8);
    ww_loop_turn(loop(), true);
    assert_int_equal(f.woken, 1);
    assert_ok(try_read(in, 10, text));
    assert_string_equal(text, "half a l");
    assert_int_equal(try_read(in, 10, text), WW_AGAIN);
    close(p.write);
    assert_int_equal(try_read(in, 10, text), WW_E_CLOSED);
    release(in);
}

static void input__more_in_the_pipe_than_asked_for__leaves_the_rest(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    int other = dup(p.read);
    ww_input_stream *in = input_of_fd(p.read, WW_FD_HERE);
    char text[64];
    assert_int_equal(write(p.write, "abcdef", 6), 6);
    assert_ok(try_read(in, 4, text));
    assert_string_equal(text, "abcd");
    assert_arrived(other, "ef");
    close(other);
    close(p.write);
    release(in);
}

static void input__length_zero__is_empty_and_fine_until_the_end(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_input_stream *in = input_of_fd(p.read, WW_FD_HERE);
    char text[64];
    assert_ok(try_read(in, 0, text));
    close(p.write);
    assert_int_equal(try_read(in, 1, text), WW_E_CLOSED);
    assert_int_equal(try_read(in, 0, text), WW_E_CLOSED);
    release(in);
}

static void input__ended_by_its_owner__is_at_its_end_for_readers_and_waiters(void **state)
{
    (void)state;
    size_t got;
    uint8_t byte;
    ww_source *source;
    ww_waiter waiter = {0};
    ww_blob *bytes = ww_blob_copy(ww_allocator_libc(), ww_view_str("abc"));
    assert_ok(ww_source_of_blob(ww_allocator_libc(), bytes, &source));
    ww_blob_unref(bytes);
    assert_ok(ww_source_read(source, &byte, 1, &got));
    ww_source_end(source);
    assert_true(ww_source_ready(source));
    assert_int_equal(ww_source_read(source, &byte, 1, &got), WW_E_CLOSED);
    assert_int_equal(got, 0);
    assert_ok(ww_source_wait(source, &waiter, &f.waker));
    assert_int_equal(f.woken, 1);
    assert_false(ww_waiter_waits(&waiter));
    ww_source_unref(source);
}

static void input__writer_closes_while_waiting__wakes(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_input_stream *in = input_of_fd(p.read, WW_FD_HERE);
    ww_view bytes;
    assert_int_equal(ww_input_stream_try(in, 1, &bytes), WW_AGAIN);
    assert_int_equal(ww_input_stream_wait(in), WW_AGAIN);
    close(p.write);
    ww_loop_turn(loop(), true);
    assert_int_equal(f.woken, 1);
    assert_int_equal(ww_input_stream_try(in, 1, &bytes), WW_E_CLOSED);
    release(in);
}

/* A descriptor whose flags belong to others too is asked before it is read. */
static void input__pipe_without_o_nonblock__never_blocks(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    ww_input_stream *in = input_of_fd(ends[0], WW_FD_HERE);
    char text[64];
    assert_int_equal(try_read(in, 10, text), WW_AGAIN);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_ok(try_read(in, 10, text));
    assert_string_equal(text, "x");
    close(ends[1]);
    release(in);
}

static void input__directory__fails_once_then_is_closed(void **state)
{
    (void)state;
    ww_input_stream *in = input_of_fd(open("/", O_RDONLY | O_CLOEXEC), 0);
    char text[64];
    ww_status status;
    while ((status = try_read(in, 10, text)) == WW_AGAIN)
        ww_loop_turn(loop(), true);
    assert_int_equal(status, WW_E_IO);
    assert_int_equal(in->error, EISDIR);
    assert_int_equal(try_read(in, 10, text), WW_E_CLOSED);
    release(in);
}

/* --- input from files and memory */

static int temporary_file(const char *text)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static ww_status read_waiting(ww_input_stream *stream, uint64_t size, char text[64])
{
    ww_status status;
    while ((status = try_read(stream, size, text)) == WW_AGAIN) {
        assert_int_equal(ww_input_stream_wait(stream), WW_AGAIN);
        ww_loop_turn(loop(), true);
    }
    return status;
}

static void read_file_in_pieces(bool in_jobs)
{
    ww_fd *fd = adopt(temporary_file("0123456789"));
    ww_source *source;
    ww_input_stream *in;
    char text[64];
    fd->reads_in_jobs = in_jobs;
    assert_ok(ww_source_of_fd(fd, 2, &source));
    assert_ok(ww_input_stream_new(&f.wasi, source, NULL, &in));
    assert_ok(read_waiting(in, 3, text));
    assert_string_equal(text, "234");
    assert_ok(read_waiting(in, 60, text));
    assert_string_equal(text, "56789");
    assert_int_equal(read_waiting(in, 60, text), WW_E_CLOSED);
    release(in);
    ww_source_unref(source);
    ww_fd_unref(fd);
}

static void input__file__is_read_from_its_offset_to_its_end(void **state)
{
    (void)state;
    read_file_in_pieces(false);
}

static void input__file_that_needs_a_worker__reads_the_same(void **state)
{
    (void)state;
    read_file_in_pieces(true);
    assert_true(f.woken > 0);
}

static void input__freed_while_a_worker_reads__leaves_nothing(void **state)
{
    (void)state;
    ww_fd *fd = adopt(temporary_file("0123456789"));
    ww_source *source;
    uint8_t bytes[4];
    size_t got;
    fd->reads_in_jobs = true;
    assert_ok(ww_source_of_fd(fd, 0, &source));
    assert_int_equal(ww_source_read(source, bytes, sizeof bytes, &got), WW_AGAIN);
    ww_source_unref(source);
    ww_fd_unref(fd);
}

static void input__memory__is_read_to_its_end(void **state)
{
    (void)state;
    ww_blob *blob = ww_blob_copy(ww_allocator_libc(), WW_VIEW_LITERAL("hello"));
    ww_source *source;
    ww_input_stream *in;
    char text[64];
    assert_ok(ww_source_of_blob(ww_allocator_libc(), blob, &source));
    assert_ok(ww_input_stream_new(&f.wasi, source, NULL, &in));
    assert_ok(try_read(in, 3, text));
    assert_string_equal(text, "hel");
    assert_ok(try_read(in, 3, text));
    assert_string_equal(text, "lo");
    assert_int_equal(try_read(in, 3, text), WW_E_CLOSED);
    release(in);
    ww_source_unref(source);
    ww_blob_unref(blob);
}

/* --- output */

static ww_status write_text(ww_output_stream *out, const char *text)
{
    return ww_output_stream_try(out, ww_view_str(text));
}

static void output__small_writes__reach_the_pipe_together_when_the_turn_ends(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    assert_ok(write_text(out, "one "));
    assert_ok(write_text(out, "two"));
    assert_arrived(p.read, "");
    ww_loop_turn(loop(), true);
    assert_arrived(p.read, "one two");
    release(out);
    close(p.read);
}

static void output__flush__reaches_the_pipe_at_once(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    assert_ok(write_text(out, "now"));
    assert_ok(ww_output_stream_flush_try(out));
    assert_arrived(p.read, "now");
    release(out);
    close(p.read);
}

static void output__dropped_with_bytes_left__they_still_arrive(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    assert_ok(write_text(out, "last words"));
    release(out);
    ww_loop_turn(loop(), true);
    assert_arrived(p.read, "last words");
    close(p.read);
}

static void output__two_streams_on_one_sink__keep_their_order(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_sink *sink = sink_of_fd(p.write, WW_FD_HERE);
    ww_output_stream *out = output_to(sink), *err = output_to(sink);
    assert_ok(write_text(out, "a"));
    assert_ok(write_text(err, "b"));
    assert_ok(write_text(out, "c"));
    ww_loop_turn(loop(), true);
    assert_arrived(p.read, "abc");
    release(out);
    release(err);
    ww_sink_unref(sink);
    close(p.read);
}

static void output__beyond_the_permit__is_the_guests_fault(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    static uint8_t bytes[WW_STREAM_BUFFER_BYTES + 1];
    uint64_t permit;
    assert_int_equal(ww_output_stream_write(out, ww_view_of(bytes, 1)), WW_E_LIMIT);
    assert_ok(ww_output_stream_check(out, &permit));
    assert_int_equal(permit, WW_STREAM_BUFFER_BYTES);
    assert_int_equal(ww_output_stream_write(out, ww_view_of(bytes, permit + 1)), WW_E_LIMIT);
    assert_ok(ww_output_stream_write(out, ww_view_of(bytes, 10)));
    assert_int_equal(ww_output_stream_write(out, ww_view_of(bytes, permit - 9)), WW_E_LIMIT);
    assert_int_equal(ww_output_stream_try(out, ww_view_of(bytes, 4097)), WW_E_LIMIT);
    assert_int_equal(ww_output_stream_try_zeroes(out, 4097), WW_E_LIMIT);
    release(out);
    close(p.read);
}

static size_t fill(ww_output_stream *out)
{
    static uint8_t page[4096];
    size_t written = 0;
    memset(page, 'x', sizeof page);
    for (;;) {
        ww_status status = ww_output_stream_try(out, ww_view_of(page, sizeof page));
        if (status == WW_AGAIN) return written;
        assert_ok(status);
        written += sizeof page;
    }
}

static size_t drain(int fd)
{
    uint8_t bytes[4096];
    size_t total = 0;
    for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;)
        total += (size_t)got;
    return total;
}

static void output__full_pipe__has_no_permit_until_the_reader_reads(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    ww_pollable *pollable;
    uint64_t permit;
    size_t written = fill(out), arrived = 0;
    assert_in_range(written, 2 * 65536 - 4096, 2 * 65536); /* the pipe and the buffer */
    assert_ok(ww_output_stream_check(out, &permit));
    assert_int_equal(permit, 0);
    assert_ok(ww_output_stream_subscribe(out, &pollable));
    assert_false(ww_pollable_ready(pollable));
    ww_pollable_wait(pollable);
    ww_loop_turn(loop(), false);
    assert_int_equal(f.woken, 0);
    arrived += drain(p.read);
    ww_loop_turn(loop(), true);
    assert_int_equal(f.woken, 1);
    assert_true(ww_pollable_ready(pollable));
    while (arrived < written) {
        arrived += drain(p.read);
        ww_loop_turn(loop(), false);
    }
    assert_int_equal(arrived, written);
    release(pollable);
    release(out);
    close(p.read);
}

static void output__flush_of_a_full_pipe__gives_no_permit_before_all_is_written(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    uint64_t permit;
    fill(out);
    assert_int_equal(ww_output_stream_flush_try(out), WW_AGAIN);
    assert_int_equal(ww_output_stream_wait(out), WW_AGAIN);
    while (ww_output_stream_flush_try(out) == WW_AGAIN) {
        assert_ok(ww_output_stream_check(out, &permit));
        assert_int_equal(permit, 0);
        drain(p.read);
        ww_loop_turn(loop(), false);
    }
    assert_true(f.woken > 0);
    assert_ok(ww_output_stream_check(out, &permit));
    assert_int_equal(permit, WW_STREAM_BUFFER_BYTES);
    release(out);
    close(p.read);
}

static void output__reader_gone__is_closed_from_the_next_call_on(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    uint64_t permit;
    close(p.read);
    assert_ok(write_text(out, "anybody?"));
    ww_loop_turn(loop(), true);
    assert_int_equal(ww_output_stream_check(out, &permit), WW_E_CLOSED);
    assert_int_equal(write_text(out, "no"), WW_E_CLOSED);
    release(out);
}

static void output__full_device__fails_once_then_is_closed(void **state)
{
    (void)state;
    ww_output_stream *out = output_of_fd(open("/dev/full", O_WRONLY | O_CLOEXEC), WW_FD_HERE);
    ww_status status;
    assert_ok(write_text(out, "too much"));
    while ((status = ww_output_stream_flush_try(out)) == WW_AGAIN)
        ww_loop_turn(loop(), true);
    assert_int_equal(status, WW_E_IO);
    assert_int_equal(out->error, ENOSPC);
    assert_int_equal(write_text(out, "again"), WW_E_CLOSED);
    release(out);
}

static void output__reader_that_never_reads__can_be_abandoned(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_sink *sink = sink_of_fd(p.write, WW_FD_HERE);
    ww_output_stream *out = output_to(sink);
    fill(out);
    release(out);
    ww_sink_abandon(sink);
    assert_int_equal(ww_sink_flush(sink), WW_E_IO);
    ww_sink_unref(sink);
    close(p.read);
}

static void output__null_device_or_no_sink__takes_everything(void **state)
{
    (void)state;
    ww_output_stream *null = output_of_fd(open("/dev/null", O_WRONLY | O_CLOEXEC), WW_FD_HERE);
    ww_output_stream *none = output_to(NULL);
    static const uint8_t page[4096];
    uint64_t permit;
    for (int i = 0; i < 100; i++) {
        assert_ok(ww_output_stream_try(null, ww_view_of(page, sizeof page)));
        assert_ok(ww_output_stream_try(none, ww_view_of(page, sizeof page)));
    }
    assert_ok(ww_output_stream_check(none, &permit));
    assert_ok(ww_output_stream_write(none, ww_view_of(page, sizeof page)));
    assert_ok(ww_output_stream_flush_try(null));
    assert_ok(ww_output_stream_flush_try(none));
    release(null);
    release(none);
}

static void write_file(bool in_jobs)
{
    ww_fd *fd = adopt(temporary_file("0123456789"));
    ww_sink *sink;
    fd->writes_in_jobs = in_jobs;
    assert_ok(ww_sink_of_fd(fd, 4, &sink));
    ww_output_stream *out = output_to(sink);
    assert_ok(write_text(out, "ab"));
    while (ww_output_stream_flush_try(out) == WW_AGAIN) {
        /* more while the worker has the first bytes */
        if (f.woken == 0) assert_ok(ww_output_stream_flush(out));
        ww_loop_turn(loop(), true);
    }
    assert_ok(write_text(out, "cd"));
    while (ww_output_stream_flush_try(out) == WW_AGAIN)
        ww_loop_turn(loop(), true);
    char text[16] = {0};
    assert_int_equal(pread(fd->number, text, 15, 0), 10);
    assert_string_equal(text, "0123abcd89");
    release(out);
    ww_sink_unref(sink);
    ww_fd_unref(fd);
}

static void output__file__is_written_from_its_offset_on(void **state)
{
    (void)state;
    write_file(false);
}

static void output__file_that_needs_a_worker__is_written_the_same(void **state)
{
    (void)state;
    write_file(true);
}

static void output__put_while_a_worker_writes__comes_after(void **state)
{
    (void)state;
    ww_fd *fd = adopt(temporary_file(""));
    ww_sink *sink;
    fd->writes_in_jobs = true;
    assert_ok(ww_sink_of_fd(fd, 0, &sink));
    ww_output_stream *out = output_to(sink);
    assert_ok(write_text(out, "first "));
    assert_int_equal(ww_sink_flush(sink), WW_AGAIN);
    assert_ok(write_text(out, "second"));
    while (ww_sink_flush(sink) == WW_AGAIN)
        ww_loop_turn(loop(), true);
    char text[16] = {0};
    assert_int_equal(pread(fd->number, text, 15, 0), 12);
    assert_string_equal(text, "first second");
    release(out);
    ww_sink_unref(sink);
    ww_fd_unref(fd);
}

static void output__permits_of_many_streams_on_one_sink__are_all_kept(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_sink *sink = sink_of_fd(p.write, WW_FD_HERE);
    enum { COUNT = 20 };
    static uint8_t bytes[WW_STREAM_BUFFER_BYTES];
    ww_output_stream *streams[COUNT];
    uint64_t permits[COUNT], total = 0, arrived = 0;
    for (int i = 0; i < COUNT; i++) {
        streams[i] = output_to(sink);
        assert_ok(ww_output_stream_check(streams[i], &permits[i]));
        total += permits[i];
    }
    assert_int_equal(permits[0], WW_STREAM_BUFFER_BYTES);
    assert_int_equal(permits[COUNT - 1], WW_STREAM_ROOM_MIN);
    for (int i = 0; i < COUNT; i++)
        assert_ok(ww_output_stream_write(streams[i], ww_view_of(bytes, permits[i])));
    while (arrived < total) {
        arrived += drain(p.read);
        ww_loop_turn(loop(), false);
    }
    assert_int_equal(arrived, total);
    for (int i = 0; i < COUNT; i++)
        release(streams[i]);
    assert_int_equal(sink->promised, 0);
    ww_sink_unref(sink);
    close(p.read);
}

/* --- splice, zeroes */

static void splice__pipe_to_pipe__moves_what_is_there(void **state)
{
    (void)state;
    pipe_ends from = make_pipe(), to = make_pipe();
    ww_input_stream *in = input_of_fd(from.read, WW_FD_HERE);
    ww_output_stream *out = output_of_fd(to.write, WW_FD_HERE);
    uint64_t moved;
    assert_int_equal(ww_output_stream_splice_try(out, in, 100, &moved), WW_AGAIN);
    assert_int_equal(ww_output_stream_splice_wait(out, in), WW_AGAIN);
    assert_int_equal(write(from.write, "payload", 7), 7);
    ww_loop_turn(loop(), true);
    assert_int_equal(f.woken, 1);
    assert_ok(ww_output_stream_splice_try(out, in, 3, &moved));
    assert_int_equal(moved, 3);
    assert_ok(ww_output_stream_splice_try(out, in, UINT64_MAX, &moved));
    assert_int_equal(moved, 4);
    close(from.write);
    assert_int_equal(ww_output_stream_splice_try(out, in, 1, &moved), WW_E_CLOSED);
    ww_loop_turn(loop(), true);
    assert_arrived(to.read, "payload");
    release(in);
    release(out);
    close(to.read);
}

static void write_zeroes__within_the_permit__arrive(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_output_stream *out = output_of_fd(p.write, WW_FD_HERE);
    uint64_t permit;
    assert_ok(ww_output_stream_check(out, &permit));
    assert_ok(ww_output_stream_write_zeroes(out, 10000));
    assert_int_equal(ww_output_stream_write_zeroes(out, permit), WW_E_LIMIT);
    assert_ok(ww_output_stream_try_zeroes(out, 4096));
    assert_ok(ww_output_stream_flush_try(out));
    assert_int_equal(drain(p.read), 14096);
    release(out);
    close(p.read);
}

/* --- pollables */

static void pollable__of_input__follows_the_pipe(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_input_stream *in = input_of_fd(p.read, WW_FD_HERE);
    ww_pollable *pollable;
    assert_ok(ww_input_stream_subscribe(in, &pollable));
    assert_false(ww_pollable_ready(pollable));
    ww_pollable_wait(pollable);
    assert_int_equal(write(p.write, "x", 1), 1);
    ww_loop_turn(loop(), true);
    assert_int_equal(f.woken, 1);
    assert_true(ww_pollable_ready(pollable));
    release(pollable);
    release(in);
    close(p.write);
}

static void pollable__of_a_deadline__is_ready_when_the_clock_is_there(void **state)
{
    (void)state;
    ww_pollable *pollable;
    assert_ok(ww_pollable_of_deadline(&f.wasi, 5000, &pollable));
    ww_pollable_wait(pollable);
    ww_loop_turn(loop(), false);
    assert_false(ww_pollable_ready(pollable));
    f.clock.now_ns = 5000;
    ww_loop_turn(loop(), true);
    assert_int_equal(f.woken, 1);
    assert_true(ww_pollable_ready(pollable));
    release(pollable);
}

static void pollable__dropped_while_it_waits__never_wakes(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_input_stream *in = input_of_fd(p.read, WW_FD_HERE);
    ww_pollable *deadline, *readable;
    assert_ok(ww_pollable_of_deadline(&f.wasi, 5000, &deadline));
    assert_ok(ww_input_stream_subscribe(in, &readable));
    ww_pollable_wait(deadline);
    ww_pollable_wait(readable);
    release(deadline);
    release(readable);
    assert_int_equal(write(p.write, "x", 1), 1);
    f.clock.now_ns = 6000;
    ww_loop_turn(loop(), false);
    assert_int_equal(f.woken, 0);
    release(in);
    close(p.write);
}

static void stream__dropped_before_its_pollable__traps(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_input_stream *in = input_of_fd(p.read, WW_FD_HERE);
    ww_pollable *pollable;
    ww_call call = {0};
    assert_ok(ww_input_stream_subscribe(in, &pollable));
    assert_int_equal(ww_object_drop(&call, ww_object_rep(in)), WW_E_TRAP);
    assert_string_equal(fake.trap_text, "resource has children: input-stream");
    release(pollable);
    close(p.write);
}

/* --- the cell's end */

static void flush_at_the_end__output_under_way__answers_again_until_it_is_out(void **state)
{
    (void)state;
    pipe_ends p = make_pipe();
    ww_sink *sink = sink_of_fd(p.write, WW_FD_HERE);
    ww_output_stream *out = output_to(sink);
    f.wasi.options.output = ww_sink_ref(sink);
    f.wasi.options.error = ww_sink_ref(sink);
    size_t written = fill(out), arrived = 0;
    release(out);
    while (ww_wasi_flush(&f.wasi) == WW_AGAIN) {
        arrived += drain(p.read);
        ww_loop_turn(loop(), true);
    }
    arrived += drain(p.read);
    assert_int_equal(arrived, written);
    ww_sink_unref(sink);
    close(p.read);
}

static ww_status make_streams(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_wasi wasi = f.wasi;
    wasi.options.allocator = allocator;
    wasi.chunk = NULL;
    wasi.chunk_size = 0;
    ww_source *source = NULL;
    ww_input_stream *in = NULL;
    ww_output_stream *out = NULL;
    ww_pollable *a = NULL, *b = NULL;
    ww_error *error = NULL;
    ww_status status = ww_source_of_blob(allocator, NULL, &source);
    if (!status) status = ww_input_stream_new(&wasi, source, NULL, &in);
    if (!status) status = ww_output_stream_new(&wasi, NULL, NULL, &out);
    if (!status) status = ww_input_stream_subscribe(in, &a);
    if (!status) status = ww_output_stream_subscribe(out, &b);
    if (!status) status = ww_error_new(&wasi, ENOSPC, &error);
    if (error) assert_view_is(ww_error_text(error), "No space left on device");
    void *objects[] = {error, b, a, out, in};
    for (size_t i = 0; i < WW_COUNT_OF(objects); i++)
        ww_object_release(objects[i]);
    ww_source_unref(source);
    return status;
}

static void streams__every_allocation_failing__leak_nothing(void **state)
{
    (void)state;
    test_every_allocation_failing(make_streams, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(input__empty_pipe__waits_and_is_woken_by_the_first_byte),
        CASE(input__more_in_the_pipe_than_asked_for__leaves_the_rest),
        CASE(input__length_zero__is_empty_and_fine_until_the_end),
        CASE(input__ended_by_its_owner__is_at_its_end_for_readers_and_waiters),
        CASE(input__writer_closes_while_waiting__wakes),
        CASE(input__pipe_without_o_nonblock__never_blocks),
        CASE(input__directory__fails_once_then_is_closed),
        CASE(input__file__is_read_from_its_offset_to_its_end),
        CASE(input__file_that_needs_a_worker__reads_the_same),
        CASE(input__freed_while_a_worker_reads__leaves_nothing),
        CASE(input__memory__is_read_to_its_end),
        CASE(output__small_writes__reach_the_pipe_together_when_the_turn_ends),
        CASE(output__flush__reaches_the_pipe_at_once),
        CASE(output__dropped_with_bytes_left__they_still_arrive),
        CASE(output__two_streams_on_one_sink__keep_their_order),
        CASE(output__beyond_the_permit__is_the_guests_fault),
        CASE(output__full_pipe__has_no_permit_until_the_reader_reads),
        CASE(output__flush_of_a_full_pipe__gives_no_permit_before_all_is_written),
        CASE(output__reader_gone__is_closed_from_the_next_call_on),
        CASE(output__full_device__fails_once_then_is_closed),
        CASE(output__reader_that_never_reads__can_be_abandoned),
        CASE(output__null_device_or_no_sink__takes_everything),
        CASE(output__file__is_written_from_its_offset_on),
        CASE(output__file_that_needs_a_worker__is_written_the_same),
        CASE(output__put_while_a_worker_writes__comes_after),
        CASE(output__permits_of_many_streams_on_one_sink__are_all_kept),
        CASE(splice__pipe_to_pipe__moves_what_is_there),
        CASE(write_zeroes__within_the_permit__arrive),
        CASE(pollable__of_input__follows_the_pipe),
        CASE(pollable__of_a_deadline__is_ready_when_the_clock_is_there),
        CASE(pollable__dropped_while_it_waits__never_wakes),
        CASE(stream__dropped_before_its_pollable__traps),
        CASE(flush_at_the_end__output_under_way__answers_again_until_it_is_out),
        CASE(streams__every_allocation_failing__leak_nothing),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
