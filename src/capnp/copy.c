/* The one walk over an object tree, used three ways.
 *
 * W1  stack[0..depth) are the objects whose pointers are being visited, outermost first: objects
 * come out in preorder. W2  The source is only read through checked views; the target is the
 * builder's own memory.
 */
#include "capnp/copy.h"
#include "capnp/cap_ref.h"
#include "capnp/wire.h"

typedef enum mode { MEASURE, COPY, CANONICAL } mode;

/* `elements` groups of `per_element` pointers each: a struct is one group, a list of pointers
 * groups of one. */
typedef struct frame {
    ww_capnp_any source; /* .at: the first pointer of the first group */
    ww_capnp_any_b target;
    size_t source_step, target_step; /* bytes from group to group */
    uint32_t elements, element;
    uint16_t per_element, pointer;
} frame;

typedef struct walk {
    mode mode;
    ww_capnp_builder *builder;
    uint64_t words;
    size_t depth;
    bool too_deep, has_caps;
    frame stack[WW_CAPNP_DEPTH_MAX];
} walk;

static void push(walk *w, const frame *f)
{
    if (!f->elements || !f->per_element || (w->mode != MEASURE && !f->target.at)) return;
    if (w->depth == WW_CAPNP_DEPTH_MAX) {
        w->too_deep = true;
        return;
    }
    w->stack[w->depth++] = *f;
}

static bool is_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i]) return false;
    return true;
}

/* Grows *size to what the element needs at least. */
static void fit(const ww_capnp_struct *s, ww_capnp_struct_size *size)
{
    uint16_t data = (uint16_t)(s->data_bits / 64), pointers = s->pointer_count;
    while (data > size->data_words && is_zero(s->data + (data - 1u) * 8u, 8))
        data--;
    while (pointers > size->pointer_count &&
           ww_capnp_any_is_null(ww_capnp_get_pointer(*s, pointers - 1u)))
        pointers--;
    if (data > size->data_words) size->data_words = data;
    if (pointers > size->pointer_count) size->pointer_count = pointers;
}

static ww_capnp_struct_size size_for(const walk *w, const ww_capnp_struct *s)
{
    ww_capnp_struct_size size = {(uint16_t)(s->data_bits / 64), s->pointer_count};
    if (w->mode != CANONICAL) return size;
    size = (ww_capnp_struct_size){0, 0};
    fit(s, &size);
    return size;
}

static void visit_struct(walk *w, const ww_capnp_any *source, ww_capnp_any_b target)
{
    ww_capnp_struct s = ww_capnp_any_struct(*source);
    if (!s.data) return;
    ww_capnp_struct_size size = size_for(w, &s);
    w->words += (uint64_t)size.data_words + size.pointer_count;
    frame f = {
        .source = ww_capnp_get_pointer(s, 0), .elements = 1, .per_element = size.pointer_count};
    if (w->mode != MEASURE) {
        ww_capnp_struct_b t = ww_capnp_any_b_init_struct(target, size);
        if (!t.data) return;
        if (size.data_words) memcpy(t.data, s.data, size.data_words * (size_t)CAPNP_WORD);
        f.target = ww_capnp_struct_b_pointer(t, 0);
    }
    push(w, &f);
}

static void copy_elements(const ww_capnp_list *list, ww_capnp_list_b to)
{
    size_t data = to.data_words * (size_t)CAPNP_WORD;
    if (!data) return;
    for (uint32_t i = 0; i < list->count; i++)
        memcpy(ww_capnp_list_b_at(&to, i), ww_capnp_list_at(list, i), data);
}

static void visit_structs(walk *w, const ww_capnp_list *list, ww_capnp_any_b target)
{
    ww_capnp_struct_size size = {(uint16_t)(list->data_bits / 64), list->pointer_count};
    if (w->mode == CANONICAL) {
        size = (ww_capnp_struct_size){0, 0};
        for (uint32_t i = 0; i < list->count; i++) {
            ww_capnp_struct element = ww_capnp_list_struct(*list, i);
            fit(&element, &size);
        }
    }
    w->words += 1 + ((uint64_t)size.data_words + size.pointer_count) * list->count;
    frame f = {.elements = list->count, .per_element = size.pointer_count};
    f.source_step = list->step_bits / 8;
    f.source = (ww_capnp_any){list->message, list->segment, list->data + list->data_bits / 8,
                              (uint16_t)(list->depth_left - (list->count ? 1 : 0))};
    if (w->mode != MEASURE) {
        ww_capnp_list_b to = ww_capnp_any_b_init_structs(target, size, list->count);
        if (!to.data || !list->count) return;
        copy_elements(list, to);
        f.target = ww_capnp_struct_b_pointer(ww_capnp_list_b_struct(to, 0), 0);
        f.target_step = to.step_bits / 8;
    }
    push(w, &f);
}

static void visit_plain(walk *w, const ww_capnp_list *list, ww_capnp_any_b target)
{
    uint64_t bits = (uint64_t)list->count * list->step_bits;
    bool has_pointers = list->size == WW_CAPNP_POINTERS;
    w->words += capnp_words_of_bits(bits);
    frame f = {.elements = list->count, .per_element = has_pointers, .source_step = CAPNP_WORD};
    f.source = (ww_capnp_any){list->message, list->segment, list->data, list->depth_left};
    if (w->mode != MEASURE) {
        ww_capnp_list_b to =
            ww_capnp_any_b_init_list(target, (ww_capnp_size)list->size, list->count);
        if (!to.data) return;
        if (!has_pointers && bits) {
            size_t bytes = (size_t)((bits + 7) / 8);
            memcpy(to.data, list->data, bytes);
            if (bits % 8) to.data[bytes - 1] &= (uint8_t)((1u << (bits % 8)) - 1);
        }
        f.target = ww_capnp_list_b_pointer(to, 0);
        f.target_step = CAPNP_WORD;
    }
    if (has_pointers) push(w, &f);
}

static void visit_list(walk *w, const ww_capnp_any *source, ww_capnp_any_b target)
{
    ww_capnp_list list;
    ww_capnp_any_read_list(source, WW_CAPNP_ANY_SIZE, &list);
    if (!list.data) return;
    if (list.size == WW_CAPNP_STRUCTS)
        visit_structs(w, &list, target);
    else
        visit_plain(w, &list, target);
}

static void visit_cap(walk *w, const ww_capnp_any *source, ww_capnp_any_b target)
{
    w->has_caps = true;
    if (w->mode != COPY) return;
    ww_capnp_cap_entry entry = ww_capnp_any_cap_entry(*source);
    ww_capnp_any_b_set_cap(target, entry.cap);
    if (entry.looped && !w->builder->fault)
        w->builder->caps[w->builder->message.cap_count - 1].looped = true;
}

static void visit(walk *w, const ww_capnp_any *source, ww_capnp_any_b target)
{
    switch (ww_capnp_any_kind(*source)) {
    case WW_CAPNP_IS_STRUCT: visit_struct(w, source, target); break;
    case WW_CAPNP_IS_LIST: visit_list(w, source, target); break;
    case WW_CAPNP_IS_CAP: visit_cap(w, source, target); break;
    case WW_CAPNP_NULL:
    case WW_CAPNP_IS_BROKEN: break;
    }
}

static void run(walk *w, const ww_capnp_any *source, ww_capnp_any_b target)
{
    visit(w, source, target);
    while (w->depth) {
        frame *f = &w->stack[w->depth - 1];
        if (f->element == f->elements) {
            w->depth--;
            continue;
        }
        ww_capnp_any from = f->source;
        ww_capnp_any_b to = f->target;
        from.at += f->element * f->source_step + f->pointer * (size_t)CAPNP_WORD;
        if (to.at) to.at += f->element * f->target_step + f->pointer * (size_t)CAPNP_WORD;
        if (++f->pointer == f->per_element) {
            f->pointer = 0;
            f->element++;
        }
        visit(w, &from, to);
    }
}

void ww_capnp_any_b_set_copy(ww_capnp_any_b any, ww_capnp_any source)
{
    if (!any.at) return;
    ww_capnp_any_b_clear(any);
    walk w;
    w.mode = COPY;
    w.builder = any.builder;
    w.words = w.depth = 0;
    w.too_deep = w.has_caps = false;
    run(&w, &source, any);
    if (w.too_deep && !any.builder->fault) any.builder->fault = WW_E_LIMIT;
}

ww_status ww_capnp_canonicalize(ww_capnp_any source, ww_capnp_builder *target)
{
    uint64_t words = ww_capnp_total_words(source) + 2;
    if (target->message.segment_count || words > UINT32_MAX) return WW_E_USAGE;
    target->first_words = (uint32_t)words; /* so that all of it fits the first segment */
    walk w;
    w.mode = CANONICAL;
    w.builder = target;
    w.words = w.depth = 0;
    w.too_deep = w.has_caps = false;
    ww_capnp_any_b root = ww_capnp_builder_root(target);
    if (root.at) run(&w, &source, root);
    if (target->fault) return target->fault;
    if (w.too_deep) return WW_E_LIMIT;
    if (w.has_caps) return WW_E_UNSUPPORTED;
    return source.message ? (ww_status)source.message->fault : WW_OK;
}

ww_status ww_capnp_is_canonical(ww_capnp_message *message, const ww_allocator *allocator, bool *out)
{
    *out = false;
    if (message->segment_count != 1 || !message->segments[0].words) return WW_OK;
    ww_capnp_builder copy;
    ww_capnp_builder_init(&copy, allocator, NULL);
    ww_status status = ww_capnp_canonicalize(ww_capnp_message_root(message), &copy);
    const ww_capnp_segment *a = &message->segments[0], *b = &copy.segments[0];
    if (!status)
        *out = copy.message.segment_count == 1 && a->words == b->words &&
               memcmp(a->data, b->data, (size_t)a->words * CAPNP_WORD) == 0;
    ww_capnp_builder_deinit(&copy);
    return status == WW_E_MEMORY ? status : WW_OK;
}

uint64_t ww_capnp_total_words(ww_capnp_any source)
{
    walk w;
    w.mode = MEASURE;
    w.builder = NULL;
    w.words = w.depth = 0;
    w.too_deep = w.has_caps = false;
    run(&w, &source, (ww_capnp_any_b){0});
    return w.words;
}
