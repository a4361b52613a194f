/* capnp/pack.h - the packed encoding: zero bytes left out, word by word.
 *
 * Model      Per word a tag byte says which bytes are not zero, then only those follow; runs of
 *            zero words and of dense words are counted. A framed message is packed as its table and
 *            then each segment, so that no run goes across them.
 * Bounds     Unpacking writes at most what the caller has room for: a packed byte can stand for 1
 *            KiB.
 * Errors     E_INVALID for input that is cut off, or a run that is longer than the part of the
 *            message it is in.
 */
#pragma once
#include "capnp/frame.h"

/* Appends `words` (a multiple of 8 bytes) packed. */
WW_MUST_USE ww_status ww_capnp_pack(ww_view words, ww_buf *out);

/* The whole framed message, packed. */
WW_MUST_USE ww_status ww_capnp_pack_message(const ww_capnp_builder *builder, ww_buf *out);

/* Unpacks exactly `size` bytes (a multiple of 8) from the front of *input, which is moved on. */
WW_MUST_USE ww_status ww_capnp_unpack(ww_view *input, uint8_t *out, size_t size, ww_diag *diag);

/* Unpacks one framed message from the front of *input; its framed bytes are appended to `out`.
 * Memory grows with what really arrives, up to `words_max` words. */
WW_MUST_USE ww_status ww_capnp_unpack_message(ww_view *input, uint64_t words_max, ww_buf *out,
                                              ww_diag *diag);
