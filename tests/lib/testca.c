#include "tests/lib/testca.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/base/assert.h"

struct testca {
    EVP_PKEY *key;
    X509 *cert;
    long serial;
    char path[64];
    struct fog_buf pem;
};

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    FOG_ASSERT(ext != NULL && X509_add_ext(x, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static X509 *new_cert(const char *cn, EVP_PKEY *key, X509 *issuer, long serial)
{
    X509 *x = X509_new();
    X509_NAME *name;

    FOG_ASSERT(x != NULL && X509_set_version(x, X509_VERSION_3) == 1);
    FOG_ASSERT(ASN1_INTEGER_set(X509_get_serialNumber(x), serial) == 1);
    FOG_ASSERT(X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL);
    FOG_ASSERT(X509_gmtime_adj(X509_getm_notAfter(x), 30L * 86400) != NULL);
    name = X509_get_subject_name(x);
    FOG_ASSERT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1,
                                          -1, 0) == 1);
    FOG_ASSERT(X509_set_issuer_name(x, issuer == NULL ? name : X509_get_subject_name(issuer)) == 1);
    FOG_ASSERT(X509_set_pubkey(x, key) == 1);
    return x;
}

static void take_pem(BIO *bio, struct fog_buf *out)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);

    fog_buf_append(out, p, (size_t)n);
    BIO_free(bio);
}

static void cert_to_pem(X509 *x, struct fog_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());

    FOG_ASSERT(bio != NULL && PEM_write_bio_X509(bio, x) == 1);
    take_pem(bio, out);
}

struct testca *testca_new(void)
{
    struct testca *ca = FOG_NEW(testca);
    int fd;

    ca->serial = 1;
    ca->key = EVP_EC_gen("P-256");
    FOG_ASSERT(ca->key != NULL);
    ca->cert = new_cert("fogbank test CA", ca->key, NULL, ca->serial++);
    add_ext(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
    add_ext(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    FOG_ASSERT(X509_sign(ca->cert, ca->key, EVP_sha256()) > 0);
    cert_to_pem(ca->cert, &ca->pem);
    (void)snprintf(ca->path, sizeof ca->path, "/tmp/fog-testca-XXXXXX");
    fd = mkstemp(ca->path);
    FOG_ASSERT(fd >= 0 && write(fd, ca->pem.data, ca->pem.len) == (ssize_t)ca->pem.len);
    (void)close(fd);
    return ca;
}

void testca_free(struct testca **cap)
{
    struct testca *ca = *cap;

    *cap = NULL;
    if (ca == NULL)
        return;
    (void)unlink(ca->path);
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    fog_buf_fini(&ca->pem);
    free(ca);
}

const char *testca_file(const struct testca *ca)
{
    return ca->path;
}

struct fog_bytes testca_pem(const struct testca *ca)
{
    return fog_buf_bytes(&ca->pem);
}

void testca_issue_pem(struct testca *ca, const char *name, struct fog_buf *chain,
                      struct fog_buf *key_pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = new_cert("leaf", key, ca->cert, ca->serial++);
    BIO *bio = BIO_new(BIO_s_mem());
    struct in6_addr ip;
    bool is_ip = inet_pton(AF_INET, name, &ip) == 1 || inet_pton(AF_INET6, name, &ip) == 1;
    char san[300];

    (void)snprintf(san, sizeof san, "%s:%s", is_ip ? "IP" : "DNS", name);
    add_ext(x, ca->cert, NID_subject_alt_name, san);
    add_ext(x, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
    FOG_ASSERT(X509_sign(x, ca->key, EVP_sha256()) > 0);
    cert_to_pem(x, chain);
    FOG_ASSERT(bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    take_pem(bio, key_pem);
    X509_free(x);
    EVP_PKEY_free(key);
}

struct fog_tls_cert *testca_issue(struct testca *ca, const char *name)
{
    struct fog_buf chain = {0}, key = {0};
    struct fog_tls_cert *cert = NULL;

    testca_issue_pem(ca, name, &chain, &key);
    FOG_ASSERT(fog_tls_cert_from_pem(fog_buf_bytes(&chain), fog_buf_bytes(&key), &cert) == 0);
    fog_buf_fini(&chain);
    fog_buf_fini(&key);
    return cert;
}

int testca_sign_csr(struct testca *ca, struct fog_bytes csr_der, struct fog_buf *chain)
{
    const unsigned char *p = csr_der.p;
    X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)csr_der.len);
    STACK_OF(X509_EXTENSION) *exts = NULL;
    X509 *x = NULL;
    int rc = FOG_EFORMAT;

    if (req == NULL || X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
        goto out;
    x = new_cert("leaf", X509_REQ_get0_pubkey(req), ca->cert, ca->serial++);
    exts = X509_REQ_get_extensions(req);
    for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++)
        FOG_ASSERT(X509_add_ext(x, sk_X509_EXTENSION_value(exts, i), -1) == 1);
    FOG_ASSERT(X509_sign(x, ca->key, EVP_sha256()) > 0);
    cert_to_pem(x, chain);
    rc = 0;
out:
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    X509_REQ_free(req);
    X509_free(x);
    return rc;
}
