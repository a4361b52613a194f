/* wasi:random: random, insecure, insecure-seed. What is insecure by name comes from a generator of
 * the cell's own, so that it tells nothing about the secure one. */
#include "abi/wasi/bindings.h"
#include "resource/wasi.h"

static ww_status fill(ww_call *call, ww_random *random, uint64_t size, ww_view *result)
{
    void *bytes = ww_call_scratch(call, size);
    if (!bytes) return ww_call_fail(call, "random bytes: too many at once");
    ww_random_fill(random, bytes, size);
    *result = ww_view_of(bytes, size);
    return WW_OK;
}

static ww_status get_random_bytes(ww_call *call, uint64_t len, ww_view *result)
{
    return fill(call, ww_wasi_of(call)->options.random, len, result);
}

static ww_status get_random_u64(ww_call *call, uint64_t *result)
{
    *result = ww_random_u64(ww_wasi_of(call)->options.random);
    return WW_OK;
}

const wasi_random_random ww_wasi_random_random = {get_random_bytes, get_random_u64};

static ww_status get_insecure_random_bytes(ww_call *call, uint64_t len, ww_view *result)
{
    return fill(call, &ww_wasi_of(call)->insecure.base, len, result);
}

static ww_status get_insecure_random_u64(ww_call *call, uint64_t *result)
{
    *result = ww_random_u64(&ww_wasi_of(call)->insecure.base);
    return WW_OK;
}

const wasi_random_insecure ww_wasi_random_insecure = {
    .get_insecure_random_bytes = get_insecure_random_bytes,
    .get_insecure_random_u64 = get_insecure_random_u64,
};

static ww_status insecure_seed(ww_call *call, wasi_random_insecure_seed_tuple_u64_u64 *result)
{
    ww_random *random = &ww_wasi_of(call)->insecure.base;
    result->f0 = ww_random_u64(random);
    result->f1 = ww_random_u64(random);
    return WW_OK;
}

const wasi_random_insecure_seed ww_wasi_random_insecure_seed = {insecure_seed};
