/*
 * Random numbers as an argument: logic takes a fog_rng, so that simulations and tests are
 * repeatable. The system's generator is filled in by core/crypto (fog_rng_system); the seeded one
 * here is for tests and simulation only.
 */
#ifndef FOG_BASE_RNG_H
#define FOG_BASE_RNG_H

#include "core/base/types.h"

struct fog_rng {
    void (*fill)(void *state, void *out, size_t len);
    void *state;
};

struct fog_rng_seeded {
    uint64_t s[4];
};

/* xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64. Not for keys. */
struct fog_rng fog_rng_seed(struct fog_rng_seeded *st, uint64_t seed);

uint64_t fog_rng_u64(struct fog_rng *rng);

/* Uniform in [0, below); below > 0. */
uint64_t fog_rng_below(struct fog_rng *rng, uint64_t below);

static inline void fog_rng_fill(struct fog_rng *rng, void *out, size_t len)
{
    rng->fill(rng->state, out, len);
}

#endif
