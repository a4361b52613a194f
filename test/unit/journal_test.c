/* The journal of the bring-up: torn and damaged tails. */
#include "node/journal.h"
#include "support/check.h"

static void add(ww_buf *out, ww_journal_kind kind, const char *payload)
{
    ww_buf record;
    ww_buf_init(&record, ww_allocator_libc(), 1 << 16);
    assert_ok(ww_journal_begin(&record, kind));
    assert_ok(ww_buf_append(&record, payload, strlen(payload)));
    assert_ok(ww_journal_reserve_end(&record));
    ww_journal_end(&record);
    assert_ok(ww_buf_append(out, record.data, record.size));
    ww_buf_deinit(&record);
}

static void write_two(ww_buf *out)
{
    ww_buf_init(out, ww_allocator_libc(), 1 << 16);
    add(out, WW_JOURNAL_INSTALL, "an install");
    add(out, WW_JOURNAL_DONE, "\1store");
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

/* --- compacting --- */

static const uint64_t key[2] = {1, 2};

static ww_status compact(const ww_allocator *allocator, void *arg)
{
    size_t useless;
    ww_buf out;
    ww_buf_init(&out, allocator, 1 << 16);
    ww_status status = ww_journal_compact(ww_buf_view(arg), key, allocator, &useless, &out);
    ww_buf_deinit(&out);
    return status;
}

static void compact__repeated_records__the_first_stays_in_its_place(void **state)
{
    (void)state;
    size_t useless;
    ww_buf bytes, out;
    write_two(&bytes);
    size_t size = bytes.size;
    add(&bytes, WW_JOURNAL_INSTALL, "an install");
    add(&bytes, WW_JOURNAL_DONE, "an install"); /* of another kind */
    add(&bytes, WW_JOURNAL_DONE, "\1store");
    ww_buf_init(&out, ww_allocator_libc(), 1 << 16);
    assert_ok(ww_journal_compact(ww_buf_view(&bytes), key, ww_allocator_libc(), &useless, &out));
    assert_int_equal(useless, size);
    assert_int_equal(out.size, bytes.size - useless);
    assert_memory_equal(out.data, bytes.data, size);
    assert_memory_equal(out.data + size, bytes.data + size + 5 + 10 + 8, out.size - size);
    assert_ok(ww_journal_compact(ww_buf_view(&out), key, ww_allocator_libc(), &useless, NULL));
    assert_int_equal(useless, 0);
    test_every_allocation_failing(compact, &bytes);
    ww_buf_deinit(&out);
    ww_buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__what_was_written__is_read_in_order),
        cmocka_unit_test(next__torn_anywhere__whole_records_in_front_count),
        cmocka_unit_test(next__any_bit_flipped__ends_in_front_of_it),
        cmocka_unit_test(compact__repeated_records__the_first_stays_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
