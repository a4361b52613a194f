/* base/hex.h - bytes as lower-case hexadecimal digits, and back.
 *
 * Bounds     The caller's arrays have the size that `bytes.size` or `size` asks for.
 */
#pragma once
#include "base/bytes.h"

/* 2 * bytes.size digits and a terminating zero. */
void ww_hex_encode(ww_view bytes, char *out);

/* False unless `text` is exactly 2 * size digits of either case; `out` may then hold anything. */
WW_MUST_USE bool ww_hex_decode(ww_view text, uint8_t *out, size_t size);
