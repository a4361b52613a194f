/* os/append.h - a file that only grows, of one process at a time.
 *
 * Model      Opening locks it for this process, until it is closed or the process ends in whatever way.
 *            What was appended is on the disk when the call returns.
 * Ownership  Closed by who opened it.
 * Bounds     Reading is bounded by the buffer's own largest size: E_LIMIT above it.
 * Errors     E_NOT_FOUND (without `create`), E_BUSY when another process has it, E_UNSUPPORTED for what is
 *            no file; E_IO and others with the reason. A failed append leaves the file as it was, or fails
 *            every later one.
 * Threads    One at a time; blocks on the disk.
 */
#pragma once
#include "os/file.h"

typedef struct ww_append_file {
    int fd; /* -1: closed */
    uint64_t size;
    bool is_broken;
} ww_append_file;

/* Appends the content to `content`. */
WW_MUST_USE ww_status ww_append_open(const ww_folder *folder, const char *name, bool create,
                                     ww_buf *content, ww_append_file *out, ww_diag *diag);
void ww_append_close(ww_append_file *file); /* also one that was closed or failed to open */

/* Cuts off what is behind `size`. */
WW_MUST_USE ww_status ww_append_cut(ww_append_file *file, uint64_t size, ww_diag *diag);
WW_MUST_USE ww_status ww_append(ww_append_file *file, ww_view bytes, ww_diag *diag);
