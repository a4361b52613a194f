/* No prefix, no inverted byte and no flipped bit of a good component makes parsing, validation or
 * planning misbehave. Without arguments: a sample of the seeds of the fuzzer and of the guests that
 * the build made. `component_mutants_test FOLDER` tries all of every file in a folder. */
#include "component/limits.h"
#include "component/plan.h"
#include "support/check.h"
#include "support/mutate.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLE = 1000, FILE_BYTES_MAX = 4 << 20, PATH_BYTES_MAX = 1024 };

/* Whatever it is, the answer is a model, or one line of text. */
static void take(void *arg, ww_view bytes)
{
    (void)arg;
    ww_arena arena;
    ww_arena_init(&arena, ww_allocator_libc(), WW_MAX_PLAN_BYTES);
    const ww_model *model;
    const ww_plan *plan;
    ww_diag diag = {0};
    ww_status status = ww_model_parse(bytes, &arena, &model, &diag);
    if (!status) status = ww_plan_make(model, &arena, &plan, &diag);
    assert_true(!status || diag.text[0]);
    ww_arena_deinit(&arena);
}

static void try_file(const char *path, bool all)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    assert_non_null(bytes);
    if (!file) fail_msg("cannot open %s", path);
    size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
    fclose(file);
    take(NULL, ww_view_of(bytes, size));
    uint32_t share = all ? 1 : (uint32_t)(size * 10 / SAMPLE + 1);
    size_t count = test_each_mutant(ww_view_of(bytes, size), share, size, take, NULL);
    if (all) printf("%s: %zu mutants\n", path, count);
    free(bytes);
}

/* Answers how many files it found; a folder may be absent. */
static size_t try_folder(const char *folder, bool all)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[PATH_BYTES_MAX];
        if (entry->d_type != DT_REG) continue;
        assert_true(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path);
        try_file(path, all);
        count++;
    }
    if (dir) closedir(dir);
    return count;
}

static void mutants__of_the_fuzzers_seeds__are_answered(void **state)
{
    (void)state;
    assert_true(try_folder("fuzz/corpus/component", false) > 0);
}

static void mutants__of_real_guests__are_answered(void **state)
{
    (void)state;
    const char *build = getenv("WW_BUILD");
    if (!build) skip();
    char own[PATH_BYTES_MAX], outer[PATH_BYTES_MAX]; /* outer: for the sanitizer build */
    assert_true(snprintf(own, sizeof own, "%s/guests", build) < (int)sizeof own);
    assert_true(snprintf(outer, sizeof outer, "%s/../guests", build) < (int)sizeof outer);
    if (!try_folder(own, false) && !try_folder(outer, false)) skip();
}

int main(int argc, char **argv)
{
    if (argc == 2) return try_folder(argv[1], true) ? 0 : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutants__of_the_fuzzers_seeds__are_answered),
        cmocka_unit_test(mutants__of_real_guests__are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
