/* node/keeper.h - the journal of a node's bring-up, on the disk.
 *
 * Model      One file in the state folder, of the first node that has something to keep or finds it; other
 *            nodes of the same user keep nothing. Reading it gives the installs in order, and names the
 *            targets that were up; when more than half of it is of no use (node/journal.h), it is written anew
 *            without that. What is added is written in order by a job, all that has come together at once;
 *            whoever added it is told when it is on the disk.
 *
 *              ww_keeper_add -> waiting -job-> on the disk -> done
 *
 * Ownership  Owned by the bring-up. A record is its owner's until it is added, and again from `done` on.
 * Bounds     WW_JOURNAL_BYTES_MAX; WW_KEEPER_BATCH records at once.
 * Errors     A journal that cannot be had or written is a warning: the node goes on without.
 * Threads    The loop's; a worker writes. Opening reads, and compacts, before it returns.
 */
#pragma once
#include "base/log.h"
#include "base/names.h"
#include "bootstrap/bootstrap.h"
#include "capnp/bringup.capnp.h"
#include "node/journal.h"
#include "os/append.h"
#include "os/loop.h"

enum { WW_KEEPER_BATCH = 64 };

/* A record on its way to the disk. */
typedef struct ww_keep ww_keep;
struct ww_keep {
    ww_keep *next;
    ww_buf bytes;
    void (*done)(ww_keep *self); /* from the loop, once: it is kept, or will not be */
};

/* The worker's while it runs. */
typedef struct ww_keeper_job {
    ww_job job;
    const char *folder;
    ww_append_file file;
    ww_keep *batch;
    ww_status status;
    ww_diag diag;
} ww_keeper_job;

typedef struct ww_keeper {
    const ww_allocator *allocator;
    const ww_log *log;
    ww_loop *loop;
    uint64_t key[2];
    ww_buf content;         /* as it was found, until all of it was given out */
    ww_view rest;           /* of it, not yet given out */
    ww_names done;          /* a byte for the sort, and the name */
    bool is_refused;        /* another node has it, or it failed: nothing is kept */
    ww_keep *first, **last; /* that wait */
    bool is_busy;           /* with the job's batch */
    ww_keeper_job job;
    ww_task skip; /* instead of the job, when nothing is kept */
} ww_keeper;

typedef struct ww_keeper_options {
    const char *folder; /* borrowed */
    uint64_t key[2];    /* of hash tables */
    const ww_allocator *allocator;
    const ww_log *log;
    ww_loop *loop;
} ww_keeper_options;

/* Reads what is there, if anything. */
void ww_keeper_open(ww_keeper *keeper, const ww_keeper_options *options);
/* Turns the loop until all that was added is on the disk; more may be added meanwhile. */
void ww_keeper_drain(ww_keeper *keeper); /* also fit for a zeroed one, as the next one */
/* After ww_keeper_drain. */
void ww_keeper_close(ww_keeper *keeper);

/* The next install that was found: its message, until the next call. False after the last. */
bool ww_keeper_next(ww_keeper *keeper, ww_view *message);
bool ww_keeper_is_done(const ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target);

/* A record of an install, to be added or forgotten. E_LIMIT, E_MEMORY. */
WW_MUST_USE ww_status ww_keep_install(const ww_keeper *keeper, bringup_install_r install,
                                      ww_keep *out);
void ww_keep_deinit(ww_keep *keep);
/* Takes the record. Never fails: `done` follows. */
void ww_keeper_add(ww_keeper *keeper, ww_keep *keep);
/* Adds that the target is up, unless that is known. */
void ww_keeper_add_done(ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target);
