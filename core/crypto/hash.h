/*
 * SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), always by OpenSSL: it uses the CPU's SHA
 * instructions. Owns one digest context per thread for the one-shot calls; never hashes secrets it
 * keeps.
 */
#ifndef FOG_CRYPTO_HASH_H
#define FOG_CRYPTO_HASH_H

#include "core/base/types.h"

void fog_sha256(struct fog_bytes in, struct fog_hash *out);

/* The hash of the parts one after the other, without copying them together. */
void fog_sha256_parts(const struct fog_bytes *parts, size_t n, struct fog_hash *out);

/* Streaming form. Embedded by the caller; _init allocates, _fini frees (a zeroed struct is fine).
 */
struct fog_sha256_stream {
    void *ctx;
};

void fog_sha256_init(struct fog_sha256_stream *s);
void fog_sha256_update(struct fog_sha256_stream *s, struct fog_bytes in);
/* Gives the hash and starts anew. */
void fog_sha256_final(struct fog_sha256_stream *s, struct fog_hash *out);
void fog_sha256_fini(struct fog_sha256_stream *s);

void fog_hmac_sha256(struct fog_bytes key, struct fog_bytes in, struct fog_hash *out);

#endif
