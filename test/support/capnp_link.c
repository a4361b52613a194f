#include "support/capnp_link.h"
#include <stdlib.h>

/* ---- the link ---- */

void link_init(two_vats *l, const ww_capnp_limits *limits)
{
    memset(l, 0, sizeof *l);
    test_allocator_init(&l->allocator, 0);
    link_end *ends[] = {&l->a, &l->b};
    for (int i = 0; i < 2; i++) {
        ends[i]->vat = ww_capnp_vat_new(&l->allocator.base, limits);
        ww_capnp_framer_init(&ends[i]->framer, ww_allocator_libc(), 1 << 24);
    }
}

void link_connect(two_vats *l, ww_capnp_cap *of_a, ww_capnp_cap *of_b)
{
    l->a.conn = ww_capnp_conn_new(l->a.vat, of_a);
    l->b.conn = ww_capnp_conn_new(l->b.vat, of_b);
}

static void count_messages(link_end *end, ww_view bytes)
{
    while (ww_capnp_framer_feed(&end->framer, &bytes, NULL) == WW_OK) {
        ww_capnp_frame frame;
        size_t used;
        assert_ok(ww_capnp_frame_open(&frame, ww_buf_view(&end->framer.bytes), 1 << 24,
                                      ww_allocator_libc(), &used, NULL));
        unsigned kind = (unsigned)rpc_message_which(rpc_message_root(&frame.message));
        if (kind < LINK_KINDS) end->sent[kind]++;
        ww_capnp_frame_deinit(&frame);
    }
}

static bool move_bytes(link_end *from, link_end *to)
{
    ww_capnp_iov iov[4];
    size_t count = from->is_blocked ? 0 : ww_capnp_conn_output(from->conn, iov, 4);
    for (size_t i = 0; i < count; i++) {
        ww_diag diag = {0};
        count_messages(from, ww_view_of(iov[i].data, iov[i].size));
        ww_status status =
            ww_capnp_conn_feed(to->conn, ww_view_of(iov[i].data, iov[i].size), &diag);
        if (status != WW_AGAIN && !to->over[0]) memcpy(to->over, diag.text, sizeof diag.text);
        ww_capnp_conn_sent(from->conn, iov[i].size);
    }
    return count > 0;
}

void link_pump(two_vats *l)
{
    for (bool moved = true; moved;) {
        moved = move_bytes(&l->a, &l->b);
        if (move_bytes(&l->b, &l->a)) moved = true;
        while (ww_capnp_vat_run(l->a.vat, 100) || ww_capnp_vat_run(l->b.vat, 100))
            moved = true;
        ww_capnp_iov iov;
        if (!l->a.is_blocked && ww_capnp_conn_output(l->a.conn, &iov, 1)) moved = true;
        if (!l->b.is_blocked && ww_capnp_conn_output(l->b.conn, &iov, 1)) moved = true;
    }
}

uint32_t link_sent(const link_end *end)
{
    uint32_t count = 0;
    for (int i = 0; i < LINK_KINDS; i++)
        count += end->sent[i];
    return count;
}

void link_deinit(two_vats *l)
{
    link_end *ends[] = {&l->a, &l->b};
    for (int i = 0; i < 2; i++)
        ww_capnp_conn_free(ends[i]->conn);
    for (int i = 0; i < 2; i++) {
        ww_capnp_vat_free(ends[i]->vat);
        ww_capnp_framer_deinit(&ends[i]->framer);
    }
    assert_int_equal(l->allocator.live_bytes, 0);
}

/* ---- the object ---- */

static factory *self_of(ww_capnp_server *server)
{
    factory *f = WW_CONTAINER_OF(server, factory, server);
    f->calls++;
    return f;
}

static void ping(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    uint64_t n = interop_echo_ping_params_n(interop_echo_ping_params(call));
    if (f->last_of) {
        assert_true(f->last_of[n >> 32] < (uint32_t)n);
        f->last_of[n >> 32] = (uint32_t)n;
    }
    interop_echo_ping_results_set_n(interop_echo_ping_results(call), n);
    ww_capnp_call_return(call);
}

static void blob(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self);
    ww_view d = interop_echo_blob_params_d(interop_echo_blob_params(call));
    uint32_t sum = 0;
    for (size_t i = 0; i < d.size; i += 64)
        sum += d.data[i];
    interop_echo_blob_results_b r = interop_echo_blob_results(call);
    interop_echo_blob_results_set_len(r, (uint32_t)d.size);
    interop_echo_blob_results_set_sum(r, sum);
    ww_capnp_call_return(call);
}

static void back(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self);
    uint32_t size = interop_echo_back_params_len(interop_echo_back_params(call));
    uint8_t *data = interop_echo_back_results_init_d(interop_echo_back_results(call), size);
    if (data) memset(data, 0x5a, size);
    ww_capnp_call_return(call);
}

static void all(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self);
    ww_capnp_any v = ww_capnp_get_pointer(interop_echo_all_params(call).s, 0);
    ww_capnp_any_b_set_copy(interop_echo_all_results_pointer_v(interop_echo_all_results(call)), v);
    ww_capnp_call_return(call);
}

static void fail_as_told(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self);
    interop_echo_fail_params_r p = interop_echo_fail_params(call);
    ww_view text = interop_echo_fail_params_text(p);
    ww_capnp_call_fail(call, (ww_capnp_exception)interop_echo_fail_params_type(p), "%.*s",
                       WW_VIEW_ARG(text));
}

static void was_canceled(ww_capnp_done *done, ww_capnp_call *call)
{
    factory *f = WW_CONTAINER_OF(done, factory, on_cancel);
    f->canceled++;
    f->never = NULL;
    ww_capnp_call_return(call);
}

static void never(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    f->never = call;
    f->on_cancel.fn = was_canceled;
    ww_capnp_call_on_cancel(call, &f->on_cancel);
}

static void order(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    uint32_t expected = interop_echo_order_params_expected(interop_echo_order_params(call)),
             n = f->count++;
    if (n != expected) {
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "call %u came as %u", expected, n);
        return;
    }
    interop_echo_order_results_set_n(interop_echo_order_results(call), n);
    ww_capnp_call_return(call);
}

static void make(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    ww_capnp_cap *cap;
    factory_found(factory_new(f->vat, f->live, &cap), f->family, f->last_of);
    interop_echo_make_results_set_cap(interop_echo_make_results(call), (interop_echo_cap){cap});
    ww_capnp_cap_unref(cap);
    ww_capnp_call_return(call);
}

static void take(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self);
    interop_echo_take_results(call);
    ww_capnp_call_return(call);
}

static void swap(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self);
    interop_echo_swap_results_set_cap(interop_echo_swap_results(call),
                                      interop_echo_swap_params_cap(interop_echo_swap_params(call)));
    ww_capnp_call_return(call);
}

static void counts(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    interop_factory_counts_results_set_live(interop_factory_counts_results(call),
                                            f->live ? *f->live : 0);
    ww_capnp_call_return(call);
}

static void hold(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    ww_capnp_cap *old = f->held;
    f->held =
        ww_capnp_cap_ref(interop_factory_hold_params_cap(interop_factory_hold_params(call)).cap);
    ww_capnp_cap_unref(old);
    ww_capnp_call_return(call);
}

static void held(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    interop_factory_held_results_set_cap(interop_factory_held_results(call),
                                         (interop_echo_cap){f->held});
    ww_capnp_call_return(call);
}

static void call_held_handler(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    ww_capnp_call *inner;
    uint32_t expected =
        interop_factory_call_held_params_expected(interop_factory_call_held_params(call));
    interop_echo_order_params_set_expected(
        interop_echo_order_begin((interop_echo_cap){f->held}, &inner), expected);
    ww_capnp_call_tail(call, inner);
}

static void settle_promise(factory *f, uint16_t kind, ww_capnp_cap *with)
{
    ww_capnp_cap *own, *taken = f->promise;
    f->promise = NULL;
    switch (kind) {
    case 0:
        factory_found(factory_new(f->vat, f->live, &own), f->family, f->last_of);
        ww_capnp_promise_resolve(taken, own);
        ww_capnp_cap_unref(own);
        break;
    case 1: ww_capnp_promise_resolve(taken, with); break;
    case 2: ww_capnp_promise_resolve(taken, NULL); break;
    case 3: ww_capnp_promise_break(taken, WW_CAPNP_FAILED, "settled badly"); break;
    default: ww_capnp_promise_resolve(taken, f->held); break;
    }
    ww_capnp_cap_unref(taken);
}

static void promise(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    if (f->promise) settle_promise(f, 2, NULL);
    f->promise = ww_capnp_promise_new(f->vat);
    interop_factory_promise_results_set_cap(interop_factory_promise_results(call),
                                            (interop_echo_cap){f->promise});
    ww_capnp_call_return(call);
}

static void settle_later(factory *f, uint16_t kind, ww_capnp_cap *with)
{
    ww_capnp_call *later = f->later;
    f->later = NULL;
    if (kind == 3) {
        ww_capnp_call_fail(later, WW_CAPNP_FAILED, "settled badly");
        return;
    }
    ww_capnp_cap *own = NULL;
    if (kind == 0) factory_found(factory_new(f->vat, f->live, &own), f->family, f->last_of);
    interop_factory_later_results_set_cap(interop_factory_later_results(later),
                                          (interop_echo_cap){kind == 0   ? own
                                                             : kind == 1 ? with
                                                             : kind == 2 ? NULL
                                                                         : f->held});
    ww_capnp_cap_unref(own);
    ww_capnp_call_return(later);
}

static void settle(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    interop_factory_settle_params_r p = interop_factory_settle_params(call);
    uint16_t kind = interop_factory_settle_params_kind(p);
    ww_capnp_cap *with = interop_factory_settle_params_cap(p).cap;
    if (f->promise) settle_promise(f, kind, with);
    if (f->later) settle_later(f, kind, with);
    ww_capnp_call_return(call);
}

static void tail(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self);
    interop_factory_tail_params_r p = interop_factory_tail_params(call);
    ww_capnp_call *inner;
    interop_echo_order_params_set_expected(
        interop_echo_order_begin(interop_factory_tail_params_target(p), &inner),
        interop_factory_tail_params_expected(p));
    ww_capnp_call_tail(call, inner);
}

static void later(ww_capnp_server *self, ww_capnp_call *call)
{
    self_of(self)->later = call;
}

static void early(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    ww_capnp_cap *cap;
    factory_found(factory_new(f->vat, f->live, &cap), f->family, f->last_of);
    f->never = call;
    f->on_cancel.fn = was_canceled;
    ww_capnp_call_on_cancel(call, &f->on_cancel);
    ww_capnp_call_set_pipeline(call, ww_capnp_pipeline_field(ww_capnp_pipeline_of(call), 0), cap);
    ww_capnp_cap_unref(cap);
}

/* ---- the sink ---- */

static void sink_write(ww_capnp_server *self, ww_capnp_call *call)
{
    factory *f = self_of(self);
    if (f->fails_next) {
        f->fails_next = false;
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "the sink is full");
        return;
    }
    f->bytes += interop_sink_write_params_chunk(interop_sink_write_params(call)).size;
    if (f->is_stalled)
        f->stream = call;
    else
        ww_capnp_call_return(call);
}

static void sink_done(ww_capnp_server *self, ww_capnp_call *call)
{
    interop_sink_done_results_set_bytes(interop_sink_done_results(call), self_of(self)->bytes);
    ww_capnp_call_return(call);
}

static void destroy(ww_capnp_server *server);

static void sink(ww_capnp_server *self, ww_capnp_call *call)
{
    static const interop_sink_vt table = {.write = sink_write, .done = sink_done};
    factory *f = self_of(self), *s = calloc(1, sizeof *s);
    s->vat = f->vat;
    factory_found(s, f->family, f->last_of);
    s->is_stalled = f->is_stalled;
    s->fails_next = f->fails_next;
    interop_sink_cap cap = interop_sink_serve(f->vat, &s->server, &table, destroy);
    interop_factory_sink_results_set_sink(interop_factory_sink_results(call), cap);
    ww_capnp_cap_unref(f->held);
    f->held = cap.cap;
    ww_capnp_call_return(call);
}

static void destroy(ww_capnp_server *server)
{
    factory *f = WW_CONTAINER_OF(server, factory, server);
    if (f->live) --*f->live;
    if (f->link) *f->link = f->next;
    if (f->next) f->next->link = f->link;
    ww_capnp_cap_unref(f->held);
    if (f->promise) settle_promise(f, 2, NULL);
    free(f);
}

static const interop_factory_vt FACTORY = {.interop_echo = {.ping = ping,
                                                            .blob = blob,
                                                            .back = back,
                                                            .all = all,
                                                            .fail = fail_as_told,
                                                            .never = never,
                                                            .order = order,
                                                            .make = make,
                                                            .take = take,
                                                            .swap = swap},
                                           .counts = counts,
                                           .hold = hold,
                                           .held = held,
                                           .call_held = call_held_handler,
                                           .promise = promise,
                                           .settle = settle,
                                           .tail = tail,
                                           .sink = sink,
                                           .later = later,
                                           .early = early};

factory *factory_new(ww_capnp_vat *vat, uint32_t *live, ww_capnp_cap **cap)
{
    factory *f = calloc(1, sizeof *f);
    f->vat = vat;
    f->live = live;
    if (live) ++*live;
    *cap = interop_factory_serve(vat, &f->server, &FACTORY, destroy).cap;
    return f;
}

void factory_found(factory *f, factory **family, uint32_t *last_of)
{
    f->family = family;
    f->last_of = last_of;
    if (!family) return;
    f->next = *family;
    f->link = family;
    if (f->next) f->next->link = &f->next;
    *family = f;
}

void factory_part(factory **family)
{
    for (factory *f = *family; f;) {
        ww_capnp_cap *held = f->held;
        f->held = NULL;
        ww_capnp_cap_unref(held);
        f = held ? *family : f->next; /* some may be gone */
    }
}

factory *factory_of(ww_capnp_cap *cap)
{
    ww_capnp_server *server = ww_capnp_cap_server(cap);
    return server ? WW_CONTAINER_OF(server, factory, server) : NULL;
}

/* ---- calls ---- */

static void told(ww_capnp_done *done, ww_capnp_call *call)
{
    waiter *w = WW_CONTAINER_OF(done, waiter, done);
    w->count++;
    w->failed = ww_capnp_call_failed(call);
    w->type = ww_capnp_call_exception(call);
    strcpy(w->reason, ww_capnp_call_reason(call));
    w->n = ww_capnp_get_u64(ww_capnp_any_struct(ww_capnp_call_response(call)), 0);
}

void waiter_init(waiter *w)
{
    memset(w, 0, sizeof *w);
    w->done.fn = told;
}

static ww_capnp_call *sent(ww_capnp_call *call, waiter *w)
{
    if (w) waiter_init(w);
    assert_ok(ww_capnp_call_send(call, w ? &w->done : NULL));
    return call;
}

ww_capnp_call *call_ping(ww_capnp_cap *cap, uint64_t n, waiter *w)
{
    ww_capnp_call *call;
    interop_echo_ping_params_set_n(interop_echo_ping_begin((interop_echo_cap){cap}, &call), n);
    return sent(call, w);
}

ww_capnp_call *call_order(ww_capnp_cap *cap, uint32_t expected, waiter *w)
{
    ww_capnp_call *call;
    interop_echo_order_params_set_expected(interop_echo_order_begin((interop_echo_cap){cap}, &call),
                                           expected);
    return sent(call, w);
}

ww_capnp_call *call_swap(ww_capnp_cap *cap, ww_capnp_cap *with, waiter *w)
{
    ww_capnp_call *call;
    interop_echo_swap_params_set_cap(interop_echo_swap_begin((interop_echo_cap){cap}, &call),
                                     (interop_echo_cap){with});
    return sent(call, w);
}

ww_capnp_call *call_make(ww_capnp_cap *cap, waiter *w)
{
    ww_capnp_call *call;
    interop_echo_make_begin((interop_echo_cap){cap}, &call);
    return sent(call, w);
}

ww_capnp_call *call_hold(ww_capnp_cap *cap, ww_capnp_cap *what, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_hold_params_set_cap(
        interop_factory_hold_begin((interop_factory_cap){cap}, &call), (interop_echo_cap){what});
    return sent(call, w);
}

ww_capnp_call *call_held(ww_capnp_cap *cap, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_held_begin((interop_factory_cap){cap}, &call);
    return sent(call, w);
}

ww_capnp_call *call_call_held(ww_capnp_cap *cap, uint32_t expected, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_call_held_params_set_expected(
        interop_factory_call_held_begin((interop_factory_cap){cap}, &call), expected);
    return sent(call, w);
}

ww_capnp_call *call_promise(ww_capnp_cap *cap, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_promise_begin((interop_factory_cap){cap}, &call);
    return sent(call, w);
}

ww_capnp_call *call_settle(ww_capnp_cap *cap, uint16_t kind, ww_capnp_cap *with, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_settle_params_b p =
        interop_factory_settle_begin((interop_factory_cap){cap}, &call);
    interop_factory_settle_params_set_kind(p, kind);
    interop_factory_settle_params_set_cap(p, (interop_echo_cap){with});
    return sent(call, w);
}

ww_capnp_call *call_never(ww_capnp_cap *cap, ww_capnp_cap *with, waiter *w)
{
    ww_capnp_call *call;
    interop_echo_never_params_set_cap(interop_echo_never_begin((interop_echo_cap){cap}, &call),
                                      (interop_echo_cap){with});
    return sent(call, w);
}

ww_capnp_call *call_later(ww_capnp_cap *cap, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_later_begin((interop_factory_cap){cap}, &call);
    return sent(call, w);
}

ww_capnp_call *call_early(ww_capnp_cap *cap, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_early_begin((interop_factory_cap){cap}, &call);
    return sent(call, w);
}

ww_capnp_call *call_tail(ww_capnp_cap *cap, ww_capnp_cap *target, uint32_t expected, waiter *w)
{
    ww_capnp_call *call;
    interop_factory_tail_params_b p = interop_factory_tail_begin((interop_factory_cap){cap}, &call);
    interop_factory_tail_params_set_target(p, (interop_echo_cap){target});
    interop_factory_tail_params_set_expected(p, expected);
    return sent(call, w);
}

ww_capnp_call *call_fail(ww_capnp_cap *cap, uint16_t type, const char *text, waiter *w)
{
    ww_capnp_call *call;
    interop_echo_fail_params_b p = interop_echo_fail_begin((interop_echo_cap){cap}, &call);
    interop_echo_fail_params_set_type(p, type);
    interop_echo_fail_params_set_text(p, ww_view_str(text));
    return sent(call, w);
}

ww_capnp_cap *result_cap(ww_capnp_call *call)
{
    return ww_capnp_pipeline_cap(ww_capnp_pipeline_field(ww_capnp_pipeline_of(call), 0));
}
