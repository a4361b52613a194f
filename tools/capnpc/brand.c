/* Generic declarations with what their parameters stand for: which of them a file needs, and what they are called.
 *
 * A parameter is one pointer on the wire whatever it stands for, so the plain C type of a generic declaration serves all
 * of its uses. A brand adds a type of its own whose accessors know the concrete type, for those members alone that
 * depend on a parameter.
 */
#include "gen.h"

/* Parameters nested deeper than NESTING_MAX leave the plain type; so do those that a brand's own members bring beyond
 * what it has itself and GROWN_MAX, for such types need not end. */
enum { BRANDS_MAX = 1024, NESTING_MAX = 3, GROWN_MAX = 2 };

/* ---- whether a declaration has such members ---- */

static bool is_parameter(schema_type_r type)
{
    return schema_type_which(type) == SCHEMA_TYPE_IS_ANY_POINTER &&
           schema_type_any_pointer_which(schema_type_any_pointer(type)) ==
               SCHEMA_TYPE_ANY_POINTER_IS_PARAMETER;
}

static schema_brand_r brand_view(schema_type_r type)
{
    if (schema_type_which(type) == SCHEMA_TYPE_IS_STRUCT)
        return schema_type_struct_brand(schema_type_struct(type));
    if (schema_type_which(type) == SCHEMA_TYPE_IS_INTERFACE)
        return schema_type_interface_brand(schema_type_interface(type));
    return (schema_brand_r){0};
}

static bool mentions(schema_type_r type, unsigned depth);

static bool brand_mentions(schema_brand_r view, unsigned depth)
{
    schema_brand_scope_l scopes = schema_brand_scopes(view);
    for (uint32_t i = 0; i < scopes.list.count; i++) {
        schema_brand_scope_r scope = schema_brand_scope_l_at(scopes, i);
        if (schema_brand_scope_which(scope) == SCHEMA_BRAND_SCOPE_IS_INHERIT) return true;
        schema_brand_binding_l bind = schema_brand_scope_bind(scope);
        for (uint32_t k = 0; k < bind.list.count; k++)
            if (mentions(schema_brand_binding_type(schema_brand_binding_l_at(bind, k)), depth + 1))
                return true;
    }
    return false;
}

static bool mentions(schema_type_r type, unsigned depth)
{
    while (schema_type_which(type) == SCHEMA_TYPE_IS_LIST && depth++ < SCOPES_MAX)
        type = schema_type_list_element_type(schema_type_list(type));
    return is_parameter(type) || (depth < SCOPES_MAX && brand_mentions(brand_view(type), depth));
}

static bool struct_depends(gen *g, const node *n, unsigned depth)
{
    schema_field_l fields = schema_node_struct_fields(schema_node_struct(n->view));
    for (uint32_t i = 0; i < fields.list.count; i++) {
        schema_field_r f = schema_field_l_at(fields, i);
        if (schema_field_which(f) == SCHEMA_FIELD_IS_SLOT) {
            if (mentions(schema_field_slot_type(schema_field_slot(f)), 0)) return true;
            continue;
        }
        const node *group = use(g, schema_field_group_type_id(schema_field_group(f)));
        if (group && depth < SCOPES_MAX && struct_depends(g, group, depth + 1)) return true;
    }
    return false;
}

/* The struct of a method: declared with it and so dependent in itself, or a generic one that the method binds. */
static bool side_depends(gen *g, uint64_t id, schema_brand_r view)
{
    const node *n = use(g, id);
    if (!n) return false;
    return n->role == NOT_OF_METHOD ? brand_mentions(view, 0) : struct_depends(g, n, 0);
}

static bool interface_depends(gen *g, const node *n)
{
    schema_node_interface_r body = schema_node_interface(n->view);
    schema_superclass_l supers = schema_node_interface_superclasses(body);
    for (uint32_t i = 0; i < supers.list.count; i++)
        if (brand_mentions(schema_superclass_brand(schema_superclass_l_at(supers, i)), 0))
            return true;
    schema_method_l methods = schema_node_interface_methods(body);
    for (uint32_t i = 0; i < methods.list.count; i++) {
        schema_method_r m = schema_method_l_at(methods, i);
        if (side_depends(g, schema_method_param_struct_type(m), schema_method_param_brand(m)))
            return true;
        if (schema_method_result_struct_type(m) != STREAM_RESULT_ID &&
            side_depends(g, schema_method_result_struct_type(m), schema_method_result_brand(m)))
            return true;
    }
    return false;
}

static bool depends(gen *g, const node *n)
{
    if (schema_node_which(n->view) == SCHEMA_NODE_IS_STRUCT) return struct_depends(g, n, 0);
    return schema_node_which(n->view) == SCHEMA_NODE_IS_INTERFACE && interface_depends(g, n);
}

/* ---- arguments ---- */

static const brand_arg *find_arg(const brand *b, uint64_t scope, uint32_t index)
{
    for (size_t i = 0; b && i < b->count; i++)
        if (b->args[i].scope == scope && b->args[i].index == index) return &b->args[i];
    return NULL;
}

bool brand_resolve(schema_type_r *type, const brand **in)
{
    while (is_parameter(*type)) {
        schema_type_any_pointer_parameter_r p =
            schema_type_any_pointer_parameter(schema_type_any_pointer(*type));
        const brand_arg *arg = find_arg(*in, schema_type_any_pointer_parameter_scope_id(p),
                                        schema_type_any_pointer_parameter_parameter_index(p));
        if (!arg || !arg->is_bound) return false;
        *type = arg->type;
        *in = arg->in; /* older than *in: this ends */
    }
    return true;
}

static brand_arg resolve_arg(schema_brand_scope_r scope, uint32_t index, const brand *in)
{
    brand_arg arg = {.scope = schema_brand_scope_scope_id(scope), .index = index};
    if (schema_brand_scope_which(scope) == SCHEMA_BRAND_SCOPE_IS_INHERIT) {
        const brand_arg *outer = find_arg(in, arg.scope, index);
        return outer ? *outer : arg;
    }
    schema_brand_binding_l bind = schema_brand_scope_bind(scope);
    schema_brand_binding_r b = schema_brand_binding_l_at(bind, index);
    if (index >= bind.list.count || schema_brand_binding_which(b) != SCHEMA_BRAND_BINDING_IS_TYPE)
        return arg;
    arg.type = schema_brand_binding_type(b);
    arg.in = in;
    arg.is_bound = brand_resolve(&arg.type, &arg.in);
    return arg;
}

/* A scope that the brand does not name leaves its parameters open; a group has no brand and shares its struct's. */
static brand_arg arg_at(const schema_brand_r *view, const node *scope, uint32_t index,
                        const brand *in)
{
    const brand_arg *shared = view ? NULL : find_arg(in, scope->id, index);
    if (shared) return *shared;
    schema_brand_scope_l scopes = schema_brand_scopes(view ? *view : (schema_brand_r){0});
    for (uint32_t i = 0; i < scopes.list.count; i++) {
        schema_brand_scope_r s = schema_brand_scope_l_at(scopes, i);
        if (schema_brand_scope_scope_id(s) == scope->id) return resolve_arg(s, index, in);
    }
    return (brand_arg){.scope = scope->id, .index = index};
}

/* ---- names ---- */

static bool make(gen *g, const node *n, const schema_brand_r *view, const brand *in, unsigned level,
                 brand *out);

/* What a name calls an argument, and how many generic types and lists are nested in it. */
typedef struct arg_text {
    const char *name; /* NULL: there is no memory for one */
    unsigned nesting;
} arg_text;

static arg_text text_of(gen *g, schema_type_r type, const brand *in, unsigned level)
{
    if (level > NESTING_MAX) return (arg_text){"any", level};
    if (!brand_resolve(&type, &in)) return (arg_text){"any", 0};
    if (schema_type_which(type) == SCHEMA_TYPE_IS_LIST) {
        arg_text t =
            text_of(g, schema_type_list_element_type(schema_type_list(type)), in, level + 1);
        t.name = t.name ? model_text(g->m, "list_of_%s", t.name) : NULL;
        t.nesting++;
        return t;
    }
    type_info t = built_in(g, type);
    if (g->status) return (arg_text){NULL, 0};
    if (!t.of) return (arg_text){list_name(&t, type) + strlen("ww_capnp_"), 0};
    const schema_brand_r view = brand_view(type);
    brand b;
    if (make(g, t.of, &view, in, level + 1, &b)) return (arg_text){b.name, b.nesting};
    const char *name = model_argument_name(g->m, schema_node_annotations(t.of->view));
    return (arg_text){name ? name : t.of->name, 0};
}

/* interop_box_of_text, addr_map_of_text_and_addr_person. False: everything is open, or it goes too deep. */
static bool name_brand(gen *g, brand *b, unsigned level)
{
    const char *name = b->of->name, *joint = "of";
    bool is_bound = false;
    for (size_t i = 0; i < b->count && name; i++) {
        arg_text t = {"any", 0};
        if (b->args[i].is_bound) t = text_of(g, b->args[i].type, b->args[i].in, level);
        if (t.name && strcmp(t.name, "any") != 0) is_bound = true;
        if (t.nesting >= b->nesting) b->nesting = t.nesting + 1;
        name = t.name ? model_text(g->m, "%s_%s_%s", name, joint, t.name) : NULL;
        joint = "and";
    }
    if (!name && !g->status)
        g->status = ww_fail(g->diag, WW_E_LIMIT, "%s: the name with its parameters is too long",
                            b->of->name);
    b->name = name;
    return is_bound && name && b->nesting <= NESTING_MAX;
}

static const brand *register_brand(gen *g, brand *b)
{
    brand **known = (brand **)(void *)g->brands.data;
    size_t count = g->brands.size / sizeof *known;
    for (size_t i = 0; i < count; i++)
        if (strcmp(known[i]->name, b->name) == 0) return known[i];
    brand *kept = ww_arena_alloc(&g->m->arena, sizeof *kept);
    const char *upper = model_upper(g->m, b->name);
    bool fits = count < BRANDS_MAX && kept && upper;
    if (!fits || ww_buf_append(&g->brands, &kept, sizeof kept)) {
        if (!g->status) g->status = ww_fail(g->diag, WW_E_LIMIT, "too many uses of generic types");
        return NULL;
    }
    *kept = *b;
    kept->upper = upper;
    return kept;
}

/* False: the plain type does. */
static bool make(gen *g, const node *n, const schema_brand_r *view, const brand *in, unsigned level,
                 brand *out)
{
    const node *scopes[SCOPES_MAX];
    size_t depth = 0, count = 0;
    for (const node *at = n; at && depth < SCOPES_MAX; at = at->scope) {
        scopes[depth++] = at;
        count += schema_node_parameters(at->view).list.count;
    }
    if (!count || !depends(g, n)) return false;
    *out = (brand){.of = n, .args = ww_arena_array(&g->m->arena, count, sizeof *out->args)};
    if (!out->args) {
        g->status = ww_fail(g->diag, WW_E_MEMORY, "out of memory");
        return false;
    }
    while (depth--)
        for (uint32_t i = 0; i < schema_node_parameters(scopes[depth]->view).list.count; i++)
            out->args[out->count++] = arg_at(view, scopes[depth], i, in);
    return name_brand(g, out, level) && !g->status;
}

static const brand *member_brand(gen *g, const node *n, const schema_brand_r *view, const brand *in)
{
    brand b;
    if (!n || !make(g, n, view, in, 0, &b)) return NULL;
    bool has_grown = in && b.nesting > in->nesting && b.nesting > GROWN_MAX;
    return has_grown ? NULL : register_brand(g, &b);
}

const brand *brand_of(gen *g, const node *n, schema_brand_r view, const brand *in)
{
    return member_brand(g, n, &view, in);
}

const brand *brand_of_group(gen *g, const node *group, const brand *in)
{
    return in ? member_brand(g, group, NULL, in) : NULL;
}

type_info type_of(gen *g, schema_type_r type, const brand *in)
{
    if (!brand_resolve(&type, &in)) in = NULL;
    type_info t = built_in(g, type);
    t.type = type;
    t.in = in;
    const brand *b =
        t.kind == T_STRUCT || t.kind == T_CAP ? brand_of(g, t.of, brand_view(type), in) : NULL;
    if (b) t.c = b->name;
    return t;
}

/* ---- all that a file needs ---- */

static void visit_type(gen *g, schema_type_r type, const brand *in)
{
    type_info t = type_of(g, type, in);
    for (unsigned depth = 0; t.kind == T_LIST && depth < SCOPES_MAX; depth++)
        t = type_of(g, schema_type_list_element_type(schema_type_list(t.type)), t.in);
}

static void visit_struct(gen *g, const node *n, const brand *in)
{
    schema_field_l fields = schema_node_struct_fields(schema_node_struct(n->view));
    for (uint32_t i = 0; i < fields.list.count && !g->status; i++) {
        schema_field_r f = schema_field_l_at(fields, i);
        if (schema_field_which(f) == SCHEMA_FIELD_IS_SLOT)
            visit_type(g, schema_field_slot_type(schema_field_slot(f)), in);
        else
            brand_of_group(g, use(g, schema_field_group_type_id(schema_field_group(f))), in);
    }
}

static void visit_interface(gen *g, const node *n, const brand *in)
{
    schema_node_interface_r body = schema_node_interface(n->view);
    schema_superclass_l supers = schema_node_interface_superclasses(body);
    for (uint32_t i = 0; i < supers.list.count && !g->status; i++) {
        schema_superclass_r super = schema_superclass_l_at(supers, i);
        brand_of(g, use(g, schema_superclass_id(super)), schema_superclass_brand(super), in);
    }
    schema_method_l methods = schema_node_interface_methods(body);
    for (uint32_t i = 0; i < methods.list.count && !g->status; i++) {
        schema_method_r m = schema_method_l_at(methods, i);
        brand_of(g, use(g, schema_method_param_struct_type(m)), schema_method_param_brand(m), in);
        if (schema_method_result_struct_type(m) != STREAM_RESULT_ID)
            brand_of(g, use(g, schema_method_result_struct_type(m)), schema_method_result_brand(m),
                     in);
    }
}

static void visit(gen *g, const node *n, const brand *in)
{
    unsigned which = schema_node_which(n->view);
    if (which == SCHEMA_NODE_IS_STRUCT) visit_struct(g, n, in);
    if (which == SCHEMA_NODE_IS_INTERFACE) visit_interface(g, n, in);
    if (which == SCHEMA_NODE_IS_CONST)
        visit_type(g, schema_node_const_type(schema_node_const(n->view)), in);
}

/* $C17.Of(TYPE).views: the type is an argument of the scope that the annotation stands in. */
static void visit_annotations(gen *g)
{
    schema_annotation_l annotations = schema_node_annotations(g->file->view);
    for (uint32_t i = 0; i < annotations.list.count && !g->status; i++) {
        schema_annotation_r a = schema_annotation_l_at(annotations, i);
        if (schema_annotation_id(a) != VIEWS_ANNOTATION_ID) continue;
        schema_brand_scope_l scopes = schema_brand_scopes(schema_annotation_brand(a));
        schema_brand_binding_l bind = schema_brand_scope_bind(schema_brand_scope_l_at(scopes, 0));
        if (bind.list.count)
            visit_type(g, schema_brand_binding_type(schema_brand_binding_l_at(bind, 0)), NULL);
    }
}

void brands_collect(gen *g)
{
    visit_annotations(g);
    for (size_t i = 0; i < g->m->count && !g->status; i++) {
        const node *n = &g->m->nodes[i];
        if (n->file == g->file && n != g->file) visit(g, n, NULL);
    }
    for (size_t i = 0; i < g->brands.size / sizeof(brand *) && !g->status; i++) {
        const brand *b = ((const brand *const *)(void *)g->brands.data)[i];
        visit(g, b->of, b); /* which may add to the list */
    }
}

void brands_each(gen *g, const char *part, void (*write)(gen *, const brand *))
{
    for (size_t i = 0; i < g->brands.size / sizeof(brand *) && !g->status; i++) {
        const brand *b = ((const brand *const *)(void *)g->brands.data)[i];
        put(g, "#ifndef %s_%s\n#define %s_%s\n", b->upper, part, b->upper, part);
        write(g, b);
        put(g, "#endif\n\n");
    }
}

/* ---- their C ---- */

typedef struct view_type {
    const char *suffix, *member;
} view_type;

static void put_view(gen *g, const brand *b, const view_type *v)
{
    put(g, "typedef union %s_%s {\n    %s;\n    %s_%s of;\n} %s_%s;\n", b->name, v->suffix,
        v->member, b->of->name, v->suffix, b->name, v->suffix);
}

void gen_brand_types(gen *g, const brand *b)
{
    static const view_type of_struct[] = {{"r", "ww_capnp_struct s"},
                                          {"b", "ww_capnp_struct_b s"},
                                          {"p", "ww_capnp_pipeline p"}},
                           of_lists[] = {{"l", "ww_capnp_list list"},
                                         {"lb", "ww_capnp_list_b list"}},
                           of_interface = {"cap", "ww_capnp_cap *cap"};
    bool is_struct = schema_node_which(b->of->view) == SCHEMA_NODE_IS_STRUCT;
    bool is_group = is_struct && schema_node_struct_is_group(schema_node_struct(b->of->view));
    put(g, "/* .of is the same as a plain %s, for what does not depend on its parameters. */\n",
        b->of->name);
    for (size_t i = 0; is_struct && i < WW_COUNT_OF(of_struct); i++)
        put_view(g, b, &of_struct[i]);
    if (!is_struct) put_view(g, b, &of_interface);
    for (size_t i = 0; !is_group && i < WW_COUNT_OF(of_lists); i++)
        put_view(g, b, &of_lists[i]);
}

void gen_brand(gen *g, const brand *b)
{
    if (schema_node_which(b->of->view) == SCHEMA_NODE_IS_STRUCT)
        gen_struct_brand(g, b);
    else
        gen_interface_brand(g, b);
}
