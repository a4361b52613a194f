#include "abi/wasi/files.h"
#include "resource/error.h"
#include <errno.h>

#define CODE(name) WASI_FILESYSTEM_ERROR_CODE_##name

wasi_filesystem_error_code ww_wasi_error_code(int error)
{
    static const struct {
        int number;
        wasi_filesystem_error_code code;
    } codes[] = {
        {EACCES, CODE(ACCESS)},
        {EAGAIN, CODE(WOULD_BLOCK)},
        {EALREADY, CODE(ALREADY)},
        {EBADF, CODE(BAD_DESCRIPTOR)},
        {EBUSY, CODE(BUSY)},
        {EDEADLK, CODE(DEADLOCK)},
        {EDQUOT, CODE(QUOTA)},
        {EEXIST, CODE(EXIST)},
        {EFBIG, CODE(FILE_TOO_LARGE)},
        {EILSEQ, CODE(ILLEGAL_BYTE_SEQUENCE)},
        {EINPROGRESS, CODE(IN_PROGRESS)},
        {EINTR, CODE(INTERRUPTED)},
        {EINVAL, CODE(INVALID)},
        {EIO, CODE(IO)},
        {EISDIR, CODE(IS_DIRECTORY)},
        {ELOOP, CODE(LOOP)},
        {EMLINK, CODE(TOO_MANY_LINKS)},
        {EMSGSIZE, CODE(MESSAGE_SIZE)},
        {ENAMETOOLONG, CODE(NAME_TOO_LONG)},
        {ENODEV, CODE(NO_DEVICE)},
        {ENOENT, CODE(NO_ENTRY)},
        {ENOLCK, CODE(NO_LOCK)},
        {ENOMEM, CODE(INSUFFICIENT_MEMORY)},
        {ENOSPC, CODE(INSUFFICIENT_SPACE)},
        {ENOTDIR, CODE(NOT_DIRECTORY)},
        {ENOTEMPTY, CODE(NOT_EMPTY)},
        {ENOTRECOVERABLE, CODE(NOT_RECOVERABLE)},
        {ENOTSUP, CODE(UNSUPPORTED)},
        {ENOSYS, CODE(UNSUPPORTED)},
        {ENOTTY, CODE(NO_TTY)},
        {ENXIO, CODE(NO_SUCH_DEVICE)},
        {EOVERFLOW, CODE(OVERFLOW)},
        {EPERM, CODE(NOT_PERMITTED)},
        {EPIPE, CODE(PIPE)},
        {EROFS, CODE(READ_ONLY)},
        {ESPIPE, CODE(INVALID_SEEK)},
        {ETXTBSY, CODE(TEXT_FILE_BUSY)},
        {EXDEV, CODE(CROSS_DEVICE)},
    };
    for (size_t i = 0; i < WW_COUNT_OF(codes); i++)
        if (codes[i].number == error) return codes[i].code;
    return CODE(IO);
}

#undef CODE

/* --- waiting */

ww_status ww_wasi_work(ww_call *call, const void *self, ww_file_work *work, int error,
                       ww_file_act *act, ww_resume_fn *finish, void *result)
{
    if (!error && (!work || !ww_file_work_start(work, act))) error = ENOMEM;
    call->state[0] = ww_object_rep(self);
    call->state[1] = (uint64_t)error;
    return finish(call, result);
}

ww_status ww_wasi_outcome(ww_call *call, ww_resume_fn *finish, int *error, ww_file_work **work)
{
    *work = NULL;
    *error = (int)call->state[1];
    if (*error) return WW_OK;
    ww_file_work *done = ww_wasi_of(call)->work;
    if (!done->is_done) {
        call->resume = finish;
        return WW_AGAIN;
    }
    *work = done;
    *error = done->error;
    return WW_OK;
}

/* --- answers */

ww_status ww_wasi_answer_none(int error, ww_none_result *result)
{
    result->is_error = error != 0;
    if (error) result->error = ww_wasi_error_code(error);
    return WW_OK;
}

ww_status ww_wasi_finish_none(ww_call *call, void *result)
{
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, ww_wasi_finish_none, &error, &work);
    return status ? status : ww_wasi_answer_none(error, result);
}

static wasi_filesystem_option_datetime datetime(ww_wall_time time)
{
    return (wasi_filesystem_option_datetime){1, {time.seconds, time.nanoseconds}};
}

ww_status ww_wasi_answer_stat(int error, const ww_stat *facts, ww_stat_result *result)
{
    result->is_error = error != 0;
    if (error) {
        result->error = ww_wasi_error_code(error);
        return WW_OK;
    }
    result->ok = (wasi_filesystem_descriptor_stat){
        .type = (wasi_filesystem_descriptor_type)facts->type,
        .link_count = facts->links,
        .size = facts->size,
        .data_access_timestamp = datetime(facts->accessed),
        .data_modification_timestamp = datetime(facts->modified),
        .status_change_timestamp = datetime(facts->changed),
    };
    return WW_OK;
}

ww_status ww_wasi_answer_hash(const ww_wasi *wasi, int error, const ww_stat *facts,
                              ww_hash_result *result)
{
    result->is_error = error != 0;
    if (error) {
        result->error = ww_wasi_error_code(error);
        return WW_OK;
    }
    uint64_t hash[2];
    ww_descriptor_hash(wasi, facts, hash);
    result->ok = (wasi_filesystem_metadata_hash_value){hash[0], hash[1]};
    return WW_OK;
}

static ww_new_time new_time(const wasi_filesystem_new_timestamp *time)
{
    _Static_assert((int)WASI_FILESYSTEM_NEW_TIMESTAMP_NO_CHANGE == (int)WW_TIME_KEEP &&
                       (int)WASI_FILESYSTEM_NEW_TIMESTAMP_NOW == (int)WW_TIME_NOW &&
                       (int)WASI_FILESYSTEM_NEW_TIMESTAMP_TIMESTAMP == (int)WW_TIME_SET,
                   "the same cases");
    ww_new_time out = {.change = (uint8_t)time->tag};
    if (time->tag == WASI_FILESYSTEM_NEW_TIMESTAMP_TIMESTAMP)
        out.time = (ww_wall_time){time->timestamp.seconds, time->timestamp.nanoseconds};
    return out;
}

ww_new_times ww_wasi_new_times(const wasi_filesystem_new_timestamp *accessed,
                               const wasi_filesystem_new_timestamp *modified)
{
    return (ww_new_times){new_time(accessed), new_time(modified)};
}
