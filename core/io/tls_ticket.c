#include "core/io/tls_ticket.h"

#include <pthread.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "core/base/assert.h"
#include "core/io/tls_ossl.h"

const struct tls_ticket_key *tls_ticket_seal_key(struct tls_ticket_ring *r, fog_time_ms now_ms,
                                                 struct fog_rng *rng)
{
    struct tls_ticket_key *k = &r->keys[0];

    if (k->used && now_ms - k->made_ms < TLS_TICKET_LIFE_MS)
        return k;
    memmove(&r->keys[1], &r->keys[0], sizeof r->keys - sizeof r->keys[0]);
    fog_rng_fill(rng, k->name, sizeof k->name);
    fog_rng_fill(rng, k->aes, sizeof k->aes);
    fog_rng_fill(rng, k->mac, sizeof k->mac);
    k->made_ms = now_ms;
    k->used = true;
    return k;
}

const struct tls_ticket_key *tls_ticket_open_key(const struct tls_ticket_ring *r,
                                                 const uint8_t name[16], fog_time_ms now_ms,
                                                 bool *renew)
{
    for (size_t i = 0; i < TLS_TICKET_KEYS; i++) {
        const struct tls_ticket_key *k = &r->keys[i];

        if (!k->used || memcmp(k->name, name, sizeof k->name) != 0)
            continue;
        if (now_ms - k->made_ms >= TLS_TICKET_LIFE_MS * TLS_TICKET_KEYS)
            return NULL;
        *renew = i > 0 || now_ms - k->made_ms >= TLS_TICKET_LIFE_MS;
        return k;
    }
    return NULL;
}

/* --- the process's ring --- */

static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tls_ticket_ring ring; /* under ring_lock */

static void fill_random(void *state, void *out, size_t len)
{
    (void)state;
    FOG_ASSERT(RAND_bytes(out, (int)len) == 1);
}

static fog_time_ms monotonic_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (fog_time_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool find_key(const uint8_t *name, bool seal, struct tls_ticket_key *out, bool *renew)
{
    struct fog_rng rng = {.fill = fill_random};
    const struct tls_ticket_key *k;

    (void)pthread_mutex_lock(&ring_lock);
    k = seal ? tls_ticket_seal_key(&ring, monotonic_ms(), &rng)
             : tls_ticket_open_key(&ring, name, monotonic_ms(), renew);
    if (k != NULL)
        *out = *k;
    (void)pthread_mutex_unlock(&ring_lock);
    return k != NULL;
}

static int init_mac(EVP_MAC_CTX *hctx, const struct tls_ticket_key *k)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_init(hctx, k->mac, sizeof k->mac, params);
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 usable, 2 usable but renew, 0 unknown, -1 failure. */
static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *ctx,
                         EVP_MAC_CTX *hctx, int enc)
{
    struct tls_ticket_key k;
    bool renew = false;
    int rc = -1;

    (void)ssl;
    if (!find_key(name, enc == 1, &k, &renew))
        return 0;
    if (enc == 1) {
        memcpy(name, k.name, sizeof k.name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_128_cbc())) == 1 &&
            EVP_EncryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, k.aes, iv) == 1 &&
            init_mac(hctx, &k) == 1)
            rc = 1;
    } else if (EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, k.aes, iv) == 1 &&
               init_mac(hctx, &k) == 1) {
        /* A TLS 1.3 session always gets fresh tickets; asking for renewal is for TLS 1.2. */
        rc = renew ? 2 : 1;
    }
    OPENSSL_cleanse(&k, sizeof k);
    return rc;
}

void tls_ticket_enable(SSL_CTX *ctx)
{
    FOG_ASSERT(SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key) == 1);
}
