/* The bring-up queue and the dataflow engine, against absolute bounds. */
#include "base/pool.h"
#include "dataflow/text.h"
#include "support/row.h"
#include "ww/dataflow.h"

enum {
    IDLE,
    CASCADE_1K,
    CASCADE_1M,
    INDEPENDENT,
    CHAIN,
    LOAD,
    PARKED,
    RESUME,
    QUEUE,
    ALLOCATIONS,
    ROWS
};

static const bench_row rows[ROWS] = {
    [IDLE] = {"flow_idle_poll", "ns", 1.0, 20},
    [CASCADE_1K] = {"flow_cascade_1k_op", "ns", 1.0, 30},
    [CASCADE_1M] = {"flow_cascade_1m_op", "ns", 1.0, 40},
    [INDEPENDENT] = {"flow_bootstrap_100", "us", 1.0, 4},
    [CHAIN] = {"flow_bootstrap_chain_100", "us", 1.0, 5},
    [LOAD] = {"flow_load_10k_nodes", "ms", 1.0, 3},
    [PARKED] = {"flow_poll_10k_parked", "ns", 1.0, 100},
    [RESUME] = {"flow_resume_parked_op", "ns", 1.0, 100},
    [QUEUE] = {"queue_request_of_1000", "ns", 1.0, 500},
    [ALLOCATIONS] = {"flow_allocations_per_op", "1", 0.0, 1},
};

enum { STEPS = 256, SECOND_NS = 1000000000 };

/* Counts what reaches the system's allocator. */
typedef struct counting {
    ww_allocator base;
    size_t count;
} counting;

static void *counting_resize(const ww_allocator *base, void *ptr, size_t old_size, size_t size)
{
    WW_CONTAINER_OF(base, counting, base)->count += size > 0;
    return ww_realloc(ww_allocator_libc(), ptr, old_size, size);
}

typedef struct subject {
    counting allocator;
    ww_dataflow *flow;
    uint64_t now, command;
    ww_buf artifact;
} subject;

/* --- components ----------------------------------------------------------------------------------------------------- */

static subject *current; /* set while an engine is made */

static ww_status construct(const ww_flow_component_type *type, ww_view slot, ww_view config,
                           void **self, ww_diag *diag)
{
    (void)type;
    (void)slot;
    (void)config;
    (void)diag;
    *self = current;
    return WW_OK;
}

static ww_status answer(void *self, ww_flow_call *call)
{
    (void)self;
    ww_flow_call_return(call, 0, ww_flow_value_number(WW_FLOW_U64, 1));
    return WW_OK;
}

static ww_status answer_later(void *self, ww_flow_call *call)
{
    ((subject *)self)->command = ww_flow_call_command(call);
    return WW_AGAIN;
}

static const ww_flow_component_type store = {
    .name = "Store",
    .role = WW_FLOW_ROLE_INDEX,
    .calls.index = {.search = answer, .train = answer_later},
    .construct = construct};
static const ww_flow_component_type *const types[] = {&store};

/* --- subjects -------------------------------------------------------------------------------------------------------- */

static void check(ww_status status, const ww_diag *diag)
{
    if (status) bench_fail("dataflow", diag);
}

static void text_to_artifact(subject *s, ww_buf *text)
{
    ww_diag diag;
    ww_buf_init(&s->artifact, ww_allocator_libc(), SIZE_MAX);
    check(ww_dataflow_compile(ww_allocator_libc(), ww_buf_view(text), &s->artifact, &diag), &diag);
    ww_buf_deinit(text);
}

static void make(subject *s)
{
    ww_dataflow_limits limits = ww_dataflow_limits_default();
    limits.cycle_op_budget = UINT32_MAX;
    limits.inbox_max = limits.pending_async_max = 20000;
    ww_dataflow_config config = {.allocator = &s->allocator.base,
                                 .limits = limits,
                                 .seed = {1, 2},
                                 .types = types,
                                 .type_count = 1};
    ww_diag diag;
    s->allocator.base.resize = counting_resize;
    current = s;
    check(ww_dataflow_new(&config, &s->flow, &diag), &diag);
}

static void install(subject *s)
{
    ww_view target = WW_VIEW_LITERAL("M");
    ww_diag diag;
    ww_dataflow_install_options options = {
        .artifact = ww_buf_view(&s->artifact), .targets = &target, .target_count = 1};
    check(ww_dataflow_install(s->flow, &options, &diag), &diag);
}

static void drop(subject *s)
{
    ww_dataflow_free(s->flow);
    s->flow = NULL;
}

static void put(ww_buf *text, const char *part)
{
    if (ww_buf_append(text, part, strlen(part))) bench_fail("no memory", NULL);
}

/* `left`N+1 = op(vN)rest */
static void put_op(ww_buf *text, const char *left, int i, const char *op, const char *rest)
{
    if (ww_buf_printf(text, "%s%d = %s(v%d)%s\n", left, i + 1, op, i, rest))
        bench_fail("no memory", NULL);
}

static void run(subject *s)
{
    ww_flow_step steps[STEPS];
    size_t count;
    while (ww_dataflow_poll(s->flow, s->now, steps, STEPS, &count) == WW_AGAIN) {
    }
}

/* --- rounds ------------------------------------------------------------------------------------------------------------- */

static void round_poll(void *arg, uint32_t count)
{
    subject *s = arg;
    ww_flow_step steps[STEPS];
    size_t found;
    for (uint32_t i = 0; i < count; i++)
        if (ww_dataflow_poll(s->flow, s->now, steps, STEPS, &found)) bench_fail("poll", NULL);
}

static void feed(subject *s)
{
    ww_diag diag;
    check(ww_dataflow_event(s->flow, WW_VIEW_LITERAL("M"), WW_VIEW_LITERAL("v0"),
                            WW_VIEW_LITERAL("x"), &diag),
          &diag);
}

static void round_event(void *arg, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        feed(arg);
        run(arg);
    }
}

static void round_bootstrap(void *arg, uint32_t count)
{
    subject *s = arg;
    ww_bootstrap_request_item item = {.target = WW_VIEW_LITERAL("M__bootstrap")};
    for (uint32_t i = 0; i < count; i++) {
        ww_diag diag;
        check(ww_dataflow_bootstrap(s->flow, &item, 1, NULL, &diag), &diag);
        run(s);
    }
}

static void round_load(void *arg, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        make(arg);
        install(arg);
        drop(arg);
    }
}

/* --- rows -------------------------------------------------------------------------------------------------------------------- */

static void cascade(int ops, const bench_row *row, const bench_row *allocations)
{
    subject s = {0};
    ww_buf text;
    ww_buf_init(&text, ww_allocator_libc(), SIZE_MAX);
    put(&text, "module M\nbody (v0)\n");
    for (int i = 0; i < ops; i++)
        put_op(&text, "v", i, "PassThrough", "");
    text_to_artifact(&s, &text);
    make(&s);
    install(&s);
    round_event(&s, 2);
    size_t before = s.allocator.count;
    bench_print(row, bench_best_ns(round_event, &s, 1) / ops);
    if (allocations) bench_print(allocations, (double)(s.allocator.count - before) / ops);
    if (allocations) bench_print(&rows[IDLE], bench_best_ns(round_poll, &s, 10000));
    drop(&s);
    ww_buf_deinit(&s.artifact);
}

static void bootstraps(bool chained, const bench_row *row)
{
    subject s = {0};
    ww_buf text;
    ww_buf_init(&text, ww_allocator_libc(), SIZE_MAX);
    put(&text, "module M\nbody (x)\ny = PassThrough(x)\nbootstrap ()\nv0 = Pulse()\n");
    for (int i = 0; i < 99; i++) {
        if (chained)
            put_op(&text, "v", i, "PassThrough", "");
        else if (ww_buf_printf(&text, "u%d = Pulse()\n", i))
            bench_fail("no memory", NULL);
    }
    text_to_artifact(&s, &text);
    make(&s);
    install(&s);
    round_bootstrap(&s, 10);
    bench_print(row, bench_best_ns(round_bootstrap, &s, 100) / 1000);
    drop(&s);
    ww_buf_deinit(&s.artifact);
}

static void load(void)
{
    subject s = {0};
    ww_buf text;
    ww_buf_init(&text, ww_allocator_libc(), SIZE_MAX);
    put(&text, "module M\nbind s Index Store\nbody (x)\ny = PassThrough(x)\nbootstrap ()\nv0: "
               "bytes = Pulse()\n");
    for (int i = 0; i < 9998; i++)
        put_op(&text, "v", i, i % 10 ? "PassThrough" : "index.Search", i % 10 ? "" : " @s");
    text_to_artifact(&s, &text);
    bench_print(&rows[LOAD], bench_best_ns(round_load, &s, 1) / 1e6);
    ww_buf_deinit(&s.artifact);
}

/* Executions that were under way when the bootstrap took the component: their next operation waits in front of it. */
static void park(subject *s, int ops)
{
    for (int i = 0; i < ops; i++)
        feed(s);
    run(s);
    ww_diag diag;
    check(ww_dataflow_bootstrap(s->flow, NULL, 0, NULL, &diag), &diag);
    run(s);
    s->now += SECOND_NS;
    run(s);
    if (ww_dataflow_stats_of(s->flow).parked != (uint32_t)ops)
        bench_fail("nothing was parked", NULL);
}

static void parked(void)
{
    enum { OPS = 10000, ROUNDS = 10 };
    subject s = {0};
    ww_buf text;
    ww_buf_init(&text, ww_allocator_libc(), SIZE_MAX);
    put(&text, "module M\nbind s Index Store\nbody (v0)\nt = After(v0) delay_ns=1000\ny = "
               "index.Search(t) @s\n"
               "bootstrap ()\np = Pulse()\nq = index.Train(p) @s\n");
    text_to_artifact(&s, &text);
    uint64_t best = UINT64_MAX; /* an engine can do it once only */
    for (int round = 0; round < ROUNDS; round++) {
        make(&s);
        install(&s);
        park(&s, OPS);
        if (!round) bench_print(&rows[PARKED], bench_best_ns(round_poll, &s, 1000));
        if (ww_dataflow_complete(s.flow, s.command, NULL, 0)) bench_fail("complete", NULL);
        uint64_t start = bench_now_ns();
        run(&s);
        uint64_t time = bench_now_ns() - start;
        if (time < best) best = time;
        drop(&s);
    }
    bench_print(&rows[RESUME], (double)best / OPS);
    ww_buf_deinit(&s.artifact);
}

/* --- the queue alone ------------------------------------------------------------------------------------------------------ */

enum { REQUESTS = 1000, COMPONENTS = 64 };

static void round_queue(void *arg, uint32_t count)
{
    ww_bootstrap *queue = arg;
    for (uint32_t turn = 0; turn < count; turn++) {
        for (int i = 0; i < REQUESTS; i++) {
            char name[] = "T00";
            name[1] = (char)('0' + i % COMPONENTS / 10);
            name[2] = (char)('0' + i % COMPONENTS % 10);
            ww_bootstrap_request_item item = {.target = ww_view_of(name, 3)};
            ww_diag diag;
            check(ww_bootstrap_request(queue, &item, 1, 0, NULL, &diag), &diag);
        }
        ww_bootstrap_advance(queue, 0);
        ww_bootstrap_start start;
        ww_bootstrap_event event;
        while (ww_bootstrap_take(queue, 0, 0, 0, &start))
            ww_bootstrap_finish(queue, start.ticket, (ww_bootstrap_result){0}, 0);
        while (ww_bootstrap_next_event(queue, &event)) {
        }
    }
}

static void queue(void)
{
    const uint64_t key[2] = {1, 2};
    ww_budget budget = {.max = 1 << 20};
    ww_pool pool;
    ww_bootstrap *q;
    ww_diag diag;
    ww_pool_init(&pool, ww_allocator_libc(), 16 << 20, SIZE_MAX);
    if (ww_bootstrap_new(&pool.base, ww_bootstrap_limits_default(), &budget, key, &q))
        bench_fail("no memory", NULL);
    for (uint32_t i = 0; i < COMPONENTS; i++) {
        uint32_t number, target;
        if (ww_bootstrap_component(q, WW_VIEW_LITERAL("c"), &number)) bench_fail("no memory", NULL);
        char name[] = "T00__bootstrap";
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        uint32_t touches[] = {i > 8 ? i - 8 : 0, i}; /* neighbours overlap */
        ww_bootstrap_target spec = {.name = ww_view_str(name),
                                    .touches = touches + (i == 0),
                                    .touch_count = i == 0 ? 1 : 2};
        check(ww_bootstrap_install(q, &spec, &target, &diag), &diag);
    }
    bench_print(&rows[QUEUE], bench_best_ns(round_queue, q, 1) / REQUESTS);
    ww_bootstrap_free(q);
    ww_pool_deinit(&pool);
}

int main(void)
{
    bench_announce(rows, ROWS);
    cascade(1000, &rows[CASCADE_1K], &rows[ALLOCATIONS]);
    cascade(1000000, &rows[CASCADE_1M], NULL);
    bootstraps(false, &rows[INDEPENDENT]);
    bootstraps(true, &rows[CHAIN]);
    load();
    parked();
    queue();
    return 0;
}
