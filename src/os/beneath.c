/* Invariants of the walk
 *  1. dirs[0] is the base; dirs[i + 1] was opened by name in dirs[i], without following a link, and
 *     was a directory. So whoever moves directories about meanwhile, ".." leads where the walk
 *     came from, and dirs[0] is never left upwards.
 *  2. `rest` is what is still to be looked up, from dirs[depth] on.
 */
#include "os/beneath.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RENAME_TRIES = 16, NAME_BYTES_MAX = 255 };

/* EPERM for what leads out, as for everything that is not allowed. */
static int refused(int error)
{
    return error == EXDEV ? EPERM : error;
}

static int fd_or_errno(long fd, int *out)
{
    *out = (int)fd;
    return fd < 0 ? errno : 0;
}

/* --- the kernel's way */

/* EAGAIN: somebody renames on the way. */
static int open_in_kernel(int base, const char *path, int flags, unsigned mode, int *out)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    int error = EAGAIN;
    for (int i = 0; i < RENAME_TRIES && error == EAGAIN; i++)
        error = fd_or_errno(syscall(SYS_openat2, base, path, &how, sizeof how), out);
    return error;
}

/* --- the walk */

typedef struct walk {
    int dirs[WW_PATH_DEPTH_MAX];
    int depth, links;
    char rest[2 * WW_PATH_BYTES_MAX];
} walk;

typedef struct component {
    char name[NAME_BYTES_MAX + 1];
    bool is_last;
    bool must_be_directory; /* a slash stands behind it */
} component;

static int top(const walk *w)
{
    return w->dirs[w->depth];
}

static int push(walk *w, int fd)
{
    if (w->depth + 1 == WW_PATH_DEPTH_MAX) {
        close(fd);
        return ENAMETOOLONG;
    }
    w->dirs[++w->depth] = fd;
    return 0;
}

static int pop(walk *w)
{
    if (w->depth == 0) return EPERM;
    close(w->dirs[w->depth--]);
    return 0;
}

/* Takes the first component off `rest`; none is left: ".". */
static int next_component(walk *w, component *out)
{
    const char *begin = w->rest + strspn(w->rest, "/");
    size_t size = strcspn(begin, "/");
    if (size > NAME_BYTES_MAX) return ENAMETOOLONG;
    memcpy(out->name, size ? begin : ".", size ? size : 1);
    out->name[size ? size : 1] = 0;
    const char *behind = begin + size;
    out->must_be_directory = *behind == '/';
    behind += strspn(behind, "/");
    out->is_last = *behind == 0;
    memmove(w->rest, behind, strlen(behind) + 1);
    return 0;
}

/* Puts the link's text in front of what is left. */
static int expand_link(walk *w, int link, bool must_be_directory)
{
    char text[WW_PATH_BYTES_MAX];
    ssize_t size = readlinkat(link, "", text, sizeof text - 2);
    if (size < 0) return errno;
    if (size == 0) return ENOENT;
    if (text[0] == '/') return EPERM;
    if (++w->links > WW_PATH_LINKS_MAX) return ELOOP;
    size_t left = strlen(w->rest), front = (size_t)size;
    if (left || must_be_directory) text[front++] = '/';
    if (front + left >= sizeof w->rest) return ENAMETOOLONG;
    memmove(w->rest + front, w->rest, left + 1);
    memcpy(w->rest, text, front);
    return 0;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A directory is entered, a link expanded, anything else is ENOTDIR. */
static int enter(walk *w, const component *c)
{
    if (strcmp(c->name, ".") == 0) return 0;
    if (strcmp(c->name, "..") == 0) return pop(w);
    int fd, error = fd_or_errno(openat(top(w), c->name, O_PATH | O_NOFOLLOW | O_CLOEXEC), &fd);
    if (error) return error;
    struct stat facts;
    error = fstat(fd, &facts) ? errno : 0;
    if (!error && S_ISDIR(facts.st_mode)) return push(w, fd);
    if (!error) error = S_ISLNK(facts.st_mode) ? expand_link(w, fd, c->must_be_directory) : ENOTDIR;
    close(fd);
    return error;
}

/* 0 with *expanded false: not a link, or not there. */
static int expand_if_link(walk *w, const component *c, bool *expanded)
{
    struct stat facts;
    int fd = openat(top(w), c->name, O_PATH | O_NOFOLLOW | O_CLOEXEC), error = 0;
    *expanded = fd >= 0 && fstat(fd, &facts) == 0 && S_ISLNK(facts.st_mode);
    if (*expanded) error = expand_link(w, fd, c->must_be_directory);
    if (fd >= 0) close(fd);
    return error;
}

/* The last component. A name that turned into a link since it was looked at is not followed. */
static int open_last(walk *w, const component *c, int flags, unsigned mode, int *out)
{
    if (strcmp(c->name, "..") == 0) {
        int error = pop(w);
        if (error) return error;
    }
    if (c->must_be_directory && (flags & O_CREAT)) return EISDIR;
    if (c->must_be_directory) flags |= O_DIRECTORY;
    const char *name = is_dots(c->name) ? "." : c->name;
    return fd_or_errno(openat(top(w), name, flags | O_NOFOLLOW, mode), out);
}

static int walk_open(walk *w, int flags, unsigned mode, bool follow, int *out)
{
    bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
    for (;;) {
        component c;
        int error = next_component(w, &c);
        if (!error && c.is_last) {
            bool expanded = false;
            if (!is_dots(c.name) && !exclusive && (follow || c.must_be_directory))
                error = expand_if_link(w, &c, &expanded);
            if (!error && !expanded) return open_last(w, &c, flags, mode, out);
        } else if (!error) {
            error = enter(w, &c);
        }
        if (error) return error;
    }
}

static int open_by_walk(int base, const char *path, int flags, unsigned mode, bool follow, int *out)
{
    if (path[0] == '/') return EPERM;
    walk w = {.dirs = {base}};
    memcpy(w.rest, path, strlen(path) + 1);
    int error = walk_open(&w, flags, mode, follow, out);
    while (w.depth)
        close(w.dirs[w.depth--]);
    return error;
}

/* --- */

int ww_beneath_open(ww_base base, const char *path, int flags, unsigned mode, bool follow, int *out)
{
    *out = -1;
    size_t size = strlen(path);
    if (size == 0) return ENOENT;
    if (size >= WW_PATH_BYTES_MAX) return ENAMETOOLONG;
    flags |= O_CLOEXEC;
    int error = ENOSYS, kernel_flags = follow ? flags : flags | O_NOFOLLOW;
    if (base.lookup == WW_LOOKUP_KERNEL)
        error = open_in_kernel(base.fd, path, kernel_flags, mode, out);
    if (error == ENOSYS || error == EAGAIN)
        error = open_by_walk(base.fd, path, flags, mode, follow, out);
    return refused(error);
}

int ww_beneath_parent(ww_base base, const char *path, int *parent, const char **name)
{
    *parent = -1;
    size_t size = strlen(path);
    if (size == 0) return ENOENT;
    if (size >= WW_PATH_BYTES_MAX) return ENAMETOOLONG;
    if (path[0] == '/') return EPERM;
    size_t end = size;
    while (path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/')
        begin--;
    char folder[WW_PATH_BYTES_MAX];
    memcpy(folder, begin ? path : ".", begin ? begin : 1);
    folder[begin ? begin : 1] = 0;
    *name = path + begin;
    return ww_beneath_open(base, folder, O_PATH | O_DIRECTORY, 0, true, parent);
}
