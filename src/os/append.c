#include "os/append.h"
#include "os/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static ww_status fail(ww_diag *diag, const char *name, int error)
{
    ww_status status = error == ENOENT        ? WW_E_NOT_FOUND
                       : error == EWOULDBLOCK ? WW_E_BUSY
                       : error == ENOMEM      ? WW_E_MEMORY
                                              : WW_E_IO;
    return ww_fail(diag, status, "%s: %s", name, ww_os_error_text(error));
}

static ww_status read_all(int fd, uint64_t size, ww_buf *out)
{
    uint8_t *room;
    if (size > out->size_max - out->size) return WW_E_LIMIT;
    ww_status status = ww_buf_reserve(out, (size_t)size, &room);
    if (status) return status;
    for (uint64_t at = 0; at < size;) {
        ssize_t got = pread(fd, room + at, (size_t)(size - at), (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return WW_E_IO;
        at += (uint64_t)got;
    }
    out->size += (size_t)size;
    return WW_OK;
}

/* Between the opening and the lock, its owner may have replaced it. */
static bool has_name(const ww_folder *folder, const char *name, const struct stat *facts)
{
    struct stat named;
    return !fstatat(folder->fd, name, &named, AT_SYMLINK_NOFOLLOW) &&
           named.st_ino == facts->st_ino && named.st_dev == facts->st_dev;
}

static ww_status take(ww_append_file *file, const ww_folder *folder, const char *name,
                      ww_buf *content, ww_diag *diag)
{
    struct stat facts;
    if (flock(file->fd, LOCK_EX | LOCK_NB) || fstat(file->fd, &facts))
        return fail(diag, name, errno);
    if (!S_ISREG(facts.st_mode)) return ww_fail(diag, WW_E_UNSUPPORTED, "%s is no file", name);
    if (!has_name(folder, name, &facts)) return fail(diag, name, EWOULDBLOCK);
    file->size = (uint64_t)facts.st_size;
    ww_status status = read_all(file->fd, file->size, content);
    return status ? ww_fail(diag, status, "%s: %s", name, ww_status_text(status)) : WW_OK;
}

/* The name of a new file is on the disk, too. */
static ww_status open_file(const ww_folder *folder, const char *name, bool create,
                           ww_append_file *out, ww_diag *diag)
{
    int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0);
    out->fd = openat(folder->fd, name, flags, S_IRUSR | S_IWUSR);
    if (out->fd < 0 || (create && fsync(folder->fd))) return fail(diag, name, errno);
    return WW_OK;
}

ww_status ww_append_open(const ww_folder *folder, const char *name, bool create, ww_buf *content,
                         ww_append_file *out, ww_diag *diag)
{
    *out = (ww_append_file){.fd = -1};
    ww_status status = open_file(folder, name, create, out, diag);
    if (!status) status = take(out, folder, name, content, diag);
    if (status) ww_append_close(out);
    return status;
}

void ww_append_close(ww_append_file *file)
{
    if (file->fd >= 0) close(file->fd);
    file->fd = -1;
}

/* A line of proc_locks(5). */
static uint32_t holder_in(const char *line, const struct stat *facts)
{
    int process;
    unsigned major_number, minor_number;
    unsigned long long inode;
    if (sscanf(line, "%*u: FLOCK %*s WRITE %d %x:%x:%llu", &process, &major_number, &minor_number,
               &inode) != 4)
        return 0;
    bool is_it = inode == facts->st_ino && major_number == major(facts->st_dev) &&
                 minor_number == minor(facts->st_dev);
    return is_it && process > 0 ? (uint32_t)process : 0;
}

uint32_t ww_append_holder(const ww_folder *folder, const char *name)
{
    struct stat facts;
    char line[256];
    uint32_t holder = 0;
    if (fstatat(folder->fd, name, &facts, AT_SYMLINK_NOFOLLOW)) return 0;
    FILE *locks = fopen("/proc/locks", "re");
    while (locks && !holder && fgets(line, sizeof line, locks))
        holder = holder_in(line, &facts);
    if (locks) fclose(locks);
    return holder;
}

ww_status ww_append_cut(ww_append_file *file, uint64_t size, ww_diag *diag)
{
    if (ftruncate(file->fd, (off_t)size) || fdatasync(file->fd)) {
        file->is_broken = true;
        return ww_fail(diag, WW_E_IO, "cutting: %s", ww_os_error_text(errno));
    }
    file->size = size;
    return WW_OK;
}

static bool write_all(int fd, ww_view bytes)
{
    for (size_t at = 0; at < bytes.size;) {
        ssize_t put = write(fd, bytes.data + at, bytes.size - at);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        at += (size_t)put;
    }
    return true;
}

ww_status ww_append(ww_append_file *file, const ww_view *parts, size_t count, ww_diag *diag)
{
    uint64_t size = file->size;
    bool is_written = true;
    if (file->is_broken) return ww_fail(diag, WW_E_IO, "writing: an earlier error was not undone");
    for (size_t i = 0; i < count && is_written; size += parts[i++].size)
        is_written = write_all(file->fd, parts[i]);
    if (is_written && !fdatasync(file->fd)) {
        file->size = size;
        return WW_OK;
    }
    ww_fail(diag, WW_E_IO, "writing: %s", ww_os_error_text(errno));
    file->is_broken = ftruncate(file->fd, (off_t)file->size) != 0;
    return WW_E_IO;
}

ww_status ww_append_replace(const ww_folder *folder, const char *name, ww_view content,
                            ww_append_file *file, ww_diag *diag)
{
    char fresh_name[NAME_MAX + 1];
    int size = snprintf(fresh_name, sizeof fresh_name, "%s.new", name);
    if (size >= (int)sizeof fresh_name) return fail(diag, name, ENAMETOOLONG);
    int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_CREAT | O_TRUNC;
    ww_append_file fresh = {.fd = openat(folder->fd, fresh_name, flags, S_IRUSR | S_IWUSR),
                            .size = content.size};
    if (fresh.fd < 0 || flock(fresh.fd, LOCK_EX | LOCK_NB) || !write_all(fresh.fd, content) ||
        fdatasync(fresh.fd) || renameat(folder->fd, fresh_name, folder->fd, name)) {
        ww_status status = fail(diag, fresh_name, errno);
        ww_append_close(&fresh);
        unlinkat(folder->fd, fresh_name, 0);
        return status;
    }
    ww_append_close(file);
    *file = fresh;
    file->is_broken = fsync(folder->fd) != 0; /* then the old one may come back */
    return file->is_broken ? fail(diag, name, errno) : WW_OK;
}
