/* The queue's interface, case by case. What order entries run in is proved in
 * bootstrap_model_test.c. */
#include "bootstrap/bootstrap.h"
#include "support/check.h"

enum { DRIVER = 1 };
static const uint64_t second_ns = 1000000000;

typedef struct fixture {
    ww_budget budget;
    ww_bootstrap *queue;
    uint32_t loader, store;
} fixture;

static ww_status fixture_init(fixture *f, const ww_allocator *allocator)
{
    *f = (fixture){.budget = {.max = 100}};
    const uint64_t key[2] = {5, 6};
    ww_status status =
        ww_bootstrap_new(allocator, ww_bootstrap_limits_default(), &f->budget, key, &f->queue);
    if (!status) status = ww_bootstrap_component(f->queue, WW_VIEW_LITERAL("loader"), &f->loader);
    if (!status) status = ww_bootstrap_component(f->queue, WW_VIEW_LITERAL("store"), &f->store);
    return status;
}

static int setup(void **state)
{
    static fixture f;
    *state = &f;
    return fixture_init(&f, test_heap()) != WW_OK;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_bootstrap_free(f->queue);
    return f->budget.used != 0;
}

static const ww_view formals_of_seeded[] = {{(const uint8_t *)"seed", 4},
                                            {(const uint8_t *)"weights", 7}};

static ww_bootstrap_target module(const char *name)
{
    return (ww_bootstrap_target){.name = ww_view_str(name), .driver = DRIVER};
}

static uint32_t install(fixture *f, ww_bootstrap_target spec)
{
    uint32_t id;
    assert_ok(ww_bootstrap_install(f->queue, &spec, &id, NULL));
    return id;
}

static uint32_t install_seeded(fixture *f)
{
    ww_bootstrap_target spec = module("Seeded__bootstrap");
    spec.formals = formals_of_seeded;
    spec.formal_count = 2;
    return install(f, spec);
}

static bool take(fixture *f, ww_bootstrap_start *start)
{
    ww_bootstrap_advance(f->queue, 0);
    return ww_bootstrap_take(f->queue, DRIVER, 0, 0, start);
}

static void finish(fixture *f, const ww_bootstrap_start *start, uint32_t ops_failed)
{
    ww_bootstrap_finish(f->queue, start->ticket,
                        (ww_bootstrap_result){.ops_run = 3, .ops_failed = ops_failed}, 5);
}

static ww_status request_named(fixture *f, const char *target, ww_bootstrap_fault *fault,
                               ww_diag *diag)
{
    ww_bootstrap_request_item item = {.target = ww_view_str(target)};
    return ww_bootstrap_request(f->queue, &item, 1, 0, fault, diag);
}

static ww_status request_seeded(fixture *f, const char *const pairs[][2], size_t count,
                                ww_bootstrap_fault *fault, ww_diag *diag)
{
    ww_bootstrap_input inputs[8];
    for (size_t i = 0; i < count; i++)
        inputs[i] = (ww_bootstrap_input){ww_view_str(pairs[i][0]), ww_view_str(pairs[i][1])};
    ww_bootstrap_request_item item = {
        .target = WW_VIEW_LITERAL("Seeded"), .inputs = inputs, .input_count = count};
    return ww_bootstrap_request(f->queue, &item, 1, 0, fault, diag);
}

static ww_bootstrap_event event_of(fixture *f, ww_bootstrap_event_kind kind)
{
    ww_bootstrap_event event;
    while (ww_bootstrap_next_event(f->queue, &event))
        if (event.kind == kind) return event;
    fail_msg("no event of kind %d", (int)kind);
    return event;
}

static void install__nothing_armed__runs_nothing_and_is_idle(void **state)
{
    fixture *f = *state;
    install(f, module("A__bootstrap"));
    ww_bootstrap_start start;
    assert_false(take(f, &start));
    assert_int_equal(ww_bootstrap_status_of(f->queue).state, WW_BOOTSTRAP_IDLE);
    assert_false(ww_bootstrap_status_of(f->queue).pending);
}

static void arm__disjoint_targets__still_take_turns_in_install_order(void **state)
{
    fixture *f = *state;
    uint32_t a = install(f, module("A__bootstrap")), b = install(f, module("B__bootstrap"));
    bool armed;
    assert_ok(ww_bootstrap_arm(f->queue, 0, &armed));
    assert_true(armed);
    ww_bootstrap_start first, second;
    assert_true(take(f, &first));
    assert_int_equal(first.target, a);
    assert_false(take(f, &second));
    finish(f, &first, 0);
    assert_true(take(f, &second));
    assert_int_equal(second.target, b);
    finish(f, &second, 0);
    assert_ok(ww_bootstrap_arm(f->queue, 0, &armed));
    assert_false(armed);
    assert_int_equal(event_of(f, WW_BOOTSTRAP_COMPLETED).target, a);
    ww_bootstrap_event event = event_of(f, WW_BOOTSTRAP_COMPLETED);
    assert_int_equal(event.target, b);
    assert_int_equal(event.ops_run, 3);
    assert_int_equal(event.elapsed_ns, 5);
}

static void arm__target_with_formals__waits_for_input_and_goes_on_when_it_is_given(void **state)
{
    fixture *f = *state;
    uint32_t seeded = install_seeded(f);
    uint32_t after = install(f, module("After__bootstrap"));
    bool armed;
    assert_ok(ww_bootstrap_arm(f->queue, 0, &armed));
    ww_bootstrap_start start;
    assert_false(take(f, &start));
    ww_bootstrap_status status = ww_bootstrap_status_of(f->queue);
    assert_int_equal(status.state, WW_BOOTSTRAP_WAITING_FOR_INPUT);
    assert_int_equal(status.input_target, seeded);
    assert_view_is(ww_bootstrap_target_at(f->queue, seeded).formals[1], "weights");
    assert_int_equal(event_of(f, WW_BOOTSTRAP_NEEDS_INPUT).target, seeded);

    assert_ok(
        request_seeded(f, (const char *[][2]){{"weights", "w"}, {"seed", "s"}}, 2, NULL, NULL));
    assert_true(take(f, &start));
    assert_view_is(start.inputs[0], "s");
    assert_view_is(start.inputs[1], "w");
    finish(f, &start, 0);
    assert_true(take(f, &start));
    assert_int_equal(start.target, after);
    finish(f, &start, 0);
    assert_int_equal(ww_bootstrap_status_of(f->queue).state, WW_BOOTSTRAP_IDLE);
}

static void request__finished_before_its_turn__is_passed_over_by_the_install_order(void **state)
{
    fixture *f = *state;
    uint32_t a = install(f, module("A__bootstrap"));
    install(f, module("B__bootstrap"));
    assert_ok(request_named(f, "B", NULL, NULL));
    ww_bootstrap_start start;
    assert_true(take(f, &start));
    finish(f, &start, 0);
    assert_int_equal(ww_bootstrap_status_of(f->queue).next_idx, 0);
    bool armed;
    assert_ok(ww_bootstrap_arm(f->queue, 0, &armed));
    assert_true(take(f, &start));
    assert_int_equal(start.target, a);
    finish(f, &start, 0);
    assert_false(take(f, &start));
    assert_int_equal(ww_bootstrap_status_of(f->queue).next_idx, 2);
}

static void find__short_hashed_and_full_name__are_one_target(void **state)
{
    fixture *f = *state;
    uint32_t x = install(f, module("X__bootstrap")), found = 99;
    for (size_t i = 0; i < 3; i++) {
        const char *names[] = {"X", "X#0123456789abcdef", "X__bootstrap"};
        assert_true(
            ww_bootstrap_find(f->queue, WW_BOOTSTRAP_MODULE, ww_view_str(names[i]), &found));
        assert_int_equal(found, x);
    }
    assert_false(ww_bootstrap_find(f->queue, WW_BOOTSTRAP_MODULE, ww_view_str("Y"), &found));
    assert_false(ww_bootstrap_find(f->queue, WW_BOOTSTRAP_COMPONENT, ww_view_str("X"), &found));
}

static void find__module_named_like_a_bootstrap__exact_names_win(void **state)
{
    fixture *f = *state;
    uint32_t x = install(f, module("X__bootstrap")),
             of_x = install(f, module("X__bootstrap__bootstrap"));
    uint32_t found;
    assert_true(
        ww_bootstrap_find(f->queue, WW_BOOTSTRAP_MODULE, ww_view_str("X__bootstrap"), &found));
    assert_int_equal(found, x);
    assert_true(
        ww_bootstrap_find(f->queue, WW_BOOTSTRAP_MODULE, ww_view_str("X__bootstrap#00"), &found));
    assert_int_equal(found, of_x);
}

static void request__unknown_target__names_it_and_the_known_ones(void **state)
{
    fixture *f = *state;
    install_seeded(f);
    ww_bootstrap_fault fault;
    ww_diag diag;
    assert_int_equal(request_named(f, "Nope", &fault, &diag), WW_E_NOT_FOUND);
    assert_int_equal(fault.kind, WW_BOOTSTRAP_UNKNOWN_TARGET);
    assert_view_is(fault.target, "Nope");
    assert_string_equal(diag.text,
                        "unknown bootstrap target \"Nope\"; known: \"Seeded__bootstrap\"");
}

static void request__bad_inputs__are_reported_in_the_fixed_order_and_change_nothing(void **state)
{
    fixture *f = *state;
    install_seeded(f);
    static const struct {
        const char *pairs[3][2];
        size_t count;
        ww_bootstrap_fault_kind kind;
        const char *input;
    } cases[] = {
        {{{"seed", "1"}, {"typo", "1"}}, 2, WW_BOOTSTRAP_UNKNOWN_INPUT, "typo"},
        {{{"typo", "1"}}, 1, WW_BOOTSTRAP_UNKNOWN_INPUT, "typo"},
        {{{"seed", "1"}, {"seed", "2"}, {"weights", "3"}}, 3, WW_BOOTSTRAP_DUPLICATE_INPUT, "seed"},
        {{{"seed", "1"}}, 1, WW_BOOTSTRAP_MISSING_INPUT, "weights"},
        {{{NULL, NULL}}, 0, WW_BOOTSTRAP_MISSING_INPUT, "seed"},
    };
    uint64_t before = ww_bootstrap_hash(f->queue);
    for (size_t i = 0; i < WW_COUNT_OF(cases); i++) {
        ww_bootstrap_fault fault;
        assert_true(request_seeded(f, cases[i].pairs, cases[i].count, &fault, NULL));
        assert_int_equal(fault.kind, cases[i].kind);
        assert_view_is(fault.input, cases[i].input);
        assert_true(ww_bootstrap_hash(f->queue) == before);
    }
}

static void request__one_bad_item__refuses_the_whole_batch(void **state)
{
    fixture *f = *state;
    install(f, module("A__bootstrap"));
    install_seeded(f);
    ww_bootstrap_request_item items[] = {{.target = WW_VIEW_LITERAL("A")},
                                         {.target = WW_VIEW_LITERAL("Seeded")}};
    ww_bootstrap_fault fault;
    uint64_t before = ww_bootstrap_hash(f->queue);
    assert_int_equal(ww_bootstrap_request(f->queue, items, 2, 0, &fault, NULL), WW_E_USAGE);
    assert_int_equal(fault.item, 1);
    items[1].target = WW_VIEW_LITERAL("A__bootstrap");
    assert_int_equal(ww_bootstrap_request(f->queue, items, 2, 0, &fault, NULL), WW_E_EXISTS);
    assert_int_equal(fault.kind, WW_BOOTSTRAP_ALREADY_QUEUED);
    assert_true(ww_bootstrap_hash(f->queue) == before);
}

static void request__above_the_budget__tells_bytes_and_what_is_left(void **state)
{
    fixture *f = *state;
    install_seeded(f);
    assert_true(ww_budget_charge(&f->budget, 90));
    ww_bootstrap_fault fault;
    assert_int_equal(request_seeded(f,
                                    (const char *[][2]){{"seed", "12345678"}, {"weights", "123"}},
                                    2, &fault, NULL),
                     WW_E_QUOTA);
    assert_int_equal(fault.kind, WW_BOOTSTRAP_ALLOCATION_FAILED);
    assert_int_equal(fault.byte_count, 11);
    assert_int_equal(fault.budget_remaining, 10);
    assert_int_equal(f->budget.used, 90);
    ww_budget_release(&f->budget, 90);
}

static void request__caller_reuses_its_buffer__parked_entry_keeps_its_bytes(void **state)
{
    fixture *f = *state;
    install_seeded(f);
    char bytes[] = "abc";
    ww_bootstrap_input inputs[] = {{WW_VIEW_LITERAL("seed"), ww_view_of(bytes, 3)},
                                   {WW_VIEW_LITERAL("weights"), ww_view_of(bytes, 3)}};
    ww_bootstrap_request_item item = {
        .target = WW_VIEW_LITERAL("Seeded"), .inputs = inputs, .input_count = 2};
    assert_ok(ww_bootstrap_request(f->queue, &item, 1, 0, NULL, NULL));
    memcpy(bytes, "xyz", 3);
    assert_ok(ww_bootstrap_request(f->queue, &item, 1, 0, NULL, NULL));
    memset(bytes, 0, sizeof bytes);
    ww_bootstrap_start first, second;
    assert_true(take(f, &first));
    assert_false(
        take(f, &second)); /* the same target twice overlaps itself, even with nothing to touch */
    assert_view_is(first.inputs[0], "abc");
    finish(f, &first, 0);
    assert_true(take(f, &second));
    assert_view_is(second.inputs[1], "xyz");
    finish(f, &second, 0);
    assert_int_equal(f->budget.used, 0);
}

static void waiting__event__tells_who_is_in_the_way_and_why(void **state)
{
    fixture *f = *state;
    ww_bootstrap_target a = module("A__bootstrap"), b = module("B__bootstrap");
    a.touches = &f->store;
    a.touch_count = 1;
    uint32_t both[] = {f->loader, f->store};
    b.touches = both;
    b.touch_count = 2;
    uint32_t id = install(f, a);
    install(f, b);
    assert_ok(request_named(f, "A", NULL, NULL));
    assert_ok(request_named(f, "B", NULL, NULL));
    ww_bootstrap_start start;
    assert_true(take(f, &start));
    ww_bootstrap_event event = event_of(f, WW_BOOTSTRAP_WAITING);
    assert_int_equal(event.blocker_target, id);
    assert_int_equal(event.blocker_component, f->store);
    assert_view_is(ww_bootstrap_component_name(f->queue, event.blocker_component), "store");
    assert_true(ww_bootstrap_locked(f->queue, f->store));
    assert_false(ww_bootstrap_locked(f->queue, f->loader));
    finish(f, &start, 0);
    assert_true(ww_bootstrap_locked(f->queue, f->loader));
    assert_true(take(f, &start));
    finish(f, &start, 0);
    assert_false(ww_bootstrap_locked(f->queue, f->store));
}

static void hold__work_outside_under_way__entry_claims_the_component_and_waits(void **state)
{
    fixture *f = *state;
    ww_bootstrap_target a = module("A__bootstrap");
    a.touches = &f->store;
    a.touch_count = 1;
    install(f, a);
    ww_bootstrap_hold(f->queue, f->store);
    assert_false(ww_bootstrap_locked(f->queue, f->store));
    assert_ok(request_named(f, "A", NULL, NULL));
    ww_bootstrap_start start;
    assert_false(take(f, &start));
    assert_true(ww_bootstrap_locked(f->queue, f->store)); /* no new work may begin on it */
    ww_bootstrap_release(f->queue, f->store);
    assert_true(take(f, &start));
    finish(f, &start, 0);
}

static void policy__failing_operation__completes_fails_or_halts(void **state)
{
    fixture *f = *state;
    static const ww_bootstrap_policy policies[] = {WW_BOOTSTRAP_CONTINUE, WW_BOOTSTRAP_FAIL_TARGET,
                                                   WW_BOOTSTRAP_HALT};
    for (int i = 0; i < 3; i++) {
        ww_bootstrap_target spec = module((const char *[]){"A", "B", "C"}[i]);
        spec.policy = policies[i];
        install(f, spec);
    }
    install(f, module("D"));
    bool armed;
    assert_ok(ww_bootstrap_arm(f->queue, 0, &armed));
    ww_bootstrap_start start;
    for (int i = 0; i < 3; i++) {
        assert_true(take(f, &start));
        finish(f, &start, 1);
    }
    assert_false(take(f, &start));
    assert_int_equal(event_of(f, WW_BOOTSTRAP_COMPLETED).ops_failed, 1);
    assert_int_equal(event_of(f, WW_BOOTSTRAP_FAILED).target, 1);
    assert_int_equal(event_of(f, WW_BOOTSTRAP_FAILED).target, 2);
    assert_true(ww_bootstrap_status_of(f->queue).halted);
    assert_int_equal(ww_bootstrap_status_of(f->queue).next_idx, 2);
    assert_ok(ww_bootstrap_arm(f->queue, 0, &armed)); /* the halted target gets another turn */
    assert_true(take(f, &start));
    assert_int_equal(start.target, 2);
    finish(f, &start, 0);
    assert_true(take(f, &start));
    finish(f, &start, 0);
}

static void retry__failed_attempt__comes_back_after_a_doubling_delay(void **state)
{
    fixture *f = *state;
    ww_bootstrap_target spec = module("A__bootstrap");
    spec.policy = WW_BOOTSTRAP_FAIL_TARGET;
    spec.retries = 2;
    spec.retry_delay_ns = second_ns;
    install(f, spec);
    assert_ok(request_named(f, "A", NULL, NULL));
    ww_bootstrap_start start;
    uint64_t now = 0;
    for (uint64_t attempt = 0; attempt < 3; attempt++) {
        ww_bootstrap_advance(f->queue, now);
        assert_true(ww_bootstrap_take(f->queue, DRIVER, 0, now, &start));
        ww_bootstrap_finish(f->queue, start.ticket, (ww_bootstrap_result){.status = WW_E_IO}, now);
        assert_int_equal(event_of(f, WW_BOOTSTRAP_FAILED).will_retry, attempt < 2);
        if (attempt == 2) break;
        assert_int_equal(ww_bootstrap_next_time(f->queue), now + (second_ns << attempt));
        ww_bootstrap_advance(f->queue, now + (second_ns << attempt) - 1);
        assert_false(ww_bootstrap_take(f->queue, DRIVER, 0, now, &start));
        now += second_ns << attempt;
    }
    assert_false(ww_bootstrap_status_of(f->queue).pending);
}

/* The events of one attempt are all that the queue has room for, and nobody reads them. */
static void retry__no_room_for_its_events__waits_until_they_are_read(void **state)
{
    fixture *f = *state;
    ww_bootstrap_target spec = module("A__bootstrap");
    spec.policy = WW_BOOTSTRAP_FAIL_TARGET;
    spec.retries = 9;
    install(f, spec);
    assert_ok(request_named(f, "A", NULL, NULL));
    for (uint32_t attempt = 0; attempt < 10; attempt++) {
        ww_bootstrap_start start;
        assert_true(take(f, &start));
        finish(f, &start, 1);
        ww_bootstrap_advance(f->queue, 5);
        assert_int_equal(ww_bootstrap_status_of(f->queue).delayed, attempt < 9);
        assert_int_equal(ww_bootstrap_next_time(f->queue), UINT64_MAX);
        assert_int_equal(event_of(f, WW_BOOTSTRAP_FAILED).will_retry, attempt < 9);
        if (attempt < 9) assert_int_equal(ww_bootstrap_next_time(f->queue), 5);
        ww_bootstrap_advance(f->queue, 5);
        ww_bootstrap_check(f->queue);
    }
    assert_false(ww_bootstrap_status_of(f->queue).pending);
}

static void deadline__passed__driver_is_told_to_stop_and_the_target_failed(void **state)
{
    fixture *f = *state;
    ww_bootstrap_target spec = module("A__bootstrap");
    spec.deadline_ns = 10;
    install(f, spec);
    assert_ok(request_named(f, "A", NULL, NULL));
    ww_bootstrap_start start;
    assert_true(take(f, &start));
    uint64_t ticket;
    ww_bootstrap_advance(f->queue, 9);
    assert_false(ww_bootstrap_take_stop(f->queue, DRIVER, &ticket));
    ww_bootstrap_advance(f->queue, 10);
    assert_true(ww_bootstrap_take_stop(f->queue, DRIVER, &ticket));
    assert_int_equal(ticket, start.ticket);
    assert_false(ww_bootstrap_take_stop(f->queue, DRIVER, &ticket));
    finish(f, &start, 0);
    assert_int_equal(event_of(f, WW_BOOTSTRAP_FAILED).status, WW_E_TIMEOUT);
}

static void cancel__queued_and_running__queued_fail_now_running_when_stopped(void **state)
{
    fixture *f = *state;
    uint32_t a = install(f, module("A__bootstrap"));
    assert_ok(request_named(f, "A", NULL, NULL));
    ww_bootstrap_start start;
    assert_true(take(f, &start));
    assert_ok(request_named(f, "A", NULL, NULL));
    assert_int_equal(ww_bootstrap_cancel(f->queue, a, 0), 2);
    assert_int_equal(event_of(f, WW_BOOTSTRAP_FAILED).status, WW_E_CANCELED);
    uint64_t ticket;
    assert_true(ww_bootstrap_take_stop(f->queue, DRIVER, &ticket));
    finish(f, &start, 0);
    assert_int_equal(event_of(f, WW_BOOTSTRAP_FAILED).status, WW_E_CANCELED);
    assert_false(ww_bootstrap_status_of(f->queue).pending);
}

static void install__known_name__replaces_in_place_unless_busy(void **state)
{
    fixture *f = *state;
    uint32_t a = install(f, module("A__bootstrap"));
    install(f, module("B__bootstrap"));
    assert_ok(request_named(f, "A", NULL, NULL));
    ww_bootstrap_target again = module("A__bootstrap");
    again.formals = formals_of_seeded;
    again.formal_count = 2;
    uint32_t id;
    assert_int_equal(ww_bootstrap_install(f->queue, &again, &id, NULL), WW_E_BUSY);
    ww_bootstrap_start start;
    assert_true(take(f, &start));
    finish(f, &start, 0);
    assert_int_equal(install(f, again), a);
    const uint32_t *order;
    assert_int_equal(ww_bootstrap_install_order(f->queue, &order), 2);
    assert_int_equal(order[0], a);
    assert_int_equal(ww_bootstrap_target_at(f->queue, a).formal_count, 2);
}

static void install__name_of_another_driver__is_refused(void **state)
{
    fixture *f = *state;
    ww_diag diag;
    uint32_t id;
    ww_bootstrap_target pid0 = {
        .kind = WW_BOOTSTRAP_COMPONENT, .name = WW_VIEW_LITERAL("pid0"), .driver = DRIVER + 1};
    install(f, pid0);
    pid0.driver = DRIVER;
    assert_int_equal(ww_bootstrap_install(f->queue, &pid0, &id, &diag), WW_E_EXISTS);
    assert_string_equal(diag.text, "\"pid0\" is the name of another bootstrap target");
}

static void install__of_a_target_that_the_order_waits_for__goes_on_with_the_new_one(void **state)
{
    fixture *f = *state;
    uint32_t seeded = install_seeded(f);
    bool armed;
    assert_ok(ww_bootstrap_arm(f->queue, 0, &armed));
    assert_int_equal(event_of(f, WW_BOOTSTRAP_NEEDS_INPUT).target, seeded);
    ww_bootstrap_target other = module("Seeded__bootstrap");
    other.formals = formals_of_seeded;
    other.formal_count = 1;
    assert_int_equal(install(f, other), seeded);
    assert_int_equal(event_of(f, WW_BOOTSTRAP_NEEDS_INPUT).target, seeded);
    assert_int_equal(install(f, module("Seeded__bootstrap")), seeded);
    ww_bootstrap_start start;
    assert_true(take(f, &start));
    assert_int_equal(start.target, seeded);
    finish(f, &start, 0);
    assert_int_equal(ww_bootstrap_status_of(f->queue).state, WW_BOOTSTRAP_IDLE);
    ww_bootstrap_check(f->queue);
}

static void rollback__targets_and_components_since_the_mark__are_unknown_again(void **state)
{
    fixture *f = *state;
    install(f, module("A__bootstrap"));
    for (int round = 0; round < 20; round++) {
        ww_bootstrap_mark mark = ww_bootstrap_mark_now(f->queue);
        uint64_t before = ww_bootstrap_hash(f->queue);
        uint32_t number, found;
        char name[] = "B__bootstrap";
        name[0] = (char)('B' + round);
        assert_ok(ww_bootstrap_component(f->queue, WW_VIEW_LITERAL("late"), &number));
        install(f, module(name));
        ww_bootstrap_rollback(f->queue, mark);
        assert_true(ww_bootstrap_hash(f->queue) == before);
        assert_false(ww_bootstrap_find(f->queue, WW_BOOTSTRAP_MODULE, ww_view_str(name), &found));
    }
    assert_int_equal(install(f, module("B__bootstrap")), 1);
}

static void component__kind__is_queued_with_modules_and_goes_to_its_driver(void **state)
{
    fixture *f = *state;
    ww_bootstrap_target spec = {.kind = WW_BOOTSTRAP_COMPONENT,
                                .name = WW_VIEW_LITERAL("store"),
                                .touches = &f->store,
                                .touch_count = 1,
                                .driver = DRIVER + 1};
    install(f, spec);
    ww_bootstrap_request_item item = {.kind = WW_BOOTSTRAP_COMPONENT,
                                      .target = WW_VIEW_LITERAL("store")};
    assert_ok(ww_bootstrap_request(f->queue, &item, 1, 0, NULL, NULL));
    ww_bootstrap_start start;
    assert_false(take(f, &start));
    assert_true(ww_bootstrap_take(f->queue, DRIVER + 1, 0, 0, &start));
    assert_int_equal(start.kind, WW_BOOTSTRAP_COMPONENT);
    assert_int_equal(start.touches[0], f->store);
    finish(f, &start, 0);
}

static ww_status whole_life(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    fixture f;
    ww_status status = fixture_init(&f, allocator);
    uint32_t id;
    for (int i = 0; i < 12 && !status; i++) {
        char name[] = "A__bootstrap";
        name[0] = (char)('A' + i);
        ww_bootstrap_target spec = module(name);
        spec.touches = &f.store;
        spec.touch_count = 1;
        status = ww_bootstrap_install(f.queue, &spec, &id, NULL);
    }
    bool armed;
    if (!status) status = ww_bootstrap_arm(f.queue, 0, &armed);
    if (!status) status = request_named(&f, "C", NULL, NULL);
    ww_bootstrap_start start;
    while (!status && take(&f, &start))
        finish(&f, &start, 0);
    ww_bootstrap_free(f.queue);
    return status;
}

static void queue__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(whole_life, NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(install__nothing_armed__runs_nothing_and_is_idle),
        CASE(arm__disjoint_targets__still_take_turns_in_install_order),
        CASE(arm__target_with_formals__waits_for_input_and_goes_on_when_it_is_given),
        CASE(request__finished_before_its_turn__is_passed_over_by_the_install_order),
        CASE(find__short_hashed_and_full_name__are_one_target),
        CASE(find__module_named_like_a_bootstrap__exact_names_win),
        CASE(request__unknown_target__names_it_and_the_known_ones),
        CASE(request__bad_inputs__are_reported_in_the_fixed_order_and_change_nothing),
        CASE(request__one_bad_item__refuses_the_whole_batch),
        CASE(request__above_the_budget__tells_bytes_and_what_is_left),
        CASE(request__caller_reuses_its_buffer__parked_entry_keeps_its_bytes),
        CASE(waiting__event__tells_who_is_in_the_way_and_why),
        CASE(hold__work_outside_under_way__entry_claims_the_component_and_waits),
        CASE(policy__failing_operation__completes_fails_or_halts),
        CASE(retry__failed_attempt__comes_back_after_a_doubling_delay),
        CASE(retry__no_room_for_its_events__waits_until_they_are_read),
        CASE(deadline__passed__driver_is_told_to_stop_and_the_target_failed),
        CASE(cancel__queued_and_running__queued_fail_now_running_when_stopped),
        CASE(install__known_name__replaces_in_place_unless_busy),
        CASE(install__of_a_target_that_the_order_waits_for__goes_on_with_the_new_one),
        CASE(install__name_of_another_driver__is_refused),
        CASE(rollback__targets_and_components_since_the_mark__are_unknown_again),
        CASE(component__kind__is_queued_with_modules_and_goes_to_its_driver),
        cmocka_unit_test(queue__any_allocation_fails__gives_all_back),
    };
    return test_run_group(tests, WW_COUNT_OF(tests));
}
