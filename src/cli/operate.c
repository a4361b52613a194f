/* The commands that look at a running node and steer it: ps, kill, status, epoch. */
#include "cli/bringup.h"
#include "cli/client.h"
#include "cli/format.h"
#include "cli/json.h"
#include <inttypes.h>
#include <stdlib.h>

/* Opens a client for the time of `act`, and tells of a failure. */
static int with_node(const ww_invocation *invocation,
                     ww_status (*act)(ww_client *, const ww_invocation *, ww_diag *))
{
    ww_client client;
    ww_diag diag;
    ww_status status = ww_client_open(&client, &invocation->config, &diag);
    if (!status) status = act(&client, invocation, &diag);
    ww_client_close(&client);
    return status ? ww_command_failed(&diag) : 0;
}

/* --- ps --- */

static const char *state_of(operator_cell_r cell)
{
    return operator_cell_state(cell) == OPERATOR_CELL_STATE_RUNNING ? "running" : "ending";
}

static void print_cells(operator_cell_l cells)
{
    printf("%6s %6s %-8s %10s %10s %10s %10s %10s %10s %8s  %s\n", "CELL", "PARENT", "STATE", "AGE",
           "CPU", "ALL CPU", "MEMORY", "ALL MEMORY", "CALLS", "REFUSED", "NAME");
    for (uint32_t i = 0; i < cells.list.count; i++) {
        operator_cell_r cell = operator_cell_l_at(cells, i);
        char age[WW_FIGURE_MAX], cpu[WW_FIGURE_MAX], memory[WW_FIGURE_MAX];
        char all_cpu[WW_FIGURE_MAX], all_memory[WW_FIGURE_MAX];
        ww_format_duration(operator_cell_age_ns(cell), age);
        ww_format_duration(operator_cell_cpu_ns(cell), cpu);
        ww_format_duration(operator_cell_family_cpu_ns(cell), all_cpu);
        ww_format_bytes(operator_cell_memory_bytes(cell), memory);
        ww_format_bytes(operator_cell_family_memory_bytes(cell), all_memory);
        printf("%6" PRIu32 " %6" PRIu32 " %-8s %10s %10s %10s %10s %10s %10" PRIu64 " %8" PRIu64
               "  ",
               operator_cell_number(cell), operator_cell_parent(cell), state_of(cell), age, cpu,
               all_cpu, memory, all_memory, operator_cell_calls(cell),
               operator_cell_refused_calls(cell));
        ww_print_plain(operator_cell_name(cell));
        putchar('\n');
    }
}

static json_t *json_cell(operator_cell_r cell)
{
    json_t *family = json_pack("{s:I, s:I, s:I}",                                                //
                               "cells", (json_int_t)operator_cell_family_cells(cell),            //
                               "cpu_us", (json_int_t)(operator_cell_family_cpu_ns(cell) / 1000), //
                               "memory_bytes", (json_int_t)operator_cell_family_memory_bytes(cell));
    return json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",           //
                     "cell", (json_int_t)operator_cell_number(cell),                 //
                     "parent", (json_int_t)operator_cell_parent(cell),               //
                     "state", state_of(cell),                                        //
                     "age_us", (json_int_t)(operator_cell_age_ns(cell) / 1000),      //
                     "cpu_us", (json_int_t)(operator_cell_cpu_ns(cell) / 1000),      //
                     "memory_bytes", (json_int_t)operator_cell_memory_bytes(cell),   //
                     "calls", (json_int_t)operator_cell_calls(cell),                 //
                     "refused_calls", (json_int_t)operator_cell_refused_calls(cell), //
                     "family", family,                                               //
                     "name", ww_json_text(operator_cell_name(cell)));
}

static ww_status ps(ww_client *client, const ww_invocation *invocation, ww_diag *diag)
{
    ww_capnp_call *call;
    operator_operator_cells_begin(client->operator, & call);
    ww_status status = ww_client_ask(client, call, diag);
    if (!status) {
        operator_cell_l cells =
            operator_operator_cells_results_cells(operator_operator_cells_response(call));
        json_t *array = json_array();
        for (uint32_t i = 0; invocation->json && i < cells.list.count; i++)
            json_array_append_new(array, json_cell(operator_cell_l_at(cells, i)));
        if (invocation->json)
            ww_json_print(stdout, json_pack("{s:O}", "cells", array));
        else
            print_cells(cells);
        json_decref(array);
    }
    ww_capnp_call_drop(call);
    return status;
}

static int run_ps(const ww_invocation *invocation)
{
    return with_node(invocation, ps);
}

const ww_command ww_command_ps = {
    .name = "ps",
    .summary = "list the cells of a node",
    .usage = "[OPTIONS]",
    .description =
        "One line for each running guest: its number, the cell that started it (0: the node or "
        "its operator), age, CPU time, linear memory, calls of host functions, and how many of "
        "those or of its calls of capabilities were refused; under ALL, or as \"family\", time and "
        "memory of the cell with all "
        "that it started. A cell that was killed, or whose session is over, is \"ending\" "
        "until it ended.",
    .json = "one JSON object; times in microseconds",
    .settings = WW_CLIENT_SETTINGS,
    .run = run_ps,
};

/* --- kill --- */

static ww_status read_number(const char *text, uint32_t *out, ww_diag *diag)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number > UINT32_MAX)
        return ww_fail(diag, WW_E_USAGE, "\"%s\" is not the number of a cell", text);
    *out = (uint32_t)number;
    return WW_OK;
}

static ww_status kill_cells(ww_client *client, const ww_invocation *invocation, ww_diag *diag)
{
    ww_status status = WW_OK;
    for (size_t i = 0; !status && i < invocation->operand_count; i++) {
        ww_capnp_call *call;
        uint32_t number = 0;
        status = read_number(invocation->operands[i], &number, diag);
        if (status) break;
        operator_operator_kill_params_set_cell(
            operator_operator_kill_begin(client->operator, & call), number);
        status = ww_client_ask(client, call, diag);
        ww_capnp_call_drop(call);
    }
    if (!status && invocation->json)
        ww_json_print(stdout, json_pack("{s:I}", "killed", (json_int_t)invocation->operand_count));
    return status;
}

static int run_kill(const ww_invocation *invocation)
{
    return with_node(invocation, kill_cells);
}

const ww_command ww_command_kill = {
    .name = "kill",
    .summary = "end cells of a node",
    .usage = "[OPTIONS] CELL...",
    .description = "Ends each cell at once, with exit code 137. `ww ps` shows their numbers.",
    .operand = "cell",
    .json = "one JSON object that counts them",
    .settings = WW_CLIENT_SETTINGS,
    .operands_min = 1,
    .operands_max = 64,
    .run = run_kill,
};

/* --- status --- */

static void print_status(operator_status_r s)
{
    char uptime[WW_FIGURE_MAX];
    ww_format_duration(operator_status_uptime_ns(s), uptime);
    printf("version    ");
    ww_print_plain(operator_status_version(s));
    ww_view id = operator_status_node_id(s);
    printf("\nnode       ");
    for (size_t i = 0; i < id.size; i++)
        printf("%02x", id.data[i]);
    printf("\nprocess    %" PRIu32 "\nuptime     %s\ncells      %" PRIu32 " of %" PRIu32
           "\noperators  %" PRIu32 "\nepoch      %" PRIu64 " (",
           operator_status_process_id(s), uptime, operator_status_cells(s),
           operator_status_cells_max(s), operator_status_operators(s),
           stem_epoch_seq(operator_status_epoch(s)));
    ww_print_plain(operator_status_epoch_source(s));
    puts(")");
}

static json_t *json_epoch(stem_epoch_r epoch, ww_view source)
{
    return json_pack("{s:I, s:o, s:I, s:o}", "seq", (json_int_t)stem_epoch_seq(epoch), "head",
                     ww_json_hex(stem_epoch_head(epoch)), "adopted_block",
                     (json_int_t)stem_epoch_adopted_block(epoch), "source", ww_json_text(source));
}

static json_t *json_status(operator_status_r s, bringup_status_r bring_up)
{
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",                //
                     "version", ww_json_text(operator_status_version(s)),            //
                     "node", ww_json_hex(operator_status_node_id(s)),                //
                     "process", (json_int_t)operator_status_process_id(s),           //
                     "uptime_us", (json_int_t)(operator_status_uptime_ns(s) / 1000), //
                     "cells", (json_int_t)operator_status_cells(s),                  //
                     "cells_max", (json_int_t)operator_status_cells_max(s),          //
                     "operators", (json_int_t)operator_status_operators(s),          //
                     "bring_up", ww_bringup_json(bring_up),                          //
                     "epoch",
                     json_epoch(operator_status_epoch(s), operator_status_epoch_source(s)));
}

static void tell_status(operator_status_r s, bringup_status_r bring_up, bool json)
{
    if (json) {
        ww_json_print(stdout, json_status(s, bring_up));
    } else {
        print_status(s);
        ww_bringup_print(bring_up);
    }
}

static ww_status show_status(ww_client *client, const ww_invocation *invocation, ww_diag *diag)
{
    ww_capnp_call *call, *asked = NULL;
    bringup_bring_up_cap cap = {NULL};
    bringup_status_r bring_up;
    operator_operator_status_begin(client->operator, & call);
    ww_status status = ww_client_ask(client, call, diag);
    if (!status) status = ww_bringup_find(client, &cap, diag);
    if (!status) status = ww_bringup_ask(client, cap, &asked, &bring_up, diag);
    if (!status)
        tell_status(
            operator_operator_status_results_status(operator_operator_status_response(call)),
            bring_up, invocation->json);
    if (asked) ww_capnp_call_drop(asked);
    ww_capnp_cap_unref(cap.cap);
    ww_capnp_call_drop(call);
    return status;
}

static int run_status(const ww_invocation *invocation)
{
    return with_node(invocation, show_status);
}

const ww_command ww_command_status = {
    .name = "status",
    .summary = "say how a node is",
    .usage = "[OPTIONS]",
    .description = "Prints version, id, process, age, number of cells and of operators' "
                   "connections, and the current epoch of a node; then what it brings up: each "
                   "target's state, what a waiting one waits for and why, and the inputs that "
                   "one takes. `ww module bootstrap` gives them.",
    .json = "one JSON object",
    .settings = WW_CLIENT_SETTINGS,
    .run = run_status,
};

/* --- epoch --- */

static void print_epoch(stem_epoch_r epoch, ww_view source, bool json)
{
    if (json) {
        ww_json_print(stdout, json_epoch(epoch, source));
        return;
    }
    printf("epoch %" PRIu64, stem_epoch_seq(epoch));
    ww_view head = stem_epoch_head(epoch);
    if (head.size) printf(", head ");
    ww_print_plain(head);
    if (source.size) printf(" (");
    ww_print_plain(source);
    puts(source.size ? ")" : "");
}

static ww_status show_epoch(ww_client *client, const ww_invocation *invocation, ww_diag *diag)
{
    ww_capnp_call *call;
    operator_operator_epoch_begin(client->operator, & call);
    ww_status status = ww_client_ask(client, call, diag);
    if (!status) {
        operator_operator_epoch_results_r results = operator_operator_epoch_response(call);
        print_epoch(operator_operator_epoch_results_epoch(results),
                    operator_operator_epoch_results_source(results), invocation->json);
    }
    ww_capnp_call_drop(call);
    return status;
}

static ww_status advance_epoch(ww_client *client, const ww_invocation *invocation, ww_diag *diag)
{
    ww_capnp_call *call;
    operator_operator_advance_epoch_params_b params =
        operator_operator_advance_epoch_begin(client->operator, & call);
    if (invocation->operand_count > 1)
        operator_operator_advance_epoch_params_set_head(params,
                                                        ww_view_str(invocation->operands[1]));
    ww_status status = ww_client_ask(client, call, diag);
    if (!status)
        print_epoch(operator_operator_advance_epoch_results_epoch(
                        operator_operator_advance_epoch_response(call)),
                    WW_VIEW_LITERAL(""), invocation->json);
    ww_capnp_call_drop(call);
    return status;
}

static int run_epoch(const ww_invocation *invocation)
{
    const char *verb = invocation->operands[0];
    if (!strcmp(verb, "advance")) return with_node(invocation, advance_epoch);
    if (strcmp(verb, "show") || invocation->operand_count > 1)
        return ww_usage_error(invocation->command, "\"%s\" is neither show nor advance [HEAD]",
                              verb);
    return with_node(invocation, show_epoch);
}

const ww_command ww_command_epoch = {
    .name = "epoch",
    .summary = "show a node's epoch, or begin the next",
    .usage = "[OPTIONS] show | advance [HEAD]",
    .description =
        "`ww epoch show` prints the current epoch and what moves it on.\n\n"
        "`ww epoch advance` begins the next one, with the bytes of HEAD as its head: every "
        "session of the old one is over, its capabilities answer staleEpoch, and the cells that "
        "it started see the end of their input and are ended 5 s later. Only for nodes whose "
        "epochs are \"local\".",
    .operand = "show or advance",
    .json = "one JSON object; the head in hexadecimal digits",
    .settings = WW_CLIENT_SETTINGS,
    .operands_min = 1,
    .operands_max = 2,
    .run = run_epoch,
};
