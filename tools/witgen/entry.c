/* Entries: a raw host function per WIT function that decodes, passes the envelope and encodes. */
#include "witgen.h"

/* --- decoding */

static const char *type_address(const wit_resource *resource)
{
    return text("&%s_%s_resource", resource->owner->c, c_name(resource->name));
}

static const char *scalar_from_slot(const wit_type *type, uint32_t slot)
{
    switch (type->abi.kind) {
    case WW_TYPE_BOOL: return text("slots[%u].u32 != 0", slot);
    case WW_TYPE_S8: return text("(int8_t)slots[%u].u32", slot);
    case WW_TYPE_U8: return text("(uint8_t)slots[%u].u32", slot);
    case WW_TYPE_S16: return text("(int16_t)slots[%u].u32", slot);
    case WW_TYPE_U16: return text("(uint16_t)slots[%u].u32", slot);
    case WW_TYPE_S32: return text("slots[%u].i32", slot);
    case WW_TYPE_U32: return text("slots[%u].u32", slot);
    case WW_TYPE_S64: return text("slots[%u].i64", slot);
    case WW_TYPE_U64: return text("slots[%u].u64", slot);
    case WW_TYPE_F32: return text("slots[%u].f32", slot);
    case WW_TYPE_F64: return text("slots[%u].f64", slot);
    default: return NULL;
    }
}

/* The declaration of a parameter; `check` gets the condition under which it could be decoded, or
 * NULL. */
static void emit_param(const wit_func *func, uint32_t i, uint32_t slot, const char *call,
                       const char **check, FILE *out)
{
    const wit_type *type = func->params[i];
    const char *name = func->param_c[i], *scalar = scalar_from_slot(type, slot);
    *check = NULL;
    if (scalar) {
        fprintf(out, "%s %s = %s;\n", type->c, name, scalar);
    } else if (type->abi.kind == WW_TYPE_FLAGS) {
        uint32_t mask = type->abi.count == 32 ? UINT32_MAX : (1u << type->abi.count) - 1;
        fprintf(out, "%s %s = slots[%u].u32 & 0x%xu;\n", type->c, name, slot, mask);
    } else if (type->target) {
        const char *lift =
            type->abi.kind == WW_TYPE_OWN ? "ww_lift_owned_object" : "ww_lift_object";
        fprintf(out, "%s%s = %s(%s, %s, slots[%u].u32);\n", type->c, name, lift, call,
                type_address(type->target), slot);
        *check = name;
    } else if (type->abi.kind == WW_TYPE_ENUM) {
        fprintf(out, "uint32_t %s = 0;\n", name);
        *check =
            text("ww_lift_case(%s, slots[%u].u32, %u, &%s)", call, slot, type->abi.count, name);
    } else {
        fprintf(out, "%s %s;\n", type->c, name);
        if (type->abi.kind == WW_TYPE_CHAR)
            *check = text("ww_lift_char(%s, slots[%u].u32, &%s)", call, slot, name);
        else if (is_bytes(type))
            *check = text("ww_lift_%s(%s, slots[%u].u32, slots[%u].u32, &%s)",
                          type->abi.kind == WW_TYPE_STRING ? "string" : "bytes", call, slot,
                          slot + 1, name);
        else
            *check = text("ww_lift_flat(%s, &type_%s, site->resources, &slots[%u], &%s)", call,
                          type->id, slot, name);
    }
}

/* Parameters beyond 16 core values come through memory, one by one from their offsets. */
static void emit_spilled_param(const wit_func *func, uint32_t i, const char *call,
                               const char **check, FILE *out)
{
    const wit_type *type = func->params[i];
    fprintf(out, "%s %s;\n", type->c, func->param_c[i]);
    *check = text("ww_lift_value(%s, &type_%s, site->resources, slots[0].u32 + %u, &%s)", call,
                  type->id, func->abi.params[i].abi_offset, func->param_c[i]);
}

static void emit_decode(const wit_func *func, const char *call, FILE *out)
{
    const char *checks[WW_FLAT_PARAMS_MAX + 64];
    uint32_t check_count = 0, slot = 0;
    if (func->abi.params_spilled)
        checks[check_count++] = text("ww_lift_pointer(%s, slots[0].u32, %u, %u)", call,
                                     func->abi.params_abi_size, func->abi.params_abi_align);
    for (uint32_t i = 0; i < func->param_count; i++) {
        const char *check;
        if (func->abi.params_spilled)
            emit_spilled_param(func, i, call, &check, out);
        else
            emit_param(func, i, slot, call, &check, out);
        slot += func->params[i]->abi.flat_count;
        if (check) checks[check_count++] = check;
        if (check_count == WW_COUNT_OF(checks)) die("%s: too many parameters", func->name);
    }
    if (func->abi.params_spilled) slot = 1;
    if (func->abi.result_spilled && !func->pushed)
        checks[check_count++] = text("ww_lower_pointer(%s, slots[%u].u32, %u, %u)", call, slot,
                                     func->result->abi.abi_size, func->result->abi.abi_align);
    else if (func->abi.result_spilled)
        fprintf(out, "call->result_pointer = slots[%u].u32;\n", slot);
    if (!check_count) return;
    fprintf(out, "if (WW_UNLIKELY(");
    for (uint32_t i = 0; i < check_count; i++)
        fprintf(out, "%s!%s", i ? " || " : "", checks[i]);
    fprintf(out, ")) return ww_call_trap(%s);\n", call);
}

/* --- the envelope */

/* Bytes that the strings and lists of a parameter bring, as a C expression; NULL for none. */
static const char *param_bytes(const wit_type *type, const char *name)
{
    if (!type->abi.has_pointers) return NULL;
    if (is_bytes(type)) return text("%s.size", name);
    return text("ww_envelope_bytes(&type_%s, &%s)", type->id, name);
}

/* The same for all parameters. */
static const char *bytes_of(const wit_func *func)
{
    const char *sum = NULL;
    for (uint32_t i = 0; i < func->param_count; i++) {
        const char *bytes = param_bytes(func->params[i], func->param_c[i]);
        if (bytes) sum = sum ? text("%s + %s", sum, bytes) : bytes;
    }
    return sum ? sum : "0";
}

static bool has_own(const wit_type *type)
{
    if (type->abi.kind == WW_TYPE_OWN || (type->element && has_own(type->element))) return true;
    for (uint32_t i = 0; i < type->abi.count; i++)
        if (type->parts[i] && has_own(type->parts[i])) return true;
    return false;
}

/* Whether parameters bring objects, which a refusal must give back: the function will not. */
static bool owns_something(const wit_func *func)
{
    for (uint32_t i = 0; i < func->param_count; i++)
        if (has_own(func->params[i])) return true;
    return false;
}

static void emit_release(const wit_func *func, FILE *out)
{
    for (uint32_t i = 0; i < func->param_count; i++)
        if (has_own(func->params[i]))
            fprintf(out, "ww_envelope_release(&type_%s, &%s);\n", func->params[i]->id,
                    func->param_c[i]);
}

static const char *result_argument(const wit_func *func)
{
    if (!func->result) return "NULL";
    return func->pushed ? "result" : "&result";
}

static const char *result_bytes(const wit_func *func)
{
    const wit_type *type = func->result;
    if (!type || !type->abi.has_pointers) return "0";
    const wit_type *ok = type->abi.kind == WW_TYPE_RESULT ? type->parts[0] : NULL;
    if (ok && is_bytes(ok) && !(type->parts[1] && type->parts[1]->abi.has_pointers))
        return "status || result->is_error ? 0 : result->ok.size";
    if (is_bytes(type)) return "status ? 0 : result->size";
    return text("status ? 0 : ww_envelope_bytes(&type_%s, result)", type->id);
}

static void emit_impl_call(const wit_func *func, const char *call, FILE *out)
{
    fprintf(out, "impl->%s(%s", func->c, call);
    for (uint32_t i = 0; i < func->param_count; i++) {
        const wit_type *type = func->params[i];
        if (type->abi.kind == WW_TYPE_ENUM)
            fprintf(out, ", (%s)%s", type->c, func->param_c[i]);
        else
            fprintf(out, ", %s%s", has_struct(type) ? "&" : "", func->param_c[i]);
    }
    if (func->result) fprintf(out, ", %s", result_argument(func));
    fprintf(out, ")");
}

static void emit_act(const wit_func *func, const char *prefix, const char *call, FILE *out)
{
    const char *bytes = bytes_of(func), *charged = bytes[0] == '0' ? "0" : "bytes";
    fprintf(out, "const ww_policy *row = &%s_policy_rows[%s];\n", prefix, func->constant);
    if (bytes[0] != '0') fprintf(out, "const uint64_t bytes = %s;\n", bytes);
    fprintf(out, "ww_status status = ww_envelope_enter(%s, row, %s);\n", call, charged);
    if (func->pushed) fprintf(out, "ww_envelope_on_cancel(call, NULL);\n");
    if (owns_something(func)) {
        fprintf(out, "if (status == WW_OK && !impl->%s) status = WW_E_DENIED;\n", func->c);
        fprintf(out, "if (WW_LIKELY(status == WW_OK)) {\nstatus = ");
        emit_impl_call(func, call, out);
        fprintf(out, ";\n} else {\n");
        emit_release(func, out);
        fprintf(out, "}\n");
    } else {
        fprintf(out, "if (WW_LIKELY(status == WW_OK)) status = impl->%s ? ", func->c);
        emit_impl_call(func, call, out);
        fprintf(out, " : WW_E_DENIED;\n");
    }
    fprintf(out, "status = ww_envelope_leave(%s, row, status, %s, %s, %s);\n", call, charged,
            result_bytes(func), result_argument(func));
}

/* --- encoding of results that neither allocate nor wait */

static const char *slot_from_value(const wit_type *type, const char *value)
{
    switch (type->abi.kind) {
    case WW_TYPE_BOOL:
    case WW_TYPE_U8:
    case WW_TYPE_U16:
    case WW_TYPE_U32:
    case WW_TYPE_CHAR:
    case WW_TYPE_ENUM:
    case WW_TYPE_FLAGS: return text("ww_slot_u32(%s)", value);
    case WW_TYPE_S8:
    case WW_TYPE_S16:
    case WW_TYPE_S32: return text("ww_slot_u32((uint32_t)(int32_t)%s)", value);
    case WW_TYPE_U64: return text("(ww_slot){.words = {%s, 0}}", value);
    case WW_TYPE_S64: return text("(ww_slot){.words = {(uint64_t)%s, 0}}", value);
    case WW_TYPE_F32: return text("(ww_slot){.f32 = %s}", value);
    case WW_TYPE_F64: return text("(ww_slot){.f64 = %s}", value);
    case WW_TYPE_OWN:
        return text("ww_slot_u32(ww_lower_object(&call, %s, %s))", type_address(type->target),
                    value);
    case WW_TYPE_RESULT: return text("ww_slot_u32(%s.is_error)", value);
    case WW_TYPE_VARIANT: return text("ww_slot_u32(%s.tag)", value);
    default: die("a direct result of an unsupported kind");
    }
}

static const char *store_name(const wit_type *type)
{
    return text("store_%s", type->id);
}

static void emit_store_value(const wit_type *type, const char *value, const char *at, FILE *out)
{
    switch (type->abi.kind) {
    case WW_TYPE_OWN:
        fprintf(out, "ww_put_le32(%s, ww_lower_object(call, %s, %s));\n", at,
                type_address(type->target), value);
        return;
    case WW_TYPE_BOOL:
    case WW_TYPE_S8:
    case WW_TYPE_U8: fprintf(out, "*(%s) = (uint8_t)%s;\n", at, value); return;
    case WW_TYPE_S16:
    case WW_TYPE_U16: fprintf(out, "ww_put_le16(%s, (uint16_t)%s);\n", at, value); return;
    case WW_TYPE_S32:
    case WW_TYPE_U32:
    case WW_TYPE_CHAR: fprintf(out, "ww_put_le32(%s, (uint32_t)%s);\n", at, value); return;
    case WW_TYPE_S64:
    case WW_TYPE_U64: fprintf(out, "ww_put_le64(%s, (uint64_t)%s);\n", at, value); return;
    case WW_TYPE_F32:
    case WW_TYPE_F64: fprintf(out, "memcpy(%s, &%s, %u);\n", at, value, type->abi.abi_size); return;
    case WW_TYPE_ENUM:
    case WW_TYPE_FLAGS:
        if (type->abi.abi_size == 1)
            fprintf(out, "*(%s) = (uint8_t)%s;\n", at, value);
        else
            fprintf(out, "ww_put_le%u(%s, (uint%u_t)%s);\n", type->abi.abi_size * 8, at,
                    type->abi.abi_size * 8, value);
        return;
    default: fprintf(out, "%s(call, %s, &%s);\n", store_name(type), at, value); return;
    }
}

static const char *offset(const char *base, uint32_t bytes)
{
    return bytes ? text("%s + %u", base, bytes) : base;
}

static void emit_store_tag(const wit_type *type, const char *tag, FILE *out)
{
    if (type->abi.disc_bytes == 1)
        fprintf(out, "*out = (uint8_t)value->%s;\n", tag);
    else
        fprintf(out, "ww_put_le%u(out, (uint%u_t)value->%s);\n", type->abi.disc_bytes * 8,
                type->abi.disc_bytes * 8, tag);
}

static void emit_store_variant(const wit_type *type, FILE *out)
{
    const char *at = offset("out", type->abi.payload_abi_offset);
    if (type->abi.kind == WW_TYPE_OPTION) {
        emit_store_tag(type, "is_some", out);
        fprintf(out, "if (value->is_some) {\n");
        emit_store_value(type->parts[1], "value->some", at, out);
        fprintf(out, "}\n");
        return;
    }
    bool is_result = type->abi.kind == WW_TYPE_RESULT;
    const char *tag = is_result ? "is_error" : "tag";
    emit_store_tag(type, tag, out);
    bool any = false;
    for (uint32_t i = 0; i < type->abi.count; i++) {
        if (!type->parts[i]) continue;
        const char *name = member(type, i);
        const char *else_ = any ? "else " : "";
        if (is_result)
            fprintf(out, "%sif (%svalue->is_error) {\n", else_, i ? "" : "!");
        else
            fprintf(out, "%sif (value->tag == %s) {\n", else_,
                    c_constant(text("%s_%.*s", type->c, WW_VIEW_ARG(type->fields[i].name))));
        emit_store_value(type->parts[i], text("value->%s", name), at, out);
        fprintf(out, "}\n");
        any = true;
    }
}

/* Post-order, each type once per file. */
static void emit_store(const wit_type *type, const char **done, uint32_t *count, FILE *out)
{
    if (!has_struct(type)) return;
    for (uint32_t i = 0; i < *count; i++)
        if (strcmp(done[i], type->c) == 0) return;
    for (uint32_t i = 0; i < type->abi.count; i++)
        if (type->parts[i]) emit_store(type->parts[i], done, count, out);
    done[(*count)++] = type->c;
    fprintf(out, "static void %s(ww_call *call, uint8_t *out, const %s *value)\n{\n",
            store_name(type), type->c);
    if (!type->abi.has_handles) fprintf(out, "(void)call;\n");
    if (is_variant(type))
        emit_store_variant(type, out);
    else
        for (uint32_t i = 0; i < type->abi.count; i++)
            emit_store_value(type->parts[i], text("value->%s", member(type, i)),
                             offset("out", type->abi.fields[i].abi_offset), out);
    fprintf(out, "}\n\n");
}

void emit_stores(const wit_interface *interface, FILE *out)
{
    const char **done = take(1024, sizeof *done);
    uint32_t count = 0;
    for (uint32_t i = 0; i < interface->func_count; i++) {
        const wit_func *func = &interface->funcs[i];
        if (!func->pushed && func->abi.result_spilled) emit_store(func->result, done, &count, out);
    }
}

/* --- the two forms */

static uint32_t result_slot(const wit_func *func)
{
    return func->abi.params_spilled ? 1 : func->abi.lowered.param_count - 1u;
}

static void emit_direct(const wit_func *func, const char *prefix, FILE *out)
{
    fprintf(out, "ww_call call;\n"
                 "if (WW_UNLIKELY(!ww_call_open(&call, site, caller))) "
                 "return ww_call_trap(&call);\n");
    emit_decode(func, "&call", out);
    if (func->result) fprintf(out, "%s result;\n", func->result->c);
    emit_act(func, prefix, "&call", out);
    fprintf(out, "if (WW_UNLIKELY(status != WW_OK)) return ww_call_trap(&call);\n");
    if (func->abi.result_spilled)
        fprintf(out, "%s(&call, ww_call_at(&call, slots[%u].u32), &result);\n",
                store_name(func->result), result_slot(func));
    else if (func->result)
        fprintf(out, "slots[0] = %s;\n", slot_from_value(func->result, "result"));
    if (func->result && func->result->abi.has_handles)
        fprintf(out, "if (WW_UNLIKELY(call.failed)) return ww_call_trap(&call);\n");
    fprintf(out, "ww_call_close(&call);\nreturn NULL;\n");
}

static void emit_pushed(const wit_func *func, const char *prefix, FILE *out)
{
    fprintf(out, "ww_trap *trap;\nww_call *call = ww_call_push(site, caller, &trap);\n"
                 "if (WW_UNLIKELY(!call)) return trap;\n");
    emit_decode(func, "call", out);
    if (func->result)
        fprintf(out, "%s *result = (%s *)call->result;\n", func->result->c, func->result->c);
    emit_act(func, prefix, "call", out);
    fprintf(out, "return ww_call_settle(call, status, slots);\n");
}

void emit_entry(const wit_interface *interface, const wit_func *func, FILE *out)
{
    bool uses_slots = func->pushed || func->param_count || func->result;
    fprintf(out,
            "static ww_trap *entry_%s(void *env, ww_caller *caller, ww_slot *slots, "
            "size_t slot_count)\n{\n",
            func->c);
    fprintf(out, "const ww_site *site = env;\nconst %s *impl = site->impl;\n", interface->c);
    fprintf(out, "(void)slot_count;\n%s", uses_slots ? "" : "(void)slots;\n");
    if (func->pushed)
        emit_pushed(func, interface->set->prefix, out);
    else
        emit_direct(func, interface->set->prefix, out);
    fprintf(out, "}\n\n");
}
