/* node/journal.h - what a node must not forget of its bring-up: what was installed, and what is done.
 *
 * Model      Records one after another: size (32 bits), kind (8 bits), payload, and a checksum of all that
 *            (64 bits), little endian. An install's payload is its message (capnp/bringup.capnp, Install),
 *            that of a target that is up a byte for its sort and its name. A record counts when it is
 *            whole: what a crash left of the last one, and whatever is behind a damaged one, is cut off when
 *            the journal is opened. The checksum finds damage; who may write the file is the owner.
 * Bounds     WW_JOURNAL_BYTES_MAX. Nothing is ever removed; whoever wants a node to forget removes the file.
 * Ownership  Views in records are the caller's bytes.
 * Threads    None of its own.
 * Trust      What a record holds is checked by whoever reads it, as if it came from outside.
 */
#pragma once
#include "base/bytes.h"

#define WW_JOURNAL_BYTES_MAX ((size_t)1 << 30)
#define WW_JOURNAL_NAME      "bringup.journal"

typedef enum ww_journal_kind { WW_JOURNAL_INSTALL = 1, WW_JOURNAL_DONE = 2 } ww_journal_kind;

typedef struct ww_journal_record {
    ww_journal_kind kind;
    ww_view payload;
} ww_journal_record;

/* Takes the next record from the front of *rest; false at the end, and in front of what is not whole. */
bool ww_journal_next(ww_view *rest, ww_journal_record *out);

/* E_LIMIT, E_MEMORY. */
WW_MUST_USE ww_status ww_journal_write(ww_journal_record record, ww_buf *out);
