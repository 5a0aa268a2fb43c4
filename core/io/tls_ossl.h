/*
 * Inside of core/io/tls*.c: what those files share and nobody else may see, because it names
 * OpenSSL's types.
 */
#ifndef FOG_IO_TLS_OSSL_H
#define FOG_IO_TLS_OSSL_H

#include <openssl/ssl.h>

#include "core/io/tls_in.h"

#define TLS_ALPN_WIRE_MAX 128

/* A list of protocol names in the form of RFC 7301 3.1: each with its length in front. */
struct tls_alpn {
    uint8_t wire[TLS_ALPN_WIRE_MAX];
    size_t len;
};

/* NULL gives an empty list. FOG_ELIMIT when it does not fit. */
int tls_alpn_set(struct tls_alpn *a, const char *const *names) FOG_MUST_CHECK;

/* Versions, cipher order, groups and modes that both sides share. NULL when out of memory. */
SSL_CTX *tls_ctx_new(const SSL_METHOD *method);

/* Presents the certificate on this connection. */
int tls_cert_use(struct fog_tls_cert *cert, SSL *ssl) FOG_MUST_CHECK;

/* Session tickets under keys that all contexts of the process share and that rotate. */
void tls_ticket_enable(SSL_CTX *ctx);

SSL_CTX *tls_server_ctx(struct fog_tls_server *s);
SSL_CTX *tls_client_ctx(struct fog_tls_client *c);
/* Our own node certificate, or NULL for a client of public names. */
struct fog_tls_cert *tls_client_node(struct fog_tls_client *c);

/* The connection behind an SSL, and what the handshake callbacks set on it. */
struct fog_tls *tls_of(const SSL *ssl);
void tls_set_sni(struct fog_tls *t, const char *sni, bool node);
bool tls_is_node(const struct fog_tls *t);

/* The first queued OpenSSL error as text; empties the queue. */
const char *tls_error_text(char *out, size_t size);

#endif
