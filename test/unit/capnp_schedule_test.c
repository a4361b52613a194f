/* Two vats and a schedule drawn by lot: what crosses the wire keeps the rules whatever the order (case 47). */
#include "support/capnp_world.h"
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 300, STEPS = 120, HELD = 6, IDS = 256 };

/* One direction of the wire: what its sender may still name. */
typedef struct wire {
    ww_capnp_framer framer;
    bool asked[IDS];   /* questions of the sender, between Call or Bootstrap and Finish */
    bool crossed[IDS]; /* answered without need of a Finish, which may be on its way */
    uint32_t calls;
} wire;

typedef struct lottery {
    world w;
    wire from_a, from_b;
    uint32_t state;
    ww_capnp_cap *held[HELD];
} lottery;

static uint32_t draw(lottery *x, uint32_t range)
{
    x->state ^= x->state << 13;
    x->state ^= x->state >> 17;
    x->state ^= x->state << 5;
    return x->state % range;
}

static void check_answer(const wire *from, rpc_promised_answer_r answer)
{
    uint32_t id = rpc_promised_answer_question_id(answer);
    assert_true(id < IDS && (from->asked[id] || from->crossed[id]));
}

static void check_target(const wire *from, rpc_message_target_r target)
{
    if (rpc_message_target_which(target) == RPC_MESSAGE_TARGET_IS_PROMISED_ANSWER)
        check_answer(from, rpc_message_target_promised_answer(target));
}

static void check_descriptor(const wire *from, rpc_cap_descriptor_r d)
{
    if (rpc_cap_descriptor_which(d) == RPC_CAP_DESCRIPTOR_IS_RECEIVER_ANSWER)
        check_answer(from, rpc_cap_descriptor_receiver_answer(d));
}

static void check_payload(const wire *from, rpc_payload_r payload)
{
    rpc_cap_descriptor_l table = rpc_payload_cap_table(payload);
    for (uint32_t i = 0; i < table.list.count; i++)
        check_descriptor(from, rpc_cap_descriptor_l_at(table, i));
}

static void ask(wire *from, uint32_t id)
{
    assert_true(id < IDS && !from->asked[id]);
    from->asked[id] = true;
    from->crossed[id] = false;
}

/* No message names a question after its Finish, and no number is used again too early. */
static void check_message(wire *from, wire *to, rpc_message_r m)
{
    switch (rpc_message_which(m)) {
    case RPC_MESSAGE_IS_BOOTSTRAP:
        ask(from, rpc_bootstrap_question_id(rpc_message_bootstrap(m)));
        break;
    case RPC_MESSAGE_IS_CALL:
        from->calls++;
        check_target(from, rpc_call_target(rpc_message_call(m)));
        check_payload(from, rpc_call_params(rpc_message_call(m)));
        ask(from, rpc_call_question_id(rpc_message_call(m)));
        break;
    case RPC_MESSAGE_IS_FINISH: {
        uint32_t id = rpc_finish_question_id(rpc_message_finish(m));
        assert_true(id < IDS && (from->asked[id] || from->crossed[id]));
        from->asked[id] = from->crossed[id] = false;
        break;
    }
    case RPC_MESSAGE_IS_RETURN: {
        rpc_return_r r = rpc_message_return(m);
        check_payload(from, rpc_return_results(r));
        if (ww_capnp_get_bool(r.s, 33)) {
            uint32_t id = rpc_return_answer_id(r) % IDS;
            to->crossed[id] = to->asked[id];
            to->asked[id] = false;
        }
        break;
    }
    case RPC_MESSAGE_IS_RESOLVE:
        check_descriptor(from, rpc_resolve_cap(rpc_message_resolve(m)));
        break;
    case RPC_MESSAGE_IS_DISEMBARGO:
        check_target(from, rpc_disembargo_target(rpc_message_disembargo(m)));
        break;
    case RPC_MESSAGE_IS_RELEASE: break;
    default: fail_msg("a message of kind %u", (unsigned)rpc_message_which(m));
    }
}

/* Moves one piece of output, which is one message. */
static bool carry(link_end *end, wire *from, link_end *other, wire *to)
{
    ww_capnp_iov iov;
    if (!ww_capnp_conn_output(end->conn, &iov, 1)) return false;
    ww_view bytes = ww_view_of(iov.data, iov.size);
    while (ww_capnp_framer_feed(&from->framer, &bytes, NULL) == WW_OK) {
        ww_capnp_frame frame;
        size_t used;
        assert_ok(ww_capnp_frame_open(&frame, ww_buf_view(&from->framer.bytes), 1 << 20,
                                      ww_allocator_libc(), &used, NULL));
        check_message(from, to, rpc_message_root(&frame.message));
        ww_capnp_frame_deinit(&frame);
    }
    ww_diag diag = {0};
    ww_status status = ww_capnp_conn_feed(other->conn, ww_view_of(iov.data, iov.size), &diag);
    if (status != WW_AGAIN) fail_msg("%s", diag.text);
    ww_capnp_conn_sent(end->conn, iov.size);
    return true;
}

static void keep(lottery *x, ww_capnp_cap *cap)
{
    uint32_t slot = draw(x, HELD);
    ww_capnp_cap_unref(x->held[slot]);
    x->held[slot] = cap;
}

/* A call of something with something; its result is kept, and perhaps the call given up. */
static void act(lottery *x)
{
    ww_capnp_cap *cap = x->held[draw(x, HELD)], *with = x->held[draw(x, HELD)];
    ww_capnp_call *call = NULL, *ping = NULL;
    if (!cap) cap = x->w.root;
    switch (draw(x, 6)) {
    case 0: call = call_make(cap, NULL); break;
    case 1: call = call_swap(cap, with, NULL); break;
    case 2: call = call_promise(x->w.root, NULL); break;
    case 3: ww_capnp_call_drop(call_settle(x->w.root, (uint16_t)draw(x, 4), with, NULL)); break;
    case 4: ping = call_ping(cap, 1, NULL); break;
    default: keep(x, NULL); break;
    }
    if (call && draw(x, 4)) keep(x, result_cap(call));
    if (call && draw(x, 4) == 0) ww_capnp_call_cancel(call);
    ww_capnp_call_drop(call);
    ww_capnp_call_drop(ping);
}

static bool step(lottery *x)
{
    switch (draw(x, 5)) {
    case 0: act(x); return true;
    case 1: return carry(&x->w.l.a, &x->from_a, &x->w.l.b, &x->from_b);
    case 2: return carry(&x->w.l.b, &x->from_b, &x->w.l.a, &x->from_a);
    case 3: return ww_capnp_vat_run(x->w.l.a.vat, 1);
    default: return ww_capnp_vat_run(x->w.l.b.vat, 1);
    }
}

static void settle(lottery *x)
{
    for (bool moved = true; moved;) {
        moved = carry(&x->w.l.a, &x->from_a, &x->w.l.b, &x->from_b);
        if (carry(&x->w.l.b, &x->from_b, &x->w.l.a, &x->from_a)) moved = true;
        while (ww_capnp_vat_run(x->w.l.a.vat, 100) || ww_capnp_vat_run(x->w.l.b.vat, 100))
            continue;
        ww_capnp_iov iov;
        if (ww_capnp_conn_output(x->w.l.a.conn, &iov, 1) ||
            ww_capnp_conn_output(x->w.l.b.conn, &iov, 1))
            moved = true;
    }
}

static void run(uint32_t seed)
{
    lottery x = {.state = seed * 2654435761u + 1};
    world_init(&x.w);
    x.from_a.asked[0] = false;
    ww_capnp_framer_init(&x.from_a.framer, ww_allocator_libc(), 1 << 20);
    ww_capnp_framer_init(&x.from_b.framer, ww_allocator_libc(), 1 << 20);
    factory *mine;
    x.held[0] = world_mine(&x.w, &mine);
    for (int i = 0; i < STEPS; i++)
        step(&x);
    settle(&x);
    for (int i = 0; i < HELD; i++)
        ww_capnp_cap_unref(x.held[i]);
    ww_capnp_call_drop(call_settle(x.w.root, 2, NULL, NULL));
    settle(&x);
    ww_capnp_framer_deinit(&x.from_a.framer);
    ww_capnp_framer_deinit(&x.from_b.framer);
    world_deinit(&x.w);
}

static void t47__schedules_drawn_by_lot__name_no_finished_question(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %u\r", seed);
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t47__schedules_drawn_by_lot__name_no_finished_question)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
