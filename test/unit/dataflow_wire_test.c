/* Values in wire form, and envelopes from one engine to another. Golden bytes were written by an
 * engine of the other project. */
#include "support/flow.h"
#include <stdio.h>

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return size;
}

static void value__golden_bytes__decode_and_encode_identically(void **state)
{
    (void)state;
    static const struct {
        ww_flow_value_type type;
        const char *hex;
    } cases[] = {
        {WW_FLOW_TRIGGER, ""},
        {WW_FLOW_PEER_ID, "0a0000000000000000080000000000000001"},
        {WW_FLOW_PEER_ID_VEC, "01000000000000000a0000000000000000080000000000000001"},
        {WW_FLOW_TIMESTAMP, "00ca9a3b00000000"},
        {WW_FLOW_WIRE_REQ_ID, "4d00000000000000"},
        {WW_FLOW_ADDRESS,
         "02000000000000000200000003000000030000000800000000000000416e6e6f756e6365"},
        {WW_FLOW_ADDRESS_VEC, "0000000000000000"},
        {WW_FLOW_BYTES, "0300000000000000616263"},
        {WW_FLOW_COMPOSITE, "03000000000000003d290ac10c33821d0a0000000000000002000000000000006162a0"
                            "5c41934aec08f4000000000000"
                            "0000f2ae60f47d30569e08000000000000000100000000000000"},
        {WW_FLOW_FLOATS, "02000000000000000000803f0000003f"},
        {WW_FLOW_TENSOR, "0102000000000000000200000000000000030000000000000006000000000000000000000"
                         "00000803f0000004000004040"
                         "000080400000a040020000000000000002000000000000000300000000000000"},
        {WW_FLOW_TENSOR, "0100000000000000000100000000000000000020400000000000000000"},
    };
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        uint8_t bytes[256];
        ww_view wire = ww_view_of(bytes, from_hex(cases[i].hex, bytes));
        ww_flow_value value;
        ww_buf again;
        ww_buf_init(&again, ww_allocator_libc(), 1024);
        assert_ok(ww_flow_value_decode(ww_allocator_libc(), cases[i].type, wire, &value, NULL));
        assert_ok(ww_flow_value_encode(&value, &again));
        assert_true(ww_view_equal(ww_buf_view(&again), wire));
        ww_flow_value_unref(value);
        ww_buf_deinit(&again);
        for (size_t cut = 0; cut < wire.size; cut++) {
            assert_int_equal(ww_flow_value_decode(ww_allocator_libc(), cases[i].type,
                                                  ww_view_of(bytes, cut), &value, NULL),
                             WW_E_INVALID);
        }
    }
}

static void value__tensor_with_huge_dimensions__is_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    ww_flow_value value;
    size_t size =
        from_hex("010200000000000000ffffffffffffffffffffffffffffffff0100000000000000", bytes);
    assert_int_equal(ww_flow_value_decode(ww_allocator_libc(), WW_FLOW_TENSOR,
                                          ww_view_of(bytes, size), &value, NULL),
                     WW_E_INVALID);
}

static const char peer_a[] = "\0\x08\0\0\0\0\0\0\0\x01", peer_b[] = "\0\x08\0\0\0\0\0\0\0\x02";

/* Polls once and returns the first step of that kind; its bytes live until the next poll. */
static ww_flow_step poll_for(flow_fixture *f, ww_flow_step_kind kind)
{
    ww_flow_step steps[32];
    size_t count;
    assert_ok(ww_dataflow_poll(f->flow, f->now, steps, WW_COUNT_OF(steps), &count));
    for (size_t i = 0; i < count; i++)
        if (steps[i].kind == kind) return steps[i];
    fail_msg("no step of kind %d", (int)kind);
    return steps[0];
}

/* The site of the receiver is the first of its graph: /site/0. */
static const char sender[] = "module S\nbody (x, p: peer_id) > (sent)\n"
                             "  sent, id = wire.Send(x, p) deadline_ns=50\n";
static const char receiver[] = "module R\nbody (unused) > (got, from)\n"
                               "  got, from = wire.Recv()\n";

static void invoke_sender(flow_fixture *f)
{
    uint64_t exec;
    ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("x"), WW_VIEW_LITERAL("hello")},
                                   {WW_VIEW_LITERAL("p"), ww_view_of(peer_b, 10)}};
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("S"), inputs, 2, &exec, NULL));
}

static void send__to_a_peer__makes_one_envelope_and_times_out_without_an_answer(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    assert_ok(flow_install(&f, sender, "S", NULL));
    invoke_sender(&f);
    ww_flow_step step = poll_for(&f, WW_FLOW_STEP_SEND);
    assert_memory_equal(step.wire.peer.data, peer_b, 10);
    assert_int_equal(step.wire.id, 0);
    f.now = 50;
    assert_string_equal(flow_run(&f), "timeout 0\n");
    flow_deinit(&f);
}

static void receive__fill_for_a_site__writes_payload_and_sender(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    assert_ok(flow_install(&f, receiver, "R", NULL));
    /* fills { suffix /site/0, payload bytes "abc", hash of bytes } */
    uint8_t envelope[128];
    size_t size = from_hex("1224"
                           "0a0ae2010000000000000000"
                           "120b0300000000000000616263"
                           "20bdd2a888cce18cc11d"
                           "3801",
                           envelope);
    envelope[1] = (uint8_t)(size - 4);
    assert_ok(ww_dataflow_inbound(f.flow, ww_view_of(peer_a, 10), ww_view_of(envelope, size),
                                  ww_view_of(NULL, 0), NULL));
    const char *log = flow_run(&f);
    assert_non_null(strstr(log, "emit got \"abc\"\n"));
    assert_non_null(strstr(log, "emit from "));
    assert_ok(ww_dataflow_block_peer(f.flow, ww_view_of(peer_a, 10), true));
    assert_ok(ww_dataflow_inbound(f.flow, ww_view_of(peer_a, 10), ww_view_of(envelope, size),
                                  ww_view_of(NULL, 0), NULL));
    poll_for(&f, WW_FLOW_STEP_PEER_BLOCKED);
    flow_deinit(&f);
}

static void receive__unknown_site_or_hash__is_reported_and_other_fills_are_delivered(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    assert_ok(flow_install(&f, receiver, "R", NULL));
    uint8_t envelope[128];
    size_t size = from_hex("120c0a0ae2010000000000000063" /* /site/99 */
                           "12100a0ae20100000000000000001800"
                           "2005" /* an unknown hash */
                           "120e0a0ae20100000000000000001801",
                           envelope); /* a trigger */
    assert_ok(ww_dataflow_inbound(f.flow, ww_view_of(peer_a, 10), ww_view_of(envelope, size),
                                  ww_view_of(NULL, 0), NULL));
    ww_flow_step steps[32];
    size_t count;
    uint32_t failed = 0, events = 0;
    assert_ok(ww_dataflow_poll(f.flow, 0, steps, WW_COUNT_OF(steps), &count));
    for (size_t i = 0; i < count; i++) {
        failed += steps[i].kind == WW_FLOW_STEP_WIRE_RECEIVE_FAILED;
        events += steps[i].kind == WW_FLOW_STEP_APP_EVENT;
    }
    assert_int_equal(failed, 2);
    assert_int_equal(events, 2);
    flow_deinit(&f);
}

static void inbound__malformed_envelopes__are_refused_with_the_offset(void **state)
{
    (void)state;
    static flow_fixture f;
    flow_init(&f);
    static const char *const cases[] = {"12ff", "3802", "1003", "12030a0501", "08"};
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        uint8_t bytes[16];
        ww_diag diag = {0};
        ww_view envelope = ww_view_of(bytes, from_hex(cases[i], bytes));
        assert_int_equal(ww_dataflow_inbound(f.flow, ww_view_of(peer_a, 10), envelope,
                                             ww_view_of(NULL, 0), &diag),
                         WW_E_INVALID);
        assert_non_null(strstr(diag.text, "InvalidEnvelope: offset "));
    }
    flow_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(value__golden_bytes__decode_and_encode_identically,
                                  flow_teardown),
        cmocka_unit_test_teardown(value__tensor_with_huge_dimensions__is_refused, flow_teardown),
        cmocka_unit_test_teardown(
            send__to_a_peer__makes_one_envelope_and_times_out_without_an_answer, flow_teardown),
        cmocka_unit_test_teardown(receive__fill_for_a_site__writes_payload_and_sender,
                                  flow_teardown),
        cmocka_unit_test_teardown(
            receive__unknown_site_or_hash__is_reported_and_other_fills_are_delivered,
            flow_teardown),
        cmocka_unit_test_teardown(inbound__malformed_envelopes__are_refused_with_the_offset,
                                  flow_teardown),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
