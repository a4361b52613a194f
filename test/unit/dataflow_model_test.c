/* Random schedules of a whole engine, watched operation by operation. A schedule is a seed:
 * WW_SEED=N runs that one.
 *
 *   I2   No operation of a body runs on a component that a bootstrap in flight touches; one of a
 *        bootstrap only on those that it touches itself, and on which no call of a body is out.
 *   I9   Each operation of an execution is dispatched at most once, and answered at most once.
 *   I11  Operations on one component are dispatched in the order in which they became
 *        ready, parked or not.
 *   I14  When all has come to its end, no execution, value or charged byte is left.
 * And none is stuck: once every call has been answered, everything does come to its end. */
#include "base/pool.h"
#include "dataflow/text.h"
#include "support/check.h"
#include "ww/dataflow.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    SCHEDULES = 10000,
    ACTIONS = 40,
    SLOTS = 3,
    MODULES = 3,
    COMMANDS_MAX = 512,
    OPS_MAX = 4096
};

/* A body waits, and then works on its components, behind an operation that needs two values; each
 * Search says by its `k` which slot it means. */
static const char text[] =
    "module A\nbind s0 Index Store\nbind s1 Index Store\n"
    "body (x) > (y)\n  t = After(x) delay_ns=5\n  g = Gate(t, x)\n  y = index.Search(g) k=0 @s0\n"
    "  z = index.Search(y) k=1 @s1\n"
    "bootstrap ()\n  p = Pulse()\n  a = index.Train(p) k=0 @s0\n  b = index.Train(a) k=1 @s1\n"
    "module B\nbind s1 Index Store\nbind s2 Index Store\n"
    "body (x) > (y)\n  t = After(x) delay_ns=5\n  g = Gate(t, x)\n  y = index.Search(g) k=2 @s2\n"
    "bootstrap (seed)\n  a = index.Train(seed) k=1 @s1\n  b = index.Train(seed) k=2 @s2\n"
    "module C\nbind s2 Index Store\n"
    "body (x) > (y)\n  t = After(x) delay_ns=5\n  g = Gate(t, x)\n  y = index.Search(g) k=2 @s2\n"
    "bootstrap ()\n  p = Pulse()\n  AppNotify(p) name=\"up\"\n";

enum { OF_BOOTSTRAP = SLOTS };

typedef struct command {
    uint64_t id;
    uint32_t slot; /* that a body has called, or OF_BOOTSTRAP */
} command;

typedef struct op_record {
    uint64_t op_ref, exec_id;
    bool suspended, done;
} op_record;

typedef struct world {
    test_allocator allocator;
    ww_dataflow *flow;
    uint64_t random, now;
    command commands[COMMANDS_MAX]; /* that wait for an answer */
    uint32_t command_count;
    op_record ops[OPS_MAX];
    uint32_t op_count;
    uint64_t ready[SLOTS][OPS_MAX]; /* executions whose Search comes next, by component */
    uint32_t ready_first[SLOTS], ready_count[SLOTS];
} world;

static world w;
static ww_buf artifact;

static uint32_t pick(uint32_t below)
{
    w.random = w.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w.random >> 33) % below;
}

/* --- components ------------------------------------------------------------------------------- */

typedef struct locker {
    ww_bootstrap_visitor base;
    uint32_t component, holders;
} locker;

static void count_holder(ww_bootstrap_visitor *base, const ww_bootstrap_entry_info *entry)
{
    locker *self = WW_CONTAINER_OF(base, locker, base);
    if (entry->place != WW_BOOTSTRAP_IN_FLIGHT) return;
    ww_bootstrap_target_info info =
        ww_bootstrap_target_at(ww_dataflow_queue(w.flow), entry->target);
    for (uint32_t i = 0; i < info.touch_count; i++)
        self->holders += info.touches[i] == self->component;
}

/* How many bootstraps in flight touch the component. */
static uint32_t holders(uint32_t slot)
{
    ww_dataflow_component c;
    locker l = {.base.each = count_holder};
    char name[] = {'s', (char)('0' + slot)};
    for (uint32_t i = 0; ww_dataflow_component_at(w.flow, i, &c); i++)
        if (ww_view_equal(c.slot, ww_view_of(name, 2))) l.component = c.lock;
    ww_bootstrap_visit(ww_dataflow_queue(w.flow), &l.base);
    return l.holders;
}

static ww_status answer(ww_flow_call *call, uint32_t slot)
{
    uint32_t how = pick(4);
    if (how == 0) return ww_flow_call_fail(call, WW_E_IO, "scripted");
    if (how == 1) return WW_OK;
    if (w.command_count == COMMANDS_MAX) return WW_OK;
    w.commands[w.command_count++] = (command){ww_flow_call_command(call), slot};
    return WW_AGAIN;
}

static ww_status search(void *self, ww_flow_call *call)
{
    (void)self;
    int64_t slot = ww_flow_call_integer(call, "k", 9, 0);
    assert_int_equal(holders((uint32_t)slot), 0); /* I2 */
    return answer(call, (uint32_t)slot);
}

static ww_status train(void *self, ww_flow_call *call)
{
    (void)self;
    int64_t slot = ww_flow_call_integer(call, "k", 9, 0);
    assert_int_equal(holders((uint32_t)slot), 1); /* I2, and touch sets in flight are disjoint */
    for (uint32_t i = 0; i < w.command_count; i++)
        assert_int_not_equal(w.commands[i].slot, slot); /* calls of bodies have been answered */
    return answer(call, OF_BOOTSTRAP);
}

static ww_status own_bootstrap(void *self, ww_flow_call *call)
{
    (void)self;
    return answer(call, OF_BOOTSTRAP);
}

static const ww_flow_component_type store = {.name = "Store",
                                             .role = WW_FLOW_ROLE_INDEX,
                                             .calls.index = {.search = search, .train = train},
                                             .bootstrap = own_bootstrap};
static const ww_flow_component_type *const types[] = {&store};

/* --- watching --------------------------------------------------------------------------------- */

static op_record *record_of(const ww_flow_step *step)
{
    for (uint32_t i = w.op_count; i-- > 0;)
        if (w.ops[i].op_ref == step->op.op_ref && w.ops[i].exec_id == step->op.exec_id)
            return &w.ops[i];
    assert_true(w.op_count < OPS_MAX);
    w.ops[w.op_count] = (op_record){.op_ref = step->op.op_ref, .exec_id = step->op.exec_id};
    return &w.ops[w.op_count++];
}

/* Bodies are graphs 0 to 2 in the order A, B, C; operation 1 is the Gate, 2 the first Search. */
static void watch_order(const ww_flow_step *step, bool first)
{
    static const uint32_t slot_of_first[MODULES] = {0, 2, 2};
    uint64_t graph = step->op.op_ref >> 32, op = step->op.op_ref & UINT32_MAX;
    if (graph >= MODULES || op < 1 || op > 2) return;
    uint32_t slot = slot_of_first[graph];
    if (op == 1 && step->kind == WW_FLOW_STEP_OP_COMPLETED) {
        assert_true(w.ready_count[slot] < OPS_MAX);
        w.ready[slot][w.ready_count[slot]++] = step->op.exec_id;
    }
    if (op == 1 || !first) return;
    uint32_t at = w.ready_first[slot];
    assert_true(at < w.ready_count[slot]);
    if (!w.allocator.fail_at) assert_int_equal(w.ready[slot][at], step->op.exec_id); /* I11 */
    w.ready_first[slot]++;
}

static void watch(const ww_flow_step *step)
{
    bool completed = step->kind == WW_FLOW_STEP_OP_COMPLETED;
    bool failed = step->kind == WW_FLOW_STEP_OP_FAILED;
    bool suspended = step->kind == WW_FLOW_STEP_ASYNC_SUSPENDED;
    if (!completed && !failed && !suspended) return;
    op_record *r = record_of(step);
    bool first = !r->suspended;
    assert_false(r->done); /* I9 */
    assert_false(suspended && r->suspended);
    watch_order(step, first);
    r->suspended = r->suspended || suspended;
    r->done = r->done || completed || failed;
}

/* Whether there may be more to do at this time. */
static bool poll(uint32_t capacity)
{
    ww_flow_step steps[64];
    size_t count;
    ww_status status = ww_dataflow_poll(w.flow, w.now, steps, capacity, &count);
    assert_true(status == WW_OK || status == WW_AGAIN ||
                (status == WW_E_MEMORY && w.allocator.fail_at));
    bool news = false;
    for (size_t i = 0; i < count; i++) {
        watch(&steps[i]);
        news = news || steps[i].kind != WW_FLOW_STEP_WAITING_ON_BOOTSTRAP;
    }
    ww_bootstrap_check(ww_dataflow_queue(w.flow));
    return status != WW_OK || news || ww_dataflow_next_time(w.flow) <= w.now;
}

/* --- acting ----------------------------------------------------------------------------------- */

static void ask_for(uint32_t what)
{
    static const char *const targets[] = {"A", "B", "C", "s0", "s1", "s2"};
    ww_bootstrap_input seed = {WW_VIEW_LITERAL("seed"), WW_VIEW_LITERAL("bytes")};
    ww_bootstrap_request_item item = {.kind = what < MODULES ? WW_BOOTSTRAP_MODULE
                                                             : WW_BOOTSTRAP_COMPONENT,
                                      .target = ww_view_str(targets[what]),
                                      .inputs = &seed,
                                      .input_count = what == 1};
    ww_status status = ww_dataflow_bootstrap(w.flow, &item, 1, NULL, NULL);
    assert_true(status == WW_OK || w.allocator.fail_at);
}

static void feed(uint32_t module)
{
    static const char *const names[] = {"A", "B", "C"};
    ww_status status = ww_dataflow_event(w.flow, ww_view_str(names[module]), WW_VIEW_LITERAL("x"),
                                         WW_VIEW_LITERAL("event"), NULL);
    assert_true(status == WW_OK || w.allocator.fail_at);
}

static void reply(void)
{
    if (!w.command_count) return;
    uint32_t at = pick(w.command_count);
    uint64_t id = w.commands[at].id;
    ww_flow_value value = ww_flow_value_number(WW_FLOW_U64, 1);
    ww_status status = pick(3) ? ww_dataflow_complete(w.flow, id, &value, 1)
                               : ww_dataflow_fail(w.flow, id, WW_VIEW_LITERAL("no"));
    if (status == WW_E_MEMORY || status == WW_E_BUSY) return;
    w.commands[at] = w.commands[--w.command_count]; /* E_NOT_FOUND: it was canceled */
}

static void act(bool failing)
{
    switch (pick(12)) {
    case 0: (void)!ww_dataflow_bootstrap(w.flow, NULL, 0, NULL, NULL); break;
    case 1:
    case 2: ask_for(pick(MODULES + SLOTS)); break;
    case 3:
    case 4: feed(pick(MODULES)); break;
    case 5:
    case 6: reply(); break;
    case 7: w.now += pick(8); break;
    case 8:
        if (!pick(4))
            ww_bootstrap_cancel(ww_dataflow_queue(w.flow),
                                pick(ww_bootstrap_target_count(ww_dataflow_queue(w.flow))), w.now);
        break;
    case 9:
        if (failing) w.allocator.fail_at = w.allocator.count + 1 + pick(3);
        break;
    default: poll(8 + pick(56)); break;
    }
}

/* Answers everything until nothing is left; B may still wait for its input. */
static void bring_to_an_end(void)
{
    enum { ROUNDS_MAX = 5000 };
    w.allocator.fail_at = w.allocator.fail_at ? SIZE_MAX : 0;
    uint32_t rounds = 0;
    for (;; rounds++) {
        bool busy = poll(64);
        assert_true(rounds < ROUNDS_MAX);
        if (busy) continue;
        uint64_t next = ww_dataflow_next_time(w.flow);
        if (next != UINT64_MAX && next > w.now)
            w.now = next;
        else if (w.command_count)
            reply();
        else
            break;
    }
    poll(64); /* what finished last is forgotten one poll later */
    ww_dataflow_stats left = ww_dataflow_stats_of(w.flow);
    assert_int_equal(left.executions, 0); /* I14 */
    assert_int_equal(left.ingress_bytes, 0);
    assert_int_equal(left.frontier + left.parked + left.pending_async + left.inbox + left.held, 0);
    ww_bootstrap_status status = ww_bootstrap_status_of(ww_dataflow_queue(w.flow));
    assert_int_equal(status.in_flight + status.waiting + status.pending_requests + status.delayed,
                     0);
    for (uint32_t i = 0; i < SLOTS; i++)
        if (w.allocator.fail_at == 0) assert_int_equal(w.ready_first[i], w.ready_count[i]);
}

static void begin(uint64_t seed)
{
    static const ww_view targets[] = {
        {(const uint8_t *)"A", 1}, {(const uint8_t *)"B", 1}, {(const uint8_t *)"C", 1}};
    memset(&w, 0, sizeof w);
    w.random = seed * 2 + 1;
    test_allocator_init(&w.allocator, 0);
    ww_dataflow_config config = {.allocator = &w.allocator.base,
                                 .limits = ww_dataflow_limits_default(),
                                 .seed = {seed, 2},
                                 .types = types,
                                 .type_count = 1};
    config.limits.cycle_op_budget = pick(4) ? 1000 : 1 + pick(5);
    assert_ok(ww_dataflow_new(&config, &w.flow, NULL));
    ww_dataflow_install_options options = {.artifact = ww_buf_view(&artifact),
                                           .targets = targets,
                                           .target_count = MODULES,
                                           .policy = (ww_bootstrap_policy)pick(3),
                                           .retries = pick(2),
                                           .retry_delay_ns = 3,
                                           .deadline_ns = pick(3) ? 0 : 20};
    assert_ok(ww_dataflow_install(w.flow, &options, NULL));
}

static void run(uint64_t seed)
{
    begin(seed);
    for (uint32_t i = 0; i < ACTIONS; i++)
        act(seed % 4 == 0);
    bring_to_an_end();
    ww_dataflow_free(w.flow);
    assert_int_equal(w.allocator.live_bytes, 0);
}

static uint64_t current_seed;
static bool passed;

static void engine__any_random_schedule__keeps_the_rules_and_ends(void **state)
{
    (void)state;
    const char *one = getenv("WW_SEED");
    ww_diag diag = {0};
    ww_buf_init(&artifact, ww_allocator_libc(), SIZE_MAX);
    assert_ok(ww_dataflow_compile(ww_allocator_libc(), ww_view_str(text), &artifact, &diag));
    uint64_t first = one ? strtoull(one, NULL, 10) : 0;
    for (current_seed = first; current_seed < (one ? first + 1 : SCHEDULES); current_seed++)
        run(current_seed);
    passed = true;
    ww_buf_deinit(&artifact);
}

static int tell_seed(void **state)
{
    (void)state;
    if (!passed) print_message("WW_SEED=%llu\n", (unsigned long long)current_seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(engine__any_random_schedule__keeps_the_rules_and_ends, tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
