/*
 * Ed25519 signatures (RFC 8032, libsodium) over "fogbank1" ‖ type u16 ‖ fog_id ‖ canonical body
 * (PROTOCOL 1). The type keeps a signature of one message from being one of another, the fog id
 * keeps it inside one fog. Every type number of the project is in the table below; EIP-712
 * signatures (money) are in secp.h.
 */
#ifndef FOG_CRYPTO_SIGN_H
#define FOG_CRYPTO_SIGN_H

#include "core/base/err.h"
#include "core/base/types.h"

#define FOG_SIGN_TYPES(X)                                                                          \
    X(FOG_SIGN_HUBSET, 0x01, "hub set")                                                            \
    X(FOG_SIGN_CELL_MAP, 0x02, "cell map")                                                         \
    X(FOG_SIGN_LIVENESS, 0x03, "liveness bitmap")                                                  \
    X(FOG_SIGN_ENROLL_TOKEN, 0x04, "enrolment token")                                              \
    X(FOG_SIGN_ENROLL_PROOF, 0x05, "box key over the TLS exporter")                                \
    X(FOG_SIGN_CHUNK_PROOF, 0x06, "holder over a chunk answer")                                    \
    X(FOG_SIGN_BLACKLIST, 0x07, "network-wide blacklist")                                          \
    X(FOG_SIGN_POINTER, 0x10, "pointer")                                                           \
    X(FOG_SIGN_FRESH, 0x11, "freshness of a pointer")                                              \
    X(FOG_SIGN_KEYDOC, 0x12, "publisher key document")                                             \
    X(FOG_SIGN_DELEGATE, 0x13, "delegation to an ingress")                                         \
    X(FOG_SIGN_LIVE_HEAD, 0x14, "head of a live log")                                              \
    X(FOG_SIGN_API, 0x20, "request of the publisher API")                                          \
    X(FOG_SIGN_ADMIN, 0x21, "request of an operator")

enum fog_sign_type {
#define X(name, value, text) name = value,
    FOG_SIGN_TYPES(X)
#undef X
};

#define FOG_SIG_LEN  64
#define FOG_PUB_LEN  32
#define FOG_SEED_LEN 32

struct fog_sig {
    uint8_t b[FOG_SIG_LEN];
};

struct fog_pub {
    uint8_t b[FOG_PUB_LEN];
};

/* A key pair made of its seed; wipe it when done. */
struct fog_sign_key {
    struct fog_pub pub;
    uint8_t secret[64]; /* seed ‖ public key, libsodium's form */
};

void fog_sign_key_of(const uint8_t seed[FOG_SEED_LEN], struct fog_sign_key *out);
void fog_sign_key_wipe(struct fog_sign_key *k);

/* Deterministic. */
void fog_sign(const struct fog_sign_key *k, enum fog_sign_type type, const struct fog_hash *fog_id,
              struct fog_bytes body, struct fog_sig *out);

/* 0 or FOG_EVERIFY (also for keys of small order). */
int fog_sign_check(const struct fog_pub *pub, enum fog_sign_type type,
                   const struct fog_hash *fog_id, struct fog_bytes body,
                   const struct fog_sig *sig) FOG_MUST_CHECK;

static inline bool fog_pub_eq(const struct fog_pub *a, const struct fog_pub *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

#endif
