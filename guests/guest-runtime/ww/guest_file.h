/* ww/guest_file.h - files below the folders that the host opened for the guest. */
#pragma once
#include "base/bytes.h"

/* Zeroes behind a file, for ww_capnp_any_b_set_external. */
enum { WW_GUEST_FILE_PADDING = 7 };

/* Appends the file at `path` to `out`; behind it, beyond out->size, are zeroes. E_DENIED when no folder holds it, E_NOT_FOUND, E_IO, E_LIMIT,
 * E_MEMORY. */
WW_MUST_USE ww_status ww_guest_read_file(ww_view path, ww_buf *out, ww_diag *diag);
