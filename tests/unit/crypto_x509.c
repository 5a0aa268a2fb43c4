/* core/crypto/x509: requests, a CA, leaves. */
#include "core/crypto/x509.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static const uint8_t serial[16] = {0xff, 1};

static X509 *next_cert(BIO *b)
{
    return PEM_read_bio_X509(b, NULL, NULL, NULL);
}

static void test_a_leaf_verifies_under_its_ca_for_its_names(void **state)
{
    static const char *const names[] = {"*.abc.fog.test", "api.fog.test"};
    struct fog_buf ca_key = {0}, ca = {0}, key = {0}, spki = {0}, chain = {0};
    struct fog_x509_leaf leaf = {
        .dns_names = names, .n_dns_names = 2, .not_before = 1600000000, .not_after = 4000000000};
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *one, *two;
    int64_t until;
    BIO *b;

    (void)state;
    assert_int_equal(fog_x509_key_new(&ca_key), 0);
    assert_int_equal(
        fog_x509_ca_make(fog_buf_bytes(&ca_key), "test CA", 1600000000, 4100000000, serial, &ca),
        0);
    assert_int_equal(fog_x509_key_new(&key), 0);
    assert_int_equal(fog_x509_spki_of(fog_buf_bytes(&key), &spki), 0);
    assert_true(spki.len <= FOG_X509_SPKI_MAX);
    leaf.spki = fog_buf_bytes(&spki);
    assert_int_equal(fog_x509_issue(fog_buf_bytes(&ca_key), fog_buf_bytes(&ca), &leaf, &chain), 0);
    assert_int_equal(fog_x509_not_after(fog_buf_bytes(&chain), &until), 0);
    assert_true(until == 4000000000);
    b = BIO_new_mem_buf(chain.data, (int)chain.len);
    one = next_cert(b);
    two = next_cert(b);
    assert_non_null(two); /* leaf, then CA */
    X509_STORE_add_cert(store, two);
    X509_STORE_CTX_init(ctx, store, one, NULL);
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
    assert_int_equal(X509_verify_cert(ctx), 1);
    assert_int_equal(X509_check_host(one, "site.abc.fog.test", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(one, "api.fog.test", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(one, "a.b.abc.fog.test", 0, 0, NULL), 0);
    assert_int_equal(X509_check_host(one, "fog.test", 0, 0, NULL), 0);
    /* Another key cannot sign for this CA. */
    assert_int_equal(fog_x509_issue(fog_buf_bytes(&key), fog_buf_bytes(&ca), &leaf, &chain),
                     FOG_EVERIFY);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(one);
    X509_free(two);
    BIO_free(b);
    fog_buf_fini(&ca_key);
    fog_buf_fini(&ca);
    fog_buf_fini(&key);
    fog_buf_fini(&spki);
    fog_buf_fini(&chain);
}

static void test_a_request_names_one_host_and_proves_its_key(void **state)
{
    struct fog_buf key = {0}, der = {0}, spki = {0};
    struct fog_x509_csr csr;

    (void)state;
    assert_int_equal(fog_x509_key_new(&key), 0);
    assert_int_equal(fog_x509_csr_make(fog_buf_bytes(&key), "*.abc.fog.test", &der), 0);
    assert_int_equal(fog_x509_csr_read(fog_buf_bytes(&der), &csr), 0);
    assert_string_equal(csr.dns_name, "*.abc.fog.test");
    assert_int_equal(fog_x509_spki_of(fog_buf_bytes(&key), &spki), 0);
    assert_true(fog_bytes_eq(fog_buf_bytes(&spki), fog_bytes_of(csr.spki, csr.spki_len)));
    der.data[der.len - 3] ^= 1; /* in the signature */
    assert_int_not_equal(fog_x509_csr_read(fog_buf_bytes(&der), &csr), 0);
    der.data[der.len - 3] ^= 1;
    assert_int_equal(fog_x509_csr_read(fog_bytes_of(der.data, der.len - 1), &csr), FOG_EFORMAT);
    fog_buf_append(&der, "", 1);
    assert_int_equal(fog_x509_csr_read(fog_buf_bytes(&der), &csr), FOG_EFORMAT);
    fog_buf_clear(&der);
    assert_int_equal(fog_x509_csr_make(fog_buf_bytes(&key), "A space.test", &der), 0);
    assert_int_equal(fog_x509_csr_read(fog_buf_bytes(&der), &csr), FOG_EFORMAT);
    assert_int_equal(fog_x509_csr_make(fog_bytes_str("no key"), "a.test", &der), FOG_EFORMAT);
    fog_buf_fini(&key);
    fog_buf_fini(&der);
    fog_buf_fini(&spki);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leaf_verifies_under_its_ca_for_its_names),
        cmocka_unit_test(test_a_request_names_one_host_and_proves_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
