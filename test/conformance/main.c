/* conformance DIR [REPORT]: runs every JSON file below DIR and writes a report in Markdown. */
#include "conformance.h"
#include "support/sanitized.h"
#include <fts.h>
#include <stdlib.h>
#include <string.h>

typedef struct report {
    FILE *out;
    conformance_count total;
    unsigned files;
} report;

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = calloc(1, 1 << 20);
    size_t size = text ? fread(text, 1, (1 << 20) - 1, file) : 0;
    if (text) text[size] = '\0';
    fclose(file);
    return text;
}

static void add_row(report *r, const char *name, const conformance_count *count)
{
    int reason = count->reason ? (int)strcspn(count->reason, "\n") : 0;
    fprintf(r->out, "| %s | %u | %u | %u | %.*s |\n", name, count->passed, count->failed,
            count->skipped, reason, count->reason ? count->reason : "");
    r->total.passed += count->passed;
    r->total.failed += count->failed;
    r->total.skipped += count->skipped;
    r->files++;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void run_tree(const conformance_run *run, char *root, report *r)
{
    char *const paths[] = {root, NULL};
    FTS *tree = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!tree) return;
    for (FTSENT *entry; (entry = fts_read(tree));) {
        if (entry->fts_info != FTS_F || entry->fts_pathlen < 5) continue;
        size_t length = entry->fts_pathlen - strlen(".json");
        if (strcmp(entry->fts_path + length, ".json")) continue;
        /* SUITE/path/FILE/FILE.json is called SUITE/path/FILE. */
        const char *below = entry->fts_path + strlen(root);
        while (*below == '/')
            below++;
        const char *slash = strrchr(below, '/');
        char *name = strndup(below, slash ? (size_t)(slash - below) : strlen(below));
        conformance_count count = conformance_file(run, entry->fts_path, name);
        add_row(r, name, &count);
        free(name);
    }
    fts_close(tree);
}

static void write_head(FILE *out, const char *root)
{
    fputs("# Conformance\n\nWritten by `make conformance`: the suites of the component-model "
          "specification and of Wasmtime, converted by `wasm-tools json-from-wast`.\n\n",
          out);
    static const char *const revisions[] = {"spec", "wasmtime"};
    for (size_t i = 0; i < WW_COUNT_OF(revisions); i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.rev", root, revisions[i]);
        char *revision = read_text(path);
        if (revision)
            fprintf(out, "- %s: %.*s\n", revisions[i], (int)strcspn(revision, "\n"), revision);
        free(revision);
    }
    fputs("\n| file | pass | fail | skip | why skipped |\n|---|---|---|---|---|\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fputs("usage: conformance DIR [REPORT [SKIPS]]\n", stderr);
        return 2;
    }
    ww_engine_options options;
    ww_engine_options_default(&options, false);
    options.signals = !test_is_sanitized();
    ww_diag diag;
    conformance_skips skips = {read_text(argc > 3 ? argv[3] : "test/conformance/skips.txt")};
    conformance_run run = {.skips = &skips, .log = stderr};
    report r = {.out = argc > 2 ? fopen(argv[2], "w") : stdout};
    if (!r.out || ww_engine_new(&options, ww_allocator_libc(), &run.engine, &diag)) return 1;
    write_head(r.out, argv[1]);
    run_tree(&run, argv[1], &r);
    fprintf(r.out, "| **%u files** | %u | %u | %u | |\n", r.files, r.total.passed, r.total.failed,
            r.total.skipped);
    ww_engine_free(run.engine);
    free(skips.text);
    if (r.out != stdout) fclose(r.out);
    return r.total.failed ? 1 : 0;
}
