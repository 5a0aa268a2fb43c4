/*
 * Inside of core/io: the TLS state of one connection, between the socket code (conn.c, which knows
 * no OpenSSL) and libssl. Ciphertext comes in as a borrowed view and leaves through a callback, so
 * that records of one turn are collected and sent at once (docs/decisions: own TLS filter).
 *
 * Owns the SSL object; never touches a descriptor and never blocks.
 */
#ifndef FOG_IO_TLS_IN_H
#define FOG_IO_TLS_IN_H

#include "core/io/tls.h"

struct fog_tls;

/* Takes over ciphertext; always all of it. */
typedef void fog_tls_out_fn(void *arg, const void *p, size_t len);

struct fog_tls *fog_tls_new_accept(struct fog_tls_server *s, fog_tls_out_fn *out, void *arg);
/* host: SNI and verified name; NULL on node connections. FOG_ETLS on a name that cannot be used. */
int fog_tls_new_dial(struct fog_tls_client *c, const char *host, fog_tls_out_fn *out, void *arg,
                     struct fog_tls **result) FOG_MUST_CHECK;
void fog_tls_free(struct fog_tls **t);

/* Offers ciphertext, which stays borrowed until fog_tls_fed says that nothing is left or the next
 * feed. */
void fog_tls_feed(struct fog_tls *t, struct fog_bytes cipher);
struct fog_bytes fog_tls_fed(const struct fog_tls *t); /* what was not consumed yet */

/* 0 when established, -EAGAIN when it needs more input, FOG_ETLS or FOG_EDENIED. */
int fog_tls_handshake(struct fog_tls *t) FOG_MUST_CHECK;

/* Plaintext into out: 0 with *n > 0; -EAGAIN; FOG_ECLOSED after the peer's close_notify; FOG_ETLS.
 */
int fog_tls_read(struct fog_tls *t, void *out, size_t cap, size_t *n) FOG_MUST_CHECK;

/* Seals all of it (at most 16 KiB per record). */
int fog_tls_write(struct fog_tls *t, struct fog_bytes plain) FOG_MUST_CHECK;

/* Sends close_notify. */
void fog_tls_close(struct fog_tls *t);

const char *fog_tls_alpn(const struct fog_tls *t);
const char *fog_tls_sni(const struct fog_tls *t);
bool fog_tls_peer_key(const struct fog_tls *t, uint8_t out[32]);
bool fog_tls_is_resumed(const struct fog_tls *t);
int fog_tls_export(struct fog_tls *t, const char *label, void *out, size_t len) FOG_MUST_CHECK;

#endif
