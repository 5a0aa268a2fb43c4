/*
 * secp256k1 (door to libsecp256k1): keys, recoverable signatures and recovery, as the chain's
 * ecrecover wants them. Owns one process-wide context whose blinding is seeded by the system's
 * generator before its first use. A private key is 32 bytes in the caller's hands; this module
 * keeps no copy.
 */
#ifndef FOG_CRYPTO_SECP_H
#define FOG_CRYPTO_SECP_H

#include "core/base/err.h"
#include "core/base/rng.h"
#include "core/crypto/ethaddr.h"

struct fog_secp_key {
    uint8_t b[32];
};

/* r || s || v; v is 27 or 28, s is in the lower half of the order. */
struct fog_secp_sig {
    uint8_t b[65];
};

/* Draws until the number is a valid key (once, in practice). */
void fog_secp_keygen(struct fog_rng *rng, struct fog_secp_key *out);

/* FOG_ERANGE when the 32 bytes are no valid key. */
int fog_secp_address(const struct fog_secp_key *key, struct fog_ethaddr *out) FOG_MUST_CHECK;

/* Signs a 32-byte digest (RFC 6979 nonce: the same digest gives the same signature). FOG_ERANGE for
 * an invalid key. */
int fog_secp_sign(const struct fog_secp_key *key, const struct fog_hash *digest,
                  struct fog_secp_sig *out) FOG_MUST_CHECK;

/* The address whose key made the signature. FOG_EFORMAT for a v other than 27 and 28 or r, s out of
 * range, FOG_ECANON for a high s (the contracts refuse it too), FOG_EVERIFY when no key fits. */
int fog_secp_recover(const struct fog_hash *digest, const struct fog_secp_sig *sig,
                     struct fog_ethaddr *out) FOG_MUST_CHECK;

/* Whether `signer` made the signature: 0 or the codes of fog_secp_recover. */
int fog_secp_check(const struct fog_hash *digest, const struct fog_secp_sig *sig,
                   const struct fog_ethaddr *signer) FOG_MUST_CHECK;

/* Overwrites a key so that the compiler cannot leave it out. */
void fog_secp_wipe(struct fog_secp_key *key);

#endif
