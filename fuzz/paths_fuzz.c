/* Paths made of names and links of a small tree: the kernel's look-up and the walk must agree, in
 * what they find and in their errors, and neither may leave the tree. */
#include "os/beneath.h"
#include "support/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const tokens[] = {
    "/",   "..",   ".",        "/../", "/./",   "//",    "file", "sub", "deep",    "in",     "up",
    "out", "loop", "dangling", "back", "chain", "inner", "new",  "x",   "deepest", "around",
};

static char folder[TEST_PATH_MAX];

static void remove_tree(void)
{
    test_folder_remove(folder);
}

static ww_base make_tree(void)
{
    test_folder_make(folder);
    atexit(remove_tree);
    int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = mkdirat(root, "base", 0700);
    int base = openat(root, "base", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    failed |= mkdirat(base, "sub", 0700) | mkdirat(base, "sub/deep", 0700);
    failed |= mkdirat(base, "sub/deep/deepest", 0700);
    failed |= symlinkat("sub", base, "in") | symlinkat("../..", base, "up");
    failed |= symlinkat("/etc", base, "out") | symlinkat("loop", base, "loop");
    failed |= symlinkat("new", base, "dangling") | symlinkat("../file", base, "sub/back");
    failed |= symlinkat("in/../in/deep/", base, "chain");
    failed |= symlinkat("../../../base", base, "sub/around");
    close(openat(base, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    close(openat(base, "sub/inner", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    close(root);
    if (failed) abort();
    return (ww_base){base, WW_LOOKUP_KERNEL};
}

static void make_path(const uint8_t *data, size_t size, char out[512])
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        const char *token = tokens[data[i] % WW_COUNT_OF(tokens)];
        size_t more = strlen(token);
        if (length + more >= 512) break;
        memcpy(out + length, token, more);
        length += more;
    }
    out[length] = 0;
}

static int look_up(ww_base base, const char *path, int flags, bool follow, struct stat *facts)
{
    int fd, error = ww_beneath_open(base, path, flags, 0, follow, &fd);
    memset(facts, 0, sizeof *facts);
    if (error) return error;
    if (fstat(fd, facts)) abort();
    close(fd);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ww_base base = {-1, WW_LOOKUP_KERNEL};
    static const int flags[] = {O_PATH, O_RDONLY, O_PATH | O_DIRECTORY, O_RDONLY | O_DIRECTORY};
    if (base.fd < 0) base = make_tree();
    if (size < 1) return 0;
    char path[512];
    make_path(data + 1, size - 1, path);
    struct stat kernel, walk;
    ww_base by_walk = {base.fd, WW_LOOKUP_WALK};
    bool follow = data[0] & 1;
    int how = flags[data[0] >> 1 & 3];
    int first = look_up(base, path, how, follow, &kernel);
    int second = look_up(by_walk, path, how, follow, &walk);
    /* When the kernel starts over, it goes on counting links. */
    if (first == ELOOP) return 0;
    if (first == second && kernel.st_ino == walk.st_ino && kernel.st_dev == walk.st_dev) return 0;
    fprintf(stderr, "%s (flags %#x, follow %d): kernel %s, walk %s\n", path, (unsigned)how, follow,
            strerror(first), strerror(second));
    abort();
}
