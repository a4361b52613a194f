/* config/folders.h - where ww keeps what is its own. */
#pragma once
#include "base/bytes.h"

enum { WW_PATH_MAX = 4096 };

typedef struct ww_folders {
    char cache[WW_PATH_MAX];   /* $XDG_CACHE_HOME/ww, else ~/.cache/ww: may be lost at any time */
    char state[WW_PATH_MAX];   /* $XDG_STATE_HOME/ww, else ~/.local/state/ww: keys */
    char runtime[WW_PATH_MAX]; /* $XDG_RUNTIME_DIR/ww, else `run` in the state folder: sockets */
} ww_folders;

/* From the environment; makes nothing. E_USAGE if HOME is needed and not set, or a path is too long
 * or not absolute. */
WW_MUST_USE ww_status ww_folders_find(ww_folders *out, ww_diag *diag);

/* Whether one of two directories is the other or lies in it, links resolved; parts that do not exist yet count by name. True
 * where that cannot be told: a path that cannot be resolved is kept away from. */
bool ww_folders_overlap(const char *a, const char *b);

/* The folder of an image that came with ww: images/NAME beside the program, as it was built, else
 * ../share/ww/images/NAME, as it was installed. E_NOT_FOUND, naming both. */
WW_MUST_USE ww_status ww_folders_find_image(const char *name, char out[WW_PATH_MAX], ww_diag *diag);

/* The operator socket of the node with this process id, and what the names of such sockets end
 * with. */
#define WW_SOCKET_SUFFIX ".sock"
WW_MUST_USE ww_status ww_folders_socket(const ww_folders *folders, uint32_t process,
                                        char out[WW_PATH_MAX], ww_diag *diag);
