/* core/crypto: Keccak-256, addresses, recoverable signatures; vectors are public ones. */
#include "core/base/str.h"
#include "core/crypto/keccak.h"
#include "core/crypto/secp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_keccak(const char *text, const char *hex)
{
    struct fog_hash h;
    char got[65];

    fog_keccak256(fog_bytes_str(text), &h);
    fog_hex_encode(h.b, sizeof h.b, got);
    assert_string_equal(got, hex);
}

static void test_keccak_vectors(void **state)
{
    (void)state;
    assert_keccak("", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    assert_keccak("abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    assert_keccak("transfer(address,uint256)",
                  "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b");
}

static void test_keccak_in_pieces_is_keccak_at_once(void **state)
{
    uint8_t in[500];
    struct fog_hash once, pieces;

    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7);
    for (size_t len = 130; len <= sizeof in; len += 37) {
        struct fog_keccak k;

        fog_keccak256(fog_bytes_of(in, len), &once);
        fog_keccak_init(&k);
        for (size_t at = 0; at < len; at += 11)
            fog_keccak_update(&k, in + at, len - at < 11 ? len - at : 11);
        fog_keccak_final(&k, &pieces);
        assert_true(fog_hash_eq(&once, &pieces));
    }
}

static void test_address_text_carries_the_eip55_check(void **state)
{
    static const char *const good[] = {
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"};
    char text[FOG_ETHADDR_TEXT];
    struct fog_ethaddr a;

    (void)state;
    for (size_t i = 0; i < FOG_COUNT(good); i++) {
        assert_int_equal(fog_ethaddr_parse(fog_bytes_str(good[i]), &a), 0);
        assert_string_equal(fog_ethaddr_text(&a, text), good[i]);
    }
    assert_int_equal(
        fog_ethaddr_parse(fog_bytes_str("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"), &a),
        FOG_EVERIFY);
    assert_int_equal(
        fog_ethaddr_parse(fog_bytes_str("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), &a), 0);
    assert_int_equal(
        fog_ethaddr_parse(fog_bytes_str("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), &a),
        FOG_EFORMAT);
}

/* The first account of the public development mnemonic "test test ... junk". */
static const char dev_key[] = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
static const char dev_address[] = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

static void test_sign_and_recover(void **state)
{
    struct fog_secp_key key;
    struct fog_secp_sig sig, again;
    struct fog_ethaddr signer, found;
    struct fog_hash digest;
    char text[FOG_ETHADDR_TEXT];

    (void)state;
    assert_int_equal(fog_hex_decode(fog_bytes_str(dev_key), key.b, sizeof key.b), 0);
    assert_int_equal(fog_secp_address(&key, &signer), 0);
    assert_string_equal(fog_ethaddr_text(&signer, text), dev_address);
    for (int i = 0; i < 20; i++) {
        fog_keccak256(fog_bytes_of(&i, sizeof i), &digest);
        assert_int_equal(fog_secp_sign(&key, &digest, &sig), 0);
        assert_int_equal(fog_secp_sign(&key, &digest, &again), 0);
        assert_memory_equal(sig.b, again.b, sizeof sig.b);
        assert_true(sig.b[64] == 27 || sig.b[64] == 28);
        assert_int_equal(fog_secp_recover(&digest, &sig, &found), 0);
        assert_true(fog_ethaddr_eq(&found, &signer));
    }
    digest.b[0] ^= 1;
    assert_int_not_equal(fog_secp_check(&digest, &sig, &signer), 0);
}

/* n - s with the other v recovers the same key; only one of the two forms may be accepted. */
static void test_the_other_half_of_s_is_refused(void **state)
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
                                      0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b,
                                      0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 9);
    struct fog_secp_key key;
    struct fog_secp_sig sig;
    struct fog_ethaddr found;
    struct fog_hash digest = {{1}};
    int borrow = 0;

    (void)state;
    fog_secp_keygen(&rng, &key);
    assert_int_equal(fog_secp_sign(&key, &digest, &sig), 0);
    for (int i = 31; i >= 0; i--) {
        int d = order[i] - sig.b[32 + i] - borrow;

        borrow = d < 0;
        sig.b[32 + i] = (uint8_t)(d + (borrow ? 256 : 0));
    }
    sig.b[64] = (uint8_t)(55 - sig.b[64]);
    assert_int_equal(fog_secp_recover(&digest, &sig, &found), FOG_ECANON);
    sig.b[64] = 0;
    assert_int_equal(fog_secp_recover(&digest, &sig, &found), FOG_EFORMAT);
    memset(sig.b, 0xff, 64);
    sig.b[64] = 27;
    assert_int_equal(fog_secp_recover(&digest, &sig, &found), FOG_EFORMAT);
}

static void test_invalid_keys_are_refused(void **state)
{
    struct fog_secp_key key = {{0}};
    struct fog_secp_sig sig;
    struct fog_ethaddr a;
    struct fog_hash digest = {{1}};

    (void)state;
    assert_int_equal(fog_secp_address(&key, &a), FOG_ERANGE);
    assert_int_equal(fog_secp_sign(&key, &digest, &sig), FOG_ERANGE);
    memset(key.b, 0xff, sizeof key.b);
    assert_int_equal(fog_secp_address(&key, &a), FOG_ERANGE);
    fog_secp_wipe(&key);
    assert_int_equal(key.b[5], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keccak_vectors),
        cmocka_unit_test(test_keccak_in_pieces_is_keccak_at_once),
        cmocka_unit_test(test_address_text_carries_the_eip55_check),
        cmocka_unit_test(test_sign_and_recover),
        cmocka_unit_test(test_the_other_half_of_s_is_refused),
        cmocka_unit_test(test_invalid_keys_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
