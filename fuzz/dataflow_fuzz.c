/* Artifacts, then a script of what a host and its peers do with them. The first byte says how the
 * rest is used: an artifact as it is, or text to compile; what follows the first 0 byte of a text,
 * or the last 64 bytes of an artifact, is the script. Every module is installed. */
#include "dataflow/artifact.h"
#include "dataflow/text.h"
#include "flow_use.h"
#include <stdlib.h>

enum { OPS = 200, STEPS = 16, POLLS = 40, TARGETS_MAX = 8, COMMANDS_MAX = 64, SCRIPT_MAX = 256 };

static const ww_flow_component_type store = {.name = "S",
                                             .role = WW_FLOW_ROLE_INDEX,
                                             .calls.functions = {use, use, use, use},
                                             .bootstrap = use};
static const ww_flow_component_type *const types[] = {&store};
static const ww_view peer_id = {(const uint8_t *)"\0\x01x", 3};

typedef struct world {
    ww_dataflow *flow;
    const df_artifact *artifact;
    ww_view targets[TARGETS_MAX];
    uint32_t functions[TARGETS_MAX];
    size_t target_count;
    uint64_t now, commands[COMMANDS_MAX];
    uint32_t command_count;
    ww_view script;
} world;

static uint8_t take(world *w)
{
    if (!w->script.size) return 0;
    uint8_t byte = w->script.data[0];
    w->script = ww_view_of(w->script.data + 1, w->script.size - 1);
    return byte;
}

static ww_view take_bytes(world *w)
{
    size_t size = take(w);
    if (size > w->script.size) size = w->script.size;
    ww_view bytes = ww_view_of(w->script.data, size);
    w->script = ww_view_of(w->script.data + size, w->script.size - size);
    return bytes;
}

static void poll(world *w, uint64_t times)
{
    ww_flow_step steps[STEPS];
    size_t count;
    for (uint64_t i = 0; i < times; i++) {
        ww_status status = ww_dataflow_poll(w->flow, w->now, steps, STEPS, &count);
        for (size_t k = 0; k < count; k++)
            if (steps[k].kind == WW_FLOW_STEP_ASYNC_SUSPENDED && w->command_count < COMMANDS_MAX)
                w->commands[w->command_count++] = steps[k].op.command;
        if (status == WW_OK && !count) break;
    }
    ww_bootstrap_check(ww_dataflow_queue(w->flow));
}

/* A module and one of its inputs. */
static bool pick_input(world *w, ww_view *module, ww_view *input)
{
    size_t target = take(w) % (w->target_count ? w->target_count : 1);
    if (!w->target_count) return false;
    const df_function *f = &df_functions(w->artifact)[w->functions[target]];
    *module = f->name;
    if (!f->inputs.count) return false;
    *input = df_names(&w->artifact->names, f->inputs)[take(w) % f->inputs.count];
    return true;
}

static void request(world *w)
{
    uint32_t count = ww_bootstrap_target_count(ww_dataflow_queue(w->flow));
    if (!count) return;
    uint32_t id = take(w) % count;
    ww_bootstrap_target_info info = ww_bootstrap_target_at(ww_dataflow_queue(w->flow), id);
    ww_bootstrap_input inputs[8];
    uint32_t given = info.formal_count < 8 ? info.formal_count : 8;
    for (uint32_t i = 0; i < given; i++)
        inputs[i] = (ww_bootstrap_input){info.formals[i], take_bytes(w)};
    ww_bootstrap_request_item item = {
        .kind = info.kind, .target = info.name, .inputs = inputs, .input_count = given};
    (void)!ww_dataflow_bootstrap(w->flow, &item, 1, NULL, NULL);
}

static void answer(world *w, bool well)
{
    if (!w->command_count) return;
    uint32_t at = take(w) % w->command_count;
    uint64_t command = w->commands[at];
    w->commands[at] = w->commands[--w->command_count];
    ww_flow_value value = ww_flow_value_copy(ww_allocator_libc(), WW_FLOW_BYTES, take_bytes(w));
    if (well)
        (void)!ww_dataflow_complete(w->flow, command, &value, 1);
    else
        ww_flow_value_unref(value);
    if (!well) (void)!ww_dataflow_fail(w->flow, command, WW_VIEW_LITERAL("no"));
}

static void go_on_elsewhere(world *w)
{
    ww_dataflow_config config = {.allocator = ww_allocator_libc(),
                                 .limits = ww_dataflow_limits_edge(),
                                 .seed = {3, 4},
                                 .types = types,
                                 .type_count = 1};
    ww_buf snapshot;
    ww_dataflow *flow;
    ww_buf_init(&snapshot, ww_allocator_libc(), 1 << 26);
    ww_status status = ww_dataflow_snapshot(w->flow, &snapshot, NULL);
    if (!status && ww_dataflow_restore(&config, ww_buf_view(&snapshot), w->now, &flow, NULL))
        abort(); /* what an engine says of itself must be believed */
    if (!status) {
        ww_dataflow_free(w->flow);
        w->flow = flow;
    }
    ww_buf_deinit(&snapshot);
}

static void act(world *w)
{
    ww_view module, input;
    uint64_t exec;
    switch (take(w) % 14) {
    case 0: poll(w, 1); break;
    case 1: poll(w, POLLS); break;
    case 2: w->now += (uint64_t)take(w) << (take(w) % 32); break;
    case 3:
        if (pick_input(w, &module, &input))
            (void)!ww_dataflow_event(w->flow, module, input, take_bytes(w), NULL);
        break;
    case 4:
        if (pick_input(w, &module, &input)) {
            ww_bootstrap_input one = {input, take_bytes(w)};
            (void)!ww_dataflow_invoke(w->flow, module, &one, 1, &exec, NULL);
        }
        break;
    case 5: (void)!ww_dataflow_bootstrap(w->flow, NULL, 0, NULL, NULL); break;
    case 6: request(w); break;
    case 7:
        if (ww_bootstrap_target_count(ww_dataflow_queue(w->flow)))
            ww_bootstrap_cancel(ww_dataflow_queue(w->flow),
                                take(w) % ww_bootstrap_target_count(ww_dataflow_queue(w->flow)),
                                w->now);
        break;
    case 8: answer(w, true); break;
    case 9: answer(w, false); break;
    case 10:
        (void)!ww_dataflow_inbound(w->flow, peer_id, take_bytes(w), ww_view_of(NULL, 0), NULL);
        break;
    case 11: ww_dataflow_send_failed(w->flow, take(w), peer_id); break;
    case 12: (void)!ww_dataflow_lifecycle(w->flow, take_bytes(w)); break;
    default: go_on_elsewhere(w); break;
    }
}

static void find_targets(world *w)
{
    const df_artifact *a = w->artifact;
    for (uint32_t i = 0; i < a->functions.count && w->target_count < TARGETS_MAX; i++) {
        ww_view phase =
            df_metadata_find(a, df_functions(a)[i].metadata, "ai.bytesandbrains.module_phase");
        if (ww_view_is(phase, "bootstrap")) continue;
        w->functions[w->target_count] = i;
        w->targets[w->target_count++] = df_functions(a)[i].name;
    }
}

static void run(ww_view artifact, ww_view script, bool allow)
{
    df_artifact a;
    df_artifact_limits limits = df_artifact_limits_default();
    if (df_artifact_decode(&a, ww_allocator_libc(), &limits, artifact, NULL)) return;
    world w = {.artifact = &a, .script = script};
    if (w.script.size > SCRIPT_MAX) w.script.size = SCRIPT_MAX;
    find_targets(&w);
    ww_dataflow_config config = {.allocator = ww_allocator_libc(),
                                 .limits = ww_dataflow_limits_edge(),
                                 .seed = {1, 2},
                                 .types = types,
                                 .type_count = 1};
    config.limits.cycle_op_budget = OPS;
    if (ww_dataflow_new(&config, &w.flow, NULL)) abort();
    ww_dataflow_install_options options = {.artifact = artifact,
                                           .targets = w.targets,
                                           .target_count = w.target_count,
                                           .allow_unresolved = allow};
    ww_diag diag;
    if (!ww_dataflow_install(w.flow, &options, &diag)) {
        while (w.script.size)
            act(&w);
        poll(&w, POLLS);
    }
    ww_dataflow_free(w.flow);
    df_artifact_deinit(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { TAIL = 64 };
    if (!size) return 0;
    ww_view rest = ww_view_of(data + 1, size - 1);
    bool allow = data[0] & 2;
    if (!(data[0] & 1)) {
        size_t tail = rest.size < TAIL ? rest.size : TAIL;
        run(rest, ww_view_of(rest.data + rest.size - tail, tail), allow);
        return 0;
    }
    const uint8_t *zero = rest.size ? memchr(rest.data, 0, rest.size) : NULL;
    size_t text = zero ? (size_t)(zero - rest.data) : rest.size;
    size_t behind = zero ? text + 1 : text;
    ww_buf artifact;
    ww_buf_init(&artifact, ww_allocator_libc(), 1 << 20);
    if (!ww_dataflow_compile(ww_allocator_libc(), ww_view_of(rest.data, text), &artifact, NULL))
        run(ww_buf_view(&artifact), ww_view_of(rest.data + behind, rest.size - behind), allow);
    ww_buf_deinit(&artifact);
    return 0;
}
