/* abi/wetware/wetware.h - what this system offers to its guests beside WASI: the cell's link.
 *
 * Model      wetware:streams, bound to resource/connection.h. Breaking its one-shot rules traps, in
 *            the words that guests of this interface know.
 */
#pragma once
#include "wit/wetware_streams_streams.h"

extern const wetware_streams_streams ww_wetware_streams;

/* Adds wetware:streams; the linker has wasi:io already. E_MEMORY, E_EXISTS; E_MISMATCH if a function
 * has no policy row that fits it. */
WW_MUST_USE ww_status ww_wetware_link(ww_linker *linker);
