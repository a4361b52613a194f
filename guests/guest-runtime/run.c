/* Invariants
 *  1. A pump has a read under way until it is over. */
#include "ww/guest_run.h"

enum { READ_MAX = 64 << 10 };

typedef struct pump {
    ww_capnp_done done;
    ww_guest *guest;
    peer_byte_stream_cap from;
    ww_guest_stream to;
    bool is_over;
} pump;

typedef struct closing {
    ww_capnp_done done;
    bool is_over;
} closing;

typedef struct end {
    ww_capnp_done done;
    bool is_there, failed;
    int32_t code;
    ww_diag *diag;
} end;

static void read_more(pump *p)
{
    ww_capnp_call *call;
    peer_byte_stream_read_params_set_max_bytes(peer_byte_stream_read_begin(p->from, &call),
                                               READ_MAX);
    p->is_over = !call || ww_capnp_call_send(call, &p->done);
    ww_capnp_call_drop(call);
}

/* A failure is the end, too: whoever waits for the process is told why. */
static void pass_on(ww_capnp_done *done, ww_capnp_call *call)
{
    pump *p = WW_CONTAINER_OF(done, pump, done);
    ww_view data = {0};
    if (!ww_capnp_call_failed(call))
        data = peer_byte_stream_read_results_data(peer_byte_stream_read_response(call));
    if (!data.size) {
        p->is_over = true;
        return;
    }
    ww_guest_write(p->guest, p->to, data);
    read_more(p);
}

static void note_end(ww_capnp_done *done, ww_capnp_call *call)
{
    end *e = WW_CONTAINER_OF(done, end, done);
    e->is_there = true;
    e->failed = ww_capnp_call_failed(call);
    if (e->failed)
        ww_fail(e->diag, WW_E_CLOSED, "%s", ww_capnp_call_reason(call));
    else
        e->code = peer_process_wait_results_exit_code(peer_process_wait_response(call));
}

/* Sends a call for what is pipelined on it, which alone keeps it going. */
static void send(ww_capnp_call *call)
{
    ww_status ignored = call ? ww_capnp_call_send(call, NULL) : WW_OK;
    (void)ignored; /* then what depends on it fails, and is waited for */
    ww_capnp_call_drop(call);
}

static peer_process_cap start(peer_executor_cap executor, const ww_guest_program *program)
{
    ww_capnp_call *call;
    peer_executor_run_bytes_params_b params = peer_executor_run_bytes_begin(executor, &call);
    if (!call) return (peer_process_cap){NULL};
    ww_capnp_any_b_set_external(peer_executor_run_bytes_params_pointer_wasm(params), program->wasm,
                                program->wasm_readable);
    ww_capnp_text_lb args = peer_executor_run_bytes_params_init_args(params, program->arg_count);
    for (uint32_t i = 0; i < program->arg_count; i++)
        ww_capnp_text_lb_set(args, i, program->args[i]);
    peer_process_cap process =
        peer_executor_run_bytes_results_p_process(peer_executor_run_bytes_pipeline(call));
    send(call);
    return process;
}

/* What stdin, stdout and stderr answer, which is alike: a stream at pointer 0. Sends the call. */
static peer_byte_stream_cap stream_of(ww_capnp_call *call)
{
    peer_byte_stream_cap stream =
        peer_process_stdout_results_p_stream(peer_process_stdout_pipeline(call));
    send(call);
    return stream;
}

static void note_closed(ww_capnp_done *done, ww_capnp_call *call)
{
    (void)call;
    WW_CONTAINER_OF(done, closing, done)->is_over = true;
}

static void close_input(peer_byte_stream_cap stream, closing *c)
{
    ww_capnp_call *close;
    peer_byte_stream_close_begin(stream, &close);
    c->is_over = !close || ww_capnp_call_send(close, &c->done);
    ww_capnp_call_drop(close);
    ww_capnp_cap_unref(stream.cap);
}

static void wait_for_end(peer_process_cap process, end *e)
{
    ww_capnp_call *call;
    peer_process_wait_begin(process, &call);
    if (!call || ww_capnp_call_send(call, &e->done)) {
        ww_fail(e->diag, WW_E_MEMORY, "out of memory");
        e->is_there = e->failed = true;
    }
    ww_capnp_call_drop(call);
}

bool ww_guest_run(ww_guest *guest, peer_executor_cap executor, const ww_guest_program *program,
                  int32_t *code, ww_diag *diag)
{
    ww_capnp_call *in, *out, *err;
    peer_process_cap process = start(executor, program);
    peer_process_stdout_begin(process, &out);
    peer_process_stderr_begin(process, &err);
    peer_process_stdin_begin(process, &in);
    pump output = {{pass_on}, guest, stream_of(out), WW_GUEST_OUTPUT, false};
    pump errors = {{pass_on}, guest, stream_of(err), WW_GUEST_ERRORS, false};
    closing input = {{note_closed}, false};
    end e = {.done = {note_end}, .diag = diag};
    read_more(&output);
    read_more(&errors);
    close_input(stream_of(in), &input);
    wait_for_end(process, &e);
    while (!e.is_there || !input.is_over || !output.is_over || !errors.is_over)
        ww_guest_turn(guest);
    ww_capnp_cap_unref(output.from.cap);
    ww_capnp_cap_unref(errors.from.cap);
    ww_capnp_cap_unref(process.cap);
    *code = e.code;
    return !e.failed;
}
