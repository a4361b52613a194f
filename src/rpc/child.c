/* A process as its session's child, and as a capability.
 *
 * Invariants
 *  1. A child is referred to by its session's list until the process ended, and by its Process
 *     capability.
 *  2. caps[i] are held while the Process capability exists, so that asking twice gives the same
 *     stream.
 *  3. A question for the cell's main object (asking) lives until it is answered; its call is answered
 *     just then, by a cancel too, and keeps the Process until then.
 */
#include "capnp/peer.capnp.h"
#include "capnp/runtime.capnp.h"
#include "rpc/session_state.h"

enum { STDIN, STDOUT, STDERR, STREAMS };

/* A call of `wait` or `ending`. */
typedef struct waiting {
    struct waiting *next;
    ww_child *child;
    ww_capnp_call *call;
    ww_capnp_done on_cancel;
    void (*answer)(ww_capnp_call *call, const ww_process *process);
} waiting;

/* A call of `bootstrap` whose cell was asked. */
typedef struct asking {
    ww_child *child; /* held by `call`, invariant 3 */
    ww_capnp_call *call, *question;
    ww_capnp_cap *cap; /* what was promised */
    ww_capnp_done on_cancel, on_answer;
} asking;

struct ww_child {
    ww_capnp_server server; /* Process */
    const ww_rpc_node *node;
    uint32_t refs;
    ww_session *parent, *own;
    ww_child *next, **link; /* in parent->children */
    ww_process *process;
    ww_byte_stream *streams[STREAMS];
    ww_capnp_cap *caps[STREAMS];
    waiting *waiting;
    ww_waiter exit_waiter;
    ww_waker exit_waker;
    ww_task exit_task;
};

static ww_child *child_of(ww_capnp_server *server)
{
    return WW_CONTAINER_OF(server, ww_child, server);
}

static void unref(ww_child *child)
{
    if (--child->refs) return;
    const ww_rpc_node *node = child->node;
    ww_session *parent = child->parent, *own = child->own;
    ww_waiter_remove(&child->exit_waiter);
    ww_task_cancel(&child->exit_task);
    for (int i = 0; i < STREAMS; i++)
        ww_byte_stream_unref(child->streams[i]);
    ww_process_unref(child->process);
    ww_free(node->allocator, child, sizeof *child);
    ww_session_unref(own);
    ww_session_unref(parent);
}

/* ---- its end ---- */

static void tell_exit_code(ww_capnp_call *call, const ww_process *process)
{
    peer_process_wait_results_set_exit_code(peer_process_wait_results(call), process->exit_code);
}

static void tell_ending(ww_capnp_call *call, const ww_process *process)
{
    _Static_assert((int)WW_PROCESS_EXITED == (int)RUNTIME_ENDING_CAUSE_EXITED &&
                       (int)WW_PROCESS_KILLED == (int)RUNTIME_ENDING_CAUSE_KILLED,
                   "one order");
    runtime_ending_b ending =
        runtime_job_ending_results_init_ending(runtime_job_ending_results(call));
    runtime_ending_set_cause(ending, (enum runtime_ending_cause)process->cause);
    runtime_ending_set_exit_code(ending, process->exit_code);
    runtime_ending_set_message(ending, process->message);
}

static void answer_wait(waiting *w)
{
    ww_child *child = w->child;
    ww_capnp_call *call = w->call;
    void (*answer)(ww_capnp_call *, const ww_process *) = w->answer;
    waiting **link = &child->waiting;
    while (*link != w)
        link = &(*link)->next;
    *link = w->next;
    ww_free(child->node->allocator, w, sizeof *w);
    if (!child->process->has_ended) {
        ww_capnp_call_fail(call, WW_CAPNP_FAILED, "canceled");
        return;
    }
    answer(call, child->process);
    ww_capnp_call_return(call);
}

static void leave_family(ww_child *child)
{
    ww_session *parent = child->parent;
    if (!child->link) return;
    *child->link = child->next;
    if (child->next) child->next->link = child->link;
    child->link = NULL;
    ww_allowance_give(&parent->tenant->account->allowance, WW_ALLOWANCE_CHILDREN, 1);
    ww_session_child_left(parent);
    unref(child);
}

static void look_for_end(ww_task *task)
{
    ww_child *child = WW_CONTAINER_OF(task, ww_child, exit_task);
    if (!child->process->has_ended) {
        ww_waiters_add(&child->process->on_exit, &child->exit_waiter, &child->exit_waker);
        return;
    }
    child->refs++;
    while (child->waiting)
        answer_wait(child->waiting);
    ww_byte_stream_break(child->streams[STDIN]);
    ww_tenant_end(child->own->tenant);
    leave_family(child);
    unref(child);
}

static void exit_woke(ww_waker *waker)
{
    ww_child *child = WW_CONTAINER_OF(waker, ww_child, exit_waker);
    ww_loop_post(child->node->loop, &child->exit_task);
}

void ww_child_close(ww_child *child)
{
    child->process->class->tell_end(child->process);
    ww_byte_stream_close(child->streams[STDIN]);
}

void ww_child_kill(ww_child *child)
{
    child->process->class->kill(child->process, WW_EXIT_KILLED);
}

ww_child *ww_child_next(const ww_child *child)
{
    return child->next;
}

/* ---- Process ---- */

static ww_capnp_cap *stream_cap(ww_child *child, int which)
{
    if (!child->caps[which])
        child->caps[which] = ww_byte_stream_cap(child->streams[which], child->parent);
    return child->caps[which];
}

/* The three methods answer alike: a stream at pointer 0. */
static void give_stream(ww_capnp_server *self, ww_capnp_call *call, int which)
{
    ww_capnp_cap *cap = stream_cap(child_of(self), which);
    if (!cap) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    ww_capnp_struct_b results = ww_capnp_call_init_results(call, PEER_PROCESS_STDIN_RESULTS_SIZE);
    ww_capnp_any_b_set_cap(ww_capnp_struct_b_pointer(results, 0), cap);
    ww_capnp_call_return(call);
}

static void give_stdin(ww_capnp_server *self, ww_capnp_call *call)
{
    give_stream(self, call, STDIN);
}

static void give_stdout(ww_capnp_server *self, ww_capnp_call *call)
{
    give_stream(self, call, STDOUT);
}

static void give_stderr(ww_capnp_server *self, ww_capnp_call *call)
{
    give_stream(self, call, STDERR);
}

static void wait_canceled(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    answer_wait(WW_CONTAINER_OF(done, waiting, on_cancel));
}

static void await_end(ww_capnp_server *self, ww_capnp_call *call,
                      void (*answer)(ww_capnp_call *call, const ww_process *process))
{
    ww_child *child = child_of(self);
    waiting *w = ww_alloc(child->node->allocator, sizeof *w);
    if (!w) {
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    *w = (waiting){child->waiting, child, call, {wait_canceled}, answer};
    child->waiting = w;
    if (child->process->has_ended)
        answer_wait(w);
    else
        ww_capnp_call_on_cancel(call, &w->on_cancel);
}

static void wait_for_end(ww_capnp_server *self, ww_capnp_call *call)
{
    await_end(self, call, tell_exit_code);
}

static void wait_for_ending(ww_capnp_server *self, ww_capnp_call *call)
{
    await_end(self, call, tell_ending);
}

/* ---- its main object ---- */

static void put_bootstrap(ww_capnp_call *call, ww_capnp_cap *cap)
{
    ww_capnp_any_b_set_cap(
        peer_process_bootstrap_results_pointer_cap(peer_process_bootstrap_results(call)), cap);
    ww_capnp_call_return(call);
}

static void refuse_bootstrap(const ww_child *child, ww_capnp_call *call)
{
    ww_capnp_call_fail(call, WW_CAPNP_FAILED, "%s",
                       child->process->has_ended ? "the cell ended" : "the cell exports nothing");
}

/* A vat without a main object says so in words of its own. */
static void tell_answer(const ww_child *child, ww_capnp_call *call, ww_capnp_call *question,
                        ww_capnp_cap *cap)
{
    ww_capnp_exception type = ww_capnp_call_exception(question);
    bool has_failed = ww_capnp_call_failed(question);
    bool is_trouble = type == WW_CAPNP_OVERLOADED || type == WW_CAPNP_DISCONNECTED;
    if (has_failed && is_trouble && !child->process->has_ended)
        ww_capnp_call_fail(call, type, "%s", ww_capnp_call_reason(question));
    else if (has_failed || !ww_capnp_any_cap(ww_capnp_call_response(question)))
        refuse_bootstrap(child, call);
    else
        put_bootstrap(call, cap);
}

static void bootstrap_answered(ww_capnp_done *done, ww_capnp_call *question)
{
    asking *a = WW_CONTAINER_OF(done, asking, on_answer);
    ww_child *child = a->child;
    ww_capnp_call *call = a->call;
    ww_capnp_cap *cap = a->cap;
    ww_free(child->node->allocator, a, sizeof *a);
    tell_answer(child, call, question, cap);
    ww_capnp_cap_unref(cap);
    ww_capnp_call_drop(question);
}

static void bootstrap_canceled(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    ww_capnp_call_cancel(WW_CONTAINER_OF(done, asking, on_cancel)->question);
}

/* What the caller sends ahead goes to the cell at once. Takes `cap`. */
static void await_bootstrap(ww_child *child, ww_capnp_call *call, ww_capnp_cap *cap)
{
    asking *a = ww_alloc(child->node->allocator, sizeof *a);
    if (!a) {
        ww_capnp_cap_unref(cap);
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
        return;
    }
    *a = (asking){child, call, NULL, cap, {bootstrap_canceled}, {bootstrap_answered}};
    a->question = ww_capnp_bootstrap_await(cap, &a->on_answer);
    if (!a->question) { /* an object that is at hand */
        ww_free(child->node->allocator, a, sizeof *a);
        put_bootstrap(call, cap);
        ww_capnp_cap_unref(cap);
        return;
    }
    ww_capnp_pipeline whole = ww_capnp_pipeline_of(call);
    ww_capnp_call_on_cancel(call, &a->on_cancel);
    ww_capnp_call_set_pipeline(call, ww_capnp_pipeline_field(whole, 0), cap);
}

static void give_bootstrap(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_child *child = child_of(self);
    ww_process *process = child->process;
    ww_capnp_cap *cap = NULL;
    ww_status status = process->has_ended ? WW_E_MISSING : process->class->bootstrap(process, &cap);
    if (status == WW_E_MISSING)
        refuse_bootstrap(child, call);
    else if (status)
        ww_capnp_call_fail(call, WW_CAPNP_OVERLOADED, "out of memory");
    else
        await_bootstrap(child, call, cap);
}

static void kill_process(ww_capnp_server *self, ww_capnp_call *call)
{
    ww_child_kill(child_of(self));
    ww_capnp_call_return(call);
}

/* Without its Process capability nobody can ask for a stream that was not asked for before. */
static void destroy(ww_capnp_server *self)
{
    ww_child *child = child_of(self);
    ww_session *parent = child->parent;
    for (int i = 0; i < STREAMS; i++) {
        ww_capnp_cap *cap = child->caps[i];
        child->caps[i] = NULL;
        if (cap)
            ww_capnp_cap_unref(cap);
        else
            ww_byte_stream_abandon(child->streams[i]);
    }
    unref(child);
    ww_session_leave(parent);
}

static const runtime_job_vt JOB = {
    .peer_process =
        {
            .stdin = give_stdin,
            .stdout = give_stdout,
            .stderr = give_stderr,
            .wait = wait_for_end,
            .bootstrap = give_bootstrap,
            .kill = kill_process,
        },
    .ending = wait_for_ending,
};

static bool make_streams(ww_child *child)
{
    const ww_rpc_node *node = child->node;
    ww_process *p = child->process;
    child->streams[STDIN] = ww_byte_stream_new(node->allocator, node->loop, p->input, NULL, false);
    child->streams[STDOUT] =
        ww_byte_stream_new(node->allocator, node->loop, NULL, p->output, false);
    child->streams[STDERR] = ww_byte_stream_new(node->allocator, node->loop, NULL, p->errors, true);
    p->input = NULL;
    p->output = p->errors = NULL;
    return child->streams[STDIN] && child->streams[STDOUT] && child->streams[STDERR];
}

static void give_up(ww_process *process)
{
    process->class->kill(process, WW_EXIT_KILLED);
    ww_sink_unref(process->input);
    ww_source_unref(process->output);
    ww_source_unref(process->errors);
    process->input = NULL;
    process->output = process->errors = NULL;
    ww_process_unref(process);
}

ww_capnp_cap *ww_child_new(ww_session *parent, ww_session *own, ww_process *process)
{
    const ww_rpc_node *node = parent->node;
    ww_child *child = ww_alloc_zeroed(node->allocator, sizeof *child);
    if (!child) {
        give_up(process);
        ww_allowance_give(&parent->tenant->account->allowance, WW_ALLOWANCE_CHILDREN, 1);
        return NULL;
    }
    child->node = node;
    child->refs = 1;
    child->parent = ww_session_ref(parent);
    child->own = ww_session_ref(own);
    child->process = process;
    ww_tenant_set_cell(own->tenant, process->cell);
    child->exit_waker.wake = exit_woke;
    child->exit_task.run = look_for_end;
    ww_capnp_cap *cap = NULL;
    if (make_streams(child)) cap = runtime_job_serve(node->vat, &child->server, &JOB, destroy).cap;
    child->next = parent->children;
    child->link = &parent->children;
    if (child->next) child->next->link = &child->next;
    parent->children = child;
    if (!cap) {
        process->class->kill(process, WW_EXIT_KILLED);
        leave_family(child);
        return NULL;
    }
    child->refs++;
    ww_session_join(parent);
    ww_loop_post(node->loop, &child->exit_task); /* it may have ended already */
    return cap;
}
