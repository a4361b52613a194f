#include "loaders/cache.h"
#include "os/file.h"
#include "support/check.h"
#include "support/folder.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A root with the folders cache/ and state/, both made by the first open. */
typedef struct fixture {
    char root[TEST_PATH_MAX], folder[TEST_PATH_MAX + 8], state[TEST_PATH_MAX + 8];
    ww_cache_options options;
    ww_cache *cache;
    ww_buf buf;
    ww_diag diag;
} fixture;

static const ww_view code = {(const uint8_t *)"machine code of the first module", 32};

static ww_cache_key key_named(const char *name)
{
    return ww_cache_key_of(WW_VIEW_LITERAL("engine"), ww_view_str(name));
}

static void reopen(fixture *f)
{
    ww_cache_close(f->cache);
    assert_ok(ww_cache_open(&f->options, ww_allocator_libc(), &f->cache, &f->diag));
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->root);
    snprintf(f->folder, sizeof f->folder, "%s/cache", f->root);
    snprintf(f->state, sizeof f->state, "%s/state", f->root);
    f->options = (ww_cache_options){f->folder, f->state, 1 << 20};
    ww_buf_init(&f->buf, ww_allocator_libc(), 1 << 20);
    reopen(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_cache_close(f->cache);
    ww_buf_deinit(&f->buf);
    test_folder_remove(f->root);
    free(f);
    return 0;
}

static void put(fixture *f, const char *name, ww_view content)
{
    ww_cache_key key = key_named(name);
    assert_ok(ww_cache_put(f->cache, &key, content, &f->diag));
}

static ww_status get(fixture *f, const char *name)
{
    ww_cache_key key = key_named(name);
    ww_buf_clear(&f->buf);
    ww_status status = ww_cache_get(f->cache, &key, &f->buf, &f->diag);
    assert_true(status == WW_OK || f->buf.size == 0);
    return status;
}

/* Path of the entry of that name; good until the fourth call after it. */
static const char *entry(const fixture *f, const char *name)
{
    static char paths[4][2 * TEST_PATH_MAX];
    static size_t next;
    char *out = paths[next++ % WW_COUNT_OF(paths)];
    ww_cache_key key = key_named(name);
    int size = snprintf(out, sizeof paths[0], "%s/", f->folder);
    for (size_t i = 0; i < sizeof key.bytes; i++)
        size += snprintf(out + size, 3, "%02x", key.bytes[i]);
    return out;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t read_file(const char *path, uint8_t *out, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(out, 1, capacity, file);
    fclose(file);
    return size;
}

static void key__either_part_changes__is_another_one(void **state)
{
    (void)state;
    ww_cache_key a = ww_cache_key_of(WW_VIEW_LITERAL("ab"), WW_VIEW_LITERAL("c"));
    ww_cache_key b = ww_cache_key_of(WW_VIEW_LITERAL("a"), WW_VIEW_LITERAL("bc"));
    ww_cache_key c = ww_cache_key_of(WW_VIEW_LITERAL("ab"), WW_VIEW_LITERAL("d"));
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &c, sizeof a);
}

static void entry__opened_again__is_still_there(void **state)
{
    fixture *f = *state;
    assert_int_equal(get(f, "a"), WW_E_NOT_FOUND);
    put(f, "a", code);
    reopen(f);
    assert_ok(get(f, "a"));
    assert_true(ww_view_equal(ww_buf_view(&f->buf), code));
    put(f, "empty", (ww_view){NULL, 0});
    assert_ok(get(f, "empty"));
    assert_int_equal(f->buf.size, 0);
}

static void entry__any_bit_flipped__is_refused(void **state)
{
    fixture *f = *state;
    uint8_t bytes[128];
    put(f, "a", code);
    size_t size = read_file(entry(f, "a"), bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        write_file(entry(f, "a"), bytes, size);
        assert_int_equal(get(f, "a"), WW_E_DENIED);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    write_file(entry(f, "a"), bytes, size);
    assert_ok(get(f, "a"));
}

static void entry__truncated_or_extended__is_refused(void **state)
{
    fixture *f = *state;
    uint8_t bytes[128] = {0};
    put(f, "a", code);
    size_t size = read_file(entry(f, "a"), bytes, sizeof bytes);
    for (size_t cut = 0; cut < size; cut++) {
        write_file(entry(f, "a"), bytes, cut);
        assert_int_equal(get(f, "a"), WW_E_DENIED);
    }
    write_file(entry(f, "a"), bytes, size + 1);
    assert_int_equal(get(f, "a"), WW_E_DENIED);
}

static void entry__renamed_to_another_key__is_refused(void **state)
{
    fixture *f = *state;
    put(f, "a", code);
    put(f, "b", WW_VIEW_LITERAL("machine code of the second module"));
    assert_int_equal(rename(entry(f, "a"), entry(f, "b")), 0);
    assert_int_equal(get(f, "b"), WW_E_DENIED);
}

static void entry__of_another_users_key__is_refused(void **state)
{
    fixture *f = *state;
    put(f, "a", code);
    char other[TEST_PATH_MAX + 16];
    snprintf(other, sizeof other, "%s/other", f->root);
    f->options.state_folder = other;
    reopen(f);
    assert_int_equal(get(f, "a"), WW_E_DENIED);
    put(f, "a", code);
    assert_ok(get(f, "a"));
}

static void entry__link_pipe_or_folder__is_refused_without_waiting(void **state)
{
    fixture *f = *state;
    char outside[TEST_PATH_MAX + 16];
    put(f, "a", code);
    snprintf(outside, sizeof outside, "%s/outside", f->root);
    assert_int_equal(rename(entry(f, "a"), outside), 0);
    assert_int_equal(symlink(outside, entry(f, "a")), 0);
    assert_int_equal(get(f, "a"), WW_E_DENIED);
    assert_int_equal(mkfifo(entry(f, "b"), 0600), 0);
    assert_int_equal(get(f, "b"), WW_E_UNSUPPORTED);
    assert_int_equal(mkdir(entry(f, "c"), 0700), 0);
    assert_int_equal(get(f, "c"), WW_E_MISMATCH);
    put(f, "a", code); /* takes the place of the link, not of what it names */
    put(f, "b", code);
    assert_ok(get(f, "a"));
    assert_ok(get(f, "b"));
}

static void secret__made_once__is_private_and_random(void **state)
{
    fixture *f = *state;
    char path[TEST_PATH_MAX + 32];
    uint8_t first[64], second[64];
    struct stat st;
    snprintf(path, sizeof path, "%s/cache-key", f->state);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(read_file(path, first, sizeof first), 32);
    reopen(f);
    assert_int_equal(read_file(path, second, sizeof second), 32);
    assert_memory_equal(first, second, 32);
    assert_int_equal(unlink(path), 0);
    reopen(f);
    assert_int_equal(read_file(path, second, sizeof second), 32);
    assert_memory_not_equal(first, second, 32);
}

static void secret__readable_by_others_or_cut__is_replaced(void **state)
{
    fixture *f = *state;
    char path[TEST_PATH_MAX + 32];
    struct stat st;
    snprintf(path, sizeof path, "%s/cache-key", f->state);
    put(f, "a", code);
    assert_int_equal(chmod(path, 0644), 0);
    reopen(f);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(get(f, "a"), WW_E_DENIED);
    put(f, "a", code);
    assert_int_equal(truncate(path, 31), 0);
    reopen(f);
    assert_int_equal(get(f, "a"), WW_E_DENIED);
}

static void open__folder_that_others_may_write__is_refused(void **state)
{
    fixture *f = *state;
    ww_cache *cache;
    assert_int_equal(chmod(f->state, 0722), 0);
    assert_int_equal(ww_cache_open(&f->options, ww_allocator_libc(), &cache, &f->diag),
                     WW_E_DENIED);
    assert_null(cache);
}

static void put__above_the_cap__drops_what_was_not_used_for_longest(void **state)
{
    fixture *f = *state;
    static const uint8_t block[1000];
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    const struct timespec then[2] = {{.tv_sec = 2000}, {.tv_sec = 2000}};
    f->options.bytes_max = 3500;
    reopen(f);
    put(f, "a", ww_view_of(block, sizeof block));
    put(f, "b", ww_view_of(block, sizeof block));
    put(f, "c", ww_view_of(block, sizeof block));
    assert_int_equal(utimensat(AT_FDCWD, entry(f, "a"), long_ago, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, entry(f, "b"), then, 0), 0);
    assert_ok(get(f, "a")); /* used now, so "b" is the oldest */
    put(f, "d", ww_view_of(block, sizeof block));
    assert_int_equal(get(f, "b"), WW_E_NOT_FOUND);
    assert_ok(get(f, "a"));
    assert_ok(get(f, "c"));
    assert_ok(get(f, "d"));
    static const uint8_t huge[4000];
    ww_cache_key key = key_named("e");
    assert_int_equal(ww_cache_put(f->cache, &key, ww_view_of(huge, sizeof huge), &f->diag),
                     WW_E_LIMIT);
}

static void put__left_by_a_crash__goes_in_its_turn(void **state)
{
    fixture *f = *state;
    char path[TEST_PATH_MAX + 32];
    static const uint8_t block[1000];
    const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    snprintf(path, sizeof path, "%s/%s0123456789abcdef", f->folder, WW_FILE_UNFINISHED);
    write_file(path, block, sizeof block);
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    f->options.bytes_max = 2500;
    reopen(f);
    put(f, "a", ww_view_of(block, sizeof block));
    assert_int_equal(access(path, F_OK), 0);
    put(f, "b", ww_view_of(block, sizeof block));
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(get(f, "a"));
    assert_ok(get(f, "b"));
}

/* One of several processes that write and read the same few entries of a nearly full cache. Every
 * read must find the right bytes or nothing. */
static int work(const fixture *f, unsigned seed)
{
    ww_cache *cache;
    ww_buf buf;
    if (ww_cache_open(&f->options, ww_allocator_libc(), &cache, NULL)) return 1;
    ww_buf_init(&buf, ww_allocator_libc(), 1 << 16);
    int rc = 0;
    for (unsigned i = 0; i < 200 && !rc; i++) {
        uint8_t block[3000];
        char name[] = {(char)('a' + (i + seed) % 5), '\0'};
        ww_cache_key key = key_named(name);
        memset(block, name[0], sizeof block);
        ww_status status = ww_cache_put(cache, &key, ww_view_of(block, sizeof block), NULL);
        if (status && status != WW_E_NOT_FOUND) rc = 2; /* its unfinished file went as the oldest */
        ww_buf_clear(&buf);
        status = ww_cache_get(cache, &key, &buf, NULL);
        if (status == WW_E_NOT_FOUND) continue;
        if (status || !ww_view_equal(ww_buf_view(&buf), ww_view_of(block, sizeof block))) rc = 3;
    }
    ww_buf_deinit(&buf);
    ww_cache_close(cache);
    return rc;
}

static void processes__at_once__see_whole_entries_and_one_key(void **state)
{
    fixture *f = *state;
    enum { WORKERS = 4 };
    char fresh[TEST_PATH_MAX + 16];
    snprintf(fresh, sizeof fresh, "%s/fresh", f->root);
    f->options.state_folder = fresh; /* so that they also race for the key */
    f->options.bytes_max = 10000;
    pid_t workers[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        assert_true(workers[i] >= 0);
        if (workers[i] == 0) _exit(work(f, i));
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
        assert_int_equal(status, 0);
    }
}

static ww_status open_and_get(const ww_allocator *allocator, void *arg)
{
    const fixture *f = arg;
    ww_cache *cache;
    ww_cache_key key = key_named("a");
    ww_buf buf;
    ww_buf_init(&buf, allocator, 1 << 16);
    ww_status status = ww_cache_open(&f->options, allocator, &cache, NULL);
    if (!status) status = ww_cache_get(cache, &key, &buf, NULL);
    ww_buf_deinit(&buf);
    ww_cache_close(cache);
    return status;
}

static void cache__any_allocation_fails__says_so_and_keeps_the_key(void **state)
{
    fixture *f = *state;
    put(f, "a", code);
    test_every_allocation_failing(open_and_get, f);
    assert_ok(get(f, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__either_part_changes__is_another_one),
        cmocka_unit_test_setup_teardown(entry__opened_again__is_still_there, setup, teardown),
        cmocka_unit_test_setup_teardown(entry__any_bit_flipped__is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(entry__truncated_or_extended__is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(entry__renamed_to_another_key__is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(entry__of_another_users_key__is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(entry__link_pipe_or_folder__is_refused_without_waiting,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(secret__made_once__is_private_and_random, setup, teardown),
        cmocka_unit_test_setup_teardown(secret__readable_by_others_or_cut__is_replaced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(open__folder_that_others_may_write__is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(put__above_the_cap__drops_what_was_not_used_for_longest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(put__left_by_a_crash__goes_in_its_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(processes__at_once__see_whole_entries_and_one_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(cache__any_allocation_fails__says_so_and_keeps_the_key,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
