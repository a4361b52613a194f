#include "loaders/compiler.h"
#include "support/check.h"
#include "support/folder.h"
#include <stdio.h>
#include <stdlib.h>

/* An engine, and a compiler with an empty cache in a folder of its own. */
typedef struct fixture {
    char root[TEST_PATH_MAX], folder[TEST_PATH_MAX + 8], state[TEST_PATH_MAX + 8];
    ww_engine *engine;
    ww_cache *cache;
    ww_cached_compiler compiler;
    ww_diag diag;
} fixture;

/* (module (func (export "f"))) */
static const uint8_t module_bytes[] = {
    0x00, 'a',  's',  'm',  0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02,
    0x01, 0x00, 0x07, 0x05, 0x01, 0x01, 'f',  0x00, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b};
static const ww_view module = {module_bytes, sizeof module_bytes};

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    ww_engine_options options;
    test_folder_make(f->root);
    snprintf(f->folder, sizeof f->folder, "%s/cache", f->root);
    snprintf(f->state, sizeof f->state, "%s/state", f->root);
    ww_engine_options_default(&options, false);
    assert_ok(ww_engine_new(&options, ww_allocator_libc(), &f->engine, &f->diag));
    ww_cache_options cache = {f->folder, f->state, 1 << 20};
    assert_ok(ww_cache_open(&cache, ww_allocator_libc(), &f->cache, &f->diag));
    ww_cached_compiler_init(&f->compiler, f->cache, ww_allocator_libc());
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ww_cache_close(f->cache);
    ww_engine_free(f->engine);
    test_folder_remove(f->root);
    free(f);
    return 0;
}

static void compile(fixture *f)
{
    ww_module *compiled;
    uint32_t index;
    ww_compiler compiler = ww_cached_compiler_of(&f->compiler);
    assert_ok(compiler.compile(compiler.self, f->engine, module, &compiled, &f->diag));
    assert_true(ww_module_find_export(compiled, WW_VIEW_LITERAL("f"), &index));
    ww_module_free(compiled);
}

static void assert_counts(const fixture *f, uint64_t hits, uint64_t misses, uint64_t refused)
{
    assert_int_equal(f->compiler.hits, hits);
    assert_int_equal(f->compiler.misses, misses);
    assert_int_equal(f->compiler.refused, refused);
    assert_int_equal(f->compiler.stored, misses);
}

static void compile__second_time__comes_from_the_cache(void **state)
{
    fixture *f = *state;
    compile(f);
    assert_counts(f, 0, 1, 0);
    compile(f);
    assert_counts(f, 1, 1, 0);
}

static void compile__entry_forged_under_the_right_name__compiles_again(void **state)
{
    fixture *f = *state;
    compile(f);
    ww_cache_key key = ww_cache_key_of(ww_engine_fingerprint(f->engine), module);
    char path[2 * TEST_PATH_MAX];
    int size = snprintf(path, sizeof path, "%s/", f->folder);
    for (size_t i = 0; i < sizeof key.bytes; i++)
        size += snprintf(path + size, 3, "%02x", key.bytes[i]);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 100, SEEK_SET), 0);
    assert_int_equal(fputs("forged", file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    compile(f);
    assert_counts(f, 0, 2, 1);
    compile(f);
    assert_counts(f, 1, 2, 1);
}

static void compile__authentic_but_not_for_this_engine__compiles_again(void **state)
{
    fixture *f = *state;
    ww_cache_key key = ww_cache_key_of(ww_engine_fingerprint(f->engine), module);
    assert_ok(ww_cache_put(f->cache, &key, WW_VIEW_LITERAL("code of another age"), &f->diag));
    compile(f);
    assert_counts(f, 0, 1, 1);
}

static void compile__malformed_module__is_refused_and_not_stored(void **state)
{
    fixture *f = *state;
    ww_module *compiled;
    ww_compiler compiler = ww_cached_compiler_of(&f->compiler);
    ww_view cut = {module_bytes, sizeof module_bytes - 1};
    assert_int_equal(compiler.compile(compiler.self, f->engine, cut, &compiled, &f->diag),
                     WW_E_INVALID);
    assert_int_equal(f->compiler.stored, 0);
}

static void compile__no_cache__compiles_every_time(void **state)
{
    fixture *f = *state;
    ww_cached_compiler_init(&f->compiler, NULL, ww_allocator_libc());
    compile(f);
    compile(f);
    assert_int_equal(f->compiler.stored, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(compile__second_time__comes_from_the_cache, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(compile__entry_forged_under_the_right_name__compiles_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(compile__authentic_but_not_for_this_engine__compiles_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(compile__malformed_module__is_refused_and_not_stored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(compile__no_cache__compiles_every_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
