/* An artifact written again, field by field, in the order in which the existing compiler writes:
 * ascending numbers, but the alternatives of a type in front of its denotation. */
#include "dataflow/artifact.h"

enum { DEPTH_MAX = 64, NUMBERS = 32 };

typedef enum message {
    PLAIN, /* bytes, text or numbers: nothing inside to order */
    MODEL,
    FUNCTION,
    GRAPH,
    NODE,
    ATTRIBUTE,
    TENSOR,
    VALUE_INFO,
    TYPE,
    TENSOR_TYPE,
    SHAPE,
    PAIR, /* messages of plain fields alone */
} message;

static message inside(message outer, uint32_t number)
{
    static const uint8_t fields[][NUMBERS] = {
        [MODEL] = {[7] = GRAPH, [8] = PAIR, [14] = PAIR, [25] = FUNCTION},
        [FUNCTION] = {[7] = NODE, [9] = PAIR, [11] = ATTRIBUTE, [12] = VALUE_INFO, [14] = PAIR},
        [GRAPH] = {[1] = NODE,
                   [5] = TENSOR,
                   [11] = VALUE_INFO,
                   [12] = VALUE_INFO,
                   [13] = VALUE_INFO,
                   [16] = PAIR},
        [NODE] = {[5] = ATTRIBUTE, [9] = PAIR},
        [ATTRIBUTE] = {[5] = TENSOR, [6] = GRAPH, [10] = TENSOR, [11] = GRAPH},
        [VALUE_INFO] = {[2] = TYPE, [4] = PAIR},
        [TYPE] = {[1] = TENSOR_TYPE, [7] = PAIR},
        [TENSOR_TYPE] = {[2] = SHAPE},
        [SHAPE] = {[1] = PAIR},
    };
    return outer < WW_COUNT_OF(fields) && number < NUMBERS ? (message)fields[outer][number] : PLAIN;
}

static ww_status put_message(const ww_allocator *allocator, ww_view bytes, message kind, int depth,
                             ww_buf *out);

static ww_status put_field(const ww_allocator *allocator, const df_field *field, message outer,
                           int depth, ww_buf *out)
{
    uint8_t fixed[8];
    ww_status status;
    message kind = inside(outer, field->number);
    if (field->type == DF_BYTES && kind != PLAIN) {
        ww_buf body;
        ww_buf_init(&body, allocator, out->size_max);
        status = put_message(allocator, field->bytes, kind, depth - 1, &body);
        if (!status) status = df_put_bytes(out, field->number, ww_buf_view(&body));
        ww_buf_deinit(&body);
        return status;
    }
    if (field->type == DF_BYTES) return df_put_bytes(out, field->number, field->bytes);
    status = df_put_varint(out, (uint64_t)field->number << 3 | field->type);
    if (status) return status;
    if (field->type == DF_VARINT) return df_put_varint(out, field->value);
    ww_put_le64(fixed, field->value);
    return ww_buf_append(out, fixed, field->type == DF_FIXED64 ? 8 : 4);
}

/* Numbers beyond NUMBERS are unknown to everybody and go last, as they came. */
static uint32_t rank_of(message kind, uint32_t number)
{
    if (kind == TYPE && number == 7) return 5;
    return number < NUMBERS ? number : NUMBERS;
}

static ww_status put_message(const ww_allocator *allocator, ww_view bytes, message kind, int depth,
                             ww_buf *out)
{
    uint64_t present = 0;
    if (depth < 0) return WW_E_LIMIT;
    df_reader r = df_reader_of(bytes);
    for (df_field field; df_next(&r, &field);)
        present |= 1ull << rank_of(kind, field.number);
    ww_status status = r.error ? WW_E_INVALID : WW_OK;
    for (uint32_t rank = 0; rank <= NUMBERS && !status; rank++) {
        if (!(present >> rank & 1)) continue;
        r = df_reader_of(bytes);
        for (df_field field; !status && df_next(&r, &field);)
            if (rank_of(kind, field.number) == rank)
                status = put_field(allocator, &field, kind, depth, out);
    }
    return status;
}

ww_status df_artifact_encode(const df_artifact *artifact, ww_buf *out)
{
    return put_message(artifact->allocator, artifact->bytes, MODEL, DEPTH_MAX, out);
}
