/* Two vats with the n-th allocation failing: whatever fails, nothing is lost and nothing is freed twice (case 49). */
#include "support/capnp_link.h"
#include <stdlib.h>

typedef struct scene {
    ww_capnp_vat *a, *b;
    ww_capnp_conn *from, *to;
    ww_capnp_server servers[2];
    ww_capnp_cap *root, *mine, *promise, *back[2];
    ww_capnp_call *calls[2];
} scene;

static void swap(ww_capnp_server *self, ww_capnp_call *call)
{
    (void)self;
    interop_echo_swap_results_set_cap(interop_echo_swap_results(call),
                                      interop_echo_swap_params_cap(interop_echo_swap_params(call)));
    ww_capnp_call_return(call);
}

static const interop_echo_vt SWAPPER = {.swap = swap};

static void carry(ww_capnp_conn *from, ww_capnp_conn *to)
{
    ww_capnp_iov iov;
    while (ww_capnp_conn_output(from, &iov, 1)) {
        ww_status status = ww_capnp_conn_feed(to, ww_view_of(iov.data, iov.size), NULL);
        assert_true(status == WW_AGAIN || ww_capnp_conn_is_over(to));
        ww_capnp_conn_sent(from, iov.size);
    }
}

static void tell(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)done;
    (void)call;
}

/* A call with a capability, and one pipelined on what comes back. */
static void send(scene *s, int i, ww_capnp_cap *to, ww_capnp_cap *with)
{
    static ww_capnp_done done = {tell};
    if (!to) return;
    interop_echo_swap_params_set_cap(interop_echo_swap_begin((interop_echo_cap){to}, &s->calls[i]),
                                     (interop_echo_cap){with});
    if (!s->calls[i]) return;
    ww_status status = ww_capnp_call_send(s->calls[i], &done);
    assert_true(status == WW_OK || status == WW_E_MEMORY);
    s->back[i] = result_cap(s->calls[i]);
}

static void play(scene *s)
{
    ww_capnp_cap *own = interop_echo_serve(s->b, &s->servers[0], &SWAPPER, NULL).cap;
    s->from = ww_capnp_conn_new(s->a, NULL);
    s->to = ww_capnp_conn_new(s->b, own);
    ww_capnp_cap_unref(own);
    if (!s->from || !s->to) return;
    s->root = ww_capnp_conn_bootstrap(s->from);
    s->mine = interop_echo_serve(s->a, &s->servers[1], &SWAPPER, NULL).cap;
    s->promise = ww_capnp_promise_new(s->a);
    send(s, 0, s->root, s->mine);
    send(s, 1, s->back[0], s->promise);
    for (int i = 0; i < 10; i++) {
        carry(s->from, s->to);
        while (ww_capnp_vat_run(s->b, 10))
            continue;
        carry(s->to, s->from);
        while (ww_capnp_vat_run(s->a, 10))
            continue;
        if (i == 4 && s->promise) ww_capnp_promise_resolve(s->promise, s->mine);
    }
}

static size_t run(size_t fail_at)
{
    test_allocator allocator;
    test_allocator_init(&allocator, fail_at);
    scene s = {.a = ww_capnp_vat_new(&allocator.base, NULL),
               .b = ww_capnp_vat_new(&allocator.base, NULL)};
    if (s.a && s.b) play(&s);
    if (s.promise) ww_capnp_promise_resolve(s.promise, NULL);
    for (int i = 0; i < 2; i++) {
        ww_capnp_call_drop(s.calls[i]);
        ww_capnp_cap_unref(s.back[i]);
    }
    ww_capnp_cap_unref(s.root);
    ww_capnp_cap_unref(s.promise);
    ww_capnp_cap_unref(s.mine);
    ww_capnp_conn_free(s.from);
    ww_capnp_conn_free(s.to);
    ww_capnp_vat_free(s.a);
    ww_capnp_vat_free(s.b);
    assert_int_equal(allocator.live_bytes, 0);
    return allocator.count;
}

static void t49__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    size_t count = run(0);
    assert_true(count > 20);
    for (size_t fail_at = 1; fail_at <= count; fail_at++)
        run(fail_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t49__any_allocation_fails__gives_all_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
