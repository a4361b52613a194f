/* os/fd.h - reading and writing a descriptor without ever blocking the loop.
 *
 * Model      Four kinds. Streams (pipes, terminals) and sockets answer EAGAIN until they are ready,
 *            and are waited for by readiness. Files answer EAGAIN when the kernel would have to
 *            wait for a device, and the same operation is then repeated in a job by its blocking
 *            form. The null device takes everything and has nothing.
 * Ownership  Counted; the last ww_fd_unref closes the descriptor and its watch. A job on the
 *            descriptor holds a reference of its own.
 * Errors     Operations answer 0 or an errno value: guests are told the exact one. Never SIGPIPE.
 * Threads    The loop's own; ww_fd_read and ww_fd_write (blocking) also on workers.
 */
#pragma once
#include "base/bytes.h"
#include "os/loop.h"

const char *ww_os_error_text(int error); /* "No space left on device"; static storage */

typedef enum ww_fd_kind { WW_FD_FILE, WW_FD_STREAM, WW_FD_SOCKET, WW_FD_NULL } ww_fd_kind;

typedef struct ww_fd {
    ww_loop *loop;
    uint32_t refs;
    int number;
    uint8_t kind; /* ww_fd_kind */
    bool is_terminal;
    bool is_shared;     /* its flags are others' too, so it may block: readiness is asked first */
    bool reads_in_jobs; /* a file system that knows no attempt without waiting */
    bool writes_in_jobs;
    uint64_t device, inode;
    ww_watch *watch; /* made at the first wait */
} ww_fd;

/* Takes `number`, which is opened with O_NONBLOCK if it may be a stream; closes it on failure. */
WW_MUST_USE ww_status ww_fd_adopt(ww_loop *loop, int number, ww_fd **out, ww_diag *diag);
/* A directory of the host, by a path of this process. */
WW_MUST_USE ww_status ww_fd_open_directory(ww_loop *loop, const char *path, ww_fd **out,
                                           ww_diag *diag);
enum { WW_FD_PIPE_BYTES = 256 << 10 };

/* For the process's own standard streams: makes a descriptor of its own for what `number` refers
 * to, so that no flag is changed under other processes; a pipe is made WW_FD_PIPE_BYTES long where
 * the kernel allows. `number` stays open and as it is. */
WW_MUST_USE ww_status ww_fd_attach(ww_loop *loop, int number, ww_fd **out, ww_diag *diag);

static inline ww_fd *ww_fd_ref(ww_fd *fd)
{
    fd->refs++;
    return fd;
}

void ww_fd_unref(ww_fd *fd); /* also NULL */

void ww_fd_shutdown(const ww_fd *fd); /* a socket: the peer sees the end; nothing else changes */

void ww_fd_close_number(int number); /* a descriptor that was not adopted; also -1 */

/* Puts /dev/null where standard input, output or errors were closed before the program began: the
 * next file or socket that is opened would be taken for them. First of all. */
void ww_fd_fill_standard(void);

/* True if EAGAIN is waited for with ww_fd_wait, false if with a job. */
static inline bool ww_fd_is_stream(const ww_fd *fd)
{
    return fd->kind == WW_FD_STREAM || fd->kind == WW_FD_SOCKET;
}

/* Both lead to one open file, or to one pipe or terminal, where the order of writes is seen. */
bool ww_fd_same_output(const ww_fd *a, const ww_fd *b);

/* Offsets: at and moving the descriptor's own position; behind the last byte of a file. */
enum { WW_FD_HERE = -1, WW_FD_END = -2 };

/* At most `size` bytes; *got 0 means the end. */
int ww_fd_read_now(ww_fd *fd, void *out, size_t size, int64_t offset, size_t *got);
/* Both parts, one after the other; *put may be less than their sum. */
int ww_fd_write_now(ww_fd *fd, const ww_view parts[2], int64_t offset, size_t *put);

/* Streams and sockets only: several parts, of which the first WW_FD_PARTS_MAX are looked at. */
enum { WW_FD_PARTS_MAX = 32 };
int ww_fd_send_now(const ww_fd *fd, const ww_view *parts, size_t count, size_t *put);

/* Blocking, for jobs on files. */
int ww_fd_read(const ww_fd *fd, void *out, size_t size, int64_t offset, size_t *got);
int ww_fd_write(const ww_fd *fd, ww_view bytes, int64_t offset, size_t *put);

/* True if an operation would not answer EAGAIN. Streams and sockets only. */
bool ww_fd_ready(const ww_fd *fd, ww_ready ready);
/* Streams and sockets only. E_IO, E_MEMORY: nobody will be woken. */
WW_MUST_USE ww_status ww_fd_wait(ww_fd *fd, ww_ready ready, ww_waiter *waiter, ww_waker *waker);
