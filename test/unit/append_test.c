/* Files that only grow, of one process at a time. */
#include "os/append.h"
#include "support/check.h"
#include "support/crash.h"
#include "support/folder.h"
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

static ww_status append(ww_append_file *file, const char *text)
{
    ww_view part = ww_view_str(text);
    return ww_append(file, &part, 1, NULL);
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
    assert_ok(append(&file, "one two"));
    assert_ok(ww_append_cut(&file, 4, NULL));
    assert_ok(append(&file, "three"));
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
    assert_int_equal(ww_append_holder(&f->folder, "log"), getpid());
    ww_append_close(&file);
    assert_int_equal(ww_append_holder(&f->folder, "log"), 0);
    assert_int_equal(ww_append_holder(&f->folder, "none"), 0);
    assert_ok(open_it(f, true, &second));
    ww_append_close(&second);
}

static void open__more_than_the_buffer_takes__is_refused(void **state)
{
    fixture *f = *state;
    ww_append_file file;
    assert_ok(open_it(f, true, &file));
    for (int i = 0; i < 65; i++)
        assert_ok(append(&file, "x"));
    ww_append_close(&file);
    assert_int_equal(open_it(f, false, &file), WW_E_LIMIT);
    assert_int_equal(f->content.size, 0);
}

static void append__several_parts__stand_one_after_another(void **state)
{
    fixture *f = *state;
    ww_append_file file;
    const ww_view parts[] = {WW_VIEW_LITERAL("one "), WW_VIEW_LITERAL("two "),
                             WW_VIEW_LITERAL("three")};
    assert_ok(open_it(f, true, &file));
    assert_ok(ww_append(&file, parts, 3, NULL));
    assert_int_equal(file.size, 13);
    ww_append_close(&file);
    assert_ok(open_it(f, false, &file));
    assert_true(ww_view_is(ww_buf_view(&f->content), "one two three"));
    ww_append_close(&file);
}

/* --- replacing --- */

static void replace__then_append__the_next_finds_both(void **state)
{
    fixture *f = *state;
    ww_append_file file, second;
    assert_ok(open_it(f, true, &file));
    assert_ok(append(&file, "old and long"));
    assert_ok(ww_append_replace(&f->folder, "log", WW_VIEW_LITERAL("new"), &file, NULL));
    assert_int_equal(open_it(f, false, &second), WW_E_BUSY);
    assert_ok(append(&file, " more"));
    assert_int_equal(file.size, 8);
    ww_append_close(&file);
    assert_ok(open_it(f, false, &file));
    assert_true(ww_view_is(ww_buf_view(&f->content), "new more"));
    ww_append_close(&file);
}

static void replace__failing__leaves_the_old_one_and_its_lock(void **state)
{
    fixture *f = *state;
    ww_append_file file, second;
    assert_ok(open_it(f, true, &file));
    assert_ok(append(&file, "old"));
    assert_int_equal(mkdirat(f->folder.fd, "log.new", 0700), 0); /* in its way */
    assert_int_not_equal(ww_append_replace(&f->folder, "log", WW_VIEW_LITERAL("new"), &file, NULL),
                         WW_OK);
    assert_int_equal(open_it(f, false, &second), WW_E_BUSY);
    assert_ok(append(&file, "er"));
    ww_append_close(&file);
    assert_ok(open_it(f, false, &file));
    assert_true(ww_view_is(ww_buf_view(&f->content), "older"));
    ww_append_close(&file);
}

/* What a crash leaves at each step; the kernel ends the child inside the system call. */
static void replace__killed_at_any_step__old_or_new_is_there_whole(void **state)
{
    fixture *f = *state;
    static const int steps[] = {SYS_openat,    SYS_flock,    SYS_write,
                                SYS_fdatasync, SYS_renameat, SYS_fsync};
    for (size_t i = 0; i < WW_COUNT_OF(steps); i++) {
        ww_append_file file;
        assert_ok(ww_file_replace(&f->folder, "log", &WW_VIEW_LITERAL("old"), 1, NULL));
        assert_ok(open_it(f, false, &file));
        pid_t child = fork();
        if (!child) {
            test_kill_at(steps[i]);
            _exit((int)ww_append_replace(&f->folder, "log", WW_VIEW_LITERAL("new"), &file, NULL));
        }
        ww_append_close(&file);
        test_await_kill(child);
        assert_ok(open_it(f, false, &file));
        assert_true(ww_view_is(ww_buf_view(&f->content), steps[i] == SYS_fsync ? "new" : "old"));
        ww_append_close(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open__not_there__is_made_only_if_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(append__then_cut__the_next_finds_what_is_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(open__somebody_has_it__is_busy_until_closed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(append__several_parts__stand_one_after_another, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(replace__then_append__the_next_finds_both, setup, teardown),
        cmocka_unit_test_setup_teardown(replace__failing__leaves_the_old_one_and_its_lock, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(replace__killed_at_any_step__old_or_new_is_there_whole,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(open__more_than_the_buffer_takes__is_refused, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
