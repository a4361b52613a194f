/* Epoch sources: who moves them, and what an advance does to what was granted. */
#include "cap/authority.h"
#include "rpc/epoch.h"
#include "support/check.h"

static ww_lineage lineage_of(ww_epoch_source *source)
{
    const ww_authority *const all[WW_LINEAGE_PLACES] = {&source->authority};
    ww_lineage lineage;
    ww_lineage_init(&lineage, all);
    return lineage;
}

static void static_source__asked_to_advance__says_that_it_does_not(void **state)
{
    (void)state;
    ww_epoch_source source;
    ww_diag diag;
    ww_epoch_source_init_static(&source, ww_allocator_libc());
    ww_lineage lineage = lineage_of(&source);
    assert_int_equal(ww_epoch_advance(&source, (ww_view){0}, &diag), WW_E_UNSUPPORTED);
    assert_string_equal(diag.text, "the static epoch source is not advanced by an operator");
    assert_true(ww_lineage_is_fresh(&lineage));
    assert_int_equal(source.now.seq, 0);
    ww_epoch_source_deinit(&source);
}

static void local_source__advanced__counts_up_and_ends_what_was_granted(void **state)
{
    (void)state;
    ww_epoch_source source;
    ww_epoch_source_init_local(&source, ww_allocator_libc());
    ww_lineage before = lineage_of(&source);
    char head[] = "first";
    assert_ok(ww_epoch_advance(&source, ww_view_str(head), NULL));
    head[0] = 'w'; /* it was copied */
    assert_int_equal(source.now.seq, 1);
    assert_view_is(source.now.head, "first");
    assert_false(ww_lineage_is_fresh(&before));
    ww_lineage after = lineage_of(&source);
    assert_true(ww_lineage_is_fresh(&after));
    assert_ok(ww_epoch_advance(&source, source.now.head, NULL)); /* its own head again */
    assert_int_equal(source.now.seq, 2);
    assert_view_is(source.now.head, "first");
    ww_epoch_source_deinit(&source);
}

/* A source that goes back, or takes a number again, is a new epoch all the same. */
static void source__adopts_a_number_again__ends_what_was_granted(void **state)
{
    (void)state;
    const uint64_t numbers[] = {5, 5, 4, 0};
    ww_epoch_source source;
    ww_epoch_source_init_static(&source, ww_allocator_libc());
    for (size_t i = 0; i < WW_COUNT_OF(numbers); i++) {
        ww_lineage before = lineage_of(&source);
        const ww_epoch epoch = {numbers[i], WW_VIEW_LITERAL("h"), 9};
        assert_ok(ww_epoch_adopt(&source, &epoch, NULL));
        assert_false(ww_lineage_is_fresh(&before));
        assert_int_equal(source.now.seq, numbers[i]);
        assert_int_equal(source.now.adopted_block, 9);
    }
    ww_epoch_source_deinit(&source);
}

static void source__head_too_large_or_no_memory__changes_nothing(void **state)
{
    (void)state;
    static const uint8_t large[WW_EPOCH_HEAD_MAX + 1];
    test_allocator allocator;
    test_allocator_init(&allocator, 2);
    ww_epoch_source source;
    ww_diag diag;
    ww_epoch_source_init_local(&source, &allocator.base);
    assert_ok(ww_epoch_advance(&source, WW_VIEW_LITERAL("good"), NULL));
    ww_lineage lineage = lineage_of(&source);
    assert_int_equal(ww_epoch_advance(&source, ww_view_of(large, sizeof large), &diag), WW_E_LIMIT);
    assert_string_equal(diag.text, "an epoch's head of 4097 bytes: limit exceeded");
    assert_int_equal(ww_epoch_advance(&source, WW_VIEW_LITERAL("next"), &diag), WW_E_MEMORY);
    assert_true(ww_lineage_is_fresh(&lineage));
    assert_int_equal(source.now.seq, 1);
    assert_view_is(source.now.head, "good");
    ww_epoch_source_deinit(&source);
    assert_int_equal(allocator.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(static_source__asked_to_advance__says_that_it_does_not),
        cmocka_unit_test(local_source__advanced__counts_up_and_ends_what_was_granted),
        cmocka_unit_test(source__adopts_a_number_again__ends_what_was_granted),
        cmocka_unit_test(source__head_too_large_or_no_memory__changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
