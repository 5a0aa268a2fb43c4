/*
 * Who sends a request of the publisher API: the value of its authorization field,
 * "Fog <publisher_id hex>.<unix seconds>.<key index>.<signature hex>" (PROTOCOL 2.8). Both sides
 * use this file. Pure; the server's replay and clock rules are its own.
 */
#ifndef FOG_CONTENT_API_AUTH_H
#define FOG_CONTENT_API_AUTH_H

#include "core/base/buf.h"
#include "core/content/keydoc.h"

/* Difference of clocks that a server accepts, either way. */
#define FOG_API_SKEW_S 300

/* What is signed beside the time: method, target as sent (path with "?query" when there is one) and
 * the hash of the whole body (of nothing when empty). */
struct fog_api_request {
    struct fog_bytes method;
    struct fog_bytes target;
    struct fog_hash body_hash;
};

struct fog_api_auth {
    struct fog_hash publisher_id;
    uint64_t unix_s;
    uint32_t key_index; /* of the key document's release keys */
    struct fog_sig sig;
};

/* Appends the field's value. */
void fog_api_auth_write(const struct fog_api_request *r, const struct fog_hash *publisher_id,
                        uint64_t unix_s, uint32_t key_index, const struct fog_sign_key *key,
                        const struct fog_hash *fog_id, struct fog_buf *out);

/* FOG_EFORMAT. */
int fog_api_auth_parse(struct fog_bytes value, struct fog_api_auth *out) FOG_MUST_CHECK;

/* FOG_EDENIED (other publisher, no such key), FOG_EEXPIRED (clocks differ too much), FOG_EVERIFY.
 */
int fog_api_auth_verify(const struct fog_api_auth *a, const struct fog_api_request *r,
                        const struct fog_keydoc *doc, const struct fog_hash *fog_id,
                        uint64_t hub_s) FOG_MUST_CHECK;

#endif
