#include "config/identity.h"
#include "base/hex.h"
#include "config/folders.h"
#include "os/file.h"
#include <stdio.h>

enum { SEED_DIGITS = 2 * WW_ED25519_SEED_BYTES, KEY_DIGITS = 2 * WW_ED25519_PUBLIC_BYTES };

/* --- the node's key --- */

static ww_status complete(ww_identity *identity, ww_diag *diag)
{
    ww_status status = ww_ed25519_public(identity->seed, identity->id);
    return status ? ww_fail(diag, status, "Ed25519: %s", ww_status_text(status)) : WW_OK;
}

static ww_status read_key(const ww_folder *folder, const char *path, const ww_allocator *allocator,
                          ww_identity *out, ww_diag *diag)
{
    ww_buf buf;
    ww_file_facts facts;
    ww_buf_init(&buf, allocator, SEED_DIGITS + 1);
    ww_status status = ww_file_read_in(folder, WW_IDENTITY_FILE, &buf, &facts, diag);
    size_t size = buf.size && buf.data[buf.size - 1] == '\n' ? buf.size - 1 : buf.size;
    if (status == WW_E_LIMIT ||
        (!status && !ww_hex_decode(ww_view_of(buf.data, size), out->seed, WW_ED25519_SEED_BYTES)))
        status = ww_fail(diag, WW_E_INVALID, "%s/%s: not a key: %d hexadecimal digits", path,
                         WW_IDENTITY_FILE, SEED_DIGITS);
    else if (!status && !facts.is_private)
        status = ww_fail(diag, WW_E_INVALID,
                         "%s/%s: others may read this key; if nobody has, run chmod 600 on it",
                         path, WW_IDENTITY_FILE);
    if (buf.data) explicit_bzero(buf.data, buf.capacity);
    ww_buf_deinit(&buf);
    return status ? status : complete(out, diag);
}

static ww_status write_key(const ww_folder *folder, const char *name, ww_identity *out,
                           ww_diag *diag)
{
    ww_status status = ww_ed25519_generate(out->seed, out->id);
    if (status) return ww_fail(diag, status, "Ed25519: %s", ww_status_text(status));
    char text[SEED_DIGITS + 2];
    ww_hex_encode(ww_view_of(out->seed, sizeof out->seed), text);
    text[SEED_DIGITS] = '\n';
    ww_view part = ww_view_of(text, SEED_DIGITS + 1);
    status = ww_file_create(folder, name, &part, 1, diag);
    explicit_bzero(text, sizeof text);
    return status;
}

ww_status ww_identity_open(const char *state_folder, const ww_allocator *allocator,
                           ww_identity *out, ww_diag *diag)
{
    ww_folder folder;
    ww_status status = ww_folder_make(state_folder, &folder, diag);
    if (!status) {
        status = read_key(&folder, state_folder, allocator, out, diag);
        if (status == WW_E_NOT_FOUND) {
            status = write_key(&folder, WW_IDENTITY_FILE, out, diag);
            if (status) ww_fail_in(diag, "%s", state_folder);
        }
        if (status == WW_E_EXISTS) status = read_key(&folder, state_folder, allocator, out, diag);
        ww_folder_close(&folder);
    }
    if (status) {
        ww_identity_wipe(out);
        ww_fail_in(diag, "the node's key");
    }
    return status;
}

void ww_identity_wipe(ww_identity *identity)
{
    explicit_bzero(identity, sizeof *identity);
}

ww_status ww_identity_make(const char *path, ww_identity *out, ww_diag *diag)
{
    char parent[WW_PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int size = slash ? (int)(slash - path) + 1 : 2;
    if (!*name || size >= WW_PATH_MAX)
        return ww_fail(diag, WW_E_USAGE, "%s is no name for a file", path);
    snprintf(parent, sizeof parent, "%.*s", size, slash ? path : "./");
    ww_folder folder;
    ww_status status = ww_folder_open(parent, &folder, diag);
    if (status) return status;
    status = write_key(&folder, name, out, diag);
    ww_folder_close(&folder);
    if (!status) return WW_OK;
    ww_identity_wipe(out);
    return ww_fail_in(diag, "cannot make %s", path);
}

void ww_identity_multihash(const uint8_t id[static WW_NODE_ID_BYTES],
                           uint8_t out[static WW_NODE_MULTIHASH_BYTES])
{
    /* identity, 36 bytes; of those: type Ed25519, 32 bytes of data */
    static const uint8_t head[] = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, id, WW_NODE_ID_BYTES);
}

/* --- the keys of others --- */

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static ww_status read_line(ww_view line, const char *path, unsigned number, ww_allowed_keys *out,
                           ww_diag *diag)
{
    while (line.size && is_blank(line.data[0]))
        line = ww_view_of(line.data + 1, line.size - 1);
    if (!line.size || line.data[0] == '#') return WW_OK;
    size_t size = 0;
    while (size < line.size && !is_blank(line.data[size]))
        size++;
    if (out->count == WW_ALLOWED_KEYS_MAX)
        return ww_fail(diag, WW_E_USAGE, "%s:%u: more than %d keys", path, number,
                       WW_ALLOWED_KEYS_MAX);
    if (!ww_hex_decode(ww_view_of(line.data, size), out->keys[out->count], WW_ED25519_PUBLIC_BYTES))
        return ww_fail(diag, WW_E_USAGE, "%s:%u: not a public key: %d hexadecimal digits", path,
                       number, KEY_DIGITS);
    out->count++;
    return WW_OK;
}

static ww_status read_lines(ww_view text, const char *path, ww_allowed_keys *out, ww_diag *diag)
{
    ww_status status = WW_OK;
    for (unsigned number = 1; !status && text.size; number++) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size, step = size + (end != NULL);
        status = read_line(ww_view_of(text.data, size), path, number, out, diag);
        text = ww_view_of(text.data + step, text.size - step);
    }
    if (!status && !out->count) status = ww_fail(diag, WW_E_USAGE, "%s: no key in it", path);
    return status;
}

ww_status ww_allowed_keys_read(const char *path, const ww_allocator *allocator,
                               ww_allowed_keys *out, ww_diag *diag)
{
    ww_buf buf;
    ww_buf_init(&buf, allocator, WW_ALLOWED_KEYS_BYTES_MAX);
    out->count = 0;
    ww_status status = ww_file_read_safe(path, &buf, diag);
    if (!status) status = read_lines(ww_buf_view(&buf), path, out, diag);
    ww_buf_deinit(&buf);
    return status ? ww_fail_in(diag, "allowed keys") : WW_OK;
}
