#include "capnp/frame.h"
#include "capnp/wire.h"

static uint64_t table_size(uint32_t segments)
{
    return ((uint64_t)segments / 2 + 1) * CAPNP_WORD;
}

ww_status ww_capnp_frame_size(ww_view bytes, uint64_t words_max, uint64_t *size, ww_diag *diag)
{
    *size = 0;
    if (bytes.size < 4) return WW_OK;
    uint32_t last = ww_le32(bytes.data);
    if (last >= WW_CAPNP_SEGMENTS_MAX)
        return ww_fail(diag, WW_E_INVALID, "message: more than %d segments", WW_CAPNP_SEGMENTS_MAX);
    uint64_t table = table_size(last + 1), words = 0;
    if (bytes.size < table) return WW_OK;
    for (uint32_t i = 0; i <= last; i++)
        words += ww_le32(bytes.data + 4 + 4 * (size_t)i);
    if (words > words_max)
        return ww_fail(diag, WW_E_LIMIT, "message: %llu words, more than %llu",
                       (unsigned long long)words, (unsigned long long)words_max);
    *size = table + words * CAPNP_WORD;
    return WW_OK;
}

ww_status ww_capnp_frame_open(ww_capnp_frame *frame, ww_view bytes, uint64_t words_max,
                              const ww_allocator *allocator, size_t *size, ww_diag *diag)
{
    *frame = (ww_capnp_frame){.allocator = allocator};
    uint64_t need;
    ww_status status = ww_capnp_frame_size(bytes, words_max, &need, diag);
    if (status) return status;
    if (!need || need > bytes.size) return ww_fail(diag, WW_E_INVALID, "message: cut off");
    uint32_t count = ww_le32(bytes.data) + 1;
    ww_capnp_segment *segments = &frame->single;
    if (count > 1) segments = frame->segments = ww_alloc_array(allocator, count, sizeof *segments);
    if (!segments) return ww_fail(diag, WW_E_MEMORY, "message: out of memory");
    const uint8_t *at = bytes.data + table_size(count);
    for (uint32_t i = 0; i < count; i++) {
        segments[i] = (ww_capnp_segment){at, ww_le32(bytes.data + 4 + 4 * (size_t)i), 0};
        at += (size_t)segments[i].words * CAPNP_WORD;
    }
    ww_capnp_message_init(&frame->message, segments, count);
    *size = (size_t)need;
    return WW_OK;
}

void ww_capnp_frame_deinit(ww_capnp_frame *frame)
{
    if (!frame->segments) return;
    ww_free(frame->allocator, frame->segments,
            frame->message.segment_count * sizeof *frame->segments);
    frame->segments = NULL;
}

size_t ww_capnp_frame_table(const ww_capnp_builder *builder, uint8_t table[WW_CAPNP_TABLE_SIZE_MAX])
{
    uint32_t count = builder->message.segment_count;
    if (!count) {
        memset(table, 0, CAPNP_WORD);
        return CAPNP_WORD;
    }
    size_t size = (size_t)table_size(count);
    ww_put_le32(table, count - 1);
    for (uint32_t i = 0; i < count; i++)
        ww_put_le32(table + 4 + 4 * (size_t)i, builder->segments[i].words);
    if (count % 2 == 0) ww_put_le32(table + size - 4, 0);
    return size;
}

ww_status ww_capnp_frame_write(const ww_capnp_builder *builder, ww_buf *out)
{
    if (builder->fault) return builder->fault;
    uint8_t table[WW_CAPNP_TABLE_SIZE_MAX];
    size_t start = out->size;
    ww_status status = ww_buf_append(out, table, ww_capnp_frame_table(builder, table));
    for (uint32_t i = 0; i < builder->message.segment_count && !status; i++)
        status = ww_buf_append(out, builder->segments[i].data,
                               (size_t)builder->segments[i].words * CAPNP_WORD);
    if (status) out->size = start;
    return status;
}

/* ---- streams ---- */

void ww_capnp_framer_init(ww_capnp_framer *framer, const ww_allocator *allocator,
                          uint64_t words_max)
{
    *framer = (ww_capnp_framer){.words_max = words_max};
    uint64_t size_max = words_max * CAPNP_WORD + WW_CAPNP_TABLE_SIZE_MAX;
    ww_buf_init(&framer->bytes, allocator, size_max > SIZE_MAX ? SIZE_MAX : (size_t)size_max);
}

void ww_capnp_framer_deinit(ww_capnp_framer *framer)
{
    ww_buf_deinit(&framer->bytes);
}

/* Moves at most up to `size` bytes of the message into the buffer. */
static ww_status take(ww_capnp_framer *framer, ww_view *input, uint64_t size)
{
    size_t count = input->size;
    if (framer->bytes.size >= size) return WW_OK;
    if (count > size - framer->bytes.size) count = (size_t)(size - framer->bytes.size);
    ww_status status = ww_buf_append(&framer->bytes, input->data, count);
    if (!status && count) *input = ww_view_of(input->data + count, input->size - count);
    return status;
}

/* Reads the table in two steps, its first word and then the rest. */
static ww_status read_table(ww_capnp_framer *framer, ww_view *input, ww_diag *diag)
{
    ww_status status = take(framer, input, CAPNP_WORD);
    if (status || framer->bytes.size < CAPNP_WORD) return status;
    status =
        ww_capnp_frame_size(ww_buf_view(&framer->bytes), framer->words_max, &framer->need, diag);
    if (status || framer->need) return status;
    status = take(framer, input, table_size(ww_le32(framer->bytes.data) + 1));
    if (status) return status;
    return ww_capnp_frame_size(ww_buf_view(&framer->bytes), framer->words_max, &framer->need, diag);
}

ww_status ww_capnp_framer_feed(ww_capnp_framer *framer, ww_view *input, ww_diag *diag)
{
    if (framer->fault) return ww_fail(diag, framer->fault, "message: the stream failed before");
    if (framer->need && framer->bytes.size == framer->need) {
        ww_buf_clear(&framer->bytes);
        framer->need = 0;
    }
    ww_status status = WW_OK;
    if (!framer->need) status = read_table(framer, input, diag);
    if (!status && framer->need) status = take(framer, input, framer->need);
    framer->fault = status;
    if (status) return status;
    return framer->need && framer->bytes.size == framer->need ? WW_OK : WW_AGAIN;
}

ww_status ww_capnp_framer_end(const ww_capnp_framer *framer, ww_diag *diag)
{
    bool is_between = framer->bytes.size == 0 || framer->bytes.size == framer->need;
    return is_between ? WW_OK : ww_fail(diag, WW_E_INVALID, "message: the stream ends inside one");
}
