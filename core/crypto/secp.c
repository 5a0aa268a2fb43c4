#include "core/crypto/secp.h"

#include <pthread.h>

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <sodium.h>

#include "core/base/assert.h"

static pthread_once_t context_once = PTHREAD_ONCE_INIT;
static secp256k1_context *context;

/* Blinding protects the key in signing against side channels; reads of the context need no lock. */
static void make_context(void)
{
    uint8_t seed[32];

    FOG_ASSERT(sodium_init() >= 0);
    context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    FOG_ASSERT(context != NULL);
    randombytes_buf(seed, sizeof seed);
    FOG_ASSERT(secp256k1_context_randomize(context, seed) == 1);
    sodium_memzero(seed, sizeof seed);
}

static const secp256k1_context *ctx(void)
{
    FOG_ASSERT(pthread_once(&context_once, make_context) == 0);
    return context;
}

void fog_secp_keygen(struct fog_rng *rng, struct fog_secp_key *out)
{
    do
        fog_rng_fill(rng, out->b, sizeof out->b);
    while (secp256k1_ec_seckey_verify(ctx(), out->b) != 1);
}

static void address_of(const secp256k1_pubkey *pub, struct fog_ethaddr *out)
{
    uint8_t text[65];
    size_t len = sizeof text;

    FOG_ASSERT(secp256k1_ec_pubkey_serialize(ctx(), text, &len, pub, SECP256K1_EC_UNCOMPRESSED));
    fog_ethaddr_of_pubkey(text + 1, out);
}

int fog_secp_address(const struct fog_secp_key *key, struct fog_ethaddr *out)
{
    secp256k1_pubkey pub;

    if (secp256k1_ec_pubkey_create(ctx(), &pub, key->b) != 1)
        return FOG_ERANGE;
    address_of(&pub, out);
    return 0;
}

int fog_secp_sign(const struct fog_secp_key *key, const struct fog_hash *digest,
                  struct fog_secp_sig *out)
{
    secp256k1_ecdsa_recoverable_signature sig;
    int recid;

    if (secp256k1_ecdsa_sign_recoverable(ctx(), &sig, digest->b, key->b, NULL, NULL) != 1)
        return FOG_ERANGE;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(ctx(), out->b, &recid, &sig);
    out->b[64] = (uint8_t)(27 + (recid & 1));
    /* Recovery ids 2 and 3 need an r above the group order: probability 2^-128. */
    FOG_ASSERT(recid < 2);
    return 0;
}

/* libsecp256k1 signs with low s and, when it recovers, accepts both halves. */
static bool s_is_high(const uint8_t s[32])
{
    static const uint8_t half_order[32] = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                           0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d,
                                           0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

    return memcmp(s, half_order, sizeof half_order) > 0;
}

int fog_secp_recover(const struct fog_hash *digest, const struct fog_secp_sig *sig,
                     struct fog_ethaddr *out)
{
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey pub;
    int recid = sig->b[64] - 27;

    if (recid != 0 && recid != 1)
        return FOG_EFORMAT;
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(ctx(), &parsed, sig->b, recid) != 1)
        return FOG_EFORMAT;
    if (s_is_high(sig->b + 32))
        return FOG_ECANON;
    if (secp256k1_ecdsa_recover(ctx(), &pub, &parsed, digest->b) != 1)
        return FOG_EVERIFY;
    address_of(&pub, out);
    return 0;
}

int fog_secp_check(const struct fog_hash *digest, const struct fog_secp_sig *sig,
                   const struct fog_ethaddr *signer)
{
    struct fog_ethaddr found;
    int rc = fog_secp_recover(digest, sig, &found);

    if (rc != 0)
        return rc;
    return fog_ethaddr_eq(&found, signer) ? 0 : FOG_EVERIFY;
}

void fog_secp_wipe(struct fog_secp_key *key)
{
    sodium_memzero(key, sizeof *key);
}
