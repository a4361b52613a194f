#include "node/contract.h"
#include "dataflow/value.h"
#include <stdio.h>

static const ww_contract_func funcs[WW_FLOW_ROLES][WW_CONTRACT_FUNCS_MAX] = {
    [WW_FLOW_ROLE_MODEL] = {{"forward", 1, 1, NULL, 0},
                            {"backward", 1, 1, NULL, 0},
                            {"compute-loss", 2, 1, NULL, 0},
                            {"apply-delta", 1, 0, NULL, 0},
                            {"load-parameters", 1, 0, NULL, 0},
                            {"params", 0, 1, NULL, 0}},
    [WW_FLOW_ROLE_INDEX] = {{"add", 1, 1, NULL, 0},
                            {"search", 1, 1, "k", 1},
                            {"remove", 1, 0, NULL, 0},
                            {"train", 1, 0, NULL, 0}},
    [WW_FLOW_ROLE_AGGREGATOR] = {{"contribute", 2, 0, NULL, 0}, {"aggregate", 0, 2, NULL, 0}},
    [WW_FLOW_ROLE_CODEC] = {{"train", 1, 0, NULL, 0},
                            {"encode", 1, 1, NULL, 0},
                            {"decode", 1, 1, NULL, 0}},
    [WW_FLOW_ROLE_DATA_SOURCE] = {{"next-batch", 0, 2, NULL, 0},
                                  {"reset", 0, 0, NULL, 0},
                                  {"on-data-loaded", 1, 0, NULL, 0}},
    [WW_FLOW_ROLE_PEER_SELECTOR] = {{"sample", 0, 1, "n", 1}, {"current-view", 0, 1, NULL, 0}},
    [WW_FLOW_ROLE_PROTOCOL] = {{"announce", 1, 0, NULL, 0}},
};

#define BACKEND "ww:contract/backend@0.1.0"

static const char *const interfaces[WW_FLOW_ROLES] = {
    [WW_FLOW_ROLE_MODEL] = "ww:contract/model@0.1.0",
    [WW_FLOW_ROLE_INDEX] = "ww:contract/index@0.1.0",
    [WW_FLOW_ROLE_AGGREGATOR] = "ww:contract/aggregator@0.1.0",
    [WW_FLOW_ROLE_CODEC] = "ww:contract/codec@0.1.0",
    [WW_FLOW_ROLE_DATA_SOURCE] = "ww:contract/data-source@0.1.0",
    [WW_FLOW_ROLE_PEER_SELECTOR] = "ww:contract/peer-selector@0.1.0",
    [WW_FLOW_ROLE_BACKEND] = BACKEND,
    [WW_FLOW_ROLE_PROTOCOL] = "ww:contract/protocol@0.1.0",
};

const char *ww_contract_interface(ww_flow_role role)
{
    return interfaces[role];
}

const ww_contract_func *ww_contract_func_at(ww_flow_role role, size_t index)
{
    if (index >= WW_CONTRACT_FUNCS_MAX || !funcs[role][index].name) return NULL;
    return &funcs[role][index];
}

ww_status ww_contract_link(ww_linker *linker)
{
    static const ww_host_interface types = {.name = "ww:contract/types@0.1.0"};
    return ww_linker_add(linker, &types, NULL);
}

/* --- types --- */

#define VALUE                                                                                      \
    "variant { trigger, number(u64), bytes(list<u8>), floats(list<f32>), "                         \
    "tensor(record { dims: list<u32>, data: list<f32> }), peer-id(list<u8>), "                     \
    "coded(record { carrier: u64, data: list<u8> }) }"

#define ATTRIBUTE                                                                                  \
    "record { name: string, value: variant { integer(s64), real(f32), text(list<u8>), "            \
    "integers(list<s64>), reals(list<f32>), "                                                      \
    "tensor(record { dims: list<u32>, data: list<f32> }) } }"

enum { TYPE_TEXT_MAX = 1024 };

static bool is_type(const ww_type *type, const char *text)
{
    ww_buf buf;
    ww_buf_init(&buf, ww_allocator_libc(), TYPE_TEXT_MAX);
    ww_type_print(type, &buf);
    bool is = ww_view_is(ww_buf_view(&buf), text);
    ww_buf_deinit(&buf);
    return is;
}

static bool has_result(const ww_func_type *type, uint8_t results)
{
    static const char *const texts[] = {"result<_, string>", "result<" VALUE ", string>",
                                        "result<tuple<" VALUE ", " VALUE ">, string>"};
    return type->result && is_type(type->result, texts[results]);
}

static bool is_func(const ww_func_type *type, const ww_contract_func *func)
{
    if (type->param_count != func->params + (func->integer ? 1u : 0u)) return false;
    for (uint32_t i = 0; i < func->params; i++)
        if (!is_type(type->params[i].type, VALUE)) return false;
    if (func->integer && !is_type(type->params[func->params].type, "u32")) return false;
    return has_result(type, func->results);
}

static const ww_export *find(const ww_program *program, const char *interface, const char *name)
{
    return ww_program_export(program, ww_view_str(interface), ww_view_str(name));
}

static ww_status another_type(const char *interface, const char *name, ww_diag *diag)
{
    return ww_fail(diag, WW_E_MISMATCH,
                   "%s of the component's %s has another type than wit/ww-contract gives it", name,
                   interface);
}

/* A function that is no operation of a role. */
typedef struct signature {
    const char *interface, *name;
    const char *params[3];
    const char *result;
} signature;

static const signature inputs = {WW_CONTRACT_COMPONENT, "inputs", {NULL}, "list<string>"};
static const signature bootstrap = {WW_CONTRACT_COMPONENT,
                                    "bootstrap",
                                    {"string", "list<u8>", "list<tuple<string, list<u8>>>"},
                                    "result<_, string>"};

static const signature operations = {BACKEND, "operations", {NULL}, "list<string>"};
static const signature dispatch = {BACKEND,
                                   "dispatch",
                                   {"string", "list<" ATTRIBUTE ">", "list<option<" VALUE ">>"},
                                   "result<list<" VALUE ">, string>"};

#define STATE "ww:contract/state@0.1.0"
static const signature save = {STATE, "save", {NULL}, "result<list<u8>, string>"};
static const signature load = {STATE, "load", {"list<u8>"}, "result<_, string>"};

static bool has_signature(const ww_func_type *type, const signature *wanted)
{
    uint32_t count = 0;
    for (; count < WW_COUNT_OF(wanted->params) && wanted->params[count]; count++)
        if (count >= type->param_count || !is_type(type->params[count].type, wanted->params[count]))
            return false;
    return count == type->param_count && type->result && is_type(type->result, wanted->result);
}

static ww_status find_signature(const ww_program *program, const signature *wanted,
                                const ww_export **out, ww_diag *diag)
{
    *out = find(program, wanted->interface, wanted->name);
    if (!*out)
        return ww_fail(diag, WW_E_MISSING, "the component does not export %s of %s", wanted->name,
                       wanted->interface);
    return has_signature(ww_export_type(*out), wanted)
               ? WW_OK
               : another_type(wanted->interface, wanted->name, diag);
}

static const char *first_func(ww_flow_role role)
{
    return role == WW_FLOW_ROLE_BACKEND ? dispatch.name : funcs[role][0].name;
}

static ww_status find_role(const ww_program *program, ww_contract_exports *out, ww_diag *diag)
{
    out->role = WW_FLOW_ROLES;
    for (ww_flow_role role = 0; role < WW_FLOW_ROLES; role++) {
        if (!interfaces[role] || !find(program, interfaces[role], first_func(role))) continue;
        if (out->role != WW_FLOW_ROLES)
            return ww_fail(diag, WW_E_MISMATCH, "the component exports both %s and %s",
                           interfaces[out->role], interfaces[role]);
        out->role = role;
    }
    if (out->role == WW_FLOW_ROLES)
        return ww_fail(diag, WW_E_MISSING,
                       "the component exports no interface of ww:contract@0.1.0 for a role");
    return WW_OK;
}

ww_status ww_contract_find(const ww_program *program, ww_contract_exports *out, ww_diag *diag)
{
    *out = (ww_contract_exports){.bootstrap = NULL};
    ww_status status = find_signature(program, &bootstrap, &out->bootstrap, diag);
    if (!status) status = find_signature(program, &inputs, &out->inputs, diag);
    if (!status) status = find_role(program, out, diag);
    if (!status && find(program, STATE, save.name)) {
        status = find_signature(program, &save, &out->save, diag);
        if (!status) status = find_signature(program, &load, &out->load, diag);
    }
    if (!status && out->role == WW_FLOW_ROLE_BACKEND) {
        status = find_signature(program, &operations, &out->operations, diag);
        return status ? status : find_signature(program, &dispatch, &out->dispatch, diag);
    }
    const ww_contract_func *func;
    for (size_t i = 0; !status && (func = ww_contract_func_at(out->role, i)); i++) {
        const char *interface = interfaces[out->role];
        out->funcs[i] = find(program, interface, func->name);
        if (!out->funcs[i])
            status =
                ww_fail(diag, WW_E_MISSING, "the component's %s lacks %s", interface, func->name);
        else if (!is_func(ww_export_type(out->funcs[i]), func))
            status = another_type(interface, func->name, diag);
    }
    return status;
}

/* --- values --- */

static ww_list list_of(ww_view view)
{
    return (ww_list){view.data, view.size};
}

ww_contract_value ww_contract_lower(const ww_flow_value *value)
{
    ww_view view = {NULL, 0};
    if (value->type != WW_FLOW_TRIGGER && !df_is_number(value->type))
        view = ww_flow_value_view(value);
    switch (value->type) {
    case WW_FLOW_TRIGGER: return (ww_contract_value){.tag = WW_CONTRACT_TRIGGER};
    case WW_FLOW_BYTES: return (ww_contract_value){.tag = WW_CONTRACT_BYTES, .list = list_of(view)};
    case WW_FLOW_PEER_ID:
        return (ww_contract_value){.tag = WW_CONTRACT_PEER_ID, .list = list_of(view)};
    case WW_FLOW_FLOATS:
        return (ww_contract_value){.tag = WW_CONTRACT_FLOATS,
                                   .list = {view.data, view.size / sizeof(float)}};
    case WW_FLOW_TENSOR: {
        const ww_flow_tensor *tensor = df_tensor(value);
        return (ww_contract_value){
            .tag = WW_CONTRACT_TENSOR,
            .tensor = {{tensor->dims, tensor->dim_count}, {tensor->data, tensor->element_count}}};
    }
    default: break;
    }
    if (df_is_number(value->type))
        return (ww_contract_value){.tag = WW_CONTRACT_NUMBER, .number = value->number};
    return (ww_contract_value){
        .tag = WW_CONTRACT_CODED,
        .coded = {ww_flow_value_hash((ww_flow_value_type)value->type), list_of(view)}};
}

ww_contract_attribute ww_contract_lower_attribute(const ww_flow_attribute *a)
{
    ww_contract_attribute out = {.name = list_of(a->name), .tag = a->kind};
    switch (a->kind) {
    case WW_FLOW_ATTRIBUTE_INTEGER: out.integer = a->integer; break;
    case WW_FLOW_ATTRIBUTE_REAL: out.real = a->real; break;
    case WW_FLOW_ATTRIBUTE_TEXT: out.list = list_of(a->text); break;
    case WW_FLOW_ATTRIBUTE_INTEGERS: out.list = (ww_list){a->integers, a->count}; break;
    case WW_FLOW_ATTRIBUTE_REALS: out.list = (ww_list){a->reals, a->count}; break;
    case WW_FLOW_ATTRIBUTE_TENSOR:
        out.tensor.dims = (ww_list){a->tensor->dims, a->tensor->dim_count};
        out.tensor.data = (ww_list){a->tensor->data, a->tensor->element_count};
        break;
    }
    return out;
}

static ww_status lift_bytes(const ww_allocator *allocator, ww_flow_value_type type, ww_list list,
                            size_t element_size, ww_flow_value *out)
{
    size_t size;
    if (__builtin_mul_overflow(list.count, element_size, &size) || size > UINT32_MAX)
        return WW_E_INVALID;
    *out = ww_flow_value_copy(allocator, type, ww_view_of(list.data, size));
    return out->type ? WW_OK : WW_E_MEMORY;
}

static ww_status lift_tensor(const ww_allocator *allocator, const ww_contract_value *value,
                             ww_flow_value *out)
{
    ww_list dims = value->tensor.dims, data = value->tensor.data;
    uint64_t elements = 1;
    if (dims.count > WW_FLOW_TENSOR_DIMS_MAX || data.count > DF_TENSOR_ELEMENTS_MAX)
        return WW_E_INVALID;
    const uint32_t *at = dims.data;
    for (size_t i = 0; i < dims.count && elements <= DF_TENSOR_ELEMENTS_MAX; i++)
        elements *= at[i];
    if (elements != data.count) return WW_E_INVALID;
    float *room;
    *out = ww_flow_value_tensor(allocator, at, (uint32_t)dims.count, &room);
    if (!out->type) return WW_E_MEMORY;
    if (data.count) memcpy(room, data.data, data.count * sizeof *room);
    return WW_OK;
}

static ww_status lift_peer_id(const ww_allocator *allocator, ww_list list, ww_flow_value *out)
{
    if (!df_is_multihash(ww_view_of(list.data, list.count))) return WW_E_INVALID;
    return lift_bytes(allocator, WW_FLOW_PEER_ID, list, 1, out);
}

static ww_status lift_coded(const ww_allocator *allocator, const ww_contract_value *value,
                            ww_flow_value *out)
{
    ww_flow_value_type type = ww_flow_value_type_of_hash(value->coded.carrier);
    if (type == WW_FLOW_NONE) return WW_E_INVALID;
    ww_view bytes = ww_view_of(value->coded.data.data, value->coded.data.count);
    return ww_flow_value_decode(allocator, type, bytes, out, NULL);
}

ww_status ww_contract_lift(const ww_allocator *allocator, const ww_contract_value *value,
                           ww_flow_value *out)
{
    *out = (ww_flow_value){.type = WW_FLOW_NONE};
    switch ((ww_contract_tag)value->tag) {
    case WW_CONTRACT_TRIGGER: *out = ww_flow_value_number(WW_FLOW_TRIGGER, 0); return WW_OK;
    case WW_CONTRACT_NUMBER: *out = ww_flow_value_number(WW_FLOW_U64, value->number); return WW_OK;
    case WW_CONTRACT_BYTES: return lift_bytes(allocator, WW_FLOW_BYTES, value->list, 1, out);
    case WW_CONTRACT_FLOATS:
        return lift_bytes(allocator, WW_FLOW_FLOATS, value->list, sizeof(float), out);
    case WW_CONTRACT_TENSOR: return lift_tensor(allocator, value, out);
    case WW_CONTRACT_PEER_ID: return lift_peer_id(allocator, value->list, out);
    case WW_CONTRACT_CODED: return lift_coded(allocator, value, out);
    }
    return WW_E_INVALID;
}
