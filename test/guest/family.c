/* family KIND ...: cells that start cells, each from what is on its standard input.
 *
 *   run ARG...   runs that component with these arguments; prints its exit code, or why there is none
 *   nest DEPTH   the component is this one: runs itself, which does the same with DEPTH - 1
 *   bomb         likewise, but runs itself until that is refused, and so does each of those; prints the last refusal
 *   crowd COUNT  the component is this one: runs itself COUNT times, says so when each of them talks with its host, and
 *                waits for the first
 *
 * The cells of `nest` and `bomb` then wait: the first for its first child, all others for the end of their input. They
 * get the component behind four bytes of its size, so that their input goes on. */
#include "session.h"
#include <stdio.h>
#include <stdlib.h>

enum { COMPONENT_MAX = 4 << 20, PIECE = 64 << 10, CHILDREN_MAX = 4096 };

typedef struct family {
    ww_guest *guest;
    session session;
    uint8_t *component; /* four bytes of its size first */
    size_t size;
    peer_process_cap first; /* of the children; null: none */
    peer_byte_stream_cap inputs[CHILDREN_MAX];
    uint32_t count;
    ww_diag diag; /* of what was refused */
} family;

static bool read_up_to(family *f, size_t end)
{
    size_t got;
    while (f->size < end &&
           ww_guest_read(f->guest, f->component + f->size, end - f->size, &got) == WW_OK)
        f->size += got;
    return f->size == end;
}

/* The first of the family has nothing but the component on its input. */
static void read_component(family *f, bool is_first)
{
    uint32_t size;
    f->component = malloc(COMPONENT_MAX);
    if (!f->component) exit(1);
    f->size = is_first ? sizeof size : 0;
    if (is_first) {
        (void)read_up_to(f, COMPONENT_MAX);
        size = (uint32_t)(f->size - sizeof size);
        memcpy(f->component, &size, sizeof size);
        return;
    }
    if (!read_up_to(f, sizeof size)) exit(1);
    memcpy(&size, f->component, sizeof size);
    if (size > COMPONENT_MAX - sizeof size || !read_up_to(f, sizeof size + size)) exit(1);
}

/* Waits for the outcome; true if there is one, which is the caller's to drop. */
static bool ask(family *f, ww_capnp_call *call)
{
    if (ww_guest_call(f->guest, call)) return true;
    ww_fail(&f->diag, WW_E_CLOSED, "%s", call ? ww_capnp_call_reason(call) : "no memory");
    ww_capnp_call_drop(call);
    return false;
}

static bool run(family *f, const ww_view *args, uint32_t count, peer_process_cap *out)
{
    ww_capnp_call *call;
    peer_executor_run_bytes_params_b params =
        peer_executor_run_bytes_begin(f->session.executor, &call);
    peer_executor_run_bytes_params_set_wasm(params, ww_view_of(f->component + 4, f->size - 4));
    ww_capnp_text_lb list = peer_executor_run_bytes_params_init_args(params, count);
    for (uint32_t i = 0; i < count; i++)
        ww_capnp_text_lb_set(list, i, args[i]);
    if (!ask(f, call)) return false;
    *out = peer_executor_run_bytes_results_process(peer_executor_run_bytes_response(call));
    ww_capnp_cap_ref(out->cap);
    ww_capnp_call_drop(call);
    return true;
}

static void wait_for(family *f, peer_process_cap process)
{
    ww_capnp_call *call;
    peer_process_wait_begin(process, &call);
    if (!ask(f, call)) {
        ww_guest_print(f->guest, WW_GUEST_OUTPUT, "%s\n", f->diag.text);
        return;
    }
    ww_guest_print(f->guest, WW_GUEST_OUTPUT, "exit code %d\n",
                   peer_process_wait_results_exit_code(peer_process_wait_response(call)));
    ww_capnp_call_drop(call);
}

/* Passes the component on, and keeps the input open. */
static bool feed(family *f, peer_process_cap process)
{
    ww_capnp_call *call;
    peer_process_stdin_begin(process, &call);
    if (!ask(f, call)) return false;
    peer_byte_stream_cap input =
        peer_process_stdin_results_stream(peer_process_stdin_response(call));
    ww_capnp_cap_ref(input.cap);
    ww_capnp_call_drop(call);
    f->inputs[f->count++] = input;
    for (size_t at = 0; at < f->size; at += PIECE) {
        size_t left = f->size - at;
        peer_byte_stream_write_params_set_data(
            peer_byte_stream_write_begin(input, &call),
            ww_view_of(f->component + at, left < PIECE ? left : PIECE));
        if (!ask(f, call)) return false;
        ww_capnp_call_drop(call);
    }
    return true;
}

static bool start_child(family *f, const char *kind, unsigned depth)
{
    char number[16];
    snprintf(number, sizeof number, "%u", depth);
    const ww_view args[] = {WW_VIEW_LITERAL("family"), ww_view_str(kind), ww_view_str(number),
                            WW_VIEW_LITERAL("child")};
    peer_process_cap process;
    if (f->count == CHILDREN_MAX || !run(f, args, WW_COUNT_OF(args), &process)) return false;
    if (!f->first.cap) f->first = process;
    return feed(f, process);
}

static void linger(family *f, bool is_first)
{
    char byte;
    size_t got;
    if (is_first && f->first.cap) wait_for(f, f->first);
    while (!is_first && ww_guest_read(f->guest, &byte, 1, &got) == WW_OK)
        continue;
}

/* Whoever comes up has found its host, says so, and stays until it is killed. */
static void stand(family *f)
{
    ww_guest_print(f->guest, WW_GUEST_OUTPUT, "here\n");
    linger(f, false);
}

static bool await_word(family *f, peer_process_cap process)
{
    ww_capnp_call *call;
    peer_process_stdout_begin(process, &call);
    peer_byte_stream_cap output =
        peer_process_stdout_results_p_stream(peer_process_stdout_pipeline(call));
    bool ok = ask(f, call);
    if (!ok) return false;
    ww_capnp_call_drop(call);
    peer_byte_stream_read_params_set_max_bytes(peer_byte_stream_read_begin(output, &call), PIECE);
    ok = ask(f, call);
    if (ok) {
        ww_view word = peer_byte_stream_read_results_data(peer_byte_stream_read_response(call));
        ok = ww_view_is(word, "here\n");
        ww_capnp_call_drop(call);
    }
    ww_capnp_cap_unref(output.cap);
    return ok;
}

static void crowd(family *f, unsigned count)
{
    const ww_view args[] = {WW_VIEW_LITERAL("family"), WW_VIEW_LITERAL("stand")};
    unsigned there = 0;
    peer_process_cap process = {NULL};
    while (there < count && run(f, args, WW_COUNT_OF(args), &process) && await_word(f, process)) {
        if (!f->first.cap) f->first = process;
        there++;
    }
    ww_guest_print(f->guest, WW_GUEST_OUTPUT, "%u of %u: %s\n", there, count, f->diag.text);
    linger(f, true);
}

static void nest(family *f, const char *kind, unsigned depth, bool is_first)
{
    bool is_bomb = strcmp(kind, "bomb") == 0, refused = false;
    while (!refused && (is_bomb || (depth && !f->count)))
        refused = !start_child(f, kind, depth - 1);
    if (refused) ww_guest_print(f->guest, WW_GUEST_OUTPUT, "%s\n", f->diag.text);
    linger(f, is_first);
}

int ww_guest_main(ww_guest *guest)
{
    static family f;
    size_t count;
    const ww_view *args = ww_guest_args(guest, &count);
    f.guest = guest;
    if (count < 2 || !session_open(guest, &f.session, &f.diag))
        return ww_guest_fail(guest, "family: %s", f.diag.text);
    if (ww_view_is(args[1], "stand")) {
        stand(&f);
        return 0;
    }
    bool is_first = count < 4 || !ww_view_is(args[3], "child");
    read_component(&f, is_first);
    peer_process_cap process;
    char number[16] = "0";
    if (count > 2) snprintf(number, sizeof number, "%.*s", WW_VIEW_ARG(args[2]));
    unsigned wanted = (unsigned)strtoul(number, NULL, 10);
    if (ww_view_is(args[1], "crowd")) {
        crowd(&f, wanted);
    } else if (!ww_view_is(args[1], "run")) {
        nest(&f, ww_view_is(args[1], "bomb") ? "bomb" : "nest", wanted, is_first);
    } else if (run(&f, args + 2, (uint32_t)count - 2, &process)) {
        wait_for(&f, process);
    } else {
        return ww_guest_fail(guest, "family: %s", f.diag.text);
    }
    return 0;
}
