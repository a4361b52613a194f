/* base/pool.h - an allocator that keeps what it was given back, so that a steady state asks nobody
 * for memory.
 *
 * Model      Blocks are powers of two from 32 bytes to 1 MiB; a freed block waits in a list of its
 *            size and is handed out again. Larger blocks go straight through.
 * Ownership  ww_pool_deinit gives the waiting blocks back; whatever was taken must have been
 *            returned before.
 * Bounds     At most kept_max bytes wait; a block freed above that goes back at once. At most live_max
 *            are handed out; above it there is no memory.
 * Threads    A pool belongs to one thread.
 */
#pragma once
#include "base/alloc.h"

enum { WW_POOL_CLASSES = 16 };

typedef struct ww_pool {
    ww_allocator base; /* pass &pool->base on */
    const ww_allocator *source;
    struct ww_pool_block *waiting[WW_POOL_CLASSES];
    size_t kept, kept_max;
    size_t live, live_max; /* bytes handed out, rounded up to their class */
} ww_pool;

void ww_pool_init(ww_pool *pool, const ww_allocator *source, size_t kept_max, size_t live_max);
void ww_pool_deinit(ww_pool *pool);
