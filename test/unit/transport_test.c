/* Bytes over sockets, pipes and rings, as the loop moves them. */
#include "os/socket.h"
#include "os/transport.h"
#include "support/check.h"
#include "support/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER = 1 << 22 };

static ww_loop *loop;

/* Sends what `out` shows and keeps what arrives. */
typedef struct end {
    ww_transport_user user;
    ww_transport *transport;
    ww_view out;
    size_t taken, reads_stopped;
    uint8_t *in;
    size_t in_size, in_max;
    bool is_ended, is_closed, frees_itself;
    ww_status status;
    char reason[64];
} end;

static end *end_of(ww_transport_user *user)
{
    return WW_CONTAINER_OF(user, end, user);
}

static uint8_t *room(ww_transport_user *user, size_t *size)
{
    end *e = end_of(user);
    *size = e->in_max - e->in_size;
    e->reads_stopped += !*size;
    return *size ? e->in + e->in_size : NULL;
}

static void received(ww_transport_user *user, size_t size)
{
    end *e = end_of(user);
    e->in_size += size;
    if (!e->frees_itself) return;
    ww_transport_free(e->transport);
    e->transport = NULL;
}

static size_t output(ww_transport_user *user, ww_view *pieces, size_t max)
{
    end *e = end_of(user);
    size_t left = e->out.size - e->taken, half = left / 2;
    const uint8_t *at = e->out.data + e->taken;
    assert_true(max >= 2);
    pieces[0] = ww_view_of(at, half);
    pieces[1] = ww_view_of(at + half, left - half);
    return left ? 2 : 0;
}

static void sent(ww_transport_user *user, size_t size)
{
    end_of(user)->taken += size;
}

static void ended(ww_transport_user *user)
{
    end_of(user)->is_ended = true;
}

static void closed(ww_transport_user *user, ww_status status, const char *reason)
{
    end *e = end_of(user);
    assert_false(e->is_closed);
    e->is_closed = true;
    e->status = status;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
}

static const ww_transport_methods METHODS = {.room = room,
                                             .received = received,
                                             .output = output,
                                             .sent = sent,
                                             .ended = ended,
                                             .closed = closed};

typedef enum medium { RINGS, SOCKETS, PIPES, MEDIA } medium;

typedef struct pair {
    end a, b;
} pair;

static ww_fd *adopt(int number)
{
    ww_fd *fd;
    fcntl(number, F_SETFL, O_NONBLOCK);
    assert_ok(ww_fd_adopt(loop, number, &fd, NULL));
    return fd;
}

static ww_transport *over(ww_fd *in, ww_fd *out)
{
    ww_transport *t;
    assert_ok(ww_transport_new_fd(loop, in, out, &t, NULL));
    return t;
}

static void over_sockets(ww_transport *ends[2])
{
    int numbers[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers), 0);
    for (int i = 0; i < 2; i++) {
        ww_fd *fd = adopt(numbers[i]);
        ends[i] = over(fd, fd);
        ww_fd_unref(fd);
    }
}

static void over_pipes(ww_transport *ends[2])
{
    int there[2], back[2];
    assert_int_equal(pipe2(there, O_CLOEXEC), 0);
    assert_int_equal(pipe2(back, O_CLOEXEC), 0);
    ww_fd *fds[4] = {adopt(back[0]), adopt(there[1]), adopt(there[0]), adopt(back[1])};
    for (int i = 0; i < 2; i++)
        ends[i] = over(fds[2 * i], fds[2 * i + 1]);
    for (int i = 0; i < 4; i++)
        ww_fd_unref(fds[i]);
}

static void start(end *e, ww_transport *transport, const char *out)
{
    *e = (end){
        .user = {&METHODS}, .transport = transport, .out = ww_view_str(out), .in_max = BUFFER};
    e->in = malloc(BUFFER);
    assert_non_null(e->in);
    ww_transport_start(transport, &e->user);
}

static void open_pair(pair *p, medium over_what, const char *out_a, const char *out_b)
{
    ww_transport *ends[2];
    if (over_what == RINGS) assert_ok(ww_transport_new_pair(loop, 1024, ends));
    if (over_what == SOCKETS) over_sockets(ends);
    if (over_what == PIPES) over_pipes(ends);
    start(&p->a, ends[0], out_a);
    start(&p->b, ends[1], out_b);
}

static void close_end(end *e)
{
    ww_transport_free(e->transport);
    free(e->in);
}

static void close_pair(pair *p)
{
    close_end(&p->a);
    close_end(&p->b);
}

static void turns(int count)
{
    for (int i = 0; i < count; i++)
        ww_loop_turn(loop, false);
}

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

/* ---- moving ---- */

static void pair__text_both_ways__arrives(void **state)
{
    (void)state;
    for (medium k = 0; k < MEDIA; k++) {
        pair p;
        open_pair(&p, k, "to b", "to a, longer");
        turns(4);
        assert_view_is(ww_view_of(p.b.in, p.b.in_size), "to b");
        assert_view_is(ww_view_of(p.a.in, p.a.in_size), "to a, longer");
        p.a.out = ww_view_str("to b, and more");
        ww_transport_flush(p.a.transport);
        turns(2);
        assert_view_is(ww_view_of(p.b.in, p.b.in_size), "to b, and more");
        assert_false(p.a.is_ended || p.a.is_closed);
        close_pair(&p);
    }
}

static void pair__more_than_fits__arrives_whole_and_in_order(void **state)
{
    (void)state;
    static uint8_t data[BUFFER];
    for (size_t i = 0; i < BUFFER; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    for (medium k = 0; k < MEDIA; k++) {
        pair p;
        open_pair(&p, k, "", "");
        p.a.out = ww_view_of(data, BUFFER);
        for (int i = 0; i < 20000 && p.b.in_size < BUFFER; i++)
            turns(1);
        assert_int_equal(p.b.in_size, BUFFER);
        assert_memory_equal(p.b.in, data, BUFFER);
        close_pair(&p);
    }
}

static void room__none__stops_reading_until_woken(void **state)
{
    (void)state;
    for (medium k = 0; k < MEDIA; k++) {
        pair p;
        open_pair(&p, k, "0123456789", "");
        p.b.in_max = 4;
        turns(4);
        assert_int_equal(p.b.in_size, 4);
        size_t asked = p.b.reads_stopped;
        turns(10);
        assert_int_equal(p.b.reads_stopped, asked); /* nobody looks meanwhile */
        p.b.in_max = 10;
        ww_transport_wake(p.b.transport);
        turns(2);
        assert_view_is(ww_view_of(p.b.in, p.b.in_size), "0123456789");
        close_pair(&p);
    }
}

static void room__none_until_output_was_taken__reads_on_by_itself(void **state)
{
    (void)state;
    pair p;
    open_pair(&p, RINGS, "0123456789", "");
    p.b.in_max = 4;
    turns(4);
    p.b.in_max = 10;
    p.b.out = ww_view_str("x");
    ww_transport_flush(p.b.transport);
    turns(2);
    assert_int_equal(p.b.in_size, 10);
    close_pair(&p);
}

/* ---- ending ---- */

static void finish__one_way__leaves_the_other_open(void **state)
{
    (void)state;
    for (medium k = 0; k < MEDIA; k++) {
        pair p;
        open_pair(&p, k, "last words", "");
        ww_transport_finish(p.a.transport);
        turns(4);
        assert_view_is(ww_view_of(p.b.in, p.b.in_size), "last words");
        assert_true(p.b.is_ended);
        assert_false(p.b.is_closed || p.a.is_closed);
        p.b.out = ww_view_str("answer");
        ww_transport_finish(p.b.transport);
        turns(4);
        assert_view_is(ww_view_of(p.a.in, p.a.in_size), "answer");
        assert_true(p.a.is_closed && p.b.is_closed);
        assert_int_equal(p.a.status, WW_OK);
        assert_int_equal(p.b.status, WW_OK);
        close_pair(&p);
    }
}

static void close__peer_still_sends__throws_it_away_and_waits_for_the_end(void **state)
{
    (void)state;
    for (medium k = 0; k < MEDIA; k++) {
        pair p;
        open_pair(&p, k, "why", "");
        ww_transport_close(p.a.transport);
        turns(4);
        p.b.out = ww_view_str("not heard any more");
        ww_transport_finish(p.b.transport);
        turns(4);
        assert_view_is(ww_view_of(p.b.in, p.b.in_size), "why");
        assert_int_equal(p.a.in_size, 0);
        assert_true(p.a.is_closed && p.b.is_closed);
        close_pair(&p);
    }
}

static void write__peer_is_gone__hands_out_what_came_before_and_fails(void **state)
{
    (void)state;
    for (medium k = 0; k < MEDIA; k++) {
        pair p;
        open_pair(&p, k, "", "the reason");
        ww_transport_flush(p.b.transport);
        p.a.in_max = 0; /* not read before the write fails */
        turns(2);
        ww_transport_free(p.b.transport);
        p.b.transport = NULL;
        p.a.in_max = BUFFER;
        p.a.out = ww_view_str("too late");
        ww_transport_flush(p.a.transport);
        assert_view_is(ww_view_of(p.a.in, p.a.in_size), "the reason");
        assert_true(p.a.is_closed);
        assert_int_equal(p.a.status, WW_E_IO);
        assert_string_equal(p.a.reason, "Broken pipe");
        turns(2);
        close_pair(&p);
    }
}

static void free__inside_a_callback__is_the_end(void **state)
{
    (void)state;
    for (medium k = 0; k < MEDIA; k++) {
        pair p;
        open_pair(&p, k, "hello", "");
        p.b.frees_itself = true;
        turns(4);
        assert_null(p.b.transport);
        assert_true(p.a.is_ended);
        close_pair(&p);
    }
}

/* ---- listening ---- */

typedef struct server {
    ww_listener_user user;
    ww_listener *listener;
    ww_fd *fd;
    uint32_t count;
} server;

static void accepted(ww_listener_user *user, ww_fd *fd)
{
    server *s = WW_CONTAINER_OF(user, server, user);
    ww_fd_unref(s->fd);
    s->fd = fd;
    s->count++;
}

static void stop(server *s)
{
    ww_listener_close(s->listener);
    ww_fd_unref(s->fd);
}

/* Below /tmp: the path of a socket has little room. */
static void make_path(char folder[TEST_PATH_MAX], char path[TEST_PATH_MAX + 8])
{
    unsetenv("WW_TEST_TMP");
    test_folder_make(folder);
    snprintf(path, TEST_PATH_MAX + 8, "%s/socket", folder);
}

static void exchange(server *s, ww_fd *client)
{
    pair p;
    turns(3);
    assert_int_equal(s->count, 1);
    start(&p.a, over(client, client), "ping");
    start(&p.b, over(s->fd, s->fd), "pong");
    for (int i = 0; i < 100 && (!p.a.in_size || !p.b.in_size); i++)
        turns(1);
    assert_view_is(ww_view_of(p.a.in, p.a.in_size), "pong");
    assert_view_is(ww_view_of(p.b.in, p.b.in_size), "ping");
    close_pair(&p);
}

static void tcp__any_port__is_named_and_reached(void **state)
{
    (void)state;
    static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0"};
    for (size_t i = 0; i < WW_COUNT_OF(addresses); i++) {
        server s = {.user = {accepted}};
        ww_fd *client;
        ww_diag diag;
        ww_status status = ww_listen_tcp(loop, addresses[i], &s.user, &s.listener, &diag);
        if (status == WW_E_IO && i == 1) continue; /* no IPv6 here */
        assert_ok(status);
        assert_ok(ww_connect_tcp(loop, ww_listener_address(s.listener), &client, NULL));
        exchange(&s, client);
        ww_fd_unref(client);
        stop(&s);
    }
}

static void tcp__nobody_listens__is_said_by_the_first_operation(void **state)
{
    (void)state;
    server s = {.user = {accepted}};
    char address[WW_ADDRESS_MAX];
    ww_fd *client;
    end e;
    assert_ok(ww_listen_tcp(loop, "127.0.0.1:0", &s.user, &s.listener, NULL));
    snprintf(address, sizeof address, "%s", ww_listener_address(s.listener));
    stop(&s);
    if (ww_connect_tcp(loop, address, &client, NULL) == WW_E_NOT_FOUND) return;
    start(&e, over(client, client), "hello");
    ww_fd_unref(client);
    for (int i = 0; i < 100 && !e.is_closed; i++)
        turns(1);
    assert_string_equal(e.reason, "Connection refused");
    close_end(&e);
}

static void addresses__malformed__are_named(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        ":80", "127.0.0.1", "127.0.0.1:",  "127.0.0.1:x", "1.2.3:80", "127.0.0.1:65536",
        "[::1:80", "::1", "host:80",   "127.0.0.1:-1"};
    server s = {.user = {accepted}};
    ww_fd *fd;
    ww_diag diag;
    for (size_t i = 0; i < WW_COUNT_OF(wrong); i++) {
        assert_int_equal(ww_listen_tcp(loop, wrong[i], &s.user, &s.listener, &diag), WW_E_INVALID);
        assert_int_equal(ww_connect_tcp(loop, wrong[i], &fd, &diag), WW_E_INVALID);
    }
    assert_non_null(strstr(diag.text, "127.0.0.1:-1"));
    char path[200];
    memset(path, 'a', sizeof path);
    path[199] = '\0';
    assert_int_equal(ww_listen_unix(loop, path, &s.user, &s.listener, &diag), WW_E_LIMIT);
}

static void unix__new__is_for_its_owner_alone_and_goes_with_the_listener(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 8];
    make_path(folder, path);
    server s = {.user = {accepted}};
    struct stat facts;
    ww_fd *client;
    mode_t mask = umask(0);
    assert_ok(ww_listen_unix(loop, path, &s.user, &s.listener, NULL));
    umask(mask);
    assert_string_equal(ww_listener_address(s.listener), path);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
    assert_ok(ww_connect_unix(loop, path, &client, NULL));
    turns(2);
    ww_socket_peer peer;
    assert_ok(ww_socket_peer_of(s.fd, &peer, NULL));
    assert_int_equal(peer.user, getuid());
    assert_int_equal(peer.process, getpid());
    exchange(&s, client);
    ww_fd_unref(client);
    stop(&s);
    assert_int_equal(stat(path, &facts), -1);
    test_folder_remove(folder);
}

static void unix__in_use__is_an_error_and_stays(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 8];
    make_path(folder, path);
    server first = {.user = {accepted}}, second = {.user = {accepted}};
    ww_diag diag;
    ww_fd *client;
    assert_ok(ww_listen_unix(loop, path, &first.user, &first.listener, NULL));
    assert_int_equal(ww_listen_unix(loop, path, &second.user, &second.listener, &diag), WW_E_BUSY);
    assert_non_null(strstr(diag.text, path));
    assert_ok(ww_connect_unix(loop, path, &client, NULL));
    ww_fd_unref(client);
    stop(&first);
    assert_int_equal(ww_connect_unix(loop, path, &client, &diag), WW_E_NOT_FOUND);
    test_folder_remove(folder);
}

static void unix__left_behind__is_replaced_but_a_file_is_not(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 8];
    make_path(folder, path);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, strlen(path) + 1);
    int gone = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(gone, (struct sockaddr *)&at, sizeof at), 0);
    close(gone);
    server s = {.user = {accepted}};
    assert_ok(ww_listen_unix(loop, path, &s.user, &s.listener, NULL));
    /* One that was replaced meanwhile is not removed. */
    assert_int_equal(unlink(path), 0);
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    stop(&s);
    assert_int_equal(ww_listen_unix(loop, path, &s.user, &s.listener, NULL), WW_E_EXISTS);
    assert_int_equal(access(path, F_OK), 0);
    test_folder_remove(folder);
}

static ww_status listen_and_connect(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_loop *other;
    server s = {.user = {accepted}};
    ww_fd *client = NULL;
    ww_transport *t = NULL;
    ww_status status = ww_loop_new(allocator, NULL, &other, NULL);
    if (status) return status;
    status = ww_listen_tcp(other, "127.0.0.1:0", &s.user, &s.listener, NULL);
    if (!status) status = ww_connect_tcp(other, ww_listener_address(s.listener), &client, NULL);
    if (!status) status = ww_transport_new_fd(other, client, client, &t, NULL);
    ww_transport_free(t);
    ww_fd_unref(client);
    stop(&s);
    ww_loop_free(other);
    return status;
}

static void listen__every_allocation_failing__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(listen_and_connect, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pair__text_both_ways__arrives),
        cmocka_unit_test(pair__more_than_fits__arrives_whole_and_in_order),
        cmocka_unit_test(room__none__stops_reading_until_woken),
        cmocka_unit_test(room__none_until_output_was_taken__reads_on_by_itself),
        cmocka_unit_test(finish__one_way__leaves_the_other_open),
        cmocka_unit_test(close__peer_still_sends__throws_it_away_and_waits_for_the_end),
        cmocka_unit_test(write__peer_is_gone__hands_out_what_came_before_and_fails),
        cmocka_unit_test(free__inside_a_callback__is_the_end),
        cmocka_unit_test(tcp__any_port__is_named_and_reached),
        cmocka_unit_test(tcp__nobody_listens__is_said_by_the_first_operation),
        cmocka_unit_test(addresses__malformed__are_named),
        cmocka_unit_test(unix__new__is_for_its_owner_alone_and_goes_with_the_listener),
        cmocka_unit_test(unix__in_use__is_an_error_and_stays),
        cmocka_unit_test(unix__left_behind__is_replaced_but_a_file_is_not),
        cmocka_unit_test(listen__every_allocation_failing__gives_all_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
