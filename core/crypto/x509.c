#include "core/crypto/x509.h"

#include "core/base/assert.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

/* OpenSSL's reasons are for developers; callers get one code, and the queue is left empty. */
static int fail(int code)
{
    ERR_clear_error();
    return code;
}

static EVP_PKEY *read_key(struct fog_bytes pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.len);
    EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);

    BIO_free(b);
    return k;
}

static X509 *read_cert(struct fog_bytes pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.len);
    X509 *x = PEM_read_bio_X509(b, NULL, NULL, NULL);

    BIO_free(b);
    return x;
}

static void take_bio(BIO *b, struct fog_buf *out)
{
    char *p;
    long n = BIO_get_mem_data(b, &p);

    fog_buf_append(out, p, (size_t)n);
    BIO_free(b);
}

int fog_x509_key_new(struct fog_buf *key_pem)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    BIO *b = BIO_new(BIO_s_mem());
    bool ok = k != NULL && PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL) == 1;

    EVP_PKEY_free(k);
    if (!ok) {
        BIO_free(b);
        return fail(-ENOMEM);
    }
    take_bio(b, key_pem);
    return 0;
}

static int append_der(unsigned char *der, int n, struct fog_buf *out)
{
    if (n <= 0)
        return fail(-ENOMEM);
    fog_buf_append(out, der, (size_t)n);
    OPENSSL_free(der);
    return 0;
}

int fog_x509_spki_of(struct fog_bytes key_pem, struct fog_buf *out)
{
    EVP_PKEY *k = read_key(key_pem);
    unsigned char *der = NULL;
    int n;

    if (k == NULL)
        return fail(FOG_EFORMAT);
    n = i2d_PUBKEY(k, &der);
    EVP_PKEY_free(k);
    return append_der(der, n, out);
}

static GENERAL_NAMES *names_of(const char *const *dns, size_t n)
{
    GENERAL_NAMES *list = GENERAL_NAMES_new();

    for (size_t i = 0; i < n; i++) {
        GENERAL_NAME *g = GENERAL_NAME_new();
        ASN1_IA5STRING *s = ASN1_IA5STRING_new();
        FOG_ASSERT(g != NULL && s != NULL && ASN1_STRING_set(s, dns[i], -1) == 1);
        GENERAL_NAME_set0_value(g, GEN_DNS, s);
        sk_GENERAL_NAME_push(list, g);
    }
    return list;
}

int fog_x509_csr_make(struct fog_bytes key_pem, const char *dns_name, struct fog_buf *out)
{
    EVP_PKEY *k = read_key(key_pem);
    X509_REQ *req = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
    GENERAL_NAMES *names = names_of(&dns_name, 1);
    unsigned char *der = NULL;
    int rc = FOG_EFORMAT, n;

    if (k == NULL || req == NULL)
        goto out;
    if (X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) != 1 ||
        X509_REQ_add_extensions(req, exts) != 1 || X509_REQ_set_pubkey(req, k) != 1 ||
        X509_REQ_sign(req, k, EVP_sha256()) == 0)
        goto out;
    n = i2d_X509_REQ(req, &der);
    rc = append_der(der, n, out);
out:
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    X509_REQ_free(req);
    EVP_PKEY_free(k);
    return rc == 0 ? 0 : fail(rc);
}

/* The one DNS name of a list; FOG_EFORMAT for anything else. */
static int only_name(const GENERAL_NAMES *names, char out[256])
{
    const GENERAL_NAME *g;
    const unsigned char *text;
    int n;

    if (names == NULL || sk_GENERAL_NAME_num(names) != 1)
        return FOG_EFORMAT;
    g = sk_GENERAL_NAME_value(names, 0);
    if (g->type != GEN_DNS)
        return FOG_EFORMAT;
    text = ASN1_STRING_get0_data(g->d.dNSName);
    n = ASN1_STRING_length(g->d.dNSName);
    if (n <= 0 || n > 253)
        return FOG_ELIMIT;
    for (int i = 0; i < n; i++)
        if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= '0' && text[i] <= '9') &&
            text[i] != '-' && text[i] != '.' && text[i] != '*')
            return FOG_EFORMAT;
    memcpy(out, text, (size_t)n);
    out[n] = 0;
    return 0;
}

static int check_request(X509_REQ *req, EVP_PKEY *key, struct fog_x509_csr *out)
{
    STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
    GENERAL_NAMES *names = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
    char group[32] = "";
    unsigned char *der = NULL;
    size_t len;
    int rc, n;

    if (EVP_PKEY_get_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group, sizeof group, &len) != 1 ||
        strcmp(group, "prime256v1") != 0)
        rc = FOG_EFORMAT;
    else if (X509_REQ_verify(req, key) != 1)
        rc = FOG_EVERIFY;
    else
        rc = only_name(names, out->dns_name);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    if (rc != 0)
        return rc;
    n = i2d_PUBKEY(key, &der);
    if (n <= 0 || n > FOG_X509_SPKI_MAX) {
        OPENSSL_free(der);
        return FOG_ELIMIT;
    }
    memcpy(out->spki, der, (size_t)n);
    out->spki_len = (size_t)n;
    OPENSSL_free(der);
    return 0;
}

int fog_x509_csr_read(struct fog_bytes in, struct fog_x509_csr *out)
{
    const unsigned char *p = in.p;
    struct fog_x509_csr csr = {0};
    X509_REQ *req;
    int rc;

    if (in.len > FOG_X509_CSR_MAX)
        return FOG_ELIMIT;
    req = d2i_X509_REQ(NULL, &p, (long)in.len);
    if (req == NULL || p != in.p + in.len || X509_REQ_get0_pubkey(req) == NULL)
        rc = FOG_EFORMAT;
    else
        rc = check_request(req, X509_REQ_get0_pubkey(req), &csr);
    X509_REQ_free(req);
    if (rc != 0)
        return fail(rc);
    *out = csr;
    return 0;
}

static bool set_frame(X509 *x, int64_t not_before, int64_t not_after, const uint8_t serial[16])
{
    BIGNUM *bn;
    uint8_t s[16];
    bool ok;

    memcpy(s, serial, sizeof s);
    s[0] &= 0x7f; /* positive */
    s[0] |= 0x40; /* and not short */
    bn = BN_bin2bn(s, sizeof s, NULL);
    ok = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;
    BN_free(bn);
    return ok && X509_set_version(x, X509_VERSION_3) == 1 &&
           ASN1_TIME_set(X509_getm_notBefore(x), (time_t)not_before) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)not_after) != NULL;
}

static bool add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

int fog_x509_ca_make(struct fog_bytes key_pem, const char *common_name, int64_t not_before,
                     int64_t not_after, const uint8_t serial[16], struct fog_buf *cert_pem)
{
    EVP_PKEY *k = read_key(key_pem);
    X509 *x = X509_new();
    X509_NAME *name;
    BIO *b;
    int rc = FOG_EFORMAT;

    if (k == NULL || x == NULL)
        goto out;
    name = X509_get_subject_name(x);
    if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
                                   (unsigned char *)(uintptr_t)common_name, -1, -1, 0) != 1 ||
        X509_set_issuer_name(x, name) != 1 || !set_frame(x, not_before, not_after, serial) ||
        X509_set_pubkey(x, k) != 1 ||
        !add_ext(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_ext(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_ext(x, x, NID_subject_key_identifier, "hash") || X509_sign(x, k, EVP_sha256()) == 0)
        goto out;
    b = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(b, x);
    take_bio(b, cert_pem);
    rc = 0;
out:
    X509_free(x);
    EVP_PKEY_free(k);
    return rc == 0 ? 0 : fail(rc);
}

/* Builds and signs the leaf. */
static int issue(EVP_PKEY *ca_key, X509 *ca, const struct fog_x509_leaf *leaf, X509 *x)
{
    const unsigned char *p = leaf->spki.p;
    EVP_PKEY *pub = d2i_PUBKEY(NULL, &p, (long)leaf->spki.len);
    GENERAL_NAMES *names = names_of(leaf->dns_names, leaf->n_dns_names);
    int rc = FOG_EFORMAT;

    /* An empty subject wants a critical subjectAltName (RFC 5280 4.2.1.6). */
    if (pub != NULL && X509_set_issuer_name(x, X509_get_subject_name(ca)) == 1 &&
        set_frame(x, leaf->not_before, leaf->not_after, leaf->serial) &&
        X509_set_pubkey(x, pub) == 1 &&
        X509_add1_ext_i2d(x, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT) == 1 &&
        add_ext(x, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_ext(x, ca, NID_key_usage, "critical,digitalSignature") &&
        add_ext(x, ca, NID_ext_key_usage, "serverAuth") &&
        add_ext(x, ca, NID_subject_key_identifier, "hash") &&
        add_ext(x, ca, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(x, ca_key, EVP_sha256()) != 0)
        rc = 0;
    GENERAL_NAMES_free(names);
    EVP_PKEY_free(pub);
    return rc;
}

int fog_x509_issue(struct fog_bytes ca_key_pem, struct fog_bytes ca_cert_pem,
                   const struct fog_x509_leaf *leaf, struct fog_buf *chain_pem)
{
    EVP_PKEY *ca_key = read_key(ca_key_pem);
    X509 *ca = read_cert(ca_cert_pem), *x = X509_new();
    BIO *b;
    int rc = FOG_EFORMAT;

    if (ca_key == NULL || ca == NULL || x == NULL || leaf->n_dns_names == 0 ||
        leaf->n_dns_names > 32)
        goto out;
    if (X509_check_private_key(ca, ca_key) != 1) {
        rc = FOG_EVERIFY;
        goto out;
    }
    if ((rc = issue(ca_key, ca, leaf, x)) != 0)
        goto out;
    b = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(b, x);
    PEM_write_bio_X509(b, ca);
    take_bio(b, chain_pem);
out:
    X509_free(x);
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    return rc == 0 ? 0 : fail(rc);
}

int fog_x509_not_after(struct fog_bytes cert_pem, int64_t *out)
{
    X509 *x = read_cert(cert_pem);
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0, rc = FOG_EFORMAT;

    if (x != NULL && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(x)) == 1) {
        *out = (int64_t)days * 86400 + seconds;
        rc = 0;
    }
    ASN1_TIME_free(epoch);
    X509_free(x);
    return rc == 0 ? 0 : fail(rc);
}
