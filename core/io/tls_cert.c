#include "core/io/tls_ossl.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/base/assert.h"
#include "core/obs/log.h"

#define CHAIN_MAX 8

struct fog_tls_cert {
    atomic_uint refs;
    X509 *leaf;
    STACK_OF(X509) * chain; /* without the leaf */
    EVP_PKEY *key;
    int64_t not_after;
};

const char *tls_error_text(char *out, size_t size)
{
    unsigned long e = ERR_peek_error();
    const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);

    (void)snprintf(out, size, "%s", reason == NULL ? "unknown" : reason);
    ERR_clear_error();
    return out;
}

static int64_t asn1_to_unix(const ASN1_TIME *t)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm);
}

/* Takes over the OpenSSL objects. */
static struct fog_tls_cert *cert_wrap(X509 *leaf, STACK_OF(X509) * chain, EVP_PKEY *key)
{
    struct fog_tls_cert *c = FOG_NEW(fog_tls_cert);

    atomic_init(&c->refs, 1);
    c->leaf = leaf;
    c->chain = chain;
    c->key = key;
    c->not_after = asn1_to_unix(X509_get0_notAfter(leaf));
    return c;
}

static int read_chain(BIO *in, X509 **leaf, STACK_OF(X509) * chain)
{
    X509 *x;

    *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
    if (*leaf == NULL)
        return FOG_ETLS;
    while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_num(chain) >= CHAIN_MAX || sk_X509_push(chain, x) <= 0) {
            X509_free(x);
            return FOG_ETLS;
        }
    }
    return 0;
}

int fog_tls_cert_from_pem(struct fog_bytes chain_pem, struct fog_bytes key_pem,
                          struct fog_tls_cert **out)
{
    char text[128];
    BIO *in = BIO_new_mem_buf(chain_pem.p, (int)chain_pem.len);
    BIO *key_in = BIO_new_mem_buf(key_pem.p, (int)key_pem.len);
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *leaf = NULL;
    EVP_PKEY *key = NULL;
    int rc = FOG_ETLS;

    if (in == NULL || key_in == NULL || chain == NULL || read_chain(in, &leaf, chain) != 0)
        goto out;
    key = PEM_read_bio_PrivateKey(key_in, NULL, NULL, NULL);
    if (key == NULL || X509_check_private_key(leaf, key) != 1)
        goto out;
    *out = cert_wrap(leaf, chain, key);
    leaf = NULL;
    chain = NULL;
    key = NULL;
    rc = 0;
out:
    if (rc != 0)
        fog_unusual("tls.cert", "what=pem error=\"%s\"", tls_error_text(text, sizeof text));
    ERR_clear_error(); /* the end of a chain leaves "no start line" behind */
    X509_free(leaf);
    sk_X509_pop_free(chain, X509_free);
    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(key_in);
    return rc;
}

/* The certificate says nothing but the key; peers read no other field. Fixed dates and serial make
 * it a function of the seed. */
static int fill_node_cert(X509 *x, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(x);

    return X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
           ASN1_TIME_set_string(X509_getm_notBefore(x), "20200101000000Z") == 1 &&
           ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z") == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"fogbank node", -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
           X509_sign(x, key, NULL) > 0;
}

int fog_tls_cert_node(const uint8_t seed[32], struct fog_tls_cert **out)
{
    char text[128];
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    X509 *x = X509_new();

    if (key == NULL || x == NULL || !fill_node_cert(x, key)) {
        fog_broken("tls.cert", "what=node error=\"%s\"", tls_error_text(text, sizeof text));
        EVP_PKEY_free(key);
        X509_free(x);
        return FOG_ETLS;
    }
    *out = cert_wrap(x, NULL, key);
    return 0;
}

struct fog_tls_cert *fog_tls_cert_ref(struct fog_tls_cert *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void fog_tls_cert_unref(struct fog_tls_cert **cp)
{
    struct fog_tls_cert *c = *cp;

    *cp = NULL;
    if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    X509_free(c->leaf);
    sk_X509_pop_free(c->chain, X509_free);
    EVP_PKEY_free(c->key);
    free(c);
}

int64_t fog_tls_cert_not_after(const struct fog_tls_cert *c)
{
    return c->not_after;
}

int tls_cert_use(struct fog_tls_cert *cert, SSL *ssl)
{
    return SSL_use_cert_and_key(ssl, cert->leaf, cert->key, cert->chain, 1) == 1 ? 0 : FOG_ETLS;
}
