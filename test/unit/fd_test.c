/* Descriptors of every kind, as the process may find them at its start. */
#include "os/fd.h"
#include "support/check.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static ww_loop *loop;

static int setup(void **state)
{
    (void)state;
    return ww_loop_new(ww_allocator_libc(), NULL, &loop, NULL) != WW_OK;
}

static int teardown(void **state)
{
    (void)state;
    ww_loop_free(loop);
    return 0;
}

static ww_fd *attach(int number)
{
    ww_fd *fd;
    assert_ok(ww_fd_attach(loop, number, &fd, NULL));
    assert_int_not_equal(fd->number, number);
    assert_true(fcntl(fd->number, F_GETFD) & FD_CLOEXEC);
    return fd;
}

static int write_text(ww_fd *fd, const char *text, size_t *put)
{
    ww_view parts[2] = {ww_view_str(text), {NULL, 0}};
    return ww_fd_write_now(fd, parts, WW_FD_HERE, put);
}

/* The shell that started us, and whoever writes to the same pipe, must not find it changed. */
static void attach__pipe__leaves_its_flags_alone_and_never_blocks(void **state)
{
    (void)state;
    int ends[2];
    char byte;
    size_t got;
    assert_int_equal(pipe(ends), 0);
    ww_fd *in = attach(ends[0]), *out = attach(ends[1]);
    assert_int_equal(in->kind, WW_FD_STREAM);
    assert_false(in->is_shared || out->is_shared || in->is_terminal);
    assert_false(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
    assert_int_equal(ww_fd_read_now(in, &byte, 1, WW_FD_HERE, &got), EAGAIN);
    while (write_text(out, "0123456789abcdef", &got) == 0)
        continue;
    assert_int_equal(write_text(out, "x", &got), EAGAIN);
    ww_fd_unref(in);
    ww_fd_unref(out);
    close(ends[0]);
    close(ends[1]);
}

static void attach__pipe_whose_reader_is_gone__writes_fail_with_epipe(void **state)
{
    (void)state;
    int ends[2];
    size_t put;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    ww_fd *out = attach(ends[1]); /* cannot be opened once more; shares the descriptor then */
    assert_int_equal(write_text(out, "x", &put), EPIPE);
    ww_fd_unref(out);
    close(ends[1]);
}

static void attach__file__shares_its_position(void **state)
{
    (void)state;
    int number = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char byte;
    size_t got;
    assert_int_equal(write(number, "abc", 3), 3);
    assert_int_equal(lseek(number, 1, SEEK_SET), 1);
    ww_fd *fd = attach(number);
    assert_int_equal(fd->kind, WW_FD_FILE);
    assert_int_equal(ww_fd_read(fd, &byte, 1, WW_FD_HERE, &got), 0);
    assert_int_equal(byte, 'b');
    assert_int_equal(lseek(number, 0, SEEK_CUR), 2);
    ww_fd_unref(fd);
    close(number);
}

static void attach__number_that_is_not_open__is_not_found(void **state)
{
    (void)state;
    ww_fd *fd;
    ww_diag diag;
    assert_int_equal(ww_fd_attach(loop, 1000, &fd, &diag), WW_E_NOT_FOUND);
    assert_string_equal(diag.text, "descriptor 1000 is not open");
}

static void attach__null_device__takes_everything_and_has_nothing(void **state)
{
    (void)state;
    int number = open("/dev/null", O_RDWR | O_CLOEXEC);
    char byte;
    size_t got;
    ww_fd *fd = attach(number);
    assert_int_equal(fd->kind, WW_FD_NULL);
    assert_int_equal(write_text(fd, "xyz", &got), 0);
    assert_int_equal(got, 3);
    assert_int_equal(ww_fd_read_now(fd, &byte, 1, WW_FD_HERE, &got), 0);
    assert_int_equal(got, 0);
    ww_fd_unref(fd);
    close(number);
}

static void attach__terminal__is_one_and_reads_lines(void **state)
{
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int number = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    char line[16] = {0};
    size_t got;
    ww_fd *fd = attach(number);
    assert_true(fd->is_terminal);
    assert_int_equal(fd->kind, WW_FD_STREAM);
    assert_false(fcntl(number, F_GETFL) & O_NONBLOCK);
    assert_int_equal(ww_fd_read_now(fd, line, sizeof line, WW_FD_HERE, &got), EAGAIN);
    assert_int_equal(write(master, "half", 4), 4);
    assert_int_equal(ww_fd_read_now(fd, line, sizeof line, WW_FD_HERE, &got), EAGAIN);
    assert_int_equal(write(master, " line\n", 6), 6);
    while (ww_fd_read_now(fd, line, sizeof line, WW_FD_HERE, &got) == EAGAIN)
        continue;
    assert_string_equal(line, "half line\n");
    ww_fd_unref(fd);
    close(number);
    close(master);
}

static void socket__peer_closed__fails_without_a_signal(void **state)
{
    (void)state;
    int ends[2];
    char byte;
    size_t got;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ww_fd *fd = attach(ends[0]);
    assert_int_equal(fd->kind, WW_FD_SOCKET);
    assert_int_equal(ww_fd_read_now(fd, &byte, 1, WW_FD_HERE, &got), EAGAIN);
    close(ends[1]);
    assert_int_equal(ww_fd_read_now(fd, &byte, 1, WW_FD_HERE, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(write_text(fd, "x", &got), EPIPE);
    ww_fd_unref(fd);
    close(ends[0]);
}

static void assert_same(int a, int b, bool expected)
{
    ww_fd *first = attach(a), *second = attach(b);
    assert_int_equal(ww_fd_same_output(first, second), expected);
    ww_fd_unref(first);
    ww_fd_unref(second);
}

/* `prog >x 2>&1` has one order of bytes; `prog >x 2>x` has two positions in one file. */
static void same_output__where_the_order_of_writes_shows__is_true(void **state)
{
    (void)state;
    char name[] = "/tmp/ww-fd-test-XXXXXX";
    int file = mkstemp(name), again = open(name, O_WRONLY | O_CLOEXEC);
    int append = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
    int append_again = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
    int copy = dup(file), one[2], other[2];
    assert_int_equal(pipe(one), 0);
    assert_int_equal(pipe(other), 0);
    assert_same(file, copy, true);
    assert_same(file, again, false);
    assert_same(append, append_again, true);
    assert_same(one[1], one[1], true);
    assert_same(one[1], other[1], false);
    assert_same(one[1], file, false);
    int all[] = {file, again, append, append_again, copy, one[0], one[1], other[0], other[1]};
    for (size_t i = 0; i < WW_COUNT_OF(all); i++)
        close(all[i]);
    unlink(name);
}

static ww_status attach_once(const ww_allocator *allocator, void *arg)
{
    ww_loop *own;
    ww_fd *fd;
    ww_status status = ww_loop_new(allocator, NULL, &own, NULL);
    if (status) return status;
    status = ww_fd_attach(own, *(int *)arg, &fd, NULL);
    ww_fd_unref(fd);
    ww_loop_free(own);
    return status;
}

static void attach__every_allocation_failing__closes_what_it_opened(void **state)
{
    (void)state;
    int ends[2], lowest = dup(0);
    close(lowest);
    assert_int_equal(pipe(ends), 0);
    test_every_allocation_failing(attach_once, &ends[0]);
    close(ends[0]);
    close(ends[1]);
    int now = dup(0);
    assert_int_equal(now, lowest);
    close(now);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(attach__pipe__leaves_its_flags_alone_and_never_blocks),
        CASE(attach__pipe_whose_reader_is_gone__writes_fail_with_epipe),
        CASE(attach__file__shares_its_position),
        CASE(attach__number_that_is_not_open__is_not_found),
        CASE(attach__null_device__takes_everything_and_has_nothing),
        CASE(attach__terminal__is_one_and_reads_lines),
        CASE(socket__peer_closed__fails_without_a_signal),
        CASE(same_output__where_the_order_of_writes_shows__is_true),
        CASE(attach__every_allocation_failing__closes_what_it_opened),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
