/* capnp/read.h - reading Cap'n Proto messages in place.
 *
 * Model      A message is a set of segments that somebody else keeps. Views (struct, list, any) are
 *            small values that point into them; making one checks the pointer that leads there,
 *            reading a field of one checks only whether the writer knew the field. Nothing is
 *            copied and nothing is decoded ahead.
 * Ownership  A ww_capnp_message borrows its segments, every view borrows the message. A view whose
 *            message is NULL reads constants that were compiled in. Text and data views point into
 *            the segments.
 * Bounds     Every pointer that is followed costs the words of its object from `words_left`; every
 *            struct or list costs one level of depth. Lists hold less than 2^29 elements. Reading a
 *            getter twice costs twice.
 * Errors     Getters never fail: what cannot be read is the default value, and the first fault
 *            stays in the message, to be asked for once with ww_capnp_message_check.
 * Trust      Segments are hostile and may even change while they are read (a guest's memory): each
 *            pointer word is loaded once. Their bytes may stand at any address.
 * Threads    Reading changes the budget: one thread per ww_capnp_message, any number of them over
 *            the same segments.
 */
#pragma once
#include "base/bytes.h"
#include "base/status.h"

enum {
    WW_CAPNP_SEGMENTS_MAX = 512,      /* accepted; at most 511 are written */
    WW_CAPNP_DEPTH_MAX = 64,          /* the default of a message */
    WW_CAPNP_LIST_MAX = (1 << 29) - 1 /* elements */
};
#define WW_CAPNP_TRAVERSAL_WORDS ((uint64_t)8 << 20) /* the default budget: 64 MiB */

typedef struct ww_capnp_cap ww_capnp_cap; /* capnp/cap.h */

typedef struct ww_capnp_segment {
    const uint8_t *data;
    uint32_t words;
    uint32_t capacity; /* used by builders */
} ww_capnp_segment;

/* A capability of a message. `looped` says that the descriptor led through the receiver's own
 * table: calls to it may be overtaken by calls that are still on their way around. */
typedef struct ww_capnp_cap_entry {
    ww_capnp_cap *cap; /* NULL: none */
    bool looped;
} ww_capnp_cap_entry;

typedef struct ww_capnp_message {
    const ww_capnp_segment *segments;
    uint32_t segment_count;
    uint32_t cap_count;
    const ww_capnp_cap_entry *caps;
    uint64_t words_left;
    uint16_t depth_max;
    uint16_t fault; /* a ww_status; the place and the sentence belong to the first fault */
    uint32_t fault_segment, fault_word;
    const char *fault_text;
} ww_capnp_message;

/* Default limits, no capabilities. */
void ww_capnp_message_init(ww_capnp_message *message, const ww_capnp_segment *segments,
                           uint32_t segment_count);

/* For messages that this program made itself, or whose cost was checked already. */
static inline void ww_capnp_message_trust(ww_capnp_message *message)
{
    message->words_left = UINT64_MAX;
}

/* The first fault met so far, with its place in *diag (which may be NULL); WW_OK when there was
 * none. */
WW_MUST_USE ww_status ww_capnp_message_check(const ww_capnp_message *message, ww_diag *diag);

/* A pointer that was not followed yet: an AnyPointer, a generic parameter, an element of a list of
 * pointers. */
typedef struct ww_capnp_any {
    ww_capnp_message *message;
    const ww_capnp_segment *segment;
    const uint8_t *at; /* NULL: null */
    uint16_t depth_left;
} ww_capnp_any;

typedef struct ww_capnp_struct {
    ww_capnp_message *message;
    const ww_capnp_segment *segment;
    const uint8_t *data; /* the pointers follow the data's last word */
    uint32_t data_bits;  /* less than a word for an element of an upgraded list */
    uint16_t pointer_count;
    uint16_t depth_left;
} ww_capnp_struct;

typedef enum ww_capnp_size {
    WW_CAPNP_VOID,
    WW_CAPNP_BIT,
    WW_CAPNP_8,
    WW_CAPNP_16,
    WW_CAPNP_32,
    WW_CAPNP_64,
    WW_CAPNP_POINTERS,
    WW_CAPNP_STRUCTS,
    WW_CAPNP_ANY_SIZE /* only to ask for: whatever is there */
} ww_capnp_size;

typedef struct ww_capnp_list {
    ww_capnp_message *message;
    const ww_capnp_segment *segment;
    const uint8_t *data;
    uint32_t count;
    uint32_t step_bits; /* from element to element */
    uint32_t data_bits; /* of one element */
    uint16_t pointer_count;
    uint16_t depth_left;
    uint8_t size; /* what is there, not what was asked for */
} ww_capnp_list;

typedef enum ww_capnp_kind {
    WW_CAPNP_NULL,
    WW_CAPNP_IS_STRUCT,
    WW_CAPNP_IS_LIST,
    WW_CAPNP_IS_CAP,
    WW_CAPNP_IS_BROKEN
} ww_capnp_kind;

/* The root pointer; null when the message has no first word. */
ww_capnp_any ww_capnp_message_root(ww_capnp_message *message);

/* A constant of generated code: `segment` holds a whole message whose root is the constant. */
ww_capnp_any ww_capnp_constant(const ww_capnp_segment *segment);

/* ---- following pointers: never fails, see Errors above ---- */

ww_capnp_kind ww_capnp_any_kind(ww_capnp_any any);
/* A struct without its message and segment: two registers, so that a view can be made of it inline and stay in more. */
typedef struct ww_capnp_struct_place {
    const uint8_t *data;
    uint32_t data_bits;
    uint16_t pointer_count;
    uint16_t depth_left;
} ww_capnp_struct_place;
/* *segment, at first the pointer's, becomes that of the struct. */
ww_capnp_struct_place ww_capnp_any_place_struct(const ww_capnp_any *any,
                                                const ww_capnp_segment **segment);
/* `size` is what the reader's schema says; lists that an older or newer schema wrote are upgraded
 * where the encoding's rules allow it, anything else is a fault and reads as empty. */
void ww_capnp_any_read_list(const ww_capnp_any *any, ww_capnp_size size, ww_capnp_list *out);
/* Without the terminating zero, which is there; empty when it is null. UTF-8 is not checked. */
ww_view ww_capnp_any_text(ww_capnp_any any);
ww_view ww_capnp_any_data(ww_capnp_any any);
/* The entry of the message's table, or an empty one. */
ww_capnp_cap_entry ww_capnp_any_cap_entry(ww_capnp_any any);

/* Whether text is well-formed UTF-8, which senders owe and nobody checks for them. */
bool ww_capnp_text_valid(ww_view text);

static inline bool ww_capnp_any_is_null(ww_capnp_any any)
{
    uint64_t word = 0;
    if (any.at) memcpy(&word, any.at, sizeof word);
    return word == 0;
}

/* The pointer itself, or the constant when it is null: pointer fields with a default. */
static inline ww_capnp_any ww_capnp_any_or(ww_capnp_any any, const ww_capnp_segment *constant)
{
    if (!ww_capnp_any_is_null(any)) return any;
    return (ww_capnp_any){any.message, constant, constant->data, WW_CAPNP_DEPTH_MAX};
}

static inline ww_capnp_struct ww_capnp_any_struct(ww_capnp_any any)
{
    const ww_capnp_segment *segment = any.segment;
    ww_capnp_struct_place p = ww_capnp_any_place_struct(&any, &segment);
    return (ww_capnp_struct){any.message, segment,         p.data,
                             p.data_bits, p.pointer_count, p.depth_left};
}

static inline ww_capnp_list ww_capnp_any_list(ww_capnp_any any, ww_capnp_size size)
{
    ww_capnp_list out;
    ww_capnp_any_read_list(&any, size, &out);
    return out;
}

/* Borrowed from the message; NULL for null. */
static inline ww_capnp_cap *ww_capnp_any_cap(ww_capnp_any any)
{
    return ww_capnp_any_cap_entry(any).cap;
}

/* ---- fields of a struct; `index` counts in units of the field's size ---- */

static inline bool ww_capnp_get_bool(ww_capnp_struct s, uint32_t index)
{
    return index < s.data_bits && (s.data[index / 8] >> (index % 8) & 1);
}

static inline uint8_t ww_capnp_get_u8(ww_capnp_struct s, uint32_t index)
{
    return (index + 1) * 8 <= s.data_bits ? s.data[index] : 0;
}

static inline uint16_t ww_capnp_get_u16(ww_capnp_struct s, uint32_t index)
{
    uint16_t value = 0;
    if ((index + 1) * 16 <= s.data_bits)
        memcpy(&value, s.data + index * sizeof value, sizeof value);
    return value;
}

static inline uint32_t ww_capnp_get_u32(ww_capnp_struct s, uint32_t index)
{
    uint32_t value = 0;
    if ((index + 1) * 32 <= s.data_bits)
        memcpy(&value, s.data + index * sizeof value, sizeof value);
    return value;
}

static inline uint64_t ww_capnp_get_u64(ww_capnp_struct s, uint32_t index)
{
    uint64_t value = 0;
    if ((index + 1) * 64 <= s.data_bits)
        memcpy(&value, s.data + index * sizeof value, sizeof value);
    return value;
}

static inline float ww_capnp_f32_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double ww_capnp_f64_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline ww_capnp_any ww_capnp_get_pointer(ww_capnp_struct s, uint32_t index)
{
    const uint8_t *at = NULL;
    if (index < s.pointer_count) at = s.data + s.data_bits / 64 * 8 + index * (size_t)8;
    return (ww_capnp_any){s.message, s.segment, at, s.depth_left};
}

/* The pointer of a union's member; null while another member is set. */
static inline ww_capnp_any ww_capnp_get_member(ww_capnp_struct s, uint32_t index,
                                               uint32_t tag_index, uint16_t tag)
{
    return ww_capnp_get_pointer(s, ww_capnp_get_u16(s, tag_index) == tag ? index : UINT32_MAX);
}

/* ---- elements of a list; an index beyond the end reads as the default ---- */

static inline const uint8_t *ww_capnp_list_at(const ww_capnp_list *list, uint32_t index)
{
    return list->data + (uint64_t)index * list->step_bits / 8;
}

static inline bool ww_capnp_list_bool(ww_capnp_list list, uint32_t index)
{
    return index < list.count && list.size == WW_CAPNP_BIT &&
           (list.data[index / 8] >> (index % 8) & 1);
}

static inline uint8_t ww_capnp_list_u8(ww_capnp_list list, uint32_t index)
{
    return index < list.count && list.data_bits >= 8 ? *ww_capnp_list_at(&list, index) : 0;
}

static inline uint16_t ww_capnp_list_u16(ww_capnp_list list, uint32_t index)
{
    uint16_t value = 0;
    if (index < list.count && list.data_bits >= 16)
        memcpy(&value, ww_capnp_list_at(&list, index), sizeof value);
    return value;
}

static inline uint32_t ww_capnp_list_u32(ww_capnp_list list, uint32_t index)
{
    uint32_t value = 0;
    if (index < list.count && list.data_bits >= 32)
        memcpy(&value, ww_capnp_list_at(&list, index), sizeof value);
    return value;
}

static inline uint64_t ww_capnp_list_u64(ww_capnp_list list, uint32_t index)
{
    uint64_t value = 0;
    if (index < list.count && list.data_bits >= 64)
        memcpy(&value, ww_capnp_list_at(&list, index), sizeof value);
    return value;
}

/* Element of a list of structs (or of one that reads as such). */
static inline ww_capnp_struct ww_capnp_list_struct(ww_capnp_list list, uint32_t index)
{
    ww_capnp_struct out = {list.message, list.segment, NULL, 0, 0, list.depth_left};
    if (index >= list.count) return out;
    out.depth_left--; /* a list of structs was opened with a level for its elements */
    out.data = ww_capnp_list_at(&list, index);
    out.data_bits = list.data_bits;
    out.pointer_count = list.pointer_count;
    return out;
}

/* Element of a list of pointers. */
static inline ww_capnp_any ww_capnp_list_pointer(ww_capnp_list list, uint32_t index)
{
    ww_capnp_any out = {list.message, list.segment, NULL, list.depth_left};
    if (index < list.count && list.pointer_count)
        out.at = ww_capnp_list_at(&list, index) + list.data_bits / 64 * 8;
    return out;
}
