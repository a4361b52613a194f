/* node/journal.h - what a node must not forget of its bring-up: what was installed, and what is done.
 *
 * Model      Records one after another: size (32 bits), kind (8 bits), payload, and a checksum of all that
 *            (64 bits), little endian. An install's payload is its message (capnp/bringup.capnp, Install),
 *            that of a target that is up a byte for its sort and its name. A component's state
 *            is such a record alone in a file of its own (node/states.h). A record counts when it is
 *            whole: what a crash left of the last one, and whatever is behind a damaged one, is cut off when
 *            the journal is opened. The checksum finds damage; who may write the file is the owner.
 * Use        A target is recorded once, however often it is brought up, and a module is installed once; so a
 *            record is of no use only where an equal one stands in front of it: after an install that failed
 *            when the journal was read and was then asked for again, or a target that the node had no memory
 *            to remember. Such records are left out when the journal is compacted.
 * Bounds     WW_JOURNAL_BYTES_MAX. Nothing else is ever removed; whoever wants a node to forget removes the
 *            file.
 * Ownership  Views in records are the caller's bytes.
 * Threads    None of its own.
 * Trust      What a record holds is checked by whoever reads it, as if it came from outside.
 */
#pragma once
#include "base/bytes.h"

#define WW_JOURNAL_BYTES_MAX ((size_t)1 << 30)
#define WW_JOURNAL_NAME      "bringup.journal"

typedef enum ww_journal_kind {
    WW_JOURNAL_INSTALL = 1,
    WW_JOURNAL_DONE = 2,
    WW_JOURNAL_STATE = 3
} ww_journal_kind;

typedef struct ww_journal_record {
    ww_journal_kind kind;
    ww_view payload;
    ww_view whole; /* with what is around it */
} ww_journal_record;

/* Takes the next record from the front of *rest; false at the end, and in front of what is not whole. */
bool ww_journal_next(ww_view *rest, ww_journal_record *out);

/* A record in an empty buffer: what is appended between the two is its payload. E_LIMIT, E_MEMORY. */
WW_MUST_USE ww_status ww_journal_begin(ww_buf *out, ww_journal_kind kind);
/* No payload is appended behind that; makes room for the rest. */
WW_MUST_USE ww_status ww_journal_reserve_end(ww_buf *out);
void ww_journal_end(ww_buf *out); /* hashes all of it: not for the loop */

/* How many bytes are of no use; with `out`, appends all others to it. E_LIMIT, E_MEMORY. */
WW_MUST_USE ww_status ww_journal_compact(ww_view journal, const uint64_t key[2],
                                         const ww_allocator *allocator, size_t *useless,
                                         ww_buf *out);
