/* Each connection has its own memory: what one peer hoards is its own, ends at its own bound, and comes back with it. */
#include "capnp/conn_state.h"
#include "support/capnp_stage.h"

enum { BOUND = 512 << 10, BLOB = 4000, PEERS_MAX = 1000 };

/* A host whose memory is counted, and peers that live elsewhere. */
typedef struct town {
    test_allocator allocator;
    ww_capnp_vat *host, *abroad;
    factory *object, *family;
    ww_capnp_cap *root;
} town;

typedef struct peer {
    ww_capnp_conn *near, *far; /* near: the host's end */
    ww_capnp_cap *root;
} peer;

static void town_init(town *t)
{
    *t = (town){.family = NULL};
    test_allocator_init(&t->allocator, 0);
    t->host = ww_capnp_vat_new(&t->allocator.base, NULL);
    t->abroad = ww_capnp_vat_new(ww_allocator_libc(), NULL);
    t->object = factory_new(t->host, NULL, &t->root);
    factory_found(t->object, &t->family, NULL);
}

static void town_deinit(town *t)
{
    factory_part(&t->family);
    ww_capnp_cap_unref(t->root);
    ww_capnp_vat_free(t->abroad);
    ww_capnp_vat_free(t->host);
    assert_int_equal(t->allocator.live_bytes, 0);
}

static bool carry(ww_capnp_conn *from, ww_capnp_conn *to)
{
    ww_capnp_iov iov;
    bool moved = false;
    for (; ww_capnp_conn_output(from, &iov, 1); moved = true) {
        ww_status status = ww_capnp_conn_feed(to, ww_view_of(iov.data, iov.size), NULL);
        assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(to));
        ww_capnp_conn_sent(from, iov.size);
    }
    return moved;
}

static void run(town *t)
{
    while (ww_capnp_vat_run(t->host, 100) || ww_capnp_vat_run(t->abroad, 100))
        continue;
}

static void pump(town *t, peer *p)
{
    run(t);
    while (carry(p->far, p->near) || carry(p->near, p->far))
        run(t);
}

static void meet(town *t, peer *p)
{
    p->near = ww_capnp_conn_new(t->host, t->root);
    p->far = ww_capnp_conn_new(t->abroad, NULL);
    ww_capnp_conn_limit_memory(p->near, BOUND);
    p->root = ww_capnp_conn_bootstrap(p->far);
    pump(t, p);
}

/* The host's end goes first: what it held is back when this returns, whatever the peer still has. */
static void part(town *t, peer *p)
{
    ww_capnp_conn_free(p->near);
    run(t);
    ww_capnp_cap_unref(p->root);
    ww_capnp_conn_free(p->far);
}

/* never(), with parameters of BLOB bytes and as many capabilities. */
static bool hoard(town *t, peer *p, uint32_t caps, waiter *w)
{
    ww_capnp_call *call = ww_capnp_call_new(p->root, INTEROP_ECHO_ID, 5);
    ww_capnp_struct_b params =
        ww_capnp_call_init_params(call, (ww_capnp_struct_size){0, (uint16_t)(caps + 2)});
    ww_capnp_any_b_init_data(ww_capnp_struct_b_pointer(params, 1), BLOB);
    for (uint32_t i = 0; i < caps; i++) {
        ww_capnp_cap *cap;
        factory_new(t->abroad, NULL, &cap);
        ww_capnp_any_b_set_cap(ww_capnp_struct_b_pointer(params, 2 + i), cap);
        ww_capnp_cap_unref(cap);
    }
    waiter_init(w);
    assert_ok(ww_capnp_call_send(call, &w->done));
    ww_capnp_call_drop(call);
    pump(t, p);
    return w->count == 0;
}

/* How many calls the peer gets to wait here before it is refused, and why. */
static uint32_t hoard_all(town *t, peer *p, uint32_t caps, waiter *last)
{
    uint32_t count = 0;
    static waiter w[BOUND / BLOB];
    while (hoard(t, p, caps, &w[count])) {
        count++;
        assert_in_range(ww_capnp_conn_memory(p->near), 1, BOUND);
        assert_in_range(count, 1, WW_COUNT_OF(w) - 1);
    }
    *last = w[count];
    return count;
}

static void hoarder__at_its_own_limit__is_refused_and_its_neighbour_has_all_of_its_own(void **state)
{
    (void)state;
    town t;
    peer hoarder, neighbour;
    waiter w;
    town_init(&t);
    meet(&t, &neighbour);
    uint32_t alone = hoard_all(&t, &neighbour, 3, &w);
    part(&t, &neighbour);

    meet(&t, &hoarder);
    uint32_t got = hoard_all(&t, &hoarder, 3, &w);
    assert_failed(w, WW_CAPNP_OVERLOADED);
    assert_string_equal(w.reason, "too much waits to be answered");
    assert_int_equal(got, alone);
    assert_false(ww_capnp_conn_is_over(hoarder.near)); /* it may go on with less */

    meet(&t, &neighbour);
    assert_int_equal(hoard_all(&t, &neighbour, 3, &w), alone);
    part(&t, &neighbour);
    part(&t, &hoarder);
    town_deinit(&t);
}

static void hoarder__beyond_its_bound__is_told_why_and_lost_alone(void **state)
{
    (void)state;
    static const uint8_t table[8] = {0, 0, 0, 0, 0, 0, 2, 0}; /* a message of 1 MiB */
    static uint8_t bytes[BOUND];
    town t;
    peer hoarder, neighbour;
    waiter w;
    town_init(&t);
    meet(&t, &neighbour);
    meet(&t, &hoarder);
    assert_int_equal(ww_capnp_conn_feed(hoarder.near, ww_view_of(table, sizeof table), NULL),
                     WW_AGAIN);
    ww_diag diag;
    assert_int_equal(ww_capnp_conn_feed(hoarder.near, ww_view_of(bytes, sizeof bytes), &diag),
                     WW_E_CLOSED);
    assert_string_equal(diag.text, "the connection holds as much memory as it may");
    pump(&t, &hoarder);
    assert_string_equal(ww_capnp_conn_reason(hoarder.far),
                        "the peer aborted: the connection holds as much memory as it may");
    ww_capnp_call_drop(call_ping(neighbour.root, 7, &w));
    pump(&t, &neighbour);
    assert_result(w, 7);
    part(&t, &hoarder);
    part(&t, &neighbour);
    town_deinit(&t);
}

static void closing__a_hoarder__gives_back_every_byte(void **state)
{
    (void)state;
    town t;
    peer p;
    waiter w;
    town_init(&t);
    size_t before = t.allocator.live_bytes;
    meet(&t, &p);
    hoard_all(&t, &p, 8, &w);
    assert_true(ww_capnp_conn_memory(p.near) > BOUND / 2);
    assert_true(t.allocator.live_bytes - before >= ww_capnp_conn_memory(p.near));
    ww_capnp_conn_free(p.near);
    run(&t); /* the server gives up its calls */
    assert_int_equal(t.allocator.live_bytes, before);
    ww_capnp_cap_unref(p.root);
    ww_capnp_conn_free(p.far);
    town_deinit(&t);
}

static void capability__that_outlives_its_connection__keeps_itself_and_no_more(void **state)
{
    (void)state;
    town t;
    peer p, reader;
    waiter w;
    town_init(&t);
    meet(&t, &reader);
    size_t before = t.allocator.live_bytes;
    meet(&t, &p);
    ww_capnp_cap *theirs;
    factory_new(t.abroad, NULL, &theirs);
    ww_capnp_call_drop(call_hold(p.root, theirs, &w));
    pump(&t, &p);
    ww_capnp_cap_unref(theirs);
    waiter unread;
    for (uint32_t i = 0; i < 10; i++)
        hoard(&t, &p, 0, &unread);
    part(&t, &p);
    assert_true(t.allocator.live_bytes > before); /* what the object holds, broken now */
    assert_in_range(t.allocator.live_bytes - before, 1, 512);
    assert_in_range(ww_capnp_conn_memory(reader.near), 1, BOUND);
    ww_capnp_cap_unref(t.object->held);
    t.object->held = NULL;
    assert_int_equal(t.allocator.live_bytes, before);
    part(&t, &reader);
    town_deinit(&t);
}

static void output__of_a_peer_that_does_not_read__is_charged_to_it(void **state)
{
    (void)state;
    town t;
    peer p;
    waiter w, calls[64];
    town_init(&t);
    meet(&t, &p);
    ww_capnp_cap *theirs;
    factory_new(t.abroad, NULL, &theirs);
    ww_capnp_call_drop(call_hold(p.root, theirs, &w));
    pump(&t, &p);
    ww_capnp_cap_unref(theirs);
    size_t before = t.allocator.live_bytes;
    size_t mine = ww_capnp_conn_memory(p.near);
    uint32_t sent = 0;
    for (; sent < WW_COUNT_OF(calls); sent++) {
        ww_capnp_call *call;
        interop_echo_blob_params_init_d(
            interop_echo_blob_begin((interop_echo_cap){t.object->held}, &call), 20000);
        waiter_init(&calls[sent]);
        assert_ok(ww_capnp_call_send(call, &calls[sent].done));
        ww_capnp_call_drop(call);
        run(&t);
        if (calls[sent].count) break;
    }
    assert_failed(calls[sent], WW_CAPNP_OVERLOADED);
    assert_in_range(sent, 10, BOUND / 20000);
    /* All but the calls themselves, which are the host's. */
    size_t of_calls = sizeof(struct ww_capnp_call) * CAPNP_KEPT_MAX + 4096;
    assert_in_range(t.allocator.live_bytes - before, ww_capnp_conn_memory(p.near) - mine,
                    ww_capnp_conn_memory(p.near) - mine + of_calls);
    pump(&t, &p); /* it reads after all */
    for (uint32_t i = 0; i < sent; i++)
        assert_string_equal(calls[i].reason, "");
    assert_true(ww_capnp_conn_memory(p.near) < BOUND / 2);
    part(&t, &p);
    town_deinit(&t);
}

static void calls__of_the_host__ask_nobody_for_memory_after_the_first(void **state)
{
    (void)state;
    town t;
    peer p;
    waiter w;
    town_init(&t);
    meet(&t, &p);
    ww_capnp_cap *theirs;
    factory_new(t.abroad, NULL, &theirs);
    ww_capnp_call_drop(call_hold(p.root, theirs, &w));
    pump(&t, &p);
    ww_capnp_cap_unref(theirs);
    size_t count = 0;
    for (int i = 0; i < 100; i++) {
        if (i == 3) count = t.allocator.count;
        ww_capnp_call_drop(call_ping(t.object->held, 5, &w));
        pump(&t, &p);
        assert_result(w, 5);
    }
    assert_int_equal(t.allocator.count,
                     count); /* parameters that went over came back as spare ones */
    part(&t, &p);
    town_deinit(&t);
}

static void thousand_links__small_at_first__grow_and_shrink_each_by_itself(void **state)
{
    (void)state;
    static peer peers[PEERS_MAX];
    static waiter w[16];
    town t;
    town_init(&t);
    size_t before = t.allocator.live_bytes;
    for (int i = 0; i < PEERS_MAX; i++) {
        meet(&t, &peers[i]);
        ww_capnp_call_drop(call_ping(peers[i].root, 1, &w[0]));
        pump(&t, &peers[i]);
        assert_result(w[0], 1);
        assert_in_range(ww_capnp_conn_memory(peers[i].near), 1, 24 << 10);
    }
    assert_in_range(t.allocator.live_bytes - before, 1, PEERS_MAX * (24u << 10));
    for (int i = 0; i < PEERS_MAX; i++) {
        for (int k = 0; k < 16; k++)
            ww_capnp_call_drop(call_ping(peers[i].root, 1, &w[k]));
        pump(&t, &peers[i]);
        assert_in_range(ww_capnp_conn_memory(peers[i].near), 1, 64 << 10);
    }
    for (int i = 0; i < PEERS_MAX; i++) {
        size_t all = t.allocator.live_bytes, its = ww_capnp_conn_memory(peers[i].near);
        part(&t, &peers[i]);
        assert_int_equal(all - t.allocator.live_bytes, its + sizeof(capnp_arena));
    }
    assert_int_equal(t.allocator.live_bytes, before);
    town_deinit(&t);
}

/* Sends what was built; nothing else happens. */
static void feed(stage *s)
{
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), 1 << 20);
    assert_ok(ww_capnp_frame_write(&s->message, &out));
    ww_status status = ww_capnp_conn_feed(s->conn, ww_buf_view(&out), NULL);
    assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(s->conn));
    ww_buf_deinit(&out);
}

/* The promise that it waits for goes with it; the connection ends while it does, and with it the call that the promise is
 * of. Found by the fuzzer. */
static void disembargo__without_memory_for_its_echo__ends_the_connection_once(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, NULL);
    stage_bootstrap(&s, 1);
    stage_ping(&s, 2, 1);
    feed(&s);
    rpc_disembargo_b d = rpc_message_init_disembargo(stage_message(&s));
    rpc_promised_answer_set_question_id(
        rpc_message_target_init_promised_answer(rpc_disembargo_init_target(d)), 2);
    rpc_disembargo_context_set_sender_loopback(rpc_disembargo_edit_context(d), 0);
    capnp_arena_trim(s.conn->arena);
    ww_capnp_conn_limit_memory(s.conn, ww_capnp_conn_memory(s.conn) + sizeof(capnp_parcel) / 2);
    feed(&s);
    stage_settle(&s);
    assert_string_equal(ww_capnp_conn_reason(s.conn),
                        "the connection holds as much memory as it may");
    assert_int_equal(s.got[RPC_MESSAGE_IS_ABORT], 1);
    stage_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            hoarder__at_its_own_limit__is_refused_and_its_neighbour_has_all_of_its_own),
        cmocka_unit_test(hoarder__beyond_its_bound__is_told_why_and_lost_alone),
        cmocka_unit_test(closing__a_hoarder__gives_back_every_byte),
        cmocka_unit_test(capability__that_outlives_its_connection__keeps_itself_and_no_more),
        cmocka_unit_test(output__of_a_peer_that_does_not_read__is_charged_to_it),
        cmocka_unit_test(calls__of_the_host__ask_nobody_for_memory_after_the_first),
        cmocka_unit_test(disembargo__without_memory_for_its_echo__ends_the_connection_once),
        cmocka_unit_test(thousand_links__small_at_first__grow_and_shrink_each_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
