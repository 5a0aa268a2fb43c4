#include "core/base/rng.h"

#include "core/base/assert.h"

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static uint64_t step(struct fog_rng_seeded *st)
{
    uint64_t *s = st->s;
    uint64_t out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

static void seeded_fill(void *state, void *out, size_t len)
{
    uint8_t *o = out;

    while (len > 0) {
        uint64_t v = step(state);
        size_t n = len < sizeof v ? len : sizeof v;
        memcpy(o, &v, n);
        o += n;
        len -= n;
    }
}

struct fog_rng fog_rng_seed(struct fog_rng_seeded *st, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15ULL;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
        st->s[i] = z ^ z >> 31;
    }
    return (struct fog_rng){.fill = seeded_fill, .state = st};
}

uint64_t fog_rng_u64(struct fog_rng *rng)
{
    uint64_t v;

    rng->fill(rng->state, &v, sizeof v);
    return v;
}

uint64_t fog_rng_below(struct fog_rng *rng, uint64_t below)
{
    uint64_t limit, v;

    FOG_ASSERT(below > 0);
    limit = UINT64_MAX - UINT64_MAX % below; /* reject the uneven rest */
    do {
        v = fog_rng_u64(rng);
    } while (v >= limit);
    return v % below;
}
