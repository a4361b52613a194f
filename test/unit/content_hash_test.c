/* Hashes that find contents: what they depend on. */
#include "os/content_hash.h"
#include "support/check.h"

static ww_content_key key_of(uint64_t seed)
{
    ww_content_key key;
    ww_random_seeded random;
    ww_random_seeded_init(&random, seed);
    ww_content_key_init(&key, &random.base);
    return key;
}

static ww_content_hash hash_of(const ww_content_key *key, ww_view portion)
{
    ww_content_hash hash = {0};
    ww_content_hash_add(&hash, key, portion);
    return hash;
}

static void hash__of_equal_contents__is_equal(void **state)
{
    (void)state;
    static uint8_t one[5000], other[5000];
    ww_content_key key = key_of(1);
    memset(one, 7, sizeof one);
    memset(other, 7, sizeof other);
    for (size_t size = 0; size <= sizeof one; size += 250)
        assert_true(ww_content_hash_equal(hash_of(&key, ww_view_of(one, size)),
                                          hash_of(&key, ww_view_of(other, size))));
}

static void hash__depends_on_every_bit_and_the_size(void **state)
{
    (void)state;
    static uint8_t bytes[600];
    ww_content_key key = key_of(1);
    ww_content_hash whole = hash_of(&key, ww_view_of(bytes, sizeof bytes));
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ww_content_hash flipped = hash_of(&key, ww_view_of(bytes, sizeof bytes));
        assert_false(ww_content_hash_equal(whole, flipped));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t size = 0; size < sizeof bytes; size++)
        assert_false(ww_content_hash_equal(whole, hash_of(&key, ww_view_of(bytes, size))));
}

static void hash__depends_on_all_portions_and_their_order(void **state)
{
    (void)state;
    ww_content_key key = key_of(1);
    ww_view a = WW_VIEW_LITERAL("a"), b = WW_VIEW_LITERAL("b");
    ww_content_hash ab = {0}, ba = {0}, bb = {0};
    ww_content_hash_add(&ab, &key, a);
    ww_content_hash_add(&ab, &key, b);
    ww_content_hash_add(&ba, &key, b);
    ww_content_hash_add(&bb, &key, b);
    ww_content_hash_add(&ba, &key, a);
    ww_content_hash_add(&bb, &key, b);
    assert_false(ww_content_hash_equal(ab, ba));
    assert_false(ww_content_hash_equal(ab, bb));
    assert_false(ww_content_hash_equal(ab, hash_of(&key, a)));
}

static void hash__with_another_key__is_another(void **state)
{
    (void)state;
    static const uint8_t bytes[1000];
    ww_content_key one = key_of(1), other = key_of(2);
    for (size_t size = 0; size <= sizeof bytes; size += 50)
        assert_false(ww_content_hash_equal(hash_of(&one, ww_view_of(bytes, size)),
                                           hash_of(&other, ww_view_of(bytes, size))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash__of_equal_contents__is_equal),
        cmocka_unit_test(hash__depends_on_every_bit_and_the_size),
        cmocka_unit_test(hash__depends_on_all_portions_and_their_order),
        cmocka_unit_test(hash__with_another_key__is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
