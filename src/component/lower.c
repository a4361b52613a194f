/* Lowering: from host layout to guest memory and flat slots.
 *
 * Invariants
 *   1. frames[0 .. depth) are the values that are being lowered, outermost first; each child is the
 *      last field or element that its parent's index has passed.
 *   2. While a REALLOC is out, the top frame is the string or list that asked for it.
 *   3. A field or element before `index` is lowered, or its frame stands above: what is left of the
 *      host's value, and with it the resources that must not be lost, can be told at any time.
 *   4. Values without pointers are stored at once by recursion, which follows the type.
 */
#include "component/runtime.h"

static const ww_lowering *lowering_of(const ww_call *call)
{
    return &call->rest->lowering;
}

/* --- values without pointers --- */

/* 0 when the call has failed; what is owned is then given back. */
static uint32_t lower_handle(ww_call *call, const ww_type *type, const void *host)
{
    const ww_resource_type *resource = ww_resolve(&lowering_of(call)->resolver, type->resource);
    uint64_t rep;
    memcpy(&rep, host, sizeof rep);
    if (type->kind == WW_TYPE_OWN) {
        uint32_t handle = ww_lower_own(call, resource, rep);
        if (!handle && resource->drop) resource->drop(call, rep);
        return handle;
    }
    /* The implementer of a guest's resource gets its own representation. */
    const ww_owner *owner = ww_call_owner(call);
    if (resource->owner != WW_NONE && owner == &call->instance->owners[resource->owner])
        return (uint32_t)rep;
    uint32_t handle =
        ww_handles_add(call->handles, resource, rep, call->rest->depth, call->instance->births++);
    if (handle)
        call->rest->borrow_count++;
    else
        ww_call_fail(call, "handle table full");
    return handle;
}

static void store_bits(uint8_t *out, uint32_t bytes, uint32_t value)
{
    if (bytes == 1)
        *out = (uint8_t)value;
    else if (bytes == 2)
        ww_put_le16(out, (uint16_t)value);
    else
        ww_put_le32(out, value);
}

static uint32_t tag_of(const ww_type *type, const void *host)
{
    uint32_t tag;
    memcpy(&tag, host, sizeof tag);
    WW_ASSERT(tag < type->count);
    return tag;
}

/* These go on after a failure, so that no resource in the value is forgotten. */
static void store(ww_call *call, const ww_type *type, const uint8_t *host, uint8_t *out)
{
    uint32_t bits;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++) {
            const ww_field *f = &type->fields[i];
            store(call, f->type, host + f->host_offset, out + f->abi_offset);
        }
        return;
    case WW_TYPE_ENUM: store_bits(out, type->disc_bytes, tag_of(type, host)); return;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        bits = tag_of(type, host);
        store_bits(out, type->disc_bytes, bits);
        if (type->fields[bits].type)
            store(call, type->fields[bits].type, host + type->payload_host_offset,
                  out + type->payload_abi_offset);
        return;
    case WW_TYPE_FLAGS:
        memcpy(&bits, host, sizeof bits);
        store_bits(out, type->abi_size, bits);
        return;
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: ww_put_le32(out, lower_handle(call, type, host)); return;
    case WW_TYPE_STRING:
    case WW_TYPE_LIST: WW_ASSERT(false);
    default: memcpy(out, host, type->abi_size); return; /* bool, numbers, char */
    }
}

static uint64_t scalar_bits(const ww_type *type, const void *host)
{
    uint64_t bits = 0;
    uint32_t wide;
    memcpy(&bits, host, type->host_size);
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_S8: wide = (uint32_t)(int8_t)bits; return wide;
    case WW_TYPE_S16: wide = (uint32_t)(int16_t)bits; return wide;
    default: return bits;
    }
}

/* The slots beyond a shorter case are zero already. */
static void store_flat(ww_call *call, const ww_type *type, const uint8_t *host, ww_slot *slots)
{
    uint32_t tag;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++) {
            const ww_field *f = &type->fields[i];
            store_flat(call, f->type, host + f->host_offset, slots);
            slots += f->type->flat_count;
        }
        return;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        tag = tag_of(type, host);
        *slots = ww_slot_u32(tag);
        if (type->fields[tag].type)
            store_flat(call, type->fields[tag].type, host + type->payload_host_offset, slots + 1);
        return;
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: *slots = ww_slot_u32(lower_handle(call, type, host)); return;
    case WW_TYPE_STRING:
    case WW_TYPE_LIST: WW_ASSERT(false);
    default: slots->words[0] = scalar_bits(type, host); return;
    }
}

/* --- giving up --- */

static void release_elements(ww_call *call, const ww_resolver *resolver, const ww_type *element,
                             const void *elements, size_t count)
{
    const uint8_t *host = elements;
    for (size_t i = 0; i < count; i++, host += element->host_size)
        ww_release_value(call, resolver, element, host);
}

void ww_release_fields(ww_call *call, const ww_resolver *resolver, const ww_field *fields,
                       uint32_t count, const void *host)
{
    for (uint32_t i = 0; i < count; i++)
        ww_release_value(call, resolver, fields[i].type,
                         (const uint8_t *)host + fields[i].host_offset);
}

void ww_release_value(ww_call *call, const ww_resolver *resolver, const ww_type *type,
                      const void *host)
{
    if (!type || !type->has_handles) return;
    const ww_resource_type *resource;
    const ww_list *list = host;
    uint64_t rep;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_OWN:
        resource = ww_resolve(resolver, type->resource);
        memcpy(&rep, host, sizeof rep);
        if (resource->drop) resource->drop(call, rep);
        return;
    case WW_TYPE_LIST:
        release_elements(call, resolver, type->element, list->data, list->count);
        return;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE: ww_release_fields(call, resolver, type->fields, type->count, host); return;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        ww_release_value(call, resolver, type->fields[tag_of(type, host)].type,
                         (const uint8_t *)host + type->payload_host_offset);
        return;
    default: return; /* a borrow, or no handle in it */
    }
}

/* --- the interpreter --- */

static ww_lower_frame *push(ww_lowering *l)
{
    WW_ASSERT(l->depth < WW_COUNT_OF(l->frames));
    return &l->frames[l->depth++];
}

static ww_progress request(ww_lowering *l, uint32_t align, uint32_t size)
{
    l->request = (ww_realloc_request){.align = align, .new_size = size};
    return WW_LOWER_NEEDS_REALLOC;
}

static ww_progress begin_list(ww_call *call, const ww_type *type, const ww_list *list, uint32_t at,
                              bool flat)
{
    ww_lowering *l = &call->rest->lowering;
    uint32_t size = type->element->abi_size;
    ww_lower_frame *frame = push(l);
    *frame = (ww_lower_frame){.kind = WW_LOWER_ELEMENTS,
                              .flat = flat,
                              .at = at,
                              .element = type->element,
                              .host = list->data};
    if (list->count > WW_MAX_VALUE_BYTES / size) {
        l->depth--;
        release_elements(call, &l->resolver, type->element, list->data, list->count);
        ww_call_fail_code(call, WW_TRAP_LIST_OUT_OF_BOUNDS);
        return WW_LOWER_FAILED;
    }
    frame->count = (uint32_t)list->count;
    return request(l, type->element->abi_align, frame->count * size);
}

/* Puts what can be stored at once in place, and a frame for what cannot. A variant has none: its
 * payload is all that is left of it. */
static ww_progress begin(ww_call *call, const ww_type *type, const uint8_t *host, uint32_t at,
                         bool flat)
{
    ww_lowering *l = &call->rest->lowering;
    while (type->has_pointers && type->kind >= WW_TYPE_VARIANT) {
        uint32_t tag = tag_of(type, host);
        if (flat)
            l->flats[at++] = ww_slot_u32(tag);
        else
            store_bits(ww_call_at(call, at), type->disc_bytes, tag);
        at += flat ? 0 : type->payload_abi_offset;
        host += type->payload_host_offset;
        type = type->fields[tag].type;
        if (!type) return WW_LOWERED;
    }
    if (!type->has_pointers) {
        if (flat)
            store_flat(call, type, host, l->flats + at);
        else
            store(call, type, host, ww_call_at(call, at));
        return call->failed ? WW_LOWER_FAILED : WW_LOWERED;
    }
    const ww_list *list = (const ww_list *)(const void *)host;
    if (type->kind == WW_TYPE_LIST) return begin_list(call, type, list, at, flat);
    ww_lower_frame *frame = push(l);
    *frame = (ww_lower_frame){.kind = WW_LOWER_FIELDS,
                              .flat = flat,
                              .at = at,
                              .fields = type->fields,
                              .count = type->count,
                              .host = host};
    if (type->kind != WW_TYPE_STRING) return WW_LOWERED;
    frame->kind = WW_LOWER_STRING;
    return ww_lower_string_begin(call, frame, list);
}

static ww_progress next_field(ww_call *call, ww_lower_frame *f)
{
    const ww_field *field = &f->fields[f->index++];
    const uint8_t *host = f->host + field->host_offset;
    if (!f->flat) return begin(call, field->type, host, f->at + field->abi_offset, false);
    uint32_t at = f->at;
    f->at += field->type->flat_count;
    return begin(call, field->type, host, at, true);
}

static ww_progress next_element(ww_call *call, ww_lower_frame *f)
{
    uint32_t i = f->index++;
    return begin(call, f->element, f->host + (size_t)i * f->element->host_size,
                 f->ptr + i * f->element->abi_size, false);
}

/* A list's or string's pointer and length stand where the value belongs, once its content is there. */
static void finish(ww_call *call)
{
    ww_lowering *l = &call->rest->lowering;
    ww_lower_frame *f = &l->frames[--l->depth];
    if (f->kind == WW_LOWER_FIELDS) return;
    if (f->flat) {
        l->flats[f->at] = ww_slot_u32(f->ptr);
        l->flats[f->at + 1] = ww_slot_u32(f->count);
        return;
    }
    ww_put_le32(ww_call_at(call, f->at), f->ptr);
    ww_put_le32(ww_call_at(call, f->at) + 4, f->count);
}

static ww_progress run(ww_call *call)
{
    ww_lowering *l = &call->rest->lowering;
    ww_progress progress = WW_LOWERED;
    while (l->depth && progress == WW_LOWERED) {
        ww_lower_frame *f = &l->frames[l->depth - 1];
        if (f->index == f->count)
            finish(call);
        else
            progress = f->kind == WW_LOWER_FIELDS ? next_field(call, f) : next_element(call, f);
    }
    return progress;
}

/* Between components the engine has codes for what is wrong with an answer of realloc. */
static int realloc_code(const ww_call *call, bool aligned)
{
    const struct ww_call_rest *rest = call->rest;
    const ww_lowering *l = &rest->lowering;
    if (!rest->lift || rest->caller == WW_NONE) return -1;
    if (!aligned) return WW_TRAP_UNALIGNED_POINTER;
    if (!l->depth) return -1; /* the parameters themselves */
    return l->frames[l->depth - 1].kind == WW_LOWER_STRING ? WW_TRAP_STRING_OUT_OF_BOUNDS
                                                           : WW_TRAP_LIST_OUT_OF_BOUNDS;
}

bool ww_lower_check_realloc(ww_call *call, uint32_t ptr)
{
    const ww_realloc_request *r = &call->rest->lowering.request;
    bool aligned = !(ptr & (r->align - 1));
    if (WW_LIKELY(aligned && ww_call_in_memory(call, ptr, r->new_size))) return true;
    int code = realloc_code(call, aligned);
    if (code >= 0) return ww_call_fail_code(call, code);
    ww_call_fail(call, aligned ? "realloc return: beyond end of memory"
                               : "realloc return: result not aligned");
    return false;
}

/* Elements of the same layout on both sides. */
static bool is_flat_array(const ww_type *element)
{
    return element->kind <= WW_TYPE_CHAR;
}

ww_progress ww_lower_go_on(ww_call *call, uint32_t ptr)
{
    ww_lowering *l = &call->rest->lowering;
    ww_lower_frame *f = &l->frames[l->depth - 1];
    if (!ww_lower_check_realloc(call, ptr)) return WW_LOWER_FAILED;
    f->ptr = ptr;
    if (f->kind == WW_LOWER_STRING) {
        ww_progress progress = l->string.resume(call, ptr);
        if (progress != WW_LOWERED) return progress;
        f->index = f->count;
    } else if (is_flat_array(f->element)) {
        /* The host's value may be a view of this very memory. */
        if (f->count)
            memmove(ww_call_at(call, ptr), f->host, (size_t)f->count * f->element->abi_size);
        f->index = f->count;
    }
    return run(call);
}

static ww_lowering *start(ww_call *call, ww_resolver resolver, ww_slot *flats)
{
    ww_lowering *l = &call->rest->lowering;
    l->resolver = resolver;
    l->flats = flats;
    l->depth = 0;
    return l;
}

ww_progress ww_lower_fields(ww_call *call, ww_resolver resolver, const ww_field *fields,
                            uint32_t count, const void *host, uint32_t at, ww_slot *flats)
{
    ww_lowering *l = start(call, resolver, flats);
    *push(l) = (ww_lower_frame){.kind = WW_LOWER_FIELDS,
                                .flat = flats != NULL,
                                .at = at,
                                .fields = fields,
                                .count = count,
                                .host = host};
    return run(call);
}

ww_progress ww_lower_result(ww_call *call, ww_resolver resolver, const ww_type *type,
                            const void *host, uint32_t at, ww_slot *flats)
{
    start(call, resolver, flats);
    ww_progress progress = begin(call, type, host, at, flats != NULL);
    return progress == WW_LOWERED ? run(call) : progress;
}

/* --- giving up in between --- */

void ww_lower_abandon(ww_call *call)
{
    ww_lowering *l = &call->rest->lowering;
    while (l->depth) {
        const ww_lower_frame *f = &l->frames[--l->depth];
        uint32_t left = f->count - f->index;
        if (f->kind == WW_LOWER_FIELDS)
            ww_release_fields(call, &l->resolver, f->fields + f->index, left, f->host);
        else if (f->kind == WW_LOWER_ELEMENTS && f->element->has_handles)
            release_elements(call, &l->resolver, f->element,
                             f->host + (size_t)f->index * f->element->host_size, left);
    }
}
