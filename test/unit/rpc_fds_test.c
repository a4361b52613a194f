/* T32: file descriptors that travel with capabilities over a Unix socket, and those that nobody wants. */
#include "os/socket.h"
#include "rpc/link.h"
#include "support/capnp_link.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct two {
    test_allocator allocator;
    ww_loop *loop;
    ww_rpc_vat near, far;
    ww_rpc_link *client, *server;
    ww_capnp_cap *root, *far_root;
    int pipe[2];
} two;

static ww_rpc_link *open_link(ww_rpc_vat *vat, int number, ww_capnp_cap *cap, uint32_t fds_max)
{
    ww_fd *fd;
    ww_rpc_link *link;
    assert_ok(ww_fd_adopt(vat->loop, number, &fd, NULL));
    assert_ok(ww_rpc_link_open_fd(vat, fd, cap, NULL, &link, NULL));
    if (fds_max) assert_ok(ww_rpc_link_carry_fds(link, fds_max, NULL));
    return link;
}

/* `raw` is then the client's end, for a peer that is only bytes. */
static void make(two *t, uint32_t client_max, uint32_t server_max, int *raw)
{
    int ends[2];
    memset(t, 0, sizeof *t);
    test_allocator_init(&t->allocator, 0);
    assert_int_equal(pipe2(t->pipe, O_CLOEXEC | O_NONBLOCK), 0);
    assert_ok(ww_loop_new(&t->allocator.base, NULL, &t->loop, NULL));
    assert_ok(ww_rpc_vat_init(&t->near, t->loop, NULL));
    assert_ok(ww_rpc_vat_init(&t->far, t->loop, NULL));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    factory_new(t->far.vat, NULL, &t->far_root);
    t->server = open_link(&t->far, ends[0], t->far_root, server_max);
    if (raw) {
        *raw = ends[1];
        return;
    }
    t->client = open_link(&t->near, ends[1], NULL, client_max);
    t->root = ww_rpc_link_bootstrap(t->client);
}

static void finish(two *t)
{
    ww_capnp_cap_unref(t->root);
    ww_rpc_link_free(t->client);
    ww_rpc_link_free(t->server);
    ww_capnp_cap_unref(t->far_root);
    ww_rpc_vat_deinit(&t->near);
    ww_rpc_vat_deinit(&t->far);
    ww_loop_free(t->loop);
    close(t->pipe[0]);
    if (t->pipe[1] >= 0) close(t->pipe[1]);
    assert_int_equal(t->allocator.live_bytes, 0);
}

static void turns(two *t)
{
    for (int i = 0; i < 20; i++)
        ww_loop_turn(t->loop, false);
}

/* The client's object goes to the server, with the pipe's writing end; what the server has then. */
static int hand_over(two *t)
{
    waiter w;
    ww_capnp_cap *own;
    factory_new(t->near.vat, NULL, &own);
    assert_ok(ww_capnp_server_attach_fd(own, t->pipe[1]));
    assert_int_equal(ww_capnp_cap_fd(own), t->pipe[1]);
    ww_capnp_call_drop(call_hold(t->root, own, &w));
    turns(t);
    assert_result(w, 0);
    ww_capnp_cap_unref(own);
    return ww_capnp_cap_fd(factory_of(t->far_root)->held);
}

static void assert_nobody_writes(two *t)
{
    char byte;
    close(t->pipe[1]);
    t->pipe[1] = -1;
    assert_int_equal(read(t->pipe[0], &byte, 1), 0);
}

static void carried__by_both__is_the_same_file_and_closed_with_the_capability(void **state)
{
    (void)state;
    two t;
    waiter w;
    char byte;
    make(&t, 1, 1, NULL);
    int fd = hand_over(&t);
    assert_true(fd >= 0 && fd != t.pipe[1]);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(t.pipe[0], &byte, 1), 1);
    ww_capnp_call_drop(call_hold(t.root, NULL, &w)); /* lets go of it */
    turns(&t);
    assert_nobody_writes(&t);
    finish(&t);
}

static void carried__after_the_link_is_gone__stays_with_the_capability(void **state)
{
    (void)state;
    two t;
    make(&t, 1, 1, NULL);
    int fd = hand_over(&t);
    ww_rpc_link_free(t.client);
    t.client = NULL;
    turns(&t);
    assert_int_equal(write(fd, "x", 1), 1);
    finish(&t);
}

static void carried__by_one_side_only__arrives_without(void **state)
{
    (void)state;
    for (uint32_t client_max = 0; client_max < 2; client_max++) {
        two t;
        make(&t, client_max, !client_max, NULL);
        assert_int_equal(hand_over(&t), -1);
        assert_nobody_writes(&t);
        finish(&t);
    }
}

static void carry__no_unix_socket__is_not_supported(void **state)
{
    (void)state;
    ww_transport *ends[2];
    ww_loop *loop;
    assert_ok(ww_loop_new(ww_allocator_libc(), NULL, &loop, NULL));
    assert_ok(ww_transport_new_pair(loop, 16, ends));
    assert_int_equal(ww_transport_carry_fds(ends[0], 1, NULL), WW_E_UNSUPPORTED);
    ww_transport_free(ends[0]);
    ww_transport_free(ends[1]);
    ww_loop_free(loop);
}

/* Bootstrap, question 0: no capability of it can claim a descriptor. */
static const uint8_t BOOTSTRAP[] = {0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0,
                                    8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0,
                                    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static void send_with_copies(two *t, int raw, const uint8_t *bytes, size_t size, size_t copies)
{
    int fds[WW_SOCKET_FDS_MAX];
    size_t put;
    ww_fd *fd;
    ww_view part = ww_view_of(bytes, size);
    for (size_t i = 0; i < copies; i++)
        fds[i] = t->pipe[1];
    assert_ok(ww_fd_adopt(t->loop, fcntl(raw, F_DUPFD_CLOEXEC, 3), &fd, NULL));
    assert_int_equal(ww_socket_send_now(fd, &part, 1, fds, copies, &put), 0);
    assert_int_equal(put, size);
    ww_fd_unref(fd);
}

static void unclaimed__more_than_allowed__all_are_closed(void **state)
{
    (void)state;
    for (size_t copies = 1; copies <= WW_SOCKET_FDS_MAX; copies += 5) {
        two t;
        int raw;
        make(&t, 0, 2, &raw);
        send_with_copies(&t, raw, BOOTSTRAP, sizeof BOOTSTRAP, copies);
        turns(&t);
        assert_false(ww_capnp_conn_is_over(ww_rpc_link_conn(t.server)));
        assert_nobody_writes(&t);
        close(raw);
        finish(&t);
    }
}

static void unclaimed__inside_a_message_or_before_the_end__are_closed(void **state)
{
    (void)state;
    for (size_t before = 0; before <= 20; before += 20) {
        two t;
        int raw;
        make(&t, 0, 2, &raw);
        if (before) assert_int_equal(write(raw, BOOTSTRAP, before), (ssize_t)before);
        turns(&t);
        send_with_copies(&t, raw, BOOTSTRAP + before, 12, 1);
        turns(&t);
        close(raw); /* the message never becomes whole */
        turns(&t);
        assert_true(ww_capnp_conn_is_over(ww_rpc_link_conn(t.server)));
        assert_nobody_writes(&t);
        finish(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carried__by_both__is_the_same_file_and_closed_with_the_capability),
        cmocka_unit_test(carried__after_the_link_is_gone__stays_with_the_capability),
        cmocka_unit_test(carried__by_one_side_only__arrives_without),
        cmocka_unit_test(carry__no_unix_socket__is_not_supported),
        cmocka_unit_test(unclaimed__more_than_allowed__all_are_closed),
        cmocka_unit_test(unclaimed__inside_a_message_or_before_the_end__are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
