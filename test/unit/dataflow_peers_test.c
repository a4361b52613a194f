/* Engines that send to each other, and what they learn of each other's health. Time is a number of
 * the test. */
#include "dataflow/wire.h"
#include "support/flow.h"

static const char id_a[] = "\0\x08\0\0\0\0\0\0\0\x01", id_b[] = "\0\x08\0\0\0\0\0\0\0\x02";
static const uint64_t second = 1000000000;

#define PEER_A  ww_view_of(id_a, 10)
#define PEER_B  ww_view_of(id_b, 10)
#define NOTHING ww_view_of(NULL, 0)

/* Two partitions of one program: what the first sends, the second receives. */
static const char program[] =
    "module A\nbody (x, p: peer_id) > (sent)\n"
    "  sent, id = wire.Send(x, p) deadline_ns=5000000000 !dest_site_name.x=\"got\"\n"
    "module B\nbody (unused) > (got, from)\n  got, from = wire.Recv()\n";

typedef struct pair {
    flow_fixture a, b;
} pair;

static void pair_init(pair *p, const char *text, const char *of_a, const char *of_b)
{
    flow_init(&p->a);
    flow_init(&p->b);
    assert_ok(flow_install(&p->a, text, of_a, NULL));
    assert_ok(flow_install(&p->b, text, of_b, NULL));
}

static void pair_deinit(pair *p)
{
    flow_deinit(&p->a);
    flow_deinit(&p->b);
}

/* Polls `from` and hands what it sends to `to`; returns how many envelopes that were. */
static uint32_t relay(flow_fixture *from, flow_fixture *to, ww_view from_id)
{
    ww_flow_step steps[64];
    size_t count;
    uint32_t sent = 0;
    assert_ok(ww_dataflow_poll(from->flow, from->now, steps, WW_COUNT_OF(steps), &count));
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind != WW_FLOW_STEP_SEND) continue;
        assert_ok(ww_dataflow_inbound(to->flow, from_id, steps[i].wire.bytes, NOTHING, NULL));
        sent++;
    }
    return sent;
}

static void send_x(flow_fixture *f, const char *module, ww_view peer)
{
    uint64_t exec;
    ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("x"), WW_VIEW_LITERAL("hello")},
                                   {WW_VIEW_LITERAL("p"), peer}};
    assert_ok(ww_dataflow_invoke(f->flow, ww_view_str(module), inputs, 2, &exec, NULL));
}

static ww_dataflow_peer peer_of(flow_fixture *f)
{
    ww_dataflow_peer peer;
    assert_true(ww_dataflow_peer_at(f->flow, 0, &peer));
    return peer;
}

static void empty_envelope(flow_fixture *f, ww_view from)
{
    assert_ok(ww_dataflow_inbound(f->flow, from, WW_VIEW_LITERAL("\x38\x01"), NOTHING, NULL));
}

/* --- sending ---------------------------------------------------------------------------------- */

static void send__recv_of_another_partition__is_found_by_name(void **state)
{
    (void)state;
    static const char *const installs[][2] = {{"A", "B"}, {"A B", "A B"}, {"B A", "B A"}};
    for (size_t i = 0; i < WW_COUNT_OF(installs); i++) {
        static pair p;
        pair_init(&p, program, installs[i][0], installs[i][1]);
        send_x(&p.a, "A", PEER_B);
        assert_int_equal(relay(&p.a, &p.b, PEER_A), 1);
        const char *log = flow_run(&p.b);
        assert_non_null(strstr(log, "emit got \"hello\"\n"));
        assert_non_null(strstr(log, "emit from "));
        pair_deinit(&p);
    }
}

static void send__recv_names_the_send__is_found_by_that(void **state)
{
    (void)state;
    static pair p;
    pair_init(&p,
              "module A\nbody (x, p: peer_id) > (sent)\n  sent, id = wire.Send(x, p)\n"
              "module B\nbody (unused) > (got)\n  other = Pulse()\n"
              "  got, from = wire.Recv() !synthesized_from_send=\"sent\"\n",
              "A", "B");
    send_x(&p.a, "A", PEER_B);
    relay(&p.a, &p.b, PEER_A);
    assert_non_null(strstr(flow_run(&p.b), "emit got \"hello\"\n"));
    pair_deinit(&p);
}

static void send__two_payloads_and_a_gate__is_one_envelope(void **state)
{
    (void)state;
    static pair p;
    pair_init(&p,
              "module A\nbody (x, p: peer_id)\n  y = PassThrough(x)\n  g = OnTrigger(x)\n"
              "  s, id = wire.Send(x, y, p, g) !dest_site_name.x=\"one\" !dest_site_name.y=\"two\""
              " ai.bytesandbrains.trigger_only.y=1\n"
              "module B\nbody (unused) > (one, two)\n  one, f = wire.Recv()\n"
              "  two, g = wire.Recv()\n",
              "A", "B");
    send_x(&p.a, "A", PEER_B);
    assert_int_equal(relay(&p.a, &p.b, PEER_A), 1);
    const char *log = flow_run(&p.b);
    assert_non_null(strstr(log, "emit one \"hello\"\n"));
    assert_non_null(strstr(log, "emit two \"\"\n"));
    pair_deinit(&p);
}

static void receive__value_of_another_type_than_declared__is_refused(void **state)
{
    (void)state;
    static pair p;
    pair_init(&p,
              "module A\nbody (x, p: peer_id)\n  s, id = wire.Send(x, p) !dest_site_name.x=\"t\"\n"
              "module B\nbody (unused)\n  t: tensor, f = wire.Recv()\n  AppEmit(t) name=\"no\"\n",
              "A", "B");
    send_x(&p.a, "A", PEER_B);
    relay(&p.a, &p.b, PEER_A);
    ww_flow_step steps[32];
    size_t count;
    assert_ok(ww_dataflow_poll(p.b.flow, 0, steps, WW_COUNT_OF(steps), &count));
    assert_int_equal(steps[0].kind, WW_FLOW_STEP_WIRE_RECEIVE_FAILED);
    assert_view_is(steps[0].wire.detail, "TypeMismatch");
    pair_deinit(&p);
}

/* --- round trips ------------------------------------------------------------------------------ */

static void request__answered__is_measured_and_does_not_time_out(void **state)
{
    (void)state;
    static pair p;
    pair_init(&p, program, "A", "B");
    send_x(&p.a, "A", PEER_B);
    relay(&p.a, &p.b, PEER_A);
    p.a.now = 1000;
    assert_int_equal(relay(&p.b, &p.a, PEER_B), 1); /* the answer, without a payload */
    flow_run(&p.a);
    assert_int_equal(peer_of(&p.a).rtt_ns, 1000);
    assert_int_equal(peer_of(&p.a).rtt_samples, 1);
    p.a.now = 6 * second;
    assert_null(strstr(flow_run(&p.a), "timeout"));
    assert_int_equal(relay(&p.a, &p.b, PEER_A), 0); /* answers are not answered */
    pair_deinit(&p);
}

static void request__sent_to_two_peers__each_answers_for_itself(void **state)
{
    (void)state;
    static pair p;
    pair_init(&p,
              "module A\nbody (x, p: peer_id_vec)\n"
              "  s, id = wire.Send(x, p) deadline_ns=50 !dest_site_name.x=\"got\"\n"
              "module B\nbody (unused) > (got)\n  got, f = wire.Recv()\n",
              "A", "B");
    uint8_t both[8 + 2 * 18] = {2};
    for (int i = 0; i < 2; i++) {
        both[8 + 18 * i] = 10;
        memcpy(both + 16 + 18 * i, i ? id_a : id_b, 10);
    }
    send_x(&p.a, "A", ww_view_of(both, sizeof both));
    assert_int_equal(relay(&p.a, &p.b, PEER_A), 2);
    assert_true(relay(&p.b, &p.a, PEER_B) >= 1);
    flow_run(&p.a);
    p.a.now = 50;
    assert_string_equal(flow_run(&p.a), "timeout 0\n");
    pair_deinit(&p);
}

/* What the envelope says of its field `number`: the value, or that of a nested message's field. */
static uint64_t field_of(ww_view envelope, uint32_t number, uint32_t nested)
{
    df_reader r = df_reader_of(envelope);
    for (df_field field; df_next(&r, &field);) {
        if (field.number != number) continue;
        if (!nested) return field.value;
        df_reader inner = df_reader_of(field.bytes);
        for (df_field in; df_next(&inner, &in);)
            if (in.number == nested) return in.value;
    }
    return 0;
}

static const char chain[] =
    "module A\nbody (x, p: peer_id)\n"
    "  s, id = wire.Send(x, p) !dest_site_name.x=\"got\" !wire.chain_id=\"7\""
    " !wire.chain_hop_index=\"0\" !wire.chain_depth=\"2\"\n"
    "module B\nbody (unused)\n  got, f = wire.Recv()\n"
    "  s, id = wire.Send(got, f) !dest_site_name.got=\"back\"\n"
    "module C\nbody (unused) > (back)\n  back, f = wire.Recv()\n";

/* One trip that takes a millisecond; returns the time that the sender gave. */
static uint64_t trip(pair *p, uint64_t *reported_samples)
{
    ww_flow_step steps[64];
    size_t count;
    uint64_t given = 0;
    send_x(&p->a, "A", PEER_B);
    assert_ok(ww_dataflow_poll(p->a.flow, p->a.now, steps, WW_COUNT_OF(steps), &count));
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind != WW_FLOW_STEP_SEND) continue;
        given = field_of(steps[i].wire.bytes, 4, 0);
        *reported_samples = field_of(steps[i].wire.bytes, 5, 6);
        assert_ok(ww_dataflow_inbound(p->b.flow, PEER_A, steps[i].wire.bytes, NOTHING, NULL));
    }
    p->a.now += 1000000;
    relay(&p->b, &p->a, PEER_B);
    flow_run(&p->a);
    return given;
}

static void chain__hops_measured_three_times__shorten_the_time_given(void **state)
{
    (void)state;
    static pair p;
    uint64_t samples;
    pair_init(&p, chain, "A C", "B");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(trip(&p, &samples), 200000000); /* 100 ms for each of two hops */
        assert_int_equal(samples, 0);
    }
    /* one millisecond and four deviations, which began at half of it and shrank by a quarter twice
     */
    uint64_t deviation = 500000 - 125000;
    deviation -= deviation / 4;
    assert_int_equal(trip(&p, &samples), 100000000 + 1000000 + 4 * deviation);
    assert_int_equal(samples, 3);
    flow_restart(&p.a, 77);
    trip(&p, &samples);
    assert_int_equal(samples, 4);
    pair_deinit(&p);
}

static void chain__time_of_the_sender_is_over__nothing_more_is_sent(void **state)
{
    (void)state;
    static pair p;
    pair_init(&p,
              "module A\nbody (x, p: peer_id)\n"
              "  s, id = wire.Send(x, p) deadline_ns=50 !dest_site_name.x=\"got\"\n"
              "module B\nbody (unused)\n  got, f = wire.Recv()\n  t = After(f) delay_ns=100\n"
              "  s, id = wire.Send(got, f, t) !dest_site_name.got=\"got\"\n",
              "A", "B");
    send_x(&p.a, "A", PEER_B);
    relay(&p.a, &p.b, PEER_A);
    flow_run(&p.b);
    flow_restart(&p.b, 30);
    p.b.now = 130;
    assert_non_null(strstr(flow_run(&p.b), " Timeout chain_timeout\n"));
    pair_deinit(&p);
}

/* --- calls of components ---------------------------------------------------------------------- */

static const char store[] = "module M\nbind store Index FlatIndex\nbind data DataSource Loader\n"
                            "body (q: tensor) > (h)\n  h = index.Search(q) k=1 @store\n"
                            "bootstrap ()\n  a, b = data_source.NextBatch() @data\n"
                            "  c = index.Add(a) @store\n";

/* { suffix /component/N/op/Trai?, payload "abc" }, a request with number 9 */
static ww_view control(uint8_t component, char last)
{
    static uint8_t bytes[64];
    const uint8_t envelope[] = {0x12,      23,   0x0a, 14,  0xe3, 0x01, 0,    0,    0,
                                component, 0xe4, 0x01, 5,   'T',  'r',  'a',  'i',  (uint8_t)last,
                                0x12,      3,    'a',  'b', 'c',  0x18, 0x00, 0x1a, 4,
                                8,         1,    16,   9};
    memcpy(bytes, envelope, sizeof envelope);
    return ww_view_of(bytes, sizeof envelope);
}

static void control__call_of_a_component__runs_with_payload_and_request(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    assert_ok(flow_install(&f, store, "M", NULL));
    assert_ok(ww_dataflow_inbound(f.flow, PEER_A, control(0, 'n'), NOTHING, NULL));
    /* the store wants floats and is given bytes: it has been called with them */
    assert_string_equal(flow_run(&f), "fail -1.0 x0 ExecutionFailed stateless_invoke\nsend 8\n");
    assert_int_equal(f.calls, 1);
    assert_int_equal(ww_dataflow_stats_of(f.flow).ingress_bytes, 0);
    assert_ok(ww_dataflow_inbound(f.flow, PEER_A, control(9, 'n'), NOTHING, NULL));
    assert_ok(ww_dataflow_inbound(f.flow, PEER_A, control(0, 'm'), NOTHING, NULL));
    flow_run(&f);
    assert_int_equal(f.calls, 1);
    flow_deinit(&f);
}

static void control__component_is_locked__waits_even_over_a_restart(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    f.loader_later = true;
    assert_ok(flow_install(&f, store, "M", NULL));
    assert_ok(flow_arm(&f));
    flow_run(&f);
    uint32_t calls = f.calls;
    assert_ok(ww_dataflow_inbound(f.flow, PEER_A, control(0, 'n'), NOTHING, NULL));
    flow_run(&f);
    assert_int_equal(f.calls, calls);
    assert_int_equal(ww_dataflow_stats_of(f.flow).held, 1);
    assert_int_equal(ww_dataflow_stats_of(f.flow).ingress_bytes, 3);
    flow_restart(&f, 0);
    flow_run(&f);
    assert_int_equal(f.calls, calls + 1);
    assert_int_equal(ww_dataflow_stats_of(f.flow).ingress_bytes, 0);
    flow_deinit(&f);
}

/* --- silence ---------------------------------------------------------------------------------- */

static const char watcher[] =
    "module W\nbody (unused)\n"
    "  s = EventSource() kind=\"PeerSuspect\"\n"
    "  AppNotify(s) name=\"suspect\"\n"
    "  d = EventSource() kind=\"PeerDown\"\n  AppNotify(d) name=\"down\"\n"
    "  l = EventSource() kind=\"PeerLive\"\n  AppNotify(l) name=\"live\"\n"
    "  n = EventSource() kind=\"BackoffNoticeSent\"\n"
    "  AppNotify(n) name=\"notice\"\n"
    "  q = EventSource() kind=\"SilentDropActive\"\n"
    "  AppNotify(q) name=\"silent\"\n";

/* A second between any two. */
static void hear_regularly(flow_fixture *f, int times)
{
    for (int i = 0; i < times; i++) {
        f->now += second;
        empty_envelope(f, PEER_B);
        flow_run(f);
    }
}

static void silence__of_a_regular_peer__is_suspected_then_down_then_live(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    assert_ok(flow_install(&f, watcher, "W", NULL));
    hear_regularly(&f, 40);
    assert_true(peer_of(&f).phi < 1);
    uint64_t heard = f.now;
    uint64_t due = ww_dataflow_next_time(f.flow);
    assert_true(due > heard + 3 * second && due < heard + 4 * second);
    f.now = due - 1;
    assert_string_equal(flow_run(&f), "");
    assert_true(peer_of(&f).phi < 5.05 && !peer_of(&f).suspect);
    f.now = due;
    assert_non_null(strstr(flow_run(&f), "emit suspect"));
    assert_true(peer_of(&f).phi > 4.95 && peer_of(&f).suspect);
    flow_restart(&f, 1000);
    f.now += ww_dataflow_next_time(f.flow) - f.now;
    const char *log = flow_run(&f);
    assert_non_null(strstr(log, "step 14\n")); /* PEER_DOWN */
    assert_non_null(strstr(log, "emit down"));
    assert_true(peer_of(&f).phi > 7.9 && peer_of(&f).down);
    f.now += 60 * second;
    empty_envelope(&f, PEER_B);
    log = flow_run(&f);
    assert_non_null(strstr(log, "step 15\n")); /* PEER_UP */
    assert_non_null(strstr(log, "emit live"));
    flow_deinit(&f);
}

static void silence__of_a_peer_without_a_habit__means_nothing(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    assert_ok(flow_install(&f, watcher, "W", NULL));
    for (int i = 0; i < 50; i++) { /* a burst is one sign of life */
        f.now += 1000;
        empty_envelope(&f, PEER_B);
        flow_run(&f);
    }
    assert_int_equal(ww_dataflow_next_time(f.flow), UINT64_MAX);
    assert_true(peer_of(&f).phi == 0);
    flow_deinit(&f);
}

static void failures__five_in_a_row__are_down_with_one_try_a_minute(void **state)
{
    (void)state;
    static const char *const asked[] = {"fail 0.0", "done 0.0", "fail 0.0"};
    const uint64_t pause[] = {0, 60 * second, 59 * second};
    static flow_fixture f;
    ww_view peer = WW_VIEW_LITERAL("\x12\x04wxyz");
    flow_init(&f);
    assert_ok(flow_install(&f,
                           "module M\nbody (x) > (y)\n"
                           "  g = PeerHealthGateTx(x) peer=\"\x12\x04wxyz\"\n  y = Gate(x, g)\n",
                           "M", NULL));
    for (uint64_t i = 0; i < 5; i++)
        ww_dataflow_send_failed(f.flow, 100 + i, peer);
    assert_string_equal(flow_run(&f), "step 14\n"); /* PEER_DOWN */
    assert_true(peer_of(&f).down);
    assert_int_equal(peer_of(&f).backoff_ns, 160000000); /* 10 ms, doubled four times */
    for (size_t i = 0; i < WW_COUNT_OF(asked); i++) {
        f.now += pause[i];
        assert_ok(
            ww_dataflow_event(f.flow, WW_VIEW_LITERAL("M"), WW_VIEW_LITERAL("x"), NOTHING, NULL));
        assert_non_null(strstr(flow_run(&f), asked[i]));
    }
    flow_deinit(&f);
}

/* --- who is heard ----------------------------------------------------------------------------- */

static void allowlist__others__are_blocked_even_after_a_restart(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    empty_envelope(&f, PEER_A);
    assert_string_equal(flow_run(&f), "");
    assert_ok(ww_dataflow_set_allowlist(f.flow, (ww_view[]){PEER_B}, 1));
    flow_restart(&f, 0);
    empty_envelope(&f, PEER_A);
    assert_string_equal(flow_run(&f), "step 13\n"); /* PEER_BLOCKED */
    empty_envelope(&f, PEER_B);
    assert_string_equal(flow_run(&f), "");
    assert_ok(ww_dataflow_set_allowlist(f.flow, NULL, 0));
    empty_envelope(&f, PEER_A);
    assert_string_equal(flow_run(&f), "");
    assert_int_equal(ww_dataflow_set_allowlist(f.flow, (ww_view[]){NOTHING}, 1), WW_E_INVALID);
    flow_deinit(&f);
}

static void addresses__of_this_node__are_told_and_remembered(void **state)
{
    (void)state;
    static pair p;
    pair_init(&p, program, "A", "B");
    ww_view addresses[] = {WW_VIEW_LITERAL("\xe4\x01\x02hi"),
                           WW_VIEW_LITERAL("\xe3\x01\0\0\0\x05")};
    assert_ok(ww_dataflow_set_addresses(p.a.flow, addresses, 2));
    assert_int_equal(ww_dataflow_set_addresses(p.a.flow, (ww_view[]){WW_VIEW_LITERAL("x")}, 1),
                     WW_E_INVALID);
    assert_int_equal(ww_dataflow_set_addresses(p.a.flow, addresses, 9), WW_E_LIMIT);
    send_x(&p.a, "A", PEER_B);
    relay(&p.a, &p.b, PEER_A);
    flow_run(&p.b);
    ww_view known = peer_of(&p.b).addresses;
    assert_true(known.size > 8);
    assert_int_equal(ww_le64(known.data), 2);
    pair_deinit(&p);
}

static void modules__installed__are_listed_with_their_bootstraps(void **state)
{
    (void)state;
    static flow_fixture f;
    ww_dataflow_module module;
    flow_init(&f);
    assert_ok(flow_install(&f, program, "A", NULL));
    assert_ok(flow_install(&f, store, "M", NULL));
    assert_true(ww_dataflow_module_at(f.flow, 0, &module));
    assert_true(ww_view_starts(module.name, "A#"));
    assert_int_equal(module.bootstrap, WW_BOOTSTRAP_NONE);
    assert_true(ww_dataflow_module_at(f.flow, 1, &module));
    assert_true(ww_view_starts(module.name, "M#"));
    assert_int_equal(module.bootstrap, 0);
    assert_false(ww_dataflow_module_at(f.flow, 2, &module));
    flow_deinit(&f);
}

/* --- back-pressure ---------------------------------------------------------------------------- */

static void pressure__inbox_three_quarters_full__asks_thrice_and_then_listens_no_more(void **state)
{
    (void)state;
    static flow_fixture f, other;
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    limits.inbox_max = 8;
    flow_init_with(&f, &limits);
    flow_init(&other);
    f.loader_later = true;
    assert_ok(flow_install(&f, store, "M", NULL));
    assert_ok(flow_install(&f, watcher, "W", NULL));
    assert_ok(flow_arm(&f));
    flow_run(&f);
    for (int i = 0; i < 6; i++) /* held back by the bootstrap */
        assert_ok(ww_dataflow_event(f.flow, WW_VIEW_LITERAL("M"), WW_VIEW_LITERAL("q"),
                                    WW_VIEW_LITERAL("1234"), NULL));
    flow_run(&f);
    empty_envelope(&f, PEER_B);
    empty_envelope(&f, PEER_B); /* within a second: no second notice */
    assert_int_equal(relay(&f, &other, PEER_A), 1);
    flow_run(&other);
    assert_int_equal(peer_of(&other).backoff_ns, second);
    for (int i = 0; i < 2; i++) {
        f.now += 2 * second;
        empty_envelope(&f, PEER_B);
        assert_int_equal(relay(&f, &other, PEER_A), 1);
    }
    flow_run(&other);
    assert_int_equal(peer_of(&other).backoff_ns, 4 * second);
    f.now += 2 * second;
    assert_ok(ww_dataflow_inbound(f.flow, PEER_B, control(0, 'n'), NOTHING, NULL));
    assert_int_equal(relay(&f, &other, PEER_A), 0); /* not even answered */
    assert_int_equal(ww_dataflow_stats_of(f.flow).held, 6);
    assert_ok(ww_dataflow_fail(f.flow, f.command, WW_VIEW_LITERAL("done")));
    flow_run(&f);
    assert_int_equal(ww_dataflow_stats_of(f.flow).held, 0);
    assert_ok(ww_dataflow_inbound(f.flow, PEER_B, control(0, 'n'), NOTHING, NULL));
    assert_int_equal(relay(&f, &other, PEER_A), 1); /* there is room again */
    flow_deinit(&f);
    flow_deinit(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(send__recv_of_another_partition__is_found_by_name, flow_teardown),
        cmocka_unit_test_teardown(send__recv_names_the_send__is_found_by_that, flow_teardown),
        cmocka_unit_test_teardown(send__two_payloads_and_a_gate__is_one_envelope, flow_teardown),
        cmocka_unit_test_teardown(receive__value_of_another_type_than_declared__is_refused,
                                  flow_teardown),
        cmocka_unit_test_teardown(request__answered__is_measured_and_does_not_time_out,
                                  flow_teardown),
        cmocka_unit_test_teardown(request__sent_to_two_peers__each_answers_for_itself,
                                  flow_teardown),
        cmocka_unit_test_teardown(chain__hops_measured_three_times__shorten_the_time_given,
                                  flow_teardown),
        cmocka_unit_test_teardown(chain__time_of_the_sender_is_over__nothing_more_is_sent,
                                  flow_teardown),
        cmocka_unit_test_teardown(control__call_of_a_component__runs_with_payload_and_request,
                                  flow_teardown),
        cmocka_unit_test_teardown(control__component_is_locked__waits_even_over_a_restart,
                                  flow_teardown),
        cmocka_unit_test_teardown(silence__of_a_regular_peer__is_suspected_then_down_then_live,
                                  flow_teardown),
        cmocka_unit_test_teardown(silence__of_a_peer_without_a_habit__means_nothing, flow_teardown),
        cmocka_unit_test_teardown(failures__five_in_a_row__are_down_with_one_try_a_minute,
                                  flow_teardown),
        cmocka_unit_test_teardown(
            pressure__inbox_three_quarters_full__asks_thrice_and_then_listens_no_more,
            flow_teardown),
        cmocka_unit_test_teardown(allowlist__others__are_blocked_even_after_a_restart,
                                  flow_teardown),
        cmocka_unit_test_teardown(addresses__of_this_node__are_told_and_remembered, flow_teardown),
        cmocka_unit_test_teardown(modules__installed__are_listed_with_their_bootstraps,
                                  flow_teardown),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
