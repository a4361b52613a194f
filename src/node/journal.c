#include "node/journal.h"
#include "base/names.h"

enum { HEAD_BYTES = 5, SUM_BYTES = 8 };

static uint64_t sum_of(ww_view bytes)
{
    static const uint64_t key[2] = {0x77772d6272696e67, 0x75702d6a6f75726e};
    return ww_siphash13(key, bytes);
}

bool ww_journal_next(ww_view *rest, ww_journal_record *out)
{
    if (rest->size < HEAD_BYTES + SUM_BYTES) return false;
    size_t size = ww_le32(rest->data);
    if (size > rest->size - HEAD_BYTES - SUM_BYTES) return false;
    ww_view record = ww_view_of(rest->data, HEAD_BYTES + size);
    if (ww_le64(record.data + record.size) != sum_of(record)) return false;
    uint8_t kind = record.data[4];
    if (kind < WW_JOURNAL_INSTALL || kind > WW_JOURNAL_STATE) return false;
    ww_view whole = ww_view_of(record.data, record.size + SUM_BYTES);
    *out = (ww_journal_record){(ww_journal_kind)kind, ww_view_of(record.data + HEAD_BYTES, size),
                               whole};
    *rest = ww_view_of(whole.data + whole.size, rest->size - whole.size);
    return true;
}

ww_status ww_journal_begin(ww_buf *out, ww_journal_kind kind)
{
    uint8_t head[HEAD_BYTES] = {[4] = (uint8_t)kind};
    WW_ASSERT(!out->size);
    return ww_buf_append(out, head, sizeof head);
}

ww_status ww_journal_reserve_end(ww_buf *out)
{
    uint8_t *room;
    if (out->size - HEAD_BYTES > WW_JOURNAL_BYTES_MAX) return WW_E_LIMIT;
    return ww_buf_reserve(out, SUM_BYTES, &room);
}

void ww_journal_end(ww_buf *out)
{
    uint8_t sum[SUM_BYTES];
    ww_put_le32(out->data, (uint32_t)(out->size - HEAD_BYTES));
    ww_put_le64(sum, sum_of(ww_buf_view(out)));
    ww_status status = ww_buf_append(out, sum, sizeof sum);
    WW_ASSERT(!status); /* room was reserved */
}

/* --- compacting --- */

typedef struct seen {
    ww_names sums;
    ww_buf records; /* by the number of its sum: the first that has it */
} seen;

/* EXISTS: an equal one was there. */
static ww_status see(seen *s, ww_view whole)
{
    uint32_t id, known = s->sums.count;
    ww_view sum = ww_view_of(whole.data + whole.size - SUM_BYTES, SUM_BYTES);
    ww_status status = ww_names_intern_borrowed(&s->sums, sum, &id);
    if (status) return status;
    if (id == known) return ww_buf_append(&s->records, &whole, sizeof whole);
    ww_view first;
    memcpy(&first, s->records.data + id * sizeof first, sizeof first);
    return ww_view_equal(first, whole) ? WW_E_EXISTS : WW_OK;
}

ww_status ww_journal_compact(ww_view journal, const uint64_t key[2], const ww_allocator *allocator,
                             size_t *useless, ww_buf *out)
{
    seen all;
    ww_journal_record record;
    ww_status status = WW_OK;
    *useless = 0;
    ww_names_init(&all.sums, allocator, key, WW_JOURNAL_BYTES_MAX / (HEAD_BYTES + SUM_BYTES));
    ww_buf_init(&all.records, allocator, SIZE_MAX);
    while (!status && ww_journal_next(&journal, &record)) {
        status = see(&all, record.whole);
        if (status == WW_E_EXISTS) {
            *useless += record.whole.size;
            status = WW_OK;
        } else if (!status && out) {
            status = ww_buf_append(out, record.whole.data, record.whole.size);
        }
    }
    ww_buf_deinit(&all.records);
    ww_names_deinit(&all.sums);
    return status;
}
