#include "gen.h"
#include "capnp/copy.h"
#include <inttypes.h>
#include <stdio.h>

void put(gen *g, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (g->status) return;
    if (size < 0 || (size_t)size >= sizeof text)
        g->status = ww_fail(g->diag, WW_E_LIMIT, "a line of C is too long");
    else if (ww_buf_append(g->out, text, (size_t)size))
        g->status = ww_fail(g->diag, WW_E_MEMORY, "the generated file is too large");
}

/* One line of a comment; a comment's end inside it is broken up. */
static void put_comment_line(gen *g, const char *indent, const char *lead, ww_view line)
{
    put(g, "%s%s", indent, lead);
    for (size_t i = 0; i < line.size; i++) {
        bool breaks = i && ((line.data[i - 1] == '*' && line.data[i] == '/') ||
                            (line.data[i - 1] == '/' && line.data[i] == '*'));
        put(g, breaks ? " %c" : "%c", line.data[i] == '\t' ? ' ' : line.data[i]);
    }
}

static void put_comment(gen *g, const char *indent, ww_view text)
{
    while (text.size && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == ' '))
        text.size--;
    const char *lead = "/* ";
    while (text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        put_comment_line(g, indent, size || *lead == '/' ? lead : " *",
                         ww_view_of(text.data, size));
        text = ww_view_of(text.data + size, text.size - size);
        if (!text.size) break;
        text = ww_view_of(text.data + 1, text.size - 1);
        put(g, "\n");
        lead = " * ";
    }
    put(g, " */\n");
}

void put_doc(gen *g, const node *n, int member, const char *indent)
{
    if (!g->with_comments || !n->doc.s.data) return;
    ww_view text = schema_node_source_info_doc_comment(n->doc);
    if (member >= 0)
        text = schema_node_source_info_member_doc_comment(schema_node_source_info_member_l_at(
            schema_node_source_info_members(n->doc), (uint32_t)member));
    if (text.size) put_comment(g, indent, text);
}

const node *use(gen *g, uint64_t id)
{
    const node *n = model_find(g->m, id);
    if (!n) {
        if (!g->status)
            g->status = ww_fail(g->diag, WW_E_INVALID,
                                "node %016" PRIx64 " is referred to and missing", id);
        return NULL;
    }
    if (n->file == g->file) return n;
    const node **files = (const node **)(void *)g->includes.data;
    for (size_t i = 0; i < g->includes.size / sizeof *files; i++)
        if (files[i] == n->file) return n;
    if (ww_buf_append(&g->includes, &n->file, sizeof n->file) && !g->status)
        g->status = ww_fail(g->diag, WW_E_MEMORY, "out of memory");
    return n;
}

/* ---- types ---- */

/* The first fields of a type_info. */
typedef struct basic_type {
    type_kind kind;
    const char *c, *stored, *cast, *uncast, *size;
    unsigned bits;
} basic_type;

static const basic_type BUILT_IN[] = {
    [SCHEMA_TYPE_IS_VOID] = {T_VOID, "ww_capnp_void", "", "", "", "WW_CAPNP_VOID", 0},
    [SCHEMA_TYPE_IS_BOOL] = {T_SCALAR, "bool", "bool", "", "", "WW_CAPNP_BIT", 1},
    [SCHEMA_TYPE_IS_INT8] = {T_SCALAR, "int8_t", "u8", "(int8_t)", "(uint8_t)", "WW_CAPNP_8", 8},
    [SCHEMA_TYPE_IS_INT16] = {T_SCALAR, "int16_t", "u16", "(int16_t)", "(uint16_t)", "WW_CAPNP_16",
                              16},
    [SCHEMA_TYPE_IS_INT32] = {T_SCALAR, "int32_t", "u32", "(int32_t)", "(uint32_t)", "WW_CAPNP_32",
                              32},
    [SCHEMA_TYPE_IS_INT64] = {T_SCALAR, "int64_t", "u64", "(int64_t)", "(uint64_t)", "WW_CAPNP_64",
                              64},
    [SCHEMA_TYPE_IS_UINT8] = {T_SCALAR, "uint8_t", "u8", "", "", "WW_CAPNP_8", 8},
    [SCHEMA_TYPE_IS_UINT16] = {T_SCALAR, "uint16_t", "u16", "", "", "WW_CAPNP_16", 16},
    [SCHEMA_TYPE_IS_UINT32] = {T_SCALAR, "uint32_t", "u32", "", "", "WW_CAPNP_32", 32},
    [SCHEMA_TYPE_IS_UINT64] = {T_SCALAR, "uint64_t", "u64", "", "", "WW_CAPNP_64", 64},
    [SCHEMA_TYPE_IS_FLOAT32] = {T_SCALAR, "float", "u32", "ww_capnp_f32_of_bits",
                                "ww_capnp_bits_of_f32", "WW_CAPNP_32", 32},
    [SCHEMA_TYPE_IS_FLOAT64] = {T_SCALAR, "double", "u64", "ww_capnp_f64_of_bits",
                                "ww_capnp_bits_of_f64", "WW_CAPNP_64", 64},
    [SCHEMA_TYPE_IS_TEXT] = {T_TEXT, "ww_capnp_text", "", "", "", "WW_CAPNP_POINTERS", 0},
    [SCHEMA_TYPE_IS_DATA] = {T_DATA, "ww_capnp_data", "", "", "", "WW_CAPNP_POINTERS", 0},
    [SCHEMA_TYPE_IS_LIST] = {T_LIST, "ww_capnp_any", "", "", "", "WW_CAPNP_POINTERS", 0},
    [SCHEMA_TYPE_IS_ENUM] = {T_ENUM, "", "u16", "", "(uint16_t)", "WW_CAPNP_16", 16},
    [SCHEMA_TYPE_IS_STRUCT] = {T_STRUCT, "", "", "", "", "WW_CAPNP_STRUCTS", 0},
    [SCHEMA_TYPE_IS_INTERFACE] = {T_CAP, "", "", "", "", "WW_CAPNP_POINTERS", 0},
    [SCHEMA_TYPE_IS_ANY_POINTER] = {T_ANY, "ww_capnp_any", "", "", "", "WW_CAPNP_POINTERS", 0},
};

/* A pointer that can only be a capability is one, of no known interface. */
static const basic_type UNTYPED_CAP = {T_CAP, "ww_capnp_untyped",  "", "",
                                       "",    "WW_CAPNP_POINTERS", 0};

static bool is_untyped_cap(schema_type_r type)
{
    schema_type_any_pointer_r any = schema_type_any_pointer(type);
    return schema_type_which(type) == SCHEMA_TYPE_IS_ANY_POINTER &&
           schema_type_any_pointer_which(any) == SCHEMA_TYPE_ANY_POINTER_IS_UNCONSTRAINED &&
           schema_type_any_pointer_unconstrained_which(schema_type_any_pointer_unconstrained(
               any)) == SCHEMA_TYPE_ANY_POINTER_UNCONSTRAINED_IS_CAPABILITY;
}

type_info built_in(gen *g, schema_type_r type)
{
    unsigned which = schema_type_which(type);
    if (which >= WW_COUNT_OF(BUILT_IN)) {
        if (!g->status) g->status = ww_fail(g->diag, WW_E_UNSUPPORTED, "a type of a newer schema");
        which = SCHEMA_TYPE_IS_VOID;
    }
    const basic_type *basic = is_untyped_cap(type) ? &UNTYPED_CAP : &BUILT_IN[which];
    type_info t = {.kind = basic->kind,
                   .c = basic->c,
                   .stored = basic->stored,
                   .cast = basic->cast,
                   .uncast = basic->uncast,
                   .size = basic->size,
                   .bits = basic->bits};
    if (which == SCHEMA_TYPE_IS_ENUM)
        t.of = use(g, schema_type_enum_type_id(schema_type_enum(type)));
    else if (which == SCHEMA_TYPE_IS_STRUCT)
        t.of = use(g, schema_type_struct_type_id(schema_type_struct(type)));
    else if (which == SCHEMA_TYPE_IS_INTERFACE)
        t.of = use(g, schema_type_interface_type_id(schema_type_interface(type)));
    if (t.of) t.c = t.of->name;
    if (t.of && which == SCHEMA_TYPE_IS_ENUM) t.cast = model_text(g->m, "(enum %s)", t.c);
    if (!t.cast) {
        g->status = ww_fail(g->diag, WW_E_MEMORY, "out of memory");
        t.cast = "";
    }
    return t;
}

/* The built-in lists are called after the stored form, with a sign: ww_capnp_i32, ww_capnp_f64. */
static const char *const SCALAR_LISTS[] = {
    [SCHEMA_TYPE_IS_BOOL] = "ww_capnp_bool",   [SCHEMA_TYPE_IS_INT8] = "ww_capnp_i8",
    [SCHEMA_TYPE_IS_INT16] = "ww_capnp_i16",   [SCHEMA_TYPE_IS_INT32] = "ww_capnp_i32",
    [SCHEMA_TYPE_IS_INT64] = "ww_capnp_i64",   [SCHEMA_TYPE_IS_UINT8] = "ww_capnp_u8",
    [SCHEMA_TYPE_IS_UINT16] = "ww_capnp_u16",  [SCHEMA_TYPE_IS_UINT32] = "ww_capnp_u32",
    [SCHEMA_TYPE_IS_UINT64] = "ww_capnp_u64",  [SCHEMA_TYPE_IS_FLOAT32] = "ww_capnp_f32",
    [SCHEMA_TYPE_IS_FLOAT64] = "ww_capnp_f64",
};

const char *list_name(const type_info *element, schema_type_r type)
{
    return element->kind == T_SCALAR ? SCALAR_LISTS[schema_type_which(type)] : element->c;
}

type_info element_of(gen *g, const type_info *list)
{
    type_info t = type_of(g, schema_type_list_element_type(schema_type_list(list->type)), list->in);
    t.c = list_name(&t, t.type);
    return t;
}

/* ---- values ---- */

uint64_t value_bits(schema_value_r v)
{
    switch (schema_value_which(v)) {
    case SCHEMA_VALUE_IS_BOOL: return schema_value_bool(v);
    case SCHEMA_VALUE_IS_INT8: return (uint8_t)schema_value_int8(v);
    case SCHEMA_VALUE_IS_INT16: return (uint16_t)schema_value_int16(v);
    case SCHEMA_VALUE_IS_INT32: return (uint32_t)schema_value_int32(v);
    case SCHEMA_VALUE_IS_INT64: return (uint64_t)schema_value_int64(v);
    case SCHEMA_VALUE_IS_UINT8: return schema_value_uint8(v);
    case SCHEMA_VALUE_IS_UINT16: return schema_value_uint16(v);
    case SCHEMA_VALUE_IS_UINT32: return schema_value_uint32(v);
    case SCHEMA_VALUE_IS_UINT64: return schema_value_uint64(v);
    case SCHEMA_VALUE_IS_FLOAT32: return ww_capnp_bits_of_f32(schema_value_float32(v));
    case SCHEMA_VALUE_IS_FLOAT64: return ww_capnp_bits_of_f64(schema_value_float64(v));
    case SCHEMA_VALUE_IS_ENUM: return schema_value_enum(v);
    default: return 0;
    }
}

const char *value_text(gen *g, const type_info *t, schema_value_r v)
{
    uint64_t bits = value_bits(v);
    const char *text;
    if (t->bits == 1)
        text = bits ? "true" : "false";
    else if (strncmp(t->cast, "ww_capnp_", 9) == 0)
        text = model_text(g->m, "%s(UINT%u_C(0x%" PRIx64 "))", t->cast, t->bits, bits);
    else if (t->bits == 64)
        text = model_text(g->m, "%sUINT64_C(0x%" PRIx64 ")", t->cast, bits);
    else
        text = model_text(g->m, "%s%s%" PRIu64, t->cast, t->bits == 32 ? "UINT32_C(" : "", bits);
    if (text && t->bits == 32 && strncmp(t->cast, "ww_capnp_", 9) != 0)
        text = model_text(g->m, "%s)", text);
    return text ? text : "0";
}

ww_capnp_any value_pointer(schema_value_r v)
{
    return ww_capnp_get_pointer(v.s, 0); /* all members that are pointers share the first slot */
}

void put_words(gen *g, const char *name, ww_capnp_any value)
{
    ww_capnp_builder words;
    ww_capnp_builder_init(&words, g->m->arena.allocator, NULL);
    ww_status status = ww_capnp_canonicalize(value, &words);
    if (status && !g->status)
        g->status = ww_fail(g->diag, status, "the value of %s cannot be written", name);
    put(g, "static const uint64_t %s_words[] = {", name);
    for (uint32_t i = 0; i < words.segments[0].words && !g->status; i++)
        put(g, "%s0x%016" PRIx64 ",", i % 4 ? " " : "\n    ",
            ww_le64(words.segments[0].data + (size_t)i * 8));
    put(g, "\n};\nconst ww_capnp_segment %s = {(const uint8_t *)%s_words, %u, 0};\n\n", name, name,
        words.segments[0].words);
    ww_capnp_builder_deinit(&words);
}
