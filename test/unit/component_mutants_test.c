/* No prefix, no inverted byte and no flipped bit of a good component makes parsing, validation or
 * planning misbehave. Without arguments: a sample of the seeds of the fuzzer and of the guests that
 * the build made. `component_mutants_test WORKERS FILE...` tries them all.
 *
 * Most bytes of a component are code and data of its core modules, which parser and planner skip. In
 * the sanitizer build one run with these bytes out of bounds shows that nobody reads them; as nothing
 * can then depend on their values, each of them is only tried as the end of a prefix. */
#include "component/limits.h"
#include "component/plan.h"
#include "support/check.h"
#include "support/mutate.h"
#include "support/sanitized.h"
#include <dirent.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SAMPLE = 1000,
    FILE_BYTES_MAX = 4 << 20,
    PATH_BYTES_MAX = 1024,
    WORKERS_MAX = 64,
    HANG_SECONDS = 20,
    SKIPPED_BYTES_MIN = 1024, /* shorter code may be a shim's, which the planner reads */
};

/* Whatever it is, the answer is a model, or one line of text. */
static void take(void *arg, ww_view bytes)
{
    (void)arg;
    test_allocator allocator;
    test_allocator_init(&allocator, 0);
    ww_arena arena;
    ww_arena_init(&arena, &allocator.base, WW_MAX_PLAN_BYTES);
    const ww_model *model;
    const ww_plan *plan;
    ww_diag diag = {0};
    ww_status status = ww_model_parse(bytes, &arena, &model, &diag);
    if (!status) status = ww_plan_make(model, &arena, &plan, &diag);
    assert_true(!status || diag.text[0]);
    ww_arena_deinit(&arena);
    assert_int_equal(allocator.live_bytes, 0);
}

static ww_view read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("cannot open %s", path);
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    assert_non_null(bytes);
    size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
    fclose(file);
    return ww_view_of(bytes, size);
}

/* --- a sample -------------------------------------------------------------------------------- */

static void try_some(const char *path)
{
    ww_view bytes = read_file(path);
    take(NULL, bytes);
    test_some_mutants(bytes, SAMPLE, bytes.size, take, NULL);
    free((void *)(uintptr_t)bytes.data);
}

/* Answers how many files it found; a folder may be absent. */
static size_t try_folder(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[PATH_BYTES_MAX];
        if (entry->d_type != DT_REG) continue;
        assert_true(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path);
        try_some(path);
        count++;
    }
    if (dir) closedir(dir);
    return count;
}

static void mutants__of_the_fuzzers_seeds__are_answered(void **state)
{
    (void)state;
    assert_true(try_folder("fuzz/corpus/component") > 0);
}

static void mutants__of_real_guests__are_answered(void **state)
{
    (void)state;
    const char *build = getenv("WW_BUILD");
    if (!build) skip();
    char own[PATH_BYTES_MAX], outer[PATH_BYTES_MAX]; /* outer: for the sanitizer build */
    assert_true(snprintf(own, sizeof own, "%s/guests", build) < (int)sizeof own);
    assert_true(snprintf(outer, sizeof outer, "%s/../guests", build) < (int)sizeof outer);
    if (!try_folder(own) && !try_folder(outer)) skip();
}

/* --- all of them ----------------------------------------------------------------------------- */

/* One file; shared by all workers of it. */
typedef struct work {
    ww_view bytes;
    uint32_t workers;
    bool *skipped;                    /* by byte */
    volatile size_t now[WORKERS_MAX]; /* the mutant at which each worker is */
    volatile size_t tried[WORKERS_MAX];
} work;

static size_t leb(ww_view bytes, size_t *at)
{
    size_t value = 0;
    for (unsigned shift = 0; *at < bytes.size; shift += 7) {
        uint8_t byte = bytes.data[(*at)++];
        value |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) break;
    }
    return value;
}

/* Poison reaches neither into nor beyond the eight bytes that another part shares. */
static void skip_part(work *w, const uint8_t *part, size_t size)
{
    size_t first = (size_t)(part - w->bytes.data), end = (first + size) & ~(size_t)7;
    if (size < SKIPPED_BYTES_MIN) return;
    memset(w->skipped + first, true, end - first);
}

/* `bytes` is a good component or core module. */
static void find_skipped(work *w, ww_view bytes)
{
    enum { CUSTOM = 0, MODULE = 1, COMPONENT = 4, CODE = 10, DATA = 11, PREAMBLE_BYTES = 8 };
    bool is_component = bytes.data[4] == 0x0d;
    for (size_t at = PREAMBLE_BYTES; at < bytes.size;) {
        uint8_t id = bytes.data[at++];
        size_t size = leb(bytes, &at), content = at;
        if (id == CUSTOM) {
            content += leb(bytes, &content); /* its name is read */
            skip_part(w, bytes.data + content, at + size - content);
        } else if (is_component && (id == MODULE || id == COMPONENT)) {
            find_skipped(w, ww_view_of(bytes.data + at, size));
        } else if (!is_component && (id == CODE || id == DATA)) {
            skip_part(w, bytes.data + at, size);
        }
        at += size;
    }
}

static void require_unread(const work *w)
{
    uint8_t *copy = malloc(w->bytes.size);
    assert_non_null(copy);
    memcpy(copy, w->bytes.data, w->bytes.size);
    for (size_t at = 0, end; at < w->bytes.size; at = end) {
        for (end = at + 1; end < w->bytes.size && w->skipped[end] == w->skipped[at];)
            end++;
        if (w->skipped[at]) ASAN_POISON_MEMORY_REGION(copy + at, end - at);
    }
    take(NULL, ww_view_of(copy, w->bytes.size));
    ASAN_UNPOISON_MEMORY_REGION(copy, w->bytes.size);
    free(copy);
}

static void work_share(work *w, uint32_t worker)
{
    size_t all = w->bytes.size * TEST_MUTANTS_PER_BYTE;
    test_mutator mutator;
    test_mutator_init(&mutator, w->bytes);
    for (size_t i = worker; i < all; i += w->workers) {
        bool prefix = i % TEST_MUTANTS_PER_BYTE == 0;
        if (!prefix && w->skipped[i / TEST_MUTANTS_PER_BYTE]) continue;
        w->now[worker] = i;
        w->tried[worker]++;
        alarm(HANG_SECONDS);
        take(NULL, test_mutant(&mutator, i));
    }
    alarm(0);
    test_mutator_deinit(&mutator);
}

static bool await_workers(const work *w, const pid_t *pids, const char *path)
{
    bool good = true;
    for (uint32_t i = 0; i < w->workers; i++) {
        int status;
        while (waitpid(pids[i], &status, 0) < 0)
            ;
        if (status == 0) continue;
        good = false;
        printf("%s: byte %zu, mutant %zu of it: wait status %#x\n", path,
               w->now[i] / TEST_MUTANTS_PER_BYTE, w->now[i] % TEST_MUTANTS_PER_BYTE,
               (unsigned)status);
    }
    return good;
}

static void report(const work *w, const char *path, time_t began)
{
    size_t tried = 0, skipped = 0;
    for (uint32_t i = 0; i < w->workers; i++)
        tried += w->tried[i];
    for (size_t i = 0; i < w->bytes.size; i++)
        skipped += w->skipped[i];
    printf("%s: %zu bytes, of which %zu are not read; %zu mutants in %lld s\n", path, w->bytes.size,
           skipped, tried, (long long)(time(NULL) - began));
    fflush(stdout);
}

static bool try_all(const char *path, uint32_t workers)
{
    time_t began = time(NULL);
    work *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(w != MAP_FAILED);
    w->bytes = read_file(path);
    w->workers = workers;
    w->skipped = calloc(w->bytes.size, sizeof *w->skipped);
    assert_non_null(w->skipped);
    take(NULL, w->bytes);
    if (test_is_sanitized()) {
        find_skipped(w, w->bytes);
        require_unread(w);
    }
    pid_t pids[WORKERS_MAX];
    for (uint32_t i = 0; i < workers; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            work_share(w, i);
            _exit(0);
        }
    }
    bool good = await_workers(w, pids, path);
    report(w, path, began);
    free(w->skipped);
    free((void *)(uintptr_t)w->bytes.data);
    munmap(w, sizeof *w);
    return good;
}

static int try_all_files(char **args)
{
    uint32_t workers = (uint32_t)strtoul(args[0], NULL, 10);
    bool good = workers && workers <= WORKERS_MAX;
    for (int i = 1; good && args[i]; i++)
        good = try_all(args[i], workers);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 2) return try_all_files(argv + 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutants__of_the_fuzzers_seeds__are_answered),
        cmocka_unit_test(mutants__of_real_guests__are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
