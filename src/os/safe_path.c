/* Invariants
 *  1. `folder` is open and was found safe; `walked` is its name, without a slash at the end.
 *  2. `rest` is what is still to be looked up, from there on.
 */
#include "os/safe_path.h"
#include "os/beneath.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES_MAX = 255 };

typedef struct walk {
    int folder; /* -1: none */
    int links;
    char walked[WW_PATH_BYTES_MAX], rest[2 * WW_PATH_BYTES_MAX];
    ww_diag *diag;
} walk;

/* --- what is safe */

static int judge(const walk *w, const struct stat *st, const char *name)
{
    bool is_folder = S_ISDIR(st->st_mode), is_link = S_ISLNK(st->st_mode);
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        ww_fail(w->diag, WW_E_DENIED,
                "%s/%s: user %u, who is neither you nor root, owns it; chown it", w->walked, name,
                (unsigned)st->st_uid);
        return WW_PATH_UNSAFE;
    }
    if (is_link || !(st->st_mode & 022) || (is_folder && st->st_mode & S_ISVTX)) return 0;
    ww_fail(w->diag, WW_E_DENIED, "%s/%s: others may write to it; run chmod go-w on it", w->walked,
            name);
    return WW_PATH_UNSAFE;
}

static int judge_open(const walk *w, int fd, const char *name, struct stat *st)
{
    return fstat(fd, st) ? errno : judge(w, st, name);
}

/* --- the walk */

/* Takes `fd`, of what is `name` in the folder. */
static int enter(walk *w, int fd, const char *name)
{
    size_t size = strlen(w->walked);
    if (w->folder >= 0) close(w->folder);
    w->folder = fd;
    if (strcmp(name, "..") == 0) {
        char *slash = strrchr(w->walked, '/');
        if (slash) *slash = '\0';
        return 0;
    }
    int written = snprintf(w->walked + size, sizeof w->walked - size, "/%s", name);
    return (size_t)written < sizeof w->walked - size ? 0 : ENAMETOOLONG;
}

static int go_to_root(walk *w)
{
    struct stat st;
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return errno;
    if (w->folder >= 0) close(w->folder);
    w->folder = root;
    w->walked[0] = '\0';
    return judge_open(w, root, "", &st);
}

static int put_before_rest(walk *w, const char *target, size_t size)
{
    size_t rest = strlen(w->rest), slash = rest > 0;
    if (size + slash + rest >= sizeof w->rest) return ENAMETOOLONG;
    memmove(w->rest + size + slash, w->rest, rest + 1);
    memcpy(w->rest, target, size);
    if (slash) w->rest[size] = '/';
    return 0;
}

static int follow(walk *w, int link)
{
    char target[WW_PATH_BYTES_MAX];
    ssize_t size = readlinkat(link, "", target, sizeof target);
    if (size < 0) return errno;
    if (size == sizeof target) return ENAMETOOLONG;
    if (++w->links > WW_PATH_LINKS_MAX) return ELOOP;
    int error = size && target[0] == '/' ? go_to_root(w) : 0;
    return error ? error : put_before_rest(w, target, (size_t)size);
}

/* False at the end of the path. */
static bool next_name(walk *w, char name[NAME_BYTES_MAX + 1], int *error)
{
    do {
        size_t slashes = strspn(w->rest, "/"), size = strcspn(w->rest + slashes, "/");
        if (!size) return false;
        if (size > NAME_BYTES_MAX) {
            *error = ENAMETOOLONG;
            return false;
        }
        memcpy(name, w->rest + slashes, size);
        name[size] = '\0';
        memmove(w->rest, w->rest + slashes + size, strlen(w->rest + slashes + size) + 1);
    } while (strcmp(name, ".") == 0);
    return true;
}

/* The way goes on through `found`, which is taken, or it is what was looked for. */
static int step(walk *w, int found, const char *name, int *fd)
{
    struct stat st;
    int error = judge_open(w, found, name, &st);
    if (!error && S_ISDIR(st.st_mode)) return enter(w, found, name);
    if (!error && S_ISLNK(st.st_mode)) {
        error = follow(w, found);
    } else if (!error && w->rest[0]) {
        error = ENOTDIR;
    } else if (!error) {
        *fd = openat(w->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        error = *fd < 0 ? errno : judge_open(w, *fd, name, &st);
    }
    close(found);
    return error;
}

static int go(walk *w, int *fd)
{
    char name[NAME_BYTES_MAX + 1];
    int error = go_to_root(w);
    while (!error && *fd < 0 && next_name(w, name, &error)) {
        int found = openat(w->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        error = found < 0 ? errno : step(w, found, name, fd);
    }
    return error || *fd >= 0 ? error : EISDIR;
}

int ww_safe_open(const char *path, int *fd, ww_diag *diag)
{
    walk w = {.folder = -1, .diag = diag};
    *fd = -1;
    size_t size = strlen(path);
    if (size >= WW_PATH_BYTES_MAX) return ENAMETOOLONG;
    memcpy(w.rest, path, size + 1);
    char here[WW_PATH_BYTES_MAX];
    int error = 0;
    if (path[0] != '/')
        error = getcwd(here, sizeof here) ? put_before_rest(&w, here, strlen(here)) : errno;
    if (!error) error = go(&w, fd);
    if (w.folder >= 0) close(w.folder);
    if (!error || *fd < 0) return error;
    close(*fd);
    *fd = -1;
    return error;
}
