#include "loaders/compiler.h"

void ww_cached_compiler_init(ww_cached_compiler *compiler, ww_cache *cache,
                             const ww_allocator *allocator)
{
    compiler->cache = cache;
    compiler->allocator = allocator;
    atomic_init(&compiler->hits, 0);
    atomic_init(&compiler->misses, 0);
    atomic_init(&compiler->refused, 0);
    atomic_init(&compiler->stored, 0);
}

static bool load(ww_cached_compiler *self, const ww_cache_key *key, ww_engine *engine,
                 ww_module **out)
{
    ww_buf code;
    ww_buf_init(&code, self->allocator, WW_CACHE_ENTRY_BYTES_MAX);
    ww_status status = ww_cache_get(self->cache, key, &code, NULL);
    if (!status) status = ww_module_load(engine, ww_buf_view(&code), out, NULL);
    ww_buf_deinit(&code);
    if (status && status != WW_E_NOT_FOUND) self->refused++;
    return !status;
}

static void store(ww_cached_compiler *self, const ww_cache_key *key, const ww_module *module)
{
    ww_buf code;
    ww_buf_init(&code, self->allocator, WW_CACHE_ENTRY_BYTES_MAX);
    if (!ww_module_serialize(module, &code, NULL) &&
        !ww_cache_put(self->cache, key, ww_buf_view(&code), NULL))
        self->stored++;
    ww_buf_deinit(&code);
}

static ww_status compile(void *arg, ww_engine *engine, ww_view wasm, ww_module **out, ww_diag *diag)
{
    ww_cached_compiler *self = arg;
    if (!self->cache) return ww_module_compile(engine, wasm, out, diag);
    ww_cache_key key = ww_cache_key_of(ww_engine_fingerprint(engine), wasm);
    if (load(self, &key, engine, out)) {
        self->hits++;
        return WW_OK;
    }
    self->misses++;
    ww_status status = ww_module_compile(engine, wasm, out, diag);
    if (!status) store(self, &key, *out);
    return status;
}

ww_compiler ww_cached_compiler_of(ww_cached_compiler *compiler)
{
    return (ww_compiler){compiler, compile};
}
