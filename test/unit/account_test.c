/* Principals and accounts, cancellation tokens, grants and the audit ring: what the envelope looks at. */
#include "account/account.h"
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

static const ww_principal_kind TIME = WW_PRINCIPAL_CPU_NS;

static ww_principal below(ww_principal *parent, const char *name)
{
    ww_principal principal;
    ww_principal_init(&principal, ww_view_str(name));
    principal.parent = parent;
    return principal;
}

static void principal__of_a_parent__charges_all_above(void **state)
{
    (void)state;
    ww_principal root = below(NULL, "root"), child = below(&root, "child");
    ww_principal grandchild = below(&child, "grandchild"), other = below(&root, "other");
    assert_true(ww_principal_charge(&grandchild, TIME, 5));
    assert_true(ww_principal_charge(&other, TIME, 7));
    ww_principal_use(&child, TIME, 1);
    assert_int_equal(grandchild.budgets[TIME].used, 5);
    assert_int_equal(child.budgets[TIME].used, 6);
    assert_int_equal(other.budgets[TIME].used, 7);
    assert_int_equal(root.budgets[TIME].used, 13);
    ww_principal_release(&grandchild, TIME, 5);
    assert_int_equal(grandchild.budgets[TIME].used, 0);
    assert_int_equal(root.budgets[TIME].used, 8);
}

static void principal__with_a_quota_above__gets_no_more_than_that(void **state)
{
    (void)state;
    ww_principal root = below(NULL, "root"), child = below(&root, "child");
    root.budgets[TIME].max = 800;
    child.budgets[TIME].max = 100;
    assert_int_equal(ww_principal_left(&child, TIME), 100);
    child.budgets[TIME].max = UINT64_MAX;
    assert_int_equal(ww_principal_left(&child, TIME), 700);
    assert_false(ww_principal_charge(&child, TIME, 701));
    assert_int_equal(root.budgets[TIME].used, 0);
    assert_true(ww_principal_charge(&child, TIME, 700));
    assert_int_equal(ww_principal_left(&child, TIME), 0);
    assert_int_equal(ww_principal_left(&root, TIME), 100);
    ww_principal_use(&root, TIME, 90);
    assert_int_equal(ww_principal_left(&child, TIME), 0);
    ww_principal_use(&child, TIME, 90); /* beyond all quotas: it has happened */
    assert_int_equal(root.budgets[TIME].used, 880);
    assert_int_equal(ww_principal_left(&root, TIME), 0);
}

static uint64_t take_all(ww_principal *principal)
{
    uint64_t left = ww_principal_left(principal, TIME);
    assert_true(ww_principal_charge(principal, TIME, left));
    return left;
}

/* Whoever comes gets seven eighths of what there still is, and so it never ends. */
static void principal__that_takes_all_it_gets__leaves_an_eighth_to_the_others(void **state)
{
    (void)state;
    ww_principal root = below(NULL, "root"), greedy = below(&root, "greedy");
    ww_principal deep = below(&greedy, "deep"), other = below(&root, "other");
    root.budgets[TIME].max = 64000;
    assert_int_equal(take_all(&deep), 49000);
    assert_int_equal(take_all(&greedy), 7000);
    assert_int_equal(take_all(&other), 7000);
    assert_int_equal(take_all(&greedy), 0);
    assert_int_equal(take_all(&root), 1000);
}

static void principal__without_a_quota__has_no_end_however_deep(void **state)
{
    (void)state;
    ww_principal levels[WW_PRINCIPAL_LEVELS_MAX];
    for (int i = 0; i < WW_PRINCIPAL_LEVELS_MAX; i++)
        levels[i] = below(i ? &levels[i - 1] : NULL, "level");
    ww_principal *last = &levels[WW_PRINCIPAL_LEVELS_MAX - 1];
    assert_true(ww_principal_left(last, TIME) > UINT64_MAX / 2);
    ww_principal_use(last, TIME, UINT64_MAX / 2);
    assert_true(ww_principal_left(last, TIME) > UINT64_MAX / 16);
}

static void principal__settled__tells_its_parents_once(void **state)
{
    (void)state;
    ww_principal root = below(NULL, "root"), child = below(&root, "child");
    ww_principal grandchild = below(&child, "grandchild");
    grandchild.calls.used = 3;
    grandchild.bytes.used = 40;
    grandchild.refused = 1;
    child.calls.used = 10;
    for (int i = 0; i < 2; i++) {
        ww_principal_settle(&grandchild);
        assert_int_equal(child.calls.used, 13);
        assert_int_equal(root.calls.used, 13);
        assert_int_equal(root.bytes.used, 40);
        assert_int_equal(root.refused, 1);
    }
}

static void account__below_another__has_a_cells_bounds_and_charges_both(void **state)
{
    (void)state;
    const ww_account_limits limits = {.cpu_ns_max = 5, .memory_bytes_max = 6};
    ww_account *node = ww_account_new(ww_allocator_libc());
    ww_account *root = ww_account_open(node, &limits), *child = ww_account_below(root);
    assert_int_equal(root->principal.budgets[WW_PRINCIPAL_CPU_NS].max, 5);
    assert_int_equal(root->principal.budgets[WW_PRINCIPAL_MEMORY].max, 6);
    assert_true(ww_allowance_take(&child->allowance, WW_ALLOWANCE_CHILDREN, 1024));
    assert_false(ww_allowance_take(&child->allowance, WW_ALLOWANCE_CHILDREN, 1));
    assert_int_equal(root->allowance.budgets[WW_ALLOWANCE_CHILDREN].used, 1024);
    assert_int_equal(root->allowance.budgets[WW_ALLOWANCE_CHILDREN].max, 4096);
    ww_allowance_give(&child->allowance, WW_ALLOWANCE_CHILDREN, 1024);
    ww_account_unref(root); /* the child holds it */
    ww_account_unref(child);
    assert_int_equal(node->refs, 1);
    ww_account_unref(node);
}

static void account__of_a_deep_family__is_shared_from_the_last_level_on(void **state)
{
    (void)state;
    enum { DEPTH = 1000 };
    const ww_account_limits limits = {0};
    ww_account *node = ww_account_new(ww_allocator_libc()), *all[DEPTH];
    all[0] = ww_account_open(node, &limits);
    for (int i = 1; i < DEPTH; i++)
        all[i] = ww_account_below(all[i - 1]);
    const ww_account *last = all[DEPTH - 1];
    assert_int_equal(last->level, WW_ALLOWANCE_LEVELS_MAX);
    assert_ptr_equal(last, all[WW_ALLOWANCE_LEVELS_MAX - 1]);
    assert_ptr_not_equal(last, all[WW_ALLOWANCE_LEVELS_MAX - 2]);
    ww_principal_use(&all[DEPTH - 1]->principal, TIME, 9);
    assert_int_equal(node->principal.budgets[TIME].used, 9);
    for (int i = 0; i < DEPTH; i++)
        ww_account_unref(all[i]);
    assert_int_equal(node->refs, 1);
    ww_account_unref(node);
}

static ww_status open_accounts(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    const ww_account_limits limits = {0};
    ww_account *node = ww_account_new(allocator);
    ww_account *root = node ? ww_account_open(node, &limits) : NULL;
    ww_account *child = root ? ww_account_below(root) : NULL;
    bool ok = child != NULL;
    ww_account_unref(node);
    ww_account_unref(child);
    ww_account_unref(root);
    return ok ? WW_OK : WW_E_MEMORY;
}

static void account__without_memory__is_none(void **state)
{
    (void)state;
    test_every_allocation_failing(open_accounts, NULL);
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
        cmocka_unit_test(principal__of_a_parent__charges_all_above),
        cmocka_unit_test(principal__with_a_quota_above__gets_no_more_than_that),
        cmocka_unit_test(principal__that_takes_all_it_gets__leaves_an_eighth_to_the_others),
        cmocka_unit_test(principal__without_a_quota__has_no_end_however_deep),
        cmocka_unit_test(principal__settled__tells_its_parents_once),
        cmocka_unit_test(account__below_another__has_a_cells_bounds_and_charges_both),
        cmocka_unit_test(account__of_a_deep_family__is_shared_from_the_last_level_on),
        cmocka_unit_test(account__without_memory__is_none),
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
