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
 *            A node that was just killed has the file until the system has taken it apart, so one that
 *            somebody has is asked for again and again for a while; what is added meanwhile waits.
 *
 * Ownership  Owned by the bring-up. A record is its owner's until it is added, and again from `done` on.
 * Bounds     WW_JOURNAL_BYTES_MAX; WW_KEEPER_BATCH records at once; WW_KEEPER_PATIENCE_NS for a file that
 *            another process has.
 * Errors     A journal that cannot be had or written is a warning, and a fault to be shown: the node goes on
 *            without.
 * Threads    The loop's; a worker writes. Whoever gets the file reads, and compacts, it on the spot.
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
#define WW_KEEPER_PATIENCE_NS (2 * WW_NS_PER_S)

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

typedef struct ww_keeper ww_keeper;
struct ww_keeper {
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
    ww_task skip;    /* instead of the job, when nothing is kept */
    bool is_waiting; /* for another process to let go of the file */
    ww_timer retry;
    uint64_t patience_until_ns;
    ww_diag fault;
    void (*opened)(ww_keeper *self);
};

typedef struct ww_keeper_options {
    const char *folder; /* borrowed */
    uint64_t key[2];    /* of hash tables */
    const ww_allocator *allocator;
    const ww_log *log;
    ww_loop *loop;
    /* Once, from the loop, after an opening that had to wait; may be NULL. Not after ww_keeper_drain. */
    void (*opened)(ww_keeper *self);
} ww_keeper_options;

/* Reads what is there, if anything; what another process has, later: see `opened`. */
void ww_keeper_open(ww_keeper *keeper, const ww_keeper_options *options);
/* Turns the loop until all that was added is on the disk; more may be added meanwhile. Waits for nobody's file. */
void ww_keeper_drain(ww_keeper *keeper); /* also fit for a zeroed one, as the next one */
/* After ww_keeper_drain. */
void ww_keeper_close(ww_keeper *keeper);

/* Whether it waits for the file. */
bool ww_keeper_is_waiting(const ww_keeper *keeper);
/* Why nothing is kept, now or at all; empty when all is well. */
ww_view ww_keeper_fault(const ww_keeper *keeper);

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
