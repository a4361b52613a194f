/* wasi:filesystem: what is done with an open descriptor. */
#include "abi/wasi/files.h"
#include <errno.h>

_Static_assert((int)WASI_FILESYSTEM_DESCRIPTOR_TYPE_UNKNOWN == (int)WW_FILE_UNKNOWN &&
                   (int)WASI_FILESYSTEM_DESCRIPTOR_TYPE_DIRECTORY == (int)WW_FILE_DIRECTORY &&
                   (int)WASI_FILESYSTEM_DESCRIPTOR_TYPE_REGULAR_FILE == (int)WW_FILE_REGULAR &&
                   (int)WASI_FILESYSTEM_DESCRIPTOR_TYPE_SOCKET == (int)WW_FILE_SOCKET,
               "the same order");
_Static_assert((int)WASI_FILESYSTEM_ADVICE_NORMAL == (int)WW_ADVICE_NORMAL &&
                   (int)WASI_FILESYSTEM_ADVICE_WILL_NEED == (int)WW_ADVICE_WILL_NEED &&
                   (int)WASI_FILESYSTEM_ADVICE_NO_REUSE == (int)WW_ADVICE_NO_REUSE,
               "the same order");

static bool is_directory(const ww_descriptor *self)
{
    return self->type == WW_FILE_DIRECTORY;
}

/* Bytes are read from and written to files; a directory is not one. */
static int to_read(const ww_descriptor *self)
{
    return is_directory(self) || !self->rights.read ? EBADF : 0;
}

static int to_write(const ww_descriptor *self)
{
    return is_directory(self) || !self->rights.write ? EBADF : 0;
}

static ww_file_work *new_work(ww_descriptor *self)
{
    return ww_file_work_new(self->wasi, self->fd, NULL, NULL, NULL);
}

/* --- streams */

ww_status ww_wasi_fd_read_via_stream(ww_call *call, ww_descriptor *self, uint64_t offset,
                                     wasi_filesystem_result_input_stream_error_code *result)
{
    (void)call;
    int error = to_read(self);
    if (!error && offset > INT64_MAX) error = EINVAL;
    result->is_error = error != 0;
    if (error) {
        result->error = ww_wasi_error_code(error);
        return WW_OK;
    }
    ww_source *source;
    ww_status status = ww_source_of_fd(self->fd, (int64_t)offset, &source);
    if (status) return status;
    status = ww_input_stream_new(self->wasi, source, NULL, &result->ok);
    ww_source_unref(source);
    return status;
}

static ww_status write_stream(ww_descriptor *self, int64_t offset, int error,
                              wasi_filesystem_result_output_stream_error_code *result)
{
    if (!error) error = to_write(self);
    result->is_error = error != 0;
    if (error) {
        result->error = ww_wasi_error_code(error);
        return WW_OK;
    }
    ww_sink *sink;
    ww_status status = ww_sink_of_fd(self->fd, offset, &sink);
    if (status) return status;
    sink->is_through = true;
    status = ww_output_stream_new(self->wasi, sink, NULL, &result->ok);
    ww_sink_unref(sink);
    return status;
}

ww_status ww_wasi_fd_write_via_stream(ww_call *call, ww_descriptor *self, uint64_t offset,
                                      wasi_filesystem_result_output_stream_error_code *result)
{
    (void)call;
    return write_stream(self, (int64_t)offset, offset > INT64_MAX ? EINVAL : 0, result);
}

ww_status ww_wasi_fd_append_via_stream(ww_call *call, ww_descriptor *self,
                                       wasi_filesystem_result_output_stream_error_code *result)
{
    (void)call;
    return write_stream(self, WW_FD_END, 0, result);
}

/* --- bytes at an offset */

static ww_status answer_read(int error, ww_view bytes, bool is_end, ww_read_result *result)
{
    result->is_error = error != 0;
    if (error)
        result->error = ww_wasi_error_code(error);
    else
        result->ok = (wasi_filesystem_tuple_bytes_bool){bytes, is_end};
    return WW_OK;
}

static int act_read(ww_file_work *work)
{
    return ww_fd_read(work->fd, work->bytes, work->capacity, work->offset, &work->count);
}

static ww_status finish_read(ww_call *call, void *result)
{
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_read, &error, &work);
    if (status) return status;
    ww_view bytes = work ? ww_view_of(work->bytes, work->count) : ww_view_of(NULL, 0);
    return answer_read(error, bytes, bytes.size == 0, result);
}

ww_status ww_wasi_fd_read(ww_call *call, ww_descriptor *self, uint64_t length, uint64_t offset,
                          ww_read_result *result)
{
    size_t got, size = length < WW_STREAM_READ_MAX ? (size_t)length : WW_STREAM_READ_MAX;
    int error = to_read(self);
    if (!error && offset > INT64_MAX) error = EINVAL;
    if (error || size == 0) return answer_read(error, ww_view_of(NULL, 0), false, result);
    uint8_t *chunk = ww_wasi_chunk(self->wasi, size);
    if (!chunk) return answer_read(ENOMEM, ww_view_of(NULL, 0), false, result);
    error = ww_fd_read_now(self->fd, chunk, size, (int64_t)offset, &got);
    if (error != EAGAIN || ww_fd_is_stream(self->fd))
        return answer_read(error, ww_view_of(chunk, got), got == 0, result);
    ww_file_work *work = new_work(self);
    if (work) work->offset = (int64_t)offset;
    error = work && ww_file_work_make_room(work, size) ? 0 : ENOMEM;
    return ww_wasi_work(call, self, work, error, act_read, finish_read, result);
}

static ww_status answer_write(int error, uint64_t value, ww_write_result *result)
{
    result->is_error = error != 0;
    if (error)
        result->error = ww_wasi_error_code(error);
    else
        result->ok = value;
    return WW_OK;
}

static int act_write(ww_file_work *work)
{
    ww_view bytes = ww_view_of(work->bytes, work->capacity);
    return ww_fd_write(work->fd, bytes, work->offset, &work->count);
}

static ww_status finish_write(ww_call *call, void *result)
{
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_write, &error, &work);
    return status ? status : answer_write(error, work ? work->count : 0, result);
}

ww_status ww_wasi_fd_write(ww_call *call, ww_descriptor *self, ww_view buffer, uint64_t offset,
                           ww_write_result *result)
{
    size_t put;
    int error = to_write(self);
    if (!error && offset > INT64_MAX) error = EFBIG;
    if (error || buffer.size == 0) return answer_write(error, 0, result);
    ww_view parts[2] = {buffer, {NULL, 0}};
    error = ww_fd_write_now(self->fd, parts, (int64_t)offset, &put);
    if (error != EAGAIN || ww_fd_is_stream(self->fd)) return answer_write(error, put, result);
    size_t size = buffer.size < WW_STREAM_BUFFER_BYTES ? buffer.size : WW_STREAM_BUFFER_BYTES;
    ww_file_work *work = new_work(self);
    error = work && ww_file_work_make_room(work, size) ? 0 : ENOMEM;
    if (!error) {
        work->offset = (int64_t)offset;
        memcpy(work->bytes, buffer.data, size);
    }
    return ww_wasi_work(call, self, work, error, act_write, finish_write, result);
}

/* --- facts */

ww_status ww_wasi_fd_get_flags(ww_call *call, ww_descriptor *self,
                               wasi_filesystem_result_descriptor_flags_error_code *result)
{
    (void)call;
    ww_rights rights = self->rights;
    wasi_filesystem_descriptor_flags flags = 0;
    if (rights.read) flags |= WASI_FILESYSTEM_DESCRIPTOR_FLAGS_READ;
    if (rights.write) flags |= WASI_FILESYSTEM_DESCRIPTOR_FLAGS_WRITE;
    if (rights.sync) flags |= WASI_FILESYSTEM_DESCRIPTOR_FLAGS_FILE_INTEGRITY_SYNC;
    if (rights.data_sync) flags |= WASI_FILESYSTEM_DESCRIPTOR_FLAGS_DATA_INTEGRITY_SYNC;
    if (rights.read_sync) flags |= WASI_FILESYSTEM_DESCRIPTOR_FLAGS_REQUESTED_WRITE_SYNC;
    if (rights.mutate && is_directory(self))
        flags |= WASI_FILESYSTEM_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY;
    *result = (wasi_filesystem_result_descriptor_flags_error_code){.ok = flags};
    return WW_OK;
}

ww_status ww_wasi_fd_get_type(ww_call *call, ww_descriptor *self,
                              wasi_filesystem_result_descriptor_type_error_code *result)
{
    (void)call;
    *result = (wasi_filesystem_result_descriptor_type_error_code){
        .ok = (wasi_filesystem_descriptor_type)self->type};
    return WW_OK;
}

ww_status ww_wasi_fd_stat(ww_call *call, ww_descriptor *self, ww_stat_result *result)
{
    (void)call;
    ww_stat facts = {0};
    int error = ww_stat_fd(self->fd->number, &facts);
    return ww_wasi_answer_stat(error, &facts, result);
}

ww_status ww_wasi_fd_metadata_hash(ww_call *call, ww_descriptor *self, ww_hash_result *result)
{
    (void)call;
    ww_stat facts = {.device = self->fd->device, .inode = self->fd->inode};
    return ww_wasi_answer_hash(self->wasi, 0, &facts, result);
}

ww_status ww_wasi_fd_is_same_object(ww_call *call, ww_descriptor *self, ww_descriptor *other,
                                    bool *result)
{
    (void)call;
    *result = self->fd->device == other->fd->device && self->fd->inode == other->fd->inode;
    return WW_OK;
}

/* --- changes */

static int act_advise(ww_file_work *work)
{
    return ww_advise_fd(work->fd->number, (uint64_t)work->offset, work->length, work->advice);
}

ww_status ww_wasi_fd_advise(ww_call *call, ww_descriptor *self, uint64_t offset, uint64_t length,
                            wasi_filesystem_advice advice, ww_none_result *result)
{
    int error = is_directory(self) ? EBADF : offset > INT64_MAX ? EINVAL : 0;
    ww_file_work *work = error ? NULL : new_work(self);
    if (work) {
        work->offset = (int64_t)offset;
        work->length = length;
        work->advice = (ww_advice)advice;
    }
    return ww_wasi_work(call, self, work, error, act_advise, ww_wasi_finish_none, result);
}

static int act_sync(ww_file_work *work)
{
    return ww_sync_fd(work->fd->number, work->data_only);
}

/* What has nothing to make durable (a pipe, a device) says EINVAL; that is fine. */
static ww_status finish_sync(ww_call *call, void *result)
{
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_sync, &error, &work);
    return status ? status : ww_wasi_answer_none(error == EINVAL ? 0 : error, result);
}

ww_status ww_wasi_fd_sync(ww_call *call, ww_descriptor *self, ww_none_result *result)
{
    return ww_wasi_work(call, self, new_work(self), 0, act_sync, finish_sync, result);
}

ww_status ww_wasi_fd_sync_data(ww_call *call, ww_descriptor *self, ww_none_result *result)
{
    ww_file_work *work = new_work(self);
    if (work) work->data_only = true;
    return ww_wasi_work(call, self, work, 0, act_sync, finish_sync, result);
}

static int act_set_size(ww_file_work *work)
{
    return ww_resize_fd(work->fd->number, work->length);
}

ww_status ww_wasi_fd_set_size(ww_call *call, ww_descriptor *self, uint64_t size,
                              ww_none_result *result)
{
    int error = to_write(self);
    ww_file_work *work = error ? NULL : new_work(self);
    if (work) work->length = size;
    return ww_wasi_work(call, self, work, error, act_set_size, ww_wasi_finish_none, result);
}

static int act_set_times(ww_file_work *work)
{
    return ww_times_fd(work->fd->number, &work->times);
}

ww_status ww_wasi_fd_set_times(ww_call *call, ww_descriptor *self,
                               const wasi_filesystem_new_timestamp *accessed,
                               const wasi_filesystem_new_timestamp *modified,
                               ww_none_result *result)
{
    int error = self->rights.mutate ? 0 : EROFS;
    ww_file_work *work = error ? NULL : new_work(self);
    if (work) work->times = ww_wasi_new_times(accessed, modified);
    return ww_wasi_work(call, self, work, error, act_set_times, ww_wasi_finish_none, result);
}
