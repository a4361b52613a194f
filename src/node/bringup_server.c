/* The interface of capnp/bringup.capnp. */
#include "node/bringup.h"
#include "node/inside.h"

enum { INPUTS_MAX = 100 };

static ww_bringup *bringup_of(ww_capnp_server *server)
{
    return WW_CONTAINER_OF(server, ww_bringup, server);
}

static void fail(ww_capnp_call *call, const ww_diag *diag)
{
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "%s", diag->text);
}

/* A call may still be on its way when the bring-up has closed. */
static bool is_open(const ww_bringup *b, ww_capnp_call *call)
{
    if (!b->node) ww_capnp_call_fail(call, WW_CAPNP_DISCONNECTED, "the node ends");
    return b->node;
}

/* --- status --- */

/* The entry of a target that has come farthest. */
typedef struct farthest {
    bool is_there;
    ww_bootstrap_entry_info entry;
} farthest;

typedef struct survey {
    ww_bootstrap_visitor visitor;
    farthest *targets;
} survey;

static enum bringup_target_state state_of_place(ww_bootstrap_place place)
{
    static const enum bringup_target_state states[WW_BOOTSTRAP_PLACES] = {
        [WW_BOOTSTRAP_IN_REQUESTS] = BRINGUP_TARGET_STATE_QUEUED,
        [WW_BOOTSTRAP_IN_WAITING] = BRINGUP_TARGET_STATE_WAITING,
        [WW_BOOTSTRAP_IN_DUE] = BRINGUP_TARGET_STATE_QUEUED,
        [WW_BOOTSTRAP_IN_FLIGHT] = BRINGUP_TARGET_STATE_RUNNING,
        [WW_BOOTSTRAP_IN_DELAYED] = BRINGUP_TARGET_STATE_DELAYED,
    };
    return states[place];
}

static void visit(ww_bootstrap_visitor *visitor, const ww_bootstrap_entry_info *entry)
{
    farthest *at = &WW_CONTAINER_OF(visitor, survey, visitor)->targets[entry->target];
    if (at->is_there && at->entry.place == WW_BOOTSTRAP_IN_FLIGHT) return;
    *at = (farthest){true, *entry};
}

/* `stop`: the target in front of which the install order stopped; a later one there waits for it. */
static enum bringup_target_state state_of(const ww_bootstrap_target_info *info, uint32_t target,
                                          const farthest *at, uint32_t stop)
{
    if (at->is_there) return state_of_place(at->entry.place);
    if (target == stop) return BRINGUP_TARGET_STATE_NEEDS_INPUT;
    if (info->failed) return BRINGUP_TARGET_STATE_FAILED;
    if (info->done) return BRINGUP_TARGET_STATE_DONE;
    bool is_in_order = info->kind == WW_BOOTSTRAP_MODULE || info->formal_count;
    return is_in_order && stop != WW_BOOTSTRAP_NONE ? BRINGUP_TARGET_STATE_WAITING
                                                    : BRINGUP_TARGET_STATE_IDLE;
}

static void put_blocker(const ww_bootstrap *queue, bringup_target_b out, const farthest *at,
                        uint32_t stop)
{
    uint32_t target = at->is_there ? at->entry.blocker_target : stop;
    uint32_t component = at->is_there ? at->entry.blocker_component : WW_BOOTSTRAP_NONE;
    if (target != WW_BOOTSTRAP_NONE)
        bringup_target_set_blocked_by(out, ww_bootstrap_target_at(queue, target).name);
    if (component != WW_BOOTSTRAP_NONE)
        bringup_target_set_blocked_on(out, ww_bootstrap_component_name(queue, component));
}

static void put_target(const ww_bootstrap *queue, bringup_target_b out, uint32_t target,
                       const farthest *at, uint32_t stop)
{
    ww_bootstrap_target_info info = ww_bootstrap_target_at(queue, target);
    enum bringup_target_state state = state_of(&info, target, at, stop);
    bringup_target_set_name(out, info.name);
    bringup_target_set_kind(out, info.kind == WW_BOOTSTRAP_MODULE ? BRINGUP_TARGET_KIND_MODULE
                                                                  : BRINGUP_TARGET_KIND_COMPONENT);
    bringup_target_set_state(out, state);
    ww_capnp_text_lb touches = bringup_target_init_touches(out, info.touch_count);
    for (uint32_t i = 0; i < info.touch_count; i++)
        ww_capnp_text_lb_set(touches, i, ww_bootstrap_component_name(queue, info.touches[i]));
    ww_capnp_text_lb inputs = bringup_target_init_inputs(out, info.formal_count);
    for (uint32_t i = 0; i < info.formal_count; i++)
        ww_capnp_text_lb_set(inputs, i, info.formals[i]);
    if (state == BRINGUP_TARGET_STATE_WAITING) put_blocker(queue, out, at, stop);
}

static void put_status(const ww_bringup *b, bringup_status_b out, const survey *all)
{
    const ww_bootstrap *queue = b->queue;
    static const enum bringup_status_state states[] = {
        [WW_BOOTSTRAP_IDLE] = BRINGUP_STATUS_STATE_IDLE,
        [WW_BOOTSTRAP_RUNNING] = BRINGUP_STATUS_STATE_RUNNING,
        [WW_BOOTSTRAP_WAITING_FOR_INPUT] = BRINGUP_STATUS_STATE_WAITING_FOR_INPUT,
    };
    ww_bootstrap_status status = ww_bootstrap_status_of(queue);
    uint32_t count = ww_bootstrap_target_count(queue);
    bringup_status_set_state(out, states[status.state]);
    bringup_status_set_halted(out, status.halted);
    bringup_status_set_journal(out, ww_keeper_fault(&b->keeper));
    bringup_target_lb targets = bringup_status_init_targets(out, count);
    for (uint32_t i = 0; i < count; i++)
        put_target(queue, bringup_target_lb_at(targets, i), i, &all->targets[i],
                   status.input_target);
}

static void status(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_bringup *b = bringup_of(server);
    if (!is_open(b, call)) return;
    const ww_allocator *allocator = b->node->allocator;
    size_t count = ww_bootstrap_target_count(b->queue) + 1;
    survey all = {{visit}, ww_alloc_array(allocator, count, sizeof(farthest))};
    if (!all.targets) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    memset(all.targets, 0, count * sizeof *all.targets);
    ww_bootstrap_visit(b->queue, &all.visitor);
    put_status(b,
               bringup_bring_up_status_results_init_status(bringup_bring_up_status_results(call)),
               &all);
    ww_free(allocator, all.targets, count * sizeof *all.targets);
    ww_capnp_call_return(call);
}

/* --- install --- */

typedef struct pending {
    ww_install install;
    ww_capnp_call *call;
} pending;

static ww_status put_modules(ww_install *install)
{
    pending *self = WW_CONTAINER_OF(install, pending, install);
    bringup_bring_up_install_results_b results = bringup_bring_up_install_results(self->call);
    ww_capnp_text_lb modules =
        bringup_bring_up_install_results_init_modules(results, install->module_count);
    for (uint32_t i = 0; i < install->module_count; i++)
        ww_capnp_text_lb_set(modules, i, install->modules[i]);
    ww_status status = results.s.builder ? results.s.builder->fault : WW_E_MEMORY;
    return status ? ww_fail(&install->diag, status, "%s", ww_status_text(status)) : WW_OK;
}

static void installed(ww_install *install, ww_status status)
{
    pending *self = WW_CONTAINER_OF(install, pending, install);
    const ww_allocator *allocator = install->bringup->node->allocator;
    if (status)
        fail(self->call, &install->diag);
    else
        ww_capnp_call_return(self->call);
    ww_install_deinit(install);
    ww_free(allocator, self, sizeof *self);
}

static void install(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_bringup *b = bringup_of(server);
    if (!is_open(b, call)) return;
    pending *self = ww_alloc_zeroed(b->node->allocator, sizeof *self);
    if (!self) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    self->call = call;
    self->install.parts =
        bringup_bring_up_install_params_install(bringup_bring_up_install_params(call));
    self->install.prepare = put_modules;
    self->install.done = installed;
    ww_install_start(b, &self->install);
}

/* --- bootstrap, invoke --- */

static ww_status read_inputs(bringup_input_l list, ww_bootstrap_input *out, ww_diag *diag)
{
    if (list.list.count > INPUTS_MAX)
        return ww_fail(diag, WW_E_LIMIT, "%u inputs, %d are allowed", list.list.count, INPUTS_MAX);
    for (uint32_t i = 0; i < list.list.count; i++) {
        bringup_input_r input = bringup_input_l_at(list, i);
        out[i] = (ww_bootstrap_input){bringup_input_name(input), bringup_input_bytes(input)};
    }
    return WW_OK;
}

/* A module if there is one of that name, else a component. */
static ww_status request(ww_bringup *b, bringup_bring_up_bootstrap_params_r params, ww_diag *diag)
{
    ww_bootstrap_input inputs[INPUTS_MAX];
    ww_view name = bringup_bring_up_bootstrap_params_target(params);
    bringup_input_l given = bringup_bring_up_bootstrap_params_inputs(params);
    ww_bootstrap_request_item item = {
        .kind = WW_BOOTSTRAP_MODULE, .target = name, .inputs = inputs};
    uint32_t id;
    ww_status status = read_inputs(given, inputs, diag);
    if (status) return status;
    item.input_count = given.list.count;
    if (!ww_bootstrap_find(b->queue, item.kind, name, &id)) item.kind = WW_BOOTSTRAP_COMPONENT;
    if (item.kind == WW_BOOTSTRAP_COMPONENT && ww_bootstrap_find(b->queue, item.kind, name, &id) &&
        id == b->pid0_target)
        return ww_fail(diag, WW_E_DENIED, "%.*s is brought up once", WW_VIEW_ARG(name));
    return ww_dataflow_bootstrap(b->flow, name.size ? &item : NULL, name.size ? 1 : 0, NULL, diag);
}

/* A module if there is one of that name, else a component. */
static ww_status find_target(const ww_bringup *b, ww_view name, uint32_t *id, ww_diag *diag)
{
    if (!ww_bootstrap_find(b->queue, WW_BOOTSTRAP_MODULE, name, id) &&
        !ww_bootstrap_find(b->queue, WW_BOOTSTRAP_COMPONENT, name, id))
        return ww_fail(diag, WW_E_NOT_FOUND, "UnknownTarget: \"%.*s\"", WW_VIEW_ARG(name));
    if (*id == b->pid0_target)
        return ww_fail(diag, WW_E_DENIED, "%.*s ends with the node, or by `ww kill`",
                       WW_VIEW_ARG(name));
    return WW_OK;
}

static ww_status cancel_named(ww_bringup *b, ww_view name, uint32_t *count, ww_diag *diag)
{
    uint32_t id, first = 0, behind = ww_bootstrap_target_count(b->queue);
    uint64_t now_ns = ww_clock_now_ns(ww_loop_clock(b->node->loop));
    ww_status status = name.size ? find_target(b, name, &id, diag) : WW_OK;
    if (status) return status;
    if (name.size) {
        first = id;
        behind = id + 1;
    }
    for (uint32_t i = first; i < behind; i++)
        if (i != b->pid0_target) *count += ww_bootstrap_cancel(b->queue, i, now_ns);
    return WW_OK;
}

static void answer(ww_bringup *b, ww_capnp_call *call, ww_status status, const ww_diag *diag)
{
    ww_bringup_wake(b);
    if (status)
        fail(call, diag);
    else
        ww_capnp_call_return(call);
}

static void bootstrap(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_diag diag;
    ww_bringup *b = bringup_of(server);
    if (!is_open(b, call)) return;
    ww_status result = request(b, bringup_bring_up_bootstrap_params(call), &diag);
    answer(b, call, result, &diag);
}

static void cancel(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_diag diag;
    uint32_t count = 0;
    ww_bringup *b = bringup_of(server);
    if (!is_open(b, call)) return;
    ww_view name = bringup_bring_up_cancel_params_target(bringup_bring_up_cancel_params(call));
    ww_status result = cancel_named(b, name, &count, &diag);
    if (!result)
        bringup_bring_up_cancel_results_set_count(bringup_bring_up_cancel_results(call), count);
    answer(b, call, result, &diag);
}

static void invoke(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_diag diag;
    ww_bringup *b = bringup_of(server);
    if (!is_open(b, call)) return;
    uint64_t exec_id;
    ww_bootstrap_input inputs[INPUTS_MAX];
    bringup_bring_up_invoke_params_r params = bringup_bring_up_invoke_params(call);
    bringup_input_l given = bringup_bring_up_invoke_params_inputs(params);
    ww_status result = read_inputs(given, inputs, &diag);
    if (!result)
        result = ww_dataflow_invoke(b->flow, bringup_bring_up_invoke_params_module(params), inputs,
                                    given.list.count, &exec_id, &diag);
    answer(b, call, result, &diag);
}

/* --- events --- */

/* Waits for the next one. */
typedef struct ww_listener_call {
    ww_capnp_done canceled;
    struct ww_listener_call *next, **link;
    ww_bringup *bringup;
    ww_capnp_call *call;
    uint64_t after;
} listener;

static void put_event(bringup_event_b out, const ww_event *event)
{
    bringup_event_set_number(out, event->number);
    bringup_event_set_unix_time_ns(out, event->unix_time_ns);
    bringup_event_set_module(out, event->module);
    bringup_event_set_topic(out, event->topic);
    bringup_event_set_bytes(out, event->bytes);
    bringup_event_set_size(out, event->size);
}

static void tell_events(const ww_events *events, ww_capnp_call *call, uint64_t after)
{
    uint32_t count = 0;
    uint64_t first = ww_events_first(events, after);
    for (uint64_t number = first; number <= events->last; number++)
        count += ww_events_at(events, number) != NULL;
    bringup_bring_up_events_results_b results = bringup_bring_up_events_results(call);
    bringup_event_lb list = bringup_bring_up_events_results_init_events(results, count);
    bringup_bring_up_events_results_set_last(results, events->last);
    count = 0;
    for (uint64_t number = first; number <= events->last; number++) {
        const ww_event *event = ww_events_at(events, number);
        if (event) put_event(bringup_event_lb_at(list, count++), event);
    }
    ww_capnp_call_return(call);
}

/* The call is to be answered. */
static ww_capnp_call *end_listening(listener *self)
{
    ww_bringup *b = self->bringup;
    ww_capnp_call *call = self->call;
    *self->link = self->next;
    if (self->next) self->next->link = self->link;
    b->listener_count--;
    ww_free(b->node->allocator, self, sizeof *self);
    return call;
}

static void stop_listening(ww_capnp_done *canceled, ww_capnp_call *call)
{
    (void)call;
    listener *self = WW_CONTAINER_OF(canceled, listener, canceled);
    ww_capnp_call_fail(end_listening(self), WW_CAPNP_FAILED, "canceled");
}

void ww_bringup_answer_listeners(ww_bringup *b, bool is_closing)
{
    listener *next;
    for (listener *at = b->listeners; at; at = next) {
        uint64_t after = at->after;
        next = at->next;
        if (is_closing)
            ww_capnp_call_fail(end_listening(at), WW_CAPNP_DISCONNECTED, "the node ends");
        else if (after < b->events.last)
            tell_events(&b->events, end_listening(at), after);
    }
}

static ww_status listen(ww_bringup *b, ww_capnp_call *call, uint64_t after)
{
    if (b->listener_count == WW_LISTENERS_MAX) return WW_E_LIMIT;
    listener *self = ww_alloc_zeroed(b->node->allocator, sizeof *self);
    if (!self) return WW_E_MEMORY;
    *self = (listener){.canceled.fn = stop_listening,
                       .next = b->listeners,
                       .link = &b->listeners,
                       .bringup = b,
                       .call = call,
                       .after = after};
    if (self->next) self->next->link = &self->next;
    b->listeners = self;
    b->listener_count++;
    ww_capnp_call_on_cancel(call, &self->canceled);
    return WW_OK;
}

static void events(ww_capnp_server *server, ww_capnp_call *call)
{
    ww_bringup *b = bringup_of(server);
    if (!is_open(b, call)) return;
    bringup_bring_up_events_params_r params = bringup_bring_up_events_params(call);
    uint64_t after = bringup_bring_up_events_params_after(params);
    if (after > b->events.last) after = b->events.last; /* it counted another node's */
    if (!bringup_bring_up_events_params_wait(params) || after < b->events.last) {
        tell_events(&b->events, call, after);
        return;
    }
    ww_status status = listen(b, call, after);
    if (status == WW_E_LIMIT)
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "%d calls wait for events", WW_LISTENERS_MAX);
    else if (status)
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
}

ww_capnp_cap *ww_bringup_serve(ww_bringup *b)
{
    static const bringup_bring_up_vt methods = {
        .status = status,
        .install = install,
        .bootstrap = bootstrap,
        .invoke = invoke,
        .events = events,
        .cancel = cancel,
    };
    return bringup_bring_up_serve(b->node->rpc.vat, &b->server, &methods, NULL).cap;
}
