/* test/unit/call_fake.h - component/call.h without an engine, for one test program.
 *
 * Model      A guest memory of one page, a handle table that only grows, one pushed call. Values
 *            that are not scalars, bytes or handles are not decoded: ww_lift_flat makes up a value
 *            of the type. What the real primitives check is tested with them; here it is about what
 *            entries do with their answers. The functions replace those of the library, which is
 *            why one source file alone may include this.
 */
#pragma once
#include "resource/envelope.h"
#include "resource/object.h"
#include "support/check.h"
#include <stdio.h>

enum { FAKE_HANDLES = 64, FAKE_MEMORY = 65536, FAKE_SCRATCH = 65536, FAKE_LIFTED = 4 };

typedef struct fake_handle {
    const ww_resource_type *type; /* NULL: free */
    uint64_t rep;
} fake_handle;

static struct fake {
    void *host;
    ww_call pushed;
    fake_handle handles[FAKE_HANDLES]; /* from 1 */
    uint32_t handle_count;
    bool table_full;
    struct {
        const ww_type *type; /* NULL: given back */
        _Alignas(16) uint8_t value[256];
    } lifted[FAKE_LIFTED]; /* what ww_lift_flat made up */
    uint32_t lifted_count;
    bool last_case;      /* of made-up variants, instead of the first; none instead of some */
    uint8_t scalar;      /* of made-up numbers, so that no two are the same */
    char trap_text[256]; /* empty: none */
    int trap_code;
    ww_status settled;
    uint32_t open_calls, objects_freed;
    _Alignas(16) uint8_t memory[FAKE_MEMORY];
    _Alignas(16) uint8_t scratch[FAKE_SCRATCH]; /* of all calls of a case */
    size_t scratch_used;
} fake;

/* What ends a guest, as far as these tests can tell. */
#define FAKE_TRAP ((ww_trap *)(uintptr_t)1)

/* --- objects and handles -------------------------------------------------------------------- */

static inline void fake_object_free(ww_object *object)
{
    fake.objects_freed++;
    ww_free(ww_allocator_libc(), object, sizeof *object);
}

static const ww_object_class fake_class = {.name = "fake", .free = fake_object_free};

static inline ww_object *fake_object(void)
{
    ww_object *object = ww_alloc(ww_allocator_libc(), sizeof *object);
    assert_non_null(object);
    ww_principal *principal = ((ww_context *)fake.host)->principal;
    uint64_t quota = principal->budgets[WW_PRINCIPAL_OBJECTS].max; /* is not what these objects are about */
    principal->budgets[WW_PRINCIPAL_OBJECTS].max = UINT64_MAX;
    assert_ok(ww_object_init(object, &fake_class, principal, NULL));
    principal->budgets[WW_PRINCIPAL_OBJECTS].max = quota;
    return object;
}

static inline uint32_t fake_handle_of(const ww_resource_type *type, uint64_t rep)
{
    assert_true(fake.handle_count + 1 < FAKE_HANDLES);
    fake.handles[++fake.handle_count] = (fake_handle){type, rep};
    return fake.handle_count;
}

/* What a function does with parameters that it owns: they go at once. */
static inline void fake_release_params(void)
{
    for (uint32_t i = 1; i <= fake.handle_count; i++) {
        if (fake.handles[i].type || !fake.handles[i].rep) continue;
        ww_object_release(ww_object_of(fake.handles[i].rep));
        fake.handles[i].rep = 0;
    }
    for (uint32_t i = 0; i < fake.lifted_count; i++) {
        ww_envelope_release(fake.lifted[i].type, fake.lifted[i].value);
        fake.lifted[i].type = NULL;
    }
}

static inline void fake_drop_handles(void)
{
    for (uint32_t i = 1; i <= fake.handle_count; i++)
        if (fake.handles[i].type) ww_object_release(ww_object_of(fake.handles[i].rep));
    fake.handle_count = 0;
}

static inline void fake_number(const ww_type *type, void *out)
{
    uint32_t word = type->kind == WW_TYPE_CHAR   ? 0x1f600
                    : type->kind == WW_TYPE_ENUM ? type->count - 1
                                                 : (uint32_t)((UINT64_C(1) << type->count) - 1);
    if (type->kind == WW_TYPE_CHAR || type->kind == WW_TYPE_ENUM || type->kind == WW_TYPE_FLAGS) {
        memcpy(out, &word, sizeof word);
    } else if (type->kind == WW_TYPE_BOOL) {
        *(bool *)out = true;
    } else {
        for (uint32_t i = 0; i < type->host_size; i++)
            ((uint8_t *)out)[i] = ++fake.scalar;
    }
}

static inline void fake_value(const ww_type *type, void *out);

static inline void fake_variant(const ww_type *type, void *out)
{
    uint32_t first = type->kind == WW_TYPE_OPTION, last = first ? 0 : type->count - 1;
    uint32_t tag = fake.last_case ? last : first;
    memcpy(out, &tag, sizeof tag);
    if (type->fields[tag].type)
        fake_value(type->fields[tag].type, (uint8_t *)out + type->payload_host_offset);
}

/* A value of the type in host layout: strings of three bytes, lists of one element (none if that
 * has handles), objects of its own for handles. */
static inline void fake_value(const ww_type *type, void *out)
{
    static const uint64_t zeroes[32];
    uint64_t rep;
    memset(out, 0, type->host_size);
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_STRING: *(ww_list *)out = (ww_list){"abc", 3}; return;
    case WW_TYPE_LIST:
        if (!type->element->has_handles && type->element->host_size <= sizeof zeroes)
            *(ww_list *)out = (ww_list){zeroes, 1};
        return;
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            fake_value(type->fields[i].type, (uint8_t *)out + type->fields[i].host_offset);
        return;
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
    case WW_TYPE_VARIANT: fake_variant(type, out); return;
    case WW_TYPE_OWN:
        rep = ww_object_rep(fake_object());
        memcpy(out, &rep, sizeof rep);
        return;
    case WW_TYPE_BORROW: return;
    default: fake_number(type, out); return;
    }
}

/* --- component/call.h ----------------------------------------------------------------------- */

static inline void fake_start(ww_call *call, const ww_site *site)
{
    *call = (ww_call){.site = site,
                      .host = fake.host,
                      .memory = {.base = fake.memory, .size = sizeof fake.memory}};
    memset(call->state, 0xa5, sizeof call->state); /* nobody promises zeroes */
    fake.open_calls++;
}

bool ww_call_open(ww_call *call, const ww_site *site, ww_caller *caller)
{
    (void)caller;
    fake_start(call, site);
    return true;
}

void ww_call_close(ww_call *call)
{
    (void)call;
    fake.open_calls--;
}

ww_call *ww_call_push(const ww_site *site, ww_caller *caller, ww_trap **trap)
{
    (void)caller;
    (void)trap;
    fake_start(&fake.pushed, site);
    return &fake.pushed;
}

/* Instead of lowering, the result stays in call->result for the test to look at. */
ww_trap *ww_call_settle(ww_call *call, ww_status status, ww_slot *slots)
{
    fake.settled = status;
    slots[0] = ww_slot_u32(status == WW_AGAIN);
    if (status == WW_AGAIN) return NULL;
    if (status != WW_OK) return ww_call_trap(call);
    fake.open_calls--;
    return NULL;
}

ww_trap *ww_call_trap(ww_call *call)
{
    assert_true(call->failed);
    fake.open_calls--;
    return FAKE_TRAP;
}

ww_status ww_call_fail(ww_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!call->failed) vsnprintf(fake.trap_text, sizeof fake.trap_text, format, args);
    va_end(args);
    call->failed = true;
    return WW_E_TRAP;
}

bool ww_call_fail_code(ww_call *call, int trap_code)
{
    if (!call->failed) fake.trap_code = trap_code;
    call->failed = true;
    return false;
}

bool ww_call_fail_lift_code(ww_call *call, int trap_code)
{
    fake_release_params();
    return ww_call_fail_code(call, trap_code);
}

bool ww_call_fail_lift(ww_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!call->failed) vsnprintf(fake.trap_text, sizeof fake.trap_text, format, args);
    va_end(args);
    call->failed = true;
    fake_release_params();
    return false;
}

bool ww_call_in_grown_memory(ww_call *call, uint64_t ptr, uint64_t size)
{
    (void)call;
    (void)ptr;
    (void)size;
    return false;
}

bool ww_lift_scalars(ww_call *call, uint32_t ptr, uint32_t count, uint32_t size, ww_list *out)
{
    ww_view bytes;
    if (!ww_lift_bytes(call, ptr, count * size, &bytes)) return false;
    *out = (ww_list){bytes.data, count};
    return true;
}

bool ww_lift_string(ww_call *call, uint32_t ptr, uint32_t count, ww_view *out)
{
    return ww_lift_bytes(call, ptr, count, out);
}

bool ww_lift_value(ww_call *call, const ww_type *type, const ww_resource_type *const *resources,
                   uint32_t ptr, void *out)
{
    (void)resources;
    (void)ptr;
    fake_value(type, out);
    return !call->failed;
}

bool ww_lift_flat(ww_call *call, const ww_type *type, const ww_resource_type *const *resources,
                  const ww_slot *slots, void *out)
{
    (void)resources;
    (void)slots;
    fake_value(type, out);
    WW_ASSERT(fake.lifted_count < FAKE_LIFTED && type->host_size <= sizeof fake.lifted[0].value);
    fake.lifted[fake.lifted_count].type = type;
    memcpy(fake.lifted[fake.lifted_count++].value, out, type->host_size);
    return !call->failed;
}

bool ww_lift_pointer(ww_call *call, uint32_t ptr, uint32_t size, uint32_t align)
{
    if (ptr % align == 0 && ww_call_in_memory(call, ptr, size)) return true;
    return ww_call_fail_lift_code(call, WW_TRAP_UNALIGNED_POINTER);
}

bool ww_lower_pointer(ww_call *call, uint32_t ptr, uint32_t size, uint32_t align)
{
    return ww_lift_pointer(call, ptr, size, align);
}

static inline bool find_handle(ww_call *call, const ww_resource_type *type, uint32_t handle)
{
    if (handle && handle <= fake.handle_count && fake.handles[handle].type == type) return true;
    return ww_call_fail_lift(call, "unknown handle index %u", handle);
}

bool ww_lift_borrow(ww_call *call, const ww_resource_type *type, uint32_t handle, uint64_t *rep)
{
    if (!find_handle(call, type, handle)) return false;
    *rep = fake.handles[handle].rep;
    return true;
}

bool ww_lift_own(ww_call *call, const ww_resource_type *type, uint32_t handle, uint64_t *rep)
{
    if (!ww_lift_borrow(call, type, handle, rep)) return false;
    fake.handles[handle].type = NULL;
    return true;
}

uint32_t ww_lower_own(ww_call *call, const ww_resource_type *type, uint64_t rep)
{
    if (!fake.table_full) return fake_handle_of(type, rep);
    ww_call_fail(call, "handle table is full");
    return 0;
}

void *ww_call_scratch(ww_call *call, size_t size)
{
    (void)call;
    if (size > sizeof fake.scratch - fake.scratch_used) return NULL;
    uint8_t *out = fake.scratch + fake.scratch_used;
    fake.scratch_used += ww_align_up(size, 16);
    return out;
}
