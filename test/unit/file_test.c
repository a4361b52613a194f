#include "os/file.h"
#include "support/check.h"
#include "support/folder.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every case works in an empty folder of its own; `fixture.path` is its path. */
typedef struct fixture {
    char path[TEST_PATH_MAX];
    ww_folder folder;
    ww_buf buf;
    ww_diag diag;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->path);
    assert_ok(ww_folder_open(f->path, &f->folder, &f->diag));
    ww_buf_init(&f->buf, ww_allocator_libc(), 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_folder_close(&f->folder);
    ww_buf_deinit(&f->buf);
    test_folder_remove(f->path);
    free(f);
    return 0;
}

static void put(fixture *f, const char *name, const char *text)
{
    ww_view part = ww_view_str(text);
    assert_ok(ww_file_replace(&f->folder, name, &part, 1, &f->diag));
}

static void replace__parts__are_one_private_file(void **state)
{
    fixture *f = *state;
    ww_view parts[] = {WW_VIEW_LITERAL("one "), {NULL, 0}, WW_VIEW_LITERAL("two")};
    ww_file_facts facts;
    assert_ok(ww_file_replace(&f->folder, "a", parts, WW_COUNT_OF(parts), &f->diag));
    assert_ok(ww_file_read_in(&f->folder, "a", &f->buf, &facts, &f->diag));
    assert_view_is(ww_buf_view(&f->buf), "one two");
    assert_int_equal(facts.size, 7);
    assert_true(facts.is_file && facts.is_private);
}

static void create__name_taken__is_refused_and_changes_nothing(void **state)
{
    fixture *f = *state;
    ww_view part = WW_VIEW_LITERAL("new");
    put(f, "a", "old");
    assert_int_equal(ww_file_create(&f->folder, "a", &part, 1, &f->diag), WW_E_EXISTS);
    assert_ok(ww_file_read_in(&f->folder, "a", &f->buf, NULL, &f->diag));
    assert_view_is(ww_buf_view(&f->buf), "old");
}

typedef struct counter {
    ww_folder_visitor base;
    int count;
} counter;

static bool count_entry(ww_folder_visitor *self, const char *name, const ww_file_facts *facts)
{
    counter *c = WW_CONTAINER_OF(self, counter, base);
    assert_true(name[0] != '.');
    assert_true(facts->is_file);
    return ++c->count < 2;
}

static void list__finished_files__leaves_nothing_else_and_stops_when_told(void **state)
{
    fixture *f = *state;
    ww_view part = WW_VIEW_LITERAL("x");
    put(f, "a", "1");
    put(f, "a", "2");
    put(f, "b", "3");
    assert_int_equal(ww_file_create(&f->folder, "b", &part, 1, &f->diag), WW_E_EXISTS);
    assert_true(ww_file_touch(&f->folder, "b"));
    counter c = {{count_entry}, 0};
    assert_ok(ww_folder_list(&f->folder, &c.base, &f->diag));
    assert_int_equal(c.count, 2);
    assert_true(ww_file_remove(&f->folder, "a"));
    assert_false(ww_file_remove(&f->folder, "a"));
}

static void read_in__paths_that_leave__are_denied(void **state)
{
    fixture *f = *state;
    char outside[600];
    assert_int_equal(mkdirat(f->folder.fd, "sub", 0700), 0);
    put(f, "secret", "text");
    snprintf(outside, sizeof outside, "%s/secret", f->path);
    ww_folder sub = {openat(f->folder.fd, "sub", O_RDONLY | O_DIRECTORY)};
    assert_int_equal(symlinkat("../secret", sub.fd, "up"), 0);
    assert_int_equal(symlinkat(outside, sub.fd, "absolute"), 0);
    assert_int_equal(symlinkat("..", sub.fd, "parent"), 0);
    const char *paths[] = {"../secret",     "up",   "absolute", "parent/secret",
                           "parent/sub/up", outside};
    for (size_t i = 0; i < WW_COUNT_OF(paths); i++)
        assert_int_equal(ww_file_read_in(&sub, paths[i], &f->buf, NULL, &f->diag), WW_E_DENIED);
    assert_int_equal(f->buf.size, 0);
    ww_folder_close(&sub);
}

static void read_in__links_that_stay__are_followed(void **state)
{
    fixture *f = *state;
    assert_int_equal(mkdirat(f->folder.fd, "sub", 0700), 0);
    put(f, "a", "text");
    assert_int_equal(symlinkat("../a", f->folder.fd, "sub/up"), 0);
    assert_ok(ww_file_read_in(&f->folder, "sub/../sub/up", &f->buf, NULL, &f->diag));
    assert_view_is(ww_buf_view(&f->buf), "text");
}

static void read__what_is_no_file__is_refused_without_waiting(void **state)
{
    fixture *f = *state;
    assert_int_equal(mkfifoat(f->folder.fd, "pipe", 0600), 0);
    assert_int_equal(ww_file_read_in(&f->folder, "pipe", &f->buf, NULL, &f->diag),
                     WW_E_UNSUPPORTED);
    assert_int_equal(ww_file_read_in(&f->folder, ".", &f->buf, NULL, &f->diag), WW_E_MISMATCH);
    assert_int_equal(ww_file_read_in(&f->folder, "none", &f->buf, NULL, &f->diag), WW_E_NOT_FOUND);
    assert_int_equal(ww_file_read(f->path, &f->buf, &f->diag), WW_E_MISMATCH);
}

static void read__above_the_buffers_limit__is_refused(void **state)
{
    fixture *f = *state;
    ww_buf small;
    ww_buf_init(&small, ww_allocator_libc(), 4);
    put(f, "four", "1234");
    put(f, "five", "12345");
    assert_ok(ww_file_read_in(&f->folder, "four", &small, NULL, &f->diag));
    assert_int_equal(ww_file_read_in(&f->folder, "five", &small, NULL, &f->diag), WW_E_LIMIT);
    assert_view_is(ww_buf_view(&small), "1234");
    ww_buf_deinit(&small);
}

static void folder_make__missing_parents__are_made_private(void **state)
{
    fixture *f = *state;
    char path[600];
    ww_folder made;
    struct stat st;
    snprintf(path, sizeof path, "%s/x/y/z", f->path);
    assert_ok(ww_folder_make(path, &made, &f->diag));
    assert_int_equal(fstat(made.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    ww_folder_close(&made);
    assert_ok(ww_folder_make(path, &made, &f->diag));
    ww_folder_close(&made);
    assert_int_equal(chmod(path, 0770), 0);
    assert_int_equal(ww_folder_make(path, &made, &f->diag), WW_E_DENIED);
    assert_int_equal(made.fd, -1);
}

static void folder_open__a_file__is_a_mismatch(void **state)
{
    fixture *f = *state;
    char path[600];
    ww_folder folder;
    put(f, "a", "text");
    snprintf(path, sizeof path, "%s/a", f->path);
    assert_int_equal(ww_folder_open(path, &folder, &f->diag), WW_E_MISMATCH);
    snprintf(path, sizeof path, "%s/none", f->path);
    assert_int_equal(ww_folder_open(path, &folder, &f->diag), WW_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replace__parts__are_one_private_file, setup, teardown),
        cmocka_unit_test_setup_teardown(create__name_taken__is_refused_and_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            list__finished_files__leaves_nothing_else_and_stops_when_told, setup, teardown),
        cmocka_unit_test_setup_teardown(read_in__paths_that_leave__are_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(read_in__links_that_stay__are_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(read__what_is_no_file__is_refused_without_waiting, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(read__above_the_buffers_limit__is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(folder_make__missing_parents__are_made_private, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(folder_open__a_file__is_a_mismatch, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
