/* resource/limits.h - every bound on what guests can make the host hold, in one place. */
#pragma once

enum {
    WW_STREAM_READ_MAX = 64 << 10,       /* bytes of one read, skip or splice */
    WW_STREAM_BUFFER_BYTES = 64 << 10,   /* written but not yet taken by the system, of one sink */
    WW_STREAM_ROOM_MIN = 4096,           /* less room than that is "not ready" */
    WW_STREAM_BLOCKING_WRITE_MAX = 4096, /* of blocking-write-and-flush; set by the interface */
    WW_DIRECTORY_PORTION_BYTES = 32 << 10, /* of a directory stream, read ahead */
};
