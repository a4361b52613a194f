/* Hostile messages, by the numbers of the list in doc/compat/capnp.md. */
#include "capnp/copy.h"
#include "support/capnp_words.h"
#include "support/check.h"
#include <stdlib.h>

static void check_03__offset_leaves_the_segment_either_way__reads_default(void **state)
{
    (void)state;
    static const int64_t offsets[] = {1, 2, (1 << 29) - 1, -2, -(1 << 29)};
    for (size_t i = 0; i < WW_COUNT_OF(offsets); i++) {
        const uint64_t words[] = {STRUCT(offsets[i], 1, 0), 7};
        MESSAGE(m, root, words);
        assert_int_equal(ww_capnp_get_u64(ww_capnp_any_struct(root), 0), 0);
        assert_fault(m, WW_E_INVALID);
    }
}

static void check_04__object_reaches_past_the_end__reads_default(void **state)
{
    (void)state;
    const uint64_t words[] = {LIST(0, WW_CAPNP_64, WW_CAPNP_LIST_MAX), 7};
    MESSAGE(m, root, words);
    assert_int_equal(ww_capnp_any_list(root, WW_CAPNP_64).count, 0);
    assert_fault(m, WW_E_INVALID);
    const uint64_t big[] = {STRUCT(0, 65535, 65535), 7};
    MESSAGE(b, big_root, big);
    assert_int_equal(ww_capnp_any_struct(big_root).data_bits, 0);
    assert_fault(b, WW_E_INVALID);
}

static void assert_far_refused(uint64_t pointer, const uint64_t *pad, uint32_t pad_words)
{
    const ww_capnp_segment segments[] = {{(const uint8_t *)&pointer, 1, 0},
                                         {(const uint8_t *)pad, pad_words, 0}};
    ww_capnp_message m;
    ww_capnp_message_init(&m, segments, 2);
    assert_null(ww_capnp_any_struct(ww_capnp_message_root(&m)).data);
    assert_fault(m, WW_E_INVALID);
}

static void check_05__malformed_far_pointers__read_default(void **state)
{
    (void)state;
    const uint64_t missing[] = {STRUCT(0, 1, 0), 7};
    assert_far_refused(FAR(0, 0, 2), missing, 2);
    assert_far_refused(FAR(0, 2, 1), missing, 2);
    assert_far_refused(FAR(0, (1 << 29) - 1, 1), missing, 2);
    assert_far_refused(FAR(1, 1, 1), missing, 2); /* two words wanted, one there */
    assert_far_refused(FAR(1, 0, 1), missing, 2); /* the pad does not start with a far pointer */
    const uint64_t far_to_far[] = {FAR(0, 1, 1), STRUCT(0, 0, 0)};
    assert_far_refused(FAR(0, 0, 1), far_to_far, 2);
    const uint64_t bad_tag[] = {FAR(0, 0, 0), FAR(0, 0, 0)};
    assert_far_refused(FAR(1, 0, 1), bad_tag, 2);
    const uint64_t cap_tag[] = {FAR(0, 0, 0), CAP(0)};
    assert_far_refused(FAR(1, 0, 1), cap_tag, 2);
    const uint64_t double_double[] = {FAR(1, 0, 1), STRUCT(0, 1, 0)};
    assert_far_refused(FAR(1, 0, 1), double_double, 2);
}

static void far__single_and_double__lead_to_the_object(void **state)
{
    (void)state;
    const uint64_t first[] = {FAR(0, 1, 1)}, second[] = {42, STRUCT(-2, 1, 0)};
    const ww_capnp_segment single[] = {SEGMENT(first), SEGMENT(second)};
    ww_capnp_message m;
    ww_capnp_message_init(&m, single, 2);
    assert_int_equal(ww_capnp_get_u64(ww_capnp_any_struct(ww_capnp_message_root(&m)), 0), 42);
    const uint64_t start[] = {FAR(1, 0, 1)}, pad[] = {FAR(0, 1, 2), STRUCT(0, 1, 0)},
                   body[] = {1, 43};
    const ww_capnp_segment twice[] = {SEGMENT(start), SEGMENT(pad), SEGMENT(body)};
    ww_capnp_message_init(&m, twice, 3);
    assert_int_equal(ww_capnp_get_u64(ww_capnp_any_struct(ww_capnp_message_root(&m)), 0), 43);
    assert_fault(m, WW_OK);
}

static void check_06__text_without_its_zero__is_empty(void **state)
{
    (void)state;
    const uint64_t empty[] = {LIST(0, WW_CAPNP_8, 0)}, open[] = {LIST(0, WW_CAPNP_8, 2), 0x4141};
    MESSAGE(m, root, empty);
    assert_view_is(ww_capnp_any_text(root), "");
    assert_fault(m, WW_E_INVALID);
    MESSAGE(o, open_root, open);
    assert_view_is(ww_capnp_any_text(open_root), "");
    assert_fault(o, WW_E_INVALID);
    ww_capnp_builder copy; /* the copy is as empty as what was read */
    ww_capnp_builder_init(&copy, ww_allocator_libc(), NULL);
    ww_capnp_any_b copied = ww_capnp_builder_root(&copy);
    ww_capnp_any_b_set_copy(copied, open_root);
    assert_view_is(ww_capnp_any_text(ww_capnp_any_b_read(copied)), "");
    ww_capnp_builder_deinit(&copy);
}

static void check_07__malformed_tags_of_struct_lists__read_empty(void **state)
{
    (void)state;
    const uint64_t tags[] = {LIST(1, 0, 0),      TAG(2, 1, 0),  TAG(1, 1, 1),
                             TAG(1 << 29, 0, 0), TAG(-1, 0, 0), TAG((1 << 29) - 1, 65535, 65535)};
    for (size_t i = 0; i < WW_COUNT_OF(tags); i++) {
        const uint64_t words[] = {LIST(0, WW_CAPNP_STRUCTS, 1), tags[i], 7};
        MESSAGE(m, root, words);
        assert_int_equal(ww_capnp_any_list(root, WW_CAPNP_STRUCTS).count, 0);
        assert_fault(m, WW_E_INVALID);
    }
}

static void check_07__list_of_nothing_with_many_elements__costs_its_count(void **state)
{
    (void)state;
    const uint64_t structs[] = {LIST(0, WW_CAPNP_STRUCTS, 0), TAG((1 << 29) - 1, 0, 0)};
    MESSAGE(m, root, structs);
    assert_int_equal(ww_capnp_any_list(root, WW_CAPNP_STRUCTS).count, 0);
    assert_fault(m, WW_E_LIMIT);
    const uint64_t voids[] = {LIST(0, WW_CAPNP_VOID, (1 << 29) - 1)};
    MESSAGE(v, void_root, voids);
    assert_int_equal(ww_capnp_any_list(void_root, WW_CAPNP_VOID).count, 0);
    assert_fault(v, WW_E_LIMIT);
}

static void check_08__wrong_kind_or_element_size__is_a_mismatch(void **state)
{
    (void)state;
    const uint64_t a_struct[] = {STRUCT(0, 1, 0), 7}, bytes[] = {LIST(0, WW_CAPNP_8, 8), 7};
    MESSAGE(s, s_root, a_struct);
    assert_int_equal(ww_capnp_any_list(s_root, WW_CAPNP_8).count, 0);
    assert_fault(s, WW_E_MISMATCH);
    static const ww_capnp_size wanted[] = {WW_CAPNP_BIT, WW_CAPNP_16, WW_CAPNP_64,
                                           WW_CAPNP_POINTERS};
    for (size_t i = 0; i < WW_COUNT_OF(wanted); i++) {
        MESSAGE(m, root, bytes);
        assert_int_equal(ww_capnp_any_list(root, wanted[i]).count, 0);
        assert_fault(m, WW_E_MISMATCH);
    }
    const uint64_t bits[] = {LIST(0, WW_CAPNP_BIT, 8), 7};
    MESSAGE(b, b_root, bits);
    assert_int_equal(ww_capnp_any_list(b_root, WW_CAPNP_STRUCTS).count, 0);
    assert_fault(b, WW_E_MISMATCH);
}

static uint64_t copied_words(const uint64_t *words, uint32_t count, ww_status *fault)
{
    const ww_capnp_segment segment = {(const uint8_t *)words, count, 0};
    ww_capnp_message m;
    ww_capnp_message_init(&m, &segment, 1);
    ww_capnp_builder copy;
    ww_capnp_builder_init(&copy, ww_allocator_libc(), NULL);
    ww_capnp_any_b_set_copy(ww_capnp_builder_root(&copy), ww_capnp_message_root(&m));
    uint64_t size = ww_capnp_total_words(ww_capnp_any_b_read(ww_capnp_builder_root(&copy)));
    *fault = copy.fault ? copy.fault : ww_capnp_message_check(&m, NULL);
    ww_capnp_builder_deinit(&copy);
    return size;
}

static void check_09__cycles_and_repeated_blobs__end_at_the_budgets(void **state)
{
    (void)state;
    ww_status fault;
    const uint64_t self[] = {STRUCT(-1, 0, 1)};
    assert_true(copied_words(self, 1, &fault) <= WW_CAPNP_DEPTH_MAX);
    assert_int_equal(fault, WW_E_LIMIT);
    const uint64_t mutual[] = {STRUCT(0, 0, 2), STRUCT(-1, 0, 2), STRUCT(-2, 0, 2)};
    copied_words(mutual, 3, &fault);
    assert_int_equal(fault, WW_E_LIMIT);
    static uint64_t many[2001 + 8192]; /* 2,000 pointers to one blob of 64 KiB */
    many[0] = LIST(0, WW_CAPNP_POINTERS, 2000);
    for (int i = 0; i < 2000; i++)
        many[1 + i] = LIST(1999 - i, WW_CAPNP_8, 65536);
    assert_true(copied_words(many, WW_COUNT_OF(many), &fault) <= WW_CAPNP_TRAVERSAL_WORDS);
    assert_int_equal(fault, WW_E_LIMIT);
}

static void check_10__capabilities_where_data_is_and_the_reverse__read_default(void **state)
{
    (void)state;
    const uint64_t cap[] = {CAP(0)}, reserved[] = {CAP(0) | 4}, data[] = {STRUCT(0, 1, 0), 7};
    MESSAGE(c, c_root, cap);
    assert_null(ww_capnp_any_struct(c_root).data);
    assert_fault(c, WW_E_MISMATCH);
    MESSAGE(r, r_root, reserved);
    assert_int_equal(ww_capnp_any_kind(r_root), WW_CAPNP_IS_BROKEN);
    assert_null(ww_capnp_any_cap(r_root));
    assert_fault(r, WW_E_MISMATCH);
    MESSAGE(d, d_root, data);
    assert_null(ww_capnp_any_cap(d_root));
    assert_fault(d, WW_E_MISMATCH);
}

static void check_11__capability_without_a_table__is_null(void **state)
{
    (void)state;
    const uint64_t words[] = {CAP(0xffffffff)};
    MESSAGE(m, root, words);
    assert_int_equal(ww_capnp_any_kind(root), WW_CAPNP_IS_CAP);
    assert_null(ww_capnp_any_cap(root));
    assert_fault(m, WW_E_INVALID);
}

static void check_12__no_root__is_null(void **state)
{
    (void)state;
    const ww_capnp_segment empty = {NULL, 0, 0};
    ww_capnp_message m;
    ww_capnp_message_init(&m, &empty, 1);
    assert_int_equal(ww_capnp_any_kind(ww_capnp_message_root(&m)), WW_CAPNP_NULL);
    assert_null(ww_capnp_any_struct(ww_capnp_message_root(&m)).data);
    assert_fault(m, WW_OK);
}

static void check_14__message_at_any_address__reads_the_same(void **state)
{
    (void)state;
    const uint64_t words[] = {STRUCT(0, 1, 1), 0x1122334455667788, LIST(0, WW_CAPNP_8, 3), 0x6968};
    uint8_t shifted[sizeof words + 8];
    for (size_t shift = 0; shift < 8; shift++) {
        memcpy(shifted + shift, words, sizeof words);
        ww_capnp_segment segment = {shifted + shift, WW_COUNT_OF(words), 0};
        ww_capnp_message m;
        ww_capnp_message_init(&m, &segment, 1);
        ww_capnp_struct s = ww_capnp_any_struct(ww_capnp_message_root(&m));
        assert_int_equal(ww_capnp_get_u32(s, 1), 0x11223344);
        assert_int_equal(ww_capnp_get_u16(s, 0), 0x7788);
        assert_view_is(ww_capnp_any_text(ww_capnp_get_pointer(s, 0)), "hi");
        assert_fault(m, WW_OK);
    }
}

static void check_15__memory_that_changes_between_views__stays_inside(void **state)
{
    (void)state;
    uint64_t words[] = {STRUCT(0, 1, 1), 5, LIST(0, WW_CAPNP_8, 8), 6};
    MESSAGE(m, root, words);
    ww_capnp_struct s = ww_capnp_any_struct(root);
    words[0] = STRUCT(4000, 65535, 65535); /* a writer flips the word after it was judged */
    words[2] = LIST(4000, WW_CAPNP_8, 8);
    assert_int_equal(ww_capnp_get_u64(s, 0), 5);
    assert_int_equal(ww_capnp_any_data(ww_capnp_get_pointer(s, 0)).size, 0);
    assert_fault(m, WW_E_INVALID);
}

static void check_18__64_levels__are_walked_without_recursion(void **state)
{
    (void)state;
    uint64_t words[WW_CAPNP_DEPTH_MAX + 1];
    for (size_t i = 0; i < WW_CAPNP_DEPTH_MAX; i++)
        words[i] = STRUCT(0, 0, 1);
    words[WW_CAPNP_DEPTH_MAX] = STRUCT(-1, 0, 0);
    MESSAGE(m, root, words);
    assert_int_equal(ww_capnp_total_words(root), WW_CAPNP_DEPTH_MAX);
    assert_fault(m, WW_E_LIMIT); /* the 65th level is one too many */
    ww_capnp_message_init(&m, &m_segment, 1);
    root.at += 8;
    assert_int_equal(ww_capnp_total_words(root), WW_CAPNP_DEPTH_MAX - 1);
    assert_fault(m, WW_OK);
}

static void budget__getter_read_twice__costs_twice_until_trusted(void **state)
{
    (void)state;
    const uint64_t words[] = {LIST(0, WW_CAPNP_8, 16), 1, 2};
    MESSAGE(m, root, words);
    m.words_left = 5;
    assert_int_equal(ww_capnp_any_data(root).size, 16);
    assert_int_equal(ww_capnp_any_data(root).size, 16);
    assert_int_equal(ww_capnp_any_data(root).size, 0);
    assert_fault(m, WW_E_LIMIT);
    ww_capnp_message_trust(&m);
    assert_int_equal(ww_capnp_any_data(root).size, 16);
}

static void list__upgrades_between_shapes__follow_the_rules(void **state)
{
    (void)state;
    const uint64_t shorts[] = {LIST(0, WW_CAPNP_16, 3), 0x000300020001};
    MESSAGE(m, root, shorts);
    ww_capnp_list list = ww_capnp_any_list(root, WW_CAPNP_STRUCTS);
    assert_int_equal(list.count, 3);
    assert_int_equal(ww_capnp_get_u16(ww_capnp_list_struct(list, 2), 0), 3);
    assert_int_equal(ww_capnp_get_u32(ww_capnp_list_struct(list, 2), 0),
                     0); /* only 16 bits are there */
    const uint64_t structs[] = {
        LIST(0, WW_CAPNP_STRUCTS, 4), TAG(2, 1, 1), 11, LIST(2, WW_CAPNP_8, 2), 12,
        LIST(0, WW_CAPNP_8, 2),       0x61};
    MESSAGE(s, s_root, structs);
    list = ww_capnp_any_list(s_root, WW_CAPNP_16);
    assert_int_equal(ww_capnp_list_u16(list, 1), 12);
    list = ww_capnp_any_list(s_root, WW_CAPNP_POINTERS); /* skips the data section */
    assert_view_is(ww_capnp_any_text(ww_capnp_list_pointer(list, 0)), "a");
    assert_view_is(ww_capnp_any_text(ww_capnp_list_pointer(list, 1)), "a");
    assert_fault(s, WW_OK);
}

/* The sum of all that a full walk reads, so that nothing is optimised away. */
static uint64_t walk(ww_capnp_message *m)
{
    ww_capnp_any root = ww_capnp_message_root(m);
    uint64_t sum = ww_capnp_total_words(root) + ww_capnp_any_text(root).size;
    ww_capnp_struct s = ww_capnp_any_struct(root);
    sum += ww_capnp_get_u64(s, 0);
    ww_capnp_list list = ww_capnp_any_list(ww_capnp_get_pointer(s, 0), WW_CAPNP_STRUCTS);
    for (uint32_t i = 0; i < list.count && i < 8; i++)
        sum += ww_capnp_get_u64(ww_capnp_list_struct(list, i), 0);
    return sum;
}

static void pointers__every_pair_of_bits_flipped__stays_inside(void **state)
{
    (void)state;
    static const uint64_t originals[][4] = {
        {STRUCT(0, 1, 1), 5, STRUCT(0, 1, 0), 6},
        {STRUCT(0, 1, 1), 5, LIST(0, WW_CAPNP_8, 8), 6},
        {STRUCT(0, 0, 1), LIST(0, WW_CAPNP_STRUCTS, 1), TAG(1, 1, 0), 6},
        {FAR(0, 2, 0), 5, STRUCT(0, 1, 0), 6},
        {FAR(1, 1, 0), FAR(0, 3, 0), STRUCT(0, 1, 0), 6},
    };
    uint64_t sum = 0;
    for (size_t o = 0; o < WW_COUNT_OF(originals); o++)
        for (int a = 0; a < 192; a++)
            for (int b = a; b < 192; b++) {
                uint64_t *words =
                    malloc(sizeof originals[o]); /* its own block, for the sanitizer */
                memcpy(words, originals[o], sizeof originals[o]);
                words[a / 64] ^= (uint64_t)1 << a % 64;
                if (a != b) words[b / 64] ^= (uint64_t)1 << b % 64;
                ww_capnp_segment segment = {(const uint8_t *)words, 4, 0};
                ww_capnp_message m;
                ww_capnp_message_init(&m, &segment, 1);
                m.words_left = 1000;
                sum += walk(&m);
                free(words);
            }
    assert_true(sum > 0);
}

static void text__utf8__is_checked_on_request(void **state)
{
    (void)state;
    assert_true(ww_capnp_text_valid(ww_view_str("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    static const char *const bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                                      "\x80"};
    for (size_t i = 0; i < WW_COUNT_OF(bad); i++)
        assert_false(ww_capnp_text_valid(ww_view_str(bad[i])));
}

static void check__fault__names_its_place(void **state)
{
    (void)state;
    const uint64_t words[] = {STRUCT(0, 0, 1), STRUCT(9, 1, 0)};
    MESSAGE(m, root, words);
    ww_capnp_any_struct(ww_capnp_get_pointer(ww_capnp_any_struct(root), 0));
    ww_diag diag;
    assert_int_equal(ww_capnp_message_check(&m, &diag), WW_E_INVALID);
    assert_string_equal(diag.text, "segment 0 word 1: a pointer leaves its segment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_03__offset_leaves_the_segment_either_way__reads_default),
        cmocka_unit_test(check_04__object_reaches_past_the_end__reads_default),
        cmocka_unit_test(check_05__malformed_far_pointers__read_default),
        cmocka_unit_test(far__single_and_double__lead_to_the_object),
        cmocka_unit_test(check_06__text_without_its_zero__is_empty),
        cmocka_unit_test(check_07__malformed_tags_of_struct_lists__read_empty),
        cmocka_unit_test(check_07__list_of_nothing_with_many_elements__costs_its_count),
        cmocka_unit_test(check_08__wrong_kind_or_element_size__is_a_mismatch),
        cmocka_unit_test(check_09__cycles_and_repeated_blobs__end_at_the_budgets),
        cmocka_unit_test(check_10__capabilities_where_data_is_and_the_reverse__read_default),
        cmocka_unit_test(check_11__capability_without_a_table__is_null),
        cmocka_unit_test(check_12__no_root__is_null),
        cmocka_unit_test(check_14__message_at_any_address__reads_the_same),
        cmocka_unit_test(check_15__memory_that_changes_between_views__stays_inside),
        cmocka_unit_test(check_18__64_levels__are_walked_without_recursion),
        cmocka_unit_test(budget__getter_read_twice__costs_twice_until_trusted),
        cmocka_unit_test(list__upgrades_between_shapes__follow_the_rules),
        cmocka_unit_test(pointers__every_pair_of_bits_flipped__stays_inside),
        cmocka_unit_test(text__utf8__is_checked_on_request),
        cmocka_unit_test(check__fault__names_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
