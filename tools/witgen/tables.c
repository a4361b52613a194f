/* The source of an interface: descriptors with their layouts, entries, and the tables. */
#include "witgen.h"

/* --- type descriptors */

static const char *const kind_names[] = {
    "BOOL",    "S8",   "U8",     "S16",    "U16",    "S32",  "U32",    "S64",
    "U64",     "F32",  "F64",    "CHAR",   "STRING", "LIST", "RECORD", "TUPLE",
    "VARIANT", "ENUM", "OPTION", "RESULT", "FLAGS",  "OWN",  "BORROW",
};

/* own and borrow share the name of their resource. */
static const char *descriptor(const wit_type *type)
{
    return text("type_%s", type->id);
}

static const char *valtype_name(uint8_t valtype)
{
    switch (valtype) {
    case WW_I32: return "WW_I32";
    case WW_I64: return "WW_I64";
    case WW_F32: return "WW_F32";
    default: return "WW_F64";
    }
}

static void emit_valtypes(const char *member, const uint8_t *types, uint32_t count, FILE *out)
{
    if (!count) return;
    fprintf(out, ", .%s = {", member);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? ", " : "", valtype_name(types[i]));
    fprintf(out, "}");
}

/* Without the fields' struct type: WW_VIEW_LITERAL is not a constant expression before C23. */
static void emit_field(const ww_field *field, const wit_type *part, FILE *out)
{
    const char *separator = "";
    fprintf(out, "{");
    if (field->name.size) { /* not in tuples */
        fprintf(out, ".name = {(const uint8_t *)\"%.*s\", %zu}", WW_VIEW_ARG(field->name),
                field->name.size);
        separator = ", ";
    }
    if (part) fprintf(out, "%s.type = &%s", separator, descriptor(part));
    if (field->abi_offset) fprintf(out, ", .abi_offset = %u", field->abi_offset);
    if (field->host_offset) fprintf(out, ", .host_offset = %u", field->host_offset);
    fprintf(out, "},\n");
}

static void emit_number(const char *member, uint32_t value, FILE *out)
{
    if (value) fprintf(out, ", .%s = %u", member, value);
}

static void emit_layout(const wit_type *type, FILE *out)
{
    const ww_type *abi = &type->abi;
    fprintf(out, ".kind = WW_TYPE_%s, .flat_count = %s", kind_names[abi->kind],
            abi->flat_count == WW_FLAT_UNBOUNDED ? "WW_FLAT_UNBOUNDED"
                                                 : text("%u", abi->flat_count));
    fprintf(out, ", .abi_align = %u, .host_align = %u", abi->abi_align, abi->host_align);
    if (abi->has_pointers) fprintf(out, ", .has_pointers = true");
    if (abi->has_handles) fprintf(out, ", .has_handles = true");
    emit_number("disc_bytes", abi->disc_bytes, out);
    fprintf(out, ", .abi_size = %u, .host_size = %u", abi->abi_size, abi->host_size);
    emit_number("payload_abi_offset", abi->payload_abi_offset, out);
    emit_number("payload_host_offset", abi->payload_host_offset, out);
    emit_number("count", abi->count, out);
    if (abi->flat_count != WW_FLAT_UNBOUNDED)
        emit_valtypes("flat", abi->flat, abi->flat_count, out);
}

static void emit_descriptor(const wit_interface *interface, const wit_type *type, FILE *out)
{
    if (type->abi.count) {
        fprintf(out, "static const ww_field fields_%s[] = {\n", type->id);
        for (uint32_t i = 0; i < type->abi.count; i++)
            emit_field(&type->fields[i], type->parts[i], out);
        fprintf(out, "};\n\n");
    }
    fprintf(out, "static const ww_type %s = {", descriptor(type));
    emit_layout(type, out);
    if (type->target) fprintf(out, ", .resource = %u", resource_index(interface, type->target));
    if (type->abi.count) fprintf(out, ", .fields = fields_%s", type->id);
    if (type->element) fprintf(out, ", .element = &%s", descriptor(type->element));
    fprintf(out, "};\n\n");
}

typedef struct emitted {
    const wit_type *types[1024];
    uint32_t count;
} emitted;

static bool first_time(emitted *set, const wit_type *type)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (strcmp(set->types[i]->id, type->id) != 0) continue;
        if (strcmp(set->types[i]->c, type->c) != 0) die("two types named %s", type->id);
        return false;
    }
    if (set->count == WW_COUNT_OF(set->types)) die("too many types");
    set->types[set->count++] = type;
    return true;
}

static void emit_descriptors(const wit_interface *interface, const wit_type *type, emitted *set,
                             FILE *out)
{
    if (type->element) emit_descriptors(interface, type->element, set, out);
    for (uint32_t i = 0; i < type->abi.count; i++)
        if (type->parts[i]) emit_descriptors(interface, type->parts[i], set, out);
    if (first_time(set, type)) emit_descriptor(interface, type, out);
}

/* --- layout checks */

static void emit_assert(const wit_type *type, FILE *out)
{
    fprintf(out, "_Static_assert(sizeof(%s) == %u, \"layout\");\n", type->c, type->abi.host_size);
    if (!has_struct(type)) return;
    for (uint32_t i = 0; i < type->abi.count; i++) {
        if (!type->parts[i]) continue;
        uint32_t at =
            is_variant(type) ? type->abi.payload_host_offset : type->fields[i].host_offset;
        fprintf(out, "_Static_assert(offsetof(%s, %s) == %u, \"layout\");\n", type->c,
                member(type, i), at);
    }
}

/* --- functions */

static void emit_core_type(const char *member, const ww_core_type *core, FILE *out)
{
    fprintf(out, ", .%s = {.param_count = %u", member, core->param_count);
    emit_valtypes("params", core->params, core->param_count, out);
    emit_number("result_count", core->result_count, out);
    emit_valtypes("results", core->results, core->result_count, out);
    fprintf(out, "}");
}

static void emit_func_type(const wit_func *func, FILE *out)
{
    const ww_func_type *abi = &func->abi;
    if (func->param_count) {
        fprintf(out, "static const ww_field params_%s[] = {\n", func->c);
        for (uint32_t i = 0; i < func->param_count; i++)
            emit_field(&abi->params[i], func->params[i], out);
        fprintf(out, "};\n\n");
    }
    fprintf(out, "static const ww_func_type func_%s = {.param_count = %u", func->c,
            func->param_count);
    if (func->param_count) fprintf(out, ", .params = params_%s", func->c);
    if (func->result) fprintf(out, ", .result = &%s", descriptor(func->result));
    emit_number("params_abi_size", abi->params_abi_size, out);
    emit_number("params_host_size", abi->params_host_size, out);
    fprintf(out, ", .params_abi_align = %u, .params_host_align = %u", abi->params_abi_align,
            abi->params_host_align);
    if (abi->params_spilled) fprintf(out, ", .params_spilled = true");
    if (abi->result_spilled) fprintf(out, ", .result_spilled = true");
    if (abi->params_have_pointers) fprintf(out, ", .params_have_pointers = true");
    if (abi->result_has_pointers) fprintf(out, ", .result_has_pointers = true");
    emit_core_type("lifted", &abi->lifted, out);
    emit_core_type("lowered", &abi->lowered, out);
    fprintf(out, "};\n\n");
    if (func->pushed && func->result)
        fprintf(out, "_Static_assert(sizeof(%s) <= WW_CALL_RESULT_BYTES, \"room\");\n\n",
                func->result->c);
}

/* --- tables */

static void emit_resource_types(const wit_interface *interface, FILE *out)
{
    for (uint32_t i = 0; i < interface->exported_count; i++) {
        const wit_resource *resource = interface->resources[i];
        const char *c = c_name(resource->name);
        const char *row =
            text("&%s_policy_rows[%s]", interface->set->prefix, drop_constant(resource));
        fprintf(out,
                "static ww_status drop_%s(ww_call *call, uint64_t rep)\n{\n"
                "return ww_envelope_drop(call, %s, rep);\n}\n\n",
                c, row);
        fprintf(out,
                "const ww_resource_type %s_%s_resource = {.name = \"%s\", .drop = ww_object_drop, "
                ".entry = drop_%s, .policy = %s, .owner = WW_NONE, .dtor = WW_NONE};\n\n",
                interface->c, c, resource->name, c, row);
    }
    if (!interface->resource_count) return;
    fprintf(out, "static const ww_resource_type *const resources[] = {\n");
    for (uint32_t i = 0; i < interface->resource_count; i++)
        fprintf(out, "&%s_%s_resource,\n", interface->resources[i]->owner->c,
                c_name(interface->resources[i]->name));
    fprintf(out, "};\n\n");
}

static void emit_host_funcs(const wit_interface *interface, FILE *out)
{
    fprintf(out, "static const ww_host_func funcs[] = {\n");
    for (uint32_t i = 0; i < interface->func_count; i++) {
        const wit_func *func = &interface->funcs[i];
        fprintf(out,
                "{.name = \"%s\", .type = &func_%s, .entry = entry_%s,%s .policy = "
                "&%s_policy_rows[%s]},\n",
                func->name, func->c, func->c, func->pushed ? " .may_wait = true," : "",
                interface->set->prefix, func->constant);
    }
    fprintf(out, "};\n\n");
}

void emit_tables(const wit_interface *interface, FILE *out)
{
    emit_resource_types(interface, out);
    if (interface->func_count) emit_host_funcs(interface, out);
    fprintf(out, "const ww_host_interface %s_interface = {.name = \"%s\"", interface->c,
            interface->name);
    if (interface->func_count) fprintf(out, ", .funcs = funcs, .func_count = WW_COUNT_OF(funcs)");
    if (interface->resource_count)
        fprintf(out, ", .resources = resources, .resource_count = WW_COUNT_OF(resources)");
    emit_number("exported_count", interface->exported_count, out);
    fprintf(out, "};\n");
}

void emit_source(const wit_interface *interface, FILE *out)
{
    fprintf(out, "/* Generated by tools/witgen from wit/; not edited. */\n#include \"%s/%s.h\"\n",
            interface->set->folder, interface->c);
    fprintf(out,
            "#include \"resource/envelope.h\"\n#include \"resource/object.h\"\n"
            "#include \"%s/functions.h\"\n\n",
            interface->set->folder);
    for (uint32_t i = 0; i < interface->type_count; i++)
        emit_assert(interface->types[i], out);
    fputc('\n', out);
    emitted *set = take(1, sizeof *set);
    for (uint32_t i = 0; i < interface->func_count; i++) {
        const wit_func *func = &interface->funcs[i];
        for (uint32_t k = 0; k < func->param_count; k++)
            emit_descriptors(interface, func->params[k], set, out);
        if (func->result) emit_descriptors(interface, func->result, set, out);
        emit_func_type(func, out);
    }
    emit_stores(interface, out);
    for (uint32_t i = 0; i < interface->func_count; i++)
        emit_entry(interface, &interface->funcs[i], out);
    emit_tables(interface, out);
}
