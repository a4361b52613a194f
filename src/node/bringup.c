/* Invariants
 *  1. `task` is posted after every call that gives the engine or the queue something to do.
 *  2. The queue's events are read in each turn, after the engine's poll: the engine leaves those of a
 *     shared queue alone.
 *  3. pid0 is not NULL from ww_bringup_add_pid0 to ww_bringup_started.
 */
#include "node/bringup.h"
#include "node/inside.h"
#include "node/journal.h"
#include <inttypes.h>

enum { DRIVER_FLOW, DRIVER_PID0 };
enum { STEPS = 64, POLLS_PER_TURN = 16, RETRY_MS = 20 };
static const uint64_t staged_bytes_max = UINT64_C(256) << 20;

/* --- what happened --- */

static const char log_target[] = "ww::bringup";

static ww_view name_of(const ww_bringup *b, uint32_t target)
{
    return ww_bootstrap_target_at(b->queue, target).name;
}

static void note_needs_input(const ww_bringup *b, uint32_t target)
{
    ww_bootstrap_target_info info = ww_bootstrap_target_at(b->queue, target);
    ww_log_print(b->node->log, WW_LOG_INFO, log_target,
                 "%.*s needs %u input%s; give them with `ww module bootstrap`",
                 WW_VIEW_ARG(info.name), info.formal_count, info.formal_count == 1 ? "" : "s");
}

static void note_waiting(const ww_bringup *b, const ww_bootstrap_event *event)
{
    bool is_outside = event->blocker_target == WW_BOOTSTRAP_NONE;
    bool is_itself = event->blocker_component == WW_BOOTSTRAP_NONE;
    ww_view who = is_outside ? ww_view_str("operations") : name_of(b, event->blocker_target);
    ww_view what = is_itself ? ww_view_str("itself")
                             : ww_bootstrap_component_name(b->queue, event->blocker_component);
    ww_log_print(b->node->log, WW_LOG_DEBUG, log_target, "%.*s waits for %.*s on %.*s",
                 WW_VIEW_ARG(name_of(b, event->target)), WW_VIEW_ARG(who), WW_VIEW_ARG(what));
}

static void note_event(const ww_bringup *b, const ww_bootstrap_event *event)
{
    static const char *const verbs[] = {[WW_BOOTSTRAP_STARTED] = "started",
                                        [WW_BOOTSTRAP_COMPLETED] = "completed",
                                        [WW_BOOTSTRAP_FAILED] = "failed"};
    bool is_bad = event->kind == WW_BOOTSTRAP_FAILED && !event->will_retry;
    ww_log_level level =
        is_bad && event->target != b->pid0_target ? WW_LOG_WARN : WW_LOG_DEBUG; /* run.c tells */
    if (event->kind == WW_BOOTSTRAP_NEEDS_INPUT) {
        note_needs_input(b, event->target);
        return;
    }
    if (event->kind == WW_BOOTSTRAP_WAITING) {
        note_waiting(b, event);
        return;
    }
    ww_log_print(b->node->log, level, log_target, "%.*s %s%s%s",
                 WW_VIEW_ARG(name_of(b, event->target)), verbs[event->kind],
                 event->status ? ": " : "", event->status ? ww_status_text(event->status) : "");
}

static void keep(ww_bringup *b, const ww_bootstrap_event *event)
{
    if (event->kind == WW_BOOTSTRAP_COMPLETED && event->target != b->pid0_target)
        ww_states_checkpoint(&b->states, event->target);
}

static void keep_event(ww_bringup *b, const ww_flow_step *step)
{
    const ww_clock *clock = ww_loop_clock(b->node->loop);
    ww_wall_time now = clock->wall(clock);
    ww_log_print(b->node->log, WW_LOG_DEBUG, log_target, "event %.*s of %.*s, %zu bytes",
                 WW_VIEW_ARG(step->event.topic), WW_VIEW_ARG(step->event.module),
                 step->event.bytes.size);
    ww_events_add(&b->events,
                  (ww_event){.unix_time_ns = now.seconds * WW_NS_PER_S + now.nanoseconds,
                             .module = step->event.module,
                             .topic = step->event.topic,
                             .bytes = step->event.bytes});
}

static void note_step(ww_bringup *b, const ww_flow_step *step)
{
    const ww_log *log = b->node->log;
    switch (step->kind) {
    case WW_FLOW_STEP_OP_FAILED:
        ww_log_print(log, WW_LOG_WARN, log_target, "%s: %s: %.*s",
                     ww_flow_error_name(step->op.error), step->op.reason,
                     WW_VIEW_ARG(step->op.detail));
        break;
    case WW_FLOW_STEP_APP_EVENT:
        if (!step->event.is_echo) keep_event(b, step);
        break;
    case WW_FLOW_STEP_SEND: /* there is no way to peers yet */
        ww_dataflow_send_failed(b->flow, step->wire.id, step->wire.peer);
        break;
    default: break;
    }
}

/* --- running --- */

void ww_bringup_wake(ww_bringup *b)
{
    ww_loop_post(b->node->loop, &b->task);
}

static void answered(void *self)
{
    ww_bringup_wake(self);
}

/* AGAIN: there is more to do. */
static ww_status poll_engine(ww_bringup *b, uint64_t now_ns)
{
    ww_flow_step steps[STEPS];
    ww_status status = WW_AGAIN;
    bool is_over_budget = false; /* the loop has others to serve */
    for (int i = 0; i < POLLS_PER_TURN && status == WW_AGAIN && !is_over_budget; i++) {
        size_t count;
        status = ww_dataflow_poll(b->flow, now_ns, steps, STEPS, &count);
        for (size_t k = 0; k < count; k++) {
            is_over_budget = is_over_budget || steps[k].kind == WW_FLOW_STEP_BUDGET_EXCEEDED;
            note_step(b, &steps[k]);
        }
    }
    return is_over_budget && !status ? WW_AGAIN : status;
}

static void read_events(ww_bringup *b)
{
    ww_bootstrap_event event;
    while (ww_bootstrap_next_event(b->queue, &event)) {
        note_event(b, &event);
        keep(b, &event);
    }
}

/* Those that need inputs wait in the install order; one that remembers gets its state. */
static bool is_to_ask_for(const ww_bringup *b, const ww_dataflow_component *component,
                          bool *resumes)
{
    uint32_t id;
    const ww_flow_guest *guest = ww_flow_guests_find(&b->guests, component->slot);
    *resumes = guest && ww_flow_guest_has_state(guest);
    if (*resumes) return true;
    return component->has_bootstrap &&
           (guest || !ww_keeper_is_done(&b->keeper, WW_BOOTSTRAP_COMPONENT, component->slot)) &&
           ww_bootstrap_find(b->queue, WW_BOOTSTRAP_COMPONENT, component->slot, &id) &&
           !ww_bootstrap_target_at(b->queue, id).formal_count;
}

/* Components first: whoever touches them waits for them. What fails is tried again. */
static ww_status ask_for_new(ww_bringup *b, uint64_t now_ns)
{
    ww_dataflow_component component;
    for (; ww_dataflow_component_at(b->flow, b->asked_count, &component); b->asked_count++) {
        ww_bootstrap_request_item item = {.kind = WW_BOOTSTRAP_COMPONENT, .target = component.slot};
        if (!is_to_ask_for(b, &component, &item.resumes)) continue;
        ww_status status = ww_bootstrap_request(b->queue, &item, 1, now_ns, NULL, NULL);
        if (status) return status;
    }
    ww_status status = b->is_to_arm ? ww_dataflow_bootstrap(b->flow, NULL, 0, NULL, NULL) : WW_OK;
    if (!status) b->is_to_arm = false;
    return status;
}

static void start_pid0(ww_bringup *b, uint64_t now_ns)
{
    ww_bootstrap_start start;
    if (!b->pid0 || b->pid0->is_started ||
        !ww_bootstrap_take(b->queue, DRIVER_PID0, 0, now_ns, &start))
        return;
    b->pid0->ticket = start.ticket;
    b->pid0->is_started = true;
    b->pid0->start(b->pid0);
}

static void turn(ww_task *task)
{
    ww_bringup *b = WW_CONTAINER_OF(task, ww_bringup, task);
    ww_loop *loop = b->node->loop;
    uint64_t now_ns = ww_clock_now_ns(ww_loop_clock(loop));
    ww_timer_stop(loop, &b->timer);
    ww_flow_guests_settle(&b->guests);
    ww_status asked = ask_for_new(b, now_ns);
    ww_bootstrap_advance(b->queue, now_ns);
    start_pid0(b, now_ns);
    ww_status status = poll_engine(b, now_ns);
    read_events(b);
    ww_bringup_answer_listeners(b, false);
    if (status == WW_AGAIN) {
        ww_loop_post(loop, task);
        return;
    }
    uint64_t next_ns = ww_dataflow_next_time(b->flow);
    if (status || asked || b->guests.unanswered) next_ns = now_ns + RETRY_MS * UINT64_C(1000000);
    if (next_ns != UINT64_MAX) ww_timer_start(loop, &b->timer, next_ns);
}

static void on_time(ww_timer *timer)
{
    ww_bringup_wake(WW_CONTAINER_OF(timer, ww_bringup, timer));
}

/* --- pid0 --- */

ww_status ww_bringup_add_pid0(ww_bringup *b, ww_pid0 *pid0, ww_view name, ww_diag *diag)
{
    uint32_t component;
    ww_bootstrap_mark mark = ww_bootstrap_mark_now(b->queue);
    ww_status status = ww_bootstrap_component(b->queue, name, &component);
    if (status) return ww_fail(diag, status, "%s", ww_status_text(status));
    const ww_bootstrap_target target = {
        .kind = WW_BOOTSTRAP_COMPONENT,
        .name = name,
        .touches = &component,
        .touch_count = 1,
        .driver = DRIVER_PID0,
    };
    const ww_bootstrap_request_item item = {.kind = WW_BOOTSTRAP_COMPONENT, .target = name};
    status = ww_bootstrap_install(b->queue, &target, &b->pid0_target, diag);
    if (!status)
        status = ww_bootstrap_request(b->queue, &item, 1,
                                      ww_clock_now_ns(ww_loop_clock(b->node->loop)), NULL, diag);
    if (status) {
        ww_bootstrap_rollback(b->queue, mark);
        b->pid0_target = WW_BOOTSTRAP_NONE;
        return status;
    }
    *pid0 = (ww_pid0){.start = pid0->start};
    b->pid0 = pid0;
    ww_bringup_wake(b);
    return WW_OK;
}

void ww_bringup_started(ww_bringup *b, ww_status status)
{
    const ww_pid0 *pid0 = b->pid0;
    b->pid0 = NULL;
    if (!pid0 || !pid0->is_started) return;
    ww_bootstrap_finish(b->queue, pid0->ticket,
                        (ww_bootstrap_result){.status = status, .ops_run = 1},
                        ww_clock_now_ns(ww_loop_clock(b->node->loop)));
    ww_bringup_wake(b);
}

/* --- the journal --- */

static void resumed(ww_install *install, ww_status status)
{
    ww_bringup *b = install->bringup;
    if (status)
        ww_log_print(b->node->log, WW_LOG_WARN, log_target, "an install of the journal failed: %s",
                     install->diag.text);
    ww_install_deinit(install);
    ww_free(b->node->allocator, install, sizeof *install);
    if (status != WW_E_CLOSED) ww_loop_post(b->node->loop, &b->resume);
}

static ww_status start_resumed(ww_bringup *b, ww_view message, ww_diag *diag)
{
    size_t size;
    const ww_allocator *allocator = b->node->allocator;
    ww_status status =
        ww_capnp_frame_open(&b->resumed, message, WW_JOURNAL_BYTES_MAX / 8, allocator, &size, diag);
    if (status) return status;
    ww_install *install = ww_alloc_zeroed(allocator, sizeof *install);
    if (!install) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    install->parts = bringup_install_root(&b->resumed.message);
    install->is_kept = true;
    install->done = resumed;
    ww_install_start(b, install);
    return WW_OK;
}

static void resume_next(ww_task *task)
{
    ww_bringup *b = WW_CONTAINER_OF(task, ww_bringup, resume);
    ww_view message;
    ww_diag diag;
    ww_capnp_frame_deinit(&b->resumed);
    b->resumed = (ww_capnp_frame){.allocator = NULL};
    if (ww_keeper_is_waiting(&b->keeper)) return; /* opened follows */
    if (!ww_keeper_next(&b->keeper, &message)) {
        b->is_resuming = false;
        ww_installs_go_on(b);
        return;
    }
    if (!start_resumed(b, message, &diag)) return;
    ww_log_print(b->node->log, WW_LOG_WARN, log_target, "an install of the journal is skipped: %s",
                 diag.text);
    ww_loop_post(b->node->loop, task);
}

void ww_bringup_resume(ww_bringup *b)
{
    b->is_resuming = true;
    ww_loop_post(b->node->loop, &b->resume);
}

static void opened(ww_keeper *keeper)
{
    ww_bringup *b = WW_CONTAINER_OF(keeper, ww_bringup, keeper);
    if (b->is_resuming) ww_loop_post(b->node->loop, &b->resume);
}

/* --- life --- */

static ww_status open_engine(ww_bringup *b, ww_diag *diag)
{
    ww_node *node = b->node;
    const ww_dataflow_config config = {
        .allocator = node->allocator,
        .limits = ww_dataflow_limits_default(),
        .queue = b->queue,
        .driver = DRIVER_FLOW,
        .budget = &b->budget,
        .peer_id = ww_view_of(node->peer_id, sizeof node->peer_id),
        .seed = {ww_random_u64(&node->random.base), ww_random_u64(&node->random.base)},
        .types = b->guests.list,
        .type_count = b->guests.count,
    };
    ww_status status = ww_dataflow_new(&config, &b->flow, diag);
    b->guests.flow = b->flow;
    return status;
}

ww_status ww_bringup_open(ww_bringup *b, ww_node *node, ww_diag *diag)
{
    *b = (ww_bringup){
        .node = node, .budget.max = staged_bytes_max, .pid0_target = WW_BOOTSTRAP_NONE};
    ww_events_init(&b->events, node->allocator);
    b->task.run = turn;
    b->resume.run = resume_next;
    b->timer.fire = on_time;
    const ww_flow_surroundings around = {
        .loop = node->loop,
        .ticker = node->ticker,
        .random = &node->random.base,
        .audit = &node->audit,
        .roster = &node->roster,
        .authority = &b->authority,
        .payer = &node->account->principal,
        .memory_bytes_max = node->memory_bytes_max,
    };
    ww_flow_guests_init(&b->guests, &around, node->allocator);
    b->guests.self = b;
    b->guests.answered = answered;
    const uint64_t key[] = {ww_random_u64(&node->random.base), ww_random_u64(&node->random.base)};
    ww_status status = ww_bootstrap_new(node->allocator, ww_bootstrap_limits_default(), &b->budget,
                                        key, &b->queue);
    if (status) return ww_fail(diag, status, "bring-up: %s", ww_status_text(status));
    const ww_keeper_options options = {.folder = node->folders.state,
                                       .key = {key[0], key[1]},
                                       .allocator = node->allocator,
                                       .log = node->log,
                                       .loop = node->loop,
                                       .opened = opened};
    ww_keeper_open(&b->keeper, &options);
    ww_states_open(&b->states, b->queue, &b->guests, &b->keeper);
    return open_engine(b, diag);
}

static void abandon_installs(ww_bringup *b)
{
    while (b->installs) {
        ww_install *install = b->installs;
        ww_fail(&install->diag, WW_E_CLOSED, "the node ends");
        install->done(install, WW_E_CLOSED);
    }
}

void ww_bringup_close(ww_bringup *b)
{
    if (!b->node) return;
    ww_states_drain(&b->states);
    ww_keeper_drain(&b->keeper);
    ww_states_close(&b->states);
    abandon_installs(b);
    ww_bringup_answer_listeners(b, true);
    ww_task_cancel(&b->task);
    ww_task_cancel(&b->resume);
    ww_timer_stop(b->node->loop, &b->timer);
    ww_dataflow_free(b->flow);
    ww_flow_guests_deinit(&b->guests);
    ww_bootstrap_free(b->queue);
    ww_capnp_frame_deinit(&b->resumed);
    ww_keeper_close(&b->keeper);
    ww_events_deinit(&b->events);
    b->node = NULL;
}
