/* Two vats and a schedule drawn by lot: what crosses the wire keeps the rules whatever the order (case 47), and calls
 * through one reference arrive in the order in which they were made, through whatever promises and embargoes. */
#include "support/capnp_world.h"
#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 1500, STEPS = 150, HELD = 6, IDS = 256 };

/* One direction of the wire: what its sender may still name. */
typedef struct wire {
    ww_capnp_framer framer;
    bool asked[IDS];   /* questions of the sender, between Call or Bootstrap and Finish */
    bool crossed[IDS]; /* answered without need of a Finish, which may be on its way */
    uint32_t kinds[LINK_KINDS];
} wire;

typedef struct lottery {
    world w;
    wire from_a, from_b;
    uint32_t state;
    ww_capnp_cap *held[HELD];
    uint32_t reference[HELD], number[HELD]; /* numbers of references, and of calls through each */
    uint32_t references, last_of[STEPS + 2];
    factory *family;
    ww_capnp_cap *own;            /* an object of a */
    ww_capnp_cap *open;           /* a promise of a's */
    uint32_t opened_at, asked_at; /* the newest reference before it, and before b's promise */
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
    from->kinds[(unsigned)rpc_message_which(m) % LINK_KINDS]++;
    switch (rpc_message_which(m)) {
    case RPC_MESSAGE_IS_BOOTSTRAP:
        ask(from, rpc_bootstrap_question_id(rpc_message_bootstrap(m)));
        break;
    case RPC_MESSAGE_IS_CALL:
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
    x->reference[slot] = ++x->references;
    x->number[slot] = 0;
}

/* Through one of the references that are held, with the next number. */
static ww_capnp_call *count(lottery *x)
{
    uint32_t slot = draw(x, HELD);
    uint64_t n = (uint64_t)x->reference[slot] << 32 | ++x->number[slot];
    return x->held[slot] ? call_ping(x->held[slot], n, NULL) : NULL;
}

/* A promise becomes something older: what waits for itself over the wire, nobody can see there. */
static ww_capnp_cap *older(lottery *x, uint32_t than)
{
    uint32_t slot = draw(x, HELD);
    return x->reference[slot] <= than ? x->held[slot] : x->own;
}

/* A promise of our own is begun, or becomes something that we hold. */
static void promise(lottery *x)
{
    if (!x->open) {
        x->open = ww_capnp_promise_new(x->w.l.a.vat);
        x->opened_at = x->references;
        keep(x, ww_capnp_cap_ref(x->open));
        return;
    }
    ww_capnp_promise_resolve(x->open, older(x, x->opened_at));
    ww_capnp_cap_unref(x->open);
    x->open = NULL;
}

/* A call of something with something; its result is kept, and perhaps the call given up. */
static void act(lottery *x)
{
    ww_capnp_cap *cap = x->held[draw(x, HELD)], *with = x->held[draw(x, HELD)];
    if (draw(x, 3) == 0) with = x->own;
    ww_capnp_call *call = NULL, *ping = NULL;
    if (!cap) cap = x->w.root;
    switch (draw(x, 9)) {
    case 0: call = call_make(cap, NULL); break;
    case 1: call = call_swap(cap, with, NULL); break;
    case 2:
        x->asked_at = x->references;
        call = call_promise(x->w.root, NULL);
        break;
    case 3:
        with = older(x, x->asked_at);
        ww_capnp_call_drop(call_settle(x->w.root, (uint16_t)draw(x, 4), with, NULL));
        break;
    case 4:
    case 5:
    case 6: ping = count(x); break;
    case 7: promise(x); break;
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

/* Adds what was sent to `kinds`. */
static void run(uint32_t seed, uint32_t kinds[LINK_KINDS])
{
    lottery x = {.state = seed * 2654435761u + 1};
    world_init(&x.w);
    ww_capnp_framer_init(&x.from_a.framer, ww_allocator_libc(), 1 << 20);
    ww_capnp_framer_init(&x.from_b.framer, ww_allocator_libc(), 1 << 20);
    factory *mine;
    factory_found(x.w.f, &x.family, x.last_of);
    x.own = world_mine(&x.w, &mine);
    factory_found(mine, &x.family, x.last_of);
    x.held[0] = ww_capnp_cap_ref(x.own);
    x.reference[0] = ++x.references;
    for (int i = 0; i < STEPS; i++)
        step(&x);
    if (x.open) promise(&x);
    ww_capnp_cap_unref(x.own);
    settle(&x);
    for (int i = 0; i < HELD; i++)
        ww_capnp_cap_unref(x.held[i]);
    ww_capnp_call_drop(call_settle(x.w.root, 2, NULL, NULL));
    settle(&x);
    x.w.f->last_of = NULL; /* what follows does not count */
    for (int i = 0; i < LINK_KINDS; i++)
        kinds[i] += x.from_a.kinds[i] + x.from_b.kinds[i];
    ww_capnp_framer_deinit(&x.from_a.framer);
    ww_capnp_framer_deinit(&x.from_b.framer);
    world_deinit(&x.w);
}

static void t47__schedules_drawn_by_lot__name_no_finished_question(void **state)
{
    (void)state;
    uint32_t kinds[LINK_KINDS] = {0};
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %u\r", seed); /* the last one told is the one that failed */
        run(seed, kinds);
    }
    assert_true(kinds[RPC_MESSAGE_IS_DISEMBARGO] > 100); /* or it would prove little */
    assert_true(kinds[RPC_MESSAGE_IS_RESOLVE] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t47__schedules_drawn_by_lot__name_no_finished_question)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
