/* node/programs.h - components by their content: compiled once, kept while they are used.
 *
 * Model      The programs that were loaded last are kept with their bytes, and found by a hash of all
 *            of them (os/content_hash.h); what it finds is then compared. What is not there is
 *            compiled by a job; whoever asks for the same bytes meanwhile waits for the same job.
 *            Up to WW_PROGRAM_PORTION bytes are looked up at once. Larger components stand in a
 *            queue, of which each turn of the loop hashes or compares that much.
 * Ownership  Borrows what it is made of. Programs may outlive it.
 * Bounds     WW_PROGRAMS_KEPT programs of WW_PROGRAM_BYTES_KEPT bytes together: the one that was not
 *            asked for for the longest time goes. WW_COMPILATIONS_MAX at a time, waiting or running, and
 *            of each account what account/account.h says.
 * Errors     E_QUOTA above that; what the compiler says.
 * Threads    The loop's; `compile` runs on a worker.
 * Trust      Components are hostile.
 */
#pragma once
#include "component/instance.h"
#include "os/loop.h"
#include "rpc/spawner.h"

#define WW_PROGRAM_BYTES_KEPT ((size_t)256 << 20)
enum {
    WW_PROGRAMS_KEPT = 256,
    WW_PROGRAM_BUCKETS = 256,
    WW_PROGRAM_PORTION = 256 << 10,
    WW_COMPILATIONS_MAX = 64
};

typedef struct ww_program_maker {
    void *self;
    ww_status (*compile)(void *self, ww_view component, ww_program **out, ww_diag *diag);
} ww_program_maker;

typedef struct ww_programs {
    const ww_allocator *allocator;
    ww_loop *loop;
    ww_program_maker maker;
    ww_content_key key;
    ww_task task; /* posted while loads stand in the queue: */
    ww_load *first, **last;
    struct ww_kept_program *newest, *oldest;
    struct ww_kept_program *buckets[WW_PROGRAM_BUCKETS]; /* the same, by their hashes */
    uint32_t kept_count;
    size_t kept_bytes;
    struct ww_compilation *compilations;
    uint32_t compilation_count;
    uint64_t compiled; /* so far */
    bool is_closed;
} ww_programs;

/* Takes the hash's secret from `random`. */
void ww_programs_init(ww_programs *programs, const ww_allocator *allocator, ww_loop *loop,
                      ww_random *random, ww_program_maker maker);
/* Forgets what is kept. Compilations under way end with the loop; they and the queue answer nobody. */
void ww_programs_close(ww_programs *programs);

/* See rpc/spawner.h. */
void ww_programs_load(ww_programs *programs, ww_view component, ww_load *load);

ww_program *ww_programs_program(const ww_loaded *loaded); /* borrowed */
