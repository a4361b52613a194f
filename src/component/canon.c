/* Canonical definitions: "Canonical Definitions" of the component model's Binary.md, and the
 * rules of CanonicalABI.md for what a lift or lower needs. The core types checked here are what
 * unchecked calls rely on. */
#include "component/check.h"

/* --- core function types ------------------------------------------------------------------- */

static bool is_core_type(const ww_core_func_type *type, const ww_core_type *wanted)
{
    if (type->opaque || type->param_count != wanted->param_count ||
        type->result_count != wanted->result_count)
        return false;
    for (uint32_t i = 0; i < type->param_count; i++)
        if (type->values[i] != wanted->params[i]) return false;
    for (uint32_t i = 0; i < type->result_count; i++)
        if (type->values[type->param_count + i] != wanted->results[i]) return false;
    return true;
}

static const ww_core_func_type *core_func_at(ww_checker *c, uint32_t index)
{
    const ww_core_entity *entity = ww_scope_core(c, WW_SORT_CORE_FUNC, index);
    return entity ? entity->func : NULL;
}

void ww_check_core_func(ww_checker *c, uint32_t index, const ww_core_type *wanted, const char *what)
{
    const ww_core_func_type *type = core_func_at(c, index);
    if (type && !is_core_type(type, wanted))
        ww_check_fail(c, WW_E_INVALID, "core func %u has the wrong type for a %s", index, what);
}

/* The core function that a definition makes. */
static void add_core_func(ww_checker *c, const ww_core_type *type)
{
    ww_core_valtype values[2 * WW_FLAT_PARAMS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->param_count; i++)
        values[count++] = type->params[i];
    for (uint32_t i = 0; i < type->result_count; i++)
        values[count++] = type->results[i];
    ww_core_func_type *func = ww_check_alloc(c, sizeof *func);
    ww_core_entity *entity = ww_check_alloc(c, sizeof *entity);
    ww_core_valtype *kept = ww_check_array(c, count, sizeof *kept);
    if (!func || !entity || !kept) return;
    memcpy(kept, values, count * sizeof *kept);
    *func = (ww_core_func_type){type->param_count, type->result_count, kept, false};
    *entity = (ww_core_entity){.sort = WW_SORT_CORE_FUNC, .func = func};
    ww_scope_add_core(c, WW_SORT_CORE_FUNC, entity);
}

/* --- options ------------------------------------------------------------------------------- */

static void set_once(ww_checker *c, uint32_t *place, const char *name)
{
    if (*place != WW_NONE)
        ww_check_fail(c, WW_E_INVALID, "canonical option `%s` given twice", name);
    *place = ww_reader_u32(c->r);
}

static void refuse_option(ww_checker *c, uint8_t option)
{
    static const char *const names[] = {"async", "callback", "core-type", "gc"};
    if (option >= 0x06 && option <= 0x09)
        ww_check_fail(c, WW_E_UNSUPPORTED, "canonical option `%s`: not supported by this host",
                      names[option - 0x06]);
    else
        ww_check_fail(c, WW_E_INVALID, "0x%02x is no canonical option", option);
}

static void check_memory(ww_checker *c, uint32_t index)
{
    const ww_core_entity *memory = ww_scope_core(c, WW_SORT_CORE_MEMORY, index);
    if (!memory) return;
    if (memory->limits.is_64)
        ww_check_fail(c, WW_E_UNSUPPORTED, "64-bit memory for values: not supported by this host");
    if (memory->limits.shared)
        ww_check_fail(c, WW_E_INVALID, "a shared memory cannot hold values that are passed");
}

static void read_options(ww_checker *c, ww_canon_options *out)
{
    static const ww_core_type realloc = {.param_count = 4,
                                         .result_count = 1,
                                         .params = {WW_I32, WW_I32, WW_I32, WW_I32},
                                         .results = {WW_I32}};
    *out = (ww_canon_options){.memory = WW_NONE, .realloc = WW_NONE, .post_return = WW_NONE};
    bool has_encoding = false;
    uint32_t count = ww_reader_count(c->r, WW_MAX_CANON_OPTIONS, "canonical options");
    for (uint32_t i = 0; i < count && ww_check_ok(c); i++) {
        uint8_t option = ww_reader_u8(c->r);
        switch (option) {
        case 0x00:
        case 0x01:
        case 0x02:
            if (has_encoding) ww_check_fail(c, WW_E_INVALID, "two string encodings");
            has_encoding = true;
            out->encoding = (ww_encoding)(WW_UTF8 + option);
            break;
        case 0x03: set_once(c, &out->memory, "memory"); break;
        case 0x04: set_once(c, &out->realloc, "realloc"); break;
        case 0x05: set_once(c, &out->post_return, "post-return"); break;
        default: refuse_option(c, option);
        }
    }
    if (out->memory != WW_NONE) check_memory(c, out->memory);
    if (out->realloc == WW_NONE) return;
    if (out->memory == WW_NONE)
        ww_check_fail(c, WW_E_INVALID, "canonical option `realloc` needs `memory`");
    ww_check_core_func(c, out->realloc, &realloc, "realloc");
}

static void require(ww_checker *c, bool needed, uint32_t option, const char *name)
{
    if (needed && option == WW_NONE)
        ww_check_fail(c, WW_E_INVALID, "canonical option `%s` is required for this type", name);
}

/* --- definitions --------------------------------------------------------------------------- */

static void define_canon(ww_checker *c, ww_def_kind kind, ww_sort sort, uint32_t func,
                         const ww_func_type *type, const ww_canon_options *options)
{
    ww_def *def = ww_scope_define(c, kind, sort);
    if (!def) return;
    def->of.canon.func = func;
    def->of.canon.type = type;
    def->of.canon.options = *options;
}

static void lift(ww_checker *c)
{
    if (ww_reader_u8(c->r)) ww_check_fail(c, WW_E_INVALID, "malformed lift");
    uint32_t func = ww_reader_u32(c->r);
    ww_canon_options options;
    read_options(c, &options);
    const ww_type_item *item = ww_scope_type(c, ww_reader_u32(c->r), WW_ITEM_FUNC);
    if (!item) return;
    const ww_func_type *type = item->of.func;
    ww_check_core_func(c, func, &type->lifted, "lift to this function type");
    require(c, type->params_have_pointers || type->params_spilled, options.realloc, "realloc");
    require(c, type->result_has_pointers || type->result_spilled, options.memory, "memory");
    if (options.post_return != WW_NONE) {
        ww_core_type wanted = {.param_count = type->lifted.result_count};
        memcpy(wanted.params, type->lifted.results, wanted.param_count);
        ww_check_core_func(c, options.post_return, &wanted, "post-return");
    }
    define_canon(c, WW_DEF_LIFT, WW_SORT_FUNC, func, type, &options);
    ww_scope_add_item(c, WW_SORT_FUNC, item);
}

static void lower(ww_checker *c)
{
    if (ww_reader_u8(c->r)) ww_check_fail(c, WW_E_INVALID, "malformed lower");
    uint32_t func = ww_reader_u32(c->r);
    ww_canon_options options;
    read_options(c, &options);
    const ww_type_item *item = ww_scope_item(c, WW_SORT_FUNC, func);
    if (!item) return;
    const ww_func_type *type = item->of.func;
    require(c, type->params_have_pointers || type->params_spilled || type->result_spilled,
            options.memory, "memory");
    require(c, type->result_has_pointers, options.realloc, "realloc");
    if (options.post_return != WW_NONE)
        ww_check_fail(c, WW_E_INVALID, "canonical option `post-return` is for lifts only");
    define_canon(c, WW_DEF_LOWER, WW_SORT_CORE_FUNC, func, type, &options);
    add_core_func(c, &type->lowered);
}

static void resource_builtin(ww_checker *c, ww_def_kind kind)
{
    uint32_t index = ww_reader_u32(c->r);
    const ww_type_item *item = ww_scope_type(c, index, WW_ITEM_RESOURCE);
    if (!item) return;
    const ww_resource *resource = item->of.resource;
    bool is_own = resource->kind == WW_RESOURCE_DEFINED && resource->owner == c->scope->component;
    if (kind != WW_DEF_RESOURCE_DROP && !is_own)
        ww_check_fail(c, WW_E_INVALID, "type %u is no resource of this component's own", index);
    ww_def *def = ww_scope_define(c, kind, WW_SORT_CORE_FUNC);
    if (!def) return;
    def->of.resource = resource;
    ww_core_type type = {.param_count = 1, .params = {WW_I32}, .results = {WW_I32}};
    type.result_count = kind != WW_DEF_RESOURCE_DROP;
    add_core_func(c, &type);
}

static void context_builtin(ww_checker *c, ww_def_kind kind)
{
    uint8_t value = ww_reader_u8(c->r);
    uint32_t slot = ww_reader_u32(c->r);
    if (value == WW_I64)
        ww_check_fail(c, WW_E_UNSUPPORTED,
                      "context of i64 (64-bit memory): not supported by this host");
    if (value != WW_I32 || slot > 1)
        ww_check_fail(c, WW_E_INVALID, "there is no context word %u of type 0x%02x", slot, value);
    ww_def *def = ww_scope_define(c, kind, WW_SORT_CORE_FUNC);
    if (!def) return;
    def->of.context = slot;
    ww_core_type type = {.params = {WW_I32}, .results = {WW_I32}};
    type.param_count = kind == WW_DEF_CONTEXT_SET;
    type.result_count = kind == WW_DEF_CONTEXT_GET;
    add_core_func(c, &type);
}

/* The built-ins of component async and threads. */
static const char *async_name(uint8_t opcode)
{
    static const char *const names[] = {
        [0x05] = "task.cancel",
        [0x06] = "subtask.cancel",
        [0x09] = "task.return",
        [0x0c] = "thread.yield",
        [0x0d] = "subtask.drop",
        [0x0e] = "stream.new",
        [0x0f] = "stream.read",
        [0x10] = "stream.write",
        [0x11] = "stream.cancel-read",
        [0x12] = "stream.cancel-write",
        [0x13] = "stream.drop-readable",
        [0x14] = "stream.drop-writable",
        [0x15] = "future.new",
        [0x16] = "future.read",
        [0x17] = "future.write",
        [0x18] = "future.cancel-read",
        [0x19] = "future.cancel-write",
        [0x1a] = "future.drop-readable",
        [0x1b] = "future.drop-writable",
        [0x1c] = "error-context.new",
        [0x1d] = "error-context.debug-message",
        [0x1e] = "error-context.drop",
        [0x1f] = "waitable-set.new",
        [0x20] = "waitable-set.wait",
        [0x21] = "waitable-set.poll",
        [0x22] = "waitable-set.drop",
        [0x23] = "waitable.join",
        [0x24] = "backpressure.inc",
        [0x25] = "backpressure.dec",
        [0x26] = "thread.index",
        [0x27] = "thread.new-indirect",
        [0x28] = "thread.resume-later",
        [0x29] = "thread.suspend",
        [0x2a] = "thread.suspend-then-resume",
        [0x2b] = "thread.yield-then-resume",
        [0x2c] = "thread.suspend-then-promote",
        [0x2d] = "thread.yield-then-promote",
        [0x2e] = "stream.forward",
        [0x2f] = "future.forward",
        [0x40] = "thread.spawn-ref",
        [0x41] = "thread.spawn-indirect",
        [0x42] = "thread.available-parallelism",
    };
    return opcode < WW_COUNT_OF(names) ? names[opcode] : NULL;
}

void ww_check_canon(ww_checker *c)
{
    uint8_t opcode = ww_reader_u8(c->r);
    switch (opcode) {
    case 0x00: lift(c); return;
    case 0x01: lower(c); return;
    case 0x02: resource_builtin(c, WW_DEF_RESOURCE_NEW); return;
    case 0x03: resource_builtin(c, WW_DEF_RESOURCE_DROP); return;
    case 0x04: resource_builtin(c, WW_DEF_RESOURCE_REP); return;
    case 0x0a: context_builtin(c, WW_DEF_CONTEXT_GET); return;
    case 0x0b: context_builtin(c, WW_DEF_CONTEXT_SET); return;
    default: break;
    }
    const char *name = async_name(opcode);
    if (name)
        ww_check_fail(c, WW_E_UNSUPPORTED, "`%s` (component async): not supported by this host",
                      name);
    else
        ww_check_fail(c, WW_E_INVALID, "0x%02x is no canonical function", opcode);
}
