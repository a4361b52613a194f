/* A host for dataflow modules in one file: it gives the modules a store of vectors, brings them up and asks.
 *
 *     ww-modulec examples/modules/vector_store.wwm store.bb
 *     cc examples/dataflow/main.c $(pkg-config --cflags --libs ww-dataflow) -o store && ./store store.bb
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <ww/dataflow.h>

enum { STEPS = 32 };

/* --- components: what the artifact calls Loader and FlatIndex ---------------------------------------------------------- */

static ww_status next_batch(void *self, ww_flow_call *call)
{
    (void)self;
    static const float batch[] = {0.5f, 2, 8};
    ww_view bytes = ww_view_of(batch, sizeof batch);
    ww_flow_value value = ww_flow_value_copy(ww_flow_call_allocator(call), WW_FLOW_FLOATS, bytes);
    if (!value.type) return WW_E_MEMORY;
    ww_flow_call_return(call, 0, value);
    return WW_OK;
}

typedef struct store {
    float vectors[16];
    size_t count;
} store;

static ww_status train(void *self, ww_flow_call *call)
{
    store *s = self;
    const float *batch;
    ww_status status = ww_flow_call_floats(call, 0, &batch, &s->count);
    if (status) return status;
    if (s->count > 16) return ww_flow_call_fail(call, WW_E_LIMIT, "more than 16 vectors");
    memcpy(s->vectors, batch, s->count * sizeof *batch);
    return WW_OK;
}

/* The number of vectors that are not larger: what a real store would do is its own business. */
static ww_status search(void *self, ww_flow_call *call)
{
    const store *s = self;
    const float *query;
    size_t size;
    ww_status status = ww_flow_call_floats(call, 0, &query, &size);
    if (status) return status;
    uint64_t found = 0;
    for (size_t i = 0; size && i < s->count; i++)
        found += s->vectors[i] <= query[0];
    ww_flow_call_return(call, 0, ww_flow_value_number(WW_FLOW_U64, found));
    return WW_OK;
}

static ww_status construct(const ww_flow_component_type *type, ww_view slot, ww_view config,
                           void **self, ww_diag *diag)
{
    (void)type;
    (void)slot;
    (void)config;
    *self = calloc(1, sizeof(store));
    return *self ? WW_OK : ww_fail(diag, WW_E_MEMORY, "no memory for a store");
}

static const ww_flow_component_type loader = {
    .name = "Loader", .role = WW_FLOW_ROLE_DATA_SOURCE, .calls.data_source.next_batch = next_batch};
static const ww_flow_component_type flat_index = {.name = "FlatIndex",
                                                  .role = WW_FLOW_ROLE_INDEX,
                                                  .calls.index = {.search = search, .train = train},
                                                  .construct = construct,
                                                  .destroy = free};
static const ww_flow_component_type *const types[] = {&loader, &flat_index};

/* --- the host ------------------------------------------------------------------------------------------------------------- */

static void check(ww_status status, const ww_diag *diag)
{
    if (!status) return;
    fprintf(stderr, "%s: %s\n", ww_status_name(status), diag->text);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void tell(const ww_flow_step *step)
{
    static const char *const what[] = {"waits", "needs input", "started", "completed", "failed"};
    if (step->kind == WW_FLOW_STEP_BOOTSTRAP) printf("bring-up %s\n", what[step->bootstrap.kind]);
    if (step->kind == WW_FLOW_STEP_APP_EVENT && !step->event.is_echo)
        printf("%.*s: %zu bytes\n", WW_VIEW_ARG(step->event.topic), step->event.bytes.size);
}

/* Until nothing is left to do; a host with timers and peers waits until ww_dataflow_next_time instead. */
static void run(ww_dataflow *flow)
{
    ww_flow_step steps[STEPS]; /* ours: the engine writes into it and keeps nothing of it */
    size_t count;
    ww_status status;
    do {
        status = ww_dataflow_poll(flow, now_ns(), steps, STEPS, &count);
        for (size_t i = 0; i < count; i++)
            tell(&steps[i]);
    } while (status == WW_AGAIN || count);
}

static ww_buf read_artifact(const char *path)
{
    ww_buf out;
    uint8_t chunk[4096];
    ww_buf_init(&out, ww_allocator_libc(), 1 << 20);
    FILE *file = fopen(path, "rb");
    for (size_t size; file && (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        if (ww_buf_append(&out, chunk, size)) break;
    if (file) fclose(file);
    return out;
}

int main(int argc, char **argv)
{
    ww_diag diag = {0};
    ww_dataflow *flow;
    ww_dataflow_config config = {.allocator = ww_allocator_libc(),
                                 .limits = ww_dataflow_limits_edge(),
                                 .seed = {now_ns(), 1},
                                 .types = types,
                                 .type_count = 2};
    check(ww_dataflow_new(&config, &flow, &diag), &diag);

    ww_buf artifact = read_artifact(argc > 1 ? argv[1] : "store.bb");
    const ww_view module = WW_VIEW_LITERAL("VectorStore");
    ww_dataflow_install_options options = {
        .artifact = ww_buf_view(&artifact), .targets = &module, .target_count = 1};
    check(ww_dataflow_install(flow, &options, &diag), &diag);
    ww_buf_deinit(&artifact); /* the engine has its own copy */

    const uint32_t *components;
    uint32_t count;
    check(ww_module_touch_set(flow, module, &components, &count), &diag);
    printf("the bootstrap will lock %u components\n", count);

    check(ww_dataflow_bootstrap(flow, NULL, 0, NULL, &diag), &diag);
    run(flow);
    const float query = 3;
    check(ww_dataflow_event(flow, module, WW_VIEW_LITERAL("query"),
                            ww_view_of(&query, sizeof query), &diag),
          &diag);
    run(flow);
    ww_dataflow_free(flow);
    return 0;
}
