/* The rules of guests on fibers (ARCHITECTURE.md, "Rules that follow"): start functions, calls and
 * drops on a busy instance, ends in the middle of things. What each of them rests on, the engine's
 * yield at a function's entry, is guarded in wasm_test. */
#include "component/runtime.h"
#include "support/binary.h"
#include "support/check.h"
#include "support/rig.h"

/* What an imported function does when it is called. */
typedef enum act { ACT_NOTE, ACT_WAIT, ACT_KILL, ACT_TICK } act;

typedef struct world {
    test_rig rig;
    act act;
    unsigned ticks_until_kill; /* ACT_TICK: after so many calls the owner has enough */
    unsigned calls, resumed;
    char trace[16]; /* the first letter of each function that was called */
} world;

static ww_engine *engine;

static ww_status resume(ww_call *call, void *result)
{
    world *w = test_rig_of(call)->options.self;
    w->resumed++;
    return test_rig_make_up(call, NULL, result);
}

static ww_status on_call(ww_call *call, const void *params, void *result)
{
    world *w = test_rig_of(call)->options.self;
    if (w->calls < sizeof w->trace - 1) w->trace[w->calls] = call->site->func->name[0];
    w->calls++;
    call->resume = resume;
    switch (w->act) {
    case ACT_WAIT: return WW_AGAIN;
    case ACT_KILL: ww_instance_kill(w->rig.instance, WW_E_CANCELED); break;
    case ACT_TICK:
        ww_engine_tick(engine);
        if (w->calls == w->ticks_until_kill) ww_instance_kill(w->rig.instance, WW_E_TIMEOUT);
        break;
    case ACT_NOTE: break;
    }
    return test_rig_make_up(call, params, result);
}

static int make_world(void **state)
{
    *state = test_calloc(1, sizeof(world));
    return 0;
}

static int free_world(void **state)
{
    world *w = *state;
    test_rig_free(&w->rig);
    assert_int_equal(w->rig.live, 0); /* no end loses a resource */
    test_free(w);
    return 0;
}

static void load(world *w, const char *component)
{
    const test_rig_options options = {.call = on_call, .self = w, .may_wait = true};
    if (test_rig_load(&w->rig, engine, &options, component) || test_rig_instantiate(&w->rig))
        fail_msg("%s", w->rig.diag.text);
}

static ww_poll poll(world *w)
{
    return ww_instance_poll(w->rig.instance);
}

static void assert_dead(world *w, ww_status status)
{
    assert_int_equal(poll(w), WW_POLL_FAILED);
    assert_int_equal(ww_instance_end_of(w->rig.instance).status, status);
    assert_int_equal(w->rig.status, status);
}

/* --- start functions ------------------------------------------------------------------------- */

/* Imports s and r: func(); its start function does `start`, the exported run calls r. */
#define STARTS(start)                                                                              \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 0a[02 00 's' 01 00  00 'r' 01 00] 08[02 01 00 00 00  01 00 01 00]"         \
    "01[" TEST_MODULE "01[01 60 00 00] 02[02 '' 's' 00 00  '' 'r' 00 00] 03[02 00 00]"             \
    "07[01 'run' 00 03] 08[02] 0a[02 [00 " start " 0b] [00 10 01 0b]]]"                            \
    "02[01 01 02 's' 00 00 'r' 00 01] 02[01 00 00 01 '' 12 00] 06[01 00 00 01 01 'run']"           \
    "08[01 00 00 02 00 00] 0b[01 00 'run' 01 02 00]"
#define CALL_S       "10 00 "
#define SPIN         "03 40 0c 00 0b "
#define CALL_FOREVER "03 40 10 00 0c 00 0b "
#define TRAP         "00 "

static void start__that_calls_the_host__runs_before_the_first_call(void **state)
{
    world *w = *state;
    load(w, STARTS(CALL_S));
    test_rig_call(&w->rig, "run", NULL);
    assert_int_equal(w->calls, 0); /* making an instance runs nothing of it */
    assert_int_equal(poll(w), WW_POLL_DONE);
    assert_string_equal(w->trace, "sr");
    assert_ok(w->rig.status);
}

static void start__without_a_call_behind_it__runs_all_the_same(void **state)
{
    world *w = *state;
    load(w, STARTS(CALL_S));
    assert_int_equal(poll(w), WW_POLL_DONE);
    assert_string_equal(w->trace, "s");
}

static void start__that_waits__is_resumed_and_then_the_call_runs(void **state)
{
    world *w = *state;
    load(w, STARTS(CALL_S CALL_S));
    w->act = ACT_WAIT;
    test_rig_call(&w->rig, "run", NULL);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    assert_string_equal(w->trace, "ss");
    w->act = ACT_NOTE;
    assert_int_equal(poll(w), WW_POLL_DONE);
    assert_string_equal(w->trace, "ssr");
    assert_int_equal(w->resumed, 2);
}

static void start__that_spins__yields_at_each_tick(void **state)
{
    world *w = *state;
    load(w, STARTS(CALL_FOREVER));
    w->act = ACT_TICK;
    test_rig_call(&w->rig, "run", NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(poll(w), WW_POLL_SLICE);
    ww_instance_kill(w->rig.instance, WW_E_TIMEOUT);
    assert_dead(w, WW_E_TIMEOUT);
}

static void start__that_traps__ends_the_calls_that_were_queued(void **state)
{
    world *w = *state;
    load(w, STARTS(TRAP));
    test_rig_call(&w->rig, "run", NULL);
    test_rig_call(&w->rig, "run", NULL);
    assert_dead(w, WW_E_TRAP);
    assert_int_equal(ww_instance_end_of(w->rig.instance).trap_code, WW_TRAP_UNREACHABLE);
    assert_int_equal(w->rig.done, 2);
    assert_int_equal(w->calls, 0);
}

static void start__killed_while_it_waits__is_not_resumed(void **state)
{
    world *w = *state;
    load(w, STARTS(CALL_S));
    w->act = ACT_WAIT;
    test_rig_call(&w->rig, "run", NULL);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    ww_instance_kill(w->rig.instance, WW_E_CANCELED);
    assert_dead(w, WW_E_CANCELED);
    assert_int_equal(w->resumed, 0);
}

static void free__while_a_start_function_waits__unwinds_it(void **state)
{
    world *w = *state;
    load(w, STARTS(CALL_S));
    w->act = ACT_WAIT;
    test_rig_call(&w->rig, "run", NULL);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    ww_instance_free(w->rig.instance);
    w->rig.instance = NULL;
    assert_int_equal(w->rig.done, 1);
    assert_int_equal(w->rig.status, WW_E_CANCELED);
}

/* --- ends that come from outside ------------------------------------------------------------- */

static void cancellation__of_a_spinning_guest__is_seen_by_the_deadline_callback(void **state)
{
    world *w = *state;
    load(w, STARTS(CALL_FOREVER));
    w->act = ACT_TICK;
    w->ticks_until_kill = 5;
    test_rig_call(&w->rig, "run", NULL);
    ww_poll last;
    while ((last = poll(w)) == WW_POLL_SLICE)
        continue;
    assert_int_equal(last, WW_POLL_FAILED);
    assert_int_equal(w->rig.status, WW_E_TIMEOUT);
    assert_true(w->calls <= 7); /* two ticks at most pass unseen */
}

static ww_verdict kill_at_tick(void *host)
{
    test_rig *rig = host;
    ww_instance_kill(rig->instance, WW_E_TIMEOUT);
    return WW_GO_ON;
}

/* The tick hook is the cell's: a cell whose time is over says so there. */
static void kill__by_the_tick_hook__ends_a_guest_that_calls_nothing_more(void **state)
{
    world *w = *state;
    load(w, STARTS("10 00 10 00 10 00 " SPIN));
    w->act = ACT_TICK;
    w->rig.instance->options.tick = kill_at_tick;
    test_rig_call(&w->rig, "run", NULL);
    assert_dead(w, WW_E_TIMEOUT);
}

/* --- drops by the host ----------------------------------------------------------------------- */

/* Exports a resource whose destructor calls d: func(), and run, which calls r: func(). */
#define WITH_RESOURCE                                                                              \
    TEST_COMPONENT                                                                                 \
    "07[01 40 00 01 00] 0a[02 00 'd' 01 00  00 'r' 01 00] 08[02 01 00 00 00  01 00 01 00]"         \
    "01[" TEST_MODULE "01[02 60 00 00  60 01 7f 00] 02[02 '' 'd' 00 00  '' 'r' 00 00]"             \
    "03[02 00 01] 07[02 'run' 00 02 'd' 00 03] 0a[02 [00 10 01 0b] [00 10 00 0b]]]"                \
    "02[01 01 02 'd' 00 00 'r' 00 01] 02[01 00 00 01 '' 12 00]"                                    \
    "06[02 00 00 01 01 'run'  00 00 01 01 'd'] 07[01 3f 7f 01 03] 0b[01 00 'thing' 03 01 00]"      \
    "08[01 00 00 02 00 00] 0b[01 00 'run' 01 02 00]"

static void drop_thing(world *w)
{
    ww_instance_drop_resource(w->rig.instance, w->rig.instance->resources[0], 5);
}

static void drop__on_an_idle_instance__runs_the_destructor_in_the_next_poll(void **state)
{
    world *w = *state;
    load(w, WITH_RESOURCE);
    assert_int_equal(poll(w), WW_POLL_DONE);
    drop_thing(w);
    assert_string_equal(w->trace, "");
    assert_int_equal(poll(w), WW_POLL_DONE);
    assert_string_equal(w->trace, "d");
}

static void drop__on_a_busy_instance__is_queued_like_a_call(void **state)
{
    world *w = *state;
    load(w, WITH_RESOURCE);
    w->act = ACT_WAIT;
    test_rig_call(&w->rig, "run", NULL);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    w->act = ACT_NOTE;
    drop_thing(w);
    test_rig_call(&w->rig, "run", NULL);
    assert_string_equal(w->trace, "r");
    assert_int_equal(poll(w), WW_POLL_DONE);
    assert_string_equal(w->trace, "rdr");
    assert_int_equal(w->rig.done, 2);
}

static void drop__whose_destructor_waits__is_resumed(void **state)
{
    world *w = *state;
    load(w, WITH_RESOURCE);
    w->act = ACT_WAIT;
    drop_thing(w);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    assert_int_equal(poll(w), WW_POLL_DONE);
    assert_int_equal(w->resumed, 1);
}

static void drop__on_a_dead_instance__is_skipped(void **state)
{
    world *w = *state;
    load(w, WITH_RESOURCE);
    w->act = ACT_KILL;
    test_rig_call(&w->rig, "run", NULL);
    assert_dead(w, WW_E_CANCELED);
    drop_thing(w);
    assert_int_equal(poll(w), WW_POLL_FAILED);
    assert_string_equal(w->trace, "r");
}

static void drop__queued_when_the_instance_dies__is_skipped(void **state)
{
    world *w = *state;
    load(w, WITH_RESOURCE);
    w->act = ACT_WAIT;
    test_rig_call(&w->rig, "run", NULL);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    drop_thing(w);
    ww_instance_kill(w->rig.instance, WW_E_CANCELED);
    assert_dead(w, WW_E_CANCELED);
    assert_string_equal(w->trace, "r");
}

/* --- in the middle of a call between components ---------------------------------------------- */

/* Two components. The caller makes a thing (import m) and gives it, with one that it lends, to the
 * callee's f: func(x: own<thing>, y: borrow<thing>), which does `body`; that may call h: func(). */
#define THINGS "07[02 69 00  68 00] 07[01 40 02 'x' 01 'y' 02 01 00] "
#define CALLEE(body)                                                                               \
    TEST_COMPONENT                                                                                 \
    "0a[01 00 'thing' 03 01] " THINGS "07[01 40 00 01 00] 0a[01 00 'h' 01 04]"                     \
    "08[02 01 00 00 00  03 00] 01[" TEST_MODULE "01[03 60 00 00  60 02 7f 7f 00  60 01 7f 00]"     \
    "02[02 '' 'h' 00 00  '' 'drop' 00 02] 03[01 01] 07[01 'f' 00 02] 0a[01 [00 " body " 0b]]]"     \
    "02[01 01 02 'h' 00 00 'drop' 00 01] 02[01 00 00 01 '' 12 00] 06[01 00 00 01 01 'f']"          \
    "08[01 00 00 02 00 03] 0b[01 00 'f' 01 01 00]"
#define CALLER                                                                                     \
    TEST_COMPONENT                                                                                 \
    "0a[01 00 'thing' 03 01] " THINGS "07[02 40 00 00 01  40 00 01 00]"                            \
    "0a[02 00 'f' 01 03  00 'm' 01 04] 08[02 01 00 00 00  01 00 01 00]"                            \
    "01[" TEST_MODULE "01[03 60 02 7f 7f 00  60 00 01 7f  60 00 00]"                               \
    "02[02 '' 'f' 00 00  '' 'm' 00 01] 03[01 02] 07[01 'run' 00 02]"                               \
    "0a[01 [00 10 01 10 01 10 00 0b]]] 02[01 01 02 'f' 00 00 'm' 00 01] 02[01 00 00 01 '' 12 00]"  \
    "06[01 00 00 01 01 'run'] 08[01 00 00 02 00 05] 0b[01 00 'run' 01 02 00]"
#define BETWEEN(body)                                                                              \
    TEST_COMPONENT                                                                                 \
    "0a[01 00 'thing' 03 01] 07[03 69 00  40 00 00 01  40 00 01 00]"                               \
    "0a[02 00 'm' 01 02  00 'h' 01 03] 04[" CALLEE(                                                \
        body) "] 04[" CALLER "]"                                                                   \
              "05[01 00 00 02 'thing' 03 00 'h' 01 01] 06[01 01 00 00 'f']"                        \
              "05[01 00 01 03 'thing' 03 00 'f' 01 02 'm' 01 00]"                                  \
              "06[01 01 00 01 'run'] 0b[01 00 'run' 01 03 00]"
#define CALL_H      "10 00 "
#define DROP_BORROW "20 01 10 01 "

/* The import that makes things does nothing else in these cases. */
static ww_status on_h(ww_call *call, const void *params, void *result)
{
    return call->site->func->name[0] == 'h' ? on_call(call, params, result)
                                            : test_rig_make_up(call, params, result);
}

static void load_between(world *w, const char *component, act host_act)
{
    const test_rig_options options = {.call = on_h, .self = w, .may_wait = true};
    if (test_rig_load(&w->rig, engine, &options, component) || test_rig_instantiate(&w->rig))
        fail_msg("%s", w->rig.diag.text);
    w->act = host_act;
    test_rig_call(&w->rig, "run", NULL);
}

static void call_between__that_waits__is_resumed_and_returns(void **state)
{
    world *w = *state;
    load_between(w, BETWEEN(CALL_H DROP_BORROW), ACT_WAIT);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    assert_int_equal(w->rig.live, 2);
    assert_int_equal(poll(w), WW_POLL_DONE);
    assert_ok(w->rig.status);
    assert_int_equal(w->rig.live, 2); /* one is the callee's, one the caller's */
}

static void call_between__killed_by_an_import_of_the_callee__ends_both(void **state)
{
    world *w = *state;
    load_between(w, BETWEEN(CALL_H DROP_BORROW), ACT_KILL);
    assert_dead(w, WW_E_CANCELED);
    assert_int_equal(w->calls, 1);
}

static void call_between__killed_while_the_callee_waits__ends_both(void **state)
{
    world *w = *state;
    load_between(w, BETWEEN(CALL_H DROP_BORROW), ACT_WAIT);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    ww_instance_kill(w->rig.instance, WW_E_CANCELED);
    assert_dead(w, WW_E_CANCELED);
    assert_int_equal(w->resumed, 0);
}

static void call_between__whose_callee_traps__ends_both(void **state)
{
    world *w = *state;
    load_between(w, BETWEEN(CALL_H TRAP), ACT_NOTE);
    assert_dead(w, WW_E_TRAP);
    assert_int_equal(ww_instance_end_of(w->rig.instance).trap_code, WW_TRAP_UNREACHABLE);
}

static void call_between__that_keeps_its_borrow__ends_both(void **state)
{
    world *w = *state;
    load_between(w, BETWEEN(CALL_H), ACT_NOTE);
    assert_dead(w, WW_E_TRAP);
    assert_view_is(ww_instance_end_of(w->rig.instance).text,
                   "borrow handles still remain at the end of the call");
}

static void call_between__freed_while_the_callee_waits__gives_all_back(void **state)
{
    world *w = *state;
    load_between(w, BETWEEN(CALL_H DROP_BORROW), ACT_WAIT);
    assert_int_equal(poll(w), WW_POLL_WAIT);
    ww_instance_free(w->rig.instance);
    w->rig.instance = NULL;
    assert_int_equal(w->rig.status, WW_E_CANCELED);
}

/* --- */

static int make_engine(void **state)
{
    (void)state;
    engine = test_rig_engine();
    return 0;
}

static int free_engine(void **state)
{
    (void)state;
    ww_engine_free(engine);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_world, free_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(start__that_calls_the_host__runs_before_the_first_call),
        CASE(start__without_a_call_behind_it__runs_all_the_same),
        CASE(start__that_waits__is_resumed_and_then_the_call_runs),
        CASE(start__that_spins__yields_at_each_tick),
        CASE(start__that_traps__ends_the_calls_that_were_queued),
        CASE(start__killed_while_it_waits__is_not_resumed),
        CASE(free__while_a_start_function_waits__unwinds_it),
        CASE(cancellation__of_a_spinning_guest__is_seen_by_the_deadline_callback),
        CASE(kill__by_the_tick_hook__ends_a_guest_that_calls_nothing_more),
        CASE(drop__on_an_idle_instance__runs_the_destructor_in_the_next_poll),
        CASE(drop__on_a_busy_instance__is_queued_like_a_call),
        CASE(drop__whose_destructor_waits__is_resumed),
        CASE(drop__on_a_dead_instance__is_skipped),
        CASE(drop__queued_when_the_instance_dies__is_skipped),
        CASE(call_between__that_waits__is_resumed_and_returns),
        CASE(call_between__killed_by_an_import_of_the_callee__ends_both),
        CASE(call_between__killed_while_the_callee_waits__ends_both),
        CASE(call_between__whose_callee_traps__ends_both),
        CASE(call_between__that_keeps_its_borrow__ends_both),
        CASE(call_between__freed_while_the_callee_waits__gives_all_back),
    };
    return cmocka_run_group_tests(tests, make_engine, free_engine);
}
