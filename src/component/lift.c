/* Lifting: from guest memory and flat slots to host layout.
 *
 * Recursion follows the type, whose depth is bounded by WW_MAX_TYPE_DEPTH; nothing here runs guest
 * code, so addresses that were checked stay good.
 */
#include "component/runtime.h"

bool ww_lift_pointer(ww_call *call, uint32_t ptr, uint32_t size, uint32_t align)
{
    if (WW_UNLIKELY(ptr & (align - 1)))
        return ww_call_fail_lift_code(call, WW_TRAP_UNALIGNED_POINTER);
    if (WW_UNLIKELY(!ww_call_in_memory(call, ptr, size)))
        return ww_call_fail_lift(call, "pointer out of bounds of memory");
    return true;
}

bool ww_lower_pointer(ww_call *call, uint32_t ptr, uint32_t size, uint32_t align)
{
    return ww_lift_pointer(call, ptr, size, align);
}

/* Room in scratch for `count` things of `size`. */
static void *take(ww_call *call, uint64_t count, uint32_t size)
{
    size_t bytes;
    void *ptr = ww_size_mul(count, size, &bytes) ? ww_call_scratch(call, bytes) : NULL;
    if (!ptr) ww_call_fail_lift(call, "copy budget exceeded");
    return ptr;
}

/* --- strings and lists --- */

static bool read_string(ww_call *call, uint32_t ptr, uint32_t count, ww_string *out)
{
    static const ww_form forms[] = {
        [WW_UTF8] = WW_FORM_UTF8, [WW_UTF16] = WW_FORM_UTF16, [WW_LATIN1_UTF16] = WW_FORM_LATIN1};
    uint8_t encoding = call->options->encoding;
    out->form = forms[encoding];
    if (encoding == WW_LATIN1_UTF16 && count & ww_utf16_tag) {
        out->form = WW_FORM_TAGGED_UTF16;
        count &= ~ww_utf16_tag;
    }
    uint64_t bytes = (uint64_t)count * ww_form_unit_bytes(out->form);
    if (WW_UNLIKELY(bytes > WW_MAX_VALUE_BYTES))
        return ww_call_fail_lift_code(call, WW_TRAP_STRING_OUT_OF_BOUNDS);
    if (WW_UNLIKELY(encoding != WW_UTF8 && ptr & 1))
        return ww_call_fail_lift_code(call, WW_TRAP_UNALIGNED_POINTER);
    if (WW_UNLIKELY(!ww_call_in_memory(call, ptr, bytes)))
        return ww_call_fail_lift_code(call, WW_TRAP_STRING_OUT_OF_BOUNDS);
    out->data = ww_call_at(call, ptr);
    out->units = count;
    if (WW_LIKELY(ww_string_is_valid(out))) return true;
    return ww_call_fail_lift(call, "invalid utf-%d", out->form == WW_FORM_UTF8 ? 8 : 16);
}

static bool copy_bytes(ww_call *call, const void **data, size_t size)
{
    void *copy = take(call, size, 1);
    if (!copy) return false;
    if (size) memcpy(copy, *data, size);
    *data = copy;
    return true;
}

static bool transcode(ww_call *call, const ww_string *string, ww_list *out)
{
    uint64_t bytes = ww_string_utf8_bytes(string, 0);
    uint8_t *text = take(call, bytes, 1);
    if (!text) return false;
    ww_string_write_utf8(string, 0, text);
    *out = (ww_list){text, bytes};
    return true;
}

static bool load_string(ww_call *call, const ww_lifter *lifter, uint32_t ptr, uint32_t count,
                        ww_list *out)
{
    ww_string string;
    if (!read_string(call, ptr, count, &string)) return false;
    if (lifter->keep_form) {
        *out = (ww_list){string.data, string.units | (uint64_t)string.form << WW_FORM_SHIFT};
        return true;
    }
    if (string.form != WW_FORM_UTF8) return transcode(call, &string, out);
    *out = (ww_list){string.data, string.units};
    return !lifter->copy || copy_bytes(call, &out->data, out->count);
}

bool ww_lift_string(ww_call *call, uint32_t ptr, uint32_t count, ww_view *out)
{
    static const ww_lifter in_place = {0};
    ww_list list;
    if (!load_string(call, &in_place, ptr, count, &list)) return false;
    *out = ww_view_of(list.data, list.count);
    return true;
}

static bool check_list(ww_call *call, uint32_t ptr, uint32_t count, uint32_t size, uint32_t align)
{
    uint64_t bytes = (uint64_t)count * size;
    if (WW_UNLIKELY(bytes > WW_MAX_VALUE_BYTES))
        return ww_call_fail_lift_code(call, WW_TRAP_LIST_OUT_OF_BOUNDS);
    if (WW_UNLIKELY(ptr & (align - 1)))
        return ww_call_fail_lift_code(call, WW_TRAP_UNALIGNED_POINTER);
    if (WW_UNLIKELY(!ww_call_in_memory(call, ptr, bytes)))
        return ww_call_fail_lift_code(call, WW_TRAP_LIST_OUT_OF_BOUNDS);
    return true;
}

bool ww_lift_scalars(ww_call *call, uint32_t ptr, uint32_t count, uint32_t size, ww_list *out)
{
    if (!check_list(call, ptr, count, size, size)) return false;
    *out = (ww_list){ww_call_at(call, ptr), count};
    return true;
}

static bool load(ww_call *call, const ww_lifter *lifter, const ww_type *type, const uint8_t *in,
                 void *out);

/* Whether guest and host layout are one and every bit pattern is a value. */
static bool is_plain(const ww_type *type)
{
    return type->kind >= WW_TYPE_S8 && type->kind <= WW_TYPE_F64;
}

static bool load_list(ww_call *call, const ww_lifter *lifter, const ww_type *type, uint32_t ptr,
                      uint32_t count, ww_list *out)
{
    const ww_type *element = type->element;
    if (!check_list(call, ptr, count, element->abi_size, element->abi_align)) return false;
    const uint8_t *in = ww_call_at(call, ptr);
    if (is_plain(element)) {
        *out = (ww_list){in, count};
        return !lifter->copy || copy_bytes(call, &out->data, (size_t)count * element->abi_size);
    }
    uint8_t *host = take(call, count, element->host_size);
    if (!host) return false;
    *out = (ww_list){host, count};
    for (uint32_t i = 0; i < count; i++, in += element->abi_size, host += element->host_size)
        if (!load(call, lifter, element, in, host)) return false;
    return true;
}

/* --- values in memory --- */

static uint32_t load_bits(const uint8_t *in, uint32_t bytes)
{
    return bytes == 1 ? *in : bytes == 2 ? ww_le16(in) : ww_le32(in);
}

static uint32_t flags_mask(const ww_type *type)
{
    return type->count >= 32 ? UINT32_MAX : (UINT32_C(1) << type->count) - 1;
}

static bool load_handle(ww_call *call, const ww_lifter *lifter, const ww_type *type,
                        uint32_t handle, uint64_t *out)
{
    const ww_resource_type *resource = ww_resolve(&lifter->resolver, type->resource);
    return type->kind == WW_TYPE_OWN ? ww_lift_own(call, resource, handle, out)
                                     : ww_lift_borrow(call, resource, handle, out);
}

static bool load_variant(ww_call *call, const ww_lifter *lifter, const ww_type *type,
                         const uint8_t *in, void *out)
{
    uint32_t tag = 0;
    if (!ww_lift_case(call, load_bits(in, type->disc_bytes), type->count, &tag)) return false;
    memcpy(out, &tag, sizeof tag);
    const ww_type *payload = type->fields[tag].type;
    return !payload || load(call, lifter, payload, in + type->payload_abi_offset,
                            (uint8_t *)out + type->payload_host_offset);
}

static bool load(ww_call *call, const ww_lifter *lifter, const ww_type *type, const uint8_t *in,
                 void *out)
{
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_BOOL: *(bool *)out = *in != 0; return true;
    case WW_TYPE_S8:
    case WW_TYPE_U8:
    case WW_TYPE_S16:
    case WW_TYPE_U16:
    case WW_TYPE_S32:
    case WW_TYPE_U32:
    case WW_TYPE_S64:
    case WW_TYPE_U64:
    case WW_TYPE_F32:
    case WW_TYPE_F64: memcpy(out, in, type->abi_size); return true;
    case WW_TYPE_CHAR: return ww_lift_char(call, ww_le32(in), out);
    case WW_TYPE_STRING: return load_string(call, lifter, ww_le32(in), ww_le32(in + 4), out);
    case WW_TYPE_LIST: return load_list(call, lifter, type, ww_le32(in), ww_le32(in + 4), out);
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++) {
            const ww_field *f = &type->fields[i];
            if (!load(call, lifter, f->type, in + f->abi_offset, (uint8_t *)out + f->host_offset))
                return false;
        }
        return true;
    case WW_TYPE_ENUM: return ww_lift_case(call, load_bits(in, type->disc_bytes), type->count, out);
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT: return load_variant(call, lifter, type, in, out);
    case WW_TYPE_FLAGS:
        *(uint32_t *)out = load_bits(in, type->abi_size) & flags_mask(type);
        return true;
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return load_handle(call, lifter, type, ww_le32(in), out);
    }
    WW_ASSERT(false);
}

bool ww_lift_at(ww_call *call, const ww_lifter *lifter, const ww_type *type, uint32_t ptr,
                void *out)
{
    return ww_lift_pointer(call, ptr, type->abi_size, type->abi_align) &&
           load(call, lifter, type, ww_call_at(call, ptr), out);
}

bool ww_lift_value(ww_call *call, const ww_type *type, const ww_resource_type *const *resources,
                   uint32_t ptr, void *out)
{
    const ww_lifter lifter = {.resolver = {resources, NULL}};
    return ww_lift_at(call, &lifter, type, ptr, out);
}

/* --- values in slots --- */

static bool load_flat_variant(ww_call *call, const ww_lifter *lifter, const ww_type *type,
                              const ww_slot *slots, void *out)
{
    uint32_t tag = 0;
    if (!ww_lift_case(call, slots[0].u32, type->count, &tag)) return false;
    memcpy(out, &tag, sizeof tag);
    const ww_type *payload = type->fields[tag].type;
    /* A joined slot holds a narrower value in its lower bits. */
    return !payload || ww_lift_slots(call, lifter, payload, slots + 1,
                                     (uint8_t *)out + type->payload_host_offset);
}

static bool load_flat_fields(ww_call *call, const ww_lifter *lifter, const ww_field *fields,
                             uint32_t count, const ww_slot *slots, void *out)
{
    for (uint32_t i = 0; i < count; i++) {
        const ww_type *type = fields[i].type;
        if (!ww_lift_slots(call, lifter, type, slots, (uint8_t *)out + fields[i].host_offset))
            return false;
        slots += type->flat_count;
    }
    return true;
}

bool ww_lift_slots(ww_call *call, const ww_lifter *lifter, const ww_type *type,
                   const ww_slot *slots, void *out)
{
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_BOOL: *(bool *)out = slots->u32 != 0; return true;
    case WW_TYPE_S8:
    case WW_TYPE_U8:
    case WW_TYPE_S16:
    case WW_TYPE_U16:
    case WW_TYPE_S32:
    case WW_TYPE_U32:
    case WW_TYPE_S64:
    case WW_TYPE_U64:
    case WW_TYPE_F32:
    case WW_TYPE_F64: memcpy(out, slots->words, type->host_size); return true;
    case WW_TYPE_CHAR: return ww_lift_char(call, slots->u32, out);
    case WW_TYPE_STRING: return load_string(call, lifter, slots[0].u32, slots[1].u32, out);
    case WW_TYPE_LIST: return load_list(call, lifter, type, slots[0].u32, slots[1].u32, out);
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        return load_flat_fields(call, lifter, type->fields, type->count, slots, out);
    case WW_TYPE_ENUM: return ww_lift_case(call, slots->u32, type->count, out);
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT: return load_flat_variant(call, lifter, type, slots, out);
    case WW_TYPE_FLAGS: *(uint32_t *)out = slots->u32 & flags_mask(type); return true;
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: return load_handle(call, lifter, type, slots->u32, out);
    }
    WW_ASSERT(false);
}

bool ww_lift_flat(ww_call *call, const ww_type *type, const ww_resource_type *const *resources,
                  const ww_slot *slots, void *out)
{
    const ww_lifter lifter = {.resolver = {resources, NULL}};
    return ww_lift_slots(call, &lifter, type, slots, out);
}

bool ww_lift_params(ww_call *call, const ww_lifter *lifter, const ww_func_type *type,
                    const ww_slot *slots, void *out)
{
    if (!type->params_spilled)
        return load_flat_fields(call, lifter, type->params, type->param_count, slots, out);
    uint32_t ptr = slots[0].u32;
    if (!ww_lift_pointer(call, ptr, type->params_abi_size, type->params_abi_align)) return false;
    const uint8_t *in = ww_call_at(call, ptr);
    for (uint32_t i = 0; i < type->param_count; i++) {
        const ww_field *f = &type->params[i];
        if (!load(call, lifter, f->type, in + f->abi_offset, (uint8_t *)out + f->host_offset))
            return false;
    }
    return true;
}

/* --- handles --- */

static ww_handle *find(ww_call *call, const ww_resource_type *type, uint32_t index)
{
    ww_handle *handle = ww_handles_find(call->handles, index);
    if (WW_UNLIKELY(!handle))
        ww_call_fail_lift(call, "unknown handle index %u", index);
    else if (WW_UNLIKELY(handle->type != type))
        ww_call_fail_lift(call, "handle index %u used with the wrong type", index);
    else
        return handle;
    return NULL;
}

/* The array in scratch behind `items`, with room for one more. */
static bool make_room(ww_call *call, void **items, uint32_t used, uint32_t *capacity, size_t size)
{
    if (used < *capacity) return true;
    uint32_t more = *capacity ? 2 * *capacity : 16;
    void *grown = take(call, more, (uint32_t)size);
    if (!grown) return false;
    if (used) memcpy(grown, *items, used * size);
    *items = grown;
    *capacity = more;
    return true;
}

static bool remember_lend(ww_call *call, uint32_t handle)
{
    if (WW_LIKELY(call->lend_count < WW_CALL_LENDS_INLINE)) {
        call->lends[call->lend_count++] = handle;
        return true;
    }
    struct ww_call_rest *rest = ww_call_rest_of(call);
    void *items = rest->lends;
    if (!make_room(call, &items, rest->lends_more, &rest->lend_capacity, sizeof(uint32_t)))
        return false;
    rest->lends = items;
    rest->lends[rest->lends_more++] = handle;
    return true;
}

static bool remember_own(ww_call *call, ww_owned own)
{
    if (WW_LIKELY(call->own_count < WW_CALL_OWNS_INLINE)) {
        call->owns[call->own_count++] = own;
        return true;
    }
    struct ww_call_rest *rest = ww_call_rest_of(call);
    void *items = rest->owns;
    if (!make_room(call, &items, rest->owns_more, &rest->own_capacity, sizeof own)) return false;
    rest->owns = items;
    rest->owns[rest->owns_more++] = own;
    return true;
}

bool ww_lift_borrow(ww_call *call, const ww_resource_type *type, uint32_t handle, uint64_t *rep)
{
    ww_handle *entry = find(call, type, handle);
    if (WW_UNLIKELY(!entry || !remember_lend(call, handle))) return false;
    entry->lends++;
    *rep = entry->rep;
    return true;
}

bool ww_lift_own(ww_call *call, const ww_resource_type *type, uint32_t handle, uint64_t *rep)
{
    ww_handle *entry = find(call, type, handle);
    if (WW_UNLIKELY(!entry)) return false;
    if (WW_UNLIKELY(entry->scope))
        return ww_call_fail_lift(call, "cannot lift own resource from a borrow");
    if (WW_UNLIKELY(entry->lends))
        return ww_call_fail_lift(call, "cannot remove owned resource while borrowed");
    if (!remember_own(call, (ww_owned){type, entry->rep})) return false;
    *rep = entry->rep;
    ww_handles_remove(call->handles, handle);
    return true;
}
