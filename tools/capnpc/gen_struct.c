/* Structs, groups, enums and constants in C. */
#include "gen.h"
#include <inttypes.h>

enum { NOT_IN_UNION = 0xffff };

/* What one accessor needs to know. */
typedef struct field {
    schema_field_r view;
    const node *owner;
    const char *c; /* what the owner is called: its name, or its brand's */
    const brand *in;
    const char *name;
    int index; /* in the struct's fields, and so in its comments */
    uint32_t offset;
    type_info type;
    uint16_t tag; /* NOT_IN_UNION */
    uint32_t tag_offset;
    uint64_t mask;        /* of a scalar's default */
    const char *constant; /* the segment of a pointer's default, or NULL */
} field;

static schema_node_struct_r body_of(const node *n)
{
    return schema_node_struct(n->view);
}

static bool is_group(schema_field_r f)
{
    return schema_field_which(f) == SCHEMA_FIELD_IS_GROUP;
}

static const node *group_of(gen *g, schema_field_r f)
{
    return use(g, schema_field_group_type_id(schema_field_group(f)));
}

static bool is_pointer(const type_info *t)
{
    return t->kind != T_VOID && t->kind != T_SCALAR && t->kind != T_ENUM;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t size = strlen(name), tail = strlen(suffix);
    return size > tail && strcmp(name + size - tail, suffix) == 0;
}

/* Whether OWNER_NAME is also the name of one of the struct's own functions, of an accessor of another field, or of a
 * view of a nested type. */
static bool clashes(gen *g, const node *n, const char *name)
{
    static const char *const own[] = {"r",         "b",      "l",    "lb",   "p",
                                      "from",      "init",   "root", "read", "which",
                                      "init_root", "l_from", "l_at", "lb_at"};
    static const char *const verbs[] = {"set_", "has_", "init_", "edit_", "pointer_", "p_"};
    static const char *const views[] = {"_r", "_b", "_l", "_lb", "_p", "_cap", "_vt", "_constant"};
    for (size_t i = 0; i < WW_COUNT_OF(own); i++)
        if (strcmp(name, own[i]) == 0) return true;
    schema_field_l fields = schema_node_struct_fields(body_of(n));
    for (size_t v = 0; v < WW_COUNT_OF(verbs); v++) {
        if (strncmp(name, verbs[v], strlen(verbs[v])) != 0) continue;
        for (uint32_t i = 0; i < fields.list.count; i++) {
            schema_field_r other = schema_field_l_at(fields, i);
            const char *with =
                model_member_name(g->m, schema_field_annotations(other), schema_field_name(other));
            if (with && strcmp(with, name + strlen(verbs[v])) == 0) return true;
        }
    }
    const char *whole = model_text(g->m, "%s_%s", n->name, name);
    for (size_t v = 0; whole && v < WW_COUNT_OF(views); v++)
        for (size_t i = 0; i < g->m->count && ends_with(name, views[v]); i++) {
            size_t stem = strlen(whole) - strlen(views[v]);
            const char *type = g->m->nodes[i].name;
            if (strlen(type) == stem && strncmp(type, whole, stem) == 0) return true;
        }
    return false;
}

static field field_at(gen *g, const node *n, uint32_t index, const brand *in)
{
    schema_field_r view = schema_field_l_at(schema_node_struct_fields(body_of(n)), index);
    field f = {
        .view = view, .owner = n, .c = in ? in->name : n->name, .in = in, .index = (int)index};
    f.name = model_member_name(g->m, schema_field_annotations(view), schema_field_name(view));
    f.tag = schema_field_discriminant_value(view);
    f.tag_offset = schema_node_struct_discriminant_offset(body_of(n));
    if (f.name && clashes(g, n, f.name)) f.name = model_text(g->m, "%s_", f.name);
    if (!f.name) f.name = "_";
    if (is_group(view)) return f;
    schema_field_slot_r slot = schema_field_slot(view);
    schema_value_r value = schema_field_slot_default_value(slot);
    f.type = type_of(g, schema_field_slot_type(slot), in);
    f.offset = schema_field_slot_offset(slot);
    if (!is_pointer(&f.type))
        f.mask = value_bits(value);
    else if (schema_field_slot_had_explicit_default(slot) &&
             !ww_capnp_any_is_null(value_pointer(value)))
        f.constant = model_text(g->m, "%s_%s_default", n->name, f.name);
    return f;
}

static type_info list_element(gen *g, const field *f)
{
    return element_of(g, &f->type);
}

/* ---- types ---- */

void gen_struct_types(gen *g, const node *n)
{
    static const char *const views[][2] = {{"r", "ww_capnp_struct s"},
                                           {"b", "ww_capnp_struct_b s"},
                                           {"l", "ww_capnp_list list"},
                                           {"lb", "ww_capnp_list_b list"},
                                           {"p", "ww_capnp_pipeline p"}};
    bool only_group = schema_node_struct_is_group(body_of(n));
    for (size_t i = 0; i < WW_COUNT_OF(views); i++) {
        if (only_group && views[i][0][0] == 'l') continue;
        put(g, "typedef struct %s_%s {\n    %s;\n} %s_%s;\n", n->name, views[i][0], views[i][1],
            n->name, views[i][0]);
    }
    if (!only_group) {
        put(g, "#define %s_ID UINT64_C(0x%016" PRIx64 ")\n", n->upper, n->id);
        put(g, "#define %s_SIZE ((ww_capnp_struct_size){%u, %u})\n", n->upper,
            schema_node_struct_data_word_count(body_of(n)),
            schema_node_struct_pointer_count(body_of(n)));
    }
    put(g, "\n");
}

static void gen_views(gen *g, const char *c, const char *u)
{
    put(g,
        "static inline %s_r %s_from(ww_capnp_any any)\n{\n    return "
        "(%s_r){ww_capnp_any_struct(any)};\n}\n\n",
        c, c, c);
    put(g,
        "static inline %s_r %s_root(ww_capnp_message *message)\n{\n"
        "    return %s_from(ww_capnp_message_root(message));\n}\n\n",
        c, c, c);
    put(g,
        "static inline %s_b %s_init(ww_capnp_any_b any)\n{\n"
        "    return (%s_b){ww_capnp_any_b_init_struct(any, %s_SIZE)};\n}\n\n",
        c, c, c, u);
    put(g,
        "static inline %s_b %s_init_root(ww_capnp_builder *builder)\n{\n"
        "    return %s_init(ww_capnp_builder_root(builder));\n}\n\n",
        c, c, c);
    put(g,
        "static inline %s_l %s_l_from(ww_capnp_any any)\n{\n"
        "    return (%s_l){ww_capnp_any_list(any, WW_CAPNP_STRUCTS)};\n}\n\n",
        c, c, c);
    put(g,
        "static inline %s_r %s_l_at(%s_l l, uint32_t index)\n{\n"
        "    return (%s_r){ww_capnp_list_struct(l.list, index)};\n}\n\n",
        c, c, c, c);
    put(g,
        "static inline %s_b %s_lb_at(%s_lb l, uint32_t index)\n{\n"
        "    return (%s_b){ww_capnp_list_b_struct(l.list, index)};\n}\n\n",
        c, c, c, c);
}

static void gen_read(gen *g, const char *c)
{
    put(g,
        "static inline %s_r %s_read(%s_b b)\n{\n    return "
        "(%s_r){ww_capnp_struct_b_read(b.s)};\n}\n\n",
        c, c, c, c);
}

static void gen_which(gen *g, const node *n)
{
    schema_node_struct_r body = body_of(n);
    if (!schema_node_struct_discriminant_count(body)) return;
    schema_field_l fields = schema_node_struct_fields(body);
    put(g, "enum %s_which {\n", n->name);
    for (uint32_t i = 0; i < fields.list.count; i++) {
        field f = field_at(g, n, i, NULL);
        if (f.tag != NOT_IN_UNION)
            put(g, "    %s_IS_%s = %u,\n", n->upper, model_upper(g->m, f.name), f.tag);
    }
    put(g, "};\n\n/* May be a number that this schema does not know. */\n");
    put(g,
        "static inline enum %s_which %s_which(%s_r r)\n{\n"
        "    return (enum %s_which)ww_capnp_get_u16(r.s, %u);\n}\n\n",
        n->name, n->name, n->name, n->name, schema_node_struct_discriminant_offset(body));
}

/* ---- reading ---- */

static void open_getter(gen *g, const field *f, const char *type, const char *suffix)
{
    const char *c = f->c;
    put_doc(g, f->owner, f->index, "");
    put(g, "static inline %s%s %s_%s(%s_r r)\n{\n", type, suffix, c, f->name, c);
}

static void gen_scalar_getter(gen *g, const field *f)
{
    const type_info *t = &f->type;
    const char *type = t->kind == T_ENUM ? model_text(g->m, "enum %s", t->c) : t->c;
    if (!type) type = "?";
    open_getter(g, f, type, "");
    schema_value_r value = schema_field_slot_default_value(schema_field_slot(f->view));
    if (f->tag != NOT_IN_UNION)
        put(g, "    if (ww_capnp_get_u16(r.s, %u) != %u) return %s;\n", f->tag_offset, f->tag,
            value_text(g, t, value));
    if (t->bits == 1) {
        put(g, "    return %sww_capnp_get_bool(r.s, %u);\n}\n\n", f->mask ? "!" : "", f->offset);
        return;
    }
    bool is_call = strncmp(t->cast, "ww_", 3) == 0;
    const char *narrow =
        t->bits < 32 && !*t->cast ? model_text(g->m, "(uint%u_t)", t->bits) : t->cast;
    if (f->mask)
        put(g, "    return %s(ww_capnp_get_%s(r.s, %u) ^ %s0x%" PRIx64 "%s);\n}\n\n", narrow,
            t->stored, f->offset,
            t->bits == 64   ? "UINT64_C("
            : t->bits == 32 ? "UINT32_C("
                            : "",
            f->mask, t->bits >= 32 ? ")" : "");
    else
        put(g, "    return %s%sww_capnp_get_%s(r.s, %u)%s;\n}\n\n", t->cast, is_call ? "(" : "",
            t->stored, f->offset, is_call ? ")" : "");
}

/* The expression of the field's pointer, with its default. */
static const char *pointer_text(gen *g, const field *f)
{
    const char *text = f->tag == NOT_IN_UNION
                           ? model_text(g->m, "ww_capnp_get_pointer(r.s, %u)", f->offset)
                           : model_text(g->m, "ww_capnp_get_member(r.s, %u, %u, %u)", f->offset,
                                        f->tag_offset, f->tag);
    if (f->constant && text) text = model_text(g->m, "ww_capnp_any_or(%s, &%s)", text, f->constant);
    return text ? text : "";
}

static void gen_pointer_getter(gen *g, const field *f)
{
    const char *pointer = pointer_text(g, f);
    type_info t = f->type;
    if (t.kind == T_LIST) t = list_element(g, f);
    if (f->type.kind == T_LIST)
        open_getter(g, f, t.c, "_l");
    else if (t.kind == T_TEXT || t.kind == T_DATA)
        open_getter(g, f, "ww_view", "");
    else if (t.kind == T_ANY)
        open_getter(g, f, "ww_capnp_any", "");
    else
        open_getter(g, f, t.c, t.kind == T_CAP ? "_cap" : "_r");
    if (f->type.kind == T_LIST)
        put(g, "    return (%s_l){ww_capnp_any_list(%s, %s)};\n}\n\n", t.c, pointer, t.size);
    else if (t.kind == T_TEXT || t.kind == T_DATA)
        put(g, "    return ww_capnp_any_%s(%s);\n}\n\n", t.kind == T_TEXT ? "text" : "data",
            pointer);
    else if (t.kind == T_ANY)
        put(g, "    return %s;\n}\n\n", pointer);
    else if (t.kind == T_CAP)
        put(g, "    return (%s_cap){ww_capnp_any_cap(%s)};\n}\n\n", t.c, pointer);
    else
        put(g, "    return (%s_r){ww_capnp_any_struct(%s)};\n}\n\n", t.c, pointer);
    put(g, "static inline bool %s_has_%s(%s_r r)\n{\n    return !ww_capnp_any_is_null(", f->c,
        f->name, f->c);
    if (f->tag == NOT_IN_UNION)
        put(g, "ww_capnp_get_pointer(r.s, %u));\n}\n\n", f->offset);
    else
        put(g, "ww_capnp_get_member(r.s, %u, %u, %u));\n}\n\n", f->offset, f->tag_offset, f->tag);
}

static void gen_pipeline(gen *g, const field *f)
{
    const char *c = f->c;
    const type_info *t = &f->type;
    if (t->kind != T_STRUCT && t->kind != T_CAP && t->kind != T_ANY) return;
    const char *type = t->kind == T_ANY
                           ? "ww_capnp_pipeline"
                           : model_text(g->m, "%s%s", t->c, t->kind == T_CAP ? "_cap" : "_p");
    put(g, "%sstatic inline %s %s_p_%s(%s_p p)\n{\n",
        t->kind == T_CAP ? "/* Owned: drop it with ww_capnp_cap_unref. */\n" : "",
        type ? type : "?", c, f->name, c);
    if (t->kind == T_ANY)
        put(g, "    return ww_capnp_pipeline_field(p.p, %u);\n}\n\n", f->offset);
    else if (t->kind == T_STRUCT)
        put(g, "    return (%s){ww_capnp_pipeline_field(p.p, %u)};\n}\n\n", type ? type : "?",
            f->offset);
    else
        put(g, "    return (%s){ww_capnp_pipeline_cap(ww_capnp_pipeline_field(p.p, %u))};\n}\n\n",
            type ? type : "?", f->offset);
}

/* ---- building ---- */

static void put_tag(gen *g, const field *f)
{
    if (f->tag != NOT_IN_UNION)
        put(g, "    ww_capnp_set_u16(b.s, %u, %u);\n", f->tag_offset, f->tag);
}

static void open_setter(gen *g, const field *f, const char *result, const char *verb,
                        const char *more)
{
    put(g, "static inline %s %s_%s_%s(%s_b b%s)\n{\n", result, f->c, verb, f->name, f->c, more);
}

static const char *target(gen *g, const field *f)
{
    const char *text = model_text(g->m, "ww_capnp_struct_b_pointer(b.s, %u)", f->offset);
    return text ? text : "";
}

static void gen_scalar_setter(gen *g, const field *f)
{
    const type_info *t = &f->type;
    const char *more = model_text(g->m, ", %s%s value", t->kind == T_ENUM ? "enum " : "", t->c);
    if (!more) more = "";
    open_setter(g, f, "void", "set", t->kind == T_VOID ? "" : more);
    put_tag(g, f);
    if (t->kind == T_VOID) {
        put(g, "%s}\n\n", f->tag == NOT_IN_UNION ? "    (void)b;\n" : "");
        return;
    }
    bool is_call = strncmp(t->uncast, "ww_", 3) == 0;
    const char *value =
        is_call ? model_text(g->m, "%s(value)", t->uncast) : model_text(g->m, "%svalue", t->uncast);
    if (t->bits == 1)
        value = f->mask ? "!value" : "value";
    else if (f->mask)
        value = model_text(g->m, "(uint%u_t)(%s ^ %s0x%" PRIx64 "%s)", t->bits, value ? value : "",
                           t->bits == 64   ? "UINT64_C("
                           : t->bits == 32 ? "UINT32_C("
                                           : "",
                           f->mask, t->bits >= 32 ? ")" : "");
    put(g, "    ww_capnp_set_%s(b.s, %u, %s);\n}\n\n", t->stored, f->offset, value ? value : "");
}

static void gen_list_setters(gen *g, const field *f)
{
    type_info t = list_element(g, f);
    const char *list = model_text(g->m, "%s_lb", t.c);
    if (!list) return;
    open_setter(g, f, list, "init", ", uint32_t count");
    put_tag(g, f);
    if (t.kind == T_STRUCT)
        put(g, "    return (%s){ww_capnp_any_b_init_structs(%s, %s_SIZE, count)};\n}\n\n", list,
            target(g, f), t.of ? t.of->upper : "");
    else
        put(g, "    return (%s){ww_capnp_any_b_init_list(%s, %s, count)};\n}\n\n", list,
            target(g, f), t.size);
    open_setter(g, f, list, "edit", "");
    put_tag(g, f);
    put(g, "    return (%s){ww_capnp_any_b_get_list(%s)};\n}\n\n", list, target(g, f));
}

static void gen_bytes_setters(gen *g, const field *f)
{
    bool is_text = f->type.kind == T_TEXT;
    open_setter(g, f, "void", "set", ", ww_view value");
    put_tag(g, f);
    put(g, "    ww_capnp_any_b_set_%s(%s, value);\n}\n\n", is_text ? "text" : "data", target(g, f));
    if (is_text) return;
    open_setter(g, f, "uint8_t *", "init", ", uint32_t size");
    put_tag(g, f);
    put(g, "    return ww_capnp_any_b_init_data(%s, size);\n}\n\n", target(g, f));
}

static void gen_struct_setters(gen *g, const field *f)
{
    const type_info *t = &f->type;
    const char *view = model_text(g->m, "%s_b", t->c);
    const char *size = t->of ? t->of->upper : "";
    static const char *const verbs[] = {"init", "edit"};
    for (size_t i = 0; i < WW_COUNT_OF(verbs); i++) {
        open_setter(g, f, view ? view : "", verbs[i], "");
        put_tag(g, f);
        put(g, "    return (%s){ww_capnp_any_b_%s_struct(%s, %s_SIZE)};\n}\n\n", view ? view : "",
            i ? "get" : "init", target(g, f), size);
    }
}

static void gen_pointer_setters(gen *g, const field *f)
{
    const type_info *t = &f->type;
    switch (t->kind) {
    case T_TEXT:
    case T_DATA: gen_bytes_setters(g, f); break;
    case T_LIST: gen_list_setters(g, f); break;
    case T_STRUCT: gen_struct_setters(g, f); break;
    case T_CAP: {
        const char *more = model_text(g->m, ", %s_cap value", t->c);
        open_setter(g, f, "void", "set", more ? more : "");
        put_tag(g, f);
        put(g, "    ww_capnp_any_b_set_cap(%s, value.cap);\n}\n\n", target(g, f));
        break;
    }
    default: break;
    }
    open_setter(g, f, "ww_capnp_any_b", "pointer", "");
    put_tag(g, f);
    put(g, "    return %s;\n}\n\n", target(g, f));
}

/* ---- groups ---- */

/* Puts every field of the group back to its default, those of inner groups too. */
static void gen_reset(gen *g, const node *n, unsigned depth)
{
    schema_field_l fields = schema_node_struct_fields(body_of(n));
    if (schema_node_struct_discriminant_count(body_of(n)))
        put(g, "    ww_capnp_set_u16(b.s, %u, 0);\n",
            schema_node_struct_discriminant_offset(body_of(n)));
    for (uint32_t i = 0; i < fields.list.count; i++) {
        field f = field_at(g, n, i, NULL);
        if (is_group(f.view)) {
            const node *inner = group_of(g, f.view);
            if (inner && depth < SCOPES_MAX) gen_reset(g, inner, depth + 1);
        } else if (is_pointer(&f.type)) {
            put(g, "    ww_capnp_any_b_clear(%s);\n", target(g, &f));
        } else if (f.type.kind != T_VOID) {
            put(g, "    ww_capnp_set_%s(b.s, %u, 0);\n", f.type.stored, f.offset);
        }
    }
}

static void gen_group(gen *g, const field *f)
{
    const node *group = group_of(g, f->view);
    if (!group) return;
    const brand *b = brand_of_group(g, group, f->in);
    const char *c = f->c, *view = b ? b->name : group->name, *type = model_text(g->m, "%s_b", view);
    put_doc(g, f->owner, f->index, "");
    put(g, "static inline %s_r %s_%s(%s_r r)\n{\n    return (%s_r){r.s};\n}\n\n", view, c, f->name,
        c, view);
    open_setter(g, f, type ? type : "", "edit", "");
    put_tag(g, f);
    put(g, "    return (%s){b.s};\n}\n\n", type ? type : "");
    open_setter(g, f, type ? type : "", "init", "");
    put_tag(g, f);
    gen_reset(g, group, 0);
    put(g, "    return (%s){b.s};\n}\n\n", type ? type : "");
    put(g, "static inline %s_p %s_p_%s(%s_p p)\n{\n    return (%s_p){p.p};\n}\n\n", view, c,
        f->name, c, view);
}

static void gen_default(gen *g, const field *f)
{
    if (!f->constant) return;
    schema_value_r value = schema_field_slot_default_value(schema_field_slot(f->view));
    put(g, "extern const ww_capnp_segment %s;\n\n", f->constant);
    g->out = &g->source;
    put_words(g, f->constant, value_pointer(value));
    g->out = &g->header;
}

static void gen_field(gen *g, const field *f)
{
    if (is_group(f->view)) {
        gen_group(g, f);
        return;
    }
    if (!f->in) gen_default(g, f);
    if (is_pointer(&f->type)) {
        gen_pointer_getter(g, f);
        gen_pointer_setters(g, f);
        gen_pipeline(g, f);
        return;
    }
    if (f->type.kind != T_VOID) gen_scalar_getter(g, f);
    if (f->type.kind != T_VOID || f->tag != NOT_IN_UNION) gen_scalar_setter(g, f);
}

static bool is_omitted(const field *f)
{
    return model_is_annotated(schema_field_annotations(f->view), OMIT_ANNOTATION_ID);
}

void gen_struct(gen *g, const node *n)
{
    put(g, "/* ---- %s ---- */\n\n", n->name);
    put_doc(g, n, -1, "");
    if (!schema_node_struct_is_group(body_of(n))) gen_views(g, n->name, n->upper);
    gen_read(g, n->name);
    gen_which(g, n);
    schema_field_l fields = schema_node_struct_fields(body_of(n));
    for (uint32_t i = 0; i < fields.list.count && !g->status; i++) {
        field f = field_at(g, n, i, NULL);
        if (!is_omitted(&f)) gen_field(g, &f);
    }
}

/* ---- with what the parameters stand for ---- */

/* A member is worth accessors of its own when its C type is another one than without the parameters. */
static bool differs(gen *g, const field *plain, const field *f)
{
    if (is_group(f->view)) return brand_of_group(g, group_of(g, f->view), f->in) != NULL;
    const type_info *a = &plain->type, *b = &f->type;
    if (a->kind != b->kind || strcmp(a->c, b->c) != 0) return true;
    if (a->kind != T_LIST) return false;
    return strcmp(list_element(g, plain).c, list_element(g, f).c) != 0;
}

void gen_struct_brand(gen *g, const brand *b)
{
    if (!schema_node_struct_is_group(body_of(b->of))) gen_views(g, b->name, b->of->upper);
    gen_read(g, b->name);
    schema_field_l fields = schema_node_struct_fields(body_of(b->of));
    for (uint32_t i = 0; i < fields.list.count && !g->status; i++) {
        field plain = field_at(g, b->of, i, NULL), f = field_at(g, b->of, i, b);
        if (!is_omitted(&f) && differs(g, &plain, &f)) gen_field(g, &f);
    }
}

/* ---- enums and constants ---- */

void gen_enum(gen *g, const node *n)
{
    schema_enumerant_l members = schema_node_enum_enumerants(schema_node_enum(n->view));
    put_doc(g, n, -1, "");
    put(g, "enum %s {\n", n->name);
    for (uint32_t i = 0; i < members.list.count; i++) {
        schema_enumerant_r e = schema_enumerant_l_at(members, i);
        const char *name =
            model_member_name(g->m, schema_enumerant_annotations(e), schema_enumerant_name(e));
        put_doc(g, n, (int)i, "    ");
        put(g, "    %s_%s = %u,\n", n->upper, name ? model_upper(g->m, name) : "", i);
    }
    if (!members.list.count) put(g, "    %s_NONE = 0,\n", n->upper);
    put(g, "};\n#define %s_ID UINT64_C(0x%016" PRIx64 ")\n", n->upper, n->id);
    put(g, "typedef struct %s_l {\n    ww_capnp_list list;\n} %s_l;\n", n->name, n->name);
    put(g, "typedef struct %s_lb {\n    ww_capnp_list_b list;\n} %s_lb;\n\n", n->name, n->name);
    put(g,
        "static inline enum %s %s_l_at(%s_l l, uint32_t index)\n{\n"
        "    return (enum %s)ww_capnp_list_u16(l.list, index);\n}\n\n",
        n->name, n->name, n->name, n->name);
    put(g,
        "static inline void %s_lb_set(%s_lb l, uint32_t index, enum %s value)\n{\n"
        "    ww_capnp_list_set_u16(l.list, index, (uint16_t)value);\n}\n\n",
        n->name, n->name, n->name);
}

void gen_const(gen *g, const node *n)
{
    schema_type_r type = schema_node_const_type(schema_node_const(n->view));
    schema_value_r value = schema_node_const_value(schema_node_const(n->view));
    type_info t = type_of(g, type, NULL);
    bool is_omitted = model_is_annotated(schema_node_annotations(n->view), OMIT_ANNOTATION_ID);
    if (t.kind == T_VOID || t.kind == T_CAP || is_omitted) return;
    put_doc(g, n, -1, "");
    if (!is_pointer(&t)) {
        put(g, "#define %s (%s)\n\n", n->upper, value_text(g, &t, value));
        return;
    }
    const char *segment = model_text(g->m, "%s_constant", n->name), *c = n->name;
    if (!segment) return;
    put(g, "extern const ww_capnp_segment %s;\n\n", segment);
    g->out = &g->source;
    put_words(g, segment, value_pointer(value));
    g->out = &g->header;
    const char *any = model_text(g->m, "ww_capnp_constant(&%s)", segment);
    type_info e = t.kind == T_LIST ? element_of(g, &t) : t;
    if (!any) return;
    if (t.kind == T_LIST)
        put(g,
            "static inline %s_l %s(void)\n{\n    return (%s_l){ww_capnp_any_list(%s, %s)};\n}\n\n",
            e.c, c, e.c, any, e.size);
    else if (t.kind == T_STRUCT)
        put(g, "static inline %s_r %s(void)\n{\n    return (%s_r){ww_capnp_any_struct(%s)};\n}\n\n",
            e.c, c, e.c, any);
    else if (t.kind == T_ANY)
        put(g, "static inline ww_capnp_any %s(void)\n{\n    return %s;\n}\n\n", c, any);
    else
        put(g, "static inline ww_view %s(void)\n{\n    return ww_capnp_any_%s(%s);\n}\n\n", c,
            t.kind == T_TEXT ? "text" : "data", any);
}
