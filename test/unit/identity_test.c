/* The node's key in its folder, and the files of keys that may graft. */
#include "base/hex.h"
#include "config/identity.h"
#include "support/check.h"
#include "support/folder.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* RFC 8032, 7.1, test 1 */
static const char seed_text[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
static const char id_text[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void join(char out[TEST_PATH_MAX + 16], const char *folder, const char *name)
{
    snprintf(out, TEST_PATH_MAX + 16, "%s/%s", folder, name);
}

static void hex__there_and_back__takes_either_case(void **state)
{
    (void)state;
    uint8_t bytes[3];
    char text[7];
    assert_true(ww_hex_decode(WW_VIEW_LITERAL("00aFFf"), bytes, 3));
    ww_hex_encode(ww_view_of(bytes, 3), text);
    assert_string_equal(text, "00afff");
    assert_false(ww_hex_decode(WW_VIEW_LITERAL("00aff"), bytes, 3));
    assert_false(ww_hex_decode(WW_VIEW_LITERAL("00affff"), bytes, 3));
    assert_false(ww_hex_decode(WW_VIEW_LITERAL("00agff"), bytes, 3));
    assert_false(ww_hex_decode(WW_VIEW_LITERAL("00af\xc0\xc1"), bytes, 3));
}

static void identity__first_start__makes_a_key_that_stays(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 16];
    test_folder_make(folder);
    ww_identity first, again;
    ww_diag diag;
    assert_ok(ww_identity_open(folder, ww_allocator_libc(), &first, &diag));
    assert_ok(ww_identity_open(folder, ww_allocator_libc(), &again, &diag));
    assert_memory_equal(&first, &again, sizeof first);
    struct stat st;
    join(path, folder, WW_IDENTITY_FILE);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 65);
    test_folder_remove(folder);
}

static void identity__file_of_digits__is_the_seed(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 16], text[65];
    test_folder_make(folder);
    join(path, folder, WW_IDENTITY_FILE);
    put(path, seed_text, 0600); /* without a line end, too */
    ww_identity identity;
    ww_diag diag;
    assert_ok(ww_identity_open(folder, ww_allocator_libc(), &identity, &diag));
    ww_hex_encode(ww_view_of(identity.id, sizeof identity.id), text);
    assert_string_equal(text, id_text);
    test_folder_remove(folder);
}

static void identity__key_that_others_may_read__is_refused_and_kept(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 16];
    test_folder_make(folder);
    join(path, folder, WW_IDENTITY_FILE);
    put(path, seed_text, 0640);
    ww_identity identity;
    ww_diag diag;
    assert_int_equal(ww_identity_open(folder, ww_allocator_libc(), &identity, &diag), WW_E_INVALID);
    assert_non_null(strstr(diag.text, "others may read this key"));
    put(path, seed_text, 0600);
    assert_ok(ww_identity_open(folder, ww_allocator_libc(), &identity, &diag));
    test_folder_remove(folder);
}

static void identity__file_that_is_no_key__is_refused_and_kept(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "9d61", "no key at all\n"};
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 16], longer[80];
    test_folder_make(folder);
    join(path, folder, WW_IDENTITY_FILE);
    ww_identity identity;
    ww_diag diag;
    for (size_t i = 0; i <= WW_COUNT_OF(texts); i++) {
        snprintf(longer, sizeof longer, "%s00", seed_text);
        put(path, i < WW_COUNT_OF(texts) ? texts[i] : longer, 0600);
        assert_int_equal(ww_identity_open(folder, ww_allocator_libc(), &identity, &diag),
                         WW_E_INVALID);
        assert_non_null(strstr(diag.text, "not a key: 64 hexadecimal digits"));
    }
    test_folder_remove(folder);
}

static void identity__make_over_a_file__is_refused(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 16];
    test_folder_make(folder);
    join(path, folder, "mine");
    ww_identity identity;
    ww_diag diag;
    assert_ok(ww_identity_make(path, &identity, &diag));
    assert_int_equal(ww_identity_make(path, &identity, &diag), WW_E_EXISTS);
    join(path, folder, "");
    assert_int_equal(ww_identity_make(path, &identity, &diag), WW_E_USAGE);
    test_folder_remove(folder);
}

static ww_status open_twice(const ww_allocator *allocator, void *folder)
{
    ww_identity identity;
    ww_diag diag;
    ww_status status = ww_identity_open(folder, allocator, &identity, &diag);
    return status ? status : ww_identity_open(folder, allocator, &identity, &diag);
}

static void identity__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX];
    test_folder_make(folder);
    test_every_allocation_failing(open_twice, folder);
    test_folder_remove(folder);
}

static void multihash__of_an_id__is_its_public_key_message(void **state)
{
    (void)state;
    uint8_t id[32], hash[38];
    char text[77];
    assert_true(ww_hex_decode(WW_VIEW_LITERAL(id_text), id, sizeof id));
    ww_identity_multihash(id, hash);
    ww_hex_encode(ww_view_of(hash, sizeof hash), text);
    assert_memory_equal(text, "002408011220", 12);
    assert_string_equal(text + 12, id_text);
}

static ww_status read_keys(const char *text, ww_allowed_keys *keys, ww_diag *diag)
{
    char folder[TEST_PATH_MAX], path[TEST_PATH_MAX + 16];
    test_folder_make(folder);
    join(path, folder, "keys");
    put(path, text, 0644);
    ww_status status = ww_allowed_keys_read(path, ww_allocator_libc(), keys, diag);
    test_folder_remove(folder);
    return status;
}

static void allowed_keys__lines_with_notes__are_read(void **state)
{
    (void)state;
    char text[512];
    snprintf(text, sizeof text, "# ours\n\n%s laptop\r\n  %s\tdesk\n%s", id_text, seed_text,
             id_text);
    ww_allowed_keys keys;
    ww_diag diag;
    assert_ok(read_keys(text, &keys, &diag));
    assert_int_equal(keys.count, 3);
    assert_memory_equal(keys.keys[0], keys.keys[2], 32);
    assert_int_equal(keys.keys[1][0], 0x9d);
}

static void allowed_keys__bad_line__is_named_by_its_number(void **state)
{
    (void)state;
    char text[256];
    ww_allowed_keys keys;
    ww_diag diag;
    snprintf(text, sizeof text, "%s\n%sff\n", id_text, id_text);
    assert_int_equal(read_keys(text, &keys, &diag), WW_E_USAGE);
    assert_non_null(strstr(diag.text, "keys:2: not a public key: 64 hexadecimal digits"));
    assert_int_equal(read_keys("# none\n", &keys, &diag), WW_E_USAGE);
    assert_non_null(strstr(diag.text, "keys: no key in it"));
}

static void allowed_keys__more_than_their_maximum__are_refused(void **state)
{
    (void)state;
    char *text = calloc(66, 66);
    assert_non_null(text);
    ww_allowed_keys keys;
    ww_diag diag;
    for (int i = 0; i < WW_ALLOWED_KEYS_MAX; i++)
        strcat(strcat(text, id_text), "\n");
    assert_ok(read_keys(text, &keys, &diag));
    assert_int_equal(keys.count, WW_ALLOWED_KEYS_MAX);
    strcat(text, id_text);
    assert_int_equal(read_keys(text, &keys, &diag), WW_E_USAGE);
    assert_non_null(strstr(diag.text, "keys:65: more than 64 keys"));
    free(text);
}

static void assert_unsafe(const char *path, const char *what)
{
    char text[2 * TEST_PATH_MAX];
    ww_allowed_keys keys;
    ww_diag diag;
    assert_int_equal(ww_allowed_keys_read(path, ww_allocator_libc(), &keys, &diag), WW_E_DENIED);
    snprintf(text, sizeof text, "allowed keys: %s", what);
    assert_string_equal(diag.text, text);
}

static void assert_safe(const char *path)
{
    ww_allowed_keys keys;
    ww_diag diag;
    assert_ok(ww_allowed_keys_read(path, ww_allocator_libc(), &keys, &diag));
    assert_int_equal(keys.count, 1);
}

/* A folder with a folder with a file of one key. */
typedef struct nest {
    char folder[TEST_PATH_MAX], inner[TEST_PATH_MAX + 16], file[TEST_PATH_MAX + 32];
    char link[TEST_PATH_MAX + 16], unsafe[TEST_PATH_MAX + 128];
} nest;

static void make_nest(nest *n)
{
    test_folder_make(n->folder);
    join(n->inner, n->folder, "inner");
    join(n->link, n->folder, "link");
    assert_int_equal(mkdir(n->inner, 0755), 0);
    snprintf(n->file, sizeof n->file, "%s/keys", n->inner);
    put(n->file, id_text, 0644);
}

static const char *unsafe(nest *n, const char *path, const char *why)
{
    snprintf(n->unsafe, sizeof n->unsafe, "%s: %s", path, why);
    return n->unsafe;
}

static void allowed_keys__file_or_folder_that_others_may_write__are_refused(void **state)
{
    (void)state;
    static const char why[] = "others may write to it; run chmod go-w on it";
    static const mode_t modes[] = {0020, 0002};
    nest n;
    make_nest(&n);
    const char *const paths[] = {n.folder, n.inner, n.file};
    for (size_t i = 0; i < WW_COUNT_OF(paths); i++)
        for (size_t k = 0; k < WW_COUNT_OF(modes); k++) {
            assert_safe(n.file);
            assert_int_equal(chmod(paths[i], 0755 | modes[k]), 0);
            assert_unsafe(n.file, unsafe(&n, paths[i], why));
            assert_int_equal(chmod(paths[i], 0755), 0);
        }
    assert_int_equal(chmod(n.folder, 01777), 0); /* nobody may replace what is another's */
    assert_safe(n.file);
    test_folder_remove(n.folder);
}

static void allowed_keys__of_another_user__are_refused(void **state)
{
    (void)state;
    static const char why[] = "user 65534, who is neither you nor root, owns it; chown it";
    nest n;
    make_nest(&n);
    if (chown(n.file, 65534, 65534)) {
        test_folder_remove(n.folder);
        skip();
    }
    assert_unsafe(n.file, unsafe(&n, n.file, why));
    assert_int_equal(chown(n.file, 0, 0), 0);
    assert_int_equal(chown(n.inner, 65534, 65534), 0);
    assert_unsafe(n.file, unsafe(&n, n.inner, why));
    assert_int_equal(chown(n.inner, 0, 0), 0);
    assert_int_equal(symlink("inner/keys", n.link), 0);
    assert_int_equal(lchown(n.link, 65534, 65534), 0);
    assert_unsafe(n.link, unsafe(&n, n.link, why));
    test_folder_remove(n.folder);
}

static void allowed_keys__behind_links__are_as_safe_as_all_on_the_way(void **state)
{
    (void)state;
    static const char why[] = "others may write to it; run chmod go-w on it";
    static const char *const targets[] = {"inner/keys", "./inner/../inner//keys", "inner/absolute"};
    nest n;
    make_nest(&n);
    char absolute[TEST_PATH_MAX + 32];
    snprintf(absolute, sizeof absolute, "%s/absolute", n.inner);
    assert_int_equal(symlink(n.file, absolute), 0);
    for (size_t i = 0; i < WW_COUNT_OF(targets); i++) {
        assert_int_equal(symlink(targets[i], n.link), 0);
        assert_safe(n.link);
        assert_int_equal(chmod(n.inner, 0775), 0);
        assert_unsafe(n.link, unsafe(&n, n.inner, why));
        assert_int_equal(chmod(n.inner, 0755), 0);
        assert_int_equal(unlink(n.link), 0);
    }
    test_folder_remove(n.folder);
}

static void allowed_keys__path_that_leads_nowhere__says_why(void **state)
{
    (void)state;
    static const struct {
        const char *target, *why;
    } links[] = {{"link", "Too many levels of symbolic links"},
                 {"inner", "Is a directory"},
                 {"inner/keys/", "Not a directory"},
                 {"inner/keys/..", "Not a directory"},
                 {"inner/none", "No such file or directory"}};
    nest n;
    make_nest(&n);
    ww_allowed_keys keys;
    ww_diag diag;
    for (size_t i = 0; i < WW_COUNT_OF(links); i++) {
        assert_int_equal(symlink(links[i].target, n.link), 0);
        assert_int_not_equal(ww_allowed_keys_read(n.link, ww_allocator_libc(), &keys, &diag),
                             WW_OK);
        if (!strstr(diag.text, links[i].why)) fail_msg("%s: %s", links[i].target, diag.text);
        assert_int_equal(unlink(n.link), 0);
    }
    test_folder_remove(n.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex__there_and_back__takes_either_case),
        cmocka_unit_test(identity__first_start__makes_a_key_that_stays),
        cmocka_unit_test(identity__file_of_digits__is_the_seed),
        cmocka_unit_test(identity__key_that_others_may_read__is_refused_and_kept),
        cmocka_unit_test(identity__file_that_is_no_key__is_refused_and_kept),
        cmocka_unit_test(identity__make_over_a_file__is_refused),
        cmocka_unit_test(identity__any_allocation_fails__gives_all_back),
        cmocka_unit_test(multihash__of_an_id__is_its_public_key_message),
        cmocka_unit_test(allowed_keys__lines_with_notes__are_read),
        cmocka_unit_test(allowed_keys__bad_line__is_named_by_its_number),
        cmocka_unit_test(allowed_keys__more_than_their_maximum__are_refused),
        cmocka_unit_test(allowed_keys__file_or_folder_that_others_may_write__are_refused),
        cmocka_unit_test(allowed_keys__of_another_user__are_refused),
        cmocka_unit_test(allowed_keys__behind_links__are_as_safe_as_all_on_the_way),
        cmocka_unit_test(allowed_keys__path_that_leads_nowhere__says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
