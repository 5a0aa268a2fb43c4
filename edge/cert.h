/*
 * Certificates by SNI, exact names and one-level wildcards, replaceable while handshakes run. Owns
 * a reference to each certificate; knows nothing of how they are obtained.
 *
 * edge_certs_pick is called on every serving loop, edge_certs_set on the control loop: the table is
 * guarded by a mutex that is held for one look-up (a handshake costs a thousand times more).
 */
#ifndef FOG_EDGE_CERT_H
#define FOG_EDGE_CERT_H

#include "core/base/err.h"
#include "core/base/types.h"

struct edge_certs;
struct fog_tls_cert;

struct edge_certs *edge_certs_new(void);
void edge_certs_free(struct edge_certs **s);

/* Sets or replaces what is presented for `pattern`: "name" or "*.name" (any one label in front).
 * Takes a reference of its own. FOG_EFORMAT for a pattern that is not a lower-case host name,
 * FOG_ELIMIT beyond 1024 patterns. */
int edge_certs_set(struct edge_certs *s, const char *pattern,
                   struct fog_tls_cert *cert) FOG_MUST_CHECK;

/* Handshakes from now on are refused for that pattern; open connections go on. */
void edge_certs_remove(struct edge_certs *s, const char *pattern);

/* For fog_tls_server_conf.pick (arg = the store): a new reference, the exact name before the
 * wildcard; NULL without SNI or without a match. */
struct fog_tls_cert *edge_certs_pick(void *arg, const char *sni);

/* notAfter (Unix seconds) of what is set for the pattern, 0 when there is none: when to renew. */
int64_t edge_certs_not_after(struct edge_certs *s, const char *pattern);

#endif
