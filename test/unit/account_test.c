/* Principals, cancellation tokens, grants and the audit ring: what the envelope looks at. */
#include "account/principal.h"
#include "audit/ring.h"
#include "cap/grant.h"
#include "support/check.h"

typedef struct listener {
    ww_cancel_watch watch;
    uint32_t told;
} listener;

static void tell(ww_cancel_watch *watch)
{
    WW_CONTAINER_OF(watch, listener, watch)->told++;
}

static void principal__new__has_no_quota(void **state)
{
    (void)state;
    ww_principal principal;
    ww_principal_init(&principal, ww_view_str("alice"));
    assert_true(ww_budget_charge(&principal.calls, UINT64_MAX));
    assert_false(ww_budget_charge(&principal.calls, 1));
    assert_view_is(principal.name, "alice");
}

static void budget__lowered_below_its_use__has_nothing_left(void **state)
{
    (void)state;
    ww_budget budget = {.used = 10, .max = 4};
    assert_int_equal(ww_budget_left(&budget), 0);
    assert_false(ww_budget_charge(&budget, 1));
    assert_true(ww_budget_charge(&budget, 0));
}

static void cancel__fired__tells_every_watch_once(void **state)
{
    (void)state;
    ww_cancel cancel;
    listener a = {.watch.fired = tell}, b = a, c = a;
    ww_cancel_init(&cancel);
    ww_cancel_watch_add(&cancel, &a.watch);
    ww_cancel_watch_add(&cancel, &b.watch);
    ww_cancel_watch_add(&cancel, &c.watch);
    ww_cancel_watch_remove(&b.watch);
    ww_cancel_fire(&cancel);
    ww_cancel_fire(&cancel);
    assert_int_equal(a.told, 1);
    assert_int_equal(b.told, 0);
    assert_int_equal(c.told, 1);
    ww_cancel_watch_remove(&a.watch);
}

static void cancel__watched_after_it_fired__tells_at_once(void **state)
{
    (void)state;
    ww_cancel cancel;
    listener late = {.watch.fired = tell};
    ww_cancel_init(&cancel);
    ww_cancel_fire(&cancel);
    ww_cancel_watch_add(&cancel, &late.watch);
    assert_int_equal(late.told, 1);
    ww_cancel_watch_remove(&late.watch);
}

static void grant__revoked_authority__makes_every_grant_stale_at_once(void **state)
{
    (void)state;
    ww_authority authority = {0};
    ww_grant first, second;
    ww_grant_init(&first, &authority);
    ww_grant_allow(&first, 3);
    second = first;
    assert_true(ww_grant_is_fresh(&second));
    ww_authority_revoke(&authority);
    assert_false(ww_grant_is_fresh(&first));
    assert_false(ww_grant_is_fresh(&second));
    ww_grant_init(&second, &authority);
    assert_true(ww_grant_is_fresh(&second));
    assert_false(ww_grant_allows(&second, 3));
}

static void grant__attenuated__keeps_only_what_both_allow(void **state)
{
    (void)state;
    ww_authority authority = {0};
    ww_grant wide, narrow;
    ww_grant_init(&wide, &authority);
    ww_grant_init(&narrow, &authority);
    for (uint32_t i = 0; i < WW_GRANT_FUNCTIONS_MAX; i += 2)
        ww_grant_allow(&wide, i);
    for (uint32_t i = 0; i < WW_GRANT_FUNCTIONS_MAX; i += 3)
        ww_grant_allow(&narrow, i);
    ww_grant_deny(&narrow, 12);
    ww_grant_attenuate(&wide, &narrow);
    for (uint32_t i = 0; i < WW_GRANT_FUNCTIONS_MAX; i++)
        assert_int_equal(ww_grant_allows(&wide, i), i % 6 == 0 && i != 12);
}

static void ring__overwritten_record__is_gone_and_newer_ones_are_not(void **state)
{
    (void)state;
    ww_audit_ring ring;
    assert_ok(ww_audit_ring_init(&ring, ww_allocator_libc(), 4));
    assert_null(ww_audit_at(&ring, 0));
    assert_null(ww_audit_at(&ring, 1));
    for (uint16_t i = 1; i <= 6; i++)
        ww_audit_append(&ring, (ww_audit_record){.function = i});
    assert_null(ww_audit_at(&ring, 2));
    for (uint16_t i = 3; i <= 6; i++) {
        assert_non_null(ww_audit_at(&ring, i));
        assert_int_equal(ww_audit_at(&ring, i)->function, i);
    }
    assert_null(ww_audit_at(&ring, 7));
    ww_audit_ring_deinit(&ring);
    ww_audit_ring_deinit(&ring);
}

static ww_status make_ring(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_audit_ring ring;
    ww_status status = ww_audit_ring_init(&ring, allocator, 8);
    ww_audit_ring_deinit(&ring);
    return status;
}

static void ring__without_memory__says_so(void **state)
{
    (void)state;
    test_every_allocation_failing(make_ring, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(principal__new__has_no_quota),
        cmocka_unit_test(budget__lowered_below_its_use__has_nothing_left),
        cmocka_unit_test(cancel__fired__tells_every_watch_once),
        cmocka_unit_test(cancel__watched_after_it_fired__tells_at_once),
        cmocka_unit_test(grant__revoked_authority__makes_every_grant_stale_at_once),
        cmocka_unit_test(grant__attenuated__keeps_only_what_both_allow),
        cmocka_unit_test(ring__overwritten_record__is_gone_and_newer_ones_are_not),
        cmocka_unit_test(ring__without_memory__says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
