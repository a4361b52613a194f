/* Any function type, called any way, with any bytes in the guests' memories, any core values and
 * any answers of realloc: imports of the host, exports, and calls between components, which wait,
 * fail and nest. No engine runs: the harness is guest, thunk and memory. What must hold: nothing is
 * read or written outside of a memory; what arrives is a value of its type; a resource has one
 * owner at any time; and where realloc is honest, what arrives in a callee is what its caller sent. */
#include "base/utf8.h"
#include "component/limits.h"
#include "component/runtime.h"
#include "support/check.h"
#include <sanitizer/asan_interface.h>
#include <stdlib.h>

enum {
    OWNERS = 2, /* 1 calls 0 and the host; 0 is also called by the host */
    CALLEE = 0,
    CALLER = 1,
    RESOURCES = 3, /* the last one is implemented by the callee */
    MEMORY_BYTES_MAX = 2048,
    WORDS_MAX = 32,   /* of a memory's lower part */
    HEAP_BYTES = 512, /* its upper part, where an honest realloc takes from */
    TYPE_DEPTH_MAX = 5,
    FIELDS_MAX = 4,
    PARAMS_MAX = 18,
    LIST_MAX = 3,
    CALLS_MAX = 8,
    NESTING_MAX = 3,
    STEPS_MAX = 1000,
    COPY_BYTES_MAX = 1 << 16,
};

typedef struct guest {
    uint8_t *base;
    uint32_t size, grown; /* what the host has seen, and what there is */
    uint32_t heap;        /* the next free byte of an honest realloc */
} guest;

typedef struct world {
    const uint8_t *data;
    size_t size;
    bool honest;
    int live; /* resources */
    unsigned nesting, steps;
    test_allocator allocator;
    ww_arena types, values;
    ww_func_type type;
    guest guests[OWNERS];
    struct ww_call_rest again; /* where lift_again puts things */
    ww_instance instance;
    ww_owner owners[OWNERS];
    ww_live_memory memories[OWNERS];
    const ww_resource_type *resources[RESOURCES];
    ww_plan_lift plan_lift;
    ww_lift lift;
    struct ww_program program;
    ww_plan_site plan_call, plan_import;
    ww_host_func func;
    ww_site call, import;
} world;

static world w;

static void require(bool cond)
{
    if (!cond) abort();
}

/* --- the input ------------------------------------------------------------------------------- */

static uint8_t byte(void)
{
    if (!w.size) return 0;
    w.size--;
    return *w.data++;
}

static uint32_t word(void)
{
    uint32_t value = byte();
    for (int i = 1; i < 4; i++)
        value = value << 8 | byte();
    return value;
}

/* Below `count`; 0 at the input's end. */
static uint32_t choice(uint32_t count)
{
    return byte() % count;
}

/* --- in the engine's place ------------------------------------------------------------------- */

static uint8_t trap_place;

ww_trap *ww_trap_of_code(int code)
{
    require(code >= 0);
    return (ww_trap *)&trap_place;
}

ww_trap *ww_trap_of_text(ww_view text)
{
    require(text.size);
    return (ww_trap *)&trap_place;
}

void ww_trap_free(ww_trap *trap)
{
    (void)trap;
}

void *ww_caller_data(ww_caller *caller)
{
    (void)caller;
    return &w.instance;
}

void ww_store_wait(ww_store *store)
{
    (void)store;
}

ww_memory_view ww_store_memory(ww_store *store, const ww_core_memory *memory)
{
    (void)store;
    guest *g = &w.guests[memory->store];
    g->size = g->grown;
    return (ww_memory_view){g->base, g->size};
}

/* --- types ----------------------------------------------------------------------------------- */

static const ww_type *make_type(unsigned depth);

static ww_field *make_fields(uint32_t count, unsigned depth, bool may_lack)
{
    ww_field *fields = ww_arena_array(&w.types, count, sizeof *fields);
    for (uint32_t i = 0; fields && i < count; i++) {
        fields[i].name = WW_VIEW_LITERAL("x");
        if (may_lack && !choice(3)) continue;
        fields[i].type = make_type(depth + 1);
        if (!fields[i].type) return NULL;
    }
    return fields;
}

static const ww_type *finish_type(ww_type *type, ww_field *fields)
{
    type->fields = fields;
    return ww_type_layout(type, fields) ? NULL : type;
}

static const ww_type *make_compound(ww_type_kind kind, unsigned depth)
{
    ww_type *type = ww_arena_alloc(&w.types, sizeof *type);
    if (!type) return NULL;
    type->kind = (uint8_t)kind;
    switch (kind) {
    case WW_TYPE_LIST:
        type->element = make_type(depth + 1);
        return type->element ? finish_type(type, NULL) : NULL;
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW: type->resource = choice(RESOURCES); return finish_type(type, NULL);
    case WW_TYPE_FLAGS: type->count = 1 + choice(WW_MAX_FLAGS); break;
    case WW_TYPE_ENUM: type->count = 1 + choice(255) * (1 + choice(3)); break;
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT: type->count = 2; break;
    default: type->count = 1 + choice(FIELDS_MAX); break;
    }
    bool labels = kind == WW_TYPE_FLAGS || kind == WW_TYPE_ENUM;
    ww_field *fields = labels ? ww_arena_array(&w.types, type->count, sizeof *fields)
                              : make_fields(type->count, depth, kind >= WW_TYPE_VARIANT);
    if (!fields) return NULL;
    if (kind == WW_TYPE_OPTION) fields[0].type = NULL;
    if (kind == WW_TYPE_OPTION && !fields[1].type) fields[1].type = ww_type_primitive(WW_TYPE_U8);
    return finish_type(type, fields);
}

static const ww_type *make_type(unsigned depth)
{
    ww_type_kind kind = (ww_type_kind)choice(WW_TYPE_BORROW + 1);
    if (kind <= WW_TYPE_STRING) return ww_type_primitive(kind);
    return depth < TYPE_DEPTH_MAX ? make_compound(kind, depth) : ww_type_primitive(WW_TYPE_U32);
}

static bool has_borrow(const ww_type *type)
{
    if (!type || !type->has_handles) return false;
    if (type->kind == WW_TYPE_BORROW) return true;
    if (type->kind == WW_TYPE_LIST) return has_borrow(type->element);
    for (uint32_t i = 0; i < type->count; i++)
        if (has_borrow(type->fields[i].type)) return true;
    return false;
}

static bool make_func_type(void)
{
    w.type = (ww_func_type){.param_count = choice(PARAMS_MAX + 1)};
    ww_field *params = make_fields(w.type.param_count, 0, false);
    w.type.params = params;
    if (choice(4)) w.type.result = make_type(0);
    if (!params || has_borrow(w.type.result)) return false;
    return !ww_func_type_layout(&w.type, params);
}

/* --- values of the host ---------------------------------------------------------------------- */

static ww_list make_string(void)
{
    uint32_t size = choice(8);
    uint8_t *text = ww_arena_alloc(&w.values, size);
    require(text);
    bool ascii = choice(4);
    for (uint32_t i = 0; i < size; i++)
        text[i] = ascii ? byte() & 0x7f : byte();
    return (ww_list){text, size};
}

static void make_value(const ww_type *type, uint8_t *out);

static void make_fields_of(const ww_field *fields, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        make_value(fields[i].type, out + fields[i].host_offset);
}

static void make_list(const ww_type *element, ww_list *out)
{
    out->count = choice(LIST_MAX + 1);
    uint8_t *host = ww_arena_array(&w.values, out->count, element->host_size);
    require(host);
    out->data = host;
    for (size_t i = 0; i < out->count; i++)
        make_value(element, host + i * element->host_size);
}

static void make_value(const ww_type *type, uint8_t *out)
{
    uint32_t bits;
    uint64_t rep;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_BOOL: *out = byte() & 1; return;
    case WW_TYPE_CHAR: memcpy(out, &(uint32_t){choice(128)}, 4); return;
    case WW_TYPE_STRING: *(ww_list *)(void *)out = make_string(); return;
    case WW_TYPE_LIST: make_list(type->element, (ww_list *)(void *)out); return;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE: make_fields_of(type->fields, type->count, out); return;
    case WW_TYPE_VARIANT:
    case WW_TYPE_ENUM:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        bits = choice(type->count);
        memcpy(out, &bits, sizeof bits);
        if (type->fields[bits].type)
            make_value(type->fields[bits].type, out + type->payload_host_offset);
        return;
    case WW_TYPE_FLAGS:
        bits = word() & (uint32_t)((UINT64_C(1) << type->count) - 1);
        memcpy(out, &bits, sizeof bits);
        return;
    case WW_TYPE_OWN:
        w.live++; /* and */
        __attribute__((fallthrough));
    case WW_TYPE_BORROW:
        rep = 1 + byte();
        memcpy(out, &rep, sizeof rep);
        return;
    default:
        for (uint32_t i = 0; i < type->host_size; i++)
            out[i] = byte();
    }
}

/* A value that was lifted for the host is one of its type, to the last byte that it points to. What
 * is owned becomes the harness's, and is dropped. */
static void take_value(const ww_type *type, const uint8_t *host)
{
    uint32_t bits;
    uint64_t rep;
    const ww_list *list = (const ww_list *)(const void *)host;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_BOOL: require(*host <= 1); return;
    case WW_TYPE_CHAR:
        memcpy(&bits, host, sizeof bits);
        require(bits < 0xd800 || (bits >= 0xe000 && bits < 0x110000));
        return;
    case WW_TYPE_STRING: require(ww_utf8_valid(ww_view_of(list->data, list->count))); return;
    case WW_TYPE_LIST:
        for (size_t i = 0; i < list->count; i++)
            take_value(type->element, (const uint8_t *)list->data + i * type->element->host_size);
        return;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            take_value(type->fields[i].type, host + type->fields[i].host_offset);
        return;
    case WW_TYPE_VARIANT:
    case WW_TYPE_ENUM:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        memcpy(&bits, host, sizeof bits);
        require(bits < type->count);
        if (type->fields[bits].type)
            take_value(type->fields[bits].type, host + type->payload_host_offset);
        return;
    case WW_TYPE_FLAGS:
        memcpy(&bits, host, sizeof bits);
        require(!((uint64_t)bits >> type->count));
        return;
    case WW_TYPE_OWN:
    case WW_TYPE_BORROW:
        memcpy(&rep, host, sizeof rep);
        require(rep);
        w.live -= type->kind == WW_TYPE_OWN;
        return;
    default: require(!memcmp(host, host, type->host_size)); return;
    }
}

static bool same_value(const ww_type *type, const uint8_t *a, const uint8_t *b)
{
    uint32_t tag;
    const ww_list *x = (const ww_list *)(const void *)a, *y = (const ww_list *)(const void *)b;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_STRING: return x->count == y->count && !memcmp(x->data, y->data, x->count);
    case WW_TYPE_LIST:
        if (x->count != y->count) return false;
        for (size_t i = 0; i < x->count; i++) {
            size_t at = i * type->element->host_size;
            if (!same_value(type->element, (const uint8_t *)x->data + at,
                            (const uint8_t *)y->data + at))
                return false;
        }
        return true;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++) {
            uint32_t at = type->fields[i].host_offset;
            if (!same_value(type->fields[i].type, a + at, b + at)) return false;
        }
        return true;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        memcpy(&tag, a, sizeof tag);
        if (memcmp(a, b, sizeof tag)) return false;
        return !type->fields[tag].type ||
               same_value(type->fields[tag].type, a + type->payload_host_offset,
                          b + type->payload_host_offset);
    default: return !memcmp(a, b, type->host_size);
    }
}

/* --- the host's side ------------------------------------------------------------------------- */

static ww_status drop(ww_call *call, uint64_t rep)
{
    (void)call;
    require(rep);
    w.live--;
    return WW_OK;
}

static ww_status answer(ww_call *call, void *result)
{
    if (!choice(16)) return ww_call_fail(call, "the end"), WW_E_TRAP;
    if (w.type.result) make_value(w.type.result, result);
    return WW_OK;
}

static ww_status on_call(ww_call *call, const void *params, void *result)
{
    for (uint32_t i = 0; i < w.type.param_count; i++)
        take_value(w.type.params[i].type, (const uint8_t *)params + w.type.params[i].host_offset);
    call->resume = answer;
    if (w.func.may_wait && !choice(4)) return WW_AGAIN;
    return answer(call, result);
}

/* --- the guests' side ------------------------------------------------------------------------ */

/* Without room for a heap, memories are so small that their ends are met. */
static void make_guest(guest *g, uint32_t owner)
{
    uint32_t low = 8 + choice(WORDS_MAX) * 4;
    g->grown = g->size = low + (w.honest ? HEAP_BYTES : 0);
    g->heap = low;
    g->base = malloc(MEMORY_BYTES_MAX);
    require(g->base);
    memset(g->base, 0, MEMORY_BYTES_MAX);
    for (uint32_t at = 0; at + 4 <= low; at += 4)
        ww_put_le32(g->base + at, choice(4) ? choice(low + 8) : word());
    ASAN_POISON_MEMORY_REGION(g->base + g->size, MEMORY_BYTES_MAX - g->size);
    w.memories[owner] = (ww_live_memory){.view = {g->base, g->size}, .memory = {.store = owner}};
}

/* A guest that grows its memory while it runs. */
static void run_guest(guest *g)
{
    if (choice(8) || g->grown + 16 > MEMORY_BYTES_MAX) return;
    g->grown += 16;
    ASAN_UNPOISON_MEMORY_REGION(g->base, g->grown);
}

static uint32_t reallocate(guest *g, uint64_t v, uint64_t request)
{
    uint32_t align = (uint32_t)request, size = (uint32_t)(request >> 32);
    uint32_t old = (uint32_t)v, old_size = (uint32_t)(v >> 32);
    run_guest(g);
    if (!w.honest) return word() % (g->grown + 8);
    uint32_t at = (g->heap + align - 1) & ~(align - 1);
    if (size > g->grown || at > g->grown - size) return UINT32_MAX; /* no room: a trap */
    memmove(g->base + at, g->base + old, old_size < size ? old_size : size);
    g->heap = at + size;
    return at;
}

static ww_slot random_slot(void)
{
    if (!choice(4)) return (ww_slot){.words = {(uint64_t)word() << 32 | word(), 0}};
    return ww_slot_u32(byte() & 1 ? byte() : choice(16) * 4);
}

static ww_trap *drive(const uint8_t *sent, ww_host_fn *begin, void *env, const ww_slot *slots);

static void random_args(const ww_core_type *core, ww_slot *slots)
{
    for (uint32_t i = 0; i < core->param_count; i++)
        slots[i] = random_slot();
}

/* A direct import, or one through the thunk. */
static ww_trap *call_import(uint32_t owner)
{
    ww_slot slots[WW_FLAT_PARAMS_MAX] = {0};
    w.plan_import.owner = owner;
    w.plan_import.options.memory = owner;
    random_args(&w.type.lowered, slots);
    if (ww_host_func_needs_thunk(&w.func))
        return drive(NULL, ww_entry_dynamic_begin, &w.import, slots);
    return ww_entry_dynamic(&w.import, NULL, slots, WW_FLAT_PARAMS_MAX);
}

/* The parameters as the caller, then as the callee has them; false if they are not values. */
static bool lift_again(uint32_t owner, const ww_plan_options *options, const ww_slot *slots,
                       void *out)
{
    const ww_lifter lifter = {.resolver = {w.resources, NULL}, .copy = true};
    ww_call call = {.instance = &w.instance, .rest = &w.again};
    ww_slot copy[WW_FLAT_PARAMS_MAX];
    memcpy(copy, slots, sizeof copy);
    return ww_call_take_side(&call, owner, options) &&
           ww_lift_params(&call, &lifter, &w.type, copy, out);
}

static bool has_handles(void)
{
    for (uint32_t i = 0; i < w.type.param_count; i++)
        if (w.type.params[i].type->has_handles) return true;
    return false;
}

static void check_args(const uint8_t *sent, const ww_slot *slots)
{
    uint8_t *arrived = ww_arena_alloc(&w.values, w.type.params_host_size);
    require(arrived && lift_again(CALLEE, &w.plan_lift.options, slots, arrived));
    for (uint32_t i = 0; i < w.type.param_count; i++) {
        uint32_t at = w.type.params[i].host_offset;
        require(same_value(w.type.params[i].type, sent + at, arrived + at));
    }
}

static ww_trap *call_callee(const uint8_t *sent, uint64_t *value)
{
    ww_slot slots[WW_FLAT_PARAMS_MAX] = {0};
    if (w.type.lifted.param_count)
        (void)!ww_entry_call_args(NULL, NULL, slots, w.type.lifted.param_count);
    if (sent) check_args(sent, slots);
    run_guest(&w.guests[CALLEE]);
    if (!choice(16)) return (ww_trap *)&trap_place;
    ww_trap *trap = NULL;
    if (w.nesting < NESTING_MAX && !choice(4)) {
        w.nesting++;
        trap = call_import(CALLEE);
        w.nesting--;
    }
    *value = random_slot().words[0];
    return trap;
}

static guest *guest_at_hand(void)
{
    const ww_call *call = &w.instance.frames[w.instance.depth - 1]->call;
    return &w.guests[call->handles == &w.owners[CALLEE].handles ? CALLEE : CALLER];
}

/* What a thunk does. */
static ww_trap *drive(const uint8_t *sent, ww_host_fn *begin, void *env, const ww_slot *slots)
{
    ww_slot out[WW_FLAT_PARAMS_MAX];
    memcpy(out, slots, sizeof out);
    ww_trap *trap = begin(env, NULL, out, WW_FLAT_PARAMS_MAX);
    while (!trap && ++w.steps < STEPS_MAX) {
        uint64_t value = 0;
        switch ((ww_opcode)(out[0].words[0] & 0xff)) {
        case WW_OP_DONE: return NULL;
        case WW_OP_REALLOC:
            value = reallocate(guest_at_hand(), out[1].words[0], out[2].words[0]);
            break;
        case WW_OP_CALL: trap = call_callee(sent, &value); break;
        case WW_OP_WAIT:
        case WW_OP_POST_RETURN: break;
        default: require(false);
        }
        out[0].words[0] = value;
        if (!trap) trap = ww_entry_resume(NULL, NULL, out, 3);
    }
    return (ww_trap *)&trap_place; /* also of a guest that is not patient */
}

static ww_trap *call_between(void)
{
    ww_slot slots[WW_FLAT_PARAMS_MAX] = {0};
    random_args(&w.type.lowered, slots);
    uint8_t *sent = NULL;
    if (w.honest && !has_handles()) {
        sent = ww_arena_alloc(&w.values, w.type.params_host_size);
        require(sent);
        if (!lift_again(CALLER, &w.plan_call.options, slots, sent)) sent = NULL;
    }
    return drive(sent, ww_entry_call_begin, &w.call, slots);
}

static ww_trap *call_export(void)
{
    uint8_t *params = ww_arena_alloc(&w.values, w.type.params_host_size);
    require(params);
    make_fields_of(w.type.params, w.type.param_count, params);
    ww_job job = {.lift = &w.lift, .params = params};
    w.instance.job = &job;
    ww_slot slots[WW_FLAT_PARAMS_MAX] = {0};
    ww_trap *trap = drive(NULL, ww_entry_lift_begin, &w.lift, slots);
    w.instance.job = NULL;
    if (trap) {
        if (!job.started) {
            ww_call call = {.instance = &w.instance};
            const ww_resolver resolver = {w.resources, NULL};
            ww_release_fields(&call, &resolver, w.type.params, w.type.param_count, params);
        }
        return trap;
    }
    ww_call *call = &w.instance.frames[0]->call;
    call->rest->held = NULL;
    if (w.type.result) take_value(w.type.result, call->rest->value);
    ww_call_pop(call);
    return NULL;
}

/* --- a run ----------------------------------------------------------------------------------- */

static ww_plan_options make_options(uint32_t memory)
{
    return (ww_plan_options){.encoding = (uint8_t)choice(3),
                             .memory = memory,
                             .realloc = 0,
                             .post_return = choice(2) ? 0 : WW_NONE};
}

static void make_program(void)
{
    const uint32_t owner_of_guests = CALLEE;
    static ww_resource_type types[RESOURCES];
    for (uint32_t i = 0; i < RESOURCES; i++) {
        types[i] = (ww_resource_type){.name = "r",
                                      .drop = drop,
                                      .dtor = WW_NONE,
                                      .owner = i == 2 ? owner_of_guests : WW_NONE};
        w.resources[i] = &types[i];
    }
    const ww_plan_type type = {.func = &w.type};
    w.plan_lift = (ww_plan_lift){.owner = CALLEE, .type = type, .options = make_options(CALLEE)};
    w.lift = (ww_lift){.plan = &w.plan_lift, .program = &w.program};
    w.program.lifts = &w.lift;
    w.plan_call = (ww_plan_site){
        .kind = WW_SITE_CALL, .owner = CALLER, .type = type, .options = make_options(CALLER)};
    w.plan_import = (ww_plan_site){
        .kind = WW_SITE_IMPORT, .owner = CALLER, .type = type, .options = make_options(CALLER)};
    w.func = (ww_host_func){.name = "f", .type = &w.type, .call = on_call, .may_wait = choice(2)};
    w.call = (ww_site){.plan = &w.plan_call, .program = &w.program};
    w.import = (ww_site){
        .plan = &w.plan_import, .program = &w.program, .func = &w.func, .resources = w.resources};
}

static void make_instance(void)
{
    w.instance = (ww_instance){.allocator = &w.allocator.base,
                               .program = &w.program,
                               .options = {.copy_bytes_max = COPY_BYTES_MAX},
                               .owners = w.owners,
                               .memories = w.memories,
                               .resources = w.resources};
    ww_arena_init(&w.instance.direct.scratch, &w.allocator.base, COPY_BYTES_MAX);
    for (uint32_t i = 0; i < OWNERS; i++) {
        w.owners[i] = (ww_owner){.parent = WW_NONE};
        ww_handles_init(&w.owners[i].handles, &w.allocator.base);
        make_guest(&w.guests[i], i);
        for (uint32_t k = choice(8); k; k--)
            w.live += ww_handles_add(&w.owners[i].handles, w.resources[k % RESOURCES], k, 0, 0) > 0;
    }
}

/* As the instance does when its store is dead, and when it goes. */
static void free_instance(void)
{
    ww_instance *instance = &w.instance;
    while (instance->depth) {
        ww_call *call = &instance->frames[instance->depth - 1]->call;
        ww_call_abandon(call);
        ww_call_pop(call);
    }
    for (uint32_t i = 0; i < OWNERS; i++) {
        const ww_handles *handles = &w.owners[i].handles;
        for (uint32_t k = 1; k < handles->size; k++)
            w.live -= handles->entries[k].type && !handles->entries[k].scope;
        ww_handles_deinit(&w.owners[i].handles);
        ASAN_UNPOISON_MEMORY_REGION(w.guests[i].base, MEMORY_BYTES_MAX);
        free(w.guests[i].base);
    }
    for (size_t i = 0; i < WW_COUNT_OF(instance->frames) && instance->frames[i]; i++) {
        ww_arena_deinit(&instance->frames[i]->rest.scratch);
        ww_free(instance->allocator, instance->frames[i], sizeof(ww_frame));
    }
    ww_arena_deinit(&instance->direct.scratch);
    require(w.live == 0);
}

static void run_calls(void)
{
    ww_trap *trap = NULL;
    for (unsigned i = 0; i < CALLS_MAX && w.size && !trap; i++) {
        switch (choice(3)) {
        case 0: trap = call_import(CALLER); break;
        case 1: trap = call_between(); break;
        default: trap = call_export(); break;
        }
        require(trap || !w.instance.depth);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    w = (world){.data = data, .size = size};
    uint8_t fail_at = byte();
    w.honest = byte() & 1;
    test_allocator_init(&w.allocator, fail_at >= 0x80 ? fail_at & 0x7f : 0);
    ww_arena_init(&w.again.scratch, ww_allocator_libc(), 1 << 20);
    ww_arena_init(&w.types, ww_allocator_libc(), 1 << 20);
    ww_arena_init(&w.values, ww_allocator_libc(), 64 << 20);
    if (make_func_type()) {
        make_program();
        make_instance();
        run_calls();
        free_instance();
        require(!w.allocator.live_bytes);
    }
    ww_arena_deinit(&w.again.scratch);
    ww_arena_deinit(&w.types);
    ww_arena_deinit(&w.values);
    return 0;
}
