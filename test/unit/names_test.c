#include "base/blob.h"
#include "base/names.h"
#include "base/pool.h"
#include "support/check.h"
#include <stdio.h>

static const uint64_t key[2] = {1, 2};

/* Value computed with the reference algorithm (Aumasson, Bernstein), one compression and three
 * final rounds. */
static void siphash13__zero_key__gives_the_known_values(void **state)
{
    (void)state;
    const uint64_t zero[2] = {0, 0};
    assert_true(ww_siphash13(zero, ww_view_of(NULL, 0)) == 0xd1fba762150c532cu);
    assert_true(ww_siphash13(zero, WW_VIEW_LITERAL("hello world")) == 0xb1b1f2e707e4ac8au);
}

static void names__same_text_twice__is_one_id(void **state)
{
    (void)state;
    ww_names names;
    ww_names_init(&names, ww_allocator_libc(), key, 100);
    uint32_t a, b, again;
    assert_ok(ww_names_intern(&names, ww_view_str("alpha"), &a));
    assert_ok(ww_names_intern(&names, ww_view_str(""), &b));
    assert_ok(ww_names_intern(&names, ww_view_str("alpha"), &again));
    assert_int_equal(a, again);
    assert_int_not_equal(a, b);
    assert_view_is(ww_names_text(&names, a), "alpha");
    assert_false(ww_names_find(&names, ww_view_str("beta"), &b));
    ww_names_deinit(&names);
}

static void names__more_than_count_max__is_refused_and_unchanged(void **state)
{
    (void)state;
    ww_names names;
    ww_names_init(&names, ww_allocator_libc(), key, 40);
    uint32_t id;
    char text[16];
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "n%d", i);
        assert_ok(ww_names_intern(&names, ww_view_str(text), &id));
        assert_int_equal(id, i);
    }
    assert_int_equal(ww_names_intern(&names, ww_view_str("one more"), &id), WW_E_LIMIT);
    assert_true(ww_names_find(&names, ww_view_str("n17"), &id));
    assert_int_equal(id, 17);
    ww_names_deinit(&names);
}

static ww_status intern_many(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_names names;
    ww_names_init(&names, allocator, key, 1000);
    ww_status status = WW_OK;
    for (int i = 0; i < 100 && !status; i++) {
        char text[16];
        uint32_t id;
        snprintf(text, sizeof text, "n%d", i);
        status = ww_names_intern(&names, ww_view_str(text), &id);
    }
    ww_names_deinit(&names);
    return status;
}

static void names__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(intern_many, NULL);
}

static void pool__freed_blocks__are_handed_out_again(void **state)
{
    (void)state;
    test_allocator source;
    test_allocator_init(&source, 0);
    ww_pool pool;
    ww_pool_init(&pool, &source.base, 1 << 20, SIZE_MAX);
    for (int round = 0; round < 10; round++) {
        ww_blob *small = ww_blob_new(&pool.base, 10);
        ww_blob *large = ww_blob_new(&pool.base, 3 << 20);
        uint8_t *grown = ww_alloc(&pool.base, 40);
        grown = ww_realloc(&pool.base, grown, 40, 5000);
        grown[4999] = 1;
        assert_non_null(small);
        assert_non_null(large);
        ww_free(&pool.base, grown, 5000);
        ww_blob_unref(small);
        ww_blob_unref(large);
    }
    assert_int_equal(source.count, 3 + 10);
    assert_int_equal(pool.live, 0);
    ww_pool_deinit(&pool);
    assert_int_equal(source.live_bytes, 0);
}

static void pool__more_than_it_may_hand_out__is_refused(void **state)
{
    (void)state;
    ww_pool pool;
    ww_pool_init(&pool, ww_allocator_libc(), 0, 8192);
    uint8_t *first = ww_alloc(&pool.base, 5000); /* of which it makes 8192 */
    assert_non_null(first);
    assert_null(ww_alloc(&pool.base, 1));
    assert_null(ww_alloc(&pool.base, SIZE_MAX / 2));
    ww_free(&pool.base, first, 5000);
    first = ww_alloc(&pool.base, 1);
    assert_non_null(first);
    ww_free(&pool.base, first, 1);
    ww_pool_deinit(&pool);
}

static void budget__charge_above_what_is_left__is_refused(void **state)
{
    (void)state;
    ww_budget budget = {.used = 6, .max = 10};
    assert_false(ww_budget_charge(&budget, 5));
    assert_false(ww_budget_charge(&budget, UINT64_MAX));
    assert_true(ww_budget_charge(&budget, 4));
    ww_budget_release(&budget, 10);
    assert_int_equal(budget.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash13__zero_key__gives_the_known_values),
        cmocka_unit_test(names__same_text_twice__is_one_id),
        cmocka_unit_test(names__more_than_count_max__is_refused_and_unchanged),
        cmocka_unit_test(names__any_allocation_fails__gives_all_back),
        cmocka_unit_test(pool__freed_blocks__are_handed_out_again),
        cmocka_unit_test(pool__more_than_it_may_hand_out__is_refused),
        cmocka_unit_test(budget__charge_above_what_is_left__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
