/* resource/connection.h - the cell's end of its link, as the guest holds it.
 *
 * Model      A cell has one link at most. The guest may open it once, and take each of its two
 *            streams once. The streams are no children of the connection: a guest may drop it and
 *            keep them.
 * Ownership  See resource/object.h. What the guest drops, or never took before it dropped the
 *            connection, is closed for the other side.
 * Errors     E_CLOSED: there is no link, or it was taken already. E_QUOTA, E_MEMORY.
 */
#pragma once
#include "resource/stream.h"

typedef struct ww_connection {
    ww_object object;
    const ww_allocator *allocator;
    ww_wasi *wasi;
    ww_source *input; /* NULL once it was taken */
    ww_sink *output;
} ww_connection;

WW_MUST_USE ww_status ww_connection_open(ww_wasi *wasi, ww_connection **out);
WW_MUST_USE ww_status ww_connection_take_input(ww_connection *connection, ww_input_stream **out);
WW_MUST_USE ww_status ww_connection_take_output(ww_connection *connection, ww_output_stream **out);
