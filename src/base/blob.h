/* base/blob.h - counted, immutable runs of bytes, and byte budgets.
 *
 * Ownership  A blob lives while somebody holds a reference; the last ww_blob_unref gives its memory
 *            back to the allocator it came from. Its bytes are written once, by whoever made it,
 *            before it is shared.
 * Bounds     A budget counts bytes that foreign input made this host keep; a charge above its
 *            maximum is refused.
 * Threads    Counts are plain: a blob and a budget belong to one thread.
 */
#pragma once
#include "base/bytes.h"

typedef struct ww_blob {
    const ww_allocator *allocator;
    size_t refs, size;
    _Alignas(16) uint8_t bytes[];
} ww_blob;

/* One reference, bytes not set; NULL when there is no memory. */
static inline ww_blob *ww_blob_new(const ww_allocator *allocator, size_t size)
{
    size_t total;
    if (!ww_size_add(sizeof(ww_blob), size, &total)) return NULL;
    ww_blob *blob = ww_alloc(allocator, total);
    if (blob) *blob = (ww_blob){.allocator = allocator, .refs = 1, .size = size};
    return blob;
}

static inline ww_blob *ww_blob_copy(const ww_allocator *allocator, ww_view bytes)
{
    ww_blob *blob = ww_blob_new(allocator, bytes.size);
    if (blob && bytes.size) memcpy(blob->bytes, bytes.data, bytes.size);
    return blob;
}

static inline ww_blob *ww_blob_ref(ww_blob *blob)
{
    if (blob) blob->refs++;
    return blob;
}

static inline void ww_blob_unref(ww_blob *blob)
{
    if (!blob) return;
    WW_ASSERT(blob->refs);
    if (--blob->refs == 0) ww_free(blob->allocator, blob, sizeof *blob + blob->size);
}

typedef struct ww_budget {
    uint64_t used, max;
} ww_budget;

/* Nothing, if the maximum was lowered below what is in use. */
static inline uint64_t ww_budget_left(const ww_budget *budget)
{
    return budget->max > budget->used ? budget->max - budget->used : 0;
}

WW_MUST_USE static inline bool ww_budget_charge(ww_budget *budget, uint64_t bytes)
{
    if (bytes > ww_budget_left(budget)) return false;
    budget->used += bytes;
    return true;
}

/* For what has happened already: the count ends at its maximum. False when it gets there. */
static inline bool ww_budget_use(ww_budget *budget, uint64_t amount)
{
    uint64_t left = ww_budget_left(budget);
    budget->used += amount < left ? amount : left;
    return amount < left;
}

static inline void ww_budget_release(ww_budget *budget, uint64_t bytes)
{
    WW_ASSERT(bytes <= budget->used);
    budget->used -= bytes;
}
