/* dataflow/wire.h - the protobuf wire format, read and written without recursion or copies.
 *
 * Model      A reader walks the fields of one message; a field that holds a message is walked by a
 *            reader made from it. Offsets count from the start of the outermost bytes, so that an
 *            error can name its place.
 * Ownership  Everything borrowed from the bytes.
 * Bounds     Field numbers, varints and lengths are checked; how deep and how many is the caller's
 *            business.
 * Trust      The bytes are foreign. After an error the reader yields no more fields.
 * Threads    A reader or buffer belongs to one thread.
 */
#pragma once
#include "base/bytes.h"

typedef enum df_wire_type {
    DF_VARINT = 0,
    DF_FIXED64 = 1,
    DF_BYTES = 2,
    DF_FIXED32 = 5
} df_wire_type;

typedef struct df_reader {
    const uint8_t *start, *at, *end;
    const char *error; /* what is wrong at `at`, or NULL */
} df_reader;

typedef struct df_field {
    uint32_t number;
    df_wire_type type;
    uint64_t value; /* of numbers; fixed ones as their bits */
    ww_view bytes;
} df_field;

static inline df_reader df_reader_of(ww_view bytes)
{
    const uint8_t *data = bytes.data ? bytes.data : (const uint8_t *)"";
    return (df_reader){data, data, data + bytes.size, NULL};
}

static inline df_reader df_reader_in(const df_reader *outer, ww_view bytes)
{
    df_reader reader = df_reader_of(bytes);
    reader.start = outer->start;
    return reader;
}

static inline size_t df_offset(const df_reader *reader)
{
    return (size_t)(reader->at - reader->start);
}

bool df_read_varint(df_reader *reader, uint64_t *out);
bool df_next_slow(df_reader *reader, df_field *out);

/* The next field; false at the end and after an error. Unknown numbers are the caller's to skip.
 * Most fields are short runs of bytes with a small number, and decoding is this loop. */
static inline bool df_next(df_reader *reader, df_field *out)
{
    const uint8_t *at = reader->at;
    if (WW_LIKELY(reader->end - at >= 2 && !reader->error)) {
        uint8_t tag = at[0], size = at[1];
        if (WW_LIKELY((tag & 0x87) == DF_BYTES && tag > 7 && size < 0x80 &&
                      size <= reader->end - at - 2)) {
            *out = (df_field){.number = tag >> 3, .type = DF_BYTES, .bytes = {at + 2, size}};
            reader->at = at + 2 + size;
            return true;
        }
    }
    return df_next_slow(reader, out);
}

bool df_is_utf8(ww_view text);

WW_MUST_USE ww_status df_put_varint(ww_buf *buf, uint64_t value);
WW_MUST_USE ww_status df_put_number(ww_buf *buf, uint32_t number, uint64_t value); /* omits 0 */
WW_MUST_USE ww_status df_put_bytes(ww_buf *buf, uint32_t number, ww_view bytes);
