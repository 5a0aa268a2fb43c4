/*
 * Keccak-256 with the original padding (0x01), as the Ethereum machine uses it. Only for what the
 * chain reads; everything else is SHA-256 (hash.h). Source: Keccak submission 3 (2011); FIPS 202
 * pads differently. Holds no state between calls of the one-shot form.
 */
#ifndef FOG_CRYPTO_KECCAK_H
#define FOG_CRYPTO_KECCAK_H

#include "core/base/types.h"

#define FOG_KECCAK_RATE 136

struct fog_keccak {
    uint64_t lane[25];
    size_t fill; /* bytes absorbed into the current block */
};

void fog_keccak_init(struct fog_keccak *k);
void fog_keccak_update(struct fog_keccak *k, const void *p, size_t len);
/* Ends the computation; k is to be initialised again before the next. */
void fog_keccak_final(struct fog_keccak *k, struct fog_hash *out);

void fog_keccak256(struct fog_bytes in, struct fog_hash *out);

#endif
