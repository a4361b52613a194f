#include "os/ring.h"
#include <errno.h>

struct ww_ring {
    const ww_allocator *allocator;
    uint32_t refs;
    bool is_ended, is_broken;
    size_t capacity, start, used;
    ww_waiters readers, writers;
    uint8_t bytes[];
};

ww_ring *ww_ring_new(const ww_allocator *allocator, size_t capacity)
{
    WW_ASSERT(capacity > 0);
    ww_ring *ring =
        capacity > SIZE_MAX - sizeof *ring ? NULL : ww_alloc(allocator, sizeof *ring + capacity);
    if (ring) *ring = (ww_ring){.allocator = allocator, .refs = 1, .capacity = capacity};
    return ring;
}

ww_ring *ww_ring_ref(ww_ring *ring)
{
    ring->refs++;
    return ring;
}

void ww_ring_unref(ww_ring *ring)
{
    if (!ring || --ring->refs) return;
    ww_waiters_detach(&ring->readers);
    ww_waiters_detach(&ring->writers);
    ww_free(ring->allocator, ring, sizeof *ring + ring->capacity);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

int ww_ring_read_now(ww_ring *ring, void *out, size_t size, size_t *got)
{
    *got = smaller(size, ring->used);
    if (!ring->used) return ring->is_ended || ring->is_broken ? 0 : EAGAIN;
    size_t straight = smaller(*got, ring->capacity - ring->start);
    memcpy(out, ring->bytes + ring->start, straight);
    memcpy((uint8_t *)out + straight, ring->bytes, *got - straight);
    ring->start = (ring->start + *got) % ring->capacity;
    ring->used -= *got;
    ww_waiters_wake(&ring->writers);
    return 0;
}

static size_t put_part(ww_ring *ring, ww_view part)
{
    size_t size = smaller(part.size, ring->capacity - ring->used);
    if (!size) return 0;
    size_t at = (ring->start + ring->used) % ring->capacity;
    size_t straight = smaller(size, ring->capacity - at);
    memcpy(ring->bytes + at, part.data, straight);
    memcpy(ring->bytes, part.data + straight, size - straight);
    ring->used += size;
    return size;
}

int ww_ring_write_now(ww_ring *ring, const ww_view *parts, size_t count, size_t *put)
{
    *put = 0;
    if (ring->is_broken || ring->is_ended) return EPIPE;
    if (ring->used == ring->capacity) return EAGAIN;
    for (size_t i = 0; i < count; i++)
        *put += put_part(ring, parts[i]);
    ww_waiters_wake(&ring->readers);
    return 0;
}

static void wake_all(ww_ring *ring)
{
    ww_waiters_wake(&ring->readers);
    ww_waiters_wake(&ring->writers);
}

void ww_ring_end(ww_ring *ring)
{
    ring->is_ended = true;
    wake_all(ring);
}

void ww_ring_break(ww_ring *ring)
{
    ring->is_broken = true;
    ring->used = 0;
    wake_all(ring);
}

bool ww_ring_ready(const ww_ring *ring, ww_ready ready)
{
    if (ring->is_broken || ring->is_ended) return true;
    return ready == WW_READABLE ? ring->used > 0 : ring->used < ring->capacity;
}

void ww_ring_wait(ww_ring *ring, ww_ready ready, ww_waiter *waiter, ww_waker *waker)
{
    ww_waiters_add(ready == WW_READABLE ? &ring->readers : &ring->writers, waiter, waker);
    if (!ww_ring_ready(ring, ready)) return;
    ww_waiter_remove(waiter);
    waker->wake(waker);
}
