/* core/crypto: hashes, signatures, the system's generator, key files. */
#include "core/base/str.h"
#include "core/crypto/hash.h"
#include "core/crypto/keyfile.h"
#include "core/crypto/rng_system.h"
#include "core/crypto/sign.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_hash(const struct fog_hash *h, const char *hex)
{
    char text[65];

    fog_hex_encode(h->b, sizeof h->b, text);
    assert_string_equal(text, hex);
}

static void test_sha256_gives_the_standard_vectors(void **state)
{
    struct fog_sha256_stream s;
    struct fog_hash h;

    (void)state;
    fog_sha256(fog_bytes_str(""), &h);
    assert_hash(&h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    fog_sha256(fog_bytes_str("abc"), &h);
    assert_hash(&h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    fog_sha256_parts((struct fog_bytes[]){fog_bytes_str("a"), fog_bytes_str("bc")}, 2, &h);
    assert_hash(&h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    fog_sha256_init(&s);
    for (int i = 0; i < 2; i++) { /* final starts anew */
        fog_sha256_update(&s, fog_bytes_str("ab"));
        fog_sha256_update(&s, fog_bytes_str("c"));
        fog_sha256_final(&s, &h);
        assert_hash(&h, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    fog_sha256_fini(&s);
}

static void test_hmac_gives_the_vectors_of_rfc_4231(void **state)
{
    uint8_t key[131];
    struct fog_hash h;

    (void)state;
    fog_hmac_sha256(fog_bytes_str("Jefe"), fog_bytes_str("what do ya want for nothing?"), &h);
    assert_hash(&h, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    fog_hmac_sha256(fog_bytes_of(key, sizeof key),
                    fog_bytes_str("Test Using Larger Than Block-Size Key - Hash Key First"), &h);
    assert_hash(&h, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_signature_is_bound_to_type_and_fog(void **state)
{
    static const uint8_t seed[32] = {1, 2, 3};
    struct fog_hash fog_a = {{7}}, fog_b = {{8}};
    struct fog_bytes body = fog_bytes_str("body");
    struct fog_sign_key k;
    struct fog_sig sig;

    (void)state;
    fog_sign_key_of(seed, &k);
    fog_sign(&k, FOG_SIGN_POINTER, &fog_a, body, &sig);
    assert_int_equal(fog_sign_check(&k.pub, FOG_SIGN_POINTER, &fog_a, body, &sig), 0);
    assert_int_equal(fog_sign_check(&k.pub, FOG_SIGN_FRESH, &fog_a, body, &sig), FOG_EVERIFY);
    assert_int_equal(fog_sign_check(&k.pub, FOG_SIGN_POINTER, &fog_b, body, &sig), FOG_EVERIFY);
    assert_int_equal(fog_sign_check(&k.pub, FOG_SIGN_POINTER, &fog_a, fog_bytes_str("bodz"), &sig),
                     FOG_EVERIFY);
    sig.b[63] ^= 0x20;
    assert_int_equal(fog_sign_check(&k.pub, FOG_SIGN_POINTER, &fog_a, body, &sig), FOG_EVERIFY);
    fog_sign_key_wipe(&k);
    assert_int_equal(k.secret[0], 0);
}

static void test_a_zero_key_verifies_nothing(void **state)
{
    struct fog_pub zero = {{0}};
    struct fog_sig sig = {{0}};
    struct fog_hash fog_id = {{0}};

    (void)state;
    assert_int_equal(fog_sign_check(&zero, FOG_SIGN_POINTER, &fog_id, fog_bytes_str(""), &sig),
                     FOG_EVERIFY);
}

static void test_system_generator_differs_each_time(void **state)
{
    struct fog_rng rng = fog_rng_system();

    (void)state;
    assert_true(fog_rng_u64(&rng) != fog_rng_u64(&rng));
}

struct folder {
    char path[64];
    char file[96];
};

static int setup_folder(void **state)
{
    struct folder *f = calloc(1, sizeof *f);

    assert_non_null(f);
    snprintf(f->path, sizeof f->path, "/tmp/fog-keyfile-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof f->file, "%s/k.key", f->path);
    *state = f;
    return 0;
}

static int drop_folder(void **state)
{
    struct folder *f = *state;

    unlink(f->file);
    assert_int_equal(rmdir(f->path), 0); /* no temporary file stayed behind */
    free(f);
    return 0;
}

static void test_key_file_is_private_and_exclusive(void **state)
{
    struct folder *f = *state;
    uint8_t out[32];
    struct stat st;

    assert_int_equal(fog_keyfile_read(f->file, out, sizeof out), -ENOENT);
    assert_int_equal(fog_keyfile_write(f->file, "0123456789abcdef0123456789abcdef", 32, false), 0);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fog_keyfile_write(f->file, "x", 1, false), -EEXIST);
    assert_int_equal(fog_keyfile_read(f->file, out, sizeof out), 0);
    assert_memory_equal(out, "0123456789abcdef0123456789abcdef", 32);
    assert_int_equal(fog_keyfile_write(f->file, "short", 5, true), 0);
    assert_int_equal(fog_keyfile_read(f->file, out, sizeof out), FOG_EFORMAT);
    assert_int_equal(fog_keyfile_read(f->file, out, 4), FOG_EFORMAT);
}

static void test_key_file_that_others_can_read_is_refused(void **state)
{
    struct folder *f = *state;
    char link[128];
    uint8_t out[4];

    assert_int_equal(fog_keyfile_write(f->file, "abcd", 4, false), 0);
    assert_int_equal(chmod(f->file, 0640), 0);
    assert_int_equal(fog_keyfile_read(f->file, out, 4), FOG_EDENIED);
    assert_int_equal(chmod(f->file, 0600), 0);
    snprintf(link, sizeof link, "%s/link", f->path);
    assert_int_equal(symlink(f->file, link), 0);
    assert_int_equal(fog_keyfile_read(link, out, 4), FOG_EDENIED);
    unlink(link);
}

static void test_ensure_makes_a_key_once(void **state)
{
    struct folder *f = *state;
    struct fog_rng_seeded st;
    struct fog_rng rng = fog_rng_seed(&st, 1);
    uint8_t a[32], b[32];
    bool created;

    assert_int_equal(fog_keyfile_ensure(f->file, &rng, a, sizeof a, &created), 0);
    assert_true(created);
    assert_int_equal(fog_keyfile_ensure(f->file, &rng, b, sizeof b, &created), 0);
    assert_false(created);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_gives_the_standard_vectors),
        cmocka_unit_test(test_hmac_gives_the_vectors_of_rfc_4231),
        cmocka_unit_test(test_signature_is_bound_to_type_and_fog),
        cmocka_unit_test(test_a_zero_key_verifies_nothing),
        cmocka_unit_test(test_system_generator_differs_each_time),
        cmocka_unit_test_setup_teardown(test_key_file_is_private_and_exclusive, setup_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_key_file_that_others_can_read_is_refused, setup_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(test_ensure_makes_a_key_once, setup_folder, drop_folder),
    };

    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
