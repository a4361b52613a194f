/* os/ed25519.h - signatures by RFC 8032, over libcrypto.
 *
 * Model      A key pair is its 32-byte seed; the public key follows from it. Signing is
 *            deterministic, without a context and without a prehash (pure Ed25519).
 * Ownership  Everything is the caller's. He wipes seeds when he is done with them.
 * Errors     E_DENIED: the signature is not one of this key over this message. E_MEMORY, E_IO:
 *            libcrypto could not work. Outputs are set on WW_OK only.
 * Threads    Any.
 * Trust      Keys, messages and signatures to verify may be anything.
 */
#pragma once
#include "base/bytes.h"

enum { WW_ED25519_SEED_BYTES = 32, WW_ED25519_PUBLIC_BYTES = 32, WW_ED25519_SIG_BYTES = 64 };

/* From libcrypto's own private random numbers. */
WW_MUST_USE ww_status ww_ed25519_generate(uint8_t seed[static WW_ED25519_SEED_BYTES],
                                          uint8_t public[static WW_ED25519_PUBLIC_BYTES]);
WW_MUST_USE ww_status ww_ed25519_public(const uint8_t seed[static WW_ED25519_SEED_BYTES],
                                        uint8_t public[static WW_ED25519_PUBLIC_BYTES]);
WW_MUST_USE ww_status ww_ed25519_sign(const uint8_t seed[static WW_ED25519_SEED_BYTES],
                                      ww_view message, uint8_t sig[static WW_ED25519_SIG_BYTES]);
WW_MUST_USE ww_status ww_ed25519_verify(const uint8_t public[static WW_ED25519_PUBLIC_BYTES],
                                        ww_view message,
                                        const uint8_t sig[static WW_ED25519_SIG_BYTES]);
