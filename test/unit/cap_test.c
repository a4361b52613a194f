/* Authorities, lineages, method sets, the capability table, allowances. */
#include "account/allowance.h"
#include "cap/table.h"
#include "support/check.h"

typedef struct listener {
    ww_authority_watch watch;
    ww_authority *again; /* watched again when told */
    uint32_t told;
} listener;

static void tell(ww_authority_watch *watch)
{
    listener *l = WW_CONTAINER_OF(watch, listener, watch);
    l->told++;
    if (l->again) ww_authority_watch_add(l->again, watch);
}

static void authority__revoked__tells_each_watch_once_and_after_the_store(void **state)
{
    (void)state;
    ww_authority authority = {0};
    listener a = {.watch.revoked = tell}, b = a, c = a;
    ww_authority_watch_add(&authority, &a.watch);
    ww_authority_watch_add(&authority, &b.watch);
    ww_authority_watch_add(&authority, &c.watch);
    ww_authority_watch_remove(&b.watch);
    a.again = &authority;
    ww_authority_revoke(&authority);
    assert_int_equal(authority.generation, 1);
    assert_int_equal(a.told, 1); /* it watches again, for the next time */
    assert_int_equal(b.told, 0);
    assert_int_equal(c.told, 1);
    ww_authority_revoke(&authority);
    assert_int_equal(a.told, 2);
    assert_int_equal(c.told, 1);
    ww_authority_watch_remove(&a.watch);
    ww_authority_watch_remove(&a.watch);
    assert_null(authority.watches);
}

static void tell_that_both_know(ww_authority_watch *watch)
{
    const bool *both = watch->is_over;
    assert_true(both[0] && both[1]);
}

static void authority__revoked__all_that_watch_know_before_the_first_is_told(void **state)
{
    (void)state;
    ww_authority authority = {0};
    bool over[2] = {false};
    ww_authority_watch one = {.revoked = tell_that_both_know, .is_over = over};
    listener two = {.watch = {.revoked = tell, .is_over = &over[1]}};
    ww_authority_watch_add(&authority, &two.watch);
    ww_authority_watch_add(&authority, &one);
    ww_authority_revoke(&authority);
    assert_int_equal(two.told, 1);
}

typedef struct places {
    ww_authority epoch, principal, session, cell;
} places;

static ww_lineage lineage_of(places *p)
{
    const ww_authority *const all[] = {&p->epoch, &p->principal, &p->session, &p->cell};
    ww_lineage lineage;
    ww_lineage_init(&lineage, all);
    return lineage;
}

static void lineage__each_place_revoked__is_ended_and_names_the_widest(void **state)
{
    (void)state;
    places p = {.principal.generation = 7};
    ww_authority *each[] = {&p.epoch, &p.principal, &p.session, &p.cell};
    for (int i = 0; i < WW_LINEAGE_PLACES; i++) {
        ww_lineage lineage = lineage_of(&p);
        assert_true(ww_lineage_is_fresh(&lineage));
        assert_int_equal(ww_lineage_ended(&lineage), WW_LINEAGE_PLACES);
        ww_authority_revoke(&p.cell);
        ww_authority_revoke(each[i]);
        assert_false(ww_lineage_is_fresh(&lineage));
        assert_int_equal(ww_lineage_ended(&lineage), i);
    }
}

static void lineage__without_authorities__never_ends(void **state)
{
    (void)state;
    const ww_authority *const none[WW_LINEAGE_PLACES] = {NULL};
    ww_lineage lineage;
    ww_lineage_init(&lineage, none);
    assert_true(ww_lineage_is_fresh(&lineage));
}

static void methods__allowed__are_held_and_nothing_else_is(void **state)
{
    (void)state;
    ww_methods methods = {0};
    assert_false(ww_methods_have(&methods, 5, 0));
    assert_ok(ww_methods_allow(&methods, 5, 63));
    assert_ok(ww_methods_allow_all(&methods, 6));
    assert_true(ww_methods_have(&methods, 5, 63));
    assert_false(ww_methods_have(&methods, 5, 62));
    assert_true(ww_methods_have(&methods, 6, 0));
    assert_false(ww_methods_have(&methods, 6, 64));
    assert_false(ww_methods_have(&methods, 7, 0));
    assert_int_equal(ww_methods_allow(&methods, 5, 64), WW_E_LIMIT);
}

static void methods__one_interface_too_many__is_refused(void **state)
{
    (void)state;
    ww_methods methods = {0};
    for (uint64_t i = 0; i < WW_METHODS_INTERFACES_MAX; i++)
        assert_ok(ww_methods_allow(&methods, i, 1));
    assert_int_equal(ww_methods_allow(&methods, 99, 1), WW_E_LIMIT);
    assert_ok(ww_methods_allow(&methods, 0, 2));
    assert_false(ww_methods_have(&methods, 99, 1));
}

static void methods__intersected__hold_what_both_held(void **state)
{
    (void)state;
    ww_methods a = {0}, b = {0};
    assert_ok(ww_methods_allow(&a, 1, 1));
    assert_ok(ww_methods_allow(&a, 1, 2));
    assert_ok(ww_methods_allow_all(&a, 2));
    assert_ok(ww_methods_allow(&a, 3, 0));
    assert_ok(ww_methods_allow(&b, 1, 2));
    assert_ok(ww_methods_allow(&b, 2, 9));
    assert_ok(ww_methods_allow_all(&b, 4));
    ww_methods_intersect(&a, &b);
    for (uint64_t interface = 0; interface < 6; interface++)
        for (uint16_t ordinal = 0; ordinal < 64; ordinal++)
            assert_int_equal(ww_methods_have(&a, interface, ordinal),
                             (interface == 1 && ordinal == 2) || (interface == 2 && ordinal == 9));
}

static void table__grant_ends__says_why_by_a_stable_text(void **state)
{
    (void)state;
    ww_cap_table table;
    ww_cap_table_init(&table, ww_allocator_libc(), 10);
    places p = {0};
    const struct {
        ww_authority *revoked;
        ww_status status;
        const char *text;
    } rows[] = {
        {&p.epoch, WW_E_STALE, "staleEpoch: session epoch no longer current"},
        {&p.principal, WW_E_CANCELED, "revoked: this authority was withdrawn"},
        {&p.session, WW_E_CANCELED, "revoked: this authority was withdrawn"},
        {&p.cell, WW_E_CANCELED, "revoked: this authority was withdrawn"},
        {NULL, WW_E_CANCELED, "revoked: this authority was withdrawn"}, /* removed */
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++) {
        ww_lineage lineage = lineage_of(&p);
        ww_cap_ref ref;
        assert_ok(ww_cap_table_add(&table, &lineage, NULL, &ref));
        const ww_cap_entry *entry = ww_cap_table_entry(&table, ref);
        assert_ok(ww_cap_check(entry, ref.generation, 1, 1));
        if (rows[i].revoked)
            ww_authority_revoke(rows[i].revoked);
        else
            ww_cap_table_remove(&table, ref);
        ww_status status = ww_cap_check(entry, ref.generation, 1, 1);
        assert_int_equal(status, rows[i].status);
        assert_string_equal(ww_cap_refusal(status), rows[i].text);
        ww_cap_table_remove(&table, ref);
    }
    assert_string_equal(ww_cap_refusal(WW_E_DENIED), "denied: this method was not granted");
    assert_int_equal(table.in_use, 0);
    ww_cap_table_deinit(&table);
}

static void table__place_used_again__refuses_the_old_reference(void **state)
{
    (void)state;
    ww_cap_table table;
    ww_cap_table_init(&table, ww_allocator_libc(), 10);
    places p = {0};
    ww_lineage lineage = lineage_of(&p);
    ww_cap_ref old, new;
    assert_ok(ww_cap_table_add(&table, &lineage, NULL, &old));
    ww_cap_table_remove(&table, old);
    ww_cap_table_remove(&table, old);
    assert_ok(ww_cap_table_add(&table, &lineage, NULL, &new));
    assert_int_equal(new.index, old.index);
    const ww_cap_entry *entry = ww_cap_table_entry(&table, old);
    assert_int_equal(ww_cap_check(entry, old.generation, 0, 0), WW_E_CANCELED);
    assert_ok(ww_cap_check(entry, new.generation, 0, 0));
    ww_cap_table_remove(&table, old); /* not the new one */
    assert_ok(ww_cap_check(entry, new.generation, 0, 0));
    assert_null(ww_cap_table_entry(&table, (ww_cap_ref){0}));
    assert_null(ww_cap_table_entry(&table, (ww_cap_ref){77, 1}));
    ww_cap_table_deinit(&table);
}

static void table__full__refuses_and_takes_again_after_a_removal(void **state)
{
    (void)state;
    enum { MAX = 200 };
    ww_cap_table table;
    ww_cap_table_init(&table, ww_allocator_libc(), MAX);
    places p = {0};
    ww_lineage lineage = lineage_of(&p);
    ww_cap_ref refs[MAX], one_more;
    for (int i = 0; i < MAX; i++)
        assert_ok(ww_cap_table_add(&table, &lineage, NULL, &refs[i]));
    assert_int_equal(ww_cap_table_add(&table, &lineage, NULL, &one_more), WW_E_LIMIT);
    assert_int_equal(one_more.generation, 0);
    ww_cap_table_remove(&table, refs[70]);
    assert_ok(ww_cap_table_add(&table, &lineage, NULL, &one_more));
    assert_int_equal(one_more.index, 70);
    ww_authority_revoke(&p.session); /* all of them, by one store */
    for (int i = 0; i < MAX; i++)
        assert_int_equal(ww_cap_ended(ww_cap_table_entry(&table, refs[i]), refs[i].generation),
                         WW_E_CANCELED);
    ww_cap_table_deinit(&table);
}

static void table__attenuated_twice__intersects(void **state)
{
    (void)state;
    ww_cap_table table;
    ww_cap_table_init(&table, ww_allocator_libc(), 10);
    places p = {0};
    ww_lineage lineage = lineage_of(&p);
    ww_methods first = {0}, second = {0};
    assert_ok(ww_methods_allow(&first, 1, 1));
    assert_ok(ww_methods_allow(&first, 1, 2));
    assert_ok(ww_methods_allow(&second, 1, 2));
    assert_ok(ww_methods_allow(&second, 1, 3));
    ww_cap_ref all, some, fewer, same;
    assert_ok(ww_cap_table_add(&table, &lineage, NULL, &all));
    assert_ok(ww_cap_table_attenuate(&table, all, &first, NULL, &some));
    assert_ok(ww_cap_table_attenuate(&table, some, &second, NULL, &fewer));
    assert_ok(ww_cap_table_attenuate(&table, some, NULL, NULL, &same));
    const struct {
        ww_cap_ref ref;
        bool has[4];
    } rows[] = {
        {all, {true, true, true, true}},
        {some, {false, true, true, false}},
        {fewer, {false, false, true, false}},
        {same, {false, true, true, false}},
    };
    for (size_t i = 0; i < WW_COUNT_OF(rows); i++)
        for (uint16_t m = 0; m < 4; m++)
            assert_int_equal(
                ww_cap_check(ww_cap_table_entry(&table, rows[i].ref), rows[i].ref.generation, 1, m),
                rows[i].has[m] ? WW_OK : WW_E_DENIED);
    ww_authority_revoke(&p.epoch);
    assert_int_equal(ww_cap_table_attenuate(&table, some, NULL, NULL, &same), WW_E_STALE);
    assert_int_equal(ww_cap_table_attenuate(&table, (ww_cap_ref){50, 1}, NULL, NULL, &same),
                     WW_E_CANCELED);
    ww_cap_table_deinit(&table);
}

static ww_status fill_table(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_cap_table table;
    ww_cap_table_init(&table, allocator, 200);
    places p = {0};
    ww_lineage lineage = lineage_of(&p);
    ww_status status = WW_OK;
    for (int i = 0; i < 200 && !status; i++) {
        ww_cap_ref ref;
        status = ww_cap_table_add(&table, &lineage, NULL, &ref);
    }
    ww_cap_table_deinit(&table);
    return status;
}

static void table__no_memory__fails_and_gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(fill_table, NULL);
}

static void allowance__cell_and_principal__both_bound_what_is_taken(void **state)
{
    (void)state;
    ww_allowance principal, one, two;
    ww_allowance_init_principal(&principal);
    ww_allowance_init_cell(&one, &principal);
    ww_allowance_init_cell(&two, &principal);
    for (int kind = 0; kind < WW_ALLOWANCE_KINDS; kind++) {
        ww_allowance_kind k = (ww_allowance_kind)kind;
        assert_true(one.budgets[k].max < principal.budgets[k].max);
        one.budgets[k].max = two.budgets[k].max = 3;
        principal.budgets[k].max = 4;
        assert_true(ww_allowance_take(&one, k, 3));
        assert_false(ww_allowance_take(&one, k, 1)); /* its own bound */
        assert_true(ww_allowance_take(&two, k, 1));
        assert_false(ww_allowance_take(&two, k, 1)); /* its principal's, and it took nothing */
        assert_int_equal(two.budgets[k].used, 1);
        ww_allowance_give(&one, k, 3);
        assert_true(ww_allowance_take(&two, k, 1));
        ww_allowance_give(&two, k, 2);
        assert_int_equal(principal.budgets[k].used, 0);
    }
    assert_int_equal(one.refused, WW_ALLOWANCE_KINDS);
    assert_int_equal(principal.refused, WW_ALLOWANCE_KINDS);
    assert_string_equal(ww_allowance_text(WW_ALLOWANCE_CHILDREN), "quota: too many children");
}

static void allowance__calls__are_bounded_by_cell_and_principal(void **state)
{
    (void)state;
    ww_allowance principal, cell;
    ww_allowance_init_principal(&principal);
    ww_allowance_init_cell(&cell, &principal);
    cell.calls = ww_toll_new(2, 0);
    principal.calls = ww_toll_new(1, 0);
    assert_true(ww_allowance_take_call(&cell));
    assert_false(ww_allowance_take_call(&cell));
    assert_int_equal(ww_toll_messages_left(&cell.calls), 1); /* nothing was taken */
    assert_int_equal(principal.refused, 1);
    ww_allowance_give_call(&cell);
    assert_true(ww_toll_is_unused(&cell.calls));
    assert_true(ww_toll_is_unused(&principal.calls));
}

static void toll__messages_and_their_words__are_bounded_apart(void **state)
{
    (void)state;
    ww_toll toll = ww_toll_new(3, 10);
    assert_true(ww_toll_charge(&toll, ww_toll_price(10)));
    assert_false(ww_toll_charge(&toll, ww_toll_price(1)));
    assert_true(ww_toll_charge(&toll, ww_toll_price(0)));
    assert_true(ww_toll_charge(&toll, ww_toll_price(0)));
    assert_false(ww_toll_charge(&toll, ww_toll_price(0)));
    ww_toll_release(&toll, ww_toll_price(10));
    assert_false(ww_toll_charge(&toll, ww_toll_price(11)));
    assert_int_equal(ww_toll_messages_left(&toll), 1);
    assert_true(ww_toll_charge(&toll, ww_toll_price(10)));
    toll = ww_toll_new(WW_TOLL_MAX, WW_TOLL_MAX);
    assert_true(ww_toll_charge(&toll, ww_toll_price(WW_TOLL_MAX)));
    assert_false(ww_toll_charge(&toll, ww_toll_price(WW_TOLL_MAX)));
    assert_int_equal(ww_toll_messages_left(&toll), WW_TOLL_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authority__revoked__tells_each_watch_once_and_after_the_store),
        cmocka_unit_test(authority__revoked__all_that_watch_know_before_the_first_is_told),
        cmocka_unit_test(lineage__each_place_revoked__is_ended_and_names_the_widest),
        cmocka_unit_test(lineage__without_authorities__never_ends),
        cmocka_unit_test(methods__allowed__are_held_and_nothing_else_is),
        cmocka_unit_test(methods__one_interface_too_many__is_refused),
        cmocka_unit_test(methods__intersected__hold_what_both_held),
        cmocka_unit_test(table__grant_ends__says_why_by_a_stable_text),
        cmocka_unit_test(table__place_used_again__refuses_the_old_reference),
        cmocka_unit_test(table__full__refuses_and_takes_again_after_a_removal),
        cmocka_unit_test(table__attenuated_twice__intersects),
        cmocka_unit_test(table__no_memory__fails_and_gives_all_back),
        cmocka_unit_test(allowance__cell_and_principal__both_bound_what_is_taken),
        cmocka_unit_test(allowance__calls__are_bounded_by_cell_and_principal),
        cmocka_unit_test(toll__messages_and_their_words__are_bounded_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
