#include "capnp/pack.h"
#include "support/capnp_words.h"
#include "support/check.h"

static const uint64_t WORDS_MAX = 1000;

static ww_status open_status(const void *bytes, size_t size)
{
    ww_capnp_frame frame;
    size_t used;
    ww_status status = ww_capnp_frame_open(&frame, ww_view_of(bytes, size), WORDS_MAX,
                                           ww_allocator_libc(), &used, NULL);
    ww_capnp_frame_deinit(&frame);
    return status;
}

static void check_01__segment_count_that_wraps__is_refused(void **state)
{
    (void)state;
    const uint32_t table[] = {0xffffffff, 0, 0, 0};
    assert_int_equal(open_status(table, sizeof table), WW_E_INVALID);
    const uint32_t many[] = {512, 0, 0, 0};
    assert_int_equal(open_status(many, sizeof many), WW_E_INVALID);
}

static void check_02__sizes_whose_sum_wraps_32_bits__are_refused(void **state)
{
    (void)state;
    const uint32_t table[] = {3, 0x20000000, 0xffffffff, 0xffffffff, 1, 0, 0, 0};
    assert_int_equal(open_status(table, sizeof table), WW_E_LIMIT);
}

static void check_17__table_that_promises_more_than_arrives__takes_only_what_came(void **state)
{
    (void)state;
    test_allocator allocator;
    test_allocator_init(&allocator, 0);
    ww_capnp_framer framer;
    ww_capnp_framer_init(&framer, &allocator.base, 1 << 20);
    const uint32_t table[] = {0, 1 << 20, 0, 0};
    ww_view input = ww_view_of(table, sizeof table);
    assert_int_equal(ww_capnp_framer_feed(&framer, &input, NULL), WW_AGAIN);
    assert_true(allocator.live_bytes <= 128);
    assert_int_equal(ww_capnp_framer_end(&framer, NULL), WW_E_INVALID);
    ww_capnp_framer_deinit(&framer);
}

static void check_17__packed_bomb__is_refused_before_memory_is_taken(void **state)
{
    (void)state;
    test_allocator allocator;
    test_allocator_init(&allocator, 0);
    ww_buf out;
    ww_buf_init(&out, &allocator.base, 1 << 26);
    static const uint8_t bomb[] = {0x70, 0xff, 0xff, 0x03, 0x00, 0xff, 0x00, 0xff};
    ww_view input = ww_view_of(bomb, sizeof bomb);
    assert_int_equal(ww_capnp_unpack_message(&input, 1 << 20, &out, NULL), WW_E_INVALID);
    assert_int_equal(ww_capnp_unpack_message(&input, 1000, &out, NULL), WW_E_LIMIT);
    assert_true(allocator.live_bytes <= 128);
    ww_buf_deinit(&out);
}

static void write_two(ww_buf *out)
{
    for (uint32_t first = 1; first < 130; first += 128) {
        ww_capnp_builder b;
        ww_capnp_builder_init(&b, ww_allocator_libc(),
                              &(ww_capnp_builder_options){.first_words = first});
        ww_capnp_any_b_set_text(ww_capnp_builder_root(&b), ww_view_str("hello there"));
        assert_ok(ww_capnp_frame_write(&b, out));
        ww_capnp_builder_deinit(&b);
    }
}

static void frame__one_segment__has_the_bytes_of_the_encoding(void **state)
{
    (void)state;
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), 1 << 16);
    ww_capnp_builder b;
    ww_capnp_builder_init(&b, ww_allocator_libc(), NULL);
    ww_capnp_set_u32(
        ww_capnp_any_b_init_struct(ww_capnp_builder_root(&b), (ww_capnp_struct_size){1, 0}), 0,
        0x01020304);
    assert_ok(ww_capnp_frame_write(&b, &out));
    static const uint8_t golden[] = {0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
                                     1, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0};
    assert_int_equal(out.size, sizeof golden);
    assert_memory_equal(out.data, golden, sizeof golden);
    ww_capnp_builder_deinit(&b);
    ww_buf_deinit(&out);
}

static void t54__stream_cut_in_pieces_of_any_size__yields_the_messages(void **state)
{
    (void)state;
    ww_buf bytes;
    ww_buf_init(&bytes, ww_allocator_libc(), 1 << 16);
    write_two(&bytes);
    for (size_t piece = 1; piece <= bytes.size; piece++) {
        ww_capnp_framer framer;
        ww_capnp_framer_init(&framer, ww_allocator_libc(), WORDS_MAX);
        int messages = 0;
        for (size_t at = 0; at < bytes.size; at += piece) {
            size_t size = bytes.size - at < piece ? bytes.size - at : piece;
            ww_view input = ww_view_of(bytes.data + at, size);
            while (ww_capnp_framer_feed(&framer, &input, NULL) == WW_OK) {
                ww_capnp_frame frame;
                size_t used;
                assert_ok(ww_capnp_frame_open(&frame, ww_buf_view(&framer.bytes), WORDS_MAX,
                                              ww_allocator_libc(), &used, NULL));
                assert_view_is(ww_capnp_any_text(ww_capnp_message_root(&frame.message)),
                               "hello there");
                ww_capnp_frame_deinit(&frame);
                messages++;
            }
        }
        assert_int_equal(messages, 2);
        assert_ok(ww_capnp_framer_end(&framer, NULL));
        ww_capnp_framer_deinit(&framer);
    }
    ww_buf_deinit(&bytes);
}

static void t54__end_inside_table_or_message__is_an_error(void **state)
{
    (void)state;
    ww_buf bytes;
    ww_buf_init(&bytes, ww_allocator_libc(), 1 << 16);
    write_two(&bytes);
    static const size_t cuts[] = {1, 4, 8, 12, 20};
    for (size_t i = 0; i < WW_COUNT_OF(cuts); i++) {
        ww_capnp_framer framer;
        ww_capnp_framer_init(&framer, ww_allocator_libc(), WORDS_MAX);
        ww_view input = ww_view_of(bytes.data, cuts[i]);
        assert_int_equal(ww_capnp_framer_feed(&framer, &input, NULL), WW_AGAIN);
        assert_int_equal(ww_capnp_framer_end(&framer, NULL), WW_E_INVALID);
        ww_capnp_framer_deinit(&framer);
    }
    ww_buf_deinit(&bytes);
}

static void assert_packs(const void *words, size_t size, const void *packed, size_t packed_size)
{
    ww_buf out;
    ww_buf_init(&out, ww_allocator_libc(), 1 << 16);
    assert_ok(ww_capnp_pack(ww_view_of(words, size), &out));
    assert_int_equal(out.size, packed_size);
    assert_memory_equal(out.data, packed, packed_size);
    uint8_t back[4096];
    ww_view input = ww_buf_view(&out);
    assert_ok(ww_capnp_unpack(&input, back, size, NULL));
    assert_int_equal(input.size, 0);
    assert_memory_equal(back, words, size);
    for (size_t cut = 0; cut < packed_size; cut++) {
        input = ww_view_of(packed, cut);
        assert_int_equal(ww_capnp_unpack(&input, back, size, NULL), WW_E_INVALID);
    }
    ww_buf_deinit(&out);
}

static void pack__golden_vectors__pack_and_unpack(void **state)
{
    (void)state;
    static const uint8_t zeros[32] = {0};
    assert_packs(zeros, 8, "\0\0", 2);
    assert_packs(zeros, 32, "\0\3", 2);
    assert_packs("\0\0\x0c\0\0\x22\0\0", 8, "\x24\x0c\x22", 3);
    assert_packs("\1\3\2\4\5\7\6\x08", 8, "\xff\1\3\2\4\5\7\6\x08\0", 10);
    assert_packs("\1\3\2\4\5\7\6\x08\x08\6\7\4\5\2\3\1", 16,
                 "\xff\1\3\2\4\5\7\6\x08\1\x08\6\7\4\5\2\3\1", 18);
    assert_packs("\1\2\3\4\5\6\7\x08\1\0\0\0\0\0\0\0", 16, "\xff\1\2\3\4\5\6\7\x08\0\1\1", 12);
    static const uint8_t page[2056] = {0};
    assert_packs(page, sizeof page, "\0\xff\0\0", 4);
}

static void pack__message__comes_back_framed(void **state)
{
    (void)state;
    ww_buf framed, packed, back;
    ww_buf_init(&framed, ww_allocator_libc(), 1 << 16);
    ww_buf_init(&packed, ww_allocator_libc(), 1 << 16);
    ww_buf_init(&back, ww_allocator_libc(), 1 << 16);
    for (uint32_t first = 1; first < 9; first++) {
        ww_capnp_builder b;
        ww_capnp_builder_init(&b, ww_allocator_libc(),
                              &(ww_capnp_builder_options){.first_words = first});
        ww_capnp_list_b l =
            ww_capnp_any_b_init_list(ww_capnp_builder_root(&b), WW_CAPNP_POINTERS, 3);
        for (uint32_t i = 0; i < 3; i++)
            ww_capnp_any_b_set_text(ww_capnp_list_b_pointer(l, i),
                                    ww_view_str("some text to pack"));
        ww_buf_clear(&framed);
        ww_buf_clear(&packed);
        ww_buf_clear(&back);
        assert_ok(ww_capnp_frame_write(&b, &framed));
        assert_ok(ww_capnp_pack_message(&b, &packed));
        ww_view input = ww_buf_view(&packed);
        assert_ok(ww_capnp_unpack_message(&input, WORDS_MAX, &back, NULL));
        assert_true(ww_view_equal(ww_buf_view(&framed), ww_buf_view(&back)));
        ww_capnp_builder_deinit(&b);
    }
    ww_buf_deinit(&framed);
    ww_buf_deinit(&packed);
    ww_buf_deinit(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_01__segment_count_that_wraps__is_refused),
        cmocka_unit_test(check_02__sizes_whose_sum_wraps_32_bits__are_refused),
        cmocka_unit_test(check_17__table_that_promises_more_than_arrives__takes_only_what_came),
        cmocka_unit_test(check_17__packed_bomb__is_refused_before_memory_is_taken),
        cmocka_unit_test(frame__one_segment__has_the_bytes_of_the_encoding),
        cmocka_unit_test(t54__stream_cut_in_pieces_of_any_size__yields_the_messages),
        cmocka_unit_test(t54__end_inside_table_or_message__is_an_error),
        cmocka_unit_test(pack__golden_vectors__pack_and_unpack),
        cmocka_unit_test(pack__message__comes_back_framed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
