/* Snapshots with a checksum that fits: what is restored is polled, and its own snapshot must
 * restore again. */
#include "base/names.h"
#include "flow_use.h"
#include <stdlib.h>

enum { HEAD = 16, STEPS = 16, POLLS = 20 };

static ww_status save(void *self, ww_buf *state, ww_diag *diag)
{
    (void)self;
    (void)diag;
    return ww_buf_append_byte(state, 's');
}

static ww_status restore(const ww_flow_component_type *type, ww_view slot, ww_view config,
                         ww_view state, void **self, ww_diag *diag)
{
    (void)type;
    (void)slot;
    (void)config;
    *self = NULL;
    return ww_view_is(state, "s") ? WW_OK : ww_fail(diag, WW_E_INVALID, "no such state");
}

static const ww_flow_component_type store = {.name = "S",
                                             .role = WW_FLOW_ROLE_INDEX,
                                             .calls.functions = {use, use, use, use},
                                             .save = save,
                                             .restore = restore,
                                             .bootstrap = use};
static const ww_flow_component_type loader = {
    .name = "L", .role = WW_FLOW_ROLE_DATA_SOURCE, .calls.functions = {use, use, use}};
static const ww_flow_component_type *const types[] = {&store, &loader};

static void poll(ww_dataflow *flow, uint64_t now)
{
    ww_flow_step steps[STEPS];
    size_t count;
    for (uint64_t i = 0; i < POLLS; i++) {
        ww_status status = ww_dataflow_poll(flow, now + i * 1000000, steps, STEPS, &count);
        if (status == WW_OK && !count) return;
    }
}

static ww_status open_snapshot(ww_view snapshot, uint64_t now, ww_dataflow **flow)
{
    ww_dataflow_config config = {.allocator = ww_allocator_libc(),
                                 .limits = ww_dataflow_limits_edge(),
                                 .seed = {1, 2},
                                 .types = types,
                                 .type_count = WW_COUNT_OF(types)};
    ww_diag diag;
    return ww_dataflow_restore(&config, snapshot, now, flow, &diag);
}

static void again(ww_dataflow *flow, uint64_t now)
{
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), SIZE_MAX);
    ww_status status = ww_dataflow_snapshot(flow, &out, NULL);
    ww_dataflow_free(flow);
    if (!status) {
        if (open_snapshot(ww_buf_view(&out), now, &flow)) abort();
        ww_dataflow_free(flow);
    }
    ww_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t no_key[2] = {0, 0};
    uint8_t head[HEAD] = "ww-flow\1";
    ww_put_le64(head + 8, ww_siphash13(no_key, ww_view_of(data, size)));
    ww_buf snapshot;
    ww_buf_init(&snapshot, ww_allocator_libc(), SIZE_MAX);
    if (ww_buf_append(&snapshot, head, sizeof head) || ww_buf_append(&snapshot, data, size))
        abort();
    ww_dataflow *flow;
    if (!open_snapshot(ww_buf_view(&snapshot), 7, &flow)) {
        poll(flow, 7);
        (void)!ww_dataflow_bootstrap(flow, NULL, 0, NULL, NULL);
        poll(flow, 1000000000);
        ww_bootstrap_check(ww_dataflow_queue(flow));
        again(flow, 3);
    }
    ww_buf_deinit(&snapshot);
    return 0;
}
