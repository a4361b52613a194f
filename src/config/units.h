/* config/units.h - numbers as people write them on a command line. */
#pragma once
#include "base/status.h"

/* "64MiB", "10KB", "4096": bytes. Suffixes B, KiB, MiB, GiB, TiB and KB, MB, GB, TB. False if
 * malformed or too large. */
bool ww_parse_bytes(const char *text, uint64_t *out);

/* "500ms", "2s", "1.5s", "3m", "1h": milliseconds; a bare number is seconds. False if malformed or
 * too large. */
bool ww_parse_duration_ms(const char *text, uint64_t *out);
