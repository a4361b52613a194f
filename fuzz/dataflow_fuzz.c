/* Artifacts, then events on what they install. The first byte says how the rest is used: an artifact as it is, or text
 * to compile first; then every module of it is installed, brought up, fed and polled. */
#include "dataflow/artifact.h"
#include "dataflow/text.h"
#include "ww/dataflow.h"
#include <stdlib.h>

enum { OPS = 200, STEPS = 16, POLLS = 40, TARGETS_MAX = 8 };

static ww_status use(void *self, ww_flow_call *call)
{
    (void)self;
    if (ww_flow_call_input_count(call) % 2) {
        ww_flow_call_command(call);
        return WW_AGAIN;
    }
    ww_flow_call_return(call, 0, ww_flow_value_number(WW_FLOW_U64, 1));
    return WW_OK;
}

static const ww_flow_component_type store = {.name = "S",
                                             .role = WW_FLOW_ROLE_INDEX,
                                             .calls.functions = {use, use, use, use},
                                             .bootstrap = use};
static const ww_flow_component_type *const types[] = {&store};

static void poll(ww_dataflow *flow)
{
    ww_flow_step steps[STEPS];
    size_t count;
    for (uint64_t i = 0; i < POLLS; i++) {
        ww_status status = ww_dataflow_poll(flow, i * 1000000, steps, STEPS, &count);
        for (size_t k = 0; k < count; k++)
            if (steps[k].kind == WW_FLOW_STEP_ASYNC_SUSPENDED && steps[k].op.command % 3)
                (void)!ww_dataflow_complete(flow, steps[k].op.command, NULL, 0);
        if (status == WW_OK && !count && ww_dataflow_next_time(flow) == UINT64_MAX) return;
    }
}

static void feed(ww_dataflow *flow, const df_artifact *a, uint32_t function, ww_view bytes)
{
    const df_function *f = &df_functions(a)[function];
    const ww_view *names = df_names(&a->names, f->inputs);
    for (uint32_t i = 0; i < f->inputs.count && i < 4; i++)
        (void)!ww_dataflow_event(flow, f->name, names[i], bytes, NULL);
    uint64_t exec;
    (void)!ww_dataflow_invoke(flow, f->name, NULL, 0, &exec, NULL);
    (void)!ww_dataflow_inbound(flow, WW_VIEW_LITERAL("\0\x01x"), bytes, ww_view_of(NULL, 0), NULL);
}

static void run(ww_view artifact, bool allow)
{
    df_artifact a;
    df_artifact_limits limits = df_artifact_limits_default();
    if (df_artifact_decode(&a, ww_allocator_libc(), &limits, artifact, NULL)) return;
    ww_view targets[TARGETS_MAX];
    uint32_t functions[TARGETS_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < a.functions.count && count < TARGETS_MAX; i++) {
        ww_view phase =
            df_metadata_find(&a, df_functions(&a)[i].metadata, "ai.bytesandbrains.module_phase");
        if (ww_view_is(phase, "bootstrap")) continue;
        functions[count] = i;
        targets[count++] = df_functions(&a)[i].name;
    }
    ww_dataflow_config config = {.allocator = ww_allocator_libc(),
                                 .limits = ww_dataflow_limits_edge(),
                                 .seed = {1, 2},
                                 .types = types,
                                 .type_count = 1};
    config.limits.cycle_op_budget = OPS;
    ww_dataflow *flow;
    if (ww_dataflow_new(&config, &flow, NULL)) abort();
    ww_dataflow_install_options options = {
        .artifact = artifact, .targets = targets, .target_count = count, .allow_unresolved = allow};
    ww_diag diag;
    if (!ww_dataflow_install(flow, &options, &diag)) {
        (void)!ww_dataflow_bootstrap(flow, NULL, 0, NULL, NULL);
        poll(flow);
        for (size_t i = 0; i < count; i++)
            feed(flow, &a, functions[i],
                 artifact.size > 64 ? ww_view_of(artifact.data, 64) : artifact);
        poll(flow);
        ww_bootstrap_check(ww_dataflow_queue(flow));
    }
    ww_dataflow_free(flow);
    df_artifact_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    ww_view rest = ww_view_of(data + 1, size - 1);
    if (data[0] & 1) {
        ww_buf artifact;
        ww_buf_init(&artifact, ww_allocator_libc(), 1 << 20);
        if (!ww_dataflow_compile(ww_allocator_libc(), rest, &artifact, NULL))
            run(ww_buf_view(&artifact), data[0] & 2);
        ww_buf_deinit(&artifact);
        return 0;
    }
    run(rest, data[0] & 2);
    return 0;
}
