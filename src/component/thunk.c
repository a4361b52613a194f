/* Emits the thunk module: plain binary WebAssembly, section by section.
 *
 * Invariants
 *  1. The first failure is kept in emitter.status; everything after it is without effect.
 *  2. Function indices: imports in the order they are added, then $yield, then the thunks that are
 *     not direct, in order, then getters and setters. So a thunk's body is written when all imports
 *     are known.
 *  3. A function type has the number under which its encoding was interned.
 */
#include "component/thunk.h"
#include "base/names.h"
#include "component/limits.h"
#include <stdio.h>

enum {
    SECTION_TYPE = 1,
    SECTION_IMPORT = 2,
    SECTION_FUNCTION = 3,
    SECTION_TABLE = 4,
    SECTION_EXPORT = 7,
    SECTION_ELEMENT = 9,
    SECTION_CODE = 10,
};

enum {
    OP_UNREACHABLE = 0x00,
    OP_BLOCK = 0x02,
    OP_LOOP = 0x03,
    OP_END = 0x0b,
    OP_BR = 0x0c,
    OP_BR_TABLE = 0x0e,
    OP_RETURN = 0x0f,
    OP_CALL = 0x10,
    OP_CALL_INDIRECT = 0x11,
    OP_LOCAL_GET = 0x20,
    OP_LOCAL_SET = 0x21,
    OP_TABLE_SET = 0x26,
    OP_I32_CONST = 0x41,
    OP_I64_CONST = 0x42,
    OP_I32_AND = 0x71,
    OP_I32_SHR_U = 0x76,
    OP_I64_SHR_U = 0x88,
    OP_I32_WRAP_I64 = 0xa7,
    OP_I64_EXTEND_I32_U = 0xad,
    OP_I32_REINTERPRET_F32 = 0xbc,
    OP_I64_REINTERPRET_F64 = 0xbd,
    OP_F32_REINTERPRET_I32 = 0xbe,
    OP_F64_REINTERPRET_I64 = 0xbf,
    OP_REF_FUNC = 0xd2,
    TYPE_FUNC = 0x60,
    TYPE_EMPTY = 0x40,
    TYPE_FUNCREF = 0x70,
    LIMITS_MIN_MAX = 0x01,
    KIND_FUNC = 0,
    ELEMENTS_DECLARED = 3, /* of functions, by index */
};

enum { RESUME_INDEX = 0, TABLE_INDEX = 0, LOCAL_GROUPS = 2 };

typedef struct emitter {
    ww_names types;
    ww_buf imports, import_types, functions, elements, exports, code, body;
    uint32_t import_count, function_count, export_count, yield;
    const ww_core_type *slots;
    uint32_t slot_count;
    ww_status status;
} emitter;

/* The functions behind one thunk, and where its locals start. */
typedef struct parts {
    const ww_thunk *thunk;
    uint32_t begin, args; /* function indices */
    uint32_t op, v, w;    /* locals */
} parts;

/* (op, v, w) */
static const ww_core_type answer_of_resume = {
    .param_count = 1, .params = {WW_I64}, .result_count = 3, .results = {WW_I32, WW_I64, WW_I64}};
static const ww_core_type realloc_type = {.param_count = 4,
                                          .params = {WW_I32, WW_I32, WW_I32, WW_I32},
                                          .result_count = 1,
                                          .results = {WW_I32}};
static const ww_core_type dtor_type = {.param_count = 1, .params = {WW_I32}};
static const ww_core_type empty_type = {0};

static void put(emitter *e, ww_buf *buf, const void *data, size_t size)
{
    if (!e->status) e->status = ww_buf_append(buf, data, size);
}

static void put_byte(emitter *e, ww_buf *buf, uint8_t byte)
{
    put(e, buf, &byte, 1);
}

static void put_u32(emitter *e, ww_buf *buf, uint32_t value)
{
    do {
        uint8_t more = value > 0x7f ? 0x80 : 0;
        put_byte(e, buf, (uint8_t)((value & 0x7f) | more));
        value >>= 7;
    } while (value);
}

static void put_name(emitter *e, ww_buf *buf, ww_view name)
{
    put_u32(e, buf, (uint32_t)name.size);
    put(e, buf, name.data, name.size);
}

static void put_number(emitter *e, ww_buf *buf, uint32_t number)
{
    char text[12];
    snprintf(text, sizeof text, "%u", number);
    put_name(e, buf, ww_view_str(text));
}

/* --- instructions, into the body at hand --------------------------------------------------- */

static void op(emitter *e, uint8_t code)
{
    put_byte(e, &e->body, code);
}

static void op_u32(emitter *e, uint8_t code, uint32_t operand)
{
    op(e, code);
    put_u32(e, &e->body, operand);
}

/* A constant, not negative: signed LEB128 wants the sign bit clear. */
static void op_const(emitter *e, uint8_t code, uint32_t value)
{
    op(e, code);
    for (; value > 0x3f; value >>= 7)
        put_byte(e, &e->body, (uint8_t)((value & 0x7f) | 0x80));
    put_byte(e, &e->body, (uint8_t)value);
}

static uint32_t type_index(emitter *e, const ww_core_type *type)
{
    WW_ASSERT(type->param_count <= WW_FLAT_PARAMS_MAX);
    WW_ASSERT(type->result_count <= WW_FLAT_RESULTS_MAX);
    uint8_t text[3 + WW_FLAT_PARAMS_MAX + WW_FLAT_RESULTS_MAX];
    size_t size = 0;
    text[size++] = TYPE_FUNC;
    text[size++] = type->param_count;
    memcpy(text + size, type->params, type->param_count);
    size += type->param_count;
    text[size++] = type->result_count;
    memcpy(text + size, type->results, type->result_count);
    size += type->result_count;
    uint32_t index = 0;
    if (!e->status) e->status = ww_names_intern(&e->types, ww_view_of(text, size), &index);
    return index;
}

static void add_funcrefs(uint8_t *text, size_t *size, uint32_t count)
{
    if (count > 0x7f) text[(*size)++] = (uint8_t)((count & 0x7f) | 0x80);
    text[(*size)++] = (uint8_t)(count > 0x7f ? count >> 7 : count);
    memset(text + *size, TYPE_FUNCREF, count);
    *size += count;
}

/* (funcref...) -> (funcref...) */
static uint32_t funcref_type_index(emitter *e, uint32_t params, uint32_t results)
{
    _Static_assert(WW_FUNC_GROUP < 1 << 14, "two bytes of LEB128");
    uint8_t text[1 + 2 * (2 + WW_FUNC_GROUP)];
    size_t size = 0;
    text[size++] = TYPE_FUNC;
    add_funcrefs(text, &size, params);
    add_funcrefs(text, &size, results);
    uint32_t index = 0;
    if (!e->status) e->status = ww_names_intern(&e->types, ww_view_of(text, size), &index);
    return index;
}

static void call_slot(emitter *e, const ww_core_type *type)
{
    op_u32(e, OP_CALL_INDIRECT, type_index(e, type));
    put_u32(e, &e->body, TABLE_INDEX);
}

/* Turns the value on the stack, of a number type, into its bits as an i64. */
static void to_bits(emitter *e, uint8_t type)
{
    switch (type) {
    case WW_I64: break;
    case WW_I32: op(e, OP_I64_EXTEND_I32_U); break;
    case WW_F64: op(e, OP_I64_REINTERPRET_F64); break;
    case WW_F32:
        op(e, OP_I32_REINTERPRET_F32);
        op(e, OP_I64_EXTEND_I32_U);
        break;
    default: WW_ASSERT(false);
    }
}

static void from_bits(emitter *e, uint8_t type)
{
    switch (type) {
    case WW_I64: break;
    case WW_I32: op(e, OP_I32_WRAP_I64); break;
    case WW_F64: op(e, OP_F64_REINTERPRET_I64); break;
    case WW_F32:
        op(e, OP_I32_WRAP_I64);
        op(e, OP_F32_REINTERPRET_I32);
        break;
    default: WW_ASSERT(false);
    }
}

/* The upper or lower half of a local as an i32. */
static void get_half(emitter *e, uint32_t local, bool upper)
{
    op_u32(e, OP_LOCAL_GET, local);
    if (upper) {
        op_const(e, OP_I64_CONST, 32);
        op(e, OP_I64_SHR_U);
    }
    op(e, OP_I32_WRAP_I64);
}

/* --- the arms of a thunk: each ends with the value for resume on the stack ------------------ */

static void perform_done(emitter *e, const parts *p)
{
    const ww_core_type *core = &p->thunk->core;
    if (p->thunk->kind == WW_THUNK_SITE && core->result_count) {
        op_u32(e, OP_LOCAL_GET, p->v);
        from_bits(e, core->results[0]);
    }
    op(e, OP_RETURN);
}

static void perform_wait(emitter *e)
{
    op_u32(e, OP_CALL, e->yield);
    op_const(e, OP_I64_CONST, 0);
}

static void get_slot(emitter *e, const parts *p)
{
    op_u32(e, OP_LOCAL_GET, p->op);
    op_const(e, OP_I32_CONST, 8);
    op(e, OP_I32_SHR_U);
}

static void perform_realloc(emitter *e, const parts *p)
{
    get_half(e, p->v, false);
    get_half(e, p->v, true);
    get_half(e, p->w, false);
    get_half(e, p->w, true);
    get_slot(e, p);
    call_slot(e, &realloc_type);
    to_bits(e, WW_I32);
}

static void perform_call(emitter *e, const parts *p)
{
    const ww_thunk *thunk = p->thunk;
    if (thunk->callee == WW_NONE) {
        op(e, OP_UNREACHABLE);
        return;
    }
    WW_ASSERT(thunk->callee < e->slot_count);
    const ww_core_type *callee = thunk->callee_type;
    WW_ASSERT(callee->result_count <= 1);
    if (callee->param_count) op_u32(e, OP_CALL, p->args);
    op_const(e, OP_I32_CONST, thunk->callee);
    call_slot(e, callee);
    if (callee->result_count)
        to_bits(e, callee->results[0]);
    else
        op_const(e, OP_I64_CONST, 0);
}

static void perform_post_return(emitter *e, const parts *p)
{
    uint32_t slot = p->thunk->post_return;
    if (slot == WW_NONE) {
        op(e, OP_UNREACHABLE);
        return;
    }
    WW_ASSERT(slot < e->slot_count);
    const ww_core_type *type = &e->slots[slot];
    WW_ASSERT(type->param_count <= 1 && type->result_count == 0);
    if (type->param_count) {
        op_u32(e, OP_LOCAL_GET, p->v);
        from_bits(e, type->params[0]);
    }
    op_const(e, OP_I32_CONST, slot);
    call_slot(e, type);
    op_const(e, OP_I64_CONST, 0);
}

static void perform_drop(emitter *e, const parts *p)
{
    get_half(e, p->v, false);
    get_slot(e, p);
    call_slot(e, &dtor_type);
    op_const(e, OP_I64_CONST, 0);
}

static void take_answer(emitter *e, const parts *p)
{
    op_u32(e, OP_LOCAL_SET, p->w);
    op_u32(e, OP_LOCAL_SET, p->v);
    op_u32(e, OP_LOCAL_SET, p->op);
}

/* Jumps by the opcode into one of the nested blocks; the one of opcode 0 is the innermost. */
static void dispatch(emitter *e, const parts *p)
{
    enum { OPCODES = WW_OP_DROP + 1 };
    for (int i = 0; i <= OPCODES; i++) { /* one more for what is no opcode */
        op(e, OP_BLOCK);
        op(e, TYPE_EMPTY);
    }
    op_u32(e, OP_LOCAL_GET, p->op);
    op_const(e, OP_I32_CONST, 0xff);
    op(e, OP_I32_AND);
    op_u32(e, OP_BR_TABLE, OPCODES);
    for (uint32_t label = 0; label <= OPCODES; label++)
        put_u32(e, &e->body, label);
    op(e, OP_END);
    perform_done(e, p);
    for (uint32_t code = WW_OP_WAIT; code < OPCODES; code++) {
        op(e, OP_END);
        switch (code) {
        case WW_OP_WAIT: perform_wait(e); break;
        case WW_OP_REALLOC: perform_realloc(e, p); break;
        case WW_OP_CALL: perform_call(e, p); break;
        case WW_OP_POST_RETURN: perform_post_return(e, p); break;
        default: perform_drop(e, p); break;
        }
        op_u32(e, OP_BR, OPCODES - code); /* out of all blocks, to resume */
    }
    op(e, OP_END);
    op(e, OP_UNREACHABLE);
}

static void emit_loop(emitter *e, const parts *p)
{
    const ww_core_type *core = &p->thunk->core;
    WW_ASSERT(p->thunk->kind == WW_THUNK_LIFT || core->result_count <= 1);
    put_u32(e, &e->body, LOCAL_GROUPS);
    put_u32(e, &e->body, 1);
    op(e, WW_I32); /* op */
    put_u32(e, &e->body, 2);
    op(e, WW_I64); /* v, w */
    if (p->thunk->kind == WW_THUNK_SITE)
        for (uint32_t i = 0; i < core->param_count; i++)
            op_u32(e, OP_LOCAL_GET, i);
    op_u32(e, OP_CALL, p->begin);
    take_answer(e, p);
    op(e, OP_LOOP);
    op(e, TYPE_EMPTY);
    op(e, OP_BLOCK);
    op(e, WW_I64);
    dispatch(e, p);
    op(e, OP_END);
    op_u32(e, OP_CALL, RESUME_INDEX);
    take_answer(e, p);
    op_u32(e, OP_BR, 0);
    op(e, OP_END);
    op(e, OP_UNREACHABLE);
    op(e, OP_END);
}

static void emit_forward(emitter *e, const ww_thunk *thunk)
{
    WW_ASSERT(thunk->callee < e->slot_count);
    put_u32(e, &e->body, 0); /* no locals */
    for (uint32_t i = 0; i < thunk->core.param_count; i++)
        op_u32(e, OP_LOCAL_GET, i);
    op_const(e, OP_I32_CONST, thunk->callee);
    call_slot(e, &thunk->core);
    op(e, OP_END);
}

/* --- declarations --------------------------------------------------------------------------- */

static uint32_t add_import(emitter *e, const ww_core_type *type)
{
    put_name(e, &e->imports, ww_view_str("host"));
    put_number(e, &e->imports, e->import_count);
    put_byte(e, &e->imports, KIND_FUNC);
    put_u32(e, &e->imports, type_index(e, type));
    put(e, &e->import_types, type, sizeof *type);
    return e->import_count++;
}

static void add_function(emitter *e, const ww_core_type *type)
{
    put_u32(e, &e->functions, type_index(e, type));
    e->function_count++;
}

/* Takes what stands in e->body. */
static void add_code(emitter *e)
{
    put_u32(e, &e->code, (uint32_t)e->body.size);
    put(e, &e->code, e->body.data, e->body.size);
    ww_buf_clear(&e->body);
}

static bool has_args(const ww_thunk *thunk)
{
    return thunk->callee != WW_NONE && thunk->callee_type->param_count > 0;
}

static parts import_parts(emitter *e, const ww_thunk *thunk)
{
    parts p = {.thunk = thunk, .begin = WW_NONE, .args = WW_NONE};
    ww_core_type begin = answer_of_resume, args = {0};
    begin.param_count = 0;
    if (thunk->kind == WW_THUNK_SITE) {
        begin.param_count = thunk->core.param_count;
        memcpy(begin.params, thunk->core.params, sizeof begin.params);
    }
    p.begin = add_import(e, &begin);
    if (has_args(thunk)) {
        args.result_count = thunk->callee_type->param_count;
        memcpy(args.results, thunk->callee_type->params, args.result_count);
        p.args = add_import(e, &args);
    }
    p.op = begin.param_count;
    p.v = p.op + 1;
    p.w = p.op + 2;
    return p;
}

/* The next function, under its number among the exports. */
static void export_next(emitter *e)
{
    put_number(e, &e->exports, e->export_count++);
    put_byte(e, &e->exports, KIND_FUNC);
    put_u32(e, &e->exports, e->yield + e->function_count);
}

static uint32_t imports_of(const ww_thunk *thunk)
{
    switch (thunk->kind) {
    case WW_THUNK_DIRECT: return 1;
    case WW_THUNK_FORWARD: return 0;
    default: return 1 + has_args(thunk);
    }
}

/* Answers the function's index. */
static uint32_t add_thunk(emitter *e, const ww_thunk *thunk)
{
    if (thunk->kind == WW_THUNK_DIRECT) return add_import(e, &thunk->core);
    uint32_t function = e->yield + e->function_count;
    if (thunk->kind == WW_THUNK_FORWARD) {
        add_function(e, &thunk->core);
        emit_forward(e, thunk);
    } else {
        add_function(e, thunk->kind == WW_THUNK_LIFT ? &empty_type : &thunk->core);
        parts p = import_parts(e, thunk);
        emit_loop(e, &p);
    }
    add_code(e);
    return function;
}

static void add_yield(emitter *e)
{
    add_function(e, &empty_type);
    put_u32(e, &e->body, 0);
    op(e, OP_END);
    add_code(e);
}

static void add_getter(emitter *e, const uint32_t *functions, uint32_t count)
{
    export_next(e);
    put_u32(e, &e->functions, funcref_type_index(e, 0, count));
    e->function_count++;
    put_u32(e, &e->body, 0);
    for (uint32_t i = 0; i < count; i++) {
        op_u32(e, OP_REF_FUNC, functions[i]);
        put_u32(e, &e->elements, functions[i]);
    }
    op(e, OP_END);
    add_code(e);
}

static void add_setter(emitter *e, uint32_t first, uint32_t count)
{
    export_next(e);
    put_u32(e, &e->functions, funcref_type_index(e, count, 0));
    e->function_count++;
    put_u32(e, &e->body, 0);
    for (uint32_t i = 0; i < count; i++) {
        op_const(e, OP_I32_CONST, first + i);
        op_u32(e, OP_LOCAL_GET, i);
        op_u32(e, OP_TABLE_SET, TABLE_INDEX);
    }
    op(e, OP_END);
    add_code(e);
}

/* `functions` has room for the index of each thunk. */
static void emit_all(emitter *e, const ww_thunk *thunks, uint32_t count, uint32_t *functions)
{
    e->yield = 1; /* resume */
    for (uint32_t i = 0; i < count; i++)
        e->yield += imports_of(&thunks[i]);
    add_import(e, &answer_of_resume);
    add_yield(e);
    for (uint32_t i = 0; i < count && !e->status; i++)
        functions[i] = add_thunk(e, &thunks[i]);
    WW_ASSERT(e->status || e->import_count == e->yield);
    for (uint32_t g = 0; g < ww_thunk_groups(count) && !e->status; g++)
        add_getter(e, functions + g * WW_FUNC_GROUP, ww_thunk_group_size(count, g));
    for (uint32_t g = 0; g < ww_thunk_groups(e->slot_count) && !e->status; g++)
        add_setter(e, g * WW_FUNC_GROUP, ww_thunk_group_size(e->slot_count, g));
}

/* --- assembly ------------------------------------------------------------------------------- */

/* Makes one section of what stands in e->body. */
static void close_section(emitter *e, ww_buf *out, uint8_t id)
{
    put_byte(e, out, id);
    put_u32(e, out, (uint32_t)e->body.size);
    put(e, out, e->body.data, e->body.size);
    ww_buf_clear(&e->body);
}

static void put_vector(emitter *e, ww_buf *out, uint8_t id, uint32_t count, const ww_buf *items)
{
    put_u32(e, &e->body, count);
    put(e, &e->body, items->data, items->size);
    close_section(e, out, id);
}

static void assemble(emitter *e, uint32_t thunk_count, ww_buf *out)
{
    static const uint8_t preamble[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    put(e, out, preamble, sizeof preamble);
    put_u32(e, &e->body, e->types.count);
    for (uint32_t i = 0; i < e->types.count; i++) {
        ww_view text = ww_names_text(&e->types, i);
        put(e, &e->body, text.data, text.size);
    }
    close_section(e, out, SECTION_TYPE);
    put_vector(e, out, SECTION_IMPORT, e->import_count, &e->imports);
    put_vector(e, out, SECTION_FUNCTION, e->function_count, &e->functions);
    put_u32(e, &e->body, 1);
    put_byte(e, &e->body, TYPE_FUNCREF);
    put_byte(e, &e->body, LIMITS_MIN_MAX);
    put_u32(e, &e->body, e->slot_count);
    put_u32(e, &e->body, e->slot_count);
    close_section(e, out, SECTION_TABLE);
    put_vector(e, out, SECTION_EXPORT, e->export_count, &e->exports);
    put_u32(e, &e->body, 1);
    put_byte(e, &e->body, ELEMENTS_DECLARED);
    put_byte(e, &e->body, KIND_FUNC);
    put_u32(e, &e->body, thunk_count);
    put(e, &e->body, e->elements.data, e->elements.size);
    close_section(e, out, SECTION_ELEMENT);
    put_vector(e, out, SECTION_CODE, e->function_count, &e->code);
}

static ww_status keep(const emitter *e, const ww_buf *wasm, ww_arena *arena, ww_thunk_module *out)
{
    const void *copy = ww_arena_copy(arena, wasm->data, wasm->size);
    if (!copy) return ww_arena_failure(arena);
    const void *types = ww_arena_copy(arena, e->import_types.data, e->import_types.size);
    if (!types) return ww_arena_failure(arena);
    *out = (ww_thunk_module){ww_view_of(copy, wasm->size), e->import_count, types};
    return WW_OK;
}

static ww_status emit(emitter *e, const ww_thunk *thunks, uint32_t count, ww_arena *arena,
                      ww_thunk_module *out)
{
    ww_buf wasm;
    ww_buf_init(&wasm, arena->allocator, WW_MAX_PLAN_BYTES);
    uint32_t *functions = ww_arena_alloc(arena, (count + 1) * sizeof *functions);
    if (functions)
        emit_all(e, thunks, count, functions);
    else
        e->status = ww_arena_failure(arena);
    assemble(e, count, &wasm);
    if (!e->status) e->status = keep(e, &wasm, arena, out);
    ww_buf_deinit(&wasm);
    return e->status;
}

ww_status ww_thunk_emit(const ww_thunk *thunks, uint32_t count, const ww_core_type *slots,
                        uint32_t slot_count, ww_arena *arena, ww_thunk_module *out, ww_diag *diag)
{
    *out = (ww_thunk_module){0};
    emitter e = {.slots = slots, .slot_count = slot_count};
    static const uint64_t key[2] = {0, 0};
    ww_names_init(&e.types, arena->allocator, key, 4 * WW_MAX_PLAN_FUNCS);
    ww_buf *const buffers[] = {&e.imports, &e.import_types, &e.functions, &e.elements,
                               &e.exports, &e.code,         &e.body};
    for (size_t i = 0; i < WW_COUNT_OF(buffers); i++)
        ww_buf_init(buffers[i], arena->allocator, WW_MAX_PLAN_BYTES);
    ww_status status = emit(&e, thunks, count, arena, out);
    for (size_t i = 0; i < WW_COUNT_OF(buffers); i++)
        ww_buf_deinit(buffers[i]);
    ww_names_deinit(&e.types);
    if (status) return ww_fail(diag, status, "thunks of %u functions", count);
    return WW_OK;
}
