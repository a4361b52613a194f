/* os/ring.h - a pipe in memory: bytes from one end to the other, on one loop.
 *
 * Model      As a kernel's pipe that never blocks: EAGAIN while it is full or empty, the end once the
 *            writer has ended it and it is empty, EPIPE once the reader has broken it.
 * Ownership  Counted. Writer and reader are roles, not objects: whoever holds a reference may be both.
 * Bounds     The capacity given at its making; nothing grows.
 * Errors     Operations answer 0 or an errno value, as those of a ww_fd.
 * Threads    One loop's thread.
 */
#pragma once
#include "base/bytes.h"
#include "os/loop.h"

typedef struct ww_ring ww_ring;

/* NULL when memory is short. `capacity` is at least 1. */
ww_ring *ww_ring_new(const ww_allocator *allocator, size_t capacity);
ww_ring *ww_ring_ref(ww_ring *ring);
void ww_ring_unref(ww_ring *ring); /* also NULL */

/* At most `size` bytes; *got 0 means the end. */
int ww_ring_read_now(ww_ring *ring, void *out, size_t size, size_t *got);
/* The parts one after the other; *put may be less than their sum. */
int ww_ring_write_now(ww_ring *ring, const ww_view *parts, size_t count, size_t *put);

void ww_ring_end(ww_ring *ring);   /* the writer's: nothing more comes */
void ww_ring_break(ww_ring *ring); /* the reader's: nothing more is taken; what is in it is gone */

/* True if an operation would not answer EAGAIN. */
bool ww_ring_ready(const ww_ring *ring, ww_ready ready);
/* Wakes once it is ready; at once if it is. */
void ww_ring_wait(ww_ring *ring, ww_ready ready, ww_waiter *waiter, ww_waker *waker);
