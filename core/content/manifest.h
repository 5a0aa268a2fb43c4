/*
 * Manifest: what a URL stands for (PROTOCOL 2). Media type and up to three variants of the same
 * representation; each variant with its encoding, root, size, SHA-256 of its bytes when known, and
 * chunk ids. Canonical bytes, id = SHA-256(0x02 ‖ bytes). Owns its chunk id lists; does no I/O.
 */
#ifndef FOG_CONTENT_MANIFEST_H
#define FOG_CONTENT_MANIFEST_H

#include "core/base/buf.h"
#include "core/content/leaf.h"
#include "core/content/tree.h"
#include "core/crypto/hash.h"

enum fog_encoding { FOG_IDENTITY = 0, FOG_GZIP = 1, FOG_ZSTD = 2 };
#define FOG_ENCODINGS 3

/* The content coding as HTTP names it: "identity", "gzip", "zstd"; NULL for an unknown number. */
const char *fog_encoding_name(unsigned encoding);

#define FOG_MEDIA_TYPE_MAX 127

struct fog_variant {
    enum fog_encoding encoding;
    struct fog_hash root;
    uint64_t size;
    bool has_plain;
    struct fog_hash plain;      /* SHA-256 of the variant's bytes (Repr-Digest), when has_plain */
    struct fog_hash *chunk_ids; /* owned; fog_chunk_count(size) of them */
};

struct fog_manifest {
    char media_type[FOG_MEDIA_TYPE_MAX + 1];
    unsigned n_variants;
    struct fog_variant variants[FOG_ENCODINGS]; /* ascending by encoding, identity first */
};

/* Checks everything: limits, order, the identity variant, root = root over the chunk ids, canonical
 * form. FOG_EFORMAT, FOG_ELIMIT, FOG_EVERSION, FOG_ECANON, FOG_EVERIFY (root). On success the
 * caller calls _fini. */
int fog_manifest_decode(struct fog_bytes in, struct fog_manifest *out) FOG_MUST_CHECK;

/* Appends the canonical bytes. FOG_ELIMIT when they are more than FOG_MANIFEST_MAX, FOG_EFORMAT for
 * a struct that decode would refuse. */
int fog_manifest_encode(const struct fog_manifest *m, struct fog_buf *out) FOG_MUST_CHECK;

void fog_manifest_id(struct fog_bytes encoded, struct fog_hash *id);

/* Decodes and checks that the bytes are what the id names (FOG_EVERIFY). */
int fog_manifest_open(struct fog_bytes in, const struct fog_hash *id,
                      struct fog_manifest *out) FOG_MUST_CHECK;

/* NULL when the manifest has no such variant; never NULL for FOG_IDENTITY. */
const struct fog_variant *fog_manifest_variant(const struct fog_manifest *m,
                                               enum fog_encoding encoding);

/* index < fog_chunk_count(v->size). */
struct fog_chunk_ref fog_variant_chunk(const struct fog_variant *v, uint64_t index);

void fog_manifest_fini(struct fog_manifest *m);

/*
 * Making a variant of bytes that come in pieces. Only one leaf's state is held.
 */
struct fog_hasher {
    struct fog_sha256_stream leaf, plain;
    struct fog_tree chunk; /* leaves of the current chunk */
    struct fog_tree root;
    struct fog_buf ids; /* chunk ids so far */
    uint64_t size;
};

void fog_hasher_init(struct fog_hasher *h);
/* FOG_ELIMIT above FOG_OBJECT_MAX. */
int fog_hasher_update(struct fog_hasher *h, struct fog_bytes in) FOG_MUST_CHECK;
/* Fills *out (encoding as given, plain set); its chunk_ids belong to the caller. Ends the hasher;
 * _fini is still allowed. */
void fog_hasher_final(struct fog_hasher *h, enum fog_encoding encoding, struct fog_variant *out);
void fog_hasher_fini(struct fog_hasher *h);

#endif
