/*
 * A certificate authority inside the test process: P-256, made afresh for each test. Owns its key
 * and one temporary file with the CA certificate for clients that want a path.
 */
#ifndef FOG_TESTS_LIB_TESTCA_H
#define FOG_TESTS_LIB_TESTCA_H

#include "core/base/buf.h"
#include "core/io/tls.h"

struct testca;

struct testca *testca_new(void);
void testca_free(struct testca **ca);

/* PEM file of the CA certificate, removed by testca_free. */
const char *testca_file(const struct testca *ca);
/* The same as text. */
struct fog_bytes testca_pem(const struct testca *ca);

/* A leaf for the name (a host name, a wildcard, or an IP address) as PEM texts. */
void testca_issue_pem(struct testca *ca, const char *name, struct fog_buf *chain,
                      struct fog_buf *key);
struct fog_tls_cert *testca_issue(struct testca *ca, const char *name);

/* Signs a certificate request (DER) for all names in it; PEM of the leaf. 0 or FOG_EFORMAT. */
int testca_sign_csr(struct testca *ca, struct fog_bytes csr_der, struct fog_buf *chain);

#endif
