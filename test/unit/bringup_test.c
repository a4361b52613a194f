/* A node's bring-up as its operator sees it, with every allocation failing: what is refused changes nothing, says why, and
 * works when it is asked for again. */
#include "os/append.h"
#include "support/bring_up.h"
#include <stdio.h>
#include <unistd.h>

static const char seeded[] = "module Seeded\n"
                             "body (x) > (y)\n"
                             "  y = PassThrough(x)\n"
                             "bootstrap (seed: bytes, weights: bytes)\n"
                             "  AppEmit(seed) name=\"boot.seed\"\n"
                             "  AppEmit(weights) name=\"boot.weights\"\n";
static const char several[] = "function Twice (a: tensor) > (b)\n"
                              "  b = onnx.Add(a, a)\n"
                              "module Left\n"
                              "body (x: tensor) > (out)\n"
                              "  out = call.Twice(x)\n"
                              "bootstrap ()\n"
                              "  p = Pulse()\n"
                              "  AppNotify(p) name=\"left\"\n"
                              "module Right\n"
                              "body (x: tensor) > (out)\n"
                              "  out = call.Twice(x)\n"
                              "bootstrap ()\n"
                              "  p = Pulse()\n"
                              "  AppNotify(p) name=\"right\"\n";
static const char held[] = "module Held\n"
                           "bind store Index Store\n"
                           "body (item: tensor) > (id)\n"
                           "  id = index.Add(item) @store\n"
                           "bootstrap ()\n"
                           "  p = Pulse()\n"
                           "  AppNotify(p) name=\"held\"\n";
static const bring_up_bind store = {"store", "wasm", "wait"};
static const bring_up_input both[] = {{"seed", "42"}, {"weights", "12345678"}};

static bring_up_world world;

/* --- playing a scene with every allocation failing --- */

typedef struct scene {
    void (*before)(bring_up_node *f);
    const char *(*act)(bring_up_node *f); /* NULL, or why it was refused */
    const char *refusal;                  /* what a node with memory says; NULL: it does it */
    void (*after)(bring_up_node *f);
} scene;

static void assert_same(bring_up_facts a, bring_up_facts b)
{
    assert_int_equal(a.modules, b.modules);
    assert_int_equal(a.components, b.components);
    assert_int_equal(a.targets, b.targets);
    assert_int_equal(a.cells, b.cells);
    assert_int_equal(a.done, b.done);
    assert_int_equal(a.journal_bytes, b.journal_bytes);
}

/* The last two are how a call that needs memory of the host ends a guest. */
static const char *const lacks[] = {"memory", "AllocationFailed", "handle table full",
                                    "copy budget exceeded"};

static bool says_lack(const char *text)
{
    bool says = false;
    for (size_t i = 0; i < WW_COUNT_OF(lacks); i++)
        says = says || strstr(text, lacks[i]);
    return says;
}

static void assert_logs_lack(const bring_up_node *f)
{
    uint32_t count = 0;
    for (size_t i = 0; i < WW_COUNT_OF(lacks); i++)
        count += bring_up_logged(f, lacks[i]);
    if (!count) fail_msg("%.*s", WW_VIEW_ARG(ww_buf_view(&f->log.text)));
}

static void act_with_memory(const scene *s, bring_up_node *f)
{
    const char *reason = s->act(f);
    if (!s->refusal) {
        if (reason) fail_msg("refused: %s", reason);
    } else if (!reason || !strstr(reason, s->refusal)) {
        fail_msg("says: %s", reason ? reason : "nothing");
    }
}

/* True: the allocation failed. */
static bool play_once(const scene *s, bring_up_node *f, size_t fail_at)
{
    if (s->before) s->before(f);
    bring_up_settle(f);
    bring_up_facts before = bring_up_facts_of(f);
    f->allocator.count = 0;
    f->allocator.fail_at = fail_at;
    const char *reason = s->act(f);
    bring_up_settle(f);
    bool has_failed = f->allocator.count >= fail_at;
    f->allocator.fail_at = 0;
    if (reason) assert_same(before, bring_up_facts_of(f));
    if (reason && !(s->refusal && strstr(reason, s->refusal))) {
        if (!has_failed || !says_lack(reason))
            fail_msg("allocation %zu fails: \"%s\"", fail_at, reason);
        act_with_memory(s, f);
        bring_up_settle(f);
    }
    if (s->after) s->after(f);
    return has_failed;
}

static void play(const scene *s)
{
    bool has_failed = true;
    for (size_t fail_at = 1; has_failed; fail_at++) {
        char folder[TEST_PATH_MAX];
        bring_up_node f;
        test_folder_make(folder);
        bring_up_init(&f, &world, folder);
        has_failed = play_once(s, &f, fail_at);
        bring_up_deinit(&f);
        test_folder_remove(folder);
    }
}

/* --- install --- */

static const char *install_seeded(bring_up_node *f)
{
    return bring_up_install(f, seeded, NULL, 0);
}

static void seeded_waits(bring_up_node *f)
{
    assert_int_equal(bring_up_facts_of(f).modules, 1);
    assert_int_equal(bring_up_state_of(f, "Seeded__bootstrap"), BRINGUP_TARGET_STATE_NEEDS_INPUT);
}

static void install__one_module__is_there_or_not(void **state)
{
    (void)state;
    play(&(scene){.act = install_seeded, .after = seeded_waits});
}

static const char *install_several(bring_up_node *f)
{
    return bring_up_install(f, several, NULL, 0);
}

/* A bootstrap that has begun may fail for lack of memory: it says so, and can be asked for again. */
static void comes_up(bring_up_node *f, const char *target, const bring_up_input *inputs,
                     uint32_t count)
{
    if (bring_up_state_of(f, target) != BRINGUP_TARGET_STATE_DONE) {
        assert_logs_lack(f);
        assert_null(bring_up_bootstrap(f, target, inputs, count));
        bring_up_settle(f);
    }
    assert_int_equal(bring_up_state_of(f, target), BRINGUP_TARGET_STATE_DONE);
}

static void both_are_up(bring_up_node *f)
{
    assert_int_equal(bring_up_facts_of(f).modules, 2);
    comes_up(f, "Left__bootstrap", NULL, 0);
    comes_up(f, "Right__bootstrap", NULL, 0);
    assert_true(bring_up_logged(f, "event left"));
}

static void install__several_modules__all_or_none(void **state)
{
    (void)state;
    play(&(scene){.act = install_several, .after = both_are_up});
}

static const char *install_held(bring_up_node *f)
{
    return bring_up_install(f, held, &store, 1);
}

static void held_is_up(bring_up_node *f)
{
    comes_up(f, "store", NULL, 0);
    comes_up(f, "Held__bootstrap", NULL, 0);
    assert_int_equal(f->node.roster.count, 1);
}

static void install__with_a_component__is_there_or_not(void **state)
{
    (void)state;
    play(&(scene){.act = install_held, .after = held_is_up});
}

/* --- what is refused --- */

static void begin_seeded(bring_up_node *f)
{
    assert_null(install_seeded(f));
}

static void install__again__is_refused(void **state)
{
    (void)state;
    play(&(scene){begin_seeded, install_seeded, "is installed already", seeded_waits});
}

static const char *install_unbound(bring_up_node *f)
{
    return bring_up_install(f, held, NULL, 0);
}

static const char *install_bound_twice(bring_up_node *f)
{
    const bring_up_bind twice[] = {store, store};
    return bring_up_install(f, held, twice, 2);
}

static const char *install_bad_component(bring_up_node *f)
{
    return bring_up_install(f, held, &(bring_up_bind){"store", "bad", ""}, 1);
}

static const char *install_broken_component(bring_up_node *f)
{
    return bring_up_install(f, held, &(bring_up_bind){"store", "broken", ""}, 1);
}

static void nothing_is_there(bring_up_node *f)
{
    bring_up_facts facts = bring_up_facts_of(f);
    assert_int_equal(facts.modules + facts.components + facts.targets + facts.cells, 0);
    assert_int_equal(facts.journal_bytes, 0);
    assert_null(install_held(f)); /* the name is free */
}

static void install__slots_do_not_fit__is_refused(void **state)
{
    (void)state;
    play(&(scene){.act = install_unbound,
                  .refusal = "slot \"store\" needs component \"Store\"",
                  .after = nothing_is_there});
    play(&(scene){.act = install_bound_twice,
                  .refusal = "slot \"store\" is bound twice",
                  .after = nothing_is_there});
}

static void install__bad_component__is_refused(void **state)
{
    (void)state;
    play(&(scene){.act = install_bad_component,
                  .refusal = "slot \"store\": the component does not export bootstrap",
                  .after = nothing_is_there});
    play(&(scene){.act = install_broken_component,
                  .refusal = "slot \"store\": it does not compile",
                  .after = nothing_is_there});
}

static const char *install_cut(bring_up_node *f)
{
    return bring_up_ask(f, bring_up_install_call(f, held, 5, &store, 1));
}

static void install__bad_artifact__nothing_is_half_installed(void **state)
{
    (void)state;
    play(&(scene){.act = install_cut, .refusal = "artifact offset ", .after = nothing_is_there});
}

/* --- bootstrap, invoke, status --- */

static const char *bootstrap_seeded(bring_up_node *f)
{
    return bring_up_bootstrap(f, "Seeded", both, 2);
}

static void seeded_is_up(bring_up_node *f)
{
    comes_up(f, "Seeded__bootstrap", both, 2);
    assert_true(bring_up_logged(f, "event boot.weights of Seeded__bootstrap, 8 bytes"));
}

static void bootstrap__with_inputs__runs_once(void **state)
{
    (void)state;
    play(&(scene){begin_seeded, bootstrap_seeded, NULL, seeded_is_up});
}

static const char *bootstrap_half(bring_up_node *f)
{
    return bring_up_bootstrap(f, "Seeded", both, 1);
}

static void bootstrap__input_missing__is_refused(void **state)
{
    (void)state;
    play(&(scene){begin_seeded, bootstrap_half, "weights", seeded_waits});
}

static void begin_held(bring_up_node *f)
{
    assert_null(install_held(f));
}

static const char *bootstrap_store(bring_up_node *f)
{
    return bring_up_bootstrap(f, "store", NULL, 0);
}

static void bootstrap__of_a_component__again__runs(void **state)
{
    (void)state;
    play(&(scene){begin_held, bootstrap_store, NULL, held_is_up});
}

static const char *invoke_seeded(bring_up_node *f)
{
    return bring_up_invoke(f, "Seeded", &(bring_up_input){"x", "bytes"}, 1);
}

static void answers_once(bring_up_node *f)
{
    if (!bring_up_logged(f, "event y of Seeded#")) {
        assert_logs_lack(f);
        assert_null(invoke_seeded(f));
        bring_up_settle(f);
    }
    assert_int_equal(bring_up_logged(f, "event y of Seeded#"), 1);
}

static void invoke__a_module__answers_once(void **state)
{
    (void)state;
    play(&(scene){begin_seeded, invoke_seeded, NULL, answers_once});
}

static const char *invoke_held(bring_up_node *f)
{
    return bring_up_invoke(f, "Held", &(bring_up_input){"item", "abcdefgh"}, 1);
}

static void component_answers(bring_up_node *f)
{
    if (!bring_up_logged(f, "event id of Held#")) {
        assert_logs_lack(f);
        comes_up(f, "store", NULL, 0); /* it may have ended */
        if (f->node.roster.count == 0) assert_null(bootstrap_store(f));
        bring_up_settle(f);
        assert_null(invoke_held(f));
        bring_up_settle(f);
    }
    assert_int_equal(bring_up_logged(f, "event id of Held#"), 1);
}

static void invoke__calls_a_component__answers_once(void **state)
{
    (void)state;
    play(&(scene){begin_held, invoke_held, NULL, component_answers});
}

/* --- a component that needs inputs --- */

static const char *install_learner(bring_up_node *f)
{
    return bring_up_install(f, held, &(bring_up_bind){"store", "learner", ""}, 1);
}

static void learner_waits(bring_up_node *f)
{
    assert_int_equal(f->node.roster.count, 1);
    assert_int_equal(bring_up_state_of(f, "store"), BRINGUP_TARGET_STATE_NEEDS_INPUT);
}

static void install__component_with_inputs__waits_for_them(void **state)
{
    (void)state;
    play(&(scene){.act = install_learner, .after = learner_waits});
}

static void begin_learner(bring_up_node *f)
{
    assert_null(install_learner(f));
}

static const char *bootstrap_learner(bring_up_node *f)
{
    return bring_up_bootstrap(f, "store", both, 2);
}

static void learner_is_up(bring_up_node *f)
{
    comes_up(f, "store", both, 2);
    comes_up(f, "Held__bootstrap", NULL, 0);
}

static void bootstrap__component_with_inputs__is_told_them(void **state)
{
    (void)state;
    play(&(scene){begin_learner, bootstrap_learner, NULL, learner_is_up});
}

static const char *ask_status(bring_up_node *f)
{
    int state = bring_up_state_of(f, "store");
    if (state == -2) return f->reason;
    assert_int_equal(state, BRINGUP_TARGET_STATE_DONE);
    return NULL;
}

static void status__is_told_whole(void **state)
{
    (void)state;
    play(&(scene){begin_held, ask_status, NULL, NULL});
}

/* --- events --- */

static void begin_several(bring_up_node *f)
{
    assert_null(install_several(f));
}

static const char *ask_events(bring_up_node *f)
{
    if (!bring_up_events(f, 0)) return f->reason;
    assert_string_equal(f->reason, "left right ");
    return NULL;
}

static void events__are_told_from_the_first_that_is_kept(void **state)
{
    (void)state;
    play(&(scene){begin_several, ask_events, NULL, NULL});
}

typedef struct waiting {
    ww_capnp_done done;
    ww_capnp_call *call;
    uint32_t answers;
} waiting;

static void told(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, waiting, done)->answers++;
}

static void begin_waiting(bring_up_node *f, waiting *w)
{
    *w = (waiting){.done = {told},
                   .call = bring_up_events_call(f, f->node.bringup.events.last, true)};
    assert_ok(ww_capnp_call_send(w->call, &w->done));
    for (int i = 0; i < 10; i++)
        bring_up_turn(f);
    assert_int_equal(w->answers, 0);
}

static void events__who_waits__is_told_of_the_next_or_of_the_end(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX];
    bring_up_node f;
    waiting w[3];
    test_folder_make(folder);
    bring_up_init(&f, &world, folder);
    begin_seeded(&f);
    for (size_t i = 0; i < WW_COUNT_OF(w); i++)
        begin_waiting(&f, &w[i]);
    ww_capnp_call_cancel(w[1].call); /* he does not want to know any more */
    assert_null(invoke_seeded(&f));
    bring_up_settle(&f);
    while (!w[0].answers || !w[2].answers)
        bring_up_turn(&f);
    assert_int_equal(f.node.bringup.listener_count, 0);
    assert_false(ww_capnp_call_failed(w[0].call) || ww_capnp_call_failed(w[2].call));
    assert_true(ww_capnp_call_failed(w[1].call));
    for (size_t i = 0; i < WW_COUNT_OF(w); i++)
        ww_capnp_call_drop(w[i].call);
    begin_waiting(&f, &w[0]);
    bring_up_close(&f);
    while (!w[0].answers)
        bring_up_turn(&f);
    assert_string_equal(ww_capnp_call_reason(w[0].call), "the node ends");
    ww_capnp_call_drop(w[0].call);
    bring_up_deinit(&f);
    test_folder_remove(folder);
}

/* --- pid0 --- */

static void start(ww_pid0 *pid0)
{
    (void)pid0;
}

static ww_pid0 pid0;

static const char *add_pid0(bring_up_node *f)
{
    static ww_diag diag;
    pid0 = (ww_pid0){.start = start};
    ww_status status = ww_bringup_add_pid0(&f->node.bringup, &pid0, WW_VIEW_LITERAL("pid0"), &diag);
    if (status) return diag.text;
    while (!pid0.is_started)
        bring_up_turn(f);
    ww_bringup_started(&f->node.bringup, WW_OK);
    return NULL;
}

static void pid0_is_up(bring_up_node *f)
{
    assert_int_equal(bring_up_state_of(f, "pid0"), BRINGUP_TARGET_STATE_DONE);
    assert_non_null(strstr(bring_up_bootstrap(f, "pid0", NULL, 0), "pid0 is brought up once"));
}

static void pid0__is_asked_for__starts_in_its_turn(void **state)
{
    (void)state;
    play(&(scene){.act = add_pid0, .after = pid0_is_up});
}

/* --- from the journal --- */

static void restart(bring_up_node *f)
{
    ww_diag diag;
    bring_up_close(f);
    assert_ok(bring_up_open(f, &diag));
    ww_bringup_resume(&f->node.bringup);
    bring_up_settle(f);
}

static void resume__after_everything__all_is_there(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX];
    bring_up_node f;
    test_folder_make(folder);
    bring_up_init(&f, &world, folder);
    begin_seeded(&f);
    begin_held(&f);
    assert_null(install_several(&f));
    bring_up_settle(&f);
    assert_null(bootstrap_seeded(&f));
    bring_up_settle(&f);
    bring_up_facts before = bring_up_facts_of(&f);
    ww_buf_clear(&f.log.text);
    restart(&f);
    assert_same(before, bring_up_facts_of(&f));
    assert_int_equal(bring_up_logged(&f, "event"), 0); /* nothing runs again */
    bring_up_deinit(&f);
    test_folder_remove(folder);
}

/* Everything is there, or the log says what is not; then the next one has it. */
static bool resume_once(bring_up_node *f, size_t fail_at)
{
    ww_diag diag;
    begin_held(f);
    bring_up_settle(f);
    begin_seeded(f);
    bring_up_facts before = bring_up_facts_of(f);
    bring_up_close(f);
    ww_buf_clear(&f->log.text);
    f->allocator.count = 0;
    f->allocator.fail_at = fail_at;
    ww_status status = bring_up_open(f, &diag);
    if (!status) {
        ww_bringup_resume(&f->node.bringup);
        bring_up_settle(f);
    }
    bool has_failed = f->allocator.count >= fail_at;
    f->allocator.fail_at = 0;
    if (status) {
        assert_int_equal(status, WW_E_MEMORY);
        assert_ok(bring_up_open(f, &diag));
        ww_bringup_resume(&f->node.bringup);
        bring_up_settle(f);
    }
    if (bring_up_facts_of(f).modules < before.modules) assert_logs_lack(f);
    restart(f);
    bring_up_facts after = bring_up_facts_of(f);
    assert_int_equal(after.modules, before.modules);
    assert_int_equal(after.components, before.components);
    assert_int_equal(after.targets, before.targets);
    held_is_up(f);
    return has_failed;
}

static void resume__any_allocation_fails__the_next_has_it_all(void **state)
{
    (void)state;
    bool has_failed = true;
    for (size_t fail_at = 1; has_failed; fail_at++) {
        char folder[TEST_PATH_MAX];
        bring_up_node f;
        test_folder_make(folder);
        bring_up_init(&f, &world, folder);
        has_failed = resume_once(&f, fail_at);
        bring_up_deinit(&f);
        test_folder_remove(folder);
    }
}

/* --- a journal that another process has --- */

static ww_append_file take_journal(const bring_up_node *f)
{
    ww_buf content;
    ww_folder folder;
    ww_append_file file;
    ww_buf_init(&content, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_folder_open(f->node.folders.state, &folder, NULL));
    assert_ok(ww_append_open(&folder, WW_JOURNAL_NAME, false, &content, &file, NULL));
    ww_folder_close(&folder);
    ww_buf_deinit(&content);
    return file;
}

/* A node that was there has installed one module; the next one finds its journal taken. */
static ww_append_file open_without_journal(bring_up_node *f)
{
    ww_diag diag;
    begin_seeded(f);
    bring_up_close(f);
    ww_append_file file = take_journal(f);
    ww_buf_clear(&f->log.text);
    assert_ok(bring_up_open(f, &diag));
    ww_bringup_resume(&f->node.bringup);
    return file;
}

typedef char fault_text[8192];

/* Whose process it is, with that in front and behind. */
static const char *fault(const bring_up_node *f, const char *before, const char *behind,
                         fault_text text)
{
    snprintf(text, sizeof(fault_text), "%sprocess %d, likely another node, has %s/%s%s", before,
             (int)getpid(), f->node.folders.state, WW_JOURNAL_NAME, behind);
    return text;
}

static void assert_fault(bring_up_node *f, const char *expected)
{
    ww_capnp_call *call;
    bringup_bring_up_status_begin(f->cap, &call);
    assert_null(bring_up_ask_kept(f, call));
    bringup_status_r status =
        bringup_bring_up_status_results_status(bringup_bring_up_status_response(call));
    assert_view_is(bringup_status_journal(status), expected);
    ww_capnp_call_drop(call);
}

static void resume__the_journal_is_let_go__goes_on_before_any_other_install(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX];
    bring_up_node f;
    fault_text text;
    ww_dataflow_module module;
    test_folder_make(folder);
    bring_up_init(&f, &world, folder);
    ww_append_file file = open_without_journal(&f);
    ww_capnp_call *call = bring_up_install_call(&f, several, 0, NULL, 0);
    assert_ok(ww_capnp_call_send(call, NULL));
    for (int i = 0; i < 300; i++)
        bring_up_turn(&f);
    assert_int_equal(bring_up_facts_of(&f).modules, 0);
    assert_fault(&f, fault(&f, "", "; waiting for it", text));
    ww_append_close(&file);
    bring_up_settle(&f);
    assert_fault(&f, "");
    assert_int_equal(bring_up_facts_of(&f).modules, 3);
    assert_true(ww_dataflow_module_at(f.node.bringup.flow, 0, &module));
    assert_memory_equal(module.name.data, "Seeded#", 7);
    assert_int_equal(bring_up_logged(&f, "journal"), 0);
    ww_capnp_call_drop(call);
    restart(&f);
    assert_int_equal(bring_up_facts_of(&f).modules, 3);
    bring_up_deinit(&f);
    test_folder_remove(folder);
}

static void resume__the_journal_is_never_let_go__is_told_and_nothing_is_kept(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX];
    bring_up_node f;
    fault_text text;
    test_folder_make(folder);
    bring_up_init(&f, &world, folder);
    ww_append_file file = open_without_journal(&f);
    assert_null(install_several(&f)); /* waits as long */
    bring_up_settle(&f);
    assert_int_equal(bring_up_facts_of(&f).modules, 2);
    fault(&f, "what was installed is not brought up here, and nothing is kept: ", "", text);
    assert_fault(&f, text);
    assert_int_equal(bring_up_logged(&f, text), 1);
    ww_append_close(&file);
    restart(&f);
    seeded_waits(&f);
    bring_up_deinit(&f);
    test_folder_remove(folder);
}

static void close__while_the_journal_is_waited_for__ends(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX];
    bring_up_node f;
    test_folder_make(folder);
    bring_up_init(&f, &world, folder);
    ww_append_file file = open_without_journal(&f);
    ww_capnp_call *call = bring_up_install_call(&f, several, 0, NULL, 0);
    assert_ok(ww_capnp_call_send(call, NULL));
    bring_up_turn(&f);
    bring_up_close(&f);
    for (int i = 0; i < 10; i++)
        bring_up_turn(&f);
    assert_string_equal(ww_capnp_call_reason(call), "the node ends");
    ww_capnp_call_drop(call);
    ww_append_close(&file);
    bring_up_deinit(&f);
    test_folder_remove(folder);
}

/* --- components that remember --- */

/* The node before has told that it is up, or nothing of it is done; the next one has its state, or asks again. */
static bool learn_once(bring_up_node *f, size_t fail_at)
{
    const bring_up_bind learner = {"store", "learner", ""};
    assert_null(bring_up_install(f, held, &learner, 1));
    bring_up_settle(f);
    assert_int_equal(bring_up_state_of(f, "store"), BRINGUP_TARGET_STATE_NEEDS_INPUT);
    f->allocator.count = 0;
    f->allocator.fail_at = fail_at;
    const char *reason = bring_up_bootstrap(f, "store", both, 2);
    bring_up_settle(f);
    bool has_failed = f->allocator.count >= fail_at;
    f->allocator.fail_at = 0;
    if (reason && !says_lack(reason)) fail_msg("refused: %s", reason);
    bool was_up = bring_up_state_of(f, "store") == BRINGUP_TARGET_STATE_DONE;
    assert_true(was_up || has_failed);
    restart(f);
    int state = bring_up_state_of(f, "store");
    if (!has_failed) assert_int_equal(state, BRINGUP_TARGET_STATE_DONE);
    assert_true(state == BRINGUP_TARGET_STATE_DONE || state == BRINGUP_TARGET_STATE_NEEDS_INPUT);
    return has_failed;
}

static void remember__any_allocation_fails__the_next_has_the_state_or_asks(void **state)
{
    (void)state;
    bool has_failed = true;
    for (size_t fail_at = 1; has_failed; fail_at++) {
        char folder[TEST_PATH_MAX];
        bring_up_node f;
        test_folder_make(folder);
        bring_up_init(&f, &world, folder);
        has_failed = learn_once(&f, fail_at);
        bring_up_deinit(&f);
        test_folder_remove(folder);
    }
}

/* --- the end --- */

/* The node ends some turns after an install began: with it or without it, and the next one as the journal says. */
static uint32_t close_after(int turns, size_t fail_at)
{
    char folder[TEST_PATH_MAX];
    bring_up_node f;
    test_folder_make(folder);
    bring_up_init(&f, &world, folder);
    ww_capnp_call *call = bring_up_install_call(&f, held, 0, &store, 1);
    assert_ok(ww_capnp_call_send(call, NULL));
    f.allocator.count = 0;
    f.allocator.fail_at = fail_at;
    for (int i = 0; i < turns; i++)
        bring_up_turn(&f);
    bring_up_close(&f);
    f.allocator.fail_at = 0;
    for (int i = 0; i < 10; i++)
        bring_up_turn(&f);
    bool was_answered = !ww_capnp_call_failed(call) && ww_capnp_call_response(call).at;
    ww_capnp_call_drop(call);
    ww_diag diag;
    assert_ok(bring_up_open(&f, &diag));
    restart(&f);
    uint32_t modules = bring_up_facts_of(&f).modules;
    assert_true(modules || !was_answered);
    bring_up_deinit(&f);
    test_folder_remove(folder);
    return modules;
}

static void close__in_the_middle_of_an_install__all_or_nothing(void **state)
{
    (void)state;
    enum { FAULTS = 60 };
    int turns = 0; /* how many an install takes depends on the machine */
    assert_false(close_after(0, 0));
    while (!close_after(turns, 0))
        turns += 1 + turns / 4;
    for (size_t fail_at = 1; fail_at < FAULTS; fail_at++)
        close_after((int)fail_at * turns / FAULTS, fail_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(install__one_module__is_there_or_not),
        cmocka_unit_test(install__several_modules__all_or_none),
        cmocka_unit_test(install__with_a_component__is_there_or_not),
        cmocka_unit_test(install__again__is_refused),
        cmocka_unit_test(install__slots_do_not_fit__is_refused),
        cmocka_unit_test(install__bad_component__is_refused),
        cmocka_unit_test(install__bad_artifact__nothing_is_half_installed),
        cmocka_unit_test(bootstrap__with_inputs__runs_once),
        cmocka_unit_test(bootstrap__input_missing__is_refused),
        cmocka_unit_test(bootstrap__of_a_component__again__runs),
        cmocka_unit_test(invoke__a_module__answers_once),
        cmocka_unit_test(invoke__calls_a_component__answers_once),
        cmocka_unit_test(install__component_with_inputs__waits_for_them),
        cmocka_unit_test(bootstrap__component_with_inputs__is_told_them),
        cmocka_unit_test(status__is_told_whole),
        cmocka_unit_test(events__are_told_from_the_first_that_is_kept),
        cmocka_unit_test(events__who_waits__is_told_of_the_next_or_of_the_end),
        cmocka_unit_test(pid0__is_asked_for__starts_in_its_turn),
        cmocka_unit_test(resume__after_everything__all_is_there),
        cmocka_unit_test(resume__any_allocation_fails__the_next_has_it_all),
        cmocka_unit_test(resume__the_journal_is_let_go__goes_on_before_any_other_install),
        cmocka_unit_test(resume__the_journal_is_never_let_go__is_told_and_nothing_is_kept),
        cmocka_unit_test(close__while_the_journal_is_waited_for__ends),
        cmocka_unit_test(remember__any_allocation_fails__the_next_has_the_state_or_asks),
        cmocka_unit_test(close__in_the_middle_of_an_install__all_or_nothing),
    };
    bring_up_world_init(&world);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bring_up_world_deinit(&world);
    return failed;
}
