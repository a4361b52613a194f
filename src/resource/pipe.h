/* resource/pipe.h - a pipe in memory: what is put into its sink comes out of its source.
 *
 * Model      Two ends, each counted by itself. The source is at its end once nobody holds the sink and
 *            all was read; the sink fails with EPIPE once nobody holds the source.
 * Ownership  The pipe goes with its last end. Bytes are copied in and out.
 * Bounds     WW_STREAM_BUFFER_BYTES; beyond that only what was promised to several streams at once.
 *            Memory is taken with the first byte, and as much as bytes waited at a time.
 * Threads    The loop's.
 */
#pragma once
#include "resource/sink.h"
#include "resource/source.h"

/* One reference to each end. E_MEMORY. */
WW_MUST_USE ww_status ww_pipe_new(const ww_allocator *allocator, ww_source **source,
                                  ww_sink **sink);
