/* Invariants
 *  1. From start to `done` a call of the guest is out, or `task` is posted.
 *  2. Once `is_over`, what the guest's calls return is of no interest.
 */
#include "node/flow_ask.h"

enum { OFFER_BYTES_MAX = 1 << 20 };

/* --- offers --- */

static ww_flow_offer *new_offer(ww_program *program, const ww_allocator *allocator)
{
    ww_flow_offer *offer = ww_alloc_zeroed(allocator, sizeof *offer);
    if (!offer) return NULL;
    offer->allocator = allocator;
    offer->refs = 1;
    offer->program = ww_program_ref(program);
    ww_arena_init(&offer->memory, allocator, OFFER_BYTES_MAX);
    return offer;
}

ww_flow_offer *ww_flow_offer_ref(ww_flow_offer *offer)
{
    offer->refs++;
    return offer;
}

void ww_flow_offer_unref(ww_flow_offer *offer)
{
    if (!offer || --offer->refs) return;
    ww_program_unref(offer->program);
    ww_arena_deinit(&offer->memory);
    ww_free(offer->allocator, offer, sizeof *offer);
}

static ww_status copy_names(ww_arena *memory, const ww_list *from, ww_flow_names *out)
{
    const ww_list *names = from->data;
    if (from->count > WW_FLOW_NAMES_MAX) return WW_E_LIMIT;
    out->at = ww_arena_array(memory, from->count + 1, sizeof *out->at);
    if (!out->at) return WW_E_MEMORY;
    for (; out->count < from->count; out->count++) {
        const ww_list *name = &names[out->count];
        if (!name->count || name->count > WW_FLOW_NAME_BYTES_MAX) return WW_E_LIMIT;
        const void *copy = ww_arena_copy(memory, name->data, name->count);
        if (!copy) return WW_E_MEMORY;
        out->at[out->count] = ww_view_of(copy, name->count);
    }
    return WW_OK;
}

/* --- asking --- */

static void conclude(ww_flow_ask *ask, ww_status status)
{
    ask->is_over = true;
    ask->status = status;
    ww_loop_post(ask->cell.around->loop, &ask->task);
}

static void tell(ww_task *task)
{
    ww_flow_ask *ask = WW_CONTAINER_OF(task, ww_flow_ask, task);
    ww_flow_cell_close(&ask->cell);
    ask->done(ask, ask->status);
}

static ww_status take_names(ww_flow_ask *ask, const char *func, ww_status status, const void *data,
                            ww_flow_names *out)
{
    if (status) {
        ww_flow_cell_why(&ask->cell, status, &ask->diag);
        return ww_fail_in(&ask->diag, "%s", func);
    }
    status = copy_names(&ask->offer->memory, data, out);
    if (status == WW_E_LIMIT)
        return ww_fail(&ask->diag, status, "%s: at most %d names of 1 to %d bytes are allowed",
                       func, WW_FLOW_NAMES_MAX, WW_FLOW_NAME_BYTES_MAX);
    return status ? ww_fail(&ask->diag, status, "%s: %s", func, ww_status_text(status)) : WW_OK;
}

static ww_status call(ww_flow_ask *ask, const ww_export *func,
                      void (*returned)(void *, ww_status, const void *))
{
    ww_status status = ww_cell_call(ask->cell.cell, func, NULL, (ww_call_done){ask, returned});
    return status ? ww_fail(&ask->diag, status, "%s", ww_status_text(status)) : WW_OK;
}

static void operations_returned(void *self, ww_status status, const void *data)
{
    ww_flow_ask *ask = self;
    if (!ask->is_over)
        conclude(ask, take_names(ask, "operations", status, data, &ask->offer->operations));
}

static void inputs_returned(void *self, ww_status status, const void *data)
{
    ww_flow_ask *ask = self;
    if (ask->is_over) return;
    const ww_export *operations = ask->offer->exports.operations;
    status = take_names(ask, "inputs", status, data, &ask->offer->inputs);
    if (!status && operations) status = call(ask, operations, operations_returned);
    if (status || !operations) conclude(ask, status);
}

static ww_status begin(ww_flow_ask *ask, const ww_flow_surroundings *around, ww_view slot,
                       ww_program *program, const ww_allocator *allocator)
{
    const ww_flow_cell_options options = {
        .program = program, .slot = slot, .timeout_ns = WW_FLOW_ASK_NS};
    ask->offer = new_offer(program, allocator);
    if (!ask->offer) return ww_fail(&ask->diag, WW_E_MEMORY, "out of memory");
    ww_contract_exports *exports = &ask->offer->exports;
    ww_status status = ww_contract_find(program, exports, &ask->diag);
    if (!status) status = ww_flow_cell_open(&ask->cell, around, &options, allocator, &ask->diag);
    if (!status) status = call(ask, exports->inputs, inputs_returned);
    return status;
}

void ww_flow_ask_start(ww_flow_ask *ask, const ww_flow_surroundings *around, ww_view slot,
                       ww_program *program, const ww_allocator *allocator)
{
    *ask = (ww_flow_ask){.done = ask->done, .task.run = tell, .cell.around = around};
    ww_status status = begin(ask, around, slot, program, allocator);
    if (status) conclude(ask, status);
}

void ww_flow_ask_deinit(ww_flow_ask *ask)
{
    ask->is_over = true;
    ww_task_cancel(&ask->task);
    ww_flow_cell_close(&ask->cell);
    ww_flow_offer_unref(ask->offer);
    ask->offer = NULL;
}
