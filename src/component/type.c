#include "component/type.h"
#include "component/limits.h"

enum { FLAT_PARAMS_DIRECT = 16, FLAT_RESULTS_DIRECT = 1, POINTER_BYTES = 4 };

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* --- records ------------------------------------------------------------------------------- */

/* What one struct of fields comes to; sizes are rounded up to the alignments. */
typedef struct layout {
    uint64_t abi_size, host_size;
    uint32_t abi_align, host_align;
    uint32_t flat_count; /* up to WW_FLAT_PARAMS_MAX, else WW_FLAT_UNBOUNDED */
    uint8_t flat[WW_FLAT_PARAMS_MAX];
    bool has_pointers, has_handles;
} layout;

static void append_flat(layout *l, const ww_type *type)
{
    if (l->flat_count == WW_FLAT_UNBOUNDED) return;
    if (type->flat_count > WW_FLAT_PARAMS_MAX - l->flat_count) {
        l->flat_count = WW_FLAT_UNBOUNDED;
        return;
    }
    memcpy(l->flat + l->flat_count, type->flat, type->flat_count);
    l->flat_count += type->flat_count;
}

static ww_status layout_fields(layout *l, ww_field *fields, uint32_t count)
{
    *l = (layout){.abi_align = 1, .host_align = 1};
    for (uint32_t i = 0; i < count; i++) {
        const ww_type *type = fields[i].type;
        uint64_t abi_at = ww_align_up(l->abi_size, type->abi_align);
        uint64_t host_at = ww_align_up(l->host_size, type->host_align);
        l->abi_size = abi_at + type->abi_size;
        l->host_size = host_at + type->host_size;
        if (l->abi_size > WW_MAX_VALUE_BYTES || l->host_size > WW_MAX_VALUE_BYTES)
            return WW_E_LIMIT;
        fields[i].abi_offset = (uint32_t)abi_at;
        fields[i].host_offset = (uint32_t)host_at;
        l->abi_align = larger(l->abi_align, type->abi_align);
        l->host_align = larger(l->host_align, type->host_align);
        l->has_pointers |= type->has_pointers;
        l->has_handles |= type->has_handles;
        append_flat(l, type);
    }
    l->abi_size = ww_align_up(l->abi_size, l->abi_align);
    l->host_size = ww_align_up(l->host_size, l->host_align);
    return WW_OK;
}

static ww_status finish(ww_type *type, const layout *l)
{
    if (l->abi_size > WW_MAX_VALUE_BYTES || l->host_size > WW_MAX_VALUE_BYTES) return WW_E_LIMIT;
    type->abi_size = (uint32_t)l->abi_size;
    type->host_size = (uint32_t)l->host_size;
    type->abi_align = (uint8_t)l->abi_align;
    type->host_align = (uint8_t)l->host_align;
    type->flat_count = (uint8_t)l->flat_count;
    memcpy(type->flat, l->flat, sizeof type->flat);
    type->has_pointers = l->has_pointers;
    type->has_handles = l->has_handles;
    return WW_OK;
}

/* --- variants ------------------------------------------------------------------------------ */

static uint32_t disc_bytes(uint32_t cases)
{
    return cases <= 1 << 8 ? 1 : cases <= 1 << 16 ? 2 : 4;
}

static uint8_t join(uint8_t a, uint8_t b)
{
    if (a == b) return a;
    if ((a == WW_I32 && b == WW_F32) || (a == WW_F32 && b == WW_I32)) return WW_I32;
    return WW_I64;
}

/* Overlays a payload on the slots that earlier payloads use; slot 0 is the discriminant. */
static void join_flat(layout *l, const ww_type *payload)
{
    if (l->flat_count == WW_FLAT_UNBOUNDED) return;
    if (payload->flat_count > WW_FLAT_PARAMS_MAX - 1) {
        l->flat_count = WW_FLAT_UNBOUNDED;
        return;
    }
    for (uint32_t i = 0; i < payload->flat_count; i++) {
        uint32_t slot = i + 1;
        l->flat[slot] =
            slot < l->flat_count ? join(l->flat[slot], payload->flat[i]) : payload->flat[i];
    }
    l->flat_count = larger(l->flat_count, payload->flat_count + 1u);
}

static ww_status layout_variant(ww_type *type)
{
    type->disc_bytes = (uint8_t)disc_bytes(type->count);
    layout l = {.flat_count = 1, .flat = {WW_I32}, .host_align = sizeof(uint32_t)};
    uint32_t abi_align = 1, host_align = 1;
    for (uint32_t i = 0; i < type->count; i++) {
        const ww_type *payload = type->fields[i].type;
        if (!payload) continue;
        l.abi_size = larger((uint32_t)l.abi_size, payload->abi_size);
        l.host_size = larger((uint32_t)l.host_size, payload->host_size);
        abi_align = larger(abi_align, payload->abi_align);
        host_align = larger(host_align, payload->host_align);
        l.has_pointers |= payload->has_pointers;
        l.has_handles |= payload->has_handles;
        join_flat(&l, payload);
    }
    type->payload_abi_offset = (uint32_t)ww_align_up(type->disc_bytes, abi_align);
    type->payload_host_offset = (uint32_t)ww_align_up(sizeof(uint32_t), host_align);
    l.abi_align = larger(type->disc_bytes, abi_align);
    l.host_align = larger(sizeof(uint32_t), host_align);
    l.abi_size = ww_align_up(type->payload_abi_offset + l.abi_size, l.abi_align);
    l.host_size = ww_align_up(type->payload_host_offset + l.host_size, l.host_align);
    return finish(type, &l);
}

/* --- types of one size --------------------------------------------------------------------- */

#define SCALAR(KIND, bytes, code)                                                                  \
    [WW_TYPE_##KIND] = {.kind = WW_TYPE_##KIND,                                                    \
                        .flat_count = 1,                                                           \
                        .abi_align = bytes,                                                        \
                        .host_align = bytes,                                                       \
                        .abi_size = bytes,                                                         \
                        .host_size = bytes,                                                        \
                        .flat = {code}}

static const ww_type primitives[] = {
    SCALAR(BOOL, 1, WW_I32),
    SCALAR(S8, 1, WW_I32),
    SCALAR(U8, 1, WW_I32),
    SCALAR(S16, 2, WW_I32),
    SCALAR(U16, 2, WW_I32),
    SCALAR(S32, 4, WW_I32),
    SCALAR(U32, 4, WW_I32),
    SCALAR(S64, 8, WW_I64),
    SCALAR(U64, 8, WW_I64),
    SCALAR(F32, 4, WW_F32),
    SCALAR(F64, 8, WW_F64),
    SCALAR(CHAR, 4, WW_I32),
    [WW_TYPE_STRING] = {.kind = WW_TYPE_STRING,
                        .flat_count = 2,
                        .abi_align = POINTER_BYTES,
                        .host_align = _Alignof(ww_list),
                        .abi_size = 2 * POINTER_BYTES,
                        .host_size = sizeof(ww_list),
                        .has_pointers = true,
                        .flat = {WW_I32, WW_I32}},
};
#undef SCALAR

const ww_type *ww_type_primitive(ww_type_kind kind)
{
    WW_ASSERT(kind < WW_COUNT_OF(primitives));
    return &primitives[kind];
}

static ww_status layout_fixed(ww_type *type, uint32_t abi_bytes, uint32_t host_bytes)
{
    layout l = {.abi_size = abi_bytes, .host_size = host_bytes, .flat_count = 1, .flat = {WW_I32}};
    l.abi_align = abi_bytes;
    l.host_align = host_bytes;
    l.has_handles = type->kind == WW_TYPE_OWN || type->kind == WW_TYPE_BORROW;
    return finish(type, &l);
}

static ww_status layout_list(ww_type *type)
{
    const ww_type *string = ww_type_primitive(WW_TYPE_STRING);
    type->flat_count = string->flat_count;
    memcpy(type->flat, string->flat, sizeof type->flat);
    type->abi_size = string->abi_size;
    type->abi_align = string->abi_align;
    type->host_size = string->host_size;
    type->host_align = string->host_align;
    type->has_pointers = true;
    type->has_handles = type->element->has_handles;
    return WW_OK;
}

ww_status ww_type_layout(ww_type *type, ww_field *fields)
{
    type->fields = fields;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE: {
        layout l;
        ww_status status = layout_fields(&l, fields, type->count);
        return status ? status : finish(type, &l);
    }
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT: return layout_variant(type);
    case WW_TYPE_ENUM:
        type->disc_bytes = (uint8_t)disc_bytes(type->count);
        return layout_fixed(type, type->disc_bytes, sizeof(uint32_t));
    case WW_TYPE_FLAGS:
        return layout_fixed(type,
                            type->count <= 8    ? 1
                            : type->count <= 16 ? 2
                                                : 4,
                            sizeof(uint32_t));
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return layout_fixed(type, sizeof(uint32_t), sizeof(uint64_t));
    case WW_TYPE_LIST: return layout_list(type);
    default: *type = *ww_type_primitive((ww_type_kind)type->kind); return WW_OK;
    }
}

/* --- functions ----------------------------------------------------------------------------- */

static void make_core_types(ww_func_type *type, const layout *params)
{
    ww_core_type core = {0};
    if (type->params_spilled) {
        core.params[core.param_count++] = WW_I32;
    } else {
        memcpy(core.params, params->flat, params->flat_count);
        core.param_count = (uint8_t)params->flat_count;
    }
    type->lifted = core;
    type->lowered = core;
    if (type->result_spilled) {
        type->lifted.results[type->lifted.result_count++] = WW_I32;
        type->lowered.params[type->lowered.param_count++] = WW_I32;
    } else if (type->result && type->result->flat_count) {
        type->lifted.results[type->lifted.result_count++] = type->result->flat[0];
        type->lowered.results[type->lowered.result_count++] = type->result->flat[0];
    }
}

ww_status ww_func_type_layout(ww_func_type *type, ww_field *params)
{
    layout l;
    ww_status status = layout_fields(&l, params, type->param_count);
    if (status) return status;
    if (l.abi_size > WW_MAX_VALUE_BYTES || l.host_size > WW_MAX_VALUE_BYTES) return WW_E_LIMIT;
    type->params = params;
    type->params_abi_size = (uint32_t)l.abi_size;
    type->params_host_size = (uint32_t)l.host_size;
    type->params_abi_align = (uint8_t)l.abi_align;
    type->params_host_align = (uint8_t)l.host_align;
    type->params_spilled = l.flat_count > FLAT_PARAMS_DIRECT;
    type->params_have_pointers = l.has_pointers;
    type->result_spilled = type->result && type->result->flat_count > FLAT_RESULTS_DIRECT;
    type->result_has_pointers = type->result && type->result->has_pointers;
    make_core_types(type, &l);
    return WW_OK;
}

/* --- equality ------------------------------------------------------------------------------ */

static bool fields_equal(const ww_field *a, const ww_field *b, uint32_t count,
                         ww_same_resource *same, void *arg)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!ww_view_equal(a[i].name, b[i].name)) return false;
        if (!a[i].type != !b[i].type) return false;
        if (a[i].type && !ww_type_equal(a[i].type, b[i].type, same, arg)) return false;
    }
    return true;
}

bool ww_type_equal(const ww_type *a, const ww_type *b, ww_same_resource *same, void *arg)
{
    if (a == b && !a->has_handles) return true;
    /* Cheap facts that follow from the structure come first. */
    if (a->kind != b->kind || a->count != b->count || a->abi_size != b->abi_size ||
        a->has_handles != b->has_handles)
        return false;
    switch ((ww_type_kind)a->kind) {
    case WW_TYPE_LIST: return ww_type_equal(a->element, b->element, same, arg);
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return same(arg, a->resource, b->resource);
    default: return fields_equal(a->fields, b->fields, a->count, same, arg);
    }
}

bool ww_func_type_equal(const ww_func_type *a, const ww_func_type *b, ww_same_resource *same,
                        void *arg)
{
    if (a->param_count != b->param_count || !a->result != !b->result) return false;
    if (!fields_equal(a->params, b->params, a->param_count, same, arg)) return false;
    return !a->result || ww_type_equal(a->result, b->result, same, arg);
}

/* --- text ---------------------------------------------------------------------------------- */

static const char *const kind_names[] = {
    [WW_TYPE_BOOL] = "bool",     [WW_TYPE_S8] = "s8",           [WW_TYPE_U8] = "u8",
    [WW_TYPE_S16] = "s16",       [WW_TYPE_U16] = "u16",         [WW_TYPE_S32] = "s32",
    [WW_TYPE_U32] = "u32",       [WW_TYPE_S64] = "s64",         [WW_TYPE_U64] = "u64",
    [WW_TYPE_F32] = "f32",       [WW_TYPE_F64] = "f64",         [WW_TYPE_CHAR] = "char",
    [WW_TYPE_STRING] = "string", [WW_TYPE_LIST] = "list",       [WW_TYPE_RECORD] = "record",
    [WW_TYPE_TUPLE] = "tuple",   [WW_TYPE_VARIANT] = "variant", [WW_TYPE_ENUM] = "enum",
    [WW_TYPE_OPTION] = "option", [WW_TYPE_RESULT] = "result",   [WW_TYPE_FLAGS] = "flags",
    [WW_TYPE_OWN] = "own",       [WW_TYPE_BORROW] = "borrow",
};

static ww_status put(ww_buf *out, const char *text)
{
    return ww_buf_append(out, text, strlen(text));
}

static ww_status put_type(ww_buf *out, const ww_type *type);

/* "a: u32, b: string" of a record or of parameters. */
static ww_status put_fields(ww_buf *out, const ww_field *fields, uint32_t count)
{
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < count && !status; i++) {
        if (i) status = put(out, ", ");
        if (!status) status = ww_buf_append(out, fields[i].name.data, fields[i].name.size);
        if (!status) status = put(out, ": ");
        if (!status) status = put_type(out, fields[i].type);
    }
    return status;
}

/* "a, b(u32)" of a variant, an enum or flags. */
static ww_status put_cases(ww_buf *out, const ww_type *type)
{
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < type->count && !status; i++) {
        const ww_field *field = &type->fields[i];
        if (i) status = put(out, ", ");
        if (!status) status = ww_buf_append(out, field->name.data, field->name.size);
        if (status || !field->type) continue;
        status = put(out, "(");
        if (!status) status = put_type(out, field->type);
        if (!status) status = put(out, ")");
    }
    return status;
}

/* "u32, string" between angle brackets. */
static ww_status put_arguments(ww_buf *out, const ww_type *type)
{
    ww_status status = WW_OK;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_LIST: return put_type(out, type->element);
    case WW_TYPE_OPTION: return put_type(out, type->fields[1].type);
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return ww_buf_printf(out, "resource %u", type->resource);
    case WW_TYPE_RESULT:
        status = type->fields[0].type ? put_type(out, type->fields[0].type) : put(out, "_");
        if (status || !type->fields[1].type) return status;
        status = put(out, ", ");
        return status ? status : put_type(out, type->fields[1].type);
    default:
        for (uint32_t i = 0; i < type->count && !status; i++) {
            if (i) status = put(out, ", ");
            if (!status) status = put_type(out, type->fields[i].type);
        }
        return status;
    }
}

static ww_status put_type(ww_buf *out, const ww_type *type)
{
    ww_status status = put(out, kind_names[type->kind]);
    if (status || type->kind <= WW_TYPE_STRING) return status;
    bool braces = type->kind == WW_TYPE_RECORD || type->kind == WW_TYPE_VARIANT ||
                  type->kind == WW_TYPE_ENUM || type->kind == WW_TYPE_FLAGS;
    if (type->kind == WW_TYPE_RESULT && !type->fields[0].type && !type->fields[1].type)
        return WW_OK;
    status = put(out, braces ? " { " : "<");
    if (status) return status;
    if (!braces)
        status = put_arguments(out, type);
    else if (type->kind == WW_TYPE_RECORD)
        status = put_fields(out, type->fields, type->count);
    else
        status = put_cases(out, type);
    return status ? status : put(out, braces ? " }" : ">");
}

void ww_type_print(const ww_type *type, ww_buf *out)
{
    (void)put_type(out, type); /* what did not fit is cut */
}

void ww_func_type_print(const ww_func_type *type, ww_buf *out)
{
    ww_status status = put(out, "func(");
    if (!status) status = put_fields(out, type->params, type->param_count);
    if (!status) status = put(out, ")");
    if (!status && type->result) status = put(out, " -> ");
    if (!status && type->result) (void)put_type(out, type->result);
}
