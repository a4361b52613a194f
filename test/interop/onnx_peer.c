/* onnx_peer ARTIFACT NAME=FILE...: invokes module M of an artifact once, with inputs in wire form,
 * and prints what comes out: "NAME dims : numbers" per output, or "failed: detail". */
#include "dataflow/value.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUTS_MAX = 16, STEPS = 64 };

static ww_view read_file(const char *path)
{
    ww_buf *bytes = malloc(sizeof *bytes);
    ww_buf_init(bytes, ww_allocator_libc(), 1 << 26);
    FILE *file = fopen(path, "rb");
    if (!file) exit(2);
    for (int c; (c = getc(file)) != EOF;)
        if (ww_buf_append_byte(bytes, (uint8_t)c)) exit(2);
    fclose(file);
    return ww_buf_view(bytes);
}

static void show(const ww_flow_step *step)
{
    ww_flow_value value;
    if (step->kind == WW_FLOW_STEP_OP_FAILED)
        printf("failed: %.*s\n", WW_VIEW_ARG(step->op.detail));
    if (step->kind != WW_FLOW_STEP_APP_EVENT) return;
    if (ww_flow_value_decode(ww_allocator_libc(), WW_FLOW_TENSOR, step->event.bytes, &value, NULL))
        return;
    const ww_flow_tensor *t = df_tensor(&value);
    printf("%.*s", WW_VIEW_ARG(step->event.topic));
    for (uint32_t i = 0; i < t->dim_count; i++)
        printf(" %u", t->dims[i]);
    printf(" :");
    for (uint32_t i = 0; i < t->element_count; i++)
        printf(" %.9g", (double)t->data[i]);
    printf("\n");
    ww_flow_value_unref(value);
}

int main(int argc, char **argv)
{
    ww_dataflow_config config = {
        .allocator = ww_allocator_libc(), .limits = ww_dataflow_limits_default(), .seed = {1, 2}};
    ww_dataflow *flow;
    ww_diag diag = {0};
    ww_view target = WW_VIEW_LITERAL("M");
    ww_bootstrap_input inputs[INPUTS_MAX];
    size_t count = 0;
    if (argc < 2 || argc > 2 + INPUTS_MAX || ww_dataflow_new(&config, &flow, &diag)) return 2;
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) return 2;
        inputs[count++] = (ww_bootstrap_input){ww_view_of(argv[i], (size_t)(equals - argv[i])),
                                               read_file(equals + 1)};
    }
    ww_dataflow_install_options options = {
        .artifact = read_file(argv[1]), .targets = &target, .target_count = 1};
    uint64_t exec;
    ww_flow_step steps[STEPS];
    ww_status status = ww_dataflow_install(flow, &options, &diag);
    if (!status) status = ww_dataflow_invoke(flow, target, inputs, count, &exec, &diag);
    for (size_t shown = 1; !status && shown;) {
        status = ww_dataflow_poll(flow, 0, steps, STEPS, &shown);
        for (size_t i = 0; i < shown; i++)
            show(&steps[i]);
        if (status == WW_AGAIN) status = WW_OK;
    }
    if (status) printf("failed: %s\n", diag.text);
    ww_dataflow_free(flow);
    return status ? 1 : 0;
}
