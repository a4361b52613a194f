/* Arenas of segments, and the pointers between them.
 *
 * B1  Segments never move; words beyond segments[i].words are zero.
 * B2  Every pointer in own segments is well formed and leads to an object inside a segment of this
 * builder. B3  An external segment holds one borrowed blob and nothing is allocated in it. B4  The
 * last segment is at least as large as all before it together, so their number stays below the
 * table's size.
 */
#include "capnp/build.h"
#include "capnp/cap_ref.h"
#include "capnp/wire.h"

enum { FIRST_WORDS = 128, EXTERNAL_MIN = 1024, ZERO_DEPTH = WW_CAPNP_DEPTH_MAX };

static uint8_t *memory_of(const ww_capnp_builder *b, uint32_t segment)
{
    return (uint8_t *)(uintptr_t)b->segments[segment].data;
}

static void refuse(ww_capnp_builder *b, ww_status status)
{
    if (!b->fault) b->fault = status;
}

static void start(ww_capnp_builder *b, void *scratch)
{
    ww_capnp_message_init(&b->message, b->segments, 0);
    ww_capnp_message_trust(&b->message);
    b->message.depth_max = UINT16_MAX;
    b->fault = WW_OK;
    b->external_mask = 0;
    b->open_segment = 0;
    b->words = b->scratch_words;
    if (b->scratch_words) {
        b->segments[0] = (ww_capnp_segment){scratch, 0, b->scratch_words};
        b->message.segment_count = 1;
    }
    b->message.caps = b->caps;
}

void ww_capnp_builder_init(ww_capnp_builder *builder, const ww_allocator *allocator,
                           const ww_capnp_builder_options *options)
{
    static const ww_capnp_builder_options none;
    if (!options) options = &none;
    builder->allocator = allocator;
    builder->first_words = options->first_words ? options->first_words : FIRST_WORDS;
    builder->words_max = options->words_max ? options->words_max : WW_CAPNP_MESSAGE_WORDS_MAX;
    builder->scratch_words = options->scratch_words;
    builder->cap_capacity = 0;
    builder->caps = NULL;
    start(builder, options->scratch);
}

static void release_segments(ww_capnp_builder *b)
{
    for (uint32_t i = 0; i < b->message.segment_count; i++) {
        const ww_capnp_segment *s = &b->segments[i];
        if (i == 0 && b->scratch_words)
            memset(memory_of(b, 0), 0, (size_t)s->words * CAPNP_WORD);
        else if (!(b->external_mask >> i & 1))
            ww_free(b->allocator, memory_of(b, i), (size_t)s->capacity * CAPNP_WORD);
    }
    for (uint32_t i = 0; i < b->message.cap_count; i++)
        ww_capnp_cap_unref(b->caps[i].cap);
}

void ww_capnp_builder_reset(ww_capnp_builder *builder)
{
    void *scratch = builder->scratch_words ? memory_of(builder, 0) : NULL;
    release_segments(builder);
    start(builder, scratch);
}

void ww_capnp_builder_deinit(ww_capnp_builder *builder)
{
    release_segments(builder);
    ww_free(builder->allocator, builder->caps, builder->cap_capacity * sizeof *builder->caps);
    builder->caps = NULL;
    builder->cap_capacity = 0;
    builder->message.segment_count = builder->message.cap_count = 0;
}

/* ---- room ---- */

static bool add_segment(ww_capnp_builder *b, uint64_t words)
{
    uint64_t wanted = b->words ? b->words : b->first_words;
    uint64_t left = b->words_max - b->words;
    if (wanted < words) wanted = words;
    if (wanted > left) wanted = left;
    if (words > left || b->message.segment_count == WW_CAPNP_BUILD_SEGMENTS_MAX ||
        wanted > SIZE_MAX / CAPNP_WORD || wanted > UINT32_MAX) {
        refuse(b, WW_E_LIMIT);
        return false;
    }
    void *data = ww_alloc_zeroed(b->allocator, (size_t)wanted * CAPNP_WORD);
    if (!data) {
        refuse(b, WW_E_MEMORY);
        return false;
    }
    b->open_segment = b->message.segment_count++;
    b->segments[b->open_segment] = (ww_capnp_segment){data, 0, (uint32_t)wanted};
    b->words += wanted;
    return true;
}

static bool has_room(const ww_capnp_builder *b, uint32_t segment, uint64_t words)
{
    if (segment >= b->message.segment_count || b->external_mask >> segment & 1) return false;
    return words <= b->segments[segment].capacity - b->segments[segment].words;
}

/* Zeroed words in *segment if they fit there, else in another one; NULL after a failure. */
static uint8_t *allocate(ww_capnp_builder *b, uint32_t *segment, uint64_t words)
{
    if (b->fault) return NULL;
    if (!has_room(b, *segment, words)) {
        if (!has_room(b, b->open_segment, words) && !add_segment(b, words + 1)) return NULL;
        *segment = b->open_segment;
    }
    ww_capnp_segment *s = &b->segments[*segment];
    uint8_t *at = memory_of(b, *segment) + (size_t)s->words * CAPNP_WORD;
    s->words += (uint32_t)words;
    return at;
}

static int64_t index_of(const ww_capnp_builder *b, uint32_t segment, const uint8_t *at)
{
    return (at - b->segments[segment].data) / CAPNP_WORD;
}

/* Makes `any` point to the object at `at`; `tag` is the pointer without its offset. */
static void point(ww_capnp_any_b any, uint64_t tag, uint32_t segment, const uint8_t *at)
{
    ww_capnp_builder *b = any.builder;
    if (segment == any.segment) {
        capnp_store(any.at, capnp_with_offset(tag, (at - any.at) / CAPNP_WORD - 1));
        return;
    }
    uint32_t pad_segment = segment;
    bool is_double = !has_room(b, segment, 1);
    if (is_double) pad_segment = any.segment;
    uint8_t *pad = allocate(b, &pad_segment, is_double ? 2 : 1);
    if (!pad) return;
    if (is_double) {
        capnp_store(pad, capnp_far_word(false, (uint32_t)index_of(b, segment, at), segment));
        capnp_store(pad + CAPNP_WORD, capnp_with_offset(tag, 0));
    } else {
        capnp_store(pad, capnp_with_offset(tag, (at - pad) / CAPNP_WORD - 1));
    }
    capnp_store(any.at,
                capnp_far_word(is_double, (uint32_t)index_of(b, pad_segment, pad), pad_segment));
}

/* ---- following own pointers ---- */

typedef struct object {
    uint64_t tag; /* 0: null */
    uint8_t *at;
    uint8_t *pad; /* the landing pad, if there was one */
    uint32_t segment;
    uint8_t pad_words;
} object;

static object resolve(ww_capnp_any_b any)
{
    object o = {.tag = any.at ? capnp_load(any.at) : 0, .at = any.at, .segment = any.segment};
    if (capnp_kind_of(o.tag) == CAPNP_FAR) {
        bool is_double = capnp_far_is_double(o.tag);
        o.segment = capnp_far_segment(o.tag);
        o.pad = o.at =
            memory_of(any.builder, o.segment) + (size_t)capnp_far_offset(o.tag) * CAPNP_WORD;
        o.pad_words = is_double ? 2 : 1;
        o.tag = capnp_load(o.pad + (is_double ? CAPNP_WORD : 0));
        if (is_double) {
            uint64_t far = capnp_load(o.pad);
            o.segment = capnp_far_segment(far);
            o.at = memory_of(any.builder, o.segment) + (size_t)capnp_far_offset(far) * CAPNP_WORD;
            return o;
        }
    }
    if (o.tag && capnp_kind_of(o.tag) != CAPNP_OTHER)
        o.at += ((ptrdiff_t)capnp_offset_of(o.tag) + 1) * CAPNP_WORD;
    return o;
}

/* One object whose pointers are visited in turn; afterwards its bytes are zeroed. */
typedef struct zero_frame {
    uint8_t *base, *pointers;
    size_t bytes, step;
    uint32_t segment, elements, element;
    uint16_t per_element, pointer;
} zero_frame;

static bool open_frame(const ww_capnp_builder *b, const object *o, zero_frame *f)
{
    if (!o->tag || capnp_kind_of(o->tag) == CAPNP_OTHER || b->external_mask >> o->segment & 1)
        return false;
    *f = (zero_frame){.base = o->at, .pointers = o->at, .segment = o->segment};
    uint64_t shape = o->tag;
    if (capnp_kind_of(o->tag) == CAPNP_LIST) {
        unsigned code = capnp_list_code(o->tag);
        uint32_t count = capnp_list_count(o->tag);
        uint64_t bits = (uint64_t)count * capnp_code_bits(code);
        f->bytes = (size_t)capnp_words_of_bits(bits) * CAPNP_WORD;
        if (code == WW_CAPNP_POINTERS) {
            f->elements = count;
            f->per_element = 1;
            f->step = CAPNP_WORD;
        }
        if (code != WW_CAPNP_STRUCTS) return true;
        f->bytes = ((size_t)count + 1) * CAPNP_WORD;
        shape = capnp_load(o->at);
        f->elements = (uint32_t)shape >> 2;
        f->pointers += CAPNP_WORD;
    } else {
        f->elements = 1;
        f->bytes = ((size_t)capnp_struct_data(shape) + capnp_struct_pointers(shape)) * CAPNP_WORD;
    }
    f->per_element = capnp_struct_pointers(shape);
    f->step = ((size_t)capnp_struct_data(shape) + f->per_element) * CAPNP_WORD;
    f->pointers += (size_t)capnp_struct_data(shape) * CAPNP_WORD;
    return true;
}

static bool next_pointer(zero_frame *f, ww_capnp_builder *b, ww_capnp_any_b *out)
{
    if (!f->per_element || f->element == f->elements) return false;
    *out = (ww_capnp_any_b){b, f->pointers + f->element * f->step + f->pointer * (size_t)CAPNP_WORD,
                            f->segment};
    if (++f->pointer == f->per_element) {
        f->pointer = 0;
        f->element++;
    }
    return true;
}

/* Zeroes the object and all below it. Deeper than a reader would go, the bytes stay. */
static void zero_tree(ww_capnp_builder *b, const object *top)
{
    zero_frame stack[ZERO_DEPTH];
    size_t depth = 0;
    if (top->pad) memset(top->pad, 0, (size_t)top->pad_words * CAPNP_WORD);
    if (!open_frame(b, top, &stack[0])) return;
    for (depth = 1; depth;) {
        zero_frame *f = &stack[depth - 1];
        ww_capnp_any_b any;
        if (!next_pointer(f, b, &any)) {
            if (f->bytes) memset(f->base, 0, f->bytes);
            depth--;
            continue;
        }
        object child = resolve(any);
        if (child.pad) memset(child.pad, 0, (size_t)child.pad_words * CAPNP_WORD);
        if (depth < ZERO_DEPTH && open_frame(b, &child, &stack[depth])) depth++;
    }
}

void ww_capnp_any_b_clear(ww_capnp_any_b any)
{
    if (!any.at) return;
    uint64_t word = capnp_load(any.at);
    if (!word) return;
    if (capnp_kind_of(word) != CAPNP_OTHER) {
        object o = resolve(any);
        zero_tree(any.builder, &o);
    }
    capnp_store(any.at, 0);
}

/* ---- init ---- */

ww_capnp_any_b ww_capnp_builder_root(ww_capnp_builder *builder)
{
    ww_capnp_any_b root = {builder, NULL, 0};
    if (builder->fault) return root;
    bool is_empty = !builder->message.segment_count || !builder->segments[0].words;
    root.at = is_empty ? allocate(builder, &root.segment, 1) : memory_of(builder, 0);
    return root;
}

/* In place of an old object, or in another segment. */
static uint8_t *init_object_anywhere(const ww_capnp_any_b *any, uint64_t tag, uint64_t words,
                                     uint32_t *segment)
{
    ww_capnp_any_b_clear(*any);
    uint8_t *at = allocate(any->builder, segment, words);
    if (at) point(*any, tag, *segment, at);
    return any->builder->fault ? NULL : at;
}

/* A new object of `words` under a cleared pointer; NULL after a failure. */
static inline uint8_t *init_object(const ww_capnp_any_b *any, uint64_t tag, uint64_t words,
                                   uint32_t *segment)
{
    if (!any->at) return NULL;
    *segment = any->segment;
    ww_capnp_builder *b = any->builder;
    ww_capnp_segment *s = &b->segments[any->segment];
    bool is_new = !b->fault && !capnp_load(any->at) && words <= s->capacity - s->words;
    if (WW_UNLIKELY(!is_new)) return init_object_anywhere(any, tag, words, segment);
    uint8_t *at = memory_of(b, any->segment) + (size_t)s->words * CAPNP_WORD;
    s->words += (uint32_t)words;
    capnp_store(any->at, capnp_with_offset(tag, (at - any->at) / CAPNP_WORD - 1));
    return at;
}

uint8_t *ww_capnp_builder_place(ww_capnp_builder *builder, uint8_t *at, uint32_t *segment,
                                ww_capnp_struct_size size)
{
    ww_capnp_any_b any = {builder, at, *segment};
    if (at && size.data_words + size.pointer_count == 0) {
        ww_capnp_any_b_clear(any);
        capnp_store(at, capnp_struct_word(-1, 0, 0));
        return at;
    }
    uint64_t tag = capnp_struct_word(0, size.data_words, size.pointer_count);
    return init_object(&any, tag, (uint64_t)size.data_words + size.pointer_count, segment);
}

ww_capnp_list_b ww_capnp_any_b_init_list(ww_capnp_any_b any, ww_capnp_size size, uint32_t count)
{
    ww_capnp_list_b list = {.builder = any.builder};
    if (count > WW_CAPNP_LIST_MAX || size >= WW_CAPNP_STRUCTS) {
        refuse(any.builder, WW_E_LIMIT);
        return list;
    }
    uint32_t bits = capnp_code_bits(size);
    uint64_t words = capnp_words_of_bits((uint64_t)count * bits);
    uint8_t *at = init_object(&any, capnp_list_word(0, size, count), words, &list.segment);
    if (!at) return list;
    list.data = at;
    list.count = count;
    list.step_bits = bits;
    list.size = (uint8_t)size;
    return list;
}

ww_capnp_list_b ww_capnp_any_b_init_structs(ww_capnp_any_b any, ww_capnp_struct_size size,
                                            uint32_t count)
{
    ww_capnp_list_b list = {.builder = any.builder};
    uint64_t step = (uint64_t)size.data_words + size.pointer_count, words = step * count;
    if (count > WW_CAPNP_LIST_MAX || words > WW_CAPNP_LIST_MAX) {
        refuse(any.builder, WW_E_LIMIT);
        return list;
    }
    uint64_t tag = capnp_list_word(0, WW_CAPNP_STRUCTS, (uint32_t)words);
    uint8_t *at = init_object(&any, tag, words + 1, &list.segment);
    if (!at) return list;
    capnp_store(at,
                capnp_struct_word(0, size.data_words, size.pointer_count) | (uint64_t)count << 2);
    list.data = at + CAPNP_WORD;
    list.count = count;
    list.step_bits = (uint32_t)step * 64;
    list.data_words = size.data_words;
    list.pointer_count = size.pointer_count;
    list.size = WW_CAPNP_STRUCTS;
    return list;
}

uint8_t *ww_capnp_any_b_init_data(ww_capnp_any_b any, uint32_t size)
{
    return ww_capnp_any_b_init_list(any, WW_CAPNP_8, size).data;
}

static void set_bytes(ww_capnp_any_b any, ww_view bytes, size_t extra)
{
    if (bytes.size > WW_CAPNP_LIST_MAX - extra) {
        refuse(any.builder, WW_E_LIMIT);
        return;
    }
    uint32_t size = (uint32_t)(bytes.size + extra), segment;
    uint8_t *at = init_object(&any, capnp_list_word(0, WW_CAPNP_8, size),
                              capnp_words_of_bits((uint64_t)size * 8), &segment);
    if (at && bytes.size) memcpy(at, bytes.data, bytes.size);
}

void ww_capnp_any_b_set_text(ww_capnp_any_b any, ww_view text)
{
    set_bytes(any, text, 1);
}

void ww_capnp_any_b_set_data(ww_capnp_any_b any, ww_view data)
{
    set_bytes(any, data, 0);
}

/* What follows `data` in its last word is there, and nothing that would leak. */
static bool is_padded(ww_view data, size_t readable)
{
    size_t padding = -data.size % CAPNP_WORD, behind = 0;
    if (readable > data.size) behind = readable - data.size;
    if (behind < padding) return false;
    for (size_t i = 0; i < padding; i++)
        if (data.data[data.size + i]) return false;
    return true;
}

void ww_capnp_any_b_set_external(ww_capnp_any_b any, ww_view data, size_t readable)
{
    ww_capnp_builder *b = any.builder;
    uint64_t size_words = capnp_words_of_bits((uint64_t)data.size * 8);
    bool fits = data.size >= EXTERNAL_MIN && is_padded(data, readable) &&
                data.size <= WW_CAPNP_LIST_MAX && size_words <= b->words_max - b->words &&
                __builtin_popcount(b->external_mask) < WW_CAPNP_BUILD_EXTERNAL_MAX &&
                b->message.segment_count < WW_CAPNP_BUILD_SEGMENTS_MAX;
    if (!fits || !any.at || b->fault) {
        ww_capnp_any_b_set_data(any, data);
        return;
    }
    ww_capnp_any_b_clear(any);
    uint32_t segment = b->message.segment_count++, words = (uint32_t)size_words;
    b->segments[segment] = (ww_capnp_segment){data.data, words, words};
    b->external_mask |= 1u << segment;
    point(any, capnp_list_word(0, WW_CAPNP_8, (uint32_t)data.size), segment, data.data);
}

/* ---- capabilities ---- */

static bool grow_caps(ww_capnp_builder *b)
{
    uint32_t capacity = b->cap_capacity ? b->cap_capacity * 2 : 4;
    ww_capnp_cap_entry *caps =
        ww_realloc(b->allocator, b->caps, b->cap_capacity * sizeof *caps, capacity * sizeof *caps);
    if (!caps) return false;
    b->message.caps = b->caps = caps;
    b->cap_capacity = capacity;
    return true;
}

uint32_t ww_capnp_builder_take_cap(ww_capnp_builder *builder, ww_capnp_cap *cap)
{
    uint32_t count = builder->message.cap_count;
    if (count == WW_CAPNP_MESSAGE_CAPS_MAX)
        refuse(builder, WW_E_LIMIT);
    else if (count == builder->cap_capacity && !grow_caps(builder))
        refuse(builder, WW_E_MEMORY);
    if (builder->fault) {
        ww_capnp_cap_unref(cap);
        return UINT32_MAX;
    }
    builder->caps[count] = (ww_capnp_cap_entry){cap, false};
    return builder->message.cap_count++;
}

void ww_capnp_any_b_set_cap(ww_capnp_any_b any, ww_capnp_cap *cap)
{
    if (!any.at) return;
    ww_capnp_any_b_clear(any);
    if (!cap) return;
    uint32_t index = ww_capnp_builder_take_cap(any.builder, ww_capnp_cap_ref(cap));
    if (index != UINT32_MAX) capnp_store(any.at, (uint64_t)index << 32 | CAPNP_OTHER);
}

/* ---- moving and getting ---- */

void ww_capnp_any_b_move(ww_capnp_any_b to, ww_capnp_any_b from)
{
    if (!to.at || !from.at || to.at == from.at) return;
    ww_capnp_any_b_clear(to);
    object o = resolve(from);
    bool is_empty = o.tag == capnp_struct_word(-1, 0, 0);
    if (!o.tag || is_empty || capnp_kind_of(o.tag) == CAPNP_OTHER)
        capnp_store(to.at, o.tag);
    else
        point(to, o.tag, o.segment, o.at);
    if (o.pad) memset(o.pad, 0, (size_t)o.pad_words * CAPNP_WORD);
    capnp_store(from.at, 0);
}

static ww_capnp_struct_b enlarge(ww_capnp_any_b any, const object *o, ww_capnp_struct_size size)
{
    ww_capnp_struct_b old = {any.builder, o->at, o->segment, capnp_struct_data(o->tag),
                             capnp_struct_pointers(o->tag)};
    if (size.data_words < old.data_words) size.data_words = old.data_words;
    if (size.pointer_count < old.pointer_count) size.pointer_count = old.pointer_count;
    capnp_store(any.at, 0);
    ww_capnp_struct_b s = ww_capnp_any_b_init_struct(any, size);
    if (!s.data) return s;
    if (old.data_words) memcpy(s.data, old.data, old.data_words * (size_t)CAPNP_WORD);
    for (uint32_t i = 0; i < old.pointer_count; i++)
        ww_capnp_any_b_move(ww_capnp_struct_b_pointer(s, i), ww_capnp_struct_b_pointer(old, i));
    memset(old.data, 0, ((size_t)old.data_words + old.pointer_count) * CAPNP_WORD);
    if (o->pad) memset(o->pad, 0, (size_t)o->pad_words * CAPNP_WORD);
    return s;
}

ww_capnp_struct_b ww_capnp_any_b_get_struct(ww_capnp_any_b any, ww_capnp_struct_size size)
{
    if (!any.at || any.builder->fault) return (ww_capnp_struct_b){.builder = any.builder};
    object o = resolve(any);
    if (!o.tag || capnp_kind_of(o.tag) != CAPNP_STRUCT)
        return ww_capnp_any_b_init_struct(any, size);
    uint16_t data = capnp_struct_data(o.tag), pointers = capnp_struct_pointers(o.tag);
    if (data < size.data_words || pointers < size.pointer_count) return enlarge(any, &o, size);
    return (ww_capnp_struct_b){any.builder, o.at, o.segment, data, pointers};
}

ww_capnp_list_b ww_capnp_any_b_get_list(ww_capnp_any_b any)
{
    object o = resolve(any);
    ww_capnp_list_b list = {.builder = any.builder, .segment = o.segment};
    if (!o.tag || capnp_kind_of(o.tag) != CAPNP_LIST || any.builder->external_mask >> o.segment & 1)
        return list;
    list.size = (uint8_t)capnp_list_code(o.tag);
    list.count = capnp_list_count(o.tag);
    list.data = o.at;
    list.step_bits = capnp_code_bits(list.size);
    if (list.size == WW_CAPNP_STRUCTS) {
        uint64_t tag = capnp_load(o.at);
        list.data += CAPNP_WORD;
        list.count = (uint32_t)tag >> 2;
        list.data_words = capnp_struct_data(tag);
        list.pointer_count = capnp_struct_pointers(tag);
        list.step_bits = ((uint32_t)list.data_words + list.pointer_count) * 64;
    }
    return list;
}

ww_capnp_any ww_capnp_any_b_read(ww_capnp_any_b any)
{
    ww_capnp_builder *b = any.builder;
    const ww_capnp_segment *segment = any.at ? &b->segments[any.segment] : NULL;
    return (ww_capnp_any){&b->message, segment, any.at, b->message.depth_max};
}

ww_capnp_struct ww_capnp_struct_b_read(ww_capnp_struct_b s)
{
    return (ww_capnp_struct){
        &s.builder->message, &s.builder->segments[s.segment], s.data, s.data_words * 64u,
        s.pointer_count,     s.builder->message.depth_max};
}
