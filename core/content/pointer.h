/*
 * Pointer (PROTOCOL 2): the publisher's signed word on which release a site shows now, ordered by
 * (gen, seq). Fresh: a hub's signed word that this is still the newest one it knows. Pure; the
 * caller stores the highest seen, durably.
 */
#ifndef FOG_CONTENT_POINTER_H
#define FOG_CONTENT_POINTER_H

#include "core/base/buf.h"
#include "core/content/delegate.h"
#include "core/content/keydoc.h"
#include "core/content/names.h"

enum fog_pointer_kind { FOG_POINTER_SITE = 1, FOG_POINTER_LIVE = 2 };

#define FOG_SITE_STALE_S (7 * 86400)
#define FOG_LIVE_STALE_S 10

struct fog_pointer {
    struct fog_hash publisher_id;
    char site[FOG_SITE_NAME_MAX + 1];
    enum fog_pointer_kind kind;
    uint32_t gen;          /* of the key document */
    uint64_t seq;          /* from 1 */
    struct fog_ref table;  /* root page (its length), or the live log's head */
    struct fog_hash prev;  /* id of the pointer before, zero for the first */
    fog_time_ms issued_ms; /* Unix */
    uint32_t max_stale_s;  /* an edge stops serving that long after the last Fresh */
    struct fog_pub signer; /* release key or a delegate's ingress key: the key id */
    struct fog_sig sig;
};

int fog_pointer_decode(struct fog_bytes in, struct fog_pointer *out) FOG_MUST_CHECK;

/* Signs and appends; fills signer and sig. */
int fog_pointer_seal(struct fog_pointer *p, const struct fog_sign_key *key,
                     const struct fog_hash *fog_id, struct fog_buf *out) FOG_MUST_CHECK;

/* SHA-256(0x06 ‖ bytes without the signature): what `prev` names. */
void fog_pointer_id(const struct fog_pointer *p, struct fog_hash *id);

/* Signature and the right to sign. `delegate` may be NULL; when the signer is its ingress key it is
 * verified too (at hub_ms). FOG_EVERIFY, FOG_EDENIED, FOG_ESTALE (older gen than the document),
 * FOG_EEXPIRED (delegate). */
int fog_pointer_verify(const struct fog_pointer *p, const struct fog_keydoc *doc,
                       const struct fog_delegate *delegate, const struct fog_hash *fog_id,
                       fog_time_ms hub_ms) FOG_MUST_CHECK;

/* Order by (gen, seq): < 0, 0, > 0. */
int fog_pointer_cmp(const struct fog_pointer *a, const struct fog_pointer *b);

struct fog_fresh {
    struct fog_hash publisher_id;
    char site[FOG_SITE_NAME_MAX + 1];
    uint32_t gen;
    uint64_t seq;
    fog_time_ms as_of_ms;
    struct fog_sig sig; /* of a router instance's liveness key */
};

#define FOG_FRESH_MAX 256

int fog_fresh_decode(struct fog_bytes in, struct fog_fresh *out) FOG_MUST_CHECK;
int fog_fresh_seal(struct fog_fresh *f, const struct fog_sign_key *key,
                   const struct fog_hash *fog_id, struct fog_buf *out) FOG_MUST_CHECK;
int fog_fresh_verify(const struct fog_fresh *f, const struct fog_pub *hub,
                     const struct fog_hash *fog_id) FOG_MUST_CHECK;

/* For a signer that is another process: appends the body to sign (type FOG_SIGN_FRESH) without the
 * signature; the whole message is that body with the 64 bytes behind it. */
int fog_fresh_body(const struct fog_fresh *f, struct fog_buf *out) FOG_MUST_CHECK;

/* Whether an edge may serve the pointer at hub_ms, given the newest Fresh of the same (gen, seq):
 * 0, or FOG_EEXPIRED past max_stale. as_of_ms 0: none was seen, issued_ms counts. */
int fog_pointer_is_servable(const struct fog_pointer *p, fog_time_ms as_of_ms,
                            fog_time_ms hub_ms) FOG_MUST_CHECK;

#endif
