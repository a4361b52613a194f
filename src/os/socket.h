/* os/socket.h - connections of this machine and of others: listening, connecting, and who is at the other end.
 *
 * Model      Addresses are "HOST:PORT" with a numeric host ("127.0.0.1:0", "[::1]:7000"), or the path of a Unix socket.
 *            Connecting never waits: a TCP connection may still be under way when its descriptor is there, and then its
 *            first operation says what became of it.
 * Ownership  Descriptors handed out are the receiver's.
 * Bounds     WW_ACCEPTS_PER_TURN; a listener that finds no descriptor left rests for WW_ACCEPT_REST_MS.
 * Threads    The loop's. `accepted` comes from the loop's turns.
 * Errors     One line that names the address. E_BUSY: somebody listens there.
 * Trust      A Unix socket is made for its owner alone, whatever the umask. A file left behind by a process that is gone is
 *            replaced; one that somebody listens on, or that is no socket, is left alone.
 */
#pragma once
#include "os/fd.h"

enum { WW_ACCEPTS_PER_TURN = 16, WW_ACCEPT_REST_MS = 100, WW_ADDRESS_MAX = 128 };

/* How long listening waits for others that look at the same folder's sockets. */
enum { WW_LISTEN_LOCK_MS = 1000 };

/* Embedded in whoever listens. */
typedef struct ww_listener_user ww_listener_user;
struct ww_listener_user {
    void (*accepted)(ww_listener_user *self, ww_fd *fd); /* takes fd; may close the listener */
};

typedef struct ww_listener ww_listener;

/* E_BUSY, E_EXISTS (a file that is no socket), E_LIMIT (too long a path), E_INVALID (address), E_IO, E_MEMORY. */
WW_MUST_USE ww_status ww_listen_unix(ww_loop *loop, const char *path, ww_listener_user *user,
                                     ww_listener **out, ww_diag *diag);
WW_MUST_USE ww_status ww_listen_tcp(ww_loop *loop, const char *address, ww_listener_user *user,
                                    ww_listener **out, ww_diag *diag);
/* Where it listens, the port filled in. */
const char *ww_listener_address(const ww_listener *listener);
/* Removes the socket's file, if it is still this listener's. Also NULL. */
void ww_listener_close(ww_listener *listener);

/* E_NOT_FOUND: nobody listens. */
WW_MUST_USE ww_status ww_connect_unix(ww_loop *loop, const char *path, ww_fd **out, ww_diag *diag);
WW_MUST_USE ww_status ww_connect_tcp(ww_loop *loop, const char *address, ww_fd **out,
                                     ww_diag *diag);

/* Bytes and descriptors over a Unix socket: as ww_fd_read_now and ww_fd_send_now. What arrives beyond `fds_max` is closed;
 * descriptors taken are the receiver's. They are sent with the first of the bytes, of which there must be one. */
enum { WW_SOCKET_FDS_MAX = 16 };
bool ww_socket_is_unix(const ww_fd *fd);
int ww_socket_receive_now(const ww_fd *fd, void *out, size_t size, size_t *got, int *fds,
                          size_t fds_max, size_t *fd_count);
int ww_socket_send_now(const ww_fd *fd, const ww_view *parts, size_t count, const int *fds,
                       size_t fd_count, size_t *put);

/* Who opened the other end of a Unix socket, as the kernel noted it then. */
typedef struct ww_socket_peer {
    uint32_t user, group;
    int32_t process;
} ww_socket_peer;
WW_MUST_USE ww_status ww_socket_peer_of(const ww_fd *fd, ww_socket_peer *out, ww_diag *diag);
/* Of the same user as this process. */
bool ww_socket_peer_is_own(const ww_socket_peer *peer);
