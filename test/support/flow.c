#include "support/flow.h"
#include "dataflow/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* There is one fixture at a time; components find it through their self. */
static ww_status loader_next(void *self, ww_flow_call *call)
{
    flow_fixture *f = *(flow_fixture **)self;
    f->calls++;
    if (f->loader_fails) return ww_flow_call_fail(call, WW_E_IO, "scripted failure");
    if (f->loader_later) {
        f->command = ww_flow_call_command(call);
        return WW_AGAIN;
    }
    const float batch[] = {1, 2, 3};
    for (uint32_t i = 0; i < 2; i++) {
        ww_flow_value value = ww_flow_value_copy(ww_flow_call_allocator(call), WW_FLOW_FLOATS,
                                                 ww_view_of(batch, sizeof batch));
        if (!value.type) return WW_E_MEMORY;
        ww_flow_call_return(call, i, value);
    }
    return WW_OK;
}

static void loader_abandon(void *self, uint64_t command)
{
    flow_fixture *f = *(flow_fixture **)self;
    assert_int_equal(command, f->command);
    f->abandoned++;
}

static ww_status index_add(void *self, ww_flow_call *call)
{
    flow_fixture *f = *(flow_fixture **)self;
    const float *vector;
    size_t count;
    ww_status status = ww_flow_call_floats(call, 0, &vector, &count);
    if (status) return status;
    f->added += (uint32_t)count;
    ww_flow_call_return(call, 0, ww_flow_value_number(WW_FLOW_U64, f->added));
    return WW_OK;
}

static ww_status index_search(void *self, ww_flow_call *call)
{
    flow_fixture *f = *(flow_fixture **)self;
    const float *vector;
    size_t count;
    ww_status status = ww_flow_call_floats(call, 0, &vector, &count);
    if (status) return status;
    if (f->index_later) {
        f->command = ww_flow_call_command(call);
        return WW_AGAIN;
    }
    ww_flow_call_return(
        call, 0,
        ww_flow_value_number(WW_FLOW_U64, (uint64_t)ww_flow_call_integer(call, "k", 1, -1)));
    return WW_OK;
}

static ww_status index_train(void *self, ww_flow_call *call)
{
    const float *vector;
    size_t count;
    (*(flow_fixture **)self)->calls++;
    return ww_flow_call_floats(call, 0, &vector, &count);
}

static ww_status index_bootstrap(void *self, ww_flow_call *call)
{
    flow_fixture *f = *(flow_fixture **)self;
    f->calls++;
    for (uint32_t i = 0; i < ww_flow_call_input_count(call); i++) {
        ww_view input;
        ww_status status = ww_flow_call_bytes(call, i, &input);
        if (status) return status;
        size_t at = strlen(f->got);
        snprintf(f->got + at, sizeof f->got - at, "%.*s;", WW_VIEW_ARG(input));
    }
    if (!f->store_bootstraps) return WW_OK;
    f->command = ww_flow_call_command(call);
    return WW_AGAIN;
}

static uint32_t index_inputs(void *self, const ww_view **names)
{
    static const ww_view all[] = {{(const uint8_t *)"seed", 4}, {(const uint8_t *)"size", 4}};
    *names = all;
    return (*(flow_fixture **)self)->store_inputs;
}

static ww_status registry_announce(void *self, ww_flow_call *call)
{
    const ww_flow_value *peer = ww_flow_call_input(call, 0);
    (*(flow_fixture **)self)->calls++;
    return peer && peer->type == WW_FLOW_PEER_ID ? WW_OK : WW_E_MISMATCH;
}

static bool backend_offers(void *self, ww_view operation)
{
    (void)self;
    return ww_view_is(operation, "Warp") || ww_view_is(operation, "Relu");
}

static int put_attribute(char *out, size_t room, const ww_flow_attribute *a)
{
    int at = snprintf(out, room, " %.*s", WW_VIEW_ARG(a->name));
    out += at, room -= (size_t)at;
    switch (a->kind) {
    case WW_FLOW_ATTRIBUTE_INTEGER: return at + snprintf(out, room, "=%d", (int)a->integer);
    case WW_FLOW_ATTRIBUTE_REAL: return at + snprintf(out, room, "=%g", (double)a->real);
    case WW_FLOW_ATTRIBUTE_TEXT: return at + snprintf(out, room, "=%.*s", WW_VIEW_ARG(a->text));
    case WW_FLOW_ATTRIBUTE_INTEGERS:
        return at + snprintf(out, room, "=%d..%u", (int)a->integers[0], a->count);
    case WW_FLOW_ATTRIBUTE_REALS:
        return at + snprintf(out, room, "=%g..%u", (double)a->reals[0], a->count);
    case WW_FLOW_ATTRIBUTE_TENSOR:
        return at +
               snprintf(out, room, "=%g..%u", (double)a->tensor->data[1], a->tensor->element_count);
    }
    return at;
}

/* Hands back what it was given. */
static ww_status backend_dispatch(void *self, ww_flow_call *call)
{
    flow_fixture *f = *(flow_fixture **)self;
    const ww_flow_attribute *attributes;
    uint32_t count = ww_flow_call_attributes(call, &attributes);
    size_t at = strlen(f->got);
    at += (size_t)snprintf(f->got + at, sizeof f->got - at, "%.*s",
                           WW_VIEW_ARG(ww_flow_call_operation(call)));
    for (uint32_t i = 0; i < count; i++)
        at += (size_t)put_attribute(f->got + at, sizeof f->got - at, &attributes[i]);
    snprintf(f->got + at, sizeof f->got - at, ";");
    const ww_flow_value *value = ww_flow_call_input(call, 0);
    if (value) ww_flow_call_return(call, 0, ww_flow_value_ref(*value));
    return WW_OK;
}

static flow_fixture *open_fixtures[8];
static size_t open_count;

/* Where the components find the fixture: set before an install, read during it. */
static flow_fixture *current;

static ww_status construct(const ww_flow_component_type *type, ww_view slot, ww_view config,
                           void **self, ww_diag *diag)
{
    (void)type;
    (void)slot;
    (void)config;
    flow_fixture **place = ww_alloc(&current->allocator.base, sizeof *place);
    if (!place) return ww_fail(diag, WW_E_MEMORY, "no memory");
    *place = current;
    *self = place;
    return WW_OK;
}

static void destroy(void *self)
{
    ww_free(&(*(flow_fixture **)self)->allocator.base, self, sizeof(flow_fixture *));
}

static ww_status index_save(void *self, ww_buf *state, ww_diag *diag)
{
    (void)diag;
    return ww_buf_printf(state, "%u", (*(flow_fixture **)self)->added);
}

static ww_status index_restore(const ww_flow_component_type *type, ww_view slot, ww_view config,
                               ww_view state, void **self, ww_diag *diag)
{
    uint32_t added = 0;
    for (size_t i = 0; i < state.size; i++) {
        if (state.data[i] < '0' || state.data[i] > '9' || added > UINT32_MAX / 20)
            return ww_fail(diag, WW_E_INVALID, "a state that is not a number");
        added = added * 10 + (state.data[i] - '0');
    }
    ww_status status = construct(type, slot, config, self, diag);
    if (!status) current->added = added;
    return status;
}

static const ww_flow_component_type loader = {.name = "Loader",
                                              .role = WW_FLOW_ROLE_DATA_SOURCE,
                                              .calls.data_source.next_batch = loader_next,
                                              .construct = construct,
                                              .destroy = destroy,
                                              .abandon = loader_abandon};
static const ww_flow_component_type store = {
    .name = "FlatIndex",
    .role = WW_FLOW_ROLE_INDEX,
    .calls.index = {.add = index_add, .search = index_search, .train = index_train},
    .construct = construct,
    .destroy = destroy,
    .save = index_save,
    .restore = index_restore};
static const ww_flow_component_type own_bootstrap = {
    .name = "BootIndex",
    .role = WW_FLOW_ROLE_INDEX,
    .calls.index = {.add = index_add, .search = index_search},
    .construct = construct,
    .destroy = destroy,
    .bootstrap = index_bootstrap,
    .inputs = index_inputs};
static const ww_flow_component_type registry = {.name = "Registry",
                                                .role = WW_FLOW_ROLE_PROTOCOL,
                                                .calls.protocol.announce = registry_announce,
                                                .construct = construct,
                                                .destroy = destroy};
static const ww_flow_component_type backend = {.name = "Accelerator",
                                               .role = WW_FLOW_ROLE_BACKEND,
                                               .calls.backend.dispatch = backend_dispatch,
                                               .construct = construct,
                                               .destroy = destroy,
                                               .offers = backend_offers};
static const ww_flow_component_type *const types[] = {&loader, &store, &own_bootstrap, &registry,
                                                      &backend};

static ww_dataflow_config config_of(flow_fixture *f, const ww_dataflow_limits *limits)
{
    return (ww_dataflow_config){.allocator = &f->allocator.base,
                                .limits = *limits,
                                .seed = {11, 12},
                                .types = types,
                                .type_count = WW_COUNT_OF(types)};
}

void flow_init_with(flow_fixture *f, const ww_dataflow_limits *limits)
{
    *f = (flow_fixture){0};
    test_allocator_init(&f->allocator, 0);
    ww_buf_init(&f->log, ww_allocator_libc(), SIZE_MAX);
    assert_true(open_count < WW_COUNT_OF(open_fixtures));
    open_fixtures[open_count++] = f;
    ww_dataflow_config config = config_of(f, limits);
    assert_ok(ww_dataflow_new(&config, &f->flow, NULL));
}

void flow_init(flow_fixture *f)
{
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    flow_init_with(f, &limits);
}

void flow_deinit(flow_fixture *f)
{
    ww_dataflow_free(f->flow);
    ww_buf_deinit(&f->log);
    for (size_t i = 0; i < open_count; i++)
        if (open_fixtures[i] == f) open_fixtures[i--] = open_fixtures[--open_count];
    assert_int_equal(f->allocator.live_bytes, 0);
}

int flow_setup(void **state)
{
    static flow_fixture f;
    flow_init(&f);
    *state = &f;
    return 0;
}

int flow_teardown(void **state)
{
    (void)state;
    while (open_count)
        flow_deinit(open_fixtures[0]);
    return 0;
}

ww_status flow_install(flow_fixture *f, const char *text, const char *targets, ww_diag *diag)
{
    ww_buf artifact;
    ww_view names[16];
    size_t count = 0;
    ww_diag unused;
    current = f;
    for (const char *at = targets; *at; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        names[count++] = ww_view_of(at, size);
        at += size;
    }
    ww_buf_init(&artifact, ww_allocator_libc(), SIZE_MAX);
    ww_status status =
        ww_dataflow_compile(ww_allocator_libc(), ww_view_str(text), &artifact, &unused);
    if (status) print_message("%s\n", unused.text);
    assert_ok(status);
    ww_dataflow_install_options options = {
        .artifact = ww_buf_view(&artifact), .targets = names, .target_count = count};
    status = ww_dataflow_install(f->flow, &options, diag);
    ww_buf_deinit(&artifact);
    return status;
}

ww_status flow_arm(flow_fixture *f)
{
    return ww_dataflow_bootstrap(f->flow, NULL, 0, NULL, NULL);
}

ww_status flow_bootstrap(flow_fixture *f, const char *target)
{
    ww_bootstrap_request_item item = {.target = ww_view_str(target)};
    return ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL);
}

ww_status flow_event(flow_fixture *f, const char *module, const char *input, const char *bytes)
{
    return ww_dataflow_event(f->flow, ww_view_str(module), ww_view_str(input), ww_view_str(bytes),
                             NULL);
}

ww_status flow_restore(flow_fixture *f, ww_view snapshot, ww_diag *diag)
{
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    ww_dataflow_config config = config_of(f, &limits);
    config.seed[0]++;
    ww_dataflow *restored;
    current = f;
    ww_status status = ww_dataflow_restore(&config, snapshot, f->now, &restored, diag);
    if (status) return status;
    ww_dataflow_free(f->flow);
    f->flow = restored;
    return WW_OK;
}

void flow_restart(flow_fixture *f, uint64_t now)
{
    enum { HEAD = 16, INCARNATION = 4 }; /* what differs: checksum and incarnation */
    ww_buf before, after;
    ww_diag diag = {0};
    ww_buf_init(&before, ww_allocator_libc(), SIZE_MAX);
    ww_buf_init(&after, ww_allocator_libc(), SIZE_MAX);
    ww_status status = ww_dataflow_snapshot(f->flow, &before, &diag);
    if (!status) {
        ww_dataflow_free(f->flow);
        f->flow = NULL;
        f->now = now;
        status = flow_restore(f, ww_buf_view(&before), &diag);
    }
    if (status) print_message("%s\n", diag.text);
    assert_ok(status);
    if (!ww_dataflow_snapshot(f->flow, &after,
                              &diag)) { /* E_BUSY: a call was failed by the restore */
        const uint8_t *a = before.data + HEAD, *b = after.data + HEAD;
        size_t size = before.size - HEAD;
        bool first = ww_dataflow_stats_of(f->flow).incarnation == 1; /* whose 0 is not written */
        if (first) assert_int_equal(after.size, before.size + 2);
        if (first) assert_memory_equal(a + 2, b + INCARNATION, size - 2);
    }
    ww_buf_deinit(&before);
    ww_buf_deinit(&after);
}

static void log_op(ww_buf *log, const char *what, const ww_flow_step *step)
{
    uint32_t graph = (uint32_t)(step->op.op_ref >> 32), op = (uint32_t)step->op.op_ref;
    assert_ok(ww_buf_printf(log, "%s %d.%u x%" PRIu64, what, (int)graph, op, step->op.exec_id));
    if (step->kind == WW_FLOW_STEP_ASYNC_SUSPENDED)
        assert_ok(ww_buf_printf(log, " c%" PRIu64, step->op.command));
    if (step->kind == WW_FLOW_STEP_OP_FAILED)
        assert_ok(
            ww_buf_printf(log, " %s %s", ww_flow_error_name(step->op.error), step->op.reason));
    for (uint32_t i = 0; step->kind == WW_FLOW_STEP_OP_COMPLETED && i < step->op.site_count; i++)
        assert_ok(ww_buf_printf(log, "%s%" PRIu64 "%s", i ? " " : " [", step->op.sites[i],
                                i + 1 == step->op.site_count ? "]" : ""));
}

static void log_step(ww_buf *log, const ww_flow_step *step)
{
    static const char *const events[] = {"waiting", "input", "started", "completed", "failed"};
    switch (step->kind) {
    case WW_FLOW_STEP_OP_COMPLETED: log_op(log, "done", step); break;
    case WW_FLOW_STEP_ASYNC_SUSPENDED: log_op(log, "wait", step); break;
    case WW_FLOW_STEP_OP_FAILED: log_op(log, "fail", step); break;
    case WW_FLOW_STEP_APP_EVENT:
        assert_ok(ww_buf_printf(log, "%s %.*s \"%.*s\"", step->event.is_echo ? "echo" : "emit",
                                WW_VIEW_ARG(step->event.topic), WW_VIEW_ARG(step->event.bytes)));
        break;
    case WW_FLOW_STEP_BOOTSTRAP:
        assert_ok(
            ww_buf_printf(log, "boot %s %u", events[step->bootstrap.kind], step->bootstrap.target));
        break;
    case WW_FLOW_STEP_WAITING_ON_BOOTSTRAP:
        assert_ok(ww_buf_printf(log, "waiting-on-bootstrap"));
        break;
    case WW_FLOW_STEP_BUDGET_EXCEEDED:
        assert_ok(ww_buf_printf(log, "over-budget %" PRIu64, step->count));
        break;
    case WW_FLOW_STEP_LIFECYCLE_FIRED:
        assert_ok(ww_buf_printf(log, "lifecycle %.*s", WW_VIEW_ARG(step->event.topic)));
        break;
    case WW_FLOW_STEP_SEND: assert_ok(ww_buf_printf(log, "send %zu", step->wire.bytes.size)); break;
    case WW_FLOW_STEP_WIRE_TIMEOUT:
        assert_ok(ww_buf_printf(log, "timeout %" PRIu64, step->wire.id));
        break;
    default: assert_ok(ww_buf_printf(log, "step %d", (int)step->kind)); break;
    }
    assert_ok(ww_buf_append_byte(log, '\n'));
}

const char *flow_run(flow_fixture *f)
{
    ww_buf_clear(&f->log);
    enum { POLLS_MAX = 100000 };
    ww_flow_step steps[WW_DATAFLOW_STEPS_MIN];
    size_t count;
    ww_status status;
    uint32_t polls = 0;
    do {
        status = ww_dataflow_poll(f->flow, f->now, steps, WW_COUNT_OF(steps), &count);
        for (size_t i = 0; i < count; i++)
            log_step(&f->log, &steps[i]);
        assert_true(status != WW_E_MEMORY || f->allocator.fail_at);
        if (++polls > POLLS_MAX) abort(); /* a loop without end is no case that gives up */
    } while (status == WW_AGAIN || status == WW_E_MEMORY ||
             (status == WW_OK && count && ww_dataflow_next_time(f->flow) <= f->now));
    assert_ok(status);
    assert_ok(ww_buf_append_byte(&f->log, 0));
    return (const char *)f->log.data;
}
