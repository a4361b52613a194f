/* One function becomes a graph: names become sites, nodes operations, and each finds what runs it.
 *
 * A name that several nodes write (compilers give the gates they add the same output names) is read
 * by as many nodes: the n-th reader reads what the n-th writer wrote. */
#include "dataflow/installer.h"
#include <stdio.h>

#define ROOT "ai.bytesandbrains"

enum { NEVER = UINT32_MAX }; /* of needs: started by other means than its inputs */

static ww_status no_memory(df_installer *in)
{
    return df_install_error(in, WW_E_MEMORY, "no memory");
}

static ww_status bad_node(df_installer *in, const df_node *node, ww_status status, const char *what,
                          ww_view name)
{
    return df_install_error(in, status, "offset %zu: node %u of \"%.*s\" (%.*s): %s \"%.*s\"",
                            node->offset, in->op, WW_VIEW_ARG(in->graph->function->name),
                            WW_VIEW_ARG(node->op_type), what, WW_VIEW_ARG(name));
}

/* --- sites ------------------------------------------------------------------------------------ */

static ww_status allocate(df_installer *in, const df_function *f, uint32_t output_names)
{
    df_graph *g = in->graph;
    ww_arena *m = &in->unit->memory;
    const df_artifact *a = &in->unit->artifact;
    const df_node *nodes = df_nodes(a, f->nodes);
    uint32_t inputs = 0;
    for (uint32_t i = 0; i < f->nodes.count; i++)
        inputs += nodes[i].inputs.count;
    uint32_t sites = output_names + f->inputs.count;
    g->op_count = f->nodes.count;
    g->formal_count = f->inputs.count;
    g->output_count = f->outputs.count;
    g->ops = ww_arena_array(m, g->op_count, sizeof *g->ops);
    g->sites = ww_arena_array(m, sites, sizeof *g->sites);
    g->in_sites = ww_arena_array(m, inputs, sizeof *g->in_sites);
    g->consumers = ww_arena_array(m, inputs, sizeof *g->consumers);
    g->out_sites = ww_arena_array(m, output_names, sizeof *g->out_sites);
    g->out_ids = ww_arena_array(m, output_names, sizeof *g->out_ids);
    g->formals = ww_arena_array(m, g->formal_count, sizeof *g->formals);
    g->formal_types = ww_arena_array(m, g->formal_count, sizeof *g->formal_types);
    g->outputs = ww_arena_array(m, g->output_count, sizeof *g->outputs);
    g->output_next = ww_arena_array(m, g->output_count, sizeof *g->output_next);
    g->needs = ww_arena_array(m, g->op_count, sizeof *g->needs);
    g->sources = ww_arena_array(m, g->op_count, sizeof *g->sources);
    g->special = ww_arena_array(m, g->op_count, sizeof *g->special);
    in->site_of_name = ww_arena_array(m, sites, sizeof *in->site_of_name);
    in->next_producer = NULL;
    in->declared = NULL;
    bool complete = g->ops && g->sites && g->in_sites && g->consumers && g->out_sites &&
                    g->out_ids && g->formals && g->formal_types && g->outputs && g->output_next &&
                    g->needs && g->sources && g->special && in->site_of_name;
    if (!complete || ww_names_reserve(&in->names, sites)) return no_memory(in);
    return WW_OK;
}

/* A second writer of a name gets a site of its own, chained to the one before. */
static ww_status add_duplicate(df_installer *in, uint32_t name, uint32_t sites_max)
{
    if (!in->next_producer) {
        in->next_producer = ww_arena_array(&in->unit->memory, sites_max, sizeof *in->next_producer);
        if (!in->next_producer) return no_memory(in);
        memset(in->next_producer, 0xff, sites_max * sizeof *in->next_producer);
    }
    uint32_t last = in->site_of_name[name];
    while (in->next_producer[last] != DF_NONE)
        last = in->next_producer[last];
    in->next_producer[last] = in->graph->site_count++;
    return WW_OK;
}

static ww_status mint_site(df_installer *in, ww_view name, uint32_t sites_max, uint32_t *site)
{
    uint32_t id, known = in->names.count;
    ww_status status = ww_names_intern_borrowed(&in->names, name, &id);
    if (status) return no_memory(in);
    *site = in->graph->site_count;
    if (id < known) return add_duplicate(in, id, sites_max);
    in->site_of_name[id] = in->graph->site_count++;
    return WW_OK;
}

static ww_status mint_outputs(df_installer *in, const df_function *f, uint32_t sites_max)
{
    df_graph *g = in->graph;
    const df_artifact *a = &in->unit->artifact;
    const df_node *nodes = df_nodes(a, f->nodes);
    uint32_t at = 0;
    for (uint32_t n = 0; n < f->nodes.count; n++) {
        g->ops[n].outputs_at = at;
        g->ops[n].output_count = (uint16_t)nodes[n].outputs.count;
        const ww_view *names = df_names(&a->outputs, nodes[n].outputs);
        for (uint32_t i = 0; i < nodes[n].outputs.count; i++, at++) {
            g->out_sites[at] = DF_NONE;
            if (!names[i].size) continue;
            ww_status status = mint_site(in, names[i], sites_max, &g->out_sites[at]);
            if (status) return status;
        }
    }
    return WW_OK;
}

static ww_status mint_formals(df_installer *in, const df_function *f, uint32_t sites_max)
{
    df_graph *g = in->graph;
    const ww_view *names = df_names(&in->unit->artifact.names, f->inputs);
    for (uint32_t i = 0; i < f->inputs.count; i++) {
        uint32_t id;
        if (ww_names_find(&in->names, names[i], &id))
            return df_install_error(in, WW_E_INVALID,
                                    "offset %zu: input \"%.*s\" of \"%.*s\" is written twice",
                                    f->offset, WW_VIEW_ARG(names[i]), WW_VIEW_ARG(f->name));
        ww_status status = mint_site(in, names[i], sites_max, &g->formals[i]);
        if (status) return status;
    }
    return WW_OK;
}

/* --- inputs and consumers --------------------------------------------------------------------- */

static ww_status resolve_input(df_installer *in, const df_node *node, ww_view name, uint32_t *site)
{
    *site = DF_NONE;
    if (!name.size) return WW_OK;
    uint32_t id;
    if (!ww_names_find(&in->names, name, &id))
        return bad_node(in, node, WW_E_INVALID, "nothing writes the value", name);
    *site = in->site_of_name[id];
    if (in->next_producer && in->next_producer[*site] != DF_NONE)
        in->site_of_name[id] =
            in->next_producer[*site]; /* the next reader reads the next writer's */
    return WW_OK;
}

static ww_status resolve_inputs(df_installer *in, const df_function *f)
{
    df_graph *g = in->graph;
    const df_artifact *a = &in->unit->artifact;
    const df_node *nodes = df_nodes(a, f->nodes);
    uint32_t at = 0;
    for (in->op = 0; in->op < f->nodes.count; in->op++) {
        const df_node *node = &nodes[in->op];
        df_op *op = &g->ops[in->op];
        op->inputs_at = at;
        op->input_count = (uint16_t)node->inputs.count;
        const ww_view *names = df_names(&a->inputs, node->inputs);
        for (uint32_t i = 0; i < node->inputs.count; i++, at++) {
            ww_status status = resolve_input(in, node, names[i], &g->in_sites[at]);
            if (status) return status;
            if (g->in_sites[at] == DF_NONE) continue;
            g->sites[g->in_sites[at]].consumer_count++;
            g->needs[in->op]++;
        }
    }
    return WW_OK;
}

static void fill_consumers(df_graph *g)
{
    uint32_t at = 0;
    for (uint32_t s = 0; s < g->site_count; s++) {
        g->sites[s].consumers_at = at;
        at += g->sites[s].consumer_count;
        g->sites[s].consumer_count = 0;
    }
    for (uint32_t n = 0; n < g->op_count; n++) {
        for (uint32_t i = 0; i < g->ops[n].input_count; i++) {
            uint32_t site = g->in_sites[g->ops[n].inputs_at + i];
            if (site == DF_NONE) continue;
            g->consumers[g->sites[site].consumers_at + g->sites[site].consumer_count++] = n;
        }
    }
}

static ww_status resolve_outputs(df_installer *in, const df_function *f)
{
    df_graph *g = in->graph;
    const ww_view *names = df_names(&in->unit->artifact.names, f->outputs);
    for (uint32_t i = 0; i < f->outputs.count; i++) {
        uint32_t id;
        g->outputs[i] = g->output_next[i] = DF_NONE;
        if (!ww_names_find(&in->names, names[i], &id))
            return df_install_error(in, WW_E_INVALID,
                                    "offset %zu: nothing writes output \"%.*s\" of \"%.*s\"",
                                    f->offset, WW_VIEW_ARG(names[i]), WW_VIEW_ARG(f->name));
        df_site *site = &g->sites[in->site_of_name[id]];
        g->outputs[i] = in->site_of_name[id];
        g->output_next[i] = site->output ? site->output - 1 : DF_NONE;
        site->output = i + 1;
    }
    return WW_OK;
}

/* --- what a node does ------------------------------------------------------------------------- */

static ww_view behind_root(ww_view domain)
{
    static const char root[] = ROOT;
    if (!ww_view_starts(domain, root)) return ww_view_of(NULL, 0);
    if (domain.size == sizeof root - 1) return ww_view_of(domain.data, 0);
    if (domain.data[sizeof root - 1] != '.') return ww_view_of(NULL, 0);
    return ww_view_of(domain.data + sizeof root, domain.size - sizeof root);
}

static ww_status new_arg(df_installer *in, const df_node *node, df_arg **out)
{
    df_arg *arg = ww_arena_alloc(&in->unit->memory, sizeof *arg);
    if (!arg) return no_memory(in);
    arg->artifact = &in->unit->artifact;
    arg->node = node;
    for (int i = 0; i < DF_PORTS_MAX; i++)
        arg->ports[i] = DF_NONE;
    *out = arg;
    return WW_OK;
}

/* The input that feeds a named port: `input.<port>` metadata, else the value of that name, else by
 * position. */
static uint32_t port_input(df_installer *in, const df_node *node, const char *port,
                           uint32_t position)
{
    char key[64];
    snprintf(key, sizeof key, ROOT ".input.%s", port);
    const df_artifact *a = &in->unit->artifact;
    ww_view named = df_metadata_find(a, node->metadata, key);
    const ww_view *names = df_names(&a->inputs, node->inputs);
    for (uint32_t i = 0; i < node->inputs.count; i++)
        if (named.data ? ww_view_equal(names[i], named) : ww_view_is(names[i], port)) return i;
    return position < node->inputs.count ? position : DF_NONE;
}

static ww_status use_row(df_installer *in, const df_node *node, const df_op_row *row, df_op *op)
{
    op->run = row->run;
    uint32_t *needs = &in->graph->needs[in->op];
    if (row->any_input && *needs > 1) *needs = 1;
    if (row->never_ready) *needs = NEVER;
    if (!row->prepare && !row->ports[0]) return WW_OK;
    df_arg *arg;
    ww_status status = new_arg(in, node, &arg);
    if (status) return status;
    for (uint32_t i = 0; i < DF_PORTS_MAX && row->ports[i]; i++)
        arg->ports[i] = port_input(in, node, row->ports[i], i);
    op->arg = arg;
    return row->prepare ? row->prepare(in, node, arg) : WW_OK;
}

static const df_component *component_at(const df_installer *in, uint32_t index)
{
    uint32_t old = in->flow->component_count;
    return index < old ? &in->flow->components[index] : &in->components[index - old];
}

static ww_status call_component(df_installer *in, const df_node *node, uint32_t component,
                                size_t function, df_op *op)
{
    df_arg *arg;
    ww_status status = new_arg(in, node, &arg);
    if (!status && df_is_tensor_op(node) && !in->inspecting)
        status = df_backend_prepare(in, node, arg);
    if (status) return status;
    if (!in->inspecting) arg->call = component_at(in, component)->type->calls.functions[function];
    op->arg = arg;
    op->component = component;
    op->run = df_run_component;
    return WW_OK;
}

static ww_status use_component(df_installer *in, const df_node *node, uint32_t component,
                               ww_flow_role role, df_op *op, bool *found)
{
    size_t function = df_contract_index(role, node->op_type);
    *found = function != SIZE_MAX &&
             (in->inspecting || component_at(in, component)->type->calls.functions[function]);
    return *found ? call_component(in, node, component, function, op) : WW_OK;
}

/* What a backend does not offer is the engine's. */
static ww_status use_backend(df_installer *in, const df_node *node, uint32_t component,
                             const df_op_row *row, df_op *op, bool *found)
{
    const ww_flow_component_type *type = component_at(in, component)->type;
    *found = in->inspecting ? !row
                            : type->offers && type->calls.backend.dispatch &&
                                  type->offers(component_at(in, component)->self, node->op_type);
    return *found ? call_component(in, node, component, 0, op) : WW_OK;
}

/* Graphs in attributes, and what is in them, are the engine's: a backend may answer later. */
static bool may_go_to_a_backend(const df_installer *in, const df_node *node, ww_flow_role role)
{
    const df_attribute *attributes = df_attributes(&in->unit->artifact, node->attributes);
    bool plain = role == WW_FLOW_ROLE_BACKEND && df_is_tensor_op(node) && !in->graph->held;
    for (uint32_t i = 0; plain && i < node->attributes.count; i++)
        plain = attributes[i].type != DF_ATTR_GRAPH;
    return plain;
}

static ww_status use_nothing(df_installer *in, const df_node *node, df_op *op)
{
    in->unresolved++;
    op->run = df_run_unresolved;
    if (!in->options->allow_unresolved)
        return bad_node(in, node, WW_E_UNSUPPORTED, "nothing offers this operation of domain",
                        node->domain);
    df_arg *arg;
    ww_status status = new_arg(in, node, &arg);
    op->arg = arg;
    return status;
}

static const df_op_row *find_row(const df_node *node)
{
    ww_view domain = behind_root(node->domain);
    if (domain.data) return df_find_syscall(domain, node->op_type);
    return df_is_tensor_op(node) ? df_find_tensor_op(node->op_type) : NULL;
}

static ww_status resolve_op(df_installer *in, const df_node *node, uint32_t owner)
{
    df_op *op = &in->graph->ops[in->op];
    op->component = op->callee = DF_NONE;
    const df_op_row *row = find_row(node);
    bool is_system_call = row && behind_root(node->domain).data;
    if (in->graph->held && (!row || is_system_call)) return use_nothing(in, node, op);
    if (is_system_call) return use_row(in, node, row, op);
    uint32_t function = df_callee_of(in, node);
    if (function != DF_NONE) {
        op->run = df_run_call;
        op->callee = in->graph_of[function]; /* callees are linked first */
        return WW_OK;
    }
    ww_flow_role role;
    uint32_t component = df_component_of(in, node, owner, &role);
    if (in->bad_slot.data)
        return bad_node(in, node, WW_E_INVALID, "no slot has the id", in->bad_slot);
    bool found = false;
    ww_status status = WW_OK;
    if (component != DF_NONE && may_go_to_a_backend(in, node, role))
        status = use_backend(in, node, component, row, op, &found);
    if (status || found) return status;
    if (row) {
        op->component = component;
        return use_row(in, node, row, op);
    }
    status = component == DF_NONE ? WW_OK : use_component(in, node, component, role, op, &found);
    return status || found ? status : use_nothing(in, node, op);
}

static ww_status resolve_ops(df_installer *in, const df_function *f, uint32_t owner)
{
    df_graph *g = in->graph;
    const df_node *nodes = df_nodes(&in->unit->artifact, f->nodes);
    for (in->op = 0; in->op < f->nodes.count; in->op++) {
        ww_status status = resolve_op(in, &nodes[in->op], owner);
        if (status) return status;
        if (!g->needs[in->op]) g->sources[g->source_count++] = in->op;
        if (g->needs[in->op] == NEVER) g->special[g->special_count++] = in->op;
    }
    return WW_OK;
}

/* --- declared types --------------------------------------------------------------------------- */

/* The opaque name where there is one: denotations were narrowed by name over all functions, and may
 * be another's. */
static ww_flow_value_type type_of_info(const df_value_info *info)
{
    return ww_flow_value_type_of_denotation(info->opaque_name.size ? info->opaque_name
                                                                   : info->denotation);
}

static ww_status declare_types(df_installer *in, const df_function *f)
{
    const df_value_info *infos = df_values(&in->unit->artifact, f->values);
    in->declared = ww_arena_array(&in->unit->memory, in->names.count, 1);
    if (!in->declared) return no_memory(in);
    for (uint32_t i = 0; i < f->values.count; i++) {
        uint32_t id;
        if (ww_names_find(&in->names, infos[i].name, &id))
            in->declared[id] = (uint8_t)type_of_info(&infos[i]);
    }
    return WW_OK;
}

ww_flow_value_type df_declared_type(df_installer *in, ww_view value)
{
    uint32_t id;
    if (!in->declared && declare_types(in, in->graph->function)) return WW_FLOW_NONE;
    return ww_names_find(&in->names, value, &id) ? (ww_flow_value_type)in->declared[id]
                                                 : WW_FLOW_NONE;
}

static void type_formals(df_installer *in, const df_function *f)
{
    const ww_view *names = df_names(&in->unit->artifact.names, f->inputs);
    for (uint32_t i = 0; i < f->inputs.count; i++)
        in->graph->formal_types[i] = (uint8_t)df_declared_type(in, names[i]);
}

static ww_status link_graph(df_installer *in, const df_function *f, uint32_t owner)
{
    const df_node *nodes = df_nodes(&in->unit->artifact, f->nodes);
    uint32_t outputs = 0;
    for (uint32_t i = 0; i < f->nodes.count; i++)
        outputs += nodes[i].outputs.count;
    uint32_t sites_max = outputs + f->inputs.count;
    ww_status status = allocate(in, f, outputs);
    if (!status) status = mint_outputs(in, f, sites_max);
    if (!status) status = mint_formals(in, f, sites_max);
    if (!status) status = resolve_inputs(in, f);
    if (status) return status;
    fill_consumers(in->graph);
    status = resolve_outputs(in, f);
    if (!status) status = resolve_ops(in, f, owner);
    if (!status) type_formals(in, f);
    return status;
}

/* The graph is in->graph, also after an error. */
static ww_status make_graph(df_installer *in, const df_function *f, bool held, uint32_t owner)
{
    df_graph *g = ww_arena_alloc(&in->unit->memory, sizeof *g);
    if (!g) return no_memory(in);
    g->function = f;
    g->unit = in->unit;
    g->held = held;
    in->graph = g;
    ww_names_init(&in->names, in->flow->allocator, in->flow->hash_key, UINT32_MAX / 8);
    ww_status status = link_graph(in, f, owner);
    ww_names_deinit(&in->names);
    g->frame_size = (uint32_t)(sizeof(df_frame) + g->site_count * sizeof(ww_flow_value) +
                               g->op_count * sizeof(uint32_t));
    return status;
}

/* Inner graphs stand behind outer ones, so the last comes first. */
static ww_status link_bodies(df_installer *in, const df_function *f, uint32_t owner)
{
    ww_status status = WW_OK;
    for (uint32_t i = f->bodies.count; i-- > 0 && !status;) {
        uint32_t body = f->bodies.first + i;
        status = make_graph(in, &df_body_at(&in->unit->artifact, body)->function, true, owner);
        if (status) break;
        in->bodies[body] = in->graph;
        in->graph->next_held = in->held;
        in->held = in->graph;
        in->graph = NULL;
    }
    return status;
}

ww_status df_link_function(df_installer *in, uint32_t function)
{
    const df_function *f = &df_functions(&in->unit->artifact)[function];
    ww_status status = link_bodies(in, f, in->owner[function]);
    if (!status) status = make_graph(in, f, false, in->owner[function]);
    if (status) return status;
    in->graph->bootstrap = df_is_bootstrap(in, function);
    in->graph->next_held = in->held;
    in->graphs[in->graph_of[function]] = in->graph;
    in->graph = in->held = NULL;
    return WW_OK;
}

/* --- touch sets ------------------------------------------------------------------------------- */

static void touch(df_installer *in, df_graph *g, uint32_t component)
{
    if (component == DF_NONE) return;
    uint64_t bit = 1ull << component % 64;
    if (g->touches[component / 64] & bit) return;
    g->touches[component / 64] |= bit;
    const df_component *c = component_at(in, component);
    for (uint32_t i = 0; i < c->depend_count; i++)
        touch(in, g, c->depends[i]); /* bounded by the bits */
}

static bool touch_slot(df_installer *in, df_graph *g, ww_view slot, uint32_t owner)
{
    for (uint32_t b = 0; b < in->binding_count; b++) {
        if (in->bindings[b].target != owner || !ww_view_equal(in->bindings[b].slot, slot)) continue;
        touch(in, g, in->bindings[b].component);
        return true;
    }
    return false;
}

static ww_status touch_declared(df_installer *in, df_graph *g, const df_node *node, uint32_t owner)
{
    const df_entry *entries = df_metadata(&in->unit->artifact, node->metadata);
    for (uint32_t i = 0; i < node->metadata.count; i++) {
        if (!ww_view_starts(entries[i].key, ROOT ".dep.")) continue;
        if (!touch_slot(in, g, entries[i].value, owner) && owner != DF_NONE)
            return df_install_error(
                in, WW_E_MISSING, "offset %zu: %.*s depends on slot \"%.*s\", which nothing binds",
                node->offset, WW_VIEW_ARG(node->op_type), WW_VIEW_ARG(entries[i].value));
    }
    return WW_OK;
}

static ww_status touch_nodes(df_installer *in, df_graph *g, df_range range, uint32_t owner,
                             uint32_t words)
{
    const df_node *nodes = df_nodes(&in->unit->artifact, range);
    for (uint32_t i = 0; i < range.count; i++) {
        ww_flow_role role;
        touch(in, g, df_component_of(in, &nodes[i], owner, &role));
        ww_status status = touch_declared(in, g, &nodes[i], owner);
        if (status) return status;
        uint32_t callee = df_callee_of(in, &nodes[i]);
        if (callee == DF_NONE) continue;
        const df_graph *c = in->graphs[in->graph_of[callee]];
        for (uint32_t w = 0; w < words; w++)
            g->touches[w] |= c->touches[w];
    }
    return WW_OK;
}

/* Callees come before callers in `order`, so one pass over all nodes does it. */
ww_status df_touch_sets(df_installer *in)
{
    uint32_t words = (in->component_count + 63) / 64;
    for (uint32_t i = 0; i < in->order_count; i++) {
        uint32_t function = in->order[i];
        const df_function *f = &df_functions(&in->unit->artifact)[function];
        df_graph *g = in->graphs[in->graph_of[function]];
        g->touches = ww_arena_array(&in->unit->memory, words, sizeof *g->touches);
        if (!g->touches) return no_memory(in);
        ww_status status = touch_nodes(in, g, f->nodes, in->owner[function], words);
        for (uint32_t b = 0; !status && b < f->bodies.count; b++) {
            const df_body *body = df_body_at(&in->unit->artifact, f->bodies.first + b);
            status = touch_nodes(in, g, body->function.nodes, in->owner[function], words);
        }
        if (status) return status;
        for (uint32_t w = 0; w < words; w++)
            g->touch_count += (uint32_t)__builtin_popcountll(g->touches[w]);
        g->touch_list = ww_arena_array(&in->unit->memory, g->touch_count, sizeof *g->touch_list);
        if (!g->touch_list) return no_memory(in);
    }
    return WW_OK;
}
