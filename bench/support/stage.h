/* bench/support/stage.h - what cells need to run: the parts of a node, without its policy. */
#pragma once
#include "cell/cell.h"

typedef struct bench_stage {
    ww_loop *loop;
    ww_ticker *ticker;
    ww_engine *engine;
    ww_linker *linker;
    ww_random_system random;
    ww_audit_ring audit;
    ww_principal principal;
    ww_authority authority;
} bench_stage;

void bench_stage_init(bench_stage *stage);
void bench_stage_deinit(bench_stage *stage);

ww_program *bench_load(bench_stage *stage, const char *path);

/* Streams may be NULL. `arg` is the guest's only argument behind its name, or NULL. */
typedef struct bench_guest {
    ww_program *program;
    const char *arg;
    ww_source *input;
    ww_sink *output;
    ww_cell_on_end on_end;
} bench_guest;

ww_cell *bench_spawn(bench_stage *stage, const bench_guest *guest);
