/* component/reader.h - strict reading of the binary format's atoms.
 *
 * Model      A reader walks a part of the root binary. It fails once: the first failure is written
 *            to `diag` with the byte it happened at, and from then on every read gives zeros and
 *            the reader is at its end, so that a decoder may check `status` once per construct.
 *            Loops over a foreign count must run on ww_reader_more.
 * Ownership  Views borrow the binary.
 * Trust      Every byte is hostile; nothing is read beyond the end.
 */
#pragma once
#include "base/bytes.h"

typedef struct ww_reader {
    const uint8_t *base; /* byte 0 of the root binary: what offsets count from */
    size_t at, end;
    ww_status status;
    ww_diag *diag;
} ww_reader;

/* Text gets "byte N: " in front. Only the first failure counts. Returns the reader's status. */
ww_status ww_reader_fail(ww_reader *r, size_t at, ww_status status, const char *format, ...)
    WW_PRINTF(4, 5);

static inline bool ww_reader_ok(const ww_reader *r)
{
    return r->status == WW_OK;
}

/* Bytes are left, and nothing failed. */
static inline bool ww_reader_more(const ww_reader *r)
{
    return r->at < r->end;
}

uint8_t ww_reader_u8(ww_reader *r);
uint8_t ww_reader_peek(ww_reader *r); /* the next byte, which stays; it must be there */
uint32_t ww_reader_u32(ww_reader *r); /* LEB128, at most 5 bytes, unused bits zero */
uint64_t ww_reader_u64(ww_reader *r); /* at most 10 bytes */
int64_t ww_reader_s33(ww_reader *r);
void ww_reader_skip_sleb(ww_reader *r, unsigned bits);
ww_view ww_reader_take(ww_reader *r, size_t size);

/* A count of things that take at least one byte each. E_LIMIT above `max`, naming `what`. */
uint32_t ww_reader_count(ww_reader *r, uint32_t max, const char *what);

/* u32 length and UTF-8, not longer than WW_MAX_NAME_BYTES. */
ww_view ww_reader_name(ww_reader *r);

/* A reader of the next `size` bytes, which r leaves behind. It shares the diagnostic; hand its
 * failure back with ww_reader_join. */
ww_reader ww_reader_part(ww_reader *r, size_t size);

/* `part` must have been read to its end; its failure becomes r's. */
void ww_reader_join(ww_reader *r, ww_reader *part, const char *what);
