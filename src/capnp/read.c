/* Following pointers of foreign messages.
 *
 * I1  A view's bytes lie inside its segment: checked when the view is made, in 64-bit arithmetic on
 * word indices, never by forming an address first. I2  Each pointer word is loaded once; offset,
 * kind and size come from that register. I3  A far pointer costs at most two hops: nothing here
 * recurses or loops over foreign structure.
 */
#include "capnp/read.h"
#include "base/utf8.h"
#include "capnp/wire.h"

void ww_capnp_message_init(ww_capnp_message *message, const ww_capnp_segment *segments,
                           uint32_t segment_count)
{
    *message = (ww_capnp_message){.segments = segments,
                                  .segment_count = segment_count,
                                  .words_left = WW_CAPNP_TRAVERSAL_WORDS,
                                  .depth_max = WW_CAPNP_DEPTH_MAX};
}

ww_status ww_capnp_message_check(const ww_capnp_message *message, ww_diag *diag)
{
    if (!message->fault) return WW_OK;
    return ww_fail(diag, (ww_status)message->fault, "segment %u word %u: %s",
                   message->fault_segment, message->fault_word, message->fault_text);
}

static void fault(const ww_capnp_any *p, ww_status status, const char *text)
{
    ww_capnp_message *m = p->message;
    if (!m || m->fault) return;
    m->fault = (uint16_t)status;
    m->fault_text = text;
    m->fault_segment = UINT32_MAX;
    for (uint32_t i = 0; i < m->segment_count; i++)
        if (p->segment == &m->segments[i]) m->fault_segment = i;
    m->fault_word = p->at && p->segment ? (uint32_t)((p->at - p->segment->data) / CAPNP_WORD) : 0;
}

static inline bool charge(const ww_capnp_any *p, uint64_t words)
{
    ww_capnp_message *m = p->message;
    if (!m) return true;
    if (WW_LIKELY(words <= m->words_left)) {
        m->words_left -= words;
        return true;
    }
    fault(p, WW_E_LIMIT, "the message asks for more reading than its limit allows");
    return false;
}

/* What a pointer leads to: a tag of kind struct, list or other, and for the first two the object's
 * first word. */
typedef struct target {
    const ww_capnp_segment *segment;
    uint64_t tag;
    uint32_t index; /* of the object's first word; at most segment->words */
} target;

static inline bool place(const ww_capnp_any *p, target *t, int64_t index)
{
    if (WW_UNLIKELY(index < 0 || index > t->segment->words)) {
        fault(p, WW_E_INVALID, "a pointer leaves its segment");
        return false;
    }
    t->index = (uint32_t)index;
    return true;
}

static const ww_capnp_segment *segment_of(const ww_capnp_any *p, uint32_t id)
{
    if (p->message && id < p->message->segment_count) return &p->message->segments[id];
    fault(p, WW_E_INVALID, "a far pointer names a segment that is not there");
    return NULL;
}

static bool follow_double_far(const ww_capnp_any *p, const uint8_t *pad, target *t)
{
    uint64_t far = capnp_load(pad);
    t->tag = capnp_load(pad + CAPNP_WORD);
    if (capnp_kind_of(far) != CAPNP_FAR || capnp_far_is_double(far) ||
        capnp_kind_of(t->tag) > CAPNP_LIST) {
        fault(p, WW_E_INVALID, "the landing pad of a double far pointer is malformed");
        return false;
    }
    t->segment = segment_of(p, capnp_far_segment(far));
    return t->segment && place(p, t, capnp_far_offset(far));
}

static bool follow_far(const ww_capnp_any *p, uint64_t word, target *t)
{
    t->segment = segment_of(p, capnp_far_segment(word));
    if (!t->segment) return false;
    uint32_t at = capnp_far_offset(word), pad_words = capnp_far_is_double(word) ? 2 : 1;
    if (at > t->segment->words || pad_words > t->segment->words - at) {
        fault(p, WW_E_INVALID, "a far pointer leaves its segment");
        return false;
    }
    if (!charge(p, pad_words)) return false;
    const uint8_t *pad = t->segment->data + (size_t)at * CAPNP_WORD;
    if (pad_words == 2) return follow_double_far(p, pad, t);
    t->tag = capnp_load(pad);
    if (capnp_kind_of(t->tag) > CAPNP_LIST) {
        fault(p, WW_E_INVALID, "a landing pad holds no struct or list pointer");
        return false;
    }
    return place(p, t, (int64_t)at + 1 + capnp_offset_of(t->tag));
}

/* False for null, and for what is malformed (then with a fault). */
static inline bool follow(const ww_capnp_any *p, target *t)
{
    uint64_t word = p->at ? capnp_load(p->at) : 0;
    if (!word) return false;
    t->segment = p->segment;
    t->tag = word;
    t->index = 0;
    if (WW_LIKELY(capnp_kind_of(word) <= CAPNP_LIST))
        return place(p, t, (p->at - p->segment->data) / CAPNP_WORD + 1 + capnp_offset_of(word));
    return capnp_kind_of(word) == CAPNP_OTHER || follow_far(p, word, t);
}

static inline bool expect(const ww_capnp_any *p, const target *t, enum capnp_kind kind)
{
    if (capnp_kind_of(t->tag) == kind) return true;
    fault(p, WW_E_MISMATCH, "a pointer is of another kind than the schema says");
    return false;
}

/* Whether `words` from the target's first word are inside the segment and within the budget. */
static inline bool take(const ww_capnp_any *p, const target *t, uint64_t words,
                        uint64_t extra_charge)
{
    if (WW_UNLIKELY(words > t->segment->words - t->index)) {
        fault(p, WW_E_INVALID, "an object reaches beyond its segment");
        return false;
    }
    return charge(p, words + extra_charge);
}

static bool descend(const ww_capnp_any *p, unsigned levels)
{
    if (WW_LIKELY(p->depth_left >= levels)) return true;
    fault(p, WW_E_LIMIT, "the message is nested too deeply");
    return false;
}

static const uint8_t *address(const target *t)
{
    return t->segment->data + (size_t)t->index * CAPNP_WORD;
}

ww_capnp_any ww_capnp_message_root(ww_capnp_message *message)
{
    ww_capnp_any root = {message, NULL, NULL, message->depth_max};
    if (message->segment_count && message->segments[0].words) {
        root.segment = &message->segments[0];
        root.at = root.segment->data;
    }
    return root;
}

ww_capnp_any ww_capnp_constant(const ww_capnp_segment *segment)
{
    return (ww_capnp_any){NULL, segment, segment->data, WW_CAPNP_DEPTH_MAX};
}

ww_capnp_kind ww_capnp_any_kind(ww_capnp_any any)
{
    if (ww_capnp_any_is_null(any)) return WW_CAPNP_NULL;
    target t;
    if (!follow(&any, &t)) return WW_CAPNP_IS_BROKEN;
    switch (capnp_kind_of(t.tag)) {
    case CAPNP_STRUCT: return WW_CAPNP_IS_STRUCT;
    case CAPNP_LIST: return WW_CAPNP_IS_LIST;
    default: return (uint32_t)t.tag == CAPNP_OTHER ? WW_CAPNP_IS_CAP : WW_CAPNP_IS_BROKEN;
    }
}

ww_capnp_struct_place ww_capnp_any_place_struct(const ww_capnp_any *any,
                                                const ww_capnp_segment **segment)
{
    const ww_capnp_struct_place none = {0};
    target t;
    if (!follow(any, &t) || !expect(any, &t, CAPNP_STRUCT) || !descend(any, 1)) return none;
    uint16_t data = capnp_struct_data(t.tag), pointers = capnp_struct_pointers(t.tag);
    if (!take(any, &t, (uint64_t)data + pointers, 0)) return none;
    *segment = t.segment;
    return (ww_capnp_struct_place){address(&t), (uint32_t)data * 64, pointers,
                                   (uint16_t)(any->depth_left - 1)};
}

/* ---- lists ---- */

/* Narrows an opened list of structs to the column that a list of `want` reads from it. */
static bool narrow_structs(const ww_capnp_any *any, ww_capnp_size want, ww_capnp_list *list)
{
    bool fits = true;
    switch (want) {
    case WW_CAPNP_VOID:
    case WW_CAPNP_STRUCTS:
    case WW_CAPNP_ANY_SIZE: break;
    case WW_CAPNP_BIT: fits = false; break;
    case WW_CAPNP_POINTERS: fits = list->pointer_count > 0; break;
    default: fits = list->data_bits > 0; break;
    }
    if (!fits) fault(any, WW_E_MISMATCH, "a list of structs cannot be read as the schema's list");
    return fits;
}

static bool read_structs(const ww_capnp_any *any, ww_capnp_size want, target *t,
                         ww_capnp_list *list)
{
    uint64_t words = capnp_list_count(t->tag);
    if (words + 1 > t->segment->words - t->index) {
        fault(any, WW_E_INVALID, "a list reaches beyond its segment");
        return false;
    }
    uint64_t tag = capnp_load(address(t));
    uint32_t count = (uint32_t)tag >> 2;
    uint64_t step = (uint64_t)capnp_struct_data(tag) + capnp_struct_pointers(tag);
    if (capnp_kind_of(tag) != CAPNP_STRUCT || count > WW_CAPNP_LIST_MAX || count * step > words) {
        fault(any, WW_E_INVALID, "a list of structs has a malformed tag");
        return false;
    }
    if (!descend(any, count ? 2 : 1)) return false;
    if (!take(any, t, words + 1, step ? 0 : count)) return false;
    list->data = address(t) + CAPNP_WORD;
    list->count = count;
    list->data_bits = (uint32_t)capnp_struct_data(tag) * 64;
    list->pointer_count = capnp_struct_pointers(tag);
    list->step_bits = (uint32_t)step * 64;
    list->size = WW_CAPNP_STRUCTS;
    return narrow_structs(any, want, list);
}

/* Whether elements of `have` may be read as `want`. */
static bool size_fits(ww_capnp_size have, ww_capnp_size want)
{
    switch (want) {
    case WW_CAPNP_VOID:
    case WW_CAPNP_ANY_SIZE: return true;
    case WW_CAPNP_BIT: return have == WW_CAPNP_BIT;
    case WW_CAPNP_POINTERS: return have == WW_CAPNP_POINTERS;
    case WW_CAPNP_STRUCTS: return have != WW_CAPNP_BIT;
    default: return have >= want && have <= WW_CAPNP_64;
    }
}

static bool read_plain(const ww_capnp_any *any, ww_capnp_size want, target *t, ww_capnp_list *list)
{
    ww_capnp_size have = (ww_capnp_size)capnp_list_code(t->tag);
    uint32_t count = capnp_list_count(t->tag), bits = capnp_code_bits(have);
    if (!size_fits(have, want)) {
        fault(any, WW_E_MISMATCH, "a list has elements of another size than the schema says");
        return false;
    }
    if (!descend(any, want == WW_CAPNP_STRUCTS && count ? 2 : 1)) return false;
    uint64_t words = capnp_words_of_bits((uint64_t)count * bits);
    if (!take(any, t, words, bits ? 0 : count)) return false;
    list->data = address(t);
    list->count = count;
    list->step_bits = bits;
    list->data_bits = have == WW_CAPNP_POINTERS ? 0 : bits;
    list->pointer_count = have == WW_CAPNP_POINTERS;
    list->size = (uint8_t)have;
    return true;
}

void ww_capnp_any_read_list(const ww_capnp_any *any, ww_capnp_size size, ww_capnp_list *out)
{
    *out = (ww_capnp_list){.message = any->message, .segment = any->segment};
    target t;
    if (!follow(any, &t) || !expect(any, &t, CAPNP_LIST)) return;
    ww_capnp_list list = *out;
    bool ok = capnp_list_code(t.tag) == WW_CAPNP_STRUCTS ? read_structs(any, size, &t, &list)
                                                         : read_plain(any, size, &t, &list);
    if (!ok) return;
    list.segment = t.segment;
    list.depth_left = (uint16_t)(any->depth_left - 1);
    *out = list;
}

/* ---- blobs and capabilities ---- */

static ww_view read_bytes(const ww_capnp_any *any)
{
    target t;
    if (!follow(any, &t) || !expect(any, &t, CAPNP_LIST)) return (ww_view){0};
    if (capnp_list_code(t.tag) != WW_CAPNP_8) {
        fault(any, WW_E_MISMATCH, "text or data is not a list of bytes");
        return (ww_view){0};
    }
    uint32_t size = capnp_list_count(t.tag);
    if (!take(any, &t, capnp_words_of_bits((uint64_t)size * 8), 0)) return (ww_view){0};
    return ww_view_of(address(&t), size);
}

ww_view ww_capnp_any_data(ww_capnp_any any)
{
    return read_bytes(&any);
}

ww_view ww_capnp_any_text(ww_capnp_any any)
{
    static const ww_view empty = {(const uint8_t *)"", 0};
    ww_view bytes = read_bytes(&any);
    if (!bytes.data) return empty;
    if (bytes.size && bytes.data[bytes.size - 1] == 0)
        return ww_view_of(bytes.data, bytes.size - 1);
    fault(&any, WW_E_INVALID, "text does not end with a zero");
    return empty;
}

ww_capnp_cap_entry ww_capnp_any_cap_entry(ww_capnp_any any)
{
    uint64_t word = any.at ? capnp_load(any.at) : 0;
    if (!word) return (ww_capnp_cap_entry){0};
    if ((uint32_t)word != CAPNP_OTHER) {
        fault(&any, WW_E_MISMATCH, "a pointer is not a capability");
        return (ww_capnp_cap_entry){0};
    }
    uint32_t index = (uint32_t)(word >> 32);
    if (any.message && index < any.message->cap_count) return any.message->caps[index];
    fault(&any, WW_E_INVALID, "a capability is not in the message's table");
    return (ww_capnp_cap_entry){0};
}

/* ---- text ---- */

bool ww_capnp_text_valid(ww_view text)
{
    return ww_utf8_valid(text);
}
