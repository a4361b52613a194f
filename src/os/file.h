/* os/file.h - whole files and the folders they stand in: what images, caches and keys need.
 *
 * Model      A file is read in one piece, and written so that readers see all of it or nothing.
 *            What guests do with files is elsewhere (resource/).
 * Ownership  A ww_folder is closed by who opened it. Names and paths are borrowed for the call.
 * Bounds     A file is read up to the buffer's own largest size; above it E_LIMIT.
 * Errors     E_NOT_FOUND, E_EXISTS, E_MISMATCH for a folder where a file was wanted or the reverse,
 *            E_UNSUPPORTED for what is neither, E_DENIED for missing rights and for a path that
 *            leaves its folder, E_IO for the rest. The text names the path and the reason.
 * Threads    A folder may be used from any thread; all functions may block.
 * Trust      Folder contents may be foreign: reading below a folder never leaves it, by whatever
 *            links, and never waits for a pipe.
 */
#pragma once
#include "base/bytes.h"

typedef struct ww_folder {
    int fd; /* -1: closed */
} ww_folder;

typedef struct ww_file_facts {
    uint64_t size;
    int64_t modified_ns; /* since 1970 */
    bool is_file;        /* a regular one */
    bool is_private;     /* of this user, and others have no rights at all */
} ww_file_facts;

WW_MUST_USE ww_status ww_folder_open(const char *path, ww_folder *out, ww_diag *diag);
/* Makes the folder and its missing parents, for this user only. E_DENIED if it is there and
 * somebody else owns it or may write to it. */
WW_MUST_USE ww_status ww_folder_make(const char *path, ww_folder *out, ww_diag *diag);
void ww_folder_close(ww_folder *folder);

typedef struct ww_folder_visitor ww_folder_visitor;
struct ww_folder_visitor {
    /* False ends the walk. `name` is borrowed for the call. */
    bool (*visit)(ww_folder_visitor *self, const char *name, const ww_file_facts *facts);
};

/* Every entry but "." and "..", in no order; not those in folders below. */
WW_MUST_USE ww_status ww_folder_list(const ww_folder *folder, ww_folder_visitor *visitor,
                                     ww_diag *diag);

/* Appends the file's content. A path of this process, links followed. */
WW_MUST_USE ww_status ww_file_read(const char *path, ww_buf *out, ww_diag *diag);
/* The same, of a file that nobody else can have written: os/safe_path.h. E_DENIED names what is not
 * safe, and what would help. */
WW_MUST_USE ww_status ww_file_read_safe(const char *path, ww_buf *out, ww_diag *diag);
/* The same below `folder`, without ever leaving it. `facts` may be NULL. */
WW_MUST_USE ww_status ww_file_read_in(const ww_folder *folder, const char *path, ww_buf *out,
                                      ww_file_facts *facts, ww_diag *diag);

/* Writes `parts` one after another into a new file that only this user may use, and gives it its
 * name at the end: ww_file_create answers E_EXISTS if the name is taken, ww_file_replace takes it
 * away from whatever has it. What a crash leaves begins with WW_FILE_UNFINISHED. */
#define WW_FILE_UNFINISHED ".new-"
WW_MUST_USE ww_status ww_file_create(const ww_folder *folder, const char *name,
                                     const ww_view *parts, size_t count, ww_diag *diag);
WW_MUST_USE ww_status ww_file_replace(const ww_folder *folder, const char *name,
                                      const ww_view *parts, size_t count, ww_diag *diag);

/* Sets the time of change to now. False if that was not possible, as with the next one. */
bool ww_file_touch(const ww_folder *folder, const char *name);
bool ww_file_remove(const ww_folder *folder, const char *name);
