/* The journal of the bring-up on the disk: in order, told when it is there, compacted, and whole after every crash. */
#include "capnp/frame.h"
#include "node/keeper.h"
#include "support/check.h"
#include "support/crash.h"
#include "support/folder.h"
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct fixture {
    char path[TEST_PATH_MAX];
    ww_loop *loop;
    ww_keeper keeper;
} fixture;

static void open_keeper(fixture *f)
{
    const ww_keeper_options options = {
        .folder = f->path, .key = {1, 2}, .allocator = test_heap(), .loop = f->loop};
    ww_keeper_open(&f->keeper, &options);
}

static void close_keeper(fixture *f)
{
    ww_keeper_drain(&f->keeper);
    ww_keeper_close(&f->keeper);
}

static int setup(void **state)
{
    static fixture f;
    f = (fixture){.loop = NULL};
    *state = &f;
    test_folder_make(f.path);
    assert_ok(ww_loop_new(ww_allocator_libc(), NULL, &f.loop, NULL));
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    close_keeper(f);
    ww_loop_free(f->loop);
    test_folder_remove(f->path);
    return 0;
}

/* --- adding and reading --- */

typedef struct addition {
    ww_keep keep;
    bool is_done;
} addition;

static void kept(ww_keep *keep)
{
    addition *self = WW_CONTAINER_OF(keep, addition, keep);
    ww_keep_deinit(keep);
    self->is_done = true;
}

static ww_status make(fixture *f, const char *artifact, addition *out)
{
    ww_capnp_builder builder;
    ww_capnp_builder_init(&builder, ww_allocator_libc(), NULL);
    bringup_install_b root = bringup_install_init_root(&builder);
    bringup_install_set_artifact(root, ww_view_str(artifact));
    bringup_binding_b binding = bringup_binding_lb_at(bringup_install_init_bindings(root, 1), 0);
    bringup_binding_set_slot(binding, WW_VIEW_LITERAL("slot"));
    *out = (addition){.keep.done = kept};
    ww_status status = ww_keep_install(
        &f->keeper, bringup_install_root(ww_capnp_builder_message(&builder)), &out->keep);
    ww_capnp_builder_deinit(&builder);
    return status;
}

static void add(fixture *f, const char *artifact)
{
    addition one;
    assert_ok(make(f, artifact, &one));
    ww_keeper_add(&f->keeper, &one.keep);
    assert_false(one.is_done);
    ww_keeper_drain(&f->keeper);
    assert_true(one.is_done);
}

static void add_done(fixture *f, const char *target)
{
    ww_keeper_add_done(&f->keeper, WW_BOOTSTRAP_MODULE, ww_view_str(target));
}

static bool is_done(const fixture *f, const char *target)
{
    return ww_keeper_is_done(&f->keeper, WW_BOOTSTRAP_MODULE, ww_view_str(target));
}

/* The artifacts that are found, with a space behind each. */
static const char *found(fixture *f, char *text, size_t size)
{
    ww_view message;
    size_t taken, at = 0;
    text[0] = '\0';
    while (ww_keeper_next(&f->keeper, &message)) {
        ww_capnp_frame frame;
        assert_ok(ww_capnp_frame_open(&frame, message, 1000, ww_allocator_libc(), &taken, NULL));
        bringup_install_r install = bringup_install_root(&frame.message);
        ww_view artifact = bringup_install_artifact(install);
        assert_int_equal(bringup_install_bindings(install).list.count, 1);
        at += (size_t)snprintf(text + at, size - at, "%.*s ", WW_VIEW_ARG(artifact));
        ww_capnp_frame_deinit(&frame);
    }
    return text;
}

static void assert_found(fixture *f, const char *expected)
{
    char text[256];
    assert_string_equal(found(f, text, sizeof text), expected);
}

static off_t file_size(const fixture *f)
{
    return (off_t)f->keeper.job.file.size;
}

static void add__installs_and_targets__the_next_finds_them_in_order(void **state)
{
    fixture *f = *state;
    addition installs[3];
    open_keeper(f);
    assert_found(f, "");
    for (int i = 0; i < 3; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        assert_ok(make(f, name, &installs[i]));
        ww_keeper_add(&f->keeper, &installs[i].keep);
        add_done(f, name);
        assert_false(installs[i].is_done);
    }
    ww_keeper_drain(&f->keeper);
    assert_true(installs[0].is_done && installs[1].is_done && installs[2].is_done);
    close_keeper(f);
    open_keeper(f);
    assert_found(f, "a b c ");
    assert_true(is_done(f, "a") && is_done(f, "b") && is_done(f, "c"));
    assert_false(is_done(f, "d"));
}

static void add__more_than_a_batch__all_are_kept(void **state)
{
    fixture *f = *state;
    char name[16];
    open_keeper(f);
    for (int i = 0; i < 3 * WW_KEEPER_BATCH; i++) {
        snprintf(name, sizeof name, "%d", i);
        add_done(f, name);
    }
    close_keeper(f);
    open_keeper(f);
    for (int i = 0; i < 3 * WW_KEEPER_BATCH; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_true(is_done(f, name));
    }
}

static void add_done__again_and_again__does_not_grow(void **state)
{
    fixture *f = *state;
    open_keeper(f);
    add_done(f, "target");
    ww_keeper_drain(&f->keeper);
    off_t size = file_size(f);
    for (int i = 0; i < 10; i++)
        add_done(f, "target");
    close_keeper(f);
    open_keeper(f);
    add_done(f, "target");
    ww_keeper_drain(&f->keeper);
    assert_int_equal(file_size(f), size);
}

static void add__the_file_is_another_node_s__is_answered_all_the_same(void **state)
{
    fixture *f = *state, other = {.loop = f->loop};
    memcpy(other.path, f->path, sizeof other.path);
    open_keeper(f); /* before there is a file */
    open_keeper(&other);
    add(&other, "other");
    add(f, "mine");
    add(f, "more");
    close_keeper(&other);
    close_keeper(f);
    open_keeper(f);
    assert_found(f, "other ");
}

static void open__another_process_lets_go__reads_and_writes_what_waited(void **state)
{
    fixture *f = *state, other = {.loop = f->loop};
    addition one;
    memcpy(other.path, f->path, sizeof other.path);
    open_keeper(&other);
    add(&other, "other");
    open_keeper(f);
    assert_true(ww_keeper_is_waiting(&f->keeper));
    assert_found(f, "");
    assert_ok(make(f, "mine", &one));
    ww_keeper_add(&f->keeper, &one.keep);
    close_keeper(&other);
    while (ww_keeper_is_waiting(&f->keeper))
        ww_loop_turn(f->loop, true);
    assert_found(f, "other ");
    assert_int_equal(ww_keeper_fault(&f->keeper).size, 0);
    ww_keeper_drain(&f->keeper);
    assert_true(one.is_done);
    close_keeper(f);
    open_keeper(f);
    assert_found(f, "other mine ");
}

static void drain__another_process_has_it__is_answered_without_waiting(void **state)
{
    fixture *f = *state, other = {.loop = f->loop};
    addition one;
    memcpy(other.path, f->path, sizeof other.path);
    open_keeper(&other);
    add(&other, "other");
    open_keeper(f);
    assert_ok(make(f, "mine", &one));
    ww_keeper_add(&f->keeper, &one.keep);
    close_keeper(f);
    assert_true(one.is_done);
    close_keeper(&other);
    open_keeper(f);
    assert_found(f, "other ");
}

/* --- without memory --- */

static ww_status keep_one(const ww_allocator *allocator, void *arg)
{
    fixture *f = arg;
    addition one;
    f->keeper.allocator = allocator;
    ww_status status = make(f, "artifact", &one);
    f->keeper.allocator = test_heap();
    ww_keep_deinit(&one.keep);
    return status;
}

static void keep_install__no_memory__is_refused(void **state)
{
    open_keeper(*state);
    test_every_allocation_failing(keep_one, *state);
}

/* --- compacting --- */

/* a, b, and much that repeats: more than half of it. */
static off_t write_wasteful(fixture *f)
{
    test_folder_remove(f->path);
    open_keeper(f);
    add(f, "a");
    add_done(f, "target");
    for (int i = 0; i < 4; i++)
        add(f, "a");
    add(f, "b");
    off_t size = file_size(f);
    close_keeper(f);
    return size;
}

static void open__more_than_half_is_useless__is_written_anew(void **state)
{
    fixture *f = *state;
    off_t size = write_wasteful(f);
    open_keeper(f);
    assert_true(file_size(f) < size / 2);
    assert_found(f, "a b ");
    assert_true(is_done(f, "target"));
    add(f, "c");
    close_keeper(f);
    open_keeper(f);
    assert_found(f, "a b c ");
}

static void open__less_is_useless__is_left_as_it_is(void **state)
{
    fixture *f = *state;
    open_keeper(f);
    add(f, "a");
    add(f, "a");
    off_t size = file_size(f);
    close_keeper(f);
    open_keeper(f);
    assert_int_equal(file_size(f), size);
    assert_found(f, "a a ");
}

/* --- crashes: the kernel ends a child inside the first such call --- */

static void compaction__killed_at_any_step__loses_nothing(void **state)
{
    fixture *f = *state;
    static const int steps[] = {SYS_openat,    SYS_flock,    SYS_write,
                                SYS_fdatasync, SYS_renameat, SYS_fsync};
    for (size_t i = 0; i < WW_COUNT_OF(steps); i++) {
        write_wasteful(f);
        pid_t child = fork();
        if (!child) {
            test_kill_at(steps[i]);
            open_keeper(f);
            _exit(0);
        }
        test_await_kill(child);
        open_keeper(f);
        assert_found(f, "a b ");
        assert_true(is_done(f, "target"));
        close_keeper(f);
    }
}

static int compact_without(fixture *f, int step)
{
    char text[256];
    test_fail_at(step, ENOSPC);
    open_keeper(f);
    if (strcmp(found(f, text, sizeof text), "a a a a a b ") || !is_done(f, "target")) return 1;
    return f->keeper.is_refused ? 2 : 0;
}

static void compaction__no_room_on_the_disk__goes_on_with_the_old_one(void **state)
{
    fixture *f = *state;
    static const int steps[] = {SYS_write, SYS_fdatasync, SYS_renameat};
    for (size_t i = 0; i < WW_COUNT_OF(steps); i++) {
        int status;
        off_t size = write_wasteful(f);
        pid_t child = fork();
        if (!child) _exit(compact_without(f, steps[i]));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        open_keeper(f);
        assert_true(file_size(f) < size / 2); /* this time it worked */
        assert_found(f, "a b ");
        close_keeper(f);
    }
}

static void adding__killed_at_any_step__keeps_what_was_told_to_be_kept(void **state)
{
    fixture *f = *state;
    static const int steps[] = {SYS_write, SYS_fdatasync};
    open_keeper(f);
    add(f, "a");
    close_keeper(f);
    for (size_t i = 0; i < WW_COUNT_OF(steps); i++) {
        pid_t child = fork();
        if (!child) {
            if (ww_loop_new(ww_allocator_libc(), NULL, &f->loop, NULL)) _exit(1);
            open_keeper(f);
            test_kill_at(steps[i]);
            add(f, "b");
            _exit(0);
        }
        test_await_kill(child);
        open_keeper(f);
        char text[256];
        assert_memory_equal(found(f, text, sizeof text), "a ", 2);
        close_keeper(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(add__installs_and_targets__the_next_finds_them_in_order,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(add__more_than_a_batch__all_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(add_done__again_and_again__does_not_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(add__the_file_is_another_node_s__is_answered_all_the_same,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(open__another_process_lets_go__reads_and_writes_what_waited,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(drain__another_process_has_it__is_answered_without_waiting,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(keep_install__no_memory__is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(open__more_than_half_is_useless__is_written_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(open__less_is_useless__is_left_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(compaction__killed_at_any_step__loses_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(compaction__no_room_on_the_disk__goes_on_with_the_old_one,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(adding__killed_at_any_step__keeps_what_was_told_to_be_kept,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
