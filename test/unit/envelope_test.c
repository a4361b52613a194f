/* Every wasi function, through its generated entry, past every verdict of the envelope. */
#include "support/wit_fakes.h"
#include "unit/call_fake.h"
#include "wit/wasi_filesystem.h"
#include "wit/wasi_io_poll.h"
#include "wit/wasi_io_streams.h"

enum { RESULT_POINTER = 1024, TEXT_POINTER = 64, CELL = 7, NOW_NS = 123456 };

typedef struct world {
    ww_context context;
    ww_authority authority;
    ww_grant grant;
    ww_principal principal;
    ww_cancel cancel;
    ww_audit_ring audit;
    uint64_t now_ns;
} world;

/* What the next call of a stand-in does. */
static struct {
    uint32_t calls, resumes, cancels, limits;
    bool fails;       /* has set the call's trap */
    ww_status answer; /* WW_OK with a made-up result, WW_AGAIN, or a refusal of its own */
} act;

static void setup_world(world *w)
{
    *w = (world){.now_ns = NOW_NS};
    ww_principal_init(&w->principal, ww_view_str("tester"));
    ww_cancel_init(&w->cancel);
    ww_grant_init(&w->grant, &w->authority);
    for (uint32_t i = 1; i < WW_FUNCTION_COUNT; i++)
        ww_grant_allow(&w->grant, i);
    assert_ok(ww_audit_ring_init(&w->audit, ww_allocator_libc(), 16));
    w->context = (ww_context){.grant = &w->grant,
                              .principal = &w->principal,
                              .cancel = &w->cancel,
                              .audit = &w->audit,
                              .now_ns = &w->now_ns,
                              .function_names = ww_function_names,
                              .cell = CELL};
    memset(&act, 0, sizeof act);
    memset(&fake, 0, sizeof fake);
    fake.host = &w->context;
    fake.trap_code = -1;
}

/* Nothing may be left behind: no handle, no object, no open call. */
static void teardown_world(world *w)
{
    fake_drop_handles();
    assert_int_equal(w->principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
    assert_int_equal(fake.open_calls, 0);
    ww_audit_ring_deinit(&w->audit);
}

/* --- one call ------------------------------------------------------------------------------- */

typedef struct one {
    ww_site site;
    ww_slot slots[WW_FLAT_PARAMS_MAX];
    uint32_t bytes; /* that the parameters bring, as far as they are decoded here */
    bool exact;     /* ... and nothing else */
    ww_trap *trap;
} one;

static ww_status fake_resume(ww_call *call, void *result)
{
    act.resumes++;
    if (act.answer == WW_AGAIN) {
        call->resume = fake_resume;
        return WW_AGAIN;
    }
    const ww_type *type = call->site->func->type->result;
    if (type) fake_value(type, result);
    return act.answer;
}

static void fake_canceled(ww_call *call)
{
    (void)call;
    act.cancels++;
}

void test_fake_param(uint32_t offset, const void *value, size_t size)
{
    (void)offset;
    (void)value;
    (void)size;
}

ww_status test_fake_act(ww_call *call, void *result)
{
    act.calls++;
    fake_release_params();
    if (act.answer == WW_AGAIN) {
        call->resume = fake_resume;
        ww_envelope_on_cancel(call, fake_canceled);
        return WW_AGAIN;
    }
    if (act.answer == WW_OK && result) fake_value(call->site->func->type->result, result);
    if (act.fails) ww_call_fail(call, "the end");
    return act.answer;
}

/* One parameter as a guest would pass it. */
static uint32_t put_param(one *call, const ww_type *type, uint32_t slot)
{
    if (type->kind == WW_TYPE_OWN || type->kind == WW_TYPE_BORROW) {
        const ww_resource_type *resource = call->site.resources[type->resource];
        uint32_t handle = fake_handle_of(resource, ww_object_rep(fake_object()));
        call->slots[slot] = ww_slot_u32(handle);
    } else if (type->kind == WW_TYPE_STRING ||
               (type->kind == WW_TYPE_LIST && type->element->kind == WW_TYPE_U8)) {
        call->slots[slot] = ww_slot_u32(TEXT_POINTER);
        call->slots[slot + 1] = ww_slot_u32(5);
        call->bytes += 5;
    } else if (type->has_pointers) {
        call->exact = false;
    }
    return slot + type->flat_count;
}

static void prepare(one *call, const ww_host_interface *interface, const void *impl, uint32_t i)
{
    const ww_host_func *func = &interface->funcs[i];
    *call = (one){.site = {.func = func, .impl = impl, .resources = interface->resources},
                  .exact = true};
    memset(call->slots, 0, sizeof call->slots);
    assert_false(func->type->params_spilled);
    uint32_t slot = 0;
    for (uint32_t k = 0; k < func->type->param_count; k++)
        slot = put_param(call, func->type->params[k].type, slot);
    if (func->type->result_spilled) call->slots[slot] = ww_slot_u32(RESULT_POINTER);
}

static void enter(one *call)
{
    memset(fake.memory, 0xee, sizeof fake.memory);
    call->trap = call->site.func->entry(&call->site, NULL, call->slots, WW_FLAT_PARAMS_MAX);
}

/* What a pushed call leaves in its result is the guest's from now on; here it is nobody's. */
static void release_result(const one *call)
{
    if (call->site.func->may_wait && fake.settled == WW_OK && !call->trap)
        ww_envelope_release(call->site.func->type->result, fake.pushed.result);
}

/* --- what must have happened ---------------------------------------------------------------- */

static void check_record(const world *w, const one *call, ww_status outcome)
{
    const ww_audit_record *record = ww_audit_at(&w->audit, w->audit.written);
    const ww_policy *row = call->site.func->policy;
    assert_non_null(record);
    assert_int_equal(record->outcome, outcome);
    assert_int_equal(record->function, row->function);
    assert_int_equal(record->class, row->audit);
    assert_int_equal(record->cell, CELL);
    assert_int_equal(record->time_ns, NOW_NS);
    assert_true(record->bytes >= call->bytes);
    if (outcome != WW_OK && call->exact) assert_int_equal(record->bytes, call->bytes);
}

static void check_error_case(const one *call, uint8_t refusal)
{
    const ww_type *type = call->site.func->type->result;
    const ww_type *error = type->fields[1].type;
    uint32_t tag, code;
    assert_null(call->trap);
    if (call->site.func->may_wait) {
        memcpy(&tag, fake.pushed.result, sizeof tag);
        memcpy(&code, fake.pushed.result + type->payload_host_offset, sizeof code);
    } else if (call->site.func->type->result_spilled) {
        tag = fake.memory[RESULT_POINTER];
        code = fake.memory[RESULT_POINTER + type->payload_abi_offset];
    } else {
        tag = call->slots[0].u32;
        code = 0;
    }
    assert_int_equal(tag, 1);
    if (error) assert_int_equal(code, refusal);
}

static void check_trap(const one *call, const char *word)
{
    const ww_policy *row = call->site.func->policy;
    char expected[256];
    snprintf(expected, sizeof expected, "%s: %s", word, ww_function_names[row->function]);
    assert_ptr_equal(call->trap, FAKE_TRAP);
    assert_string_equal(fake.trap_text, expected);
}

/* Nothing was done or charged, the guest hears of it, the record says so. */
static void check_refused(const world *w, const one *call, ww_status outcome, const char *word,
                          uint8_t refusal)
{
    assert_int_equal(act.calls, 0);
    assert_int_equal(w->principal.refused, 1);
    assert_int_equal(w->audit.written, 1);
    check_record(w, call, outcome);
    if (refusal == WW_REFUSE_TRAP)
        check_trap(call, word);
    else
        check_error_case(call, refusal);
}

/* --- the table ------------------------------------------------------------------------------ */

typedef void scenario(world *w, one *call, const ww_policy *row);

static void for_every_function(scenario *run)
{
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++) {
        const ww_host_interface *interface = ww_host_interfaces[i];
        for (uint32_t k = 0; k < interface->func_count; k++) {
            world w;
            one call;
            setup_world(&w);
            prepare(&call, interface, test_wit_fakes[i], k);
            run(&w, &call, interface->funcs[k].policy);
            teardown_world(&w);
        }
    }
}

static void run_allowed(world *w, one *call, const ww_policy *row)
{
    (void)row;
    enter(call);
    assert_null(call->trap);
    assert_int_equal(act.calls, 1);
    assert_int_equal(w->principal.calls.used, 1);
    assert_int_equal(w->principal.refused, 0);
    assert_int_equal(w->audit.written, 1);
    check_record(w, call, WW_OK);
    assert_int_equal(w->principal.bytes.used, ww_audit_at(&w->audit, 1)->bytes);
    release_result(call);
}

static void every_function__allowed__acts_and_is_recorded(void **state)
{
    (void)state;
    for_every_function(run_allowed);
}

static void run_denied(world *w, one *call, const ww_policy *row)
{
    ww_grant_deny(&w->grant, row->function);
    enter(call);
    check_refused(w, call, WW_E_DENIED, "denied", row->denied);
    assert_int_equal(w->principal.calls.used, 0);
}

static void every_function__denied__does_not_act(void **state)
{
    (void)state;
    for_every_function(run_denied);
}

static void run_stale(world *w, one *call, const ww_policy *row)
{
    ww_authority_revoke(&w->authority);
    enter(call);
    check_refused(w, call, WW_E_STALE, "stale", row->denied);
}

static void every_function__authority_revoked__does_not_act(void **state)
{
    (void)state;
    for_every_function(run_stale);
}

static void run_out_of_calls(world *w, one *call, const ww_policy *row)
{
    w->principal.calls = (ww_budget){.used = 3, .max = 3};
    enter(call);
    check_refused(w, call, WW_E_QUOTA, "quota", row->over_quota);
    assert_int_equal(w->principal.calls.used, 3);
    assert_int_equal(w->principal.bytes.used, 0);
}

static void every_function__over_its_quota_of_calls__does_not_act(void **state)
{
    (void)state;
    for_every_function(run_out_of_calls);
}

static void run_out_of_bytes(world *w, one *call, const ww_policy *row)
{
    w->principal.bytes.max = call->bytes ? call->bytes - 1 : 0;
    if (!call->bytes && row->charge != WW_CHARGE_BYTES) return;
    enter(call);
    check_refused(w, call, WW_E_QUOTA, "quota", row->over_quota);
}

static void every_function__moving_more_than_its_quota_of_bytes__does_not_act(void **state)
{
    (void)state;
    for_every_function(run_out_of_bytes);
}

static void run_out_of_objects(world *w, one *call, const ww_policy *row)
{
    if (row->charge != WW_CHARGE_OBJECT) return;
    w->principal.budgets[WW_PRINCIPAL_OBJECTS].max =
        w->principal.budgets[WW_PRINCIPAL_OBJECTS].used;
    enter(call);
    check_refused(w, call, WW_E_QUOTA, "quota", row->over_quota);
}

static void every_function__making_an_object_too_many__does_not_act(void **state)
{
    (void)state;
    for_every_function(run_out_of_objects);
}

static void run_canceled_before(world *w, one *call, const ww_policy *row)
{
    (void)row;
    ww_cancel_fire(&w->cancel);
    enter(call);
    check_refused(w, call, WW_E_CANCELED, "canceled", WW_REFUSE_TRAP);
}

static void every_function__canceled_before__does_not_act(void **state)
{
    (void)state;
    for_every_function(run_canceled_before);
}

/* As the call's owner does when something the call waits for may have happened. */
static ww_status resume(one *call)
{
    ww_status status = fake.pushed.resume(&fake.pushed, fake.pushed.result);
    call->trap = ww_call_settle(&fake.pushed, status, call->slots);
    return status;
}

static void run_waiting(world *w, one *call, const ww_policy *row)
{
    if (!row->may_wait) return;
    act.answer = WW_AGAIN;
    enter(call);
    assert_null(call->trap);
    check_record(w, call, WW_AGAIN);
    assert_int_equal(resume(call), WW_AGAIN);
    assert_int_equal(w->audit.written, 1);
    act.answer = WW_OK;
    assert_int_equal(resume(call), WW_OK);
    assert_int_equal(act.resumes, 2);
    assert_int_equal(act.cancels, 0);
    assert_int_equal(w->principal.calls.used, 1);
    assert_int_equal(w->audit.written, 2);
    check_record(w, call, WW_OK);
    release_result(call);
}

static void every_waiting_function__resumed__is_recorded_at_both_ends(void **state)
{
    (void)state;
    for_every_function(run_waiting);
}

static void run_canceled(world *w, one *call, const ww_policy *row)
{
    if (!row->may_wait) return;
    act.answer = WW_AGAIN;
    enter(call);
    ww_cancel_fire(&w->cancel);
    assert_int_equal(resume(call), WW_E_TRAP);
    assert_int_equal(act.resumes, 0);
    assert_int_equal(act.cancels, 1);
    assert_int_equal(w->audit.written, 2);
    check_record(w, call, WW_E_CANCELED);
    check_trap(call, "canceled");
}

static void every_waiting_function__canceled_while_it_waits__traps(void **state)
{
    (void)state;
    for_every_function(run_canceled);
}

static void run_exit(world *w, one *call, const ww_policy *row)
{
    (void)row;
    act.answer = WW_E_EXIT;
    act.fails = true;
    enter(call);
    check_record(w, call, WW_E_EXIT);
    assert_ptr_equal(call->trap, FAKE_TRAP);
    assert_int_equal(w->principal.refused, 0);
}

static void every_function__ending_the_guest__is_recorded_as_an_exit(void **state)
{
    (void)state;
    for_every_function(run_exit);
}

static void count_limits(ww_context *context)
{
    (void)context;
    act.limits++;
}

static void run_overdue(world *w, one *call, const ww_policy *row)
{
    if (!row->may_wait) return;
    w->context.wait_ns_max = 1000;
    w->context.limit_wait = count_limits;
    act.answer = WW_AGAIN;
    enter(call);
    assert_int_equal(act.limits, 1);
    assert_int_equal(w->context.wait_deadline_ns, NOW_NS + 1000);
    w->now_ns = NOW_NS + 999;
    assert_int_equal(resume(call), WW_AGAIN);
    assert_int_equal(act.cancels, 0);
    w->now_ns = NOW_NS + 1000;
    resume(call);
    assert_int_equal(act.cancels, 1);
    assert_int_equal(act.limits, 1);
    assert_int_equal(w->audit.written, 2);
    w->now_ns = NOW_NS;
    assert_int_equal(ww_audit_at(&w->audit, 2)->outcome, WW_E_TIMEOUT);
    if (row->over_quota == WW_REFUSE_TRAP)
        check_trap(call, "timeout");
    else
        check_error_case(call, row->over_quota);
}

static void every_waiting_function__waiting_too_long__ends_as_over_quota(void **state)
{
    (void)state;
    for_every_function(run_overdue);
}

static void run_just_in_time(world *w, one *call, const ww_policy *row)
{
    if (!row->may_wait) return;
    w->context.wait_ns_max = 1000;
    w->context.limit_wait = count_limits;
    act.answer = WW_AGAIN;
    enter(call);
    w->now_ns = NOW_NS + 5000;
    act.answer = WW_OK;
    assert_int_equal(resume(call), WW_OK);
    assert_int_equal(act.cancels, 0);
    release_result(call);
}

static void every_waiting_function__with_its_answer_at_the_deadline__gives_it(void **state)
{
    (void)state;
    for_every_function(run_just_in_time);
}

static void run_object_says_no(world *w, one *call, const ww_policy *row)
{
    act.answer = WW_E_DENIED;
    enter(call);
    check_record(w, call, WW_E_DENIED);
    assert_int_equal(act.calls, 1);
    if (row->denied == WW_REFUSE_TRAP)
        check_trap(call, "denied");
    else
        check_error_case(call, row->denied);
}

static void every_function__refusing_by_itself__shows_as_the_envelope_does(void **state)
{
    (void)state;
    for_every_function(run_object_says_no);
}

static void every_function__not_implemented__is_denied(void **state)
{
    (void)state;
    static const void *const nothing[64];
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++)
        for (uint32_t k = 0; k < ww_host_interfaces[i]->func_count; k++) {
            world w;
            one call;
            setup_world(&w);
            prepare(&call, ww_host_interfaces[i], nothing, k);
            enter(&call);
            check_record(&w, &call, WW_E_DENIED);
            assert_int_equal(act.calls, 0);
            teardown_world(&w);
        }
}

/* --- giving resources up -------------------------------------------------------------------- */

typedef void drop_scenario(world *w, const ww_resource_type *resource);

static void for_every_resource(drop_scenario *run)
{
    for (size_t i = 0; i < WW_HOST_INTERFACE_COUNT; i++)
        for (uint32_t k = 0; k < ww_host_interfaces[i]->exported_count; k++) {
            world w;
            setup_world(&w);
            run(&w, ww_host_interfaces[i]->resources[k]);
            teardown_world(&w);
        }
}

/* The guest gives up a resource: it is gone and recorded, whatever else holds. */
static void drop(world *w, const ww_resource_type *resource)
{
    ww_call call = {.host = &w->context};
    uint32_t freed = fake.objects_freed;
    assert_int_equal(resource->entry(&call, ww_object_rep(fake_object())), WW_OK);
    const ww_audit_record *record = ww_audit_at(&w->audit, w->audit.written);
    const ww_policy *row = resource->policy;
    assert_non_null(record);
    assert_int_equal(record->function, row->function);
    assert_int_equal(record->class, row->audit);
    assert_int_equal(record->outcome, WW_OK);
    assert_int_equal(record->cell, CELL);
    assert_int_equal(record->time_ns, NOW_NS);
    assert_int_equal(w->audit.written, 1);
    assert_int_equal(w->principal.refused, 0);
    assert_int_equal(w->principal.budgets[WW_PRINCIPAL_OBJECTS].used, 0);
    assert_int_equal(fake.objects_freed, freed + 1);
}

static void drop_allowed(world *w, const ww_resource_type *resource)
{
    drop(w, resource);
    assert_int_equal(w->principal.calls.used, 1);
}

static void every_drop__allowed__is_counted_and_recorded(void **state)
{
    (void)state;
    for_every_resource(drop_allowed);
}

static void drop_without_authority(world *w, const ww_resource_type *resource)
{
    const ww_policy *row = resource->policy;
    ww_grant_deny(&w->grant, row->function);
    ww_authority_revoke(&w->authority);
    drop(w, resource);
}

static void every_drop__without_authority__happens_all_the_same(void **state)
{
    (void)state;
    for_every_resource(drop_without_authority);
}

static void drop_over_quota(world *w, const ww_resource_type *resource)
{
    w->principal.calls = (ww_budget){.used = 3, .max = 3};
    w->principal.bytes.max = 0;
    w->principal.budgets[WW_PRINCIPAL_OBJECTS].max = 0;
    drop(w, resource);
    assert_int_equal(w->principal.calls.used, 3);
}

static void every_drop__over_quota__happens_all_the_same(void **state)
{
    (void)state;
    for_every_resource(drop_over_quota);
}

static void drop_canceled(world *w, const ww_resource_type *resource)
{
    ww_cancel_fire(&w->cancel);
    drop(w, resource);
}

static void every_drop__canceled__happens_all_the_same(void **state)
{
    (void)state;
    for_every_resource(drop_canceled);
}

static void drop_parent(world *w, const ww_resource_type *resource)
{
    ww_call call = {.host = &w->context};
    ww_object *parent = fake_object(), *child = fake_object();
    child->parent = parent;
    parent->children = 1;
    assert_int_equal(resource->entry(&call, ww_object_rep(parent)), WW_E_TRAP);
    assert_string_equal(fake.trap_text, "resource has children: fake");
    assert_int_equal(ww_audit_at(&w->audit, 1)->outcome, WW_E_TRAP);
    ww_object_release(child);
}

static void every_drop__of_a_parent_before_its_child__is_recorded_as_the_trap_it_is(void **state)
{
    (void)state;
    for_every_resource(drop_parent);
}

/* --- what entries do with failures ---------------------------------------------------------- */

static void run_bad_handle(world *w, one *call, const ww_policy *row)
{
    (void)row;
    const ww_func_type *type = call->site.func->type;
    if (!type->param_count || type->params[0].type->kind != WW_TYPE_BORROW) return;
    call->slots[0] = ww_slot_u32(FAKE_HANDLES);
    enter(call);
    assert_ptr_equal(call->trap, FAKE_TRAP);
    assert_int_equal(act.calls, 0);
    assert_int_equal(w->audit.written, 0);
}

static void every_method__of_an_unknown_handle__traps_without_effect(void **state)
{
    (void)state;
    for_every_function(run_bad_handle);
}

static void run_full_table(world *w, one *call, const ww_policy *row)
{
    (void)w;
    const ww_func_type *type = call->site.func->type;
    if (call->site.func->may_wait || !type->result || !type->result->has_handles) return;
    fake.table_full = true;
    enter(call);
    if (row->charge == WW_CHARGE_OBJECT)
        assert_string_equal(fake.trap_text, "handle table is full");
    assert_ptr_equal(call->trap, fake.trap_text[0] ? FAKE_TRAP : NULL);
}

static void every_direct_function__with_a_full_handle_table__releases_what_it_made(void **state)
{
    (void)state;
    for_every_function(run_full_table);
}

static void direct_result__unaligned_pointer__traps_before_the_call(void **state)
{
    (void)state;
    world w;
    one call;
    setup_world(&w);
    size_t i = 0;
    while (ww_host_interfaces[i] != &wasi_io_streams_interface)
        i++;
    const ww_policy *check_write = &ww_policy_rows[WW_WASI_IO_STREAMS_OUTPUT_STREAM_CHECK_WRITE];
    uint32_t k = 0;
    while (wasi_io_streams_interface.funcs[k].policy != check_write)
        k++;
    prepare(&call, ww_host_interfaces[i], test_wit_fakes[i], k);
    call.slots[1] = ww_slot_u32(RESULT_POINTER + 1);
    enter(&call);
    assert_ptr_equal(call.trap, FAKE_TRAP);
    assert_int_equal(fake.trap_code, WW_TRAP_UNALIGNED_POINTER);
    assert_int_equal(act.calls, 0);
    teardown_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function__allowed__acts_and_is_recorded),
        cmocka_unit_test(every_function__denied__does_not_act),
        cmocka_unit_test(every_function__authority_revoked__does_not_act),
        cmocka_unit_test(every_function__over_its_quota_of_calls__does_not_act),
        cmocka_unit_test(every_function__moving_more_than_its_quota_of_bytes__does_not_act),
        cmocka_unit_test(every_function__making_an_object_too_many__does_not_act),
        cmocka_unit_test(every_function__canceled_before__does_not_act),
        cmocka_unit_test(every_waiting_function__resumed__is_recorded_at_both_ends),
        cmocka_unit_test(every_waiting_function__canceled_while_it_waits__traps),
        cmocka_unit_test(every_function__refusing_by_itself__shows_as_the_envelope_does),
        cmocka_unit_test(every_function__not_implemented__is_denied),
        cmocka_unit_test(every_waiting_function__waiting_too_long__ends_as_over_quota),
        cmocka_unit_test(every_waiting_function__with_its_answer_at_the_deadline__gives_it),
        cmocka_unit_test(every_function__ending_the_guest__is_recorded_as_an_exit),
        cmocka_unit_test(every_drop__allowed__is_counted_and_recorded),
        cmocka_unit_test(every_drop__without_authority__happens_all_the_same),
        cmocka_unit_test(every_drop__over_quota__happens_all_the_same),
        cmocka_unit_test(every_drop__canceled__happens_all_the_same),
        cmocka_unit_test(every_drop__of_a_parent_before_its_child__is_recorded_as_the_trap_it_is),
        cmocka_unit_test(every_method__of_an_unknown_handle__traps_without_effect),
        cmocka_unit_test(every_direct_function__with_a_full_handle_table__releases_what_it_made),
        cmocka_unit_test(direct_result__unaligned_pointer__traps_before_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
