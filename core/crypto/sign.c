#include "core/crypto/sign.h"

#include <sodium.h>

#include "core/base/assert.h"
#include "core/base/wr.h"
#include "core/crypto/rng_system.h"

_Static_assert(sizeof(((struct fog_sign_key *)0)->secret) == crypto_sign_SECRETKEYBYTES,
               "libsodium's secret key");

static void message(struct fog_buf *b, enum fog_sign_type type, const struct fog_hash *fog_id,
                    struct fog_bytes body)
{
    fog_buf_append_str(b, "fogbank1");
    fog_wr_u16(b, (uint16_t)type);
    fog_wr_bytes(b, fog_id->b, sizeof fog_id->b);
    fog_wr_bytes(b, body.p, body.len);
}

void fog_sign_key_of(const uint8_t seed[FOG_SEED_LEN], struct fog_sign_key *out)
{
    FOG_ASSERT(sodium_init() >= 0);
    FOG_ASSERT(crypto_sign_seed_keypair(out->pub.b, out->secret, seed) == 0);
}

void fog_sign_key_wipe(struct fog_sign_key *k)
{
    fog_wipe(k, sizeof *k);
}

void fog_sign(const struct fog_sign_key *k, enum fog_sign_type type, const struct fog_hash *fog_id,
              struct fog_bytes body, struct fog_sig *out)
{
    struct fog_buf m = {0};

    message(&m, type, fog_id, body);
    FOG_ASSERT(crypto_sign_detached(out->b, NULL, m.data, m.len, k->secret) == 0);
    fog_buf_fini(&m);
}

int fog_sign_check(const struct fog_pub *pub, enum fog_sign_type type,
                   const struct fog_hash *fog_id, struct fog_bytes body, const struct fog_sig *sig)
{
    struct fog_buf m = {0};
    int rc;

    message(&m, type, fog_id, body);
    rc = crypto_sign_verify_detached(sig->b, m.data, m.len, pub->b) == 0 ? 0 : FOG_EVERIFY;
    fog_buf_fini(&m);
    return rc;
}
