/* capnp/frame.h - messages as bytes: the segment table, whole messages in one buffer, and streams
 * of them.
 *
 * Model      A framed message is a table (count - 1, then the words of each segment, 32 bits each,
 *            padded to a word) and the segments. ww_capnp_frame_open reads one that is whole;
 *            ww_capnp_framer cuts a stream that arrives in pieces of any size; ww_capnp_frame_table
 *            and the builder's segments write one without copying.
 * Bounds     At most WW_CAPNP_SEGMENTS_MAX segments, at most `words_max` words in all; memory for a
 *            message is taken as its bytes arrive, never as its table promises.
 * Errors     E_INVALID malformed, E_LIMIT too large, E_MEMORY; a framer that failed stays failed.
 */
#pragma once
#include "capnp/build.h"

enum { WW_CAPNP_TABLE_SIZE_MAX = 4 + 4 * WW_CAPNP_SEGMENTS_MAX + 4 };

/* A message and the table of its segments, in one allocation of the caller's. */
typedef struct ww_capnp_frame {
    ww_capnp_message message;
    ww_capnp_segment *segments; /* of the allocator, when there is more than one */
    ww_capnp_segment single;
    const ww_allocator *allocator;
} ww_capnp_frame;

/* Reads the table at the start of `bytes`: *size is the size of the whole framed message, table
 * included, and 0 when more bytes are needed to know it. */
WW_MUST_USE ww_status ww_capnp_frame_size(ww_view bytes, uint64_t words_max, uint64_t *size,
                                          ww_diag *diag);

/* Opens the framed message at the start of `bytes`, which stay borrowed; *size says how many it
 * took. E_INVALID when it is cut off. */
WW_MUST_USE ww_status ww_capnp_frame_open(ww_capnp_frame *frame, ww_view bytes, uint64_t words_max,
                                          const ww_allocator *allocator, size_t *size,
                                          ww_diag *diag);
void ww_capnp_frame_deinit(ww_capnp_frame *frame); /* also fit for a zeroed one */

/* The segment table of what was built, into `table`; returns its size. An empty message is one
 * empty segment. */
size_t ww_capnp_frame_table(const ww_capnp_builder *builder,
                            uint8_t table[WW_CAPNP_TABLE_SIZE_MAX]);

/* The whole framed message appended to `out`. Fails with the builder's fault if it has one. */
WW_MUST_USE ww_status ww_capnp_frame_write(const ww_capnp_builder *builder, ww_buf *out);

/* ---- streams ---- */

typedef struct ww_capnp_framer {
    ww_buf bytes;  /* of the message that is arriving */
    uint64_t need; /* its size, 0 while unknown */
    uint64_t words_max;
    ww_status fault;
} ww_capnp_framer;

void ww_capnp_framer_init(ww_capnp_framer *framer, const ww_allocator *allocator,
                          uint64_t words_max);
void ww_capnp_framer_deinit(ww_capnp_framer *framer);

/* Takes from the front of *input what belongs to the current message. WW_OK: framer->bytes is one
 * whole message, until the next call; WW_AGAIN: all of *input was taken and more is needed. */
WW_MUST_USE ww_status ww_capnp_framer_feed(ww_capnp_framer *framer, ww_view *input, ww_diag *diag);

/* The end of the stream: E_INVALID inside a message, WW_OK between two. */
WW_MUST_USE ww_status ww_capnp_framer_end(const ww_capnp_framer *framer, ww_diag *diag);
