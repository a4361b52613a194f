/* test/conformance/conformance.h - runs the suites of the component model as wasm-tools converts
 * them: JSON files of commands with the binaries they name (`wasm-tools json-from-wast`).
 *
 * Model      A file is run command by command; each command passes, fails, or is skipped because
 *            the committed list (skips.txt) names its file, or its file and line, with a reason. A
 *            command that this program does not know fails.
 */
#pragma once
#include "component/instance.h"
#include "component/model.h"
#include <jansson.h>
#include <stdio.h>

/* --- values (value.c) --- */

/* JSON to host layout; what strings and lists point to is taken from `arena`. */
bool conformance_value_read(const json_t *json, const ww_type *type, void *out, ww_arena *arena);
bool conformance_value_equal(const json_t *json, const ww_type *type, const void *value);

/* --- what the suites import (fixture.c) --- */

enum { CONFORMANCE_MODULES_MAX = 64 };

typedef struct conformance_fixture {
    ww_linker *linker;
    struct {
        char name[256];
        ww_view wasm;
    } modules[CONFORMANCE_MODULES_MAX];
    uint32_t module_count;
    struct conformance_tables *tables;
    uint32_t last_drop, drops;
} conformance_fixture;

void conformance_fixture_init(conformance_fixture *fixture);
/* Offers a core module, in place of one of the same name. Borrows `wasm`. */
bool conformance_fixture_offer(conformance_fixture *fixture, const char *name, ww_view wasm);
void conformance_fixture_deinit(conformance_fixture *fixture);

/* --- files (suite.c) --- */

typedef struct conformance_skips {
    char *text; /* lines "FILE[:LINE] reason" */
} conformance_skips;

typedef struct conformance_count {
    unsigned passed, failed, skipped;
    const char *reason; /* of the last one skipped; points into the list */
} conformance_count;

typedef struct conformance_run {
    ww_engine *engine;
    const conformance_skips *skips;
    FILE *log; /* a line for each failure */
} conformance_run;

/* `name` is what skips.txt calls the file: its path below the root, without ".json". */
conformance_count conformance_file(const conformance_run *run, const char *path, const char *name);
