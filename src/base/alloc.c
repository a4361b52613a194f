#include "base/alloc.h"
#include <stdlib.h>
#include <string.h>

static void *libc_resize(const ww_allocator *self, void *ptr, size_t old_size, size_t size)
{
    (void)self;
    (void)old_size;
    if (size) return realloc(ptr, size);
    free(ptr);
    return NULL;
}

const ww_allocator *ww_allocator_libc(void)
{
    static const ww_allocator libc = {libc_resize};
    return &libc;
}

void ww_zero(void *ptr, size_t size)
{
    memset(ptr, 0, size);
}

void *ww_alloc_zeroed(const ww_allocator *a, size_t size)
{
    void *ptr = ww_alloc(a, size);
    if (ptr) memset(ptr, 0, size);
    return ptr;
}

void *ww_alloc_array(const ww_allocator *a, size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : ww_alloc(a, total);
}

struct ww_arena_block {
    struct ww_arena_block *next;
    size_t used, capacity; /* of bytes[] */
    _Alignas(max_align_t) uint8_t bytes[];
};

enum { ARENA_BLOCK_FIRST = 4096, ARENA_BLOCK_MAX = 1 << 20 };

void ww_arena_init(ww_arena *arena, const ww_allocator *allocator, size_t size_max)
{
    *arena = (ww_arena){.allocator = allocator, .size_max = size_max};
}

static void free_blocks(ww_arena *arena, struct ww_arena_block *block)
{
    while (block) {
        struct ww_arena_block *next = block->next;
        ww_free(arena->allocator, block, sizeof *block + block->capacity);
        block = next;
    }
}

void ww_arena_deinit(ww_arena *arena)
{
    free_blocks(arena, arena->blocks);
    arena->blocks = NULL;
    arena->used = 0;
}

void ww_arena_reset(ww_arena *arena)
{
    if (!arena->blocks) return;
    free_blocks(arena, arena->blocks->next);
    arena->blocks->next = NULL;
    arena->blocks->used = 0;
    arena->used = 0;
    arena->full = false;
}

static struct ww_arena_block *add_block(ww_arena *arena, size_t size)
{
    size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : ARENA_BLOCK_FIRST;
    if (capacity > ARENA_BLOCK_MAX) capacity = ARENA_BLOCK_MAX;
    if (capacity < size) capacity = size;
    struct ww_arena_block *block = ww_alloc(arena->allocator, sizeof *block + capacity);
    if (!block) return NULL;
    *block = (struct ww_arena_block){.next = arena->blocks, .capacity = capacity};
    arena->blocks = block;
    return block;
}

void *ww_arena_alloc(ww_arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    arena->full = size > arena->size_max;
    if (!arena->full) {
        size = (size + align - 1) & ~(align - 1);
        arena->full = size > arena->size_max - arena->used;
    }
    if (arena->full) return NULL;
    struct ww_arena_block *block = arena->blocks;
    if (!block || block->capacity - block->used < size) block = add_block(arena, size);
    if (!block) return NULL;
    void *ptr = block->bytes + block->used;
    block->used += size;
    arena->used += size;
    memset(ptr, 0, size);
    return ptr;
}

void *ww_arena_array(ww_arena *arena, size_t count, size_t size)
{
    size_t total;
    return ww_arena_alloc(arena, __builtin_mul_overflow(count, size, &total) ? SIZE_MAX : total);
}

void *ww_arena_copy(ww_arena *arena, const void *data, size_t size)
{
    void *copy = ww_arena_alloc(arena, size);
    if (copy && size) memcpy(copy, data, size);
    return copy;
}

char *ww_arena_text(ww_arena *arena, const void *data, size_t size)
{
    if (size == SIZE_MAX) return NULL;
    char *text = ww_arena_alloc(arena, size + 1);
    if (text && size) memcpy(text, data, size);
    return text;
}
