/* Graphs in attributes become functions of their own: the values of the graphs around them that
 * they use become inputs, of the graph and of the node that holds it. What links functions then
 * links them too, and their node waits for what they need.
 *
 * Graphs are decoded level by level, so that the inner ones come behind the outer ones; here the
 * last comes first. */
#include "dataflow/installer.h"

enum { LIFTED_MAX = 8 << 20 };

typedef struct lifting {
    df_installer *in;
    df_artifact *a;
    ww_names names; /* of the graph under way: what it defines, then what it captures */
} lifting;

static ww_status add_name(lifting *l, df_vector *table, ww_view name)
{
    if (table->count >= LIFTED_MAX)
        return df_install_error(l->in, WW_E_LIMIT, "graphs in attributes use more than %d values",
                                LIFTED_MAX);
    ww_view *item = df_vector_add(l->a->allocator, table, sizeof *item);
    if (!item) return df_install_error(l->in, WW_E_MEMORY, "no memory");
    *item = name;
    return WW_OK;
}

/* `range` again, at the end of its table, where more can be added. */
static ww_status move_to_end(lifting *l, df_vector *table, df_range *range)
{
    df_range moved = {table->count, range->count};
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < range->count && !status; i++)
        status = add_name(l, table, df_names(table, *range)[i]);
    *range = moved;
    return status;
}

static ww_status add_captures(lifting *l, df_node *node, df_body *body)
{
    ww_status status = WW_OK;
    body->captured_at = node->inputs.count;
    for (uint32_t i = body->declared; i < body->function.inputs.count && !status; i++) {
        status = add_name(l, &l->a->inputs, df_names(&l->a->names, body->function.inputs)[i]);
        node->inputs.count++;
    }
    if (!status && node->inputs.count > UINT16_MAX)
        status = df_install_error(l->in, WW_E_LIMIT,
                                  "offset %zu: node whose graphs use more than 65535 values",
                                  node->offset);
    return status;
}

static ww_status lift_node(lifting *l, df_node *node)
{
    const df_attribute *attributes = df_attributes(l->a, node->attributes);
    bool moved = false;
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < node->attributes.count && !status; i++) {
        if (attributes[i].type != DF_ATTR_GRAPH) continue;
        if (!moved) status = move_to_end(l, &l->a->inputs, &node->inputs);
        moved = true;
        if (!status) status = add_captures(l, node, df_body_at(l->a, attributes[i].body));
    }
    return status;
}

static ww_status lift_nodes(lifting *l, df_range range)
{
    df_node *nodes = l->a->nodes.items;
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < range.count && !status; i++)
        status = lift_node(l, &nodes[range.first + i]);
    return status;
}

/* --- what a graph captures -------------------------------------------------------------------- */

static ww_status define(lifting *l, const df_vector *table, df_range range)
{
    uint32_t id;
    for (uint32_t i = 0; i < range.count; i++)
        if (ww_names_intern_borrowed(&l->names, df_names(table, range)[i], &id))
            return df_install_error(l->in, WW_E_MEMORY, "no memory");
    return WW_OK;
}

static ww_status capture(lifting *l, df_function *f, ww_view name)
{
    uint32_t id, known = l->names.count;
    if (!name.size) return WW_OK; /* an input that is left out */
    if (ww_names_intern_borrowed(&l->names, name, &id))
        return df_install_error(l->in, WW_E_MEMORY, "no memory");
    if (id < known) return WW_OK;
    f->inputs.count++;
    return add_name(l, &l->a->names, name);
}

static ww_status capture_all(lifting *l, df_function *f, const df_vector *table, df_range range)
{
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < range.count && !status; i++)
        status = capture(l, f, df_names(table, range)[i]);
    return status;
}

static ww_status lift_body(lifting *l, df_function *f)
{
    ww_status status = lift_nodes(l, f->nodes);
    if (!status) status = define(l, &l->a->names, f->inputs);
    for (uint32_t i = 0; i < f->nodes.count && !status; i++)
        status = define(l, &l->a->outputs, df_nodes(l->a, f->nodes)[i].outputs);
    if (!status) status = move_to_end(l, &l->a->names, &f->inputs);
    for (uint32_t i = 0; i < f->nodes.count && !status; i++)
        status = capture_all(l, f, &l->a->inputs, df_nodes(l->a, f->nodes)[i].inputs);
    return status ? status : capture_all(l, f, &l->a->names, f->outputs);
}

ww_status df_lift_graphs(df_installer *in)
{
    df_artifact *a = &in->unit->artifact;
    lifting l = {.in = in, .a = a};
    ww_status status = WW_OK;
    if (!a->bodies.count) return WW_OK;
    in->bodies = ww_arena_array(&in->unit->memory, a->bodies.count, sizeof *in->bodies);
    if (!in->bodies) return df_install_error(in, WW_E_MEMORY, "no memory");
    for (uint32_t i = a->bodies.count; i-- > 0 && !status;) {
        ww_names_init(&l.names, in->flow->allocator, in->flow->hash_key, UINT32_MAX / 8);
        status = lift_body(&l, &df_body_at(a, i)->function);
        ww_names_deinit(&l.names);
    }
    for (uint32_t i = 0; i < a->functions.count && !status; i++)
        if (df_functions(a)[i].bodies.count) status = lift_nodes(&l, df_functions(a)[i].nodes);
    return status;
}
