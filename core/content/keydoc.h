/*
 * Publisher key document (PROTOCOL 1): release keys (Ed25519), recovery key, owner of the escrow
 * account. publisher_id = SHA-256(0x04 ‖ body of generation 1). Every document is signed by the
 * recovery key, which never changes; a later generation carries generation 1 inside, so that one
 * document proves itself against the publisher id alone.
 */
#ifndef FOG_CONTENT_KEYDOC_H
#define FOG_CONTENT_KEYDOC_H

#include "core/base/buf.h"
#include "core/content/leaf.h"
#include "core/crypto/sign.h"

#define FOG_RELEASE_KEYS_MAX 8

struct fog_keydoc {
    struct fog_hash publisher_id; /* filled by decode and seal */
    uint32_t gen;                 /* from 1 */
    unsigned n_keys;              /* 1..8 */
    struct fog_pub keys[FOG_RELEASE_KEYS_MAX];
    struct fog_pub recovery;
    uint8_t escrow_owner[20]; /* zero: none */
    struct fog_sig sig;
};

/* Form, canonical bytes and all signatures. FOG_EVERIFY when a signature or the inner first
 * generation does not fit. */
int fog_keydoc_decode(struct fog_bytes in, const struct fog_hash *fog_id,
                      struct fog_keydoc *out) FOG_MUST_CHECK;

/* Signs and appends generation 1 (first empty), or a later one (`first` = the whole bytes of
 * generation 1). Fills publisher_id, recovery and sig. FOG_EFORMAT for a bad struct. */
int fog_keydoc_seal(struct fog_keydoc *k, struct fog_bytes first,
                    const struct fog_sign_key *recovery, const struct fog_hash *fog_id,
                    struct fog_buf *out) FOG_MUST_CHECK;

/* Index of a release key, or -1. */
int fog_keydoc_key_index(const struct fog_keydoc *k, const struct fog_pub *key);

#endif
