/* wasi:io: error, poll, streams. */
#include "abi/wasi/bindings.h"
#include "resource/error.h"
#include "resource/stream.h"

typedef wasi_io_streams_stream_error stream_error;
typedef wasi_io_streams_result_bytes_stream_error bytes_result;
typedef wasi_io_streams_result_u64_stream_error u64_result;
typedef wasi_io_streams_result_none_stream_error none_result;

/* --- error */

static ww_status error_to_debug_string(ww_call *call, ww_error *self, ww_view *result)
{
    (void)call;
    *result = ww_error_text(self);
    return WW_OK;
}

const wasi_io_error ww_wasi_io_error = {error_to_debug_string};

/* --- poll */

static ww_status pollable_ready(ww_call *call, ww_pollable *self, bool *result)
{
    (void)call;
    *result = ww_pollable_ready(self);
    return WW_OK;
}

/* state[0]: the pollable */
static ww_status block_again(ww_call *call, void *result)
{
    (void)result;
    ww_pollable *self = ww_object_of(call->state[0]);
    if (!ww_pollable_ready(self)) {
        ww_pollable_wait(self);
        call->resume = block_again;
        return WW_AGAIN;
    }
    ww_pollable_stop(self);
    return WW_OK;
}

static ww_status pollable_block(ww_call *call, ww_pollable *self)
{
    if (ww_pollable_ready(self)) return WW_OK;
    call->state[0] = ww_object_rep(self);
    return block_again(call, NULL);
}

/* state[0], [1]: the list, which stays valid while the call waits */
static ww_status poll_again(ww_call *call, void *out)
{
    wasi_io_poll_list_u32 *result = out;
    ww_pollable *const *list = ww_object_of(call->state[0]);
    size_t count = call->state[1], ready = 0;
    uint32_t *indices = ww_object_of(call->state[2]);
    for (size_t i = 0; i < count; i++)
        if (ww_pollable_ready(list[i])) indices[ready++] = (uint32_t)i;
    for (size_t i = 0; i < count; i++)
        if (ready)
            ww_pollable_stop(list[i]);
        else
            ww_pollable_wait(list[i]);
    *result = (wasi_io_poll_list_u32){indices, ready};
    call->resume = poll_again;
    return ready ? WW_OK : WW_AGAIN;
}

static ww_status poll(ww_call *call, wasi_io_poll_list_borrow_pollable in,
                      wasi_io_poll_list_u32 *result)
{
    if (in.count == 0) return ww_call_fail(call, "empty poll list");
    uint32_t *indices = ww_call_scratch(call, in.count * sizeof *indices);
    if (!indices) return ww_call_fail(call, "poll: the list of %zu is too long", in.count);
    call->state[0] = ww_object_rep(in.data);
    call->state[1] = in.count;
    call->state[2] = ww_object_rep(indices);
    return poll_again(call, result);
}

const wasi_io_poll ww_wasi_io_poll = {pollable_ready, pollable_block, poll};

/* --- streams */

/* E_CLOSED and E_IO are the guest's to see; everything else is answered as it is. */
static ww_status fail_stream(ww_call *call, ww_status status, int error, stream_error *out)
{
    *out = (stream_error){.tag = WASI_IO_STREAMS_STREAM_ERROR_CLOSED};
    if (status == WW_E_CLOSED) return WW_OK;
    if (status != WW_E_IO) return status;
    ww_error *made;
    status = ww_error_new(ww_wasi_of(call), error, &made);
    if (status) return status;
    *out = (stream_error){WASI_IO_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED,
                          {.last_operation_failed = made}};
    return WW_OK;
}

static ww_status bytes_answer(ww_call *call, ww_status status, int error, ww_view bytes,
                              bytes_result *result)
{
    result->is_error = status != WW_OK;
    if (status) return fail_stream(call, status, error, &result->error);
    result->ok = bytes;
    return WW_OK;
}

static ww_status u64_answer(ww_call *call, ww_status status, int error, uint64_t value,
                            u64_result *result)
{
    result->is_error = status != WW_OK;
    if (status) return fail_stream(call, status, error, &result->error);
    result->ok = value;
    return WW_OK;
}

static ww_status none_answer(ww_call *call, ww_status status, int error, none_result *result)
{
    result->is_error = status != WW_OK;
    return status ? fail_stream(call, status, error, &result->error) : WW_OK;
}

static ww_status begin(ww_call *call, ww_resume_fn *step, const void *self, uint64_t a, uint64_t b,
                       void *result)
{
    call->state[0] = ww_object_rep(self);
    call->state[1] = a;
    call->state[2] = b;
    call->state[3] = false;
    call->resume = step;
    return step(call, result);
}

/* Nothing there yet: not an error of a read that does not wait. */
static ww_status input_read(ww_call *call, ww_input_stream *self, uint64_t len,
                            bytes_result *result)
{
    ww_view bytes;
    ww_status status = ww_input_stream_try(self, len, &bytes);
    return bytes_answer(call, status == WW_AGAIN ? WW_OK : status, self->error, bytes, result);
}

static ww_status input_blocking_read_again(ww_call *call, void *result)
{
    ww_input_stream *self = ww_object_of(call->state[0]);
    ww_view bytes;
    ww_status status = ww_input_stream_try(self, call->state[1], &bytes);
    if (status == WW_AGAIN) status = ww_input_stream_wait(self);
    return status == WW_AGAIN ? status : bytes_answer(call, status, self->error, bytes, result);
}

static ww_status input_blocking_read(ww_call *call, ww_input_stream *self, uint64_t len,
                                     bytes_result *result)
{
    return begin(call, input_blocking_read_again, self, len, 0, result);
}

static ww_status input_skip(ww_call *call, ww_input_stream *self, uint64_t len, u64_result *result)
{
    ww_view bytes;
    ww_status status = ww_input_stream_try(self, len, &bytes);
    return u64_answer(call, status == WW_AGAIN ? WW_OK : status, self->error, bytes.size, result);
}

static ww_status input_blocking_skip_again(ww_call *call, void *result)
{
    ww_input_stream *self = ww_object_of(call->state[0]);
    ww_view bytes;
    ww_status status = ww_input_stream_try(self, call->state[1], &bytes);
    if (status == WW_AGAIN) status = ww_input_stream_wait(self);
    return status == WW_AGAIN ? status : u64_answer(call, status, self->error, bytes.size, result);
}

static ww_status input_blocking_skip(ww_call *call, ww_input_stream *self, uint64_t len,
                                     u64_result *result)
{
    return begin(call, input_blocking_skip_again, self, len, 0, result);
}

static ww_status input_subscribe(ww_call *call, ww_input_stream *self, ww_pollable **result)
{
    (void)call;
    return ww_input_stream_subscribe(self, result);
}

static ww_status output_check_write(ww_call *call, ww_output_stream *self, u64_result *result)
{
    uint64_t permit;
    ww_status status = ww_output_stream_check(self, &permit);
    return u64_answer(call, status, self->error, permit, result);
}

static ww_status beyond_permit(ww_call *call, uint64_t size, uint64_t permit)
{
    return ww_call_fail(call, "write of %llu bytes exceeds the permit of %llu",
                        (unsigned long long)size, (unsigned long long)permit);
}

static ww_status output_write(ww_call *call, ww_output_stream *self, ww_view contents,
                              none_result *result)
{
    ww_status status = ww_output_stream_write(self, contents);
    if (status == WW_E_LIMIT) return beyond_permit(call, contents.size, self->permit);
    return none_answer(call, status, self->error, result);
}

static ww_status output_write_zeroes(ww_call *call, ww_output_stream *self, uint64_t len,
                                     none_result *result)
{
    ww_status status = ww_output_stream_write_zeroes(self, len);
    if (status == WW_E_LIMIT) return beyond_permit(call, len, self->permit);
    return none_answer(call, status, self->error, result);
}

static ww_status write_answer(ww_call *call, ww_output_stream *self, ww_status status,
                              none_result *result)
{
    if (status == WW_AGAIN) status = ww_output_stream_wait(self);
    if (status == WW_AGAIN) return status;
    if (status == WW_E_LIMIT)
        return ww_call_fail(call, "a blocking write of more than %d bytes",
                            WW_STREAM_BLOCKING_WRITE_MAX);
    return none_answer(call, status, self->error, result);
}

/* state[3]: the bytes are the stream's already, and only have to reach the system. */
static ww_status write_then_flush(ww_call *call, ww_output_stream *self, ww_status status,
                                  none_result *result)
{
    if (status == WW_OK && self->sink && self->sink->is_through) {
        call->state[3] = true;
        status = ww_output_stream_flush_try(self);
    }
    return write_answer(call, self, status, result);
}

static ww_status output_blocking_write_again(ww_call *call, void *result)
{
    ww_output_stream *self = ww_object_of(call->state[0]);
    ww_view bytes = ww_view_of(ww_object_of(call->state[1]), call->state[2]);
    ww_status status = call->state[3] ? WW_OK : ww_output_stream_try(self, bytes);
    return write_then_flush(call, self, status, result);
}

static ww_status output_blocking_write_and_flush(ww_call *call, ww_output_stream *self,
                                                 ww_view contents, none_result *result)
{
    uint64_t data = ww_object_rep(contents.data);
    return begin(call, output_blocking_write_again, self, data, contents.size, result);
}

static ww_status output_blocking_zeroes_again(ww_call *call, void *result)
{
    ww_output_stream *self = ww_object_of(call->state[0]);
    ww_status status = call->state[3] ? WW_OK : ww_output_stream_try_zeroes(self, call->state[1]);
    return write_then_flush(call, self, status, result);
}

static ww_status output_blocking_write_zeroes_and_flush(ww_call *call, ww_output_stream *self,
                                                        uint64_t len, none_result *result)
{
    return begin(call, output_blocking_zeroes_again, self, len, 0, result);
}

static ww_status output_flush(ww_call *call, ww_output_stream *self, none_result *result)
{
    return none_answer(call, ww_output_stream_flush(self), self->error, result);
}

static ww_status output_blocking_flush_again(ww_call *call, void *result)
{
    ww_output_stream *self = ww_object_of(call->state[0]);
    return write_answer(call, self, ww_output_stream_flush_try(self), result);
}

static ww_status output_blocking_flush(ww_call *call, ww_output_stream *self, none_result *result)
{
    return begin(call, output_blocking_flush_again, self, 0, 0, result);
}

static ww_status output_subscribe(ww_call *call, ww_output_stream *self, ww_pollable **result)
{
    (void)call;
    return ww_output_stream_subscribe(self, result);
}

/* Which of the two failed: the one that has an error to tell. */
static int splice_error(const ww_output_stream *self, const ww_input_stream *source)
{
    return self->error ? self->error : source->error;
}

static ww_status output_splice(ww_call *call, ww_output_stream *self, ww_input_stream *source,
                               uint64_t len, u64_result *result)
{
    uint64_t moved;
    ww_status status = ww_output_stream_splice_try(self, source, len, &moved);
    if (status == WW_AGAIN) status = WW_OK;
    return u64_answer(call, status, splice_error(self, source), moved, result);
}

static ww_status output_blocking_splice_again(ww_call *call, void *result)
{
    ww_output_stream *self = ww_object_of(call->state[0]);
    ww_input_stream *source = ww_object_of(call->state[1]);
    uint64_t moved;
    ww_status status = ww_output_stream_splice_try(self, source, call->state[2], &moved);
    if (status == WW_AGAIN) status = ww_output_stream_splice_wait(self, source);
    if (status == WW_AGAIN) return status;
    return u64_answer(call, status, splice_error(self, source), moved, result);
}

static ww_status output_blocking_splice(ww_call *call, ww_output_stream *self,
                                        ww_input_stream *source, uint64_t len, u64_result *result)
{
    return begin(call, output_blocking_splice_again, self, ww_object_rep(source), len, result);
}

const wasi_io_streams ww_wasi_io_streams = {
    .input_stream_read = input_read,
    .input_stream_blocking_read = input_blocking_read,
    .input_stream_skip = input_skip,
    .input_stream_blocking_skip = input_blocking_skip,
    .input_stream_subscribe = input_subscribe,
    .output_stream_check_write = output_check_write,
    .output_stream_write = output_write,
    .output_stream_blocking_write_and_flush = output_blocking_write_and_flush,
    .output_stream_flush = output_flush,
    .output_stream_blocking_flush = output_blocking_flush,
    .output_stream_subscribe = output_subscribe,
    .output_stream_write_zeroes = output_write_zeroes,
    .output_stream_blocking_write_zeroes_and_flush = output_blocking_write_zeroes_and_flush,
    .output_stream_splice = output_splice,
    .output_stream_blocking_splice = output_blocking_splice,
};
