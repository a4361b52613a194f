/* Invariants
 *  1. While `is_busy`, the first checkpoint's current component is asked (`asked`), or the job is at work.
 *  2. A target is told to the keeper after the states of all components that it touches were written.
 */
#include "node/states.h"
#include <stdio.h>

struct ww_checkpoint {
    ww_checkpoint *next;
    uint32_t target, at; /* the component in its touch set */
};

static void warn(const ww_states *states, ww_view slot, const char *why)
{
    ww_log_print(states->keeper->log, WW_LOG_WARN, "ww::bringup",
                 "the state of \"%.*s\" is not kept: %s", WW_VIEW_ARG(slot), why);
}

/* --- files --- */

enum { SLOT_HEAD_BYTES = 4 };

static void name_file(ww_view slot, char *out, size_t size)
{
    static const uint64_t key[2] = {0x77772d636f6d706f, 0x6e656e7473746174};
    snprintf(out, size, "component-%016llx.state", (unsigned long long)ww_siphash13(key, slot));
}

static ww_status put_record(ww_buf *out, ww_view slot, ww_view state)
{
    uint8_t head[SLOT_HEAD_BYTES];
    if (state.size > WW_STATE_BYTES_MAX) return WW_E_LIMIT;
    ww_put_le32(head, (uint32_t)slot.size);
    ww_status status = ww_journal_begin(out, WW_JOURNAL_STATE);
    if (!status) status = ww_buf_append(out, head, sizeof head);
    if (!status) status = ww_buf_append(out, slot.data, slot.size);
    if (!status) status = ww_buf_append(out, state.data, state.size);
    return status ? status : ww_journal_reserve_end(out);
}

static bool read_record(ww_view file, ww_view slot, ww_view *state)
{
    ww_journal_record record;
    if (!ww_journal_next(&file, &record) || file.size || record.kind != WW_JOURNAL_STATE ||
        record.payload.size < SLOT_HEAD_BYTES)
        return false;
    ww_view rest =
        ww_view_of(record.payload.data + SLOT_HEAD_BYTES, record.payload.size - SLOT_HEAD_BYTES);
    size_t size = ww_le32(record.payload.data);
    if (size > rest.size || !ww_view_equal(ww_view_of(rest.data, size), slot)) return false;
    *state = ww_view_of(rest.data + size, rest.size - size);
    return state->size <= WW_STATE_BYTES_MAX;
}

static ww_status read_file(const ww_states *states, ww_view slot, ww_buf *out, ww_diag *diag)
{
    ww_folder folder;
    char name[sizeof states->job.name];
    name_file(slot, name, sizeof name);
    ww_status status = ww_folder_open(states->job.folder, &folder, diag);
    if (status) return status;
    status = ww_file_read_in(&folder, name, out, NULL, diag);
    ww_folder_close(&folder);
    return status;
}

ww_blob *ww_states_read(const ww_states *states, ww_view slot)
{
    ww_buf file;
    ww_diag diag;
    ww_view state = {NULL, 0};
    ww_blob *blob = NULL;
    ww_buf_init(&file, states->keeper->allocator,
                WW_STATE_BYTES_MAX + WW_BOOTSTRAP_NAME_SIZE_MAX + 64);
    ww_status status = read_file(states, slot, &file, &diag);
    if (!status && !read_record(ww_buf_view(&file), slot, &state))
        status = ww_fail(&diag, WW_E_INVALID, "its file is damaged");
    if (!status) blob = ww_blob_copy(states->keeper->allocator, state);
    if (!status && !blob) ww_fail(&diag, WW_E_MEMORY, "out of memory");
    if (!blob)
        ww_log_print(states->keeper->log, WW_LOG_WARN, "ww::bringup",
                     "no state of \"%.*s\", which is brought up anew: %s", WW_VIEW_ARG(slot),
                     diag.text);
    ww_buf_deinit(&file);
    return blob;
}

/* --- checkpoints --- */

static ww_view current_slot(const ww_states *states)
{
    const ww_checkpoint *c = states->first;
    ww_bootstrap_target_info info = ww_bootstrap_target_at(states->queue, c->target);
    return ww_bootstrap_component_name(states->queue, info.touches[c->at]);
}

static void pop(ww_states *states)
{
    ww_checkpoint *c = states->first;
    states->first = c->next;
    if (!c->next) states->last = &states->first;
    ww_free(states->keeper->allocator, c, sizeof *c);
}

static void give_up(ww_states *states, const char *why)
{
    warn(states, current_slot(states), why);
    states->is_busy = false;
    pop(states);
}

/* One step of the first checkpoint. */
static void advance(ww_states *states)
{
    ww_checkpoint *c = states->first;
    ww_bootstrap_target_info info = ww_bootstrap_target_at(states->queue, c->target);
    if (c->at == info.touch_count) {
        ww_keeper_add_done(states->keeper, info.kind, info.name);
        pop(states);
        return;
    }
    ww_flow_guest *guest = ww_flow_guests_find(states->guests, current_slot(states));
    if (!guest) {
        c->at++;
        return;
    }
    ww_status status = ww_flow_guest_save(guest, &states->save);
    if (status) {
        give_up(states, ww_status_text(status));
        return;
    }
    ww_loop *loop = states->keeper->loop;
    states->is_busy = true;
    states->asked = guest;
    ww_timer_start(loop, &states->timer, ww_clock_after(ww_loop_clock(loop), WW_STATE_SAVE_NS));
}

static void go_on(ww_states *states)
{
    while (states->first && !states->is_busy)
        advance(states);
}

static void work(ww_job *base)
{
    ww_state_job *job = WW_CONTAINER_OF(base, ww_state_job, job);
    ww_folder folder;
    ww_append_file file = {.fd = -1};
    ww_journal_end(&job->bytes);
    job->status = ww_folder_make(job->folder, &folder, &job->diag);
    if (job->status) return;
    job->status =
        ww_append_replace(&folder, job->name, ww_buf_view(&job->bytes), &file, &job->diag);
    ww_append_close(&file);
    ww_folder_close(&folder);
}

static void written(ww_job *base, bool canceled)
{
    ww_states *states = WW_CONTAINER_OF(WW_CONTAINER_OF(base, ww_state_job, job), ww_states, job);
    (void)canceled; /* by nobody */
    ww_buf_deinit(&states->job.bytes);
    states->is_busy = false;
    if (states->job.status)
        give_up(states, states->job.diag.text);
    else
        states->first->at++;
    go_on(states);
}

static void saved(ww_flow_save *save, ww_status status, ww_view state)
{
    ww_states *states = WW_CONTAINER_OF(save, ww_states, save);
    ww_timer_stop(states->keeper->loop, &states->timer);
    states->asked = NULL;
    ww_buf *bytes = &states->job.bytes;
    ww_buf_init(bytes, states->keeper->allocator, SIZE_MAX);
    if (!status) status = put_record(bytes, current_slot(states), state);
    name_file(current_slot(states), states->job.name, sizeof states->job.name);
    if (!status) status = ww_job_start(states->keeper->loop, &states->job.job);
    if (!status) return;
    ww_buf_deinit(bytes);
    give_up(states, status == WW_E_IO ? "the component could not save it" : ww_status_text(status));
    go_on(states);
}

static void on_late(ww_timer *timer)
{
    ww_states *states = WW_CONTAINER_OF(timer, ww_states, timer);
    ww_flow_guest_forget_save(states->asked);
    states->asked = NULL;
    give_up(states, "the component took too long to save it");
    go_on(states);
}

void ww_states_checkpoint(ww_states *states, uint32_t target)
{
    if (states->keeper->is_refused) return; /* nothing is kept */
    ww_checkpoint *c = ww_alloc_zeroed(states->keeper->allocator, sizeof *c);
    if (!c) return; /* it is brought up once more */
    c->target = target;
    *states->last = c;
    states->last = &c->next;
    go_on(states);
}

/* --- life --- */

void ww_states_open(ww_states *states, const ww_bootstrap *queue, const ww_flow_guests *guests,
                    ww_keeper *keeper)
{
    *states = (ww_states){
        .queue = queue,
        .guests = guests,
        .keeper = keeper,
        .save.done = saved,
        .timer.fire = on_late,
        .job = {.job = {.work = work, .done = written}, .folder = keeper->job.folder},
    };
    states->last = &states->first;
}

void ww_states_drain(ww_states *states)
{
    if (!states->keeper) return;
    for (uint32_t i = 0; i < ww_bootstrap_target_count(states->queue); i++) {
        ww_bootstrap_target_info info = ww_bootstrap_target_at(states->queue, i);
        if (info.kind == WW_BOOTSTRAP_COMPONENT && info.done &&
            ww_flow_guests_find(states->guests, info.name))
            ww_states_checkpoint(states, i);
    }
    while (states->is_busy)
        ww_loop_turn(states->keeper->loop, true);
}

void ww_states_close(ww_states *states)
{
    if (!states->keeper) return;
    WW_ASSERT(!states->is_busy && !states->first);
    states->keeper = NULL;
}
