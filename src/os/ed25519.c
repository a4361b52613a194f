#include "os/ed25519.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

/* libcrypto keeps a queue of its complaints per thread; ours are statuses. */
static ww_status failed(void)
{
    ww_status status =
        ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE ? WW_E_MEMORY : WW_E_IO;
    ERR_clear_error();
    return status;
}

static EVP_PKEY *private_key(const uint8_t seed[static WW_ED25519_SEED_BYTES])
{
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, WW_ED25519_SEED_BYTES);
}

ww_status ww_ed25519_public(const uint8_t seed[static WW_ED25519_SEED_BYTES],
                            uint8_t public[static WW_ED25519_PUBLIC_BYTES])
{
    EVP_PKEY *key = private_key(seed);
    size_t size = WW_ED25519_PUBLIC_BYTES;
    bool ok = key && EVP_PKEY_get_raw_public_key(key, public, &size) == 1;
    EVP_PKEY_free(key);
    return ok ? WW_OK : failed();
}

ww_status ww_ed25519_generate(uint8_t seed[static WW_ED25519_SEED_BYTES],
                              uint8_t public[static WW_ED25519_PUBLIC_BYTES])
{
    if (RAND_priv_bytes(seed, WW_ED25519_SEED_BYTES) != 1) return failed();
    return ww_ed25519_public(seed, public);
}

ww_status ww_ed25519_sign(const uint8_t seed[static WW_ED25519_SEED_BYTES], ww_view message,
                          uint8_t sig[static WW_ED25519_SIG_BYTES])
{
    EVP_PKEY *key = private_key(seed);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = WW_ED25519_SIG_BYTES;
    bool ok = key && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(context, sig, &size, message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok ? WW_OK : failed();
}

ww_status ww_ed25519_verify(const uint8_t public[static WW_ED25519_PUBLIC_BYTES], ww_view message,
                            const uint8_t sig[static WW_ED25519_SIG_BYTES])
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, WW_ED25519_PUBLIC_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ww_status status;
    if (!key || !context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1) {
        status = failed();
    } else {
        int verdict =
            EVP_DigestVerify(context, sig, WW_ED25519_SIG_BYTES, message.data, message.size);
        ERR_clear_error();
        status = verdict == 1 ? WW_OK : WW_E_DENIED;
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return status;
}
