/* loaders/compiler.h - core modules from the compile cache, compiled only where it has none.
 *
 * Model      Loads from the cache, or compiles and stores. Trouble with the cache is never an error:
 *            it only costs the time to compile.
 * Ownership  Borrows the cache, which outlives it. Without one (NULL) everything is compiled.
 * Threads    May compile in several threads at once. Not for the loop thread.
 * Trust      See loaders/cache.h: what was verified is what is loaded.
 */
#pragma once
#include "component/instance.h"
#include "loaders/cache.h"
#include <stdatomic.h>

typedef struct ww_cached_compiler {
    ww_cache *cache; /* NULL: none */
    const ww_allocator *allocator;
    /* Of modules so far; `refused` are the misses because of an entry that did not prove itself. */
    atomic_uint_fast64_t hits, misses, refused, stored;
} ww_cached_compiler;

void ww_cached_compiler_init(ww_cached_compiler *compiler, ww_cache *cache,
                             const ww_allocator *allocator);
/* Borrows `compiler`. */
ww_compiler ww_cached_compiler_of(ww_cached_compiler *compiler);
