/* Invariants
 *  1. `task` is posted, or something waits for a wake, or the cell serves and has nothing to do, or it
 *     has ended.
 *  2. Between turns nothing touches the instance but ww_instance_kill.
 *  3. The principal's memory holds memory_bytes of this cell until the cell is freed, and its cells
 *     this one.
 *  4. `ended` is called once, as the last thing of a turn, when `status` is not AGAIN, all output is
 *     out or given up, and the link is closed.
 */
#include "cell/cell.h"
#include "wit/functions.h"

struct ww_cell {
    ww_wasi wasi; /* first: host functions find it in call->host */
    const ww_allocator *allocator;
    ww_loop *loop;
    ww_ticker *ticker;
    ww_grant grant;
    ww_cancel cancel;
    uint64_t now_ns; /* of this turn's begin */
    ww_program *program;
    ww_instance *instance;
    ww_cell_link link;
    ww_task task;
    ww_waker waker;
    ww_waiter at_link; /* while draining */
    ww_timer timer, wait_timer;
    ww_cell_on_end on_end;
    ww_status status; /* AGAIN while the guest lives */
    bool ended, serves;
    int exit_code;
    uint64_t cpu_ns, slices, memory_bytes, memory_bytes_max;
    uint64_t calls, refused, bytes; /* as the principal counts them, who may have other cells */
    const char *used_up; /* what the principal had no more of; NULL while there is no need to ask */
};

static void wake(ww_waker *waker)
{
    ww_cell *cell = WW_CONTAINER_OF(waker, ww_cell, waker);
    if (!cell->ended) ww_loop_post(cell->loop, &cell->task);
}

/* Every tick ends the slice: a turn of an idle loop costs microseconds, and the tick a millisecond. */
static ww_verdict on_tick(void *host)
{
    (void)host;
    return WW_YIELD;
}

/* run: func() -> result, or a component that returns nothing at all. */
static void on_return(void *self, ww_status status, const void *result)
{
    ww_cell *cell = self;
    if (status) return; /* told by the poll */
    cell->status = WW_OK;
    const uint32_t *is_error = result;
    cell->exit_code = is_error && *is_error ? 1 : 0;
}

static void judge(ww_cell *cell)
{
    ww_timer_stop(cell->loop, &cell->timer);
    ww_timer_stop(cell->loop, &cell->wait_timer);
    if (cell->status != WW_AGAIN) return;
    ww_instance_end end = ww_instance_end_of(cell->instance);
    cell->status = end.status == WW_E_EXIT ? WW_OK : end.status;
    cell->exit_code = end.exit_code;
}

static void drain(ww_cell *cell)
{
    bool busy = ww_cell_link_drain(&cell->link, &cell->at_link, &cell->waker) == WW_AGAIN;
    if (ww_wasi_flush(&cell->wasi) == WW_AGAIN || busy) return;
    cell->ended = true;
    cell->on_end.ended(cell->on_end.self);
}

/* --- what a slice costs */

static ww_principal *principal_of(const ww_cell *cell)
{
    return cell->wasi.context.principal;
}

static void end_over_quota(ww_cell *cell, const char *what)
{
    cell->used_up = what;
    ww_instance_kill(cell->instance, WW_E_QUOTA);
}

/* What a memory may grow to: what its principal has left, beside the largest that there is. A cell
 * with several memories could take more than that within one slice, and then ends. */
static uint64_t memory_limit(const ww_cell *cell, uint64_t largest)
{
    uint64_t left = ww_principal_left(principal_of(cell), WW_PRINCIPAL_MEMORY);
    uint64_t most = cell->memory_bytes_max;
    return largest < most && left < most - largest ? largest + left : most;
}

/* What the memories have grown by is the principal's to pay, allowed or not. */
static bool charge_memory(ww_cell *cell, ww_instance_memory now)
{
    ww_principal *principal = principal_of(cell);
    uint64_t more = now.bytes - cell->memory_bytes;
    if (!more) return true;
    bool is_allowed = more <= ww_principal_left(principal, WW_PRINCIPAL_MEMORY);
    ww_principal_use(principal, WW_PRINCIPAL_MEMORY, more);
    cell->memory_bytes = now.bytes;
    return is_allowed;
}

static bool has_time(const ww_cell *cell)
{
    return ww_principal_left(principal_of(cell), WW_PRINCIPAL_CPU_NS) > 0;
}

static void charge_slice(ww_cell *cell, uint64_t cpu_ns)
{
    cell->cpu_ns += cpu_ns;
    cell->slices++;
    ww_principal_use(principal_of(cell), WW_PRINCIPAL_CPU_NS, cpu_ns);
    if (!has_time(cell)) end_over_quota(cell, "CPU time");
    if (!charge_memory(cell, ww_instance_memory_of(cell->instance)))
        end_over_quota(cell, "linear memory");
}

/* Only this cell's calls are counted while it runs. */
static ww_poll poll_counted(ww_cell *cell)
{
    ww_principal *principal = principal_of(cell);
    uint64_t calls = principal->calls.used, bytes = principal->bytes.used;
    uint64_t refused = principal->refused;
    ww_poll poll = ww_instance_poll(cell->instance);
    cell->calls += principal->calls.used - calls;
    cell->bytes += principal->bytes.used - bytes;
    cell->refused += principal->refused - refused;
    ww_principal_settle(principal);
    return poll;
}

static ww_poll run_slice(ww_cell *cell)
{
    const ww_clock *clock = ww_loop_clock(cell->loop);
    cell->now_ns = ww_clock_now_ns(clock);
    if (!has_time(cell)) end_over_quota(cell, "CPU time");
    uint64_t largest = ww_instance_memory_of(cell->instance).largest;
    ww_instance_limit_memory(cell->instance, memory_limit(cell, largest));
    ww_ticker_enter(cell->ticker);
    ww_poll poll = poll_counted(cell);
    ww_ticker_leave(cell->ticker);
    charge_slice(cell, ww_clock_now_ns(clock) - cell->now_ns);
    if (poll == WW_POLL_WAIT && cell->used_up)
        return WW_POLL_SLICE; /* to its end, not to its event */
    return poll;
}

static void turn(ww_task *task)
{
    ww_cell *cell = WW_CONTAINER_OF(task, ww_cell, task);
    if (cell->status != WW_AGAIN) {
        drain(cell);
        return;
    }
    ww_poll poll = run_slice(cell);
    if (poll == WW_POLL_WAIT || (poll == WW_POLL_DONE && cell->serves)) return;
    if (poll == WW_POLL_SLICE) {
        ww_loop_post(cell->loop, task);
        return;
    }
    judge(cell);
    drain(cell);
}

static void give_up_output(const ww_wasi_options *wasi)
{
    if (wasi->output) ww_sink_abandon(wasi->output);
    if (wasi->error) ww_sink_abandon(wasi->error);
}

ww_status ww_cell_call(ww_cell *cell, const ww_export *func, const void *params, ww_call_done done)
{
    WW_ASSERT(cell->serves);
    if (cell->status != WW_AGAIN) return WW_E_STALE;
    ww_status status = ww_instance_call(cell->instance, func, params, done);
    if (!status) ww_loop_post(cell->loop, &cell->task);
    return status;
}

void ww_cell_end(ww_cell *cell, ww_status reason)
{
    if (cell->ended) return;
    if (cell->status == WW_AGAIN)
        ww_instance_kill(cell->instance, reason);
    else
        give_up_output(&cell->wasi.options);
    ww_loop_post(cell->loop, &cell->task);
}

void ww_cell_wake(ww_cell *cell)
{
    wake(&cell->waker);
}

static void on_timeout(ww_timer *timer)
{
    ww_cell_end(WW_CONTAINER_OF(timer, ww_cell, timer), WW_E_TIMEOUT);
}

/* --- the longest wait of a call */

static void on_wait_over(ww_timer *timer)
{
    ww_cell *cell = WW_CONTAINER_OF(timer, ww_cell, wait_timer);
    wake(&cell->waker);
}

static void limit_wait(ww_context *context)
{
    ww_wasi *wasi = WW_CONTAINER_OF(context, ww_wasi, context);
    ww_cell *cell = WW_CONTAINER_OF(wasi, ww_cell, wasi);
    ww_timer_start(cell->loop, &cell->wait_timer, context->wait_deadline_ns);
}

/* --- making and ending one */

static bool is_run(const ww_func_type *type)
{
    if (type->param_count) return false;
    return !type->result || (type->result->kind == WW_TYPE_RESULT && type->result->host_size == 4);
}

static ww_status start(ww_cell *cell, const ww_cell_options *options, ww_diag *diag)
{
    const ww_export *run = ww_program_export(cell->program, WW_VIEW_LITERAL("wasi:cli/run@0.2.0"),
                                             WW_VIEW_LITERAL("run"));
    if (!cell->serves && (!run || !is_run(ww_export_type(run))))
        return ww_fail(
            diag, WW_E_MISSING,
            "the component does not export wasi:cli/run, so it cannot be run as a command");
    ww_store_limits limits = {
        .memory_bytes_max = memory_limit(cell, 0),
        .table_elements_max = WW_CELL_TABLE_ELEMENTS_MAX,
        .instances_max = WW_CELL_INSTANCES_MAX,
        .tables_max = WW_CELL_TABLES_MAX,
        .memories_max = WW_CELL_MEMORIES_MAX,
    };
    ww_instance_options instance = {.host = cell, .tick = on_tick, .limits = limits};
    ww_status status =
        ww_instance_new(cell->program, &instance, cell->allocator, &cell->instance, diag);
    if (status) return status;
    if (!charge_memory(cell, ww_instance_memory_of(cell->instance)))
        return ww_fail(diag, WW_E_QUOTA,
                       "quota: the guest begins with more linear memory than is left");
    if (!cell->serves)
        status = ww_instance_call(cell->instance, run, NULL, (ww_call_done){cell, on_return});
    if (status)
        return ww_fail(diag, status, "the guest cannot be started: %s", ww_status_text(status));
    if (options->timeout_ns)
        ww_timer_start(cell->loop, &cell->timer,
                       ww_clock_after(ww_loop_clock(cell->loop), options->timeout_ns));
    ww_loop_post(cell->loop, &cell->task);
    return WW_OK;
}

static void init_context(ww_cell *cell, const ww_cell_options *options)
{
    ww_grant_init(&cell->grant, options->authority);
    ww_policy_allow(&cell->grant, ww_policy_rows, WW_FUNCTION_COUNT, options->capabilities);
    ww_cancel_init(&cell->cancel);
    cell->wasi.context = (ww_context){
        .grant = &cell->grant,
        .principal = options->principal,
        .cancel = &cell->cancel,
        .audit = options->audit,
        .now_ns = &cell->now_ns,
        .function_names = ww_function_names,
        .wait_ns_max = options->wait_ns_max,
        .limit_wait = limit_wait,
        .cell = options->number,
    };
}

ww_status ww_cell_new(const ww_cell_options *options, const ww_allocator *allocator, ww_cell **out,
                      ww_diag *diag)
{
    *out = NULL;
    ww_cell *cell = ww_alloc_zeroed(allocator, sizeof *cell);
    if (!cell) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    if (!ww_principal_charge(options->principal, WW_PRINCIPAL_CELLS, 1)) {
        ww_free(allocator, cell, sizeof *cell);
        return ww_fail(diag, WW_E_QUOTA, "quota: no room for another cell");
    }
    cell->allocator = allocator;
    cell->loop = options->wasi->loop;
    cell->ticker = options->ticker;
    cell->program = ww_program_ref(options->program);
    cell->task.run = turn;
    cell->waker.wake = wake;
    cell->timer.fire = on_timeout;
    cell->wait_timer.fire = on_wait_over;
    cell->on_end = options->on_end;
    cell->memory_bytes_max = options->memory_bytes_max;
    cell->serves = options->serves;
    cell->status = WW_AGAIN;
    ww_wasi_options wasi = *options->wasi;
    wasi.waker = &cell->waker;
    ww_status status = WW_OK;
    if (options->rpc)
        status = ww_cell_link_init(&cell->link, options->rpc, options->bootstrap);
    ww_cell_link_give(&cell->link, &wasi);
    ww_wasi_init(&cell->wasi, &wasi);
    init_context(cell, options);
    status = status ? ww_fail(diag, status, "out of memory") : start(cell, options, diag);
    if (status)
        ww_cell_free(cell);
    else
        *out = cell;
    return status;
}

void ww_cell_free(ww_cell *cell)
{
    if (!cell) return;
    ww_task_cancel(&cell->task);
    ww_timer_stop(cell->loop, &cell->timer);
    ww_timer_stop(cell->loop, &cell->wait_timer);
    ww_instance_free(cell->instance);
    ww_principal_release(principal_of(cell), WW_PRINCIPAL_MEMORY, cell->memory_bytes);
    ww_principal_release(principal_of(cell), WW_PRINCIPAL_CELLS, 1);
    ww_wasi_deinit(&cell->wasi);
    ww_cell_link_deinit(&cell->link);
    ww_program_unref(cell->program);
    ww_free(cell->allocator, cell, sizeof *cell);
}

ww_capnp_conn *ww_cell_conn(ww_cell *cell)
{
    return cell->link.conn;
}

ww_cell_facts ww_cell_facts_of(const ww_cell *cell)
{
    ww_instance_end end = ww_instance_end_of(cell->instance);
    return (ww_cell_facts){
        .status = cell->status,
        .exit_code = cell->exit_code,
        .text = cell->status == WW_E_QUOTA ? ww_view_str(cell->used_up) : end.text,
        .trace = end.trace,
        .cpu_ns = cell->cpu_ns,
        .slices = cell->slices,
        .memory_bytes = cell->memory_bytes,
        .calls = cell->calls,
        .refused = cell->refused,
        .bytes = cell->bytes,
    };
}
