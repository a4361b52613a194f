#include "capnp/cap_ref.h"
#include "capnp/copy.h"
#include "support/capnp_words.h"
#include "support/check.h"

static const ww_capnp_struct_size ONE_AND_TWO = {1, 2};

/* A tree with every sort of object: {7, "text", [{1, "a"}, {2, "b"}]}. */
static void build_tree(ww_capnp_builder *b)
{
    ww_capnp_struct_b root = ww_capnp_any_b_init_struct(ww_capnp_builder_root(b), ONE_AND_TWO);
    ww_capnp_set_u64(root, 0, 7);
    ww_capnp_any_b_set_text(ww_capnp_struct_b_pointer(root, 0), ww_view_str("text"));
    ww_capnp_list_b list = ww_capnp_any_b_init_structs(ww_capnp_struct_b_pointer(root, 1),
                                                       (ww_capnp_struct_size){1, 1}, 2);
    for (uint32_t i = 0; i < 2; i++) {
        ww_capnp_struct_b element = ww_capnp_list_b_struct(list, i);
        ww_capnp_set_u32(element, 0, i + 1);
        ww_capnp_any_b_set_text(ww_capnp_struct_b_pointer(element, 0), ww_view_str(i ? "b" : "a"));
    }
}

static void assert_tree(ww_capnp_message *m)
{
    ww_capnp_struct root = ww_capnp_any_struct(ww_capnp_message_root(m));
    assert_int_equal(ww_capnp_get_u64(root, 0), 7);
    assert_view_is(ww_capnp_any_text(ww_capnp_get_pointer(root, 0)), "text");
    ww_capnp_list list = ww_capnp_any_list(ww_capnp_get_pointer(root, 1), WW_CAPNP_STRUCTS);
    assert_int_equal(list.count, 2);
    assert_int_equal(ww_capnp_get_u32(ww_capnp_list_struct(list, 1), 0), 2);
    assert_view_is(ww_capnp_any_text(ww_capnp_get_pointer(ww_capnp_list_struct(list, 1), 0)), "b");
    assert_fault(*m, WW_OK);
}

static void build__plain_struct__has_the_bytes_of_the_encoding(void **state)
{
    (void)state;
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    build_tree(&b);
    const uint64_t golden[] = {
        STRUCT(0, 1, 2),
        7,
        LIST(1, WW_CAPNP_8, 5),
        LIST(1, WW_CAPNP_STRUCTS, 4),
        0x74786574,
        TAG(2, 1, 1),
        1,
        LIST(2, WW_CAPNP_8, 2),
        2,
        LIST(1, WW_CAPNP_8, 2),
        'a',
        'b',
    };
    assert_int_equal(b.message.segment_count, 1);
    assert_int_equal(b.segments[0].words, WW_COUNT_OF(golden));
    assert_memory_equal(b.segments[0].data, golden, sizeof golden);
    ww_capnp_builder_deinit(&b);
}

static void build__segments_of_one_word__use_far_pointers_and_read_the_same(void **state)
{
    (void)state;
    for (uint32_t first = 1; first < 14; first++) {
        ww_capnp_builder b;
        ww_capnp_builder_init(&b, ww_allocator_libc(),
                              &(ww_capnp_builder_options){.first_words = first});
        build_tree(&b);
        assert_ok(b.fault);
        assert_tree(ww_capnp_builder_message(&b));
        ww_capnp_builder copy;
        ww_capnp_builder_init(&copy, ww_allocator_libc(), NULL);
        ww_capnp_any_b_set_copy(ww_capnp_builder_root(&copy),
                                ww_capnp_message_root(ww_capnp_builder_message(&b)));
        assert_tree(ww_capnp_builder_message(&copy));
        assert_int_equal(copy.message.segment_count, 1);
        ww_capnp_builder_deinit(&copy);
        ww_capnp_builder_deinit(&b);
    }
}

static void build__beyond_words_max__is_a_sticky_limit_and_setters_are_harmless(void **state)
{
    (void)state;
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), &(ww_capnp_builder_options){.words_max = 200});
    ww_capnp_struct_b root = ww_capnp_any_b_init_struct(ww_capnp_builder_root(&b), ONE_AND_TWO);
    assert_null(ww_capnp_any_b_init_data(ww_capnp_struct_b_pointer(root, 0), 4000));
    assert_int_equal(b.fault, WW_E_LIMIT);
    ww_capnp_struct_b none =
        ww_capnp_any_b_init_struct(ww_capnp_struct_b_pointer(root, 1), ONE_AND_TWO);
    ww_capnp_set_u64(none, 0, 1);
    ww_capnp_any_b_set_text(ww_capnp_struct_b_pointer(none, 0), ww_view_str("x"));
    ww_capnp_builder_deinit(&b);
}

static void build__replaced_object__leaves_zeros(void **state)
{
    (void)state;
    for (uint32_t first = 1; first < 40; first += 13) {
        ww_capnp_builder b;
        ww_capnp_builder_init(&b, ww_allocator_libc(),
                              &(ww_capnp_builder_options){.first_words = first});
        build_tree(&b);
        ww_capnp_any_b_clear(ww_capnp_builder_root(&b));
        for (uint32_t s = 0; s < b.message.segment_count; s++)
            for (uint32_t i = 0; i < b.segments[s].words * 8; i++)
                assert_int_equal(b.segments[s].data[i], 0);
        ww_capnp_builder_deinit(&b);
    }
}

static void build__scratch_space__is_used_first_and_zeroed_again(void **state)
{
    (void)state;
    static uint64_t scratch[64], zeros[64];
    test_allocator allocator;
    test_allocator_init(&allocator, 1);
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, &allocator.base,
                          &(ww_capnp_builder_options){.scratch = scratch, .scratch_words = 64});
    for (int i = 0; i < 3; i++) {
        build_tree(&b);
        assert_ok(b.fault);
        assert_tree(ww_capnp_builder_message(&b));
        ww_capnp_builder_reset(&b);
        assert_memory_equal(scratch, zeros, sizeof zeros);
    }
    ww_capnp_builder_deinit(&b);
    assert_int_equal(allocator.count, 0);
}

static void build__external_data__is_not_copied(void **state)
{
    (void)state;
    static uint8_t blob[4096];
    memset(blob, 0x5a, sizeof blob);
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    ww_capnp_list_b list =
        ww_capnp_any_b_init_list(ww_capnp_builder_root(&b), WW_CAPNP_POINTERS, 12);
    for (uint32_t i = 0; i < 12; i++)
        ww_capnp_any_b_set_external(ww_capnp_list_b_pointer(list, i),
                                    ww_view_of(blob, sizeof blob), sizeof blob);
    assert_ok(b.fault);
    ww_capnp_list read = ww_capnp_any_list(ww_capnp_message_root(&b.message), WW_CAPNP_POINTERS);
    ww_view first = ww_capnp_any_data(ww_capnp_list_pointer(read, 0));
    ww_view last = ww_capnp_any_data(ww_capnp_list_pointer(read, 11));
    assert_ptr_equal(first.data, blob);
    assert_ptr_not_equal(last.data, blob); /* beyond WW_CAPNP_BUILD_EXTERNAL_MAX */
    assert_true(ww_view_equal(first, last));
    ww_capnp_any_b_clear(ww_capnp_builder_root(&b));
    assert_int_equal(blob[0], 0x5a);
    ww_capnp_builder_deinit(&b);
}

static bool is_borrowed(ww_capnp_builder *b, ww_view data, size_t readable)
{
    ww_capnp_any_b_set_external(ww_capnp_builder_root(b), data, readable);
    ww_view read = ww_capnp_any_data(ww_capnp_message_root(&b->message));
    assert_true(ww_view_equal(read, data));
    return read.data == data.data;
}

static void build__external_data_of_any_size__needs_zeroes_up_to_a_word(void **state)
{
    (void)state;
    static uint8_t blob[2048];
    ww_view odd = ww_view_of(blob, 2043);
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    assert_true(is_borrowed(&b, odd, sizeof blob));
    assert_false(is_borrowed(&b, odd, odd.size));
    assert_false(is_borrowed(&b, odd, odd.size + 4));
    blob[2047] = 1;
    assert_false(is_borrowed(&b, odd, sizeof blob));
    ww_capnp_builder_deinit(&b);
}

static void get_struct__smaller_copy_of_an_old_writer__is_enlarged(void **state)
{
    (void)state;
    const uint64_t old[] = {STRUCT(0, 1, 1), 5, LIST(0, WW_CAPNP_8, 2), 'x'};
    MESSAGE(m, root, old);
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    ww_capnp_any_b_set_copy(ww_capnp_builder_root(&b), root);
    ww_capnp_struct_b s =
        ww_capnp_any_b_get_struct(ww_capnp_builder_root(&b), (ww_capnp_struct_size){2, 2});
    ww_capnp_set_u64(s, 1, 6);
    ww_capnp_struct r = ww_capnp_any_struct(ww_capnp_message_root(&b.message));
    assert_int_equal(ww_capnp_get_u64(r, 0), 5);
    assert_int_equal(ww_capnp_get_u64(r, 1), 6);
    assert_view_is(ww_capnp_any_text(ww_capnp_get_pointer(r, 0)), "x");
    ww_capnp_builder_deinit(&b);
}

static void move__object__changes_its_place_not_its_bytes(void **state)
{
    (void)state;
    for (uint32_t first = 1; first < 20; first++) {
        ww_capnp_builder b;
        ww_capnp_builder_init(&b, ww_allocator_libc(),
                              &(ww_capnp_builder_options){.first_words = first});
        ww_capnp_list_b list =
            ww_capnp_any_b_init_list(ww_capnp_builder_root(&b), WW_CAPNP_POINTERS, 2);
        ww_capnp_any_b a = ww_capnp_list_b_pointer(list, 0), z = ww_capnp_list_b_pointer(list, 1);
        ww_capnp_any_b_set_text(a, ww_view_str("moved"));
        ww_capnp_any_b_move(z, a);
        assert_true(ww_capnp_any_is_null(ww_capnp_any_b_read(a)));
        assert_view_is(ww_capnp_any_text(ww_capnp_any_b_read(z)), "moved");
        ww_capnp_any_b_init_struct(a, (ww_capnp_struct_size){0, 0});
        ww_capnp_any_b_move(z, a);
        assert_int_equal(ww_capnp_any_kind(ww_capnp_any_b_read(z)), WW_CAPNP_IS_STRUCT);
        ww_capnp_builder_deinit(&b);
    }
}

static int destroyed;
static void count_destroy(ww_capnp_cap *cap)
{
    (void)cap;
    destroyed++;
}

static void caps__in_a_builder_and_its_copy__are_counted(void **state)
{
    (void)state;
    static const ww_capnp_cap_class class = {count_destroy};
    ww_capnp_cap cap = {.class = &class, .refs = 1};
    destroyed = 0;
    ww_capnp_builder b, copy;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    ww_capnp_builder_init(&copy, ww_allocator_libc(), NULL);
    ww_capnp_any_b_set_cap(ww_capnp_builder_root(&b), &cap);
    ww_capnp_any_b_set_copy(ww_capnp_builder_root(&copy), ww_capnp_message_root(&b.message));
    assert_int_equal(cap.refs, 3);
    ww_capnp_builder_deinit(&b);
    assert_ptr_equal(ww_capnp_any_cap(ww_capnp_message_root(&copy.message)), &cap);
    ww_capnp_builder_deinit(&copy);
    ww_capnp_cap_unref(&cap);
    assert_int_equal(destroyed, 1);
}

static void assert_canonical(const uint64_t *words, uint32_t count, bool expected)
{
    const ww_capnp_segment segment = {(const uint8_t *)words, count, 0};
    ww_capnp_message m;
    ww_capnp_message_init(&m, &segment, 1);
    bool is_canonical;
    assert_ok(ww_capnp_is_canonical(&m, ww_allocator_libc(), &is_canonical));
    assert_int_equal(is_canonical, expected);
}

static void canonical__slack_of_every_sort__is_told(void **state)
{
    (void)state;
#define CANONICAL(expected, ...)                                                                   \
    do {                                                                                           \
        const uint64_t words_[] = {__VA_ARGS__};                                                   \
        assert_canonical(words_, WW_COUNT_OF(words_), (expected));                                 \
    } while (0)
    CANONICAL(true, STRUCT(0, 1, 0), 7);
    CANONICAL(false, STRUCT(0, 1, 0), 7, 0);                /* a trailing word */
    CANONICAL(false, STRUCT(0, 2, 0), 7, 0);                /* untrimmed data */
    CANONICAL(true, STRUCT(0, 2, 0), 0, (uint64_t)1 << 63); /* only the top bit of the last word */
    CANONICAL(false, STRUCT(1, 1, 0), 0, 7);                /* a gap */
    CANONICAL(true, STRUCT(-1, 0, 0));                      /* the empty struct */
    CANONICAL(false, STRUCT(0, 0, 1), 0);                   /* an untrimmed null pointer */
    CANONICAL(true, STRUCT(0, 0, 1), STRUCT(-1, 0, 0));
    CANONICAL(true, LIST(0, WW_CAPNP_BIT, 3), 5);
    CANONICAL(false, LIST(0, WW_CAPNP_BIT, 3), 13); /* a bit in the padding */
    CANONICAL(true, LIST(0, WW_CAPNP_STRUCTS, 2), TAG(2, 1, 0), 0, (uint64_t)1 << 63);
    CANONICAL(false, LIST(0, WW_CAPNP_STRUCTS, 4), TAG(2, 2, 0), 1, 0, 1, 0);
    CANONICAL(false, LIST(0, WW_CAPNP_STRUCTS, 3), TAG(2, 1, 0), 1, 2, 0); /* slack in the list */
    CANONICAL(false, FAR(0, 1, 0), STRUCT(0, 1, 0), 7);
    CANONICAL(false, STRUCT(0, 0, 2), LIST(2, WW_CAPNP_8, 1), LIST(0, WW_CAPNP_8, 1), 1,
              2); /* order */
    CANONICAL(false, CAP(0));
#undef CANONICAL
    assert_canonical(NULL, 0, false);
}

static void canonical__tree_in_many_segments__becomes_one_in_preorder(void **state)
{
    (void)state;
    ww_capnp_builder b, c;
    ww_capnp_builder_init(&b, ww_allocator_libc(), &(ww_capnp_builder_options){.first_words = 1});
    ww_capnp_builder_init(&c, ww_allocator_libc(), NULL);
    build_tree(&b);
    assert_ok(ww_capnp_canonicalize(ww_capnp_message_root(&b.message), &c));
    assert_tree(&c.message);
    bool is_canonical;
    assert_ok(ww_capnp_is_canonical(&c.message, ww_allocator_libc(), &is_canonical));
    assert_true(is_canonical);
    ww_capnp_builder_deinit(&b);
    ww_capnp_builder_deinit(&c);
}

static ww_status build_and_write(const ww_allocator *allocator, void *arg)
{
    (void)arg;
    ww_capnp_builder b;
    ww_buf out;
    ww_buf_init(&out, allocator, 1 << 20);
    ww_capnp_builder_init(&b, allocator, &(ww_capnp_builder_options){.first_words = 1});
    build_tree(&b);
    ww_status status = ww_capnp_frame_write(&b, &out);
    ww_capnp_builder_deinit(&b);
    ww_buf_deinit(&out);
    return status;
}

static void build__any_allocation_fails__gives_all_back(void **state)
{
    (void)state;
    test_every_allocation_failing(build_and_write, NULL);
}

/* A message whose pointers lead outside, into a circle and into another segment that is not there. */
static void
check_16__foreign_message_to_be_edited__is_copied_and_only_the_copy_is_built_on(void **state)
{
    (void)state;
    static const uint64_t foreign[] = {
        0x0004000100000000, /* root: one word of data, four pointers */
        0x000000000000002a,
        0x00000001000003fc,                     /* a struct far outside */
        0x00000000fffffffc | UINT64_C(4) << 48, /* the struct itself: a circle */
        0x0000000900000002,                     /* a far pointer to segment 9 */
        0x7ffffffe00000001,                     /* a list larger than the message */
    };
    const ww_capnp_segment segment = {(const uint8_t *)foreign, WW_COUNT_OF(foreign), 0};
    ww_capnp_message message;
    ww_capnp_message_init(&message, &segment, 1);
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    ww_capnp_any_b_set_copy(ww_capnp_builder_root(&b), ww_capnp_message_root(&message));
    assert_true(ww_capnp_message_check(&message, NULL) != WW_OK);
    ww_capnp_struct_b root =
        ww_capnp_any_b_get_struct(ww_capnp_builder_root(&b), (ww_capnp_struct_size){1, 4});
    for (uint32_t i = 0; i < 4; i++) {
        ww_capnp_struct_b at = ww_capnp_any_b_get_struct(ww_capnp_struct_b_pointer(root, i),
                                                         (ww_capnp_struct_size){2, 1});
        ww_capnp_set_u64(at, 1, i);
    }
    ww_capnp_struct read = ww_capnp_any_struct(ww_capnp_message_root(&b.message));
    assert_int_equal(ww_capnp_get_u64(read, 0), 0x2a);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(ww_capnp_get_u64(ww_capnp_any_struct(ww_capnp_get_pointer(read, i)), 1),
                         i);
    assert_ok(ww_capnp_message_check(&b.message, NULL));
    ww_capnp_builder_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            check_16__foreign_message_to_be_edited__is_copied_and_only_the_copy_is_built_on),
        cmocka_unit_test(build__plain_struct__has_the_bytes_of_the_encoding),
        cmocka_unit_test(build__segments_of_one_word__use_far_pointers_and_read_the_same),
        cmocka_unit_test(build__beyond_words_max__is_a_sticky_limit_and_setters_are_harmless),
        cmocka_unit_test(build__replaced_object__leaves_zeros),
        cmocka_unit_test(build__scratch_space__is_used_first_and_zeroed_again),
        cmocka_unit_test(build__external_data__is_not_copied),
        cmocka_unit_test(build__external_data_of_any_size__needs_zeroes_up_to_a_word),
        cmocka_unit_test(get_struct__smaller_copy_of_an_old_writer__is_enlarged),
        cmocka_unit_test(move__object__changes_its_place_not_its_bytes),
        cmocka_unit_test(caps__in_a_builder_and_its_copy__are_counted),
        cmocka_unit_test(canonical__slack_of_every_sort__is_told),
        cmocka_unit_test(canonical__tree_in_many_segments__becomes_one_in_preorder),
        cmocka_unit_test(build__any_allocation_fails__gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
