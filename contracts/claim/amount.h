/*
 * Money. One unit is 2^-30 of the token's smallest unit, so bytes x price per GiB is exact
 * (PROTOCOL 6). A struct with one member, so that plain + and * do not compile; overflow is an
 * error, never a wrap. Rounding happens in two places only: down on the cumulative sum that is
 * cashed, up on a publisher's debit.
 */
#ifndef FOG_CLAIM_AMOUNT_H
#define FOG_CLAIM_AMOUNT_H

#include "core/base/err.h"
#include "core/base/types.h"

#define AMOUNT_SHIFT   30
#define AMOUNT_BPS_ALL 10000

struct amount {
    fog_u128 raw_units;
};

/* From and to the number on the wire, in a tree or in a database. */
static inline struct amount amount_of_units(fog_u128 units)
{
    return (struct amount){.raw_units = units};
}

static inline fog_u128 amount_units(struct amount a)
{
    return a.raw_units;
}

/* Exact; 64 x 64 bits always fit. */
struct amount amount_of_bytes(uint64_t bytes, uint64_t price_per_gib);

/* Whole token units; FOG_ERANGE above 2^98. */
int amount_of_tokens(fog_u128 tokens, struct amount *out) FOG_MUST_CHECK;

/* FOG_ERANGE on overflow or below zero; *out is untouched then. */
int amount_add(struct amount *out, struct amount a, struct amount b) FOG_MUST_CHECK;
int amount_sub(struct amount *out, struct amount a, struct amount b) FOG_MUST_CHECK;

/* a x bps / 10000, rounded down; bps <= 10000, else FOG_ERANGE. */
int amount_share(struct amount *out, struct amount a, uint32_t bps) FOG_MUST_CHECK;

int amount_cmp(struct amount a, struct amount b);
bool amount_is_zero(struct amount a);

/* Token units: what a payee gets for a cumulative sum, and what a publisher is debited for a row.
 */
fog_u128 amount_tokens_floor(struct amount a);
fog_u128 amount_tokens_ceil(struct amount a);

#endif
