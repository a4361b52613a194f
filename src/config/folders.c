#include "config/folders.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static ww_status find(char out[WW_PATH_MAX], const char *variable, const char *below_home,
                      ww_diag *diag)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    int size;
    if (base && *base == '/')
        size = snprintf(out, WW_PATH_MAX, "%s/ww", base);
    else if (home && *home == '/')
        size = snprintf(out, WW_PATH_MAX, "%s/%s/ww", home, below_home);
    else
        return ww_fail(diag, WW_E_USAGE, "neither %s nor HOME is set to an absolute path",
                       variable);
    if (size < 0 || size >= WW_PATH_MAX)
        return ww_fail(diag, WW_E_USAGE, "the path in %s is too long", variable);
    return WW_OK;
}

ww_status ww_folders_find(ww_folders *out, ww_diag *diag)
{
    ww_status status = find(out->cache, "XDG_CACHE_HOME", ".cache", diag);
    if (!status) status = find(out->state, "XDG_STATE_HOME", ".local/state", diag);
    if (status) return status;
    const char *base = getenv("XDG_RUNTIME_DIR");
    int size = base && *base == '/' ? snprintf(out->runtime, WW_PATH_MAX, "%s/ww", base)
                                    : snprintf(out->runtime, WW_PATH_MAX, "%s/run", out->state);
    if (size < 0 || size >= WW_PATH_MAX)
        return ww_fail(diag, WW_E_USAGE, "the path of the runtime folder is too long");
    return WW_OK;
}

/* realpath(3) of the part that exists, with the rest behind it. */
static bool resolve(const char *path, char out[WW_PATH_MAX])
{
    char head[WW_PATH_MAX], resolved[WW_PATH_MAX];
    if (snprintf(head, sizeof head, "%s", path) >= WW_PATH_MAX) return false;
    const char *tail = path + strlen(path), *between = "";
    while (!realpath(head, resolved)) {
        char *slash = strrchr(head, '/');
        if (errno != ENOENT || !strcmp(head, "/") || !strcmp(head, ".")) return false;
        tail = slash ? path + (slash - head) : path;
        if (!slash) {
            between = "/";
            memcpy(head, ".", 2);
        } else {
            slash[slash == head] = '\0';
        }
    }
    return snprintf(out, WW_PATH_MAX, "%s%s%s", strcmp(resolved, "/") ? resolved : "", between,
                    tail) < WW_PATH_MAX;
}

static bool holds(const char *outer, const char *inner)
{
    size_t size = strlen(outer);
    return !strncmp(outer, inner, size) && (!inner[size] || inner[size] == '/');
}

bool ww_folders_overlap(const char *a, const char *b)
{
    char real_a[WW_PATH_MAX], real_b[WW_PATH_MAX];
    if (!resolve(a, real_a) || !resolve(b, real_b)) return true;
    return holds(real_a, real_b) || holds(real_b, real_a);
}

ww_status ww_folders_find_image(const char *name, char out[WW_PATH_MAX], ww_diag *diag)
{
    static const char *const places[] = {"/images/", "/../share/ww/images/"};
    char program[WW_PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (size < 0) return ww_fail(diag, WW_E_IO, "where this program stands is not known");
    program[size] = '\0';
    *strrchr(program, '/') = '\0';
    for (size_t i = 0; i < WW_COUNT_OF(places); i++) {
        int length = snprintf(out, WW_PATH_MAX, "%s%s%s", program, places[i], name);
        if (length < WW_PATH_MAX && access(out, R_OK) == 0) return WW_OK;
    }
    return ww_fail(diag, WW_E_NOT_FOUND, "no image \"%s\" in %s/images nor %s/../share/ww/images",
                   name, program, program);
}

ww_status ww_folders_socket(const ww_folders *folders, uint32_t process, char out[WW_PATH_MAX],
                            ww_diag *diag)
{
    int size = snprintf(out, WW_PATH_MAX, "%s/%u" WW_SOCKET_SUFFIX, folders->runtime, process);
    return size < WW_PATH_MAX ? WW_OK : ww_fail(diag, WW_E_USAGE, "%s: too long", folders->runtime);
}
