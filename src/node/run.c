/* One run: the image is loaded on a worker, then a cell runs on the loop until it has ended. A
 * signal asks the guest to end: its input is over. grace_ns later, or at a second signal, it is
 * ended. A node that serves stays when the guest is over, until a signal.
 */
#include "base/utf8.h"
#include "node/inside.h"
#include "node/stdio.h"
#include "node/surroundings.h"
#include "rpc/spawner.h"
#include <signal.h>
#include <stdlib.h>

static const uint64_t grace_ns = 2 * WW_NS_PER_S;
static const uint64_t patience_ns = WW_NS_PER_S; /* before a word about what takes so long */

typedef struct ww_run {
    ww_node *node;
    const ww_run_options *options;
    ww_run_report *report;
    ww_diag *diag;
    ww_status status;
    ww_pid0 pid0;
    ww_loading load;
    ww_tenant *tenant;      /* who stands behind the guest's link, ... */
    ww_operator_link *lent; /* or whose tenant does */
    ww_cell *cell;
    ww_stdio stdio;
    ww_account *account;
    ww_authority authority;
    ww_surroundings surroundings;
    ww_signal *interrupt, *terminate;
    int signal;
    bool is_killed, is_over; /* the guest: by the operator; in whatever way */
    ww_roster_entry entry;
    ww_timer grace, patience;
    uint64_t start_ns;
} ww_run;

static void over(ww_run *run, ww_status status)
{
    run->status = status;
    ww_loop_stop(run->node->loop);
}

/* With names out of the guest's component, for a terminal. */
static char *copy_lines(ww_view text)
{
    char *copy = malloc(text.size + 1);
    if (!copy) return NULL;
    if (text.size) memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    for (char *line = copy; *line;) {
        size_t size = strcspn(line, "\n");
        ww_text_make_plain(line, size);
        line += size + (line[size] == '\n');
    }
    return copy;
}

static void judge_signal(const ww_run *run)
{
    run->report->reason = WW_RUN_SIGNALED;
    run->report->exit_code = 128 + run->signal;
}

static void judge(const ww_run *run, const ww_cell_facts *facts)
{
    ww_run_report *report = run->report;
    report->reason = WW_RUN_EXITED;
    report->exit_code = facts->exit_code;
    if (run->signal) {
        judge_signal(run);
    } else if (run->is_killed) {
        report->reason = WW_RUN_KILLED;
        report->exit_code = WW_EXIT_KILLED;
    } else if (facts->status == WW_E_TIMEOUT) {
        report->reason = WW_RUN_TIMED_OUT;
        report->exit_code = 124;
    } else if (facts->status == WW_E_QUOTA) {
        report->reason = WW_RUN_USED_UP;
        report->exit_code = 124;
    } else if (facts->status != WW_OK) {
        report->reason = WW_RUN_TRAPPED;
        report->exit_code = 134;
    }
}

static void on_ended(void *self)
{
    ww_run *run = self;
    ww_cell_facts facts = ww_cell_facts_of(run->cell);
    ww_run_report *report = run->report;
    run->is_over = true;
    ww_roster_leave(&run->node->roster, &run->entry);
    judge(run, &facts);
    report->text = copy_lines(facts.text);
    report->trace = copy_lines(facts.trace);
    report->file = copy_lines(ww_view_str(run->load.image.name));
    report->wall_ns = ww_clock_now_ns(ww_loop_clock(run->node->loop)) - run->start_ns;
    report->cpu_ns = facts.cpu_ns;
    report->slices = facts.slices;
    report->memory_bytes = facts.memory_bytes;
    report->calls = facts.calls;
    report->refused = facts.refused;
    report->bytes = facts.bytes;
    if (run->options->serve && !run->signal)
        ww_log_print(run->node->log, WW_LOG_INFO, "ww::node", "%s ended with %d; the node stays",
                     run->entry.name, report->exit_code);
    else
        over(run, WW_OK);
}

static void on_kill(ww_roster_entry *entry)
{
    ww_run *run = WW_CONTAINER_OF(entry, ww_run, entry);
    run->is_killed = true;
    ww_cell_end(run->cell, WW_E_CANCELED);
}

static void join_roster(ww_run *run)
{
    run->entry.started_ns = run->start_ns;
    run->entry.cell = run->cell;
    run->entry.principal = &run->account->principal;
    run->entry.allowance = &run->account->allowance;
    run->entry.kill = on_kill;
    ww_roster_join(&run->node->roster, &run->entry, ww_view_str(run->load.image.label));
}

static bool gets_operator(const ww_run *run)
{
    bool asks = run->load.image.asks_operator, lends = run->options->lends_operator;
    if (asks && !lends)
        ww_log_print(run->node->log, WW_LOG_DEBUG, "ww::operator",
                     "%s asks for the operator; --operator would give it", run->options->image);
    if (lends && !asks)
        ww_log_print(run->node->log, WW_LOG_WARN, "ww::operator",
                     "%s does not ask for the operator, and does not get it", run->options->image);
    return asks && lends;
}

/* What the guest finds on its link: the membrane, or the operator, which is one too. */
static ww_status open_membrane(ww_run *run, ww_capnp_cap **out)
{
    const ww_tenant_rights rights = {.account = run->account, .is_trusted = true};
    if (gets_operator(run)) {
        run->lent = ww_operators_lend(&run->node->operators, run->account, out);
    } else {
        run->tenant = ww_tenant_new(&run->node->sessions, &rights);
        *out = run->tenant ? ww_tenant_membrane(run->tenant) : NULL;
    }
    return *out ? WW_OK : ww_fail(run->diag, WW_E_MEMORY, "out of memory");
}

static ww_status start_cell(ww_run *run)
{
    ww_node *node = run->node;
    ww_status status = ww_surroundings_init(&run->surroundings, run->load.image.name, run->options,
                                            node->loop, node->allocator, run->diag);
    ww_capnp_cap *membrane = NULL;
    if (!status) status = open_membrane(run, &membrane);
    if (status) return status;
    ww_wasi_options wasi = {
        .loop = node->loop,
        .allocator = node->allocator,
        .random = &node->random.base,
    };
    ww_stdio_give(&run->stdio, &wasi);
    ww_surroundings_give(&run->surroundings, &wasi);
    ww_cell_options cell = {
        .ticker = node->ticker,
        .program = run->load.program,
        .wasi = &wasi,
        .principal = &run->account->principal,
        .authority = &run->authority,
        .audit = &node->audit,
        .capabilities = WW_CELL_CAPABILITIES,
        .number = 1,
        .memory_bytes_max = run->options->memory_bytes_max,
        .timeout_ns = run->options->timeout_ms * WW_NS_PER_MS,
        .rpc = &node->rpc,
        .bootstrap = membrane,
        .on_end = {run, on_ended},
    };
    run->start_ns = ww_clock_now_ns(ww_loop_clock(node->loop));
    status = ww_cell_new(&cell, node->allocator, &run->cell, run->diag);
    ww_capnp_cap_unref(membrane);
    if (!status) join_roster(run);
    ww_tenant *tenant = run->lent ? ww_operator_link_tenant(run->lent) : run->tenant;
    if (!status) ww_tenant_set_cell(tenant, run->entry.number);
    return status;
}

static void on_loaded(void *self)
{
    ww_run *run = self;
    ww_timer_stop(run->node->loop, &run->patience);
    ww_status status = run->load.status;
    if (run->signal) {
        judge_signal(run);
        over(run, WW_OK);
        return;
    }
    if (status)
        *run->diag = run->load.diag;
    else
        status = start_cell(run);
    ww_bringup_started(&run->node->bringup, status);
    if (status) over(run, status);
}

/* Its turn in the node's bring-up has come. */
static void on_turn(ww_pid0 *pid0)
{
    ww_run *run = WW_CONTAINER_OF(pid0, ww_run, pid0);
    ww_loop *loop = run->node->loop;
    ww_status status = ww_loading_start(&run->load, run->node, run->options);
    if (status)
        over(run, ww_fail(run->diag, status, "cannot start: %s", ww_status_text(status)));
    else
        ww_timer_start(loop, &run->patience, ww_clock_after(ww_loop_clock(loop), patience_ns));
}

static void end_now(ww_run *run)
{
    if (run->cell) ww_cell_end(run->cell, WW_E_CANCELED);
}

static void on_grace_over(ww_timer *timer)
{
    end_now(WW_CONTAINER_OF(timer, ww_run, grace));
}

static void on_patience_over(ww_timer *timer)
{
    ww_run *run = WW_CONTAINER_OF(timer, ww_run, patience);
    ww_log_print(run->node->log, WW_LOG_INFO, "ww::loader", "compiling %s; the result is kept",
                 run->options->image);
}

/* A guest that lives on its input ends now; any other has the time of grace. */
static void end_input(ww_run *run)
{
    if (!run->stdio.input) return;
    ww_source_end(run->stdio.input);
    if (run->cell) ww_cell_wake(run->cell);
}

static void on_signal(void *self, int number)
{
    ww_run *run = self;
    if (run->signal) {
        end_now(run);
        return;
    }
    run->signal = number;
    if (run->is_over) {
        judge_signal(run);
        over(run, WW_OK);
        return;
    }
    end_input(run);
    ww_loop *loop = run->node->loop;
    ww_timer_start(loop, &run->grace, ww_clock_after(ww_loop_clock(loop), grace_ns));
}

static ww_status start(ww_run *run)
{
    ww_loop *loop = run->node->loop;
    ww_on_signal on = {run, on_signal};
    ww_status status = ww_signal_new(loop, SIGINT, on, &run->interrupt);
    if (!status) status = ww_signal_new(loop, SIGTERM, on, &run->terminate);
    if (status) return ww_fail(run->diag, status, "cannot start: %s", ww_status_text(status));
    run->pid0.start = on_turn;
    status =
        ww_bringup_add_pid0(&run->node->bringup, &run->pid0, WW_VIEW_LITERAL("pid0"), run->diag);
    if (!status) ww_bringup_resume(&run->node->bringup);
    return status;
}

static void deinit(ww_run *run)
{
    ww_loop *loop = run->node->loop;
    ww_timer_stop(loop, &run->grace);
    ww_timer_stop(loop, &run->patience);
    ww_roster_leave(&run->node->roster, &run->entry);
    ww_cell_free(run->cell);
    if (run->tenant) ww_tenant_end(run->tenant);
    ww_tenant_unref(run->tenant);
    ww_operators_take_back(run->lent);
    ww_bringup_started(&run->node->bringup, WW_E_CANCELED);
    ww_loading_deinit(&run->load);
    ww_stdio_deinit(&run->stdio);
    ww_surroundings_deinit(&run->surroundings);
    if (run->interrupt) ww_signal_close(run->interrupt);
    if (run->terminate) ww_signal_close(run->terminate);
    ww_account_unref(run->account);
}

/* What the operator executes on the node meanwhile has the same limits. */
static ww_status open_account(ww_run *run)
{
    ww_account_limits *limits = &run->node->sessions.limits;
    limits->cpu_ns_max = run->options->cpu_ms * WW_NS_PER_MS;
    limits->memory_bytes_max = run->options->memory_bytes_max;
    run->account = ww_account_open(run->node->account, limits);
    return run->account ? WW_OK : ww_fail(run->diag, WW_E_MEMORY, "out of memory");
}

/* A guest that could write there could forge the machine code of the next run. */
static ww_status check_volumes(const ww_node *node, const ww_run_options *options, ww_diag *diag)
{
    for (size_t i = 0; i < options->volume_count; i++) {
        const char *host = options->volumes[i].host;
        const char *own = ww_folders_overlap(host, node->folders.state)   ? "state"
                          : ww_folders_overlap(host, node->folders.cache) ? "cache"
                                                                          : NULL;
        if (own)
            return ww_fail(diag, WW_E_USAGE, "volume %s contains or lies in ww's own %s folder",
                           host, own);
    }
    return WW_OK;
}

ww_status ww_node_run(ww_node *node, const ww_run_options *options, ww_run_report *report,
                      ww_diag *diag)
{
    ww_status status = check_volumes(node, options, diag);
    if (status) return status;
    ww_run run = {.node = node, .options = options, .report = report, .diag = diag};
    run.load.self = &run;
    run.load.done = on_loaded;
    run.grace.fire = on_grace_over;
    run.patience.fire = on_patience_over;
    status = open_account(&run);
    if (!status) status = ww_stdio_init(&run.stdio, node->loop, diag);
    if (!status) status = start(&run);
    if (!status) {
        ww_loop_run(node->loop);
        status = run.status;
    }
    deinit(&run);
    return status;
}

void ww_run_report_deinit(ww_run_report *report)
{
    free(report->text);
    free(report->trace);
    free(report->file);
    *report = (ww_run_report){.reason = report->reason};
}
