#include "os/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

/* A shared pipe has room for this much when it is writable, so that a write does not block. */
enum { SHARED_WRITE_MAX = PIPE_BUF };

const char *ww_os_error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

/* Devices that cannot be polled are handled like files. */
static ww_fd_kind kind_of_device(ww_loop *loop, int number, const struct stat *facts,
                                 ww_watch **out)
{
    if (facts->st_rdev == makedev(1, 3)) return WW_FD_NULL;
    return ww_watch_new(loop, number, out) == WW_OK ? WW_FD_STREAM : WW_FD_FILE;
}

static ww_fd_kind kind_of(ww_loop *loop, int number, const struct stat *facts, ww_watch **out)
{
    *out = NULL;
    if (S_ISFIFO(facts->st_mode)) return WW_FD_STREAM;
    if (S_ISSOCK(facts->st_mode)) return WW_FD_SOCKET;
    if (S_ISCHR(facts->st_mode)) return kind_of_device(loop, number, facts, out);
    return WW_FD_FILE;
}

ww_status ww_fd_adopt(ww_loop *loop, int number, ww_fd **out, ww_diag *diag)
{
    *out = NULL;
    struct stat facts;
    ww_fd *fd = ww_alloc(ww_loop_allocator(loop), sizeof *fd);
    if (!fd || fstat(number, &facts)) {
        ww_status status = fd ? WW_E_IO : WW_E_MEMORY;
        ww_free(ww_loop_allocator(loop), fd, sizeof *fd);
        close(number);
        return ww_fail(diag, status, "descriptor %d: %s", number, ww_status_text(status));
    }
    ww_watch *watch;
    ww_fd_kind kind = kind_of(loop, number, &facts, &watch);
    *fd = (ww_fd){
        .loop = loop,
        .refs = 1,
        .number = number,
        .kind = (uint8_t)kind,
        .is_terminal = S_ISCHR(facts.st_mode) && isatty(number),
        .device = facts.st_dev,
        .inode = facts.st_ino,
        .watch = watch,
    };
    fd->is_shared = kind == WW_FD_STREAM && !(fcntl(number, F_GETFL) & O_NONBLOCK);
    *out = fd;
    return WW_OK;
}

ww_status ww_fd_open_directory(ww_loop *loop, const char *path, ww_fd **out, ww_diag *diag)
{
    *out = NULL;
    int number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number >= 0) return ww_fd_adopt(loop, number, out, diag);
    ww_status status = errno == ENOENT ? WW_E_NOT_FOUND : WW_E_IO;
    return ww_fail(diag, status, "%s: %s", path, ww_os_error_text(errno));
}

/* Room for several reads and writes, so that three processes in a row change places less often;
 * more than this falls out of the cache and was slower. The kernel may refuse: a user's pipes
 * together have a limit. */
static void widen_pipe(int number)
{
    int bytes = fcntl(number, F_GETPIPE_SZ);
    if (bytes >= 0 && bytes < WW_FD_PIPE_BYTES) fcntl(number, F_SETPIPE_SZ, WW_FD_PIPE_BYTES);
}

/* O_NONBLOCK belongs to the open file, which the process that started us shares: a pipe or terminal
 * is opened once more. Where that is not allowed, the descriptor is shared. */
ww_status ww_fd_attach(ww_loop *loop, int number, ww_fd **out, ww_diag *diag)
{
    *out = NULL;
    struct stat facts;
    if (fstat(number, &facts))
        return ww_fail(diag, WW_E_NOT_FOUND, "descriptor %d is not open", number);
    int own = -1, access = fcntl(number, F_GETFL) & O_ACCMODE;
    if (S_ISFIFO(facts.st_mode) || (S_ISCHR(facts.st_mode) && isatty(number))) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", number);
        own = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (own < 0) own = fcntl(number, F_DUPFD_CLOEXEC, 3);
    if (own < 0) return ww_fail(diag, WW_E_IO, "descriptor %d cannot be copied", number);
    if (S_ISFIFO(facts.st_mode)) widen_pipe(own);
    return ww_fd_adopt(loop, own, out, diag);
}

void ww_fd_close_number(int number)
{
    if (number >= 0) close(number);
}

void ww_fd_fill_standard(void)
{
    int number;
    do
        number = open("/dev/null", O_RDWR);
    while (number >= 0 && number <= STDERR_FILENO);
    ww_fd_close_number(number);
}

void ww_fd_shutdown(const ww_fd *fd)
{
    if (fd->kind == WW_FD_SOCKET) shutdown(fd->number, SHUT_WR);
}

void ww_fd_unref(ww_fd *fd)
{
    if (!fd || --fd->refs) return;
    ww_watch_close(fd->watch);
    close(fd->number);
    ww_free(ww_loop_allocator(fd->loop), fd, sizeof *fd);
}

/* Two descriptors of one open file share its position; kcmp(2) knows. Where the kernel does not
 * answer, equal positions and flags are taken for it: then the order of writes is kept, at worst
 * needlessly. */
static bool same_open_file(const ww_fd *a, const ww_fd *b)
{
    pid_t self = getpid();
    long order = syscall(SYS_kcmp, self, self, KCMP_FILE, a->number, b->number);
    if (order >= 0) return order == 0;
    return lseek(a->number, 0, SEEK_CUR) == lseek(b->number, 0, SEEK_CUR) &&
           fcntl(a->number, F_GETFL) == fcntl(b->number, F_GETFL);
}

bool ww_fd_same_output(const ww_fd *a, const ww_fd *b)
{
    if (a->device != b->device || a->inode != b->inode || a->kind != b->kind) return false;
    if (ww_fd_is_stream(a)) return true;
    bool append = fcntl(a->number, F_GETFL) & fcntl(b->number, F_GETFL) & O_APPEND;
    return append || same_open_file(a, b);
}

/* --- without waiting */

bool ww_fd_ready(const ww_fd *fd, ww_ready ready)
{
    struct pollfd ask = {.fd = fd->number, .events = ready == WW_READABLE ? POLLIN : POLLOUT};
    return poll(&ask, 1, 0) != 0;
}

static int count_or_errno(ssize_t count, size_t *out)
{
    *out = count < 0 ? 0 : (size_t)count;
    return count < 0 ? errno : 0;
}

/* A file: EOPNOTSUPP says that attempts are unknown here. */
static int attempt_result(ssize_t count, size_t *out, bool *in_jobs)
{
    int error = count_or_errno(count, out);
    if (error != EOPNOTSUPP) return error;
    *in_jobs = true;
    return EAGAIN;
}

static int read_once(ww_fd *fd, struct iovec part, int64_t offset, size_t *got)
{
    switch ((ww_fd_kind)fd->kind) {
    case WW_FD_NULL: *got = 0; return 0;
    case WW_FD_SOCKET:
        return count_or_errno(recv(fd->number, part.iov_base, part.iov_len, MSG_DONTWAIT), got);
    case WW_FD_STREAM:
        *got = 0;
        if (fd->is_shared && !ww_fd_ready(fd, WW_READABLE)) return EAGAIN;
        return count_or_errno(read(fd->number, part.iov_base, part.iov_len), got);
    case WW_FD_FILE: break;
    }
    *got = 0;
    if (fd->reads_in_jobs) return EAGAIN;
    return attempt_result(preadv2(fd->number, &part, 1, offset, RWF_NOWAIT), got,
                          &fd->reads_in_jobs);
}

int ww_fd_read_now(ww_fd *fd, void *out, size_t size, int64_t offset, size_t *got)
{
    int error;
    do
        error = read_once(fd, (struct iovec){out, size}, offset, got);
    while (error == EINTR);
    return error;
}

static int write_shared(const ww_fd *fd, const struct iovec *parts, size_t count, size_t *put)
{
    *put = 0;
    if (!ww_fd_ready(fd, WW_WRITABLE)) return EAGAIN;
    const struct iovec *part = parts, *last = parts + count - 1;
    while (part < last && !part->iov_len)
        part++;
    size_t size = part->iov_len < SHARED_WRITE_MAX ? part->iov_len : SHARED_WRITE_MAX;
    return count_or_errno(write(fd->number, part->iov_base, size), put);
}

static int write_stream(const ww_fd *fd, struct iovec *parts, size_t count, size_t *put)
{
    if (fd->kind == WW_FD_SOCKET) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        return count_or_errno(sendmsg(fd->number, &message, MSG_DONTWAIT | MSG_NOSIGNAL), put);
    }
    if (fd->is_shared) return write_shared(fd, parts, count, put);
    return count_or_errno(writev(fd->number, parts, (int)count), put);
}

static int write_once(ww_fd *fd, struct iovec parts[2], int64_t offset, size_t *put)
{
    if (ww_fd_is_stream(fd)) return write_stream(fd, parts, 2, put);
    if (fd->kind == WW_FD_NULL) {
        *put = parts[0].iov_len + parts[1].iov_len;
        return 0;
    }
    *put = 0;
    if (fd->writes_in_jobs) return EAGAIN;
    int flags = offset == WW_FD_END ? RWF_NOWAIT | RWF_APPEND : RWF_NOWAIT;
    if (offset == WW_FD_END) offset = 0;
    return attempt_result(pwritev2(fd->number, parts, 2, offset, flags), put, &fd->writes_in_jobs);
}

static struct iovec iovec_of(ww_view view)
{
    return (struct iovec){(void *)(uintptr_t)view.data, view.size};
}

int ww_fd_write_now(ww_fd *fd, const ww_view parts[2], int64_t offset, size_t *put)
{
    struct iovec list[2] = {iovec_of(parts[0]), iovec_of(parts[1])};
    int error;
    do
        error = write_once(fd, list, offset, put);
    while (error == EINTR);
    return error;
}

int ww_fd_send_now(const ww_fd *fd, const ww_view *parts, size_t count, size_t *put)
{
    struct iovec list[WW_FD_PARTS_MAX];
    if (count > WW_FD_PARTS_MAX) count = WW_FD_PARTS_MAX;
    for (size_t i = 0; i < count; i++)
        list[i] = iovec_of(parts[i]);
    int error;
    do
        error = write_stream(fd, list, count, put);
    while (error == EINTR);
    return error;
}

/* --- blocking */

int ww_fd_read(const ww_fd *fd, void *out, size_t size, int64_t offset, size_t *got)
{
    ssize_t count;
    do
        count = offset == WW_FD_HERE ? read(fd->number, out, size)
                                     : pread(fd->number, out, size, offset);
    while (count < 0 && errno == EINTR);
    return count_or_errno(count, got);
}

int ww_fd_write(const ww_fd *fd, ww_view bytes, int64_t offset, size_t *put)
{
    struct iovec part = iovec_of(bytes);
    int flags = offset == WW_FD_END ? RWF_APPEND : 0;
    if (offset == WW_FD_END) offset = 0;
    ssize_t count;
    do
        count = pwritev2(fd->number, &part, 1, offset, flags);
    while (count < 0 && errno == EINTR);
    return count_or_errno(count, put);
}

ww_status ww_fd_wait(ww_fd *fd, ww_ready ready, ww_waiter *waiter, ww_waker *waker)
{
    if (!fd->watch) {
        ww_status status = ww_watch_new(fd->loop, fd->number, &fd->watch);
        if (status) return status;
    }
    ww_watch_wait(fd->watch, ready, waiter, waker);
    return WW_OK;
}
