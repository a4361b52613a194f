/* Interfaces in C: handles, client calls, server tables. */
#include "gen.h"
#include <inttypes.h>

typedef struct method {
    schema_method_r view;
    const node *owner;
    const char *c; /* what the owner is called: its name, or its brand's */
    const char *name;
    uint32_t index;
    const node *params, *results;
    const char *params_c, *results_c; /* what they are called */
    bool is_streaming, is_omitted;
} method;

static schema_node_interface_r body_of(const node *n)
{
    return schema_node_interface(n->view);
}

/* A method's struct by name: with what its parameters stand for, where that is known. */
static const char *side_name(gen *g, const node *n, schema_brand_r view, const brand *in)
{
    const brand *b = brand_of(g, n, view, in);
    return b ? b->name : n ? n->name : "";
}

static method method_at(gen *g, const node *n, uint32_t index, const brand *in)
{
    schema_method_r view = schema_method_l_at(schema_node_interface_methods(body_of(n)), index);
    method m = {.view = view, .owner = n, .c = in ? in->name : n->name, .index = index};
    m.name = model_member_name(g->m, schema_method_annotations(view), schema_method_name(view));
    m.is_streaming = schema_method_result_struct_type(view) == STREAM_RESULT_ID;
    m.params = use(g, schema_method_param_struct_type(view));
    if (!m.is_streaming) m.results = use(g, schema_method_result_struct_type(view));
    if (!m.name) m.name = "_";
    m.is_omitted = model_is_annotated(schema_method_annotations(view), OMIT_ANNOTATION_ID);
    m.params_c = side_name(g, m.params, schema_method_param_brand(view), in);
    m.results_c = side_name(g, m.results, schema_method_result_brand(view), in);
    return m;
}

/* A name of C that a method may carry: members of the server table are not prefixed. */
static const char *slot_name(gen *g, const char *name)
{
    static const char *const reserved[] = {
        "auto",   "bool",     "break",  "case",   "char",     "const",    "continue", "default",
        "do",     "double",   "else",   "enum",   "extern",   "float",    "for",      "goto",
        "if",     "inline",   "int",    "long",   "register", "restrict", "return",   "short",
        "signed", "sizeof",   "static", "struct", "switch",   "typedef",  "union",    "unsigned",
        "void",   "volatile", "while",  "true",   "false",    "asm",      "typeof",   "class"};
    for (size_t i = 0; i < WW_COUNT_OF(reserved); i++)
        if (strcmp(name, reserved[i]) == 0) name = model_text(g->m, "%s_", name);
    return name ? name : "_";
}

void gen_interface_types(gen *g, const node *n)
{
    const char *c = n->name;
    put(g, "typedef struct %s_cap {\n    ww_capnp_cap *cap;\n} %s_cap;\n", c, c);
    put(g, "typedef struct %s_l {\n    ww_capnp_list list;\n} %s_l;\n", c, c);
    put(g, "typedef struct %s_lb {\n    ww_capnp_list_b list;\n} %s_lb;\n", c, c);
    put(g, "#define %s_ID UINT64_C(0x%016" PRIx64 ")\n\n", n->upper, n->id);
}

static void gen_views(gen *g, const char *c)
{
    put(g,
        "/* Borrowed from the message. */\nstatic inline %s_cap %s_from(ww_capnp_any any)\n{\n"
        "    return (%s_cap){ww_capnp_any_cap(any)};\n}\n\n",
        c, c, c);
    put(g,
        "/* Borrowed from the message. */\nstatic inline %s_cap %s_l_at(%s_l l, uint32_t "
        "index)\n{\n"
        "    return (%s_cap){ww_capnp_any_cap(ww_capnp_list_pointer(l.list, index))};\n}\n\n",
        c, c, c, c);
    put(g,
        "static inline void %s_lb_set(%s_lb l, uint32_t index, %s_cap cap)\n{\n"
        "    ww_capnp_any_b_set_cap(ww_capnp_list_b_pointer(l.list, index), cap.cap);\n}\n\n",
        c, c, c);
}

/* ---- clients ---- */

/* The way into a struct, whose fields are looked at once. */
typedef struct search {
    bool *seen; /* by node */
    unsigned depth;
} search;

static bool may_hold_cap(gen *g, const node *n, search *s);

static bool type_may_hold_cap(gen *g, schema_type_r type, search *s)
{
    type_info t = type_of(g, type, NULL);
    for (unsigned depth = 0; t.kind == T_LIST && depth < SCOPES_MAX; depth++)
        t = type_of(g, schema_type_list_element_type(schema_type_list(t.type)), NULL);
    if (t.kind == T_STRUCT) return !t.of || may_hold_cap(g, t.of, s);
    return t.kind == T_CAP || t.kind == T_ANY || t.kind == T_LIST;
}

/* Whether a capability may stand somewhere in the struct; too deep to say counts as yes. */
static bool may_hold_cap(gen *g, const node *n, search *s)
{
    if (s->seen[n - g->m->nodes]) return false;
    s->seen[n - g->m->nodes] = true;
    bool found = ++s->depth > SCOPES_MAX;
    schema_field_l fields = schema_node_struct_fields(schema_node_struct(n->view));
    for (uint32_t i = 0; i < fields.list.count && !found; i++) {
        schema_field_r f = schema_field_l_at(fields, i);
        if (schema_field_which(f) == SCHEMA_FIELD_IS_SLOT) {
            found = type_may_hold_cap(g, schema_field_slot_type(schema_field_slot(f)), s);
            continue;
        }
        const node *group = use(g, schema_field_group_type_id(schema_field_group(f)));
        found = !group || may_hold_cap(g, group, s);
    }
    s->depth--;
    return found;
}

static bool results_hold_no_cap(gen *g, const method *m)
{
    if (m->is_streaming) return true;
    bool *seen = ww_arena_array(&g->m->arena, g->m->count + 1, sizeof *seen);
    search s = {.seen = seen};
    return seen && m->results && !may_hold_cap(g, m->results, &s);
}

static void gen_client(gen *g, const method *m)
{
    const char *c = m->c, *p = m->params_c;
    put_doc(g, m->owner, (int)m->index, "");
    put(g,
        "static inline %s_b %s_%s_begin(%s_cap cap, ww_capnp_call **call)\n{\n"
        "    *call = ww_capnp_call_new(cap.cap, %s_ID, %u);\n%s"
        "    return (%s_b){ww_capnp_call_init_params(*call, %s_SIZE)};\n}\n\n",
        p, c, m->name, c, m->owner->upper, m->index,
        results_hold_no_cap(g, m) ? "    ww_capnp_call_no_pipeline(*call);\n" : "", p,
        m->params ? m->params->upper : "");
    if (!m->results) return;
    put(g,
        "/* Empty unless the call succeeded; borrowed from the call. */\n"
        "static inline %s_r %s_%s_response(ww_capnp_call *call)\n{\n"
        "    return (%s_r){ww_capnp_any_struct(ww_capnp_call_response(call))};\n}\n\n",
        m->results_c, c, m->name, m->results_c);
    put(g,
        "static inline %s_p %s_%s_pipeline(ww_capnp_call *call)\n{\n"
        "    return (%s_p){ww_capnp_pipeline_of(call)};\n}\n\n",
        m->results_c, c, m->name, m->results_c);
}

/* ---- servers ---- */

static void gen_server_accessors(gen *g, const method *m)
{
    const char *c = m->c;
    if (m->params)
        put(g,
            "static inline %s_r %s_%s_params(ww_capnp_call *call)\n{\n"
            "    return (%s_r){ww_capnp_any_struct(ww_capnp_call_params(call))};\n}\n\n",
            m->params_c, c, m->name, m->params_c);
    if (m->results)
        put(g,
            "static inline %s_b %s_%s_results(ww_capnp_call *call)\n{\n"
            "    return (%s_b){ww_capnp_call_init_results(call, %s_SIZE)};\n}\n\n",
            m->results_c, c, m->name, m->results_c, m->results->upper);
}

static void gen_table_type(gen *g, const node *n)
{
    schema_superclass_l supers = schema_node_interface_superclasses(body_of(n));
    schema_method_l methods = schema_node_interface_methods(body_of(n));
    put(g,
        "/* A server's methods; NULL answers that it is not implemented. */\ntypedef struct %s_vt "
        "{\n",
        n->name);
    for (uint32_t i = 0; i < supers.list.count; i++) {
        const node *super = use(g, schema_superclass_id(schema_superclass_l_at(supers, i)));
        if (super) put(g, "    struct %s_vt %s;\n", super->name, super->name);
    }
    for (uint32_t i = 0; i < methods.list.count; i++) {
        method m = method_at(g, n, i, NULL);
        put(g, "    ww_capnp_handler *%s;\n", slot_name(g, m.name));
    }
    if (!supers.list.count && !methods.list.count) put(g, "    ww_capnp_handler *none_;\n");
    put(g, "} %s_vt;\n\n", n->name);
}

/* Tables embed those of the interfaces they extend, which must have come before. */
static bool supers_written(gen *g, const node *n, const bool *written)
{
    schema_superclass_l supers = schema_node_interface_superclasses(body_of(n));
    for (uint32_t i = 0; i < supers.list.count; i++) {
        const node *super = use(g, schema_superclass_id(schema_superclass_l_at(supers, i)));
        if (super && super->file == g->file && !written[super - g->m->nodes]) return false;
    }
    return true;
}

void gen_tables(gen *g)
{
    const model *m = g->m;
    bool *written = ww_arena_array(&g->m->arena, m->count + 1, sizeof *written), progress = written;
    size_t left = 0;
    while (progress && !g->status) {
        progress = false;
        left = 0;
        for (size_t i = 0; i < m->count && !g->status; i++) {
            const node *n = &m->nodes[i];
            if (n->file != g->file || schema_node_which(n->view) != SCHEMA_NODE_IS_INTERFACE ||
                written[i])
                continue;
            left++;
            if (!supers_written(g, n, written)) continue;
            gen_table_type(g, n);
            progress = written[i] = true;
        }
    }
    if (left && !g->status)
        g->status = ww_fail(g->diag, WW_E_INVALID, "an interface extends itself");
}

static void gen_serve(gen *g, const node *n)
{
    put(g, "extern const ww_capnp_server_type %s_server;\n", n->name);
    put(g, "extern const ww_capnp_method %s_methods[];\n\n", n->name);
    put(g,
        "/* A new capability for `server`, which stays the caller's memory until `destroy` (or "
        "NULL) is called with\n"
        " * it. Owned; .cap is NULL when memory is short. */\n"
        "static inline %s_cap %s_serve(ww_capnp_vat *vat, ww_capnp_server *server, const %s_vt "
        "*vt,\n"
        "    void (*destroy)(ww_capnp_server *server))\n{\n"
        "    *server = (ww_capnp_server){&%s_server, vt, destroy};\n"
        "    return (%s_cap){ww_capnp_server_cap(vat, server)};\n}\n\n",
        n->name, n->name, n->name, n->name, n->name);
}

typedef struct ancestor {
    const node *n;
    const char *path; /* inside the table, with a trailing dot */
} ancestor;

/* The interface and all that it extends, once each. */
static size_t collect(gen *g, const node *n, ancestor *out)
{
    size_t count = 1;
    out[0] = (ancestor){n, ""};
    for (size_t i = 0; i < count; i++) {
        schema_superclass_l supers = schema_node_interface_superclasses(body_of(out[i].n));
        for (uint32_t s = 0; s < supers.list.count; s++) {
            const node *super = use(g, schema_superclass_id(schema_superclass_l_at(supers, s)));
            bool known = !super;
            for (size_t k = 0; k < count && !known; k++)
                known = out[k].n == super;
            if (known) continue;
            if (count == SUPERCLASSES_MAX) {
                g->status = ww_fail(g->diag, WW_E_LIMIT, "%s extends too many interfaces", n->name);
                return count;
            }
            const char *path = model_text(g->m, "%s%s.", out[i].path, super->name);
            out[count++] = (ancestor){super, path ? path : ""};
        }
    }
    return count;
}

static void sort_by_id(ancestor *list, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && list[k].n->id < list[k - 1].n->id; k--) {
            ancestor swap = list[k];
            list[k] = list[k - 1];
            list[k - 1] = swap;
        }
}

static void gen_server_type(gen *g, const node *n)
{
    ancestor list[SUPERCLASSES_MAX];
    size_t count = collect(g, n, list);
    schema_method_l methods = schema_node_interface_methods(body_of(n));
    put(g, "const ww_capnp_method %s_methods[] = {\n", n->name);
    for (uint32_t i = 0; i < methods.list.count; i++) {
        method m = method_at(g, n, i, NULL);
        put(g, "    {\"%s\", %s},\n", m.name, m.is_streaming ? "true" : "false");
    }
    if (!methods.list.count) put(g, "    {\"\", false},\n");
    put(g, "};\n\nstatic const ww_capnp_interface %s_interfaces[] = {\n", n->name);
    sort_by_id(list, count);
    for (size_t i = 0; i < count; i++) {
        const node *a = list[i].n;
        schema_method_l own = schema_node_interface_methods(body_of(a));
        put(g, "    {%s_ID, ", a->upper);
        if (own.list.count) {
            method first = method_at(g, a, 0, NULL);
            put(g, "offsetof(%s_vt, %s%s)", n->name, list[i].path, slot_name(g, first.name));
        } else {
            put(g, "0");
        }
        put(g, ", %u, %s_methods},\n", own.list.count, a->name);
    }
    put(g, "};\n\nconst ww_capnp_server_type %s_server = {\"%s\", %s_interfaces, %zu};\n\n",
        n->name, n->name, n->name, count);
}

void gen_interface(gen *g, const node *n)
{
    put(g, "/* ---- %s ---- */\n\n", n->name);
    put_doc(g, n, -1, "");
    gen_views(g, n->name);
    gen_serve(g, n);
    schema_method_l methods = schema_node_interface_methods(body_of(n));
    for (uint32_t i = 0; i < methods.list.count && !g->status; i++) {
        method m = method_at(g, n, i, NULL);
        if (m.is_omitted) continue;
        gen_client(g, &m);
        gen_server_accessors(g, &m);
    }
    g->out = &g->source;
    gen_server_type(g, n);
    g->out = &g->header;
}

/* ---- with what the parameters stand for ---- */

void gen_interface_brand(gen *g, const brand *b)
{
    gen_views(g, b->name);
    schema_method_l methods = schema_node_interface_methods(body_of(b->of));
    for (uint32_t i = 0; i < methods.list.count && !g->status; i++) {
        method plain = method_at(g, b->of, i, NULL), m = method_at(g, b->of, i, b);
        bool differs =
            strcmp(plain.params_c, m.params_c) != 0 || strcmp(plain.results_c, m.results_c) != 0;
        if (m.is_omitted || !differs) continue;
        gen_client(g, &m);
        gen_server_accessors(g, &m);
    }
}
