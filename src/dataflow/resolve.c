/* What an install is about: which functions, on behalf of which target, with which components. */
#include "dataflow/installer.h"
#include <stdio.h>

#define ROOT "ai.bytesandbrains"

enum { BINDINGS_MAX = 4096, NAMES_TIMES_TARGETS_MAX = 1 << 20 };

static const df_function *function_at(const df_installer *in, uint32_t index)
{
    return &df_functions(&in->unit->artifact)[index];
}

static ww_view until(ww_view text, char stop)
{
    const uint8_t *at = text.size ? memchr(text.data, stop, text.size) : NULL;
    return at ? ww_view_of(text.data, (size_t)(at - text.data)) : text;
}

static ww_view behind(ww_view text, size_t skip)
{
    return ww_view_of(text.data + skip, text.size - skip);
}

/* --- targets ---------------------------------------------------------------------------------- */

static ww_status check_passport(df_installer *in)
{
    const df_artifact *a = &in->unit->artifact;
    ww_view passport = df_metadata_find(a, a->metadata, ROOT ".compiled");
    if (!passport.data)
        return df_install_error(in, WW_E_INVALID, "NotCompiled: no \"" ROOT ".compiled\" metadata");
    if (!ww_view_is(passport, "v1"))
        return df_install_error(in, WW_E_UNSUPPORTED,
                                "IncompatibleCompiledVersion: \"%.*s\", not \"v1\"",
                                WW_VIEW_ARG(passport));
    ww_view version = df_metadata_find(a, a->metadata, ROOT ".ir_version");
    if (version.data && !ww_view_is(version, "1"))
        return df_install_error(in, WW_E_UNSUPPORTED, "ir_version \"%.*s\", not \"1\"",
                                WW_VIEW_ARG(version));
    return WW_OK;
}

static bool matches_target(ww_view function, ww_view target, bool exactly)
{
    if (exactly) return ww_view_equal(function, target);
    return function.size > target.size && function.data[target.size] == '#' &&
           memcmp(function.data, target.data, target.size) == 0;
}

static uint32_t find_target(const df_installer *in, ww_view target)
{
    uint32_t count = in->unit->artifact.functions.count;
    for (int exactly = 1; exactly >= 0; exactly--)
        for (uint32_t i = 0; i < count; i++)
            if (matches_target(function_at(in, i)->name, target, exactly)) return i;
    return DF_NONE;
}

static ww_status unknown_target(df_installer *in, ww_view target)
{
    char known[256];
    int used = 0;
    for (uint32_t i = 0; i < in->unit->artifact.functions.count && used < (int)sizeof known; i++)
        if (!df_is_bootstrap(in, i))
            used += snprintf(known + used, sizeof known - (size_t)used, "%s\"%.*s\"",
                             used ? ", " : "", WW_VIEW_ARG(function_at(in, i)->name));
    return df_install_error(in, WW_E_NOT_FOUND, "UnknownTarget: \"%.*s\"; available: %s",
                            WW_VIEW_ARG(target), used ? known : "none");
}

bool df_is_bootstrap(const df_installer *in, uint32_t function)
{
    const df_artifact *a = &in->unit->artifact;
    return ww_view_is(
        df_metadata_find(a, function_at(in, function)->metadata, ROOT ".module_phase"),
        "bootstrap");
}

static ww_status resolve_target(df_installer *in, uint32_t i)
{
    ww_view target = in->options->targets[i];
    uint32_t function = find_target(in, target);
    if (function == DF_NONE) return unknown_target(in, target);
    ww_view name = function_at(in, function)->name;
    if (df_is_bootstrap(in, function))
        return df_install_error(in, WW_E_INVALID, "target \"%.*s\" is a bootstrap, not a module",
                                WW_VIEW_ARG(name));
    if (memchr(name.data, '.', name.size))
        return df_install_error(in, WW_E_INVALID, "module name \"%.*s\" contains a dot",
                                WW_VIEW_ARG(name));
    for (uint32_t j = 0; j < i; j++)
        if (in->target_functions[j] == function)
            return df_install_error(in, WW_E_EXISTS, "target \"%.*s\" is given twice",
                                    WW_VIEW_ARG(name));
    in->target_functions[i] = function;
    return WW_OK;
}

/* Domain, name and overload with a 0 between them, into as many bytes as function_key_size says. */
static size_t function_key_size(ww_view domain, ww_view name, ww_view overload)
{
    return domain.size + name.size + overload.size + 2;
}

static void put_function_key(ww_view domain, ww_view name, ww_view overload, uint8_t *out)
{
    ww_view parts[] = {domain, name, overload};
    for (int i = 0; i < 3; i++) {
        if (parts[i].size) memcpy(out, parts[i].data, parts[i].size);
        out += parts[i].size;
        if (i < 2) *out++ = 0;
    }
}

static ww_status key_of_function(df_installer *in, const df_function *f, uint32_t *id)
{
    size_t size = function_key_size(f->domain, f->name, f->overload);
    uint8_t *key = ww_arena_alloc(&in->unit->memory, size);
    if (!key) return df_install_error(in, WW_E_MEMORY, "no memory");
    put_function_key(f->domain, f->name, f->overload, key);
    ww_status status = ww_names_intern_borrowed(&in->function_keys, ww_view_of(key, size), id);
    return status ? df_install_error(in, status, "no memory") : WW_OK;
}

static ww_status index_functions(df_installer *in)
{
    uint32_t count = in->unit->artifact.functions.count, id;
    ww_names_init(&in->function_keys, in->flow->allocator, in->flow->hash_key, UINT32_MAX / 8);
    for (uint32_t i = 0; i < count; i++) {
        const df_function *f = function_at(in, i);
        if (!f->name.size)
            return df_install_error(in, WW_E_INVALID, "offset %zu: function without a name",
                                    f->offset);
        ww_status status = key_of_function(in, f, &id);
        if (status) return status;
        if (id != i)
            return df_install_error(in, WW_E_INVALID,
                                    "offset %zu: function \"%.*s\" is defined twice", f->offset,
                                    WW_VIEW_ARG(f->name));
    }
    return WW_OK;
}

ww_status df_resolve_targets(df_installer *in)
{
    ww_status status = check_passport(in);
    if (!status) status = index_functions(in);
    if (status) return status;
    if (!in->options->target_count)
        return df_install_error(in, WW_E_USAGE, "EmptyTargets: name at least one target");
    in->target_functions =
        ww_arena_array(&in->unit->memory, in->options->target_count, sizeof *in->target_functions);
    if (!in->target_functions) return df_install_error(in, WW_E_MEMORY, "no memory");
    for (uint32_t i = 0; i < in->options->target_count && !status; i++)
        status = resolve_target(in, i);
    return status;
}

/* --- bindings: which component a target's slot means ------------------------------------------ */

bool df_role_of(ww_view name, ww_flow_role *role)
{
    static const char *const names[] = {
#define ROLE_NAME(id, name, domain) name,
        WW_FLOW_ROLE_LIST(ROLE_NAME)
#undef ROLE_NAME
    };
    for (size_t i = 0; i < WW_COUNT_OF(names); i++) {
        if (!ww_view_is(name, names[i])) continue;
        *role = (ww_flow_role)i;
        return true;
    }
    return false;
}

static bool parse_decimal(ww_view text, int64_t *out)
{
    bool negative = text.size && text.data[0] == '-';
    ww_view digits = negative ? behind(text, 1) : text;
    if (!digits.size || digits.size > 10) return false;
    int64_t value = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') return false;
        value = value * 10 + (digits.data[i] - '0');
    }
    *out = negative ? -value : value;
    return value <= UINT32_MAX;
}

/* `Role|TYPE|slot id`; the type may itself hold anything. */
static ww_status parse_binding(df_installer *in, ww_view slot, ww_view value, df_binding *out)
{
    ww_view role = until(value, '|');
    const uint8_t *last = value.size ? memrchr(value.data, '|', value.size) : NULL;
    if (role.size == value.size || last == value.data + role.size)
        return df_install_error(in, WW_E_INVALID, "binding of slot \"%.*s\" is not Role|Type|id",
                                WW_VIEW_ARG(slot));
    size_t type_at = role.size + 1, id_at = (size_t)(last - value.data) + 1;
    out->slot = slot;
    out->type_name = ww_view_of(value.data + type_at, id_at - 1 - type_at);
    if (!df_role_of(role, &out->role))
        return df_install_error(in, WW_E_INVALID, "binding of slot \"%.*s\": unknown role \"%.*s\"",
                                WW_VIEW_ARG(slot), WW_VIEW_ARG(role));
    if (!parse_decimal(behind(value, id_at), &out->slot_id) || out->slot_id < -1)
        return df_install_error(in, WW_E_INVALID, "binding of slot \"%.*s\": bad slot id",
                                WW_VIEW_ARG(slot));
    return WW_OK;
}

static ww_view short_type(ww_view type)
{
    for (size_t at = type.size; at >= 2; at--)
        if (type.data[at - 1] == ':' && type.data[at - 2] == ':') return behind(type, at);
    return type;
}

static const ww_flow_component_type *find_type(const ww_dataflow *flow, ww_view name)
{
    for (size_t i = 0; i < flow->type_count; i++)
        if (ww_view_is(name, flow->types[i]->name)) return flow->types[i];
    for (size_t i = 0; i < flow->type_count; i++)
        if (ww_view_is(short_type(name), flow->types[i]->name)) return flow->types[i];
    return NULL;
}

static const ww_dataflow_slot *slot_option(const df_installer *in, ww_view slot)
{
    for (size_t i = 0; i < in->options->slot_count; i++)
        if (ww_view_equal(in->options->slots[i].slot, slot)) return &in->options->slots[i];
    return NULL;
}

static df_component *component_at(const df_installer *in, uint32_t index)
{
    uint32_t old = in->flow->component_count;
    return index < old ? &in->flow->components[index] : &in->components[index - old];
}

static uint32_t component_of_slot(const df_installer *in, ww_view slot)
{
    for (uint32_t i = 0; i < in->component_count; i++)
        if (ww_view_equal(component_at(in, i)->slot, slot)) return i;
    return DF_NONE;
}

static ww_status keep_config(df_installer *in, const ww_dataflow_slot *option, df_component *c)
{
    if (!option || !option->config.size) return WW_OK;
    uint8_t *copy = ww_arena_alloc(&in->unit->memory, option->config.size);
    if (!copy) return WW_E_MEMORY;
    memcpy(copy, option->config.data, option->config.size);
    c->config = ww_view_of(copy, option->config.size);
    return WW_OK;
}

static ww_status make(const df_installer *in, const ww_flow_component_type *type,
                      const ww_dataflow_slot *option, df_component *c, ww_diag *diag)
{
    ww_view state = {NULL, 0};
    if (in->states && option) state = in->states[option - in->options->slots];
    if (state.data && type->restore)
        return type->restore(type, c->slot, c->config, state, &c->self, diag);
    return type->construct ? type->construct(type, c->slot, c->config, &c->self, diag) : WW_OK;
}

static ww_status construct(df_installer *in, const df_binding *binding, df_component *c)
{
    const ww_dataflow_slot *option = slot_option(in, binding->slot);
    ww_view name = option && option->type.size ? option->type : binding->type_name;
    *c = (df_component){.slot = binding->slot,
                        .type_name = binding->type_name,
                        .depends = NULL,
                        .parked_first = DF_NONE,
                        .parked_last = DF_NONE};
    if (in->inspecting) return WW_OK;
    const ww_flow_component_type *type = find_type(in->flow, name);
    if (!type)
        return df_install_error(in, WW_E_MISSING,
                                "UnregisteredConcrete: slot \"%.*s\" needs component \"%.*s\"",
                                WW_VIEW_ARG(binding->slot), WW_VIEW_ARG(name));
    if (type->role != binding->role)
        return df_install_error(in, WW_E_MISMATCH,
                                "slot \"%.*s\": component \"%s\" has another role",
                                WW_VIEW_ARG(binding->slot), type->name);
    ww_diag diag = {0};
    ww_status status = keep_config(in, option, c);
    if (!status) status = make(in, type, option, c, &diag);
    if (status)
        return df_install_error(in, status,
                                "ConstructionFailed: slot \"%.*s\", component \"%s\": %s",
                                WW_VIEW_ARG(binding->slot), type->name,
                                diag.text[0] ? diag.text : ww_status_text(status));
    c->type = type;
    return WW_OK;
}

static ww_status check_conflicts(df_installer *in, const df_binding *binding)
{
    for (uint32_t i = 0; i < in->binding_count; i++) {
        const df_binding *other = &in->bindings[i];
        if (!ww_view_equal(other->slot, binding->slot)) continue;
        if (other->target == binding->target || other->role != binding->role ||
            !ww_view_equal(other->type_name, binding->type_name))
            return df_install_error(in, WW_E_EXISTS,
                                    "SlotBindingConflict: slot \"%.*s\" is bound twice",
                                    WW_VIEW_ARG(binding->slot));
    }
    return WW_OK;
}

/* One slot name is one component, for all targets and installs. */
static ww_status bind(df_installer *in, df_binding *binding)
{
    binding->component = component_of_slot(in, binding->slot);
    if (binding->component != DF_NONE) {
        const df_component *c = component_at(in, binding->component);
        bool fits = !c->type || (c->type->role == binding->role &&
                                 ww_view_equal(c->type_name, binding->type_name));
        return fits ? WW_OK
                    : df_install_error(in, WW_E_EXISTS,
                                       "SlotBindingConflict: slot \"%.*s\" holds another component",
                                       WW_VIEW_ARG(binding->slot));
    }
    ww_status status =
        construct(in, binding, &in->components[in->component_count - in->flow->component_count]);
    if (!status) binding->component = in->component_count++;
    return status;
}

/* A misspelt slot would leave the component that was meant out. */
static ww_status check_slot_options(df_installer *in)
{
    for (size_t i = 0; i < in->options->slot_count; i++) {
        ww_view slot = in->options->slots[i].slot;
        bool found = false;
        for (uint32_t k = 0; k < in->binding_count && !found; k++)
            found = ww_view_equal(in->bindings[k].slot, slot);
        if (!found)
            return df_install_error(in, WW_E_MISSING,
                                    "UnknownSlot: no installed module has a slot \"%.*s\"",
                                    WW_VIEW_ARG(slot));
    }
    return WW_OK;
}

static ww_status bindings_of_target(df_installer *in, uint32_t target)
{
    static const char prefix[] = ROOT ".binding.";
    const df_artifact *a = &in->unit->artifact;
    const df_entry *entries = df_metadata(a, a->metadata);
    ww_view name = function_at(in, in->target_functions[target])->name;
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < a->metadata.count && !status; i++) {
        if (!ww_view_starts(entries[i].key, prefix)) continue;
        ww_view rest = behind(entries[i].key, sizeof prefix - 1);
        ww_view of = until(rest, '.');
        if (of.size == rest.size || !ww_view_equal(of, name)) continue;
        df_binding binding = {.target = target};
        status = parse_binding(in, behind(rest, of.size + 1), entries[i].value, &binding);
        if (!status && in->binding_count == BINDINGS_MAX)
            status = df_install_error(in, WW_E_LIMIT, "more than %d bindings", BINDINGS_MAX);
        if (!status) status = check_conflicts(in, &binding);
        if (!status) in->bindings[in->binding_count++] = binding;
    }
    return status;
}

static ww_status resolve_dependencies(df_installer *in)
{
    for (uint32_t i = in->flow->component_count; i < in->component_count; i++) {
        df_component *c = component_at(in, i);
        size_t count = c->type ? c->type->dependency_count : 0;
        c->depends = ww_arena_array(&in->unit->memory, count, sizeof *c->depends);
        if (!c->depends) return df_install_error(in, WW_E_MEMORY, "no memory");
        for (size_t k = 0; k < count; k++) {
            uint32_t on = component_of_slot(in, ww_view_str(c->type->dependencies[k].slot));
            if (on == DF_NONE)
                return df_install_error(in, WW_E_MISSING,
                                        "slot \"%.*s\" depends on slot \"%s\", which nothing binds",
                                        WW_VIEW_ARG(c->slot), c->type->dependencies[k].slot);
            c->depends[c->depend_count++] = on;
        }
    }
    return WW_OK;
}

ww_status df_resolve_bindings(df_installer *in)
{
    const df_artifact *a = &in->unit->artifact;
    size_t most = (size_t)a->metadata.count * in->options->target_count;
    if (most > NAMES_TIMES_TARGETS_MAX)
        return df_install_error(in, WW_E_LIMIT, "too many bindings");
    in->bindings = ww_arena_array(&in->unit->memory, most, sizeof *in->bindings);
    in->components = ww_arena_array(&in->unit->memory, a->metadata.count, sizeof *in->components);
    if (!in->bindings || !in->components) return df_install_error(in, WW_E_MEMORY, "no memory");
    in->component_count = in->flow->component_count;
    ww_status status = WW_OK;
    for (uint32_t i = 0; i < in->options->target_count && !status; i++)
        status = bindings_of_target(in, i);
    if (!status) status = check_slot_options(in);
    for (uint32_t i = 0; i < in->binding_count && !status; i++)
        status = bind(in, &in->bindings[i]);
    return status ? status : resolve_dependencies(in);
}

bool df_is_tensor_op(const df_node *node)
{
    return !node->domain.size || ww_view_is(node->domain, "ai.onnx");
}

/* The role that a node asks for decides; the slot id only between several bindings of one role,
 * because compilers number the slots of bodies and bootstraps separately. */
uint32_t df_component_of(df_installer *in, const df_node *node, uint32_t owner, ww_flow_role *role)
{
    const df_artifact *a = &in->unit->artifact;
    ww_view trait = {NULL, 0}, id_text = {NULL, 0}, concrete = {NULL, 0};
    const df_entry *entries = df_metadata(a, node->metadata);
    for (uint32_t i = 0; i < node->metadata.count; i++) {
        if (ww_view_is(entries[i].key, ROOT ".required_trait")) trait = entries[i].value;
        if (ww_view_is(entries[i].key, ROOT ".slot_id")) id_text = entries[i].value;
        if (ww_view_is(entries[i].key, ROOT ".concrete_type")) concrete = entries[i].value;
    }
    static const char runtime[] = "Runtime";
    bool by_role =
        trait.size > sizeof runtime - 1 &&
        memcmp(trait.data + trait.size - sizeof runtime + 1, runtime, sizeof runtime - 1) == 0 &&
        df_role_of(ww_view_of(trait.data, trait.size - sizeof runtime + 1), role);
    if (!trait.data && !id_text.data && ww_view_starts(node->domain, ROOT ".protocol")) {
        *role = WW_FLOW_ROLE_PROTOCOL; /* compilers write neither of the two for these */
        by_role = true;
    }
    if (!trait.data && !id_text.data && df_is_tensor_op(node)) {
        *role = WW_FLOW_ROLE_BACKEND; /* of the module, if it has one */
        by_role = true;
    }
    int64_t id = -1;
    bool by_id = id_text.data && parse_decimal(id_text, &id) && id >= 0;
    const df_binding *best = NULL;
    bool asks = by_role || by_id || concrete.data;
    for (uint32_t i = 0; asks && i < in->binding_count; i++) {
        const df_binding *b = &in->bindings[i];
        if (b->target != owner || (by_role && b->role != *role)) continue;
        bool id_fits = by_id && b->slot_id == id;
        bool type_fits = concrete.data && ww_view_equal(b->type_name, concrete);
        if (!by_role && !id_fits && !type_fits) continue;
        if (!best || (id_fits && best->slot_id != id) || type_fits) best = b;
    }
    bool misses = !by_id || (!by_role && !best);
    in->bad_slot = id_text.data && misses ? id_text : ww_view_of(NULL, 0);
    if (best) *role = best->role;
    return best ? best->component : DF_NONE;
}

/* --- functions -------------------------------------------------------------------------------- */

static uint32_t find_function(const df_installer *in, ww_view domain, ww_view name,
                              ww_view overload)
{
    uint8_t key[2048];
    uint32_t id;
    size_t size = function_key_size(domain, name, overload);
    if (size > sizeof key) return DF_NONE;
    put_function_key(domain, name, overload, key);
    return ww_names_find(&in->function_keys, ww_view_of(key, size), &id) ? id : DF_NONE;
}

uint32_t df_callee_of(const df_installer *in, const df_node *node)
{
    if (!ww_view_is(node->domain, ROOT ".module")) return DF_NONE;
    uint32_t exact = find_function(in, node->domain, node->op_type, node->overload);
    return exact != DF_NONE ? exact
                            : find_function(in, ww_view_of(NULL, 0), node->op_type, node->overload);
}

/* One function on the path from the root, and how far its nodes have been looked at. */
typedef struct visit {
    uint32_t function, node, body;
} visit;

typedef struct walk {
    df_installer *in;
    visit *path;
    uint32_t depth, owner;
    uint8_t *color; /* 0 new, 1 on the path, 2 done */
} walk;

static ww_status enter(walk *w, uint32_t function)
{
    df_installer *in = w->in;
    if (w->depth >= in->flow->limits.call_depth_max)
        return df_install_error(in, WW_E_LIMIT, "calls nested deeper than %u, at function \"%.*s\"",
                                in->flow->limits.call_depth_max,
                                WW_VIEW_ARG(function_at(in, function)->name));
    w->color[function] = 1;
    in->owner[function] = w->owner;
    w->path[w->depth++] = (visit){.function = function};
    return WW_OK;
}

/* The next node of the function or of the graphs in its attributes, or NULL. */
static const df_node *next_node(const df_artifact *a, visit *v)
{
    const df_function *f = &df_functions(a)[v->function];
    if (v->node < f->nodes.count) return &df_nodes(a, f->nodes)[v->node++];
    uint32_t in_function = f->nodes.count;
    while (v->body < f->bodies.count) {
        df_range nodes = df_body_at(a, f->bodies.first + v->body)->function.nodes;
        if (v->node - in_function < nodes.count)
            return &df_nodes(a, nodes)[v->node++ - in_function];
        v->body++;
        v->node = in_function;
    }
    return NULL;
}

static ww_status follow(walk *w, const df_node *node)
{
    df_installer *in = w->in;
    if (!ww_view_is(node->domain, ROOT ".module")) return WW_OK;
    uint32_t callee = df_callee_of(in, node);
    if (callee == DF_NONE)
        return df_install_error(in, WW_E_INVALID,
                                "offset %zu: call of \"%.*s\", which is not in the artifact",
                                node->offset, WW_VIEW_ARG(node->op_type));
    if (w->color[callee] == 1)
        return df_install_error(in, WW_E_INVALID,
                                "offset %zu: function \"%.*s\" calls itself by way of \"%.*s\"",
                                node->offset, WW_VIEW_ARG(function_at(in, callee)->name),
                                WW_VIEW_ARG(function_at(in, w->path[w->depth - 1].function)->name));
    return w->color[callee] ? WW_OK : enter(w, callee);
}

static ww_status walk_from(walk *w, uint32_t function, uint32_t owner)
{
    if (w->color[function]) return WW_OK;
    w->owner = owner;
    ww_status status = enter(w, function);
    while (!status && w->depth) {
        visit *v = &w->path[w->depth - 1];
        const df_node *node = next_node(&w->in->unit->artifact, v);
        if (node) {
            status = follow(w, node);
            continue;
        }
        w->color[v->function] = 2;
        w->in->order[w->in->order_count++] = v->function;
        w->depth--;
    }
    return status;
}

static ww_view base_name(ww_view name)
{
    return until(name, '#');
}

static bool is_bootstrap_of(ww_view bootstrap, ww_view module)
{
    static const char suffix[] = "__bootstrap";
    ww_view base = base_name(module);
    return bootstrap.size == base.size + sizeof suffix - 1 &&
           memcmp(bootstrap.data, base.data, base.size) == 0 &&
           memcmp(bootstrap.data + base.size, suffix, sizeof suffix - 1) == 0;
}

/* The target whose bootstrap this is; all functions are asked, so that the bootstrap of a module
 * that is not being installed is told from one that belongs to nobody. */
static bool belongs_elsewhere(const df_installer *in, uint32_t bootstrap)
{
    ww_view name = function_at(in, bootstrap)->name;
    for (uint32_t i = 0; i < in->unit->artifact.functions.count; i++)
        if (is_bootstrap_of(name, function_at(in, i)->name)) return true;
    return false;
}

uint32_t df_bootstrap_of_target(const df_installer *in, uint32_t target)
{
    ww_view module = function_at(in, in->target_functions[target])->name;
    for (uint32_t i = 0; i < in->unit->artifact.functions.count; i++)
        if (is_bootstrap_of(function_at(in, i)->name, module) && df_is_bootstrap(in, i)) return i;
    return DF_NONE;
}

static ww_status walk_bootstraps(walk *w)
{
    df_installer *in = w->in;
    ww_status status = WW_OK;
    for (uint32_t t = 0; t < in->options->target_count && !status; t++) {
        uint32_t bootstrap = df_bootstrap_of_target(in, t);
        if (bootstrap != DF_NONE) status = walk_from(w, bootstrap, t);
    }
    for (uint32_t i = 0; i < in->unit->artifact.functions.count && !status; i++)
        if (!w->color[i] && df_is_bootstrap(in, i) && !belongs_elsewhere(in, i))
            status = walk_from(w, i, 0);
    return status;
}

ww_status df_resolve_functions(df_installer *in)
{
    uint32_t count = in->unit->artifact.functions.count;
    ww_arena *memory = &in->unit->memory;
    walk w = {.in = in};
    in->order = ww_arena_array(memory, count, sizeof *in->order);
    in->owner = ww_arena_array(memory, count, sizeof *in->owner);
    w.color = ww_arena_array(memory, count, 1);
    w.path = ww_arena_array(memory, in->flow->limits.call_depth_max, sizeof *w.path);
    if (!in->order || !in->owner || !w.color || !w.path)
        return df_install_error(in, WW_E_MEMORY, "no memory");
    ww_status status = WW_OK;
    for (uint32_t t = 0; t < in->options->target_count && !status; t++)
        status = walk_from(&w, in->target_functions[t], t);
    return status ? status : walk_bootstraps(&w);
}
