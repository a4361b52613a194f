#include "model.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t PREFIX_ID = 0xa0d3a1c5c1e0b6f1, NAME_ID = 0xc4b8f5a2d9e37105,
                      HEADER_ID = 0xd81e0c6f2a94b7e3, ARGUMENT_ID = 0x9b6e20d4f7183ca5;

char *model_text(model *m, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return size < 0 || (size_t)size >= sizeof text ? NULL
                                                   : ww_arena_text(&m->arena, text, (size_t)size);
}

char *model_upper(model *m, const char *name)
{
    char *upper = ww_arena_text(&m->arena, name, strlen(name));
    for (char *c = upper; c && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return upper;
}

/* A word starts at a capital after a small letter or digit, and at the last capital of a run: HTTPServer is
 * http_server. */
static bool starts_word(ww_view name, size_t i)
{
    if (i == 0 || !isupper(name.data[i])) return false;
    if (islower(name.data[i - 1]) || isdigit(name.data[i - 1])) return true;
    return isupper(name.data[i - 1]) && i + 1 < name.size && islower(name.data[i + 1]);
}

char *model_snake(model *m, ww_view name)
{
    char *out = ww_arena_alloc(&m->arena, name.size * 2 + 2), *to = out;
    if (!out) return NULL;
    if (name.size && isdigit(name.data[0])) *to++ = '_';
    for (size_t i = 0; i < name.size; i++) {
        if (starts_word(name, i)) *to++ = '_';
        *to++ = isalnum(name.data[i]) ? (char)tolower(name.data[i]) : '_';
    }
    return out;
}

static ww_view annotation_text(schema_annotation_l annotations, uint64_t id)
{
    for (uint32_t i = 0; i < annotations.list.count; i++) {
        schema_annotation_r a = schema_annotation_l_at(annotations, i);
        if (schema_annotation_id(a) == id) return schema_value_text(schema_annotation_value(a));
    }
    return (ww_view){0};
}

bool model_is_annotated(schema_annotation_l annotations, uint64_t id)
{
    for (uint32_t i = 0; i < annotations.list.count; i++)
        if (schema_annotation_id(schema_annotation_l_at(annotations, i)) == id) return true;
    return false;
}

char *model_member_name(model *m, schema_annotation_l annotations, ww_view name)
{
    ww_view own = annotation_text(annotations, NAME_ID);
    return model_snake(m, own.size ? own : name);
}

char *model_argument_name(model *m, schema_annotation_l annotations)
{
    ww_view name = annotation_text(annotations, ARGUMENT_ID);
    return name.size ? model_snake(m, name) : NULL;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = ((const node *)a)->id, y = ((const node *)b)->id;
    return x < y ? -1 : x > y;
}

static node *find(const model *m, uint64_t id)
{
    node key = {.id = id};
    return m->count ? bsearch(&key, m->nodes, m->count, sizeof key, by_id) : NULL;
}

const node *model_find(const model *m, uint64_t id)
{
    return find(m, id);
}

/* Everything after the last '/' and before the first '.'. */
static ww_view base_name(ww_view path)
{
    size_t start = path.size, end;
    while (start > 0 && path.data[start - 1] != '/')
        start--;
    for (end = start; end < path.size && path.data[end] != '.'; end++)
        continue;
    return ww_view_of(path.data + start, end - start);
}

static ww_status name_file(model *m, node *n)
{
    schema_annotation_l annotations = schema_node_annotations(n->view);
    ww_view prefix = annotation_text(annotations, PREFIX_ID);
    ww_view header = annotation_text(annotations, HEADER_ID);
    n->file = n;
    n->name = model_snake(m, prefix.size ? prefix : base_name(schema_node_display_name(n->view)));
    if (header.size) n->header = ww_arena_text(&m->arena, header.data, header.size);
    return n->name ? WW_OK : WW_E_MEMORY;
}

static ww_view short_name(const node *n)
{
    ww_view name = schema_node_display_name(n->view);
    uint32_t skip = schema_node_display_name_prefix_length(n->view);
    if (skip > name.size) skip = (uint32_t)name.size;
    return ww_view_of(name.data + skip, name.size - skip);
}

/* What a declaration is called after its scope's name. */
static const char *own_name(model *m, const node *n)
{
    if (n->role == NOT_OF_METHOD)
        return model_member_name(m, schema_node_annotations(n->view), short_name(n));
    schema_method_r method = schema_method_l_at(
        schema_node_interface_methods(schema_node_interface(n->scope->view)), n->method);
    const char *name =
        model_member_name(m, schema_method_annotations(method), schema_method_name(method));
    return name ? model_text(m, "%s_%s", name, n->role == PARAMS ? "params" : "results") : NULL;
}

/* Names the scopes outside in; a scope that is met while it is being named is a cycle. */
static ww_status name_node(model *m, node *n, ww_diag *diag)
{
    node *chain[SCOPES_MAX];
    size_t depth = 0;
    for (node *at = n; at->naming != NAMED; at = find(m, at->scope->id)) {
        if (at->naming == NAMING || depth == SCOPES_MAX)
            return ww_fail(diag, WW_E_INVALID, "node %016llx: its scopes do not end",
                           (unsigned long long)n->id);
        at->naming = NAMING;
        chain[depth++] = at;
        if (schema_node_which(at->view) == SCHEMA_NODE_IS_FILE) break;
        if (!at->scope)
            return ww_fail(diag, WW_E_INVALID, "node %016llx: its scope is missing",
                           (unsigned long long)at->id);
    }
    while (depth) {
        node *at = chain[--depth];
        if (schema_node_which(at->view) == SCHEMA_NODE_IS_FILE) {
            if (name_file(m, at)) return WW_E_MEMORY;
        } else {
            const char *own = own_name(m, at);
            at->file = at->scope->file;
            at->name = own ? model_text(m, "%s_%s", at->scope->name, own) : NULL;
        }
        at->upper = at->name ? model_upper(m, at->name) : NULL;
        if (!at->upper) return ww_fail(diag, WW_E_MEMORY, "out of memory, or a name is too long");
        at->naming = NAMED;
    }
    return WW_OK;
}

/* Structs that a method declared in place have no scope of their own: they belong to the interface. */
static void adopt_method_structs(model *m, node *interface)
{
    schema_method_l methods = schema_node_interface_methods(schema_node_interface(interface->view));
    for (uint32_t i = 0; i < methods.list.count && i <= UINT16_MAX; i++) {
        schema_method_r method = schema_method_l_at(methods, i);
        node *params = find(m, schema_method_param_struct_type(method));
        node *results = find(m, schema_method_result_struct_type(method));
        for (int role = PARAMS; role <= RESULTS; role++) {
            node *n = role == PARAMS ? params : results;
            if (!n || schema_node_scope_id(n->view) ||
                schema_node_which(n->view) != SCHEMA_NODE_IS_STRUCT)
                continue;
            n->scope = interface;
            n->method = (uint16_t)i;
            n->role = role;
        }
    }
}

static void attach_docs(model *m)
{
    schema_node_source_info_l infos = schema_code_generator_request_source_info(m->request);
    for (uint32_t i = 0; i < infos.list.count; i++) {
        schema_node_source_info_r info = schema_node_source_info_l_at(infos, i);
        node *n = find(m, schema_node_source_info_id(info));
        if (n) n->doc = info;
    }
}

static bool has_c(const node *n)
{
    unsigned which = schema_node_which(n->view);
    return which != SCHEMA_NODE_IS_FILE && which != SCHEMA_NODE_IS_ANNOTATION;
}

/* Two declarations that come to the same C name stand next to each other. */
static int by_name(const void *a, const void *b)
{
    const node *x = *(node *const *)a, *y = *(node *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : by_id(x, y);
}

static ww_status part_equal_names(model *m, ww_diag *diag)
{
    node **sorted = ww_arena_array(&m->arena, m->count + 1, sizeof *sorted);
    if (!sorted) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        if (has_c(&m->nodes[i])) sorted[count++] = &m->nodes[i];
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count; i++)
        if (sorted[i]->file == sorted[i - 1]->file &&
            strcmp(sorted[i]->name, sorted[i - 1]->name) == 0)
            return ww_fail(diag, WW_E_INVALID,
                           "%s is the C name of two declarations: give one a $name",
                           sorted[i]->name);
    return WW_OK;
}

static ww_status index_nodes(model *m, ww_diag *diag)
{
    schema_node_l nodes = schema_code_generator_request_nodes(m->request);
    m->nodes = ww_arena_array(&m->arena, nodes.list.count + 1u, sizeof *m->nodes);
    if (!m->nodes) return ww_fail(diag, WW_E_MEMORY, "out of memory");
    for (uint32_t i = 0; i < nodes.list.count; i++) {
        schema_node_r view = schema_node_l_at(nodes, i);
        m->nodes[m->count++] = (node){.id = schema_node_id(view), .view = view};
    }
    qsort(m->nodes, m->count, sizeof *m->nodes, by_id);
    for (size_t i = 0; i < m->count; i++) {
        node *n = &m->nodes[i];
        if (i && n->id == n[-1].id) return ww_fail(diag, WW_E_INVALID, "a node id stands twice");
        if (schema_node_which(n->view) == SCHEMA_NODE_IS_INTERFACE) adopt_method_structs(m, n);
        if (!n->scope && schema_node_scope_id(n->view))
            n->scope = find(m, schema_node_scope_id(n->view));
    }
    return WW_OK;
}

ww_status model_init(model *m, ww_capnp_message *message, const ww_allocator *allocator,
                     ww_diag *diag)
{
    *m = (model){.request = schema_code_generator_request_from(ww_capnp_message_root(message))};
    ww_arena_init(&m->arena, allocator, (size_t)256 << 20);
    ww_status status = index_nodes(m, diag);
    for (size_t i = 0; i < m->count && !status; i++)
        status = name_node(m, &m->nodes[i], diag);
    if (!status) status = part_equal_names(m, diag);
    attach_docs(m);
    return status ? status : ww_capnp_message_check(message, diag);
}

void model_deinit(model *m)
{
    ww_arena_deinit(&m->arena);
}
