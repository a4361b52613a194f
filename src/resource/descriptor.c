#include "resource/descriptor.h"
#include "base/names.h"
#include <errno.h>

static void descriptor_free(ww_object *object)
{
    ww_descriptor *descriptor = WW_CONTAINER_OF(object, ww_descriptor, object);
    ww_fd_unref(descriptor->fd);
    ww_free(descriptor->wasi->options.allocator, descriptor, sizeof *descriptor);
}

ww_status ww_descriptor_new(ww_wasi *wasi, ww_fd *fd, ww_file_type type, ww_rights rights,
                            ww_descriptor **out)
{
    static const ww_object_class class = {"descriptor", descriptor_free};
    void *memory;
    ww_status status = ww_wasi_make(wasi, &class, sizeof(ww_descriptor), NULL, &memory);
    ww_descriptor *descriptor = memory;
    *out = descriptor;
    if (status) return status;
    descriptor->wasi = wasi;
    descriptor->fd = ww_fd_ref(fd);
    descriptor->type = type;
    descriptor->rights = rights;
    return WW_OK;
}

int ww_descriptor_as_base(const ww_descriptor *descriptor, bool to_change)
{
    if (descriptor->type != WW_FILE_DIRECTORY) return ENOTDIR;
    return to_change && !descriptor->rights.mutate ? EROFS : 0;
}

void ww_descriptor_hash(const ww_wasi *wasi, const ww_stat *facts, uint64_t out[2])
{
    uint64_t identity[2] = {facts->device, facts->inode};
    ww_view bytes = ww_view_of(identity, sizeof identity);
    for (int i = 0; i < 2; i++)
        out[i] = ww_siphash13(wasi->hash_keys[i], bytes);
}

static void directory_free(ww_object *object)
{
    ww_directory_entry_stream *stream = WW_CONTAINER_OF(object, ww_directory_entry_stream, object);
    const ww_allocator *work_allocator = ww_loop_allocator(stream->wasi->options.loop);
    ww_fd_unref(stream->fd);
    ww_free(work_allocator, stream->portion, WW_DIRECTORY_PORTION_BYTES);
    ww_free(stream->wasi->options.allocator, stream, sizeof *stream);
}

ww_status ww_directory_stream_new(ww_wasi *wasi, ww_fd *fd, ww_directory_entry_stream **out)
{
    static const ww_object_class class = {"directory-entry-stream", directory_free};
    void *memory;
    ww_status status = ww_wasi_make(wasi, &class, sizeof(ww_directory_entry_stream), NULL, &memory);
    ww_directory_entry_stream *stream = memory;
    *out = stream;
    if (status) return status;
    stream->wasi = wasi;
    stream->fd = ww_fd_ref(fd);
    return WW_OK;
}

void ww_directory_stream_feed(ww_directory_entry_stream *stream, ww_file_work *work)
{
    WW_ASSERT(work->capacity == WW_DIRECTORY_PORTION_BYTES);
    ww_free(work->allocator, stream->portion, WW_DIRECTORY_PORTION_BYTES);
    stream->portion = work->bytes;
    stream->size = work->count;
    stream->at = 0;
    stream->has_ended = work->count == 0;
    work->bytes = NULL;
    work->capacity = 0;
}
