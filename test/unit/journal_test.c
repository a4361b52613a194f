/* The journal of the bring-up: torn and damaged tails. */
#include "node/journal.h"
#include "support/check.h"

static void write_two(ww_buf *out)
{
    ww_buf_init(out, ww_allocator_libc(), 1 << 16);
    assert_ok(ww_journal_write(
        (ww_journal_record){WW_JOURNAL_INSTALL, WW_VIEW_LITERAL("an install")}, out));
    assert_ok(
        ww_journal_write((ww_journal_record){WW_JOURNAL_DONE, WW_VIEW_LITERAL("\1store")}, out));
}

static uint32_t count(ww_view bytes, ww_view *rest)
{
    ww_journal_record record;
    uint32_t records = 0;
    *rest = bytes;
    while (ww_journal_next(rest, &record))
        records++;
    return records;
}

static void next__what_was_written__is_read_in_order(void **state)
{
    (void)state;
    ww_buf bytes;
    ww_journal_record record;
    write_two(&bytes);
    ww_view rest = ww_buf_view(&bytes);
    assert_true(ww_journal_next(&rest, &record));
    assert_int_equal(record.kind, WW_JOURNAL_INSTALL);
    assert_true(ww_view_is(record.payload, "an install"));
    assert_true(ww_journal_next(&rest, &record));
    assert_int_equal(record.kind, WW_JOURNAL_DONE);
    assert_true(ww_view_is(record.payload, "\1store"));
    assert_false(ww_journal_next(&rest, &record));
    assert_int_equal(rest.size, 0);
    ww_buf_deinit(&bytes);
}

static void next__torn_anywhere__whole_records_in_front_count(void **state)
{
    (void)state;
    ww_buf bytes;
    ww_view rest;
    write_two(&bytes);
    size_t first = 5 + 10 + 8;
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(count(ww_view_of(bytes.data, size), &rest), size < first ? 0 : 1);
        assert_ptr_equal(rest.data, bytes.data + (size < first ? 0 : first));
    }
    ww_buf_deinit(&bytes);
}

static void next__any_bit_flipped__ends_in_front_of_it(void **state)
{
    (void)state;
    ww_buf bytes;
    ww_view rest;
    write_two(&bytes);
    size_t first = 5 + 10 + 8;
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(count(ww_buf_view(&bytes), &rest), bit / 8 < first ? 0 : 1);
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ww_buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__what_was_written__is_read_in_order),
        cmocka_unit_test(next__torn_anywhere__whole_records_in_front_count),
        cmocka_unit_test(next__any_bit_flipped__ends_in_front_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
