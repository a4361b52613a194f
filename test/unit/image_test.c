#include "loaders/image.h"
#include "os/file.h"
#include "support/check.h"
#include "support/folder.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of every case:
 *
 *   plain/main.wasm   nested/bin/main.wasm   one.wasm   empty/   volume/inner.wasm   volume/sub/main.wasm
 *
 * Each file's content is its own path; path() makes absolute ones. */
typedef struct fixture {
    char root[TEST_PATH_MAX];
    ww_image image;
    ww_diag diag;
} fixture;

static const char *path(fixture *f, const char *below)
{
    static char paths[4][2 * TEST_PATH_MAX];
    static size_t next;
    char *out = paths[next++ % WW_COUNT_OF(paths)];
    snprintf(out, sizeof paths[0], "%s/%s", f->root, below);
    return out;
}

static void put(fixture *f, const char *directory, const char *name)
{
    ww_folder folder;
    char text[TEST_PATH_MAX];
    snprintf(text, sizeof text, "%s/%s", directory, name);
    ww_view content = ww_view_str(text);
    assert_ok(ww_folder_make(path(f, directory), &folder, &f->diag));
    assert_ok(ww_file_create(&folder, name, &content, 1, &f->diag));
    ww_folder_close(&folder);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->root);
    put(f, "plain", "main.wasm");
    put(f, "nested/bin", "main.wasm");
    put(f, ".", "one.wasm");
    put(f, "volume", "inner.wasm");
    put(f, "volume/sub", "main.wasm");
    assert_int_equal(mkdir(path(f, "empty"), 0700), 0);
    ww_image_init(&f->image, ww_allocator_libc());
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_image_deinit(&f->image);
    test_folder_remove(f->root);
    free(f);
    return 0;
}

/* Up to two volumes HOST:GUEST, HOST below the root, then the host's own files. */
static ww_status load(fixture *f, const char *const volumes[2][2], const char *image)
{
    ww_volume_loader of_volume[2];
    ww_loader host = ww_host_loader();
    const ww_loader *chain[3];
    size_t count = 0;
    for (; volumes && count < 2 && volumes[count][0]; count++) {
        of_volume[count] = ww_volume_loader_of(path(f, volumes[count][0]), volumes[count][1]);
        chain[count] = &of_volume[count].base;
    }
    chain[count++] = &host;
    return ww_image_load(&f->image, chain, count, image, &f->diag);
}

static void assert_image(const fixture *f, const char *content, const char *name)
{
    assert_view_is(ww_buf_view(&f->image.component), content);
    assert_string_equal(f->image.name, name);
}

static void host_path__file_or_directory__is_found(void **state)
{
    fixture *f = *state;
    assert_ok(load(f, NULL, path(f, "one.wasm")));
    assert_image(f, "./one.wasm", "one.wasm");
    assert_ok(load(f, NULL, path(f, "plain")));
    assert_image(f, "plain/main.wasm", "main.wasm");
    assert_ok(load(f, NULL, path(f, "nested/")));
    assert_image(f, "nested/bin/main.wasm", "main.wasm");
}

static void label__of_an_image__is_the_last_name_of_its_path(void **state)
{
    fixture *f = *state;
    static const char *const volumes[2][2] = {{"plain", "/"}};
    static const struct {
        const char *path, *label;
    } rows[] = {{"plain", "plain"}, {"nested//", "nested"}, {"one.wasm", "one.wasm"}};
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        assert_ok(load(f, NULL, path(f, rows[i].path)));
        assert_string_equal(f->image.label, rows[i].label);
    }
    assert_ok(load(f, NULL, path(f, "plain/.")));
    assert_string_equal(f->image.label, "main.wasm");
    assert_ok(load(f, volumes, "/"));
    assert_string_equal(f->image.label, "main.wasm");
}

static void host_path__directory_without_main__says_what_it_needs(void **state)
{
    fixture *f = *state;
    assert_int_equal(load(f, NULL, path(f, "empty")), WW_E_NOT_FOUND);
    assert_non_null(strstr(f->diag.text, "neither main.wasm nor bin/main.wasm"));
}

static void volume__prefix__matches_whole_components_only(void **state)
{
    fixture *f = *state;
    static const char *const volumes[2][2] = {{"volume", "/boot"}};
    assert_ok(load(f, volumes, "/boot/inner.wasm"));
    assert_image(f, "volume/inner.wasm", "inner.wasm");
    assert_ok(load(f, volumes, "//boot/./sub/"));
    assert_image(f, "volume/sub/main.wasm", "main.wasm");
    assert_int_equal(load(f, volumes, "/boot2/inner.wasm"), WW_E_NOT_FOUND);
    assert_int_equal(load(f, volumes, "/boo"), WW_E_NOT_FOUND);
    assert_int_equal(load(f, volumes, "boot/inner.wasm"), WW_E_NOT_FOUND);
}

static void volume__its_own_root__is_a_directory_like_others(void **state)
{
    fixture *f = *state;
    static const char *const volumes[2][2] = {{"plain", "/boot/"}};
    assert_ok(load(f, volumes, "/boot"));
    assert_image(f, "plain/main.wasm", "main.wasm");
}

static void volumes__first_in_order__wins_and_the_next_one_fills_in(void **state)
{
    fixture *f = *state;
    static const char *const volumes[2][2] = {{"plain", "/"}, {"volume", "/"}};
    assert_ok(load(f, volumes, "/main.wasm"));
    assert_image(f, "plain/main.wasm", "main.wasm");
    assert_ok(load(f, volumes, "/inner.wasm"));
    assert_image(f, "volume/inner.wasm", "inner.wasm");
}

static void volume__not_in_it__falls_back_to_the_host(void **state)
{
    fixture *f = *state;
    static const char *const volumes[2][2] = {{"volume", "/"}};
    assert_ok(load(f, volumes, path(f, "one.wasm")));
    assert_image(f, "./one.wasm", "one.wasm");
}

static void volume__path_that_leaves_it__is_refused_for_good(void **state)
{
    fixture *f = *state;
    static const char *const volumes[2][2] = {{"volume", "/boot"}};
    assert_int_equal(symlink("../one.wasm", path(f, "volume/link.wasm")), 0);
    assert_int_equal(load(f, volumes, "/boot/../one.wasm"), WW_E_DENIED);
    assert_int_equal(load(f, volumes, "/boot/link.wasm"), WW_E_DENIED);
    assert_non_null(strstr(f->diag.text, "leads out of its folder"));
    assert_int_equal(f->image.component.size, 0);
}

static void chain__nobody_has_it__lists_what_each_tried(void **state)
{
    fixture *f = *state;
    static const char *const volumes[2][2] = {{"volume", "/boot"}, {"plain", "/other"}};
    assert_int_equal(load(f, volumes, "/boot/none"), WW_E_NOT_FOUND);
    assert_non_null(strstr(f->diag.text, "image /boot/none: not found: volume /boot ("));
    assert_non_null(strstr(f->diag.text, "none: No such file or directory; volume /other: not"));
    assert_non_null(strstr(f->diag.text, "; host: /boot/none: No such file or directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(host_path__file_or_directory__is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(label__of_an_image__is_the_last_name_of_its_path, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(host_path__directory_without_main__says_what_it_needs,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(volume__prefix__matches_whole_components_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(volume__its_own_root__is_a_directory_like_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(volumes__first_in_order__wins_and_the_next_one_fills_in,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(volume__not_in_it__falls_back_to_the_host, setup, teardown),
        cmocka_unit_test_setup_teardown(volume__path_that_leaves_it__is_refused_for_good, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(chain__nobody_has_it__lists_what_each_tried, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
