#include "os/paths.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int errno_of(int result)
{
    return result ? errno : 0;
}

/* --- facts */

static ww_file_type type_of_mode(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFBLK: return WW_FILE_BLOCK_DEVICE;
    case S_IFCHR: return WW_FILE_CHARACTER_DEVICE;
    case S_IFDIR: return WW_FILE_DIRECTORY;
    case S_IFIFO: return WW_FILE_FIFO;
    case S_IFLNK: return WW_FILE_LINK;
    case S_IFREG: return WW_FILE_REGULAR;
    case S_IFSOCK: return WW_FILE_SOCKET;
    default: return WW_FILE_UNKNOWN;
    }
}

/* Before 1970 there is no time for guests. */
static ww_wall_time time_of(struct timespec t)
{
    if (t.tv_sec < 0) return (ww_wall_time){0, 0};
    return (ww_wall_time){(uint64_t)t.tv_sec, (uint32_t)t.tv_nsec};
}

int ww_stat_fd(int fd, ww_stat *out)
{
    struct stat facts;
    if (fstat(fd, &facts)) return errno;
    *out = (ww_stat){
        .type = type_of_mode(facts.st_mode),
        .links = facts.st_nlink,
        .size = (uint64_t)facts.st_size,
        .device = facts.st_dev,
        .inode = facts.st_ino,
        .accessed = time_of(facts.st_atim),
        .modified = time_of(facts.st_mtim),
        .changed = time_of(facts.st_ctim),
    };
    return 0;
}

int ww_stat_path(ww_base base, const char *path, bool follow, ww_stat *out)
{
    int fd, error = ww_beneath_open(base, path, O_PATH, 0, follow, &fd);
    if (error) return error;
    error = ww_stat_fd(fd, out);
    close(fd);
    return error;
}

/* --- times */

static bool timespec_of(const ww_new_time *time, struct timespec *out)
{
    *out = (struct timespec){.tv_nsec = time->change == WW_TIME_KEEP ? UTIME_OMIT : UTIME_NOW};
    if (time->change != WW_TIME_SET) return true;
    if (time->time.seconds > INT64_MAX || time->time.nanoseconds >= WW_NS_PER_S) return false;
    *out = (struct timespec){(time_t)time->time.seconds, (long)time->time.nanoseconds};
    return true;
}

static int set_times(int fd, const ww_new_times *times, int flags)
{
    struct timespec list[2];
    if (!timespec_of(&times->accessed, &list[0]) || !timespec_of(&times->modified, &list[1]))
        return EINVAL;
    return errno_of(utimensat(fd, "", list, flags));
}

int ww_times_fd(int fd, const ww_new_times *times)
{
    return set_times(fd, times, AT_EMPTY_PATH);
}

int ww_times_path(ww_base base, const char *path, bool follow, const ww_new_times *times)
{
    int fd, error = ww_beneath_open(base, path, O_PATH, 0, follow, &fd);
    if (error) return error;
    error = set_times(fd, times, AT_EMPTY_PATH);
    close(fd);
    return error;
}

/* --- names */

int ww_path_make_directory(ww_base base, const char *path)
{
    const char *name;
    int parent, error = ww_beneath_parent(base, path, &parent, &name);
    if (error) return error;
    error = errno_of(mkdirat(parent, name, 0777));
    close(parent);
    return error;
}

static int remove_name(ww_base base, const char *path, int flags)
{
    const char *name;
    int parent, error = ww_beneath_parent(base, path, &parent, &name);
    if (error) return error;
    error = errno_of(unlinkat(parent, name, flags));
    close(parent);
    return error;
}

int ww_path_remove_directory(ww_base base, const char *path)
{
    return remove_name(base, path, AT_REMOVEDIR);
}

int ww_path_unlink(ww_base base, const char *path)
{
    return remove_name(base, path, 0);
}

typedef int two_names(int from, const char *old_name, int to, const char *new_name);

static int with_two_names(ww_base from, const char *old_path, ww_base to, const char *new_path,
                          two_names *act)
{
    const char *old_name, *new_name;
    int old_parent, new_parent, error = ww_beneath_parent(from, old_path, &old_parent, &old_name);
    if (error) return error;
    error = ww_beneath_parent(to, new_path, &new_parent, &new_name);
    if (!error) {
        error = errno_of(act(old_parent, old_name, new_parent, new_name));
        close(new_parent);
    }
    close(old_parent);
    return error;
}

int ww_path_rename(ww_base from, const char *old_path, ww_base to, const char *new_path)
{
    return with_two_names(from, old_path, to, new_path, renameat);
}

static int link_itself(int from, const char *old_name, int to, const char *new_name)
{
    return linkat(from, old_name, to, new_name, 0);
}

/* A slash behind the name would make linkat(2) follow a link; what stands there must be a directory
 * then, and directories cannot be linked. */
static int link_directory(ww_base from, const char *old_path)
{
    ww_stat facts;
    int error = ww_stat_path(from, old_path, true, &facts);
    return error ? error : EPERM;
}

int ww_path_link(ww_base from, const char *old_path, ww_base to, const char *new_path)
{
    size_t size = strlen(old_path);
    if (size && old_path[size - 1] == '/') return link_directory(from, old_path);
    return with_two_names(from, old_path, to, new_path, link_itself);
}

int ww_path_symlink(const char *text, ww_base base, const char *path)
{
    if (text[0] == '/') return EPERM;
    const char *name;
    int parent, error = ww_beneath_parent(base, path, &parent, &name);
    if (error) return error;
    error = errno_of(symlinkat(text, parent, name));
    close(parent);
    return error;
}

int ww_path_readlink(ww_base base, const char *path, char *out, size_t capacity, size_t *size)
{
    int fd, error = ww_beneath_open(base, path, O_PATH, 0, false, &fd);
    if (error) return error;
    ww_stat facts;
    error = ww_stat_fd(fd, &facts);
    if (!error && facts.type != WW_FILE_LINK) error = EINVAL;
    ssize_t count = error ? 0 : readlinkat(fd, "", out, capacity);
    if (count < 0) error = errno;
    close(fd);
    if (error) return error;
    if ((size_t)count == capacity) return ENAMETOOLONG;
    if (count && out[0] == '/') return EPERM;
    *size = (size_t)count;
    return 0;
}

/* --- directories */

int ww_directory_open(int fd, int *out)
{
    *out = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out < 0 ? errno : 0;
}

int ww_directory_read(int fd, void *portion, size_t capacity, size_t *size)
{
    ssize_t count = getdents64(fd, portion, capacity);
    *size = count < 0 ? 0 : (size_t)count;
    return count < 0 ? errno : 0;
}

static ww_file_type type_of_entry(unsigned char type)
{
    return type_of_mode(DTTOIF((unsigned)type));
}

bool ww_directory_next(const void *portion, size_t size, size_t *at, ww_directory_entry *out)
{
    while (*at < size) {
        const struct dirent64 *entry =
            (const struct dirent64 *)(const void *)((const uint8_t *)portion + *at);
        *at += entry->d_reclen;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        *out = (ww_directory_entry){type_of_entry(entry->d_type), entry->d_name};
        return true;
    }
    return false;
}

/* --- open files */

int ww_sync_fd(int fd, bool data_only)
{
    return errno_of(data_only ? fdatasync(fd) : fsync(fd));
}

int ww_resize_fd(int fd, uint64_t size)
{
    if (size > INT64_MAX) return EFBIG;
    int error;
    do
        error = errno_of(ftruncate(fd, (off_t)size));
    while (error == EINTR);
    return error;
}

int ww_advise_fd(int fd, uint64_t offset, uint64_t size, ww_advice advice)
{
    static const int advices[] = {
        [WW_ADVICE_NORMAL] = POSIX_FADV_NORMAL,      [WW_ADVICE_SEQUENTIAL] = POSIX_FADV_SEQUENTIAL,
        [WW_ADVICE_RANDOM] = POSIX_FADV_RANDOM,      [WW_ADVICE_WILL_NEED] = POSIX_FADV_WILLNEED,
        [WW_ADVICE_DONT_NEED] = POSIX_FADV_DONTNEED, [WW_ADVICE_NO_REUSE] = POSIX_FADV_NOREUSE,
    };
    if (offset > INT64_MAX || size > INT64_MAX) return EINVAL;
    return posix_fadvise(fd, (off_t)offset, (off_t)size, advices[advice]);
}
