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

/* One row of the chi step; written out because the loop form is three times slower. */
static inline void chi_row(uint64_t *row)
{
    uint64_t a0 = row[0], a1 = row[1];

    row[0] ^= ~row[1] & row[2];
    row[1] ^= ~row[2] & row[3];
    row[2] ^= ~row[3] & row[4];
    row[3] ^= ~row[4] & a0;
    row[4] ^= ~a0 & a1;
}

static inline void theta(uint64_t a[25])
{
    uint64_t c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20];
    uint64_t c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21];
    uint64_t c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22];
    uint64_t c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23];
    uint64_t c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24];
    uint64_t d0 = c4 ^ rotate(c1, 1), d1 = c0 ^ rotate(c2, 1), d2 = c1 ^ rotate(c3, 1);
    uint64_t d3 = c2 ^ rotate(c4, 1), d4 = c3 ^ rotate(c0, 1);

    for (unsigned y = 0; y < 25; y += 5) {
        a[y] ^= d0;
        a[y + 1] ^= d1;
        a[y + 2] ^= d2;
        a[y + 3] ^= d3;
        a[y + 4] ^= d4;
    }
}

static void permute(uint64_t a[25])
{
    for (unsigned round = 0; round < 24; round++) {
        uint64_t moving;

        theta(a);
        moving = a[1];
        for (unsigned i = 0; i < 24; i++) {
            uint64_t next = a[pi[i]];

            a[pi[i]] = rotate(moving, rho[i]);
            moving = next;
        }
        for (unsigned y = 0; y < 25; y += 5)
            chi_row(a + y);
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
    size_t i = 0;

    while (i < len) {
        if (k->fill % 8 == 0 && len - i >= 8) {
            uint64_t lane = 0;

            for (unsigned b = 8; b > 0; b--)
                lane = lane << 8 | bytes[i + b - 1];
            k->lane[k->fill / 8] ^= lane;
            k->fill += 8;
            i += 8;
            if (k->fill == FOG_KECCAK_RATE) {
                permute(k->lane);
                k->fill = 0;
            }
        } else {
            absorb_byte(k, bytes[i++]);
        }
    }
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
