/* wasi:filesystem as guests call it, on a real folder. Where names lead is paths_test's subject;
 * this is about rights, descriptors, bytes, streams and errors. */
#include "abi/wasi/bindings.h"
#include "resource/descriptor.h"
#include "resource/error.h"
#include "support/folder.h"
#include "unit/wasi_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const wasi_filesystem *const fs = &ww_wasi_filesystem;
static char folder[TEST_PATH_MAX];
static int folder_fd;
static ww_preopen preopen;
static ww_descriptor *root;

#define CODE(name)   WASI_FILESYSTEM_ERROR_CODE_##name
#define FLAG(name)   WASI_FILESYSTEM_DESCRIPTOR_FLAGS_##name
#define HOW(name)    WASI_FILESYSTEM_OPEN_FLAGS_##name
#define FOLLOW       WASI_FILESYSTEM_PATH_FLAGS_SYMLINK_FOLLOW
#define NOFOLLOW     0u
#define TEXT(string) ww_view_str(string)

static ww_descriptor *get_root(void)
{
    wasi_filesystem_preopens_list_tuple_descriptor_string list;
    ww_call call = new_call();
    assert_ok(ww_wasi_filesystem_preopens.get_directories(&call, &list));
    assert_int_equal(list.count, 1);
    assert_view_is(list.data[0].f1, "/data");
    return list.data[0].f0;
}

static void make_folder(bool is_writable)
{
    test_folder_make(folder);
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_cell((ww_wasi_options){.preopens = &preopen, .preopen_count = 1});
    preopen = (ww_preopen){.name = TEXT("/data"), .is_writable = is_writable};
    assert_ok(ww_fd_open_directory(loop(), folder, &preopen.fd, NULL));
    root = get_root();
}

static int writable(void **state)
{
    (void)state;
    make_folder(true);
    return 0;
}

static int read_only(void **state)
{
    (void)state;
    make_folder(false);
    int fd = openat(folder_fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "content", 7), 7);
    close(fd);
    assert_int_equal(mkdirat(folder_fd, "sub", 0700), 0);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    release(root);
    ww_fd_unref(preopen.fd);
    free_cell();
    close(folder_fd);
    test_folder_remove(folder);
    return 0;
}

/* --- calls, in a line each; -1 for success, else the error code */

enum { FINE = -1 };

static int open_as(ww_descriptor *at, const char *path, unsigned how, unsigned flags,
                   ww_descriptor **out)
{
    wasi_filesystem_result_descriptor_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_open_at(&call, at, FOLLOW, TEXT(path), how, flags, &result);
    assert_ok(finish_call(&call, status, &result));
    *out = result.is_error ? NULL : result.ok;
    return result.is_error ? (int)result.error : FINE;
}

static ww_descriptor *must_open(const char *path, unsigned how, unsigned flags)
{
    ww_descriptor *out;
    assert_int_equal(open_as(root, path, how, flags, &out), FINE);
    return out;
}

static int none(ww_call *call, ww_status status, wasi_filesystem_result_none_error_code *result)
{
    assert_ok(finish_call(call, status, result));
    return result->is_error ? (int)result->error : FINE;
}

static int make_directory(ww_descriptor *at, const char *path)
{
    wasi_filesystem_result_none_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_create_directory_at(&call, at, TEXT(path), &result);
    return none(&call, status, &result);
}

static int unlink_file(const char *path)
{
    wasi_filesystem_result_none_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_unlink_file_at(&call, root, TEXT(path), &result);
    return none(&call, status, &result);
}

static int rename_to(const char *from, const char *to)
{
    wasi_filesystem_result_none_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_rename_at(&call, root, TEXT(from), root, TEXT(to), &result);
    return none(&call, status, &result);
}

static int write_at(ww_descriptor *file, uint64_t offset, const char *text)
{
    wasi_filesystem_result_u64_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_write(&call, file, TEXT(text), offset, &result);
    assert_ok(finish_call(&call, status, &result));
    if (!result.is_error) assert_int_equal(result.ok, strlen(text));
    return result.is_error ? (int)result.error : FINE;
}

static int read_at(ww_descriptor *file, uint64_t offset, uint64_t length, char out[64],
                   bool *is_end)
{
    wasi_filesystem_result_tuple_bytes_bool_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_read(&call, file, length, offset, &result);
    assert_ok(finish_call(&call, status, &result));
    memset(out, 0, 64);
    if (result.is_error) return (int)result.error;
    assert_true(result.ok.f0.size < 64);
    if (result.ok.f0.size) memcpy(out, result.ok.f0.data, result.ok.f0.size);
    *is_end = result.ok.f1;
    return FINE;
}

static wasi_filesystem_descriptor_stat stat_of(const char *path)
{
    wasi_filesystem_result_descriptor_stat_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_stat_at(&call, root, NOFOLLOW, TEXT(path), &result);
    assert_ok(finish_call(&call, status, &result));
    assert_false(result.is_error);
    return result.ok;
}

static void assert_file(const char *name, const char *text)
{
    char bytes[64] = {0};
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, bytes, sizeof bytes - 1) >= 0);
    assert_string_equal(bytes, text);
    close(fd);
}

/* --- descriptors */

static void preopen__of_a_folder__is_a_directory_with_its_guest_name(void **state)
{
    (void)state;
    wasi_filesystem_result_descriptor_type_error_code type;
    wasi_filesystem_result_descriptor_flags_error_code flags;
    ww_call call = new_call();
    assert_ok(fs->descriptor_get_type(&call, root, &type));
    assert_int_equal(type.ok, WASI_FILESYSTEM_DESCRIPTOR_TYPE_DIRECTORY);
    assert_ok(fs->descriptor_get_flags(&call, root, &flags));
    assert_int_equal(flags.ok, FLAG(READ) | FLAG(MUTATE_DIRECTORY));
}

static void file__written_and_read_at_offsets__has_the_bytes(void **state)
{
    (void)state;
    char text[64];
    bool is_end;
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(READ) | FLAG(WRITE));
    assert_int_equal(write_at(file, 0, "0123456789"), FINE);
    assert_int_equal(write_at(file, 3, "abc"), FINE);
    assert_int_equal(read_at(file, 2, 5, text, &is_end), FINE);
    assert_string_equal(text, "2abc6");
    assert_false(is_end);
    assert_int_equal(read_at(file, 10, 5, text, &is_end), FINE);
    assert_true(is_end);
    assert_int_equal(read_at(file, 0, 0, text, &is_end), FINE);
    assert_false(is_end);
    release(file);
    assert_file("file", "012abc6789");
}

static void file__that_needs_a_worker__reads_and_writes_the_same(void **state)
{
    (void)state;
    char text[64];
    bool is_end;
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(READ) | FLAG(WRITE));
    file->fd->reads_in_jobs = file->fd->writes_in_jobs = true;
    assert_int_equal(write_at(file, 0, "0123456789"), FINE);
    assert_int_equal(read_at(file, 2, 5, text, &is_end), FINE);
    assert_string_equal(text, "23456");
    assert_int_equal(read_at(file, 10, 5, text, &is_end), FINE);
    assert_true(is_end);
    release(file);
}

static void file__offset_beyond_what_files_have__is_an_error(void **state)
{
    (void)state;
    char text[64];
    bool is_end;
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(READ) | FLAG(WRITE));
    assert_int_equal(read_at(file, UINT64_MAX, 1, text, &is_end), CODE(INVALID));
    assert_int_equal(write_at(file, UINT64_MAX, "x"), CODE(FILE_TOO_LARGE));
    release(file);
}

static void file__opened_for_one_thing__refuses_the_other(void **state)
{
    (void)state;
    char text[64];
    bool is_end;
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(WRITE));
    assert_int_equal(read_at(file, 0, 1, text, &is_end), CODE(BAD_DESCRIPTOR));
    release(file);
    file = must_open("file", 0, FLAG(READ));
    assert_int_equal(write_at(file, 0, "x"), CODE(BAD_DESCRIPTOR));
    wasi_filesystem_result_none_error_code result;
    ww_call call = new_call();
    assert_int_equal(none(&call, fs->descriptor_set_size(&call, file, 0, &result), &result),
                     CODE(BAD_DESCRIPTOR));
    release(file);
}

static void open__flags_and_kinds__give_the_usual_errors(void **state)
{
    (void)state;
    ww_descriptor *out, *file = must_open("file", HOW(CREATE), FLAG(WRITE));
    assert_int_equal(open_as(root, "file", HOW(CREATE) | HOW(EXCLUSIVE), FLAG(WRITE), &out),
                     CODE(EXIST));
    assert_int_equal(open_as(root, "nothing", 0, FLAG(READ), &out), CODE(NO_ENTRY));
    assert_int_equal(open_as(root, "file", HOW(DIRECTORY), FLAG(READ), &out), CODE(NOT_DIRECTORY));
    assert_int_equal(open_as(root, "x", HOW(DIRECTORY) | HOW(CREATE), FLAG(READ), &out),
                     CODE(INVALID));
    assert_int_equal(open_as(root, ".", 0, FLAG(WRITE), &out), CODE(IS_DIRECTORY));
    assert_int_equal(open_as(root, "..", 0, FLAG(READ), &out), CODE(NOT_PERMITTED));
    assert_int_equal(open_as(root, "/etc/passwd", 0, FLAG(READ), &out), CODE(NOT_PERMITTED));
    assert_int_equal(open_as(root, "", 0, FLAG(READ), &out), CODE(NO_ENTRY));
    assert_int_equal(open_as(file, "x", 0, FLAG(READ), &out), CODE(NOT_DIRECTORY));
    release(file);
}

static void open__path_with_a_zero_byte_or_too_long__is_refused_before_any_look_up(void **state)
{
    (void)state;
    static uint8_t path[WW_PATH_BYTES_MAX + 1];
    wasi_filesystem_result_descriptor_error_code result;
    ww_call call = new_call();
    memset(path, 'a', sizeof path);
    assert_ok(fs->descriptor_open_at(&call, root, FOLLOW, ww_view_of(path, sizeof path), 0,
                                     FLAG(READ), &result));
    assert_int_equal(result.error, CODE(NAME_TOO_LONG));
    assert_ok(
        fs->descriptor_open_at(&call, root, FOLLOW, ww_view_of("a\0b", 3), 0, FLAG(READ), &result));
    assert_int_equal(result.error, CODE(INVALID));
}

static void fifo__opened_without_a_writer__does_not_wait(void **state)
{
    (void)state;
    ww_descriptor *out;
    assert_int_equal(mkfifoat(folder_fd, "fifo", 0600), 0);
    assert_int_equal(open_as(root, "fifo", 0, FLAG(WRITE), &out), CODE(NO_SUCH_DEVICE));
    assert_int_equal(open_as(root, "fifo", 0, FLAG(READ), &out), FINE);
    release(out);
}

/* --- read-only folders */

static void read_only_folder__every_change__is_refused(void **state)
{
    (void)state;
    ww_descriptor *out;
    wasi_filesystem_result_none_error_code result;
    wasi_filesystem_new_timestamp now = {.tag = WASI_FILESYSTEM_NEW_TIMESTAMP_NOW};
    ww_call call = new_call();
    assert_int_equal(open_as(root, "file", 0, FLAG(WRITE), &out), CODE(READ_ONLY));
    assert_int_equal(open_as(root, "new", HOW(CREATE), FLAG(READ), &out), CODE(READ_ONLY));
    assert_int_equal(open_as(root, "file", HOW(TRUNCATE), FLAG(READ), &out), CODE(READ_ONLY));
    assert_int_equal(open_as(root, "sub", HOW(DIRECTORY), FLAG(MUTATE_DIRECTORY), &out),
                     CODE(READ_ONLY));
    assert_int_equal(make_directory(root, "new"), CODE(READ_ONLY));
    assert_int_equal(unlink_file("file"), CODE(READ_ONLY));
    assert_int_equal(rename_to("file", "other"), CODE(READ_ONLY));
    ww_status status = fs->descriptor_remove_directory_at(&call, root, TEXT("sub"), &result);
    assert_int_equal(none(&call, status, &result), CODE(READ_ONLY));
    status = fs->descriptor_symlink_at(&call, root, TEXT("file"), TEXT("link"), &result);
    assert_int_equal(none(&call, status, &result), CODE(READ_ONLY));
    status = fs->descriptor_link_at(&call, root, 0, TEXT("file"), root, TEXT("link"), &result);
    assert_int_equal(none(&call, status, &result), CODE(READ_ONLY));
    status = fs->descriptor_set_times_at(&call, root, 0, TEXT("file"), &now, &now, &result);
    assert_int_equal(none(&call, status, &result), CODE(READ_ONLY));
    status = fs->descriptor_set_times(&call, root, &now, &now, &result);
    assert_int_equal(none(&call, status, &result), CODE(READ_ONLY));
    assert_file("file", "content");
}

static void read_only_folder__what_is_opened_below__is_read_only_too(void **state)
{
    (void)state;
    ww_descriptor *out, *sub = must_open("sub", HOW(DIRECTORY), FLAG(READ));
    wasi_filesystem_result_none_error_code result;
    wasi_filesystem_new_timestamp now = {.tag = WASI_FILESYSTEM_NEW_TIMESTAMP_NOW};
    ww_call call = new_call();
    assert_int_equal(make_directory(sub, "new"), CODE(READ_ONLY));
    assert_int_equal(open_as(sub, "new", HOW(CREATE), FLAG(WRITE), &out), CODE(READ_ONLY));
    release(sub);
    ww_descriptor *file = must_open("file", 0, FLAG(READ));
    ww_status status = fs->descriptor_set_times(&call, file, &now, &now, &result);
    assert_int_equal(none(&call, status, &result), CODE(READ_ONLY));
    wasi_filesystem_result_output_stream_error_code stream;
    assert_ok(fs->descriptor_write_via_stream(&call, file, 0, &stream));
    assert_int_equal(stream.error, CODE(BAD_DESCRIPTOR));
    release(file);
}

/* --- streams of files */

static ww_output_stream *stream_to(ww_descriptor *file, uint64_t offset)
{
    wasi_filesystem_result_output_stream_error_code result;
    ww_call call = new_call();
    assert_ok(fs->descriptor_write_via_stream(&call, file, offset, &result));
    assert_false(result.is_error);
    return result.ok;
}

static void write_stream(ww_output_stream *stream, const char *text)
{
    wasi_io_streams_result_none_stream_error result;
    ww_call call = new_call();
    ww_status status = ww_wasi_io_streams.output_stream_blocking_write_and_flush(
        &call, stream, TEXT(text), &result);
    assert_ok(finish_call(&call, status, &result));
    assert_false(result.is_error);
}

/* What was written is there for whoever reads next, also through another descriptor. */
static void write_stream__blocking_write__is_in_the_file_when_it_returns(void **state)
{
    (void)state;
    for (int in_jobs = 0; in_jobs < 2; in_jobs++) {
        ww_descriptor *file = must_open("file", HOW(CREATE) | HOW(TRUNCATE), FLAG(WRITE));
        file->fd->writes_in_jobs = in_jobs;
        ww_output_stream *stream = stream_to(file, 2);
        write_stream(stream, "abc");
        write_stream(stream, "def");
        char bytes[16] = {0};
        int fd = openat(folder_fd, "file", O_RDONLY | O_CLOEXEC);
        assert_int_equal(read(fd, bytes, sizeof bytes), 8);
        assert_memory_equal(bytes, "\0\0abcdef", 8);
        close(fd);
        release(file); /* before its stream: allowed */
        write_stream(stream, "!");
        release(stream);
    }
}

static void append_stream__file_grows_meanwhile__still_appends(void **state)
{
    (void)state;
    for (int in_jobs = 0; in_jobs < 2; in_jobs++) {
        ww_descriptor *file = must_open("file", HOW(CREATE) | HOW(TRUNCATE), FLAG(WRITE));
        file->fd->writes_in_jobs = in_jobs;
        wasi_filesystem_result_output_stream_error_code result;
        ww_call call = new_call();
        assert_int_equal(write_at(file, 0, "one "), FINE);
        assert_ok(fs->descriptor_append_via_stream(&call, file, &result));
        assert_int_equal(write_at(file, 4, "two "), FINE);
        write_stream(result.ok, "three ");
        assert_int_equal(write_at(file, 14, "four "), FINE);
        write_stream(result.ok, "five");
        assert_file("file", "one two three four five");
        release(result.ok);
        release(file);
    }
}

static void read_stream__from_an_offset__reads_to_the_end(void **state)
{
    (void)state;
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(READ) | FLAG(WRITE));
    wasi_filesystem_result_input_stream_error_code opened;
    wasi_io_streams_result_bytes_stream_error result;
    ww_call call = new_call();
    assert_int_equal(write_at(file, 0, "0123456789"), FINE);
    assert_ok(fs->descriptor_read_via_stream(&call, file, 7, &opened));
    ww_status status = ww_wasi_io_streams.input_stream_blocking_read(&call, opened.ok, 60, &result);
    assert_ok(finish_call(&call, status, &result));
    assert_view_is(result.ok, "789");
    status = ww_wasi_io_streams.input_stream_blocking_read(&call, opened.ok, 60, &result);
    assert_ok(finish_call(&call, status, &result));
    assert_int_equal(result.is_error, 1);
    assert_int_equal(result.error.tag, WASI_IO_STREAMS_STREAM_ERROR_CLOSED);
    release(opened.ok);
    release(file);
}

/* --- names and facts */

static void names__made_moved_linked_and_removed__are_seen_by_stat(void **state)
{
    (void)state;
    wasi_filesystem_result_none_error_code result;
    wasi_filesystem_result_string_error_code text;
    ww_call call = new_call();
    release(must_open("file", HOW(CREATE), FLAG(WRITE)));
    assert_int_equal(make_directory(root, "sub"), FINE);
    assert_int_equal(make_directory(root, "sub"), CODE(EXIST));
    assert_int_equal(rename_to("file", "sub/moved"), FINE);
    ww_status status =
        fs->descriptor_link_at(&call, root, 0, TEXT("sub/moved"), root, TEXT("hard"), &result);
    assert_int_equal(none(&call, status, &result), FINE);
    assert_int_equal(stat_of("hard").link_count, 2);
    status = fs->descriptor_link_at(&call, root, FOLLOW, TEXT("hard"), root, TEXT("x"), &result);
    assert_int_equal(none(&call, status, &result), CODE(INVALID));
    status = fs->descriptor_symlink_at(&call, root, TEXT("sub/moved"), TEXT("soft"), &result);
    assert_int_equal(none(&call, status, &result), FINE);
    assert_int_equal(stat_of("soft").type, WASI_FILESYSTEM_DESCRIPTOR_TYPE_SYMBOLIC_LINK);
    status = fs->descriptor_readlink_at(&call, root, TEXT("soft"), &text);
    assert_ok(finish_call(&call, status, &text));
    assert_view_is(text.ok, "sub/moved");
    assert_int_equal(unlink_file("sub"), CODE(IS_DIRECTORY));
    assert_int_equal(unlink_file("sub/moved"), FINE);
    status = fs->descriptor_remove_directory_at(&call, root, TEXT("sub"), &result);
    assert_int_equal(none(&call, status, &result), FINE);
    assert_int_equal(stat_of("hard").link_count, 1);
}

static void symlink_with_bytes_that_are_no_text__cannot_be_told_to_the_guest(void **state)
{
    (void)state;
    wasi_filesystem_result_string_error_code text;
    ww_call call = new_call();
    assert_int_equal(symlinkat("\xff\xfe", folder_fd, "odd"), 0);
    ww_status status = fs->descriptor_readlink_at(&call, root, TEXT("odd"), &text);
    assert_ok(finish_call(&call, status, &text));
    assert_int_equal(text.error, CODE(ILLEGAL_BYTE_SEQUENCE));
}

static void times__set__are_those_of_the_file(void **state)
{
    (void)state;
    wasi_filesystem_result_none_error_code result;
    wasi_filesystem_new_timestamp time = {WASI_FILESYSTEM_NEW_TIMESTAMP_TIMESTAMP, {{1234, 56}}};
    wasi_filesystem_new_timestamp keep = {.tag = WASI_FILESYSTEM_NEW_TIMESTAMP_NO_CHANGE};
    ww_call call = new_call();
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(WRITE));
    ww_status status = fs->descriptor_set_times(&call, file, &time, &keep, &result);
    assert_int_equal(none(&call, status, &result), FINE);
    status = fs->descriptor_set_times_at(&call, root, 0, TEXT("file"), &keep, &time, &result);
    assert_int_equal(none(&call, status, &result), FINE);
    wasi_filesystem_descriptor_stat facts = stat_of("file");
    assert_int_equal(facts.data_access_timestamp.some.seconds, 1234);
    assert_int_equal(facts.data_modification_timestamp.some.nanoseconds, 56);
    time.timestamp.nanoseconds = 1000000000;
    status = fs->descriptor_set_times(&call, file, &time, &keep, &result);
    assert_int_equal(none(&call, status, &result), CODE(INVALID));
    release(file);
}

static void size_advice_and_sync__of_a_file__work(void **state)
{
    (void)state;
    wasi_filesystem_result_none_error_code result;
    wasi_filesystem_result_descriptor_stat_error_code facts;
    ww_call call = new_call();
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(READ) | FLAG(WRITE));
    assert_int_equal(none(&call, fs->descriptor_set_size(&call, file, 5000, &result), &result),
                     FINE);
    assert_ok(fs->descriptor_stat(&call, file, &facts));
    assert_int_equal(facts.ok.size, 5000);
    assert_int_equal(
        none(&call, fs->descriptor_set_size(&call, file, UINT64_MAX, &result), &result),
        CODE(FILE_TOO_LARGE));
    ww_status status =
        fs->descriptor_advise(&call, file, 0, 100, WASI_FILESYSTEM_ADVICE_WILL_NEED, &result);
    assert_int_equal(none(&call, status, &result), FINE);
    assert_int_equal(none(&call, fs->descriptor_sync(&call, file, &result), &result), FINE);
    assert_int_equal(none(&call, fs->descriptor_sync_data(&call, root, &result), &result), FINE);
    release(file);
}

static void identity__two_ways_to_one_file__is_the_same_object_and_hash(void **state)
{
    (void)state;
    wasi_filesystem_result_metadata_hash_value_error_code a, b, c;
    bool same;
    ww_call call = new_call();
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(WRITE));
    ww_descriptor *other = must_open("other", HOW(CREATE), FLAG(WRITE));
    ww_descriptor *again = must_open("./file", 0, FLAG(READ));
    assert_ok(fs->descriptor_is_same_object(&call, file, again, &same));
    assert_true(same);
    assert_ok(fs->descriptor_is_same_object(&call, file, other, &same));
    assert_false(same);
    assert_ok(fs->descriptor_metadata_hash(&call, file, &a));
    ww_status status = fs->descriptor_metadata_hash_at(&call, root, FOLLOW, TEXT("file"), &b);
    assert_ok(finish_call(&call, status, &b));
    assert_ok(fs->descriptor_metadata_hash(&call, other, &c));
    assert_memory_equal(&a.ok, &b.ok, sizeof a.ok);
    assert_memory_not_equal(&a.ok, &c.ok, sizeof a.ok);
    assert_int_not_equal(a.ok.lower, file->fd->inode);
    release(file);
    release(other);
    release(again);
}

/* --- directories */

static ww_directory_entry_stream *list(ww_descriptor *directory)
{
    wasi_filesystem_result_directory_entry_stream_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_read_directory(&call, directory, &result);
    assert_ok(finish_call(&call, status, &result));
    assert_false(result.is_error);
    return result.ok;
}

static void directory__many_entries__are_listed_once_each_and_then_it_ends(void **state)
{
    (void)state;
    enum { COUNT = 1500 }; /* more than one portion */
    static bool seen[COUNT];
    wasi_filesystem_result_option_directory_entry_error_code entry;
    ww_call call = new_call();
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "file-%d", i);
        close(openat(folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    ww_directory_entry_stream *stream = list(root);
    for (int i = 0; i <= COUNT; i++) {
        ww_status status = fs->directory_entry_stream_read_directory_entry(&call, stream, &entry);
        assert_ok(finish_call(&call, status, &entry));
        assert_false(entry.is_error);
        assert_int_equal(entry.ok.is_some, i < COUNT);
        if (i == COUNT) break;
        assert_int_equal(entry.ok.some.type, WASI_FILESYSTEM_DESCRIPTOR_TYPE_REGULAR_FILE);
        int number = atoi((const char *)entry.ok.some.name.data + 5);
        assert_false(seen[number]);
        seen[number] = true;
    }
    release(stream);
}

static void directory__name_that_is_no_text__is_an_error_and_the_rest_follows(void **state)
{
    (void)state;
    wasi_filesystem_result_option_directory_entry_error_code entry;
    ww_call call = new_call();
    int names = 0, errors = 0;
    close(openat(folder_fd, "good", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    close(openat(folder_fd, "\xff", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ww_directory_entry_stream *stream = list(root);
    do {
        ww_status status = fs->directory_entry_stream_read_directory_entry(&call, stream, &entry);
        assert_ok(finish_call(&call, status, &entry));
        errors += entry.is_error && entry.error == CODE(ILLEGAL_BYTE_SEQUENCE);
        names += !entry.is_error && entry.ok.is_some;
    } while (entry.is_error || entry.ok.is_some);
    assert_int_equal(names, 1);
    assert_int_equal(errors, 1);
    release(stream);
}

static void directory__of_a_file__is_not_one(void **state)
{
    (void)state;
    wasi_filesystem_result_directory_entry_stream_error_code result;
    ww_call call = new_call();
    ww_descriptor *file = must_open("file", HOW(CREATE), FLAG(WRITE));
    assert_ok(fs->descriptor_read_directory(&call, file, &result));
    assert_int_equal(result.error, CODE(NOT_DIRECTORY));
    release(file);
}

/* --- the end of a cell in the middle of it */

static void work__under_way_when_the_cell_ends__closes_what_it_opened(void **state)
{
    (void)state;
    wasi_filesystem_result_descriptor_error_code result;
    ww_call call = new_call();
    ww_status status = fs->descriptor_open_at(&call, root, FOLLOW, TEXT("file"), HOW(CREATE),
                                              FLAG(WRITE), &result);
    assert_int_equal(status, WW_AGAIN); /* and nobody ever asks again */
}

static void quota__no_objects_left__opens_nothing(void **state)
{
    (void)state;
    wasi_filesystem_result_descriptor_error_code result;
    ww_call call = new_call();
    f.principal.budgets[WW_PRINCIPAL_OBJECTS].max = f.principal.budgets[WW_PRINCIPAL_OBJECTS].used;
    ww_status status = fs->descriptor_open_at(&call, root, FOLLOW, TEXT("file"), HOW(CREATE),
                                              FLAG(WRITE), &result);
    assert_int_equal(finish_call(&call, status, &result), WW_E_QUOTA);
    f.principal.budgets[WW_PRINCIPAL_OBJECTS].max = UINT64_MAX;
}

static void error_code__of_a_stream_error__is_that_of_its_errno(void **state)
{
    (void)state;
    wasi_filesystem_option_error_code code;
    ww_error *error;
    ww_call call = new_call();
    assert_ok(ww_error_new(&f.wasi, ENOSPC, &error));
    assert_ok(fs->filesystem_error_code(&call, error, &code));
    assert_int_equal(code.is_some, 1);
    assert_int_equal(code.some, CODE(INSUFFICIENT_SPACE));
    release(error);
}

#define CASE(name)      cmocka_unit_test_setup_teardown(name, writable, remove_folder)
#define READ_CASE(name) cmocka_unit_test_setup_teardown(name, read_only, remove_folder)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(preopen__of_a_folder__is_a_directory_with_its_guest_name),
        CASE(file__written_and_read_at_offsets__has_the_bytes),
        CASE(file__that_needs_a_worker__reads_and_writes_the_same),
        CASE(file__offset_beyond_what_files_have__is_an_error),
        CASE(file__opened_for_one_thing__refuses_the_other),
        CASE(open__flags_and_kinds__give_the_usual_errors),
        CASE(open__path_with_a_zero_byte_or_too_long__is_refused_before_any_look_up),
        CASE(fifo__opened_without_a_writer__does_not_wait),
        READ_CASE(read_only_folder__every_change__is_refused),
        READ_CASE(read_only_folder__what_is_opened_below__is_read_only_too),
        CASE(write_stream__blocking_write__is_in_the_file_when_it_returns),
        CASE(append_stream__file_grows_meanwhile__still_appends),
        CASE(read_stream__from_an_offset__reads_to_the_end),
        CASE(names__made_moved_linked_and_removed__are_seen_by_stat),
        CASE(symlink_with_bytes_that_are_no_text__cannot_be_told_to_the_guest),
        CASE(times__set__are_those_of_the_file),
        CASE(size_advice_and_sync__of_a_file__work),
        CASE(identity__two_ways_to_one_file__is_the_same_object_and_hash),
        CASE(directory__many_entries__are_listed_once_each_and_then_it_ends),
        CASE(directory__name_that_is_no_text__is_an_error_and_the_rest_follows),
        CASE(directory__of_a_file__is_not_one),
        CASE(work__under_way_when_the_cell_ends__closes_what_it_opened),
        CASE(quota__no_objects_left__opens_nothing),
        CASE(error_code__of_a_stream_error__is_that_of_its_errno),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
