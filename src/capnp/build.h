/* capnp/build.h - building Cap'n Proto messages in memory that never moves.
 *
 * Model      A builder is an arena of segments: the first may be the caller's own scratch space,
 *            each later one is at least as large as all before it. Views are small values; setters
 *            write in place. The builder can be read like any message while it grows.
 * Ownership  The builder owns its segments and one reference to each capability; scratch space and
 *            external data are borrowed until ww_capnp_builder_reset or _deinit. What setters take
 *            as text, data or views is copied. Bounds `words_max` over all segments; 511 segments
 *            are never reached (WW_CAPNP_BUILD_SEGMENTS_MAX).
 * Errors     The first failure (E_LIMIT, E_MEMORY) stays in `fault` and is asked for once at the
 *            end; afterwards init functions return views of nothing, whose setters do nothing.
 *            Trust Builders follow their own pointers without doubt, so they are never put over
 *            foreign bytes: copy a foreign message in to change it. A replaced object is zeroed, so
 *            that no old secret leaves in a hole.
 * Threads    One thread per builder.
 */
#pragma once
#include "base/alloc.h"
#include "capnp/read.h"

enum {
    WW_CAPNP_BUILD_SEGMENTS_MAX = 32,
    WW_CAPNP_BUILD_EXTERNAL_MAX = 8, /* of them borrowed blobs; more are copied */
    WW_CAPNP_MESSAGE_CAPS_MAX = 1024
};
#define WW_CAPNP_MESSAGE_WORDS_MAX ((uint64_t)8 << 20) /* the default of words_max */

typedef struct ww_capnp_builder {
    const ww_allocator *allocator;
    ww_status fault;
    uint32_t first_words;   /* of the first own segment */
    uint32_t scratch_words; /* segment 0 is the caller's when not 0 */
    uint32_t external_mask; /* segments that are borrowed blobs */
    uint32_t open_segment;  /* where objects go next */
    uint32_t cap_capacity;
    uint64_t words_max, words; /* `words`: of all segments' capacity */
    ww_capnp_message message;  /* reads what was built; its budget is unlimited */
    ww_capnp_cap_entry *caps;  /* message.caps, to be changed */
    ww_capnp_segment segments[WW_CAPNP_BUILD_SEGMENTS_MAX];
} ww_capnp_builder;

typedef struct ww_capnp_builder_options {
    uint32_t first_words; /* 0: 128 */
    uint64_t words_max;   /* 0: WW_CAPNP_MESSAGE_WORDS_MAX */
    void *scratch; /* zeroed words for the first segment; zeroed again by _reset and _deinit */
    uint32_t scratch_words;
} ww_capnp_builder_options;

/* `options` may be NULL. Allocates nothing yet. */
void ww_capnp_builder_init(ww_capnp_builder *builder, const ww_allocator *allocator,
                           const ww_capnp_builder_options *options);
void ww_capnp_builder_deinit(ww_capnp_builder *builder);
/* Bytes that it has from its allocator. */
static inline size_t ww_capnp_builder_taken(const ww_capnp_builder *builder)
{
    return (size_t)(builder->words - builder->scratch_words) * 8 +
           builder->cap_capacity * sizeof *builder->caps;
}
/* As new, with the same scratch space and limits. */
void ww_capnp_builder_reset(ww_capnp_builder *builder);

/* Reads what was built so far; borrowed, the same object each time. */
static inline ww_capnp_message *ww_capnp_builder_message(ww_capnp_builder *builder)
{
    return &builder->message;
}

/* ---- views ---- */

typedef struct ww_capnp_any_b {
    ww_capnp_builder *builder;
    uint8_t *at; /* NULL: nothing, after a failure */
    uint32_t segment;
} ww_capnp_any_b;

typedef struct ww_capnp_struct_b {
    ww_capnp_builder *builder;
    uint8_t *data; /* the pointers follow the data */
    uint32_t segment;
    uint16_t data_words, pointer_count;
} ww_capnp_struct_b;

typedef struct ww_capnp_list_b {
    ww_capnp_builder *builder;
    uint8_t *data;
    uint32_t segment;
    uint32_t count;
    uint32_t step_bits;
    uint16_t data_words, pointer_count; /* of a list of structs */
    uint8_t size;
} ww_capnp_list_b;

typedef struct ww_capnp_struct_size {
    uint16_t data_words, pointer_count;
} ww_capnp_struct_size;

ww_capnp_any_b ww_capnp_builder_root(ww_capnp_builder *builder);

/* Where the new struct of a pointer at `at` is, zeroed, in *segment; NULL after a failure. The view of it is made inline,
 * so that it can stay in registers. */
uint8_t *ww_capnp_builder_place(ww_capnp_builder *builder, uint8_t *at, uint32_t *segment,
                                ww_capnp_struct_size size);

static inline ww_capnp_struct_b ww_capnp_any_b_init_struct(ww_capnp_any_b any,
                                                           ww_capnp_struct_size size)
{
    uint32_t segment = any.segment;
    uint8_t *data = ww_capnp_builder_place(any.builder, any.at, &segment, size);
    if (!data) return (ww_capnp_struct_b){.builder = any.builder};
    return (ww_capnp_struct_b){any.builder, data, segment, size.data_words, size.pointer_count};
}

/* Each replaces what the pointer led to, as does ww_capnp_any_b_init_struct. */
ww_capnp_list_b ww_capnp_any_b_init_list(ww_capnp_any_b any, ww_capnp_size size, uint32_t count);
ww_capnp_list_b ww_capnp_any_b_init_structs(ww_capnp_any_b any, ww_capnp_struct_size size,
                                            uint32_t count);
void ww_capnp_any_b_set_text(ww_capnp_any_b any, ww_view text);
void ww_capnp_any_b_set_data(ww_capnp_any_b any, ww_view data);
uint8_t *ww_capnp_any_b_init_data(ww_capnp_any_b any,
                                  uint32_t size); /* zeroed; NULL after a failure */
/* Without copying: `data` stays the caller's and unchanged while the builder lives. A size that
 * is no multiple of 8 needs zeroes up to the next: of data.data, `readable` bytes may be read if that
 * is more than data.size. Small data, data without zeroes, and one blob too many are copied. */
void ww_capnp_any_b_set_external(ww_capnp_any_b any, ww_view data, size_t readable);
/* Adds a reference; NULL is the null pointer. */
void ww_capnp_any_b_set_cap(ww_capnp_any_b any, ww_capnp_cap *cap);
/* A deep copy within the limits of the source message; capabilities come along. */
void ww_capnp_any_b_set_copy(ww_capnp_any_b any, ww_capnp_any source);
void ww_capnp_any_b_clear(ww_capnp_any_b any);
/* `from` becomes null, its object is now `to`'s; both of the same builder. */
void ww_capnp_any_b_move(ww_capnp_any_b to, ww_capnp_any_b from);

/* What the pointer leads to, made if null; a struct that a copy brought in smaller than `size` is
 * enlarged, which invalidates older views of it. A pointer to something else is replaced. */
ww_capnp_struct_b ww_capnp_any_b_get_struct(ww_capnp_any_b any, ww_capnp_struct_size size);
ww_capnp_list_b ww_capnp_any_b_get_list(ww_capnp_any_b any); /* empty when it is not a list */

/* To read it as any other view. */
ww_capnp_any ww_capnp_any_b_read(ww_capnp_any_b any);
ww_capnp_struct ww_capnp_struct_b_read(ww_capnp_struct_b s);

/* The index of `cap` in the table, which takes the reference; UINT32_MAX after a failure (the
 * reference is then gone). */
uint32_t ww_capnp_builder_take_cap(ww_capnp_builder *builder, ww_capnp_cap *cap);

/* ---- fields; `index` counts in units of the field's size, values beyond the struct are dropped
 * ---- */

static inline void ww_capnp_set_bool(ww_capnp_struct_b s, uint32_t index, bool value)
{
    if (index >= s.data_words * 64u) return;
    uint8_t bit = (uint8_t)(1u << (index % 8));
    s.data[index / 8] = (uint8_t)(value ? s.data[index / 8] | bit : s.data[index / 8] & ~bit);
}

static inline void ww_capnp_set_u8(ww_capnp_struct_b s, uint32_t index, uint8_t value)
{
    if (index < s.data_words * 8u) s.data[index] = value;
}

static inline void ww_capnp_set_u16(ww_capnp_struct_b s, uint32_t index, uint16_t value)
{
    if (index < s.data_words * 4u) memcpy(s.data + index * sizeof value, &value, sizeof value);
}

static inline void ww_capnp_set_u32(ww_capnp_struct_b s, uint32_t index, uint32_t value)
{
    if (index < s.data_words * 2u) memcpy(s.data + index * sizeof value, &value, sizeof value);
}

static inline void ww_capnp_set_u64(ww_capnp_struct_b s, uint32_t index, uint64_t value)
{
    if (index < s.data_words) memcpy(s.data + index * sizeof value, &value, sizeof value);
}

static inline uint32_t ww_capnp_bits_of_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint64_t ww_capnp_bits_of_f64(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline ww_capnp_any_b ww_capnp_struct_b_pointer(ww_capnp_struct_b s, uint32_t index)
{
    uint8_t *at = index < s.pointer_count ? s.data + (s.data_words + index) * 8u : NULL;
    return (ww_capnp_any_b){s.builder, at, s.segment};
}

static inline uint8_t *ww_capnp_list_b_at(const ww_capnp_list_b *list, uint32_t index)
{
    return list->data + (uint64_t)index * list->step_bits / 8;
}

static inline void ww_capnp_list_set_bool(ww_capnp_list_b list, uint32_t index, bool value)
{
    if (index >= list.count || list.size != WW_CAPNP_BIT) return;
    uint8_t bit = (uint8_t)(1u << (index % 8));
    list.data[index / 8] =
        (uint8_t)(value ? list.data[index / 8] | bit : list.data[index / 8] & ~bit);
}

static inline void ww_capnp_list_set_u8(ww_capnp_list_b list, uint32_t index, uint8_t value)
{
    if (index < list.count && list.size == WW_CAPNP_8) list.data[index] = value;
}

static inline void ww_capnp_list_set_u16(ww_capnp_list_b list, uint32_t index, uint16_t value)
{
    if (index < list.count && list.size == WW_CAPNP_16)
        memcpy(ww_capnp_list_b_at(&list, index), &value, sizeof value);
}

static inline void ww_capnp_list_set_u32(ww_capnp_list_b list, uint32_t index, uint32_t value)
{
    if (index < list.count && list.size == WW_CAPNP_32)
        memcpy(ww_capnp_list_b_at(&list, index), &value, sizeof value);
}

static inline void ww_capnp_list_set_u64(ww_capnp_list_b list, uint32_t index, uint64_t value)
{
    if (index < list.count && list.size == WW_CAPNP_64)
        memcpy(ww_capnp_list_b_at(&list, index), &value, sizeof value);
}

static inline ww_capnp_struct_b ww_capnp_list_b_struct(ww_capnp_list_b list, uint32_t index)
{
    if (index >= list.count || list.size != WW_CAPNP_STRUCTS)
        return (ww_capnp_struct_b){.builder = list.builder};
    return (ww_capnp_struct_b){list.builder, ww_capnp_list_b_at(&list, index), list.segment,
                               list.data_words, list.pointer_count};
}

static inline ww_capnp_any_b ww_capnp_list_b_pointer(ww_capnp_list_b list, uint32_t index)
{
    uint8_t *at = index < list.count && list.size == WW_CAPNP_POINTERS
                      ? ww_capnp_list_b_at(&list, index)
                      : NULL;
    return (ww_capnp_any_b){list.builder, at, list.segment};
}
