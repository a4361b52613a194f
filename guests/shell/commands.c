#include "commands.h"
#include <ww/guest_file.h>

enum { COMPONENT_MAX = 32 << 20 };

typedef struct command {
    const char *name, *help;
    void (*run)(shell *sh, const words *w);
    bool uses_session;
} command;

static void say(shell *sh, ww_view text)
{
    ww_guest_write(sh->guest, WW_GUEST_OUTPUT, text);
}

/* What nobody implements on the other side was not granted. */
static void say_why_not(shell *sh, ww_capnp_call *call)
{
    bool granted = call && ww_capnp_call_exception(call) != WW_CAPNP_UNIMPLEMENTED;
    ww_guest_fail(sh->guest, "Error: %s", granted ? ww_capnp_call_reason(call) : "not granted");
}

static void echo(shell *sh, const words *w)
{
    for (uint32_t i = 1; i < w->count; i++) {
        if (i > 1) say(sh, WW_VIEW_LITERAL(" "));
        say(sh, w->word[i]);
    }
    say(sh, WW_VIEW_LITERAL("\n"));
}

static void leave(shell *sh, const words *w)
{
    (void)w;
    sh->is_over = true;
}

static void run(shell *sh, const words *w)
{
    int32_t code;
    ww_diag diag;
    ww_buf wasm;
    if (w->count < 2) {
        ww_guest_fail(sh->guest, "Error: run PATH [ARGUMENT...]");
        return;
    }
    ww_buf_init(&wasm, ww_allocator_libc(), COMPONENT_MAX);
    if (ww_guest_read_file(w->word[1], &wasm, &diag)) {
        ww_guest_fail(sh->guest, "Error: %s", diag.text);
    } else {
        ww_guest_program program = {ww_buf_view(&wasm), wasm.size + WW_GUEST_FILE_PADDING,
                                    &w->word[1], w->count - 1};
        if (!ww_guest_run(sh->guest, sh->session->executor, &program, &code, &diag))
            ww_guest_fail(sh->guest, "Error: %s", diag.text);
        else if (code)
            ww_guest_fail(sh->guest, "Error: exit code %d", (int)code);
    }
    ww_buf_deinit(&wasm);
}

static void print_hex(shell *sh, ww_view bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        ww_guest_print(sh->guest, WW_GUEST_OUTPUT, "%02x", bytes.data[i]);
}

static void peers(shell *sh, const words *w)
{
    (void)w;
    ww_capnp_call *call;
    peer_host_peers_begin(sh->session->host, &call);
    if (ww_guest_call(sh->guest, call)) {
        peer_peer_info_l list = peer_host_peers_results_peers(peer_host_peers_response(call));
        for (uint32_t i = 0; i < list.list.count; i++) {
            print_hex(sh, peer_peer_info_peer_id(peer_peer_info_l_at(list, i)));
            say(sh, WW_VIEW_LITERAL("\n"));
        }
    } else {
        say_why_not(sh, call);
    }
    ww_capnp_call_drop(call);
}

static void print_cell(shell *sh, operator_cell_r cell)
{
    ww_view name = operator_cell_name(cell);
    bool is_running = operator_cell_state(cell) == OPERATOR_CELL_STATE_RUNNING;
    ww_guest_print(sh->guest, WW_GUEST_OUTPUT, "%u %s %.*s\n", operator_cell_number(cell),
                   is_running ? "running" : "ending", WW_VIEW_ARG(name));
}

static void ps(shell *sh, const words *w)
{
    (void)w;
    ww_capnp_call *call;
    operator_operator_cells_begin((operator_operator_cap){sh->session->root}, &call);
    if (ww_guest_call(sh->guest, call)) {
        operator_cell_l list =
            operator_operator_cells_results_cells(operator_operator_cells_response(call));
        for (uint32_t i = 0; i < list.list.count; i++)
            print_cell(sh, operator_cell_l_at(list, i));
    } else {
        say_why_not(sh, call);
    }
    ww_capnp_call_drop(call);
}

static void status(shell *sh, const words *w)
{
    (void)w;
    ww_capnp_call *call;
    operator_operator_status_begin((operator_operator_cap){sh->session->root}, &call);
    if (ww_guest_call(sh->guest, call)) {
        operator_status_r s =
            operator_operator_status_results_status(operator_operator_status_response(call));
        ww_view version = operator_status_version(s);
        ww_guest_print(sh->guest, WW_GUEST_OUTPUT, "ww %.*s, %u of %u cells\nnode ",
                       WW_VIEW_ARG(version), operator_status_cells(s),
                       operator_status_cells_max(s));
        print_hex(sh, operator_status_node_id(s));
        say(sh, WW_VIEW_LITERAL("\n"));
    } else {
        say_why_not(sh, call);
    }
    ww_capnp_call_drop(call);
}

static void help(shell *sh, const words *w);

static const command commands[] = {
    {"echo", "echo TEXT...            prints its arguments", echo, false},
    {"help", "help                    this list", help, false},
    {"run",
     "run PATH [ARGUMENT...]  runs a component, below a folder that was opened for the shell", run,
     true},
    {"peers", "peers                   the nodes that this one is connected with", peers, true},
    {"ps", "ps                      the cells of this node", ps, false},
    {"status", "status                  the node itself", status, false},
    {"exit", "exit                    ends the shell", leave, false},
};

static void help(shell *sh, const words *w)
{
    (void)w;
    say(sh, WW_VIEW_LITERAL("Available commands:\n"));
    for (size_t i = 0; i < WW_COUNT_OF(commands); i++)
        ww_guest_print(sh->guest, WW_GUEST_OUTPUT, "- %s\n", commands[i].help);
}

static void carry_out(shell *sh, const command *c, const words *w)
{
    bool is_new;
    ww_diag diag;
    if (c->uses_session && !session_refresh(sh->guest, sh->session, &is_new, &diag))
        ww_guest_fail(sh->guest, "Error: %s", diag.text);
    else
        c->run(sh, w);
}

void command_run(shell *sh, const words *w)
{
    for (size_t i = 0; i < WW_COUNT_OF(commands); i++)
        if (ww_view_is(w->word[0], commands[i].name)) {
            carry_out(sh, &commands[i], w);
            return;
        }
    say(sh, WW_VIEW_LITERAL("Unknown command: "));
    say(sh, w->word[0]);
    say(sh, WW_VIEW_LITERAL("\n"));
}
