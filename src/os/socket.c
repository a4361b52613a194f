#include "os/socket.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 128, SOCKET_FLAGS = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK };

typedef union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
} socket_address;

struct ww_listener {
    ww_loop *loop;
    ww_listener_user *user;
    ww_fd *fd;
    ww_waker waker;
    ww_waiter waiter;
    ww_task turn;
    ww_timer rest;
    bool is_closed, is_turning;
    char *path; /* of a Unix socket, and what stood there when it was made */
    uint64_t device, inode;
    char address[WW_ADDRESS_MAX];
};

/* ---- addresses ---- */

static ww_status parse_port(const char *text, in_port_t *out)
{
    char *end;
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || port > 65535) return WW_E_INVALID;
    *out = htons((uint16_t)port);
    return WW_OK;
}

static bool parse_host(const char *address, socket_address *out)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;
    char host[INET6_ADDRSTRLEN + 2];
    if (!size || size >= sizeof host) return false;
    memcpy(host, address, size);
    host[size] = '\0';
    *out = (socket_address){0};
    if (host[0] == '[' && host[size - 1] == ']') {
        host[size - 1] = '\0';
        out->v6.sin6_family = AF_INET6;
        return inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1 &&
               !parse_port(colon + 1, &out->v6.sin6_port);
    }
    out->v4.sin_family = AF_INET;
    return inet_pton(AF_INET, host, &out->v4.sin_addr) == 1 &&
           !parse_port(colon + 1, &out->v4.sin_port);
}

static ww_status parse_tcp(const char *address, socket_address *out, ww_diag *diag)
{
    if (parse_host(address, out)) return WW_OK;
    return ww_fail(diag, WW_E_INVALID, "%s: not an address like 127.0.0.1:7000 or [::1]:7000",
                   address);
}

static ww_status parse_unix(const char *path, socket_address *out, ww_diag *diag)
{
    *out = (socket_address){.local = {.sun_family = AF_UNIX}};
    size_t size = strlen(path);
    if (size == 0) return ww_fail(diag, WW_E_INVALID, "the path of a socket is empty");
    if (size >= sizeof out->local.sun_path)
        return ww_fail(diag, WW_E_LIMIT, "%s: the path of a socket has at most %zu bytes", path,
                       sizeof out->local.sun_path - 1);
    memcpy(out->local.sun_path, path, size);
    return WW_OK;
}

static socklen_t size_of(const socket_address *a)
{
    if (a->any.sa_family == AF_UNIX) return sizeof a->local;
    return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

static void print_address(const socket_address *a, char out[WW_ADDRESS_MAX])
{
    char host[INET6_ADDRSTRLEN];
    if (a->any.sa_family == AF_UNIX) {
        snprintf(out, WW_ADDRESS_MAX, "%s", a->local.sun_path);
    } else if (a->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof host);
        snprintf(out, WW_ADDRESS_MAX, "%s:%u", host, ntohs(a->v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof host);
        snprintf(out, WW_ADDRESS_MAX, "[%s]:%u", host, ntohs(a->v6.sin6_port));
    }
}

static int open_socket(const socket_address *address)
{
    int fd = socket(address->any.sa_family, SOCKET_FLAGS, 0), on = 1;
    if (fd >= 0 && address->any.sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* ---- accepting ---- */

static void rest(ww_listener *l)
{
    ww_timer_start(l->loop, &l->rest,
                   *ww_loop_turn_ns(l->loop) + (uint64_t)WW_ACCEPT_REST_MS * WW_NS_PER_MS);
}

/* False when there is nobody more for now. */
static bool accept_one(ww_listener *l)
{
    int number = accept4(l->fd->number, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
    if (number < 0) {
        if (errno == ECONNABORTED || errno == EINTR) return true;
        if (errno != EAGAIN || ww_fd_wait(l->fd, WW_READABLE, &l->waiter, &l->waker)) rest(l);
        return false;
    }
    if (!l->path) setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ww_fd *fd;
    if (ww_fd_adopt(l->loop, number, &fd, NULL) == WW_OK) l->user->accepted(l->user, fd);
    return true;
}

static void take_turn(ww_task *task)
{
    ww_listener *l = WW_CONTAINER_OF(task, ww_listener, turn);
    l->is_turning = true;
    bool more = true;
    for (int i = 0; i < WW_ACCEPTS_PER_TURN && more && !l->is_closed; i++)
        more = accept_one(l);
    l->is_turning = false;
    if (l->is_closed)
        ww_free(ww_loop_allocator(l->loop), l, sizeof *l);
    else if (more)
        ww_loop_post(l->loop, &l->turn);
}

static void wake(ww_waker *waker)
{
    ww_listener *l = WW_CONTAINER_OF(waker, ww_listener, waker);
    ww_loop_post(l->loop, &l->turn);
}

static void rested(ww_timer *timer)
{
    ww_listener *l = WW_CONTAINER_OF(timer, ww_listener, rest);
    ww_loop_post(l->loop, &l->turn);
}

/* Takes `number`, which listens. */
static ww_status new_listener(ww_loop *loop, int number, ww_listener_user *user, ww_listener **out,
                              ww_diag *diag)
{
    ww_fd *fd;
    ww_status status = ww_fd_adopt(loop, number, &fd, diag);
    if (status) return status;
    ww_listener *l = ww_alloc(ww_loop_allocator(loop), sizeof *l);
    if (!l) {
        ww_fd_unref(fd);
        return ww_fail(diag, WW_E_MEMORY, "out of memory");
    }
    *l = (ww_listener){.loop = loop,
                       .user = user,
                       .fd = fd,
                       .waker = {wake},
                       .turn = {.run = take_turn},
                       .rest = {.fire = rested}};
    socket_address at = {0};
    socklen_t size = sizeof at;
    getsockname(number, &at.any, &size);
    print_address(&at, l->address);
    ww_loop_post(loop, &l->turn);
    *out = l;
    return WW_OK;
}

const char *ww_listener_address(const ww_listener *listener)
{
    return listener->address;
}

ww_status ww_listen_tcp(ww_loop *loop, const char *address, ww_listener_user *user,
                        ww_listener **out, ww_diag *diag)
{
    *out = NULL;
    socket_address at;
    ww_status status = parse_tcp(address, &at, diag);
    if (status) return status;
    int number = open_socket(&at), on = 1;
    if (number >= 0) setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (number < 0 || bind(number, &at.any, size_of(&at)) || listen(number, BACKLOG)) {
        int error = errno;
        ww_fd_close_number(number);
        return ww_fail(diag, error == EADDRINUSE ? WW_E_BUSY : WW_E_IO, "%s: %s", address,
                       ww_os_error_text(error));
    }
    return new_listener(loop, number, user, out, diag);
}

/* ---- Unix sockets ---- */

/* Removes what a process that is gone left behind. */
static ww_status remove_stale(const char *path, const socket_address *at, ww_diag *diag)
{
    struct stat facts;
    if (lstat(path, &facts)) return WW_OK;
    if (!S_ISSOCK(facts.st_mode))
        return ww_fail(diag, WW_E_EXISTS, "%s: there is a file that is no socket", path);
    int probe = open_socket(at);
    int error = probe < 0 || connect(probe, &at->any, size_of(at)) ? errno : 0;
    ww_fd_close_number(probe);
    if (error == ECONNREFUSED && unlink(path) == 0) return WW_OK;
    if (error == 0 || error == EAGAIN)
        return ww_fail(diag, WW_E_BUSY, "%s: in use by another process", path);
    return ww_fail(diag, WW_E_IO, "%s: %s", path, ww_os_error_text(error ? error : errno));
}

/* With the folder locked, so that of two processes that find a stale file one replaces it and the other finds it in use. */
static ww_status bind_unix(int number, const char *path, const socket_address *at, ww_diag *diag)
{
    ww_status status = remove_stale(path, at, diag);
    if (status) return status;
    /* On Linux the mode of the socket is that of the file which bind makes. */
    if (fchmod(number, S_IRUSR | S_IWUSR) || bind(number, &at->any, size_of(at)) ||
        listen(number, BACKLOG))
        return ww_fail(diag, WW_E_IO, "%s: %s", path, ww_os_error_text(errno));
    return WW_OK;
}

/* Others may open the folder too, and hold its lock for ever: then it is done without. */
static void lock_for_a_while(int fd)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int left = WW_LISTEN_LOCK_MS / 10; left > 0 && flock(fd, LOCK_EX | LOCK_NB); left--)
        nanosleep(&pause, NULL);
}

static int lock_folder_of(const char *path)
{
    char folder[sizeof(struct sockaddr_un)] = ".";
    const char *slash = strrchr(path, '/');
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + 1, path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) lock_for_a_while(fd);
    return fd;
}

static ww_status listen_unix(const char *path, int *number, ww_diag *diag)
{
    socket_address at;
    ww_status status = parse_unix(path, &at, diag);
    if (status) return status;
    int lock = lock_folder_of(path);
    *number = lock < 0 ? -1 : open_socket(&at);
    if (*number < 0)
        status = ww_fail(diag, WW_E_IO, "%s: %s", path, ww_os_error_text(errno));
    else
        status = bind_unix(*number, path, &at, diag);
    ww_fd_close_number(lock);
    if (status) ww_fd_close_number(*number);
    return status;
}

static ww_status remember_path(ww_listener *l, const char *path)
{
    struct stat facts;
    size_t size = strlen(path) + 1;
    l->path = ww_alloc(ww_loop_allocator(l->loop), size);
    if (!l->path) return WW_E_MEMORY;
    memcpy(l->path, path, size);
    if (lstat(path, &facts) == 0) {
        l->device = facts.st_dev;
        l->inode = facts.st_ino;
    }
    return WW_OK;
}

ww_status ww_listen_unix(ww_loop *loop, const char *path, ww_listener_user *user, ww_listener **out,
                         ww_diag *diag)
{
    *out = NULL;
    int number;
    ww_status status = listen_unix(path, &number, diag);
    if (status) return status;
    status = new_listener(loop, number, user, out, diag);
    if (!status) status = remember_path(*out, path);
    if (!status) return WW_OK;
    unlink(path);
    ww_listener_close(*out);
    *out = NULL;
    return ww_fail(diag, status, "%s: %s", path, ww_status_text(status));
}

static void remove_path(ww_listener *l)
{
    struct stat facts;
    if (!l->path) return;
    bool is_ours =
        lstat(l->path, &facts) == 0 && facts.st_dev == l->device && facts.st_ino == l->inode;
    if (is_ours) unlink(l->path);
    ww_free(ww_loop_allocator(l->loop), l->path, strlen(l->path) + 1);
    l->path = NULL;
}

void ww_listener_close(ww_listener *l)
{
    if (!l) return;
    remove_path(l);
    ww_task_cancel(&l->turn);
    ww_waiter_remove(&l->waiter);
    ww_timer_stop(l->loop, &l->rest);
    ww_fd_unref(l->fd);
    l->is_closed = true;
    if (!l->is_turning) ww_free(ww_loop_allocator(l->loop), l, sizeof *l);
}

/* ---- connecting ---- */

static ww_status connect_to(ww_loop *loop, const socket_address *at, const char *name, ww_fd **out,
                            ww_diag *diag)
{
    int number = open_socket(at);
    if (number < 0 || (connect(number, &at->any, size_of(at)) && errno != EINPROGRESS)) {
        int error = errno;
        ww_fd_close_number(number);
        bool is_nobody = error == ECONNREFUSED || error == ENOENT;
        ww_status status = is_nobody ? WW_E_NOT_FOUND : error == EAGAIN ? WW_E_BUSY : WW_E_IO;
        return ww_fail(diag, status, "%s: %s", name, ww_os_error_text(error));
    }
    return ww_fd_adopt(loop, number, out, diag);
}

ww_status ww_connect_unix(ww_loop *loop, const char *path, ww_fd **out, ww_diag *diag)
{
    *out = NULL;
    socket_address at;
    ww_status status = parse_unix(path, &at, diag);
    return status ? status : connect_to(loop, &at, path, out, diag);
}

ww_status ww_connect_tcp(ww_loop *loop, const char *address, ww_fd **out, ww_diag *diag)
{
    *out = NULL;
    socket_address at;
    ww_status status = parse_tcp(address, &at, diag);
    return status ? status : connect_to(loop, &at, address, out, diag);
}

ww_status ww_socket_peer_of(const ww_fd *fd, ww_socket_peer *out, ww_diag *diag)
{
    struct ucred who;
    socklen_t size = sizeof who;
    *out = (ww_socket_peer){.user = UINT32_MAX, .group = UINT32_MAX};
    if (getsockopt(fd->number, SOL_SOCKET, SO_PEERCRED, &who, &size))
        return ww_fail(diag, WW_E_IO, "the peer's user is not known: %s", ww_os_error_text(errno));
    if (who.pid == 0) return ww_fail(diag, WW_E_UNSUPPORTED, "the peer is not of this machine");
    *out = (ww_socket_peer){who.uid, who.gid, who.pid};
    return WW_OK;
}

bool ww_socket_peer_is_own(const ww_socket_peer *peer)
{
    return peer->user == geteuid();
}

/* ---- descriptors ---- */

bool ww_socket_is_unix(const ww_fd *fd)
{
    int family;
    socklen_t size = sizeof family;
    return getsockopt(fd->number, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_UNIX;
}

typedef union fd_room {
    struct cmsghdr head; /* for its alignment */
    char bytes[CMSG_SPACE(WW_SOCKET_FDS_MAX * sizeof(int))];
} fd_room;

static size_t take_fds(struct msghdr *message, int *fds, size_t fds_max)
{
    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t arrived = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < arrived; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (count < fds_max)
                fds[count++] = fd;
            else
                ww_fd_close_number(fd);
        }
    }
    return count;
}

int ww_socket_receive_now(const ww_fd *fd, void *out, size_t size, size_t *got, int *fds,
                          size_t fds_max, size_t *fd_count)
{
    fd_room room;
    struct iovec part = {out, size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = sizeof room.bytes};
    ssize_t count;
    do
        count = recvmsg(fd->number, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    *got = count < 0 ? 0 : (size_t)count;
    *fd_count = count < 0 ? 0 : take_fds(&message, fds, fds_max);
    return count < 0 ? errno : 0;
}

int ww_socket_send_now(const ww_fd *fd, const ww_view *parts, size_t count, const int *fds,
                       size_t fd_count, size_t *put)
{
    WW_ASSERT(fd_count > 0 && fd_count <= WW_SOCKET_FDS_MAX && count > 0);
    fd_room room = {0};
    struct iovec part = {(void *)(uintptr_t)parts[0].data, parts[0].size};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room.bytes,
                             .msg_controllen = CMSG_SPACE(fd_count * sizeof *fds)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS,
                          .cmsg_len = CMSG_LEN(fd_count * sizeof *fds)};
    memcpy(CMSG_DATA(c), fds, fd_count * sizeof *fds);
    ssize_t sent;
    do
        sent = sendmsg(fd->number, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    *put = sent < 0 ? 0 : (size_t)sent;
    return sent < 0 ? errno : 0;
}
