/* Lowering of strings: the reallocs of the Canonical ABI, whose sizes and order guests see.
 *
 * Each function here is one step; what it asks of realloc is answered to the step it names. The
 * source does not change while it is read: what lies in the memory at hand is copied first, because
 * realloc could write there; then it is checked, whoever it came from.
 */
#include "component/runtime.h"

static ww_progress ask(ww_call *call, ww_realloc_request request,
                       ww_progress (*resume)(ww_call *call, uint32_t ptr))
{
    ww_lowering *l = &call->rest->lowering;
    l->request = request;
    l->string.resume = resume;
    l->string.room = request.new_size;
    return WW_LOWER_NEEDS_REALLOC;
}

static ww_progress too_long(ww_call *call)
{
    ww_call_fail_code(call, WW_TRAP_STRING_OUT_OF_BOUNDS);
    return WW_LOWER_FAILED;
}

static ww_progress ask_first(ww_call *call, uint32_t align, uint64_t size,
                             ww_progress (*resume)(ww_call *call, uint32_t ptr))
{
    if (size > WW_MAX_VALUE_BYTES) return too_long(call);
    return ask(call, (ww_realloc_request){.align = align, .new_size = (uint32_t)size}, resume);
}

static ww_progress ask_again(ww_call *call, uint32_t ptr, uint32_t align, uint64_t size,
                             ww_progress (*resume)(ww_call *call, uint32_t ptr))
{
    if (size > WW_MAX_VALUE_BYTES) return too_long(call);
    ww_realloc_request request = {ptr, call->rest->lowering.string.room, align, (uint32_t)size};
    return ask(call, request, resume);
}

static ww_lower_frame *frame_of(ww_call *call)
{
    ww_lowering *l = &call->rest->lowering;
    return &l->frames[l->depth - 1];
}

static ww_progress done(ww_call *call, uint32_t length)
{
    frame_of(call)->count = length;
    return WW_LOWERED;
}

/* The last realloc, which shrank to what was written. */
static ww_progress after_shrinking(ww_call *call, uint32_t ptr)
{
    (void)ptr;
    return done(call, call->rest->lowering.string.written);
}

/* Gives back the room beyond `bytes`; `length` is what the guest is told. */
static ww_progress shrink(ww_call *call, uint32_t ptr, uint32_t align, uint32_t bytes,
                          uint32_t length)
{
    ww_lower_string *s = &call->rest->lowering.string;
    if (bytes == s->room) return done(call, length);
    s->written = length;
    return ask_again(call, ptr, align, bytes, after_shrinking);
}

/* --- the same code units on both sides --- */

static ww_progress copy(ww_call *call, uint32_t ptr)
{
    const ww_lower_string *s = &call->rest->lowering.string;
    if (s->room) memmove(ww_call_at(call, ptr), s->source.data, s->room);
    return done(call, s->source.units);
}

static ww_progress widen(ww_call *call, uint32_t ptr)
{
    const ww_string *source = &call->rest->lowering.string.source;
    ww_string_write_utf16(source, 0, ww_call_at(call, ptr));
    return done(call, source->units);
}

/* --- to UTF-8: hope for ASCII, else grow to the worst case --- */

static ww_progress finish_utf8(ww_call *call, uint32_t ptr)
{
    const ww_lower_string *s = &call->rest->lowering.string;
    uint32_t bytes = s->written + (uint32_t)ww_string_utf8_bytes(&s->source, s->read);
    ww_string_write_utf8(&s->source, s->read, ww_call_at(call, ptr) + s->written);
    return shrink(call, ptr, 1, bytes, bytes);
}

static ww_progress start_utf8(ww_call *call, uint32_t ptr)
{
    ww_lower_string *s = &call->rest->lowering.string;
    uint8_t *out = ww_call_at(call, ptr);
    for (uint32_t at = 0; at < s->source.units;) {
        s->read = at;
        uint32_t point = ww_string_next(&s->source, &at);
        if (point >= 0x80) {
            uint64_t worst = ww_form_unit_bytes(s->source.form) == 2 ? 3 : 2;
            return ask_again(call, ptr, 1, worst * s->source.units, finish_utf8);
        }
        out[s->written++] = (uint8_t)point;
    }
    return done(call, s->source.units);
}

/* --- from UTF-8 to UTF-16: the worst case at once --- */

static ww_progress convert_utf16(ww_call *call, uint32_t ptr)
{
    const ww_string *source = &call->rest->lowering.string.source;
    uint32_t bytes = (uint32_t)ww_string_utf16_bytes(source, 0);
    ww_string_write_utf16(source, 0, ww_call_at(call, ptr));
    return shrink(call, ptr, 2, bytes, bytes / 2);
}

/* --- to Latin-1 or UTF-16: hope for Latin-1 --- */

static ww_progress finish_utf16(ww_call *call, uint32_t ptr)
{
    const ww_lower_string *s = &call->rest->lowering.string;
    uint8_t *out = ww_call_at(call, ptr);
    for (uint32_t i = s->written; i-- > 0;)
        ww_put_le16(out + 2 * (size_t)i, out[i]);
    uint32_t bytes = 2 * s->written + (uint32_t)ww_string_utf16_bytes(&s->source, s->read);
    ww_string_write_utf16(&s->source, s->read, out + 2 * (size_t)s->written);
    return shrink(call, ptr, 2, bytes, bytes / 2 | ww_utf16_tag);
}

static ww_progress start_latin1(ww_call *call, uint32_t ptr)
{
    ww_lower_string *s = &call->rest->lowering.string;
    uint8_t *out = ww_call_at(call, ptr);
    for (uint32_t at = 0; at < s->source.units;) {
        s->read = at;
        uint32_t point = ww_string_next(&s->source, &at);
        if (point >= 0x100)
            return ask_again(call, ptr, 2, 2 * (uint64_t)s->source.units, finish_utf16);
        out[s->written++] = (uint8_t)point;
    }
    return shrink(call, ptr, 2, s->written, s->written);
}

/* What its sender tagged as UTF-16 is probably no Latin-1. */
static ww_progress keep_or_narrow(ww_call *call, uint32_t ptr)
{
    const ww_string *source = &call->rest->lowering.string.source;
    uint8_t *out = ww_call_at(call, ptr);
    uint32_t at = 0;
    while (at < source->units && ww_string_next(source, &at) < 0x100)
        continue;
    bool latin1 =
        at == source->units && (!at || ww_le16(source->data + 2 * (size_t)(at - 1)) < 0x100);
    if (!latin1) {
        memcpy(out, source->data, 2 * (size_t)source->units);
        return done(call, source->units | ww_utf16_tag);
    }
    for (uint32_t i = 0; i < source->units; i++)
        out[i] = source->data[2 * (size_t)i];
    return shrink(call, ptr, 2, source->units, source->units);
}

/* --- the choice --- */

static ww_progress begin_to_latin1_utf16(ww_call *call, const ww_string *source)
{
    switch (source->form) {
    case WW_FORM_LATIN1: return ask_first(call, 2, source->units, copy);
    case WW_FORM_TAGGED_UTF16:
        return ask_first(call, 2, 2 * (uint64_t)source->units, keep_or_narrow);
    default: return ask_first(call, 2, source->units, start_latin1);
    }
}

static ww_progress begin_to_utf16(ww_call *call, const ww_string *source)
{
    uint64_t bytes = 2 * (uint64_t)source->units;
    switch (source->form) {
    case WW_FORM_UTF8: return ask_first(call, 2, bytes, convert_utf16);
    case WW_FORM_LATIN1: return ask_first(call, 2, bytes, widen);
    default: return ask_first(call, 2, bytes, copy);
    }
}

/* Realloc runs guest code: what it could write to while it is being read must be moved away. */
static bool make_stable(ww_call *call, ww_string *source)
{
    const uint64_t range = UINT64_C(1) << 32;
    uintptr_t base = (uintptr_t)call->memory.base, data = (uintptr_t)source->data;
    if (data < base || data - base >= range || !source->units) return true;
    size_t size = (size_t)source->units * ww_form_unit_bytes(source->form);
    uint8_t *stable = ww_call_scratch(call, size);
    if (!stable) {
        ww_call_fail(call, "copy budget exceeded");
        return false;
    }
    source->data = memcpy(stable, source->data, size);
    return true;
}

ww_progress ww_lower_string_begin(ww_call *call, ww_lower_frame *frame, const ww_list *value)
{
    ww_lower_string *s = &call->rest->lowering.string;
    frame->index = frame->count = 0;
    *s = (ww_lower_string){.source = ww_string_of(value)};
    if ((value->count & ((UINT64_C(1) << WW_FORM_SHIFT) - 1)) > WW_MAX_VALUE_BYTES)
        return too_long(call);
    uint8_t encoding = call->options->encoding;
    if (encoding == WW_UTF8 && s->source.form == WW_FORM_UTF8)
        return ask_first(call, 1, s->source.units, copy);
    if (!make_stable(call, &s->source)) return WW_LOWER_FAILED;
    if (!ww_string_is_valid(&s->source)) {
        ww_call_fail(call, "invalid utf-8");
        return WW_LOWER_FAILED;
    }
    if (encoding == WW_UTF8) return ask_first(call, 1, s->source.units, start_utf8);
    return encoding == WW_UTF16 ? begin_to_utf16(call, &s->source)
                                : begin_to_latin1_utf16(call, &s->source);
}
