/* Invariants
 *  1. At most one of these is outstanding: the call, the wait for the descriptor, the posted turn.
 *  2. `rest` points into the answer of `call`, which is held as long as rest is not empty.
 */
#include "cli/pump.h"
#include <errno.h>

static void finish(ww_pump *pump)
{
    if (pump->is_over) return;
    pump->is_over = true;
    if (pump->over) pump->over(pump);
}

static void drop_call(ww_pump *pump)
{
    ww_capnp_call_drop(pump->call);
    pump->call = NULL;
}

/* Sends the call; its `done` goes on. */
static void send(ww_pump *pump)
{
    if (ww_capnp_call_send(pump->call, &pump->done) == WW_OK) return;
    drop_call(pump);
    finish(pump);
}

static void wait_for(ww_pump *pump, ww_ready ready)
{
    if (ww_fd_wait(pump->fd, ready, &pump->waiter, &pump->waker)) finish(pump);
}

static void wake(ww_waker *waker)
{
    ww_pump *pump = WW_CONTAINER_OF(waker, ww_pump, waker);
    ww_loop_post(pump->loop, &pump->turn);
}

static void init(ww_pump *pump, ww_loop *loop, peer_byte_stream_cap stream, int number)
{
    ww_diag diag;
    pump->loop = loop;
    pump->stream = stream;
    pump->waker.wake = wake;
    pump->is_over = pump->is_closing = false;
    if (ww_fd_attach(loop, number, &pump->fd, &diag)) pump->fd = NULL;
}

/* Tells the other end that no more comes, or is taken; its answer is the pump's end. */
static void close_stream(ww_pump *pump)
{
    drop_call(pump);
    pump->rest = ww_view_of(NULL, 0);
    pump->is_closing = true;
    peer_byte_stream_close_begin(pump->stream, &pump->call);
    send(pump);
}

/* --- output --- */

static void read_more(ww_pump *pump)
{
    drop_call(pump);
    peer_byte_stream_read_params_b params = peer_byte_stream_read_begin(pump->stream, &pump->call);
    peer_byte_stream_read_params_set_max_bytes(params, WW_PUMP_BYTES);
    send(pump);
}

/* 0, EAGAIN or what went wrong. */
static int write_some(ww_pump *pump, size_t *put)
{
    const ww_view parts[2] = {pump->rest};
    if (!pump->fd) {
        *put = pump->rest.size;
        return 0;
    }
    return ww_fd_is_stream(pump->fd) ? ww_fd_write_now(pump->fd, parts, WW_FD_HERE, put)
                                     : ww_fd_write(pump->fd, pump->rest, WW_FD_HERE, put);
}

static void write_rest(ww_task *task)
{
    ww_pump *pump = WW_CONTAINER_OF(task, ww_pump, turn);
    while (pump->rest.size) {
        size_t put = 0;
        int error = write_some(pump, &put);
        if (error == EAGAIN) {
            wait_for(pump, WW_WRITABLE);
            return;
        }
        if (error) { /* nobody reads any more: the guest's next write fails */
            close_stream(pump);
            return;
        }
        pump->rest = ww_view_of(pump->rest.data + put, pump->rest.size - put);
    }
    read_more(pump);
}

static void was_read(ww_capnp_done *done, ww_capnp_call *call)
{
    ww_pump *pump = WW_CONTAINER_OF(done, ww_pump, done);
    if (call != pump->call) return; /* stopped meanwhile */
    if (!pump->is_closing && !ww_capnp_call_failed(call))
        pump->rest = peer_byte_stream_read_results_data(peer_byte_stream_read_response(call));
    if (pump->rest.size)
        ww_loop_post(pump->loop, &pump->turn);
    else
        finish(pump);
}

void ww_pump_output(ww_pump *pump, ww_loop *loop, peer_byte_stream_cap stream, int number)
{
    init(pump, loop, stream, number);
    pump->done.fn = was_read;
    pump->turn.run = write_rest;
    read_more(pump);
}

/* --- input --- */

static void write_piece(ww_pump *pump, size_t size)
{
    peer_byte_stream_write_params_b params =
        peer_byte_stream_write_begin(pump->stream, &pump->call);
    peer_byte_stream_write_params_set_data(params, ww_view_of(pump->buffer, size));
    send(pump);
}

static int read_some(ww_pump *pump, size_t *got)
{
    *got = 0;
    if (!pump->fd) return 0;
    return ww_fd_is_stream(pump->fd)
               ? ww_fd_read_now(pump->fd, pump->buffer, WW_PUMP_BYTES, WW_FD_HERE, got)
               : ww_fd_read(pump->fd, pump->buffer, WW_PUMP_BYTES, WW_FD_HERE, got);
}

static void read_piece(ww_task *task)
{
    ww_pump *pump = WW_CONTAINER_OF(task, ww_pump, turn);
    size_t got;
    int error = read_some(pump, &got);
    if (error == EAGAIN)
        wait_for(pump, WW_READABLE);
    else if (error || !got)
        close_stream(pump);
    else
        write_piece(pump, got);
}

static void was_written(ww_capnp_done *done, ww_capnp_call *call)
{
    ww_pump *pump = WW_CONTAINER_OF(done, ww_pump, done);
    if (call != pump->call) return;
    bool failed = ww_capnp_call_failed(call);
    drop_call(pump);
    if (failed || pump->is_closing)
        finish(pump);
    else
        ww_loop_post(pump->loop, &pump->turn);
}

void ww_pump_input(ww_pump *pump, ww_loop *loop, peer_byte_stream_cap stream, int number)
{
    init(pump, loop, stream, number);
    pump->buffer = ww_alloc(ww_loop_allocator(loop), WW_PUMP_BYTES);
    pump->done.fn = was_written;
    pump->turn.run = read_piece;
    if (pump->buffer)
        ww_loop_post(loop, &pump->turn);
    else
        close_stream(pump);
}

void ww_pump_stop(ww_pump *pump)
{
    if (!pump->loop) return;
    ww_task_cancel(&pump->turn);
    ww_waiter_remove(&pump->waiter);
    ww_capnp_call_cancel(pump->call);
    drop_call(pump);
    ww_capnp_cap_unref(pump->stream.cap);
    ww_fd_unref(pump->fd);
    ww_free(ww_loop_allocator(pump->loop), pump->buffer, WW_PUMP_BYTES);
    *pump = (ww_pump){.done = pump->done}; /* which is still to be called */
}
