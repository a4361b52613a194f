/* What generated entries make of slots, and of results: every wasi function with values in which no
 * two numbers are the same, against the descriptors. */
#include "support/wit_fakes.h"
#include "unit/call_fake.h"

enum { RESULT_POINTER = 1024, TEXT_POINTER = 64, TEXT_SIZE = 5, VALUE_MAX = 512 };

typedef struct bytes {
    _Alignas(16) uint8_t at[VALUE_MAX];
    bool known[VALUE_MAX]; /* the others are padding */
} bytes;

static struct {
    ww_context context;
    ww_authority authority;
    ww_grant grant;
    ww_principal principal;
    ww_cancel cancel;
    ww_audit_ring audit;
    uint64_t now_ns;
    bytes params; /* as they should arrive */
    uint8_t arrived[VALUE_MAX];
    _Alignas(16) uint8_t result[VALUE_MAX]; /* as it was answered */
    uint32_t calls;
} t;

static void set(bytes *b, uint32_t offset, const void *value, size_t size)
{
    assert_true(offset + size <= VALUE_MAX);
    memcpy(b->at + offset, value, size);
    memset(b->known + offset, true, size);
}

static void check_bytes(const bytes *expected, const uint8_t *actual, const char *function)
{
    for (size_t i = 0; i < VALUE_MAX; i++)
        if (expected->known[i] && expected->at[i] != actual[i])
            fail_msg("%s: byte %zu is %02x, not %02x", function, i, actual[i], expected->at[i]);
}

static void setup(bool last_case)
{
    memset(&t, 0, sizeof t);
    memset(&fake, 0, sizeof fake);
    ww_principal_init(&t.principal, ww_view_str("tester"));
    ww_grant_init(&t.grant, &t.authority);
    for (uint32_t i = 1; i < WW_FUNCTION_COUNT; i++)
        ww_grant_allow(&t.grant, i);
    assert_ok(ww_audit_ring_init(&t.audit, ww_allocator_libc(), 2));
    t.context = (ww_context){.grant = &t.grant,
                             .principal = &t.principal,
                             .cancel = &t.cancel,
                             .audit = &t.audit,
                             .now_ns = &t.now_ns,
                             .function_names = ww_function_names};
    fake.host = &t.context;
    fake.last_case = last_case;
}

static void teardown(void)
{
    fake_drop_handles();
    assert_int_equal(t.principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
    ww_audit_ring_deinit(&t.audit);
}

/* --- the stand-ins -------------------------------------------------------------------------- */

void test_fake_param(uint32_t offset, const void *value, size_t size)
{
    assert_true(offset + size <= VALUE_MAX);
    memcpy(t.arrived + offset, value, size);
}

/* What was made up is copied before it goes, for later comparison. */
static void expect_lifted(const ww_func_type *type)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < type->param_count && next < fake.lifted_count; i++)
        if (type->params[i].type == fake.lifted[next].type)
            set(&t.params, type->params[i].host_offset, fake.lifted[next++].value,
                type->params[i].type->host_size);
    assert_int_equal(next, fake.lifted_count);
}

ww_status test_fake_act(ww_call *call, void *result)
{
    const ww_func_type *type = call->site->func->type;
    t.calls++;
    expect_lifted(type);
    fake_release_params();
    if (!result) return WW_OK;
    fake_value(type->result, result);
    memcpy(t.result, result, type->result->host_size);
    return WW_OK;
}

/* --- parameters ----------------------------------------------------------------------------- */

/* A slot full of bits, of which only the type's count; true if the parameter is one slot. */
static bool put_scalar(const ww_field *param, ww_slot *slot)
{
    uint32_t word, offset = param->host_offset;
    bool yes = true;
    for (size_t i = 0; i < 8; i++)
        ((uint8_t *)slot)[i] = (uint8_t)(0x80 + ++fake.scalar);
    switch ((ww_type_kind)param->type->kind) {
    case WW_TYPE_BOOL: set(&t.params, offset, &yes, sizeof yes); return true;
    case WW_TYPE_ENUM:
        word = ++fake.scalar % param->type->count;
        *slot = ww_slot_u32(word);
        set(&t.params, offset, &word, sizeof word);
        return true;
    case WW_TYPE_FLAGS:
        *slot = ww_slot_u32(0xffffffc0 | (uint32_t)(0x2d + 0x11 * ++fake.scalar));
        word = slot->u32 & (uint32_t)((UINT64_C(1) << param->type->count) - 1);
        set(&t.params, offset, &word, sizeof word);
        return true;
    default:
        if (param->type->kind > WW_TYPE_F64) return false;
        set(&t.params, offset, slot, param->type->host_size);
        return true;
    }
}

static void put_param(const ww_site *site, const ww_field *param, ww_slot *slots)
{
    const ww_type *type = param->type;
    if (put_scalar(param, &slots[0])) return;
    if (type->kind == WW_TYPE_OWN || type->kind == WW_TYPE_BORROW) {
        uint64_t rep = ww_object_rep(fake_object());
        slots[0] = ww_slot_u32(fake_handle_of(site->resources[type->resource], rep));
        set(&t.params, param->host_offset, &rep, sizeof rep);
    } else if (type->kind == WW_TYPE_STRING ||
               (type->kind == WW_TYPE_LIST && type->element->kind == WW_TYPE_U8)) {
        uint32_t at = TEXT_POINTER + ++fake.scalar;
        ww_view view = ww_view_of(fake.memory + at, TEXT_SIZE);
        slots[0] = ww_slot_u32(at);
        slots[1] = ww_slot_u32(TEXT_SIZE);
        set(&t.params, param->host_offset, &view, sizeof view);
    }
}

/* --- results -------------------------------------------------------------------------------- */

static uint32_t handle_of(uint64_t rep)
{
    for (uint32_t i = fake.handle_count; i > 0; i--)
        if (fake.handles[i].type && fake.handles[i].rep == rep) return i;
    fail_msg("the guest has no handle of what was answered");
    return 0;
}

/* The Canonical ABI's store, of values that hold no string or list. */
static void expect_stored(bytes *out, const ww_type *type, const uint8_t *value, uint32_t at)
{
    uint64_t rep;
    uint32_t word;
    switch ((ww_type_kind)type->kind) {
    case WW_TYPE_RECORD:
    case WW_TYPE_TUPLE:
        for (uint32_t i = 0; i < type->count; i++)
            expect_stored(out, type->fields[i].type, value + type->fields[i].host_offset,
                          at + type->fields[i].abi_offset);
        return;
    case WW_TYPE_VARIANT:
    case WW_TYPE_OPTION:
    case WW_TYPE_RESULT:
        memcpy(&word, value, sizeof word);
        set(out, at, &word, type->disc_bytes);
        if (type->fields[word].type)
            expect_stored(out, type->fields[word].type, value + type->payload_host_offset,
                          at + type->payload_abi_offset);
        return;
    case WW_TYPE_OWN:
        memcpy(&rep, value, sizeof rep);
        word = handle_of(rep);
        set(out, at, &word, sizeof word);
        return;
    default: set(out, at, value, type->abi_size); return;
    }
}

static void check_direct_result(const ww_func_type *type, const ww_slot *slots, const char *name)
{
    bytes expected = {0};
    expect_stored(&expected, type->result, t.result, 0);
    check_bytes(&expected,
                type->result_spilled ? fake.memory + RESULT_POINTER : (const uint8_t *)slots, name);
}

/* --- every function ------------------------------------------------------------------------- */

static void run_one(const ww_host_interface *interface, const void *impl, uint32_t k)
{
    const ww_host_func *func = &interface->funcs[k];
    const ww_site site = {.func = func, .impl = impl, .resources = interface->resources};
    ww_slot slots[WW_FLAT_PARAMS_MAX] = {0};
    uint32_t slot = 0;
    for (uint32_t i = 0; i < func->type->param_count; i++) {
        put_param(&site, &func->type->params[i], &slots[slot]);
        slot += func->type->params[i].type->flat_count;
    }
    if (func->type->result_spilled) slots[slot] = ww_slot_u32(RESULT_POINTER);
    assert_null(func->entry((void *)(uintptr_t)&site, NULL, slots, WW_FLAT_PARAMS_MAX));
    assert_int_equal(t.calls, 1);
    check_bytes(&t.params, t.arrived, func->name);
    if (!func->type->result) return;
    if (!func->may_wait) {
        check_direct_result(func->type, slots, func->name);
        return;
    }
    assert_memory_equal(fake.pushed.result, t.result, func->type->result->host_size);
    if (func->type->result_spilled) assert_int_equal(fake.pushed.result_pointer, RESULT_POINTER);
    ww_envelope_release(func->type->result, fake.pushed.result);
}

static void run_all(bool last_case)
{
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++)
        for (uint32_t k = 0; k < ww_host_interfaces[i]->func_count; k++) {
            setup(last_case);
            run_one(ww_host_interfaces[i], test_wit_fakes[i], k);
            teardown();
        }
}

static void every_entry__first_cases__decodes_and_encodes_by_the_descriptors(void **state)
{
    (void)state;
    run_all(false);
}

static void every_entry__last_cases__decodes_and_encodes_by_the_descriptors(void **state)
{
    (void)state;
    run_all(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry__first_cases__decodes_and_encodes_by_the_descriptors),
        cmocka_unit_test(every_entry__last_cases__decodes_and_encodes_by_the_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
