#include "core/crypto/keccak.h"

static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
    0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
    0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
    0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
    0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* Rotation and destination of the rho and pi steps along the single cycle that starts at lane 1. */
static const uint8_t rho[24] = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
static const uint8_t pi[24] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                               15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static void permute(uint64_t a[25])
{
    for (unsigned round = 0; round < 24; round++) {
        uint64_t c[5], moving;

        for (unsigned x = 0; x < 5; x++)
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (unsigned x = 0; x < 5; x++) {
            uint64_t d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);

            for (unsigned y = 0; y < 25; y += 5)
                a[x + y] ^= d;
        }
        moving = a[1];
        for (unsigned i = 0; i < 24; i++) {
            uint64_t next = a[pi[i]];

            a[pi[i]] = rotate(moving, rho[i]);
            moving = next;
        }
        for (unsigned y = 0; y < 25; y += 5) {
            for (unsigned x = 0; x < 5; x++)
                c[x] = a[x + y];
            for (unsigned x = 0; x < 5; x++)
                a[x + y] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
        }
        a[0] ^= round_constants[round];
    }
}

void fog_keccak_init(struct fog_keccak *k)
{
    memset(k, 0, sizeof *k);
}

static void absorb_byte(struct fog_keccak *k, uint8_t byte)
{
    k->lane[k->fill / 8] ^= (uint64_t)byte << (8 * (k->fill % 8));
    if (++k->fill == FOG_KECCAK_RATE) {
        permute(k->lane);
        k->fill = 0;
    }
}

void fog_keccak_update(struct fog_keccak *k, const void *p, size_t len)
{
    const uint8_t *bytes = p;

    for (size_t i = 0; i < len; i++)
        absorb_byte(k, bytes[i]);
}

void fog_keccak_final(struct fog_keccak *k, struct fog_hash *out)
{
    k->lane[k->fill / 8] ^= (uint64_t)0x01 << (8 * (k->fill % 8));
    k->lane[FOG_KECCAK_RATE / 8 - 1] ^= (uint64_t)0x80 << 56;
    permute(k->lane);
    for (size_t i = 0; i < sizeof out->b; i++)
        out->b[i] = (uint8_t)(k->lane[i / 8] >> (8 * (i % 8)));
}

void fog_keccak256(struct fog_bytes in, struct fog_hash *out)
{
    struct fog_keccak k;

    fog_keccak_init(&k);
    fog_keccak_update(&k, in.p, in.len);
    fog_keccak_final(&k, out);
}
