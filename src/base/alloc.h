/* base/alloc.h - where memory comes from, and arenas that give it back at once.
 *
 * Model      Every object takes its allocator when it is made and passes it on to what it makes, so
 *            that a test can fail the n-th allocation of anything. Sizes are told when memory is
 *            given back.
 * Ownership  An arena owns all that was taken from it until ww_arena_deinit or _reset.
 * Bounds     An arena has a largest total; above it, and when the allocator fails, it returns NULL.
 * Threads    The libc allocator is safe from any thread; an arena belongs to one.
 */
#pragma once
#include "base/status.h"

typedef struct ww_allocator ww_allocator;
struct ww_allocator {
    /* size 0 frees and returns NULL; otherwise as realloc(3), aligned for any type. */
    void *(*resize)(const ww_allocator *self, void *ptr, size_t old_size, size_t size);
};

const ww_allocator *ww_allocator_libc(void);

static inline void *ww_realloc(const ww_allocator *a, void *ptr, size_t old_size, size_t size)
{
    return a->resize(a, ptr, old_size, size);
}

static inline void *ww_alloc(const ww_allocator *a, size_t size)
{
    return a->resize(a, NULL, 0, size);
}

/* For large objects on hot paths: assigning a literal, a compiler fills them by a slow string
 * instruction. */
void ww_zero(void *ptr, size_t size);

void *ww_alloc_zeroed(const ww_allocator *a, size_t size);

/* NULL also when count * size overflows. */
void *ww_alloc_array(const ww_allocator *a, size_t count, size_t size);

static inline void ww_free(const ww_allocator *a, void *ptr, size_t size)
{
    if (ptr) a->resize(a, ptr, size, 0);
}

typedef struct ww_arena {
    const ww_allocator *allocator;
    struct ww_arena_block *blocks; /* newest first */
    size_t used, size_max;         /* of all blocks */
    bool full;                     /* something was refused because of size_max */
} ww_arena;

void ww_arena_init(ww_arena *arena, const ww_allocator *allocator, size_t size_max);
void ww_arena_deinit(ww_arena *arena); /* also fit for a zeroed arena */

/* Gives back all but one block and forgets what was taken. */
void ww_arena_reset(ww_arena *arena);

/* Zeroed memory, aligned for any type; NULL as said above. A size of 0 gives a valid pointer. */
void *ww_arena_alloc(ww_arena *arena, size_t size);
void *ww_arena_array(ww_arena *arena, size_t count, size_t size);
void *ww_arena_copy(ww_arena *arena, const void *data, size_t size);

/* Why the last of these gave NULL: E_LIMIT or E_MEMORY. */
static inline ww_status ww_arena_failure(const ww_arena *arena)
{
    return arena->full ? WW_E_LIMIT : WW_E_MEMORY;
}

/* A copy with a terminating zero. */
char *ww_arena_text(ww_arena *arena, const void *data, size_t size);
