/* What an artifact holds, as JSON. The install runs as usual up to its end, in an engine made for
 * it, but constructs no component. */
#include "base/utf8.h"
#include "dataflow/installer.h"

/* The text is valid: names were checked. */
static ww_status put_text(ww_buf *json, ww_view text)
{
    ww_status status = ww_buf_append_byte(json, '"');
    for (uint32_t at = 0; at < text.size && !status;) {
        const uint8_t *c = text.data + at;
        size_t plain = ww_text_plain_size(c, text.size - at);
        uint32_t point = ww_utf8_next(text.data, &at);
        if (point == '"' || point == '\\')
            status = ww_buf_printf(json, "\\%c", *c);
        else if (plain)
            status = ww_buf_append(json, c, plain);
        else
            status = ww_buf_printf(json, "\\u%04x", point);
    }
    return status ? status : ww_buf_append_byte(json, '"');
}

static ww_status put(ww_buf *json, const char *before, ww_view text)
{
    ww_status status = ww_buf_printf(json, "%s", before);
    return status ? status : put_text(json, text);
}

static ww_view phase_of(const df_artifact *a, const df_function *f)
{
    ww_view phase = df_metadata_find(a, f->metadata, "ai.bytesandbrains.module_phase");
    return phase.data ? phase : ww_view_of("", 0);
}

static ww_status put_functions(const df_artifact *a, ww_buf *json)
{
    ww_status status = ww_buf_printf(json, "{\"functions\":[");
    for (uint32_t i = 0; i < a->functions.count && !status; i++) {
        const df_function *f = &df_functions(a)[i];
        status = put(json, i ? ",{\"name\":" : "{\"name\":", f->name);
        if (!status) status = ww_buf_printf(json, ",\"nodes\":%u,\"phase\":", f->nodes.count);
        if (!status) status = put_text(json, phase_of(a, f));
        if (!status) status = ww_buf_append_byte(json, '}');
    }
    return status;
}

static ww_status put_slots(const ww_dataflow *flow, ww_buf *json)
{
    ww_status status = ww_buf_printf(json, "],\"slots\":[");
    for (uint32_t i = 0; i < flow->component_count && !status; i++) {
        status = put(json, i ? ",{\"slot\":" : "{\"slot\":", flow->components[i].slot);
        if (!status) status = put(json, ",\"type\":", flow->components[i].type_name);
        if (!status) status = ww_buf_printf(json, ",\"component\":%u}", i);
    }
    return status;
}

static ww_status put_order(const ww_dataflow *flow, ww_buf *json)
{
    const uint32_t *order;
    uint32_t count = ww_bootstrap_install_order(flow->queue, &order);
    ww_status status = ww_buf_printf(json, "],\"install_order\":[");
    for (uint32_t i = 0; i < count && !status; i++) {
        ww_bootstrap_target_info info = ww_bootstrap_target_at(flow->queue, order[i]);
        status = put(json, i ? ",{\"target\":" : "{\"target\":", info.name);
        if (!status) status = ww_buf_printf(json, ",\"inputs\":[");
        for (uint32_t k = 0; k < info.formal_count && !status; k++)
            status = put(json, k ? "," : "", info.formals[k]);
        if (!status) status = ww_buf_printf(json, "],\"touch_set\":[");
        for (uint32_t k = 0; k < info.touch_count && !status; k++)
            status = ww_buf_printf(json, "%s%u", k ? "," : "", info.touches[k]);
        if (!status) status = ww_buf_printf(json, "]}");
    }
    return status;
}

/* Modules are the functions stamped as bodies. */
static ww_status collect_targets(const df_artifact *a, ww_arena *memory, ww_view **targets,
                                 size_t *count)
{
    *targets = ww_arena_array(memory, a->functions.count, sizeof **targets);
    *count = 0;
    if (!*targets) return WW_E_MEMORY;
    for (uint32_t i = 0; i < a->functions.count; i++)
        if (ww_view_is(phase_of(a, &df_functions(a)[i]), "body"))
            (*targets)[(*count)++] = df_functions(a)[i].name;
    return WW_OK;
}

static ww_status install_all(ww_dataflow *flow, ww_view artifact, df_installer *in,
                             ww_arena *memory)
{
    df_artifact probe;
    df_artifact_limits limits = df_artifact_limits_default();
    ww_status status = df_artifact_decode(&probe, flow->allocator, &limits, artifact, in->diag);
    if (status) return status;
    ww_view *targets;
    size_t count;
    status = collect_targets(&probe, memory, &targets, &count);
    if (status) ww_fail(in->diag, status, "no memory");
    ww_dataflow_install_options options = {
        .artifact = artifact, .targets = targets, .target_count = count, .allow_unresolved = true};
    in->options = &options;
    in->inspecting = true;
    if (!status) status = df_install(in);
    df_artifact_deinit(&probe);
    return status;
}

ww_status ww_dataflow_inspect(const ww_allocator *allocator, ww_view artifact, ww_buf *json,
                              ww_diag *diag)
{
    ww_dataflow_config config = {
        .allocator = allocator, .limits = ww_dataflow_limits_default(), .seed = {1, 2}};
    ww_dataflow *flow;
    ww_status status = ww_dataflow_new(&config, &flow, diag);
    if (status) return status;
    ww_arena memory;
    ww_arena_init(&memory, allocator, 1 << 20);
    df_installer in = {.flow = flow, .diag = diag};
    status = install_all(flow, artifact, &in, &memory);
    if (!status && json) {
        status = put_functions(&flow->units->artifact, json);
        if (!status) status = put_slots(flow, json);
        if (!status) status = put_order(flow, json);
        if (!status) status = ww_buf_printf(json, "],\"unresolved\":%u}\n", in.unresolved);
        if (status) ww_fail(diag, status, "no room for the description");
    }
    ww_arena_deinit(&memory);
    ww_dataflow_free(flow);
    return status;
}
