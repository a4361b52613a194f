/* Invariants
 *  1. What ww_cache_get appends was verified in that very memory.
 *  2. The MAC covers the entry's key, so an entry under another name is worthless, as is one made
 *     under another user's key.
 *  3. A file gets its name when it is complete; nothing is written to a file that has a name.
 *  4. A cache does not change after ww_cache_open.
 */
#include "loaders/cache.h"
#include "os/file.h"
#include <sodium.h>
#include <stdlib.h>

enum { MAC_BYTES = 32, SECRET_BYTES = 32, MAGIC_BYTES = 8, NAME_BYTES = 2 * WW_CACHE_KEY_BYTES };
enum { TRAILER_BYTES = MAGIC_BYTES + MAC_BYTES, ENTRIES_MAX = 1 << 16 };

static const uint8_t magic[MAGIC_BYTES] = {'w', 'w', 'c', 'o', 'd', 'e', '1', '\n'};
static const char key_name[] = "cache-key";

struct ww_cache {
    const ww_allocator *allocator;
    ww_folder folder;
    uint64_t bytes_max;
    uint8_t secret[SECRET_BYTES];
};

/* --- the user's key --- */

/* E_DENIED: there is one, but others could know it, or it is not a key. */
static ww_status read_secret(const ww_folder *state, uint8_t secret[SECRET_BYTES],
                             const ww_allocator *allocator, ww_diag *diag)
{
    ww_buf buf;
    ww_file_facts facts;
    ww_buf_init(&buf, allocator, SECRET_BYTES);
    ww_status status = ww_file_read_in(state, key_name, &buf, &facts, diag);
    if (!status && facts.is_private && buf.size == SECRET_BYTES)
        memcpy(secret, buf.data, SECRET_BYTES);
    else if (!status || (status != WW_E_NOT_FOUND && status != WW_E_MEMORY))
        status = ww_fail(diag, WW_E_DENIED, "%s: not a private key", key_name);
    if (buf.data) sodium_memzero(buf.data, buf.capacity);
    ww_buf_deinit(&buf);
    return status;
}

/* Of processes that start at once, the first to name its key wins, and all others read it. */
static ww_status ensure_secret(const ww_folder *state, uint8_t secret[SECRET_BYTES],
                               const ww_allocator *allocator, ww_diag *diag)
{
    ww_status status = read_secret(state, secret, allocator, diag);
    if (status != WW_E_NOT_FOUND && status != WW_E_DENIED) return status;
    bool replace = status == WW_E_DENIED;
    uint8_t fresh[SECRET_BYTES];
    crypto_generichash_keygen(fresh);
    ww_view part = ww_view_of(fresh, sizeof fresh);
    status = replace ? ww_file_replace(state, key_name, &part, 1, diag)
                     : ww_file_create(state, key_name, &part, 1, diag);
    sodium_memzero(fresh, sizeof fresh);
    if (status && status != WW_E_EXISTS) return status;
    return read_secret(state, secret, allocator, diag);
}

/* --- open and close --- */

ww_status ww_cache_open(const ww_cache_options *options, const ww_allocator *allocator,
                        ww_cache **out, ww_diag *diag)
{
    *out = NULL;
    if (sodium_init() < 0) return ww_fail(diag, WW_E_IO, "libsodium does not start");
    ww_cache *cache = ww_alloc_zeroed(allocator, sizeof *cache);
    if (!cache) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    cache->allocator = allocator;
    cache->bytes_max = options->bytes_max;
    cache->folder.fd = -1;
    ww_folder state = {-1};
    ww_status status = ww_folder_make(options->state_folder, &state, diag);
    if (!status) status = ensure_secret(&state, cache->secret, allocator, diag);
    if (!status) status = ww_folder_make(options->folder, &cache->folder, diag);
    ww_folder_close(&state);
    if (status) {
        ww_fail_in(diag, "compile cache");
        ww_cache_close(cache);
        return status;
    }
    *out = cache;
    return WW_OK;
}

void ww_cache_close(ww_cache *cache)
{
    if (!cache) return;
    ww_folder_close(&cache->folder);
    sodium_memzero(cache->secret, sizeof cache->secret);
    ww_free(cache->allocator, cache, sizeof *cache);
}

/* --- keys and proofs --- */

static void hash_sized(crypto_generichash_state *state, ww_view bytes)
{
    uint8_t size[8];
    ww_put_le64(size, bytes.size);
    crypto_generichash_update(state, size, sizeof size);
    crypto_generichash_update(state, bytes.data, bytes.size);
}

ww_cache_key ww_cache_key_of(ww_view fingerprint, ww_view content)
{
    ww_cache_key key;
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof key.bytes);
    hash_sized(&state, fingerprint);
    hash_sized(&state, content);
    crypto_generichash_final(&state, key.bytes, sizeof key.bytes);
    return key;
}

static void authenticate(const ww_cache *cache, const ww_cache_key *key, ww_view code,
                         uint8_t mac[MAC_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, cache->secret, sizeof cache->secret, MAC_BYTES);
    hash_sized(&state, ww_view_of(magic, sizeof magic));
    hash_sized(&state, ww_view_of(key->bytes, sizeof key->bytes));
    hash_sized(&state, code);
    crypto_generichash_final(&state, mac, MAC_BYTES);
    sodium_memzero(&state, sizeof state);
}

static void entry_name(const ww_cache_key *key, char name[NAME_BYTES + 1])
{
    sodium_bin2hex(name, NAME_BYTES + 1, key->bytes, sizeof key->bytes);
}

/* --- entries --- */

ww_status ww_cache_get(ww_cache *cache, const ww_cache_key *key, ww_buf *out, ww_diag *diag)
{
    char name[NAME_BYTES + 1];
    size_t before = out->size;
    entry_name(key, name);
    ww_status status = ww_file_read_in(&cache->folder, name, out, NULL, diag);
    if (status) return status;
    size_t size = out->size - before;
    uint8_t mac[MAC_BYTES];
    if (size >= TRAILER_BYTES) {
        const uint8_t *trailer = out->data + out->size - TRAILER_BYTES;
        authenticate(cache, key, ww_view_of(out->data + before, size - TRAILER_BYTES), mac);
        if (memcmp(trailer, magic, MAGIC_BYTES) == 0 &&
            sodium_memcmp(trailer + MAGIC_BYTES, mac, MAC_BYTES) == 0) {
            out->size -= TRAILER_BYTES;
            ww_file_touch(&cache->folder, name); /* used now: it goes last */
            return WW_OK;
        }
    }
    out->size = before;
    return ww_fail(diag, WW_E_DENIED, "cache entry %s does not prove itself", name);
}

/* --- keeping the folder small --- */

typedef struct entry {
    int64_t used_ns;
    uint64_t size;
    char name[NAME_BYTES + 1];
} entry;

typedef struct collector {
    ww_folder_visitor base;
    ww_buf entries;
    uint64_t total;
} collector;

/* What crashed writers left ages like an entry and goes in its turn; files of others stay out. */
static bool collect(ww_folder_visitor *base, const char *name, const ww_file_facts *facts)
{
    collector *self = WW_CONTAINER_OF(base, collector, base);
    size_t size = strlen(name);
    bool unfinished = strncmp(name, WW_FILE_UNFINISHED, sizeof WW_FILE_UNFINISHED - 1) == 0;
    if (!facts->is_file || size > NAME_BYTES || !(unfinished || size == NAME_BYTES)) return true;
    entry e = {.used_ns = facts->modified_ns, .size = facts->size};
    memcpy(e.name, name, size);
    self->total += facts->size;
    return ww_buf_append(&self->entries, &e, sizeof e) == WW_OK;
}

static int by_use(const void *a, const void *b)
{
    int64_t x = ((const entry *)a)->used_ns, y = ((const entry *)b)->used_ns;
    return (x > y) - (x < y);
}

/* A folder that cannot be listed only grows: nothing to report. */
static void trim(const ww_cache *cache)
{
    collector all = {.base = {collect}};
    ww_buf_init(&all.entries, cache->allocator, ENTRIES_MAX * sizeof(entry));
    if (!ww_folder_list(&cache->folder, &all.base, NULL) && all.total > cache->bytes_max) {
        entry *entries = (entry *)(void *)all.entries.data;
        size_t count = all.entries.size / sizeof *entries;
        qsort(entries, count, sizeof *entries, by_use);
        for (size_t i = 0; i < count && all.total > cache->bytes_max; i++) {
            ww_file_remove(&cache->folder, entries[i].name);
            all.total -= entries[i].size;
        }
    }
    ww_buf_deinit(&all.entries);
}

ww_status ww_cache_put(ww_cache *cache, const ww_cache_key *key, ww_view code, ww_diag *diag)
{
    char name[NAME_BYTES + 1];
    uint8_t mac[MAC_BYTES];
    size_t size;
    if (!ww_size_add(code.size, TRAILER_BYTES, &size) || size > WW_CACHE_ENTRY_BYTES_MAX ||
        size > cache->bytes_max)
        return ww_fail(diag, WW_E_LIMIT, "cache entry of %zu bytes", code.size);
    entry_name(key, name);
    authenticate(cache, key, code, mac);
    const ww_view parts[] = {code, ww_view_of(magic, sizeof magic), ww_view_of(mac, sizeof mac)};
    ww_status status = ww_file_replace(&cache->folder, name, parts, WW_COUNT_OF(parts), diag);
    if (!status) trim(cache);
    return status;
}
