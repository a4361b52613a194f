/* os/beneath.h - names that guests choose, looked up without ever leaving a directory.
 *
 * Model      A path is relative to a directory that was opened before. However it is spelled and
 *            whatever links stand in it, the answer lies in that directory or below, or there is
 *            none: "..", absolute paths, links to the outside, links that are moved during the
 *            look-up, and the magic links of /proc all end with EPERM, or another error.
 *            The kernel does this (openat2 with RESOLVE_BENEATH); where it does not know how, a walk
 *            does it component by component, which opens each directory without following links,
 *            reads links as text and keeps the way back as open directories.
 * Bounds     Paths up to WW_PATH_BYTES_MAX, WW_PATH_LINKS_MAX links on the way, the walk
 *            WW_PATH_DEPTH_MAX directories deep.
 * Errors     0 or an errno value. A descriptor that is handed out is the caller's to close.
 * Threads    Any; all functions may block. Not for the loop's thread.
 * Trust      Paths and the directories' contents are hostile.
 */
#pragma once
#include "base/status.h"

enum { WW_PATH_BYTES_MAX = 4096, WW_PATH_LINKS_MAX = 40, WW_PATH_DEPTH_MAX = 128 };

typedef enum ww_lookup {
    WW_LOOKUP_KERNEL, /* and the walk where the kernel cannot */
    WW_LOOKUP_WALK,
} ww_lookup;

typedef struct ww_base {
    int fd; /* the directory */
    ww_lookup lookup;
} ww_base;

/* open(2) below `base`. A link in the last place is followed if `follow`, else it is an error
 * (ELOOP), or opened itself with O_PATH. */
int ww_beneath_open(ww_base base, const char *path, int flags, unsigned mode, bool follow,
                    int *out);

/* The directory that the last component of `path` stands in, opened for looking up only, and that
 * component with the slashes behind it (a part of `path`), for functions like mkdirat(2) that do not
 * follow a link in the last place. */
int ww_beneath_parent(ww_base base, const char *path, int *parent, const char **name);
