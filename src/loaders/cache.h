/* loaders/cache.h - compiled code that outlives the process, believed only as far as it proves itself.
 *
 * Model      Machine code is trusted by the engine: whoever could slip his own into the cache would
 *            be out of the sandbox. So an entry carries a MAC (keyed BLAKE2b) over its key, its
 *            size and its bytes, made with 32 random bytes that stand in the user's state folder
 *            and that only this user can read. An entry is read into private memory, verified
 *            there, and loaded from there. Its name is its key: a hash of the engine's fingerprint
 *            and of the module's bytes.
 *              cache folder   <64 hex digits>   code | magic | MAC
 *              state folder   cache-key         32 bytes, mode 0600
 * Ownership  The cache owns its folders and its key, which is wiped at close.
 * Bounds     bytes_max for the whole folder: after a write the entries that were not used for the
 *            longest time go. One entry is at most WW_CACHE_ENTRY_BYTES_MAX.
 * Errors     Whatever is wrong with an entry (truncated, corrupted, of another key, another user or
 *            another ww, a link, a pipe) is E_DENIED or E_NOT_FOUND, and the caller compiles again.
 * Threads    After ww_cache_open any number of threads and processes may use a cache folder at
 *            once: an entry appears whole under its name or not at all. All functions may block.
 * Trust      The cache folder is hostile; the state folder must be the user's alone.
 */
#pragma once
#include "base/bytes.h"

#define WW_CACHE_ENTRY_BYTES_MAX ((size_t)1 << 30)
enum { WW_CACHE_KEY_BYTES = 32 };

typedef struct ww_cache ww_cache;

typedef struct ww_cache_options {
    const char *folder, *state_folder; /* made if missing; borrowed for the call */
    uint64_t bytes_max;
} ww_cache_options;

/* E_DENIED when a folder is not the user's alone. A state folder whose key others could know gets a
 * new key, which makes every older entry worthless. */
WW_MUST_USE ww_status ww_cache_open(const ww_cache_options *options, const ww_allocator *allocator,
                                    ww_cache **out, ww_diag *diag);
void ww_cache_close(ww_cache *cache);

typedef struct ww_cache_key {
    uint8_t bytes[WW_CACHE_KEY_BYTES];
} ww_cache_key;

ww_cache_key ww_cache_key_of(ww_view fingerprint, ww_view content);

/* Appends the code that was put under `key`. `out` is unchanged after a failure. */
WW_MUST_USE ww_status ww_cache_get(ww_cache *cache, const ww_cache_key *key, ww_buf *out,
                                   ww_diag *diag);
WW_MUST_USE ww_status ww_cache_put(ww_cache *cache, const ww_cache_key *key, ww_view code,
                                   ww_diag *diag);
