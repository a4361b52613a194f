/* files OPERATION ARGUMENT...: one operation on the file system. Prints its answer, or
 * "OPERATION: reason" on standard error with exit code 1. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All return 0, or -1 with errno. */

static int put(const char *path, const char *text, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0666);
    if (fd < 0) return -1;
    size_t size = strlen(text);
    if (write(fd, text, size) != (ssize_t)size) return -1;
    return close(fd);
}

static int do_write(char **args)
{
    return put(args[0], args[1], O_TRUNC);
}

static int do_append(char **args)
{
    return put(args[0], args[1], O_APPEND);
}

static int do_create(char **args)
{
    return put(args[0], "", O_EXCL);
}

static int do_read(char **args)
{
    char buffer[4096];
    int fd = open(args[0], O_RDONLY);
    if (fd < 0) return -1;
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0)
        fwrite(buffer, 1, (size_t)count, stdout);
    return count < 0 ? -1 : close(fd);
}

static int print_stat(const struct stat *st)
{
    const char *kind = S_ISDIR(st->st_mode)   ? "directory"
                       : S_ISREG(st->st_mode) ? "file"
                       : S_ISLNK(st->st_mode) ? "link"
                                              : "other";
    printf("%s %lld bytes, %lu links, modified at %lld\n", kind, (long long)st->st_size,
           (unsigned long)st->st_nlink, (long long)st->st_mtim.tv_sec);
    return 0;
}

static int do_stat(char **args)
{
    struct stat st;
    return stat(args[0], &st) ? -1 : print_stat(&st);
}

static int do_lstat(char **args)
{
    struct stat st;
    return lstat(args[0], &st) ? -1 : print_stat(&st);
}

static int do_list(char **args)
{
    struct dirent **entries;
    int count = scandir(args[0], &entries, NULL, alphasort);
    if (count < 0) return -1;
    for (int i = 0; i < count; i++)
        printf("%s\n", entries[i]->d_name);
    return 0;
}

static int do_mkdir(char **args)
{
    return mkdir(args[0], 0777);
}

static int do_rmdir(char **args)
{
    return rmdir(args[0]);
}

static int do_remove(char **args)
{
    return unlink(args[0]);
}

static int do_rename(char **args)
{
    return rename(args[0], args[1]);
}

static int do_link(char **args)
{
    return link(args[0], args[1]);
}

static int do_symlink(char **args)
{
    return symlink(args[0], args[1]);
}

static int do_readlink(char **args)
{
    char target[4096];
    ssize_t size = readlink(args[0], target, sizeof target);
    if (size < 0) return -1;
    printf("%.*s\n", (int)size, target);
    return 0;
}

static int do_truncate(char **args)
{
    return truncate(args[0], atoll(args[1]));
}

static int do_set_time(char **args)
{
    struct timespec times[2] = {{.tv_sec = atoll(args[1])}, {.tv_sec = atoll(args[1])}};
    return utimensat(AT_FDCWD, args[0], times, 0);
}

static int do_sync(char **args)
{
    int fd = open(args[0], O_RDWR);
    if (fd < 0) return -1;
    return fsync(fd) || fdatasync(fd) ? -1 : close(fd);
}

static const struct {
    const char *name;
    int argument_count;
    int (*run)(char **args);
} operations[] = {
    {"write", 2, do_write},       {"append", 2, do_append},     {"create", 1, do_create},
    {"read", 1, do_read},         {"stat", 1, do_stat},         {"lstat", 1, do_lstat},
    {"list", 1, do_list},         {"mkdir", 1, do_mkdir},       {"rmdir", 1, do_rmdir},
    {"remove", 1, do_remove},     {"rename", 2, do_rename},     {"link", 2, do_link},
    {"symlink", 2, do_symlink},   {"readlink", 1, do_readlink}, {"truncate", 2, do_truncate},
    {"set-time", 2, do_set_time}, {"sync", 1, do_sync},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(argv[1], operations[i].name)) continue;
        if (argc - 2 != operations[i].argument_count) break;
        if (operations[i].run(argv + 2) == 0) return fflush(stdout) == 0 ? 0 : 1;
        fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    fputs("usage: files OPERATION ARGUMENT...\n", stderr);
    return 2;
}
