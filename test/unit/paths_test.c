/* Looking up names below a directory, by the kernel's way and by the walk: each case runs with both.
 *
 * The tree: base/{file, sub/{inner, deep/}, in -> sub, up -> ../.., out -> <outside>, out_rel ->
 * ../outside, loop -> loop, dangling -> nowhere}, outside/{secret, folder/}. */
#include "os/paths.h"
#include "support/check.h"
#include "support/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[TEST_PATH_MAX];
static int root_fd = -1, base_fd = -1;
static ww_base base;

static void write_file(int at, const char *path, const char *text)
{
    int fd = openat(at, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void make_tree(ww_lookup lookup)
{
    char outside[TEST_PATH_MAX + 16];
    test_folder_make(root);
    root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(root_fd, "base", 0700), 0);
    assert_int_equal(mkdirat(root_fd, "outside", 0700), 0);
    assert_int_equal(mkdirat(root_fd, "outside/folder", 0700), 0);
    write_file(root_fd, "outside/secret", "secret");
    base_fd = openat(root_fd, "base", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    base = (ww_base){base_fd, lookup};
    write_file(base_fd, "file", "file");
    assert_int_equal(mkdirat(base_fd, "sub", 0700), 0);
    assert_int_equal(mkdirat(base_fd, "sub/deep", 0700), 0);
    write_file(base_fd, "sub/inner", "inner");
    snprintf(outside, sizeof outside, "%s/outside", root);
    assert_int_equal(symlinkat("sub", base_fd, "in"), 0);
    assert_int_equal(symlinkat("../..", base_fd, "up"), 0);
    assert_int_equal(symlinkat(outside, base_fd, "out"), 0);
    assert_int_equal(symlinkat("../outside", base_fd, "out_rel"), 0);
    assert_int_equal(symlinkat("loop", base_fd, "loop"), 0);
    assert_int_equal(symlinkat("nowhere", base_fd, "dangling"), 0);
    assert_int_equal(symlinkat("../sub/./inner", base_fd, "sub/back"), 0);
}

static int with_kernel(void **state)
{
    (void)state;
    make_tree(WW_LOOKUP_KERNEL);
    return 0;
}

static int with_walk(void **state)
{
    (void)state;
    make_tree(WW_LOOKUP_WALK);
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    close(base_fd);
    close(root_fd);
    test_folder_remove(root);
    return 0;
}

static int open_path(const char *path, int flags, bool follow)
{
    int fd, error = ww_beneath_open(base, path, flags, 0600, follow, &fd);
    if (error == 0) close(fd);
    return error;
}

static void assert_content(const char *path, const char *text)
{
    char bytes[16] = {0};
    int fd;
    assert_int_equal(ww_beneath_open(base, path, O_RDONLY, 0, true, &fd), 0);
    assert_true(read(fd, bytes, sizeof bytes - 1) >= 0);
    assert_string_equal(bytes, text);
    close(fd);
}

static void path__inside__is_opened_however_it_is_spelled(void **state)
{
    (void)state;
    assert_content("file", "file");
    assert_content("./sub//../file", "file");
    assert_content("sub/inner", "inner");
    assert_content("in/inner", "inner");
    assert_content("in/deep/../inner", "inner");
    assert_content("sub/back", "inner");
    assert_int_equal(open_path(".", O_RDONLY | O_DIRECTORY, true), 0);
    assert_int_equal(open_path("sub/", O_RDONLY | O_DIRECTORY, true), 0);
    assert_int_equal(open_path("sub/deep/..", O_RDONLY | O_DIRECTORY, true), 0);
    assert_int_equal(open_path("in/", O_RDONLY | O_DIRECTORY, false), 0);
}

static void path__leading_out__is_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "..",
        "../outside/secret",
        "sub/../../outside/secret",
        "/etc/passwd",
        "/",
        "out/secret",
        "out_rel/secret",
        "up",
        "up/etc/passwd",
        "in/../../..",
        "out",
        "out_rel",
        "sub/../..",
    };
    for (size_t i = 0; i < WW_COUNT_OF(paths); i++) {
        assert_int_equal(open_path(paths[i], O_RDONLY, true), EPERM);
        assert_int_equal(open_path(paths[i], O_PATH, true), EPERM);
        assert_int_equal(open_path(paths[i], O_WRONLY | O_CREAT, true), EPERM);
    }
    assert_int_equal(open_path("out/", O_PATH, false), EPERM);
    assert_int_equal(open_path("out/secret", O_PATH, false), EPERM);
}

static void link_in_the_last_place__not_followed__is_the_link(void **state)
{
    (void)state;
    ww_stat facts;
    assert_int_equal(open_path("out", O_RDONLY, false), ELOOP);
    assert_int_equal(ww_stat_path(base, "out", false, &facts), 0);
    assert_int_equal(facts.type, WW_FILE_LINK);
    assert_int_equal(ww_stat_path(base, "in", true, &facts), 0);
    assert_int_equal(facts.type, WW_FILE_DIRECTORY);
    assert_int_equal(ww_stat_path(base, "out", true, &facts), EPERM);
    assert_int_equal(ww_stat_path(base, "out/", false, &facts), EPERM);
}

static void path__broken__gives_the_usual_error(void **state)
{
    (void)state;
    char name[300], deep[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    memset(deep, '/', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_int_equal(open_path("", O_RDONLY, true), ENOENT);
    assert_int_equal(open_path("nothing", O_RDONLY, true), ENOENT);
    assert_int_equal(open_path("dangling", O_RDONLY, true), ENOENT);
    assert_int_equal(open_path("file/x", O_RDONLY, true), ENOTDIR);
    assert_int_equal(open_path("file/", O_RDONLY, true), ENOTDIR);
    assert_int_equal(open_path("loop", O_RDONLY, true), ELOOP);
    assert_int_equal(open_path("loop/x", O_RDONLY, true), ELOOP);
    assert_int_equal(open_path(name, O_RDONLY, true), ENAMETOOLONG);
    assert_int_equal(open_path(deep, O_RDONLY, true), ENAMETOOLONG);
    assert_int_equal(open_path("file", O_WRONLY | O_CREAT | O_EXCL, true), EEXIST);
    assert_int_equal(open_path("dangling", O_WRONLY | O_CREAT | O_EXCL, true), EEXIST);
    assert_int_equal(open_path("new/", O_WRONLY | O_CREAT, true), EISDIR);
}

static void create__through_a_dangling_link__makes_its_target_inside(void **state)
{
    (void)state;
    assert_int_equal(open_path("dangling", O_WRONLY | O_CREAT, true), 0);
    assert_content("nowhere", "");
}

static void proc_magic_links__are_not_followed(void **state)
{
    (void)state;
    int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
    ww_base magic = {proc, base.lookup};
    char path[32];
    assert_int_not_equal(ww_beneath_open(magic, "root/etc/passwd", O_RDONLY, 0, true, &fd), 0);
    assert_int_not_equal(ww_beneath_open(magic, "cwd", O_PATH, 0, true, &fd), 0);
    snprintf(path, sizeof path, "fd/%d", root_fd);
    assert_int_not_equal(ww_beneath_open(magic, path, O_PATH, 0, true, &fd), 0);
    close(proc);
}

static void names__made_and_removed_inside__work(void **state)
{
    (void)state;
    ww_stat facts;
    char text[64];
    size_t size;
    assert_int_equal(ww_path_make_directory(base, "new/"), 0);
    assert_int_equal(ww_path_rename(base, "file", base, "new/moved"), 0);
    assert_int_equal(ww_path_link(base, "new/moved", base, "again"), 0);
    assert_int_equal(ww_stat_path(base, "again", false, &facts), 0);
    assert_int_equal(facts.links, 2);
    assert_int_equal(facts.size, 4);
    assert_int_equal(ww_path_symlink("../again", base, "new/link"), 0);
    assert_content("new/link", "file");
    assert_int_equal(ww_path_readlink(base, "new/link", text, sizeof text, &size), 0);
    assert_memory_equal(text, "../again", size);
    assert_int_equal(ww_path_remove_directory(base, "new"), ENOTEMPTY);
    assert_int_equal(ww_path_unlink(base, "new/link"), 0);
    assert_int_equal(ww_path_unlink(base, "new/moved"), 0);
    assert_int_equal(ww_path_unlink(base, "new"), EISDIR);
    assert_int_equal(ww_path_remove_directory(base, "new"), 0);
    assert_int_equal(ww_path_remove_directory(base, "again"), ENOTDIR);
}

static void names__outside__cannot_be_touched(void **state)
{
    (void)state;
    struct stat facts;
    char text[TEST_PATH_MAX + 16];
    size_t size;
    static const char *const folders[] = {"../outside", "out", "out_rel", "sub/../../outside"};
    for (size_t i = 0; i < WW_COUNT_OF(folders); i++) {
        char secret[64], made[64];
        snprintf(secret, sizeof secret, "%s/secret", folders[i]);
        snprintf(made, sizeof made, "%s/made", folders[i]);
        assert_int_equal(ww_path_unlink(base, secret), EPERM);
        assert_int_equal(ww_path_make_directory(base, made), EPERM);
        assert_int_equal(ww_path_symlink("x", base, made), EPERM);
        assert_int_equal(ww_path_rename(base, secret, base, "stolen"), EPERM);
        assert_int_equal(ww_path_rename(base, "file", base, made), EPERM);
        assert_int_equal(ww_path_link(base, secret, base, "stolen"), EPERM);
        assert_int_equal(ww_path_link(base, "file", base, made), EPERM);
        assert_int_equal(ww_path_readlink(base, secret, text, sizeof text, &size), EPERM);
    }
    ww_new_times times = {{WW_TIME_SET, {1, 0}}, {WW_TIME_SET, {1, 0}}};
    assert_int_equal(ww_times_path(base, "out/secret", true, &times), EPERM);
    assert_int_equal(ww_times_path(base, "out_rel", true, &times), EPERM);
    assert_int_equal(ww_path_link(base, "out/", base, "stolen"), EPERM);
    assert_int_not_equal(ww_path_remove_directory(base, "out_rel/"), 0);
    assert_int_not_equal(ww_path_remove_directory(base, "out_rel/folder"), 0);
    assert_int_not_equal(ww_path_make_directory(base, "out_rel/"), 0);
    assert_int_not_equal(ww_path_rename(base, "sub", base, "out_rel/"), 0);
    assert_int_not_equal(ww_path_remove_directory(base, ".."), 0);
    assert_int_not_equal(ww_path_rename(base, "..", base, "stolen"), 0);
    assert_int_equal(fstatat(root_fd, "outside/secret", &facts, 0), 0);
    assert_true(facts.st_mtim.tv_sec > 1);
    assert_int_equal(facts.st_nlink, 1);
    assert_int_equal(fstatat(root_fd, "outside/folder", &facts, 0), 0);
    assert_int_equal(fstatat(root_fd, "outside/made", &facts, 0), -1);
}

/* The text of a link would tell the host's names, or let others be led there. */
static void absolute_links__are_neither_made_nor_read(void **state)
{
    (void)state;
    char text[TEST_PATH_MAX + 16];
    size_t size;
    assert_int_equal(ww_path_symlink("/etc", base, "etc"), EPERM);
    assert_int_equal(ww_path_readlink(base, "out", text, sizeof text, &size), EPERM);
    assert_int_equal(ww_path_readlink(base, "out/", text, sizeof text, &size), EPERM);
    assert_int_equal(ww_path_readlink(base, "in/", text, sizeof text, &size), EINVAL);
    assert_int_equal(ww_path_readlink(base, "file", text, sizeof text, &size), EINVAL);
    assert_int_equal(ww_path_readlink(base, "in", text, 2, &size), ENAMETOOLONG);
}

static void times__kept_set_and_now__change_what_was_asked(void **state)
{
    (void)state;
    ww_stat facts;
    ww_new_times times = {{WW_TIME_SET, {1000, 5}}, {WW_TIME_SET, {2000, 7}}};
    assert_int_equal(ww_times_path(base, "file", false, &times), 0);
    times = (ww_new_times){{WW_TIME_KEEP, {0}}, {WW_TIME_NOW, {0}}};
    assert_int_equal(ww_times_path(base, "file", false, &times), 0);
    assert_int_equal(ww_stat_path(base, "file", false, &facts), 0);
    assert_int_equal(facts.accessed.seconds, 1000);
    assert_int_equal(facts.accessed.nanoseconds, 5);
    assert_true(facts.modified.seconds > 2000);
    times.accessed = (ww_new_time){WW_TIME_SET, {1, 1000000000}};
    assert_int_equal(ww_times_path(base, "file", false, &times), EINVAL);
}

static void directory__read_in_portions__gives_every_name_once(void **state)
{
    (void)state;
    enum { FILES = 60 };
    int fd;
    bool seen[FILES] = {false};
    _Alignas(8) uint8_t portion[512];
    size_t size, at, count = 0;
    for (int i = 0; i < FILES; i++) {
        char name[32];
        snprintf(name, sizeof name, "sub/deep/%d", i);
        write_file(base_fd, name, "");
    }
    int deep = openat(base_fd, "sub/deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(ww_directory_open(deep, &fd), 0);
    do {
        ww_directory_entry entry;
        assert_int_equal(ww_directory_read(fd, portion, sizeof portion, &size), 0);
        for (at = 0; ww_directory_next(portion, size, &at, &entry); count++) {
            int number = atoi(entry.name);
            assert_int_equal(entry.type, WW_FILE_REGULAR);
            assert_false(seen[number]);
            seen[number] = true;
        }
    } while (size);
    assert_int_equal(count, FILES);
    close(fd);
    close(deep);
}

/* One thread swaps a directory with a link to the outside as fast as it can, and moves a directory
 * out of the base while it is walked through. */
static atomic_bool racing;

static void *race(void *arg)
{
    (void)arg;
    assert_int_equal(symlinkat("../outside", base_fd, "other"), 0);
    while (atomic_load(&racing)) {
        renameat2(base_fd, "sub", base_fd, "other", RENAME_EXCHANGE);
        renameat2(base_fd, "other/deep", root_fd, "deep", RENAME_NOREPLACE);
        renameat2(root_fd, "deep", base_fd, "other/deep", RENAME_NOREPLACE);
    }
    return NULL;
}

static void look_up_while_others_rename__never_leads_out(void **state)
{
    (void)state;
    struct stat secret, outside;
    pthread_t thread;
    static const char *const paths[] = {
        "sub/secret",
        "sub/../outside/secret",
        "sub/deep/../secret",
        "other/deep/../../secret",
        "sub/deep/../../outside/secret",
        "sub",
        "other/deep/..",
        "sub/deep/../..",
    };
    assert_int_equal(fstatat(root_fd, "outside/secret", &secret, 0), 0);
    assert_int_equal(fstatat(root_fd, "outside", &outside, 0), 0);
    atomic_store(&racing, true);
    assert_int_equal(pthread_create(&thread, NULL, race, NULL), 0);
    for (size_t i = 0; i < 20000; i++) {
        struct stat facts;
        int fd, error = ww_beneath_open(base, paths[i % WW_COUNT_OF(paths)], O_PATH, 0, true, &fd);
        if (error) continue;
        assert_int_equal(fstat(fd, &facts), 0);
        assert_true(facts.st_ino != secret.st_ino && facts.st_ino != outside.st_ino);
        close(fd);
    }
    atomic_store(&racing, false);
    pthread_join(thread, NULL);
}

#define CASE(name)                                                                                 \
    {#name " (kernel)", name, with_kernel, remove_tree, NULL},                                     \
    {                                                                                              \
#name " (walk)", name, with_walk, remove_tree, NULL                                        \
    }

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(path__inside__is_opened_however_it_is_spelled),
        CASE(path__leading_out__is_refused),
        CASE(link_in_the_last_place__not_followed__is_the_link),
        CASE(path__broken__gives_the_usual_error),
        CASE(create__through_a_dangling_link__makes_its_target_inside),
        CASE(proc_magic_links__are_not_followed),
        CASE(names__made_and_removed_inside__work),
        CASE(names__outside__cannot_be_touched),
        CASE(absolute_links__are_neither_made_nor_read),
        CASE(times__kept_set_and_now__change_what_was_asked),
        CASE(directory__read_in_portions__gives_every_name_once),
        CASE(look_up_while_others_rename__never_leads_out),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
