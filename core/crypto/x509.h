/*
 * Certificates of public names (door to OpenSSL's X.509): keys P-256, a local CA, certificate
 * requests of boxes, and leaf certificates for one DNS name. Owns nothing between calls; the CA key
 * is given by whoever holds it (keyd). Time and serial numbers are arguments.
 */
#ifndef FOG_CRYPTO_X509_H
#define FOG_CRYPTO_X509_H

#include "core/base/buf.h"
#include "core/base/err.h"

#define FOG_X509_SPKI_MAX 128
#define FOG_X509_CSR_MAX  4096

/* A fresh P-256 key as PEM (PKCS#8), appended. */
int fog_x509_key_new(struct fog_buf *key_pem) FOG_MUST_CHECK;

/* Request (PKCS#10 DER, appended) signed by the key, for exactly this DNS name (subjectAltName). */
int fog_x509_csr_make(struct fog_bytes key_pem, const char *dns_name,
                      struct fog_buf *out) FOG_MUST_CHECK;

struct fog_x509_csr {
    uint8_t spki[FOG_X509_SPKI_MAX]; /* SubjectPublicKeyInfo, DER */
    size_t spki_len;
    char dns_name[256];
};
/* Form, signature, a P-256 key, exactly one DNS name and no other name. FOG_EFORMAT, FOG_EVERIFY,
 * FOG_ELIMIT. */
int fog_x509_csr_read(struct fog_bytes in, struct fog_x509_csr *out) FOG_MUST_CHECK;

/* Self-signed CA certificate (PEM, appended), path length 0. Times in Unix seconds. */
int fog_x509_ca_make(struct fog_bytes key_pem, const char *common_name, int64_t not_before,
                     int64_t not_after, const uint8_t serial[16],
                     struct fog_buf *cert_pem) FOG_MUST_CHECK;

struct fog_x509_leaf {
    struct fog_bytes spki; /* DER */
    const char *const *dns_names;
    size_t n_dns_names; /* 1..32 */
    int64_t not_before, not_after;
    uint8_t serial[16];
};
/* A server certificate signed by the CA: chain in PEM, leaf first, then the CA certificate. */
int fog_x509_issue(struct fog_bytes ca_key_pem, struct fog_bytes ca_cert_pem,
                   const struct fog_x509_leaf *leaf, struct fog_buf *chain_pem) FOG_MUST_CHECK;

/* SubjectPublicKeyInfo of a private key (PEM). */
int fog_x509_spki_of(struct fog_bytes key_pem, struct fog_buf *out) FOG_MUST_CHECK;

/* End of validity of the first certificate of a PEM text, Unix seconds. */
int fog_x509_not_after(struct fog_bytes cert_pem, int64_t *out) FOG_MUST_CHECK;

#endif
