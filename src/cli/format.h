/* cli/format.h - figures as people read them. */
#pragma once
#include "base/bytes.h"

enum { WW_FIGURE_MAX = 24 };

/* "0.000s", "12.345s", "3m05s", "2h07m", "5d03h" */
void ww_format_duration(uint64_t ns, char out[WW_FIGURE_MAX]);
/* "0B", "512B", "1.5KiB", "64MiB" */
void ww_format_bytes(uint64_t bytes, char out[WW_FIGURE_MAX]);

/* Foreign text on standard output: what is not plain (base/utf8.h) becomes '?'. */
void ww_print_plain(ww_view text);
