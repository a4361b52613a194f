#include "os/file.h"
#include "os/beneath.h"
#include "os/safe_path.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096, TEMPORARY_NAME_BYTES = 32 };

static ww_status status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return WW_E_NOT_FOUND;
    case EEXIST: return WW_E_EXISTS;
    case EISDIR: return WW_E_MISMATCH;
    case EACCES:
    case EPERM:
    case EROFS:
    case EXDEV: return WW_E_DENIED;
    case ENOMEM: return WW_E_MEMORY;
    default: return WW_E_IO;
    }
}

static ww_status fail_path(ww_diag *diag, const char *path, int error)
{
    const char *reason = error == EXDEV ? "leads out of its folder" : strerrordesc_np(error);
    return ww_fail(diag, status_of(error), "%s: %s", path, reason ? reason : "unknown error");
}

static void facts_of(const struct stat *st, ww_file_facts *out)
{
    *out = (ww_file_facts){
        .size = st->st_size < 0 ? 0 : (uint64_t)st->st_size,
        .modified_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .is_file = S_ISREG(st->st_mode),
        .is_private = st->st_uid == geteuid() && (st->st_mode & 077) == 0,
    };
}

/* --- folders --- */

ww_status ww_folder_open(const char *path, ww_folder *out, ww_diag *diag)
{
    out->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->fd >= 0) return WW_OK;
    if (errno == ENOTDIR && access(path, F_OK) == 0)
        return ww_fail(diag, WW_E_MISMATCH, "%s: not a directory", path);
    return fail_path(diag, path, errno);
}

/* Makes every missing folder on the way; fails only where the last one cannot be had. */
static int make_all(const char *path)
{
    char prefix[PATH_BYTES_MAX];
    size_t size = strlen(path);
    if (size >= sizeof prefix) return ENAMETOOLONG;
    memcpy(prefix, path, size + 1);
    for (char *slash = prefix + 1; size && (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        if (mkdir(prefix, 0700) && errno != EEXIST) return errno;
        *slash = '/';
    }
    return mkdir(prefix, 0700) && errno != EEXIST ? errno : 0;
}

ww_status ww_folder_make(const char *path, ww_folder *out, ww_diag *diag)
{
    out->fd = -1;
    int error = make_all(path);
    if (error) return fail_path(diag, path, error);
    ww_status status = ww_folder_open(path, out, diag);
    if (status) return status;
    struct stat st;
    if (fstat(out->fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0) return WW_OK;
    ww_folder_close(out);
    return ww_fail(diag, WW_E_DENIED, "%s: others own it or may write to it", path);
}

void ww_folder_close(ww_folder *folder)
{
    if (folder->fd >= 0) close(folder->fd);
    folder->fd = -1;
}

ww_status ww_folder_list(const ww_folder *folder, ww_folder_visitor *visitor, ww_diag *diag)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int error = errno;
        if (fd >= 0) close(fd);
        return fail_path(diag, "directory", error);
    }
    struct dirent *entry;
    bool more = true;
    while (more && (entry = readdir(dir)) != NULL) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW)) continue; /* gone meanwhile */
        ww_file_facts facts;
        facts_of(&st, &facts);
        more = visitor->visit(visitor, entry->d_name, &facts);
    }
    closedir(dir);
    return WW_OK;
}

/* --- reading --- */

/* As much as there was when the file was opened, or less if it is being cut meanwhile. */
static ww_status read_all(int fd, const char *path, size_t size, ww_buf *out, ww_diag *diag)
{
    uint8_t *space;
    ww_status status = ww_buf_reserve(out, size, &space);
    if (status) return ww_fail(diag, status, "%s: %s", path, ww_status_text(status));
    size_t done = 0;
    while (done < size) {
        ssize_t count = read(fd, space + done, size - done);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_path(diag, path, errno);
        if (count == 0) break;
        done += (size_t)count;
    }
    out->size += done;
    return WW_OK;
}

/* Takes `fd`. */
static ww_status read_open_file(int fd, const char *path, ww_buf *out, ww_file_facts *facts,
                                ww_diag *diag)
{
    if (fd < 0) return fail_path(diag, path, errno);
    struct stat st;
    ww_status status = WW_OK;
    if (fstat(fd, &st))
        status = fail_path(diag, path, errno);
    else if (S_ISDIR(st.st_mode))
        status = fail_path(diag, path, EISDIR);
    else if (!S_ISREG(st.st_mode))
        status = ww_fail(diag, WW_E_UNSUPPORTED, "%s: not a regular file", path);
    else if ((uint64_t)st.st_size > out->size_max - out->size)
        status =
            ww_fail(diag, WW_E_LIMIT, "%s: larger than %zu bytes", path, out->size_max - out->size);
    else
        status = read_all(fd, path, (size_t)st.st_size, out, diag);
    if (!status && facts) facts_of(&st, facts);
    close(fd);
    return status;
}

ww_status ww_file_read(const char *path, ww_buf *out, ww_diag *diag)
{
    return read_open_file(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), path, out, NULL,
                          diag);
}

ww_status ww_file_read_safe(const char *path, ww_buf *out, ww_diag *diag)
{
    int fd, error = ww_safe_open(path, &fd, diag);
    if (error == WW_PATH_UNSAFE) return WW_E_DENIED;
    if (error) return fail_path(diag, path, error);
    return read_open_file(fd, path, out, NULL, diag);
}

ww_status ww_file_read_in(const ww_folder *folder, const char *path, ww_buf *out,
                          ww_file_facts *facts, ww_diag *diag)
{
    int fd;
    const ww_base base = {folder->fd, WW_LOOKUP_KERNEL};
    int error = ww_beneath_open(base, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, true, &fd);
    if (error) return fail_path(diag, path, error == EPERM ? EXDEV : error);
    return read_open_file(fd, path, out, facts, diag);
}

/* --- writing --- */

static int write_parts(int fd, const ww_view *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t done = 0; done < parts[i].size;) {
            ssize_t written = write(fd, parts[i].data + done, parts[i].size - done);
            if (written < 0 && errno != EINTR) return errno;
            if (written > 0) done += (size_t)written;
        }
    }
    return 0;
}

static void temporary_name(char out[TEMPORARY_NAME_BYTES])
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number) number = (uint64_t)getpid();
    snprintf(out, TEMPORARY_NAME_BYTES, WW_FILE_UNFINISHED "%016llx", (unsigned long long)number);
}

static ww_status write_file(const ww_folder *folder, const char *name, const ww_view *parts,
                            size_t count, bool replace, ww_diag *diag)
{
    char temporary[TEMPORARY_NAME_BYTES];
    temporary_name(temporary);
    int fd = openat(folder->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fail_path(diag, name, errno);
    int error = write_parts(fd, parts, count);
    if (close(fd) && !error) error = errno;
    if (!error && replace && renameat(folder->fd, temporary, folder->fd, name) == 0) return WW_OK;
    if (!error && replace) error = errno;
    if (!error && linkat(folder->fd, temporary, folder->fd, name, 0)) error = errno;
    unlinkat(folder->fd, temporary, 0);
    return error ? fail_path(diag, name, error) : WW_OK;
}

ww_status ww_file_create(const ww_folder *folder, const char *name, const ww_view *parts,
                         size_t count, ww_diag *diag)
{
    return write_file(folder, name, parts, count, false, diag);
}

ww_status ww_file_replace(const ww_folder *folder, const char *name, const ww_view *parts,
                          size_t count, ww_diag *diag)
{
    return write_file(folder, name, parts, count, true, diag);
}

bool ww_file_touch(const ww_folder *folder, const char *name)
{
    return utimensat(folder->fd, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

bool ww_file_remove(const ww_folder *folder, const char *name)
{
    return unlinkat(folder->fd, name, 0) == 0;
}
