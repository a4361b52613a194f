/* `ww id` and `ww keygen`. */
#include "base/hex.h"
#include "cli/command.h"
#include "cli/json.h"
#include "config/folders.h"
#include "config/identity.h"

enum { ID_DIGITS = 2 * WW_NODE_ID_BYTES };

static void id_text(const ww_identity *identity, char text[ID_DIGITS + 1])
{
    ww_hex_encode(ww_view_of(identity->id, sizeof identity->id), text);
}

/* --- id --- */

static void print_id(const ww_identity *identity, bool json)
{
    char id[ID_DIGITS + 1], hash_text[2 * WW_NODE_MULTIHASH_BYTES + 1];
    uint8_t hash[WW_NODE_MULTIHASH_BYTES];
    id_text(identity, id);
    if (!json) {
        puts(id);
        return;
    }
    ww_identity_multihash(identity->id, hash);
    ww_hex_encode(ww_view_of(hash, sizeof hash), hash_text);
    ww_json_print(stdout, json_pack("{s:s, s:s}", "id", id, "multihash", hash_text));
}

static int run_id(const ww_invocation *invocation)
{
    ww_folders folders;
    ww_identity identity;
    ww_diag diag;
    if (ww_folders_find(&folders, &diag) ||
        ww_identity_open(folders.state, ww_allocator_libc(), &identity, &diag))
        return ww_command_failed(&diag);
    print_id(&identity, invocation->json);
    ww_identity_wipe(&identity);
    return 0;
}

const ww_command ww_command_id = {
    .name = "id",
    .summary = "print the id of this user's node",
    .usage = "[--json]",
    .description =
        "Prints the node's Ed25519 public key, 64 hexadecimal digits. The key stands in "
        "$XDG_STATE_HOME/ww/identity, for this user alone, and is made when it is first needed.",
    .json = "one JSON object: the id, and the multihash that peers know the node by",
    .run = run_id,
};

/* --- keygen --- */

static int keep_key(const char *path, bool json)
{
    ww_identity identity;
    ww_diag diag;
    if (ww_identity_make(path, &identity, &diag)) return ww_command_failed(&diag);
    char id[ID_DIGITS + 1];
    id_text(&identity, id);
    ww_identity_wipe(&identity);
    if (json)
        ww_json_print(stdout, json_pack("{s:s, s:o}", "public", id, "file", ww_json_string(path)));
    else
        puts(id);
    return 0;
}

/* The secret goes to stdout alone, so that it can be led into a file. */
static int print_key(bool json)
{
    ww_identity identity;
    char seed[2 * WW_ED25519_SEED_BYTES + 1], id[ID_DIGITS + 1];
    ww_status status = ww_ed25519_generate(identity.seed, identity.id);
    if (status) {
        ww_diag diag;
        ww_fail(&diag, status, "Ed25519: %s", ww_status_text(status));
        return ww_command_failed(&diag);
    }
    id_text(&identity, id);
    ww_hex_encode(ww_view_of(identity.seed, sizeof identity.seed), seed);
    if (json) {
        ww_json_print(stdout, json_pack("{s:s, s:s}", "public", id, "secret", seed));
    } else {
        puts(seed);
        fprintf(stderr, "public key: %s\n", id);
    }
    explicit_bzero(seed, sizeof seed);
    ww_identity_wipe(&identity);
    return 0;
}

static int run_keygen(const ww_invocation *invocation)
{
    return invocation->operand_count ? keep_key(invocation->operands[0], invocation->json)
                                     : print_key(invocation->json);
}

const ww_command ww_command_keygen = {
    .name = "keygen",
    .summary = "make an Ed25519 key",
    .usage = "[--json] [FILE]",
    .description =
        "Makes a key. With FILE, which must not exist, the secret goes there, readable by this "
        "user alone, and the public key to standard output. Without it the secret goes to "
        "standard output and the public key to standard error.\n\n"
        "A secret is a line of 64 hexadecimal digits, the form of the node's own key file; a "
        "public key is a line for the FILE of --allow-key.",
    .json = "one JSON object on standard output",
    .operand = "file",
    .operands_max = 1,
    .run = run_keygen,
};
