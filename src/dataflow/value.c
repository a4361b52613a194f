#include "dataflow/value.h"

typedef struct type_row {
    uint64_t hash;
    const char *denotation;
    bool wire;
} type_row;

static const type_row rows[WW_FLOW_TYPES] = {
#define TYPE_ROW(name, hash, denotation, wire) [WW_FLOW_##name] = {hash, denotation, wire},
    WW_FLOW_LIST(TYPE_ROW)
#undef TYPE_ROW
};

uint64_t ww_flow_value_hash(ww_flow_value_type type)
{
    return (unsigned)type < WW_FLOW_TYPES ? rows[type].hash : 0;
}

ww_flow_value_type df_type_of_hash(uint64_t hash)
{
    for (int type = WW_FLOW_NONE + 1; type < WW_FLOW_TYPES; type++)
        if (rows[type].hash == hash) return (ww_flow_value_type)type;
    return WW_FLOW_NONE;
}

ww_flow_value_type ww_flow_value_type_of_hash(uint64_t hash)
{
    ww_flow_value_type type = df_type_of_hash(hash);
    return rows[type].wire ? type : WW_FLOW_NONE;
}

ww_flow_value_type ww_flow_value_type_of_denotation(ww_view name)
{
    if (!name.size) return WW_FLOW_NONE;
    for (int type = WW_FLOW_NONE + 1; type < WW_FLOW_TYPES; type++)
        if (ww_view_is(name, rows[type].denotation)) return (ww_flow_value_type)type;
    return WW_FLOW_NONE;
}

bool df_is_number(uint32_t type)
{
    return type == WW_FLOW_COMMAND_ID || type == WW_FLOW_TIMESTAMP || type == WW_FLOW_WIRE_REQ_ID ||
           type == WW_FLOW_TOKEN || type == WW_FLOW_U64;
}

static ww_flow_value of_blob(ww_flow_value_type type, ww_blob *blob)
{
    if (!blob) return (ww_flow_value){0};
    return (ww_flow_value){
        .type = type, .size = (uint32_t)blob->size, .data = blob->bytes, .blob = blob};
}

ww_flow_value ww_flow_value_copy(const ww_allocator *allocator, ww_flow_value_type type,
                                 ww_view bytes)
{
    if (bytes.size > UINT32_MAX) return (ww_flow_value){0};
    return of_blob(type, ww_blob_copy(allocator, bytes));
}

ww_flow_value ww_flow_value_tensor(const ww_allocator *allocator, const uint32_t *dims,
                                   uint32_t dim_count, float **out_data)
{
    *out_data = NULL;
    uint64_t count = 1;
    if (dim_count > WW_FLOW_TENSOR_DIMS_MAX) return (ww_flow_value){0};
    for (uint32_t i = 0; i < dim_count; i++) {
        count *= dims[i];
        if (count > DF_TENSOR_ELEMENTS_MAX) return (ww_flow_value){0};
    }
    ww_blob *blob = ww_blob_new(allocator, sizeof(ww_flow_tensor) + (size_t)count * sizeof(float));
    if (!blob) return (ww_flow_value){0};
    ww_flow_value value = of_blob(WW_FLOW_TENSOR, blob);
    void *memory = blob->bytes;
    ww_flow_tensor *tensor = memory;
    *tensor = (ww_flow_tensor){.dim_count = dim_count, .element_count = (uint32_t)count};
    if (dim_count) memcpy(tensor->dims, dims, dim_count * sizeof *dims);
    *out_data = tensor->data;
    return value;
}

const ww_flow_tensor *df_tensor(const ww_flow_value *value)
{
    const void *memory = value->data;
    return memory;
}

/* --- wire form: little endian, lengths and counts as 64 bits ---------------------------------- */

static ww_status put_u64(ww_buf *out, uint64_t value)
{
    uint8_t bytes[8];
    ww_put_le64(bytes, value);
    return ww_buf_append(out, bytes, sizeof bytes);
}

static ww_status put_sized(ww_buf *out, ww_view bytes)
{
    ww_status status = put_u64(out, bytes.size);
    return status ? status : ww_buf_append(out, bytes.data, bytes.size);
}

static ww_status encode_tensor(const ww_flow_tensor *t, ww_buf *out)
{
    ww_status status = ww_buf_append_byte(out, 1);
    if (!status) status = put_u64(out, t->dim_count);
    for (uint32_t i = 0; i < t->dim_count && !status; i++)
        status = put_u64(out, t->dims[i]);
    if (!status) status = put_u64(out, t->element_count);
    if (!status) status = ww_buf_append(out, t->data, t->element_count * sizeof(float));
    if (!status) status = put_u64(out, t->dim_count);
    for (uint32_t i = 0; i < t->dim_count && !status; i++)
        status = put_u64(out, t->dims[i]);
    return status;
}

ww_status ww_flow_value_encode(const ww_flow_value *value, ww_buf *out)
{
    switch (value->type) {
    case WW_FLOW_TRIGGER: return WW_OK;
    case WW_FLOW_BYTES:
    case WW_FLOW_PEER_ID: return put_sized(out, ww_flow_value_view(value));
    case WW_FLOW_FLOATS: {
        ww_status status = put_u64(out, value->size / sizeof(float));
        return status ? status : ww_buf_append(out, value->data, value->size);
    }
    case WW_FLOW_TENSOR: return encode_tensor(df_tensor(value), out);
    case WW_FLOW_PEER_ID_VEC:
    case WW_FLOW_ADDRESS:
    case WW_FLOW_ADDRESS_VEC:
    case WW_FLOW_COMPOSITE: return ww_buf_append(out, value->data, value->size);
    default: return df_is_number(value->type) ? put_u64(out, value->number) : WW_E_INVALID;
    }
}

/* What is left of the bytes; every take checks. */
typedef struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
} cursor;

static uint64_t take_u64(cursor *c)
{
    if (c->left < 8) {
        c->bad = true;
        return 0;
    }
    uint64_t value = ww_le64(c->at);
    c->at += 8;
    c->left -= 8;
    return value;
}

static uint32_t take_u32(cursor *c)
{
    if (c->left < 4) {
        c->bad = true;
        return 0;
    }
    uint32_t value = ww_le32(c->at);
    c->at += 4;
    c->left -= 4;
    return value;
}

static ww_view take_sized(cursor *c)
{
    uint64_t size = take_u64(c);
    if (c->bad || size > c->left) {
        c->bad = true;
        return ww_view_of(NULL, 0);
    }
    ww_view bytes = ww_view_of(c->at, (size_t)size);
    c->at += size;
    c->left -= (size_t)size;
    return bytes;
}

bool df_is_multihash(ww_view bytes)
{
    df_reader r = df_reader_of(bytes);
    uint64_t code, size;
    return df_read_varint(&r, &code) && df_read_varint(&r, &size) && size <= 64 &&
           size == (uint64_t)(r.end - r.at);
}

static void check_address(cursor *c)
{
    uint64_t segments = take_u64(c);
    for (; segments && !c->bad; segments--) {
        uint32_t variant = take_u32(c);
        ww_view part = {NULL, 0};
        switch (variant) {
        case 0:
            part = take_sized(c);
            c->bad = c->bad || !df_is_multihash(part);
            break;
        case 1: take_u64(c); break;
        case 2: take_u32(c); break;
        case 3:
            part = take_sized(c);
            c->bad = c->bad || !df_is_utf8(part);
            break;
        default: c->bad = true;
        }
    }
}

static void check_composite(cursor *c)
{
    uint64_t children = take_u64(c);
    for (; children && !c->bad; children--) {
        take_u64(c);
        take_sized(c);
    }
}

/* Counts are not trusted for anything but the loop: each round consumes bytes or ends it. */
static bool is_valid(ww_flow_value_type type, ww_view bytes)
{
    cursor c = {bytes.data, bytes.size, false};
    uint64_t count;
    switch (type) {
    case WW_FLOW_PEER_ID_VEC:
        for (count = take_u64(&c); count && !c.bad; count--) {
            ww_view peer = take_sized(&c);
            c.bad = c.bad || !df_is_multihash(peer);
        }
        break;
    case WW_FLOW_ADDRESS: check_address(&c); break;
    case WW_FLOW_ADDRESS_VEC:
        for (count = take_u64(&c); count && !c.bad; count--)
            check_address(&c);
        break;
    case WW_FLOW_COMPOSITE: check_composite(&c); break;
    default: return false;
    }
    return !c.bad && !c.left;
}

static ww_status decode_sized(const ww_allocator *allocator, ww_flow_value_type type, cursor *c,
                              ww_flow_value *out)
{
    ww_view bytes = take_sized(c);
    if (c->bad || c->left) return WW_E_INVALID;
    if (type == WW_FLOW_PEER_ID && !df_is_multihash(bytes)) return WW_E_INVALID;
    *out = ww_flow_value_copy(allocator, type, bytes);
    return out->type ? WW_OK : WW_E_MEMORY;
}

static ww_status decode_tensor(const ww_allocator *allocator, cursor *c, ww_flow_value *out)
{
    if (!c->left || *c->at != 1) return WW_E_INVALID;
    c->at++;
    c->left--;
    uint32_t dims[WW_FLOW_TENSOR_DIMS_MAX];
    uint64_t dim_count = take_u64(c), product = 1;
    if (c->bad || dim_count > WW_FLOW_TENSOR_DIMS_MAX) return WW_E_INVALID;
    for (uint64_t i = 0; i < dim_count; i++) {
        uint64_t dim = take_u64(c);
        if (c->bad || dim > DF_TENSOR_ELEMENTS_MAX || (product *= dim) > DF_TENSOR_ELEMENTS_MAX)
            return WW_E_INVALID;
        dims[i] = (uint32_t)dim;
    }
    uint64_t count = take_u64(c);
    if (c->bad || count != product || count > c->left / sizeof(float)) return WW_E_INVALID;
    cursor after = {c->at + count * sizeof(float), c->left - count * sizeof(float), false};
    if (take_u64(&after) != dim_count) return WW_E_INVALID;
    for (uint64_t i = 0; i < dim_count; i++)
        if (take_u64(&after) != dims[i]) return WW_E_INVALID;
    if (after.bad || after.left) return WW_E_INVALID;
    float *data;
    *out = ww_flow_value_tensor(allocator, dims, (uint32_t)dim_count, &data);
    if (!out->type) return WW_E_MEMORY;
    if (count) memcpy(data, c->at, count * sizeof(float));
    return WW_OK;
}

static ww_status decode(const ww_allocator *allocator, ww_flow_value_type type, ww_view bytes,
                        ww_flow_value *out)
{
    cursor c = {bytes.data, bytes.size, false};
    if (type == WW_FLOW_TRIGGER) {
        *out = (ww_flow_value){.type = type};
        return bytes.size ? WW_E_INVALID : WW_OK;
    }
    if (df_is_number(type)) {
        *out = ww_flow_value_number(type, take_u64(&c));
        return c.bad || c.left ? WW_E_INVALID : WW_OK;
    }
    if (type == WW_FLOW_BYTES || type == WW_FLOW_PEER_ID)
        return decode_sized(allocator, type, &c, out);
    if (type == WW_FLOW_TENSOR) return decode_tensor(allocator, &c, out);
    if (type == WW_FLOW_FLOATS) {
        uint64_t count = take_u64(&c);
        if (c.bad || count > c.left / sizeof(float) || count * sizeof(float) != c.left)
            return WW_E_INVALID;
        *out = ww_flow_value_copy(allocator, type, ww_view_of(c.at, c.left));
        return out->type ? WW_OK : WW_E_MEMORY;
    }
    if (!is_valid(type, bytes)) return WW_E_INVALID;
    *out = ww_flow_value_copy(allocator, type, bytes);
    return out->type ? WW_OK : WW_E_MEMORY;
}

ww_status ww_flow_value_decode(const ww_allocator *allocator, ww_flow_value_type type,
                               ww_view bytes, ww_flow_value *out, ww_diag *diag)
{
    *out = (ww_flow_value){0};
    if (bytes.size > UINT32_MAX)
        return ww_fail(diag, WW_E_LIMIT, "a value of %zu bytes", bytes.size);
    ww_status status = decode(allocator, type, bytes, out);
    if (!status) return WW_OK;
    *out = (ww_flow_value){0};
    const char *what =
        (unsigned)type < WW_FLOW_TYPES && type ? rows[type].denotation : "unknown type";
    return ww_fail(diag, status, "%zu bytes are not a value of \"%s\"", bytes.size, what);
}
