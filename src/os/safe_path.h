/* os/safe_path.h - files that nobody but this user and root can have written or put in place.
 *
 * Model      Every folder on the way from the root, every link and the file itself must belong to
 *            this user or to root, and neither group nor others may write to it. A folder where
 *            everybody may write but nobody may take away what is another's (sticky, as /tmp) will
 *            do: what is looked up there is checked in its turn. The walk holds on to each folder,
 *            so that what was checked is what is opened.
 * Bounds     Paths of WW_PATH_BYTES_MAX bytes and WW_PATH_LINKS_MAX links, of os/beneath.h.
 * Threads    Any; blocks.
 */
#pragma once
#include "base/status.h"

enum { WW_PATH_UNSAFE = -1 };

/* Opens for reading, without waiting for a pipe. A relative path begins at the working folder. 0
 * with a descriptor of the caller's; an errno value; or WW_PATH_UNSAFE: *diag names the file or
 * folder, and what would help. */
int ww_safe_open(const char *path, int *fd, ww_diag *diag);
