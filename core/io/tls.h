/*
 * TLS identities and contexts (door to OpenSSL). Owns certificates and their keys; the record layer
 * is in conn.h.
 *
 * Two kinds of endpoint share a port: public names (certificate by SNI, no client certificate) and
 * node connections (SNI FOG_NODE_SNI, mutual authentication by self-signed Ed25519 certificates
 * whose key *is* the identity).
 */
#ifndef FOG_IO_TLS_H
#define FOG_IO_TLS_H

#include "core/base/err.h"
#include "core/base/types.h"

#define FOG_NODE_SNI "node.fogbank.invalid"

struct fog_tls_cert; /* certificate chain with its private key; reference-counted, immutable, shared
                        by loops */
struct fog_tls_server; /* what a listener presents */
struct fog_tls_client; /* what a dialler checks */

/* PEM texts of a chain (leaf first) and its key (P-256 for public names). FOG_ETLS with a log line
 * on bad input. */
int fog_tls_cert_from_pem(struct fog_bytes chain_pem, struct fog_bytes key_pem,
                          struct fog_tls_cert **out) FOG_MUST_CHECK;
/* Self-signed node certificate from an Ed25519 seed (32 bytes). */
int fog_tls_cert_node(const uint8_t seed[32], struct fog_tls_cert **out) FOG_MUST_CHECK;
struct fog_tls_cert *fog_tls_cert_ref(struct fog_tls_cert *c);
void fog_tls_cert_unref(struct fog_tls_cert **c);
/* notAfter in Unix seconds. */
int64_t fog_tls_cert_not_after(const struct fog_tls_cert *c);

struct fog_tls_server_conf {
    /* The certificate for a host name (lower case, NULL without SNI): a new reference, or NULL to
     * refuse the handshake with unrecognized_name. Called on the loop's thread. */
    struct fog_tls_cert *(*pick)(void *arg, const char *sni);
    void *arg;
    const char *const
        *alpn; /* offered for public names, preference order, NULL-terminated: "h2","http/1.1" */
    struct fog_tls_cert *node;    /* NULL: no node connections on this listener */
    const char *const *node_alpn; /* "fog-fill/1", "fog-serve/1", "fog-lease/1" */
};
int fog_tls_server_new(const struct fog_tls_server_conf *conf,
                       struct fog_tls_server **out) FOG_MUST_CHECK;
/* Reference-counted: listeners and running handshakes hold their own, so a replaced server object
 * may be freed at once. */
struct fog_tls_server *fog_tls_server_ref(struct fog_tls_server *s);
void fog_tls_server_free(struct fog_tls_server **s);

struct fog_tls_client_conf {
    const char *ca_file; /* NULL: the system's store */
    struct fog_tls_cert
        *node; /* set: node connection, this is our identity; CA rules do not apply */
    const char *const *alpn;
};
int fog_tls_client_new(const struct fog_tls_client_conf *conf,
                       struct fog_tls_client **out) FOG_MUST_CHECK;
void fog_tls_client_free(struct fog_tls_client **c);

#endif
