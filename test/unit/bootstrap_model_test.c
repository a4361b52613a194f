/* The queue against the rule it implements, in every small world and in many large random ones.
 *
 * The rule, as a scan: `blocked` is the union of what runs. Candidates are looked at in order of
 * arrival; one starts if its set meets neither `blocked` nor the sets of earlier candidates left
 * waiting. The oracle below does just that, in O(n) per look; the queue does it with lines and
 * counters. After every action both must agree, and these must hold:
 *
 *   I1   sets in flight are pairwise disjoint
 *   I2   a component is locked iff held by a bootstrap
 *   I3   everything accepted ends, whatever the order of completions, and needs no memory for it
 *   I4   overlapping entries start in order of arrival
 *   I5   one final event per entry, turns in order
 *   I6   pending iff work exists
 *   I7   the budget is what live entries hold
 *   I8   a refused call changes nothing
 *   I9   no entry starts twice
 *   I10  next_idx never goes back
 *   I11  waiting entries keep their order
 *   I12  advancing without work allocates and reports nothing
 *   I13  a queue made anew from what was done starts none of it
 *   I14  a finished entry gives its bytes back
 */
#include "bootstrap/bootstrap.h"
#include "support/check.h"
#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW_BUILD
#endif
#endif
#ifdef SLOW_BUILD
enum { COMPONENTS_OF_FOUR = 3, COMPONENTS_OF_FIVE = 2, SCHEDULES = 400, DEPTH = 4 };
#else
enum { COMPONENTS_OF_FOUR = 4, COMPONENTS_OF_FIVE = 4, SCHEDULES = 10000, DEPTH = 4 };
#endif

enum {
    TARGETS_MAX = 40,
    ENTRIES_MAX = 256,
    DRIVER = 7,
    PAYLOAD = 3,
    RETRY_DELAY = 10,
};

typedef enum place { REQUESTED, WAITING, RUNNING, DELAYED } place;

typedef struct o_entry {
    int target;
    bool seed, stopping;
    place place;
    uint64_t touches; /* components, and one bit of its own per target */
    int attempts;
    uint64_t due;
    uint64_t ticket; /* of the queue, once running */
} o_entry;

typedef struct o_target {
    uint64_t components;
    bool formals, done, failed;
    int policy, retries, live;
} o_target;

/* The oracle: a list of entries in order of arrival, and the install order. */
typedef struct oracle {
    o_target targets[TARGETS_MAX];
    int target_count;
    o_entry list[ENTRIES_MAX];
    int count;
    uint64_t held;
    int next_idx;
    bool armed, halted;
    uint32_t completed, failed; /* final events to expect */
} oracle;

typedef struct world {
    test_allocator allocator;
    ww_budget budget;
    ww_bootstrap *queue;
    oracle o;
    uint64_t now, next_exec;
    uint32_t components, completed, failed, last_turn;
    bool thrifty; /* tries no failing allocations */
} world;

static bool live_of(const oracle *o, int target, bool seeds_only)
{
    for (int i = 0; i < o->count; i++)
        if (o->list[i].target == target && (!seeds_only || o->list[i].seed)) return true;
    return false;
}

static void o_arrive(oracle *o, int target, bool seed)
{
    assert_true(o->count < ENTRIES_MAX);
    o->list[o->count++] =
        (o_entry){.target = target, .seed = seed, .touches = o->targets[target].components};
}

static void o_settle(oracle *o)
{
    while (o->armed && o->next_idx < o->target_count) {
        int t = o->next_idx;
        if (live_of(o, t, true)) break;
        if (!o->targets[t].done) {
            if (!live_of(o, t, false) && !o->targets[t].formals) o_arrive(o, t, true);
            break;
        }
        o->next_idx++;
    }
    if (o->next_idx == o->target_count) o->armed = false;
}

static void o_scan(oracle *o, bool requests_too)
{
    uint64_t blocked = o->held, left_waiting = 0, targets_busy[2] = {0, 0};
    for (int i = 0; i < o->count; i++) {
        if (o->list[i].place != RUNNING) continue;
        blocked |= o->list[i].touches;
        targets_busy[0] |= 1ull << o->list[i].target;
    }
    for (int i = 0; i < o->count; i++) {
        o_entry *e = &o->list[i];
        if (e->place != WAITING && !(requests_too && e->place == REQUESTED)) continue;
        bool free_now = !(e->touches & (blocked | left_waiting)) &&
                        !((targets_busy[0] | targets_busy[1]) >> e->target & 1);
        e->place = free_now ? RUNNING : WAITING;
        *(free_now ? &blocked : &left_waiting) |= e->touches;
        targets_busy[!free_now] |= 1ull << e->target;
    }
}

static void o_remove(oracle *o, int at)
{
    for (int i = at + 1; i < o->count; i++)
        o->list[i - 1] = o->list[i];
    o->count--;
}

static void o_end(oracle *o, int at, bool failed)
{
    o_entry e = o->list[at];
    o_target *t = &o->targets[e.target];
    o_remove(o, at);
    *(failed ? &o->failed : &o->completed) += 1;
    t->done = !failed;
    t->failed = failed;
    if (failed && t->policy == WW_BOOTSTRAP_HALT && (o->armed || e.seed)) {
        o->armed = false;
        o->halted = true;
    } else if (e.seed) {
        o->next_idx++;
    }
}

static void o_advance(oracle *o, uint64_t now)
{
    for (int i = 0, all = o->count; i < all; i++) {
        if (o->list[i].place != DELAYED || o->list[i].due > now) continue;
        o_entry e = o->list[i];
        o_remove(o, i--);
        all--;
        e.place = REQUESTED;
        o->list[o->count++] = e;
    }
    o_scan(o, true);
}

/* --- the world -------------------------------------------------------------------------------- */

/* One call, again and again with its 1st, 2nd, ... allocation failing until it succeeds. */
typedef ww_status call_fn(world *w, const void *arg);

static void accepted(world *w, call_fn *call, const void *arg)
{
    uint64_t before = ww_bootstrap_hash(w->queue);
    ww_status status = WW_E_MEMORY;
    for (size_t fail_at = 1; !w->thrifty && status == WW_E_MEMORY; fail_at++) {
        w->allocator.count = 0;
        w->allocator.fail_at = fail_at;
        status = call(w, arg);
        if (status) assert_true(ww_bootstrap_hash(w->queue) == before); /* I8 */
    }
    w->allocator.fail_at = 0;
    if (w->thrifty) status = call(w, arg);
    assert_ok(status);
}

static ww_status call_install(world *w, const void *spec)
{
    uint32_t id;
    return ww_bootstrap_install(w->queue, spec, &id, NULL);
}

static void install(world *w, int target, uint64_t components, bool formals, int policy,
                    int retries)
{
    uint32_t touches[64], count = 0;
    for (uint32_t c = 0; c < 64; c++)
        if (components >> c & 1) touches[count++] = c;
    char name[32];
    snprintf(name, sizeof name, "t%d__bootstrap", target);
    ww_view formal = ww_view_str("in");
    ww_bootstrap_target spec = {
        .name = ww_view_str(name),
        .formals = &formal,
        .formal_count = formals,
        .touches = touches,
        .touch_count = count,
        .policy = (ww_bootstrap_policy)policy,
        .retries = (uint32_t)retries,
        .retry_delay_ns = RETRY_DELAY,
        .driver = DRIVER,
    };
    accepted(w, call_install, &spec);
    assert_int_equal(ww_bootstrap_target_count(w->queue),
                     w->o.target_count + (target >= w->o.target_count));
    w->o.targets[target] = (o_target){
        .components = components, .formals = formals, .policy = policy, .retries = retries};
    if (target >= w->o.target_count) w->o.target_count = target + 1;
}

static ww_status call_component(world *w, const void *name)
{
    uint32_t number;
    return ww_bootstrap_component(w->queue, ww_view_str(name), &number);
}

static void new_queue(world *w, int components)
{
    const uint64_t key[2] = {3, 4};
    w->components = (uint32_t)components;
    assert_ok(ww_bootstrap_new(&w->allocator.base, ww_bootstrap_limits_default(), &w->budget, key,
                               &w->queue));
    for (int c = 0; c < components; c++)
        accepted(w, call_component, "part");
}

static void world_init(world *w, int components)
{
    *w = (world){.budget = {.max = 1 << 20}};
    test_allocator_init(&w->allocator, 0);
    new_queue(w, components);
}

static void world_deinit(world *w)
{
    ww_bootstrap_free(w->queue);
    assert_int_equal(w->budget.used, 0);
    assert_int_equal(w->allocator.live_bytes, 0);
}

static void read_events(world *w)
{
    ww_bootstrap_event event;
    while (ww_bootstrap_next_event(w->queue, &event)) {
        if (event.kind == WW_BOOTSTRAP_COMPLETED) w->completed++;
        if (event.kind == WW_BOOTSTRAP_FAILED && !event.will_retry) w->failed++;
    }
}

typedef struct seen {
    ww_bootstrap_visitor base;
    const world *w;
    int waiting, running;
    uint64_t running_targets;
} seen;

static o_entry *nth(oracle *o, place where, int n)
{
    for (int i = 0; i < o->count; i++)
        if (o->list[i].place == where && n-- == 0) return &o->list[i];
    return NULL;
}

static void see(ww_bootstrap_visitor *base, const ww_bootstrap_entry_info *entry)
{
    seen *s = WW_CONTAINER_OF(base, seen, base);
    oracle o = s->w->o;
    if (entry->place == WW_BOOTSTRAP_IN_WAITING) {
        const o_entry *e = nth(&o, WAITING, s->waiting++); /* I4, I11 */
        assert_true(e && e->target == (int)entry->target && e->seed == entry->seed);
    } else if (entry->place == WW_BOOTSTRAP_IN_DUE || entry->place == WW_BOOTSTRAP_IN_FLIGHT) {
        s->running++;
        s->running_targets |= 1ull << entry->target;
    }
}

/* What entries that wait for nothing but work outside any bootstrap keep locked, so that it ends. */
static uint64_t claimed_of(const oracle *o, uint64_t locked)
{
    uint64_t claimed = 0, in_front = locked, targets = 0;
    for (int i = 0; i < o->count; i++)
        if (o->list[i].place == RUNNING) targets |= 1ull << o->list[i].target;
    for (int i = 0; i < o->count; i++) {
        const o_entry *e = &o->list[i];
        if (e->place != WAITING) continue;
        if (!(e->touches & in_front) && !(targets >> e->target & 1)) claimed |= e->touches;
        in_front |= e->touches;
        targets |= 1ull << e->target;
    }
    return claimed;
}

static void compare(world *w)
{
    ww_bootstrap_check(w->queue);
    read_events(w);
    oracle *o = &w->o;
    seen s = {.base = {see}, .w = w};
    ww_bootstrap_visit(w->queue, &s.base);
    uint64_t locked = 0, targets = 0, bytes = 0;
    int running = 0, waiting = 0;
    for (int i = 0; i < o->count; i++) {
        const o_entry *e = &o->list[i];
        bytes += e->seed || !o->targets[e->target].formals ? 0 : PAYLOAD;
        waiting += e->place == WAITING;
        if (e->place != RUNNING) continue;
        assert_int_equal(locked & e->touches, 0); /* I1 */
        locked |= e->touches;
        targets |= 1ull << e->target;
        running++;
    }
    assert_int_equal(s.running, running);
    assert_int_equal(s.waiting, waiting);
    assert_true(s.running_targets == targets);
    uint64_t claimed = claimed_of(o, locked);
    for (uint32_t c = 0; c < w->components; c++)
        assert_int_equal(ww_bootstrap_locked(w->queue, c), (locked | claimed) >> c & 1); /* I2 */
    ww_bootstrap_status status = ww_bootstrap_status_of(w->queue);
    assert_int_equal(status.pending, o->count > 0 || o->armed); /* I6 */
    assert_int_equal(status.next_idx, o->next_idx);
    assert_int_equal(status.halted, o->halted);
    assert_true(w->last_turn <= status.next_idx); /* I10 */
    w->last_turn = status.next_idx;
    assert_int_equal(w->budget.used, bytes); /* I7, I14 */
    assert_int_equal(w->completed, o->completed);
    assert_int_equal(w->failed, o->failed); /* I5 */
}

/* Whatever is due starts at once, in order of arrival. */
static void start_due(world *w)
{
    ww_bootstrap_start start;
    uint64_t last = 0;
    bool first = true;
    while (ww_bootstrap_take(w->queue, DRIVER, w->next_exec, w->now, &start)) {
        w->next_exec++;
        assert_true(first || start.ticket > last);
        first = false;
        last = start.ticket;
        o_entry *found = NULL;
        for (int i = 0; i < w->o.count && !found; i++) {
            o_entry *e = &w->o.list[i];
            if (e->target == (int)start.target && e->place == RUNNING && !e->ticket) found = e;
        }
        assert_non_null(found); /* I9: the oracle lets it run, and it has not started before */
        found->ticket = start.ticket + 1;
        found->attempts++;
        assert_int_equal(start.input_count, !found->seed && w->o.targets[found->target].formals);
        if (start.input_count) assert_view_is(start.inputs[0], "xyz");
    }
    for (int i = 0; i < w->o.count; i++)
        assert_true(w->o.list[i].place != RUNNING || w->o.list[i].ticket);
}

static void step(world *w)
{
    read_events(w); /* a retry may wait for that */
    size_t allocations = w->allocator.count;
    ww_bootstrap_advance(w->queue, w->now);
    o_advance(&w->o, w->now);
    start_due(w);
    assert_int_equal(w->allocator.count, allocations); /* I3 */
}

static ww_status call_request(world *w, const void *item)
{
    return ww_bootstrap_request(w->queue, item, 1, w->now, NULL, NULL);
}

static void request(world *w, int target)
{
    char name[32];
    snprintf(name, sizeof name, "t%d", target);
    ww_bootstrap_input input = {WW_VIEW_LITERAL("in"), WW_VIEW_LITERAL("xyz")};
    ww_bootstrap_request_item item = {
        .target = ww_view_str(name), .inputs = &input, .input_count = w->o.targets[target].formals};
    accepted(w, call_request, &item);
    o_arrive(&w->o, target, false);
}

static ww_status call_arm(world *w, const void *arg)
{
    (void)arg;
    bool armed;
    ww_status status = ww_bootstrap_arm(w->queue, w->now, &armed);
    assert_int_equal(armed, !status && w->o.next_idx < w->o.target_count);
    return status;
}

static void arm(world *w)
{
    accepted(w, call_arm, NULL);
    if (w->o.next_idx == w->o.target_count || w->o.armed) return;
    w->o.armed = true;
    w->o.halted = false;
    o_settle(&w->o);
}

static void finish(world *w, int nth_running, bool fails)
{
    o_entry *e = nth(&w->o, RUNNING, nth_running);
    assert_non_null(e);
    int at = (int)(e - w->o.list);
    o_target *t = &w->o.targets[e->target];
    bool stopping = e->stopping;
    ww_bootstrap_result result = {.ops_run = 1, .ops_failed = fails};
    size_t allocations = w->allocator.count;
    ww_bootstrap_finish(w->queue, e->ticket - 1, result, w->now);
    assert_int_equal(w->allocator.count, allocations); /* I3 */
    bool failed = stopping || (fails && t->policy != WW_BOOTSTRAP_CONTINUE);
    if (failed && !stopping && e->attempts <= t->retries) {
        e->place = DELAYED;
        e->due = w->now + ((uint64_t)RETRY_DELAY << (e->attempts - 1));
        e->ticket = 0;
        o_entry delayed = *e; /* retries come back in the order in which they failed */
        o_remove(&w->o, at);
        w->o.list[w->o.count++] = delayed;
    } else {
        o_end(&w->o, at, failed);
    }
    o_settle(&w->o);
    o_scan(&w->o, false);
    start_due(w);
}

static void cancel(world *w, int target)
{
    uint32_t concerned = 0;
    for (int i = 0; i < w->o.count; i++) {
        o_entry *e = &w->o.list[i];
        if (e->target != target || e->stopping) continue;
        concerned++;
        if (e->place == RUNNING)
            e->stopping = true;
        else
            o_end(&w->o, i--, true);
    }
    assert_int_equal(ww_bootstrap_cancel(w->queue, (uint32_t)target, w->now), concerned);
    o_settle(&w->o);
    o_scan(&w->o, false);
    start_due(w);
    uint64_t ticket;
    while (ww_bootstrap_take_stop(w->queue, DRIVER, &ticket))
        concerned--;
}

static void hold(world *w, int component, bool on)
{
    if (on) {
        ww_bootstrap_hold(w->queue, (uint32_t)component);
        w->o.held |= 1ull << component;
        return;
    }
    ww_bootstrap_release(w->queue, (uint32_t)component);
    w->o.held &= ~(1ull << component);
    o_scan(&w->o, false);
    start_due(w);
}

/* A process that was killed and knows from its journal what was done. */
static void restart(world *w, int components)
{
    read_events(w);
    ww_bootstrap_free(w->queue);
    assert_int_equal(w->budget.used, 0);
    assert_int_equal(w->allocator.live_bytes, 0);
    oracle before = w->o;
    w->o = (oracle){.completed = before.completed, .failed = before.failed};
    w->last_turn = 0;
    new_queue(w, components);
    for (int i = 0; i < before.target_count; i++) {
        const o_target *t = &before.targets[i];
        install(w, i, t->components, t->formals, t->policy, t->retries);
        if (!t->done) continue;
        ww_bootstrap_mark_done(w->queue, (uint32_t)i);
        w->o.targets[i].done = true;
    }
    step(w);
    compare(w);
    assert_int_equal(ww_bootstrap_status_of(w->queue).state, WW_BOOTSTRAP_IDLE); /* I13 */
}

/* I3: from any state, completing what runs brings everything to an end. */
static void drain(world *w)
{
    for (int c = 0; c < 64; c++)
        if (w->o.held >> c & 1) hold(w, c, false);
    step(w);
    while (w->o.count) {
        int before = w->o.count;
        if (nth(&w->o, RUNNING, 0)) {
            finish(w, 0, false);
        } else {
            w->now += RETRY_DELAY << 4;
            before++;
        }
        step(w);
        assert_true(w->o.count <= before);
        assert_true(!w->o.count || nth(&w->o, RUNNING, 0) || nth(&w->o, DELAYED, 0)); /* no wedge */
    }
    compare(w);
    size_t allocations = w->allocator.count;
    ww_bootstrap_advance(w->queue, w->now); /* I12 */
    assert_int_equal(w->allocator.count, allocations);
    ww_bootstrap_event event;
    assert_false(ww_bootstrap_next_event(w->queue, &event));
}

/* --- every world of a few requests ------------------------------------------------------------ */

/* Action n < requests is the n-th arrival; after that, completion of request n - requests, ok or
 * failed. */
typedef struct small {
    world w;
    int requests;
    uint8_t path[16];
    int depth;
    bool visited[6][32];
    uint64_t edges;
} small;

static int running_index(const oracle *o, int target)
{
    for (int i = 0, n = 0; i < o->count; i++) {
        if (o->list[i].place != RUNNING) continue;
        if (o->list[i].target == target) return n;
        n++;
    }
    return -1;
}

static void apply(small *s, int action, bool fails)
{
    if (action < s->requests) {
        request(&s->w, action);
        step(&s->w);
    } else {
        finish(&s->w, running_index(&s->w.o, action - s->requests), fails);
    }
}

static void replay(small *s)
{
    s->w.thrifty = true;
    for (int i = 0; i < s->depth; i++)
        apply(s, s->path[i], false);
    s->w.thrifty = false;
}

/* What has arrived and what has ended decides the state, so each such pair is visited once, by some
 * path. */
static void explore(small *s, int arrived, int ended)
{
    s->visited[arrived][ended] = true;
    replay(s);
    int enabled[16], count = 0;
    if (arrived < s->requests) enabled[count++] = arrived;
    for (int t = 0; t < s->requests; t++)
        if (running_index(&s->w.o, t) >= 0) enabled[count++] = s->requests + t;
    drain(&s->w);
    for (int i = 0; i < count; i++) {
        replay(s);
        apply(s, enabled[i], s->edges++ % 2); /* failures leave the same locks as successes */
        compare(&s->w);
        drain(&s->w);
        bool arrival = enabled[i] < s->requests;
        int next_arrived = arrived + arrival;
        int next_ended = ended | (arrival ? 0 : 1 << (enabled[i] - s->requests));
        if (s->visited[next_arrived][next_ended]) continue;
        s->path[s->depth++] = (uint8_t)enabled[i];
        explore(s, next_arrived, next_ended);
        s->depth--;
    }
}

/* A world is which requests touch each component; components are alike, so columns are taken in
 * ascending order. */
static void explore_worlds(int components, int requests)
{
    small s = {.requests = requests};
    world_init(&s.w, components);
    int columns[4] = {0}, worlds = 0;
    for (;;) {
        for (int t = 0; t < requests; t++) {
            uint64_t touches = 0;
            for (int c = 0; c < components; c++)
                touches |= (uint64_t)(columns[c] >> t & 1) << c;
            bool done = s.w.o.targets[t].done, failed = s.w.o.targets[t].failed;
            install(&s.w, t, touches, t & 1, WW_BOOTSTRAP_FAIL_TARGET, 0);
            s.w.o.targets[t].done = done;
            s.w.o.targets[t].failed = failed;
        }
        memset(s.visited, 0, sizeof s.visited);
        explore(&s, 0, 0);
        worlds++;
        int c = components - 1;
        while (c >= 0 && columns[c] == (1 << requests) - 1)
            c--;
        if (c < 0) break;
        int value = columns[c] + 1;
        for (; c < components; c++)
            columns[c] = value;
    }
    print_message("%d components, %d requests: %d worlds, %llu transitions\n", components, requests,
                  worlds, (unsigned long long)s.edges);
    world_deinit(&s.w);
}

static void queue__every_world_of_four_requests__follows_the_rule(void **state)
{
    (void)state;
    for (int components = 1; components <= COMPONENTS_OF_FOUR; components++)
        for (int requests = 1; requests <= 4; requests++)
            explore_worlds(components, requests);
}

static void queue__every_world_of_five_requests__follows_the_rule(void **state)
{
    (void)state;
    explore_worlds(COMPONENTS_OF_FIVE, 5);
}

/* --- every sequence of all actions, in worlds of three targets -------------------------------- */

enum { SEEN_SIZE = 1 << 16, TARGETS = 3 };

typedef struct deep {
    uint64_t touches[TARGETS];
    int policy;
    uint8_t path[DEPTH];
    uint64_t seen[SEEN_SIZE];
    uint64_t states;
} deep;

enum {
    ARM,
    REQUEST,
    CANCEL = REQUEST + TARGETS,
    FINISH = CANCEL + TARGETS,
    FAIL = FINISH + TARGETS,
    HOLD = FAIL + TARGETS,
    TIME,
    ACTIONS
};

static bool perform(world *w, int action)
{
    oracle *o = &w->o;
    if (action == ARM) {
        arm(w);
    } else if (action < CANCEL) {
        request(w, action - REQUEST);
    } else if (action < FINISH) {
        if (!live_of(o, action - CANCEL, false)) return false;
        cancel(w, action - CANCEL);
    } else if (action < HOLD) {
        int target = action < FAIL ? action - FINISH : action - FAIL;
        int index = running_index(o, target);
        if (index < 0) return false;
        finish(w, index, action >= FAIL);
    } else if (action == HOLD) {
        if (!o->held && ww_bootstrap_locked(w->queue, 0)) return false;
        hold(w, 0, !o->held);
    } else {
        w->now += RETRY_DELAY;
    }
    step(w);
    compare(w);
    return true;
}

static bool seen_before(deep *d, uint64_t hash, int depth)
{
    hash = (hash ^ (uint64_t)depth * 0x9e3779b97f4a7c15u) | 1;
    for (uint64_t at = hash;; at++) {
        uint64_t *slot = &d->seen[at % SEEN_SIZE];
        if (*slot == hash) return true;
        if (*slot) continue;
        assert_true(++d->states < SEEN_SIZE / 2);
        *slot = hash;
        return false;
    }
}

static void world_of(deep *d, world *w)
{
    world_init(w, 2);
    for (int t = 0; t < TARGETS; t++)
        install(w, t, d->touches[t], t == 1, t == 0 ? d->policy : WW_BOOTSTRAP_FAIL_TARGET, t == 2);
}

static void explore_deep(deep *d, int depth)
{
    for (int action = 0; action < ACTIONS && depth < DEPTH; action++) {
        world w;
        world_of(d, &w);
        w.thrifty = true;
        for (int i = 0; i < depth; i++)
            perform(&w, d->path[i]);
        w.thrifty = false;
        bool enabled = perform(&w, action);
        uint64_t hash = ww_bootstrap_hash(w.queue) ^ w.now << 20;
        if (enabled && !seen_before(d, hash, depth)) {
            drain(&w);
            d->path[depth] = (uint8_t)action;
            explore_deep(d, depth + 1);
        }
        world_deinit(&w);
    }
}

static void queue__every_sequence_of_all_actions__agrees_with_the_oracle(void **state)
{
    (void)state;
    static const uint64_t touches[][TARGETS] = {{1, 1, 1}, {1, 2, 3}, {0, 0, 1}, {3, 1, 2}};
    deep *d = calloc(1, sizeof *d);
    for (size_t i = 0; i < WW_COUNT_OF(touches); i++) {
        for (d->policy = 0; d->policy <= WW_BOOTSTRAP_HALT; d->policy++) {
            memcpy(d->touches, touches[i], sizeof d->touches);
            memset(d->seen, 0, sizeof d->seen);
            d->states = 0;
            explore_deep(d, 0);
        }
    }
    free(d);
}

/* --- random schedules ------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void act(world *w, uint64_t *seed, int components)
{
    w->thrifty = next_random(seed) % 8;
    uint64_t what = next_random(seed) % 16;
    int target = (int)(next_random(seed) % (uint64_t)w->o.target_count);
    int component = (int)(next_random(seed) % (uint64_t)components);
    int running = 0;
    for (int i = 0; i < w->o.count; i++)
        running += w->o.list[i].place == RUNNING;
    if (what < 6 && w->o.count < ENTRIES_MAX / 2) {
        request(w, target);
    } else if (what < 12 && running) {
        finish(w, (int)(next_random(seed) % (uint64_t)running), next_random(seed) % 4 == 0);
    } else if (what == 12) {
        arm(w);
    } else if (what == 13) {
        cancel(w, target);
    } else if (what == 14) {
        bool held = w->o.held >> component & 1;
        if (held || !ww_bootstrap_locked(w->queue, (uint32_t)component)) hold(w, component, !held);
    } else if (next_random(seed) % 8) {
        w->now += next_random(seed) % 30;
    } else {
        restart(w, components);
    }
}

static void run_schedule(uint64_t number)
{
    uint64_t seed = (number + 1) * 0x9e3779b97f4a7c15u;
    int components = 1 + (int)(next_random(&seed) % 64),
        targets = 1 + (int)(next_random(&seed) % TARGETS_MAX);
    world w;
    world_init(&w, components);
    for (int t = 0; t < targets; t++) {
        uint64_t touches = 0;
        for (uint64_t n = next_random(&seed) % 5; n > 0; n--)
            touches |= 1ull << next_random(&seed) % (uint64_t)components;
        install(&w, t, touches, next_random(&seed) % 3 == 0, (int)(next_random(&seed) % 3),
                (int)(next_random(&seed) % 3));
    }
    for (int i = 0, actions = 20 + (int)(next_random(&seed) % 60); i < actions; i++) {
        act(&w, &seed, components);
        if (next_random(&seed) % 4) step(&w);
        compare(&w);
    }
    drain(&w);
    world_deinit(&w);
}

typedef struct schedules {
    uint64_t current;
    bool passed;
} schedules;

/* WW_SEED=N runs schedule N alone. */
static void queue__random_schedules__never_wedge(void **state)
{
    schedules *all = *state;
    const char *only = getenv("WW_SEED");
    uint64_t end = only ? strtoull(only, NULL, 10) + 1 : SCHEDULES;
    for (all->current = only ? end - 1 : 0; all->current < end; all->current++)
        run_schedule(all->current);
    all->passed = true;
}

static int tell_seed(void **state)
{
    const schedules *all = *state;
    if (!all->passed) print_message("WW_SEED=%llu\n", (unsigned long long)all->current);
    return 0;
}

int main(void)
{
    schedules all = {0};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue__every_world_of_four_requests__follows_the_rule),
        cmocka_unit_test(queue__every_world_of_five_requests__follows_the_rule),
        cmocka_unit_test(queue__every_sequence_of_all_actions__agrees_with_the_oracle),
        cmocka_unit_test_prestate_setup_teardown(queue__random_schedules__never_wedge, NULL,
                                                 tell_seed, &all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
