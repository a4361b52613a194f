#include "audit/ring.h"

ww_status ww_audit_ring_init(ww_audit_ring *ring, const ww_allocator *allocator,
                             uint32_t record_count)
{
    WW_ASSERT(record_count && record_count <= WW_AUDIT_RECORDS_MAX);
    WW_ASSERT((record_count & (record_count - 1)) == 0);
    *ring = (ww_audit_ring){.allocator = allocator, .mask = record_count - 1};
    ring->records = ww_alloc_zeroed(allocator, record_count * sizeof *ring->records);
    return ring->records ? WW_OK : WW_E_MEMORY;
}

void ww_audit_ring_deinit(ww_audit_ring *ring)
{
    if (!ring->records) return;
    ww_free(ring->allocator, ring->records, ((size_t)ring->mask + 1) * sizeof *ring->records);
    *ring = (ww_audit_ring){0};
}

const ww_audit_record *ww_audit_at(const ww_audit_ring *ring, uint64_t sequence)
{
    const ww_audit_record *record = &ring->records[sequence & ring->mask];
    return sequence && record->sequence == sequence ? record : NULL;
}
