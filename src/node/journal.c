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
    if (kind != WW_JOURNAL_INSTALL && kind != WW_JOURNAL_DONE) return false;
    *out = (ww_journal_record){(ww_journal_kind)kind, ww_view_of(record.data + HEAD_BYTES, size)};
    *rest = ww_view_of(record.data + record.size + SUM_BYTES, rest->size - record.size - SUM_BYTES);
    return true;
}

ww_status ww_journal_write(ww_journal_record record, ww_buf *out)
{
    uint8_t head[HEAD_BYTES], sum[SUM_BYTES];
    size_t start = out->size;
    if (record.payload.size > WW_JOURNAL_BYTES_MAX) return WW_E_LIMIT;
    ww_put_le32(head, (uint32_t)record.payload.size);
    head[4] = (uint8_t)record.kind;
    ww_status status = ww_buf_append(out, head, sizeof head);
    if (!status) status = ww_buf_append(out, record.payload.data, record.payload.size);
    if (status) return status;
    ww_put_le64(sum, sum_of(ww_view_of(out->data + start, out->size - start)));
    return ww_buf_append(out, sum, sizeof sum);
}
