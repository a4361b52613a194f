#include "capnp/pack.h"
#include "capnp/wire.h"

enum { RUN_MAX = 255 };

static unsigned zero_bytes(const uint8_t *word)
{
    unsigned zeros = 0;
    for (int i = 0; i < CAPNP_WORD; i++)
        zeros += word[i] == 0;
    return zeros;
}

/* How many words from `at` on belong to the run that `tag` opened. */
static size_t run_length(const uint8_t *at, const uint8_t *end, uint8_t tag)
{
    size_t run = 0, left = (size_t)(end - at) / CAPNP_WORD;
    if (left > RUN_MAX) left = RUN_MAX;
    while (run < left) {
        const uint8_t *word = at + run * CAPNP_WORD;
        if (tag == 0 ? capnp_load(word) != 0 : zero_bytes(word) >= 2) break;
        run++;
    }
    return run;
}

static size_t pack_word(const uint8_t *word, uint8_t *to)
{
    size_t size = 1;
    uint8_t tag = 0;
    for (int i = 0; i < CAPNP_WORD; i++) {
        to[size] = word[i];
        size += word[i] != 0;
        tag = (uint8_t)(tag | (word[i] != 0) << i);
    }
    to[0] = tag;
    return size;
}

ww_status ww_capnp_pack(ww_view words, ww_buf *out)
{
    const uint8_t *at = words.data, *end = words.data + words.size / CAPNP_WORD * CAPNP_WORD;
    while (at < end) {
        uint8_t packed[CAPNP_WORD + 2];
        size_t size = pack_word(at, packed), run = 0;
        uint8_t tag = packed[0];
        at += CAPNP_WORD;
        if (tag == 0 || tag == 0xff) {
            run = run_length(at, end, tag);
            packed[size++] = (uint8_t)run;
        }
        ww_status status = ww_buf_append(out, packed, size);
        if (!status && tag == 0xff) status = ww_buf_append(out, at, run * CAPNP_WORD);
        if (status) return status;
        at += run * CAPNP_WORD;
    }
    return WW_OK;
}

ww_status ww_capnp_pack_message(const ww_capnp_builder *builder, ww_buf *out)
{
    if (builder->fault) return builder->fault;
    uint8_t table[WW_CAPNP_TABLE_SIZE_MAX];
    size_t size = ww_capnp_frame_table(builder, table);
    /* Readers unpack the table's first word by itself, and then the rest. */
    ww_status status = ww_capnp_pack(ww_view_of(table, CAPNP_WORD), out);
    if (!status) status = ww_capnp_pack(ww_view_of(table + CAPNP_WORD, size - CAPNP_WORD), out);
    for (uint32_t i = 0; i < builder->message.segment_count && !status; i++) {
        const ww_capnp_segment *s = &builder->segments[i];
        status = ww_capnp_pack(ww_view_of(s->data, (size_t)s->words * CAPNP_WORD), out);
    }
    return status;
}

static ww_status cut_off(ww_diag *diag)
{
    return ww_fail(diag, WW_E_INVALID, "packed message: cut off");
}

static ww_status unpack_word(const uint8_t **at, const uint8_t *end, uint8_t *out, uint8_t *tag,
                             ww_diag *diag)
{
    if (*at == end) return cut_off(diag);
    *tag = *(*at)++;
    if (__builtin_popcount(*tag) > end - *at) return cut_off(diag);
    for (int i = 0; i < CAPNP_WORD; i++)
        out[i] = *tag >> i & 1 ? *(*at)++ : 0;
    return WW_OK;
}

ww_status ww_capnp_unpack(ww_view *input, uint8_t *out, size_t size, ww_diag *diag)
{
    const uint8_t *at = input->data, *end = input->data + input->size;
    uint8_t *out_end = out + size / CAPNP_WORD * CAPNP_WORD;
    while (out < out_end) {
        uint8_t tag = 0;
        ww_status status = unpack_word(&at, end, out, &tag, diag);
        if (status) return status;
        out += CAPNP_WORD;
        if (tag != 0 && tag != 0xff) continue;
        if (at == end) return cut_off(diag);
        size_t run = (size_t)*at++ * CAPNP_WORD;
        if (run > (size_t)(out_end - out))
            return ww_fail(diag, WW_E_INVALID, "packed message: a run goes beyond its part");
        if (tag == 0xff && run > (size_t)(end - at)) return cut_off(diag);
        if (run && tag == 0) memset(out, 0, run);
        if (run && tag == 0xff) memcpy(out, at, run);
        if (tag == 0xff) at += run;
        out += run;
    }
    *input = ww_view_of(at, (size_t)(end - at));
    return WW_OK;
}

static ww_status unpack_part(ww_view *input, uint64_t size, ww_buf *out, ww_diag *diag)
{
    uint8_t *to;
    if (size > SIZE_MAX) return ww_fail(diag, WW_E_LIMIT, "packed message: too large");
    /* A packed byte stands for at most 1 KiB: more cannot come, so more is not asked for. */
    if (size / 1024 > input->size) return cut_off(diag);
    ww_status status = ww_buf_reserve(out, (size_t)size, &to);
    if (status) return ww_fail(diag, status, "packed message: %s", ww_status_text(status));
    status = ww_capnp_unpack(input, to, (size_t)size, diag);
    if (!status) out->size += (size_t)size;
    return status;
}

ww_status ww_capnp_unpack_message(ww_view *input, uint64_t words_max, ww_buf *out, ww_diag *diag)
{
    size_t start = out->size;
    uint64_t size = 0;
    ww_view left = *input;
    ww_status status = unpack_part(&left, CAPNP_WORD, out, diag);
    ww_view table = ww_view_of(out->data + start, out->size - start);
    if (!status) status = ww_capnp_frame_size(table, words_max, &size, diag);
    if (!status && !size) {
        uint64_t rest = ((uint64_t)ww_le32(table.data) + 1) / 2 * CAPNP_WORD;
        status = unpack_part(&left, rest, out, diag);
        table = ww_view_of(out->data + start, out->size - start);
        if (!status) status = ww_capnp_frame_size(table, words_max, &size, diag);
    }
    if (!status) status = unpack_part(&left, size - table.size, out, diag);
    if (status)
        out->size = start;
    else
        *input = left;
    return status;
}
