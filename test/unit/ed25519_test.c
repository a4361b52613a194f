/* Ed25519: the examples of RFC 8032, section 7.1, and what must not verify. */
#include "os/ed25519.h"
#include "support/check.h"
#include <stdlib.h>

static void unhex(const char *text, uint8_t *out)
{
    for (; *text; text += 2, out++) {
        const char digits[] = {text[0], text[1], '\0'};
        *out = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static const struct example {
    const char *seed, *public, *message, *sig;
} examples[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

typedef struct known {
    uint8_t seed[32], public[32], sig[64], message[2];
    size_t message_size;
} known;

static known known_of(size_t i)
{
    known k = {.message_size = strlen(examples[i].message) / 2};
    unhex(examples[i].seed, k.seed);
    unhex(examples[i].public, k.public);
    unhex(examples[i].message, k.message);
    unhex(examples[i].sig, k.sig);
    return k;
}

static void examples__of_the_rfc__are_reproduced(void **state)
{
    (void)state;
    for (size_t i = 0; i < WW_COUNT_OF(examples); i++) {
        known k = known_of(i);
        ww_view message = ww_view_of(k.message, k.message_size);
        uint8_t public[32], sig[64];
        assert_ok(ww_ed25519_public(k.seed, public));
        assert_memory_equal(public, k.public, sizeof public);
        assert_ok(ww_ed25519_sign(k.seed, message, sig));
        assert_memory_equal(sig, k.sig, sizeof sig);
        assert_ok(ww_ed25519_verify(k.public, message, k.sig));
    }
}

static void verify__anything_changed__is_denied(void **state)
{
    (void)state;
    known k = known_of(2);
    ww_view message = ww_view_of(k.message, k.message_size);
    for (size_t i = 0; i < sizeof k.sig; i++) {
        k.sig[i] ^= 1;
        assert_int_equal(ww_ed25519_verify(k.public, message, k.sig), WW_E_DENIED);
        k.sig[i] ^= 1;
    }
    assert_int_equal(ww_ed25519_verify(k.public, WW_VIEW_LITERAL(""), k.sig), WW_E_DENIED);
    assert_int_equal(ww_ed25519_verify(known_of(1).public, message, k.sig), WW_E_DENIED);
    const uint8_t zeros[64] = {0};
    assert_int_equal(ww_ed25519_verify(k.public, message, zeros), WW_E_DENIED);
    const uint8_t no_point[32] = {[0] = 2}; /* no y of the curve */
    assert_int_equal(ww_ed25519_verify(no_point, message, k.sig), WW_E_DENIED);
}

static void generate__twice__gives_two_keys_that_work(void **state)
{
    (void)state;
    uint8_t seeds[2][32], publics[2][32], sig[64];
    for (size_t i = 0; i < 2; i++) {
        assert_ok(ww_ed25519_generate(seeds[i], publics[i]));
        assert_ok(ww_ed25519_sign(seeds[i], WW_VIEW_LITERAL("text"), sig));
        assert_ok(ww_ed25519_verify(publics[i], WW_VIEW_LITERAL("text"), sig));
    }
    assert_memory_not_equal(publics[0], publics[1], 32);
    assert_int_equal(ww_ed25519_verify(publics[0], WW_VIEW_LITERAL("text"), sig), WW_E_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples__of_the_rfc__are_reproduced),
        cmocka_unit_test(verify__anything_changed__is_denied),
        cmocka_unit_test(generate__twice__gives_two_keys_that_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
