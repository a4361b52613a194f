/* resource/descriptor.h - wasi:filesystem's descriptor and directory-entry-stream.
 *
 * Model      A descriptor is an open file or directory with what may be done through it. Rights
 *            only shrink: what is opened below a directory has that directory's right to change
 *            things, at most.
 * Ownership  See resource/object.h. Streams made from a descriptor outlive it.
 * Errors     errno values, as the system's own.
 */
#pragma once
#include "resource/file_work.h"
#include "resource/stream.h"

typedef struct ww_rights {
    bool read, write;
    bool mutate; /* change directories and times; whatever changes the volume needs it */
    bool sync, data_sync, read_sync;
} ww_rights;

typedef struct ww_descriptor {
    ww_object object;
    ww_wasi *wasi;
    ww_fd *fd;
    ww_file_type type;
    ww_rights rights;
} ww_descriptor;

/* Takes a reference to `fd`. */
WW_MUST_USE ww_status ww_descriptor_new(ww_wasi *wasi, ww_fd *fd, ww_file_type type,
                                        ww_rights rights, ww_descriptor **out);

/* Whether `descriptor` is a directory to look things up in (ENOTDIR), and, to change them, a
 * writable one (EROFS). */
int ww_descriptor_as_base(const ww_descriptor *descriptor, bool to_change);

/* A pair of hashes that two files share only if they are the same file. */
void ww_descriptor_hash(const ww_wasi *wasi, const ww_stat *facts, uint64_t out[2]);

typedef struct ww_directory_entry_stream {
    ww_object object;
    ww_wasi *wasi;
    ww_fd *fd;
    uint8_t *portion; /* WW_DIRECTORY_PORTION_BYTES, or NULL */
    size_t size, at;
    bool has_ended;
} ww_directory_entry_stream;

/* Takes a reference to `fd`, which nobody else reads. */
WW_MUST_USE ww_status ww_directory_stream_new(ww_wasi *wasi, ww_fd *fd,
                                              ww_directory_entry_stream **out);
/* Takes the work's bytes as the next portion. */
void ww_directory_stream_feed(ww_directory_entry_stream *stream, ww_file_work *work);
