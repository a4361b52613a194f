/* audit/ring.h - the newest records of what guests asked of their host.
 *
 * Model      Every host call leaves one record of a fixed size; a call that waits leaves one more,
 *            with the outcome WW_AGAIN, when it starts to wait. The ring keeps the newest ones; a
 *            reader takes what it needs before they are overwritten, and sees a gap in `sequence`
 *            if it came too late.
 * Bounds     record_count is a power of two up to WW_AUDIT_RECORDS_MAX.
 * Threads    A ring belongs to one loop's thread.
 */
#pragma once
#include "base/alloc.h"

enum { WW_AUDIT_RECORDS_MAX = 1 << 20 };

typedef struct ww_audit_record {
    uint64_t sequence; /* from 1, without gaps; 0: never written */
    uint64_t time_ns;  /* the loop's clock */
    uint64_t bytes;    /* contents of strings and lists, both ways */
    uint32_t cell;
    uint16_t function; /* gen/wit/functions.h */
    uint8_t outcome;   /* ww_status */
    uint8_t class;     /* ww_audit_class of the function's policy row */
} ww_audit_record;

_Static_assert(sizeof(ww_audit_record) == 32, "two records to a cache line");

typedef struct ww_audit_ring {
    const ww_allocator *allocator;
    ww_audit_record *records;
    uint64_t written; /* sequence of the newest record */
    uint32_t mask;
} ww_audit_ring;

WW_MUST_USE ww_status ww_audit_ring_init(ww_audit_ring *ring, const ww_allocator *allocator,
                                         uint32_t record_count);
void ww_audit_ring_deinit(ww_audit_ring *ring); /* also fit for a zeroed ring */

/* `record.sequence` is set here. */
static inline void ww_audit_append(ww_audit_ring *ring, ww_audit_record record)
{
    record.sequence = ++ring->written;
    ring->records[ring->written & ring->mask] = record;
}

/* NULL if it was not written yet or is overwritten already. */
const ww_audit_record *ww_audit_at(const ww_audit_ring *ring, uint64_t sequence);
