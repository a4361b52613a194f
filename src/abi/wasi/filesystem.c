/* wasi:filesystem: what is done with paths, directories, and the table of all its functions. */
#include "abi/wasi/files.h"
#include "base/utf8.h"
#include "resource/error.h"
#include <errno.h>
#include <fcntl.h>

typedef wasi_filesystem_result_descriptor_error_code open_result;
typedef wasi_filesystem_result_string_error_code string_result;
typedef wasi_filesystem_result_directory_entry_stream_error_code entries_result;
typedef wasi_filesystem_result_option_directory_entry_error_code entry_result;

enum { TO_LOOK = false, TO_CHANGE = true };

static int check_path(ww_view path)
{
    if (path.size >= WW_PATH_BYTES_MAX) return ENAMETOOLONG;
    return memchr(path.data, 0, path.size) ? EINVAL : 0;
}

/* Work on a path below `self`; NULL with *error. */
static ww_file_work *path_work(ww_descriptor *self, ww_view path, bool to_change, int *error)
{
    *error = ww_descriptor_as_base(self, to_change);
    if (!*error) *error = check_path(path);
    return *error ? NULL : ww_file_work_new(self->wasi, self->fd, &path, NULL, NULL);
}

static bool follows(wasi_filesystem_path_flags flags)
{
    return flags & WASI_FILESYSTEM_PATH_FLAGS_SYMLINK_FOLLOW;
}

/* --- names */

static int act_make_directory(ww_file_work *work)
{
    return ww_path_make_directory(ww_file_work_base(work), work->path);
}

static ww_status create_directory_at(ww_call *call, ww_descriptor *self, ww_view path,
                                     ww_none_result *result)
{
    int error;
    ww_file_work *work = path_work(self, path, TO_CHANGE, &error);
    return ww_wasi_work(call, self, work, error, act_make_directory, ww_wasi_finish_none, result);
}

static int act_remove_directory(ww_file_work *work)
{
    return ww_path_remove_directory(ww_file_work_base(work), work->path);
}

static ww_status remove_directory_at(ww_call *call, ww_descriptor *self, ww_view path,
                                     ww_none_result *result)
{
    int error;
    ww_file_work *work = path_work(self, path, TO_CHANGE, &error);
    return ww_wasi_work(call, self, work, error, act_remove_directory, ww_wasi_finish_none, result);
}

static int act_unlink(ww_file_work *work)
{
    return ww_path_unlink(ww_file_work_base(work), work->path);
}

static ww_status unlink_file_at(ww_call *call, ww_descriptor *self, ww_view path,
                                ww_none_result *result)
{
    int error;
    ww_file_work *work = path_work(self, path, TO_CHANGE, &error);
    return ww_wasi_work(call, self, work, error, act_unlink, ww_wasi_finish_none, result);
}

/* Work on two paths, both to be changed. */
static ww_file_work *two_paths(ww_descriptor *self, ww_view path, ww_descriptor *other,
                               ww_view other_path, int *error)
{
    *error = ww_descriptor_as_base(self, TO_CHANGE);
    if (!*error) *error = ww_descriptor_as_base(other, TO_CHANGE);
    if (!*error) *error = check_path(path);
    if (!*error) *error = check_path(other_path);
    if (*error) return NULL;
    return ww_file_work_new(self->wasi, self->fd, &path, other->fd, &other_path);
}

static int act_rename(ww_file_work *work)
{
    return ww_path_rename(ww_file_work_base(work), work->path, ww_file_work_other(work),
                          work->other_path);
}

static ww_status rename_at(ww_call *call, ww_descriptor *self, ww_view old_path,
                           ww_descriptor *new_descriptor, ww_view new_path, ww_none_result *result)
{
    int error;
    ww_file_work *work = two_paths(self, old_path, new_descriptor, new_path, &error);
    return ww_wasi_work(call, self, work, error, act_rename, ww_wasi_finish_none, result);
}

static int act_link(ww_file_work *work)
{
    return ww_path_link(ww_file_work_base(work), work->path, ww_file_work_other(work),
                        work->other_path);
}

static ww_status link_at(ww_call *call, ww_descriptor *self, wasi_filesystem_path_flags flags,
                         ww_view old_path, ww_descriptor *new_descriptor, ww_view new_path,
                         ww_none_result *result)
{
    int error;
    ww_file_work *work = two_paths(self, old_path, new_descriptor, new_path, &error);
    if (!error && follows(flags)) error = EINVAL;
    return ww_wasi_work(call, self, work, error, act_link, ww_wasi_finish_none, result);
}

static int act_symlink(ww_file_work *work)
{
    return ww_path_symlink(work->other_path, ww_file_work_base(work), work->path);
}

static ww_status symlink_at(ww_call *call, ww_descriptor *self, ww_view text, ww_view path,
                            ww_none_result *result)
{
    int error;
    ww_file_work *work = two_paths(self, path, self, text, &error);
    return ww_wasi_work(call, self, work, error, act_symlink, ww_wasi_finish_none, result);
}

static int act_readlink(ww_file_work *work)
{
    return ww_path_readlink(ww_file_work_base(work), work->path, (char *)work->bytes,
                            work->capacity, &work->count);
}

static ww_status finish_readlink(ww_call *call, void *out)
{
    string_result *result = out;
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_readlink, &error, &work);
    if (status) return status;
    ww_view text = work ? ww_view_of(work->bytes, work->count) : ww_view_of(NULL, 0);
    if (!error && !ww_utf8_valid(text)) error = EILSEQ;
    result->is_error = error != 0;
    if (error)
        result->error = ww_wasi_error_code(error);
    else
        result->ok = text;
    return WW_OK;
}

static ww_status readlink_at(ww_call *call, ww_descriptor *self, ww_view path,
                             string_result *result)
{
    int error;
    ww_file_work *work = path_work(self, path, TO_LOOK, &error);
    if (work && !ww_file_work_make_room(work, WW_PATH_BYTES_MAX)) error = ENOMEM;
    return ww_wasi_work(call, self, work, error, act_readlink, finish_readlink, result);
}

/* --- facts */

static int act_stat(ww_file_work *work)
{
    return ww_stat_path(ww_file_work_base(work), work->path, work->follow, &work->stat);
}

static ww_status finish_stat(ww_call *call, void *result)
{
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_stat, &error, &work);
    return status ? status : ww_wasi_answer_stat(error, work ? &work->stat : NULL, result);
}

static ww_status stat_at(ww_call *call, ww_descriptor *self, wasi_filesystem_path_flags flags,
                         ww_view path, ww_stat_result *result)
{
    int error;
    ww_file_work *work = path_work(self, path, TO_LOOK, &error);
    if (work) work->follow = follows(flags);
    return ww_wasi_work(call, self, work, error, act_stat, finish_stat, result);
}

static ww_status finish_hash(ww_call *call, void *result)
{
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_hash, &error, &work);
    if (status) return status;
    return ww_wasi_answer_hash(ww_wasi_of(call), error, work ? &work->stat : NULL, result);
}

static ww_status metadata_hash_at(ww_call *call, ww_descriptor *self,
                                  wasi_filesystem_path_flags flags, ww_view path,
                                  ww_hash_result *result)
{
    int error;
    ww_file_work *work = path_work(self, path, TO_LOOK, &error);
    if (work) work->follow = follows(flags);
    return ww_wasi_work(call, self, work, error, act_stat, finish_hash, result);
}

static int act_set_times(ww_file_work *work)
{
    return ww_times_path(ww_file_work_base(work), work->path, work->follow, &work->times);
}

static ww_status set_times_at(ww_call *call, ww_descriptor *self, wasi_filesystem_path_flags flags,
                              ww_view path, const wasi_filesystem_new_timestamp *accessed,
                              const wasi_filesystem_new_timestamp *modified, ww_none_result *result)
{
    int error;
    ww_file_work *work = path_work(self, path, TO_CHANGE, &error);
    if (work) {
        work->follow = follows(flags);
        work->times = ww_wasi_new_times(accessed, modified);
    }
    return ww_wasi_work(call, self, work, error, act_set_times, ww_wasi_finish_none, result);
}

/* --- opening */

static int act_open(ww_file_work *work)
{
    int error = ww_beneath_open(ww_file_work_base(work), work->path, work->open_flags, 0666,
                                work->follow, &work->opened);
    return error ? error : ww_stat_fd(work->opened, &work->stat);
}

/* A descriptor without any right is still one: it is opened for reading, and says no later. */
static int flags_of(wasi_filesystem_open_flags how, ww_rights rights)
{
    int flags = rights.write ? rights.read ? O_RDWR : O_WRONLY : O_RDONLY;
    flags |= O_NONBLOCK | O_NOCTTY; /* a pipe in a volume must not stop a worker */
    if (how & WASI_FILESYSTEM_OPEN_FLAGS_CREATE) flags |= O_CREAT;
    if (how & WASI_FILESYSTEM_OPEN_FLAGS_DIRECTORY) flags |= O_DIRECTORY;
    if (how & WASI_FILESYSTEM_OPEN_FLAGS_EXCLUSIVE) flags |= O_EXCL;
    if (how & WASI_FILESYSTEM_OPEN_FLAGS_TRUNCATE) flags |= O_TRUNC;
    if (rights.sync) flags |= O_SYNC;
    if (rights.data_sync) flags |= O_DSYNC;
    return flags;
}

static ww_rights rights_of(wasi_filesystem_descriptor_flags flags, bool mutate)
{
    return (ww_rights){
        .read = flags & WASI_FILESYSTEM_DESCRIPTOR_FLAGS_READ,
        .write = flags & WASI_FILESYSTEM_DESCRIPTOR_FLAGS_WRITE,
        .mutate = mutate,
        .sync = flags & WASI_FILESYSTEM_DESCRIPTOR_FLAGS_FILE_INTEGRITY_SYNC,
        .data_sync = flags & WASI_FILESYSTEM_DESCRIPTOR_FLAGS_DATA_INTEGRITY_SYNC,
        .read_sync = flags & WASI_FILESYSTEM_DESCRIPTOR_FLAGS_REQUESTED_WRITE_SYNC,
    };
}

static int check_open(const ww_descriptor *self, wasi_filesystem_open_flags how,
                      wasi_filesystem_descriptor_flags flags)
{
    const wasi_filesystem_open_flags makes = WASI_FILESYSTEM_OPEN_FLAGS_CREATE |
                                             WASI_FILESYSTEM_OPEN_FLAGS_EXCLUSIVE |
                                             WASI_FILESYSTEM_OPEN_FLAGS_TRUNCATE;
    const wasi_filesystem_descriptor_flags changes =
        WASI_FILESYSTEM_DESCRIPTOR_FLAGS_WRITE | WASI_FILESYSTEM_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY;
    if ((how & WASI_FILESYSTEM_OPEN_FLAGS_DIRECTORY) && (how & makes)) return EINVAL;
    bool to_change = (how & makes) || (flags & changes);
    return ww_descriptor_as_base(self, to_change);
}

/* Takes what the work has opened. */
static ww_status adopt(ww_wasi *wasi, ww_file_work *work, ww_fd **out)
{
    int number = work->opened;
    work->opened = -1;
    return ww_fd_adopt(wasi->options.loop, number, out, NULL);
}

/* state[2]: the rights */
static ww_status finish_open(ww_call *call, void *out)
{
    open_result *result = out;
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_open, &error, &work);
    if (status) return status;
    result->is_error = error != 0;
    if (error) {
        result->error = ww_wasi_error_code(error);
        return WW_OK;
    }
    ww_rights rights;
    memcpy(&rights, &call->state[2], sizeof rights);
    ww_wasi *wasi = ww_wasi_of(call);
    ww_fd *fd;
    status = adopt(wasi, work, &fd);
    if (status) return status;
    status = ww_descriptor_new(wasi, fd, work->stat.type, rights, &result->ok);
    ww_fd_unref(fd);
    return status;
}

static ww_status open_at(ww_call *call, ww_descriptor *self, wasi_filesystem_path_flags path_flags,
                         ww_view path, wasi_filesystem_open_flags how,
                         wasi_filesystem_descriptor_flags flags, open_result *result)
{
    _Static_assert(sizeof(ww_rights) <= sizeof call->state[2], "rights fit into a word");
    int error = check_open(self, how, flags), later;
    ww_file_work *work = error ? NULL : path_work(self, path, TO_LOOK, &later);
    if (!error) error = later;
    ww_rights rights = rights_of(flags, self->rights.mutate);
    memcpy(&call->state[2], &rights, sizeof rights);
    if (work) {
        work->follow = follows(path_flags);
        work->open_flags = flags_of(how, rights);
    }
    return ww_wasi_work(call, self, work, error, act_open, finish_open, result);
}

/* --- directories */

static int act_open_directory(ww_file_work *work)
{
    return ww_directory_open(work->fd->number, &work->opened);
}

static ww_status finish_open_directory(ww_call *call, void *out)
{
    entries_result *result = out;
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_open_directory, &error, &work);
    if (status) return status;
    result->is_error = error != 0;
    if (error) {
        result->error = ww_wasi_error_code(error);
        return WW_OK;
    }
    ww_wasi *wasi = ww_wasi_of(call);
    ww_fd *fd;
    status = adopt(wasi, work, &fd);
    if (status) return status;
    status = ww_directory_stream_new(wasi, fd, &result->ok);
    ww_fd_unref(fd);
    return status;
}

static ww_status read_directory(ww_call *call, ww_descriptor *self, entries_result *result)
{
    int error = ww_descriptor_as_base(self, TO_LOOK);
    ww_file_work *work = error ? NULL : ww_file_work_new(self->wasi, self->fd, NULL, NULL, NULL);
    return ww_wasi_work(call, self, work, error, act_open_directory, finish_open_directory, result);
}

static int act_list(ww_file_work *work)
{
    return ww_directory_read(work->fd->number, work->bytes, work->capacity, &work->count);
}

static ww_status read_entry(ww_call *call, ww_directory_entry_stream *self, entry_result *result);

static ww_status finish_list(ww_call *call, void *result)
{
    ww_file_work *work;
    int error;
    ww_status status = ww_wasi_outcome(call, finish_list, &error, &work);
    if (status) return status;
    if (error) {
        *(entry_result *)result = (entry_result){1, .error = ww_wasi_error_code(error)};
        return WW_OK;
    }
    ww_directory_entry_stream *self = ww_object_of(call->state[0]);
    ww_directory_stream_feed(self, work);
    return read_entry(call, self, result);
}

static ww_status read_entry(ww_call *call, ww_directory_entry_stream *self, entry_result *result)
{
    ww_directory_entry entry;
    *result = (entry_result){0};
    if (self->portion && ww_directory_next(self->portion, self->size, &self->at, &entry)) {
        ww_view name = ww_view_str(entry.name);
        if (!ww_utf8_valid(name)) {
            *result = (entry_result){1, .error = ww_wasi_error_code(EILSEQ)};
            return WW_OK;
        }
        result->ok.is_some = 1;
        result->ok.some = (wasi_filesystem_directory_entry){
            .type = (wasi_filesystem_descriptor_type)entry.type, .name = name};
        return WW_OK;
    }
    if (self->has_ended) return WW_OK;
    ww_file_work *work = ww_file_work_new(self->wasi, self->fd, NULL, NULL, NULL);
    int error = work && ww_file_work_make_room(work, WW_DIRECTORY_PORTION_BYTES) ? 0 : ENOMEM;
    return ww_wasi_work(call, self, work, error, act_list, finish_list, result);
}

/* --- */

static ww_status error_code(ww_call *call, ww_error *error,
                            wasi_filesystem_option_error_code *result)
{
    (void)call;
    *result = (wasi_filesystem_option_error_code){1, ww_wasi_error_code(error->number)};
    return WW_OK;
}

const wasi_filesystem ww_wasi_filesystem = {
    .descriptor_read_via_stream = ww_wasi_fd_read_via_stream,
    .descriptor_write_via_stream = ww_wasi_fd_write_via_stream,
    .descriptor_append_via_stream = ww_wasi_fd_append_via_stream,
    .descriptor_advise = ww_wasi_fd_advise,
    .descriptor_sync_data = ww_wasi_fd_sync_data,
    .descriptor_get_flags = ww_wasi_fd_get_flags,
    .descriptor_get_type = ww_wasi_fd_get_type,
    .descriptor_set_size = ww_wasi_fd_set_size,
    .descriptor_set_times = ww_wasi_fd_set_times,
    .descriptor_read = ww_wasi_fd_read,
    .descriptor_write = ww_wasi_fd_write,
    .descriptor_sync = ww_wasi_fd_sync,
    .descriptor_stat = ww_wasi_fd_stat,
    .descriptor_is_same_object = ww_wasi_fd_is_same_object,
    .descriptor_metadata_hash = ww_wasi_fd_metadata_hash,
    .descriptor_read_directory = read_directory,
    .descriptor_create_directory_at = create_directory_at,
    .descriptor_stat_at = stat_at,
    .descriptor_set_times_at = set_times_at,
    .descriptor_link_at = link_at,
    .descriptor_open_at = open_at,
    .descriptor_readlink_at = readlink_at,
    .descriptor_remove_directory_at = remove_directory_at,
    .descriptor_rename_at = rename_at,
    .descriptor_symlink_at = symlink_at,
    .descriptor_unlink_file_at = unlink_file_at,
    .descriptor_metadata_hash_at = metadata_hash_at,
    .directory_entry_stream_read_directory_entry = read_entry,
    .filesystem_error_code = error_code,
};
