/* Invariants
 *  1. Records are written in the order in which they were added. One is in the list from `first`, or in the job's
 *     batch, until its `done` is called.
 *  2. While `is_busy`, the job is at work or `skip` is posted; the fields of a job at work are the worker's.
 *  3. `done` of a record is not called inside ww_keeper_add.
 *  4. While `is_waiting`, the timer runs, no file is open and nothing is refused.
 */
#include "node/keeper.h"
#include "capnp/frame.h"
#include <stdio.h>

enum { TARGETS_MAX = 65536 };
#define RECORD_BYTES_MAX (WW_JOURNAL_BYTES_MAX + 64)
#define RETRY_NS         (25 * WW_NS_PER_MS)

static void warn(const ww_keeper *keeper, const char *what, const ww_diag *diag)
{
    ww_log_print(keeper->log, WW_LOG_WARN, "ww::bringup", "%s: %s", what, diag->text);
}

/* From now on nothing is kept. */
static void refuse(ww_keeper *keeper, const char *what, const ww_diag *diag)
{
    keeper->is_refused = true;
    warn(keeper, what, diag);
    ww_fail(&keeper->fault, diag->status, "%s: %s", what, diag->text);
}

/* --- done targets --- */

static bool key_of(ww_bootstrap_kind kind, ww_view target,
                   uint8_t key[1 + WW_BOOTSTRAP_NAME_SIZE_MAX], ww_view *out)
{
    if (target.size > WW_BOOTSTRAP_NAME_SIZE_MAX) return false;
    key[0] = (uint8_t)kind;
    if (target.size) memcpy(key + 1, target.data, target.size);
    *out = ww_view_of(key, 1 + target.size);
    return true;
}

bool ww_keeper_is_done(const ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target)
{
    uint8_t bytes[1 + WW_BOOTSTRAP_NAME_SIZE_MAX];
    ww_view key;
    uint32_t id;
    return key_of(kind, target, bytes, &key) && ww_names_find(&keeper->done, key, &id);
}

static void remember_done(ww_keeper *keeper, ww_view key)
{
    uint32_t id; /* without memory it is brought up once more */
    ww_status status = ww_names_intern(&keeper->done, key, &id);
    (void)status;
}

/* --- the file --- */

static ww_status open_file(const char *path, bool create, ww_buf *content, ww_append_file *out,
                           ww_diag *diag)
{
    ww_folder folder;
    ww_status status =
        create ? ww_folder_make(path, &folder, diag) : ww_folder_open(path, &folder, diag);
    if (status) return status;
    status = ww_append_open(&folder, WW_JOURNAL_NAME, create, content, out, diag);
    ww_folder_close(&folder);
    return status;
}

/* --- writing --- */

/* A file that was made meanwhile is another node's. */
static ww_status make_file(ww_keeper_job *job)
{
    ww_buf none;
    ww_buf_init(&none, NULL, 0);
    ww_status status = open_file(job->folder, true, &none, &job->file, &job->diag);
    if (status != WW_E_LIMIT) return status;
    return ww_fail(&job->diag, WW_E_BUSY, "%s: another node has made it", WW_JOURNAL_NAME);
}

static ww_status append(ww_keeper_job *job)
{
    ww_view parts[WW_KEEPER_BATCH];
    uint64_t size = job->file.size;
    size_t count = 0;
    for (ww_keep *at = job->batch; at; at = at->next) {
        ww_journal_end(&at->bytes);
        parts[count] = ww_buf_view(&at->bytes);
        size += parts[count++].size;
    }
    if (size > WW_JOURNAL_BYTES_MAX)
        return ww_fail(&job->diag, WW_E_LIMIT, "it would have more than %zu bytes",
                       WW_JOURNAL_BYTES_MAX);
    return ww_append(&job->file, parts, count, &job->diag);
}

static void work(ww_job *base)
{
    ww_keeper_job *job = WW_CONTAINER_OF(base, ww_keeper_job, job);
    job->status = job->file.fd < 0 ? make_file(job) : WW_OK;
    if (!job->status) job->status = append(job);
}

static void begin(ww_keeper *keeper);

static void tell(ww_keeper *keeper)
{
    ww_keep *at = keeper->job.batch;
    keeper->job.batch = NULL;
    keeper->is_busy = false;
    while (at) {
        ww_keep *next = at->next;
        at->done(at);
        at = next;
    }
    begin(keeper);
}

static void written(ww_job *base, bool canceled)
{
    ww_keeper *keeper = WW_CONTAINER_OF(WW_CONTAINER_OF(base, ww_keeper_job, job), ww_keeper, job);
    const ww_keeper_job *job = &keeper->job;
    (void)canceled; /* by nobody */
    if (job->file.fd < 0)
        refuse(keeper, "what is installed is for this time only", &job->diag);
    else if (job->status)
        warn(keeper, WW_JOURNAL_NAME, &job->diag);
    tell(keeper);
}

static void skip(ww_task *task)
{
    tell(WW_CONTAINER_OF(task, ww_keeper, skip));
}

static void take_batch(ww_keeper *keeper)
{
    ww_keep *last = keeper->first;
    keeper->job.batch = last;
    for (int i = 1; i < WW_KEEPER_BATCH && last->next; i++)
        last = last->next;
    keeper->first = last->next;
    if (!keeper->first) keeper->last = &keeper->first;
    last->next = NULL;
}

static void begin(ww_keeper *keeper)
{
    ww_diag diag;
    ww_status status = WW_OK;
    if (keeper->is_busy || keeper->is_waiting || !keeper->first) return;
    take_batch(keeper);
    keeper->is_busy = true;
    if (!keeper->is_refused) status = ww_job_start(keeper->loop, &keeper->job.job);
    if (status && ww_fail(&diag, status, "%s", ww_status_text(status)))
        warn(keeper, WW_JOURNAL_NAME, &diag);
    if (keeper->is_refused || status) ww_loop_post(keeper->loop, &keeper->skip);
}

void ww_keeper_add(ww_keeper *keeper, ww_keep *keep)
{
    keep->next = NULL;
    *keeper->last = keep;
    keeper->last = &keep->next;
    begin(keeper);
}

/* --- opening --- */

/* Names what is done; what is not whole at the end is cut off. */
static void scan(ww_keeper *keeper)
{
    ww_journal_record record;
    ww_diag diag;
    ww_view rest = ww_buf_view(&keeper->content);
    while (ww_journal_next(&rest, &record))
        if (record.kind == WW_JOURNAL_DONE) remember_done(keeper, record.payload);
    if (!rest.size) return;
    ww_log_print(keeper->log, WW_LOG_WARN, "ww::bringup",
                 "%s: the last %zu bytes are not a whole record and are forgotten", WW_JOURNAL_NAME,
                 rest.size);
    keeper->content.size -= rest.size;
    if (ww_append_cut(&keeper->job.file, keeper->content.size, &diag))
        warn(keeper, WW_JOURNAL_NAME, &diag);
}

static ww_status replace(ww_keeper *keeper, ww_view content, ww_diag *diag)
{
    ww_folder folder;
    ww_status status = ww_folder_open(keeper->job.folder, &folder, diag);
    if (status) return status;
    status = ww_append_replace(&folder, WW_JOURNAL_NAME, content, &keeper->job.file, diag);
    ww_folder_close(&folder);
    return status;
}

/* What cannot be compacted now is next time. */
static void compact(ww_keeper *keeper)
{
    ww_buf fresh;
    ww_diag diag;
    size_t useless;
    ww_view old = ww_buf_view(&keeper->content);
    if (ww_journal_compact(old, keeper->key, keeper->allocator, &useless, NULL) ||
        useless <= old.size / 2)
        return;
    ww_buf_init(&fresh, keeper->allocator, WW_JOURNAL_BYTES_MAX);
    ww_status status = ww_journal_compact(old, keeper->key, keeper->allocator, &useless, &fresh);
    if (status)
        ww_fail(&diag, status, "%s", ww_status_text(status));
    else
        status = replace(keeper, ww_buf_view(&fresh), &diag);
    if (status) {
        warn(keeper, WW_JOURNAL_NAME, &diag);
        ww_buf_deinit(&fresh);
        return;
    }
    ww_buf_deinit(&keeper->content);
    keeper->content = fresh;
}

static ww_status try_to_open(ww_keeper *keeper, ww_diag *diag)
{
    ww_status status =
        open_file(keeper->job.folder, false, &keeper->content, &keeper->job.file, diag);
    if (status) return status;
    scan(keeper);
    compact(keeper);
    keeper->rest = ww_buf_view(&keeper->content);
    return WW_OK;
}

static uint32_t holder_of(const ww_keeper *keeper)
{
    ww_folder folder;
    if (ww_folder_open(keeper->job.folder, &folder, NULL)) return 0;
    uint32_t process = ww_append_holder(&folder, WW_JOURNAL_NAME);
    ww_folder_close(&folder);
    return process;
}

/* Names the file and who has it. */
static void fail_busy(const ww_keeper *keeper, const char *so, ww_diag *diag)
{
    char who[32] = "another process";
    uint32_t process = holder_of(keeper);
    if (process) snprintf(who, sizeof who, "process %u", process);
    ww_fail(diag, WW_E_BUSY, "%s, likely another node, has %s/%s%s", who, keeper->job.folder,
            WW_JOURNAL_NAME, so);
}

static void give_up(ww_keeper *keeper, ww_status status, ww_diag *diag)
{
    if (status == WW_E_BUSY) fail_busy(keeper, "", diag);
    refuse(keeper, "what was installed is not brought up here, and nothing is kept", diag);
}

static void wait_for_file(ww_keeper *keeper)
{
    const ww_clock *clock = ww_loop_clock(keeper->loop);
    if (!keeper->is_waiting) {
        keeper->patience_until_ns = ww_clock_after(clock, WW_KEEPER_PATIENCE_NS);
        fail_busy(keeper, "; waiting for it", &keeper->fault);
    }
    keeper->is_waiting = true;
    ww_timer_start(keeper->loop, &keeper->retry, ww_clock_after(clock, RETRY_NS));
}

static void end_waiting(ww_keeper *keeper)
{
    ww_timer_stop(keeper->loop, &keeper->retry);
    keeper->is_waiting = false;
    keeper->fault = (ww_diag){.status = WW_OK};
}

static void retry(ww_timer *timer)
{
    ww_keeper *keeper = WW_CONTAINER_OF(timer, ww_keeper, retry);
    ww_diag diag;
    ww_status status = try_to_open(keeper, &diag);
    bool is_late = ww_clock_now_ns(ww_loop_clock(keeper->loop)) >= keeper->patience_until_ns;
    if (status == WW_E_BUSY && !is_late) {
        wait_for_file(keeper);
        return;
    }
    end_waiting(keeper);
    if (status && status != WW_E_NOT_FOUND) give_up(keeper, status, &diag);
    begin(keeper);
    if (keeper->opened) keeper->opened(keeper);
}

void ww_keeper_open(ww_keeper *keeper, const ww_keeper_options *options)
{
    ww_diag diag;
    *keeper = (ww_keeper){
        .allocator = options->allocator,
        .log = options->log,
        .loop = options->loop,
        .key = {options->key[0], options->key[1]},
        .job = {.job = {.work = work, .done = written}, .folder = options->folder, .file.fd = -1},
        .skip.run = skip,
        .retry.fire = retry,
        .opened = options->opened,
    };
    keeper->last = &keeper->first;
    ww_buf_init(&keeper->content, options->allocator, WW_JOURNAL_BYTES_MAX);
    ww_names_init(&keeper->done, options->allocator, options->key, TARGETS_MAX);
    ww_status status = try_to_open(keeper, &diag);
    if (status == WW_E_BUSY)
        wait_for_file(keeper);
    else if (status && status != WW_E_NOT_FOUND) /* made when there is something to keep */
        give_up(keeper, status, &diag);
}

bool ww_keeper_is_waiting(const ww_keeper *keeper)
{
    return keeper->is_waiting;
}

ww_view ww_keeper_fault(const ww_keeper *keeper)
{
    return ww_view_str(keeper->fault.text);
}

void ww_keeper_drain(ww_keeper *keeper)
{
    if (keeper->is_waiting) {
        end_waiting(keeper);
        keeper->is_refused = true;
        begin(keeper);
    }
    while (keeper->is_busy)
        ww_loop_turn(keeper->loop, true);
}

void ww_keeper_close(ww_keeper *keeper)
{
    if (!keeper->allocator) return;
    WW_ASSERT(!keeper->is_busy);
    ww_append_close(&keeper->job.file);
    ww_buf_deinit(&keeper->content);
    ww_names_deinit(&keeper->done);
    keeper->allocator = NULL;
}

bool ww_keeper_next(ww_keeper *keeper, ww_view *message)
{
    ww_journal_record record;
    while (ww_journal_next(&keeper->rest, &record)) {
        if (record.kind != WW_JOURNAL_INSTALL) continue;
        *message = record.payload;
        return true;
    }
    ww_buf_deinit(&keeper->content);
    ww_buf_init(&keeper->content, keeper->allocator, WW_JOURNAL_BYTES_MAX);
    keeper->rest = ww_buf_view(&keeper->content);
    return false;
}

/* --- records --- */

static void copy_bindings(bringup_install_b out, bringup_binding_l from)
{
    bringup_binding_lb list = bringup_install_init_bindings(out, from.list.count);
    for (uint32_t i = 0; i < from.list.count; i++) {
        bringup_binding_r binding = bringup_binding_l_at(from, i);
        bringup_binding_b to = bringup_binding_lb_at(list, i);
        bringup_binding_set_slot(to, bringup_binding_slot(binding));
        bringup_binding_set_wasm(to, bringup_binding_wasm(binding));
        bringup_binding_set_config(to, bringup_binding_config(binding));
    }
}

static ww_status put_install(const ww_keeper *keeper, bringup_install_r install, ww_buf *out)
{
    ww_capnp_builder builder;
    const ww_capnp_builder_options options = {.words_max = WW_JOURNAL_BYTES_MAX / 8};
    ww_capnp_builder_init(&builder, keeper->allocator, &options);
    bringup_install_b copy = bringup_install_init_root(&builder);
    bringup_install_set_artifact(copy, bringup_install_artifact(install));
    copy_bindings(copy, bringup_install_bindings(install));
    ww_status status = ww_journal_begin(out, WW_JOURNAL_INSTALL);
    if (!status) status = ww_capnp_frame_write(&builder, out);
    if (!status) status = ww_journal_reserve_end(out);
    ww_capnp_builder_deinit(&builder);
    return status;
}

ww_status ww_keep_install(const ww_keeper *keeper, bringup_install_r install, ww_keep *out)
{
    ww_buf_init(&out->bytes, keeper->allocator, RECORD_BYTES_MAX);
    return keeper->is_refused ? WW_OK : put_install(keeper, install, &out->bytes);
}

void ww_keep_deinit(ww_keep *keep)
{
    ww_buf_deinit(&keep->bytes);
}

typedef struct done_target {
    ww_keep keep;
    const ww_allocator *allocator;
} done_target;

static void done_kept(ww_keep *keep)
{
    done_target *self = WW_CONTAINER_OF(keep, done_target, keep);
    ww_keep_deinit(keep);
    ww_free(self->allocator, self, sizeof *self);
}

static ww_status put_done(ww_keeper *keeper, ww_view key)
{
    done_target *self = ww_alloc_zeroed(keeper->allocator, sizeof *self);
    if (!self) return WW_E_MEMORY;
    self->allocator = keeper->allocator;
    self->keep.done = done_kept;
    ww_buf *bytes = &self->keep.bytes;
    ww_buf_init(bytes, keeper->allocator, RECORD_BYTES_MAX);
    ww_status status = ww_journal_begin(bytes, WW_JOURNAL_DONE);
    if (!status) status = ww_buf_append(bytes, key.data, key.size);
    if (!status) status = ww_journal_reserve_end(bytes);
    if (status)
        done_kept(&self->keep);
    else
        ww_keeper_add(keeper, &self->keep);
    return status;
}

void ww_keeper_add_done(ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target)
{
    uint8_t bytes[1 + WW_BOOTSTRAP_NAME_SIZE_MAX];
    ww_view key;
    ww_diag diag;
    if (ww_keeper_is_done(keeper, kind, target) || !key_of(kind, target, bytes, &key)) return;
    remember_done(keeper, key);
    ww_status status = keeper->is_refused ? WW_OK : put_done(keeper, key);
    if (status && ww_fail(&diag, status, "%s", ww_status_text(status)))
        warn(keeper, WW_JOURNAL_NAME, &diag);
}
