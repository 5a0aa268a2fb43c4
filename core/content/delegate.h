/*
 * Delegation (PROTOCOL 1): a publisher lets an ingress key sign pointers of sites whose name begins
 * with a prefix, until a date. Signed by a release key of the publisher's current key document.
 */
#ifndef FOG_CONTENT_DELEGATE_H
#define FOG_CONTENT_DELEGATE_H

#include "core/base/buf.h"
#include "core/content/keydoc.h"
#include "core/content/names.h"

enum fog_right {
    FOG_RIGHT_SITE = 1,   /* pointers of kind site */
    FOG_RIGHT_LIVE = 2,   /* pointers and heads of kind live */
    FOG_RIGHT_ORIGIN = 4, /* partial manifests of an origin pull */
};
#define FOG_RIGHTS_ALL 7

struct fog_delegate {
    struct fog_hash publisher_id;
    struct fog_pub ingress;
    char site_prefix[FOG_SITE_NAME_MAX + 1]; /* "" covers all sites */
    uint16_t rights;                         /* of enum fog_right, not 0 */
    uint32_t gen; /* generation of the key document it was signed under */
    fog_time_ms not_after_ms;
    struct fog_pub signer; /* release key */
    struct fog_sig sig;
};

int fog_delegate_decode(struct fog_bytes in, struct fog_delegate *out) FOG_MUST_CHECK;

/* Signs with a release key and appends; fills signer and sig. */
int fog_delegate_seal(struct fog_delegate *d, const struct fog_sign_key *release,
                      const struct fog_hash *fog_id, struct fog_buf *out) FOG_MUST_CHECK;

/* Signature, publisher, generation and date. FOG_EVERIFY, FOG_EDENIED (key not in the document,
 * other publisher), FOG_ESTALE (older generation than the document), FOG_EEXPIRED. */
int fog_delegate_verify(const struct fog_delegate *d, const struct fog_keydoc *doc,
                        const struct fog_hash *fog_id, fog_time_ms hub_ms) FOG_MUST_CHECK;

/* Whether it covers this right on this site. */
bool fog_delegate_covers(const struct fog_delegate *d, enum fog_right right, const char *site);

#endif
