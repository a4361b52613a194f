/* Connections over real sockets and over rings: how they work, and how they end. */
#include "os/socket.h"
#include "rpc/link.h"
#include "support/capnp_link.h"
#include "support/clock.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct side {
    ww_rpc_vat vat;
    ww_rpc_link *link;
    ww_rpc_owner owner;
    ww_capnp_cap *root;
    uint32_t over;
    char reason[WW_CAPNP_REASON_MAX];
} side;

typedef struct two {
    test_allocator allocator;
    test_clock clock;
    ww_loop *loop;
    side client, server;
    int raw; /* a peer that is only bytes, instead of the client */
} two;

static void over(ww_rpc_owner *owner, ww_rpc_link *link, const char *reason)
{
    side *s = WW_CONTAINER_OF(owner, side, owner);
    assert_ptr_equal(link, s->link);
    s->over++;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static void open_side(two *t, side *s, ww_transport *transport, bool offers)
{
    ww_capnp_cap *cap = NULL;
    s->owner.over = over;
    assert_ok(ww_rpc_vat_init(&s->vat, t->loop, NULL));
    if (offers) factory_new(s->vat.vat, NULL, &cap);
    assert_ok(ww_rpc_link_open(&s->vat, transport, cap, &s->owner, &s->link));
    ww_capnp_cap_unref(cap);
    if (!offers) s->root = ww_rpc_link_bootstrap(s->link);
}

static ww_transport *over_socket(two *t, int number)
{
    ww_fd *fd;
    ww_transport *transport;
    assert_ok(ww_fd_adopt(t->loop, number, &fd, NULL));
    assert_ok(ww_transport_new_fd(t->loop, fd, fd, &transport, NULL));
    ww_fd_unref(fd);
    return transport;
}

static void make(two *t)
{
    memset(t, 0, sizeof *t);
    t->raw = -1;
    test_allocator_init(&t->allocator, 0);
    test_clock_init(&t->clock, WW_NS_PER_S);
    assert_ok(ww_loop_new(&t->allocator.base, &t->clock.base, &t->loop, NULL));
}

static void make_linked(two *t, bool in_memory)
{
    make(t);
    ww_transport *ends[2];
    int numbers[2];
    if (in_memory) {
        assert_ok(ww_transport_new_pair(t->loop, 512, ends));
    } else {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers), 0);
        for (int i = 0; i < 2; i++)
            ends[i] = over_socket(t, numbers[i]);
    }
    open_side(t, &t->server, ends[0], true);
    open_side(t, &t->client, ends[1], false);
}

static void make_raw(two *t)
{
    make(t);
    int numbers[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, numbers),
                     0);
    t->raw = numbers[1];
    open_side(t, &t->server, over_socket(t, numbers[0]), true);
}

static void drop(side *s)
{
    if (!s->vat.vat) return;
    ww_capnp_cap_unref(s->root);
    ww_rpc_link_free(s->link);
    ww_rpc_vat_deinit(&s->vat);
}

static void finish(two *t)
{
    drop(&t->client);
    drop(&t->server);
    if (t->raw >= 0) close(t->raw);
    ww_loop_free(t->loop);
    assert_int_equal(t->allocator.live_bytes, 0);
}

static void turns(two *t, int count)
{
    for (int i = 0; i < count; i++)
        ww_loop_turn(t->loop, false);
}

/* ---- working ---- */

static void link__calls_from_outside_the_loop__are_answered(void **state)
{
    (void)state;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        two t;
        waiter w[8];
        make_linked(&t, in_memory);
        for (uint32_t i = 0; i < 8; i++)
            ww_capnp_call_drop(call_order(t.client.root, i, &w[i]));
        turns(&t, 12);
        for (uint32_t i = 0; i < 8; i++)
            assert_result(w[i], i);
        assert_int_equal(t.client.over + t.server.over, 0);
        finish(&t);
    }
}

/* Each answer causes the next call: all of it happens in the turns that bytes cause. */
typedef struct chain {
    ww_capnp_done done;
    ww_capnp_cap *cap;
    uint32_t count;
    bool is_ended;
} chain;

static void send_next(chain *c)
{
    ww_capnp_call *call;
    interop_echo_ping_begin((interop_echo_cap){c->cap}, &call);
    assert_ok(ww_capnp_call_send(call, &c->done));
    ww_capnp_call_drop(call);
}

static void answered(ww_capnp_done *done, ww_capnp_call *call)
{
    chain *c = WW_CONTAINER_OF(done, chain, done);
    assert_int_equal(ww_capnp_call_failed(call), c->is_ended);
    c->count++;
    if (!c->is_ended) send_next(c);
}

static void link__call_from_an_answer__costs_one_turn_of_each_side(void **state)
{
    (void)state;
    two t;
    make_linked(&t, false);
    chain c = {{answered}, t.client.root, 0, false};
    send_next(&c);
    turns(&t, 10);
    uint32_t before = c.count;
    turns(&t, 100); /* both sides share the loop: two turns make a round trip */
    assert_true(c.count - before >= 49);
    c.is_ended = true;
    ww_rpc_link_close(t.client.link, "enough");
    turns(&t, 6);
    finish(&t);
}

static void link__large_blobs__pass_through_a_small_ring(void **state)
{
    (void)state;
    static uint8_t data[300000];
    two t;
    waiter w;
    make_linked(&t, true);
    ww_capnp_call *call;
    interop_echo_blob_params_set_d(
        interop_echo_blob_begin((interop_echo_cap){t.client.root}, &call),
        ww_view_of(data, sizeof data));
    waiter_init(&w);
    assert_ok(ww_capnp_call_send(call, &w.done));
    ww_capnp_call_drop(call);
    turns(&t, 3000);
    assert_int_equal(w.count, 1);
    assert_string_equal(w.reason, "");
    finish(&t);
}

/* ---- ending ---- */

static void close__with_calls_open__ends_both_sides_in_order(void **state)
{
    (void)state;
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        two t;
        waiter never, late;
        make_linked(&t, in_memory);
        ww_capnp_call *call = call_never(t.client.root, NULL, &never);
        turns(&t, 8);
        ww_rpc_link_close(t.client.link, "we are done");
        turns(&t, 8);
        assert_failed(never, WW_CAPNP_DISCONNECTED);
        assert_string_equal(never.reason, "we are done");
        assert_int_equal(t.client.over, 1);
        assert_string_equal(t.client.reason, "we are done");
        assert_int_equal(t.server.over, 1);
        assert_string_equal(t.server.reason, "the peer closed the connection");
        ww_capnp_call_drop(call_ping(t.client.root, 1, &late));
        turns(&t, 2);
        assert_failed(late, WW_CAPNP_DISCONNECTED);
        ww_capnp_call_drop(call);
        finish(&t);
    }
}

static void abort__by_the_peer__is_the_reason_here(void **state)
{
    (void)state;
    two t;
    make_linked(&t, false);
    turns(&t, 6);
    ww_capnp_conn_abort(ww_rpc_link_conn(t.server.link), WW_CAPNP_FAILED, "go away");
    turns(&t, 6);
    assert_string_equal(t.server.reason, "go away");
    assert_string_equal(t.client.reason, "the peer aborted: go away");
    assert_int_equal(t.client.over + t.server.over, 2);
    finish(&t);
}

static void free__at_once__is_seen_by_the_peer(void **state)
{
    (void)state;
    two t;
    waiter w;
    make_linked(&t, false);
    ww_capnp_call *call = call_never(t.client.root, NULL, &w);
    turns(&t, 6);
    ww_rpc_link_free(t.server.link);
    t.server.link = NULL;
    turns(&t, 6);
    assert_failed(w, WW_CAPNP_DISCONNECTED);
    assert_int_equal(t.server.over, 0);
    assert_string_equal(t.client.reason, "the peer closed the connection");
    ww_capnp_call_drop(call);
    finish(&t);
}

/* ---- a peer that is only bytes ---- */

static void say(two *t, const void *bytes, size_t size)
{
    assert_int_equal(write(t->raw, bytes, size), (ssize_t)size);
    turns(t, 3);
}

/* The reason in the Abort that the peer got, as the text stands in the message. */
static void assert_aborted(two *t, const char *reason)
{
    char bytes[4096];
    ssize_t size = read(t->raw, bytes, sizeof bytes);
    assert_true(size > 0);
    assert_non_null(memmem(bytes, (size_t)size, reason, strlen(reason)));
    assert_int_equal(read(t->raw, bytes, sizeof bytes), 0); /* the end follows at once */
}

static void protocol_error__over_a_socket__aborts_that_connection_and_no_other(void **state)
{
    (void)state;
    /* Return of an answer to a question that nobody asked: number 7. */
    static const uint8_t unasked[] = {0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0,
                                      3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0,
                                      7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    two bystander, t;
    waiter w;
    make_linked(&bystander, false);
    make_raw(&t);
    ww_rpc_link *other;
    int numbers[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, numbers), 0);
    assert_ok(ww_rpc_link_open(&t.server.vat, over_socket(&t, numbers[0]), NULL, NULL, &other));
    say(&t, unasked, sizeof unasked);
    assert_aborted(&t, "an answer to a question that was not asked");
    assert_false(ww_capnp_conn_is_over(ww_rpc_link_conn(other)));
    assert_int_equal(t.server.over, 0); /* the peer has not closed its side yet */
    close(t.raw);
    t.raw = -1;
    turns(&t, 2);
    assert_int_equal(t.server.over, 1);
    assert_string_equal(t.server.reason, "an answer to a question that was not asked");
    ww_rpc_link_free(other);
    close(numbers[1]);
    ww_capnp_call_drop(call_ping(bystander.client.root, 5, &w));
    turns(&bystander, 8);
    assert_result(w, 5);
    finish(&t);
    finish(&bystander);
}

static void framing__too_many_segments__aborts(void **state)
{
    (void)state;
    static const uint8_t table[8] = {0xff, 0xff, 0xff, 0xff};
    two t;
    make_raw(&t);
    say(&t, table, sizeof table);
    assert_aborted(&t, "segments");
    finish(&t);
}

static void t54__end_between_messages__is_clean_and_inside_one_is_named(void **state)
{
    (void)state;
    static const uint8_t table[8] = {0, 0, 0, 0, 2, 0, 0, 0};
    static const struct {
        size_t size;
        const char *reason;
    } cases[] = {{0, "the peer closed the connection"},
                 {3, "the peer closed the connection in the middle of a message"},
                 {8, "the peer closed the connection in the middle of a message"}};
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        two t;
        make_raw(&t);
        if (cases[i].size) say(&t, table, cases[i].size);
        close(t.raw);
        t.raw = -1;
        turns(&t, 4);
        assert_string_equal(t.server.reason, cases[i].reason);
        finish(&t);
    }
}

static void closing__peer_never_closes__ends_by_the_clock(void **state)
{
    (void)state;
    two t;
    make_raw(&t);
    turns(&t, 2);
    ww_rpc_link_close(t.server.link, "enough");
    turns(&t, 4);
    assert_int_equal(t.server.over, 0);
    t.clock.now_ns += (uint64_t)WW_RPC_CLOSING_MS * WW_NS_PER_MS - 1;
    turns(&t, 2);
    assert_int_equal(t.server.over, 0);
    t.clock.now_ns += 1;
    turns(&t, 2);
    assert_int_equal(t.server.over, 1);
    assert_string_equal(t.server.reason, "enough");
    finish(&t);
}

/* T36: nothing can be written any more; the peer's end would still be open for reading. */
static void t36__write_side_is_dead__pending_call_fails(void **state)
{
    (void)state;
    two t;
    waiter w, second;
    make_linked(&t, false);
    turns(&t, 6);
    ww_capnp_call *call = call_never(t.client.root, NULL, &w);
    turns(&t, 6);
    ww_rpc_link_free(t.server.link);
    t.server.link = NULL;
    ww_capnp_call_drop(call_ping(t.client.root, 1, &second));
    turns(&t, 4);
    assert_failed(w, WW_CAPNP_DISCONNECTED);
    assert_failed(second, WW_CAPNP_DISCONNECTED);
    assert_int_equal(t.client.over, 1);
    ww_capnp_call_drop(call);
    finish(&t);
}

/* Asks for more than is kept for a peer that does not read: five times 8 MiB. */
static void ask_for_much(two *t)
{
    ww_capnp_vat *vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    ww_capnp_conn *conn = ww_capnp_conn_new(vat, NULL);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(conn);
    for (int i = 0; i < 5; i++) {
        ww_capnp_call *call;
        interop_echo_back_params_set_len(interop_echo_back_begin((interop_echo_cap){root}, &call),
                                         8 << 20);
        assert_ok(ww_capnp_call_send(call, NULL));
        while (ww_capnp_vat_run(vat, 1))
            continue;
        ww_capnp_iov iov;
        while (ww_capnp_conn_output(conn, &iov, 1)) {
            say(t, iov.data, iov.size);
            ww_capnp_conn_sent(conn, iov.size);
        }
        ww_capnp_call_drop(call);
    }
    ww_capnp_cap_unref(root);
    ww_capnp_conn_free(conn);
    ww_capnp_vat_free(vat);
}

static void output__peer_does_not_read__stops_reading_and_ends_by_the_clock(void **state)
{
    (void)state;
    two t;
    make_raw(&t);
    ask_for_much(&t);
    uint64_t waits = ww_capnp_conn_output_size(ww_rpc_link_conn(t.server.link));
    assert_true(waits > WW_RPC_OUTPUT_SIZE_MAX);
    static uint8_t noise[8];
    say(&t, noise, sizeof noise); /* an empty message, which is not looked at any more */
    assert_false(ww_capnp_conn_is_over(ww_rpc_link_conn(t.server.link)));
    t.clock.now_ns += (uint64_t)WW_RPC_STALLED_MS * WW_NS_PER_MS;
    turns(&t, 2);
    assert_int_equal(t.server.over, 1);
    assert_string_equal(t.server.reason, "the peer takes no data");
    finish(&t);
}

/* ---- memory ---- */

static ww_status open_and_close(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_loop *loop;
    ww_rpc_vat vat = {0};
    ww_transport *ends[2] = {0};
    ww_rpc_link *links[2] = {0};
    ww_status status = ww_loop_new(allocator, NULL, &loop, NULL);
    if (status) return status;
    status = ww_rpc_vat_init(&vat, loop, NULL);
    if (!status) status = ww_transport_new_pair(loop, 64, ends);
    for (int i = 0; i < 2 && !status; i++) {
        status = ww_rpc_link_open(&vat, ends[i], NULL, NULL, &links[i]);
        ends[i] = NULL;
    }
    for (int i = 0; i < 2; i++) {
        ww_rpc_link_free(links[i]);
        ww_transport_free(ends[i]);
    }
    if (vat.vat) ww_rpc_vat_deinit(&vat);
    ww_loop_free(loop);
    return status;
}

static void open__every_allocation_failing__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(open_and_close, NULL);
}

/* A question whose answer has `size` bytes; told once, also when it cannot be asked. */
static void ask(ww_capnp_cap *root, uint32_t size, waiter *w)
{
    ww_capnp_call *call = NULL;
    waiter_init(w);
    if (root)
        interop_echo_back_params_set_len(interop_echo_back_begin((interop_echo_cap){root}, &call),
                                         size);
    if (ww_capnp_call_send(call, &w->done)) w->count++;
    ww_capnp_call_drop(call);
}

/* Two sides on one loop: calls, a descriptor's worth of capabilities, an ordered end. */
static void live(two *t, waiter w[4])
{
    t->client.root = ww_rpc_link_bootstrap(t->client.link);
    for (uint32_t i = 0; i < 3; i++)
        ask(t->client.root, i * 4000, &w[i]);
    turns(t, 60);
    ww_capnp_call *never = NULL;
    waiter_init(&w[3]);
    if (t->client.root)
        interop_echo_never_params_set_cap(
            interop_echo_never_begin((interop_echo_cap){t->client.root}, &never),
            (interop_echo_cap){t->client.root});
    if (ww_capnp_call_send(never, &w[3].done)) w[3].count++;
    turns(t, 20);
    ww_rpc_link_close(t->client.link, "enough");
    turns(t, 20);
    t->clock.now_ns += (uint64_t)WW_RPC_CLOSING_MS * WW_NS_PER_MS;
    turns(t, 4);
    ww_capnp_call_drop(never);
}

static ww_status try_side(two *t, side *s, ww_transport **transport, bool offers)
{
    ww_capnp_cap *cap = NULL;
    s->owner.over = over;
    ww_status status = ww_rpc_vat_init(&s->vat, t->loop, NULL);
    if (status) return status;
    factory *f = offers ? factory_new(s->vat.vat, NULL, &cap) : NULL;
    if (offers && !cap) {
        free(f);
        return WW_E_MEMORY;
    }
    status = ww_rpc_link_open(&s->vat, *transport, cap, &s->owner, &s->link);
    *transport = NULL;
    ww_capnp_cap_unref(cap);
    return status;
}

static ww_status live_on(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    const test_allocator *self = WW_CONTAINER_OF(allocator, test_allocator, base);
    two t = {.raw = -1};
    waiter w[4];
    ww_transport *ends[2] = {0};
    test_clock_init(&t.clock, WW_NS_PER_S);
    ww_status status = ww_loop_new(allocator, &t.clock.base, &t.loop, NULL);
    if (status) return status;
    status = ww_transport_new_pair(t.loop, 512, ends);
    if (!status) status = try_side(&t, &t.server, &ends[0], true);
    if (!status) status = try_side(&t, &t.client, &ends[1], false);
    if (!status) {
        live(&t, w);
        bool has_failed = self->fail_at && self->count >= self->fail_at;
        assert_int_equal(t.client.over, 1);
        assert_int_equal(t.server.over, 1);
        for (int i = 0; i < 4; i++)
            assert_int_equal(w[i].count, 1);
        for (int i = 0; i < 3 && !has_failed; i++)
            assert_string_equal(w[i].reason, "");
        if (has_failed) status = WW_E_MEMORY;
    }
    drop(&t.client);
    drop(&t.server);
    for (int i = 0; i < 2; i++)
        ww_transport_free(ends[i]);
    ww_loop_free(t.loop);
    return status;
}

static void link__any_allocation_failing__ends_each_call_once_and_gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(live_on, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(link__calls_from_outside_the_loop__are_answered),
        cmocka_unit_test(link__call_from_an_answer__costs_one_turn_of_each_side),
        cmocka_unit_test(link__large_blobs__pass_through_a_small_ring),
        cmocka_unit_test(close__with_calls_open__ends_both_sides_in_order),
        cmocka_unit_test(abort__by_the_peer__is_the_reason_here),
        cmocka_unit_test(free__at_once__is_seen_by_the_peer),
        cmocka_unit_test(protocol_error__over_a_socket__aborts_that_connection_and_no_other),
        cmocka_unit_test(framing__too_many_segments__aborts),
        cmocka_unit_test(t54__end_between_messages__is_clean_and_inside_one_is_named),
        cmocka_unit_test(closing__peer_never_closes__ends_by_the_clock),
        cmocka_unit_test(t36__write_side_is_dead__pending_call_fails),
        cmocka_unit_test(output__peer_does_not_read__stops_reading_and_ends_by_the_clock),
        cmocka_unit_test(open__every_allocation_failing__gives_all_back),
        cmocka_unit_test(link__any_allocation_failing__ends_each_call_once_and_gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
