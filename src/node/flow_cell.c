#include "node/flow_cell.h"

enum {
    CAPABILITIES = 1 << WW_CAPABILITY_IO | 1 << WW_CAPABILITY_STDIO |
                   1 << WW_CAPABILITY_ENVIRONMENT | 1 << WW_CAPABILITY_EXIT |
                   1 << WW_CAPABILITY_CLOCK | 1 << WW_CAPABILITY_RANDOM
};

static void killed(ww_roster_entry *entry)
{
    ww_cell_end(WW_CONTAINER_OF(entry, ww_flow_cell, entry)->cell, WW_E_CANCELED);
}

static void ended(void *self)
{
    ww_flow_cell *cell = self;
    ww_roster_leave(cell->around->roster, &cell->entry);
    if (cell->on_end.ended) cell->on_end.ended(cell->on_end.self);
}

static void join_roster(ww_flow_cell *cell)
{
    const ww_flow_surroundings *around = cell->around;
    cell->entry = (ww_roster_entry){
        .started_ns = ww_clock_now_ns(ww_loop_clock(around->loop)),
        .cell = cell->cell,
        .principal = &cell->principal,
        .kill = killed,
    };
    ww_roster_join(around->roster, &cell->entry, cell->slot);
}

ww_status ww_flow_cell_open(ww_flow_cell *cell, const ww_flow_surroundings *around,
                            const ww_flow_cell_options *options, const ww_allocator *allocator,
                            ww_diag *diag)
{
    *cell = (ww_flow_cell){.around = around, .slot = options->slot, .on_end = options->on_end};
    ww_principal_init(&cell->principal, cell->slot);
    cell->principal.parent = around->payer;
    cell->principal.budgets[WW_PRINCIPAL_MEMORY].max = around->memory_bytes_max;
    ww_wasi_options wasi = {
        .loop = around->loop,
        .allocator = allocator,
        .random = around->random,
        .args = &cell->slot,
        .arg_count = 1,
    };
    const ww_cell_options with = {
        .ticker = around->ticker,
        .program = options->program,
        .wasi = &wasi,
        .principal = &cell->principal,
        .authority = around->authority,
        .audit = around->audit,
        .capabilities = CAPABILITIES,
        .number = around->roster->last_number + 1,
        .memory_bytes_max = around->memory_bytes_max,
        .timeout_ns = options->timeout_ns,
        .serves = true,
        .on_end = {cell, ended},
    };
    ww_status status = ww_cell_new(&with, allocator, &cell->cell, diag);
    if (!status) join_roster(cell);
    return status;
}

void ww_flow_cell_close(ww_flow_cell *cell)
{
    if (!cell->cell) return;
    ww_roster_leave(cell->around->roster, &cell->entry);
    ww_cell_free(cell->cell);
    cell->cell = NULL;
}

ww_status ww_flow_cell_why(const ww_flow_cell *cell, ww_status status, ww_diag *why)
{
    ww_cell_facts facts = ww_cell_facts_of(cell->cell);
    ww_view text = facts.text.size ? facts.text : ww_view_str(ww_status_text(status));
    return ww_fail(why, status, "the component is over: %.*s", WW_VIEW_ARG(text));
}
