/* The link between a cell and its host, with the guest played from outside: a second vat whose bytes go through the
 * link's source and sink, as a guest's streams would move them. */
#include "cell/link.h"
#include "support/capnp_link.h"
#include <errno.h>
#include <stdlib.h>

typedef struct node {
    test_allocator allocator;
    ww_loop *loop;
    ww_rpc_vat rpc;
    ww_capnp_vat *guest_vat;
    ww_cell_link link;
    ww_capnp_conn *guest;
    factory *root;
    ww_capnp_cap *root_cap;
    ww_waker waker;
    ww_waiter waiter;
    uint32_t woken, live;
} node;

static void count_wake(ww_waker *waker)
{
    WW_CONTAINER_OF(waker, node, waker)->woken++;
}

static void hold_streams(node *n)
{
    ww_source_ref(&n->link.input);
    ww_sink_ref(&n->link.output);
}

static void node_init(node *n)
{
    *n = (node){.waker = {count_wake}};
    test_allocator_init(&n->allocator, 0);
    assert_ok(ww_loop_new(&n->allocator.base, NULL, &n->loop, NULL));
    assert_ok(ww_rpc_vat_init(&n->rpc, n->loop, NULL));
    n->guest_vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    n->root = factory_new(n->rpc.vat, &n->live, &n->root_cap);
    assert_ok(ww_cell_link_init(&n->link, &n->rpc, n->root_cap));
    n->guest = ww_capnp_conn_new(n->guest_vat, NULL);
    hold_streams(n);
}

static void node_deinit(node *n)
{
    ww_waiter_remove(&n->waiter);
    ww_capnp_conn_free(n->guest);
    ww_capnp_vat_free(n->guest_vat);
    ww_cell_link_deinit(&n->link);
    ww_capnp_cap_unref(n->root_cap);
    ww_rpc_vat_deinit(&n->rpc);
    ww_loop_free(n->loop);
    assert_int_equal(n->live, 0);
    assert_int_equal(n->allocator.live_bytes, 0);
}

static size_t room(node *n)
{
    return ww_sink_room(&n->link.output);
}

/* One step of the guest: writes as much as it may, reads what is there, runs. */
static bool guest_step(node *n)
{
    uint8_t bytes[4096];
    ww_capnp_iov iov;
    bool moved = false;
    while (ww_capnp_conn_output(n->guest, &iov, 1) && room(n)) {
        size_t size = iov.size < room(n) ? iov.size : room(n);
        ww_sink_put(&n->link.output, ww_view_of(iov.data, size));
        ww_capnp_conn_sent(n->guest, size);
        moved = true;
    }
    ww_status status;
    for (size_t got; !(status = ww_source_read(&n->link.input, bytes, sizeof bytes, &got));) {
        status = ww_capnp_conn_feed(n->guest, ww_view_of(bytes, got), NULL);
        assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(n->guest));
        moved = true;
    }
    if (status == WW_E_CLOSED) ww_capnp_conn_ended(n->guest);
    while (ww_capnp_vat_run(n->guest_vat, 100))
        continue;
    return moved;
}

static void pump(node *n)
{
    for (int idle = 0; idle < 3;) {
        idle = guest_step(n) ? 0 : idle + 1;
        ww_loop_turn(n->loop, false);
    }
}

static void say(node *n, const void *bytes, size_t size)
{
    ww_sink_put(&n->link.output, ww_view_of(bytes, size));
}

static void assert_at_end(node *n)
{
    uint8_t bytes[4096];
    size_t got;
    ww_status status;
    while ((status = ww_source_read(&n->link.input, bytes, sizeof bytes, &got)) == WW_OK)
        ww_loop_turn(n->loop, false);
    while (status == WW_AGAIN && ww_rpc_is_noted(&n->link.port)) {
        ww_loop_turn(n->loop, false);
        status = ww_source_read(&n->link.input, bytes, sizeof bytes, &got);
    }
    assert_int_equal(status, WW_E_CLOSED);
    assert_int_equal(room(n), 0);
    assert_int_equal(n->link.output.error, EPIPE);
}

static void calls__of_the_guest__are_answered_and_leave_nothing_behind(void **state)
{
    (void)state;
    node n;
    waiter w;
    node_init(&n);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(n.guest);
    for (uint32_t i = 0; i < 100; i++) {
        waiter_init(&w);
        ww_capnp_call_drop(call_ping(root, i, &w));
        pump(&n);
        assert_result(w, i);
    }
    ww_capnp_cap_unref(root);
    pump(&n);
    ww_capnp_conn_counts counts = ww_capnp_conn_count(n.link.conn);
    assert_int_equal(counts.answers + counts.exports, 0);
    node_deinit(&n);
}

static void dispatch__of_what_the_guest_writes__happens_only_in_the_turn_of_the_loop(void **state)
{
    (void)state;
    node n;
    node_init(&n);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(n.guest);
    waiter w;
    waiter_init(&w);
    ww_capnp_call_drop(call_ping(root, 1, &w));
    guest_step(&n);
    assert_int_equal(n.root->calls, 0);
    assert_int_equal(ww_capnp_conn_count(n.link.conn).answers, 0);
    ww_loop_turn(n.loop, false);
    assert_int_equal(n.root->calls, 1);
    pump(&n);
    assert_result(w, 1);
    ww_capnp_cap_unref(root);
    node_deinit(&n);
}

static void budget__as_written_and_read__shrinks_and_grows_back(void **state)
{
    (void)state;
    static const uint8_t table[8] = {0, 0, 0, 0, 0xff, 0x1f}; /* of 64 KiB with what is coming */
    static uint8_t bytes[WW_LINK_BUDGET];
    node n;
    node_init(&n);
    assert_int_equal(room(&n), WW_LINK_BUDGET);
    assert_ok(ww_sink_flush(&n.link.output));
    say(&n, table, sizeof table);
    say(&n, bytes, 1000);
    assert_int_equal(room(&n), WW_LINK_BUDGET - 1008);
    assert_int_equal(ww_sink_flush(&n.link.output), WW_AGAIN);
    say(&n, bytes, WW_LINK_BUDGET - 1008 - 4095);
    assert_int_equal(room(&n), 0); /* less than a page is no room */
    assert_ok(ww_sink_wait(&n.link.output, &n.waiter, &n.waker));
    ww_loop_turn(n.loop, false);
    assert_int_equal(n.woken, 1);
    assert_int_equal(room(&n), WW_LINK_BUDGET);
    assert_ok(ww_sink_flush(&n.link.output));
    node_deinit(&n);
}

static void budget__of_a_large_message__is_what_there_is_room_for(void **state)
{
    (void)state;
    static const uint8_t table[8] = {0, 0, 0, 0, 0, 0, 2, 0}; /* one segment of 1 MiB is coming */
    static uint8_t bytes[WW_LINK_BUDGET];
    node n;
    node_init(&n);
    say(&n, bytes, 8); /* a message before it */
    say(&n, table, sizeof table);
    assert_int_equal(room(&n), WW_LINK_BUDGET - 16);
    say(&n, bytes, WW_LINK_BUDGET - 16);
    assert_true(room(&n) > 2 * WW_LINK_BUDGET); /* in the same turn, and less than was promised */
    while (room(&n) > WW_LINK_BUDGET)
        say(&n, bytes, WW_LINK_BUDGET);
    say(&n, bytes, room(&n));
    assert_int_equal(room(&n), 0);
    assert_ok(ww_sink_wait(&n.link.output, &n.waiter, &n.waker));
    ww_loop_turn(n.loop, false);
    assert_int_equal(n.woken, 1);
    assert_int_equal(room(&n), n.link.room_size);
    node_deinit(&n);
}

static void garbage__on_the_link__ends_it_with_an_abort_message(void **state)
{
    (void)state;
    static const uint8_t words[64] = {0, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    node n;
    node_init(&n);
    say(&n, words, sizeof words);
    ww_loop_turn(n.loop, false);
    assert_true(ww_source_ready(&n.link.input));
    assert_true(ww_capnp_conn_is_over(n.link.conn));
    assert_true(n.link.why.text[0]);
    assert_at_end(&n);
    say(&n, words, sizeof words); /* goes nowhere */
    ww_loop_turn(n.loop, false);
    node_deinit(&n);
}

static void half_a_message__and_no_more__is_waited_for_and_forgotten(void **state)
{
    (void)state;
    static const uint8_t table[8] = {0, 0, 0, 0, 8, 0, 0, 0};
    node n;
    node_init(&n);
    say(&n, table, sizeof table);
    ww_loop_turn(n.loop, false);
    assert_false(ww_source_ready(&n.link.input));
    assert_int_equal(ww_cell_link_drain(&n.link, &n.waiter, &n.waker), WW_AGAIN);
    ww_loop_turn(n.loop, false);
    assert_int_equal(n.woken, 1);
    assert_ok(ww_cell_link_drain(&n.link, &n.waiter, &n.waker));
    node_deinit(&n);
}

static void calls__whose_answers_nobody_reads__are_not_listened_to_any_more(void **state)
{
    (void)state;
    node n;
    waiter w;
    waiter_init(&w);
    node_init(&n);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(n.guest);
    uint32_t sent = 0;
    for (; room(&n) && sent < 1000000; sent++) {
        ww_capnp_iov iov;
        ww_capnp_call_drop(call_ping(root, 1, &w));
        while (ww_capnp_conn_output(n.guest, &iov, 1)) {
            ww_sink_put(&n.link.output, ww_view_of(iov.data, iov.size));
            ww_capnp_conn_sent(n.guest, iov.size);
        }
        if (sent % 100 == 0) ww_loop_turn(n.loop, false);
    }
    assert_true(sent < 10000);
    size_t held = n.allocator.live_bytes;
    for (int i = 0; i < 100; i++)
        ww_loop_turn(n.loop, false);
    assert_int_equal(room(&n), 0);
    assert_int_equal(n.allocator.live_bytes, held);
    assert_true(held < 4 << 20);
    pump(&n); /* it reads after all */
    assert_int_equal(room(&n), WW_LINK_BUDGET);
    assert_int_equal(n.root->calls, sent);
    assert_int_equal(w.count, sent);
    ww_capnp_cap_unref(root);
    node_deinit(&n);
}

static void guest__that_drops_a_stream__closes_the_link(void **state)
{
    (void)state;
    node n;
    waiter w;
    waiter_init(&w);
    node_init(&n);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(n.guest);
    ww_capnp_call_drop(call_ping(root, 1, &w));
    guest_step(&n);
    ww_sink_unref(&n.link.output);
    ww_loop_turn(n.loop, false);
    ww_loop_turn(n.loop, false);
    assert_int_equal(n.root->calls, 1); /* what came before was done */
    assert_true(ww_capnp_conn_is_over(n.link.conn));
    assert_at_end(&n);
    ww_capnp_cap_unref(root);
    node_deinit(&n);
}

static void reader__of_a_link_that_closes__is_woken(void **state)
{
    (void)state;
    node n;
    node_init(&n);
    assert_ok(ww_source_wait(&n.link.input, &n.waiter, &n.waker));
    ww_sink_unref(&n.link.output);
    for (int i = 0; i < 3; i++)
        ww_loop_turn(n.loop, false);
    assert_int_equal(n.woken, 1);
    assert_at_end(&n);
    node_deinit(&n);
}

static void last_words__of_a_guest_that_is_over__are_delivered(void **state)
{
    (void)state;
    node n;
    waiter w;
    waiter_init(&w);
    node_init(&n);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(n.guest);
    ww_capnp_call_drop(call_ping(root, 1, &w));
    guest_step(&n);
    assert_int_equal(ww_cell_link_drain(&n.link, &n.waiter, &n.waker), WW_AGAIN);
    ww_loop_turn(n.loop, false);
    assert_ok(ww_cell_link_drain(&n.link, &n.waiter, &n.waker));
    assert_int_equal(n.root->calls, 1);
    ww_capnp_cap_unref(root);
    node_deinit(&n);
}

/* Small calls in the room, and then more than it holds, in writes of any size: the bytes stay in order. */
static void writes__beyond_the_room__move_it_and_lose_nothing(void **state)
{
    (void)state;
    static uint8_t data[24000];
    static const size_t steps[] = {WW_LINK_BUDGET, 4096, 777};
    for (size_t k = 0; k < WW_COUNT_OF(steps); k++) {
        node n;
        waiter w[4];
        node_init(&n);
        ww_capnp_cap *root = ww_capnp_conn_bootstrap(n.guest);
        for (uint32_t i = 0; i < 2; i++)
            ww_capnp_call_drop(call_order(root, i, &w[i]));
        for (uint32_t i = 0; i < 2; i++) {
            ww_capnp_call *call;
            waiter_init(&w[2 + i]);
            interop_echo_blob_params_set_d(interop_echo_blob_begin((interop_echo_cap){root}, &call),
                                           ww_view_of(data, sizeof data));
            assert_ok(ww_capnp_call_send(call, &w[2 + i].done));
            ww_capnp_call_drop(call);
        }
        for (ww_capnp_iov iov; ww_capnp_conn_output(n.guest, &iov, 1);) {
            size_t size = iov.size < steps[k] ? iov.size : steps[k];
            say(&n, iov.data, size);
            ww_capnp_conn_sent(n.guest, size);
        }
        assert_true(n.link.arrived > 2 * sizeof data);
        pump(&n);
        for (uint32_t i = 0; i < 4; i++)
            assert_string_equal(w[i].reason, "");
        assert_result(w[1], 1);
        assert_int_equal(w[3].count, 1);
        ww_capnp_cap_unref(root);
        pump(&n);
        node_deinit(&n);
    }
}

static void message__larger_than_the_budget__arrives_in_parts(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    node n;
    node_init(&n);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(n.guest);
    ww_capnp_call *call;
    interop_echo_blob_params_b params = interop_echo_blob_begin((interop_echo_cap){root}, &call);
    ww_capnp_any_b_set_external(interop_echo_blob_params_pointer_d(params),
                                ww_view_of(bytes, sizeof bytes), sizeof bytes);
    waiter w;
    waiter_init(&w);
    assert_ok(ww_capnp_call_send(call, &w.done));
    ww_capnp_call_drop(call);
    pump(&n);
    assert_int_equal(w.count, 1);
    ww_capnp_cap_unref(root);
    pump(&n);
    node_deinit(&n);
}

/* ---- memory ---- */

enum { PING, BLOB, BACK, HOLD, NEVER, QUESTIONS };

/* All that a guest does with its link, its end included. What it asks is answered or fails, once. */
static void live(node *n, waiter w[QUESTIONS])
{
    static uint8_t data[24000];
    n->guest_vat = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    n->guest = ww_capnp_conn_new(n->guest_vat, NULL);
    hold_streams(n);
    ww_capnp_cap *root = ww_capnp_conn_bootstrap(n->guest), *own;
    ww_capnp_call *blob, *back;
    factory_new(n->guest_vat, NULL, &own);
    interop_echo_blob_params_set_d(interop_echo_blob_begin((interop_echo_cap){root}, &blob),
                                   ww_view_of(data, sizeof data));
    interop_echo_back_params_set_len(interop_echo_back_begin((interop_echo_cap){root}, &back),
                                     9000);
    waiter_init(&w[BLOB]);
    waiter_init(&w[BACK]);
    ww_capnp_call_drop(call_ping(root, 1, &w[PING]));
    assert_ok(ww_capnp_call_send(blob, &w[BLOB].done));
    assert_ok(ww_capnp_call_send(back, &w[BACK].done));
    ww_capnp_call_drop(call_hold(root, own, &w[HOLD]));
    ww_capnp_call *never = call_never(root, own, &w[NEVER]);
    pump(n);
    ww_capnp_call_drop(blob);
    ww_capnp_call_drop(back);
    ww_capnp_cap_unref(own);
    ww_capnp_cap_unref(root);
    for (int i = 0; ww_cell_link_drain(&n->link, &n->waiter, &n->waker) == WW_AGAIN; i++) {
        assert_true(i < 4);
        ww_waiter_remove(&n->waiter);
        ww_loop_turn(n->loop, false);
    }
    pump(n);
    ww_capnp_call_drop(never);
}

static ww_status live_on(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    const test_allocator *self = WW_CONTAINER_OF(allocator, test_allocator, base);
    node n = {.waker = {count_wake}};
    waiter w[QUESTIONS] = {0};
    ww_status status = ww_loop_new(allocator, NULL, &n.loop, NULL);
    if (status) return status;
    status = ww_rpc_vat_init(&n.rpc, n.loop, NULL);
    if (!status) n.root = factory_new(n.rpc.vat, NULL, &n.root_cap);
    if (!n.root_cap) free(n.root);
    if (!n.root_cap) n.root = NULL;
    if (!status) status = n.root_cap ? ww_cell_link_init(&n.link, &n.rpc, n.root_cap) : WW_E_MEMORY;
    if (!status) {
        live(&n, w);
        for (int i = 0; i < QUESTIONS; i++)
            assert_int_equal(w[i].count, 1);
        bool has_failed = self->fail_at && self->count >= self->fail_at;
        if (!has_failed) assert_failed(w[NEVER], WW_CAPNP_DISCONNECTED);
        for (int i = 0; i < NEVER && !has_failed; i++)
            assert_string_equal(w[i].reason, "");
        if (has_failed) status = WW_E_MEMORY;
        ww_capnp_conn_free(n.guest);
        ww_capnp_vat_free(n.guest_vat);
    }
    ww_cell_link_deinit(&n.link);
    if (n.root) ww_capnp_cap_unref(n.root->held);
    if (n.root) n.root->held = NULL;
    ww_capnp_cap_unref(n.root_cap);
    ww_rpc_vat_deinit(&n.rpc);
    ww_loop_free(n.loop);
    return status;
}

static void link__any_allocation_failing__ends_each_call_once_and_gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(live_on, NULL);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(calls__of_the_guest__are_answered_and_leave_nothing_behind),
        cmocka_unit_test(dispatch__of_what_the_guest_writes__happens_only_in_the_turn_of_the_loop),
        cmocka_unit_test(budget__as_written_and_read__shrinks_and_grows_back),
        cmocka_unit_test(budget__of_a_large_message__is_what_there_is_room_for),
        cmocka_unit_test(garbage__on_the_link__ends_it_with_an_abort_message),
        cmocka_unit_test(half_a_message__and_no_more__is_waited_for_and_forgotten),
        cmocka_unit_test(calls__whose_answers_nobody_reads__are_not_listened_to_any_more),
        cmocka_unit_test(guest__that_drops_a_stream__closes_the_link),
        cmocka_unit_test(reader__of_a_link_that_closes__is_woken),
        cmocka_unit_test(last_words__of_a_guest_that_is_over__are_delivered),
        cmocka_unit_test(writes__beyond_the_room__move_it_and_lose_nothing),
        cmocka_unit_test(message__larger_than_the_budget__arrives_in_parts),
        cmocka_unit_test(link__any_allocation_failing__ends_each_call_once_and_gives_all_back),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
