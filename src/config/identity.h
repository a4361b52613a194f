/* config/identity.h - the node's own key, and the keys of those who may graft onto it.
 *
 * Model      A node is known by its Ed25519 public key: those 32 bytes are the node id. The seed
 *            stands in the state folder, in the file `identity` (doc/compat/identity.md). It is
 *            made at the first start; of processes that start at once, the first to name it wins.
 * Ownership  ww_identity_wipe when done: the seed is a secret.
 * Bounds     WW_ALLOWED_KEYS_MAX keys, a file of WW_ALLOWED_KEYS_BYTES_MAX.
 * Errors     E_INVALID: the key file is readable by others or no key; nothing is replaced, since
 *            the key is what others know this node by. E_USAGE for a file of allowed keys, naming
 *            its line; E_DENIED if others could have written it (os/safe_path.h).
 * Threads    Any; reading may block.
 */
#pragma once
#include "base/bytes.h"
#include "os/ed25519.h"

enum {
    WW_NODE_ID_BYTES = WW_ED25519_PUBLIC_BYTES,
    WW_NODE_MULTIHASH_BYTES = 6 + WW_NODE_ID_BYTES,
    WW_ALLOWED_KEYS_MAX = 64,
    WW_ALLOWED_KEYS_BYTES_MAX = 64 << 10
};

#define WW_IDENTITY_FILE "identity"

typedef struct ww_identity {
    uint8_t seed[WW_ED25519_SEED_BYTES];
    uint8_t id[WW_NODE_ID_BYTES];
} ww_identity;

/* Makes folder and key if they are missing. */
WW_MUST_USE ww_status ww_identity_open(const char *state_folder, const ww_allocator *allocator,
                                       ww_identity *out, ww_diag *diag);
void ww_identity_wipe(ww_identity *identity);

/* A new key into a new file of this user alone; E_EXISTS if there is something by that name. */
WW_MUST_USE ww_status ww_identity_make(const char *path, ww_identity *out, ww_diag *diag);

/* The multihash (code 0, identity) of the public key message that peers know the node by. */
void ww_identity_multihash(const uint8_t id[static WW_NODE_ID_BYTES],
                           uint8_t out[static WW_NODE_MULTIHASH_BYTES]);

typedef struct ww_allowed_keys {
    uint8_t keys[WW_ALLOWED_KEYS_MAX][WW_ED25519_PUBLIC_BYTES];
    uint32_t count;
} ww_allowed_keys;

/* One key a line: 64 hexadecimal digits, then anything behind a space. Blank lines and lines that
 * begin with # say nothing. At least one key. */
WW_MUST_USE ww_status ww_allowed_keys_read(const char *path, const ww_allocator *allocator,
                                           ww_allowed_keys *out, ww_diag *diag);
