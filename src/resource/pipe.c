/* Invariants
 *  1. buffer[begin, end) was put and not read; begin == end => both are 0.
 *  2. `ends` counts the ends that somebody holds. */
#include "resource/pipe.h"
#include <errno.h>

enum { FIRST_BYTES = 512 };

typedef struct pipe {
    ww_source source;
    ww_sink sink;
    const ww_allocator *allocator;
    uint8_t *buffer;
    size_t begin, end, capacity;
    uint8_t ends;
    bool has_writer;
    ww_waiters readers, writers;
} pipe;

static pipe *of_source(ww_source *source)
{
    return WW_CONTAINER_OF(source, pipe, source);
}

static pipe *of_sink(ww_sink *sink)
{
    return WW_CONTAINER_OF(sink, pipe, sink);
}

static void drop_end(pipe *self)
{
    if (--self->ends) return;
    ww_free(self->allocator, self->buffer, self->capacity);
    ww_free(self->allocator, self, sizeof *self);
}

/* --- reading */

static ww_status pipe_read(ww_source *base, void *out, size_t size, size_t *got)
{
    pipe *self = of_source(base);
    size_t waiting = self->end - self->begin;
    *got = waiting < size ? waiting : size;
    if (size == 0) return WW_OK;
    if (!waiting) return self->has_writer ? WW_AGAIN : WW_E_CLOSED;
    memcpy(out, self->buffer + self->begin, *got);
    self->begin += *got;
    if (self->begin == self->end) self->begin = self->end = 0;
    ww_waiters_wake(&self->writers);
    return WW_OK;
}

static bool pipe_readable(ww_source *base)
{
    pipe *self = of_source(base);
    return self->begin < self->end || !self->has_writer;
}

static ww_status pipe_wait_read(ww_source *base, ww_waiter *waiter, ww_waker *waker)
{
    ww_waiters_add(&of_source(base)->readers, waiter, waker);
    return WW_OK;
}

static void pipe_close_read(ww_source *base)
{
    pipe *self = of_source(base);
    self->begin = self->end = 0;
    self->sink.error = EPIPE;
    ww_waiters_detach(&self->readers);
    ww_waiters_wake(&self->writers);
    drop_end(self);
}

/* --- writing */

static size_t pipe_room(ww_sink *base)
{
    pipe *self = of_sink(base);
    size_t waiting = self->end - self->begin;
    size_t room = waiting < WW_STREAM_BUFFER_BYTES ? WW_STREAM_BUFFER_BYTES - waiting : 0;
    return base->error || room < WW_STREAM_ROOM_MIN ? 0 : room;
}

static bool make_room(pipe *self, size_t size)
{
    size_t waiting = self->end - self->begin, needed;
    if (size <= self->capacity - self->end) return true;
    if (self->begin) memmove(self->buffer, self->buffer + self->begin, waiting);
    self->begin = 0;
    self->end = waiting;
    if (!ww_size_add(waiting, size, &needed)) return false;
    size_t capacity = self->capacity ? self->capacity : FIRST_BYTES;
    while (capacity < needed)
        if (!ww_size_mul(capacity, 2, &capacity)) return false;
    if (capacity == self->capacity) return true;
    uint8_t *buffer = ww_realloc(self->allocator, self->buffer, self->capacity, capacity);
    if (!buffer) return false;
    self->buffer = buffer;
    self->capacity = capacity;
    return true;
}

static void pipe_put(ww_sink *base, ww_view bytes)
{
    pipe *self = of_sink(base);
    if (base->error || !bytes.size) return;
    if (!make_room(self, bytes.size)) {
        base->error = ENOMEM;
        return;
    }
    memcpy(self->buffer + self->end, bytes.data, bytes.size);
    self->end += bytes.size;
    ww_waiters_wake(&self->readers);
}

static ww_status pipe_flush(ww_sink *base)
{
    return base->error ? WW_E_IO : WW_OK;
}

static ww_status pipe_wait_write(ww_sink *base, ww_waiter *waiter, ww_waker *waker)
{
    ww_waiters_add(&of_sink(base)->writers, waiter, waker);
    return WW_OK;
}

static void pipe_abandon(ww_sink *base)
{
    pipe *self = of_sink(base);
    self->begin = self->end = 0;
    base->error = EPIPE;
}

static void pipe_close_write(ww_sink *base)
{
    pipe *self = of_sink(base);
    self->has_writer = false;
    ww_waiters_detach(&self->writers);
    ww_waiters_wake(&self->readers);
    drop_end(self);
}

ww_status ww_pipe_new(const ww_allocator *allocator, ww_source **source, ww_sink **sink)
{
    static const ww_source_class source_class = {pipe_read, pipe_readable, pipe_wait_read,
                                                 pipe_close_read};
    static const ww_sink_class sink_class = {pipe_room,       pipe_put,     pipe_flush,
                                             pipe_wait_write, pipe_abandon, pipe_close_write};
    *source = NULL;
    *sink = NULL;
    pipe *self = ww_alloc_zeroed(allocator, sizeof *self);
    if (!self) return WW_E_MEMORY;
    self->source = (ww_source){.class = &source_class, .refs = 1};
    self->sink = (ww_sink){.class = &sink_class, .refs = 1};
    self->allocator = allocator;
    self->ends = 2;
    self->has_writer = true;
    *source = &self->source;
    *sink = &self->sink;
    return WW_OK;
}
