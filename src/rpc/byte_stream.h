/* rpc/byte_stream.h - one pipe of a process, as a capability. Private to src/rpc.
 *
 * Model      Calls wait in line and are answered in order; a close does not wait in it. What was
 *            written before a close still arrives, what is read after it is the end. While nobody
 *            can call it any more, what the process writes is read and dropped. Of a kept stream the
 *            same happens before the first read, and then the newest WW_STDERR_KEPT bytes are given
 *            first: a cell is never held up by an error output that nobody looks at.
 * Ownership  Counted: by its process, and by its capability.
 * Threads    The loop's.
 */
#pragma once
#include "capnp/cap.h"
#include "os/loop.h"
#include "resource/sink.h"
#include "resource/source.h"

typedef struct ww_byte_stream ww_byte_stream;
typedef struct ww_session ww_session; /* rpc/session_state.h */

/* Of one of the two, which it takes in any case; NULL when memory is short. */
ww_byte_stream *ww_byte_stream_new(const ww_allocator *allocator, ww_loop *loop, ww_sink *sink,
                                   ww_source *source, bool is_kept);
void ww_byte_stream_unref(ww_byte_stream *stream); /* accepts NULL */

/* A first capability, and there may be only one at a time; a server of `session`. NULL when memory
 * is short. */
ww_capnp_cap *ww_byte_stream_cap(ww_byte_stream *stream, ww_session *session);

/* As the method does. */
void ww_byte_stream_close(ww_byte_stream *stream);
/* Nobody will ever call it (again). */
void ww_byte_stream_abandon(ww_byte_stream *stream);
/* The process is gone: nobody will take what is written. */
void ww_byte_stream_break(ww_byte_stream *stream);
