/* os/append.h - a file that only grows, of one process at a time.
 *
 * Model      Opening locks it for this process, until it is closed or the process ends in whatever way.
 *            What was appended is on the disk when the call returns. Replacing writes a new file beside it,
 *            puts that on the disk, and gives it the name: whoever opens the name, after a crash too, finds
 *            the old content or the new one, whole.
 * Ownership  Closed by who opened it.
 * Bounds     Reading is bounded by the buffer's own largest size: E_LIMIT above it.
 * Errors     E_NOT_FOUND (without `create`), E_BUSY when another process has it, E_UNSUPPORTED for what is
 *            no file; E_IO and others with the reason. What failed leaves the file as it was, or fails
 *            every later append.
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
/* The process whose file of that name it is, where the system tells; else 0. */
uint32_t ww_append_holder(const ww_folder *folder, const char *name);

/* Cuts off what is behind `size`. */
WW_MUST_USE ww_status ww_append_cut(ww_append_file *file, uint64_t size, ww_diag *diag);
/* All parts, one after another, or none. */
WW_MUST_USE ww_status ww_append(ww_append_file *file, const ww_view *parts, size_t count,
                                ww_diag *diag);
/* The file, which stands in `folder` under that name, has this content from now on. */
WW_MUST_USE ww_status ww_append_replace(const ww_folder *folder, const char *name, ww_view content,
                                        ww_append_file *file, ww_diag *diag);
