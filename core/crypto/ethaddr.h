/*
 * Addresses of the Ethereum machine: 20 bytes, and their text form with the mixed-case check of
 * EIP-55.
 */
#ifndef FOG_CRYPTO_ETHADDR_H
#define FOG_CRYPTO_ETHADDR_H

#include "core/base/err.h"
#include "core/base/types.h"

struct fog_ethaddr {
    uint8_t b[20];
};

#define FOG_ETHADDR_TEXT 43 /* "0x", 40 digits, NUL */

static inline bool fog_ethaddr_eq(const struct fog_ethaddr *a, const struct fog_ethaddr *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool fog_ethaddr_is_zero(const struct fog_ethaddr *a)
{
    static const struct fog_ethaddr zero;

    return fog_ethaddr_eq(a, &zero);
}

/* EIP-55 text. Returns out. */
const char *fog_ethaddr_text(const struct fog_ethaddr *a, char out[FOG_ETHADDR_TEXT]);

/* "0x" and 40 digits. All lower or all upper case is taken as it is; mixed case must carry the
 * right EIP-55 check. FOG_EFORMAT, or FOG_EVERIFY when the check is wrong. */
int fog_ethaddr_parse(struct fog_bytes text, struct fog_ethaddr *out) FOG_MUST_CHECK;

/* The address of an uncompressed public key without its 0x04: last 20 bytes of its Keccak-256. */
void fog_ethaddr_of_pubkey(const uint8_t xy[64], struct fog_ethaddr *out);

#endif
