#include "imports.h"
#include "ww/guest.h"
#include "ww/guest_file.h"

#define FILES "wasi:filesystem/types@0.2.12"

enum { READ_MAX = 64 << 10, FOLLOW = 1, READ = 1, ERROR_ACCESS = 0, ERROR_NO_ENTRY = 20 };

typedef struct preopen {
    int32_t descriptor;
    bytes name;
} preopen;

typedef struct handle_result {
    uint8_t is_error;
    union {
        int32_t ok;
        uint8_t error;
    };
} handle_result;

IMPORT("wasi:filesystem/preopens@0.2.12", "get-directories") void get_directories(bytes *list);
IMPORT(FILES, "[method]descriptor.open-at")
void open_at(int32_t descriptor, int32_t path_flags, const uint8_t *path, size_t size,
             int32_t open_flags, int32_t flags, handle_result *out);
IMPORT(FILES, "[method]descriptor.read-via-stream")
void read_via_stream(int32_t descriptor, uint64_t offset, handle_result *out);
IMPORT(FILES, "[resource-drop]descriptor") void drop_descriptor(int32_t descriptor);
IMPORT(STREAMS, "[resource-drop]input-stream") void drop_input(int32_t stream);

/* The rest of `path` below `folder`; its data is NULL if it is not there. */
static ww_view below(ww_view path, bytes folder)
{
    ww_view prefix = ww_view_of(folder.data, folder.size);
    while (prefix.size && prefix.data[prefix.size - 1] == '/')
        prefix.size--;
    if (path.size <= prefix.size || (prefix.size && memcmp(path.data, prefix.data, prefix.size)))
        return (ww_view){0};
    ww_view rest = ww_view_of(path.data + prefix.size, path.size - prefix.size);
    if (rest.data[0] != '/') return prefix.size ? (ww_view){0} : rest;
    while (rest.size && rest.data[0] == '/')
        rest = ww_view_of(rest.data + 1, rest.size - 1);
    return rest;
}

static ww_status pad(ww_buf *out)
{
    uint8_t *end;
    ww_status status = ww_buf_reserve(out, WW_GUEST_FILE_PADDING, &end);
    if (!status) memset(end, 0, WW_GUEST_FILE_PADDING);
    return status;
}

static ww_status open_file(ww_view path, int32_t *file, ww_diag *diag)
{
    bytes list;
    get_directories(&list);
    const preopen *folders = (const preopen *)(const void *)list.data;
    const preopen *best = NULL;
    ww_view rest = {0};
    for (size_t i = 0; i < list.size; i++) {
        ww_view candidate = below(path, folders[i].name);
        if (!candidate.data || (best && candidate.size >= rest.size)) continue;
        best = &folders[i];
        rest = candidate;
    }
    handle_result opened = {.is_error = 1, .error = ERROR_ACCESS};
    if (best) open_at(best->descriptor, FOLLOW, rest.data, rest.size, 0, READ, &opened);
    for (size_t i = 0; i < list.size; i++)
        drop_descriptor(folders[i].descriptor);
    *file = opened.ok;
    if (!opened.is_error) return WW_OK;
    if (opened.error == ERROR_NO_ENTRY)
        return ww_fail(diag, WW_E_NOT_FOUND, "no such file: %.*s", WW_VIEW_ARG(path));
    return ww_fail(diag, WW_E_DENIED, "not granted: %.*s", WW_VIEW_ARG(path));
}

ww_status ww_guest_read_file(ww_view path, ww_buf *out, ww_diag *diag)
{
    int32_t file;
    handle_result stream;
    ww_status status = open_file(path, &file, diag);
    if (status) return status;
    read_via_stream(file, 0, &stream);
    read_result piece = {.is_error = stream.is_error};
    while (!stream.is_error && !status) {
        uint8_t *to;
        status = ww_buf_reserve(out, READ_MAX, &to);
        if (status) break;
        ww_guest_land(to, READ_MAX);
        input_blocking_read(stream.ok, READ_MAX, &piece);
        ww_guest_land(NULL, 0);
        if (piece.is_error) break;
        out->size += piece.ok.size;
    }
    bool failed = stream.is_error || (piece.is_error && !piece.error.is_closed);
    if (!stream.is_error) drop_input(stream.ok);
    drop_descriptor(file);
    if (!status) status = pad(out);
    if (status) return ww_fail(diag, status, "%.*s is too large", WW_VIEW_ARG(path));
    return failed ? ww_fail(diag, WW_E_IO, "%.*s cannot be read", WW_VIEW_ARG(path)) : WW_OK;
}
