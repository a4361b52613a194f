/* Files that only grow, of one process at a time. */
#include "os/append.h"
#include "support/check.h"
#include "support/folder.h"

typedef struct fixture {
    char path[TEST_PATH_MAX];
    ww_folder folder;
    ww_buf content;
} fixture;

static int setup(void **state)
{
    static fixture f;
    test_folder_make(f.path);
    assert_ok(ww_folder_open(f.path, &f.folder, NULL));
    ww_buf_init(&f.content, ww_allocator_libc(), 64);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_buf_deinit(&f->content);
    ww_folder_close(&f->folder);
    test_folder_remove(f->path);
    return 0;
}

static ww_status open_it(fixture *f, bool create, ww_append_file *out)
{
    ww_buf_clear(&f->content);
    return ww_append_open(&f->folder, "log", create, &f->content, out, NULL);
}

static void open__not_there__is_made_only_if_asked(void **state)
{
    fixture *f = *state;
    ww_append_file file;
    assert_int_equal(open_it(f, false, &file), WW_E_NOT_FOUND);
    assert_int_equal(file.fd, -1);
    assert_ok(open_it(f, true, &file));
    assert_int_equal(file.size, 0);
    ww_append_close(&file);
    ww_append_close(&file);
}

static void append__then_cut__the_next_finds_what_is_left(void **state)
{
    fixture *f = *state;
    ww_append_file file;
    assert_ok(open_it(f, true, &file));
    assert_ok(ww_append(&file, WW_VIEW_LITERAL("one two"), NULL));
    assert_ok(ww_append_cut(&file, 4, NULL));
    assert_ok(ww_append(&file, WW_VIEW_LITERAL("three"), NULL));
    assert_int_equal(file.size, 9);
    ww_append_close(&file);
    assert_ok(open_it(f, false, &file));
    assert_true(ww_view_is(ww_buf_view(&f->content), "one three"));
    ww_append_close(&file);
}

static void open__somebody_has_it__is_busy_until_closed(void **state)
{
    fixture *f = *state;
    ww_append_file file, second;
    assert_ok(open_it(f, true, &file));
    assert_int_equal(open_it(f, true, &second), WW_E_BUSY);
    ww_append_close(&file);
    assert_ok(open_it(f, true, &second));
    ww_append_close(&second);
}

static void open__more_than_the_buffer_takes__is_refused(void **state)
{
    fixture *f = *state;
    ww_append_file file;
    assert_ok(open_it(f, true, &file));
    for (int i = 0; i < 65; i++)
        assert_ok(ww_append(&file, WW_VIEW_LITERAL("x"), NULL));
    ww_append_close(&file);
    assert_int_equal(open_it(f, false, &file), WW_E_LIMIT);
    assert_int_equal(f->content.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open__not_there__is_made_only_if_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(append__then_cut__the_next_finds_what_is_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(open__somebody_has_it__is_busy_until_closed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(open__more_than_the_buffer_takes__is_refused, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
