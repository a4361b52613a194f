/* WebAssembly components in slots of dataflow modules, beside native ones. test/guest/store.c is the guest. */
#include "dataflow/text.h"
#include "node/flow_guest.h"
#include "support/cells.h"

static const uint64_t watch_ns = 5 * WW_NS_PER_MS;

static const char pair[] = "module Pair\n"
                           "bind data  DataSource Loader\n"
                           "bind store Index      Store\n"
                           "body (item: tensor) > (copy, found)\n"
                           "  id = index.Add(item) @store\n"
                           "  copy = PassThrough(id)\n"
                           "  found = index.Search(id) k=7 @store\n"
                           "bootstrap ()\n"
                           "  batch, labels = data_source.NextBatch() @data\n"
                           "  trained = index.Train(batch) @store\n"
                           "  AppNotify(trained) name=\"trained\"\n";

typedef struct fixture {
    test_cells *cells;
    ww_timer watch;
    ww_roster roster;
    ww_flow_guests guests;
    ww_flow_component_type loader;
    const ww_flow_component_type *types[WW_FLOW_ROLES + 1];
    ww_dataflow *flow;
    ww_program *program; /* borrowed */
    ww_buf log;
    uint64_t now;
    uint64_t command; /* of the loader's bootstrap */
    uint32_t answers; /* of the guest */
    bool triggers;    /* the loader's batch */
    bool is_watched, is_stuck;
    ww_flow_ask ask;
    bool is_told;
    ww_status told;
    uint64_t deadline_ns;
    ww_blob *state; /* that the guest begins with */
    ww_flow_save save;
    ww_status saved; /* AGAIN: not yet */
} fixture;

/* The engine and what it compiled serve all cases; everything else is made anew on a heap that fails. */
static test_cells cells;
static struct {
    const char *name;
    ww_program *program;
} programs[4];

static ww_program *program_of(const char *name)
{
    size_t i = 0;
    while (i < WW_COUNT_OF(programs) && programs[i].name && strcmp(programs[i].name, name))
        i++;
    assert_true(i < WW_COUNT_OF(programs));
    if (!programs[i].name) programs[i].program = test_program(&cells, name);
    programs[i].name = name;
    return programs[i].program;
}

static ww_status loader_bootstrap(void *self, ww_flow_call *call)
{
    fixture *f = self;
    f->command = ww_flow_call_command(call);
    return WW_AGAIN;
}

static ww_status loader_next(void *self, ww_flow_call *call)
{
    fixture *f = self;
    const float batch[] = {1, 2};
    ww_flow_value value = ww_flow_value_number(WW_FLOW_TRIGGER, 0);
    if (!f->triggers)
        value = ww_flow_value_copy(ww_flow_call_allocator(call), WW_FLOW_FLOATS,
                                   ww_view_of(batch, sizeof batch));
    ww_flow_call_return(call, 0, value);
    ww_flow_call_return(call, 1, ww_flow_value_number(WW_FLOW_TRIGGER, 0));
    return WW_OK;
}

static ww_status loader_construct(const ww_flow_component_type *type, ww_view slot, ww_view config,
                                  void **self, ww_diag *diag)
{
    (void)slot, (void)config, (void)diag;
    *self = WW_CONTAINER_OF(type, fixture, loader);
    return WW_OK;
}

static void answered(void *self)
{
    ((fixture *)self)->answers++;
}

static void new_engine(fixture *f)
{
    ww_dataflow_free(f->flow);
    f->flow = NULL;
    const ww_dataflow_config config = {.allocator = test_heap(),
                                       .limits = ww_dataflow_limits_default(),
                                       .seed = {1, 2},
                                       .types = f->types,
                                       .type_count = f->guests.count + 1};
    assert_ok(ww_dataflow_new(&config, &f->flow, NULL));
    f->guests.flow = f->flow;
}

/* A call whose allocation failed may never answer: then the case is over. */
static void watch(ww_timer *timer)
{
    fixture *f = WW_CONTAINER_OF(timer, fixture, watch);
    const test_allocator *heap = WW_CONTAINER_OF(test_heap(), test_allocator, base);
    f->is_stuck = test_is_failing() && heap->count >= heap->fail_at;
    ww_timer_start(f->cells->loop, timer, ww_clock_after(ww_loop_clock(f->cells->loop), watch_ns));
}

static void turn(fixture *f)
{
    if (!f->is_watched) watch(&f->watch);
    f->is_watched = true;
    ww_loop_turn(f->cells->loop, true);
    assert_false(f->is_stuck);
}

static int setup(void **state)
{
    static fixture f;
    f = (fixture){.cells = &cells, .now = 1, .watch.fire = watch};
    *state = &f;
    ww_buf_init(&f.log, ww_allocator_libc(), SIZE_MAX);
    ww_roster_init(&f.roster);
    ww_flow_surroundings around = {
        .loop = f.cells->loop,
        .ticker = f.cells->ticker,
        .random = &f.cells->random.base,
        .audit = &f.cells->audit,
        .roster = &f.roster,
        .authority = &f.cells->authority,
        .memory_bytes_max = 16 << 20,
    };
    ww_flow_guests_init(&f.guests, &around, test_heap());
    f.guests.self = &f;
    f.guests.answered = answered;
    f.loader = (ww_flow_component_type){.name = "Loader",
                                        .role = WW_FLOW_ROLE_DATA_SOURCE,
                                        .calls.data_source.next_batch = loader_next,
                                        .construct = loader_construct,
                                        .bootstrap = loader_bootstrap};
    memcpy(f.types, f.guests.list, f.guests.count * sizeof *f.types);
    f.types[f.guests.count] = &f.loader;
    new_engine(&f);
    f.program = program_of("store");
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_timer_stop(f->cells->loop, &f->watch);
    ww_flow_ask_deinit(&f->ask);
    ww_dataflow_free(f->flow);
    ww_blob_unref(f->state);
    ww_flow_guests_deinit(&f->guests);
    ww_buf_deinit(&f->log);
    return f->roster.count != 0;
}

static void told(ww_flow_ask *ask, ww_status status)
{
    fixture *f = WW_CONTAINER_OF(ask, fixture, ask);
    f->is_told = true;
    f->told = status;
}

static void start_asking(fixture *f)
{
    ww_flow_ask_deinit(&f->ask);
    f->is_told = false;
    f->ask.done = told;
    ww_flow_ask_start(&f->ask, &f->guests.around, WW_VIEW_LITERAL("store"), f->program,
                      test_heap());
}

/* What the component offers, or the reason why it may not, is then in `ask`. */
static ww_status ask(fixture *f)
{
    start_asking(f);
    while (!f->is_told)
        turn(f);
    return f->told;
}

static void bind_store(fixture *f, ww_view *type)
{
    assert_ok(ask(f));
    assert_ok(
        ww_flow_guests_bind(&f->guests, WW_VIEW_LITERAL("store"), f->ask.offer, f->state, type));
}

/* Binds the guest to "store" and installs the module. */
static ww_status install_text(fixture *f, const char *text, const char *module, const char *config,
                              ww_diag *diag)
{
    ww_buf artifact;
    ww_view target = ww_view_str(module);
    ww_dataflow_slot slot = {.slot = WW_VIEW_LITERAL("store"), .config = ww_view_str(config)};
    bind_store(f, &slot.type);
    ww_buf_init(&artifact, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(ww_allocator_libc(), ww_view_str(text), &artifact, diag));
    ww_dataflow_install_options options = {
        .artifact = ww_buf_view(&artifact),
        .targets = &target,
        .target_count = 1,
        .slots = &slot,
        .slot_count = 1,
        .policy = WW_BOOTSTRAP_FAIL_TARGET,
        .deadline_ns = f->deadline_ns,
    };
    ww_status status = ww_dataflow_install(f->flow, &options, diag);
    ww_buf_deinit(&artifact);
    return status;
}

static ww_status install(fixture *f, const char *config, ww_diag *diag)
{
    return install_text(f, pair, "Pair", config, diag);
}

static void use_guest(fixture *f, const char *name)
{
    f->program = program_of(name);
}

/* Of their wire form: the count comes first. */
static void put_floats(fixture *f, ww_view bytes)
{
    for (size_t at = 8; at + sizeof(float) <= bytes.size; at += sizeof(float)) {
        float number;
        memcpy(&number, bytes.data + at, sizeof number);
        assert_ok(ww_buf_printf(&f->log, " %g", (double)number));
    }
}

static void put_event(fixture *f, const ww_flow_step *step)
{
    if (step->event.is_echo) return;
    assert_ok(ww_buf_printf(&f->log, "%.*s", WW_VIEW_ARG(step->event.topic)));
    if (ww_view_is(step->event.topic, "copy")) {
        assert_int_equal(step->event.bytes.size, 8);
        assert_ok(ww_buf_printf(&f->log, " %u", (unsigned)ww_le64(step->event.bytes.data)));
    }
    if (ww_view_is(step->event.topic, "found")) put_floats(f, step->event.bytes);
    assert_ok(ww_buf_append_byte(&f->log, '\n'));
}

static void put_step(fixture *f, const ww_flow_step *step)
{
    static const char *const events[] = {"waits", "needs input", "started", "completed", "failed"};
    if (step->kind == WW_FLOW_STEP_OP_FAILED)
        assert_ok(ww_buf_printf(&f->log, "error: %.*s\n", WW_VIEW_ARG(step->op.detail)));
    if (step->kind == WW_FLOW_STEP_APP_EVENT) put_event(f, step);
    if (step->kind != WW_FLOW_STEP_BOOTSTRAP) return;
    const ww_bootstrap *queue = ww_dataflow_queue(f->flow);
    ww_view name = ww_bootstrap_target_at(queue, step->bootstrap.target).name;
    assert_ok(ww_buf_printf(&f->log, "%.*s %s\n", WW_VIEW_ARG(name), events[step->bootstrap.kind]));
}

static void poll(fixture *f)
{
    ww_flow_step steps[WW_DATAFLOW_STEPS_MIN];
    size_t count;
    ww_status status;
    ww_flow_guests_settle(&f->guests);
    do {
        status = ww_dataflow_poll(f->flow, f->now, steps, WW_COUNT_OF(steps), &count);
        for (size_t i = 0; i < count; i++)
            put_step(f, &steps[i]);
    } while (status == WW_AGAIN);
    assert_ok(status);
}

/* What has happened since the last call, once the guest has answered `answers` more calls. */
static const char *run(fixture *f, uint32_t answers)
{
    ww_buf_clear(&f->log);
    poll(f);
    for (uint32_t last = f->answers + answers; f->answers < last;) {
        turn(f);
        poll(f);
    }
    assert_ok(ww_buf_append_byte(&f->log, 0));
    return (const char *)f->log.data;
}

static ww_roster_entry *only_cell(const fixture *f)
{
    assert_int_equal(f->roster.count, 1);
    return f->roster.first;
}

static void request(fixture *f, ww_bootstrap_kind kind, const char *target)
{
    ww_bootstrap_request_item item = {.kind = kind, .target = ww_view_str(target)};
    assert_ok(ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL));
}

static void send_item_to(fixture *f, const char *module)
{
    const float item[] = {1, 2, 3.5F};
    assert_ok(ww_dataflow_event(f->flow, ww_view_str(module), WW_VIEW_LITERAL("item"),
                                ww_view_of(item, sizeof item), NULL));
}

static void send_item(fixture *f)
{
    send_item_to(f, "Pair");
}

/* --- calls --- */

static void call__values_both_ways__arrive(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "", NULL));
    send_item(f);
    assert_string_equal(run(f, 2), "copy 1\nfound 1 7 6.5\n");
    send_item(f);
    assert_string_equal(run(f, 2), "copy 2\nfound 2 7 6.5\n");
}

static void call__guest_answers_an_error__is_the_operation_s(void **state)
{
    fixture *f = *state;
    f->triggers = true;
    assert_ok(install(f, "", NULL));
    request(f, WW_BOOTSTRAP_MODULE, "Pair");
    assert_string_equal(run(f, 1), "Pair__bootstrap started\n"
                                   "error: nothing to train on\n"
                                   "Pair__bootstrap failed\n");
}

/* --- bootstraps --- */

static void bootstraps__one_native_one_wasm_disjoint__overlap_in_time(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "wait", NULL));
    request(f, WW_BOOTSTRAP_COMPONENT, "data");
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    assert_string_equal(run(f, 1), "data started\nstore started\nstore completed\n");
    assert_ok(ww_dataflow_complete(f->flow, f->command, NULL, 0));
    assert_string_equal(run(f, 0), "data completed\n");
}

static void bootstraps__overlapping__wait_for_both_in_front(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "wait", NULL));
    request(f, WW_BOOTSTRAP_COMPONENT, "data");
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    request(f, WW_BOOTSTRAP_MODULE, "Pair");
    assert_string_equal(run(f, 1), "Pair__bootstrap waits\n"
                                   "data started\nstore started\nstore completed\n");
    assert_ok(ww_dataflow_complete(f->flow, f->command, NULL, 0));
    assert_string_equal(run(f, 1), "data completed\n"
                                   "Pair__bootstrap started\n"
                                   "Pair__bootstrap completed\n"
                                   "trained\n");
}

static void bootstraps__of_the_same_guest__one_after_the_other(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "wait", NULL));
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    assert_string_equal(run(f, 2), "store waits\n"
                                   "store started\nstore completed\n"
                                   "store started\nstore completed\n");
}

static void bootstrap__guest_needs_inputs__gets_what_the_operator_gives(void **state)
{
    fixture *f = *state;
    use_guest(f, "learner");
    assert_ok(install(f, "", NULL));
    const ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("weights"), WW_VIEW_LITERAL("\3\5")},
                                         {WW_VIEW_LITERAL("seed"), WW_VIEW_LITERAL("41")}};
    const ww_bootstrap_request_item item = {.kind = WW_BOOTSTRAP_COMPONENT,
                                            .target = WW_VIEW_LITERAL("store"),
                                            .inputs = inputs,
                                            .input_count = WW_COUNT_OF(inputs)};
    assert_ok(ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL));
    assert_string_equal(run(f, 1), "store started\nstore completed\n");
    send_item(f);
    assert_string_equal(run(f, 2), "copy 42\nfound 3 5\n");
}

static void bootstrap__guest_says_no__fails_with_its_words(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "fail", NULL));
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    assert_string_equal(run(f, 1), "store started\nerror: no room for the index\nstore failed\n");
}

static void bootstrap__guest_traps__fails_and_so_do_calls_until_the_next(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "trap", NULL));
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    const char *log = run(f, 1);
    assert_non_null(strstr(log, "error: the component is over: wasm trap: wasm `unreachable`"));
    assert_non_null(strstr(log, "store failed\n"));
    while (f->roster.count)
        turn(f);
    send_item(f);
    assert_non_null(strstr(run(f, 0), "the component is over"));
    request(f, WW_BOOTSTRAP_COMPONENT, "store"); /* in a new instance */
    assert_non_null(strstr(run(f, 1), "store started\nerror: "));
}

static void guest__killed_by_the_operator__its_bootstrap_fails(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "wait", NULL));
    assert_int_equal(f->roster.count, 1);
    assert_string_equal(only_cell(f)->name, "store");
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    assert_string_equal(run(f, 0), "store started\n");
    only_cell(f)->kill(only_cell(f));
    assert_non_null(strstr(run(f, 1), "store failed\n"));
}

/* --- states --- */

static const char learns[] = "module Learns\n"
                             "bind store Index Learner\n"
                             "body (item: tensor) > (copy, found)\n"
                             "  id = index.Add(item) @store\n"
                             "  copy = PassThrough(id)\n"
                             "  found = index.Search(id) k=7 @store\n"
                             "bootstrap ()\n"
                             "  c = onnx.Constant() value=f32[1]{1}\n"
                             "  t = index.Train(c) @store\n";

static void on_saved(ww_flow_save *save, ww_status status, ww_view state)
{
    fixture *f = WW_CONTAINER_OF(save, fixture, save);
    f->saved = status;
    ww_blob_unref(f->state);
    f->state = status ? NULL : ww_blob_copy(ww_allocator_libc(), state);
}

static ww_status save(fixture *f)
{
    f->save.done = on_saved;
    f->saved = WW_AGAIN;
    ww_flow_guest *guest = ww_flow_guests_find(&f->guests, WW_VIEW_LITERAL("store"));
    assert_non_null(guest);
    ww_status status = ww_flow_guest_save(guest, &f->save);
    while (!status && f->saved == WW_AGAIN)
        turn(f);
    return status ? status : f->saved;
}

static ww_status bring_up(fixture *f, bool resumes)
{
    const ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("weights"), WW_VIEW_LITERAL("\3\5")},
                                         {WW_VIEW_LITERAL("seed"), WW_VIEW_LITERAL("41")}};
    const ww_bootstrap_request_item item = {.kind = WW_BOOTSTRAP_COMPONENT,
                                            .target = WW_VIEW_LITERAL("store"),
                                            .inputs = inputs,
                                            .input_count = resumes ? 0 : WW_COUNT_OF(inputs),
                                            .resumes = resumes};
    return ww_dataflow_bootstrap(f->flow, &item, 1, NULL, NULL);
}

static void state__loaded_into_a_new_instance__is_as_it_was(void **state)
{
    fixture *f = *state;
    use_guest(f, "learner");
    assert_ok(install_text(f, learns, "Learns", "", NULL));
    assert_ok(bring_up(f, false));
    request(f, WW_BOOTSTRAP_MODULE, "Learns");
    run(f, 2);
    send_item_to(f, "Learns");
    assert_string_equal(run(f, 2), "copy 42\nfound 3 5 2\n");
    assert_ok(save(f));
    new_engine(f);
    assert_ok(install_text(f, learns, "Learns", "", NULL));
    assert_ok(bring_up(f, true));
    assert_string_equal(run(f, 1), "store started\nstore completed\n");
    send_item_to(f, "Learns");
    assert_string_equal(run(f, 2), "copy 43\nfound 3 5 2\n");
}

static void state__refused_by_the_guest__fails_and_needs_its_inputs_again(void **state)
{
    fixture *f = *state;
    use_guest(f, "learner");
    f->state = ww_blob_copy(ww_allocator_libc(), WW_VIEW_LITERAL("something else"));
    assert_ok(install_text(f, learns, "Learns", "", NULL));
    assert_ok(bring_up(f, true));
    assert_string_equal(run(f, 1), "store started\nerror: not a state of mine\nstore failed\n");
    assert_ok(bring_up(f, true));
    assert_string_equal(
        run(f, 0), "error: E_MISSING: its inputs were not given\nstore started\nstore failed\n");
    assert_ok(bring_up(f, false));
    assert_string_equal(run(f, 1), "store started\nstore completed\n");
}

static void state__of_a_guest_that_is_over__cannot_be_had(void **state)
{
    fixture *f = *state;
    use_guest(f, "learner");
    assert_ok(install_text(f, learns, "Learns", "", NULL));
    only_cell(f)->kill(only_cell(f));
    assert_int_not_equal(save(f), WW_OK);
    while (f->roster.count)
        turn(f);
    assert_int_equal(save(f), WW_E_STALE);
}

static void state__of_a_guest_without_it__is_none(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "", NULL));
    assert_null(ww_flow_guests_find(&f->guests, WW_VIEW_LITERAL("store")));
}

/* --- stopping --- */

static uint32_t cancel_store(fixture *f)
{
    uint32_t id;
    ww_bootstrap *queue = ww_dataflow_queue(f->flow);
    assert_true(ww_bootstrap_find(queue, WW_BOOTSTRAP_COMPONENT, WW_VIEW_LITERAL("store"), &id));
    return ww_bootstrap_cancel(queue, id, f->now);
}

static void stop__guest_that_spins__is_over_at_the_deadline(void **state)
{
    fixture *f = *state;
    f->deadline_ns = 1000;
    assert_ok(install(f, "spin", NULL));
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    assert_string_equal(run(f, 0), "store started\n");
    turn(f); /* a slice of it */
    send_item(f);
    assert_string_equal(run(f, 0), ""); /* waits for the store */
    f->now += f->deadline_ns;
    const char *log = run(f, 0);
    assert_non_null(strstr(log, "store failed\n"));
    assert_non_null(strstr(log, "the component is over: a bootstrap that called it was stopped"));
    assert_int_equal(f->roster.count, 0);
    assert_int_equal(f->answers, 0);
}

static void stop__guest_that_waits_for_ever__the_next_has_a_new_instance(void **state)
{
    fixture *f = *state;
    assert_ok(install(f, "stay", NULL));
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    assert_string_equal(run(f, 0), "store waits\nstore started\n");
    turn(f);
    uint32_t first = only_cell(f)->number;
    assert_int_equal(cancel_store(f), 2);
    assert_string_equal(run(f, 0), "store failed\nstore failed\n");
    request(f, WW_BOOTSTRAP_COMPONENT, "store");
    assert_string_equal(run(f, 0), "store started\n");
    assert_int_equal(f->roster.count, 1);
    assert_int_not_equal(only_cell(f)->number, first);
}

/* --- binding --- */

static void ask__not_of_the_contract__is_refused_with_what_is_missing(void **state)
{
    fixture *f = *state;
    use_guest(f, "echo");
    assert_int_equal(ask(f), WW_E_MISSING);
    assert_string_equal(f->ask.diag.text,
                        "the component does not export bootstrap of ww:contract/component@0.1.0");
}

static void ask__one_that_needs_inputs__names_them_and_is_gone(void **state)
{
    fixture *f = *state;
    use_guest(f, "learner");
    assert_ok(ask(f));
    const ww_flow_offer *offer = f->ask.offer;
    assert_int_equal(offer->inputs.count, 2);
    assert_view_is(offer->inputs.at[0], "seed");
    assert_view_is(offer->inputs.at[1], "weights");
    assert_int_equal(f->roster.count, 0);
}

static void ask__ended_under_way__leaves_nothing(void **state)
{
    fixture *f = *state;
    start_asking(f);
    assert_int_equal(f->roster.count, 1);
    ww_flow_ask_deinit(&f->ask);
    assert_int_equal(f->roster.count, 0);
    assert_false(f->is_told);
}

static void install__slot_of_another_role__is_refused(void **state)
{
    ww_diag diag;
    assert_int_equal(install_text(*state,
                                  "module M\nbind store Codec Store\nbody (x) > (y)\n"
                                  "  y = codec.Encode(x) @store\n",
                                  "M", "", &diag),
                     WW_E_MISMATCH);
}

/* --- backends --- */

static float result_of(fixture *f, const char *text)
{
    const float x[] = {-2};
    uint64_t exec;
    const ww_bootstrap_input input = {WW_VIEW_LITERAL("x"), ww_view_of(x, sizeof x)};
    use_guest(f, "arith");
    assert_ok(install_text(f, text, "M", "", NULL));
    assert_ok(ww_dataflow_invoke(f->flow, WW_VIEW_LITERAL("M"), &input, 1, &exec, NULL));
    run(f, 2);
    const ww_flow_value *y = ww_dataflow_slot_at(f->flow, 2, exec);
    assert_non_null(y);
    assert_int_equal(y->type, WW_FLOW_TENSOR);
    const void *tensor = y->data;
    return ((const ww_flow_tensor *)tensor)->data[0];
}

static void backend__what_it_offers__is_its_and_the_rest_the_engine_s(void **state)
{
    assert_true(result_of(*state, "module M\nbind store Backend Any\nbody (x: tensor) > (y)\n"
                                  "  a = onnx.Warp(x) factor=3\n"
                                  "  b = onnx.Abs(a) @store\n"
                                  "  y = onnx.Relu(b) @store\n") == 106);
}

static void backend__several_inputs__come_in_order(void **state)
{
    assert_true(result_of(*state, "module M\nbind store Backend Any\nbody (x: tensor) > (y)\n"
                                  "  a = onnx.Relu(x)\n"
                                  "  b = onnx.Constant() value=f32[2]{1, 4}\n"
                                  "  y = onnx.Warp(a, b)\n") == 490);
}

static void backend__operation_of_nobody__is_refused(void **state)
{
    fixture *f = *state;
    ww_diag diag;
    use_guest(f, "arith");
    assert_int_equal(install_text(f,
                                  "module M\nbind store Backend Any\nbody (x: tensor) > (y)\n"
                                  "  y = onnx.Bend(x) @store\n",
                                  "M", "", &diag),
                     WW_E_UNSUPPORTED);
    assert_non_null(strstr(diag.text, "(Bend): nothing offers this operation"));
    assert_int_equal(f->roster.count, 0);
}

/* --- values --- */

static void lift__shapes_that_do_not_fit__are_refused(void **state)
{
    (void)state;
    const uint32_t dims[] = {2, 3}, huge[] = {UINT32_MAX, UINT32_MAX, 0};
    const float data[6] = {0};
    const ww_contract_value bad[] = {
        {.tag = WW_CONTRACT_TENSOR, .tensor = {{dims, 2}, {data, 5}}},
        {.tag = WW_CONTRACT_TENSOR, .tensor = {{huge, 3}, {data, 0}}},
        {.tag = WW_CONTRACT_TENSOR, .tensor = {{huge, 9}, {data, 0}}},
        {.tag = WW_CONTRACT_PEER_ID, .list = {"\x12\x20", 2}},
        {.tag = WW_CONTRACT_CODED, .coded = {.carrier = 1}},
        {.tag = WW_CONTRACT_CODED, .coded = {0x64d32aef2d363637, {"\x01", 1}}},
        {.tag = WW_CONTRACT_CODED + 1},
    };
    ww_flow_value value;
    for (size_t i = 0; i < WW_COUNT_OF(bad); i++) {
        assert_int_equal(ww_contract_lift(ww_allocator_libc(), &bad[i], &value), WW_E_INVALID);
        assert_int_equal(value.type, WW_FLOW_NONE);
    }
}

static void lift__what_was_lowered__is_the_same(void **state)
{
    (void)state;
    const uint32_t dims[] = {1, 2};
    float *data;
    ww_flow_value values[] = {
        ww_flow_value_number(WW_FLOW_TRIGGER, 0),
        ww_flow_value_number(WW_FLOW_U64, UINT64_MAX),
        ww_flow_value_copy(ww_allocator_libc(), WW_FLOW_BYTES, WW_VIEW_LITERAL("bytes")),
        ww_flow_value_copy(ww_allocator_libc(), WW_FLOW_FLOATS, WW_VIEW_LITERAL("4 x.")),
        ww_flow_value_copy(ww_allocator_libc(), WW_FLOW_PEER_ID, ww_view_of("\0\1a", 3)),
        ww_flow_value_copy(ww_allocator_libc(), WW_FLOW_PEER_ID_VEC,
                           ww_view_of("\0\0\0\0\0\0\0\0", 8)),
        ww_flow_value_tensor(ww_allocator_libc(), dims, 2, &data),
    };
    data[0] = 1, data[1] = 2;
    for (size_t i = 0; i < WW_COUNT_OF(values); i++) {
        ww_contract_value lowered = ww_contract_lower(&values[i]);
        ww_flow_value lifted;
        assert_ok(ww_contract_lift(ww_allocator_libc(), &lowered, &lifted));
        assert_int_equal(lifted.type, values[i].type);
        assert_int_equal(lifted.size, values[i].size);
        if (lifted.blob)
            assert_memory_equal(lifted.data, values[i].data, lifted.size);
        else
            assert_int_equal(lifted.number, values[i].number);
        ww_flow_value_unref(lifted);
        ww_flow_value_unref(values[i]);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(call__values_both_ways__arrive),
        CASE(call__guest_answers_an_error__is_the_operation_s),
        CASE(bootstraps__one_native_one_wasm_disjoint__overlap_in_time),
        CASE(bootstraps__overlapping__wait_for_both_in_front),
        CASE(bootstraps__of_the_same_guest__one_after_the_other),
        CASE(bootstrap__guest_needs_inputs__gets_what_the_operator_gives),
        CASE(bootstrap__guest_says_no__fails_with_its_words),
        CASE(bootstrap__guest_traps__fails_and_so_do_calls_until_the_next),
        CASE(guest__killed_by_the_operator__its_bootstrap_fails),
        CASE(state__loaded_into_a_new_instance__is_as_it_was),
        CASE(state__refused_by_the_guest__fails_and_needs_its_inputs_again),
        CASE(state__of_a_guest_that_is_over__cannot_be_had),
        CASE(state__of_a_guest_without_it__is_none),
        CASE(stop__guest_that_spins__is_over_at_the_deadline),
        CASE(stop__guest_that_waits_for_ever__the_next_has_a_new_instance),
        CASE(ask__not_of_the_contract__is_refused_with_what_is_missing),
        CASE(ask__one_that_needs_inputs__names_them_and_is_gone),
        CASE(ask__ended_under_way__leaves_nothing),
        CASE(install__slot_of_another_role__is_refused),
        CASE(backend__what_it_offers__is_its_and_the_rest_the_engine_s),
        CASE(backend__several_inputs__come_in_order),
        CASE(backend__operation_of_nobody__is_refused),
        cmocka_unit_test(lift__shapes_that_do_not_fit__are_refused),
        cmocka_unit_test(lift__what_was_lowered__is_the_same),
    };
    test_cells_init(&cells);
    if (ww_contract_link(cells.linker)) return 1;
    int failed = test_run_group(tests, WW_COUNT_OF(tests));
    for (size_t i = 0; i < WW_COUNT_OF(programs); i++)
        ww_program_unref(programs[i].program);
    test_cells_deinit(&cells);
    return failed;
}
