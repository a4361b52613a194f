#include "witgen.h"
#include <stdlib.h>

typedef struct loader {
    const json_t *types, *interfaces, *packages;
    wit_type **done;          /* by JSON type id, resolved through aliases */
    wit_resource **resources; /* by JSON type id */
    wit_interface **by_json;  /* by JSON interface id; NULL if not imported by the world */
    const char *waits;        /* text of the list */
    wit *out;
} loader;

static const char *string_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (!value) die("no text \"%s\"", key);
    return value;
}

static size_t index_of(const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) die("an index is missing");
    return (size_t)json_integer_value(value);
}

static wit_type *load_type(loader *l, wit_interface *user, const json_t *ref);

/* --- resources */

static wit_resource *load_resource(loader *l, size_t id)
{
    if (l->resources[id]) return l->resources[id];
    const json_t *json = json_array_get(l->types, id);
    const json_t *kind = json_object_get(json, "kind");
    if (json_is_object(kind)) {
        const json_t *alias = json_object_get(kind, "type");
        if (!alias) die("%s is no resource", string_of(json, "name"));
        return l->resources[id] = load_resource(l, index_of(alias));
    }
    wit_resource *resource = take(1, sizeof *resource);
    size_t owner = index_of(json_object_get(json_object_get(json, "owner"), "interface"));
    resource->name = string_of(json, "name");
    resource->c = text("ww_%s", c_name(resource->name));
    resource->owner = l->by_json[owner];
    return l->resources[id] = resource;
}

uint32_t resource_index(const wit_interface *interface, const wit_resource *resource)
{
    for (uint32_t i = 0; i < interface->resource_count; i++)
        if (interface->resources[i] == resource) return i;
    die("%s: resource %s is not in the map", interface->name, resource->name);
}

static void use_interface(wit_interface *user, const wit_interface *used)
{
    if (used == user || !used) return;
    for (uint32_t i = 0; i < user->use_count; i++)
        if (user->uses[i] == used) return;
    user->uses = realloc(user->uses, (user->use_count + 1) * sizeof *user->uses);
    user->uses[user->use_count++] = used;
}

static uint32_t map_resource(wit_interface *user, wit_resource *resource)
{
    for (uint32_t i = 0; i < user->resource_count; i++)
        if (user->resources[i] == resource) return i;
    wit_resource **map = take(user->resource_count + 1, sizeof *map);
    if (user->resource_count)
        memcpy(map, user->resources, user->resource_count * sizeof(wit_resource *));
    map[user->resource_count] = resource;
    user->resources = map;
    use_interface(user, resource->owner);
    return user->resource_count++;
}

/* --- types */

typedef struct primitive {
    const char *wit, *c;
    ww_type_kind kind;
} primitive;

static const primitive primitives[] = {
    {"bool", "bool", WW_TYPE_BOOL},        {"s8", "int8_t", WW_TYPE_S8},
    {"u8", "uint8_t", WW_TYPE_U8},         {"s16", "int16_t", WW_TYPE_S16},
    {"u16", "uint16_t", WW_TYPE_U16},      {"s32", "int32_t", WW_TYPE_S32},
    {"u32", "uint32_t", WW_TYPE_U32},      {"s64", "int64_t", WW_TYPE_S64},
    {"u64", "uint64_t", WW_TYPE_U64},      {"f32", "float", WW_TYPE_F32},
    {"f64", "double", WW_TYPE_F64},        {"char", "uint32_t", WW_TYPE_CHAR},
    {"string", "ww_view", WW_TYPE_STRING},
};

static wit_type *load_primitive(const char *name)
{
    for (size_t i = 0; i < WW_COUNT_OF(primitives); i++) {
        if (strcmp(name, primitives[i].wit) != 0) continue;
        wit_type *type = take(1, sizeof *type);
        type->abi = *ww_type_primitive(primitives[i].kind);
        type->id = primitives[i].wit;
        type->c = primitives[i].c;
        return type;
    }
    die("type %s is not supported", name);
}

static void add_part(wit_type *type, const char *name, wit_type *part)
{
    uint32_t i = type->abi.count++;
    type->fields[i] = (ww_field){.name = ww_view_str(name), .type = part ? &part->abi : NULL};
    type->parts[i] = part;
}

static void make_room(wit_type *type, size_t count)
{
    type->fields = take(count, sizeof *type->fields);
    type->parts = take(count, sizeof *type->parts);
    type->abi.fields = type->fields;
}

/* Records, tuples, variants, enums and flags; `list` has an object per part, or a type for tuples.
 */
static void load_parts(loader *l, wit_interface *user, wit_type *type, const json_t *list)
{
    make_room(type, json_array_size(list));
    size_t i;
    const json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        bool tuple = type->abi.kind == WW_TYPE_TUPLE;
        const json_t *ref = tuple ? item : json_object_get(item, "type");
        wit_type *part = ref && !json_is_null(ref) ? load_type(l, user, ref) : NULL;
        add_part(type, tuple ? "" : string_of(item, "name"), part);
    }
}

static wit_type *optional(loader *l, wit_interface *user, const json_t *ref)
{
    return ref && !json_is_null(ref) ? load_type(l, user, ref) : NULL;
}

static const char *part_id(const wit_type *part)
{
    return part ? part->id : "none";
}

static const char *structural_id(const wit_type *type)
{
    switch (type->abi.kind) {
    case WW_TYPE_OPTION: return text("option_%s", part_id(type->parts[1]));
    case WW_TYPE_RESULT:
        return text("result_%s_%s", part_id(type->parts[0]), part_id(type->parts[1]));
    case WW_TYPE_LIST: return is_bytes(type) ? "bytes" : text("list_%s", type->element->id);
    case WW_TYPE_TUPLE: {
        char *id = text("tuple");
        for (uint32_t i = 0; i < type->abi.count; i++)
            id = text("%s_%s", id, type->parts[i]->id);
        return id;
    }
    case WW_TYPE_OWN: return c_name(type->target->name);
    case WW_TYPE_BORROW: return text("borrow_%s", c_name(type->target->name));
    default: die("a type without a name");
    }
}

/* Appends to the types that `home` declares, once per C name. */
static void declare(wit_interface *home, wit_type *type)
{
    for (uint32_t i = 0; i < home->type_count; i++)
        if (strcmp(home->types[i]->c, type->c) == 0) return;
    home->types = realloc(home->types, (home->type_count + 1) * sizeof(wit_type *));
    home->types[home->type_count++] = type;
}

static void name_type(wit_interface *user, wit_type *type, const char *name)
{
    type->named = name && type->abi.kind != WW_TYPE_LIST;
    type->id = type->named ? c_name(name) : structural_id(type);
    if (type->target) {
        type->c = text("%s *", type->target->c);
    } else if (is_bytes(type)) {
        type->c = "ww_view";
    } else {
        type->home = user;
        type->c = text("%s_%s", user->c, type->id);
        declare(user, type);
    }
}

typedef struct kind_name {
    const char *key, *list;
    ww_type_kind kind;
} kind_name;

static const kind_name part_kinds[] = {
    {"record", "fields", WW_TYPE_RECORD},  {"tuple", "types", WW_TYPE_TUPLE},
    {"variant", "cases", WW_TYPE_VARIANT}, {"enum", "cases", WW_TYPE_ENUM},
    {"flags", "flags", WW_TYPE_FLAGS},
};

static void load_handle(loader *l, wit_interface *user, wit_type *type, const json_t *handle)
{
    const json_t *own = json_object_get(handle, "own"), *borrow = json_object_get(handle, "borrow");
    type->abi.kind = own ? WW_TYPE_OWN : WW_TYPE_BORROW;
    type->target = load_resource(l, index_of(own ? own : borrow));
    type->abi.resource = map_resource(user, type->target);
}

static void load_kind(loader *l, wit_interface *user, wit_type *type, const json_t *kind)
{
    const json_t *sub;
    for (size_t i = 0; i < WW_COUNT_OF(part_kinds); i++) {
        if (!(sub = json_object_get(kind, part_kinds[i].key))) continue;
        type->abi.kind = part_kinds[i].kind;
        load_parts(l, user, type, json_object_get(sub, part_kinds[i].list));
        return;
    }
    if ((sub = json_object_get(kind, "list"))) {
        type->abi.kind = WW_TYPE_LIST;
        type->element = load_type(l, user, sub);
        type->abi.element = &type->element->abi;
    } else if ((sub = json_object_get(kind, "option"))) {
        type->abi.kind = WW_TYPE_OPTION;
        make_room(type, 2);
        add_part(type, "none", NULL);
        add_part(type, "some", load_type(l, user, sub));
    } else if ((sub = json_object_get(kind, "result"))) {
        type->abi.kind = WW_TYPE_RESULT;
        make_room(type, 2);
        add_part(type, "ok", optional(l, user, json_object_get(sub, "ok")));
        add_part(type, "error", optional(l, user, json_object_get(sub, "err")));
    } else if ((sub = json_object_get(kind, "handle"))) {
        load_handle(l, user, type, sub);
    } else {
        die("%s: a type of an unsupported kind", user->name);
    }
}

/* `user` is the interface whose declarations are being read; named types belong to their owner. */
static wit_type *load_type(loader *l, wit_interface *user, const json_t *ref)
{
    if (json_is_string(ref)) return load_primitive(json_string_value(ref));
    size_t id = index_of(ref);
    if (l->done[id]) {
        use_interface(user, l->done[id]->home);
        return l->done[id];
    }
    const json_t *json = json_array_get(l->types, id), *kind = json_object_get(json, "kind");
    const json_t *alias = json_is_object(kind) ? json_object_get(kind, "type") : NULL;
    if (alias) return l->done[id] = load_type(l, user, alias);
    const json_t *owner = json_object_get(json, "owner");
    wit_interface *home = user;
    if (json_is_object(owner)) home = l->by_json[index_of(json_object_get(owner, "interface"))];
    if (!home) die("a type belongs to an interface that the world does not import");
    wit_type *type = take(1, sizeof *type);
    load_kind(l, home, type, kind);
    ww_status status = ww_type_layout(&type->abi, type->fields);
    if (status) die("%s: layout: %s", user->name, ww_status_text(status));
    name_type(home, type, json_string_value(json_object_get(json, "name")));
    use_interface(user, home);
    return l->done[id] = type;
}

bool is_scalar(const wit_type *type)
{
    return type->abi.kind <= WW_TYPE_CHAR;
}

bool is_bytes(const wit_type *type)
{
    return type->abi.kind == WW_TYPE_STRING ||
           (type->abi.kind == WW_TYPE_LIST && type->element->abi.kind == WW_TYPE_U8);
}

bool is_variant(const wit_type *type)
{
    return type->abi.kind == WW_TYPE_VARIANT || type->abi.kind == WW_TYPE_OPTION ||
           type->abi.kind == WW_TYPE_RESULT;
}

bool has_struct(const wit_type *type)
{
    return is_variant(type) || type->abi.kind == WW_TYPE_RECORD || type->abi.kind == WW_TYPE_TUPLE;
}

/* --- functions */

/* A string may have to be transcoded, other lists are rebuilt: both take scratch memory. */
static bool needs_scratch(const wit_type *type)
{
    if (type->abi.kind == WW_TYPE_STRING) return true;
    if (type->abi.kind == WW_TYPE_LIST) return !is_scalar(type->element);
    for (uint32_t i = 0; i < type->abi.count; i++)
        if (type->parts && type->parts[i] && needs_scratch(type->parts[i])) return true;
    return false;
}

/* "[method]input-stream.read" -> "input_stream_read", "[constructor]fields" -> "fields_new". */
static const char *func_c_name(const char *name)
{
    const char *plain = strchr(name, ']');
    bool constructor = strncmp(name, "[constructor]", 13) == 0;
    return text("%s%s", c_name(plain ? plain + 1 : name), constructor ? "_new" : "");
}

static bool is_listed(const char *list, const char *line)
{
    size_t size = strlen(line);
    for (const char *at = list; (at = strstr(at, line)); at += size)
        if ((at == list || at[-1] == '\n') && at[size] == '\n') return true;
    return false;
}

static void load_func(loader *l, wit_interface *user, const json_t *json, wit_func *func)
{
    const json_t *params = json_object_get(json, "params"), *param;
    func->name = string_of(json, "name");
    func->c = func_c_name(func->name);
    func->constant = c_constant(text("%s_%s_%s", user->set->prefix, user->c, func->c));
    func->param_count = (uint32_t)json_array_size(params);
    func->params = take(func->param_count, sizeof *func->params);
    func->param_c = take(func->param_count, sizeof *func->param_c);
    ww_field *fields = take(func->param_count, sizeof *fields);
    size_t i;
    bool scratch = false;
    json_array_foreach((json_t *)(uintptr_t)params, i, param)
    {
        const char *name = string_of(param, "name");
        func->params[i] = load_type(l, user, json_object_get(param, "type"));
        func->param_c[i] = c_param(name);
        fields[i] = (ww_field){.name = ww_view_str(name), .type = &func->params[i]->abi};
        scratch |= needs_scratch(func->params[i]);
    }
    func->result = optional(l, user, json_object_get(json, "result"));
    func->abi = (ww_func_type){.param_count = func->param_count,
                               .params = fields,
                               .result = func->result ? &func->result->abi : NULL};
    ww_status status = ww_func_type_layout(&func->abi, fields);
    if (status) die("%s: layout: %s", func->name, ww_status_text(status));
    const char *at = strchr(user->name, '@');
    func->waits = is_listed(
        l->waits, text("%.*s#%s", at ? (int)(at - user->name) : 4096, user->name, func->name));
    func->pushed = func->waits || scratch || func->abi.result_has_pointers;
}

/* --- interfaces */

/* "wasi:io@0.2.12" and "streams" -> "wasi:io/streams@0.2.12". */
static const char *full_name(const char *package, const char *interface)
{
    const char *at = strchr(package, '@');
    int size = at ? (int)(at - package) : (int)strlen(package);
    return text("%.*s/%s%s", size, package, interface, at ? at : "");
}

/* wasi:io/streams -> wasi_io_streams; an interface "types" speaks for its package: wasi_http. */
static const char *interface_c_name(const char *name)
{
    const char *at = strchr(name, '@');
    char *plain = at ? text("%.*s", (int)(at - name), name) : text("%s", name);
    char *types = strstr(plain, "/types");
    if (types && !types[6]) *types = 0;
    return c_name(plain);
}

static void name_interface(loader *l, wit_interface *out, const json_t *json)
{
    const json_t *package = json_array_get(l->packages, index_of(json_object_get(json, "package")));
    out->set = l->out;
    out->name = full_name(string_of(package, "name"), string_of(json, "name"));
    out->c = interface_c_name(out->name);
}

static void load_interface(loader *l, wit_interface *out, const json_t *json)
{
    const json_t *id, *func;
    const char *key;
    json_t *types = json_object_get(json, "types"), *funcs = json_object_get(json, "functions");
    json_object_foreach(types, key, id)
    {
        const json_t *type = json_array_get(l->types, index_of(id));
        if (json_is_string(json_object_get(type, "kind")))
            map_resource(out, load_resource(l, index_of(id)));
    }
    out->exported_count = out->resource_count;
    json_object_foreach(types, key, id)
    {
        const json_t *kind = json_object_get(json_array_get(l->types, index_of(id)), "kind");
        if (json_is_object(kind) && !json_object_get(kind, "type")) load_type(l, out, id);
    }
    out->funcs = take(json_object_size(funcs), sizeof *out->funcs);
    json_object_foreach(funcs, key, func) load_func(l, out, func, &out->funcs[out->func_count++]);
}

/* What the world imports, in the order of the packages. */
static void find_interfaces(loader *l, const json_t *worlds)
{
    size_t i;
    const json_t *world, *item;
    const char *key;
    json_array_foreach((json_t *)(uintptr_t)worlds, i, world)
    {
        if (strcmp(string_of(world, "name"), l->out->world) != 0) continue;
        json_object_foreach(json_object_get(world, "imports"), key, item)
        {
            size_t id = index_of(json_object_get(json_object_get(item, "interface"), "id"));
            l->by_json[id] = &l->out->interfaces[0]; /* only a mark yet */
        }
    }
    for (i = 0; i < json_array_size(l->interfaces); i++) {
        if (!l->by_json[i]) continue;
        l->by_json[i] = &l->out->interfaces[l->out->interface_count++];
        name_interface(l, l->by_json[i], json_array_get(l->interfaces, i));
    }
    if (!l->out->interface_count) die("no world \"%s\" with imports", l->out->world);
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *out = take(1 << 16, 1);
    if (!file) die("cannot read %s", path);
    if (fread(out, 1, (1 << 16) - 1, file) == (1 << 16) - 1) die("%s is too long", path);
    fclose(file);
    return out;
}

void wit_load(const char *json_path, const char *waits_path, wit *out)
{
    json_error_t error;
    json_t *root = json_load_file(json_path, 0, &error);
    if (!root) die("%s: line %d: %s", json_path, error.line, error.text);
    loader l = {.types = json_object_get(root, "types"),
                .interfaces = json_object_get(root, "interfaces"),
                .packages = json_object_get(root, "packages"),
                .waits = read_text(waits_path),
                .out = out};
    l.done = take(json_array_size(l.types), sizeof *l.done);
    l.resources = take(json_array_size(l.types), sizeof *l.resources);
    l.by_json = take(json_array_size(l.interfaces), sizeof *l.by_json);
    out->interfaces = take(json_array_size(l.interfaces), sizeof *out->interfaces);
    find_interfaces(&l, json_object_get(root, "worlds"));
    for (size_t i = 0; i < json_array_size(l.interfaces); i++)
        if (l.by_json[i]) load_interface(&l, l.by_json[i], json_array_get(l.interfaces, i));
}
