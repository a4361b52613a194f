#include "base/pool.h"
#include <string.h>

enum { CLASS_SHIFT_FIRST = 5, DIRECT = WW_POOL_CLASSES };

struct ww_pool_block {
    struct ww_pool_block *next;
};

static int class_of(size_t size)
{
    if (size <= (size_t)1 << CLASS_SHIFT_FIRST) return 0;
    int shift = 64 - __builtin_clzll((unsigned long long)size - 1);
    int class = shift - CLASS_SHIFT_FIRST;
    return class < WW_POOL_CLASSES ? class : DIRECT;
}

static size_t size_of(int class, size_t size)
{
    return class == DIRECT ? size : (size_t)1 << (class + CLASS_SHIFT_FIRST);
}

static void *take(ww_pool *pool, size_t size)
{
    int class = class_of(size);
    size_t rounded = size_of(class, size);
    void *block;
    if (rounded > pool->live_max - pool->live) return NULL;
    if (class != DIRECT && pool->waiting[class]) {
        block = pool->waiting[class];
        pool->waiting[class] = pool->waiting[class]->next;
        pool->kept -= rounded;
    } else {
        block = ww_alloc(pool->source, rounded);
    }
    if (block) pool->live += rounded;
    return block;
}

static void give_back(ww_pool *pool, void *ptr, size_t size)
{
    int class = class_of(size);
    size_t rounded = size_of(class, size);
    pool->live -= rounded;
    if (class == DIRECT || rounded > pool->kept_max - pool->kept) {
        ww_free(pool->source, ptr, rounded);
        return;
    }
    struct ww_pool_block *block = ptr;
    block->next = pool->waiting[class];
    pool->waiting[class] = block;
    pool->kept += rounded;
}

static void *resize(const ww_allocator *base, void *ptr, size_t old_size, size_t size)
{
    ww_pool *pool = WW_CONTAINER_OF(base, ww_pool, base);
    if (!size) {
        if (ptr) give_back(pool, ptr, old_size);
        return NULL;
    }
    if (ptr && class_of(size) == class_of(old_size) && class_of(size) != DIRECT) return ptr;
    void *moved = take(pool, size);
    if (!moved || !ptr) return moved;
    memcpy(moved, ptr, old_size < size ? old_size : size);
    give_back(pool, ptr, old_size);
    return moved;
}

void ww_pool_init(ww_pool *pool, const ww_allocator *source, size_t kept_max, size_t live_max)
{
    *pool =
        (ww_pool){.base = {resize}, .source = source, .kept_max = kept_max, .live_max = live_max};
}

void ww_pool_deinit(ww_pool *pool)
{
    if (!pool->source) return;
    WW_ASSERT(pool->live == 0);
    for (int class = 0; class < WW_POOL_CLASSES; class ++) {
        while (pool->waiting[class]) {
            struct ww_pool_block *block = pool->waiting[class];
            pool->waiting[class] = block->next;
            ww_free(pool->source, block, size_of(class, 0));
        }
    }
}
