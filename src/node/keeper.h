/* node/keeper.h - the journal of a node's bring-up, on the disk.
 *
 * Model      One file in the state folder, of the first node that has something to keep or finds it; other
 *            nodes of the same user keep nothing. Reading it gives the installs in order, and names the
 *            targets that were up.
 * Ownership  Owned by the bring-up.
 * Errors     A journal that cannot be had or written is a warning: the node goes on without.
 * Threads    The loop's, which waits for the disk once for each install and each target.
 */
#pragma once
#include "base/log.h"
#include "base/names.h"
#include "bootstrap/bootstrap.h"
#include "capnp/bringup.capnp.h"
#include "os/append.h"

typedef struct ww_keeper {
    const ww_allocator *allocator;
    const ww_log *log;
    const char *folder; /* borrowed */
    ww_append_file file;
    ww_buf content;  /* as it was found */
    ww_view rest;    /* of it, not yet given out */
    ww_names done;   /* a byte for the sort, and the name */
    bool is_refused; /* another node has it, or it failed: nothing is kept */
} ww_keeper;

/* Reads what is there, if anything. */
void ww_keeper_open(ww_keeper *keeper, const char *folder, const uint64_t key[2],
                    const ww_allocator *allocator, const ww_log *log);
void ww_keeper_close(ww_keeper *keeper); /* also fit for a zeroed one */

/* The next install that was found: its message. False after the last. */
bool ww_keeper_next(ww_keeper *keeper, ww_view *message);
bool ww_keeper_is_done(const ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target);

void ww_keeper_add_install(ww_keeper *keeper, bringup_install_r install);
void ww_keeper_add_done(ww_keeper *keeper, ww_bootstrap_kind kind, ww_view target);
