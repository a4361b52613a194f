/* Two vats with the n-th allocation failing: whatever fails, nothing is lost and nothing is freed twice (case 49). */
#include "support/capnp_link.h"

enum { CALLS_MAX = 8, CAPS_MAX = 12 };

/* One call: whether it was sent, and how often its callback ran. */
typedef struct ticket {
    ww_capnp_done done;
    uint32_t sent, told;
} ticket;

/* What a script has in its hands; all of it is given back at the end. */
typedef struct scene {
    test_allocator allocator;
    ww_capnp_vat *a, *b;
    ww_capnp_conn *from, *to;
    ww_capnp_server of_a, of_b;
    ww_capnp_cap *root, *mine, *promise, *caps[CAPS_MAX];
    ww_capnp_call *calls[CALLS_MAX], *kept; /* kept: by b's server, to be answered later */
    ww_capnp_done on_cancel;
    ticket tickets[CALLS_MAX];
} scene;

/* ---- the server, of both vats ---- */

static void swap(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    interop_echo_swap_results_set_cap(interop_echo_swap_results(call),
                                      interop_echo_swap_params_cap(interop_echo_swap_params(call)));
    ww_capnp_call_return(call);
}

/* Answers with what the given object swaps itself for. */
static void take(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    interop_echo_cap to = interop_echo_take_params_cap(interop_echo_take_params(call));
    ww_capnp_call *inner;
    interop_echo_swap_params_set_cap(interop_echo_swap_begin(to, &inner), to);
    ww_capnp_call_tail(call, inner);
}

static void fail_it(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "%0400d", 7);
}

static void give_up(ww_capnp_done *done, ww_capnp_call *call)
{
    WW_CONTAINER_OF(done, scene, on_cancel)->kept = NULL;
    ww_capnp_call_return(call);
}

/* Says early what it will answer, and does not answer. */
static void never(ww_capnp_server *self, ww_capnp_call *call)
{
    scene *s = WW_CONTAINER_OF(self, scene, of_b);
    s->kept = call;
    s->on_cancel.fn = give_up;
    ww_capnp_call_on_cancel(call, &s->on_cancel);
    interop_echo_cap cap = interop_echo_never_params_cap(interop_echo_never_params(call));
    ww_capnp_call_set_pipeline(call, ww_capnp_pipeline_field(ww_capnp_pipeline_of(call), 0),
                               cap.cap);
}

static void back(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    uint32_t size = interop_echo_back_params_len(interop_echo_back_params(call));
    interop_echo_back_results_init_d(interop_echo_back_results(call), size);
    ww_capnp_call_return(call);
}

static const interop_echo_vt ECHO = {
    .swap = swap, .take = take, .fail = fail_it, .never = never, .back = back};

static void sink_write(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    ww_capnp_call_return(call);
}

static const interop_sink_vt SINK = {.write = sink_write};

/* ---- steps ---- */

static void carry(ww_capnp_conn *from, ww_capnp_conn *to)
{
    ww_capnp_iov iov;
    while (ww_capnp_conn_output(from, &iov, 1)) {
        ww_status status = ww_capnp_conn_feed(to, ww_view_of(iov.data, iov.size), NULL);
        assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(to));
        ww_capnp_conn_sent(from, iov.size);
    }
}

static void turn(scene *s, int count)
{
    while (count--) {
        carry(s->from, s->to);
        while (ww_capnp_vat_run(s->b, 10))
            continue;
        carry(s->to, s->from);
        while (ww_capnp_vat_run(s->a, 10))
            continue;
    }
}

static void tell(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, ticket, done)->told++;
}

static void send(scene *s, int i, ww_capnp_call *call)
{
    s->calls[i] = call;
    if (!call) return;
    s->tickets[i].done.fn = tell;
    ww_status status = ww_capnp_call_send(call, &s->tickets[i].done);
    assert_true(status == WW_OK || status == WW_E_MEMORY);
    s->tickets[i].sent = status == WW_OK;
}

static ww_capnp_call *swap_call(ww_capnp_cap *to, ww_capnp_cap *with)
{
    ww_capnp_call *call = NULL;
    if (to)
        interop_echo_swap_params_set_cap(interop_echo_swap_begin((interop_echo_cap){to}, &call),
                                         (interop_echo_cap){with});
    return call;
}

/* A call, and one pipelined on what comes back. */
static void send_two(scene *s, int i, ww_capnp_cap *first, ww_capnp_cap *second)
{
    send(s, i, swap_call(s->root, first));
    s->caps[i] = s->calls[i] ? result_cap(s->calls[i]) : NULL;
    send(s, i + 1, swap_call(s->caps[i], second));
    s->caps[i + 1] = s->calls[i + 1] ? result_cap(s->calls[i + 1]) : NULL;
}

/* ---- scripts ---- */

static void own_objects_and_promises_come_back(scene *s)
{
    send_two(s, 0, s->mine, s->promise);
    turn(s, 5);
    if (s->promise) ww_capnp_promise_resolve(s->promise, s->mine);
    turn(s, 5);
}

static void tails_and_cancellation(scene *s)
{
    ww_capnp_call *call = NULL;
    if (s->root && s->promise)
        interop_echo_take_params_set_cap(
            interop_echo_take_begin((interop_echo_cap){s->root}, &call),
            (interop_echo_cap){s->promise});
    send(s, 0, call);
    send_two(s, 1, s->promise, s->mine);
    turn(s, 3);
    if (s->calls[1]) ww_capnp_call_cancel(s->calls[1]);
    if (s->promise) ww_capnp_promise_resolve(s->promise, s->caps[2]);
    turn(s, 5);
}

static void early_pipelines_and_failures(scene *s)
{
    ww_capnp_call *never_call = NULL, *fail_call = NULL;
    if (s->root) {
        interop_echo_never_params_set_cap(
            interop_echo_never_begin((interop_echo_cap){s->root}, &never_call),
            (interop_echo_cap){s->mine});
        interop_echo_fail_begin((interop_echo_cap){s->root}, &fail_call);
    }
    send(s, 0, never_call);
    send(s, 1, fail_call);
    s->caps[0] = never_call ? result_cap(never_call) : NULL;
    send(s, 2, swap_call(s->caps[0], s->root));
    turn(s, 3);
    if (never_call) ww_capnp_call_cancel(never_call);
    turn(s, 3);
}

/* More segments, capabilities and bytes than the first place for them holds. */
static void large_messages(scene *s)
{
    ww_capnp_call *call = NULL, *back_call = NULL;
    if (s->root) {
        call = ww_capnp_call_new(s->root, INTEROP_ECHO_ID, 9);
        interop_echo_back_params_set_len(
            interop_echo_back_begin((interop_echo_cap){s->root}, &back_call), 60000);
    }
    if (call) {
        ww_capnp_struct_b p = ww_capnp_call_init_params(call, (ww_capnp_struct_size){0, 10});
        ww_capnp_any_b_init_data(ww_capnp_struct_b_pointer(p, 9), 20000);
        for (uint32_t i = 0; i < 9; i++) {
            ww_capnp_cap *cap = i % 3 ? ww_capnp_promise_new(s->a) : ww_capnp_cap_ref(s->mine);
            s->caps[2 + i] = cap;
            ww_capnp_any_b_set_cap(ww_capnp_struct_b_pointer(p, i), cap);
        }
    }
    send(s, 0, call);
    send(s, 1, back_call);
    turn(s, 4);
    for (uint32_t i = 0; i < 9; i++)
        if (s->caps[2 + i]) ww_capnp_promise_resolve(s->caps[2 + i], i % 2 ? s->mine : NULL);
    turn(s, 4);
}

static void streams(scene *s)
{
    ww_capnp_server server;
    ww_capnp_cap *sink = interop_sink_serve(s->b, &server, &SINK, NULL).cap;
    ww_capnp_conn *from = ww_capnp_conn_new(s->a, NULL), *to = ww_capnp_conn_new(s->b, sink);
    ww_capnp_cap_unref(sink);
    ww_capnp_cap *remote = from && to ? ww_capnp_conn_bootstrap(from) : NULL;
    for (int i = 0; i < 4 && s->promise; i++) {
        interop_sink_write_params_init_chunk(
            interop_sink_write_begin((interop_sink_cap){s->promise}, &s->calls[i]), 30000);
        if (!s->calls[i]) continue;
        s->tickets[i].done.fn = tell;
        ww_status status = ww_capnp_call_stream(s->calls[i], &s->tickets[i].done);
        assert_true(status == WW_OK || status == WW_E_MEMORY);
        s->tickets[i].sent = status == WW_OK;
    }
    if (s->promise) ww_capnp_promise_resolve(s->promise, remote);
    for (int i = 0; i < 4 && from && to; i++) {
        turn(s, 1);
        carry(from, to);
        turn(s, 1);
        carry(to, from);
    }
    ww_capnp_cap_unref(remote);
    ww_capnp_conn_free(from);
    ww_capnp_conn_free(to);
    turn(s, 1);
}

/* ---- the loop ---- */

static void begin(scene *s)
{
    ww_capnp_cap *own = interop_echo_serve(s->b, &s->of_b, &ECHO, NULL).cap;
    s->from = ww_capnp_conn_new(s->a, NULL);
    s->to = ww_capnp_conn_new(s->b, own);
    ww_capnp_cap_unref(own);
    if (!s->from || !s->to) return;
    s->root = ww_capnp_conn_bootstrap(s->from);
    s->mine = interop_echo_serve(s->a, &s->of_a, &ECHO, NULL).cap;
    s->promise = ww_capnp_promise_new(s->a);
}

static void end(scene *s)
{
    if (s->promise) ww_capnp_promise_resolve(s->promise, NULL);
    for (int i = 0; i < CALLS_MAX; i++)
        ww_capnp_call_drop(s->calls[i]);
    for (int i = 0; i < CAPS_MAX; i++) {
        if (s->caps[i]) ww_capnp_promise_resolve(s->caps[i], NULL);
        ww_capnp_cap_unref(s->caps[i]);
    }
    ww_capnp_cap_unref(s->root);
    ww_capnp_cap_unref(s->promise);
    ww_capnp_cap_unref(s->mine);
    ww_capnp_conn_free(s->from);
    ww_capnp_conn_free(s->to);
    if (s->b)
        while (ww_capnp_vat_run(s->b, 10))
            continue;
    if (s->kept) ww_capnp_call_return(s->kept);
    ww_capnp_vat_free(s->a);
    ww_capnp_vat_free(s->b);
}

typedef void script(scene *s);

static size_t run(script *play, size_t fail_at)
{
    scene s = {0};
    test_allocator_init(&s.allocator, fail_at);
    s.a = ww_capnp_vat_new(&s.allocator.base, NULL);
    s.b = ww_capnp_vat_new(&s.allocator.base, NULL);
    if (s.a && s.b) begin(&s);
    if (s.from && s.to) play(&s);
    end(&s);
    for (int i = 0; i < CALLS_MAX; i++)
        assert_int_equal(s.tickets[i].told, s.tickets[i].sent); /* exactly once, or never sent */
    assert_int_equal(s.allocator.live_bytes, 0);
    return s.allocator.count;
}

static void t49__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    script *const scripts[] = {own_objects_and_promises_come_back, tails_and_cancellation,
                               early_pipelines_and_failures, large_messages, streams};
    for (size_t i = 0; i < WW_COUNT_OF(scripts); i++) {
        size_t count = run(scripts[i], 0);
        assert_true(count > 20);
        for (size_t fail_at = 1; fail_at <= count; fail_at++)
            run(scripts[i], fail_at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t49__any_allocation_fails__gives_all_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
